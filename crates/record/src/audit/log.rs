//! The events of a ledger, each as a sentence (SPEC §11).

mod text;

use std::collections::{BTreeMap, BTreeSet};

use cstatns_base::language::Said;
use cstatns_base::name::{Hex, Name};
use jiff::Timestamp;
use serde::Serialize;

use crate::ledger::LedgerError;
use crate::ledger::event::{Destroyed, Event, Line};
use crate::proposal::{Action, RunId};
use crate::receipt::Doubted;

use super::story::Asked;
use super::{Intact, Period};

/// One event, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Entry {
    /// Its number.
    pub event: u64,
    /// The service's time.
    pub time: Timestamp,
    /// Its type, as the ledger spells it.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The run that it belongs to.
    pub run: Option<RunId>,
    /// The domains that it is about.
    pub domains: Vec<Name>,
    /// What its run is for, where that has a purpose.
    pub purpose: Option<Name>,
    /// The custodians who state it, or whose consent it rests on.
    pub custodians: Vec<Name>,
    /// What happened.
    pub sentence: Said,
}

/// Which events are wanted; without anything, all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wanted {
    /// Those about this domain: a doubt about the custody is about every one.
    pub domain: Option<Name>,
    /// Those that this custodian has stated, or consented to.
    pub custodian: Option<Name>,
    /// Those of runs with this purpose.
    pub purpose: Option<Name>,
    /// Those of this period.
    pub period: Period,
}

impl Wanted {
    fn includes(&self, about: &About<'_>) -> bool {
        let domain = |domain: &Name| about.every_domain || about.domains.contains(domain);
        self.domain.as_ref().is_none_or(domain)
            && self.custodian.as_ref().is_none_or(|by| about.custodians.contains(by))
            && self.purpose.as_ref().is_none_or(|purpose| about.purpose() == Some(purpose))
    }
}

/// Gives every event that is wanted, in order.
///
/// # Errors
/// [`LedgerError`] where the ledger cannot be read once more, or is not the one that was examined;
/// whatever `take` gives.
pub fn log<E: From<LedgerError>>(
    ledger: &Intact,
    wanted: &Wanted,
    mut take: impl FnMut(Entry) -> Result<(), E>,
) -> Result<(), E> {
    let mut keys = BTreeMap::new();
    ledger.each(|line| {
        // Later events name a request key by its number alone.
        if let Event::RequestKeyIssued { key, domain, .. } = &line.event {
            keys.insert(*key, domain.clone());
        }
        if !wanted.period.includes(line.time) {
            return Ok(());
        }
        let about = About::of(ledger, &keys, line);
        if !wanted.includes(&about) {
            return Ok(());
        }
        take(Entry {
            event: line.sequence,
            time: line.time,
            kind: line.event.word(),
            run: about.run,
            purpose: about.purpose().cloned(),
            sentence: about.sentence(ledger, line),
            domains: about.domains.into_iter().collect(),
            custodians: about.custodians.into_iter().collect(),
        })
    })
}

/// What a line is about.
struct About<'a> {
    run: Option<RunId>,
    /// What its run was asked for, and by whom it was approved.
    asked: Option<&'a Asked>,
    domains: BTreeSet<Name>,
    every_domain: bool,
    custodians: BTreeSet<Name>,
}

impl<'a> About<'a> {
    fn of(ledger: &'a Intact, keys: &BTreeMap<Hex<16>, Name>, line: &Line) -> Self {
        let event = &line.event;
        let run = run_of(event);
        let asked = run.and_then(|run| ledger.story.asked.get(&run));
        let (mut domains, mut every_domain) = (BTreeSet::new(), false);
        let mut custodians: BTreeSet<Name> = BTreeSet::new();
        if let Some(asked) = asked {
            domains.extend(asked.action.domain().cloned());
            if let Action::Party { domains: of, .. } = &asked.action {
                domains.extend(of.iter().cloned());
            }
            every_domain = matches!(asked.action, Action::Examined { domain: None, .. });
        }
        match event {
            // Who approved is not known yet.
            Event::Proposed { .. } => {}
            Event::Lapsed { consents, .. } => {
                custodians.extend(consents.iter().map(|consent| consent.body.by.clone()));
            }
            _ => custodians.extend(asked.into_iter().flat_map(|asked| asked.approved.clone())),
        }
        match event {
            Event::Doubted { doubt } => {
                custodians.insert(doubt.body.by.clone());
                match &doubt.body.about {
                    Doubted::Key { domain, .. } => drop(domains.insert(domain.clone())),
                    Doubted::Custody { .. } => every_domain = true,
                }
            }
            Event::Received { receipt } => drop(custodians.insert(receipt.body.by.clone())),
            Event::Cosigned { witnesses, .. } | Event::Resumed { witnesses } => {
                custodians = witnesses.iter().map(|witness| witness.by.clone()).collect();
            }
            Event::Unopened { shares, .. } => custodians = shares.iter().cloned().collect(),
            Event::Rekeyed { statements, .. } => {
                custodians.extend(statements.iter().map(|statement| statement.body.by.clone()));
            }
            Event::RequestKeyIssued { domain, .. }
            | Event::KeyLost { domain, .. }
            | Event::Ended { domain }
            | Event::Destroyed { what: Destroyed::Keys { domain }, .. } => {
                domains.insert(domain.clone());
            }
            Event::RequestKeyEnded { key }
            | Event::Destroyed { what: Destroyed::RequestKey { key }, .. } => {
                domains.extend(keys.get(key).cloned());
            }
            _ => {}
        }
        Self { run, asked, domains, every_domain, custodians }
    }

    fn purpose(&self) -> Option<&'a Name> {
        match &self.asked?.action {
            Action::Code { purpose, .. } | Action::Renew { purpose, .. } => Some(purpose),
            _ => None,
        }
    }
}

/// The run that an event belongs to.
fn run_of(event: &Event) -> Option<RunId> {
    match event {
        Event::Proposed { question } => Some(question.run),
        Event::Abandoned { run }
        | Event::Intent { run, .. }
        | Event::Cosigned { run, .. }
        | Event::Unopened { run, .. }
        | Event::Lapsed { run, .. }
        | Event::Opened { run, .. }
        | Event::Extended { run }
        | Event::KeyMade { run, .. }
        | Event::Coded { run, .. }
        | Event::Renewed { run, .. }
        | Event::Closed { run }
        | Event::Examined { run }
        | Event::Registered { run }
        | Event::Failed { run, .. }
        | Event::Delivered { run, .. }
        | Event::Destroyed {
            what: Destroyed::Request { run, .. } | Destroyed::Result { run, .. },
            ..
        } => Some(*run),
        _ => None,
    }
}
