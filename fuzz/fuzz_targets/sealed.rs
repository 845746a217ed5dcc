//! Any bytes as the manifest of a request and as a report: each has one form.

#![no_main]

#[path = "../../crates/bulk/tests/tables/sealed.rs"]
mod sealed;

use std::path::Path;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

/// A place for the files, in memory where there is such a place.
fn place() -> &'static Path {
    static PLACE: OnceLock<TempDir> = OnceLock::new();
    let made = PLACE.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        made.expect("a directory can be made")
    });
    made.path()
}

fuzz_target!(|bytes: &[u8]| {
    sealed::manifest(place(), bytes);
    sealed::report(place(), bytes);
});
