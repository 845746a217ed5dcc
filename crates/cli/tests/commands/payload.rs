//! The research flow's first step, by the program: identifiers go to the service, the rows to the
//! linking body, and nothing is kept; the two meet again by their index.

use crate::common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;

use common::{Place, csv, files, identifiers, pair, text};
use serde_json::Value;

/// A research project with two controllers and a linking body, and a request key of the first.
fn project() -> Place {
    let place = Place::founded();
    place.quorum("service open home project --kind research --ends 2030-12-31");
    for (name, role) in [("insee", "controller"), ("drees", "controller"), ("casd", "linking")] {
        place.ok(&format!("party new {name} --name {name} --no-passphrase"));
        place
            .quorum(&format!("service party home {name}/card.json --role {role} --domain project"));
    }
    place.ok("party new other --name other --no-passphrase");
    place.ok("service request-key home project --for insee --out key.json");
    place
}

/// Prepares `data` so.
fn prepare(data: &str, more: &str) -> String {
    format!(
        "controller prepare {data} --identifier-column nir --as insee --request-key key.json \
        --service home/card.json --domain project --request r.csv.age {more}"
    )
}

const TO_CASD: &str = "--payload p.csv.age --payload-to casd/card.json";
const CODE: &str = "service code home project --request r.csv.age --result s.csv.age --purpose \
    benefits --to casd";
const OPEN_RESULT: &str = "parcel open s.csv.age --as casd --out arrived --from home/card.json";
const OPEN_PAYLOAD: &str = "parcel open p.csv.age --as casd --out arrived --from insee/card.json";

/// The names of the files in the place that hold one of these texts.
fn holding(place: &Place, texts: &[String]) -> Vec<String> {
    let root = place.directory.path();
    let has =
        |bytes: &[u8], text: &String| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    let all = files(root).into_iter();
    let found = all.filter(|(_, bytes)| texts.iter().any(|text| has(bytes, text)));
    found.map(|(path, _)| path.strip_prefix(root).unwrap().display().to_string()).collect()
}

#[test]
fn the_rows_of_the_pair_meet_their_codes_at_the_linking_body() {
    let place = project();
    // Each row with its number, so that rows can be distinguished afterwards.
    let own = fs::read_to_string(pair("hospital.csv")).unwrap();
    let own: Vec<(String, String)> = own
        .lines()
        .skip(1)
        .map(|line| line.split_once(',').unwrap())
        .map(|(nir, diagnosis)| (nir.to_owned(), diagnosis.to_owned()))
        .collect();
    let mut data = "row,nir,diagnosis\n".to_owned();
    for (row, (nir, diagnosis)) in own.iter().enumerate() {
        data.push_str(&format!("row-{},{nir},{diagnosis}\n", row + 1));
    }
    place.write("hospital.csv", data);
    place.ok(&prepare("hospital.csv", TO_CASD));
    place.quorum(CODE);
    place.ok(OPEN_RESULT);
    place.ok(OPEN_PAYLOAD);

    let payload = place.read("arrived/p.csv");
    assert!(payload.starts_with("index,row,diagnosis\n"), "the identifiers are not in it");
    let mut rows = BTreeMap::new();
    for row in place.rows("arrived/p.csv") {
        let [index, number, diagnosis] = &row[..] else { panic!("three columns") };
        let number: usize = number.strip_prefix("row-").unwrap().parse().unwrap();
        assert_eq!(*diagnosis, own[number - 1].1, "row {number}");
        assert!(rows.insert(index.clone(), number).is_none(), "each index once");
    }
    let numbers: BTreeSet<usize> = rows.values().copied().collect();
    assert!(numbers.iter().copied().eq(1..=own.len()), "every row, once");

    // The result has the same indexes, and each person one code.
    let truth = fs::read_to_string(pair("hospital_truth.csv")).unwrap();
    let truth: BTreeMap<usize, &str> = truth
        .lines()
        .skip(1)
        .map(|line| line.split_once(',').unwrap())
        .map(|(row, person)| (row.parse().unwrap(), person))
        .collect();
    let (mut of_person, mut of_code) = (BTreeMap::new(), BTreeMap::new());
    let result = place.rows("arrived/s.csv");
    assert_eq!(result.len(), rows.len());
    for row in &result {
        let (code, person) = (&row[1], truth[&rows[&row[0]]]);
        // A row without an identifier has come too, and has no code.
        assert_eq!(code.is_empty(), person.is_empty());
        if !code.is_empty() {
            assert_eq!(*of_person.entry(person).or_insert(code), code);
            assert_eq!(*of_code.entry(code).or_insert(person), person);
        }
    }
    assert!(result.iter().any(|row| row[1].is_empty()) && of_person.len() > 1000);
    // What the linking body knows of it goes with the result.
    let about: Value = serde_json::from_str(&place.read("arrived/p.csv.payload.json")).unwrap();
    let report = place.report("arrived/s.csv");
    for (of_payload, of_report) in [("commitment", "request"), ("service", "service")] {
        assert_eq!(about[of_payload], report[of_report], "{of_payload}");
    }
    assert_eq!((&about["rows"], &about["domain"]), (&own.len().into(), &"project".into()));
}

#[test]
fn the_data_stays_where_it_is_and_nothing_is_kept() {
    let place = project();
    let people = identifiers(40);
    let mut data = "nir,note\n".to_owned();
    for (row, nir) in people.iter().enumerate() {
        data.push_str(&format!("{nir},cormorant-{row}\n"));
    }
    place.write("data.csv", data);
    let before: BTreeSet<_> = files(place.directory.path()).into_keys().collect();
    place.ok(&prepare("data.csv", TO_CASD));
    let after: BTreeSet<_> = files(place.directory.path()).into_keys().collect();
    let made: Vec<String> = after
        .difference(&before)
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(made, ["p.csv.age", "r.csv.age"]);
    let rows: Vec<String> = (0..40).map(|row| format!("cormorant-{row}")).collect();
    assert_eq!(holding(&place, &people), ["data.csv"]);
    assert_eq!(holding(&place, &rows), ["data.csv"]);
    // The linking body gets rows and never an identifier; the service neither.
    place.quorum(CODE);
    place.ok(OPEN_RESULT);
    place.ok(OPEN_PAYLOAD);
    assert_eq!(holding(&place, &people), ["data.csv"]);
    assert_eq!(holding(&place, &rows), ["arrived/p.csv", "data.csv"]);
    let bare: Vec<String> = people.iter().map(|nir| nir[..13].to_owned()).collect();
    assert_eq!(holding(&place, &bare), ["data.csv"]);
}

#[test]
fn the_summary_says_what_goes_to_whom() {
    let place = project();
    place.write("data.csv", csv(&identifiers(40)));
    let output = place.run(&prepare("data.csv", TO_CASD));
    let (said, slip) = (text(&output.stderr), text(&output.stdout));
    assert_eq!(output.status.code(), Some(0), "{said}");
    for words in [
        "send \"r.csv.age\" to the service, which alone can open it, under a quorum, and \
        \"p.csv.age\" to `casd`; keep only \"data.csv\", and destroy it when you no longer need it",
        "custodians are shown that `insee` signed it; its words are ",
        "the ledger says that `casd` is a linking body of `project`; its card has the words ",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    assert!(!said.contains("retained") && !said.contains("request.json"), "{said}");
    for words in [
        "send the result in a parcel to `casd`.",
        "PAYLOAD\nto        casd\nfile      p.csv.age\nholds     40 rows\n",
        "For the mail to casd:",
    ] {
        assert!(slip.contains(words), "{words}\n{slip}");
    }
    for file in ["r.csv.age", "p.csv.age"] {
        fs::remove_file(place.path(file)).unwrap();
    }
    let summary = place.json(&prepare("data.csv", TO_CASD));
    assert_eq!(summary["payload"], "p.csv.age");
    assert_eq!(summary["payload_to"]["name"], "casd");
    assert_eq!((&summary["rows"], &summary["files"]), (&40.into(), &1.into()));
    for nothing in ["retained", "requested", "manifest"] {
        assert!(summary[nothing].is_null(), "{nothing}");
    }

    // Who opens it: the kind is shown, the words of the request go with the payload.
    let shown = text(&place.run("parcel show p.csv.age --as casd").stdout);
    for words in ["a payload, to be linked (.csv)", "from `insee`", "to `casd`", "`project`"] {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
    place.refused("parcel show p.csv.age --as drees", "parcel-receiver", &[]);
    let said = place.ok(OPEN_PAYLOAD);
    assert!(said.contains("what it says of itself: \"arrived/p.csv.payload.json\""), "{said}");
    // In French too.
    fs::remove_file(place.path("p.csv.age")).unwrap();
    fs::remove_file(place.path("r.csv.age")).unwrap();
    let output = place.run(&format!("--lang fr {}", prepare("data.csv", TO_CASD)));
    let (said, slip) = (text(&output.stderr), text(&output.stdout));
    assert!(said.contains("organisme d'appariement de `project`"), "{said}");
    assert!(slip.contains("DONNÉES À APPARIER"), "{slip}");
}

#[test]
fn packed_text_and_parquet_arrive_as_they_were_named() {
    let place = project();
    place.write("data.csv", csv(&identifiers(40)));
    let unpacked = |name: &str| {
        let (bytes, mut text) = (fs::read(place.path(name)).unwrap(), String::new());
        match name.rsplit('.').next() {
            Some("gz") => {
                flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
            }
            _ => {
                zstd::Decoder::new(&bytes[..]).unwrap().read_to_string(&mut text).unwrap();
            }
        }
        text
    };
    for packing in ["gz", "zst"] {
        let to = TO_CASD.replace("p.csv", &format!("p.csv.{packing}"));
        place.ok(&prepare("data.csv", &to));
        place.ok(&OPEN_PAYLOAD.replace("p.csv.age", &format!("p.csv.{packing}.age")));
        let text = unpacked(&format!("arrived/p.csv.{packing}"));
        assert!(text.starts_with("index,value\n") && text.lines().count() == 41, "{text}");
        fs::remove_file(place.path("r.csv.age")).unwrap();
    }
    // Text that is piped in is text.
    let piped = prepare("- --format csv", TO_CASD);
    let mut command = place.command(&piped);
    let command = command.stdin(fs::File::open(place.path("data.csv")).unwrap());
    assert_eq!(command.output().unwrap().status.code(), Some(0));
    place.ok(OPEN_PAYLOAD);
    assert_eq!(place.rows("arrived/p.csv").len(), 40);
}

#[test]
fn what_does_not_go_together_is_wrong_usage() {
    let place = project();
    place.write("data.csv", csv(&identifiers(40)));
    let both = prepare("data.csv", &format!("{TO_CASD} --retained t.csv"));
    let without_to = prepare("data.csv", "--payload p.csv.age");
    let only_to = prepare("data.csv", "--retained t.csv --payload-to casd/card.json");
    let in_clear = prepare("data.csv", TO_CASD).replace("--as insee --request-key key.json", "");
    let codes = prepare("data.csv", TO_CASD).replace("--identifier-column", "--code-column");
    let ledger = prepare("data.csv", "--retained t.csv --ledger home/ledger.jsonl");
    for command in
        [&both, &prepare("data.csv", ""), &without_to, &only_to, &in_clear, &codes, &ledger]
    {
        let output = place.run(command);
        assert_eq!(output.status.code(), Some(2), "{command}\n{}", text(&output.stderr));
    }
    assert!(!place.exists("r.csv.age") && !place.exists("p.csv.age"));
}

#[test]
fn what_cannot_be_sent_so_is_refused() {
    let place = project();
    place.write("data.csv", csv(&identifiers(40)));
    let two = "nir,second,value\n".to_owned()
        + &identifiers(20).iter().map(|nir| format!("{nir},{nir},1\n")).collect::<String>();
    place.write("two.csv", two);
    let refused = |command: &str, code: &str, words: &[&str]| place.refused(command, code, words);
    let typed = prepare("data.csv", &TO_CASD.replace("p.csv", "p.parquet"));
    refused(&typed, "payload-type", &["p.parquet.age", ".csv.age"]);
    let clear = prepare("data.csv", &TO_CASD.replace("p.csv.age", "p.csv"));
    refused(&clear, "parcel-name", &["p.csv"]);
    let columns = prepare("two.csv", &format!("--identifier-column second {TO_CASD}"));
    refused(&columns, "payload-columns", &["one column"]);
    refused(&prepare("two.csv", TO_CASD), "identity-kept", &["second"]);
    let same = prepare("data.csv", &TO_CASD.replace("p.csv", "r.csv"));
    refused(&same, "same-output", &["r.csv.age"]);

    // Who it is for: a linking body of the project, by the ledger beside the card or another.
    let to = |card: &str| prepare("data.csv", &TO_CASD.replace("casd/card.json", card));
    refused(&to("drees/card.json"), "payload-role", &["`drees`", "`project`", "--payload-to"]);
    refused(&to("insee/card.json"), "payload-role", &["`insee`"]);
    refused(&to("other/card.json"), "unknown-party", &[]);
    refused(&to("data.csv"), "file-form", &["data.csv"]);
    refused(&to("nowhere.json"), "file-missing", &["nowhere.json"]);
    let ledger = |path: &str| format!("{} --ledger {path}", prepare("data.csv", TO_CASD));
    refused(&ledger("nowhere.jsonl"), "file-missing", &["nowhere.jsonl"]);
    place.ok("service publish home published");
    fs::copy(place.path("home/card.json"), place.path("alone.json")).unwrap();
    let alone = |card: &str| to(card).replace("home/card.json", "alone.json");
    refused(
        &format!("{} --ledger published/ledger.jsonl", alone("drees/card.json")),
        "payload-role",
        &["`drees`"],
    );
    // Without a ledger nobody vouches for the card; a party does not send to itself.
    refused(&alone("insee/card.json"), "payload-own", &["linking body"]);
    let said = place.ok(&alone("other/card.json"));
    assert!(said.contains("nobody vouches for the card of `other`: compare its words"), "{said}");
    for taken in ["p.csv.age", "r.csv.age"] {
        refused(&prepare("data.csv", TO_CASD), "output-exists", &[]);
        fs::remove_file(place.path(taken)).unwrap();
    }
    // Its roles end with it.
    place.ok("service party home casd/card.json --end --kit alice");
    refused(&prepare("data.csv", TO_CASD), "party-ended", &[]);
}

#[test]
fn the_same_command_goes_on_after_one_that_was_stopped() {
    let place = project();
    place.write("data.csv", csv(&identifiers(40)));
    let mark = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a";
    for name in ["p.csv.age", "r.csv.age"] {
        place.write(&format!(".{name}.{mark}.cstatns-tmp"), "half a parcel");
    }
    place.ok(&prepare("data.csv", TO_CASD));
    assert!(place.temporaries().is_empty());
    place.refused(&prepare("data.csv", TO_CASD), "output-exists", &["p.csv.age"]);
}
