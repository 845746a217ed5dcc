//! Parcels made and opened in memory, on one core, beside what they cannot do without: the cipher
//! and the hash alone, over the same bytes.
//!
//! `cargo bench -p cstatns-parcel`; bytes of the file per second.

use std::hint::black_box;
use std::io::{self, Write};

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use cstatns_base::name::Name;
use cstatns_keys::receiving::Recipient;
use cstatns_parcel::age::Identity;
use cstatns_parcel::head::{End, Extension, Head};
use cstatns_parcel::jiff::Timestamp;
use cstatns_parcel::make::Making;
use cstatns_parcel::open::{Opener, open};
use cstatns_parcel::party::Party;
use sha2::{Digest, Sha256};

const BYTES: usize = 64 << 20;

fn bench(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a directory");
    let party = |name: &str| {
        let place = folder.path().join(name);
        Party::create(&place, Name::new(name).expect("a name"), None).expect("a party");
        Party::open(&place, None).expect("its keys")
    };
    let (sender, receiver) = (party("sender"), party("receiver"));
    let recipient = Recipient::new(&receiver.card().body.receiving).expect("a key");
    let now = Timestamp::now();
    let file: Vec<u8> = (0..BYTES).map(|at| (at * 31 + at / 1000) as u8).collect();
    let make = |out: Vec<u8>| {
        let (from, to) = (End::of(sender.card()), End::of(receiver.card()));
        let head = Head::new(from, to, Extension::new("csv").expect("a type"), now);
        let mut making = Making::begin(head, &recipient, out).expect("memory");
        making.write_all(&file).expect("memory");
        making.finish(b"{}\n", sender.sender(), &sender.signing()).expect("memory")
    };
    let parcel = make(Vec::new());
    let opener = Opener {
        identity: Identity::Hybrid(receiver.receiving()),
        receiver: Some(receiver.card().fingerprint()),
        now,
        knows: &|_| true,
    };

    let mut group = criterion.benchmark_group("parcel");
    group.throughput(Throughput::Bytes(BYTES as u64)).sample_size(10);
    group.bench_function("make", |bencher| {
        let mut out = Some(Vec::with_capacity(parcel.len()));
        bencher.iter(|| {
            let mut used = make(out.take().expect("the room of the time before"));
            used.clear();
            out = Some(used);
        });
    });
    group.bench_function("open", |bencher| {
        bencher
            .iter(|| open(&parcel[..], &opener, &mut io::sink()).map(|opened| opened.bytes).ok());
    });
    let cipher = ChaCha20Poly1305::new(&[7; 32].into());
    group.bench_function("peer: ChaCha20-Poly1305 alone", |bencher| {
        let mut text = file.clone();
        bencher.iter(|| {
            for chunk in text.chunks_mut(64 << 10) {
                let tag = cipher.encrypt_inout_detached(&[0; 12].into(), b"", chunk.into());
                black_box(tag.expect("a chunk"));
            }
        });
    });
    group.bench_function("peer: SHA-256 alone", |bencher| {
        bencher.iter(|| Sha256::digest(black_box(&file)));
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
