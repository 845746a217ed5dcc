//! Deliveries, what is destroyed after them, and what a stopped process left (SPEC §13, §14).

use std::collections::BTreeMap;
use std::path::PathBuf;

use cstatns_base::delivery::{DeliveryId, DeliveryName};
use cstatns_base::files::{self, Fate, FileError, Held};
use cstatns_base::name::{Hex, Name};
use cstatns_record::ledger::event::{Destroyed, Event, Means};
use cstatns_record::proposal::{Action, RunId};
use cstatns_record::received::{ReceivedFile, SignedReceived};
use cstatns_record::state::{Refusal, State};

use super::coding::coded;
use super::journal::{Counts, Journal, spoken_of};
use super::result::ReadResult;
use super::{Recovered, Service, ServiceError, ceremony};

pub(super) fn means(present: bool) -> Means {
    if present { Means::Overwritten } else { Means::Absent }
}

impl Service {
    /// Refuses whatever begins something new while a destruction is owed, or a run is not ended,
    /// that was not possible at the opening.
    pub(super) fn check_unpaid(&self) -> Result<(), ServiceError> {
        let is_left = self.state.owed().is_some() || self.state.pending().is_some();
        match &self.unpaid {
            Some(unpaid) if is_left => Err(ServiceError::Unpaid(unpaid.clone())),
            _ => Ok(()),
        }
    }

    /// Why what is owed could not be destroyed when the home was opened, or a run could not be
    /// ended; it is tried again at the next opening.
    pub fn unpaid(&self) -> Option<&ServiceError> {
        self.unpaid.as_deref()
    }

    /// Whether the destruction of a delivery's request is owed.
    pub fn is_owed(&self, of: &DeliveryId) -> bool {
        self.state.all_owed().contains(&Destroyed::request_of(*of))
    }

    /// States that the medium with the request of a delivery is gone for good, so that the request
    /// cannot be destroyed.
    ///
    /// # Errors
    /// [`Refusal::NothingLost`] unless exactly that request is owed and was not reached when the
    /// home was opened.
    pub fn request_lost(&mut self, of: &DeliveryId) -> Result<(), ServiceError> {
        let what = Destroyed::request_of(*of);
        let is_away = matches!(
            self.unpaid(),
            Some(ServiceError::RequestAway { delivery, .. }) if delivery.id == *of
        );
        if self.state.owed() != Some(&what) || !is_away {
            return Err(Refusal::NothingLost.into());
        }
        self.record(Event::Destroyed { what, how: Means::Lost })
    }

    /// The request of a delivery whose copy is still here and what lay beside it, as the run was
    /// given them: for its report. Empty where the home does not say.
    pub fn request_of(&self, of: &DeliveryId) -> Vec<PathBuf> {
        let journal = self.journal(of).ok().flatten();
        let request = journal.map(|journal| journal.request).unwrap_or_default();
        request.into_iter().map(|remembered| remembered.path).collect()
    }

    /// The risks that the controller accepted of a delivery whose copy is still here: for its
    /// report. Empty where the home does not say.
    pub fn accepted_of(&self, of: &DeliveryId) -> BTreeMap<String, Name> {
        let journal = self.journal(of).ok().flatten();
        journal.map(|journal| journal.accepted).unwrap_or_default()
    }

    /// What was counted of the rows of a delivery whose copy is still here, and what opens its
    /// commitment: for its report. None where the home does not say.
    pub(super) fn counts_of(&self, of: &DeliveryId) -> Option<(Counts, Hex<32>)> {
        let journal = self.journal(of).ok().flatten()?;
        Some((journal.ready?.counts, journal.key))
    }

    /// A part's journal; none where the file does not exist. One that is there and cannot be read
    /// is an error: what it speaks of must not pass for absent.
    pub(super) fn journal(&self, of: &DeliveryId) -> Result<Option<Journal>, ServiceError> {
        match Journal::read(&Journal::path(&self.home, of)) {
            Ok(journal) => Ok(Some(journal)),
            Err(ServiceError::File(FileError::Missing { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The counterpart has the delivery, as its receipt says: destroys the service's copy. Returns
    /// whether that was there: a delivery that was stated delivered may be signed for later.
    ///
    /// # Errors
    /// [`Refusal::OtherReceived`](cstatns_record::state::Refusal) and the other refusals of a
    /// receipt, [`ServiceError::ResultMissing`]: nothing is destroyed then.
    pub fn delivered(
        &mut self,
        of: &DeliveryId,
        receipt: &ReceivedFile,
    ) -> Result<bool, ServiceError> {
        let signed = match receipt {
            ReceivedFile::Unsigned(received) => {
                self.state.check_received(of, received)?;
                None
            }
            ReceivedFile::Signed(signed) => {
                self.state.check_signed(of, signed, self.ledger.history())?;
                Some(Box::new(signed.clone()))
            }
        };
        // It was stated delivered, or the copy went with the keys of its project.
        let known = self.state.deliveries().get(of);
        if known.is_some_and(|known| known.delivered || known.destroyed) {
            self.record(Event::Delivered { run: of.run, part: of.part, receipt: signed })?;
            return Ok(false);
        }
        let journal = Journal::read(&Journal::path(&self.home, of))?;
        if !journal.result.is_file() {
            return Err(ServiceError::ResultMissing { path: journal.result });
        }
        self.hand_over(of, signed)?;
        Ok(true)
    }

    /// Records that the counterpart has it, and destroys the copy.
    pub(super) fn hand_over(
        &mut self,
        of: &DeliveryId,
        receipt: Option<Box<SignedReceived>>,
    ) -> Result<(), ServiceError> {
        self.record(Event::Delivered { run: of.run, part: of.part, receipt })?;
        self.pay_what_is_owed(Vec::new())?;
        Ok(())
    }

    /// Destroys what the ledger says is to be destroyed before anything else, and records it. The
    /// files of a request that this process holds are destroyed through their descriptors.
    pub(super) fn pay_what_is_owed(
        &mut self,
        held: Vec<Held>,
    ) -> Result<Vec<Destroyed>, ServiceError> {
        let (mut held, mut paid, mut unpaid) = (held, Vec::new(), Vec::new());
        // What one of them owes is paid too; a place that is away keeps no other from being paid.
        let next = |state: &State, unpaid: &[(Destroyed, ServiceError)]| {
            let tried = |what: &&Destroyed| unpaid.iter().all(|(tried, _)| tried != *what);
            state.all_owed().iter().find(tried).cloned()
        };
        while let Some(what) = next(&self.state, &unpaid) {
            match self.pay(&what, &mut held) {
                Ok(()) => paid.push(what),
                Err(error) if self.ledger.is_broken() => return Err(error),
                Err(error) => unpaid.push((what, error)),
            }
        }
        match unpaid.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok(paid),
        }
    }

    /// Destroys the copies of deliveries that nobody received of projects whose keys are destroyed:
    /// with the keys goes what they made. One on a medium that is not there keeps no other.
    pub(super) fn destroy_unclaimed(&mut self) -> Result<Vec<DeliveryName>, ServiceError> {
        let unclaimed: Vec<DeliveryId> = self.state.unclaimed().copied().collect();
        let (mut destroyed, mut away) = (Vec::new(), None);
        for id in unclaimed {
            match self.destroy_one_unclaimed(&id) {
                Ok(()) => destroyed.push(self.state.named(id)),
                Err(error) if self.ledger.is_broken() => return Err(error),
                Err(error) => away = away.or(Some(error)),
            }
        }
        match away {
            Some(error) => Err(error),
            None => Ok(destroyed),
        }
    }

    fn destroy_one_unclaimed(&mut self, id: &DeliveryId) -> Result<(), ServiceError> {
        let result = self.journal(id)?.map(|journal| journal.result);
        match result.filter(|path| !path.parent().is_some_and(std::path::Path::is_dir)) {
            Some(path) => Err(ServiceError::ResultMissing { path }),
            None => self.pay(&Destroyed::result_of(*id), &mut Vec::new()),
        }
    }

    /// Destroys the private halves of request keys that are owed, and nothing else.
    pub(super) fn pay_request_keys(&mut self) -> Result<(), ServiceError> {
        let mut owed = self.state.all_owed().to_vec();
        owed.retain(|what| matches!(what, Destroyed::RequestKey { .. }));
        owed.iter().try_for_each(|what| self.pay(what, &mut Vec::new()))
    }

    fn pay(&mut self, what: &Destroyed, held: &mut Vec<Held>) -> Result<(), ServiceError> {
        match what {
            Destroyed::Keys { domain } => self.destroy_keys(domain)?,
            Destroyed::Seals { epoch } => {
                let how = means(self.keystore.destroy_epoch(self.card.id(), *epoch)?);
                self.record(Event::Destroyed { what: what.clone(), how })?;
            }
            Destroyed::RequestKey { key } => {
                let how = means(self.keystore.destroy_request(self.card.id(), key)?);
                self.record(Event::Destroyed { what: what.clone(), how })?;
            }
            Destroyed::Request { run, part } => {
                let id = DeliveryId { run: *run, part: *part };
                let (journal, delivery) = (self.journal(&id)?, self.state.named(id));
                let fates: Vec<(PathBuf, Result<Fate, FileError>)> = match held.is_empty() {
                    false => {
                        let each = held.drain(..);
                        each.map(|held| (held.remembered().path.clone(), held.destroy())).collect()
                    }
                    true => {
                        let each = journal.into_iter().flat_map(|journal| journal.request);
                        each.map(|file| (file.path.clone(), file.destroy())).collect()
                    }
                };
                // Each file is tried before the first that stays is reported.
                let mut absent = fates.is_empty();
                for (path, fate) in fates {
                    match fate.map_err(|error| ServiceError::RequestOwed { delivery, error })? {
                        Fate::Destroyed => {}
                        Fate::Absent => absent = true,
                        Fate::Away => return Err(ServiceError::RequestAway { delivery, path }),
                    }
                }
                self.record(Event::Destroyed { what: what.clone(), how: means(!absent) })?;
            }
            Destroyed::Result { run, part } => {
                let id = DeliveryId { run: *run, part: *part };
                let result = self.journal(&id)?.map(|journal| journal.result);
                let destroyed =
                    result.map(|result| files::destroy_if_present(&result)).transpose()?;
                let how = means(destroyed.flatten().is_some());
                self.record(Event::Destroyed { what: what.clone(), how })?;
                files::remove_if_present(&Journal::path(&self.home, &id))?;
            }
        }
        Ok(())
    }

    /// Finishes or undoes what an earlier process left.
    pub(super) fn recover(
        &mut self,
        read: Option<ReadResult<'_>>,
        recovered: &mut Vec<Recovered>,
    ) -> Result<(), ServiceError> {
        if ceremony::forget_journal(&self.home)? {
            recovered.push(Recovered::Swept { files: 1 });
        }
        self.unpaid = None;
        // What cannot be decided or destroyed now is left: nothing new begins, but a doubt, a
        // receipt or an end does not wait.
        if let Err(error) = self.recover_run(read, recovered) {
            let pending = self.state.pending().map(|pending| &pending.question.action);
            let makes_results = pending.is_some_and(|action| !action.inputs().is_empty());
            if self.ledger.is_broken() || !makes_results {
                return Err(error);
            }
            self.unpaid = Some(error.into());
        }
        self.end_questions(recovered)?;
        match self.pay_what_is_owed(Vec::new()) {
            Ok(paid) => {
                let destroyed = paid.into_iter().map(|what| {
                    let delivery = self.delivery_of(&what);
                    Recovered::Destroyed { what, delivery }
                });
                recovered.extend(destroyed);
            }
            Err(error) if self.ledger.is_broken() => return Err(error),
            Err(error) => self.unpaid = Some(error.into()),
        }
        match self.destroy_unclaimed() {
            Ok(unclaimed) => recovered.extend(unclaimed.into_iter().map(|delivery| {
                let what = Destroyed::result_of(delivery.id);
                Recovered::Destroyed { what, delivery: Some(delivery) }
            })),
            Err(error) if self.ledger.is_broken() => return Err(error),
            // `close` and `expire` report it; it keeps nothing else from being done.
            Err(_) => {}
        }
        if self.start_epoch()? {
            recovered.push(Recovered::EpochStarted);
        }
        if let Err(error) = self.destroy_shares() {
            self.unpaid.get_or_insert(error.into());
        }
        if let Err(error) = self.destroy_returned(recovered) {
            self.unpaid.get_or_insert(error.into());
        }
        if self.state.pending().is_none() && self.forget_making()? {
            recovered.push(Recovered::Swept { files: 1 });
        }
        let swept = self.sweep()?;
        if swept > 0 {
            recovered.push(Recovered::Swept { files: swept });
        }
        Ok(())
    }

    fn delivery_of(&self, what: &Destroyed) -> Option<DeliveryName> {
        match what {
            Destroyed::Request { run, part } | Destroyed::Result { run, part } => {
                Some(self.state.named(DeliveryId { run: *run, part: *part }))
            }
            Destroyed::Keys { .. } | Destroyed::RequestKey { .. } | Destroyed::Seals { .. } => None,
        }
    }

    /// Records the result that the pending run had finished, if it had; the rest of the run is
    /// undone.
    fn recover_run(
        &mut self,
        read: Option<ReadResult<'_>>,
        recovered: &mut Vec<Recovered>,
    ) -> Result<(), ServiceError> {
        let Some(pending) = self.state.pending() else { return Ok(()) };
        let action = pending.question.action.clone();
        let next = DeliveryId { run: pending.question.run, part: pending.made + 1 };
        if let Some(journal) = self.journal(&next)?
            && let Some(ready) = &journal.ready
            && self.is_result(&journal, ready, &action, read)?
        {
            // The stop may have come between the rename and the flush of its directory, and the
            // request goes next.
            files::settle(&journal.result)?;
            self.record_finished()?;
            recovered.push(Recovered::Finished { delivery: next.named(action.parts()) });
        }
        let Some(pending) = self.state.pending() else { return Ok(()) };
        let (verb, made, parts) = (action.verb(), pending.made, action.parts());
        self.undo(&next.run, &action)?;
        self.record_failure(&next.run, "interrupted")?;
        recovered.push(match made {
            0 => Recovered::Undone { verb },
            made => Recovered::Cut { verb, made, parts },
        });
        Ok(())
    }

    /// Records the result that the pending run had finished, as its journal says.
    pub(super) fn record_finished(&mut self) -> Result<(), ServiceError> {
        let Some(pending) = self.state.pending() else { return Ok(()) };
        let action = pending.question.action.clone();
        let next = DeliveryId { run: pending.question.run, part: pending.made + 1 };
        let ready = self.journal(&next)?.and_then(|journal| journal.ready);
        let (Some(ready), Some(input)) = (ready, action.input(next.part)) else { return Ok(()) };
        let rows = (input.rows, ready.counts.rechecked);
        self.record(coded(&action, next, rows, ready.result))
    }

    /// Ends the pending run without a result, in the process that ran it. Not where the ledger is
    /// broken, which may hold the result's event, nor where the result stands under its name: the
    /// next opening decides these.
    pub(super) fn give_up(&mut self, run: &RunId, code: &str) -> Result<(), ServiceError> {
        let Some(pending) = self.state.pending() else { return Ok(()) };
        let action = pending.question.action.clone();
        if self.ledger.is_broken() || self.result_stands {
            return Ok(());
        }
        self.undo(run, &action)?;
        self.record_failure(run, code)
    }

    /// Destroys what a run has left that has no result: of several requests, of those without. The
    /// failure is recorded after it: what is recorded as failed has left nothing.
    fn undo(&self, run: &RunId, action: &Action) -> Result<(), ServiceError> {
        match action {
            Action::Open { .. } | Action::NewKey { .. } | Action::Deal { .. } => {
                self.unmake(run)?
            }
            Action::Code { .. } | Action::Renew { .. } => {
                let made = self.state.pending().map_or(0, |pending| pending.made);
                for part in made + 1..=action.parts() {
                    let id = DeliveryId { run: *run, part };
                    if let Some(mut journal) = self.journal(&id)? {
                        // First: of a finished result that does not stand by, an event must speak.
                        if journal.ready.take().is_some() {
                            journal.replace(&self.home)?;
                        }
                        files::destroy_if_present(&journal.temporary())?;
                    }
                    files::remove_if_present(&Journal::path(&self.home, &id))?;
                }
            }
            Action::Extend { .. }
            | Action::Close { .. }
            | Action::Examined { .. }
            | Action::Party { .. }
            | Action::Abandon { .. } => {}
        }
        Ok(())
    }

    fn record_failure(&mut self, run: &RunId, code: &str) -> Result<(), ServiceError> {
        let code = Name::new(code).unwrap_or_else(|_| Name::new("failed").expect("a name"));
        self.record(Event::Failed { run: *run, code })
    }

    /// Removes unfinished files from the home, and journals of runs that never began or whose
    /// copies are gone.
    fn sweep(&self) -> Result<usize, ServiceError> {
        let mut swept = 0;
        let own = ["", "keys", "outbox"].map(|name| self.home.join(name));
        let lives = self.keystore.places_there(self.card.id());
        for directory in own.iter().map(PathBuf::as_path).chain(lives) {
            swept += files::sweep(directory)?;
        }
        swept += usize::from(self.sweep_requests()?);
        let outbox = self.home.join("outbox");
        let entries =
            std::fs::read_dir(&outbox).map_err(|error| FileError::from_io(&outbox, &error))?;
        for entry in entries {
            let path = entry.map_err(|error| FileError::from_io(&outbox, &error))?.path();
            let Some((run, part)) = spoken_of(&path) else { continue };
            let pending = self.state.pending().map(|pending| pending.question.run);
            if self.state.open_questions().contains_key(&run) || pending == Some(run) {
                continue;
            }
            let delivery = part.and_then(|part| {
                let id = DeliveryId { run, part };
                self.state.deliveries().get(&id)
            });
            if delivery.is_none_or(|delivery| delivery.destroyed) {
                files::remove(&path)?;
                swept += 1;
            }
        }
        Ok(swept)
    }
}
