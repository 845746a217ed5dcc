//! Why a ledger is not what it should be.

use std::path::PathBuf;

use cstatns_base::files::FileError;

/// Why a ledger is not what it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Storage.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line is not an event in canonical form.
    #[error("event {number} of the ledger is not an event in its canonical form (it was changed)")]
    Line {
        /// The event's number, from 1.
        number: u64,
    },
    /// A line that would not be read back as it is written.
    #[error(
        "event {number} cannot be recorded as it is (it is too long or holds a number that is too \
        large; nothing was \
         written)"
    )]
    Unwritable {
        /// The number that the event would have.
        number: u64,
    },
    /// A line of a newer format.
    #[error("event {number} of the ledger is of a newer format")]
    Version {
        /// The event's number.
        number: u64,
    },
    /// A line of another service.
    #[error("event {number} of the ledger is of another service (it was put there)")]
    OtherService {
        /// The event's number.
        number: u64,
    },
    /// A line out of its place.
    #[error(
        "event {found} stands where event {number} belongs (events were removed, doubled or moved)"
    )]
    Sequence {
        /// The place.
        number: u64,
        /// The number found there.
        found: u64,
    },
    /// The line after this one carries another hash.
    #[error("event {number} of the ledger was changed (the event after it carries another hash)")]
    Chain {
        /// The event that was changed.
        number: u64,
    },
    /// A checkpoint that is none, or not signed by the service.
    #[error("{path:?} is not a checkpoint signed by this service (it was changed)")]
    Checkpoint {
        /// The checkpoint.
        path: PathBuf,
    },
    /// Another service's checkpoint.
    #[error("{path:?} is a checkpoint of another service")]
    OtherCheckpoint {
        /// The checkpoint.
        path: PathBuf,
    },
    /// A checkpoint signed by another key than the one that signs for so many events.
    #[error(
        "{path:?} is signed by another key than the one with which the service signs for so many \
        events"
    )]
    CheckpointKey {
        /// The checkpoint.
        path: PathBuf,
    },
    /// The ledger is shorter than its checkpoint.
    #[error("the checkpoint covers {covered} events, the ledger has {found} (events were removed)")]
    Short {
        /// Events covered.
        covered: u64,
        /// Events found.
        found: u64,
    },
    /// The ledger has more uncovered lines than a stopped write leaves.
    #[error("the ledger has {found} events, its checkpoint covers {covered} (events were added)")]
    Long {
        /// Events covered.
        covered: u64,
        /// Events found.
        found: u64,
    },
    /// The tree's root is not the checkpoint's.
    #[error("the first {covered} events of the ledger are not the ones that its checkpoint covers")]
    Root {
        /// Events covered.
        covered: u64,
    },
}

cstatns_base::coded!(LedgerError {
    Self::File(error) => (error),
    Self::Line { number } => ("ledger-line", Tampering, [event: *number]),
    Self::Unwritable { number } => ("ledger-unwritable", Machine, [event: *number]),
    Self::Version { number } => ("ledger-version", Machine, [event: *number]),
    Self::OtherService { number } => ("ledger-other-service", Tampering, [event: *number]),
    Self::Sequence { number, found } => ("ledger-sequence", Tampering, [event: *number, found]),
    Self::Chain { number } => ("ledger-chain", Tampering, [event: *number]),
    Self::Checkpoint { path } => ("checkpoint-signature", Tampering, [path]),
    Self::OtherCheckpoint { path } => ("checkpoint-other-service", Input, [path]),
    Self::CheckpointKey { path } => ("checkpoint-key", Tampering, [path]),
    Self::Short { covered, found } => ("ledger-short", Tampering, [covered, found]),
    Self::Long { covered, found } => ("ledger-long", Tampering, [covered, found]),
    Self::Root { covered } => ("ledger-root", Tampering, [covered]),
});
