//! The controller's first step: data → request, seal and retained file.

use std::collections::BTreeMap;
use std::path::Path;

/// The column of the data that is sent.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    /// Identifiers, to be coded.
    Identifier(&'a str),
    /// Codes, to be renewed.
    Code(&'a str),
}

/// What to prepare. See [`prepare`].
pub struct Prepare<'a> {
    /// The data: CSV or Parquet, with a header.
    pub data: &'a Path,
    /// The column that is sent.
    pub column: Column<'a>,
    /// The request to write; its seal lies beside it.
    pub request: &'a Path,
    /// The retained file to write, of the same type as the data.
    pub retained: &'a Path,
    /// What stands between two fields of the data and of the retained file, where they are CSV.
    pub delimiter: u8,
}

/// What was prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The rows of the data, of the request and of the retained file.
    pub rows: u64,
    /// How many rows have each word of `check`.
    pub counts: BTreeMap<&'static str, u64>,
}

/// Why nothing was prepared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {}

impl PrepareError {
    /// The stable short code of this error.
    pub fn code(&self) -> &'static str {
        unimplemented!()
    }
}

/// Prepares.
pub fn prepare(_: &Prepare<'_>) -> Result<Prepared, PrepareError> {
    unimplemented!()
}
