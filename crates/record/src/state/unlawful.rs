//! Why an event is not lawful after the ones before it (SPEC §12).

use crate::dealing::RosterError;
use crate::proposal::QuorumError;

use super::Refusal;

/// Why an event is not lawful after the ones before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unlawful {
    /// It was not allowed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The approvals are not a quorum.
    #[error(transparent)]
    Quorum(#[from] QuorumError),
    /// The roster is not possible.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// The first event must found the service.
    #[error("the first event does not found the service")]
    Genesis,
    /// The time does not follow from the clock.
    #[error("its time does not follow from the clock and the event before")]
    Time,
    /// Custodians have not seen yet that the home was recovered.
    #[error("custodians have not seen yet that the home was recovered")]
    Unseen,
    /// A destruction is owed first.
    #[error("a destruction is owed before it")]
    Owed,
    /// A destruction that nothing owed.
    #[error("nothing of the kind was to be destroyed")]
    NotOwed,
    /// No intent precedes it.
    #[error("no approved intent precedes it")]
    NoIntent,
    /// The keys are not those of the action.
    #[error("its keys are not those of what was approved")]
    Keys,
    /// The question is not one of this service, or of another format.
    #[error("its question is not one of this service in this format")]
    Question,
    /// The question has not expired.
    #[error("its question has not expired")]
    NotExpired,
    /// Cosignatures or shares of others than those who consented, or out of order.
    #[error("it names others than the custodians who consented, or not in ascending order")]
    Witnesses,
    /// The rows are not those approved.
    #[error("its rows are not those that were approved")]
    Rows,
    /// More rows rechecked than have a value.
    #[error("more of its rows were recomputed than have a value")]
    Rechecked,
    /// The part is not the next one of its run.
    #[error("its part is not the next one of its run")]
    Part,
    /// The dealing is not the approved one.
    #[error("its dealing is not the one that was approved")]
    Dealing,
    /// The epoch's shares are not all held, or it works already.
    #[error("its epoch is not the newest, its shares are not all held, or it works already")]
    Epoch,
    /// The project has not ended.
    #[error("the project has not ended, or not for 24 hours")]
    NotEnded,
    /// The steps of a rehearsal.
    #[error("its steps are none, or out of their order")]
    Steps,
}

cstatns_base::coded!(Unlawful {
    Self::Refused(error) => (error, Tampering, []),
    Self::Quorum(error) => (error, Tampering, []),
    Self::Roster(error) => (error, Tampering, []),
    Self::Epoch => ("unlawful-epoch", Tampering, []),
    Self::Genesis => ("unlawful-genesis", Tampering, []),
    Self::Time => ("unlawful-time", Tampering, []),
    Self::Unseen => ("unlawful-unseen", Tampering, []),
    Self::Owed => ("unlawful-owed", Tampering, []),
    Self::NotOwed => ("unlawful-destruction", Tampering, []),
    Self::NoIntent => ("unlawful-result", Tampering, []),
    Self::Keys => ("unlawful-keys", Tampering, []),
    Self::Question => ("unlawful-question", Tampering, []),
    Self::NotExpired => ("unlawful-lapse", Tampering, []),
    Self::Witnesses => ("unlawful-witnesses", Tampering, []),
    Self::Rows => ("unlawful-rows", Tampering, []),
    Self::Rechecked => ("unlawful-rechecked", Tampering, []),
    Self::Part => ("unlawful-part", Tampering, []),
    Self::Dealing => ("unlawful-dealing", Tampering, []),
    Self::NotEnded => ("unlawful-end", Tampering, []),
    Self::Steps => ("unlawful-steps", Tampering, []),
});
