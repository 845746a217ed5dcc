//! A register of invented people: how long its index takes to build, what it takes, and how many
//! rows a core looks up in it.
//!
//! `CSTATNS_PEOPLE` is how many people there are (10,000 unless it says otherwise),
//! `CSTATNS_BENCH_DIR` where the index is written.

#![allow(missing_docs, unreachable_pub, dead_code, clippy::print_stdout)]

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use cstatns_register::{Builder, Index, Origin, Query, Record, Weights};

#[path = "../tests/register/errors.rs"]
mod errors;
#[path = "../tests/register/world.rs"]
mod world;

use errors::{Error, MAJOR, MINOR};
use world::{Cells, Dice, World, civil_status};

const ROWS: usize = 2000;

fn people() -> usize {
    std::env::var("CSTATNS_PEOPLE")
        .map_or(10_000, |people| people.parse().expect("a number of people"))
}

/// A line of this process's status: its greatest memory so far.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("unknown").to_owned()
}

/// The seconds of processor time that this process has taken: what counts where others use the
/// machine.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = |field: usize| {
        stat.split(' ').nth(field).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or_default()
    };
    (ticks(13) + ticks(14)) / 100.0
}

fn rows(world: &World, errors: &[Error]) -> Vec<Cells> {
    let mut dice = Dice::new(7);
    let mut rows = Vec::new();
    while rows.len() < ROWS {
        let person = world.stranger(dice.below(world.people));
        let mut cells = person.cells();
        cells[1].clear();
        if errors.is_empty()
            || errors[dice.below(errors.len())].2(&person, &mut cells, &mut dice).is_some()
        {
            rows.push(cells);
        }
    }
    rows
}

fn query(cells: &Cells) -> Query<'_> {
    Query { civil_status: civil_status(cells), identifier: None }
}

fn given(index: &Index, weights: &Weights, rows: &[Cells]) -> usize {
    let look_up = |cells| index.look_up(weights, &query(cells)).expect("the file is as it was");
    rows.iter().filter(|cells| look_up(cells).identifier.is_some()).count()
}

fn lookup(criterion: &mut Criterion) {
    let world = World {
        seed: 3,
        people: people(),
        covered: 1.0,
        related: 0.0,
        names: (300_000, 3000, 2.5),
        errors: [0.0; 4],
        invented: 0.0,
    };
    let directory =
        std::env::var_os("CSTATNS_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let place = tempfile::tempdir_in(directory).expect("a directory");
    let path = place.path().join("register");
    let begun = Instant::now();
    let mut builder = Builder::create(&path).expect("a new file");
    for number in 0..world.people {
        let person = world.stranger(number);
        let cells = person.cells();
        let record = Record { id: "", nir: &person.nir, civil_status: civil_status(&cells) };
        builder.push(&record, Origin::default()).expect("room");
    }
    let built = builder.finish().expect("a register");
    let size = std::fs::metadata(&path).expect("it was written").len();
    let seconds = processor();
    println!(
        "{built:?} in {:?}, {seconds} s of processor time, people made and all",
        begun.elapsed()
    );
    println!("{size} bytes; {}", peak_memory());
    let begun = Instant::now();
    let index = Index::open(&path).expect("what was written");
    println!("opened in {:?}", begun.elapsed());

    let sample: Vec<_> = [rows(&world, &[]), rows(&world, &MINOR), rows(&world, &MAJOR)].concat();
    let begun = Instant::now();
    let weights = index.learn(sample.iter().map(query)).expect("the file is as it was");
    println!("learnt of {} rows in {:?}", sample.len(), begun.elapsed());

    let mut group = criterion.benchmark_group("look up");
    group.throughput(Throughput::Elements(ROWS as u64)).sample_size(10);
    for (name, errors) in [("exact", &[][..]), ("one error", &MINOR), ("one serious error", &MAJOR)]
    {
        let rows = rows(&world, errors);
        let of = given(&index, &weights, &rows);
        let (begun, rounds) = (processor(), 20);
        (0..rounds).for_each(|_| assert_eq!(black_box(given(&index, &weights, &rows)), of));
        let rate = (rounds * ROWS) as f64 / (processor() - begun);
        println!("{name}: {of} of {ROWS} are given; {rate:.0} rows for a second of processor time");
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(given(&index, &weights, &rows)))
        });
    }
    group.finish();
}

criterion_group!(benches, lookup);
criterion_main!(benches);
