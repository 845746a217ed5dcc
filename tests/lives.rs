//! Service lives of fifty years, played with the program's own service, kits and seals in memory:
//! acts, disasters and what brings the service back, at random. After each act the ledger, the
//! keys, the codes and the custodians' kits are looked at by rules that do not ask the program
//! (`lives/rules.rs`).
//!
//! `CSTATNS_SEED` plays the one life of that number; `CSTATNS_LONG` plays a hundred.

#![allow(clippy::print_stderr)]

#[path = "lives/acts.rs"]
mod acts;
mod common;
#[path = "lives/disasters.rs"]
mod disasters;
#[path = "lives/life.rs"]
mod life;
#[path = "lives/rescue.rs"]
mod rescue;
#[path = "lives/rules.rs"]
mod rules;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use life::{Life, Stats};

/// Lives of the gate, and before a release.
const LIVES: u64 = 10;
const ALL_LIVES: u64 = 100;

/// How many lives are played at a time.
const WORKERS: usize = 2;

#[test]
fn lives_of_fifty_years() {
    let seed = std::env::var("CSTATNS_SEED").ok().and_then(|seed| seed.parse().ok());
    if let Some(seed) = seed {
        Life::new(seed).live().print(1);
        return;
    }
    let lives = if std::env::var_os("CSTATNS_LONG").is_some() { ALL_LIVES } else { LIVES };
    let (next, stats) = (AtomicU64::new(1), Mutex::new(Stats::default()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > lives {
                        break;
                    }
                    let own = Life::new(seed).live();
                    stats.lock().unwrap().add(own);
                }
            });
        }
    });
    let stats = stats.into_inner().unwrap();
    stats.print(lives);
    for (kind, names) in [
        ("act", acts::ACTS.iter().map(|act| act.name).collect::<Vec<_>>()),
        ("disaster", disasters::DISASTERS.iter().map(|disaster| disaster.name).collect()),
        ("recovery", rescue::KINDS.to_vec()),
    ] {
        for name in names {
            assert!(stats.of(kind, name) > 0, "no life had this {kind}: {name}");
        }
    }
    for name in ["crash", "code", "key lost"] {
        assert!(stats.of("seen", name) > 0, "no life has seen this: {name}");
    }
}
