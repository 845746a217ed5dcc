//! Service lives of fifty years, played with the program's own service, kits and seals in memory:
//! acts, disasters and what brings the service back, at random. After each act the ledger, the
//! keys, the codes and the custodians' kits are looked at by rules that do not ask the program
//! (`lives/rules.rs`).
//!
//! `CSTATNS_SEED` plays the one life of that number; `CSTATNS_LONG` plays a hundred.

#![allow(clippy::print_stderr)]

#[path = "lives/acts.rs"]
mod acts;
mod common;
#[path = "lives/disasters.rs"]
mod disasters;
#[path = "lives/history.rs"]
mod history;
#[path = "lives/liars.rs"]
mod liars;
#[path = "lives/life.rs"]
mod life;
#[path = "lives/random.rs"]
mod random;
#[path = "lives/rescue.rs"]
mod rescue;
#[path = "lives/rules.rs"]
mod rules;
#[path = "lives/stops.rs"]
mod stops;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use cstatns::dealing::Epoch;
use cstatns::ledger::event::{Destroyed, Event, Line};
use cstatns::proposal::Consent;
use cstatns::service::Recovered;
use history::{Broken, Rule, judge};
use life::{Life, Stats};

/// Lives of the gate, and before a release.
const LIVES: u64 = 20;
const ALL_LIVES: u64 = 100;

/// The lives of the gate are quiet: what a recovery reads and an auditor verifies grows with each
/// act before it.
const PACE: i32 = 6;
const ALL_PACE: i32 = 1;

/// How many lives are played at a time.
const WORKERS: usize = 2;

#[test]
fn lives_of_fifty_years() {
    let is_long = std::env::var_os("CSTATNS_LONG").is_some();
    let (lives, pace) = if is_long { (ALL_LIVES, ALL_PACE) } else { (LIVES, PACE) };
    let seed = std::env::var("CSTATNS_SEED").ok().and_then(|seed| seed.parse().ok());
    if let Some(seed) = seed {
        Life::new(seed, pace).live().list();
        return;
    }
    let (next, stats) = (AtomicU64::new(1), Mutex::new(Stats::default()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > lives {
                        break;
                    }
                    let own = Life::new(seed, pace).live();
                    stats.lock().unwrap().add(own);
                }
            });
        }
    });
    let stats = stats.into_inner().unwrap();
    eprintln!("{lives} lives");
    stats.list();
    for (kind, names) in [
        ("act", acts::ACTS.iter().map(|act| act.name).collect::<Vec<_>>()),
        ("disaster", disasters::DISASTERS.iter().map(|disaster| disaster.name).collect()),
        ("recovery", rescue::KINDS.to_vec()),
    ] {
        for name in names {
            assert!(stats.of(kind, name) > 0, "no life had this {kind}: {name}");
        }
    }
    for name in ["crash", "death at the clock", "code", "key lost", "lie refused", "successor"] {
        assert!(stats.of("seen", name) > 0, "no life has seen this: {name}");
    }
}

/// The rule that a life breaks.
fn broken(life: impl FnOnce()) -> Rule {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(life));
    let panic = panic.expect_err("it holds");
    let why = panic.downcast_ref::<String>().expect("words");
    let rule = Rule::ALL.into_iter().find(|rule| why.contains(rule.text()));
    rule.unwrap_or_else(|| panic!("something else: {why}"))
}

/// A life in which a dealing has worked, a key was renewed and a project was opened.
fn played() -> Life {
    let mut life = Life::new(0, 1);
    life.choose();
    let world = &life.world;
    world.statistics("income").unwrap();
    world.code("income", "first", &common::PEOPLE).unwrap();
    world.new_key("income", cstatns::domain::RenewalReason::Scheduled).unwrap();
    world.code("income", "second", &common::PEOPLE).unwrap();
    let cards = (0..life.n()).map(|kit| life.kit(kit).draw_card().unwrap().clone()).collect();
    world.deal_to(life.k, cards, Vec::new()).unwrap();
    world.kits.iter().for_each(|kit| {
        let receipt = world.accept(kit);
        world.open().receipt(receipt).unwrap();
    });
    world.code("income", "third", &common::PEOPLE).unwrap();
    life.look();
    life.look_at_everything();
    life
}

#[test]
fn a_key_without_its_seal_breaks_the_rule() {
    let mut life = played();
    let seal = life.world.home().join("keys/income.1.2.key");
    std::fs::remove_file(seal).unwrap();
    assert_eq!(broken(|| life.look()), Rule::KeyKept);
}

#[test]
fn a_seal_of_an_old_epoch_breaks_the_rule() {
    let mut life = played();
    let keys = life.world.home().join("keys");
    std::fs::copy(keys.join("income.1.2.key"), keys.join("income.1.1.key")).unwrap();
    assert_eq!(broken(|| life.look()), Rule::OldEpochShut);
}

/// An old copy of `keys/` brings the seals of an old epoch back, and a recovery does not keep them.
#[test]
fn seals_of_an_old_epoch_do_not_come_back() {
    let mut life = played();
    let keys = life.world.home().join("keys");
    std::fs::copy(keys.join("income.1.2.key"), keys.join("income.1.1.key")).unwrap();
    let (_, recovered) = life.world.reopen().unwrap();
    let what = Destroyed::Seals { epoch: Epoch::FIRST };
    assert_eq!(recovered, [Recovered::Destroyed { what, delivery: None }]);
    life.look();
}

/// Histories that the service never writes.
#[test]
fn false_histories_break_the_rules() {
    let life = played();
    let bytes = std::fs::read(life.world.home().join("ledger.jsonl")).unwrap();
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let lines: Vec<Line> = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    assert_eq!(judge(&lines).unwrap(), [Epoch::FIRST].into());
    let at = |word: &str, nth: usize| {
        let mut all = lines.iter().enumerate().filter(|(_, line)| line.event.word() == word);
        all.nth(nth).unwrap_or_else(|| panic!("no {word}")).0
    };
    let broken = |change: &dyn Fn(&mut Vec<Line>)| {
        let mut lines = lines.clone();
        change(&mut lines);
        let Broken(rule, why) = judge(&lines).expect_err("it holds");
        (rule, why)
    };
    let consents = |line: &mut Line, change: &dyn Fn(&mut Vec<Consent>)| match &mut line.event {
        Event::Intent { consents, .. } => change(consents),
        _ => panic!("no intent"),
    };
    let (first, last) = (at("intent", 0), at("intent", 4));
    let few = |lines: &mut Vec<Line>| consents(&mut lines[first], &|consents| drop(consents.pop()));
    let twice = |lines: &mut Vec<Line>| {
        consents(&mut lines[first], &|consents| consents[1] = consents[0].clone());
    };
    let forged = |lines: &mut Vec<Line>| {
        consents(&mut lines[first], &|consents| consents[0].signature.0[0] ^= 1);
    };
    let moved = |lines: &mut Vec<Line>| {
        let Event::Intent { consents: others, .. } = lines[first].event.clone() else { panic!() };
        consents(&mut lines[last], &|consents| *consents = others.clone());
    };
    let unasked = |lines: &mut Vec<Line>| drop(lines.remove(first));
    // The last run is approved before the dealing works whose shares approved it.
    let early = |lines: &mut Vec<Line>| drop(lines.remove(at("epoch-working", 1)));
    for (change, part) in [
        (&few as &dyn Fn(&mut Vec<Line>), "custodians consent, "),
        (&twice, "custodians consent, "),
        (&forged, "is not valid"),
        (&moved, "is not valid"),
        (&unasked, "nobody has approved it"),
        (&early, "does not work"),
    ] {
        let (rule, why) = broken(change);
        assert_eq!(rule, Rule::Approved, "{why}");
        assert!(why.contains(part), "{why}");
    }

    let old_key = |lines: &mut Vec<Line>| {
        // The renewal of the key comes before the run that was approved under the one before it.
        let made = lines.remove(at("key-made", 0));
        let (asked, intent) = (at("proposed", 2), at("intent", 2));
        let moved: Vec<Line> = [intent, asked].map(|at| lines.remove(at)).into();
        let place = at("coded", 0);
        lines.splice(place..place, moved.into_iter().rev().chain([made]));
    };
    let again = |lines: &mut Vec<Line>| {
        let made = at("key-made", 0);
        let line = lines[made].clone();
        lines.insert(made, line);
    };
    for change in [&old_key as &dyn Fn(&mut Vec<Line>), &again] {
        let (rule, why) = broken(change);
        assert_eq!(rule, Rule::OneActive, "{why}");
    }

    let works = at("epoch-working", 0);
    let (rule, why) = broken(&|lines| lines.push(lines[works].clone()));
    assert_eq!(rule, Rule::OldEpochShut, "{why}");
}

#[test]
fn an_event_that_is_altered_breaks_the_rule() {
    let mut life = played();
    let path = life.world.home().join("ledger.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("\"rows\":4"));
    std::fs::write(&path, text.replacen("\"rows\":4", "\"rows\":5", 1)).unwrap();
    assert_eq!(broken(|| life.look_at_everything()), Rule::Audited);
}
