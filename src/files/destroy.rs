//! Destruction, as far as there is one.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::error::{About, FileError};
use super::{Directory, Step, faults, random, sync, taken, unlink};

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
