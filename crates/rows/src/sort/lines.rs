//! CSV: a unit is a row, its head and the rest of its line as it will be written.

use std::ops::Range;

use super::heads::split;
use super::{Dealer, Heads, Place, Sort, Sortable, Sorted};
use crate::csv::{Fields, Kept};
use crate::error::TableError;
use crate::spill::units;
use crate::table::Extent;

impl Sort<Fields> {
    /// Deals rows of which no column is kept, wherever they come from: a head is a unit. Several
    /// threads may.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn deal_heads(&self, heads: &Heads) -> Result<(), TableError> {
        self.spill.add(heads.framed().map(|head| (self.partition(head), [head])))
    }

    /// Deals rows whose kept columns are written already: `tails` has them one behind the other, as
    /// they are parted in a line and without its end, and `ends` says where each ends. Several
    /// threads may.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn deal_tails(
        &self,
        heads: &Heads,
        tails: &[u8],
        ends: &[usize],
    ) -> Result<(), TableError> {
        let mut start = 0;
        self.spill.add(heads.framed().zip(ends).map(|(head, end)| {
            let tail = &tails[std::mem::replace(&mut start, *end)..*end];
            (self.partition(head), [head, tail])
        }))
    }
}

impl<'a> Sorted<'a, Fields> {
    /// What is kept of a row beside its head, as it is written.
    pub fn tail(&self, place: Place) -> &'a [u8] {
        self.beside[place.2 as usize]
    }
}

impl Sortable for Fields {
    /// The rest of each line, as it will be written.
    type Beside<'a> = Vec<&'a [u8]>;
    const GROUPS: bool = false;
    /// Rows are picked one by one, so they should stay in the processor's cache.
    const SIZE: u64 = 1 << 20;
    const LARGE: u64 = 32 << 20;

    fn partitions(extent: Extent) -> u64 {
        extent.bytes.div_ceil(Self::SIZE)
    }

    fn wanted(_: usize) -> usize {
        1
    }

    fn deal(
        sort: &Sort<Self>,
        batches: &[Self],
        heads: &Heads,
        dealer: &mut Dealer,
    ) -> Result<(), TableError> {
        let Dealer { tails, ends, kept, encoding, .. } = dealer;
        let kept = kept.as_ref().unwrap_or(&sort.kept);
        tails.clear();
        ends.clear();
        for batch in batches {
            tails.reserve(batch.most_copied(*encoding, tails));
            for row in 0..batch.rows() {
                kept.iter().for_each(|columns| batch.copy(row, columns.clone(), *encoding, tails));
                tails.end_part();
                ends.push(tails.bytes().len());
            }
        }
        sort.deal_tails(heads, tails.bytes(), ends)
    }

    fn within(kept: &[Range<usize>]) -> Option<Vec<Range<usize>>> {
        Some(kept.to_vec())
    }

    fn pour(page: &[u8], into: &Sort<Self>, _: &mut Dealer) -> Result<(), TableError> {
        into.spill.add(units(page).map(|unit| (into.partition(unit), [unit])))
    }

    fn heads(unit: &[u8]) -> impl Iterator<Item = &[u8]> {
        std::iter::once(split(unit).0)
    }

    fn read_unit<'a>(
        unit: &'a [u8],
        heads: &mut Vec<&'a [u8]>,
        tails: &mut Vec<&'a [u8]>,
    ) -> Result<(), TableError> {
        let (head, tail) = split(unit);
        heads.push(head);
        tails.push(tail);
        Ok(())
    }

    fn at_once(rows: usize, _: &Vec<&[u8]>) -> usize {
        rows.clamp(1, crate::table::BATCH)
    }

    fn kept<'a>(sorted: &Sorted<'a, Self>, places: &[Place]) -> Result<Kept<'a>, TableError> {
        let tails = places.iter().map(|place| sorted.tail(*place));
        Ok(Kept::Tails(Some(tails.collect())))
    }
}
