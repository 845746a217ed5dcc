//! What the shares of an epoch that is over may still open (SPEC §12, "residual exposure").

use cstatns_base::name::Name;
use serde::Serialize;

use crate::dealing::Epoch;

use super::{Domain, EpochState, State};

/// Shares of an epoch that is over which nobody has stated destroyed, and the domains whose present
/// key that epoch had sealed. The service has destroyed those seals, and a backup of `keys/` may
/// hold them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Exposure {
    /// The epoch.
    pub epoch: Epoch,
    /// How many of its shares open its root.
    pub needed: usize,
    /// The custodians who have not stated that their share of it is destroyed.
    pub unforgotten: Vec<Name>,
    /// The domains whose present key it had sealed.
    pub domains: Vec<Name>,
    /// The number of the event since which it is over.
    pub since: u64,
}

impl Exposure {
    /// Whether as many as open its root may open the present key of a domain.
    pub fn is_alarm(&self) -> bool {
        self.unforgotten.len() >= self.needed && !self.domains.is_empty()
    }
}

impl State {
    /// The epochs that are over with shares that nobody has stated destroyed.
    pub fn exposures(&self) -> Vec<Exposure> {
        let over = self.epochs.iter().filter_map(|(epoch, state)| {
            let since = state.until?;
            let unforgotten = state.unforgotten();
            let sealed = |(_, domain): &(&Name, &Domain)| {
                domain.destroyed.is_none() && domain.was_sealed_in(*epoch, state)
            };
            let domains =
                self.domains.iter().filter(sealed).map(|(name, _)| name.clone()).collect();
            let needed = state.dealing.threshold.k();
            Some(Exposure { epoch: *epoch, needed, unforgotten, domains, since })
        });
        over.filter(|exposure| !exposure.unforgotten.is_empty()).collect()
    }
}

impl EpochState {
    fn unforgotten(&self) -> Vec<Name> {
        let names = self.dealing.roster.iter().map(|seat| &seat.card.body.name);
        names.filter(|name| !self.forgotten.contains(name)).cloned().collect()
    }
}

impl Domain {
    /// Whether its present key was sealed under the root of an epoch: by its dealing, or when the
    /// key was made.
    fn was_sealed_in(&self, epoch: Epoch, state: &EpochState) -> bool {
        let key = self.active();
        key.epoch == epoch || state.keys.iter().any(|sealed| sealed.check == key.check)
    }
}
