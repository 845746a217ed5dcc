//! The life of a domain's keys: who decided on each, whether it was replaced in time and after a
//! doubt, and what became of the files that it coded (SPEC §11, §15).

mod text;

use std::collections::{BTreeMap, BTreeSet};

use cstatns_base::code::Generation;
use cstatns_base::delivery::{DeliveryId, DeliveryName};
use cstatns_base::domain::{RenewalReason, end_of};
use cstatns_base::name::{Hex, Name};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::state::{Domain, Key, RecordedDoubt, Refusal, State};

use super::story::{KeyMade, Story};
use super::{Decided, Intact, LATE};

/// Within how many days a doubt is answered at once: as long as it may take to bring a quorum
/// together, and after a doubt about the custody to deal new shares first.
pub const PROMPT: i64 = 30;

/// How the keys of a domain followed one another. `Display` says it in plain words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Rotation {
    /// The domain.
    pub domain: Name,
    /// `statistics` or `research`.
    pub kind: &'static str,
    /// How many events it is drawn from.
    pub events: u64,
    /// Its generations, ascending.
    pub generations: Vec<Turn>,
    /// A project's last day.
    pub ends: Option<Date>,
    /// When its keys were destroyed.
    pub destroyed: Option<Timestamp>,
    /// By how many days a project's keys outlived it; none where they went in time.
    pub late_days: Option<i64>,
}

/// One generation: from its key to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Turn {
    /// Its number.
    pub generation: Generation,
    /// How its key was made.
    pub made: Decided,
    /// Why, where it replaced another.
    pub reason: Option<RenewalReason>,
    /// When it is, or was, due for renewal; none in research.
    pub due: Option<Date>,
    /// How the next key was made.
    pub replaced: Option<Decided>,
    /// By how many days it was replaced too late, or is overdue.
    pub late_days: Option<i64>,
    /// Who doubted it.
    pub doubts: Vec<Doubt>,
    /// The files with its codes.
    pub deliveries: Vec<Given>,
}

/// A doubt about a key, and what followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Doubt {
    /// Who stated it.
    pub by: Name,
    /// Its event.
    pub event: u64,
    /// Its date.
    pub time: Timestamp,
    /// Whether it is about the custody of all keys, and not about this one.
    pub custody: bool,
    /// What answered it: the next key, or a quorum that examined it; none while nothing has.
    pub answered: Option<Decided>,
    /// Whether that was an examination, without a new key.
    pub examined: bool,
    /// Whether it came more than [`PROMPT`] days after the doubt.
    pub late: bool,
}

/// A file with codes of a generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Given {
    /// Its delivery.
    pub delivery: DeliveryName,
    /// The event that records it.
    pub event: u64,
    /// When it was made.
    pub made: Timestamp,
    /// What it is for.
    pub purpose: Name,
    /// Its rows.
    pub rows: u64,
    /// What became of it.
    pub standing: Standing,
    /// The deliveries that it was renewed into.
    pub into: Vec<DeliveryName>,
    /// How many files with identifiers or former codes whoever received those states destroyed.
    pub destroyed: u64,
}

/// What became of a file, as far as the ledger shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Standing {
    /// Its generation is the present one.
    InUse,
    /// Its codes were renewed, and the new ones have arrived: the party that they went to has
    /// signed for them; those that went in clear are stated delivered.
    Renewed,
    /// Its codes were renewed; of the new ones that is not so yet.
    RenewedUnsigned,
    /// It was lost before anybody had it.
    Lost,
    /// The service's copy was destroyed with the project's keys; nobody said to have it.
    Unclaimed,
    /// The project is over: whoever has it was told to destroy it.
    Over,
    /// It still has codes of a former generation.
    Out,
}

impl Rotation {
    /// Draws it for a domain of a ledger, at `now` by the auditor's clock.
    ///
    /// # Errors
    /// [`Refusal::UnknownDomain`].
    pub fn of(ledger: &Intact, domain: &Name, now: Timestamp) -> Result<Self, Refusal> {
        let known = ledger.state.domain(domain)?;
        Ok(Self::drawn(ledger, (domain, known), now))
    }

    /// The same of every domain, by their names.
    pub fn all(ledger: &Intact, now: Timestamp) -> Vec<Self> {
        ledger.state.domains().iter().map(|domain| Self::drawn(ledger, domain, now)).collect()
    }

    fn drawn(ledger: &Intact, (domain, known): (&Name, &Domain), now: Timestamp) -> Self {
        let Intact { state, story, history, .. } = ledger;
        let (none, mut given) = (BTreeMap::new(), story.given(state, (domain, known)));
        let made = story.made.get(domain).unwrap_or(&none);
        let turn = |(generation, key): (&Generation, &Key)| {
            let (decided, reason) = made.get(generation)?.clone();
            let replaced = made.get(&generation.next()).map(|(next, _)| next.clone());
            let due = known.due(key);
            let until = replaced.as_ref().map_or(now, |next| next.time);
            let doubts = state.doubts().iter().filter(|(_, doubt)| {
                doubt.keys.iter().any(|key| (&key.domain, &key.generation) == (domain, generation))
            });
            Some(Turn {
                generation: *generation,
                made: decided,
                reason,
                due,
                late_days: due.and_then(|due| days_after(due, until)),
                doubts: doubts.map(|(digest, doubt)| story.doubt(made, digest, doubt)).collect(),
                deliveries: given.remove(generation).unwrap_or_default(),
                replaced,
            })
        };
        let generations = known.keys.iter().filter_map(turn).collect();
        let ends = known.ends();
        let late = ends.and_then(|ends| {
            let late = known.destroyed.unwrap_or(now).duration_since(end_of(ends));
            (late > LATE).then(|| late.as_hours() / 24)
        });
        Self {
            domain: domain.clone(),
            kind: known.kind.word(),
            events: history.size(),
            generations,
            ends,
            destroyed: known.destroyed,
            late_days: late,
        }
    }

    /// Whether every key was replaced or destroyed in time, every doubt answered, and no file with
    /// codes of a former generation is out.
    pub fn is_in_order(&self) -> bool {
        let in_order = |turn: &Turn| {
            turn.late_days.is_none()
                && turn.doubts.iter().all(|doubt| doubt.answered.is_some() && !doubt.late)
                && turn.is_finished()
        };
        self.late_days.is_none() && self.generations.iter().all(in_order)
    }
}

impl Turn {
    /// Whether no file with codes of this generation is out after another key replaced it.
    pub fn is_finished(&self) -> bool {
        self.still_out().next().is_none()
    }

    /// The files with codes of this generation that are out though another key replaced it.
    pub fn still_out(&self) -> impl Iterator<Item = &Given> {
        self.deliveries.iter().filter(|given| given.standing == Standing::Out)
    }
}

impl Story {
    fn doubt(
        &self,
        made: &BTreeMap<Generation, KeyMade>,
        digest: &Hex<32>,
        doubt: &RecordedDoubt,
    ) -> Doubt {
        let after = |decided: &&Decided| decided.event > doubt.number;
        let key = made.values().map(|(decided, _)| decided).find(after);
        let examined = self.examined.iter().find(|(_, doubts)| doubts.contains(digest));
        let examined = examined.map(|(decided, _)| decided).filter(after);
        let is_examined =
            examined.is_some_and(|examined| key.is_none_or(|key| examined.event < key.event));
        let answered = if is_examined { examined } else { key };
        let took = answered.map(|answer| answer.time.duration_since(doubt.time));
        Doubt {
            by: doubt.by.clone(),
            event: doubt.number,
            time: doubt.time,
            custody: doubt.is_about(None),
            answered: answered.cloned(),
            examined: is_examined,
            late: took.is_some_and(|took| took.as_hours() >= 24 * (PROMPT + 1)),
        }
    }

    /// The files with codes of each generation, in the order in which they were made.
    fn given(
        &self,
        state: &State,
        (name, domain): (&Name, &Domain),
    ) -> BTreeMap<Generation, Vec<Given>> {
        let mut all: BTreeMap<Generation, Vec<Given>> = BTreeMap::new();
        for (id, made) in state.deliveries().iter().filter(|(_, made)| made.domain == *name) {
            let into: BTreeSet<_> = self.renewed.get(id).into_iter().flatten().copied().collect();
            let has_new = |into: &DeliveryId| {
                let new = &state.deliveries()[into];
                new.receipt.is_some() || (new.recipient.is_none() && new.delivered)
            };
            let standing = match made {
                _ if made.lost.is_some() => Standing::Lost,
                _ if made.destroyed && !made.delivered => Standing::Unclaimed,
                _ if made.renewed && into.iter().all(has_new) => Standing::Renewed,
                _ if made.renewed => Standing::RenewedUnsigned,
                _ if domain.destroyed.is_some() => Standing::Over,
                _ if made.generation != domain.generation() => Standing::Out,
                _ => Standing::InUse,
            };
            all.entry(made.generation).or_default().push(Given {
                delivery: state.named(*id),
                event: made.event,
                made: made.made,
                purpose: made.purpose.clone(),
                rows: made.rows,
                standing,
                destroyed: into.iter().filter_map(|id| self.destroyed.get(id)).sum(),
                into: into.into_iter().map(|id| state.named(id)).collect(),
            });
        }
        all.values_mut().for_each(|given| given.sort_by_key(|given| given.event));
        all
    }
}

/// How many whole days after a day something was; none where it was not later.
fn days_after(due: Date, time: Timestamp) -> Option<i64> {
    let days = (TimeZone::UTC.to_datetime(time).date() - due).get_days();
    (days > 0).then_some(days.into())
}
