//! One life: the service, its custodians, the true time and what is known of all that happened.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cstatns::card::Card;
use cstatns::coded::Coded as _;
use cstatns::custody::approval::Approval;
use cstatns::custody::custodian::{Kit, KitError, Shown};
use cstatns::name::{Hex, Name};
use cstatns::service::{Clock as _, Founding, Made, Service, ServiceError};
use cstatns::state::ReadLedger;
use jiff::{SignedDuration, Timestamp};

use crate::acts::{ACTS, Act};
use crate::common::copy::copy_tree;
use crate::common::{PEOPLE, World, name, scratch};
use crate::disasters::DISASTERS;
use crate::history::Rule;
use crate::random::Random;
use crate::rules::{Known, whole_lines};

pub(crate) const DAY: SignedDuration = SignedDuration::from_hours(24);
const YEARS: i64 = 50;

/// What happened, by kind and name.
#[derive(Default)]
pub(crate) struct Stats(BTreeMap<(&'static str, String), u64>);

impl Stats {
    pub(crate) fn count(&mut self, kind: &'static str, name: &str) {
        *self.0.entry((kind, name.to_owned())).or_default() += 1;
    }

    pub(crate) fn of(&self, kind: &'static str, name: &str) -> u64 {
        self.0.get(&(kind, name.to_owned())).copied().unwrap_or(0)
    }

    pub(crate) fn add(&mut self, other: Self) {
        for (what, count) in other.0 {
            *self.0.entry(what).or_default() += count;
        }
    }

    pub(crate) fn list(&self) {
        for ((kind, name), count) in &self.0 {
            eprintln!("{kind:>10}  {name}: {count}");
        }
    }
}

/// A run whose result may lie under its name: what was coded, in the order of the rows.
#[derive(Clone)]
pub(crate) struct Asked {
    pub file: String,
    pub domain: String,
    pub people: Vec<&'static str>,
}

pub(crate) struct Life {
    pub seed: u64,
    /// How many times longer than in a busy life the service mostly waits for its next act.
    pace: i32,
    pub random: Random,
    pub world: World,
    /// The custodians' kits; the world's are those that are asked next.
    pub custodians: Vec<PathBuf>,
    pub k: usize,
    pub truth: Timestamp,
    /// By how much the clock is ahead.
    pub offset: SignedDuration,
    pub mirror: Option<PathBuf>,
    /// A place that is away: where it belongs, and where it is.
    pub away: Option<(PathBuf, PathBuf)>,
    /// Copies of the home; life secrets that lie in it are in them, against the rules.
    pub backups: Vec<tempfile::TempDir>,
    pub old_kits: Vec<(usize, tempfile::TempDir)>,
    /// Every kit that there was.
    all_kits: Vec<PathBuf>,
    /// Who was left behind by a recovery at which their kit was not at hand.
    pub cut: BTreeSet<usize>,
    /// The kits of custodians who have left.
    pub left: Vec<PathBuf>,
    /// What each custodian keeps on paper of their kit.
    pub paper: Vec<Shown>,
    /// The ledger as last looked at.
    pub ledger: ReadLedger,
    pub known: Known,
    /// The results of this act.
    pub asked: Vec<Asked>,
    pub made: Vec<(String, Made)>,
    /// What was approved before, for liars.
    pub approvals: Vec<Approval>,
    files: u32,
    pub stats: Stats,
    log: Vec<String>,
}

impl Life {
    pub(crate) fn new(seed: u64, pace: i32) -> Self {
        let mut random = Random::new(seed);
        let (k, n) = if random.one_in(5) { (3, 5) } else { (2, 3) };
        let mut world = World::new(k, n);
        let directory = world.directory.path().to_owned();
        // On the same machine, so that a stop stops them too.
        fs::create_dir(directory.join("custodians")).unwrap();
        world.kits = (1..=n).map(|i| directory.join(format!("custodians/kit-{i}"))).collect();
        world.make_kits();
        let has_mirror = seed / 4 % 2 == 1;
        let lives = if has_mirror || seed % 2 == 1 { random.below(3) } else { 0 };
        world.life = (1..=lives).map(|i| directory.join(format!("life-{i}"))).collect();
        let mirror = has_mirror.then(|| directory.join("mirror"));
        let founding = Founding {
            name: name("test"),
            threshold: k,
            cards: world.kits.iter().map(|kit| Kit::card_in(kit).unwrap()).collect(),
            shares: &world.path("shares"),
            life: world.life.clone(),
            mirrors: mirror.iter().cloned().collect(),
            demo: true,
        };
        Service::init(&world.home(), founding, world.clock.clone()).unwrap();
        world.receive().unwrap();
        let (custodians, truth, ledger) = (world.kits.clone(), world.clock.now(), world.ledger());
        let mut life = Self {
            seed,
            pace,
            random,
            world,
            custodians,
            k,
            truth,
            offset: SignedDuration::ZERO,
            mirror,
            away: None,
            backups: Vec::new(),
            old_kits: Vec::new(),
            all_kits: Vec::new(),
            cut: BTreeSet::new(),
            left: Vec::new(),
            paper: vec![Shown::default(); n],
            ledger,
            known: Known::default(),
            asked: Vec::new(),
            made: Vec::new(),
            approvals: Vec::new(),
            files: 0,
            stats: Stats::default(),
            log: Vec::new(),
        };
        life.all_kits = life.custodians.clone();
        life.back_up();
        life.look();
        life
    }

    pub(crate) fn n(&self) -> usize {
        self.custodians.len()
    }

    /// Fifty years.
    pub(crate) fn live(mut self) -> Stats {
        let ends = self.truth + SignedDuration::from_hours(YEARS * 8766);
        // Four lives in a row have every disaster between them, as far as their places allow it.
        let mut due: Vec<usize> =
            (0..DISASTERS.len()).filter(|at| *at as u64 % 4 == self.seed % 4).collect();
        while self.truth < ends {
            self.pass();
            if self.random.one_in(5) {
                let any = self.random.weighed(DISASTERS.iter().map(|disaster| disaster.weight));
                let at = self.random.of(&due).filter(|_| self.random.one_in(2)).unwrap_or(any);
                let disaster = &DISASTERS[at];
                if (disaster.strikes)(&mut self) {
                    due.retain(|other| *other != at);
                    self.say(format!("DISASTER {}", disaster.name));
                    self.stats.count("disaster", disaster.name);
                    let before = self.known.ledger.clone();
                    let kept = self.places().iter().any(|place| self.is_whole(place));
                    // What custodians sign in an old home that cannot be told from the true one
                    // makes them follow it (SPEC §13, what cannot be told).
                    let acts = if disaster.is_told { self.random.below(3) } else { 0 };
                    for _ in 0..acts {
                        self.act_amid();
                    }
                    self.rescue();
                    if kept && !self.known.ledger.starts_with(&before) {
                        self.fail("events are lost although a copy was kept".to_owned());
                    }
                }
            } else {
                // Something for which there is a domain, if there is any.
                (0..4).any(|_| self.act());
            }
            if self.random.one_in(12) {
                self.back_up();
            }
        }
        self.rescue();
        self.code_again(true);
        self.the_end();
        self.stats
    }

    /// Time passes, and the timer runs or does not: each month, and on the last nights.
    fn pass(&mut self) {
        let gap = match self.random.below(20) {
            0..=1 => SignedDuration::from_mins(1 + self.random.below(600) as i64),
            2..=5 => DAY * (1 + self.random.below(6) as i32),
            6..=9 => DAY * (7 + self.random.below(33) as i32),
            _ => DAY * (40 + self.random.below(360) as i32) * self.pace,
        };
        if self.random.one_in(6) {
            self.tick(gap);
            return;
        }
        let end = self.truth + gap;
        let mut service = match self.world.try_open() {
            Ok(service) => service,
            Err(error) => self.fail(format!("the timer: {error}")),
        };
        while self.truth + DAY * 3 < end {
            let left = end.duration_since(self.truth) - DAY * 2;
            self.tick(left.min(DAY * 30));
            self.night(&mut service);
        }
        for _ in 0..2 {
            // A timer may run more than once a day.
            let hours = if self.random.one_in(2) { 25 } else { 1 + self.random.below(20) as i64 };
            self.tick(SignedDuration::from_hours(hours));
            self.night(&mut service);
        }
        drop(service);
        self.look();
    }

    fn night(&mut self, service: &mut Service) {
        match service.expire() {
            Ok(expired) => {
                let what = if expired.unconfirmed { "unconfirmed" } else { "ran" };
                self.stats.count("timer", what);
                for _ in expired.destroyed {
                    self.stats.count("seen", "project that ended");
                }
            }
            Err(error) => self.fail(format!("the timer: {error}")),
        }
    }

    pub(crate) fn tick(&mut self, by: SignedDuration) {
        self.truth += by;
        self.set_clock(self.offset);
    }

    pub(crate) fn set_clock(&mut self, offset: SignedDuration) {
        self.offset = offset;
        self.world.clock.set_to(self.truth + offset);
    }

    /// Any act, or what waits.
    fn next_act(&mut self) -> &'static Act {
        let at = self.random.weighed(ACTS.iter().map(|act| act.weight));
        let doubted = self.state().domains().values().any(|domain| domain.active().compromised);
        let pends = self.state().pending_epoch().is_some();
        let waits = match self.random.below(12) {
            0..=2 if pends => "receipts of a dealing",
            3 if pends => "abandon",
            4..=5 if doubted => "examined",
            _ => return &ACTS[at],
        };
        ACTS.iter().find(|act| act.name == waits).unwrap()
    }

    /// An act of a healthy service, which may be stopped; whether there was anything to act on.
    fn act(&mut self) -> bool {
        let act = self.next_act();
        self.choose();
        let stop = self.random.one_in(6).then(|| self.stop());
        let clock = self.world.clock.clone();
        let outcome = match &stop {
            Some(stop) => stop.during(&clock, || (act.run)(self)),
            None => Some((act.run)(self)),
        };
        let code = match &outcome {
            Some(outcome) => outcome.as_ref().err().map(|error| error.code()),
            None => Some("killed"),
        };
        self.say(format!("{} {:?} {}", act.name, stop, code.unwrap_or("")));
        match (&outcome, &stop) {
            (Some(Ok(())), _) => self.stats.count("act", act.name),
            (Some(Err(error)), None) => self.refused(act.name, error),
            (None, _) => self.stats.count("seen", "death at the clock"),
            (Some(Err(_)), Some(_)) => self.stats.count("seen", "crash"),
        }
        // A copy that could not be written is brought up.
        if stop.is_some()
            && let Err(error) = self.world.reopen()
        {
            self.fail(format!("after a stop the home does not open: {error}"));
        }
        self.look();
        !matches!(code, Some("unknown-domain" | "no-doubt"))
    }

    /// What is tried while the service may be in disorder: it may be refused with whatever it is.
    fn act_amid(&mut self) {
        let at = self.random.weighed(ACTS.iter().map(|act| act.weight));
        let act = &ACTS[at];
        let gap = SignedDuration::from_hours(1 + self.random.below(40) as i64);
        self.tick(gap);
        self.choose();
        let outcome = (act.run)(self);
        let code = outcome.as_ref().err().map(|error| error.code());
        self.say(format!("amid: {} {}", act.name, code.unwrap_or("")));
        self.stats.count("amid", code.unwrap_or("done"));
        self.look_amid();
    }

    fn refused(&mut self, act: &str, error: &ServiceError) {
        let code = error.code();
        if !crate::acts::REFUSALS.contains(&code) {
            self.fail(format!("{act} was refused: {code}: {error}"));
        }
        self.stats.count("refused", code);
    }

    /// Who is asked next: k or more of those who were not left behind.
    pub(crate) fn choose(&mut self) {
        let mut kits = self.honest();
        self.random.shuffle(&mut kits);
        let more = if self.random.one_in(4) { kits.len() - self.k } else { 0 };
        self.world.k = self.k + self.random.below(more + 1);
        self.world.kits = kits.iter().map(|kit| self.custodians[*kit].clone()).collect();
        // Somebody looks at a calendar; under a wrong clock not always.
        let looks = self.offset.is_zero() || self.random.one_in(3);
        self.world.confirms.set(looks);
    }

    /// The custodians who were not left behind.
    pub(crate) fn honest(&self) -> Vec<usize> {
        (0..self.n()).filter(|kit| !self.cut.contains(kit)).collect()
    }

    pub(crate) fn kit(&self, kit: usize) -> Kit {
        Kit::open(&self.custodians[kit], None).unwrap()
    }

    /// What the kit says of itself.
    pub(crate) fn shown(&self, kit: usize) -> Shown {
        Kit::shown_by(&self.custodians[kit]).unwrap()
    }

    /// Whether the kit is an older copy, as the paper shows.
    pub(crate) fn is_stale(&self, kit: usize) -> bool {
        let (shown, paper) = (self.shown(kit), &self.paper[kit]);
        let size = |shown: &Shown| shown.head.map_or(0, |head| head.size);
        shown.count < paper.count || size(&shown) < size(paper)
    }

    /// The places of life secrets, and the mirror.
    pub(crate) fn places(&self) -> Vec<PathBuf> {
        let lives = self.world.lives().into_iter();
        lives.chain(self.mirror.clone()).collect()
    }

    /// Whether the copy of the ledger in a place is the service's ledger, and its checkpoint covers
    /// it.
    pub(crate) fn is_whole(&self, place: &Path) -> bool {
        let note = fs::read_to_string(place.join("checkpoint")).unwrap_or_default();
        let events = self.known.ledger.iter().filter(|byte| **byte == b'\n').count();
        note.lines().nth(1) == Some(&events.to_string())
            && whole_lines(&place.join("ledger.jsonl")) == self.known.ledger
    }

    /// A name for the files of a run.
    pub(crate) fn file(&mut self) -> String {
        self.files += 1;
        format!("run-{}", self.files)
    }

    /// The card of a kit that is made for a custodian of this name.
    pub(crate) fn new_kit(&mut self, name: Name) -> Result<Card, KitError> {
        let kit = self.world.path(&format!("custodians/kit-{}", self.all_kits.len() + 1));
        let card = Kit::create(&kit, name, false, None)?;
        self.all_kits.push(kit);
        Ok(card)
    }

    /// The kit with this signing key.
    pub(crate) fn holder(&self, signing: &Hex<32>) -> PathBuf {
        let held =
            |kit: &&PathBuf| Kit::card_in(kit).is_ok_and(|card| card.body.signing == *signing);
        self.all_kits.iter().find(held).unwrap().clone()
    }

    /// Once another dealing works, its custodians are those who are asked.
    pub(crate) fn succeed(&mut self) {
        let Ok((_, working)) = self.ledger.state.working_epoch() else { return };
        let roster = working.dealing.roster.iter();
        let kits: Vec<PathBuf> = roster.map(|seat| self.holder(&seat.card.body.signing)).collect();
        for (at, kit) in kits.into_iter().enumerate() {
            if self.custodians[at] != kit {
                let former = std::mem::replace(&mut self.custodians[at], kit);
                if !self.cut.remove(&at) {
                    self.left.push(former);
                }
                // A recovery may have gone back to before the dealing.
                let kit = &self.custodians[at];
                self.left.retain(|left| left != kit);
                if Kit::open(kit, None).is_err() {
                    self.cut.insert(at);
                }
                self.paper[at] = Shown::default();
                self.old_kits.retain(|(of, _)| *of != at);
                self.stats.count("seen", "successor");
            }
        }
    }

    /// Two to four people.
    pub(crate) fn people(&mut self) -> Vec<&'static str> {
        let mut people = PEOPLE.to_vec();
        self.random.shuffle(&mut people);
        people.truncate(2 + self.random.below(3));
        people
    }

    /// A backup of the home, and sometimes an older copy of a kit.
    fn back_up(&mut self) {
        let copy = scratch();
        copy_tree(&self.world.home(), copy.path());
        self.backups.push(copy);
        if self.backups.len() > 3 {
            let at = self.random.below(3);
            self.backups.remove(at);
        }
        let kit = self.random.below(self.n());
        if !self.cut.contains(&kit) {
            let copy = scratch();
            copy_tree(&self.custodians[kit], copy.path());
            self.old_kits.push((kit, copy));
            if self.old_kits.len() > 3 {
                self.old_kits.remove(0);
            }
        }
    }

    pub(crate) fn say(&mut self, what: String) {
        let events = self.ledger.history.size();
        let (truth, days) = (self.truth, self.offset.as_hours() / 24);
        self.log.push(format!("{truth} clock {days:+} d, {events} events: {what}"));
    }

    /// The end of a life in which something does not hold.
    pub(crate) fn fail(&self, what: String) -> ! {
        let log = self.log[self.log.len().saturating_sub(40)..].join("\n");
        panic!("{log}\nCSTATNS_SEED={}: {what}", self.seed);
    }

    /// The end of a life in which one of the five rules is broken.
    pub(crate) fn breaks(&self, rule: Rule, what: impl std::fmt::Display) -> ! {
        self.fail(format!("{}: {what}", rule.text()))
    }
}
