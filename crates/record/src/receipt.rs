//! What custodians and counterparts state about shares, ledgers and files, and their doubts (SPEC
//! §8).

use cstatns_base::code::Generation;
use cstatns_base::name::{Hex, Name};
use serde::{Deserialize, Serialize};

use crate::checkpoint::Head;
use crate::dealing::Epoch;
use crate::statement::{Signed, Statement};

/// What a custodian or a counterpart states about shares and files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum ReceiptStatement {
    /// "My share of this dealing opens and is right."
    ShareHeld {
        /// The epoch.
        epoch: Epoch,
        /// The dealing's fingerprint.
        dealing: Hex<32>,
    },
    /// "My share of this epoch is destroyed."
    ShareForgotten {
        /// The epoch.
        epoch: Epoch,
    },
    /// "I have seen the ledger up to here."
    CheckpointSeen {
        /// Size and root that were seen.
        head: Head,
        /// Ed25519 over the text of the checkpoint.
        cosignature: Hex<64>,
    },
    /// "The files of this delivery are destroyed."
    FileDestroyed {
        /// The delivery.
        delivery: Hex<16>,
    },
}

/// A signed statement that a service records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptBody {
    /// Format version.
    pub format: u32,
    /// The service's id.
    pub service: String,
    /// Who states it.
    pub by: Name,
    /// The fingerprint of their card.
    pub card: Hex<32>,
    /// What is stated.
    pub statement: ReceiptStatement,
}

impl Statement for ReceiptBody {
    const LABEL: &'static str = "CStatNS/receipt/";
}

/// A signed receipt.
pub type Receipt = Signed<ReceiptBody>;

/// One custodian's doubt; it needs nobody else (R10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoubtBody {
    /// Format version.
    pub format: u32,
    /// The service's id.
    pub service: String,
    /// Who doubts.
    pub by: Name,
    /// The fingerprint of their card.
    pub card: Hex<32>,
    /// The domain doubted; none: the custody as a whole.
    pub domain: Option<Name>,
    /// The generation doubted, where a domain is named.
    pub generation: Option<Generation>,
    /// The ledger as it was, so that the statement cannot be used again later.
    pub head: Head,
}

impl Statement for DoubtBody {
    const LABEL: &'static str = "CStatNS/doubt/";
}

/// A signed doubt.
pub type Doubt = Signed<DoubtBody>;
