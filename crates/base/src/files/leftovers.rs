//! What stopped processes left: temporaries are known by their names, and those of a running
//! process by its lock.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::io::Errno;

use super::error::{About, FileError};
use super::{Directory, destroy, remove_directory, unlink};

/// How the name of every temporary ends.
pub(super) const TEMPORARY: &str = ".cstatns-tmp";

/// The temporaries in a directory, in order of name: files that stopped processes left there, and
/// that running ones are writing. The holder of the directory's lock knows that they are of the
/// first kind, and may remove them.
///
/// # Errors
/// `file-missing`, `file-permission`, `file-io`.
pub fn leftovers(directory: &Path) -> Result<Vec<PathBuf>, FileError> {
    temporaries(directory, false)
}

/// What lies in a directory, in order of name.
///
/// # Errors
/// `file-missing`, `file-permission`, `file-io`.
pub fn list(directory: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).about(directory)? {
        found.push(entry.about(directory)?.path());
    }
    found.sort();
    Ok(found)
}

/// Whether a file name is that of a temporary.
#[must_use]
pub fn is_temporary(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b".") && name.ends_with(TEMPORARY.as_bytes())
}

fn temporaries(directory: &Path, directories_too: bool) -> Result<Vec<PathBuf>, FileError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).about(directory)? {
        let entry = entry.about(directory)?;
        if is_temporary(&entry.file_name()) {
            let kind = entry.file_type().about(directory)?;
            if kind.is_file() || (directories_too && kind.is_dir()) {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Destroys the temporaries in a directory that no running process writes, and says how many.
///
/// # Errors
/// `file-missing`, `file-permission`, `no-randomness`, `file-io`.
pub fn sweep(directory: &Path) -> Result<usize, FileError> {
    let mut swept = 0;
    for path in leftovers(directory)? {
        swept += usize::from(destroy_leftover(&path)?);
    }
    Ok(swept)
}

/// Where a [`Pending`](super::Pending) made with this `mark` keeps its bytes until it is committed:
/// beside `target`, as `.<file name>.<mark, 32 hexadecimal digits>.cstatns-tmp`.
///
/// A caller that has written its mark down first (a run's is its nonce) finds the temporary again
/// after a crash.
#[must_use]
pub fn temporary_path(target: &Path, mark: &[u8; 16]) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(format!(".{}{TEMPORARY}", HEXLOWER.encode(mark)));
    target.with_file_name(name)
}

/// The temporaries of one file or directory, with their marks.
pub(super) fn leftovers_of(target: &Path) -> Vec<(PathBuf, [u8; 16])> {
    let Some(name) = target.file_name() else { return Vec::new() };
    let directory =
        target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let start = [b".", name.as_encoded_bytes(), b"."].concat();
    let mark = |path: &Path| {
        let mark = path.file_name()?.as_encoded_bytes().strip_prefix(&start[..])?;
        HEXLOWER.decode(mark.strip_suffix(TEMPORARY.as_bytes())?).ok()?.try_into().ok()
    };
    let all = temporaries(directory, true).unwrap_or_default();
    all.into_iter().filter_map(|path| mark(&path).map(|mark| (path, mark))).collect()
}

/// Destroys the temporaries that stopped processes left of this file: they may hold identifiers,
/// and nobody looks for hidden files. What cannot be removed does not stop the new attempt, at the
/// end of which it is tried once more.
pub(super) fn destroy_leftovers_of(target: &Path) {
    for (path, _) in leftovers_of(target) {
        let _ = destroy_leftover(&path);
    }
}

/// Who holds a temporary.
pub(super) enum Holder {
    /// This process now, as long as the file is open.
    Us(File),
    /// A running process, or one that cannot be asked.
    Another,
    /// There is no such temporary.
    Nobody,
}

/// Takes the lock of a temporary that a stopped process left. Where there are no locks, nothing is
/// taken for a leftover.
pub(super) fn hold(temporary: &Path) -> Holder {
    // A link or a pipe of that name is not followed and not waited for; a directory can only be
    // opened for reading.
    let open = |access| {
        let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        rustix::fs::open(temporary, flags, Mode::empty())
    };
    let opened = match open(OFlags::WRONLY) {
        Err(Errno::ISDIR) => open(OFlags::RDONLY | OFlags::DIRECTORY),
        opened => opened,
    };
    match opened.map(File::from) {
        Ok(file) if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() => {
            Holder::Us(file)
        }
        Err(Errno::NOENT) => Holder::Nobody,
        _ => Holder::Another,
    }
}

/// Destroys a temporary, unless a running process holds it; says whether it did.
fn destroy_leftover(path: &Path) -> Result<bool, FileError> {
    let Holder::Us(file) = hold(path) else { return Ok(false) };
    let metadata = file.metadata().about(path)?;
    if metadata.is_dir() {
        destroy_inside(path)?;
        remove_directory(path)?;
    } else if metadata.nlink() > 1 {
        // It took its name by a hard link: what would be overwritten is the finished file.
        let directory = Directory::of(path)?;
        unlink(path)?;
        directory.sync()?;
    } else {
        destroy(path)?;
    }
    Ok(true)
}

/// Destroys the files in a directory, and in those within it, as far as that can be done.
pub(super) fn destroy_inside(directory: &Path) -> Result<(), FileError> {
    let mut outcome = Ok(());
    for entry in fs::read_dir(directory).about(directory)? {
        let entry = entry.about(directory)?;
        let path = entry.path();
        let gone = match entry.file_type().about(directory)?.is_dir() {
            true => destroy_inside(&path).and_then(|()| remove_directory(&path)),
            false => destroy(&path).map(drop).or_else(|_| unlink(&path)),
        };
        outcome = outcome.and(gone);
    }
    outcome
}
