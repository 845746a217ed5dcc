//! What gives out rows: text, Parquet, frames.

use std::path::Path;

use arrow_array::RecordBatch;

use super::extent::{Extent, UNKNOWN_BYTES};
use super::{BATCH, Batch, Fill, Table};
use crate::csv::{self, Fields};
use crate::error::TableError;
use crate::{frames, parquet};

/// What gives out rows.
pub(super) trait Reader<B>: Send {
    /// Fills `batch` with the next rows, of lines at most `limit`; false at the end.
    fn fill(&mut self, path: &Path, batch: &mut B, limit: usize) -> Result<bool, TableError>;

    /// How large the whole is.
    fn extent(&mut self, table: &Table) -> Result<Extent, TableError>;

    /// See [`Stream::set_ragged_apart`].
    fn set_ragged_apart(&mut self) {}

    /// See [`Stream::keep_quotes`].
    fn keep_quotes(&mut self) {}

    /// See [`Stream::choose`].
    fn choose(&mut self, _: &Table, _: &[usize], _: u64) -> Result<(), TableError> {
        Ok(())
    }

    /// See [`Stream::know_again`].
    fn know_again(&mut self, _: &Table, _: &[usize]) -> Result<(), TableError> {
        Ok(())
    }

    /// See [`Stream::digest`].
    fn digest(&self) -> Option<[u8; 32]> {
        None
    }
}

impl Reader<Fields> for csv::Reader {
    fn fill(&mut self, path: &Path, batch: &mut Fields, limit: usize) -> Result<bool, TableError> {
        self.next(path, batch, limit.min(BATCH))
    }

    fn extent(&mut self, _: &Table) -> Result<Extent, TableError> {
        Ok(Extent { rows: 0, length: self.length(), bytes: self.bytes() })
    }

    fn set_ragged_apart(&mut self) {
        self.set_ragged_apart();
    }

    fn keep_quotes(&mut self) {
        self.keep_quotes();
    }

    fn know_again(&mut self, _: &Table, _: &[usize]) -> Result<(), TableError> {
        self.keep_digest();
        Ok(())
    }

    fn digest(&self) -> Option<[u8; 32]> {
        self.digest()
    }
}

impl Reader<RecordBatch> for parquet::Reader {
    fn fill(&mut self, path: &Path, batch: &mut RecordBatch, _: usize) -> Result<bool, TableError> {
        let found = self.next(path)?;
        let more = found.is_some();
        *batch = found.unwrap_or_else(RecordBatch::empty);
        Ok(more)
    }

    fn extent(&mut self, table: &Table) -> Result<Extent, TableError> {
        let mut first = self.again(&table.path)?;
        if let Some(columns) = self.chosen() {
            first.choose(&table.path, columns, 0)?;
        }
        let first = first.next(&table.path)?;
        let width =
            first.map_or(0, |first| first.get_array_memory_size() / first.num_rows().max(1));
        let rows = self.rows();
        Ok(Extent { rows, length: self.length(), bytes: rows.saturating_mul(width as u64) })
    }

    fn choose(&mut self, table: &Table, columns: &[usize], at: u64) -> Result<(), TableError> {
        self.choose(&table.path, columns, at)
    }

    fn know_again(&mut self, table: &Table, columns: &[usize]) -> Result<(), TableError> {
        self.know_again(&table.path, columns)
    }

    fn digest(&self) -> Option<[u8; 32]> {
        self.digest
    }
}

impl Reader<RecordBatch> for frames::Reader {
    fn fill(&mut self, name: &Path, batch: &mut RecordBatch, _: usize) -> Result<bool, TableError> {
        let found = self.next(name, BATCH)?;
        let more = found.is_some();
        *batch = found.unwrap_or_else(RecordBatch::empty);
        Ok(more)
    }

    fn extent(&mut self, table: &Table) -> Result<Extent, TableError> {
        let width = self.width(&table.path)? as u64;
        let bytes = table.rows.map_or(UNKNOWN_BYTES, |rows| rows.saturating_mul(width));
        Ok(Extent { rows: table.rows.unwrap_or(0), length: bytes, bytes })
    }
}

/// A reader of rows in any form, as one of rows in whatever form.
pub(super) struct Any<B>(pub(super) Box<dyn Reader<B>>);

impl<B: Fill> Reader<Box<dyn Batch>> for Any<B> {
    fn fill(
        &mut self,
        path: &Path,
        batch: &mut Box<dyn Batch>,
        limit: usize,
    ) -> Result<bool, TableError> {
        let mut filled = B::empty();
        let found = self.0.fill(path, &mut filled, limit)?;
        *batch = Box::new(filled);
        Ok(found)
    }

    fn extent(&mut self, table: &Table) -> Result<Extent, TableError> {
        self.0.extent(table)
    }

    fn set_ragged_apart(&mut self) {
        self.0.set_ragged_apart();
    }

    fn choose(&mut self, table: &Table, columns: &[usize], at: u64) -> Result<(), TableError> {
        self.0.choose(table, columns, at)
    }

    fn know_again(&mut self, table: &Table, columns: &[usize]) -> Result<(), TableError> {
        self.0.know_again(table, columns)
    }

    fn digest(&self) -> Option<[u8; 32]> {
        self.0.digest()
    }
}
