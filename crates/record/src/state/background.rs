//! What the ledger says around a question, for those who are asked (SPEC §9).

use cstatns_base::name::Name;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::ledger::event::KeyRef;
use crate::proposal::{Action, RunId};

use super::{Domain, State};

/// What the ledger says around an open question.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Background {
    /// The fewest distinct values of a run, of a domain that is there.
    pub minimum_batch: Option<u32>,
    /// The keys that its run opens.
    pub keys: Vec<KeyRef>,
    /// In the calendar year (UTC) of the question, for its purpose in its domain: the runs that had
    /// a result.
    pub runs_this_year: Option<u64>,
    /// The day on which the domain's present key was due for renewal, if that is past.
    pub overdue_since: Option<Date>,
    /// The event in which the home was last recovered (SPEC §13).
    pub recovered: Option<u64>,
    /// The clock and the service's time where they are far apart: then the run confirms the clock
    /// (SPEC §15).
    pub confirms_clock: Option<Confirmed>,
}

/// A clock that a run confirms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Confirmed {
    /// What it said when the question was recorded.
    pub clock: Timestamp,
    /// The service's time, which the run moves to it.
    pub time: Timestamp,
}

impl State {
    /// What this ledger says around a question that is open in it.
    pub fn background(&self, run: &RunId) -> Option<Background> {
        let open = self.open_questions().get(run)?;
        let action = &open.question.action;
        let domain = action.domain().and_then(|name| self.domains.get(name));
        let today = day(open.clock);
        let due = domain.and_then(Domain::renewal_due);
        Some(Background {
            minimum_batch: domain.map(|domain| domain.minimum_batch),
            keys: self.keys_of(action),
            runs_this_year: purpose(action)
                .zip(action.domain())
                .map(|(purpose, domain)| self.runs_in(today.year(), domain, purpose)),
            overdue_since: due.filter(|due| *due < today),
            recovered: self.recoveries.events.last().copied(),
            confirms_clock: self.confirmed_by(open.clock),
        })
    }

    fn confirmed_by(&self, clock: Timestamp) -> Option<Confirmed> {
        let apart = self.is_unconfirmed(clock) || self.is_behind(clock);
        apart.then_some(Confirmed { clock, time: self.time })
    }

    /// The runs for a purpose in a domain that had their first result in that year.
    fn runs_in(&self, year: i16, domain: &Name, purpose: &Name) -> u64 {
        let runs = self.deliveries.iter().filter(|(id, delivery)| {
            id.part == 1
                && (&delivery.domain, &delivery.purpose) == (domain, purpose)
                && day(delivery.made).year() == year
        });
        runs.count() as u64
    }
}

fn purpose(action: &Action) -> Option<&Name> {
    match action {
        Action::Code { purpose, .. } | Action::Renew { purpose, .. } => Some(purpose),
        _ => None,
    }
}

fn day(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}
