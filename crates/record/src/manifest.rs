//! `<request>.manifest.json`: what travels beside a request and is destroyed with it (SPEC §6).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cstatns_base::civil_status::SCHEME;
use cstatns_base::civil_status::request::{COLUMNS, IDENTIFIER};
use cstatns_base::code::{Generation, Tag};
use cstatns_base::commitment::{Commitment, CommitmentKey};
use cstatns_base::files::{self, Access, FileError};
use cstatns_base::identifier::Scheme;
use cstatns_base::name::{Hex, Name, whole_number};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::proposal::are_deliveries;

const FORMAT: u32 = 1;
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

    fn kind(self) -> &'static str {
        match self {
            Self::Identifiers { .. } => "identifiers",
            Self::Codes { .. } => "codes",
            Self::CivilStatus { .. } => "civil-status",
        }
    }
}

/// The manifest of a request. It holds the secret of the commitment, so it has no `Debug`.
pub struct Manifest {
    /// The number of rows, those without a value included.
    pub rows: u64,
    /// The commitment to the rows.
    pub commitment: Commitment,
    /// The secret `r` of the commitment.
    pub key: CommitmentKey,
    /// What the request holds.
    pub content: Content,
    /// The deliveries that the codes of a renewal came from, as the report beside the data said.
    pub previous: Vec<Hex<16>>,
    /// The columns that stay with the controller although they are a risk, each with the reason.
    pub accepted: BTreeMap<String, Name>,
}

/// The manifest as it stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    format: u32,
    #[serde(deserialize_with = "whole_number")]
    rows: u64,
    commitment: Commitment,
    // Borrowed from the file's bytes: a string of its own would not be wiped.
    key: &'a str,
    kind: &'a str,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scheme: Option<Scheme>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    generation: Option<Generation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    identifier: Option<bool>,
    previous: Vec<Hex<16>>,
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

/// The path with `suffix` after its name.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
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

    fn parse(bytes: &[u8]) -> Option<Self> {
        let written: Written<'_> = serde_json::from_slice(bytes).ok()?;
        let content = match (
            written.kind,
            written.scheme,
            written.tag,
            written.generation,
            written.identifier,
        ) {
            ("identifiers", Some(scheme), None, None, None) => Content::Identifiers { scheme },
            ("codes", None, Some(tag), Some(generation), None) => {
                Content::Codes { tag: Tag::parse(tag.as_bytes())?, generation }
            }
            ("civil-status", Some(SCHEME), None, None, Some(identifier)) => {
                Content::CivilStatus { identifier }
            }
            _ => return None,
        };
        (written.format == FORMAT).then_some(())?;
        (written.previous.is_empty() || are_deliveries(&written.previous)).then_some(())?;
        fit(written.accepted.iter().map(|accepted| accepted.column.as_str())).then_some(())?;
        written.accepted.is_sorted_by(|one, next| one.column < next.column).then_some(())?;
        Some(Self {
            rows: written.rows,
            commitment: written.commitment,
            key: CommitmentKey::from_hex(written.key)?,
            content,
            previous: written.previous,
            accepted: written
                .accepted
                .into_iter()
                .map(|accepted| (accepted.column, accepted.reason))
                .collect(),
        })
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
        let (tag, generation, identifier) = match &self.content {
            Content::Identifiers { .. } => (None, None, None),
            Content::Codes { tag, generation } => (Some(tag.as_str()), Some(*generation), None),
            Content::CivilStatus { identifier } => (None, None, Some(*identifier)),
        };
        let accepted = self
            .accepted
            .iter()
            .map(|(column, reason)| Accepted { column: column.clone(), reason: reason.clone() });
        // A character of a column's name may take six in JSON.
        let risks = self.accepted.keys().map(|column| 6 * column.len() + 128).sum::<usize>();
        let written = Written {
            format: FORMAT,
            rows: self.rows,
            commitment: self.commitment,
            key: &key,
            kind: self.content.kind(),
            scheme: self.content.scheme(),
            tag,
            generation,
            identifier,
            previous: self.previous.clone(),
            accepted: accepted.collect(),
        };
        // Roomy enough that it does not grow, which would leave copies of the key behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(512 + 40 * self.previous.len() + risks));
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
