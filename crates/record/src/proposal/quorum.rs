//! Consents to a question, counted (SPEC §9).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use cstatns_base::name::{Hex, Name};
use jiff::Timestamp;

use crate::checkpoint::Head;
use crate::dealing::{Dealing, Seat};
use crate::statement::{FORMAT, Proved};

use super::{CLOCK_SKEW, Consent, ConsentBody, Question};

/// A question with its place in the ledger.
#[derive(Clone, Copy)]
pub struct Placed<'a> {
    /// What is asked.
    pub question: &'a Question,
    /// The leaf hash of its line.
    pub leaf: Hex<32>,
    /// The ledger up to its line.
    pub head: Head,
    /// What the system's clock said when it was recorded.
    pub clock: Timestamp,
    /// Signatures of the line at hand that are verified already.
    pub proved: &'a Proved,
}

/// A dealing's custodians, as consents are checked by them.
pub trait Roster {
    /// The dealing.
    fn dealing(&self) -> &Dealing;

    /// The seat of the custodian with this name, if the card in it has this fingerprint.
    fn seat_with(&self, by: &Name, card: &Hex<32>) -> Option<&Seat>;
}

impl Roster for Dealing {
    fn dealing(&self) -> &Dealing {
        self
    }

    fn seat_with(&self, by: &Name, card: &Hex<32>) -> Option<&Seat> {
        self.seat(by).filter(|seat| seat.card.fingerprint() == *card)
    }
}

impl Placed<'_> {
    /// Checks consents to this question: each valid, by a custodian of `roster`, in ascending
    /// order of their names, each once. The service and the auditor ask the same question.
    ///
    /// # Errors
    /// [`QuorumError`] names the custodian whose consent does not count.
    pub fn check_each(
        &self,
        consents: &[Consent],
        roster: &impl Roster,
    ) -> Result<(), QuorumError> {
        let mut last: Option<&Name> = None;
        for consent in consents {
            self.check_consent(consent, roster)?;
            let by = &consent.body.by;
            match last {
                Some(last) if last == by => {
                    return Err(QuorumError::Twice { custodian: by.clone() });
                }
                Some(last) if last > by => return Err(QuorumError::Order),
                _ => last = Some(by),
            }
        }
        Ok(())
    }

    /// As [`Placed::check_each`], and that they are at least k.
    ///
    /// # Errors
    /// [`QuorumError`].
    pub fn check_quorum(
        &self,
        consents: &[Consent],
        roster: &impl Roster,
    ) -> Result<(), QuorumError> {
        self.check_each(consents, roster)?;
        let (given, needed) = (consents.len(), roster.dealing().threshold.k());
        if given < needed { Err(QuorumError::TooFew { given, needed }) } else { Ok(()) }
    }

    /// Sorts approvals of this question as they came in: those that count, which are the first
    /// valid one of each custodian of `roster`, in ascending order of their names; and why each
    /// other one does not, in the order in which they came. `consent` is what an approval is
    /// checked by.
    pub fn sort_out<T>(
        &self,
        approvals: Vec<T>,
        roster: &impl Roster,
        consent: impl Fn(&T) -> &Consent,
    ) -> (Vec<T>, Vec<QuorumError>) {
        let (mut counted, mut set_aside) = (BTreeMap::new(), Vec::new());
        for approval in approvals {
            let checked = self.check_consent(consent(&approval), roster);
            match (checked, counted.entry(consent(&approval).body.by.clone())) {
                (Err(reason), _) => set_aside.push(reason),
                (Ok(()), Entry::Vacant(seat)) => {
                    seat.insert(approval);
                }
                (Ok(()), Entry::Occupied(seat)) => {
                    set_aside.push(QuorumError::Twice { custodian: seat.key().clone() });
                }
            }
        }
        (counted.into_values().collect(), set_aside)
    }

    /// Checks one consent.
    ///
    /// # Errors
    /// [`QuorumError`] says what does not fit.
    pub fn check_consent(
        &self,
        consent: &Consent,
        roster: &impl Roster,
    ) -> Result<(), QuorumError> {
        let dealing = roster.dealing();
        let ConsentBody { format, suite: _, service, epoch, question, by, card, .. } =
            &consent.body;
        let cosignature = &consent.body.cosignature;
        let custodian = || by.clone();
        let seat = roster
            .seat_with(by, card)
            .ok_or_else(|| QuorumError::NotInRoster { custodian: custodian() })?;
        let signing = &seat.card.body.signing;
        if !consent.is_known_by(signing, self.proved) {
            return Err(QuorumError::Signature { custodian: custodian() });
        }
        if *format != FORMAT || service != dealing.service.id() || *question != self.leaf {
            return Err(QuorumError::OtherProposal { custodian: custodian() });
        }
        if *epoch != dealing.epoch || self.question.epoch != dealing.epoch {
            return Err(QuorumError::OtherEpoch { custodian: custodian() });
        }
        if cosignature.head != self.head || !cosignature.is_known_by(service, signing, self.proved)
        {
            return Err(QuorumError::Cosignature { custodian: custodian() });
        }
        let time = cosignature.time;
        if time >= self.question.expires || self.clock.duration_since(time) > CLOCK_SKEW {
            return Err(QuorumError::Date { custodian: custodian() });
        }
        Ok(())
    }
}

/// Why approvals do not make a quorum.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuorumError {
    /// The question asks for the shares of another epoch.
    #[error("the question asks for the shares of another epoch")]
    Epoch,
    /// The question has expired.
    #[error("the question has expired")]
    Expired,
    /// The question would be open for longer than [`LONGEST_WAIT`](super::LONGEST_WAIT).
    #[error("the question is open for more than 24 hours")]
    Wait,
    /// Not a custodian of this epoch with this card.
    #[error("`{custodian}` is not in the roster of this epoch with this card")]
    NotInRoster {
        /// Who approved.
        custodian: Name,
    },
    /// The consent is not signed by the custodian.
    #[error("the approval of `{custodian}` is not signed by them")]
    Signature {
        /// Who is said to have approved.
        custodian: Name,
    },
    /// The consent is to another question.
    #[error("the approval of `{custodian}` is of another question")]
    OtherProposal {
        /// Who approved.
        custodian: Name,
    },
    /// The consent is of another epoch.
    #[error("the approval of `{custodian}` is of another epoch")]
    OtherEpoch {
        /// Who approved.
        custodian: Name,
    },
    /// The cosignature is not of the checkpoint whose last line is the question.
    #[error("the cosignature of `{custodian}` does not fit the ledger")]
    Cosignature {
        /// Who approved.
        custodian: Name,
    },
    /// The share that came with the consent is not the one that it names.
    #[error(
        "the share beside the approval of `{custodian}` is not the one that the approval names"
    )]
    Share {
        /// Who approved.
        custodian: Name,
    },
    /// The consent is dated after the question's expiry, or more than a day before it was recorded.
    #[error(
        "the approval of `{custodian}` is dated outside the time in which the question was open"
    )]
    Date {
        /// Who approved.
        custodian: Name,
    },
    /// One custodian twice.
    #[error("`{custodian}` approved twice")]
    Twice {
        /// Who approved.
        custodian: Name,
    },
    /// Not in ascending order.
    #[error("the approvals do not stand in ascending order of their custodians")]
    Order,
    /// Fewer than k.
    #[error("{given} of the {needed} approvals that are needed were given")]
    TooFew {
        /// Approvals given.
        given: usize,
        /// Approvals needed.
        needed: usize,
    },
}

cstatns_base::coded!(QuorumError {
    Self::Epoch => ("proposal-epoch", Input, []),
    Self::Expired => ("proposal-expired", Input, []),
    Self::Wait => ("proposal-wait", Input, []),
    Self::NotInRoster { custodian } => ("not-in-roster", OtherSide, [custodian]),
    Self::Signature { custodian } => ("approval-signature", OtherSide, [custodian]),
    Self::OtherProposal { custodian } => ("approval-other-proposal", OtherSide, [custodian]),
    Self::OtherEpoch { custodian } => ("approval-other-epoch", OtherSide, [custodian]),
    Self::Cosignature { custodian } => ("approval-cosignature", OtherSide, [custodian]),
    Self::Share { custodian } => ("approval-share", OtherSide, [custodian]),
    Self::Date { custodian } => ("approval-date", OtherSide, [custodian]),
    Self::Twice { custodian } => ("approval-twice", Input, [custodian]),
    Self::Order => ("approval-order", OtherSide, []),
    Self::TooFew { given, needed } => ("too-few-approvals", Input, [given, needed]),
});
