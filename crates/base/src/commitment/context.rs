//! What a commitment begins with: its label, and what it is about.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::code::Generation;
use crate::identifier::Scheme;
use crate::meta::{FileMeta, SUITE};
use crate::name::Name;

use super::Commitment;

/// What the rows of a request are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Use {
    /// Identifiers are coded.
    Code,
    /// People are looked up by their civil status and coded.
    LookUp,
    /// Codes are renewed.
    Renew,
}

impl Use {
    /// The word in files, commitments and messages: `code`, `look-up` or `renew`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::LookUp => "look-up",
            Self::Renew => "renew",
        }
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a commitment to rows is about. Two commitments of other contexts differ, even with the same
/// secret and the same rows.
///
/// A label ends with a line feed, a text has its length before it: no context is the beginning of
/// another one of the same label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context(Vec<u8>);

impl Context {
    /// The context of a request (SPEC §6): `generation` is that of the codes in the request, which
    /// only a renewal has, and `scheme` is that of what is coded, which a renewal does not know.
    pub fn request(
        service: &str,
        domain: &Name,
        r#use: Use,
        scheme: Option<Scheme>,
        generation: Option<Generation>,
    ) -> Self {
        Self::labelled("commitment/3")
            .text(SUITE)
            .text(service)
            .text(domain.as_str())
            .text(r#use.word())
            .text(scheme.map_or("", Scheme::name))
            .number(generation.map_or(0, Generation::get))
    }

    /// The context of a result (SPEC §6): where its codes come from, with the part of the run that
    /// it is, and the commitment of its request.
    pub fn result(from: &FileMeta, r#use: Use, request: &Commitment) -> Self {
        Self::labelled("result/1")
            .text(SUITE)
            .text(&from.service)
            .text(from.domain.as_str())
            .text(r#use.word())
            .number(from.generation.get())
            .fixed(&from.delivery.run.0)
            .number(from.delivery.part)
            .fixed(&request.0)
    }

    /// `CStatNS/`, the label and a line feed.
    pub fn labelled(label: &str) -> Self {
        Self(format!("CStatNS/{label}\n").into_bytes())
    }

    /// And a text, with its length (u32, big-endian) before it.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.0.extend(length(text.as_bytes()));
        self.0.extend(text.as_bytes());
        self
    }

    /// And a number (u32, big-endian).
    #[must_use]
    pub fn number(mut self, number: u32) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    /// And bytes whose number the label fixes.
    #[must_use]
    pub fn fixed<const N: usize>(mut self, bytes: &[u8; N]) -> Self {
        self.0.extend(bytes);
        self
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The length of `bytes` as a u32, big-endian.
pub(super) fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).expect("no name and no value is as long").to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_begins_as_the_specification_says() {
        let domain = Name::new("health").unwrap();
        let generation = Generation::new(3);
        let context = Context::request("nso.abcdefghij", &domain, Use::Renew, None, generation);
        assert_eq!(context.bytes()[..21], *b"CStatNS/commitment/3\n");
        let rest = b"\0\0\0\x14CStatNS-HMAC-SHA-256\0\0\0\x0enso.abcdefghij\0\0\0\x06health\
            \0\0\0\x05renew\0\0\0\0\0\0\0\x03";
        assert_eq!(context.bytes()[21..], *rest);
        let context =
            Context::request("nso.abcdefghij", &domain, Use::LookUp, Some(Scheme::FrNir), None);
        assert!(context.bytes().ends_with(b"\0\0\0\x07look-up\0\0\0\x06fr-nir\0\0\0\0"));
    }

    #[test]
    fn a_result_begins_as_the_specification_says() {
        let from = FileMeta {
            service: "nso.abcdefghij".to_owned(),
            domain: Name::new("health").unwrap(),
            generation: Generation::new(3).unwrap(),
            delivery: crate::delivery::DeliveryId { run: crate::name::Hex([7; 16]), part: 2 },
        };
        let context = Context::result(&from, Use::Code, &crate::name::Hex([9; 32]));
        let text = b"CStatNS/result/1\n\0\0\0\x14CStatNS-HMAC-SHA-256\0\0\0\x0enso.abcdefghij\
            \0\0\0\x06health\0\0\0\x04code\0\0\0\x03";
        let expected = [&text[..], &[7; 16], &[0, 0, 0, 2], &[9; 32]].concat();
        assert_eq!(context.bytes(), expected);
    }

    #[test]
    fn words_are_those_of_the_files() {
        for r#use in [Use::Code, Use::LookUp, Use::Renew] {
            assert_eq!(serde_json::to_value(r#use).unwrap(), r#use.word());
        }
    }
}
