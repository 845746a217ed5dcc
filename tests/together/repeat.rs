//! Stopped or failed at any durable step, a command is simply repeated: what it left is destroyed,
//! and it is done.

use crate::common;

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use cstatns::coded::Coded as _;
use cstatns::custody::custodian::Kit;
use cstatns::custody::share::ShareFile;
use cstatns::dealing::Epoch;
use cstatns::files::faults::trace;
use cstatns::files::{self, Access, FileError, Pending, PendingDirectory, Together};
use cstatns::receipt::Doubted;
use cstatns::service::Clock as _;
use cstatns::state::View;
use jiff::Timestamp;

use common::crash::{Fault, Snapshot};
use common::{World, name, scratch};

/// Everything below a directory, temporaries included.
fn tree(directory: &Path) -> Vec<String> {
    fn walk(directory: &Path, top: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, top, found);
            }
            let name = path.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
            // The words of a card are drawn.
            let is_key = name.starts_with("kit/card-") && name.ends_with(".key");
            found.push(if is_key { "kit/card.key".to_owned() } else { name });
        }
    }
    let mut found = Vec::new();
    walk(directory, directory, &mut found);
    found.sort();
    found
}

fn temporary(target: &Path) -> PathBuf {
    files::temporary_path(target, &[7; 16])
}

fn new_kit(place: &Path) -> Result<(), String> {
    let made = Kit::create(&place.join("kit"), name("alice"), false, None);
    made.map(|_| ()).map_err(|error| error.code().to_owned())
}

/// A command's disturbance, then perhaps one of its repeat, then the repeat.
fn matrix(
    what: &str,
    begin: impl Fn() -> tempfile::TempDir,
    act: impl Fn(&Path) -> Result<(), String>,
) {
    let place = begin();
    let steps = trace(place.path(), || act(place.path()).unwrap());
    let done = tree(place.path());
    let before = tree(begin().path());
    for (number, fault) in Fault::all(&steps).into_iter().enumerate() {
        let again =
            [None, Some(Fault::Stop(number % 11)), Some(Fault::Fail(number % 7, ErrorKind::Other))];
        for again in again {
            let place = begin();
            let failed = fault.during(place.path(), || act(place.path()));
            if matches!(fault, Fault::Fail(..)) && failed.is_err() {
                assert_eq!(tree(place.path()), before, "{what}: {fault:?} leaves nothing");
            }
            let mut made = failed.is_ok();
            if let Some(again) = again {
                made |= again.during(place.path(), || act(place.path())).is_ok();
            }
            match act(place.path()) {
                Ok(()) => {}
                // The stop came after the last name was given: it is done.
                Err(code) => assert!(
                    code == "output-exists" && (made || tree(place.path()) == done),
                    "{what}: {fault:?}, {again:?}: {code}, {:?}",
                    tree(place.path())
                ),
            }
            assert_eq!(tree(place.path()), done, "{what}: {fault:?}, {again:?}");
        }
    }
}

#[test]
fn a_kit_is_made_whole_or_made_again() {
    matrix("custodian new", scratch, new_kit);
    let place = scratch();
    new_kit(place.path()).unwrap();
    let kit = place.path().join("kit");
    assert_eq!(fs::metadata(&kit).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(kit.join("identity")).unwrap().permissions().mode() & 0o777, 0o600);
    Kit::open(&kit, None).unwrap();
    assert_eq!(new_kit(place.path()), Err("output-exists".to_owned()));
}

/// A kit has its cards wherever the drawing of another one stops: each that `card.json` was has its
/// receiving key.
#[test]
fn a_kit_draws_a_card_wherever_the_last_drawing_stopped() {
    let place = scratch();
    let path = place.path().join("kit");
    Kit::create(&path, name("alice"), false, None).unwrap();
    let open = || Kit::open(&path, None).unwrap();
    let (mut known, mut kinds) = (vec![open().card().clone()], [0; 2]);
    for fault in [Fault::Stop as fn(usize) -> Fault, |at| Fault::Fail(at, ErrorKind::Other)] {
        for number in 0.. {
            let (mut kit, before) = (open(), open().card().clone());
            let done = fault(number).during(place.path(), || kit.draw_card().is_ok());
            let newest = open().card().clone();
            kinds[usize::from(newest != before)] += 1;
            known.push(newest);
            for card in &known {
                assert!(open().holds_card(&card.fingerprint()), "{number}");
            }
            // It is repeated.
            known.push(open().draw_card().unwrap().clone());
            assert_eq!(open().card(), known.last().unwrap());
            let left = tree(place.path()).iter().filter(|name| name.ends_with("tmp")).count();
            assert_eq!(left, 0, "{number}");
            if done {
                break;
            }
        }
    }
    assert!(kinds.iter().all(|kind| *kind > 1), "{kinds:?}");
}

#[test]
fn a_kit_has_one_passphrase_or_the_other_wherever_its_change_stops() {
    let place = scratch();
    let kit = place.path().join("kit");
    let passphrases: [&[u8]; 2] = [b"the first of two", b"the other of two"];
    let open = |passphrase: usize| Kit::open(&kit, Some(passphrases[passphrase]));
    Kit::create(&kit, name("alice"), false, Some(passphrases[0])).unwrap();
    let done = tree(place.path());
    let (mut present, mut kinds) = (0, [0; 2]);
    for number in 0.. {
        let opened = open(present).unwrap();
        let other = 1 - present;
        let change = || opened.change_passphrase(passphrases[other]);
        let fault = Fault::Stop(number);
        let changed = fault.during(place.path(), change).is_ok();
        let opens = [0, 1].map(|passphrase| open(passphrase).is_ok());
        assert!(opens[0] != opens[1], "stopped after {number}: {opens:?}");
        present = usize::from(opens[1]);
        kinds[usize::from(present == other)] += 1;
        // It is repeated, by the passphrase that the kit has now.
        let repeated = open(present).unwrap();
        repeated.change_passphrase(passphrases[1 - present]).unwrap();
        present = 1 - present;
        assert!(open(present).is_ok());
        assert_eq!(tree(place.path()), done, "stopped after {number}");
        if changed {
            break;
        }
    }
    assert!(kinds.iter().all(|kind| *kind > 1), "{kinds:?}");
}

#[test]
fn what_is_left_of_a_kit_is_overwritten_unless_a_running_process_makes_it() {
    let place = scratch();
    let kit = place.path().join("kit");
    let left = temporary(&kit);
    fs::create_dir(&left).unwrap();
    fs::write(left.join("identity"), "the seeds of a custodian").unwrap();
    // Who has the file open sees what becomes of it.
    let steps = trace(place.path(), || new_kit(place.path()).unwrap());
    assert!(steps.contains(&files::Step::Overwrite), "{steps:?}");
    assert!(!left.exists() && kit.exists());

    let other = place.path().join("other");
    let running = PendingDirectory::create(&other).unwrap();
    running.write_new("identity", b"x", Access::Private).unwrap();
    PendingDirectory::create(&other).unwrap().commit().unwrap();
    let temporaries =
        |place: &Path| tree(place).iter().filter(|name| name.ends_with("tmp/identity")).count();
    assert_eq!(temporaries(place.path()), 1, "a running process keeps what it writes");
    assert_eq!(running.commit().unwrap_err().code(), "output-exists");
    let made = ["kit", "kit/card.json", "kit/card.key", "kit/identity", "kit/memory", "other"];
    assert_eq!(tree(place.path()), made);

    // What is not a directory of ours is left alone.
    fs::write(place.path().join("file"), "data").unwrap();
    let file = place.path().join("file");
    assert!(matches!(PendingDirectory::create(&file).err(), Some(FileError::Exists { .. })));
    std::os::unix::fs::symlink(&file, temporary(&place.path().join("third"))).unwrap();
    PendingDirectory::create(&place.path().join("third")).unwrap().commit().unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"data");
}

const NAMES: [&str; 3] = ["q.csv.manifest.json", "t.csv", "q.csv"];

fn three(place: &Path) -> Result<(), String> {
    let paths = NAMES.map(|name| place.join(name));
    let make = || {
        let mut new = Together::create([&*paths[0], &*paths[1], &*paths[2]], Access::Private)?;
        for (file, name) in new.files.iter_mut().zip(NAMES) {
            file.write_all(name.as_bytes()).map_err(|error| FileError::from_io(place, &error))?;
        }
        new.commit()
    };
    make().map_err(|error| error.code().to_owned())
}

#[test]
fn files_that_belong_together_are_all_made_or_made_again() {
    matrix("three files", scratch, three);
}

/// Where a run stopped between two names, the files under them may be others by now, or be in use.
#[test]
fn only_what_the_stopped_run_itself_made_is_taken_back() {
    let steps = {
        let place = scratch();
        trace(place.path(), || three(place.path()).unwrap()).len()
    };
    let stopped_between = || {
        for step in 0..steps {
            let place = scratch();
            let _ = files::faults::stop_after(place.path(), step, || three(place.path()));
            if place.path().join("t.csv").exists() {
                return place;
            }
        }
        unreachable!("the second name is given before the third")
    };
    // Another file has the name.
    let place = stopped_between();
    let retained = place.path().join("t.csv");
    fs::remove_file(&retained).unwrap();
    fs::write(&retained, "rows").unwrap();
    assert_eq!(three(place.path()), Err("output-exists".to_owned()));
    assert_eq!(fs::read(&retained).unwrap(), b"rows");

    // The same file, written to since.
    let place = stopped_between();
    let retained = place.path().join("t.csv");
    fs::OpenOptions::new().append(true).open(&retained).unwrap().write_all(b"more").unwrap();
    assert_eq!(three(place.path()), Err("output-exists".to_owned()));
    assert_eq!(fs::read(&retained).unwrap(), b"t.csvmore");

    // Somebody gave the last name to what they found: the others belong to it.
    let place = stopped_between();
    let hidden = files::leftovers(place.path()).unwrap();
    let request = hidden.iter().find(|path| !path.to_str().unwrap().contains("journal")).unwrap();
    fs::copy(request, place.path().join("q.csv")).unwrap();
    assert_eq!(three(place.path()), Err("output-exists".to_owned()));
    assert!(place.path().join("t.csv").exists() && place.path().join(NAMES[0]).exists());

    // A run that was done, its request given away and its journal still there.
    let place = scratch();
    for step in (0..steps).rev() {
        let again = scratch();
        let _ = files::faults::stop_after(again.path(), step, || three(again.path()));
        let journal = files::leftovers(again.path()).unwrap().into_iter().next();
        if let (true, Some(journal)) = (again.path().join("q.csv").exists(), journal) {
            fs::remove_file(again.path().join("q.csv")).unwrap();
            assert_eq!(three(again.path()), Err("output-exists".to_owned()));
            assert!(again.path().join("t.csv").exists() && again.path().join(NAMES[0]).exists());
            assert!(!journal.exists());
            fs::write(place.path().join("tried"), "").unwrap();
        }
    }
    assert!(place.path().join("tried").exists());
}

#[test]
fn files_that_a_running_process_writes_together_are_left_to_it() {
    let place = scratch();
    let paths = NAMES.map(|name| place.path().join(name));
    let mut running =
        Together::create([&*paths[0], &*paths[1], &*paths[2]], Access::Private).unwrap();
    running.files[2].write_all(b"first").unwrap();
    // The other one is quicker.
    three(place.path()).unwrap();
    assert_eq!(running.commit().unwrap_err().code(), "output-exists");
    assert_eq!(fs::read(&paths[2]).unwrap(), b"q.csv");
    assert_eq!(tree(place.path()), ["q.csv", "q.csv.manifest.json", "t.csv"]);
}

#[test]
fn a_temporary_that_is_also_the_finished_file_is_not_overwritten() {
    let place = scratch();
    let (kept, other) = (place.path().join("seal.key"), place.path().join("checkpoint"));
    fs::write(temporary(&kept), "a key").unwrap();
    fs::hard_link(temporary(&kept), &kept).unwrap();
    fs::write(temporary(&other), "half").unwrap();
    assert_eq!(files::sweep(place.path()).unwrap(), 2);
    assert_eq!(fs::read(&kept).unwrap(), b"a key");
    assert_eq!(tree(place.path()), ["seal.key"]);
}

#[test]
fn a_file_that_is_replaced_leaves_nothing_of_earlier_attempts() {
    let place = scratch();
    let path = place.path().join("seen.json");
    fs::write(temporary(&path), "half").unwrap();
    files::replace(&path, b"whole", Access::Private).unwrap();
    assert_eq!(tree(place.path()), ["seen.json"]);
}

fn share_of(world: &World, kit: &Kit) -> ShareFile {
    let path = world.path("shares").join(format!("{}.1.share", kit.name()));
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// What a custodian's command does in the kit, stopped and failed at every step, then repeated.
fn in_the_kit(
    what: &str,
    act: impl Fn(&mut Kit, &World, View<'_>, Timestamp) -> Result<(), String>,
) {
    let mut world = World::new(2, 2);
    world.init().unwrap();
    if what != "accept" {
        world.receive().unwrap();
    }
    let directory = world.kits[0].clone();
    let act = |world: &World| {
        let mut kit = Kit::open(&directory, None).unwrap();
        act(&mut kit, world, world.ledger().view(), world.clock.now())
    };
    let snapshot = Snapshot::of(&world);
    let under = world.kits_directory.path().to_owned();
    let steps = trace(&under, || act(&world).unwrap());
    let done = tree(&under);
    for fault in Fault::all(&steps) {
        snapshot.restore(&world);
        let _ = fault.during(&under, || act(&world));
        // Also of others of its files.
        fs::write(temporary(&directory.join("share-1")), "a share").unwrap();
        act(&world).unwrap_or_else(|code| panic!("{what}: {fault:?}: {code}"));
        assert_eq!(tree(&under), done, "{what}: {fault:?}");
    }
    world.kits.clear();
}

#[test]
fn every_command_that_opens_a_kit_sweeps_it() {
    in_the_kit("accept", |kit, world, ledger, now| {
        kit.accept(&share_of(world, kit), ledger, now)
            .map(|_| ())
            .map_err(|error| error.code().to_owned())
    });
    in_the_kit("check", |kit, _, ledger, now| {
        kit.check(ledger, now).map(|_| ()).map_err(|error| error.code().to_owned())
    });
    in_the_kit("doubt", |kit, _, ledger, now| {
        let about = Doubted::Custody { epoch: Epoch(1) };
        kit.doubt(about, ledger, now).map(|_| ()).map_err(|error| error.code().to_owned())
    });
}

#[test]
fn approving_sweeps_the_kit_but_for_what_a_running_process_writes() {
    let world = World::founded(2, 2);
    let left = temporary(&world.kits[0].join("memory"));
    fs::write(&left, "half").unwrap();
    let running = Pending::create(&world.kits[0].join("note"), Access::Private).unwrap();
    world.statistics("population").unwrap();
    assert!(!left.exists() && running.temporary().exists());
}

/// A ceremony that fails leaves nothing that it made, and keeps what was there.
#[test]
fn a_ceremony_that_fails_leaves_nothing() {
    for given in [false, true] {
        let world = World::new(2, 3);
        if given {
            fs::create_dir(world.home()).unwrap();
            fs::create_dir(world.path("shares")).unwrap();
        }
        let (snapshot, under) = (Snapshot::of(&world), world.directory.path().to_owned());
        let before = tree(&under);
        let steps = trace(&under, || world.init().unwrap());
        let done = tree(&under);
        for (n, taken) in steps.iter().enumerate() {
            for kind in [ErrorKind::StorageFull, ErrorKind::Other] {
                snapshot.restore(&world);
                if given {
                    fs::create_dir_all(world.home()).unwrap();
                    fs::create_dir_all(world.path("shares")).unwrap();
                }
                let failed = Fault::Fail(n, kind).during(&under, || world.init());
                if failed.is_ok() || world.try_open().is_ok() {
                    continue;
                }
                assert_eq!(tree(&under), before, "step {n}, {taken:?}");
                world.init().unwrap();
                assert_eq!(tree(&under), done, "step {n}");
            }
        }
    }
}

/// The journal of a ceremony that came back with an old copy of the home, beside a checkpoint that
/// was lost: nothing of the service is undone, for its keys and its identity are made once.
#[test]
fn a_home_whose_checkpoint_is_lost_is_not_founded_anew() {
    for with_key in [false, true] {
        let world = World::founded(2, 2);
        if with_key {
            world.statistics("population").unwrap();
            // Its ledger lost too, all but the first event.
            let ledger = world.home().join("ledger.jsonl");
            let text = fs::read_to_string(&ledger).unwrap();
            fs::write(&ledger, format!("{}\n", text.lines().next().unwrap())).unwrap();
        }
        fs::remove_file(world.home().join("checkpoint")).unwrap();
        let journal = r#"{"format":1,"life":[],"made":[],"shares":[]}"#;
        fs::write(world.home().join("founding.json"), journal).unwrap();
        let all = || -> Vec<_> {
            let paths = tree(&world.home()).into_iter().map(|path| world.home().join(path));
            paths.map(|path| (fs::read(&path).ok(), path)).collect()
        };
        let before = all();
        assert_eq!(world.init().unwrap_err().code(), "output-exists");
        let said = world.try_open().map(|_| ()).unwrap_err();
        assert_eq!(said.code(), "checkpoint-missing", "it does not advise to begin anew: {said}");
        assert!(all() == before);
    }
}
