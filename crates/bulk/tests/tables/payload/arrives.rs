//! What arrives of the data: all of it but what is sent, value by value.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int64Type};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array,
    Int16Array, Int64Array, LargeStringArray, RecordBatch, TimestampMicrosecondArray, UInt64Array,
};
use arrow_select::take::take_record_batch;
use cstatns::civil_status::Years;
use cstatns_controller::{Column, Data, data_files};
use cstatns_rows::effort::Effort;
use cstatns_rows::encoding::Encoding;
use cstatns_rows::reading::Reading;

use super::{Arrived, Ask, World, aside, correlation, identifier};
use crate::common::*;

/// Rows of text, each with its number first: notes with everything that asks for quotes, and some
/// rows whose identifier is absent or wrong.
fn rows(count: usize) -> Vec<[String; 4]> {
    let row = |row: usize| {
        let nir = match row % 11 {
            3 => String::new(),
            7 => "28409240550".to_owned(),
            _ => identifier(row),
        };
        let note = match row % 6 {
            0 => format!("plain {row}"),
            1 => format!("a, b; c\t{row}"),
            2 => format!("\"said\" {row}\nover lines\r\n{row}"),
            3 => String::new(),
            4 => format!(" é€ {row} "),
            _ => "\"".to_owned(),
        };
        [row.to_string(), note, nir, format!("{}.50", row * 7 % 101)]
    };
    (0..count).map(row).collect()
}

/// The text of these rows, with this delimiter.
fn text(rows: &[[String; 4]], delimiter: u8, style: csv::QuoteStyle) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new();
    let mut writer = writer.delimiter(delimiter).quote_style(style).from_writer(Vec::new());
    writer.write_record(["row", "note, \"or\"; more", "nir", "wage"]).unwrap();
    rows.iter().for_each(|row| writer.write_record(row).unwrap());
    writer.into_inner().unwrap()
}

/// The identifier as it travels.
fn sent(nir: &str) -> &str {
    if nir.len() == 13 { nir } else { "" }
}

/// Every row of the payload is a row of the data, beside the identifier that has its index.
fn agrees(world: &World, rows: &[[String; 4]]) -> Vec<(String, u64)> {
    let (folder, path) = aside(&world.payload().bytes, "p.csv");
    let mut found = read_text(&path);
    drop(folder);
    assert_eq!(found.remove(0), ["index", "row", "note, \"or\"; more", "wage"]);
    assert_eq!(found.len(), rows.len());
    let (_, identifiers) = world.identifiers();
    let mut order = Vec::new();
    for cells in &found {
        let [index, row, note, wage] = &cells[..] else { panic!("it has four columns") };
        let number: usize = row.parse().unwrap();
        let [_, own_note, nir, own_wage] = &rows[number];
        assert_eq!((note, wage), (own_note, own_wage), "row {row}");
        assert_eq!(identifiers[index], sent(nir), "row {row}");
        order.push((index.clone(), number as u64));
    }
    assert!(order.windows(2).all(|two| two[0].0 < two[1].0), "strictly ascending");
    let mut numbers: Vec<u64> = order.iter().map(|(_, number)| *number).collect();
    let rho = correlation(&numbers);
    assert!(rho.abs() < 4.0 / (numbers.len() as f64).sqrt(), "{rho}");
    numbers.sort_unstable();
    assert!(numbers.iter().copied().eq(0..rows.len() as u64), "each row once");
    order
}

#[test]
fn whole_rows_of_text_arrive_beside_their_identifiers() {
    let rows = rows(4000);
    for delimiter in *b",;\t|" {
        for style in [csv::QuoteStyle::Necessary, csv::QuoteStyle::Always] {
            let world = World::new("csv", "csv");
            let data = world.data("d.csv", text(&rows, delimiter, style));
            let prepared =
                world.prepare((&data).into(), Ask { delimiter, ..Ask::default() }).unwrap();
            assert_eq!(prepared.rows, 4000);
            assert_eq!(prepared.found.counts["absent"], 364);
            agrees(&world, &rows);
            let text = String::from_utf8(world.payload().bytes).unwrap();
            assert!(!rows.iter().any(|row| row[2].len() == 13 && text.contains(&row[2])));
        }
    }
}

/// Lines that end otherwise, a byte order mark, a line `sep=`, no line break at the end.
#[test]
fn text_as_spreadsheets_write_it_arrives_with_commas_and_plain_line_ends() {
    let text = format!(
        "\u{feff}sep=;\r\nnir;a;b\r\n{KEYED};\"x;y\";1,5\r\n\r\n{UNKEYED};z;\"\"\r\n;\"q\"\"r\";3"
    );
    let world = World::new("csv", "csv");
    let data = world.data("d.csv", text);
    world.prepare((&data).into(), Ask { delimiter: b';', ..Ask::default() }).unwrap();
    let text = String::from_utf8(world.payload().bytes).unwrap();
    let (_, identifiers) = world.identifiers();
    let expected: BTreeMap<&str, &str> =
        BTreeMap::from([(KEYED, "\"x;y\",\"1,5\""), (UNKEYED, "z,\"\""), ("", "\"q\"\"r\",3")]);
    let mut lines = text.split_terminator('\n');
    assert_eq!(lines.next(), Some("index,a,b"));
    let found: BTreeMap<&str, &str> =
        lines.map(|line| (&*identifiers[&line[..32]], &line[33..])).collect();
    assert_eq!(found, expected);
}

#[test]
fn two_runs_draw_other_indexes() {
    let rows = rows(500);
    let of_run = || {
        let world = World::new("csv", "csv");
        let data = world.data("d.csv", text(&rows, b',', csv::QuoteStyle::Necessary));
        world.prepare((&data).into(), Ask::default()).unwrap();
        agrees(&world, &rows)
    };
    let (one, two) = (of_run(), of_run());
    let one: BTreeMap<_, _> = one.into_iter().collect();
    assert!(two.iter().all(|(index, _)| !one.contains_key(index)));
}

/// In so little memory that most rows are put aside, and in several partitions.
#[test]
fn what_does_not_fit_in_memory_arrives_too() {
    let rows = rows(60_000);
    for request in ["csv", "parquet"] {
        let world = World::new("csv", request);
        let data = world.data("d.csv", text(&rows, b';', csv::QuoteStyle::Necessary));
        let effort = Effort { memory: 1, ..Effort::default() };
        let ask = Ask { delimiter: b';', effort, ..Ask::default() };
        world.prepare((&data).into(), ask).unwrap();
        if request == "csv" {
            agrees(&world, &rows);
        }
        assert_eq!(world.payload().about.rows, 60_000);
    }
}

#[test]
fn text_in_another_encoding_arrives_in_utf_8() {
    let nirs = [KEYED, UNKEYED];
    let expected = ["index,libellé", "œuvre, 5 €", "d'été"];
    let latin = |text: &str| -> Vec<u8> {
        let byte = |c: char| match c {
            '€' => 0x80,
            'œ' => 0x9c,
            other => other as u8,
        };
        text.chars().map(byte).collect()
    };
    let data = format!("nir;libellé\n{};\"œuvre, 5 €\"\n{};d'été\n", nirs[0], nirs[1]);
    let wide: Vec<u8> = data.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, encoding) in [(latin(&data), Encoding::Windows1252), (wide, Encoding::Utf16Le)] {
        let world = World::new("csv", "csv");
        let data = world.data("d.csv", bytes);
        let reading = Reading { encoding: Some(encoding), ..Reading::default() };
        let ask = Ask { delimiter: b';', reading, ..Ask::default() };
        world.prepare((&data).into(), ask).unwrap();
        let text = String::from_utf8(world.payload().bytes).unwrap();
        assert!(text.starts_with(expected[0]), "{text}");
        let (_, identifiers) = world.identifiers();
        let line = |nir: &str| {
            let mut lines = text.lines().skip(1);
            lines.find(|line| identifiers[&line[..32]] == nir).unwrap()[33..].to_owned()
        };
        assert_eq!(line(nirs[0]), format!("\"{}\"", expected[1]));
        assert_eq!(line(nirs[1]), expected[2]);
    }
}

/// Columns of many types, with nulls, and the number of each row.
fn columns(count: usize) -> Vec<(&'static str, ArrayRef)> {
    let some = |row: usize| row % 5 != 4;
    let numbers = || (0..count).map(|row| some(row).then_some(row as i64 * 3));
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in 0..count {
        (0..row % 3).for_each(|at| lists.values().append_value(format!("{row} {at}")));
        lists.append(some(row));
    }
    let words: DictionaryArray<Int8Type> =
        (0..count).map(|row| some(row).then_some(["a", "b", "c"][row % 3])).collect();
    let nirs: Vec<Option<String>> =
        (0..count).map(|row| some(row + 1).then(|| identifier(row))).collect();
    let nirs: Vec<Option<&str>> = nirs.iter().map(Option::as_deref).collect();
    let moments = TimestampMicrosecondArray::from_iter(numbers()).with_timezone("Europe/Paris");
    let amounts = Decimal128Array::from_iter(numbers().map(|n| n.map(i128::from)));
    let amounts = amounts.with_precision_and_scale(20, 2).unwrap();
    vec![
        ("row", Arc::new(Int64Array::from_iter_values(0..count as i64))),
        ("list", Arc::new(lists.finish())),
        ("nir", texts(&nirs)),
        ("word", Arc::new(words)),
        ("day", Arc::new(Date32Array::from_iter(numbers().map(|n| n.map(|n| n as i32))))),
        ("moment", Arc::new(moments)),
        ("amount", Arc::new(amounts)),
        ("share", Arc::new(Float64Array::from_iter(numbers().map(|n| n.map(|n| n as f64 / 7.0))))),
        ("small", Arc::new(Int16Array::from_iter(numbers().map(|n| n.map(|n| n as i16))))),
        ("flag", Arc::new(BooleanArray::from_iter(numbers().map(|n| n.map(|n| n % 2 == 0))))),
        (
            "long",
            Arc::new(LargeStringArray::from_iter(numbers().map(|n| n.map(|n| n.to_string())))),
        ),
    ]
}

/// The rows of a payload of Parquet in the order of the data, and their indexes.
fn in_order(payload: &RecordBatch) -> (RecordBatch, Vec<String>) {
    let numbers = payload.column_by_name("row").unwrap().as_primitive::<Int64Type>();
    let mut order: Vec<u64> = (0..payload.num_rows() as u64).collect();
    let positions: Vec<u64> = numbers.values().iter().map(|number| *number as u64).collect();
    let rho = correlation(&positions);
    assert!(rho.abs() < 4.0 / (positions.len() as f64).sqrt(), "{rho}");
    order.sort_by_key(|at| numbers.value(*at as usize));
    let indexes = binary_column(payload, "index");
    let hex = |bytes: &Option<Vec<u8>>| hex_of(bytes.as_ref().unwrap());
    assert!(indexes.windows(2).all(|two| two[0] < two[1]), "strictly ascending");
    let indexes = order.iter().map(|at| hex(&indexes[*at as usize])).collect();
    (take_record_batch(payload, &UInt64Array::from(order)).unwrap(), indexes)
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The rows of a Parquet file without these columns.
fn without(batch: &RecordBatch, names: &[&str]) -> RecordBatch {
    let kept = (0..batch.num_columns())
        .filter(|at| !names.contains(&batch.schema().field(*at).name().as_str()));
    batch.project(&kept.collect::<Vec<_>>()).unwrap()
}

/// The same columns, with the same types and values.
fn are_same(one: &RecordBatch, other: &RecordBatch) {
    assert_eq!(one.schema().fields(), other.schema().fields());
    for (one, other) in one.columns().iter().zip(other.columns()) {
        assert!(one == other, "{one:?}\n{other:?}");
    }
}

#[test]
fn whole_rows_of_parquet_arrive_with_their_types() {
    const ROWS: usize = 5000;
    for memory in [1, 1 << 30] {
        let world = World::new("parquet", "csv");
        let data = world.place.path("d.parquet");
        write_parquet(&data, columns(ROWS));
        let effort = Effort { memory, ..Effort::default() };
        let ask = Ask { effort, ..Ask::default() };
        assert_eq!(world.prepare((&data).into(), ask).unwrap().rows, ROWS as u64);
        let Arrived { head, bytes, .. } = world.payload();
        assert_eq!(head.extension.to_string(), "parquet");
        let (folder, path) = aside(&bytes, "p.parquet");
        let payload = read_parquet(&path);
        assert_eq!(payload.schema().field(0).name(), "index");
        drop(folder);
        let (found, indexes) = in_order(&payload);
        let of_data = read_parquet(&data);
        let (found, own) = (without(&found, &["index"]), without(&of_data, &["nir"]));
        are_same(&found, &own);
        let (_, identifiers) = world.identifiers();
        let nirs = text_column(&of_data, "nir");
        for (index, nir) in indexes.iter().zip(nirs) {
            assert_eq!(identifiers[index], nir.unwrap_or_default());
        }
    }
}

/// More rows than a row group has, and a request of the same type.
#[test]
fn several_row_groups_of_parquet_arrive() {
    const ROWS: usize = 300_000;
    let world = World::new("parquet", "parquet");
    let data = world.place.path("d.parquet");
    let all = columns(ROWS).into_iter().filter(|(name, _)| ["row", "nir", "amount"].contains(name));
    write_parquet(&data, all.collect());
    world.prepare((&data).into(), Ask::default()).unwrap();
    let (folder, path) = aside(&world.payload().bytes, "p.parquet");
    let (found, _) = in_order(&read_parquet(&path));
    drop(folder);
    are_same(&without(&found, &["index"]), &without(&read_parquet(&data), &["nir"]));
}

#[test]
fn what_was_read_as_civil_status_does_not_arrive() {
    let world = World::new("csv", "csv");
    let data = world.data(
        "d.csv",
        "nom,prenoms,date_naissance,note,sexe,wage\n\
        Durand,Anne,1984-05-12,a,F,1\n\
        Martin,,,b,,2\n\
        ,,,c,,3\n",
    );
    let column = Column::CivilStatus { map: &[], years: Years::now() };
    world.prepare((&data).into(), Ask { column, ..Ask::default() }).unwrap();
    let text = String::from_utf8(world.payload().bytes).unwrap();
    assert!(text.starts_with("index,note,wage\n"), "{text}");
    let mut rows: Vec<&str> = text.lines().skip(1).map(|line| &line[33..]).collect();
    rows.sort_unstable();
    assert_eq!(rows, ["a,1", "b,2", "c,3"]);
}

/// Data of nothing but identifiers: the linking body learns how many rows there are.
#[test]
fn data_without_other_columns_has_a_payload_of_indexes() {
    for kind in ["csv", "parquet"] {
        let world = World::new(kind, "csv");
        let data = world.place.path(&format!("d.{kind}"));
        match kind {
            "csv" => fs::write(&data, format!("nir\n{KEYED}\n{UNKEYED}\n")).unwrap(),
            _ => write_parquet(&data, vec![("nir", texts(&[Some(KEYED), Some(UNKEYED)]))]),
        }
        world.prepare((&data).into(), Ask::default()).unwrap();
        let (folder, path) = aside(&world.payload().bytes, &format!("p.{kind}"));
        let rows = match kind {
            "csv" => read_text(&path).len() - 1,
            _ => read_parquet(&path).num_rows(),
        };
        drop(folder);
        assert_eq!(rows, 2);
    }
}

/// Several files with the same columns, once what is sent is gone: wherever that stands.
#[test]
fn several_files_make_one_payload() {
    let world = World::new("csv", "csv");
    let folder = world.place.path("data");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("a.csv"), format!("nir,a,b\n{KEYED},1,\"x,\"\n")).unwrap();
    fs::write(folder.join("b.csv"), format!("a,b,nir\r\n2,y,{UNKEYED}\r\n")).unwrap();
    fs::write(folder.join("c.csv"), "a,nir,b\n3,,z").unwrap();
    let files = data_files(std::slice::from_ref(&folder)).unwrap().unwrap();
    let prepared = world.prepare(Data::Files(&files), Ask::default()).unwrap();
    assert_eq!((prepared.rows, prepared.files), (3, 3));
    let text = String::from_utf8(world.payload().bytes).unwrap();
    let (_, identifiers) = world.identifiers();
    assert!(text.starts_with("index,a,b\n"), "{text}");
    let found: BTreeMap<&str, &str> =
        text.lines().skip(1).map(|line| (&*identifiers[&line[..32]], &line[33..])).collect();
    let expected = BTreeMap::from([(KEYED, "1,\"x,\""), (UNKEYED, "2,y"), ("", "3,z")]);
    assert_eq!(found, expected);

    // Parquet too; and what differs is refused by its name.
    let write = |path: &Path, columns: &[&'static str]| {
        let all = self::columns(40);
        let of = |name: &&'static str| {
            (*name, all.iter().find(|(own, _)| own == name).unwrap().1.clone())
        };
        write_parquet(path, columns.iter().map(of).collect());
    };
    let world = World::new("parquet", "csv");
    let [one, two] = ["one.parquet", "two.parquet"].map(|name| world.place.path(name));
    write(&one, &["nir", "row", "day", "list"]);
    write(&two, &["row", "day", "list", "nir"]);
    let files = data_files(&[one, two]).unwrap().unwrap();
    world.prepare(Data::Files(&files), Ask::default()).unwrap();
    let (folder, path) = aside(&world.payload().bytes, "p.parquet");
    let payload = read_parquet(&path);
    drop(folder);
    assert_eq!(payload.num_rows(), 80);
    assert_eq!(payload.schema().fields().len(), 4);
}
