//! A research project in a place, up to what its linking body is sent.

#![allow(dead_code, unreachable_pub)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::common::{Place, files, in_years, text};

/// The program of the linking body, which the workspace builds beside the other one.
pub fn program() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_cstatns")).with_file_name("cstatns-link");
    assert!(program.exists(), "build the whole workspace: cargo test --workspace");
    program
}

pub fn link(place: &Place, command: &str) -> Output {
    let mut program = Command::new(program());
    program.current_dir(place.directory.path()).env("LC_ALL", "C");
    program.args(command.split_whitespace()).output().unwrap()
}

/// A command of the linking body that must do what it says; returns what it said.
pub fn linked(place: &Place, command: &str) -> String {
    let output = link(place, command);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{command}\n{said}");
    said + &text(&output.stdout)
}

pub fn summary(place: &Place, command: &str) -> Value {
    let output = link(place, &format!("{command} --json"));
    assert_eq!(output.status.code(), Some(0), "{command}\n{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// One that must be refused with this code, and leaves nothing but what the body's own folder has.
pub fn refused(place: &Place, command: &str, code: &str, words: &[&str]) -> String {
    let before = files(place.directory.path());
    let output = link(place, command);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{command}\n{said}");
    let line = said.lines().last().unwrap_or_default().to_owned();
    assert!(line.starts_with(&format!("error[{code}]: ")), "{command}\n{said}");
    words.iter().for_each(|word| assert!(line.contains(word), "{word}\n{line}"));
    let own = |path: &&PathBuf| {
        !["lock", "ledger.jsonl", "checkpoint"].iter().any(|name| path.ends_with(name))
    };
    let after = files(place.directory.path());
    let new: Vec<_> = after.keys().filter(|path| !before.contains_key(*path)).filter(own).collect();
    assert!(new.is_empty(), "{command}: left {new:?}");
    let gone: Vec<_> = before.keys().filter(|path| !after.contains_key(*path)).collect();
    assert!(gone.is_empty(), "{command}: took {gone:?}");
    line
}

/// A service with a project of two controllers, a linking body and a researcher.
pub fn project() -> Place {
    let place = Place::founded();
    let ends = in_years(2);
    place.quorum(&format!("service open home mobility --kind research --ends {ends}"));
    for (name, role) in [
        ("insee", "controller"),
        ("atih", "controller"),
        ("cesr", "linking"),
        ("lab", "researcher"),
    ] {
        place.ok(&format!("party new {name} --name {name} --no-passphrase"));
        place.quorum(&format!(
            "service party home {name}/card.json --role {role} --domain mobility"
        ));
    }
    place
}

/// Makes request and payload of a file, for a project.
pub fn prepared(place: &Place, file: &str, controller: &str, domain: &str) {
    place
        .ok(&format!("service request-key home {domain} --for {controller} --out {file}.key.json"));
    place.ok(&format!(
        "controller prepare {file}.csv --identifier-column nir --as {controller} --request-key \
        {file}.key.json --service home/card.json --ledger home/ledger.jsonl --domain {domain} \
        --request {file}.req.csv.age --payload {file}.pay.csv.age --payload-to cesr/card.json"
    ));
    let _ = fs::remove_file(place.path(&format!("{file}.key.json")));
}

/// Codes it, to the linking body.
pub fn coded(place: &Place, file: &str, domain: &str) {
    // A place is taken until its delivery is recorded.
    let sent = (0..).map(|number| format!("{file}.sent-{number}.csv.age"));
    let sent = sent.into_iter().find(|sent| !place.exists(sent)).unwrap();
    place.quorum(&format!(
        "service code home {domain} --request {file}.req.csv.age --result {sent} --purpose study --to \
        cesr"
    ));
    // A result is handed over as a copy.
    let got = format!("{file}.res.csv.age");
    fs::copy(place.path(&sent), place.path(&got)).unwrap();
}

/// The command that puts the codes of a file to its payload.
pub fn attach(file: &str) -> String {
    format!(
        "attach --as cesr --service home/card.json --payload {file}.pay.csv.age --result \
        {file}.res.csv.age --out {file}.coded.csv"
    )
}
