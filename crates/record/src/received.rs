//! `<out>.receipt.json`: what a controller gives back to the service once the codes of a delivery
//! stand beside its data (SPEC §6).

use std::path::{Path, PathBuf};

use cstatns_base::code::Generation;
use cstatns_base::commitment::Commitment;
use cstatns_base::delivery::DeliveryId;
use cstatns_base::files::{self, FileError};
use cstatns_base::meta::SUITE;
use cstatns_base::name::{Name, whole_number};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::report::ReportBody;
use crate::requested::beside;

/// More than it is long, in bytes.
const LIMIT: u64 = 1 << 16;
pub(crate) const FORMAT: u32 = 1;

/// A delivery that its controller has: whoever verified the result knows what stands in it. It is
/// not signed, so the service records it as its operator's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Received {
    format: u32,
    suite: String,
    /// The service that made the result.
    pub service: String,
    /// The domain.
    pub domain: Name,
    /// The generation of the codes.
    pub generation: Generation,
    /// The delivery.
    pub delivery: DeliveryId,
    /// The commitment of the request.
    pub request: Commitment,
    /// The commitment of the result, with which its rows were compared.
    pub result: Commitment,
    /// Its rows.
    #[serde(deserialize_with = "whole_number")]
    pub rows: u64,
    /// How many of them have a code.
    #[serde(deserialize_with = "whole_number")]
    pub coded: u64,
    /// When the codes stood beside the data.
    pub received: Timestamp,
}

impl Received {
    /// Of a result that was verified by its report.
    pub fn of(report: &ReportBody, received: Timestamp) -> Self {
        Self {
            format: FORMAT,
            suite: SUITE.to_owned(),
            service: report.service.clone(),
            domain: report.domain.clone(),
            generation: report.generation,
            delivery: report.delivery,
            request: report.request,
            result: report.result.commitment,
            rows: report.rows_out,
            coded: report.coded,
            received,
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`ReceivedError::File`] when it cannot be read, [`ReceivedError::Form`] when it is not of
    /// this format.
    pub fn read(path: &Path) -> Result<Self, ReceivedError> {
        let received = serde_json::from_slice::<Self>(&files::read(path, LIMIT)?).ok();
        received
            .filter(|received| received.format == FORMAT && received.suite == SUITE)
            .ok_or_else(|| ReceivedError::Form { path: path.to_owned() })
    }

    /// The bytes of the file: indented JSON, for people read it too.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("it can be written as JSON");
        bytes.push(b'\n');
        bytes
    }
}

/// Where the receipt of an attached file lies: its name with `.receipt.json` after it.
pub fn received_path(attached: &Path) -> PathBuf {
    beside(attached, ".receipt.json")
}

/// Why it was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceivedError {
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not a receipt of a delivery, or of another format version.
    #[error("{path:?} is not the receipt of a delivery (format {FORMAT})")]
    Form {
        /// The file.
        path: PathBuf,
    },
}

cstatns_base::coded!(ReceivedError {
    Self::File(error) => (error),
    Self::Form { path } => ("received-form", Input, [path]),
});
