//! A custodian accepts another signing key of the service (SPEC §8).

use cstatns_record::card::{ServiceCard, ServiceKeys};
use cstatns_record::evidence::Stated;
use cstatns_record::ledger::History;
use cstatns_record::receipt::{Receipt, ReceiptStatement};
use cstatns_record::state::{State, View};
use jiff::Timestamp;

use super::{Kit, KitError, Seated};

impl Kit {
    /// The yearly check, which also states that the service signs with the key of `card` from now
    /// on, in place of its present one.
    ///
    /// # Errors
    /// [`KitError::NotLawful`] if the card is not one of this service with a new key; and as
    /// [`Kit::check`].
    pub fn accept_service(
        &mut self,
        card: &ServiceCard,
        ledger: View<'_>,
        now: Timestamp,
    ) -> Result<Receipt, KitError> {
        self.sweep();
        let seated = self.follow_working(&ledger)?;
        self.kept_share(&seated)?;
        ledger.state.check_service_card(card)?;
        let statement = in_place(card, ledger.state);
        match self.stated_before(&statement) {
            Some(receipt) => Ok(receipt),
            None => self.receipt(&ledger, &seated, statement, now),
        }
    }

    /// The same at a recovery of a home that has lost its signing key: nobody can sign for the
    /// ledger that was found, so the kit cosigns the newest checkpoint that it has seen itself.
    ///
    /// # Errors
    /// [`KitError::Forked`] if the ledger does not go on from there; [`KitError::NotInRoster`].
    pub fn accept_recovered(
        &mut self,
        card: &ServiceCard,
        history: &History,
        state: &State,
        now: Timestamp,
    ) -> Result<Receipt, KitError> {
        let seen =
            self.head().ok_or_else(|| KitError::NothingSeen { kit: self.directory.clone() })?;
        if !history.includes(&seen) {
            return Err(KitError::Forked { custodian: self.name().clone(), seen: seen.size });
        }
        state.check_service_card(card)?;
        let statement = in_place(card, state);
        if let Some(receipt) = self.stated_before(&statement) {
            return Ok(receipt);
        }
        let dealing = state.following_dealing();
        let seat = dealing.seat_of(&self.card.body.signing);
        let seat = seat.ok_or_else(|| self.not_in_roster())?;
        let receipt =
            self.sign_receipt(state, &Seated { head: seen, dealing, seat }, statement, now);
        self.kept.remember_stated(Stated::Receipt { receipt: Box::new(receipt.clone()) })?;
        Ok(receipt)
    }

    /// Whether it knows that the present one of these signing keys was replaced: it has seen
    /// another one, or has accepted another in its place.
    pub fn knows_replaced(&self, keys: &ServiceKeys) -> bool {
        let seen = self.kept.service_key().is_some_and(|seen| !keys.contains(seen));
        seen || self.statements().iter().any(|stated| match stated {
            Stated::Receipt { receipt } => matches!(
                &receipt.body.statement,
                ReceiptStatement::ServiceKey { replaces, .. } if replaces == keys.present()
            ),
            _ => false,
        })
    }
}

fn in_place(card: &ServiceCard, state: &State) -> ReceiptStatement {
    ReceiptStatement::ServiceKey {
        key: card.body.signing,
        replaces: *state.service_keys().present(),
    }
}
