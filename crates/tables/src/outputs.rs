//! Several new files that get their names together.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use cstatns::files::{self, FileError, Pending};

/// Commits the files in this order. When one fails, those before it are destroyed again, so that a failure leaves nothing.
///
/// A crash in between leaves the first ones: the last is the one that says that all are there.
pub(crate) fn commit_all(pending: impl IntoIterator<Item = Pending>) -> Result<(), FileError> {
    let mut made: Vec<(PathBuf, Option<(u64, u64)>)> = Vec::new();
    for pending in pending {
        made.push((pending.target().to_owned(), identity(pending.temporary())));
        if let Err(error) = pending.commit() {
            // A file of that name may be another's, who was quicker; ours is known by its inode.
            for (path, made) in made.iter().rev().filter(|(path, made)| identity(path) == *made) {
                if made.is_some() {
                    // The error that stopped us is the one to tell.
                    let _ = files::destroy_if_present(path);
                }
            }
            return Err(error);
        }
    }
    Ok(())
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}
