//! What custodians state of themselves: receipts and doubts (SPEC §8, §12).

use std::collections::BTreeMap;

use cstatns_base::name::{Hex, Name, digest};

use crate::checkpoint::Cosignature;
use crate::dealing::{Dealing, Epoch, Seat};
use crate::ledger::History;
use crate::ledger::event::{KeyRef, Line};
use crate::proposal::{Action, CLOCK_SKEW, MOST_DOUBTS, RunId};
use crate::receipt::{Doubt, Doubted, Receipt, ReceiptStatement};
use crate::statement::FORMAT;

use super::{EpochState, PendingRun, RecordedDoubt, Refusal, State, Unlawful};

impl State {
    pub(super) fn received(
        &mut self,
        receipt: &Receipt,
        line: &Line,
        history: &History,
    ) -> Result<(), Unlawful> {
        self.check_receipt(receipt, line.clock, history)?;
        let body = &receipt.body;
        let by = body.by.clone();
        match &body.statement {
            ReceiptStatement::ShareHeld { epoch, .. } => {
                self.epochs.get_mut(epoch).ok_or(Refusal::Receipt)?.held.insert(by);
            }
            ReceiptStatement::ShareForgotten { epoch } => {
                self.epochs.get_mut(epoch).ok_or(Refusal::Receipt)?.forgotten.insert(by);
            }
            ReceiptStatement::PartyEnded { party } => self.end_party(party),
            ReceiptStatement::CheckpointSeen {}
            | ReceiptStatement::ServiceKey { .. }
            | ReceiptStatement::FileDestroyed { .. } => {}
        }
        let signing = self.signing_key(&body.card);
        self.state_counted(signing, body.count, &body.cosignature, line.sequence);
        self.witness(signing, body.cosignature.head.size);
        if body.statement.shows_share() {
            self.has_checked(signing, &body.cosignature);
        }
        let statements = self.statements.entry(signing).or_default();
        statements.receipt = Some((body.cosignature.time, receipt.signature));
        Ok(())
    }

    /// Whether a receipt may be recorded by a line with this clock.
    ///
    /// # Errors
    /// [`Refusal::Receipt`] when it is not a sound statement of a known custodian about this
    /// ledger; [`Refusal::ReceiptKnown`] when it has been recorded; [`Refusal::ReceiptDate`] when
    /// it is dated before this custodian's last receipt, or more than a day ahead.
    pub fn check_receipt(
        &self,
        receipt: &Receipt,
        clock: jiff::Timestamp,
        history: &History,
    ) -> Result<(), Refusal> {
        let body = &receipt.body;
        if body.service != self.service.id() {
            return Err(Refusal::ReceiptOtherService);
        }
        let seat = match &body.statement {
            ReceiptStatement::ShareHeld { epoch, .. }
            | ReceiptStatement::ShareForgotten { epoch } => {
                self.epochs.get(epoch).and_then(|state| seat(state, &body.card))
            }
            ReceiptStatement::CheckpointSeen {} => self.newest_seat(&body.card),
            ReceiptStatement::PartyEnded { .. } => self.present_seat(&body.card),
            ReceiptStatement::ServiceKey { .. } => return Err(Refusal::ReceiptForRekey),
            ReceiptStatement::FileDestroyed { .. } => None,
        };
        let by = || body.by.clone();
        let seat = seat.filter(|seat| seat.card.body.name == body.by);
        let seat = seat.ok_or_else(|| Refusal::ReceiptNotInRoster { by: by() })?;
        let signing = &seat.card.body.signing;
        if body.format != FORMAT || !receipt.is_known_by(signing, &self.proved) {
            return Err(Refusal::ReceiptSignature { by: by() });
        }
        match &body.statement {
            ReceiptStatement::ShareHeld { epoch, dealing } => {
                let state = &self.epochs[epoch];
                if *dealing != state.dealing.fingerprint() {
                    return Err(Refusal::Receipt);
                }
                if state.abandoned {
                    return Err(Refusal::DealingAbandoned { epoch: *epoch });
                }
                if state.held.contains(&body.by) {
                    return Err(Refusal::ReceiptKnown { by: by() });
                }
            }
            ReceiptStatement::ShareForgotten { epoch } => {
                if self.epochs[epoch].until.is_none() {
                    return Err(Refusal::ShareInUse { epoch: *epoch });
                }
                if self.epochs[epoch].forgotten.contains(&body.by) {
                    return Err(Refusal::ReceiptKnown { by: by() });
                }
            }
            ReceiptStatement::PartyEnded { party } => drop(self.party(party)?),
            ReceiptStatement::CheckpointSeen {} => {}
            ReceiptStatement::ServiceKey { .. } | ReceiptStatement::FileDestroyed { .. } => {
                return Err(Refusal::Receipt);
            }
        }
        let cosignature = &body.cosignature;
        let signed = cosignature.is_known_by(self.service.id(), signing, &self.proved);
        if !history.includes(&cosignature.head) || !signed {
            return Err(Refusal::Receipt);
        }
        let last = self.statements.get(signing).and_then(|statements| statements.receipt);
        if last.is_some_and(|(_, signature)| signature == receipt.signature) {
            return Err(Refusal::ReceiptKnown { by: by() });
        }
        let replayed = last.is_some_and(|(date, _)| cosignature.time < date);
        if replayed || cosignature.time.duration_since(clock) > CLOCK_SKEW {
            return Err(Refusal::ReceiptDate { by: by() });
        }
        Ok(())
    }

    pub(super) fn doubted(
        &mut self,
        doubt: &Doubt,
        number: u64,
        history: &History,
    ) -> Result<(), Unlawful> {
        self.check_doubt(doubt, history)?;
        let body = &doubt.body;
        let (keys, waits) = match &body.about {
            Doubted::Key { domain, generation } => {
                let (domain, generation) = (domain.clone(), *generation);
                (vec![KeyRef { domain, generation }], None)
            }
            // A doubt that arrives after the custody changed stops nothing: the change answered it.
            Doubted::Custody { epoch } => match self.working_epoch() {
                Ok((working, _)) if working > *epoch => (Vec::new(), None),
                _ if self.epochs.get(epoch).is_some_and(|state| state.abandoned) => {
                    (Vec::new(), None)
                }
                _ => (self.present_keys(), Some(*epoch)),
            },
        };
        for open in self.open.values_mut() {
            open.doubted = true;
        }
        let signing = self.signing_key(&body.card);
        let recorded = RecordedDoubt {
            signing,
            by: body.by.clone(),
            about: body.about.clone(),
            number,
            time: body.cosignature.time,
            keys,
            waits,
            examined: false,
        };
        self.doubts.insert(doubt_digest(doubt), recorded);
        self.apply_doubts();
        // It witnesses nothing: who doubts may follow another ledger.
        self.state_counted(signing, body.count, &body.cosignature, number);
        Ok(())
    }

    /// Whether a doubt may be recorded. Stopping needs one person, so a doubt is not refused for
    /// want of anything else than a sound signature on this very ledger, by a custodian, and it may
    /// arrive late. Only a present key stops.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check_doubt(&self, doubt: &Doubt, history: &History) -> Result<(), Refusal> {
        let body = &doubt.body;
        let by = || body.by.clone();
        let seat = match &body.about {
            Doubted::Custody { epoch } => {
                self.epochs.get(epoch).and_then(|state| seat(state, &body.card))
            }
            Doubted::Key { .. } => None,
        };
        let seat = seat.or_else(|| self.present_seat(&body.card));
        let seat = seat.filter(|seat| seat.card.body.name == body.by);
        let seat = seat.ok_or_else(|| Refusal::ReceiptNotInRoster { by: by() })?;
        let signing = &seat.card.body.signing;
        let known = body.format == FORMAT && body.service == self.service.id();
        if !known || !doubt.is_known_by(signing, &self.proved) {
            return Err(Refusal::ReceiptSignature { by: by() });
        }
        let cosignature = &body.cosignature;
        let signed = cosignature.is_known_by(self.service.id(), signing, &self.proved);
        if !history.includes(&cosignature.head) || !signed {
            return Err(Refusal::Receipt);
        }
        match &body.about {
            Doubted::Custody { epoch } => {
                self.epochs.get(epoch).ok_or(Refusal::Receipt)?;
            }
            Doubted::Key { domain, generation } => {
                let domain = self.domains.get(domain).ok_or(Refusal::UnknownDomain)?;
                if domain.destroyed.is_some() {
                    return Err(Refusal::Destroyed);
                }
                if domain.key(*generation).is_none() {
                    let (found, active) = (*generation, domain.generation());
                    return Err(Refusal::Generation { found, active });
                }
            }
        }
        let stated = |known: &RecordedDoubt| {
            known.signing == *signing && known.about == body.about && !known.examined
        };
        if self.doubts.values().any(stated) { Err(Refusal::AlreadyDoubted) } else { Ok(()) }
    }

    /// Whether a quorum may close these doubts.
    pub(super) fn check_examined(
        &self,
        domain: Option<&Name>,
        doubts: &[Hex<32>],
    ) -> Result<(), Refusal> {
        if let Some(domain) = domain {
            self.domain(domain)?;
        }
        let listed = (1..=MOST_DOUBTS).contains(&doubts.len()) && doubts.is_sorted_by(|a, b| a < b);
        let stands = |digest: &Hex<32>| {
            self.doubts.get(digest).is_some_and(|doubt| !doubt.examined && doubt.is_about(domain))
        };
        if listed && doubts.iter().all(stands) { Ok(()) } else { Err(Refusal::NoDoubt) }
    }

    pub(super) fn examined(&mut self, run: &RunId) -> Result<(), Unlawful> {
        let PendingRun { question, .. } = self.take_pending(run)?;
        let Action::Examined { doubts, .. } = question.action else {
            return Err(Unlawful::NoIntent);
        };
        for digest in &doubts {
            self.doubts.get_mut(digest).ok_or(Refusal::NoDoubt)?.examined = true;
        }
        self.apply_doubts();
        Ok(())
    }

    /// Which keys are compromised, and whose custody is doubted, by the doubts that stand.
    fn apply_doubts(&mut self) {
        for key in self.domains.values_mut().flat_map(|domain| domain.keys.values_mut()) {
            key.compromised = false;
        }
        let standing = self.doubts.values().filter(|doubt| !doubt.examined);
        self.custody_doubted = standing.clone().filter_map(|doubt| doubt.waits).max();
        for KeyRef { domain, generation } in standing.flat_map(|doubt| &doubt.keys) {
            let domain = self.domains.get_mut(domain);
            let key = domain.and_then(|known| known.keys.get_mut(generation));
            if let Some(key) = key {
                key.compromised = true;
            }
        }
    }

    fn present_keys(&self) -> Vec<KeyRef> {
        let living = self.domains.iter().filter(|(_, domain)| domain.destroyed.is_none());
        living
            .map(|(name, domain)| KeyRef { domain: name.clone(), generation: domain.generation() })
            .collect()
    }

    /// The newest seat of a card, in any dealing.
    pub(super) fn newest_seat(&self, card: &Hex<32>) -> Option<&Seat> {
        self.epochs.values().rev().find_map(|state| seat(state, card))
    }

    /// The newest dealing in which the custodian with this signing key sits, and their seat: of
    /// those that were given up, only where there is no other.
    pub fn newest_seat_of(&self, signing: &Hex<32>) -> Option<(&Dealing, &Seat)> {
        let (given_up, others): (Vec<_>, Vec<_>) =
            self.epochs.values().rev().partition(|state| state.abandoned);
        let mut dealings = others.into_iter().chain(given_up).map(|state| &state.dealing);
        dealings.find_map(|dealing| Some((dealing, dealing.seat_of(signing)?)))
    }

    /// Who has made a statement: the signing key on the card that it names, whose seat was checked.
    pub(super) fn signing_key(&self, card: &Hex<32>) -> Hex<32> {
        self.newest_seat(card).expect("a statement that counts has a seat").card.body.signing
    }

    /// The seat of a card in the dealing that works, or in a later one.
    pub(super) fn present_seat(&self, card: &Hex<32>) -> Option<&Seat> {
        let working = self.working_epoch().map_or(Epoch::FIRST, |(epoch, _)| epoch);
        let mut present = self.epochs.range(working..).filter(|(_, state)| !state.abandoned).rev();
        present.find_map(|(_, state)| seat(state, card))
    }

    /// The doubts about the keys of a domain, or about the custody, that no quorum has examined: by
    /// their digest, ascending.
    pub fn doubts_about(&self, domain: Option<&Name>) -> Vec<Hex<32>> {
        let open = self.doubts.iter().filter(|(_, doubt)| !doubt.examined);
        open.filter(|(_, doubt)| doubt.is_about(domain)).map(|(digest, _)| *digest).collect()
    }

    /// The doubts, by their digest.
    pub fn doubts(&self) -> &BTreeMap<Hex<32>, RecordedDoubt> {
        &self.doubts
    }

    /// The epoch whose custody is doubted, if no later one works: nothing is put under a root of
    /// it, or of an earlier one.
    pub fn custody_doubted(&self) -> Option<Epoch> {
        let working = self.working_epoch().map_or(Epoch(0), |(epoch, _)| epoch);
        self.custody_doubted.filter(|doubted| working <= *doubted)
    }

    /// Takes a statement of a custodian into account. A count that was used before is not refused:
    /// it shows that another copy of the kit, or an older one, has stated something. So does a
    /// lower one, unless it is that of a statement which came later than a younger one.
    pub(super) fn state_counted(
        &mut self,
        signing: Hex<32>,
        count: u64,
        made: &Cosignature,
        number: u64,
    ) {
        let statements = self.statements.entry(signing).or_default();
        if !statements.take_count(count, made, number) && self.repeated.last() != Some(&number) {
            self.repeated.push(number);
        }
    }

    pub(super) fn witness(&mut self, signing: Hex<32>, size: u64) {
        let statements = self.statements.entry(signing).or_default();
        statements.witnessed = statements.witnessed.max(size);
    }
}

fn seat<'a>(state: &'a EpochState, card: &Hex<32>) -> Option<&'a Seat> {
    state.seats().find(|(_, known)| *known == card).map(|(seat, _)| seat)
}

/// SHA-256("CStatNS/doubt-digest/" ‖ canonical JSON of the signed doubt): how it is named.
pub fn doubt_digest(doubt: &Doubt) -> Hex<32> {
    digest("CStatNS/doubt-digest/", doubt)
}
