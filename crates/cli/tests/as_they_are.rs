//! Files as people have them: identifiers that are numbers, marks of missing values, columns of
//! nothing. Each goes the whole way, or is refused with what to do; no message shows a value.

mod common;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, Decimal128Array, Float32Array, Float64Array, Int32Array, Int64Array,
    NullArray, RecordBatch, StringArray, UInt64Array,
};
use common::{Place, identifiers, text};
use parquet::arrow::ArrowWriter;

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
    let Some(cases) = std::env::var_os("CSTATNS_VECTORS") else {
        eprintln!("CSTATNS_VECTORS is not set: case 06 is not tried");
        return;
    };
    let cases = Path::new(&cases).join("cases/06");
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
    let Some(cases) = std::env::var_os("CSTATNS_VECTORS") else {
        eprintln!("CSTATNS_VECTORS is not set: cases 09, 10, 11 and 25 are not tried");
        return;
    };
    let place = Place::founded();
    place.quorum("service open home few --kind statistics --minimum-batch 5");
    for case in ["09", "11", "25"] {
        let input = Path::new(&cases).join("cases").join(case).join("input.parquet");
        place.write("data.parquet", std::fs::read(input).unwrap());
        let summary = place.json(&format!("{PARQUET} --domain few"));
        assert_eq!(summary["status"], serde_json::json!({ "ok": 6 }), "case {case}");
        let result = format!("s{case}.csv");
        place.quorum(&format!(
            "service code home few --request r.csv --result {result} --purpose test"
        ));
        place.ok(&format!(
            "controller attach --retained t.parquet --result {result} --out o{case}.parquet"
        ));
        for name in ["t.parquet", "t.parquet.request.json"] {
            std::fs::remove_file(place.path(name)).unwrap();
        }
    }
    let input = Path::new(&cases).join("cases/10/input.parquet");
    place.write("data.parquet", std::fs::read(input).unwrap());
    place.refused(PARQUET, "not-utf-8", &["a column of text", "write it again"]);
    assert!(!place.exists("r.csv") && !place.exists("t.parquet"));
}
