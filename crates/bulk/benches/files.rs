//! Files end to end: prepare, code, attach; by type and by number of threads.
//!
//! `cargo bench -p cstatns-bulk`; rows per second, disk included.

use std::fmt::Write as _;
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use cstatns::checkpoint::{Head, sign_head};
use cstatns::code::Generation;
use cstatns::coder::Coder;
use cstatns::commitment::{Commitment, Use};
use cstatns::delivery::DeliveryId;
use cstatns::ed25519_dalek::SigningKey;
use cstatns::hazmat::coding_key;
use cstatns::identifier::{Reason, Scheme};
use cstatns::manifest::{Manifest, manifest_path};
use cstatns::meta::{FileMeta, SPEC, SUITE, ServiceId};
use cstatns::name::{Hex, Name};
use cstatns::report::{OpenedCommitment, ReportBody, SignedReport, report_path};
use cstatns::requested::requested_path;
use cstatns::secret::Secret;
use cstatns_bulk::{Request, code};
use cstatns_controller::{Attach, Column, Prepare, attach, prepare};
use cstatns_rows::effort::Effort;
use cstatns_rows::results::commitment_of;
use cstatns_rows::table::Format;

/// Several row groups.
const ROWS: u64 = 400_000;
const SERVICE: &str = "bench.aaaaaaaaaaaaaaaaaaaaaaaaaa";

fn coder() -> Coder {
    let secret = Secret::fill(|bytes| bytes.fill(1));
    let domain = Name::new("bench").expect("a name");
    Coder::new(vec![coding_key(&secret, SERVICE, &domain, Generation::FIRST)]).expect("a chain")
}

fn meta() -> FileMeta {
    FileMeta {
        service: SERVICE.to_owned(),
        domain: Name::new("bench").expect("a name"),
        generation: Generation::FIRST,
        delivery: DeliveryId { run: Hex([0; 16]), part: 1 },
    }
}

/// The key with which the service signs.
fn service_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// What the service would report of the result.
fn report(result: &Path, request: Commitment) -> SignedReport {
    let now = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).unwrap();
    let FileMeta { service, domain, generation, delivery } = meta();
    let head = Head { size: 1, root: Hex([1; 32]) };
    let mut body = ReportBody {
        format: ReportBody::FORMAT,
        tool: String::new(),
        spec: SPEC.to_owned(),
        suite: SUITE.to_owned(),
        checkpoint: sign_head(&head, &service, &service_key()),
        service,
        domain,
        generation,
        r#use: Use::Code,
        check: Hex([0; 32]),
        delivery,
        request,
        result: OpenedCommitment { commitment: Hex([0; 32]), key: Hex([8; 32]) },
        recipient: None,
        sender: None,
        minimum_batch: None,
        rows_in: ROWS,
        rows_out: ROWS,
        coded: ROWS,
        rechecked: None,
        quality: Default::default(),
        scores: None,
        scheme: Some(Scheme::FrNir),
        look_up: None,
        overdue_since: None,
        left_out: Vec::new(),
        accepted: Default::default(),
        destroyed: Vec::new(),
        begin: now,
        end: now,
    };
    let codes = (meta().tag(), generation);
    let read = commitment_of(result, codes, &body.result.key(), &body.context());
    (body.result.commitment, _) = read.expect("a result");
    SignedReport::new(body, &service_key())
}

/// A valid NIR with its key: the scheme itself says which key it expected.
fn nir(number: u64) -> String {
    let body = format!(
        "2{:02}{:02}75{:03}{:03}",
        number % 100,
        1 + number % 12,
        number / 990 % 990,
        number % 990
    );
    match Scheme::FrNir.parse(format!("{body}00").as_bytes()) {
        Err(Reason::WrongControlKey { expected, .. }) => format!("{body}{expected:02}"),
        _ => unreachable!("no key is 00"),
    }
}

fn write_data(path: &Path) {
    let mut data = String::from("nir,year,place,amount,note\n");
    for row in 0..ROWS {
        writeln!(
            data,
            "{},{},75{:03},{},ordinary",
            nir(row),
            1990 + row % 35,
            row % 990,
            row * 7 % 100_000
        )
        .expect("a string takes it");
    }
    fs::write(path, data).expect("the disk takes it");
}

/// Every number of threads that this machine has cores for, up to four.
fn threads() -> impl Iterator<Item = Effort> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let counts =
        [1, 2, 4].into_iter().filter(move |count| *count <= cores).filter_map(NonZeroUsize::new);
    counts.map(|threads| Effort { threads, ..Effort::default() })
}

fn remove(paths: &[&Path]) {
    for path in paths {
        let _ = fs::remove_file(path);
    }
}

fn files(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    let data = at("data.csv");
    write_data(&data);
    let (coder, meta) = (coder(), meta());
    let service = ServiceId::of(SERVICE).expect("an id");
    let signing = Hex(service_key().verifying_key().to_bytes());
    let mut group = criterion.benchmark_group("files");
    group.throughput(Throughput::Elements(ROWS)).sample_size(10);

    for kind in ["csv", "parquet"] {
        let (request, retained) =
            (at(&format!("request.{kind}")), at(&format!("retained-{kind}.csv")));
        let (manifest_path, requested) = (manifest_path(&request), requested_path(&retained));
        let clear = || remove(&[&request, &retained, &requested, &manifest_path]);
        let what = || Prepare {
            sending: None,
            data: (&data).into(),
            column: Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir },
            service: &service,
            signing: &signing,
            domain: &meta.domain,
            request: &request,
            beside: (&retained).into(),
            delimiter: b',',
            reading: cstatns_rows::reading::Reading::default(),
            accepted: &[],
        };
        // Without memory there is one thread.
        let spilling =
            threads().take(1).map(|effort| (", spilled", Effort { memory: 0, ..effort }));
        for (how, effort) in threads().map(|effort| ("", effort)).chain(spilling) {
            let name = format!("prepare, {kind} request{how}, {} threads", effort.threads);
            group.bench_function(name, |bencher| {
                let prepare = |()| prepare(what(), &effort).expect("prepared").rows;
                bencher.iter_batched(clear, prepare, BatchSize::PerIteration);
            });
        }
        clear();
        prepare(what(), &Effort::default()).expect("prepared");
        let manifest = Manifest::read(&manifest_path).expect("a manifest");

        let result = at(&format!("{kind}-result.parquet"));
        for (name, format) in [("csv", Format::Csv), ("parquet", Format::Parquet)] {
            let mut out = Vec::new();
            for effort in threads() {
                let name = format!("code, {kind} to {name}, {} threads", effort.threads);
                group.bench_function(name, |bencher| {
                    bencher.iter(|| {
                        out.clear();
                        code(
                            &Request {
                                inside: None,
                                path: &request,
                                manifest: &manifest,
                                format,
                                meta: &meta,
                                effort: &effort,
                            },
                            &coder,
                            &mut out,
                        )
                        .expect("coded")
                        .coded
                    });
                });
            }
            if format == Format::Parquet {
                fs::write(&result, &out).expect("the disk takes it");
                let report = report(&result, manifest.input.commitment);
                report.write(&report_path(&result)).expect("the disk takes it");
            }
        }

        let attached = at(&format!("{kind}-attached.csv"));
        let report = report_path(&attached);
        let clear = || remove(&[&attached, &report]);
        let what = || Attach {
            party: None,
            data: None,
            retained: (&retained).into(),
            requested: None,
            result: &result,
            out: (&attached).into(),
            shuffle: false,
            binary_codes: false,
            destroy: &[],
        };
        for effort in threads() {
            group.bench_function(
                format!("attach, {kind} request, {} threads", effort.threads),
                |bencher| {
                    let attach = |()| attach(what(), &effort).expect("attached").rows;
                    bencher.iter_batched(clear, attach, BatchSize::PerIteration);
                },
            );
        }
    }
    group.finish();
}

/// One, two and three columns of identifiers in one pass, from CSV to CSV, on one thread.
fn columns(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    let data = at("data.csv");
    let mut text = String::from("a,b,c,year,place,amount,note\n");
    for row in 0..ROWS {
        let [a, b, c] = [row, row + 7, row + 11].map(nir);
        writeln!(text, "{a},{b},{c},{},75{:03},{},ordinary", 1990 + row % 35, row % 990, row * 7)
            .expect("a string takes it");
    }
    fs::write(&data, text).expect("the disk takes it");
    let (coder, meta) = (coder(), meta());
    let service = ServiceId::of(SERVICE).expect("an id");
    let signing = Hex(service_key().verifying_key().to_bytes());
    let effort = Effort { threads: NonZeroUsize::MIN, ..Effort::default() };
    let (request, retained) = (at("request.csv"), at("retained.csv"));
    let (manifest_path, requested) = (manifest_path(&request), requested_path(&retained));
    let (result, out) = (at("result.csv"), at("out.csv"));
    let mut group = criterion.benchmark_group("columns");
    group.throughput(Throughput::Elements(ROWS)).sample_size(10);
    for columns in [&["a"][..], &["a", "b"], &["a", "b", "c"]] {
        // Those that are not sent would be identifiers that stay.
        let risks: Vec<_> = ["a", "b", "c"]
            .into_iter()
            .filter(|name| !columns.contains(name))
            .map(|name| (name.to_owned(), Name::new("bench").expect("a name")))
            .collect();
        let what = || Prepare {
            sending: None,
            data: (&data).into(),
            column: Column::Identifiers { columns, scheme: Scheme::FrNir },
            service: &service,
            signing: &signing,
            domain: &meta.domain,
            request: &request,
            beside: (&retained).into(),
            delimiter: b',',
            reading: cstatns_rows::reading::Reading::default(),
            accepted: &risks,
        };
        let clear = || remove(&[&request, &retained, &requested, &manifest_path]);
        group.bench_function(format!("prepare, {} columns", columns.len()), |bencher| {
            let prepare = |()| prepare(what(), &effort).expect("prepared").rows;
            bencher.iter_batched(clear, prepare, BatchSize::PerIteration);
        });
        clear();
        prepare(what(), &effort).expect("prepared");
        let manifest = Manifest::read(&manifest_path).expect("a manifest");
        let mut bytes = Vec::new();
        let run = Request {
            inside: None,
            path: &request,
            manifest: &manifest,
            format: Format::Csv,
            meta: &meta,
            effort: &effort,
        };
        code(&run, &coder, &mut bytes).expect("coded");
        fs::write(&result, bytes).expect("the disk takes it");
        let rows = ROWS * columns.len() as u64;
        let mut signed = report(&result, manifest.input.commitment);
        (signed.body.rows_in, signed.body.rows_out, signed.body.coded) = (rows, rows, rows);
        let signed = SignedReport::new(signed.body, &service_key());
        remove(&[&report_path(&result)]);
        signed.write(&report_path(&result)).expect("the disk takes it");
        let attach_it = || Attach {
            party: None,
            data: None,
            retained: (&retained).into(),
            requested: None,
            result: &result,
            out: (&out).into(),
            shuffle: false,
            binary_codes: false,
            destroy: &[],
        };
        let clear_out = || remove(&[&out, &report_path(&out)]);
        group.bench_function(format!("attach, {} columns", columns.len()), |bencher| {
            let attach = |()| attach(attach_it(), &effort).expect("attached").rows;
            bencher.iter_batched(clear_out, attach, BatchSize::PerIteration);
        });
        clear_out();
        clear();
    }
    group.finish();
}

criterion_group!(benches, files, columns);
criterion_main!(benches);
