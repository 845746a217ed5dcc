//! Rows of the output on their way into the sort that gives them their order.

use std::iter::zip;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use cstatns_rows::csv::{Fields, Lines};
use cstatns_rows::effort::Progress;
use cstatns_rows::error::TableError;
use cstatns_rows::sort::{Dealer, Heads, Place, Sort, Sortable, Sorted};
use cstatns_rows::table::{BATCH, Batch};

use super::JoinError;

/// About the most that is held at once, in bytes. Tests have less than others.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// A partition that takes more, in all sources together, is not taken into memory.
    pub(super) large: u64,
    /// What is taken of a partition that stays that large.
    pub(super) run: usize,
    /// The rows that are made at once, and those that are dealt at once.
    pub(super) made: usize,
    pub(super) dealt: usize,
    /// A row of the output.
    pub(super) row: usize,
}

impl Limits {
    pub(super) const USUAL: Self =
        Self { large: 16 << 20, run: 4 << 20, made: 1 << 20, dealt: 8 << 20, row: 256 << 20 };
    pub(super) const SMALL: Self =
        Self { large: 600, run: 0, made: 500, dealt: 1500, row: 1 << 20 };
}

/// Where a row of the output takes nothing from a source.
const NONE: u32 = u32::MAX;

/// What the rows of the output are made of.
pub(super) struct Plan {
    /// What parts columns, in text.
    pub(super) delimiter: u8,
    /// Of each source how many columns come out.
    pub(super) widths: Vec<usize>,
    /// Of each source the types of its values; none of text.
    pub(super) kinds: Vec<Vec<DataType>>,
    /// The columns of the output; none of text.
    schema: SchemaRef,
    pub(super) limits: Limits,
}

impl Plan {
    pub(super) fn new(
        delimiter: u8,
        widths: Vec<usize>,
        kinds: Vec<Vec<DataType>>,
        limits: Limits,
    ) -> Self {
        // Names do not matter where rows are put aside.
        let field = |kind: &DataType| Field::new("", kind.clone(), true);
        let schema = Arc::new(Schema::new(kinds.iter().flatten().map(field).collect::<Vec<_>>()));
        Self { delimiter, widths, kinds, schema, limits }
    }
}

/// A form of rows that are joined.
pub(super) trait Rows: Sortable {
    /// Rows that were made.
    type Made: Send;

    /// None yet.
    fn made(plan: &Plan) -> Self::Made;

    /// About the bytes that a row takes in the output.
    fn weight(sorted: &Sorted<'_, Self>, place: Place) -> usize;

    /// Makes rows, for each of which `picks` has one place in each of `sources`, or [`NONE`]. Says
    /// how many bytes were made and not dealt.
    fn make(
        plan: &Plan,
        sources: &[Sorted<'_, Self>],
        picks: &[u32],
        made: &mut Self::Made,
    ) -> Result<usize, TableError>;

    /// Deals the rows that were made, and forgets them.
    fn send(
        made: &mut Self::Made,
        heads: &Heads,
        into: &Sort<Self>,
        dealer: &mut Dealer,
    ) -> Result<(), TableError>;
}

/// The place that a row takes from a source.
fn place<F: Rows>(sorted: &Sorted<'_, F>, pick: u32) -> Option<Place> {
    (pick != NONE).then(|| sorted.places()[pick as usize])
}

/// What a row takes from each source, as it is written.
fn tails<'a>(
    sources: &[Sorted<'a, Fields>],
    row: &[u32],
) -> impl Iterator<Item = Option<&'a [u8]>> {
    zip(sources, row).map(|(sorted, pick)| Some(sorted.tail(place(sorted, *pick)?)))
}

impl Rows for Fields {
    /// Lines without their ends, and where each ends.
    type Made = (Lines, Vec<usize>);

    fn made(plan: &Plan) -> Self::Made {
        (Lines::new(plan.delimiter), Vec::new())
    }

    fn weight(sorted: &Sorted<'_, Self>, place: Place) -> usize {
        sorted.tail(place).len()
    }

    fn make(
        plan: &Plan,
        sources: &[Sorted<'_, Self>],
        picks: &[u32],
        (lines, ends): &mut Self::Made,
    ) -> Result<usize, TableError> {
        let rows = || picks.chunks_exact(sources.len());
        // Nothing is left behind where a buffer was too small.
        let bytes: usize =
            rows().flat_map(|row| tails(sources, row)).flatten().map(<[u8]>::len).sum();
        let columns: usize = plan.widths.iter().sum();
        lines.reserve(bytes + columns * rows().len());
        for row in rows() {
            for (tail, width) in zip(tails(sources, row), &plan.widths) {
                lines.plain(|out| match tail {
                    Some(tail) => out.extend_from_slice(tail),
                    None => out.resize(out.len() + width - 1, plan.delimiter),
                });
            }
            lines.end_part();
            ends.push(lines.bytes().len());
        }
        Ok(lines.bytes().len())
    }

    fn send(
        (lines, ends): &mut Self::Made,
        heads: &Heads,
        into: &Sort<Self>,
        _: &mut Dealer,
    ) -> Result<(), TableError> {
        into.deal_tails(heads, lines.bytes(), ends)?;
        lines.clear();
        ends.clear();
        Ok(())
    }
}

impl Rows for RecordBatch {
    type Made = Vec<RecordBatch>;

    fn made(_: &Plan) -> Self::Made {
        Vec::new()
    }

    fn weight(sorted: &Sorted<'_, Self>, place: Place) -> usize {
        sorted.weight(place)
    }

    fn make(
        plan: &Plan,
        sources: &[Sorted<'_, Self>],
        picks: &[u32],
        made: &mut Self::Made,
    ) -> Result<usize, TableError> {
        let mut columns = Vec::new();
        for (at, (sorted, kinds)) in zip(sources, &plan.kinds).enumerate() {
            let picks = picks.iter().skip(at).step_by(sources.len());
            columns.extend(sorted.kept_or_null(picks.map(|pick| place(sorted, *pick)), kinds)?);
        }
        let batch = RecordBatch::try_new(plan.schema.clone(), columns);
        made.push(batch.map_err(|_| TableError::Unwritable)?);
        Ok(made.iter().map(Batch::bytes).sum())
    }

    fn send(
        made: &mut Self::Made,
        heads: &Heads,
        into: &Sort<Self>,
        dealer: &mut Dealer,
    ) -> Result<(), TableError> {
        into.deal(made, heads, dealer)?;
        made.clear();
        Ok(())
    }
}

/// What a thread makes rows with.
pub(super) struct Room<F: Rows> {
    /// Of each row that is to be made where it is in each source.
    picks: Vec<u32>,
    /// About the bytes that they take.
    bytes: usize,
    made: F::Made,
    /// How many were made.
    rows: usize,
    heads: Heads,
    keys: Vec<u8>,
    pub(super) dealer: Dealer,
    row: Vec<u32>,
}

impl<F: Rows> Room<F> {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            picks: Vec::new(),
            bytes: 0,
            made: F::made(plan),
            rows: 0,
            heads: Heads::default(),
            keys: Vec::new(),
            dealer: Dealer::new(plan.delimiter),
            row: Vec::new(),
        }
    }
}

/// Makes rows of the output.
pub(super) struct Emitter<'a, F: Rows> {
    pub(super) plan: &'a Plan,
    pub(super) into: &'a Sort<F>,
    pub(super) progress: &'a Progress,
    pub(super) room: &'a mut Room<F>,
}

/// Rows of a source: the first, and how many.
#[derive(Clone, Copy, Default)]
pub(super) struct Run {
    pub(super) start: u32,
    pub(super) rows: u32,
}

impl<F: Rows> Emitter<'_, F> {
    /// Makes each of these rows of the first source with each of those of the second, and so on;
    /// where a source has none, nothing is taken from it. Returns how many.
    pub(super) fn product(
        &mut self,
        sources: &[Sorted<'_, F>],
        runs: &[Run],
    ) -> Result<u64, JoinError> {
        let mut row = std::mem::take(&mut self.room.row);
        row.clear();
        row.extend(runs.iter().map(|run| if run.rows > 0 { run.start } else { NONE }));
        let mut made = 0;
        loop {
            self.add(sources, &row)?;
            made += 1;
            // The next row: as a counter goes on, the last source first.
            let next = zip(&mut row, runs).rev().find_map(|(at, run)| {
                if run.rows > 1 && *at + 1 < run.start + run.rows {
                    *at += 1;
                    return Some(());
                }
                *at = if run.rows > 0 { run.start } else { NONE };
                None
            });
            if next.is_none() {
                self.room.row = row;
                return Ok(made);
            }
        }
    }

    fn add(&mut self, sources: &[Sorted<'_, F>], row: &[u32]) -> Result<(), JoinError> {
        let weights = zip(sources, row)
            .filter_map(|(sorted, pick)| Some(F::weight(sorted, place(sorted, *pick)?)));
        let bytes: usize = weights.sum();
        let limits = self.plan.limits;
        if bytes > limits.row {
            return Err(JoinError::Long { limit: limits.row });
        }
        let room = &mut *self.room;
        if room.bytes + bytes > limits.made || room.picks.len() >= BATCH * sources.len() {
            self.make(sources)?;
        }
        self.room.picks.extend_from_slice(row);
        self.room.bytes += bytes;
        Ok(())
    }

    /// Makes the rows that were added, before their sources go.
    pub(super) fn make(&mut self, sources: &[Sorted<'_, F>]) -> Result<(), TableError> {
        let room = &mut *self.room;
        if room.picks.is_empty() {
            return Ok(());
        }
        self.progress.check()?;
        let bytes = F::make(self.plan, sources, &room.picks, &mut room.made)?;
        room.rows += room.picks.len() / sources.len();
        room.picks.clear();
        room.bytes = 0;
        // Each unit of a Parquet file has a price of its own.
        let is_enough =
            bytes >= self.plan.limits.dealt || room.rows >= F::wanted(self.into.partitions());
        if is_enough { self.deal() } else { Ok(()) }
    }

    /// Deals the rows that were made: each by a key that is drawn.
    pub(super) fn deal(&mut self) -> Result<(), TableError> {
        let room = &mut *self.room;
        room.heads.clear();
        for _ in 0..std::mem::take(&mut room.rows) {
            room.heads.add(0);
        }
        room.heads.draw(&mut room.keys);
        F::send(&mut room.made, &room.heads, self.into, &mut room.dealer)
    }
}
