//! Every value of every type of Parquet comes back as it was, from the retained and from the
//! attached file. Values are written and read without Arrow, one type after the other.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_schema::{DataType, Field, IntervalUnit, Schema, TimeUnit};
use cstatns::identifier::Scheme;
use cstatns_controller::Column;
use cstatns_rows::csv::Delimiter;
use cstatns_rows::table::Source;
use parquet::arrow::add_encoded_arrow_schema_to_metadata;
use parquet::basic::{LogicalType, Type as Physical};
use parquet::column::reader::ColumnReader;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, FixedLenByteArray, Int96};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::common::*;

/// A value as it lies in the file; none where it is null.
type Value = Option<Vec<u8>>;

/// The values of a column in the file, row by row: one in each row, but for lists.
type Rows = Vec<Vec<Value>>;

fn number(bytes: &[u8]) -> i64 {
    let mut eight = [if bytes.last().is_some_and(|byte| byte & 0x80 > 0) { 0xff } else { 0 }; 8];
    eight[..bytes.len()].copy_from_slice(bytes);
    i64::from_le_bytes(eight)
}

/// Writes columns, all of them optional, of the types in `message`; each has a value of the list in
/// each row. `levels` says the definition level of a value and of a null, and that there are lists
/// of two values.
fn write(path: &Path, message: &str, rows: &[Rows], properties: WriterProperties) {
    let message =
        format!("message m {{ required int32 row; required binary nir (UTF8); {message} }}");
    let schema = Arc::new(parse_message_type(&message).unwrap());
    let mut writer =
        SerializedFileWriter::new(File::create(path).unwrap(), schema, Arc::new(properties))
            .unwrap();
    let descriptions = writer.schema_descr().columns().to_vec();
    let mut group = writer.next_row_group().unwrap();
    let count = rows[0].len();
    let numbers: Rows =
        (0..count as i32).map(|row| vec![Some(row.to_le_bytes().to_vec())]).collect();
    let people: Rows = (0..count).map(|_| vec![Some(KEYED.into())]).collect();
    for (description, rows) in descriptions.iter().zip([numbers, people].iter().chain(rows)) {
        let mut column = group.next_column().unwrap().unwrap();
        let (most, lists) = (description.max_def_level(), description.max_rep_level() > 0);
        let levels: Vec<i16> = rows
            .iter()
            .flatten()
            .map(|value| if value.is_some() { most } else { most - 1 })
            .collect();
        let repeated: Vec<i16> =
            rows.iter().flat_map(|row| (0..row.len()).map(|at| i16::from(at > 0))).collect();
        let (levels, repeated) =
            ((most > 0).then_some(&levels[..]), lists.then_some(&repeated[..]));
        let values: Vec<&Vec<u8>> = rows.iter().flatten().flatten().collect();
        macro_rules! put {
            ($writer:expr, $value:expr) => {{
                let values: Vec<_> = values.iter().map($value).collect();
                $writer.write_batch(&values, levels, repeated).unwrap();
            }};
        }
        match column.untyped() {
            ColumnWriter::BoolColumnWriter(writer) => put!(writer, |value| value[0] == 1),
            ColumnWriter::Int32ColumnWriter(writer) => put!(writer, |value| number(value) as i32),
            ColumnWriter::Int64ColumnWriter(writer) => put!(writer, |value| number(value)),
            ColumnWriter::Int96ColumnWriter(writer) => put!(writer, |value| {
                let mut words =
                    value.chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap()));
                let mut next = || words.next().unwrap();
                Int96::from(vec![next(), next(), next()])
            }),
            ColumnWriter::FloatColumnWriter(writer) => {
                put!(writer, |value| f32::from_le_bytes(value[..].try_into().unwrap()))
            }
            ColumnWriter::DoubleColumnWriter(writer) => {
                put!(writer, |value| f64::from_le_bytes(value[..].try_into().unwrap()))
            }
            ColumnWriter::ByteArrayColumnWriter(writer) => {
                put!(writer, |value| ByteArray::from((*value).clone()))
            }
            ColumnWriter::FixedLenByteArrayColumnWriter(writer) => {
                put!(writer, |value| FixedLenByteArray::from((*value).clone()))
            }
        }
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

/// What a leaf of a file holds, row by row.
fn leaf(path: &Path, name: &str) -> (Physical, bool, Rows) {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let columns = reader.metadata().file_metadata().schema_descr().columns().to_vec();
    let at = columns.iter().position(|column| column.path().string() == name);
    let at = at.unwrap_or_else(|| panic!("{path:?}: {name} of {columns:?}"));
    let decimal = matches!(columns[at].logical_type_ref(), Some(LogicalType::Decimal { .. }));
    let most = columns[at].max_def_level();
    let mut rows = Rows::new();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).unwrap();
        let (mut levels, mut repeated) = (Vec::new(), Vec::new());
        macro_rules! get {
            ($reader:expr, $value:expr) => {{
                let mut values = Vec::new();
                let (_, _, count) = $reader
                    .read_records(usize::MAX, Some(&mut levels), Some(&mut repeated), &mut values)
                    .unwrap();
                levels.resize(count, most);
                values.iter().map($value).collect::<Vec<Vec<u8>>>()
            }};
        }
        let values = match group.get_column_reader(at).unwrap() {
            ColumnReader::BoolColumnReader(mut reader) => {
                get!(reader, |value| vec![u8::from(*value)])
            }
            ColumnReader::Int32ColumnReader(mut reader) => {
                get!(reader, |value| value.to_le_bytes().to_vec())
            }
            ColumnReader::Int64ColumnReader(mut reader) => {
                get!(reader, |value| value.to_le_bytes().to_vec())
            }
            ColumnReader::Int96ColumnReader(mut reader) => {
                get!(reader, |value| value
                    .data()
                    .iter()
                    .flat_map(|word| word.to_le_bytes())
                    .collect())
            }
            ColumnReader::FloatColumnReader(mut reader) => {
                get!(reader, |value| value.to_le_bytes().to_vec())
            }
            ColumnReader::DoubleColumnReader(mut reader) => {
                get!(reader, |value| value.to_le_bytes().to_vec())
            }
            ColumnReader::ByteArrayColumnReader(mut reader) => {
                get!(reader, |value| value.data().to_vec())
            }
            ColumnReader::FixedLenByteArrayColumnReader(mut reader) => {
                get!(reader, |value| value.data().to_vec())
            }
        };
        let mut values = values.into_iter();
        for (at, level) in levels.iter().enumerate() {
            let value = if *level == most { values.next() } else { None };
            match repeated.get(at) {
                Some(1..) => rows.last_mut().unwrap().push(value),
                _ => rows.push(vec![value]),
            }
        }
    }
    (columns[at].physical_type(), decimal, rows)
}

/// The same in the order of the data, each value in the one form that several types share: a
/// decimal is a number, a timestamp of 96 bits one in microseconds.
fn values(path: &Path, name: &str) -> Rows {
    let (physical, decimal, rows) = leaf(path, name);
    let form = |value: Vec<u8>| match physical {
        Physical::INT96 => {
            let (of_day, day) = value.split_at(8);
            let micros = (number(day) - 2_440_588) * 86_400_000_000 + number(of_day) / 1000;
            micros.to_le_bytes().to_vec()
        }
        Physical::INT32 | Physical::INT64 if decimal => {
            i256(number(&value).to_be_bytes().as_slice())
        }
        _ if decimal => i256(&value),
        _ => value,
    };
    let rows = rows.into_iter().map(|row| row.into_iter().map(|value| value.map(form)).collect());
    let (_, _, order) = leaf(path, "row");
    let order = order.into_iter().map(|row| number(row[0].as_ref().unwrap()));
    let sorted: BTreeMap<i64, Vec<Value>> = order.zip(rows).collect();
    sorted.into_values().collect()
}

/// A big-endian number in 32 bytes.
fn i256(bytes: &[u8]) -> Vec<u8> {
    let sign = if bytes.first().is_some_and(|byte| byte & 0x80 > 0) { 0xff } else { 0 };
    let mut wide = vec![sign; 32 - bytes.len()];
    wide.extend(bytes);
    wide
}

/// What comes back in these columns of the attached file is what is in the data.
fn comes_back(place: &Place, name: &str, columns: &[&str]) -> Way {
    let way = Way::new(place, name, "parquet", "parquet");
    way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',').unwrap();
    way.code(&POPULATION, 1, 5).unwrap();
    way.attach().unwrap();
    for column in columns {
        let expected = values(&way.data, column);
        let found = values(&way.out, column);
        assert!(found == expected, "{column}: {found:?}");
    }
    way
}

fn le<const N: usize>(values: [[u8; N]; 5]) -> Rows {
    let values = values.map(|value| vec![Some(value.to_vec())]);
    [values.to_vec(), vec![vec![None]]].concat()
}

fn i32s(values: [i32; 5]) -> Rows {
    le(values.map(i32::to_le_bytes))
}

fn i64s(values: [i64; 5]) -> Rows {
    le(values.map(i64::to_le_bytes))
}

fn bytes(values: [&[u8]; 5]) -> Rows {
    let values = values.map(|value| vec![Some(value.to_vec())]);
    [values.to_vec(), vec![vec![None]]].concat()
}

/// A day as INT96 counts them, and the nanoseconds of it.
fn int96(day: i32, nanoseconds: i64) -> Vec<u8> {
    [&nanoseconds.to_le_bytes()[..], &(day + 2_440_588).to_le_bytes()].concat()
}

/// 9999-12-31, 2024-03-01 with microseconds, 0001-01-01, 1500-01-01, 2262-04-12.
fn moments() -> [Vec<u8>; 5] {
    [
        int96(2_932_896, 0),
        int96(19_783, 86_399_999_999_000),
        int96(-719_162, 0),
        int96(-171_664, 1000),
        int96(106_752, 0),
    ]
}

fn int96s() -> Rows {
    let moments = moments();
    bytes([&moments[0], &moments[1], &moments[2], &moments[3], &moments[4]])
}

/// Months, days, milliseconds.
fn intervals() -> Rows {
    let interval = |parts: [u32; 3]| parts.map(u32::to_le_bytes).concat();
    let values =
        [[14, 0, 0], [12, 3, 0], [0, 0, 18_000_000], [u32::MAX; 3], [1, 2, 3]].map(interval);
    bytes([&values[0], &values[1], &values[2], &values[3], &values[4]])
}

/// In lists of two.
fn paired(rows: &Rows) -> Rows {
    rows.iter().map(|row| [&row[..], &row[..]].concat()).collect()
}

fn encodings() -> [WriterProperties; 3] {
    let builder = WriterProperties::builder;
    [
        builder().build(),
        builder().set_dictionary_enabled(false).build(),
        builder()
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_dictionary_enabled(false)
            .build(),
    ]
}

#[test]
fn every_value_of_every_type_comes_back() {
    const EXTREMES: [i64; 5] = [0, -1, i64::MIN, i64::MAX, 1_700_000_000_123_456_789];
    let day = [0, -1, i32::MIN, i32::MAX, 20_000];
    let (tiny, small) = ([0, -1, -128, 127, 7], [0, -1, -32_768, 32_767, 7]);
    let texts = [&b"a"[..], b"", b"{}", "é".as_bytes(), b"2"];
    let raw = [&b"a"[..], b"", b"\xff\xfe", b"\0", b"2"];
    let doubles = [
        f64::NAN.to_bits() | 5,
        (-0.0_f64).to_bits(),
        1,
        f64::INFINITY.to_bits(),
        0x7ff4_0000_0000_0001,
    ];
    let floats =
        [f32::NAN.to_bits() | 5, (-0.0_f32).to_bits(), 1, f32::INFINITY.to_bits(), 0x7fa0_0001];
    let halves = [0x7e05_u16, 0x8000, 1, 0x7c00, 0xfd01];
    let types: Vec<(&str, Rows)> = vec![
        ("boolean", le([[0], [1], [1], [0], [1]])),
        ("int32", i32s(day)),
        ("int64", i64s(EXTREMES)),
        ("float", le(floats.map(u32::to_le_bytes))),
        ("double", le(doubles.map(u64::to_le_bytes))),
        ("binary", bytes(raw)),
        ("fixed_len_byte_array(3)", le([[1; 3], [2; 3], [0; 3], [255; 3], [4; 3]])),
        ("int96", int96s()),
        ("fixed_len_byte_array(12) (INTERVAL)", intervals()),
        ("fixed_len_byte_array(16) (UUID)", le([[1; 16], [2; 16], [0; 16], [255; 16], [4; 16]])),
        ("fixed_len_byte_array(2) (FLOAT16)", le(halves.map(u16::to_le_bytes))),
        ("binary (UTF8)", bytes(texts)),
        ("binary (STRING)", bytes(texts)),
        ("binary (ENUM)", bytes(texts)),
        ("binary (JSON)", bytes(texts)),
        ("binary (BSON)", bytes(raw)),
        ("int32 (INTEGER(8,true))", i32s(tiny)),
        ("int32 (INTEGER(16,true))", i32s(small)),
        ("int32 (INTEGER(32,true))", i32s(day)),
        ("int64 (INTEGER(64,true))", i64s(EXTREMES)),
        ("int32 (INTEGER(8,false))", i32s([0, 1, 255, 127, 128])),
        ("int32 (INTEGER(16,false))", i32s([0, 1, 65_535, 32_767, 32_768])),
        ("int32 (INTEGER(32,false))", i32s(day)),
        ("int64 (INTEGER(64,false))", i64s(EXTREMES)),
        ("int32 (INT_8)", i32s(tiny)),
        ("int32 (UINT_16)", i32s([0, 1, 65_535, 32_767, 32_768])),
        ("int64 (UINT_64)", i64s(EXTREMES)),
        ("int32 (DATE)", i32s(day)),
        ("int32 (TIME(MILLIS,true))", i32s([0, 1, 86_399_999, 5, 9])),
        ("int64 (TIME(MICROS,false))", i64s([0, 1, 86_399_999_999, 5, 9])),
        ("int64 (TIME(NANOS,true))", i64s([0, 1, 86_399_999_999_999, 5, 9])),
        ("int32 (TIME_MILLIS)", i32s([0, 1, 86_399_999, 5, 9])),
        ("int64 (TIME_MICROS)", i64s([0, 1, 86_399_999_999, 5, 9])),
        ("int64 (TIMESTAMP(MILLIS,true))", i64s(EXTREMES)),
        ("int64 (TIMESTAMP(MILLIS,false))", i64s(EXTREMES)),
        ("int64 (TIMESTAMP(MICROS,true))", i64s(EXTREMES)),
        ("int64 (TIMESTAMP(MICROS,false))", i64s(EXTREMES)),
        ("int64 (TIMESTAMP(NANOS,true))", i64s(EXTREMES)),
        ("int64 (TIMESTAMP(NANOS,false))", i64s(EXTREMES)),
        ("int64 (TIMESTAMP_MILLIS)", i64s(EXTREMES)),
        ("int64 (TIMESTAMP_MICROS)", i64s(EXTREMES)),
        ("int32 (DECIMAL(9,2))", i32s([0, -1, -999_999_999, 999_999_999, 7])),
        (
            "int64 (DECIMAL(18,3))",
            i64s([0, -1, -999_999_999_999_999_999, 999_999_999_999_999_999, 7]),
        ),
        ("int64 (DECIMAL(9,2))", i64s([0, -1, -999_999_999, 999_999_999, 7])),
        ("binary (DECIMAL(20,2))", bytes([&[0], &[0xff], &[0x80, 0, 0], &[0x7f; 8], &[7]])),
        (
            "fixed_len_byte_array(5) (DECIMAL(10,0))",
            le([[0; 5], [255; 5], [128, 0, 0, 0, 0], [1; 5], [7; 5]]),
        ),
        (
            "fixed_len_byte_array(16) (DECIMAL(38,10))",
            le([[0; 16], [255; 16], [1; 16], [200; 16], [7; 16]]),
        ),
        (
            "fixed_len_byte_array(32) (DECIMAL(76,10))",
            le([[0; 32], [255; 32], [1; 32], [250; 32], [7; 32]]),
        ),
    ];
    let place = Place::new();
    for (number, properties) in encodings().into_iter().enumerate() {
        let named = |at: usize| format!("c{at}");
        let message: String = types
            .iter()
            .enumerate()
            .map(|(at, (kind, _))| match kind.split_once(" (") {
                Some((physical, logical)) => {
                    format!("optional {physical} {} ({logical}; ", named(at))
                }
                None => format!("optional {kind} {}; ", named(at)),
            })
            .collect();
        let rows: Vec<Rows> = types.iter().map(|(_, rows)| rows.clone()).collect();
        let name = format!("flat{number}");
        write(&place.path(&format!("{name}.parquet")), &message, &rows, properties.clone());
        let names: Vec<String> = (0..types.len()).map(named).collect();
        comes_back(&place, &name, &names.iter().map(String::as_str).collect::<Vec<_>>());
        // The same in structures, lists of both forms, and maps.
        let message: String = types
            .iter()
            .enumerate()
            .map(|(at, (kind, _))| {
                let typed = |name: &str| match kind.split_once(" (") {
                    Some((physical, logical)) => format!("optional {physical} {name} ({logical};"),
                    None => format!("optional {kind} {name};"),
                };
                format!(
                    "optional group s{at} {{ {} }} \
                     optional group l{at} (LIST) {{ repeated group list {{ {} }} }} \
                     optional group m{at} (MAP) {{ repeated group key_value {{ required binary key \
                     (UTF8); {} }} }} ",
                    typed("v"),
                    typed("element"),
                    typed("value")
                )
            })
            .collect();
        let keys: Rows = (0..6).map(|_| vec![Some(b"k".to_vec()), Some(b"l".to_vec())]).collect();
        let rows: Vec<Rows> = types
            .iter()
            .flat_map(|(_, rows)| [rows.clone(), paired(rows), keys.clone(), paired(rows)])
            .collect();
        let name = format!("deep{number}");
        write(&place.path(&format!("{name}.parquet")), &message, &rows, properties);
        let names: Vec<String> = (0..types.len())
            .flat_map(|at| {
                [
                    format!("s{at}.v"),
                    format!("l{at}.list.element"),
                    format!("m{at}.key_value.value"),
                ]
            })
            .collect();
        let way = Way::new(&place, &name, "parquet", "parquet");
        way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
            .unwrap();
        way.code(&POPULATION, 1, 5).unwrap();
        way.attach().unwrap();
        for column in names {
            let expected = values(&way.data, &column);
            let found = values(&way.out, &column);
            assert!(found == expected, "{column}: {found:?}");
        }
    }
}

#[test]
fn the_type_that_arrow_says_a_column_had_changes_no_value() {
    let zone = || Some("Europe/Paris".into());
    let timestamp = |unit| DataType::Timestamp(unit, None);
    let cases: Vec<(&str, Rows, DataType)> = vec![
        ("int96 v", int96s(), timestamp(TimeUnit::Nanosecond)),
        ("int96 v", int96s(), timestamp(TimeUnit::Second)),
        ("int96 v", int96s(), timestamp(TimeUnit::Millisecond)),
        ("int96 v", int96s(), DataType::Timestamp(TimeUnit::Nanosecond, zone())),
        (
            "int64 v (TIMESTAMP(NANOS,false))",
            i64s([1, 2, -3, 1_999_999, 5]),
            timestamp(TimeUnit::Second),
        ),
        (
            "int64 v (TIMESTAMP(NANOS,false))",
            i64s([1, 2, -3, 1_999_999, 5]),
            timestamp(TimeUnit::Microsecond),
        ),
        (
            "int64 v (TIMESTAMP(MICROS,false))",
            i64s([1, 2, -3, 1_999, 5]),
            timestamp(TimeUnit::Nanosecond),
        ),
        ("int32 v (DATE)", i32s([0, 1, -1, i32::MAX, 20_000]), DataType::Date64),
        ("int32 v", i32s([0, 1, -1, i32::MAX, 20_000]), timestamp(TimeUnit::Second)),
        ("int32 v (DECIMAL(9,2))", i32s([0, 1, -1, 999_999_999, 7]), DataType::Decimal32(5, 1)),
        (
            "int64 v (DECIMAL(18,2))",
            i64s([0, 1, -1, i64::from(i32::MAX), 7]),
            DataType::Decimal64(18, 2),
        ),
        (
            "fixed_len_byte_array(12) v (INTERVAL)",
            intervals(),
            DataType::Interval(IntervalUnit::MonthDayNano),
        ),
        (
            "fixed_len_byte_array(12) v (INTERVAL)",
            intervals(),
            DataType::Interval(IntervalUnit::DayTime),
        ),
        (
            "fixed_len_byte_array(12) v (INTERVAL)",
            intervals(),
            DataType::Interval(IntervalUnit::YearMonth),
        ),
    ];
    let place = Place::new();
    for (number, (column, rows, kind)) in cases.into_iter().enumerate() {
        let said = Schema::new(vec![
            Field::new("row", DataType::Int32, false),
            Field::new("nir", DataType::Utf8, false),
            Field::new("v", kind, true),
        ]);
        let mut properties = WriterProperties::builder().build();
        add_encoded_arrow_schema_to_metadata(&said, &mut properties);
        let name = format!("said{number}");
        write(
            &place.path(&format!("{name}.parquet")),
            &format!("optional {column};"),
            &[rows],
            properties,
        );
        let way = comes_back(&place, &name, &["v"]);
        // As other software reads it.
        let [before, after] = [&way.data, &way.out].map(|path| {
            let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
            let columns = reader.metadata().file_metadata().schema_descr().columns().to_vec();
            columns.into_iter().find(|found| found.name() == "v").unwrap()
        });
        assert_eq!(before.self_type(), after.self_type());
    }
}

#[test]
fn times_in_96_bits_come_back_and_as_rows_only_where_microseconds_hold_them() {
    let place = Place::new();
    for (moment, fits) in [
        (int96(19_783, 1), false),
        (int96(106_751_991, 0), true),
        (int96(106_751_992, 0), false),
        (int96(0, i64::MAX), false),
        (int96(0, 90_000_000_000_000), true),
    ] {
        for (number, properties) in encodings().into_iter().enumerate() {
            for (shape, deep) in
                [("optional int96 v;", "v"), ("optional group s { optional int96 v; }", "s.v")]
            {
                let name = format!("moment{number}");
                let path = place.path(&format!("{name}.parquet"));
                let rows: Rows =
                    vec![vec![Some(int96(1, 0))], vec![None], vec![Some(moment.clone())]];
                write(&path, shape, &[rows], properties.clone());
                let way = Way::new(&place, &name, "parquet", "parquet");
                way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
                    .unwrap();
                way.code(&POPULATION, 1, 1).unwrap();
                way.attach().unwrap();
                assert!(int96_of(&path, deep) == int96_of(&way.out, deep), "{name}");
                // As rows they are in microseconds.
                let mut rows =
                    Source::open(&path, Delimiter::Given(b',')).unwrap().into_record_batches();
                match rows.next().unwrap() {
                    Ok(_) => assert!(fits),
                    Err(error) => {
                        let said = error.to_string();
                        assert!(!fits && said.contains("a timestamp in 96 bits"), "{said}");
                        assert!(said.contains(&format!("column {deep:?}")), "{said}");
                    }
                }
                for name in place.names() {
                    std::fs::remove_file(place.path(&name)).unwrap();
                }
            }
        }
    }
}

/// The times of a column as they are written.
fn int96_of(path: &Path, name: &str) -> Vec<Int96> {
    let file = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let mut found = Vec::new();
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group).unwrap();
        let columns = group.metadata().columns();
        let at = columns.iter().position(|column| column.column_path().string() == name).unwrap();
        let ColumnReader::Int96ColumnReader(mut reader) = group.get_column_reader(at).unwrap()
        else {
            panic!("{name} has another type");
        };
        reader.read_records(usize::MAX, Some(&mut Vec::new()), None, &mut found).unwrap();
    }
    assert!(!found.is_empty());
    found
}
