//! Why a kit did not do what it was asked.

use std::path::PathBuf;

use cstatns_base::files::FileError;
use cstatns_base::name::Name;
use cstatns_record::dealing::{Epoch, RosterError};

use crate::sharing::SharingError;

use super::super::share::SealError;
use super::FORMAT;

/// Why a kit did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KitError {
    /// Storage.
    #[error(transparent)]
    File(#[from] FileError),
    /// The share does not fit.
    #[error(transparent)]
    Share(#[from] SharingError),
    /// The dealing breaks its rules.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// The run's key is not one.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A file of the kit is not what it should be.
    #[error("{file} in the kit {kit:?} is damaged or not of this kit: restore it from the custodian's copy")]
    Damaged {
        /// The kit.
        kit: PathBuf,
        /// The file in it.
        file: String,
    },
    /// The memory of the ledger is gone.
    #[error(
        "the kit {kit:?} holds a share, but its memory of the ledger (seen.json) is gone: it cannot tell a ledger that was \
         rolled back; restore seen.json from the custodian's copy, and call the auditor if there is none"
    )]
    Memory {
        /// The kit.
        kit: PathBuf,
    },
    /// A newer kit.
    #[error(
        "the kit {kit:?} has format version {found}, this program knows version {FORMAT}: use a newer program"
    )]
    Version {
        /// The kit.
        kit: PathBuf,
        /// The version found.
        found: u32,
    },
    /// An empty passphrase.
    #[error(
        "the passphrase for the kit {kit:?} is empty: choose one, or say --no-passphrase for a demonstration"
    )]
    EmptyPassphrase {
        /// The kit.
        kit: PathBuf,
    },
    /// No passphrase given.
    #[error("the kit {kit:?} is protected: give its passphrase")]
    NeedsPassphrase {
        /// The kit.
        kit: PathBuf,
    },
    /// A wrong passphrase.
    #[error("the passphrase for the kit {kit:?} is wrong: try again")]
    Passphrase {
        /// The kit.
        kit: PathBuf,
    },
    /// Not a custodian of this dealing.
    #[error("`{custodian}` with this card is not in the roster of this epoch: only its custodians can act")]
    NotInRoster {
        /// The kit's custodian.
        custodian: Name,
    },
    /// The kit belongs to another service.
    #[error("the kit of `{custodian}` belongs to the service {service}: make a kit for each service")]
    OtherService {
        /// The kit's custodian.
        custodian: Name,
        /// The service it belongs to.
        service: String,
    },
    /// No share kept.
    #[error("the kit of `{custodian}` holds no share of epoch {epoch}: run `custodian accept` first")]
    NoShare {
        /// The kit's custodian.
        custodian: Name,
        /// The epoch.
        epoch: Epoch,
    },
    /// The ledger lost lines.
    #[error(
        "`{custodian}` has seen a ledger of {seen} events, this one has {found}: events were removed; do not go on, \
         call the auditor"
    )]
    Shorter {
        /// The kit's custodian.
        custodian: Name,
        /// Events seen.
        seen: u64,
        /// Events found.
        found: usize,
    },
    /// The ledger was rewritten.
    #[error(
        "the first {seen} events of this ledger are not the ones that `{custodian}` has seen: it was rewritten; do not \
         go on, call the auditor"
    )]
    Forked {
        /// The kit's custodian.
        custodian: Name,
        /// Events seen.
        seen: u64,
    },
    /// A proposal that cannot be approved.
    #[error("the proposal cannot be approved: {reason}")]
    Proposal {
        /// What is wrong with it.
        reason: ProposalFault,
    },
}

/// Why a kit does not approve a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProposalFault {
    /// A newer format.
    #[error("it is of a newer format: use a newer program")]
    Version,
    /// Not signed by the service whose ledger was given, or changed since.
    #[error("the service of this ledger did not sign it")]
    Signature,
    /// Another epoch.
    #[error("it asks for the shares of another epoch")]
    Epoch,
    /// Past its end.
    #[error("it has expired: ask for a new one")]
    Expired,
    /// Another ledger.
    #[error("it was made on another ledger than the one given")]
    OtherLedger,
}

impl KitError {
    /// The stable short code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::Share(error) => error.code(),
            Self::Roster(error) => error.code(),
            Self::Seal(_) => "receiving-key",
            Self::Damaged { .. } => "kit-damaged",
            Self::Memory { .. } => "kit-memory",
            Self::Version { .. } => "kit-version",
            Self::EmptyPassphrase { .. } => "passphrase-empty",
            Self::NeedsPassphrase { .. } => "passphrase-needed",
            Self::Passphrase { .. } => "passphrase-wrong",
            Self::NotInRoster { .. } => "not-in-roster",
            Self::OtherService { .. } => "kit-other-service",
            Self::NoShare { .. } => "no-share",
            Self::Shorter { .. } => "ledger-shorter",
            Self::Forked { .. } => "ledger-forked",
            Self::Proposal { .. } => "proposal-refused",
        }
    }
}
