//! Any bytes in place of one of the files of a custodian's kit: the kit is refused, or is the one
//! that was kept, with the statements that it made.

#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use cstatns::custody::custodian::{Kit, kept_lines};
use cstatns::name::canonical_json;
use libfuzzer_sys::fuzz_target;

const FILES: [&str; 5] = ["memory", "ledger.zst", "share-1", "card.json", "identity"];

/// A copy of the kept kit, in memory where there is such a place, and what the kit says of itself.
static KEPT: LazyLock<(PathBuf, Vec<u8>)> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let directory = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let kit = directory.join(format!("cstatns-fuzz-kit-{}", std::process::id()));
    fs::create_dir_all(&kit).expect("a new directory");
    FILES.iter().for_each(|file| lay(&kit, file));
    let says = canonical_json(&Kit::open(&kit, None).expect("the kept kit").shown());
    (kit, says)
});

/// Lays the kept file there again.
fn lay(kit: &Path, file: &str) {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/golden/kit-1");
    let bytes = fs::read(Path::new(golden).join(file)).expect("a kept file");
    fs::write(kit.join(file), bytes).expect("room");
}

fuzz_target!(|bytes: &[u8]| {
    let (kit, says) = &*KEPT;
    let Some((which, bytes)) = bytes.split_first() else { return };
    let file = FILES[usize::from(*which) % FILES.len()];
    fs::write(kit.join(file), bytes).expect("room");
    let _ = (Kit::card_in(kit), Kit::shown_by(kit), kept_lines(kit));
    if let Ok(kit) = Kit::open(kit, None) {
        assert!(canonical_json(&kit.shown()) == *says, "another kit");
        let _ = kit.evidence();
    }
    lay(kit, file);
});
