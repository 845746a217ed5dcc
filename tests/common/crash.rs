//! The crash matrix: a verb stopped, failed and torn at every durable step, and what must hold
//! afterwards.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use cstatns::coded::Coded as _;
use cstatns::dealing::Epoch;
use cstatns::delivery::DeliveryId;
use cstatns::domain::KeyState;
use cstatns::files::Step;
use cstatns::files::faults::{self, fail_at, stop_after, tear_write_at};
use cstatns::service::{Recovered, Service, ServiceError};
use jiff::Timestamp;

use super::World;
pub use super::copy::copy_tree;
use cstatns::service::Clock;

/// One verb of the service, in a world where it can run.
pub struct Verb {
    pub name: &'static str,
    /// Brings the world to where the verb can run.
    pub prepare: fn(&World),
    /// Opens the service and runs the verb.
    pub act: fn(&World) -> Result<(), ServiceError>,
    /// What must hold once the verb is done, whatever happened before.
    pub then: fn(&World),
}

/// What was tried.
#[derive(Debug, Default)]
pub struct Trials {
    pub steps: usize,
    pub stops: usize,
    pub failures: usize,
    pub torn: usize,
    pub lost: usize,
    pub in_recovery: usize,
}

/// How a trial disturbs the verb.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    Stop(usize),
    Fail(usize, ErrorKind),
    Tear(usize, usize),
    /// From this step on, all steps under one directory of the world fail; everywhere else they go
    /// on.
    Lose(&'static str, usize),
}

/// Directories of a world that may lie on file systems of their own.
const APART: [&str; 5] = ["home/keys", "home/life", "home/outbox", "out", SECOND_LIFE];

/// A second place of life secrets, where a world has one.
pub const SECOND_LIFE: &str = "second-life";

impl Fault {
    pub fn during<R>(self, under: &Path, f: impl FnOnce() -> R) -> R {
        match self {
            Self::Stop(step) => stop_after(under, step, f),
            Self::Fail(step, kind) => fail_at(under, step, kind, f),
            Self::Tear(step, kept) => tear_write_at(under, step, kept, f),
            Self::Lose(place, step) => stop_after(&under.join(place), step, f),
        }
    }

    /// Every disturbance of a call that takes these steps.
    pub fn all(steps: &[Step]) -> Vec<Self> {
        Self::ways(steps, 1)
    }

    /// The call is stopped at each of its steps. Each fails too, and each write is torn: of the
    /// ways in which that may be, one in `each`.
    fn ways(steps: &[Step], each: usize) -> Vec<Self> {
        let mut faults = Vec::new();
        for (n, step) in steps.iter().enumerate() {
            faults.push(Self::Stop(n));
            let tried = |way: &usize| way % each == n % each;
            let kinds = [ErrorKind::StorageFull, ErrorKind::Other];
            faults.extend((0..kinds.len()).filter(tried).map(|way| Self::Fail(n, kinds[way])));
            if matches!(step, Step::Write | Step::Overwrite) {
                let kept = [1, 20, 200, usize::MAX];
                faults.extend((0..kept.len()).filter(tried).map(|way| Self::Tear(n, kept[way])));
            }
        }
        faults
    }
}

impl Trials {
    pub fn count(&mut self, fault: Fault) {
        match fault {
            Fault::Stop(_) => self.stops += 1,
            Fault::Fail(..) => self.failures += 1,
            Fault::Tear(..) => self.torn += 1,
            Fault::Lose(..) => self.lost += 1,
        }
    }
}

/// A world's files and clock, to begin each trial with.
pub struct Snapshot {
    copy: tempfile::TempDir,
    time: Timestamp,
}

impl Snapshot {
    pub fn of(world: &World) -> Self {
        let copy = super::scratch();
        copy_tree(world.directory.path(), &copy.path().join("files"));
        copy_tree(world.kits_directory.path(), &copy.path().join("kits"));
        Self { copy, time: world.clock.now() }
    }

    /// Where the copy of one of the world's files lies.
    pub fn file(&self, name: &str) -> PathBuf {
        self.copy.path().join("files").join(name)
    }

    /// Where the copy of a kit lies; they are numbered from 1.
    pub fn kit(&self, number: usize) -> PathBuf {
        self.copy.path().join(format!("kits/kit-{number}"))
    }

    /// Puts the files back under the same paths: the home's own files name them.
    pub fn restore(&self, world: &World) {
        self.restore_home(world);
        let (copy, place) = (self.copy.path().join("files"), world.directory.path());
        for entry in fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            if path != world.home() {
                if path.is_dir() {
                    fs::remove_dir_all(path).unwrap()
                } else {
                    fs::remove_file(path).unwrap()
                }
            }
        }
        copy_tree(&copy, place);
    }

    /// As above, but leaves the files beside the home as they are: a result is known by its inode
    /// until its event is recorded.
    pub fn restore_home(&self, world: &World) {
        for (copy, place) in
            [("files/home", &world.home()), ("kits", &world.kits_directory.path().to_owned())]
        {
            if !place.exists() {
                continue;
            }
            for entry in fs::read_dir(place).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    fs::remove_dir_all(path).unwrap()
                } else {
                    fs::remove_file(path).unwrap()
                }
            }
            if self.copy.path().join(copy).exists() {
                copy_tree(&self.copy.path().join(copy), place);
            } else {
                fs::remove_dir(place).unwrap();
            }
        }
        world.clock.set_to(self.time);
    }
}

/// Everything below a directory.
fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        }
        found.push(path);
    }
}

pub fn names(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The state without its times, numbers and check values, which differ from one trial to the next.
pub fn facts(service: &Service) -> String {
    let state = service.state();
    let mut facts = String::new();
    // The number of a dealing that failed is spent.
    for (epoch, dealing) in state.epochs().values().enumerate() {
        let (held, forgotten) = (&dealing.held, &dealing.forgotten);
        let over = dealing.until.is_some();
        facts += &format!(
            "epoch {epoch}, held by {held:?}, {forgotten:?} {} {over} {}\n",
            dealing.working, dealing.abandoned
        );
    }
    for (name, domain) in state.domains() {
        let keys: Vec<_> = domain.keys.values().map(|key| (key.state, key.compromised)).collect();
        let (ended, destroyed) = (domain.ended.is_some(), domain.destroyed.is_some());
        let closed = domain.closed;
        facts += &format!("{name} {:?} {keys:?} {ended} {closed} {destroyed}\n", domain.kind);
    }
    for party in state.parties().values() {
        let roles: Vec<_> = party.roles.iter().map(|(of, known)| (of, known.role)).collect();
        facts += &format!("{} {roles:?} {}\n", party.card.body.name, party.until.is_some());
    }
    // A key that was issued and never given away serves nobody.
    let used = state.request_keys().values().filter(|key| key.ended.is_some());
    let serves = state.living_request_keys().next().is_some();
    facts += &format!("{} request keys ended, others serve: {serves}\n", used.count());
    let deliveries = state.deliveries().values().map(|d| {
        let kept = d.request_kept;
        format!(
            "{} {} {:?} {} {kept} {} {} {}\n",
            d.domain,
            d.generation,
            d.from,
            d.rows,
            d.delivered,
            d.destroyed,
            d.lost.is_some()
        )
    });
    let mut deliveries: Vec<String> = deliveries.collect();
    deliveries.sort();
    facts + &deliveries.concat()
}

/// Every temporary, wherever it lies.
pub fn temporaries(world: &World) -> Vec<PathBuf> {
    let mut all = Vec::new();
    walk(world.directory.path(), &mut all);
    all.retain(|path| path.to_string_lossy().ends_with(".cstatns-tmp"));
    all
}

/// What does not hold of a home that has just been opened. Empty is good.
pub fn violations(world: &World, service: &Service) -> Vec<String> {
    let (home, state) = (world.home(), service.state());
    let mut wrong = Vec::new();
    let mut all = Vec::new();
    walk(world.directory.path(), &mut all);

    wrong.extend(temporaries(world).iter().map(|path| format!("a temporary is left: {path:?}")));
    if state.pending().is_some() || state.owed().is_some() {
        wrong.push("a run or a destruction is unfinished".to_owned());
    }
    let usual = "card.json checkpoint identity keys ledger.jsonl lock outbox places.json";
    let mut usual: BTreeSet<String> = usual.split(' ').map(str::to_owned).collect();
    if world.life.is_empty() {
        usual.insert("life".to_owned());
    }
    let mut known = usual.clone();
    known.extend(["aside", "snapshot"].map(str::to_owned));
    // Where the shares of a dealing lie that waits for receipts.
    let waits = state.pending_epoch().filter(|_| state.complete_epoch().is_none());
    let noted = waits.map(|(epoch, _)| format!("shares.{epoch}.json"));
    usual.extend(noted.clone());
    known.extend(noted);
    differ("the home", &names(&home), &usual, &known, &mut wrong);
    let shares = waits.into_iter().flat_map(|(epoch, dealing)| {
        let roster = dealing.dealing.roster.iter();
        roster.map(move |seat| format!("{}.{epoch}.share", seat.card.body.name))
    });
    let shares: BTreeSet<String> = shares.collect();
    if world.path("shares").is_dir() {
        differ("shares/", &names(&world.path("shares")), &shares, &shares, &mut wrong);
    }

    // The ledger ends where its checkpoint does.
    let ledger = fs::read(home.join("ledger.jsonl")).unwrap();
    let lines = ledger.iter().filter(|byte| **byte == b'\n').count();
    let checkpoint = fs::read_to_string(home.join("checkpoint")).unwrap();
    if checkpoint.lines().nth(1) != Some(&lines.to_string()) || ledger.last() != Some(&b'\n') {
        wrong.push("the checkpoint does not cover the ledger".to_owned());
    }

    // Keys and life secrets are those of the ledger. Of a project past its end some may be
    // destroyed already.
    let (mut seals, mut needed_seals) = (BTreeSet::new(), BTreeSet::new());
    let mut lives: BTreeSet<String> =
        ["cstatns-life", "checkpoint", "ledger.jsonl"].map(str::to_owned).into();
    let mut needed_lives = lives.clone();
    for (name, domain) in state.domains().iter().filter(|(_, domain)| domain.destroyed.is_none()) {
        let working = state.working_epoch().map_or(Epoch::FIRST, |(epoch, _)| epoch);
        let kept = domain.keys.iter().filter(|(_, key)| key.state != KeyState::Lost);
        let mut own: Vec<String> = kept.map(|(g, _)| format!("{name}.{g}.{working}.key")).collect();
        if let Some((epoch, dealing)) = state.pending_epoch() {
            let sealed = dealing.keys.iter().filter(|key| key.domain == *name);
            own.extend(sealed.map(|key| format!("{name}.{}.{epoch}.key", key.generation)));
        }
        let life = domain.kind.is_research().then(|| format!("{name}.life"));
        if domain.ended.is_none() {
            needed_seals.extend(own.iter().cloned());
            needed_lives.extend(life.clone());
        }
        seals.extend(own);
        lives.extend(life);
        let active = domain.keys.values().filter(|key| key.state == KeyState::Active).count();
        if active != 1 || domain.active().state != KeyState::Active {
            wrong.push(format!("`{name}` has {active} active generations"));
        }
    }
    // A request key that serves lies there once, and once more while a dealing waits.
    let (working, waits) = (state.working_epoch(), state.pending_epoch());
    for (key, _) in state.living_request_keys() {
        let epochs = working.iter().map(|(epoch, _)| *epoch).chain(waits.map(|(epoch, _)| epoch));
        let own: Vec<String> = epochs.map(|epoch| format!("{key}.{epoch}.request")).collect();
        needed_lives.extend(own.iter().cloned());
        lives.extend(own);
    }
    differ("keys/", &names(&home.join("keys")), &needed_seals, &seals, &mut wrong);
    for place in world.lives() {
        differ("life/", &names(&place), &needed_lives, &lives, &mut wrong);
        for file in ["ledger.jsonl", "checkpoint"] {
            if fs::read(place.join(file)).ok() != fs::read(home.join(file)).ok() {
                wrong.push(format!("the copy of {file} in life/ is another"));
            }
        }
    }

    // Every result has its event and every delivery that is here its result and its journal.
    let here = state.deliveries().iter().filter(|(_, delivery)| !delivery.destroyed);
    let here: Vec<_> = here.collect();
    let place = |DeliveryId { run, part }: &DeliveryId| format!("{run}.{part}.json");
    let journals: BTreeSet<String> = here.iter().map(|(id, _)| place(id)).collect();
    // A process waits for the answers to a question as long as it is open.
    let waits = state.open_questions().keys().map(|run| format!("{run}.wait"));
    let known: BTreeSet<String> = journals.iter().cloned().chain(waits).collect();
    differ("outbox/", &names(&home.join("outbox")), &known, &known, &mut wrong);
    let mut results = BTreeSet::new();
    for (id, delivery) in here {
        let Ok(journal) = fs::read(home.join("outbox").join(place(id))) else { continue };
        let journal: serde_json::Value = serde_json::from_slice(&journal).unwrap();
        let result = PathBuf::from(journal["result"].as_str().unwrap());
        let rows = match delivery.recipient {
            Some(_) => world.rows_in(&result),
            None => fs::read_to_string(&result).ok(),
        };
        if rows.map_or(0, |text| text.lines().count() as u64) != delivery.rows {
            wrong.push(format!("the result of delivery {id} is not there, or not whole"));
        }
        results.insert(result);
        for request in journal["request"].as_array().unwrap() {
            if !delivery.request_kept && Path::new(request["path"].as_str().unwrap()).exists() {
                wrong.push(format!("the request of delivery {id} is there still"));
            }
        }
    }
    let found = all.iter().filter(|path| path.extension().is_some_and(|end| end == "result"));
    wrong.extend(
        found
            .filter(|path| !results.contains(*path))
            .map(|path| format!("no event speaks of {path:?}")),
    );
    wrong
}

fn differ(
    place: &str,
    found: &BTreeSet<String>,
    needed: &BTreeSet<String>,
    known: &BTreeSet<String>,
    wrong: &mut Vec<String>,
) {
    wrong.extend(needed.difference(found).map(|name| format!("{place} lacks {name}")));
    wrong.extend(
        found.difference(known).map(|name| format!("{place} has {name}, of which nothing speaks")),
    );
}

/// The files of the world as a stopped process leaves them, before anything is repaired: a request
/// or its result is whole.
fn check_sources(before: &[(PathBuf, Vec<u8>)], what: &str) {
    for (request, bytes) in before {
        let result = request.with_extension("result");
        let (request_is_whole, rows) = (
            fs::read(request).is_ok_and(|found| found == *bytes),
            bytes.split(|byte| *byte == b'\n').count(),
        );
        let result_is_whole =
            fs::read_to_string(result).is_ok_and(|text| text.lines().count() == rows);
        assert!(
            request_is_whole || result_is_whole,
            "{what}: neither {request:?} nor its result is whole"
        );
    }
}

/// Whether what opening the service said agrees with what it found.
fn check_said(said: &[Recovered], done: bool, what: &str) {
    for one in said {
        match one {
            Recovered::Undone { .. } => assert!(!done, "{what}: said {one}, but it is done"),
            Recovered::Finished { .. } | Recovered::Destroyed { .. } => {
                assert!(done, "{what}: said {one}, but it is not done");
            }
            _ => {}
        }
    }
}

/// Stops, fails and tears the verb at each of its durable steps, and holds what the next command
/// finds to the rules.
pub fn matrix(verb: &Verb) -> Trials {
    matrix_in(&World::founded(2, 2), verb)
}

/// The same in another world than the usual one.
pub fn matrix_in(world: &World, verb: &Verb) -> Trials {
    (verb.prepare)(world);
    let snapshot = Snapshot::of(world);
    let before = facts(&world.open());
    let under = world.directory.path();
    // As at each trial: where a snapshot is due, the verb writes it.
    snapshot.restore(world);
    let steps = faults::trace(under, || (verb.act)(world).unwrap());
    let after = facts(&world.open());
    assert_ne!(before, after, "{}: the verb changes the state", verb.name);
    assert_eq!(violations(world, &world.open()), [""; 0], "{}: undisturbed", verb.name);
    let opening = faults::trace(under, || world.open());
    let flushes = opening.iter().all(|step| matches!(step, Step::Sync | Step::SyncDirectory));
    assert!(flushes, "opening a sound home flushes it and changes nothing: {opening:?}");
    (verb.then)(world);

    let mut trials = Trials { steps: steps.len(), ..Trials::default() };
    // The dearest matrices try every other way in the gate.
    let each = if is_long() { 1 } else { 2 };
    let mut faults = Fault::ways(&steps, each);
    for (number, place) in APART.into_iter().enumerate() {
        snapshot.restore(world);
        let steps = faults::count(&under.join(place), || (verb.act)(world).unwrap());
        let tried = (0..steps).filter(|step| step % each == number % each);
        faults.extend(tried.map(|step| Fault::Lose(place, step)));
    }
    for (number, fault) in faults.into_iter().enumerate() {
        let what = format!("{} with {fault:?}", verb.name);
        snapshot.restore(world);
        trials.count(fault);
        let outcome = fault.during(under, || (verb.act)(world));
        if let (Fault::Fail(_, kind), Err(error)) = (fault, &outcome) {
            let expected = if kind == ErrorKind::StorageFull { "disk-full" } else { "file-io" };
            assert_eq!(error.code(), expected, "{what}");
            assert!(temporaries(world).is_empty(), "{what}: an ordinary error leaves no temporary");
        }
        let requests = requests_of(verb, world);
        check_sources(&requests, &what);

        // Every other time, what puts things right is disturbed as well.
        if number % 2 == 0 {
            let again = if number % 4 == 0 {
                Fault::Stop(number / 4 % 23)
            } else {
                Fault::Fail(number / 4 % 23, ErrorKind::Other)
            };
            let _ = again.during(under, || world.try_open());
            check_sources(&requests, &what);
            trials.in_recovery += 1;
        }

        let opened = world.reopen();
        let (service, said) =
            opened.unwrap_or_else(|error| panic!("{what}: cannot be opened: {error}"));
        let found = facts(&service);
        let between = verb.name == "code-parts" && is_between(&before, &found, &after);
        assert!(
            found == before || found == after || between,
            "{what}: neither before nor after:\n{found}"
        );
        assert_eq!(violations(world, &service), [""; 0], "{what}");
        assert!(service.state().open_questions().is_empty(), "{what}: nobody waits for an answer");
        let done = found == after;
        if !between {
            check_said(&said, done, &what);
        }
        assert!(done || outcome.is_err(), "{what}: said to be done, but it is not");
        drop(service);

        if !done {
            (verb.act)(world)
                .unwrap_or_else(|error| panic!("{what}: cannot be done again: {error}"));
            let service = world.open();
            assert_eq!(facts(&service), after, "{what}: done again");
            assert_eq!(violations(world, &service), [""; 0], "{what}: done again");
        }
        // The dearest part; what is disturbed otherwise than by a stop is found in the same states.
        if matches!(fault, Fault::Stop(_)) || number % 11 == 0 {
            (verb.then)(world);
        }
    }
    trials
}

/// Whether something of a verb of several parts was done, and nothing else.
fn is_between(before: &str, found: &str, after: &str) -> bool {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let within = |few: &str, many: &str| {
        let mut many = lines(many);
        lines(few).iter().all(|line| match many.iter().position(|other| other == line) {
            Some(at) => {
                many.swap_remove(at);
                true
            }
            None => false,
        })
    };
    within(before, found) && within(found, after)
}

/// The requests of a verb that turns them into results, with the bytes they had.
fn requests_of(verb: &Verb, world: &World) -> Vec<(PathBuf, Vec<u8>)> {
    match verb.name {
        "code" | "renew" | "code-to-a-temporary" | "renew-to-a-temporary" => {
            let kept = world.path("batch.copy");
            vec![(world.path("out/batch.request"), fs::read(kept).unwrap())]
        }
        "code-parts" => {
            let bytes = fs::read(world.path("batch.copy")).unwrap();
            let files = ["batch", "batch-2"];
            files.map(|file| (world.path(&format!("out/{file}.request")), bytes.clone())).into()
        }
        _ => Vec::new(),
    }
}

/// Whether all that takes long is tried, as before a release.
pub fn is_long() -> bool {
    std::env::var_os("CSTATNS_LONG").is_some()
}

/// The matrix of a verb: each of its steps was stopped at, and failed.
pub fn run(verb: Verb) {
    run_in(&World::founded(2, 2), verb);
}

/// The same in another world than the usual one.
#[allow(clippy::print_stderr)]
pub fn run_in(world: &World, verb: Verb) {
    let trials = matrix_in(world, &verb);
    eprintln!("{}: {trials:?}", verb.name);
    let ways = if is_long() { 2 } else { 1 };
    assert!(
        trials.stops == trials.steps && trials.failures == ways * trials.steps && trials.torn > 0,
        "{trials:?}"
    );
}
