//! A ledger that was found intact: only of such a one is more said than how it stands.

use std::path::PathBuf;

use crate::checkpoint::leaf_hash;
use crate::ledger::event::Line;
use crate::ledger::{History, LedgerError, Lines};
use crate::state::State;

use super::story::Story;

/// A ledger in which every check holds ([`examine`](super::examine)).
pub struct Intact {
    pub(super) path: PathBuf,
    pub(super) history: History,
    pub(super) state: State,
    pub(super) story: Story,
}

impl Intact {
    /// How it stands after its last event.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Reads every line once more, in order. Other lines, put there meanwhile, are not taken for
    /// those that were verified.
    pub(super) fn each<E: From<LedgerError>>(
        &self,
        mut take: impl FnMut(&Line) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut lines = Lines::open(&self.path).map_err(LedgerError::from)?;
        for (number, leaf) in (1..).zip(self.history.leaves()) {
            let bytes = lines.next_line().map_err(LedgerError::from)?;
            let bytes = bytes.filter(|bytes| leaf_hash(bytes) == *leaf);
            let line = bytes.and_then(|bytes| serde_json::from_slice(bytes).ok());
            take(&line.ok_or(LedgerError::Line { number })?)?;
        }
        Ok(())
    }
}
