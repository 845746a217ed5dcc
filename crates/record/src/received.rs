//! `<out>.receipt.json`: what a controller gives back to the service once the codes of a delivery
//! stand beside its data (SPEC §6).

use std::path::{Path, PathBuf};

use cstatns_base::code::Generation;
use cstatns_base::commitment::Commitment;
use cstatns_base::delivery::DeliveryId;
use cstatns_base::files::{self, FileError};
use cstatns_base::meta::SUITE;
use cstatns_base::name::{Hex, Name, whole_number, whole_second};
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::report::ReportBody;
use crate::requested::beside;
use crate::statement::{Signed, Statement};

/// More than it is long, in bytes.
const LIMIT: u64 = 1 << 16;
pub(crate) const FORMAT: u32 = 2;

/// A delivery that its controller has: whoever verified the result knows what stands in it. Where
/// nobody signs it, the service records it as its operator's word.
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
    /// When the codes stood beside the data.
    #[serde(deserialize_with = "whole_second")]
    pub received: Timestamp,
    /// How many files with identifiers, or with what says whose a code is, are destroyed since.
    #[serde(deserialize_with = "whole_number")]
    pub destroyed: u64,
    /// The fingerprint of the card of the party that signs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Hex<32>>,
    /// The newest checkpoint of the service that it knows, as the service signed it: a signed note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
}

impl Statement for Received {
    const LABEL: &'static str = "CStatNS/received/";
}

/// A receipt that the party signed which has the delivery.
pub type SignedReceived = Signed<Received>;

/// A receipt as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceivedFile {
    /// One that nobody signed.
    Unsigned(Received),
    /// One that says who signed it; whether they did is not verified yet.
    Signed(SignedReceived),
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
            received,
            destroyed: 0,
            by: None,
            checkpoint: None,
        }
    }

    /// The same once so many files are destroyed.
    #[must_use]
    pub fn with_destroyed(self, files: u64) -> Self {
        Self { destroyed: files, ..self }
    }

    /// Signs it for the party with this card, which knows this checkpoint.
    pub fn signed(self, by: Hex<32>, checkpoint: String, key: &SigningKey) -> SignedReceived {
        Signed::new(Self { by: Some(by), checkpoint: Some(checkpoint), ..self }, key)
    }

    /// Whether it is of a format and a suite that this version knows.
    pub(crate) fn is_known(&self) -> bool {
        self.format == FORMAT && self.suite == SUITE
    }

    /// The bytes of the file: indented JSON, for people read it too.
    pub fn bytes(&self) -> Vec<u8> {
        indented(self)
    }
}

impl SignedReceived {
    /// The bytes of the file: indented JSON, for people read it too.
    pub fn bytes(&self) -> Vec<u8> {
        indented(self)
    }
}

fn indented(receipt: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(receipt).expect("it can be written as JSON");
    bytes.push(b'\n');
    bytes
}

impl ReceivedFile {
    /// Reads a receipt, signed or not.
    ///
    /// # Errors
    /// [`ReceivedError::File`] when it cannot be read, [`ReceivedError::Form`] when it is not of
    /// this format.
    pub fn read(path: &Path) -> Result<Self, ReceivedError> {
        let bytes = files::read(path, LIMIT)?;
        let signed = serde_json::from_slice::<SignedReceived>(&bytes).ok();
        let says_who = |body: &Received| (body.by.is_some(), body.checkpoint.is_some());
        let signed = signed
            .filter(|signed| signed.body.is_known() && says_who(&signed.body) == (true, true));
        let read = signed.map(Self::Signed).or_else(|| {
            let plain = serde_json::from_slice::<Received>(&bytes).ok();
            plain
                .filter(|plain| plain.is_known() && says_who(plain) == (false, false))
                .map(Self::Unsigned)
        });
        read.ok_or_else(|| ReceivedError::Form { path: path.to_owned() })
    }

    /// What it says.
    pub fn received(&self) -> &Received {
        match self {
            Self::Unsigned(received) => received,
            Self::Signed(signed) => &signed.body,
        }
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
