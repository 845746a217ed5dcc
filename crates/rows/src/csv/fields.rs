//! Fields in memory, found in blocks of lines or one by one.

use std::ops::Range;
use std::path::Path;

use memchr::{memchr_iter, memchr3_iter};
use zeroize::Zeroizing;

use super::{BATCH_BYTES, Lines, WINDOW};
use crate::error::TableError;

/// Where a field is in its batch: no batch is nearly as large as 4 GiB.
pub(super) fn place(range: Range<usize>) -> (u32, u32) {
    (range.start as u32, range.end as u32)
}

/// The fields of some rows of a file. What it held is overwritten by what it holds next, and wiped
/// when it is dropped.
#[derive(Default)]
pub struct Fields {
    pub(super) columns: usize,
    pub(super) delimiter: u8,
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// What is in use of `bytes`: whole lines, or fields one after the other.
    pub(super) range: Range<usize>,
    /// Whether they are lines without a quote.
    pub(super) is_plain: bool,
    /// Where each field is in `bytes`, row by row.
    pub(super) fields: Vec<(u32, u32)>,
    /// Lines that it was made of, as `\n` ends them.
    pub(super) lines: usize,
    /// The line on which the first one begins, from 1.
    pub(super) line: u64,
    /// The line on which each row begins, where they are not plain.
    pub(super) starts: Vec<u64>,
    /// The lines of the rows that were set apart; none where they are refused.
    pub(super) ragged: Option<Vec<u64>>,
    /// Whether a field holds a line break.
    pub(super) has_breaks: bool,
    /// Where it is asked for and they are not plain: of each field whether it is in quotes.
    pub(super) quoted: Option<Vec<bool>>,
}

impl Fields {
    pub(super) fn clear(&mut self, columns: usize, delimiter: u8, line: u64) {
        (self.columns, self.delimiter, self.line) = (columns, delimiter, line);
        (self.range, self.is_plain, self.lines, self.has_breaks) = (0..0, false, 0, false);
        self.fields.clear();
        self.starts.clear();
        self.quoted.iter_mut().for_each(Vec::clear);
    }

    /// The lines it was made of, each a row unless it is blank; a line that has single CRs in it is
    /// several rows.
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// The bytes of its lines, or of its fields.
    pub fn bytes(&self) -> usize {
        self.range.len()
    }

    /// The most bytes that [`Fields::copy`] makes of its rows, each ended, where `delimiter` parts
    /// them.
    pub fn most_copied(&self, delimiter: u8) -> usize {
        // A line break, which the last line may lack; else quotes around each field and twice in
        // it.
        if self.is_plain && self.delimiter == delimiter {
            self.range.len() + 1
        } else {
            2 * self.range.len() + 4 * self.fields.len()
        }
    }

    /// Finds the fields of plain lines; those of the others are found.
    ///
    /// # Errors
    /// [`TableError::Ragged`], its row counted from the first one here.
    pub fn split(&mut self, path: &Path) -> Result<(), TableError> {
        if !self.is_plain || !self.fields.is_empty() {
            return Ok(());
        }
        let bytes = &self.bytes[self.range.clone()];
        let (mut row, mut start) = (0, 0);
        let (mut line, mut counted) = (self.line, 0);
        let end = (!matches!(bytes.last(), Some(b'\n' | b'\r'))).then_some(bytes.len());
        for at in memchr3_iter(self.delimiter, b'\n', b'\r', bytes).chain(end) {
            let ends_row = bytes.get(at) != Some(&self.delimiter);
            // A line that is blank, or the second half of a line break.
            if ends_row && start == at && self.fields.len() == row {
                start = at + 1;
                continue;
            }
            self.fields.push(place(start..at));
            start = at + 1;
            if ends_row {
                let found = self.fields.len() - row;
                if found != self.columns {
                    let begin = self.fields[row].0 as usize;
                    line += memchr_iter(b'\n', &bytes[counted..begin]).count() as u64;
                    counted = begin;
                    if let Some(ragged) = &mut self.ragged {
                        ragged.push(line);
                        self.fields.truncate(row);
                        continue;
                    }
                    return Err(TableError::Ragged {
                        path: path.to_owned(),
                        row: (row / self.columns) as u64 + 1,
                        line,
                        found,
                        expected: self.columns,
                    });
                }
                row = self.fields.len();
            }
        }
        Ok(())
    }

    /// The rows that were split.
    pub fn rows(&self) -> usize {
        self.fields.len() / self.columns.max(1)
    }

    /// The lines of the rows that were set apart.
    pub fn ragged(&self) -> &[u64] {
        self.ragged.as_deref().unwrap_or_default()
    }

    /// The line on which each row begins, from 1.
    pub fn row_lines(&self) -> impl Iterator<Item = u64> {
        let (mut line, mut from) = (self.line, 0);
        (0..self.rows()).map(move |row| {
            if !self.is_plain {
                return self.starts[row];
            }
            let begin = self.fields[row * self.columns].0 as usize;
            line += memchr_iter(b'\n', &self.bytes[from..begin]).count() as u64;
            from = begin;
            line
        })
    }

    /// Where the fields of each row are.
    pub fn places(&self) -> impl Iterator<Item = &[(u32, u32)]> {
        self.fields.chunks_exact(self.columns.max(1))
    }

    /// Whether a field holds a line break.
    pub fn has_breaks(&self) -> bool {
        self.has_breaks
    }

    /// A cell, both counted from 0.
    pub fn get(&self, row: usize, column: usize) -> &[u8] {
        let (start, end) = self.fields[row * self.columns + column];
        &self.bytes[start as usize..end as usize]
    }

    /// Adds some neighbouring fields of a row to `out`. With the delimiter that they were read with
    /// they are written as they are: plain ones without a look at them, and where it is known which
    /// were in quotes, as they were. With another one those are in quotes that were, or must be.
    pub fn copy(&self, row: usize, columns: Range<usize>, out: &mut Lines) {
        let fields = &self.fields[row * self.columns..][columns.clone()];
        let is_parted_alike = self.delimiter == out.delimiter();
        match fields {
            [(start, _), .., (_, end)] | [(start, end)] if self.is_plain && is_parted_alike => {
                out.plain(|bytes| {
                    bytes.extend_from_slice(&self.bytes[*start as usize..*end as usize])
                });
            }
            _ => columns.for_each(|column| {
                let quoted = self.quoted.as_ref().filter(|_| !self.is_plain);
                match quoted.map(|quoted| quoted[row * self.columns + column]) {
                    Some(is_quoted) if is_quoted || is_parted_alike => {
                        out.as_it_was(self.get(row, column), is_quoted);
                    }
                    _ => out.field(self.get(row, column)),
                }
            }),
        }
    }

    /// Makes room for more output. The buffer is replaced rather than grown, so that no copy stays
    /// behind.
    pub(super) fn reserve(&mut self) {
        if self.bytes.len() - self.range.end < 4096 {
            let size = (2 * self.bytes.len()).max(BATCH_BYTES + WINDOW);
            let mut bytes = Zeroizing::new(vec![0; size]);
            bytes[..self.range.end].copy_from_slice(&self.bytes[..self.range.end]);
            self.bytes = bytes;
        }
    }
}

/// Neighbouring columns of some rows that are written as they stand.
pub enum Kept<'a> {
    /// Of these fields.
    Fields(&'a Fields, Vec<Range<usize>>),
    /// The end of each line, as [`Fields::copy`] wrote it; none where no column is kept.
    Tails(Option<Vec<&'a [u8]>>),
}

impl Kept<'_> {
    /// Adds those of a row.
    pub(crate) fn write(&self, row: usize, out: &mut Lines) {
        match self {
            Self::Fields(fields, columns) => {
                columns.iter().for_each(|columns| fields.copy(row, columns.clone(), out));
            }
            Self::Tails(Some(tails)) => out.plain(|bytes| bytes.extend_from_slice(tails[row])),
            Self::Tails(None) => {}
        }
    }
}
