//! Parquet and frames: a unit is the rows that the batches have for a partition. Their number (u32,
//! little-endian) and heads, then their values as a stream of Arrow's.

use std::cell::OnceCell;
use std::iter::zip;
use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, OffsetSizeTrait, RecordBatch, new_null_array};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType};
use arrow_select::interleave::{interleave, interleave_record_batch};
use cstatns_base::secret::reserve;

use super::heads::{framed, split};
use super::{Dealer, Heads, Place, ROWS, Sort, Sortable, Sorted};
use crate::error::TableError;
use crate::spill::units;
use crate::table::{BATCH, Extent};

/// So many rows are dealt at once for each partition.
const UNIT: usize = 1024;

/// For each row its unit, and the row there; and the values of each unit, if columns are kept.
#[derive(Default)]
pub struct Units {
    picks: Vec<(usize, usize)>,
    batches: Vec<RecordBatch>,
    /// About the bytes of each row, once they are asked for.
    weights: OnceCell<Vec<usize>>,
}

impl Sortable for RecordBatch {
    type Beside<'a> = Units;
    const GROUPS: bool = true;
    const SIZE: u64 = 8 << 20;
    const LARGE: u64 = 4 * Self::SIZE;

    fn partitions(extent: Extent) -> u64 {
        extent.rows.div_ceil(ROWS).max(extent.bytes.div_ceil(Self::SIZE))
    }

    fn wanted(partitions: usize) -> usize {
        UNIT * partitions
    }

    fn deal(
        sort: &Sort<Self>,
        batches: &[Self],
        heads: &Heads,
        dealer: &mut Dealer,
    ) -> Result<(), TableError> {
        let Dealer { partitions, picks, picked, values, kept, .. } = dealer;
        let kept = kept.as_ref().unwrap_or(&sort.kept);
        let kept: Vec<usize> = kept.iter().cloned().flatten().collect();
        let project =
            |batch: &RecordBatch| batch.project(&kept).map_err(|_| TableError::Unwritable);
        let batches: Vec<RecordBatch> = batches.iter().map(project).collect::<Result<_, _>>()?;
        let batches: Vec<&RecordBatch> = batches.iter().collect();
        // Rows are counted first, then put where those of their partition are, each behind the one
        // before it: partitions are few, and rows many.
        partitions.clear();
        partitions.extend(heads.framed().map(|head| (sort.partition(head) - sort.first) as u32));
        let mut starts = vec![(0, 0); sort.partitions() + 1];
        for (partition, head) in zip(&*partitions, heads.framed()) {
            let (rows, bytes) = &mut starts[*partition as usize + 1];
            *rows += 1;
            *bytes += head.len();
        }
        for at in 1..starts.len() {
            starts[at] = (starts[at].0 + starts[at - 1].0, starts[at].1 + starts[at - 1].1);
        }
        picks.resize(partitions.len(), (0, 0));
        // A vector that grows leaves copies behind.
        reserve(picked, heads.0.len().saturating_sub(picked.len()));
        picked.resize(heads.0.len(), 0);
        let (mut next, mut left) = (starts.clone(), zip(&*partitions, heads.framed()));
        for (number, batch) in batches.iter().enumerate() {
            for row in 0..batch.num_rows() {
                let (partition, head) = left.next().expect("a head for each row");
                let (pick, at) = &mut next[*partition as usize];
                picks[*pick] = (number, row);
                *pick += 1;
                picked[*at..][..head.len()].copy_from_slice(head);
                *at += head.len();
            }
        }
        for (partition, (start, end)) in zip(&starts, &starts[1..]).enumerate() {
            let picks = &picks[start.0..end.0];
            if picks.is_empty() {
                continue;
            }
            values.clear();
            if !kept.is_empty() {
                pack(&gather(&batches, picks)?, values)?;
            }
            let count = (picks.len() as u32).to_le_bytes();
            let unit = [&count[..], &picked[start.1..end.1], values];
            sort.spill.add_long(sort.first + partition, unit)?;
        }
        Ok(())
    }

    fn within(kept: &[Range<usize>]) -> Option<Vec<Range<usize>>> {
        let columns = kept.iter().map(Range::len).sum();
        (columns > 0).then(|| std::iter::once(0..columns).collect())
    }

    fn pour(page: &[u8], into: &Sort<Self>, dealer: &mut Dealer) -> Result<(), TableError> {
        for unit in units(page) {
            let (heads, values) = split_unit(unit);
            let mut own = Heads::default();
            reserve(&mut own.0, heads.len());
            own.0.extend_from_slice(heads);
            Self::deal(into, &[unpack(values)?], &own, dealer)?;
        }
        Ok(())
    }

    fn heads(unit: &[u8]) -> impl Iterator<Item = &[u8]> {
        framed(split_unit(unit).0).map(|framed| split(framed).0)
    }

    fn read_unit<'a>(
        unit: &'a [u8],
        heads: &mut Vec<&'a [u8]>,
        beside: &mut Units,
    ) -> Result<(), TableError> {
        let (count, mut left) = unit.split_first_chunk().expect("a unit begins with its rows");
        for row in 0..u32::from_le_bytes(*count) as usize {
            let (head, rest) = split(left);
            heads.push(head);
            beside.picks.push((beside.batches.len(), row));
            left = rest;
        }
        beside.batches.extend((!left.is_empty()).then(|| unpack(left)).transpose()?);
        Ok(())
    }

    fn at_once(rows: usize, beside: &Units) -> usize {
        let columns = beside.batches.iter().flat_map(RecordBatch::columns);
        // Without what is reserved: the columns of a batch lie in one buffer, which each would
        // count.
        let sizes = columns.map(|column| column.to_data().get_slice_memory_size().unwrap_or(0));
        let bytes: usize = sizes.sum();
        (rows * Self::SIZE as usize / bytes.max(1)).clamp(1, BATCH)
    }

    fn kept<'a>(sorted: &Sorted<'a, Self>, places: &[Place]) -> Result<Vec<ArrayRef>, TableError> {
        let picks: Vec<_> =
            places.iter().map(|place| sorted.beside.picks[place.2 as usize]).collect();
        let batches: Vec<&RecordBatch> = sorted.beside.batches.iter().collect();
        Ok(gather(&batches, &picks)?.columns().to_vec())
    }
}

impl Sorted<'_, RecordBatch> {
    /// What is kept of these rows beside their heads, and null where there is none. `kinds` are the
    /// types of the columns.
    ///
    /// # Errors
    /// [`TableError::Unwritable`].
    pub fn kept_or_null(
        &self,
        places: impl Iterator<Item = Option<Place>>,
        kinds: &[DataType],
    ) -> Result<Vec<ArrayRef>, TableError> {
        let (batches, mut nulls) = (&self.beside.batches, false);
        let picks: Vec<(usize, usize)> = places
            .map(|place| match place {
                Some(place) => self.beside.picks[place.2 as usize],
                None => {
                    nulls = true;
                    (batches.len(), 0)
                }
            })
            .collect();
        let column = |(at, kind): (usize, &DataType)| {
            let mut arrays: Vec<ArrayRef> =
                batches.iter().map(|batch| batch.column(at).clone()).collect();
            arrays.extend(nulls.then(|| new_null_array(kind, 1)));
            let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
            match arrays.is_empty() {
                true => Ok(new_null_array(kind, 0)),
                false => interleave(&arrays, &picks).map_err(|_| TableError::Unwritable),
            }
        };
        kinds.iter().enumerate().map(column).collect()
    }

    /// About the bytes that a row takes without its head.
    pub fn weight(&self, place: Place) -> usize {
        let weights = self.beside.weights.get_or_init(|| weights(&self.beside.batches));
        weights.get(place.2 as usize).copied().unwrap_or_default()
    }
}

/// About the bytes that each row of these batches takes: column by column, for what a column is
/// made of is asked once then.
fn weights(batches: &[RecordBatch]) -> Vec<usize> {
    let mut weights = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for batch in batches {
        let first = weights.len();
        weights.resize(first + batch.num_rows(), 0);
        for column in batch.columns() {
            let rows = weights[first..].iter_mut();
            match column.data_type().primitive_width() {
                Some(width) => rows.for_each(|row| *row += width),
                None => {
                    rows.enumerate().for_each(|(at, row)| *row += weight(column.as_ref(), at, 1));
                }
            }
        }
    }
    weights
}

/// About the bytes that so many values take, from `start` on.
fn weight(array: &dyn Array, start: usize, count: usize) -> usize {
    fn of<O: OffsetSizeTrait>(offsets: &[O], start: usize, count: usize) -> (usize, usize) {
        let start_in = offsets[start].as_usize();
        (start_in, offsets[start + count].as_usize() - start_in)
    }
    let within = |(start, count), values: &dyn Array| weight(values, start, count);
    match array.data_type() {
        DataType::Utf8 => of(array.as_string::<i32>().value_offsets(), start, count).1,
        DataType::LargeUtf8 => of(array.as_string::<i64>().value_offsets(), start, count).1,
        DataType::Binary => of(array.as_binary::<i32>().value_offsets(), start, count).1,
        DataType::LargeBinary => of(array.as_binary::<i64>().value_offsets(), start, count).1,
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            within(of(list.value_offsets(), start, count), list.values())
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            within(of(list.value_offsets(), start, count), list.values())
        }
        DataType::Map(..) => {
            let map = array.as_map();
            within(of(map.value_offsets(), start, count), map.entries())
        }
        DataType::FixedSizeList(_, size) => {
            let size = *size as usize;
            within((start * size, count * size), array.as_fixed_size_list().values())
        }
        DataType::Struct(_) => {
            array.as_struct().columns().iter().map(|column| within((start, count), column)).sum()
        }
        DataType::FixedSizeBinary(size) => count * *size as usize,
        kind => count * kind.primitive_width().unwrap_or(1),
    }
}

/// The heads of a unit, and its values.
fn split_unit(unit: &[u8]) -> (&[u8], &[u8]) {
    let (rows, all) = unit.split_first_chunk().expect("a unit begins with its rows");
    let mut values = all;
    for _ in 0..u32::from_le_bytes(*rows) {
        values = split(values).1;
    }
    all.split_at(all.len() - values.len())
}

/// Rows of batches of the same columns, each by batch and row.
fn gather(batches: &[&RecordBatch], picks: &[(usize, usize)]) -> Result<RecordBatch, TableError> {
    interleave_record_batch(batches, picks).map_err(|_| TableError::Unwritable)
}

fn pack(batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), TableError> {
    let write = || {
        let mut writer = StreamWriter::try_new(out, &batch.schema())?;
        writer.write(batch)?;
        writer.finish()
    };
    write().map_err(|_: ArrowError| TableError::Unwritable)
}

fn unpack(bytes: &[u8]) -> Result<RecordBatch, TableError> {
    let read = || StreamReader::try_new(bytes, None)?.next().transpose();
    read().ok().flatten().ok_or(TableError::Unwritable)
}

#[cfg(test)]
mod tests;
