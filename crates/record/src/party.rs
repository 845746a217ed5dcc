//! Parties of a service: what a body may do in which domain, and the one-time keys that its
//! requests are encrypted to (SPEC §19).

use std::fmt;

use cstatns_base::name::{Hex, Name, digest, whole_second};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::statement::{FORMAT, Signed, Statement, Suite};

/// The most domains of a registration.
pub const MOST_DOMAINS: usize = 64;

/// The most request keys that live at a time.
pub const MOST_REQUEST_KEYS: usize = 1024;

/// The longest that a request key lives, in days.
pub const LONGEST_REQUEST_KEY: u32 = 30;

/// What a party may do in a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Role {
    /// Has data of its own, sends requests, gets results.
    Controller,
    /// Holds data for a controller, and sends its requests; the results go to the controller.
    Holder,
    /// Links coded files of a research project, and has no other role anywhere.
    Linking,
    /// Gets what the linking body makes of a research project.
    Researcher,
    /// Keeps a register in which people are looked up.
    Register,
}

impl Role {
    /// The role, as the ledger spells it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Controller => "controller",
            Self::Holder => "holder",
            Self::Linking => "linking",
            Self::Researcher => "researcher",
            Self::Register => "register",
        }
    }

    /// Whether it sends requests to the service.
    pub fn sends_requests(self) -> bool {
        matches!(self, Self::Controller | Self::Holder | Self::Linking)
    }

    /// Whether it is one of research projects only.
    pub fn is_of_research(self) -> bool {
        matches!(self, Self::Linking | Self::Researcher)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Controller => "controller",
            Self::Holder => "holder for a controller",
            Self::Linking => "linking body",
            Self::Researcher => "researcher",
            Self::Register => "keeper of a register",
        })
    }
}

/// A one-time key that requests of one party in one domain are encrypted to. Its private half lies
/// with the service's life secrets only, and is destroyed once they are coded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestKeyBody {
    /// Format version.
    pub format: u32,
    /// The suite of the codes.
    pub suite: Suite,
    /// The service's id.
    pub service: String,
    /// The domain.
    pub domain: Name,
    /// The fingerprint of the party's card.
    pub party: Hex<32>,
    /// Its number, drawn at random.
    pub key: Hex<16>,
    /// X-Wing public key.
    pub public: Hex<1216>,
    /// When it was made.
    #[serde(deserialize_with = "whole_second")]
    pub made: Timestamp,
    /// When it is destroyed, used or not.
    #[serde(deserialize_with = "whole_second")]
    pub expires: Timestamp,
    /// The checkpoint that covers its event, as a note that the service signed.
    pub checkpoint: String,
}

impl Statement for RequestKeyBody {
    const LABEL: &'static str = "CStatNS/request-key/";
}

/// A request key, signed by the service.
pub type RequestKey = Signed<RequestKeyBody>;

impl RequestKey {
    /// Whether it is of a known format and the service with this signing key signed it.
    pub fn is_sound(&self, signing: &Hex<32>) -> bool {
        self.body.format == FORMAT && self.body.made < self.body.expires && self.is_by(signing)
    }
}

/// How the ledger names the public half of a request key: SHA-256("CStatNS/request-public/" ‖
/// canonical JSON string of it).
pub fn request_public_digest(public: &Hex<1216>) -> Hex<32> {
    digest("CStatNS/request-public/", public)
}
