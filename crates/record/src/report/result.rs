//! The report of a result, signed by the service that made it.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use cstatns_base::code::Generation;
use cstatns_base::commitment::{Commitment, CommitmentKey, Context, Use};
use cstatns_base::delivery::DeliveryId;
use cstatns_base::domain::CheckValue;
use cstatns_base::files;
use cstatns_base::identifier::Scheme;
use cstatns_base::look_up::{LookUp, Score, Scores};
use cstatns_base::meta::{FileMeta, SUITE, service_id};
use cstatns_base::name::{Hex, Name, whole_number, whole_number_if_any, whole_second};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::checkpoint::{Checkpoint, Head, Note, read_note};
use crate::statement::{Signed, Statement};

use super::{Destruction, LIMIT, Report, ReportError};

/// What a service states about a result that it made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportBody {
    /// The version of this format: [`ReportBody::FORMAT`].
    pub format: u32,
    /// The program and its version.
    pub tool: String,
    /// The version of SPEC.md.
    pub spec: String,
    /// The suite.
    pub suite: String,
    /// The service's id.
    pub service: String,
    /// The domain.
    pub domain: Name,
    /// The generation of the codes.
    pub generation: Generation,
    /// What the request's rows were for.
    pub r#use: Use,
    /// The check value of the key that made the codes.
    pub check: CheckValue,
    /// The delivery.
    pub delivery: DeliveryId,
    /// The commitment of the request, as the ledger has it.
    pub request: Commitment,
    /// The commitment of the result, as the ledger has it, and what opens it.
    pub result: OpenedCommitment,
    /// The fingerprint of the recipient's card; none: the person who brought the request.
    pub recipient: Option<Hex<32>>,
    /// The fingerprint of the card of who sent the request; none of one that came in clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Hex<32>>,
    /// The fewest distinct values of a run in the domain: whoever joins the codes keeps to it too.
    /// None in reports of programs that did not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_batch: Option<u32>,
    /// The rows read.
    #[serde(deserialize_with = "whole_number")]
    pub rows_in: u64,
    /// The rows written.
    #[serde(deserialize_with = "whole_number")]
    pub rows_out: u64,
    /// How many of them have a code.
    #[serde(deserialize_with = "whole_number")]
    pub coded: u64,
    /// How many codes a second process recomputed before the result got its name, and found the
    /// same; none where it was not asked for.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "whole_number_if_any"
    )]
    pub rechecked: Option<u64>,
    /// How many rows have each word of `quality`; empty for a renewal.
    #[serde(deserialize_with = "counts")]
    pub quality: BTreeMap<String, u64>,
    /// How many rows have a score in each twentieth from 0 to 1, 1 in the last one, after a
    /// look-up.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "scores")]
    pub scores: Option<Scores>,
    /// The scheme of the identifiers that were coded; none after a renewal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// How people were looked up by civil status, if they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_up: Option<LookUp>,
    /// The day on which the key was due for renewal, where that was past when the run began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue_since: Option<Date>,
    /// The generations of the domain that later ones leave out, ascending: their keys are lost, or
    /// may have been made in a run that a recovery ended. Their codes are renewed no further.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<Generation>,
    /// The columns that stay beside the codes although `prepare` would have refused them, each with
    /// the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "once")]
    pub accepted: BTreeMap<String, Name>,
    /// What was destroyed.
    pub destroyed: Vec<Destruction>,
    /// When the run began.
    #[serde(deserialize_with = "whole_second")]
    pub begin: Timestamp,
    /// When it ended.
    #[serde(deserialize_with = "whole_second")]
    pub end: Timestamp,
    /// A checkpoint of the ledger that covers the result, as the service signed it: a signed note.
    pub checkpoint: String,
}

/// A commitment and the random bytes that open it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenedCommitment {
    /// The commitment.
    pub commitment: Commitment,
    /// The random bytes.
    pub key: Hex<32>,
}

impl OpenedCommitment {
    /// The random bytes, to compute it again.
    pub fn key(&self) -> CommitmentKey {
        CommitmentKey::from_hex(&self.key.to_string()).expect("it is hexadecimal")
    }
}

impl Statement for ReportBody {
    const LABEL: &'static str = "CStatNS/report/";
}

/// The report beside a result, signed by the service.
pub type SignedReport = Signed<ReportBody>;

impl ReportBody {
    /// The version of the format.
    pub const FORMAT: u32 = 2;

    /// Where the codes of the result come from.
    pub fn meta(&self) -> FileMeta {
        FileMeta {
            service: self.service.clone(),
            domain: self.domain.clone(),
            generation: self.generation,
            delivery: self.delivery,
        }
    }

    /// What the commitment of the result is about.
    pub fn context(&self) -> Context {
        Context::result(&self.meta(), self.r#use, &self.request)
    }
}

impl SignedReport {
    /// Reads the report of a result. Nothing of it is verified: see [`SignedReport::verify`].
    ///
    /// # Errors
    /// [`ReportError::File`] when it cannot be read, [`ReportError::Form`] when it is not a signed
    /// report of this format.
    pub fn read(path: &Path) -> Result<Self, ReportError> {
        let bytes = files::read(path, LIMIT)?;
        Self::of(&bytes).ok_or_else(|| ReportError::Form { path: path.to_owned() })
    }

    /// The report that these bytes are, if they are one of this format. Nothing of it is verified.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let report: Self = serde_json::from_slice(bytes).ok()?;
        let ReportBody { format, suite, service, .. } = &report.body;
        let known = *format == ReportBody::FORMAT && suite == SUITE;
        (known && service_id(service).is_some()).then_some(report)
    }

    /// Verifies that the service with this key signed the report, and the checkpoint in it. Returns
    /// that checkpoint.
    ///
    /// # Errors
    /// [`ReportError::Signature`], [`ReportError::Checkpoint`].
    pub fn verify(&self, path: &Path, signing: &Hex<32>) -> Result<Head, ReportError> {
        if !self.is_by(signing) {
            return Err(ReportError::Signature { path: path.to_owned() });
        }
        read_note(self.body.checkpoint.as_bytes(), &self.body.service, signing)
            .ok_or_else(|| ReportError::Checkpoint { path: path.to_owned() })
    }

    /// Writes it as a new file, for the owner alone.
    ///
    /// # Errors
    /// [`ReportError::File`].
    pub fn write(&self, path: &Path) -> Result<(), ReportError> {
        Ok(files::write_new(path, &self.bytes(), files::Access::Private)?)
    }

    /// The bytes of the file: indented JSON, for people read reports too.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a report can be written as JSON");
        bytes.push(b'\n');
        bytes
    }
}

impl From<&ReportBody> for Report {
    fn from(body: &ReportBody) -> Self {
        let note = Note::parse(body.checkpoint.as_bytes()).ok();
        let checkpoint = note.and_then(|note| Checkpoint::parse(note.text()).ok());
        Self {
            format: Self::FORMAT,
            tool: body.tool.clone(),
            spec: body.spec.clone(),
            service: body.service.clone(),
            domain: body.domain.clone(),
            generation: body.generation,
            key_id: body.check.0.first_chunk().copied().map(Hex),
            delivery: body.delivery,
            request: body.request,
            rows_in: body.rows_in,
            rows_out: body.rows_out,
            coded: Some(body.coded),
            quality: body.quality.clone(),
            scores: body.scores,
            scheme: body.scheme,
            look_up: body.look_up,
            overdue_since: body.overdue_since,
            left_out: body.left_out.clone(),
            accepted: body.accepted.clone(),
            destroyed: body.destroyed.clone(),
            begin: body.begin,
            end: body.end,
            checkpoint: checkpoint
                .map(|checkpoint| Head { size: checkpoint.size(), root: checkpoint.root() }),
        }
    }
}

/// A whole number that all readers of JSON hold exactly.
#[derive(Deserialize)]
#[serde(transparent)]
struct Whole(#[serde(deserialize_with = "whole_number")] u64);

/// Reads members by name, each once.
struct Once<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for Once<V> {
    type Value = BTreeMap<String, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("members, each once")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member stands twice"));
            }
        }
        Ok(members)
    }
}

fn once<'de, D: Deserializer<'de>, V: Deserialize<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, V>, D::Error> {
    deserializer.deserialize_map(Once(PhantomData))
}

fn counts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, u64>, D::Error> {
    let counts: BTreeMap<String, Whole> = once(deserializer)?;
    Ok(counts.into_iter().map(|(word, count)| (word, count.0)).collect())
}

fn scores<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Scores>, D::Error> {
    let scores = Option::<[Whole; Score::STEPS]>::deserialize(deserializer)?;
    Ok(scores.map(|scores| scores.map(|score| score.0)))
}
