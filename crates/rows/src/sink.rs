//! Rows on their way out: an [`Encoding`] encodes them, in any thread; a [`Sink`] takes what was
//! encoded, in order.
//!
//! There are four: [`csv()`] and [`parquet()`] write files ([`parquet_beside()`] with what another
//! one says of itself), [`copy()`] puts columns before those of a Parquet file, [`frames()`] hands
//! rows to the program as record batches. Columns that are kept as they are go only where rows have
//! the same form in memory: the compiler sees to it.

mod arrays;
mod frames;
mod lines;
mod row_groups;

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, FieldRef, Schema};
use cstatns_base::code::Code;
use cstatns_base::look_up::Score;

use crate::error::TableError;
use crate::table::{Form, Table};

pub use frames::{Frames, FramesSink, frames};
pub use lines::{Csv, CsvSink, csv};
pub use row_groups::{CopySink, Parquet, ParquetSink, copy, parquet, parquet_beside};

/// Rows of a row group.
pub const GROUP: usize = 131_072;
/// The most row groups that are worked on at once, whatever the number of threads: each takes 30 to
/// 40 MB at times, and the whole is to stay below 128 MiB.
pub const GROUPS_AT_ONCE: NonZeroUsize = NonZeroUsize::new(3).expect("not zero");

/// A column to write.
pub struct Column<'a> {
    name: Cow<'a, [u8]>,
    field: FieldRef,
    holds: Holds,
    /// Whether its name is in quotes, in text, whatever is in it.
    is_quoted: bool,
}

/// What a column holds, which says how it is best encoded in Parquet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// Values without redundancy.
    Plain,
    /// Values of which none is like another, in letters of which there are few.
    Packed,
    /// A few words, given as [`Values::Words`].
    Words,
    Anything,
}

impl<'a> Column<'a> {
    fn new(name: &'static str, kind: DataType, nullable: bool, holds: Holds) -> Self {
        let field = Arc::new(Field::new(name, kind, nullable));
        Self { name: name.as_bytes().into(), field, holds, is_quoted: false }
    }

    /// The same column of another name.
    pub fn called(self, name: Vec<u8>) -> Self {
        let field = Field::clone(&self.field).with_name(String::from_utf8_lossy(&name));
        Self { name: name.into(), field: Arc::new(field), ..self }
    }

    /// The same column, in which there may be nothing.
    pub fn nullable(self) -> Self {
        let field = Field::clone(&self.field).with_nullable(true);
        Self { field: Arc::new(field), ..self }
    }

    /// The column `index`.
    pub fn index() -> Self {
        Self::new("index", DataType::FixedSizeBinary(16), false, Holds::Plain)
    }

    /// Text that identifies people.
    pub fn text(name: &'static str) -> Self {
        Self::new(name, DataType::Utf8, true, Holds::Plain)
    }

    /// The column `code`, binary (Parquet alone) or as text.
    pub fn code(binary: bool) -> Self {
        let (kind, holds) = match binary {
            true => (DataType::FixedSizeBinary(32), Holds::Plain),
            false => (DataType::Utf8, Holds::Packed),
        };
        Self::new("code", kind, true, holds)
    }

    /// The column `row`: numbers of rows.
    pub fn row() -> Self {
        Self::new("row", DataType::Int64, false, Holds::Plain)
    }

    /// A column of numbers of which there are few.
    pub fn number(name: &'static str) -> Self {
        Self::new(name, DataType::Int64, false, Holds::Anything)
    }

    /// A column of words, in every row one.
    pub fn word(name: &'static str) -> Self {
        Self::new(name, DataType::Utf8, false, Holds::Words)
    }

    /// The column `score`.
    pub fn score() -> Self {
        Self::new("score", DataType::Float64, true, Holds::Anything)
    }

    /// The same column, whatever becomes of the table that it is of.
    pub fn into_owned(self) -> Column<'static> {
        let Self { name, field, holds, is_quoted } = self;
        Column { name: name.into_owned().into(), field, holds, is_quoted }
    }

    /// A column of `table` as it is.
    pub fn kept(table: &'a Table, column: usize) -> Self {
        let name = Cow::from(&table.written_header()[column]);
        let field = match table.schema() {
            None => Arc::new(Field::new("", DataType::Binary, true)),
            Some(schema) => schema.fields()[column].clone(),
        };
        Self { name, field, holds: Holds::Anything, is_quoted: table.is_quoted(column) }
    }
}

/// The values of a column for some rows.
pub enum Values<'a> {
    /// Indexes.
    Index(&'a [[u8; 16]]),
    /// Numbers of rows or columns, from 1.
    Numbers(&'a [u64]),
    /// Text; none is an empty cell.
    Text(&'a [Option<&'a str>]),
    /// In every row one.
    Words(&'a [Option<&'a str>]),
    /// Codes.
    Codes(&'a [Option<Code>]),
    /// Scores.
    Scores(&'a [Option<Score>]),
}

impl Values<'_> {
    /// The most that the cells take in CSV.
    fn room(&self) -> usize {
        match self {
            Self::Index(indexes) => 33 * indexes.len(),
            Self::Numbers(numbers) => 21 * numbers.len(),
            // Quotes around it and each one in it twice, and what parts it from the next.
            Self::Text(texts) | Self::Words(texts) => {
                texts.iter().map(|text| 2 * text.map_or(0, str::len) + 3).sum()
            }
            Self::Scores(scores) => 7 * scores.len(),
            Self::Codes(codes) => (Code::MAX_TEXT + 1) * codes.len(),
        }
    }
}

/// The schema of these columns, with what is said of the file or frame.
fn schema(columns: &[Column<'_>], pairs: Vec<(&'static str, String)>) -> Schema {
    let fields: Vec<FieldRef> = columns.iter().map(|column| column.field.clone()).collect();
    Schema::new_with_metadata(
        fields,
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
    )
}

/// Whether codes are binary.
fn is_binary(columns: &[Column<'_>]) -> bool {
    let binary = DataType::FixedSizeBinary(32);
    // Columns that are kept may hold anything.
    let is_own = |column: &&Column<'_>| column.holds == Holds::Plain;
    columns.iter().filter(is_own).any(|column| *column.field.data_type() == binary)
}

/// One way to encode rows: shared by the threads that do it.
pub trait Encoding: Sync {
    /// The form in memory of rows whose columns it keeps as they are.
    type Form: Form;
    /// Rows, encoded.
    type Piece: Send;
    /// The rows of a piece, if there are as many: one where pieces may be of any size.
    const GROUP: usize;

    /// The threads that encode at once, where so many are offered.
    fn threads(offered: NonZeroUsize) -> NonZeroUsize {
        offered
    }

    /// An empty piece.
    fn piece(&self) -> Self::Piece;

    /// Empties a piece.
    ///
    /// # Errors
    /// [`TableError::Unwritable`].
    fn begin(&self, piece: &mut Self::Piece) -> Result<(), TableError>;

    /// Adds `rows` rows, which are given column by column, those that are kept last.
    ///
    /// # Errors
    /// [`TableError::Unwritable`].
    fn add(
        &self,
        rows: usize,
        columns: &[Values<'_>],
        kept: <Self::Form as Form>::Kept<'_>,
        piece: &mut Self::Piece,
    ) -> Result<(), TableError>;

    /// Makes a piece ready to be written: that part of the encoding which needs no order.
    ///
    /// # Errors
    /// [`TableError::Unwritable`].
    fn end(&self, piece: &mut Self::Piece) -> Result<(), TableError>;
}

/// Where pieces go, one after the other.
pub trait Sink: Send {
    /// Rows, encoded.
    type Piece;

    /// Writes a piece that was ended.
    ///
    /// # Errors
    /// [`TableError::Write`], [`TableError::Unwritable`].
    fn write(&mut self, piece: &mut Self::Piece) -> Result<(), TableError>;

    /// Ends the file.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn finish(self) -> Result<(), TableError>;
}

/// Takes record batches, one after the other, all of one schema.
pub type Take<'a> = dyn FnMut(RecordBatch) -> Result<(), TableError> + Send + 'a;

/// Where rows go that are not sent.
pub enum Output<'a> {
    /// A file, of the type that its name says.
    File(&'a Path),
    /// A frame: record batches, the first before the whole is known to be right. After an error
    /// they must not be used.
    Frame(&'a mut Take<'a>),
}

impl<'a, P: AsRef<Path> + ?Sized> From<&'a P> for Output<'a> {
    fn from(path: &'a P) -> Self {
        Self::File(path.as_ref())
    }
}

fn unwritten(error: &std::io::Error) -> TableError {
    TableError::Write { kind: error.kind() }
}
