//! Ten years of research projects over all parties, on the programs' own code with a clock that the
//! test sets: controllers, a service with its custodians, linking bodies, researchers. Projects
//! open, are extended and closed; keys are doubted and made anew; requests and results travel;
//! receipts and notices come late; custodians deal anew, and accept another key of the service; the
//! timer fails for weeks; clocks jump and come back; a medium is away; commands are stopped and
//! repeated. After each step what must hold is looked at from outside (`years/rules.rs`): no
//! expired key codes, no living key is destroyed, nothing that is outstanding is forgotten.
//!
//! `CSTATNS_SEED` plays the ten years of that number; `CSTATNS_LONG` plays more of them.

#![allow(clippy::print_stderr)]

mod acts;
mod custody;
mod linking;
mod projects;
#[allow(dead_code)]
#[path = "../../../../tests/lives/random.rs"]
mod random;
mod rules;
pub(crate) mod sending;
mod time;
#[path = "../../../../tests/common/mod.rs"]
pub(crate) mod world;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use time::Years;

/// How many are played in the gate, and before a release.
const SEEDS: u64 = 2;
const ALL_SEEDS: u64 = 12;

/// How much is done at a time: what a command reads grows with each one before it.
const PACE: usize = 1;
const ALL_PACE: usize = 2;

/// How many are played at a time.
const WORKERS: usize = 2;

/// What happened, and how often.
#[derive(Default)]
pub(crate) struct Stats(BTreeMap<String, u64>);

impl Stats {
    pub(crate) fn count(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    fn add(&mut self, other: Self) {
        for (what, count) in other.0 {
            *self.0.entry(what).or_default() += count;
        }
    }

    fn tell(&self) {
        for (what, count) in &self.0 {
            eprintln!("{count:>8} {what}");
        }
    }
}

/// What ten years must have seen, or they show nothing.
const SEEN: [&str; 28] = [
    "a project is opened",
    "a project is extended",
    "a project is closed",
    "a project is over",
    "a key is doubted",
    "a doubt is examined",
    "a key is made anew",
    "a request key expires",
    "a request is coded",
    "a renewal is coded",
    "a request comes an hour too late",
    "a request comes under a doubt",
    "coding is refused",
    "a result is attached",
    "new codes are attached",
    "files are joined",
    "a file is released",
    "a copy is kept",
    "a copy is past its end",
    "a receipt comes",
    "a receipt comes after the end",
    "a notice comes",
    "a result goes with its project",
    "a dealing is made",
    "the service has another key",
    "a command is stopped",
    "a clock is ahead",
    "a medium is away",
];

#[test]
fn ten_years_of_research_projects() {
    let is_long = std::env::var_os("CSTATNS_LONG").is_some();
    let (seeds, pace) = if is_long { (ALL_SEEDS, ALL_PACE) } else { (SEEDS, PACE) };
    let seed = std::env::var("CSTATNS_SEED").ok().and_then(|seed| seed.parse().ok());
    if let Some(seed) = seed {
        Years::new(seed, pace).play().tell();
        return;
    }
    let (next, stats) = (AtomicU64::new(1), Mutex::new(Stats::default()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > seeds {
                        break;
                    }
                    let own = Years::new(seed, pace).play();
                    stats.lock().unwrap().add(own);
                }
            });
        }
    });
    let stats = stats.into_inner().unwrap();
    eprintln!("ten years, {seeds} times");
    stats.tell();
    let missing: Vec<_> = SEEN.iter().filter(|what| !stats.0.contains_key(**what)).collect();
    assert!(missing.is_empty(), "never seen: {missing:?}");
}
