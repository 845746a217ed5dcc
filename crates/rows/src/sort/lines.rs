//! CSV: a unit is a row, its head and the rest of its line as it will be written.

use super::{Dealer, Heads, Place, Sort, Sortable, Sorted, split};
use crate::csv::{Fields, Kept};
use crate::error::TableError;
use crate::spill::units;
use crate::table::Extent;

/// The bytes of a partition, as they stand in the file: its rows are picked one by one, so they
/// should stay in the processor's cache.
const LINES: u64 = 1 << 20;
/// A partition that takes more is divided before it is sorted.
const LARGE: u64 = 32 << 20;

impl Sort<Fields> {
    /// Deals rows of which no column is kept, wherever they come from: a head is a unit. Several
    /// threads may.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn deal_heads(&self, heads: &Heads) -> Result<(), TableError> {
        self.spill.add(heads.framed().map(|head| (self.partition(head), [head])))
    }
}

impl Sortable for Fields {
    type Beside<'a> = ();
    const GROUPS: bool = false;
    const LARGE: u64 = LARGE;

    fn partitions(extent: Extent) -> u64 {
        extent.bytes.div_ceil(LINES)
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
                tails.end_row();
                ends.push(tails.bytes().len());
            }
        }
        let mut start = 0;
        sort.spill.add(heads.framed().zip(ends.iter()).map(|(head, end)| {
            // Without the line break.
            let tail = &tails.bytes()[std::mem::replace(&mut start, *end)..end - 1];
            (sort.partition(head), [head, tail])
        }))
    }

    /// What compressed text swells to is not known before it is read.
    fn divide(
        sort: &Sort<Self>,
        partition: usize,
        _: &mut Dealer,
    ) -> Result<Option<Sort<Self>>, TableError> {
        let size = sort.spill.size(partition);
        if size <= LARGE {
            return Ok(None);
        }
        let divided = sort.divided(size.div_ceil(LINES), sort.kept.clone());
        sort.spill.drain(partition, |page| {
            divided.spill.add(units(page).map(|unit| (divided.partition(unit), [unit])))
        })?;
        Ok(Some(divided))
    }

    fn read_unit<'a>(
        unit: &'a [u8],
        rows: &mut Vec<&'a [u8]>,
        _: &mut (),
    ) -> Result<(), TableError> {
        rows.push(unit);
        Ok(())
    }

    fn at_once(rows: usize, _: &()) -> usize {
        rows.clamp(1, crate::table::BATCH)
    }

    fn kept<'a>(sorted: &Sorted<'a, Self>, places: &[Place]) -> Result<Kept<'a>, TableError> {
        let tails = places.iter().map(|place| split(sorted.rows[place.2 as usize]).1);
        Ok(Kept::Tails(Some(tails.collect())))
    }
}
