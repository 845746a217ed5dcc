//! Why a kit did not do what it was asked.

use std::path::PathBuf;

use cstatns_base::files::FileError;
use cstatns_base::meta::ServiceId;
use cstatns_base::name::Name;
use cstatns_record::dealing::Epoch;
use cstatns_record::state::Refusal;

use crate::sharing::SharingError;

use super::super::paper::PaperError;
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
    /// The run's key is not one.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The ledger cannot take what would be stated.
    #[error(transparent)]
    NotLawful(#[from] Refusal),
    /// A file of the kit is not what it should be.
    #[error("{} in the kit {kit:?} is damaged or not of this kit", file.display())]
    Damaged {
        /// The kit.
        kit: PathBuf,
        /// The file in it.
        file: PathBuf,
    },
    /// Nothing can be written to it.
    #[error("the kit {kit:?} cannot be written to, and must remember what it states")]
    ReadOnly {
        /// The kit.
        kit: PathBuf,
    },
    /// The memory is gone.
    #[error(
        "the memory of the kit {kit:?} is missing, damaged or not its own (without it the kit \
        cannot know a ledger that was rolled back)"
    )]
    Memory {
        /// The kit.
        kit: PathBuf,
    },
    /// The kit follows no service yet.
    #[error("the kit {kit:?} has accepted no share and seen no ledger")]
    NothingSeen {
        /// The kit.
        kit: PathBuf,
    },
    /// A newer kit.
    #[error("the kit {kit:?} has format version {found}, this program knows version {FORMAT}")]
    Version {
        /// The kit.
        kit: PathBuf,
        /// The version found.
        found: u32,
    },
    /// An empty passphrase.
    #[error("the passphrase for the kit {kit:?} is empty")]
    EmptyPassphrase {
        /// The kit.
        kit: PathBuf,
    },
    /// Another passphrase for a kit that has none.
    #[error("the kit {kit:?} was made without a passphrase, and its card says so")]
    WithoutPassphrase {
        /// The kit.
        kit: PathBuf,
    },
    /// No passphrase given.
    #[error("the kit {kit:?} is protected")]
    NeedsPassphrase {
        /// The kit.
        kit: PathBuf,
    },
    /// A wrong passphrase.
    #[error("the passphrase for the kit {kit:?} is wrong")]
    Passphrase {
        /// The kit.
        kit: PathBuf,
    },
    /// Not a custodian of this dealing.
    #[error(
        "`{custodian}` with this kit is not in the roster of this epoch (only its custodians can \
        act)"
    )]
    NotInRoster {
        /// The kit's custodian.
        custodian: Name,
    },
    /// The kit belongs to another service.
    #[error("the kit of `{custodian}` belongs to {}", other(service.as_ref()))]
    OtherService {
        /// The kit's custodian.
        custodian: Name,
        /// The service it belongs to, if the kit has its id in the right form.
        service: Option<ServiceId>,
    },
    /// No share kept.
    #[error("the kit of `{custodian}` holds no share of epoch {epoch}")]
    NoShare {
        /// The kit's custodian.
        custodian: Name,
        /// The epoch.
        epoch: Epoch,
    },
    /// The receiving key of a card is gone, or was never here.
    #[error(
        "the kit of `{custodian}` does not hold the receiving key of its card in epoch {epoch} \
        (it was forgotten, or another copy of the kit drew that card)"
    )]
    CardNotHeld {
        /// The kit's custodian.
        custodian: Name,
        /// The epoch.
        epoch: Epoch,
    },
    /// The share was destroyed and stated to be.
    #[error("the kit of `{custodian}` has forgotten its share of epoch {epoch}")]
    Forgotten {
        /// The kit's custodian.
        custodian: Name,
        /// The epoch.
        epoch: Epoch,
    },
    /// The share opens the keys, or will.
    #[error(
        "the share of epoch {epoch} is in use (the keys open with it until a later dealing works)"
    )]
    ShareInUse {
        /// The epoch.
        epoch: Epoch,
    },
    /// The ledger lost lines.
    #[error(
        "`{custodian}` has seen a ledger of {seen} events, this one has {found} (events were \
        removed)"
    )]
    Shorter {
        /// The kit's custodian.
        custodian: Name,
        /// Events seen.
        seen: u64,
        /// Events found.
        found: u64,
    },
    /// The ledger's checkpoint does not cover it.
    #[error("the checkpoint that `{custodian}` was shown does not cover this ledger")]
    Checkpoint {
        /// The kit's custodian.
        custodian: Name,
    },
    /// The run has not begun with this consent.
    #[error(
        "the ledger does not end with the intent that `{custodian}` consented to (the share stays \
        with the kit)"
    )]
    NoIntent {
        /// The kit's custodian.
        custodian: Name,
    },
    /// The ledger does not end with a recovery.
    #[error("the ledger that `{custodian}` was shown does not end with a recovery")]
    NoRecovery {
        /// The kit's custodian.
        custodian: Name,
    },
    /// The ledger was rewritten.
    #[error(
        "the first {seen} events of this ledger are not the ones that `{custodian}` has seen (it \
        was rewritten)"
    )]
    Forked {
        /// The kit's custodian.
        custodian: Name,
        /// Events seen.
        seen: u64,
    },
    /// The paper is not one, or does not open.
    #[error(transparent)]
    Paper(#[from] PaperError),
    /// A proposal that cannot be approved.
    #[error("the proposal cannot be approved ({reason})")]
    Proposal {
        /// What is wrong with it.
        reason: ProposalFault,
    },
}

/// Why a kit does not approve a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProposalFault {
    /// No open question.
    #[error("no question of this ledger stands open there")]
    NotOpen,
    /// The clocks differ.
    #[error("the clocks of the kit and of the service differ by more than 24 hours")]
    Clock,
    /// Not signed by the service whose ledger was given, or changed since.
    #[error("the service of this ledger did not sign it")]
    Signature,
    /// Another epoch.
    #[error("it asks for the shares of another epoch")]
    Epoch,
    /// Past its end.
    #[error("it has expired")]
    Expired,
    /// Another ledger.
    #[error("it was made on another ledger than the one given")]
    OtherLedger,
    /// Not in the published ledger.
    #[error("the published ledger does not hold the ledger that it was made on")]
    Unpublished,
}

cstatns_base::coded!(ProposalFault {
    Self::NotOpen => ("proposal-not-open", OtherSide, []),
    Self::Clock => ("proposal-clock", Machine, []),
    Self::Signature => ("proposal-signature", OtherSide, []),
    Self::Epoch => ("proposal-epoch", OtherSide, []),
    Self::Expired => ("proposal-expired", OtherSide, []),
    Self::OtherLedger => ("proposal-other-ledger", OtherSide, []),
    Self::Unpublished => ("proposal-unpublished", OtherSide, []),
});

fn other(service: Option<&ServiceId>) -> String {
    service.map_or_else(|| "another service".to_owned(), |service| format!("the service {service}"))
}

cstatns_base::coded!(KitError {
    Self::File(error) => (error),
    Self::Share(error) => (error),
    Self::Seal(error) => (error),
    Self::NotLawful(error) => (error),
    Self::Paper(error) => (error),
    Self::Damaged { kit, file } => ("kit-damaged", Machine, [path: *kit, file]),
    Self::ReadOnly { kit } => ("kit-read-only", Machine, [path: *kit]),
    Self::Memory { kit } => ("kit-memory", Machine, [path: *kit]),
    Self::NothingSeen { kit } => ("nothing-seen", Input, [path: *kit]),
    Self::Version { kit, found } => ("kit-version", Machine, [path: *kit, found]),
    Self::EmptyPassphrase { kit } => ("passphrase-empty", Input, [path: *kit]),
    Self::WithoutPassphrase { kit } => ("kit-without-passphrase", Input, [path: *kit]),
    Self::NeedsPassphrase { kit } => ("passphrase-needed", Input, [path: *kit]),
    Self::Passphrase { kit } => ("passphrase-wrong", Input, [path: *kit]),
    Self::NotInRoster { custodian } => ("not-in-roster", Input, [custodian]),
    Self::OtherService { custodian, service } => ("kit-other-service", Input, [custodian, service]),
    Self::NoShare { custodian, epoch } => ("no-share", Input, [custodian, epoch]),
    Self::CardNotHeld { custodian, epoch } => ("card-not-held", Input, [custodian, epoch]),
    Self::Forgotten { custodian, epoch } => ("share-forgotten", Input, [custodian, epoch]),
    Self::ShareInUse { epoch } => ("share-in-use", Input, [epoch]),
    Self::Shorter { custodian, seen, found } => ("ledger-shorter", Tampering, [custodian, expected: *seen, found]),
    Self::Checkpoint { custodian } => ("ledger-uncovered", Tampering, [custodian]),
    Self::NoIntent { custodian } => ("no-intent", Tampering, [custodian]),
    Self::NoRecovery { custodian } => ("no-recovery", OtherSide, [custodian]),
    Self::Forked { custodian, seen } => ("ledger-forked", Tampering, [custodian, expected: *seen]),
    Self::Proposal { reason } => ("proposal-refused", OtherSide, [reason: reason.code()]),
});
