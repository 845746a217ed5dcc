//! Any bytes, read as CSV through a window of any size: what strict RFC 4180 accepts, read as the
//! `csv` crate reads it, or refused as it should be.

#![no_main]

#[path = "../../crates/rows/tests/strict/mod.rs"]
mod strict;

use std::path::PathBuf;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

/// The file that the bytes are put into, in memory where there is such a place.
fn path() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let memory = PathBuf::from("/dev/shm");
        let directory = if memory.is_dir() { memory } else { std::env::temp_dir() };
        directory.join(format!("cstatns-fuzz-{}.csv", std::process::id()))
    })
}

fuzz_target!(|input: (u8, u8, u8, &[u8])| {
    let (window, limit, delimiter, bytes) = input;
    // Large enough for the byte order mark, which is looked for at once.
    let window = 4 + usize::from(window);
    let delimiter = [b',', b';', b'\t', b'|'][usize::from(delimiter % 4)];
    strict::compare(path(), bytes, delimiter, window, 1 + usize::from(limit));
});
