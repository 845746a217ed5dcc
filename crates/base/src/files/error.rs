//! Why a file could not be created, read, changed or destroyed.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Why a file could not be created, read, changed or destroyed. Carries the path, never contents.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// `output-exists`: something already has this name, and nothing is ever written over.
    #[error("{path:?} exists already and is never written over")]
    Exists {
        /// The name that is taken.
        path: PathBuf,
    },
    /// `file-missing`: no file, or no directory to put it in.
    #[error("{path:?} does not exist")]
    Missing {
        /// The path looked for.
        path: PathBuf,
    },
    /// `file-permission`: the operating system refuses this user.
    #[error("no permission for {path:?}")]
    Permission {
        /// The path refused.
        path: PathBuf,
    },
    /// `disk-full`: no space, or no quota, is left.
    #[error("no space is left for {path:?}")]
    Full {
        /// The file being written.
        path: PathBuf,
    },
    /// `home-locked`: another process, or another part of this one, works there.
    #[error("another process holds {path:?}")]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// `not-a-file`: a directory, a symbolic link, a device or the like where a regular file is
    /// needed.
    #[error("{path:?} is not a regular file")]
    NotRegular {
        /// What was found.
        path: PathBuf,
    },
    /// `file-too-large`: more bytes than such a file can have.
    #[error("{path:?} is larger than the {limit} bytes that such a file can have")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that would have been read, in bytes.
        limit: u64,
    },
    /// `append-broken`: an earlier append through this handle failed, so the end of the file is
    /// unknown.
    #[error("an earlier write to {path:?} failed")]
    Broken {
        /// The file.
        path: PathBuf,
    },
    /// `no-randomness`: the operating system gave no random bytes.
    #[error("the operating system gives no random bytes")]
    Randomness,
    /// `file-io`: anything else the operating system reports, by kind.
    #[error("input or output failed on {path:?} ({kind})")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        kind: ErrorKind,
    },
}

impl FileError {
    /// The same error of another path: of the file that a user asked for, where a temporary of it
    /// failed.
    pub(super) fn of(self, path: &Path) -> Self {
        let path = path.to_owned();
        match self {
            Self::Missing { .. } => Self::Missing { path },
            Self::Permission { .. } => Self::Permission { path },
            Self::Full { .. } => Self::Full { path },
            Self::Io { kind, .. } => Self::Io { path, kind },
            other => other,
        }
    }

    /// The error for what [`io::Write`] (or any other `std` call) reported about `path`. The
    /// `io::Error` itself is not kept: one that comes from a parser or a writer may quote data.
    #[must_use]
    pub fn from_io(path: &Path, error: &io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            ErrorKind::AlreadyExists => Self::Exists { path },
            ErrorKind::NotFound => Self::Missing { path },
            ErrorKind::PermissionDenied => Self::Permission { path },
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full { path },
            ErrorKind::IsADirectory => Self::NotRegular { path },
            kind => Self::Io { path, kind },
        }
    }
}

crate::coded!(FileError {
    Self::Exists { path } => ("output-exists", Input, [path]),
    Self::Missing { path } => ("file-missing", Input, [path]),
    Self::Permission { path } => ("file-permission", Machine, [path]),
    Self::Full { path } => ("disk-full", Machine, [path]),
    Self::Locked { path } => ("home-locked", Machine, [path]),
    Self::NotRegular { path } => ("not-a-file", Input, [path]),
    Self::TooLarge { path, limit } => ("file-too-large", Input, [path, limit]),
    Self::Broken { path } => ("append-broken", Machine, [path]),
    Self::Randomness => ("no-randomness", Machine, []),
    Self::Io { path, kind } => ("file-io", Machine, [path, kind]),
});

/// Adds the path to an I/O result.
pub(super) trait About<T> {
    fn about(self, path: &Path) -> Result<T, FileError>;
}

impl<T> About<T> for io::Result<T> {
    fn about(self, path: &Path) -> Result<T, FileError> {
        self.map_err(|error| FileError::from_io(path, &error))
    }
}

impl<T> About<T> for rustix::io::Result<T> {
    fn about(self, path: &Path) -> Result<T, FileError> {
        self.map_err(io::Error::from).about(path)
    }
}
