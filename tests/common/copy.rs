//! Copies of directories.

use std::fs;
use std::path::Path;

pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_tree(&path, &to);
        } else {
            // With its time, as `cp -a` copies: a request is known by it.
            let modified = fs::metadata(&path).unwrap().modified().unwrap();
            fs::copy(&path, &to).unwrap();
            fs::File::options().write(true).open(&to).unwrap().set_modified(modified).unwrap();
        }
    }
}
