//! What the ledger says of custodians, for those who look after a service (SPEC §12).

use std::collections::BTreeSet;

use cstatns_base::domain::due;
use cstatns_base::name::{Hex, Name};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::checkpoint::Cosignature;
use crate::ledger::event::{Line, Step};
use crate::proposal::Consent;

use super::{Refusal, State, Unlawful};

/// The runs whose `intent` holds the consent of one custodian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Approved {
    /// How many.
    pub runs: u64,
    /// The number of the last intent.
    pub event: u64,
    /// Its time.
    pub time: Timestamp,
}

/// The runs that an external custodian's approval opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExternalRuns {
    /// The custodian.
    pub custodian: Name,
    /// How many, and the last of them.
    #[serde(flatten)]
    pub approved: Approved,
}

/// When a custodian of the working dealing last showed that they hold their share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Checked {
    /// The custodian.
    pub custodian: Name,
    /// The date of their last consent, or of the last receipt that says that the share opens.
    pub last: Timestamp,
    /// A year later: the day until which the next one is awaited.
    pub due: Date,
}

impl Checked {
    /// Whether that day is past at `now`.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        TimeZone::UTC.to_datetime(now).date() > self.due
    }
}

/// The last rehearsal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Rehearsal {
    /// The number of the event.
    pub event: u64,
    /// Its time.
    pub time: Timestamp,
    /// What was played.
    pub steps: Vec<Step>,
}

impl State {
    /// The last rehearsal.
    pub fn rehearsal(&self) -> Option<&Rehearsal> {
        self.rehearsal.as_ref()
    }

    /// What may happen was played, by the service's word alone.
    pub(super) fn rehearsed(&mut self, steps: &[Step], line: &Line) -> Result<(), Unlawful> {
        if self.pending.is_some() {
            return Err(Refusal::Unfinished.into());
        }
        if steps.is_empty() || !steps.is_sorted_by(|a, b| a < b) {
            return Err(Unlawful::Steps);
        }
        let (event, time, steps) = (line.sequence, line.time, steps.to_vec());
        self.rehearsal = Some(Rehearsal { event, time, steps });
        Ok(())
    }

    /// The custodians of the working dealing, in the order of its roster; none before one works.
    pub fn checked(&self) -> Vec<Checked> {
        let working = self.working_epoch().ok();
        let seats = working.into_iter().flat_map(|(_, epoch)| &epoch.dealing.roster);
        let checked = seats.filter_map(|seat| {
            let last = self.statements.get(&seat.card.body.signing)?.checked?;
            let custodian = seat.card.body.name.clone();
            Some(Checked { custodian, last, due: next_check(last) })
        });
        checked.collect()
    }

    /// A custodian has made a statement that the kit makes only where the share opens.
    pub(super) fn has_checked(&mut self, signing: Hex<32>, made: &Cosignature) {
        let statements = self.statements.entry(signing).or_default();
        statements.checked = statements.checked.max(Some(made.time));
    }

    /// The externals who approved a run, in any dealing: each once, in the order of the dealings
    /// and their rosters.
    pub fn external_runs(&self) -> Vec<ExternalRuns> {
        let (mut known, mut found) = (BTreeSet::new(), Vec::new());
        for seat in self.epochs.values().flat_map(|epoch| &epoch.dealing.roster) {
            let body = &seat.card.body;
            let approved = self.statements.get(&body.signing).and_then(|stated| stated.approved);
            let is_new = |_: &Approved| body.external && known.insert(body.signing);
            if let Some(approved) = approved.filter(is_new) {
                found.push(ExternalRuns { custodian: body.name.clone(), approved });
            }
        }
        found
    }

    /// A run begins with these consents, in this line.
    pub(super) fn approved(&mut self, consents: &[Consent], line: &Line) {
        let (event, time) = (line.sequence, line.time);
        for consent in consents {
            let signing = self.signing_key(&consent.body.card);
            let statements = self.statements.entry(signing).or_default();
            let runs = statements.approved.map_or(0, |approved| approved.runs) + 1;
            statements.approved = Some(Approved { runs, event, time });
        }
    }
}

/// A year after a statement: the day until which the next one is awaited.
pub fn next_check(last: Timestamp) -> Date {
    due(last, 1)
}
