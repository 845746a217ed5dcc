//! Cards: the public part of a custodian's kit and of a service's identity (SPEC §8).

use std::path::{Path, PathBuf};

use cstatns_base::code::BASE32;
use cstatns_base::files::{self, FileError};
use cstatns_base::name::{Hex, Name, digest};
use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::checkpoint::{Checkpoint, Head, Note, NoteError, VerifierKey, origin};
use crate::statement::{FORMAT, Signed, Statement};

/// What the fingerprint of a card begins with.
const FINGERPRINT: &str = "CStatNS/card-fingerprint/";
/// More than a card is long, in bytes.
const LIMIT: u64 = 1 << 20;

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
        digest(FINGERPRINT, self)
    }

    /// Whether the card is of a known format and signed by its own key.
    pub fn is_sound(&self) -> bool {
        self.body.format == FORMAT && self.is_by(&self.body.signing)
    }
}

/// The public part of a party: a body that sends or receives files. It says nothing of what the
/// party may do; a registration in a ledger does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartyCardBody {
    /// Format version.
    pub format: u32,
    /// The party.
    pub name: Name,
    /// Whether a passphrase protects its keys.
    pub protected: bool,
    /// Ed25519 public key.
    pub signing: Hex<32>,
    /// X-Wing public key, to which parcels are encrypted.
    pub receiving: Hex<1216>,
}

impl Statement for PartyCardBody {
    const LABEL: &'static str = "CStatNS/party-card/";
}

/// A party's card, signed with its own key.
pub type PartyCard = Signed<PartyCardBody>;

impl PartyCard {
    /// SHA-256("CStatNS/card-fingerprint/" ‖ canonical JSON of the card).
    pub fn fingerprint(&self) -> Hex<32> {
        digest(FINGERPRINT, self)
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
    /// `<name>.<26 characters of base32(SHA-256("CStatNS/service/" ‖ the first signing key))>`.
    pub id: String,
    /// Ed25519 public key: the first one, or one that took its place.
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

    /// The card of another key of the service with this id: custodians decide whether it takes the
    /// place of the present one.
    pub fn successor(id: &str, key: &SigningKey) -> Self {
        let signing = Hex(key.verifying_key().to_bytes());
        Self::new(ServiceCardBody { format: FORMAT, id: id.to_owned(), signing }, key)
    }

    /// Whether the card is of a known format, names a service and is signed by its own key.
    pub fn is_sound(&self) -> bool {
        let ServiceCardBody { format, id, signing } = &self.body;
        *format == FORMAT && cstatns_base::meta::service_id(id).is_some() && self.is_by(signing)
    }

    /// SHA-256("CStatNS/card-fingerprint/" ‖ canonical JSON of the card).
    pub fn fingerprint(&self) -> Hex<32> {
        digest(FINGERPRINT, self)
    }

    /// Whether it is the card of the service's first key, from which its id follows.
    pub fn is_first(&self) -> bool {
        let ServiceCardBody { id, signing, .. } = &self.body;
        self.is_sound()
            && id.split_once('.').is_some_and(|(name, _)| *id == service_id(name, signing))
    }

    /// The service's id.
    pub fn id(&self) -> &str {
        &self.body.id
    }

    /// Its name, which its id begins with.
    ///
    /// # Panics
    /// For a card that is not sound.
    pub fn name(&self) -> Name {
        let name = self.id().split_once('.').and_then(|(name, _)| Name::new(name).ok());
        name.expect("a sound card names a service")
    }

    /// Its signing key as [`spoken`] words, to compare.
    pub fn words(&self) -> String {
        spoken(&self.body.signing)
    }
}

/// Reads a service's card.
///
/// # Errors
/// [`CardError`].
pub fn read_service_card(path: &Path) -> Result<ServiceCard, CardError> {
    let bytes = files::read(path, LIMIT)?;
    let card: Option<ServiceCard> = serde_json::from_slice(&bytes).ok();
    card.filter(ServiceCard::is_sound).ok_or_else(|| CardError::Service { path: path.to_owned() })
}

/// Why a card was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CardError {
    /// Storage.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not a service's card.
    #[error("{path:?} is not the card of a service, or was altered")]
    Service {
        /// The file.
        path: PathBuf,
    },
}

cstatns_base::coded!(CardError {
    Self::File(error) => (error),
    Self::Service { path } => ("service-card", Input, [path]),
});

/// The signing keys of a service, as a ledger has them: the first one, and those that custodians
/// accepted in its place. Each signs from its event on; what an earlier one signs about the ledger
/// from there on counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceKeys {
    id: String,
    /// Each with the number of the event from which on it signs, ascending.
    keys: Vec<(u64, Hex<32>)>,
}

impl ServiceKeys {
    /// The key of a card alone: what is known without a ledger.
    pub fn of(card: &ServiceCard) -> Self {
        Self { id: card.body.id.clone(), keys: vec![(1, card.body.signing)] }
    }

    /// The service's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Another key takes the place of the present one in this event.
    pub(crate) fn add(&mut self, event: u64, key: Hex<32>) {
        self.keys.push((event, key));
    }

    /// The keys, oldest first, each with the number of the event from which on it signs.
    pub fn all(&self) -> &[(u64, Hex<32>)] {
        &self.keys
    }

    /// The present key.
    pub fn present(&self) -> &Hex<32> {
        self.at(u64::MAX)
    }

    /// The key that signs a checkpoint of so many events.
    pub fn at(&self, size: u64) -> &Hex<32> {
        let signs = self.keys.iter().rev().find(|(from, _)| *from <= size);
        &signs.unwrap_or(&self.keys[0]).1
    }

    /// Whether this is the present key or was one.
    pub fn contains(&self, key: &Hex<32>) -> bool {
        self.keys.iter().any(|(_, known)| known == key)
    }

    /// What a checkpoint says that the service signed, with the key that signs checkpoints of so
    /// many events.
    ///
    /// # Errors
    /// [`Unsigned`].
    pub fn head_of(&self, note: &[u8]) -> Result<Head, Unsigned> {
        let note = Note::parse(note).map_err(|_| Unsigned::Signature)?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(|_| Unsigned::Signature)?;
        if checkpoint.origin() != origin(&self.id) {
            return Err(Unsigned::OtherService);
        }
        let (size, root) = (checkpoint.size(), checkpoint.root());
        let key = VerifyingKey::from_bytes(&self.at(size).0).map_err(|_| Unsigned::Signature)?;
        let key = VerifierKey::new(&origin(&self.id), key).map_err(|_| Unsigned::Signature)?;
        match note.verify(&[key]) {
            Ok(_) => Ok(Head { size, root }),
            Err(NoteError::Unsigned) => Err(Unsigned::OtherKey { size }),
            Err(_) => Err(Unsigned::Signature),
        }
    }
}

/// Why a checkpoint is not one of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsigned {
    /// It is of another service's ledger.
    OtherService,
    /// It is not signed by the key that signs for so many events: by one that was replaced, or that
    /// the ledger does not know.
    OtherKey {
        /// How many events it is about.
        size: u64,
    },
    /// It is not a checkpoint, or its signature is false.
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
