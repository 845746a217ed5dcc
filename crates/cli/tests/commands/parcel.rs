//! Parcels between two parties, by the program: made, shown, opened, and refused with nothing
//! written.

use crate::common;

use std::fs;
use std::io::Write;
use std::process::{Output, Stdio};

use common::{Place, text};

/// Two parties, and a file of one of them.
fn place() -> Place {
    let place = Place::default();
    for name in ["wages", "linking", "thief"] {
        place.ok(&format!("party new {name} --name {name} --no-passphrase"));
    }
    fs::write(place.path("data.csv"), "index,amount\n1,20\n2,30\n").unwrap();
    place
}

const MAKE: &str = "parcel make data.csv --to linking/card.json --as wages --out data.csv.age";
const OPEN: &str = "parcel open data.csv.age --as linking --out arrived --from wages/card.json";

#[test]
fn a_parcel_brings_the_file_and_its_report() {
    let place = place();
    fs::write(place.path("data.csv.report.json"), "{\"rows\":2}\n").unwrap();
    place.ok(MAKE);
    let without = shown(&place, "");
    assert!(without.contains("an X-Wing key") && !without.contains("wages`"), "{without}");
    let shown = shown(&place, "--as linking");
    assert!(shown.contains("from `wages`") && shown.contains("claims"), "{shown}");
    place.ok(OPEN);
    for (file, from) in
        [("arrived/data.csv", "data.csv"), ("arrived/data.csv.report.json", "data.csv.report.json")]
    {
        assert_eq!(fs::read(place.path(file)).unwrap(), fs::read(place.path(from)).unwrap());
    }
    // Once: by its number, and by the name.
    place.refused(OPEN, "parcel-replayed", &[]);
    fs::remove_dir_all(place.path("arrived")).unwrap();
    place.refused(OPEN, "parcel-replayed", &["ask its sender"]);
    assert!(!place.path("arrived").exists());
}

#[test]
fn what_is_refused_leaves_nothing() {
    let place = place();
    place.ok(MAKE);
    let nothing = |command: &str, expected: &str| place.refused(command, expected, &[]);
    nothing(&OPEN.replace("--as linking", "--as thief"), "parcel-receiver");
    nothing(&OPEN.replace("--from wages", "--from thief"), "parcel-sender");
    nothing("parcel show data.csv.age --as thief", "parcel-receiver");
    nothing("parcel show data.csv", "parcel-form");
    nothing(&OPEN.replace("data.csv.age", "data.csv"), "parcel-form");
    nothing(&OPEN.replace("--from wages/card.json", "--from data.csv"), "file-form");
    nothing(&MAKE.replace("linking/card.json", "data.csv"), "file-form");
    nothing(MAKE, "output-exists");

    let parcel = fs::read(place.path("data.csv.age")).unwrap();
    let mut altered = parcel.clone();
    altered[3000] ^= 1;
    fs::write(place.path("data.csv.age"), altered).unwrap();
    // The file is short: its one chunk is the last.
    nothing(OPEN, "parcel-cut");
    fs::write(place.path("data.csv.age"), &parcel[..parcel.len() - 1]).unwrap();
    nothing(OPEN, "parcel-cut");
    assert!(!place.path("arrived").exists(), "a folder that it made goes again");
    fs::write(place.path("data.csv.age"), &parcel).unwrap();
    place.ok(OPEN);
    // A name that is taken.
    let again = MAKE.replace("data.csv.age", "again/data.csv.age");
    fs::create_dir(place.path("again")).unwrap();
    place.ok(&again);
    nothing(&OPEN.replace("data.csv.age", "again/data.csv.age"), "output-exists");

    fs::write(place.path("data.csv.manifest.json"), "{}\n").unwrap();
    nothing(&MAKE.replace("data.csv.age", "request.csv.age"), "parcel-request");
}

/// What it shows of the parcel.
fn shown(place: &Place, more: &str) -> String {
    let output = place.run(&format!("parcel show data.csv.age {more}"));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Runs it with this answer on standard input.
fn answered(place: &Place, command: &str, answer: &str) -> Output {
    let mut command = place.command(command);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may have ended without having asked.
    let _ = child.stdin.take().unwrap().write_all(answer.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn who_sent_it_is_asked_where_no_card_says_it() {
    let place = place();
    place.ok(MAKE);
    let open = OPEN.split(" --from").next().unwrap();
    let refused = answered(&place, open, "no\n");
    let said = text(&refused.stderr);
    assert!(said.contains("error[parcel-sender]"), "{said}");
    let words = shown(&place, "--as linking");
    let words = words.split("from `wages` (").nth(1).unwrap().split(')').next().unwrap();
    assert!(said.contains(words), "{said}");
    assert_eq!(answered(&place, open, "").status.code(), Some(1));
    assert!(!place.path("arrived/data.csv").exists());
    assert_eq!(answered(&place, open, "yes\n").status.code(), Some(0));
    assert!(place.path("arrived/data.csv").exists());
}

#[test]
fn keys_under_a_passphrase_open_with_it_alone() {
    let place = place();
    place.write_private("right", "violet harbour fourteen kettles\n");
    place.write_private("wrong", "violet harbour fifteen kettles\n");
    place.ok("party new office --name office --passphrase-file right");
    place.ok(&MAKE.replace("linking/card.json", "office/card.json"));
    let open = OPEN.replace("--as linking", "--as office --passphrase-file wrong");
    place.refused(&open, "passphrase-wrong", &[]);
    place.ok(&open.replace("wrong", "right"));
    place.refused("party new office --name office --no-passphrase", "output-exists", &[]);
    place.write_private("weak.pass", "password1234\n");
    place.refused("party new weak --name weak --passphrase-file weak.pass", "passphrase-weak", &[]);
}
