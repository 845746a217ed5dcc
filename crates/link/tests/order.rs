//! The rows come in an order that says nothing: neither of codes nor of any file.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cstatns_link::join::How;
use parquet::file::reader::{FileReader, SerializedFileReader};

use common::{Asked, Given, Kind, code, join_files, mixed};

const PEOPLE: u64 = 20_000;

/// People in an order of their own.
fn shuffled(mut state: u64, people: std::ops::Range<u64>) -> Vec<u64> {
    let mut people: Vec<u64> = people.collect();
    for at in (1..people.len()).rev() {
        people.swap(at, (mixed(&mut state) % (at as u64 + 1)) as usize);
    }
    people
}

/// For each row of the output, in order: its place in either source, and that of its code.
fn places(files: &[Given; 2], paths: &[PathBuf; 2], out: &Path, asked: &Asked) -> [Vec<usize>; 3] {
    let named: Vec<_> = files.iter().map(|given| &given.name).zip(paths.iter().cloned()).collect();
    let (joined, written) = join_files(&named, out, asked).unwrap();
    assert_eq!(joined.rows, PEOPLE);
    let mut codes: Vec<[u8; 32]> = (0..PEOPLE).map(code).collect();
    codes.sort();
    let by_code: BTreeMap<[u8; 32], usize> = codes.into_iter().zip(0..).collect();
    let at = |column: &str| written.header.iter().position(|name| name == column).unwrap();
    let number =
        |row: &[Option<String>], at: usize| row[at].as_ref().unwrap().parse::<usize>().unwrap();
    let (a, b) = (at("a_n"), at("b_n"));
    let of_code = |row: &Vec<Option<String>>| by_code[&files[0].rows[number(row, a)].code.unwrap()];
    [
        written.rows.iter().map(|row| number(row, a)).collect(),
        written.rows.iter().map(|row| number(row, b)).collect(),
        written.rows.iter().map(of_code).collect(),
    ]
}

/// Spearman's coefficient of the ranks 0, 1, 2 … and these.
fn correlation(ranks: &[usize]) -> f64 {
    let n = ranks.len() as f64;
    let squares: f64 =
        ranks.iter().enumerate().map(|(at, rank)| (at as f64 - *rank as f64).powi(2)).sum();
    1.0 - 6.0 * squares / (n * (n * n - 1.0))
}

/// How many neighbours are of one part of so many: of rows in an order that is drawn about one in
/// `parts`.
fn neighbours(ranks: &[usize], parts: usize) -> usize {
    let part = |rank: usize| rank * parts / ranks.len();
    ranks.windows(2).filter(|pair| part(pair[0]) == part(pair[1])).count()
}

#[test]
fn the_order_says_nothing() {
    let place = tempfile::tempdir().unwrap();
    let files = [
        Given::numbered("a", shuffled(1, 0..PEOPLE).into_iter()),
        Given::numbered("b", shuffled(2, 0..PEOPLE).into_iter()),
    ];
    for kind in [Kind::Csv, Kind::Parquet(true)] {
        let paths = files.each_ref().map(|given| given.write(place.path(), kind));
        let out = place.path().join(if kind == Kind::Csv { "out.csv" } else { "out.parquet" });
        for memory in [0, 1 << 30] {
            for how in [How::Inner, How::Left, How::Full] {
                let mut asked = Asked::of(how);
                asked.effort.memory = memory;
                let first = places(&files, &paths, &out, &asked);
                let mut each = first.each_ref().map(Vec::clone);
                for (what, ranks) in ["a", "b", "codes"].iter().zip(&mut each) {
                    let rho = correlation(ranks);
                    assert!(
                        rho.abs() < 4.0 / (PEOPLE as f64).sqrt(),
                        "{kind:?} {how:?} {what}: {rho}"
                    );
                    for parts in [4, 64, 512] {
                        let expected = PEOPLE as f64 / parts as f64;
                        let found = neighbours(ranks, parts) as f64;
                        assert!(
                            (found - expected).abs() < 6.0 * expected.sqrt() + 6.0,
                            "{kind:?} {how:?} {what}: {found} neighbours in {parts} parts, not {expected}"
                        );
                    }
                    ranks.sort();
                    assert!(ranks.iter().copied().eq(0..PEOPLE as usize), "each row once");
                }
                let second = places(&files, &paths, &out, &asked);
                assert_ne!(first, second, "each run has an order of its own");
                let same =
                    first[0].iter().zip(&second[0]).filter(|(one, other)| one == other).count();
                assert!(same < 12, "{same} rows stand where they stood");
            }
        }
    }
    // What is there would be seen.
    let sorted: Vec<usize> = (0..PEOPLE as usize).collect();
    assert!(correlation(&sorted) > 0.99 && neighbours(&sorted, 64) > PEOPLE as usize / 2);
}

/// The number of row groups says how many rows there are, not how many were read.
#[test]
fn row_groups_follow_the_rows_of_the_output() {
    let place = tempfile::tempdir().unwrap();
    let people = 400_000;
    let files = [Given::numbered("a", 0..people), Given::numbered("b", people - 1000..2 * people)];
    let paths = files.each_ref().map(|given| given.write(place.path(), Kind::Parquet(true)));
    let named: Vec<_> = files.iter().map(|given| &given.name).zip(paths).collect();
    let out = place.path().join("out.parquet");
    for (how, rows) in [(How::Inner, 1000), (How::Full, 2 * people)] {
        join_files(&named, &out, &Asked::of(how)).unwrap();
        let reader = SerializedFileReader::new(std::fs::File::open(&out).unwrap()).unwrap();
        let groups: Vec<i64> =
            reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        assert_eq!(groups.iter().sum::<i64>(), rows as i64);
        let usual = (rows as f64 / 120_000.0).ceil() as usize;
        assert!((usual..=2 * usual).contains(&groups.len()), "{groups:?}");
    }
}
