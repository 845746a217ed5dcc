//! Where a result goes, and which of its rows may be written already.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Mutex;

use cstatns::commitment::{Chunks, CommitmentKey, Context};
use cstatns::recheck::Rechecker;
use cstatns_rows::pipeline::locked;

/// Where a result goes. A plain writer is enough for who keeps no commitment to the result and lets
/// nobody read the file before the step has returned.
///
/// A file that others can read while it is written needs two passes over the request: a
/// [first](Out::first) one, which writes nothing and finds what the request is, and a
/// [second](Out::second) one, which writes a row only when the first has seen it too.
pub struct Out<'a> {
    pub(crate) write: &'a mut (dyn Write + Send),
    /// Under what the commitment to the result is computed.
    pub(crate) commit: Option<(&'a CommitmentKey, &'a Context)>,
    pub(crate) passing: Passing<'a>,
    /// What recomputes the codes.
    pub(crate) rechecker: Option<&'a Rechecker>,
}

/// What a first pass has seen of a request, for the second.
#[derive(Default)]
pub struct Seen(Mutex<Chunks>);

/// Which pass over the request it is.
#[derive(Clone, Copy)]
pub(crate) enum Passing<'a> {
    Only,
    First(&'a Seen),
    Second(&'a Seen),
}

impl<'a, W: Write + Send> From<&'a mut W> for Out<'a> {
    fn from(write: &'a mut W) -> Self {
        Self { write, commit: None, passing: Passing::Only, rechecker: None }
    }
}

impl<'a> From<&'a mut (dyn Write + Send)> for Out<'a> {
    fn from(write: &'a mut (dyn Write + Send)) -> Self {
        Self { write, commit: None, passing: Passing::Only, rechecker: None }
    }
}

impl<'a> Out<'a> {
    /// With a commitment to the result, under this key and of this context.
    #[must_use]
    pub fn committed(self, key: &'a CommitmentKey, context: &'a Context) -> Self {
        Self { commit: Some((key, context)), ..self }
    }

    /// Has its codes recomputed: each row that has a value is offered to this.
    #[must_use]
    pub fn rechecked(self, rechecker: Option<&'a Rechecker>) -> Self {
        Self { rechecker, ..self }
    }

    /// Nowhere: the first of two passes, which leaves in `seen` what the second one needs.
    #[must_use]
    pub fn first(nowhere: &'a mut io::Sink, seen: &'a Seen) -> Self {
        Self { passing: Passing::First(seen), ..Self::from(nowhere) }
    }

    /// The same in the second pass: what goes to the writer was seen in the first one.
    #[must_use]
    pub fn second(self, seen: &'a Seen) -> Self {
        Self { passing: Passing::Second(seen), ..self }
    }
}

impl Seen {
    pub(crate) fn keep(&self, chunks: Chunks) {
        *locked(&self.0) = chunks;
    }

    /// What was kept: once, for memory is not to hold it twice.
    pub(crate) fn take(&self) -> Chunks {
        std::mem::take(&mut *locked(&self.0))
    }
}

/// Encoded rows that wait until the request's rows are verified which they were made of.
pub(crate) struct Waiting<P> {
    /// In order; each with where its rows end in the bytes of the request's rows.
    pieces: VecDeque<(u64, P)>,
    spare: Vec<P>,
}

impl<P> Waiting<P> {
    pub(crate) fn new() -> Self {
        Self { pieces: VecDeque::new(), spare: Vec::new() }
    }

    /// Takes a piece, and leaves one to be filled in its place.
    pub(crate) fn push(&mut self, end: u64, piece: &mut P, new: impl FnOnce() -> P) {
        let empty = self.spare.pop().unwrap_or_else(new);
        self.pieces.push_back((end, std::mem::replace(piece, empty)));
    }

    /// Writes those whose rows are verified, up to this byte.
    pub(crate) fn release<E>(
        &mut self,
        verified: u64,
        mut write: impl FnMut(&mut P) -> Result<(), E>,
    ) -> Result<(), E> {
        while self.pieces.front().is_some_and(|(end, _)| *end <= verified) {
            let Some((_, mut piece)) = self.pieces.pop_front() else { break };
            write(&mut piece)?;
            self.spare.push(piece);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_goes_out_when_all_its_rows_are_verified() {
        let (mut waiting, mut written) = (Waiting::new(), Vec::new());
        for (end, verified, expected) in [(10, 9, &[][..]), (20, 10, &[10]), (30, 29, &[10, 20])] {
            let mut piece = end;
            waiting.push(end, &mut piece, || 0);
            let write = |piece: &mut u64| {
                written.push(*piece);
                Ok::<(), ()>(())
            };
            waiting.release(verified, write).unwrap();
            assert_eq!(written, expected);
        }
    }
}
