//! Stopped, failed and torn at every durable step, each verb leaves what the next command finishes or undoes.

mod common;

use std::fs;

use common::crash::{Verb, matrix};
use common::{PEOPLE, World, name};
use cstatns::domain::RenewalReason;

/// A statistical domain with a result that is not delivered yet.
fn population(world: &World) {
    world.statistics("population").unwrap();
    world.code("population", "known", &PEOPLE).unwrap();
}

/// A research project beside it, with a result.
fn project(world: &World) {
    population(world);
    world.research("cancer", "2026-06-30").unwrap();
    world.code("cancer", "study", &PEOPLE).unwrap();
}

/// The same people get the codes that they had.
fn same_codes(world: &World, domain: &str, known: &str) {
    let file = format!("again-{domain}");
    world.code(domain, &file, &PEOPLE).unwrap();
    assert_eq!(world.codes(&file), world.codes(known), "the same people, the same codes");
}

fn run(verb: Verb) {
    let begun = std::time::Instant::now();
    let trials = matrix(&verb);
    eprintln!("{}: {trials:?} in {:?}", verb.name, begun.elapsed());
    assert!(trials.stops == trials.steps && trials.failures == 2 * trials.steps && trials.torn > 0);
}

#[test]
fn open_statistics() {
    run(Verb {
        name: "open-statistics",
        prepare: population,
        act: |world| world.statistics("income"),
        then: |world| {
            same_codes(world, "population", "known");
            world.code("income", "income", &PEOPLE).unwrap();
        },
    });
}

#[test]
fn open_research() {
    run(Verb {
        name: "open-research",
        prepare: population,
        act: |world| world.research("cancer", "2026-06-30"),
        then: |world| {
            world.code("cancer", "study", &PEOPLE).unwrap();
            same_codes(world, "cancer", "study");
        },
    });
}

#[test]
fn code() {
    run(Verb {
        name: "code",
        prepare: |world| {
            population(world);
            fs::write(world.path("batch.copy"), PEOPLE.join("\n")).unwrap();
        },
        act: |world| world.code("population", "batch", &PEOPLE).map(|_| ()),
        then: |world| assert_eq!(world.codes("batch"), world.codes("known")),
    });
}

#[test]
fn renew() {
    run(Verb {
        name: "renew",
        prepare: |world| {
            population(world);
            world.new_key("population", RenewalReason::Scheduled).unwrap();
            world.code("population", "renewed", &PEOPLE).unwrap();
            fs::write(
                world.path("batch.copy"),
                world.codes("known").iter().map(|c| c.text()).collect::<Vec<_>>().join("\n"),
            )
            .unwrap();
        },
        act: |world| world.renew("population", "batch", &world.codes("known")).map(|_| ()),
        then: |world| assert_eq!(world.codes("batch"), world.codes("renewed")),
    });
}

#[test]
fn new_key() {
    run(Verb {
        name: "new-key",
        prepare: population,
        act: |world| world.new_key("population", RenewalReason::Scheduled),
        then: |world| {
            world.renew("population", "renewed", &world.codes("known")).unwrap();
            same_codes(world, "population", "renewed");
        },
    });
}

#[test]
fn receipt() {
    // The last receipt of three: with it the epoch works.
    run(Verb {
        name: "receipt",
        prepare: |world| {
            fs::remove_dir_all(world.home()).unwrap();
            fs::remove_dir_all(world.path("shares")).unwrap();
            for kit in &world.kits {
                fs::remove_dir_all(kit).unwrap();
            }
            world.make_kits();
            world.init().unwrap();
            let receipt = world.accept(&world.kits[1]);
            world.open().receipt(receipt).unwrap();
        },
        act: |world| {
            let receipt = world.accept(&world.kits[0]);
            world.try_open()?.receipt(receipt).map(|_| ())
        },
        then: |world| world.statistics("population").unwrap(),
    });
}

#[test]
fn extend() {
    run(Verb {
        name: "extend",
        prepare: project,
        act: |world| world.extend("cancer", "2026-09-30"),
        then: |world| same_codes(world, "cancer", "study"),
    });
}

#[test]
fn close() {
    run(Verb {
        name: "close",
        prepare: project,
        act: |world| world.close("cancer"),
        then: |world| {
            assert_eq!(world.code("cancer", "late", &PEOPLE).unwrap_err().code(), "keys-destroyed");
            same_codes(world, "population", "known");
        },
    });
}

#[test]
fn doubt() {
    run(Verb {
        name: "doubt",
        prepare: population,
        act: |world| world.doubt("population", 1),
        then: |world| {
            assert_eq!(world.code("population", "doubted", &PEOPLE).unwrap_err().code(), "key-doubted");
            world.new_key("population", RenewalReason::Doubt).unwrap();
            world.renew("population", "renewed", &world.codes("known")).unwrap();
            same_codes(world, "population", "renewed");
        },
    });
}

#[test]
fn delivered() {
    run(Verb {
        name: "delivered",
        prepare: |world| {
            population(world);
            fs::copy(world.path("known.result"), world.path("known.received")).unwrap();
        },
        act: |world| {
            let mut service = world.try_open()?;
            let delivery = service.outgoing()[0].delivery;
            service.delivered(&delivery, &world.path("known.received"))
        },
        then: |world| {
            world.code("population", "again", &PEOPLE).unwrap();
            let received = fs::read(world.path("known.received")).unwrap();
            assert_eq!(fs::read(world.path("again.result")).unwrap(), received);
        },
    });
}

/// A service whose timer has left an event now and then.
fn up_to(world: &World, end: &str) {
    project(world);
    for day in ["2026-02-10", "2026-03-20", "2026-04-25", "2026-06-01"] {
        world.clock.set(&format!("{day}T00:00:00Z"));
        world.open().expire().unwrap();
    }
    world.clock.set(end);
}

#[test]
fn expire_marks() {
    run(Verb {
        name: "expire-marks",
        prepare: |world| up_to(world, "2026-07-01T00:00:00Z"),
        act: |world| world.try_open()?.expire().map(|_| ()),
        then: |world| {
            assert_eq!(world.code("cancer", "late", &PEOPLE).unwrap_err().code(), "project-ended");
            same_codes(world, "population", "known");
        },
    });
}

#[test]
fn expire_destroys() {
    run(Verb {
        name: "expire-destroys",
        prepare: |world| {
            up_to(world, "2026-07-01T00:00:00Z");
            world.open().expire().unwrap();
            world.clock.set("2026-07-02T00:00:00Z");
        },
        act: |world| world.try_open()?.expire().map(|_| ()),
        then: |world| {
            assert_eq!(world.code("cancer", "late", &PEOPLE).unwrap_err().code(), "keys-destroyed");
            same_codes(world, "population", "known");
            assert!(world.open().status().domains.iter().all(|domain| domain.hours_past_its_end.is_none()));
            assert!(world.open().state().domain(&name("cancer")).unwrap().destroyed.is_some());
        },
    });
}
