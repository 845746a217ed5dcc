//! The encodings that text may be in: UTF-8, and what older programs write.
//!
//! In an encoding of one byte for each character the delimiter, quotes and line ends are what they
//! are in UTF-8, so only the header and the cells that are used are decoded, and all others pass as
//! they are. UTF-16 is transcoded as it is read.

use std::io::{self, Read};

use zeroize::Zeroizing;

/// The encoding of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// `utf-8`
    Utf8,
    /// `windows-1252`
    Windows1252,
    /// `iso-8859-15`
    Iso8859_15,
    /// `utf-16le`; a byte order mark may say otherwise.
    Utf16Le,
    /// `utf-16be`; a byte order mark may say otherwise.
    Utf16Be,
}

impl Encoding {
    /// Every encoding, with its name.
    pub const ALL: [(&'static str, Self); 5] = [
        ("utf-8", Self::Utf8),
        ("windows-1252", Self::Windows1252),
        ("iso-8859-15", Self::Iso8859_15),
        ("utf-16le", Self::Utf16Le),
        ("utf-16be", Self::Utf16Be),
    ];

    /// The one of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(other, _)| *other == name).map(|(_, encoding)| encoding)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.into_iter().find(|(_, encoding)| *encoding == self);
        found.expect("every encoding has a name").0
    }

    /// That of one byte for each character.
    fn single(self) -> Option<&'static encoding_rs::Encoding> {
        match self {
            Self::Windows1252 => Some(encoding_rs::WINDOWS_1252),
            Self::Iso8859_15 => Some(encoding_rs::ISO_8859_15),
            Self::Utf8 | Self::Utf16Le | Self::Utf16Be => None,
        }
    }

    /// Whether cells are decoded: those of UTF-16 were, as they were read.
    pub(crate) fn is_single(self) -> bool {
        self.single().is_some()
    }

    /// Whether text is transcoded as it is read, and whether its bytes come the greater first.
    pub(crate) fn is_wide(self) -> Option<bool> {
        match self {
            Self::Utf16Le => Some(false),
            Self::Utf16Be => Some(true),
            _ => None,
        }
    }

    /// The most bytes that a byte becomes.
    pub(crate) const MOST: usize = 3;

    /// What a cell is in UTF-8.
    pub(crate) fn decoded(self, cell: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(Self::MOST * cell.len()));
        self.decode(cell, &mut out);
        out
    }

    /// Adds what a cell is in UTF-8 to `out`, which has room for it.
    pub(crate) fn decode(self, cell: &[u8], out: &mut Vec<u8>) {
        let Some(encoding) = self.single().filter(|_| !cell.is_ascii()) else {
            out.extend_from_slice(cell);
            return;
        };
        let begin = out.len();
        out.resize(begin + Self::MOST * cell.len(), 0);
        let mut decoder = encoding.new_decoder_without_bom_handling();
        // In these encodings every byte is a character.
        let (_, _, written, _) = decoder.decode_to_utf8(cell, &mut out[begin..], true);
        out.truncate(begin + written);
    }
}

/// UTF-16 as UTF-8. Halves of a character without the other one become three bytes each that are no
/// UTF-8, so that their cell is found out and nothing is lost.
pub(crate) struct Transcoded<R> {
    inner: R,
    is_big: bool,
    /// What was read, of which a byte or a half of a character may be left for the next time.
    read: Zeroizing<Vec<u8>>,
    filled: usize,
    is_first: bool,
    at_end: bool,
    /// What was made of it, of which the part from `at` is not yet handed on.
    made: Zeroizing<Vec<u8>>,
    at: usize,
}

impl<R: Read> Transcoded<R> {
    /// What is read at once, in bytes.
    const AT_ONCE: usize = 64 << 10;

    pub(crate) fn new(inner: R, is_big: bool) -> Self {
        Self {
            inner,
            is_big,
            read: Zeroizing::new(vec![0; Self::AT_ONCE]),
            filled: 0,
            is_first: true,
            at_end: false,
            // Two bytes become three at most.
            made: Zeroizing::new(Vec::with_capacity(Self::AT_ONCE / 2 * 3 + 3)),
            at: 0,
        }
    }

    fn unit(&self, at: usize) -> u16 {
        let pair = [self.read[at], self.read[at + 1]];
        if self.is_big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
    }

    /// Makes more; nothing at the end.
    fn make(&mut self) -> io::Result<()> {
        self.made.clear();
        self.at = 0;
        while self.made.is_empty() && !self.at_end {
            while self.filled < Self::AT_ONCE && !self.at_end {
                match self.inner.read(&mut self.read[self.filled..]) {
                    Ok(0) => self.at_end = true,
                    Ok(count) => self.filled += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            let mut at = 0;
            if std::mem::take(&mut self.is_first) && self.filled >= 2 {
                let mark = self.unit(0);
                self.is_big ^= mark == 0xfffe;
                at = if matches!(mark, 0xfeff | 0xfffe) { 2 } else { 0 };
            }
            while at + 2 <= self.filled {
                let unit = self.unit(at);
                let is_high = (0xd800..0xdc00).contains(&unit);
                if is_high && at + 4 > self.filled && !self.at_end {
                    break;
                }
                let low = (is_high && at + 4 <= self.filled).then(|| self.unit(at + 2));
                match low.filter(|low| (0xdc00..0xe000).contains(low)) {
                    Some(low) => {
                        let character = char::decode_utf16([unit, low]).next();
                        let character = character.and_then(Result::ok).expect("both halves");
                        let mut utf8 = [0; 4];
                        self.made.extend_from_slice(character.encode_utf8(&mut utf8).as_bytes());
                        at += 4;
                    }
                    None => {
                        push_unit(unit, &mut self.made);
                        at += 2;
                    }
                }
            }
            if self.at_end && at < self.filled {
                // Half a unit.
                self.made.push(0xff);
                at = self.filled;
            }
            self.read.copy_within(at..self.filled, 0);
            self.filled -= at;
        }
        Ok(())
    }
}

/// Adds a unit that is a character, or half of one, as UTF-8 would have it.
fn push_unit(unit: u16, out: &mut Vec<u8>) {
    let low = |shift: u16| 0x80 | (unit >> shift & 0x3f) as u8;
    match unit {
        0..0x80 => out.push(unit as u8),
        0x80..0x800 => out.extend([0xc0 | (unit >> 6) as u8, low(0)]),
        _ => out.extend([0xe0 | (unit >> 12) as u8, low(6), low(0)]),
    }
}

impl<R: Read> Read for Transcoded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < into.len() {
            if self.at == self.made.len() {
                self.make()?;
                if self.made.is_empty() {
                    break;
                }
            }
            let count = (into.len() - filled).min(self.made.len() - self.at);
            into[filled..filled + count].copy_from_slice(&self.made[self.at..self.at + count]);
            self.at += count;
            filled += count;
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcoded(bytes: &[u8], is_big: bool) -> Vec<u8> {
        let mut made = Vec::new();
        Transcoded::new(bytes, is_big).read_to_end(&mut made).unwrap();
        made
    }

    #[test]
    fn utf_16_is_what_it_is_in_utf_8() {
        // Longer than what is read at once, with a character of two halves where one read ends.
        let text: String = "x".repeat(32 * 1024 - 1) + "é𝄞€\n" + &"ÿ𝄞".repeat(40_000);
        for is_big in [false, true] {
            let bytes = |unit: u16| if is_big { unit.to_be_bytes() } else { unit.to_le_bytes() };
            let wide: Vec<u8> = text.encode_utf16().flat_map(bytes).collect();
            assert_eq!(transcoded(&wide, is_big), text.as_bytes());
            let marked = [&bytes(0xfeff)[..], &wide].concat();
            assert_eq!(transcoded(&marked, is_big), text.as_bytes());
            // The mark decides.
            assert_eq!(transcoded(&marked, !is_big), text.as_bytes());
        }
        assert_eq!(transcoded(b"", false), b"");
    }

    #[test]
    fn halves_of_characters_are_no_utf_8_and_do_not_hide_what_follows() {
        let lone = transcoded(b"a\0\x00\xd8b\0\x00\xdcc\0\n", false);
        assert_eq!(lone, b"a\xed\xa0\x80b\xed\xb0\x80c\xff");
        assert!(std::str::from_utf8(&lone).is_err());
    }

    #[test]
    fn bytes_of_older_encodings_are_characters() {
        let mut out = Vec::with_capacity(64);
        Encoding::Windows1252.decode(b"N\xb0 S\xe9cu \x80", &mut out);
        assert_eq!(out, "N° Sécu €".as_bytes());
        out.clear();
        Encoding::Iso8859_15.decode(b"\xa4 \xbd", &mut out);
        assert_eq!(out, "€ œ".as_bytes());
        out.clear();
        Encoding::Utf8.decode(b"\xe9", &mut out);
        assert_eq!(out, b"\xe9");
        let all: Vec<u8> = (0..=255).collect();
        let mut out = Vec::with_capacity(Encoding::MOST * all.len());
        Encoding::Windows1252.decode(&all, &mut out);
        assert_eq!(std::str::from_utf8(&out).unwrap().chars().count(), 256);
    }
}
