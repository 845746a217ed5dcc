//! National identifiers in canonical form (SPEC §3).
//!
//! An [`Identifier`] exists only because a [`Scheme`] read it: whatever holds one need not check
//! again.
//!
//! ```
//! use cstatns_base::identifier::{Quality, Reason, Scheme};
//!
//! let accepted = Scheme::FrNir.parse(b" 2 84 05 2a 321 025 52 ")?;
//! assert_eq!(accepted.identifier.canonical(), b"284052A321025");
//! assert_eq!(accepted.quality, Quality::Valid);
//!
//! // Without its control key the same identifier is accepted, but a typing error would not have been seen.
//! assert_eq!(Scheme::FrNir.parse(b"284052A321025")?.quality, Quality::Unkeyed);
//! assert_eq!(Scheme::FrNir.parse(b"284052A32102560"), Err(Reason::WrongControlKey { found: 60, expected: 52 }));
//! # Ok::<(), Reason>(())
//! ```

mod hetu;
mod nir;
mod spelling;

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, optimization_barrier};

use crate::secret::wipe_stack;

/// What is left of a text that programs made of a number: without `="…"` or an apostrophe before
/// it, with which a spreadsheet keeps it as text, and without decimals that are zeros (`.0`).
/// Nothing is put before it: no identifier of a scheme begins with a zero that could be lost, a NIR
/// with 1, 2, 3, 4, 7 or 8. Anything else comes back as it is.
///
/// ```
/// use cstatns_base::identifier::{Scheme, number};
///
/// let accepted = Scheme::FrNir.parse(number(b"=\"117091320400164\""))?;
/// assert_eq!(accepted.compact(), "117091320400164");
/// # Ok::<(), cstatns_base::identifier::Reason>(())
/// ```
pub fn number(text: &[u8]) -> &[u8] {
    spelling::number(text)
}

/// The longest canonical form, in bytes: with a scheme's name of six characters the coding message
/// is then 55 bytes, the most that one SHA-256 block holds (SPEC §4).
pub const MAX_CANONICAL: usize = 34;

/// The canonical form is stored with zeros behind it to a whole word of the coding message.
const WHOLE_WORDS: usize = MAX_CANONICAL.next_multiple_of(4);

/// The longest compact form, in bytes: the canonical form and a control key of two digits.
const MAX_COMPACT: usize = MAX_CANONICAL + 2;

/// A validated national identifier in canonical form, made only by a [`Scheme`].
///
/// Stored inline, so that a batch is one allocation that its owner wipes. `Debug` names the scheme
/// and hides the value. Nothing else makes one; this does not compile:
///
/// ```compile_fail,E0624
/// cstatns_base::identifier::Identifier::new(cstatns_base::identifier::Scheme::FrNir, b"284052A321025");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier {
    scheme: Scheme,
    /// Zero beyond `len`.
    bytes: [u8; WHOLE_WORDS],
    len: u8,
}

impl Identifier {
    /// `scheme` and `canonical` come from a scheme of this module, which keeps the bounds.
    #[inline]
    fn new(scheme: Scheme, canonical: &[u8]) -> Self {
        debug_assert!(
            scheme.name().len() + canonical.len() <= 40,
            "the coding message must fit in one block"
        );
        let mut bytes = [0; WHOLE_WORDS];
        bytes[..canonical.len()].copy_from_slice(canonical);
        Self { scheme, bytes, len: canonical.len() as u8 }
    }

    /// The scheme that read it.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The canonical form, ASCII: the same bytes for every accepted spelling of one identifier.
    pub fn canonical(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The canonical form with zeros behind it, and its length.
    #[inline]
    pub fn padded(&self) -> (&[u8], usize) {
        (&self.bytes, usize::from(self.len))
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identifier({})", self.scheme)
    }
}

impl Zeroize for Identifier {
    fn zeroize(&mut self) {
        // As `zeroize` does it, but in a few steps instead of one for each byte: it is done for
        // each row.
        self.bytes = [0; WHOLE_WORDS];
        self.len = 0;
        optimization_barrier(self);
    }
}

/// The rules of one national identifier: which spellings are accepted, and the canonical form of
/// each.
///
/// A new one is a room here, a name in SPEC §3 and a line in each `match`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Scheme {
    /// `fr-nir`: the French *numéro d'inscription au répertoire* (SPEC §3.2).
    #[serde(rename = "fr-nir")]
    FrNir,
    /// `fi-hetu`: the Finnish *henkilötunnus* (SPEC §3.4).
    #[serde(rename = "fi-hetu")]
    FiHetu,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 2] = [Self::FrNir, Self::FiHetu];

    /// The scheme's name, `[a-z][a-z-]*`: part of the coding message.
    pub fn name(self) -> &'static str {
        match self {
            Self::FrNir => "fr-nir",
            Self::FiHetu => "fi-hetu",
        }
    }

    /// Reads one spelling. `text` is taken as it stands in the data, and need not be UTF-8.
    ///
    /// An empty text is [`Reason::WrongLength`]: a caller that treats an empty cell as absent does
    /// so before.
    ///
    /// # Errors
    ///
    /// The first [`Reason`] that applies, in the order in which [`Reason`] lists them.
    #[inline]
    pub fn parse(self, text: &[u8]) -> Result<Accepted, Reason> {
        match self {
            Self::FrNir => nir::parse(text),
            Self::FiHetu => hetu::parse(text),
        }
    }

    /// The word for why `text` is not the compact spelling of an identifier.
    pub fn why_not_compact(self, text: &[u8]) -> &'static str {
        let reason = self.parse(text).map(|mut accepted| accepted.zeroize());
        wipe_stack();
        reason.map_or_else(|reason| reason.word(), |()| "not-compact")
    }

    /// Reads `text` if it is the compact spelling of an identifier ([`Accepted::compact`]), as in a
    /// request; none if it is anything else. The same as [`Scheme::parse`], in less time.
    #[inline]
    pub fn parse_compact(self, text: &[u8]) -> Option<(Identifier, Quality)> {
        match self {
            Self::FrNir => nir::parse_compact(text),
            Self::FiHetu => hetu::parse_compact(text),
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An identifier that a [`Scheme`] accepted, and what is known of it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// The identifier, ready to be coded.
    pub identifier: Identifier,
    /// How far it can be trusted.
    pub quality: Quality,
    compact: [u8; MAX_COMPACT],
    compact_len: u8,
}

impl Accepted {
    #[inline]
    fn new(identifier: Identifier, quality: Quality, compact: &[u8]) -> Self {
        let mut bytes = [0; MAX_COMPACT];
        bytes[..compact.len()].copy_from_slice(compact);
        Self { identifier, quality, compact: bytes, compact_len: compact.len() as u8 }
    }

    /// The spelling that travels in a request: no spaces, upper case, with the control key if the
    /// text had one (for the NIR 13 or 15 characters). Parsing it again gives the same identifier
    /// and quality.
    pub fn compact(&self) -> &str {
        std::str::from_utf8(&self.compact[..usize::from(self.compact_len)])
            .expect("schemes accept ASCII only")
    }
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted")
            .field("identifier", &self.identifier)
            .field("quality", &self.quality)
            .finish_non_exhaustive()
    }
}

impl Zeroize for Accepted {
    fn zeroize(&mut self) {
        self.identifier.zeroize();
        self.compact = [0; MAX_COMPACT];
        self.compact_len = 0;
        optimization_barrier(self);
    }
}

/// How far an accepted identifier can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Quality {
    /// Definitive, and its control key was there and right.
    Valid,
    /// Definitive, written without its control key: a typing error cannot be seen.
    Unkeyed,
    /// A number given while the person's civil status was being established, with or without its
    /// control key.
    Provisional,
}

impl Quality {
    /// Every quality.
    pub const ALL: [Self; 3] = [Self::Valid, Self::Unkeyed, Self::Provisional];

    /// The word in results and reports: `valid`, `unkeyed` or `provisional`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Unkeyed => "unkeyed",
            Self::Provisional => "provisional",
        }
    }
}

/// Why a text is not an identifier. The first that applies, in this order, is the one reported.
///
/// Positions count characters from 1 in the text as given, ignored spaces included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// A number in scientific notation (`1,84E+12`), as a spreadsheet leaves it: its last digits
    /// are lost.
    #[error("scientific notation: a spreadsheet replaced the last digits")]
    Scientific,
    /// A character that the scheme uses nowhere, or bytes that are not UTF-8.
    #[error("character {position} is not allowed here")]
    WrongCharacter {
        /// Where the first such character stands.
        position: usize,
    },
    /// Too many or too few characters, ignored spaces apart.
    #[error("{found} characters without spaces is not an accepted length")]
    WrongLength {
        /// How many characters there are, ignored spaces apart.
        found: usize,
    },
    /// Allowed characters in a combination that the scheme does not give out.
    #[error("no identifier has the character at position {position} after the ones before it")]
    WrongForm {
        /// The first character that no identifier's form has after the ones before it.
        position: usize,
    },
    /// The control key does not belong to the identifier.
    #[error("key {found:02}, expected {expected:02}")]
    WrongControlKey {
        /// The control key in the text.
        found: u8,
        /// The control key that the identifier has.
        expected: u8,
    },
}

impl Reason {
    /// The word of every reason.
    pub const WORDS: [&str; 5] =
        ["scientific", "wrong-character", "wrong-length", "wrong-form", "wrong-control-key"];

    /// The word in reports and in the `status` column: one of [`Reason::WORDS`].
    pub fn word(self) -> &'static str {
        let [scientific, character, length, form, control] = Self::WORDS;
        match self {
            Self::Scientific => scientific,
            Self::WrongCharacter { .. } => character,
            Self::WrongLength { .. } => length,
            Self::WrongForm { .. } => form,
            Self::WrongControlKey { .. } => control,
        }
    }
}

crate::coded!(Reason {
    Self::Scientific => ("scientific", Input, []),
    Self::WrongCharacter { position } => ("wrong-character", Input, [position]),
    Self::WrongLength { found } => ("wrong-length", Input, []),
    Self::WrongForm { position } => ("wrong-form", Input, [position]),
    Self::WrongControlKey { found, expected } => ("wrong-control-key", Input, []),
});
