//! Records of rows, put back in the order of the rows: codes come in the order of their random
//! indexes, and data has its own.
//!
//! Records have one width. They are dealt into parts of [`PART`] rows, which wait in memory while
//! there is room, then encrypted on disk; a part that is taken is an array with a record for each
//! of its rows.

use std::num::NonZeroUsize;
use std::path::Path;

use crate::effort::Effort;
use crate::error::TableError;
use crate::spill::{Spill, units};

/// The rows of a part.
pub const PART: u64 = 1 << 16;
/// What a thread takes beside, for rows on their way in and out.
const WORK: usize = 32 << 20;
/// The most bytes of a unit: pages of any size hold several.
const UNIT: usize = 1 << 10;
/// Where a row is in its part.
const PLACE: usize = 4;

/// See the module.
pub struct ByRow {
    spill: Spill,
    rows: u64,
    width: usize,
}

impl ByRow {
    /// For so many rows, with records of `width` bytes of which the first is never zero. Says too
    /// how many threads there is memory for. What does not fit is put aside beside the file
    /// `beside`.
    pub fn new(rows: u64, width: usize, beside: &Path, effort: &Effort) -> (Self, NonZeroUsize) {
        let parts = usize::try_from(rows.div_ceil(PART)).expect("so few").max(1);
        let fed = NonZeroUsize::new(effort.memory / 2 / WORK).unwrap_or(NonZeroUsize::MIN);
        let threads = effort.threads.min(fed);
        let memory = effort.memory.saturating_sub(threads.get() * WORK);
        (Self { spill: Spill::new(parts, memory, beside), rows, width }, threads)
    }

    /// Adds records, one behind the other, of these rows, counted from 0. Several threads may.
    ///
    /// # Errors
    /// [`TableError`].
    ///
    /// # Panics
    /// When a row is not below the number of rows.
    pub fn add(&self, rows: &[u64], records: &[u8]) -> Result<(), TableError> {
        let mut order: Vec<u32> = (0..rows.len() as u32).collect();
        order.sort_unstable_by_key(|at| rows[*at as usize] / PART);
        let mut bytes = Vec::with_capacity(rows.len() * (PLACE + self.width));
        let mut ends = Vec::new();
        let part = |at: u32| rows[at as usize] / PART;
        let same = order.chunk_by(|one, next| part(*one) == part(*next));
        for unit in same.flat_map(|same| same.chunks(UNIT / (PLACE + self.width))) {
            for at in unit.iter().map(|at| *at as usize) {
                assert!(rows[at] < self.rows, "a row of the data");
                bytes.extend_from_slice(&((rows[at] % PART) as u32).to_le_bytes());
                bytes.extend_from_slice(&records[at * self.width..][..self.width]);
            }
            ends.push((part(unit[0]) as usize, bytes.len()));
        }
        let mut begin = 0;
        self.spill.add(
            ends.into_iter()
                .map(|(part, end)| (part, [&bytes[std::mem::replace(&mut begin, end)..end]])),
        )
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The records of a part, in the order of its rows; none if a row has no record or several.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn take(&self, part: u64) -> Result<Option<Vec<u8>>, TableError> {
        let rows = PART.min(self.rows - part * PART) as usize;
        let mut records = vec![0; rows * self.width];
        let mut is_once = true;
        self.spill.drain(part as usize, |page| {
            for record in units(page).flat_map(|unit| unit.chunks_exact(PLACE + self.width)) {
                let (place, record) = record.split_first_chunk().expect("a record has a place");
                let place = u32::from_le_bytes(*place) as usize * self.width;
                let free = &mut records[place..][..self.width];
                is_once &= free[0] == 0;
                free.copy_from_slice(record);
            }
            Ok(())
        })?;
        is_once &= records.chunks_exact(self.width).all(|record| record[0] != 0);
        Ok(is_once.then_some(records))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(by_row: &ByRow) -> Option<Vec<u8>> {
        let parts = (0..by_row.rows.div_ceil(PART)).map(|part| by_row.take(part).unwrap());
        parts.collect::<Option<Vec<_>>>().map(|parts| parts.concat())
    }

    #[test]
    fn records_come_back_in_the_order_of_their_rows() {
        let place = tempfile::tempdir().unwrap();
        let rows = 2 * PART + 77;
        let record = |row: u64| [&[1_u8][..], &row.to_le_bytes()].concat();
        // With room for all, and for nearly none.
        for memory in [1 << 30, 1] {
            let effort = Effort { memory, ..Effort::default() };
            let (by_row, _) = ByRow::new(rows, 9, &place.path().join("out"), &effort);
            // 7919 has no factor in common with the number of rows.
            let mixed: Vec<u64> = (0..rows).map(|at| at * 7919 % rows).collect();
            for rows in mixed.chunks(5000) {
                let records: Vec<u8> = rows.iter().flat_map(|row| record(*row)).collect();
                by_row.add(rows, &records).unwrap();
            }
            assert!(all(&by_row) == Some((0..rows).flat_map(record).collect()));
        }
    }

    #[test]
    fn a_row_without_a_record_or_with_two_is_seen() {
        let place = tempfile::tempdir().unwrap();
        for rows in [&[0, 1, 2][..], &[0, 1, 2, 3, 2], &[0, 1, 2, 2]] {
            let (by_row, _) = ByRow::new(4, 1, &place.path().join("out"), &Effort::default());
            by_row.add(rows, &vec![1; rows.len()]).unwrap();
            assert!(all(&by_row).is_none());
        }
    }
}
