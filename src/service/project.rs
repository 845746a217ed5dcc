//! Domains opened, extended, closed and expired (SPEC §12, §15).

use cstatns_base::code::Generation;
use cstatns_base::delivery::DeliveryName;
use cstatns_base::meta::ServiceId;
use cstatns_base::name::{Hex, Name};
use cstatns_record::ledger::event::{Destroyed, Event};
use cstatns_record::notice::{Notice, NoticeBody};
use cstatns_record::party::Role;
use cstatns_record::proposal::Action;
use jiff::SignedDuration;

use crate::custody::quorum::Quorum;

use super::{Service, ServiceError};

/// How often it is recorded at least that project ends were looked at.
const EVERY: SignedDuration = SignedDuration::from_hours(24);

impl Service {
    /// Opens the domain that a quorum approved, with its first key.
    ///
    /// # Errors
    /// [`ServiceError`]; the domain is not opened then.
    pub fn open_domain(&mut self, quorum: Quorum) -> Result<(), ServiceError> {
        let Action::Open { domain, kind, .. } = quorum.question().action.clone() else {
            return Err(self.other_action(quorum));
        };
        self.run(quorum, |service, approved| {
            let place = service.place(approved.epoch, &domain, kind, Generation::FIRST);
            let check = service.make_key(&approved, &place, None)?;
            service.record(Event::Opened { run: approved.run, check })
        })
    }

    /// Moves the end of the project that a quorum approved.
    ///
    /// # Errors
    /// [`ServiceError`]; the end is as before then.
    pub fn extend(&mut self, quorum: Quorum) -> Result<(), ServiceError> {
        let Action::Extend { .. } = quorum.question().action else {
            return Err(self.other_action(quorum));
        };
        self.run(quorum, |service, approved| service.record(Event::Extended { run: approved.run }))
    }

    /// Destroys the keys of the project that a quorum approved, before its end, and the results of
    /// it that nobody received, which are returned.
    ///
    /// # Errors
    /// [`ServiceError`]; once the decision is recorded, what could not be destroyed is tried again
    /// by the next command.
    pub fn close(&mut self, quorum: Quorum) -> Result<Vec<DeliveryName>, ServiceError> {
        let Action::Close { .. } = quorum.question().action else {
            return Err(self.other_action(quorum));
        };
        self.run(quorum, |service, approved| {
            service.record(Event::Closed { run: approved.run })?;
            service.pay_what_is_owed(Vec::new()).map(drop)
        })?;
        self.destroy_unclaimed()
    }

    /// Destroys the keys of projects found past their end at least 24 hours ago, marks those that
    /// are past their end now, and destroys the request keys that have expired. With the keys of a
    /// project go its results that nobody received. Needs nobody. That
    /// it ran is recorded where something is due, where the last event is a day old, and where the
    /// clock was put back since; under an unconfirmed clock nothing else is.
    ///
    /// # Errors
    /// [`ServiceError`]; the next run tries again.
    pub fn expire(&mut self) -> Result<Expired, ServiceError> {
        let (clock, last) = (self.clock(), self.state.last_clock());
        let now = self.state.time_at(clock).min(clock);
        let due = !self.state.to_destroy(now).is_empty()
            || !self.state.to_mark(now).is_empty()
            || !self.expired_request_keys().is_empty()
            || self.state.unclaimed().next().is_some();
        if due || clock < last || clock.duration_since(last) >= EVERY {
            self.record(Event::ExpiryChecked {})?;
        }
        let mut expired =
            Expired { unconfirmed: self.is_clock_unconfirmed(), ..Expired::default() };
        if expired.unconfirmed || !due {
            return Ok(expired);
        }
        // A place that is away keeps no other project's keys alive.
        let mut away = None;
        for domain in self.state.to_destroy(now) {
            match self.destroy_keys(&domain) {
                Ok(()) => expired.destroyed.push(domain),
                Err(error) if self.ledger.is_broken() => return Err(error),
                Err(error) => away = away.or(Some(error)),
            }
        }
        for domain in self.state.to_mark(now) {
            self.record(Event::Ended { domain: domain.clone() })?;
            expired.marked.push(domain);
        }
        for key in self.expired_request_keys() {
            self.record(Event::RequestKeyEnded { key })?;
            expired.request_keys.push(key);
        }
        self.pay_request_keys()?;
        match self.destroy_unclaimed() {
            Ok(results) => expired.results = results,
            Err(error) if self.ledger.is_broken() => return Err(error),
            Err(error) => away = away.or(Some(error)),
        }
        match away {
            Some(error) => Err(error),
            None => Ok(expired),
        }
    }

    /// What the service says to the linking bodies of projects whose keys are destroyed, each with
    /// the body's name: their coded files must go too.
    pub fn notices(&self) -> Vec<(Name, Notice)> {
        let id = ServiceId::of(self.card.id()).expect("a service has an id");
        let checkpoint = self.ledger.note();
        let mut notices = Vec::new();
        for (name, domain) in self.state.domains() {
            let Some(destroyed) = domain.destroyed else { continue };
            for (card, party) in self.state.parties() {
                let role = party.roles.get(name).map(|known| known.role);
                if role != Some(Role::Linking) {
                    continue;
                }
                let (to, note) = ((name.clone(), *card), checkpoint.to_owned());
                let body = NoticeBody::new(id.clone(), to, destroyed, note);
                let notice = Notice::new(body, &self.identity.key());
                notices.push((party.card.body.name.clone(), notice));
            }
        }
        notices
    }

    pub(super) fn destroy_keys(&mut self, domain: &Name) -> Result<(), ServiceError> {
        let present = self.keystore.destroy_project(self.card.id(), domain)?;
        let what = Destroyed::Keys { domain: domain.clone() };
        self.record(Event::Destroyed { what, how: super::destruction::means(present) })
    }
}

/// What [`Service::expire`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expired {
    /// Projects now marked as past their end.
    pub marked: Vec<Name>,
    /// Projects whose keys are destroyed.
    pub destroyed: Vec<Name>,
    /// Request keys that are past their end: their private halves are destroyed.
    pub request_keys: Vec<Hex<16>>,
    /// Deliveries of such projects that nobody received: the service's copies are destroyed.
    pub results: Vec<DeliveryName>,
    /// The clock is too far ahead to be believed: nothing was done.
    pub unconfirmed: bool,
}
