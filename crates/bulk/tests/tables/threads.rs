//! Many blocks, many threads: the same bytes, the first error in the file, and nothing passed off
//! as a result.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use cstatns::coded::Coded as _;
use cstatns::identifier::Scheme;
use cstatns::report::report_path;
use cstatns_bulk::{CodeFileError, Request, Tally, code, renew};
use cstatns_controller::{Attach, Column, attach};
use cstatns_rows::effort::Effort;
use cstatns_rows::table::Format;

use crate::common::*;

/// Rows of six or so blocks of CSV.
const ROWS: usize = 25_000;

fn with(threads: usize) -> Effort {
    Effort { threads: NonZeroUsize::new(threads).unwrap(), ..Effort::default() }
}

/// Data whose `note` is quoted in some stretches, so that plain blocks and others follow one
/// another.
fn data(rows: usize) -> String {
    let mut data = String::from("note,nir,n\n");
    for row in 0..rows {
        let note = if row / 700 % 5 == 3 { "\"a, b\"" } else { "plain" };
        let nir = match row % 1000 {
            7 => String::new(),
            _ => format!("184{:02}75{:03}{:03}", 1 + row % 12, row % 1000, row / 1000),
        };
        writeln!(data, "{note},{nir},{row}").unwrap();
    }
    data
}

fn coded_by(
    way: &Way,
    request: &Path,
    format: Format,
    threads: usize,
    out: &mut (dyn Write + Send),
) -> Result<Tally, CodeFileError> {
    let meta = POPULATION.meta(1, 1);
    code(
        &Request {
            inside: None,
            path: request,
            manifest: &way.manifest(),
            format,
            meta: &meta,
            effort: &with(threads),
        },
        &POPULATION.coder(1),
        out,
    )
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    for (own, rows) in [("csv", ROWS), ("parquet", 140_000)] {
        let place = Place::new();
        let way = Way::new(&place, "d", own, own);
        match own {
            "csv" => fs::write(&way.data, data(rows)).unwrap(),
            _ => {
                let cells: Vec<Vec<String>> = data(rows)
                    .lines()
                    .skip(1)
                    .map(|line| line.rsplitn(3, ',').map(str::to_owned).collect())
                    .collect();
                let of = |column: usize| {
                    let cell = |row: &'_ Vec<String>| {
                        (!row[column].is_empty()).then(|| row[column].clone())
                    };
                    let cells: Vec<Option<String>> = cells.iter().map(cell).collect();
                    texts(&cells.iter().map(|cell| cell.as_deref()).collect::<Vec<_>>())
                };
                write_parquet(&way.data, vec![("note", of(2)), ("nir", of(1)), ("n", of(0))]);
            }
        }
        way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
            .unwrap();

        let coded = way.code(&POPULATION, 1, 1).unwrap();
        let mut made: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
        for threads in [1, 4] {
            let mut same = |what: &'static str, bytes: Vec<u8>| {
                let first = made.entry(what).or_insert_with(|| bytes.clone());
                assert!(*first == bytes, "{what} of {own} with {threads} threads");
            };
            for (what, format) in
                [("a result in CSV", Format::Csv), ("a result in Parquet", Format::Parquet)]
            {
                let mut out = Vec::new();
                let coded = coded_by(&way, &way.request, format, threads, &mut out).unwrap();
                assert_eq!(coded.input.rows, rows as u64);
                same(what, out);
            }
            // The attached file, and its codes renewed.
            let out = place.path(&format!("out-{threads}.{own}"));
            let what = Attach {
                party: None,
                data: None,
                retained: (&way.retained).into(),
                requested: None,
                result: &way.result,
                out: (&out).into(),
                shuffle: false,
                binary_codes: own == "parquet",
                destroy: &[],
            };
            assert_eq!(attach(what, &with(threads)).unwrap().report.quality, {
                let mut words: BTreeMap<String, u64> = coded
                    .qualities
                    .iter()
                    .map(|(word, count)| ((*word).to_owned(), *count))
                    .collect();
                let absent = words.remove("none").unwrap();
                words.insert("absent".to_owned(), absent);
                words
            });
            same("an attached file", fs::read(&out).unwrap());
        }
        let again = Way {
            data: place.path(&format!("out-1.{own}")),
            ..Way::new(&place, "again", own, own)
        };
        again.prepare(Column::Codes(&["code"]), b',').unwrap();
        for threads in [1, 4] {
            let mut out = Vec::new();
            let format = Format::of(&again.request).unwrap();
            let (renewer, meta) = (POPULATION.renewer(1, 3), POPULATION.meta(3, 2));
            renew(
                &Request {
                    inside: None,
                    path: &again.request,
                    manifest: &again.manifest(),
                    format,
                    meta: &meta,
                    effort: &with(threads),
                },
                &renewer,
                &mut out,
            )
            .unwrap();
            let first = made.entry("a renewed file").or_insert_with(|| out.clone());
            assert!(*first == out, "a renewed file with {threads} threads");
        }
    }
}

#[test]
fn each_row_has_the_code_of_its_own_identifier_whatever_its_neighbours() {
    let place = Place::new();
    let way = Way::new(&place, "d", "csv", "csv");
    fs::write(&way.data, data(ROWS)).unwrap();
    way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',').unwrap();
    let mut out = Vec::new();
    coded_by(&way, &way.request, Format::Csv, 3, &mut out).unwrap();
    let request = read_text(&way.request);
    let result = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = result.lines().collect();
    assert_eq!(lines.len(), request.len());
    for (row, line) in request.iter().zip(lines).skip(1) {
        let code = if row[1].is_empty() { String::new() } else { POPULATION.code_of(&row[1], 1) };
        assert_eq!(line.split(',').take(2).collect::<Vec<_>>(), [&*row[0], &*code]);
    }
}

/// A request whose rows are counted, with what `change` makes of their lines.
fn spoiled(place: &Place, change: impl Fn(usize, &str) -> String) -> (Way, PathBuf) {
    let way = Way::new(place, "d", "csv", "csv");
    if !way.data.exists() {
        fs::write(&way.data, data(ROWS)).unwrap();
        way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
            .unwrap();
    }
    let lines = fs::read_to_string(&way.request).unwrap();
    let changed: Vec<String> =
        lines.lines().enumerate().map(|(row, line)| change(row, line)).collect();
    let request = place.write("spoiled.csv", changed.join("\n") + "\n");
    (way, request)
}

#[test]
fn the_first_error_in_the_file_is_told_with_its_row() {
    let place = Place::new();
    type Change = fn(&str) -> String;
    let faults: [(&str, Change); 4] = [
        ("identifier-form", |line| format!("{},12345", &line[..32])),
        ("index-form", |line| line.replacen(&line[..1], "X", 1)),
        ("index-order", |line| format!("{}{}", "0".repeat(32), &line[32..])),
        ("ragged-row", |line| format!("{line},more")),
    ];
    for (code, change) in faults {
        // The first row of all, in the middle of a block, among quoted rows, far behind, and the
        // last one.
        for bad in [2, 4_000, 7_500, 23_457, ROWS] {
            for later in [false, true] {
                let (way, request) = spoiled(&place, |row, line| match row {
                    row if row == bad || (later && row > bad && row % 1_000 == 0) => change(line),
                    // Some rows before it are quoted: read by another part of the reader.
                    row if row > 0 && row / 3_000 == 2 => {
                        format!("\"{}\"{}", &line[..32], &line[32..])
                    }
                    _ => line.to_owned(),
                });
                for threads in [1, 4] {
                    let error = coded_by(&way, &request, Format::Csv, threads, &mut Vec::new())
                        .unwrap_err();
                    let text = error.to_string();
                    assert_eq!(error.code(), code, "row {bad}, {threads} threads: {text}");
                    assert!(
                        text.contains(&format!("row {bad} ")),
                        "row {bad}, {threads} threads: {text}"
                    );
                    if code == "ragged-row" {
                        assert!(text.contains(&format!("(line {})", bad + 1)), "{text}");
                    }
                }
            }
        }
    }
}

/// What is wrong with a row of either file is reported with that file's name and the row's number
/// in it.
#[test]
fn attach_names_the_file_and_the_row() {
    let place = Place::new();
    let way = Way::new(&place, "d", "csv", "csv");
    fs::write(&way.data, data(9_000)).unwrap();
    way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',').unwrap();
    way.code(&POPULATION, 1, 1).unwrap();
    let whole = [&way.retained, &way.result].map(|path| fs::read_to_string(path).unwrap());
    type Change = fn(&str) -> String;
    let index: [(&str, Change); 3] = [
        ("index-form", |line| line.replacen(&line[..1], "X", 1)),
        ("index-order", |line| format!("{}{}", "0".repeat(32), &line[32..])),
        ("ragged-row", |line| format!("{line},more")),
    ];
    let in_retained: [(&str, Change); 2] = [
        ("word-form", |line| line.replacen(",ok", ",O K", 1).replacen(",absent", ",", 1)),
        ("rows-disagree", |line| match line.strip_suffix(",ok") {
            Some(rest) => format!("{rest},none"),
            None => line.replacen(",absent", ",ok", 1),
        }),
    ];
    let in_result: [(&str, Change); 2] = [
        ("code-form", |line| format!("{},d1{}", &line[..32], &line[33..])),
        ("word-form", |line| format!("{}VALID", &line[..line.rfind(',').unwrap() + 1])),
    ];
    for (at, changes) in [(0, in_retained), (1, in_result)] {
        let path = [&way.retained, &way.result][at];
        for (code, change) in index.into_iter().chain(changes) {
            for bad in [2, 8_457] {
                let lines = whole[at].lines().enumerate();
                let lines: Vec<String> = lines
                    .map(|(row, line)| if row == bad { change(line) } else { line.to_owned() })
                    .collect();
                fs::write(path, lines.join("\n") + "\n").unwrap();
                let (retained, result, out) = (&*way.retained, &*way.result, &*way.out);
                for threads in [1, 4] {
                    let what = Attach {
                        party: None,
                        data: None,
                        retained: retained.into(),
                        requested: None,
                        result,
                        out: out.into(),
                        shuffle: false,
                        binary_codes: false,
                        destroy: &[],
                    };
                    let error = attach(what, &with(threads)).unwrap_err();
                    let text = error.to_string();
                    assert_eq!(error.code(), code, "row {bad}, {threads} threads: {text}");
                    assert!(
                        text.contains(&format!("{path:?}: row {bad} ")),
                        "row {bad} of {path:?}: {text}"
                    );
                    assert!(!out.exists(), "{text}");
                }
            }
        }
        fs::write(path, &whole[at]).unwrap();
    }
    way.attach().unwrap();
}

/// Takes so many bytes, then does something else.
struct Until<'a> {
    left: usize,
    then: &'a (dyn Fn() -> io::Result<usize> + Sync),
}

impl Write for Until<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left < bytes.len() {
            return (self.then)().map(|_| bytes.len());
        }
        self.left -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_output_that_cannot_be_written_is_one_error() {
    let place = Place::new();
    let (way, request) = spoiled(&place, |_, line| line.to_owned());
    for format in [Format::Csv, Format::Parquet] {
        for (kind, code) in
            [(ErrorKind::StorageFull, "disk-full"), (ErrorKind::BrokenPipe, "write-failed")]
        {
            for left in [0, 100, 1_000_000] {
                for threads in [1, 4] {
                    let mut out = Until { left, then: &|| Err(kind.into()) };
                    let error = coded_by(&way, &request, format, threads, &mut out).unwrap_err();
                    assert_eq!(
                        error.code(),
                        code,
                        "{format:?}, {left} bytes, {threads} threads: {error}"
                    );
                }
            }
        }
    }
}

/// Takes everything, and says only at the end that it is not there.
struct Unflushed;

impl Write for Unflushed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(ErrorKind::StorageFull.into())
    }
}

#[test]
fn an_output_that_fails_at_its_end_is_one_error() {
    let place = Place::new();
    let (way, request) = spoiled(&place, |_, line| line.to_owned());
    for format in [Format::Csv, Format::Parquet] {
        let error = coded_by(&way, &request, format, 2, &mut Unflushed).unwrap_err();
        assert_eq!(error.code(), "disk-full", "{format:?}: {error}");
    }
}

#[test]
fn a_panic_of_any_thread_is_the_callers() {
    let place = Place::new();
    let (way, request) = spoiled(&place, |_, line| line.to_owned());
    for threads in [1, 4] {
        let mut out = Until { left: 1_000_000, then: &|| panic!("in the middle of it") };
        let run = || coded_by(&way, &request, Format::Csv, threads, &mut out);
        let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"in the middle of it"));
    }
    assert!(request.exists());
}

#[test]
fn a_request_that_changes_while_it_is_read_gives_no_result() {
    let place = Place::new();
    let (way, original) = spoiled(&place, |_, line| line.to_owned());
    let length = fs::metadata(&original).unwrap().len();
    let request = place.path("changing.csv");
    type Change = fn(&File, u64);
    let changes: [Change; 4] = [
        |file, length| file.set_len(length / 2 + 11).unwrap(),
        // At the end of a row.
        |file, length| file.set_len(length / 2 / 50 * 50).unwrap(),
        |file, length| {
            use std::os::unix::fs::FileExt;
            let mut digit = [0];
            file.read_exact_at(&mut digit, length - 3).unwrap();
            digit[0] = if digit == *b"1" { b'2' } else { b'1' };
            file.write_all_at(&digit, length - 3).unwrap();
        },
        |file, length| {
            use std::os::unix::fs::FileExt;
            file.write_all_at(b"f,\n", length).unwrap();
        },
    ];
    for change in changes {
        for threads in [1, 2] {
            fs::copy(&original, &request).unwrap();
            let changed = AtomicBool::new(false);
            let then = || {
                if changed.swap(true, Ordering::Relaxed) {
                    return Ok(0);
                }
                change(&OpenOptions::new().read(true).write(true).open(&request).unwrap(), length);
                Ok(0)
            };
            // Changed when the header of the result is written: of the request little more than
            // that is read.
            let mut out = Until { left: 0, then: &then };
            let outcome = coded_by(&way, &request, Format::Csv, threads, &mut out);
            let error = outcome.map(|_| ()).unwrap_err();
            let told = ["commitment", "identifier-form", "index-form", "ragged-row"];
            assert!(told.contains(&error.code()), "{threads} threads: {error}");
        }
    }
}

#[test]
fn a_step_that_is_asked_to_stop_leaves_nothing() {
    let place = Place::new();
    let way = Way::new(&place, "d", "csv", "csv");
    fs::write(&way.data, data(ROWS)).unwrap();
    let before = place.names();
    let effort = with(3);
    effort.progress.stop();
    let what = cstatns_controller::Prepare {
        sending: None,
        signing: &crate::signed::signing(),
        data: (&way.data).into(),
        column: Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir },
        service: service(),
        domain: domain(),
        request: &way.request,
        beside: (&way.retained).into(),
        delimiter: b',',
        reading: cstatns_rows::reading::Reading::default(),
        accepted: &[],
    };
    assert_eq!(cstatns_controller::prepare(what, &effort).unwrap_err().code(), "interrupted");
    assert_eq!(place.names(), before);

    way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',').unwrap();
    let mut out = Vec::new();
    let error = code(
        &Request {
            inside: None,
            path: &way.request,
            manifest: &way.manifest(),
            format: Format::Csv,
            meta: &POPULATION.meta(1, 1),
            effort: &effort,
        },
        &POPULATION.coder(1),
        &mut out,
    );
    assert_eq!(error.unwrap_err().code(), "interrupted");
    assert!(out == b"index,code,quality\n", "before the work on the first rows");

    way.code(&POPULATION, 1, 1).unwrap();
    let before = place.names();
    let what = Attach {
        party: None,
        data: None,
        retained: (&way.retained).into(),
        requested: None,
        result: &way.result,
        out: (&way.out).into(),
        shuffle: false,
        binary_codes: false,
        destroy: std::slice::from_ref(&way.data),
    };
    assert_eq!(attach(what, &effort).unwrap_err().code(), "interrupted");
    assert_eq!(place.names(), before);
    assert!(!report_path(&way.out).exists());
}
