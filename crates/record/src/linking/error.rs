//! Why the ledger of a linking body does not hold.

use std::path::PathBuf;

use cstatns_base::files::FileError;

use super::LinkingRefusal;

/// Why the ledger of a linking body cannot be read, or does not hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkingError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line is no event in canonical form, or not of this body.
    #[error("event {number} of the linking body's ledger is no event of it (it was changed)")]
    Line {
        /// The event's number, from 1.
        number: u64,
    },
    /// The line after this one carries another hash, or stands elsewhere.
    #[error(
        "event {number} of the linking body's ledger was changed, or events after it were removed or \
        moved"
    )]
    Chain {
        /// The event's number, from 1.
        number: u64,
    },
    /// An event that cannot follow those before it.
    #[error("event {number} of the linking body's ledger cannot be: {why}")]
    Unlawful {
        /// The event's number, from 1.
        number: u64,
        /// Why.
        why: LinkingRefusal,
    },
    /// What was asked cannot follow what is recorded.
    #[error(transparent)]
    Refused(#[from] LinkingRefusal),
    /// The checkpoint is not signed by the body, or not of this ledger.
    #[error("{path:?} is not the checkpoint of this linking body's ledger")]
    Checkpoint {
        /// The checkpoint.
        path: PathBuf,
    },
    /// The ledger is shorter than its checkpoint says, or much longer.
    #[error(
        "the checkpoint covers {covered} events of the linking body's ledger, which has {found}"
    )]
    Covered {
        /// The events that it covers.
        covered: u64,
        /// The events that are there.
        found: u64,
    },
    /// A line that would not be read back as it is written.
    #[error("event {number} cannot be recorded as it is, and nothing was written")]
    Unwritable {
        /// The number that it would have.
        number: u64,
    },
}

cstatns_base::coded!(LinkingError {
    Self::File(error) => (error),
    Self::Line { number } => ("linking-line", Tampering, [event: *number]),
    Self::Chain { number } => ("linking-chain", Tampering, [event: *number]),
    Self::Unlawful { number, why } => ("linking-unlawful", Tampering, [event: *number, inner: why.facts()]),
    Self::Refused(why) => (why),
    Self::Checkpoint { path } => ("linking-checkpoint", Tampering, [path]),
    Self::Covered { covered, found } => ("linking-covered", Tampering, [covered, found]),
    Self::Unwritable { number } => ("ledger-unwritable", Machine, [event: *number]),
});
