//! A party's own folder: its private keys, and the parcels that it opened (SPEC §19).

use std::path::{Path, PathBuf};

use cstatns_base::files::{self, Access, FileError, PendingDirectory};
use cstatns_base::meta::SUITE;
use cstatns_base::name::{Hex, Name, secret_json, whole_second};
use cstatns_base::secret::{Secret, wipe_stack};
use cstatns_keys::protection::{Closed, Protection};
use cstatns_keys::receiving::ReceivingKey;
use cstatns_record::card::{PartyCard, PartyCardBody};
use cstatns_record::statement::FORMAT;
use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::ParcelFault;
use crate::head::{Head, Sender};

/// The names of the files in it.
const IDENTITY: &str = "identity";
/// The card, which others are given.
pub const CARD: &str = "card.json";
const OPENED: &str = "opened.json";
/// More than each of them is long, in bytes.
const LIMIT: u64 = 16 << 20;

/// The signing seed, then that of the receiving key.
type Seeds = Secret<64>;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityFile {
    format: u32,
    /// The public key of the first seed.
    signing: Hex<32>,
    protection: Option<Protection>,
    /// The seeds: sealed where there is a protection, in clear where there is none.
    seeds: Zeroizing<String>,
}

/// A parcel that was opened, until it can no longer be.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenedParcel {
    parcel: Hex<16>,
    #[serde(deserialize_with = "whole_second")]
    expires: Timestamp,
}

/// A party whose private keys are open. They are neither printed nor copied.
pub struct Party {
    directory: PathBuf,
    card: PartyCard,
    seeds: Seeds,
    receiving: ReceivingKey,
}

impl Party {
    /// Makes the folder of a new party. Without a passphrase whoever reads the folder is the party:
    /// its card says so.
    ///
    /// # Errors
    /// [`PartyError::EmptyPassphrase`]; [`PartyError::File`].
    pub fn create(
        directory: &Path,
        name: Name,
        passphrase: Option<&[u8]>,
    ) -> Result<PartyCard, PartyError> {
        Self::create_with(directory, name, passphrase, |_| None)
    }

    /// The same with one more public file in it, which follows from the card.
    ///
    /// # Errors
    /// As [`Party::create`].
    pub fn create_with(
        directory: &Path,
        name: Name,
        passphrase: Option<&[u8]>,
        also: impl FnOnce(&PartyCard) -> Option<(&'static str, String)>,
    ) -> Result<PartyCard, PartyError> {
        if passphrase.is_some_and(<[u8]>::is_empty) {
            return Err(PartyError::EmptyPassphrase { party: directory.to_owned() });
        }
        let seeds = Seeds::random();
        let (signing, receiving) = keys(&seeds);
        let public = Hex(signing.verifying_key().to_bytes());
        let body = PartyCardBody {
            format: FORMAT,
            name,
            protected: passphrase.is_some(),
            signing: public,
            receiving: receiving.public(),
        };
        let card = PartyCard::new(body, &signing);
        let mut json = serde_json::to_vec(&card).expect("a card can be written as JSON");
        json.push(b'\n');
        let folder = PendingDirectory::create(directory)?;
        folder.write_new(IDENTITY, &sealed(&seeds, public, passphrase), Access::Private)?;
        folder.write_new(CARD, &json, Access::Shared)?;
        if let Some((name, text)) = also(&card) {
            folder.write_new(name, text.as_bytes(), Access::Shared)?;
        }
        folder.commit()?;
        wipe_stack();
        Ok(card)
    }

    /// Reads the card of the party whose folder this is, without its passphrase.
    ///
    /// # Errors
    /// [`PartyError::File`]; [`PartyError::Damaged`].
    pub fn card_in(directory: &Path) -> Result<PartyCard, PartyError> {
        let card: PartyCard = read(directory, CARD)?;
        if card.is_sound() { Ok(card) } else { Err(damaged(directory, CARD)) }
    }

    /// Opens the keys of the party whose folder this is.
    ///
    /// # Errors
    /// [`PartyError`].
    pub fn open(directory: &Path, passphrase: Option<&[u8]>) -> Result<Self, PartyError> {
        let card = Self::card_in(directory)?;
        let identity: IdentityFile = read(directory, IDENTITY)?;
        let party = || directory.to_owned();
        let is_damaged = || damaged(directory, IDENTITY);
        if identity.format != FORMAT {
            return Err(PartyError::Version { party: party(), found: identity.format });
        }
        let public = card.body.signing;
        if identity.signing != public || identity.protection.is_some() != card.body.protected {
            return Err(is_damaged());
        }
        let seeds = Seeds::try_fill(|seeds| {
            let read = Hex::<64>::parse(identity.seeds.as_bytes()).ok_or_else(is_damaged)?;
            seeds.copy_from_slice(&*Zeroizing::new(read.0));
            let Some(protection) = &identity.protection else { return Ok(()) };
            let passphrase =
                passphrase.ok_or_else(|| PartyError::NeedsPassphrase { party: party() })?;
            let opened = protection.open(passphrase, &associated(&public), seeds);
            opened.map_err(|closed| match closed {
                Closed::Parameters => is_damaged(),
                Closed::Passphrase => PartyError::Passphrase { party: party() },
            })
        })?;
        let (signing, receiving) = keys(&seeds);
        let fits = Hex(signing.verifying_key().to_bytes()) == public
            && receiving.public() == card.body.receiving;
        wipe_stack();
        match fits {
            true => Ok(Self { directory: party(), card, seeds, receiving }),
            false => Err(is_damaged()),
        }
    }

    /// Its card.
    pub fn card(&self) -> &PartyCard {
        &self.card
    }

    /// Its card as that of a sender.
    pub fn sender(&self) -> Sender {
        Sender::Party(Box::new(self.card.clone()))
    }

    /// The key that signs what it sends.
    pub fn signing(&self) -> SigningKey {
        keys(&self.seeds).0
    }

    /// The key that opens what it is sent.
    pub fn receiving(&self) -> &ReceivingKey {
        &self.receiving
    }

    /// Refuses a parcel that it has opened before.
    ///
    /// # Errors
    /// [`ParcelFault::Again`] in the second place.
    pub fn check_new(&self, head: &Head) -> Result<Result<(), ParcelFault>, PartyError> {
        let parcel = head.parcel;
        let again = self.opened()?.iter().any(|opened| opened.parcel == parcel);
        Ok(if again { Err(ParcelFault::Again { parcel }) } else { Ok(()) })
    }

    /// Remembers, as long as it could be opened, that a parcel was.
    ///
    /// # Errors
    /// [`PartyError::File`]; [`PartyError::Damaged`].
    pub fn remember(&self, head: &Head, now: Timestamp) -> Result<(), PartyError> {
        let mut opened = self.opened()?;
        opened.retain(|opened| opened.expires > now && opened.parcel != head.parcel);
        opened.push(OpenedParcel { parcel: head.parcel, expires: head.expires });
        let mut json = serde_json::to_vec(&opened).expect("a list can be written as JSON");
        json.push(b'\n');
        Ok(files::replace(&self.directory.join(OPENED), &json, Access::Private)?)
    }

    fn opened(&self) -> Result<Vec<OpenedParcel>, PartyError> {
        match read(&self.directory, OPENED) {
            Err(PartyError::File(FileError::Missing { .. })) => Ok(Vec::new()),
            opened => opened,
        }
    }
}

fn keys(seeds: &Seeds) -> (SigningKey, ReceivingKey) {
    let (signing, receiving) = seeds.expose().split_first_chunk().expect("they are 64 bytes");
    let receiving = receiving.first_chunk().expect("they are 64 bytes");
    (SigningKey::from_bytes(signing), ReceivingKey::from_seed(receiving))
}

fn sealed(seeds: &Seeds, signing: Hex<32>, passphrase: Option<&[u8]>) -> Zeroizing<Vec<u8>> {
    let mut protection = None;
    let stored = Seeds::fill(|stored| {
        stored.copy_from_slice(seeds.expose());
        let seal = |passphrase| Protection::seal(passphrase, &associated(&signing), stored);
        protection = passphrase.map(seal);
    });
    let seeds = Zeroizing::new(HEXLOWER.encode(stored.expose()));
    secret_json(&IdentityFile { format: FORMAT, signing, protection, seeds }, 4096)
}

/// The associated data of the seal: a label, the suite and the signing key.
fn associated(signing: &Hex<32>) -> Vec<u8> {
    format!("CStatNS/party/2/{SUITE}/{signing}").into_bytes()
}

fn read<T: DeserializeOwned>(directory: &Path, name: &str) -> Result<T, PartyError> {
    let bytes = Zeroizing::new(files::read(&directory.join(name), LIMIT)?);
    serde_json::from_slice(&bytes).map_err(|_| damaged(directory, name))
}

fn damaged(directory: &Path, name: &str) -> PartyError {
    PartyError::Damaged { path: directory.join(name) }
}

/// Why the folder of a party was not made or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartyError {
    /// A file of it.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file of it is not what a party's is.
    #[error("{path:?} is not a file of a party, or is damaged")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// It is of a format that this version does not know.
    #[error("the party {party:?} has format {found}, this program knows format {FORMAT}")]
    Version {
        /// Its folder.
        party: PathBuf,
        /// Its format.
        found: u32,
    },
    /// Its keys are under a passphrase, and none was given.
    #[error("the keys of the party {party:?} are under a passphrase")]
    NeedsPassphrase {
        /// Its folder.
        party: PathBuf,
    },
    /// The passphrase is another one.
    #[error("the passphrase does not open the keys of the party {party:?}")]
    Passphrase {
        /// Its folder.
        party: PathBuf,
    },
    /// An empty passphrase protects nothing.
    #[error("the passphrase for the party {party:?} is empty")]
    EmptyPassphrase {
        /// Its folder.
        party: PathBuf,
    },
}

cstatns_base::coded!(PartyError {
    Self::File(error) => (error),
    Self::Damaged { path } => ("party-damaged", Tampering, [path]),
    Self::Version { party, found } => ("party-version", Machine, [path: *party, found]),
    Self::NeedsPassphrase { party } => ("passphrase-needed", Input, [path: *party]),
    Self::Passphrase { party } => ("passphrase-wrong", Input, [path: *party]),
    Self::EmptyPassphrase { party } => ("passphrase-empty", Input, [path: *party]),
});
