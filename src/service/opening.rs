//! A home is opened: locked, read, compared with its copies, and what an earlier process left is
//! finished or undone (SPEC §13).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cstatns_base::files::{self, FileError};
use cstatns_record::ledger::{Ledger, checkpoint_path};
use cstatns_record::state::{ReadLedger, read_ledger};

use crate::keystore::{Keystore, Places};

use super::copies::{self, Copies};
use super::identity::Identity;
use super::result::ReadResult;
use super::{
    Clock, HOME_FORMAT, Recovered, Service, ServiceError, ceremony, read_service_card, recovery,
};

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

    /// The same with a reader of results: by its commitment, it distinguishes the result of a run
    /// that stopped before it was recorded from another file of that name.
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
        let (mut service, mut recovered) = Self::read_home(home, lock, Box::new(clock), false)?;
        service.recover(read, &mut recovered)?;
        service.taken = service.history().size();
        Ok((service, recovered))
    }

    /// Reads a home that is locked. One that is being recovered has no marks to go by.
    pub(super) fn read_home(
        home: PathBuf,
        lock: files::Lock,
        clock: Box<dyn Clock>,
        recovering: bool,
    ) -> Result<(Self, Vec<Recovered>), ServiceError> {
        if !recovering && recovery::is_unfinished(&home) {
            return Err(ServiceError::RecoveryStopped { home });
        }
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
        let ReadLedger { history, state, length, uncovered, torn, checkpoint, .. } =
            read_ledger(&path, &card)?;
        if !recovering && state.recoveries().unseen {
            return Err(ServiceError::RecoveryStopped { home });
        }
        if !recovering && !ceremony::is_unfinished(&home) {
            copies::check_marks(&home, &card, &history, &places)?;
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
        let copies = Copies::open(&home, &card, &ledger, &places);
        let keystore = Keystore::new(home.join("keys"), places.life_of(&home));
        let service = Self {
            home,
            lock: Some(lock),
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
            confirmed: None,
            clock,
        };
        Ok((service, recovered))
    }
}
