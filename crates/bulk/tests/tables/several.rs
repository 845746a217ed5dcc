//! Several columns of identifiers in one request: each cell has an index and a code of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchIterator, StringArray};
use cstatns::coded::Coded as _;
use cstatns::identifier::Scheme;
use cstatns::requested::{Requested, requested_path};
use cstatns_controller::{
    Attach, AttachError, Attached, Column, Prepare, PrepareError, Prepared, attach, check, prepare,
};
use cstatns_rows::effort::Effort;
use cstatns_rows::sink::Output;
use cstatns_rows::table::Input;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use crate::common::*;

const BOTH: Column<'static> =
    Column::Identifiers { columns: &["payer", "insured"], scheme: Scheme::FrNir };

/// An invented identifier without its key, and what a cell holds of it.
fn person(number: usize) -> String {
    format!("2{:02}{:02}75{:03}{:03}", number % 90, 1 + number % 12, number / 990, 1 + number % 990)
}

/// A cell of one of two columns: many people stand in both.
fn cell(row: usize, column: usize) -> Option<String> {
    match (row * 2 + column) % 23 {
        3 => None,
        5 => Some("12".to_owned()),
        _ => Some(person((row + column * 31) % 5000)),
    }
}

/// `note`, `insured`, `wage`, `payer`: not in the order in which they are named.
fn columns(rows: usize) -> Vec<(&'static str, ArrayRef)> {
    let of = |make: &dyn Fn(usize) -> Option<String>| -> ArrayRef {
        Arc::new((0..rows).map(make).collect::<StringArray>())
    };
    vec![
        ("note", of(&|row| (row % 3 > 0).then(|| format!("n{row}")))),
        ("insured", of(&|row| cell(row, 1))),
        ("wage", of(&|row| Some((row * 7).to_string()))),
        ("payer", of(&|row| cell(row, 0))),
    ]
}

fn batch(rows: usize) -> RecordBatch {
    let columns = columns(rows).into_iter().map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn write(path: &Path, rows: usize, group: usize) {
    let batch = batch(rows);
    if path.extension().is_some_and(|extension| extension == "parquet") {
        let properties =
            WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
        let file = File::create(path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        return;
    }
    let mut text = "note,insured,wage,payer\n".to_owned();
    for row in 0..rows {
        let cells: Vec<_> = ["note", "insured", "wage", "payer"]
            .iter()
            .map(|name| text_column(&batch.slice(row, 1), name)[0].clone().unwrap_or_default())
            .collect();
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    fs::write(path, text).unwrap();
}

fn with(threads: usize, memory: usize) -> Effort {
    Effort { threads: NonZeroUsize::new(threads).unwrap(), memory, ..Effort::default() }
}

/// Rows as text, without the header; what is null is empty.
fn rows_of(path: &Path) -> (Vec<String>, Vec<Vec<String>>) {
    if path.extension().is_some_and(|extension| extension == "csv") {
        let mut rows = read_text(path);
        return (rows.remove(0), rows);
    }
    table_of(&read_parquet(path))
}

fn table_of(batch: &RecordBatch) -> (Vec<String>, Vec<Vec<String>>) {
    let names: Vec<String> =
        batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    let columns: Vec<_> = names.iter().map(|name| text_column(batch, name)).collect();
    let row =
        |at: usize| columns.iter().map(|cells| cells[at].clone().unwrap_or_default()).collect();
    (names.clone(), (0..batch.num_rows()).map(row).collect())
}

/// The code of each person who stands in a cell.
fn codes(rows: usize, generation: u32) -> BTreeMap<String, String> {
    let cells = (0..rows).flat_map(|row| [cell(row, 0), cell(row, 1)]).flatten();
    let people: BTreeSet<String> = cells.filter(|cell| cell.len() > 2).collect();
    let parse = |cell: &String| Scheme::FrNir.parse(cell.as_bytes()).unwrap().identifier;
    let identifiers: Vec<_> = people.iter().map(parse).collect();
    let mut codes = Vec::new();
    POPULATION.coder(generation).code(&identifiers, &mut codes);
    people.into_iter().zip(codes.iter().map(|code| code.text())).collect()
}

/// What the rows of an attached file of [`BOTH`] are.
fn expected(rows: usize, generation: u32) -> Vec<Vec<String>> {
    let codes = codes(rows, generation);
    let of = |cell: Option<String>| match cell {
        None => ["".to_owned(), "absent".to_owned()],
        Some(cell) if cell.len() == 2 => ["".to_owned(), "wrong-length".to_owned()],
        Some(cell) => [codes[&cell].clone(), "unkeyed".to_owned()],
    };
    let batch = batch(rows);
    let [notes, wages] = ["note", "wage"].map(|name| text_column(&batch, name));
    let row = |row: usize| {
        let others = [&notes, &wages].map(|cells| cells[row].clone().unwrap_or_default());
        [of(cell(row, 0)), of(cell(row, 1)), others].concat()
    };
    (0..rows).map(row).collect()
}

const CODED: [&str; 6] =
    ["payer_code", "payer_quality", "insured_code", "insured_quality", "note", "wage"];

fn coded(place: &Place, name: &str, own: &str, travelling: &str, rows: usize) -> (Way, Prepared) {
    let way = Way::new(place, name, own, travelling);
    write(&way.data, rows, 100);
    let prepared = way.prepare(BOTH, b',').unwrap();
    way.code(&POPULATION, 1, 1).unwrap();
    (way, prepared)
}

#[test]
fn each_cell_has_an_index_and_its_code_comes_back_to_it() {
    const ROWS: usize = 700;
    for (own, travelling) in [("csv", "csv"), ("parquet", "parquet"), ("csv", "parquet")] {
        let place = Place::new();
        let (way, prepared) = coded(&place, "d", own, travelling, ROWS);
        let filled = (0..ROWS).flat_map(|row| [cell(row, 0), cell(row, 1)]).flatten();
        let people: Vec<_> = filled.filter(|cell| cell.len() > 2).collect();
        let distinct = people.iter().collect::<BTreeSet<_>>().len();
        // The counts that custodians see are over all cells.
        assert_eq!((prepared.rows, prepared.input.rows), (ROWS as u64, 2 * ROWS as u64));
        assert_eq!(prepared.input.values, people.len() as u64);
        assert_eq!(prepared.input.distinct, distinct as u64);
        assert_eq!(prepared.found.counts.values().sum::<u64>(), 2 * ROWS as u64);
        assert_eq!(prepared.found.counts["ok"], people.len() as u64);
        assert_eq!(prepared.requested.unwrap().data[0].columns, [4, 2]);

        if own == "csv" {
            let (header, retained) = rows_of(&way.retained);
            assert_eq!(header, ["index", "row", "column", "status"]);
            assert!(retained.is_sorted_by(|one, next| one[0] < next[0]));
            let places: BTreeSet<_> = retained.iter().map(|row| (&row[1], &row[2])).collect();
            let wanted: Vec<_> = (1..=ROWS)
                .flat_map(|row| ["1", "2"].map(|column| (row.to_string(), column)))
                .collect();
            assert_eq!(places.len(), wanted.len());
            assert!(
                wanted.iter().all(|(row, column)| places.contains(&(row, &(*column).to_owned())))
            );
            if travelling == "csv" {
                // Column 1 is the one that was named first.
                let sent: BTreeMap<_, _> = rows_of(&way.request)
                    .1
                    .into_iter()
                    .map(|row| (row[0].clone(), row[1].clone()))
                    .collect();
                for row in &retained {
                    let [at, column] =
                        [1, 2].map(|cell: usize| row[cell].parse::<usize>().unwrap() - 1);
                    let cell = cell(at, column).filter(|cell| cell.len() > 2);
                    assert_eq!(sent[&row[0]], cell.unwrap_or_default());
                }
            }
        }

        let attached = way.attach().unwrap();
        assert_eq!(attached.rows, ROWS as u64);
        let report = &attached.report;
        assert_eq!((report.rows_in, report.rows_out), (2 * ROWS as u64, ROWS as u64));
        assert_eq!(report.coded, Some(people.len() as u64));
        assert_eq!(report.quality["unkeyed"], people.len() as u64);
        assert_eq!(report.quality.values().sum::<u64>(), 2 * ROWS as u64);
        let (header, rows) = rows_of(&way.out);
        assert_eq!(header, CODED);
        assert!(rows == expected(ROWS, 1), "{own}");

        let facts = check(std::slice::from_ref(&way.out)).unwrap().remove(0);
        assert_eq!(facts.columns, ["payer_code", "insured_code"]);
        assert_eq!((facts.rows, facts.distinct_codes), (ROWS as u64, distinct as u64));
    }
}

fn attach_frame<'a>(
    (retained, requested, result): (&[RecordBatch], &'a Requested, &'a Path),
    data: Input<'a>,
    out: Output<'a>,
) -> Result<Attached, AttachError> {
    let schema = retained[0].schema();
    let owned = retained.to_vec();
    let batches = owned.into_iter().map(Ok);
    let batches = Box::new(RecordBatchIterator::new(batches, schema));
    let what = Attach {
        party: None,
        data: Some(data.into()),
        retained: Input::Frame { name: "retained", rows: None, batches },
        requested: Some(requested),
        result,
        out,
        shuffle: false,
        binary_codes: false,
        destroy: &[],
    };
    attach(what, &Effort::default())
}

#[test]
fn frames_are_like_files() {
    const ROWS: usize = 500;
    let place = Place::new();
    let batch = batch(ROWS);
    let frame = || {
        let batches = [batch.slice(0, 77), batch.slice(77, ROWS - 77)].map(Ok);
        let batches = Box::new(RecordBatchIterator::new(batches, batch.schema()));
        Input::Frame { name: "frame", rows: Some(ROWS as u64), batches }
    };
    let way = Way::new(&place, "d", "parquet", "parquet");
    let mut retained = Vec::new();
    let mut take = |batch| {
        retained.push(batch);
        Ok(())
    };
    let prepared = prepare(
        Prepare {
            sending: None,
            data: frame().into(),
            column: BOTH,
            service: service(),
            signing: &crate::signed::signing(),
            domain: domain(),
            request: &way.request,
            beside: Output::Frame(&mut take).into(),
            delimiter: b',',
            reading: Default::default(),
            accepted: &[],
        },
        &Effort::default(),
    )
    .unwrap();
    way.code(&POPULATION, 1, 1).unwrap();
    let mut attached = Vec::new();
    let mut take = |batch| {
        attached.push(batch);
        Ok(())
    };
    let of = (&retained[..], prepared.requested.as_ref().unwrap(), &*way.result);
    attach_frame(of, frame(), Output::Frame(&mut take)).unwrap();
    let all = arrow_select::concat::concat_batches(&attached[0].schema(), &attached).unwrap();
    let (header, rows) = table_of(&all);
    assert_eq!(header, CODED);
    assert!(rows == expected(ROWS, 1));

    // A frame goes to a file, which is written anew, like one that was a file.
    attach_frame(of, frame(), (&way.out).into()).unwrap();
    assert!(rows_of(&way.out) == (header, rows));

    // The columns by the same numbers, but another one has the name of codes now.
    let renamed = columns(ROWS)
        .into_iter()
        .map(|(name, column)| (if name == "note" { "Payer_Code" } else { name }, column, true));
    let renamed = RecordBatch::try_from_iter_with_nullable(renamed).unwrap();
    let batches = Box::new(RecordBatchIterator::new([Ok(renamed.clone())], renamed.schema()));
    let data = Input::Frame { name: "frame", rows: None, batches };
    let mut take = |_| Ok(());
    let error = attach_frame(of, data, Output::Frame(&mut take)).unwrap_err();
    assert_eq!(error.code(), "data-changed");
}

#[test]
fn rows_and_cells_that_go_over_parts_and_groups_keep_their_places() {
    // Cells of 30,000 rows begin in one part of the records and end in another; row groups of
    // both ways: held at once, and not.
    const ROWS: usize = 140_000;
    let wanted = expected(ROWS, 1);
    for (own, group) in [("csv", 1), ("parquet", 9_999)] {
        let place = Place::new();
        let way = Way::new(&place, "d", own, "parquet");
        write(&way.data, ROWS, group);
        for (nth, effort) in [with(2, 1 << 30), with(1, 0)].into_iter().enumerate() {
            let what = Prepare {
                sending: None,
                data: (&way.data).into(),
                column: BOTH,
                service: service(),
                signing: &crate::signed::signing(),
                domain: domain(),
                request: &way.request,
                beside: (&way.retained).into(),
                delimiter: b',',
                reading: Default::default(),
                accepted: &[],
            };
            prepare(what, &effort).unwrap();
            way.code(&POPULATION, 1, 1).unwrap();
            let out = place.path(&format!("out-{nth}.{own}"));
            let what = Attach {
                party: None,
                data: None,
                retained: (&way.retained).into(),
                requested: None,
                result: &way.result,
                out: (&out).into(),
                shuffle: false,
                binary_codes: false,
                destroy: &[],
            };
            attach(what, &effort).unwrap();
            assert!(rows_of(&out).1 == wanted, "{own}");
            for file in [&way.request, &way.retained, &requested_path(&way.retained)] {
                fs::remove_file(file).unwrap();
            }
            fs::remove_file(cstatns::manifest::manifest_path(&way.request)).unwrap();
        }
    }
}

#[test]
fn a_row_group_whose_cells_are_not_held_at_once_has_them_in_their_places() {
    const ROWS: usize = 300_000;
    let place = Place::new();
    let way = Way::new(&place, "d", "parquet", "parquet");
    write(&way.data, ROWS, ROWS);
    way.prepare(BOTH, b',').unwrap();
    way.code(&POPULATION, 1, 1).unwrap();
    way.attach().unwrap();
    assert!(rows_of(&way.out).1 == expected(ROWS, 1));
}

#[test]
fn a_renewal_keeps_the_names_of_the_columns() {
    const ROWS: usize = 300;
    for own in ["csv", "parquet"] {
        let place = Place::new();
        let (first, _) = coded(&place, "d", own, "csv", ROWS);
        first.attach().unwrap();
        let way = Way { data: first.out, ..Way::new(&place, "n", own, "csv") };
        let both = Column::Codes(&["payer_code", "insured_code"]);
        let prepared = way.prepare(both, b',').unwrap();
        assert_eq!(prepared.input.rows, 2 * ROWS as u64);
        assert_eq!(way.manifest().previous.len(), 1);
        way.renew(&POPULATION, 1, 2, 2).unwrap();
        let report = way.attach().unwrap().report;
        let (header, rows) = rows_of(&way.out);
        // The codes first; the qualities where they were.
        let wanted =
            ["payer_code", "insured_code", "payer_quality", "insured_quality", "note", "wage"];
        assert_eq!(header, wanted);
        let renewed = expected(ROWS, 2).into_iter().map(|mut row| {
            row.swap(1, 2);
            row
        });
        assert!(rows == renewed.collect::<Vec<_>>(), "{own}");
        // The words of both qualities, counted.
        assert_eq!(report.quality.values().sum::<u64>(), 2 * ROWS as u64);
        assert_eq!(report.quality["unkeyed"], prepared.input.values);
        let facts = check(&[&way.out]).unwrap().remove(0);
        assert_eq!((facts.generation.get(), facts.columns.len()), (2, 2));
    }
}

#[test]
fn codes_are_found_among_columns_of_other_making() {
    let place = Place::new();
    let code = POPULATION.code_of(KEYED, 1);
    let other = POPULATION.code_of(KEYED, 2);
    let file = |text: String| place.write("d.csv", text);
    let path = file(format!("postal_code;a_code;b_code\n75001;;{code}\n;{code};{code}\n"));
    let facts = check(&[path]).unwrap().remove(0);
    assert_eq!(facts.columns, ["a_code", "b_code"]);
    assert_eq!(facts.distinct_codes, 1);
    // From the first code on every cell must be one, and of one generation.
    for (text, code) in [
        (format!("a_code,b_code\n{code},{code}\n{code},75001\n"), "code-form"),
        (format!("a_code,b_code\n{code},{other}\n"), "other-codes"),
        ("postal_code\n75001\n".to_owned(), "no-codes"),
        ("place\n75001\n".to_owned(), "missing-column"),
    ] {
        assert_eq!(check(&[file(text)]).unwrap_err().code(), code);
    }
}

/// Tries to prepare these columns of text.
fn tried(text: &str, columns: &[&str], renewal: bool) -> Result<Prepared, PrepareError> {
    let place = Place::new();
    let way = Way::new(&place, "d", "csv", "csv");
    fs::write(&way.data, text).unwrap();
    let column = match renewal {
        true => Column::Codes(columns),
        false => Column::Identifiers { columns, scheme: Scheme::FrNir },
    };
    let prepared = way.prepare(column, b',');
    assert_eq!(place.names().len(), if prepared.is_ok() { 5 } else { 1 }, "{:?}", place.names());
    prepared
}

#[test]
fn names_that_are_needed_are_refused() {
    let refused = |header: &str, columns: &[&str], renewal: bool, code: &str, says: &str| {
        let value = if renewal { POPULATION.code_of(KEYED, 1) } else { KEYED.to_owned() };
        let cells = header.split(',').map(|name| match columns.contains(&name) {
            true => value.clone(),
            false => "1".to_owned(),
        });
        let text = format!("{header}\n{}\n", cells.collect::<Vec<_>>().join(","));
        let error = tried(&text, columns, renewal).expect_err(header);
        assert_eq!(error.code(), code, "{header}: {error}");
        assert!(error.to_string().contains(says), "{header}: {error}");
        assert!(!error.to_string().contains(&value), "{error}");
    };
    let coding = |header: &str, columns: &[&str], code: &str, says: &str| {
        refused(header, columns, false, code, says);
    };
    let both = &["a", "b"];
    for name in ["a_code", "A_Code", " b_quality ", "B_CODE"] {
        coding(&format!("a,b,{name}"), both, "reserved-column", name.trim());
    }
    // Those that are reserved for one column are for several too.
    for name in ["index", "Status", "code", "quality", "score"] {
        coding(&format!("a,b,{name}"), both, "reserved-column", "");
    }
    // A column that is sent is in the way too, as nobody could say which codes are its.
    coding("a,a_code", &["a", "a_code"], "reserved-column", "a_code");
    coding("a,A", &["a", "A"], "sent-twice", "column A");
    coding("a,b", &["a", "a"], "sent-twice", "column a");
    coding("a,b", &["#2", "b"], "sent-twice", "column b");
    coding("a,b", &["a", "c"], "missing-column", "\"c\"");
    coding("a,a,b", &["b", "a"], "column-twice", "\"a\"");
    coding("a,b", &[], "no-column", "");
    let renewal = |header: &str, columns: &[&str], code: &str, says: &str| {
        refused(header, columns, true, code, says);
    };
    renewal("a_code,a", &["a_code", "a"], "sent-twice", "column a");
    renewal("a_code,b_code,A_quality", &["a_code", "b_code"], "reserved-column", "A_quality");
    renewal("a_code,b,b_code", &["a_code", "b"], "reserved-column", "b_code");
    renewal("a_code,b_code,code", &["a_code", "b_code"], "reserved-column", "code");

    let code = POPULATION.code_of(KEYED, 1);
    let row = format!("{code},{code},valid\n");
    // What a coding wrote before stays; other names of columns of codes are kept or made.
    tried(&format!("a_code,b,a_quality\n{row}"), &["a_code", "b"], true).unwrap();
    tried(&format!("code,b_code,quality\n{row}"), &["code", "b_code"], true).unwrap();
}

#[test]
fn a_first_row_of_people_is_no_header() {
    // No column is named after somebody, and nobody is named in the error.
    let text = format!("{KEYED},{UNKEYED}\n{KEYED},{UNKEYED}\n");
    let error = tried(&text, &["#1", "#2"], false).unwrap_err();
    assert_eq!(error.code(), "column-unnamed");
    let said = format!("{error} {error:?}");
    assert!(!said.contains(KEYED) && !said.contains(UNKEYED), "{said}");
    let text = format!("a,\n{KEYED},{UNKEYED}\n");
    assert_eq!(tried(&text, &["#1", "#2"], false).unwrap_err().code(), "column-unnamed");
    // One column's codes are not called after it.
    let text = format!("a,\nx,{UNKEYED}\n");
    tried(&text, &["#2"], false).unwrap();
}

#[test]
fn each_column_is_judged_by_itself() {
    // The other column is full of identifiers; this one alone is wrong.
    let text = format!("a,b\n{KEYED},x\n{KEYED},x\n{KEYED},{KEYED}\n{KEYED},\n");
    let error = tried(&text, &["a", "b"], false).unwrap_err();
    assert_eq!(error.code(), "wrong-column");
    let said = "d.csv\": 2 of 3 values of the column b are not identifiers (wrong-character 2)";
    assert!(error.to_string().ends_with(said), "{error}");
    let text = format!("a,b\n{KEYED},x\n{KEYED},{KEYED}\n");
    tried(&text, &["a", "b"], false).unwrap();

    // A column that is sent does not stay; one that is not is refused.
    let text = format!("a,b,c\n{KEYED},{KEYED},{KEYED}\n");
    assert_eq!(tried(&text, &["a", "b"], false).unwrap_err().code(), "identity-kept");
    tried(&text, &["a", "b", "c"], false).unwrap();

    // Codes of several columns are of one kind.
    let [one, other] = [1, 2].map(|generation| POPULATION.code_of(KEYED, generation));
    let text = format!("a_code,b_code\n{one},{other}\n");
    assert_eq!(tried(&text, &["a_code", "b_code"], true).unwrap_err().code(), "mixed-codes");
    assert_eq!(tried("a,b\n,\n", &["a", "b"], true).unwrap_err().code(), "no-codes");
}

#[test]
fn retained_rows_that_do_not_name_each_cell_once_are_refused() {
    let place = Place::new();
    let (way, _) = coded(&place, "d", "csv", "csv", 20);
    let kept = fs::read_to_string(&way.retained).unwrap();
    for (from, to) in
        [(",1,1,", ",1,2,"), (",1,1,", ",21,1,"), (",1,2,", ",1,3,"), (",1,2,", ",1,0,")]
    {
        assert!(kept.contains(from), "{from}");
        fs::write(&way.retained, kept.replace(from, to)).unwrap();
        assert_eq!(way.attach().unwrap_err().code(), "retained-rows", "{from} {to}");
        assert!(!way.out.exists());
    }
    // One of a request of one column is of another form.
    let single: String =
        kept.lines().map(|line| line.replacen(",column,", ",", 1) + "\n").collect();
    fs::write(&way.retained, single).unwrap();
    assert_eq!(way.attach().unwrap_err().code(), "columns");
    fs::write(&way.retained, &kept).unwrap();

    // What was kept of the request says that there are three.
    let path = requested_path(&way.retained);
    let said = fs::read_to_string(&path).unwrap();
    fs::write(&path, said.replace("      4,\n", "      1,\n      4,\n")).unwrap();
    assert_ne!(fs::read_to_string(&path).unwrap(), said);
    assert_eq!(Requested::read(&path).unwrap_err().code(), "requested-form");
    fs::write(&path, said).unwrap();
    way.attach().unwrap();
}
