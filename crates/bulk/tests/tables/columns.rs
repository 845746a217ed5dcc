//! The columns of each file, in CSV and in Parquet, and what stands in them (SPEC §6).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Int64Array, LargeStringArray, ListArray, StringArray,
    StringViewArray,
};
use arrow_schema::DataType;
use cstatns::coded::Coded as _;
use cstatns::identifier::Scheme;
use cstatns::manifest::{Content, Manifest, manifest_path};
use cstatns::received::received_path;
use cstatns::report::{Destruction, Report, report_path};
use cstatns::requested::{Requested, requested_path};
use cstatns_bulk::{CodeFileError, Request, code};
use cstatns_controller::{Attach, AttachError, Column, Prepare, attach, prepare, summarise};
use cstatns_rows::effort::Effort;
use cstatns_rows::error::TableError;
use cstatns_rows::table::Format;
use parquet::basic::Compression;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::common::*;

const DATA: &str = "name,nir,\"note, long\"\n\
    a,117091320400164,x\n\
    b, 2 84 09 24 055 001 31 ,\"say \"\"hi\"\"\"\n\
    c,2840924055001,\n\
    d,,\"two\nlines\"\n\
    e,2840924055001 99,y\n\
    f,117091320400164,x\n\
    g,\" \u{a0} \",z\n\
    h,3 84 09 24 055 001,é\n\
    i,12,z\n\
    k,184013A001001,z\n\
    l,0840924055001,z\n\
    m,2 84 09 2b 055 001,z\n";

/// What `status` says of the rows above, and `quality`.
const CHECKS: [(&str, &str, &str); 12] = [
    ("a", "ok", "valid"),
    ("b", "ok", "valid"),
    ("c", "ok", "unkeyed"),
    ("d", "absent", "absent"),
    ("e", "wrong-control-key", "wrong-control-key"),
    ("f", "ok", "valid"),
    ("g", "absent", "absent"),
    ("h", "ok", "provisional"),
    ("i", "wrong-length", "wrong-length"),
    ("k", "wrong-form", "wrong-form"),
    ("l", "wrong-form", "wrong-form"),
    ("m", "ok", "unkeyed"),
];

#[test]
fn prepare_writes_request_seal_and_retained() {
    let place = Place::new();
    let way = Way::new(&place, "d", "csv", "csv");
    fs::write(&way.data, DATA).unwrap();
    let prepared = way
        .prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
        .unwrap();
    assert_eq!(prepared.rows, 12);
    let counts = [
        ("ok", 6),
        ("absent", 2),
        ("wrong-control-key", 1),
        ("wrong-length", 1),
        ("wrong-form", 2),
    ];
    assert_eq!(prepared.found.counts, BTreeMap::from(counts));

    let request = read_text(&way.request);
    assert_eq!(request[0], ["index", "identifier"]);
    let mut identifiers: Vec<&str> = request[1..].iter().map(|row| row[1].as_str()).collect();
    identifiers.sort_unstable();
    // Compact, repeated where the data repeats, and nothing of the cells that are no identifier.
    let compact = [KEYED, KEYED, "284092405500131", UNKEYED, "284092B055001", "3840924055001"];
    assert_eq!(identifiers[6..].iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from(compact));
    assert_eq!(identifiers[..6], [""; 6]);

    let retained = read_text(&way.retained);
    assert_eq!(retained[0], ["index", "row", "status"]);
    let indexes =
        |rows: &[Vec<String>]| rows[1..].iter().map(|row| row[0].clone()).collect::<Vec<_>>();
    assert_eq!(indexes(&request), indexes(&retained));
    assert!(indexes(&request).windows(2).all(|pair| pair[0] < pair[1]));
    assert!(indexes(&request).iter().all(|index| {
        index.len() == 32 && index.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    }));
    let names = column(&way.data, "name");
    let checks: BTreeSet<(&str, &str)> = retained[1..]
        .iter()
        .map(|row| (&*names[row[1].parse::<usize>().unwrap() - 1], &*row[2]))
        .collect();
    assert_eq!(checks, CHECKS.iter().map(|(name, check, _)| (*name, *check)).collect());

    let manifest = way.manifest();
    assert_eq!(
        (manifest.input.rows, manifest.content),
        (12, Content::Identifiers { scheme: Scheme::FrNir })
    );
    assert!(manifest.previous.is_empty());
    let text = fs::read_to_string(manifest_path(&way.request)).unwrap();
    let begin = "{\"format\":2,\"suite\":\"CStatNS-HMAC-SHA-256\",\"service\":\"demo.aaaaaaaaaaaaaaaaaaaaaaaaaa\",\
        \"domain\":\"population\",\"use\":\"code\",\"scheme\":\"fr-nir\",\"rows\":12,\"values\":6,\
        \"distinct\":4,\"commitment\":\"";
    assert!(text.starts_with(begin), "{text}");
    // What is kept of the request is public: all of it but the secret.
    let requested = Requested::read(&requested_path(&way.retained)).unwrap();
    let known = manifest.requested(crate::signed::signing(), requested.data.clone());
    assert_eq!(requested, known.written_to(&way.request));
    assert_eq!(
        (&requested, &prepared.input),
        (prepared.requested.as_ref().unwrap(), &manifest.input)
    );
    let kept = fs::read_to_string(requested_path(&way.retained)).unwrap();
    assert!(!kept.contains(&*manifest.key.to_hex()) && !kept.contains("key"), "{kept}");
    let (request, retained) = (manifest_path(&way.request), requested_path(&way.retained));
    for path in [&way.request, &way.retained, &request, &retained] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
    }
}

#[test]
fn every_preparation_draws_new_indexes() {
    let place = Place::new();
    let data = place.write("d.csv", DATA);
    let indexes = |name: &str| {
        let way = Way { data: data.clone(), ..Way::new(&place, name, "csv", "csv") };
        way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
            .unwrap();
        column(&way.request, "index").into_iter().collect::<BTreeSet<_>>()
    };
    let (first, second) = (indexes("one"), indexes("two"));
    assert_eq!((first.len(), second.len()), (12, 12));
    assert!(first.is_disjoint(&second));
}

#[test]
fn attach_gives_each_row_its_code_and_its_quality() {
    let place = Place::new();
    let way = coded_csv(&place, "d", DATA, &POPULATION, 5);
    let result = read_text(&way.result);
    assert_eq!(result[0], ["index", "code", "quality"]);
    assert_eq!(column(&way.result, "index"), column(&way.request, "index"));
    assert_eq!(column(&way.result, "quality").iter().filter(|word| *word == "none").count(), 6);

    let rows = read_text(&way.out);
    assert_eq!(rows[0], ["code", "quality", "name", "note, long"]);
    let words: BTreeSet<(&str, &str)> = rows[1..].iter().map(|row| (&*row[2], &*row[1])).collect();
    assert_eq!(words, CHECKS.iter().map(|(name, _, quality)| (*name, *quality)).collect());
    let by_name: BTreeMap<&str, &Vec<String>> =
        rows[1..].iter().map(|row| (&*row[2], row)).collect();
    assert_eq!(by_name["a"][0], POPULATION.code_of(KEYED, 1));
    assert_eq!(by_name["b"][0], POPULATION.code_of(SPACED, 1));
    assert_eq!(by_name["c"][0], by_name["b"][0]);
    assert_eq!(by_name["e"][0], "");
    assert_eq!(by_name["b"][3], "say \"hi\"");
    assert_eq!(by_name["d"][3], "two\nlines");

    let report = Report::read(&report_path(&way.out)).unwrap();
    let counts = [
        ("absent", 2),
        ("provisional", 1),
        ("unkeyed", 2),
        ("valid", 3),
        ("wrong-form", 2),
        ("wrong-control-key", 1),
        ("wrong-length", 1),
    ];
    assert_eq!(report.quality, counts.map(|(word, count)| (word.to_owned(), count)).into());
    assert_eq!((report.rows_in, report.rows_out), (12, 12));
    assert_eq!(report.meta(), POPULATION.meta(1, 5));
    let told = Report::read(&report_path(&way.result)).unwrap();
    assert_eq!((report.key_id, report.checkpoint), (told.key_id, told.checkpoint));
    assert!(report.begin <= report.end);
    assert!(report.destroyed.is_empty());

    let summary = summarise(&way.result).unwrap();
    assert_eq!((summary.rows, summary.qualities), (12, told.quality));
}

#[test]
fn two_spellings_of_one_identifier_are_one_distinct_value() {
    let place = Place::new();
    let way = Way::new(&place, "d", "csv", "csv");
    fs::write(&way.data, format!("nir\n{UNKEYED}\n{SPACED}\n{KEYED}\n{KEYED}\n\"\"\n")).unwrap();
    way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',').unwrap();
    let coded = way.code(&POPULATION, 2, 1).unwrap();
    assert_eq!((coded.input.rows, coded.distinct), (5, 2));
    assert_eq!(coded.input.commitment, way.manifest().input.commitment);
}

/// The data above as Parquet.
fn parquet_data(nir: impl Fn(Vec<Option<String>>) -> ArrayRef) -> Vec<(&'static str, ArrayRef)> {
    let rows = csv::Reader::from_reader(DATA.as_bytes())
        .into_records()
        .map(Result::unwrap)
        .collect::<Vec<_>>();
    let cell =
        |row: &csv::StringRecord, at: usize| (!row[at].is_empty()).then(|| row[at].to_owned());
    let cells = |at| rows.iter().map(|row| cell(row, at)).collect::<Vec<_>>();
    let numbers = Int64Array::from_iter((0..12).map(|n| (n != 4).then_some(n)));
    let lists = ListArray::from_iter_primitive::<Float64Type, _, _>(
        (0..12).map(|n| (n != 5).then(|| (0..n).map(|v| Some(f64::from(v))).collect::<Vec<_>>())),
    );
    let category: DictionaryArray<Int32Type> =
        (0..12).map(|n| (n != 7).then_some(["x", "y"][n % 2])).collect();
    vec![
        ("number", Arc::new(numbers)),
        ("nir", nir(cells(1))),
        ("name", Arc::new(StringArray::from(cells(0)))),
        ("list", Arc::new(lists)),
        ("category", Arc::new(category)),
    ]
}

#[test]
fn parquet_has_the_final_schemas_and_other_columns_pass_unchanged() {
    let place = Place::new();
    let way = Way::new(&place, "d", "parquet", "parquet");
    let data = parquet_data(|cells| Arc::new(StringArray::from(cells)));
    write_parquet(&way.data, data.clone());
    let prepared = way
        .prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
        .unwrap();
    assert_eq!(prepared.found.counts["ok"], 6);

    let request = read_parquet(&way.request);
    let types = |batch: &arrow_array::RecordBatch| -> Vec<(String, DataType)> {
        batch
            .schema()
            .fields()
            .iter()
            .map(|field| (field.name().clone(), field.data_type().clone()))
            .collect()
    };
    let index = ("index".to_owned(), DataType::FixedSizeBinary(16));
    assert_eq!(types(&request), [index.clone(), ("identifier".to_owned(), DataType::Utf8)]);
    assert_eq!(request.column(1).null_count(), 6);
    assert_eq!(pairs(&way.request), [("cstatns.spec".to_owned(), "1".to_owned())]);

    let coded = way.code(&POPULATION, 1, 5).unwrap();
    assert_eq!(coded.distinct, 4);
    let result = read_parquet(&way.result);
    let code = ("code".to_owned(), DataType::FixedSizeBinary(32));
    assert_eq!(types(&result), [index, code.clone(), ("quality".to_owned(), DataType::Utf8)]);
    let said: BTreeMap<String, String> = pairs(&way.result).into_iter().collect();
    let meta = POPULATION.meta(1, 5);
    let expected = [
        ("cstatns.delivery", meta.delivery.to_string()),
        ("cstatns.domain", "population".to_owned()),
        ("cstatns.generation", "1".to_owned()),
        ("cstatns.service", "demo.aaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned()),
        ("cstatns.spec", "1".to_owned()),
        ("cstatns.tag", meta.tag().to_string()),
    ];
    assert_eq!(said, expected.map(|(key, value)| (key.to_owned(), value)).into());
    assert_eq!(summarise(&way.result).unwrap().meta, Some(meta));

    for (binary, out) in [(false, "text.parquet"), (true, "binary.parquet")] {
        let way = Way { out: place.path(out), ..way.clone() };
        way.attach_as(binary).unwrap();
        let attached = read_parquet(&way.out);
        let kind = if binary { DataType::FixedSizeBinary(32) } else { DataType::Utf8 };
        let mut expected = vec![("code".to_owned(), kind), ("quality".to_owned(), DataType::Utf8)];
        let kept = data.iter().filter(|(name, _)| *name != "nir");
        expected.extend(kept.map(|(name, array)| ((*name).to_owned(), array.data_type().clone())));
        assert_eq!(types(&attached), expected);
        assert_eq!(pairs(&way.out).len(), 6);

        let names = text_column(&attached, "name");
        for (name, _, quality) in CHECKS {
            let at = names.iter().position(|found| found.as_deref() == Some(name)).unwrap();
            let from =
                data[2].1.as_string::<i32>().iter().position(|found| found == Some(name)).unwrap();
            for (column, array) in data.iter().filter(|(column, _)| *column != "nir") {
                let kept = attached.column_by_name(column).unwrap().slice(at, 1);
                assert_eq!(&kept, &array.slice(from, 1), "{column} of {name}");
            }
            assert_eq!(text_column(&attached, "quality")[at].as_deref(), Some(quality));
            if name == "a" {
                let text = POPULATION.code_of(KEYED, 1);
                let code = cstatns::code::Code::parse(text.as_bytes()).unwrap();
                match binary {
                    true => {
                        assert_eq!(
                            binary_column(&attached, "code")[at].as_deref(),
                            Some(&code.bytes()[..])
                        )
                    }
                    false => assert_eq!(text_column(&attached, "code")[at], Some(text)),
                }
            }
        }
        assert_eq!(
            attached.column_by_name("number").unwrap().as_primitive::<Int64Type>().null_count(),
            1
        );
    }
}

#[test]
fn indexes_and_codes_are_stored_plainly_in_bounded_row_groups() {
    let place = Place::new();
    let way = Way::new(&place, "d", "csv", "parquet");
    let mut data = String::from("nir,v\n");
    for n in 0..140_000 {
        data.push_str(&format!("184{:02}75{:03}{:03},{n}\n", 1 + n % 12, n % 1000, n / 1000));
    }
    fs::write(&way.data, data).unwrap();
    way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',').unwrap();
    let coded = way.code(&POPULATION, 1, 5).unwrap();
    assert_eq!((coded.input.rows, coded.distinct), (140_000, cstatns::distinct::CAP));
    for path in [&way.request, &way.result] {
        let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
        let groups = reader.metadata().row_groups();
        let rows: Vec<i64> = groups.iter().map(|group| group.num_rows()).collect();
        assert!(rows.iter().all(|rows| *rows <= 131_072) && rows.len() == 2, "{rows:?}");
        assert_eq!(rows.iter().sum::<i64>(), 140_000);
        for column in &groups[0].columns()[..2] {
            assert_eq!(column.compression(), Compression::UNCOMPRESSED);
            assert!(column.dictionary_page_offset().is_none());
        }
    }
    way.attach().unwrap();
}

#[test]
fn csv_and_parquet_of_the_same_rows_agree() {
    let place = Place::new();
    let csv = Way::new(&place, "d", "csv", "csv");
    fs::write(&csv.data, DATA).unwrap();
    csv.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',').unwrap();
    // The same request as Parquet, by hand.
    let request = place.path("request.parquet");
    let rows = read_text(&csv.request);
    let index = |row: &Vec<String>| cstatns::name::Hex::<16>::parse(row[0].as_bytes()).unwrap().0;
    let indexes =
        arrow_array::FixedSizeBinaryArray::try_from_iter(rows[1..].iter().map(index)).unwrap();
    let cells: Vec<Option<&str>> =
        rows[1..].iter().map(|row| (!row[1].is_empty()).then_some(&*row[1])).collect();
    write_parquet(&request, vec![("index", Arc::new(indexes)), ("identifier", texts(&cells))]);

    let (coder, meta) = (POPULATION.coder(2), POPULATION.meta(2, 1));
    let mut coded = Vec::new();
    for (request, format, name) in [
        (&csv.request, Format::Csv, "a.csv"),
        (&csv.request, Format::Parquet, "b.parquet"),
        (&request, Format::Csv, "c.csv"),
        (&request, Format::Parquet, "d.parquet"),
    ] {
        let mut out = File::create(place.path(name)).unwrap();
        coded.push(
            code(
                &Request {
                    inside: None,
                    path: request,
                    manifest: &csv.manifest(),
                    format,
                    meta: &meta,
                    effort: &Effort::default(),
                },
                &coder,
                &mut out,
            )
            .unwrap(),
        );
    }
    assert!(coded.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(fs::read(place.path("a.csv")).unwrap(), fs::read(place.path("c.csv")).unwrap());
    assert_eq!(read_parquet(&place.path("b.parquet")), read_parquet(&place.path("d.parquet")));
    let binary = binary_column(&read_parquet(&place.path("b.parquet")), "code");
    let text = column(&place.path("a.csv"), "code");
    let of = |text: &String| {
        (!text.is_empty())
            .then(|| cstatns::code::Code::parse(text.as_bytes()).unwrap().bytes().to_vec())
    };
    assert_eq!(binary, text.iter().map(of).collect::<Vec<_>>());
}

#[test]
fn every_type_of_text_column_is_read() {
    let nothing = |_: Vec<Option<String>>| -> ArrayRef {
        Arc::new(StringArray::from(vec![None::<&str>; 12]))
    };
    type Make = fn(Vec<Option<String>>) -> ArrayRef;
    let types: [(Make, u64); 6] = [
        (|cells| Arc::new(StringArray::from(cells)), 6),
        (|cells| Arc::new(LargeStringArray::from(cells)), 6),
        (|cells| Arc::new(StringViewArray::from(cells)), 6),
        (
            |cells| {
                Arc::new(cells.iter().map(Option::as_deref).collect::<DictionaryArray<Int32Type>>())
            },
            6,
        ),
        (
            |cells| {
                let values = Arc::new(LargeStringArray::from(cells));
                let keys = arrow_array::Int32Array::from_iter_values(0..12);
                Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values).unwrap())
            },
            6,
        ),
        (nothing, 0),
    ];
    for (make, ok) in types {
        let place = Place::new();
        let way = Way::new(&place, "d", "parquet", "csv");
        write_parquet(&way.data, parquet_data(make));
        let prepared = way
            .prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
            .unwrap();
        assert_eq!(prepared.found.counts.get("ok").copied().unwrap_or_default(), ok);
        // A null in a dictionary has a key all the same, of some other row's value.
        assert_eq!(prepared.found.counts["absent"], if ok == 0 { 12 } else { 2 });
        way.code(&POPULATION, 1, 5).unwrap();
        way.attach().unwrap();
        assert_eq!(read_parquet(&way.out).num_rows(), 12);
    }
}

#[test]
fn a_file_of_identifiers_alone_keeps_all_its_rows() {
    let place = Place::new();
    let way = Way::new(&place, "d", "parquet", "parquet");
    write_parquet(&way.data, vec![("nir", texts(&[Some(KEYED), None, Some(UNKEYED)]))]);
    way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',').unwrap();
    way.code(&POPULATION, 1, 5).unwrap();
    way.attach().unwrap();
    assert_eq!(read_parquet(&way.out).num_rows(), 3);
}

#[test]
fn retained_and_attached_files_keep_the_delimiter_of_the_data_and_the_bytes_of_other_columns() {
    let place = Place::new();
    let way = Way::new(&place, "d", "csv", "csv");
    // A byte order mark, CRLF, Windows-1252 in a column and in the header, commas that need no
    // quotes here, 1 MB.
    let mut data = b"\xef\xbb\xbfnir;m\xe9tier;text\r\n".to_vec();
    data.extend_from_slice(b"117091320400164;Andr\xe9;a,b\r\n2840924055001;\"x;\"\"y\"\"\";");
    data.extend(std::iter::repeat_n(b'm', 1 << 20));
    data.extend_from_slice(b"\r\n");
    fs::write(&way.data, &data).unwrap();
    way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b';').unwrap();
    way.code(&POPULATION, 1, 5).unwrap();
    way.attach().unwrap();
    let rows = read_csv(&way.out, b';');
    assert_eq!(
        rows[0],
        [b"code".to_vec(), b"quality".to_vec(), b"m\xe9tier".to_vec(), b"text".to_vec()]
    );
    let row = |name: &[u8]| rows.iter().find(|row| row[2] == name).unwrap().clone();
    assert_eq!(row(b"Andr\xe9")[3], b"a,b");
    assert_eq!(row(b"x;\"y\"")[3].len(), 1 << 20);
    let made = fs::read(&way.out).unwrap();
    assert!(made.starts_with(b"\xef\xbb\xbfcode;quality;m\xe9tier;text\r\n"));
    assert_eq!(made.iter().filter(|byte| **byte == b'\r').count(), 3);
    assert!(fs::read_to_string(&way.request).unwrap().starts_with("index,identifier\n"));
}

#[test]
fn an_index_missing_or_extra_on_either_side_is_refused_with_counts() {
    let place = Place::new();
    let way = coded_csv(&place, "d", DATA, &POPULATION, 5);
    let drop_lines = |path: &std::path::Path, lines: &[usize]| {
        let rows = read_text(path);
        let kept =
            rows.iter().enumerate().filter(|(line, _)| !lines.contains(line)).map(|(_, row)| row);
        let mut writer = csv::Writer::from_path(path).unwrap();
        kept.for_each(|row| writer.write_record(row).unwrap());
    };
    for made in [way.out.clone(), report_path(&way.out), received_path(&way.out)] {
        fs::remove_file(made).unwrap();
    }
    drop_lines(&way.result, &[1, 12]);
    drop_lines(&way.retained, &[3, 4, 5]);
    let error = way.attach().unwrap_err();
    assert!(matches!(error, AttachError::Unmatched { missing: 2, extra: 3 }), "{error}");
    assert_eq!(error.code(), "rows-unmatched");
    assert!(!way.out.exists() && !report_path(&way.out).exists());
}

#[test]
fn attach_refuses_what_does_not_go_together() {
    let place = Place::new();
    let way = coded_csv(&place, "d", DATA, &POPULATION, 5);
    let other = Way { out: place.path("other.csv"), ..way.clone() };
    let whole = fs::read_to_string(&way.result).unwrap();

    // A code where `prepare` found nothing, none where it found an identifier.
    let row = read_text(&way.result)[1..].iter().find(|row| row[2] == "none").unwrap().clone();
    let code = POPULATION.code_of(KEYED, 1);
    let forged = whole.replace(&format!("{},,none", row[0]), &format!("{},{code},valid", row[0]));
    fs::write(&way.result, forged).unwrap();
    assert_eq!(other.attach().unwrap_err().code(), "rows-disagree");
    fs::write(&way.result, &whole).unwrap();
    let row = read_text(&way.result)[1..].iter().find(|row| row[2] == "valid").unwrap().clone();
    fs::write(
        &way.result,
        whole.replace(&format!("{},{},valid", row[0], row[1]), &format!("{},,none", row[0])),
    )
    .unwrap();
    assert_eq!(other.attach().unwrap_err().code(), "rows-disagree");

    // Codes of another generation than the report says.
    fs::write(&way.result, whole.replace("c1.", "c2.")).unwrap();
    assert_eq!(other.attach().unwrap_err().code(), "other-codes");
    // No account of where the codes come from.
    fs::write(&way.result, &whole).unwrap();
    fs::remove_file(report_path(&way.result)).unwrap();
    assert_eq!(other.attach().unwrap_err().code(), "report-missing");
    fs::write(report_path(&way.result), "{}").unwrap();
    assert_eq!(other.attach().unwrap_err().code(), "report-form");
    // Free text where a word belongs.
    way.report(&POPULATION.meta(1, 5), &other.code(&POPULATION, 1, 5).unwrap());
    fs::write(&way.result, whole.replace(",valid", ",Jean Dupont")).unwrap();
    assert_eq!(other.attach().unwrap_err().code(), "word-form");
    fs::write(&way.result, &whole).unwrap();
    other.attach().unwrap();

    let parquet = Way { out: place.path("other.parquet"), ..way.clone() };
    assert_eq!(parquet.attach().unwrap_err().code(), "attached-type");
    let again = Way { out: place.path("third.csv"), ..way.clone() };
    assert_eq!(again.attach_as(true).unwrap_err().code(), "binary-csv");
}

#[test]
fn files_are_destroyed_after_the_attached_file_is_durable_and_the_report_says_so() {
    let place = Place::new();
    let way = coded_csv(&place, "d", DATA, &POPULATION, 5);
    let out = place.path("other.csv");
    let (retained, result) = (&*way.retained, &*way.result);
    let with = |destroy: &[std::path::PathBuf]| {
        attach(
            Attach {
                party: None,
                data: None,
                retained: retained.into(),
                requested: None,
                result,
                out: (&out).into(),
                shuffle: false,
                binary_codes: false,
                destroy,
            },
            &Effort::default(),
        )
    };
    assert_eq!(with(std::slice::from_ref(&out)).unwrap_err().code(), "destroys-output");
    let bytes = fs::metadata(&way.data).unwrap().len();
    let absent = place.path("absent.csv");
    assert_eq!(with(&[way.data.clone(), absent]).unwrap_err().code(), "file-missing");
    assert_eq!(with(&[way.data.clone(), place.path(".")]).unwrap_err().code(), "not-a-file");
    assert!(way.data.exists() && !out.exists(), "what cannot be destroyed is found out first");
    // Named twice, it is gone the second time.
    with(&[way.data.clone(), way.data.clone(), way.retained.clone()]).unwrap();
    assert!(!way.data.exists() && !way.retained.exists() && out.exists());
    let report = Report::read(&report_path(&out)).unwrap();
    // What was kept of the request goes with the retained file.
    assert_eq!(report.destroyed.len(), 4);
    assert_eq!(report.destroyed[3].file, "d-retained.csv.request.json");
    assert!(!requested_path(&way.retained).exists());
    assert_eq!((report.destroyed[1].bytes, &*report.destroyed[1].how), (None, Destruction::ABSENT));
    assert_eq!((&*report.destroyed[0].file, report.destroyed[0].bytes), ("d.csv", Some(bytes)));
}

#[test]
fn a_request_that_is_not_the_sealed_one_is_refused() {
    let place = Place::new();
    let way = Way::new(&place, "d", "csv", "csv");
    fs::write(&way.data, DATA).unwrap();
    way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',').unwrap();
    let whole = fs::read_to_string(&way.request).unwrap();
    fs::write(&way.request, whole.replacen(KEYED, UNKEYED, 1)).unwrap();
    assert_eq!(way.code(&POPULATION, 1, 1).unwrap_err().code(), "commitment");
    let last = whole.trim_end().rfind('\n').unwrap();
    fs::write(&way.request, &whole[..=last]).unwrap();
    let error = way.code(&POPULATION, 1, 1).unwrap_err();
    assert!(matches!(error, CodeFileError::Commitment { rows: 11, expected: 12, .. }), "{error}");
    fs::write(&way.request, &whole).unwrap();
    let key = way.manifest().key.to_hex().to_string();
    let manifest = fs::read_to_string(manifest_path(&way.request)).unwrap();
    let other = place.write("other.manifest.json", manifest.replace(&key, &"ab".repeat(32)));
    let meta = POPULATION.meta(1, 1);
    let (other, coder) = (Manifest::read(&other).unwrap(), POPULATION.coder(1));
    let error = code(
        &Request {
            inside: None,
            path: &way.request,
            manifest: &other,
            format: Format::Csv,
            meta: &meta,
            effort: &Effort::default(),
        },
        &coder,
        &mut Vec::new(),
    )
    .unwrap_err();
    assert_eq!(error.code(), "commitment");
    // The keys must be those of the domain and generation that the result carries.
    for meta in [POPULATION.meta(2, 1), OTHER_DOMAIN.meta(1, 1), OTHER_SERVICE.meta(1, 1)] {
        let error = code(
            &Request {
                inside: None,
                path: &way.request,
                manifest: &way.manifest(),
                format: Format::Csv,
                meta: &meta,
                effort: &Effort::default(),
            },
            &coder,
            &mut Vec::new(),
        )
        .unwrap_err();
        assert_eq!(error.code(), "other-keys");
    }
    way.code(&POPULATION, 1, 1).unwrap();
}

#[test]
fn seals_and_reports_come_back_and_others_are_refused() {
    let place = Place::new();
    let way = coded_csv(&place, "d", DATA, &POPULATION, 5);
    let path = manifest_path(&way.request);
    let copy = place.path("copy.json");
    Manifest::read(&path).unwrap().write(&copy).unwrap();
    assert_eq!(fs::read(&path).unwrap(), fs::read(&copy).unwrap());
    assert_eq!(Manifest::read(&path).unwrap().write(&copy).unwrap_err().code(), "output-exists");
    let text = fs::read_to_string(&path).unwrap();
    for bad in [
        text.replace("\"format\":2", "\"format\":1"),
        text.replace("SHA-256", "SHA-512"),
        text.replace("demo.", "Jean Dupont."),
        text.replace("population", "Population"),
        text.replace("\"code\"", "\"renew\""),
        text.replace("\"values\":6", "\"values\":13"),
        text.replace("\"distinct\":4", "\"distinct\":7"),
        text.replace("\"rows\"", "\"lines\""),
        text.replace("\"previous\":[]", "\"previous\":[\"00\"]"),
        text.replace("\"previous\"", "\"more\":1,\"previous\""),
        text[..text.len() / 2].to_owned(),
    ] {
        assert_ne!(bad, text);
        assert_eq!(
            Manifest::read(&place.write("bad.json", &bad)).err().unwrap().code(),
            "manifest-form",
            "{bad}"
        );
    }
    assert_eq!(Manifest::read(&place.path("no.json")).err().unwrap().code(), "file-missing");

    let report = fs::read_to_string(report_path(&way.out)).unwrap();
    for bad in
        [report.replace("\"format\": 1", "\"format\": 2"), report.replace("demo.", "Jean Dupont.")]
    {
        assert_ne!(bad, report);
        assert_eq!(Report::read(&place.write("bad.json", &bad)).unwrap_err().code(), "report-form");
    }
}

#[test]
fn outputs_have_names_of_their_own_and_known_types() {
    let place = Place::new();
    let data = place.write("d.csv", DATA);
    let column = Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir };
    let (request, retained) = (&*place.path("r.csv"), &*place.path("t.parquet"));
    let error = prepare(
        Prepare {
            sending: None,
            signing: &crate::signed::signing(),
            data: (&data).into(),
            column,
            service: service(),
            domain: domain(),
            request,
            beside: request.into(),
            delimiter: b',',
            reading: cstatns_rows::reading::Reading::default(),
            accepted: &[],
        },
        &Effort::default(),
    )
    .unwrap_err();
    assert_eq!(error.code(), "same-output");
    let text = place.path("t.xlsx");
    let error = prepare(
        Prepare {
            sending: None,
            signing: &crate::signed::signing(),
            data: (&text).into(),
            column,
            service: service(),
            domain: domain(),
            request,
            beside: retained.into(),
            delimiter: b',',
            reading: cstatns_rows::reading::Reading::default(),
            accepted: &[],
        },
        &Effort::default(),
    )
    .unwrap_err();
    assert!(matches!(error, cstatns_controller::PrepareError::Table(TableError::FileType { .. })));
}
