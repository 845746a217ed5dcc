//! Why the service did not do what it was asked.

use std::path::PathBuf;

use cstatns_base::files::FileError;
use cstatns_record::dealing::{RosterError, ThresholdError};
use cstatns_record::ledger::LedgerError;
use cstatns_record::proposal::{QuorumError, RunId};
use cstatns_record::state::{Broken, Refusal};

use crate::custody::quorum::RootError;
use crate::keystore::KeystoreError;
use crate::sharing::SharingError;

use super::{HOME_FORMAT, WorkError};

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
    /// An event that does not follow, or is not lawful.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// No service there.
    #[error(
        "there is no service in {home:?}: check the path; put back its checkpoint, if that was lost; or found one with \
         `service init`"
    )]
    NoService {
        /// The home.
        home: PathBuf,
    },
    /// A ceremony that stopped.
    #[error("the ceremony in {home:?} did not finish: run the same `service init` again, which begins anew")]
    Unfinished {
        /// The home.
        home: PathBuf,
    },
    /// A newer home.
    #[error(
        "the home has format version {found}, this program knows version {HOME_FORMAT}: use a newer program"
    )]
    HomeVersion {
        /// The version found.
        found: u32,
    },
    /// A file of the home is damaged.
    #[error("{file} in the home is damaged or not of this service: restore it")]
    HomeDamaged {
        /// The file.
        file: &'static str,
    },
    /// Not a service's card.
    #[error("{path:?} is not the card of a service, or was altered: take card.json from the service's home")]
    Card {
        /// The file.
        path: PathBuf,
    },
    /// The quorum approved something else.
    #[error("the custodians approved `{approved}`, not this: make a new proposal")]
    OtherAction {
        /// The verb approved.
        approved: &'static str,
    },
    /// The request is not the one that was approved.
    #[error("the request is not the one that was approved: it changed since `prepare`; prepare it again")]
    RequestChanged,
    /// Fewer distinct values than the domain's minimum.
    #[error(
        "the request has fewer than {minimum} distinct values that are coded, this domain's minimum: a smaller batch points \
         at persons; gather more rows"
    )]
    TooFew {
        /// The domain's minimum batch.
        minimum: u32,
    },
    /// Fewer people who were looked up and coded than the domain's minimum.
    #[error(
        "the request has fewer than {minimum} distinct people who are found and coded, this domain's minimum: a smaller batch \
         points at persons; gather more rows, or see that the register, --accept and --min-score are the ones that were meant"
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
        "the service's copy of this delivery is not at {path:?}: a result is handed over as a copy; put the file back there"
    )]
    ResultMissing {
        /// Where it was put.
        path: PathBuf,
    },
    /// The file given is the service's own copy.
    #[error("{path:?} is the service's own copy: give the file that the counterpart received")]
    SameFile {
        /// The file given.
        path: PathBuf,
    },
    /// The request could not be destroyed after the run.
    #[error(
        "the request cannot be destroyed after the run, which the scheme asks for ({error}): put it where this user may delete \
         it, or keep it, which is recorded"
    )]
    RequestStays {
        /// Why it would stay.
        error: FileError,
    },
    /// A run made its result; its request could not be destroyed.
    #[error(
        "delivery {run} is made and recorded, but its request is still to be destroyed ({error}): until then nothing new begins"
    )]
    RequestOwed {
        /// The delivery.
        run: RunId,
        /// Why it is still there.
        error: FileError,
    },
    /// The directory of a request that is to be destroyed is not there.
    #[error(
        "the request of delivery {run} is to be destroyed, but the place of {path:?} is not there: mount it, then repeat the \
         command; if it is gone for good, state that the request is lost"
    )]
    RequestAway {
        /// The delivery.
        run: RunId,
        /// Where the request lay.
        path: PathBuf,
    },
    /// A destruction is owed that was not possible when the home was opened.
    #[error("{why}")]
    Unpaid {
        /// The code of what stopped it.
        code: &'static str,
        /// What stopped it.
        why: String,
    },
    /// A key of that name is here, and the ledger does not know it.
    #[error(
        "{path:?} is a key of this domain that the ledger does not know: the ledger is older than its keys; nothing was \
         destroyed: put back the newest ledger and checkpoint"
    )]
    UnknownKey {
        /// The key's file.
        path: PathBuf,
    },
    /// The counterpart's file differs.
    #[error("{path:?} is not the same as the service's copy: copy it again; nothing was destroyed")]
    ReceivedDiffers {
        /// The file given.
        path: PathBuf,
    },
}

impl ServiceError {
    /// The stable short code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::Ledger(error) => error.code(),
            Self::Refused(error) => error.code(),
            Self::Quorum(error) => error.code(),
            Self::Root(error) => error.code(),
            Self::Threshold(error) => error.code(),
            Self::Roster(error) => error.code(),
            Self::Sharing(error) => error.code(),
            Self::Keystore(error) => error.code(),
            Self::Work(error) => error.code,
            Self::Broken(error) => error.code(),
            Self::NoService { .. } => "no-service",
            Self::Unfinished { .. } => "init-unfinished",
            Self::HomeVersion { .. } => "home-version",
            Self::HomeDamaged { .. } => "home-damaged",
            Self::Card { .. } => "service-card",
            Self::OtherAction { .. } => "other-action",
            Self::RequestChanged => "request-changed",
            Self::TooFew { .. } | Self::TooFewPeople { .. } => "too-few-values",
            Self::ResultMissing { .. } => "result-missing",
            Self::SameFile { .. } => "same-file",
            Self::ReceivedDiffers { .. } => "received-differs",
            Self::RequestStays { .. } => "request-stays",
            Self::RequestOwed { error, .. } => error.code(),
            Self::RequestAway { .. } => "request-away",
            Self::Unpaid { code, .. } => code,
            Self::UnknownKey { .. } => "unknown-key",
        }
    }
}
