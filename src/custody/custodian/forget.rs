//! A custodian forgets: a share and the receiving key that opens it are destroyed (SPEC §8).

use cstatns_base::files;
use cstatns_base::secret::random_bytes;
use cstatns_record::dealing::Epoch;
use cstatns_record::evidence::Stated;
use cstatns_record::receipt::{Receipt, ReceiptStatement};
use cstatns_record::state::View;
use jiff::Timestamp;

use super::cards::file_name;
use super::{Kit, KitError};

impl Kit {
    /// Destroys the share of an epoch that is over, the receiving key of the card that sits in it,
    /// and what stopped processes left of either, and states it. A command that was stopped may be
    /// repeated: the receipt is given.
    ///
    /// Copies of the kit and its paper are not reached.
    ///
    /// # Errors
    /// [`KitError::ShareInUse`] when the epoch is not over; [`KitError::NoShare`] for a number that
    /// no dealing has; and as [`Kit::check`].
    pub fn forget(
        &mut self,
        epoch: Epoch,
        ledger: View<'_>,
        now: Timestamp,
    ) -> Result<Receipt, KitError> {
        let no_share = || KitError::NoShare { custodian: self.name().clone(), epoch };
        let known = ledger.state.epochs().get(&epoch).ok_or_else(no_share)?;
        if known.until.is_none() {
            return Err(KitError::ShareInUse { epoch });
        }
        let seated = self.follow(&ledger, &known.dealing)?;
        // A temporary may hold the same secrets.
        files::sweep(&self.directory)?;
        files::destroy_if_present(&self.share_path(epoch))?;
        let key = self.directory.join(file_name(&seated.seat.card.fingerprint()));
        if files::taken(&key)? {
            let mut mark = [0; 16];
            random_bytes(&mut mark);
            files::withdraw(&key, &mark)?;
        }
        let statement = ReceiptStatement::ShareForgotten { epoch };
        self.receipt_once(&ledger, &seated, statement, now)
    }

    /// Whether it has stated that its share of this epoch is destroyed.
    pub(super) fn has_forgotten(&self, of: Epoch) -> bool {
        self.statements().iter().any(|stated| match stated {
            Stated::Receipt { receipt } => {
                receipt.body.statement == ReceiptStatement::ShareForgotten { epoch: of }
            }
            _ => false,
        })
    }
}
