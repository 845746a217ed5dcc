//! What is missing or of another kind is named for what it is, with what to do about it.

use crate::common;

use std::fs;

use common::{Place, csv, identifiers, text};

const PREPARE: &str =
    "controller prepare data.csv --identifier-column nir --request r.csv --retained t.csv";
const CODE: &str = "service code home population --request r.csv --result s.csv --purpose test";

fn with_data() -> Place {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(20)));
    place
}

#[test]
fn a_home_without_its_checkpoint_is_no_empty_place() {
    let place = Place::open();
    fs::remove_file(place.path("home/checkpoint")).unwrap();
    for verb in ["status", "expire"] {
        let words = ["home", "place of life secrets or a mirror", "copy `checkpoint` back"];
        place.refused(&format!("service {verb} home"), "checkpoint-missing", &words);
    }
    // It is as the advice says.
    fs::copy(place.path("home/life/checkpoint"), place.path("home/checkpoint")).unwrap();
    place.ok("service expire home");
    place.refused("service status shares", "no-service", &["check the path", "service init"]);
}

#[test]
fn keys_that_are_gone_are_said() {
    let place = with_data();
    place.ok(PREPARE);
    fs::rename(place.path("home/keys"), place.path("kept")).unwrap();
    let words = ["home/keys", "mirror", "backup"];
    place.refused("service expire home", "keys-missing", &words);
    place.refused_quorum(CODE, "keys-missing", &words);
    let output = place.run("service status home --check");
    assert_eq!(output.status.code(), Some(3), "a status without keys is not in order");
    assert!(text(&output.stdout).contains("KEYS are not in the home"));
    fs::rename(place.path("kept"), place.path("home/keys")).unwrap();
    place.quorum(CODE);
}

#[test]
fn a_signing_key_that_is_gone_is_said() {
    let place = Place::open();
    fs::remove_file(place.path("home/identity")).unwrap();
    place.refused("service expire home", "identity-lost", &["import-identity", "service rekey"]);
    let output = place.run("service status home --check");
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stdout).contains("SIGNING KEY is not in the home"));
}

#[test]
fn files_of_another_kind_are_named() {
    let place = with_data();
    fs::copy(place.path("data.csv"), place.path("text.parquet")).unwrap();
    let words = ["text.parquet", "not Parquet but text", ".csv"];
    place.refused("controller inspect text.parquet", "not-parquet", &words);
    place.refused(&PREPARE.replace("data.csv", "text.parquet"), "not-parquet", &words);
    place.ok(&PREPARE.replace("r.csv", "r.parquet"));
    fs::copy(place.path("r.parquet"), place.path("binary.csv")).unwrap();
    place.refused("controller inspect binary.csv", "not-csv", &["a Parquet file", "extension"]);
    // What is cut is Parquet all the same, and other bytes are neither.
    let whole = fs::read(place.path("r.parquet")).unwrap();
    place.write("cut.parquet", &whole[..whole.len() / 2]);
    place.refused("controller inspect cut.parquet", "parquet-damaged", &["cut.parquet"]);
    place.write("zeros.parquet", [0; 600]);
    place.refused("controller inspect zeros.parquet", "parquet-damaged", &["zeros.parquet"]);
}

#[test]
fn an_address_is_no_path() {
    let place = with_data();
    let words = ["s3://bucket/a.parquet", "only files of this machine", "copy it here first"];
    place.refused(&PREPARE.replace("data.csv", "s3://bucket/a.parquet"), "file-missing", &words);
    place.refused("controller inspect no/a.csv", "file-missing", &["check the path"]);
}

/// Before a passphrase is typed.
#[test]
fn a_kit_needs_the_folder_that_it_lies_in() {
    let place = Place::default();
    let words = ["usb/alice", "make that directory first"];
    place.refused("custodian new usb/alice/kit --name alice", "file-missing", &words);
    fs::create_dir_all(place.path("usb/alice")).unwrap();
    place.ok("custodian new usb/alice/kit --name alice --no-passphrase");
}

#[test]
fn codes_without_a_report_are_not_in_order() {
    let place = with_data();
    place.coded("data", "nir", "population", 1);
    place.ok("controller check data-1.csv");
    fs::rename(place.path("data-1.csv.report.json"), place.path("kept")).unwrap();
    for what in ["data-1.csv", "."] {
        let output = place.run(&format!("controller check {what}"));
        let (told, said) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(3), "{what}: {said}");
        assert!(told.contains("domain unknown"), "{told}");
        assert!(said.contains("warning: ") && said.contains("data-1.csv.report.json"), "{said}");
    }
    fs::rename(place.path("kept"), place.path("data-1.csv.report.json")).unwrap();
    place.ok("controller check .");
}

#[test]
fn reports_have_times_of_one_precision() {
    let place = with_data();
    place.coded("data", "nir", "population", 1);
    for file in ["data.population.1.result.csv", "data-1.csv"] {
        let report = place.report(file);
        for time in ["begin", "end"] {
            let said = report[time].as_str().unwrap();
            assert_eq!(said.len(), "2026-01-01T00:00:00Z".len(), "{file}: {said}");
        }
    }
}

/// However a path is spelt, the home's note of it leads there from anywhere.
#[test]
fn notes_of_the_home_have_no_path_that_goes_up() {
    let place = with_data();
    fs::create_dir(place.path("out")).unwrap();
    place.ok(PREPARE);
    let run = CODE.replace("s.csv", "out/../out/s.csv").replace("r.csv", "out/../r.csv");
    place.quorum(&run);
    let status = place.json("service status home");
    let noted = status["deliveries"][0]["result"].as_str().unwrap();
    assert_eq!(noted, place.path("out/s.csv").canonicalize().unwrap().to_str().unwrap());
    for (path, bytes) in common::files(&place.path("home/outbox")) {
        assert!(!text(&bytes).contains("/../"), "{path:?}");
    }
    // The same place by another name is taken.
    place.ok(&PREPARE.replace("r.csv", "r2.csv").replace("t.csv", "t2.csv"));
    fs::rename(place.path("out/s.csv"), place.path("away.csv")).unwrap();
    fs::remove_file(place.path("out/s.csv.report.json")).unwrap();
    let again = CODE.replace("s.csv", "out/../out/s.csv").replace("r.csv", "r2.csv");
    place.refused_quorum(&again, "place-taken", &[]);
    // The repeated command says where its result is.
    place.refused_quorum(&run.replace("/s.csv", "/s3.csv"), "request-spent", &["s.csv"]);
}
