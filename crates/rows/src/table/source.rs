//! Reading rows in batches.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchReader};
use cstatns_base::files::ReadAt;

use super::extent::Extent;
use super::readers::{Any, Reader};
use super::{BATCH, Batch, Fill, Format, Table};
use crate::csv::{self, Delimiter, Fields, Place};
use crate::encoding::Encoding;
use crate::error::TableError;
use crate::{frames, parquet};

/// The most batches that are read at once: wide rows make small ones.
const MOST_BATCHES: usize = 64;
/// From so many bytes on there is no further batch.
pub const MOST_BYTES: usize = 24 << 20;
/// Where rows are taken from. A new kind is a decision for all code that opens one: the list is not
/// left open.
pub enum Input<'a> {
    /// A file: CSV or Parquet, by its extension.
    File(&'a Path),
    /// What is piped in: text of the type that the name says, which errors call it.
    Pipe(&'a Path, File),
    /// What lies in a parcel: of the type that the name says, which errors call it.
    Inside(&'a Path, Arc<dyn ReadAt>),
    /// A frame: what a program hands over, without a file. Its columns have Arrow's types; its
    /// schema's metadata says what a Parquet file's would.
    Frame {
        /// What errors call it.
        name: &'a str,
        /// How many rows it has, if that is known. A wrong number costs time or memory, nothing
        /// else.
        rows: Option<u64>,
        /// Its rows.
        batches: Box<dyn RecordBatchReader + Send>,
    },
}

impl<'a> Input<'a> {
    /// Opens it. `delimiter` is that of a CSV file.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn open(self, delimiter: Delimiter<'_>) -> Result<Source, TableError> {
        self.open_in(delimiter, None)
    }

    /// The same; text is in this encoding.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn open_in(
        self,
        delimiter: Delimiter<'_>,
        encoding: Option<Encoding>,
    ) -> Result<Source, TableError> {
        match self {
            Self::File(path) => Source::open_in(path, delimiter, encoding),
            Self::Pipe(name, piped) => match Format::of(name)?.text() {
                Some(_) => Source::lines(name, Place::Pipe(piped), delimiter, encoding),
                None => Err(TableError::PipedParquet { path: name.to_owned() }),
            },
            Self::Inside(name, bytes) => match Format::of(name)? {
                Format::Csv | Format::Text(_) => {
                    Source::lines(name, Place::Inside(bytes), delimiter, encoding)
                }
                Format::Parquet => {
                    let reader = parquet::Reader::open_inside(name, bytes, BATCH)?;
                    Ok(Source::columns(name, false, reader))
                }
            },
            Self::Frame { name, rows, batches } => Source::frame(name, rows, batches),
        }
    }

    /// The path, if it is a file.
    pub fn file(&self) -> Option<&'a Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Pipe(..) | Self::Inside(..) | Self::Frame { .. } => None,
        }
    }
}

impl<'a, P: AsRef<Path> + ?Sized> From<&'a P> for Input<'a> {
    fn from(path: &'a P) -> Self {
        Self::File(path.as_ref())
    }
}

/// Rows that can be read once, in one of the two forms that they have in memory.
pub enum Source {
    /// Lines of CSV.
    Lines(Stream<Fields>),
    /// Columns of Arrow's types: those of Parquet or of a frame.
    Columns(Stream<RecordBatch>),
}

impl Source {
    /// Opens a file by its extension.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn open(path: &Path, delimiter: Delimiter<'_>) -> Result<Self, TableError> {
        Self::open_in(path, delimiter, None)
    }

    /// The same; text is in this encoding.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn open_in(
        path: &Path,
        delimiter: Delimiter<'_>,
        encoding: Option<Encoding>,
    ) -> Result<Self, TableError> {
        match Format::of(path)? {
            Format::Csv | Format::Text(_) => Self::lines(path, Place::File, delimiter, encoding),
            Format::Parquet => Ok(Self::columns(path, true, parquet::Reader::open(path, BATCH)?)),
        }
    }

    fn columns(path: &Path, is_file: bool, reader: parquet::Reader) -> Self {
        let table = Table {
            path: path.to_owned(),
            is_file,
            header: reader.header().to_vec(),
            raw: None,
            wider: None,
            delimiter: b',',
            quoted: Vec::new(),
            style: csv::Style::default(),
            known: Some(reader.known().clone()),
            schema: Some(reader.schema().clone()),
            rows: Some(reader.rows()),
        };
        Self::Columns(Stream::new(table, reader))
    }

    fn lines(
        path: &Path,
        place: Place,
        delimiter: Delimiter<'_>,
        encoding: Option<Encoding>,
    ) -> Result<Self, TableError> {
        let is_file = matches!(place, Place::File);
        let reader = csv::Reader::open_at(path, place, delimiter, encoding, csv::WINDOW)?;
        let (mut header, mut raw) = (reader.header().to_vec(), None);
        if let Some(encoding) = encoding.filter(|encoding| encoding.is_single()) {
            let decoded = header.iter().map(|name| {
                let mut out = Vec::new();
                encoding.decode(name, &mut out);
                out
            });
            let decoded = decoded.collect();
            raw = Some(std::mem::replace(&mut header, decoded));
        }
        let table = Table {
            path: path.to_owned(),
            is_file,
            header,
            raw,
            wider: reader.wider(),
            delimiter: reader.delimiter(),
            quoted: reader.quoted().to_vec(),
            style: reader.style(),
            known: None,
            schema: None,
            rows: None,
        };
        Ok(Self::Lines(Stream::new(table, reader)))
    }

    /// The rows of a frame. See [`Input::Frame`].
    ///
    /// # Errors
    /// [`TableError::ColumnType`], [`TableError::Metadata`].
    pub fn frame(
        name: &str,
        rows: Option<u64>,
        batches: Box<dyn RecordBatchReader + Send>,
    ) -> Result<Self, TableError> {
        let reader = frames::Reader::new(Path::new(name), batches)?;
        let table = Table {
            path: name.into(),
            is_file: false,
            header: reader.header().to_vec(),
            raw: None,
            wider: None,
            delimiter: b',',
            quoted: Vec::new(),
            style: csv::Style::default(),
            known: Some(reader.known().clone()),
            schema: Some(reader.schema().clone()),
            rows,
        };
        Ok(Self::Columns(Stream::new(table, reader)))
    }

    /// What is known of the rows.
    pub fn table(&self) -> &Table {
        match self {
            Self::Lines(stream) => &stream.table,
            Self::Columns(stream) => &stream.table,
        }
    }

    /// The rows in whatever form, for code that only looks at cells.
    pub fn any(self) -> Rows {
        match self {
            Self::Lines(stream) => stream.any(),
            Self::Columns(stream) => stream.any(),
        }
    }
}

/// Rows in whatever form.
pub type Rows = Stream<Box<dyn Batch>>;

/// Rows that are read in batches of one form.
pub struct Stream<B> {
    /// What is known of the rows.
    pub table: Table,
    reader: Box<dyn Reader<B>>,
    /// The rows that `next_batch` has given out.
    rows: u64,
    /// What stopped a block that has rows before it.
    stopped: Option<TableError>,
}

impl<B: Fill> Stream<B> {
    pub(super) fn new(table: Table, reader: impl Reader<B> + 'static) -> Self {
        Self { table, reader: Box::new(reader), rows: 0, stopped: None }
    }

    pub(super) fn into_reader(self) -> Box<dyn Reader<B>> {
        self.reader
    }

    fn any(self) -> Rows {
        let Self { table, reader, rows, stopped } = self;
        Stream { table, reader: Box::new(Any(reader)), rows, stopped }
    }

    /// How large the whole is.
    ///
    /// # Errors
    /// [`TableError`], of the first rows.
    pub fn extent(&mut self) -> Result<Extent, TableError> {
        self.reader.extent(&self.table)
    }

    /// From now on a row of a CSV file with more or fewer fields than the header is no error:
    /// [`Fields::ragged`] has its line.
    pub fn set_ragged_apart(&mut self) {
        self.reader.set_ragged_apart();
    }

    /// From now on fields of text keep whether they are in quotes, for who writes them again.
    pub fn keep_quotes(&mut self) {
        self.reader.keep_quotes();
    }

    /// From now on these columns alone are read, of a Parquet file, from the row `at` on: the
    /// others are null. Of lines and frames all columns are there, from where they are.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn choose(&mut self, columns: &[usize], at: u64) -> Result<(), TableError> {
        self.reader.choose(&self.table, columns, at)
    }

    /// Begins to keep what the data, of which these columns are sent, is known again by. Before its
    /// first row is read.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn know_again(&mut self, columns: &[usize]) -> Result<(), TableError> {
        self.reader.know_again(&self.table, columns)
    }

    /// The digest that a file is known again by (SPEC §6), once it was read to its end; none where
    /// it was not kept.
    pub fn digest(&self) -> Option<[u8; 32]> {
        self.reader.digest()
    }

    /// Fills `batch` with the next rows, of a CSV file at most `limit`; false at the end. They are
    /// there after [`Batch::split`].
    ///
    /// # Errors
    /// [`TableError`].
    pub fn fill(&mut self, batch: &mut B, limit: usize) -> Result<bool, TableError> {
        self.reader.fill(&self.table.path, batch, limit)
    }

    /// Fills the first `filled` of `batches` with the next rows: `rows` of them, or one batch if
    /// that has more; false at the end of the file. An error is that of a block of its own: those
    /// in the batches before it come first.
    pub fn fill_all(
        &mut self,
        batches: &mut Vec<B>,
        filled: &mut usize,
        rows: usize,
    ) -> Result<bool, TableError> {
        let (mut lines, mut bytes) = (0, 0);
        *filled = 0;
        if let Some(error) = self.stopped.take() {
            return Err(error);
        }
        while *filled == 0 || (lines < rows && bytes < MOST_BYTES && *filled < MOST_BATCHES) {
            if batches.len() == *filled {
                batches.push(B::empty());
            }
            match self.fill(&mut batches[*filled], rows.saturating_sub(lines).max(1)) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if *filled > 0 => {
                    self.stopped = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
            lines += batches[*filled].lines();
            bytes += batches[*filled].bytes();
            *filled += 1;
        }
        Ok(*filled > 0)
    }

    /// How many rows [`Stream::next_batch`] has given out.
    pub fn given_out(&self) -> u64 {
        self.rows
    }

    /// The next rows, for who reads them one batch after the other; none at the end of the file.
    pub fn next_batch(&mut self) -> Result<Option<B>, TableError> {
        let mut batch = B::empty();
        let filled = self.fill(&mut batch, BATCH).and_then(|found| {
            batch.split(&self.table.path)?;
            Ok(found)
        });
        let found = filled.map_err(|error| error.after(self.rows))?;
        self.rows += batch.rows() as u64;
        Ok(found.then_some(batch))
    }
}
