//! A coded file is compared with its renewal where both lie; an auditor reads what was found.

use crate::common;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use common::{Place, csv, identifiers, text};
use parquet::arrow::ArrowWriter;
use serde_json::Value;

const COMPARE: &str = "auditor compare data-1.csv data-2.csv --as authority --out found.json";
const VERIFY: &str = "auditor verify home/ledger.jsonl --service home/card.json";

/// A file of generation 1 and its renewal, with people who stand twice and rows without a code, and
/// a witness.
fn office() -> Place {
    let place = Place::open();
    place.ok("auditor witness new authority --name authority --no-passphrase");
    let mut people = identifiers(40);
    people.extend(identifiers(7));
    people.extend([String::new(), String::new()]);
    place.write("data.csv", csv(&people));
    place.coded("data", "nir", "population", 1);
    place.quorum("service new-key home population --reason scheduled");
    place.renewed("data", 1, "population", 2);
    place
}

/// Compares, and gives the exit status and the summary.
fn compared(place: &Place, old: &str, new: &str, out: &str) -> (Option<i32>, Value) {
    let command = format!("auditor compare {old} {new} --as authority --out {out} --json");
    let output = place.run(&command);
    let summary = serde_json::from_slice(&output.stdout);
    (output.status.code(), summary.unwrap_or_else(|_| panic!("{}", text(&output.stderr))))
}

/// The checks that fail.
fn failing(summary: &Value) -> Vec<String> {
    let checks = summary["checks"].as_object().unwrap();
    checks.iter().filter(|(_, holds)| **holds == false).map(|(check, _)| check.clone()).collect()
}

/// A changed copy of a file, without its report: each line below the header, by its number.
fn changed(place: &Place, from: &str, to: &str, change: impl Fn(usize, &str) -> Option<String>) {
    let lines = place.read(from);
    let mut lines = lines.lines();
    let mut text = format!("{}\n", lines.next().unwrap());
    for (row, line) in lines.enumerate() {
        text.extend(change(row, line).map(|line| line + "\n"));
    }
    place.write(to, text);
}

/// The findings about witnesses: code and whether they hold.
fn audited(place: &Place, witnesses: &str) -> (Option<i32>, Vec<(String, bool)>, Value) {
    let output = place.run(&format!("{VERIFY} --witness {witnesses} --json"));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = summary["findings"].as_array().unwrap().iter();
    let of_witnesses = findings
        .filter(|finding| finding["check"] == "witness")
        .map(|finding| (finding["code"].as_str().unwrap().to_owned(), finding["holds"] == true));
    let found = of_witnesses.collect();
    (output.status.code(), found, summary)
}

fn one(code: &str, holds: bool) -> Vec<(String, bool)> {
    vec![(code.to_owned(), holds)]
}

#[test]
fn a_renewal_is_compared_and_an_auditor_finds_it_in_the_ledger() {
    let place = office();
    let output = place.run(COMPARE);
    let (shown, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}");
    for line in [
        "holds  Both have 49 rows, with 47 codes.",
        "holds  Both have 40 different codes.",
        "holds  All codes of the old file are of generation 1, all of the new one of generation 2.",
        "holds  No code stands in both.",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    assert!(
        said.contains("the new file is the renewal of the old one") && !shown.contains("FAILS")
    );
    let written = place.read("found.json");
    let statement: Value = serde_json::from_str(&written).unwrap();
    let body = &statement["body"];
    assert_eq!((&body["old"]["generations"][0], &body["new"]["rows"]), (&1.into(), &49.into()));
    assert_eq!(body["domain"], "population");
    assert!(body["new"]["reported"]["delivery"]["run"].is_string());
    // Nothing of a code, as text or as bytes, and nothing of a person.
    for file in ["data-1.csv", "data-2.csv"] {
        for code in place.codes(file).keys() {
            let bytes = code.rsplit('.').next().unwrap();
            assert!(bytes.len() == 52, "{code}");
            for shown in [&written, &shown, &said] {
                assert!(!shown.contains(&bytes[..8]), "{file}");
            }
        }
    }
    assert!(identifiers(40).iter().all(|person| !written.contains(&person[..13])));
    place.refused(COMPARE, "output-exists", &["found.json"]);

    // Whoever signed it is known by a key that is given, or by the ledger; else it is said.
    let (code, found, _) = audited(&place, "found.json");
    assert_eq!((code, found), (Some(0), one("comparison-signer-unknown", true)));
    let (code, found, _) = audited(&place, "authority/witness.pub found.json");
    let silent = ("witness-silent".to_owned(), true);
    assert_eq!((code, found), (Some(0), [one("holds", true), vec![silent.clone()]].concat()));
    // Somebody else's key in the same name does not make the signer known.
    place.ok("auditor witness new second --name authority --no-passphrase");
    let (code, found, _) = audited(&place, "second/witness.pub found.json");
    let unknown = one("comparison-signer-unknown", true);
    assert_eq!((code, found), (Some(0), [unknown, vec![silent]].concat()));
    let shown = text(&place.run(&format!("{VERIFY} --witness found.json")).stdout);
    for words in ["somebody unknown", "49 rows with 40 different codes", "the ledger does not show"]
    {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
    place.ok("party new insee --name insee --no-passphrase");
    place.quorum("service party home insee/card.json --role controller --domain population");
    place.ok(&COMPARE.replace("authority", "insee").replace("found", "registered"));
    let (code, found, _) = audited(&place, "registered.json");
    assert_eq!((code, found), (Some(0), one("holds", true)));
}

#[test]
fn what_is_no_whole_renewal_is_found_and_stated() {
    let place = office();
    let codes = |file: &str| -> Vec<String> {
        place.rows(file).into_iter().map(|row| row[0].clone()).collect()
    };
    let (old, new) = (codes("data-1.csv"), codes("data-2.csv"));
    let put = |code: &str, line: &str| Some(format!("{code},{}", line.split_once(',').unwrap().1));
    let short = |row: usize, line: &str| (row != 13).then(|| line.to_owned());
    let unrenewed =
        |row: usize, line: &str| if row == 3 { put(&old[3], line) } else { put(&new[row], line) };
    // Two people become one; a second row of somebody becomes the third of somebody else.
    let joined = |row: usize, line: &str| put(&new[if row == 13 { 10 } else { row }], line);
    let moved = |row: usize, line: &str| put(&new[if row == 45 { 6 } else { row }], line);
    let counted = |row: usize, line: &str| match new[row].is_empty() {
        true => Some(line.to_owned()),
        false => {
            put(&format!("{}{:a>51}a", &new[row][..8], char::from(b'a' + (row % 20) as u8)), line)
        }
    };
    changed(&place, "data-2.csv", "short.csv", short);
    changed(&place, "data-2.csv", "unrenewed.csv", unrenewed);
    changed(&place, "data-2.csv", "joined.csv", joined);
    changed(&place, "data-2.csv", "moved.csv", moved);
    changed(&place, "data-2.csv", "counted.csv", counted);
    let tag = new[0].split('.').nth(1).unwrap();
    changed(&place, "data-2.csv", "tagged.csv", |_, line| Some(line.replace(tag, "aaaa")));
    for (new, checks) in [
        ("short.csv", &["distinct", "multiplicities", "rows"][..]),
        ("unrenewed.csv", &["disjoint", "distinct", "generations", "multiplicities"]),
        ("joined.csv", &["distinct", "multiplicities"]),
        ("moved.csv", &["multiplicities"]),
        ("counted.csv", &["distinct", "multiplicities", "uniform"]),
        ("tagged.csv", &["domain"]),
        ("data-1.csv", &["disjoint", "generations"]),
    ] {
        let out = format!("{new}.json");
        let (code, summary) = compared(&place, "data-1.csv", new, &out);
        assert_eq!((code, &summary["holds"]), (Some(3), &false.into()), "{new}");
        assert_eq!(failing(&summary), checks, "{new}");
        let statement: Value = serde_json::from_str(&place.read(&out)).unwrap();
        assert_eq!(statement["body"]["checks"], summary["checks"]);
    }
    let (code, summary) = compared(&place, "data-2.csv", "data-1.csv", "turned.json");
    assert_eq!((code, failing(&summary)), (Some(3), vec!["generations".to_owned()]));
    // What does not hold is said in both languages, and the auditor must have it accounted for.
    let command = COMPARE.replace("data-2.csv", "short.csv").replace("found", "said");
    let output = place.run(&format!("--lang fr {command}"));
    assert!(
        text(&output.stdout).contains("  ÉCHOUE  L'ancien fichier a 49 lignes"),
        "{}",
        text(&output.stdout)
    );
    let (code, found, summary) = audited(&place, "said.json authority/witness.pub");
    assert_eq!((code, &found[..1]), (Some(3), &one("holds", true)[..]), "{summary}");
    let notices = summary["notices"].as_array().unwrap();
    assert_eq!(notices.last().unwrap()["code"], "comparison-unequal");
}

/// A coded file in the other type: each column as text.
fn as_parquet(place: &Place, from: &str, to: &str) {
    let (text, rows) = (place.read(from), place.rows(from));
    let header = text.lines().next().unwrap().split(',');
    let column = |(number, name): (usize, &str)| {
        let cells: Vec<Option<&str>> =
            rows.iter().map(|row| Some(&*row[number]).filter(|cell| !cell.is_empty())).collect();
        (name.to_owned(), Arc::new(StringArray::from(cells)) as ArrayRef)
    };
    let batch = RecordBatch::try_from_iter(header.enumerate().map(column)).unwrap();
    let file = File::create(place.path(to)).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Files of the other type are compared alike, and one of each.
#[test]
fn parquet_is_compared_as_text_is() {
    let place = office();
    for file in ["data-1", "data-2"] {
        as_parquet(&place, &format!("{file}.csv"), &format!("{file}.parquet"));
        fs::remove_file(place.path(&format!("{file}.csv.report.json"))).unwrap();
    }
    let (code, of_text) = compared(&place, "data-1.csv", "data-2.csv", "text.json");
    assert_eq!((code, &of_text["checks"]["multiplicities"]), (Some(0), &true.into()));
    for (number, [old, new]) in
        [["parquet", "parquet"], ["csv", "parquet"], ["parquet", "csv"]].into_iter().enumerate()
    {
        let (old, new) = (format!("data-1.{old}"), format!("data-2.{new}"));
        let (code, found) = compared(&place, &old, &new, &format!("{number}.json"));
        assert_eq!(code, Some(0));
        for part in ["old", "new", "common", "checks"] {
            assert_eq!(found[part], of_text[part], "{old} {new}: {part}");
        }
    }
    let (code, found) = compared(&place, "data-1.parquet", "data-1.parquet", "same.json");
    assert_eq!((code, failing(&found)), (Some(3), vec!["disjoint".into(), "generations".into()]));
}

#[test]
fn what_cannot_be_compared_is_refused_and_leaves_nothing() {
    let place = office();
    place.write("none.csv", "code,value\n,1\n,2\n");
    place.write("other.csv", "a,b\n1,2\n");
    let with = |new: &str| COMPARE.replace("data-2.csv", new);
    place.refused(&with("none.csv"), "no-codes", &["none.csv"]);
    place.refused(&with("other.csv"), "missing-column", &["other.csv"]);
    place.refused(&with("nowhere.csv"), "file-missing", &["nowhere.csv"]);
    place.refused(&COMPARE.replace("authority", "alice"), "party-damaged", &["alice"]);
    place.refused(&COMPARE.replace("found.json", "nowhere/found.json"), "file-missing", &[]);
    let tag = place.rows("data-2.csv")[0][0].split('.').nth(1).unwrap().to_owned();
    changed(&place, "data-2.csv", "mixed.csv", |row, line| {
        Some(if row == 9 { line.replace(&tag, "aaaa") } else { line.to_owned() })
    });
    place.refused(&with("mixed.csv"), "other-codes", &["row 10"]);
    // A report that is of another file.
    fs::copy(place.path("data-1.csv.report.json"), place.path("copy.csv.report.json")).unwrap();
    fs::copy(place.path("data-2.csv"), place.path("copy.csv")).unwrap();
    place.refused(&with("copy.csv"), "report-stale", &["copy.csv"]);
    place.write_private("pass", "a passphrase of eight words for the authority\n");
    place.ok("auditor witness new second --name second --passphrase-file pass");
    place.write_private("wrong", "another passphrase of eight words for nobody\n");
    let command = format!("{} --passphrase-file wrong", COMPARE.replace("authority", "second"));
    place.refused(&command, "passphrase-wrong", &[]);
}

/// Nearly no memory: all of it lies on disk for a while, encrypted; and one person fills a part.
#[test]
fn memory_changes_nothing_of_what_is_found() {
    let place = Place::open();
    place.ok("auditor witness new authority --name authority --no-passphrase");
    let code = |generation: u32, person: u64| {
        // As far apart as hashes are.
        let mut state = person * 2 + u64::from(generation);
        let mut next = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            b"abcdefghijklmnopqrstuvwxyz234567"[(mixed >> 59) as usize] as char
        };
        // Of the last character only the first bit is of the code.
        let mut text: String = (0..51).map(|_| next()).collect();
        text.push(if matches!(next(), 'a'..='p') { 'a' } else { 'q' });
        format!("c{generation}.test.{text}\n")
    };
    let often = |row: u64| if row < 1_000_000 { 0 } else { row };
    for generation in [1, 2] {
        let mut text = "code\n".to_owned();
        (0..1_100_000).for_each(|row| text.push_str(&code(generation, often(row) * 2)));
        place.write(&format!("data-{generation}.csv"), text);
    }
    let mut seen = BTreeSet::new();
    for memory in ["16MiB", "1GiB"] {
        let command = COMPARE.replace("found", memory);
        let output = place.run(&format!("{command} --memory {memory} --json"));
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{summary:#}");
        for (name, count) in [("rows", 1_100_000), ("coded", 1_100_000), ("distinct", 100_001)] {
            assert_eq!(summary["old"][name], count, "{memory}");
        }
        let chi = [&summary["old"], &summary["new"]].map(|file| file["chi_squared"].to_string());
        seen.insert(chi);
        assert_eq!(place.temporaries(), Vec::<String>::new());
    }
    assert_eq!(seen.len(), 1, "{seen:?}");
    // One row that stands for another among a million is found.
    let lines = place.read("data-2.csv");
    let at = lines.len() - 61;
    place.write("data-2.csv", format!("{}{}", &lines[..at], code(2, 0)));
    let (exit, summary) = compared(&place, "data-1.csv", "data-2.csv", "wrong.json");
    assert_eq!(exit, Some(3));
    assert_eq!(failing(&summary), ["distinct", "multiplicities"]);
}

/// A ledger that says otherwise, and a statement that was changed, are failed checks.
#[test]
fn a_statement_that_contradicts_the_ledger_fails() {
    let place = office();
    place.ok(COMPARE);
    let failed = |witness: &str, code: &str| {
        let (exit, found, summary) = audited(&place, witness);
        assert_eq!((exit, found), (Some(1), one(code, false)), "{witness}: {summary}");
    };
    // Changed after it was signed, as a number and as a verdict; or by whom it is.
    let statement = place.read("found.json");
    place.ok("party new other --name other --no-passphrase");
    let card = place.read("other/card.json");
    let mut resigned: Value = serde_json::from_str(&statement).unwrap();
    resigned["body"]["by"] = serde_json::from_str(&card).unwrap();
    for changed in [
        statement.replacen("\"rows\":49", "\"rows\":48", 1),
        statement.replacen("\"disjoint\":true", "\"disjoint\":false", 1),
        resigned.to_string(),
    ] {
        assert_ne!(changed, statement);
        place.write("changed.json", changed);
        failed("changed.json", "witness-form");
    }
    // Reports that name what the ledger does not have so.
    let report = place.read("data-2.csv.report.json");
    let mut told: Value = serde_json::from_str(&report).unwrap();
    for (at, (name, wrong)) in [
        ("rows_in", Value::from(50)),
        ("request", Value::from("0".repeat(64))),
        ("delivery", serde_json::json!({"run": "0".repeat(32), "part": 1})),
    ]
    .into_iter()
    .enumerate()
    {
        let kept = told[name].clone();
        told[name] = wrong;
        place.write("data-2.csv.report.json", told.to_string());
        let out = format!("{at}.json");
        place.ok(&COMPARE.replace("found.json", &out));
        failed(&out, "comparison-delivery");
        told[name] = kept;
    }
    place.write("data-2.csv.report.json", report);

    // The same people in another file, which the renewal is not of: the codes alone do not show it.
    place.write("twin.csv", place.read("data.csv"));
    let mut people = identifiers(40);
    people.extend(identifiers(7));
    place.write("twin.csv", csv(&people));
    place.coded("twin", "nir", "population", 2);
    place.quorum("service new-key home population --reason scheduled");
    place.renewed("data", 2, "population", 3);
    place.renewed("twin", 2, "population", 3);
    let (_, summary) = compared(&place, "data-2.csv", "twin-3.csv", "mixed.json");
    assert_eq!(failing(&summary), ["rows"], "two rows without a code");
    failed("mixed.json", "comparison-renewal");
    let (code, _) = compared(&place, "twin-2.csv", "twin-3.csv", "right.json");
    assert_eq!(code, Some(0));
    let (code, found, _) = audited(&place, "right.json");
    assert_eq!((code, found), (Some(0), one("comparison-signer-unknown", true)));

    // Of another service.
    let other = office();
    other.ok(COMPARE);
    place.write("elsewhere.json", other.read("found.json"));
    failed("elsewhere.json", "witness-other-service");
    for file in ["data-1.csv", "data-2.csv"] {
        fs::remove_file(other.path(&format!("{file}.report.json"))).unwrap();
    }
    let said = other.ok(&COMPARE.replace("found", "unnamed"));
    assert!(said.contains("put the reports back"), "{said}");
    place.write("unnamed.json", other.read("unnamed.json"));
    failed("unnamed.json", "comparison-domain");
}
