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
mod head;
mod input;
mod lines;
mod quotes;

use std::path::Path;

use csv_core::ReadRecordResult;
use memchr::{memchr, memchr_iter, memrchr};
use sha2::Digest;
use zeroize::Zeroizing;

use crate::encoding::Encoding;
use crate::error::TableError;
use crate::packed::extension;

use fields::place;
use foreign::foreign;
use input::{Input, Opened};
use quotes::Quotes;

#[doc(hidden)]
pub use all::read_all;
pub use fields::{Fields, Kept};
pub use head::Style;
pub(crate) use input::Place;
pub use lines::{Ending, Lines};

/// A batch that `csv` reads ends with the row that reaches either.
const BATCH_ROWS: usize = 4096;
const BATCH_BYTES: usize = 256 << 10;
/// What is read at once, in bytes: a batch of plain lines is about as large, and stays in the
/// processor's cache.
pub const WINDOW: usize = 256 << 10;
/// What compressed text is taken to swell to. A wrong number costs time, nothing else.
const SWELLS: u64 = 6;

/// Which byte stands between two fields.
#[derive(Clone, Copy, Debug)]
pub enum Delimiter<'a> {
    /// As the caller says.
    Given(u8),
    /// What the file's line `sep=` says; else the one under which the header has this column, a
    /// comma if none does.
    Under(&'a str),
    /// What the file's line `sep=` says; else as its name says: a tab in `.tsv`, in `.txt` the one
    /// under which the header has this column, a comma in `.csv`.
    Usual(&'a str),
}

/// What may stand at the start of a file, and is no part of it.
pub(crate) const MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads rows.
pub struct Reader {
    input: Input,
    /// The bytes of the file.
    length: u64,
    /// The most bytes of a row, and what each of its fields adds.
    limit: (usize, usize),
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
    /// Which names of the header are in quotes.
    quoted: Vec<bool>,
    style: Style,
    /// The line on which there are more fields than in the header, near it.
    wider: Option<u64>,
    /// Whether ragged rows are set apart rather than refused.
    sets_ragged_apart: bool,
    /// Whether the digest of the whole is kept.
    keeps_digest: bool,
    /// Scratch: where the fields of the current row end in it.
    ends: Vec<usize>,
}

impl Reader {
    /// Opens a file, which is read by so many bytes at a time; in UTF-8 or an encoding in which the
    /// delimiter is what it is there.
    pub fn open(path: &Path, delimiter: Delimiter<'_>, window: usize) -> Result<Self, TableError> {
        Self::open_in(path, delimiter, None, window)
    }

    /// The same of a file in this encoding.
    pub fn open_in(
        path: &Path,
        delimiter: Delimiter<'_>,
        encoding: Option<Encoding>,
        window: usize,
    ) -> Result<Self, TableError> {
        Self::open_at(path, Place::File, delimiter, encoding, window)
    }

    /// The same of text that lies there; `path` says its type, and errors call it so.
    pub(crate) fn open_at(
        path: &Path,
        place: Place,
        delimiter: Delimiter<'_>,
        encoding: Option<Encoding>,
        window: usize,
    ) -> Result<Self, TableError> {
        let Opened { input, length, limit } = Opened::of(path, place, encoding)?;
        let mut reader = Self {
            input,
            length,
            limit,
            core: core(b','),
            quotes: Quotes::new(b','),
            delimiter: b',',
            window: Zeroizing::new(vec![0; window]),
            at: 0,
            filled: 0,
            size: window,
            passed: 0,
            header: Vec::new(),
            quoted: Vec::new(),
            style: Style::default(),
            wider: None,
            sets_ragged_apart: false,
            keeps_digest: false,
            ends: vec![0; 16],
        };
        reader.fill(path)?;
        if let Some(found) = foreign(&reader.window[..reader.filled]) {
            return Err(TableError::NotCsv { path: path.to_owned(), found });
        }
        let stated = reader.begin(path)?;
        reader.delimiter = match (delimiter, stated) {
            (Delimiter::Given(delimiter), _) => delimiter,
            (_, Some(stated)) => stated,
            (Delimiter::Under(column), _) => reader.sniff(column, encoding),
            (Delimiter::Usual(column), _) => match extension(path).as_deref() {
                Some("tsv") => b'\t',
                Some("txt") => reader.sniff(column, encoding),
                _ => b',',
            },
        };
        reader.core = core(reader.delimiter);
        reader.quotes = Quotes::new(reader.delimiter);
        reader.quotes.keep_fields();
        let mut header = Fields { quoted: Some(Vec::new()), ..Fields::default() };
        if !reader.record(path, &mut header)? {
            return Err(TableError::EmptyFile { path: path.to_owned() });
        }
        header.columns = header.fields.len();
        reader.header = (0..header.columns).map(|column| header.get(0, column).to_vec()).collect();
        reader.quoted = header.quoted.take().unwrap_or_default();
        reader.quotes = Quotes::new(reader.delimiter);
        reader.style.ending = reader.ending(path)?;
        reader.wider = reader.find_wider();
        Ok(reader)
    }

    /// Moves what is left of the window to its front, and fills it.
    fn top_up(&mut self, path: &Path) -> Result<(), TableError> {
        self.window.copy_within(self.at..self.filled, 0);
        self.filled -= self.at;
        self.at = 0;
        while self.filled < self.size {
            let into = &mut self.window[self.filled..self.size];
            match self.input.read(into, path)? {
                0 => break,
                count => self.filled += count,
            }
        }
        Ok(())
    }

    /// How the text is written.
    pub fn style(&self) -> Style {
        self.style
    }

    /// Which names of the columns are in quotes.
    pub fn quoted(&self) -> &[bool] {
        &self.quoted
    }

    /// From now on fields keep whether they are in quotes.
    pub fn keep_quotes(&mut self) {
        self.quotes.keep_fields();
    }

    /// The line near the header on which there are more fields than in it: then titles stand above
    /// the names of the columns.
    pub(crate) fn wider(&self) -> Option<u64> {
        self.wider
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

    /// Begins to keep the digest of the whole text, before its first row is read.
    pub fn keep_digest(&mut self) {
        self.keeps_digest = true;
    }

    /// The SHA-256 of the whole text, once it was read to its end, if it was kept.
    pub fn digest(&self) -> Option<[u8; 32]> {
        self.input.hash.clone().map(|hash| hash.finalize().into())
    }

    /// The bytes of the file.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The bytes of its text, of compressed text about.
    pub fn bytes(&self) -> u64 {
        let is_packed = self.input.packing.is_some();
        if is_packed { self.length.saturating_mul(SWELLS) } else { self.length }
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
            self.input.hash = None;
        }
        batch.clear(self.header.len(), self.delimiter, self.line());
        batch.ragged = self.sets_ragged_apart.then(Vec::new);
        if self.quotes.fields().is_some() {
            batch.quoted.get_or_insert_default();
        }
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
            let into = &mut self.window[self.filled..self.size];
            let count = self.input.read(into, path)?;
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

    /// Refills the window, which must be used up; afterwards it is empty at the end of the file
    /// only.
    fn fill(&mut self, path: &Path) -> Result<(), TableError> {
        self.at = 0;
        let into = &mut self.window[..self.size];
        self.filled = self.input.read(into, path)?;
        Ok(())
    }

    /// Adds the next row to `batch`; false at the end of the file.
    fn record(&mut self, path: &Path, batch: &mut Fields) -> Result<bool, TableError> {
        // Whether the file begins with this row.
        let is_first = self.header.is_empty();
        if is_first {
            // The core, too, passes over a mark, if it has read nothing: there is none any more.
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
            let (limit, field) = self.limit;
            if batch.range.end - start + field * fields > limit {
                return Err(TableError::LongRow { path: path.to_owned(), line, limit });
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
        if let (Some(quoted), Some(found)) = (&mut batch.quoted, self.quotes.fields()) {
            let row = quoted.len();
            quoted.resize(row + fields, false);
            found.iter().for_each(|field| quoted[row + field] = true);
        }
        batch.starts.push(line);
        batch.fields.extend(ends.map(|end| place(std::mem::replace(&mut from, end)..end)));
        Ok(true)
    }
}

/// What stands between two fields of a file where nobody says it: see [`Delimiter::Usual`].
///
/// # Errors
/// [`TableError`]: those of opening it.
pub fn usual_delimiter(
    path: &Path,
    column: &str,
    encoding: Option<Encoding>,
) -> Result<u8, TableError> {
    Ok(Reader::open_in(path, Delimiter::Usual(column), encoding, WINDOW)?.delimiter())
}

fn core(delimiter: u8) -> csv_core::Reader {
    csv_core::ReaderBuilder::new().delimiter(delimiter).build()
}
