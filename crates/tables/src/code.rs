//! The service's step: request → result.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use cstatns::coder::{Coder, Renewer};
use cstatns::commitment::Commitment;

use crate::meta::FileMeta;
use crate::seal::Seal;
use crate::table::Format;

/// What was coded or renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coded {
    /// The rows of the request and of the result.
    pub rows: u64,
    /// The commitment to the request: the one in its seal.
    pub commitment: Commitment,
    /// How many distinct values the request holds: exact below 65,536, where counting stops.
    pub distinct: u64,
    /// How many rows have each word of `quality`; empty for a renewal.
    pub qualities: BTreeMap<&'static str, u64>,
}

/// Why a request was not coded or renewed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodeFileError {}

impl CodeFileError {
    /// The stable short code of this error.
    pub fn code(&self) -> &'static str {
        unimplemented!()
    }
}

/// Codes.
pub fn code(
    _request: &Path,
    _seal: &Seal,
    _coder: &Coder,
    _out: &mut (dyn Write + Send),
    _format: Format,
    _meta: &FileMeta,
) -> Result<Coded, CodeFileError> {
    unimplemented!()
}

/// Renews.
pub fn renew(
    _request: &Path,
    _seal: &Seal,
    _renewer: &Renewer,
    _out: &mut (dyn Write + Send),
    _format: Format,
    _meta: &FileMeta,
) -> Result<Coded, CodeFileError> {
    unimplemented!()
}
