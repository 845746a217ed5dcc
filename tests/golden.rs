//! What a service left on disk is read by its formats, and SPEC's examples are lines of it.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cstatns::commitment::CommitmentKey;
use cstatns::domain::RenewalReason;
use cstatns::name::canonical_json;
use cstatns::party::{RequestKey, Role};
use cstatns::proposal::Action;
use serde_json::Value;

use common::sealed::sign_for;
use common::{PEOPLE, TestClock, World, name, party_card, scratch};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A world made of the kept home and kits.
fn world() -> World {
    let (directory, kits_directory) = (scratch(), scratch());
    copy(&golden(), directory.path());
    // Version control keeps no empty directory.
    fs::create_dir(directory.path().join("home/outbox")).unwrap();
    let kits = (1..=3).map(|i| directory.path().join(format!("kit-{i}"))).collect();
    World {
        directory,
        kits_directory,
        clock: TestClock::at("2026-01-13T00:00:00Z"),
        kits,
        k: 2,
        demo: true,
        life: Vec::new(),
        mirrors: Vec::new(),
        confirms: false.into(),
        distant: false.into(),
        snapshot_after: 3,
    }
}

#[test]
fn a_kept_home_still_opens_codes_and_renews() {
    let world = world();
    let kept = |name: &str| fs::read_to_string(golden().join(name)).unwrap();
    world.code("population", "again", &PEOPLE).unwrap();
    assert_eq!(fs::read_to_string(world.path("again.result")).unwrap(), kept("population-2.codes"));
    world.code("mobility", "again-too", &PEOPLE).unwrap();
    assert_eq!(
        fs::read_to_string(world.path("again-too.result")).unwrap(),
        kept("mobility-1.codes")
    );
    fs::copy(golden().join("population-1.codes"), world.path("old.result")).unwrap();
    world.renew("population", "renewed", &world.codes("old")).unwrap();
    assert_eq!(
        fs::read_to_string(world.path("renewed.result")).unwrap(),
        kept("population-2.codes")
    );
}

/// The request key that is kept serves: the next dealing opens it and seals it anew.
#[test]
fn a_kept_request_key_still_opens() {
    let world = world();
    let key = fs::read(golden().join("insee.key.json")).unwrap();
    let key: RequestKey = serde_json::from_slice(&key).unwrap();
    assert!(key.is_sound(&world.open().card().body.signing));
    world.deal().unwrap();
    world.receive().unwrap();
    let number = key.body.key;
    assert!(world.home().join(format!("life/{number}.3.request")).is_file());
    assert!(world.open().state().living_request_key(&number).is_ok());
}

/// The parcels that are kept open: the request under a quorum, the result with its receiver's keys.
#[test]
fn kept_parcels_still_open() {
    let world = world();
    let codes = fs::read_to_string(golden().join("population-2.codes")).unwrap();
    fs::copy(golden().join("sealed.result.age"), world.path("sealed.result")).unwrap();
    // It may be opened for thirty days.
    world.clock.set("2026-01-20T00:00:00Z");
    let (opened, report, rows) = world.result_in("insee", "sealed");
    assert_eq!(rows, codes);
    let service = world.open();
    let made = &service.state().deliveries()[&report.body.delivery];
    assert_eq!(
        (Some(made.request), made.result),
        (opened.head.commitment, report.body.result.commitment)
    );
    assert!(made.receipt.is_some());
    drop(service);

    let parcel = world.path("again.request.age");
    fs::copy(golden().join("kept.request.age"), &parcel).unwrap();
    let secret = fs::read_to_string(golden().join("kept.request.secret")).unwrap();
    let mut request = world.request("again", &PEOPLE);
    request.key = CommitmentKey::from_hex(&secret).unwrap();
    request.files.request = vec![parcel];
    world.code_sealed("population", &request, Some("insee")).unwrap();
    assert_eq!(world.result_in("insee", "again").2, codes);
}

/// The names of the files below a directory, without the lock and the page that describes them.
fn names(directory: &Path) -> BTreeSet<PathBuf> {
    fn collect(root: &Path, directory: &Path, names: &mut BTreeSet<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(root, &path, names);
            } else if !path.ends_with("lock") && !path.ends_with("README.md") {
                let name = path.strip_prefix(root).unwrap();
                // The words of a card are drawn, and so is the number of a request key.
                let is_half = name.extension().is_some_and(|of| of == "request");
                let is_key = !is_half
                    && (name.starts_with("home") || name.extension().is_none_or(|of| of != "key"));
                names.insert(if is_key {
                    name.to_owned()
                } else {
                    name.with_file_name(if is_half { "request" } else { "card.key" })
                });
            }
        }
    }
    let mut found = BTreeSet::new();
    collect(directory, directory, &mut found);
    found
}

/// A value with its texts and numbers left out, but for the words that choose a type.
fn shape(value: &Value) -> Value {
    const WORDS: [&str; 4] = ["type", "kind", "verb", "scheme"];
    match value {
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                let is_word = WORDS.contains(&name.as_str()) && value.is_string();
                (name.clone(), if is_word { value.clone() } else { shape(value) })
            };
            Value::Object(members.iter().map(member).collect())
        }
        Value::Array(values) => values.iter().map(shape).collect(),
        _ => Value::Null,
    }
}

/// The shape of each event of a ledger.
fn shapes(home: &Path) -> Vec<Value> {
    let ledger = fs::read_to_string(home.join("ledger.jsonl")).unwrap();
    ledger.lines().map(|line| shape(&serde_json::from_str(line).unwrap())).collect()
}

/// The story of the kept home, played again, leaves the same files and the same events.
/// `CSTATNS_GOLDEN` names a new directory in which what was made is kept: to replace
/// `tests/data/golden` after a format was changed that was never released.
#[test]
fn the_story_of_the_kept_home_leaves_the_same_files_and_events() {
    let place = scratch();
    let made = std::env::var_os("CSTATNS_GOLDEN")
        .map_or_else(|| place.path().join("golden"), PathBuf::from);
    fs::create_dir(&made).unwrap();
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    let first = world.code("population", "population-1", &PEOPLE).unwrap();
    world.deliver("population-1", &first).unwrap();
    world.research("mobility", "2026-01-31").unwrap();
    world.extend("mobility", "2026-02-28").unwrap();
    let project = world.code("mobility", "mobility-1", &PEOPLE).unwrap();
    world.deliver("mobility-1", &project).unwrap();
    world.code_changed("population", "changed").unwrap_err();
    world.open().record_refusal("code", "unknown-domain").unwrap();
    // One approval of the two that are needed: the question lapses.
    let close = Action::Close { domain: name("mobility") };
    world.quorum_of(&mut world.open(), close, &[0]).map(|_| ()).unwrap_err();
    world.doubt("population", 2).unwrap();
    world.new_key("population", RenewalReason::Doubt).unwrap();
    fs::copy(world.path("population-1.received"), world.path("population-1.result")).unwrap();
    let renewed = world.renew("population", "population-2", &world.codes("population-1")).unwrap();
    world.deliver("population-2", &renewed).unwrap();
    world.research("short", "2026-01-10").unwrap();
    world.research("dropped", "2027-01-10").unwrap();
    world.doubt("short", 1).unwrap();
    world.examined("short").unwrap();
    world.close("dropped").unwrap();
    for time in ["2026-01-11T00:00:00Z", "2026-01-12T01:00:00Z"] {
        world.clock.set(time);
        world.open().expire().unwrap();
    }
    // Parties with request keys; other custodians' shares, under which one of them is sealed.
    let (insee, cnaf) = (world.party("insee").card().clone(), party_card("cnaf", 2));
    world.register(&insee, Role::Controller, &["mobility", "population"]).unwrap();
    let withdrawn = world.request_key("insee", "population").unwrap();
    world.open().withdraw_request_key(&withdrawn.body.key).unwrap();
    world.register(&cnaf, Role::Holder, &["population"]).unwrap();
    world.end_party(2, &cnaf).unwrap();
    // A request and its result in parcels, and its receiver's receipt.
    let request = world.sealed_people("insee", "population", "sealed");
    world.code_sealed("population", &request, Some("insee")).unwrap();
    fs::copy(world.path("sealed.result"), made.join("sealed.result.age")).unwrap();
    sign_for(&world, "sealed").unwrap();
    let kept = world.request_key("insee", "population").unwrap();
    let request = world.seal("insee", &kept, "kept", &PEOPLE);
    fs::copy(&request.files.request[0], made.join("kept.request.age")).unwrap();
    fs::write(made.join("kept.request.secret"), &*request.key.to_hex()).unwrap();
    world.deal().unwrap();
    world.receive().unwrap();
    world.forget(0, 1).unwrap();
    // What no custodian has seen yet.
    let unused = world.request_key("insee", "mobility").unwrap();
    world.open().withdraw_request_key(&unused.body.key).unwrap();
    world.open().record_refusal("code", "unknown-domain").unwrap();
    fs::write(made.join("insee.key.json"), canonical_json(&kept)).unwrap();
    copy(&world.home(), &made.join("home"));
    copy(&world.path("insee"), &made.join("insee"));
    fs::remove_dir(made.join("home/outbox")).unwrap();
    for kit in &world.kits {
        copy(kit, &made.join(kit.file_name().unwrap()));
    }
    for (kit, file) in [(0, "custodian-1.evidence.json"), (1, "custodian-2.evidence.json")] {
        fs::write(made.join(file), canonical_json(&world.kit(kit).evidence().unwrap())).unwrap();
    }
    for file in ["population-1", "population-2", "mobility-1"] {
        fs::copy(world.path(&format!("{file}.received")), made.join(format!("{file}.codes")))
            .unwrap();
    }
    fs::remove_file(made.join("home/snapshot")).unwrap();
    assert_eq!(names(&made), names(&golden()));
    let (now, kept) = (shapes(&made.join("home")), shapes(&golden().join("home")));
    assert_eq!((now.len(), kept.len()), (108, 108));
    now.iter()
        .zip(&kept)
        .enumerate()
        .for_each(|(at, (now, kept))| assert_eq!(now, kept, "event {}", at + 1));
    assert_ne!(now[6], now[7], "a shape that says nothing");
}

/// Whether `line` is `example` with something in each place of "…".
fn fits(example: &str, line: &str) -> bool {
    let mut parts = example.split('…');
    let Some(mut rest) = parts.next().and_then(|start| line.strip_prefix(start)) else {
        return false;
    };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn the_examples_of_the_specification_are_lines_of_the_kept_ledger() {
    let spec = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("SPEC.md")).unwrap();
    let ledger = fs::read_to_string(golden().join("home/ledger.jsonl")).unwrap();
    let lines: Vec<&str> = ledger.lines().collect();
    let mut types = Vec::new();
    for block in spec.split("```json ledger\n").skip(1) {
        let example = block.split("\n```").next().unwrap();
        let sequence: usize = example
            .split("\"sequence\":")
            .nth(1)
            .unwrap()
            .split(',')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert!(
            fits(example, lines[sequence - 1]),
            "the example of event {sequence} is not line {sequence}"
        );
        types.push(
            example.split("\"type\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned(),
        );
    }
    types.sort();
    types.dedup();
    assert_eq!(types.len(), 24, "one example of each type but `unopened`: {types:?}");
    assert!(!fits("{\"a\":1…}", "{\"a\":2}") && !fits("a…b", "a") && fits("a…b…c", "a1b2c"));
}
