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

/// A file that was written: where, and with which bytes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MadeFile {
    pub(super) path: PathBuf,
    /// SHA-256("CStatNS/making/" ‖ the file's bytes).
    digest: Hex<32>,
}

impl MadeFile {
    pub(super) fn of((path, bytes): (&Path, &[u8])) -> Self {
        Self { path: path.to_owned(), digest: digest(bytes) }
    }

    /// Destroys what was stopped while it was written, or taken back. That it has left its name is
    /// on disk first: under its own name, what is overwritten would be nobody's.
    pub(super) fn destroy_leftover(&self, mark: &[u8; 16]) -> Result<(), FileError> {
        let leftover = files::temporary_path(&self.path, mark);
        if files::taken(&leftover)? {
            files::settle(&leftover)?;
        }
        files::destroy_if_present(&leftover).map(drop)
    }

    /// Whether the file is there with these bytes.
    pub(super) fn is_there(&self) -> Result<bool, FileError> {
        match files::read(&self.path, LIMIT) {
            Ok(bytes) => Ok(digest(&zeroize::Zeroizing::new(bytes)) == self.digest),
            Err(
                FileError::Missing { .. }
                | FileError::TooLarge { .. }
                | FileError::NotRegular { .. }
                | FileError::NotDirectory { .. },
            ) => Ok(false),
            Err(error) => Err(error),
        }
    }
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
        self.make(&approved.run, new.iter().map(|(path, bytes)| (path.as_path(), *bytes)))?;
        Ok(check)
    }

    /// Writes the files that a run makes, once its journal names them.
    pub(super) fn make<'a>(
        &self,
        run: &RunId,
        new: impl Iterator<Item = (&'a Path, &'a [u8])> + Clone,
    ) -> Result<(), ServiceError> {
        let files = new.clone().map(MadeFile::of).collect();
        let making = Making { format: HOME_FORMAT, run: *run, files };
        files::replace(&Making::path(&self.home), &canonical_json(&making), Access::Private)?;
        for (path, bytes) in new {
            let mut pending = Pending::create_marked(path, &run.0, Access::Private)?;
            pending.write_all(bytes).map_err(|error| FileError::from_io(path, &error))?;
            pending.commit()?;
        }
        Ok(())
    }

    /// Destroys what the run made, and nothing else: a file counts if it holds the bytes that the
    /// run wrote.
    pub(super) fn unmake(&self, run: &RunId) -> Result<(), ServiceError> {
        let Some(making) = Making::read(&self.home)?.filter(|making| making.run == *run) else {
            return Ok(());
        };
        for made in &making.files {
            made.destroy_leftover(&run.0)?;
            if made.is_there()? {
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
        let is_in_the_way = |found: &Found| match action {
            Action::Open { domain, .. } | Action::NewKey { domain, .. } => found.domain == *domain,
            Action::Deal { epoch, .. } => found.generation.is_some_and(|(_, of)| of == *epoch),
            _ => false,
        };
        match self.unknown_keys()?.into_iter().find(is_in_the_way) {
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
        // What an epoch that is over had sealed is destroyed, if not now, then at the next opening.
        Some((generation, epoch)) => {
            domain.key(generation).is_some() && state.epochs().contains_key(&epoch)
        }
        None => domain.kind.is_research(),
    })
}
