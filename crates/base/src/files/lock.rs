//! Locks, each of one process at a time.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::at_work::AtWork;
use super::error::{About, FileError};
use super::{AT_ONCE, Access, Step, faults, open_to_read, regular};
use crate::name::Name;

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
        release(&self.file);
    }
}

/// Gives the lock of an open file back, before the file is closed: a process that is just being
/// started has it open too, until it becomes its program, and would keep the lock as long.
pub(super) fn release(file: &File) {
    let _ = flock(file, FlockOperation::Unlock);
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
            let holder = AtWork::of(&mut file).map(Box::new);
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
    if let Some(text) = AtWork::this(verb).and_then(|at_work| serde_json::to_vec(&at_work).ok()) {
        let file = &mut lock.file;
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(&text));
        lock.named = true;
    }
    Ok(lock)
}

/// Who works under the lock at `path` now, as its file says: without the lock, and without waiting.
/// None where nobody does, or nothing can be found out.
pub fn at_work(path: &Path) -> Option<AtWork> {
    AtWork::of(&mut open_to_read(path).ok()?)
}

/// Whether somebody holds the lock at `path`.
///
/// # Errors
/// `not-a-file`, `file-missing`, `file-permission`, `file-io`.
pub fn is_held(path: &Path) -> Result<bool, FileError> {
    let file = open_to_read(path)?;
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => {
            release(&file);
            Ok(false)
        }
        Err(Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(error).about(path),
    }
}

/// Takes the lock of a file or a directory that exists, as [`lock`] does.
///
/// # Errors
/// `file-locked` if it is held; `not-a-file`, `file-missing`, `file-permission`, `file-io`.
pub fn lock_file(path: &Path) -> Result<Lock, FileError> {
    let file = match path.is_dir() {
        true => File::open(path).about(path)?,
        false => open_to_read(path)?,
    };
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        // Where there are no locks, two processes cannot be distinguished.
        Ok(()) | Err(Errno::NOSYS | Errno::NOLCK | Errno::OPNOTSUPP | Errno::BADF) => {
            Ok(Lock { file, named: false })
        }
        Err(Errno::WOULDBLOCK) => Err(FileError::InUse { path: path.to_owned() }),
        Err(error) => Err(error).about(path),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::{Pending, PendingDirectory, Versions, write_new};
    use super::*;

    /// The other file stands for that of a process which is just being started: as that, it is a
    /// second descriptor of what the lock is on.
    #[test]
    fn a_lock_goes_with_its_holder_though_another_process_is_being_started() {
        let folder = TempDir::new().unwrap();
        let path = |name| folder.path().join(name);
        let mut kept = Vec::new();

        let held = lock(&path("lock")).unwrap();
        kept.push(held.file.try_clone().unwrap());
        assert!(lock(&path("lock")).is_err() && is_held(&path("lock")).unwrap());
        drop(held);
        assert!(!is_held(&path("lock")).unwrap());
        lock_for(&path("lock"), &"code".parse().unwrap(), Duration::ZERO).unwrap();

        write_new(&path("table"), b"rows", Access::Private).unwrap();
        let held = lock_file(&path("table")).unwrap();
        kept.push(held.file.try_clone().unwrap());
        drop(held);
        lock_file(&path("table")).unwrap();

        let pending = Pending::create(&path("new"), Access::Private).unwrap();
        kept.push(pending.file.try_clone().unwrap());
        pending.commit().unwrap();
        lock_file(&path("new")).unwrap();

        let pending = PendingDirectory::create(&path("folder")).unwrap();
        kept.push(pending.own.handle.try_clone().unwrap());
        pending.commit().unwrap();
        lock_file(&path("folder")).unwrap();

        let versions = Versions::open(&path("versions")).unwrap();
        kept.push(versions.own.handle.try_clone().unwrap());
        assert!(Versions::open(&path("versions")).is_err());
        drop(versions);
        Versions::open(&path("versions")).unwrap();
    }
}
