//! What is read of a page before the library reads it: its header (Thrift, compact protocol), and
//! how much its values are once they are decoded. Nothing here allocates.

/// What a page's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The bytes of the header itself.
    pub(super) length: u64,
    pub(super) is_dictionary: bool,
    /// The bytes of the page as it will be in memory, whichever of its two sizes is larger.
    pub(super) size: u64,
    /// The bytes of the page in the file.
    pub(super) stored: u64,
    /// The bytes of its levels, where they are stored before the compressed part.
    pub(super) levels: u64,
    /// Its values, nulls included.
    pub(super) values: u64,
}

/// Why there is no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderError {
    /// It does not end in these bytes.
    Short,
    Damaged,
}

/// How deep structures lie in one another.
const DEPTH: usize = 16;

const DATA: i64 = 0;
const DICTIONARY: i64 = 2;
const DATA_V2: i64 = 3;

impl Header {
    /// Reads the header at the beginning of `bytes`.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, HeaderError> {
        let mut input = Input { bytes, at: 0 };
        let (mut kind, mut size, mut stored, mut values) = (-1, 0, -1, 0);
        let (mut definition, mut repetition) = (0, 0);
        input.fields(|input, field, thrift| {
            match (field, thrift) {
                (1, I32) => kind = input.zigzag()?,
                (2, I32) => size = input.zigzag()?.max(size),
                (3, I32) => stored = input.zigzag()?,
                (5 | 7 | 8, STRUCT) => {
                    let field_is_v2 = field == 8;
                    input.fields(|input, field, thrift| match (field, thrift) {
                        (1, I32) => {
                            values = input.zigzag()?.max(values);
                            Ok(())
                        }
                        (5, I32) if field_is_v2 => {
                            definition = input.zigzag()?;
                            Ok(())
                        }
                        (6, I32) if field_is_v2 => {
                            repetition = input.zigzag()?;
                            Ok(())
                        }
                        _ => input.skip(thrift, DEPTH),
                    })?
                }
                _ => input.skip(thrift, DEPTH)?,
            }
            Ok(())
        })?;
        if stored < 0 || ![DATA, DICTIONARY, DATA_V2].contains(&kind) {
            return Err(HeaderError::Damaged);
        }
        Ok(Self {
            length: input.at as u64,
            is_dictionary: kind == DICTIONARY,
            size: size.max(stored) as u64,
            stored: stored as u64,
            levels: definition.max(0).saturating_add(repetition.max(0)) as u64,
            values: values as u64,
        })
    }
}

/// The deepest that a column of a file lies in groups, by its footer; none where it cannot be
/// read.
pub(super) fn depth(footer: &[u8]) -> Option<usize> {
    let mut input = Input { bytes: footer, at: 0 };
    let mut deepest = 0;
    let read = input.fields(|input, field, thrift| {
        if (field, thrift) != (2, LIST) {
            return input.skip(thrift, DEPTH);
        }
        // For each group around the next element, how many elements of it are to come.
        let mut open: Vec<i64> = Vec::new();
        let (count, _) = input.list()?;
        for _ in 0..count {
            while open.last() == Some(&0) {
                open.pop();
            }
            if let Some(left) = open.last_mut() {
                *left -= 1;
            }
            let mut children = 0;
            input.fields(|input, field, thrift| match (field, thrift) {
                (5, I32) => {
                    children = input.zigzag()?;
                    Ok(())
                }
                _ => input.skip(thrift, DEPTH),
            })?;
            if children > 0 {
                open.push(children);
                deepest = deepest.max(open.len());
                if deepest > MOST_DEPTH {
                    return Err(HeaderError::Damaged);
                }
            }
        }
        Ok(())
    });
    (read.is_ok() || deepest > MOST_DEPTH).then_some(deepest)
}

/// The deepest that columns may lie in groups: the library follows them by recursion, which ends
/// the process where the stack does.
pub(super) const MOST_DEPTH: usize = 100;

const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;

/// Bytes in Thrift's compact protocol.
struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Input<'_> {
    fn byte(&mut self) -> Result<u8, HeaderError> {
        let byte = *self.bytes.get(self.at).ok_or(HeaderError::Short)?;
        self.at += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Result<u64, HeaderError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(HeaderError::Damaged)
    }

    fn zigzag(&mut self) -> Result<i64, HeaderError> {
        let number = self.varint()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    fn pass(&mut self, bytes: u64) -> Result<(), HeaderError> {
        let left = (self.bytes.len() - self.at) as u64;
        if bytes > left {
            return Err(HeaderError::Short);
        }
        self.at += bytes as usize;
        Ok(())
    }

    /// Goes through the fields of a structure: their numbers and types.
    fn fields(
        &mut self,
        mut each: impl FnMut(&mut Self, i64, u8) -> Result<(), HeaderError>,
    ) -> Result<(), HeaderError> {
        let mut field = 0;
        loop {
            let byte = self.byte()?;
            if byte & 0x0f == 0 {
                return Ok(());
            }
            field = if byte >> 4 == 0 { self.zigzag()? } else { field + i64::from(byte >> 4) };
            each(self, field, byte & 0x0f)?;
        }
    }

    /// How many elements a list has, and their type.
    fn list(&mut self) -> Result<(u64, u8), HeaderError> {
        let byte = self.byte()?;
        let count = if byte >> 4 == 15 { self.varint()? } else { u64::from(byte >> 4) };
        Ok((count, byte & 0x0f))
    }

    fn skip(&mut self, thrift: u8, depth: usize) -> Result<(), HeaderError> {
        let Some(depth) = depth.checked_sub(1) else { return Err(HeaderError::Damaged) };
        match thrift {
            // A truth value is in its type.
            1 | 2 => Ok(()),
            BYTE => self.pass(1),
            I16 | I32 | I64 => self.varint().map(|_| ()),
            DOUBLE => self.pass(8),
            BINARY => {
                let length = self.varint()?;
                self.pass(length)
            }
            LIST | SET => {
                let (count, element) = self.list()?;
                (0..count).try_for_each(|_| self.element(element, depth))
            }
            MAP => {
                let count = self.varint()?;
                let kinds = if count == 0 { 0 } else { self.byte()? };
                (0..count).try_for_each(|_| {
                    self.element(kinds >> 4, depth)?;
                    self.element(kinds & 0x0f, depth)
                })
            }
            STRUCT => self.fields(|input, _, thrift| input.skip(thrift, depth)),
            _ => Err(HeaderError::Damaged),
        }
    }

    /// An element of a list: there a truth value takes a byte.
    fn element(&mut self, thrift: u8, depth: usize) -> Result<(), HeaderError> {
        self.skip(if matches!(thrift, 1 | 2) { BYTE } else { thrift }, depth)
    }
}

/// Whether the bytes begin with a structure that is whole: no list in it says that it is longer
/// than they are.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    Input { bytes, at: 0 }.skip(STRUCT, MOST_DEPTH).is_ok()
}

/// The runs of levels in the hybrid of RLE and bit packing, of numbers of `bits` bits: each number
/// and how many times it comes. It ends where the bytes do.
pub(super) fn runs(bytes: &[u8], bits: u32, mut each: impl FnMut(u64, u64)) {
    let mut input = Input { bytes, at: 0 };
    let width = bits.div_ceil(8) as usize;
    while let Ok(head) = input.varint() {
        if head & 1 == 0 {
            let Some(value) = bytes.get(input.at..input.at + width) else { return };
            input.at += width;
            each(
                value.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)),
                head >> 1,
            );
        } else {
            let packed = &bytes[input.at..];
            let length =
                (head >> 1).saturating_mul(u64::from(bits)).min(packed.len() as u64) as usize;
            unpack(&packed[..length], bits, |value| {
                each(value, 1);
                true
            });
            input.at += length;
        }
    }
}

/// The numbers of `bits` bits that lie in `bytes`, the lowest bit first, until `each` wants no
/// more.
fn unpack(bytes: &[u8], bits: u32, mut each: impl FnMut(u64) -> bool) {
    if bits == 0 || bits > 32 {
        return;
    }
    let mask = (1 << bits) - 1;
    for number in 0..bytes.len() as u64 * 8 / u64::from(bits) {
        let bit = number * u64::from(bits);
        let first = (bit / 8) as usize;
        let mut eight = [0; 8];
        let there = &bytes[first..bytes.len().min(first + 8)];
        eight[..there.len()].copy_from_slice(there);
        if !each(u64::from_le_bytes(eight) >> (bit % 8) & mask) {
            return;
        }
    }
}

/// Of lengths in the encoding DELTA_BINARY_PACKED, at the beginning of `bytes`: how many they are.
pub(super) fn delta_count(bytes: &[u8]) -> Option<u64> {
    let mut input = Input { bytes, at: 0 };
    input.varint().ok()?;
    input.varint().ok()?;
    input.varint().ok()
}

/// Of lengths in the encoding DELTA_BINARY_PACKED, at the beginning of `bytes`: their sum, and
/// where they end. None if they are damaged, or more than `most`.
pub(super) fn delta_sum(bytes: &[u8], most: u64) -> Option<(u64, usize)> {
    let mut input = Input { bytes, at: 0 };
    let (block, parts) = (input.varint().ok()?, input.varint().ok()?);
    let (count, first) = (input.varint().ok()?, input.zigzag().ok()?);
    if parts == 0 || block % 128 != 0 || block % parts != 0 || block > 1 << 20 || count > most {
        return None;
    }
    let part = block / parts;
    let (mut last, mut sum, mut left) =
        (first, u64::try_from(first).ok()?, count.saturating_sub(1));
    if count == 0 {
        sum = 0;
    }
    while left > 0 {
        let least = input.zigzag().ok()?;
        let widths = bytes.get(input.at..)?.get(..parts as usize)?;
        input.at += parts as usize;
        for width in widths {
            if left == 0 {
                break;
            }
            let here = part.min(left);
            left -= here;
            let mut add = |delta: u64| {
                last = last.wrapping_add(least).wrapping_add(delta as i64) as i32 as i64;
                sum = sum.saturating_add(u64::try_from(last).unwrap_or(u64::MAX));
            };
            if *width == 0 {
                (0..here).for_each(|_| add(0));
                continue;
            }
            let length = (u64::from(*width) * part / 8) as usize;
            let packed = bytes.get(input.at..)?;
            let mut got = 0;
            unpack(&packed[..length.min(packed.len())], u32::from(*width), |delta| {
                add(delta);
                got += 1;
                got < here
            });
            if got < here {
                return None;
            }
            input.at += length.min(packed.len());
        }
    }
    (sum < u64::MAX).then_some((sum, input.at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_those_that_were_written() {
        // Five times 1, then eight numbers of 2 bits: 0 to 3, twice.
        let bytes = [5 << 1, 1, 1 << 1 | 1, 0b1110_0100, 0b1110_0100];
        let mut found = Vec::new();
        runs(&bytes, 2, |value, times| found.push((value, times)));
        let expected = [(1, 5), (0, 1), (1, 1), (2, 1), (3, 1), (0, 1), (1, 1), (2, 1), (3, 1)];
        assert_eq!(found, expected);
    }

    #[test]
    fn headers_that_lie_or_end_early_are_no_headers() {
        // A data page: type 0, 100 bytes, 60 in the file, 7 values.
        let header = [0x15, 0, 0x15, 200, 1, 0x15, 120, 0x2c, 0x15, 14, 0, 0];
        let expected = Header {
            length: 12,
            is_dictionary: false,
            size: 100,
            stored: 60,
            levels: 0,
            values: 7,
        };
        assert_eq!(Header::read(&header), Ok(expected));
        for length in 0..header.len() {
            assert_eq!(Header::read(&header[..length]), Err(HeaderError::Short));
        }
        // A negative size.
        assert_eq!(Header::read(&[0x15, 0, 0x15, 2, 0x15, 1, 0]), Err(HeaderError::Damaged));
        // An unknown field with structures without end.
        assert_eq!(Header::read(&[0x1c; 1000]), Err(HeaderError::Damaged));
    }
}
