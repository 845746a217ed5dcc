//! Another signing key of the service, which a quorum accepts (SPEC §12).
//!
//! Nothing waits for it: a stolen key signs until it is replaced, and a service that has lost its
//! key records nothing before.

use cstatns_base::name::Hex;

use crate::card::{ServiceCard, ServiceKeys};
use crate::ledger::History;
use crate::ledger::event::Line;
use crate::proposal::{CLOCK_SKEW, QuorumError};
use crate::receipt::{Receipt, ReceiptStatement};
use crate::statement::FORMAT;

use super::{Refusal, State, Unlawful};

impl State {
    /// The service's signing keys.
    pub fn service_keys(&self) -> &ServiceKeys {
        &self.service_keys
    }

    /// Custodians of the working dealing accept another signing key, as many as open a key.
    pub(super) fn rekeyed(
        &mut self,
        card: &ServiceCard,
        statements: &[Receipt],
        line: &Line,
        history: &History,
    ) -> Result<(), Unlawful> {
        self.check_service_card(card)?;
        let needed = self.following_dealing().threshold.k();
        if statements.len() < needed {
            let given = statements.len();
            return Err(QuorumError::TooFew { given, needed }.into());
        }
        if !statements.is_sorted_by(|a, b| a.body.by < b.body.by) {
            return Err(Unlawful::Witnesses);
        }
        for statement in statements {
            self.check_service_key(statement, &card.body.signing, line.clock, history)?;
        }
        for Receipt { body, .. } in statements {
            let signing = self.signing_key(&body.card);
            self.state_counted(signing, body.count, &body.cosignature, line.sequence);
            self.witness(signing, body.cosignature.head.size);
        }
        self.service_keys.add(line.sequence, card.body.signing);
        Ok(())
    }

    /// Whether a card can take the place of the present one.
    ///
    /// # Errors
    /// [`Refusal::ServiceCard`].
    pub fn check_service_card(&self, card: &ServiceCard) -> Result<(), Refusal> {
        let other = card.id() == self.service.id()
            && !self.service_keys.contains(&card.body.signing)
            && !self.is_of_a_party(&card.body.signing, None);
        if card.is_sound() && other { Ok(()) } else { Err(Refusal::ServiceCard) }
    }

    /// Whether a custodian accepts `key` in place of the present one, in a line with this clock.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check_service_key(
        &self,
        receipt: &Receipt,
        key: &Hex<32>,
        clock: jiff::Timestamp,
        history: &History,
    ) -> Result<(), Refusal> {
        let body = &receipt.body;
        if body.service != self.service.id() {
            return Err(Refusal::ReceiptOtherService);
        }
        let by = || body.by.clone();
        let seat = self.following_dealing().seat(&body.by);
        let seat = seat.filter(|seat| seat.card.fingerprint() == body.card);
        let seat = seat.ok_or_else(|| Refusal::ReceiptNotInRoster { by: by() })?;
        let signing = &seat.card.body.signing;
        if body.format != FORMAT || !receipt.is_known_by(signing, &self.proved) {
            return Err(Refusal::ReceiptSignature { by: by() });
        }
        let present = *self.service_keys.present();
        if body.statement != (ReceiptStatement::ServiceKey { key: *key, replaces: present }) {
            return Err(Refusal::OtherServiceKey { by: by() });
        }
        let cosignature = &body.cosignature;
        let signed = cosignature.is_known_by(self.service.id(), signing, &self.proved);
        if !history.includes(&cosignature.head) || !signed {
            return Err(Refusal::Receipt);
        }
        if cosignature.time.duration_since(clock) > CLOCK_SKEW {
            return Err(Refusal::ReceiptDate { by: by() });
        }
        Ok(())
    }
}
