//! Parquet: reading in batches and writing in row groups.
//!
//! The errors of the Parquet and Arrow libraries may quote what they read, so only their kind is kept. On damaged files
//! they also panic; that is caught here, because a damaged file is an error like any other.

use std::fs::File;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use ::parquet::basic::Compression;
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use ::parquet::schema::types::ColumnPath;
use arrow_array::{Array, ArrayRef, NullArray, RecordBatch};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use cstatns::files::FileError;

use crate::meta::Known;
use crate::table::TableError;

/// Rows read at once, whatever the row groups of the file.
const BATCH_ROWS: usize = 4096;
/// Rows of a row group that is written, fewer where they are wide.
const GROUP_ROWS: usize = 131_072;
const GROUP_BYTES: usize = 64 << 20;

/// Reads rows.
pub(crate) struct Reader {
    schema: SchemaRef,
    header: Vec<Vec<u8>>,
    known: Known,
    batches: ParquetRecordBatchReader,
}

impl Reader {
    pub(crate) fn open(path: &Path) -> Result<Self, TableError> {
        guarded(path, || Self::open_unguarded(path))
    }

    fn open_unguarded(path: &Path) -> Result<Self, TableError> {
        let file = File::open(path).map_err(|error| FileError::from_io(path, &error))?;
        if file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            return Err(TableError::EmptyFile { path: path.to_owned() });
        }
        let builder =
            ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| read_error(path, &error))?;
        let readable = |compression| {
            matches!(compression, Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_))
        };
        let mut chunks = builder.metadata().row_groups().iter().flat_map(|group| group.columns());
        if !chunks.all(|chunk| readable(chunk.compression())) {
            return Err(TableError::ParquetFeature { path: path.to_owned() });
        }
        let pairs = builder.metadata().file_metadata().key_value_metadata();
        let known =
            Known::read(|key| pairs?.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.clone()))
                .map_err(|key| TableError::Metadata { path: path.to_owned(), key })?;
        let schema = builder.schema().clone();
        let header = schema.fields().iter().map(|field| field.name().clone().into_bytes()).collect();
        let batches =
            builder.with_batch_size(BATCH_ROWS).build().map_err(|error| read_error(path, &error))?;
        Ok(Self { schema, header, known, batches })
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

    /// The next rows, none at the end of the file.
    pub(crate) fn next(&mut self, path: &Path) -> Result<Option<Batch>, TableError> {
        let batches = &mut self.batches;
        // Nothing is read again after an error, so what a panic left half done is not seen.
        let batch = guarded(path, || {
            batches.next().transpose().map_err(|error| match error {
                ArrowError::NotYetImplemented(_) => TableError::ParquetFeature { path: path.to_owned() },
                _ => TableError::Parquet { path: path.to_owned() },
            })
        })?;
        Ok(batch.map(|batch| Batch { rows: batch.num_rows(), columns: batch.columns().to_vec() }))
    }
}

fn guarded<T>(path: &Path, read: impl FnOnce() -> Result<T, TableError>) -> Result<T, TableError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(TableError::Parquet { path: path.to_owned() }))
}

fn read_error(path: &Path, error: &ParquetError) -> TableError {
    match error {
        ParquetError::NYI(_) => TableError::ParquetFeature { path: path.to_owned() },
        ParquetError::External(error) => match error.downcast_ref::<io::Error>() {
            Some(error) => FileError::from_io(path, error).into(),
            None => TableError::Parquet { path: path.to_owned() },
        },
        _ => TableError::Parquet { path: path.to_owned() },
    }
}

/// Rows of one file.
pub(crate) struct Batch {
    rows: usize,
    columns: Vec<ArrayRef>,
}

impl Batch {
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn column(&self, column: usize) -> &ArrayRef {
        &self.columns[column]
    }

    /// Gives up a column that is no longer needed.
    pub(crate) fn forget(&mut self, column: usize) {
        self.columns[column] = Arc::new(NullArray::new(self.rows));
    }
}

/// Writes rows.
pub(crate) struct Writer<W: Write + Send> {
    schema: SchemaRef,
    writer: ArrowWriter<W>,
}

impl<W: Write + Send> Writer<W> {
    /// `plain` names the columns without redundancy: for them dictionary and compression cost time and gain nothing.
    pub(crate) fn new(
        out: W,
        schema: Schema,
        plain: &[&str],
        pairs: Vec<(&'static str, String)>,
    ) -> Result<Self, TableError> {
        let pairs = pairs.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect();
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_max_row_group_bytes(Some(GROUP_BYTES))
            .set_key_value_metadata(Some(pairs));
        for column in plain {
            let path = ColumnPath::from(*column);
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_compression(path, Compression::UNCOMPRESSED);
        }
        let schema = Arc::new(schema);
        let writer = ArrowWriter::try_new(out, schema.clone(), Some(properties.build()))
            .map_err(|error| write_error(&error))?;
        Ok(Self { schema, writer })
    }

    pub(crate) fn write(&mut self, columns: Vec<ArrayRef>) -> Result<(), TableError> {
        let batch = RecordBatch::try_new(self.schema.clone(), columns).map_err(|_| TableError::Unwritable)?;
        self.writer.write(&batch).map_err(|error| write_error(&error))
    }

    pub(crate) fn finish(self) -> Result<(), TableError> {
        let mut out = self.writer.into_inner().map_err(|error| write_error(&error))?;
        out.flush().map_err(|error| TableError::Write { kind: error.kind() })
    }
}

fn write_error(error: &ParquetError) -> TableError {
    match error {
        ParquetError::External(error) => match error.downcast_ref::<io::Error>() {
            Some(error) => TableError::Write { kind: error.kind() },
            None => TableError::Unwritable,
        },
        _ => TableError::Unwritable,
    }
}

/// The values of a column in the order of `picks`, each a batch and a row in it.
pub(crate) fn gather(
    batches: &[&Batch],
    column: usize,
    picks: &[(usize, usize)],
) -> Result<ArrayRef, TableError> {
    let arrays: Vec<&dyn Array> = batches.iter().map(|batch| batch.column(column).as_ref()).collect();
    arrow_select::interleave::interleave(&arrays, picks).map_err(|_| TableError::Unwritable)
}
