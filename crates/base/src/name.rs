//! Names, byte strings and signed statements as the formats spell them (SPEC §1).
//!
//! Services, custodians, domains, parties and purposes are called by codes of a closed alphabet, so
//! that no free text, and with it no personal data, can reach a file that is never deleted.

mod canonical;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::coded::{Coordinate, Fact};

/// A name: `[a-z][a-z0-9-]{0,31}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Name(String);

impl Name {
    /// Takes a name as it is written.
    ///
    /// # Errors
    /// [`NameError`] when the text is not of the form `[a-z][a-z0-9-]{0,31}`.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if Self::fits(text) { Ok(Self(text.to_owned())) } else { Err(NameError) }
    }

    /// Whether a text is a name.
    pub fn fits(text: &str) -> bool {
        let bytes = text.as_bytes();
        let first = bytes.first().is_some_and(u8::is_ascii_lowercase);
        let rest = bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-');
        first && rest && bytes.len() <= 32
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "names of services, custodians, domains, parties and purposes are codes: a lower-case letter, \
    then up to \
     31 lower-case letters, digits or hyphens (for example `wages-2026`)"
)]
pub struct NameError;

crate::coded!(NameError {
    Self => ("name", Input, []),
});

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Coordinate for Name {
    fn add_to(&self, facts: &mut Vec<Fact>, name: &'static str) {
        facts.push(Fact::new(name, self));
    }
}

impl FromStr for Name {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// `N` public bytes, written as `2 N` lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hex<const N: usize>(pub [u8; N]);

impl<const N: usize> Hex<N> {
    /// Reads exactly `2 N` lower-case digits.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (pairs, []) = text.as_chunks::<2>() else { return None };
        let pairs: &[[u8; 2]; N] = pairs.try_into().ok()?;
        let mut worst = 0;
        // In two passes, and with neither a jump nor a table in the first: so the compiler does
        // many digits at a time.
        let values = pairs.map(|pair| {
            pair.map(|digit| {
                let value = value(digit);
                worst |= value;
                value
            })
        });
        (worst < 16).then(|| Self(values.map(|[high, low]| high << 4 | low)))
    }

    /// Appends the digits to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.digits().as_flattened());
    }

    fn digits(&self) -> [[u8; 2]; N] {
        self.0.map(|byte| [digit(byte >> 4), digit(byte & 15)])
    }
}

/// The value of a lower-case hexadecimal digit; 16 and more for anything else.
fn value(digit: u8) -> u8 {
    let (figure, letter) = (digit.wrapping_sub(b'0'), digit.wrapping_sub(b'a'));
    if figure < 10 {
        figure
    } else if letter < 6 {
        letter + 10
    } else {
        0xff
    }
}

fn digit(value: u8) -> u8 {
    value + if value < 10 { b'0' } else { b'a' - 10 }
}

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(text(&self.digits()))
    }
}

fn text(digits: &[[u8; 2]]) -> &str {
    std::str::from_utf8(digits.as_flattened()).expect("digits are ASCII")
}

/// The number of a run, which is drawn at random and public. Other lengths may be keys, and are no
/// coordinates.
impl Coordinate for Hex<16> {
    fn add_to(&self, facts: &mut Vec<Fact>, name: &'static str) {
        facts.push(Fact::new(name, self));
    }
}

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text(&self.digits()))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Digits)
    }
}

/// Reads the digits where they stand: ledgers hold millions.
struct Digits<const N: usize>;

impl<const N: usize> de::Visitor<'_> for Digits<N> {
    type Value = Hex<N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lower-case hexadecimal digits", 2 * N)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Hex<N>, E> {
        Hex::parse(text.as_bytes()).ok_or_else(|| {
            E::custom(format_args!("expected {} lower-case hexadecimal digits", 2 * N))
        })
    }
}

/// The largest whole number in the formats: canonical JSON writes numbers as IEEE 754 doubles,
/// which are exact up to here (RFC 8785, appendix D; RFC 7493, section 2.2).
pub const LARGEST_NUMBER: u64 = (1 << 53) - 1;

/// Reads a whole number of at most [`LARGEST_NUMBER`]: for `#[serde(deserialize_with)]` at every
/// 64-bit field of a format.
///
/// # Errors
/// For a larger number, and for what is not a whole number.
pub fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = u64::deserialize(deserializer)?;
    if number > LARGEST_NUMBER {
        return Err(de::Error::custom("the number is above 2^53 - 1"));
    }
    Ok(number)
}

/// Reads a whole number where there is one: for `default` with `deserialize_with`.
///
/// # Errors
/// Those of [`whole_number`].
pub fn whole_number_if_any<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    whole_number(deserializer).map(Some)
}

/// Reads a time in whole seconds, as SPEC §11 writes it: for `deserialize_with`.
///
/// # Errors
/// For a time with a part of a second.
pub fn whole_second<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let time = Timestamp::deserialize(deserializer)?;
    if time.subsec_nanosecond() != 0 {
        return Err(de::Error::custom("the time has a part of a second"));
    }
    Ok(time)
}

/// A number as people read it: with a comma between thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The same in French: with a narrow space that does not break.
pub fn grouped_fr(number: u64) -> String {
    grouped(number).replace(',', "\u{202f}")
}

/// The canonical JSON of `value` (RFC 8785): what is hashed and signed.
///
/// # Panics
/// When `value` has no JSON form, which no type of this library lacks. The caller has checked that
/// its whole numbers are at most [`LARGEST_NUMBER`]; larger ones are rounded.
pub fn canonical_json(value: &impl Serialize) -> Vec<u8> {
    let peer = || serde_json_canonicalizer::to_vec(value).ok();
    // Room for most of what is signed and recorded.
    let mut json = Vec::with_capacity(1000);
    let written = serde_json::to_writer(&mut json, value);
    let canonical = written.ok().and_then(|()| canonical::sorted(json));
    debug_assert!(canonical.is_none() || canonical == peer(), "two implementations agree");
    canonical.or_else(peer).expect("the formats have a canonical JSON form")
}

/// The JSON of a `value` of less than `capacity` bytes that holds secrets, in one line: written
/// into room of full size, because a buffer that grows leaves a copy behind.
///
/// # Panics
/// When the value is longer.
pub fn secret_json(value: &impl Serialize, capacity: usize) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(vec![0; capacity]);
    let mut rest = bytes.as_mut_slice();
    serde_json::to_writer(&mut rest, value).expect("the value fits");
    rest[0] = b'\n';
    let free = rest.len() - 1;
    bytes.truncate(capacity - free);
    bytes
}

/// SHA-256(`label` ‖ canonical JSON of `value`).
pub fn digest(label: &str, value: &impl Serialize) -> Hex<32> {
    let mut hash = Sha256::new();
    hash.update(label.as_bytes());
    hash.update(canonical_json(value));
    Hex(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_a_closed_alphabet() {
        for good in ["a", "wages-2026", "z9-", &"a".repeat(32)] {
            assert_eq!(Name::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "A", "9a", "-a", "a b", "a/b", "é", "a\n", "a_b", &"a".repeat(33)] {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
        assert!(serde_json::from_str::<Name>("\"Dupont Jean\"").is_err());
    }

    #[test]
    fn secret_json_is_one_line_of_json() {
        assert_eq!(**secret_json(&["a"], 6), *b"[\"a\"]\n");
        assert_eq!(**secret_json(&["a"], 100), *b"[\"a\"]\n");
    }

    #[test]
    fn hexadecimal_has_one_spelling() {
        assert_eq!(Hex::<2>::parse(b"0a1b").unwrap().0, [10, 27]);
        assert_eq!(Hex([10, 27]).to_string(), "0a1b");
        for bad in [&b"0A1b"[..], b"0a1", b"0a1b00", b"0g1b", b""] {
            assert!(Hex::<2>::parse(bad).is_none());
        }
    }

    proptest! {
        #[test]
        fn hexadecimal_is_what_another_implementation_says(bytes: [u8; 16], at in 0_usize..32, other: u8) {
            let mut written = b"before ".to_vec();
            Hex(bytes).write(&mut written);
            let mut text = written.split_off(7);
            prop_assert_eq!(&written, b"before ");
            prop_assert_eq!(&text, &HEXLOWER.encode(&bytes).into_bytes());
            prop_assert_eq!(Hex::parse(&text), Some(Hex(bytes)));
            text[at] = other;
            let ours = Hex::<16>::parse(&text).map(|hex| hex.0.to_vec());
            prop_assert_eq!(ours, HEXLOWER.decode(&text).ok());
        }
    }

    #[test]
    fn every_byte_is_a_digit_or_none() {
        for byte in 0..=255 {
            let text = [byte, b'0'];
            assert_eq!(Hex::<1>::parse(&text).is_some(), HEXLOWER.decode(&text).is_ok(), "{byte}");
            assert_eq!(
                Hex::<1>::parse(&[text[1], text[0]]).is_some(),
                HEXLOWER.decode(&text).is_ok(),
                "{byte}"
            );
        }
    }
}
