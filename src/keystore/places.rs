//! Which directories a home's life secrets and mirrors lie in.

use std::path::{Path, PathBuf};

use cstatns_base::files;
use serde::{Deserialize, Serialize};

use super::{KeystoreError, MARKER, MIRROR_MARKER};

/// The directories in which life secrets lie, as `init` got them; kept in the home.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Places {
    /// Format version.
    pub format: u32,
    /// The directories; relative ones lie in the home.
    pub life: Vec<PathBuf>,
    /// The directories of mirrors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mirrors: Vec<PathBuf>,
}

impl Places {
    /// The file of a home that names the places.
    pub fn path(home: &Path) -> PathBuf {
        home.join("places.json")
    }

    /// The directories of the service in `home`.
    pub fn life_of(&self, home: &Path) -> Vec<PathBuf> {
        self.life.iter().map(|place| home.join(place)).collect()
    }

    /// The places of life secrets, and the mirrors, that are there now: each says whose it is.
    pub fn there(&self, home: &Path, service: &str) -> impl Iterator<Item = PathBuf> {
        let marker = format!("{service}\n");
        let lives = self.life_of(home).into_iter().map(|place| (place, MARKER));
        let mirrors = self.mirrors.iter().map(|place| (place.clone(), MIRROR_MARKER));
        let marked = move |(place, name): &(PathBuf, &str)| {
            files::read(&place.join(name), 256).is_ok_and(|found| found == marker.as_bytes())
        };
        let all: Vec<_> = lives.chain(mirrors).collect();
        all.into_iter().filter(marked).map(|(place, _)| place)
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`KeystoreError::File`]; [`KeystoreError::Places`].
    pub fn read(home: &Path) -> Result<Self, KeystoreError> {
        let bytes = files::read(&Self::path(home), 1 << 16)?;
        serde_json::from_slice(&bytes).map_err(|_| KeystoreError::Places)
    }
}
