//! Ten thousand ceremonies from one seed: k or more honest custodians open the root, and nobody
//! else does (SPEC §7). The shares of each fiftieth travel sealed to their custodians' keys, as
//! they do in the service; in the others they stay in memory. `cargo bench --bench lifetimes` plays
//! a million.

#![allow(clippy::print_stderr)]

#[path = "ceremonies/ceremony.rs"]
mod ceremony;
#[allow(dead_code)]
#[path = "lives/random.rs"]
mod random;

use ceremony::{Broken, Dealt, SEALED, Tried, holders, play};
use cstatns::custody::SharingError;
use cstatns::hazmat::Share;
use random::Random;

const CEREMONIES: u64 = 10_000;
const SEED: u64 = 20_261_130;

#[test]
fn ten_thousand_ceremonies() {
    let (mut random, mut tried) = (Random::new(SEED), Tried::new());
    for number in 0..CEREMONIES {
        if let Err(Broken(why)) = play(&mut random, number % SEALED == 0, &mut tried) {
            panic!("seed {SEED}, ceremony {number}: {why}");
        }
    }
    for (what, count) in &tried {
        eprintln!("{count:>8}  {what}");
    }
    assert_eq!(tried["k or more honest"], 2 * CEREMONIES);
    for (what, least) in [
        ("sealed and opened", CEREMONIES / SEALED * 2),
        ("sealed share and another's key", CEREMONIES / SEALED * 2),
        ("one altered", CEREMONIES / 2),
        ("fewer than k who combine by themselves", CEREMONIES / 2),
    ] {
        assert!(tried[what] >= least, "{what}: {}", tried[what]);
    }
}

/// Where shares are not compared with what was dealt, an altered one gives another secret without
/// an error: the ceremony tells that secret from the root.
#[test]
fn a_ceremony_without_the_guard_fails() {
    let mut random = Random::new(SEED);
    let mut dealt = Dealt::new(&mut random);
    let k = dealt.id.threshold.k();
    let given = |dealt: &Dealt| (0..k).map(|at| dealt.given(at)).collect();
    assert!(dealt.must_open("dealt", &given(&dealt)).is_ok());

    let mut bytes = dealt.shares[0].encode();
    *bytes.last_mut().unwrap() ^= 1;
    dealt.shares[0] = Share::decode(&bytes).unwrap();
    let altered = |why: &SharingError| matches!(why, SharingError::Altered { .. });
    assert!(dealt.must_refuse("altered", &given(&dealt), altered).is_ok());

    // The ledger is taken to say that this is what was dealt.
    dealt.holders = holders(&dealt.shares);
    let Err(Broken(why)) = dealt.must_open("altered", &given(&dealt)) else {
        panic!("another secret passes for the root");
    };
    assert!(why.contains("another secret without an error"), "{why}");
    let taken = dealt.must_refuse("altered", &given(&dealt), altered);
    assert!(matches!(taken, Err(Broken(why)) if why.contains("taken")));
}

/// A ceremony in which fewer than k are asked for is not one that k − 1 cannot open.
#[test]
fn a_ceremony_of_too_low_a_threshold_fails() {
    let dealt = Dealt::of("ceremony.aaaaaaaaaaaaaaaaaaaaaaaaaa", 1, 2, 3);
    let two = vec![dealt.given(0), dealt.given(2)];
    let few = |why: &SharingError| matches!(why, SharingError::TooFew { .. });
    let taken = dealt.must_refuse("fewer than three", &two, few);
    assert!(matches!(taken, Err(Broken(why)) if why.contains("taken")));
}
