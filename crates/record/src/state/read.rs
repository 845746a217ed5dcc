//! A ledger read from its file, verified against its checkpoint and folded.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cstatns_base::files::FileError;

use crate::ahead;
use crate::card::ServiceCard;
use crate::checkpoint::Head;
use crate::ledger::{
    History, LedgerError, Lines, SignedHead, checkpoint_path, read_checkpoint, signed_head,
};

use super::{Broken, Fold, Snapshot, State, Unlawful};

/// A ledger read from its file and found lawful, with what its checkpoint covers.
#[non_exhaustive]
pub struct ReadLedger {
    /// The tree over its lines.
    pub history: History,
    /// The state that follows from it.
    pub state: State,
    /// The length of its whole lines, in bytes.
    pub length: u64,
    /// How many events were folded before: those of a snapshot, or read earlier by this process.
    pub known: u64,
    /// Whether the last line was not covered by the checkpoint.
    pub uncovered: bool,
    /// Whether bytes of a line that was cut short follow.
    pub torn: bool,
    /// The checkpoint beside it.
    pub checkpoint: SignedHead,
    path: PathBuf,
    sent: Option<Arc<[u8]>>,
}

/// A ledger as whoever read it sees it: what a custodian's kit takes.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The tree over its lines.
    pub history: &'a History,
    /// The state that follows from it.
    pub state: &'a State,
    /// The note of its checkpoint.
    pub note: &'a str,
    /// The file that holds its lines, or in which they came.
    pub path: &'a Path,
    /// The lines, where they came from elsewhere.
    pub sent: Option<&'a Arc<[u8]>>,
}

impl View<'_> {
    /// Size and root.
    pub fn head(&self) -> Head {
        self.history.head()
    }

    /// Its lines behind the first ones, which are `length` bytes.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn lines_after(&self, length: u64) -> Result<Lines, FileError> {
        match self.sent {
            Some(bytes) => Ok(Lines::sent(self.path, bytes.clone(), length)),
            None => Lines::open_after(self.path, length),
        }
    }
}

/// Reads the ledger at `path`, verifies it against the checkpoint beside it and folds it into a
/// state. Custodians and the service read it so; the auditor says more about what does not hold.
///
/// # Errors
/// [`Broken`] names the event.
pub fn read_ledger(path: &Path, card: &ServiceCard) -> Result<ReadLedger, Broken> {
    let lines = Lines::open(path).map_err(LedgerError::from)?;
    fold(path, Fold::new(card), lines)
}

/// As [`read_ledger`], with the fold of the first lines taken from a snapshot where these are the
/// ones that it is of. Only the service itself reads its ledger so.
///
/// # Errors
/// As [`read_ledger`].
pub fn read_ledger_after(
    path: &Path,
    card: &ServiceCard,
    snapshot: Option<Snapshot>,
) -> Result<ReadLedger, Broken> {
    let Some(snapshot) = snapshot else { return read_ledger(path, card) };
    let mut lines = Lines::open(path)?;
    match snapshot.resume(&mut lines)? {
        Some(resumed) => fold(path, resumed, lines),
        None => read_ledger(path, card),
    }
}

impl ReadLedger {
    /// Reads the lines that were added to the file since; `history`, `state` and `length` are of
    /// the ones before, which were folded by this process.
    ///
    /// # Errors
    /// As [`read_ledger`].
    pub fn catch_up(
        path: &Path,
        history: History,
        state: State,
        length: u64,
    ) -> Result<Self, Broken> {
        let lines = Lines::open_after(path, length).map_err(LedgerError::from)?;
        fold(path, Fold::resume(history, state), lines)
    }

    /// What a custodian's kit looks at.
    pub fn view(&self) -> View<'_> {
        let Self { history, state, checkpoint, path, sent, .. } = self;
        View { history, state, note: &checkpoint.note, path, sent: sent.as_ref() }
    }
}

/// Folds the lines that somebody sent, of which `note` is the checkpoint: it covers all of them.
/// `path` is what errors call them.
///
/// # Errors
/// As [`read_ledger`].
pub fn fold_sent(
    path: &Path,
    bytes: Arc<[u8]>,
    note: &str,
    card: &ServiceCard,
) -> Result<ReadLedger, Broken> {
    let (mut fold, mut lines) = (Fold::new(card), Lines::sent(path, bytes.clone(), 0));
    ahead::each(&mut lines, u64::MAX, |_, line| fold.take(line).map(drop))?;
    let checkpoint = signed_head(path, note.as_bytes().to_vec(), &fold.service_keys())?;
    let (covered, found) = (checkpoint.head.size, fold.history().size());
    if found < covered {
        return Err(LedgerError::Short { covered, found }.into());
    }
    if found > covered || lines.is_torn() {
        return Err(LedgerError::Long { covered, found }.into());
    }
    if !fold.history().includes(&checkpoint.head) {
        return Err(LedgerError::Root { covered }.into());
    }
    let (history, state) = fold.finish();
    let state = state.ok_or(Broken::Unlawful { number: 1, reason: Unlawful::Genesis })?;
    let (known, uncovered, torn, length) = (0, false, false, lines.length());
    let (path, sent) = (path.to_owned(), Some(bytes));
    Ok(ReadLedger { history, state, length, known, uncovered, torn, checkpoint, path, sent })
}

fn fold(path: &Path, mut fold: Fold, mut lines: Lines) -> Result<ReadLedger, Broken> {
    let known = fold.history().size();
    // Before the lines: what a process adds meanwhile is more than the checkpoint covers, not less.
    let beside = checkpoint_path(path);
    let mut note = read_checkpoint(&beside).map_err(LedgerError::from)?;
    let (checkpoint, length, torn) = loop {
        ahead::each(&mut lines, u64::MAX, |_, line| fold.take(line).map(drop))?;
        let (length, torn) = (lines.length(), lines.is_torn());
        let checkpoint = signed_head(&beside, note, &fold.service_keys())?;
        let (covered, found) = (checkpoint.head.size, fold.history().size());
        if found < covered {
            return Err(LedgerError::Short { covered, found }.into());
        }
        if !fold.history().includes(&checkpoint.head) {
            return Err(LedgerError::Root { covered }.into());
        }
        if found <= covered + u64::from(!torn) {
            break (checkpoint, length, torn);
        }
        // A process that writes to the ledger covers each line before it adds the next: its newest
        // checkpoint covers all but the last of these lines. Where there is no newer one, nobody
        // writes.
        note = read_checkpoint(&beside).map_err(LedgerError::from)?;
        if note == checkpoint.note.as_bytes() {
            return Err(LedgerError::Long { covered, found }.into());
        }
        lines = Lines::open_after(path, length).map_err(LedgerError::from)?;
    };
    let (history, state) = fold.finish();
    let (covered_size, found) = (checkpoint.head.size, history.size());
    let state = state.ok_or(Broken::Unlawful { number: 1, reason: Unlawful::Genesis })?;
    let uncovered = found > covered_size;
    Ok(ReadLedger {
        history,
        state,
        length,
        known,
        uncovered,
        torn,
        checkpoint,
        path: path.to_owned(),
        sent: None,
    })
}
