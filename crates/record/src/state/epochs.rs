//! Dealings of shares, and which of them works (SPEC §12).

use std::collections::BTreeSet;
use std::sync::OnceLock;

use cstatns_base::domain::KeyState;
use cstatns_base::name::Hex;

use crate::dealing::{Dealing, Epoch};
use crate::ledger::event::LivingKey;
use crate::proposal::Action;

use super::{EpochState, PendingRun, Refusal, State, Unlawful};

impl State {
    pub(super) fn deal(&mut self, dealing: &Dealing, since: u64) {
        let state = EpochState {
            dealing: dealing.clone(),
            since,
            held: BTreeSet::new(),
            working: false,
            forgotten: BTreeSet::new(),
            cards: OnceLock::new(),
        };
        self.epochs.insert(dealing.epoch, state);
    }

    pub(super) fn works(&mut self, epoch: Epoch, keys: &[LivingKey]) -> Result<(), Unlawful> {
        if self.pending.is_some() || self.complete_epoch() != Some(epoch) {
            return Err(Unlawful::Epoch);
        }
        if *keys != self.living_keys() {
            return Err(Unlawful::Keys);
        }
        self.epochs.get_mut(&epoch).ok_or(Unlawful::Epoch)?.working = true;
        Ok(())
    }

    pub(super) fn dealt(&mut self, dealing: &Dealing, since: u64) -> Result<(), Unlawful> {
        let Some(PendingRun { question, .. }) = &self.pending else {
            return Err(Unlawful::NoIntent);
        };
        let (run, Action::Deal { threshold, cards }) = (question.run, &question.action) else {
            return Err(Unlawful::NoIntent);
        };
        dealing.check()?;
        let dealt: Vec<Hex<32>> =
            dealing.roster.iter().map(|seat| seat.card.fingerprint()).collect();
        let as_approved = dealing.threshold == *threshold && dealt == *cards;
        let same = dealing.service == self.service && dealing.demo == self.demo;
        if dealing.epoch != self.next_epoch() || !as_approved || !same {
            return Err(Unlawful::Dealing);
        }
        self.take_pending(&run)?;
        self.deal(dealing, since);
        Ok(())
    }

    /// The number of the next dealing: higher than that of any that was, or may have been.
    pub fn next_epoch(&self) -> Epoch {
        let newest = self.epochs.last_key_value().map_or(Epoch(0), |(epoch, _)| *epoch);
        Epoch(newest.max(self.burnt_epoch).0 + 1)
    }

    /// The newest epoch if all its shares are held and it does not work yet: that it does is what
    /// is recorded next.
    pub fn complete_epoch(&self) -> Option<Epoch> {
        let (epoch, state) = self.epochs.last_key_value()?;
        (!state.working && state.missing().is_empty()).then_some(*epoch)
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
