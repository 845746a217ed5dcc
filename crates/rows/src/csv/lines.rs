//! Writing by RFC 4180.

use cstatns_base::secret::reserve;
use zeroize::Zeroizing;

/// Rows to be written. Lines end with `\n`. What it held is wiped when it is dropped.
pub struct Lines {
    delimiter: u8,
    bytes: Zeroizing<Vec<u8>>,
    /// Whether the next field is the first one of its row.
    is_first: bool,
}

impl Lines {
    /// None yet.
    pub fn new(delimiter: u8) -> Self {
        Self { delimiter, bytes: Zeroizing::new(Vec::new()), is_first: true }
    }

    /// The rows so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Empties it; its room stays.
    pub fn clear(&mut self) {
        self.bytes.clear();
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

    /// Ends a row. One empty field alone is written in quotes: a blank line is no row.
    pub fn end_row(&mut self) {
        if matches!(self.bytes.last(), None | Some(b'\n')) {
            self.bytes.extend_from_slice(b"\"\"");
        }
        self.bytes.push(b'\n');
        self.is_first = true;
    }
}
