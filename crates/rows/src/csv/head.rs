//! What stands before the rows: marks, the line that says the delimiter, the header and how it
//! ends.

use std::path::Path;

use memchr::{memchr, memchr_iter};
use zeroize::Zeroizing;

use super::{Ending, MARK, Reader, core};
use crate::encoding::Encoding;
use crate::error::TableError;

/// How text is written, beside what stands between its fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether it begins with a byte order mark.
    pub mark: bool,
    /// Whether its first line says the delimiter, in quotes or not.
    pub said: Option<bool>,
    /// How its lines end.
    pub ending: Ending,
}

impl Reader {
    /// Passes over what stands before the header: byte order marks, and the line with which a
    /// spreadsheet says the delimiter. Returns that.
    pub(super) fn begin(&mut self, path: &Path) -> Result<Option<u8>, TableError> {
        self.style.mark = self.window[self.at..self.filled].starts_with(MARK);
        while self.window[self.at..self.filled].starts_with(MARK) {
            self.at += MARK.len();
            self.top_up(path)?;
        }
        let start = &self.window[self.at..self.filled];
        let Some(end) = memchr(b'\n', &start[..start.len().min(16)]) else { return Ok(None) };
        let line = start[..end].strip_suffix(b"\r").unwrap_or(&start[..end]);
        let quoted = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\""));
        let Some([delimiter]) = quoted.unwrap_or(line).strip_prefix(b"sep=") else {
            return Ok(None);
        };
        let stated = *delimiter;
        self.style.said = Some(quoted.is_some());
        self.at += end + 1;
        self.passed += 1;
        Ok(Some(stated).filter(|stated| stated.is_ascii() && !matches!(stated, b'"' | b'\r')))
    }

    /// How the line ended that was just read.
    pub(super) fn ending(&mut self, path: &Path) -> Result<Ending, TableError> {
        let last = self.at.checked_sub(1).map(|last| self.window[last]);
        if self.at == self.filled {
            self.top_up(path)?;
        }
        Ok(match (last, self.window[self.at..self.filled].first()) {
            (Some(b'\r'), Some(b'\n')) => Ending::CrLf,
            (Some(b'\r'), _) => Ending::Cr,
            _ => Ending::Lf,
        })
    }

    /// See [`Reader::wider`].
    pub(super) fn find_wider(&self) -> Option<u64> {
        let named = self.header.iter().filter(|name| !name.trim_ascii().is_empty()).count();
        if named == 1 && self.header.len() > 1 {
            return Some(self.line());
        }
        let lines = self.window[self.at..self.filled].split(|byte| *byte == b'\n').take(20);
        // Between quotes a delimiter parts nothing.
        let parts = |line: &[u8]| {
            let outside = line.split(|byte| *byte == b'"').step_by(2);
            outside.map(|text| memchr_iter(self.delimiter, text).count()).sum::<usize>()
        };
        let fields = lines.map(|line| parts(line) + 1);
        let more = fields.enumerate().find(|(_, fields)| *fields > self.header.len())?;
        Some(self.line() + more.0 as u64)
    }

    /// The delimiter under which the header has the column; of one that is named by its number, the
    /// one that parts the header most often.
    pub(super) fn sniff(&self, column: &str, encoding: Option<Encoding>) -> u8 {
        const KNOWN: [u8; 4] = [b',', b';', b'\t', b'|'];
        let encoding = encoding.unwrap_or(Encoding::Utf8);
        let is_column = |name: &[u8]| {
            let mut decoded = Zeroizing::new(Vec::with_capacity(Encoding::MOST * name.len()));
            encoding.decode(name, &mut decoded);
            *decoded == column.as_bytes()
        };
        let has_column = |delimiter: &u8| {
            // Without a header this is the first row.
            let window = &self.window[self.at..self.filled];
            let mut output = Zeroizing::new(vec![0; window.len()]);
            let mut ends = vec![0; 4096];
            let (_, _, _, fields) = core(*delimiter).read_record(window, &mut output, &mut ends);
            let starts = std::iter::once(0).chain(ends.iter().copied());
            starts.zip(&ends[..fields]).any(|(start, end)| is_column(&output[start..*end]))
        };
        let window = &self.window[self.at..self.filled];
        let first = &window[..memchr(b'\n', window).unwrap_or(window.len())];
        let parts = |delimiter: &u8| memchr_iter(*delimiter, first).count();
        // The first of those that part it as often.
        let most = || KNOWN.into_iter().rev().max_by_key(parts);
        let by_number = || most().filter(|_| column.starts_with('#'));
        KNOWN.into_iter().find(has_column).or_else(by_number).unwrap_or(b',')
    }
}
