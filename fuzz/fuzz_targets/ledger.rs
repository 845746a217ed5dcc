//! Any bytes behind the first line of a ledger: what is read as the next line is the canonical form
//! of an event.

#![no_main]

#[path = "../../tests/canonical/forms.rs"]
mod forms;

use std::sync::LazyLock;

use cstatns::ledger::History;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const LEDGER: &str = include_str!("../../tests/data/golden/home/ledger.jsonl");

/// The id of the kept service.
static SERVICE: LazyLock<String> = LazyLock::new(|| {
    let genesis: Value = LEDGER.lines().next().and_then(|line| serde_json::from_str(line).ok()).expect("JSON");
    genesis["service"].as_str().expect("its id").to_owned()
});

static FOUNDED: LazyLock<History> = LazyLock::new(|| {
    let genesis = LEDGER.lines().next().expect("the first line").as_bytes();
    let mut history = History::default();
    assert!(forms::line(&history, &SERVICE, genesis));
    history.push(genesis);
    history
});

fuzz_target!(|bytes: &[u8]| {
    forms::line(&FOUNDED, &SERVICE, bytes);
    // The same in its place, so that lines of every kind are reached.
    let Ok(Value::Object(mut line)) = serde_json::from_slice(bytes) else { return };
    for (name, value) in [
        ("service", SERVICE.as_str().into()),
        ("sequence", 2.into()),
        ("previous", FOUNDED.last().to_string().into()),
        ("format", 2.into()),
    ] {
        line.insert(name.to_owned(), value);
    }
    let line = serde_json::to_vec(&line).expect("JSON");
    forms::line(&FOUNDED, &SERVICE, &line);
});
