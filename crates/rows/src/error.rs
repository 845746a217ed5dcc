//! Why a file of rows was not read or written.

use std::io::ErrorKind;
use std::path::PathBuf;

use cstatns_base::code::{CodeError, Generation, Tag};
use cstatns_base::files::FileError;

/// Why a file of rows was not read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// `file-type`: the extension is not one of ours.
    #[error("{path:?} is neither .csv nor .parquet, which the name must end with: save it as one of them")]
    FileType {
        /// The file.
        path: PathBuf,
    },
    /// The file itself: [`FileError::code`].
    #[error(transparent)]
    File(#[from] FileError),
    /// `empty-file`: not even a header.
    #[error("{path:?} is empty: it needs a header with the names of its columns, and rows")]
    EmptyFile {
        /// The file.
        path: PathBuf,
    },
    /// `not-csv`: bytes that no CSV file begins with.
    #[error("{path:?} is not CSV but {found}: save it as CSV in UTF-8, or give it the extension of its type")]
    NotCsv {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// `no-rows`: a header and nothing below it.
    #[error("{path:?} has a header but no rows: check that it was exported completely")]
    NoRows {
        /// The file.
        path: PathBuf,
    },
    /// `ragged-row`: a row with more or fewer fields than the header.
    #[error(
        "{path:?}: row {row} (line {line}) has {found} fields, the header has {expected}: \
         check the delimiter and the quotes there"
    )]
    Ragged {
        /// The file.
        path: PathBuf,
        /// The row, from 1 below the header.
        row: u64,
        /// The line on which it begins, from 1.
        line: u64,
        /// Its fields.
        found: usize,
        /// Those of the header.
        expected: usize,
    },
    /// `open-quote`: a quoted field that does not end.
    #[error("{path:?}: a quote opened in the row at line {line} is never closed: add the missing quote")]
    OpenQuote {
        /// The file.
        path: PathBuf,
        /// The line on which the row begins, from 1.
        line: u64,
    },
    /// `text-after-quote`: a quoted field that goes on behind its closing quote.
    #[error(
        "{path:?}: text follows a closing quote at line {line}{}: write each quote inside a quoted cell twice (\"\", \
         not \\\"), and add the quote that is missing; or export the file again with quotes doubled (RFC 4180)",
        opened_before(*opened, *line)
    )]
    TextAfterQuote {
        /// The file.
        path: PathBuf,
        /// The line on which the text stands, from 1.
        line: u64,
        /// The line on which the field opened.
        opened: u64,
    },
    /// `identity-kept`: a cell over several lines, one of which holds an identifier with its right key.
    #[error(
        "{path:?}: a cell of column {column} goes over several lines{}, and one of them holds an identifier: a missing \
         quote has probably swallowed whole rows; correct the quotes there, or export the file again",
        begun(*line)
    )]
    Swallowed {
        /// The file.
        path: PathBuf,
        /// The column, by its name where that can be shown.
        column: String,
        /// In CSV, the line on which the row begins, from 1.
        line: Option<u64>,
    },
    /// `long-row`: a row that is too long to be one.
    #[error("{path:?}: the row at line {line} is longer than {limit} bytes: check the quotes there")]
    LongRow {
        /// The file.
        path: PathBuf,
        /// The line on which the row begins, from 1.
        line: u64,
        /// The most that is read, in bytes.
        limit: usize,
    },
    /// `parquet-damaged`: truncated, damaged or not Parquet.
    #[error(
        "{path:?} cannot be read as Parquet: it is truncated, damaged or of another type; fetch it again"
    )]
    Parquet {
        /// The file.
        path: PathBuf,
    },
    /// `parquet-unsupported`: a compression or type that is not read.
    #[error(
        "{path:?} uses a feature of Parquet that is not supported here: write it again with snappy or zstd \
         compression, or none"
    )]
    ParquetFeature {
        /// The file.
        path: PathBuf,
    },
    /// `parquet-too-large`: a column that would take too much memory to read, whatever the size of the file.
    #[error(
        "{path:?}: column {column:?} takes too much memory in row group {group}: write the file again with smaller pages \
         and row groups, and shorter values"
    )]
    WidePage {
        /// The file.
        path: PathBuf,
        /// The column, with those around it.
        column: String,
        /// The row group, from 1.
        group: u64,
    },
    /// `parquet-too-large`: a column whose every value takes too much.
    #[error(
        "{path:?}: column {column:?} has values of a fixed length that is more than {limit} bytes: leave the column out, or \
         write it with shorter values"
    )]
    WideColumn {
        /// The file.
        path: PathBuf,
        /// The column, with those around it.
        column: String,
        /// The most that a row of this file may take, in bytes.
        limit: u64,
    },
    /// `long-row`: a row of a Parquet file that takes too much.
    #[error(
        "{path:?}: row {row} takes more than {limit} bytes, most of them in column {column:?}: leave the column out, or \
         shorten the value"
    )]
    WideRow {
        /// The file.
        path: PathBuf,
        /// The column that takes most.
        column: String,
        /// The row, from 1.
        row: u64,
        /// The most that a row of this file may take, in bytes.
        limit: u64,
    },
    /// `parquet-time`: a timestamp in 96 bits that is not one in microseconds.
    #[error(
        "{path:?}: column {column:?} holds in row group {group} a timestamp in 96 bits (INT96) that microseconds do not hold \
         exactly: write the column again as a timestamp in nanoseconds, or as text"
    )]
    InexactTime {
        /// The file.
        path: PathBuf,
        /// The column, with those around it.
        column: String,
        /// The row group, from 1.
        group: u64,
    },
    /// `frame-unread`: what hands a frame over failed, or handed over other columns than it said.
    #[error(
        "the frame {name:?} cannot be read: what hands it over failed, or gives other columns than it said first"
    )]
    Frame {
        /// The frame.
        name: PathBuf,
    },
    /// `metadata`: the file's own metadata is not understood, or contradicts itself.
    #[error(
        "{path:?}: the metadata {key} is not what this version writes: fetch the file again from its source"
    )]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
    },
    /// `missing-column`.
    #[error("{path:?} has no column {wanted:?}; {}", found_columns(found, *delimiter))]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column asked for.
        wanted: String,
        /// What seems to stand between two fields, if another delimiter was expected.
        delimiter: Option<char>,
        /// The columns of the file; none where the first line may be a row.
        found: Vec<String>,
    },
    /// `column-twice`: which of them is meant cannot be told.
    #[error("{path:?} has the column {column:?} twice: rename one of them")]
    ColumnTwice {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// `column-type`: not a type for such a column.
    #[error("{path:?}: column {column:?} is of type {found}; {needed}")]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// The type it must have, and why.
        needed: &'static str,
    },
    /// `columns`: not the columns of such a file.
    #[error(
        "{path:?} does not have the columns of such a file: they must be {expected}, in this order, and no other"
    )]
    Columns {
        /// The file.
        path: PathBuf,
        /// The columns expected.
        expected: &'static str,
    },
    /// A row: [`RowFault::code`].
    #[error("{path:?}: row {row} {fault}")]
    Row {
        /// The file.
        path: PathBuf,
        /// The row, from 1 below the header.
        row: u64,
        /// What is wrong with it.
        fault: RowFault,
    },
    /// `not-whole`: a number that is no whole one, where only such can be read.
    #[error(
        "{path:?}: row {row} has a number in column {column:?} that is not whole, or too large to be kept exactly: \
         convert the column to text or whole numbers, or choose another one"
    )]
    NotWhole {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The row, from 1.
        row: u64,
    },
    /// `binary-codes`: binary codes do not say which domain and generation they are of.
    #[error(
        "{path:?} holds binary codes and its metadata does not say which domain and generation they are of: take the \
         file as it was delivered, or codes in text form"
    )]
    BinaryCodes {
        /// The file.
        path: PathBuf,
    },
    /// `disk-full` or `write-failed`: the output.
    #[error("{}", unwritten(*kind))]
    Write {
        /// What the operating system said.
        kind: ErrorKind,
    },
    /// `spill-changed`: what was put aside on disk did not come back as it was.
    #[error(
        "what was put aside on disk beside {beside:?} did not come back as it was written: check the disk, then repeat \
         the command"
    )]
    Spill {
        /// The file to write.
        beside: PathBuf,
    },
    /// `interrupted`: [`Progress::stop`](crate::effort::Progress::stop) was called.
    #[error(
        "stopped on request: nothing of the output is left, and what was read is untouched; repeat the command when you like"
    )]
    Interrupted,
    /// `unwritable-column`: a type that Parquet files can hold but that is not written.
    #[error(
        "a column of the data cannot be written as Parquet: convert columns of unusual types to text or numbers"
    )]
    Unwritable,
}

impl TableError {
    /// The same error where so many rows come before those that it counts from.
    pub fn after(mut self, rows: u64) -> Self {
        if let Self::Ragged { row, .. } | Self::Row { row, .. } | Self::NotWhole { row, .. } = &mut self {
            *row += rows;
        }
        self
    }

    /// The stable short code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::FileType { .. } => "file-type",
            Self::File(error) => error.code(),
            Self::EmptyFile { .. } => "empty-file",
            Self::NotCsv { .. } => "not-csv",
            Self::NoRows { .. } => "no-rows",
            Self::Ragged { .. } => "ragged-row",
            Self::OpenQuote { .. } => "open-quote",
            Self::TextAfterQuote { .. } => "text-after-quote",
            Self::Swallowed { .. } => "identity-kept",
            Self::LongRow { .. } => "long-row",
            Self::Parquet { .. } => "parquet-damaged",
            Self::ParquetFeature { .. } => "parquet-unsupported",
            Self::WidePage { .. } | Self::WideColumn { .. } => "parquet-too-large",
            Self::WideRow { .. } => "long-row",
            Self::InexactTime { .. } => "parquet-time",
            Self::Frame { .. } => "frame-unread",
            Self::Metadata { .. } => "metadata",
            Self::MissingColumn { .. } => "missing-column",
            Self::ColumnTwice { .. } => "column-twice",
            Self::ColumnType { .. } => "column-type",
            Self::Columns { .. } => "columns",
            Self::Row { fault, .. } => fault.code(),
            Self::NotWhole { .. } => "not-whole",
            Self::BinaryCodes { .. } => "binary-codes",
            Self::Write { kind: ErrorKind::StorageFull | ErrorKind::QuotaExceeded } => "disk-full",
            Self::Write { .. } => "write-failed",
            Self::Spill { .. } => "spill-changed",
            Self::Interrupted => "interrupted",
            Self::Unwritable => "unwritable-column",
        }
    }
}

fn opened_before(opened: u64, line: u64) -> String {
    if opened == line { String::new() } else { format!(" (its cell opens at line {opened})") }
}

fn begun(line: Option<u64>) -> String {
    line.map_or_else(String::new, |line| format!(" in the row at line {line}"))
}

fn unwritten(kind: ErrorKind) -> String {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "no space is left for the output: free some, then repeat the command".to_owned()
        }
        _ => format!("the output cannot be written ({kind}): check the disk, then repeat the command"),
    }
}

fn found_columns(found: &[String], delimiter: Option<char>) -> String {
    let mut text = match found {
        [] => "the first line must give the names of the columns".to_owned(),
        _ => format!("it has {}", found.join(", ")),
    };
    match delimiter {
        Some('\t') => text.push_str("; its fields seem to be parted by tabs: give --delimiter tab"),
        Some(delimiter) => text.push_str(&format!("; try --delimiter '{delimiter}'")),
        None => {}
    }
    text
}

/// What is wrong with a row; it continues "row 17 …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowFault {
    /// `index-form`.
    #[error("has an index that is not 32 lower-case hexadecimal digits: prepare the file again")]
    Index,
    /// `index-order`: a duplicate, or rows that were sorted or moved.
    #[error(
        "has an index that does not come after the one above it: keep the file as it was written, unsorted by hand"
    )]
    Order,
    /// `identifier-form`: the reason's word, never the value.
    #[error("holds no identifier in the compact form ({reason}): prepare the request again from the data")]
    Identifier {
        /// The reason: a word of `cstatns_base::identifier::Reason`, or `not-compact`.
        reason: &'static str,
    },
    /// `civil-status-form`: a cell that `prepare` lets nobody send.
    #[error("holds in `{field}` what cannot be read as that: prepare the request again from the data")]
    CivilStatus {
        /// The column.
        field: &'static str,
    },
    /// [`CodeError::code`].
    #[error("holds what is {0}")]
    Code(#[from] CodeError),
    /// `other-codes`: a code of another domain, service or generation than is expected there.
    #[error(
        "holds a code of generation {} with the tag {}, expected generation {} with the tag {}: \
         keep the codes of each domain and generation in files of their own",
        found.1, found.0, expected.1, expected.0
    )]
    OtherCodes {
        /// The tag and generation of the code.
        found: (Tag, Generation),
        /// Those that are expected.
        expected: (Tag, Generation),
    },
    /// `not-utf-8`: the selected column is in another encoding.
    #[error(
        "holds bytes in the selected column that are not UTF-8: convert the file first, for example with \
         iconv -f WINDOWS-1252 -t UTF-8"
    )]
    Encoding,
    /// `word-form`: not a word of `status` or `quality`, or not a score.
    #[error("has an invalid `status`, `quality` or `score`: use the file exactly as cstatns wrote it")]
    Word,
    /// `rows-disagree`: a code where the data had no value, or none where it had one.
    #[error(
        "has a result that does not go with what `prepare` found there: check that both files are of one request"
    )]
    Disagree,
}

impl RowFault {
    /// The stable short code of this fault.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Index => "index-form",
            Self::Order => "index-order",
            Self::Identifier { .. } => "identifier-form",
            Self::CivilStatus { .. } => "civil-status-form",
            Self::Code(error) => error.code(),
            Self::OtherCodes { .. } => "other-codes",
            Self::Encoding => "not-utf-8",
            Self::Word => "word-form",
            Self::Disagree => "rows-disagree",
        }
    }
}
