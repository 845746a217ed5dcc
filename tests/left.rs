//! What a fault leaves: a result without its event, an error after which a run may be done, a
//! ceremony on a full disk.

mod common;

use std::fs;
use std::io::ErrorKind;

use common::crash::copy_tree;
use common::{PEOPLE, World};
use cstatns::coded::Coded as _;
use cstatns::files::faults;
use cstatns::service::{Reader, Recovered};

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

/// Nothing is decided while the medium of the result is away, and the home can be read; then the
/// result is recorded.
#[test]
fn a_result_whose_directory_is_away_is_waited_for() {
    let world = stopped_before_its_event();
    let lines = world.ledger().history.size();
    fs::rename(world.path("out"), world.path("away")).unwrap();
    for another in [false, true] {
        if another {
            // The place where the medium was mounted.
            fs::create_dir(world.path("out")).unwrap();
        }
        assert_eq!(world.try_open().err().unwrap().code(), "result-away");
        let reader = Reader::open(&world.home(), world.clock.clone()).unwrap();
        assert_eq!(reader.status().unfinished.len(), 1);
        assert_eq!(world.ledger().history.size(), lines, "nothing is recorded");
    }
    fs::remove_dir(world.path("out")).unwrap();
    fs::rename(world.path("away"), world.path("out")).unwrap();
    assert!(is_finished(&world.reopen().unwrap().1));
    assert_eq!(world.codes("out/a").len(), PEOPLE.len());
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
