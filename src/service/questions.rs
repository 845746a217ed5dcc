//! Questions to the custodians: recorded, asked without the lock, waited for, and ended (SPEC §9,
//! §13).

use std::path::{Path, PathBuf};
use std::time::Duration;

use cstatns_base::files::{self, Access, Facts, FileError};
use cstatns_base::name::{Name, canonical_json};
use cstatns_record::ledger::event::{Event, Lapse};
use cstatns_record::ledger::{History, Ledger};
use cstatns_record::proposal::{Action, Consent, Proposal, Question, QuorumError, RunId};
use cstatns_record::proposal_file::ProposalFile;
use cstatns_record::state::{Broken, ReadLedger, Refusal, State, Unlawful, View};
use jiff::{SignedDuration, Timestamp};

use super::copies::{self, Copies};
use super::identity::Identity;
use super::{Clock, LIMIT, Recovered, Service, ServiceError};
use crate::custody::approval::Approval;
use crate::custody::custodian::{Kit, KitError};
use crate::custody::quorum::{Draft, Given, Quorum, Unasked};

/// How long the home is waited for after the custodians have approved: another command may use it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A question while its custodians are asked. The home is not locked meanwhile.
pub struct Gathering<'a> {
    draft: &'a Draft,
    clock: &'a dyn Clock,
    home: &'a Path,
    ledger: ReadLedger,
    given: Vec<Given>,
    /// Whether approvals come from a distance.
    waits: bool,
}

impl Gathering<'_> {
    /// What is asked.
    pub fn question(&self) -> &Question {
        self.draft.question()
    }

    /// The question as kits take it.
    pub fn proposal(&self) -> &Proposal {
        self.draft.proposal()
    }

    /// The number of the event that holds the question.
    pub fn number(&self) -> u64 {
        self.ledger.state.runs().get(&self.question().run).map_or(0, |run| run.number)
    }

    /// The ledger as it is now: other questions may have been recorded meanwhile.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn view(&mut self) -> Result<View<'_>, Broken> {
        let ReadLedger { history, state, length, uncovered, .. } = &self.ledger;
        let path = self.ledger.view().path;
        if !uncovered && Facts::of(path)?.bytes == *length {
            return Ok(self.ledger.view());
        }
        self.ledger = ReadLedger::catch_up(path, history.clone(), state.clone(), *length)?;
        Ok(self.ledger.view())
    }

    /// Who has consented.
    pub fn given(&self) -> impl Iterator<Item = &Name> {
        self.given.iter().map(Given::name)
    }

    /// How many must consent.
    pub fn needed(&self) -> usize {
        let dealing = self.ledger.state.working_dealing();
        dealing.map_or(usize::MAX, |dealing| dealing.threshold.k())
    }

    /// Whether as many have consented.
    pub fn is_enough(&self) -> bool {
        self.given.len() >= self.needed()
    }

    /// The proposal as it travels to custodians who are elsewhere.
    ///
    /// # Errors
    /// As [`ProposalFile::new`].
    pub fn proposal_file(&self) -> Result<ProposalFile, FileError> {
        ProposalFile::new(self.draft.proposal(), self.number(), self.ledger.view())
    }

    /// From here on approvals come from a distance: who has consented is noted beside the home's
    /// lock of the question, for who publishes it and for who ends the question if this process is
    /// stopped. That it cannot be noted stops nothing.
    pub fn wait_for_others(&mut self) {
        self.waits = true;
        let consents: Vec<&Consent> = self.given.iter().map(Given::consent).collect();
        let path = consents_path(self.home, &self.question().run);
        let _ = files::replace(&path, &canonical_json(&consents), Access::Shared);
    }

    /// Takes an approval that came from a distance, if it counts.
    ///
    /// # Errors
    /// [`ServiceError::Quorum`] says why it does not count; [`ServiceError::Refused`] where the
    /// question has ended.
    pub fn take(&mut self, approval: Approval) -> Result<&Name, ServiceError> {
        let ReadLedger { history, state, .. } = &self.ledger;
        let placed = state.placed(&self.draft.question().run, history)?;
        placed.check_consent(&approval.consent, state.working_dealing()?)?;
        approval.check_share()?;
        let by = &approval.consent.body.by;
        if self.given().any(|given| given == by) {
            return Err(QuorumError::Twice { custodian: by.clone() }.into());
        }
        self.given.push(Given::Sent(Box::new(approval)));
        self.wait_for_others();
        Ok(self.given.last().expect("it was pushed").name())
    }

    /// Whether approvals are still worth waiting for.
    ///
    /// # Errors
    /// [`QuorumError::Expired`]; [`Refusal::NoQuestion`] where somebody has ended the question;
    /// [`Refusal::DoubtSince`]; [`ServiceError::Broken`].
    pub fn check_waits(&mut self) -> Result<(), ServiceError> {
        let run = self.question().run;
        if self.clock.now() >= self.question().expires {
            return Err(QuorumError::Expired.into());
        }
        match self.view()?.state.open_questions().get(&run) {
            None => Err(Refusal::NoQuestion.into()),
            Some(open) if open.doubted => Err(Refusal::DoubtSince.into()),
            Some(_) => Ok(()),
        }
    }

    /// A custodian consents: their kit remembers and signs, and keeps the share until it has seen
    /// the intent.
    ///
    /// # Errors
    /// As [`Kit::attend`].
    pub fn consent(&mut self, kit: Kit) -> Result<&Consent, ServiceError> {
        self.view()?;
        let attending = kit.attend(self.draft.proposal(), self.ledger.view(), self.clock.now())?;
        self.given.push(Given::Here(Box::new(attending)));
        Ok(self.given.last().expect("it was pushed").consent())
    }

    /// What came in, to be altered.
    #[cfg(test)]
    pub(super) fn given_mut(&mut self) -> &mut Vec<Given> {
        &mut self.given
    }
}

impl Service {
    /// Records the question whether to do `action`, before anybody is asked; approvals count for at
    /// most `wait`.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] when it is not lawful now, and what else would stop its run:
    /// nobody is asked for what would be refused afterwards.
    pub fn propose(&mut self, action: Action, wait: SignedDuration) -> Result<Draft, ServiceError> {
        self.fold_anew()?;
        self.check_proposal(&action)?;
        let dealing = self.state.working_dealing()?;
        let unasked = Unasked::new(dealing, action, self.clock(), wait);
        let run = unasked.question.run;
        let check = self.state.check_question(&unasked.question, self.clock());
        check.map_err(|reason| match reason {
            Unlawful::Refused(refusal) => ServiceError::Refused(refusal),
            Unlawful::Quorum(error) => ServiceError::Quorum(error),
            reason => Broken::Unlawful { number: self.ledger.history().size() + 1, reason }.into(),
        })?;
        let waits = files::lock(&self.wait_path(&run))?;
        let question = Box::new(unasked.question.clone());
        if let Err(error) = self.record(Event::Proposed { question }) {
            drop(waits);
            let _ = files::remove_if_present(&self.wait_path(&run));
            return Err(error);
        }
        Ok(unasked.asked(self.ledger.history().last(), self.ledger.note().to_owned(), Some(waits)))
    }

    /// What would stop a run of `action`, before its question is recorded.
    ///
    /// # Errors
    /// As [`Service::propose`].
    pub fn check_proposal(&self, action: &Action) -> Result<(), ServiceError> {
        self.check_unpaid()?;
        if let Some(behind) = self.copies.behind() {
            return Err(ServiceError::Behind(behind.clone()));
        }
        self.check_clock()?;
        self.state.allows(action, self.time_of_run())?;
        self.check_keys(action)
    }

    /// Asks the custodians: `ask` shows them the question, opens their kits and lets each consent.
    /// The home is unlocked meanwhile; then it is locked and read again. Where no quorum comes
    /// together, it is recorded that the question lapsed, with the consents that count.
    ///
    /// # Errors
    /// The error of `ask`; [`ServiceError::Quorum`] as [`Quorum::assemble`];
    /// [`ServiceError::File`] when the home is in use.
    pub fn gather<E: From<ServiceError>>(
        &mut self,
        draft: Draft,
        ask: impl FnOnce(&mut Gathering<'_>) -> Result<(), E>,
    ) -> Result<Quorum, E> {
        let ledger = self.read().map_err(ServiceError::from)?;
        self.lock = None;
        let mut gathering = Gathering {
            draft: &draft,
            clock: &*self.clock,
            home: &self.home,
            ledger,
            given: Vec::new(),
            waits: false,
        };
        let asked = ask(&mut gathering);
        let Gathering { given, waits, .. } = gathering;
        // Replaced by what the kits say after the run.
        let shown = given.iter().filter_map(|given| match given {
            Given::Here(attending) => Some((attending.name().clone(), attending.shown())),
            Given::Sent(_) => None,
        });
        self.seen = shown.collect();
        let consents: Vec<Consent> = given.iter().map(|given| given.consent().clone()).collect();
        let run = draft.question().run;
        // Approvals from a distance are not asked for again because another run takes its time.
        let left = draft.question().expires.duration_since(self.clock());
        let patience = match (waits && asked.is_ok(), Duration::try_from(left)) {
            (true, Ok(left)) => left.max(PATIENCE),
            _ => PATIENCE,
        };
        if let Err(error) = self.lock_again(draft.question(), &consents, patience) {
            return Err(asked.err().unwrap_or_else(|| error.into()));
        }
        if let Err(error) = asked {
            self.lapse(&run, Lapse::Withdrawn, consents);
            return Err(error);
        }
        self.assemble(draft, given).map_err(|error| {
            self.lapse(&run, Lapse::Withdrawn, consents);
            error.into()
        })
    }

    fn assemble(&self, draft: Draft, given: Vec<Given>) -> Result<Quorum, ServiceError> {
        let placed = self.state.placed(&draft.question().run, self.ledger.history())?;
        let dealing = self.state.working_dealing()?;
        // Another dealing works since custodians were asked.
        if placed.question.epoch != dealing.epoch {
            return Err(QuorumError::Epoch.into());
        }
        Ok(Quorum::assemble(draft, given, &placed, dealing, self.clock())?)
    }

    /// The ledger as this process has it.
    fn read(&self) -> Result<ReadLedger, Broken> {
        let (history, state) = (self.ledger.history().clone(), self.state.clone());
        ReadLedger::catch_up(self.ledger.path(), history, state, self.ledger.length())
    }

    /// Lets `ask` wait for somebody while the home is not locked; then locks it and reads it again.
    ///
    /// # Errors
    /// The error of `ask`; [`ServiceError::File`] when the home is in use.
    pub fn unlocked<T, E: From<ServiceError>>(
        &mut self,
        ask: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.lock = None;
        let asked = ask();
        let locked = self.lock_home(self.wait).and_then(|()| self.recover(None, &mut Vec::new()));
        let asked = asked?;
        locked.map_err(E::from)?;
        self.taken = self.history().size();
        Ok(asked)
    }

    /// Locks the home again, and finishes or undoes what other processes left. If its own question
    /// has expired, it is ended here: nobody else knows the consents that came in.
    fn lock_again(
        &mut self,
        own: &Question,
        consents: &[Consent],
        patience: Duration,
    ) -> Result<(), ServiceError> {
        self.lock_home(patience)?;
        if self.clock() < own.expires {
            return self.recover(None, &mut Vec::new());
        }
        self.lapse(&own.run, Lapse::Expired, consents.to_vec());
        self.recover(None, &mut Vec::new())?;
        Err(QuorumError::Expired.into())
    }

    /// Locks the home again, and reads what was added to the ledger meanwhile.
    fn lock_home(&mut self, wait: Duration) -> Result<(), ServiceError> {
        let lock = files::lock_for(&self.home.join("lock"), &self.verb, wait)?;
        let ReadLedger { history, state, length, uncovered, checkpoint, .. } = self.read()?;
        // Another process may have recorded another signing key.
        let keys = state.service_keys();
        self.identity = Identity::present(&self.home, keys)?;
        self.card = self.identity.settle(&self.home, keys.id())?;
        copies::check_marks(&self.home, keys, &history, &self.places)?;
        let mut ledger = Ledger::open(self.ledger.path(), history, length, checkpoint.note)?;
        if uncovered {
            ledger.cover(&self.card, &self.identity.key())?;
        }
        self.copies = Copies::open(&self.home, keys, &ledger, &self.places);
        self.lock = Some(lock);
        (self.ledger, self.state) = (ledger, state);
        Ok(())
    }

    /// Records how a question ended that has no run, with those of `consents` that count: a bad one
    /// does not keep the others out of the ledger. Where that cannot be recorded now, the next
    /// opening does.
    pub(super) fn lapse(&mut self, run: &RunId, why: Lapse, consents: Vec<Consent>) {
        if self.ledger.is_broken() {
            return;
        }
        let Ok(placed) = self.state.placed(run, self.ledger.history()) else { return };
        let Some(epoch) = self.state.epochs().get(&placed.question.epoch) else { return };
        let (consents, _) = placed.sort_out(consents, &epoch.dealing, |consent| consent);
        if self.record(Event::Lapsed { run: *run, why, consents }).is_ok() {
            let _ = self.forget_wait(run);
        }
    }

    /// Nobody waits for answers to a question any more.
    pub(super) fn forget_wait(&self, run: &RunId) -> Result<(), FileError> {
        files::remove_if_present(&consents_path(&self.home, run))?;
        files::remove_if_present(&self.wait_path(run)).map(drop)
    }

    /// Ends the questions that nobody waits for: those past their expiry, and those whose process
    /// is gone, with the consents that it has noted.
    pub(super) fn end_questions(
        &mut self,
        recovered: &mut Vec<Recovered>,
    ) -> Result<(), ServiceError> {
        let clock = self.clock();
        let open: Vec<(RunId, Timestamp, &'static str)> = self
            .state
            .open_questions()
            .iter()
            .map(|(run, open)| (*run, open.question.expires, open.question.action.verb()))
            .collect();
        for (run, expires, verb) in open {
            let path = self.wait_path(&run);
            let waits = match files::lock(&path) {
                Err(FileError::Locked { .. }) => None,
                lock => Some(lock?),
            };
            let why = match (clock >= expires, waits) {
                (true, _) => Lapse::Expired,
                (false, Some(_)) => Lapse::Stopped,
                (false, None) => continue,
            };
            let consents = noted_consents(&self.home, &run, &self.state, self.history());
            self.record(Event::Lapsed { run, why, consents })?;
            self.forget_wait(&run)?;
            recovered.push(Recovered::Lapsed { verb, why });
        }
        Ok(())
    }

    /// The file that is locked by the process that waits for the approvals of a question.
    pub(super) fn wait_path(&self, run: &RunId) -> PathBuf {
        wait_path(&self.home, run)
    }
}

pub(super) fn wait_path(home: &Path, run: &RunId) -> PathBuf {
    home.join("outbox").join(format!("{run}.wait"))
}

fn consents_path(home: &Path, run: &RunId) -> PathBuf {
    home.join("outbox").join(format!("{run}.consents"))
}

/// The consents to an open question that the process which waits for them has noted, as far as they
/// count.
pub(super) fn noted_consents(
    home: &Path,
    run: &RunId,
    state: &State,
    history: &History,
) -> Vec<Consent> {
    let read = files::read(&consents_path(home, run), LIMIT).ok();
    let noted = read.and_then(|bytes| serde_json::from_slice::<Vec<Consent>>(&bytes).ok());
    let (Some(noted), Ok(placed)) = (noted, state.placed(run, history)) else { return Vec::new() };
    let Some(epoch) = state.epochs().get(&placed.question.epoch) else { return Vec::new() };
    placed.sort_out(noted, &epoch.dealing, |consent| consent).0
}

impl From<KitError> for ServiceError {
    fn from(error: KitError) -> Self {
        Self::Kit(error)
    }
}
