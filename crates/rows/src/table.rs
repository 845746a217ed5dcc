//! Rows of a file, whatever its type: [`Source`] reads them in batches.

mod batch;

use std::path::{Path, PathBuf};

use arrow_schema::{DataType, SchemaRef};
use cstatns_base::civil_status::Field;
use cstatns_base::coded::ColumnName;
use cstatns_base::meta::Known;

use crate::csv::{self, Delimiter};
use crate::error::TableError;
use crate::parquet;

pub use batch::{Batch, Cells};

/// The type of a file, told by its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `.csv`: a header line, RFC 4180.
    Csv,
    /// `.parquet`.
    Parquet,
}

impl Format {
    /// The type of the file at `path`.
    ///
    /// # Errors
    /// [`TableError::FileType`] for any other extension.
    pub fn of(path: &Path) -> Result<Self, TableError> {
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("csv") => Ok(Self::Csv),
            Some("parquet") => Ok(Self::Parquet),
            _ => Err(TableError::FileType { path: path.to_owned() }),
        }
    }
}

/// Columns of the files that travel.
const TRAVELLING: [&str; 6] = ["index", "identifier", "status", "code", "quality", "score"];

/// The most rows of a batch: they, and what is made of them, stay in the processor's cache.
pub const BATCH: usize = 8192;
/// The most batches that are read at once: wide rows make small ones. And the bytes from which on there is no further one.
const MOST_BATCHES: usize = 64;
/// From so many bytes on there is no further batch.
pub const MOST_BYTES: usize = 24 << 20;

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
    /// Another type, by its name.
    Other(&'static str),
}

/// Whether values of this type are whole numbers.
pub fn is_whole(kind: &DataType) -> bool {
    kind.is_integer()
}

/// Whether values of this type are days. The day of a moment in a time zone depends on where it is asked for, and so does that
/// of a date of birth that was kept as one.
pub fn is_day(kind: &DataType) -> bool {
    matches!(kind, DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, None))
}

/// The word for a type of column that nothing is read from. Arrow's own text could quote the names in a nested type.
fn word(kind: &DataType) -> &'static str {
    match kind {
        DataType::Null => "Null",
        DataType::Boolean => "Boolean",
        DataType::Timestamp(..) => "Timestamp with a time zone",
        DataType::Time32(_) | DataType::Time64(_) => "Time",
        DataType::Duration(_) => "Duration",
        DataType::Interval(_) => "Interval",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "Binary",
        DataType::FixedSizeBinary(_) => "FixedSizeBinary",
        DataType::Float16 => "Float16",
        DataType::Struct(_) => "Struct",
        DataType::Map(..) => "Map",
        DataType::Union(..) => "Union",
        DataType::Dictionary(..) => "Dictionary of values that are not text",
        DataType::RunEndEncoded(..) => "RunEndEncoded",
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => "Decimal",
        _ => "List",
    }
}

/// How large a file is.
#[derive(Clone, Copy)]
pub struct Extent {
    /// The rows of a Parquet file; those of a CSV file are not known, and 0 here.
    pub rows: u64,
    /// The bytes of the file on disk.
    pub length: u64,
    /// The bytes of a CSV file. Of a Parquet file what all rows would take in memory, to go by the first.
    pub bytes: u64,
}

impl Extent {
    /// In a unit of its own type: rows if they are known, else bytes. See [`Batch::size`].
    pub fn size(self) -> u64 {
        if self.rows > 0 { self.rows } else { self.bytes }
    }
}

/// Rows that are read.
pub struct Source {
    path: PathBuf,
    reader: Reader,
    /// The rows that `next` has given out.
    rows: u64,
    /// What stopped a block that has rows before it.
    stopped: Option<TableError>,
}

enum Reader {
    Csv(Box<csv::Reader>),
    Parquet(Box<parquet::Reader>),
}

impl Source {
    /// Opens a file by its extension.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn open(path: &Path, delimiter: Delimiter<'_>) -> Result<Self, TableError> {
        let reader = match Format::of(path)? {
            Format::Csv => Reader::Csv(Box::new(csv::Reader::open(path, delimiter, csv::WINDOW)?)),
            Format::Parquet => Reader::Parquet(Box::new(parquet::Reader::open(path, BATCH)?)),
        };
        Ok(Self { path: path.to_owned(), reader, rows: 0, stopped: None })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of the columns, as bytes: those of a CSV file may be in any encoding.
    pub fn header(&self) -> &[Vec<u8>] {
        match &self.reader {
            Reader::Csv(reader) => reader.header(),
            Reader::Parquet(reader) => reader.header(),
        }
    }

    /// What stands between two fields, in CSV.
    pub fn delimiter(&self) -> u8 {
        match &self.reader {
            Reader::Csv(reader) => reader.delimiter(),
            Reader::Parquet(_) => b',',
        }
    }

    /// What a Parquet file says about its codes; of a CSV file nothing is known.
    pub fn known(&self) -> Option<&Known> {
        match &self.reader {
            Reader::Csv(_) => None,
            Reader::Parquet(reader) => Some(reader.known()),
        }
    }

    /// Where the column is, if there is one.
    pub fn find(&self, name: &str) -> Result<Option<usize>, TableError> {
        let mut found = (0..self.header().len()).filter(|column| self.header()[*column] == name.as_bytes());
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

    /// The error for a column that is not there. It shows those that are, if the first line is a header for sure: one of its
    /// names is known (of a field, by its own name or by that of `map`, or of a file that travels), or is the one asked for in
    /// another case, or two are known in another case. Else it may be somebody.
    pub fn missing(&self, map: &[(Field, &str)], column: &str) -> TableError {
        let fields = Field::ALL.iter().map(|field| field.name());
        let known: Vec<_> = fields.chain(map.iter().map(|(_, column)| *column)).chain(TRAVELLING).collect();
        // Read with another delimiter the names are one.
        let other = self.other_delimiter();
        let is_between = |byte: &u8| other.is_some_and(|other| *byte == other as u8);
        let names: Vec<_> = self.header().iter().flat_map(|name| name.split(is_between)).collect();
        let has = |name: &str| names.contains(&name.as_bytes());
        let like = |name: &str| names.iter().any(|found| found.eq_ignore_ascii_case(name.as_bytes()));
        let is_header = known.iter().any(|name| has(name))
            || like(column)
            || known.iter().filter(|name| like(name)).count() > 1;
        TableError::MissingColumn {
            path: self.path.clone(),
            wanted: column.into(),
            delimiter: other,
            found: if is_header { self.shown() } else { Vec::new() },
        }
    }

    /// What a header that was read as one field is parted by.
    fn other_delimiter(&self) -> Option<char> {
        let [header] = self.header() else { return None };
        [';', ',', '\t', '|'].into_iter().find(|delimiter| header.contains(&(*delimiter as u8)))
    }

    /// Each column as errors may show it: by its name, or by its number where one of the names could be a value.
    pub fn shown_columns(&self) -> Vec<ColumnName> {
        match self.could_hold_values() {
            true => (0..self.header().len()).map(ColumnName::number).collect(),
            false => self.names().collect(),
        }
    }

    fn names(&self) -> impl Iterator<Item = ColumnName> {
        self.header().iter().enumerate().map(|(column, name)| ColumnName::at(name, column))
    }

    /// Whether one of the names of the columns could be a value.
    fn could_hold_values(&self) -> bool {
        self.header().iter().any(|name| ColumnName::could_be_value(name))
    }

    /// The names of the columns, for an error; none where one of them could be a value, because then the file may have no
    /// header, and its first row stands here.
    fn shown(&self) -> Vec<ColumnName> {
        if self.could_hold_values() {
            return Vec::new();
        }
        self.names().take(30).collect()
    }

    /// What a column holds.
    pub fn kind(&self, column: usize) -> Kind {
        let reader = match &self.reader {
            Reader::Csv(_) => return Kind::Text,
            Reader::Parquet(reader) => reader,
        };
        let is_text =
            |kind: &DataType| matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        let kind = reader.schema().field(column).data_type();
        let values = if let DataType::Dictionary(_, values) = kind { values } else { kind };
        match values {
            _ if is_text(values) => Kind::Text,
            _ if is_whole(values) => Kind::Whole,
            _ if is_day(values) => Kind::Day,
            DataType::Float32 => Kind::Float(32),
            DataType::Float64 => Kind::Float(64),
            DataType::FixedSizeBinary(size) if kind == values => Kind::Fixed(*size),
            _ => Kind::Other(word(kind)),
        }
    }

    /// Refuses a column that is not of one of these kinds.
    pub fn need_kind(&self, column: usize, kinds: &[Kind], needed: &'static str) -> Result<(), TableError> {
        let kind = self.kind(column);
        if kinds.contains(&kind) {
            return Ok(());
        }
        let (found, size) = match kind {
            Kind::Text => ("text", None),
            Kind::Fixed(size) => ("binary", Some(size)),
            Kind::Whole => ("whole numbers", None),
            Kind::Float(32) => ("floating-point numbers of 32 bits", None),
            Kind::Float(_) => ("floating-point numbers of 64 bits", None),
            Kind::Day => ("dates", None),
            Kind::Other(name) => (name, None),
        };
        let (path, column) = (self.path.clone(), ColumnName::at(&self.header()[column], column));
        Err(TableError::ColumnType { path, column, field: None, found, size, needed })
    }

    /// The rows of a Parquet file; those of a CSV file are not known.
    pub fn rows(&self) -> Option<u64> {
        match &self.reader {
            Reader::Csv(_) => None,
            Reader::Parquet(reader) => Some(reader.rows()),
        }
    }

    /// The columns of a Parquet file.
    pub fn schema(&self) -> Option<&SchemaRef> {
        match &self.reader {
            Reader::Csv(_) => None,
            Reader::Parquet(reader) => Some(reader.schema()),
        }
    }

    /// How large the file is.
    pub fn extent(&self) -> Result<Extent, TableError> {
        match &self.reader {
            Reader::Csv(reader) => Ok(Extent { rows: 0, length: reader.length(), bytes: reader.length() }),
            Reader::Parquet(reader) => {
                let first = parquet::Reader::open(&self.path, BATCH)?.next(&self.path)?;
                let width = first.map_or(0, |first| first.get_array_memory_size() / first.num_rows().max(1));
                let rows = reader.rows();
                Ok(Extent { rows, length: reader.length(), bytes: rows.saturating_mul(width as u64) })
            }
        }
    }

    /// From now on a row of a CSV file with more or fewer fields than the header is no error: [`Batch::ragged`] has its line.
    pub fn set_ragged_apart(&mut self) {
        if let Reader::Csv(reader) = &mut self.reader {
            reader.set_ragged_apart();
        }
    }

    /// Fills `batch` with the next rows, of a CSV file at most `limit`; false at the end of the file. They are there after
    /// [`Batch::split`].
    pub fn fill(&mut self, batch: &mut Batch, limit: usize) -> Result<bool, TableError> {
        match &mut self.reader {
            Reader::Csv(reader) => {
                if !matches!(batch, Batch::Csv(_)) {
                    *batch = Batch::Csv(csv::Batch::default());
                }
                let Batch::Csv(batch) = batch else { unreachable!("made above") };
                reader.next(&self.path, batch, limit.min(BATCH))
            }
            Reader::Parquet(reader) => {
                let found = reader.next(&self.path)?;
                let more = found.is_some();
                *batch = found.map_or(Batch::None, Batch::Parquet);
                Ok(more)
            }
        }
    }

    /// Fills the first `filled` of `batches` with the next rows: `rows` of them, or one batch if that has more; false at the
    /// end of the file. An error is that of a block of its own: those in the batches before it come first.
    pub fn fill_all(
        &mut self,
        batches: &mut Vec<Batch>,
        filled: &mut usize,
        rows: usize,
    ) -> Result<bool, TableError> {
        let (mut lines, mut bytes) = (0, 0);
        *filled = 0;
        if let Some(error) = self.stopped.take() {
            return Err(error);
        }
        while *filled == 0 || (lines < rows && bytes < MOST_BYTES && *filled < MOST_BATCHES) {
            if batches.len() == *filled {
                batches.push(Batch::None);
            }
            match self.fill(&mut batches[*filled], rows.saturating_sub(lines).max(1)) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if *filled > 0 => {
                    self.stopped = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
            lines += batches[*filled].lines();
            bytes += batches[*filled].bytes();
            *filled += 1;
        }
        Ok(*filled > 0)
    }

    /// The next rows, for who reads them one batch after the other; none at the end of the file.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, TableError> {
        let mut batch = Batch::None;
        let filled = self.fill(&mut batch, BATCH).and_then(|found| {
            batch.split(&self.path)?;
            Ok(found)
        });
        let found = filled.map_err(|error| error.after(self.rows))?;
        self.rows += batch.rows() as u64;
        Ok(found.then_some(batch))
    }
}
