//! The identifiers of a batch.

use cstatns::identifier::{Identifier, Nir, Scheme};
use cstatns::secret::wipe_stack;
use zeroize::Zeroize;

/// The identifiers of a batch, wiped when the next one comes.
#[derive(Default)]
pub(crate) struct Identifiers(Vec<Identifier>);

impl Identifiers {
    /// Empties it, with room for `rows`: it does not grow afterwards, which would leave a copy behind.
    pub(crate) fn clear(&mut self, rows: usize) {
        self.0.iter_mut().for_each(Zeroize::zeroize);
        self.0.clear();
        self.0.reserve(rows);
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[Identifier] {
        &self.0
    }

    /// Adds one.
    pub(crate) fn add(&mut self, identifier: Identifier) {
        self.0.push(identifier);
    }

    /// Adds the identifier in a cell; returns the word of its quality, or of the reason why it is none.
    ///
    /// Never inlined: what it leaves on the stack is wiped with what the coder leaves there.
    #[inline(never)]
    pub(crate) fn push(&mut self, cell: &[u8]) -> Result<&'static str, &'static str> {
        if let Some((identifier, quality)) = Nir.parse_compact(cell) {
            self.0.push(identifier);
            return Ok(quality.word());
        }
        Err(why_not_compact(cell))
    }
}

impl Drop for Identifiers {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(Zeroize::zeroize);
    }
}

/// The reason why a cell holds no identifier in its compact form.
pub(crate) fn why_not_compact(cell: &[u8]) -> &'static str {
    let reason = Nir.parse(cell).map(|mut accepted| accepted.zeroize());
    wipe_stack();
    reason.map_or_else(|reason| reason.word(), |()| "not-compact")
}
