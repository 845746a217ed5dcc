//! The append-only record (SPEC §11): one canonical JSON object a line, each carrying the leaf hash
//! of the one before, all of them leaves of one tree whose root the service signs.
//!
//! An event counts once the checkpoint that covers it is durable.

mod error;
pub mod event;
mod history;

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ed25519_dalek::SigningKey;

use crate::card::{ServiceCard, ServiceKeys, Unsigned};
use crate::checkpoint::{Head, sign_head};

pub use crate::checkpoint::origin;
use cstatns_base::files::{self, Access, Append, FileError};
use cstatns_base::name::canonical_json;

use event::{Event, FORMAT, Line};

pub use error::LedgerError;
pub use history::History;
pub(crate) use history::{Unread, read_line};

/// The longest line, in bytes: a dealing with 255 custodians is about 1.5 MB.
const LONGEST_LINE: usize = 4 << 20;

/// Where the checkpoint of a ledger lies: beside it.
pub fn checkpoint_path(ledger: &Path) -> PathBuf {
    ledger.with_file_name("checkpoint")
}

/// A checkpoint that its service signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedHead {
    /// Size and root.
    pub head: Head,
    /// The note that says so.
    pub note: String,
}

/// Reads a checkpoint file. Which key signs for it, the ledger says: see [`signed_head`].
///
/// # Errors
/// [`FileError`].
pub fn read_checkpoint(path: &Path) -> Result<Vec<u8>, FileError> {
    files::read(path, 1 << 20)
}

/// Verifies the service's signature of the checkpoint that lies at `path`.
///
/// # Errors
/// [`LedgerError::Checkpoint`]; [`LedgerError::OtherCheckpoint`] for another service's;
/// [`LedgerError::CheckpointKey`] for one that another key has signed.
pub fn signed_head(
    path: &Path,
    note: Vec<u8>,
    keys: &ServiceKeys,
) -> Result<SignedHead, LedgerError> {
    let path = path.to_owned();
    match keys.head_of(&note) {
        Ok(head) => Ok(SignedHead { head, note: String::from_utf8(note).expect("a note is text") }),
        Err(Unsigned::OtherService) => Err(LedgerError::OtherCheckpoint { path }),
        Err(Unsigned::OtherKey { .. }) => Err(LedgerError::CheckpointKey { path }),
        Err(Unsigned::Signature) => Err(LedgerError::Checkpoint { path }),
    }
}

/// A ledger's lines as they lie in its file, one at a time: memory does not grow with the file. Or
/// lines that somebody sent, which are in memory.
pub struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    line: Vec<u8>,
    length: u64,
    torn: bool,
}

impl Lines {
    /// Opens the file.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn open(path: &Path) -> Result<Self, FileError> {
        Self::open_after(path, 0)
    }

    /// Opens the file behind the lines that are read already, which are `length` bytes.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn open_after(path: &Path, length: u64) -> Result<Self, FileError> {
        let mut file = files::open_to_read(path)?;
        let at = file.seek(SeekFrom::Start(length));
        let length = at.map_err(|error| FileError::from_io(path, &error))?;
        Ok(Self::new(path, Box::new(BufReader::with_capacity(1 << 16, file)), length))
    }

    /// Lines in memory, behind the first `length` bytes. `path` is what errors call them.
    pub fn sent(path: &Path, bytes: Arc<[u8]>, length: u64) -> Self {
        let mut reader = Cursor::new(bytes);
        reader.set_position(length);
        Self::new(path, Box::new(reader), length)
    }

    fn new(path: &Path, reader: Box<dyn BufRead + Send>, length: u64) -> Self {
        Self { path: path.to_owned(), reader, line: Vec::new(), length, torn: false }
    }

    /// The next whole line, without its line feed. Of a line that is longer than any event only the
    /// beginning is given, which is not an event either.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn next_line(&mut self) -> Result<Option<&[u8]>, FileError> {
        let failed = |error| FileError::from_io(&self.path, &error);
        self.line.clear();
        let limit = LONGEST_LINE as u64;
        let mut length =
            self.reader.by_ref().take(limit).read_until(b'\n', &mut self.line).map_err(failed)?;
        let mut whole = self.line.pop_if(|byte| *byte == b'\n').is_some();
        if length == LONGEST_LINE && !whole {
            length += self.reader.skip_until(b'\n').map_err(failed)?;
            whole = true;
        }
        self.torn = length > 0 && !whole;
        if !whole {
            return Ok(None);
        }
        self.length += length as u64;
        Ok(Some(&self.line))
    }

    /// The length in bytes of the lines given so far, with their line feeds.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Whether, at the end, bytes without a line feed follow: the beginning of a line whose writing
    /// was stopped.
    pub fn is_torn(&self) -> bool {
        self.torn
    }
}

/// A service's ledger, open for appending.
pub struct Ledger {
    path: PathBuf,
    file: Append,
    history: History,
    /// Whether a line could not be written or covered: what the ledger says is then for the next
    /// opening to decide.
    broken: bool,
    /// The bytes of its lines.
    length: u64,
    /// The checkpoint that covers it.
    note: String,
}

impl Ledger {
    /// Founds a ledger with its first line, which counts once [`Ledger::cover`] has signed it.
    ///
    /// # Errors
    /// [`LedgerError::File`].
    pub fn create(path: &Path) -> Result<Self, LedgerError> {
        let file = Append::create(path, Access::Shared)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            history: History::default(),
            broken: false,
            length: 0,
            note: String::new(),
        })
    }

    /// Opens a ledger whose lines the caller has read and found lawful: `history` covers them, and
    /// they are `length` bytes; `note` is the checkpoint beside them. A last line that was cut
    /// short is cut off. The lines, and the name of the checkpoint beside them, are on disk on
    /// return.
    ///
    /// Why: the process that wrote them may have stopped before it flushed them. A checkpoint that
    /// covers a line which a power cut then takes away would accuse the operator of having removed
    /// it.
    ///
    /// # Errors
    /// [`LedgerError::File`].
    pub fn open(
        path: &Path,
        history: History,
        length: u64,
        note: String,
    ) -> Result<Self, LedgerError> {
        let mut file = Append::open(path)?;
        if file.length() > length {
            file.truncate(length)?;
        } else {
            file.settle()?;
        }
        files::settle(path)?;
        Ok(Self { path: path.to_owned(), file, history, broken: false, length, note })
    }

    /// The lines so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The bytes of its lines.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The bytes of its first `size` lines.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn length_of(&self, size: u64) -> Result<u64, FileError> {
        if size == self.history.size() {
            return Ok(self.length);
        }
        let mut lines = Lines::open(&self.path)?;
        for _ in 0..size {
            lines.next_line()?;
        }
        Ok(lines.length())
    }

    /// Its bytes after the first `length`.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn bytes_from(&self, length: u64) -> Result<Vec<u8>, FileError> {
        let failed = |error| FileError::from_io(&self.path, &error);
        let mut file = File::open(&self.path).map_err(failed)?;
        file.seek(SeekFrom::Start(length)).map_err(failed)?;
        let mut bytes = Vec::new();
        let left = self.length.saturating_sub(length);
        file.take(left).read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }

    /// The note of the last checkpoint, which covers every line that counts.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the lines back and closes the file.
    pub fn close(self) -> History {
        self.history
    }

    /// Whether an earlier write failed, so that nothing can be recorded until the service is opened
    /// again.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Makes `line` durable: first the line, then the signed checkpoint that covers it.
    ///
    /// # Errors
    /// [`LedgerError::Unwritable`] when the line would not be read back as it is: nothing is
    /// written then. [`LedgerError::File`]: the line may or may not be there; opening the service
    /// again decides it. Until then nothing is appended: a second line would be made for a state
    /// that does not know the first.
    pub fn append(
        &mut self,
        line: &Line,
        card: &ServiceCard,
        key: &SigningKey,
    ) -> Result<(), LedgerError> {
        if self.broken {
            return Err(FileError::Broken { path: self.path.clone() }.into());
        }
        let mut bytes = canonical_json(line);
        let reads_back = bytes.len() < LONGEST_LINE
            && self.history.read_next(card.id(), &bytes).is_ok_and(|read| read == *line);
        if !reads_back {
            return Err(LedgerError::Unwritable { number: line.sequence });
        }
        bytes.push(b'\n');
        self.broken = true;
        self.file.append(&bytes)?;
        self.length += bytes.len() as u64;
        self.history.push(&bytes[..bytes.len() - 1]);
        self.cover(card, key)
    }

    /// Signs and writes the checkpoint of the ledger as it is.
    ///
    /// # Errors
    /// [`LedgerError::File`].
    pub fn cover(&mut self, card: &ServiceCard, key: &SigningKey) -> Result<(), LedgerError> {
        let note = sign_head(&self.history.head(), card.id(), key);
        self.broken = true;
        files::replace(&checkpoint_path(&self.path), note.as_bytes(), Access::Shared)?;
        self.note = note;
        self.broken = false;
        Ok(())
    }
}

/// What the next line would be.
pub fn next_line(
    history: &History,
    service: &str,
    time: jiff::Timestamp,
    clock: jiff::Timestamp,
    event: Event,
) -> Line {
    Line {
        format: FORMAT,
        service: service.to_owned(),
        sequence: history.size() + 1,
        previous: history.last(),
        time,
        clock,
        event,
    }
}
