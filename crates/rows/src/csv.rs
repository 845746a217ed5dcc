//! CSV: plain lines by a fast scanner, everything else by the core of the `csv` crate; writing by
//! RFC 4180.
//!
//! What the reader makes of bytes is what `csv` makes of them (blank lines are passed over, a byte
//! order mark at the start too), but where `csv` prefers some reading to none, three mistakes are
//! refused: rows of different lengths, a quote that is never closed, which would swallow the rest
//! of the file, and text behind a closing quote, which may be the beginning of a row that was
//! swallowed. A quote within a field that does not begin with one is a byte like others.
//!
//! Lines without a quote mean what they look like, so whole blocks of them are taken as they stand
//! and split into fields later, by whichever thread works on them. From the first quote on the core
//! of `csv` goes from row to row, until a block is free of quotes again. Buffers are ours, and
//! wiped.

mod all;
mod fields;
mod foreign;
mod lines;
mod quotes;

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read};
use std::path::Path;

use cstatns_base::files::{self, FileError};
use csv_core::ReadRecordResult;
use memchr::{memchr, memchr_iter, memrchr};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::TableError;

use fields::place;
use foreign::foreign;
use quotes::Quotes;

#[doc(hidden)]
pub use all::read_all;
pub use fields::{Fields, Kept};
pub use lines::Lines;

/// A batch that `csv` reads ends with the row that reaches either.
const BATCH_ROWS: usize = 4096;
const BATCH_BYTES: usize = 256 << 10;
/// What is read at once, in bytes: a batch of plain lines is about as large, and stays in the
/// processor's cache.
pub const WINDOW: usize = 256 << 10;
/// A row longer than this is a file that is not what it seems.
const RECORD_LIMIT: usize = 64 << 20;

/// The length of a file that does not say it.
const UNKNOWN_LENGTH: u64 = 4 << 30;

/// Which byte stands between two fields.
#[derive(Clone, Copy, Debug)]
pub enum Delimiter<'a> {
    /// As the caller says.
    Given(u8),
    /// The one under which the header has this column, a comma if none does.
    Under(&'a str),
}

/// What may stand at the start of a file, and is no part of it.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads rows.
pub struct Reader {
    file: Hashed,
    core: csv_core::Reader,
    quotes: Quotes,
    delimiter: u8,
    /// The bytes from `at` to `filled` are read and not yet handed on.
    window: Zeroizing<Vec<u8>>,
    at: usize,
    filled: usize,
    /// What the window takes, however large the buffer is that serves as one.
    size: usize,
    /// Line breaks that `core` has not seen.
    passed: u64,
    header: Vec<Vec<u8>>,
    /// Whether ragged rows are set apart rather than refused.
    sets_ragged_apart: bool,
    /// Whether the digest of the whole is kept.
    keeps_digest: bool,
    /// Scratch: where the fields of the current row end in it.
    ends: Vec<usize>,
}

impl Reader {
    /// Opens a file, which is read by so many bytes at a time.
    pub fn open(path: &Path, delimiter: Delimiter<'_>, window: usize) -> Result<Self, TableError> {
        let file = files::open_to_read(path)?;
        let mut reader = Self {
            file: Hashed { file, hash: Some(Sha256::new()) },
            core: core(b','),
            quotes: Quotes::new(b','),
            delimiter: b',',
            window: Zeroizing::new(vec![0; window]),
            at: 0,
            filled: 0,
            size: window,
            passed: 0,
            header: Vec::new(),
            sets_ragged_apart: false,
            keeps_digest: false,
            ends: vec![0; 16],
        };
        reader.fill(path)?;
        if let Some(found) = foreign(&reader.window[..reader.filled]) {
            return Err(TableError::NotCsv { path: path.to_owned(), found });
        }
        reader.delimiter = match delimiter {
            Delimiter::Given(delimiter) => delimiter,
            Delimiter::Under(column) => reader.sniff(column),
        };
        reader.core = core(reader.delimiter);
        reader.quotes = Quotes::new(reader.delimiter);
        let mut header = Fields::default();
        if !reader.record(path, &mut header)? {
            return Err(TableError::EmptyFile { path: path.to_owned() });
        }
        header.columns = header.fields.len();
        reader.header = (0..header.columns).map(|column| header.get(0, column).to_vec()).collect();
        Ok(reader)
    }

    /// The names of the columns.
    pub fn header(&self) -> &[Vec<u8>] {
        &self.header
    }

    /// What stands between two fields.
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// From now on a row with more or fewer fields than the header is no error: [`Fields::ragged`]
    /// has its line.
    pub fn set_ragged_apart(&mut self) {
        self.sets_ragged_apart = true;
    }

    /// Begins to keep the digest of the whole file, before its first row is read.
    pub fn keep_digest(&mut self) {
        self.keeps_digest = true;
    }

    /// The SHA-256 of the whole file, once it was read to its end, if it was kept.
    pub fn digest(&self) -> Option<[u8; 32]> {
        self.file.hash.clone().map(|hash| hash.finalize().into())
    }

    /// The bytes of the file. What is not a regular file (a pipe) says none, and is taken for
    /// large.
    pub fn length(&self) -> u64 {
        let metadata = self.file.file.metadata().ok().filter(Metadata::is_file);
        metadata.map_or(UNKNOWN_LENGTH, |metadata| metadata.len())
    }

    /// Fills `batch` with the next rows, at most `limit` lines of them; false at the end of the
    /// file. Its fields are there after [`Fields::split`]. A batch of nothing but blank lines has
    /// no rows.
    pub fn next(
        &mut self,
        path: &Path,
        batch: &mut Fields,
        limit: usize,
    ) -> Result<bool, TableError> {
        if !self.keeps_digest {
            self.file.hash = None;
        }
        batch.clear(self.header.len(), self.delimiter, self.line());
        batch.ragged = self.sets_ragged_apart.then(Vec::new);
        if self.plain(path, batch, limit)? {
            return Ok(true);
        }
        while batch.lines < limit.min(BATCH_ROWS)
            && batch.range.end < BATCH_BYTES
            && self.record(path, batch)?
        {
            batch.lines += 1;
        }
        Ok(batch.lines > 0)
    }

    /// The line at which the next byte stands, from 1.
    fn line(&self) -> u64 {
        self.core.line() + self.passed
    }

    /// Fills `batch` with whole lines as they stand, if there are some before the next quote.
    fn plain(&mut self, path: &Path, batch: &mut Fields, limit: usize) -> Result<bool, TableError> {
        self.window.copy_within(self.at..self.filled, 0);
        self.filled -= self.at;
        self.at = 0;
        let mut at_end = false;
        while self.filled < self.size && !at_end {
            let count = read(&mut self.file, &mut self.window[self.filled..self.size], path)?;
            self.filled += count;
            at_end = count == 0;
        }
        let window = &self.window[..self.filled];
        let free = memchr(b'"', window).map_or(window, |quote| &window[..quote]);
        let mut end = match memrchr(b'\n', free) {
            _ if at_end && free.len() == window.len() => free.len(),
            newline => newline.map_or(0, |newline| newline + 1),
        };
        let mut breaks = memchr_iter(b'\n', &free[..end]).count();
        if breaks >= limit
            && let Some(last) = memchr_iter(b'\n', free).nth(limit - 1)
        {
            (breaks, end) = (limit, last + 1);
        }
        if end == 0 {
            return Ok(false);
        }
        // The batch takes the window and leaves its own bytes for the next one; only what comes
        // after the lines is copied.
        if batch.bytes.len() < self.size {
            batch.bytes = Zeroizing::new(vec![0; self.size]);
        }
        let rest = &window[end..];
        batch.bytes[..rest.len()].copy_from_slice(rest);
        self.filled = rest.len();
        std::mem::swap(&mut self.window, &mut batch.bytes);
        batch.range = 0..end;
        batch.is_plain = true;
        batch.lines = breaks.max(1);
        self.passed += breaks as u64;
        Ok(true)
    }

    fn sniff(&self, column: &str) -> u8 {
        let has_column = |delimiter: &u8| {
            // Without a header this is the first row.
            let mut output = Zeroizing::new(vec![0; self.filled]);
            let mut ends = vec![0; 4096];
            let (_, _, _, fields) =
                core(*delimiter).read_record(&self.window[..self.filled], &mut output, &mut ends);
            let starts = std::iter::once(0).chain(ends.iter().copied());
            starts
                .zip(&ends[..fields])
                .any(|(start, end)| &output[start..*end] == column.as_bytes())
        };
        [b',', b';', b'\t', b'|'].into_iter().find(has_column).unwrap_or(b',')
    }

    /// Refills the window, which must be used up; afterwards it is empty at the end of the file
    /// only.
    fn fill(&mut self, path: &Path) -> Result<(), TableError> {
        self.at = 0;
        self.filled = read(&mut self.file, &mut self.window[..self.size], path)?;
        Ok(())
    }

    /// Adds the next row to `batch`; false at the end of the file.
    fn record(&mut self, path: &Path, batch: &mut Fields) -> Result<bool, TableError> {
        // Whether the file begins with this row.
        let is_first = self.header.is_empty();
        if is_first && self.window[self.at..self.filled].starts_with(MARK) {
            self.at += MARK.len();
            // The core, too, passes over a mark, if it has read nothing: there is one at most.
            self.core.read_record(b"\r", &mut [0; 4], &mut [0; 4]);
        }
        // Blank lines are passed over here, so that the line that is named is the one where the row
        // begins.
        loop {
            if self.at == self.filled {
                self.fill(path)?;
            }
            match self.window[self.at..self.filled].first() {
                // The core sees those before the header: after one of them there is no byte order
                // mark any more.
                Some(b'\r' | b'\n') if self.header.is_empty() => {
                    self.core.read_record(
                        &self.window[self.at..=self.at],
                        &mut [0; 4],
                        &mut [0; 4],
                    );
                }
                Some(b'\n') => self.passed += 1,
                Some(b'\r') => {}
                _ => break,
            }
            self.at += 1;
        }
        if self.filled == 0 {
            return Ok(false);
        }
        let line = self.line();
        self.quotes.begin(line);
        let start = batch.range.end;
        let mut fields = 0;
        loop {
            if self.at == self.filled {
                self.fill(path)?;
            }
            let at_end = self.filled == 0;
            // At the end of the file a line break ends the row, unless a quote is open: then it is
            // part of the field.
            let input: &[u8] = if at_end { b"\n" } else { &self.window[self.at..self.filled] };
            batch.reserve();
            let (result, read, written, ended) = self.core.read_record(
                input,
                &mut batch.bytes[batch.range.end..],
                &mut self.ends[fields..],
            );
            if !at_end {
                self.quotes.follow(&input[..read]).map_err(|stray| TableError::TextAfterQuote {
                    path: path.to_owned(),
                    line: stray.line,
                    opened: stray.opened,
                })?;
                self.at += read;
            }
            batch.range.end += written;
            fields += ended;
            match result {
                ReadRecordResult::Record => break,
                ReadRecordResult::OutputEndsFull => self.ends.resize(2 * fields, 0),
                ReadRecordResult::InputEmpty if at_end => {
                    return Err(TableError::OpenQuote { path: path.to_owned(), line });
                }
                ReadRecordResult::InputEmpty
                | ReadRecordResult::OutputFull
                | ReadRecordResult::End => {}
            }
            if batch.range.end - start > RECORD_LIMIT {
                return Err(TableError::LongRow {
                    path: path.to_owned(),
                    line,
                    limit: RECORD_LIMIT,
                });
            }
        }
        if !self.header.is_empty() && fields != self.header.len() {
            if let Some(ragged) = &mut batch.ragged {
                ragged.push(line);
                batch.range.end = start;
                return Ok(true);
            }
            return Err(TableError::Ragged {
                path: path.to_owned(),
                row: batch.rows() as u64 + 1,
                line,
                found: fields,
                expected: self.header.len(),
            });
        }
        batch.has_breaks |= self.quotes.has_breaks();
        let ends = self.ends[..fields].iter().map(|end| start + end);
        let mut from = start;
        batch.starts.push(line);
        batch.fields.extend(ends.map(|end| place(std::mem::replace(&mut from, end)..end)));
        Ok(true)
    }
}

fn core(delimiter: u8) -> csv_core::Reader {
    csv_core::ReaderBuilder::new().delimiter(delimiter).build()
}

/// A file, and the digest of what was read of it, as long as one is kept.
struct Hashed {
    file: File,
    hash: Option<Sha256>,
}

fn read(from: &mut Hashed, into: &mut [u8], path: &Path) -> Result<usize, TableError> {
    loop {
        match from.file.read(into) {
            Ok(count) => {
                if let Some(hash) = &mut from.hash {
                    hash.update(&into[..count]);
                }
                return Ok(count);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(FileError::from_io(path, &error).into()),
        }
    }
}
