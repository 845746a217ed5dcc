//! Any bytes in place of one of the files of a custodian's kit: the kit is refused, or is the one
//! that was kept, with the statements that it made.

#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use cstatns::custody::custodian::{Kit, kept_lines};
use cstatns::jiff::Timestamp;
use cstatns::name::canonical_json;
use cstatns::state::{ReadLedger, read_ledger};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const FILES: [&str; 6] = ["memory", "ledger.zst", "share-2", "card.json", "identity", "card.key"];

/// The name of a file in the kit: that of a card with its receiving key has the card's words.
fn named(file: &str) -> &str {
    static KEY: LazyLock<String> = LazyLock::new(|| {
        let files = fs::read_dir(GOLDEN).expect("the kept kit").flatten();
        let mut names = files.filter_map(|entry| entry.file_name().into_string().ok());
        names.find(|name| name.ends_with(".key")).expect("a kept receiving key")
    });
    if file == "card.key" { &KEY } else { file }
}

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/golden/kit-1");

/// The ledger that the kept kit follows, and when it was seen.
static SEEN: LazyLock<(ReadLedger, Timestamp)> = LazyLock::new(|| {
    let home = Path::new(GOLDEN).with_file_name("home");
    let card = fs::read(home.join("card.json")).expect("a kept card");
    let card = serde_json::from_slice(&card).expect("a card");
    let ledger = read_ledger(&home.join("ledger.jsonl"), &card).expect("the kept ledger");
    (ledger, "2026-01-13T00:00:00Z".parse().expect("a time"))
});

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
    let bytes = fs::read(Path::new(GOLDEN).join(named(file))).expect("a kept file");
    fs::write(kit.join(named(file)), bytes).expect("room");
}

fuzz_target!(|bytes: &[u8]| {
    let (kit, says) = &*KEPT;
    let Some((which, bytes)) = bytes.split_first() else { return };
    let file = FILES[usize::from(*which) % FILES.len()];
    fs::write(kit.join(named(file)), bytes).expect("room");
    let _ = (Kit::card_in(kit), Kit::shown_by(kit), kept_lines(kit));
    if let Ok(kit) = Kit::open(kit, None) {
        assert!(canonical_json(&kit.shown()) == *says, "another kit");
        let _ = kit.evidence();
    }
    // What opens a share is read when a share is; then the kit remembers its check.
    if ["share-2", "card.key"].contains(&file) {
        let mut opened = Kit::open(kit, None).expect("no other file of it changed");
        let (ledger, now) = &*SEEN;
        if opened.check(ledger.view(), *now).is_ok() {
            let kept = fs::read(Path::new(GOLDEN).join(named(file))).expect("a kept file");
            let same = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("it was read");
            assert_eq!(same(bytes), same(&kept), "another share, or another key");
            ["memory", "ledger.zst"].iter().for_each(|file| lay(kit, file));
        }
    }
    lay(kit, file);
});
