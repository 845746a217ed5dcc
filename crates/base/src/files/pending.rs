//! Files that are not there until they are whole: written beside their name, or without one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::error::{About, FileError};
use super::leftovers::{destroy_leftovers_of, temporary_path};
use super::lock::release;
use super::{Access, Directory, Step, create_new, faults, random, sync, taken, unlink};

/// A new file that does not have its name yet: written to a temporary beside it, named by
/// [`Pending::commit`], removed if it is dropped instead.
///
/// Each `write` is one system call: put an [`io::BufWriter`] around it.
pub struct Pending {
    pub(super) file: File,
    directory: Directory,
    target: PathBuf,
    temporary: PathBuf,
    /// Whether it may take the name from another file.
    over: bool,
    /// Whether the temporary still has to go when this is dropped.
    pub(super) unfinished: bool,
    /// Whether all that was written is on disk.
    settled: bool,
}

impl Pending {
    /// Starts a file that will be called `target`. What stopped processes left of earlier attempts
    /// at it is destroyed.
    ///
    /// # Errors
    /// `output-exists` if anything has that name; `file-missing` or `file-permission` for its
    /// directory; `disk-full`, `no-randomness`, `file-io`.
    pub fn create(target: &Path, access: Access) -> Result<Self, FileError> {
        let mut mark = [0; 16];
        random(&mut mark)?;
        destroy_leftovers_of(target);
        Self::create_marked(target, &mark, access)
    }

    /// As [`Pending::create`], with the temporary at [`temporary_path`]`(target, mark)`.
    ///
    /// # Errors
    /// As [`Pending::create`]; `output-exists` also if the temporary of an earlier attempt with
    /// this mark is there.
    pub fn create_marked(
        target: &Path,
        mark: &[u8; 16],
        access: Access,
    ) -> Result<Self, FileError> {
        if taken(target)? {
            return Err(FileError::Exists { path: target.to_owned() });
        }
        Self::begin(target, mark, access)
    }

    /// Starts a file that will take the name `target` from `old`, which has it and is open: until
    /// the commit the name leads to the old bytes, and a process that has them open keeps them. As
    /// long as `old` is open nobody else can do the same, so that of two changes none is lost.
    ///
    /// # Errors
    /// `file-missing` if nothing has that name; `not-a-file` for a link; `file-locked` if another
    /// process does the same, or has just done it; the others of [`Pending::create`], but for
    /// `output-exists`.
    pub fn create_over(target: &Path, old: &File, access: Access) -> Result<Self, FileError> {
        let mut mark = [0; 16];
        random(&mut mark)?;
        let locked = || FileError::InUse { path: target.to_owned() };
        if flock(old, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
            return Err(locked());
        }
        let (named, opened) =
            (fs::symlink_metadata(target).about(target)?, old.metadata().about(target)?);
        if !named.is_file() {
            return Err(FileError::NotRegular { path: target.to_owned() });
        }
        if (named.dev(), named.ino()) != (opened.dev(), opened.ino()) {
            return Err(locked());
        }
        destroy_leftovers_of(target);
        let mut pending = Self::begin(target, &mark, access)?;
        pending.over = true;
        Ok(pending)
    }

    /// The file that a [`Withheld`](super::Withheld) was, which has the name of its temporary.
    pub(super) fn of(file: File, target: PathBuf, temporary: PathBuf) -> Result<Self, FileError> {
        let directory = Directory::of(&target)?;
        let (over, unfinished, settled) = (false, true, true);
        Ok(Self { file, directory, target, temporary, over, unfinished, settled })
    }

    pub(super) fn begin(target: &Path, mark: &[u8; 16], access: Access) -> Result<Self, FileError> {
        if target.file_name().is_none() {
            return Err(FileError::NotRegular { path: target.to_owned() });
        }
        let directory = Directory::of(target)?;
        let temporary = temporary_path(target, mark);
        let file = create_new(&temporary, access, false).map_err(|error| error.of(target))?;
        // Says for as long as this process lives that the temporary is not a leftover; where there
        // are no locks, nothing is taken for one.
        if flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
            return Err(FileError::InUse { path: target.to_owned() });
        }
        let target = target.to_owned();
        Ok(Self {
            file,
            directory,
            target,
            temporary,
            over: false,
            unfinished: true,
            settled: false,
        })
    }

    /// A file of a directory that is not there yet: it has its name in that, and the whole path
    /// that it will have is `target`.
    pub(super) fn begin_at(
        path: &Path,
        target: PathBuf,
        access: Access,
    ) -> Result<Self, FileError> {
        let directory = Directory::of(path)?;
        let file = create_new(path, access, false).map_err(|error| error.of(&target))?;
        let (over, unfinished, settled) = (false, true, false);
        Ok(Self { file, directory, target, temporary: path.to_owned(), over, unfinished, settled })
    }

    /// Where the bytes are until the commit.
    #[must_use]
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// The name the file will have.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Makes the file durable and gives it its name, without ever replacing a file: not even one
    /// that appeared since [`Pending::create`]. Only what [`Pending::create_over`] began replaces
    /// the file that has the name.
    ///
    /// # Errors
    /// `output-exists` if the name has been taken meanwhile; `disk-full`, `file-permission`,
    /// `file-io`. Only an error after the rename leaves the file under its name.
    pub fn commit(mut self) -> Result<(), FileError> {
        self.take_name()
    }

    /// Forces what was written to disk.
    pub(super) fn settle(&mut self) -> Result<(), FileError> {
        if !self.settled {
            sync(&self.file, &self.temporary).map_err(|error| error.of(&self.target))?;
            self.settled = true;
        }
        Ok(())
    }

    /// As [`Pending::commit`], keeping hold of the file: after an error [`Pending::has_name`] says
    /// whether the name was given all the same.
    ///
    /// # Errors
    /// As [`Pending::commit`].
    pub fn take_name(&mut self) -> Result<(), FileError> {
        self.settle()?;
        faults::before(Step::Rename, &self.target).about(&self.target)?;
        let renamed = match self.over {
            true => rustix::fs::rename(&self.temporary, &self.target),
            false => rename_new(&self.temporary, &self.target),
        };
        match renamed {
            Err(error) if !self.over && UNKNOWN_FLAG.contains(&error) => {
                link_new(&self.temporary, &self.target)?
            }
            result => result.about(&self.target)?,
        }
        self.unfinished = false;
        self.directory.sync()?;
        // What could not be destroyed when it began, because the disk was full, say.
        destroy_leftovers_of(&self.target);
        Ok(())
    }

    /// Makes the file durable under the name of its temporary, which stays there from here on if
    /// this is dropped: for who has written the mark down, and destroys it.
    ///
    /// # Errors
    /// `disk-full`, `file-io`.
    pub fn stand_by(&mut self) -> Result<(), FileError> {
        self.settle()?;
        self.directory.sync()?;
        self.unfinished = false;
        Ok(())
    }

    /// Gives the file that stood by the name of its temporary again.
    ///
    /// # Errors
    /// `file-missing`, `file-permission`, `file-io`.
    pub fn stand_back(&mut self) -> Result<(), FileError> {
        rename_back(&self.target, &self.temporary)
    }

    /// Whether it is this file that has the name.
    #[must_use]
    pub fn has_name(&self) -> bool {
        is_named(&self.file, &self.target)
    }

    /// Takes the name away again: the bytes are in the temporary as before. The caller has seen
    /// that it is this file which has the name.
    pub(super) fn give_name_back(&mut self) -> Result<(), FileError> {
        rename_back(&self.target, &self.temporary)?;
        self.unfinished = true;
        Ok(())
    }

    /// Forces the directory to disk.
    pub(super) fn settle_directory(&self) -> Result<(), FileError> {
        self.directory.sync()
    }

    /// Writes over bytes that were written before, from the place `at` on.
    ///
    /// # Errors
    /// `disk-full`, `file-io`.
    pub fn write_over(&mut self, bytes: &[u8], at: u64) -> Result<(), FileError> {
        self.settled = false;
        faults::before(Step::Write, &self.temporary)
            .and_then(|()| self.file.write_all_at(bytes, at))
            .about(&self.target)
    }

    fn write_whole(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.write_all(bytes).about(&self.target)
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.settled = false;
        faults::before_write(Step::Write, &self.temporary, &mut self.file, bytes)?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.unfinished {
            // Nobody can be informed; a temporary that stays is recognised by its name.
            let _ = unlink(&self.temporary);
        }
        release(&self.file);
    }
}

/// A file without a name, for what a step puts aside: the name is taken away as soon as the file is
/// there, so that the file is gone with the process, however that ends. On a network file system
/// its server may keep it under a name of its own until then.
///
/// Nothing of it is ever forced to disk. Removed files can be recovered: what it is given must be
/// encrypted, under a key that goes too.
pub struct Scratch {
    file: File,
    /// The name that it had, and the file beside which it lies: of the second the errors speak.
    temporary: PathBuf,
    beside: PathBuf,
}

impl Scratch {
    /// Makes an empty one, for the owner alone, in the directory of the file `beside`. A process
    /// that stops before the name is taken away leaves a temporary of that file, which the next
    /// [`Pending::create`] destroys.
    ///
    /// # Errors
    /// `file-missing`, `file-permission`, `disk-full`, `no-randomness`, `file-io`.
    pub fn create(beside: &Path) -> Result<Self, FileError> {
        let mut mark = [0; 16];
        random(&mut mark)?;
        let mut pending = Pending::begin(beside, &mark, Access::Private)?;
        let temporary = pending.temporary.clone();
        // Opened again: a pending file is open for writing only.
        let file = OpenOptions::new().read(true).write(true).open(&temporary).about(beside)?;
        unlink(&temporary).map_err(|error| error.of(beside))?;
        pending.unfinished = false;
        Ok(Self { file, temporary, beside: beside.to_owned() })
    }

    /// Writes bytes at a place, counted from the start; several threads may.
    ///
    /// # Errors
    /// `disk-full`, `file-io`.
    pub fn write_at(&self, bytes: &[u8], place: u64) -> Result<(), FileError> {
        faults::before(Step::Write, &self.temporary)
            .and_then(|()| self.file.write_all_at(bytes, place))
            .about(&self.beside)
    }

    /// Reads bytes back, as many as `bytes` holds; several threads may.
    ///
    /// # Errors
    /// `file-io`, also where fewer were written.
    pub fn read_at(&self, bytes: &mut [u8], place: u64) -> Result<(), FileError> {
        self.file.read_exact_at(bytes, place).about(&self.beside)
    }
}

/// Whether the name leads to the open file.
pub(super) fn is_named(file: &File, path: &Path) -> bool {
    let identity = |data: fs::Metadata| (data.dev(), data.ino());
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(own), Ok(named)) => identity(own) == identity(named),
        _ => false,
    }
}

/// What a kernel or a file system answers that does not know the flag below.
pub(super) const UNKNOWN_FLAG: [Errno; 4] =
    [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOTSUP];

/// Renames; the kernel refuses to replace anything, in the same step.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(super) fn rename_new(from: &Path, to: &Path) -> rustix::io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(super) fn rename_new(_: &Path, _: &Path) -> rustix::io::Result<()> {
    Err(Errno::NOSYS)
}

/// Gives a file, or a directory, the hidden name of its temporary again, and makes that durable.
pub(super) fn rename_back(target: &Path, temporary: &Path) -> Result<(), FileError> {
    let directory = Directory::of(target)?;
    faults::before(Step::Rename, temporary).about(target)?;
    rustix::fs::rename(target, temporary).about(target)?;
    directory.sync()
}

/// The same promise by hard links. A crash between the two steps leaves both names on one finished
/// file.
fn link_new(from: &Path, to: &Path) -> Result<(), FileError> {
    fs::hard_link(from, to).about(to)?;
    unlink(from)
}

/// Writes a whole new file.
///
/// # Errors
/// As [`Pending::create`] and [`Pending::commit`].
pub fn write_new(path: &Path, bytes: &[u8], access: Access) -> Result<(), FileError> {
    let mut pending = Pending::create(path, access)?;
    pending.write_whole(bytes)?;
    pending.commit()
}

/// Writes a whole file, in place of the one that may have this name: at any moment the name leads
/// to the old bytes or to the new ones. For the small files that state the present (`checkpoint`),
/// not for outputs. What stopped processes left of earlier attempts at it is destroyed.
///
/// # Errors
/// As [`Pending::create`] and [`Pending::commit`], without `output-exists`.
pub fn replace(path: &Path, bytes: &[u8], access: Access) -> Result<(), FileError> {
    let mut mark = [0; 16];
    random(&mut mark)?;
    destroy_leftovers_of(path);
    let mut pending = Pending::begin(path, &mark, access)?;
    pending.over = true;
    pending.write_whole(bytes)?;
    pending.commit()
}

#[cfg(test)]
mod tests {
    use crate::coded::Coded as _;

    use super::*;

    /// No file system here lacks the flag, so the other way is tested by itself.
    #[test]
    fn hard_links_do_not_replace_either() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        fs::write(&from, "new").unwrap();
        link_new(&from, &to).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"new");
        assert!(!from.exists());

        fs::write(&from, "newer").unwrap();
        assert_eq!(link_new(&from, &to).unwrap_err().code(), "output-exists");
        assert_eq!(fs::read(&to).unwrap(), b"new");
        assert!(from.exists());
    }
}
