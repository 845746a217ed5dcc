//! Reading in batches.

use std::io;
use std::path::Path;
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::{ParquetRecordBatchReader, RowSelection, RowSelector};
use ::parquet::arrow::{FieldLevels, ProjectionMask, parquet_to_arrow_field_levels};
use ::parquet::basic::Compression;
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use ::parquet::schema::types::SchemaDescriptor;
use arrow_array::{Array, ArrayRef, NullArray, RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use cstatns_base::coded::ColumnName;
use cstatns_base::files::{self, FileError, ReadAt, read_at};
use cstatns_base::meta::Known;
use sha2::{Digest, Sha256};

use crate::error::TableError;

use super::bounds::{Ledger, Stop};
use super::header::{MOST_DEPTH, depth};
use super::pages::{Groups, Whole};
use super::types::types;
use super::{flat_schema, guarded};

/// What is read at once, whatever the row groups of the file: fewer rows than are asked for where
/// they are wide.
const BATCH_BYTES: u64 = 8 << 20;
/// The most that a row takes, in bytes: it is copied a few times on its way. In a small file it may
/// take less, with so much more for each byte of the file: large values make a large file, unless
/// somebody means harm.
const ROW: u64 = 64 << 20;
const ROW_FOR_BYTE: u64 = 16;

/// Reads rows.
pub(crate) struct Reader {
    /// As the file says it; the batches are of the flat types.
    schema: SchemaRef,
    header: Vec<Vec<u8>>,
    known: Known,
    rows: u64,
    groups: Groups,
    columns: SchemaDescriptor,
    levels: FieldLevels,
    /// The columns that are read, ascending, and the schema of batches in which the others are
    /// null; none where all are read.
    chosen: Option<(Vec<usize>, SchemaRef)>,
    /// What the data is known again by, if that was asked for.
    pub(crate) digest: Option<[u8; 32]>,
    names: Vec<String>,
    /// The rows of a batch, where they are not too large for that, and those of the present ones.
    most: usize,
    batch: usize,
    /// The rows that were given out.
    at: u64,
    /// The row group of the next row, and the rows before it.
    group: usize,
    before: u64,
    /// What is read of, and the row where that ends.
    batches: Option<ParquetRecordBatchReader>,
    end: u64,
}

impl Reader {
    /// `rows` are read at once.
    pub(crate) fn open(path: &Path, rows: usize) -> Result<Self, TableError> {
        Self::open_inside(path, Arc::new(files::open_to_read(path)?), rows)
    }

    /// The same of these bytes; errors call them `path`.
    pub(crate) fn open_inside(
        path: &Path,
        file: Arc<dyn ReadAt>,
        rows: usize,
    ) -> Result<Self, TableError> {
        guarded(path, || Self::open_unguarded(path, file, rows))
    }

    /// Opens the same file once more.
    pub(crate) fn again(&self, path: &Path) -> Result<Self, TableError> {
        Self::open_inside(path, self.groups.file.clone(), self.most)
    }

    fn open_unguarded(path: &Path, file: Arc<dyn ReadAt>, rows: usize) -> Result<Self, TableError> {
        let length = file.length().map_err(|error| FileError::from_io(path, &error))?;
        if length == 0 {
            return Err(TableError::EmptyFile { path: path.to_owned() });
        }
        let failed = |error| read_error(path, &error);
        if is_text(&*file, length).map_err(|error| FileError::from_io(path, &error))? {
            return Err(TableError::NotParquet { path: path.to_owned() });
        }
        check_depth(path, &*file, length)?;
        let whole = Whole { file: file.clone(), length };
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&whole).map_err(failed)?;
        let about = metadata.file_metadata();
        let (columns, schema) = types(about).map_err(failed)?;
        let flat = flat_schema(&schema);
        let levels =
            parquet_to_arrow_field_levels(&columns, ProjectionMask::all(), Some(flat.fields()))
                .map_err(failed)?;
        let mut chunks = metadata.row_groups().iter().flat_map(|group| group.columns());
        if let Some(codec) = chunks.find_map(|chunk| unreadable(chunk.compression())) {
            return Err(TableError::ParquetCodec { path: path.to_owned(), codec });
        }
        let pairs = about.key_value_metadata();
        let known = Known::read(|key| {
            pairs?.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.clone())
        })
        .map_err(|key| TableError::Metadata { path: path.to_owned(), key })?;
        let header =
            schema.fields().iter().map(|field| field.name().clone().into_bytes()).collect();
        let names: Vec<_> = columns.columns().iter().map(|column| column.path().string()).collect();
        let ledger = Ledger::new(columns.columns(), length);
        let limit = row_limit(length);
        if let Some((_, leaf)) = ledger.widest().filter(|(width, _)| *width > limit) {
            return Err(TableError::WideColumn {
                path: path.to_owned(),
                column: ColumnName::at(names[leaf].as_bytes(), leaf),
                limit,
            });
        }
        let (whole, bytes) =
            extent(&metadata).ok_or_else(|| TableError::Parquet { path: path.to_owned() })?;
        let width = (bytes / whole.max(1)).max(ledger.width()).max(1);
        let most = rows.min((BATCH_BYTES / width).max(1) as usize);
        let range = 0..metadata.num_row_groups();
        let groups =
            Groups { file, length, metadata: Arc::new(metadata), ledger: Arc::new(ledger), range };
        let mut reader = Self {
            schema: Arc::new(schema),
            header,
            known,
            rows: whole,
            groups,
            columns,
            levels,
            chosen: None,
            digest: None,
            names,
            most,
            batch: most,
            at: 0,
            group: 0,
            before: 0,
            batches: None,
            end: 0,
        };
        reader.seek().map_err(failed)?;
        let read =
            reader.batches.iter().flat_map(|batches| batches.schema().fields().clone().to_vec());
        if reader.batches.is_some()
            && !read
                .map(|field| field.data_type().clone())
                .eq(flat.fields().iter().map(|field| field.data_type().clone()))
        {
            return Err(TableError::ParquetFeature { path: path.to_owned() });
        }
        Ok(reader)
    }

    /// Reads these columns alone, from the row `at` on: the others are null. They are looked at and
    /// not written.
    pub(crate) fn choose(
        &mut self,
        path: &Path,
        columns: &[usize],
        at: u64,
    ) -> Result<(), TableError> {
        guarded(path, || {
            let flat = flat_schema(&self.schema);
            let mask = ProjectionMask::roots(&self.columns, columns.iter().copied());
            self.levels = parquet_to_arrow_field_levels(&self.columns, mask, Some(flat.fields()))
                .map_err(|error| read_error(path, &error))?;
            let field = |(column, field): (usize, &Arc<Field>)| match columns.contains(&column) {
                true => field.clone(),
                false => Arc::new(Field::new(field.name(), DataType::Null, true)),
            };
            let fields: Vec<_> = flat.fields().iter().enumerate().map(field).collect();
            let chosen = (0..fields.len()).filter(|column| columns.contains(column)).collect();
            self.groups.ledger.only_looks();
            self.chosen = Some((chosen, Arc::new(Schema::new(fields))));
            (self.at, self.group, self.before, self.batch) = (at, 0, 0, self.most);
            self.seek().map_err(|error| read_error(path, &error))
        })
    }

    /// The columns that are read; none where all are.
    pub(crate) fn chosen(&self) -> Option<&[usize]> {
        self.chosen.as_ref().map(|(columns, _)| &columns[..])
    }

    /// The batch as it is given out: with all columns.
    fn expand(&self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        let Some((chosen, schema)) = &self.chosen else { return Ok(batch) };
        let rows = batch.num_rows();
        let none: ArrayRef = Arc::new(NullArray::new(rows));
        let mut columns = vec![none; schema.fields().len()];
        for (column, values) in chosen.iter().zip(batch.columns()) {
            columns[*column] = values.clone();
        }
        RecordBatch::try_new(schema.clone(), columns)
    }

    /// Keeps the SHA-256 of what must not change while codes are away: the footer, which says where
    /// everything stands, and the bytes of these columns.
    pub(crate) fn know_again(&mut self, path: &Path, columns: &[usize]) -> Result<(), TableError> {
        // Where a chunk says that it lies may be damaged, and the library panics over it.
        self.digest = Some(guarded(path, || self.digest_of(path, columns))?);
        Ok(())
    }

    fn digest_of(&self, path: &Path, columns: &[usize]) -> Result<[u8; 32], TableError> {
        let failed = |error| FileError::from_io(path, &error);
        let (file, length) = (&*self.groups.file, self.groups.length);
        let mut hash = Sha256::new();
        let mut bytes = Vec::new();
        let mut add = |start: u64, end: u64| -> Result<(), TableError> {
            let mut at = start;
            while at < end {
                let part = (end - at).min(1 << 20);
                bytes.resize(part as usize, 0);
                read_at(file, &mut bytes, at).map_err(failed)?;
                hash.update(&bytes);
                at += part;
            }
            Ok(())
        };
        let mut size = [0; 4];
        read_at(file, &mut size, length.saturating_sub(8)).map_err(failed)?;
        let footer = 8 + u64::from(u32::from_le_bytes(size));
        add(length.saturating_sub(footer), length)?;
        for group in self.groups.metadata.row_groups() {
            for (leaf, chunk) in group.columns().iter().enumerate() {
                if columns.contains(&self.columns.get_column_root_idx(leaf)) {
                    let (start, length) = chunk.byte_range();
                    add(start, start.saturating_add(length))?;
                }
            }
        }
        Ok(hash.finalize().into())
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(crate) fn header(&self) -> &[Vec<u8>] {
        &self.header
    }

    /// The rows of the file.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// The bytes of the file.
    pub(crate) fn length(&self) -> u64 {
        self.groups.length
    }

    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    /// Begins to read at the next row, to the end of the file; if batches are smaller than they
    /// should be, to that of the row group. Nothing is left to be read of at the end of the file.
    fn seek(&mut self) -> Result<(), ParquetError> {
        // What it holds goes before there is another.
        self.batches = None;
        let metadata = self.groups.metadata.clone();
        let rows = |group: usize| metadata.row_group(group).num_rows() as u64;
        let count = metadata.num_row_groups();
        while self.group < count && self.before + rows(self.group) <= self.at {
            self.before += rows(self.group);
            self.group += 1;
        }
        if self.group == count {
            return Ok(());
        }
        let last = if self.batch < self.most { self.group + 1 } else { count };
        let range = self.group..last;
        self.end = self.before + range.clone().map(rows).sum::<u64>();
        let groups = Groups { range, ..self.groups.clone() };
        self.groups.ledger.begin();
        let skipped = (self.at - self.before) as usize;
        let selection = (skipped > 0).then(|| {
            let rest = (self.end - self.at) as usize;
            RowSelection::from(vec![RowSelector::skip(skipped), RowSelector::select(rest)])
        });
        let batch = self.batch.min((self.end - self.at) as usize);
        self.batches = Some(ParquetRecordBatchReader::try_new_with_row_groups(
            &self.levels,
            &groups,
            batch,
            selection,
        )?);
        Ok(())
    }

    /// The next rows, none at the end of the file.
    pub(crate) fn next(&mut self, path: &Path) -> Result<Option<RecordBatch>, TableError> {
        // Nothing is read again after an error, so what a panic left half done is not seen.
        guarded(path, || self.next_unguarded(path))
    }

    fn next_unguarded(&mut self, path: &Path) -> Result<Option<RecordBatch>, TableError> {
        let mut again = false;
        loop {
            let Some(batches) = &mut self.batches else { return Ok(None) };
            self.groups.ledger.begin_batch(self.batch, again);
            let next = batches.next();
            let fewer = match next {
                None if self.at < self.end => {
                    return Err(TableError::Parquet { path: path.to_owned() });
                }
                None => {
                    (self.batch, again) = (self.most, false);
                    self.seek().map_err(|error| read_error(path, &error))?;
                    continue;
                }
                Some(Ok(batch)) => match self.fits(path, &batch)? {
                    None => {
                        self.at += batch.num_rows() as u64;
                        let batch = self.expand(batch);
                        return batch
                            .map(Some)
                            .map_err(|_| TableError::Parquet { path: path.to_owned() });
                    }
                    Some(fewer) => fewer,
                },
                Some(Err(error)) => match self.groups.ledger.stop() {
                    Some(Stop::Shrink) => self.batch / 8,
                    Some(stop) => return Err(self.refusal(path, stop)),
                    None if matches!(error, ArrowError::NotYetImplemented(_)) => {
                        return Err(TableError::ParquetFeature { path: path.to_owned() });
                    }
                    None if is_text_fault(&error) => {
                        return Err(TableError::ParquetText { path: path.to_owned() });
                    }
                    None => return Err(TableError::Parquet { path: path.to_owned() }),
                },
            };
            (self.batch, again) = (fewer.max(1), true);
            self.seek().map_err(|error| read_error(path, &error))?;
        }
    }

    /// Whether a batch is as small as it should be; if it is not, how many rows may be.
    fn fits(&self, path: &Path, batch: &RecordBatch) -> Result<Option<usize>, TableError> {
        // With what is reserved: most are small even so.
        if batch.get_array_memory_size() as u64 <= BATCH_BYTES {
            return Ok(None);
        }
        let sizes = batch
            .columns()
            .iter()
            .map(|column| column.to_data().get_slice_memory_size().unwrap_or(0));
        let sizes: Vec<u64> = sizes.map(|size| size as u64).collect();
        let size: u64 = sizes.iter().sum();
        let rows = batch.num_rows();
        if rows > 1 && size > BATCH_BYTES / 2 * 3 {
            let fewer = rows as u64 * BATCH_BYTES / size;
            return Ok(Some((fewer as usize).min(rows / 2)));
        }
        let limit = row_limit(self.groups.length);
        if rows == 1 && size > limit {
            let widest = (0..sizes.len()).max_by_key(|column| sizes[*column]);
            let column = widest.unwrap_or_default();
            let column = self.chosen().map_or(column, |chosen| chosen[column]);
            let column = ColumnName::at(self.schema.field(column).name().as_bytes(), column);
            return Err(TableError::WideRow {
                path: path.to_owned(),
                column,
                row: self.at + 1,
                limit,
            });
        }
        Ok(None)
    }

    fn refusal(&self, path: &Path, stop: Stop) -> TableError {
        let (path, named) =
            (path.to_owned(), |leaf: usize| ColumnName::at(self.names[leaf].as_bytes(), leaf));
        match stop {
            Stop::TooLarge { leaf, group } => {
                TableError::WidePage { path, column: named(leaf), group: group as u64 + 1 }
            }
            Stop::Inexact { leaf, group } => {
                TableError::InexactTime { path, column: named(leaf), group: group as u64 + 1 }
            }
            Stop::Read(error) => FileError::from_io(&path, &error).into(),
            Stop::Shrink => unreachable!("the batch is read again"),
        }
    }
}

/// The name of a compression that is not read.
fn unreadable(compression: Compression) -> Option<&'static str> {
    match compression {
        Compression::LZO => Some("LZO"),
        _ => None,
    }
}

fn row_limit(length: u64) -> u64 {
    length.saturating_mul(ROW_FOR_BYTE).saturating_add(BATCH_BYTES).min(ROW)
}

/// The rows of all row groups, and the bytes that they say they take; none if they cannot be.
fn extent(metadata: &ParquetMetaData) -> Option<(u64, u64)> {
    metadata.row_groups().iter().try_fold((0_u64, 0_u64), |(rows, bytes), group| {
        let more = u64::try_from(group.num_rows())
            .ok()
            .filter(|rows| *rows <= u64::from(u32::MAX) << 16)?;
        let taken = u64::try_from(group.total_byte_size()).unwrap_or(0);
        Some((rows.checked_add(more)?, bytes.saturating_add(taken)))
    })
}

/// Whether a file begins as text does.
fn is_text(file: &dyn ReadAt, length: u64) -> io::Result<bool> {
    let mut start = vec![0; length.min(512) as usize];
    read_at(file, &mut start, 0)?;
    let is_control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\r' | b'\n');
    let is_cut = b"PAR".starts_with(&start[..start.len().min(3)]);
    Ok(!is_cut && !start.iter().any(is_control))
}

/// Refuses a file whose columns lie too deep in one another.
fn check_depth(path: &Path, file: &dyn ReadAt, length: u64) -> Result<(), TableError> {
    // The library finds out what is not a footer.
    let Some(tail) = length.checked_sub(8) else { return Ok(()) };
    let read = |bytes: &mut [u8], at| read_at(file, bytes, at);
    let mut size = [0; 4];
    read(&mut size, tail).map_err(|error| FileError::from_io(path, &error))?;
    let size = u64::from(u32::from_le_bytes(size));
    let Some(start) = tail.checked_sub(size) else { return Ok(()) };
    let mut footer = vec![0; size as usize];
    read(&mut footer, start).map_err(|error| FileError::from_io(path, &error))?;
    match depth(&footer) {
        Some(depth) if depth > MOST_DEPTH => {
            Err(TableError::ParquetFeature { path: path.to_owned() })
        }
        Some(_) => Ok(()),
        None => Err(TableError::Parquet { path: path.to_owned() }),
    }
}

/// Whether the library found text that is not UTF-8, which it says in words alone.
fn is_text_fault(error: &ArrowError) -> bool {
    error.to_string().contains("UTF-8")
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
