//! What a custodian states and needs nobody else for: a doubt, and the end of a party's roles (SPEC
//! §8, R10).

use cstatns_base::name::Hex;
use cstatns_record::checkpoint::Cosignature;
use cstatns_record::evidence::Stated;
use cstatns_record::receipt::{Doubt, DoubtBody, Doubted, Receipt, ReceiptStatement};
use cstatns_record::state::View;
use cstatns_record::statement::{FORMAT, Signed, Suite};
use jiff::Timestamp;

use super::{Kit, KitError, Seated};

impl Kit {
    /// States a doubt about a key, or about the custody as a whole. A doubt that the kit has stated
    /// and that the ledger does not contain yet is returned again: the service may have stopped
    /// before it recorded the doubt. One with the head of another ledger is stated anew.
    ///
    /// A kit that has seen another ledger, or one that goes further, states its doubt about the one
    /// shown all the same, and remembers nothing of it but the doubt: stopping never waits until it
    /// is known which ledger is right.
    ///
    /// # Errors
    /// [`KitError::NotInRoster`]; [`KitError::OtherService`]; [`KitError::NotLawful`] if the ledger
    /// cannot take the doubt: then nothing is stated.
    pub fn doubt(
        &mut self,
        about: Doubted,
        ledger: View<'_>,
        now: Timestamp,
    ) -> Result<Doubt, KitError> {
        self.sweep();
        let newest = ledger.state.newest_seat_of(&self.card.body.signing);
        let (dealing, seat) = newest.ok_or_else(|| self.not_in_roster())?;
        let (head, follows) = match self.kept.follow(&ledger) {
            Ok(head) => (head, true),
            Err(KitError::Shorter { .. } | KitError::Forked { .. }) => {
                (self.kept.shown_head(&ledger)?, false)
            }
            Err(error) => return Err(error),
        };
        if let Some(doubt) = self.kept.unrecorded(&about, &ledger).filter(|_| follows) {
            return Ok(doubt);
        }
        let doubt = self.sign_doubt(about, &ledger, &Seated { head, dealing, seat }, now);
        // A doubt that the service must refuse would be missing in the ledger as long as the kit
        // remembers it.
        ledger.state.check_doubt(&doubt, ledger.history)?;
        let stated = Stated::Doubt { doubt: Box::new(doubt.clone()) };
        match follows {
            true => self.kept.remember(&ledger, head, Some(stated))?,
            false => self.kept.remember_stated(stated)?,
        }
        Ok(doubt)
    }

    /// Ends the roles of the party with this card, in every domain. A statement that the ledger
    /// does not contain yet is given again.
    ///
    /// # Errors
    /// As [`Kit::check`]; [`KitError::NotLawful`] where the party has no role: then nothing is
    /// stated.
    pub fn end_party(
        &mut self,
        party: Hex<32>,
        ledger: View<'_>,
        now: Timestamp,
    ) -> Result<Receipt, KitError> {
        self.sweep();
        ledger.state.party(&party)?;
        let seated = self.follow_working(&ledger)?;
        self.receipt_once(&ledger, &seated, ReceiptStatement::PartyEnded { party }, now)
    }

    fn sign_doubt(
        &self,
        about: Doubted,
        ledger: &View<'_>,
        seated: &Seated<'_>,
        now: Timestamp,
    ) -> Doubt {
        let service = ledger.state.service().id();
        self.with_key(|key| {
            let body = DoubtBody {
                format: FORMAT,
                suite: Suite::default(),
                service: service.to_owned(),
                by: self.name().clone(),
                card: seated.seat.card.fingerprint(),
                count: self.kept.next_count(ledger.state),
                about,
                cosignature: Cosignature::sign(service, seated.head, now, key),
            };
            Signed::new(body, key)
        })
    }
}
