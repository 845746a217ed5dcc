//! CSV: reading in batches by the core of the `csv` crate, with buffers of our own that are wiped; writing by RFC 4180.
//!
//! What the reader makes of bytes is what `csv` makes of them (blank lines are passed over, a byte order mark at the start
//! too), but where `csv` prefers some reading to none, two mistakes are refused: rows of different lengths, and a quote
//! that is never closed, which would swallow the rest of the file.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use cstatns::files::FileError;
use csv_core::ReadRecordResult;
use zeroize::Zeroizing;

use crate::table::TableError;

/// A batch ends with the row that reaches either.
const BATCH_ROWS: usize = 4096;
const BATCH_BYTES: usize = 1 << 20;
const INPUT: usize = 256 << 10;
/// A row longer than this is a file that is not what it seems.
const RECORD_LIMIT: usize = 64 << 20;

/// Which byte stands between two fields.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Delimiter<'a> {
    /// As the caller says.
    Given(u8),
    /// The one under which the header has this column, a comma if none does.
    Under(&'a str),
}

/// What a file is that is called CSV and begins like this; none if it may be CSV.
fn foreign(start: &[u8]) -> Option<&'static str> {
    match start {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("text in UTF-16"),
        [b'P', b'A', b'R', b'1', ..] => Some("a Parquet file"),
        [b'P', b'K', 3, 4, ..] => Some("a spreadsheet or another compressed file"),
        [0x1f, 0x8b, ..] => Some("a compressed file"),
        _ => None,
    }
}

/// Reads rows.
pub(crate) struct Reader {
    file: File,
    core: csv_core::Reader,
    delimiter: u8,
    input: Zeroizing<Vec<u8>>,
    at: usize,
    filled: usize,
    /// Line breaks passed over between rows, which `core` has not seen.
    blank: u64,
    rows: u64,
    header: Vec<Vec<u8>>,
    /// Scratch: where the fields of the current row end in it.
    ends: Vec<usize>,
}

impl Reader {
    pub(crate) fn open(path: &Path, delimiter: Delimiter<'_>) -> Result<Self, TableError> {
        let file = File::open(path).map_err(|error| FileError::from_io(path, &error))?;
        let mut reader = Self {
            file,
            core: core(b','),
            delimiter: b',',
            input: Zeroizing::new(vec![0; INPUT]),
            at: 0,
            filled: 0,
            blank: 0,
            rows: 0,
            header: Vec::new(),
            ends: vec![0; 16],
        };
        reader.fill(path)?;
        if let Some(found) = foreign(&reader.input[..reader.filled]) {
            return Err(TableError::NotCsv { path: path.to_owned(), found });
        }
        reader.delimiter = match delimiter {
            Delimiter::Given(delimiter) => delimiter,
            Delimiter::Under(column) => reader.sniff(column),
        };
        reader.core = core(reader.delimiter);
        let mut header = Batch::new(0);
        reader.rows = 0;
        if !reader.record(path, &mut header)? {
            return Err(TableError::EmptyFile { path: path.to_owned() });
        }
        header.columns = header.ends.len();
        reader.header = (0..header.columns).map(|column| header.get(0, column).to_vec()).collect();
        Ok(reader)
    }

    /// The names of the columns.
    pub(crate) fn header(&self) -> &[Vec<u8>] {
        &self.header
    }

    /// What stands between two fields.
    pub(crate) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// The next rows, none at the end of the file.
    pub(crate) fn next(&mut self, path: &Path) -> Result<Option<Batch>, TableError> {
        let mut batch = Batch::new(self.header.len());
        while batch.rows() < BATCH_ROWS && batch.used < BATCH_BYTES && self.record(path, &mut batch)? {}
        Ok((batch.rows() > 0).then_some(batch))
    }

    fn sniff(&self, column: &str) -> u8 {
        let has_column = |delimiter: &u8| {
            let mut output = vec![0; INPUT];
            let mut ends = vec![0; 4096];
            let (_, _, _, fields) =
                core(*delimiter).read_record(&self.input[..self.filled], &mut output, &mut ends);
            let starts = std::iter::once(0).chain(ends.iter().copied());
            starts.zip(&ends[..fields]).any(|(start, end)| &output[start..*end] == column.as_bytes())
        };
        [b',', b';', b'\t', b'|'].into_iter().find(has_column).unwrap_or(b',')
    }

    /// Refills the input buffer, which must be used up; afterwards it is empty at the end of the file only.
    fn fill(&mut self, path: &Path) -> Result<(), TableError> {
        self.at = 0;
        self.filled = loop {
            match self.file.read(&mut self.input) {
                Ok(count) => break count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(FileError::from_io(path, &error).into()),
            }
        };
        Ok(())
    }

    /// Adds the next row to `batch`; false at the end of the file.
    fn record(&mut self, path: &Path, batch: &mut Batch) -> Result<bool, TableError> {
        // Blank lines are passed over here, so that the line that is named is the one where the row begins.
        loop {
            if self.at == self.filled {
                self.fill(path)?;
            }
            match self.input[self.at..self.filled].first() {
                Some(b'\n') => self.blank += 1,
                Some(b'\r') => {}
                _ => break,
            }
            self.at += 1;
        }
        if self.filled == 0 {
            return Ok(false);
        }
        let line = self.core.line() + self.blank;
        let start = batch.used;
        let mut fields = 0;
        loop {
            if self.at == self.filled {
                self.fill(path)?;
            }
            let at_end = self.filled == 0;
            // At the end of the file a line break ends the row, unless a quote is open: then it is part of the field.
            let input: &[u8] = if at_end { b"\n" } else { &self.input[self.at..self.filled] };
            batch.reserve();
            let (result, read, written, ended) =
                self.core.read_record(input, &mut batch.bytes[batch.used..], &mut self.ends[fields..]);
            if !at_end {
                self.at += read;
            }
            batch.used += written;
            fields += ended;
            match result {
                ReadRecordResult::Record => break,
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * fields, 0),
                ReadRecordResult::InputEmpty if at_end => {
                    return Err(TableError::OpenQuote { path: path.to_owned(), line });
                }
                ReadRecordResult::InputEmpty | ReadRecordResult::OutputFull | ReadRecordResult::End => {}
            }
            if batch.used - start > RECORD_LIMIT {
                return Err(TableError::LongRow { path: path.to_owned(), line, limit: RECORD_LIMIT });
            }
        }
        if !self.header.is_empty() && fields != self.header.len() {
            return Err(TableError::Ragged {
                path: path.to_owned(),
                row: self.rows + 1,
                line,
                found: fields,
                expected: self.header.len(),
            });
        }
        if !self.header.is_empty() {
            self.rows += 1;
        }
        batch.ends.extend(self.ends[..fields].iter().map(|end| start + end));
        Ok(true)
    }
}

fn core(delimiter: u8) -> csv_core::Reader {
    csv_core::ReaderBuilder::new().delimiter(delimiter).build()
}

/// Rows of one file, their fields one after the other.
pub(crate) struct Batch {
    columns: usize,
    /// Fixed at the batch's size but for a row that is longer; wiped when dropped.
    bytes: Zeroizing<Vec<u8>>,
    used: usize,
    /// Where each field ends in `bytes`.
    ends: Vec<usize>,
}

impl Batch {
    fn new(columns: usize) -> Self {
        Self { columns, bytes: Zeroizing::new(Vec::new()), used: 0, ends: Vec::new() }
    }

    pub(crate) fn rows(&self) -> usize {
        self.ends.len() / self.columns.max(1)
    }

    pub(crate) fn get(&self, row: usize, column: usize) -> &[u8] {
        &self.bytes[self.range(row, column)]
    }

    fn range(&self, row: usize, column: usize) -> std::ops::Range<usize> {
        let field = row * self.columns + column;
        let start = if field == 0 { 0 } else { self.ends[field - 1] };
        start..self.ends[field]
    }

    /// Wipes a column that is no longer needed, and gives back the room that the rows did not take.
    pub(crate) fn forget(&mut self, column: usize) {
        for row in 0..self.rows() {
            let range = self.range(row, column);
            self.bytes[range].fill(0);
        }
        let kept = self.bytes[..self.used].to_vec();
        self.bytes = Zeroizing::new(kept);
        self.ends.shrink_to_fit();
    }

    /// Makes room for more output. The buffer is replaced rather than grown, so that no copy stays behind.
    fn reserve(&mut self) {
        if self.bytes.len() - self.used < 4096 {
            let size = (2 * self.bytes.len()).max(BATCH_BYTES + INPUT);
            let mut bytes = Zeroizing::new(vec![0; size]);
            bytes[..self.used].copy_from_slice(&self.bytes[..self.used]);
            self.bytes = bytes;
        }
    }
}

/// Writes rows. Lines end with `\n`.
pub(crate) struct Writer<W> {
    out: W,
    delimiter: u8,
    buffer: Zeroizing<Vec<u8>>,
    first: bool,
}

const FLUSH: usize = 256 << 10;

impl<W: Write> Writer<W> {
    pub(crate) fn new(out: W, delimiter: u8) -> Self {
        // Roomy enough that only a field that is larger makes it grow.
        Self { out, delimiter, buffer: Zeroizing::new(Vec::with_capacity(2 * FLUSH)), first: true }
    }

    /// A field, quoted where its bytes ask for it.
    pub(crate) fn field(&mut self, bytes: &[u8]) {
        let start = self.buffer.len() + usize::from(!self.first);
        self.plain(|buffer| buffer.extend_from_slice(bytes));
        let special = |byte: &u8| matches!(*byte, b'"' | b'\r' | b'\n') || *byte == self.delimiter;
        if bytes.iter().any(special) {
            self.buffer.truncate(start);
            self.buffer.push(b'"');
            for (i, part) in bytes.split(|byte| *byte == b'"').enumerate() {
                if i > 0 {
                    self.buffer.extend_from_slice(b"\"\"");
                }
                self.buffer.extend_from_slice(part);
            }
            self.buffer.push(b'"');
        }
    }

    /// A field that never needs quotes, written by `write`.
    pub(crate) fn plain(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if !std::mem::take(&mut self.first) {
            self.buffer.push(self.delimiter);
        }
        write(&mut self.buffer);
    }

    /// Ends a row.
    pub(crate) fn end_row(&mut self) -> std::io::Result<()> {
        self.buffer.push(b'\n');
        self.first = true;
        if self.buffer.len() >= FLUSH { self.flush() } else { Ok(()) }
    }

    pub(crate) fn flush(&mut self) -> std::io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        self.out.flush()
    }
}
