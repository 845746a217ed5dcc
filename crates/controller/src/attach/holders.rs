//! The files that hold identifiers, or with which it can be said whose a code is, once the codes
//! stand beside the data (SPEC §6).

use std::path::{Path, PathBuf};

use cstatns_parcel::request::is_age;
use cstatns_record::manifest::{Manifest, manifest_path};
use cstatns_record::requested::{Requested, requested_path};
use cstatns_rows::error::TableError;
use cstatns_rows::parts::all_files;

use crate::data::Data;

use super::command::Files;

/// Those of a command that are there: the data, the request with its manifest, the result, the
/// retained file with what lies beside it. The second list is that of files of which it is not
/// certain that they are the request: another may have been written there since, or its manifest is
/// away.
pub(super) fn holders(what: &Files<'_>, requested: &Requested) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let mut own: Vec<PathBuf> = match &what.data[..] {
        [] => requested.data.iter().filter_map(|data| data.path.clone()).collect(),
        given => given.iter().copied().map(Path::to_owned).collect(),
    };
    let mut others = Vec::new();
    // A parcel holds nothing that its sender can read.
    let request = requested.request.as_ref();
    if let Some(request) = request.filter(|request| !is_age(request).is_ok_and(|is_age| is_age)) {
        let manifest = manifest_path(request);
        let found = Manifest::read(&manifest).map(|manifest| manifest.input.commitment);
        let files = [request.clone(), manifest];
        match found.is_ok_and(|found| found == requested.commitment) {
            true => own.extend(files),
            false => others.extend(files),
        }
    }
    own.push(what.result.to_owned());
    own.extend(what.retained.map(Path::to_owned));
    own.extend(what.retained.map(requested_path));
    (there(own), there(others))
}

/// The same without folders: a result in parts is all that lies in its folder.
pub(super) fn in_folders(own: &[PathBuf]) -> Result<Vec<PathBuf>, TableError> {
    let files = own.iter().map(|path| all_files(path)).collect::<Result<Vec<_>, _>>()?;
    Ok(files.concat())
}

/// The files of the data that lie in a folder that was given, each with it.
pub(super) fn folders(
    data: Option<&Data<'_>>,
    requested: Option<&Requested>,
) -> Vec<(PathBuf, PathBuf)> {
    match (data, requested) {
        (Some(Data::Files(files)), _) => {
            let given = files.iter().map(|file| Some((file.path.clone(), file.folder.clone()?)));
            given.flatten().collect()
        }
        (None, Some(requested)) => {
            let known = requested.data.iter();
            known.filter_map(|data| Some((data.path.clone()?, data.folder.clone()?))).collect()
        }
        _ => Vec::new(),
    }
}

/// Of these files those that are there.
pub(super) fn there(files: Vec<PathBuf>) -> Vec<PathBuf> {
    files.into_iter().filter(|file| file.symlink_metadata().is_ok()).collect()
}
