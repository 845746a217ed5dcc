//! Any bytes as a proposal that was sent to a custodian, as the compressed lines in one, as the
//! lines, and as an approval that came in: refused, or the ledger that its service signed for.

#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use cstatns::checkpoint::Head;
use cstatns::custody::approval::Approval;
use cstatns::proposal_file::ProposalFile;
use cstatns::service::read_service_card;
use cstatns::state::read_ledger;
use data_encoding::BASE64;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// Where the file lies, in memory where there is such a place.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let directory = if memory.is_dir() { memory } else { std::env::temp_dir() };
    directory.join(format!("cstatns-fuzz-proposal-{}.json", std::process::id()))
});

/// The kept ledger as it travels, and what its service signed for.
static KEPT: LazyLock<(Value, Head)> = LazyLock::new(|| {
    let home = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/golden/home"));
    let card = read_service_card(&home.join("card.json")).expect("a kept card");
    let ledger = read_ledger(&home.join("ledger.jsonl"), &card).expect("a kept ledger");
    let proposal = json!({
        "question": "00".repeat(32),
        "checkpoint": ledger.checkpoint.note,
        "run_key": "00".repeat(1216),
    });
    let file = json!({ "format": 2, "suite": "CStatNS-HMAC-SHA-256", "proposal": proposal, "ledger": "" });
    (file, ledger.checkpoint.head)
});

/// What is folded of a file, if it is taken.
fn folded(bytes: &[u8]) -> Option<Head> {
    fs::write(&*FILE, bytes).expect("room");
    let file = ProposalFile::read(&FILE).ok()?;
    Some(file.fold(&FILE).ok()?.view().head())
}

fuzz_target!(|bytes: &[u8]| {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let lines = match which % 4 {
        0 => return drop(folded(bytes)),
        1 => bytes.to_vec(),
        2 => zstd::encode_all(bytes, 1).expect("it is compressed"),
        _ => {
            if let Ok(approval) = serde_json::from_slice::<Approval>(bytes) {
                let _ = approval.check_share();
            }
            return;
        }
    };
    let (mut file, head) = KEPT.clone();
    file["ledger"] = BASE64.encode(&lines).into();
    let found = folded(&serde_json::to_vec(&file).expect("JSON"));
    assert!(found.is_none_or(|found| found == head), "another ledger than was signed for");
});
