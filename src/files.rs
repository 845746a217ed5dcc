//! Durable storage: the only room that creates, renames, overwrites or removes files.
//!
//! Everything the service, the controller's tools and the custodians' kits keep on disk goes through here, so that the
//! order of durability (SPEC.md, "Order of durability") is written once and a test can stop it at any step.
//!
//! | call | what holds when it returns `Ok` |
//! |---|---|
//! | [`Pending::commit`], [`write_new`] | the whole file is on disk under its name; nothing was replaced |
//! | [`Pending::commit`] after [`Pending::create_over`], [`replace`] | the whole new file is on disk under its name; a crash leaves the old one or the new one |
//! | [`Append::append`] | the bytes are on disk at the end of the file |
//! | [`create_dir`], [`remove`], [`destroy`] | the change to the directory is on disk |
//! | [`Scratch::create`] | there is a file to work with, and no name that it could be left under |
//!
//! An error from a step *after* a rename or an unlink (the flush of the directory) means that the change is visible but
//! perhaps not yet durable: the caller is where a crash at that point would have left it, and recovers in the same way.
//!
//! Files that hold anything sensitive are made with [`Access::Private`] (mode 0600; a umask can only narrow it).
//! Error messages contain paths, which are the operator's own, and never a byte of a file's contents.

#[cfg(feature = "fault-injection")]
pub mod faults;

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use zeroize::Zeroize;

/// Without the feature there is nothing to ask, and the calls below compile to nothing.
#[cfg(not(feature = "fault-injection"))]
mod faults {
    use super::{File, Path, Step, io};

    #[inline(always)]
    pub(super) fn before(_: Step, _: &Path) -> io::Result<()> {
        Ok(())
    }

    #[inline(always)]
    pub(super) fn before_write(_: Step, _: &Path, _: &mut File, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
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

/// Why a file could not be created, read, changed or destroyed. Carries the path, never contents.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// `output-exists`: something already has this name, and nothing is ever written over.
    #[error("{path:?} exists already and is never written over: move it away or choose another name")]
    Exists {
        /// The name that is taken.
        path: PathBuf,
    },
    /// `file-missing`: no file, or no directory to put it in.
    #[error("{path:?} does not exist: check the path")]
    Missing {
        /// The path looked for.
        path: PathBuf,
    },
    /// `file-permission`: the operating system refuses this user.
    #[error("no permission for {path:?}: check its owner and mode, and those of its directory")]
    Permission {
        /// The path refused.
        path: PathBuf,
    },
    /// `disk-full`: no space, or no quota, is left.
    #[error("no space is left for {path:?}: free some, then repeat the command")]
    Full {
        /// The file being written.
        path: PathBuf,
    },
    /// `home-locked`: another process, or another part of this one, works there.
    #[error("another process holds {path:?}: wait until it has finished, then repeat the command")]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// `not-a-file`: a directory, a symbolic link, a device or the like where a regular file is needed.
    #[error("{path:?} is not a regular file: give the path of the file itself, not of a link or a directory")]
    NotRegular {
        /// What was found.
        path: PathBuf,
    },
    /// `file-too-large`: more bytes than such a file can have.
    #[error(
        "{path:?} is larger than the {limit} bytes that such a file can have: check that it is the right file"
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that would have been read, in bytes.
        limit: u64,
    },
    /// `append-broken`: an earlier append through this handle failed, so the end of the file is unknown.
    #[error(
        "an earlier write to {path:?} failed: repeat the command, which repairs the end of the file first"
    )]
    Broken {
        /// The file.
        path: PathBuf,
    },
    /// `no-randomness`: the operating system gave no random bytes.
    #[error("the operating system gives no random bytes: repeat the command once it does")]
    Randomness,
    /// `file-io`: anything else the operating system reports, by kind.
    #[error("input or output failed on {path:?} ({kind}): check the disk, then repeat the command")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        kind: ErrorKind,
    },
}

impl FileError {
    /// The stable short code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Exists { .. } => "output-exists",
            Self::Missing { .. } => "file-missing",
            Self::Permission { .. } => "file-permission",
            Self::Full { .. } => "disk-full",
            Self::Locked { .. } => "home-locked",
            Self::NotRegular { .. } => "not-a-file",
            Self::TooLarge { .. } => "file-too-large",
            Self::Broken { .. } => "append-broken",
            Self::Randomness => "no-randomness",
            Self::Io { .. } => "file-io",
        }
    }

    /// The same error of another path: of the file that a user asked for, where a temporary of it failed.
    fn of(self, path: &Path) -> Self {
        let path = path.to_owned();
        match self {
            Self::Missing { .. } => Self::Missing { path },
            Self::Permission { .. } => Self::Permission { path },
            Self::Full { .. } => Self::Full { path },
            Self::Io { kind, .. } => Self::Io { path, kind },
            other => other,
        }
    }

    /// The error for what [`io::Write`] (or any other `std` call) reported about `path`. The `io::Error` itself is not
    /// kept: one that comes from a parser or a writer may quote data.
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

/// Adds the path to an I/O result.
trait About<T> {
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

/// The directory that holds `path`, open so that it can be flushed.
///
/// It is opened before anything is created or renamed in it: a directory that cannot be opened is found out while
/// nothing has changed.
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
        let handle = File::open(parent).about(parent)?;
        Ok(Self { handle, path: parent.to_owned() })
    }

    fn sync(&self) -> Result<(), FileError> {
        faults::before(Step::SyncDirectory, &self.path).about(&self.path)?;
        match rustix::fs::fsync(&self.handle) {
            // Some network and user-space file systems have no flush for directories and say so in one of these ways;
            // PostgreSQL passes over the same two. There is nothing more that could be asked of them.
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
fn taken(path: &Path) -> Result<bool, FileError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).about(path),
    }
}

/// How the name of every temporary ends.
const TEMPORARY: &str = ".cstatns-tmp";

/// The temporaries in a directory, in order of name: what stopped processes left there, and what running ones are writing.
/// Whoever holds the directory's lock knows that they are of the first kind, and may remove them.
///
/// # Errors
/// `file-missing`, `file-permission`, `file-io`.
pub fn leftovers(directory: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).about(directory)? {
        let entry = entry.about(directory)?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(b".") && name.ends_with(TEMPORARY.as_bytes()) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Where a [`Pending`] made with this `mark` keeps its bytes until it is committed: beside `target`, as
/// `.<file name>.<mark, 32 hexadecimal digits>.cstatns-tmp`.
///
/// A caller that has written its mark down first (a run's is its nonce) finds the temporary again after a crash.
#[must_use]
pub fn temporary_path(target: &Path, mark: &[u8; 16]) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(format!(".{}{TEMPORARY}", HEXLOWER.encode(mark)));
    target.with_file_name(name)
}

/// Destroys the temporaries that stopped processes left of this file: they may hold identifiers, and nobody looks for
/// hidden files. One that a running process writes is locked by it. What cannot be removed does not stop the new attempt.
fn destroy_leftovers_of(target: &Path) {
    let Some(name) = target.file_name() else { return };
    let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let start = [b".", name.as_encoded_bytes(), b"."].concat();
    for path in leftovers(directory).unwrap_or_default() {
        let own = path.file_name().and_then(|name| name.as_encoded_bytes().strip_prefix(&start[..]));
        let mark = own.and_then(|rest| rest.strip_suffix(TEMPORARY.as_bytes()));
        if !mark.is_some_and(|mark| mark.len() == 32 && mark.iter().all(u8::is_ascii_hexdigit)) {
            continue;
        }
        // Opened as `destroy` opens it: a link or a pipe of that name is not followed and not waited for.
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let Ok(file) = rustix::fs::open(&path, flags, rustix::fs::Mode::empty()).map(File::from) else {
            continue;
        };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = destroy(&path);
        }
    }
}

/// A new file that does not have its name yet: written to a temporary beside it, named by [`Pending::commit`], removed if
/// it is dropped instead.
///
/// Each `write` is one system call: put an [`io::BufWriter`] around it.
pub struct Pending {
    file: File,
    directory: Directory,
    target: PathBuf,
    temporary: PathBuf,
    /// Whether it may take the name from another file.
    over: bool,
    /// Whether the temporary still has to go when this is dropped.
    unfinished: bool,
}

impl Pending {
    /// Starts a file that will be called `target`. What stopped processes left of earlier attempts at it is destroyed.
    ///
    /// # Errors
    /// `output-exists` if anything has that name; `file-missing` or `file-permission` for its directory; `disk-full`,
    /// `no-randomness`, `file-io`.
    pub fn create(target: &Path, access: Access) -> Result<Self, FileError> {
        let mut mark = [0; 16];
        random(&mut mark)?;
        destroy_leftovers_of(target);
        Self::create_marked(target, &mark, access)
    }

    /// As [`Pending::create`], with the temporary at [`temporary_path`]`(target, mark)`.
    ///
    /// # Errors
    /// As [`Pending::create`]; `output-exists` also if the temporary of an earlier attempt with this mark is there.
    pub fn create_marked(target: &Path, mark: &[u8; 16], access: Access) -> Result<Self, FileError> {
        if taken(target)? {
            return Err(FileError::Exists { path: target.to_owned() });
        }
        Self::begin(target, mark, access)
    }

    /// Starts a file that will take the name `target` from `old`, which has it and is open: until the commit the name leads
    /// to the old bytes, and whoever opened them keeps them. As long as `old` is open nobody else can do the same, so that
    /// of two changes none is lost.
    ///
    /// # Errors
    /// `file-missing` if nothing has that name; `not-a-file` for a link; `home-locked` if another process does the same, or
    /// has just done it; the others of [`Pending::create`], but for `output-exists`.
    pub fn create_over(target: &Path, old: &File, access: Access) -> Result<Self, FileError> {
        let mut mark = [0; 16];
        random(&mut mark)?;
        let locked = || FileError::Locked { path: target.to_owned() };
        if flock(old, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
            return Err(locked());
        }
        let (named, opened) = (fs::symlink_metadata(target).about(target)?, old.metadata().about(target)?);
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

    fn begin(target: &Path, mark: &[u8; 16], access: Access) -> Result<Self, FileError> {
        if target.file_name().is_none() {
            return Err(FileError::NotRegular { path: target.to_owned() });
        }
        let directory = Directory::of(target)?;
        let temporary = temporary_path(target, mark);
        let file = create_new(&temporary, access, false).map_err(|error| error.of(target))?;
        // Says for as long as this process lives that the temporary is not a leftover; where there are no locks, nothing
        // is taken for one.
        if flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
            return Err(FileError::Locked { path: target.to_owned() });
        }
        Ok(Self { file, directory, target: target.to_owned(), temporary, over: false, unfinished: true })
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

    /// Makes the file durable and gives it its name, without ever replacing a file: not even one that appeared since
    /// [`Pending::create`]. Only what [`Pending::create_over`] began replaces the file that has the name.
    ///
    /// # Errors
    /// `output-exists` if the name has been taken meanwhile; `disk-full`, `file-permission`, `file-io`. Only an error after
    /// the rename leaves the file under its name.
    pub fn commit(mut self) -> Result<(), FileError> {
        sync(&self.file, &self.temporary).map_err(|error| error.of(&self.target))?;
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
        self.directory.sync()
    }

    fn write_whole(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.write_all(bytes).about(&self.target)
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
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
            // Nobody can be told; a temporary that stays is recognised by its name.
            let _ = unlink(&self.temporary);
        }
    }
}

/// A file without a name, for what a step puts aside: the name is taken away as soon as the file is there, so that the
/// file is gone with the process, however that ends. On a network file system its server may keep it under a name of
/// its own until then.
///
/// Nothing of it is ever forced to disk. Removed files can be recovered: what it is given must be encrypted, under a key
/// that goes too.
pub struct Scratch {
    file: File,
    /// The name that it had, and the file beside which it lies: of the second the errors speak.
    temporary: PathBuf,
    beside: PathBuf,
}

impl Scratch {
    /// Makes an empty one, for the owner alone, in the directory of the file `beside`. A process that stops before the
    /// name is taken away leaves a temporary of that file, which the next [`Pending::create`] destroys.
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

/// What a kernel or a file system answers that does not know the flag below.
const UNKNOWN_FLAG: [Errno; 4] = [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOTSUP];

/// Renames; the kernel refuses to replace anything, in the same step.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_new(from: &Path, to: &Path) -> rustix::io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn rename_new(_: &Path, _: &Path) -> rustix::io::Result<()> {
    Err(Errno::NOSYS)
}

/// The same promise by hard links. A crash between the two steps leaves both names on one finished file.
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

/// Writes a whole file, in place of the one that may have this name: at any moment the name leads to the old bytes or to
/// the new ones. For the small files that state the present (`checkpoint`), not for outputs.
///
/// # Errors
/// As [`Pending::create`] and [`Pending::commit`], without `output-exists`.
pub fn replace(path: &Path, bytes: &[u8], access: Access) -> Result<(), FileError> {
    let mut mark = [0; 16];
    random(&mut mark)?;
    let mut pending = Pending::begin(path, &mark, access)?;
    pending.over = true;
    pending.write_whole(bytes)?;
    pending.commit()
}

/// A file that only grows at its end, each addition on disk before the call returns. For the ledger.
///
/// After an error the handle refuses everything: a failed write or flush leaves the end of the file unknown, and opening
/// it anew is what repairs it.
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
    /// `output-exists` if anything has that name; `file-missing`, `file-permission`, `disk-full`, `file-io`.
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
        let file = OpenOptions::new().append(true).open(path).about(path)?;
        let metadata = file.metadata().about(path)?;
        if !metadata.is_file() {
            return Err(FileError::NotRegular { path: path.to_owned() });
        }
        Ok(Self { file, path: path.to_owned(), length: metadata.len(), broken: false })
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

    fn change(&mut self, change: impl FnOnce(&mut File, &Path) -> io::Result<()>) -> Result<(), FileError> {
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

/// Reads a whole file of at most `limit` bytes.
///
/// The buffer is allocated once: a vector that grows leaves copies of a secret behind. The caller wipes it where the file
/// holds one.
///
/// # Errors
/// `file-missing`, `file-permission`, `file-too-large`, `file-io`.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let too_large = || FileError::TooLarge { path: path.to_owned(), limit };
    let mut file = File::open(path).about(path)?;
    let metadata = file.metadata().about(path)?;
    // What is not a regular file (a pipe that gives a passphrase) has no length to go by.
    let expected = if metadata.is_file() { metadata.len() } else { limit };
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

/// Makes a directory for the owner alone (mode 0700). Its parent must exist.
///
/// # Errors
/// `output-exists` if anything has that name; `file-missing`, `file-permission`, `disk-full`, `file-io`.
pub fn create_dir(path: &Path) -> Result<(), FileError> {
    let parent = Directory::of(path)?;
    faults::before(Step::CreateDirectory, path)
        .and_then(|()| DirBuilder::new().mode(0o700).create(path))
        .about(path)?;
    parent.sync()
}

/// Forces the directory that holds `path` to disk: for a name that a process gave which stopped before it could be sure
/// of it.
///
/// # Errors
/// `file-missing`, `file-permission`, `file-io`.
pub fn settle(path: &Path) -> Result<(), FileError> {
    Directory::of(path)?.sync()
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

/// What [`destroy`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destroyed {
    /// How many bytes were overwritten before the file was removed.
    pub bytes: u64,
}

/// Overwrites a file once with random bytes, forces that to disk, empties it and removes it.
///
/// What this is worth: the name is gone, and on a file system that writes in place on a magnetic disk the old bytes are.
/// On solid-state disks, copy-on-write or journalling file systems, snapshots, network storage and backups it **proves
/// nothing**: the overwritten blocks may all still exist. Encryption of the disk, and keys destroyed with it, are the
/// remedy there.
///
/// Interrupted anywhere, it leaves the file (its bytes perhaps half random) or no file, and can be repeated. Another hard
/// link to the file then names an empty file.
///
/// # Errors
/// `file-missing`; `not-a-file` for a link (never followed), a directory or a device; `file-permission`,
/// `no-randomness`, `file-io`.
pub fn destroy(path: &Path) -> Result<Destroyed, FileError> {
    let not_regular = || FileError::NotRegular { path: path.to_owned() };
    let directory = Directory::of(path)?;
    // A symbolic link fails here; a pipe without a reader fails instead of waiting for one.
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = match rustix::fs::open(path, flags, rustix::fs::Mode::empty()) {
        Ok(descriptor) => File::from(descriptor),
        Err(Errno::LOOP | Errno::ISDIR | Errno::NXIO) => return Err(not_regular()),
        Err(error) => return Err(error).about(path),
    };
    let metadata = file.metadata().about(path)?;
    if !metadata.is_file() {
        return Err(not_regular());
    }
    let bytes = metadata.len();
    file.seek(SeekFrom::Start(0)).about(path)?;
    let mut noise = vec![0; 64 * 1024];
    let mut left = bytes;
    while left > 0 {
        let chunk = left.min(noise.len() as u64) as usize;
        random(&mut noise[..chunk])?;
        faults::before_write(Step::Overwrite, path, &mut file, &noise[..chunk])
            .and_then(|()| file.write_all(&noise[..chunk]))
            .about(path)?;
        left -= chunk as u64;
    }
    sync(&file, path)?;
    faults::before(Step::Truncate, path).and_then(|()| file.set_len(0)).about(path)?;
    unlink(path)?;
    directory.sync()?;
    Ok(Destroyed { bytes })
}

/// As [`destroy`], but content if there is no such file.
///
/// # Errors
/// As [`destroy`], without `file-missing` for the file itself.
pub fn destroy_if_present(path: &Path) -> Result<Option<Destroyed>, FileError> {
    if !taken(path)? {
        return Ok(None);
    }
    destroy(path).map(Some)
}

/// The right to work in a home, until dropped or until the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Takes the lock at `path`, a file that stays when the lock goes (removing it would let two processes hold two files of
/// one name). Does not wait. A second lock is refused to this process as well.
///
/// # Errors
/// `home-locked` if it is held; `file-missing`, `file-permission`, `disk-full`, `file-io`.
pub fn lock(path: &Path) -> Result<Lock, FileError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let file = match options.open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            faults::before(Step::Create, path).about(path)?;
            // Not "must not exist": two processes may both find it missing, and the lock decides between them.
            options.create(true).mode(Access::Private.mode()).open(path)
        }
        opened => opened,
    }
    .about(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Lock { _file: file }),
        Err(Errno::WOULDBLOCK) => Err(FileError::Locked { path: path.to_owned() }),
        Err(error) => Err(error).about(path),
    }
}

#[cfg(test)]
mod tests {
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
