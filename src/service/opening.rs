//! How a home is opened, and what is looked at before.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cstatns_base::files::FileError;
use cstatns_base::name::Name;
use cstatns_record::ledger::checkpoint_path;

use super::{HOME_FORMAT, ReadResult, ServiceError, ceremony};
use crate::keystore::Places;

/// How a home is opened.
pub struct Opening<'a> {
    /// What is done with it: shown to whoever finds the home locked meanwhile.
    pub verb: Name,
    /// How long to wait while another process works on it.
    pub wait: Duration,
    /// Reads results. By its commitment, it distinguishes the result of a run that stopped before
    /// it was recorded from another file of that name.
    pub read: Option<ReadResult<'a>>,
}

impl Opening<'_> {
    /// Without waiting, and without a reader of results.
    pub fn of(verb: Name) -> Self {
        Self { verb, wait: Duration::ZERO, read: None }
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
