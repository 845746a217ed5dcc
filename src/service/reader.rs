//! A home read without its lock, by whatever changes nothing there (SPEC §13).

use std::fmt;
use std::path::{Path, PathBuf};

use cstatns_base::delivery::{DeliveryId, DeliveryName};
use cstatns_base::files::{self, AtWork};
use cstatns_base::language::Said;
use cstatns_record::card::ServiceCard;
use cstatns_record::dealing::Epoch;
use cstatns_record::ledger::event::Destroyed;
use cstatns_record::state::{ReadLedger, State, View};
use serde::Serialize;

use super::copies;
use super::journal::Journal;
use super::opening::{founded, read_places};
use super::status::{Looked, Status};
use super::{Clock, ServiceError, clock, read_service_card, snapshot};
use crate::keystore::{Keystore, Places};

/// A service's home, opened to be read: without its lock and without its signing key, so that
/// nothing can be recorded, finished or undone. Another process may work there meanwhile.
pub struct Reader {
    pub(super) home: PathBuf,
    pub(super) card: ServiceCard,
    pub(super) ledger: ReadLedger,
    keystore: Keystore,
    old: Option<ServiceError>,
    /// None where they are not for this user to know.
    places: Option<Places>,
    clock: Box<dyn Clock>,
}

/// What a command has begun in a home and not finished: it is at work, or it stopped, and the next
/// one finishes or undoes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Unfinished {
    /// An event is cut short; it does not count.
    EventCut,
    /// The last event is not covered by the checkpoint.
    EventUncovered {
        /// Its number.
        event: u64,
    },
    /// A run has begun and not ended.
    Run {
        /// Its verb.
        verb: &'static str,
        /// The number of the event that holds its question.
        event: u64,
    },
    /// Something is to be destroyed.
    Destruction {
        /// What.
        owed: Destroyed,
        /// The delivery that it belongs to.
        delivery: Option<DeliveryName>,
    },
    /// All shares of an epoch are held, and it is not recorded that it works.
    EpochHeld {
        /// The epoch.
        epoch: Epoch,
    },
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EventCut => f.write_str("an event is cut short and does not count"),
            Self::EventUncovered { event } => write!(f, "event {event} is not signed for yet"),
            Self::Run { verb, event } => {
                write!(f, "the run of `{verb}` that was asked for in event {event} has not ended")
            }
            Self::Destruction { owed, delivery } => {
                match owed {
                    Destroyed::Request { .. } => f.write_str("the request of delivery ")?,
                    Destroyed::Result { .. } => f.write_str("the copy of delivery ")?,
                    Destroyed::Keys { domain } => write!(f, "the keys of `{domain}`")?,
                    Destroyed::RequestKey { key } => {
                        write!(f, "the private half of the request key {key}")?;
                    }
                    Destroyed::Seals { epoch } => write!(f, "what epoch {epoch} has sealed")?,
                }
                delivery.iter().try_for_each(|delivery| delivery.fmt(f))?;
                f.write_str(" is still to be destroyed")
            }
            Self::EpochHeld { epoch } => {
                write!(f, "all shares of epoch {epoch} are held, which is not recorded yet")
            }
        }
    }
}

impl Reader {
    /// Opens the home of a service to be read.
    ///
    /// # Errors
    /// [`ServiceError`]: there is no service, its home is damaged or of a newer format, or its
    /// ledger was changed. Not if another process works there, nor if nothing may be written.
    pub fn open(home: &Path, clock: impl Clock + 'static) -> Result<Self, ServiceError> {
        let home = founded(home)?;
        let card = read_service_card(&home.join("card.json"))?;
        let mut ledger = snapshot::read_ledger(&home, &card)?;
        // Of a home of somebody else its places may not be for everybody to know.
        let places = match read_places(&home) {
            Ok(places) => Some(places),
            Err(error) if error.is_permission() => None,
            Err(error) => return Err(error),
        };
        let old = |ledger: &ReadLedger| {
            let places = places.as_ref()?;
            copies::check_marks(&home, ledger.state.service_keys(), &ledger.history, places).err()
        };
        // A copy that is longer than what was read may have grown since.
        if old(&ledger).is_some() {
            ledger = snapshot::read_ledger(&home, &card)?;
        }
        let old = old(&ledger);
        let lives = places.as_ref().map(|places| places.life_of(&home)).unwrap_or_default();
        let keystore = Keystore::new(home.join("keys"), lives);
        Ok(Self { home, card, ledger, keystore, old, places, clock: Box::new(clock) })
    }

    /// The service's card.
    pub fn card(&self) -> &ServiceCard {
        &self.card
    }

    /// The state.
    pub fn state(&self) -> &State {
        &self.ledger.state
    }

    /// The lines, the state that follows from them and the checkpoint.
    pub fn view(&self) -> View<'_> {
        self.ledger.view()
    }

    /// How the service stands.
    pub fn status(&self) -> Status {
        let old = self.old.as_ref().map(Said::of);
        let (at_work, unfinished) = (self.at_work(), self.unfinished());
        let copies_behind = if at_work.is_some() { Vec::new() } else { self.copies_behind() };
        Status { old, at_work, unfinished, copies_behind, ..self.looked().status() }
    }

    /// Why the home is an old copy, or may be: then it records nothing.
    pub fn old(&self) -> Option<&ServiceError> {
        self.old.as_ref()
    }

    /// Who works in the home now, where that is known.
    pub fn at_work(&self) -> Option<AtWork> {
        files::at_work(&self.home.join("lock"))
    }

    /// Why a request that is to be destroyed cannot be, or a run cannot be ended: the medium of its
    /// file is not there.
    pub fn unpaid(&self) -> Option<ServiceError> {
        if let Some(pending) = self.state().pending() {
            let delivery = DeliveryId { run: pending.question.run, part: pending.made + 1 };
            let journal = Journal::read(&Journal::path(&self.home, &delivery)).ok()?;
            // In the order in which a run that goes on would take its name.
            let is_away =
                journal.ready.is_some() && !journal.stands_by() && !journal.result.is_file();
            return is_away.then_some(ServiceError::ResultAway { delivery, path: journal.result });
        }
        let Some(Destroyed::Request { run, part }) = self.state().owed() else { return None };
        let id = DeliveryId { run: *run, part: *part };
        let journal = Journal::read(&Journal::path(&self.home, &id)).ok()?;
        let away = journal.request.into_iter().find(|file| file.is_away())?;
        Some(ServiceError::RequestAway { delivery: self.state().named(id), path: away.path })
    }

    /// The copies of the ledger that do not go as far as its checkpoint.
    fn copies_behind(&self) -> Vec<PathBuf> {
        let Some(places) = &self.places else { return Vec::new() };
        let (keys, size) = (self.state().service_keys(), self.ledger.checkpoint.head.size);
        copies::behind(&self.home, keys, size, places)
    }

    fn looked(&self) -> Looked<'_> {
        Looked {
            home: &self.home,
            state: self.state(),
            history: &self.ledger.history,
            bytes: self.ledger.length,
            keystore: &self.keystore,
            clock: clock::seconds(&*self.clock),
        }
    }

    /// What a command has begun and not finished.
    fn unfinished(&self) -> Vec<Unfinished> {
        let state = self.state();
        let mut found = Vec::new();
        if self.ledger.torn {
            found.push(Unfinished::EventCut);
        }
        if self.ledger.uncovered {
            found.push(Unfinished::EventUncovered { event: self.ledger.history.size() });
        }
        if let Some(pending) = state.pending() {
            let event = state.runs().get(&pending.question.run).map_or(0, |run| run.number);
            found.push(Unfinished::Run { verb: pending.question.action.verb(), event });
        }
        if let Some(owed) = state.owed() {
            let delivery = match owed {
                Destroyed::Request { run, part } | Destroyed::Result { run, part } => {
                    Some(state.named(DeliveryId { run: *run, part: *part }))
                }
                Destroyed::Keys { .. } | Destroyed::RequestKey { .. } | Destroyed::Seals { .. } => {
                    None
                }
            };
            found.push(Unfinished::Destruction { owed: owed.clone(), delivery });
        }
        if let Some(epoch) = state.complete_epoch() {
            found.push(Unfinished::EpochHeld { epoch });
        }
        found
    }
}
