//! Files that have no name before they are whole: nobody can open one by a path.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::error::{About, FileError};
use super::leftovers::temporary_path;
use super::{Access, Directory, Pending, Step, faults, random, sync, taken};

/// A new file that has no name at all before [`Withheld::stand_by`], so that nobody can open by a
/// path what may not be read yet. It is gone with the process, however that ends; what was written
/// of it is then not overwritten, for nothing leads to it.
///
/// Each `write` is one system call: put an [`io::BufWriter`] around it.
pub struct Withheld {
    file: File,
    target: PathBuf,
    /// What errors and fault plans call it meanwhile; nothing has that name.
    called: PathBuf,
}

impl Withheld {
    /// Starts a file that will be called `target`; none where the file system has no files without
    /// names, or the system no way to name one later.
    ///
    /// # Errors
    /// As [`Pending::create`](super::Pending::create).
    pub fn create(target: &Path, access: Access) -> Result<Option<Self>, FileError> {
        if taken(target)? {
            return Err(FileError::Exists { path: target.to_owned() });
        }
        if target.file_name().is_none() {
            return Err(FileError::NotRegular { path: target.to_owned() });
        }
        let directory = Directory::of(target)?;
        let mut mark = [0; 16];
        random(&mut mark)?;
        let called = temporary_path(target, &mark);
        faults::before(Step::Create, &called).about(target)?;
        let opened = match faults::has_unnamed(&called) {
            true => open(&directory.handle, access).about(target)?,
            false => None,
        };
        let Some(file) = opened.filter(|file| fs::symlink_metadata(link_to(file)).is_ok()) else {
            return Ok(None);
        };
        faults::unnamed(&called, &file).about(target)?;
        Ok(Some(Self { file, target: target.to_owned(), called }))
    }

    /// The name the file will have.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Makes the file durable at [`temporary_path`]`(target, mark)`, as by [`Pending::stand_by`].
    ///
    /// # Errors
    /// `output-exists` if the temporary of an earlier attempt with this mark is there; `disk-full`,
    /// `file-permission`, `file-io`.
    pub fn stand_by(self, mark: &[u8; 16]) -> Result<Pending, FileError> {
        let (target, temporary) = (&self.target, temporary_path(&self.target, mark));
        sync(&self.file, &self.called).map_err(|error| error.of(target))?;
        let file = self.file.try_clone().about(target)?;
        // Nobody else has it open.
        let _ = flock(&file, FlockOperation::NonBlockingLockExclusive);
        faults::before(Step::Rename, &temporary).about(target)?;
        name(&file, &temporary).map_err(|error| error.of(target))?;
        let mut pending = Pending::of(file, target.clone(), temporary)?;
        pending.stand_by()?;
        Ok(pending)
    }
}

impl Write for Withheld {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        faults::before_write(Step::Write, &self.called, &mut self.file, bytes)?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Withheld {
    fn drop(&mut self) {
        faults::forget_unnamed(&self.called);
    }
}

/// Where the system shows an open file, so that a name can be made of it.
fn link_to(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Opens a file without a name; none where the file system refuses that.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn open(directory: &File, access: Access) -> rustix::io::Result<Option<File>> {
    use rustix::fs::{Mode, OFlags, openat};
    use rustix::io::Errno;
    // Not exclusive: that would forbid a name for good.
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match openat(directory, ".", flags, Mode::from_raw_mode(access.mode())) {
        Ok(file) => Ok(Some(File::from(file))),
        // A file system without such files, and kernels that do not know the flag.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOSYS | Errno::NOENT) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn open(_: &File, _: Access) -> rustix::io::Result<Option<File>> {
    Ok(None)
}

/// Gives an open file without a name this one, if nothing has it.
fn name(file: &File, target: &Path) -> Result<(), FileError> {
    use rustix::fs::{AtFlags, CWD, linkat};
    linkat(CWD, link_to(file), CWD, target, AtFlags::SYMLINK_FOLLOW).about(target)
}
