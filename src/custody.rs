//! Who holds what: cards, the roster of a dealing, signed statements (SPEC §8).

pub mod approval;
pub mod custodian;
pub mod quorum;
pub mod share;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::checkpoint::Checkpoint;
use crate::code::BASE32;
use crate::name::{Hex, Name, canonical_json, digest, whole_number};
use crate::sharing::{DealingId, Epoch, Holder, ShareCommitment, SharingError, Threshold};

/// The version of the formats of this room.
pub const FORMAT: u32 = 1;

/// Something that is signed: its label keeps a signature from being taken for one on another kind of statement.
pub trait Statement: Serialize {
    /// What the signed bytes begin with.
    const LABEL: &'static str;
}

/// A statement with the Ed25519 signature over its label and its canonical JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed<T> {
    /// What is stated.
    pub body: T,
    /// Ed25519 over label ‖ canonical JSON of the body.
    pub signature: Hex<64>,
}

impl<T: Statement> Signed<T> {
    /// Signs `body`.
    pub fn new(body: T, key: &SigningKey) -> Self {
        let signature = Hex(key.sign(&Self::message(&body)).to_bytes());
        Self { body, signature }
    }

    /// Whether `key` signed this.
    pub fn is_by(&self, key: &Hex<32>) -> bool {
        verify(key, &Self::message(&self.body), &self.signature)
    }

    fn message(body: &T) -> Vec<u8> {
        let mut message = T::LABEL.as_bytes().to_vec();
        message.extend(canonical_json(body));
        message
    }
}

/// Strict Ed25519 verification of `signature` over `message`.
pub fn verify(key: &Hex<32>, message: &[u8], signature: &Hex<64>) -> bool {
    VerifyingKey::from_bytes(&key.0)
        .is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(&signature.0)).is_ok())
}

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
    /// `<name>.<10 characters of base32(SHA-256("CStatNS/service/" ‖ signing key))>`.
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
        Self::new(ServiceCardBody { format: FORMAT, id: service_id(name.as_str(), &signing), signing }, key)
    }

    /// Whether the card is of a known format, signed by its own key, and its id follows from its name and key.
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
}

fn service_id(name: &str, signing: &Hex<32>) -> String {
    let mut hash = Sha256::new();
    hash.update(b"CStatNS/service/");
    hash.update(signing.0);
    let text = BASE32.encode(&hash.finalize());
    format!("{name}.{}", &text[..10])
}

/// One custodian's place in a dealing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seat {
    /// Their card.
    pub card: Card,
    /// The commitment of their share.
    pub commitment: ShareCommitment,
}

/// One dealing of shares, as the ledger records it. Epoch 1's founds the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dealing {
    /// The epoch.
    pub epoch: Epoch,
    /// How many of how many.
    pub threshold: Threshold,
    /// Whether the service is a demonstration, for ever.
    pub demo: bool,
    /// The service's card.
    pub service: ServiceCard,
    /// The custodians; the first holds the share with x = 1.
    pub roster: Vec<Seat>,
    /// The check value of the root secret.
    pub root_check: Hex<32>,
}

impl Dealing {
    /// SHA-256("CStatNS/dealing/" ‖ canonical JSON of the dealing).
    pub fn fingerprint(&self) -> Hex<32> {
        digest("CStatNS/dealing/", self)
    }

    /// What each of its shares carries.
    pub fn id(&self) -> DealingId {
        DealingId { service: self.service.id().to_owned(), epoch: self.epoch, threshold: self.threshold }
    }

    /// The roster as [`crate::sharing::recover`] takes it.
    pub fn holders(&self) -> Vec<Holder> {
        let holder = |seat: &Seat| Holder { name: seat.card.body.name.clone(), commitment: seat.commitment };
        self.roster.iter().map(holder).collect()
    }

    /// A custodian's seat.
    pub fn seat(&self, name: &Name) -> Option<&Seat> {
        self.roster.iter().find(|seat| seat.card.body.name == *name)
    }

    /// Whether the dealing keeps the rules of SPEC §8.
    ///
    /// # Errors
    /// [`RosterError`] names the card that does not fit.
    pub fn check(&self) -> Result<(), RosterError> {
        if !self.service.is_sound() {
            return Err(RosterError::Service);
        }
        let cards: Vec<&Card> = self.roster.iter().map(|seat| &seat.card).collect();
        check_roster(&cards, self.threshold, self.demo)
    }
}

/// Whether these custodians may hold the shares of one dealing.
///
/// # Errors
/// [`RosterError`] names the card that does not fit.
pub fn check_roster(cards: &[&Card], threshold: Threshold, demo: bool) -> Result<(), RosterError> {
    if cards.len() != threshold.n() {
        return Err(RosterError::Count { cards: cards.len(), n: threshold.n() });
    }
    for (position, card) in cards.iter().enumerate() {
        let body = &card.body;
        let custodian = body.name.clone();
        if !card.is_sound() {
            return Err(RosterError::Card { custodian });
        }
        let same = |other: &&&Card| {
            let other = &other.body;
            other.name == body.name || other.signing == body.signing || other.receiving == body.receiving
        };
        if cards[..position].iter().any(|other| same(&other)) {
            return Err(RosterError::Twice { custodian });
        }
        if !body.protected && !demo {
            return Err(RosterError::Unprotected { custodian });
        }
    }
    let external = cards.iter().filter(|card| card.body.external).count();
    if external >= threshold.k() {
        return Err(RosterError::External { external, k: threshold.k() });
    }
    Ok(())
}

/// A fingerprint as eight pronounceable words, to be read aloud: 16 bits a word, consonant-vowel-consonant-vowel-
/// consonant, of the fingerprint's first 16 bytes.
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

/// What a custodian or a counterpart states about shares and files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ReceiptStatement {
    /// "My share of this dealing opens and is right."
    ShareHeld {
        /// The epoch.
        epoch: Epoch,
        /// The dealing's fingerprint.
        dealing: Hex<32>,
    },
    /// "My share of this epoch is destroyed."
    ShareForgotten {
        /// The epoch.
        epoch: Epoch,
    },
    /// "I have seen the ledger up to here."
    CheckpointSeen {
        /// Size and root that were seen.
        head: Head,
        /// Ed25519 over the text of the checkpoint.
        cosignature: Hex<64>,
    },
    /// "The files of this delivery are destroyed."
    FileDestroyed {
        /// The delivery.
        delivery: Hex<16>,
    },
}

/// A signed statement that a service records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptBody {
    /// Format version.
    pub format: u32,
    /// The service's id.
    pub service: String,
    /// Who states it.
    pub by: Name,
    /// The fingerprint of their card.
    pub card: Hex<32>,
    /// What is stated.
    pub statement: ReceiptStatement,
}

impl Statement for ReceiptBody {
    const LABEL: &'static str = "CStatNS/receipt/";
}

/// A signed receipt.
pub type Receipt = Signed<ReceiptBody>;

/// One custodian's doubt; it needs nobody else (R10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoubtBody {
    /// Format version.
    pub format: u32,
    /// The service's id.
    pub service: String,
    /// Who doubts.
    pub by: Name,
    /// The fingerprint of their card.
    pub card: Hex<32>,
    /// The domain doubted; none: the custody as a whole.
    pub domain: Option<Name>,
    /// The generation doubted, where a domain is named.
    pub generation: Option<crate::code::Generation>,
    /// The ledger as it was, so that the statement cannot be used again later.
    pub head: Head,
}

impl Statement for DoubtBody {
    const LABEL: &'static str = "CStatNS/doubt/";
}

/// A signed doubt.
pub type Doubt = Signed<DoubtBody>;

/// The size and the root of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// How many lines.
    #[serde(deserialize_with = "whole_number")]
    pub size: u64,
    /// The root of the RFC 6962 tree over them.
    pub root: Hex<32>,
}

impl Head {
    /// This head as a checkpoint of `service`'s ledger.
    pub fn checkpoint(&self, service: &str) -> Checkpoint {
        Checkpoint::new(&origin(service), self.size, self.root).expect("an origin is one line")
    }
}

/// The origin line of a service's checkpoints, and the name of the key that signs them.
pub fn origin(service: &str) -> String {
    format!("cstatns/{service}")
}

/// Why these cards cannot be dealt shares.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RosterError {
    /// The threshold is impossible.
    #[error(transparent)]
    Threshold(#[from] SharingError),
    /// n is not the number of cards.
    #[error("{cards} cards for {n} shares: give one card for each custodian")]
    Count {
        /// Cards given.
        cards: usize,
        /// Shares.
        n: usize,
    },
    /// The service's card is not sound.
    #[error("the service's card is not signed by its own key: it was altered")]
    Service,
    /// A custodian's card is not sound.
    #[error(
        "the card of `{custodian}` is not signed by its own key: ask them for the file card.json of their kit"
    )]
    Card {
        /// The name on the card.
        custodian: Name,
    },
    /// Two cards of one name or key.
    #[error(
        "the card of `{custodian}` has the name or a key of another card: each custodian makes a kit of their own"
    )]
    Twice {
        /// The name on the card.
        custodian: Name,
    },
    /// A kit without a passphrase.
    #[error(
        "the kit of `{custodian}` has no passphrase, which only a demonstration allows: they make a new kit with one, \
         or use --demo"
    )]
    Unprotected {
        /// The name on the card.
        custodian: Name,
    },
    /// The external holders alone could open the secret.
    #[error(
        "{external} external custodians could open the secret alone with a threshold of {k}: name fewer or raise it"
    )]
    External {
        /// External custodians.
        external: usize,
        /// Shares needed.
        k: usize,
    },
}

impl RosterError {
    /// The stable short code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Threshold(error) => error.code(),
            Self::Count { .. } => "roster-count",
            Self::Service => "service-card",
            Self::Card { .. } => "card",
            Self::Twice { .. } => "card-twice",
            Self::Unprotected { .. } => "kit-unprotected",
            Self::External { .. } => "too-many-external",
        }
    }
}
