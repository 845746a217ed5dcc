//! `code`, `renew` and `attach` stream: the most memory they take does not grow with the file.
//!
//! Each measurement is a process of its own, this test started again with the work named in the environment.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow_array::builder::FixedSizeBinaryBuilder;
use arrow_array::{RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use cstatns::code::Generation;
use cstatns::coder::{Coder, CodingKey};
use cstatns::commitment::{Commit, CommitmentKey};
use cstatns::name::{Hex, Name};
use cstatns::secret::Secret;
use cstatns_tables::{Attach, Content, Effort, FileMeta, Format, Seal, attach, code};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

const SERVICE: &str = "demo.aaaaaaaaaa";
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
    FileMeta { service: SERVICE.to_owned(), domain, generation: Generation::FIRST, delivery: Hex([1; 16]) }
}

/// Writes request and retained file row by row, the Parquet ones as one row group each.
fn write(place: &Path, rows: u64, format: Format) -> Seal {
    let key = CommitmentKey::random();
    let mut commit = Commit::new(&key, &["identifier"]);
    (0..rows).for_each(|row| commit.row(&index(row), &[Some(identifier(row).as_bytes())]));
    match format {
        Format::Csv => {
            let create = |name: &str| BufWriter::new(File::create(place.join(name)).unwrap());
            let (mut request, mut retained) = (create("request.csv"), create("retained.csv"));
            writeln!(request, "index,identifier").unwrap();
            writeln!(retained, "index,check,note").unwrap();
            for row in 0..rows {
                writeln!(request, "{},{}", Hex(index(row)), identifier(row)).unwrap();
                writeln!(retained, "{},ok,a note about row {row}", Hex(index(row))).unwrap();
            }
        }
        Format::Parquet => {
            let write = |name: &str, columns: &[&str], cell: &dyn Fn(u64, &str) -> String| {
                let mut fields = vec![Field::new("index", DataType::FixedSizeBinary(16), false)];
                fields.extend(columns.iter().map(|name| Field::new(*name, DataType::Utf8, true)));
                let schema = Arc::new(Schema::new(fields));
                let properties =
                    WriterProperties::builder().set_max_row_group_row_count(Some(1 << 30)).build();
                let out = File::create(place.join(name)).unwrap();
                let mut writer = ArrowWriter::try_new(out, schema.clone(), Some(properties)).unwrap();
                for first in (0..rows).step_by(10_000) {
                    let batch = first..rows.min(first + 10_000);
                    let mut indexes = FixedSizeBinaryBuilder::new(16);
                    batch.clone().for_each(|row| indexes.append_value(index(row)).unwrap());
                    let mut arrays: Vec<arrow_array::ArrayRef> = vec![Arc::new(indexes.finish())];
                    for column in columns {
                        let cells = batch.clone().map(|row| Some(cell(row, column)));
                        arrays.push(Arc::new(cells.collect::<StringArray>()));
                    }
                    writer.write(&RecordBatch::try_new(schema.clone(), arrays).unwrap()).unwrap();
                }
                writer.close().unwrap();
            };
            write("request.parquet", &["identifier"], &|row, _| identifier(row));
            write("retained.parquet", &["check", "note"], &|row, column| match column {
                "check" => "ok".to_owned(),
                _ => format!("a note about row {row}"),
            });
        }
    }
    let (commitment, rows) = commit.finish();
    Seal { rows, commitment, key, content: Content::Identifiers, previous: Vec::new() }
}

/// The work of the child: writes down the most memory that it took, in KiB.
fn work(place: &Path, verb: &str, extension: &str) {
    let file = |name: &str| place.join(format!("{name}.{extension}"));
    let result = place.join("result.parquet");
    if verb == "code" {
        let domain = Name::new("population").unwrap();
        let key = CodingKey::new(&Secret::fill(|bytes| bytes.fill(1)), SERVICE, &domain, Generation::FIRST);
        let coder = Coder::new(vec![key]).unwrap();
        let seal = Seal::read(&place.join("seal.json")).unwrap();
        let mut out = File::create(result).unwrap();
        code(&file("request"), &seal, &coder, &mut out, Format::Parquet, &meta(), &Effort::default())
            .unwrap();
    } else {
        let (retained, out) = (&*file("retained"), &*file("out"));
        attach(
            &Attach { retained, result: &result, out, binary_codes: false, destroy: &[] },
            &Effort::default(),
        )
        .unwrap();
    }
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    fs::write(place.join("peak"), peak.trim().trim_end_matches(" kB")).unwrap();
}

#[test]
fn memory_does_not_grow_with_the_file() {
    if let Ok(job) = std::env::var(WORK) {
        let [verb, extension, place] = job.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{job}") };
        return work(Path::new(place), verb, extension);
    }
    if !Path::new("/proc/self/status").exists() {
        return;
    }
    for (format, extension) in [(Format::Csv, "csv"), (Format::Parquet, "parquet")] {
        // Both have full row groups of the result for each thread, which is what takes most.
        let peaks = [300_000, 900_000].map(|rows| {
            let place = tempfile::tempdir().unwrap();
            write(place.path(), rows, format).write(&place.path().join("seal.json")).unwrap();
            ["code", "attach"].map(|verb| {
                let status = Command::new(std::env::current_exe().unwrap())
                    .args(["--exact", "memory_does_not_grow_with_the_file"])
                    .env(WORK, format!("{verb} {extension} {}", place.path().display()))
                    .output()
                    .unwrap();
                assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
                fs::read_to_string(place.path().join("peak")).unwrap().parse::<u64>().unwrap()
            })
        });
        let [small, large] = peaks;
        for (verb, (small, large)) in ["code", "attach"].iter().zip(small.into_iter().zip(large)) {
            assert!(large < small + 8 * 1024, "{verb} {extension}: {small} KiB, then {large} KiB");
            assert!(large < 128 * 1024, "{verb} {extension}: {large} KiB");
        }
    }
}
