//! `<domain>.<party>.notice.json`: the service says to a linking body that a project is over (SPEC
//! §20).

use std::path::{Path, PathBuf};

use cstatns_base::files::{self, FileError};
use cstatns_base::meta::{SUITE, ServiceId};
use cstatns_base::name::{Hex, Name, whole_second};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::card::ServiceCard;
use crate::checkpoint::{Head, read_note};
use crate::statement::{FORMAT, Signed, Statement};

/// More than it is long, in bytes.
const LIMIT: u64 = 1 << 16;

/// The keys of a project are destroyed: its coded files must go too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NoticeBody {
    format: u32,
    suite: String,
    /// The service.
    pub service: ServiceId,
    /// The project.
    pub domain: Name,
    /// The fingerprint of the card of the linking body.
    pub to: Hex<32>,
    /// When the project's keys were destroyed.
    #[serde(deserialize_with = "whole_second")]
    pub destroyed: Timestamp,
    /// A checkpoint of the service's ledger that covers it: a signed note.
    pub checkpoint: String,
}

impl Statement for NoticeBody {
    const LABEL: &'static str = "CStatNS/notice/";
}

/// A notice, signed by the service.
pub type Notice = Signed<NoticeBody>;

impl NoticeBody {
    /// That the keys of a project were destroyed, to who linked its files.
    pub fn new(
        service: ServiceId,
        (domain, to): (Name, Hex<32>),
        destroyed: Timestamp,
        checkpoint: String,
    ) -> Self {
        let (format, suite) = (FORMAT, SUITE.to_owned());
        Self { format, suite, service, domain, to, destroyed, checkpoint }
    }
}

impl Notice {
    /// Reads one. Nothing of it is verified.
    ///
    /// # Errors
    /// [`NoticeError`].
    pub fn read(path: &Path) -> Result<Self, NoticeError> {
        let notice: Option<Self> = serde_json::from_slice(&files::read(path, LIMIT)?).ok();
        let is_known = |notice: &Self| notice.body.format == FORMAT && notice.body.suite == SUITE;
        notice.filter(is_known).ok_or_else(|| NoticeError::Form { path: path.to_owned() })
    }

    /// Verifies that the service with this card signed it and the checkpoint in it, which is
    /// returned.
    ///
    /// # Errors
    /// [`NoticeError::Signature`]; [`NoticeError::Service`] where the card is another's.
    pub fn verify(&self, path: &Path, card: &ServiceCard) -> Result<Head, NoticeError> {
        let of = || path.to_owned();
        if *self.body.service != *card.id() {
            return Err(NoticeError::Service { path: of(), found: self.body.service.clone() });
        }
        let signing = &card.body.signing;
        let head = read_note(self.body.checkpoint.as_bytes(), card.id(), signing);
        match head.filter(|_| self.is_by(signing)) {
            Some(head) => Ok(head),
            None => Err(NoticeError::Signature { path: of() }),
        }
    }

    /// The bytes of the file: indented JSON, for people read it too.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("it can be written as JSON");
        bytes.push(b'\n');
        bytes
    }
}

/// Why a notice is not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoticeError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not a notice.
    #[error("{path:?} is not a notice of this format (format {FORMAT})")]
    Form {
        /// The file.
        path: PathBuf,
    },
    /// Of another service.
    #[error("the notice {path:?} is of the service {found}, whose card was not given")]
    Service {
        /// The file.
        path: PathBuf,
        /// Its service.
        found: ServiceId,
    },
    /// Not signed by the service.
    #[error("the notice {path:?} is not signed by the service with this card")]
    Signature {
        /// The file.
        path: PathBuf,
    },
}

cstatns_base::coded!(NoticeError {
    Self::File(error) => (error),
    Self::Form { path } => ("notice-form", Input, [path]),
    Self::Service { path, found } => ("notice-service", Input, [path, service: *found]),
    Self::Signature { path } => ("notice-signature", OtherSide, [path]),
});
