//! The file that is written, and its records read again.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use cstatns_base::files::{Access, FileError, Pending, read_at};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::blocking::Entry;
use crate::index::Index;
use crate::layout::{Row, header};

/// The file: what is written is hashed on its way.
pub(super) struct Out {
    pending: Pending,
    hash: Sha256,
    /// Holds people in clear: never grown, and wiped.
    buffer: Zeroizing<Vec<u8>>,
    /// The bytes that were written, those in the buffer included.
    pub(super) position: u64,
}

const BUFFER: usize = 1 << 20;

impl Out {
    /// A new file, or one that takes the place of an index.
    pub(super) fn create(path: &Path, old: Option<&Index>) -> Result<Self, FileError> {
        let (mut id, mut key) = ([0; 16], [0; 32]);
        getrandom::fill(&mut id).map_err(|_| FileError::Randomness)?;
        getrandom::fill(&mut key).map_err(|_| FileError::Randomness)?;
        let pending = match old {
            None => Pending::create(path, Access::Private)?,
            Some(old) => Pending::create_over(path, old.file(), Access::Private)?,
        };
        let buffer = Zeroizing::new(Vec::with_capacity(BUFFER));
        let mut out = Self { pending, hash: Sha256::new(), buffer, position: 0 };
        out.write(&header(id, key))?;
        Ok(out)
    }

    fn room(&mut self, len: usize) -> Result<(), FileError> {
        self.position += len as u64;
        if self.buffer.len() + len > BUFFER { self.flush() } else { Ok(()) }
    }

    pub(super) fn record(&mut self, row: &Row<'_>) -> Result<(), FileError> {
        self.room(row.len())?;
        row.write(&mut self.buffer);
        Ok(())
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        for bytes in bytes.chunks(BUFFER) {
            self.room(bytes.len())?;
            self.buffer.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), FileError> {
        self.hash.update(&*self.buffer);
        let written = self.pending.write_all(&self.buffer);
        self.buffer.zeroize();
        written.map_err(|error| FileError::from_io(self.pending.target(), &error))
    }

    /// Adds the digest of everything before it, makes the file durable and gives it its name.
    pub(super) fn commit(mut self) -> Result<(), FileError> {
        self.flush()?;
        let digest = self.hash.finalize_reset();
        self.write(&digest)?;
        self.flush()?;
        self.pending.commit()
    }
}

/// The records that are written, to be read again where two keys are the same.
pub(super) struct Records<'a> {
    file: File,
    path: PathBuf,
    offsets: &'a [u64],
    end: u64,
}

/// A record that was read again; wiped.
pub(super) struct Again {
    bytes: Zeroizing<Vec<u8>>,
    pub(super) at: u32,
}

impl Again {
    pub(super) fn row(&self) -> Row<'_> {
        Row::read(&self.bytes).expect("it was read when it was fetched")
    }
}

impl<'a> Records<'a> {
    /// Those of all the rows, which begin at `offsets` and end where `out` stands.
    pub(super) fn of(out: &mut Out, offsets: &'a [u64]) -> Result<Self, FileError> {
        out.flush()?;
        let path = out.pending.temporary().to_owned();
        let file = File::open(&path).map_err(|error| FileError::from_io(&path, &error))?;
        Ok(Self { file, path, offsets, end: out.position })
    }

    pub(super) fn len(&self) -> u32 {
        // The builder takes no more rows than that.
        self.offsets.len() as u32
    }

    /// The records of rows that have one key.
    pub(super) fn read(&self, alike: &[Entry]) -> Result<Vec<Again>, FileError> {
        alike.iter().map(|key| self.read_one(key.number())).collect()
    }

    fn read_one(&self, at: u32) -> Result<Again, FileError> {
        let begin = self.offsets[at as usize];
        let end = self.offsets.get(at as usize + 1).copied().unwrap_or(self.end);
        let mut bytes = Zeroizing::new(vec![0; (end - begin) as usize]);
        let read = read_at(&self.file, &mut bytes, begin);
        read.map_err(|error| FileError::from_io(&self.path, &error))?;
        match Row::read(&bytes) {
            Some(_) => Ok(Again { bytes, at }),
            None => Err(FileError::Io { path: self.path.clone(), kind: ErrorKind::InvalidData }),
        }
    }
}
