//! `<request>.manifest.json`: what travels beside a request and is destroyed with it (SPEC §6).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cstatns_base::civil_status::SCHEME;
use cstatns_base::civil_status::request::{COLUMNS, IDENTIFIER};
use cstatns_base::code::{Generation, Tag};
use cstatns_base::commitment::{Commitment, CommitmentKey, Context, Use};
use cstatns_base::delivery::DeliveryId;
use cstatns_base::files::{self, Access, FileError};
use cstatns_base::identifier::Scheme;
use cstatns_base::meta::{SUITE, ServiceId};
use cstatns_base::name::{Hex, Name, whole_number};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::proposal::{Engine, Input, are_deliveries};
use crate::requested::{Data, Requested, beside};

pub(crate) const FORMAT: u32 = 2;
const LIMIT: u64 = 16 << 20;
/// The most bytes of names of columns whose risk is accepted.
const ACCEPTED: usize = 32 << 10;

/// What a request holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Identifiers, to be coded.
    Identifiers {
        /// Their scheme.
        scheme: Scheme,
    },
    /// Codes, to be renewed.
    Codes {
        /// The tag that every one of them carries.
        tag: Tag,
        /// The generation of every one of them.
        generation: Generation,
    },
    /// Civil status, to be looked up and coded.
    CivilStatus {
        /// Whether there is a column of identifiers too.
        identifier: bool,
    },
}

impl Content {
    /// The names of a request's columns behind `index`.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Identifiers { .. } => &COLUMNS[IDENTIFIER..],
            Self::Codes { .. } => &["code"],
            Self::CivilStatus { identifier } => &COLUMNS[..IDENTIFIER + usize::from(identifier)],
        }
    }

    /// The scheme of its identifiers, those that are looked up included; codes do not say theirs.
    pub fn scheme(self) -> Option<Scheme> {
        match self {
            Self::Identifiers { scheme } => Some(scheme),
            Self::Codes { .. } => None,
            Self::CivilStatus { .. } => Some(SCHEME),
        }
    }

    /// The generation of its codes.
    pub fn generation(self) -> Option<Generation> {
        match self {
            Self::Codes { generation, .. } => Some(generation),
            Self::Identifiers { .. } | Self::CivilStatus { .. } => None,
        }
    }

    /// What its rows are for.
    pub fn r#use(self) -> Use {
        match self {
            Self::Identifiers { .. } => Use::Code,
            Self::Codes { .. } => Use::Renew,
            Self::CivilStatus { .. } => Use::LookUp,
        }
    }

    /// What a commitment to it begins with, for a domain of a service.
    pub fn context(self, service: &str, domain: &Name) -> Context {
        Context::request(service, domain, self.r#use(), self.scheme(), self.generation())
    }
}

/// The manifest of a request. It holds the secret of the commitment, so it has no `Debug`.
pub struct Manifest {
    /// The service that the request is for.
    pub service: ServiceId,
    /// The domain that it is for.
    pub domain: Name,
    /// What it holds; of codes the tag is that of the domain.
    pub content: Content,
    /// Its counts and its commitment.
    pub input: Input,
    /// The secret `r` of the commitment.
    pub key: CommitmentKey,
    /// The deliveries that the codes of a renewal came from, as the report beside the data said.
    pub previous: Vec<DeliveryId>,
    /// The columns that stay with the controller although they are a risk, each with the reason.
    pub accepted: BTreeMap<String, Name>,
}

/// The manifest as it stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    format: u32,
    suite: &'a str,
    service: ServiceId,
    domain: Name,
    r#use: Use,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scheme: Option<Scheme>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    generation: Option<Generation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    identifier: Option<bool>,
    #[serde(deserialize_with = "whole_number")]
    rows: u64,
    #[serde(deserialize_with = "whole_number")]
    values: u64,
    #[serde(deserialize_with = "whole_number")]
    distinct: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    engine: Option<Engine>,
    commitment: Commitment,
    // Borrowed from the file's bytes: a string of its own would not be wiped.
    key: &'a str,
    previous: Vec<DeliveryId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    accepted: Vec<Accepted>,
}

/// A column whose risk is accepted: each once, ascending.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    column: String,
    reason: Name,
}

/// Whether so many risks go into a manifest.
pub fn fit<'a>(mut columns: impl Iterator<Item = &'a str>) -> bool {
    columns
        .try_fold(0, |bytes, column| {
            Some(bytes + column.len() + 64).filter(|bytes| *bytes <= ACCEPTED)
        })
        .is_some()
}

/// Where the manifest of `request` lies: the request's name with `.manifest.json` after it.
pub fn manifest_path(request: &Path) -> PathBuf {
    beside(request, ".manifest.json")
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`ManifestError::File`] when it cannot be read, [`ManifestError::Form`] when it is not a
    /// manifest of this format.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        let bytes = Zeroizing::new(files::read(path, LIMIT)?);
        Self::parse(&bytes).ok_or_else(|| ManifestError::Form { path: path.to_owned() })
    }

    /// The manifest that these bytes are, if they are one of this format.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let written: Written<'_> = serde_json::from_slice(bytes).ok()?;
        let Written { service, domain, r#use, scheme, generation, identifier, .. } = &written;
        let content = match (*r#use, *scheme, *generation, *identifier) {
            (Use::Code, Some(scheme), None, None) => Content::Identifiers { scheme },
            (Use::Renew, None, Some(generation), None) => {
                Content::Codes { tag: Tag::of(service, domain), generation }
            }
            (Use::LookUp, Some(SCHEME), None, Some(identifier)) => {
                Content::CivilStatus { identifier }
            }
            _ => return None,
        };
        let Written { commitment, rows, values, distinct, engine, .. } = written;
        let input = Input { commitment, rows, values, distinct, engine, sent: None };
        (written.format == FORMAT && written.suite == SUITE).then_some(())?;
        input.is_possible().then_some(())?;
        (written.previous.is_empty() || are_deliveries(&written.previous)).then_some(())?;
        fit(written.accepted.iter().map(|accepted| accepted.column.as_str())).then_some(())?;
        written.accepted.is_sorted_by(|one, next| one.column < next.column).then_some(())?;
        Some(Self {
            service: written.service,
            domain: written.domain,
            content,
            input,
            key: CommitmentKey::from_hex(written.key)?,
            previous: written.previous,
            accepted: written
                .accepted
                .into_iter()
                .map(|accepted| (accepted.column, accepted.reason))
                .collect(),
        })
    }

    /// What a commitment to its rows begins with.
    pub fn context(&self) -> Context {
        self.content.context(&self.service, &self.domain)
    }

    /// What the controller keeps of it, and knows of the data that it was made from.
    pub fn requested(&self, signing: Hex<32>, data: Vec<Data>) -> Requested {
        let Input { commitment, rows, .. } = self.input;
        Requested {
            format: Requested::FORMAT,
            suite: SUITE.to_owned(),
            service: self.service.clone(),
            signing,
            domain: self.domain.clone(),
            r#use: self.content.r#use(),
            scheme: self.content.scheme(),
            generation: self.content.generation(),
            commitment,
            rows,
            data,
            request: None,
        }
    }

    /// Writes it as a new file, for the owner alone.
    ///
    /// # Errors
    /// [`ManifestError::File`].
    pub fn write(&self, path: &Path) -> Result<(), ManifestError> {
        Ok(files::write_new(path, &self.bytes(), Access::Private)?)
    }

    /// The bytes of the file: one line of JSON.
    pub fn bytes(&self) -> Zeroizing<Vec<u8>> {
        let key = self.key.to_hex();
        let identifier = match self.content {
            Content::Identifiers { .. } | Content::Codes { .. } => None,
            Content::CivilStatus { identifier } => Some(identifier),
        };
        let accepted = self
            .accepted
            .iter()
            .map(|(column, reason)| Accepted { column: column.clone(), reason: reason.clone() });
        // A character of a column's name may take six in JSON.
        let risks = self.accepted.keys().map(|column| 6 * column.len() + 128).sum::<usize>();
        let Input { commitment, rows, values, distinct, engine, .. } = self.input;
        let written = Written {
            format: FORMAT,
            suite: SUITE,
            service: self.service.clone(),
            domain: self.domain.clone(),
            r#use: self.content.r#use(),
            scheme: self.content.scheme(),
            generation: self.content.generation(),
            identifier,
            rows,
            values,
            distinct,
            engine,
            commitment,
            key: &key,
            previous: self.previous.clone(),
            accepted: accepted.collect(),
        };
        // Roomy enough that it does not grow, which would leave copies of the key behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(1024 + 64 * self.previous.len() + risks));
        serde_json::to_writer(&mut *bytes, &written).expect("a manifest can be written as JSON");
        bytes.push(b'\n');
        bytes
    }
}

/// Why a manifest was not read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not a manifest, or one of another format version.
    #[error("{path:?} is not the manifest of a request (format {FORMAT})")]
    Form {
        /// The file.
        path: PathBuf,
    },
}

cstatns_base::coded!(ManifestError {
    Self::File(error) => (error),
    Self::Form { path } => ("manifest-form", Input, [path]),
});
