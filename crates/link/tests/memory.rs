//! One person with very many rows, and one with very large ones: neither is held at once.

mod common;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::num::NonZeroUsize;
use std::path::Path;

use allocation_counter::measure;
use cstatns_link::join::{How, Join, Out, Source, join};
use cstatns_rows::effort::Effort;
use cstatns_rows::sink;

use common::{Given, Kind, Row, code, code_text, name, of, open};

const MEMORY: usize = 64 << 20;
const ROWS: u64 = 200_000;

/// Joins in one thread, whose allocations are counted; the rows, and the most bytes at once.
fn measured(sources: Vec<Source<'_>>, out: &Path) -> (u64, u64) {
    let effort = Effort { threads: NonZeroUsize::MIN, memory: MEMORY, ..Effort::default() };
    let mut rows = 0;
    let mut file = File::create(out).unwrap();
    let is_text = out.extension().unwrap() == "csv";
    let counted = measure(|| {
        let begin = match is_text {
            true => Out::Lines(Box::new(|columns, table| {
                sink::csv(&mut file, table.text_beside(out), columns)
            })),
            false => {
                Out::Columns(Box::new(|columns, _| sink::parquet(&mut file, columns, Vec::new())))
            }
        };
        let what = Join { sources, how: How::Inner, many: false, least: 0 };
        rows = join(what, begin, out, &effort).unwrap().rows;
    });
    (rows, counted.bytes_max)
}

#[test]
fn one_person_with_very_many_rows_is_not_held_at_once() {
    let place = tempfile::tempdir().unwrap();
    // 240 MB, of which every thousandth row is somebody else's.
    let large = place.path().join("large.csv");
    let mut file = BufWriter::new(File::create(&large).unwrap());
    writeln!(file, "code,quality,text").unwrap();
    let text = "x".repeat(1100);
    let person = |row: u64| if row % 1000 == 999 { row } else { 0 };
    for row in 0..ROWS {
        writeln!(file, "{},valid,{row} {text}", code_text(code(person(row)))).unwrap();
    }
    file.into_inner().unwrap();
    let small = Given::numbered("small", 0..ROWS);
    let small_path = small.write(place.path(), Kind::Csv);
    let large_name = name("large");
    let source = |name, path| Source { name, rows: open(path), of: of() };
    let out = place.path().join("out.csv");
    for large_is_first in [true, false] {
        let mut sources = vec![source(&large_name, &large), source(&small.name, &small_path)];
        if !large_is_first {
            sources.reverse();
        }
        let (rows, most) = measured(sources, &out);
        assert_eq!(rows, ROWS);
        assert!(most < 2 * MEMORY as u64, "{most} bytes at once");
    }
}

#[test]
fn a_row_that_comes_many_times_is_not_multiplied_in_memory() {
    let place = tempfile::tempdir().unwrap();
    let row = |bytes: usize| Row {
        code: Some(code(1)),
        quality: "valid",
        score: None,
        cells: vec![Some("z".repeat(bytes))],
    };
    let of_one = |source: &str, rows: Vec<Row>| Given {
        name: name(source),
        has_score: false,
        header: vec![format!("text-{source}")],
        rows,
    };
    let wide = of_one("wide", vec![row(400_000)]);
    let many = of_one("many", (0..1500).map(|_| row(10)).collect());
    for kind in [Kind::Csv, Kind::Parquet(false)] {
        let paths = [&wide, &many].map(|given| given.write(place.path(), kind));
        let sources = [&wide, &many].into_iter().zip(&paths);
        let sources =
            sources.map(|(given, path)| Source { name: &given.name, rows: open(path), of: of() });
        let out = place.path().join(if kind == Kind::Csv { "out.csv" } else { "out.parquet" });
        let (rows, most) = measured(sources.collect(), &out);
        assert_eq!(rows, 1500);
        // The output is 600 MB.
        assert!(most < 3 * MEMORY as u64, "{kind:?}: {most} bytes at once");
    }
}
