//! Some rows of a file, and the cells of its columns.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::{Array, FixedSizeBinaryArray, LargeStringArray, RecordBatch, StringArray};
use arrow_schema::DataType;

use crate::csv;
use crate::error::TableError;

/// Rows of one file.
#[derive(Default)]
pub enum Batch {
    /// Nothing was read yet.
    #[default]
    None,
    /// Of a CSV file.
    Csv(csv::Batch),
    /// Of a Parquet file.
    Parquet(RecordBatch),
}

impl Batch {
    /// About how many rows are in it, told before [`Batch::split`]: fewer where lines of CSV are blank, more where single CRs
    /// end rows too.
    pub fn lines(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Csv(batch) => batch.lines(),
            Self::Parquet(batch) => batch.num_rows(),
        }
    }

    /// Finds the rows in what was read.
    ///
    /// # Errors
    /// [`TableError::Ragged`], its row counted from the first one here.
    pub fn split(&mut self, path: &Path) -> Result<(), TableError> {
        match self {
            Self::Csv(batch) => batch.split(path),
            Self::None | Self::Parquet(_) => Ok(()),
        }
    }

    /// How many rows were split.
    pub fn rows(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Csv(batch) => batch.rows(),
            Self::Parquet(batch) => batch.num_rows(),
        }
    }

    /// What it takes in memory, about; of a CSV file about what it took there.
    pub fn bytes(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Csv(batch) => batch.bytes(),
            Self::Parquet(batch) => batch.get_array_memory_size(),
        }
    }

    /// In the unit of [`Extent::size`](super::Extent::size).
    pub fn size(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Csv(batch) => batch.bytes() as u64,
            Self::Parquet(batch) => batch.num_rows() as u64,
        }
    }

    /// The rows of a Parquet file.
    pub fn values(&self) -> Option<&RecordBatch> {
        match self {
            Self::None | Self::Csv(_) => None,
            Self::Parquet(batch) => Some(batch),
        }
    }

    /// The line on which each row of a CSV file begins, from 1.
    pub fn row_lines(&self) -> Option<impl Iterator<Item = u64>> {
        match self {
            Self::Csv(batch) => Some(batch.row_lines()),
            Self::None | Self::Parquet(_) => None,
        }
    }

    /// The lines of the rows that were set apart: see [`Source::set_ragged_apart`](super::Source::set_ragged_apart).
    pub fn ragged(&self) -> &[u64] {
        match self {
            Self::Csv(batch) => batch.ragged(),
            Self::None | Self::Parquet(_) => &[],
        }
    }

    /// The cells of a column of text or of fixed-size binary values.
    pub fn cells(&self, column: usize) -> Cells<'_> {
        match self {
            Self::None => unreachable!("a batch was read"),
            Self::Csv(batch) => Cells::Csv { batch, column },
            Self::Parquet(batch) => Cells::of(batch.column(column).as_ref()),
        }
    }
}

/// The cells of one column of a batch.
pub enum Cells<'a> {
    /// Of a CSV file.
    Csv {
        /// The batch.
        batch: &'a csv::Batch,
        /// The column, from 0.
        column: usize,
    },
    /// Text.
    Utf8(&'a StringArray),
    /// Text, with offsets of 64 bits.
    LargeUtf8(&'a LargeStringArray),
    /// Binary values of one length.
    Fixed(&'a FixedSizeBinaryArray),
}

impl<'a> Cells<'a> {
    fn of(array: &'a dyn Array) -> Self {
        match array.data_type() {
            DataType::Utf8 => Self::Utf8(array.as_string()),
            DataType::LargeUtf8 => Self::LargeUtf8(array.as_string()),
            DataType::FixedSizeBinary(_) => Self::Fixed(array.as_fixed_size_binary()),
            _ => unreachable!("the kind of the column was checked when the file was opened, and it is flat"),
        }
    }

    /// The first `rows` cells.
    pub fn iter(&self, rows: usize) -> impl Iterator<Item = Option<&'a [u8]>> {
        (0..rows).map(|row| self.get(row))
    }

    /// The bytes of a cell; none when it is null or empty.
    pub fn get(&self, row: usize) -> Option<&'a [u8]> {
        let bytes = match self {
            Self::Csv { batch, column } => batch.get(row, *column),
            Self::Utf8(array) => array.is_valid(row).then(|| array.value(row).as_bytes())?,
            Self::LargeUtf8(array) => array.is_valid(row).then(|| array.value(row).as_bytes())?,
            Self::Fixed(array) => array.is_valid(row).then(|| array.value(row))?,
        };
        (!bytes.is_empty()).then_some(bytes)
    }
}
