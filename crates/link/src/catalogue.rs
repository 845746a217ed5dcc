//! What a linking body keeps of each of its files (SPEC §20): where it lies, by what it is known
//! again, and what must still be done about it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use cstatns_base::files::{self, Access, FileError, Remembered};
use cstatns_base::name::{Hex, Name};
use cstatns_base::secret::random_bytes;
use cstatns_record::linking::LinkingEvent;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::LinkError;

/// The version of the format.
const FORMAT: u32 = 2;
/// More than an entry is long, in bytes.
const LIMIT: u64 = 1 << 20;
/// How much is read at a time.
const BUFFER: usize = 1 << 20;

/// What is kept of a file. It is private: the digest is no secret by itself, but its key is what
/// keeps others from comparing files with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    format: u32,
    /// Its number.
    pub(crate) file: Hex<16>,
    /// Where it was written.
    pub(crate) path: PathBuf,
    /// What it was made from, as the command named it.
    pub(crate) from: Vec<PathBuf>,
    /// By what it is known again.
    pub(crate) mark: Mark,
    /// The fewest people of a joined file.
    pub(crate) minimum: u32,
    /// The columns that were accepted although the guard would refuse them, each with the reason.
    pub(crate) accepted: BTreeMap<String, Name>,
    /// The event that records it.
    pub(crate) event: LinkingEvent,
    /// What must be destroyed once that is recorded.
    pub(crate) destroy: Vec<Remembered>,
    /// The encrypted copy in the catalogue, by its name there.
    pub(crate) copy: Option<PathBuf>,
    /// A release that is under way.
    pub(crate) releasing: Option<Releasing>,
    /// What is kept of its renewals: rows under the indexes of a request.
    pub(crate) retained: Vec<Remembered>,
}

/// A release that is under way: its parcel has its name, or it never leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Releasing {
    /// Where the parcel goes.
    pub(crate) parcel: PathBuf,
    /// Its SHA-256.
    pub(crate) sha256: Hex<32>,
    /// The coded files that go with it, and whether an encrypted copy of them is kept.
    pub(crate) coded: Vec<Hex<16>>,
    /// See `coded`.
    pub(crate) keep: bool,
}

/// By what a file is known again: its length, and a digest under a key of its own. Nobody without
/// the key can find out from it whether a file is the one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mark {
    pub(crate) bytes: u64,
    key: Hex<32>,
    digest: Hex<32>,
}

/// What goes through is marked.
pub(crate) struct Marking<W> {
    out: W,
    key: Hex<32>,
    bytes: u64,
    hash: Sha256,
}

impl<W> Marking<W> {
    pub(crate) fn new(out: W) -> Self {
        let mut key = Hex([0; 32]);
        random_bytes(&mut key.0);
        Self { out, hash: hash_under(&key), key, bytes: 0 }
    }

    pub(crate) fn finish(self) -> (W, Mark) {
        let Self { out, key, bytes, hash } = self;
        (out, Mark { bytes, key, digest: Hex(hash.finalize().into()) })
    }
}

impl<W: Write> Write for Marking<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn hash_under(key: &Hex<32>) -> Sha256 {
    Sha256::new().chain_update(b"CStatNS/linked-file/").chain_update(key.0)
}

impl Mark {
    /// Whether the file at `path` is the one.
    pub(crate) fn is_of(&self, path: &Path) -> Result<bool, FileError> {
        let unread = |error: io::Error| FileError::from_io(path, &error);
        let mut file = files::open_to_read(path)?;
        if file.metadata().map_err(unread)?.len() != self.bytes {
            return Ok(false);
        }
        let mut hash = hash_under(&self.key);
        read_all(&mut file, |bytes| hash.update(bytes)).map_err(unread)?;
        Ok(Hex(hash.finalize().into()) == self.digest)
    }
}

/// SHA-256 of the file at `path`, which is encrypted.
pub(crate) fn sha256(path: &Path) -> Result<Hex<32>, FileError> {
    let mut hash = Sha256::new();
    let read = read_all(&mut files::open_to_read(path)?, |bytes| hash.update(bytes));
    read.map_err(|error| FileError::from_io(path, &error))?;
    Ok(Hex(hash.finalize().into()))
}

fn read_all(file: &mut File, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut bytes = zeroize::Zeroizing::new(vec![0; BUFFER]);
    loop {
        match file.read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(count) => take(&bytes[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A number for a new file.
pub(crate) fn number() -> Hex<16> {
    let mut number = Hex([0; 16]);
    random_bytes(&mut number.0);
    number
}

/// The whole path, by which a file is found again.
pub(crate) fn whole(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The folder of the entries.
pub(crate) struct Catalogue(PathBuf);

impl Catalogue {
    /// That of the body whose folder this is.
    pub(crate) fn of(directory: &Path) -> Self {
        Self(directory.join("catalogue"))
    }

    /// Makes the folder where there is none, and removes what stopped writes left.
    pub(crate) fn open(&self) -> Result<(), FileError> {
        files::ensure_dir(&self.0)?;
        files::sweep(&self.0).map(drop)
    }

    /// Where the entry of a file lies.
    pub(crate) fn path_of(&self, file: &Hex<16>) -> PathBuf {
        self.0.join(format!("{file}.json"))
    }

    /// Where something of this name lies.
    pub(crate) fn path(&self, name: &Path) -> PathBuf {
        self.0.join(name)
    }

    /// All entries, by their numbers.
    pub(crate) fn entries(&self) -> Result<Vec<Entry>, LinkError> {
        let paths = match files::list(&self.0) {
            Err(FileError::Missing { .. }) => return Ok(Vec::new()),
            paths => paths?,
        };
        let is_entry = |path: &PathBuf| path.extension().is_some_and(|end| end == "json");
        let mut entries = Vec::new();
        for path in paths.into_iter().filter(is_entry) {
            let bytes = files::read(&path, LIMIT)?;
            let entry: Option<Entry> = serde_json::from_slice(&bytes).ok();
            let entry =
                entry.filter(|entry| entry.format == FORMAT && self.path_of(&entry.file) == path);
            entries.push(entry.ok_or(LinkError::Entry { path })?);
        }
        entries.sort_by_key(|entry: &Entry| entry.file);
        Ok(entries)
    }

    /// Writes an entry again.
    pub(crate) fn replace(&self, entry: &Entry) -> Result<(), FileError> {
        files::replace(&self.path_of(&entry.file), &entry.bytes(), Access::Private)
    }

    /// Removes the entry of a file that is not there. Its name goes first: half an entry is none.
    pub(crate) fn remove(&self, file: &Hex<16>) -> Result<(), FileError> {
        let path = self.path_of(file);
        match files::taken(&path)? {
            true => files::withdraw(&path, &number().0).map(drop),
            false => Ok(()),
        }
    }
}

impl Entry {
    pub(crate) fn new(
        file: Hex<16>,
        (path, from): (&Path, Vec<PathBuf>),
        mark: Mark,
        event: LinkingEvent,
    ) -> Self {
        Self {
            format: FORMAT,
            file,
            path: whole(path),
            from,
            mark,
            minimum: 0,
            accepted: BTreeMap::new(),
            event,
            destroy: Vec::new(),
            copy: None,
            releasing: None,
            retained: Vec::new(),
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("an entry can be written as JSON");
        bytes.push(b'\n');
        bytes
    }
}
