//! Questions to custodians, from the event that records one to its end (SPEC §12).

use jiff::Timestamp;

use cstatns_base::name::{Hex, Name};

use crate::checkpoint::Head;
use crate::dealing::Dealing;
use crate::ledger::History;
use crate::ledger::event::{KeyRef, Lapse, Line, LineWitness};
use crate::proposal::{Consent, LONGEST_WAIT, Placed, Question, QuorumError, RunId};
use crate::statement::FORMAT;

use super::{Fate, MOST_OPEN, OpenQuestion, PendingRun, Refusal, Run, State, Unlawful};

impl State {
    /// Whether `question` may be recorded by a line with this clock.
    ///
    /// # Errors
    /// [`Unlawful`].
    pub fn check_question(&self, question: &Question, clock: Timestamp) -> Result<(), Unlawful> {
        let Question { format, service, epoch, action, expires, run, .. } = question;
        if *format != FORMAT || service != self.service.id() {
            return Err(Unlawful::Question);
        }
        if self.runs.contains_key(run) {
            return Err(Refusal::Replayed.into());
        }
        if *epoch != self.working_epoch()?.0 {
            return Err(QuorumError::Epoch.into());
        }
        if clock >= *expires {
            return Err(QuorumError::Expired.into());
        }
        if expires.duration_since(clock) > LONGEST_WAIT {
            return Err(QuorumError::Wait.into());
        }
        self.check_expired(clock)?;
        if self.open.len() >= MOST_OPEN {
            return Err(Refusal::TooManyQuestions.into());
        }
        Ok(self.allows(action, clock)?)
    }

    /// No question is asked and no run begins while a question past its expiry is open: first it is
    /// recorded how that one ended.
    fn check_expired(&self, clock: Timestamp) -> Result<(), Refusal> {
        match self.open.values().any(|open| clock >= open.question.expires) {
            true => Err(Refusal::QuestionExpired),
            false => Ok(()),
        }
    }

    pub(super) fn proposed(&mut self, question: &Question, line: &Line) -> Result<(), Unlawful> {
        self.check_question(question, line.clock)?;
        let (number, clock) = (line.sequence, line.clock);
        let open = OpenQuestion { question: question.clone(), number, clock, doubted: false };
        self.open.insert(question.run, open);
        self.runs.insert(question.run, Run { number, fate: Fate::Open, since: number });
        Ok(())
    }

    /// The open question of a run, with its place in the ledger.
    ///
    /// # Errors
    /// [`Refusal::NoQuestion`].
    pub fn placed<'a>(&'a self, run: &RunId, history: &History) -> Result<Placed<'a>, Refusal> {
        let OpenQuestion { question, number, clock, .. } =
            self.open.get(run).ok_or(Refusal::NoQuestion)?;
        let place = history.leaf(*number).zip(history.head_at(*number));
        let (leaf, head) = place.ok_or(Refusal::NoQuestion)?;
        Ok(Placed { question, leaf, head, clock: *clock, proved: &self.proved })
    }

    pub(super) fn intended(
        &mut self,
        run: &RunId,
        consents: &[Consent],
        keys: &[KeyRef],
        line: &Line,
        history: &History,
    ) -> Result<(), Unlawful> {
        self.check_expired(line.clock)?;
        let placed = self.placed(run, history)?;
        if self.open[run].doubted {
            return Err(Refusal::DoubtSince.into());
        }
        self.allows(&placed.question.action, self.time)?;
        let (epoch, state) = self.working_epoch()?;
        if placed.question.epoch != epoch {
            return Err(QuorumError::Epoch.into());
        }
        placed.check_quorum(consents, state)?;
        if *keys != self.keys_of(&placed.question.action) {
            return Err(Unlawful::Keys);
        }
        let question = placed.question.clone();
        self.consented(consents, line.sequence);
        self.approved(consents, line);
        self.open.remove(run);
        let consented = consents.iter().map(|consent| consent.body.by.clone()).collect();
        let (begun, number) = (line.time, line.sequence);
        let (cosigned, unopened, made) = (false, false, 0);
        self.pending =
            Some(PendingRun { question, begun, number, consented, cosigned, unopened, made });
        self.end(run, Fate::Running);
        Ok(())
    }

    /// Custodians who consented have seen the intent.
    pub(super) fn cosigned(
        &mut self,
        run: &RunId,
        witnesses: &[LineWitness],
        history: &History,
    ) -> Result<(), Unlawful> {
        let pending = self.pending.as_ref().filter(|pending| pending.question.run == *run);
        let pending = pending.filter(|pending| !pending.cosigned).ok_or(Unlawful::NoIntent)?;
        let head = history.head_at(pending.number).ok_or(Unlawful::NoIntent)?;
        let consented = |name: &Name| pending.consented.binary_search(name).is_ok();
        let seen = self.check_witnesses(witnesses, self.working_dealing()?, &head, consented)?;
        for signing in seen {
            self.witness(signing, head.size);
        }
        self.pending.as_mut().expect("it is there").cosigned = true;
        Ok(())
    }

    /// Cosignatures of the checkpoint at `head`, by custodians of `dealing` who may give them,
    /// ascending. Gives their signing keys.
    pub(super) fn check_witnesses(
        &self,
        witnesses: &[LineWitness],
        dealing: &Dealing,
        head: &Head,
        may: impl Fn(&Name) -> bool,
    ) -> Result<Vec<Hex<32>>, Unlawful> {
        if witnesses.is_empty() || !witnesses.is_sorted_by(|a, b| a.by < b.by) {
            return Err(Unlawful::Witnesses);
        }
        let check = |LineWitness { by, cosignature }: &LineWitness| {
            let seat = dealing.seat(by).filter(|_| may(by)).ok_or(Unlawful::Witnesses)?;
            let signed = cosignature.head == *head
                && cosignature.is_known_by(
                    self.service.id(),
                    &seat.card.body.signing,
                    &self.proved,
                );
            if !signed {
                return Err(QuorumError::Cosignature { custodian: by.clone() }.into());
            }
            Ok(seat.card.body.signing)
        };
        witnesses.iter().map(check).collect()
    }

    pub(super) fn lapsed(
        &mut self,
        run: &RunId,
        why: Lapse,
        consents: &[Consent],
        line: &Line,
        history: &History,
    ) -> Result<(), Unlawful> {
        let placed = self.placed(run, history)?;
        if why == Lapse::Expired && line.clock < placed.question.expires {
            return Err(Unlawful::NotExpired);
        }
        let epoch = self.epochs.get(&placed.question.epoch).ok_or(QuorumError::Epoch)?;
        placed.check_each(consents, epoch)?;
        let enough = consents.len() >= epoch.dealing.threshold.k();
        self.consented(consents, line.sequence);
        self.open.remove(run);
        let by: Vec<Name> = consents.iter().map(|consent| consent.body.by.clone()).collect();
        self.end(run, Fate::Lapsed { why, by, enough });
        Ok(())
    }

    fn consented(&mut self, consents: &[Consent], number: u64) {
        for consent in consents {
            let body = &consent.body;
            let signing = self.signing_key(&body.card);
            self.state_counted(signing, body.count, &body.cosignature, number);
            self.witness(signing, body.cosignature.head.size);
            self.has_checked(signing, &body.cosignature);
        }
    }

    pub(super) fn end(&mut self, run: &RunId, fate: Fate) {
        if let Some(known) = self.runs.get_mut(run) {
            (known.fate, known.since) = (fate, self.events);
        }
    }
}
