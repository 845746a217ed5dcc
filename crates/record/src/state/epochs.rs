//! Dealings of shares, and which of them works (SPEC §12).

use std::collections::BTreeSet;

use cstatns_base::code::Generation;
use cstatns_base::name::Hex;

use crate::dealing::{Dealing, Epoch};
use crate::ledger::event::LivingKey;
use crate::proposal::Action;

use super::{EpochState, PendingRun, Refusal, State, Unlawful};

impl State {
    pub(super) fn deal(&mut self, dealing: &Dealing, since: u64) {
        let (held, forgotten) = (BTreeSet::new(), BTreeSet::new());
        let dealing = dealing.clone();
        self.epochs
            .insert(dealing.epoch, EpochState { dealing, since, held, working: false, forgotten });
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
        let next = self.epochs.last_key_value().map(|(epoch, _)| Epoch(epoch.0 + 1));
        let dealt: Vec<Hex<32>> =
            dealing.roster.iter().map(|seat| seat.card.fingerprint()).collect();
        let as_approved = dealing.threshold == *threshold && dealt == *cards;
        let same = dealing.service == self.service && dealing.demo == self.demo;
        if Some(dealing.epoch) != next || !as_approved || !same {
            return Err(Unlawful::Dealing);
        }
        self.take_pending(&run)?;
        self.deal(dealing, since);
        Ok(())
    }

    /// The newest epoch if all its shares are held and it does not work yet: that it does is what
    /// is recorded next.
    pub fn complete_epoch(&self) -> Option<Epoch> {
        let (epoch, state) = self.epochs.last_key_value()?;
        (!state.working && state.missing().is_empty()).then_some(*epoch)
    }

    /// The keys that are not destroyed, ascending by domain and generation.
    pub fn living_keys(&self) -> Vec<LivingKey> {
        let living = self.domains.iter().filter(|(_, domain)| domain.destroyed.is_none());
        let keys =
            living.flat_map(|(name, domain)| (1..).zip(&domain.keys).map(move |key| (name, key)));
        keys.filter_map(|(domain, (number, key))| {
            let generation = Generation::new(number)?;
            Some(LivingKey { domain: domain.clone(), generation, check: key.check })
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

    /// The dealing whose shares open the keys.
    ///
    /// # Errors
    /// As [`State::working_epoch`].
    pub fn working_dealing(&self) -> Result<&Dealing, Refusal> {
        self.working_epoch().map(|(_, state)| &state.dealing)
    }
}
