//! Requests that another program wrote, in one file or in parts, as the operator and the custodians
//! see them.

use crate::common;

use std::collections::BTreeMap;
use std::fs;

use common::{Place, csv, identifiers, text};

/// Rows of a request: an index, and an identifier.
fn rows() -> Vec<(String, String)> {
    let index = |at: usize| format!("{:08x}{:024x}", 0x0100_0000 * at + 77, at);
    identifiers(40).into_iter().enumerate().map(|(at, one)| (index(at), one)).collect()
}

fn request(rows: &[(String, String)]) -> String {
    let rows = rows.iter().map(|(index, identifier)| format!("{index},{identifier}\n"));
    format!("index,identifier\n{}", rows.collect::<String>())
}

const MANIFEST: &str = "controller manifest request --service home/card.json --domain population";

/// A folder of parts, with what an engine leaves beside them.
fn in_parts(place: &Place) -> Vec<(String, String)> {
    let rows = rows();
    fs::create_dir(place.path("request")).unwrap();
    for (at, part) in rows.chunks(15).enumerate() {
        place.write(&format!("request/part-{:05}.csv", 9 - at), request(part));
    }
    place.write("request/_SUCCESS", "");
    place.write("request/.part-00009.csv.crc", "sums");
    rows
}

#[test]
fn a_request_in_parts_is_coded_and_all_of_it_destroyed() {
    let place = Place::open();
    let rows = in_parts(&place);
    let said = place.ok(MANIFEST);
    assert!(said.contains("40 rows with 40 values, 40 of them distinct"), "{said}");
    assert!(said.contains("written by another program (engine: other)"), "{said}");
    let words = said.lines().find(|line| line.starts_with("the words of this request: ")).unwrap();
    let words = words["the words of this request: ".len()..].split(':').next().unwrap();
    place.refused(MANIFEST, "output-exists", &["request.manifest.json"]);

    let code = "service code home population --request request --result result.csv --purpose test";
    let said = place.quorum(code);
    // The custodians are shown who wrote it, and the same words.
    assert!(said.contains("(engine: other)") && said.contains(words), "{said}");
    assert!(said.contains("destroyed .part-00009.csv.crc"), "{said}");
    assert!(!place.exists("request") && !place.exists("request.manifest.json"));
    let ledger = place.read("home/ledger.jsonl");
    assert!(ledger.contains("\"engine\":\"other\""));

    // The program joins by the index.
    let result = place.read("result.csv");
    let codes: BTreeMap<&str, &str> = result
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<_> = line.split(',').collect();
            (cells[0], cells[1])
        })
        .collect();
    assert_eq!(codes.len(), 40);
    place.write("data.csv", csv(&identifiers(40)));
    place.coded("data", "nir", "population", 1);
    let own = place.read("data-1.csv");
    let own: Vec<_> = own.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    let joined: Vec<_> = rows.iter().map(|(index, _)| codes[&**index]).collect();
    assert_eq!(joined, own);
    let verified = place.ok("auditor verify home/ledger.jsonl --service home/card.json");
    assert!(!verified.contains("warning"), "{verified}");
}

#[test]
fn parts_that_were_changed_since_are_refused_and_nothing_is_lost() {
    let place = Place::open();
    in_parts(&place);
    place.ok(MANIFEST);
    let code = "service code home population --request request --result result.csv --purpose test";
    let part = place.read("request/part-00008.csv");
    let other = part.replacen(&rows()[15].1, &rows()[16].1, 1);
    place.write("request/part-00008.csv", &other);
    place.refused_quorum(code, "commitment", &["request"]);
    assert!(place.exists("request/part-00008.csv") && place.exists("request.manifest.json"));
    place.write("request/part-00008.csv", &part);
    place.quorum(code);

    // Kept, where that is asked for.
    let place = Place::open();
    in_parts(&place);
    place.ok(MANIFEST);
    place.quorum(&format!("{code} --keep-request"));
    assert_eq!(fs::read_dir(place.path("request")).unwrap().count(), 5);
}

#[test]
fn no_value_is_in_what_is_refused() {
    let place = Place::open();
    let mut rows = rows();
    let wrong = format!("{} ", &rows[7].1);
    rows[7].1 = wrong.clone();
    place.write("request.csv", request(&rows));
    let manifest = MANIFEST.replace("manifest request", "manifest request.csv");
    let words = ["row 8", "not-compact", "have the program that wrote the request"];
    let line = place.refused(&manifest, "identifier-form", &words);
    assert!(!line.contains(wrong.trim()), "{line}");
    let output = place.run(&format!("{manifest} --json"));
    assert!(!text(&output.stdout).contains(wrong.trim()));
    place.write("empty.csv", "");
    place.refused(
        "controller manifest empty.csv --service home/card.json --domain population",
        "empty-file",
        &[],
    );
}
