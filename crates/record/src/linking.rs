//! The ledger of a linking body (SPEC §20): of the same make as a service's, with events of its
//! own. A linking body joins coded files of a research project; its ledger says which files it
//! received, what it made of them, to whom that went, and what it destroyed.
//!
//! It is signed by the keys of the party itself. What keeps it from being rewritten are its
//! checkpoints that others hold: the heads of its parcels and its receipts carry the newest one.

mod error;
mod ledger;
mod report;
mod state;

use cstatns_base::code::{BASE32, Generation};
use cstatns_base::commitment::Commitment;
use cstatns_base::delivery::DeliveryId;
use cstatns_base::meta::ServiceId;
use cstatns_base::name::{Hex, Name, whole_number, whole_second};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::card::PartyCard;
use crate::checkpoint::Head;
use crate::ledger::event::Means;

pub use error::LinkingError;
pub use ledger::{LinkingLedger, ReadLinking, is_linking_ledger, read_linking};
pub use report::{JoinedReport, JoinedReportBody, JoinedSource};
pub use state::{Content, LinkedFile, LinkingRefusal, LinkingState, Standing};

/// The version of the format.
pub const FORMAT: u32 = 2;

/// The most sources of a joined file.
pub const MOST_SOURCES: usize = 64;

/// The id of a linking body in its ledger: its name, and 26 characters of its card's fingerprint.
pub fn linking_id(card: &PartyCard) -> String {
    let text = BASE32.encode(&card.fingerprint().0);
    format!("{}.{}", card.body.name, &text[..26])
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkingLine {
    /// Format version.
    pub format: u32,
    /// The id of the linking body ([`linking_id`]).
    pub linking: String,
    /// The line's number, from 1.
    #[serde(deserialize_with = "whole_number")]
    pub sequence: u64,
    /// The leaf hash of the line before; 32 zero bytes for the first.
    pub previous: Hex<32>,
    /// The time, which never goes back.
    #[serde(deserialize_with = "whole_second")]
    pub time: Timestamp,
    /// What the system's clock said.
    #[serde(deserialize_with = "whole_second")]
    pub clock: Timestamp,
    /// What happened.
    pub event: LinkingEvent,
}

/// What happened. A file is named by a number that is drawn at random for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum LinkingEvent {
    /// The first line: whose ledger it is.
    Founded {
        /// The card of the linking body.
        card: Box<PartyCard>,
    },
    /// A result of a service stands beside the payload that it belongs to.
    Received {
        /// The coded file.
        file: Hex<16>,
        /// The service that made the codes.
        service: ServiceId,
        /// The project.
        domain: Name,
        /// The generation of the codes.
        generation: Generation,
        /// The delivery.
        delivery: DeliveryId,
        /// The commitment of its request.
        request: Commitment,
        /// The commitment of its result.
        result: Commitment,
        /// The fingerprint of the card of who sent the payload; none where the codes of the file
        /// `of` were renewed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sender: Option<Hex<32>>,
        /// The file whose codes were renewed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<Hex<16>>,
        /// Its rows.
        #[serde(deserialize_with = "whole_number")]
        rows: u64,
        /// The service's ledger as its report has it.
        head: Head,
    },
    /// Coded files were joined into one without codes.
    Joined {
        /// The joined file.
        file: Hex<16>,
        /// The coded files, in their order.
        of: Vec<Hex<16>>,
        /// Its rows.
        #[serde(deserialize_with = "whole_number")]
        rows: u64,
    },
    /// A joined file was encrypted to who gets it.
    Released {
        /// The joined file.
        file: Hex<16>,
        /// The fingerprint of the card of who gets it.
        to: Hex<32>,
        /// The number of the parcel.
        parcel: Hex<16>,
        /// SHA-256 of the parcel, as it lies there encrypted.
        sha256: Hex<32>,
        /// The authorisation, as its reference.
        authorisation: Name,
        /// Until when an encrypted copy of the file may be kept; none where none is kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// A file was destroyed.
    Destroyed {
        /// The file.
        file: Hex<16>,
        /// Whether that was the one in clear, of which an encrypted copy is kept.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        kept: bool,
        /// How.
        how: Means,
    },
    /// The service has said that a project is over: its coded files must go.
    Notice {
        /// The service.
        service: ServiceId,
        /// The project.
        domain: Name,
        /// The service's ledger that says so.
        head: Head,
    },
}
