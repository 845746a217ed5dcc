//! What needs a quorum, exactly described, and one custodian's consent to it (SPEC §9).

use std::fmt;

use cstatns_base::code::Generation;
use cstatns_base::commitment::Commitment;
use cstatns_base::distinct::CAP;
use cstatns_base::domain::{Kind, RenewalReason};
use cstatns_base::identifier::Scheme;
use cstatns_base::look_up::LookUp;
use cstatns_base::name::{Hex, LARGEST_NUMBER, Name, digest, grouped, whole_number};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::checkpoint::Head;
use crate::dealing::{Dealing, Epoch, Threshold};
use crate::statement::{FORMAT, Signed, Statement, verify};

/// The number of a run, and of the delivery it makes: 16 random bytes, spent at the intent.
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

/// What a request holds: what its manifest states, custodians approve and the run verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Its commitment.
    pub commitment: Commitment,
    /// Its rows: at most 2⁵³ − 1.
    #[serde(deserialize_with = "whole_number")]
    pub rows: u64,
    /// The rows that have a value; of civil status those that have any.
    #[serde(deserialize_with = "whole_number")]
    pub values: u64,
    /// How many of the values are distinct, counted up to [`CAP`]; of civil status how many rows
    /// are, as they travel, which are not people.
    #[serde(deserialize_with = "whole_number")]
    pub distinct: u64,
}

impl Input {
    /// Whether a file can have these counts.
    pub fn is_possible(&self) -> bool {
        let some = u64::from(self.values > 0);
        self.rows <= LARGEST_NUMBER
            && self.values <= self.rows
            && (some..=self.values.min(CAP)).contains(&self.distinct)
    }
}

impl fmt::Display for Input {
    /// The counts, as a custodian reads them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [rows, values, distinct] = [self.rows, self.values, self.distinct].map(grouped);
        let least = if self.distinct == CAP { "at least " } else { "" };
        write!(f, "{rows} rows with {values} values, {least}{distinct} of them distinct")
    }
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
                    {cryptoperiod_years} years, at least \
                 {minimum_batch} distinct values a run"
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
                let rows = if look_up.is_some() { " (rows, not people)" } else { "" };
                write!(
                    f,
                    "code {input}{rows}, of the scheme {scheme}, for `{purpose}` in `{domain}`, \
                    generation {generation}"
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
                "renew {input}, for `{purpose}` in `{domain}` from generation {from} to \
                {generation}{}",
                departure(keep_request)
            ),
            Self::Close { domain } => {
                write!(f, "DESTROY the keys of the research project `{domain}` before its end")
            }
            Self::Deal { threshold, .. } => write!(f, "deal new shares, {threshold}"),
        }
    }
}

/// The exact description of something that needs a quorum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposalBody {
    /// Format version.
    pub format: u32,
    /// The service's id.
    pub service: String,
    /// The epoch whose shares are asked for.
    pub epoch: Epoch,
    /// The ledger that the proposal was made on.
    pub head: Head,
    /// What is asked for.
    pub action: Action,
    /// The moment from which approvals no longer count.
    pub expires: Timestamp,
    /// The number of the run.
    pub run: RunId,
    /// SHA-256("CStatNS/run-key/" ‖ canonical JSON string of the run's key).
    pub run_key: Hex<32>,
}

impl Statement for ProposalBody {
    const LABEL: &'static str = "CStatNS/proposal/";
}

/// A proposal as it travels: signed by the service's card, with the run's ephemeral key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// What is proposed, signed by the service.
    pub signed: Signed<ProposalBody>,
    /// The X-Wing key to which shares are resealed.
    pub run_key: Hex<1216>,
}

impl Proposal {
    /// The digest that approvals name.
    pub fn digest(&self) -> Hex<32> {
        proposal_digest(&self.signed)
    }

    /// Whether the service with this key proposed it and the run's key is the one it names.
    pub fn is_by(&self, service: &Hex<32>) -> bool {
        self.signed.is_by(service) && self.signed.body.run_key == run_key_digest(&self.run_key)
    }
}

/// SHA-256("CStatNS/proposal-digest/" ‖ canonical JSON of the signed body).
pub fn proposal_digest(signed: &Signed<ProposalBody>) -> Hex<32> {
    digest("CStatNS/proposal-digest/", signed)
}

/// The digest of a run's key, as the proposal's body names it.
pub fn run_key_digest(key: &Hex<1216>) -> Hex<32> {
    digest("CStatNS/run-key/", key)
}

/// One custodian's consent: what the ledger keeps of an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentBody {
    /// Format version.
    pub format: u32,
    /// The service's id.
    pub service: String,
    /// The epoch of the share.
    pub epoch: Epoch,
    /// The proposal's digest.
    pub proposal: Hex<32>,
    /// Who consents.
    pub by: Name,
    /// The fingerprint of their card.
    pub card: Hex<32>,
    /// The digest of the resealed share.
    pub share: Hex<32>,
    /// Ed25519 over the text of the checkpoint at the proposal's head: this custodian is a witness
    /// to it.
    pub cosignature: Hex<64>,
}

impl Statement for ConsentBody {
    const LABEL: &'static str = "CStatNS/approval/";
}

/// A signed consent.
pub type Consent = Signed<ConsentBody>;

/// The longest that approvals may take.
pub const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24);

/// Whether these consents are k valid ones, by custodians of `dealing`, to `proposal`. The service
/// and the auditor ask the same question.
///
/// # Errors
/// [`QuorumError`] names the custodian whose consent does not count.
pub fn check_consents<'a>(
    proposal: &Signed<ProposalBody>,
    consents: impl IntoIterator<Item = &'a Consent>,
    dealing: &Dealing,
) -> Result<(), QuorumError> {
    let body = &proposal.body;
    if body.format != FORMAT
        || body.service != dealing.service.id()
        || !proposal.is_by(&dealing.service.body.signing)
    {
        return Err(QuorumError::Proposal);
    }
    if body.epoch != dealing.epoch {
        return Err(QuorumError::Epoch);
    }
    let digest = proposal_digest(proposal);
    let text = body.head.checkpoint(dealing.service.id()).text();
    let mut counted: Vec<&Name> = Vec::new();
    for consent in consents {
        let ConsentBody { format, service, epoch, proposal, by, card, share: _, cosignature } =
            &consent.body;
        let custodian = || by.clone();
        let seat = dealing.seat(by).filter(|seat| seat.card.fingerprint() == *card);
        let Some(seat) = seat else {
            return Err(QuorumError::NotInRoster { custodian: custodian() });
        };
        let signing = &seat.card.body.signing;
        if !consent.is_by(signing) {
            return Err(QuorumError::Signature { custodian: custodian() });
        }
        if *format != FORMAT || service != dealing.service.id() || *proposal != digest {
            return Err(QuorumError::OtherProposal { custodian: custodian() });
        }
        if *epoch != dealing.epoch {
            return Err(QuorumError::OtherEpoch { custodian: custodian() });
        }
        if !verify(signing, text.as_bytes(), cosignature) {
            return Err(QuorumError::Cosignature { custodian: custodian() });
        }
        if counted.contains(&by) {
            return Err(QuorumError::Twice { custodian: custodian() });
        }
        counted.push(by);
    }
    let needed = dealing.threshold.k();
    if counted.len() < needed {
        return Err(QuorumError::TooFew { given: counted.len(), needed });
    }
    Ok(())
}

/// Why approvals do not make a quorum.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuorumError {
    /// The proposal is not the service's.
    #[error("the service did not sign this proposal")]
    Proposal,
    /// The proposal is for another epoch.
    #[error("the proposal asks for the shares of another epoch")]
    Epoch,
    /// The proposal has expired.
    #[error("the proposal has expired")]
    Expired,
    /// The proposal would serve for longer than [`LONGEST_WAIT`].
    #[error("the proposal is open for more than 24 hours")]
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
    /// The consent is to another proposal.
    #[error("the approval of `{custodian}` is of another proposal")]
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
    /// The cosignature does not fit the proposal's head.
    #[error("the cosignature of `{custodian}` does not fit the ledger")]
    Cosignature {
        /// Who approved.
        custodian: Name,
    },
    /// The resealed share is not the one that was signed.
    #[error("the share beside the approval of `{custodian}` is not the one they signed")]
    Share {
        /// Who approved.
        custodian: Name,
    },
    /// One custodian twice.
    #[error("`{custodian}` approved twice")]
    Twice {
        /// Who approved.
        custodian: Name,
    },
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
    Self::Proposal => ("proposal-signature", OtherSide, []),
    Self::Epoch => ("proposal-epoch", Input, []),
    Self::Expired => ("proposal-expired", Input, []),
    Self::Wait => ("proposal-wait", Input, []),
    Self::NotInRoster { custodian } => ("not-in-roster", OtherSide, [custodian]),
    Self::Signature { custodian } => ("approval-signature", OtherSide, [custodian]),
    Self::OtherProposal { custodian } => ("approval-other-proposal", OtherSide, [custodian]),
    Self::OtherEpoch { custodian } => ("approval-other-epoch", OtherSide, [custodian]),
    Self::Cosignature { custodian } => ("approval-cosignature", OtherSide, [custodian]),
    Self::Share { custodian } => ("approval-share", OtherSide, [custodian]),
    Self::Twice { custodian } => ("approval-twice", Input, [custodian]),
    Self::TooFew { given, needed } => ("too-few-approvals", Input, [given, needed]),
});

#[cfg(test)]
mod tests;
