//! `<file>.report.json`: the account of the run that made a result or an attached file (SPEC §6).

mod result;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cstatns_base::code::Generation;
use cstatns_base::commitment::{Commitment, Use};
use cstatns_base::delivery::DeliveryId;
use cstatns_base::files::{self, Access, FileError};
use cstatns_base::identifier::Scheme;
use cstatns_base::look_up::{LookUp, Scores};
use cstatns_base::meta::{FileMeta, service_id};
use cstatns_base::name::{Hex, LARGEST_NUMBER, Name, whole_number};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::checkpoint::Head;
use crate::requested::beside;

pub use result::{OpenedCommitment, ReportBody, SignedReport};

const LIMIT: u64 = 16 << 20;

/// The account of a run, as it lies beside an attached file. Of a [`SignedReport`] it is what both
/// say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The version of this format: [`Report::FORMAT`].
    pub format: u32,
    /// The program and its version.
    pub tool: String,
    /// The version of SPEC.md.
    pub spec: String,
    /// The service's id.
    pub service: String,
    /// The domain.
    pub domain: Name,
    /// The generation of the codes.
    pub generation: Generation,
    /// The first 16 digits of the key's check value; for an attached file, if the result's report
    /// has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<Hex<8>>,
    /// The delivery.
    pub delivery: DeliveryId,
    /// The commitment of the request, as the ledger has it.
    pub request: Commitment,
    /// The rows read.
    pub rows_in: u64,
    /// The rows written.
    pub rows_out: u64,
    /// How many of them have a code; after a look-up the words of `quality` do not show it, if its
    /// least score or last quality are not the usual ones. None in reports of programs that did not
    /// count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coded: Option<u64>,
    /// How many rows have each word of `quality`.
    pub quality: BTreeMap<String, u64>,
    /// How many rows have a score in each twentieth from 0 to 1, 1 in the last one, after a
    /// look-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<Scores>,
    /// The scheme of the identifiers that were coded; none after a renewal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// How people were looked up by civil status, if they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_up: Option<LookUp>,
    /// The day on which the key was due for renewal, where that was past when the service's run
    /// began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue_since: Option<Date>,
    /// The generations of the domain that later ones leave out (SPEC §4.3), ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<Generation>,
    /// The columns that stay beside the codes although `prepare` would have refused them, each with
    /// the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub accepted: BTreeMap<String, Name>,
    /// What was destroyed.
    pub destroyed: Vec<Destruction>,
    /// When the run began.
    pub begin: Timestamp,
    /// When it ended.
    pub end: Timestamp,
    /// The ledger's checkpoint; for an attached file, if the result's report has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Head>,
}

/// A file that was destroyed, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Destruction {
    /// Its name, without the directories that lead to it.
    pub file: String,
    /// Its size in bytes; none where nobody was there to see it, as in a report made anew after a
    /// stop.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "size")]
    pub bytes: Option<u64>,
    /// What was done: [`Destruction::OVERWRITTEN`] or [`Destruction::ABSENT`].
    pub how: String,
}

impl Destruction {
    /// What `cstatns_base::files::destroy` does, in words.
    pub const OVERWRITTEN: &str = "overwritten once with random bytes, truncated, unlinked";

    /// What is said of a file that was to be destroyed and was not there.
    pub const ABSENT: &str = "it was no longer there";

    /// What is said of a file whose place is gone for good.
    pub const LOST: &str = "its place is gone for good, as the operator states";

    /// The account of a file of so many bytes, where that is known.
    pub fn new(path: &Path, bytes: Option<u64>, how: &str) -> Self {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { file, bytes, how: how.to_owned() }
    }
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Size(#[serde(deserialize_with = "whole_number")] u64);
    Ok(Option::<Size>::deserialize(deserializer)?.map(|size| size.0))
}

/// Whether every number is a whole one that all readers of JSON hold exactly.
fn is_exact(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_u64().is_some_and(|number| number <= LARGEST_NUMBER),
        Value::Array(values) => values.iter().all(is_exact),
        Value::Object(members) => members.values().all(is_exact),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

/// Where the report of `file` lies: its name with `.report.json` after it.
pub fn report_path(file: &Path) -> PathBuf {
    beside(file, ".report.json")
}

impl Report {
    /// The version of the format.
    pub const FORMAT: u32 = 1;

    /// Where the codes of the file come from.
    pub fn meta(&self) -> FileMeta {
        FileMeta {
            service: self.service.clone(),
            domain: self.domain.clone(),
            generation: self.generation,
            delivery: self.delivery,
        }
    }

    /// What the request's rows were for.
    pub fn r#use(&self) -> Use {
        match (self.scheme, self.look_up) {
            (_, Some(_)) => Use::LookUp,
            (Some(_), None) => Use::Code,
            (None, None) => Use::Renew,
        }
    }

    /// Reads a report, of an attached file or of a result: of the second no signature is verified.
    ///
    /// # Errors
    /// [`ReportError::File`] when it cannot be read, [`ReportError::Form`] when it is not a report
    /// of this format.
    pub fn read(path: &Path) -> Result<Self, ReportError> {
        let bytes = files::read(path, LIMIT)?;
        let signed = SignedReport::of(&bytes).map(|report| Self::from(&report.body));
        signed
            .or_else(|| serde_json::from_slice::<Self>(&bytes).ok())
            .filter(|report| report.format == Self::FORMAT && service_id(&report.service).is_some())
            .filter(|report| serde_json::to_value(report).is_ok_and(|value| is_exact(&value)))
            .ok_or_else(|| ReportError::Form { path: path.to_owned() })
    }

    /// Reads the report beside `file`, if there is one.
    pub fn beside(file: &Path) -> Result<Option<Self>, ReportError> {
        match Self::read(&report_path(file)) {
            Ok(report) => Ok(Some(report)),
            Err(ReportError::File(FileError::Missing { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes it as a new file, for the owner alone.
    ///
    /// # Errors
    /// [`ReportError::File`].
    pub fn write(&self, path: &Path) -> Result<(), ReportError> {
        Ok(files::write_new(path, &self.bytes(), Access::Private)?)
    }

    /// The bytes of the file: indented JSON, for people read reports too.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a report can be written as JSON");
        bytes.push(b'\n');
        bytes
    }
}

/// Why a report was not read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not a report, or one of another format version.
    #[error("{path:?} is not a report that this version reads (format {})", Report::FORMAT)]
    Form {
        /// The file.
        path: PathBuf,
    },
    /// Not signed by the service that it is asked of.
    #[error("the report {path:?} is not signed by the service that the request was for")]
    Signature {
        /// The report.
        path: PathBuf,
    },
    /// The checkpoint in it is not signed by that service.
    #[error("the checkpoint in the report {path:?} is not signed by the service that made it")]
    Checkpoint {
        /// The report.
        path: PathBuf,
    },
    /// The file beside it is not the one that it is about.
    #[error(
        "{path:?} is about codes of another service, domain, generation or delivery than the file \
        beside it holds"
    )]
    Stale {
        /// The report.
        path: PathBuf,
    },
}

cstatns_base::coded!(ReportError {
    Self::File(error) => (error),
    Self::Form { path } => ("report-form", Input, [path]),
    Self::Signature { path } => ("report-signature", Tampering, [path]),
    Self::Checkpoint { path } => ("report-checkpoint", Tampering, [path]),
    Self::Stale { path } => ("report-stale", Input, [path]),
});
