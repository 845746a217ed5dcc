//! The home's own snapshot: the state after its first events, so that an opening does not fold a
//! long ledger anew (SPEC §13). It may be deleted at any time, and is in no copy.

use std::path::Path;

use cstatns_base::files::{self, Access};
use cstatns_record::card::ServiceCard;
use cstatns_record::state::{self, Broken, ReadLedger, Snapshot, read_ledger_after};

use super::copies::LEDGER;
use super::{Service, ServiceError};

/// Its name in the home.
const SNAPSHOT: &str = "snapshot";

/// More than a snapshot is long, in bytes.
const LIMIT: u64 = 1 << 30;

/// Reads a home's ledger: verified and folded from where its snapshot ends, or from the beginning
/// where there is none that fits.
pub(super) fn read_ledger(home: &Path, card: &ServiceCard) -> Result<ReadLedger, Broken> {
    read_ledger_after(&home.join(LEDGER), card, read(home, card))
}

fn read(home: &Path, card: &ServiceCard) -> Option<Snapshot> {
    let bytes = files::read(&home.join(SNAPSHOT), LIMIT).ok()?;
    Snapshot::read(&bytes, card)
}

impl Service {
    /// Folds the ledger from its lines alone, before custodians are shown anything of it: what a
    /// snapshot says convinces the service itself and nobody else.
    pub(super) fn fold_anew(&mut self) -> Result<(), ServiceError> {
        if self.from_snapshot {
            self.state = state::read_ledger(self.ledger.path(), &self.card)?.state;
            self.from_snapshot = false;
        }
        Ok(())
    }

    /// Writes the snapshot of the ledger as it is, where the one in the home lacks at least `after`
    /// events or is of other ones. A home without one is only slower.
    pub(super) fn keep_snapshot(&self, after: u64) {
        let known = read(&self.home, &self.card).map(|snapshot| snapshot.head());
        let known = known.filter(|known| self.history().includes(known));
        if self.history().size() - known.map_or(0, |known| known.size) < after {
            return;
        }
        let snapshot = Snapshot::make(self.history(), &self.state, &self.identity.key());
        let _ = files::replace(&self.home.join(SNAPSHOT), &snapshot, Access::Private);
    }
}
