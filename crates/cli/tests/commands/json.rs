//! With `--json` standard output is one object, however a command ends.

use crate::common;

use std::process::Stdio;

use serde_json::{Value, json};

use common::{Place, csv, identifiers, signal, text};

/// The object on standard output and what stands on standard error.
fn object(place: &Place, command: &str, status: i32) -> (Value, String) {
    let output = place.run(&format!("{command} --json"));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{command}\n{said}");
    (serde_json::from_slice(&output.stdout).expect(command), said)
}

#[test]
fn an_error_is_an_object_too() {
    let place = Place::open();
    let (given, said) = object(&place, "auditor verify none.jsonl --service home/card.json", 1);
    let error = &given["error"];
    assert_eq!((&error["code"], &error["exit"]), (&json!("file-missing"), &json!(1)));
    assert_eq!(error["facts"]["path"], json!(["none.jsonl"]));
    // The same line stands on standard error, and nothing else.
    let (message, advice) = (error["message"].as_str().unwrap(), error["advice"].as_str().unwrap());
    assert_eq!(said, format!("error[file-missing]: {message}: {advice}\n"));

    // An error with what was found.
    let before = place.read("home/ledger.jsonl");
    place.write("long.jsonl", format!("{before}{before}"));
    std::fs::copy(place.path("home/checkpoint"), place.path("long.checkpoint")).unwrap();
    let (given, _) = object(&place, "auditor verify long.jsonl --service home/card.json", 1);
    assert!(given["error"]["code"].is_string() && given.get("events").is_some(), "{given:#}");
}

#[test]
fn wrong_usage_is_an_object_too() {
    let place = Place::open();
    for (command, words) in [
        ("service status", "<HOME>"),
        ("service status home --never", "'--never'"),
        ("service nothing home", "'nothing'"),
        ("service status home --prometheus", "one of --prometheus and --json"),
    ] {
        let (given, said) = object(&place, command, 2);
        let error = &given["error"];
        assert_eq!((&error["code"], &error["exit"]), (&json!("usage"), &json!(2)), "{command}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(words) && !message.contains("Usage"), "{command}: {message}");
        assert!(said.contains(words), "{command}: {said}");
    }
    // What asks for help is no error.
    let help = place.run("service status --help --json");
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("Examples"));
}

#[test]
fn what_is_not_in_order_has_its_summary() {
    let place = Place::open();
    place.ok("service doubt home population --kit alice");
    let (given, said) = object(&place, "service status home --check", 3);
    assert_eq!((given.get("error"), &given["in_order"]), (None, &json!(false)));
    // What the summary says is not said twice.
    assert_eq!(said, "");
    let shown = place.run("service status home --check");
    assert!(text(&shown.stdout).contains("DOUBTED"));
}

#[test]
fn custodians_see_what_they_approve_all_the_same() {
    let place = Place::open();
    let command = place.with_kits("service open home wages --kind statistics");
    let (given, said) = object(&place, &command, 0);
    assert_eq!(given["domain"], "wages");
    assert!(said.contains("wages") && said.contains("approves, statement"), "{said}");
}

#[test]
fn an_interrupted_command_is_an_object_too() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(300_000)));
    let prepare = "controller prepare data.csv --identifier-column nir --request r.csv --retained t.csv --json";
    let child = place.started(prepare);
    signal(child.id(), "TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let given: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(given["error"]["code"], "interrupted");
}

/// What cannot be written does not hide what went wrong.
#[test]
fn an_error_is_said_also_where_nobody_reads() {
    let place = Place::open();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = place.command("auditor verify none.jsonl --service home/card.json --json");
    let output = command.stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.starts_with("error[file-missing]: ") && said.lines().count() == 1, "{said}");
}

/// Neither values nor names that could be values.
#[test]
fn an_error_shows_no_value() {
    let place = Place::open();
    let people = identifiers(20);
    place.write("bare.csv", people.iter().map(|nir| format!("{nir};x\n")).collect::<String>());
    place.write("cut.csv", csv(&people.iter().map(|nir| nir[..9].to_owned()).collect::<Vec<_>>()));
    for (file, code) in [("bare", "missing-column"), ("cut", "wrong-column")] {
        let command = format!(
            "controller prepare {file}.csv --identifier-column nir --request r.csv --retained t.csv"
        );
        let (given, said) = object(&place, &command, 1);
        assert_eq!(given["error"]["code"], code, "{given:#}");
        let shown = given.to_string() + &said;
        assert!(people.iter().all(|nir| !shown.contains(&nir[..9])), "{shown}");
    }
}
