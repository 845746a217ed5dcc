//! A home is read without its lock: beside a process that writes, after one that stopped, and
//! without a change.

use crate::common;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{World, name};
use cstatns::coded::Coded as _;
use cstatns::domain::Kind;
use cstatns::files::{self, faults};
use cstatns::proposal::Action;
use cstatns::service::{Opening, Reader, Service, SystemClock, Unfinished};

fn reader(world: &World) -> Reader {
    Reader::open(&world.home(), world.clock.clone()).unwrap()
}

/// Every file of a home.
fn contents(directory: &Path) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(contents(&path)),
            false => {
                found.insert(path.clone(), std::fs::read(path).unwrap());
            }
        }
    }
    found
}

/// Lines and checkpoints come between the two reads of a reader, as many as they like.
#[test]
fn a_writer_at_work_disturbs_no_reader() {
    let world = World::founded(2, 3);
    let mut service = world.open();
    let (done, home) = (AtomicBool::new(false), world.home());
    std::thread::scope(|scope| {
        let (done, home) = (&done, &home);
        let read = scope.spawn(|| {
            let (mut read, mut sizes) = (0_u32, std::collections::BTreeSet::new());
            while !done.load(Ordering::Relaxed) {
                let reader =
                    Reader::open(home, SystemClock).unwrap_or_else(|error| panic!("{error}"));
                sizes.insert(reader.view().history.size());
                read += 1;
            }
            (read, sizes.len())
        });
        for _ in 0..400 {
            service.record_refusal("test", "test").unwrap();
        }
        done.store(true, Ordering::Relaxed);
        let (read, sizes) = read.join().unwrap();
        assert!(read >= 1 && sizes >= 1);
    });
}

/// A checkpoint that no process brings up to date accuses whoever added lines to the ledger.
#[test]
fn lines_that_nobody_signed_for_are_no_writer_at_work() {
    let world = World::founded(2, 3);
    let checkpoint = std::fs::read(world.home().join("checkpoint")).unwrap();
    let mut service = world.open();
    service.record_refusal("test", "test").unwrap();
    std::fs::write(world.home().join("checkpoint"), &checkpoint).unwrap();
    let unfinished = reader(&world).status().unfinished;
    let event = service.history().size();
    assert_eq!(unfinished, [Unfinished::EventUncovered { event }]);
    service.record_refusal("test", "test").unwrap();
    std::fs::write(world.home().join("checkpoint"), &checkpoint).unwrap();
    let refused = Reader::open(&world.home(), world.clock.clone()).err().unwrap();
    assert_eq!(refused.code(), "ledger-long");
}

/// Stopped before each step of a run: the home is read, what is unfinished is said, and nothing is
/// changed; after the next opening nothing is unfinished.
#[test]
fn what_a_stopped_run_left_is_said_and_not_repaired() {
    let mut said = std::collections::BTreeSet::new();
    for n in 0.. {
        let world = World::founded(2, 2);
        let mut service = world.open();
        let kind = Kind::Statistics { cryptoperiod_years: 5 };
        let action =
            Action::Open { domain: name("wages"), kind, minimum_batch: 2, authorisation: None };
        let quorum = world.quorum(&mut service, action).unwrap();
        let ended = faults::stop_after(&world.home(), n, || service.open_domain(quorum).is_ok());
        drop(service);
        let before = contents(&world.home());
        let status = reader(&world).status();
        assert!(status.at_work.is_none(), "{n}");
        for unfinished in &status.unfinished {
            let value = serde_json::to_value(unfinished).unwrap();
            said.insert(value["what"].as_str().unwrap().to_owned());
        }
        assert_eq!(contents(&world.home()), before, "{n}");
        world.open();
        assert_eq!(reader(&world).status().unfinished, [], "{n}");
        if ended {
            break;
        }
    }
    let expected = ["event-uncovered", "run"].map(str::to_owned);
    assert!(expected.iter().all(|what| said.contains(what)), "{said:?}");
}

/// Whoever finds the home locked reads who has it. What a dead process left in the file, or anybody
/// wrote there, is not shown.
#[test]
fn a_lock_says_who_holds_it() {
    let world = World::founded(2, 2);
    let lock = world.home().join("lock");
    let opening = Opening::of(name("code"));
    let (service, _) = Service::open_for(&world.home(), world.clock.clone(), opening).unwrap();
    let holder = reader(&world).status().at_work.unwrap();
    assert_eq!((holder.verb, holder.process), (name("code"), std::process::id()));
    let refused = world.try_open().err().unwrap();
    let process = std::process::id();
    let said = refused.to_string();
    assert!(said.contains(&format!("(`code`, process {process}, since 20")), "{said}");
    drop(service);
    assert_eq!(files::at_work(&lock), None, "nobody, once it is given back");

    let text = |process: u32, began: u64| {
        format!(
            "{{\"verb\":\"renew\",\"process\":{process},\"since\":\"2026-01-05T09:00:00Z\",\
             \"began\":{began}}}"
        )
    };
    let _held = files::lock(&lock).unwrap();
    for stale in [text(process, 1), text(u32::MAX - 7, 1), "renew".to_owned()] {
        std::fs::write(&lock, stale).unwrap();
        let said = world.try_open().err().unwrap().to_string();
        assert!(said.contains("another process holds") && !said.contains("renew"), "{said}");
        assert_eq!(reader(&world).status().at_work, None);
    }
}

/// What waits takes the lock as soon as it is free, and gives up otherwise.
#[test]
fn a_lock_is_waited_for() {
    let world = World::founded(2, 2);
    let held = files::lock(&world.home().join("lock")).unwrap();
    let home = world.home();
    let open = |wait| {
        let opening = Opening { wait, ..Opening::of(name("doubt")) };
        Service::open_for(&home, SystemClock, opening).map(|_| ())
    };
    assert_eq!(open(Duration::from_millis(20)).unwrap_err().code(), "home-locked");
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| open(Duration::from_secs(600)));
        drop(held);
        waits.join().unwrap().unwrap();
    });
}
