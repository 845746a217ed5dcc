//! Cards: the public part of a custodian's kit and of a service's identity (SPEC §8).

use cstatns_base::code::BASE32;
use cstatns_base::name::{Hex, Name, digest};
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::checkpoint::{Checkpoint, Head, Note, origin, read_note};
use crate::statement::{FORMAT, Signed, Statement};

/// The public part of a custodian's kit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardBody {
    /// Format version.
    pub format: u32,
    /// The custodian.
    pub name: Name,
    /// A custodian named outside the service (R5).
    pub external: bool,
    /// Whether a passphrase protects the kit.
    pub protected: bool,
    /// Ed25519 public key.
    pub signing: Hex<32>,
    /// X-Wing public key, to which shares are sealed.
    pub receiving: Hex<1216>,
}

impl Statement for CardBody {
    const LABEL: &'static str = "CStatNS/card/";
}

/// A custodian's card, signed with its own key.
pub type Card = Signed<CardBody>;

impl Card {
    /// SHA-256("CStatNS/card-fingerprint/" ‖ canonical JSON of the card).
    pub fn fingerprint(&self) -> Hex<32> {
        digest("CStatNS/card-fingerprint/", self)
    }

    /// Whether the card is of a known format and signed by its own key.
    pub fn is_sound(&self) -> bool {
        self.body.format == FORMAT && self.is_by(&self.body.signing)
    }
}

/// The public part of a service's identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceCardBody {
    /// Format version.
    pub format: u32,
    /// `<name>.<26 characters of base32(SHA-256("CStatNS/service/" ‖ signing key))>`.
    pub id: String,
    /// Ed25519 public key.
    pub signing: Hex<32>,
}

impl Statement for ServiceCardBody {
    const LABEL: &'static str = "CStatNS/service-card/";
}

/// A service's card, signed with its own key.
pub type ServiceCard = Signed<ServiceCardBody>;

impl ServiceCard {
    /// The card of a new service.
    pub fn of(name: &Name, key: &SigningKey) -> Self {
        let signing = Hex(key.verifying_key().to_bytes());
        Self::new(
            ServiceCardBody { format: FORMAT, id: service_id(name.as_str(), &signing), signing },
            key,
        )
    }

    /// Whether the card is of a known format, signed by its own key, and its id follows from its
    /// name and key.
    pub fn is_sound(&self) -> bool {
        let ServiceCardBody { format, id, signing } = &self.body;
        let named = id
            .split_once('.')
            .is_some_and(|(name, _)| Name::new(name).is_ok() && *id == service_id(name, signing));
        *format == FORMAT && named && self.is_by(signing)
    }

    /// The service's id.
    pub fn id(&self) -> &str {
        &self.body.id
    }

    /// What a checkpoint says that this service signed.
    ///
    /// # Errors
    /// [`Unsigned`].
    pub fn head_of(&self, note: &[u8]) -> Result<Head, Unsigned> {
        read_note(note, self.id(), &self.body.signing).ok_or_else(|| {
            let note = Note::parse(note).ok();
            let checkpoint = note.and_then(|note| Checkpoint::parse(note.text()).ok());
            match checkpoint.is_some_and(|other| other.origin() != origin(self.id())) {
                true => Unsigned::OtherService,
                false => Unsigned::Signature,
            }
        })
    }
}

/// Why a checkpoint is not one of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsigned {
    /// It is of another service's ledger.
    OtherService,
    /// It is not a checkpoint, or not signed by the service.
    Signature,
}

fn service_id(name: &str, signing: &Hex<32>) -> String {
    let mut hash = Sha256::new();
    hash.update(b"CStatNS/service/");
    hash.update(signing.0);
    let text = BASE32.encode(&hash.finalize());
    format!("{name}.{}", &text[..26])
}

/// A fingerprint as eight pronounceable words, to be read aloud: 16 bits a word,
/// consonant-vowel-consonant-vowel- consonant, of the fingerprint's first 16 bytes.
pub fn spoken(fingerprint: &Hex<32>) -> String {
    const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
    const VOWELS: &[u8; 4] = b"aiou";
    let mut words = String::with_capacity(8 * 6);
    for pair in fingerprint.0[..16].chunks_exact(2) {
        let bits = u16::from_be_bytes([pair[0], pair[1]]);
        if !words.is_empty() {
            words.push('-');
        }
        for (shift, letters) in
            [(12, &CONSONANTS[..]), (10, VOWELS), (6, CONSONANTS), (4, VOWELS), (0, CONSONANTS)]
        {
            words.push(char::from(letters[usize::from(bits >> shift) % letters.len()]));
        }
    }
    words
}
