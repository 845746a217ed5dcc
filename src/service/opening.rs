//! A home is opened: locked, read, compared with its copies, and what an earlier process left is
//! finished or undone (SPEC §13).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cstatns_base::files::{self, Append, FileError};
use cstatns_base::name::Name;
use cstatns_record::ledger::{Ledger, Lines, checkpoint_path};
use cstatns_record::state::{ReadLedger, read_ledger};

use crate::keystore::{Keystore, Places};

use super::copies::{self, Copies};
use super::identity::Identity;
use super::result::ReadResult;
use super::{
    Clock, HOME_FORMAT, Recovered, Service, ServiceError, ceremony, read_service_card, snapshot,
};

impl Service {
    /// Opens the service in `home`, finishing or undoing what an earlier process left. Returns what
    /// it repaired.
    ///
    /// # Errors
    /// [`ServiceError`]: the home is locked, unfinished, damaged, an old copy or of a newer format,
    /// or its ledger was changed.
    pub fn open(
        home: &Path,
        clock: impl Clock + 'static,
    ) -> Result<(Self, Vec<Recovered>), ServiceError> {
        Self::open_for(home, clock, Opening::of(Name::new("open").expect("a name")))
    }

    /// The same with what is said of it meanwhile, patience, and a reader of results.
    ///
    /// # Errors
    /// As [`Service::open`], which needs the reader only after a run stopped before its result was
    /// recorded: [`ServiceError::ResultUnread`] without one. [`ServiceError::ResultAway`] where the
    /// directory of that result is not there.
    pub fn open_for(
        home: &Path,
        clock: impl Clock + 'static,
        opening: Opening<'_>,
    ) -> Result<(Self, Vec<Recovered>), ServiceError> {
        let home = founded(home)?;
        let lock = files::lock_for(&home.join("lock"), &opening.verb, opening.wait)?;
        let (mut service, mut recovered) =
            Self::read_home(home, lock, Box::new(clock), &opening, Purpose::Work)?;
        service.recover(opening.read, &mut recovered)?;
        service.keep_snapshot(opening.snapshot_after);
        service.taken = service.history().size();
        Ok((service, recovered))
    }

    /// Reads a home that is locked.
    pub(super) fn read_home(
        home: PathBuf,
        lock: files::Lock,
        clock: Box<dyn Clock>,
        opening: &Opening<'_>,
        purpose: Purpose,
    ) -> Result<(Self, Vec<Recovered>), ServiceError> {
        let recovering = purpose == Purpose::Recover;
        if !recovering && home.join(RECOVERING).exists() {
            return Err(ServiceError::RecoveryStopped { home });
        }
        let keys = home.join("keys");
        if purpose == Purpose::Work && matches!(keys.try_exists(), Ok(false)) {
            return Err(ServiceError::NoKeys { path: keys });
        }
        let card = read_service_card(&home.join("card.json"))?;
        let places = read_places(&home)?;
        let path = home.join("ledger.jsonl");
        // What was brought back from elsewhere is folded as if it had never been seen.
        let mut ledger = match opening.from_snapshot && !recovering {
            true => snapshot::read_ledger(&home, &card),
            false => read_ledger(&path, &card),
        }?;
        let keys = ledger.state.service_keys().clone();
        let (identity, card) = match Identity::present(&home, &keys) {
            Err(ServiceError::IdentityLost { .. }) if purpose == Purpose::Rekey => {
                // Nobody can sign for an event that its checkpoint does not cover.
                if ledger.uncovered {
                    cut_last(&path, &ledger)?;
                    ledger = read_ledger(&path, &card)?;
                }
                (Identity::next(&home, &keys)?, card)
            }
            present => {
                let identity = present?;
                let card = identity.settle(&home, card.id())?;
                (identity, card)
            }
        };
        let ReadLedger { history, state, length, known, uncovered, torn, checkpoint, .. } = ledger;
        if !recovering && state.recoveries().unseen {
            return Err(ServiceError::RecoveryStopped { home });
        }
        if !recovering && !ceremony::is_unfinished(&home) {
            copies::check_marks(&home, &keys, &history, &places)?;
        }
        let mut recovered = Vec::new();
        if torn {
            recovered.push(Recovered::EventCut);
        }
        let mut ledger = Ledger::open(&path, history, length, checkpoint.note)?;
        if uncovered {
            ledger.cover(&card, &identity.key())?;
            recovered.push(Recovered::EventCovered);
        }
        let copies = Copies::open(&home, &keys, &ledger, &places);
        let keystore = Keystore::new(home.join("keys"), places.life_of(&home));
        let service = Self {
            home,
            lock: Some(lock),
            verb: opening.verb.clone(),
            wait: opening.wait,
            card,
            identity,
            ledger,
            copies,
            state,
            places,
            keystore,
            damaged_lives: BTreeSet::new(),
            result_stands: false,
            unpaid: None,
            seen: Vec::new(),
            unseen: Vec::new(),
            taken: 0,
            from_snapshot: known > 0,
            confirmed: None,
            rechecker: None,
            clock,
        };
        Ok((service, recovered))
    }
}

/// The file that says that a recovery of the home has begun and not ended.
pub(super) const RECOVERING: &str = "recovering";

/// What a home is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To record events.
    Work,
    /// To be recovered: it has no marks to go by.
    Recover,
    /// To record another signing key, before anything else; its present one may be lost.
    Rekey,
}

/// Cuts off the last event, which does not count before it is covered.
fn cut_last(path: &Path, ledger: &ReadLedger) -> Result<(), ServiceError> {
    let mut lines = Lines::open(path)?;
    for _ in 0..ledger.checkpoint.head.size {
        lines.next_line()?;
    }
    Ok(Append::open(path)?.truncate(lines.length())?)
}

/// As many events are folded in some hundredths of a second, and the snapshot of a long ledger
/// takes as long to write.
const SNAPSHOT_AFTER: u64 = 256;

/// How a home is opened.
pub struct Opening<'a> {
    /// What is done with it: shown to whoever finds the home locked meanwhile.
    pub verb: Name,
    /// How long to wait while another process works on it.
    pub wait: Duration,
    /// Reads results. By its commitment, it distinguishes the result of a run that stopped before
    /// it was recorded from another file of that name.
    pub read: Option<ReadResult<'a>>,
    /// Whether the state may come from the home's snapshot: only for what no custodian's kit looks
    /// at. A question to custodians folds the ledger from its lines all the same.
    pub from_snapshot: bool,
    /// How many events the home's snapshot may lack before a newer one is written.
    pub snapshot_after: u64,
}

impl Opening<'_> {
    /// Without waiting, without a reader of results, and from the ledger's lines alone.
    pub fn of(verb: Name) -> Self {
        let (wait, snapshot_after) = (Duration::ZERO, SNAPSHOT_AFTER);
        Self { verb, wait, read: None, from_snapshot: false, snapshot_after }
    }
}

/// The absolute path of a home in which a service was founded.
pub(super) fn founded(home: &Path) -> Result<PathBuf, ServiceError> {
    let home = std::path::absolute(home).map_err(|error| FileError::from_io(home, &error))?;
    match checkpoint_path(&home.join("ledger.jsonl")).try_exists() {
        Ok(true) => Ok(home),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Err(FileError::from_io(&home, &error).into())
        }
        _ => Err(ceremony::no_service(&home)),
    }
}

/// Where a home says that its life secrets lie.
pub(super) fn read_places(home: &Path) -> Result<Places, ServiceError> {
    let places = Places::read(home)?;
    match places.format {
        HOME_FORMAT => Ok(places),
        found if found > HOME_FORMAT => Err(ServiceError::HomeVersion { found }),
        _ => Err(ServiceError::HomeDamaged { file: "places.json" }),
    }
}
