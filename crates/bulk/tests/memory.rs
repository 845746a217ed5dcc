//! `code`, `renew` and `attach` stream, `prepare` sorts in the memory that it is given: the most
//! memory they take does not grow with the file.
//!
//! Each measurement is a process of its own, this test started again with the work named in the
//! environment.

mod signed;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow_array::builder::FixedSizeBinaryBuilder;
use arrow_array::{RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use cstatns::civil_status::{CivilStatus, Years};
use cstatns::code::Generation;
use cstatns::coder::Coder;
use cstatns::commitment::{Commit, Commitment, CommitmentKey, Use};
use cstatns::delivery::DeliveryId;
use cstatns::distinct::CAP;
use cstatns::hazmat::coding_key;
use cstatns::identifier::Scheme;
use cstatns::look_up::{Level, Score};
use cstatns::manifest::{Content, Manifest, manifest_path};
use cstatns::meta::{FileMeta, ServiceId};
use cstatns::name::{Hex, Name};
use cstatns::proposal::Input;
use cstatns::received::received_path;
use cstatns::report::report_path;
use cstatns::requested::Data;
use cstatns::secret::Secret;
use cstatns_bulk::{Register, Request, code, look_up_and_code};
use cstatns_controller::{Attach, Column, Prepare, attach, prepare};
use cstatns_register::{Builder, Index, Origin, Record};
use cstatns_rows::csv::Delimiter;
use cstatns_rows::effort::Effort;
use cstatns_rows::table::{Fill, Format, Source, Stream};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

const SERVICE: &str = "demo.aaaaaaaaaaaaaaaaaaaaaaaaaa";
const WORK: &str = "CSTATNS_MEMORY_TEST";

fn index(row: u64) -> [u8; 16] {
    (u128::from(row) << 64).to_be_bytes()
}

fn identifier(row: u64) -> String {
    format!(
        "1{:02}{:02}75{:03}{:03}",
        row / 12_000_000 % 100,
        1 + row / 1_000_000 % 12,
        row / 1000 % 1000,
        row % 1000
    )
}

fn meta() -> FileMeta {
    let domain = Name::new("population").unwrap();
    FileMeta {
        service: SERVICE.to_owned(),
        domain,
        generation: Generation::FIRST,
        delivery: DeliveryId { run: Hex([1; 16]), part: 1 },
    }
}

/// The report of a service beside the result.
fn report(result: &Path, commitment: Commitment, rows: u64) {
    let stated = signed::Stated {
        meta: &meta(),
        r#use: Use::Code,
        request: commitment,
        rows,
        coded: rows,
        quality: Default::default(),
        scores: None,
        scheme: Some(Scheme::FrNir),
        look_up: None,
    };
    stated.write(result);
}

/// Writes request and retained file row by row, the Parquet request as one row group.
fn write(place: &Path, rows: u64, format: Format) -> Manifest {
    let key = CommitmentKey::random();
    let (content, domain) =
        (Content::Identifiers { scheme: Scheme::FrNir }, Name::new("population").unwrap());
    let mut commit = Commit::new(&key, &content.context(SERVICE, &domain), &["identifier"]);
    (0..rows).for_each(|row| commit.row(&index(row), &[Some(identifier(row).as_bytes())]));
    match format {
        Format::Csv | Format::Text(_) => {
            let create = |name: &str| BufWriter::new(File::create(place.join(name)).unwrap());
            let (mut request, mut retained) = (create("request.csv"), create("retained.csv"));
            writeln!(request, "index,identifier").unwrap();
            writeln!(retained, "index,row,status").unwrap();
            for row in 0..rows {
                writeln!(request, "{},{}", Hex(index(row)), identifier(row)).unwrap();
                writeln!(retained, "{},{},ok", Hex(index(row)), row + 1).unwrap();
            }
        }
        Format::Parquet => {
            write_parquet(&place.join("request.parquet"), rows, &["index", "identifier"]);
            write_parquet(&place.join("retained.parquet"), rows, &["index", "row", "status"]);
        }
    }
    let (commitment, rows) = commit.finish();
    let input =
        Input { commitment, rows, values: rows, distinct: rows.min(CAP), engine: None, sent: None };
    let service = ServiceId::of(SERVICE).unwrap();
    Manifest {
        service,
        domain,
        content,
        input,
        key,
        previous: Vec::new(),
        accepted: Default::default(),
    }
}

fn cell(row: u64, column: &str) -> String {
    match column {
        "identifier" => identifier(row),
        "row" => (row + 1).to_string(),
        "status" => "ok".to_owned(),
        "note" => format!("a note about row {row}"),
        _ => format!("a value of row {row} that is quite a bit longer"),
    }
}

fn write_parquet(path: &Path, rows: u64, columns: &[&str]) {
    let kind = |column: &str| match column {
        "index" => DataType::FixedSizeBinary(16),
        _ => DataType::Utf8,
    };
    let fields = columns.iter().map(|column| Field::new(*column, kind(column), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    // The retained file has those that `prepare` makes, the others one each.
    let group = if columns.contains(&"row") { 1 << 17 } else { 1 << 30 };
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), schema.clone(), Some(properties))
            .unwrap();
    for first in (0..rows).step_by(10_000) {
        let batch = first..rows.min(first + 10_000);
        let array = |column: &&str| -> arrow_array::ArrayRef {
            if *column == "index" {
                let mut indexes = FixedSizeBinaryBuilder::new(16);
                batch.clone().for_each(|row| indexes.append_value(index(row)).unwrap());
                return Arc::new(indexes.finish());
            }
            Arc::new(batch.clone().map(|row| Some(cell(row, column))).collect::<StringArray>())
        };
        let arrays = columns.iter().map(array).collect();
        writer.write(&RecordBatch::try_new(schema.clone(), arrays).unwrap()).unwrap();
    }
    writer.close().unwrap();
}

/// The data that `prepare` begins with.
fn write_data(place: &Path, rows: u64, format: Format) {
    const COLUMNS: [&str; 3] = ["note", "identifier", "value"];
    if format == Format::Parquet {
        return write_parquet(&place.join("data.parquet"), rows, &COLUMNS);
    }
    let mut data = BufWriter::new(File::create(place.join("data.csv")).unwrap());
    writeln!(data, "{}", COLUMNS.join(",")).unwrap();
    (0..rows).for_each(|row| {
        writeln!(data, "{}", COLUMNS.map(|column| cell(row, column)).join(",")).unwrap()
    });
}

fn coder() -> Coder {
    let domain = Name::new("population").unwrap();
    let key = coding_key(&Secret::fill(|bytes| bytes.fill(1)), SERVICE, &domain, Generation::FIRST);
    Coder::new(vec![key]).unwrap()
}

/// What `prepare` is given.
const MEMORY: usize = 64 << 20;

/// What the data is known again by; its second column is sent.
fn digest<F: Fill>(rows: &mut Stream<F>) -> [u8; 32] {
    rows.know_again(&[1]).unwrap();
    while rows.next_batch().unwrap().is_some() {}
    rows.digest().unwrap()
}

/// The work of the child: writes down the most memory that it took, in KiB, and the bytes that it
/// wrote.
fn work(place: &Path, verb: &str, extension: &str, threads: NonZeroUsize) {
    let effort = Effort { threads, memory: MEMORY, ..Effort::default() };
    let file = |name: &str| place.join(format!("{name}.{extension}"));
    let result = place.join("result.parquet");
    if verb == "prepare" {
        let (data, request, retained) = (&*file("data"), &*file("request"), &*file("retained"));
        let column = Column::Identifiers { columns: &["identifier"], scheme: Scheme::FrNir };
        prepare(
            Prepare {
                sending: None,
                data: data.into(),
                column,
                service: &ServiceId::of(SERVICE).unwrap(),
                signing: &signed::signing(),
                domain: &meta().domain,
                request,
                beside: retained.into(),
                delimiter: b',',
                reading: cstatns_rows::reading::Reading::default(),
                accepted: &[],
            },
            &effort,
        )
        .unwrap();
    } else if verb == "code" {
        let manifest = Manifest::read(&place.join("manifest.json")).unwrap();
        let mut out = File::create(result).unwrap();
        code(
            &Request {
                inside: None,
                path: &file("request"),
                manifest: &manifest,
                format: Format::Parquet,
                meta: &meta(),
                effort: &effort,
            },
            &coder(),
            &mut out,
        )
        .unwrap();
    } else if verb == "look-up" {
        let (request, index) = (file("request"), Index::open(&place.join("register")).unwrap());
        let register = Register {
            index: &index,
            accept: Level::UsageName,
            min_score: Score::of(0.95),
            only_without_identifier: false,
        };
        let (manifest, format) =
            (Manifest::read(&manifest_path(&request)).unwrap(), Format::Parquet);
        let mut out = File::create(result).unwrap();
        let coded = look_up_and_code(
            &Request {
                inside: None,
                path: &request,
                manifest: &manifest,
                format,
                meta: &meta(),
                effort: &effort,
            },
            register,
            &coder(),
            &mut out,
        )
        .unwrap();
        assert_eq!(coded.coded, manifest.input.rows);
    } else {
        let (retained, out) = (&*file("retained"), &*file("out"));
        for former in [out, &report_path(out), &received_path(out), &report_path(&result)] {
            let _ = fs::remove_file(former);
        }
        let requested = Manifest::read(&place.join("manifest.json")).unwrap();
        let mut data = Source::open(&file("data"), Delimiter::Given(b',')).unwrap();
        let digest = match &mut data {
            Source::Lines(rows) => digest(rows),
            Source::Columns(rows) => digest(rows),
        };
        let delimiter = (extension == "csv").then_some(b',');
        let seen = (requested.input.rows, digest);
        let data = Data::new(Some(&file("data")), delimiter, &[1], seen);
        let requested = requested.requested(signed::signing(), vec![data]);
        report(&result, requested.commitment, requested.rows);
        // What waits for its row is put aside: it may take what it is given, whatever that is.
        let effort = Effort { memory: 0, ..effort };
        attach(
            Attach {
                party: None,
                data: None,
                retained: retained.into(),
                requested: Some(&requested),
                result: &result,
                out: out.into(),
                shuffle: false,
                binary_codes: false,
                destroy: &[],
            },
            &effort,
        )
        .unwrap();
    }
    let told = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").to_owned()
    };
    let (peak, written) = (told("/proc/self/status", "VmHWM:"), told("/proc/self/io", "wchar:"));
    fs::write(place.join("told"), format!("{peak} {written}")).unwrap();
}

/// Does the work of a child, if this process is one.
fn is_child() -> bool {
    let Ok(job) = std::env::var(WORK) else { return false };
    let [verb, extension, threads, place] = job.splitn(4, ' ').collect::<Vec<_>>()[..] else {
        panic!("{job}")
    };
    work(Path::new(place), verb, extension, threads.parse().unwrap());
    true
}

/// The most memory that a child takes for this work, in KiB, and the bytes that it writes.
fn told(test: &str, place: &Path, verb: &str, extension: &str, threads: usize) -> (u64, u64) {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(WORK, format!("{verb} {extension} {threads} {}", place.display()))
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    let told = fs::read_to_string(place.join("told")).unwrap();
    let (peak, written) = told.split_once(' ').unwrap();
    (peak.parse().unwrap(), written.parse().unwrap())
}

#[test]
fn memory_does_not_grow_with_the_file() {
    if is_child() || !Path::new("/proc/self/status").exists() {
        return;
    }
    for (format, extension) in [(Format::Csv, "csv"), (Format::Parquet, "parquet")] {
        // Both have full row groups of the result, which is what takes most.
        let peaks = [150_000, 600_000].map(|rows| {
            let place = tempfile::tempdir().unwrap();
            write_data(place.path(), rows, format);
            write(place.path(), rows, format).write(&place.path().join("manifest.json")).unwrap();
            ["code", "attach"].map(|verb| {
                // One thread: what several hold at once is a matter of chance.
                [1, 8].map(|threads| {
                    told(
                        "memory_does_not_grow_with_the_file",
                        place.path(),
                        verb,
                        extension,
                        threads,
                    )
                    .0
                })
            })
        });
        let [small, large] = peaks;
        for (verb, (small, large)) in ["code", "attach"].iter().zip(small.into_iter().zip(large)) {
            assert!(
                large[0] < small[0] + 8 * 1024,
                "{verb} {extension}: {small:?} KiB, then {large:?} KiB"
            );
            // However many threads there are to be had.
            assert!(large[1] < 128 * 1024, "{verb} {extension}: {small:?} KiB, then {large:?} KiB");
        }
    }
}

/// Somebody who does not exist, in the columns of [`PEOPLE`].
fn person(number: u64) -> [String; 8] {
    let word = |seed: u64| {
        let letter = |at: u32| char::from(b"bdflmnprstvz"[(seed / 12_u64.pow(at) % 12) as usize]);
        (0..5).flat_map(|at| [letter(at), 'a']).collect::<String>()
    };
    let names = format!("{} {} {}", word(number), word(number + 77), word(number + 777));
    let date = format!("19{:02}-{:02}-{:02}", number % 90 + 10, number % 12 + 1, number % 28 + 1);
    let place = format!("Saint {} sur {}", word(number / 9), word(number / 7));
    [
        word(7 * number),
        String::new(),
        names,
        "1".to_owned(),
        date,
        "75101".to_owned(),
        place,
        "France".to_owned(),
    ]
}

const PEOPLE: &str = "nom,nom_usage,prenoms,sexe,date_naissance,code_lieu,libelle_lieu,pays";

/// The rows of people are wider than those of identifiers.
#[test]
fn look_ups_take_no_more_memory_than_codings() {
    const ROWS: u64 = 400_000;
    if is_child() || !Path::new("/proc/self/status").exists() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    let mut builder = Builder::create(&path("register")).unwrap();
    let mut data = BufWriter::new(File::create(path("data.csv")).unwrap());
    writeln!(data, "{PEOPLE}").unwrap();
    for row in 0..ROWS {
        let cells = person(row % 2000);
        writeln!(data, "{}", cells.join(",")).unwrap();
        if row < 2000 {
            let [nom, nom_usage, prenoms, sexe, date_naissance, code_lieu, libelle_lieu, pays] =
                cells.each_ref().map(String::as_str);
            let civil_status = CivilStatus {
                nom,
                nom_usage,
                prenoms,
                sexe,
                date_naissance,
                code_lieu,
                libelle_lieu,
                pays,
            };
            builder
                .push(&Record { id: "", nir: &identifier(row), civil_status }, Origin::default())
                .unwrap();
        }
    }
    data.into_inner().unwrap();
    builder.finish().unwrap();
    let (data, request, retained) =
        (&*path("data.csv"), &*path("request.parquet"), &*path("retained.csv"));
    let column = Column::CivilStatus { map: &[], years: Years::now() };
    let what = Prepare {
        sending: None,
        data: data.into(),
        column,
        service: &ServiceId::of(SERVICE).unwrap(),
        signing: &signed::signing(),
        domain: &meta().domain,
        request,
        beside: retained.into(),
        delimiter: b',',
        reading: cstatns_rows::reading::Reading::default(),
        accepted: &[],
    };
    prepare(what, &Effort::default()).unwrap();
    let test = "look_ups_take_no_more_memory_than_codings";
    let (peak, _) = told(test, place.path(), "look-up", "parquet", 8);
    assert!(peak < 128 * 1024, "{peak} KiB");
}

#[test]
fn prepare_stays_within_the_memory_that_it_is_given_and_puts_the_rest_aside() {
    if is_child() || !Path::new("/proc/self/status").exists() {
        return;
    }
    for (format, extension) in [(Format::Csv, "csv"), (Format::Parquet, "parquet")] {
        let [small, large] = [1_200_000, 2_400_000].map(|rows| {
            let place = tempfile::tempdir().unwrap();
            write_data(place.path(), rows, format);
            let test = "prepare_stays_within_the_memory_that_it_is_given_and_puts_the_rest_aside";
            let threads = std::thread::available_parallelism().unwrap().get();
            let (peak, written) = told(test, place.path(), "prepare", extension, threads);
            let request = place.path().join(format!("request.{extension}"));
            let outputs = [
                &*manifest_path(&request),
                &request,
                &place.path().join(format!("retained.{extension}")),
            ];
            let outputs: u64 = outputs.iter().map(|path| fs::metadata(path).unwrap().len()).sum();
            (peak, written - outputs)
        });
        let most = MEMORY as u64 / 1024 + 16 * 1024;
        assert!(small.0 < most && large.0 < most, "{extension}: {} KiB, {} KiB", small.0, large.0);
        assert!(large.0 < small.0 + 8 * 1024, "{extension}: {} KiB, then {} KiB", small.0, large.0);
        // What twice the rows take beyond memory is on disk: some 100 bytes each.
        let (small, large) = (small.1 >> 20, large.1 >> 20);
        assert!(
            small > 20 && large > small + 40,
            "{extension}: {small} MiB, then {large} MiB put aside"
        );
    }
}
