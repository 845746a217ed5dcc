//! What a fault leaves: a result without its event, an error after which a run may be done, a
//! ceremony on a full disk.

use crate::common;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use common::crash::{copy_tree, violations};
use common::{PEOPLE, World};
use cstatns::audit;
use cstatns::coded::Coded as _;
use cstatns::custody::custodian::Remark;
use cstatns::delivery::DeliveryId;
use cstatns::files::{Step, faults};
use cstatns::received::ReceivedFile;
use cstatns::service::{Reader, Recovered, Service, ServiceError};
use cstatns::state::Fate;

/// A world whose run was stopped between the name of its result, in a directory of its own, and
/// the event.
fn stopped_before_its_event() -> World {
    for n in 0.. {
        let world = World::founded(2, 2);
        world.statistics("population").unwrap();
        fs::create_dir(world.path("out")).unwrap();
        let under = world.directory.path();
        let done = faults::stop_after(under, n, || world.code("population", "out/a", &PEOPLE));
        assert!(done.is_err(), "the run is stopped before it ends");
        let pending = world.ledger().state.pending().is_some();
        if pending && world.path("out/a.result").exists() {
            return world;
        }
    }
    unreachable!()
}

fn is_finished(found: &[Recovered]) -> bool {
    found.iter().any(|one| matches!(one, Recovered::Finished { .. }))
}

/// The number of the result that the home has not, and that had taken its name.
fn away(service: &Service) -> DeliveryId {
    match service.unpaid() {
        Some(ServiceError::ResultAway { delivery, .. }) => *delivery,
        other => panic!("{other:?}"),
    }
}

/// Nothing is decided while the result is away, with its medium or without, and nothing new begins;
/// a doubt and a project's end do not wait. Then the result is recorded.
#[test]
fn a_result_that_is_away_is_waited_for() {
    type Act = fn(&World);
    let medium: Act = |world| fs::rename(world.path("out"), world.path("away")).unwrap();
    let other_medium: Act = |world| {
        fs::rename(world.path("out"), world.path("away")).unwrap();
        fs::create_dir(world.path("out")).unwrap();
    };
    let file: Act = |world| {
        fs::create_dir(world.path("away")).unwrap();
        fs::rename(world.path("out/a.result"), world.path("away/a.result")).unwrap();
    };
    let other_file: Act = |world| {
        fs::create_dir(world.path("away")).unwrap();
        fs::rename(world.path("out/a.result"), world.path("away/a.result")).unwrap();
        fs::write(world.path("out/a.result"), "another\n").unwrap();
    };
    let back: Act = |world| {
        let _ = fs::remove_dir_all(world.path("out"));
        fs::rename(world.path("away"), world.path("out")).unwrap();
    };
    let file_back: Act = |world| {
        fs::rename(world.path("away/a.result"), world.path("out/a.result")).unwrap();
    };
    for (moved, back) in
        [(medium, back), (other_medium, back), (file, file_back), (other_file, file_back)]
    {
        let world = stopped_before_its_event();
        moved(&world);
        let reader = Reader::open(&world.home(), world.clock.clone()).unwrap();
        assert_eq!(reader.status().unfinished.len(), 1);
        // Who only reads does not look into a file.
        if !world.path("out/a.result").exists() {
            assert_eq!(reader.unpaid().unwrap().code(), "result-away");
        }
        let pending = world.ledger().state.pending().unwrap().question.run;

        let mut service = world.open();
        assert_eq!(away(&service).run, pending);
        assert!(!service.status().is_in_order());
        service.expire().unwrap();
        drop(service);
        world.doubt("population", 1).unwrap();
        assert_eq!(world.statistics("later").unwrap_err().code(), "result-away");
        assert_eq!(world.ledger().state.pending().unwrap().question.run, pending);
        assert!(world.ledger().state.runs()[&pending].fate == Fate::Running);

        back(&world);
        assert!(is_finished(&world.reopen().unwrap().1));
        assert_eq!(world.codes("out/a").len(), PEOPLE.len());
        assert!(!world.path("out/a.request").exists());
    }
}

/// A result that nobody finds any more: that it was made is recorded, its request is used and
/// destroyed, and the delivery is over.
#[test]
fn a_result_without_an_event_can_be_stated_lost() {
    let world = stopped_before_its_event();
    fs::remove_file(world.path("out/a.result")).unwrap();
    let mut service = world.open();
    let id = away(&service);
    let other = DeliveryId { part: 2, ..id };
    assert_eq!(service.result_lost(&other).unwrap_err().code(), "unknown-delivery");
    assert!(service.state().pending().is_some());
    service.result_lost(&id).unwrap();
    let delivery = &service.state().deliveries()[&id];
    assert!(delivery.lost.is_some() && !delivery.delivered);
    assert!(service.state().pending().is_none() && service.outgoing().is_empty());
    assert!(!world.path("out/a.request").exists());
    assert_eq!(service.status().lost.len(), 1);
    drop(service);
    assert_eq!(violations(&world, &world.open()), [""; 0]);
    world.statistics("later").unwrap();
}

/// Of a result that lies where it was put nobody states that it is lost; of another one, once.
#[test]
fn a_delivery_is_lost_once() {
    let world = World::founded(2, 2);
    world.statistics("population").unwrap();
    let made = world.code("population", "a", &PEOPLE).unwrap();
    let (id, received) = (made.delivery, ReceivedFile::Unsigned(world.receipt(&made)));
    let lost = || world.open().result_lost(&id).map_err(|error| error.code());
    assert_eq!(lost(), Err("result-there"));
    fs::rename(world.path("a.result"), world.path("received")).unwrap();
    assert_eq!(world.open().delivered(&id, &received).unwrap_err().code(), "result-missing");
    lost().unwrap();
    assert_eq!(violations(&world, &world.open()), [""; 0]);
    assert_eq!(lost(), Err("delivery-lost"));
    assert_eq!(world.open().delivered(&id, &received).unwrap_err().code(), "delivery-lost");
    assert_eq!(world.open().delivered_stated(&id).unwrap_err().code(), "delivery-lost");
    // The request stays used, and everybody sees it.
    let ledger = world.home().join("ledger.jsonl");
    let audit = audit::verify(&ledger, world.open().card(), &[], &[]).unwrap();
    assert_eq!(
        (audit.deliveries.made, audit.deliveries.delivered, audit.deliveries.lost),
        (1, 0, 1)
    );
    assert!(audit.notices.iter().any(|notice| notice.code == "result-lost"), "{audit}");
    let (kit, ledger) = (world.kit(0), world.ledger());
    let remarks = kit.remarks(ledger.view()).unwrap();
    assert!(
        remarks.iter().any(|remark| matches!(remark, Remark::ResultLost { .. })),
        "{remarks:?}"
    );
}

/// The name of a result could not be made durable, and the process stops before the home says that
/// the run made nothing: the run is undone all the same, for the result stands by again.
#[test]
fn a_result_that_loses_its_name_again_is_undone() {
    let world = || {
        let world = World::founded(2, 2);
        world.statistics("population").unwrap();
        fs::create_dir(world.path("out")).unwrap();
        world
    };
    let first = world();
    let steps = Arc::new(Mutex::new(Vec::new()));
    let watcher = {
        let steps = Arc::clone(&steps);
        move |step, path: &Path| steps.lock().unwrap().push((step, path.to_owned()))
    };
    let under = first.directory.path();
    faults::watch(under, watcher, || first.code("population", "out/a", &PEOPLE).unwrap());
    let steps = steps.lock().unwrap();
    let is_named = |(step, path): &(Step, PathBuf)| {
        *step == Step::Rename && *path == first.path("out/a.result")
    };
    let named = steps.iter().position(is_named).unwrap();
    let before = |place: &str| {
        let place = first.path(place);
        steps[..named].iter().filter(|(_, path)| path.starts_with(&place)).count()
    };
    assert_eq!(steps[named + 1], (Step::SyncDirectory, first.path("out")));

    let world = world();
    let done = faults::fail_at(&world.path("out"), before("out") + 1, ErrorKind::Other, || {
        faults::stop_after(&world.home(), before("home"), || {
            world.code("population", "out/a", &PEOPLE)
        })
    });
    assert!(done.is_err() && world.ledger().state.pending().is_some());
    assert!(!world.path("out/a.result").exists());
    let (service, found) = world.reopen().unwrap();
    assert!(found.iter().any(|one| matches!(one, Recovered::Undone { .. })), "{found:?}");
    assert_eq!(violations(&world, &service), [""; 0]);
}

/// Put back as copies, home and result have other inodes: the result is known by its rows.
#[test]
fn a_result_that_was_put_back_is_known() {
    let world = stopped_before_its_event();
    for folder in ["home", "out"] {
        let (here, kept) = (world.path(folder), world.path("kept"));
        fs::rename(&here, &kept).unwrap();
        copy_tree(&kept, &here);
        fs::remove_dir_all(kept).unwrap();
    }
    assert!(is_finished(&world.reopen().unwrap().1));
}

/// An error after the result has its name does not say that nothing was done.
#[test]
fn an_error_after_which_a_run_may_be_done_says_so() {
    let (mut undecided, mut decided) = (0, 0);
    let world = World::founded(2, 2);
    world.statistics("population").unwrap();
    let code = |world: &World| world.code("population", "a", &PEOPLE);
    for n in 0..faults::count(world.directory.path(), || code(&world).unwrap()) {
        let world = World::founded(2, 2);
        world.statistics("population").unwrap();
        let under = world.directory.path();
        let done = faults::fail_at(under, n, ErrorKind::StorageFull, || code(&world));
        // Some steps are left to the next opening.
        let Err(error) = done else { continue };
        let said = error.to_string();
        let says = said.contains("it is not recorded yet whether the run is done");
        let (_, recovered) = world.reopen().unwrap();
        // What the next opening records of the run was not recorded when the error was shown.
        let finished = is_finished(&recovered);
        assert!(!finished || says, "step {n}: {said}");
        undecided += usize::from(says);
        decided += usize::from(!says);
    }
    assert!(undecided > 0 && decided > 0, "{undecided} {decided}");
}

/// Of a ceremony that a full disk ended nothing is left, whatever was being written.
#[test]
fn a_ceremony_on_a_full_disk_leaves_nothing() {
    let world = World::new(2, 2);
    for n in 0..faults::count(world.directory.path(), || world.init().unwrap()) {
        let world = World::new(2, 2);
        let under = world.directory.path();
        let done = faults::fail_at(under, n, ErrorKind::StorageFull, || world.init());
        let Err(error) = done else { continue };
        assert_eq!(error.code(), "disk-full", "step {n}");
        let left: Vec<_> =
            fs::read_dir(under).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(left.is_empty() || world.home().join("checkpoint").exists(), "step {n}: {left:?}");
    }
}
