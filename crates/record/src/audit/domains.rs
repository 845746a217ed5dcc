//! What a ledger shows of each domain.

use cstatns_base::code::Generation;
use cstatns_base::domain::end_of;
use cstatns_base::language::{Said, both};
use cstatns_base::name::Name;
use cstatns_base::text;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::state::State;

pub use crate::state::Flow;

use super::LATE;

/// How a domain stood after the last sound event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DomainSummary {
    /// The domain.
    pub domain: Name,
    /// `statistics` or `research`.
    pub kind: &'static str,
    /// The generation of its codes.
    pub generation: Generation,
    /// Generations that were doubted.
    pub doubted: Vec<Generation>,
    /// When its statistical key is due for renewal.
    pub renewal_due: Option<Date>,
    /// A project's last day.
    pub ends: Option<Date>,
    /// When its keys were destroyed.
    pub destroyed: Option<Timestamp>,
    /// What came in it, and went out (R15).
    pub flow: Flow,
}

impl DomainSummary {
    pub(super) fn all(state: &State) -> Vec<Self> {
        let flows = state.flows(state.time());
        let of = |(name, flow): (&Name, Flow)| {
            let domain = &state.domains()[name];
            let doubted = domain.keys.iter().filter(|(_, key)| key.compromised);
            Self {
                domain: name.clone(),
                kind: domain.kind.word(),
                generation: domain.generation(),
                doubted: doubted.map(|(generation, _)| *generation).collect(),
                renewal_due: domain.renewal_due(),
                ends: domain.ends(),
                destroyed: domain.destroyed,
                flow,
            }
        };
        flows.into_iter().map(of).collect()
    }

    /// What is due at `now`, or came late: the code of a notice, and what it says.
    pub(super) fn due(&self, now: Timestamp) -> Option<(&'static str, Said)> {
        let domain = &self.domain;
        let overdue = self.renewal_due.filter(|due| TimeZone::UTC.to_datetime(now).date() > *due);
        if let Some(due) = overdue {
            let detail = both(|lang| {
                text!(in lang, "The key of `{domain}` was due for renewal on {due}.",
                    "La clé de `{domain}` devait être renouvelée le {due}.")
            });
            return Some(("key-overdue", detail));
        }
        let ends = self.ends?;
        let late = self.destroyed.unwrap_or(now).duration_since(end_of(ends));
        let days = late.as_hours() / 24;
        match self.destroyed {
            _ if late <= LATE => None,
            Some(destroyed) => Some((
                "destroyed-late",
                both(|lang| {
                    text!(in lang,
                        "The keys of `{domain}` were destroyed on {destroyed}, {days} days after its \
                        last day, {ends}.",
                            "Les clés de `{domain}` ont été détruites le {destroyed}, {days} jours après son dernier \
                                jour, {ends}."
                    )
                }),
            )),
            None => Some((
                "end-passed",
                both(|lang| {
                    text!(in lang,
                        "`{domain}` ended on {ends}, {days} days ago, and in this ledger its keys are \
                        not destroyed.",
                            "`{domain}` a pris fin le {ends}, il y a {days} jours, et dans ce registre ses clés ne sont \
                                pas détruites."
                    )
                }),
            )),
        }
    }
}
