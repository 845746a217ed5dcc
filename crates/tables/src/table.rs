//! Rows of a file, whatever its type.

use std::path::{Path, PathBuf};

/// The type of a file, told by its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `.csv`: a header line, RFC 4180.
    Csv,
    /// `.parquet`.
    Parquet,
}

impl Format {
    /// The type of the file at `path`.
    ///
    /// # Errors
    /// [`TableError::FileType`] for any other extension.
    pub fn of(path: &Path) -> Result<Self, TableError> {
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("csv") => Ok(Self::Csv),
            Some("parquet") => Ok(Self::Parquet),
            _ => Err(TableError::FileType { path: path.to_owned() }),
        }
    }
}

/// Why a file of rows was not read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The extension is not one of ours.
    #[error("{path:?} is neither .csv nor .parquet: the type of a file is told by its extension")]
    FileType {
        /// The file.
        path: PathBuf,
    },
}

impl TableError {
    /// The stable short code of this error.
    pub fn code(&self) -> &'static str {
        "file-type"
    }
}
