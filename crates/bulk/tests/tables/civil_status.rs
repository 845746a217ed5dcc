//! Civil status from the data to the attached file: what travels, what is looked up and coded, what
//! is refused.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int8Array, Int32Array, Int64Array,
    RecordBatch,
};
use cstatns::civil_status::{CivilStatus, Field, Years};
use cstatns::coded::Coded as _;
use cstatns::identifier::Scheme;
use cstatns::look_up::{Level, Score};
use cstatns::manifest::Content;
use cstatns::report::report_path;
use cstatns_bulk::{CodeFileError, Out, Register, Request, Tally, code, look_up_and_code, renew};
use cstatns_controller::{Column, Prepare, PrepareError, Prepared, check, prepare, summarise};
use cstatns_register::{Builder, Index, Origin, Record};
use cstatns_rows::csv::WINDOW;
use cstatns_rows::effort::Effort;
use cstatns_rows::table::Format;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;

use crate::common::*;

const PEOPLE: usize = 1500;

/// A name that no other number has.
fn word(mut number: usize) -> String {
    let mut word = String::new();
    for _ in 0..4 {
        word.push(char::from(b"bdflmnprst"[number % 10]));
        word.push(char::from(b"aeiou"[number / 10 % 5]));
        number /= 10;
    }
    word
}

/// Somebody who does not exist.
fn nir(person: usize) -> String {
    format!("184{:02}75101{:03}", 1 + person / 1000, person % 1000)
}

fn date(person: usize) -> String {
    format!("1984-{:02}-{:02}", 1 + person / 1000, 1 + person % 28)
}

/// The index of everybody.
fn register(place: &Place) -> Index {
    let path = place.path("register");
    let mut builder = Builder::create(&path).unwrap();
    for person in 0..PEOPLE {
        let (nom, usage, first, date) =
            (word(person), word(person + 5000), word(person + 7000), date(person));
        let civil_status = CivilStatus {
            nom: &nom,
            nom_usage: &usage,
            prenoms: &first,
            sexe: "M",
            date_naissance: &date,
            code_lieu: "75101",
            libelle_lieu: "Paris",
            pays: "France",
        };
        let record = Record { id: "", nir: &nir(person), civil_status };
        builder.push(&record, Origin::default()).unwrap();
    }
    builder.finish().unwrap();
    Index::open(&path).unwrap()
}

const HEADER: [&str; 11] = [
    "n",
    "nom",
    "nom_usage",
    "prenoms",
    "sexe",
    "date_naissance",
    "note",
    "code_lieu",
    "libelle_lieu",
    "pays",
    "nir",
];

/// The cells of a row of the data, and what is expected of it: the word of `status`, the quality of
/// the result, and the cells of the request where they are not as the data has them.
struct Row {
    cells: [String; HEADER.len()],
    check: &'static str,
    quality: &'static str,
    sent: Vec<(&'static str, String)>,
}

fn row(number: usize) -> Row {
    let person = number % PEOPLE;
    let mut row = Row {
        cells: [
            number.to_string(),
            word(person).to_uppercase(),
            String::new(),
            format!(" {} ", word(person + 7000)),
            "1".to_owned(),
            date(person),
            format!("a, \"note\"\non {number}"),
            "75101".to_owned(),
            String::new(),
            String::new(),
            String::new(),
        ],
        check: "ok",
        quality: "found",
        sent: vec![("prenoms", word(person + 7000))],
    };
    let [_, nom, usage, first, sex, date, _, place, _, country, nir] = &mut row.cells;
    let identifier = self::nir(person);
    if number.is_multiple_of(4) {
        *nir = format!("{} {}", &identifier[..7], &identifier[7..]);
        row.sent.push(("identifier", identifier));
    }
    match number % 20 {
        1 => {
            [nom, usage, first, sex, date, place].into_iter().for_each(String::clear);
            (row.check, row.quality) = ("absent", "none");
        }
        2 => {
            "yesterday".clone_into(date);
            (row.check, row.quality) = ("malformed", "none");
        }
        3 => {
            "unknown".clone_into(sex);
            row.sent.push(("sexe", String::new()));
            row.quality = "rectified";
        }
        5 => nom.insert_str(2, "\","),
        6 => {
            *nom = word(person + 2500);
            row.quality = "near";
        }
        7 => {
            *first = "x".repeat(300);
            row.sent[0].1.clear();
            row.quality = "rectified";
        }
        9 => {
            nom.clear();
            *usage = word(person + 5000);
            row.quality = "usage-name";
        }
        10 => {
            "18475".clone_into(nir);
            row.sent.push(("identifier", String::new()));
        }
        11 => {
            *nir = self::nir((person + 1) % PEOPLE);
            row.quality = "contradicted";
        }
        13 => {
            "99100".clone_into(country);
            row.sent.push(("pays", String::new()));
        }
        14 => {
            *nom = "y".repeat(1021);
            (row.check, row.quality) = ("malformed", "none");
        }
        _ => {}
    }
    if row.check != "ok" {
        row.sent = HEADER.iter().map(|name| (column_of(name), String::new())).collect();
    }
    row
}

fn column_of(name: &'static str) -> &'static str {
    if name == "nir" { "identifier" } else { name }
}

const FIELDS: [&str; 9] = [
    "nom",
    "nom_usage",
    "prenoms",
    "sexe",
    "date_naissance",
    "code_lieu",
    "libelle_lieu",
    "pays",
    "identifier",
];

/// What a request must have of a row, in its order.
fn sent(row: &Row) -> Vec<String> {
    let cell = |name: &&str| {
        let at = HEADER.iter().position(|column| column_of(column) == *name).unwrap();
        let other = row.sent.iter().find(|(column, _)| column == name);
        other.map_or_else(|| row.cells[at].clone(), |(_, value)| value.clone())
    };
    FIELDS.iter().map(cell).collect()
}

fn write_data(path: &Path, rows: usize) {
    let rows: Vec<_> = (0..rows).map(|number| row(number).cells).collect();
    if path.extension().is_some_and(|extension| extension == "parquet") {
        let column = |at: usize| {
            texts(
                &rows
                    .iter()
                    .map(|row| Some(&*row[at]).filter(|cell| !cell.is_empty()))
                    .collect::<Vec<_>>(),
            )
        };
        return write_parquet(
            path,
            HEADER.into_iter().enumerate().map(|(at, name)| (name, column(at))).collect(),
        );
    }
    let mut data = HEADER.join(",") + "\n";
    for row in rows {
        let cells = row.map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")));
        writeln!(data, "{}", cells.join(",")).unwrap();
    }
    fs::write(path, data).unwrap();
}

fn with(threads: usize, memory: usize) -> Effort {
    Effort { threads: NonZeroUsize::new(threads).unwrap(), memory, ..Effort::default() }
}

fn run(way: &Way, map: &[(Field, &str)], effort: &Effort) -> Result<Prepared, PrepareError> {
    run_within(way, map, Years::now(), effort)
}

fn run_within(
    way: &Way,
    map: &[(Field, &str)],
    years: Years,
    effort: &Effort,
) -> Result<Prepared, PrepareError> {
    let Way { data, request, retained, .. } = way;
    prepare(
        Prepare {
            sending: None,
            signing: &crate::signed::signing(),
            data: data.into(),
            column: Column::CivilStatus { map, years },
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

fn look_up(
    way: &Way,
    index: &Index,
    accept: Level,
    threads: usize,
    out: &mut (dyn Write + Send),
) -> Result<Tally, CodeFileError> {
    look_up_in(way, (index, false), accept, threads, out)
}

/// The same; and whether rows that have an identifier are coded by it.
fn look_up_in<'o>(
    way: &Way,
    (index, only_without_identifier): (&Index, bool),
    accept: Level,
    threads: usize,
    out: impl Into<Out<'o>>,
) -> Result<Tally, CodeFileError> {
    let (coder, meta) = (POPULATION.coder(1), POPULATION.meta(1, 1));
    let format = Format::of(&way.result).unwrap();
    let register = Register { index, accept, min_score: Score::of(0.95), only_without_identifier };
    let effort = with(threads, Effort::MEMORY);
    look_up_and_code(
        &Request {
            inside: None,
            path: &way.request,
            manifest: &way.manifest(),
            format,
            meta: &meta,
            effort: &effort,
        },
        register,
        &coder,
        out,
    )
}

/// Rows below the header as text, whatever the type of the file; indexes as they are told.
fn read(path: &Path) -> Vec<Vec<String>> {
    if path.extension().is_some_and(|extension| extension == "csv") {
        return read_text(path)[1..].to_vec();
    }
    let batch = read_parquet(path);
    let schema = batch.schema();
    let columns = schema.fields().iter().map(|field| match &**field.name() {
        "index" => binary_column(&batch, "index").into_iter().map(|index| index.map(hex)).collect(),
        "score" => scores(&batch)
            .into_iter()
            .map(|score| score.map(|score| format!("{score:.4}")))
            .collect(),
        "row" => {
            let rows = batch.column_by_name("row").unwrap().as_primitive::<Int64Type>();
            rows.iter().map(|row| row.map(|row| row.to_string())).collect()
        }
        name => text_column(&batch, name),
    });
    let columns: Vec<Vec<Option<String>>> = columns.collect();
    let row =
        |row: usize| columns.iter().map(|column| column[row].clone().unwrap_or_default()).collect();
    (0..batch.num_rows()).map(row).collect()
}

/// The column `score` of a Parquet file: numbers.
fn scores(batch: &RecordBatch) -> Vec<Option<f64>> {
    batch.column_by_name("score").unwrap().as_primitive::<Float64Type>().iter().collect()
}

fn hex(bytes: Vec<u8>) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[test]
fn rows_travel_as_fields_and_are_coded_as_their_identifiers_would_be() {
    // Some partitions in CSV.
    const ROWS: usize = 12_000;
    let register_place = Place::new();
    let index = register(&register_place);
    for (own, travelling, threads, memory) in [
        ("csv", "csv", 1, 0),
        ("csv", "parquet", 3, Effort::MEMORY),
        ("parquet", "csv", 2, 0),
        ("parquet", "parquet", 5, Effort::MEMORY),
    ] {
        let place = Place::new();
        let way = Way::new(&place, "d", own, travelling);
        write_data(&way.data, ROWS);
        let prepared = run(&way, &[], &with(threads, memory)).unwrap();
        let of = |count: u64| count * ROWS as u64 / 20;
        assert_eq!(prepared.rows, ROWS as u64);
        assert_eq!(
            prepared.found.counts,
            BTreeMap::from([("ok", of(17)), ("absent", of(1)), ("malformed", of(2))])
        );
        let unread =
            ["date_naissance", "sexe", "prenoms", "nir", "pays", "nom"].map(|field| (field, of(1)));
        assert_eq!(prepared.found.unread, BTreeMap::from(unread));
        assert_eq!(way.manifest().content, Content::CivilStatus { identifier: true });

        // The request has the fields and nothing else, the retained file says which row each is of.
        let (request, retained) = (read(&way.request), read(&way.retained));
        assert_eq!((request.len(), retained.len()), (ROWS, ROWS));
        for (sent_row, kept) in request.iter().zip(&retained) {
            let row = row(kept[1].parse::<usize>().unwrap() - 1);
            assert_eq!(sent_row[0], kept[0]);
            assert_eq!(sent_row[1..], sent(&row), "row {}", kept[1]);
            assert_eq!(kept[2..], [row.check]);
        }

        // The result is the same whatever the number of threads, and each code that of the person's
        // identifier.
        let results = [1, 4].map(|threads| {
            let mut out = Vec::new();
            let coded = look_up(&way, &index, Level::UsageName, threads, &mut out).unwrap();
            (coded, out)
        });
        assert!(results[0] == results[1]);
        let [(coded, bytes), _] = results;
        fs::write(&way.result, bytes).unwrap();
        assert_eq!(coded.qualities["none"], of(3));
        assert_eq!(coded.qualities["contradicted"], of(1));
        assert_eq!(coded.distinct, people_coded(ROWS));
        assert_eq!(coded.scores.unwrap().iter().sum::<u64>(), of(17));
        let summary = summarise(&way.result).unwrap();
        assert_eq!((summary.coded, summary.scores), (coded.coded, coded.scores));
        way.report(&POPULATION.meta(1, 1), &coded);
        let attached = way.attach().unwrap();
        assert_eq!(
            (attached.report.quality["malformed"], attached.report.quality["absent"]),
            (of(2), of(1))
        );
        assert!(!attached.report.quality.contains_key("none"));
        let has_code = read(&way.out).iter().filter(|cells| !cells[0].is_empty()).count() as u64;
        assert!(has_code > 0 && attached.report.coded == Some(has_code));
        for cells in read(&way.out) {
            let number: usize = cells[3].parse().unwrap();
            let row = row(number);
            let said = if row.check == "ok" { row.quality } else { row.check };
            assert_eq!(cells[1], said, "row {number}");
            let is_coded = matches!(said, "found" | "rectified" | "usage-name");
            let expected =
                if is_coded { POPULATION.code_of(&nir(number % PEOPLE), 1) } else { String::new() };
            assert_eq!(cells[0], expected, "row {number}");
            assert_eq!(cells[2].is_empty(), row.check != "ok", "row {number}");
            assert!(!is_coded || cells[2].parse::<f64>().unwrap() >= 0.95, "row {number}");
        }
        assert_eq!(check(&[way.out]).unwrap()[0].distinct_codes, people_coded(ROWS));
    }
}

/// In research: an identifier that a row has is not checked against the register, which learns and
/// answers nothing about that row.
#[test]
fn rows_with_an_identifier_are_coded_by_it_where_only_others_are_looked_up() {
    const ROWS: usize = 2_000;
    let place = Place::new();
    let index = register(&place);
    let way = Way::new(&place, "d", "csv", "csv");
    write_data(&way.data, ROWS);
    run(&way, &[], &Effort::default()).unwrap();
    let rows: Vec<Vec<String>> = [false, true]
        .map(|only| {
            let mut out = Vec::new();
            let tally = look_up_in(&way, (&index, only), Level::UsageName, 2, &mut out).unwrap();
            fs::write(&way.result, out).unwrap();
            assert_eq!(tally.qualities.contains_key("unkeyed"), only);
            read(&way.result)
        })
        .concat();
    let (looked_up, by_own) = rows.split_at(ROWS);
    let identifiers: Vec<String> =
        read(&way.request).into_iter().map(|mut cells| cells.pop().unwrap()).collect();
    let (mut own, mut contradicted) = (0, 0);
    for ((identifier, before), after) in identifiers.iter().zip(looked_up).zip(by_own) {
        if identifier.is_empty() {
            assert_eq!(before[2], after[2]);
            assert_eq!(before[1], after[1]);
            continue;
        }
        own += 1;
        contradicted += usize::from(before[2] == "contradicted");
        let code = POPULATION.code_of(identifier, 1);
        assert_eq!(after[1..], [code, "unkeyed".to_owned(), String::new()]);
    }
    assert_eq!(contradicted, ROWS / 20);
    assert!(own > ROWS / 5, "{own}");
}

fn people_coded(rows: usize) -> u64 {
    let coded = (0..rows)
        .filter(|number| matches!(row(*number).quality, "found" | "rectified" | "usage-name"));
    let people: std::collections::BTreeSet<usize> = coded.map(|number| number % PEOPLE).collect();
    people.len() as u64
}

#[test]
fn what_is_less_certain_than_accepted_is_not_coded() {
    let place = Place::new();
    let index = register(&place);
    let way = Way::new(&place, "d", "csv", "csv");
    write_data(&way.data, 400);
    run(&way, &[], &Effort::default()).unwrap();
    let levels = [
        ("found", Level::Found),
        ("rectified", Level::Rectified),
        ("usage-name", Level::UsageName),
    ];
    for (last, (_, level)) in levels.into_iter().enumerate() {
        let mut out = Vec::new();
        look_up(&way, &index, level, 2, &mut out).unwrap();
        let mut seen = 0;
        for line in String::from_utf8(out).unwrap().lines().skip(1) {
            let cells: Vec<_> = line.split(',').collect();
            let at = levels.iter().position(|(word, _)| *word == cells[2]);
            assert_eq!(!cells[1].is_empty(), at.is_some_and(|at| at <= last), "{}", cells[2]);
            seen += usize::from(at.is_some());
        }
        assert!(seen > 200);
    }
}

/// The least score parts what is coded from what is not, whatever the quality.
#[test]
fn what_has_a_lower_score_than_asked_for_is_not_coded() {
    let place = Place::new();
    let index = register(&place);
    let way = Way::new(&place, "d", "csv", "csv");
    write_data(&way.data, 400);
    run(&way, &[], &Effort::default()).unwrap();
    let (coder, meta) = (POPULATION.coder(1), POPULATION.meta(1, 1));
    let rows = |min_score: f64| {
        let register = Register {
            index: &index,
            accept: Level::UsageName,
            min_score: Score::of(min_score),
            only_without_identifier: false,
        };
        let (mut out, effort) = (Vec::new(), Effort::default());
        let coded = look_up_and_code(
            &Request {
                inside: None,
                path: &way.request,
                manifest: &way.manifest(),
                format: Format::Csv,
                meta: &meta,
                effort: &effort,
            },
            register,
            &coder,
            &mut out,
        );
        let text = String::from_utf8(out).unwrap();
        let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
        (coded.unwrap(), text.lines().skip(1).map(cells).collect::<Vec<_>>())
    };
    let (coded, all) = rows(0.0);
    let mut scores: Vec<&str> =
        all.iter().filter(|row| !row[1].is_empty()).map(|row| &*row[3]).collect();
    scores.sort_unstable();
    let middle = scores[scores.len() / 2];
    assert!(scores[0] < middle, "the rows have more than one score");
    let (other, fewer) = rows(middle.parse().unwrap());
    assert_eq!((&coded.scores, &coded.qualities), (&other.scores, &other.qualities));
    for (before, after) in all.iter().zip(&fewer) {
        let kept = !before[1].is_empty() && &*before[3] >= middle;
        assert_eq!((&before[0], &before[2..]), (&after[0], &after[2..]));
        assert_eq!(after[1].is_empty(), !kept);
    }
}

/// In Parquet a score is the number whose text CSV has, null where CSV has none, in results as in
/// attached files.
#[test]
fn a_score_is_the_same_in_csv_and_parquet() {
    let place = Place::new();
    let index = register(&place);
    let numbers =
        |texts: Vec<String>| texts.into_iter().map(|text| text.parse().ok()).collect::<Vec<_>>();
    for own in ["csv", "parquet"] {
        let way = Way::new(&place, own, own, "csv");
        write_data(&way.data, 400);
        run(&way, &[], &Effort::default()).unwrap();
        let ways = ["csv", "parquet"].map(|travelling| Way {
            result: place.path(&format!("{own}-result.{travelling}")),
            out: place.path(&format!("{own}-{travelling}-out.{own}")),
            ..way.clone()
        });
        for way in &ways {
            let mut out = Vec::new();
            let coded = look_up(way, &index, Level::UsageName, 2, &mut out).unwrap();
            fs::write(&way.result, out).unwrap();
            assert_eq!(summarise(&way.result).unwrap().scores, coded.scores);
            way.report(&POPULATION.meta(1, 1), &coded);
            way.attach().unwrap();
            fs::remove_file(report_path(&way.result)).unwrap();
        }
        let [text, number] = ways;
        let found = scores(&read_parquet(&number.result));
        assert_eq!(found, numbers(column(&text.result, "score")));
        let distinct: std::collections::BTreeSet<_> =
            found.iter().flatten().map(|score| score.to_bits()).collect();
        assert!(distinct.len() > 2 && found.contains(&None), "{distinct:?}");
        assert!(fs::read(&text.out).unwrap() == fs::read(&number.out).unwrap());
        if own == "csv" {
            continue;
        }
        let attached = scores(&read_parquet(&number.out));
        let sorted = |scores: &[Option<f64>]| {
            let mut bits: Vec<_> = scores.iter().map(|score| score.map(f64::to_bits)).collect();
            bits.sort_unstable();
            bits
        };
        assert_eq!(sorted(&attached), sorted(&found));

        // It stays one in a renewal.
        let next = Way { data: number.out, ..Way::new(&place, "next", own, "csv") };
        next.prepare(Column::Codes(&["code"]), b',').unwrap();
        next.renew(&POPULATION, 1, 2, 6).unwrap();
        next.attach().unwrap();
        let sorted = |mut scores: Vec<Option<f64>>| {
            scores.sort_by(|one, other| one.partial_cmp(other).unwrap());
            scores
        };
        assert_eq!(sorted(scores(&read_parquet(&next.out))), sorted(attached));
    }
}

/// Text is read too; a score without four decimals was not written by the service.
#[test]
fn scores_that_the_service_would_not_have_written() {
    let place = Place::new();
    let index = register(&place);
    let (text, number) =
        (Way::new(&place, "t", "csv", "csv"), Way::new(&place, "n", "csv", "parquet"));
    write_data(&text.data, 100);
    run(&text, &[], &Effort::default()).unwrap();
    fs::copy(&text.data, &number.data).unwrap();
    run(&number, &[], &Effort::default()).unwrap();
    for way in [&text, &number] {
        let mut out = Vec::new();
        let coded = look_up(way, &index, Level::UsageName, 2, &mut out).unwrap();
        fs::write(&way.result, out).unwrap();
        way.report(&POPULATION.meta(1, 1), &coded);
    }
    let refused = |way: &Way, row: usize, bad: &str| {
        for error in
            [summarise(&way.result).unwrap_err().to_string(), way.attach().unwrap_err().to_string()]
        {
            assert!(
                error.contains(&format!(
                    "row {} has an invalid `status`, `quality` or `score`",
                    row + 1
                )),
                "{bad}: {error}"
            );
            assert!(!error.contains(bad), "{error}");
        }
        assert_eq!((way.attach().unwrap_err().code(), way.out.exists()), ("word-form", false));
    };
    let whole = fs::read_to_string(&text.result).unwrap();
    let rows = read_text(&text.result);
    for bad in ["0.97315", "1.0001", "-0.5000", "NaN", "inf", "certain", "0.5.0"] {
        let (before, _) =
            rows[7].join(",").rsplit_once(',').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        fs::write(&text.result, whole.replacen(&rows[7].join(","), &format!("{before},{bad}"), 1))
            .unwrap();
        refused(&text, 6, bad);
    }

    let (whole, origin) = (read_parquet(&number.result), pairs(&number.result));
    let rewrite = |score: ArrayRef| {
        let schema = whole.schema();
        let columns = schema.fields().iter().zip(whole.columns());
        let columns = columns.map(|(field, column)| {
            (field.name(), if field.name() == "score" { score.clone() } else { column.clone() })
        });
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let out = fs::File::create(&number.result).unwrap();
        let mut writer = ArrowWriter::try_new(out, batch.schema(), None).unwrap();
        for (key, value) in &origin {
            writer.append_key_value_metadata(KeyValue::new(key.clone(), value.clone()));
        }
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    };
    let found = scores(&whole);
    for bad in [0.973_15, 1.000_1, -0.5, f64::NAN, f64::INFINITY] {
        let mut scores = found.clone();
        scores[6] = Some(bad);
        rewrite(Arc::new(Float64Array::from(scores)));
        refused(&number, 6, &bad.to_string());
    }
    rewrite(Arc::new(Int32Array::from(vec![1; found.len()])));
    assert_eq!(summarise(&number.result).unwrap_err().code(), "column-type");
    assert_eq!(number.attach().unwrap_err().code(), "column-type");
    // As an earlier version wrote it.
    let written: Vec<_> =
        found.iter().map(|score| score.map(|score| format!("{score:.4}"))).collect();
    rewrite(texts(&written.iter().map(Option::as_deref).collect::<Vec<_>>()));
    number.attach().unwrap();
    let [mut attached, mut written] = [
        column(&number.out, "score"),
        written.into_iter().map(Option::unwrap_or_default).collect(),
    ];
    attached.sort_unstable();
    written.sort_unstable();
    assert_eq!(attached, written);
}

#[test]
fn columns_by_other_names_and_fields_that_the_data_has_not() {
    let place = Place::new();
    let index = register(&place);
    let way = Way::new(&place, "d", "csv", "csv");
    let mut data = String::from("Born,n,id,First,nom,sexe,code_lieu\n");
    for number in 0..30 {
        let (nom, first, date) = (word(number), word(number + 7000), date(number));
        writeln!(data, "{date},{number},x,{first},{nom},H,75101").unwrap();
    }
    fs::write(&way.data, data).unwrap();
    let map = [(Field::DateNaissance, "Born"), (Field::Prenoms, "First")];
    run(&way, &map, &Effort::default()).unwrap();
    assert_eq!(way.manifest().content, Content::CivilStatus { identifier: false });
    assert_eq!(read_text(&way.request)[0][1..], FIELDS[..8]);
    assert_eq!(read_text(&way.retained)[0], ["index", "row", "status"]);
    let mut out = Vec::new();
    let coded = look_up(&way, &index, Level::Found, 1, &mut out).unwrap();
    assert_eq!((coded.qualities, coded.distinct), (BTreeMap::from([("found", 30)]), 30));
}

/// What travels of numbers and dates is what travels of their text.
#[test]
fn numbers_and_dates_of_parquet_travel_as_their_text() {
    let place = Place::new();
    let (typed, plain) =
        (Way::new(&place, "t", "parquet", "csv"), Way::new(&place, "p", "csv", "parquet"));
    let cells = [
        ["Domal", "Bafe", "1984-05-12", "1", "1344"],
        ["Demal", "Befe", "1900-01-01", "2", "99352"],
        ["Dumal", "Bofe", "", "1", "75101"],
        ["Dimal", "Bufe", "1969-12-31", "", ""],
        ["Damal", "Bife", "1984-05-13", "2", "4000000"],
        ["Dymal", "Byfe", "1984-05-14", "1", "75102"],
    ];
    let mut data = String::from("nom,prenoms,date_naissance,sexe,code_lieu,id\n");
    for (nth, cells) in cells.iter().enumerate() {
        writeln!(data, "{},{nth}", cells.join(",")).unwrap();
    }
    fs::write(&plain.data, data).unwrap();
    let days = vec![Some(5245), Some(-25_567), None, Some(-1), Some(5246), Some(5247)];
    let text = |at: usize| texts(&cells.map(|cells| Some(cells[at])));
    let number = |at: usize| cells.map(|cells| cells[at].parse::<i64>().ok());
    write_parquet(
        &typed.data,
        vec![
            ("nom", text(0)),
            ("prenoms", text(1)),
            ("date_naissance", Arc::new(Date32Array::from(days))),
            (
                "sexe",
                Arc::new(
                    number(3)
                        .map(|sex| sex.map(|sex| sex as i8))
                        .into_iter()
                        .collect::<Int8Array>(),
                ),
            ),
            ("code_lieu", Arc::new(number(4).into_iter().collect::<Int64Array>())),
            ("id", Arc::new(Int32Array::from_iter_values(0..6))),
        ],
    );
    let travelled = |way: &Way| {
        let prepared = run(way, &[], &Effort::default()).unwrap();
        assert_eq!((prepared.found.counts["ok"], prepared.found.counts["malformed"]), (5, 1));
        assert_eq!(prepared.found.unread, BTreeMap::from([("code_lieu", 1)]));
        let mut rows: Vec<_> =
            read(&way.request).into_iter().map(|row| row[1..].to_vec()).collect();
        rows.sort();
        rows
    };
    let rows = travelled(&typed);
    assert_eq!(rows, travelled(&plain));
    assert_eq!(rows[1], ["Damal", "", "Bife", "2", "1984-05-13", "", "", ""]);

    // Whole numbers as floating-point ones, because some are missing; what is not whole is
    // nobody's.
    let doubles = |at: usize, missing: Option<f64>| {
        let numbers = number(at).map(|number| number.map(|number| number as f64).or(missing));
        numbers.into_iter().collect::<Float64Array>()
    };
    let write = |way: &Way, sexe: Float64Array| {
        let dates = cells.map(|cells| cells[2].replace('-', "").parse::<f64>().ok());
        let columns: Vec<(_, ArrayRef)> = vec![
            ("nom", text(0)),
            ("prenoms", text(1)),
            ("date_naissance", Arc::new(dates.into_iter().collect::<Float64Array>())),
            ("sexe", Arc::new(sexe)),
            ("code_lieu", Arc::new(doubles(4, Some(f64::NAN)))),
            ("id", Arc::new(Float64Array::from(vec![0.5; 6]))),
        ];
        write_parquet(&way.data, columns);
    };
    let floating = Way::new(&place, "f", "parquet", "csv");
    write(&floating, doubles(3, None));
    let mut expected = rows;
    expected.iter_mut().for_each(|row| row[4].retain(|character| character != '-'));
    assert_eq!(travelled(&floating), expected);

    let broken = Way::new(&place, "b", "parquet", "csv");
    write(
        &broken,
        Float64Array::from(vec![Some(1.0), None, Some(f64::NAN), Some(2.5), Some(1.0), Some(0.5)]),
    );
    let before = place.names();
    let error = run(&broken, &[], &Effort::default()).unwrap_err();
    assert_eq!((error.code(), place.names()), ("not-whole", before));
    let said = error.to_string();
    assert!(
        said.contains("row 4 ") && said.contains("column \"sexe\"") && !said.contains("2.5"),
        "{said}"
    );
}

fn refused(place: &Place, data: &str, map: &[(Field, &str)]) -> String {
    let way = Way::new(place, "d", "csv", "csv");
    fs::write(&way.data, data).unwrap();
    let before = place.names();
    let error = run(&way, map, &Effort::default()).unwrap_err();
    assert_eq!(place.names(), before);
    let facts: String =
        error.facts().iter().map(|fact| format!(" {}={}", fact.name(), fact.value())).collect();
    format!("{}: {error};{facts}", error.code())
}

/// What a request of another kind than was asked for holds.
fn content(error: &CodeFileError) -> String {
    let facts = error.facts();
    facts
        .iter()
        .find(|fact| fact.name() == "content")
        .map_or_else(String::new, |fact| fact.value().to_owned())
}

#[test]
fn data_that_cannot_be_of_people() {
    let place = Place::new();
    let good = "nom,prenoms,date_naissance,sexe,code_lieu,nir\nDomal,Bafe,1984-01-02,M,75101,\n";
    let said = refused(&place, &good.replace("prenoms", "first"), &[]);
    assert!(
        said.starts_with("missing-column: ")
            && said.contains("first")
            && said.contains(" field=prenoms")
    );
    let said = refused(&place, &good.replace("nom,prenoms", "name,prenoms"), &[]);
    assert!(said.contains("\"nom\"") && said.contains(" field=nom"), "{said}");
    assert!(refused(&place, good, &[(Field::Pays, "land")]).contains(" field=pays"));
    assert!(refused(&place, &good.replace("sexe", "nom"), &[]).starts_with("column-twice: "));
    assert!(
        refused(&place, good, &[(Field::Nom, "nom"), (Field::Nom, "sexe")])
            .starts_with("mapped-twice: ")
    );
    // A name that is left behind would stand beside its code; not so sex and place, nor a column
    // that another field takes.
    for (field, name) in [
        (Field::Nom, "nom"),
        (Field::NomUsage, "nom_usage"),
        (Field::Prenoms, "prenoms"),
        (Field::DateNaissance, "date_naissance"),
        (Field::Nir, "nir"),
    ] {
        let data = good.replacen(name, "other", 1).replace('\n', &format!(",{name}\n"));
        let data = if name == "nom_usage" {
            good.replace("nir", "other,nom_usage").replace(",\n", ",,\n")
        } else {
            data
        };
        let said = refused(&place, &data, &[(field, "other")]);
        assert!(
            said.starts_with("identity-kept: ") && said.contains(&format!("column {name},")),
            "{said}"
        );
    }
    let way = Way::new(&place, "kept", "csv", "csv");
    fs::write(&way.data, good.replace("sexe", "sexe,sex").replace(",M,", ",M,M,")).unwrap();
    run(&way, &[(Field::Sexe, "sex")], &Effort::default()).unwrap();
    for name in ["index", "status", "code", "quality", "score"] {
        let data = format!("{name},{}", good.replace('\n', "\nx,"));
        assert!(refused(&place, data.trim_end_matches("x,"), &[]).starts_with("reserved-column: "));
    }
    for (field, of_field, other) in [
        ("date_naissance", "1984-01-02", "Paris"),
        ("nom", "Domal", "284058832102532"),
        ("prenoms", "Bafe", "12.5"),
        ("sexe", ",M,", ",marié,"),
        ("code_lieu", "75101", "Paris"),
        ("nir", "75101,", "75101,none"),
    ] {
        let said = refused(&place, &good.replace(of_field, other), &[]);
        let words = format!(": 1 of 1 values of the column for the field {field} ");
        assert!(
            said.starts_with("wrong-column: ")
                && said.contains(&words)
                && said.contains(&format!(" field={field}")),
            "{said}"
        );
        assert!(!said.contains(other.trim_matches(',')), "{said}");
    }
    let way = Way::new(&place, "e", "csv", "csv");
    fs::write(&way.data, [good.as_bytes(), b"Dom\xe9l,Bafe,1984-01-02,M,75101,\n"].concat())
        .unwrap();
    let error = run(&way, &[], &Effort::default()).unwrap_err();
    assert_eq!(error.code(), "not-utf-8");
    assert!(error.to_string().contains("row 2"), "{error}");

    let way = Way::new(&place, "f", "parquet", "parquet");
    let dates: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
    let text = || texts(&[Some("Bafe")]);
    write_parquet(&way.data, vec![("nom", text()), ("prenoms", text()), ("date_naissance", dates)]);
    let error = run(&way, &[], &Effort::default()).unwrap_err();
    assert!(
        error.code() == "column-type" && error.to_string().contains("\"date_naissance\""),
        "{error}"
    );
}

#[test]
fn requests_that_prepare_would_not_have_made() {
    let place = Place::new();
    let index = register(&place);
    let way = Way::new(&place, "d", "csv", "csv");
    write_data(&way.data, 100);
    run(&way, &[], &Effort::default()).unwrap();
    let look = || look_up(&way, &index, Level::UsageName, 2, &mut Vec::new()).unwrap_err();
    let good = fs::read_to_string(&way.request).unwrap();
    // A row in whose cells nothing is quoted, with everything that is asked of it.
    let rows = read_text(&way.request);
    let at = rows.iter().position(|row| row[1].len() == 8 && !row[9].is_empty()).unwrap();
    let altered = |column: usize, cell: &str| {
        let mut row = rows[at].clone();
        cell.clone_into(&mut row[column]);
        good.replacen(&rows[at].join(","), &row.join(","), 1)
    };
    for (column, cell, code) in [
        (4, "marié", "civil-status-form"),
        (5, "Paris", "civil-status-form"),
        (6, "Paris", "civil-status-form"),
        (1, "12345", "civil-status-form"),
        (3, &*"x".repeat(300), "civil-status-form"),
        (7, "12 75101", "civil-status-form"),
        (8, "99100", "civil-status-form"),
        (9, "18401 75101000", "identifier-form"),
        (9, "Domal", "identifier-form"),
        (1, "Other", "commitment"),
        (8, "FRANCE", "commitment"),
        (9, "", "commitment"),
        (0, &"0".repeat(32), "index-order"),
    ] {
        if at == 1 && code == "index-order" {
            continue;
        }
        fs::write(&way.request, altered(column, cell)).unwrap();
        let error = look();
        assert_eq!(error.code(), code, "{column} {cell}");
        let row = format!("row {at} ");
        assert!(code == "commitment" || error.to_string().contains(&row), "{error} without {row}");
        assert!(cell.len() < 4 || !error.to_string().contains(cell), "{error}");
    }
    fs::write(&way.request, good.replacen(",identifier\n", ",identifier,note\n", 1)).unwrap();
    assert_eq!(look().code(), "columns");
    fs::write(&way.request, good.replacen("prenoms", "notes", 1)).unwrap();
    assert_eq!(look().code(), "columns");
    fs::write(&way.request, &good).unwrap();
    look_up(&way, &index, Level::UsageName, 2, &mut Vec::new()).unwrap();

    // To each kind of request its own verb.
    let (coder, meta) = (POPULATION.coder(1), POPULATION.meta(1, 1));
    let effort = Effort::default();
    let mut out = Vec::new();
    let error = code(
        &Request {
            inside: None,
            path: &way.request,
            manifest: &way.manifest(),
            format: Format::Csv,
            meta: &meta,
            effort: &effort,
        },
        &coder,
        &mut out,
    )
    .unwrap_err();
    assert!(error.code() == "request-use" && content(&error) == "civil-status", "{error}");
    let (renewer, later) = (POPULATION.renewer(1, 2), POPULATION.meta(2, 1));
    let error = renew(
        &Request {
            inside: None,
            path: &way.request,
            manifest: &way.manifest(),
            format: Format::Csv,
            meta: &later,
            effort: &effort,
        },
        &renewer,
        &mut out,
    )
    .unwrap_err();
    assert!(error.code() == "request-use" && content(&error) == "civil-status", "{error}");
    let plain = Way::new(&place, "plain", "csv", "csv");
    fs::write(&plain.data, format!("nir\n{KEYED}\n")).unwrap();
    plain.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',').unwrap();
    let error = look_up(&plain, &index, Level::Found, 1, &mut out).unwrap_err();
    assert!(error.code() == "request-use" && content(&error) == "identifiers", "{error}");
    let other = Register {
        index: &index,
        accept: Level::Found,
        min_score: Score::of(1.0),
        only_without_identifier: false,
    };
    let error = look_up_and_code(
        &Request {
            inside: None,
            path: &way.request,
            manifest: &way.manifest(),
            format: Format::Csv,
            meta: &later,
            effort: &effort,
        },
        other,
        &coder,
        &mut out,
    );
    assert_eq!(error.unwrap_err().code(), "other-keys");
    assert!(out.is_empty(), "nothing was written");
}

/// Weights are learnt before the pass, from up to 20,000 look-ups.
#[test]
fn a_look_up_that_is_asked_to_stop_does_not_go_on_to_the_pass() {
    let place = Place::new();
    let index = register(&place);
    let way = Way::new(&place, "d", "csv", "csv");
    write_data(&way.data, 100);
    run(&way, &[], &Effort::default()).unwrap();
    let (coder, meta, effort) = (POPULATION.coder(1), POPULATION.meta(1, 1), Effort::default());
    effort.progress.stop();
    let register = Register {
        index: &index,
        accept: Level::UsageName,
        min_score: Score::of(0.95),
        only_without_identifier: false,
    };
    let mut out = Vec::new();
    let error = look_up_and_code(
        &Request {
            inside: None,
            path: &way.request,
            manifest: &way.manifest(),
            format: Format::Csv,
            meta: &meta,
            effort: &effort,
        },
        register,
        &coder,
        &mut out,
    );
    assert_eq!(error.unwrap_err().code(), "interrupted");
    assert!(out.is_empty(), "not even the header");
}

/// Where a result goes; something is done once the weights are learnt, before the pass.
struct Once<'a, F> {
    learnt: F,
    out: &'a mut Vec<u8>,
}

impl<'a, F: FnOnce()> From<Once<'a, F>> for Out<'a> {
    fn from(Once { learnt, out }: Once<'a, F>) -> Self {
        learnt();
        Self::from(out)
    }
}

/// Nobody chooses the weights by other rows than those that the custodians approved: the request
/// holds other people while weights are learnt, and the approved ones when it is coded.
#[test]
fn weights_are_learnt_from_the_rows_that_are_coded() {
    let place = Place::new();
    let index = register(&place);
    let way = Way::new(&place, "d", "csv", "csv");
    write_data(&way.data, 8000);
    run(&way, &[], &Effort::default()).unwrap();
    let approved = fs::read_to_string(&way.request).unwrap();
    // What the pass has read when it opened the request stays as it is, to the end of its last row.
    let (read, rest) = approved.split_at(WINDOW + approved[WINDOW..].find('\n').unwrap() + 1);
    let rows: Vec<(&str, &str)> = rest.lines().map(|row| row.split_once(',').unwrap()).collect();
    let mut others = read.to_owned();
    for (row, (index, _)) in rows.iter().enumerate() {
        others += &format!("{index},{}\n", rows[(row + 1) % rows.len()].1);
    }
    assert!(rows.len() > 1000 && others.len() == approved.len() && others != approved);
    let look_up = |at_first: &str| {
        fs::write(&way.request, at_first).unwrap();
        let mut out = Vec::new();
        let learnt = || fs::write(&way.request, &approved).unwrap();
        look_up_in(&way, (&index, false), Level::Found, 2, Once { learnt, out: &mut out })
    };
    assert_eq!(look_up(&others).unwrap_err().code(), "request-swapped");
    look_up(&approved).unwrap();
}

/// The service reads dates as the controller does: what was prepared at the end of a year is coded
/// in the next, and a date of a later year, or a number of days, refuses a request.
#[test]
fn a_request_is_read_within_the_years_of_the_clock() {
    let years = |now: &str| Years::at(now.parse().unwrap());
    let (eve, day) = (years("2026-12-31T23:59:59Z"), years("2027-01-01T00:00:00Z"));
    let place = Place::new();
    let path = place.path("r");
    let mut builder = Builder::create(&path).unwrap().within(day);
    for person in 0..40 {
        let (nom, first, nir) = (word(person), word(person + 7000), nir(person));
        let date = ["2027-12-31", "1800-01-01", "2028"][person % 3];
        let civil_status = CivilStatus {
            nom: &nom,
            prenoms: &first,
            date_naissance: date,
            code_lieu: "75101",
            ..Default::default()
        };
        builder.push(&Record { id: "", nir: &nir, civil_status }, Origin::default()).unwrap();
    }
    builder.finish().unwrap();
    let index = |years| Index::open(&path).unwrap().within(years);
    let prepared = |name: &str, years, dates: [&str; 3]| {
        let way = Way::new(&place, name, "csv", "csv");
        let mut data = String::from("nom,prenoms,date_naissance,code_lieu\n");
        for person in 0..40 {
            let (nom, first) = (word(person), word(person + 7000));
            writeln!(data, "{nom},{first},{},75101", dates[person % 3]).unwrap();
        }
        fs::write(&way.data, data).unwrap();
        let prepared = run_within(&way, &[], years, &Effort::default()).unwrap();
        (way, prepared.found.unread.get("date_naissance").copied(), prepared.found.may_be_days)
    };
    let coded = |way: &Way, years| {
        let mut out = Vec::new();
        look_up(way, &index(years), Level::UsageName, 1, &mut out).map(|coded| coded.coded)
    };
    // What is sent on the last day is read on the next; the year after next is sent then only.
    let (way, unread, doubtful) = prepared("eve", eve, ["2027-12-31", "1800-01-01", "2028-01-01"]);
    assert_eq!((unread, doubtful), (Some(13), false));
    assert_eq!((coded(&way, eve).unwrap(), coded(&way, day).unwrap()), (27, 27));
    let (way, unread, _) = prepared("day", day, ["2027-12-31", "1800-01-01", "2028-01-01"]);
    assert_eq!(unread, None);
    assert_eq!(coded(&way, eve).unwrap_err().code(), "civil-status-form");
    coded(&way, day).unwrap();
    // A few numbers of days among years alone.
    let (_, unread, doubtful) = prepared("days", eve, ["1975", "5400", "1966"]);
    assert_eq!((unread, doubtful), (Some(13), true));
}
