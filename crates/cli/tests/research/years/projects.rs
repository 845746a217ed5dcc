//! What a quorum decides about projects, and the timer that ends them.

use std::fs;

use cstatns::coded::Coded as _;
use cstatns::domain::{RenewalReason, end_of};
use cstatns::party::Role;
use cstatns::proposal::Action;
use cstatns::service::{Service, ServiceError};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::time::{BODIES, CONTROLLERS, DAY, Mail, Project, RESEARCHERS, Years};
use super::world::{generation, name};

/// The first moment after a project's last day.
pub(crate) fn end(project: &Project) -> Timestamp {
    end_of(project.ends)
}

/// What was done already is done.
fn or_done(outcome: Result<(), ServiceError>, codes: &[&str]) -> Result<(), ServiceError> {
    match outcome {
        Err(error) if codes.contains(&error.code()) => Ok(()),
        outcome => outcome,
    }
}

impl Years {
    fn day(&self, days: usize) -> Date {
        TimeZone::UTC.to_datetime(self.truth + DAY * days as i32).date()
    }

    /// A project that a command may be about: mostly one that lives.
    pub(crate) fn project(&mut self) -> Option<String> {
        let all: Vec<&String> = self.projects.keys().collect();
        let living = all.iter().filter(|name| self.lives(&self.projects[**name]));
        let living: Vec<String> = living.map(|name| (*name).clone()).collect();
        let all: Vec<String> = all.into_iter().cloned().collect();
        if self.random.one_in(12) { self.random.of(&all) } else { self.random.of(&living) }
    }

    pub(crate) fn open_project(&mut self) {
        if !self.is_well() {
            return;
        }
        let project = format!("study-{}", self.next());
        let days = [30, 400, 900, 1500][self.random.below(4)];
        let ends = self.day(days);
        let opened = self.at_service(|world| {
            or_done(world.research(&project, &ends.to_string()), &["domain-exists"])
        });
        self.is_refused("open", true, opened);
        let bodies = BODIES[usize::from(!self.random.one_in(3))..].to_vec();
        let controllers = CONTROLLERS[usize::from(!self.random.one_in(3))..].to_vec();
        let researchers = RESEARCHERS[usize::from(!self.random.one_in(3))..].to_vec();
        let roles = [
            (Role::Linking, &bodies),
            (Role::Controller, &controllers),
            (Role::Researcher, &researchers),
        ];
        for (role, parties) in roles {
            for party in parties {
                let card = self.party_card(party);
                let registered = self.at_service(|world| {
                    let outcome = world.register(&card, role, &[&project]);
                    or_done(outcome, &["party-role", "party-registered"])
                });
                self.is_refused("party", true, registered);
            }
        }
        self.stats.count("a project is opened");
        let new = Project {
            ends,
            closed: false,
            generation: 1,
            doubted: false,
            controllers,
            bodies,
            researchers,
            marked: None,
            over: false,
            told: Default::default(),
        };
        self.projects.insert(project, new);
    }

    pub(crate) fn extend(&mut self) {
        let Some(project) = self.project() else { return };
        let known = &self.projects[&project];
        let ends = known.ends.saturating_add(Span::new().days(30 + self.random.below(300) as i64));
        let is_near = ends < self.day(365 * 4);
        let must = is_near && self.is_well() && self.lives(known) && self.believed < end(known);
        let lives = self.lives(known);
        let extended = self.at_service(|world| {
            let state = world.try_open()?;
            if state.state().domain(&name(&project))?.ends() == Some(ends) {
                return Ok(());
            }
            drop(state);
            world.extend(&project, &ends.to_string())
        });
        if !self.is_refused("extend", must, extended) {
            self.hold(lives, format!("`{project}` is over and was extended"));
            self.stats.count("a project is extended");
            self.projects.get_mut(&project).unwrap().ends = ends;
        }
    }

    pub(crate) fn close(&mut self) {
        let Some(project) = self.project() else { return };
        let known = &self.projects[&project];
        let must = self.is_well() && self.lives(known) && self.believed < end(known);
        let outcome = self.at_service(|world| or_done(world.close(&project), &["keys-destroyed"]));
        // What is away is destroyed when it comes back.
        let is_closed = self.world.ledger().state.domain(&name(&project)).unwrap().closed;
        self.is_refused("close", must, outcome);
        let truth = self.truth;
        let known = self.projects.get_mut(&project).unwrap();
        if is_closed && !known.closed {
            known.closed = true;
            known.marked = known.marked.or(Some(truth - DAY));
            self.stats.count("a project is closed");
        }
    }

    pub(crate) fn doubt(&mut self) {
        let Some(project) = self.project() else { return };
        let known = &self.projects[&project];
        let must = self.is_well() && !known.over && !known.doubted && self.lives(known);
        let kit = self.random.below(3);
        let outcome = self.at_service(|world| match world.doubt(&project, kit) {
            Err(error) if error.code() == "already-doubted" => Ok(()),
            outcome => outcome,
        });
        if !self.is_refused("doubt", must, outcome) {
            self.projects.get_mut(&project).unwrap().doubted = true;
            self.stats.count("a key is doubted");
            self.ask_under_doubt(&project);
        }
    }

    pub(crate) fn examine(&mut self) {
        let Some(project) = self.doubted() else { return };
        let outcome = self.at_service(|world| {
            let known = world.try_open()?;
            match known.state().domain(&name(&project))?.active().compromised {
                true => {
                    drop(known);
                    world.examined(&project)
                }
                false => Ok(()),
            }
        });
        let must = self.is_well();
        if !self.is_refused("examined", must, outcome) {
            self.projects.get_mut(&project).unwrap().doubted = false;
            self.stats.count("a doubt is examined");
        }
    }

    /// A project whose key is doubted.
    fn doubted(&mut self) -> Option<String> {
        let doubted = self.projects.iter().filter(|(_, known)| known.doubted && self.lives(known));
        let doubted: Vec<String> = doubted.map(|(name, _)| name.clone()).collect();
        self.random.of(&doubted)
    }

    pub(crate) fn new_key(&mut self) {
        let Some(project) = self.doubted().or_else(|| self.project()) else { return };
        let known = &self.projects[&project];
        let must = self.is_well() && self.lives(known) && self.believed < end(known);
        let (lives, next) = (self.lives(known), known.generation + 1);
        let reason = match known.doubted {
            true => RenewalReason::Doubt,
            false => RenewalReason::Scheduled,
        };
        let outcome = self.at_service(|world| {
            let mut service = world.try_open()?;
            if service.state().domain(&name(&project))?.generation() == generation(next) {
                return Ok(());
            }
            let generation = generation(next);
            let action = Action::NewKey { domain: name(&project), generation, reason };
            let quorum = world.quorum(&mut service, action)?;
            service.new_key(quorum)
        });
        if !self.is_refused("new-key", must, outcome) {
            self.hold(lives, format!("`{project}` is over and got another key"));
            let known = self.projects.get_mut(&project).unwrap();
            (known.generation, known.doubted) = (next, false);
            self.stats.count("a key is made anew");
        }
    }

    /// The timer, unless it fails: what is past its end is marked, and a day later all of it goes.
    pub(crate) fn expire(&mut self) {
        if self.truth < self.outage {
            return;
        }
        let mut outcome = self.at_service(|world| world.try_open()?.expire());
        if self.ahead.is_zero() && outcome.as_ref().is_ok_and(|expired| expired.unconfirmed) {
            // One custodian looks at a calendar, and it runs again.
            self.stats.count("a clock is confirmed");
            let receipt = self.world.check(0);
            let receipt = self.at_service(|world| {
                let known = world.try_open()?.receipt(receipt.clone()).map(drop);
                or_done(known, &["receipt-known"])
            });
            self.is_refused("check", self.is_well(), receipt);
            outcome = self.at_service(|world| world.try_open()?.expire());
        }
        let must = self.is_well();
        let keys = match &outcome {
            Ok(expired) => (expired.request_keys.len(), expired.results.len()),
            Err(_) => (0, 0),
        };
        (0..keys.0).for_each(|_| self.stats.count("a request key expires"));
        (0..keys.1).for_each(|_| self.stats.count("a result goes with its project"));
        if self.is_refused("expire", must, outcome) || !must {
            return;
        }
        self.believed = self.believed.max(self.truth);
        let (truth, mut due) = (self.truth, Vec::new());
        for (name, project) in &mut self.projects {
            match project.marked {
                Some(marked) if truth >= marked + DAY => due.push(name.clone()),
                None if truth >= end(project) => project.marked = Some(truth),
                _ => {}
            }
        }
        let service = self.world.open();
        for project in due {
            self.is_gone(&service, &project);
        }
        self.request_keys_are_gone(&service);
        self.tell_ends(&service);
    }

    /// The service sends notices of the projects that are over; they travel for weeks.
    fn tell_ends(&mut self, service: &Service) {
        for (body, notice) in service.notices() {
            let project = notice.body.domain.to_string();
            let body = BODIES.into_iter().find(|known| *known == body.as_str()).unwrap();
            let path = self.world.path(&format!("{project}.{body}.notice.json"));
            if path.exists() {
                continue;
            }
            fs::write(&path, notice.bytes()).unwrap();
            let then = self.truth + DAY * self.random.below(100) as i32;
            self.mail.push((then, Mail::Notice { project, body, path }));
        }
        for (name, project) in &self.projects {
            let is_over = service.state().domain(&self::name(name)).unwrap().destroyed.is_some();
            let told =
                |body: &&str| self.world.path(&format!("{name}.{body}.notice.json")).exists();
            let all = project.bodies.iter().all(told);
            self.hold(all || !is_over, format!("`{name}` is over, and a body has no notice"));
        }
    }
}
