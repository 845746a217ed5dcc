//! The demonstration: what it shows, what it leaves, and what it must not leave.

use crate::common;
#[allow(dead_code)]
#[path = "../../src/demo/people.rs"]
mod people;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use common::{Place, files, text};
use people::{Numbers, People};

#[test]
fn the_demonstration_tells_and_keeps_its_promises() {
    let place = Place::default();
    let output = place.run("demo stage --rows 400 --seed 3");
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}\n{}", text(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    for part in ["1. The ceremony", "$ cstatns service code", "the truth", "0 files hold one"] {
        assert!(told.contains(part), "{part}");
    }
    place.refused("demo stage", "output-exists", &["stage"]);

    let summary = place.json("demo other --rows 400 --seed 3");
    assert!(summary["people_in_both"].as_u64().unwrap() > 20);
    assert_eq!(summary["files_with_an_identifier"], 0);
    assert_eq!(summary["keys_past_their_end"], 0);
    // The seed makes the data, never the keys: same people, other codes.
    let told_people = format!("finds {} people", summary["people_in_both"]);
    assert!(told.contains(&told_people));
    let (a, b) = (
        place.codes("stage/courses/courses-renewed.csv"),
        place.codes("other/courses/courses-renewed.csv"),
    );
    assert!(a.len() == b.len() && a.keys().all(|code| !b.contains_key(code)));
}

/// With the fewest rows that it takes: the project has its least number of people all the same.
#[test]
fn the_project_gives_rows_to_its_researcher_and_leaves_no_code() {
    let place = Place::default();
    let (rows, seed) = (200, 5);
    let summary = place.json(&format!("demo stage --rows {rows} --seed {seed}"));
    let linked = summary["people_linked"].as_u64().unwrap();
    assert!(linked >= 11, "{summary}");
    assert_eq!(summary["project_codes_shared"], 0);
    assert_eq!(summary["coded_files_left"], 0);
    for events in ["events", "events_witnessed", "events_of_the_linking_body"] {
        assert!(summary[events].as_u64().is_some_and(|events| events > 9), "{events}: {summary}");
    }

    let study = place.read("stage/researcher/data/linked.csv");
    let header: Vec<&str> = study.lines().next().unwrap().split(',').collect();
    assert_eq!(header, ["wages_quality", "wage", "benefits_quality", "benefit"]);
    assert_eq!(study.lines().count() as u64 - 1, linked, "a row for each person in both files");
    let report = place.report("stage/researcher/data/linked.csv");
    assert_eq!(report["people"], linked);

    // Everybody whom the seed makes, as the demonstration made them.
    let people = People::invent(&mut Numbers::new(seed), rows + rows / 20);
    let known: BTreeSet<&[u8]> =
        (0..rows + rows / 20).map(|person| people.identifier(person).as_bytes()).collect();
    assert_eq!(known.len(), rows + rows / 20);
    for body in ["linking", "researcher"] {
        let found = files(&place.path(&format!("stage/{body}")));
        assert!(found.len() >= 5, "{body}: {found:?}");
        for (path, bytes) in found {
            let upper = bytes.to_ascii_uppercase();
            assert!(!upper.windows(13).any(|part| known.contains(part)), "{path:?}");
            assert!(!bytes.windows(3).any(|part| part == b"c1."), "a code is in {path:?}");
        }
    }
    let catalogue = fs::read_dir(place.path("stage/linking/party/catalogue")).unwrap();
    assert_eq!(catalogue.count(), 0, "no copy of a coded file is left");

    let output = place.run(
        "auditor verify stage/service/home/ledger.jsonl stage/linking/party/ledger.jsonl --service \
        stage/service/home/card.json",
    );
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}{}", text(&output.stderr));
    assert!(said.contains("It agrees with the ledger of "), "{said}");
    let ledger = place.read("stage/service/home/ledger.jsonl");
    for verb in ["code", "request-key"] {
        let refused = format!(r#"{{"code":"keys-destroyed","type":"refused","verb":"{verb}"}}"#);
        assert_eq!(ledger.matches(&refused).count(), 1, "{refused}");
    }
}

/// It plays the linking body on a library: what it shows is what the program takes.
#[test]
fn the_linking_body_has_the_commands_that_are_shown() {
    let program = Path::new(env!("CARGO_BIN_EXE_cstatns")).with_file_name("cstatns-link");
    assert!(program.exists(), "build the whole workspace: cargo test --workspace");
    let place = Place::default();
    let output = place.run("demo stage --rows 200");
    let told = text(&output.stdout).replace("\\\n", "");
    let shown: Vec<&str> =
        told.lines().filter_map(|line| line.trim().strip_prefix("$ cstatns-link ")).collect();
    let verbs: Vec<&str> = shown.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(verbs, ["attach", "attach", "join", "release", "end"]);
    for command in shown {
        let mut program = Command::new(&program);
        program.current_dir(place.directory.path()).args(command.split_whitespace());
        let output = program.output().unwrap();
        // What they are about is gone by now: all but `end` are refused.
        let expected = i32::from(!command.starts_with("end "));
        assert_eq!(output.status.code(), Some(expected), "{command}\n{}", text(&output.stderr));
    }
}
