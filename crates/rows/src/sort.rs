//! The external sort: rows of a file in the order of a key of 128 bits, in bounded memory.
//!
//! Keys are spread evenly (indexes are random, codes look it), so rows are dealt by the first bits of their key into
//! partitions of about the same size, each of which is then sorted by itself, in memory. Partitions follow one another in
//! the order of the key, so there is nothing to merge: dealing and sorting are each one pass through the pipeline.
//!
//! A row is a *head*, whose first 16 bytes are its key and the others, as many as they are, the caller's ([`Heads`]), and
//! the columns that are kept beside it: in CSV the rest of the line as it will be written, in Parquet values of their own
//! types.
//!
//! Memory: [`Effort::memory`](crate::effort::Effort) bytes, of which each thread has `WORK` for what it works on and `Spill`
//! the rest; there are no more threads than half of it feeds. Beyond it, whatever the memory: one thread's work, and the
//! smallest pages of all partitions, 64 MiB at most. A CSV file larger than 16 GiB has larger partitions, and takes more.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;
use arrow_select::interleave::interleave_record_batch;
use cstatns_base::secret::reserve;
use zeroize::Zeroizing;

use crate::csv::Lines;
use crate::effort::Effort;
use crate::error::TableError;
use crate::sink::Values;
use crate::spill::{Page, Spill, units};
use crate::table::{BATCH, Batch, Extent, Format, Source};

/// The bytes of a partition of a CSV file, as they stand there: its rows are picked one by one, so they should stay in the
/// processor's cache.
const LINES: u64 = 1 << 20;
/// The rows of a partition of a Parquet file, and the bytes that they take in memory: a row group, with what chance adds.
pub const ROWS: u64 = 120_000;
const VALUES: u64 = 8 << 20;
/// A partition of a Parquet file that takes more is divided before it is sorted: rows of very different sizes are not foreseen.
const LARGE: u64 = 4 * VALUES;
/// The most memory that is taken of what is given, whatever the file, and so much more for each byte of it.
const MEMORY: usize = 48 << 20;
const MEMORY_FOR_BYTE: usize = 256;
/// The most partitions.
const MOST: u64 = 16_384;
/// What a thread takes for a partition: it, its rows in order, and what they become.
const WORK: usize = 32 << 20;

/// Of a Parquet file so many rows are dealt at once for each partition, but only so many bytes.
const UNIT: usize = 256;
const BLOCK: usize = 16 << 20;

/// The bytes of a key.
pub const KEY: usize = 16;

/// The heads of rows, one behind the other, each with its length (u32, little-endian) before it. They are wiped, also
/// where they move to a larger place.
#[derive(Default)]
pub struct Heads(Zeroizing<Vec<u8>>);

/// The bytes of a head's length.
const LENGTH: usize = 4;

impl Heads {
    /// Empties it; its room stays.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds a head of zeros for a key and `rest` bytes, which are for the caller to append to what is returned.
    pub fn add(&mut self, rest: usize) -> &mut Vec<u8> {
        reserve(&mut self.0, LENGTH + KEY + rest);
        self.0.extend_from_slice(&((KEY + rest) as u32).to_le_bytes());
        self.0.extend_from_slice(&[0; KEY]);
        &mut self.0
    }

    /// Each head, without its length.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.framed().map(|framed| &framed[LENGTH..])
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.framed().count()
    }

    /// Gives the heads these keys.
    pub fn set(&mut self, keys: &[u8]) {
        let mut at = 0;
        for key in keys.chunks_exact(KEY) {
            let (head, _) = split(&self.0[at..]);
            let next = at + LENGTH + head.len();
            self.0[at + LENGTH..][..KEY].copy_from_slice(key);
            at = next;
        }
    }

    /// Each head with its length before it.
    fn framed(&self) -> impl Iterator<Item = &[u8]> {
        let mut left = &self.0[..];
        std::iter::from_fn(move || {
            (!left.is_empty()).then(|| {
                let (framed, rest) = left.split_at(LENGTH + split(left).0.len());
                left = rest;
                framed
            })
        })
    }
}

/// The head at the beginning, without its length, and what comes after it.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, rest) = bytes.split_first_chunk().expect("a head begins with its length");
    rest.split_at(u32::from_le_bytes(*length) as usize)
}

/// Rows on their way through the sort.
pub struct Sort {
    spill: Spill,
    /// How many bits of the key say the partition, and how many come before them.
    bits: u32,
    before: u32,
    /// The columns that are kept.
    kept: Vec<Range<usize>>,
    format: Format,
}

impl Sort {
    /// Of rows like those of a file of this size and type, of which the columns `kept` are kept beside the heads. Says too
    /// how many threads there is memory for. What does not fit in it is put aside beside the file `beside`.
    pub fn new(
        format: Format,
        extent: Extent,
        kept: Vec<Range<usize>>,
        beside: &Path,
        effort: &Effort,
    ) -> (Self, NonZeroUsize) {
        let kept: Vec<_> = kept.into_iter().filter(|columns| !columns.is_empty()).collect();
        let partitions = match format {
            Format::Csv => extent.bytes.div_ceil(LINES),
            Format::Parquet => extent.rows.div_ceil(ROWS).max(extent.bytes.div_ceil(VALUES)),
        };
        let partitions = partitions.clamp(1, MOST);
        let bits = partitions.next_power_of_two().trailing_zeros();
        // What a small file swells to goes to the disk, though there were memory for it.
        let most = (extent.length as usize).saturating_mul(MEMORY_FOR_BYTE).saturating_add(MEMORY);
        let memory = effort.memory.min(most);
        let fed = NonZeroUsize::new(memory / 2 / WORK).unwrap_or(NonZeroUsize::MIN);
        let threads = effort.threads.min(fed);
        let memory = memory.saturating_sub(threads.get() * WORK);
        (Self { spill: Spill::new(1 << bits, memory, beside), bits, before: 0, kept, format }, threads)
    }

    /// How many partitions there are.
    pub fn partitions(&self) -> usize {
        1 << self.bits
    }

    fn partition(&self, framed: &[u8]) -> usize {
        let first = u64::from_be_bytes(*split(framed).0.first_chunk().expect("a head begins with a key"));
        ((u128::from(first << self.before) << self.bits) >> 64) as usize
    }

    /// Fills the first `filled` of `batches` with the next rows of the source, as many as are best dealt at once; false at
    /// the end of the file.
    pub fn fill(
        &self,
        source: &mut Source,
        batches: &mut Vec<Batch>,
        filled: &mut usize,
    ) -> Result<bool, TableError> {
        // Each unit of a Parquet file has a price of its own.
        let wanted = match self.format {
            Format::Csv => 1,
            Format::Parquet => UNIT * self.partitions(),
        };
        let (mut rows, mut bytes) = (0, 0);
        *filled = 0;
        while *filled == 0 || (rows < wanted && bytes < BLOCK) {
            if batches.len() == *filled {
                batches.push(Batch::None);
            }
            if !source.fill(&mut batches[*filled], BATCH)? {
                break;
            }
            rows += batches[*filled].lines();
            bytes += batches[*filled].bytes();
            *filled += 1;
        }
        Ok(*filled > 0)
    }

    /// Deals rows into the partitions: those of `batches`, whose heads are `heads`, one after the other. Several threads
    /// may.
    pub fn deal(&self, batches: &[Batch], heads: &Heads, dealer: &mut Dealer) -> Result<(), TableError> {
        match self.format {
            Format::Csv => self.deal_lines(batches, heads, dealer),
            Format::Parquet => self.deal_values(batches, heads, dealer),
        }
    }

    /// CSV: a unit is a row.
    fn deal_lines(&self, batches: &[Batch], heads: &Heads, dealer: &mut Dealer) -> Result<(), TableError> {
        let Dealer { tails, ends, .. } = dealer;
        tails.clear();
        ends.clear();
        for batch in batches {
            let Batch::Csv(batch) = batch else { continue };
            tails.reserve(batch.most_copied());
            for row in 0..batch.rows() {
                self.kept.iter().for_each(|columns| batch.copy(row, columns.clone(), tails));
                tails.end_row();
                ends.push(tails.bytes().len());
            }
        }
        let mut start = 0;
        self.spill.add(heads.framed().zip(ends.iter()).map(|(head, end)| {
            // Without the line break.
            let tail = &tails.bytes()[std::mem::replace(&mut start, *end)..end - 1];
            (self.partition(head), [head, tail])
        }))
    }

    /// Parquet: a unit is the rows that the batches have for a partition. Their number (u32, little-endian) and heads, then
    /// their values as a stream of Arrow's.
    fn deal_values(&self, batches: &[Batch], heads: &Heads, dealer: &mut Dealer) -> Result<(), TableError> {
        let Dealer { places, picks, picked, values, .. } = dealer;
        let kept: Vec<usize> = self.kept.iter().cloned().flatten().collect();
        let project = |batch: &RecordBatch| batch.project(&kept).map_err(|_| TableError::Unwritable);
        let batches: Vec<RecordBatch> =
            batches.iter().filter_map(Batch::values).map(project).collect::<Result<_, _>>()?;
        let batches: Vec<&RecordBatch> = batches.iter().collect();
        places.clear();
        let (mut heads_left, mut at) = (heads.framed(), 0);
        for (number, batch) in batches.iter().enumerate() {
            for row in 0..batch.num_rows() {
                let head = heads_left.next().expect("a head for each row");
                places.push((self.partition(head), at..at + head.len(), (number, row)));
                at += head.len();
            }
        }
        // By partition, and in it as they came.
        places.sort_unstable_by_key(|(partition, head, _)| (*partition, head.start));
        // At full size from the start: a vector that grows leaves copies behind.
        *picked = Zeroizing::new(Vec::with_capacity(heads.0.len()));
        for places in places.chunk_by(|one, next| one.0 == next.0) {
            picks.clear();
            picked.clear();
            values.clear();
            for (_, head, pick) in places {
                picks.push(*pick);
                picked.extend_from_slice(&heads.0[head.clone()]);
            }
            if !kept.is_empty() {
                pack(&gather(&batches, picks)?, values)?;
            }
            let count = (places.len() as u32).to_le_bytes();
            self.spill.add(std::iter::once((places[0].0, [&count[..], picked, values])))?;
        }
        Ok(())
    }

    /// The sort in which a partition that is too large for memory is divided; none of one that is not.
    pub fn divide(&self, partition: usize, dealer: &mut Dealer) -> Result<Option<Self>, TableError> {
        let size = self.spill.size(partition);
        if self.format == Format::Csv || self.kept.is_empty() || size <= LARGE {
            return Ok(None);
        }
        let bits = size.div_ceil(VALUES).clamp(2, MOST).next_power_of_two().trailing_zeros();
        let columns = self.kept.iter().map(Range::len).sum();
        let divided = Self {
            spill: self.spill.like(1 << bits, WORK),
            bits,
            before: self.before + self.bits,
            kept: std::iter::once(0..columns).collect(),
            format: self.format,
        };
        self.spill.drain(partition, |page| {
            for unit in units(page) {
                let (heads, values) = split_unit(unit);
                let mut own = Heads::default();
                reserve(&mut own.0, heads.len());
                own.0.extend_from_slice(heads);
                divided.deal_values(&[Batch::Parquet(unpack(values)?)], &own, dealer)?;
            }
            Ok(())
        })?;
        Ok(Some(divided))
    }

    /// Takes the pages of a partition, for [`Sort::sorted`].
    pub fn take(&self, partition: usize) -> Result<Vec<Page>, TableError> {
        self.spill.take(partition)
    }

    /// The rows in the pages of a partition, in the order of their keys.
    pub fn sorted<'a>(&'a self, pages: &'a [Page]) -> Result<Sorted<'a>, TableError> {
        let mut sorted = Sorted {
            sort: self,
            places: Vec::new(),
            rows: Vec::new(),
            picks: Vec::new(),
            batches: Vec::new(),
        };
        for unit in pages.iter().flat_map(|page| units(page)) {
            match self.format {
                Format::Csv => sorted.rows.push(unit),
                Format::Parquet => {
                    let (rows, mut left) = unit.split_first_chunk().expect("a unit begins with its rows");
                    for row in 0..u32::from_le_bytes(*rows) as usize {
                        sorted.rows.push(left);
                        sorted.picks.push((sorted.batches.len(), row));
                        left = split(left).1;
                    }
                    sorted.batches.extend((!left.is_empty()).then(|| unpack(left)).transpose()?);
                }
            }
        }
        for (row, bytes) in sorted.rows.iter().enumerate() {
            let key = u128::from_be_bytes(*split(bytes).0.first_chunk().expect("a head begins with a key"));
            // In halves: a number of 128 bits would be aligned, and take more room.
            sorted.places.push(Place((key >> 64) as u64, key as u64, row as u32));
        }
        sorted.places.sort_unstable();
        Ok(sorted)
    }
}

/// The heads of a unit of rows of a Parquet file, and their values.
fn split_unit(unit: &[u8]) -> (&[u8], &[u8]) {
    let (rows, all) = unit.split_first_chunk().expect("a unit begins with its rows");
    let mut values = all;
    for _ in 0..u32::from_le_bytes(*rows) {
        values = split(values).1;
    }
    all.split_at(all.len() - values.len())
}

/// Where a row is: its key, and the row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u64, u64, u32);

/// The rows of a partition in order.
pub struct Sorted<'a> {
    sort: &'a Sort,
    places: Vec<Place>,
    /// Of each row the head with its length before it, and what lies behind it: in CSV, the rest of the line.
    rows: Vec<&'a [u8]>,
    /// In Parquet: for each row its unit, and the row there; and the values of each unit, if columns are kept.
    picks: Vec<(usize, usize)>,
    batches: Vec<RecordBatch>,
}

impl<'a> Sorted<'a> {
    /// Where its rows are, in their order.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// How many rows are best taken at once.
    pub fn at_once(&self) -> usize {
        let columns = self.batches.iter().flat_map(RecordBatch::columns);
        // Without what is reserved: the columns of a batch lie in one buffer, which each would count.
        let sizes = columns.map(|column| column.to_data().get_slice_memory_size().unwrap_or(0));
        let bytes: usize = sizes.sum();
        (self.places.len() * VALUES as usize / bytes.max(1)).clamp(1, BATCH)
    }

    /// Puts the heads of some rows into `heads`, in their order. A partition may be larger than the processor's cache: they
    /// are all fetched together, rather than each one when its turn comes.
    pub fn heads(&self, places: &[Place], heads: &mut Heads) {
        heads.clear();
        let rows = places.iter().map(|place| self.rows[place.2 as usize]);
        let framed: Vec<&[u8]> = rows.map(|row| &row[..LENGTH + split(row).0.len()]).collect();
        reserve(&mut heads.0, framed.iter().map(|head| head.len()).sum());
        framed.iter().for_each(|head| heads.0.extend_from_slice(head));
    }

    /// What is kept of some rows beside their heads.
    pub fn kept(&self, places: &[Place]) -> Result<Kept<'a>, TableError> {
        Ok(match self.sort.format {
            _ if self.sort.kept.is_empty() => Kept::Nothing,
            Format::Csv => {
                Kept::Tails(places.iter().map(|place| split(self.rows[place.2 as usize]).1).collect())
            }
            Format::Parquet => {
                let picks: Vec<_> = places.iter().map(|place| self.picks[place.2 as usize]).collect();
                let batches: Vec<&RecordBatch> = self.batches.iter().collect();
                Kept::Values(Batch::Parquet(gather(&batches, &picks)?))
            }
        })
    }
}

/// What is kept of some rows.
pub enum Kept<'a> {
    /// Nothing.
    Nothing,
    /// In CSV, the rest of each line.
    Tails(Vec<&'a [u8]>),
    /// In Parquet, the values of columns.
    Values(Batch),
}

impl Kept<'_> {
    /// As the last columns of a file.
    pub fn values(&self) -> Option<Values<'_>> {
        match self {
            Self::Nothing => None,
            Self::Tails(tails) => Some(Values::Tails(tails)),
            Self::Values(batch) => {
                let columns = batch.values().map_or(0, RecordBatch::num_columns);
                Some(Values::Kept(batch, 0..columns))
            }
        }
    }
}

/// What a thread deals with.
pub struct Dealer {
    /// The rest of each row, in CSV, and where it ends.
    tails: Lines,
    ends: Vec<usize>,
    /// The rows of a block by partition, each with the place of its head, and as batch and row.
    places: Vec<(usize, Range<usize>, (usize, usize))>,
    picks: Vec<(usize, usize)>,
    /// The heads of a unit, and its values.
    picked: Zeroizing<Vec<u8>>,
    values: Vec<u8>,
}

impl Dealer {
    /// For a file whose fields are parted by `delimiter`.
    pub fn new(delimiter: u8) -> Self {
        Self {
            tails: Lines::new(delimiter),
            ends: Vec::new(),
            places: Vec::new(),
            picks: Vec::new(),
            picked: Zeroizing::default(),
            values: Vec::new(),
        }
    }
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
