//! What custodians and counterparts state about shares, ledgers and files, and their doubts (SPEC
//! §8).

use cstatns_base::code::Generation;
use cstatns_base::delivery::DeliveryId;
use cstatns_base::name::{Hex, Name, whole_number};
use serde::{Deserialize, Serialize};

use crate::checkpoint::Cosignature;
use crate::dealing::Epoch;
use crate::statement::{Signed, Statement, Suite};

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
    /// "My share opens and is right, and I have seen the ledger up to the checkpoint that I
    /// cosigned."
    CheckpointSeen {},
    /// "The service signs with this key from now on, in place of that one."
    ServiceKey {
        /// The new Ed25519 public key.
        key: Hex<32>,
        /// The one that it replaces.
        replaces: Hex<32>,
    },
    /// "The party with this card has no role any more, in any domain."
    PartyEnded {
        /// The fingerprint of its card.
        party: Hex<32>,
    },
    /// "The files of this delivery are destroyed."
    FileDestroyed {
        /// The delivery.
        delivery: DeliveryId,
    },
}

impl ReceiptStatement {
    /// Whether it states that a share opens: a kit makes it only then.
    pub fn shows_share(&self) -> bool {
        matches!(self, Self::ShareHeld { .. } | Self::CheckpointSeen {})
    }
}

/// A signed statement that a service records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptBody {
    /// Format version.
    pub format: u32,
    /// The suite of the codes.
    pub suite: Suite,
    /// The service's id.
    pub service: String,
    /// Who states it.
    pub by: Name,
    /// The fingerprint of their card in the dealing that it is about.
    pub card: Hex<32>,
    /// How many statements this custodian has made, with this one.
    #[serde(deserialize_with = "whole_number")]
    pub count: u64,
    /// The cosignature of the ledger's checkpoint as it was: its date is the receipt's.
    pub cosignature: Cosignature,
    /// What is stated.
    pub statement: ReceiptStatement,
}

impl Statement for ReceiptBody {
    const LABEL: &'static str = "CStatNS/receipt/";
}

/// A signed receipt.
pub type Receipt = Signed<ReceiptBody>;

/// What a doubt is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Doubted {
    /// One key, of any generation that ever was.
    Key {
        /// Its domain.
        domain: Name,
        /// Its generation.
        generation: Generation,
    },
    /// The custody of one epoch, and with it every present key.
    Custody {
        /// The epoch: the working one, or one that is pending.
        epoch: Epoch,
    },
}

/// One custodian's doubt; it needs nobody else (R10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoubtBody {
    /// Format version.
    pub format: u32,
    /// The suite of the codes.
    pub suite: Suite,
    /// The service's id.
    pub service: String,
    /// Who doubts.
    pub by: Name,
    /// The fingerprint of their card in the dealing that it is about.
    pub card: Hex<32>,
    /// How many statements this custodian has made, with this one.
    #[serde(deserialize_with = "whole_number")]
    pub count: u64,
    /// What is doubted.
    pub about: Doubted,
    /// The cosignature of the ledger's checkpoint as it was: its date is the doubt's.
    pub cosignature: Cosignature,
}

impl Statement for DoubtBody {
    const LABEL: &'static str = "CStatNS/doubt/";
}

/// A signed doubt.
pub type Doubt = Signed<DoubtBody>;
