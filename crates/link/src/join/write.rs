//! The rows of the output, in the order of the keys that were drawn → where they go.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

use cstatns_rows::effort::Progress;
use cstatns_rows::error::TableError;
use cstatns_rows::pipeline::Steps;
use cstatns_rows::sink::{Encoding, Sink};
use cstatns_rows::sort::{Dealer, ROWS, Sort, Sortable};

/// Some partitions on their way out of the sort.
struct Block<F, P> {
    partitions: Vec<(Arc<Sort<F>>, usize)>,
    /// Their part of the work, for who looks on.
    part: u64,
    rows: u64,
    piece: P,
}

/// What is written.
pub(super) struct Writing<'a, F> {
    pub(super) sort: Sort<F>,
    /// How many rows there are.
    pub(super) rows: u64,
    pub(super) delimiter: u8,
    pub(super) threads: NonZeroUsize,
    /// What is done when all is, for who looks on.
    pub(super) size: u64,
    pub(super) progress: &'a Progress,
}

impl<F: Sortable> Writing<'_, F> {
    /// Writes the rows. A row group has the rows of several partitions where they have few: how
    /// many there are says nothing about how many were foreseen.
    pub(super) fn write<E, S>(self, encoding: &E, mut sink: S) -> Result<(), TableError>
    where
        E: Encoding<Form = F>,
        S: Sink<Piece = E::Piece>,
    {
        let Self { sort, rows, delimiter, threads, size, progress } = self;
        let sort = Arc::new(sort);
        let count = sort.partitions();
        let bytes: u64 = (0..count).map(|partition| sort.size(partition)).sum();
        let share =
            |whole: u64, most: u64| (most * count as u64).checked_div(whole).unwrap_or(u64::MAX);
        let at_once = share(rows, ROWS).min(share(bytes, F::SIZE)).clamp(1, count as u64) as usize;
        let part = size / count as u64;

        let mut partitions = 0..count;
        let mut large: Option<(Arc<Sort<F>>, Range<usize>)> = None;
        let mut dealer = Dealer::new(delimiter);
        let steps = Steps {
            new: || Block { partitions: Vec::new(), part: 0, rows: 0, piece: encoding.piece() },
            read: |block: &mut Block<F, E::Piece>| {
                block.partitions.clear();
                block.part = 0;
                while block.partitions.len() < at_once {
                    if let Some((divided, left)) = &mut large {
                        if let Some(partition) = left.next() {
                            block.partitions.push((divided.clone(), partition));
                            return Ok(true);
                        }
                        large = None;
                    }
                    let Some(partition) = partitions.next() else { break };
                    block.part += part;
                    match sort.divide(partition, &mut dealer)? {
                        None => block.partitions.push((sort.clone(), partition)),
                        Some(divided) => {
                            let left = 0..divided.partitions();
                            large = Some((Arc::new(divided), left));
                        }
                    }
                }
                Ok(!block.partitions.is_empty())
            },
            work: |block: &mut Block<F, E::Piece>| {
                block.rows = 0;
                encoding.begin(&mut block.piece)?;
                for (sort, partition) in block.partitions.drain(..) {
                    let pages = sort.take(partition)?;
                    let sorted = sort.sorted(&pages)?;
                    block.rows += sorted.places().len() as u64;
                    for places in sorted.places().chunks(sorted.at_once()) {
                        encoding.add(places.len(), &[], sorted.kept(places)?, &mut block.piece)?;
                    }
                }
                encoding.end(&mut block.piece)
            },
            check: |_: &mut Block<F, E::Piece>| Ok(()),
            write: |block: &mut Block<F, E::Piece>| {
                if block.rows > 0 {
                    sink.write(&mut block.piece)?;
                }
                progress.advance(0, block.part)
            },
        };
        let outcome: Result<(), TableError> = steps.run(E::threads(threads));
        outcome?;
        sink.finish()
    }
}
