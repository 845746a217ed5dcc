//! A destruction that is owed and cannot be made now: what waits for it, and what does not.

use crate::common;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::slice::from_ref;

use common::crash::{Snapshot, facts, violations};
use common::{PEOPLE, World, code_lines, name};
use cstatns::coded::Coded as _;
use cstatns::delivery::DeliveryId;
use cstatns::domain::Kind;
use cstatns::files::Step;
use cstatns::files::faults;
use cstatns::ledger::event::{Destroyed, Lapse};
use cstatns::name::Hex;
use cstatns::proposal::Action;
use cstatns::service::{Recovered, ServiceError};
use cstatns::state::Fate;
use jiff::SignedDuration;

/// Codes `out/batch` and stops at the first step of the request's destruction.
fn stopped(world: &World) {
    fs::create_dir_all(world.path("out")).unwrap();
    let under = world.directory.path();
    let snapshot = Snapshot::of(world);
    let code = || world.code("population", "out/batch", &PEOPLE);
    let steps = faults::trace(under, || code().unwrap());
    let at = steps.iter().position(|step| *step == Step::Overwrite).unwrap();
    snapshot.restore(world);
    faults::stop_after(under, at, code).unwrap_err();
    assert!(world.path("out/batch.request").exists() && world.path("out/batch.result").exists());
}

fn last_event(world: &World) -> serde_json::Value {
    let ledger = fs::read_to_string(world.home().join("ledger.jsonl")).unwrap();
    serde_json::from_str::<serde_json::Value>(ledger.lines().last().unwrap()).unwrap()["event"]
        .clone()
}

/// What must not wait, and what must.
fn doubt_and_the_like_pass(world: &World, code: &str) {
    let service = world.open();
    assert!(matches!(service.state().owed(), Some(Destroyed::Request { .. })));
    assert_eq!(service.unpaid().unwrap().code(), code);
    assert!(service.status().unpaid.is_some());
    drop(service);

    world.open().expire().unwrap();
    let receipt = world.check(0);
    world.open().receipt(receipt).unwrap();
    world.doubt("population", 1).unwrap();
    assert!(world.open().state().domain(&name("population")).unwrap().active().compromised);
    // The project past its end is marked, and a day later its keys go.
    world.clock.set("2026-02-01T00:00:00Z");
    assert_eq!(world.open().expire().unwrap().marked, [name("benefits")]);
    world.clock.set("2026-02-02T00:00:00Z");
    assert_eq!(world.open().expire().unwrap().destroyed, [name("benefits")]);
    assert!(matches!(world.open().state().owed(), Some(Destroyed::Request { .. })), "still owed");

    for (verb, outcome) in [
        ("open", world.statistics("income")),
        ("code", world.code("population", "late", &PEOPLE).map(|_| ())),
        ("new-key", world.new_key("population", cstatns::domain::RenewalReason::Doubt)),
    ] {
        assert_eq!(outcome.unwrap_err().code(), code, "{verb}");
    }
    let delivery = world.open().outgoing()[0].delivery;
    let refused = world.open().delivered_stated(&delivery.id);
    assert_eq!(refused.unwrap_err().code(), "unfinished");
}

fn world() -> World {
    let world = World::founded(2, 2);
    world.statistics("population").unwrap();
    world.research("benefits", "2026-01-31").unwrap();
    world.code("population", "known", &PEOPLE).unwrap();
    world
}

#[test]
fn a_request_whose_medium_is_not_mounted_is_not_absent() {
    let world = world();
    stopped(&world);
    let (out, away) = (world.path("out"), world.path("away"));
    fs::rename(&out, &away).unwrap();
    for mount_point in [false, true] {
        if mount_point {
            fs::create_dir(&out).unwrap();
        }
        let service = world.open();
        assert_eq!(
            service.unpaid().unwrap().code(),
            "request-away",
            "an empty mount point: {mount_point}"
        );
    }
    doubt_and_the_like_pass(&world, "request-away");
    assert_eq!(fs::read_to_string(away.join("batch.request")).unwrap(), PEOPLE.join("\n"));

    // Mounted again, it is destroyed by the next command.
    fs::remove_dir(&out).unwrap();
    fs::rename(&away, &out).unwrap();
    let (service, said) = world.reopen().unwrap();
    assert!(said.iter().any(|said| matches!(said, Recovered::Destroyed { .. })), "{said:?}");
    assert!(!world.path("out/batch.request").exists() && service.unpaid().is_none());
    assert_eq!(last_event(&world)["how"], "overwritten");
    assert_eq!(violations(&world, &service), [""; 0]);
}

#[test]
fn a_medium_that_is_gone_for_good_is_stated() {
    let world = world();
    stopped(&world);
    let event = last_event(&world);
    assert_eq!(event["type"], "coded");
    let run = Hex::parse(event["run"].as_str().unwrap().as_bytes()).unwrap();
    let [delivery, other] = [run, Hex([9; 16])].map(|run| DeliveryId { run, part: 1 });
    // While it is there, there is nothing to state; and the opening destroys it.
    let copy = Snapshot::of(&world);
    assert_eq!(world.open().request_lost(&delivery).unwrap_err().code(), "nothing-lost");
    copy.restore(&world);
    fs::remove_dir_all(world.path("out")).unwrap();
    let mut service = world.open();
    assert_eq!(service.request_lost(&other).unwrap_err().code(), "nothing-lost");
    service.request_lost(&delivery).unwrap();
    assert_eq!(last_event(&world)["how"], "lost");
    assert!(service.state().owed().is_none());
    drop(service);
    world.statistics("income").unwrap();
}

#[test]
fn a_request_that_was_moved_away_is_absent_and_another_file_in_its_place_is_spared() {
    for other in [false, true] {
        let world = world();
        stopped(&world);
        let request = world.path("out/batch.request");
        fs::rename(&request, world.path("elsewhere")).unwrap();
        if other {
            fs::write(&request, "the request of next month").unwrap();
        }
        let service = world.open();
        assert_eq!(last_event(&world)["how"], "absent");
        assert!(service.state().owed().is_none());
        assert_eq!(request.exists(), other, "another file is not this run's");
    }
}

/// Renamed away while the rows are coded: its bytes are destroyed all the same.
#[test]
fn a_request_is_destroyed_through_its_descriptor() {
    let world = world();
    let request = world.request("moving", &PEOPLE);
    let mut service = world.open();
    let action = world.code_action(&service, "population", &request);
    let quorum = world.quorum(&mut service, action).unwrap();
    let (from, to) = (request.files.request[0].clone(), world.path("kept"));
    service
        .code(quorum, from_ref(&request.files), |coder, out| {
            fs::rename(&from, &to).unwrap();
            fs::write(&from, "another file").unwrap();
            code_lines(coder, &request, out)
        })
        .unwrap();
    assert_eq!(fs::read(&to).unwrap(), b"", "overwritten and emptied");
    assert_eq!(fs::read_to_string(&from).unwrap(), "another file");
    assert_eq!(last_event(&world)["how"], "absent", "its name was not taken away");
}

/// One of two files gone is not all of them overwritten.
#[test]
fn half_a_request_is_told() {
    let world = world();
    let mut request = world.request("two", &PEOPLE);
    let beside = world.path("two.beside");
    fs::write(&beside, "its seal").unwrap();
    request.files.request.push(beside.clone());
    let mut service = world.open();
    let action = world.code_action(&service, "population", &request);
    let quorum = world.quorum(&mut service, action).unwrap();
    service
        .code(quorum, from_ref(&request.files), |coder, out| {
            fs::remove_file(&beside).unwrap();
            code_lines(coder, &request, out)
        })
        .unwrap();
    assert_eq!(last_event(&world)["how"], "absent");
    assert!(!world.path("two.request").exists());
}

/// A request that this run could not destroy is found before anybody is asked. (What only another
/// user than root may not delete is tested on the program.)
#[test]
fn a_request_that_would_stay_is_refused_before_the_intent() {
    let world = world();
    let request = world.request("stays", &PEOPLE);
    let (file, linked) = (request.files.request[0].clone(), world.path("linked.request"));
    let check = |what: &str, file: &Path, code: &str| {
        let mut files = request.files.clone();
        files.request = vec![file.to_owned()];
        let service = world.open();
        let events = service.history().size();
        assert_eq!(
            service.check_files(from_ref(&files), false).unwrap_err().code(),
            code,
            "{what}"
        );
        assert!(
            service.check_files(from_ref(&files), true).is_ok() || code == "file-missing",
            "{what}: it may be kept"
        );
        let mut service = service;
        let action = world.code_action(&service, "population", &request);
        let quorum = world.quorum(&mut service, action).unwrap();
        let run = quorum.question().run;
        let refused =
            service.code(quorum, from_ref(&files), |_, _| unreachable!("the rows are not read"));
        assert_eq!(refused.unwrap_err().code(), code, "{what}");
        // The question lapsed, with the consents that it had.
        let fate = &service.state().runs()[&run].fate;
        assert!(matches!(fate, Fate::Lapsed { why: Lapse::Withdrawn, enough: true, .. }), "{what}");
        assert_eq!(service.history().size(), events + 2, "{what}");
    };
    std::os::unix::fs::symlink(&file, &linked).unwrap();
    check("a link", &linked, "request-stays");
    check("nothing", &world.path("none.request"), "file-missing");
    world.code("population", "stays", &PEOPLE).unwrap();
}

/// The disk fails for a while exactly where the request is destroyed, at each step: the home stays
/// usable for what stops and destroys, and the next opening finishes.
#[test]
fn a_destruction_that_fails_at_any_step_stays_owed() {
    let world = world();
    let before = Snapshot::of(&world);
    stopped(&world);
    let out = world.path("out");
    let steps = faults::count(&out, || world.open());
    assert!(steps >= 5, "{steps}");
    for step in 0..steps {
        before.restore(&world);
        stopped(&world);
        let open = || world.reopen().map(|(service, _)| facts(&service));
        faults::fail_at(&out, step, ErrorKind::PermissionDenied, open).unwrap();
        let owed = |error: &ServiceError| error.code().to_owned();
        let service = faults::fail_at(&out, step, ErrorKind::PermissionDenied, || world.open());
        if let Some(unpaid) = service.unpaid() {
            assert_eq!(owed(unpaid), "file-permission", "step {step}");
        }
        drop(service);
        let service = world.open();
        assert!(service.unpaid().is_none() && service.state().owed().is_none(), "step {step}");
        assert_eq!(violations(&world, &service), [""; 0], "step {step}");
    }
}

/// The home is not locked while custodians are asked. A service that cannot lock it again records
/// nothing: another process may have gone on.
#[test]
fn a_service_that_lost_its_home_while_it_asked_records_nothing() {
    let world = World::founded(2, 2);
    let mut service = world.open();
    let (home, moved) = (world.home(), world.path("moved"));
    let kind = Kind::Statistics { cryptoperiod_years: 5 };
    let action =
        Action::Open { domain: name("population"), kind, minimum_batch: 2, authorisation: None };
    let draft = service.propose(action, SignedDuration::from_mins(10)).unwrap();
    let asked = service.gather(draft, |_| {
        fs::rename(&home, &moved).unwrap();
        Ok::<_, ServiceError>(())
    });
    assert!(asked.is_err());
    fs::rename(&moved, &home).unwrap();
    let ledger = || fs::read(home.join("ledger.jsonl")).unwrap();
    let before = ledger();
    let refused = service.record_refusal("open", "file-missing").unwrap_err();
    assert_eq!(refused.code(), "home-locked");
    assert!(ledger() == before);
    // The next command records that nobody waited for the answers.
    let other = world.open();
    assert!(other.state().open_questions().is_empty() && ledger().len() > before.len());
}

/// Custodians who took too long leave their consents all the same: a quorum of them may have run.
#[test]
fn a_question_that_expires_while_it_is_asked_keeps_its_consents() {
    for (kits, enough) in [(1, false), (2, true)] {
        let world = World::founded(2, 3);
        let mut service = world.open();
        let kind = Kind::Statistics { cryptoperiod_years: 5 };
        let action = Action::Open {
            domain: name("population"),
            kind,
            minimum_batch: 2,
            authorisation: None,
        };
        let draft = service.propose(action, SignedDuration::from_mins(10)).unwrap();
        let run = draft.question().run;
        let asked = service.gather(draft, |gathering| {
            for kit in 0..kits {
                gathering.consent(world.kit(kit))?;
            }
            world.clock.advance(SignedDuration::from_mins(11));
            Ok::<_, ServiceError>(())
        });
        assert_eq!(asked.err().unwrap().code(), "proposal-expired");
        let fate = &service.state().runs()[&run].fate;
        let Fate::Lapsed { why: Lapse::Expired, by, enough: found } = fate else {
            panic!("{fate:?}")
        };
        assert_eq!((by.len(), *found), (kits, enough));
        assert_eq!(fate.may_have_run(), enough);
    }
}
