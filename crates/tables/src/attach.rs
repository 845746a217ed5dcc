//! The controller's second step: retained file and result → attached file.

use std::path::{Path, PathBuf};

use crate::report::Report;

/// What to attach. See [`attach`].
pub struct Attach<'a> {
    /// The retained file that `prepare` wrote.
    pub retained: &'a Path,
    /// The result of the service, with its report beside it (a Parquet result can do without).
    pub result: &'a Path,
    /// The attached file to write, of the same type as the retained file; its report lies beside it.
    pub out: &'a Path,
    /// Write the codes in binary form (Parquet only).
    pub binary_codes: bool,
    /// Files to destroy once the attached file is durable.
    pub destroy: &'a [PathBuf],
}

/// What was attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The rows of the attached file.
    pub rows: u64,
    /// The report that was written beside it: counts by quality, what was destroyed.
    pub report: Report,
}

/// Why nothing was attached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {}

impl AttachError {
    /// The stable short code of this error.
    pub fn code(&self) -> &'static str {
        unimplemented!()
    }
}

/// Attaches.
pub fn attach(_: &Attach<'_>) -> Result<Attached, AttachError> {
    unimplemented!()
}
