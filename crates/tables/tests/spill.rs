//! What `prepare` leaves behind: nothing of an identifier in the file of rows that it puts aside, nor in memory once it is
//! over, and no such file once its process is, however it ended.
//!
//! The work is done in a process of its own, this test started again with the work named in the environment.

#![cfg(target_os = "linux")]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use cstatns_tables::{Column, Effort, Prepare, prepare};

const WORK: &str = "CSTATNS_SPILL_TEST";
/// The rows of the data, and those of them whose identifiers and notes are looked for: they come first, so that what later
/// rows overwrite is overwritten.
const ROWS: usize = 120_000;
const LOOKED_FOR: usize = 500;

fn identifier(row: usize) -> String {
    format!("284{:02}75{:03}{:03}", 1 + row % 12, row % 1000, row / 1000)
}

fn note(row: usize) -> String {
    format!("the note of row {row}")
}

fn write_data(place: &Path) {
    let mut data = String::from("nir,note\n");
    (0..ROWS).for_each(|row| writeln!(data, "{},{}", identifier(row), note(row)).unwrap());
    fs::write(place.join("d.csv"), data).unwrap();
}

fn run(place: &Path, memory: usize) {
    let [data, request, retained] = ["d.csv", "request.csv", "retained.csv"].map(|name| place.join(name));
    let column = Column::Identifier("nir");
    let what = Prepare { data: &data, column, request: &request, retained: &retained, delimiter: b',' };
    prepare(&what, &Effort { memory, ..Effort::default() }).unwrap();
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
    // Nothing is held, or some pages and the rest put aside: of a size at which freed memory stays with the process.
    run(place, if job == "run" { 0 } else { (32 << 20) + (512 << 10) });
    // The negative control holds what it should not.
    let held = (job == "hold").then(|| fs::read(place.join("d.csv")).unwrap());
    if job != "run" {
        dump(&place.join("memory"));
    }
    drop(held);
    true
}

/// Writes down the memory of this process.
fn dump(path: &Path) {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let (mut memory, mut out) = (File::open("/proc/self/mem").unwrap(), File::create(path).unwrap());
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
    let wanted: std::collections::HashSet<Vec<u8>> =
        (0..LOOKED_FOR).map(|row| identifier(row).into_bytes()).collect();
    let windows = bytes.windows(13).filter(|window| window.starts_with(b"284"));
    windows.filter(|window| wanted.contains(*window)).collect::<std::collections::HashSet<_>>().len()
}

fn names(place: &Path) -> Vec<String> {
    let names = fs::read_dir(place).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
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
    assert_eq!(shown(&fs::read(place.path().join("d.csv")).unwrap()), LOOKED_FOR, "they would be found");

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
    assert_eq!(left.iter().filter(|name| name.ends_with(".cstatns-tmp")).count(), 3, "{left:?}");
    assert_eq!(left.len(), 4, "{left:?}");
    run(place.path(), 0);
    assert_eq!(names(place.path()), ["d.csv", "request.csv", "request.csv.seal.json", "retained.csv"]);
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
