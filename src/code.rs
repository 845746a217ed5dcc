//! Codes, their generation and their domain's tag; text and binary forms (SPEC §5).

use std::fmt;
use std::num::NonZeroU32;
use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use crate::name::Name;

/// RFC 4648 base32, lower case, without padding.
pub(crate) static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
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
        let canonical = matches!(text.first(), Some(b'1'..=b'9')) && text.iter().all(u8::is_ascii_digit);
        if !canonical {
            return None;
        }
        std::str::from_utf8(text).ok()?.parse().ok().map(Self)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Four characters that say which service and domain a code belongs to: a check against mix-ups, not a proof.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag([u8; 4]);

impl Tag {
    /// The tag of a domain: the first 4 characters of base32(SHA-256("CStatNS/tag/" ‖ service id ‖ "/" ‖ domain)).
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

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({self})")
    }
}

/// A code without meaning: 32 bytes, the output of the coding function, with its domain's tag and its generation.
///
/// A code is not a secret but it is not for the screen either: `Debug` shows generation and tag only, and the
/// text form is asked for by name.
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
        out.push(b'c');
        let mut digits = [0; 10];
        let mut first = digits.len();
        let mut number = self.generation.get();
        while number > 0 {
            first -= 1;
            digits[first] = b'0' + (number % 10) as u8;
            number /= 10;
        }
        out.extend_from_slice(&digits[first..]);
        out.push(b'.');
        out.extend_from_slice(&self.tag.0);
        out.push(b'.');
        let start = out.len();
        out.resize(start + 52, 0);
        BASE32.encode_mut(&self.bytes, &mut out[start..]);
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
        let (Some(generation), Some(tag), Some(code)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(CodeError::Form);
        };
        let generation = generation.strip_prefix(b"c").ok_or(CodeError::Form)?;
        let generation = Generation::parse(generation).ok_or(CodeError::Generation)?;
        let tag = Tag::parse(tag).ok_or(CodeError::Tag)?;
        let mut bytes = [0; 32];
        if code.len() != 52 || BASE32.decode_mut(code, &mut bytes).is_err() {
            return Err(CodeError::Bytes);
        }
        Ok(Self { bytes, tag, generation })
    }
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

impl CodeError {
    /// The stable short code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Form => "code-form",
            Self::Generation => "code-generation",
            Self::Tag => "code-tag",
            Self::Bytes => "code-bytes",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Code {
        let domain = Name::new("population").unwrap();
        Code::from_bytes([0xa5; 32], Tag::of("demo.aaaaaaaaaa", &domain), Generation::new(12).unwrap())
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
}
