//! Splitting and recovering the root secret, guards included.
//!
//! `cargo bench --bench sharing`

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use cstatns::dealing::{DealingId, Epoch, Holder, Threshold};
use cstatns::hazmat::{Share, recover, split};
use cstatns::name::Name;
use cstatns::secret::Secret;

fn sharing(criterion: &mut Criterion) {
    for (k, n) in [(3, 5), (5, 9)] {
        let threshold = Threshold::new(k, n).expect("possible");
        let dealing = DealingId {
            service: "bench.aaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(),
            epoch: Epoch::FIRST,
            threshold,
        };
        let root = Secret::random();
        criterion.bench_function(&format!("split {threshold}"), |bencher| {
            bencher.iter(|| split(&dealing, black_box(&root)).expect("shares").len());
        });
        let name = |x: u8| Name::new(&format!("custodian-{x}")).expect("a name");
        let shares = split(&dealing, &root).expect("shares");
        let holder =
            |share: &Share| Holder { name: name(share.x()), commitment: share.commitment() };
        let holders: Vec<Holder> = shares.iter().map(holder).collect();
        let given: Vec<(Name, Share)> =
            shares.into_iter().take(k).map(|share| (name(share.x()), share)).collect();
        criterion.bench_function(&format!("recover {threshold}"), |bencher| {
            bencher.iter(|| recover(&dealing, &holders, black_box(&given)).is_ok());
        });
    }
}

criterion_group!(benches, sharing);
criterion_main!(benches);
