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

/// Adds a row, without an index: its head is the index, the number of the word of `status`, and its
/// values, each with its length (u16, little-endian) before it.
pub(super) fn push(heads: &mut Heads, status: u8, values: &[&[u8]]) {
    let head = heads.add(1 + values.iter().map(|value| 2 + value.len()).sum::<usize>());
    let room = head.capacity();
    head.push(status);
    for value in values {
        let length = u16::try_from(value.len()).expect("no value is as long");
        head.extend_from_slice(&length.to_le_bytes());
        head.extend_from_slice(value);
    }
    debug_assert_eq!(head.capacity(), room, "a vector that grows leaves a copy behind");
}

/// The index, the number of the status and the values of a row; those that are empty are none.
pub(super) fn read(head: &[u8]) -> ([u8; KEY], u8, impl Iterator<Item = Option<&[u8]>>) {
    let (index, rest) = head.split_first_chunk().expect("a head begins with its index");
    let (status, mut left) = rest.split_first().expect("a head has a status");
    let values = std::iter::from_fn(move || {
        let (length, rest) = left.split_first_chunk()?;
        let (value, rest) = rest.split_at(u16::from_le_bytes(*length).into());
        left = rest;
        Some((!value.is_empty()).then_some(value))
    });
    (*index, *status, values)
}
