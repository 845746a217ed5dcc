//! Two faults: a command is stopped at any durable step, the next one recovers up to any of its
//! steps, then the power fails. What was never forced to disk is gone, or is there in part. Every
//! home that is left can be opened and goes on.

#![allow(clippy::print_stderr)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use common::crash::{Snapshot, copy_tree, violations};
use common::sealed::{code_parcel, sign_for, with_parcel};
use common::{PEOPLE, World, name, party_card, read_lines};
use cstatns::audit::verify;
use cstatns::code::Code;
use cstatns::domain::RenewalReason;
use cstatns::files::Step;
use cstatns::files::faults::{stop_after, unnamed_file, watch, without_unnamed};
use cstatns::party::Role;
use cstatns::service::{Clock as _, Opening, Reader, Recovery, Service, ServiceError, Sources};
use rustix::fs::{AtFlags, CWD, linkat};

/// What a power cut takes of that which was not forced to disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// Names and bytes.
    All,
    /// Bytes; names were written back in time.
    Bytes,
    /// Names; bytes were written back in time.
    Names,
}

/// What a name leads to.
#[derive(Clone)]
enum Named {
    Directory,
    /// By its inode.
    File(u64),
    /// By where it leads.
    Link(PathBuf),
}

/// What is on disk for sure, while the files are seen as the page cache has them.
struct Disk {
    under: PathBuf,
    /// Every file that was ever seen, by inode, so that it keeps its inode when its name is taken
    /// away.
    store: tempfile::TempDir,
    /// The names in each directory, as last forced to disk.
    names: BTreeMap<PathBuf, BTreeMap<OsString, Named>>,
    /// The bytes of each file, as last forced to disk.
    bytes: BTreeMap<u64, Vec<u8>>,
}

impl Disk {
    /// A disk on which everything is as it is seen.
    fn of(under: &Path) -> Self {
        let store = common::scratch();
        let (names, bytes) = Default::default();
        let mut disk = Self { under: under.to_owned(), store, names, bytes };
        for directory in directories(under) {
            disk.force_names(&directory);
            for entry in fs::read_dir(&directory).unwrap() {
                disk.force_bytes(&entry.unwrap().path());
            }
        }
        disk
    }

    fn stored(&self, inode: u64) -> PathBuf {
        self.store.path().join(inode.to_string())
    }

    fn keep(&self, path: &Path) -> Option<u64> {
        let unnamed = unnamed_file(path);
        let metadata = match &unnamed {
            Some(file) => file.metadata().ok()?,
            None => fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?,
        };
        let stored = self.stored(metadata.ino());
        if !stored.exists() {
            match unnamed {
                Some(file) => {
                    let open = format!("/proc/self/fd/{}", file.as_raw_fd());
                    linkat(CWD, open, CWD, stored, AtFlags::SYMLINK_FOLLOW).unwrap();
                }
                None => fs::hard_link(path, stored).unwrap(),
            }
        }
        Some(metadata.ino())
    }

    /// The names in a directory now.
    fn names_in(&self, directory: &Path) -> BTreeMap<OsString, Named> {
        let names = fs::read_dir(directory).unwrap().map(|entry| {
            let entry = entry.unwrap();
            let named = match (fs::read_link(entry.path()), self.keep(&entry.path())) {
                (Ok(to), _) => Named::Link(to),
                (_, Some(inode)) => Named::File(inode),
                (_, None) => Named::Directory,
            };
            (entry.file_name(), named)
        });
        names.collect()
    }

    fn force_names(&mut self, directory: &Path) {
        self.names.insert(directory.to_owned(), self.names_in(directory));
    }

    fn force_bytes(&mut self, path: &Path) {
        if let Some(inode) = self.keep(path) {
            self.bytes.insert(inode, fs::read(self.stored(inode)).unwrap());
        }
    }

    /// Before a step: its effect on the disk is known, for what it forces was written before.
    fn step(&mut self, step: Step, path: &Path) {
        match step {
            Step::Sync => self.force_bytes(path),
            Step::SyncDirectory => self.force_names(path),
            _ => {}
        }
    }

    /// The power fails: puts the files into the state in which the next start finds them.
    fn cut(&self, loss: Loss) {
        let mut names = self.names.clone();
        if loss == Loss::Bytes {
            for directory in directories(&self.under) {
                names.insert(directory.clone(), self.names_in(&directory));
            }
        }
        let current = |inode: u64| fs::read(self.stored(inode)).unwrap();
        let (mut wanted, mut links) = (BTreeMap::new(), BTreeMap::new());
        let mut kept = BTreeSet::from([self.under.clone()]);
        let mut left = vec![self.under.clone()];
        while let Some(directory) = left.pop() {
            for (name, named) in names.get(&directory).into_iter().flatten() {
                let path = directory.join(name);
                match named {
                    Named::File(inode) => {
                        let forced = || self.bytes.get(inode).cloned().unwrap_or_default();
                        let bytes = if loss == Loss::Names { current(*inode) } else { forced() };
                        wanted.insert(path, (*inode, bytes));
                    }
                    Named::Link(to) => drop(links.insert(path, to.clone())),
                    Named::Directory => {
                        kept.insert(path.clone());
                        left.push(path);
                    }
                }
            }
        }
        // Directories stay what they are, where they stay: a directory is known by its inode.
        for directory in directories(&self.under).into_iter().rev() {
            for entry in fs::read_dir(&directory).unwrap() {
                let entry = entry.unwrap();
                if !entry.file_type().unwrap().is_dir() {
                    fs::remove_file(entry.path()).unwrap();
                }
            }
            if !kept.contains(&directory) {
                fs::remove_dir(&directory).unwrap();
            }
        }
        for directory in kept {
            fs::create_dir_all(directory).unwrap();
        }
        for (path, (inode, bytes)) in wanted {
            let stored = self.stored(inode);
            let modified = fs::metadata(&stored).unwrap().modified().unwrap();
            if fs::read(&stored).unwrap() != bytes {
                fs::write(&stored, bytes).unwrap();
                fs::File::options()
                    .write(true)
                    .open(&stored)
                    .unwrap()
                    .set_modified(modified)
                    .unwrap();
            }
            fs::hard_link(stored, path).unwrap();
        }
        for (path, to) in links {
            symlink(to, path).unwrap();
        }
    }
}

/// A directory and those below it, each before those in it.
fn directories(under: &Path) -> Vec<PathBuf> {
    let mut all = vec![under.to_owned()];
    let mut at = 0;
    while at < all.len() {
        for entry in fs::read_dir(&all[at]).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                all.push(entry.path());
            }
        }
        at += 1;
    }
    all
}

struct Verb {
    prepare: fn(&World),
    act: fn(&World) -> Result<(), ServiceError>,
}

/// What makes a verb another one than a run at the service.
struct Course {
    found: fn() -> World,
    /// The command after the stop.
    next: fn(&World) -> Result<(), ServiceError>,
    /// The command after the power cut.
    last: fn(&World) -> Result<(), ServiceError>,
    /// Whether something that is wrong afterwards is so before.
    excused: fn(&str) -> bool,
}

/// A run: whatever comes next opens the home.
const RUN: Course =
    Course { found: || World::founded(2, 2), next, last: |_| Ok(()), excused: |_| false };

/// The next command after the stop: it opens the home, which recovers, and records an event.
fn next(world: &World) -> Result<(), ServiceError> {
    world.try_open()?.record_refusal("code", "unknown-domain")
}

/// Goes through every state of a verb that is `short`; of another one through every seventeenth, or
/// in a release (`CSTATNS_LONG`) through a seventh of them.
fn two_faults(verb: &Verb, short: bool) {
    two_faults_in(verb, if short { 1 } else { 17 }, &RUN);
}

/// How many releases go through every state.
const RELEASES: usize = 7;

/// Which seventh of the states a release goes through: another one each day of a week, or that of
/// `CSTATNS_SEED`.
fn seventh() -> usize {
    let seed = std::env::var("CSTATNS_SEED").ok().and_then(|seed| seed.parse().ok());
    let day = || jiff::Timestamp::now().as_second().unsigned_abs() / 86_400;
    usize::try_from(seed.unwrap_or_else(day) % RELEASES as u64).unwrap()
}

/// Goes through a seventh of the states in a release, through each of them where `CSTATNS_LONG` is
/// `every`, which takes hours, else through one in `each`.
fn two_faults_in(verb: &Verb, each: usize, course: &Course) {
    let world = (course.found)();
    (verb.prepare)(&world);
    let snapshot = Snapshot::of(&world);
    let under = world.directory.path().to_owned();
    let steps = cstatns::files::faults::count(&under, || (verb.act)(&world).unwrap());
    let (each, from) = match std::env::var_os("CSTATNS_LONG") {
        None => (each, 0),
        Some(long) if long == "every" => (1, 0),
        Some(_) => (each.min(RELEASES), seventh()),
    };
    let mut states = 0;
    for stop in 0..=steps {
        snapshot.restore(&world);
        let _ = stop_after(&under, stop, || (verb.act)(&world));
        let recovery = cstatns::files::faults::count(&under, || (course.next)(&world).unwrap());
        for recovered in 0..=recovery {
            for (kind, loss) in [Loss::All, Loss::Bytes, Loss::Names].into_iter().enumerate() {
                if (stop * 11 + recovered * 5 + kind + from) % each != 0 {
                    continue;
                }
                snapshot.restore(&world);
                let disk = Arc::new(Mutex::new(Disk::of(&under)));
                let watcher = |disk: &Arc<Mutex<Disk>>| {
                    let disk = Arc::clone(disk);
                    move |step: Step, path: &Path| disk.lock().unwrap().step(step, path)
                };
                let _ = watch(&under, watcher(&disk), || {
                    stop_after(&under, stop, || (verb.act)(&world))
                });
                let _ = watch(&under, watcher(&disk), || {
                    stop_after(&under, recovered, || (course.next)(&world))
                });
                disk.lock().unwrap().cut(loss);
                let what = format!("stopped at {stop}, recovered up to {recovered}, {loss:?} lost");
                (course.last)(&world).unwrap_or_else(|error| panic!("{what}: {error}"));
                let service = world.try_open().unwrap_or_else(|error| panic!("{what}: {error}"));
                let mut wrong = violations(&world, &service);
                wrong.retain(|wrong| !(course.excused)(wrong));
                assert_eq!(wrong, [""; 0], "{what}");
                assert!(service.unpaid().is_none(), "{what}");
                drop(service);
                states += 1;
                // The custodians, whose kits have seen heads before the power cut, go on with this
                // ledger.
                if states % 7 == 0 {
                    go_on(&world).unwrap_or_else(|error| panic!("{what}: {error}"));
                }
            }
        }
    }
    eprintln!("{states} states, from {from} on one in {each}");
    assert!(states > steps, "{states} states of {steps} steps");
}

/// The custodians open a domain; where a dealing waits, they code.
fn go_on(world: &World) -> Result<(), ServiceError> {
    match world.ledger().state.pending_epoch() {
        Some(_) => world.code("population", "afterwards", &PEOPLE).map(|_| ()),
        None => world.statistics("afterwards"),
    }
}

fn population(world: &World) {
    world.statistics("population").unwrap();
    world.code("population", "known", &PEOPLE).unwrap();
}

#[test]
fn doubt() {
    two_faults(&Verb { prepare: population, act: |world| world.doubt("population", 1) }, true);
}

fn to_code(world: &World) {
    population(world);
    fs::create_dir(world.path("out")).unwrap();
    fs::write(world.path("out/batch.request"), PEOPLE.join("\n")).unwrap();
}

fn code_batch(world: &World) -> Result<(), ServiceError> {
    world.code("population", "out/batch", &PEOPLE).map(|_| ())
}

#[test]
fn code() {
    two_faults(&Verb { prepare: to_code, act: code_batch }, false);
}

/// Two requests in one run.
#[test]
fn code_parts() {
    let act: fn(&World) -> _ =
        |world| world.code_parts("population", &["out/batch", "out/batch-2"]).map(|_| ());
    let prepare: fn(&World) = |world| {
        to_code(world);
        world.request("out/batch-2", &PEOPLE);
    };
    // Its steps are many: some of its states.
    two_faults_in(&Verb { prepare, act }, 53, &RUN);
}

/// The same where the file system has no files without names.
#[test]
fn code_to_a_temporary() {
    let act: fn(&World) -> _ =
        |world| without_unnamed(world.directory.path(), || code_batch(world));
    two_faults(&Verb { prepare: to_code, act }, false);
}

#[test]
fn open_research() {
    two_faults(
        &Verb { prepare: population, act: |world| world.research("benefits", "2026-06-30") },
        false,
    );
}

#[test]
fn new_key() {
    two_faults(
        &Verb {
            prepare: population,
            act: |world| world.new_key("population", RenewalReason::Scheduled),
        },
        false,
    );
}

#[test]
fn close() {
    two_faults(
        &Verb {
            prepare: |world| {
                population(world);
                world.research("benefits", "2026-06-30").unwrap();
            },
            act: |world| world.close("benefits"),
        },
        false,
    );
}

#[test]
fn delivered() {
    two_faults(
        &Verb {
            prepare: population,
            act: |world| {
                let mut service = world.try_open()?;
                let Some(outgoing) = service.outgoing().first().cloned() else { return Ok(()) };
                service.delivered_stated(&outgoing.delivery.id).map(drop)
            },
        },
        false,
    );
}

#[test]
fn renew() {
    two_faults_in(
        &Verb {
            prepare: |world| {
                population(world);
                world.new_key("population", RenewalReason::Scheduled).unwrap();
                fs::create_dir(world.path("out")).unwrap();
                let texts: Vec<String> = world.codes("known").iter().map(Code::text).collect();
                fs::write(world.path("out/batch.request"), texts.join("\n")).unwrap();
            },
            act: |world| world.renew("population", "out/batch", &world.codes("known")).map(|_| ()),
        },
        53,
        &RUN,
    );
}

fn project(world: &World) {
    population(world);
    world.research("benefits", "2026-01-20").unwrap();
}

/// Its steps are many: some of its states.
#[test]
fn deal() {
    let act: fn(&World) -> _ = |world| world.deal().map(|_| ());
    two_faults_in(&Verb { prepare: project, act }, 53, &RUN);
}

fn almost_dealt(world: &World) {
    project(world);
    world.deal().unwrap();
    let receipt = world.accept(&world.kits[0]);
    world.open().receipt(receipt).unwrap();
}

/// With it the dealing begins, and what the one before had sealed is destroyed.
#[test]
fn last_receipt() {
    let act: fn(&World) -> _ = |world| {
        let receipt = world.accept(&world.kits[1]);
        world.try_open()?.receipt(receipt).map(|_| ())
    };
    two_faults(&Verb { prepare: almost_dealt, act }, false);
}

#[test]
fn abandon() {
    two_faults_in(&Verb { prepare: almost_dealt, act: |world| world.abandon(2) }, 29, &RUN);
}

#[test]
fn forgotten() {
    let prepare: fn(&World) = |world| {
        almost_dealt(world);
        let receipt = world.accept(&world.kits[1]);
        world.open().receipt(receipt).unwrap();
    };
    two_faults(&Verb { prepare, act: |world| world.forget(0, 1) }, false);
}

/// A party with a request key in each of two domains.
fn with_request_keys(world: &World) {
    project(world);
    let card = party_card("insee", 1);
    world.register(&card, Role::Controller, &["benefits", "population"]).unwrap();
    for domain in ["benefits", "population"] {
        world.request_key("insee", domain).unwrap();
    }
}

#[test]
fn request_key() {
    let act: fn(&World) -> _ = |world| world.request_key("insee", "population").map(drop);
    two_faults(&Verb { prepare: with_request_keys, act }, false);
}

#[test]
fn withdraw_request_key() {
    let act: fn(&World) -> _ = |world| {
        let mut service = world.try_open()?;
        let key = *service.state().request_keys().first_key_value().unwrap().0;
        service.withdraw_request_key(&key)
    };
    two_faults(&Verb { prepare: with_request_keys, act }, false);
}

/// Two private halves are owed at once.
#[test]
fn end_party() {
    let act: fn(&World) -> _ = |world| world.end_party(1, &party_card("insee", 1));
    two_faults(&Verb { prepare: with_request_keys, act }, false);
}

#[test]
fn code_a_parcel() {
    two_faults(&Verb { prepare: with_parcel, act: code_parcel }, false);
}

#[test]
fn a_signed_receipt() {
    let prepare: fn(&World) = |world| {
        with_parcel(world);
        code_parcel(world).unwrap();
    };
    two_faults(&Verb { prepare, act: |world| sign_for(world, "out/batch") }, false);
}

#[test]
fn extend() {
    let act: fn(&World) -> _ = |world| world.extend("benefits", "2026-09-30");
    two_faults(&Verb { prepare: project, act }, false);
}

#[test]
fn examined() {
    let prepare: fn(&World) = |world| {
        population(world);
        world.doubt("population", 1).unwrap();
    };
    two_faults(&Verb { prepare, act: |world| world.examined("population") }, false);
}

/// A question that is given up.
#[test]
fn withdrawn() {
    let act: fn(&World) -> _ = |world| match world.withdrawn("income") {
        Err(ServiceError::RequestChanged) => Ok(()),
        outcome => outcome,
    };
    two_faults(&Verb { prepare: population, act }, false);
}

#[test]
fn expire_marks() {
    let prepare: fn(&World) = |world| {
        project(world);
        world.clock.set("2026-01-21T00:00:00Z");
    };
    two_faults(&Verb { prepare, act: |world| world.try_open()?.expire().map(|_| ()) }, true);
}

#[test]
fn expire_destroys() {
    let prepare: fn(&World) = |world| {
        project(world);
        world.clock.set("2026-01-21T00:00:00Z");
        world.open().expire().unwrap();
        world.clock.set("2026-01-22T00:00:00Z");
    };
    two_faults(&Verb { prepare, act: |world| world.try_open()?.expire().map(|_| ()) }, false);
}

/// Kits that stop anywhere while they consent, hand their share over and see the end; then the
/// power fails on their media. Their custodians go on with the ledger as it is.
#[test]
fn kits() {
    let world = World::founded(2, 2);
    to_code(&world);
    let snapshot = Snapshot::of(&world);
    let under = world.kits_directory.path().to_owned();
    let steps = cstatns::files::faults::count(&under, || code_batch(&world).unwrap());
    for stop in 0..=steps {
        for loss in [Loss::All, Loss::Bytes, Loss::Names] {
            snapshot.restore(&world);
            let what = format!("stopped at {stop}, {loss:?} lost");
            let disk = Arc::new(Mutex::new(Disk::of(&under)));
            let watched = Arc::clone(&disk);
            let watcher = move |step: Step, path: &Path| watched.lock().unwrap().step(step, path);
            let _ = watch(&under, watcher, || stop_after(&under, stop, || code_batch(&world)));
            disk.lock().unwrap().cut(loss);
            assert_eq!(violations(&world, &world.open()), [""; 0], "{what}");
            if world.path("out/batch.request").exists() {
                code_batch(&world).unwrap_or_else(|error| panic!("{what}: {error}"));
            }
            assert_eq!(world.codes("out/batch"), world.codes("known"), "{what}");
            for kit in [0, 1] {
                world.check(kit);
            }
        }
    }
}

/// Another signing key, which the custodians accept, unless it signs already.
fn rekey(world: &World) -> Result<(), ServiceError> {
    let ledger = fs::read_to_string(world.home().join("ledger.jsonl")).unwrap();
    if ledger.contains("\"rekeyed\"") {
        return next(world);
    }
    let opening = || Opening { read: Some(&read_lines), ..Opening::of(name("rekey")) };
    let card = Service::next_card(&world.home(), &opening())?;
    let accept =
        |kit: usize| world.kit(kit).accept_service(&card, world.ledger().view(), world.clock.now());
    let statements = vec![accept(0).unwrap(), accept(1).unwrap()];
    Service::rekey(&world.home(), world.clock.clone(), opening(), statements).map(drop)
}

#[test]
fn another_signing_key() {
    let course = Course { next: rekey, last: rekey, ..RUN };
    two_faults_in(&Verb { prepare: population, act: rekey }, 17, &course);
}

#[test]
fn a_signing_key_that_is_lost() {
    let prepare: fn(&World) = |world| {
        population(world);
        fs::remove_file(world.home().join("identity")).unwrap();
    };
    let course = Course { next: rekey, last: rekey, ..RUN };
    two_faults_in(&Verb { prepare, act: rekey }, 17, &course);
}

/// An old backup without its key is recovered, with what the custodians' kits have seen.
fn recover(world: &World) -> Result<(), ServiceError> {
    let kits = [0, 1].map(|kit| world.kit(kit)).into();
    let sources = Sources { kits, from: vec![world.path("seals")], ..Sources::default() };
    let recovery = Recovery::look(&world.home(), sources, world.clock.clone())?;
    if recovery.plan.is_empty() {
        drop(recovery);
        return world.try_open().map(drop);
    }
    recovery.carry_out(Some(&read_lines)).map(drop)
}

fn lost(world: &World) {
    population(world);
    world.research("benefits", "2026-09-20").unwrap();
    let backup = common::scratch();
    copy_tree(&world.home(), backup.path());
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    world.code("population", "second", &PEOPLE).unwrap();
    copy_tree(&world.home().join("keys"), &world.path("seals/keys"));
    fs::remove_dir_all(world.home()).unwrap();
    copy_tree(backup.path(), &world.home());
}

/// The outbox is that of the backup.
const OF_THE_BACKUP: fn(&str) -> bool =
    |wrong| wrong.contains("outbox/") || wrong.contains(".result");

#[test]
fn a_recovery() {
    let course = Course { next: recover, last: recover, excused: OF_THE_BACKUP, ..RUN };
    two_faults_in(&Verb { prepare: lost, act: recover }, 41, &course);
}

#[test]
fn a_recovery_without_the_signing_key() {
    let prepare: fn(&World) = |world| {
        lost(world);
        fs::remove_file(world.home().join("identity")).unwrap();
    };
    let course = Course { next: recover, last: recover, excused: OF_THE_BACKUP, ..RUN };
    two_faults_in(&Verb { prepare, act: recover }, 41, &course);
}

/// A mirror has, after whatever comes next, what the home has.
#[test]
fn a_mirror() {
    let found: fn() -> World = || {
        let mut world = World::new(2, 2);
        world.mirrors = vec![world.path("mirror")];
        world.init().unwrap();
        world.receive().unwrap();
        world
    };
    let last: fn(&World) -> Result<(), ServiceError> = |world| {
        assert!(world.try_open()?.behind().is_none());
        let read = |path: &str| fs::read(world.path(path)).unwrap();
        for file in ["ledger.jsonl", "checkpoint", "card.json", "places.json"] {
            assert_eq!(read(&format!("mirror/{file}")), read(&format!("home/{file}")), "{file}");
        }
        for place in ["keys", "outbox"] {
            let names = |at: &str| common::crash::names(&world.path(at).join(place));
            assert_eq!(names("mirror"), names("home"), "{place}");
        }
        Ok(())
    };
    let course = Course { found, last, ..RUN };
    let act: fn(&World) -> _ = |world| world.new_key("population", RenewalReason::Scheduled);
    two_faults_in(&Verb { prepare: population, act }, 23, &course);
}

/// What is published is of one version, whenever the power fails, and the next command goes on.
#[test]
fn a_publication() {
    let world = World::founded(2, 2);
    let card = world.open().card().clone();
    let mut states = 0;
    for is_first in [true, false] {
        let home = world.path(if is_first { "home-first" } else { "home-later" });
        copy_tree(&world.home(), &home);
        world.statistics(if is_first { "population" } else { "income" }).unwrap();
        let events = world.ledger().history.size();
        let publish = |home: &Path, public: &Path| {
            Reader::open(home, world.clock.clone())?.publish(public).map(drop)
        };
        let places = common::scratch();
        let begun = |at: usize| {
            let under = places.path().join(at.to_string());
            fs::create_dir(&under).unwrap();
            let public = under.join("public");
            if !is_first {
                publish(&home, &public).unwrap();
            }
            (under, public)
        };
        let (under, public) = begun(0);
        let steps = cstatns::files::faults::count(&under, || {
            publish(&world.home(), &public).unwrap();
        });
        for stop in 0..=steps {
            for loss in [Loss::All, Loss::Bytes, Loss::Names] {
                states += 1;
                let (under, public) = begun(states);
                let disk = Arc::new(Mutex::new(Disk::of(&under)));
                let watcher = {
                    let disk = Arc::clone(&disk);
                    move |step: Step, path: &Path| disk.lock().unwrap().step(step, path)
                };
                let done = watch(&under, watcher, || {
                    stop_after(&under, stop, || publish(&world.home(), &public))
                });
                disk.lock().unwrap().cut(loss);
                let what = format!("first: {is_first}, stopped at {stop}, {loss:?} lost");
                let found = || {
                    let ledger = public.join("ledger.jsonl");
                    ledger.symlink_metadata().ok()?;
                    let audit = verify(&ledger, &card, &[], &[]);
                    let audit = audit.unwrap_or_else(|error| panic!("{what}: {error}"));
                    assert!(audit.holds(), "{what}: {audit}");
                    Some(audit.events)
                };
                assert!(done.is_err() || found() == Some(events), "{what}: it was done");
                publish(&world.home(), &public).unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!(found(), Some(events), "{what}");
            }
        }
    }
    assert!(states > 100, "{states}");
}
