//! What `prepare` leaves behind: nothing of an identifier in the file of rows that it puts aside,
//! nor in memory once it is over, and no such file once its process is, however it ended.
//!
//! The work is done in a process of its own, this test started again with the work named in the
//! environment.

#![cfg(target_os = "linux")]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use cstatns::civil_status::{CivilStatus, Years};
use cstatns::code::Generation;
use cstatns::coder::Coder;
use cstatns::delivery::DeliveryId;
use cstatns::hazmat::coding_key;
use cstatns::identifier::Scheme;
use cstatns::look_up::{Level, Score};
use cstatns::manifest::{Manifest, manifest_path};
use cstatns::meta::{FileMeta, ServiceId};
use cstatns::name::{Hex, Name};
use cstatns::secret::Secret;
use cstatns_bulk::{Register, Request, look_up_and_code};
use cstatns_controller::{Column, Prepare, prepare};
use cstatns_register::{Builder, Index, Origin, Record};
use cstatns_rows::effort::Effort;
use cstatns_rows::table::Format;

const WORK: &str = "CSTATNS_SPILL_TEST";
/// The rows of the data, and those of them whose identifiers and notes are looked for: they come
/// first, so that what later rows overwrite is overwritten.
const ROWS: usize = 120_000;
const LOOKED_FOR: usize = 500;

fn identifier(row: usize) -> String {
    format!("284{:02}75{:03}{:03}", 1 + row % 12, row % 1000, row / 1000)
}

/// The name of the person of that identifier.
fn name(row: usize) -> String {
    identifier(row).bytes().map(|digit| char::from(digit - b'0' + b'k')).collect()
}

fn note(row: usize) -> String {
    format!("the note of row {row}")
}

fn write_data(place: &Path) {
    let mut data = String::from("nir,note\n");
    (0..ROWS).for_each(|row| writeln!(data, "{},{}", identifier(row), note(row)).unwrap());
    fs::write(place.join("d.csv"), data).unwrap();
}

fn prepare_from(place: &Path, column: Column<'_>, memory: usize) {
    let [data, request, retained] =
        ["d.csv", "request.csv", "retained.csv"].map(|name| place.join(name));
    let (data, request, retained) = (&data, &request, &retained);
    let what = Prepare {
        sending: None,
        data: data.into(),
        column,
        service: &ServiceId::of("test.aaaaaaaaaaaaaaaaaaaaaaaaaa").unwrap(),
        signing: &Hex([7; 32]),
        domain: &Name::new("population").unwrap(),
        request,
        beside: retained.into(),
        delimiter: b',',
        reading: cstatns_rows::reading::Reading::default(),
        accepted: &[],
    };
    prepare(what, &Effort { memory, ..Effort::default() }).unwrap();
}

fn run(place: &Path, memory: usize) {
    prepare_from(place, Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, memory);
}

/// Data of people who have no identifier there, and a register where they have one.
fn write_people(place: &Path) {
    let mut data = String::from("nom,prenoms,sexe,date_naissance,code_lieu,note\n");
    let mut builder = Builder::create(&place.join("register")).unwrap();
    for row in 0..ROWS {
        let nom = name(row);
        // Names are alike: dates, places and first names tell people apart.
        let date =
            format!("{}-{:02}-{:02}", 1920 + row % 90, 1 + row / 90 % 12, 1 + row / 1080 % 28);
        let commune = format!("{}", 21_001 + row * 7919 % 70_000);
        let first: String = (row * 31 % 1000 + 1000)
            .to_string()
            .bytes()
            .map(|digit| char::from(digit + 49))
            .collect();
        writeln!(data, "{nom},{first},F,{date},{commune},{}", note(row)).unwrap();
        if row % 100 < 50 || row < LOOKED_FOR {
            let civil_status = CivilStatus {
                nom: &nom,
                prenoms: &first,
                sexe: "F",
                date_naissance: &date,
                code_lieu: &commune,
                ..CivilStatus::default()
            };
            let record = Record { id: "", nir: &identifier(row), civil_status };
            builder.push(&record, Origin::default()).unwrap();
        }
    }
    builder.finish().unwrap();
    fs::write(place.join("d.csv"), data).unwrap();
}

/// What controller and service do with them, one after the other.
fn run_people(place: &Path, memory: usize) {
    prepare_from(place, Column::CivilStatus { map: &[], years: Years::now() }, memory);
    let effort = Effort { memory, ..Effort::default() };
    let request = place.join("request.csv");

    let index = Index::open(&place.join("register")).unwrap();
    let register = Register {
        index: &index,
        accept: Level::UsageName,
        min_score: Score::of(0.0),
        only_without_identifier: false,
    };
    let (service, domain) = ("test.aaaaaaaaaaaaaaaaaaaaaaaaaa", Name::new("population").unwrap());
    let key = coding_key(&Secret::fill(|bytes| bytes.fill(7)), service, &domain, Generation::FIRST);
    let coder = Coder::new(vec![key]).unwrap();
    let (generation, delivery) = (Generation::FIRST, DeliveryId { run: Hex([1; 16]), part: 1 });
    let meta = FileMeta { service: service.to_owned(), domain, generation, delivery };
    let mut out = File::create(place.join("result.csv")).unwrap();
    let manifest = Manifest::read(&manifest_path(&request)).unwrap();
    let coded = look_up_and_code(
        &Request {
            inside: None,
            path: &request,
            manifest: &manifest,
            format: Format::Csv,
            meta: &meta,
            effort: &effort,
        },
        register,
        &coder,
        &mut out,
    )
    .unwrap();
    assert!(coded.qualities["found"] > ROWS as u64 / 2 - 1, "{:?}", coded.qualities);
}

fn start(test: &str, job: &str, place: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(WORK, format!("{job} {}", place.display()))
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Does the work of a child, if this process is one.
fn is_child() -> bool {
    let Ok(job) = std::env::var(WORK) else { return false };
    let (job, place) = job.split_once(' ').unwrap();
    let place = Path::new(place);
    // Nothing is held, or some pages and the rest put aside: of a size at which freed memory stays
    // with the process.
    let memory = if job == "run" { 0 } else { (32 << 20) + (512 << 10) };
    let run = if job.contains("people") { run_people } else { run };
    run(place, memory);
    // The negative control holds what it should not.
    let held = job.starts_with("hold").then(|| fs::read(place.join("d.csv")).unwrap());
    if job != "run" {
        dump(&place.join("memory"));
    }
    drop(held);
    true
}

/// Writes down the memory of this process.
fn dump(path: &Path) {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let (mut memory, mut out) =
        (File::open("/proc/self/mem").unwrap(), File::create(path).unwrap());
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (from, to) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        let [from, to] = [from, to].map(|text| u64::from_str_radix(text, 16).unwrap());
        memory.seek(SeekFrom::Start(from)).unwrap();
        // Some pages cannot be read.
        let _ = std::io::copy(&mut memory.by_ref().take(to - from), &mut out);
    }
}

/// How many of the identifiers that are looked for stand in these bytes.
fn shown(bytes: &[u8]) -> usize {
    shown_as(bytes, identifier)
}

/// How many of the first people stand there in this form.
fn shown_as(bytes: &[u8], form: fn(usize) -> String) -> usize {
    let wanted: std::collections::HashSet<Vec<u8>> =
        (0..LOOKED_FOR).map(|row| form(row).into_bytes()).collect();
    let start = &form(0).into_bytes()[..3];
    let windows = bytes.windows(13).filter(|window| window.starts_with(start));
    windows
        .filter(|window| wanted.contains(*window))
        .collect::<std::collections::HashSet<_>>()
        .len()
}

fn names(place: &Path) -> Vec<String> {
    let names =
        fs::read_dir(place).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// The file of what is put aside, which has no name: where the process holds it open.
fn aside(child: &Child) -> Option<PathBuf> {
    let files = fs::read_dir(format!("/proc/{}/fd", child.id())).ok()?;
    files.filter_map(|entry| Some(entry.ok()?.path())).find(|path| {
        let target = fs::read_link(path).unwrap_or_default();
        target.to_string_lossy().ends_with(".cstatns-tmp (deleted)")
    })
}

#[test]
fn a_process_that_is_killed_leaves_nothing_of_what_it_put_aside() {
    if is_child() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    write_data(place.path());
    assert_eq!(
        shown(&fs::read(place.path().join("d.csv")).unwrap()),
        LOOKED_FOR,
        "they would be found"
    );

    let mut child =
        start("a_process_that_is_killed_leaves_nothing_of_what_it_put_aside", "run", place.path());
    let bytes = loop {
        assert!(child.try_wait().unwrap().is_none(), "it put nothing aside");
        let bytes = aside(&child).and_then(|path| fs::read(path).ok()).unwrap_or_default();
        if bytes.len() > 1 << 20 {
            break bytes;
        }
        thread::sleep(Duration::from_millis(5));
    };
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(shown(&bytes), 0);
    assert!(!bytes.windows(15).any(|window| window == b"the note of row"));

    // The outputs that were begun, and nothing else.
    let left = names(place.path());
    assert_eq!(left.iter().filter(|name| name.ends_with(".cstatns-tmp")).count(), 4, "{left:?}");
    assert_eq!(left.len(), 5, "{left:?}");
    run(place.path(), 0);
    assert_eq!(
        names(place.path()),
        [
            "d.csv",
            "request.csv",
            "request.csv.manifest.json",
            "retained.csv",
            "retained.csv.request.json"
        ]
    );
}

#[test]
fn no_identifier_is_left_in_memory() {
    if is_child() {
        return;
    }
    for (job, left) in [("dump", 0), ("hold", LOOKED_FOR)] {
        let place = tempfile::tempdir().unwrap();
        write_data(place.path());
        let mut child = start("no_identifier_is_left_in_memory", job, place.path());
        assert!(child.wait().unwrap().success());
        let memory = fs::read(place.path().join("memory")).unwrap();
        assert_eq!(shown(&memory), left, "{job}");
    }
}

/// Nor of who was looked up, nor of the identifiers that were found.
#[test]
fn nobody_who_was_looked_up_is_left_in_memory() {
    if is_child() {
        return;
    }
    for (job, left) in [("dump-people", 0), ("hold-people", LOOKED_FOR)] {
        let place = tempfile::tempdir().unwrap();
        write_people(place.path());
        assert!(
            shown(&fs::read(place.path().join("register")).unwrap()) == LOOKED_FOR,
            "they would be found"
        );
        let mut child = start("nobody_who_was_looked_up_is_left_in_memory", job, place.path());
        assert!(child.wait().unwrap().success());
        let memory = fs::read(place.path().join("memory")).unwrap();
        assert_eq!(shown(&memory), 0, "{job}");
        assert_eq!(shown_as(&memory, name), left, "{job}");
        assert_eq!(shown_as(&memory, |row| name(row).to_uppercase()), 0, "{job}");
    }
}
