//! A command that was stopped is given once more, as a user would.

use crate::common;

use std::fs;
use std::process::Command;

use common::{Place, csv, identifiers, text};
use cstatns::files::FileId;

const PREPARE: &str =
    "controller prepare data.csv --identifier-column nir --request r.csv --retained t.csv";
const MARK: &str = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a";

fn hidden(name: &str) -> String {
    format!(".{name}.{MARK}.cstatns-tmp")
}

/// The names of what is hidden in the place and in its directories.
fn all_hidden(place: &Place) -> Vec<String> {
    let mut found = Vec::new();
    let mut directories = vec![place.path(".")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.starts_with('.') {
                found.push(name);
            }
            if path.is_dir() {
                directories.push(path);
            }
        }
    }
    found
}

#[test]
fn a_kit_is_made_although_another_attempt_left_half_of_it() {
    let place = Place::default();
    fs::create_dir(place.path(&hidden("alice"))).unwrap();
    place.write(&format!("{}/identity", hidden("alice")), "the seeds of a custodian");
    place.ok("custodian new alice --name alice --no-passphrase");
    assert!(all_hidden(&place).is_empty());
    place.refused("custodian new alice --name alice --no-passphrase", "output-exists", &["alice"]);
}

#[test]
fn a_kit_is_swept_by_the_next_command_that_opens_it() {
    let place = Place::founded();
    let left = [hidden("memory"), hidden("share-1"), hidden("receipt-1-held.json")];
    let plant = || left.iter().for_each(|name| place.write(&format!("alice/{name}"), "half"));
    plant();
    place.ok("custodian check alice --ledger home/ledger.jsonl --out alice.json");
    assert!(all_hidden(&place).is_empty());
    plant();
    place.quorum("service open home population --kind statistics");
    assert!(all_hidden(&place).is_empty());
    plant();
    place.ok("service doubt home population --kit alice");
    assert!(all_hidden(&place).is_empty());
}

/// As a stop between the names of retained file and request leaves it.
#[test]
fn a_prepare_that_was_stopped_before_its_request_had_its_name_is_given_once_more() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(20)));
    place.ok(PREPARE);
    let ids = ["r.csv.manifest.json", "t.csv.request.json", "t.csv", "r.csv"]
        .map(|name| FileId::of(&place.path(name)).unwrap());
    let stop = || {
        fs::rename(place.path("r.csv"), place.path(&hidden("r.csv"))).unwrap();
        place.write(&hidden("r.csv.journal"), serde_json::to_vec(&ids).unwrap());
    };
    stop();
    let manifest = place.read("r.csv.manifest.json");
    place.ok(PREPARE);
    assert!(all_hidden(&place).is_empty());
    assert_ne!(place.read("r.csv.manifest.json"), manifest, "another commitment");
    place.quorum("service code home population --request r.csv --result s.csv --purpose test");

    // The same names, but other files.
    let place = Place::default();
    place.write("data.csv", csv(&identifiers(20)));
    place.ok(PREPARE);
    fs::rename(place.path("r.csv"), place.path(&hidden("r.csv"))).unwrap();
    place.write(&hidden("r.csv.journal"), serde_json::to_vec(&ids).unwrap());
    place.refused(PREPARE, "output-exists", &["r.csv.manifest.json"]);
    assert!(place.exists("t.csv") && all_hidden(&place).is_empty(), "no identifier stays hidden");
}

/// A program that runs cannot be written to, by nobody: its destruction fails, and then it does
/// not.
#[test]
fn a_destruction_that_did_not_come_to_its_end_is_finished_by_the_same_command() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(20)));
    place.ok(PREPARE);
    place.quorum("service code home population --request r.csv --result s.csv --purpose test");
    fs::copy("/bin/sleep", place.path("busy")).unwrap();
    let mut running = Command::new(place.path("busy")).arg("600").spawn().unwrap();
    let attach = "controller attach --retained t.csv --result s.csv --out out.csv \
                  --destroy data.csv --destroy busy --destroy t.csv --destroy s.csv";
    let output = place.run(attach);
    running.kill().unwrap();
    running.wait().unwrap();
    let said = text(&output.stderr);
    assert!(said.contains("error[not-destroyed]") && said.contains("busy"), "{said}");
    assert!(place.exists("out.csv") && place.exists("busy"));
    assert!(!place.exists("data.csv") && !place.exists("t.csv") && !place.exists("s.csv"));
    assert!(place.read("out.csv.report.json").contains("unfinished"));

    let output = place.run(attach);
    let said = text(&output.stderr);
    assert!(
        output.status.success() && said.contains("already made by an interrupted run"),
        "{said}"
    );
    assert!(!place.exists("busy") && all_hidden(&place).is_empty());
    let report: serde_json::Value =
        serde_json::from_str(&place.read("out.csv.report.json")).unwrap();
    assert!(report.get("unfinished").is_none());
    let files: Vec<_> =
        report["destroyed"].as_array().unwrap().iter().map(|one| &one["file"]).collect();
    assert_eq!(files, ["data.csv", "busy", "t.csv", "t.csv.request.json", "s.csv"]);
    place.refused(attach, "output-exists", &["out.csv"]);
    place.ok("controller check out.csv");
}
