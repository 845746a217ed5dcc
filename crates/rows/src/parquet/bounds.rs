//! What the pages of a batch may take.
//!
//! What a batch can take is bounded from above, before the library decodes it: the pages that are
//! held for its columns, and those that are loaded for it; each text of a dictionary as the longest
//! one; lists as if each row had as many elements as the longest one of its page. Where that is too
//! much the batch is read again with fewer rows ([`Stop::Shrink`]), down to one; a row for which it
//! still is too much is refused. Ordinary files never come near it, and pay the reading of a
//! header.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use ::parquet::basic::{Encoding, Type as Physical};
use ::parquet::column::page::Page;
use ::parquet::errors::{ParquetError, Result};
use ::parquet::schema::types::{ColumnDescPtr, ColumnDescriptor};

use crate::pipeline::locked;

use super::header::{Header, delta_count, delta_sum, runs};

/// The largest page, in bytes: writers end pages at 1 MiB, a few at 100.
pub(super) const PAGE: u64 = 128 << 20;
/// What the pages of a batch may take, in bytes, and so much more for each byte of the file: who
/// has many columns, or large values, has a large file.
const PAGES: u64 = 48 << 20;
const PAGES_FOR_BYTE: u64 = 64;
/// What an element of a list takes beside its value: its levels, where it begins, whether it is
/// there.
const ELEMENT: u64 = 32;
/// Lists that take no more than this together are not looked at.
const FEW: u64 = 4 << 20;

/// Why a batch was not read.
#[derive(Debug)]
pub(super) enum Stop {
    /// With fewer rows it may be.
    Shrink,
    /// Too much is in this row group of the column of that number.
    TooLarge {
        leaf: usize,
        group: usize,
    },
    /// A timestamp of 96 bits that microseconds do not hold.
    Inexact {
        leaf: usize,
        group: usize,
    },
    Read(io::Error),
}

/// What is known of a column.
struct Column {
    levels: (i16, i16),
    physical: Physical,
    /// The bytes of a value; none of values of any length.
    fixed: Option<u64>,
}

/// What the pages of all columns take.
pub(super) struct Ledger {
    columns: Vec<Column>,
    limit: u64,
    /// Whether a time in 96 bits must be one that is read exactly.
    exact: AtomicBool,
    state: Mutex<State>,
}

struct State {
    /// The rows of the batch.
    rows: u64,
    /// What the batch may take.
    taken: u64,
    leaves: Vec<Leaf>,
    stop: Option<Stop>,
}

/// A column as it is read.
#[derive(Clone, Copy, Default)]
struct Leaf {
    dictionary: u64,
    page: u64,
    /// The longest text of the dictionary.
    longest: u64,
    /// The number of the present page, and of that in which the batch begins.
    at: u64,
    begins: u64,
}

impl Ledger {
    /// For a file of so many bytes.
    pub(super) fn new(columns: &[ColumnDescPtr], length: u64) -> Self {
        let columns: Vec<_> = columns.iter().map(|column| Column::of(column)).collect();
        let leaves = vec![Leaf::default(); columns.len()];
        Self {
            columns,
            limit: length.saturating_mul(PAGES_FOR_BYTE).saturating_add(PAGES),
            exact: AtomicBool::new(true),
            state: Mutex::new(State { rows: 0, taken: 0, leaves, stop: None }),
        }
    }

    /// What is read is looked at and never written: a time may be read as another one.
    pub(super) fn only_looks(&self) {
        self.exact.store(false, Ordering::Relaxed);
    }

    fn is_inexact(&self, column: &Column, values: &[u8]) -> bool {
        column.physical == Physical::INT96
            && self.exact.load(Ordering::Relaxed)
            && !values.chunks_exact(12).all(is_microseconds)
    }

    /// The bytes that the values of fixed length of a row take, without lists: nulls take them too.
    pub(super) fn width(&self) -> u64 {
        let flat = self.columns.iter().filter(|column| column.levels.1 == 0);
        flat.map(|column| column.fixed.unwrap_or(8)).sum()
    }

    /// The widest value of fixed length, and its column.
    pub(super) fn widest(&self) -> Option<(u64, usize)> {
        self.columns
            .iter()
            .enumerate()
            .filter_map(|(leaf, column)| Some((column.fixed?, leaf)))
            .max()
    }

    /// The columns are read from elsewhere.
    pub(super) fn begin(&self) {
        for leaf in &mut locked(&self.state).leaves {
            *leaf = Leaf { begins: leaf.begins, ..Leaf::default() };
        }
    }

    /// A batch begins; `again` if it is one that was stopped.
    pub(super) fn begin_batch(&self, rows: usize, again: bool) {
        let mut state = locked(&self.state);
        let state = &mut *state;
        (state.rows, state.taken, state.stop) = (rows as u64, 0, None);
        for leaf in &mut state.leaves {
            state.taken += leaf.dictionary + leaf.page;
            if !again {
                leaf.begins = leaf.at;
            }
        }
    }

    /// Why the batch was stopped, if it was here.
    pub(super) fn stop(&self) -> Option<Stop> {
        locked(&self.state).stop.take()
    }

    fn check(&self, state: &mut State, leaf: usize, group: usize) -> Result<()> {
        let flat =
            self.columns.iter().zip(&state.leaves).filter(|(column, _)| column.levels.1 == 0);
        let longest: u64 = flat.map(|(_, leaf)| leaf.longest).sum();
        if state.taken.saturating_add(longest.saturating_mul(state.rows)) <= self.limit {
            return Ok(());
        }
        Err(stopped(
            state,
            if state.rows > 1 { Stop::Shrink } else { Stop::TooLarge { leaf, group } },
        ))
    }

    pub(super) fn stopped(&self, stop: Stop) -> ParquetError {
        stopped(&mut locked(&self.state), stop)
    }

    /// A page is loaded, the one of that number.
    pub(super) fn load(
        &self,
        leaf: usize,
        group: usize,
        number: u64,
        header: &Header,
    ) -> Result<()> {
        let column = &self.columns[leaf];
        let mut state = locked(&self.state);
        if header.size > PAGE {
            return Err(stopped(&mut state, Stop::TooLarge { leaf, group }));
        }
        let at = &mut state.leaves[leaf];
        if number & u64::from(u32::MAX) == 0 {
            // The dictionary of the former row group is gone.
            (at.dictionary, at.longest) = (0, 0);
        }
        // Pages before the batch's first one are only gone through: each gives its place to the
        // next one.
        let goes = number <= at.begins;
        let (gone, taken) = if header.is_dictionary {
            if header.values.saturating_mul(column.fixed.unwrap_or(4).max(1)) > header.size {
                return Err(damaged());
            }
            // As it is stored and as it is decoded.
            let taken = 2 * header.size + 8 * header.values;
            at.longest = 0;
            (std::mem::replace(&mut at.dictionary, taken), taken)
        } else {
            at.at = number;
            (std::mem::replace(&mut at.page, header.size), header.size)
        };
        state.taken = state.taken.saturating_sub(if goes { gone } else { 0 }) + taken;
        self.check(&mut state, leaf, group)
    }

    /// What is seen of a page before its values are decoded.
    pub(super) fn look(&self, leaf: usize, group: usize, page: &Page) -> Result<()> {
        let column = &self.columns[leaf];
        let text = column.physical == Physical::BYTE_ARRAY;
        if let Page::DictionaryPage { buf, .. } = page {
            if self.is_inexact(column, buf) {
                return Err(self.stopped(Stop::Inexact { leaf, group }));
            }
            if text {
                let mut state = locked(&self.state);
                state.leaves[leaf].longest = longest(buf);
                return self.check(&mut state, leaf, group);
            }
            return Ok(());
        }
        let encoding = page.encoding();
        let delta =
            matches!(encoding, Encoding::DELTA_LENGTH_BYTE_ARRAY | Encoding::DELTA_BYTE_ARRAY);
        if column.levels.1 == 0 && !delta && column.physical != Physical::INT96 {
            return Ok(());
        }
        let (repetition, values) = column.parts(page).ok_or_else(damaged)?;
        let count = u64::from(page.num_values());
        let mut more = 0_u64;
        if encoding == Encoding::PLAIN && self.is_inexact(column, values) {
            return Err(self.stopped(Stop::Inexact { leaf, group }));
        }
        if delta {
            if delta_count(values).ok_or_else(damaged)? > count {
                return Err(damaged());
            }
            more += 8 * count;
            if encoding == Encoding::DELTA_BYTE_ARRAY {
                let (prefixes, end) = delta_sum(values, count).ok_or_else(damaged)?;
                let (suffixes, _) = delta_sum(&values[end..], count).ok_or_else(damaged)?;
                more = more.saturating_add(prefixes).saturating_add(suffixes);
            }
        }
        let mut state = locked(&self.state);
        if column.levels.1 > 0 {
            let is_word = matches!(encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY);
            let longest = if is_word { state.leaves[leaf].longest } else { 0 };
            let element = ELEMENT + column.fixed.unwrap_or(0).max(longest);
            let elements = match (repetition, count.saturating_mul(element)) {
                (Some(repetition), all) if all > FEW => {
                    let longest = longest_list(repetition, bits(column.levels.1));
                    count.min(longest.saturating_mul(state.rows))
                }
                _ => count,
            };
            more = more.saturating_add(elements.saturating_mul(element));
        }
        state.leaves[leaf].page = state.leaves[leaf].page.saturating_add(more);
        state.taken = state.taken.saturating_add(more);
        self.check(&mut state, leaf, group)
    }
}

fn stopped(state: &mut State, stop: Stop) -> ParquetError {
    state.stop = Some(stop);
    damaged()
}

/// Its text is not shown.
pub(super) fn damaged() -> ParquetError {
    ParquetError::General(String::new())
}

/// The text of a dictionary that takes most.
fn longest(mut texts: &[u8]) -> u64 {
    let mut longest = 0;
    while let Some((length, rest)) = texts.split_first_chunk() {
        let length = u32::from_le_bytes(*length);
        longest = longest.max(length);
        texts = rest.get(length as usize..).unwrap_or_default();
    }
    longest.into()
}

/// The most elements of a row, in levels that say for each element whether it begins one.
fn longest_list(repetition: &[u8], bits: u32) -> u64 {
    let (mut longest, mut here) = (0, 0_u64);
    runs(repetition, bits, |level, times| {
        here = if level == 0 { 1 } else { here.saturating_add(times) };
        longest = longest.max(here);
    });
    longest
}

fn bits(level: i16) -> u32 {
    i16::BITS - level.leading_zeros()
}

/// Whether a timestamp of 96 bits (nanoseconds of the day, day) is a number of microseconds of 64
/// bits.
fn is_microseconds(value: &[u8]) -> bool {
    const DAY: i64 = 86_400_000_000;
    const EPOCH: i64 = 2_440_588;
    let (nanoseconds, day) = value.split_at(8);
    let nanoseconds = i64::from_le_bytes(nanoseconds.try_into().expect("8 bytes"));
    let day = i64::from(i32::from_le_bytes(day.try_into().expect("4 bytes"))) - EPOCH;
    nanoseconds % 1000 == 0
        && day.checked_mul(DAY).is_some_and(|day| day.checked_add(nanoseconds / 1000).is_some())
}

impl Column {
    fn of(column: &ColumnDescriptor) -> Self {
        let fixed = match column.physical_type() {
            Physical::BYTE_ARRAY => None,
            Physical::FIXED_LEN_BYTE_ARRAY => {
                Some(u64::try_from(column.type_length()).unwrap_or(0))
            }
            Physical::INT96 => Some(12),
            Physical::BOOLEAN => Some(0),
            Physical::INT32 | Physical::FLOAT => Some(4),
            Physical::INT64 | Physical::DOUBLE => Some(8),
        };
        let levels = (column.max_def_level(), column.max_rep_level());
        Self { levels, physical: column.physical_type(), fixed }
    }

    /// The repetition levels of a page, if they can be read here, and its values.
    fn parts<'a>(&self, page: &'a Page) -> Option<(Option<&'a [u8]>, &'a [u8])> {
        let (definition, repetition) = self.levels;
        match page {
            Page::DataPage { buf, num_values, def_level_encoding, rep_level_encoding, .. } => {
                let mut left = &buf[..];
                let mut levels = |most: i16, encoding| {
                    if most == 0 {
                        return Some(None);
                    }
                    let (length, is_known) = if encoding == Encoding::RLE {
                        let (length, rest) = left.split_first_chunk()?;
                        left = rest;
                        (u32::from_le_bytes(*length) as usize, true)
                    } else {
                        (
                            (u64::from(*num_values) * u64::from(bits(most))).div_ceil(8) as usize,
                            false,
                        )
                    };
                    let (levels, rest) = left.split_at_checked(length)?;
                    left = rest;
                    Some(is_known.then_some(levels))
                };
                let repetition = levels(repetition, *rep_level_encoding)?;
                levels(definition, *def_level_encoding)?;
                Some((repetition, left))
            }
            Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, .. } => {
                let (repetition, left) = buf.split_at_checked(*rep_levels_byte_len as usize)?;
                Some((Some(repetition), left.get(*def_levels_byte_len as usize..)?))
            }
            Page::DictionaryPage { buf, .. } => Some((None, buf)),
        }
    }
}
