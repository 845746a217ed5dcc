//! The files that hold identifiers, or with which it can be said whose a code is, once the codes
//! stand beside the data (SPEC §6).

use std::path::{Path, PathBuf};

use cstatns_record::manifest::{Manifest, manifest_path};
use cstatns_record::requested::{Requested, requested_path};

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
    if let Some(request) = &requested.request {
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

/// Of these files those that are there.
pub(super) fn there(files: Vec<PathBuf>) -> Vec<PathBuf> {
    files.into_iter().filter(|file| file.symlink_metadata().is_ok()).collect()
}
