//! `controller inspect`: counts by reason, where the first stand, what may be meant; never a value.
//! `controller try`: what `prepare` would refuse, and how large its files would be.

use crate::common;

use std::fs::File;
use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray};
use common::{Place, identifiers, text};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

/// The summary of one file, and everything that was said, in which no identifier stands.
fn inspected(place: &Place, arguments: &str, people: &[String]) -> (Value, String) {
    let summary = place.json(&format!("controller inspect {arguments}"));
    let output = place.run(&format!("controller inspect {arguments}"));
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{said}");
    for person in people {
        for piece in [&person[..7], &person[5..13]] {
            assert!(!said.contains(piece) && !summary.to_string().contains(piece), "{said}");
        }
    }
    (summary["files"][0].clone(), said)
}

fn places(count: u64, first: &[u64]) -> Value {
    json!({ "count": count, "first": first })
}

#[test]
fn cells_that_cannot_be_read_are_counted_by_reason_with_their_lines() {
    let place = Place::default();
    let people = identifiers(20);
    let mut lines = String::from("N° Sécu;note;nir_parent\n");
    for (row, nir) in people.iter().enumerate() {
        // Two lines each.
        lines.push_str(&format!("{nir};\"{row}\n\";{}\n", people[19 - row]));
    }
    // From line 42 on.
    let without = &people[0][..13];
    lines.push_str(&format!("{without};;\n\n1,84E+14;;\nNA;;\nNA;;\n=\"{}\";;\n", people[3]));
    lines.push_str(&format!("{}.0;;\n12;;\n;;\nragged;\n{}7;;\n", people[4], &people[5][..14]));
    place.write("data.csv", &lines);
    let (file, said) = inspected(&place, "data.csv", &people);
    assert_eq!((&file["rows"], &file["text"]["delimiter"]), (&json!(29), &json!(";")));
    assert_eq!(file["text"]["ragged"], places(1, &[51]));
    let read = &file["columns"][0]["read"];
    assert_eq!((&read["as"], &read["numbers"]), (&json!("nir"), &json!(2)));
    assert_eq!(read["missing"], json!({ "NA": 2 }));
    assert_eq!(read["most_frequent"], 2);
    let words = &read["words"];
    assert_eq!(words["valid"], places(20, &[2, 4, 6, 8, 10]));
    assert_eq!(words["unkeyed"], places(1, &[42]));
    assert_eq!(words["scientific"], places(1, &[44]));
    assert_eq!(words["wrong-character"], places(4, &[45, 46, 47, 48]));
    assert_eq!(words["wrong-length"], places(1, &[49]));
    assert_eq!(words["absent"], places(1, &[50]));
    assert_eq!(words["wrong-control-key"]["first"], json!([52]));
    // The other column of identifiers is found, and cannot stay.
    let parent = &file["columns"][2];
    assert_eq!((&parent["with_key"], &parent["identity"]), (&json!(20), &json!(true)));
    for words in [
        "wrong-character 4: lines 45, 46, 47, 48",
        "2 cells say NA: --missing NA",
        "2 cells are identifiers as numbers: --numbers",
        "1 identifier (4.8 %) without a control key",
        "the most frequent identifier stands in 2 rows of the 21",
        "rows with more or fewer fields than the header: 1: line 51",
        "cannot stay beside codes",
        "--identifier-column '#1' --identifier-column '#3' --delimiter ';' --numbers --missing \"NA\"",
        "2A or 2B",
    ] {
        assert!(said.contains(words), "{said}\nwithout {words}");
    }
    // Read so, they are identifiers.
    let (file, _) = inspected(&place, "data.csv --numbers --missing NA", &people);
    assert_eq!(file["columns"][0]["read"]["words"]["absent"]["count"], 3);
    assert_eq!(file["columns"][0]["read"]["words"]["valid"]["count"], 22);
    // What `prepare` says of the same column.
    place.write("bad.csv", format!("nir\n{}\n12\n13\nNA\n", people[0]));
    let prepare =
        "controller prepare bad.csv --identifier-column nir --request q.csv --retained t.csv";
    place.refused(
        prepare,
        "wrong-column",
        &["3 of 4", "wrong-character 1, wrong-length 2", "controller inspect", "--missing NA"],
    );
    assert!(!place.exists("q.csv") && !place.exists("t.csv"));
}

#[test]
fn encodings_and_headers_are_found() {
    let place = Place::default();
    let people = identifiers(12);
    let lines: String = people.iter().map(|nir| format!("{nir};caf\u{e9}\r\n")).collect();
    let plain = format!("N° Sécu;note\r\n{lines}");
    place.write("utf16.csv", plain.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
    place.write("wide.csv", plain.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>());
    for (file, encoding) in [("utf16.csv", "utf-16le"), ("wide.csv", "utf-16be")] {
        let (file, said) = inspected(&place, file, &people);
        assert_eq!(file["text"]["encoding"], encoding);
        assert!(said.contains(&format!("--delimiter ';' --encoding {encoding}")), "{said}");
        assert_eq!(file["columns"][0]["read"]["words"]["valid"]["count"], 12);
    }
    let windows: Vec<u8> = plain.chars().map(|c| c as u8).collect();
    place.write("windows.csv", windows);
    let (file, said) = inspected(&place, "windows.csv", &people);
    assert_eq!(file["text"]["not_utf_8"], places(12, &[2, 3, 4, 5, 6]));
    assert_eq!(file["columns"][0]["name"], "N° Sécu");
    assert!(said.contains("--encoding windows-1252"), "{said}");
    let (file, _) = inspected(&place, "windows.csv --encoding windows-1252", &people);
    assert_eq!(file["text"]["not_utf_8"], places(0, &[]));
    // Titles above the names, quoted names, a file without names.
    place.write("titles.csv", format!("Export of May\n\"nir\",\"a\",\"b\"\n{},1,2\n", people[0]));
    let (file, said) = inspected(&place, "titles.csv", &people);
    assert_eq!(file["text"]["wider_line"], 2);
    assert!(said.contains("line 2 has more fields"), "{said}");
    // A delimiter within quotes parts nothing.
    let within: String = people.iter().map(|nir| format!("{nir},\"1,2\"\n")).collect();
    place.write("within.csv", format!("nir,a\n{within}"));
    let (file, said) = inspected(&place, "within.csv", &people);
    assert!(file["text"]["wider_line"].is_null() && !said.contains("more fields"), "{said}");
    let quoted: String = people.iter().map(|nir| format!("\"{nir}\",\"1\"\n")).collect();
    place.write("quoted.csv", format!("\"nir\",\"a;b\"\n{quoted}"));
    let (file, _) = inspected(&place, "quoted.csv", &people);
    assert_eq!(file["columns"].as_array().unwrap().len(), 2);
    place.write("bare.csv", quoted);
    let (file, _) = inspected(&place, "bare.csv", &people);
    assert_eq!(file["columns"][0]["name"], "number 1");
}

/// What is said is what `prepare` does: the folder's settings hold, and what they say need not be
/// typed.
#[test]
fn the_settings_of_the_folder_hold() {
    let place = Place::open();
    let people = identifiers(12);
    let lines: String = people.iter().map(|nir| format!("{nir};n/d\n")).collect();
    // Under a comma the header has more columns.
    place.write("data.csv", format!("nir;a,b,c\n{lines}n/d;n/d\n"));
    let (file, said) = inspected(&place, "data.csv", &people);
    assert_eq!(file["text"]["delimiter"], ",", "{said}");
    place.ok("controller setup . --service home/card.json --domain population --delimiter ; --missing n/d");
    let (file, said) = inspected(&place, "data.csv", &people);
    assert_eq!((&file["text"]["delimiter"], &file["rows"]), (&json!(";"), &json!(13)));
    let words = &file["columns"][0]["read"]["words"];
    assert_eq!((&words["valid"]["count"], &words["absent"]), (&json!(12), &places(1, &[14])));
    let command = said.split_once("may be made with:\n  cstatns ").unwrap().1;
    let command = command.replace("\\\n", " ").replace(['\'', '"'], "");
    assert_eq!(
        command.split_whitespace().collect::<Vec<_>>().join(" "),
        "controller prepare data.csv --identifier-column #1 --request R --retained T"
    );
    // Not `place.ok`, which adds the card and the domain.
    let command = command.replace(" R ", " r.csv ").replace(" T", " t.csv");
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_cstatns"));
    program.current_dir(place.directory.path()).args(command.split_whitespace());
    let prepared = program.output().unwrap();
    assert!(prepared.status.success(), "{}", text(&prepared.stderr));
    assert!(text(&prepared.stderr).contains("absent 1"), "{}", text(&prepared.stderr));
    // The command line wins, and then all of it is said.
    let (file, said) = inspected(&place, "data.csv --missing x --delimiter ;", &people);
    assert_eq!(file["columns"][0]["read"]["words"]["wrong-character"], places(1, &[14]));
    assert!(
        said.contains("--identifier-column '#1' --missing \"x\" \\\n      --request"),
        "{said}"
    );
    // That of a file whose name says its delimiter is not the folder's.
    place.write("data.tsv", format!("nir\ta;b\n{}\t1\n", people[0]));
    let (file, _) = inspected(&place, "data.tsv", &people);
    assert_eq!(file["text"]["delimiter"], "\t");
}

#[test]
fn columns_of_parquet_are_told_by_their_rows() {
    let place = Place::default();
    let people = identifiers(30);
    let texts: ArrayRef =
        Arc::new(StringArray::from_iter(people.iter().enumerate().map(|(row, nir)| match row {
            7 => None,
            8 => Some("x".to_owned()),
            _ => Some(nir.clone()),
        })));
    let numbers = people.iter().map(|nir| nir.parse::<i64>().ok());
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter(numbers));
    let bytes = people.iter().map(String::as_bytes);
    let bytes: ArrayRef = Arc::new(BinaryArray::from_iter_values(bytes));
    let columns = [("nir", texts), ("wage", numbers), ("raw", bytes)];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = File::create(place.path("data.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let (file, said) = inspected(&place, "data.parquet", &people);
    let read = |column: usize| &file["columns"][column]["read"]["words"];
    assert_eq!((&file["rows"], &file["text"]), (&json!(30), &Value::Null));
    assert_eq!(read(0)["absent"], places(1, &[8]));
    assert_eq!(read(0)["wrong-character"], places(1, &[9]));
    assert_eq!(read(2)["valid"]["count"], 30);
    let numbers = people.iter().filter(|nir| nir.parse::<i64>().is_ok()).count();
    assert_eq!(read(1)["valid"]["count"], numbers);
    for words in ["#1 nir, read", "#2 wage, read", "#3 raw, read", "row 9", "cannot stay"] {
        assert!(said.contains(words), "{said}\nwithout {words}");
    }
}

#[test]
fn fields_of_civil_status_are_read_as_they_would_be_sent() {
    let place = Place::default();
    place.write(
        "people.csv",
        "NOM,prenoms,Date de naissance,sexe\nLEFEVRE,RENE,12/05/1984,1\nMOREL,ANNE,8145,2\n,,,\n",
    );
    let (file, _) = inspected(&place, "people.csv", &[]);
    let date = &file["columns"][2]["read"];
    assert_eq!(
        (&date["as"], &date["words"]["unread"]),
        (&json!("date_naissance"), &places(1, &[3]))
    );
    assert_eq!(date["words"]["absent"], places(1, &[4]));
    assert_eq!(file["columns"][3]["read"]["words"]["read"]["count"], 2);
}

#[test]
fn how_often_the_most_frequent_identifier_stands_is_said() {
    let Some(case) = common::case("20") else { return };
    let place = Place::default();
    place.write("data.csv", std::fs::read(case.join("input.csv")).unwrap());
    let (file, _) = inspected(&place, "data.csv", &[]);
    assert_eq!(file["columns"][0]["read"]["most_frequent"], 10);
    let prepare =
        "controller prepare data.csv --identifier-column nir --request q.csv --retained t.csv";
    let output = place.run(prepare);
    let said = text(&output.stderr);
    assert!(said.contains("stands in 10 rows of the 70\n"), "{said}");
    assert!(said.contains("25 identifiers (35.7 %) without a control key"), "{said}");
}

#[test]
fn what_cannot_be_opened_is_refused_by_name() {
    let place = Place::default();
    place.write("empty.csv", "");
    place.write("data.parquet", "PAR1");
    for (file, code) in
        [("none.csv", "file-missing"), ("empty.csv", "empty-file"), ("data.xlsx", "file-type")]
    {
        place.refused(&format!("controller inspect {file}"), code, &[file]);
    }
    place.refused("controller inspect data.parquet", "parquet-damaged", &["data.parquet"]);
    place.write("data.csv", "nir,a\n1,2\n");
    place.refused(
        "controller inspect data.csv --identifier-column other",
        "missing-column",
        &["other"],
    );
}

/// What `prepare` refuses, `try` refuses with the same error; what it takes, `try` takes, and its
/// files are about as large as `try` says.
#[test]
fn data_is_tried_as_it_would_be_prepared() {
    let place = Place::founded();
    let people = identifiers(2_000);
    let coded = "code,quality,a\n";
    let lines = |after: &str| -> String {
        people.iter().map(|nir| format!("{nir},{after}\n")).collect::<String>()
    };
    place.write("good.csv", format!("nir,a\n{}", lines("1")));
    let pairs = people.iter().zip(people.iter().rev()).enumerate();
    let pairs: String = pairs.map(|(row, (a, b))| format!("{a},{b},{row}\n")).collect();
    place.write("several.csv", format!("nir,payer,a\n{pairs}"));
    let dates: String = (0..2_000).map(|row| format!("MOREL,ANNE {row},12/05/1984\n")).collect();
    place.write("people.csv", format!("nom,prenoms,date_naissance\n{dates}"));
    place.write("wrong.csv", format!("nir,a\n{}12,1\n13,1\n", &lines("1")[..18]));
    place.write("kept.csv", format!("nir,NOM\n{}", lines("x")));
    place.write("second.csv", format!("nir,other\n{pairs}").replace(",0\n", "\n"));
    place.write("reserved.csv", format!("nir,Index\n{}", lines("1")));
    place.write("none.csv", "nir,a\n");
    place.write("ragged.csv", format!("nir,a\n{}1\n", lines("1")));
    place.write("empty-codes.csv", format!("{coded},valid,1\n"));
    let ways = [
        ("good.csv", "--identifier-column nir"),
        ("several.csv", "--identifier-column nir --identifier-column payer"),
        ("people.csv", "--civil-status"),
        ("kept.csv", "--identifier-column nir --accept-risk NOM=test"),
        ("wrong.csv", "--identifier-column nir"),
        ("kept.csv", "--identifier-column nir"),
        ("several.csv", "--identifier-column nir"),
        ("second.csv", "--identifier-column nir"),
        ("reserved.csv", "--identifier-column nir"),
        ("none.csv", "--identifier-column nir"),
        ("ragged.csv", "--identifier-column nir"),
        ("good.csv", "--identifier-column other"),
        ("good.csv", "--identifier-column nir --identifier-column #1"),
        ("people.csv", "--civil-status --map nom=other"),
        ("empty-codes.csv", "--code-column code"),
    ];
    let mut refused = 0;
    for (at, (data, how)) in ways.into_iter().enumerate() {
        let before = common::files(place.directory.path());
        let tried = place.run(&format!("--json controller try {data} {how}"));
        assert!(common::files(place.directory.path()) == before, "{data} {how}");
        let (request, retained) = (format!("q{at}.csv"), format!("t{at}.csv"));
        let prepared = place.run(&format!(
            "--json controller prepare {data} {how} --request {request} --retained {retained}"
        ));
        let error = |output: &std::process::Output| {
            let said = text(&output.stderr);
            said.lines().find(|line| line.starts_with("error[")).map(str::to_owned)
        };
        assert_eq!(error(&tried), error(&prepared), "{data} {how}");
        assert_eq!(tried.status.code(), prepared.status.code(), "{data} {how}");
        let summary: Value = serde_json::from_slice(&tried.stdout).unwrap();
        if summary.get("error").is_some() {
            refused += 1;
            continue;
        }
        let full: Value = serde_json::from_slice(&prepared.stdout).unwrap();
        for same in ["rows", "rows_of_request", "values", "distinct", "status", "unread"] {
            assert_eq!(summary[same], full[same], "{data} {how}: {same}");
        }
        for (name, bytes) in [(request, "request_bytes"), (retained, "retained_bytes")] {
            let (found, said) = (place.read(&name).len() as f64, summary[bytes].as_f64().unwrap());
            assert!((0.95..1.05).contains(&(found / said)), "{name}: {found} bytes, said {said}");
        }
    }
    assert_eq!(refused, ways.len() - 4);
}
