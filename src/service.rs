//! The cryptographic service: a home directory, its ledger, its runs (SPEC §13).
//!
//! Control flows one way: an [`Action`] is proposed, custodians approve, their approvals make a
//! [`Quorum`], which one call consumes. The order of durability is the same for all: *question*
//! recorded, custodians asked, *intent* recorded and seen by their kits, shares opened, output made
//! durable under its name, *result* recorded, source destroyed, *destruction* recorded. A process
//! that stops anywhere leaves what [`Service::open`] finishes or undoes.
//!
//! The ceremony and the first domain of a demonstration; `examples/ceremony.rs` goes on to codes
//! and their renewal:
//!
//! ```
//! use cstatns::proposal::Action;
//! use cstatns::custody::custodian::Kit;
//! use cstatns::domain::Kind;
//! use cstatns::name::Name;
//! use cstatns::service::{Founding, Service, ServiceError, SystemClock};
//! use jiff::SignedDuration;
//!
//! # let directory = tempfile::tempdir()?;
//! # let at = |name: &str| directory.path().join(name);
//! // Each custodian makes a kit and hands over its card. Without a passphrase it serves demonstrations only.
//! let kits = ["alice", "bruno"].map(at);
//! let mut cards = Vec::new();
//! for (kit, name) in kits.iter().zip(["alice", "bruno"]) {
//!     cards.push(Kit::create(kit, Name::new(name)?, false, None)?);
//! }
//! let shares = at("shares");
//! let name = Name::new("example")?;
//! let founding = Founding { name, threshold: 2, cards, shares: &shares, life: vec![], mirrors: vec![], demo: true };
//! let founded = Service::init(&at("home"), founding, SystemClock)?;
//!
//! // Each custodian accepts their share; the service records the receipts.
//! let (mut service, _) = Service::open(&at("home"), SystemClock)?;
//! for (kit, share) in kits.iter().zip(&founded.shares) {
//!     let share = serde_json::from_slice(&std::fs::read(share)?)?;
//!     let receipt = Kit::open(kit, None)?.accept(&share, service.view(), service.now())?;
//!     service.receipt(serde_json::from_slice(&std::fs::read(receipt)?)?)?;
//! }
//!
//! // A question, its approvals, a quorum, a run.
//! let domain = Name::new("population")?;
//! let kind = Kind::Statistics { cryptoperiod_years: 5 };
//! let open = Action::Open { domain: domain.clone(), kind, minimum_batch: 11, authorisation: None };
//! let draft = service.propose(open, SignedDuration::from_mins(10))?;
//! let quorum = service.gather(draft, |gathering| {
//!     // Here the custodians are shown `gathering.question()`.
//!     for kit in &kits {
//!         gathering.consent(Kit::open(kit, None)?)?;
//!     }
//!     Ok::<_, ServiceError>(())
//! })?;
//! service.open_domain(quorum)?;
//! assert_eq!(service.state().domain(&domain)?.generation().get(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A home holds `identity` (its signing key, 0600), `card.json`, `lock`, `ledger.jsonl`,
//! `checkpoint`, `places.json`, `outbox/` (where deliveries lie), `keys/` (sealed; may be backed
//! up) and, unless other places were declared, `life/` (life secrets; must not be backed up).

mod arrived;
mod ceremony;
mod clock;
mod coding;
mod copies;
mod dealing;
mod destruction;
mod error;
mod identity;
mod journal;
mod making;
mod opening;
mod outgoing;
mod parties;
mod project;
mod publish;
mod questions;
mod reader;
mod recovered;
mod recovery;
mod rekey;
mod renewal;
mod report;
mod result;
mod snapshot;
mod status;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cstatns_base::code::Generation;
use cstatns_base::coded::Coded as _;
use cstatns_base::domain::Kind;
use cstatns_base::files::{self, FileError};
use cstatns_base::name::Name;
use cstatns_base::secret::Secret;
use cstatns_record::card::{self, ServiceCard};
use cstatns_record::dealing::Epoch;
use cstatns_record::ledger::event::{Event, Lapse, Line, LineWitness, Step};
use cstatns_record::ledger::{History, Ledger, next_line};
use cstatns_record::proposal::{Action, RunId};
use cstatns_record::state::{Broken, Refusal, State, Unlawful, View};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::coder::CodingKey;
use crate::custody::custodian::{KitError, Shown};
use crate::custody::quorum::Quorum;
use crate::keystore::{KeyPlace, Keystore, Opened, Places};
use crate::recheck::Rechecker;
use crate::sharing::SharingError;

use copies::Copies;
use identity::Identity;

pub use arrived::ArrivedRequest;
pub use ceremony::{Founded, Founding};
pub use clock::{Clock, SystemClock};
pub use coding::{Made, RunFiles};
pub use dealing::Dealt;
pub use error::ServiceError;
pub use journal::{Counts, whole_path};
pub use opening::Opening;
pub use outgoing::{JournalState, Outgoing};
pub use project::Expired;
pub use publish::Published;
pub use questions::Gathering;
pub use reader::{Reader, Unfinished};
pub use recovered::Recovered;
pub use recovery::{Plan, Recovery, Source, Sources};
pub use result::{LeftResult, Outcome, ReadResult, ResultFile, Seal, WorkError, Written};
pub use status::{DomainStatus, EpochStatus, PartyStatus, RequestKeyStatus, Status};

/// The version of a home's format.
pub const HOME_FORMAT: u32 = 2;
/// More than a small file of a home is long, in bytes.
const LIMIT: u64 = 1 << 20;

/// A cryptographic service, opened: nobody else works on its home meanwhile.
pub struct Service {
    home: PathBuf,
    lock: Option<files::Lock>,
    verb: Name,
    wait: Duration,
    card: ServiceCard,
    identity: Identity,
    ledger: Ledger,
    copies: Copies,
    state: State,
    places: Places,
    keystore: Keystore,
    /// Copies of life secrets that were found not to open their key.
    damaged_lives: BTreeSet<PathBuf>,
    /// Whether a result has its name and no event yet, which the next opening decides.
    result_stands: bool,
    /// Why what is owed could not be destroyed when the home was opened.
    unpaid: Option<Arc<ServiceError>>,
    /// The kits that saw how the last run ended.
    seen: Vec<(Name, Shown)>,
    /// What kits could not do at the last run: hand over their share, or see how it ended.
    unseen: Vec<KitError>,
    /// The events of the ledger when the home was taken.
    taken: u64,
    /// Whether the state came from the home's snapshot: no kit is shown anything of it then.
    from_snapshot: bool,
    /// The date that somebody read from a calendar: [`Service::confirm_clock`].
    confirmed: Option<Date>,
    /// What recomputes the codes of the next run.
    rechecker: Option<Rechecker>,
    clock: Box<dyn Clock>,
}

impl Service {
    /// The state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The lines so far.
    pub fn history(&self) -> &History {
        self.ledger.history()
    }

    /// Whether something was recorded since the home was taken.
    pub fn has_recorded(&self) -> bool {
        self.history().size() > self.taken
    }

    /// What a custodian's kit looks at.
    pub fn view(&self) -> View<'_> {
        View {
            history: self.ledger.history(),
            state: &self.state,
            note: self.ledger.note(),
            path: self.ledger.path(),
            sent: None,
        }
    }

    /// Why a copy of the ledger, or a mirror, does not have everything that the home has: nothing
    /// new begins until it has caught up, which each opening tries.
    pub fn behind(&self) -> Option<&ServiceError> {
        self.copies.behind().map(|error| &**error)
    }

    /// What the clock says.
    pub fn now(&self) -> Timestamp {
        self.clock()
    }

    /// The service's card.
    pub fn card(&self) -> &ServiceCard {
        &self.card
    }

    /// Has the codes of the next run recomputed by a second process, which gets the run's keys,
    /// before each result gets its name. Of rows that its work does not offer to
    /// [`ResultFile::rechecker`] none is recomputed.
    pub fn recheck_with(&mut self, rechecker: Rechecker) {
        self.rechecker = Some(rechecker);
    }

    /// Makes an event durable, if it is lawful.
    fn record(&mut self, event: Event) -> Result<(), ServiceError> {
        // The home is another process's where it could not be locked again after custodians were
        // asked: the ledger may have grown meanwhile.
        if self.lock.is_none() {
            let path = self.home.join("lock");
            return Err(FileError::Locked { path, holder: None }.into());
        }
        let clock = self.clock();
        let time = self.state.time_of(clock, &event);
        let line: Line = next_line(self.ledger.history(), self.card.id(), time, clock, event);
        let mut state = self.state.clone();
        let number = line.sequence;
        state.apply(&line, self.ledger.history()).map_err(|reason| match reason {
            Unlawful::Refused(refusal) => ServiceError::Refused(refusal),
            Unlawful::Quorum(error) => ServiceError::Quorum(error),
            reason => Broken::Unlawful { number, reason }.into(),
        })?;
        self.ledger.append(&line, &self.card, &self.identity.key())?;
        self.state = state;
        self.copies.follow(&self.ledger);
        Ok(())
    }

    /// Records that a call was refused before it began (R16). A home that cannot be written says so
    /// itself.
    ///
    /// # Errors
    /// [`ServiceError::Ledger`].
    pub fn record_refusal(&mut self, verb: &str, code: &str) -> Result<(), ServiceError> {
        match (Name::new(verb), Name::new(code)) {
            (Ok(verb), Ok(code)) => self.record(Event::Refused { verb, code }),
            _ => Ok(()),
        }
    }

    /// Records that a rehearsal played these steps, and that each held.
    ///
    /// # Errors
    /// [`Refusal::Unfinished`] while a run is pending; as every event's, [`ServiceError::Ledger`].
    pub fn rehearsed(&mut self, steps: Vec<Step>) -> Result<(), ServiceError> {
        self.record(Event::Rehearsed { steps })
    }

    /// Consumes a quorum: records the intent, opens the shares, does `work`, which takes the root
    /// secret and drops it as soon as it has opened or made its keys;
    /// undoes what failed work has left and records the failure. The kits see the intent before
    /// their shares are opened, and how the run ended.
    fn run<T>(
        &mut self,
        quorum: Quorum,
        work: impl FnOnce(&mut Self, Approved) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        let question = quorum.question();
        let (run, action, epoch) = (question.run, question.action.clone(), question.epoch);
        let begun = self.check_keys(&action).and_then(|()| {
            let keys = self.state.keys_of(&action);
            let placed = self.state.placed(&run, self.ledger.history())?;
            let (head, dealing) = (placed.head, self.state.working_dealing()?.clone());
            self.record(Event::Intent { run, consents: quorum.consents(), keys })?;
            Ok((head, dealing))
        });
        let (head, dealing) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                self.lapse(&run, Lapse::Withdrawn, quorum.consents());
                return Err(error);
            }
        };
        // Nobody waits for answers any more. What stays there is swept at the next opening.
        let _ = self.forget_wait(&run);
        let (shares, witnesses, watchers, unseen) = quorum.take_shares(self.view(), self.clock());
        (self.seen, self.unseen) = (Vec::new(), unseen);
        let outcome = self
            .record_witnesses(run, witnesses)
            .and_then(|()| {
                let opened = shares.open(&dealing, &head);
                self.record_unopened(run, opened.unopened())?;
                Ok(opened.recover_root(&dealing)?)
            })
            .and_then(|root| work(self, Approved { run, action, epoch, root }));
        let outcome = match outcome {
            Err(error) if self.state.pending().is_some() => {
                // What cannot be undone and recorded now is left to the next opening, as after a
                // stop.
                let _ = self.give_up(&run, error.code());
                Err(error)
            }
            outcome => {
                // The journal of a run that has ended; where it cannot be removed, the next opening
                // does.
                let _ = self.forget_making();
                outcome
            }
        };
        let undecided = self.ledger.is_broken() || self.result_stands;
        for watcher in watchers {
            let name = watcher.name().clone();
            match watcher.see(self.view()) {
                Ok(shown) => self.seen.push((name, shown)),
                Err(error) => self.unseen.push(error),
            }
        }
        outcome.map_err(|error| match undecided {
            true => ServiceError::Undecided { error: Box::new(error) },
            false => error,
        })
    }

    fn record_witnesses(
        &mut self,
        run: RunId,
        witnesses: Vec<LineWitness>,
    ) -> Result<(), ServiceError> {
        if witnesses.is_empty() { Ok(()) } else { self.record(Event::Cosigned { run, witnesses }) }
    }

    /// One bad share does not stop a run: the event says whose it is, and so does
    /// [`Service::take_seen`].
    fn record_unopened(
        &mut self,
        run: RunId,
        unopened: &[(Name, SharingError)],
    ) -> Result<(), ServiceError> {
        if unopened.is_empty() {
            return Ok(());
        }
        let shares = unopened.iter().map(|(name, _)| name.clone()).collect();
        self.unseen.extend(unopened.iter().map(|(_, error)| error.clone().into()));
        self.record(Event::Unopened { run, shares })
    }

    /// What the kits of the last run say of themselves since they saw how it ended, and what kits
    /// could not do: hand over a share that opens, or see the end. Given once.
    pub fn take_seen(&mut self) -> (Vec<(Name, Shown)>, Vec<KitError>) {
        (std::mem::take(&mut self.seen), std::mem::take(&mut self.unseen))
    }

    /// The quorum approved another verb than the one called.
    fn other_action(&mut self, quorum: Quorum) -> ServiceError {
        let (run, approved) = (quorum.question().run, quorum.question().action.verb());
        self.rechecker = None;
        self.lapse(&run, Lapse::Withdrawn, quorum.consents());
        ServiceError::OtherAction { approved }
    }

    /// What an action needs of `keys/` and of the places of life secrets, looked at before anybody
    /// is asked.
    fn check_keys(&self, action: &Action) -> Result<(), ServiceError> {
        self.check_key_names(action)?;
        self.check_arrived_keys(action)?;
        let research = match action {
            Action::Open { kind, .. } => kind.is_research(),
            Action::Close { .. } => true,
            Action::Deal { left_behind, .. } => return self.check_seals(left_behind),
            _ => return Ok(()),
        };
        if research {
            self.keystore.check_places(self.card.id())?;
        }
        Ok(())
    }

    /// Opens the keys of these generations of a domain, with the bytes of each.
    fn keys(
        &mut self,
        root: &Secret<32>,
        domain: &Name,
        generations: Vec<Generation>,
    ) -> Result<(Vec<CodingKey>, Vec<Secret<32>>), ServiceError> {
        let open = |generation| {
            let Opened { key, secret, .. } = self.open_key(root, domain, generation)?;
            Ok((key, secret))
        };
        generations.into_iter().map(open).collect()
    }

    /// Opens the key of one generation.
    fn open_key(
        &mut self,
        root: &Secret<32>,
        domain: &Name,
        generation: Generation,
    ) -> Result<Opened, ServiceError> {
        let state = self.state.domain(domain)?;
        let (epoch, _) = self.state.working_epoch()?;
        let key = state.key(generation).ok_or(Refusal::UnknownDomain)?;
        let label = self.place(epoch, domain, state.kind, generation).label(key.check);
        let opened = self.keystore.open(root, &label)?;
        self.damaged_lives.extend(opened.damaged.iter().cloned());
        Ok(opened)
    }

    /// The copies of life secrets that did not open their key in the runs so far, although another
    /// copy did.
    pub fn damaged_lives(&self) -> &BTreeSet<PathBuf> {
        &self.damaged_lives
    }

    fn place<'a>(
        &'a self,
        epoch: Epoch,
        domain: &'a Name,
        kind: Kind,
        generation: Generation,
    ) -> KeyPlace<'a> {
        KeyPlace { service: self.card.id(), epoch, domain, kind, generation }
    }
}

/// A run that may go on: its number, what was approved, and the root secret.
struct Approved {
    run: RunId,
    action: Action,
    epoch: Epoch,
    root: Secret<32>,
}

/// Reads a service's card.
///
/// # Errors
/// [`ServiceError::Card`] when it is not one; [`ServiceError::File`].
pub fn read_service_card(path: &Path) -> Result<ServiceCard, ServiceError> {
    Ok(card::read_service_card(path)?)
}

#[cfg(test)]
mod tests;
