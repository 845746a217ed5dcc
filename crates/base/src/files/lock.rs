//! Locks, and what is said of whoever holds one.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::error::{About, FileError};
use super::{AT_ONCE, Access, Step, faults, open_to_read, regular};
use crate::name::Name;

/// More than a lock's file holds, in bytes.
const LIMIT: u64 = 1024;

/// The right to work in a home, until dropped or until the process ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
    /// Whether the file says who holds it.
    named: bool,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // What stays in the file is not believed once its process has ended.
        if self.named {
            let _ = self.file.set_len(0);
        }
    }
}

/// Who holds the lock of a home, as the file of the lock says: to be shown, and for nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// What is done there.
    pub verb: Name,
    /// The number of the process.
    pub process: u32,
    /// Since when it holds the lock.
    pub since: Timestamp,
    /// When the process began, as the system counts: numbers of processes are used again.
    began: u64,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`, process {}, since {}", self.verb, self.process, self.since)
    }
}

impl Holder {
    fn this(verb: &Name) -> Option<Self> {
        let process = std::process::id();
        let since = Timestamp::from_second(Timestamp::now().as_second()).ok()?;
        Some(Self { verb: verb.clone(), process, since, began: began(process)? })
    }

    fn of(file: &mut File) -> Option<Self> {
        let mut text = Vec::new();
        file.rewind().ok()?;
        file.take(LIMIT).read_to_end(&mut text).ok()?;
        let holder: Self = serde_json::from_slice(&text).ok()?;
        (began(holder.process) == Some(holder.began)).then_some(holder)
    }
}

/// When a process began, in ticks after the start of the system; none where there is no such
/// process, or the system does not say.
fn began(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The program's name, in brackets, may hold anything.
    text.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// Takes the lock at `path`, a file that stays when the lock goes (removing it would let two
/// processes hold two files of one name). Does not wait. A second lock is refused to this process
/// as well.
///
/// # Errors
/// `home-locked` if it is held; `not-a-file`, `file-missing`, `file-permission`, `disk-full`,
/// `file-io`.
pub fn lock(path: &Path) -> Result<Lock, FileError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(AT_ONCE);
    let opened = match options.open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            faults::before(Step::Create, path).about(path)?;
            // Not "must not exist": two processes may both find it missing, and the lock decides
            // between them.
            options.create(true).mode(Access::Private.mode()).open(path)
        }
        opened => opened,
    };
    let mut file = regular(path, opened)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            let holder = Holder::of(&mut file).map(Box::new);
            return Err(FileError::Locked { path: path.to_owned(), holder });
        }
        Err(error) => return Err(error).about(path),
    }
    // A ceremony that failed removes its lock: who had opened it before would hold a file without a
    // name.
    let (held, named) = (file.metadata().about(path)?, fs::metadata(path).about(path)?);
    if (held.dev(), held.ino()) != (named.dev(), named.ino()) {
        return Err(FileError::Locked { path: path.to_owned(), holder: None });
    }
    Ok(Lock { file, named: false })
}

/// Takes the lock as [`lock`] does, waiting for it no longer than `wait`, and writes into its file
/// who has it and what for.
///
/// # Errors
/// As [`lock`].
pub fn lock_for(path: &Path, verb: &Name, wait: Duration) -> Result<Lock, FileError> {
    let since = Instant::now();
    let mut lock = loop {
        match lock(path) {
            Err(FileError::Locked { .. }) if since.elapsed() < wait => {
                sleep(Duration::from_millis(50).min(wait));
            }
            outcome => break outcome?,
        }
    };
    // For people to read: a disk that is full stops nothing.
    if let Some(text) = Holder::this(verb).and_then(|holder| serde_json::to_vec(&holder).ok()) {
        let file = &mut lock.file;
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(&text));
        lock.named = true;
    }
    Ok(lock)
}

/// Who works under the lock at `path` now, as its file says: without the lock, and without waiting.
/// None where nobody does, or nothing can be found out.
pub fn holder(path: &Path) -> Option<Holder> {
    Holder::of(&mut open_to_read(path).ok()?)
}

/// Whether somebody holds the lock at `path`.
///
/// # Errors
/// `not-a-file`, `file-missing`, `file-permission`, `file-io`.
pub fn is_held(path: &Path) -> Result<bool, FileError> {
    let file = open_to_read(path)?;
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(error).about(path),
    }
}

/// Takes the lock of a file that exists, as [`lock`] does.
///
/// # Errors
/// `file-locked` if it is held; `not-a-file`, `file-missing`, `file-permission`, `file-io`.
pub fn lock_file(path: &Path) -> Result<Lock, FileError> {
    let file = open_to_read(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        // Where there are no locks, two processes cannot be distinguished.
        Ok(()) | Err(Errno::NOSYS | Errno::NOLCK | Errno::OPNOTSUPP | Errno::BADF) => {
            Ok(Lock { file, named: false })
        }
        Err(Errno::WOULDBLOCK) => Err(FileError::InUse { path: path.to_owned() }),
        Err(error) => Err(error).about(path),
    }
}
