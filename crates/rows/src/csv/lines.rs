//! Writing by RFC 4180.

use cstatns_base::secret::reserve;
use zeroize::Zeroizing;

/// How a line ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// `\n`, as most programs write it.
    #[default]
    Lf,
    /// `\r\n`, as spreadsheets do.
    CrLf,
    /// `\r`.
    Cr,
}

impl Ending {
    /// Its bytes.
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
            Self::Cr => b"\r",
        }
    }
}

/// Rows to be written. What it held is wiped when it is dropped.
pub struct Lines {
    delimiter: u8,
    ending: Ending,
    bytes: Zeroizing<Vec<u8>>,
    /// Whether the next field is the first one of its row, which begins here.
    is_first: bool,
    row: usize,
}

impl Lines {
    /// None yet.
    pub fn new(delimiter: u8) -> Self {
        Self::ended(delimiter, Ending::Lf)
    }

    /// The same; its lines end so.
    pub fn ended(delimiter: u8, ending: Ending) -> Self {
        Self { delimiter, ending, bytes: Zeroizing::new(Vec::new()), is_first: true, row: 0 }
    }

    /// The rows so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Empties it; its room stays.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.row = 0;
    }

    /// Makes room for so many bytes: what is written after it within them leaves no copy behind.
    pub fn reserve(&mut self, room: usize) {
        reserve(&mut self.bytes, room);
    }

    /// A field, quoted where its bytes ask for it.
    pub fn field(&mut self, bytes: &[u8]) {
        let special = |byte: &u8| matches!(*byte, b'"' | b'\r' | b'\n') || *byte == self.delimiter;
        if !bytes.iter().any(special) {
            return self.plain(|out| out.extend_from_slice(bytes));
        }
        self.quoted(bytes);
    }

    /// A field that was read, whether it was in quotes or not.
    pub fn as_it_was(&mut self, bytes: &[u8], is_quoted: bool) {
        match is_quoted {
            true => self.quoted(bytes),
            false => self.plain(|out| out.extend_from_slice(bytes)),
        }
    }

    fn quoted(&mut self, bytes: &[u8]) {
        self.plain(|out| {
            out.push(b'"');
            for (i, part) in bytes.split(|byte| *byte == b'"').enumerate() {
                if i > 0 {
                    out.extend_from_slice(b"\"\"");
                }
                out.extend_from_slice(part);
            }
            out.push(b'"');
        });
    }

    /// A field that never needs quotes, written by `write`.
    #[inline]
    pub fn plain(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if !std::mem::take(&mut self.is_first) {
            self.bytes.push(self.delimiter);
        }
        write(&mut self.bytes);
    }

    /// Ends what is not a whole line: the rest of one, say. Nothing is written.
    pub fn end_part(&mut self) {
        self.is_first = true;
        self.row = self.bytes.len();
    }

    /// What stands between two fields.
    pub(crate) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Ends a row. One empty field alone is written in quotes: a blank line is no row.
    pub fn end_row(&mut self) {
        if self.bytes.len() == self.row {
            self.bytes.extend_from_slice(b"\"\"");
        }
        self.bytes.extend_from_slice(self.ending.bytes());
        self.is_first = true;
        self.row = self.bytes.len();
    }
}
