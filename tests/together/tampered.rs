//! Ten years of a service, tampered with in each type of event that there is: found and named
//! (SPEC §11).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use cstatns::domain::RenewalReason;
use cstatns::ledger::event::{Event, Line, Step};
use cstatns::name::canonical_json;
use cstatns::party::Role;
use serde_json::Value;

use super::audit::{Record, changed_bytes_are_found, found, moved_lines_are_found, names};
use super::{decade, rekey};
use crate::common::{PEOPLE, World};

/// What the ten years do not have: a disaster, and what is taken back.
fn odd() -> World {
    let world = World::founded(2, 3);
    rekey::rekeyed(&world);
    world.statistics("population").unwrap();
    world.research("benefits", "2026-06-30").unwrap();
    world.extend("benefits", "2026-12-31").unwrap();
    world.code("population", "first", &PEOPLE).unwrap();
    world.withdrawn("income").unwrap_err();
    world.doubt("population", 1).unwrap();
    world.examined("population").unwrap();
    world.deal().unwrap();
    world.abandon(2).unwrap();
    world.register_party("insee", Role::Controller, "population");
    let key = world.request_key("insee", "population").unwrap();
    world.open().withdraw_request_key(&key.body.key).unwrap();
    let steps = vec![Step::Loss, Step::Renewal];
    world.open().rehearsed(steps).unwrap();
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    std::fs::remove_file(world.home().join("keys/population.2.1.key")).unwrap();
    rekey::recover(&world, &[0, 1]).unwrap();
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    world
}

/// The two ledgers, with the keys that their services would sign with.
fn records() -> &'static [Record; 2] {
    static RECORDS: OnceLock<[Record; 2]> = OnceLock::new();
    RECORDS.get_or_init(|| [Record::of(&decade::played()), Record::of(&odd())])
}

/// The first event of each type, by its word, in each ledger; those of the second that the first
/// does not have.
fn first_of_each() -> [BTreeMap<&'static str, u64>; 2] {
    let [ten_years, mut odd] = records().each_ref().map(|record| {
        let mut first = BTreeMap::new();
        (1..=record.size()).for_each(|number| {
            first.entry(record.event(number).word()).or_insert(number);
        });
        first
    });
    odd.retain(|word, _| !ten_years.contains_key(word));
    [ten_years, odd]
}

/// The words of all events but `unopened`, which stands between an intent and its result and has
/// tests of its own.
const WORDS: [&str; 30] = [
    "abandoned",
    "closed",
    "coded",
    "cosigned",
    "dealt",
    "delivered",
    "destroyed",
    "doubted",
    "ended",
    "epoch-working",
    "examined",
    "expiry-checked",
    "extended",
    "failed",
    "intent",
    "key-lost",
    "key-made",
    "lapsed",
    "opened",
    "proposed",
    "received",
    "recovered",
    "refused",
    "registered",
    "rehearsed",
    "rekeyed",
    "renewed",
    "request-key-ended",
    "request-key-issued",
    "resumed",
];

#[test]
fn bytes_and_lines_of_every_type_of_event_are_missed() {
    let first = first_of_each();
    let words: BTreeSet<&str> = first.iter().flatten().map(|(word, _)| *word).collect();
    assert_eq!(words.into_iter().collect::<Vec<_>>(), WORDS);
    for (record, first) in records().iter().zip(first) {
        let lines: Vec<usize> = first.values().map(|number| *number as usize - 1).collect();
        changed_bytes_are_found(record, &lines, 5);
        // Without its event the key that signed the checkpoint is nobody's.
        if let Some(rekeyed) = first.get("rekeyed") {
            let mut dropped = record.clone();
            dropped.lines.remove(*rekeyed as usize - 1);
            let audit = dropped.beside(record).audit();
            names(&audit, "ledger-sequence", *rekeyed);
            found(&audit, "checkpoint-key");
        }
        let others = first.into_iter().filter(|(word, _)| *word != "rekeyed");
        moved_lines_are_found(record, others.map(|(_, number)| number));
    }
}

/// The places of all values in an event, as JSON pointers.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| leaves(value, &format!("{at}/{name}"), found));
        }
        Value::Array(values) => {
            let numbered = values.iter().enumerate();
            numbered.for_each(|(index, value)| leaves(value, &format!("{at}/{index}"), found));
        }
        _ => found.push(at.to_owned()),
    }
}

/// A value like this one that is another one.
fn another(value: &Value) -> Value {
    match value {
        Value::Bool(is) => (!is).into(),
        Value::Number(number) => (number.as_u64().unwrap() + 1).into(),
        Value::String(text) => {
            let swap = |digit: char| match digit {
                '1' => '2',
                '0'..='9' => '1',
                'a' => 'b',
                'a'..='z' => 'a',
                other => other,
            };
            let mut text: Vec<char> = text.chars().collect();
            let last =
                text.iter().rposition(|c| c.is_ascii_digit() || c.is_ascii_lowercase()).unwrap();
            text[last] = swap(text[last]);
            text.into_iter().collect::<String>().into()
        }
        other => panic!("no other value for {other}"),
    }
}

/// Rewritten by a service that links and signs everything anew: each value of each type of event.
/// Either it is found in the ledger itself, and nothing from there on is vouched for; or nobody but
/// the service has seen that event, and then a checkpoint that somebody kept finds it.
#[test]
fn values_of_every_type_of_event_are_not_rewritten_unseen() {
    let mut cases = Vec::new();
    let first = records().iter().zip(first_of_each());
    for (record, (word, number)) in
        first.flat_map(|(record, first)| first.into_iter().map(move |event| (record, event)))
    {
        let line: Value = serde_json::from_slice(&record.lines[number as usize - 1]).unwrap();
        let mut places = Vec::new();
        leaves(&line["event"], "/event", &mut places);
        places.retain(|place| place != "/event/type");
        // A few of each type, from its beginning to its end.
        let step = places.len().div_ceil(6).max(1);
        for place in places.into_iter().step_by(step) {
            let mut changed = line.clone();
            let value = changed.pointer_mut(&place).unwrap();
            *value = another(value);
            // What is no event any more is no line.
            if let Ok(line) = serde_json::from_value::<Line>(changed) {
                cases.push((record, word, number, place, line.event));
            }
        }
    }
    let check =
        |(record, word, number, place, event): &(&Record, &'static str, u64, String, Event)| {
            let what = format!("{word} (event {number}), {place}");
            let mut rewritten = Record::clone(record);
            rewritten.change(*number, |old| *old = event.clone());
            if canonical_json(&rewritten.line(*number)) == record.lines[*number as usize - 1] {
                panic!("{what}: nothing was changed");
            }
            rewritten.relink();
            let laid = rewritten.resigned();
            let audit = laid.audit();
            assert!(audit.witnessed.events < *number, "{what}\n{audit}");
            match audit.holds() {
                true => Some(*word),
                false => {
                    assert!(audit.sound < record.size(), "{what}\n{audit}");
                    None
                }
            }
        };
    let unseen: Vec<&str> = std::thread::scope(|scope| {
        let (one, other) = cases.split_at(cases.len() / 2);
        let one = scope.spawn(|| one.iter().filter_map(check).collect::<Vec<_>>());
        let other: Vec<_> = other.iter().filter_map(check).collect();
        one.join().unwrap().into_iter().chain(other).collect()
    });
    assert_eq!(unseen, [""; 0]);
    let words: BTreeSet<&str> = cases.iter().map(|case| case.1).collect();
    let without: Vec<&str> = WORDS.into_iter().filter(|word| !words.contains(word)).collect();
    assert_eq!(without, ["expiry-checked", "rehearsed"], "no value, and words of a closed set");
}
