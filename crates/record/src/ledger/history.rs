//! What is known of the lines so far, and how the next one is read (SPEC §11).

use cstatns_base::name::{Hex, canonical_json};

use crate::checkpoint::{Head, Subtrees, leaf_hash};

use super::LedgerError;
use super::event::{FORMAT, Line};

/// The tree over the lines so far, and its root at every size.
#[derive(Clone, Default)]
pub struct History {
    tree: Subtrees,
}

impl History {
    /// Adds a line, given without its line feed.
    pub fn push(&mut self, line: &[u8]) {
        self.push_leaf(leaf_hash(line));
    }

    /// Adds a line, given by its leaf hash.
    pub(crate) fn push_leaf(&mut self, leaf: Hex<32>) {
        self.tree.push(leaf);
    }

    /// How many lines.
    pub fn size(&self) -> u64 {
        self.leaves().len() as u64
    }

    /// Size and root now.
    pub fn head(&self) -> Head {
        let root = self.tree.root_at(self.leaves().len());
        Head { size: self.size(), root: root.expect("the tree has so many leaves") }
    }

    /// The leaf hash of each line.
    pub fn leaves(&self) -> &[Hex<32>] {
        self.tree.leaves()
    }

    /// Whether the ledger went through this size with this root.
    pub fn includes(&self, head: &Head) -> bool {
        self.head_at(head.size) == Some(*head)
    }

    /// Size and root when the ledger had `size` lines, one at least, if it had so many.
    pub fn head_at(&self, size: u64) -> Option<Head> {
        let lines = usize::try_from(size).ok().filter(|lines| *lines > 0)?;
        Some(Head { size, root: self.tree.root_at(lines)? })
    }

    /// The leaf hash of the line with this number, from 1.
    pub fn leaf(&self, number: u64) -> Option<Hex<32>> {
        self.leaves().get(usize::try_from(number.checked_sub(1)?).ok()?).copied()
    }

    /// The leaf hash that the next line carries.
    pub fn last(&self) -> Hex<32> {
        self.leaves().last().copied().unwrap_or(Hex([0; 32]))
    }

    /// Reads the next line: canonical, of this service, in its place.
    ///
    /// # Errors
    /// [`LedgerError`] names the line.
    pub fn read_next(&self, service: &str, bytes: &[u8]) -> Result<Line, LedgerError> {
        self.place_next(service, read_line(bytes))
    }

    /// What was read of the next line, if it is one of this service, in its place.
    pub(crate) fn place_next(
        &self,
        service: &str,
        read: Result<Line, Unread>,
    ) -> Result<Line, LedgerError> {
        let number = self.size() + 1;
        let line = read.map_err(|unread| match unread {
            Unread::Version => LedgerError::Version { number },
            Unread::Line => LedgerError::Line { number },
        })?;
        if line.service != service {
            return Err(LedgerError::OtherService { number });
        }
        if line.sequence != number {
            return Err(LedgerError::Sequence { number, found: line.sequence });
        }
        if line.previous != self.last() {
            // What the line carries is the hash of the line before it as it was.
            return Err(LedgerError::Chain { number: number - 1 });
        }
        Ok(line)
    }
}

/// Why bytes are not a line, wherever it would stand.
#[derive(Clone, Copy)]
pub(crate) enum Unread {
    /// They are not an event in canonical form.
    Line,
    /// It is of a newer format.
    Version,
}

/// Reads a line: an event in canonical form.
pub(crate) fn read_line(bytes: &[u8]) -> Result<Line, Unread> {
    let line: Line = serde_json::from_slice(bytes).map_err(|_| {
        // The version distinguishes a newer program's line from a damaged one.
        match serde_json::from_slice::<serde_json::Value>(bytes) {
            Ok(value) if value["format"].as_u64().is_some_and(|found| found > FORMAT.into()) => {
                Unread::Version
            }
            _ => Unread::Line,
        }
    })?;
    if canonical_json(&line) != bytes {
        return Err(Unread::Line);
    }
    if line.format == FORMAT { Ok(line) } else { Err(Unread::Version) }
}
