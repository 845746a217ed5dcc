//! What files of codes hold, and whether they can be joined.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cstatns::code::{Generation, Tag};
use cstatns::name::Name;

use crate::meta::FileMeta;
use crate::table::TableError;

/// What [`check`] found in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// The file.
    pub path: PathBuf,
    /// The tag of its codes.
    pub tag: Tag,
    /// The generation of its codes.
    pub generation: Generation,
    /// The service's id, if the file's metadata or the report beside it says so.
    pub service: Option<String>,
    /// The domain, likewise.
    pub domain: Option<Name>,
    /// Its rows.
    pub rows: u64,
    /// How many different codes it holds.
    pub distinct_codes: u64,
}

/// What [`summarise`] found in a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its rows.
    pub rows: u64,
    /// How many rows have each word of `quality`; empty for a renewal.
    pub qualities: BTreeMap<String, u64>,
    /// Where its codes come from, if it is a Parquet file.
    pub meta: Option<FileMeta>,
}

/// Why files cannot be joined, or cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {}

impl CheckError {
    /// The stable short code of this error.
    pub fn code(&self) -> &'static str {
        unimplemented!()
    }
}

/// Checks.
pub fn check(_files: &[PathBuf]) -> Result<Vec<FileFacts>, CheckError> {
    unimplemented!()
}

/// Summarises.
pub fn summarise(_result: &Path) -> Result<Summary, TableError> {
    unimplemented!()
}
