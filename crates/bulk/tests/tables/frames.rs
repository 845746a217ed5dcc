//! From and to frames in memory: the same as from and to files, and no identifier on disk but in
//! the request.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{Int64Builder, ListBuilder, StringDictionaryBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Int64Array, ListArray, RecordBatch, RecordBatchIterator,
    RecordBatchReader, StringArray, StringViewArray, UInt32Array,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, UnionFields};
use arrow_select::concat::concat_batches;
use cstatns::coded::Coded as _;
use cstatns::identifier::Scheme;
use cstatns::manifest::{Content, Manifest, manifest_path};
use cstatns::requested::{Requested, requested_path};
use cstatns_bulk::{Request, code, renew};
use cstatns_controller::{
    Attach, AttachError, Attached, Column, Prepare, PrepareError, attach, check, prepare,
};
use cstatns_rows::csv::Delimiter;
use cstatns_rows::effort::Effort;
use cstatns_rows::error::TableError;
use cstatns_rows::sink::Output;
use cstatns_rows::table::{Format, Input, Source};
use parquet::arrow::ArrowWriter;

use crate::common::*;

const ROWS: usize = 700;

/// An invented identifier, absent or wrong in some rows.
fn identifier(row: usize) -> Option<String> {
    match row % 50 {
        7 => None,
        8 => Some("12".to_owned()),
        _ => Some(format!("184{:02}75{:03}{:03}", 1 + row % 12, row % 1000, 1 + row / 1000)),
    }
}

fn department(row: usize) -> &'static str {
    ["01", "2A", "974"][row % 3]
}

/// Rows of the types that frames have and files have not, and of some others.
fn data() -> RecordBatch {
    let mut departments = StringDictionaryBuilder::<Int8Type>::new();
    let mut wages = ListBuilder::new(Int64Builder::new());
    for row in 0..ROWS {
        departments.append_value(department(row));
        wages.append_value((0..row % 3).map(|month| Some((1000 * row + month) as i64)));
    }
    let columns: [(&str, ArrayRef); 5] = [
        ("row", Arc::new(Int64Array::from_iter_values(0..ROWS as i64))),
        ("nir", Arc::new((0..ROWS).map(identifier).collect::<StringViewArray>())),
        ("department", Arc::new(departments.finish())),
        ("wages", Arc::new(wages.finish())),
        (
            "benefit",
            Arc::new(
                (0..ROWS)
                    .map(|row| (!row.is_multiple_of(5)).then(|| format!("b{}", row % 7)))
                    .collect::<StringArray>(),
            ),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
        .unwrap()
}

/// The rows in batches of some sizes, one of them without rows.
fn parts(data: &RecordBatch) -> Vec<RecordBatch> {
    let rows = data.num_rows();
    [0, 1, 1, rows / 3, rows].windows(2).map(|at| data.slice(at[0], at[1] - at[0])).collect()
}

fn frame(schema: SchemaRef, batches: Vec<RecordBatch>) -> Input<'static> {
    let rows = Some(batches.iter().map(|batch| batch.num_rows() as u64).sum());
    let batches = Box::new(RecordBatchIterator::new(batches.into_iter().map(Ok), schema));
    Input::Frame { name: "frame", rows, batches }
}

fn frame_of(batches: &[RecordBatch]) -> Input<'static> {
    frame(batches[0].schema(), batches.to_vec())
}

const NIR: Column<'static> = Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir };

/// Prepares from any source to a frame.
fn prepared(
    data: Input<'_>,
    column: Column<'_>,
    request: &Path,
) -> Result<(Vec<RecordBatch>, Requested), PrepareError> {
    let mut retained = Vec::new();
    let mut take = |batch| {
        retained.push(batch);
        Ok(())
    };
    let output = Output::Frame(&mut take).into();
    let what = Prepare {
        sending: None,
        signing: &crate::signed::signing(),
        data: data.into(),
        column,
        service: service(),
        domain: domain(),
        request,
        beside: output,
        delimiter: b',',
        reading: cstatns_rows::reading::Reading::default(),
        accepted: &[],
    };
    let requested = prepare(what, &Effort::default())?.requested.unwrap();
    Ok((retained, requested))
}

/// Attaches from any sources to a frame.
fn attached(
    data: Input<'_>,
    retained: Input<'_>,
    requested: &Requested,
    result: &Path,
) -> Result<(Vec<RecordBatch>, Attached), AttachError> {
    let mut rows = Vec::new();
    let mut take = |batch| {
        rows.push(batch);
        Ok(())
    };
    let out = Output::Frame(&mut take);
    let requested = Some(requested);
    let data = Some(data.into());
    let what = Attach {
        party: None,
        data,
        retained,
        requested,
        result,
        out,
        shuffle: false,
        binary_codes: true,
        destroy: &[],
    };
    let attached = attach(what, &Effort::default())?;
    Ok((rows, attached))
}

/// The rows of a file as a frame.
fn read(path: &Path) -> (SchemaRef, Vec<RecordBatch>) {
    let batches = Source::open(path, Delimiter::Given(b',')).unwrap().into_record_batches();
    (batches.schema(), batches.collect::<Result<_, _>>().unwrap())
}

fn coded(place: &Place, request: &Path, result: &str) -> std::path::PathBuf {
    let path = place.path(result);
    let mut out = File::create(&path).unwrap();
    let (manifest, meta) =
        (Manifest::read(&manifest_path(request)).unwrap(), POPULATION.meta(1, 1));
    let request = Request {
        inside: None,
        path: request,
        manifest: &manifest,
        format: Format::of(&path).unwrap(),
        meta: &meta,
        effort: &Effort::default(),
    };
    let coded = code(&request, &POPULATION.coder(1), &mut out).unwrap();
    report_beside(&path, &meta, &coded);
    path
}

/// The rows in the order of the data: each by its number, and what is in the other columns, as
/// text.
fn in_order(batches: &[RecordBatch]) -> Vec<String> {
    let all = concat_batches(&batches[0].schema(), batches).unwrap();
    let number = all.column_by_name("row").unwrap().as_primitive::<Int64Type>().clone();
    let mut rows: Vec<usize> = (0..all.num_rows()).collect();
    rows.sort_by_key(|row| number.value(*row));
    rows.into_iter()
        .map(|row| {
            let columns =
                all.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
            let cells = columns.iter().zip(all.columns()).map(|(name, column)| {
                let cell = match column.data_type() {
                    DataType::FixedSizeBinary(_) => format!(
                        "{:?}",
                        column
                            .is_valid(row)
                            .then(|| column.as_fixed_size_binary().value(row).to_vec())
                    ),
                    _ => format!("{:?}", column.slice(row, 1)),
                };
                format!("{name}={cell}")
            });
            cells.collect::<Vec<_>>().join(" ")
        })
        .collect()
}

fn text(batch: &RecordBatch, column: &str, row: usize) -> Option<String> {
    let column = batch.column_by_name(column).unwrap().as_string::<i32>();
    column.is_valid(row).then(|| column.value(row).to_owned())
}

#[test]
fn the_whole_way_from_and_to_frames() {
    let place = Place::new();
    let data = data();
    let request = place.path("request.csv");
    let (retained, requested) =
        prepared(frame(data.schema(), parts(&data)), NIR, &request).unwrap();
    assert_eq!(place.names(), ["request.csv", "request.csv.manifest.json"]);
    let holds = |path: &Path, text: &str| {
        fs::read(path).unwrap().windows(text.len()).any(|window| window == text.as_bytes())
    };
    let somebody = &identifier(1).unwrap()[..13];
    assert!(holds(&request, somebody));

    let result = coded(&place, &request, "result.parquet");
    let (rows, report) =
        attached(frame(data.schema(), parts(&data)), frame_of(&retained), &requested, &result)
            .unwrap();
    for name in place.names() {
        assert!(name == "request.csv" || !holds(&place.path(&name), somebody), "{name}");
    }
    assert_eq!(report.rows, ROWS as u64);
    assert_eq!(report.report.quality["absent"], 14);

    // Every row has its own values and its own code, and the metadata says whose.
    let rows = concat_batches(&rows[0].schema(), &rows).unwrap();
    assert_eq!(rows.schema().metadata()["cstatns.domain"], POPULATION.name);
    let names: Vec<_> = rows.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["code", "quality", "row", "department", "wages", "benefit"]);
    let numbers = rows.column_by_name("row").unwrap().as_primitive::<Int64Type>();
    let mut seen = vec![false; ROWS];
    let wages: &ListArray = rows.column_by_name("wages").unwrap().as_list();
    for at in 0..ROWS {
        let row = numbers.value(at) as usize;
        seen[row] = true;
        assert_eq!(text(&rows, "department", at).as_deref(), Some(department(row)));
        assert_eq!(
            text(&rows, "benefit", at),
            (!row.is_multiple_of(5)).then(|| format!("b{}", row % 7))
        );
        assert_eq!(wages.value(at).len(), row % 3);
        let found = rows.column(0).as_fixed_size_binary();
        let found = found.is_valid(at).then(|| found.value(at).to_vec());
        let expected = identifier(row).filter(|_| row % 50 != 8).map(|identifier| {
            let mut codes = Vec::new();
            let identifier = Scheme::FrNir.parse(identifier.as_bytes()).unwrap().identifier;
            POPULATION.coder(1).code(&[identifier], &mut codes);
            codes[0].bytes().to_vec()
        });
        assert_eq!(found, expected, "row {row}");
    }
    assert!(seen.iter().all(|seen| *seen));
}

#[test]
fn frames_and_files_give_the_same_bytes() {
    let place = Place::new();
    let data = data();
    let request = place.path("request.parquet");
    let (retained, requested) =
        prepared(frame(data.schema(), parts(&data)), NIR, &request).unwrap();
    let result = coded(&place, &request, "result.parquet");
    // The retained rows as a file, written by somebody else.
    let file = place.path("retained.parquet");
    let mut writer =
        ArrowWriter::try_new(File::create(&file).unwrap(), retained[0].schema(), None).unwrap();
    retained.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.close().unwrap();

    let to_file = |retained: Input<'_>, out: &str| {
        let out = place.path(out);
        let what = Attach {
            party: None,
            data: Some(frame(data.schema(), parts(&data)).into()),
            retained,
            requested: Some(&requested),
            result: &result,
            out: (&out).into(),
            shuffle: false,
            binary_codes: true,
            destroy: &[],
        };
        attach(what, &Effort::default()).unwrap();
        fs::read(out).unwrap()
    };
    let from_files = to_file((&file).into(), "1.parquet");
    assert!(to_file(frame_of(&retained), "2.parquet") == from_files);
    // And the rows of a frame are those of the file.
    let whole = || frame_of(std::slice::from_ref(&data));
    let (rows, _) = attached(whole(), (&file).into(), &requested, &result).unwrap();
    let (schema, again) = read(&place.path("1.parquet"));
    assert_eq!(rows[0].schema().metadata(), schema.metadata());
    assert!(in_order(&rows) == in_order(&again));

    // Data in a file gives what the same data in a frame does: indexes alone are drawn anew.
    let by_file = place.path("data.parquet");
    let mut writer =
        ArrowWriter::try_new(File::create(&by_file).unwrap(), data.schema(), None).unwrap();
    writer.write(&data).unwrap();
    writer.close().unwrap();
    let other = place.path("other.parquet");
    let (kept, _) = prepared((&by_file).into(), NIR, &other).unwrap();
    let without_index = |batches: &[RecordBatch]| {
        let columns: Vec<usize> = (1..batches[0].num_columns()).collect();
        let batches: Vec<_> =
            batches.iter().map(|batch| batch.project(&columns).unwrap()).collect();
        in_order(&batches)
    };
    assert!(without_index(&kept) == without_index(&retained));
    let sent = |path: &Path| {
        let (_, batches) = read(path);
        let mut sent: Vec<_> = batches
            .iter()
            .flat_map(|batch| (0..batch.num_rows()).map(|row| text(batch, "identifier", row)))
            .collect();
        sent.sort();
        sent
    };
    assert_eq!(sent(&other), sent(&request));
}

#[test]
fn codes_in_a_frame_are_checked_and_renewed() {
    let place = Place::new();
    let data = data();
    let request = place.path("request.csv");
    let (retained, requested) =
        prepared(frame(data.schema(), parts(&data)), NIR, &request).unwrap();
    let result = coded(&place, &request, "result.parquet");
    // Beside a frame nothing lies: what was kept of its request must be given.
    let mut take = |_| Ok(());
    let what = Attach {
        party: None,
        data: Some(frame_of(std::slice::from_ref(&data)).into()),
        retained: frame_of(&retained),
        requested: None,
        result: &result,
        out: Output::Frame(&mut take),
        shuffle: false,
        binary_codes: true,
        destroy: &[],
    };
    let error = attach(what, &Effort::default()).map(|_| ()).unwrap_err();
    assert_eq!(error.code(), "requested-missing", "{error}");

    // The data must be given, and be what it was.
    let given = |data: Option<Input<'_>>| {
        let mut take = |_| Ok(());
        let what = Attach {
            party: None,
            data: data.map(Into::into),
            retained: frame_of(&retained),
            requested: Some(&requested),
            result: &result,
            out: Output::Frame(&mut take),
            shuffle: false,
            binary_codes: true,
            destroy: &[],
        };
        attach(what, &Effort::default()).map(|_| ())
    };
    assert_eq!(given(None).unwrap_err().code(), "data-unknown");
    let turned = data.slice(1, ROWS - 1);
    let turned = concat_batches(&data.schema(), [&turned, &data.slice(0, 1)]).unwrap();
    // Two rows with identifiers, which have changed places.
    let mut rows: Vec<u32> = (0..ROWS as u32).collect();
    rows.swap(1, 2);
    let swapped = arrow_select::take::take_record_batch(&data, &UInt32Array::from(rows)).unwrap();
    for other in [data.slice(0, ROWS - 1), turned, swapped] {
        let other = std::slice::from_ref(&other);
        assert_eq!(given(Some(frame_of(other))).unwrap_err().code(), "data-changed");
    }
    let (rows, _) =
        attached(frame(data.schema(), parts(&data)), frame_of(&retained), &requested, &result)
            .unwrap();
    let facts = check([frame_of(&rows)]).unwrap();
    let expected = check([Input::from(&result)]).unwrap();
    assert_eq!(facts[0].path, Path::new("frame"));
    assert_eq!(
        (facts[0].domain.as_ref(), facts[0].distinct_codes),
        (expected[0].domain.as_ref(), expected[0].distinct_codes)
    );

    let request = place.path("renewal.parquet");
    let (retained, requested) =
        prepared(frame_of(&rows), Column::Codes(&["code"]), &request).unwrap();
    let manifest = Manifest::read(&manifest_path(&request)).unwrap();
    assert!(matches!(manifest.content, Content::Codes { .. }));
    assert_eq!(
        manifest.previous,
        [POPULATION.meta(1, 1).delivery],
        "the frame says which delivery its codes came with"
    );
    let renewed = place.path("renewed.csv");
    let (mut out, meta) = (File::create(&renewed).unwrap(), POPULATION.meta(2, 2));
    let request = Request {
        inside: None,
        path: &request,
        manifest: &manifest,
        format: Format::Csv,
        meta: &meta,
        effort: &Effort::default(),
    };
    let coded = renew(&request, &POPULATION.renewer(1, 2), &mut out).unwrap();
    report_beside(&renewed, &meta, &coded);
    let (rows, _) = attached(frame_of(&rows), frame_of(&retained), &requested, &renewed).unwrap();
    assert_eq!(check([frame_of(&rows)]).unwrap()[0].generation, meta.generation);
    let rows = concat_batches(&rows[0].schema(), &rows).unwrap();
    let names: Vec<_> = rows.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["code", "quality", "row", "department", "wages", "benefit"]);
}

#[test]
fn requests_and_results_are_read_as_batches_whatever_their_type() {
    let place = Place::new();
    let data = data();
    let request = place.path("request.csv");
    prepared(frame(data.schema(), parts(&data)), NIR, &request).unwrap();
    let [csv, parquet] = ["r.csv", "r.parquet"].map(|name| read(&coded(&place, &request, name)));
    let [csv, parquet] =
        [csv, parquet].map(|(schema, batches)| concat_batches(&schema, &batches).unwrap());
    assert_eq!(csv.num_rows(), ROWS);
    for row in 0..ROWS {
        let index = parquet.column(0).as_fixed_size_binary().value(row);
        let index: String = index.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text(&csv, "index", row).unwrap(), index);
        assert_eq!(text(&csv, "code", row).is_some(), parquet.column(1).is_valid(row));
        assert_eq!(text(&csv, "quality", row), text(&parquet, "quality", row));
    }
    // What cannot be read is an error of its own, and the end.
    fs::write(place.path("bad.csv"), b"index,code\n1,a\n2,\xff\n").unwrap();
    let mut batches =
        Source::open(&place.path("bad.csv"), Delimiter::Given(b',')).unwrap().into_record_batches();
    let Some(Err(ArrowError::ExternalError(error))) = batches.next() else {
        panic!("it is not UTF-8")
    };
    assert!(matches!(*error.downcast::<TableError>().unwrap(), TableError::Row { row: 2, .. }));
    assert!(batches.next().is_none());
}

#[test]
fn identifiers_in_a_frame_are_recognised_at_any_depth() {
    let place = Place::new();
    let keyed: Vec<Option<&str>> = vec![Some(KEYED); 20];
    let words: ArrayRef = Arc::new(keyed.iter().copied().collect::<DictionaryArray<Int8Type>>());
    let mut lists = ListBuilder::new(StringDictionaryBuilder::<Int8Type>::new());
    keyed.iter().for_each(|text| lists.append_value([*text]));
    let columns: [(&str, ArrayRef); 3] = [
        ("a dictionary", words),
        ("a view", Arc::new(keyed.iter().copied().collect::<StringViewArray>())),
        ("a dictionary in lists", Arc::new(lists.finish())),
    ];
    for (what, column) in columns {
        let nir: ArrayRef = Arc::new(keyed.iter().copied().collect::<StringArray>());
        let batch = RecordBatch::try_from_iter([("nir", nir), ("other", column)]).unwrap();
        let error = prepared(frame_of(&[batch]), NIR, &place.path("request.csv")).unwrap_err();
        assert_eq!(error.code(), "identity-kept", "{what}");
        assert!(!error.to_string().contains(KEYED), "{what}");
        assert_eq!(place.names(), [""; 0], "{what}");
    }
}

#[test]
fn a_frame_that_is_not_as_it_says_is_refused() {
    let place = Place::new();
    let request = place.path("request.csv");
    let data = data();
    let schema = data.schema();
    let refused = |input: Input<'_>| {
        let error = prepared(input, NIR, &request).unwrap_err();
        assert_eq!(place.names(), [""; 0]);
        error
    };
    // Other columns than it said, in a later batch; also where they have the same types.
    let twice = data.project(&[0, 1, 2, 3, 4, 4]).unwrap();
    let names = ["row", "nir", "department", "wages", "one", "two"].map(str::to_owned);
    let named = |names: [String; 6]| {
        let columns = names.into_iter().zip(twice.columns().iter().cloned());
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
    };
    let mut swapped = names.clone();
    swapped.swap(4, 5);
    let [first, other] = [names, swapped].map(|names| named(names).unwrap());
    assert_eq!(refused(frame(first.schema(), vec![first, other])).code(), "frame-unread");
    let other = data.project(&[1, 0, 2, 3, 4]).unwrap();
    assert_eq!(refused(frame(schema.clone(), vec![data.clone(), other])).code(), "frame-unread");
    // What hands it over fails, and may say anything.
    let failing = |error: ArrowError| Input::Frame {
        name: "frame",
        rows: None,
        batches: Box::new(RecordBatchIterator::new([Ok(data.clone()), Err(error)], schema.clone())),
    };
    let error = refused(failing(ArrowError::ComputeError(format!("cell {KEYED} is odd"))));
    assert_eq!(error.code(), "frame-unread");
    assert!(!error.to_string().contains(KEYED));
    let own = TableError::NoRows { path: "origin".into() };
    assert_eq!(refused(failing(ArrowError::ExternalError(Box::new(own)))).code(), "no-rows");
    // Types that nobody judges.
    let union = DataType::Union(UnionFields::empty(), arrow_schema::UnionMode::Dense);
    let schema = Arc::new(Schema::new(vec![
        Field::new("nir", DataType::Utf8, true),
        Field::new("other", DataType::Struct(vec![Field::new("inner", union, true)].into()), true),
    ]));
    assert_eq!(refused(frame(schema, Vec::new())).code(), "column-type");
    assert_eq!(refused(frame(data.schema(), Vec::new())).code(), "no-rows");
    let metadata = [("cstatns.generation".to_owned(), "soon".to_owned())].into();
    let strange = Arc::new(Schema::clone(&data.schema()).with_metadata(metadata));
    assert_eq!(refused(frame(strange, Vec::new())).code(), "metadata");
}

#[test]
fn a_wrong_number_of_rows_changes_nothing() {
    let data = data();
    for rows in [None, Some(1), Some(1 << 40)] {
        let place = Place::new();
        let batches =
            Box::new(RecordBatchIterator::new(parts(&data).into_iter().map(Ok), data.schema()));
        let input = Input::Frame { name: "frame", rows, batches };
        let (retained, requested) = prepared(input, NIR, &place.path("request.parquet")).unwrap();
        let count: usize = retained.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(count, ROWS, "{rows:?}");
        let result = coded(&place, &place.path("request.parquet"), "result.parquet");
        let data = frame_of(std::slice::from_ref(&data));
        let attached = attached(data, frame_of(&retained), &requested, &result).unwrap();
        assert_eq!(attached.1.rows, ROWS as u64);
    }
}

#[test]
fn lines_go_to_files_and_nothing_is_destroyed_for_a_frame() {
    let place = Place::new();
    let way = coded_csv(&place, "d", "nir,wage\n117091320400164,100\n,200\n", &POPULATION, 1);
    let requested = Requested::read(&requested_path(&way.retained)).unwrap();
    let error = attached((&way.data).into(), (&way.retained).into(), &requested, &way.result);
    assert_eq!(error.map(|_| ()).unwrap_err().code(), "attached-type");
    assert_eq!(way.attach_as(true).unwrap_err().code(), "binary-csv");
    let mut take = |_| Ok(());
    let what = Attach {
        party: None,
        data: None,
        retained: (&way.retained).into(),
        requested: None,
        result: &way.result,
        out: Output::Frame(&mut take),
        shuffle: false,
        binary_codes: false,
        destroy: &[],
    };
    assert_eq!(attach(what, &Effort::default()).map(|_| ()).unwrap_err().code(), "attached-type");

    let data = data();
    let (retained, _) = prepared(frame_of(&[data]), NIR, &place.path("request.parquet")).unwrap();
    let result = coded(&place, &place.path("request.parquet"), "result.parquet");
    let destroy = [result.clone()];
    let what = Attach {
        party: None,
        data: None,
        retained: frame_of(&retained),
        requested: None,
        result: &result,
        out: Output::Frame(&mut take),
        shuffle: false,
        binary_codes: false,
        destroy: &destroy,
    };
    assert_eq!(
        attach(what, &Effort::default()).map(|_| ()).unwrap_err().code(),
        "destroys-for-frame"
    );
    assert!(result.exists());
}
