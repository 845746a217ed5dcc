//! What a controller and a thief see of a result: nothing that was not verified, and nothing that
//! was exchanged.

use crate::common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::Place;
use serde_json::Value;

/// So many identifiers of people who do not exist.
fn people(count: usize) -> String {
    let person = |number: usize| {
        let body = 2_000_075_000_000_u64 + number as u64 % 1000 + (number as u64 / 1000) * 1000;
        let year = 10_000_000_000 * (number as u64 / 1_000_000 % 100);
        let body = body + year + 100_000_000 * (1 + number as u64 % 12);
        format!("{body}{:02}", 97 - body % 97)
    };
    let mut text = "nir\n".to_owned();
    (0..count).for_each(|number| text.push_str(&format!("{}\n", person(number))));
    text
}

fn prepared(place: &Place, file: &str) {
    place.ok(&format!(
        "controller prepare {file}.csv --identifier-column nir --service home/card.json --domain \
        population --request {file}.request.csv --retained {file}.retained.csv"
    ));
}

fn coded(place: &Place, file: &str) {
    prepared(place, file);
    place.quorum(&format!(
        "service code home population --request {file}.request.csv --result {file}.result.csv \
        --purpose test"
    ));
}

fn attach(file: &str) -> String {
    format!(
        "controller attach --retained {file}.retained.csv --result {file}.result.csv --out \
        {file}.attached.csv"
    )
}

#[test]
fn exchanged_codes_are_refused() {
    let place = Place::open();
    place.write("a.csv", people(30));
    coded(&place, "a");
    let whole = place.read("a.result.csv");
    let mut lines: Vec<Vec<String>> =
        whole.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect();
    let first = lines[1][1].clone();
    lines[1][1] = std::mem::replace(&mut lines[2][1], first);
    let exchanged: Vec<String> = lines.iter().map(|line| line.join(",")).collect();
    fs::set_permissions(place.path("a.result.csv"), fs::Permissions::from_mode(0o600)).unwrap();
    place.write("a.result.csv", exchanged.join("\n") + "\n");
    place.refused(&attach("a"), "result-changed", &["a.result.csv"]);
    place.write("a.result.csv", whole);
    place.ok(&attach("a"));
}

#[test]
fn a_report_that_the_service_did_not_sign_is_refused() {
    let place = Place::open();
    place.write("a.csv", people(30));
    coded(&place, "a");
    let path = "a.result.csv.report.json";
    let genuine = place.read(path);
    let report = || serde_json::from_str::<Value>(&genuine).unwrap();
    assert_eq!(report()["body"]["use"], "code");
    assert_eq!(report()["body"]["recipient"], Value::Null);

    let mut changed = report();
    changed["body"]["quality"]["valid"] = 29.into();
    place.write(path, changed.to_string());
    place.refused(&attach("a"), "report-signature", &[path]);

    // An unsigned one, as it was before.
    place.write(path, report()["body"].to_string());
    place.refused(&attach("a"), "report-form", &[path]);

    // That of another service, which has the same name.
    let other = Place::open();
    other.write("a.csv", people(30));
    coded(&other, "a");
    let mut forged = serde_json::from_str::<Value>(&other.read(path)).unwrap();
    forged["body"]["service"] = report()["body"]["service"].clone();
    forged["body"]["request"] = report()["body"]["request"].clone();
    place.write(path, forged.to_string());
    place.refused(&attach("a"), "report-signature", &[path]);

    // That of another delivery of this service.
    place.write("b.csv", people(30));
    coded(&place, "b");
    place.write(path, place.read("b.result.csv.report.json"));
    place.refused(&attach("a"), "result-request", &["a.result.csv"]);

    place.write(path, genuine);
    place.ok(&attach("a"));
}

/// The report is made again after a stop, and signed again.
#[test]
fn a_report_that_was_lost_is_signed_again() {
    let place = Place::open();
    place.write("a.csv", people(30));
    coded(&place, "a");
    let path = "a.result.csv.report.json";
    let genuine: Value = serde_json::from_str(&place.read(path)).unwrap();
    fs::remove_file(place.path(path)).unwrap();
    place.ok("service expire home");
    let again: Value = serde_json::from_str(&place.read(path)).unwrap();
    for member in ["result", "request", "checkpoint", "quality", "coded", "end", "check"] {
        assert_eq!(genuine["body"][member], again["body"][member], "{member}");
    }
    place.ok(&attach("a"));
}

/// The same where the file system has no files without names: two passes give the same rows.
#[test]
fn two_passes_give_the_rows_of_one() {
    let place = Place::open();
    for file in ["a", "b"] {
        place.write(&format!("{file}.csv"), people(20_000));
    }
    coded(&place, "a");
    prepared(&place, "b");
    let command = place.with_kits(
        "service code home population --request b.request.csv --result b.result.csv --purpose test",
    );
    let output = place.command(&command).env("CSTATNS_TEST_ALL_NAMED", "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for file in ["a", "b"] {
        place.ok(&attach(file));
    }
    assert_eq!(place.codes("a.attached.csv"), place.codes("b.attached.csv"));
}

#[test]
fn a_result_is_a_file() {
    let place = Place::open();
    place.write("a.csv", people(30));
    prepared(&place, "a");
    place.refused_quorum(
        "service code home population --request a.request.csv --result - --purpose test",
        "file-type",
        &[],
    );
}
