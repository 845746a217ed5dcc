//! Where the files of a part of a run lie, and what the run found: kept in `outbox/`, because the
//! ledger holds neither (SPEC §13).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use cstatns_base::commitment::{Commitment, CommitmentKey};
use cstatns_base::delivery::{DeliveryId, part_of};
use cstatns_base::files::{self, Access, Facts, FileError, Held, ReadAt, Remembered};
use cstatns_base::look_up::Scores;
use cstatns_base::name::{Hex, Name, canonical_json, whole_number, whole_number_if_any};
use cstatns_base::secret::random_bytes;
use cstatns_record::proposal::RunId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{HOME_FORMAT, LIMIT, RunFiles, ServiceError};

/// The journal of one part of a run.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Journal {
    pub(super) format: u32,
    pub(super) delivery: DeliveryId,
    pub(super) request: Vec<Remembered>,
    pub(super) result: PathBuf,
    /// What opens the commitment of the result.
    pub(super) key: Hex<32>,
    /// The result that is whole and lies under the name of its temporary, before it takes its own.
    pub(super) ready: Option<Ready>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) accepted: BTreeMap<String, Name>,
}

/// What is counted of a result's rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// How many have a code.
    #[serde(deserialize_with = "whole_number")]
    pub coded: u64,
    /// How many codes were recomputed before the result got its name: the run sets it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "whole_number_if_any"
    )]
    pub rechecked: Option<u64>,
    /// How many have each word of `quality`; empty for a renewal.
    pub quality: BTreeMap<String, u64>,
    /// How many have a score in each step, after a look-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<Scores>,
}

/// What is known of a result that is whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ready {
    /// Its commitment, which distinguishes it from another file of its name.
    pub(super) result: Commitment,
    pub(super) counts: Counts,
    /// By what a parcel is known: nobody here can read the result in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) parcel: Option<Mark>,
}

/// By what a parcel is known again: its length, and the digest of how it begins, where the key of
/// each one is sealed anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mark {
    #[serde(deserialize_with = "whole_number")]
    bytes: u64,
    begins: Hex<32>,
}

/// How much of a parcel's beginning is looked at: more than its age head.
const BEGINNING: u64 = 4096;

impl Mark {
    /// That of the file at `path`.
    pub(super) fn of(path: &Path) -> Result<Self, FileError> {
        let failed = |error| FileError::from_io(path, &error);
        let file = files::open_to_read(path)?;
        let bytes = file.length().map_err(failed)?;
        let mut beginning = vec![0; bytes.min(BEGINNING) as usize];
        files::read_at(&file, &mut beginning, 0).map_err(failed)?;
        Ok(Self { bytes, begins: Hex(Sha256::digest(&beginning).into()) })
    }
}

impl Journal {
    /// `<run>.<part>.json` in the outbox.
    pub(super) fn path(home: &Path, DeliveryId { run, part }: &DeliveryId) -> PathBuf {
        home.join("outbox").join(format!("{run}.{part}.json"))
    }

    pub(super) fn read(path: &Path) -> Result<Self, ServiceError> {
        let bytes = files::read(path, LIMIT)?;
        serde_json::from_slice(&bytes).map_err(|_| ServiceError::HomeDamaged { file: "outbox" })
    }

    pub(super) fn new(
        delivery: DeliveryId,
        held: &[Held],
        files: &RunFiles,
    ) -> Result<Self, ServiceError> {
        let request = held.iter().map(|held| held.remembered().clone()).collect();
        let result = whole_path(&files.result)?;
        let mut key = Hex([0; 32]);
        random_bytes(&mut key.0);
        Ok(Self {
            format: HOME_FORMAT,
            delivery,
            request,
            result,
            key,
            ready: None,
            accepted: files.accepted.clone(),
        })
    }

    /// Writes it into the home, in place of what it was.
    pub(super) fn replace(&self, home: &Path) -> Result<(), FileError> {
        files::replace(&Self::path(home, &self.delivery), &canonical_json(self), Access::Private)
    }

    /// Whether the result is whole and has not taken its name.
    pub(super) fn stands_by(&self) -> bool {
        self.temporary().symlink_metadata().is_ok_and(|data| data.is_file())
    }

    /// What opens the commitment of the result.
    pub(super) fn commitment_key(&self) -> CommitmentKey {
        CommitmentKey::from_hex(&self.key.to_string()).expect("it is hexadecimal")
    }

    /// Where the result lies before it takes its name.
    pub(super) fn temporary(&self) -> PathBuf {
        files::temporary_path(&self.result, &self.delivery.run.0)
    }
}

/// The run that a file of the outbox speaks of, and of a journal the part. None of other files.
pub(super) fn spoken_of(path: &Path) -> Option<(RunId, Option<u32>)> {
    let name = path.file_name()?.to_str()?;
    let (run, rest) = name.split_once('.')?;
    let run = Hex::parse(run.as_bytes())?;
    match rest {
        "wait" | "consents" => Some((run, None)),
        _ => Some((run, Some(part_of(rest.strip_suffix(".json")?)?))),
    }
}

/// Holds the files of a request, which are destroyed after the run; of a run that keeps them,
/// nothing.
pub(super) fn hold(files: &RunFiles, keep_request: bool) -> Result<Vec<Held>, ServiceError> {
    let request: &[PathBuf] = if keep_request { &[] } else { &files.request };
    let hold = |path: &PathBuf| {
        whole_path(path).and_then(|place| Held::new(&place)).map_err(|error| match error {
            FileError::Missing { .. } => error.into(),
            error => ServiceError::RequestStays { error },
        })
    };
    request.iter().map(hold).collect()
}

/// The absolute path of a file, without `..`: the home's notes lead to it from anywhere.
///
/// # Errors
/// [`FileError`]: its directory is not there.
pub fn whole_path(path: &Path) -> Result<PathBuf, FileError> {
    let failed = |error| FileError::from_io(path, &error);
    let whole = std::path::absolute(path).map_err(failed)?;
    let goes_up = whole.components().any(|part| part == Component::ParentDir);
    match (whole.parent(), whole.file_name()) {
        (Some(directory), Some(name)) if goes_up => {
            Ok(directory.canonicalize().map_err(failed)?.join(name))
        }
        _ => Ok(whole),
    }
}

/// Looks at the files of a part: the request is there, and nothing is under the result's name.
pub(super) fn check_names(files: &RunFiles) -> Result<(), FileError> {
    if let Some(missing) = files.request.iter().find(|path| !path.is_file()) {
        return Err(FileError::Missing { path: missing.clone() });
    }
    match files.result.symlink_metadata() {
        Ok(_) => Err(FileError::Exists { path: files.result.clone() }),
        Err(_) => Ok(()),
    }
}

/// Refuses two results of one name, however their directory is spelt: the second could not be made.
pub(super) fn check_apart(files: &[RunFiles]) -> Result<(), FileError> {
    let mut known = BTreeSet::new();
    for RunFiles { result, .. } in files {
        let path = whole_path(result)?;
        let place = Facts::of(path.parent().unwrap_or(&path))?.inode;
        if !known.insert((place, path.file_name().map(ToOwned::to_owned))) {
            return Err(FileError::Exists { path: result.clone() });
        }
    }
    Ok(())
}
