//! The data: one file or frame, or several files that make one request (SPEC §6).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cstatns_base::files::FileError;
use cstatns_rows::error::TableError;
use cstatns_rows::table::{Format, Input};

/// The most files that make one request.
pub(crate) const MOST_FILES: usize = 10_000;
/// So deep may folders lie in each other.
pub(crate) const DEEPEST: usize = 16;

/// The data of a request.
pub enum Data<'a> {
    /// One file, or a frame.
    One(Input<'a>),
    /// Several files, in the order in which their rows are counted. Codes come back as a folder of
    /// files that are called the same.
    Files(&'a [DataFile]),
}

impl<'a> From<Input<'a>> for Data<'a> {
    fn from(input: Input<'a>) -> Self {
        Self::One(input)
    }
}

impl<'a, P: AsRef<Path> + ?Sized> From<&'a P> for Data<'a> {
    fn from(path: &'a P) -> Self {
        Self::One(path.into())
    }
}

/// A file of data among several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile {
    /// What it is called among them: its name, and those of the folders in which it lies in the
    /// folder that was given.
    pub name: PathBuf,
    /// Where it is.
    pub path: PathBuf,
    /// The folder that was given, in which it lies; none where the file itself was.
    pub folder: Option<PathBuf>,
}

impl<'a> Data<'a> {
    /// Where the files are.
    pub(crate) fn paths(&self) -> Vec<&'a Path> {
        match self {
            Self::One(input) => input.file().into_iter().collect(),
            Self::Files(files) => files.iter().map(|file| &*file.path).collect(),
        }
    }
}

/// The files that somebody named: those that are none, and of folders all files in them, in order
/// of name. Left out are what Spark, Hive and file systems write beside data, whose names begin
/// with `_` or `.`, and `cstatns.toml`. None where one file was named, which is data by itself.
///
/// # Errors
/// [`FilesError`].
pub fn data_files(named: &[PathBuf]) -> Result<Option<Vec<DataFile>>, FilesError> {
    if let [one] = named
        && !one.is_dir()
    {
        return Ok(None);
    }
    let mut files = Vec::new();
    for path in named {
        if path.is_dir() {
            let before = files.len();
            add_files(path, Path::new(""), DEEPEST, &mut files)?;
            if files.len() == before {
                return Err(FilesError::NoData { path: path.clone() });
            }
            files[before..].iter_mut().for_each(|file| file.folder = Some(path.clone()));
        } else {
            let name = path.file_name().map(PathBuf::from).unwrap_or_default();
            files.push(DataFile { name, path: path.clone(), folder: None });
        }
    }
    if files.len() > MOST_FILES {
        return Err(FilesError::TooMany);
    }
    let mut names = BTreeSet::new();
    for DataFile { name, path, .. } in &files {
        Format::of(path)?;
        if name.to_str().is_none() {
            return Err(FilesError::NotText { path: path.clone() });
        }
        if !names.insert(name) {
            return Err(FilesError::SameName { path: path.clone() });
        }
    }
    Ok(Some(files))
}

/// Adds the files of a folder, in order of name.
fn add_files(
    folder: &Path,
    name: &Path,
    deep: usize,
    files: &mut Vec<DataFile>,
) -> Result<(), FilesError> {
    let failed = |error: std::io::Error| FileError::from_io(folder, &error);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let own = entry.file_name();
        if !own.as_encoded_bytes().starts_with(b"_")
            && !own.as_encoded_bytes().starts_with(b".")
            && own != "cstatns.toml"
        {
            found.push((own, entry.path()));
        }
    }
    found.sort();
    for (own, path) in found {
        let name = name.join(own);
        match (path.is_dir(), deep) {
            (true, 0) => return Err(FilesError::TooMany),
            (true, _) => add_files(&path, &name, deep - 1, files)?,
            (false, _) => files.push(DataFile { name, path, folder: None }),
        }
        if files.len() > MOST_FILES {
            return Err(FilesError::TooMany);
        }
    }
    Ok(())
}

/// Why files are not data together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilesError {
    /// A file's type.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// `no-data`: a folder without data.
    #[error("there is no data in the folder {path:?}")]
    NoData {
        /// The folder.
        path: PathBuf,
    },
    /// `too-many-data`: too many files, or folders too deep in each other.
    #[error("more than {MOST_FILES} files of data, or folders more than {DEEPEST} deep")]
    TooMany,
    /// `data-name`: the name of a file is not text.
    #[error("the name of {path:?} is not text")]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// `same-name`: two files are called the same, as their coded ones would be.
    #[error("{path:?} is called as another file of the data, and their coded files would be too")]
    SameName {
        /// The second of them.
        path: PathBuf,
    },
}

cstatns_base::coded!(FilesError {
    Self::Table(error) => (error),
    Self::File(error) => (error),
    Self::NoData { path } => ("no-data", Input, [path]),
    Self::TooMany => ("too-many-data", Input, []),
    Self::NotText { path } => ("data-name", Input, [path]),
    Self::SameName { path } => ("same-name", Input, [path]),
});
