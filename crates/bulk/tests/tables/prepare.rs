//! `prepare` at any memory and number of threads: the same rows, their values unchanged, and
//! nothing left of a failure.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::sync::Arc;

use arrow_array::builder::{
    BinaryViewBuilder, FixedSizeListBuilder, Int64Builder, LargeListBuilder, ListBuilder,
    MapBuilder, StringBuilder, StringDictionaryBuilder, StringViewBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Decimal256Type, Int8Type, Int32Type, Int64Type};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array,
    DictionaryArray, FixedSizeBinaryArray, Float64Array, Int64Array, LargeBinaryArray,
    LargeStringArray, StringArray, StructArray, TimestampMicrosecondArray, UInt8Array,
};
use arrow_schema::{DataType, Field};
use arrow_select::take::take;
use cstatns::coded::Coded as _;
use cstatns::files::faults;
use cstatns::identifier::Scheme;
use cstatns_controller::{Column, Prepare, PrepareError, Prepared, prepare};
use cstatns_rows::effort::Effort;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::common::*;

const IDENTIFIER: Column<'static> =
    Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir };

fn with(threads: usize, memory: usize) -> Effort {
    Effort { threads: NonZeroUsize::new(threads).unwrap(), memory, ..Effort::default() }
}

fn run(way: &Way, column: Column<'_>, effort: &Effort) -> Result<Prepared, PrepareError> {
    let Way { data, request, retained, .. } = way;
    prepare(
        Prepare {
            sending: None,
            signing: &crate::signed::signing(),
            data: data.into(),
            column,
            service: service(),
            domain: domain(),
            request,
            beside: retained.into(),
            delimiter: b',',
            reading: cstatns_rows::reading::Reading::default(),
            accepted: &[],
        },
        effort,
    )
}

/// The identifier, spelled in one of two ways, or nothing.
fn nir(row: usize) -> String {
    match row % 50 {
        7 => String::new(),
        8 => "12".to_owned(),
        9 => format!("1 84 {:02} 75 {:03} {:03}", 1 + row % 12, row % 1000, row / 1000),
        _ => format!("184{:02}75{:03}{:03}", 1 + row % 12, row % 1000, row / 1000),
    }
}

/// What `prepare` makes of it.
fn expected(row: usize) -> (&'static str, String) {
    match row % 50 {
        7 => ("absent", String::new()),
        8 => ("wrong-length", String::new()),
        _ => ("ok", nir(row).replace(' ', "")),
    }
}

fn note(row: usize) -> String {
    if row % 700 < 100 { format!("a, \"b\"\n{row}") } else { format!("a note on row {row}") }
}

fn csv_data(rows: usize) -> String {
    let mut data = String::from("n,nir,note\n");
    for row in 0..rows {
        let note = note(row).replace('"', "\"\"");
        let quotes = if note.contains(',') { "\"" } else { "" };
        writeln!(data, "{row},{},{quotes}{note}{quotes}", nir(row)).unwrap();
    }
    data
}

fn parquet_data(rows: usize) -> Vec<(&'static str, ArrayRef)> {
    let texts = |cell: fn(usize) -> String| -> ArrayRef {
        Arc::new(
            (0..rows)
                .map(|row| Some(cell(row)).filter(|cell| !cell.is_empty()))
                .collect::<StringArray>(),
        )
    };
    vec![("n", texts(|row| row.to_string())), ("nir", texts(nir)), ("note", texts(note))]
}

/// Index and cells of each row, as text, whatever the type of the file.
fn read(path: &std::path::Path) -> Vec<Vec<String>> {
    if path.extension().is_some_and(|extension| extension == "csv") {
        return read_text(path)[1..].to_vec();
    }
    let batch = read_parquet(path);
    let indexes = binary_column(&batch, "index");
    let schema = batch.schema();
    let names = schema.fields().iter().skip(1).map(|field| field.name());
    let columns: Vec<_> = names
        .map(|name| match name.as_str() {
            "row" => {
                let rows = batch.column_by_name(name).unwrap().as_primitive::<Int64Type>();
                rows.iter().map(|row| row.map(|row| row.to_string())).collect()
            }
            _ => text_column(&batch, name),
        })
        .collect();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let row = |row: usize| {
        let cells = columns.iter().map(|column| column[row].clone().unwrap_or_default());
        std::iter::once(hex(indexes[row].as_ref().unwrap())).chain(cells).collect()
    };
    (0..batch.num_rows()).map(row).collect()
}

#[test]
fn the_rows_are_the_same_whatever_the_memory_the_threads_and_the_types() {
    // Some partitions in CSV, some batches in Parquet.
    const ROWS: usize = 60_000;
    for (own, travelling) in
        [("csv", "csv"), ("csv", "parquet"), ("parquet", "parquet"), ("parquet", "csv")]
    {
        for (threads, memory) in [(1, 0), (2, Effort::MEMORY), (5, Effort::MEMORY)] {
            let place = Place::new();
            let way = Way::new(&place, "d", own, travelling);
            match own {
                "csv" => fs::write(&way.data, csv_data(ROWS)).unwrap(),
                _ => write_parquet(&way.data, parquet_data(ROWS)),
            }
            let effort = with(threads, memory);
            let prepared = run(&way, IDENTIFIER, &effort).unwrap();
            assert_eq!(prepared.rows, ROWS as u64);
            assert_eq!(prepared.found.counts["absent"], ROWS as u64 / 50);
            assert_eq!((effort.progress.rows(), effort.progress.part()), (prepared.rows, 1.0));

            let (request, retained) = (read(&way.request), read(&way.retained));
            assert_eq!((request.len(), retained.len()), (ROWS, ROWS));
            assert!(request.windows(2).all(|pair| pair[0][0] < pair[1][0]));
            let mut seen = BTreeSet::new();
            for (sent, kept) in request.iter().zip(&retained) {
                assert_eq!(sent[0], kept[0]);
                let row = kept[1].parse::<usize>().unwrap() - 1;
                let (check, identifier) = expected(row);
                assert_eq!((&*kept[2], &sent[1]), (check, &identifier));
                assert!(seen.insert(row));
            }
            // The commitment is of these rows in this order.
            if threads == 2 {
                assert_eq!(way.code(&POPULATION, 1, 1).unwrap().input.rows, ROWS as u64);
                way.attach().unwrap();
            }
        }
    }
}

/// Single CRs end rows too: more rows than lines, of which the room for identifiers is told.
#[test]
fn a_line_of_many_rows() {
    for (end, rows) in
        ["\r", "\r\r\r\n"].into_iter().flat_map(|end| [500, 20_000].map(|rows| (end, rows)))
    {
        let place = Place::new();
        let way = Way::new(&place, "d", "csv", "csv");
        let data: String = (0..rows)
            .map(|row| format!("{},{row}{}", nir(row), if row % 9 == 0 { end } else { "\r" }))
            .collect();
        fs::write(&way.data, format!("nir,n\r{data}")).unwrap();
        assert_eq!(run(&way, IDENTIFIER, &with(1, Effort::MEMORY)).unwrap().rows, rows as u64);
        for (sent, kept) in read(&way.request).iter().zip(read(&way.retained)) {
            let (check, identifier) = expected(kept[1].parse::<usize>().unwrap() - 1);
            assert_eq!((&*kept[2], &sent[1]), (check, &identifier));
        }
    }
}

#[test]
fn codes_are_prepared_again_whatever_the_memory() {
    let place = Place::new();
    let first = coded_csv(&place, "first", csv_data(20_000), &POPULATION, 1);
    for memory in [0, Effort::MEMORY] {
        let name = format!("again-{memory}");
        let way = Way { data: first.out.clone(), ..Way::new(&place, &name, "csv", "parquet") };
        let prepared = run(&way, Column::Codes(&["code"]), &with(2, memory)).unwrap();
        assert_eq!((prepared.rows, prepared.found.counts["absent"]), (20_000, 800));
        assert_eq!(way.renew(&POPULATION, 1, 2, 3).unwrap().input.rows, 20_000);
        way.attach().unwrap();
        let rows = read_text(&way.out);
        for row in rows[1..].iter().step_by(997) {
            let (_, identifier) = expected(row[2].parse().unwrap());
            let code =
                if identifier.is_empty() { identifier } else { POPULATION.code_of(&identifier, 2) };
            assert_eq!(row[0], code);
        }
    }
}

/// A column of each type that Parquet files hold: some null, some empty, with enough of each for
/// several batches.
fn every_type(rows: usize) -> Vec<(&'static str, ArrayRef)> {
    let some = |row: usize, part: usize| !row.is_multiple_of(part);
    let text = |row: usize| some(row, 5).then(|| "x".repeat(row % 40) + &row.to_string());
    let short = |row: usize| some(row, 7).then(|| ["", "one", "two", "three"][row % 4]);
    let numbers = || (0..rows).map(|row| some(row, 3).then_some(row as i64));

    let mut views = StringViewBuilder::new();
    let mut binary_views = BinaryViewBuilder::new();
    let mut categories = ListBuilder::new(StringDictionaryBuilder::<Int32Type>::new());
    let mut lists = ListBuilder::new(ListBuilder::new(Int64Builder::new()));
    let mut view_lists = LargeListBuilder::new(StringViewBuilder::new());
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    let mut pairs = FixedSizeListBuilder::new(Int64Builder::new(), 2);
    for row in 0..rows {
        views.append_option(text(row));
        binary_views.append_option(text(row));
        (0..row % 3).for_each(|_| categories.values().append_option(short(row)));
        categories.append(some(row, 4));
        for _ in 0..row % 4 {
            (0..row % 2).for_each(|_| lists.values().values().append_value(row as i64));
            lists.values().append(some(row, 9));
        }
        lists.append(some(row, 5));
        (0..row % 3).for_each(|_| view_lists.values().append_option(text(row)));
        view_lists.append(some(row, 6));
        for key in 0..row % 3 {
            maps.keys().append_value(format!("key {key}"));
            maps.values().append_option(some(row, 2).then_some(row as i64));
        }
        maps.append(some(row, 8)).unwrap();
        (0..2).for_each(|_| pairs.values().append_option(some(row, 3).then_some(row as i64)));
        pairs.append(some(row, 11));
    }
    let views: ArrayRef = Arc::new(views.finish());
    let category: ArrayRef = Arc::new((0..rows).map(short).collect::<DictionaryArray<Int32Type>>());
    let fields = [
        Field::new("view", DataType::Utf8View, true),
        Field::new("category", category.data_type().clone(), true),
    ];
    let structs = StructArray::from(
        fields.map(Arc::new).into_iter().zip([views.clone(), category.clone()]).collect::<Vec<_>>(),
    );
    let identifiers: Vec<String> = (0..rows).map(nir).collect();
    let nan = (0..rows)
        .map(|row| some(row, 3).then_some(if row % 4 == 0 { f64::NAN } else { -0.0 * row as f64 }));
    vec![
        ("n", Arc::new((0..rows as i64).collect::<Int64Array>())),
        (
            "nir",
            Arc::new(
                identifiers.iter().map(String::as_str).collect::<DictionaryArray<Int32Type>>(),
            ),
        ),
        ("number", Arc::new(numbers().collect::<Int64Array>())),
        (
            "byte",
            Arc::new(
                (0..rows).map(|row| some(row, 3).then_some(row as u8)).collect::<UInt8Array>(),
            ),
        ),
        ("real", Arc::new(nan.collect::<Float64Array>())),
        (
            "yes",
            Arc::new(
                (0..rows).map(|row| some(row, 5).then_some(row % 2 == 0)).collect::<BooleanArray>(),
            ),
        ),
        ("text", Arc::new((0..rows).map(text).collect::<StringArray>())),
        ("large text", Arc::new((0..rows).map(text).collect::<LargeStringArray>())),
        ("view", views),
        ("bytes", Arc::new((0..rows).map(text).collect::<BinaryArray>())),
        ("large bytes", Arc::new((0..rows).map(text).collect::<LargeBinaryArray>())),
        ("binary view", Arc::new(binary_views.finish())),
        (
            "fixed",
            Arc::new(
                FixedSizeBinaryArray::try_from_sparse_iter_with_size(
                    (0..rows).map(|row| some(row, 4).then(|| row.to_be_bytes())),
                    8,
                )
                .unwrap(),
            ),
        ),
        (
            "decimal",
            Arc::new(
                numbers()
                    .map(|number| number.map(i128::from))
                    .collect::<Decimal128Array>()
                    .with_precision_and_scale(20, 3)
                    .unwrap(),
            ),
        ),
        (
            "wide decimal",
            Arc::new(
                numbers()
                    .map(|number| number.map(<Decimal256Type as ArrowPrimitiveType>::Native::from))
                    .collect::<Decimal256Array>()
                    .with_precision_and_scale(60, 3)
                    .unwrap(),
            ),
        ),
        (
            "day",
            Arc::new(
                (0..rows).map(|row| some(row, 3).then_some(row as i32)).collect::<Date32Array>(),
            ),
        ),
        (
            "instant",
            Arc::new(
                numbers().collect::<TimestampMicrosecondArray>().with_timezone("Europe/Paris"),
            ),
        ),
        ("category", category),
        ("small category", Arc::new((0..rows).map(short).collect::<DictionaryArray<Int8Type>>())),
        ("struct", Arc::new(structs)),
        ("categories", Arc::new(categories.finish())),
        ("lists", Arc::new(lists.finish())),
        ("view lists", Arc::new(view_lists.finish())),
        ("map", Arc::new(maps.finish())),
        ("pair", Arc::new(pairs.finish())),
    ]
}

#[test]
fn values_of_every_type_of_parquet_pass_unchanged_through_memory_and_disk() {
    const ROWS: usize = 30_000;
    for memory in [0, Effort::MEMORY] {
        let place = Place::new();
        let way = Way::new(&place, "d", "parquet", "parquet");
        write_parquet(&way.data, every_type(ROWS));
        let data = read_parquet(&way.data);
        let steps = faults::trace(place.0.path(), || {
            assert_eq!(run(&way, IDENTIFIER, &with(2, memory)).unwrap().rows, ROWS as u64);
        });
        // The file of what is put aside comes before any other is written.
        let aside = steps
            .windows(2)
            .any(|pair| pair == [cstatns::files::Step::Create, cstatns::files::Step::Unlink]);
        assert_eq!(aside, memory == 0);
        way.code(&POPULATION, 1, 1).unwrap();
        way.attach().unwrap();
        {
            let made = read_parquet(&way.out);
            let order = made.column_by_name("n").unwrap().as_primitive::<Int64Type>().clone();
            for (field, column) in data.schema().fields().iter().zip(data.columns()) {
                if field.name() == "nir" {
                    continue;
                }
                let (at, found) = made
                    .schema()
                    .column_with_name(field.name())
                    .map(|(at, field)| (at, field.clone()))
                    .unwrap();
                assert_eq!(found.data_type(), field.data_type());
                assert_eq!(
                    made.column(at),
                    &take(column, &order, None).unwrap(),
                    "{}",
                    field.name()
                );
            }
        }
    }
}

#[test]
fn row_groups_are_neither_too_large_nor_many() {
    let place = Place::new();
    for (own, rows) in [("csv", 300_000), ("parquet", 300_000)] {
        let way = Way::new(&place, own, own, "parquet");
        match own {
            "csv" => fs::write(&way.data, csv_data(rows)).unwrap(),
            _ => write_parquet(&way.data, parquet_data(rows)),
        }
        run(&way, IDENTIFIER, &Effort::default()).unwrap();
        let reader = SerializedFileReader::new(File::open(&way.request).unwrap()).unwrap();
        let groups: Vec<i64> =
            reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        assert_eq!(groups.iter().sum::<i64>(), rows as i64);
        assert!(groups.iter().all(|rows| *rows <= 131_072) && groups.len() <= 6, "{groups:?}");
    }
}

#[test]
fn nothing_is_left_where_a_step_fails_or_stops_while_rows_are_put_aside() {
    let start = |place: &Place| {
        let way = Way::new(place, "d", "csv", "csv");
        fs::write(&way.data, csv_data(1000)).unwrap();
        way
    };
    let place = Place::new();
    let steps =
        faults::count(place.0.path(), || run(&start(&place), IDENTIFIER, &with(1, 0)).unwrap());
    let in_memory = Place::new();
    let fewer = faults::count(in_memory.0.path(), || {
        run(&start(&in_memory), IDENTIFIER, &with(1, Effort::MEMORY)).unwrap()
    });
    assert!(steps > fewer + 10, "{steps} steps, {fewer} in memory");
    for step in 0..steps {
        let place = Place::new();
        let way = start(&place);
        let failing = || run(&way, IDENTIFIER, &with(1, 0));
        let error =
            faults::fail_at(place.0.path(), step, ErrorKind::StorageFull, failing).unwrap_err();
        assert_eq!(error.code(), "disk-full", "step {step}");
        assert_eq!(place.names(), ["d.csv"], "step {step}");
        // A process that stops there leaves temporaries, which the next one destroys.
        assert!(faults::stop_after(place.0.path(), step, failing).is_err());
        for name in
            place.names().iter().filter(|name| !name.ends_with("cstatns-tmp") && *name != "d.csv")
        {
            fs::remove_file(place.path(name)).unwrap();
        }
        run(&way, IDENTIFIER, &with(1, 0)).unwrap();
        let names = [
            "d-request.csv",
            "d-request.csv.manifest.json",
            "d-retained.csv",
            "d-retained.csv.request.json",
            "d.csv",
        ];
        assert_eq!(place.names(), names, "step {step}");
    }
}
