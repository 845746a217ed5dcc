//! Why a file of rows was not read or written.

mod packed;
mod row;

use std::io::ErrorKind;
use std::path::PathBuf;

use cstatns_base::civil_status::Field;
use cstatns_base::coded::ColumnName;
use cstatns_base::files::FileError;
use cstatns_base::language::Words;
use cstatns_base::words;

pub use packed::PackedFault;
pub use row::RowFault;

/// What a file in UTF-16 is found to be.
pub(crate) const UTF_16: &Words = words!("text in UTF-16", "du texte en UTF-16");

/// Why a file of rows was not read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// `file-type`: the extension is not one of ours.
    #[error(
        "{path:?} does not end with .csv, .tsv or .txt (perhaps with .gz or .zst behind it) or with .parquet"
    )]
    FileType {
        /// The file.
        path: PathBuf,
    },
    /// The file itself: [`FileError`].
    #[error(transparent)]
    File(#[from] FileError),
    /// `piped-parquet`: Parquet is read from its end.
    #[error("{path:?} cannot be piped in: Parquet is read from its end")]
    PipedParquet {
        /// What it is called.
        path: PathBuf,
    },
    /// `no-parts`: a folder without parts of a request or a result.
    #[error("there is no part of a request or a result in the folder {path:?}")]
    NoParts {
        /// The folder.
        path: PathBuf,
    },
    /// `part-other`: a part has other columns or marks than the others.
    #[error("the part {path:?} has other columns or another type than the parts before it")]
    PartOther {
        /// The part.
        path: PathBuf,
    },
    /// `part-folder`: a folder among the parts, as engines write it for a partition.
    #[error("the folder {path:?} lies among the parts of a request or a result")]
    PartFolder {
        /// The folder that lies there.
        path: PathBuf,
    },
    /// `empty-file`: not even a header.
    #[error("{path:?} is empty")]
    EmptyFile {
        /// The file.
        path: PathBuf,
    },
    /// `not-csv`: bytes that no CSV file begins with.
    #[error("{path:?} is not CSV but {found}")]
    NotCsv {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: &'static Words,
    },
    /// `compressed-truncated`, `compressed-damaged`, `compressed-window`: compressed text that
    /// cannot be read.
    #[error("{path:?}: {packing} {}", fault.words())]
    Packed {
        /// The file.
        path: PathBuf,
        /// How it is compressed.
        packing: &'static str,
        /// What is wrong with it.
        fault: PackedFault,
    },
    /// `no-rows`: a header and nothing below it.
    #[error("{path:?} has a header but no rows")]
    NoRows {
        /// The file.
        path: PathBuf,
    },
    /// `ragged-row`: a row with more or fewer fields than the header.
    #[error("{path:?}: row {row} (line {line}) has {found} fields, the header has {expected}")]
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
    #[error("{path:?}: a quote opened in the row at line {line} is never closed")]
    OpenQuote {
        /// The file.
        path: PathBuf,
        /// The line on which the row begins, from 1.
        line: u64,
    },
    /// `text-after-quote`: a quoted field that goes on behind its closing quote.
    #[error("{path:?}: text follows a closing quote at line \
        {line}{}", opened_before(*opened, *line))]
    TextAfterQuote {
        /// The file.
        path: PathBuf,
        /// The line on which the text stands, from 1.
        line: u64,
        /// The line on which the field opened.
        opened: u64,
    },
    /// `identity-kept`: a cell over several lines, one of which holds an identifier with its right
    /// key.
    #[error(
        "{path:?}: a cell of column {column} goes over several lines{}, and one of them holds an \
        identifier (a missing \
         quote has probably swallowed whole rows)",
        begun(*line)
    )]
    Swallowed {
        /// The file.
        path: PathBuf,
        /// The column, by its name where that can be shown.
        column: ColumnName,
        /// In CSV, the line on which the row begins, from 1.
        line: Option<u64>,
    },
    /// `long-row`: a row that is too long to be one.
    #[error("{path:?}: the row at line {line} is longer than {limit} bytes")]
    LongRow {
        /// The file.
        path: PathBuf,
        /// The line on which the row begins, from 1.
        line: u64,
        /// The most that is read, in bytes.
        limit: usize,
    },
    /// `parquet-damaged`: truncated, damaged or not Parquet.
    #[error("{path:?} cannot be read as Parquet (it is truncated, damaged or of another type)")]
    Parquet {
        /// The file.
        path: PathBuf,
    },
    /// `not-parquet`: text that is called Parquet.
    #[error("{path:?} is not Parquet but text")]
    NotParquet {
        /// The file.
        path: PathBuf,
    },
    /// `parquet-unsupported`: a type that is not read.
    #[error("{path:?} uses a feature of Parquet that is not supported here")]
    ParquetFeature {
        /// The file.
        path: PathBuf,
    },
    /// `parquet-unsupported`: a compression that is not read.
    #[error("{path:?} is compressed with {codec}, which is not read here")]
    ParquetCodec {
        /// The file.
        path: PathBuf,
        /// The compression.
        codec: &'static str,
    },
    /// `not-utf-8`: a column of text holds bytes that are not UTF-8.
    #[error("{path:?}: a column of text holds bytes that are not UTF-8")]
    ParquetText {
        /// The file.
        path: PathBuf,
    },
    /// `parquet-too-large`: a column that would take too much memory to read, whatever the size of
    /// the file.
    #[error("{path:?}: column {column:?} takes too much memory in row group {group}")]
    WidePage {
        /// The file.
        path: PathBuf,
        /// The column, with those around it.
        column: ColumnName,
        /// The row group, from 1.
        group: u64,
    },
    /// `parquet-too-large`: a column whose every value takes too much.
    #[error(
        "{path:?}: column {column:?} has values of a fixed length that is more than {limit} bytes"
    )]
    WideColumn {
        /// The file.
        path: PathBuf,
        /// The column, with those around it.
        column: ColumnName,
        /// The most that a row of this file may take, in bytes.
        limit: u64,
    },
    /// `long-row`: a row of a Parquet file that takes too much.
    #[error("{path:?}: row {row} takes more than {limit} bytes, most of them in column {column:?}")]
    WideRow {
        /// The file.
        path: PathBuf,
        /// The column that takes most.
        column: ColumnName,
        /// The row, from 1.
        row: u64,
        /// The most that a row of this file may take, in bytes.
        limit: u64,
    },
    /// `parquet-time`: a timestamp in 96 bits that is not one in microseconds.
    #[error(
        "{path:?}: column {column:?} holds in row group {group} a timestamp in 96 bits (INT96) \
        that microseconds do not \
         hold exactly"
    )]
    InexactTime {
        /// The file.
        path: PathBuf,
        /// The column, with those around it.
        column: ColumnName,
        /// The row group, from 1.
        group: u64,
    },
    /// `frame-unread`: what hands a frame over failed, or handed over other columns than it said.
    #[error(
        "the frame {name:?} cannot be read: what hands it over failed, or gives other columns than \
        it said first"
    )]
    Frame {
        /// The frame.
        name: PathBuf,
    },
    /// `metadata`: the file's own metadata is not understood, or contradicts itself.
    #[error("{path:?}: the metadata {key} is not what this version writes")]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
    },
    /// `missing-column`.
    #[error(
        "{path:?} has no column {wanted:?}; {}{}",
        found_columns(found, *delimiter, *wider),
        meant(like.as_deref())
    )]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column asked for.
        wanted: ColumnName,
        /// What seems to stand between two fields, if another delimiter was expected.
        delimiter: Option<char>,
        /// The line near the first one on which there are more fields: titles may stand above the
        /// names.
        wider: Option<u64>,
        /// The column that may be meant.
        like: Option<Box<Like>>,
        /// The columns of the file; none where the first line may be a row.
        found: Vec<ColumnName>,
    },
    /// `column-twice`: it is not clear which of them is meant.
    #[error("{path:?} has the column {column:?} twice")]
    ColumnTwice {
        /// The file.
        path: PathBuf,
        /// The column.
        column: ColumnName,
    },
    /// `column-type`: not a type for such a column.
    #[error("{path:?}: column {column:?} is of type {found}{}; {needed}", sized(*size))]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The column.
        column: ColumnName,
        /// The field of civil status that it is for, if it is for one.
        field: Option<Field>,
        /// Its type.
        found: &'static Words,
        /// The bytes of its values, where they are of one size.
        size: Option<i32>,
        /// The type that it must have, and why.
        needed: &'static Words,
    },
    /// `column-type`: identifiers that are numbers, where nobody asked for them.
    #[error(
        "{path:?}: column {column:?} is of type {found}; identifiers are text: a number cannot hold \
        2A or 2B"
    )]
    Numbers {
        /// The file.
        path: PathBuf,
        /// The column.
        column: ColumnName,
        /// Its type.
        found: &'static Words,
    },
    /// `columns`: not the columns of such a file.
    #[error(
        "{path:?} does not have the columns of such a file (they must be {expected}, in this \
        order, and no other)"
    )]
    Columns {
        /// The file.
        path: PathBuf,
        /// The columns expected.
        expected: &'static str,
    },
    /// A row: [`RowFault`].
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
        "{path:?}: row {row} has a number in column {column:?} that is not whole, or too large to \
        be kept exactly"
    )]
    NotWhole {
        /// The file.
        path: PathBuf,
        /// The column.
        column: ColumnName,
        /// The row, from 1.
        row: u64,
    },
    /// `binary-codes`: binary codes do not say which domain and generation they are of.
    #[error(
        "{path:?} holds binary codes and its metadata does not say which domain and generation \
        they are of"
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
    #[error("what was put aside on disk beside {beside:?} did not come back as it was written")]
    Spill {
        /// The file to write.
        beside: PathBuf,
    },
    /// `interrupted`: [`Progress::stop`](crate::effort::Progress::stop) was called.
    #[error("stopped on request (nothing of the output is left, and what was read is untouched)")]
    Interrupted,
    /// `unwritable-column`: a type that Parquet files can hold but that is not written.
    #[error("a column of the data cannot be written as Parquet")]
    Unwritable,
}

impl TableError {
    /// The same error where so many rows come before those that it counts from.
    pub fn after(mut self, rows: u64) -> Self {
        if let Self::Ragged { row, .. } | Self::Row { row, .. } | Self::NotWhole { row, .. } =
            &mut self
        {
            *row += rows;
        }
        self
    }
}

cstatns_base::coded!(TableError {
    Self::FileType { path } => ("file-type", Input, [path]),
    Self::File(error) => (error),
    Self::PipedParquet { path } => ("piped-parquet", Input, [path]),
    Self::NoParts { path } => ("no-parts", Input, [path]),
    Self::PartOther { path } => ("part-other", Input, [path]),
    Self::PartFolder { path } => ("part-folder", Input, [path]),
    Self::EmptyFile { path } => ("empty-file", Input, [path]),
    Self::NotCsv { path, found } => ("not-csv", Input, [path, found, wide: (*found == UTF_16).then_some("yes")]),
    Self::Packed { path, packing, fault: PackedFault::Truncated } => ("compressed-truncated", Input, [path, packing]),
    Self::Packed { path, packing, fault: PackedFault::Damaged } => ("compressed-damaged", Input, [path, packing]),
    Self::Packed { path, packing, fault: PackedFault::Window } => ("compressed-window", Input, [path, packing]),
    Self::NoRows { path } => ("no-rows", Input, [path]),
    Self::Ragged { path, row, line, found, expected } => ("ragged-row", Input, [path, row, line, found, expected]),
    Self::OpenQuote { path, line } => ("open-quote", Input, [path, line]),
    Self::TextAfterQuote { path, line, opened } => ("text-after-quote", Input, [path, line, opened]),
    Self::Swallowed { path, column, line } => ("identity-kept", Input, [path, column, line]),
    Self::LongRow { path, line, limit } => ("long-row", Input, [path, line, limit]),
    Self::NotParquet { path } => ("not-parquet", Input, [path]),
    Self::Parquet { path } => ("parquet-damaged", Input, [path]),
    Self::ParquetText { path } => ("not-utf-8", Input, [path, kind: "text"]),
    Self::ParquetFeature { path } => ("parquet-unsupported", Input, [path]),
    Self::ParquetCodec { path, codec } => ("parquet-unsupported", Input, [path, codec]),
    Self::WidePage { path, column, group } => ("parquet-too-large", Input, [path, column, group]),
    Self::WideColumn { path, column, limit } => ("parquet-too-large", Input, [path, column, limit]),
    Self::WideRow { path, column, row, limit } => ("long-row", Input, [path, column, row, limit]),
    Self::InexactTime { path, column, group } => ("parquet-time", Input, [path, column, group]),
    Self::Frame { name } => ("frame-unread", OtherSide, [path: *name]),
    Self::Metadata { path, key } => ("metadata", Input, [path, key]),
    Self::MissingColumn { path, wanted, delimiter, wider, like, found } => (
        "missing-column", Input,
        [path, column: *wanted, delimiter, titles: wider.filter(|_| found.is_empty() && like.is_none()),
         encoded: like.as_ref().filter(|like| !like.is_utf_8).map(|like| like.number),
         like: like.as_ref().map(|like| like.number)]
    ),
    Self::ColumnTwice { path, column } => ("column-twice", Input, [path, column]),
    Self::ColumnType { path, column, field, .. } => ("column-type", Input, [path, column, field]),
    Self::Numbers { path, column, found } => ("column-type", Input, [path, column, numbers: *found]),
    Self::Columns { path, expected } => ("columns", Input, [path]),
    Self::Row { path, row, fault } => (fault, Input, [path, row]),
    Self::NotWhole { path, column, row } => ("not-whole", Input, [path, column, row]),
    Self::BinaryCodes { path } => ("binary-codes", Input, [path]),
    Self::Write { kind: ErrorKind::StorageFull | ErrorKind::QuotaExceeded } => ("disk-full", Machine, []),
    Self::Write { kind: ErrorKind::FileTooLarge } => ("file-size-limit", Machine, []),
    Self::Write { kind } => ("write-failed", Machine, [kind]),
    Self::Spill { beside } => ("spill-changed", Machine, [path: *beside]),
    Self::Interrupted => ("interrupted", Input, []),
    Self::Unwritable => ("unwritable-column", Input, []),
});

fn opened_before(opened: u64, line: u64) -> String {
    if opened == line { String::new() } else { format!(" (its cell opens at line {opened})") }
}

fn begun(line: Option<u64>) -> String {
    line.map_or_else(String::new, |line| format!(" in the row at line {line}"))
}

fn sized(bytes: Option<i32>) -> String {
    bytes.map_or_else(String::new, |bytes| format!(" of {bytes} bytes"))
}

fn unwritten(kind: ErrorKind) -> String {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "no space is left for the output".to_owned()
        }
        ErrorKind::FileTooLarge => {
            "the output would be larger than the system lets a file be".to_owned()
        }
        _ => format!("the output cannot be written ({})", cstatns_base::files::words(kind)),
    }
}

fn found_columns(found: &[ColumnName], delimiter: Option<char>, wider: Option<u64>) -> String {
    let mut text = match found {
        [] if wider.is_some() => format!(
            "the first line, which must give the names of the columns, has fewer names than line {} has \
            fields",
            wider.unwrap_or_default()
        ),
        [] => "the first line must give the names of the columns".to_owned(),
        _ => {
            let names: Vec<String> = found.iter().map(ColumnName::to_string).collect();
            format!("it has {}", names.join(", "))
        }
    };
    match delimiter {
        Some('\t') => text.push_str("; its fields seem to be separated by tabs"),
        Some(delimiter) => {
            text.push_str(&format!("; its fields seem to be separated by '{delimiter}'"))
        }
        None => {}
    }
    text
}

/// A column that may be meant by a name that no column has: in another case, with other accents,
/// separators or white space, or in another encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Like {
    /// Its name.
    pub name: ColumnName,
    /// Its number, from 1.
    pub number: u64,
    /// Whether its name is UTF-8.
    pub is_utf_8: bool,
}

fn meant(like: Option<&Like>) -> String {
    let Some(Like { name, number, is_utf_8 }) = like else { return String::new() };
    let how = if *is_utf_8 { "spelt otherwise" } else { "in another encoding" };
    format!("; column {number} is {name:?}, {how}")
}
