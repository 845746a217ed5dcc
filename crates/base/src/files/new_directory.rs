//! Directories that are not there until they are whole.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::error::{About, FileError};
use super::leftovers::{destroy_inside, destroy_leftovers_of, temporary_path};
use super::lock::release;
use super::pending::{UNKNOWN_FLAG, rename_back, rename_new};
use super::together::FileId;
use super::{
    Access, Directory, Pending, Step, create_new, ensure_dir, faults, make_directory, random,
    remove_directory, sync, taken,
};

/// A new directory, for the owner alone, that does not have its name yet: filled beside it, named
/// by [`PendingDirectory::commit`], destroyed with its files if it is dropped instead.
pub struct PendingDirectory {
    /// The directory itself, by which it is locked and flushed.
    pub(super) own: Directory,
    parent: Directory,
    target: PathBuf,
    unfinished: bool,
}

impl PendingDirectory {
    /// Starts a directory that will be called `target`. What stopped processes left of earlier
    /// attempts at it is destroyed.
    ///
    /// # Errors
    /// `output-exists` if anything has that name; `file-missing` or `file-permission` for its
    /// parent; `disk-full`, `no-randomness`, `file-io`.
    pub fn create(target: &Path) -> Result<Self, FileError> {
        destroy_leftovers_of(target);
        if taken(target)? {
            return Err(FileError::Exists { path: target.to_owned() });
        }
        if target.file_name().is_none() {
            return Err(FileError::NotRegular { path: target.to_owned() });
        }
        let parent = Directory::of(target)?;
        let mut mark = [0; 16];
        random(&mut mark)?;
        let path = temporary_path(target, &mark);
        make_directory(&path).map_err(|error| error.of(target))?;
        let handle = match File::open(&path).about(target) {
            Ok(handle) => handle,
            Err(error) => {
                let _ = fs::remove_dir(&path);
                return Err(error);
            }
        };
        let target = target.to_owned();
        // As that of a pending file.
        if flock(&handle, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
            return Err(FileError::InUse { path: target });
        }
        Ok(Self { own: Directory { handle, path }, parent, target, unfinished: true })
    }

    /// Writes a new file in it, durable with the directory.
    ///
    /// # Errors
    /// `output-exists` if it has such a file; `disk-full`, `file-io`.
    pub fn write_new(&self, name: &str, bytes: &[u8], access: Access) -> Result<(), FileError> {
        let place = self.target.join(name);
        let path = self.own.path.join(name);
        let mut file = create_new(&path, access, false).map_err(|error| error.of(&place))?;
        faults::before_write(Step::Write, &path, &mut file, bytes)
            .and_then(|()| file.write_all(bytes))
            .about(&place)?;
        sync(&file, &path).map_err(|error| error.of(&place))
    }

    /// Starts a new file in it, in a directory of its own where `name` has one. It is there with
    /// the directory once it [stands by](Pending::stand_by).
    ///
    /// # Errors
    /// `output-exists` if there is such a file; `disk-full`, `file-io`.
    pub fn begin(&self, name: &Path, access: Access) -> Result<Pending, FileError> {
        let target = self.target.join(name);
        let mut within = self.own.path.clone();
        for part in name.parent().into_iter().flat_map(Path::components) {
            within.push(part);
            ensure_dir(&within).map_err(|error| error.of(&target))?;
        }
        Pending::begin_at(&self.own.path.join(name), target, access)
    }

    /// Where it is as long as it has no name: for who needs it no longer than that.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.own.path
    }

    /// What it will be known by under its name.
    ///
    /// # Errors
    /// `file-io`.
    pub fn id(&self) -> Result<FileId, FileError> {
        let metadata = self.own.handle.metadata().about(&self.target)?;
        Ok(FileId::of_metadata(&metadata))
    }

    /// Makes the directory durable and gives it its name, without replacing anything.
    ///
    /// # Errors
    /// `output-exists` if the name has been taken meanwhile; `disk-full`, `file-permission`,
    /// `file-io`. Nothing is left then.
    pub fn commit(mut self) -> Result<(), FileError> {
        self.own.sync().map_err(|error| error.of(&self.target))?;
        faults::before(Step::Rename, &self.target).about(&self.target)?;
        match rename_new(&self.own.path, &self.target) {
            // Without the flag a directory replaces nothing either, but for an empty directory.
            Err(error) if UNKNOWN_FLAG.contains(&error) => {
                rustix::fs::rename(&self.own.path, &self.target)
            }
            result => result,
        }
        .map_err(|error| match error {
            Errno::NOTEMPTY | Errno::NOTDIR => Errno::EXIST,
            error => error,
        })
        .about(&self.target)?;
        self.unfinished = false;
        if let Err(error) = self.parent.sync() {
            self.unfinished = rename_back(&self.target, &self.own.path).is_ok();
            return Err(error);
        }
        // As a pending file does.
        destroy_leftovers_of(&self.target);
        Ok(())
    }
}

impl Drop for PendingDirectory {
    fn drop(&mut self) {
        if self.unfinished {
            // Nobody can be informed; a temporary that stays is recognised by its name.
            let _ = destroy_inside(&self.own.path);
            let _ = remove_directory(&self.own.path);
        }
        release(&self.own.handle);
    }
}
