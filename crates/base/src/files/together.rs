//! Several new files that get their names together, or none of them.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{About, FileError};
use super::leftovers::{Holder, destroy_leftovers_of, hold, leftovers_of, temporary_path};
use super::lock::release;
use super::pending::rename_back;
use super::{
    Access, Directory, Pending, destroy_if_present, random, read, remove_if_present, taken, unlink,
};

/// More than a journal is long, in bytes.
const LIMIT: u64 = 1 << 16;

/// What distinguishes a file from another one under its name: not where it lies, so it stays the
/// same when the file is renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileId {
    /// Its inode.
    pub inode: u64,
    /// Its length.
    pub bytes: u64,
    /// When it was last written, in seconds and nanoseconds.
    pub modified: (i64, i64),
}

impl FileId {
    /// The id of the file of this name; none if the file does not exist. A link is not followed.
    ///
    /// # Errors
    /// `not-a-file` for anything but a regular file; `file-permission`, `file-io`.
    pub fn of(path: &Path) -> Result<Option<Self>, FileError> {
        let metadata = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            metadata => metadata.about(path)?,
        };
        if !metadata.is_file() {
            return Err(FileError::NotRegular { path: path.to_owned() });
        }
        Ok(Some(Self::of_metadata(&metadata)))
    }

    /// The same of a directory.
    ///
    /// # Errors
    /// `not-a-directory` for anything else; `file-permission`, `file-io`.
    pub fn of_directory(path: &Path) -> Result<Option<Self>, FileError> {
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Ok(metadata) if !metadata.is_dir() => {
                Err(FileError::NotDirectory { path: path.to_owned() })
            }
            metadata => Ok(Some(Self::of_metadata(&metadata.about(path)?))),
        }
    }

    pub(super) fn of_metadata(metadata: &fs::Metadata) -> Self {
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        Self { inode: metadata.ino(), bytes: metadata.len(), modified }
    }

    /// Whether the file of this name is this one.
    fn has(self, path: &Path) -> bool {
        Self::of(path).is_ok_and(|found| found == Some(self))
    }
}

/// New files that get their names in their order, the last one's saying that all are there. An
/// error leaves none of them; a process that stops in between leaves the first ones, which the next
/// [`Together::create`] of the same names takes back.
///
/// It knows them by a journal, `.<last name>.journal.<mark>.cstatns-tmp`, which is on disk before
/// the first name is given and holds the [`FileId`] of each file. As long as the last file has its
/// temporary, the files that the journal knows are of a run that has not finished, so that nobody
/// can have used them; once it has its name, nothing is taken back.
pub struct Together<const N: usize> {
    /// The files, to be written.
    pub files: [Pending; N],
    mark: [u8; 16],
}

impl<const N: usize> Together<N> {
    /// Starts the files, once what stopped processes left of them is taken back and destroyed.
    ///
    /// # Errors
    /// As [`Pending::create`]: `output-exists` if anything has one of the names.
    pub fn create(targets: [&Path; N], access: Access) -> Result<Self, FileError> {
        take_back(&targets)?;
        for target in targets {
            if taken(target)? {
                return Err(FileError::Exists { path: target.to_owned() });
            }
        }
        let mut mark = [0; 16];
        random(&mut mark)?;
        let mut files = Vec::with_capacity(N);
        for target in targets {
            files.push(Pending::create_marked(target, &mark, access)?);
        }
        let files = files.try_into().unwrap_or_else(|_| unreachable!("one for each target"));
        Ok(Self { files, mark })
    }

    /// Files that were started otherwise, each with the temporary of this `mark`, once
    /// [`take_back`] has gone through their names.
    pub fn of(files: [Pending; N], mark: [u8; 16]) -> Self {
        Self { files, mark }
    }

    /// Gives all of them their names.
    ///
    /// # Errors
    /// As [`Pending::commit`]; none of them has its name then.
    pub fn commit(self) -> Result<(), FileError> {
        let Self { mut files, mark } = self;
        let mut ids = Vec::with_capacity(N);
        for file in &mut files {
            file.settle()?;
            let id = FileId::of(file.temporary())?;
            ids.push(id.ok_or_else(|| FileError::Missing { path: file.target().to_owned() })?);
        }
        let journal = match N {
            0 | 1 => None,
            _ => Some(write_journal(files[N - 1].target(), &mark, &ids)?),
        };
        let mut outcome = files.iter_mut().try_for_each(Pending::take_name);
        if let (Ok(()), Some(journal)) = (&outcome, &journal) {
            outcome = unlink(journal.temporary()).and_then(|()| journal.settle_directory());
        }
        if outcome.is_err() {
            undo(files, &ids);
        }
        if let Some(mut journal) = journal {
            journal.unfinished &= outcome.is_err();
        }
        outcome
    }
}

/// Takes the names of these files away again, then destroys them, the last one last: while it is
/// there, a process that stops here has not finished either. The error that stopped us is the one
/// to report.
fn undo<const N: usize>(mut files: [Pending; N], ids: &[FileId]) {
    for (file, id) in files.iter_mut().zip(ids).rev() {
        // A file of that name may be another's, who was quicker.
        if id.has(file.target()) && file.give_name_back().is_err() {
            let _ = unlink(file.target());
        }
    }
    for file in files {
        let _ = destroy_if_present(file.temporary());
    }
}

fn write_journal(last: &Path, mark: &[u8; 16], ids: &[FileId]) -> Result<Pending, FileError> {
    let place = journal_of(last);
    let mut journal = Pending::begin(&place, mark, Access::Private)?;
    let bytes = serde_json::to_vec(ids).expect("it can be written as JSON");
    journal.write_all(&bytes).about(&place)?;
    journal.settle()?;
    journal.settle_directory()?;
    Ok(journal)
}

/// What a journal is a temporary of; nothing ever has this name.
fn journal_of(last: &Path) -> PathBuf {
    let mut name = last.as_os_str().to_owned();
    name.push(".journal");
    name.into()
}

/// Takes back what stopped processes left of new files with these names, where the last one's never
/// got its name, and destroys it with all their temporaries.
///
/// # Errors
/// `output-exists` where another file has the last name meanwhile: then nothing is touched.
/// `file-permission`, `disk-full`, `file-io`.
pub fn take_back(targets: &[&Path]) -> Result<(), FileError> {
    if let [.., last] = targets {
        for (journal, mark) in leftovers_of(&journal_of(last)) {
            match hold(&temporary_path(last, &mark)) {
                Holder::Another => continue,
                Holder::Nobody => {}
                Holder::Us(file) => {
                    // With a second name it has its own one, by a hard link, wherever that is now.
                    if file.metadata().about(last)?.nlink() == 1 {
                        take_names_back(targets, &journal, &mark)?;
                    }
                    release(&file);
                }
            }
            if matches!(hold(&journal), Holder::Us(_)) {
                remove_if_present(&journal)?;
            }
        }
    }
    targets.iter().for_each(|target| destroy_leftovers_of(target));
    Ok(())
}

fn take_names_back(targets: &[&Path], journal: &Path, mark: &[u8; 16]) -> Result<(), FileError> {
    // One that is not whole was never followed by a name.
    let ids: Vec<FileId> = serde_json::from_slice(&read(journal, LIMIT)?).unwrap_or_default();
    let Some((last, others)) = targets.split_last() else { return Ok(()) };
    if ids.is_empty() {
        return Ok(());
    }
    if taken(last)? {
        return Err(FileError::Exists { path: (*last).to_owned() });
    }
    for (target, id) in others.iter().zip(ids).rev() {
        if id.has(target) {
            rename_back(target, &temporary_path(target, mark))?;
        } else if !taken(target)? {
            // Perhaps it was taken back, and the process stopped before that was on disk.
            Directory::of(target)?.sync()?;
        }
    }
    Ok(())
}
