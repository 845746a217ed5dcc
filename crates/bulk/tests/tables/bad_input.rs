//! Input that is refused, each time with a clear error, nothing written, and no value of the data
//! in the message.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array};
use cstatns::coded::Coded as _;
use cstatns::identifier::Scheme;
use cstatns::manifest::manifest_path;
use cstatns::report::report_path;
use cstatns::requested::requested_path;
use cstatns_controller::{Column, summarise};

use crate::common::*;

/// Refused with this code, with these words in the message, and nothing left but the data.
fn refused(data: impl AsRef<[u8]>, delimiter: u8, code: &str, words: &[&str]) {
    let place = Place::new();
    let way = Way::new(&place, "d", "csv", "csv");
    fs::write(&way.data, data).unwrap();
    let error = way
        .prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, delimiter)
        .unwrap_err();
    let message = error.to_string();
    assert_eq!(error.code(), code, "{message}");
    for word in words {
        assert!(message.contains(word), "{message}");
    }
    assert!(!message.contains('\n') && !message.contains(&KEYED[..7]), "{message}");
    assert!(!format!("{error:?}").contains(&KEYED[..7]));
    assert_eq!(place.names(), ["d.csv"]);
}

#[test]
fn data_that_cannot_be_prepared() {
    let row = format!("{KEYED},1\n");
    refused(format!("id,wage\n{row}"), b',', "missing-column", &["\"nir\"", "id, wage"]);
    refused(
        format!("nir;wage\n{KEYED};1\n"),
        b',',
        "missing-column",
        &["separated by ';'", "nir;wage"],
    );
    refused(format!("nir,wage\n{row}"), b';', "missing-column", &["separated by ','"]);
    // No header: what stands in its place is a row.
    refused(format!("{row}{row}"), b',', "missing-column", &["names of the columns"]);
    refused(format!("{KEYED};1\n"), b',', "missing-column", &["separated by ';'"]);
    refused(format!("nir,nir\n{KEYED},{KEYED}\n"), b',', "column-twice", &["nir"]);
    refused("", b',', "empty-file", &[]);
    refused("\n\n", b',', "empty-file", &[]);
    refused("\u{feff}nir,wage\r\n", b',', "no-rows", &[]);
    refused("nir,wage", b',', "no-rows", &[]);
    refused(
        format!("nir,wage\n{row}{KEYED}\n"),
        b',',
        "ragged-row",
        &["row 2 (line 3)", "1 fields", "has 2"],
    );
    refused(
        format!("nir,wage\r\n\r\n{KEYED},\"1\r\n2\"\r\n\r\n{KEYED},1,2\r\n"),
        b',',
        "ragged-row",
        &["row 2 (line 6)"],
    );
    refused(format!("nir,wage\n{row}{KEYED},\"1\n{row}{row}"), b',', "open-quote", &["line 3"]);
    refused(format!("nir,wage\n{row}\"{KEYED}\n"), b',', "open-quote", &["line 3"]);
    // Text behind a closing quote, also where that swallows rows, in the header, and as MySQL
    // writes a quote.
    for (data, line) in [
        (
            format!("nir,wage\n{row}{KEYED},\"1\n{row}{row}{KEYED},\"2\n"),
            "line 6 (its cell opens at line 3)",
        ),
        (format!("nir,wage\n{row}{KEYED},\"5\" flat\"\n"), "line 3"),
        (format!("nir,wage\n{row}{KEYED},\"said \\\"yes\\\"\"\n"), "line 3"),
        (format!("nir,wage\r\n{KEYED},\"1\" \r\n"), "line 2"),
        (format!("nir,wage\n\"{KEYED}\"{KEYED},1\n"), "line 2"),
        (format!("nir,\"wage\"s\n{row}"), "line 1"),
        (format!("\u{feff}\"nir\"s,wage\n{row}"), "line 1"),
    ] {
        refused(data, b',', "text-after-quote", &[line, "closing quote"]);
    }
    for name in ["index", "status", "code", "quality", "score"] {
        refused(format!("nir,{name}\n{row}"), b',', "reserved-column", &[name]);
    }
    // Windows-1252 in the selected column, a no-break space for example.
    let mut latin = format!("nir,wage\n{row}{row}").into_bytes();
    latin.extend_from_slice(b"1\xa017\xa009\xa013\xa0204\xa0001,1\n");
    refused(latin, b',', "not-utf-8", &["row 3", "UTF-8"]);
}

#[test]
fn a_column_that_is_mostly_no_identifiers_is_refused() {
    let rows = |bad: usize, good: usize, empty: usize| {
        let bad = "12345,1\n".repeat(bad);
        format!("nir,wage\n{bad}{}{}", format!("{KEYED},1\n").repeat(good), ",1\n".repeat(empty))
    };
    refused(rows(3, 2, 5), b',', "wrong-column", &["3 of 5"]);
    let place = Place::new();
    let way = Way::new(&place, "d", "csv", "csv");
    fs::write(&way.data, rows(2, 2, 0)).unwrap();
    assert_eq!(
        way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
            .unwrap()
            .found
            .counts["wrong-length"],
        2
    );
}

#[test]
fn scientific_notation_has_its_own_reason() {
    let place = Place::new();
    let way = Way::new(&place, "d", "csv", "csv");
    fs::write(&way.data, format!("nir\n\"1,84E+12\"\n1.84E+12\n{KEYED}\n{UNKEYED}\n")).unwrap();
    assert_eq!(
        way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
            .unwrap()
            .found
            .counts["scientific"],
        2
    );
    way.code(&POPULATION, 1, 1).unwrap();
    assert_eq!(way.attach().unwrap().report.quality["scientific"], 2);
}

#[test]
fn parquet_columns_that_cannot_hold_identifiers() {
    let place = Place::new();
    let numbers: [ArrayRef; 2] = [
        Arc::new(Int64Array::from(vec![117_091_320_400_164])),
        Arc::new(Float64Array::from(vec![117_091_320_400_164.0])),
    ];
    for (n, array) in numbers.into_iter().enumerate() {
        let way = Way::new(&place, &format!("d{n}"), "parquet", "csv");
        write_parquet(&way.data, vec![("nir", array)]);
        let error = way
            .prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
            .unwrap_err();
        assert_eq!(error.code(), "column-type");
        assert!(error.to_string().contains("2A") && !error.to_string().contains(KEYED), "{error}");
    }
    assert_eq!(place.names(), ["d0.parquet", "d1.parquet"]);
}

#[test]
fn a_truncated_or_damaged_parquet_file_is_refused() {
    let place = Place::new();
    let way = Way::new(&place, "d", "parquet", "csv");
    let cells: Vec<Option<&str>> = (0..500).map(|n| Some([KEYED, UNKEYED][n % 2])).collect();
    write_parquet(&way.data, vec![("nir", texts(&cells))]);
    let whole = fs::read(&way.data).unwrap();
    for len in 0..whole.len() {
        fs::write(&way.data, &whole[..len]).unwrap();
        let error = way
            .prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
            .unwrap_err();
        let expected = if len == 0 { "empty-file" } else { "parquet-damaged" };
        assert_eq!(error.code(), expected, "{len} bytes: {error}");
        assert!(!error.to_string().contains(KEYED));
    }
    fs::write(&way.data, format!("nir\n{KEYED}\n")).unwrap();
    assert_eq!(
        way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
            .unwrap_err()
            .code(),
        "not-parquet"
    );
    assert_eq!(place.names(), ["d.parquet"]);
}

#[test]
fn outputs_that_exist_and_places_that_cannot_be_read_or_written() {
    let place = Place::new();
    let way = Way::new(&place, "d", "csv", "csv");
    let code = || {
        way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
            .unwrap_err()
            .code()
    };
    assert_eq!(code(), "file-missing");
    fs::write(&way.data, format!("nir,wage\n{KEYED},1\n")).unwrap();
    for taken in [&way.request, &way.retained, &manifest_path(&way.request)] {
        fs::write(taken, "mine").unwrap();
        assert_eq!(code(), "output-exists");
        assert_eq!(fs::read(taken).unwrap(), b"mine");
        fs::remove_file(taken).unwrap();
        assert_eq!(place.names(), ["d.csv"]);
    }
    let nowhere = Way { request: place.path("no/request.csv"), ..way.clone() };
    assert_eq!(
        nowhere
            .prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
            .unwrap_err()
            .code(),
        "file-missing"
    );

    // A directory is neither data nor readable as such; the superuser is refused nothing else.
    fs::create_dir(place.path("dir.csv")).unwrap();
    let directory = Way { data: place.path("dir.csv"), ..way.clone() };
    assert_eq!(
        directory
            .prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
            .unwrap_err()
            .code(),
        "not-a-file"
    );
    fs::remove_dir(place.path("dir.csv")).unwrap();
    fs::set_permissions(&way.data, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::File::open(&way.data).is_err() {
        assert_eq!(code(), "file-permission");
    }
    fs::set_permissions(&way.data, fs::Permissions::from_mode(0o600)).unwrap();

    way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',').unwrap();
    way.code(&POPULATION, 1, 1).unwrap();
    for taken in [&way.out, &report_path(&way.out)] {
        fs::write(taken, "mine").unwrap();
        let before = place.names();
        assert_eq!(way.attach().unwrap_err().code(), "output-exists");
        assert_eq!(fs::read(taken).unwrap(), b"mine");
        assert_eq!(place.names(), before);
        fs::remove_file(taken).unwrap();
    }
    way.attach().unwrap();
}

#[test]
fn requests_that_are_not_as_they_were_written() {
    let place = Place::new();
    let way = Way::new(&place, "d", "csv", "csv");
    fs::write(&way.data, format!("nir,wage\n{KEYED},1\n{UNKEYED},2\n,3\n")).unwrap();
    way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',').unwrap();
    let rows = read_text(&way.request);
    let with = |change: &dyn Fn(&mut Vec<Vec<String>>)| {
        let mut rows = rows.clone();
        change(&mut rows);
        rows.iter().map(|row| row.join(",") + "\n").collect::<String>()
    };
    let cell = |row: usize, column: usize, text: &'static str| {
        with(&move |rows| text.clone_into(&mut rows[row][column]))
    };
    for (bad, code, row) in [
        (with(&|rows| rows.iter_mut().for_each(|row| row.push("x".into()))), "columns", None),
        (with(&|rows| rows.iter_mut().for_each(|row| row.reverse())), "columns", None),
        (with(&|rows| rows.iter_mut().for_each(|row| row.truncate(1))), "columns", None),
        (with(&|rows| rows[0][1] = "nir".into()), "columns", None),
        (with(&|rows| rows.swap(1, 2)), "index-order", Some(2)),
        (with(&|rows| rows[2][0] = rows[1][0].clone()), "index-order", Some(2)),
        (with(&|rows| rows[3][0] = rows[3][0].to_uppercase() + "A"), "index-form", Some(3)),
        (cell(1, 0, ""), "index-form", Some(1)),
        (cell(2, 0, "0000000000000000000000000000000g"), "index-form", Some(2)),
        (cell(1, 1, "117091320400165"), "identifier-form", Some(1)),
        (cell(1, 1, "1 17 09 13 204 001 64"), "identifier-form", Some(1)),
        (cell(2, 1, "Jean Dupont"), "identifier-form", Some(2)),
        (cell(2, 1, " "), "identifier-form", Some(2)),
        (cell(2, 1, "284092a055001"), "identifier-form", Some(2)),
        (with(&|rows| rows.truncate(1)), "no-rows", None),
        (String::new(), "empty-file", None),
        (with(&|rows| rows[2].push("x".into())), "ragged-row", Some(2)),
    ] {
        fs::write(&way.request, &bad).unwrap();
        let error = way.code(&POPULATION, 1, 1).unwrap_err();
        let message = error.to_string();
        assert_eq!(error.code(), code, "{bad}");
        if let Some(row) = row {
            assert!(message.contains(&format!("row {row} ")), "{message}");
        }
        for value in ["117", "284", "Dupont"] {
            assert!(!message.contains(value) && !format!("{error:?}").contains(value), "{message}");
        }
    }
    // Quotes, CRLF and semicolons are the same rows.
    for same in [
        with(&|rows| rows.iter_mut().flatten().for_each(|cell| *cell = format!("\"{cell}\""))),
        with(&|_| ()).replace('\n', "\r\n"),
        with(&|_| ()).replace(',', ";"),
        format!("\u{feff}{}", with(&|_| ())),
    ] {
        fs::write(&way.request, same).unwrap();
        way.code(&POPULATION, 1, 1).unwrap();
    }
}

#[test]
fn requests_in_parquet_with_other_types_are_refused() {
    let place = Place::new();
    let way = Way::new(&place, "d", "csv", "parquet");
    fs::write(&way.data, format!("nir,wage\n{KEYED},1\n")).unwrap();
    way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',').unwrap();
    let index: ArrayRef =
        Arc::new(arrow_array::FixedSizeBinaryArray::try_from_iter([[1_u8; 16]].iter()).unwrap());
    let number: ArrayRef = Arc::new(Int64Array::from(vec![117_091_320_400_164]));
    let short: ArrayRef =
        Arc::new(arrow_array::FixedSizeBinaryArray::try_from_iter([[1_u8; 8]].iter()).unwrap());
    for columns in [
        vec![("index", texts(&[Some("01")])), ("identifier", texts(&[Some(KEYED)]))],
        vec![("index", short), ("identifier", texts(&[Some(KEYED)]))],
        vec![("index", index), ("identifier", number)],
    ] {
        write_parquet(&way.request, columns);
        assert_eq!(way.code(&POPULATION, 1, 1).unwrap_err().code(), "column-type");
    }
}

#[test]
fn summaries_are_of_results_only() {
    let place = Place::new();
    let path = place.write("a.csv", "index,nir\n");
    assert_eq!(summarise(&path).unwrap_err().code(), "columns");
    assert_eq!(summarise(&place.path("a.xlsx")).unwrap_err().code(), "file-type");
    let way = coded_csv(&place, "d", format!("nir,v\n{KEYED},1\n{UNKEYED},2\n"), &POPULATION, 1);
    let result = fs::read_to_string(&way.result).unwrap();
    let cut = place.write("cut.csv", &result[..result.len() - 9]);
    assert!(matches!(summarise(&cut).unwrap_err().code(), "ragged-row" | "word-form"));
}

#[test]
fn a_parquet_file_with_any_byte_changed_is_read_or_refused() {
    let place = Place::new();
    let way = Way::new(&place, "d", "parquet", "csv");
    let cells: Vec<Option<&str>> =
        (0..30).map(|n| [Some(KEYED), Some(UNKEYED), None][n % 3]).collect();
    write_parquet(
        &way.data,
        vec![("nir", texts(&cells)), ("v", Arc::new(Int64Array::from_iter_values(0..30)))],
    );
    let whole = fs::read(&way.data).unwrap();
    let (mut read, mut refused) = (0, 0);
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= [0x01, 0x80, 0xff][at % 3];
        fs::write(&way.data, &bytes).unwrap();
        if let Err(error) =
            way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
        {
            assert!(!error.to_string().contains(KEYED), "{error}");
            refused += 1;
        } else {
            let beside = [manifest_path(&way.request), requested_path(&way.retained)];
            for made in [&way.request, &way.retained].into_iter().chain(&beside) {
                fs::remove_file(made).unwrap();
            }
            read += 1;
        }
    }
    assert!(read > 100 && refused > 100, "{read} {refused}");
}
