//! Which key a seal holds.

use std::fmt;

use cstatns_base::code::Generation;
use cstatns_base::domain::{CheckValue, Kind};
use cstatns_base::name::Name;
use cstatns_record::dealing::Epoch;
use cstatns_record::statement::Suite;
use serde::{Deserialize, Serialize};

/// Which key, and what it is bound to: the associated data of its seal, in canonical JSON behind
/// the label "CStatNS/seal/2/".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct KeyLabel {
    /// Format version.
    pub format: u32,
    /// The suite of the codes.
    pub suite: Suite,
    /// The service's id.
    pub service: String,
    /// The epoch whose root opens the seal.
    pub epoch: Epoch,
    /// The key's domain.
    pub domain: Name,
    /// What the domain is for.
    pub kind: KeyKind,
    /// Its generation.
    pub generation: Generation,
    /// Its check value.
    pub check: CheckValue,
}

/// What a key's domain is for, which decides what opens its seal: a project's key needs a life
/// secret beside the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum KeyKind {
    /// The statistical domain.
    Statistics,
    /// A research project.
    Research,
}

impl From<&Kind> for KeyKind {
    fn from(kind: &Kind) -> Self {
        if kind.is_research() { Self::Research } else { Self::Statistics }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Statistics => "statistics",
            Self::Research => "research",
        })
    }
}

/// A key's place: everything of its label but the check value, which follows from the key.
#[derive(Clone, Copy, Debug)]
pub struct KeyPlace<'a> {
    /// The service's id.
    pub service: &'a str,
    /// The epoch whose root opens the seal.
    pub epoch: Epoch,
    /// The key's domain.
    pub domain: &'a Name,
    /// What the domain is for.
    pub kind: Kind,
    /// The key's generation.
    pub generation: Generation,
}

impl KeyPlace<'_> {
    /// The label of the key with this check value.
    pub fn label(&self, check: CheckValue) -> KeyLabel {
        KeyLabel {
            format: super::FORMAT,
            suite: Suite::default(),
            service: self.service.to_owned(),
            epoch: self.epoch,
            domain: self.domain.clone(),
            kind: (&self.kind).into(),
            generation: self.generation,
            check,
        }
    }
}
