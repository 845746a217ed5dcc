//! One signal in the middle of a command: it ends, with the status that says so, it leaves nothing,
//! the home opens, and the same command then does its work.

use crate::common;

use std::any::Any;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Place, csv, files, identifiers, is_memory, signal, text};
use cstatns::files::lock_for;
use cstatns::name::Name;

const SIGNALS: [(&str, i32); 2] = [("TERM", 15), ("INT", 2)];
const PREPARE: &str = "controller prepare data.csv --identifier-column nir --service home/card.json \
    --domain population --request r.csv --retained t.csv";
const CODE: &str =
    "service code home population --request r.csv --result s.csv --plain --purpose test";
const ATTACH: &str = "controller attach --retained t.csv --result got.csv --out coded.csv";
const RENEWAL: &str = "controller prepare coded.csv --code-column code --service home/card.json \
    --domain population --request again.csv --retained kept.csv";
/// The debug program needs some seconds for them.
const ROWS: usize = 250_000;

/// How a command ends that is asked to.
#[derive(Clone, Copy, PartialEq)]
enum Ends {
    /// Work on rows stops: 1, and the last line says `interrupted`.
    Interrupted,
    /// Before and after it, the signal does what it always does.
    BySignal,
}

/// A command as it stands in the middle, and what it waits for.
struct Stopped {
    child: Child,
    held: Option<Box<dyn Any>>,
}

/// Everything outside the home, which says by itself what it began.
fn outside(place: &Place) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = files(place.directory.path());
    all.retain(|path, _| !path.starts_with(place.path("home")) && !is_memory(path));
    all
}

/// The end of a command that must not need another signal.
fn end(mut child: Child, what: &str) -> (std::process::ExitStatus, String) {
    let since = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if since.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("{what}: one signal does not end it");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    (output.status, text(&output.stderr))
}

/// One row of the table: `begin` starts the command and brings it to its middle.
fn case(
    place: &Place,
    command: &str,
    ends: Ends,
    begin: impl Fn(&Place) -> Stopped,
    repeat: impl Fn(&Place),
) {
    for (name, number) in SIGNALS {
        let what = format!("{command} and {name}");
        let before = outside(place);
        let Stopped { mut child, held } = begin(place);
        if child.try_wait().unwrap().is_some() {
            panic!("{what}: it has ended: {}", end(child, &what).1);
        }
        signal(child.id(), name);
        let (status, said) = end(child, &what);
        drop(held);
        match ends {
            Ends::Interrupted => {
                assert_eq!(status.code(), Some(1), "{what}: {said}");
                let last = said.lines().last().unwrap();
                assert!(last.starts_with("error[interrupted]: "), "{what}: {said}");
            }
            Ends::BySignal => assert_eq!(status.signal(), Some(number), "{what}: {said}"),
        }
        assert!(outside(place) == before, "{what}: files are left, or changed");
        place.ok("service expire home");
        let pending = place.json("service status home");
        assert_eq!(pending["unfinished"], serde_json::json!([]), "{what}");
        assert_eq!(pending["questions"], serde_json::json!([]), "{what}");
    }
    repeat(place);
}

/// A command whose signals are not ignored, as they are in the background of some scripts.
fn started(place: &Place, command: &str) -> Child {
    let mut program = Command::new("env");
    program.args(["--default-signal=HUP,INT,TERM", env!("CARGO_BIN_EXE_cstatns")]);
    program.current_dir(place.directory.path()).args(command.split_whitespace()).env("LC_ALL", "C");
    program.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn at_work(command: &str) -> impl Fn(&Place) -> Stopped {
    move |place| Stopped { child: place.started(command), held: None }
}

#[test]
fn work_on_rows_ends_at_the_first_signal() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(ROWS)));
    let quorum = place.with_kits(CODE);
    let renew = place.with_kits(
        "service renew home population --request again.csv --result new.csv --purpose test",
    );
    case(&place, PREPARE, Ends::Interrupted, at_work(PREPARE), |place| drop(place.ok(PREPARE)));
    case(&place, CODE, Ends::Interrupted, at_work(&quorum), |place| drop(place.ok(&quorum)));
    for end in ["", ".report.json"] {
        fs::copy(place.path(&format!("s.csv{end}")), place.path(&format!("got.csv{end}"))).unwrap();
    }
    case(&place, ATTACH, Ends::Interrupted, at_work(ATTACH), |place| drop(place.ok(ATTACH)));
    place.quorum("service new-key home population --reason scheduled");
    case(&place, RENEWAL, Ends::Interrupted, at_work(RENEWAL), |place| drop(place.ok(RENEWAL)));
    case(&place, "renew", Ends::Interrupted, at_work(&renew), |place| drop(place.ok(&renew)));
    assert_eq!(place.read("new.csv").lines().count(), ROWS + 1);
}

#[test]
fn what_waits_for_a_home_ends_at_the_first_signal() {
    let place = Place::open();
    for command in
        ["service expire home --wait 2h", "service doubt home population --kit bruno --wait 2h"]
    {
        let begin = |place: &Place| {
            let (lock, code) = (place.path("home/lock"), Name::new("code").unwrap());
            let held = lock_for(&lock, &code, Duration::ZERO).unwrap();
            let child = started(place, command);
            // It waits; how long it has, it does not say.
            std::thread::sleep(Duration::from_millis(500));
            Stopped { child, held: Some(Box::new(held)) }
        };
        case(&place, command, Ends::BySignal, begin, |place| drop(place.ok(command)));
    }
}

/// The question is recorded then: the next command ends it.
#[test]
fn what_waits_for_a_passphrase_ends_at_the_first_signal() {
    let place = Place::in_earnest();
    place.quorum("service open home population --kind statistics");
    place.write("data.csv", csv(&identifiers(20)));
    place.ok(PREPARE);
    let elsewhere = tempfile::tempdir().unwrap();
    let pipe = elsewhere.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for command in [
        "service open home income --kind statistics",
        CODE,
        "service new-key home population --reason scheduled",
    ] {
        let whole = place.with_kits(command);
        let waiting = whole.replacen("bruno.pass", pipe.to_str().unwrap(), 1);
        assert_ne!(whole, waiting);
        let begin = |place: &Place| {
            let child = started(place, &waiting);
            // Opening the pipe waits until the program reads from it.
            let held = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
            Stopped { child, held: Some(Box::new(held)) }
        };
        case(&place, command, Ends::BySignal, begin, |place| drop(place.ok(&whole)));
    }
}
