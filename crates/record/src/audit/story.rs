//! What the events say beyond the state that they lead to: who approved what, and what came of it.

use std::collections::BTreeMap;

use cstatns_base::code::Generation;
use cstatns_base::delivery::DeliveryId;
use cstatns_base::domain::RenewalReason;
use cstatns_base::name::{Hex, Name};
use jiff::Timestamp;
use serde::Serialize;

use crate::ledger::event::{Event, Lapse, Line};
use crate::proposal::{Action, Consent, RunId};

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

/// A question, and who approved it.
pub(super) struct Asked {
    pub(super) action: Action,
    /// Empty until its run begins.
    pub(super) approved: Vec<Name>,
}

/// A call or a question that led to no result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Attempt {
    /// The event that records it.
    pub event: u64,
    /// When.
    pub time: Timestamp,
    /// `refused` before anything began, `failed` in its run, or `lapsed` before one.
    pub how: &'static str,
    /// What was to be done.
    pub verb: String,
    /// The stable code of the error; of a question that lapsed, why.
    pub code: String,
    /// The domain, where that is known.
    pub domain: Option<Name>,
    /// The custodians who had approved.
    pub approved: Vec<Name>,
}

/// How a key was made, and why where it replaced another.
pub(super) type KeyMade = (Decided, Option<RenewalReason>);

/// Gathered event by event, while the ledger is verified.
#[derive(Default)]
pub(super) struct Story {
    /// Every question.
    pub(super) asked: BTreeMap<RunId, Asked>,
    /// The keys of each domain.
    pub(super) made: BTreeMap<Name, BTreeMap<Generation, KeyMade>>,
    /// The examinations of doubts, with the doubts.
    pub(super) examined: Vec<(Decided, Vec<Hex<32>>)>,
    /// Each delivery that a renewal names, with what came of it.
    pub(super) renewed: BTreeMap<DeliveryId, Vec<DeliveryId>>,
    /// How many files whoever signed for a delivery states destroyed.
    pub(super) destroyed: BTreeMap<DeliveryId, u64>,
    /// What led to no result.
    pub(super) attempts: Vec<Attempt>,
    /// The time of each event.
    pub(super) times: Vec<Timestamp>,
}

impl Story {
    pub(super) fn add(&mut self, line: &Line) {
        self.times.push(line.time);
        match &line.event {
            Event::Proposed { question } => {
                let (action, approved) = (question.action.clone(), Vec::new());
                self.asked.insert(question.run, Asked { action, approved });
            }
            Event::Intent { run, consents, .. } => {
                if let Some(asked) = self.asked.get_mut(run) {
                    let by = consents.iter().map(|Consent { body, .. }| body.by.clone());
                    asked.approved = by.collect();
                }
            }
            Event::Opened { run, .. } | Event::KeyMade { run, .. } => {
                let Some((action, decided)) = self.decided(line, run) else { return };
                let key = match action {
                    Action::Open { domain, .. } => (domain.clone(), Generation::FIRST, None),
                    Action::NewKey { domain, generation, reason } => {
                        (domain.clone(), *generation, Some(*reason))
                    }
                    _ => return,
                };
                let (domain, generation, reason) = key;
                self.made.entry(domain).or_default().insert(generation, (decided, reason));
            }
            Event::Examined { run } => {
                if let Some((Action::Examined { doubts, .. }, decided)) = self.decided(line, run) {
                    let doubts = doubts.clone();
                    self.examined.push((decided, doubts));
                }
            }
            Event::Renewed { run, part, .. } => {
                let Some(Asked { action, .. }) = self.asked.get(run) else { return };
                if let Action::Renew { of: Some(of), .. } = action {
                    let made = DeliveryId { run: *run, part: *part };
                    of.iter().for_each(|of| self.renewed.entry(*of).or_default().push(made));
                }
            }
            Event::Refused { verb, code } => {
                let (verb, code) = (verb.to_string(), code.to_string());
                self.attempted(line, "refused", (verb, code), None, Vec::new());
            }
            Event::Failed { run, code } => {
                let approved = self.asked.get(run).map(|asked| asked.approved.clone());
                self.ended(line, "failed", code.to_string(), run, approved.unwrap_or_default());
            }
            Event::Lapsed { run, why, consents } => {
                let approved = consents.iter().map(|consent| consent.body.by.clone()).collect();
                self.ended(line, "lapsed", reason(*why).to_owned(), run, approved);
            }
            Event::Delivered { run, part, receipt: Some(receipt) } => {
                let delivery = DeliveryId { run: *run, part: *part };
                self.destroyed.insert(delivery, receipt.body.destroyed);
            }
            _ => {}
        }
    }

    /// A question ended without a result, or without some.
    fn ended(
        &mut self,
        line: &Line,
        how: &'static str,
        code: String,
        run: &RunId,
        approved: Vec<Name>,
    ) {
        let action = self.asked.get(run).map(|asked| &asked.action);
        let domain = action.and_then(Action::domain).cloned();
        let verb = action.map_or("", Action::verb).to_owned();
        self.attempted(line, how, (verb, code), domain, approved);
    }

    fn attempted(
        &mut self,
        line: &Line,
        how: &'static str,
        (verb, code): (String, String),
        domain: Option<Name>,
        approved: Vec<Name>,
    ) {
        let (event, time) = (line.sequence, line.time);
        self.attempts.push(Attempt { event, time, how, verb, code, domain, approved });
    }

    /// What the run was asked for whose end a line records, and by whom.
    fn decided(&self, line: &Line, run: &RunId) -> Option<(&Action, Decided)> {
        let Asked { action, approved } = self.asked.get(run)?;
        let (event, time, approved) = (line.sequence, line.time, approved.clone());
        Some((action, Decided { event, time, approved }))
    }
}

/// Why a question ended without a run, as the ledger spells it.
fn reason(why: Lapse) -> &'static str {
    match why {
        Lapse::Expired => "expired",
        Lapse::Stopped => "stopped",
        Lapse::Withdrawn => "withdrawn",
    }
}
