//! Ends, marks and destruction under an injected clock: no expired key codes, no living key is
//! destroyed but by the exception that SPEC section 15 names.

#![allow(clippy::print_stderr)]

use crate::common;

use std::collections::BTreeMap;
use std::slice::from_ref;

use cstatns::coded::Coded as _;
use cstatns::domain::{Kind, RenewalReason, end_of};
use cstatns::files::faults::stop_after;
use cstatns::identifier::Scheme;
use cstatns::ledger::event::KeyRef;
use cstatns::name::Hex;
use cstatns::proposal::Action;
use cstatns::service::{Clock, Expired, Service, ServiceError};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use common::{PEOPLE, World, code_lines, generation, name};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A statistical domain and the project `benefits` until 30 June 2026, with a result each.
fn project() -> World {
    let world = World::founded(2, 2);
    world.statistics("population").unwrap();
    world.research("benefits", "2026-06-30").unwrap();
    world.code("population", "population", &PEOPLE).unwrap();
    world.code("benefits", "benefits", &PEOPLE).unwrap();
    world
}

/// What expires. The results of the project, which nobody received, go with its keys.
fn expire(world: &World) -> Expired {
    let mut expired = world.open().expire().unwrap();
    assert_eq!(expired.results.is_empty(), expired.destroyed.is_empty());
    expired.results.clear();
    expired
}

/// The timer, once a week until `end`, which is then the time.
fn weekly_until(world: &World, end: &str) {
    while world.clock.now() + 7 * DAY < time(end) {
        world.clock.advance(7 * DAY);
        assert_eq!(expire(world), Expired::default());
    }
    world.clock.set(end);
}

fn marked() -> Expired {
    let mut expired = Expired::default();
    expired.marked.push(name("benefits"));
    expired
}

fn destroyed() -> Expired {
    let mut expired = Expired::default();
    expired.destroyed.push(name("benefits"));
    expired
}

fn unconfirmed() -> Expired {
    let mut expired = Expired::default();
    expired.unconfirmed = true;
    expired
}

fn has_its_key(world: &World) -> bool {
    let home = world.home();
    home.join("life/benefits.life").exists() && home.join("keys/benefits.1.1.key").exists()
}

fn events(world: &World) -> u64 {
    world.open().history().size()
}

#[test]
fn status_tells_what_ends_and_what_is_past_its_end() {
    let world = project();
    let shown = || {
        let status = world.open().status();
        let project =
            status.domains.iter().find(|domain| domain.domain == name("benefits")).unwrap();
        (project.ends_within_days, project.hours_past_its_end, status.past_their_end().count())
    };
    assert_eq!(shown(), (None, None, 0));
    for (at, expected) in [
        ("2026-04-01T23:59:59Z", (None, None, 0)),
        ("2026-04-02T00:00:00Z", (Some(90), None, 0)),
        ("2026-05-31T23:59:59Z", (Some(90), None, 0)),
        ("2026-06-01T00:00:00Z", (Some(30), None, 0)),
        ("2026-06-23T23:59:59Z", (Some(30), None, 0)),
        ("2026-06-24T00:00:00Z", (Some(7), None, 0)),
        ("2026-06-30T23:59:59Z", (Some(7), None, 0)),
        ("2026-07-01T00:00:00Z", (None, Some(0), 1)),
        ("2026-07-01T05:59:59Z", (None, Some(5), 1)),
    ] {
        weekly_until(&world, at);
        assert_eq!(shown(), expected, "{at}");
    }
    assert_eq!(expire(&world), marked());
    assert_eq!(shown(), (None, Some(5), 1));
    world.clock.advance(DAY);
    assert_eq!(expire(&world), destroyed());
    assert_eq!(shown(), (None, None, 0));
    let status = world.open().status();
    assert!(
        status
            .domains
            .iter()
            .all(|domain| domain.destroyed.is_some() == (domain.domain == name("benefits")))
    );
}

/// A trace of the timer once a day; at once where something is due, or the clock was put back.
#[test]
fn the_timer_leaves_an_event_a_day() {
    let world = project();
    let leaves = |by: SignedDuration| {
        let before = events(&world);
        world.clock.advance(by);
        assert_eq!(expire(&world), Expired::default());
        events(&world) - before
    };
    for _ in 0..3 {
        assert_eq!(
            (0..24).map(|_| leaves(HOUR)).collect::<Vec<_>>()[..],
            [vec![0; 23], vec![1]].concat()
        );
        assert_eq!(world.open().state().time(), world.clock.now());
    }
    assert_eq!(leaves(-HOUR), 1);
    assert_eq!(leaves(SignedDuration::ZERO), 0);
    // Under a clock that is not confirmed, too.
    let before = events(&world);
    world.clock.advance(50 * DAY);
    for hours in 0..48 {
        assert_eq!(expire(&world), unconfirmed());
        assert_eq!(events(&world) - before, 1 + hours / 24);
        world.clock.advance(HOUR);
    }
}

/// Where something is due, that it was looked at is recorded at once, also within the day.
#[test]
fn what_is_due_is_looked_at_on_record() {
    let world = project();
    weekly_until(&world, "2026-06-30T23:00:00Z");
    world.open().record_refusal("code", "unknown-domain").unwrap();
    for (time, expected, added) in [
        ("2026-06-30T23:59:59Z", Expired::default(), 0),
        ("2026-07-01T00:00:00Z", marked(), 2),
        ("2026-07-01T23:59:59Z", Expired::default(), 0),
        ("2026-07-02T00:00:00Z", destroyed(), 3),
    ] {
        world.clock.set(time);
        let before = events(&world);
        assert_eq!((expire(&world), events(&world) - before), (expected, added), "{time}");
    }
}

#[test]
fn expired_late_and_twice() {
    let world = project();
    weekly_until(&world, "2026-06-30T23:59:59Z");
    world.code("benefits", "last", &PEOPLE).unwrap();
    assert_eq!(world.codes("last"), world.codes("benefits"));
    // Nobody runs the timer for ten days: the project refuses all the same.
    world.clock.set("2026-07-01T00:00:00Z");
    assert_eq!(world.code("benefits", "late", &PEOPLE).unwrap_err().code(), "project-ended");
    assert_eq!(world.extend("benefits", "2026-12-31").unwrap_err().code(), "project-ended");
    world.clock.set("2026-07-11T12:00:00Z");
    assert_eq!(expire(&world), marked());
    assert_eq!(expire(&world), Expired::default(), "twice in a second");
    world.clock.set("2026-07-12T11:59:59Z");
    assert_eq!(expire(&world), Expired::default(), "not yet 24 hours");
    assert!(has_its_key(&world));
    world.clock.set("2026-07-12T12:00:00Z");
    assert_eq!(expire(&world), destroyed());
    let before = events(&world);
    assert_eq!(expire(&world), Expired::default());
    assert_eq!(events(&world), before, "destroyed once");
    assert_eq!(world.code("benefits", "late", &PEOPLE).unwrap_err().code(), "keys-destroyed");
    world.code("population", "again", &PEOPLE).unwrap();
    assert_eq!(world.codes("again"), world.codes("population"));
}

#[test]
fn a_jump_of_40_days_is_not_believed_without_a_quorum() {
    let world = project();
    let right = world.clock.now();
    world.clock.set("2030-01-01T00:00:00Z");
    for _ in 0..72 {
        world.clock.advance(HOUR);
        assert_eq!(expire(&world), unconfirmed());
    }
    assert!(world.open().is_clock_unconfirmed() && world.open().status().clock_unconfirmed);
    assert_eq!(world.open().state().time(), right);
    assert!(has_its_key(&world));
    // Nobody is asked under that clock; who confirms it asks for a project past its end.
    assert_eq!(world.code("benefits", "late", &PEOPLE).unwrap_err().code(), "clock-unconfirmed");
    world.confirms.set(true);
    assert_eq!(world.code("benefits", "late", &PEOPLE).unwrap_err().code(), "project-ended");
    world.confirms.set(false);

    // Corrected: as before.
    world.clock.set_to(right + 4 * DAY);
    assert_eq!(expire(&world), Expired::default());
    world.code("benefits", "again", &PEOPLE).unwrap();
    assert_eq!(world.codes("again"), world.codes("benefits"));

    // The service slept, and the clock is right: a quorum's run confirms it.
    world.clock.set("2026-09-01T00:00:00Z");
    assert_eq!(expire(&world), unconfirmed());
    world.confirms.set(true);
    world.code("population", "confirms", &PEOPLE).unwrap();
    assert!(!world.open().is_clock_unconfirmed());
    assert_eq!(expire(&world), marked());
    world.clock.advance(DAY);
    assert_eq!(expire(&world), destroyed());

    // The limit itself.
    for (ahead, expected) in
        [(40 * DAY, Expired::default()), (40 * DAY + HOUR / 3600, unconfirmed())]
    {
        let world = project();
        world.clock.advance(ahead);
        assert_eq!(expire(&world), expected);
    }
}

#[test]
fn a_shorter_jump_that_is_corrected_destroys_nothing() {
    let world = project();
    weekly_until(&world, "2026-06-01T00:00:00Z");
    // Ahead by a month for an hour, three times in a week: each time the clock is put right, and
    // the timer sees it.
    for jump in 0..3 {
        let right = world.clock.now();
        world.clock.advance(31 * DAY);
        assert_eq!(expire(&world), marked(), "{jump}");
        assert_eq!(world.code("benefits", "early", &PEOPLE).unwrap_err().code(), "project-ended");
        world.clock.set_to(right + HOUR);
        assert_eq!(expire(&world), Expired::default());
        assert!(has_its_key(&world), "{jump}");
        world.clock.set_to(right + 3 * DAY);
        assert_eq!(expire(&world), Expired::default());
    }
    // The key goes a day after its own end, not a day after the time that was once believed.
    world.clock.set("2026-06-30T23:59:59Z");
    assert_eq!(expire(&world), Expired::default());
    assert!(has_its_key(&world));
    world.clock.set("2026-07-01T00:00:00Z");
    assert_eq!(expire(&world), marked());
    world.clock.set("2026-07-02T00:00:00Z");
    assert_eq!(expire(&world), destroyed());
}

#[test]
fn a_shorter_jump_that_lasts_a_day_is_believed() {
    // The exception that SPEC names.
    let world = project();
    weekly_until(&world, "2026-06-01T00:00:00Z");
    world.clock.advance(31 * DAY);
    assert_eq!(expire(&world), marked());
    for _ in 0..23 {
        world.clock.advance(HOUR);
        assert_eq!(expire(&world), Expired::default());
        assert!(has_its_key(&world));
    }
    world.clock.advance(HOUR);
    assert_eq!(expire(&world), destroyed());
}

#[test]
fn a_clock_set_back_revives_nothing() {
    let world = project();
    weekly_until(&world, "2026-07-01T00:00:00Z");
    assert_eq!(expire(&world), marked());
    world.clock.set("2026-05-01T00:00:00Z");
    assert_eq!(world.code("benefits", "late", &PEOPLE).unwrap_err().code(), "clock-behind");
    world.confirms.set(true);
    assert_eq!(world.code("benefits", "late", &PEOPLE).unwrap_err().code(), "project-ended");
    assert_eq!(world.extend("benefits", "2026-12-31").unwrap_err().code(), "project-ended");
    // While the clock says that the project lives, its key is not destroyed either.
    for _ in 0..48 {
        world.clock.advance(HOUR);
        assert_eq!(expire(&world), Expired::default());
    }
    assert!(has_its_key(&world));
    assert_eq!(world.open().status().past_their_end().count(), 1);
    world.clock.set("2026-07-03T00:00:00Z");
    assert_eq!(expire(&world), marked());
    world.clock.advance(DAY);
    assert_eq!(expire(&world), destroyed());
    world.clock.set("2020-01-01T00:00:00Z");
    assert_eq!(expire(&world), Expired::default());
    assert_eq!(world.code("benefits", "late", &PEOPLE).unwrap_err().code(), "keys-destroyed");
}

/// SplitMix64: schedules are the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn hours(&mut self, from: i64, to: i64) -> SignedDuration {
        SignedDuration::from_hours(from + self.below((to - from) as u64) as i64)
    }
}

/// What the world knows of a project, and the service only from its clock.
#[derive(Debug)]
struct Project {
    ends: Date,
    closed: bool,
    /// When `expire` first ran past its end under a clock that was right, and has been so at each
    /// event since.
    due: Option<Timestamp>,
}

/// A service with its timer, its custodians and its real time.
struct Play {
    world: World,
    service: Option<Service>,
    random: Random,
    real: Timestamp,
    /// How far the clock is ahead.
    wrong: SignedDuration,
    /// The latest right clock that the ledger has seen.
    seen: Timestamp,
    projects: BTreeMap<String, Project>,
    counts: BTreeMap<&'static str, u32>,
}

impl Play {
    fn new(seed: u64) -> Self {
        let world = World::founded(2, 2);
        world.statistics("population").unwrap();
        let real = world.clock.now();
        let (random, wrong) = (Random(seed), SignedDuration::ZERO);
        let (projects, counts) = (BTreeMap::new(), BTreeMap::new());
        world.confirms.set(true);
        Self { world, service: None, random, real, wrong, seen: real, projects, counts }
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn pass(&mut self, by: SignedDuration) {
        self.real += by;
        self.world.clock.set_to(self.real + self.wrong);
    }

    /// Whoever looks at a calendar confirms a clock that is right.
    fn set_wrong(&mut self, by: SignedDuration) {
        self.wrong = by;
        self.world.confirms.set(by.is_zero());
        self.pass(SignedDuration::ZERO);
    }

    fn open(&mut self) -> &mut Service {
        self.service.get_or_insert_with(|| self.world.open())
    }

    /// An event is recorded now.
    fn event(&mut self) {
        if self.wrong.is_zero() {
            self.seen = self.seen.max(self.real);
        }
        let clock = self.real + self.wrong;
        for project in self.projects.values_mut() {
            if clock < end_of(project.ends) {
                project.due = None;
            }
        }
    }

    fn is_ahead(&mut self) -> bool {
        self.open().state().time() > self.real
    }

    /// Whether the timer found it past its end, under whatever clock.
    fn is_marked(&mut self, project: &str) -> bool {
        self.open().state().domain(&name(project)).unwrap().marked
    }

    fn some_project(&mut self) -> Option<String> {
        let count = self.projects.len() as u64;
        let number = self.random.below(count.max(1)) as usize;
        self.projects.keys().nth(number).cloned()
    }

    fn run(&mut self, action: Action) -> Result<(), &'static str> {
        self.open();
        let service = self.service.as_mut().unwrap();
        let quorum = self.world.quorum(service, action.clone()).map_err(|error| error.code())?;
        let outcome = match action {
            Action::Open { .. } => service.open_domain(quorum),
            Action::Extend { .. } => service.extend(quorum),
            Action::NewKey { .. } => service.new_key(quorum),
            _ => service.close(quorum).map(drop),
        };
        self.event();
        outcome.map_err(|error| error.code())
    }

    fn code(&mut self, domain: &str) -> Result<(), &'static str> {
        self.open();
        let service = self.service.as_mut().unwrap();
        let request = self.world.request("batch", &PEOPLE);
        let action = Action::Code {
            domain: name(domain),
            generation: service.state().domain(&name(domain)).unwrap().generation(),
            scheme: Scheme::FrNir,
            purpose: name("test"),
            inputs: vec![request.input()],
            recipient: None,
            keep_request: false,
            look_up: None,
        };
        let quorum = self.world.quorum(service, action).map_err(|error| error.code())?;
        let made = service
            .code(quorum, from_ref(&request.files), |coder, out| code_lines(coder, &request, out));
        let made = made.map_err(|error| error.code())?;
        assert!(service.delivered_stated(&made[0].delivery).unwrap());
        self.event();
        Ok(())
    }

    /// Tries a project, and holds the outcome to its end.
    fn try_project(&mut self) {
        let Some(project) = self.some_project() else { return };
        let before = self.seen;
        let outcome = self.code(&project);
        let Project { ends, closed, .. } = self.projects[&project];
        let end = end_of(ends);
        match outcome {
            Ok(()) => {
                assert!(
                    !closed && before < end,
                    "{project} ended on {ends}, which the ledger has seen"
                );
                assert!(self.wrong.is_negative() || self.real < end, "{project} ended on {ends}");
                self.count("coded");
            }
            Err(code) => {
                let of_the_clock = ["clock-behind", "clock-unconfirmed"].contains(&code);
                assert!(
                    ["project-ended", "keys-destroyed"].contains(&code)
                        || of_the_clock && !self.wrong.is_zero(),
                    "{code}"
                );
                // Under a right clock only what has ended refuses, and what was marked under a
                // wrong one (a time that is wrong by less than a day is not set back).
                let over = closed || self.real >= end || self.is_marked(&project);
                let may = over || !self.wrong.is_zero() || self.is_ahead();
                assert!(may, "{project} until {ends} refuses: {code}");
                self.count("refused");
            }
        }
    }

    fn expire(&mut self) {
        let expired = self.open().expire().unwrap();
        self.event();
        self.count("expire");
        let right = self.wrong.is_zero() && !expired.unconfirmed;
        for (name, project) in &mut self.projects {
            let past = self.real >= end_of(project.ends) && !project.closed;
            if right && past {
                let due = *project.due.get_or_insert(self.real);
                let there = self.world.home().join(format!("life/{name}.life")).exists();
                assert!(
                    !there || self.real < due + DAY,
                    "{name}, past its end since {due}, has its key still"
                );
            }
        }
        if right {
            let past = self.open().status().past_their_end().count();
            let waiting = self.projects.values().filter(|project| project.due.is_some()).count();
            assert!(
                past <= waiting || self.is_ahead(),
                "zero keys past their end but those of the last day"
            );
        }
    }

    /// `expire`, stopped anywhere.
    fn crash(&mut self) {
        self.open();
        let step = self.random.below(30) as usize;
        let mut service = self.service.take().unwrap();
        let stopped = stop_after(self.world.directory.path(), step, || service.expire().is_err());
        drop(service);
        self.event();
        self.open();
        if stopped {
            self.count("stopped");
        }
    }

    /// No living key is gone.
    fn check(&mut self) {
        let mut gone = 0;
        for (name, project) in &self.projects {
            let life = self.world.home().join(format!("life/{name}.life")).exists();
            let seal = self.world.home().join(format!("keys/{name}.1.1.key")).exists();
            let over = project.closed || self.real >= end_of(project.ends);
            assert!(
                (life && seal) || over,
                "{name} lives until {}, and its key is gone",
                project.ends
            );
            assert!(!project.closed || (!life && !seal), "{name} is closed");
            gone += u32::from(!life);
        }
        self.counts.insert("destroyed", gone);
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0 | 1 => {
                let project = format!("project-{}", self.projects.len());
                let by = self.random.hours(24, 900 * 24);
                let ends = TimeZone::UTC.to_datetime(self.real + by).date();
                let domain = name(&project);
                let kind = Kind::Research { ends };
                match self.run(Action::Open { domain, kind, minimum_batch: 2, authorisation: None })
                {
                    Ok(()) => drop(
                        self.projects.insert(project, Project { ends, closed: false, due: None }),
                    ),
                    Err(code) => assert!(code == "end-in-the-past" && self.is_ahead(), "{code}"),
                }
            }
            2 => {
                let Some(project) = self.some_project() else { return };
                let by = self.random.hours(24, 400 * 24);
                let ends = TimeZone::UTC.to_datetime(self.real + by).date();
                let outcome = self.run(Action::Extend { domain: name(&project), ends });
                let ahead = self.is_ahead() || self.is_marked(&project);
                let known = self.projects.get_mut(&project).unwrap();
                match outcome {
                    Ok(()) => {
                        assert!(
                            !known.closed && self.real < end_of(known.ends),
                            "{project} was extended late"
                        );
                        known.ends = ends;
                        self.count("extended");
                    }
                    Err("end-not-later") => assert!(ends <= known.ends),
                    Err(code) => {
                        assert!(["project-ended", "keys-destroyed"].contains(&code), "{code}");
                        assert!(
                            known.closed || self.real >= end_of(known.ends) || ahead,
                            "{project}: {code}"
                        );
                    }
                }
            }
            3 if self.random.below(2) == 0 => {
                let Some(project) = self.some_project() else { return };
                if self.run(Action::Close { domain: name(&project) }).is_ok() {
                    self.projects.get_mut(&project).unwrap().closed = true;
                    self.count("closed");
                }
            }
            4 if self.random.below(4) == 0 => {
                let domain = name("population");
                let generation = self.open().state().domain(&domain).unwrap().generation().next();
                let reason = RenewalReason::Scheduled;
                self.run(Action::NewKey { domain, generation, reason }).unwrap();
            }
            5 => self.crash(),
            // Ahead by more than 40 days, for days: nobody is asked to approve anything meanwhile.
            6 => {
                let by = self.random.hours(40 * 24 * 3, 3000 * 24);
                self.set_wrong(by);
                for _ in 0..4 {
                    self.expire();
                    self.check();
                    let by = self.random.hours(1, 60);
                    self.pass(by);
                }
                self.set_wrong(SignedDuration::ZERO);
                self.expire();
                self.count("long jumps");
            }
            // Ahead by less, for less than a day; the next run of the timer sees the right clock.
            7 | 8 => {
                let by = self.random.hours(1, 40 * 24);
                self.set_wrong(by);
                for _ in 0..3 {
                    self.expire();
                    self.try_project();
                    self.check();
                    let by = self.random.hours(1, 8);
                    self.pass(by);
                }
                self.set_wrong(SignedDuration::ZERO);
                self.expire();
                self.count("short jumps");
            }
            9 => {
                let by = self.random.hours(-800 * 24, 0);
                self.set_wrong(by);
                for _ in 0..3 {
                    self.expire();
                    self.try_project();
                    self.check();
                    let by = self.random.hours(1, 48);
                    self.pass(by);
                }
                self.set_wrong(SignedDuration::ZERO);
                self.expire();
                self.count("jumps back");
            }
            10 => {
                self.service = None;
                self.open();
            }
            11 => self.code("population").unwrap(),
            12..=14 => self.try_project(),
            // Late: days without the timer.
            15 => {
                let by = self.random.hours(24, 25 * 24);
                self.pass(by);
                self.expire();
            }
            // In time, then twice.
            _ => {
                for hours in [1, 24, 0, 25] {
                    self.pass(SignedDuration::from_hours(hours));
                    self.expire();
                }
            }
        }
        self.check();
        let by = self.random.hours(1, 30 * 24);
        self.pass(by);
    }
}

#[test]
fn ten_years_of_projects_under_any_clock() {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..6 {
        let mut play = Play::new(seed);
        let until = play.real + 3653 * DAY;
        while play.real < until {
            play.step();
        }
        for (what, count) in play.counts {
            *counts.entry(what).or_default() += count;
        }
    }
    eprintln!("{counts:?}");
    for what in [
        "coded",
        "refused",
        "extended",
        "closed",
        "stopped",
        "destroyed",
        "long jumps",
        "short jumps",
    ] {
        assert!(counts[what] >= 5, "{what}: {}", counts[what]);
    }
}

#[test]
fn what_ended_before_a_jump_waits_until_the_clock_is_confirmed() {
    let world = World::founded(2, 2);
    world.statistics("population").unwrap();
    world.research("benefits", "2026-01-31").unwrap();
    // The ledger knows a time past the end, and nobody has marked it yet.
    world.clock.set("2026-02-03T00:00:00Z");
    world.doubt("population", 1).unwrap();
    world.clock.set("2026-06-01T00:00:00Z");
    let expired = world.open().expire().unwrap();
    assert!(expired.unconfirmed && expired.marked.is_empty() && expired.destroyed.is_empty());
    world.confirms.set(true);
    world.new_key("population", RenewalReason::Doubt).unwrap();
    assert_eq!(world.open().expire().unwrap().marked, [name("benefits")]);
}

/// What custodians are shown around a question follows from the ledger that they look at, and from
/// nothing that the service says beside it.
#[test]
fn the_background_of_a_question_is_that_of_the_ledger() {
    let world = World::founded(2, 2);
    world.statistics("population").unwrap();
    world.statistics("other").unwrap();
    let background = |purpose: &str, domain: &str, opens: bool| {
        let request = world.request("asked", &PEOPLE);
        let mut service = world.open();
        service.confirm_clock(TimeZone::UTC.to_datetime(world.clock.now()).date()).unwrap();
        let mut action = match opens {
            true => Action::Open {
                domain: name(domain),
                kind: Kind::Statistics { cryptoperiod_years: 5 },
                minimum_batch: 2,
                authorisation: None,
            },
            false => world.code_action(&service, domain, &request),
        };
        if let Action::Code { purpose: of, .. } = &mut action {
            *of = name(purpose);
        }
        let draft = service.propose(action, HOUR).unwrap();
        let run = draft.question().run;
        let mut found = None;
        let asked = service.gather(draft, |gathering| {
            let view = gathering.view().unwrap();
            assert_eq!(view.state.background(&Hex([0; 16])), None, "nobody asked that");
            found = view.state.background(&run);
            Err::<(), _>(ServiceError::RequestChanged)
        });
        assert!(asked.is_err());
        found.unwrap()
    };
    let runs = |purpose, domain| background(purpose, domain, false).runs_this_year;
    assert_eq!(runs("test", "population"), Some(0));
    // Runs with a result count, whatever their requests are; others do not.
    world.code("population", "one", &PEOPLE).unwrap();
    world.code_parts("population", &["two", "three"]).unwrap();
    world.code("other", "four", &PEOPLE).unwrap();
    world.code_changed("population", "five").unwrap_err();
    let asked = background("test", "population", false);
    assert_eq!(asked.runs_this_year, Some(2));
    assert_eq!(asked.minimum_batch, Some(2));
    let key = |number| KeyRef { domain: name("population"), generation: generation(number) };
    assert_eq!(asked.keys, [key(1)]);
    assert_eq!((asked.overdue_since, asked.confirms_clock), (None, None));
    assert_eq!((runs("wages", "population"), runs("test", "other")), (Some(0), Some(1)));
    // A new domain has no past.
    let opening = background("test", "third", true);
    assert_eq!((opening.minimum_batch, opening.runs_this_year), (None, None));
    assert!(opening.keys.is_empty());
    // Five years: the key is due on that day, and overdue after it.
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    assert_eq!(background("test", "population", false).keys, [key(1), key(2)]);
    world.clock.set("2031-01-05T12:00:00Z");
    let asked = background("test", "population", false);
    assert_eq!((asked.runs_this_year, asked.overdue_since), (Some(0), None));
    assert!(asked.confirms_clock.is_some());
    world.clock.set("2031-01-06T12:00:00Z");
    let due = Some("2031-01-05".parse().unwrap());
    assert_eq!(background("test", "population", false).overdue_since, due);
}
