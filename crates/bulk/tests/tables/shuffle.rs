//! Attached rows in an order that is drawn.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, DictionaryArray, Int64Array, RecordBatch, RecordBatchIterator};
use arrow_schema::{Field, Schema, SchemaRef};
use cstatns::coded::Coded as _;
use cstatns::identifier::Scheme;
use cstatns_controller::{Attach, AttachError, Attached, Column, attach};
use cstatns_rows::effort::Effort;
use cstatns_rows::sink::Output;
use cstatns_rows::table::Input;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ARROW_SCHEMA_META_KEY, ArrowWriter};
use parquet::file::metadata::KeyValue;

use crate::common::*;

const NIR: Column<'static> = Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir };

fn person(number: usize) -> String {
    format!("1{:02}{:02}69{:03}{:03}", number % 90, 1 + number % 12, number / 990, 1 + number % 990)
}

fn people(rows: usize) -> Vec<Option<String>> {
    (0..rows).map(|row| (row % 11 > 0).then(|| person(row % 800))).collect()
}

fn coded(place: &Place, own: &str, rows: usize) -> Way {
    let way = Way::new(place, "d", own, "parquet");
    let people = people(rows);
    if own == "parquet" {
        let cells: Vec<_> = people.iter().map(Option::as_deref).collect();
        let number: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows as i64));
        write_parquet(&way.data, vec![("number", number), ("nir", texts(&cells))]);
    } else {
        let lines = people.iter().enumerate().map(|(number, person)| {
            format!("\"{number}\",{}\r\n", person.as_deref().unwrap_or_default())
        });
        fs::write(&way.data, format!("number,nir\r\n{}", lines.collect::<String>())).unwrap();
    }
    way.prepare(NIR, b',').unwrap();
    way.code(&POPULATION, 1, 1).unwrap();
    way
}

fn what<'a>(way: &'a Way, shuffle: bool, out: &'a Path) -> Attach<'a> {
    Attach {
        party: None,
        data: None,
        retained: (&*way.retained).into(),
        requested: None,
        result: &way.result,
        out: out.into(),
        shuffle,
        binary_codes: false,
        destroy: &[],
    }
}

fn shuffled(way: &Way, out: &Path, effort: &Effort) -> Result<Attached, AttachError> {
    attach(what(way, true, out), effort)
}

/// Of each row its number, and all its cells.
fn rows_of(path: &Path) -> Vec<(usize, Vec<String>)> {
    let number = |cell: &str| cell.trim_matches('"').parse().unwrap();
    if path.extension().is_some_and(|extension| extension == "csv") {
        let text = fs::read_to_string(path).unwrap();
        let rows = text.split("\r\n").skip(1).filter(|line| !line.is_empty());
        let cells = rows.map(|row| row.split(',').map(str::to_owned).collect::<Vec<_>>());
        return cells.map(|row| (number(&row[2]), row)).collect();
    }
    rows_in(&read_parquet(path))
}

fn rows_in(batch: &RecordBatch) -> Vec<(usize, Vec<String>)> {
    let texts = ["code", "quality"].map(|name| text_column(batch, name));
    let numbers = batch.column_by_name("number").unwrap();
    let numbers = numbers.as_any().downcast_ref::<Int64Array>().unwrap();
    (0..batch.num_rows())
        .map(|row| {
            let cells = texts.iter().map(|cells| cells[row].clone().unwrap_or_default());
            (numbers.value(row) as usize, cells.collect())
        })
        .collect()
}

/// In an order of their own they are the same rows.
fn check(found: &[(usize, Vec<String>)], expected: &[(usize, Vec<String>)]) {
    assert_ne!(found, expected);
    let sorted: BTreeMap<_, _> = found.iter().cloned().collect();
    assert_eq!(sorted.len(), expected.len());
    assert!(sorted.into_iter().collect::<Vec<_>>() == expected);
    // Of neighbours few stay so: two in a random order do so once in half of the rows.
    let stay = found.windows(2).filter(|pair| pair[0].0 + 1 == pair[1].0).count();
    assert!(stay < 12 + expected.len() / 1000, "{stay} of {}", expected.len());
}

#[test]
fn rows_keep_their_codes_in_an_order_that_is_drawn() {
    for (own, rows) in [("csv", 300), ("csv", 50_000), ("parquet", 300), ("parquet", 300_000)] {
        let place = Place::new();
        let way = coded(&place, own, rows);
        way.attach().unwrap();
        let expected = rows_of(&way.out);
        let report =
            cstatns::report::Report::read(&cstatns::report::report_path(&way.out)).unwrap();
        let mut orders = Vec::new();
        for (threads, memory) in [(1, 0), (3, 0), (2, 1 << 30)] {
            let out = place.path(&format!("out-{threads}-{memory}.{own}"));
            let threads = NonZeroUsize::new(threads).unwrap();
            let effort = Effort { threads, memory, ..Effort::default() };
            let made = shuffled(&way, &out, &effort).unwrap();
            assert_eq!(made.report.quality, report.quality);
            let found = rows_of(&out);
            check(&found, &expected);
            orders.push(found.iter().map(|(number, _)| *number).collect::<Vec<_>>());
            if own == "csv" {
                assert!(fs::read_to_string(&out).unwrap().starts_with("code,quality,number\r\n"));
            }
        }
        assert!(orders[0] != orders[1] && orders[1] != orders[2], "each time another");
    }
}

#[test]
fn a_frame_and_a_renewal_are_shuffled_too() {
    let place = Place::new();
    let way = coded(&place, "parquet", 2000);
    way.attach().unwrap();
    let expected = rows_of(&way.out);
    let batch = read_parquet(&way.out);

    // The codes renewed, with their qualities counted.
    let renewal = Way {
        data: way.out.clone(),
        retained: place.path("kept.csv"),
        request: place.path("r2.csv"),
        result: place.path("s2.csv"),
        out: place.path("out2.parquet"),
        ..way
    };
    renewal.prepare(Column::Codes(&["code"]), b',').unwrap();
    renewal.renew(&POPULATION, 1, 2, 2).unwrap();
    let made = shuffled(&renewal, &renewal.out, &Effort::default()).unwrap();
    assert_eq!(made.report.quality.values().sum::<u64>(), 2000);
    assert_eq!(made.report.quality["absent"], 182);
    let plain = place.path("plain.parquet");
    attach(what(&renewal, false, &plain), &Effort::default()).unwrap();
    check(&rows_of(&renewal.out), &rows_of(&plain));
    assert_eq!(rows_of(&plain).len(), expected.len());

    // From a file to a frame: the data is read again.
    let mut taken = Vec::new();
    let mut take = |batch: RecordBatch| {
        taken.push(batch);
        Ok(())
    };
    let batches = Box::new(RecordBatchIterator::new([Ok(batch.clone())], batch.schema()));
    let frame = Input::Frame { name: "coded", rows: Some(2000), batches };
    let to = Attach { out: Output::Frame(&mut take), ..what(&renewal, true, &plain) };
    // It is another frame than the file that was prepared.
    let error = attach(Attach { data: Some(frame.into()), ..to }, &Effort::default()).unwrap_err();
    assert_eq!(error.code(), "data-changed");
    let to = Attach { out: Output::Frame(&mut take), ..what(&renewal, true, &plain) };
    attach(to, &Effort::default()).unwrap();
    let taken = arrow_select::concat::concat_batches(&taken[0].schema(), &taken).unwrap();
    check(&rows_in(&taken), &rows_of(&plain));
}

/// What the metadata of a file says, and its schema of Arrow.
fn said(path: &Path) -> (BTreeMap<String, Option<String>>, SchemaRef) {
    let file = fs::File::open(path).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let pairs = builder.metadata().file_metadata().key_value_metadata().unwrap();
    let own = pairs.iter().filter(|pair| pair.key != ARROW_SCHEMA_META_KEY);
    let own = own.map(|pair| (pair.key.clone(), pair.value.clone())).collect();
    (own, builder.schema().clone())
}

/// Written anew, a Parquet file says of itself what it says when its columns are copied.
#[test]
fn what_the_data_says_of_itself_stays_though_its_rows_are_shuffled() {
    const SPARK: &str = "org.apache.spark.sql.parquet.row.metadata";
    let place = Place::new();
    let way = Way::new(&place, "d", "parquet", "parquet");
    let people = people(300);
    let nirs = texts(&people.iter().map(Option::as_deref).collect::<Vec<_>>());
    let number: ArrayRef = Arc::new(Int64Array::from_iter_values(0..300));
    let category: DictionaryArray<arrow_array::types::Int8Type> =
        (0..300).map(|row| Some(if row % 2 == 0 { "even" } else { "odd" })).collect();
    let category: ArrayRef = Arc::new(category);
    let pandas = r#"{"columns":[{"field_name":"nir","name":"nir"},{"field_name":"number","name":"number"}],
        "index_columns":["nir","number"]}"#;
    let marked = Field::new("number", number.data_type().clone(), false)
        .with_metadata([("unit".to_owned(), "one".to_owned())].into());
    let fields = vec![
        marked,
        Field::new("nir", nirs.data_type().clone(), true),
        Field::new("category", category.data_type().clone(), true),
    ];
    let of_schema = [("pandas", pandas), ("made", "here")];
    let of_schema = of_schema.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let schema = Arc::new(Schema::new_with_metadata(fields, of_schema));
    let batch = RecordBatch::try_new(schema.clone(), vec![number, nirs, category]).unwrap();
    let mut writer =
        ArrowWriter::try_new(fs::File::create(&way.data).unwrap(), schema, None).unwrap();
    for (key, value) in [
        ("pandas", pandas),
        (SPARK, r#"{"fields":[{"name":"nir"},{"name":"number"}],"type":"struct"}"#),
        ("avro.schema", "{}"),
        ("source", "an office"),
        ("cstatns.other", "old"),
    ] {
        writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value.to_owned()));
    }
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    way.prepare(NIR, b',').unwrap();
    way.code(&POPULATION, 1, 1).unwrap();
    way.attach().unwrap();
    let out = place.path("shuffled.parquet");
    shuffled(&way, &out, &Effort::default()).unwrap();
    let (pairs, schema) = said(&out);
    assert_eq!((&pairs, &schema), (&said(&way.out).0, &said(&way.out).1));
    let of = |key: &str| pairs.get(key).cloned().flatten();
    assert_eq!(of("source").as_deref(), Some("an office"));
    assert!(!of("pandas").unwrap().contains("nir") && of("pandas").unwrap().contains("number"));
    assert!(of(SPARK).unwrap().contains("\"code\""));
    assert_eq!((of("avro.schema"), of("cstatns.other")), (None, None));
    assert_eq!(schema.metadata()["made"], "here");
    assert!(!schema.metadata()["pandas"].contains("nir"));
    assert_eq!(schema.field_with_name("number").unwrap().metadata()["unit"], "one");
}

#[test]
fn data_that_changed_is_refused_though_its_rows_are_shuffled() {
    for own in ["csv", "parquet"] {
        let place = Place::new();
        let way = coded(&place, own, 300);
        let bytes = match own {
            "csv" => {
                fs::read_to_string(&way.data).unwrap().replace("\"299\"", "\"298\"").into_bytes()
            }
            _ => {
                let place = Place::new();
                fs::read(coded(&place, own, 299).data).unwrap()
            }
        };
        fs::write(&way.data, bytes).unwrap();
        let before = place.names();
        let error = shuffled(&way, &way.out, &Effort::default()).unwrap_err();
        assert_eq!(error.code(), "data-changed", "{own}");
        assert_eq!(place.names(), before);
    }
}
