//! What needs a quorum, exactly described, and one custodian's consent to it (SPEC §9).

mod declaration;
mod quorum;
mod words;

use std::collections::BTreeSet;

use cstatns_base::code::Generation;
use cstatns_base::commitment::Commitment;
use cstatns_base::delivery::{DeliveryId, MOST_PARTS};
use cstatns_base::distinct::CAP;
use cstatns_base::domain::{Kind, RenewalReason};
use cstatns_base::identifier::Scheme;
use cstatns_base::look_up::LookUp;
use cstatns_base::name::{Hex, LARGEST_NUMBER, Name, digest, whole_number, whole_second};
use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::card::{Card, PartyCard, ServiceKeys};
use crate::checkpoint::{Cosignature, Head};
use crate::dealing::{Epoch, Threshold};
use crate::party::Role;
use crate::statement::{Signed, Statement, Suite};

pub use declaration::{Declaration, DeclarationBody, Sent};
pub use quorum::{Placed, QuorumError, Roster};
pub use words::Brief;
pub(crate) use words::{domain_list, places};

/// The number of a run: 16 random bytes, spent at the question. Its deliveries are numbered after
/// its requests ([`DeliveryId`]).
pub type RunId = Hex<16>;

/// The most deliveries that a renewal names.
pub const MOST_DELIVERIES: usize = 1024;

/// The most doubts that are closed at once.
pub const MOST_DOUBTS: usize = 1024;

/// Whether these are deliveries as a renewal names them: at least one, at most [`MOST_DELIVERIES`],
/// ascending, each once.
pub fn are_deliveries(of: &[DeliveryId]) -> bool {
    (1..=MOST_DELIVERIES).contains(&of.len()) && of.is_sorted_by(|a, b| a < b)
}

/// Whether these are requests as a proposal lists them: at least one, at most [`MOST_PARTS`], each
/// once, in any order.
pub fn are_requests(inputs: &[Input]) -> bool {
    (1..=MOST_PARTS).contains(&inputs.len())
        && inputs.iter().map(|input| input.commitment).collect::<BTreeSet<_>>().len()
            == inputs.len()
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
        /// The legal basis, as its reference.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authorisation: Option<Name>,
    },
    /// Move a research project's end.
    Extend {
        /// The domain.
        domain: Name,
        /// The new last day.
        ends: Date,
    },
    /// Code requests of identifiers.
    Code {
        /// The domain.
        domain: Name,
        /// The generation of the codes.
        generation: Generation,
        /// The scheme of the identifiers.
        scheme: Scheme,
        /// What for.
        purpose: Name,
        /// What the requests hold: at most [`MOST_PARTS`], each once. Their order numbers the
        /// parts.
        inputs: Vec<Input>,
        /// The fingerprint of the card of whom the results go to, each encrypted to it; none: they
        /// are handed out in clear.
        recipient: Option<Hex<32>>,
        /// Whether the requests are kept, against the scheme (R7).
        keep_request: bool,
        /// For requests of civil status: in which register their people are looked up; none: they
        /// hold identifiers.
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
    /// Renew requests of codes.
    Renew {
        /// The domain.
        domain: Name,
        /// The generation of the codes given.
        from: Generation,
        /// The generation of the codes made.
        generation: Generation,
        /// What for.
        purpose: Name,
        /// What the requests hold, as for `Code`.
        inputs: Vec<Input>,
        /// The fingerprint of the card of whom the results go to, as for `Code`.
        recipient: Option<Hex<32>>,
        /// Whether the requests are kept, against the scheme (R7).
        keep_request: bool,
        /// The deliveries whose codes are renewed: at most [`MOST_DELIVERIES`], ascending, each
        /// once; none: unknown.
        of: Option<Vec<DeliveryId>>,
    },
    /// Destroy a research project's keys before its end.
    Close {
        /// The domain.
        domain: Name,
    },
    /// Close doubts without a new key: a quorum has examined them.
    Examined {
        /// The domain whose keys are doubted; none: the custody.
        domain: Option<Name>,
        /// The doubts, by their digest: at most [`MOST_DOUBTS`], ascending, each once.
        doubts: Vec<Hex<32>>,
    },
    /// Register a party: what it may do, and in which domains.
    Party {
        /// Its card.
        card: Box<PartyCard>,
        /// What it may do.
        role: Role,
        /// Where: at most [`MOST_DOMAINS`](crate::party::MOST_DOMAINS), ascending, each once.
        domains: Vec<Name>,
    },
    /// Deal shares of a new root, under which every living key is sealed.
    Deal {
        /// The epoch that it makes.
        epoch: Epoch,
        /// How many of how many.
        threshold: Threshold,
        /// The custodians' cards; the first gets the share with x = 1.
        cards: Vec<Card>,
        /// Keys that are not sealed under the new root, ascending by domain and generation: they
        /// are lost once it works.
        left_behind: Vec<KeyRef>,
    },
    /// Give up a dealing that does not work yet.
    Abandon {
        /// Its epoch.
        epoch: Epoch,
    },
}

/// A key, by its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRef {
    /// Its domain.
    pub domain: Name,
    /// Its generation.
    pub generation: Generation,
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
    /// What wrote it, where `prepare` did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// Who sent it; none of one that came in clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Sent>,
}

/// What wrote a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Engine {
    /// A program that is not cstatns: what it left of its data is its own affair.
    Other,
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

impl Action {
    /// Whether the requests are kept, against the scheme (R7).
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
            Self::Examined { domain, .. } => domain.as_ref(),
            Self::Party { .. } | Self::Deal { .. } | Self::Abandon { .. } => None,
        }
    }

    /// The requests that it takes, for `code` and `renew`.
    pub fn inputs(&self) -> &[Input] {
        match self {
            Self::Code { inputs, .. } | Self::Renew { inputs, .. } => inputs,
            _ => &[],
        }
    }

    /// The request that a part of its run is about; parts count from 1.
    pub fn input(&self, part: u32) -> Option<&Input> {
        self.inputs().get(part.checked_sub(1)? as usize)
    }

    /// How many requests it takes: each makes a part of its run.
    pub fn parts(&self) -> u32 {
        // More than are lawful may stand in a line that is judged.
        u32::try_from(self.inputs().len()).unwrap_or(u32::MAX)
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
            Self::Examined { .. } => "examined",
            Self::Party { .. } => "party",
            Self::Deal { .. } => "deal",
            Self::Abandon { .. } => "abandon",
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
    #[serde(deserialize_with = "whole_second")]
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
    /// Size and root of the checkpoint, if the service with these keys signed it.
    pub fn head(&self, service: &ServiceKeys) -> Option<Head> {
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
    /// The fingerprint of their card in the dealing that it is about.
    pub card: Hex<32>,
    /// How many statements this custodian has made, with this one.
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

#[cfg(test)]
mod tests;
