//! What the operating system says of a file: for the crates that must not ask it themselves.

use std::fs::{self, File, Metadata};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::error::{About, FileError};

/// What distinguishes a file from itself after a write, and from another file in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// The device and the inode.
    pub inode: (u64, u64),
    /// The length.
    pub bytes: u64,
    /// When its bytes were last written, in seconds and nanoseconds.
    pub modified: (i64, i64),
    /// When anything about it was last changed, in seconds and nanoseconds.
    pub changed: (i64, i64),
}

impl Facts {
    /// Those of the file that the path leads to.
    ///
    /// # Errors
    /// `file-missing`, `file-permission`, `file-io`.
    pub fn of(path: &Path) -> Result<Self, FileError> {
        fs::metadata(path).map(Self::from).about(path)
    }

    /// Those of the path itself: a link is not followed.
    ///
    /// # Errors
    /// As [`Facts::of`].
    pub fn of_link(path: &Path) -> Result<Self, FileError> {
        fs::symlink_metadata(path).map(Self::from).about(path)
    }

    /// Those of an open file, which `path` names in errors.
    ///
    /// # Errors
    /// As [`Facts::of`].
    pub fn of_open(path: &Path, file: &File) -> Result<Self, FileError> {
        file.metadata().map(Self::from).about(path)
    }
}

impl From<Metadata> for Facts {
    fn from(data: Metadata) -> Self {
        Self {
            inode: (data.dev(), data.ino()),
            bytes: data.len(),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        }
    }
}

/// Whether nobody but its owner may read, write or run the file; false where that cannot be found
/// out.
pub fn is_private(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o077 == 0)
}

/// The bytes that may still be written into a directory; none where the file system does not say.
///
/// # Errors
/// `file-missing`, `file-permission`, `file-io`.
pub fn free_space(directory: &Path) -> Result<Option<u64>, FileError> {
    let found = rustix::fs::statvfs(directory).about(directory)?;
    Ok((found.f_blocks > 0).then(|| found.f_bavail.saturating_mul(found.f_frsize)))
}
