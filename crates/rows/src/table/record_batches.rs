//! Any rows as Arrow's record batches, for programs that go on with them.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchReader, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use cstatns_base::meta::marks;

use super::{Batch, Fill, Source, Stream};
use crate::error::{RowFault, TableError};
use crate::parquet::flat_schema;

/// The rows of a [`Source`] as Arrow's record batches: of a CSV file every column is text, and an
/// empty cell is null. Errors are [`ArrowError::ExternalError`], each with a [`TableError`].
pub struct RecordBatches {
    schema: SchemaRef,
    source: Source,
    /// Whether an error was given: nothing comes after it.
    failed: bool,
}

impl Source {
    /// The rows as record batches.
    pub fn into_record_batches(self) -> RecordBatches {
        let text = |name: &Vec<u8>| Field::new(String::from_utf8_lossy(name), DataType::Utf8, true);
        let schema = match self.table().schema() {
            Some(schema) => flat_schema(schema),
            None => {
                Arc::new(Schema::new(self.table().header().iter().map(text).collect::<Vec<_>>()))
            }
        };
        let pairs = self.table().known().map(|known| match &known.meta {
            Some(meta) => meta.pairs(),
            None => marks(known.codes),
        });
        let pairs = pairs.into_iter().flatten().map(|(key, value)| (key.to_owned(), value));
        let metadata = schema.metadata().clone().into_iter().chain(pairs);
        let schema = Schema::clone(&schema).with_metadata(metadata.collect());
        RecordBatches { schema: Arc::new(schema), source: self, failed: false }
    }
}

impl RecordBatches {
    fn read(&mut self) -> Result<Option<RecordBatch>, TableError> {
        let columns = match &mut self.source {
            Source::Columns(stream) => stream.next_batch()?.map(|batch| batch.columns().to_vec()),
            Source::Lines(stream) => match stream.next_batch()? {
                Some(fields) => Some(texts(stream, &fields)?),
                None => None,
            },
        };
        let batch = columns.map(|columns| RecordBatch::try_new(self.schema.clone(), columns));
        batch.transpose().map_err(|_| TableError::Unwritable)
    }
}

/// The cells of a batch, column by column.
fn texts<B: Batch + Fill>(stream: &Stream<B>, batch: &B) -> Result<Vec<ArrayRef>, TableError> {
    let before = stream.given_out() - batch.rows() as u64;
    let failed = |row: usize| TableError::Row {
        path: stream.table.path().to_owned(),
        row: before + row as u64 + 1,
        fault: RowFault::Encoding,
    };
    let column = |column| -> Result<ArrayRef, TableError> {
        let cells = batch.cells(column);
        let texts = cells
            .iter(batch.rows())
            .enumerate()
            .map(|(row, cell)| cell.map(std::str::from_utf8).transpose().map_err(|_| failed(row)));
        Ok(Arc::new(texts.collect::<Result<StringArray, _>>()?))
    };
    (0..stream.table.header().len()).map(column).collect()
}

impl Iterator for RecordBatches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.read().transpose()?;
        self.failed = next.is_err();
        Some(next.map_err(|error| ArrowError::ExternalError(Box::new(error))))
    }
}

impl RecordBatchReader for RecordBatches {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}
