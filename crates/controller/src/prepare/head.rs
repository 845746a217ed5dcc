//! A row as it waits in the sort: what becomes of it in the request, and what `status` says of it.

use cstatns_base::civil_status::request::FIELDS;
use cstatns_rows::sort::{Heads, KEY};

/// What `status` can say, by its number in a head.
pub(super) const STATUSES: [&str; 8] = [
    "ok",
    "absent",
    "malformed",
    "scientific",
    "wrong-character",
    "wrong-length",
    "wrong-form",
    "wrong-control-key",
];
pub(super) const OK: u8 = 0;
pub(super) const ABSENT: u8 = 1;
pub(super) const MALFORMED: u8 = 2;

/// The values of a row at most.
pub(super) const MOST_VALUES: usize = FIELDS.len();

/// Where a cell that is sent stands in the data: rows are dealt before those of the blocks before
/// them are counted. Civil status is one cell.
#[derive(Clone, Copy)]
pub(super) struct At {
    /// The block, and the cell in it, row by row, both counted from 0.
    pub(super) block: u32,
    pub(super) cell: u32,
}

impl At {
    /// So many cells after it, in the same block.
    pub(super) fn after(self, cells: usize) -> Self {
        let after = u32::try_from(cells).ok().and_then(|cells| self.cell.checked_add(cells));
        Self { cell: after.expect("no block has as many cells"), ..self }
    }
}

/// Adds a row, without an index: its head is the index, where it stands (twice u32,
/// little-endian), the number of the word of `status`, and its values, each with its length (u16,
/// little-endian) before it.
pub(super) fn push(heads: &mut Heads, at: At, status: u8, values: &[&[u8]]) {
    let head = heads.add(9 + values.iter().map(|value| 2 + value.len()).sum::<usize>());
    let room = head.capacity();
    head.extend_from_slice(&at.block.to_le_bytes());
    head.extend_from_slice(&at.cell.to_le_bytes());
    head.push(status);
    for value in values {
        let length = u16::try_from(value.len()).expect("no value is as long");
        head.extend_from_slice(&length.to_le_bytes());
        head.extend_from_slice(value);
    }
    debug_assert_eq!(head.capacity(), room, "a vector that grows leaves a copy behind");
}

/// The index, the place, the number of the status and the values of a row; those that are empty are
/// none.
pub(super) fn read(head: &[u8]) -> ([u8; KEY], At, u8, impl Iterator<Item = Option<&[u8]>>) {
    let (index, rest) = head.split_first_chunk().expect("a head begins with its index");
    let (block, rest) = rest.split_first_chunk().expect("a head has a block");
    let (cell, rest) = rest.split_first_chunk().expect("a head has a cell");
    let at = At { block: u32::from_le_bytes(*block), cell: u32::from_le_bytes(*cell) };
    let (status, mut left) = rest.split_first().expect("a head has a status");
    let values = std::iter::from_fn(move || {
        let (length, rest) = left.split_first_chunk()?;
        let (value, rest) = rest.split_at(u16::from_le_bytes(*length).into());
        left = rest;
        Some((!value.is_empty()).then_some(value))
    });
    (*index, at, *status, values)
}
