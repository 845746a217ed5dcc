//! The life of a domain's keys: who decided on each, whether it was replaced in time and after a
//! doubt, and what became of the files that it coded (SPEC §11, §15).

mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cstatns_base::code::Generation;
use cstatns_base::delivery::{DeliveryId, DeliveryName};
use cstatns_base::domain::{RenewalReason, end_of};
use cstatns_base::name::{Hex, Name};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::checkpoint::leaf_hash;
use crate::ledger::event::{Event, Line};
use crate::ledger::{History, LedgerError, Lines};
use crate::proposal::{Action, Consent, RunId};
use crate::state::{Delivery, Domain, ReadLedger, RecordedDoubt, State};

use super::LATE;

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

/// Something that a quorum decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Decided {
    /// The event that records that it was done.
    pub event: u64,
    /// When.
    pub time: Timestamp,
    /// The custodians who approved, ascending.
    pub approved: Vec<Name>,
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
    /// Draws it for a domain from the ledger at `ledger`, which was verified and read before, at
    /// `now` by the auditor's clock.
    ///
    /// # Errors
    /// [`LedgerError`] where the ledger cannot be read once more, or is not what was read before.
    pub fn of(
        ledger: &Path,
        read: &ReadLedger,
        (domain, known): (&Name, &Domain),
        now: Timestamp,
    ) -> Result<Self, LedgerError> {
        let state = &read.state;
        let story = Story::read(ledger, &read.history, domain)?;
        let generations: Vec<Generation> = known.keys.keys().copied().collect();
        let turn = |(at, generation): (usize, &Generation)| {
            let made = story.made.get(generation).cloned();
            let next = generations.get(at + 1);
            let replaced = next.and_then(|next| story.made.get(next)).map(|(next, _)| next.clone());
            let due = known.due(&known.keys[generation]);
            let until = replaced.as_ref().map_or(now, |next| next.time);
            let doubts = state.doubts().iter().filter(|(_, doubt)| {
                doubt.keys.iter().any(|key| (&key.domain, &key.generation) == (domain, generation))
            });
            let (made, reason) = made?;
            Some(Turn {
                generation: *generation,
                made,
                reason,
                due,
                late_days: due.and_then(|due| days_after(due, until)),
                doubts: doubts.map(|(digest, doubt)| story.doubt(digest, doubt)).collect(),
                deliveries: story.given(state, (domain, known), *generation),
                replaced,
            })
        };
        let generations = generations.iter().enumerate().filter_map(turn).collect();
        let ends = known.ends();
        let late = ends.and_then(|ends| {
            let late = known.destroyed.unwrap_or(now).duration_since(end_of(ends));
            (late > LATE).then(|| late.as_hours() / 24)
        });
        Ok(Self {
            domain: domain.clone(),
            kind: known.kind.word(),
            events: read.history.size(),
            generations,
            ends,
            destroyed: known.destroyed,
            late_days: late,
        })
    }

    /// Whether every key was replaced or destroyed in time, every doubt answered, and no file with
    /// codes of a former generation is out.
    pub fn is_in_order(&self) -> bool {
        let in_order = |turn: &Turn| {
            turn.late_days.is_none()
                && turn.doubts.iter().all(|doubt| doubt.answered.is_some())
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

/// What the events say of a domain beyond the state that they lead to.
#[derive(Default)]
struct Story {
    made: BTreeMap<Generation, (Decided, Option<RenewalReason>)>,
    /// The examinations of doubts about the domain or the custody, with the doubts.
    examined: Vec<(Decided, Vec<Hex<32>>)>,
    /// Each delivery that a renewal names, with what came of it.
    renewed: BTreeMap<DeliveryId, Vec<DeliveryId>>,
}

impl Story {
    /// Reads the lines of a history again: other lines, put there meanwhile, say nothing here.
    fn read(ledger: &Path, history: &History, domain: &Name) -> Result<Self, LedgerError> {
        let (mut story, mut lines) = (Self::default(), Lines::open(ledger)?);
        let mut runs: BTreeMap<RunId, (Action, Vec<Name>)> = BTreeMap::new();
        for (number, leaf) in (1..).zip(history.leaves()) {
            let bytes = lines.next_line()?.filter(|bytes| leaf_hash(bytes) == *leaf);
            let line = bytes.and_then(|bytes| serde_json::from_slice::<Line>(bytes).ok());
            let line = line.ok_or(LedgerError::Line { number })?;
            let decided = |runs: &BTreeMap<RunId, (Action, Vec<Name>)>, run: &RunId| {
                let (action, approved) = runs.get(run)?.clone();
                Some((action, Decided { event: line.sequence, time: line.time, approved }))
            };
            match &line.event {
                Event::Proposed { question } => {
                    let action = &question.action;
                    let custody = matches!(action, Action::Examined { domain: None, .. });
                    if action.domain() == Some(domain) || custody {
                        runs.insert(question.run, (action.clone(), Vec::new()));
                    }
                }
                Event::Intent { run, consents, .. } => {
                    if let Some((_, approved)) = runs.get_mut(run) {
                        approved
                            .extend(consents.iter().map(|Consent { body, .. }| body.by.clone()));
                    }
                }
                Event::Opened { run, .. } => {
                    if let Some((_, decided)) = decided(&runs, run) {
                        story.made.insert(Generation::FIRST, (decided, None));
                    }
                }
                Event::KeyMade { run, .. } => {
                    if let Some((Action::NewKey { generation, reason, .. }, decided)) =
                        decided(&runs, run)
                    {
                        story.made.insert(generation, (decided, Some(reason)));
                    }
                }
                Event::Examined { run } => {
                    if let Some((Action::Examined { doubts, .. }, decided)) = decided(&runs, run) {
                        story.examined.push((decided, doubts));
                    }
                }
                Event::Renewed { run, part, .. } => {
                    if let Some((Action::Renew { of: Some(of), .. }, _)) = runs.get(run) {
                        let made = DeliveryId { run: *run, part: *part };
                        of.iter().for_each(|of| story.renewed.entry(*of).or_default().push(made));
                    }
                }
                _ => {}
            }
        }
        Ok(story)
    }

    fn doubt(&self, digest: &Hex<32>, doubt: &RecordedDoubt) -> Doubt {
        let after = |decided: &&Decided| decided.event > doubt.number;
        let key = self.made.values().map(|(decided, _)| decided).find(after);
        let examined = self.examined.iter().find(|(_, doubts)| doubts.contains(digest));
        let examined = examined.map(|(decided, _)| decided).filter(after);
        let is_examined =
            examined.is_some_and(|examined| key.is_none_or(|key| examined.event < key.event));
        let answered = if is_examined { examined } else { key };
        Doubt {
            by: doubt.by.clone(),
            event: doubt.number,
            time: doubt.time,
            custody: doubt.is_about(None),
            answered: answered.cloned(),
            examined: is_examined,
        }
    }

    /// The files with codes of a generation, in the order in which they were made.
    fn given(
        &self,
        state: &State,
        (name, domain): (&Name, &Domain),
        generation: Generation,
    ) -> Vec<Given> {
        let is_former = generation != domain.generation();
        let own = state
            .deliveries()
            .iter()
            .filter(|(_, made)| (&made.domain, made.generation) == (name, generation));
        let given = |(id, made): (&DeliveryId, &Delivery)| {
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
                _ if is_former => Standing::Out,
                _ => Standing::InUse,
            };
            Given {
                delivery: state.named(*id),
                event: made.event,
                made: made.made,
                purpose: made.purpose.clone(),
                rows: made.rows,
                standing,
                into: into.into_iter().map(|id| state.named(id)).collect(),
            }
        };
        let mut given: Vec<Given> = own.map(given).collect();
        given.sort_by_key(|given| given.event);
        given
    }
}

/// How many whole days after a day something was; none where it was not later.
fn days_after(due: Date, time: Timestamp) -> Option<i64> {
    let days = (TimeZone::UTC.to_datetime(time).date() - due).get_days();
    (days > 0).then_some(days.into())
}
