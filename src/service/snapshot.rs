//! The home's own snapshot: the state after its first events, so that an opening does not fold a
//! long ledger anew (SPEC §13). It may be deleted at any time, and is in no copy.

use std::path::Path;

use cstatns_base::files::{self, Access};
use cstatns_record::card::ServiceCard;
use cstatns_record::state::{Broken, ReadLedger, Snapshot, read_ledger_after};

use super::Service;
use super::copies::LEDGER;

/// Its name in the home.
const SNAPSHOT: &str = "snapshot";

/// More than a snapshot is long, in bytes.
const LIMIT: u64 = 1 << 30;

/// Reads a home's ledger: verified and folded from where its snapshot ends, or from the beginning
/// where there is none that fits.
pub(super) fn read_ledger(home: &Path, card: &ServiceCard) -> Result<ReadLedger, Broken> {
    let bytes = files::read(&home.join(SNAPSHOT), LIMIT).ok();
    let snapshot = bytes.and_then(|bytes| Snapshot::read(&bytes, card));
    read_ledger_after(&home.join(LEDGER), card, snapshot)
}

impl Service {
    /// Writes the snapshot of the ledger as it is. A home without one is only slower.
    pub(super) fn keep_snapshot(&self) {
        let snapshot = Snapshot::make(self.history(), &self.state, &self.identity.key());
        let _ = files::replace(&self.home.join(SNAPSHOT), &snapshot, Access::Private);
    }
}
