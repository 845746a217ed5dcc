//! Requests in parcels under a quorum, and results in parcels: whose they are, and that nothing
//! opens a request once it is coded.

use crate::common;

use std::fs;
use std::slice::from_ref;

use cstatns::audit::verify;
use cstatns::coded::Coded as _;
use cstatns::ledger::event::{Destroyed, Event, Line, Means};
use cstatns::party::Role;
use cstatns::proposal::Action;
use cstatns::received::{Received, ReceivedFile};
use cstatns::service::{Made, ServiceError, WorkError};
use cstatns::statement::Signed;

use common::copy::copy_tree;
use common::{PEOPLE, Request, World};

/// A statistical domain with a controller, a holder and another controller.
fn office() -> World {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    world.research("benefits", "2026-06-30").unwrap();
    for (text, role) in
        [("insee", Role::Controller), ("cnaf", Role::Holder), ("drees", Role::Controller)]
    {
        world.register_party(text, role, "population");
    }
    world
}

fn code_of<T>(outcome: Result<T, ServiceError>) -> &'static str {
    outcome.err().expect("it was not refused").code()
}

fn events(world: &World) -> Vec<Event> {
    let ledger = fs::read_to_string(world.home().join("ledger.jsonl")).unwrap();
    let event = |line: &str| serde_json::from_str::<Line>(line).unwrap().event;
    ledger.lines().map(event).collect()
}

fn in_order(world: &World) {
    let (home, service) = (world.home(), world.open());
    let audit = verify(&home.join("ledger.jsonl"), service.card(), &[], &[]).unwrap();
    assert!(audit.holds(), "{audit}");
}

fn receipt(world: &World, by: &str, made: &Made) -> ReceivedFile {
    let report = world.open().report(&made.delivery, "test", &[]).unwrap();
    let party = world.party(by);
    let received = Received::of(&report.body, world.open().now());
    let note = report.body.checkpoint;
    let signed = received.signed(party.card().fingerprint(), note, &party.signing());
    ReceivedFile::Signed(signed)
}

#[test]
fn a_parcel_is_coded_for_its_sender_and_its_key_destroyed() {
    let world = office();
    world.code("population", "known", &PEOPLE).unwrap();
    let request = world.sealed_people("insee", "population", "batch");
    assert_eq!(world.halves().len(), world.lives().len());
    let made = world.code_sealed("population", &request, Some("insee")).unwrap();
    assert_eq!(world.halves().len(), 0, "in every place");
    assert!(!request.files.request[0].exists());
    let last = events(&world);
    let how = last.iter().rev().find_map(|event| match event {
        Event::Destroyed { what: Destroyed::RequestKey { .. }, how } => Some(*how),
        _ => None,
    });
    assert_eq!(how, Some(Means::Overwritten));

    let (opened, report, rows) = world.result_in("insee", "batch");
    assert_eq!(rows, fs::read_to_string(world.path("known.result")).unwrap());
    assert_eq!(opened.head.commitment, Some(made.request));
    let insee = world.party("insee").card().fingerprint();
    assert_eq!((report.body.recipient, report.body.delivery), (Some(insee), made.delivery));
    assert_eq!(report.body.result.commitment, made.result);
    let key = world.open().card().body.signing;
    report.verify(&world.path("batch.result"), &key).unwrap();

    // The receiver alone signs for it, and for this delivery.
    let give = |receipt: &ReceivedFile| code_of(world.open().delivered(&made.delivery, receipt));
    let of_another = receipt(&world, "drees", &made);
    assert_eq!(give(&of_another), "received-by");
    let unsigned = ReceivedFile::Unsigned(world.receipt(&made));
    assert_eq!(give(&unsigned), "received-unsigned");
    let mut blind = world.receipt(&made);
    blind.by = Some(insee);
    let blind = Signed::new(blind, &world.party("insee").signing());
    assert_eq!(give(&ReceivedFile::Signed(blind)), "received-unsigned");
    let ReceivedFile::Signed(mut other) = receipt(&world, "insee", &made) else { panic!() };
    other.body.destroyed += 1;
    assert_eq!(give(&ReceivedFile::Signed(other)), "received-by");
    assert!(world.path("batch.result").exists());
    let signed = receipt(&world, "insee", &made);
    assert!(world.open().delivered(&made.delivery, &signed).unwrap());
    assert!(!world.path("batch.result").exists());
    assert_eq!(world.open().state().unsigned_for().len(), 0);
    in_order(&world);
}

/// What the operator states is no receipt, and a party whose roles end does not take it off the
/// list.
#[test]
fn a_receipt_is_owed_until_it_comes() {
    let world = office();
    let request = world.sealed_people("insee", "population", "batch");
    let made = world.code_sealed("population", &request, Some("insee")).unwrap();
    let owed = || world.open().state().unsigned_for().len();
    assert_eq!(owed(), 1);
    world.open().delivered_stated(&made.delivery).unwrap();
    assert_eq!(owed(), 1);
    world.end_party(0, world.party("insee").card()).unwrap();
    assert_eq!(owed(), 1);
    in_order(&world);
}

/// A test that keeps everything but the places of life secrets, which no backup holds: the parcel,
/// the kits, the keys, the ledger. As long as the half is there, the same things open it.
#[test]
fn once_it_is_coded_no_copy_of_anything_opens_it() {
    let world = office();
    let request = world.sealed_people("insee", "population", "batch");
    let (kept, kits) = (common::scratch(), world.kits[0].parent().unwrap().to_owned());
    copy_tree(world.directory.path(), kept.path());
    let kept_kits = common::scratch();
    copy_tree(&kits, kept_kits.path());
    world.code_sealed("population", &request, Some("insee")).unwrap();

    // Everything goes back to where it was; the places of life secrets stay as they are.
    let lives = world.lives();
    let aside = common::scratch();
    for (number, life) in lives.iter().enumerate() {
        copy_tree(life, &aside.path().join(number.to_string()));
    }
    fs::remove_dir_all(world.directory.path()).unwrap();
    copy_tree(kept.path(), world.directory.path());
    fs::remove_dir_all(&kits).unwrap();
    copy_tree(kept_kits.path(), &kits);
    let mut old = Vec::new();
    for (number, life) in lives.iter().enumerate() {
        for entry in fs::read_dir(life).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "request") {
                old.push((path.clone(), fs::read(&path).unwrap()));
                let now = aside.path().join(number.to_string()).join(path.file_name().unwrap());
                assert!(!now.exists(), "it is destroyed");
                fs::remove_file(path).unwrap();
            }
        }
    }
    assert_eq!(old.len(), lives.len());
    let outcome = world.code_sealed("population", &request, Some("insee"));
    assert_eq!(code_of(outcome), "request-key-seal");
    // The control: with the half the same copies open the parcel.
    for (path, bytes) in old {
        fs::write(path, bytes).unwrap();
    }
    world.code_sealed("population", &request, Some("insee")).unwrap();
}

#[test]
fn a_run_that_failed_may_be_proposed_again_with_the_same_parcel() {
    let world = office();
    let request = world.sealed_people("insee", "population", "batch");
    let parcel = fs::read(&request.files.request[0]).unwrap();
    let action = world.sealed_action("population", from_ref(&request), Some("insee")).unwrap();
    let mut service = world.open();
    let quorum = world.quorum(&mut service, action).unwrap();
    let failed = service.code(quorum, from_ref(&request.files), |_, _| {
        Err(WorkError::new(ServiceError::RequestChanged))
    });
    assert_eq!(code_of(failed), "request-changed");
    drop(service);
    assert_eq!(fs::read(&request.files.request[0]).unwrap(), parcel);
    assert_eq!(world.halves().len(), world.lives().len());
    assert!(!world.path("batch.result").exists());
    world.code_sealed("population", &request, Some("insee")).unwrap();
    assert_eq!(world.halves().len(), 0);
    // Nor may it be coded twice.
    let key = world.request_key("insee", "population").unwrap();
    drop(key);
    fs::write(&request.files.request[0], parcel).unwrap();
    assert_eq!(code_of(world.code_sealed("population", &request, Some("insee"))), "request-spent");
    in_order(&world);
}

/// What lies in the parcel is what its sender has declared and custodians approved.
#[test]
fn another_parcel_in_its_place_is_refused() {
    let world = office();
    let key = world.request_key("insee", "population").unwrap();
    let request = world.seal("insee", &key, "batch", &PEOPLE);
    let other = world.seal("insee", &key, "other", &PEOPLE[..3]);
    let swapped = |by: &Request| {
        let action = world.sealed_action("population", from_ref(&request), Some("insee")).unwrap();
        let mut service = world.open();
        let quorum = world.quorum(&mut service, action).unwrap();
        fs::copy(&by.files.request[0], &request.files.request[0]).unwrap();
        let mut called = false;
        let outcome = service.code(quorum, from_ref(&request.files), |_, _| {
            called = true;
            Err(WorkError::new(ServiceError::RequestChanged))
        });
        (code_of(outcome), called)
    };
    let own = fs::read(&request.files.request[0]).unwrap();
    assert_eq!(swapped(&other), ("request-changed", false), "no row of it was given out");
    fs::write(&request.files.request[0], &own).unwrap();
    // Somebody else with the same key, who is not the sender that custodians were shown.
    let service = world.open();
    let signing = service.card().body.signing;
    drop(service);
    let mut forged = key.clone();
    forged.body.party = world.party("drees").card().fingerprint();
    assert!(!forged.is_sound(&signing), "the service signs whose key it is");
    world.code_sealed("population", &request, Some("insee")).unwrap();
}

#[test]
fn who_sends_for_whom_is_a_rule_of_the_ledger() {
    let world = office();
    let insee = world.party("insee").card().fingerprint();
    let drees = world.party("drees").card().fingerprint();
    let refused = |request: &Request, to: Option<&str>| {
        let action = world.sealed_action("population", from_ref(request), to).unwrap();
        world.open().check_proposal(&action).err().map(|error| error.code())
    };
    let own = world.sealed_people("insee", "population", "own");
    for (to, code) in [
        (Some("insee"), None),
        (None, None),
        (Some("drees"), Some("recipient-other")),
        (Some("cnaf"), Some("recipient-role")),
        (Some("stranger"), Some("unknown-party")),
    ] {
        assert_eq!(refused(&own, to), code, "{to:?}");
    }
    let key = world.request_key("cnaf", "population").unwrap();
    let held = world.seal_for("cnaf", Some(insee), &key, "held", &PEOPLE);
    for (to, code) in [
        (Some("insee"), None),
        (None, Some("recipient-other")),
        (Some("drees"), Some("recipient-other")),
    ] {
        assert_eq!(refused(&held, to), code, "{to:?}");
    }
    let nobody = world.seal("cnaf", &key, "nobody", &PEOPLE);
    assert_eq!(refused(&nobody, Some("insee")), Some("sent-for"));
    let itself = world.seal_for(
        "cnaf",
        Some(world.party("cnaf").card().fingerprint()),
        &key,
        "itself",
        &PEOPLE,
    );
    assert_eq!(refused(&itself, Some("insee")), Some("sent-for"));
    let key = world.request_key("insee", "population").unwrap();
    let for_other = world.seal_for("insee", Some(drees), &key, "for-other", &PEOPLE);
    assert_eq!(refused(&for_other, Some("drees")), Some("sent-for"));

    // What is declared is what was signed.
    let action = world.sealed_action("population", from_ref(&own), Some("insee")).unwrap();
    let with = |change: &dyn Fn(&mut Action)| {
        let mut action = action.clone();
        change(&mut action);
        world.open().check_proposal(&action).err().map(|error| error.code())
    };
    fn input(action: &mut Action) -> &mut cstatns::proposal::Input {
        match action {
            Action::Code { inputs, .. } => &mut inputs[0],
            _ => panic!("it codes"),
        }
    }
    let signature = Some("declaration-signature");
    assert_eq!(with(&|action| input(action).rows += 1), signature);
    assert_eq!(with(&|action| input(action).commitment.0[0] ^= 1), signature);
    assert_eq!(with(&|action| input(action).sent.as_mut().unwrap().signature.0[0] ^= 1), signature);
    let other = |action: &mut Action| input(action).sent.as_mut().unwrap().key.0[0] ^= 1;
    assert_eq!(with(&other), Some("request-key-unknown"));
    let sender = |action: &mut Action| input(action).sent.as_mut().unwrap().sender = drees;
    assert_eq!(with(&sender), Some("request-key-other"));
    assert_eq!(with(&|_| {}), None);

    // The end of a party ends its key.
    world.end_party(0, world.party("insee").card()).unwrap();
    assert_eq!(refused(&own, None), Some("request-key-unknown"));
    in_order(&world);
}

/// Two requests of one key: it lives until the last of them is coded.
#[test]
fn a_key_lives_until_its_last_request_is_coded() {
    let world = office();
    let key = world.request_key("insee", "population").unwrap();
    let requests = ["one", "two"].map(|file| world.seal("insee", &key, file, &PEOPLE));
    let action = world.sealed_action("population", &requests, Some("insee")).unwrap();
    let mut service = world.open();
    let quorum = world.quorum(&mut service, action).unwrap();
    let files: Vec<_> = requests.iter().map(|request| request.files.clone()).collect();
    let mut seen = Vec::new();
    let made = service.code(quorum, &files, |coder, out| {
        seen.push(world.halves().len());
        assert!(out.take_arrived().is_some());
        let request = &requests[out.part() as usize - 1];
        common::code_lines(coder, request, out)
    });
    assert_eq!(made.unwrap().len(), 2);
    drop(service);
    let places = world.lives().len();
    assert_eq!(seen, [places, places]);
    assert_eq!(world.halves().len(), 0);
    in_order(&world);
}

/// In research codes go to who links, and who links renews them.
#[test]
fn in_research_codes_go_to_who_links() {
    let world = office();
    world.register_party("casd", Role::Linking, "benefits");
    world.register_party("min", Role::Controller, "benefits");
    let sent = world.sealed_people("min", "benefits", "batch");
    let refused = |request: &Request, to: Option<&str>| {
        let action = world.sealed_action("benefits", from_ref(request), to).unwrap();
        world.open().check_proposal(&action).err().map(|error| error.code())
    };
    assert_eq!(refused(&sent, None), None, "a demonstration hands them out in clear");
    assert_eq!(refused(&sent, Some("min")), Some("recipient-role"));
    assert_eq!(refused(&sent, Some("casd")), None);
    let links = world.sealed_people("casd", "benefits", "links");
    assert_eq!(refused(&links, Some("casd")), Some("sender-role"));
    world.code_sealed("benefits", &sent, Some("casd")).unwrap();
    in_order(&world);
}
