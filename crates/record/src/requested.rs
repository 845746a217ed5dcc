//! `<retained>.request.json`: what the controller remembers of a request (SPEC §6).

use std::path::{Component, Path, PathBuf};

use cstatns_base::code::Generation;
use cstatns_base::commitment::{Commitment, Use};
use cstatns_base::files::{self, FileError};
use cstatns_base::identifier::Scheme;
use cstatns_base::meta::{SUITE, ServiceId};
use cstatns_base::name::{Hex, Name, whole_number};
use serde::{Deserialize, Serialize};

/// More than it is long, in bytes.
const LIMIT: u64 = 128 << 20;

/// A request as its controller knows it again, without the secret of the commitment, and the data
/// that it was made from. A result that states another request is not attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Requested {
    pub(crate) format: u32,
    pub(crate) suite: String,
    /// The service that it is for.
    pub service: ServiceId,
    /// The key with which that service signs.
    pub signing: Hex<32>,
    /// The domain that it is for.
    pub domain: Name,
    /// What its rows are for.
    pub r#use: Use,
    /// The scheme of what is coded; none of a renewal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// Of a renewal, the generation of the codes given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<Generation>,
    /// Its commitment, which the custodians approve.
    pub commitment: Commitment,
    /// Its rows.
    #[serde(deserialize_with = "whole_number")]
    pub rows: u64,
    /// The data that it was made from: one file or frame, or several files in their order.
    pub data: Vec<Data>,
    /// Where the request was written; none where the path is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<PathBuf>,
}

/// Data as it is known again once its codes are there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Data {
    /// What it is called among several files, as the attached file will be; none of a single one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<PathBuf>,
    /// Where it was; none of a frame, or where the path is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// The folder that was given, in which it was; none where the file itself was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// What stands between two fields; none where it is not CSV.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// The encoding of its text, where somebody said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// The columns that were sent, counted from 1, in the order in which they were named, those of
    /// civil status ascending: in their place the codes stand.
    pub columns: Vec<u32>,
    /// Its rows.
    #[serde(deserialize_with = "whole_number")]
    pub rows: u64,
    /// SHA-256 of what must not have changed (SPEC §6).
    pub digest: Hex<32>,
}

impl Data {
    /// Of the file at `path`, or of a frame, with so many rows; `columns` are counted from 0.
    pub fn new(
        path: Option<&Path>,
        delimiter: Option<u8>,
        columns: &[usize],
        (rows, digest): (u64, [u8; 32]),
    ) -> Self {
        Self {
            name: None,
            path: path.and_then(as_text),
            folder: None,
            delimiter: delimiter.map(char::from),
            encoding: None,
            columns: columns.iter().map(|column| *column as u32 + 1).collect(),
            rows,
            digest: Hex(digest),
        }
    }

    /// The same of one of several files, which is called so among them, in the folder that was
    /// given.
    pub fn called(self, name: &Path, folder: Option<&Path>) -> Self {
        Self { name: Some(name.to_owned()), folder: folder.and_then(as_text), ..self }
    }

    /// The same of text in this encoding.
    pub fn in_encoding(self, encoding: Option<&str>) -> Self {
        Self { encoding: encoding.map(str::to_owned), ..self }
    }

    /// The columns that were sent, counted from 0.
    pub fn sent(&self) -> impl Iterator<Item = usize> {
        self.columns.iter().map(|column| (*column as usize).wrapping_sub(1))
    }
}

/// The whole path, where it is text.
fn as_text(path: &Path) -> Option<PathBuf> {
    std::path::absolute(path).ok().filter(|path| path.to_str().is_some())
}

/// Whether the name of a file, with folders before it or without, leads into the folder that it is
/// read from.
pub fn is_inside(name: &Path) -> bool {
    let mut parts = name.components();
    name.components().next().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

/// Where it lies: the name of the retained file with `.request.json` after it.
pub fn requested_path(retained: &Path) -> PathBuf {
    beside(retained, ".request.json")
}

/// The path with `suffix` after its name.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(path);
    name.push(suffix);
    name.into()
}

impl Requested {
    /// The version of the format.
    pub(crate) const FORMAT: u32 = 2;

    /// The same of a request that is written there.
    pub fn written_to(self, request: &Path) -> Self {
        Self { request: as_text(request), ..self }
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`RequestedError::File`] when it cannot be read, [`RequestedError::Form`] when it is not of
    /// this format.
    pub fn read(path: &Path) -> Result<Self, RequestedError> {
        let bytes = files::read(path, LIMIT)?;
        let requested = serde_json::from_slice::<Self>(&bytes).ok();
        requested
            .filter(|requested| requested.format == Self::FORMAT && requested.suite == SUITE)
            .filter(Self::is_whole)
            .ok_or_else(|| RequestedError::Form { path: path.to_owned() })
    }

    /// How many of its rows each row of the data has: of several columns of identifiers or codes
    /// one for each.
    pub fn cells(&self) -> usize {
        match self.r#use {
            Use::Code | Use::Renew => self.data.first().map_or(1, |data| data.columns.len().max(1)),
            _ => 1,
        }
    }

    /// Whether the data was several files, of which each is attached under its name.
    pub fn is_of_files(&self) -> bool {
        self.data.iter().any(|data| data.name.is_some())
    }

    /// Whether its rows are those of the data, and the files have names that stay in a folder.
    fn is_whole(&self) -> bool {
        let cells = self.cells();
        let are_named = match &self.data[..] {
            [] => false,
            [one] if one.name.is_none() => true,
            all => all.iter().all(|data| data.name.as_deref().is_some_and(is_inside)),
        };
        let rows = self.data.iter().map(|data| data.rows);
        let rows = rows.fold(0_u64, u64::saturating_add);
        let is_sent = |data: &Data| match self.r#use {
            Use::Code | Use::Renew => data.columns.len() == cells,
            _ => true,
        };
        are_named && rows.saturating_mul(cells as u64) == self.rows && self.data.iter().all(is_sent)
    }

    /// The bytes of the file: indented JSON, for people read it too.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("it can be written as JSON");
        bytes.push(b'\n');
        bytes
    }
}

/// Why it was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestedError {
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not what `prepare` writes, or of another format version.
    #[error("{path:?} is not what is kept of a request (format {})", Requested::FORMAT)]
    Form {
        /// The file.
        path: PathBuf,
    },
}

cstatns_base::coded!(RequestedError {
    Self::File(error) => (error),
    Self::Form { path } => ("requested-form", Input, [path]),
});
