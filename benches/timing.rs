//! Whether the time of what handles secrets depends on them: `cargo bench --bench timing`.
//!
//! As dudect does (Reparaz, Balasch, Verbauwhede 2017): two classes of inputs in random order, and
//! Welch's t-test over the times, the slowest tenth left out. A comparison that stops at the first
//! difference is the control: the bench ends with 1 unless it is found. So it does if equality or
//! check values are found. Combining shares is only reported: its tables are known to leak
//! (SECURITY.md).

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use cstatns::dealing::{DealingId, Epoch, Holder, Threshold};
use cstatns::hazmat::{Share, recover, root_check, split};
use cstatns::name::Name;
use cstatns::secret::{Secret, random_bytes};

/// |t| above it is a leak. It grows with the square root of the number of samples where there is
/// one, and stays below 4.5 where there is none.
const LEAKS: f64 = 10.0;
/// The inputs of each class: as many of both, so that caches serve them alike.
const INPUTS: usize = 64;
const SAMPLES: usize = 100_000;

/// Times `work`, so many times in a row for one sample, with inputs of both classes.
fn t_of(repeat: u32, mut work: impl FnMut(usize, usize)) -> f64 {
    let mut order = [0; SAMPLES];
    random_bytes(&mut order);
    let mut times: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    for random in order {
        let (class, input) = (usize::from(random & 1), usize::from(random >> 1) % INPUTS);
        let begun = Instant::now();
        for _ in 0..repeat {
            work(class, input);
        }
        times[class].push(begun.elapsed().as_nanos() as f64);
    }
    let mut all: Vec<f64> = times.concat();
    all.sort_unstable_by(f64::total_cmp);
    let most = all[all.len() * 9 / 10];
    let [a, b] = times.map(|class| {
        let kept: Vec<f64> = class.into_iter().filter(|time| *time <= most).collect();
        let count = kept.len() as f64;
        let mean = kept.iter().sum::<f64>() / count;
        let variance = kept.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    });
    (a.0 - b.0) / (a.1 + b.1).sqrt()
}

fn stops_early(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().zip(b).all(|(a, b)| black_box(a == b))
}

/// Secrets, and for each one that is equal and one whose first byte differs.
fn pairs() -> [Vec<(Secret<32>, Secret<32>)>; 2] {
    [0, 1].map(|change| {
        let pair = |_| {
            let one = Secret::random();
            let other = Secret::fill(|other: &mut [u8; 32]| {
                other.copy_from_slice(one.expose());
                other[0] ^= change;
            });
            (one, other)
        };
        (0..INPUTS).map(pair).collect()
    })
}

/// What is combined at once.
struct Given {
    holders: Vec<Holder>,
    shares: Vec<(Name, Share)>,
}

impl Given {
    /// Shares as they are dealt; with zeros in place of what is secret in them.
    fn new(dealing: &DealingId, zeros: bool) -> Self {
        let shares = split(dealing, &Secret::random()).expect("shares").into_iter().map(|share| {
            if !zeros {
                return share;
            }
            let mut bytes = share.encode();
            let secret = bytes.len() - 32;
            bytes[secret..].fill(0);
            Share::decode(&bytes).expect("a share")
        });
        let name = |share: &Share| Name::new(&format!("custodian-{}", share.x())).expect("a name");
        let mut given: Vec<_> = shares.map(|share| (name(&share), share)).collect();
        let holder = |(name, share): &(Name, Share)| Holder {
            name: name.clone(),
            commitment: share.commitment(),
        };
        let holders = given.iter().map(holder).collect();
        given.truncate(dealing.threshold.k());
        Self { holders, shares: given }
    }
}

#[allow(clippy::print_stdout)]
fn main() -> ExitCode {
    let pairs = pairs();
    let dealing = DealingId {
        service: "bench.aaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(),
        epoch: Epoch::FIRST,
        threshold: Threshold::new(3, 5).expect("possible"),
    };
    let sets = [true, false]
        .map(|zeros| (0..INPUTS).map(|_| Given::new(&dealing, zeros)).collect::<Vec<_>>());
    let roots = [true, false].map(|zeros| {
        let root = |_| match zeros {
            true => Secret::fill(|root: &mut [u8; 32]| root.fill(0)),
            false => Secret::random(),
        };
        (0..INPUTS).map(root).collect::<Vec<_>>()
    });

    let control = t_of(64, |class, input| {
        let (a, b) = &pairs[class][input];
        black_box(stops_early(black_box(a.expose()), black_box(b.expose())));
    });
    let equality = t_of(64, |class, input| {
        let (a, b) = &pairs[class][input];
        black_box(black_box(a).ct_eq(black_box(b)));
    });
    let check = t_of(8, |class, input| {
        black_box(root_check(black_box(&roots[class][input]), &dealing.service, Epoch::FIRST));
    });
    let combining = t_of(1, |class, input| {
        let Given { holders, shares } = &sets[class][input];
        black_box(recover(&dealing, holders, black_box(shares)).is_ok());
    });

    for (what, t) in [
        ("a comparison that stops early (control)", control),
        ("Secret::ct_eq", equality),
        ("check value of a root", check),
        ("combining shares", combining),
    ] {
        let found = if t.abs() > LEAKS { "depends on the secret" } else { "no difference found" };
        println!("{what:<40} t = {t:>9.1}  {found}");
    }
    if control.abs() <= LEAKS {
        println!("the control was not found: nothing is shown by the rest");
        return ExitCode::FAILURE;
    }
    match equality.abs().max(check.abs()) > LEAKS {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}
