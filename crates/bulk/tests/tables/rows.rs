//! Rows read one after the other: where each stands, its cells byte for byte, and errors without a
//! cell.

use std::fs;
use std::sync::Arc;

use arrow_array::types::{Int8Type, UInt16Type};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Date64Array, DictionaryArray, Float32Array, Float64Array,
    Int8Array, Int16Array, Int32Array, Int64Array, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt8Array,
    UInt16Array, UInt32Array, UInt64Array,
};
use cstatns::civil_status::Field;
use cstatns::coded::Coded as _;
use cstatns_rows::effort::Progress;
use cstatns_rows::error::TableError;
use cstatns_rows::people::Records;
use proptest::prelude::*;

use crate::common::*;

/// Where a row stands, and its cells of columns 2, 0 and one that is not there.
type Found = (u64, [Vec<u8>; 3]);

fn read(place: &Place, name: &str) -> Result<Vec<Found>, TableError> {
    let mut found = Vec::new();
    let progress = Progress::default();
    progress.expect(fs::metadata(place.path(name)).unwrap().len());
    Records::open(&place.path(name), b',')?.each(
        [Some((2, None)), Some((0, None)), None],
        &progress,
        |number, cells| {
            found.push((number, cells.map(<[u8]>::to_vec)));
            Ok::<_, TableError>(())
        },
    )?;
    assert_eq!((progress.rows(), progress.part()), (found.len() as u64, 1.0));
    Ok(found)
}

fn row(number: u64, third: &str, first: &str) -> Found {
    (number, [third.into(), first.into(), Vec::new()])
}

#[test]
fn rows_of_csv_stand_on_lines() {
    let place = Place::new();
    let file = "\u{feff}a,b,c\r\n1,,x\r\n\r\n2,,\n\n\"3\n3\",\"\",\"y\"\"\"\n4,,z\n\n\n5,,z";
    fs::write(place.path("d.csv"), file).unwrap();
    let expected = [
        row(2, "x", "1"),
        row(4, "", "2"),
        row(6, "y\"", "3\n3"),
        row(8, "z", "4"),
        row(11, "z", "5"),
    ];
    assert_eq!(read(&place, "d.csv").unwrap(), expected);
    let rows = Records::open(&place.path("d.csv"), b',').unwrap();
    assert_eq!(rows.header(), [b"a", b"b", b"c"]);
    // Only a name that is known makes a header of the first line.
    let silent = "the first line must give the names of the columns";
    for (header, map, column, words) in [
        ("a,b", &[][..], "d", silent),
        ("a,b", &[(Field::Nom, "b")], "d", "it has a, b"),
        ("Durand,Luc,M", &[], "nom", silent),
        ("Durand,quality,M", &[], "nir", "it has Durand, quality, M"),
        ("Durand,nom,M", &[], "nir", "it has Durand, nom, M"),
        // Somebody of that name, or of a name that holds it.
        ("Pays,Luc,M", &[], "nir", silent),
        ("Economou,Niro,M", &[], "nom", silent),
        ("Economou,Niro,M", &[], "nir", silent),
        ("Age,NIR", &[], "nir", "it has Age, NIR"),
        ("Age,NOM,Prenoms", &[], "nir", "it has Age, NOM, Prenoms"),
        ("Age,nom,12345", &[], "nir", silent),
    ] {
        fs::write(place.path("m.csv"), format!("{header}\n")).unwrap();
        let said =
            Records::open(&place.path("m.csv"), b',').unwrap().missing(map, column).to_string();
        assert!(said.ends_with(&format!("has no column {column:?}; {words}")), "{said}");
    }
}

#[test]
fn rows_of_parquet_are_numbered() {
    let place = Place::new();
    let many: Vec<_> = (0..20_000).map(|nth| (nth % 3 > 0).then_some("x")).collect();
    let values: DictionaryArray<Int8Type> = many.iter().copied().collect();
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.0; many.len()]));
    write_parquet(
        &place.path("d.parquet"),
        vec![("a", Arc::new(values)), ("b", numbers), ("c", texts(&many))],
    );
    let expected: Vec<_> =
        many.iter().zip(1..).map(|(x, at)| row(at, x.unwrap_or(""), x.unwrap_or(""))).collect();
    assert!(read(&place, "d.parquet").unwrap() == expected);

    let error = Records::open(&place.path("d.parquet"), b',')
        .and_then(|rows| {
            rows.each([Some((1, None))], &Progress::default(), |_, _| Ok::<_, TableError>(()))
        })
        .unwrap_err();
    assert!(error.code() == "column-type" && error.to_string().contains("\"b\""), "{error}");
}

/// The cells of a column of Parquet that is of this field.
fn field(place: &Place, field: Field, values: ArrayRef) -> Result<Vec<String>, String> {
    write_parquet(&place.path("f.parquet"), vec![("f", values)]);
    let mut found = Vec::new();
    let rows = Records::open(&place.path("f.parquet"), b',').unwrap();
    let each =
        rows.each([Some((0, Some(field))), None], &Progress::default(), |_, [cell, none]| {
            assert!(none.is_empty());
            found.push(String::from_utf8(cell.to_vec()).unwrap());
            Ok::<_, TableError>(())
        });
    each.map(|_| found).map_err(|error| format!("{}: {error}", error.code()))
}

/// The greatest whole number that no other one is rounded to.
const MOST: f64 = 9_007_199_254_740_991.0;

#[test]
fn whole_numbers_of_parquet_are_their_digits() {
    let place = Place::new();
    let cases: Vec<(ArrayRef, [&str; 3])> = vec![
        (Arc::new(Int8Array::from(vec![Some(1), None, Some(-128)])), ["1", "", "-128"]),
        (Arc::new(Int16Array::from(vec![None, Some(7), Some(0)])), ["", "7", "0"]),
        (Arc::new(Int32Array::from(vec![Some(1344), Some(75101), None])), ["1344", "75101", ""]),
        (
            Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(2)])),
            ["-9223372036854775808", "", "2"],
        ),
        (Arc::new(UInt8Array::from(vec![Some(2), None, Some(255)])), ["2", "", "255"]),
        (Arc::new(UInt16Array::from(vec![Some(99), None, None])), ["99", "", ""]),
        (Arc::new(UInt32Array::from(vec![None, None, Some(u32::MAX)])), ["", "", "4294967295"]),
        (
            Arc::new(UInt64Array::from(vec![Some(u64::MAX), None, Some(1)])),
            ["18446744073709551615", "", "1"],
        ),
        (
            Arc::new(DictionaryArray::<Int8Type>::new(
                Int8Array::from(vec![Some(1), None, Some(0)]),
                Arc::new(Int64Array::from(vec![2, 1])),
            )),
            ["1", "", "2"],
        ),
        // As software writes them that has no empty cell among whole numbers.
        (
            Arc::new(Float64Array::from(vec![Some(19_840_512.0), None, Some(f64::NAN)])),
            ["19840512", "", ""],
        ),
        (
            Arc::new(Float64Array::from(vec![MOST, -MOST, -0.0])),
            ["9007199254740991", "-9007199254740991", "0"],
        ),
        (
            Arc::new(Float32Array::from(vec![Some(75101.0), None, Some(f32::NAN)])),
            ["75101", "", ""],
        ),
        (
            Arc::new(Float32Array::from(vec![16_777_215.0, -16_777_215.0, 2.0])),
            ["16777215", "-16777215", "2"],
        ),
        (
            Arc::new(DictionaryArray::<Int8Type>::new(
                Int8Array::from(vec![Some(1), None, Some(0)]),
                Arc::new(Float64Array::from(vec![2.0, f64::NAN])),
            )),
            ["", "", "2"],
        ),
    ];
    for (values, texts) in cases {
        for of in [Field::Id, Field::Sexe, Field::CodeLieu, Field::DateNaissance] {
            assert_eq!(
                field(&place, of, values.clone()).unwrap(),
                texts,
                "{:?}",
                values.data_type()
            );
        }
    }
    // More than are read at once.
    let many: Vec<_> = (0..20_000).map(|nth| (nth % 7 > 0).then_some(nth)).collect();
    let found = field(&place, Field::Id, Arc::new(Int32Array::from(many.clone()))).unwrap();
    assert!(
        many.iter()
            .map(|number| number.map_or_else(String::new, |number| number.to_string()))
            .eq(found)
    );
}

/// One of them may be the number of somebody else, rounded or not; the row is named, and not what
/// it holds.
#[test]
fn floating_point_numbers_that_are_not_whole_are_refused() {
    let place = Place::new();
    for (bad, single) in [
        (1.5, 1.5),
        (1e-300, f32::MIN_POSITIVE),
        (f64::INFINITY, f32::INFINITY),
        (f64::NEG_INFINITY, f32::NEG_INFINITY),
        (MOST + 1.0, 16_777_216.0),
        (-MOST - 1.0, -16_777_216.0),
        (f64::MAX, f32::MAX),
    ] {
        // More than are read at once, behind what is missing.
        let at = 10_001;
        let mut numbers: Vec<_> =
            (0..20_000).map(|nth| (nth % 7 > 0).then_some(f64::from(nth))).collect();
        numbers[5] = Some(f64::NAN);
        let mut singles: Vec<_> =
            numbers.iter().map(|number| number.map(|number| number as f32)).collect();
        (numbers[at], singles[at]) = (Some(bad), Some(single));
        let arrays: [ArrayRef; 2] =
            [Arc::new(Float64Array::from(numbers)), Arc::new(Float32Array::from(singles))];
        for values in arrays {
            for of in [Field::Id, Field::Sexe, Field::CodeLieu, Field::DateNaissance] {
                let said = field(&place, of, values.clone()).unwrap_err();
                assert!(
                    said.starts_with("not-whole: ") && said.contains("row 10002 "),
                    "{bad} {said}"
                );
                assert!(
                    said.contains("column \"f\"") && !said.contains(&bad.to_string()),
                    "{bad} {said}"
                );
            }
        }
    }
}

#[test]
fn dates_of_parquet_are_their_days() {
    let place = Place::new();
    let days = vec![Some(5245), None, Some(0), Some(-1), Some(-25_567), Some(i32::MAX)];
    let texts = ["1984-05-12", "", "1970-01-01", "1969-12-31", "1900-01-01", "no date"];
    assert_eq!(
        field(&place, Field::DateNaissance, Arc::new(Date32Array::from(days))).unwrap(),
        texts
    );

    // At midnight, and the smallest part of a second after it.
    let (day, before) = (5245 * 86_400, -86_400);
    let moments =
        |unit: i64| vec![Some(day * unit), None, Some(before * unit), Some(day * unit + 1)];
    let texts = ["1984-05-12", "", "1969-12-31"];
    let cases: [(ArrayRef, &str); 5] = [
        (Arc::new(TimestampSecondArray::from(moments(1))), "1984-05-12T00:00:01"),
        (Arc::new(TimestampMillisecondArray::from(moments(1000))), "1984-05-12T00:00:00"),
        (Arc::new(TimestampMicrosecondArray::from(moments(1_000_000))), "1984-05-12T00:00:00"),
        (Arc::new(TimestampNanosecondArray::from(moments(1_000_000_000))), "1984-05-12T00:00:00"),
        (Arc::new(Date64Array::from(moments(1000))), "1984-05-12T00:00:00"),
    ];
    for (values, last) in cases {
        let found = field(&place, Field::DateNaissance, values.clone()).unwrap();
        assert_eq!(
            (&found[..3], &*found[3]),
            (&texts.map(str::to_owned)[..], last),
            "{:?}",
            values.data_type()
        );
    }
    // Before and after every calendar; and the longest text.
    let values: ArrayRef = Arc::new(TimestampSecondArray::from(vec![i64::MIN, i64::MAX]));
    assert_eq!(field(&place, Field::DateNaissance, values).unwrap(), ["no date", "no date"]);
    let values: ArrayRef = Arc::new(TimestampSecondArray::from(vec![-377_700_000_000]));
    assert_eq!(field(&place, Field::DateNaissance, values).unwrap(), ["-009999-03-01T05:20:00"]);
}

#[test]
fn columns_of_other_types_are_refused_by_field() {
    let place = Place::new();
    let whole: ArrayRef = Arc::new(Int64Array::from(vec![284_058_832_102_532]));
    let day: ArrayRef = Arc::new(Date32Array::from(vec![1]));
    let zone: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![0]).with_timezone("UTC"));
    let float: ArrayRef = Arc::new(Float64Array::from(vec![284_058_832_102_532.0]));
    let truth: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
    let keys = UInt16Array::from(vec![0]);
    let category: ArrayRef = Arc::new(DictionaryArray::<UInt16Type>::new(keys, zone.clone()));
    for (of, values, words) in [
        (
            Field::Nir,
            &whole,
            "is of type whole numbers; identifiers are text: a number cannot hold 2A or 2B",
        ),
        (Field::Nom, &whole, "names are text"),
        (Field::Pays, &whole, "names are text"),
        (Field::Prenoms, &day, "is of type dates; names are text"),
        (Field::Sexe, &day, "text or whole numbers"),
        (Field::Id, &day, "text or whole numbers"),
        (Field::Nir, &float, "is of type floating-point numbers of 64 bits; identifiers are text"),
        (Field::Nom, &float, "names are text"),
        (Field::CodeLieu, &truth, "is of type Boolean; this field is text or whole numbers"),
        (Field::DateNaissance, &zone, "dates without a time zone"),
        (Field::DateNaissance, &truth, "numbers such as 19840512"),
        (Field::DateNaissance, &category, "numbers such as 19840512"),
        (Field::Sexe, &truth, "is of type Boolean"),
    ] {
        let said = field(&place, of, values.clone()).unwrap_err();
        assert!(
            said.starts_with("column-type: ") && said.contains("\"f\"") && said.contains(words),
            "{said}"
        );
        assert!(!said.contains("284058"), "{said}");
    }
}

#[test]
fn errors_name_the_row_and_the_line_and_end_the_reading() {
    let place = Place::new();
    for (end, code, words) in [
        ("\n1,2\n", "ragged-row", "row 5001 (line 5003) has 2 fields"),
        ("\"\",,\n\n1\n", "ragged-row", "row 5002 (line 5004) has 1 fields"),
        ("\"1\n", "open-quote", "line 5002"),
    ] {
        fs::write(place.path("d.csv"), format!("a,b,c\n{}{end}", "secret,,\n".repeat(5000)))
            .unwrap();
        let error = read(&place, "d.csv").unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(error.code() == code && said.contains(words) && !said.contains("secret"), "{said}");
    }
    fs::write(place.path("d.csv"), "a,b,c\n1,2,3\n4,5,6\n").unwrap();
    let mut seen = 0;
    let ended = Records::open(&place.path("d.csv"), b',').unwrap().each(
        [Some((0, None))],
        &Progress::default(),
        |_, _| {
            seen += 1;
            Err(TableError::NoRows { path: place.path("d.csv") })
        },
    );
    assert_eq!((ended.unwrap_err().code(), seen), ("no-rows", 1));
}

/// In both types what is read adds up, and is stopped between two batches.
#[test]
fn how_far_it_is_can_be_seen_and_stopped() {
    let place = Place::new();
    fs::write(place.path("d.csv"), format!("a,b,c\n{}", "1,2,3\n".repeat(400_000))).unwrap();
    let column = texts(&vec![Some("x"); 400_000]);
    write_parquet(&place.path("d.parquet"), vec![("a", column)]);
    for name in ["d.csv", "d.parquet"] {
        let progress = Progress::default();
        progress.expect(fs::metadata(place.path(name)).unwrap().len());
        let (mut seen, mut parts) = (0, Vec::new());
        let rows = Records::open(&place.path(name), b',').unwrap();
        let ended = rows.each([Some((0, None))], &progress, |number, _| {
            seen += 1;
            if seen % 50_000 == 0 {
                parts.push(progress.part());
            }
            if seen == 200_000 {
                progress.stop();
            }
            assert!(number > 0);
            Ok::<_, TableError>(())
        });
        assert_eq!(ended.unwrap_err().code(), "interrupted", "{name}");
        assert!((200_000..300_000).contains(&seen) && progress.rows() == seen, "{name}: {seen}");
        assert!(parts.is_sorted() && (0.3..0.5).contains(&parts[3]), "{name}: {parts:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Plain lines, quoted ones, blank ones, in any order: each row stands where `csv` says.
    #[test]
    fn lines_are_those_of_csv(
        rows in proptest::collection::vec(
            prop_oneof!["[a-z]{0,3},,[a-z]{0,3}", "\"[a-z\n]{0,3}\",,\"\"", Just(String::new())],
            0..40,
        ),
        copies in 1_usize..200,
    ) {
        let place = Place::new();
        let file = format!("a,b,c\n{}", (rows.join("\n") + "\n").repeat(copies));
        fs::write(place.path("d.csv"), &file).unwrap();
        let mut reader = csv::Reader::from_reader(file.as_bytes());
        let mut record = csv::ByteRecord::new();
        let mut expected = Vec::new();
        while reader.read_byte_record(&mut record).unwrap() {
            // `csv` counts from where it begins to look for the row, so blank lines before it are
            // counted here.
            let position = record.position().unwrap();
            let blank = file.as_bytes()[position.byte() as usize..].iter().take_while(|byte| **byte == b'\n').count();
            let line = position.line() + blank as u64;
            expected.push((line, [record[2].to_vec(), record[0].to_vec(), Vec::new()]));
        }
        prop_assert!(read(&place, "d.csv").unwrap() == expected);
    }
}

/// Rows of one, two and three fields in any order, some quoted: those of two are read as though the
/// others were not there, and each of the others is named by its line.
#[test]
fn ragged_rows_can_be_set_apart() {
    let place = Place::new();
    let rows = ["a,b", "c", "d,e,f", "\"g\ng\",h", "\"i\",\"i\",i", "\"\"", ""];
    let mut file = String::from("one,two\n");
    let (mut expected, mut apart) = (Vec::new(), Vec::new());
    let mut line = 2;
    let mut push = |row: usize| {
        file.push_str(rows[row]);
        file.push('\n');
        match row {
            0 => expected.push((line, b"b".to_vec())),
            3 => expected.push((line, b"h".to_vec())),
            6 => {}
            _ => apart.push(line),
        }
        line += if row == 3 { 2 } else { 1 };
    };
    // More plain rows than a batch has, then quotes, then plain rows again.
    (0..20_000).for_each(|nth| push([0, 1, 2, 6, 0][nth % 5]));
    (0..3000).for_each(|nth| push(nth * 7 % 11 % 7));
    (0..20_000).for_each(|nth| push([2, 0, 6][nth % 3]));
    fs::write(place.path("d.csv"), &file).unwrap();
    let (mut found, mut ragged) = (Vec::new(), Vec::new());
    let progress = Progress::default();
    progress.expect(file.len() as u64);
    let columns = [Some((1, None))];
    Records::open(&place.path("d.csv"), b',')
        .unwrap()
        .each_even_ragged(columns, &progress, |line, cells| {
            match cells {
                Some([cell]) => found.push((line, cell.to_vec())),
                None => ragged.push(line),
            }
            Ok::<_, TableError>(())
        })
        .unwrap();
    assert!(found == expected && ragged == apart && apart.len() > 10_000);
    assert_eq!((progress.rows(), progress.part()), ((found.len() + ragged.len()) as u64, 1.0));
}
