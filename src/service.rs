//! The cryptographic service: a home directory, its ledger, its runs (SPEC §13).
//!
//! Control flows one way: an [`Action`] is proposed, custodians approve, their approvals make a
//! [`Quorum`], which one call consumes. The order of durability is the same for all: *intent*
//! recorded, shares opened, output made durable under its name, *result* recorded, source
//! destroyed, *destruction* recorded. A process that stops anywhere leaves what [`Service::open`]
//! finishes or undoes.
//!
//! The ceremony and the first domain of a demonstration; `examples/ceremony.rs` goes on to codes
//! and their renewal:
//!
//! ```
//! use cstatns::proposal::Action;
//! use cstatns::custody::custodian::{Kit, Witnessed};
//! use cstatns::domain::Kind;
//! use cstatns::name::Name;
//! use cstatns::service::{Founding, Service, SystemClock};
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
//! let founding = Founding { name, threshold: 2, cards, shares: &shares, life: vec![], demo: true };
//! let founded = Service::init(&at("home"), founding, SystemClock)?;
//!
//! // Each custodian accepts their share; the service records the receipts.
//! let (mut service, _) = Service::open(&at("home"), SystemClock)?;
//! for (kit, share) in kits.iter().zip(&founded.shares) {
//!     let ledger = Witnessed { dealing: &founded.dealing, leaves: service.history().leaves() };
//!     let share = serde_json::from_slice(&std::fs::read(share)?)?;
//!     let receipt = Kit::open(kit, None)?.accept(&share, ledger)?;
//!     service.receipt(serde_json::from_slice(&std::fs::read(receipt)?)?)?;
//! }
//!
//! // A proposal, its approvals, a quorum, a run.
//! let domain = Name::new("population")?;
//! let kind = Kind::Statistics { cryptoperiod_years: 5 };
//! let open = Action::Open { domain: domain.clone(), kind, minimum_batch: 11 };
//! let draft = service.propose(open, SignedDuration::from_mins(10))?;
//! let mut approvals = Vec::new();
//! for kit in &kits {
//!     let kit = Kit::open(kit, None)?;
//!     approvals.push(kit.approve(draft.proposal(), service.witnessed()?, service.approved_now())?);
//! }
//! let quorum = service.assemble(draft, approvals)?;
//! service.open_domain(quorum)?;
//! assert_eq!(service.state().domain(&domain)?.generation().get(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A home holds `identity` (its signing key, 0600), `card.json`, `lock`, `ledger.jsonl`,
//! `checkpoint`, `places.json`, `outbox/` (where deliveries lie), `keys/` (sealed; may be backed
//! up) and, unless other places were declared, `life/` (life secrets; must not be backed up).

mod ceremony;
mod clock;
mod coding;
mod destruction;
mod error;
mod identity;
mod making;
mod project;
mod renewal;
mod report;
mod result;
mod status;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cstatns_base::code::Generation;
use cstatns_base::coded::Coded as _;
use cstatns_base::domain::Kind;
use cstatns_base::files::{self, FileError};
use cstatns_base::name::Name;
use cstatns_base::secret::Secret;
use cstatns_record::card::ServiceCard;
use cstatns_record::dealing::Epoch;
use cstatns_record::ledger::event::{Event, Line};
use cstatns_record::ledger::{
    History, Ledger, LedgerError, Lines, checkpoint_path, next_line, read_checkpoint,
};
use cstatns_record::proposal::{Action, RunId};
use cstatns_record::state::{Broken, Fold, Refusal, State, Unlawful};
use jiff::{SignedDuration, Timestamp};

use crate::coder::CodingKey;
use crate::custody::custodian::Witnessed;
use crate::custody::quorum::{Draft, Quorum};
use crate::keystore::{KeyPlace, Keystore, Opened, Places};

use identity::Identity;

pub use ceremony::{Founded, Founding};
pub use clock::{Clock, SystemClock};
pub use coding::{Made, RunFiles};
pub use destruction::{Outgoing, Recovered};
pub use error::ServiceError;
pub use project::Expired;
pub use result::{Counts, LeftResult, Outcome, ReadResult, ResultFile, Seal, WorkError, Written};
pub use status::{DomainStatus, EpochStatus, Status};

/// The version of a home's format.
pub const HOME_FORMAT: u32 = 1;
/// More than a small file of a home is long, in bytes.
const LIMIT: u64 = 1 << 20;

/// A cryptographic service, opened: nobody else works on its home meanwhile.
pub struct Service {
    home: PathBuf,
    _lock: files::Lock,
    card: ServiceCard,
    identity: Identity,
    ledger: Ledger,
    state: State,
    keystore: Keystore,
    /// Copies of life secrets that were found not to open their key.
    damaged_lives: BTreeSet<PathBuf>,
    /// Whether a result has its name and no event yet, which the next opening decides.
    result_stands: bool,
    /// Why what is owed could not be destroyed when the home was opened.
    unpaid: Option<Arc<ServiceError>>,
    clock: Box<dyn Clock>,
}

/// A ledger read from its file and found lawful, with what its checkpoint covers.
#[non_exhaustive]
pub struct ReadLedger {
    /// The tree over its lines.
    pub history: History,
    /// The state that follows from it.
    pub state: State,
    /// The length of its whole lines, in bytes.
    length: u64,
    /// Whether the last line was not covered by the checkpoint.
    uncovered: bool,
    /// Whether bytes of a line that was cut short follow.
    torn: bool,
}

/// Reads the ledger at `path`, verifies it against the checkpoint beside it and folds it into a
/// state. Custodians and the service read it so; the auditor says more about what does not hold.
///
/// # Errors
/// [`ServiceError::Ledger`], [`ServiceError::Broken`]: each names the event.
pub fn read_ledger(path: &Path, card: &ServiceCard) -> Result<ReadLedger, ServiceError> {
    let covered = read_checkpoint(&checkpoint_path(path), card)?;
    let mut lines = Lines::open(path)?;
    let mut fold = Fold::new(card);
    while let Some(line) = lines.next_line()? {
        fold.push(line)?;
    }
    let (length, torn) = (lines.length(), lines.is_torn());
    let (history, state) = fold.finish();
    let (covered_size, found) = (covered.size, history.size());
    if found < covered_size {
        return Err(LedgerError::Short { covered: covered_size, found }.into());
    }
    if !history.includes(&covered) {
        return Err(LedgerError::Root { covered: covered_size }.into());
    }
    if found > covered_size + 1 || (found > covered_size && torn) {
        return Err(LedgerError::Long { covered: covered_size, found }.into());
    }
    let state = state.ok_or(Broken::Unlawful { number: 1, reason: Unlawful::Genesis })?;
    Ok(ReadLedger { history, state, length, uncovered: found > covered_size, torn })
}

impl Service {
    /// Opens the service in `home`, finishing or undoing what an earlier process left. Returns what
    /// it repaired.
    ///
    /// # Errors
    /// [`ServiceError`]: the home is locked, unfinished, damaged or of a newer format, or its
    /// ledger was changed.
    pub fn open(
        home: &Path,
        clock: impl Clock + 'static,
    ) -> Result<(Self, Vec<Recovered>), ServiceError> {
        Self::open_reading(home, clock, None)
    }

    /// The same with a reader of results: it tells the result of a run that stopped before it was
    /// recorded, by its commitment, from another file of that name.
    ///
    /// # Errors
    /// As [`Service::open`], which needs the reader only after such a stop:
    /// [`ServiceError::ResultUnread`] without one. [`ServiceError::ResultAway`] where the directory
    /// of that result is not there.
    pub fn open_reading(
        home: &Path,
        clock: impl Clock + 'static,
        read: Option<ReadResult<'_>>,
    ) -> Result<(Self, Vec<Recovered>), ServiceError> {
        let home = std::path::absolute(home).map_err(|error| FileError::from_io(home, &error))?;
        match checkpoint_path(&home.join("ledger.jsonl")).try_exists() {
            Ok(true) => {}
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                return Err(FileError::from_io(&home, &error).into());
            }
            _ => return Err(ceremony::no_service(&home)),
        }
        let lock = files::lock(&home.join("lock"))?;
        let identity = Identity::read(&home)?;
        let card = read_service_card(&home.join("card.json"))?;
        if identity.key().verifying_key().to_bytes() != card.body.signing.0 {
            return Err(ServiceError::HomeDamaged { file: "identity" });
        }
        let places = Places::read(&home)?;
        if places.format > HOME_FORMAT {
            return Err(ServiceError::HomeVersion { found: places.format });
        }
        let path = home.join("ledger.jsonl");
        let ReadLedger { history, state, length, uncovered, torn } = read_ledger(&path, &card)?;
        let mut recovered = Vec::new();
        if torn {
            recovered.push(Recovered::EventCut);
        }
        let mut ledger = Ledger::open(&path, history, length)?;
        if uncovered {
            ledger.cover(&card, &identity.key())?;
            recovered.push(Recovered::EventCovered);
        }
        let keystore = Keystore::new(home.join("keys"), places.life_of(&home));
        let mut service = Self {
            home,
            _lock: lock,
            card,
            identity,
            ledger,
            state,
            keystore,
            damaged_lives: BTreeSet::new(),
            result_stands: false,
            unpaid: None,
            clock: Box::new(clock),
        };
        service.recover(read, &mut recovered)?;
        Ok((service, recovered))
    }

    /// Proposes `action` to the custodians; approvals count for at most `wait`.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] when it is not lawful now, and what else would stop its run:
    /// nobody is asked for what would be refused afterwards.
    pub fn propose(&self, action: Action, wait: SignedDuration) -> Result<Draft, ServiceError> {
        let now = self.approved_now();
        self.check_unpaid()?;
        self.state.allows(&action, now)?;
        self.check_keys(&action)?;
        let dealing = self.state.working_dealing()?;
        Ok(Draft::new(
            dealing,
            self.ledger.history().head(),
            action,
            now,
            wait,
            &self.identity.key(),
        ))
    }

    /// What a custodian's kit looks at before it approves.
    ///
    /// # Errors
    /// [`Refusal::SharesMissing`].
    pub fn witnessed(&self) -> Result<Witnessed<'_>, ServiceError> {
        let dealing = self.state.working_dealing()?;
        Ok(Witnessed { dealing, leaves: self.ledger.history().leaves() })
    }

    /// Makes a quorum of the approvals of a draft.
    ///
    /// # Errors
    /// [`QuorumError`](cstatns_record::proposal::QuorumError) names the custodian whose approval
    /// does not count.
    pub fn assemble(
        &self,
        draft: Draft,
        approvals: Vec<crate::custody::approval::Approval>,
    ) -> Result<Quorum, ServiceError> {
        let dealing = self.state.working_dealing()?;
        Ok(Quorum::assemble(draft, approvals, dealing, self.approved_now())?)
    }

    /// The time that a proposal made now is dated by: a quorum confirms the clock.
    pub fn approved_now(&self) -> Timestamp {
        self.state.time_at(self.clock(), true)
    }

    /// The state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The lines so far.
    pub fn history(&self) -> &History {
        self.ledger.history()
    }

    /// The service's card.
    pub fn card(&self) -> &ServiceCard {
        &self.card
    }

    /// Whether the clock is too far ahead of the last event to be believed without a quorum (SPEC
    /// §15).
    pub fn is_clock_unconfirmed(&self) -> bool {
        self.state.is_unconfirmed(self.clock())
    }

    /// The clock in whole seconds, as the ledger writes it.
    fn clock(&self) -> Timestamp {
        Timestamp::from_second(self.clock.now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Makes an event durable, if it is lawful.
    fn record(&mut self, event: Event) -> Result<(), ServiceError> {
        let clock = self.clock();
        let confirmed = matches!(event, Event::Intent { .. });
        let time = self.state.time_at(clock, confirmed);
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

    /// Consumes a quorum: records the intent, opens the shares, does `work` with the root secret;
    /// undoes what failed work has left and records the failure.
    fn run<T>(
        &mut self,
        quorum: Quorum,
        work: impl FnOnce(&mut Self, &Approved) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        let proposal = quorum.proposal().clone();
        self.check_keys(&proposal.body.action)?;
        let keys = self.state.keys_of(&proposal.body.action);
        let consents = quorum.consents();
        let (run, action, epoch) =
            (proposal.body.run, proposal.body.action.clone(), proposal.body.epoch);
        let dealing = self.state.working_dealing()?.clone();
        self.record(Event::Intent { proposal: Box::new(proposal), consents, keys })?;
        let outcome = match quorum.recover_root(&dealing) {
            Ok(root) => work(self, &Approved { run, action, epoch, root }),
            Err(error) => Err(error.into()),
        };
        match outcome {
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
        }
    }

    /// What an action needs of `keys/` and of the places of life secrets, looked at before anybody
    /// is asked.
    fn check_keys(&self, action: &Action) -> Result<(), ServiceError> {
        self.check_key_names(action)?;
        let research = match action {
            Action::Open { kind, .. } => kind.is_research(),
            Action::Close { .. } => true,
            _ => return Ok(()),
        };
        if research {
            self.keystore.check_places(self.card.id())?;
        }
        Ok(())
    }

    /// Opens the keys of these generations of a domain.
    fn keys(
        &mut self,
        root: &Secret<32>,
        domain: &Name,
        generations: impl Iterator<Item = u32>,
    ) -> Result<Vec<CodingKey>, ServiceError> {
        let generations = generations.filter_map(Generation::new);
        generations.map(|generation| Ok(self.open_key(root, domain, generation)?.key)).collect()
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

/// The quorum approved another verb than the one called.
fn other_action(quorum: &Quorum) -> ServiceError {
    ServiceError::OtherAction { approved: quorum.proposal().body.action.verb() }
}

/// Reads a service's card.
///
/// # Errors
/// [`ServiceError::Card`] when it is not one; [`ServiceError::File`].
pub fn read_service_card(path: &Path) -> Result<ServiceCard, ServiceError> {
    let bytes = files::read(path, LIMIT)?;
    let card: Option<ServiceCard> = serde_json::from_slice(&bytes).ok();
    card.filter(ServiceCard::is_sound).ok_or_else(|| ServiceError::Card { path: path.to_owned() })
}
