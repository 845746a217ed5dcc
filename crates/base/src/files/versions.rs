//! Files that are read by others and change together: at any moment all of them are of one version.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock, rename, symlink};
use rustix::io::Errno;

use super::error::{About, FileError};
use super::leftovers::{TEMPORARY, temporary_path};
use super::lock::release;
use super::{
    Access, Directory, Step, create_new, faults, random, remove_directory, settle, sync, taken,
    unlink,
};

/// The link that leads to the present version.
const CURRENT: &str = "current";

/// A directory whose files change together. Each version lies in a directory of its own, a link
/// leads to the present one, and a link for each file leads through that: what changes for a reader
/// is one name. The version before stays, for whoever has just been led to it.
pub struct Versions {
    pub(super) own: Directory,
    present: Option<PathBuf>,
}

impl Versions {
    /// Takes the directory, which is made for everybody to read if there is none, and removes what
    /// stopped processes left of a version.
    ///
    /// # Errors
    /// `file-locked` if another process does the same; `not-a-directory` for what is something
    /// else; `file-missing`, `file-permission`, `disk-full`, `file-io`.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        if !taken(path)? {
            make(path)?;
            settle(path)?;
        }
        let own = Directory::at(path)?;
        if flock(&own.handle, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
            return Err(FileError::InUse { path: path.to_owned() });
        }
        let present = match fs::read_link(path.join(CURRENT)) {
            Ok(version) => Some(version),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error).about(&path.join(CURRENT)),
        };
        Ok(Self { own, present })
    }

    /// The name of the present version, if there is one.
    pub fn present(&self) -> Option<&str> {
        self.present.as_deref()?.to_str()
    }

    /// Writes a version and makes it the present one, with [`Versions::complete`]: who finds the
    /// last of the files finds the others.
    ///
    /// # Errors
    /// `output-exists` if something else has the name of a file; `disk-full`, `file-permission`,
    /// `file-io`: the present version is what it was.
    pub fn publish(
        &mut self,
        version: &str,
        files: &mut [(&str, &mut dyn Read)],
    ) -> Result<(), FileError> {
        let path = self.own.path.clone();
        for (name, _) in files.iter() {
            self.check_link(name)?;
        }
        self.sweep(version)?;
        let (place, mut mark) = (path.join(version), [0; 16]);
        random(&mut mark)?;
        let temporary = temporary_path(&place, &mark);
        make(&temporary).map_err(|error| error.of(&place))?;
        for (name, source) in files.iter_mut().map(|(name, source)| (*name, source)) {
            let file = temporary.join(name);
            let mut written = create_new(&file, Access::Shared, false)?;
            faults::before(Step::Write, &file)
                .and_then(|()| io::copy(source, &mut written))
                .about(&path.join(name))?;
            sync(&written, &file).map_err(|error| error.of(&path.join(name)))?;
        }
        faults::before(Step::Rename, &place).about(&place)?;
        rename(&temporary, &place).about(&place)?;
        // The names in it, before a link leads to them: the directory that holds this name.
        settle(&place.join(CURRENT))?;
        self.own.sync()?;
        let (link, switch) = (path.join(CURRENT), temporary_path(&path.join(CURRENT), &mark));
        self.link(Path::new(version), &switch)?;
        faults::before(Step::Rename, &link).about(&link)?;
        rename(&switch, &link).about(&link)?;
        self.own.sync()?;
        self.link_all(&files.iter().map(|(name, _)| *name).collect::<Vec<_>>())?;
        let before = self.present.replace(version.into());
        self.keep_only(&[before.as_deref(), Some(Path::new(version))])
    }

    /// Makes the links of these files of the present version, in their order, where they are
    /// missing, and removes versions of which the one before is not the last: a stop may have left
    /// all that undone.
    ///
    /// # Errors
    /// `disk-full`, `file-permission`, `file-io`.
    pub fn complete(&self, files: &[&str]) -> Result<(), FileError> {
        self.link_all(files)?;
        let Some(present) = self.present.as_deref() else { return Ok(()) };
        let mut before = None;
        for entry in fs::read_dir(&self.own.path).about(&self.own.path)? {
            let name = PathBuf::from(entry.about(&self.own.path)?.file_name());
            let number = numbers(&name).filter(|number| Some(number) < numbers(present).as_ref());
            before = before.max(number.map(|number| (number, name)));
        }
        self.keep_only(&[before.as_ref().map(|(_, name)| name.as_path()), Some(present)])
    }

    fn link_all(&self, files: &[&str]) -> Result<(), FileError> {
        let path = &self.own.path;
        for name in files {
            if !taken(&path.join(name))? {
                self.link(&Path::new(CURRENT).join(name), &path.join(name))?;
            }
        }
        self.own.sync()
    }

    fn link(&self, to: &Path, from: &Path) -> Result<(), FileError> {
        faults::before(Step::Create, from).about(from)?;
        symlink(to, from).about(from)
    }

    fn check_link(&self, name: &str) -> Result<(), FileError> {
        let path = self.own.path.join(name);
        match fs::read_link(&path) {
            Ok(to) if to == Path::new(CURRENT).join(name) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            _ => Err(FileError::Exists { path }),
        }
    }

    /// Removes what a stopped process left: temporaries, and a version that never became the
    /// present one.
    fn sweep(&self, version: &str) -> Result<(), FileError> {
        let path = &self.own.path;
        for entry in fs::read_dir(path).about(path)? {
            let entry = entry.about(path)?;
            let name = entry.file_name();
            let is_temporary = name.as_encoded_bytes().ends_with(TEMPORARY.as_bytes());
            if is_temporary && entry.file_type().about(path)?.is_symlink() {
                unlink(&entry.path())?;
            } else if is_temporary
                || (name == version && self.present.as_deref() != Some(version.as_ref()))
            {
                remove_version(&entry.path())?;
            }
        }
        Ok(())
    }

    fn keep_only(&self, kept: &[Option<&Path>]) -> Result<(), FileError> {
        let path = &self.own.path;
        for entry in fs::read_dir(path).about(path)? {
            let entry = entry.about(path)?;
            let name = PathBuf::from(entry.file_name());
            if numbers(&name).is_some() && !kept.contains(&Some(&name)) {
                remove_version(&entry.path())?;
            }
        }
        Ok(())
    }
}

/// The numbers that the name of a version has; none if it is no version.
fn numbers(name: &Path) -> Option<Vec<u64>> {
    name.to_str()?.split('.').map(|part| part.parse().ok()).collect()
}

impl Drop for Versions {
    fn drop(&mut self) {
        release(&self.own.handle);
    }
}

/// Makes a directory that everybody may read, less what the umask takes away.
fn make(path: &Path) -> Result<(), FileError> {
    faults::before(Step::CreateDirectory, path)
        .and_then(|()| DirBuilder::new().mode(0o755).create(path))
        .about(path)
}

fn remove_version(path: &Path) -> Result<(), FileError> {
    for entry in fs::read_dir(path).about(path)? {
        unlink(&entry.about(path)?.path())?;
    }
    remove_directory(path)
}
