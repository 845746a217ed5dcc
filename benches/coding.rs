//! The coding kernel against its peer: an `hmac` keyed once and cloned for each code, on the same
//! identifiers.
//!
//! `cargo bench --bench coding`

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use cstatns::code::{Code, Generation};
use cstatns::coder::{Coder, CodingKey, Renewer};
use cstatns::commitment::{Commit, CommitmentKey, Context, EncodedRows};
use cstatns::hazmat::coding_key;
use cstatns::hazmat::lanes::Path;
use cstatns::identifier::{Identifier, Scheme};
use cstatns::name::{Hex, Name};
use cstatns::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const BATCH: usize = 4096;

fn key(generation: u32) -> CodingKey {
    let secret = Secret::fill(|bytes| bytes.fill(generation as u8));
    let domain = Name::new("bench").expect("a name");
    coding_key(
        &secret,
        "bench.aaaaaaaaaaaaaaaaaaaaaaaaaa",
        &domain,
        Generation::new(generation).expect("from 1"),
    )
}

fn spellings() -> Vec<String> {
    (0..BATCH)
        .map(|i| format!("1{:02}{:02}75{:03}{:03}", i % 100, 1 + i % 12, i % 990, i % 999))
        .collect()
}

fn identifiers() -> Vec<Identifier> {
    let parse =
        |text: &String| Scheme::FrNir.parse(text.as_bytes()).expect("made to be valid").identifier;
    spellings().iter().map(parse).collect()
}

fn kernel(criterion: &mut Criterion) {
    let identifiers = identifiers();
    let mut group = criterion.benchmark_group("kernel");
    group.throughput(Throughput::Elements(BATCH as u64));

    let keyed = Hmac::<Sha256>::new_from_slice(&[1; 32]).expect("HMAC takes 32 bytes");
    group.bench_function("peer: hmac, keyed once, cloned", |bencher| {
        let mut out = vec![[0_u8; 32]; BATCH];
        bencher.iter(|| {
            for (identifier, out) in identifiers.iter().zip(&mut out) {
                let mut mac = keyed.clone();
                mac.update(b"CStatNS/issue/fr-nir/");
                mac.update(identifier.canonical());
                *out = mac.finalize().into_bytes().into();
            }
            black_box(&out);
        });
    });
    for path in Path::available() {
        let coder = Coder::new(vec![key(1)]).expect("a chain");
        let mut codes = Vec::with_capacity(BATCH);
        group.bench_function(format!("code, {path:?}"), |bencher| {
            bencher.iter(|| {
                coder.code_by(path, &identifiers, &mut codes);
                black_box(&codes);
            });
        });
    }
    for generations in [1, 2, 3] {
        let coder = Coder::new((1..=generations).map(key).collect()).expect("a chain");
        let mut codes = Vec::with_capacity(BATCH);
        group.bench_function(format!("code, generation {generations}"), |bencher| {
            bencher.iter(|| {
                coder.code(&identifiers, &mut codes);
                black_box(&codes);
            });
        });
    }
    let mut old = Vec::new();
    Coder::new(vec![key(1)]).expect("a chain").code(&identifiers, &mut old);
    let renewer = Renewer::new(Generation::FIRST, vec![key(2)]).expect("a chain");
    let mut new = Vec::with_capacity(BATCH);
    for path in Path::available() {
        group.bench_function(format!("renew, {path:?}"), |bencher| {
            bencher.iter(|| {
                renewer.renew_by(path, &old, &mut new).expect("one domain, one generation");
                black_box(&new);
            });
        });
    }
    group.finish();
}

fn texts(criterion: &mut Criterion) {
    let spellings = spellings();
    let identifiers = identifiers();
    let mut codes = Vec::new();
    Coder::new(vec![key(1)]).expect("a chain").code(&identifiers, &mut codes);
    let mut group = criterion.benchmark_group("text");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("parse identifiers", |bencher| {
        bencher.iter(|| {
            spellings
                .iter()
                .filter(|text| Scheme::FrNir.parse(black_box(text.as_bytes())).is_ok())
                .count()
        });
    });
    let mut text = Vec::with_capacity(BATCH * 80);
    group.bench_function("write codes", |bencher| {
        bencher.iter(|| {
            text.clear();
            codes.iter().for_each(|code| code.write_text(&mut text));
            black_box(&text);
        });
    });
    let texts: Vec<String> = codes.iter().map(Code::text).collect();
    group.bench_function("parse codes", |bencher| {
        bencher.iter(|| {
            texts.iter().filter(|text| Code::parse(black_box(text.as_bytes())).is_ok()).count()
        });
    });
    let indexes: Vec<Hex<16>> = codes
        .iter()
        .map(|code| Hex(*code.bytes().first_chunk().expect("32 bytes hold 16")))
        .collect();
    group.bench_function("write indexes", |bencher| {
        bencher.iter(|| {
            text.clear();
            indexes.iter().for_each(|index| index.write(&mut text));
            black_box(&text);
        });
    });
    let texts: Vec<String> = indexes.iter().map(Hex::to_string).collect();
    group.bench_function("parse indexes", |bencher| {
        bencher.iter(|| {
            texts
                .iter()
                .filter(|text| Hex::<16>::parse(black_box(text.as_bytes())).is_some())
                .count()
        });
    });
    group.finish();
}

/// The commitment of a request: the rows one by one, and in blocks as workers hand them over; its
/// two parts apart.
fn commitment(criterion: &mut Criterion) {
    let spellings = spellings();
    let columns = ["identifier"];
    let key = CommitmentKey::random();
    let mut group = criterion.benchmark_group("commitment");
    group.throughput(Throughput::Elements(BATCH as u64));
    let mut commit = Commit::new(&key, &Context::labelled("commitment/3"), &columns);
    group.bench_function("row by row", |bencher| {
        bencher.iter(|| {
            spellings.iter().for_each(|text| commit.row(&[7; 16], &[Some(text.as_bytes())]));
        });
    });
    let mut rows = EncodedRows::new(columns.len());
    group.bench_function("encode a block", |bencher| {
        bencher.iter(|| {
            rows.clear();
            spellings.iter().for_each(|text| rows.push(&[7; 16], &[Some(text.as_bytes())]));
            black_box(&rows);
        });
    });
    group.bench_function("add a block", |bencher| bencher.iter(|| commit.add(&rows)));
    group.finish();
}

criterion_group!(benches, kernel, texts, commitment);
criterion_main!(benches);
