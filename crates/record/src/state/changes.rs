//! How events change the state, each if it is lawful.

use std::collections::BTreeSet;

use cstatns_base::commitment::Commitment;
use cstatns_base::domain::{CheckValue, KeyState, Kind};
use cstatns_base::name::{Hex, Name};

use crate::checkpoint::Head;
use crate::dealing::{Dealing, Epoch, Seat};
use crate::ledger::History;
use crate::ledger::event::Destroyed;
use crate::proposal::{Action, RunId};
use crate::receipt::{Doubt, Receipt, ReceiptStatement};
use crate::statement::verify;

use super::{Delivery, Domain, EpochState, Key, PendingRun, Refusal, State, Unlawful};

impl State {
    /// A clock that is behind a mark has been put right since: nothing is destroyed on the word of
    /// the one before it. By the present clock the project has not ended, or ended now. It goes on
    /// refusing, for time does not go back.
    pub(super) fn correct_marks(&mut self) {
        let now = self.agreed;
        for project in self.domains.values_mut().filter(|project| project.destroyed.is_none()) {
            let past = project.is_past_its_end(now);
            project.ended = project.ended.filter(|_| past).map(|ended| ended.min(now));
        }
    }

    pub(super) fn deal(&mut self, dealing: &Dealing, since: u64) {
        let (held, forgotten) = (BTreeSet::new(), BTreeSet::new());
        self.epochs
            .insert(dealing.epoch, EpochState { dealing: dealing.clone(), since, held, forgotten });
    }

    pub(super) fn dealt(&mut self, dealing: &Dealing, since: u64) -> Result<(), Unlawful> {
        let Some(PendingRun { proposal, .. }) = &self.pending else {
            return Err(Unlawful::NoIntent);
        };
        let Action::Deal { threshold, cards } = &proposal.action else {
            return Err(Unlawful::NoIntent);
        };
        dealing.check()?;
        let next = self.epochs.last_key_value().map(|(epoch, _)| Epoch(epoch.0 + 1));
        let dealt: Vec<Hex<32>> =
            dealing.roster.iter().map(|seat| seat.card.fingerprint()).collect();
        let as_approved = dealing.threshold == *threshold && dealt == *cards;
        let same = dealing.service == self.service && dealing.demo == self.demo;
        if Some(dealing.epoch) != next || !as_approved || !same {
            return Err(Unlawful::Dealing);
        }
        self.pending = None;
        self.deal(dealing, since);
        Ok(())
    }

    pub(super) fn received(
        &mut self,
        receipt: &Receipt,
        history: &History,
    ) -> Result<(), Unlawful> {
        self.check_receipt(receipt, history)?;
        let by = &receipt.body.by;
        match &receipt.body.statement {
            ReceiptStatement::ShareHeld { epoch, .. } => {
                self.epochs.get_mut(epoch).ok_or(Refusal::Receipt)?.held.insert(by.clone());
            }
            ReceiptStatement::ShareForgotten { epoch } => {
                self.epochs.get_mut(epoch).ok_or(Refusal::Receipt)?.forgotten.insert(by.clone());
            }
            ReceiptStatement::CheckpointSeen { head, .. } => self.witness(by, head),
            ReceiptStatement::FileDestroyed { .. } => {}
        }
        Ok(())
    }

    /// Whether a receipt may be recorded.
    ///
    /// # Errors
    /// [`Refusal::Receipt`] when it is not a sound statement of a known custodian about this
    /// ledger; [`Refusal::ReceiptKnown`] when it has been recorded.
    pub fn check_receipt(&self, receipt: &Receipt, history: &History) -> Result<(), Refusal> {
        let body = &receipt.body;
        if body.service != self.service.id() {
            return Err(Refusal::ReceiptOtherService);
        }
        let find = |state: &EpochState| -> Option<Seat> {
            state
                .dealing
                .seat(&body.by)
                .filter(|seat| seat.card.fingerprint() == body.card)
                .cloned()
        };
        let seat = match &body.statement {
            ReceiptStatement::ShareHeld { epoch, .. }
            | ReceiptStatement::ShareForgotten { epoch } => self.epochs.get(epoch).and_then(find),
            ReceiptStatement::CheckpointSeen { .. } => self.epochs.values().rev().find_map(find),
            ReceiptStatement::FileDestroyed { .. } => None,
        };
        let seat = seat.ok_or_else(|| Refusal::ReceiptNotInRoster { by: body.by.clone() })?;
        let signing = &seat.card.body.signing;
        if body.format != crate::statement::FORMAT || !receipt.is_by(signing) {
            return Err(Refusal::ReceiptSignature { by: body.by.clone() });
        }
        match &body.statement {
            ReceiptStatement::ShareHeld { epoch, dealing } => {
                let state = &self.epochs[epoch];
                if *dealing != state.dealing.fingerprint() {
                    return Err(Refusal::Receipt);
                }
                if state.held.contains(&body.by) {
                    return Err(Refusal::ReceiptKnown { by: body.by.clone() });
                }
            }
            ReceiptStatement::ShareForgotten { epoch } => {
                if self.epochs[epoch].forgotten.contains(&body.by) {
                    return Err(Refusal::ReceiptKnown { by: body.by.clone() });
                }
            }
            ReceiptStatement::CheckpointSeen { head, cosignature } => {
                let text = head.checkpoint(self.service.id()).text();
                if !history.includes(head) || !verify(signing, text.as_bytes(), cosignature) {
                    return Err(Refusal::Receipt);
                }
            }
            ReceiptStatement::FileDestroyed { .. } => return Err(Refusal::Receipt),
        }
        Ok(())
    }

    pub(super) fn take_pending(&mut self, run: &RunId) -> Result<PendingRun, Unlawful> {
        match self.pending.take() {
            Some(pending) if pending.proposal.run == *run => Ok(pending),
            _ => Err(Unlawful::NoIntent),
        }
    }

    pub(super) fn opened(&mut self, run: &RunId, check: CheckValue) -> Result<(), Unlawful> {
        let PendingRun { proposal, .. } = self.take_pending(run)?;
        let Action::Open { domain, kind, minimum_batch } = proposal.action else {
            return Err(Unlawful::NoIntent);
        };
        let keys = vec![self.new_key(check, proposal.epoch)];
        let domain_state =
            Domain { kind, minimum_batch, keys, ended: None, closed: false, destroyed: None };
        self.domains.insert(domain, domain_state);
        Ok(())
    }

    fn new_key(&self, check: CheckValue, epoch: Epoch) -> Key {
        Key { check, made: self.time, state: KeyState::Active, compromised: false, epoch }
    }

    pub(super) fn extended(&mut self, run: &RunId) -> Result<(), Unlawful> {
        let PendingRun { proposal, .. } = self.take_pending(run)?;
        let Action::Extend { domain, ends } = proposal.action else {
            return Err(Unlawful::NoIntent);
        };
        let project = self.domains.get_mut(&domain).ok_or(Refusal::UnknownDomain)?;
        project.kind = Kind::Research { ends };
        Ok(())
    }

    pub(super) fn key_made(&mut self, run: &RunId, check: CheckValue) -> Result<(), Unlawful> {
        let PendingRun { proposal, .. } = self.take_pending(run)?;
        let Action::NewKey { domain, .. } = proposal.action else { return Err(Unlawful::NoIntent) };
        let key = self.new_key(check, proposal.epoch);
        let domain = self.domains.get_mut(&domain).ok_or(Refusal::UnknownDomain)?;
        if domain.keys.iter().any(|earlier| earlier.check == check) {
            return Err(Unlawful::Keys);
        }
        if let Some(former) = domain.keys.last_mut() {
            former.state = KeyState::ChainOnly;
        }
        domain.keys.push(key);
        Ok(())
    }

    pub(super) fn coded(
        &mut self,
        run: &RunId,
        rows: u64,
        result: Commitment,
        renewed: bool,
    ) -> Result<(), Unlawful> {
        let PendingRun { proposal, begun } = self.take_pending(run)?;
        let (domain, from, generation, input, request_kept, scheme, look_up) = match proposal.action
        {
            Action::Code { domain, generation, scheme, input, keep_request, look_up, .. }
                if !renewed =>
            {
                (domain, None, generation, input, keep_request, Some(scheme), look_up)
            }
            Action::Renew { domain, from, generation, input, keep_request, .. } if renewed => {
                (domain, Some(from), generation, input, keep_request, None, None)
            }
            _ => return Err(Unlawful::NoIntent),
        };
        if input.rows != rows {
            return Err(Unlawful::Rows);
        }
        let made = self.time;
        let (delivered, destroyed) = (false, false);
        let delivery = Delivery {
            domain,
            generation,
            from,
            rows,
            request: input.commitment,
            result,
            begun,
            made,
            request_kept,
            scheme,
            look_up,
            delivered,
            destroyed,
        };
        self.deliveries.insert(*run, delivery);
        if !request_kept {
            self.owed = Some(Destroyed::Request { run: *run });
        }
        Ok(())
    }

    pub(super) fn closed(&mut self, run: &RunId) -> Result<(), Unlawful> {
        let PendingRun { proposal, .. } = self.take_pending(run)?;
        let Action::Close { domain } = proposal.action else { return Err(Unlawful::NoIntent) };
        self.domains.get_mut(&domain).ok_or(Refusal::UnknownDomain)?.closed = true;
        self.owed = Some(Destroyed::Keys { domain });
        Ok(())
    }

    pub(super) fn destroyed(&mut self, what: &Destroyed) -> Result<(), Unlawful> {
        let (now, owed) = (self.agreed, self.owed.as_ref() == Some(what));
        if owed {
            self.owed = None;
        }
        match what {
            Destroyed::Keys { domain } => {
                let project = self.domains.get_mut(domain).ok_or(Refusal::UnknownDomain)?;
                if project.destroyed.is_some() || !project.may_be_destroyed(now) {
                    return Err(Unlawful::NotEnded);
                }
                project.destroyed = Some(self.time);
                for key in &mut project.keys {
                    key.state = KeyState::Destroyed;
                }
                Ok(())
            }
            _ if !owed => Err(Unlawful::NotOwed),
            Destroyed::Result { run } => {
                self.deliveries.get_mut(run).ok_or(Refusal::UnknownDelivery)?.destroyed = true;
                Ok(())
            }
            Destroyed::Request { .. } => Ok(()),
        }
    }

    pub(super) fn doubted(&mut self, doubt: &Doubt, history: &History) -> Result<(), Unlawful> {
        self.check_doubt(doubt, history)?;
        match &doubt.body.domain {
            Some(domain) => {
                let domain = self.domains.get_mut(domain).ok_or(Refusal::UnknownDomain)?;
                if let Some(key) = domain.keys.last_mut() {
                    key.compromised = true;
                }
            }
            None => {
                self.custody_doubted = self.epochs.last_key_value().map(|(epoch, _)| *epoch);
                for domain in self.domains.values_mut() {
                    if let Some(key) = domain.keys.last_mut() {
                        key.compromised = true;
                    }
                }
            }
        }
        self.witness(&doubt.body.by, &doubt.body.head);
        Ok(())
    }

    /// Whether a doubt may be recorded. Stopping needs one person, so a doubt is not refused for
    /// want of anything else than a sound signature on this very ledger.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check_doubt(&self, doubt: &Doubt, history: &History) -> Result<(), Refusal> {
        let body = &doubt.body;
        let seat = self.epochs.values().rev().find_map(|state| {
            state.dealing.seat(&body.by).filter(|seat| seat.card.fingerprint() == body.card)
        });
        let seat = seat.ok_or_else(|| Refusal::ReceiptNotInRoster { by: body.by.clone() })?;
        let known = body.format == crate::statement::FORMAT && body.service == self.service.id();
        if !known || !doubt.is_by(&seat.card.body.signing) {
            return Err(Refusal::ReceiptSignature { by: body.by.clone() });
        }
        if !history.includes(&body.head) {
            return Err(Refusal::Receipt);
        }
        let Some(name) = &body.domain else {
            // A doubt about the custody is about every generation, and names none. Stated before
            // the newest dealing, it was answered by it, and cannot be used again.
            let newest = self.epochs.values().next_back().map_or(0, |epoch| epoch.since);
            let stands = body.generation.is_none() && body.head.size >= newest;
            return if stands { Ok(()) } else { Err(Refusal::Receipt) };
        };
        let domain = self.domains.get(name).ok_or(Refusal::UnknownDomain)?;
        if domain.destroyed.is_some() {
            return Err(Refusal::Destroyed);
        }
        let active = domain.generation();
        match body.generation {
            Some(found) if found != active => Err(Refusal::Generation { found, active }),
            None => Err(Refusal::Receipt),
            Some(_) if domain.active().compromised => Err(Refusal::AlreadyDoubted),
            Some(_) => Ok(()),
        }
    }

    pub(super) fn witness(&mut self, by: &Name, head: &Head) {
        let seen = self.witnessed.entry(by.clone()).or_default();
        *seen = head.size.max(*seen);
    }
}
