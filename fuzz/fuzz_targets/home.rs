//! Any bytes in place of one of the files of a home that are not the ledger: the home is refused,
//! or opened with every event that it had.

#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use cstatns::service::{Service, SystemClock};
use libfuzzer_sys::fuzz_target;

const LEDGER: &str = include_str!("../../tests/data/golden/home/ledger.jsonl");
const KEPT: [&str; 8] = [
    "card.json",
    "checkpoint",
    "identity",
    "life/checkpoint",
    "life/cstatns-life",
    "life/ledger.jsonl",
    "places.json",
    "ledger.jsonl",
];

/// A copy of the kept home, in memory where there is such a place.
static HOME: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let directory = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let home = directory.join(format!("cstatns-fuzz-home-{}", std::process::id()));
    for part in ["keys", "life", "outbox"] {
        fs::create_dir_all(home.join(part)).expect("a new directory");
    }
    home
});

/// The journal of a result that is not delivered.
static JOURNAL: LazyLock<String> = LazyLock::new(|| {
    let lines = LEDGER.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    let events: Vec<serde_json::Value> = lines.map(|line: serde_json::Value| line["event"].clone()).collect();
    let is = |event: &&serde_json::Value, word: &str| event["type"] == word;
    let made = events.iter().rfind(|event| is(event, "coded") || is(event, "renewed")).expect("a result");
    format!("outbox/{}.1.json", made["run"].as_str().expect("a run"))
});

fn lay(file: &str) {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/golden/home");
    let bytes = fs::read(Path::new(golden).join(file)).expect("a kept file");
    fs::write(HOME.join(file), bytes).expect("room");
}

fuzz_target!(|bytes: &[u8]| {
    let Some((which, bytes)) = bytes.split_first() else { return };
    KEPT.iter().for_each(|file| lay(file));
    let journal = HOME.join(&*JOURNAL);
    let _ = fs::remove_file(&journal);
    let which = usize::from(*which) % KEPT.len();
    // The last of the kept files is the ledger: the journal stands for it.
    let file = if which + 1 == KEPT.len() { journal } else { HOME.join(KEPT[which]) };
    fs::write(file, bytes).expect("room");
    if let Ok((service, _)) = Service::open(&HOME, SystemClock) {
        assert!(service.history().size() as usize >= LEDGER.lines().count(), "events are gone");
        let _ = service.status();
    }
    let ledger = fs::read_to_string(HOME.join("ledger.jsonl")).expect("the ledger");
    assert!(ledger.starts_with(LEDGER), "the ledger lost events");
});
