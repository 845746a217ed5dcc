//! What an auditor reads of the keys of a domain: who approved each, in time or late, what answered
//! a doubt, and which files still have codes of a former generation.

use crate::common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use cstatns::audit::{Audit, Intact, Rotation, Standing, Turn, Wanted, examine, log};
use cstatns::coded::Coded as _;
use cstatns::domain::RenewalReason;
use cstatns::language::Lang;
use cstatns::ledger::LedgerError;
use cstatns::service::{Made, read_service_card};
use jiff::SignedDuration;
use serde_json::Value;

use common::{PEOPLE, World, name};

fn office() -> World {
    let world = World::founded(2, 3);
    // Whoever asks custodians looks at a calendar.
    world.confirms.set(true);
    world.statistics("population").unwrap();
    world
}

/// As an auditor sees it whose clock says `now`.
fn rotation(world: &World, domain: &str, now: &str) -> Rotation {
    let now = now.parse().unwrap();
    let (mut audit, ledger) = examined(world);
    let rotation = Rotation::of(&ledger, &name(domain), now).unwrap();
    assert_eq!(out(world, domain), still_out(&rotation));
    // What it marks, `auditor verify` does not call in order.
    audit.note_what_is_due(Some(&ledger), now);
    assert!(rotation.is_in_order() || !audit.is_in_order(), "{audit}");
    let (english, french) = (rotation.to_string(), Lang::Fr.of(&rotation));
    // Each line says what the other language says, and marks what must be accounted for.
    let marks = |text: &str| text.lines().map(|line| line.starts_with('!')).collect::<Vec<_>>();
    assert_eq!(marks(&english), marks(&french), "{english}{french}");
    assert_eq!(english.contains("\n!"), !rotation.is_in_order(), "{english}");
    rotation
}

fn examined(world: &World) -> (Audit, Intact) {
    let home = world.home();
    let card = read_service_card(&home.join("card.json")).unwrap();
    let (audit, ledger) = examine(&home.join("ledger.jsonl"), &card, &[], &[]).unwrap();
    (audit, ledger.expect("it is intact"))
}

fn still_out(rotation: &Rotation) -> BTreeSet<u64> {
    rotation.generations.iter().flat_map(Turn::still_out).map(|given| given.event).collect()
}

/// The events of the files that are out with former codes, by a reading of the lines that knows
/// nothing of states: what was made, less what a renewal names or is lost.
fn out(world: &World, domain: &str) -> BTreeSet<u64> {
    let ledger = fs::read_to_string(world.home().join("ledger.jsonl")).unwrap();
    let lines: Vec<Value> =
        ledger.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (mut asked, mut made, mut newest) = (BTreeMap::new(), BTreeMap::new(), 1);
    for line in &lines {
        let (event, number) = (&line["event"], line["sequence"].as_u64().unwrap());
        let run = event["run"].as_str().unwrap_or_default().to_owned();
        let action = asked.get(&run).cloned().unwrap_or(Value::Null);
        match event["type"].as_str().unwrap() {
            "proposed" if event["question"]["action"]["domain"] == *domain => {
                let run = event["question"]["run"].as_str().unwrap().to_owned();
                asked.insert(run, event["question"]["action"].clone());
            }
            "key-made" if !action.is_null() => newest = action["generation"].as_u64().unwrap(),
            "coded" | "renewed" if !action.is_null() => {
                for former in action["of"].as_array().into_iter().flatten() {
                    let former = former["run"].as_str().unwrap_or_else(|| former.as_str().unwrap());
                    let former = former.split('.').next().unwrap();
                    made.remove(former);
                }
                made.insert(run, (number, action["generation"].as_u64().unwrap()));
            }
            "destroyed" if event["how"] == "lost" => {
                made.remove(event["what"]["run"].as_str().unwrap_or_default());
            }
            _ => {}
        }
    }
    made.values().filter(|(_, of)| *of < newest).map(|(number, _)| *number).collect()
}

fn coded(world: &World, file: &str) -> Made {
    world.code("population", file, &PEOPLE).unwrap()
}

fn approved(turn: &Turn) -> Vec<&str> {
    turn.made.approved.iter().map(|name| name.as_str()).collect()
}

fn standings(turn: &Turn) -> Vec<Standing> {
    turn.deliveries.iter().map(|given| given.standing).collect()
}

#[test]
fn a_renewal_is_finished_when_no_file_is_out() {
    let (world, now) = (office(), "2026-02-01T00:00:00Z");
    let [a, b, c] = ["a", "b", "c"].map(|file| coded(&world, file));
    let [codes_of_a, codes_of_b] = ["a", "b"].map(|file| world.codes(file));
    world.deliver("a", &a).unwrap();
    let first = rotation(&world, "population", now);
    assert!(first.is_in_order() && first.generations.len() == 1, "{first}");
    assert_eq!(standings(&first.generations[0]), [Standing::InUse; 3]);
    assert_eq!(approved(&first.generations[0]), ["custodian-1", "custodian-2"]);
    assert_eq!(first.generations[0].reason, None);

    world.clock.advance(SignedDuration::from_hours(48));
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    let begun = rotation(&world, "population", now);
    let [former, present] = &begun.generations[..] else { panic!("{begun}") };
    assert_eq!(standings(former), [Standing::Out; 3]);
    assert!(!former.is_finished() && present.is_finished() && !begun.is_in_order());
    assert_eq!(former.replaced.as_ref(), Some(&present.made));
    assert_eq!(present.reason, Some(RenewalReason::Scheduled));
    let text = begun.to_string();
    for said in [
        "\nGeneration 1: key made on 2026-01-05 (event 9), approved by `custodian-1`, `custodian-2`, the domain was \
        opened\n",
        "\n  renewal: due on 2031-01-05, done on 2026-01-07 (event ",
        "\n! 3 files with its codes: the renewal is not finished, 3 still out\n",
        "\nGeneration 2: key made on 2026-01-07 (event ",
        ", as scheduled\n",
        "\nNot in order: ",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }

    // One is renewed and signed for, one is renewed, one is lost before anybody had it.
    let a2 = world.renew_of("population", "a2", &codes_of_a, Some(vec![a.delivery])).unwrap();
    let said = rotation(&world, "population", now);
    let of = |rotation: &Rotation| standings(&rotation.generations[0]);
    assert_eq!(of(&said), [Standing::RenewedUnsigned, Standing::Out, Standing::Out]);
    let into = |rotation: &Rotation, at: usize| {
        let into = &rotation.generations[0].deliveries[at].into;
        into.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(into(&said, 0), [a2.delivery.run.to_string()]);
    assert!(into(&said, 1).is_empty());
    world.deliver("a2", &a2).unwrap();
    world.deliver("b", &b).unwrap();
    let b2 = world.renew_of("population", "b2", &codes_of_b, Some(vec![b.delivery])).unwrap();
    fs::remove_file(world.path("c.result")).unwrap();
    world.open().result_lost(&c.delivery).unwrap();
    let finished = rotation(&world, "population", now);
    assert_eq!(of(&finished), [Standing::Renewed, Standing::RenewedUnsigned, Standing::Lost]);
    assert_eq!(standings(&finished.generations[1]), [Standing::InUse; 2]);
    assert!(finished.is_in_order(), "{finished}");
    assert!(finished.to_string().contains("the renewal is finished"), "{finished}");
    world.deliver("b2", &b2).unwrap();
    assert_eq!(of(&rotation(&world, "population", now))[1], Standing::Renewed);
}

#[test]
fn a_renewal_that_is_late_says_by_how_much() {
    let world = office();
    let days = |now: &str| rotation(&world, "population", now).generations[0].late_days;
    assert_eq!(days("2031-01-05T23:59:59Z"), None);
    assert_eq!(days("2031-02-04T00:00:00Z"), Some(30), "it is overdue");
    world.clock.set("2031-03-01T09:00:00Z");
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    // Once it is done, the auditor's clock says no more.
    assert_eq!(days("2033-01-01T00:00:00Z"), Some(55));
    let late = rotation(&world, "population", "2033-01-01T00:00:00Z");
    assert_eq!(late.generations[1].late_days, None);
    let text = late.to_string();
    assert!(text.contains("\n! renewal: due on 2031-01-05, done on 2031-03-01 (event "), "{text}");
    assert!(text.contains(", 55 days late\n") && !late.is_in_order(), "{text}");
}

#[test]
fn a_doubt_is_open_until_a_new_key_or_an_examination() {
    let (world, now) = (office(), "2026-02-01T00:00:00Z");
    world.doubt("population", 2).unwrap();
    let doubts = |at: usize| {
        let rotation = rotation(&world, "population", now);
        let doubts = &rotation.generations[at].doubts;
        let said = doubts.iter().map(|doubt| {
            let answer = doubt.answered.as_ref();
            let days = answer.map(|answer| answer.time.duration_since(doubt.time).as_hours() / 24);
            (doubt.by.to_string(), days, doubt.examined)
        });
        (said.collect::<Vec<_>>(), rotation.is_in_order())
    };
    let by = |days, examined| ("custodian-3".to_owned(), days, examined);
    assert_eq!(doubts(0), (vec![by(None, false)], false));
    world.clock.advance(SignedDuration::from_hours(10 * 24));
    world.new_key("population", RenewalReason::Doubt).unwrap();
    assert_eq!(doubts(0), (vec![by(Some(10), false)], true));
    assert_eq!(doubts(1).0, []);
    world.doubt("population", 2).unwrap();
    world.clock.advance(SignedDuration::from_hours(24));
    world.examined("population").unwrap();
    world.clock.advance(SignedDuration::from_hours(24));
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    assert_eq!(doubts(1), (vec![by(Some(1), true)], true));
    let text = rotation(&world, "population", now).to_string();
    assert!(text.contains(": a new key after 10 days\n"), "{text}");
    assert!(text.contains(": examined by `custodian-1`, `custodian-2` after 1 day\n"), "{text}");
}

/// Thirty days are as long as it may take to bring a quorum together.
#[test]
fn a_doubt_that_waits_for_more_than_thirty_days_is_answered_late() {
    let now = "2026-06-01T00:00:00Z";
    for (days, late) in [(30, false), (31, true)] {
        let world = office();
        world.doubt("population", 2).unwrap();
        world.clock.advance(SignedDuration::from_hours(days * 24));
        world.new_key("population", RenewalReason::Doubt).unwrap();
        let rotation = rotation(&world, "population", now);
        let doubt = &rotation.generations[0].doubts[0];
        assert_eq!((doubt.late, rotation.is_in_order()), (late, !late), "{rotation}");
    }
}

#[test]
fn keys_of_a_project_that_outlive_it_are_late() {
    let world = office();
    world.research("benefits", "2026-06-30").unwrap();
    let late = |now: &str| {
        let rotation = rotation(&world, "benefits", now);
        (rotation.late_days, rotation.is_in_order(), rotation.destroyed.is_some())
    };
    assert_eq!(late("2026-07-02T00:00:00Z"), (None, true, false), "a day's wait, and a late timer");
    assert_eq!(late("2026-07-21T00:00:00Z"), (Some(20), false, false));
    for now in ["2026-08-01T09:00:00Z", "2026-08-02T10:00:00Z"] {
        world.clock.set(now);
        // A custodian who looked at a calendar vouches for the date.
        let receipt = world.check(0);
        let mut service = world.open();
        service.receipt(receipt).unwrap();
        service.expire().unwrap();
    }
    assert_eq!(late("2030-01-01T00:00:00Z"), (Some(32), false, true));
    let text = rotation(&world, "benefits", "2030-01-01T00:00:00Z").to_string();
    let said = "\n! Last day 2026-06-30; its keys were destroyed on 2026-08-02, 32 days late.\n";
    assert!(text.contains(said), "{text}");
}

/// What was examined is what is spoken of: a ledger that is exchanged meanwhile, or cut, says
/// nothing.
#[test]
fn another_ledger_is_not_taken_for_the_one_that_was_examined() {
    let world = office();
    let ((_, ledger), path) = (examined(&world), world.home().join("ledger.jsonl"));
    let read = || {
        let mut events = 0;
        let read = log(&ledger, &Wanted::default(), |_| {
            events += 1;
            Ok::<_, LedgerError>(())
        });
        (events, read.map_err(|error| error.code()))
    };
    let whole = fs::read_to_string(&path).unwrap();
    let lines = whole.lines().count();
    assert_eq!(read(), (lines, Ok(())));
    let consent = whole.rfind("\"by\":\"custodian-2\"").unwrap();
    let mut other = whole.clone();
    other.replace_range(consent..consent + 18, "\"by\":\"custodian-3");
    fs::write(&path, other).unwrap();
    let (given, error) = read();
    assert!(given < lines && error == Err("ledger-line"), "{given}");
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(read().1, Err("ledger-line"));
}
