//! Files as people have them: identifiers that are numbers, marks of missing values, columns of
//! nothing, civil status as it is written, line ends that a mail program changed. Each goes the
//! whole way, or is refused with what to do; no message shows a value. What files say of
//! themselves stays.

use crate::common;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, Decimal128Array, Float32Array, Float64Array, Int32Array, Int64Array,
    NullArray, RecordBatch, StringArray, UInt64Array,
};
use common::{Place, case, identifiers, text};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use serde_json::Value;

const PREPARE: &str =
    "controller prepare data.csv --identifier-column nir --request r.csv --retained t.csv";
const PARQUET: &str =
    "controller prepare data.parquet --identifier-column nir --request r.csv --retained t.parquet";

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// The identifiers of a request, sorted; absent ones are empty.
fn requested(place: &Place) -> Vec<String> {
    let mut rows: Vec<String> = place.rows("r.csv").into_iter().map(|row| row[1].clone()).collect();
    rows.sort();
    rows
}

fn sorted(mut identifiers: Vec<String>) -> Vec<String> {
    identifiers.sort();
    identifiers
}

fn clear(place: &Place) {
    for name in ["r.csv", "r.csv.manifest.json", "t.csv", "t.parquet"] {
        let _ = std::fs::remove_file(place.path(name));
        let _ = std::fs::remove_file(place.path(&format!("{name}.request.json")));
    }
}

/// Columns of every type that holds 15 digits are read with `--numbers` and refused without it.
#[test]
fn numbers_of_parquet_are_identifiers_where_they_are_said_to_be() {
    let people = identifiers(40);
    let numbers: Vec<i64> = people.iter().map(|nir| nir.parse().unwrap()).collect();
    let with_null = || numbers.iter().copied().map(Some).chain([None]);
    let decimal = |scale: u32, precision| -> ArrayRef {
        let values = with_null().map(|number| Some(i128::from(number?) * 10_i128.pow(scale)));
        let array = values.collect::<Decimal128Array>();
        Arc::new(array.with_precision_and_scale(precision, scale as i8).unwrap())
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(with_null().collect::<Int64Array>()),
        Arc::new(with_null().map(|number| Some(number? as u64)).collect::<UInt64Array>()),
        Arc::new(with_null().map(|number| Some(number? as f64)).collect::<Float64Array>()),
        decimal(0, 15),
        decimal(2, 38),
    ];
    let mut expected = sorted(people.clone());
    expected.insert(0, String::new());
    for column in columns {
        let place = Place::default();
        let kind = column.data_type().clone();
        write(&place.path("data.parquet"), vec![("nir", column)]);
        let line = place.refused(PARQUET, "column-type", &["\"nir\"", "2A or 2B", "--numbers"]);
        assert!(!line.contains(&people[0]), "{line}");
        let said = place.ok(&format!("{PARQUET} --numbers"));
        assert!(said.contains("a number cannot hold 2A or 2B"), "{said}");
        assert_eq!(requested(&place), expected, "{kind}");
        people.iter().for_each(|nir| assert!(!said.contains(nir)));
    }
}

/// What is not whole, or was rounded, is that row's fault alone.
#[test]
fn a_double_that_is_no_identifier_is_refused_by_itself() {
    let people = identifiers(40);
    let place = Place::default();
    let mut numbers: Vec<f64> = people.iter().map(|nir| nir.parse().unwrap()).collect();
    numbers.extend([numbers[0] + 0.5, 1e16, f64::INFINITY, f64::NAN, -numbers[1], 1.0, 5e-324]);
    write(&place.path("data.parquet"), vec![("nir", Arc::new(Float64Array::from(numbers)))]);
    let summary = place.json(&format!("{PARQUET} --numbers"));
    assert_eq!(
        summary["status"],
        serde_json::json!({ "ok": 40, "absent": 1, "scientific": 2, "wrong-character": 3, "wrong-length": 1 })
    );
    assert_eq!(requested(&place)[7..], sorted(people));
    // Types too narrow to hold one.
    for narrow in [
        Arc::new(Float32Array::from(vec![1.0])) as ArrayRef,
        Arc::new(StringArray::from(vec!["x"])),
        Arc::new(Int32Array::from(vec![1_840_575])),
    ] {
        clear(&place);
        write(&place.path("data.parquet"), vec![("nir", narrow.clone())]);
        let code =
            if narrow.as_any().is::<Float32Array>() { "column-type" } else { "wrong-column" };
        place.refused(&format!("{PARQUET} --numbers"), code, &[]);
    }
}

#[test]
fn texts_that_programs_make_of_numbers_are_read_with_the_option() {
    let people = identifiers(50);
    let spelt = |row: usize, nir: &str| match row % 5 {
        0 => format!("{nir}.0"),
        1 => format!("\"{nir},00\""),
        2 => format!("\"=\"\"{nir}\"\"\""),
        3 => format!("=\"{nir}\""),
        _ => format!("'{nir}"),
    };
    let rows: String = people
        .iter()
        .enumerate()
        .map(|(row, nir)| format!("{},{row}\n", spelt(row, nir)))
        .collect();
    let place = Place::default();
    place.write("data.csv", format!("nir,value\n{rows}"));
    place.refused(PREPARE, "wrong-column", &["50 of 50"]);
    let said = place.ok(&format!("{PREPARE} --numbers"));
    assert!(said.contains("ok 50"), "{said}");
    assert_eq!(requested(&place), sorted(people));
}

/// Civil status: the field `nir` as numbers, and marks of missing values in every field.
#[test]
fn the_field_nir_may_be_numbers() {
    let people = identifiers(40);
    let place = Place::default();
    let texts = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; 40])) };
    let numbers: Int64Array = people.iter().map(|nir| nir.parse::<i64>().ok()).collect();
    write(
        &place.path("data.parquet"),
        vec![
            ("nom", texts("MARTIN")),
            ("nom_usage", Arc::new(NullArray::new(40))),
            ("prenoms", texts("JEAN")),
            ("date_naissance", texts("1984-05-12")),
            ("libelle_lieu", texts(" NA ")),
            ("nir", Arc::new(numbers)),
            ("note", Arc::new(NullArray::new(40))),
        ],
    );
    let prepare =
        "controller prepare data.parquet --civil-status --request r.csv --retained t.parquet";
    place.refused(prepare, "column-type", &["\"nir\"", "--numbers"]);
    place.ok(&format!("{prepare} --numbers --missing NA --missing NULL"));
    let (request, rows) = (place.read("r.csv"), place.rows("r.csv"));
    let header = request.lines().next().unwrap();
    let at = |name: &str| header.split(',').position(|column| column == name).unwrap();
    let mut sent: Vec<_> = rows.iter().map(|row| row[at("identifier")].clone()).collect();
    sent.sort();
    assert_eq!(sent, sorted(people));
    for row in &rows {
        assert_eq!((&*row[at("libelle_lieu")], &*row[at("nom_usage")]), ("", ""));
    }
}

#[test]
fn marks_of_missing_values_are_absent_where_they_are_named() {
    let people = identifiers(10);
    let filled: String = people.iter().map(|nir| format!("{nir},NA\n")).collect();
    let place = Place::default();
    place.write(
        "data.csv",
        format!("nir,value\n{filled}{}#N/A,2\nna,3\n", "NA,1\n NA ,1\n".repeat(10)),
    );
    place.refused(PREPARE, "wrong-column", &["22 of 32"]);
    let summary = place.json(&format!("{PREPARE} --missing NA --missing #N/A"));
    // The mark is exact: `na` is none.
    assert_eq!(
        summary["status"],
        serde_json::json!({ "ok": 10, "absent": 21, "wrong-character": 1 })
    );
    let output =
        place.run("controller prepare d.csv --code-column c --numbers --request a --retained b");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

/// A column of type null: of identifiers, of civil status, and beside them.
#[test]
fn a_column_of_type_null_is_one_of_empty_cells() {
    let Some(cases) = case("06") else { return };
    let place = Place::default();
    for name in ["input.parquet", "identifiers.parquet"] {
        place.write(name, std::fs::read(cases.join(name)).unwrap());
    }
    place
        .ok("controller prepare input.parquet --civil-status --request a.csv --retained a.parquet");
    let said = place.ok(
        "controller prepare identifiers.parquet --identifier-column nir --request b.csv --retained \
        b.parquet",
    );
    assert!(said.contains("absent"), "{said}");
    write(
        &place.path("data.parquet"),
        vec![
            ("nir", Arc::new(StringArray::from(identifiers(3)))),
            ("nothing", Arc::new(NullArray::new(3))),
        ],
    );
    place.ok(PARQUET);
}

/// Types that few programs write: text that is not marked as text, an integer of 128 bits, and text
/// that is none.
#[test]
fn types_of_parquet_that_few_programs_write_are_read_or_told() {
    let place = Place::founded();
    place.quorum("service open home few --kind statistics --minimum-batch 5");
    for number in ["09", "11", "25"] {
        let Some(case) = case(number) else { return };
        let input = case.join("input.parquet");
        place.write("data.parquet", std::fs::read(input).unwrap());
        let summary = place.json(&format!("{PARQUET} --domain few"));
        assert_eq!(summary["status"], serde_json::json!({ "ok": 6 }), "case {number}");
        let result = format!("s{number}.csv");
        place.quorum(&format!(
            "service code home few --request r.csv --result {result} --purpose test"
        ));
        place.ok(&format!(
            "controller attach --retained t.parquet --result {result} --out o{number}.parquet"
        ));
        for name in ["t.parquet", "t.parquet.request.json"] {
            std::fs::remove_file(place.path(name)).unwrap();
        }
    }
    let Some(case) = case("10") else { return };
    let input = case.join("input.parquet");
    place.write("data.parquet", std::fs::read(input).unwrap());
    place.refused(PARQUET, "not-utf-8", &["a column of text", "write it again"]);
    assert!(!place.exists("r.csv") && !place.exists("t.parquet"));
}

/// Dates, sexes and codes of places as programs and people write them; where they cannot be read,
/// the error says what is.
#[test]
fn dates_sexes_and_places_are_read_as_people_write_them() {
    let Some(case) = case("16") else { return };
    let place = Place::default();
    for name in ["time", "float", "nn", "homme", "yy", "sas"] {
        place.write(
            &format!("{name}.csv"),
            std::fs::read(case.join(name).with_extension("csv")).unwrap(),
        );
        clear(&place);
        let prepare = format!(
            "controller prepare {name}.csv --civil-status --request r.csv --retained t.csv"
        );
        if matches!(name, "yy" | "sas") {
            let words = ["date_naissance", "1984-05-12, 12/05/1984", "99 or XX", "00:00:00"];
            place.refused(&prepare, "wrong-column", &words);
        } else {
            let summary = place.json(&prepare);
            assert_eq!(summary["status"], serde_json::json!({ "ok": 30 }), "{name}");
            assert_eq!(place.rows("r.csv").len(), 30);
        }
    }
    let rows = |sex: &str, code: &str| {
        let row = format!("MARTIN,JEAN,{sex},1984-05-12,{code}\n");
        format!("nom,prenoms,sexe,date_naissance,code_lieu\n{}", row.repeat(30))
    };
    let prepare = "controller prepare data.csv --civil-status --request r.csv --retained t.csv";
    clear(&place);
    place.write("data.csv", rows("male", "75112"));
    place.refused(prepare, "wrong-column", &["sexe", "read: 1, M, H, HOMME or MASCULIN"]);
    place.write("data.csv", rows("M", "Paris"));
    place.refused(prepare, "wrong-column", &["code_lieu", "75056, 2A004 or 99352"]);
}

/// What `register evaluate` counts of a case.
fn evaluated(place: &Place, number: &str) -> Option<Value> {
    let folder = case(number)?;
    let communes = folder.join("../../cog/communes_2026.csv");
    let [communes, register, queries] =
        [communes, folder.join("register.csv"), folder.join("queries.csv")]
            .map(|path| path.into_os_string().into_string().unwrap());
    place.ok(&format!("register build {number}.idx --from {register} --communes {communes}"));
    let evaluate =
        format!("register evaluate {number}.idx --queries {queries} --truth person --kind kind");
    Some(place.json(&evaluate))
}

fn right(summary: &Value, kind: &str) -> [u64; 3] {
    let kinds = summary["kinds"].as_array().unwrap();
    let of = kinds.iter().find(|of| of["kind"] == serde_json::json!([kind])).unwrap();
    ["right", "none", "wrong"].map(|what| of[what].as_u64().unwrap())
}

/// Communes whose department has another number now; places that are not known; names in another
/// order.
#[test]
fn people_are_found_by_what_other_files_say_of_them() {
    let place = Place::default();
    for (number, kinds) in [
        ("17", &[("same", 4), ("new-code-and-name", 4), ("new-code", 4), ("base", 800)][..]),
        ("18", &[("same", 1), ("empty", 1), ("zeros", 1), ("nines", 1), ("base", 800)]),
        (
            "19",
            &[
                ("double-name-other-order", 1),
                ("vietnamese-given-name-first", 1),
                ("number-in-parentheses", 1),
                ("sans-nom", 1),
                ("base", 800),
            ],
        ),
    ] {
        let Some(summary) = evaluated(&place, number) else { return };
        for (kind, rows) in kinds {
            assert_eq!(right(&summary, kind), [*rows, 0, 0], "{number} {kind}: {summary}");
        }
        // An empty cell does not say that somebody has no name.
        if number == "19" {
            assert_eq!(right(&summary, "no-name-at-all"), [0, 1, 0]);
        }
    }
}

/// A mail program or git changed a file on its way to the auditor: nobody is accused, and what was
/// changed is said.
#[test]
fn an_auditor_is_told_what_a_mail_program_did() {
    let place = Place::open();
    let files = ["ledger.jsonl", "checkpoint"].map(|name| place.read(&format!("home/{name}")));
    std::fs::create_dir(place.path("sent")).unwrap();
    let verify = "auditor verify sent/ledger.jsonl --service home/card.json";
    let send = |name: usize, change: &dyn Fn(&str) -> String| {
        for (at, kept) in ["sent/ledger.jsonl", "sent/checkpoint"].into_iter().enumerate() {
            let text = if at == name { change(&files[at]) } else { files[at].clone() };
            place.write(kept, text);
        }
    };
    send(2, &|_| unreachable!());
    place.ok(verify);
    for (at, name) in ["sent/ledger.jsonl", "sent/checkpoint"].into_iter().enumerate() {
        for (code, words, change) in [
            (
                "line-ends-changed",
                "end with CR LF: it was changed on the way",
                &(|text: &str| text.replace('\n', "\r\n")) as &dyn Fn(&str) -> String,
            ),
            (
                "byte-order-mark",
                "begins with a byte order mark: it was changed on the way",
                &|text| format!("\u{feff}{text}"),
            ),
        ] {
            send(at, change);
            let line = place.refused(verify, code, &[name, words, "as an attachment"]);
            assert!(!line.contains("account"), "{line}");
        }
        // One carriage return that no mail program puts there is a change like any other.
        send(at, &|text| {
            let last = text.trim_end().rfind(['}', '=']).unwrap();
            format!("{}\r{}", &text[..=last], &text[last + 1..])
        });
        let line = place.run(verify);
        let said = text(&line.stderr);
        assert_eq!(line.status.code(), Some(1), "{said}");
        assert!(said.contains("ask the service to account for it"), "{said}");
    }
    // A checkpoint that was kept from before.
    send(1, &|text| text.replace('\n', "\r\n"));
    std::fs::rename(place.path("sent/checkpoint"), place.path("kept")).unwrap();
    send(2, &|_| unreachable!());
    place.refused(&format!("{verify} --checkpoint kept"), "line-ends-changed", &["\"kept\""]);
}

/// The Parquet files of a case, coded with others in one request; the folder of those attached.
fn attached(place: &Place, number: &str) -> Option<std::path::PathBuf> {
    let folder = case(number)?;
    let other = if number == "23" { "meta.parquet" } else { "variant.parquet" };
    for name in ["input.parquet", other] {
        place.write(name, std::fs::read(folder.join(name)).unwrap());
    }
    place.write("people.csv", common::csv(&identifiers(20)));
    place.ok(&format!(
        "controller prepare input.parquet {other} people.csv --identifier-column nir --request \
         r.csv --retained t.csv"
    ));
    place.quorum("service code home population --request r.csv --result s.csv --purpose test");
    place.ok("controller attach --retained t.csv --result s.csv --out coded");
    Some(place.path("coded"))
}

fn footer(path: &Path) -> ParquetMetaData {
    ParquetMetaDataReader::new().parse_and_finish(&File::open(path).unwrap()).unwrap()
}

/// What a file's own metadata says stays: pandas' index and categories, a source's mark, the
/// labels of fields. What names the column that was sent does not name it any more.
#[test]
fn metadata_of_the_data_stays() {
    let place = Place::open();
    let Some(coded) = attached(&place, "23") else { return };
    let pair = |path: &Path, key: &str| {
        let about = footer(path);
        let mut pairs = about.file_metadata().key_value_metadata().unwrap().iter();
        pairs.find(|pair| pair.key == key).unwrap().value.clone().unwrap()
    };
    let pandas = |path: &Path| -> Value { serde_json::from_str(&pair(path, "pandas")).unwrap() };
    let mut before = pandas(&place.path("input.parquet"));
    assert_eq!(before["index_columns"], serde_json::json!(["age"]));
    let columns = before["columns"].as_array_mut().unwrap();
    assert_eq!(columns.remove(0)["name"], "nir");
    assert_eq!(pandas(&coded.join("input.parquet")), before);
    assert_eq!(pair(&coded.join("meta.parquet"), "source"), "DADS 2024");

    // Arrow's types: the categories, their order; and the same metadata.
    let schema = |path: &Path| {
        let file = File::open(path).unwrap();
        ParquetRecordBatchReaderBuilder::try_new(file).unwrap().schema().clone()
    };
    for (name, column) in [("input.parquet", "age"), ("meta.parquet", "v")] {
        let [before, after] = [place.path(name), coded.join(name)].map(|path| schema(&path));
        let kept = [&before, &after].map(|schema| schema.field_with_name(column).unwrap().clone());
        assert_eq!(kept[0], kept[1], "{name}");
        let names: Vec<_> = after.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["code", "quality", column]);
    }
}

/// A UUID, a JSON text and a VARIANT stay what they are.
#[test]
fn logical_types_of_the_data_stay() {
    let place = Place::open();
    let Some(coded) = attached(&place, "24") else { return };
    for (name, kept) in [("input.parquet", &["u", "j"][..]), ("variant.parquet", &["vv"])] {
        let fields = |path: &Path| {
            let about = footer(path);
            about.file_metadata().schema_descr().root_schema().get_fields().to_vec()
        };
        let (before, after) = (fields(&place.path(name)), fields(&coded.join(name)));
        let names: Vec<_> = after.iter().map(|field| field.name()).collect();
        assert_eq!(names, [&["code", "quality"], kept].concat(), "{name}");
        assert_eq!(before[1..], after[2..], "{name}");
        let kinds: Vec<_> =
            after[2..].iter().map(|f| f.get_basic_info().logical_type_ref().cloned()).collect();
        assert!(kinds.iter().all(Option::is_some), "{kinds:?}");
    }
    // Spark reads its own schema before that of the file.
    let about = footer(&coded.join("variant.parquet"));
    let pairs = about.file_metadata().key_value_metadata().unwrap().iter();
    let said: Vec<_> = pairs.filter(|pair| pair.key.starts_with("org.apache.spark.sql")).collect();
    let said: Value = serde_json::from_str(said[0].value.as_ref().unwrap()).unwrap();
    let columns: Vec<_> = said["fields"].as_array().unwrap().iter().map(|f| &f["name"]).collect();
    assert_eq!(columns, ["code", "quality", "vv"]);
    assert_eq!(said["fields"][2]["type"], "variant");
}
