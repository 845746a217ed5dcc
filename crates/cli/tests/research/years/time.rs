//! The ten years: who is there, what has been done, and how time goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use cstatns::card::{PartyCard, ServiceCard, read_service_card};
use cstatns::coded::Coded;
use cstatns::commitment::Commitment;
use cstatns::delivery::DeliveryId;
use cstatns::files::faults::stop_after;
use cstatns::service::ServiceError;
use cstatns_link::{Body, LinkError};
use cstatns_parcel::party::Party;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::Stats;
use super::random::Random;
use super::world::World;

pub(crate) const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A clock further ahead than this is not believed (SPEC §15).
pub(crate) const BELIEVED: SignedDuration = SignedDuration::from_hours(40 * 24);

pub(crate) const CONTROLLERS: [&str; 3] = ["insee", "atih", "cnaf"];
pub(crate) const BODIES: [&str; 2] = ["cesr", "casd"];
pub(crate) const RESEARCHERS: [&str; 2] = ["lab", "chair"];

/// A research project.
pub(crate) struct Project {
    pub ends: Date,
    pub closed: bool,
    pub generation: u32,
    /// Whether its present key is doubted.
    pub doubted: bool,
    pub controllers: Vec<&'static str>,
    pub bodies: Vec<&'static str>,
    pub researchers: Vec<&'static str>,
    /// When the timer first ran under a right clock once it was past its end, or it was closed.
    pub marked: Option<Timestamp>,
    /// Whether its keys are destroyed.
    pub over: bool,
    /// The bodies whose notice has come.
    pub told: BTreeSet<&'static str>,
}

/// How far a file is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Its sender has a request key.
    Key,
    /// Request and payload are made.
    Prepared,
    /// The service has made a result, and the linking body has got it.
    Coded,
    /// The codes stand beside the rows.
    Attached,
    /// It will never get further.
    Stuck,
}

/// What there is of a file of a linking body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Clear,
    Kept,
    Gone,
}

/// A file that is coded, or whose codes are renewed.
pub(crate) struct Sent {
    pub project: String,
    pub from: &'static str,
    pub body: &'static str,
    /// The file whose codes are renewed.
    pub of: Option<usize>,
    pub people: BTreeSet<usize>,
    pub stage: Stage,
    /// When its request was made.
    pub prepared: Timestamp,
    /// When its request key expires.
    pub expires: Timestamp,
    pub request: Option<Commitment>,
    pub delivery: Option<DeliveryId>,
    /// When the result was made.
    pub coded: Timestamp,
    /// What the service's clock said then.
    pub dated: Timestamp,
    pub generation: u32,
    pub signed: bool,
    pub standing: Standing,
    /// Whether a renewal of it is under way.
    pub renewing: bool,
}

/// Files that were joined.
pub(crate) struct Joined {
    pub project: String,
    pub body: &'static str,
    pub of: Vec<usize>,
    pub people: BTreeSet<usize>,
    pub standing: Standing,
    pub until: Option<Timestamp>,
    pub path: PathBuf,
}

/// What is on its way, and what will come of it.
pub(crate) enum Mail {
    /// The receipt of a file, to the service.
    Receipt(usize),
    /// The end of a project, to a linking body.
    Notice { project: String, body: &'static str, path: PathBuf },
}

/// How what another key of the service signed is refused.
const BY_ANOTHER: [&str; 4] =
    ["parcel-sender", "report-signature", "notice-signature", "request-key-signature"];

pub(crate) struct Years {
    pub seed: u64,
    pub acts: usize,
    pub world: World,
    pub random: Random,
    /// What all clocks but the service's say.
    pub truth: Timestamp,
    /// By how much the service's clock is ahead.
    pub ahead: SignedDuration,
    /// The latest date that the service has believed.
    pub believed: Timestamp,
    /// When the timer runs again.
    pub outage: Timestamp,
    /// When the second place of life secrets comes back.
    pub away: Option<Timestamp>,
    pub projects: BTreeMap<String, Project>,
    pub sent: Vec<Sent>,
    pub joined: Vec<Joined>,
    pub mail: Vec<(Timestamp, Mail)>,
    /// The service's cards until now, the present one first.
    pub cards: Vec<ServiceCard>,
    pub names: usize,
    pub stats: Stats,
}

impl Years {
    /// Those of a seed, with so many acts at a time.
    pub(crate) fn new(seed: u64, acts: usize) -> Self {
        let mut world = World::new(2, 3);
        world.life = ["life", "second-life"].map(|place| world.path(place)).into();
        world.snapshot_after = 12;
        world.init().unwrap();
        world.receive().unwrap();
        // Whoever asks custodians looks at a calendar.
        world.confirms.set(true);
        let truth = cstatns::service::Clock::now(&world.clock);
        let cards = vec![read_service_card(&world.home().join("card.json")).unwrap()];
        let (projects, mail) = (BTreeMap::new(), Vec::new());
        let (sent, joined) = (Vec::new(), Vec::new());
        Self {
            seed,
            acts,
            world,
            random: Random::new(seed),
            truth,
            ahead: SignedDuration::ZERO,
            believed: truth,
            outage: truth,
            away: None,
            projects,
            sent,
            joined,
            mail,
            cards,
            names: 0,
            stats: Stats::default(),
        }
    }

    pub(crate) fn play(mut self) -> Stats {
        let end = self.truth + DAY * (365 * 10);
        while self.truth < end {
            // Busy weeks, and quiet months.
            let hours = match self.random.one_in(2) {
                true => 1 + self.random.below(24 * 4),
                false => 24 * (8 + self.random.below(30)),
            };
            let then = self.truth + SignedDuration::from_hours(hours as i64);
            self.ask_too_late(then);
            self.pass(then.duration_since(self.truth).max(SignedDuration::ZERO));
            self.disturb();
            self.expire();
            self.post();
            for _ in 0..self.acts {
                self.act();
                self.look();
            }
            if self.random.one_in(60) {
                self.audit();
            }
        }
        self.finish();
        self.stats
    }

    /// Time goes on, and so do the clocks.
    pub(crate) fn pass(&mut self, time: SignedDuration) {
        self.truth += time;
        self.world.clock.set_to(self.truth + self.ahead);
    }

    /// The timer fails for weeks, a medium is taken away and comes back, the service's clock jumps.
    fn disturb(&mut self) {
        if self.away.is_some_and(|back| back <= self.truth) {
            self.bring_back();
        }
        match self.random.below(60) {
            0 => {
                self.stats.count("the timer fails");
                self.outage = self.truth + DAY * (7 + self.random.below(60) as i32);
            }
            1 if self.away.is_none() => {
                self.stats.count("a medium is away");
                let place = self.world.path("second-life");
                fs::rename(&place, place.with_extension("away")).unwrap();
                self.away = Some(self.truth + DAY * (1 + self.random.below(30) as i32));
            }
            2..=3 => self.jump(),
            _ => {}
        }
    }

    pub(crate) fn bring_back(&mut self) {
        let place = self.world.path("second-life");
        fs::rename(place.with_extension("away"), &place).unwrap();
        self.away = None;
    }

    /// The clock is ahead for less than a day: the timer runs, receipts come, and somebody asks
    /// custodians who do not look at a calendar.
    fn jump(&mut self) {
        self.stats.count("a clock is ahead");
        let days = [1, 5, 20, 39, 100, 1000][self.random.below(6)];
        self.ahead = DAY * days;
        self.world.confirms.set(false);
        for _ in 0..3 {
            self.pass(SignedDuration::from_hours(7));
            let believes = self.truth + self.ahead <= self.believed + BELIEVED;
            self.expire();
            if believes {
                self.believed = self.believed.max(self.truth + self.ahead);
            }
            self.post();
            self.look();
            if self.random.one_in(3) {
                self.send_on();
                self.look();
            }
        }
        // It is put right, and the timer runs once more.
        self.ahead = SignedDuration::ZERO;
        self.world.confirms.set(true);
        self.pass(SignedDuration::from_mins(1));
        self.expire();
    }

    /// A number for a new file or project.
    pub(crate) fn next(&mut self) -> usize {
        self.names += 1;
        self.names
    }

    /// Ends the ten years with what is wrong.
    pub(crate) fn fail(&self, what: impl std::fmt::Display) -> ! {
        panic!("seed {}, {}: {what}", self.seed, self.truth)
    }

    /// Refuses what is not so.
    pub(crate) fn hold(&self, holds: bool, what: impl std::fmt::Display) {
        if !holds {
            self.fail(what)
        }
    }

    pub(crate) fn card(&self) -> ServiceCard {
        self.cards[0].clone()
    }

    /// Takes what the service has signed, by its present key, or by the one that it had when what
    /// comes was sent.
    pub(crate) fn by_its_card<T, E: Coded>(
        &self,
        mut take: impl FnMut(&ServiceCard) -> Result<T, E>,
    ) -> Result<T, E> {
        let (present, former) = self.cards.split_first().expect("it has a card");
        let taken = take(present);
        let is_by_another = |taken: &Result<T, E>| {
            taken.as_ref().is_err_and(|error| BY_ANOTHER.contains(&error.code()))
        };
        former.iter().fold(taken, |taken, card| match is_by_another(&taken) {
            true => take(card),
            false => taken,
        })
    }

    pub(crate) fn party_card(&self, name: &str) -> PartyCard {
        self.world.party(name).card().clone()
    }

    /// Does something at the service; sometimes it is stopped at a step and repeated.
    pub(crate) fn at_service<T>(
        &mut self,
        act: impl Fn(&World) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        if self.random.one_in(5) {
            let step = self.random.below(70);
            match stop_after(self.world.directory.path(), step, || act(&self.world)) {
                // It took fewer steps.
                Ok(done) => return Ok(done),
                Err(_) => self.stats.count("a command is stopped"),
            }
        }
        act(&self.world)
    }

    /// The same at a linking body.
    pub(crate) fn at_body<T>(
        &mut self,
        body: &str,
        act: impl Fn(&mut Body<'_>, &Self) -> Result<T, LinkError>,
    ) -> Result<T, LinkError> {
        if self.random.one_in(5) {
            let step = self.random.below(50);
            match stop_after(self.world.directory.path(), step, || self.open(body, &act)) {
                Ok(done) => return Ok(done),
                Err(_) => self.stats.count("a command is stopped"),
            }
        }
        self.open(body, &act)
    }

    fn open<T>(
        &self,
        body: &str,
        act: impl Fn(&mut Body<'_>, &Self) -> Result<T, LinkError>,
    ) -> Result<T, LinkError> {
        let directory = self.world.path(body);
        let party = Party::open(&directory, None)?;
        let mut body = Body::open(&directory, &party, self.truth)?;
        act(&mut body, self)
    }

    /// Whether the service is in order, so that it must do what is asked of it.
    pub(crate) fn is_well(&self) -> bool {
        self.away.is_none() && self.ahead.is_zero()
    }

    /// Whether a project is in use by the right time.
    pub(crate) fn lives(&self, project: &Project) -> bool {
        !project.closed && self.truth < super::projects::end(project)
    }

    /// Whether an act was refused, which it must not be where it `must` be done. Says so.
    pub(crate) fn is_refused<T>(
        &mut self,
        what: &str,
        must: bool,
        outcome: Result<T, ServiceError>,
    ) -> bool {
        let Err(error) = outcome else { return false };
        self.hold(!must, format!("{what} is refused ({}): {error}", error.code()));
        self.stats.count(format!("refused, {what}: {}", error.code()));
        true
    }
}
