//! Parties and request keys, stopped, failed and torn at every durable step.

#![allow(clippy::print_stderr)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use cstatns::audit::verify;
use cstatns::coded::Coded as _;
use cstatns::dealing::Epoch;
use cstatns::files::Step;
use cstatns::files::faults::{stop_after, watch};
use cstatns::name::Hex;
use cstatns::party::Role;
use cstatns::service::ServiceError;
use jiff::SignedDuration;

use common::crash::{SECOND_LIFE, Verb, run, run_in};
use common::sealed::{code_parcel, sign_for, with_parcel};
use common::{PEOPLE, World, name, party_card};

fn registered(world: &World) {
    world.statistics("population").unwrap();
    world.research("benefits", "2026-06-30").unwrap();
    let card = party_card("insee", 1);
    world.register(&card, Role::Controller, &["benefits", "population"]).unwrap();
}

/// One request key in each domain.
fn with_keys(world: &World) {
    registered(world);
    for domain in ["benefits", "population"] {
        world.request_key("insee", domain).unwrap();
    }
}

fn first_key(world: &World) -> Option<Hex<16>> {
    let service = world.open();
    let key =
        service.state().request_keys().iter().find(|(_, key)| key.domain == name("population"));
    key.map(|(key, _)| *key)
}

/// What was done already is done.
fn or_done(outcome: Result<(), ServiceError>, code: &str) -> Result<(), ServiceError> {
    match outcome {
        Err(error) if error.code() == code => Ok(()),
        outcome => outcome,
    }
}

/// A request key can be issued, sealed anew, and withdrawn.
fn goes_on(world: &World) {
    let key = world.request_key("insee", "population").unwrap().body.key;
    world.deal().unwrap();
    world.receive().unwrap();
    assert_eq!(world.open().state().working_epoch().unwrap().0, Epoch(2));
    world.open().withdraw_request_key(&key).unwrap();
    world.code("population", "coded", &PEOPLE).unwrap();
}

/// What is like another verb whose steps are tried at each change.
fn run_before_release(verb: Verb) {
    if std::env::var_os("CSTATNS_LONG").is_some() {
        run(verb);
    } else {
        eprintln!("{}: not tried, CSTATNS_LONG is unset", verb.name);
    }
}

#[test]
fn register() {
    run_before_release(Verb {
        name: "party",
        prepare: registered,
        act: |world| {
            let card = party_card("cnaf", 2);
            or_done(world.register(&card, Role::Holder, &["population"]), "party-registered")
        },
        then: |world| {
            world.request_key("cnaf", "population").unwrap();
            goes_on(world);
        },
    });
}

#[test]
fn end_party() {
    run(Verb {
        name: "end-party",
        prepare: with_keys,
        act: |world| or_done(world.end_party(1, &party_card("insee", 1)), "party-ended"),
        then: |world| {
            assert_eq!(world.open().state().living_request_keys().count(), 0);
            assert_eq!(
                world.request_key("insee", "population").unwrap_err().code(),
                "unknown-party"
            );
        },
    });
}

#[test]
fn issue_request_key() {
    run(Verb {
        name: "request-key",
        prepare: registered,
        act: |world| world.request_key("insee", "population").map(drop),
        then: goes_on,
    });
}

#[test]
fn withdraw_request_key() {
    run(Verb {
        name: "withdraw-request-key",
        prepare: with_keys,
        act: |world| {
            let mut service = world.try_open()?;
            let key = *service.state().request_keys().first_key_value().unwrap().0;
            or_done(service.withdraw_request_key(&key), "request-key-unknown")
        },
        then: goes_on,
    });
}

#[test]
fn expire_request_keys() {
    run(Verb {
        name: "expire-request-keys",
        prepare: |world| {
            registered(world);
            world.request_key("insee", "population").unwrap();
            world.clock.advance(SignedDuration::from_hours(30 * 24));
        },
        act: |world| world.try_open()?.expire().map(drop),
        then: |world| {
            assert_eq!(world.open().state().living_request_keys().count(), 0);
            goes_on(world);
        },
    });
}

#[test]
fn close_with_request_keys() {
    run_before_release(Verb {
        name: "close-with-request-keys",
        prepare: with_keys,
        act: |world| or_done(world.close("benefits"), "keys-destroyed"),
        then: |world| {
            assert_eq!(world.open().state().living_request_keys().count(), 1);
            goes_on(world);
        },
    });
}

#[test]
fn deal_with_request_keys() {
    run(Verb {
        name: "deal-with-request-keys",
        prepare: with_keys,
        act: |world| world.deal().map(drop),
        then: |world| {
            world.receive().unwrap();
            let key = first_key(world).unwrap();
            world.open().withdraw_request_key(&key).unwrap();
        },
    });
}

#[test]
fn last_receipt_with_request_keys() {
    run(Verb {
        name: "last-receipt-with-request-keys",
        prepare: |world| {
            with_keys(world);
            world.deal().unwrap();
            let receipt = world.accept(&world.kits[0]);
            world.open().receipt(receipt).unwrap();
        },
        act: |world| {
            let receipt = world.accept(&world.kits[1]);
            or_done(world.try_open()?.receipt(receipt).map(drop), "receipt-known")
        },
        then: |world| {
            assert_eq!(world.open().state().working_epoch().unwrap().0, Epoch(2));
            let key = first_key(world).unwrap();
            world.open().withdraw_request_key(&key).unwrap();
        },
    });
}

#[test]
fn abandon_with_request_keys() {
    run_before_release(Verb {
        name: "abandon-with-request-keys",
        prepare: |world| {
            with_keys(world);
            world.deal().unwrap();
        },
        act: |world| world.abandon(2),
        then: |world| {
            assert_eq!(world.open().state().living_request_keys().count(), 2);
            world.deal().unwrap();
            world.receive().unwrap();
        },
    });
}

fn is_in_its_parcel(world: &World) {
    let (_, report, rows) = world.result_in("insee", "out/batch");
    assert_eq!(rows, fs::read_to_string(world.path("known.result")).unwrap());
    let delivery = report.body.delivery;
    let service = world.open();
    assert_eq!(service.state().deliveries()[&delivery].result, report.body.result.commitment);
    assert_eq!(service.state().unsigned_for().len(), 1);
    assert!(world.halves().is_empty() && !world.path("out/batch.request.age").exists());
}

/// The request key is destroyed in every place, whatever stopped or failed; the result is whole.
#[test]
fn code_a_parcel() {
    run(Verb {
        name: "code-a-parcel",
        prepare: with_parcel,
        act: code_parcel,
        then: is_in_its_parcel,
    });
}

#[test]
fn a_signed_receipt() {
    run(Verb {
        name: "signed-receipt",
        prepare: |world| {
            with_parcel(world);
            code_parcel(world).unwrap();
        },
        act: |world| sign_for(world, "out/batch"),
        then: |world| {
            assert!(!world.path("out/batch.result").exists());
            assert_eq!(world.open().state().unsigned_for().len(), 0);
        },
    });
}

/// A service whose life secrets lie in two places.
fn in_two_places() -> World {
    let mut world = World::new(2, 2);
    world.life = ["first-life", SECOND_LIFE].map(|place| world.path(place)).into();
    world.init().unwrap();
    world.receive().unwrap();
    world
}

/// A project about to end: a result that nobody said to have, though the linking body does, and a
/// request key that serves.
fn with_a_project(world: &World) {
    world.statistics("population").unwrap();
    world.research("benefits", "2026-01-31").unwrap();
    world.register_party("insee", Role::Linking, "benefits");
    world.register_party("atih", Role::Controller, "benefits");
    fs::create_dir(world.path("out")).unwrap();
    let request = world.sealed_people("atih", "benefits", "out/batch");
    world.code_sealed("benefits", &request, Some("insee")).unwrap();
    fs::copy(world.path("out/batch.result"), world.path("taken.parcel")).unwrap();
    world.request_key("atih", "benefits").unwrap();
}

/// The same, marked as past its end a day ago.
fn with_a_marked_project(world: &World) {
    with_a_project(world);
    world.clock.set("2026-02-01T00:00:00Z");
    assert_eq!(world.open().expire().unwrap().marked, [name("benefits")]);
    world.clock.set("2026-02-02T00:00:00Z");
}

/// The auditor finds the ledger to hold, and names so many deliveries that are not signed for.
fn audited(world: &World, unsigned_for: usize) {
    let card = world.open().card().clone();
    let audit = verify(&world.home().join("ledger.jsonl"), &card, &[], &[]).unwrap();
    assert!(audit.findings.iter().all(|finding| finding.holds), "{audit}");
    assert_eq!(audit.unsigned_for.len(), unsigned_for, "{audit}");
    let domain = audit.domains.iter().find(|known| known.domain == name("benefits")).unwrap();
    assert!(domain.destroyed.is_some(), "{audit}");
}

/// No key of the project is left, in neither place, and neither its request key nor its result.
/// Whoever has the result signs for it all the same.
fn nothing_of_the_project_is_left(world: &World) {
    assert!(world.halves().is_empty(), "{:?}", world.halves());
    let places = world.lives().into_iter().chain([world.home().join("keys")]);
    let names = places.flat_map(|place| fs::read_dir(place).unwrap());
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<String> = names.filter(|name| name.starts_with("benefits.")).collect();
    assert!(left.is_empty() && !world.path("out/batch.result").exists(), "{left:?}");
    let service = world.open();
    assert_eq!(service.state().living_request_keys().count(), 0);
    assert_eq!(service.state().unclaimed().count(), 0);
    assert_eq!(service.notices().len(), 1);
    drop(service);
    assert_eq!(world.request_key("atih", "benefits").unwrap_err().code(), "keys-destroyed");
    audited(world, 1);
    fs::copy(world.path("taken.parcel"), world.path("taken.result")).unwrap();
    sign_for(world, "taken").unwrap();
    audited(world, 0);
}

/// The keys of a project go, and with them what they served for, whatever stops or fails.
#[test]
fn close_with_an_undelivered_result() {
    let verb = Verb {
        name: "close-with-an-undelivered-result",
        prepare: with_a_project,
        act: |world| or_done(world.close("benefits"), "keys-destroyed"),
        then: nothing_of_the_project_is_left,
    };
    match std::env::var_os("CSTATNS_LONG") {
        Some(_) => run_in(&in_two_places(), verb),
        None => eprintln!("{}: not tried, CSTATNS_LONG is unset", verb.name),
    }
}

#[test]
fn expire_with_an_undelivered_result() {
    let verb = Verb {
        name: "expire-with-an-undelivered-result",
        prepare: with_a_marked_project,
        act: |world| world.try_open()?.expire().map(drop),
        then: nothing_of_the_project_is_left,
    };
    run_in(&in_two_places(), verb);
}

/// At each step of the service: neither the identifiers of a request in a parcel nor the codes of
/// its result lie in clear anywhere.
#[test]
fn nothing_of_a_parcel_lies_in_clear_at_any_step() {
    let world = World::founded(2, 2);
    with_parcel(&world);
    let known = fs::read_to_string(world.path("known.result")).unwrap();
    fs::remove_file(world.path("known.result")).unwrap();
    let texts: Vec<String> =
        PEOPLE.map(str::to_owned).into_iter().chain(known.lines().map(str::to_owned)).collect();
    let under = world.directory.path().to_owned();
    let seen = Arc::new(Mutex::new((0, Vec::new())));
    let look = {
        let (seen, under, texts) = (seen.clone(), under.clone(), texts.clone());
        move |_: Step, _: &Path| {
            let mut seen = seen.lock().unwrap();
            seen.0 += 1;
            seen.1.extend(holding(&under, &texts));
        }
    };
    watch(&under, look, || code_parcel(&world)).unwrap();
    sign_for(&world, "out/batch").unwrap();
    assert!(holding(&under, &texts).is_empty());
    let (steps, found) = &*seen.lock().unwrap();
    assert!(*steps > 40 && found.is_empty(), "{steps}: {found:?}");
    // The control: a request and a result in clear are seen.
    world.request("clear", &PEOPLE);
    assert_eq!(holding(&under, &texts).len(), 1);
    world.code("population", "clear", &PEOPLE).unwrap();
    assert_eq!(holding(&under, &texts).len(), 1);
}

/// A run that was stopped between the name of its parcel and the event knows that parcel again, and
/// takes no other file under its name for it.
#[test]
fn another_file_is_not_the_parcel() {
    let stopped = (0..).find_map(|n| {
        let world = World::founded(2, 2);
        with_parcel(&world);
        stop_after(world.directory.path(), n, || code_parcel(&world)).unwrap_err();
        let placed = world.path("out/batch.result").exists();
        (placed && world.ledger().state.pending().is_some()).then_some(world)
    });
    let world = stopped.unwrap();
    let result = world.path("out/batch.result");
    let parcel = fs::read(&result).unwrap();
    let mut other = parcel.clone();
    // Its age head is of this parcel alone; what follows, its receiver verifies.
    other[200] ^= 1;
    fs::write(&result, other).unwrap();
    assert_eq!(world.open().unpaid().unwrap().code(), "result-away");
    assert!(world.ledger().state.pending().is_some(), "nothing is recorded of another file");
    fs::write(&result, parcel).unwrap();
    drop(world.open());
    assert!(world.ledger().state.pending().is_none());
    is_in_its_parcel(&world);
}

/// The files below a directory that hold one of these texts.
fn holding(directory: &Path, texts: &[String]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, texts));
        } else if let Ok(bytes) = fs::read(&path) {
            let has = |text: &String| bytes.windows(text.len()).any(|part| part == text.as_bytes());
            found.extend(texts.iter().any(has).then_some(path));
        }
    }
    found
}
