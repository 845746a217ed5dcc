//! Frames: rows that a program hands over as Arrow's record batches, without a file.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{BinaryViewType, StringViewType};
use arrow_array::{
    Array, ArrayRef, BinaryArray, GenericByteViewArray, RecordBatch, RecordBatchReader,
    StringArray, UInt32Array, make_array,
};
use arrow_schema::{ArrowError, DataType, SchemaRef};
use arrow_select::take::{take, take_record_batch};
use cstatns_base::coded::ColumnName;
use cstatns_base::meta::Known;
use cstatns_base::words;

use crate::error::TableError;
use crate::parquet::{flat, flat_schema};

/// Reads rows. They are given out in the types that are worked on (see [`flat`]), and in batches
/// that share no buffer with those of the caller: each is as large as its rows.
pub(crate) struct Reader {
    batches: Box<dyn RecordBatchReader + Send>,
    /// As the caller says it.
    schema: SchemaRef,
    flat: SchemaRef,
    header: Vec<Vec<u8>>,
    known: Known,
    /// What was handed over last, and how many of its rows were given out.
    current: Option<(RecordBatch, usize)>,
}

impl Reader {
    /// `name` stands for the frame in errors.
    pub(crate) fn new(
        name: &Path,
        batches: Box<dyn RecordBatchReader + Send>,
    ) -> Result<Self, TableError> {
        let schema = batches.schema();
        for field in schema.fields() {
            if !is_read(field.data_type()) {
                return Err(TableError::ColumnType {
                    path: name.to_owned(),
                    column: ColumnName::from(&**field.name()),
                    field: None,
                    found: words!(
                        "a union, a run-end encoding or a list view, perhaps within another \
                        type",
                        "une union, un encodage par longueurs ou une vue de liste, peut-être dans un autre \
                        type",
                    ),
                    size: None,
                    needed: words!(
                        "the guard against identifiers does not look into those",
                        "la protection contre les identifiants ne regarde pas dans ces types",
                    ),
                });
            }
        }
        let known = Known::read(|key| schema.metadata().get(key).cloned())
            .map_err(|key| TableError::Metadata { path: name.to_owned(), key })?;
        let header =
            schema.fields().iter().map(|field| field.name().clone().into_bytes()).collect();
        Ok(Self { batches, flat: flat_schema(&schema), schema, header, known, current: None })
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(crate) fn header(&self) -> &[Vec<u8>] {
        &self.header
    }

    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    /// What a row takes in memory, about, by what is handed over first.
    pub(crate) fn width(&mut self, name: &Path) -> Result<usize, TableError> {
        self.hand_over(name)?;
        let Some((first, _)) = &self.current else { return Ok(0) };
        // Of its rows alone: they may lie among others.
        let sizes = first
            .columns()
            .iter()
            .map(|column| column.to_data().get_slice_memory_size().unwrap_or(0));
        Ok(sizes.sum::<usize>().div_ceil(first.num_rows()))
    }

    /// The next rows, `most` at most; none at the end.
    pub(crate) fn next(
        &mut self,
        name: &Path,
        most: usize,
    ) -> Result<Option<RecordBatch>, TableError> {
        self.hand_over(name)?;
        let Some((batch, at)) = &mut self.current else { return Ok(None) };
        let end = batch.num_rows().min(*at + most);
        let rows = UInt32Array::from_iter_values((*at as u32)..(end as u32));
        let part = take_record_batch(batch, &rows).map_err(|_| unread(name))?;
        *at = end;
        let columns = part.columns().iter().map(flatten).collect::<Result<_, _>>();
        let part = columns.and_then(|columns| RecordBatch::try_new(self.flat.clone(), columns));
        part.map(Some).map_err(|_| unread(name))
    }

    /// Sees to it that there are rows to give out, unless there are no more.
    fn hand_over(&mut self, name: &Path) -> Result<(), TableError> {
        while self.current.as_ref().is_none_or(|(batch, at)| *at == batch.num_rows()) {
            self.current = None;
            let Some(next) = self.batches.next() else { return Ok(()) };
            let batch = next.map_err(|error| own(name, error))?;
            let columns = |schema: &SchemaRef| -> Vec<(String, DataType)> {
                let fields = schema.fields().iter();
                fields.map(|field| (field.name().clone(), field.data_type().clone())).collect()
            };
            // Columns are found once, by their names: two of one type must not change places. Rows
            // are counted with 32 bits here; nobody's batch has as many.
            if columns(&batch.schema()) != columns(&self.schema)
                || u32::try_from(batch.num_rows()).is_err()
            {
                return Err(unread(name));
            }
            self.current = Some((batch, 0));
        }
        Ok(())
    }
}

fn unread(name: &Path) -> TableError {
    TableError::Frame { name: name.to_owned() }
}

/// The error of a reader of this crate, if it is one; nothing of what others say, which may quote
/// data.
fn own(name: &Path, error: ArrowError) -> TableError {
    match error {
        ArrowError::ExternalError(error) => {
            error.downcast().map_or_else(|_| unread(name), |error| *error)
        }
        _ => unread(name),
    }
}

/// Whether values of this type are judged and written.
fn is_read(kind: &DataType) -> bool {
    match kind {
        DataType::Union(..)
        | DataType::RunEndEncoded(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_) => false,
        DataType::Dictionary(_, values) => is_read(values),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => is_read(field.data_type()),
        DataType::Struct(fields) => fields.iter().all(|field| is_read(field.data_type())),
        _ => true,
    }
}

/// The values in their [`flat`] type.
fn flatten(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let kind = flat(array.data_type());
    if kind == *array.data_type() {
        return Ok(array.clone());
    }
    match array.data_type() {
        DataType::Dictionary(..) => {
            let words = array.as_any_dictionary();
            flatten(&take(words.values(), words.keys(), None)?)
        }
        DataType::Utf8View => {
            let values: &GenericByteViewArray<StringViewType> = array.as_byte_view();
            Ok(Arc::new(values.iter().collect::<StringArray>()))
        }
        DataType::BinaryView => {
            let values: &GenericByteViewArray<BinaryViewType> = array.as_byte_view();
            Ok(Arc::new(values.iter().collect::<BinaryArray>()))
        }
        _ => {
            let data = array.to_data();
            let children =
                data.child_data().iter().map(|child| flatten(&make_array(child.clone())));
            let children = children.map(|child| child.map(|child| child.to_data()));
            let children = children.collect::<Result<_, _>>()?;
            Ok(make_array(data.into_builder().data_type(kind).child_data(children).build()?))
        }
    }
}

#[cfg(test)]
mod tests;
