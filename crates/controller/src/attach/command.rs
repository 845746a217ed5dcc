//! What `attach` is given.

use std::path::{Path, PathBuf};

/// What to attach. See [`attach`](crate::attach()).
#[derive(Clone, Copy, Debug)]
pub struct Attach<'a> {
    /// The retained file that [`prepare`](crate::prepare()) wrote.
    pub retained: &'a Path,
    /// The result of the service, with its report beside it (a Parquet result can do without).
    pub result: &'a Path,
    /// The attached file to write, of the same type as the retained file; its report will lie beside it.
    pub out: &'a Path,
    /// Write the codes in binary form (Parquet only).
    pub binary_codes: bool,
    /// Files to destroy once the attached file is durable: the data, the retained file, the copy of the result.
    pub destroy: &'a [PathBuf],
}
