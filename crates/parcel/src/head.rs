//! What a parcel says of itself, and what its sender signs (SPEC §19).

use std::fmt;
use std::path::Path;

use cstatns_base::commitment::Commitment;
use cstatns_base::meta::{SUITE, ServiceId};
use cstatns_base::name::{Hex, Name, whole_number, whole_second};
use cstatns_base::secret::random_bytes;
use cstatns_record::card::{PartyCard, ServiceCard, spoken};
use cstatns_record::statement::{FORMAT, Signed, Statement};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a parcel may be opened, in days, unless its sender says otherwise.
pub const DAYS: u16 = 30;

/// What a parcel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// A request, with its manifest.
    Request,
    /// A result, with its report.
    Result,
    /// The rows of data without what identifies people, to a linking body.
    Payload,
    /// Any other file.
    File,
}

/// The form of the file in a parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Extension(String);

impl Extension {
    /// Takes the end of a file's name, without its dots: `csv`, `csv.gz`; at most 16 lower-case
    /// letters, digits and dots between them.
    pub fn new(text: &str) -> Option<Self> {
        let words = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fits = text.split('.').all(|word| !word.is_empty() && word.bytes().all(words));
        (fits && text.len() <= 16).then(|| Self(text.to_owned()))
    }
}

impl Extension {
    /// That of a file: the last part of its name, and the one before it where the last says how it
    /// is packed.
    pub fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let parts: Vec<&str> = name.split('.').collect();
        let packed = parts.last().is_some_and(|last| ["gz", "zst"].contains(last));
        let from = parts.len().saturating_sub(if packed { 2 } else { 1 }).max(1);
        let extension = parts.get(from..).map(|parts| parts.join(".")).unwrap_or_default();
        Self::new(&extension).or_else(|| Self::new("bin")).expect("it is one")
    }
}

impl TryFrom<String> for Extension {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text).ok_or("not the end of a file's name")
    }
}

impl From<Extension> for String {
    fn from(extension: Extension) -> Self {
        extension.0
    }
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One end of a parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// What it is called.
    pub name: Name,
    /// The fingerprint of its card.
    pub card: Hex<32>,
}

impl End {
    /// A party.
    pub fn of(card: &PartyCard) -> Self {
        Self { name: card.body.name.clone(), card: card.fingerprint() }
    }

    /// A service: its name is that in its id.
    ///
    /// # Panics
    /// For a card that is not sound.
    pub fn of_service(card: &ServiceCard) -> Self {
        Self { name: card.name(), card: card.fingerprint() }
    }

    /// The fingerprint as words, to compare.
    pub fn words(&self) -> String {
        spoken(&self.card)
    }
}

/// What a parcel says of itself. Before the seal is verified it is only claimed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Format version.
    pub format: u32,
    /// The functions of the service's codes.
    pub suite: String,
    /// What it is.
    pub kind: Kind,
    /// Its number, drawn at random.
    pub parcel: Hex<16>,
    /// Who sends it.
    pub sender: End,
    /// Who it is for.
    pub receiver: End,
    /// When it was made.
    #[serde(deserialize_with = "whole_second")]
    pub made: Timestamp,
    /// When it may no longer be opened.
    #[serde(deserialize_with = "whole_second")]
    pub expires: Timestamp,
    /// The form of the file in it.
    #[serde(rename = "type")]
    pub extension: Extension,
    /// The service that a request is for or a result is of; of a payload, that of its request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceId>,
    /// The domain of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Name>,
    /// In a result, the commitment of its request. That of a request stands in its manifest: rows
    /// are encrypted as they are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment: Option<Commitment>,
    /// The one-time key that a request is encrypted to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Hex<16>>,
    /// The fingerprint of the card of the controller that a holder sends for.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub controller: Option<Hex<32>>,
    /// The newest signed checkpoint that the sender knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
}

impl Head {
    /// The head of a file from one end to the other, made now, with a fresh number.
    pub fn new(sender: End, receiver: End, extension: Extension, now: Timestamp) -> Self {
        let mut parcel = Hex([0; 16]);
        random_bytes(&mut parcel.0);
        let made = Timestamp::from_second(now.as_second()).expect("it is earlier than `now`");
        let expires = made + SignedDuration::from_hours(24 * i64::from(DAYS));
        Self {
            format: FORMAT,
            suite: SUITE.to_owned(),
            kind: Kind::File,
            parcel,
            sender,
            receiver,
            made,
            expires,
            extension,
            service: None,
            domain: None,
            commitment: None,
            key: None,
            controller: None,
            checkpoint: None,
        }
    }

    /// Whether it is one that this version knows, and each kind has what it must have.
    pub(crate) fn is_possible(&self) -> bool {
        let Self { service, domain, commitment, key, controller, .. } = self;
        let of_service = [service.is_some(), domain.is_some(), commitment.is_some()];
        let fits = match self.kind {
            Kind::Request => of_service == [true, true, false] && key.is_some(),
            Kind::Result => of_service == [true; 3] && key.is_none() && controller.is_none(),
            Kind::Payload => {
                of_service == [true, true, false] && key.is_none() && controller.is_none()
            }
            Kind::File => of_service == [false; 3] && key.is_none() && controller.is_none(),
        };
        self.format == FORMAT && self.suite == SUITE && self.made < self.expires && fits
    }
}

/// Who signs a parcel: the card, which travels in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Sender {
    /// A party.
    Party(Box<PartyCard>),
    /// A service.
    Service(ServiceCard),
}

impl Sender {
    /// The end of a parcel that it is, if its card is sound.
    pub fn end(&self) -> Option<End> {
        match self {
            Self::Party(card) => card.is_sound().then(|| End::of(card)),
            Self::Service(card) => card.is_sound().then(|| End::of_service(card)),
        }
    }

    /// Its Ed25519 public key.
    pub fn signing(&self) -> &Hex<32> {
        match self {
            Self::Party(card) => &card.body.signing,
            Self::Service(card) => &card.body.signing,
        }
    }
}

/// A member of a parcel as its sender signs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its length.
    #[serde(deserialize_with = "whole_number")]
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: Hex<32>,
}

/// What the sender signs.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct SealBody<'a> {
    pub(crate) head: &'a Head,
    pub(crate) members: &'a [Member],
}

impl Statement for SealBody<'_> {
    const LABEL: &'static str = "CStatNS/parcel/";
}

impl<'a> SealBody<'a> {
    /// Whether `key` signed it.
    pub(crate) fn is_by(self, key: &Hex<32>, signature: Hex<64>) -> bool {
        Signed { body: self, signature }.is_by(key)
    }
}

/// `seal.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seal {
    pub(crate) card: Sender,
    pub(crate) members: Vec<Member>,
    pub(crate) signature: Hex<64>,
}
