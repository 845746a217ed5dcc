//! An approval (SPEC §9). At the machine of the service the consent is signed first, and the share
//! stays with the kit until the kit has seen the intent that its consent is in. At a distance the
//! share leaves with the consent.

use cstatns_base::name::Name;
use cstatns_base::secret::wipe_stack;
use cstatns_record::card::Card;
use cstatns_record::checkpoint::{Cosignature, Head};
use cstatns_record::dealing::Dealing;
use cstatns_record::evidence::Stated;
use cstatns_record::ledger::event::LineWitness;
use cstatns_record::proposal::{
    CLOCK_SKEW, Consent, ConsentBody, Placed, Proposal, RunId, approval_info, run_key_digest,
};
use cstatns_record::state::{ReadLedger, View};
use cstatns_record::statement::{FORMAT, Signed, Suite};
use jiff::Timestamp;

use super::memory::{Kept, Shown};
use super::{Kit, KitError, ProposalFault, Seated};
use crate::custody::approval::Approval;
use crate::custody::share::SealedShare;

/// A custodian who has consented, with their kit open: the share is resealed to the run, and handed
/// over once the intent is recorded.
pub struct Attending {
    kit: Kit,
    run: RunId,
    approval: Approval,
}

/// What a kit hands over once it has seen the intent.
#[non_exhaustive]
pub struct Released {
    /// The share, resealed to the run.
    pub share: SealedShare,
    /// The cosignature of the intent's checkpoint.
    pub witness: LineWitness,
    /// What is left of the kit: it remembers how the run ends. Its private keys are wiped.
    pub watcher: Watcher,
}

/// A kit after its share was handed over: without its private keys, it remembers how the run ends.
pub struct Watcher(Kept);

impl Kit {
    /// Consents to `proposal`, which the caller has shown to the custodian
    /// ([`Action`](cstatns_record::proposal::Action)'s `Display`): remembers it, signs it and
    /// reseals the kept share to the run. The share stays with the kit.
    ///
    /// # Errors
    /// [`KitError::Proposal`] when it is not an open question of this ledger, or not of this epoch,
    /// it has expired, or the clocks of kit and service differ by more than a day; and as
    /// [`Kit::accept`].
    pub fn attend(
        mut self,
        proposal: &Proposal,
        ledger: View<'_>,
        now: Timestamp,
    ) -> Result<Attending, KitError> {
        let (run, approval) = self.consent(proposal, &ledger, now, false)?;
        Ok(Attending { kit: self, run, approval })
    }

    /// Consents to `proposal` as [`Kit::attend`] does, and gives the approval with the share
    /// resealed to the run, which goes to the service. An approval that left the kit before is
    /// given again: the custodian states it once.
    ///
    /// # Errors
    /// As [`Kit::attend`].
    pub fn approve(
        &mut self,
        proposal: &Proposal,
        ledger: View<'_>,
        now: Timestamp,
    ) -> Result<Approval, KitError> {
        Ok(self.consent(proposal, &ledger, now, true)?.1)
    }

    /// The ledger that the kit has seen, from the lines that it keeps, where it goes on behind
    /// `head`: a question that is open in it may have been sent with fewer lines.
    ///
    /// # Errors
    /// [`KitError::Damaged`] where the kit does not keep all of them.
    pub fn seen_beyond(&self, head: &Head) -> Result<Option<ReadLedger>, KitError> {
        match self.head() {
            Some(seen) if seen.size > head.size => self.kept.folded().map(Some),
            _ => Ok(None),
        }
    }

    fn consent(
        &mut self,
        proposal: &Proposal,
        ledger: &View<'_>,
        now: Timestamp,
        leaves: bool,
    ) -> Result<(RunId, Approval), KitError> {
        self.sweep();
        let seated = self.follow_working(ledger)?;
        let placed = asked(proposal, ledger, seated.dealing, now)?;
        let question = placed.question;
        if let Some(approval) = self.kept.approval(&placed.leaf) {
            return Ok((question.run, approval.clone()));
        }
        let share = self.kept_share(&seated)?;
        let info = approval_info(&placed.leaf, &placed.head, &proposal.run_key);
        let share = SealedShare::seal(&share, &proposal.run_key, &info)?;
        let service = seated.dealing.service.id();
        let consent = self.with_key(|key| {
            let body = ConsentBody {
                format: FORMAT,
                suite: Suite::default(),
                service: service.to_owned(),
                epoch: question.epoch,
                question: placed.leaf,
                by: self.name().clone(),
                card: seated.seat.card.fingerprint(),
                count: self.kept.next_count(ledger.state),
                share: share.digest(),
                cosignature: Cosignature::sign(service, placed.head, now, key),
            };
            Signed::new(body, key)
        });
        let stated = Stated::Consent {
            consent: Box::new(consent.clone()),
            run: question.run,
            action: Box::new(question.action.clone()),
            line: self.kept.line(ledger, placed.head.size)?,
            proposal: proposal.checkpoint.clone(),
            intent: None,
            proof: Vec::new(),
        };
        let (run, approval) = (question.run, Approval { consent, share });
        if leaves {
            self.kept.keep_approval(&approval);
        }
        // Remembered before it leaves the kit.
        self.kept.remember(ledger, seated.head, Some(stated))?;
        Ok((run, approval))
    }
}

/// The open question of a proposal, if the custodian of this card, or of another one with the same
/// signing key, may be asked for it now: before a passphrase is typed.
///
/// # Errors
/// As [`Kit::attend`].
pub fn question_for<'a>(
    card: &Card,
    proposal: &Proposal,
    ledger: View<'a>,
    now: Timestamp,
) -> Result<Placed<'a>, KitError> {
    let dealing = ledger.state.working_dealing()?;
    match dealing.seat_of(&card.body.signing) {
        Some(_) => asked(proposal, &ledger, dealing, now),
        None => Err(KitError::NotInRoster { custodian: card.body.name.clone() }),
    }
}

/// The open question of a proposal, if it can be approved now.
fn asked<'a>(
    proposal: &Proposal,
    ledger: &View<'a>,
    dealing: &Dealing,
    now: Timestamp,
) -> Result<Placed<'a>, KitError> {
    let placed = placed(proposal, ledger)?;
    let question = placed.question;
    let refused = |reason| Err(KitError::Proposal { reason });
    if question.epoch != dealing.epoch {
        return refused(ProposalFault::Epoch);
    }
    if question.run_key != run_key_digest(&proposal.run_key) {
        return refused(ProposalFault::Signature);
    }
    if now.duration_since(placed.clock).abs() > CLOCK_SKEW {
        return refused(ProposalFault::Clock);
    }
    if now >= question.expires {
        return refused(ProposalFault::Expired);
    }
    Ok(placed)
}

/// The open question of a proposal, in its place in the ledger.
fn placed<'a>(proposal: &Proposal, ledger: &View<'a>) -> Result<Placed<'a>, KitError> {
    let refused = |reason| KitError::Proposal { reason };
    let keys = ledger.state.service_keys();
    let head = proposal.head(keys).ok_or_else(|| refused(ProposalFault::Signature))?;
    if !ledger.history.includes(&head) {
        return Err(refused(ProposalFault::OtherLedger));
    }
    let asked = ledger.state.open_questions().iter().find(|(_, open)| open.number == head.size);
    let (run, _) = asked.ok_or_else(|| refused(ProposalFault::NotOpen))?;
    let placed = ledger.state.placed(run, ledger.history);
    placed
        .ok()
        .filter(|placed| placed.head == head && placed.leaf == proposal.question)
        .ok_or_else(|| refused(ProposalFault::OtherLedger))
}

impl Attending {
    /// What the ledger keeps of the approval.
    pub fn consent(&self) -> &Consent {
        &self.approval.consent
    }

    /// Who consented.
    pub fn name(&self) -> &Name {
        self.kit.name()
    }

    /// What the kit says of itself.
    pub fn shown(&self) -> Shown {
        self.kit.shown()
    }

    /// A kit that will hand over something else than its share.
    #[cfg(test)]
    pub(crate) fn swap(&mut self, other: &mut Self) {
        std::mem::swap(&mut self.approval.share, &mut other.approval.share);
    }

    /// An approval that was altered on its way.
    #[cfg(test)]
    pub(crate) fn consent_mut(&mut self) -> &mut Consent {
        &mut self.approval.consent
    }

    /// Hands over the share once the ledger's last line is the intent that this consent is in: the
    /// kit remembers the checkpoint that covers it, and cosigns it. The kit's private keys are
    /// wiped.
    ///
    /// # Errors
    /// [`KitError::NoIntent`]; and as [`Kit::check`].
    pub fn release(mut self, ledger: View<'_>, now: Timestamp) -> Result<Released, KitError> {
        self.kit.kept.reload()?;
        let Seated { head, dealing, .. } = self.kit.follow_working(&ledger)?;
        let custodian = self.name().clone();
        let begun = ledger.state.pending().is_some_and(|pending| {
            pending.question.run == self.run
                && pending.number == head.size
                && pending.consented.binary_search(&custodian).is_ok()
        });
        if !begun {
            return Err(KitError::NoIntent { custodian });
        }
        let service = dealing.service.id();
        let cosignature = self.kit.with_key(|key| Cosignature::sign(service, head, now, key));
        self.kit.kept.remember_intent(&ledger, head, &self.run)?;
        let Self { kit, approval, .. } = self;
        let Kit { kept, seed, .. } = kit;
        drop(seed);
        wipe_stack();
        Ok(Released {
            share: approval.share,
            witness: LineWitness { by: custodian, cosignature },
            watcher: Watcher(kept),
        })
    }
}

impl Watcher {
    /// The custodian.
    pub fn name(&self) -> &Name {
        &self.0.name
    }

    /// Remembers the ledger in which the run has ended. Gives what the kit says of itself then.
    ///
    /// # Errors
    /// As [`Kit::check`].
    pub fn see(mut self, ledger: View<'_>) -> Result<Shown, KitError> {
        self.0.reload()?;
        let head = self.0.follow(&ledger)?;
        self.0.remember(&ledger, head, None)?;
        Ok(self.0.shown())
    }
}
