//! A witness that is neither the service nor a custodian (SPEC §11): it remembers, of each service,
//! the last checkpoint that it cosigned, and cosigns only what goes on from there.
//!
//! What it cosigns it remembers first: [`Seen::cosign`] gives the cosigned checkpoint once it is
//! durable in the witness's folder.

use std::path::{Path, PathBuf};

use cstatns_base::files::{self, Access, FileError};
use cstatns_base::meta::ServiceId;
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::card::ServiceCard;
use crate::checkpoint::{Checkpoint, Head, Note, NoteError, WitnessKey, origin};
use crate::ledger::{LedgerError, checkpoint_path, read_checkpoint};
use crate::state::{Broken, read_ledger};
use crate::statement::FORMAT;

/// The file of a witness's folder that others are given: its public key, a line of text.
pub const PUBLIC: &str = "witness.pub";

/// More than a memory is long, in bytes.
const LIMIT: u64 = 1 << 20;

/// What a witness remembers of a service.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Memory {
    format: u32,
    /// The card that it was given the first time.
    service: ServiceCard,
    /// The last checkpoint that it cosigned, with its cosignature.
    checkpoint: String,
}

/// Where a witness remembers a service.
fn memory_path(directory: &Path, service: &str) -> PathBuf {
    directory.join(format!("{service}.seen"))
}

/// Reads what is remembered of a service, and what head was cosigned; none where it was never
/// witnessed.
fn recall(
    directory: &Path,
    key: &WitnessKey,
    service: &str,
) -> Result<Option<(Memory, Head)>, WitnessError> {
    let path = memory_path(directory, service);
    let bytes = match files::read(&path, LIMIT) {
        Err(FileError::Missing { .. }) => return Ok(None),
        read => read?,
    };
    let memory: Option<Memory> = serde_json::from_slice(&bytes).ok();
    let sound = memory.and_then(|memory| {
        let note = Note::parse(memory.checkpoint.as_bytes()).ok()?;
        let seen = Checkpoint::parse(note.text()).ok()?;
        let is_own = matches!(key.cosigned(&note), Ok(Some(_)));
        let fits = memory.format == FORMAT
            && memory.service.is_sound()
            && memory.service.id() == service
            && seen.origin() == origin(service);
        let head = Head { size: seen.size(), root: seen.root() };
        (is_own && fits).then_some((memory, head))
    });
    sound.map(Some).ok_or(WitnessError::Damaged { path })
}

/// A ledger that a witness has checked: its checkpoint is signed by the service, covers its lines,
/// and goes on from the last one that the witness cosigned.
pub struct Seen {
    path: PathBuf,
    service: ServiceCard,
    head: Head,
    note: Note,
    before: Option<Head>,
    cosigned: Option<String>,
}

/// Checks the ledger at `ledger` for the witness with this folder and public key. The first time
/// that it sees a service, `card` says which it is, and is remembered.
///
/// # Errors
/// [`WitnessError`]; nothing is changed.
///
/// # Panics
/// For a card that is not sound.
pub fn look(
    directory: &Path,
    key: &WitnessKey,
    ledger: &Path,
    card: Option<&ServiceCard>,
) -> Result<Seen, WitnessError> {
    let id = match card {
        Some(card) => ServiceId::of(card.id()).expect("a sound card names a service"),
        None => service_of(ledger)?,
    };
    let (memory, before) = recall(directory, key, &id)?.unzip();
    let pinned = memory.as_ref().map(|memory| &memory.service);
    let Some(service) = pinned.or(card) else {
        return Err(WitnessError::NoCard { service: id });
    };
    let read = read_ledger(ledger, service)?;
    let keys = read.state.service_keys();
    if card.is_some_and(|card| !keys.contains(&card.body.signing)) {
        return Err(WitnessError::OtherCard { service: id });
    }
    let head = read.checkpoint.head;
    if let Some(before) = before {
        if head.size < before.size {
            return Err(WitnessError::Shorter { covered: before.size, found: head.size });
        }
        if !read.history.includes(&before) {
            return Err(WitnessError::Forked { event: before.size });
        }
    }
    let cosigned = memory.as_ref().filter(|_| before == Some(head));
    Ok(Seen {
        path: memory_path(directory, &id),
        service: service.clone(),
        head,
        note: Note::parse(read.checkpoint.note.as_bytes())?,
        before,
        cosigned: cosigned.map(|memory| memory.checkpoint.clone()),
    })
}

/// The service that the checkpoint beside a ledger says it is of, whether that holds or not.
fn service_of(ledger: &Path) -> Result<ServiceId, WitnessError> {
    let path = checkpoint_path(ledger);
    let note = read_checkpoint(&path)?;
    let checkpoint = Note::parse(&note).ok().and_then(|note| Checkpoint::parse(note.text()).ok());
    let id = checkpoint.and_then(|seen| ServiceId::of(seen.origin().strip_prefix("cstatns/")?));
    Ok(id.ok_or(LedgerError::Checkpoint { path }).map_err(Broken::from)?)
}

impl Seen {
    /// The card that the witness remembers, or will.
    pub fn service(&self) -> &ServiceCard {
        &self.service
    }

    /// What the service's checkpoint covers.
    pub fn head(&self) -> Head {
        self.head
    }

    /// What the witness cosigned last; none the first time.
    pub fn before(&self) -> Option<Head> {
        self.before
    }

    /// The checkpoint with the cosignature, where the witness has cosigned this very head already:
    /// its last one. Nothing is signed a second time.
    pub fn cosigned(&self) -> Option<&str> {
        self.cosigned.as_deref()
    }

    /// Cosigns the checkpoint. It is durable in the witness's memory on return.
    ///
    /// # Errors
    /// [`WitnessError::File`]: it may be remembered, then the same ledger has the same answer.
    pub fn cosign(
        self,
        key: &WitnessKey,
        signing: &SigningKey,
        now: Timestamp,
    ) -> Result<String, WitnessError> {
        let Self { path, service, mut note, cosigned, .. } = self;
        if let Some(cosigned) = cosigned {
            return Ok(cosigned);
        }
        key.cosign(&mut note, now, signing)?;
        let memory = Memory { format: FORMAT, service, checkpoint: note.to_string() };
        let mut json = serde_json::to_vec(&memory).expect("a memory can be written as JSON");
        json.push(b'\n');
        files::replace(&path, &json, Access::Private)?;
        Ok(memory.checkpoint)
    }
}

/// Why a checkpoint is not cosigned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// Storage.
    #[error(transparent)]
    File(#[from] FileError),
    /// The ledger or its checkpoint does not hold.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The note cannot take a cosignature.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// What the witness remembers is not what it wrote.
    #[error("{path:?} is not what this witness remembered, or is damaged")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The witness does not know the service.
    #[error("this witness has not cosigned anything of the service {service} yet")]
    NoCard {
        /// The service's id.
        service: ServiceId,
    },
    /// A card with a signing key that the ledger does not name.
    #[error(
        "the card that was given is not that of the service {service} which this witness follows: \
        its ledger does not name the card's signing key"
    )]
    OtherCard {
        /// The service's id.
        service: ServiceId,
    },
    /// The ledger is shorter than the last one.
    #[error(
        "this witness has cosigned {covered} events of this service, and this ledger has {found}: \
        events were removed, or it is an old copy"
    )]
    Shorter {
        /// Events that the last one had.
        covered: u64,
        /// Events that this one has.
        found: u64,
    },
    /// The ledger does not go on from the last one.
    #[error(
        "this witness has cosigned another ledger of this service: the two differ at event {event} \
        or before, and both are signed"
    )]
    Forked {
        /// The last event of the last one.
        event: u64,
    },
}

cstatns_base::coded!(WitnessError {
    Self::File(error) => (error),
    Self::Broken(error) => (error),
    Self::Note(error) => (error),
    Self::Damaged { path } => ("witness-damaged", Tampering, [path]),
    Self::NoCard { service } => ("witness-service-needed", Input, [service]),
    Self::OtherCard { service } => ("witness-other-card", Input, [service]),
    Self::Shorter { covered, found } => ("witness-shorter", Tampering, [covered, found]),
    Self::Forked { event } => ("witness-forked", Tampering, [event]),
});
