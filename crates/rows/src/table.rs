//! Rows, wherever they come from: [`Table`] says what their columns are, a [`Source`] reads them in
//! batches.

mod batch;
mod chain;
mod extent;
mod readers;
mod record_batches;
mod source;

use std::path::{Path, PathBuf};

use arrow_schema::{DataType, SchemaRef};
use cstatns_base::civil_status::Field;
use cstatns_base::coded::ColumnName;
use cstatns_base::language::Words;
use cstatns_base::meta::Known;
use cstatns_base::words;

use crate::csv::Style;
use crate::error::{Like, TableError};
use crate::header::{decoded, folded};
use crate::packed::{Packing, extension};
use crate::parquet::flat_schema;

pub use batch::{Batch, Cells, Fill, Form, runs};
pub use extent::Extent;
pub use record_batches::RecordBatches;
pub use source::{Input, MOST_BYTES, Rows, Source, Stream};

/// The type of a file, told by its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `.csv`, `.txt`: a header line, RFC 4180; written with commas.
    Csv,
    /// The same, written otherwise: `.tsv` with tabs, `.csv.gz` or `.tsv.zst` compressed.
    Text(Text),
    /// `.parquet`.
    Parquet,
}

/// How text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// What stands between two fields.
    pub delimiter: u8,
    /// How it is compressed.
    pub packing: Option<Packing>,
    /// How it is written otherwise.
    pub style: Style,
}

impl From<u8> for Text {
    /// With this delimiter, not compressed.
    fn from(delimiter: u8) -> Self {
        Self { delimiter, packing: None, style: Style::default() }
    }
}

impl Format {
    /// The type of the file at `path`.
    ///
    /// # Errors
    /// [`TableError::FileType`] for any other extension.
    pub fn of(path: &Path) -> Result<Self, TableError> {
        let packing = Packing::of(path);
        let delimiter = match (extension(path).as_deref(), packing) {
            (Some("parquet"), None) => return Ok(Self::Parquet),
            (Some("csv" | "txt"), _) => b',',
            (Some("tsv"), _) => b'\t',
            _ => return Err(TableError::FileType { path: path.to_owned() }),
        };
        Ok(match (delimiter, packing) {
            (b',', None) => Self::Csv,
            _ => Self::Text(Text { packing, ..delimiter.into() }),
        })
    }

    /// How text of this type is written; none of what is not text.
    pub fn text(self) -> Option<Text> {
        match self {
            Self::Csv => Some(b','.into()),
            Self::Text(text) => Some(text),
            Self::Parquet => None,
        }
    }

    /// Whether it is text.
    pub fn is_text(self) -> bool {
        self.text().is_some()
    }
}

/// Columns of the files that travel.
const TRAVELLING: [&str; 6] = ["index", "identifier", "status", "code", "quality", "score"];

/// The most rows of a batch: they, and what is made of them, stay in the processor's cache.
pub const BATCH: usize = 8192;
/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text, which every column of a CSV file is.
    Text,
    /// Binary values of this many bytes.
    Fixed(i32),
    /// Whole numbers, floating-point numbers of this many bits, and days: see `plain`.
    Whole,
    /// Floating-point numbers of this many bits.
    Float(u8),
    /// Days.
    Day,
    /// Decimal numbers.
    Decimal,
    /// Nothing: every cell is null.
    Null,
    /// Binary values of any length, as which some programs write text.
    Bytes,
    /// Another type, by its name.
    Other(&'static Words),
}

impl Kind {
    /// The word for it.
    pub fn word(&self) -> &'static Words {
        match self {
            Self::Text => words!("text", "texte"),
            Self::Fixed(_) => words!("binary", "binaire"),
            Self::Whole => words!("whole numbers", "nombres entiers"),
            Self::Float(32) => {
                words!(
                    "floating-point numbers of 32 bits",
                    "nombres à virgule flottante de 32 bits"
                )
            }
            Self::Float(_) => {
                words!(
                    "floating-point numbers of 64 bits",
                    "nombres à virgule flottante de 64 bits"
                )
            }
            Self::Day => words!("dates", "dates"),
            Self::Decimal => words!("Decimal", "Decimal"),
            Self::Null => words!("Null", "Null"),
            Self::Bytes => words!("Binary", "Binary"),
            Self::Other(name) => name,
        }
    }
}

/// Whether values of this type are whole numbers.
pub fn is_whole(kind: &DataType) -> bool {
    kind.is_integer()
}

/// Whether values of this type are days. The day of a moment in a time zone depends on where it is
/// asked for, and so does that of a date of birth that was kept as one.
pub fn is_day(kind: &DataType) -> bool {
    matches!(kind, DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, None))
}

/// The word for a type of column that nothing is read from. Arrow's own text could quote the names
/// in a nested type.
fn word(kind: &DataType) -> &'static Words {
    match kind {
        DataType::Boolean => words!("Boolean", "Boolean"),
        DataType::Timestamp(..) => {
            words!("Timestamp with a time zone", "Timestamp avec un fuseau horaire")
        }
        DataType::Time32(_) | DataType::Time64(_) => words!("Time", "Time"),
        DataType::Duration(_) => words!("Duration", "Duration"),
        DataType::Interval(_) => words!("Interval", "Interval"),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            words!("Binary", "Binary")
        }
        DataType::FixedSizeBinary(_) => words!("FixedSizeBinary", "FixedSizeBinary"),
        DataType::Float16 => words!("Float16", "Float16"),
        DataType::Struct(_) => words!("Struct", "Struct"),
        DataType::Map(..) => words!("Map", "Map"),
        DataType::Union(..) => words!("Union", "Union"),
        DataType::Dictionary(..) => words!(
            "Dictionary of values that are not text",
            "Dictionary de valeurs qui ne sont pas du texte",
        ),
        DataType::RunEndEncoded(..) => words!("RunEndEncoded", "RunEndEncoded"),
        _ => words!("List", "List"),
    }
}

/// What is known of rows before they are read: where they come from, and their columns.
pub struct Table {
    path: PathBuf,
    is_file: bool,
    header: Vec<Vec<u8>>,
    /// The names as they stand in the file, where `header` has them decoded.
    raw: Option<Vec<Vec<u8>>>,
    /// See [`TableError::MissingColumn`].
    wider: Option<u64>,
    delimiter: u8,
    /// Of text: which names of the header are in quotes, and how it is written.
    quoted: Vec<bool>,
    style: Style,
    known: Option<Known>,
    schema: Option<SchemaRef>,
    rows: Option<u64>,
}

impl Table {
    /// The same of all files of a folder together.
    fn of_folder(self, folder: &Path, extent: Extent) -> Self {
        let rows = self.rows.map(|_| extent.rows);
        Self { path: folder.to_owned(), rows, ..self }
    }

    /// Where the file is; else what errors call the rows.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the rows are those of a file.
    pub fn is_file(&self) -> bool {
        self.is_file
    }

    /// The names of the columns, as bytes: those of a CSV file may be in any encoding, unless that
    /// was said.
    pub fn header(&self) -> &[Vec<u8>] {
        &self.header
    }

    /// The names of the columns as they stand in the file.
    pub fn written_header(&self) -> &[Vec<u8>] {
        self.raw.as_deref().unwrap_or(&self.header)
    }

    /// The line near the header of text on which there are more fields than in it: then titles may
    /// stand above the names.
    pub fn wider(&self) -> Option<u64> {
        self.wider
    }

    /// What stands between two fields, in CSV; else a comma.
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// How the text of another file with its columns is written: as they are, compressed as the
    /// name of that file says.
    pub fn text_beside(&self, path: &Path) -> Text {
        let (delimiter, style) = (self.delimiter, self.style);
        Text { delimiter, packing: Packing::of(path), style }
    }

    /// Whether the name of a column is in quotes, in text.
    pub fn is_quoted(&self, column: usize) -> bool {
        self.quoted.get(column).is_some_and(|quoted| *quoted)
    }

    /// What a Parquet file or a frame says about its codes; of a CSV file nothing is known.
    pub fn known(&self) -> Option<&Known> {
        self.known.as_ref()
    }

    /// How many rows there are, if that is known: of a Parquet file it is, of a CSV file it is not.
    pub fn rows(&self) -> Option<u64> {
        self.rows
    }

    /// The columns of a Parquet file or of a frame.
    pub fn schema(&self) -> Option<&SchemaRef> {
        self.schema.as_ref()
    }

    /// The same in the types in which their values are worked on, without dictionaries and views.
    pub fn worked_schema(&self) -> Option<SchemaRef> {
        self.schema.as_deref().map(flat_schema)
    }

    /// Where the column is that somebody named, by its name or by its number from 1, as `#1`; a
    /// name comes first.
    ///
    /// # Errors
    /// [`TableError::ColumnTwice`].
    pub fn find_named(&self, name: &str) -> Result<Option<usize>, TableError> {
        Ok(self.find(name)?.or_else(|| {
            let number = name.strip_prefix('#')?.parse::<usize>().ok()?.checked_sub(1)?;
            (number < self.header.len()).then_some(number)
        }))
    }

    /// The same of one that must be there.
    ///
    /// # Errors
    /// As [`Table::find_named`]; [`TableError::MissingColumn`], with the column that may be meant.
    pub fn need_named(&self, name: &str) -> Result<usize, TableError> {
        self.find_named(name)?.ok_or_else(|| self.missing_named(&[], name))
    }

    /// [`Table::missing`] of a column that somebody named: it says which may be meant.
    pub fn missing_named(&self, map: &[(Field, &str)], column: &str) -> TableError {
        let mut error = self.missing(map, column);
        let wanted = folded(column.as_bytes());
        let is_like = |name: &&Vec<u8>| !wanted.is_empty() && folded(name) == wanted;
        let at = self.header.iter().position(|name| is_like(&name));
        if let (Some(at), TableError::MissingColumn { like, found, .. }) = (at, &mut error) {
            let name = &self.header[at];
            *like = Some(Box::new(Like {
                // What was asked for stands there, but for its case and the like: it may be shown.
                name: ColumnName::at(decoded(name).as_bytes(), at),
                number: at as u64 + 1,
                is_utf_8: std::str::from_utf8(name).is_ok(),
            }));
            // The first line is a header for sure.
            *found = self.shown();
        }
        error
    }

    /// Where the column is, if there is one.
    pub fn find(&self, name: &str) -> Result<Option<usize>, TableError> {
        let mut found =
            (0..self.header.len()).filter(|column| self.header[*column] == name.as_bytes());
        let first = found.next();
        if found.next().is_some() {
            return Err(TableError::ColumnTwice { path: self.path.clone(), column: name.into() });
        }
        Ok(first)
    }

    /// Where the column is.
    pub fn need(&self, name: &str) -> Result<usize, TableError> {
        self.find(name)?.ok_or_else(|| self.missing(&[], name))
    }

    /// The error for a column that is not there. It shows those that are, if the first line is a
    /// header for sure: one of its names is known (of a field, by its own name or by that of `map`,
    /// or of a file that travels), or is the one asked for in another case, or two are known in
    /// another case. Else it may be somebody.
    pub fn missing(&self, map: &[(Field, &str)], column: &str) -> TableError {
        let fields = Field::ALL.iter().map(|field| field.name());
        let known: Vec<_> =
            fields.chain(map.iter().map(|(_, column)| *column)).chain(TRAVELLING).collect();
        // Read with another delimiter the names are one.
        let other = self.other_delimiter();
        let is_between = |byte: &u8| other.is_some_and(|other| *byte == other as u8);
        let names: Vec<_> = self.header.iter().flat_map(|name| name.split(is_between)).collect();
        let has = |name: &str| names.contains(&name.as_bytes());
        let like =
            |name: &str| names.iter().any(|found| found.eq_ignore_ascii_case(name.as_bytes()));
        let is_header = known.iter().any(|name| has(name))
            || like(column)
            || known.iter().filter(|name| like(name)).count() > 1;
        TableError::MissingColumn {
            path: self.path.clone(),
            wanted: column.into(),
            delimiter: other,
            wider: self.wider,
            like: None,
            found: if is_header { self.shown() } else { Vec::new() },
        }
    }

    /// What a header that was read as one field is parted by.
    fn other_delimiter(&self) -> Option<char> {
        let [header] = &self.header[..] else { return None };
        [';', ',', '\t', '|'].into_iter().find(|delimiter| header.contains(&(*delimiter as u8)))
    }

    /// Each column as errors may show it: by its name, or by its number where one of the names
    /// could be a value.
    pub fn shown_columns(&self) -> Vec<ColumnName> {
        match self.could_hold_values() {
            true => (0..self.header.len()).map(ColumnName::number).collect(),
            false => self.names().collect(),
        }
    }

    fn names(&self) -> impl Iterator<Item = ColumnName> {
        self.header.iter().enumerate().map(|(column, name)| ColumnName::at(name, column))
    }

    /// Whether one of the names of the columns could be a value.
    fn could_hold_values(&self) -> bool {
        self.header.iter().any(|name| ColumnName::could_be_value(name))
    }

    /// The names of the columns, for an error; none where one of them could be a value, because
    /// then the file may have no header, and its first row stands here.
    fn shown(&self) -> Vec<ColumnName> {
        if self.could_hold_values() {
            return Vec::new();
        }
        self.names().take(30).collect()
    }

    /// What a column holds.
    pub fn kind(&self, column: usize) -> Kind {
        let Some(schema) = &self.schema else { return Kind::Text };
        let is_text = |kind: &DataType| {
            matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        };
        let kind = schema.field(column).data_type();
        let values = if let DataType::Dictionary(_, values) = kind { values } else { kind };
        match values {
            _ if is_text(values) => Kind::Text,
            _ if is_whole(values) => Kind::Whole,
            _ if is_day(values) => Kind::Day,
            DataType::Float32 => Kind::Float(32),
            DataType::Float64 => Kind::Float(64),
            _ if values.is_decimal() => Kind::Decimal,
            DataType::Null => Kind::Null,
            DataType::Binary | DataType::LargeBinary if kind == values => Kind::Bytes,
            DataType::FixedSizeBinary(size) if kind == values => Kind::Fixed(*size),
            _ => Kind::Other(word(kind)),
        }
    }

    /// Refuses a column that is not of one of these kinds.
    pub fn need_kind(
        &self,
        column: usize,
        kinds: &[Kind],
        needed: &'static Words,
    ) -> Result<(), TableError> {
        let kind = self.kind(column);
        if kinds.contains(&kind) {
            return Ok(());
        }
        let size = if let Kind::Fixed(size) = kind { Some(size) } else { None };
        let found = kind.word();
        let (path, column) = (self.path.clone(), ColumnName::at(&self.header[column], column));
        Err(TableError::ColumnType { path, column, field: None, found, size, needed })
    }
}
