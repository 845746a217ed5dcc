//! A home that had lost events and has them again: what was unfinished ends, and k custodians have
//! seen it before anything else happens (SPEC §12).

use std::collections::BTreeSet;

use cstatns_base::code::Generation;
use cstatns_base::commitment::Commitment;
use cstatns_base::domain::KeyState;
use cstatns_base::name::Name;
use serde::{Deserialize, Serialize};

use crate::ledger::History;
use crate::ledger::event::{Event, LineWitness};
use crate::proposal::{Action, Question, QuorumError};

use super::{Domain, Fate, Refusal, State, Unlawful};

/// The recoveries of a service, and what they ended.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Recoveries {
    /// The numbers of the events that recorded them, ascending.
    pub events: Vec<u64>,
    /// Whether custodians have not seen the last of them yet: the service does nothing before that.
    pub unseen: bool,
    /// Requests that may have been coded or renewed in runs that have no result.
    pub requests: BTreeSet<Commitment>,
    /// Names of domains that may have been opened.
    pub names: BTreeSet<Name>,
}

impl State {
    /// What recoveries there were, and what they ended.
    pub fn recoveries(&self) -> &Recoveries {
        &self.recoveries
    }

    /// Between a recovery and the custodians who have seen it stands nothing but another signing
    /// key: without one nothing can be recorded.
    pub(super) fn check_resumed(&self, event: &Event) -> Result<(), Unlawful> {
        match (self.recoveries.unseen, event) {
            (true, Event::Resumed { .. } | Event::Rekeyed { .. }) | (false, _) => Ok(()),
            (true, _) => Err(Unlawful::Unseen),
        }
    }

    /// Every question that was open or running ends, and may have run: its number, the number of a
    /// key or a dealing that it would have made, and its requests are never used again.
    pub(super) fn recovered(&mut self, number: u64) -> Result<(), Unlawful> {
        self.recoveries.events.push(number);
        self.recoveries.unseen = true;
        for (run, open) in std::mem::take(&mut self.open) {
            self.burn(&open.question, 0, number);
            self.end(&run, Fate::Recovered { made: 0 });
        }
        if let Some(pending) = self.pending.take() {
            self.burn(&pending.question, pending.made, number);
            self.end(&pending.question.run, Fate::Recovered { made: pending.made });
        }
        Ok(())
    }

    fn burn(&mut self, question: &Question, made: u32, number: u64) {
        match &question.action {
            Action::Code { inputs, .. } | Action::Renew { inputs, .. } => {
                let left = inputs.iter().skip(made as usize);
                self.recoveries.requests.extend(left.map(|input| input.commitment));
            }
            Action::Open { domain, .. } => {
                self.recoveries.names.insert(domain.clone());
            }
            Action::NewKey { domain, generation, .. } => {
                if let Some(domain) = self.domains.get_mut(domain) {
                    domain.burnt.insert(*generation);
                }
            }
            Action::Deal { epoch, .. } => self.burnt_epoch = self.burnt_epoch.max(*epoch),
            Action::Abandon { epoch } => self.abandon(*epoch, number),
            Action::Extend { .. }
            | Action::Close { .. }
            | Action::Examined { .. }
            | Action::Party { .. } => {}
        }
    }

    /// The custodians of the working dealing have seen the recovery, as many as open a key.
    pub(super) fn resumed(
        &mut self,
        witnesses: &[LineWitness],
        history: &History,
    ) -> Result<(), Unlawful> {
        let recovered = self.recoveries.events.last().filter(|_| self.recoveries.unseen);
        let head = recovered.and_then(|number| history.head_at(*number));
        let head = head.ok_or(Unlawful::NoIntent)?;
        let needed = self.following_dealing().threshold.k();
        if witnesses.len() < needed {
            let given = witnesses.len();
            return Err(QuorumError::TooFew { given, needed }.into());
        }
        let dealing = self.following_dealing().clone();
        for signing in self.check_witnesses(witnesses, &dealing, &head, |_| true)? {
            self.witness(signing, head.size);
        }
        self.recoveries.unseen = false;
        Ok(())
    }

    /// A key whose seal is gone makes no more codes. Where every later one is lost too, the next
    /// goes on from the one before it.
    pub(super) fn key_lost(
        &mut self,
        domain: &Name,
        generation: Generation,
        number: u64,
    ) -> Result<(), Unlawful> {
        if self.pending.is_some() {
            return Err(Refusal::Unfinished.into());
        }
        let domain = self.domains.get_mut(domain).ok_or(Refusal::UnknownDomain)?;
        let key = domain.keys.get_mut(&generation).ok_or(Unlawful::Keys)?;
        if matches!(key.state, KeyState::Lost | KeyState::Destroyed) {
            return Err(Unlawful::Keys);
        }
        (key.state, key.lost) = (KeyState::Lost, Some(number));
        // The next key goes on from the newest that is not lost.
        let newest = domain.keys.values_mut().rev();
        newest.take_while(|key| key.state == KeyState::Lost).for_each(|key| key.left_out = true);
        Ok(())
    }
}

impl Domain {
    /// Whether codes of generation `to` can be made of identifiers, or of codes of generation
    /// `from`.
    pub(super) fn check_chain(
        &self,
        from: Option<Generation>,
        to: Generation,
    ) -> Result<(), Refusal> {
        if let Some(from) = from {
            match self.key(from) {
                None => return Err(Refusal::Generation { found: from, active: to }),
                Some(key) if key.left_out => return Err(Refusal::KeyLost { generation: from }),
                Some(_) => {}
            }
        }
        let lost = |generation: &Generation| {
            self.key(*generation).is_none_or(|key| key.state == KeyState::Lost)
        };
        match self.chain(from, to).find(lost) {
            Some(generation) => Err(Refusal::KeyLost { generation }),
            None => Ok(()),
        }
    }
}
