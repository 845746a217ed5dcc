//! Requests and results in parts, and requests that another program wrote.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use cstatns::civil_status::Years;
use cstatns::civil_status::request::{COLUMNS, IDENTIFIER};
use cstatns::coded::Coded as _;
use cstatns::commitment::Use;
use cstatns::identifier::Scheme;
use cstatns::manifest::{Content, Manifest, manifest_path};
use cstatns::proposal::{Engine, Input};
use cstatns::report::report_path;
use cstatns_controller::{Column, Describe, PrepareError, describe};
use cstatns_rows::effort::Effort;
use cstatns_rows::parts::all_files;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;

use crate::common::*;

const NIR: Column<'static> = Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir };

fn person(number: usize) -> String {
    format!("1{:02}{:02}69{:03}{:03}", number % 90, 1 + number % 12, number / 990, 1 + number % 990)
}

/// Data of so many rows, of which each tenth is empty, prepared.
fn prepared(place: &Place, travelling: &str, rows: usize) -> Way {
    let way = Way::new(place, "d", "csv", travelling);
    let cell = |row: usize| if row % 10 == 3 { String::new() } else { person(row % 300) };
    let text: String = (0..rows).map(|row| format!("{},{row}\n", cell(row))).collect();
    fs::write(&way.data, format!("nir,wage\n{text}")).unwrap();
    way.prepare(NIR, b',').unwrap();
    way
}

/// Puts a folder of parts in place of a file: their names are not in the order of their rows.
fn divide(path: &Path, parts: usize) {
    let folder = path.with_extension("parts");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("_SUCCESS"), "").unwrap();
    fs::write(folder.join(".part.crc"), "not rows").unwrap();
    let is_parquet = path.extension().is_some_and(|extension| extension == "parquet");
    let name = |at: usize| {
        let extension = if is_parquet { "snappy.parquet" } else { "csv" };
        folder.join(format!("part-{:05}.{extension}", parts - at))
    };
    if is_parquet {
        let (batch, marks) = (read_parquet(path), pairs(path));
        let each = batch.num_rows().div_ceil(parts);
        for at in 0..=parts {
            let from = (at * each).min(batch.num_rows());
            let part = batch.slice(from, each.min(batch.num_rows() - from));
            write_part(&name(at), &part, &marks);
        }
    } else {
        let text = fs::read_to_string(path).unwrap();
        let (header, rows) = text.split_once('\n').unwrap();
        let rows: Vec<_> = rows.lines().collect();
        let each = rows.len().div_ceil(parts);
        for at in 0..=parts {
            let part = rows.iter().skip(at * each).take(each);
            let part: String = part.map(|row| format!("{row}\n")).collect();
            fs::write(name(at), format!("{header}\n{part}")).unwrap();
        }
    }
    fs::remove_file(path).unwrap();
    fs::rename(folder, path).unwrap();
}

fn write_part(path: &Path, batch: &RecordBatch, marks: &[(String, String)]) {
    let file = fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    for (key, value) in marks {
        writer.append_key_value_metadata(KeyValue::new(key.clone(), value.clone()));
    }
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn a_request_and_a_result_in_parts_are_as_if_they_were_whole() {
    for travelling in ["csv", "parquet"] {
        let place = Place::new();
        let way = prepared(&place, travelling, 1000);
        way.code(&POPULATION, 1, 1).unwrap();
        way.attach().unwrap();
        let whole = fs::read(&way.out).unwrap();
        let rows = |path: &Path| match travelling {
            "csv" => read_text(path),
            _ => {
                let batch = read_parquet(path);
                let codes =
                    binary_column(&batch, "code").into_iter().map(|code| format!("{code:?}"));
                let words = text_column(&batch, "quality").into_iter().flatten();
                codes.zip(words).map(|(code, word)| vec![code, word]).collect()
            }
        };
        let result = rows(&way.result);

        divide(&way.request, 7);
        fs::remove_file(&way.result).unwrap();
        fs::remove_file(report_path(&way.result)).unwrap();
        way.code(&POPULATION, 1, 1).unwrap();
        assert!(rows(&way.result) == result, "{travelling}");

        divide(&way.result, 3);
        fs::remove_file(&way.out).unwrap();
        fs::remove_file(report_path(&way.out)).unwrap();
        fs::remove_file(cstatns::received::received_path(&way.out)).unwrap();
        way.attach().unwrap();
        assert!(fs::read(&way.out).unwrap() == whole, "{travelling}");
    }
}

#[test]
fn parts_that_do_not_go_together_are_refused() {
    let place = Place::new();
    let way = prepared(&place, "csv", 200);
    divide(&way.request, 4);
    let part = way.request.join("part-00002.csv");
    let kept = fs::read_to_string(&part).unwrap();
    let code = || way.code(&POPULATION, 1, 1).unwrap_err().code();

    // One that is there twice, one that is missing, one row more.
    fs::copy(&part, way.request.join("part-again.csv")).unwrap();
    assert_eq!(code(), "index-order");
    fs::remove_file(way.request.join("part-again.csv")).unwrap();
    fs::remove_file(&part).unwrap();
    assert_eq!(code(), "commitment");
    fs::write(&part, format!("{kept}{},\n", "f".repeat(32))).unwrap();
    assert_eq!(code(), "index-order");

    // Other columns, another type, something else.
    fs::write(&part, kept.replace("index,identifier", "index,code")).unwrap();
    assert_eq!(code(), "part-other");
    fs::write(&part, kept.replace(',', ";")).unwrap();
    assert_eq!(code(), "part-other");
    fs::write(&part, &kept).unwrap();
    fs::write(way.request.join("readme.md"), "").unwrap();
    assert_eq!(code(), "file-type");
    fs::remove_file(way.request.join("readme.md")).unwrap();
    // Partitions of an engine; what it left beside them is passed over, and could not be destroyed.
    fs::create_dir(way.request.join("year=2024")).unwrap();
    fs::copy(&part, way.request.join("year=2024/part-0.csv")).unwrap();
    assert_eq!(code(), "part-folder");
    fs::remove_dir_all(way.request.join("year=2024")).unwrap();
    fs::create_dir(way.request.join("_temporary")).unwrap();
    assert_eq!(all_files(&way.request).unwrap_err().code(), "part-folder");
    fs::remove_dir(way.request.join("_temporary")).unwrap();
    assert_eq!(all_files(&way.request).unwrap().len(), 7);
    way.code(&POPULATION, 1, 1).unwrap();

    fs::remove_dir_all(&way.request).unwrap();
    fs::create_dir(&way.request).unwrap();
    assert_eq!(code(), "no-parts");
    fs::write(way.request.join("_SUCCESS"), "").unwrap();
    assert_eq!(code(), "no-parts");
    fs::write(way.request.join("a.csv"), "index,identifier\n").unwrap();
    assert_eq!(code(), "no-rows");
}

/// Parts of Parquet have the same types and marks, not only the same names of columns.
#[test]
fn parts_of_other_types_or_marks_are_refused() {
    let place = Place::new();
    let way = prepared(&place, "parquet", 200);
    divide(&way.request, 4);
    let code = || way.code(&POPULATION, 1, 1).unwrap_err().code();
    let part = way.request.join("part-00002.snappy.parquet");
    let (kept, batch, marks) = (fs::read(&part).unwrap(), read_parquet(&part), pairs(&part));

    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1; batch.num_rows()]));
    let columns = [("index", batch.column(0).clone()), ("identifier", numbers)];
    write_part(&part, &RecordBatch::try_from_iter(columns).unwrap(), &marks);
    assert_eq!(code(), "part-other");
    let columns = [("index", batch.column(0)), ("identifier", batch.column(1))];
    let cells = columns.map(|(name, cells)| (name, cells.clone()));
    let others = POPULATION.meta(1, 1).pairs();
    let others: Vec<_> = others.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    write_part(&part, &RecordBatch::try_from_iter(cells).unwrap(), &others);
    assert_eq!(code(), "part-other");
    // Text among them, whatever its columns are called.
    fs::remove_file(&part).unwrap();
    let text = way.request.join("part-00002.csv");
    fs::write(&text, "index,identifier\n").unwrap();
    assert_eq!(code(), "part-other");
    fs::remove_file(&text).unwrap();
    fs::write(&part, kept).unwrap();
    way.code(&POPULATION, 1, 1).unwrap();
}

fn described(request: &Path, domain: &Domain) -> Result<(Input, Content), PrepareError> {
    let what = Describe {
        request,
        service: &domain.id(),
        domain: &cstatns::name::Name::new(domain.name).unwrap(),
        scheme: Scheme::FrNir,
        years: Years::at("2026-11-29T00:00:00Z".parse().unwrap()),
    };
    describe(&what, &Effort::default())
}

#[test]
fn a_request_of_another_program_is_counted_as_prepare_counts_it() {
    for (travelling, divided) in [("csv", 0), ("parquet", 0), ("csv", 5), ("parquet", 5)] {
        let place = Place::new();
        let way = prepared(&place, travelling, 1000);
        let own = way.manifest().input;
        assert_eq!(described(&way.request, &POPULATION).unwrap_err().code(), "output-exists");
        fs::remove_file(manifest_path(&way.request)).unwrap();
        if divided > 0 {
            divide(&way.request, divided);
        }
        let (input, content) = described(&way.request, &POPULATION).unwrap();
        assert_eq!(content, Content::Identifiers { scheme: Scheme::FrNir });
        let counts = |input: &Input| (input.rows, input.values, input.distinct);
        assert_eq!(counts(&input), counts(&own));
        assert_eq!((own.engine, input.engine), (None, Some(Engine::Other)));
        assert_ne!(input.commitment, own.commitment, "its secret is another one");
        // What is read again says the same, and the service agrees.
        assert_eq!(way.manifest().input, input);
        assert_eq!(way.code(&POPULATION, 1, 1).unwrap().input, input);
        let said = input.to_string();
        assert!(said.contains("engine: other") && !own.to_string().contains("engine"), "{said}");
    }
}

#[test]
fn what_the_service_would_refuse_has_no_manifest() {
    let place = Place::new();
    let index = |at: usize| format!("{at:032x}");
    let refused = |text: &str| {
        let request = place.write("r.csv", text);
        let error = described(&request, &POPULATION).unwrap_err();
        assert!(!manifest_path(&request).exists(), "{text}");
        error
    };
    let good = person(1);
    for (cell, word) in [
        ("2 84 05 2a 321 025", "not-compact"),
        ("123", "wrong-length"),
        ("1.8E+14", "scientific"),
        ("284052A32102560", "wrong-control-key"),
    ] {
        let text = format!("index,identifier\n{},{good}\n{},{cell}\n", index(1), index(2));
        let error = refused(&text);
        assert!(error.to_string().contains("row 2") && error.to_string().contains(word), "{error}");
        assert!(!error.to_string().contains(cell), "{error}");
    }
    let rows = |one: usize, other: usize| {
        refused(&format!("index,identifier\n{},{good}\n{},{good}\n", index(one), index(other)))
    };
    assert_eq!(rows(2, 1).code(), "index-order");
    assert_eq!(rows(2, 2).code(), "index-order");
    assert_eq!(refused(&format!("index,identifier\nx,{good}\n")).code(), "index-form");
    assert_eq!(refused("index,identifier\n").code(), "no-rows");
    for header in ["index", "index,nir", "identifier,index", "index,identifier,wage", "nir"] {
        let cells = vec![index(1); header.split(',').count()].join(",");
        let error = refused(&format!("{header}\n{cells}\n"));
        assert_eq!(error.code(), "columns", "{header}");
    }
    let people = |cells: &str| {
        refused(&format!("index,{}\n{},{cells}\n", COLUMNS[..IDENTIFIER].join(","), index(1)))
    };
    let error = people("DUPONT,,JEAN,1,32/13/1970,75056,PARIS,");
    assert!(error.to_string().contains("date_naissance") && !error.to_string().contains("32/13"));
}

#[test]
fn codes_and_civil_status_of_another_program_too() {
    let place = Place::new();
    let way = coded_csv(&place, "d", format!("nir,wage\n{KEYED},1\n{UNKEYED},2\n"), &POPULATION, 1);
    let codes = column(&way.out, "code");
    let request = |rows: &[(&str, &str)]| {
        let rows: String =
            rows.iter().map(|(index, code)| format!("{index:0>32},{code}\n")).collect();
        place.write("renewal.csv", format!("index,code\n{rows}"))
    };
    let path = request(&[("1", &codes[0]), ("2", &codes[1]), ("3", ""), ("a", &codes[0])]);
    let (input, content) = described(&path, &POPULATION).unwrap();
    assert_eq!((input.rows, input.values, input.distinct, content.r#use()), (4, 3, 2, Use::Renew));
    let renewal = Way { request: path.clone(), result: place.path("renewed.csv"), ..way };
    assert_eq!(renewal.renew(&POPULATION, 1, 2, 2).unwrap().input, input);
    let found = column(&renewal.result, "code");
    assert_eq!(
        found,
        [
            POPULATION.code_of(KEYED, 2),
            POPULATION.code_of(UNKEYED, 2),
            String::new(),
            POPULATION.code_of(KEYED, 2)
        ]
    );

    fs::remove_file(manifest_path(&path)).unwrap();
    assert_eq!(described(&path, &OTHER_DOMAIN).unwrap_err().code(), "other-tag");
    let newer = POPULATION.code_of(KEYED, 2);
    let path = request(&[("1", &codes[0]), ("2", &newer)]);
    assert_eq!(described(&path, &POPULATION).unwrap_err().code(), "mixed-codes");
    let path = request(&[("1", "")]);
    assert_eq!(described(&path, &POPULATION).unwrap_err().code(), "no-codes");

    // As `prepare` counts people: rows that are the same are one.
    let data = place.write(
        "people.csv",
        "nom,prenoms,date_naissance,pays\nDUPONT,JEAN,1970-01-01,\nDUPONT,JEAN,1970-01-01,\nMARTIN,ANNE,,\n",
    );
    let years = Years::at("2026-11-29T00:00:00Z".parse().unwrap());
    let way = Way { data, ..Way::new(&place, "p", "csv", "csv") };
    way.prepare(Column::CivilStatus { map: &[], years }, b',').unwrap();
    let own = way.manifest().input;
    fs::remove_file(manifest_path(&way.request)).unwrap();
    let (input, content) = described(&way.request, &POPULATION).unwrap();
    assert_eq!(content, Content::CivilStatus { identifier: false });
    assert_eq!((input.rows, input.values, input.distinct), (own.rows, own.values, own.distinct));
    assert_eq!(Manifest::read(&manifest_path(&way.request)).unwrap().content, content);
}
