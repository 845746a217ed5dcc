//! `<out>.report.json` beside a joined file: what a linking body states about it (SPEC §20).

use std::collections::BTreeMap;

use cstatns_base::code::Generation;
use cstatns_base::meta::ServiceId;
use cstatns_base::name::{Hex, Name, whole_number, whole_second};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::statement::{Signed, Statement};

/// What a linking body states about a file that it joined. Nothing in it is of one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinedReportBody {
    /// Format version.
    pub format: u32,
    /// The program and its version.
    pub tool: String,
    /// The version of SPEC.md.
    pub spec: String,
    /// The linking body's id.
    pub linking: String,
    /// The number of the file.
    pub file: Hex<16>,
    /// The service of the codes that it was joined by.
    pub service: ServiceId,
    /// Their domain.
    pub domain: Name,
    /// Their generation.
    pub generation: Generation,
    /// Which rows came out: `inner`, `left` or `full`.
    pub how: String,
    /// Whether people may have several rows in more than one source.
    pub many: bool,
    /// How many people of each source were to be matched at least.
    pub least: u32,
    /// Its rows.
    #[serde(deserialize_with = "whole_number")]
    pub rows: u64,
    /// The people that they are of; those without a code are counted nowhere.
    #[serde(deserialize_with = "whole_number")]
    pub people: u64,
    /// The sources, in their order.
    pub sources: Vec<JoinedSource>,
    /// The columns that were accepted although the guard would refuse them, each with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub accepted: BTreeMap<String, Name>,
    /// When.
    #[serde(deserialize_with = "whole_second")]
    pub made: Timestamp,
    /// The checkpoint of the linking body's ledger before it records the file: a signed note.
    pub checkpoint: String,
}

/// What a source held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinedSource {
    /// What it is called.
    pub name: Name,
    /// The number of the coded file.
    pub file: Hex<16>,
    /// Its rows.
    #[serde(deserialize_with = "whole_number")]
    pub rows: u64,
    /// Those of them that have no code.
    #[serde(deserialize_with = "whole_number")]
    pub without_code: u64,
    /// Its people.
    #[serde(deserialize_with = "whole_number")]
    pub people: u64,
    /// Those who have several rows.
    #[serde(deserialize_with = "whole_number")]
    pub repeated: u64,
    /// Those who were matched: who are in all other sources (`inner`), or in another one.
    #[serde(deserialize_with = "whole_number")]
    pub matched: u64,
    /// The others.
    #[serde(deserialize_with = "whole_number")]
    pub unmatched: u64,
}

impl Statement for JoinedReportBody {
    const LABEL: &'static str = "CStatNS/joined-report/";
}

/// The report beside a joined file, signed by the linking body.
pub type JoinedReport = Signed<JoinedReportBody>;

impl JoinedReport {
    /// The bytes of the file: indented JSON, for people read it too.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a report can be written as JSON");
        bytes.push(b'\n');
        bytes
    }
}
