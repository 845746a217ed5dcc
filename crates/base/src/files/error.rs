//! Why a file could not be created, read, changed or destroyed.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::at_work::AtWork;

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
    /// `disk-full`: less space is free than what is to be written takes.
    #[error("{path:?} takes {needed} bytes at least, and {free} are free there")]
    NoRoom {
        /// The file to be written.
        path: PathBuf,
        /// The least that is needed, in bytes.
        needed: u64,
        /// What is free, in bytes.
        free: u64,
    },
    /// `home-locked`: another process, or another part of this one, works there.
    #[error("another process holds {path:?}{}", said_of(holder.as_deref()))]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, where that is known.
        holder: Option<Box<AtWork>>,
    },
    /// `file-locked`: another process, or another part of this one, works with that very file.
    #[error("another process works with {path:?}")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// `not-a-file`: a directory, a symbolic link, a device or the like where a regular file is
    /// needed.
    #[error("{path:?} is not a regular file")]
    NotRegular {
        /// What was found.
        path: PathBuf,
    },
    /// `not-a-directory`: something else where a directory is needed, also on the way to a file.
    #[error("{path:?} is not a directory, or lies below something that is none")]
    NotDirectory {
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
    /// `file-read-only`: its file system or medium takes no writes.
    #[error("{path:?} lies on a medium that cannot be written to")]
    ReadOnly {
        /// The file being written.
        path: PathBuf,
    },
    /// `file-size-limit`: the file would be larger than this process or the file system lets one
    /// be.
    #[error("{path:?} would be larger than the system lets a file be")]
    SizeLimit {
        /// The file being written.
        path: PathBuf,
    },
    /// `too-many-files`: this process, or the system, has as many files open as it may.
    #[error("{path:?} cannot be opened, because too many files are open")]
    TooManyOpen {
        /// The file.
        path: PathBuf,
    },
    /// `storage-failed`: the device or the network that holds the file reports a failure.
    #[error("the storage that holds {path:?} reports a failure")]
    Storage {
        /// The file or directory.
        path: PathBuf,
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
    #[error("input or output failed on {path:?} ({})", words(*kind))]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        kind: ErrorKind,
    },
}

/// What an error of this kind says; of those that the standard library does not sort, what they
/// have in common.
pub fn words(kind: ErrorKind) -> String {
    match kind.to_string() {
        text if text.starts_with("uncategorized") => "the storage or the system failed".to_owned(),
        text => text,
    }
}

/// The same in French, for the usual errors.
pub fn words_fr(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "introuvable",
        ErrorKind::PermissionDenied => "accès refusé",
        ErrorKind::AlreadyExists => "existe déjà",
        ErrorKind::BrokenPipe => "le lecteur du tube est parti",
        ErrorKind::TimedOut => "délai dépassé",
        ErrorKind::Interrupted => "interrompu",
        ErrorKind::UnexpectedEof => "le fichier finit trop tôt",
        ErrorKind::InvalidInput | ErrorKind::InvalidData => "données non valables",
        ErrorKind::OutOfMemory => "mémoire insuffisante",
        ErrorKind::WriteZero => "rien n'a pu être écrit",
        ErrorKind::NotADirectory => "n'est pas un répertoire",
        ErrorKind::IsADirectory => "est un répertoire",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "plus de place",
        ErrorKind::FileTooLarge => "fichier trop grand",
        ErrorKind::ReadOnlyFilesystem => "système de fichiers en lecture seule",
        ErrorKind::ResourceBusy | ErrorKind::ExecutableFileBusy => "en cours d'utilisation",
        ErrorKind::Unsupported => "opération non prise en charge",
        _ => "le stockage ou le système a échoué",
    }
}

fn said_of(holder: Option<&AtWork>) -> String {
    holder.map_or_else(String::new, |holder| format!(" ({holder})"))
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
            Self::ReadOnly { .. } => Self::ReadOnly { path },
            Self::SizeLimit { .. } => Self::SizeLimit { path },
            Self::TooManyOpen { .. } => Self::TooManyOpen { path },
            Self::Storage { .. } => Self::Storage { path },
            Self::NotDirectory { .. } => Self::NotDirectory { path },
            Self::Io { kind, .. } => Self::Io { path, kind },
            other => other,
        }
    }

    /// The error for what [`io::Write`] (or any other `std` call) reported about `path`. The
    /// `io::Error` itself is not kept: one that comes from a parser or a writer may quote data.
    #[must_use]
    pub fn from_io(path: &Path, error: &io::Error) -> Self {
        let path = path.to_owned();
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::MFILE | Errno::NFILE) => return Self::TooManyOpen { path },
            Some(Errno::IO | Errno::REMOTEIO) => return Self::Storage { path },
            _ => {}
        }
        match error.kind() {
            ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path },
            ErrorKind::FileTooLarge => Self::SizeLimit { path },
            ErrorKind::AlreadyExists => Self::Exists { path },
            ErrorKind::NotFound => Self::Missing { path },
            ErrorKind::PermissionDenied => Self::Permission { path },
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full { path },
            ErrorKind::IsADirectory => Self::NotRegular { path },
            ErrorKind::NotADirectory => Self::NotDirectory { path },
            kind => Self::Io { path, kind },
        }
    }
}

crate::coded!(FileError {
    Self::Exists { path } => ("output-exists", Input, [path]),
    Self::Missing { path } => ("file-missing", Input, [path]),
    Self::Permission { path } => ("file-permission", Machine, [path]),
    Self::Full { path } => ("disk-full", Machine, [path]),
    Self::NoRoom { path, needed, free } => ("disk-full", Machine, [path, needed]),
    Self::Locked { path, holder } => ("home-locked", Machine, [path]),
    Self::InUse { path } => ("file-locked", Machine, [path]),
    Self::NotRegular { path } => ("not-a-file", Input, [path]),
    Self::NotDirectory { path } => ("not-a-directory", Input, [path]),
    Self::TooLarge { path, limit } => ("file-too-large", Input, [path, limit]),
    Self::ReadOnly { path } => ("file-read-only", Machine, [path]),
    Self::SizeLimit { path } => ("file-size-limit", Machine, [path]),
    Self::TooManyOpen { path } => ("too-many-files", Machine, [path]),
    Self::Storage { path } => ("storage-failed", Machine, [path]),
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
