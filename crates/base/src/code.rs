//! Codes, their generation and their domain's tag; text and binary forms (SPEC §5).

use std::fmt;
use std::num::NonZeroU32;
use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use crate::coded::{Coordinate, Fact};
use crate::name::Name;

/// RFC 4648 base32, lower case, without padding.
pub static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    specification.encoding().expect("the alphabet is valid")
});

/// How many keys a domain's code has gone through: 1, 2, 3 …
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(NonZeroU32);

impl Generation {
    /// The generation of a domain's first key.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// Generation `number`; there is no generation 0.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The number, from 1.
    pub fn get(self) -> u32 {
        self.0.get()
    }

    /// The generation after this one.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The canonical decimal form: no sign, no leading zero.
    fn parse(text: &[u8]) -> Option<Self> {
        if text.first() == Some(&b'0') {
            return None;
        }
        let number = text.iter().try_fold(0_u32, |number, digit| {
            let digit = digit.is_ascii_digit().then(|| u32::from(digit - b'0'))?;
            number.checked_mul(10)?.checked_add(digit)
        })?;
        Self::new(number)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Four characters that say which service and domain a code belongs to: a check against mix-ups,
/// not a proof.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag([u8; 4]);

impl Tag {
    /// The tag of a domain: the first 4 characters of base32(SHA-256("CStatNS/tag/" ‖ service id ‖
    /// "/" ‖ domain)).
    pub fn of(service_id: &str, domain: &Name) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"CStatNS/tag/");
        hash.update(service_id.as_bytes());
        hash.update(b"/");
        hash.update(domain.as_str().as_bytes());
        let text = BASE32.encode(&hash.finalize());
        Self(text.as_bytes()[..4].try_into().expect("52 characters hold four"))
    }

    /// Reads a tag as written.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let tag: [u8; 4] = text.try_into().ok()?;
        tag.iter().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7')).then_some(Self(tag))
    }

    /// The four characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a tag is ASCII")
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Coordinate for Tag {
    fn add_to(&self, facts: &mut Vec<Fact>, name: &'static str) {
        facts.push(Fact::new(name, self));
    }
}

impl Coordinate for Generation {
    fn add_to(&self, facts: &mut Vec<Fact>, name: &'static str) {
        self.get().add_to(facts, name);
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({self})")
    }
}

/// A code without meaning: 32 bytes, the output of the coding function, with its domain's tag and
/// its generation.
///
/// A code is not a secret but it is not for the screen either: `Debug` shows generation and tag
/// only, and the text form is asked for by name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code {
    bytes: [u8; 32],
    tag: Tag,
    generation: Generation,
}

impl Code {
    /// The length of the longest text form, in bytes.
    pub const MAX_TEXT: usize = 1 + 10 + 1 + 4 + 1 + 52;

    /// A code from its binary form; tag and generation come from the file's metadata.
    pub fn from_bytes(bytes: [u8; 32], tag: Tag, generation: Generation) -> Self {
        Self { bytes, tag, generation }
    }

    /// The binary form.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The tag of its domain.
    pub fn tag(&self) -> Tag {
        self.tag
    }

    /// Its generation.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Appends the text form `c<generation>.<tag>.<code>` to `out`.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        out.reserve(Self::MAX_TEXT);
        out.push(b'c');
        match self.generation.get() {
            // Few domains have had ten keys.
            digit @ 0..10 => out.push(b'0' + digit as u8),
            number => out.extend_from_slice(number.to_string().as_bytes()),
        }
        out.push(b'.');
        out.extend_from_slice(&self.tag.0);
        out.push(b'.');
        out.extend_from_slice(&encode(&self.bytes));
    }

    /// The text form, in a string of its own.
    pub fn text(&self) -> String {
        let mut text = Vec::with_capacity(Self::MAX_TEXT);
        self.write_text(&mut text);
        String::from_utf8(text).expect("a code's text is ASCII")
    }

    /// Reads the text form; each code has exactly one.
    ///
    /// # Errors
    /// [`CodeError`], which names the part that is wrong and never quotes it.
    pub fn parse(text: &[u8]) -> Result<Self, CodeError> {
        let mut parts = text.splitn(3, |b| *b == b'.');
        let (Some(generation), Some(tag), Some(code)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(CodeError::Form);
        };
        let generation = generation.strip_prefix(b"c").ok_or(CodeError::Form)?;
        let generation = Generation::parse(generation).ok_or(CodeError::Generation)?;
        let tag = Tag::parse(tag).ok_or(CodeError::Tag)?;
        let bytes = code.try_into().ok().and_then(decode).ok_or(CodeError::Bytes)?;
        Ok(Self { bytes, tag, generation })
    }
}

/// The base32 form of 32 bytes: eight characters for each five bytes, and four for the last two,
/// with zeros behind them.
///
/// Here and in [`decode`] there is neither a jump nor a table, so that the compiler does many bytes
/// at a time; eight words fill its vectors better than seven.
fn encode(bytes: &[u8; 32]) -> [u8; 52] {
    let (fives, [y, z]) = bytes.as_chunks::<5>() else { unreachable!("32 is 5 × 6 + 2") };
    let mut words = [0; 8];
    for (word, [a, b, c, d, e]) in words.iter_mut().zip(fives) {
        *word = u64::from_be_bytes([0, 0, 0, *a, *b, *c, *d, *e]);
    }
    words[6] = u64::from_be_bytes([0, 0, 0, *y, *z, 0, 0, 0]);
    for word in &mut words {
        // Halves of forty bits, of twenty and of ten move apart, until each byte holds five.
        *word = (*word & 0xf_ffff) << 32 | *word >> 20;
        *word = (*word & 0x0000_03ff_0000_03ff) << 16 | *word >> 10 & 0x0000_03ff_0000_03ff;
        *word = (*word & 0x001f_001f_001f_001f) << 8 | *word >> 5 & 0x001f_001f_001f_001f;
    }
    let mut text = words.map(u64::to_le_bytes);
    for byte in text.as_flattened_mut() {
        *byte += if *byte < 26 { b'a' } else { b'2' - 26 };
    }
    *text.as_flattened().first_chunk().expect("64 characters hold 52")
}

/// The 32 bytes of their base32 form; the bits beyond them must be zero.
fn decode(text: &[u8; 52]) -> Option<[u8; 32]> {
    let mut fives = [0; 56];
    let mut worst = 0;
    for (five, character) in fives.iter_mut().zip(text) {
        let (letter, figure) = (character.wrapping_sub(b'a'), character.wrapping_sub(b'2'));
        *five = if letter < 26 {
            letter
        } else if figure < 6 {
            figure + 26
        } else {
            0xff
        };
        worst |= *five;
    }
    let mut bytes = [0; 38];
    for (i, eight) in fives.as_chunks().0.iter().enumerate() {
        // The steps of `encode` in reverse. Of eight bytes written five stay, the next ones are
        // written over.
        let word = u64::from_le_bytes(*eight);
        let word = (word & 0x001f_001f_001f_001f) << 5 | word >> 8 & 0x001f_001f_001f_001f;
        let word = (word & 0x0000_03ff_0000_03ff) << 10 | word >> 16 & 0x0000_03ff_0000_03ff;
        let word = (word & 0xf_ffff) << 20 | word >> 32;
        bytes[5 * i..][..8].copy_from_slice(&(word << 24).to_be_bytes());
    }
    let (bytes, beyond) = bytes.split_first_chunk().expect("38 bytes hold 32");
    (worst < 32 && beyond == [0; 6]).then_some(*bytes)
}

impl Zeroize for Code {
    fn zeroize(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code(c{}.{}.…)", self.generation, self.tag)
    }
}

/// Why a text is not a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodeError {
    /// Not of the form `c<generation>.<tag>.<code>`.
    #[error("not a code: a code reads c<generation>.<tag>.<52 characters>")]
    Form,
    /// The generation is not a decimal number from 1 without leading zeros.
    #[error("not a code: its generation is not a number from 1")]
    Generation,
    /// The tag is not four base32 characters.
    #[error("not a code: its tag is not four characters of a–z, 2–7")]
    Tag,
    /// The last part is not the base32 form of 32 bytes.
    #[error("not a code: its last part is not 52 characters of lower-case base32")]
    Bytes,
}

crate::coded!(CodeError {
    Self::Form => ("code-form", Input, []),
    Self::Generation => ("code-generation", Input, []),
    Self::Tag => ("code-tag", Input, []),
    Self::Bytes => ("code-bytes", Input, []),
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Code {
        let domain = Name::new("population").unwrap();
        Code::from_bytes(
            [0xa5; 32],
            Tag::of("demo.aaaaaaaaaaaaaaaaaaaaaaaaaa", &domain),
            Generation::new(12).unwrap(),
        )
    }

    #[test]
    fn the_text_form_comes_back() {
        let text = sample().text();
        assert!(text.starts_with("c12.") && text.len() == 3 + 1 + 4 + 1 + 52);
        assert_eq!(Code::parse(text.as_bytes()), Ok(sample()));
        let highest = Code::from_bytes([0; 32], sample().tag(), Generation::new(u32::MAX).unwrap());
        assert_eq!(Code::parse(highest.text().as_bytes()), Ok(highest));
        assert_eq!(highest.text().len(), Code::MAX_TEXT);
    }

    #[test]
    fn a_code_has_one_spelling() {
        let text = sample().text();
        let (head, code) = text.rsplit_once('.').unwrap();
        for (bad, error) in [
            (text.to_uppercase(), CodeError::Form),
            (format!("{text}="), CodeError::Bytes),
            (format!(" {text}"), CodeError::Form),
            (text.replace("c12", "c012"), CodeError::Generation),
            (text.replace("c12", "c0"), CodeError::Generation),
            (text.replace("c12", "c+1"), CodeError::Generation),
            (text.replace("c12", "c4294967296"), CodeError::Generation),
            (format!("{head}.{}", code.to_uppercase()), CodeError::Bytes),
            // The last character holds one bit of code and four bits that must be zero.
            (format!("{head}.{}b", &code[..51]), CodeError::Bytes),
            (format!("{head}.{}", &code[..51]), CodeError::Bytes),
            (format!("c1.{code}"), CodeError::Form),
            (format!("c1.abc1.{code}"), CodeError::Tag),
            (String::new(), CodeError::Form),
        ] {
            assert_eq!(Code::parse(bad.as_bytes()), Err(error), "{bad}");
        }
    }

    #[test]
    fn debug_does_not_show_the_code() {
        assert!(!format!("{:?}", sample()).contains(sample().text().rsplit('.').next().unwrap()));
    }

    proptest! {
        #[test]
        fn base32_is_what_another_implementation_says(bytes: [u8; 32], at in 0_usize..52, other: u8) {
            let mut text = encode(&bytes);
            prop_assert_eq!(text.to_vec(), BASE32.encode(&bytes).into_bytes());
            prop_assert_eq!(decode(&text), Some(bytes));
            text[at] = other;
            let ours = decode(&text).map(|bytes| bytes.to_vec());
            prop_assert_eq!(ours, BASE32.decode(&text).ok());
        }
    }

    #[test]
    fn every_byte_is_a_character_or_none() {
        for (at, byte) in (0..52).flat_map(|at| (0..=255).map(move |byte| (at, byte))) {
            let mut text = [b'a'; 52];
            text[at] = byte;
            let ours = decode(&text).map(|bytes| bytes.to_vec());
            assert_eq!(ours, BASE32.decode(&text).ok(), "{byte} at {at}");
        }
    }
}
