//! What must not leak, in every form in which it could be left.

#![allow(dead_code, unreachable_pub)]

use data_encoding::{BASE64, HEXLOWER, HEXUPPER};
use memchr::memmem;

/// Somebody who does not exist, in Corsica.
pub const CANARY: &str = "299072A987654";

/// What to look for: something, in every form in which it could be left.
pub struct Needles(Vec<Vec<u8>>);

impl Needles {
    /// The raw bytes, hexadecimal, and the three ways in which base64 can hold them. None is so
    /// short that it comes up by chance in what is random: four characters of base64 did.
    pub fn of(values: &[&[u8]]) -> Self {
        let mut needles = Vec::new();
        for value in values {
            needles.push(value.to_vec());
            needles.push(HEXLOWER.encode(value).into_bytes());
            needles.push(HEXUPPER.encode(value).into_bytes());
            for shift in 0..3 {
                let encoded = BASE64.encode(&[&b"xx"[..shift], *value].concat());
                // Only the characters that this value alone decides.
                let (from, to) = ([0, 2, 3][shift], (shift + value.len()) / 3 * 4);
                needles.push(encoded.as_bytes()[from..to].to_vec());
            }
        }
        assert!(needles.iter().all(|needle| needle.len() >= 8), "a needle comes up by chance");
        Self(needles)
    }

    /// Nothing yet.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    pub fn add(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    pub fn identifier() -> Self {
        let spaced = "2 99 07 2A 987 654";
        let number: u64 = CANARY.replace("2A", "19").parse().unwrap();
        Self::of(&[
            CANARY.as_bytes(),
            CANARY.to_lowercase().as_bytes(),
            spaced.as_bytes(),
            &CANARY.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>(),
            // The substituted form, in figures and as a number.
            CANARY.replace("2A", "19").as_bytes(),
            &number.to_be_bytes(),
            &number.to_le_bytes(),
        ])
    }

    pub fn code(text: &str) -> Self {
        let bare = text.rsplit('.').next().unwrap();
        let bytes = data_encoding::BASE32_NOPAD.decode(bare.to_uppercase().as_bytes()).unwrap();
        Self::of(&[bare.as_bytes(), bare.to_uppercase().as_bytes(), &bytes])
    }

    /// A needle of a few figures is one only where no hexadecimal digit stands around it: among the
    /// random indexes of many rows it comes up by chance.
    pub fn are_in(&self, bytes: &[u8]) -> bool {
        let is_digit =
            |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_hexdigit);
        self.0.iter().any(|needle| {
            let is_short = needle.len() <= 8 && needle.iter().all(u8::is_ascii_hexdigit);
            let within =
                |at: usize| is_digit(at.checked_sub(1)) || is_digit(Some(at + needle.len()));
            memmem::find_iter(bytes, needle).any(|at| !(is_short && within(at)))
        })
    }
}

/// Whether a code stands in a cell of a text, of whatever generation.
pub fn has_code(text: &[u8]) -> bool {
    let is_code = |cell: &[u8]| {
        let after = cell.strip_prefix(b"c").unwrap_or_default();
        let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
        digits > 0 && after.get(digits) == Some(&b'.') && after.len() > 50
    };
    text.split(|byte| b"\n\r,".contains(byte)).any(is_code)
}
