//! The identifiers of a batch.

use cstatns::identifier::{Identifier, Scheme};
use zeroize::Zeroize;

/// The identifiers of a batch, wiped when the next one comes.
pub(crate) struct Identifiers {
    scheme: Scheme,
    all: Vec<Identifier>,
}

impl Identifiers {
    /// None yet, of this scheme.
    pub(crate) fn new(scheme: Scheme) -> Self {
        Self { scheme, all: Vec::new() }
    }

    /// Empties it, with room for `rows`: it does not grow afterwards, which would leave a copy
    /// behind.
    pub(crate) fn clear(&mut self, rows: usize) {
        self.all.iter_mut().for_each(Zeroize::zeroize);
        self.all.clear();
        self.all.reserve(rows);
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[Identifier] {
        &self.all
    }

    /// Adds one.
    pub(crate) fn add(&mut self, identifier: Identifier) {
        self.all.push(identifier);
    }

    /// Adds the identifier in a cell; returns the word of its quality, or of the reason why it is
    /// none.
    ///
    /// Never inlined: what it leaves on the stack is wiped with what the coder leaves there.
    #[inline(never)]
    pub(crate) fn push(&mut self, cell: &[u8]) -> Result<&'static str, &'static str> {
        if let Some((identifier, quality)) = self.scheme.parse_compact(cell) {
            self.all.push(identifier);
            return Ok(quality.word());
        }
        Err(self.scheme.why_not_compact(cell))
    }
}

impl Drop for Identifiers {
    fn drop(&mut self) {
        self.all.iter_mut().for_each(Zeroize::zeroize);
    }
}
