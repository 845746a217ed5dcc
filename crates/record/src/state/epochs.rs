//! Dealings of shares, and which of them works (SPEC §12).

use std::collections::BTreeSet;
use std::sync::OnceLock;

use cstatns_base::domain::KeyState;
use cstatns_base::name::Name;

use crate::card::Card;
use crate::dealing::{Dealing, Epoch, Threshold, check_roster};
use crate::ledger::event::{Destroyed, KeyRef, LivingKey, SealedRef, SealedRequestKey};
use crate::proposal::{Action, RunId};

use super::{EpochState, PendingRun, Refusal, State, Unlawful};

impl State {
    pub(super) fn deal(
        &mut self,
        dealing: &Dealing,
        keys: &[SealedRef],
        request_keys: &[SealedRequestKey],
        by: Vec<Name>,
    ) {
        let state = EpochState {
            dealing: dealing.clone(),
            since: self.events,
            held: BTreeSet::new(),
            working: false,
            by,
            keys: keys.to_vec(),
            request_keys: request_keys.to_vec(),
            abandoned: false,
            until: None,
            forgotten: BTreeSet::new(),
            cards: OnceLock::new(),
        };
        self.epochs.insert(dealing.epoch, state);
    }

    /// Whether shares may be dealt to these custodians now.
    pub(super) fn check_deal(
        &self,
        epoch: Epoch,
        threshold: Threshold,
        cards: &[Card],
        left_behind: &[KeyRef],
    ) -> Result<(), Refusal> {
        self.check_no_dealing()?;
        let next = self.next_epoch();
        if epoch != next {
            return Err(Refusal::DealingEpoch { found: epoch, next });
        }
        check_roster(&cards.iter().collect::<Vec<_>>(), threshold, self.demo)?;
        // A receiving key serves one epoch, or to forget that epoch's share would mean nothing.
        let seats = || self.epochs.values().flat_map(|epoch| &epoch.dealing.roster);
        let used =
            |card: &&Card| seats().any(|seat| seat.card.body.receiving == card.body.receiving);
        if let Some(card) = cards.iter().find(used) {
            return Err(Refusal::CardUsed { custodian: card.body.name.clone() });
        }
        let of_party =
            |card: &&Card| self.is_of_a_party(&card.body.signing, Some(&card.body.receiving));
        if let Some(card) = cards.iter().find(of_party) {
            return Err(Refusal::CustodianIsParty { custodian: card.body.name.clone() });
        }
        let living = self.living_keys();
        let known = living.iter().map(LivingKey::place).filter(|key| left_behind.contains(key));
        if known.eq(left_behind.iter().cloned()) { Ok(()) } else { Err(Refusal::LeftBehind) }
    }

    /// What would be sealed under the present root alone waits while a dealing is pending.
    pub(super) fn check_no_dealing(&self) -> Result<(), Refusal> {
        match self.pending_epoch() {
            Some((epoch, _)) => Err(Refusal::DealingPending { epoch }),
            None => Ok(()),
        }
    }

    pub(super) fn check_abandon(&self, epoch: Epoch) -> Result<(), Refusal> {
        match self.pending_epoch() {
            Some((pending, _)) if pending == epoch => Ok(()),
            _ => Err(Refusal::NoDealing { epoch }),
        }
    }

    pub(super) fn dealt(
        &mut self,
        dealing: &Dealing,
        keys: &[SealedRef],
        request_keys: &[SealedRequestKey],
    ) -> Result<(), Unlawful> {
        let Some(PendingRun { question, consented, .. }) = &self.pending else {
            return Err(Unlawful::NoIntent);
        };
        let Action::Deal { epoch, threshold, cards, left_behind } = &question.action else {
            return Err(Unlawful::NoIntent);
        };
        dealing.check()?;
        let dealt = dealing.roster.iter().map(|seat| &seat.card);
        let as_approved =
            dealing.epoch == *epoch && dealing.threshold == *threshold && dealt.eq(cards.iter());
        let same = dealing.service == self.service && dealing.demo == self.demo;
        if !as_approved || !same {
            return Err(Unlawful::Dealing);
        }
        let mut living = self.living_keys();
        living.retain(|key| !left_behind.contains(&key.place()));
        if !living.iter().eq(keys.iter().map(SealedRef::living).collect::<Vec<_>>().iter()) {
            return Err(Unlawful::Keys);
        }
        self.check_resealed(request_keys)?;
        let (run, by) = (question.run, consented.clone());
        self.take_pending(&run)?;
        self.deal(dealing, keys, request_keys, by);
        Ok(())
    }

    /// The newest dealing works: what it seals is what lives, and what it does not is lost. The
    /// keys that are sealed under the root before it are to be destroyed.
    pub(super) fn works(
        &mut self,
        epoch: Epoch,
        keys: &[LivingKey],
        number: u64,
    ) -> Result<(), Unlawful> {
        if self.pending.is_some() || self.complete_epoch() != Some(epoch) {
            return Err(Unlawful::Epoch);
        }
        if *keys != self.keys_of_epoch(epoch) {
            return Err(Unlawful::Keys);
        }
        for LivingKey { domain, generation, .. } in self.living_keys() {
            if !keys.iter().any(|key| key.domain == domain && key.generation == generation) {
                self.key_lost(&domain, generation, number)?;
            }
        }
        if let Ok((former, _)) = self.working_epoch() {
            self.epochs.get_mut(&former).ok_or(Unlawful::Epoch)?.until = Some(number);
            self.owed.push(Destroyed::Seals { epoch: former });
        }
        self.epochs.get_mut(&epoch).ok_or(Unlawful::Epoch)?.working = true;
        Ok(())
    }

    pub(super) fn abandoned(&mut self, run: &RunId, number: u64) -> Result<(), Unlawful> {
        let PendingRun { question, .. } = self.take_pending(run)?;
        let Action::Abandon { epoch } = question.action else { return Err(Unlawful::NoIntent) };
        self.abandon(epoch, number);
        Ok(())
    }

    /// Whatever was sealed under its root is to be destroyed.
    pub(super) fn abandon(&mut self, epoch: Epoch, number: u64) {
        let state = self.epochs.get_mut(&epoch).filter(|state| !state.working && !state.abandoned);
        if let Some(state) = state {
            (state.abandoned, state.until) = (true, Some(number));
            self.owed.push(Destroyed::Seals { epoch });
        }
    }

    /// The number of the next dealing: higher than that of any that was, or may have been.
    pub fn next_epoch(&self) -> Epoch {
        let newest = self.epochs.last_key_value().map_or(Epoch(0), |(epoch, _)| *epoch);
        Epoch(newest.max(self.burnt_epoch).0 + 1)
    }

    /// The newest dealing, if it does not work yet and was not given up.
    pub fn pending_epoch(&self) -> Option<(Epoch, &EpochState)> {
        let (epoch, state) = self.epochs.last_key_value()?;
        (!state.working && !state.abandoned).then_some((*epoch, state))
    }

    /// The pending epoch if all its shares are held: that it works is what is recorded next.
    pub fn complete_epoch(&self) -> Option<Epoch> {
        let (epoch, state) = self.pending_epoch()?;
        state.missing().is_empty().then_some(epoch)
    }

    /// The keys that live, of those that the dealing of an epoch sealed under its root.
    pub fn keys_of_epoch(&self, epoch: Epoch) -> Vec<LivingKey> {
        let sealed = self.epochs.get(&epoch).map_or(&[][..], |state| &state.keys);
        let sealed: Vec<LivingKey> = sealed.iter().map(SealedRef::living).collect();
        let mut living = self.living_keys();
        living.retain(|key| sealed.contains(key));
        living
    }

    /// The keys that are neither destroyed nor lost, ascending by domain and generation.
    pub fn living_keys(&self) -> Vec<LivingKey> {
        let living = self.domains.iter().filter(|(_, domain)| domain.destroyed.is_none());
        let keys = living.flat_map(|(name, domain)| domain.keys.iter().map(move |key| (name, key)));
        keys.filter(|(_, (_, key))| key.state != KeyState::Lost)
            .map(|(domain, (generation, key))| LivingKey {
                domain: domain.clone(),
                generation: *generation,
                check: key.check,
            })
            .collect()
    }

    /// The epoch that works: the newest of which that is recorded.
    ///
    /// # Errors
    /// [`Refusal::SharesMissing`] names the custodians whose receipt is missing.
    pub fn working_epoch(&self) -> Result<(Epoch, &EpochState), Refusal> {
        let working = self.epochs.iter().rev().find(|(_, state)| state.working);
        working.map(|(epoch, state)| (*epoch, state)).ok_or_else(|| {
            let missing =
                self.epochs.values().next_back().map(EpochState::missing).unwrap_or_default();
            Refusal::SharesMissing { custodians: missing }
        })
    }

    /// The dealing whose custodians a ledger is for: the one that works, before that the first.
    pub fn following_dealing(&self) -> &Dealing {
        let newest = || self.epochs.values().next_back().expect("the first event deals shares");
        self.working_epoch().map_or_else(|_| &newest().dealing, |(_, state)| &state.dealing)
    }

    /// The dealing whose shares open the keys.
    ///
    /// # Errors
    /// As [`State::working_epoch`].
    pub fn working_dealing(&self) -> Result<&Dealing, Refusal> {
        self.working_epoch().map(|(_, state)| &state.dealing)
    }
}
