//! A kit at a recovery: what it has seen, and that it has seen the recovery (SPEC §13).

use std::path::Path;

use cstatns_record::checkpoint::{Cosignature, Head};
use cstatns_record::dealing::Epoch;
use cstatns_record::ledger::event::LineWitness;
use cstatns_record::state::View;
use jiff::Timestamp;

use super::{Kit, KitError, Seated};

impl Kit {
    /// Size and root of the newest ledger that it has seen.
    pub fn head(&self) -> Option<Head> {
        self.kept.shown().head
    }

    /// Where it lies.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whether it holds a share of `epoch`.
    pub fn holds_share(&self, epoch: Epoch) -> bool {
        self.share_path(epoch).exists()
    }

    /// Sees that the home was recovered: remembers it, and cosigns the checkpoint whose last event
    /// says so.
    ///
    /// # Errors
    /// [`KitError::NoRecovery`]; and as [`Kit::check`].
    pub fn resume(&mut self, ledger: View<'_>, now: Timestamp) -> Result<LineWitness, KitError> {
        let Seated { head, dealing, .. } = self.follow_working(&ledger)?;
        let custodian = self.name().clone();
        let recoveries = ledger.state.recoveries();
        let recovered = recoveries.events.last().filter(|_| recoveries.unseen);
        let seen = recovered.and_then(|event| ledger.history.head_at(*event));
        let Some(seen) = seen.filter(|seen| seen.size <= head.size) else {
            return Err(KitError::NoRecovery { custodian });
        };
        let service = dealing.service.id();
        let cosignature = self.with_key(|key| Cosignature::sign(service, seen, now, key));
        self.kept.remember(&ledger, head, None)?;
        Ok(LineWitness { by: custodian, cosignature })
    }
}
