//! Columns put before those of a file, of which every byte is copied.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::arrow::{ARROW_SCHEMA_META_KEY, ArrowSchemaConverter, encode_arrow_schema};
use ::parquet::bloom_filter::Sbbf;
use ::parquet::column::writer::ColumnCloseResult;
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{
    KeyValue, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, SortingColumn,
};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::{SchemaDescriptor, Type};
use arrow_schema::{FieldRef, Schema};
use cstatns_base::files::{self, FileError, read_at};

use crate::error::TableError;

use super::described::{AVRO, described};
use super::header::is_whole;
use super::types::{arrow_schema, written_schema};
use super::{Chunk, guarded, write_error};

/// The most bytes of a file that are read for its page indexes.
const MOST: u64 = 64 << 20;

/// Writes row groups: of each the own columns, which are given, then those that are kept.
pub(crate) struct Copier<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    path: PathBuf,
    data: File,
    metadata: ParquetMetaData,
    /// Those that are kept, in their order.
    leaves: Vec<usize>,
    next: usize,
}

impl<W: Write + Send> Copier<W> {
    /// The file `data` was read before: it is none that is refused.
    pub(crate) fn new(
        out: W,
        own: Vec<FieldRef>,
        data: &Path,
        kept: &[usize],
        pairs: Vec<(&'static str, String)>,
    ) -> Result<Self, TableError> {
        guarded(data, || {
            let path = data.to_owned();
            let data = files::open_to_read(&path)?;
            let damaged = |_: ParquetError| TableError::Parquet { path: path.clone() };
            let metadata = ParquetMetaDataReader::new()
                .with_page_index_policy(indexes(&path, &data)?)
                .parse_and_finish(&data)
                .map_err(damaged)?;
            let about = metadata.file_metadata();
            let columns = about.schema_descr();
            let schema = schema(&own, columns, kept).map_err(damaged)?;
            let leaves = kept.iter().flat_map(|column| {
                (0..columns.num_columns())
                    .filter(move |leaf| columns.get_column_root_idx(*leaf) == *column)
            });
            let leaves: Vec<_> = leaves.collect();
            let sorted = sorted(&metadata, own.len(), &leaves);
            let said = metadata_of(own, about.key_value_metadata(), columns, kept, pairs);
            let mut properties = WriterProperties::builder()
                .set_sorting_columns(sorted)
                .set_key_value_metadata(Some(said.map_err(damaged)?));
            // Readers go by the writer in what they take statistics and times in 96 bits for.
            // fastparquet reads files of its name as it writes them, which the codes are not.
            let writer = about.created_by().filter(|writer| !writer.starts_with("fastparquet"));
            if let Some(writer) = writer {
                properties = properties.set_created_by(writer.to_owned());
            }
            let properties = properties.build();
            let writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))
                .map_err(|error| write_error(&error))?;
            Ok(Self { writer, path, data, metadata, leaves, next: 0 })
        })
    }

    /// The rows of each row group.
    pub(crate) fn groups(&self) -> Vec<u64> {
        self.metadata.row_groups().iter().map(|group| group.num_rows() as u64).collect()
    }

    /// Writes the next row group, whose own columns these are.
    pub(crate) fn append(&mut self, own: Vec<Chunk>) -> Result<(), TableError> {
        let Self { writer, path, data, metadata, leaves, next } = self;
        guarded(path, || {
            let number = std::mem::replace(next, *next + 1);
            let mut out = writer.next_row_group().map_err(|error| write_error(&error))?;
            // The library writes the places of the pages of all columns, or of none.
            let is_indexed = metadata.offset_index().is_some() || leaves.is_empty();
            for mut chunk in own {
                if !is_indexed {
                    chunk.without_indexes();
                }
                chunk.append(&mut out).map_err(|error| write_error(&error))?;
            }
            let group = metadata.row_group(number);
            let rows = group.num_rows() as u64;
            for leaf in leaves.iter().copied() {
                let chunk = group.column(leaf);
                let bloom_filter = Sbbf::read_from_column_chunk(chunk, data)
                    .map_err(|_| TableError::Parquet { path: path.clone() })?;
                let close = ColumnCloseResult {
                    bytes_written: chunk.compressed_size() as u64,
                    rows_written: rows,
                    metadata: chunk.clone(),
                    bloom_filter,
                    column_index: metadata.column_index().map(|all| all[number][leaf].clone()),
                    offset_index: metadata.offset_index().map(|all| all[number][leaf].clone()),
                };
                out.append_column(data, close).map_err(|error| match error {
                    ParquetError::External(_) => write_error(&error),
                    _ => TableError::Parquet { path: path.clone() },
                })?;
            }
            out.close().map(|_| ()).map_err(|error| write_error(&error))
        })
    }

    pub(crate) fn finish(self) -> Result<(), TableError> {
        let mut out = self.writer.into_inner().map_err(|error| write_error(&error))?;
        out.flush().map_err(|error| TableError::Write { kind: error.kind() })
    }
}

/// Whether the page indexes of the file are read: the library reads them all at once, and makes
/// room for as many pages as they say. Not where they lie far apart, which is no fault.
fn indexes(path: &Path, data: &File) -> Result<PageIndexPolicy, TableError> {
    let damaged = || TableError::Parquet { path: path.to_owned() };
    let failed = |error| FileError::from_io(path, &error);
    let length = data.metadata().map_err(failed)?.len();
    let metadata = ParquetMetaDataReader::new().parse_and_finish(data).map_err(|_| damaged())?;
    let chunks = metadata.row_groups().iter().flat_map(|group| group.columns());
    let ranges = chunks.flat_map(|chunk| {
        [
            chunk.column_index_offset().zip(chunk.column_index_length()),
            chunk.offset_index_offset().zip(chunk.offset_index_length()),
        ]
    });
    let (mut first, mut last) = (length, 0);
    for (begin, size) in ranges.flatten() {
        let range = u64::try_from(begin).ok().zip(u64::try_from(size).ok());
        let (begin, size) = range.ok_or_else(damaged)?;
        let end = begin.checked_add(size).filter(|end| *end <= length).ok_or_else(damaged)?;
        (first, last) = (first.min(begin), last.max(end));
        if last.saturating_sub(first) > MOST {
            return Ok(PageIndexPolicy::Skip);
        }
        let mut bytes = vec![0; size as usize];
        read_at(data, &mut bytes, begin).map_err(failed)?;
        if !is_whole(&bytes) {
            return Err(damaged());
        }
    }
    Ok(PageIndexPolicy::Optional)
}

/// By which columns the rows of each row group are sorted, as far as these are kept.
fn sorted(metadata: &ParquetMetaData, own: usize, leaves: &[usize]) -> Option<Vec<SortingColumn>> {
    let mut groups = metadata.row_groups().iter().map(|group| group.sorting_columns());
    let first = groups.next()??;
    let place = |column: &SortingColumn| {
        let at = leaves.iter().position(|leaf| *leaf as i32 == column.column_idx)?;
        Some(SortingColumn { column_idx: (own + at) as i32, ..column.clone() })
    };
    let kept: Vec<_> = first.iter().map_while(place).collect();
    (groups.all(|group| group == Some(first)) && !kept.is_empty()).then_some(kept)
}

/// The own columns, then those that are kept, as the file says them.
fn schema(
    own: &[FieldRef],
    columns: &SchemaDescriptor,
    kept: &[usize],
) -> Result<Type, ParquetError> {
    let own = ArrowSchemaConverter::new().convert(&Schema::new(own.to_vec()))?;
    let root = columns.root_schema();
    let kept = kept.iter().map(|column| root.get_fields()[*column].clone());
    let fields = own.root_schema().get_fields().iter().cloned().chain(kept);
    Type::group_type_builder(root.name()).with_fields(fields.collect()).build()
}

/// What the metadata of the file `data` says, for one whose columns are written anew, the own ones
/// first: its pairs, and those of its schema of Arrow.
pub(crate) fn said_beside(
    data: &Path,
    own: Vec<FieldRef>,
    kept: &[usize],
) -> Result<(Vec<KeyValue>, HashMap<String, String>), TableError> {
    guarded(data, || {
        let damaged = |_: ParquetError| TableError::Parquet { path: data.to_owned() };
        let file = files::open_to_read(data)?;
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&file).map_err(damaged)?;
        let about = metadata.file_metadata();
        let said = about.key_value_metadata();
        let pairs = metadata_of(own, said, about.schema_descr(), kept, Vec::new());
        let (schema, pairs): (Vec<_>, Vec<_>) =
            pairs.map_err(damaged)?.into_iter().partition(|pair| pair.key == ARROW_SCHEMA_META_KEY);
        let schema = schema.last().and_then(written_schema);
        Ok((pairs, schema.map(|schema| schema.metadata().clone()).unwrap_or_default()))
    })
}

/// What the metadata of the file says, but of codes; Arrow's schema, and what engines say of the
/// columns, is that of the attached file.
fn metadata_of(
    own: Vec<FieldRef>,
    said: Option<&Vec<KeyValue>>,
    columns: &SchemaDescriptor,
    kept: &[usize],
    pairs: Vec<(&'static str, String)>,
) -> Result<Vec<KeyValue>, ParquetError> {
    let goes = |key: &str| key.starts_with("cstatns.") || AVRO.contains(&key);
    let names = columns.root_schema().get_fields().iter().map(|field| field.name()).enumerate();
    let gone: Vec<&str> =
        names.filter(|(column, _)| !kept.contains(column)).map(|(_, name)| name).collect();
    let mut all: Vec<_> =
        pairs.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect();
    for pair in said.into_iter().flatten().filter(|pair| !goes(&pair.key)) {
        if pair.key != ARROW_SCHEMA_META_KEY {
            let value = pair.value.as_ref().map(|value| described(&pair.key, value, &own, &gone));
            all.push(KeyValue::new(pair.key.clone(), value));
            continue;
        }
        let schema = arrow_schema(columns, said).and_then(|_| written_schema(pair));
        let fits =
            |schema: &Schema| schema.fields().len() == columns.root_schema().get_fields().len();
        let Some(schema) = schema.filter(fits) else { continue };
        let kept = kept.iter().map(|column| schema.fields()[*column].clone());
        let fields: Vec<_> = own.iter().cloned().chain(kept).collect();
        let metadata = schema.metadata().iter().filter(|(key, _)| !goes(key));
        let metadata = metadata
            .map(|(key, value)| (key.clone(), described(key, value, &own, &gone)))
            .collect();
        let schema = Schema::new_with_metadata(fields, metadata);
        all.push(KeyValue::new(pair.key.clone(), encode_arrow_schema(&schema)));
    }
    Ok(all)
}
