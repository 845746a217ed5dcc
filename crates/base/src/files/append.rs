//! A file that only grows at its end: the ledger.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::error::{About, FileError};
use super::{AT_ONCE, Access, Directory, Step, create_new, faults, regular, sync};

/// A file that only grows at its end, each addition on disk before the call returns. For the
/// ledger.
///
/// After an error the handle refuses everything: a failed write or flush leaves the end of the file
/// unknown, and opening it anew is what repairs it.
pub struct Append {
    file: File,
    path: PathBuf,
    length: u64,
    broken: bool,
}

impl Append {
    /// Makes the file, empty, and its name durable.
    ///
    /// # Errors
    /// `output-exists` if anything has that name; `file-missing`, `file-permission`, `disk-full`,
    /// `file-io`.
    pub fn create(path: &Path, access: Access) -> Result<Self, FileError> {
        let directory = Directory::of(path)?;
        let file = create_new(path, access, true)?;
        directory.sync()?;
        Ok(Self { file, path: path.to_owned(), length: 0, broken: false })
    }

    /// Opens a file that exists.
    ///
    /// # Errors
    /// `file-missing`, `file-permission`, `not-a-file`, `file-io`.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let file = regular(path, OpenOptions::new().append(true).custom_flags(AT_ONCE).open(path))?;
        let length = file.metadata().about(path)?.len();
        Ok(Self { file, path: path.to_owned(), length, broken: false })
    }

    /// The file's length in bytes, as of the last call that succeeded.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Adds bytes (a whole line, with its line break) and forces them to disk.
    ///
    /// # Errors
    /// `disk-full`, `file-io`; `append-broken` after any earlier error.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.change(|file, path| {
            faults::before_write(Step::Write, path, file, bytes)?;
            file.write_all(bytes)
        })?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Forces to disk what an earlier process may have left unflushed.
    ///
    /// # Errors
    /// `file-io`; `append-broken` after any earlier error.
    pub fn settle(&mut self) -> Result<(), FileError> {
        self.change(|_, _| Ok(()))
    }

    /// Cuts the file to its first `length` bytes, and forces that to disk. Never lengthens it.
    ///
    /// # Errors
    /// `disk-full`, `file-io`; `append-broken` after any earlier error.
    pub fn truncate(&mut self, length: u64) -> Result<(), FileError> {
        let length = length.min(self.length);
        self.change(|file, path| {
            faults::before(Step::Truncate, path)?;
            file.set_len(length)
        })?;
        self.length = length;
        Ok(())
    }

    fn change(
        &mut self,
        change: impl FnOnce(&mut File, &Path) -> io::Result<()>,
    ) -> Result<(), FileError> {
        if self.broken {
            return Err(FileError::Broken { path: self.path.clone() });
        }
        self.broken = true;
        change(&mut self.file, &self.path).about(&self.path)?;
        sync(&self.file, &self.path)?;
        self.broken = false;
        Ok(())
    }
}
