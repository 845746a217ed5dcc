//! Durable storage: the only room that creates, renames, overwrites or removes files.
//!
//! Everything the service, the controller's tools and the custodians' kits keep on disk goes
//! through here, so that the order of durability (SPEC §13) is written once and a test can stop it
//! at any step.
//!
//! | call | what holds when it returns `Ok` |
//! |---|---|
//! | [`Pending::commit`], [`write_new`] | the whole file is on disk under its name; nothing was replaced |
//! | [`Pending::commit`] after [`Pending::create_over`], [`replace`] | the whole new file is on disk under its name; a crash leaves the old one or the new one |
//! | [`Withheld::stand_by`] | the whole file, which nobody could read before, is on disk under the name of its temporary |
//! | [`Together::commit`] | all the files are on disk under their names; nothing was replaced |
//! | [`Versions::publish`] | the new version of all the files is on disk under their names; a crash leaves the old version or the new one |
//! | [`PendingDirectory::commit`] | the directory and its files are on disk under its name; nothing was replaced |
//! | [`Append::append`] | the bytes are on disk at the end of the file |
//! | [`create_dir`], [`remove`], [`remove_empty_directory`], [`destroy`] | the change to the directory is on disk |
//! | [`Scratch::create`] | there is a file to work with, and no name that it could be left under |
//!
//! An error from a step *after* a rename or an unlink (the flush of the directory) means that the
//! change is visible but perhaps not yet durable: the caller is where a crash at that point would
//! have left it, and recovers in the same way.
//!
//! Files that hold anything sensitive are made with [`Access::Private`] (mode 0600; a umask can
//! only narrow it). Error messages contain paths, which are the operator's own, and never a byte of
//! a file's contents.

mod append;
mod at_work;
mod destroy;
mod error;
mod facts;
#[cfg(all(cstatns_faults, debug_assertions))]
pub mod faults;
mod journal;
mod leftovers;
mod lock;
mod new_directory;
mod pending;
mod places;
mod together;
mod versions;
mod withheld;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;
use zeroize::Zeroize;

use error::About;

pub use append::Append;
pub use at_work::AtWork;
pub use destroy::{Destroyed, Fate, Held, Remembered, destroy, destroy_if_present, withdraw};
pub use error::{FileError, words, words_fr};
pub use facts::{Facts, free_space, is_private};
pub use journal::{is_journal, log};
pub use leftovers::{is_temporary, leftovers, list, sweep, temporary_path};
pub use lock::{Lock, at_work, is_held, lock, lock_file, lock_for};
pub use new_directory::PendingDirectory;
pub use pending::{Pending, Scratch, replace, write_new};
pub use places::{ReadAt, ReadFrom, read_at};
pub use together::{FileId, Together, take_back};
pub use versions::Versions;
pub use withheld::Withheld;

/// Otherwise there is nothing to ask, and the calls below compile to nothing.
#[cfg(not(all(cstatns_faults, debug_assertions)))]
mod faults {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    use super::Step;

    #[inline(always)]
    pub(super) fn before(_: Step, _: &Path) -> io::Result<()> {
        Ok(())
    }

    #[inline(always)]
    pub(super) fn before_write(_: Step, _: &Path, _: &mut File, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    #[inline(always)]
    pub(super) fn has_unnamed(_: &Path) -> bool {
        true
    }

    #[inline(always)]
    pub(super) fn unnamed(_: &Path, _: &File) -> io::Result<()> {
        Ok(())
    }

    #[inline(always)]
    pub(super) fn forget_unnamed(_: &Path) {}
}

/// The kinds of step that change what a crash would leave behind. Fault injection counts these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A file comes into being, empty.
    Create,
    /// A directory comes into being.
    CreateDirectory,
    /// Bytes are handed to the operating system.
    Write,
    /// A file's bytes are forced to disk.
    Sync,
    /// A file takes its final name.
    Rename,
    /// A directory's entries are forced to disk.
    SyncDirectory,
    /// A name is taken away.
    Unlink,
    /// Bytes of a file that is being destroyed are overwritten.
    Overwrite,
    /// A file is shortened.
    Truncate,
}

/// Who may open a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// The owner alone: mode 0600.
    Private,
    /// Mode 0644, less what the umask takes away.
    Shared,
}

impl Access {
    fn mode(self) -> u32 {
        match self {
            Self::Private => 0o600,
            Self::Shared => 0o644,
        }
    }
}

/// The directory that holds `path`, open so that it can be flushed.
///
/// It is opened before anything is created or renamed in it: a directory that cannot be opened is
/// found out while nothing has changed.
struct Directory {
    handle: File,
    path: PathBuf,
}

impl Directory {
    fn of(path: &Path) -> Result<Self, FileError> {
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        Self::at(parent)
    }

    /// The directory with this name; whatever else has it is refused, and a pipe is not waited for.
    fn at(path: &Path) -> Result<Self, FileError> {
        let flags = OFlags::DIRECTORY.bits().cast_signed();
        let handle = OpenOptions::new().read(true).custom_flags(flags).open(path).about(path)?;
        Ok(Self { handle, path: path.to_owned() })
    }

    fn sync(&self) -> Result<(), FileError> {
        faults::before(Step::SyncDirectory, &self.path).about(&self.path)?;
        match rustix::fs::fsync(&self.handle) {
            // Some network and user-space file systems have no flush for directories and say so in
            // one of these ways; PostgreSQL passes over the same two. There is nothing more that
            // could be asked of them.
            Ok(()) | Err(Errno::INVAL | Errno::BADF) => Ok(()),
            Err(error) => Err(error).about(&self.path),
        }
    }
}

fn sync(file: &File, path: &Path) -> Result<(), FileError> {
    faults::before(Step::Sync, path).and_then(|()| file.sync_all()).about(path)
}

fn create_new(path: &Path, access: Access, append: bool) -> Result<File, FileError> {
    faults::before(Step::Create, path).about(path)?;
    let mut options = OpenOptions::new();
    if append {
        options.append(true);
    } else {
        options.write(true);
    }
    options.create_new(true).mode(access.mode()).open(path).about(path)
}

fn unlink(path: &Path) -> Result<(), FileError> {
    faults::before(Step::Unlink, path).and_then(|()| fs::remove_file(path)).about(path)
}

fn random(bytes: &mut [u8]) -> Result<(), FileError> {
    getrandom::fill(bytes).map_err(|_| FileError::Randomness)
}

/// Whether anything has this name: a link that leads nowhere counts.
///
/// # Errors
/// `file-permission`, `file-io` where that cannot be found out.
pub fn taken(path: &Path) -> Result<bool, FileError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).about(path),
    }
}

/// Opens a regular file to read it: whatever else has the name is refused, and a pipe is not waited
/// for.
///
/// # Errors
/// `not-a-file`; `file-missing`, `file-permission`, `file-io`.
pub fn open_to_read(path: &Path) -> Result<File, FileError> {
    let opened = OpenOptions::new().read(true).custom_flags(AT_ONCE).open(path);
    regular(path, opened)
}

/// A pipe in place of a file is not waited for, and a terminal does not become this process's.
const AT_ONCE: i32 = OFlags::NONBLOCK.union(OFlags::NOCTTY).bits().cast_signed();

/// What was opened, if it is a regular file.
fn regular(path: &Path, opened: io::Result<File>) -> Result<File, FileError> {
    let not_regular = || FileError::NotRegular { path: path.to_owned() };
    match opened {
        Ok(file) if file.metadata().about(path)?.is_file() => Ok(file),
        Ok(_) => Err(not_regular()),
        // A socket, a pipe that nobody reads, a device that nothing drives.
        Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {
            Err(not_regular())
        }
        Err(error) => Err(error).about(path),
    }
}

/// Reads a whole file of at most `limit` bytes.
///
/// The buffer is allocated once: a vector that grows leaves copies of a secret behind. The caller
/// wipes it where the file holds one.
///
/// # Errors
/// `not-a-file`, `file-missing`, `file-permission`, `file-too-large`, `file-io`.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let file = open_to_read(path)?;
    let length = file.metadata().about(path)?.len();
    read_whole(path, file, length, limit)
}

/// As [`read`], of what has the name itself: a link is refused, as whatever is no regular file. For
/// a directory that others write to.
///
/// # Errors
/// As [`read`].
pub fn read_no_link(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let flags = AT_ONCE | OFlags::NOFOLLOW.bits().cast_signed();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            return Err(FileError::NotRegular { path: path.to_owned() });
        }
        opened => regular(path, opened)?,
    };
    let length = file.metadata().about(path)?.len();
    read_whole(path, file, length, limit)
}

/// As [`read`], also from a pipe, which is waited for: for what a person or another program hands
/// over, such as a passphrase.
///
/// # Errors
/// As [`read`]; `not-a-file` for a directory alone.
pub fn read_also_pipe(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let file = File::open(path).about(path)?;
    let metadata = file.metadata().about(path)?;
    // What is not a regular file has no length to go by.
    let expected = if metadata.is_file() { metadata.len() } else { limit };
    read_whole(path, file, expected, limit)
}

fn read_whole(
    path: &Path,
    mut file: File,
    expected: u64,
    limit: u64,
) -> Result<Vec<u8>, FileError> {
    let too_large = || FileError::TooLarge { path: path.to_owned(), limit };
    if expected > limit {
        return Err(too_large());
    }
    // One byte more than expected shows whether the file ends where it should.
    let mut bytes = vec![0; usize::try_from(expected).map_err(|_| too_large())?.saturating_add(1)];
    let mut filled = 0;
    loop {
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                bytes.zeroize();
                return Err(error).about(path);
            }
        }
        if filled == bytes.len() {
            bytes.zeroize();
            return Err(too_large());
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// What is piped in, or was redirected from a file. `name` is what errors call it.
///
/// # Errors
/// `file-io`.
pub fn standard_input(name: &Path) -> Result<File, FileError> {
    use std::os::fd::AsFd;
    io::stdin().as_fd().try_clone_to_owned().map(File::from).about(name)
}

/// Makes a directory for the owner alone (mode 0700). Its parent must exist.
///
/// # Errors
/// `output-exists` if anything has that name; `file-missing`, `file-permission`, `disk-full`,
/// `file-io`.
pub fn create_dir(path: &Path) -> Result<(), FileError> {
    let parent = Directory::of(path)?;
    make_directory(path)?;
    let settled = parent.sync();
    if settled.is_err() {
        let _ = faults::before(Step::Unlink, path).and_then(|()| fs::remove_dir(path));
    }
    settled
}

/// Makes a directory as [`create_dir`] does, unless there is one.
///
/// # Errors
/// As [`create_dir`], and `not-a-directory` for what is something else.
pub fn ensure_dir(path: &Path) -> Result<(), FileError> {
    if path.is_dir() {
        return Ok(());
    }
    create_dir(path).map_err(|error| match error {
        FileError::Exists { path } if !path.is_dir() => FileError::NotDirectory { path },
        error => error,
    })
}

fn make_directory(path: &Path) -> Result<(), FileError> {
    faults::before(Step::CreateDirectory, path)
        .and_then(|()| DirBuilder::new().mode(0o700).create(path))
        .about(path)
}

/// Removes a directory that is empty.
///
/// # Errors
/// `file-missing`, `file-permission`, `file-io`, also where it is not empty.
pub fn remove_directory(path: &Path) -> Result<(), FileError> {
    let parent = Directory::of(path)?;
    faults::before(Step::Unlink, path).and_then(|()| fs::remove_dir(path)).about(path)?;
    parent.sync()
}

/// Removes a directory if nothing is in it, and says whether it is gone. One that may not be
/// removed, or a link to one, stays as one that is not empty does.
///
/// # Errors
/// `storage-failed`, `file-io`.
pub fn remove_empty_directory(path: &Path) -> Result<bool, FileError> {
    use ErrorKind::{DirectoryNotEmpty, ResourceBusy};
    match remove_directory(path) {
        Ok(()) => Ok(true),
        // A process that stopped may have removed it without being sure of it.
        Err(FileError::Missing { .. }) => match settle(path) {
            Ok(()) | Err(FileError::Missing { .. }) => Ok(true),
            Err(error) => Err(error),
        },
        Err(
            FileError::Permission { .. }
            | FileError::ReadOnly { .. }
            | FileError::NotDirectory { .. }
            | FileError::Io { kind: DirectoryNotEmpty | ResourceBusy, .. },
        ) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Forces the directory that holds `path` to disk: for a name that a process gave which stopped
/// before it could be sure of it.
///
/// # Errors
/// `file-missing`, `file-permission`, `file-io`.
pub fn settle(path: &Path) -> Result<(), FileError> {
    Directory::of(path)?.sync()
}

/// Whether names can be made and taken away in the directory that holds `path`: it is there, this
/// user may write to it, and its file system is not read-only. Looks only; makes nothing.
///
/// # Errors
/// `file-missing`, `file-permission`, `file-io`.
pub fn check_directory_of(path: &Path) -> Result<(), FileError> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    let directory = Directory::of(path)?.path;
    accessat(CWD, &directory, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)
        .about(&directory)
}

/// Removes a file (or a link, itself) that holds nothing worth destroying.
///
/// # Errors
/// `file-missing`, `file-permission`, `file-io`.
pub fn remove(path: &Path) -> Result<(), FileError> {
    let directory = Directory::of(path)?;
    unlink(path)?;
    directory.sync()
}

/// As [`remove`], but content if there is no such file; says whether there was one.
///
/// # Errors
/// `file-permission`, `file-io`.
pub fn remove_if_present(path: &Path) -> Result<bool, FileError> {
    if !taken(path)? {
        return Ok(false);
    }
    remove(path)?;
    Ok(true)
}
