//! Why the service did not do what it was asked.

use std::path::PathBuf;
use std::sync::Arc;

use cstatns_base::code::Generation;
use cstatns_base::delivery::{DeliveryId, DeliveryName};
use cstatns_base::files::FileError;
use cstatns_base::name::Name;
use cstatns_record::card::CardError;
use cstatns_record::dealing::{RosterError, ThresholdError};
use cstatns_record::ledger::LedgerError;
use cstatns_record::proposal::QuorumError;
use cstatns_record::state::{Broken, Refusal};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::custody::custodian::KitError;
use crate::custody::quorum::RootError;
use cstatns_parcel::file::ParcelError;

use crate::keystore::KeystoreError;
use crate::sharing::SharingError;

use super::{HOME_FORMAT, Source, WorkError};

/// Why the service did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Storage.
    #[error(transparent)]
    File(#[from] FileError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Not lawful now.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A custodian's kit.
    #[error(transparent)]
    Kit(KitError),
    /// The approvals are not a quorum.
    #[error(transparent)]
    Quorum(#[from] QuorumError),
    /// The shares do not open the root secret.
    #[error(transparent)]
    Root(#[from] RootError),
    /// The threshold is invalid.
    #[error(transparent)]
    Threshold(#[from] ThresholdError),
    /// The custodians cannot be dealt shares.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// The secret could not be shared.
    #[error(transparent)]
    Sharing(#[from] SharingError),
    /// A key.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// A parcel.
    #[error(transparent)]
    Parcel(#[from] ParcelError),
    /// An event that does not follow, or is not lawful.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// No service there.
    #[error("there is no service in {home:?}")]
    NoService {
        /// The home.
        home: PathBuf,
    },
    /// A ledger without its checkpoint.
    #[error("the ledger in {home:?} has no checkpoint beside it")]
    NoCheckpoint {
        /// The home.
        home: PathBuf,
    },
    /// The directory of sealed keys is not there.
    #[error("the directory of sealed keys {path:?} is not there")]
    NoKeys {
        /// The directory.
        path: PathBuf,
    },
    /// A ceremony that stopped.
    #[error("the ceremony in {home:?} did not finish")]
    Unfinished {
        /// The home.
        home: PathBuf,
    },
    /// A newer home.
    #[error("the home has format version {found}, this program knows version {HOME_FORMAT}")]
    HomeVersion {
        /// The version found.
        found: u32,
    },
    /// A file of the home is damaged.
    #[error("{file} in the home is damaged or not of this service")]
    HomeDamaged {
        /// The file.
        file: &'static str,
    },
    /// Not a service's card.
    #[error(transparent)]
    Card(CardError),
    /// The quorum approved something else.
    #[error("the custodians approved `{approved}`, not this")]
    OtherAction {
        /// The verb approved.
        approved: &'static str,
    },
    /// The request is not the one that was approved.
    #[error("the request is not the one that was approved (it changed after it was prepared)")]
    RequestChanged,
    /// Other files than for the requests that were approved.
    #[error("{given} requests were given, and {approved} were approved")]
    OtherRequests {
        /// How many were given.
        given: usize,
        /// How many were approved.
        approved: usize,
    },
    /// One of several requests was not used. The results of those before it stand; those after it
    /// are untouched.
    #[error("request {part} of {parts}, {request:?}: {error}")]
    Part {
        /// Which it is.
        part: u32,
        /// How many there are.
        parts: u32,
        /// The request.
        request: PathBuf,
        /// Why it was not used.
        error: Box<Self>,
    },
    /// What a run made may stand, and could not be recorded: the next opening decides.
    #[error("{error} (it is not recorded yet whether the run is done)")]
    Undecided {
        /// What failed.
        error: Box<Self>,
    },
    /// The domain's present key was made by the last run, and nothing has happened since.
    #[error(
        "generation {generation} of `{domain}` was made in event {event}, and nothing has happened \
        since"
    )]
    KeyJustMade {
        /// The domain.
        domain: Name,
        /// The generation of its present codes.
        generation: Generation,
        /// The event that says so.
        event: u64,
    },
    /// Fewer people who were looked up and coded than the domain's minimum.
    #[error(
        "the request has fewer than {minimum} distinct people who are found and coded, this \
        domain's minimum"
    )]
    TooFewPeople {
        /// The domain's minimum batch.
        minimum: u32,
    },
    /// The work on the rows failed.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// The result is not where it was put.
    #[error(
        "the service's copy of this delivery is not at {path:?} (a result is handed over as a copy)"
    )]
    ResultMissing {
        /// Where it was put.
        path: PathBuf,
    },
    /// A file lies where the result was put.
    #[error("there is a file at {path:?}, where the service's copy of this delivery was put")]
    ResultThere {
        /// Where it was put.
        path: PathBuf,
    },
    /// A result that had been finished is not where it was put, and no event speaks of it yet.
    #[error(
        "run {} was stopped after it had finished its result, and the result is not at {path:?}",
        delivery.run
    )]
    ResultAway {
        /// The delivery.
        delivery: DeliveryId,
        /// Where it was put.
        path: PathBuf,
    },
    /// A file that may be the result of an interrupted run, and nothing at hand that reads it.
    #[error("{path:?} may be the result of an interrupted run, and nothing here reads results")]
    ResultUnread {
        /// The file.
        path: PathBuf,
    },
    /// The request could not be destroyed after the run.
    #[error("the request cannot be destroyed after the run, which the scheme asks for ({error})")]
    RequestStays {
        /// Why it would stay.
        error: FileError,
    },
    /// A run made its result; its request could not be destroyed.
    #[error(
        "delivery {delivery} is made and recorded, but its request is still to be destroyed ({error}), \
        and until then nothing \
         new begins"
    )]
    RequestOwed {
        /// The delivery.
        delivery: DeliveryName,
        /// Why it is still there.
        error: FileError,
    },
    /// The directory of a request that is to be destroyed is not there.
    #[error(
        "the request of delivery {delivery} is to be destroyed, but the place of {path:?} is not there"
    )]
    RequestAway {
        /// The delivery.
        delivery: DeliveryName,
        /// Where the request lay.
        path: PathBuf,
    },
    /// A destruction is owed that was not possible when the home was opened.
    #[error(transparent)]
    Unpaid(Arc<ServiceError>),
    /// A key of that name is here, and the ledger does not know it.
    #[error(
        "{path:?} is a key of this domain that the ledger does not know (the ledger is older than \
        its keys; nothing was \
         destroyed)"
    )]
    UnknownKey {
        /// The key's file.
        path: PathBuf,
    },
    /// The home was put back from a backup.
    #[error(
        "this home is an old copy: its ledger has {found} events, the copy in {place:?} has {mark} \
        or others (nothing was recorded)"
    )]
    HomeOld {
        /// Where the copy is that the ledger does not go on from.
        place: PathBuf,
        /// How many events the home's ledger has.
        found: u64,
        /// How many the copy has.
        mark: u64,
    },
    /// Nothing says how far the home had come.
    #[error(
        "there is no copy of the ledger in {place:?}: this home may be an old copy (nothing was \
        recorded)"
    )]
    NoMark {
        /// Where a copy should be.
        place: PathBuf,
    },
    /// A mirror does not have everything that the home has.
    #[error("the mirror in {place:?} is behind ({error})")]
    MirrorBehind {
        /// The mirror.
        place: PathBuf,
        /// Why.
        error: FileError,
    },
    /// The copy of the ledger beside life secrets does not have everything that the home has.
    #[error("the copy of the ledger in {place:?} is behind ({error})")]
    CopyBehind {
        /// The place.
        place: PathBuf,
        /// Why.
        error: FileError,
    },
    /// The signing key is not in the home.
    #[error("the service's signing key is not in {home:?}, or the one there was replaced")]
    IdentityLost {
        /// The home.
        home: PathBuf,
    },
    /// Not a signing key for the safe.
    #[error("{path:?} is not a signing key that was exported, or is damaged")]
    Export {
        /// The file.
        path: PathBuf,
    },
    /// A wrong passphrase.
    #[error("the passphrase for {path:?} is wrong")]
    ExportPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// The exported key is not the present one.
    #[error("{path:?} holds another signing key than the present one of the service in {home:?}")]
    ExportOther {
        /// The file.
        path: PathBuf,
        /// The home.
        home: PathBuf,
    },
    /// A recovery was stopped.
    #[error("a recovery of {home:?} was stopped, and until it ends nothing else is done")]
    RecoveryStopped {
        /// The home.
        home: PathBuf,
    },
    /// A place of life secrets that would be given up is there.
    #[error(
        "{place:?} is not lost: what lies there would not be destroyed any more at a project's end"
    )]
    PlaceThere {
        /// The place.
        place: PathBuf,
    },
    /// No ledger to recover from.
    #[error("no copy of the ledger of {home:?} was found")]
    NoCopy {
        /// The home.
        home: PathBuf,
    },
    /// Fewer custodians at hand than a recovery needs.
    #[error(
        "the longest ledger that was found has {events} events, and {given} of the custodians at \
        hand follow it: {needed} are needed, who have seen it or a part of it and no other{}",
        not_counted(apart)
    )]
    TooFewFollow {
        /// The events of the longest ledger.
        events: u64,
        /// How many follow it.
        given: usize,
        /// How many are needed.
        needed: usize,
        /// Those who are not among them, because of two copies of their kit only one follows it.
        apart: Vec<Name>,
    },
    /// Two ledgers of one service that are not of one history.
    #[error(
        "the ledgers of {one} and of {other} are both signed by the service, and differ after \
        event {fork} (neither is taken)"
    )]
    Branches {
        /// Where one is.
        one: Source,
        /// Where the other is.
        other: Source,
        /// The last event that they have in common.
        fork: u64,
    },
    /// A copy is behind, so that nothing new begins.
    #[error(transparent)]
    Behind(Arc<ServiceError>),
    /// The clock is too far ahead to be believed, and nobody has confirmed it.
    #[error(
        "the clock says {clock}, more than 40 days after the time of the ledger, {time} (nothing \
        is marked or destroyed)"
    )]
    ClockUnconfirmed {
        /// What the clock says.
        clock: Timestamp,
        /// The service's time.
        time: Timestamp,
    },
    /// The clock is more than a day behind, and nobody has confirmed it.
    #[error("the clock says {clock}, more than a day before the time of the ledger, {time}")]
    ClockBehind {
        /// What the clock says.
        clock: Timestamp,
        /// The service's time.
        time: Timestamp,
    },
    /// The date that was confirmed is not the clock's.
    #[error("the clock's date is {today} (UTC), not the one that was confirmed")]
    ConfirmedDate {
        /// The clock's date.
        today: Date,
    },
    /// The ledger that is published is not the beginning of this one.
    #[error(
        "the published ledger {path:?} is not the beginning of this home's, from event {event} on \
        (nothing was published)"
    )]
    PublishedOther {
        /// The published ledger.
        path: PathBuf,
        /// The first event that differs.
        event: u64,
    },
}

impl ServiceError {
    /// Whether it is that the operating system refuses this user.
    pub(super) fn is_permission(&self) -> bool {
        let inner = match self {
            Self::File(error) | Self::Keystore(KeystoreError::File(error)) => error,
            _ => return false,
        };
        matches!(inner, FileError::Permission { .. })
    }
}

/// Those of whom one kit follows a ledger, and another does not.
fn not_counted(apart: &[Name]) -> String {
    let names: Vec<_> = apart.iter().map(|name| format!("`{name}`")).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!(
            " (not counted: {}, of whom one copy of the kit has seen another ledger)",
            names.join(", ")
        ),
    }
}

/// What cannot be read is storage, of a card too.
impl From<CardError> for ServiceError {
    fn from(error: CardError) -> Self {
        match error {
            CardError::File(error) => Self::File(error),
            error => Self::Card(error),
        }
    }
}

cstatns_base::coded!(ServiceError {
    Self::File(error) => (error),
    Self::Ledger(error) => (error),
    Self::Refused(error) => (error),
    Self::Kit(error) => (error),
    Self::Quorum(error) => (error),
    Self::Root(error) => (error),
    Self::Threshold(error) => (error),
    Self::Roster(error) => (error),
    Self::Sharing(error) => (error),
    Self::Keystore(error) => (error),
    Self::Parcel(error) => (error),
    Self::Work(error) => (error),
    Self::Broken(error) => (error),
    Self::NoService { home } => ("no-service", Input, [path: *home]),
    Self::NoCheckpoint { home } => ("checkpoint-missing", Input, [path: *home]),
    Self::NoKeys { path } => ("keys-missing", Machine, [path]),
    Self::Unfinished { home } => ("init-unfinished", Input, [path: *home]),
    Self::HomeVersion { found } => ("home-version", Machine, [found]),
    Self::HomeDamaged { file } => ("home-damaged", Machine, [file]),
    Self::Card(error) => (error),
    Self::OtherAction { approved } => ("other-action", Input, [action: *approved]),
    Self::RequestChanged => ("request-changed", Input, []),
    Self::OtherRequests { given, approved } => ("request-count", Input, [given, approved]),
    Self::Part { part, parts, request, error } => (error),
    Self::Undecided { error } => (error, Machine, [run: "undecided"]),
    Self::KeyJustMade { domain, generation, event } => ("key-just-made", Input, [domain, generation, event]),
    Self::TooFewPeople { minimum } => ("too-few-values", Input, [minimum, counted: "people"]),
    Self::ResultMissing { path } => ("result-missing", Input, [path]),
    Self::ResultThere { path } => ("result-there", Input, [path]),
    Self::ResultAway { delivery, path } => ("result-away", Machine, [run: delivery.run, part: delivery.part, path]),
    Self::ResultUnread { path } => ("result-unread", Machine, [path]),
    Self::PublishedOther { path, event } => ("published-other", Tampering, [path, event]),
    Self::RequestStays { error } => ("request-stays", Machine, [reason: error.code(), inner: error.facts()]),
    Self::RequestOwed { delivery, error } => (error, Machine, [delivery]),
    Self::RequestAway { delivery, path } => ("request-away", Machine, [delivery, path]),
    Self::Unpaid(error) => (error),
    Self::ClockUnconfirmed { clock, time } => ("clock-unconfirmed", Machine, [clock, time]),
    Self::ClockBehind { clock, time } => ("clock-behind", Machine, [clock, time]),
    Self::ConfirmedDate { today } => ("clock-date", Input, [date: *today]),
    Self::UnknownKey { path } => ("unknown-key", Tampering, [path]),
    Self::HomeOld { place, found, mark } => ("home-old", Machine, [path: *place, found, expected: *mark]),
    Self::NoMark { place } => ("home-unmarked", Machine, [path: *place]),
    Self::MirrorBehind { place, error } => ("mirror-behind", Machine, [path: *place, reason: error.code()]),
    Self::CopyBehind { place, error } => ("copy-behind", Machine, [path: *place, reason: error.code()]),
    Self::IdentityLost { home } => ("identity-lost", Machine, [path: *home]),
    Self::Export { path } => ("identity-export", Input, [path]),
    Self::ExportPassphrase { path } => ("identity-passphrase", Input, [path]),
    Self::ExportOther { path, home } => ("identity-other", Input, [path]),
    Self::RecoveryStopped { home } => ("recovery-unfinished", Machine, [path: *home]),
    Self::PlaceThere { place } => ("place-there", Input, [path: *place]),
    Self::NoCopy { home } => ("no-copy", Input, [path: *home]),
    Self::TooFewFollow { events, given, needed, apart } => ("recovery-kits", Input, [found: *events, given, needed]),
    Self::Branches { one, other, fork } => ("ledger-branches", Tampering, [event: *fork]),
    Self::Behind(error) => (error),
});
