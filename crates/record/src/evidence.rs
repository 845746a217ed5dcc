//! What a kit can prove: its statements with the checkpoints that the service signed for them (SPEC
//! §8). An auditor compares it with the ledger.

use cstatns_base::name::{Hex, whole_number};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::card::{Card, ServiceCard};
use crate::proposal::{Action, Consent, RunId};
use crate::receipt::{Doubt, Doubted, Receipt, ReceiptStatement};
use crate::statement::{Signed, Statement, Suite};

/// A statement that a kit made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Stated {
    /// An approval.
    Consent {
        /// What was signed.
        consent: Box<Consent>,
        /// The run.
        run: RunId,
        /// What was approved.
        action: Box<Action>,
        /// The line of the ledger that holds the question, as it was.
        line: String,
        /// The checkpoint whose last line it is, as the service signed it.
        proposal: String,
        /// The checkpoint that covers the intent, if it was seen before the share was handed over.
        intent: Option<String>,
        /// In evidence, where `proposal` is empty because the run has its result: the inclusion
        /// proof of the line in the newest checkpoint.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        proof: Vec<Hex<32>>,
    },
    /// A receipt.
    Receipt {
        /// What was signed.
        receipt: Box<Receipt>,
    },
    /// A doubt.
    Doubt {
        /// What was signed.
        doubt: Box<Doubt>,
    },
}

/// What a statement is about, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum About {
    /// An approval of this.
    Consent {
        /// What was approved.
        action: Box<Action>,
    },
    /// A receipt.
    Receipt {
        /// What it states.
        statement: ReceiptStatement,
    },
    /// A doubt.
    Doubt {
        /// What is doubted.
        doubted: Doubted,
    },
}

/// Whether a ledger holds a doubt, or a later one of the same kit about the same: then it was
/// stated anew.
pub fn is_answered(
    doubt: &Doubt,
    statements: &[Stated],
    is_recorded: impl Fn(&Doubt) -> bool,
) -> bool {
    let later = |stated: &Stated| match stated {
        Stated::Doubt { doubt: later } => {
            let former = &doubt.body;
            later.body.count > former.count
                && later.body.about == former.about
                && is_recorded(later)
        }
        _ => false,
    };
    is_recorded(doubt) || statements.iter().any(later)
}

impl Stated {
    /// Its number among the statements of its custodian, from 1.
    pub fn count(&self) -> u64 {
        match self {
            Self::Consent { consent, .. } => consent.body.count,
            Self::Receipt { receipt } => receipt.body.count,
            Self::Doubt { doubt } => doubt.body.count,
        }
    }

    /// Its date.
    pub fn time(&self) -> Timestamp {
        match self {
            Self::Consent { consent, .. } => consent.body.cosignature.time,
            Self::Receipt { receipt } => receipt.body.cosignature.time,
            Self::Doubt { doubt } => doubt.body.cosignature.time,
        }
    }

    /// Whether the kit made it only because its share opens: a consent, or a receipt that says so.
    pub fn shows_share(&self) -> bool {
        match self {
            Self::Consent { .. } => true,
            Self::Receipt { receipt } => receipt.body.statement.shows_share(),
            Self::Doubt { .. } => false,
        }
    }

    /// What it is about.
    pub fn about(&self) -> About {
        match self {
            Self::Consent { action, .. } => About::Consent { action: action.clone() },
            Self::Receipt { receipt } => {
                About::Receipt { statement: receipt.body.statement.clone() }
            }
            Self::Doubt { doubt } => About::Doubt { doubted: doubt.body.about.clone() },
        }
    }
}

/// What a kit hands over for an auditor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceBody {
    /// Format version.
    pub format: u32,
    /// The suite of the codes.
    pub suite: Suite,
    /// The service that the kit follows.
    pub service: ServiceCard,
    /// The kit's newest card.
    pub card: Card,
    /// How many statements the kit has made.
    #[serde(deserialize_with = "whole_number")]
    pub count: u64,
    /// The newest checkpoint that it has seen, as the service signed it.
    pub checkpoint: String,
    /// Its statements, oldest first.
    pub statements: Vec<Stated>,
}

impl Statement for EvidenceBody {
    const LABEL: &'static str = "CStatNS/evidence/";
}

/// Signed evidence.
pub type Evidence = Signed<EvidenceBody>;

impl Evidence {
    /// Whether it is signed by the card in it.
    pub fn is_sound(&self) -> bool {
        let body = &self.body;
        body.format == crate::statement::FORMAT
            && body.card.is_sound()
            && body.service.is_sound()
            && self.is_by(&body.card.body.signing)
    }
}
