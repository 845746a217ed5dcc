//! The file of a linking body's ledger: read, verified and folded; appended to.

use std::io::Read;
use std::path::{Path, PathBuf};

use cstatns_base::files::{self, Access, Append, FileError};
use cstatns_base::name::canonical_json;
use ed25519_dalek::SigningKey;
use jiff::Timestamp;

use crate::card::PartyCard;
use crate::checkpoint::{Head, read_note, sign_head};
use crate::ledger::{History, Lines, checkpoint_path, read_checkpoint};

use super::{FORMAT, LinkingError, LinkingEvent, LinkingLine, LinkingState, linking_id};

/// The longest line, in bytes.
const LONGEST_LINE: usize = 1 << 16;

/// A ledger that was read and holds.
#[non_exhaustive]
pub struct ReadLinking {
    /// The tree over its lines.
    pub history: History,
    /// What they say.
    pub state: LinkingState,
    /// The length of its whole lines, in bytes.
    pub length: u64,
    /// What the checkpoint beside it covers; all but one line that was just added, at most.
    pub covered: Head,
    /// The checkpoint, as the body signed it.
    pub note: String,
}

/// Whether the file at `path` begins as the ledger of a linking body does.
///
/// # Errors
/// [`FileError`].
pub fn is_linking_ledger(path: &Path) -> Result<bool, FileError> {
    const BEGINNING: &[u8] = br#"{"clock":"#;
    let mut start = Vec::new();
    let file = files::open_to_read(path)?;
    let read = file.take(LONGEST_LINE as u64).read_to_end(&mut start);
    read.map_err(|error| FileError::from_io(path, &error))?;
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_founding = |line: LinkingLine| matches!(line.event, LinkingEvent::Founded { .. });
    Ok(start.starts_with(BEGINNING) && serde_json::from_slice(line).is_ok_and(is_founding))
}

/// Reads the ledger at `path`, with the checkpoint beside it. Its first line says whose it is;
/// whether that card is the right one is for the caller to know.
///
/// # Errors
/// [`LinkingError`] names the first event that does not hold.
pub fn read_linking(path: &Path) -> Result<ReadLinking, LinkingError> {
    let mut lines = Lines::open(path)?;
    let (mut history, mut state) = (History::default(), LinkingState::default());
    while let Some(bytes) = lines.next_line()? {
        let number = history.size() + 1;
        let line: Option<LinkingLine> = serde_json::from_slice(bytes).ok();
        let line = line.filter(|line| line.format == FORMAT && canonical_json(line) == bytes);
        let line = line.ok_or(LinkingError::Line { number })?;
        if line.previous != history.last() || line.sequence != number {
            return Err(LinkingError::Chain { number: number.saturating_sub(1).max(1) });
        }
        let applied = state.apply(line.event, line.time);
        applied.map_err(|why| LinkingError::Unlawful { number, why })?;
        if state.card().map(linking_id) != Some(line.linking) {
            return Err(LinkingError::Line { number });
        }
        history.push(bytes);
    }
    let place = checkpoint_path(path);
    let note = read_checkpoint(&place)?;
    let unsigned = || LinkingError::Checkpoint { path: place.clone() };
    let card = state.card().ok_or(LinkingError::Line { number: 1 })?;
    let covered = read_note(&note, &linking_id(card), &card.body.signing).ok_or_else(unsigned)?;
    // A stop between a line and its checkpoint leaves one line more.
    let found = history.size();
    if covered.size > found || covered.size + 1 < found {
        return Err(LinkingError::Covered { covered: covered.size, found });
    }
    if !history.includes(&covered) {
        return Err(unsigned());
    }
    let note = String::from_utf8(note).map_err(|_| unsigned())?;
    Ok(ReadLinking { history, state, length: lines.length(), covered, note })
}

/// The ledger of a linking body, open for appending.
pub struct LinkingLedger {
    path: PathBuf,
    file: Append,
    history: History,
    state: LinkingState,
    card: PartyCard,
    note: String,
    /// Whether a write failed: what the file says is for the next opening to decide.
    broken: bool,
}

impl LinkingLedger {
    /// Opens the ledger of the body with this card, or founds it where there is none.
    ///
    /// # Errors
    /// [`LinkingError`].
    pub fn open(
        path: &Path,
        card: &PartyCard,
        key: &SigningKey,
        clock: Timestamp,
    ) -> Result<Self, LinkingError> {
        if !files::taken(path)? || is_unfounded(path)? {
            return Self::found(path, card, key, clock);
        }
        let read = read_linking(path)?;
        if read.state.card() != Some(card) {
            return Err(super::LinkingRefusal::Card.into());
        }
        let mut file = Append::open(path)?;
        match file.length() > read.length {
            true => file.truncate(read.length)?,
            false => file.settle()?,
        }
        files::settle(path)?;
        let (history, state, note) = (read.history, read.state, read.note);
        let is_covered = read.covered == history.head();
        let (path, card) = (path.to_owned(), card.clone());
        let mut ledger = Self { path, file, history, state, card, note, broken: false };
        if !is_covered {
            ledger.cover(key)?;
        }
        Ok(ledger)
    }

    fn found(
        path: &Path,
        card: &PartyCard,
        key: &SigningKey,
        clock: Timestamp,
    ) -> Result<Self, LinkingError> {
        let file = match files::taken(path)? {
            true => {
                let mut file = Append::open(path)?;
                file.truncate(0)?;
                file
            }
            false => Append::create(path, Access::Shared)?,
        };
        let mut ledger = Self {
            path: path.to_owned(),
            file,
            history: History::default(),
            state: LinkingState::default(),
            card: card.clone(),
            note: String::new(),
            broken: false,
        };
        let card = Box::new(card.clone());
        ledger.append(LinkingEvent::Founded { card }, key, clock)?;
        Ok(ledger)
    }

    /// What it says.
    pub fn state(&self) -> &LinkingState {
        &self.state
    }

    /// The checkpoint that covers all of it, as the body signed it.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Records an event: the line is durable, and the checkpoint that covers it, on return.
    ///
    /// # Errors
    /// [`LinkingError::Refused`] where it cannot follow: nothing is written then.
    /// [`LinkingError::File`]: the line may or may not be there; opening the ledger again decides
    /// it.
    pub fn append(
        &mut self,
        event: LinkingEvent,
        key: &SigningKey,
        clock: Timestamp,
    ) -> Result<(), LinkingError> {
        if self.broken {
            return Err(FileError::Broken { path: self.path.clone() }.into());
        }
        let clock = Timestamp::from_second(clock.as_second()).expect("it is earlier than `clock`");
        let time = self.state.next_time(clock);
        let mut state = self.state.clone();
        state.apply(event.clone(), time)?;
        let number = self.history.size() + 1;
        let line = LinkingLine {
            format: FORMAT,
            linking: linking_id(&self.card),
            sequence: number,
            previous: self.history.last(),
            time,
            clock,
            event,
        };
        let mut bytes = canonical_json(&line);
        let reads_back = bytes.len() < LONGEST_LINE
            && serde_json::from_slice::<LinkingLine>(&bytes).is_ok_and(|read| read == line);
        if !reads_back {
            return Err(LinkingError::Unwritable { number });
        }
        self.broken = true;
        bytes.push(b'\n');
        self.file.append(&bytes)?;
        self.history.push(&bytes[..bytes.len() - 1]);
        self.state = state;
        self.cover(key)
    }

    /// Signs and writes the checkpoint of the ledger as it is.
    fn cover(&mut self, key: &SigningKey) -> Result<(), LinkingError> {
        self.broken = true;
        let note = sign_head(&self.history.head(), &linking_id(&self.card), key);
        files::replace(&checkpoint_path(&self.path), note.as_bytes(), Access::Shared)?;
        self.note = note;
        self.broken = false;
        Ok(())
    }
}

/// Whether a stop left no more than the first line, which nothing covers.
fn is_unfounded(path: &Path) -> Result<bool, FileError> {
    if files::taken(&checkpoint_path(path))? {
        return Ok(false);
    }
    let mut lines = Lines::open(path)?;
    Ok(lines.next_line()?.is_none() || (lines.next_line()?.is_none() && !lines.is_torn()))
}
