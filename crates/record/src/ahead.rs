//! Lines read ahead of whoever folds them. What does not depend on the lines before is done by as
//! many threads as there are cores: parsing, the canonical form, the leaf hash, signatures. Their
//! order, and what is lawful, is judged by one thread, line by line, as if nobody had read ahead.
//!
//! A few thousand lines are held at a time, whatever the length of the file.

use std::collections::HashMap;
use std::num::NonZero;
use std::thread::{self, ScopedJoinHandle};

use cstatns_base::files::FileError;
use cstatns_base::name::{Hex, Name};
use ed25519_dalek::VerifyingKey;

use crate::checkpoint::{Cosignature, leaf_hash};
use crate::ledger::event::{Event, Line, LineWitness};
use crate::ledger::{Lines, Unread, read_line};
use crate::proposal::ConsentBody;
use crate::receipt::{DoubtBody, Receipt, ReceiptBody};
use crate::statement::{Proved, Signed, Statement};

/// The lines of the first block, which founds the service: from then on its custodians' keys are
/// known. Each block has twice as many as the one before.
const FIRST: usize = 32;

/// The most lines of a block.
const MOST: usize = 4096;

/// A block ends with the line that reaches this length.
const LENGTH: usize = 4 << 20;

/// What is known of a line before the lines before it are.
pub(crate) struct Ahead {
    pub(crate) line: Result<Line, Unread>,
    pub(crate) leaf: Hex<32>,
    /// The signatures in it that hold, as far as the keys were known.
    pub(crate) proved: Proved,
}

impl Ahead {
    /// Reads a line, given without its line feed, and verifies nothing.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { line: read_line(bytes), leaf: leaf_hash(bytes), proved: Proved::default() }
    }
}

/// Gives every line that is left, but at most `limit`, to `take`, in order.
///
/// # Errors
/// The first that `take` gives; that of the file once every line before it is taken.
pub(crate) fn each<E: From<FileError>>(
    lines: &mut Lines,
    limit: u64,
    mut take: impl FnMut(&[u8], Ahead) -> Result<(), E>,
) -> Result<(), E> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let (mut signers, mut most, mut left) = (Signers::default(), FIRST, limit);
    let mut goes_on = Ok(true);
    let mut fill = |most: usize| {
        let mut block = Block::default();
        if let Ok(true) = goes_on {
            goes_on = block.fill(lines, most.min(usize::try_from(left).unwrap_or(MOST)));
            left -= block.ends.len() as u64;
        }
        block
    };
    // Three blocks: one is taken, the next one is read, the one after it comes from the file.
    let (mut block, mut next) = (Block::default(), fill(most));
    let mut before: Vec<Vec<Ahead>> = Vec::new();
    loop {
        let mut take_before = || {
            let lines = block.lines().zip(before.drain(..).flatten());
            lines.into_iter().try_for_each(|(line, ahead)| take(line, ahead))
        };
        most = (2 * most).min(MOST);
        let mut after = Block::default();
        before = match next.ends.len() {
            0 => {
                take_before()?;
                return goes_on.map(drop).map_err(E::from);
            }
            // Too few to be worth a thread.
            1..=FIRST => {
                take_before()?;
                after = fill(most);
                vec![next.lines().map(|line| signers.read(line)).collect()]
            }
            length => thread::scope(|scope| {
                let (next, signers) = (&next, &signers);
                let part = length.div_ceil(cores);
                let read = move |first: usize| -> Vec<Ahead> {
                    next.lines().skip(first).take(part).map(|line| signers.read(line)).collect()
                };
                let starts = (0..length).step_by(part);
                let parts: Vec<_> = starts.map(|at| scope.spawn(move || read(at))).collect();
                take_before()?;
                after = fill(most);
                let part = |part: ScopedJoinHandle<'_, Vec<Ahead>>| part.join().expect("no panic");
                Ok::<_, E>(parts.into_iter().map(part).collect())
            })?,
        };
        signers.learn(before.iter().flatten());
        (block, next) = (next, after);
    }
}

/// Some lines that follow one another, without their line feeds.
#[derive(Default)]
struct Block {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Block {
    /// Takes at most so many lines; says whether others may follow.
    fn fill(&mut self, lines: &mut Lines, most: usize) -> Result<bool, FileError> {
        while self.ends.len() < most && self.bytes.len() < LENGTH {
            let Some(line) = lines.next_line()? else { return Ok(false) };
            self.bytes.extend_from_slice(line);
            self.ends.push(self.bytes.len());
        }
        Ok(true)
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let starts = [0].iter().chain(&self.ends);
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[*start..*end])
    }
}

/// The newest key of each custodian, by their name. One that is not the right one costs time: what
/// it does not prove is verified by the right key later.
#[derive(Default)]
struct Signers(HashMap<Name, VerifyingKey>);

impl Signers {
    fn learn<'a>(&mut self, lines: impl Iterator<Item = &'a Ahead>) {
        for line in lines.filter_map(|ahead| ahead.line.as_ref().ok()) {
            if let Event::Dealt { dealing, .. } = &line.event {
                let cards = dealing.roster.iter().map(|seat| &seat.card.body);
                self.0.extend(cards.filter_map(|card| {
                    let key = VerifyingKey::from_bytes(&card.signing.0).ok()?;
                    Some((card.name.clone(), key))
                }));
            }
        }
    }

    fn read(&self, bytes: &[u8]) -> Ahead {
        let mut ahead = Ahead::of(bytes);
        let (Ok(line), proved) = (&ahead.line, &mut ahead.proved) else { return ahead };
        match &line.event {
            Event::Intent { consents, .. } | Event::Lapsed { consents, .. } => {
                for consent in consents {
                    let ConsentBody { service, by, cosignature, .. } = &consent.body;
                    self.prove(by, Some(consent), service, cosignature, proved);
                }
            }
            Event::Received { receipt } => self.prove_receipt(receipt, proved),
            Event::Rekeyed { statements, .. } => {
                statements.iter().for_each(|receipt| self.prove_receipt(receipt, proved));
            }
            Event::Doubted { doubt } => {
                let DoubtBody { service, by, cosignature, .. } = &doubt.body;
                self.prove(by, Some(doubt), service, cosignature, proved);
            }
            Event::Cosigned { witnesses, .. } | Event::Resumed { witnesses } => {
                for LineWitness { by, cosignature } in witnesses {
                    self.prove::<ConsentBody>(by, None, &line.service, cosignature, proved);
                }
            }
            _ => {}
        }
        ahead
    }

    fn prove_receipt(&self, receipt: &Receipt, proved: &mut Proved) {
        let ReceiptBody { service, by, cosignature, .. } = &receipt.body;
        self.prove(by, Some(receipt), service, cosignature, proved);
    }

    fn prove<T: Statement>(
        &self,
        by: &Name,
        statement: Option<&Signed<T>>,
        service: &str,
        cosignature: &Cosignature,
        proved: &mut Proved,
    ) {
        let Some(key) = self.0.get(by) else { return };
        if let Some(statement) = statement {
            statement.prove(key, proved);
        }
        cosignature.prove(service, key, proved);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[derive(Debug, PartialEq)]
    struct Stopped;

    impl From<FileError> for Stopped {
        fn from(_: FileError) -> Self {
            Self
        }
    }

    /// The lines that are given of a file, whether what follows them is torn, and the bytes read.
    fn given(text: &str, limit: u64) -> (Vec<String>, bool, u64) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lines");
        fs::write(&path, text).unwrap();
        let (mut lines, mut given) = (Lines::open(&path).unwrap(), Vec::new());
        each(&mut lines, limit, |bytes, ahead| {
            assert_eq!(ahead.leaf, leaf_hash(bytes));
            given.push(String::from_utf8(bytes.to_vec()).unwrap());
            Ok::<_, Stopped>(())
        })
        .unwrap();
        (given, lines.is_torn(), lines.length())
    }

    #[test]
    fn every_line_is_given_once_and_in_order() {
        for length in [0, 1, FIRST - 1, FIRST, FIRST + 1, 3 * FIRST, 20_001] {
            let lines: Vec<String> = (0..length).map(|number| number.to_string()).collect();
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let bytes = text.len() as u64;
            assert_eq!(given(&text, u64::MAX), (lines.clone(), false, bytes));
            assert_eq!(given(&(text.clone() + "torn"), u64::MAX), (lines.clone(), true, bytes));
            let half = length / 2;
            assert_eq!(given(&text, half as u64).0, lines[..half]);
        }
        // Long lines fill a block alone.
        let long = "x".repeat(LENGTH - 1);
        let text = format!("{long}\n{long}\n1\n");
        assert_eq!(given(&text, u64::MAX).0, [&long, &long, "1"]);
    }

    #[test]
    fn whoever_takes_them_may_stop() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lines");
        fs::write(&path, "1\n".repeat(1000)).unwrap();
        for last in [1, FIRST, 500] {
            let mut taken = 0;
            let stopped = each(&mut Lines::open(&path).unwrap(), u64::MAX, |_, _| {
                taken += 1;
                if taken == last { Err(Stopped) } else { Ok(()) }
            });
            assert_eq!((stopped, taken), (Err(Stopped), last));
        }
    }
}
