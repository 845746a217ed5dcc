//! What a service and an auditor see of custodians: which runs externals opened, and who has not
//! checked their share for a year.

use crate::common;

use cstatns::audit::{Audit, verify};
use cstatns::custody::custodian::Kit;
use cstatns::service::Clock as _;
use cstatns::state::ExternalRuns;

use common::{World, name, to_open};

/// Two of three; the third is from outside the service.
fn with_an_external() -> World {
    let world = World::new(2, 3);
    std::fs::remove_dir_all(&world.kits[2]).unwrap();
    Kit::create(&world.kits[2], name("custodian-3"), true, None).unwrap();
    world.init().unwrap();
    world.receive().unwrap();
    world
}

fn opens(world: &World, domain: &str, kits: &[usize]) {
    let mut service = world.open();
    let quorum = world.quorum_of(&mut service, to_open(domain), kits).unwrap();
    service.open_domain(quorum).unwrap();
}

fn audit(world: &World) -> Audit {
    let state = world.ledger().state;
    verify(&world.home().join("ledger.jsonl"), state.service(), &[], &[]).unwrap()
}

/// A run counts whose `intent` holds the consent of an external: others may have been enough.
#[test]
fn runs_that_an_external_approved_are_counted_and_nothing_else_is() {
    let world = with_an_external();
    let seen = || {
        let (audit, status) = (audit(&world), world.open().status());
        assert!(audit.is_in_order() && status.is_in_order(), "{audit}");
        assert_eq!(audit.external_runs, status.external_runs);
        status.external_runs
    };
    opens(&world, "first", &[0, 1]);
    // The receipt of an external and their consent to what lapsed open nothing.
    let mut service = world.open();
    assert!(world.quorum_of(&mut service, to_open("second"), &[2]).is_err());
    drop(service);
    assert_eq!(seen(), []);
    for (domain, kits) in [("second", &[0, 2][..]), ("third", &[0, 1]), ("fourth", &[0, 1, 2])] {
        world.clock.advance(jiff::SignedDuration::from_hours(1));
        opens(&world, domain, kits);
    }
    let ledger = world.ledger();
    let last = ledger.state.runs().values().map(|run| run.since).max().unwrap();
    let [ExternalRuns { custodian, approved, .. }] = &seen()[..] else { panic!("one external") };
    assert_eq!((custodian, approved.runs), (&name("custodian-3"), 2));
    assert_eq!(approved.time, world.clock.now());
    // Question, intent, cosigned, opened.
    assert_eq!(approved.event, last - 2);
    let said = audit(&world).to_string();
    let line = format!(
        "2 runs approved by `custodian-3`, an external custodian: the last in event {}, {}\n",
        approved.event, approved.time
    );
    assert!(said.contains(&line), "{said}");
}

/// Who is overdue, by the service and by an auditor who comes at the same time.
fn overdue(world: &World) -> Vec<String> {
    let status = world.open().status();
    assert_eq!(status.is_in_order(), status.checks_overdue.is_empty());
    let mut audit = audit(world);
    assert_eq!(audit.checked, status.checked);
    audit.note_what_is_due(None, world.clock.now());
    let late = audit.notices.iter().filter(|notice| notice.code == "check-overdue");
    let late: Vec<_> = late.map(|notice| notice.detail.en.clone()).collect();
    assert_eq!(late.len(), status.checks_overdue.len());
    let named = status.checks_overdue.iter().zip(&late);
    named.for_each(|(name, said)| assert!(said.starts_with(&format!("`{name}` last")), "{said}"));
    status
        .checks_overdue
        .iter()
        .map(|name| name.as_str()["custodian-".len()..].to_owned())
        .collect()
}

/// Records what the timer does: days pass, and the time follows the clock.
fn at(world: &World, clock: &str) {
    let until: jiff::Timestamp = clock.parse().unwrap();
    while world.clock.now() < until {
        let next = world.clock.now() + jiff::SignedDuration::from_hours(24 * 30);
        world.clock.set_to(next.min(until));
        world.open().expire().unwrap();
    }
}

#[test]
fn a_custodian_is_overdue_a_year_after_what_last_showed_their_share() {
    let world = World::new(2, 3);
    world.init().unwrap();
    assert_eq!(world.open().status().checked, [], "no dealing works yet");
    world.receive().unwrap();
    at(&world, "2026-02-01T10:00:00Z");
    opens(&world, "population", &[1, 2]);
    // A doubt needs no share.
    at(&world, "2026-02-02T10:00:00Z");
    world.doubt("population", 2).unwrap();
    world.examined("population").unwrap();
    // A consent to what lapses.
    at(&world, "2026-02-03T10:00:00Z");
    let mut service = world.open();
    assert!(world.quorum_of(&mut service, to_open("second"), &[1]).is_err());
    drop(service);
    at(&world, "2026-02-04T10:00:00Z");
    let checked = world.check(0);
    world.open().receipt(checked).unwrap();
    let expected = [
        ("2027-02-01T23:59:59Z", &[][..]),
        ("2027-02-02T00:00:00Z", &["3"]),
        ("2027-02-03T23:59:59Z", &["3"]),
        ("2027-02-04T00:00:00Z", &["2", "3"]),
        ("2027-02-05T00:00:00Z", &["1", "2", "3"]),
    ];
    for (clock, expected) in expected {
        at(&world, clock);
        assert_eq!(overdue(&world), expected, "{clock}");
    }
    let checked = world.check(2);
    world.open().receipt(checked).unwrap();
    assert_eq!(overdue(&world), ["1", "2"]);
}

/// A check that a wrong clock dated in ten years does not hide for ten years that none comes.
#[test]
fn no_check_is_later_than_the_time_that_a_quorum_sets() {
    let world = World::founded(2, 2);
    let now = world.clock.now();
    world.clock.set("2036-01-05T09:00:00Z");
    world.confirms.set(true);
    world.statistics("ahead").unwrap();
    world.clock.set_to(now);
    world.statistics("back").unwrap();
    world.confirms.set(false);
    let dates: Vec<_> = world.open().status().checked.into_iter().map(|of| of.last).collect();
    assert_eq!(dates, [now, now]);
}
