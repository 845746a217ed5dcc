//! Parquet: reading in batches and writing in row groups.
//!
//! The errors of the Parquet and Arrow libraries may quote what they read, so only their kind is
//! kept. On damaged files they also panic; that is caught here, because a damaged file is an error
//! like any other.

use std::cell::Cell;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use ::parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowLeafColumn, ArrowRowGroupWriterFactory,
    ArrowWriterOptions, compute_leaves,
};
use ::parquet::arrow::{ArrowWriter, add_encoded_arrow_schema_to_metadata};
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::types::{ColumnDescPtr, ColumnPath};
use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, StringArray};
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};

use crate::error::TableError;

mod bounds;
mod chunks;
mod copy;
mod described;
mod header;
mod pages;
mod pages_aside;
mod reader;
mod types;

pub(crate) use copy::{Copier, said_beside};
pub(crate) use reader::Reader;

use pages_aside::Stores;

pub use chunks::runs;
use chunks::{Fixed, Spare, Words};

/// The type in which values are worked on here: dictionaries and views are left out, at any depth.
/// They share buffers among batches, which every part of a batch would carry along. In a Parquet
/// file there is no difference but in what its metadata says of the type.
pub(crate) fn flat(kind: &DataType) -> DataType {
    match kind {
        DataType::Dictionary(_, values) => flat(values),
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::List(field) => DataType::List(flat_field(field)),
        DataType::LargeList(field) => DataType::LargeList(flat_field(field)),
        DataType::FixedSizeList(field, size) => DataType::FixedSizeList(flat_field(field), *size),
        DataType::Map(field, sorted) => DataType::Map(flat_field(field), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(flat_field).collect()),
        other => other.clone(),
    }
}

fn flat_field(field: &FieldRef) -> FieldRef {
    Arc::new(field.as_ref().clone().with_data_type(flat(field.data_type())))
}

pub(crate) fn flat_schema(schema: &Schema) -> SchemaRef {
    let fields: Fields = schema.fields().iter().map(flat_field).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

thread_local! {
    /// Whether this thread is in [`guarded`].
    static IN_GUARDED: Cell<bool> = const { Cell::new(false) };
}

fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, TableError>) -> Result<T, TableError> {
    IN_GUARDED.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(read));
    IN_GUARDED.set(false);
    outcome.unwrap_or_else(|_| Err(TableError::Parquet { path: path.to_owned() }))
}

/// Whether a panic of this thread, now, is one over a damaged file, which is caught and becomes an
/// error of that file: a panic hook has nothing to say then.
pub fn is_panic_of_damaged_file() -> bool {
    IN_GUARDED.get()
}

/// What is to be written of a column for some rows.
pub(crate) enum Given<'a> {
    Values(ArrayRef),
    /// Of a column of words: one in each row.
    Words(&'a [Option<&'a str>]),
}

/// How a column is encoded.
#[derive(Clone)]
enum Encoder {
    /// By the library.
    Library,
    Fixed(ColumnDescPtr),
    Words(ColumnDescPtr),
}

/// How rows become column chunks: shared by the threads that encode them.
pub(crate) struct Layout {
    schema: SchemaRef,
    factory: ArrowRowGroupWriterFactory,
    /// One for each leaf.
    encoders: Vec<Encoder>,
    spare: Spare,
}

impl Layout {
    /// Begins a row group.
    pub(crate) fn begin(&self) -> Result<Group, TableError> {
        let writers = self.factory.create_column_writers(0).map_err(|error| write_error(&error))?;
        let leaves =
            writers.into_iter().zip(&self.encoders).map(|(writer, encoder)| match encoder {
                Encoder::Library => Leaf::Library(Box::new(writer)),
                Encoder::Fixed(column) => Leaf::Fixed(Fixed::new(column.clone(), &self.spare)),
                Encoder::Words(column) => Leaf::Words(Words::new(column.clone())),
            });
        Ok(Group(leaves.collect()))
    }

    /// Adds rows to a row group.
    pub(crate) fn add(&self, columns: &[Given<'_>], group: &mut Group) -> Result<(), TableError> {
        let mut leaves = group.0.iter_mut();
        for (field, given) in self.schema.fields().iter().zip(columns) {
            let written = match given {
                Given::Words(words) => {
                    leaves.next().map_or(Ok(()), |leaf| leaf.write_words(field, words))
                }
                // A column of lists or structures has several leaves, each with a writer.
                Given::Values(array) => compute_leaves(field, array).and_then(|parts| {
                    parts
                        .iter()
                        .zip(&mut leaves)
                        .try_for_each(|(part, leaf)| leaf.write(array, part))
                }),
            };
            written.map_err(|error| write_error(&error))?;
        }
        Ok(())
    }
}

/// A row group that rows are added to.
pub(crate) struct Group(Vec<Leaf>);

enum Leaf {
    Library(Box<ArrowColumnWriter>),
    Fixed(Fixed),
    Words(Words),
}

impl Leaf {
    /// Writes the values of a column: `part` is what the library makes of them for this leaf.
    fn write(&mut self, array: &ArrayRef, part: &ArrowLeafColumn) -> Result<(), ParquetError> {
        match self {
            Self::Library(writer) => writer.write(part),
            Self::Fixed(writer) => writer.write(array.as_fixed_size_binary()),
            Self::Words(writer) => {
                writer.write(&array.as_string::<i32>().iter().collect::<Vec<_>>());
                Ok(())
            }
        }
    }

    /// Writes words: as they are, or as the array that they make.
    fn write_words(&mut self, field: &Field, words: &[Option<&str>]) -> Result<(), ParquetError> {
        if let Self::Words(writer) = self {
            writer.write(words);
            return Ok(());
        }
        let array: ArrayRef = Arc::new(words.iter().collect::<StringArray>());
        compute_leaves(field, &array)?.iter().try_for_each(|part| self.write(&array, part))
    }
}

/// A column of a row group that is whole.
pub(crate) enum Chunk {
    Library(ArrowColumnChunk),
    Own(chunks::Chunk),
}

impl Chunk {
    /// Leaves out its page indexes.
    fn without_indexes(&mut self) {
        let close = match self {
            Self::Library(chunk) => chunk.close_mut(),
            Self::Own(chunk) => chunk.close_mut(),
        };
        (close.column_index, close.offset_index) = (None, None);
    }

    fn append<W: Write + Send>(
        self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        match self {
            Self::Library(chunk) => chunk.append_to_row_group(group),
            Self::Own(chunk) => chunk.append(group),
        }
    }
}

impl Group {
    /// Ends it.
    pub(crate) fn end(self) -> Result<Vec<Chunk>, TableError> {
        let close = |leaf| match leaf {
            Leaf::Library(writer) => writer.close().map(Chunk::Library),
            Leaf::Fixed(writer) => writer.close().map(Chunk::Own),
            Leaf::Words(writer) => writer.close().map(Chunk::Own),
        };
        self.0.into_iter().map(|leaf| close(leaf).map_err(|error| write_error(&error))).collect()
    }
}

/// The columns of values that are not alike.
#[derive(Clone, Copy)]
pub(crate) struct Plain<'a> {
    /// Without redundancy: dictionary and compression cost time and gain nothing, and those of
    /// fixed length are encoded here.
    pub(crate) plain: &'a [&'a str],
    /// In few letters: a dictionary gains nothing, compression does.
    pub(crate) packed: &'a [&'a str],
}

/// Writes row groups.
pub(crate) struct Writer<W: Write + Send>(SerializedFileWriter<W>);

impl<W: Write + Send> Writer<W> {
    /// `words` names the columns that are given as words. Pages of row groups that are larger than
    /// those made here are put aside beside the file `aside`, if it is given.
    pub(crate) fn new(
        out: W,
        schema: Schema,
        Plain { plain, packed }: Plain<'_>,
        words: &[&str],
        pairs: Vec<KeyValue>,
        aside: Option<&Path>,
    ) -> Result<(Layout, Self), TableError> {
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_key_value_metadata(Some(pairs));
        for column in plain {
            let path = ColumnPath::from(*column);
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_statistics_enabled(path.clone(), EnabledStatistics::None)
                .set_column_compression(path, Compression::UNCOMPRESSED);
        }
        for column in packed {
            let path = ColumnPath::from(*column);
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_statistics_enabled(path.clone(), EnabledStatistics::None)
                .set_column_compression(path, Compression::ZSTD(ZstdLevel::default()));
        }
        let mut properties = properties.build();
        add_encoded_arrow_schema_to_metadata(&schema, &mut properties);
        let mut options =
            ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        if let Some(beside) = aside {
            options = options.with_page_store_factory(Arc::new(Stores::new(beside)));
        }
        let schema = flat_schema(&schema);
        let writer = ArrowWriter::try_new_with_options(out, schema.clone(), options);
        let (writer, factory) = writer
            .and_then(ArrowWriter::into_serialized_writer)
            .map_err(|error| write_error(&error))?;
        let encoder = |column: &ColumnDescPtr| match column.path().parts() {
            [name] if words.contains(&name.as_str()) => Encoder::Words(column.clone()),
            [name]
                if aside.is_none()
                    && plain.contains(&name.as_str())
                    && matches!(
                        schema.field_with_name(name).map(Field::data_type),
                        Ok(DataType::FixedSizeBinary(_))
                    ) =>
            {
                Encoder::Fixed(column.clone())
            }
            _ => Encoder::Library,
        };
        let encoders = writer.schema_descr().columns().iter().map(encoder).collect();
        Ok((Layout { schema, factory, encoders, spare: Spare::default() }, Self(writer)))
    }

    /// Adds a row group.
    pub(crate) fn append(&mut self, chunks: Vec<Chunk>) -> Result<(), TableError> {
        let mut group = self.0.next_row_group().map_err(|error| write_error(&error))?;
        for chunk in chunks {
            chunk.append(&mut group).map_err(|error| write_error(&error))?;
        }
        group.close().map(|_| ()).map_err(|error| write_error(&error))
    }

    pub(crate) fn finish(self) -> Result<(), TableError> {
        let mut out = self.0.into_inner().map_err(|error| write_error(&error))?;
        out.flush().map_err(|error| TableError::Write { kind: error.kind() })
    }
}

fn write_error(error: &ParquetError) -> TableError {
    match error {
        ParquetError::External(error) => {
            match (error.downcast_ref::<io::Error>(), error.downcast_ref::<TableError>()) {
                (Some(error), _) => TableError::Write { kind: error.kind() },
                (_, Some(TableError::Write { kind })) => TableError::Write { kind: *kind },
                _ => TableError::Unwritable,
            }
        }
        _ => TableError::Unwritable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Were one left, every part of a batch that is put aside would carry the buffers of the whole.
    #[test]
    fn there_are_no_dictionaries_and_no_views_at_any_depth() {
        let field = |kind| Arc::new(Field::new("field", kind, true));
        let category = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8View));
        let pair = |kind: DataType| Fields::from(vec![field(kind), field(DataType::Int64)]);
        for (shared, own) in [
            (category, DataType::Utf8),
            (DataType::Utf8View, DataType::Utf8),
            (DataType::BinaryView, DataType::Binary),
        ] {
            let within = |kind: DataType| {
                [
                    kind.clone(),
                    DataType::List(field(kind.clone())),
                    DataType::LargeList(field(kind.clone())),
                    DataType::FixedSizeList(field(kind.clone()), 3),
                    DataType::Struct(pair(kind.clone())),
                    DataType::Map(
                        field(DataType::Struct(pair(DataType::List(field(kind))))),
                        false,
                    ),
                ]
            };
            for (shared, own) in within(shared).into_iter().zip(within(own)) {
                assert_eq!(flat(&shared), own);
                assert_eq!(flat(&own), own);
            }
        }
    }
}
