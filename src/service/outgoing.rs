//! Deliveries whose copy is still in the service's hands.

use std::path::{Path, PathBuf};

use cstatns_base::code::Generation;
use cstatns_base::delivery::{DeliveryId, DeliveryName};
use cstatns_base::files::{self, FileError};
use cstatns_base::name::Name;
use cstatns_record::ledger::event::{Destroyed, Event, Means};
use cstatns_record::state::State;
use jiff::Timestamp;
use serde::Serialize;

use super::coding::is_absence;
use super::journal::Journal;
use super::{Service, ServiceError};

/// A result that has not been stated delivered, or whose copy is still here.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Outgoing {
    /// The delivery.
    pub delivery: DeliveryName,
    /// Its domain.
    pub domain: Name,
    /// The generation of its codes.
    pub generation: Generation,
    /// Its rows.
    pub rows: u64,
    /// When the result was recorded.
    pub made: Timestamp,
    /// Whether its counterpart has it: then only the service's copy is still here.
    pub delivered: bool,
    /// Where the service's copy lies.
    pub result: Option<PathBuf>,
    /// What the party is called that it is encrypted to; none of one in clear.
    pub party: Option<Name>,
    /// What became of the home's note of where that is.
    pub journal: JournalState,
}

/// What became of the file of `outbox/` that says where a delivery lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum JournalState {
    /// It is there.
    Kept,
    /// There is none.
    Missing,
    /// It is not what was written.
    Damaged,
    /// It cannot be read now, or not by this user.
    Unread,
}

impl Service {
    /// Results whose copy is still here, with where it lies.
    pub fn outgoing(&self) -> Vec<Outgoing> {
        outgoing(&self.home, &self.state)
    }

    /// The counterpart has the delivery, as the operator states: destroys the service's copy. Where
    /// that is not found, its destruction is recorded as that of what is lost. Returns whether it
    /// was there.
    ///
    /// # Errors
    /// [`ServiceError::File`] where it cannot be found out where the copy lies.
    pub fn delivered_stated(&mut self, of: &DeliveryId) -> Result<bool, ServiceError> {
        self.state.check_delivered(of)?;
        match self.journal(of) {
            Ok(Some(Journal { result: path, .. })) if is_there(&path)? => {
                self.hand_over(of, None)?;
                return Ok(true);
            }
            Err(error @ ServiceError::File(_)) => return Err(error),
            Ok(_) | Err(_) => {}
        }
        self.record(Event::Delivered { run: of.run, part: of.part, receipt: None })?;
        let what = Destroyed::result_of(*of);
        self.record(Event::Destroyed { what, how: Means::Lost })?;
        files::remove_if_present(&Journal::path(&self.home, of))?;
        Ok(false)
    }

    /// The service's copy of a delivery is lost, as the operator states, and nobody received it:
    /// the delivery is over. Of a stopped run whose result had taken its name and is gone, the
    /// result is recorded first.
    ///
    /// # Errors
    /// [`ServiceError::ResultThere`] where a file lies in its place; `Refusal::UnknownDelivery`,
    /// `Refusal::AlreadyDelivered`, `Refusal::DeliveryLost`; [`ServiceError::Unpaid`] where the
    /// request cannot be destroyed, which comes first; [`ServiceError::File`].
    pub fn result_lost(&mut self, of: &DeliveryId) -> Result<(), ServiceError> {
        if let Some(ServiceError::ResultAway { delivery, .. }) = self.unpaid()
            && delivery == of
        {
            self.record_finished()?;
            self.recover(None, &mut Vec::new())?;
        }
        if self.state.owed().is_some() {
            self.check_unpaid()?;
        }
        self.state.check_delivered(of)?;
        match self.journal(of) {
            Ok(Some(Journal { result: path, .. })) if is_there(&path)? => {
                return Err(ServiceError::ResultThere { path });
            }
            Err(error @ ServiceError::File(_)) => return Err(error),
            Ok(_) | Err(_) => {}
        }
        let what = Destroyed::result_of(*of);
        self.record(Event::Destroyed { what, how: Means::Lost })?;
        files::remove_if_present(&Journal::path(&self.home, of))?;
        Ok(())
    }
}

fn is_there(path: &Path) -> Result<bool, FileError> {
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if is_absence(&error) => Ok(false),
        Err(error) => Err(FileError::from_io(path, &error)),
    }
}

pub(super) fn outgoing(home: &Path, state: &State) -> Vec<Outgoing> {
    let here = state.deliveries().iter().filter(|(_, delivery)| !delivery.destroyed);
    here.map(|(id, delivery)| {
        let journal = Journal::read(&Journal::path(home, id));
        Outgoing {
            delivery: id.named(delivery.parts),
            domain: delivery.domain.clone(),
            generation: delivery.generation,
            rows: delivery.rows,
            made: delivery.made,
            delivered: delivery.delivered,
            party: delivery.recipient.as_ref().and_then(|card| {
                state.parties().get(card).map(|party| party.card.body.name.clone())
            }),
            journal: match &journal {
                Ok(_) => JournalState::Kept,
                Err(ServiceError::File(FileError::Missing { .. })) => JournalState::Missing,
                Err(ServiceError::File(_)) => JournalState::Unread,
                Err(_) => JournalState::Damaged,
            },
            result: journal.ok().map(|journal| journal.result),
        }
    })
    .collect()
}
