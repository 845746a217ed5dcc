//! The rehearsal of what may happen, on a twin of a service: it leaves an event and nothing else.

use crate::common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{Place, files, text};
use serde_json::Value;

const STEPS: [&str; 7] = ["founding", "loss", "doubt", "renewal", "recovery", "expiry", "audit"];

/// Everything in the place but the ledger, its copies and what is made from it.
fn others(place: &Place) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = files(place.directory.path());
    let is_ledger = |path: &Path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        ["ledger.jsonl", "checkpoint", "snapshot", "lock"].contains(&name)
    };
    all.retain(|path, _| !is_ledger(path));
    all
}

fn events(ledger: &str) -> Vec<Value> {
    ledger
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].clone())
        .collect()
}

/// It holds, and adds one event to the ledger: no other file of the place changes.
fn is_rehearsed(place: &Place) -> String {
    let (before, ledger) = (others(place), place.read("home/ledger.jsonl"));
    let said = place.ok("service rehearse home");
    assert!(others(place) == before, "something else was changed or left");
    let now = place.read("home/ledger.jsonl");
    let added = events(now.strip_prefix(&ledger).unwrap());
    let expected = serde_json::json!([{ "type": "rehearsed", "steps": STEPS }]);
    assert_eq!(Value::from(added), expected);
    for number in 1..=STEPS.len() {
        assert!(said.contains(&format!("  {number}. ")), "{said}");
    }
    said
}

#[test]
fn a_demonstration_is_rehearsed() {
    let place = Place::open();
    let never = place.json("service status home");
    assert_eq!(never["rehearsal"], Value::Null);
    let said = is_rehearsed(&place);
    assert!(said.contains("2 of 3 invented custodians"), "{said}");

    let again = place.json("service rehearse home");
    assert_eq!(again["steps"], serde_json::json!(STEPS));
    let event = again["event"].clone();
    let status = place.json("service status home");
    assert_eq!(status["rehearsal"]["event"], event);
    let shown = text(&place.run("service status home").stdout);
    assert!(shown.contains(&format!("last rehearsed in event {event}, ")), "{shown}");
    let verify = "auditor verify home/ledger.jsonl --service home/card.json";
    let listed = text(&place.run(verify).stdout);
    assert!(listed.contains(&format!("the last time in event {event}, ")), "{listed}");
    // The service goes on.
    place.quorum("service open home cohort --kind research --ends 2035-12-31");
}

#[test]
fn a_service_in_earnest_is_rehearsed_without_its_custodians() {
    let place = Place::in_earnest();
    let said = is_rehearsed(&place);
    assert!(said.contains("3 of 5 invented custodians"), "{said}");
    let french = text(&place.run("--lang fr service rehearse home").stderr);
    assert!(french.contains("chaque étape tient"), "{french}");
}

#[test]
fn one_that_was_killed_is_swept_by_the_next() {
    let place = Place::open();
    let before = others(&place);
    let mut child = place.command("service rehearse home").spawn().unwrap();
    let since = Instant::now();
    while !place.exists("home/rehearsal/home/keys/population.1.1.key") {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
        assert!(since.elapsed() < Duration::from_secs(60), "no twin is made");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(place.exists("home/rehearsal/home/identity"));
    // Other commands do not mind it.
    place.ok("service expire home");
    place.ok("service rehearse home");
    assert!(others(&place) == before, "something is left");
}

/// Where every custodian is needed, the loss of one cannot be played to a good end.
#[test]
fn a_step_that_does_not_hold_is_named_and_nothing_is_recorded_as_rehearsed() {
    let place = Place::default();
    for name in ["alice", "bruno"] {
        place.ok(&format!("custodian new {name} --name {name} --no-passphrase"));
    }
    place.ok("service init home --name test --threshold 2 --shares shares --demo --custodian \
        alice/card.json bruno/card.json");
    for name in ["alice", "bruno"] {
        place.ok(&format!(
            "custodian accept {name} shares/{name}.1.share --ledger home/ledger.jsonl"
        ));
    }
    place.ok("service receipt home alice/receipt-1-held.json bruno/receipt-1-held.json");
    let (before, ledger) = (others(&place), place.read("home/ledger.jsonl"));
    place.refused("service rehearse home", "rehearsal-failed", &["`loss`", "all 2 custodians"]);
    assert!(others(&place) == before, "something is left");
    let added = place.read("home/ledger.jsonl");
    let added = events(added.strip_prefix(&ledger).unwrap());
    let refused = serde_json::json!([
        { "type": "refused", "verb": "rehearse", "code": "rehearsal-failed" }
    ]);
    assert_eq!(Value::from(added), refused);
}
