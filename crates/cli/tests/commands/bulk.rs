//! Verbs that go through many rows: what they take of the machine, what they say at the end, and
//! what is left when they cannot go on. Ctrl-C stands in leaks.rs.

use crate::common;

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{Place, csv, files, identifiers, is_memory, signal, text};
use serde_json::Value;

const PREPARE: &str = "controller prepare data.csv --identifier-column nir --service home/card.json --domain population \
     --request r.csv --retained t.csv";
const CODE: &str = "service code home population --request r.csv --result s.csv --purpose test";
const ATTACH: &str = "controller attach --retained t.csv --result s.csv --out a.csv";
const AGAIN: &str = "controller prepare a.csv --code-column code --service home/card.json --domain population \
     --request r2.csv --retained t2.csv";
const RENEW: &str = "service renew home population --request r2.csv --result s2.csv --purpose test";

/// A service with a domain, and data of so many rows.
fn with_rows(rows: usize) -> Place {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(rows)));
    place
}

/// The steps of a coding and a renewal, in order.
fn each(place: &Place, step: impl Fn(&str)) {
    step(PREPARE);
    step(&place.with_kits(CODE));
    step(ATTACH);
    place.quorum("service new-key home population --reason scheduled");
    step(AGAIN);
    step(&place.with_kits(RENEW));
}

#[test]
fn each_ends_in_one_line_of_figures() {
    let place = with_rows(1200);
    each(&place, |command| {
        let said = place.ok(&format!("{command} --threads 2 --memory 64MiB"));
        // Behind it `attach` names the files that still hold identifiers.
        let mut lines = said.lines().rev();
        let last = lines.find(|line| !line.starts_with("still there")).unwrap();
        assert!(
            last.starts_with("1,200 rows in 0.") || last.starts_with("1,200 rows in "),
            "{last}"
        );
        let counts = match command {
            _ if command.contains("prepare") => " rows/s): ok 1,200",
            _ if command.contains("renew") => " rows/s)",
            _ => " rows/s): valid 1,200",
        };
        assert!(last.ends_with(counts), "{command}: {last}");
        assert_eq!(said.matches("rows in ").count(), 1, "{said}");
        // There is no terminal: no bar.
        assert!(!said.contains(['\r', '\u{1b}', '%']), "{said}");
    });
}

#[test]
fn summaries_hold_the_same_figures() {
    let place = with_rows(300);
    each(&place, |command| {
        let summary = place.json(command);
        assert_eq!(summary["rows"], 300, "{command}");
        let (seconds, rate) =
            (summary["seconds"].as_f64().unwrap(), summary["rows_per_second"].as_f64().unwrap());
        assert!(seconds > 0.0 && (rate * seconds - 300.0).abs() < 0.01, "{summary}");
        let counts = match command {
            _ if command.contains("prepare") => ("status", serde_json::json!({"ok": 300})),
            _ if command.contains("renew") => ("quality", serde_json::json!({})),
            _ => ("quality", serde_json::json!({"valid": 300})),
        };
        assert_eq!(summary[counts.0], counts.1, "{command}");
    });
}

#[test]
fn threads_and_memory_change_nothing_of_a_result() {
    let place = with_rows(20_000);
    place.ok(PREPARE);
    // A request is coded once: the same service twice.
    let twin = Place::default();
    let all = place.directory.path().join(".");
    let copied = Command::new("cp").arg("-a").arg(all).arg(twin.directory.path()).status();
    assert!(copied.unwrap().success());
    let code = place.with_kits(CODE);
    let run = |(place, threads, memory): (&Place, &str, &str)| {
        place.ok(&format!("{code} --threads {threads} --memory {memory}"));
        place.read("s.csv")
    };
    let results = [(&place, "1", "16MiB"), (&twin, "3", "1GB")].map(run);
    assert_eq!(results[0].lines().count(), 20_001);
    assert!(results[0] == results[1]);
}

#[test]
fn too_much_and_too_little_are_said() {
    let place = Place::default();
    for command in
        [PREPARE, ATTACH, &format!("{CODE} --kit alice"), &format!("{RENEW} --kit alice")]
    {
        for (option, words) in [
            ("--threads 0", "1 to 1024"),
            ("--threads many", "1 to 1024"),
            ("--memory 1MiB", "at least 16MiB"),
            ("--memory 1.5GiB", "such as 512MiB"),
        ] {
            let output = place.run(&format!("{command} {option}"));
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{command} {option}");
            assert!(said.contains(words), "{option}: {said}");
        }
    }
}

/// Nobody reads what is said, or nothing can be said at all: the files are there all the same, and
/// whole.
#[test]
fn a_closed_pipe_spoils_nothing() {
    for closed in ["--json", "2>&-", ">&- 2>&-", "--json >&-"] {
        let place = with_rows(100);
        each(&place, |command| {
            let output = if closed == "--json" {
                let (reader, writer) = std::io::pipe().unwrap();
                drop(reader);
                place.command(&format!("{command} --json")).stdout(writer).output().unwrap()
            } else {
                let program = env!("CARGO_BIN_EXE_cstatns");
                let shell = format!("exec '{program}' {command} {closed}");
                Command::new("sh")
                    .args(["-c", &shell])
                    .env("LC_ALL", "C")
                    .current_dir(place.directory.path())
                    .output()
                    .unwrap()
            };
            let said = text(&output.stderr);
            let unread = closed == "--json";
            assert_eq!(output.status.code(), Some(i32::from(unread)), "{command} {closed}\n{said}");
            if unread {
                let last = said.lines().last().unwrap();
                assert!(
                    last.starts_with("error[summary]: the command is done"),
                    "{command}: {said}"
                );
            }
        });
        let lines = |name: &str| place.read(name).lines().count();
        assert_eq!([lines("a.csv"), lines("s2.csv"), lines("t2.csv")], [101; 3], "{closed}");
        assert!(
            !place.exists("r.csv") && !place.exists("r2.csv"),
            "{closed}: the requests are destroyed"
        );
        assert!(place.exists("s2.csv.report.json"), "{closed}");
        place.ok("service expire home");
    }
}

/// What the disk refuses: one error, nothing left, the sources intact, and the same command works
/// with room.
#[test]
fn a_disk_that_takes_no_more() {
    let place = with_rows(40_000);
    each(&place, |command| {
        let before = files(place.directory.path());
        // The system refuses what goes beyond 512 KiB (1024 blocks) of one file, as it refuses what
        // a full disk has no room for; its signal does not end the program.
        let shell = format!("ulimit -f 1024; exec '{}' {command}", env!("CARGO_BIN_EXE_cstatns"));
        let output = Command::new("sh")
            .args(["-c", &shell])
            .env("LC_ALL", "C")
            .current_dir(place.directory.path())
            .output()
            .unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command}\n{said}");
        let last = said.lines().last().unwrap();
        assert!(
            last.starts_with("error[file-size-limit]") && last.contains("ulimit -f"),
            "{command}: {said}"
        );
        let own = |path: &std::path::Path| path.starts_with(place.path("home")) || is_memory(path);
        let after = files(place.directory.path());
        let without_own = |all: std::collections::BTreeMap<std::path::PathBuf, Vec<u8>>| {
            all.into_iter().filter(|(path, _)| !own(path)).collect::<Vec<_>>()
        };
        assert!(without_own(before) == without_own(after), "{command}");
        place.ok(command);
    });
}

/// The request changes while it is coded: nothing is coded, and nothing is destroyed.
#[test]
fn a_request_that_changes_under_the_run() {
    let place = with_rows(200_000);
    place.ok(PREPARE);
    let child = place.started(&place.with_kits(CODE));
    signal(child.id(), "STOP");
    let mut request = place.read("r.csv");
    let last = request.trim_end().rfind(',').unwrap();
    request.replace_range(last.., ",\n");
    // In place: the run has the file open.
    let mut file = fs::OpenOptions::new().write(true).open(place.path("r.csv")).unwrap();
    file.write_all(request.as_bytes()).unwrap();
    file.set_len(request.len() as u64).unwrap();
    signal(child.id(), "CONT");
    let output = child.wait_with_output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.lines().last().unwrap().starts_with("error["), "{said}");
    assert!(
        place.read("r.csv") == request
            && !place.exists("s.csv")
            && !place.exists("s.csv.report.json")
    );
    assert_eq!(place.temporaries(), [""; 0]);
    place.ok("service expire home");
}

/// A passphrase that is asked for is not bulk work: a signal ends the program as it always did.
#[test]
fn a_signal_before_the_work_ends_the_program() {
    let place = Place::in_earnest();
    place.quorum("service open home population --kind statistics");
    place.write("data.csv", csv(&identifiers(20)));
    place.ok(PREPARE);
    assert!(Command::new("mkfifo").arg(place.path("pipe")).status().unwrap().success());
    let child = place
        .command(&place.with_kits(CODE).replacen("bruno.pass", "pipe", 1))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Opening the pipe waits until the program reads from it.
    let pipe = fs::OpenOptions::new().write(true).open(place.path("pipe")).unwrap();
    signal(child.id(), "TERM");
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(15), "{}", text(&output.stderr));
    place.quorum(CODE);
}

/// Under `nohup` the work goes on when its terminal is closed.
#[test]
fn work_that_is_to_outlive_its_terminal_does() {
    let place = with_rows(20_000);
    let mut child = Command::new("nohup")
        .arg(env!("CARGO_BIN_EXE_cstatns"))
        .current_dir(place.directory.path())
        .args(PREPARE.split(' '))
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while child.try_wait().unwrap().is_none() && place.temporaries().is_empty() {
        std::thread::sleep(Duration::from_millis(1));
    }
    signal(child.id(), "HUP");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(place.exists("r.csv") && place.temporaries().is_empty());
}

/// What is wrong with a request's columns is found before any custodian is asked.
#[test]
fn nobody_approves_in_vain() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(20)));
    place.ok(PREPARE);
    let request = place.read("r.csv");
    for bad in [
        request.replacen("identifier", "identifier,name", 1),
        request.replacen("identifier", "code", 1),
        String::new(),
    ] {
        place.write("r.csv", bad);
        let output = place.run(&place.with_kits(CODE));
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        assert!(said.contains("error[") && !said.contains("asked of the custodians"), "{said}");
    }
    let ledger = place.read("home/ledger.jsonl");
    let events: Vec<Value> =
        ledger.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = &events.last().unwrap()["event"];
    assert_eq!((&last["type"], &last["verb"]), (&"refused".into(), &"code".into()), "{last}");
    place.write("r.csv", request);
    place.quorum(CODE);
}
