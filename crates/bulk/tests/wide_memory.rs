//! Several columns, several files and a drawn order take no more memory than one file in its own.
//!
//! Each measurement is a process of its own, this test started again with the work named in the
//! environment.

mod signed;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use cstatns::code::Generation;
use cstatns::coder::Coder;
use cstatns::commitment::Use;
use cstatns::delivery::DeliveryId;
use cstatns::hazmat::coding_key;
use cstatns::identifier::Scheme;
use cstatns::manifest::{Manifest, manifest_path};
use cstatns::meta::{FileMeta, ServiceId};
use cstatns::name::{Hex, Name};
use cstatns::secret::Secret;
use cstatns_bulk::{Request, code};
use cstatns_controller::{Attach, Column, Data, Prepare, attach, data_files, prepare};
use cstatns_rows::effort::Effort;
use cstatns_rows::reading::Reading;
use cstatns_rows::table::Format;

const SERVICE: &str = "demo.aaaaaaaaaaaaaaaaaaaaaaaaaa";
const WORK: &str = "CSTATNS_WIDE_MEMORY_TEST";
/// What the steps are given.
const MEMORY: usize = 32 << 20;

fn identifier(number: u64) -> String {
    let (year, month) = (number / 12_000_000 % 100, 1 + number / 1_000_000 % 12);
    format!("1{year:02}{month:02}75{:03}{:03}", number / 1000 % 1000, number % 1000)
}

fn meta() -> FileMeta {
    FileMeta {
        service: SERVICE.to_owned(),
        domain: Name::new("population").unwrap(),
        generation: Generation::FIRST,
        delivery: DeliveryId { run: Hex([1; 16]), part: 1 },
    }
}

/// What is measured: how many columns there are, in how many files, and whether rows are shuffled.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    columns: usize,
    files: u64,
    shuffle: bool,
}

const KINDS: [Kind; 4] = [
    Kind { name: "plain", columns: 1, files: 1, shuffle: false },
    Kind { name: "columns", columns: 3, files: 1, shuffle: false },
    Kind { name: "files", columns: 1, files: 60, shuffle: false },
    Kind { name: "shuffled", columns: 1, files: 2, shuffle: true },
];

impl Kind {
    fn names(self) -> &'static [&'static str] {
        &["a", "b", "c"][..self.columns]
    }

    /// Writes so many rows.
    fn write(self, place: &Path, rows: u64) {
        let folder = place.join("data");
        fs::create_dir(&folder).unwrap();
        for file in 0..self.files {
            let path = folder.join(format!("{file:03}.csv"));
            let mut out = BufWriter::new(File::create(path).unwrap());
            writeln!(out, "{},note", self.names().join(",")).unwrap();
            for row in 0..rows / self.files {
                for column in 0..self.columns as u64 {
                    write!(out, "{},", identifier(3 * (file * rows + row) + column)).unwrap();
                }
                writeln!(out, "\"what is kept of row {row}\"").unwrap();
            }
            out.flush().unwrap();
        }
    }

    fn work(self, place: &Path, verb: &str) {
        let effort = Effort { memory: MEMORY, ..Effort::default() };
        let path = |name: &str| place.join(name);
        let (request, retained, result) =
            (path("request.csv"), path("retained.csv"), path("result.parquet"));
        match verb {
            "prepare" => {
                let folder = [path("data")];
                let files = data_files(&folder).unwrap().unwrap();
                let columns = self.names();
                prepare(
                    Prepare {
                        sending: None,
                        data: Data::Files(&files),
                        column: Column::Identifiers { columns, scheme: Scheme::FrNir },
                        service: &ServiceId::of(SERVICE).unwrap(),
                        signing: &signed::signing(),
                        domain: &meta().domain,
                        request: &request,
                        beside: (&*retained).into(),
                        delimiter: b',',
                        reading: Reading::default(),
                        accepted: &[],
                    },
                    &effort,
                )
                .unwrap();
            }
            "code" => {
                let secret = Secret::fill(|bytes| bytes.fill(7));
                let domain = meta().domain;
                let key = coding_key(&secret, SERVICE, &domain, Generation::FIRST);
                let manifest = Manifest::read(&manifest_path(&request)).unwrap();
                let mut out = File::create(&result).unwrap();
                let coded = code(
                    &Request {
                        inside: None,
                        path: &request,
                        manifest: &manifest,
                        format: Format::Parquet,
                        meta: &meta(),
                        effort: &effort,
                    },
                    &Coder::new(vec![key]).unwrap(),
                    &mut out,
                )
                .unwrap();
                let stated = signed::Stated {
                    meta: &meta(),
                    r#use: Use::Code,
                    request: coded.input.commitment,
                    rows: coded.input.rows,
                    coded: coded.coded,
                    quality: coded
                        .qualities
                        .iter()
                        .map(|(word, count)| ((*word).to_owned(), *count))
                        .collect(),
                    scores: None,
                    scheme: Some(Scheme::FrNir),
                    look_up: None,
                };
                stated.write(&result);
            }
            _ => {
                attach(
                    Attach {
                        party: None,
                        data: None,
                        retained: (&*retained).into(),
                        requested: None,
                        result: &result,
                        out: (&*path("out")).into(),
                        shuffle: self.shuffle,
                        binary_codes: false,
                        destroy: &[],
                    },
                    &effort,
                )
                .unwrap();
            }
        }
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        fs::write(path("told"), line.trim().trim_end_matches(" kB")).unwrap();
    }
}

/// The most memory that a step takes, in KiB.
fn told(kind: Kind, place: &Path, verb: &str) -> u64 {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "what_is_wide_takes_no_more_memory"])
        .env(WORK, format!("{} {verb} {}", kind.name, place.display()))
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    fs::read_to_string(place.join("told")).unwrap().parse().unwrap()
}

#[test]
fn what_is_wide_takes_no_more_memory() {
    if let Ok(job) = std::env::var(WORK) {
        let [name, verb, place] = job.splitn(3, ' ').collect::<Vec<_>>()[..] else {
            panic!("{job}")
        };
        let kind = KINDS.into_iter().find(|kind| kind.name == name).unwrap();
        return kind.work(&PathBuf::from(place), verb);
    }
    if !Path::new("/proc/self/status").exists() {
        return;
    }
    for kind in KINDS {
        let [small, large] = [150_000, 600_000].map(|rows| {
            let place = tempfile::tempdir().unwrap();
            kind.write(place.path(), rows);
            let prepared = told(kind, place.path(), "prepare");
            told(kind, place.path(), "code");
            [prepared, told(kind, place.path(), "attach")]
        });
        for (at, verb) in ["prepare", "attach"].into_iter().enumerate() {
            let what = format!("{verb}, {}: {small:?}, then {large:?} KiB", kind.name);
            // Four times the rows: what it is given is taken at most, not more.
            assert!(large[at] < small[at] + MEMORY as u64 / 1024, "{what}");
            assert!(large[at] < 160 * 1024, "{what}");
        }
    }
}
