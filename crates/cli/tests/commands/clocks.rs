//! A clock that is far from the ledger's time, through the program, on services that another clock
//! founded: who is asked, who confirms it, and what is shown.

use crate::common;

use std::fs;

use cstatns::custody::custodian::Kit;
use cstatns::domain::Kind;
use cstatns::name::Name;
use cstatns::proposal::Action;
use cstatns::service::{Founding, Service, ServiceError};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use common::{Place, text};

const KITS: &str = "--kit alice --kit bruno";

fn today() -> Date {
    TimeZone::UTC.to_datetime(Timestamp::now()).date()
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// A service of 2 of 2 with a statistical domain and a project of 60 days, made at `then`.
fn founded(place: &Place, then: Timestamp) {
    let clock = move || then;
    let kits = ["alice", "bruno"].map(|name| place.path(name));
    let cards = ["alice", "bruno"]
        .map(|text| Kit::create(&place.path(text), name(text), false, None).unwrap());
    let (home, shares) = (place.path("home"), place.path("shares"));
    let founding = Founding {
        name: name("test"),
        threshold: 2,
        cards: cards.into(),
        shares: &shares,
        life: Vec::new(),
        mirrors: Vec::new(),
        demo: true,
    };
    let founded = Service::init(&home, founding, clock).unwrap();
    let (mut service, _) = Service::open(&home, clock).unwrap();
    for (kit, share) in kits.iter().zip(&founded.shares) {
        let share = serde_json::from_slice(&fs::read(share).unwrap()).unwrap();
        let mut kit = Kit::open(kit, None).unwrap();
        let receipt = kit.accept(&share, service.view(), then).unwrap();
        service.receipt(serde_json::from_slice(&fs::read(receipt).unwrap()).unwrap()).unwrap();
    }
    let ends = TimeZone::UTC.to_datetime(then).date() + 60.days();
    for (domain, kind) in [
        ("population", Kind::Statistics { cryptoperiod_years: 5 }),
        ("benefits", Kind::Research { ends }),
    ] {
        let action =
            Action::Open { domain: name(domain), kind, minimum_batch: 2, authorisation: None };
        let draft = service.propose(action, SignedDuration::from_mins(10)).unwrap();
        let quorum = service.gather::<ServiceError>(draft, |gathering| {
            for kit in &kits {
                gathering.consent(Kit::open(kit, None)?)?;
            }
            Ok(())
        });
        service.open_domain(quorum.unwrap()).unwrap();
    }
}

fn founded_in_2020() -> Place {
    let place = Place::default();
    founded(&place, "2020-01-05T09:00:00Z".parse().unwrap());
    place
}

/// What `command` shows on standard output, with its exit code.
fn shown(place: &Place, command: &str) -> (Option<i32>, String) {
    let output = place.run(command);
    (output.status.code(), text(&output.stdout))
}

/// Years later nobody is asked before somebody has looked at a calendar; then custodians see that
/// they confirm the clock, and that the key was due.
#[test]
fn a_late_quorum_confirms_the_clock() {
    let place = founded_in_2020();
    let new_key = format!("service new-key home population --reason scheduled {KITS}");
    let said = place.refused(&new_key, "clock-unconfirmed", &["--confirm-clock", "calendar"]);
    assert!(!said.contains("asked of the custodians"), "{said}");
    for other in [today() - 1.day(), today() + 1.day(), today() - 1.year()] {
        place.refused(&format!("{new_key} --confirm-clock {other}"), "clock-date", &["UTC"]);
    }
    let confirmed = format!("{new_key} --confirm-clock {}", today());
    let said = place.ok(&confirmed);
    assert!(
        said.contains("  overdue   the key of `population` was due for renewal on 2025-01-05"),
        "{said}"
    );
    let clock = ", the time of the ledger is 2020-01-05T09:00:00Z: who consents confirms it\n";
    assert!(said.contains("  clock     2") && said.contains(clock), "{said}");
    // Then the clock is confirmed and the key is new; the date may be given all the same.
    for again in [new_key, confirmed] {
        place.ok("service doubt home population --kit alice");
        let said = place.ok(&again.replace("scheduled", "doubt"));
        assert!(!said.contains("  overdue ") && !said.contains("  clock "), "{said}");
    }
}

/// The machine was off: `expire` says that it could not act, and one custodian's check lets it.
#[test]
fn expire_fails_until_a_custodian_confirms_the_clock() {
    let place = founded_in_2020();
    let words = ["nothing is marked or destroyed", "custodian check", "--confirm-clock"];
    place.refused("service expire home", "clock-unconfirmed", &words);
    let output = place.run("service expire home --json");
    let mut summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = summary.as_object_mut().unwrap().remove("error").unwrap();
    assert_eq!(error["code"], "clock-unconfirmed");
    assert_eq!(
        summary,
        serde_json::json!({"marked": [], "destroyed": [], "results": [], "request_keys": [], "clock_unconfirmed": true})
    );

    place.ok("custodian check alice --ledger home/ledger.jsonl --out alice.json");
    let said = place.ok("service receipt home alice.json");
    assert!(said.contains("a custodian's check of today confirms the clock"), "{said}");
    let said = place.ok("service expire home");
    assert!(said.contains("`benefits` is past its end: marked"), "{said}");
    place.ok(&format!("service new-key home population --reason scheduled {KITS}"));
}

/// A project past its end and an overdue key are shown although the ledger's time stands still.
#[test]
fn status_goes_by_the_clock() {
    let place = founded_in_2020();
    for (check, ends) in [("", 0), (" --check", 3)] {
        let (code, said) = shown(&place, &format!("service status home{check}"));
        assert_eq!(code, Some(ends));
        for part in [
            "CLOCK more than 40 days ahead, 2",
            "renewal OVERDUE since 2025-01-05",
            "YEARLY CHECK OVERDUE of `alice`, who last showed on 2020-",
            "ENDED 2020-03-05",
            "keys past their end: benefits for ",
        ] {
            assert!(said.contains(part), "{part}\n{said}");
        }
    }
    let output = place.run("service status home --check --json");
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!((&status["in_order"], &status["clock_unconfirmed"]), (&false.into(), &true.into()));
    assert_eq!(status["keys_past_their_end"][0]["domain"], "benefits");
    assert_eq!(status["domains"][1]["overdue"], true);
    assert_eq!(status["checks_overdue"][0], "alice");
    let (_, kit) = shown(&place, "custodian log alice");
    assert!(kit.contains("shown to open on 2020-01-05: a check was DUE on 2021-01-05"), "{kit}");
    place.ok("custodian check alice --ledger home/ledger.jsonl --out alice.json");
    place.ok("service receipt home alice.json");
    let (_, said) = shown(&place, "service status home");
    assert!(!said.contains("CHECK OVERDUE of `alice`"), "{said}");

    let fresh = Place::open();
    assert_eq!(shown(&fresh, "service status home --check").0, Some(0));
    assert_eq!(fresh.json("service status home --check")["in_order"], true);
}

/// One run under a clock ten years ahead: put right, one confirmed run undoes it.
#[test]
fn a_clock_that_was_ten_years_ahead_is_undone() {
    let place = Place::default();
    let ahead = Timestamp::from_second(Timestamp::now().as_second()).unwrap()
        + SignedDuration::from_hours(24 * 3652);
    founded(&place, ahead);
    let (code, said) = shown(&place, "service status home --check");
    assert_eq!(code, Some(3));
    assert!(said.contains("CLOCK 3,65") && said.contains(" days behind, 2"), "{said}");

    let ends = today() + 1.year();
    let wages = format!("service open home wages --kind research --ends {ends} {KITS}");
    place.refused(&wages, "clock-behind", &["calendar", "--confirm-clock"]);
    // What needs no quorum works, and warns; but a receipt is not older than the last one.
    let said = place.ok("service doubt home population --kit alice");
    assert!(said.contains("warning: the clock says ") && said.contains("before"), "{said}");
    place.ok("custodian check alice --ledger home/ledger.jsonl --out alice.json");
    place.refused("service receipt home alice.json", "receipt-date", &[]);

    let said = place.ok(&format!("{wages} --confirm-clock {}", today()));
    assert!(
        said.contains("who consents confirms it and sets the time of the ledger back"),
        "{said}"
    );
    place.ok(&format!("service extend home wages --ends {} {KITS}", ends + 1.day()));
    place.ok("custodian check alice --ledger home/ledger.jsonl --out alice-again.json");
    place.ok("service receipt home alice-again.json");
    place.ok(&format!("service examined home population {KITS}"));
    let (code, said) = shown(&place, "service status home --check");
    assert!(code == Some(0) && !said.contains("CLOCK"), "{said}");
    let (code, said) = shown(&place, "auditor verify home/ledger.jsonl --service home/card.json");
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("a quorum set the time back from 20"), "{said}");
}

/// A monitor sees when `expire` last recorded that it ran.
#[test]
fn the_last_expire_is_seen() {
    let place = Place::default();
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    founded(&place, now - SignedDuration::from_hours(48));
    let last = |name: &str| {
        let metrics = text(&place.run("service status home --prometheus").stdout);
        let line = metrics.lines().find(|line| line.starts_with(&format!("cstatns_{name} ")));
        line.map(|line| line.split_once(' ').unwrap().1.parse::<i64>().unwrap())
    };
    assert_eq!(last("expire_timestamp_seconds"), None);
    assert_eq!(last("event_timestamp_seconds"), Some(now.as_second() - 48 * 3600));
    place.ok("service expire home");
    let seen = last("expire_timestamp_seconds").unwrap();
    assert!((now.as_second()..now.as_second() + 600).contains(&seen), "{seen}");
    assert_eq!(last("event_timestamp_seconds"), Some(seen));
}
