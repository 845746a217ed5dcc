//! The key files that a run makes, and how they are taken back when it fails (SPEC §13).
//!
//! `making.json` in the home says which files the pending run makes, before the first of them has
//! its name: the digest of each. Undoing a run destroys these files and no other: a key of the same
//! name may be one that the ledger does not know yet, because the ledger is older than `keys/`.

use std::io::Write;
use std::path::{Path, PathBuf};

use cstatns_base::domain::CheckValue;
use cstatns_base::files::{self, Access, FileError, Pending};
use cstatns_base::name::{Hex, canonical_json};
use cstatns_base::secret::Secret;
use cstatns_record::proposal::{Action, RunId};
use cstatns_record::state::State;
use serde::{Deserialize, Serialize};

use crate::keystore::{Found, KeyPlace, Keystore, KeystoreError};

use super::{Approved, HOME_FORMAT, LIMIT, Service, ServiceError};

/// What the pending run makes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Making {
    format: u32,
    run: RunId,
    files: Vec<MadeFile>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MadeFile {
    path: PathBuf,
    /// SHA-256("CStatNS/making/" ‖ the file's bytes).
    digest: Hex<32>,
}

fn digest(bytes: &[u8]) -> Hex<32> {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    hash.update(b"CStatNS/making/");
    hash.update(bytes);
    Hex(hash.finalize().into())
}

impl Making {
    fn path(home: &Path) -> PathBuf {
        home.join("making.json")
    }

    fn read(home: &Path) -> Result<Option<Self>, ServiceError> {
        let bytes = match files::read(&Self::path(home), LIMIT) {
            Err(FileError::Missing { .. }) => return Ok(None),
            read => read?,
        };
        let damaged = || ServiceError::HomeDamaged { file: "making.json" };
        serde_json::from_slice(&bytes).map(Some).map_err(|_| damaged())
    }
}

impl Service {
    /// Makes a key of `domain` for a run: its life secret first, where `kind` is research and there
    /// is none yet, then its seal. `life` is the domain's life secret, where it has one.
    pub(super) fn make_key(
        &self,
        approved: &Approved,
        place: &KeyPlace<'_>,
        life: Option<Secret<32>>,
    ) -> Result<CheckValue, ServiceError> {
        let mut making = Making { format: HOME_FORMAT, run: approved.run, files: Vec::new() };
        let drawn = (place.kind.is_research() && life.is_none()).then(Secret::<32>::random);
        let life = life.as_ref().or(drawn.as_ref());
        let (check, seal) = Keystore::seal(&approved.root, life, place)?;
        let mut new: Vec<(PathBuf, &[u8])> = Vec::new();
        if let Some(life) = &drawn {
            self.keystore.check_places(self.card.id())?;
            new.extend(
                self.keystore.life_paths(place.domain).map(|path| (path, &life.expose()[..])),
            );
        }
        new.push((self.keystore.seal_path(place.domain, place.generation, place.epoch), &seal));
        let entry = |(path, bytes): &(PathBuf, &[u8])| MadeFile {
            path: path.clone(),
            digest: digest(bytes),
        };
        making.files.extend(new.iter().map(entry));
        files::replace(&Making::path(&self.home), &canonical_json(&making), Access::Private)?;
        for (path, bytes) in new {
            let mut pending = Pending::create_marked(&path, &approved.run.0, Access::Private)?;
            pending.write_all(bytes).map_err(|error| FileError::from_io(&path, &error))?;
            pending.commit()?;
        }
        Ok(check)
    }

    /// Destroys what the run made, and nothing else: a file counts if it holds the bytes that the
    /// run wrote.
    pub(super) fn unmake(&self, run: &RunId) -> Result<(), ServiceError> {
        let Some(making) = Making::read(&self.home)?.filter(|making| making.run == *run) else {
            return Ok(());
        };
        for made in &making.files {
            let bytes = match files::read(&made.path, LIMIT) {
                Ok(bytes) => zeroize::Zeroizing::new(bytes),
                Err(
                    FileError::Missing { .. }
                    | FileError::TooLarge { .. }
                    | FileError::NotRegular { .. }
                    | FileError::NotDirectory { .. },
                ) => {
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            if digest(&bytes) == made.digest {
                // Its name goes first: stopped while it is overwritten, it is known as a leftover
                // and not by its bytes.
                files::withdraw(&made.path, &run.0)?;
            }
        }
        Ok(())
    }

    /// Removes the journal once its run has ended. Returns whether there was one.
    pub(super) fn forget_making(&self) -> Result<bool, ServiceError> {
        Ok(files::remove_if_present(&Making::path(&self.home))?)
    }

    /// Refuses an action that would make a key where there are files of keys that the ledger does
    /// not know.
    pub(super) fn check_key_names(&self, action: &Action) -> Result<(), ServiceError> {
        let (Action::Open { domain, .. } | Action::NewKey { domain, .. }) = action else {
            return Ok(());
        };
        match self.unknown_keys()?.into_iter().find(|found| found.domain == *domain) {
            Some(Found { path, .. }) => Err(ServiceError::UnknownKey { path }),
            None => Ok(()),
        }
    }

    /// The files of keys and life secrets that the ledger does not know. There are none, unless the
    /// ledger is older than them: it was put back from a backup, or lines were taken away.
    ///
    /// # Errors
    /// [`ServiceError::Keystore`].
    pub fn unknown_keys(&self) -> Result<Vec<Found>, ServiceError> {
        unknown_keys(&self.keystore, &self.state)
    }
}

/// The files of keys and life secrets that a ledger does not know.
pub(super) fn unknown_keys(keystore: &Keystore, state: &State) -> Result<Vec<Found>, ServiceError> {
    let found = keystore.found(state.service().id()).map_err(|error| match error {
        KeystoreError::File(FileError::Missing { path }) => ServiceError::NoKeys { path },
        error => error.into(),
    });
    let mut found = found?;
    found.retain(|found| !knows(state, found));
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Whether the ledger speaks of a key or a life secret.
fn knows(state: &State, found: &Found) -> bool {
    state.domain(&found.domain).is_ok_and(|domain| match found.generation {
        Some((generation, _)) => domain.key(generation).is_some(),
        None => domain.kind.is_research(),
    })
}
