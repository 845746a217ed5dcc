//! What needs a quorum, exactly described, and one custodian's consent to it (SPEC §9).

use std::fmt;

use cstatns_base::code::Generation;
use cstatns_base::commitment::Commitment;
use cstatns_base::domain::{Kind, RenewalReason};
use cstatns_base::identifier::Scheme;
use cstatns_base::look_up::LookUp;
use cstatns_base::name::{Hex, Name, digest, whole_number};
use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::card::ServiceCard;
use crate::checkpoint::{Cosignature, Head};
use crate::dealing::{Dealing, Epoch, Threshold};
use crate::statement::{FORMAT, Signed, Statement, Suite};

/// The number of a run, and of the delivery it makes: 16 random bytes, spent at the question.
pub type RunId = Hex<16>;

/// The most deliveries that a renewal names.
pub const MOST_DELIVERIES: usize = 1024;

/// Whether these are deliveries as a renewal names them: at least one, at most [`MOST_DELIVERIES`],
/// ascending, each once.
pub fn are_deliveries(of: &[RunId]) -> bool {
    (1..=MOST_DELIVERIES).contains(&of.len()) && of.is_sorted_by(|a, b| a < b)
}

/// What a quorum is asked for, with every parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Open a domain with its first key.
    Open {
        /// The domain.
        domain: Name,
        /// Statistics or research, and until when.
        kind: Kind,
        /// The fewest distinct values of a run.
        minimum_batch: u32,
    },
    /// Move a research project's end.
    Extend {
        /// The domain.
        domain: Name,
        /// The new last day.
        ends: Date,
    },
    /// Code a request of identifiers.
    Code {
        /// The domain.
        domain: Name,
        /// The generation of the codes.
        generation: Generation,
        /// The scheme of the identifiers.
        scheme: Scheme,
        /// What for.
        purpose: Name,
        /// The request's rows.
        input: Input,
        /// To whom the result goes; none: to the person who brought the request.
        recipient: Option<Name>,
        /// Whether the request is kept, against the scheme (R7).
        keep_request: bool,
        /// For a request of civil status: in which register its people are looked up; none: it
        /// holds identifiers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        look_up: Option<LookUp>,
    },
    /// Make the key of a domain's next generation.
    NewKey {
        /// The domain.
        domain: Name,
        /// The generation to make.
        generation: Generation,
        /// Why.
        reason: RenewalReason,
    },
    /// Renew a request of codes.
    Renew {
        /// The domain.
        domain: Name,
        /// The generation of the codes given.
        from: Generation,
        /// The generation of the codes made.
        generation: Generation,
        /// What for.
        purpose: Name,
        /// The request's rows.
        input: Input,
        /// To whom the result goes.
        recipient: Option<Name>,
        /// Whether the request is kept, against the scheme (R7).
        keep_request: bool,
        /// The deliveries whose codes are renewed: at most [`MOST_DELIVERIES`], ascending, each
        /// once; none: unknown.
        of: Option<Vec<RunId>>,
    },
    /// Destroy a research project's keys before its end.
    Close {
        /// The domain.
        domain: Name,
    },
    /// Deal new shares of a new root.
    Deal {
        /// How many of how many.
        threshold: Threshold,
        /// The fingerprints of the new custodians' cards.
        cards: Vec<Hex<32>>,
    },
}

/// What a request holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Its commitment.
    pub commitment: Commitment,
    /// Its rows: at most 2⁵³ − 1.
    #[serde(deserialize_with = "whole_number")]
    pub rows: u64,
}

impl Action {
    /// Whether the request is kept, against the scheme (R7).
    pub fn keeps_request(&self) -> bool {
        matches!(
            self,
            Self::Code { keep_request: true, .. } | Self::Renew { keep_request: true, .. }
        )
    }

    /// The domain it is about.
    pub fn domain(&self) -> Option<&Name> {
        match self {
            Self::Open { domain, .. }
            | Self::Extend { domain, .. }
            | Self::Code { domain, .. }
            | Self::NewKey { domain, .. }
            | Self::Renew { domain, .. }
            | Self::Close { domain } => Some(domain),
            Self::Deal { .. } => None,
        }
    }

    /// The rows it takes, for `code` and `renew`.
    pub fn input(&self) -> Option<&Input> {
        match self {
            Self::Code { input, .. } | Self::Renew { input, .. } => Some(input),
            _ => None,
        }
    }

    /// The verb as the ledger and the program spell it.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Extend { .. } => "extend",
            Self::Code { .. } => "code",
            Self::NewKey { .. } => "new-key",
            Self::Renew { .. } => "renew",
            Self::Close { .. } => "close",
            Self::Deal { .. } => "deal",
        }
    }
}

impl fmt::Display for Action {
    /// One sentence for the custodian who is asked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let departure =
            |keep: &bool| if *keep { ", KEEPING the request against the scheme" } else { "" };
        match self {
            Self::Open { domain, kind: Kind::Statistics { cryptoperiod_years }, minimum_batch } => {
                write!(
                    f,
                    "open the statistical domain `{domain}`, key renewed every \
                    {cryptoperiod_years} years, at least {minimum_batch} distinct values a run"
                )
            }
            Self::Open { domain, kind: Kind::Research { ends }, minimum_batch } => write!(
                f,
                "open the research project `{domain}`, until {ends}, at least {minimum_batch} \
                distinct values a run"
            ),
            Self::Extend { domain, ends } => {
                write!(f, "extend the research project `{domain}` until {ends}")
            }
            Self::Code {
                domain,
                generation,
                scheme,
                purpose,
                input,
                keep_request,
                look_up,
                ..
            } => {
                write!(
                    f,
                    "code {} rows of {scheme} for `{purpose}` in `{domain}`, generation \
                    {generation}",
                    input.rows
                )?;
                if let Some(look_up) = look_up {
                    write!(f, ", of people {look_up}")?;
                }
                f.write_str(departure(keep_request))
            }
            Self::NewKey { domain, generation, reason } => {
                let reason = match reason {
                    RenewalReason::Scheduled => "as scheduled",
                    RenewalReason::Doubt => "because of a doubt",
                };
                write!(f, "make the key of generation {generation} of `{domain}`, {reason}")
            }
            Self::Renew { domain, from, generation, purpose, input, keep_request, .. } => write!(
                f,
                "renew {} rows for `{purpose}` in `{domain}` from generation {from} to \
                {generation}{}",
                input.rows,
                departure(keep_request)
            ),
            Self::Close { domain } => {
                write!(f, "DESTROY the keys of the research project `{domain}` before its end")
            }
            Self::Deal { threshold, .. } => write!(f, "deal new shares, {threshold}"),
        }
    }
}

/// What is asked of the custodians, as the ledger records it before anybody is asked: the event
/// `proposed` holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Format version.
    pub format: u32,
    /// The suite of the codes.
    pub suite: Suite,
    /// The service's id.
    pub service: String,
    /// The epoch whose shares are asked for.
    pub epoch: Epoch,
    /// What is asked for.
    pub action: Action,
    /// The moment from which approvals no longer count.
    pub expires: Timestamp,
    /// The number of the run.
    pub run: RunId,
    /// SHA-256("CStatNS/run-key/" ‖ canonical JSON string of the run's key).
    pub run_key: Hex<32>,
}

/// A question as it is shown to custodians: the line of the ledger that holds it, named by its leaf
/// hash and by the checkpoint whose last line it is, and the run's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// The leaf hash of the line.
    pub question: Hex<32>,
    /// The checkpoint whose last line it is, as a note that the service signed.
    pub checkpoint: String,
    /// The X-Wing key to which shares are resealed.
    pub run_key: Hex<1216>,
}

impl Proposal {
    /// Size and root of the checkpoint, if the service with this card signed it.
    pub fn head(&self, service: &ServiceCard) -> Option<Head> {
        service.head_of(self.checkpoint.as_bytes()).ok()
    }
}

/// The digest of a run's key, as the question names it.
pub fn run_key_digest(key: &Hex<1216>) -> Hex<32> {
    digest("CStatNS/run-key/", key)
}

/// The HPKE info of a share that is resealed to a run: SHA-256 of "CStatNS/approval-info/2", a
/// line feed, the question's leaf hash, size (u64, big-endian) and root of the checkpoint whose
/// last line it is, and the SHA-256 of the run's key.
pub fn approval_info(question: &Hex<32>, head: &Head, run_key: &Hex<1216>) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"CStatNS/approval-info/2\n");
    hash.update(question.0);
    hash.update(head.size.to_be_bytes());
    hash.update(head.root.0);
    hash.update(Sha256::digest(run_key.0));
    hash.finalize().into()
}

/// One custodian's consent: what the ledger keeps of an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentBody {
    /// Format version.
    pub format: u32,
    /// The suite of the codes.
    pub suite: Suite,
    /// The service's id.
    pub service: String,
    /// The epoch of the share.
    pub epoch: Epoch,
    /// The leaf hash of the question's line.
    pub question: Hex<32>,
    /// Who consents.
    pub by: Name,
    /// The fingerprint of their card.
    pub card: Hex<32>,
    /// How many statements this card has made, with this one.
    #[serde(deserialize_with = "whole_number")]
    pub count: u64,
    /// The digest of the resealed share.
    pub share: Hex<32>,
    /// This custodian's cosignature of the checkpoint whose last line is the question: its date is
    /// the consent's.
    pub cosignature: Cosignature,
}

impl Statement for ConsentBody {
    const LABEL: &'static str = "CStatNS/approval/";
}

/// A signed consent.
pub type Consent = Signed<ConsentBody>;

/// The longest that approvals may take.
pub const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24);

/// The most that two clocks may differ: the clock of the service and that of a custodian.
pub const CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(24);

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
}

impl Placed<'_> {
    /// Checks consents to this question: each valid, by a custodian of `dealing`, in ascending
    /// order of their names, each once. The service and the auditor ask the same question.
    ///
    /// # Errors
    /// [`QuorumError`] names the custodian whose consent does not count.
    pub fn check_each(&self, consents: &[Consent], dealing: &Dealing) -> Result<(), QuorumError> {
        let mut last: Option<&Name> = None;
        for consent in consents {
            self.check_consent(consent, dealing)?;
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
    pub fn check_quorum(&self, consents: &[Consent], dealing: &Dealing) -> Result<(), QuorumError> {
        self.check_each(consents, dealing)?;
        let (given, needed) = (consents.len(), dealing.threshold.k());
        if given < needed { Err(QuorumError::TooFew { given, needed }) } else { Ok(()) }
    }

    /// Checks one consent.
    ///
    /// # Errors
    /// [`QuorumError`] says what does not fit.
    pub fn check_consent(&self, consent: &Consent, dealing: &Dealing) -> Result<(), QuorumError> {
        let ConsentBody { format, suite: _, service, epoch, question, by, card, .. } =
            &consent.body;
        let cosignature = &consent.body.cosignature;
        let custodian = || by.clone();
        let seat = dealing.seat(by).filter(|seat| seat.card.fingerprint() == *card);
        let seat = seat.ok_or_else(|| QuorumError::NotInRoster { custodian: custodian() })?;
        let signing = &seat.card.body.signing;
        if !consent.is_by(signing) {
            return Err(QuorumError::Signature { custodian: custodian() });
        }
        if *format != FORMAT || service != dealing.service.id() || *question != self.leaf {
            return Err(QuorumError::OtherProposal { custodian: custodian() });
        }
        if *epoch != dealing.epoch || self.question.epoch != dealing.epoch {
            return Err(QuorumError::OtherEpoch { custodian: custodian() });
        }
        if cosignature.head != self.head || !cosignature.is_by(service, signing) {
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
    /// The question would be open for longer than [`LONGEST_WAIT`].
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
    Self::Date { custodian } => ("approval-date", OtherSide, [custodian]),
    Self::Twice { custodian } => ("approval-twice", Input, [custodian]),
    Self::Order => ("approval-order", OtherSide, []),
    Self::TooFew { given, needed } => ("too-few-approvals", Input, [given, needed]),
});

#[cfg(test)]
mod tests;
