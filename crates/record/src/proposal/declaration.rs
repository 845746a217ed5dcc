//! What the sender of a request in a parcel states about it, outside its encryption, for those who
//! approve it before anybody can open it (SPEC §19.7).

use cstatns_base::code::Generation;
use cstatns_base::commitment::{Commitment, Use};
use cstatns_base::identifier::Scheme;
use cstatns_base::name::{Hex, Name, whole_number};
use serde::{Deserialize, Serialize};

use crate::statement::{FORMAT, Signed, Statement, Suite};

use super::{Action, Engine, Input};

/// What a request holds, and for whom it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclarationBody {
    /// Format version.
    pub format: u32,
    /// The suite of the codes.
    pub suite: Suite,
    /// The service's id.
    pub service: String,
    /// The domain.
    pub domain: Name,
    /// What its rows are for.
    pub r#use: Use,
    /// The scheme of what is coded; none of a renewal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// Of a renewal, the generation of the codes given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<Generation>,
    /// Its commitment.
    pub commitment: Commitment,
    /// Its rows.
    #[serde(deserialize_with = "whole_number")]
    pub rows: u64,
    /// The rows that have a value.
    #[serde(deserialize_with = "whole_number")]
    pub values: u64,
    /// How many of the values are distinct, as in [`Input`].
    #[serde(deserialize_with = "whole_number")]
    pub distinct: u64,
    /// What wrote it, where `prepare` did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// The request key that it is encrypted to.
    pub key: Hex<16>,
    /// The fingerprint of the card of who sends it.
    pub sender: Hex<32>,
    /// The fingerprint of the card of the controller that a holder sends it for.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub controller: Option<Hex<32>>,
}

impl Statement for DeclarationBody {
    const LABEL: &'static str = "CStatNS/declaration/";
}

/// A signed declaration.
pub type Declaration = Signed<DeclarationBody>;

impl Declaration {
    /// Whether it is of a format that this version knows.
    pub fn is_known(&self) -> bool {
        self.body.format == FORMAT
    }

    /// The request as custodians are asked about it.
    pub fn input(&self) -> Input {
        let DeclarationBody {
            commitment,
            rows,
            values,
            distinct,
            engine,
            key,
            sender,
            controller,
            ..
        } = self.body;
        let sent = Some(Sent { key, sender, controller, signature: self.signature });
        Input { commitment, rows, values, distinct, engine, sent }
    }
}

/// Who sent a request in a parcel, and signed for what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// The request key that it is encrypted to.
    pub key: Hex<16>,
    /// The fingerprint of the sender's card.
    pub sender: Hex<32>,
    /// The fingerprint of the card of the controller that a holder sends it for.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub controller: Option<Hex<32>>,
    /// The signature of its [`Declaration`].
    pub signature: Hex<64>,
}

impl Sent {
    /// The fingerprint of the card of whose request it is: the sender's, or the controller's that
    /// the sender holds data for.
    pub fn owner(&self) -> &Hex<32> {
        self.controller.as_ref().unwrap_or(&self.sender)
    }
}

impl Action {
    /// What the sender of one of its requests has signed, if it came in a parcel.
    pub fn declaration(&self, service: &str, input: &Input) -> Option<Declaration> {
        let (domain, r#use, scheme, generation) = match self {
            Self::Code { domain, scheme, look_up: None, .. } => {
                (domain, Use::Code, Some(*scheme), None)
            }
            Self::Code { domain, scheme, .. } => (domain, Use::LookUp, Some(*scheme), None),
            Self::Renew { domain, from, .. } => (domain, Use::Renew, None, Some(*from)),
            _ => return None,
        };
        let Sent { key, sender, controller, signature } = input.sent?;
        let Input { commitment, rows, values, distinct, engine, .. } = *input;
        let body = DeclarationBody {
            format: FORMAT,
            suite: Suite::default(),
            service: service.to_owned(),
            domain: domain.clone(),
            r#use,
            scheme,
            generation,
            commitment,
            rows,
            values,
            distinct,
            engine,
            key,
            sender,
            controller,
        };
        Some(Signed { body, signature })
    }

    /// The card of whom its results go to, for `code` and `renew`.
    pub fn recipient(&self) -> Option<&Hex<32>> {
        match self {
            Self::Code { recipient, .. } | Self::Renew { recipient, .. } => recipient.as_ref(),
            _ => None,
        }
    }
}
