//! How events change the state, each if it is lawful.

use std::collections::{BTreeMap, BTreeSet};

use cstatns_base::code::Generation;
use cstatns_base::delivery::DeliveryId;
use cstatns_base::domain::{CheckValue, KeyState, Kind};
use cstatns_base::name::Name;

use crate::dealing::Epoch;
use crate::ledger::event::{Destroyed, Means};
use crate::proposal::{Action, RunId};

use super::{Domain, Fate, Key, PendingRun, Refusal, State, Unlawful};

impl State {
    /// A clock that is behind a mark has been put right since: nothing is destroyed on the word of
    /// the one before it. By the present clock the project has not ended, or ended now. It goes on
    /// refusing, for it was marked.
    pub(super) fn correct_marks(&mut self) {
        let (now, domains) = (self.agreed, &mut self.domains);
        self.marks.retain(|name| {
            let Some(project) = domains.get_mut(name) else { return false };
            let past = project.is_past_its_end(now);
            project.ended = project.ended.filter(|_| past).map(|ended| ended.min(now));
            past
        });
    }

    /// A project is marked as past its end.
    pub(super) fn found_ended(&mut self, domain: &Name) -> Result<(), Unlawful> {
        let now = self.agreed;
        let project = self.domains.get_mut(domain).ok_or(Refusal::UnknownDomain)?;
        if !project.is_past_its_end(now) || project.ended.is_some() || project.destroyed.is_some() {
            return Err(Unlawful::NotEnded);
        }
        (project.ended, project.marked) = (Some(now), true);
        self.marks.insert(domain.clone());
        Ok(())
    }

    /// Takes the pending run, which has a result.
    pub(super) fn take_pending(&mut self, run: &RunId) -> Result<PendingRun, Unlawful> {
        match self.pending.take() {
            Some(pending) if pending.question.run == *run => {
                self.end(run, Fate::Result);
                Ok(pending)
            }
            _ => Err(Unlawful::NoIntent),
        }
    }

    pub(super) fn failed(&mut self, run: &RunId) -> Result<(), Unlawful> {
        let PendingRun { question, made, .. } = self.take_pending(run)?;
        // Shares of it may have been written.
        if let Action::Deal { epoch, .. } = question.action {
            self.burnt_epoch = self.burnt_epoch.max(epoch);
        }
        self.end(run, Fate::Failed { made });
        Ok(())
    }

    /// Once a run, before its first result: whose shares did not open.
    pub(super) fn unopened(
        &mut self,
        run: &RunId,
        shares: &[Name],
        number: u64,
    ) -> Result<(), Unlawful> {
        let pending = self.pending.as_mut().filter(|pending| pending.question.run == *run);
        let pending = pending.filter(|pending| !pending.unopened && pending.made == 0);
        let pending = pending.ok_or(Unlawful::NoIntent)?;
        let consented = |name: &Name| pending.consented.binary_search(name).is_ok();
        let listed = !shares.is_empty() && shares.is_sorted_by(|a, b| a < b);
        if !listed || !shares.iter().all(consented) {
            return Err(Unlawful::Witnesses);
        }
        pending.unopened = true;
        self.unopened.extend(shares.iter().map(|name| (number, name.clone())));
        Ok(())
    }

    pub(super) fn opened(&mut self, run: &RunId, check: CheckValue) -> Result<(), Unlawful> {
        let PendingRun { question, .. } = self.take_pending(run)?;
        let Action::Open { domain, kind, minimum_batch, authorisation } = question.action else {
            return Err(Unlawful::NoIntent);
        };
        let keys = BTreeMap::from([(Generation::FIRST, self.new_key(check, question.epoch))]);
        let domain_state = Domain {
            kind,
            minimum_batch,
            authorisation,
            keys,
            burnt: BTreeSet::new(),
            ended: None,
            marked: false,
            closed: false,
            destroyed: None,
        };
        self.domains.insert(domain, domain_state);
        Ok(())
    }

    fn new_key(&self, check: CheckValue, epoch: Epoch) -> Key {
        let (made, state) = (self.time, KeyState::Active);
        let (compromised, left_out) = (false, false);
        Key { check, made, state, compromised, epoch, lost: None, left_out }
    }

    pub(super) fn extended(&mut self, run: &RunId) -> Result<(), Unlawful> {
        let PendingRun { question, .. } = self.take_pending(run)?;
        let Action::Extend { domain, ends } = question.action else {
            return Err(Unlawful::NoIntent);
        };
        let project = self.domains.get_mut(&domain).ok_or(Refusal::UnknownDomain)?;
        project.kind = Kind::Research { ends };
        Ok(())
    }

    pub(super) fn key_made(&mut self, run: &RunId, check: CheckValue) -> Result<(), Unlawful> {
        let PendingRun { question, .. } = self.take_pending(run)?;
        let Action::NewKey { domain, generation, .. } = question.action else {
            return Err(Unlawful::NoIntent);
        };
        let key = self.new_key(check, question.epoch);
        let domain = self.domains.get_mut(&domain).ok_or(Refusal::UnknownDomain)?;
        if domain.keys.values().any(|earlier| earlier.check == check) {
            return Err(Unlawful::Keys);
        }
        let former = domain.keys.values_mut().next_back();
        if let Some(former) = former.filter(|former| former.state == KeyState::Active) {
            former.state = KeyState::ChainOnly;
        }
        domain.keys.insert(generation, key);
        Ok(())
    }

    pub(super) fn closed(&mut self, run: &RunId) -> Result<(), Unlawful> {
        let PendingRun { question, .. } = self.take_pending(run)?;
        let Action::Close { domain } = question.action else { return Err(Unlawful::NoIntent) };
        self.domains.get_mut(&domain).ok_or(Refusal::UnknownDomain)?.closed = true;
        self.owed.push(Destroyed::Keys { domain });
        Ok(())
    }

    pub(super) fn destroyed(&mut self, what: &Destroyed, how: Means) -> Result<(), Unlawful> {
        let now = self.agreed;
        let due = self.owed.iter().position(|owed| owed == what);
        let owed = due.map(|at| self.owed.remove(at)).is_some();
        match what {
            Destroyed::Keys { domain } => {
                let project = self.domains.get_mut(domain).ok_or(Refusal::UnknownDomain)?;
                if project.destroyed.is_some() || !project.may_be_destroyed(now) {
                    return Err(Unlawful::NotEnded);
                }
                project.destroyed = Some(self.time);
                self.marks.remove(domain);
                for key in project.keys.values_mut() {
                    key.state = KeyState::Destroyed;
                }
                self.end_request_keys(|_, key| key.domain == *domain);
                Ok(())
            }
            Destroyed::Result { run, part }
                if !owed && self.owed.is_empty() && how == Means::Lost =>
            {
                self.result_lost(DeliveryId { run: *run, part: *part })
            }
            Destroyed::Result { run, part } if !owed && how != Means::Lost => {
                self.unclaimed_destroyed(DeliveryId { run: *run, part: *part })
            }
            _ if !owed => Err(Unlawful::NotOwed),
            Destroyed::Result { run, part } => {
                let id = DeliveryId { run: *run, part: *part };
                self.deliveries.get_mut(&id).ok_or(Refusal::UnknownDelivery)?.destroyed = true;
                Ok(())
            }
            Destroyed::RequestKey { key } => {
                let issued = self.request_keys.get_mut(key).ok_or(Refusal::UnknownRequestKey)?;
                issued.destroyed = Some(self.events);
                Ok(())
            }
            Destroyed::Request { .. } | Destroyed::Seals { .. } => Ok(()),
        }
    }
}
