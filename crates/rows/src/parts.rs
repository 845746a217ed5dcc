//! A request or a result in parts, as an engine writes it: the files of a folder, in the order of
//! their first indexes (SPEC §6).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cstatns_base::files::{self, ReadAt};

use crate::columns::Indexes;
use crate::csv::Delimiter;
use crate::error::TableError;
use crate::table::{Extent, Fill, Input, Source};

/// Opens the file at `path`, whose first column is `index`; or of a folder its files, as if they
/// were one. Those whose names begin with `_` or `.`, which engines write beside data, and files
/// without rows are passed over.
///
/// # Errors
/// [`TableError`]: among them [`TableError::NoParts`], [`TableError::PartOther`],
/// [`TableError::PartFolder`].
pub fn open(path: &Path) -> Result<Source, TableError> {
    if !path.is_dir() {
        return Source::open(path, Delimiter::Under("index"));
    }
    let mut parts: Vec<([u8; 16], PathBuf)> = Vec::new();
    let mut first: Option<Source> = None;
    let mut whole = Extent::default();
    for file in files_of(path)? {
        let mut source = Source::open(&file, Delimiter::Under("index"))?;
        let extent = match &mut source {
            Source::Lines(rows) => rows.extent()?,
            Source::Columns(rows) => rows.extent()?,
        };
        whole.rows += extent.rows;
        whole.length += extent.length;
        whole.bytes += extent.bytes;
        match &first {
            Some(first) if !is_alike(first, &source) => {
                return Err(TableError::PartOther { path: file });
            }
            _ => {}
        }
        if let Some(index) = first_index(&mut source)? {
            parts.push((index, file));
        }
        first.get_or_insert(source);
    }
    parts.sort();
    let first = first.ok_or_else(|| TableError::NoParts { path: path.to_owned() })?;
    let files = parts.into_iter().map(|(_, file)| file).collect();
    Ok(Source::chained(path, files, first, whole))
}

/// Opens what lies in a parcel and is called `name`, as [`open`] does a file.
///
/// # Errors
/// [`TableError`].
pub fn open_inside(name: &Path, bytes: Arc<dyn ReadAt>) -> Result<Source, TableError> {
    Input::Inside(name, bytes).open(Delimiter::Under("index"))
}

/// All files of which a request or a result consists: itself, or all of its folder, those that are
/// passed over too.
///
/// # Errors
/// [`TableError::PartFolder`], [`TableError::File`].
pub fn all_files(path: &Path) -> Result<Vec<PathBuf>, TableError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    without_folders(files::list(path)?)
}

fn without_folders(found: Vec<PathBuf>) -> Result<Vec<PathBuf>, TableError> {
    match found.iter().find(|path| path.is_dir()) {
        Some(path) => Err(TableError::PartFolder { path: path.clone() }),
        None => Ok(found),
    }
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>, TableError> {
    let mut found = files::list(folder)?;
    found.retain(|path| {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        !name.starts_with(b"_") && !name.starts_with(b".")
    });
    match found.is_empty() {
        true => Err(TableError::NoParts { path: folder.to_owned() }),
        false => without_folders(found),
    }
}

/// Whether two parts have the same columns, of the same types and marks.
fn is_alike(one: &Source, other: &Source) -> bool {
    let (one, other) = (one.table(), other.table());
    let kinds = |table: &crate::table::Table| {
        (0..table.header().len()).map(|column| table.kind(column)).collect::<Vec<_>>()
    };
    one.header() == other.header()
        && one.schema().is_some() == other.schema().is_some()
        && one.delimiter() == other.delimiter()
        && kinds(one) == kinds(other)
        && one.known().map(|known| &known.meta) == other.known().map(|known| &known.meta)
}

fn first_index(source: &mut Source) -> Result<Option<[u8; 16]>, TableError> {
    fn of<B: Fill>(rows: &mut crate::table::Stream<B>) -> Result<Option<[u8; 16]>, TableError> {
        let indexes = Indexes::of(&rows.table)?;
        let mut found = Vec::new();
        if let Some(batch) = rows.next_batch()? {
            indexes.read(&batch, &mut found)?;
        }
        Ok(found.first().copied())
    }
    match source {
        Source::Lines(rows) => of(rows),
        Source::Columns(rows) => of(rows),
    }
}
