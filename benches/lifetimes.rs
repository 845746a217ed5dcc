//! A million ceremonies and a thousand service lives of fifty years, from fixed seeds: `cargo bench
//! --bench lifetimes`. Fewer: `-- --ceremonies 10000 --lives 20`; others: `--seed 5`, the number of
//! the first life; busier ones: `--pace 1`; on more cores: `--workers 4`.
//!
//! They are played as `tests/ceremonies.rs` and `tests/lives.rs` play them, by the same rules. This
//! build has no fault points: a program dies where it looks at the clock, and the same seed plays
//! other lives than there. Ends with 1 if a rule was broken; the life that broke it says how.

#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "../tests/lives/acts.rs"]
mod acts;
#[path = "../tests/ceremonies/ceremony.rs"]
mod ceremony;
#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/lives/disasters.rs"]
mod disasters;
#[path = "../tests/lives/history.rs"]
mod history;
#[path = "../tests/lives/liars.rs"]
mod liars;
#[path = "../tests/lives/life.rs"]
mod life;
#[path = "../tests/lives/random.rs"]
mod random;
#[allow(dead_code)]
#[path = "../tests/lives/rescue.rs"]
mod rescue;
#[path = "../tests/lives/rules.rs"]
mod rules;
#[path = "../tests/lives/stops.rs"]
mod stops;

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use ceremony::{Broken, SEALED, Tried, play};
use history::Rule;
use life::{Life, Stats};
use random::Random;

/// Ceremonies that are played from one seed.
const CHUNK: u64 = 1000;

struct Plan {
    ceremonies: u64,
    lives: u64,
    seed: u64,
    pace: i32,
    workers: u64,
}

impl Plan {
    fn read() -> Result<Self, String> {
        let mut plan = Self { ceremonies: 1_000_000, lives: 1000, seed: 1, pace: 6, workers: 2 };
        // cargo adds it.
        let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
        while let Some(word) = words.next() {
            let number = words.next().and_then(|number| number.parse().ok());
            let number: u64 = number.ok_or_else(|| format!("{word}: give a number"))?;
            match word.as_str() {
                "--ceremonies" => plan.ceremonies = number,
                "--lives" => plan.lives = number,
                "--seed" => plan.seed = number,
                "--pace" => plan.pace = i32::try_from(number).map_err(|error| error.to_string())?,
                "--workers" => plan.workers = number.max(1),
                _ => return Err(format!("{word}: not known")),
            }
        }
        Ok(plan)
    }

    /// Does `work` with each number below `count`, on every worker.
    fn each(&self, count: u64, work: impl Fn(u64) + Sync) {
        let next = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..self.workers {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= count {
                            break;
                        }
                        work(number);
                    }
                });
            }
        });
    }
}

/// Plays the ceremonies; how many broke a rule.
fn ceremonies(plan: &Plan) -> u64 {
    let (tried, broken, begun) = (Mutex::new(Tried::new()), AtomicU64::new(0), Instant::now());
    plan.each(plan.ceremonies.div_ceil(CHUNK), |chunk| {
        let (mut random, mut own) = (Random::new(plan.seed + chunk), Tried::new());
        let first = chunk * CHUNK;
        for number in first..plan.ceremonies.min(first + CHUNK) {
            if let Err(Broken(why)) = play(&mut random, number % SEALED == 0, &mut own) {
                broken.fetch_add(1, Ordering::Relaxed);
                eprintln!("ceremony {number}, seed {}: {why}", plan.seed + chunk);
            }
        }
        let mut tried = tried.lock().expect("no worker died");
        own.into_iter().for_each(|(what, count)| *tried.entry(what).or_default() += count);
    });
    let (seconds, broken) = (begun.elapsed().as_secs(), broken.into_inner());
    println!(
        "{} ceremonies from seed {}, {seconds} s, {broken} broken",
        plan.ceremonies, plan.seed
    );
    for (what, count) in tried.into_inner().expect("no worker died") {
        println!("{count:>10}  {what}");
    }
    broken
}

/// Plays the lives; how many broke a rule, or came to an end in another way.
fn lives(plan: &Plan) -> u64 {
    let stats = Mutex::new(Stats::default());
    let (broken, begun) = (Mutex::new(BTreeMap::<&str, u64>::new()), Instant::now());
    plan.each(plan.lives, |number| {
        let seed = plan.seed + number;
        match catch_unwind(|| Life::new(seed, plan.pace).live()) {
            Ok(own) => stats.lock().expect("no worker died").add(own),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map_or("", String::as_str);
                let rule = Rule::ALL.iter().find(|rule| text.contains(rule.text()));
                let rule = rule.map_or("something else", |rule| rule.text());
                *broken.lock().expect("no worker died").entry(rule).or_default() += 1;
            }
        }
    });
    let seconds = begun.elapsed().as_secs();
    println!(
        "{} lives of fifty years from seed {}, pace {}, {seconds} s",
        plan.lives, plan.seed, plan.pace
    );
    stats.into_inner().expect("no worker died").list();
    let broken = broken.into_inner().expect("no worker died");
    for rule in Rule::ALL.map(Rule::text).into_iter().chain(["something else"]) {
        println!("broken {:>3} times: {rule}", broken.get(rule).unwrap_or(&0));
    }
    broken.values().sum()
}

fn main() -> ExitCode {
    let plan = match Plan::read() {
        Ok(plan) => plan,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let broken = ceremonies(&plan) + lives(&plan);
    if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
