//! Destruction, as far as there is one.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::name::Hex;

use super::error::{About, FileError};
use super::{
    Directory, Step, check_directory_of, faults, random, sync, taken, temporary_path, unlink,
};

/// What [`destroy`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Destroyed {
    /// How many bytes were overwritten before the file was removed.
    pub bytes: u64,
}

/// Overwrites a file once with random bytes, forces that to disk, empties it and removes it.
///
/// What this is worth: the name is gone, and on a file system that writes in place on a magnetic
/// disk the old bytes are. On solid-state disks, copy-on-write or journalling file systems,
/// snapshots, network storage and backups it **proves nothing**: the overwritten blocks may all
/// still exist. Encryption of the disk, and keys destroyed with it, are the remedy there.
///
/// Interrupted anywhere, it leaves the file (its bytes perhaps half random) or no file, and can be
/// repeated. Another hard link to the file then names an empty file.
///
/// # Errors
/// `file-missing`; `not-a-file` for a link (never followed), a directory or a device;
/// `file-permission`, `no-randomness`, `file-io`.
pub fn destroy(path: &Path) -> Result<Destroyed, FileError> {
    let directory = Directory::of(path)?;
    let mut file = open(path)?;
    overwrite(&mut file, path).and_then(|destroyed| {
        unlink(path)?;
        directory.sync()?;
        Ok(destroyed)
    })
}

/// Opens a file to be destroyed: a symbolic link fails, a pipe without a reader fails instead of
/// waiting for one.
fn open(path: &Path) -> Result<File, FileError> {
    let not_regular = || FileError::NotRegular { path: path.to_owned() };
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, rustix::fs::Mode::empty()) {
        Ok(descriptor) => File::from(descriptor),
        Err(Errno::LOOP | Errno::ISDIR | Errno::NXIO) => return Err(not_regular()),
        Err(error) => return Err(error).about(path),
    };
    if file.metadata().about(path)?.is_file() { Ok(file) } else { Err(not_regular()) }
}

/// Overwrites the whole file once and empties it.
fn overwrite(file: &mut File, path: &Path) -> Result<Destroyed, FileError> {
    let bytes = file.metadata().about(path)?.len();
    file.seek(SeekFrom::Start(0)).about(path)?;
    let mut noise = vec![0; 64 * 1024];
    let mut left = bytes;
    while left > 0 {
        let chunk = left.min(noise.len() as u64) as usize;
        random(&mut noise[..chunk])?;
        faults::before_write(Step::Overwrite, path, file, &noise[..chunk])
            .and_then(|()| file.write_all(&noise[..chunk]))
            .about(path)?;
        left -= chunk as u64;
    }
    sync(file, path)?;
    faults::before(Step::Truncate, path).and_then(|()| file.set_len(0)).about(path)?;
    Ok(Destroyed { bytes })
}

/// A file that will be destroyed, held open from before the work on it. Its bytes are destroyed
/// through the descriptor, also when its name was taken from it meanwhile.
pub struct Held {
    file: File,
    remembered: Remembered,
}

/// How a file that will be destroyed is known again by another process: its path and the identity
/// of the file and of its directory. A journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    /// Where the file lies.
    pub path: PathBuf,
    /// Its inode, length in bytes and time of last change in nanoseconds.
    file: [Hex<8>; 3],
    /// Device and inode of its directory.
    directory: [Hex<8>; 2],
}

/// What became of a file that was to be destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is destroyed now.
    Destroyed,
    /// It was no longer where it lay.
    Absent,
    /// Its directory is not there, or another one is: a medium that is not mounted. Nothing is
    /// known of the file.
    Away,
}

fn number(number: u64) -> Hex<8> {
    Hex(number.to_be_bytes())
}

fn identity(metadata: &Metadata) -> [Hex<8>; 3] {
    let changed = metadata.mtime().wrapping_mul(1_000_000_000).wrapping_add(metadata.mtime_nsec());
    [number(metadata.ino()), number(metadata.len()), number(changed.cast_unsigned())]
}

fn place(metadata: &Metadata) -> [Hex<8>; 2] {
    [number(metadata.dev()), number(metadata.ino())]
}

impl Held {
    /// Holds a file, once it is seen that it can be destroyed: it can be written to, and its name
    /// can be taken away.
    ///
    /// # Errors
    /// As [`destroy`]; `file-permission` also for a file of somebody else in a directory with the
    /// sticky bit.
    pub fn new(path: &Path) -> Result<Self, FileError> {
        let path = &std::path::absolute(path).about(path)?;
        let directory = Directory::of(path)?;
        let file = open(path)?;
        let (metadata, around) =
            (file.metadata().about(path)?, directory.handle.metadata().about(path)?);
        check_directory_of(path)?;
        let user = rustix::process::geteuid().as_raw();
        let sticky = around.mode() & 0o1000 != 0;
        if sticky && user != 0 && user != metadata.uid() && user != around.uid() {
            return Err(FileError::Permission { path: path.to_owned() });
        }
        let remembered = Remembered {
            path: path.to_owned(),
            file: identity(&metadata),
            directory: place(&around),
        };
        Ok(Self { file, remembered })
    }

    /// How the file is known again.
    #[must_use]
    pub fn remembered(&self) -> &Remembered {
        &self.remembered
    }

    /// Destroys the file, and takes its name away if the name still leads to it. [`Fate::Absent`]
    /// when the name does not.
    ///
    /// # Errors
    /// As [`destroy`].
    pub fn destroy(mut self) -> Result<Fate, FileError> {
        let path = &self.remembered.path;
        let inode = self.remembered.file[0];
        overwrite(&mut self.file, path)?;
        match std::fs::symlink_metadata(path) {
            Ok(named) if number(named.ino()) == inode => {}
            Ok(_) => return Ok(Fate::Absent),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Fate::Absent),
            Err(error) => return Err(error).about(path),
        }
        let directory = Directory::of(path)?;
        unlink(path)?;
        directory.sync()?;
        Ok(Fate::Destroyed)
    }
}

impl Remembered {
    /// Whether the file is not there and neither is its directory: a medium that is not mounted.
    /// Looks only.
    pub fn is_away(&self) -> bool {
        let found = std::fs::symlink_metadata(&self.path);
        let parent = std::fs::metadata(self.path.parent().unwrap_or(&self.path));
        found.is_err_and(|error| error.kind() == ErrorKind::NotFound)
            && !parent.is_ok_and(|metadata| place(&metadata) == self.directory)
    }

    /// Destroys the file if it is where it lay. Another file that has its name now is left alone.
    ///
    /// # Errors
    /// As [`destroy`].
    pub fn destroy(&self) -> Result<Fate, FileError> {
        let path = &self.path;
        let not_found = |error: &std::io::Error| error.kind() == ErrorKind::NotFound;
        let found = match std::fs::symlink_metadata(path) {
            Ok(metadata) => Some(identity(&metadata)),
            Err(error) if not_found(&error) => None,
            Err(error) => return Err(error).about(path),
        };
        // Copied as it was, or on a medium that numbers its files anew each time, it is known by
        // its length and time.
        if found.is_some_and(|found| found[0] == self.file[0] || found[1..] == self.file[1..]) {
            destroy(path)?;
            return Ok(Fate::Destroyed);
        }
        let parent = path.parent().unwrap_or(path);
        match std::fs::metadata(parent) {
            Ok(metadata) if place(&metadata) == self.directory => {
                super::settle(path)?;
                Ok(Fate::Absent)
            }
            Ok(_) => Ok(Fate::Away),
            Err(error) if not_found(&error) => Ok(Fate::Away),
            Err(error) => Err(error).about(parent),
        }
    }
}

/// As [`destroy`], but content if there is no such file. That there is none is on disk on return: a
/// process that stopped may have taken the name away without being sure of it.
///
/// # Errors
/// As [`destroy`], without `file-missing` for the file itself.
pub fn destroy_if_present(path: &Path) -> Result<Option<Destroyed>, FileError> {
    if taken(path)? {
        return destroy(path).map(Some);
    }
    match super::settle(path) {
        Ok(()) | Err(FileError::Missing { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Takes a file's name away and destroys it. The name goes first, in one step: stopped at any point
/// this leaves the whole file under its name, or a temporary (with this `mark`), which is destroyed
/// as a leftover.
///
/// # Errors
/// As [`destroy`].
pub fn withdraw(path: &Path, mark: &[u8; 16]) -> Result<Destroyed, FileError> {
    let directory = Directory::of(path)?;
    let temporary = temporary_path(path, mark);
    faults::before(Step::Rename, path).about(path)?;
    rustix::fs::rename(path, &temporary).about(path)?;
    directory.sync()?;
    destroy(&temporary)
}
