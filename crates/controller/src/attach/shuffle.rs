//! Attached rows in an order of their own, drawn at random: through the sort, file by file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use cstatns_rows::effort::Effort;
use cstatns_rows::error::TableError;
use cstatns_rows::pipeline::Steps;
use cstatns_rows::sink::{Column, Encoding, Sink};
use cstatns_rows::sort::{Dealer, Heads, KEY, Sort, Sortable};
use cstatns_rows::table::{Fill, Stream, Table};

use super::AttachError;
use super::gather::{Gathered, add_counts};
use super::opened::Expected;
use super::write::{Parts, Records, begin_rows, count_cells};

/// A block of rows on its way into the sort.
struct Dealing<F> {
    batches: Vec<F>,
    filled: usize,
    records: Records,
    rows: u64,
    heads: Heads,
    keys: Vec<u8>,
    dealer: Dealer,
    counts: BTreeMap<String, u64>,
}

/// A partition on its way out of it, or a part of a large one.
struct Writing<F, P> {
    partition: usize,
    divided: Option<Arc<Sort<F>>>,
    rows: u64,
    piece: P,
}

/// As [`write`](super::write::write()), in an order that is drawn. What does not fit in memory is
/// put aside beside the file `beside`.
pub(super) fn shuffle<F, E, S>(
    mut rows: Stream<F>,
    data: &Expected,
    parts: &mut Parts<'_>,
    binary_codes: bool,
    (beside, effort): (&Path, &Effort),
    begin: impl FnOnce(&[Column<'_>], &Table) -> Result<(E, S), TableError>,
) -> Result<BTreeMap<String, u64>, AttachError>
where
    F: Fill + Sortable,
    E: Encoding<Form = F>,
    S: Sink<Piece = E::Piece>,
{
    let gathered = parts.gathered();
    let begun = begin_rows(&mut rows, data, gathered, binary_codes, begin)?;
    let (kept, mut known, (encoding, mut sink)) = begun;
    let (sort, threads) = Sort::<F>::new(rows.extent()?, kept.runs(), beside, effort);
    let (width, cells) = (Gathered::width(gathered.score), gathered.cells);
    let delimiter = rows.table.delimiter();
    let mut counts = BTreeMap::new();
    let steps = Steps {
        new: || Dealing {
            batches: Vec::new(),
            filled: 0,
            records: Records::default(),
            rows: 0,
            heads: Heads::default(),
            keys: Vec::new(),
            dealer: Dealer::new(delimiter),
            counts: BTreeMap::new(),
        },
        read: |block: &mut Dealing<F>| {
            let more = sort.fill(&mut rows, &mut block.batches, &mut block.filled);
            let more = more.map_err(|error| error.after(parts.rows()))?;
            let batches = &mut block.batches[..block.filled];
            (block.rows, block.records) = parts.of_read(batches, &rows, &mut known, data)?;
            Ok(more)
        },
        work: |block: &mut Dealing<F>| {
            block.counts.clear();
            block.heads.clear();
            let mut records = block.records.iter(width);
            for _ in 0..block.rows {
                let head = block.heads.add(cells * width);
                records.by_ref().take(cells).for_each(|record| head.extend_from_slice(record));
            }
            block.heads.draw(&mut block.keys);
            let batches = &block.batches[..block.filled];
            for column in kept.counted() {
                batches.iter().for_each(|batch| count_cells(batch, *column, &mut block.counts));
            }
            Ok(sort.deal(batches, &block.heads, &mut block.dealer)?)
        },
        check: |block: &mut Dealing<F>| {
            add_counts(&mut counts, &block.counts);
            Ok(())
        },
        write: |block: &mut Dealing<F>| Ok(effort.progress.advance(0, block.rows)?),
    };
    let outcome: Result<(), AttachError> = steps.run(threads);
    outcome?;
    if !parts.is_at_end() || known.finish(&rows) != data.digest {
        return Err(data.changed());
    }

    let mut partitions = 0..sort.partitions();
    let mut large: Option<(Arc<Sort<F>>, Range<usize>)> = None;
    let mut dealer = Dealer::new(delimiter);
    let steps = Steps {
        new: || Writing { partition: 0, divided: None, rows: 0, piece: encoding.piece() },
        read: |block: &mut Writing<F, E::Piece>| {
            loop {
                if let Some((divided, left)) = &mut large {
                    if let Some(partition) = left.next() {
                        (block.partition, block.divided) = (partition, Some(divided.clone()));
                        return Ok(true);
                    }
                    large = None;
                }
                let Some(partition) = partitions.next() else { return Ok(false) };
                let Some(divided) = sort.divide(partition, &mut dealer)? else {
                    (block.partition, block.divided) = (partition, None);
                    return Ok(true);
                };
                let left = 0..divided.partitions();
                large = Some((Arc::new(divided), left));
            }
        },
        work: |block: &mut Writing<F, E::Piece>| {
            let divided = block.divided.take();
            let sort = divided.as_deref().unwrap_or(&sort);
            let pages = sort.take(block.partition)?;
            let sorted = sort.sorted(&pages)?;
            block.rows = sorted.places().len() as u64;
            encoding.begin(&mut block.piece)?;
            let mut heads = Heads::default();
            for places in sorted.places().chunks(sorted.at_once()) {
                sorted.heads(places, &mut heads);
                let records: Vec<&[u8]> =
                    heads.iter().flat_map(|head| head[KEY..].chunks_exact(width)).collect();
                gathered.add(&records, sorted.kept(places)?, &encoding, &mut block.piece)?;
            }
            Ok(encoding.end(&mut block.piece)?)
        },
        check: |_: &mut Writing<F, E::Piece>| Ok(()),
        write: |block: &mut Writing<F, E::Piece>| {
            if block.rows > 0 {
                sink.write(&mut block.piece)?;
            }
            Ok(effort.progress.advance(block.rows, block.rows)?)
        },
    };
    let outcome: Result<(), AttachError> = steps.run(E::threads(threads));
    outcome?;
    sink.finish()?;
    Ok(counts)
}
