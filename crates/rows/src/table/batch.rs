//! Some rows in memory, and the cells of their columns.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, BinaryArray, FixedSizeBinaryArray, LargeBinaryArray, LargeStringArray,
    RecordBatch, StringArray,
};
use arrow_schema::{DataType, Schema};

use crate::csv::{Fields, Kept};
use crate::error::TableError;

/// Some rows in memory: the fields of lines ([`Fields`]), or values of Arrow's types
/// ([`RecordBatch`]).
pub trait Batch: Send + Sync {
    /// About how many rows are in it, before [`Batch::split`]: fewer where lines of CSV are blank,
    /// more where single CRs end rows too.
    fn lines(&self) -> usize;

    /// Finds the rows in what was read.
    ///
    /// # Errors
    /// [`TableError::Ragged`], its row counted from the first one here.
    fn split(&mut self, path: &Path) -> Result<(), TableError>;

    /// How many rows were split.
    fn rows(&self) -> usize;

    /// What it takes in memory, about; of lines about what they took in their file.
    fn bytes(&self) -> usize;

    /// In the unit of [`Extent::size`](super::Extent::size).
    fn size(&self) -> u64;

    /// The cells of a column of text or of fixed-size binary values.
    fn cells(&self, column: usize) -> Cells<'_>;

    /// The rows as values of Arrow's types, if they are that.
    fn values(&self) -> Option<&RecordBatch> {
        None
    }

    /// The rows as fields of lines, if they are that.
    fn fields(&self) -> Option<&Fields> {
        None
    }
}

impl Batch for Fields {
    fn lines(&self) -> usize {
        self.lines()
    }

    fn split(&mut self, path: &Path) -> Result<(), TableError> {
        self.split(path)
    }

    fn rows(&self) -> usize {
        self.rows()
    }

    fn bytes(&self) -> usize {
        self.bytes()
    }

    fn size(&self) -> u64 {
        self.bytes() as u64
    }

    fn cells(&self, column: usize) -> Cells<'_> {
        Cells::Field { fields: self, column }
    }

    fn fields(&self) -> Option<&Fields> {
        Some(self)
    }
}

impl Batch for RecordBatch {
    fn lines(&self) -> usize {
        self.num_rows()
    }

    fn split(&mut self, _: &Path) -> Result<(), TableError> {
        Ok(())
    }

    fn rows(&self) -> usize {
        self.num_rows()
    }

    fn bytes(&self) -> usize {
        self.get_array_memory_size()
    }

    fn size(&self) -> u64 {
        self.num_rows() as u64
    }

    fn cells(&self, column: usize) -> Cells<'_> {
        Cells::of(self.column(column).as_ref())
    }

    fn values(&self) -> Option<&RecordBatch> {
        Some(self)
    }
}

impl Batch for Box<dyn Batch> {
    fn lines(&self) -> usize {
        self.as_ref().lines()
    }

    fn split(&mut self, path: &Path) -> Result<(), TableError> {
        self.as_mut().split(path)
    }

    fn rows(&self) -> usize {
        self.as_ref().rows()
    }

    fn bytes(&self) -> usize {
        self.as_ref().bytes()
    }

    fn size(&self) -> u64 {
        self.as_ref().size()
    }

    fn cells(&self, column: usize) -> Cells<'_> {
        self.as_ref().cells(column)
    }

    fn values(&self) -> Option<&RecordBatch> {
        self.as_ref().values()
    }

    fn fields(&self) -> Option<&Fields> {
        self.as_ref().fields()
    }
}

/// A batch that can be filled again and again.
pub trait Fill: Batch + Sized + 'static {
    /// One without rows.
    fn empty() -> Self;
}

impl Fill for Fields {
    fn empty() -> Self {
        Self::default()
    }
}

impl Fill for RecordBatch {
    fn empty() -> Self {
        Self::new_empty(Arc::new(Schema::empty()))
    }
}

impl Fill for Box<dyn Batch> {
    fn empty() -> Self {
        Box::new(Fields::default())
    }
}

/// Columns as runs of neighbouring ones.
pub fn runs(columns: &[usize]) -> Vec<Range<usize>> {
    let runs = columns.chunk_by(|one, next| one + 1 == *next);
    runs.map(|run| run[0]..run[0] + run.len()).collect()
}

/// One of the two forms that rows have in memory: what is kept of rows in one form is written by
/// encodings of that form.
pub trait Form: Fill {
    /// Columns that are written as they stand.
    type Kept<'a>;

    /// Neighbouring columns of the rows, run by run.
    fn keep(&self, columns: &[Range<usize>]) -> Self::Kept<'_>;

    /// No column.
    fn nothing<'a>() -> Self::Kept<'a>;
}

impl Form for Fields {
    type Kept<'a> = Kept<'a>;

    fn keep(&self, columns: &[Range<usize>]) -> Kept<'_> {
        Kept::Fields(self, columns.to_vec())
    }

    fn nothing<'a>() -> Self::Kept<'a> {
        Kept::Tails(None)
    }
}

impl Form for RecordBatch {
    type Kept<'a> = Vec<ArrayRef>;

    fn keep(&self, columns: &[Range<usize>]) -> Vec<ArrayRef> {
        columns.iter().cloned().flatten().map(|column| self.column(column).clone()).collect()
    }

    fn nothing<'a>() -> Self::Kept<'a> {
        Vec::new()
    }
}

/// The cells of one column of a batch.
pub enum Cells<'a> {
    /// Of lines.
    Field {
        /// The fields.
        fields: &'a Fields,
        /// The column, from 0.
        column: usize,
    },
    /// Text.
    Utf8(&'a StringArray),
    /// Text, with offsets of 64 bits.
    LargeUtf8(&'a LargeStringArray),
    /// Binary values.
    Binary(&'a BinaryArray),
    /// Binary values, with offsets of 64 bits.
    LargeBinary(&'a LargeBinaryArray),
    /// Binary values of one length.
    Fixed(&'a FixedSizeBinaryArray),
    /// Nothing.
    Null,
}

impl<'a> Cells<'a> {
    fn of(array: &'a dyn Array) -> Self {
        match array.data_type() {
            DataType::Utf8 => Self::Utf8(array.as_string()),
            DataType::LargeUtf8 => Self::LargeUtf8(array.as_string()),
            DataType::Binary => Self::Binary(array.as_binary()),
            DataType::LargeBinary => Self::LargeBinary(array.as_binary()),
            DataType::FixedSizeBinary(_) => Self::Fixed(array.as_fixed_size_binary()),
            DataType::Null => Self::Null,
            _ => unreachable!(
                "the kind of the column was checked when the file was opened, and it is flat"
            ),
        }
    }

    /// The first `rows` cells.
    pub fn iter(&self, rows: usize) -> impl Iterator<Item = Option<&'a [u8]>> {
        (0..rows).map(|row| self.get(row))
    }

    /// The bytes of a cell; none when it is null or empty.
    pub fn get(&self, row: usize) -> Option<&'a [u8]> {
        let bytes = match self {
            Self::Field { fields, column } => fields.get(row, *column),
            Self::Utf8(array) => array.is_valid(row).then(|| array.value(row).as_bytes())?,
            Self::LargeUtf8(array) => array.is_valid(row).then(|| array.value(row).as_bytes())?,
            Self::Binary(array) => array.is_valid(row).then(|| array.value(row))?,
            Self::LargeBinary(array) => array.is_valid(row).then(|| array.value(row))?,
            Self::Fixed(array) => array.is_valid(row).then(|| array.value(row))?,
            Self::Null => return None,
        };
        (!bytes.is_empty()).then_some(bytes)
    }
}
