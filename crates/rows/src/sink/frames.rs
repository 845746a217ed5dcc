//! Record batches, for the program that asked for them.

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;

use super::arrays::array;
use super::{Column, Encoding, Sink, Take, Values, is_binary, schema};
use crate::error::TableError;
use crate::parquet::flat_schema;

/// Makes record batches of rows.
pub struct Frames {
    schema: SchemaRef,
    binary: bool,
}

/// Hands record batches over.
pub struct FramesSink<'w>(&'w mut Take<'w>);

/// Begins a frame, whose schema's metadata says `pairs`. Its types are those in which rows are
/// worked on: dictionaries and views come as the values that they stand for.
pub fn frames<'w>(
    take: &'w mut Take<'w>,
    columns: &[Column<'_>],
    pairs: Vec<(&'static str, String)>,
) -> (Frames, FramesSink<'w>) {
    let schema = flat_schema(&schema(columns, pairs));
    (Frames { schema, binary: is_binary(columns) }, FramesSink(take))
}

impl Encoding for Frames {
    type Form = RecordBatch;
    type Piece = Vec<RecordBatch>;
    const GROUP: usize = 1;

    fn piece(&self) -> Vec<RecordBatch> {
        Vec::new()
    }

    fn begin(&self, batches: &mut Vec<RecordBatch>) -> Result<(), TableError> {
        batches.clear();
        Ok(())
    }

    fn add(
        &self,
        _: usize,
        columns: &[Values<'_>],
        kept: Vec<ArrayRef>,
        batches: &mut Vec<RecordBatch>,
    ) -> Result<(), TableError> {
        let own = columns.iter().map(|values| array(values, self.binary));
        let batch = RecordBatch::try_new(self.schema.clone(), own.chain(kept).collect());
        batches.push(batch.map_err(|_| TableError::Unwritable)?);
        Ok(())
    }

    fn end(&self, _: &mut Vec<RecordBatch>) -> Result<(), TableError> {
        Ok(())
    }
}

impl Sink for FramesSink<'_> {
    type Piece = Vec<RecordBatch>;

    fn write(&mut self, batches: &mut Vec<RecordBatch>) -> Result<(), TableError> {
        batches.drain(..).try_for_each(&mut *self.0)
    }

    fn finish(self) -> Result<(), TableError> {
        Ok(())
    }
}
