//! A whole file at once, for tests and the fuzzer.

use std::path::Path;

use super::{Delimiter, Fields, Reader};
use crate::error::TableError;

/// All rows of a file, its header first, read through a window of so many bytes, at most `limit`
/// lines of it at once: for tests that compare it with `csv`.
///
/// # Errors
/// [`TableError`]: those of reading CSV.
#[doc(hidden)]
pub fn read_all(
    path: &Path,
    delimiter: u8,
    window: usize,
    limit: usize,
) -> Result<Vec<Vec<Vec<u8>>>, TableError> {
    let mut reader = Reader::open(path, Delimiter::Given(delimiter), window)?;
    let mut rows = vec![reader.header.clone()];
    let mut batch = Fields::default();
    while reader
        .next(path, &mut batch, limit)
        .map_err(|error| error.after(rows.len() as u64 - 1))?
    {
        batch.split(path).map_err(|error| error.after(rows.len() as u64 - 1))?;
        let row = |row| (0..batch.columns).map(|column| batch.get(row, column).to_vec()).collect();
        rows.extend((0..batch.rows()).map(row));
    }
    Ok(rows)
}
