//! The home's own snapshot saves folding what was folded before. It is used only where it is the
//! service's own, of this program and of the very lines of the ledger; whatever else lies in its
//! place, the home opens with the state that its ledger has.

use crate::common;
use crate::second;

use std::fs;
use std::path::PathBuf;

use cstatns::checkpoint::Head;
use cstatns::coded::Coded as _;
use cstatns::domain::Kind;
use cstatns::name::Hex;
use cstatns::proposal::Action;
use cstatns::service::{Reader, Service, SystemClock};
use cstatns::state::{Snapshot, State};
use cstatns::statement::{Signed, Statement};
use ed25519_dalek::SigningKey;
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use common::{PEOPLE, World, name};
use second::Book;

/// What a snapshot's first line says, with its label.
#[derive(Serialize)]
#[serde(transparent)]
struct Seal(Value);

impl Statement for Seal {
    const LABEL: &'static str = "CStatNS/snapshot/";
}

fn world() -> World {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    world.code("population", "known", &PEOPLE).unwrap();
    world
}

fn path(world: &World) -> PathBuf {
    world.home().join("snapshot")
}

fn bytes_of(state: &State) -> Vec<u8> {
    serde_json::to_vec(state).unwrap()
}

/// The state that everybody else folds: it is a demonstration.
fn folded(world: &World) -> Vec<u8> {
    let state = world.ledger().state;
    assert!(state.is_demo());
    bytes_of(&state)
}

fn read(world: &World) -> Vec<u8> {
    bytes_of(Reader::open(&world.home(), SystemClock).unwrap().state())
}

/// A snapshot of what no ledger says, properly made: of a service that is no demonstration.
struct Lie {
    seal: Value,
    state: Vec<u8>,
    key: SigningKey,
}

impl Lie {
    fn of(world: &World) -> Self {
        let mut state: Value = serde_json::from_slice(&folded(world)).unwrap();
        state["demo"] = json!(false);
        let state: State = serde_json::from_value(state).unwrap();
        let ledger = world.ledger();
        let Head { size, root } = ledger.history.head();
        let seal = json!({
            "format": 2,
            "program": env!("CARGO_PKG_VERSION"),
            "service": ledger.state.service().id(),
            "head": {"size": size, "root": root},
        });
        Self { seal, state: bytes_of(&state), key: Book::of(&world.home()).key }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut seal = self.seal.clone();
        seal["digest"] = json!(Hex::<32>(Sha256::digest(&self.state).into()));
        let mut bytes = serde_json::to_vec(&Signed::new(Seal(seal), &self.key)).unwrap();
        bytes.push(b'\n');
        bytes.extend(&self.state);
        bytes
    }

    fn lay(&self, world: &World) {
        fs::write(path(world), self.bytes()).unwrap();
    }
}

#[test]
fn a_home_is_opened_from_its_snapshot() {
    let world = world();
    let truth = folded(&world);
    world.open();
    assert!(path(&world).exists());
    assert_eq!(read(&world), truth);
    // Only who believes the snapshot sees what it alone says.
    let lie = Lie::of(&world);
    lie.lay(&world);
    assert_eq!(read(&world), lie.state);
    assert_eq!(bytes_of(world.open().state()), lie.state);
    // Custodians and auditors do not read it, and without it the ledger is folded.
    assert_eq!(folded(&world), truth);
    fs::remove_file(path(&world)).unwrap();
    assert_eq!(read(&world), truth);
}

#[test]
fn it_is_written_once_the_ledger_has_gone_on_for_so_long() {
    let world = world();
    world.open();
    let first = fs::read(path(&world)).unwrap();
    let doubt = |kit| world.doubt("population", kit).unwrap();
    let lines = |bytes: &[u8]| {
        let card = &world.ledger().state.service().clone();
        Snapshot::read(bytes, card).unwrap().head().size
    };
    assert_eq!(lines(&first), world.ledger().history.size());
    doubt(0);
    world.open();
    assert_eq!(fs::read(path(&world)).unwrap(), first, "one event more");
    doubt(1);
    doubt(2);
    world.open();
    let second = fs::read(path(&world)).unwrap();
    assert_eq!(lines(&second), lines(&first) + 3);
    assert_eq!(read(&world), folded(&world));
    fs::remove_file(path(&world)).unwrap();
    world.open();
    assert_eq!(fs::read(path(&world)).unwrap(), second, "it was deleted");
    // By itself a home waits for longer.
    fs::remove_file(path(&world)).unwrap();
    Service::open(&world.home(), world.clock.clone()).unwrap();
    assert!(!path(&world).exists());
}

#[test]
fn what_lies_in_its_place_is_passed_over() {
    let world = world();
    let truth = folded(&world);
    let head = world.ledger().history.head();
    let other = self::world();
    let set = |place: &str, value: Value| {
        let mut lie = Lie::of(&world);
        *lie.seal.pointer_mut(place).unwrap() = value;
        lie.bytes()
    };
    let good = Lie::of(&world).bytes();
    let end = good.iter().position(|byte| *byte == b'\n').unwrap();
    let changed = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let mut extra = Lie::of(&world);
    extra.state.splice(1..1, br#""more":1,"#.iter().copied());
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("a byte of the seal", changed(end / 2)),
        ("a byte of the state", changed(end + 100)),
        ("a byte more", [&good[..], b" "].concat()),
        ("cut short", good[..good.len() - 1].to_vec()),
        ("cut in the seal", good[..end].to_vec()),
        ("nothing", Vec::new()),
        ("another key", Lie { key: SigningKey::from_bytes(&[1; 32]), ..Lie::of(&world) }.bytes()),
        ("another service's", Lie::of(&other).bytes()),
        (
            "another service's state",
            Lie { state: Lie::of(&other).state, ..Lie::of(&world) }.bytes(),
        ),
        (
            "in the name of another service",
            set("/service", Lie::of(&other).seal["service"].clone()),
        ),
        ("another program's", set("/program", json!("0.0.1"))),
        ("another format", set("/format", json!(3))),
        ("a fork", set("/head/root", json!(Hex([7; 32])))),
        ("a longer ledger", set("/head/size", json!(head.size + 1))),
        ("fewer lines than its state", {
            let before = world.ledger().history.head_at(head.size - 1).unwrap();
            set("/head", json!({"size": before.size, "root": before.root}))
        }),
        ("a state with more", extra.bytes()),
    ];
    Lie::of(&world).lay(&world);
    assert_ne!(read(&world), truth, "else the cases show nothing");
    for (case, bytes) in cases {
        fs::write(path(&world), bytes).unwrap();
        assert_eq!(read(&world), truth, "{case}");
        assert_eq!(bytes_of(world.open().state()), truth, "{case}");
        // It was not of this home, and has been made anew.
        assert_eq!(read(&world), truth, "{case}");
        let card = world.ledger().state.service().clone();
        assert!(Snapshot::read(&fs::read(path(&world)).unwrap(), &card).is_some(), "{case}");
    }
    fs::remove_file(path(&world)).unwrap();
    fs::create_dir(path(&world)).unwrap();
    assert_eq!(read(&world), truth);
    assert_eq!(bytes_of(world.open().state()), truth, "that it cannot be written is no error");
}

#[test]
fn what_was_changed_below_a_snapshot_is_found_as_without_it() {
    let world = world();
    world.open();
    let ledger = world.home().join("ledger.jsonl");
    let lines = fs::read_to_string(&ledger).unwrap();
    let code = || Reader::open(&world.home(), SystemClock).err().map(|error| error.code());
    let snapshot = fs::read(path(&world)).unwrap();
    let mut last = lines.lines().map(str::to_owned).collect::<Vec<_>>();
    last.pop();
    let cases = [
        (lines.replacen("population", "populatiom", 1), "ledger-chain"),
        (lines.replacen("\"event\"", " \"event\"", 1), "ledger-line"),
        (last.join("\n") + "\n", "ledger-short"),
    ];
    for (changed, expected) in cases {
        fs::write(&ledger, changed).unwrap();
        assert_eq!(code(), Some(expected));
        fs::remove_file(path(&world)).unwrap();
        assert_eq!(code(), Some(expected));
        fs::write(path(&world), &snapshot).unwrap();
    }
    fs::write(&ledger, lines).unwrap();
    assert_eq!(code(), None);
    world.statistics("income").unwrap();
}

/// Custodians are shown what the lines say, whatever a snapshot does that the service's own key has
/// signed.
#[test]
fn a_question_is_not_asked_from_a_snapshot() {
    let world = world();
    Lie::of(&world).lay(&world);
    // By itself a home is not opened from it.
    let (service, _) = Service::open(&world.home(), world.clock.clone()).unwrap();
    assert!(service.state().is_demo());
    drop(service);
    let mut service = world.open();
    assert!(!service.state().is_demo(), "else this shows nothing");
    let action = Action::Close { domain: name("population") };
    assert!(service.propose(action, SignedDuration::from_mins(10)).is_err());
    assert!(service.state().is_demo());
    drop(service);
    let mut service = world.open();
    assert!(!service.state().is_demo(), "it lies there still");
    let kind = Kind::Statistics { cryptoperiod_years: 5 };
    let domain = name("income");
    let action = Action::Open { domain, kind, minimum_batch: 2, authorisation: None };
    let quorum = world.quorum(&mut service, action).unwrap();
    service.open_domain(quorum).unwrap();
    assert!(service.state().is_demo());
}
