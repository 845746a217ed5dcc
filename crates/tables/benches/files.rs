//! Files end to end, as the demonstration does it: prepare, code, attach; CSV and Parquet.
//!
//! `cargo bench -p cstatns-tables`; rows per second of one core, disk included.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use cstatns::code::Generation;
use cstatns::coder::{Coder, CodingKey};
use cstatns::identifier::{Nir, Reason, Scheme};
use cstatns::name::{Hex, Name};
use cstatns::secret::Secret;
use cstatns_tables::{
    Attach, Column, Effort, FileMeta, Format, Prepare, Seal, attach, code, prepare, report_path, seal_path,
};

const ROWS: u64 = 100_000;
const SERVICE: &str = "bench.aaaaaaaaaa";

fn coder() -> Coder {
    let secret = Secret::fill(|bytes| bytes.fill(1));
    let domain = Name::new("bench").expect("a name");
    Coder::new(vec![CodingKey::new(&secret, SERVICE, &domain, Generation::FIRST)]).expect("a chain")
}

fn meta() -> FileMeta {
    FileMeta {
        service: SERVICE.to_owned(),
        domain: Name::new("bench").expect("a name"),
        generation: Generation::FIRST,
        delivery: Hex([0; 16]),
    }
}

/// A valid NIR with its key: the scheme itself says which key it expected.
fn nir(number: u64) -> String {
    let body =
        format!("2{:02}{:02}75{:03}{:03}", number % 100, 1 + number % 12, number / 990 % 990, number % 990);
    match Nir.parse(format!("{body}00").as_bytes()) {
        Err(Reason::WrongKey { expected, .. }) => format!("{body}{expected:02}"),
        _ => unreachable!("no key is 00"),
    }
}

fn write_data(path: &Path) {
    let mut data = String::from("nir,year,place,amount,note\n");
    for row in 0..ROWS {
        writeln!(data, "{},{},75{:03},{},ordinary", nir(row), 1990 + row % 35, row % 990, row * 7 % 100_000)
            .expect("a string takes it");
    }
    fs::write(path, data).expect("the disk takes it");
}

fn files(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    let data = at("data.csv");
    write_data(&data);
    let mut group = criterion.benchmark_group("files");
    group.throughput(Throughput::Elements(ROWS)).sample_size(10);

    for kind in ["csv", "parquet"] {
        let (request, retained) = (at(&format!("request.{kind}")), at(&format!("retained-{kind}.csv")));
        let what = Prepare {
            data: &data,
            column: Column::Identifier("nir"),
            request: &request,
            retained: &retained,
            delimiter: b',',
        };
        let clear = || {
            for path in [&request, &retained, &seal_path(&request)] {
                let _ = fs::remove_file(path);
            }
        };
        group.bench_function(format!("prepare, {kind} request"), |bencher| {
            bencher.iter_batched(
                clear,
                |()| prepare(&what, &Effort::default()).expect("prepared").rows,
                BatchSize::PerIteration,
            );
        });
        clear();
        prepare(&what, &Effort::default()).expect("prepared");
        let seal = Seal::read(&seal_path(&request)).expect("a seal");
        let (coder, meta) = (coder(), meta());
        for (result, format) in [("csv", Format::Csv), ("parquet", Format::Parquet)] {
            let mut out = Vec::new();
            group.bench_function(format!("code, {kind} to {result}"), |bencher| {
                bencher.iter(|| {
                    out.clear();
                    code(&request, &seal, &coder, &mut out, format, &meta, &Effort::default())
                        .expect("coded")
                        .rows
                });
            });
        }

        // Only a Parquet result says by itself where its codes come from.
        let (result, attached) = (at(&format!("{kind}-result.parquet")), at(&format!("{kind}-attached.csv")));
        let mut file = fs::File::create(&result).expect("the disk takes it");
        code(&request, &seal, &coder, &mut file, Format::Parquet, &meta, &Effort::default()).expect("coded");
        let what = Attach {
            retained: &retained,
            result: &result,
            out: &attached,
            binary_codes: false,
            destroy: &[],
        };
        let clear = || {
            for path in [&attached, &report_path(&attached)] {
                let _ = fs::remove_file(path);
            }
        };
        group.bench_function(format!("attach, {kind} request"), |bencher| {
            bencher.iter_batched(
                clear,
                |()| attach(&what, &Effort::default()).expect("attached").rows,
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, files);
criterion_main!(benches);
