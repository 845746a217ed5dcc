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
//! Memory: [`Effort::memory`](crate::Effort) bytes, of which each thread has [`WORK`] for what it works on and [`Spill`]
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
use cstatns::secret::reserve;
use zeroize::Zeroizing;

use crate::csv::Lines;
use crate::effort::Effort;
use crate::sink::Values;
use crate::spill::{Page, Spill, units};
use crate::error::TableError;
use crate::table::{BATCH, Batch, Extent, Format, Source};

/// The bytes of a partition of a CSV file, as they stand there: its rows are picked one by one, so they should stay in the
/// processor's cache.
const LINES: u64 = 1 << 20;
/// The rows of a partition of a Parquet file, and the bytes that they take in memory: a row group, with what chance adds.
pub(crate) const ROWS: u64 = 120_000;
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
pub(crate) const KEY: usize = 16;

/// The heads of rows, one behind the other, each with its length (u32, little-endian) before it. They are wiped, also
/// where they move to a larger place.
#[derive(Default)]
pub(crate) struct Heads(Zeroizing<Vec<u8>>);

/// The bytes of a head's length.
const LENGTH: usize = 4;

impl Heads {
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds a head of zeros for a key and `rest` bytes, which are for the caller to append to what is returned.
    pub(crate) fn add(&mut self, rest: usize) -> &mut Vec<u8> {
        reserve(&mut self.0, LENGTH + KEY + rest);
        self.0.extend_from_slice(&((KEY + rest) as u32).to_le_bytes());
        self.0.extend_from_slice(&[0; KEY]);
        &mut self.0
    }

    /// Each head, without its length.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.framed().map(|framed| &framed[LENGTH..])
    }

    pub(crate) fn count(&self) -> usize {
        self.framed().count()
    }

    /// Gives the heads these keys.
    pub(crate) fn set(&mut self, keys: &[u8]) {
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
pub(crate) struct Sort {
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
    pub(crate) fn new(
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

    pub(crate) fn partitions(&self) -> usize {
        1 << self.bits
    }

    fn partition(&self, framed: &[u8]) -> usize {
        let first = u64::from_be_bytes(*split(framed).0.first_chunk().expect("a head begins with a key"));
        ((u128::from(first << self.before) << self.bits) >> 64) as usize
    }

    /// Fills the first `filled` of `batches` with the next rows of the source, as many as are best dealt at once; false at
    /// the end of the file.
    pub(crate) fn fill(
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
    pub(crate) fn deal(
        &self,
        batches: &[Batch],
        heads: &Heads,
        dealer: &mut Dealer,
    ) -> Result<(), TableError> {
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
    pub(crate) fn divide(&self, partition: usize, dealer: &mut Dealer) -> Result<Option<Self>, TableError> {
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
    pub(crate) fn take(&self, partition: usize) -> Result<Vec<Page>, TableError> {
        self.spill.take(partition)
    }

    /// The rows in the pages of a partition, in the order of their keys.
    pub(crate) fn sorted<'a>(&'a self, pages: &'a [Page]) -> Result<Sorted<'a>, TableError> {
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
pub(crate) struct Place(u64, u64, u32);

/// The rows of a partition in order.
pub(crate) struct Sorted<'a> {
    sort: &'a Sort,
    places: Vec<Place>,
    /// Of each row the head with its length before it, and what lies behind it: in CSV, the rest of the line.
    rows: Vec<&'a [u8]>,
    /// In Parquet: for each row its unit, and the row there; and the values of each unit, if columns are kept.
    picks: Vec<(usize, usize)>,
    batches: Vec<RecordBatch>,
}

impl<'a> Sorted<'a> {
    pub(crate) fn places(&self) -> &[Place] {
        &self.places
    }

    /// How many rows are best taken at once.
    pub(crate) fn at_once(&self) -> usize {
        let columns = self.batches.iter().flat_map(RecordBatch::columns);
        // Without what is reserved: the columns of a batch lie in one buffer, which each would count.
        let sizes = columns.map(|column| column.to_data().get_slice_memory_size().unwrap_or(0));
        let bytes: usize = sizes.sum();
        (self.places.len() * VALUES as usize / bytes.max(1)).clamp(1, BATCH)
    }

    /// Puts the heads of some rows into `heads`, in their order. A partition may be larger than the processor's cache: they
    /// are all fetched together, rather than each one when its turn comes.
    pub(crate) fn heads(&self, places: &[Place], heads: &mut Heads) {
        heads.clear();
        let rows = places.iter().map(|place| self.rows[place.2 as usize]);
        let framed: Vec<&[u8]> = rows.map(|row| &row[..LENGTH + split(row).0.len()]).collect();
        reserve(&mut heads.0, framed.iter().map(|head| head.len()).sum());
        framed.iter().for_each(|head| heads.0.extend_from_slice(head));
    }

    /// What is kept of some rows beside their heads.
    pub(crate) fn kept(&self, places: &[Place]) -> Result<Kept<'a>, TableError> {
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
pub(crate) enum Kept<'a> {
    Nothing,
    Tails(Vec<&'a [u8]>),
    Values(Batch),
}

impl Kept<'_> {
    /// As the last columns of a file.
    pub(crate) fn values(&self) -> Option<Values<'_>> {
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
pub(crate) struct Dealer {
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
    pub(crate) fn new(delimiter: u8) -> Self {
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
mod tests {
    use std::fs::File;
    use std::sync::Arc;

    use ::parquet::arrow::ArrowWriter;
    use arrow_array::cast::AsArray;
    use arrow_array::{ArrayRef, StringArray};
    use proptest::prelude::*;

    use super::*;
    use crate::csv::Delimiter;

    /// Rows of three cells each.
    type Rows = Vec<(u128, [String; 3])>;

    fn rows() -> impl Strategy<Value = Rows> {
        let cell = || proptest::string::string_regex("[a-z\",;\n]{0,6}").unwrap();
        // Some keys differ in their last bits only, and lie in different units all the same.
        let key = prop_oneof![any::<u128>(), (0..40_u128).prop_map(|low| (0xabcd << 112) | low)];
        let rows = proptest::collection::vec((key, [cell(), cell(), cell()]), 1..400);
        rows.prop_map(|mut rows: Rows| {
            let mut keys = std::collections::HashSet::new();
            rows.retain(|(key, _)| keys.insert(*key));
            rows
        })
    }

    fn write(path: &Path, rows: &Rows) {
        if Format::of(path).unwrap() == Format::Csv {
            let mut lines = Lines::new(b',');
            ["a", "b", "c"].iter().for_each(|name| lines.field(name.as_bytes()));
            lines.end_row();
            for (_, cells) in rows {
                cells.iter().for_each(|cell| lines.field(cell.as_bytes()));
                lines.end_row();
            }
            return std::fs::write(path, lines.bytes()).unwrap();
        }
        let column = |at: usize| -> ArrayRef {
            Arc::new(rows.iter().map(|(_, cells)| Some(&cells[at])).collect::<StringArray>())
        };
        let columns = ["a", "b", "c"].into_iter().zip(0..).map(|(name, at)| (name, column(at)));
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    /// The numbers of the rows in the order of the sort, and what was kept of each.
    fn all(sort: &Sort) -> Vec<(usize, Vec<String>)> {
        let mut found = Vec::new();
        let mut heads = Heads::default();
        for partition in 0..sort.partitions() {
            let pages = sort.take(partition).unwrap();
            let sorted = sort.sorted(&pages).unwrap();
            for places in sorted.places().chunks(7) {
                let kept = sorted.kept(places).unwrap();
                sorted.heads(places, &mut heads);
                assert_eq!(heads.count(), places.len());
                for (at, head) in heads.iter().enumerate() {
                    // A head here: the key, the number of the row, and more of some.
                    let number = head[KEY..][..4].try_into().unwrap();
                    assert_eq!(head.len(), KEY + 4 + u32::from_le_bytes(number) as usize % 5);
                    let kept = match &kept {
                        Kept::Nothing => Vec::new(),
                        Kept::Tails(tails) => vec![String::from_utf8(tails[at].to_vec()).unwrap()],
                        Kept::Values(batch) => {
                            let columns = batch.values().unwrap().columns().iter();
                            columns.map(|column| column.as_string::<i32>().value(at).to_owned()).collect()
                        }
                    };
                    found.push((u32::from_le_bytes(number) as usize, kept));
                }
            }
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// The same as a sort in memory, whatever is dealt at once, kept, and put aside.
        #[test]
        fn rows_come_in_the_order_of_their_keys_with_what_belongs_to_them(
            rows in rows(),
            is_csv: bool,
            limit in 1_usize..200,
            at_once in 1_usize..4,
            extent in prop_oneof![Just(0), Just(40 << 20), Just(400 << 20)],
            spills: bool,
            kept in prop_oneof![Just(vec![0..1, 2..3]), Just(vec![0..0, 1..3]), Just(vec![0..0, 3..3])],
        ) {
            let place = tempfile::tempdir().unwrap();
            let path = place.path().join(if is_csv { "d.csv" } else { "d.parquet" });
            write(&path, &rows);
            let mut source = Source::open(&path, Delimiter::Given(b',')).unwrap();
            let extent = Extent { rows: 0, length: u64::MAX, bytes: extent };
            let effort = Effort { memory: if spills { 0 } else { 1 << 30 }, ..Effort::default() };
            let format = Format::of(&path).unwrap();
            let (sort, _) = Sort::new(format, extent, kept.clone(), &place.path().join("r.csv"), &effort);

            let mut dealer = Dealer::new(b',');
            let mut number = 0;
            loop {
                let mut batches = Vec::new();
                for _ in 0..at_once {
                    let mut batch = Batch::None;
                    if !source.fill(&mut batch, limit).unwrap() {
                        break;
                    }
                    batch.split(&path).unwrap();
                    batches.push(batch);
                }
                if batches.is_empty() {
                    break;
                }
                let (mut heads, mut keys) = (Heads::default(), Vec::new());
                for _ in 0..batches.iter().map(Batch::rows).sum() {
                    keys.extend_from_slice(&rows[number].0.to_be_bytes());
                    let head = heads.add(4 + number % 5);
                    head.extend_from_slice(&(number as u32).to_le_bytes());
                    head.extend_from_slice(&[7; 4][..number % 5]);
                    number += 1;
                }
                prop_assert_eq!(KEY * heads.count(), keys.len());
                heads.set(&keys);
                sort.deal(&batches, &heads, &mut dealer).unwrap();
            }
            prop_assert_eq!(number, rows.len());

            let mut expected: Vec<usize> = (0..rows.len()).collect();
            expected.sort_by_key(|number| rows[*number].0);
            let of = |number: usize| {
                let cells = kept.iter().cloned().flatten().map(|column| &rows[number].1[column]);
                if !is_csv || cells.clone().count() == 0 {
                    return cells.cloned().collect();
                }
                let mut lines = Lines::new(b',');
                cells.for_each(|cell| lines.field(cell.as_bytes()));
                vec![String::from_utf8(lines.bytes().to_vec()).unwrap()]
            };
            let expected: Vec<(usize, Vec<String>)> =
                expected.into_iter().map(|number| (number, of(number))).collect();
            prop_assert_eq!(all(&sort), expected);
        }
    }

    #[test]
    fn partitions_are_as_many_as_the_file_is_large() {
        let partitions = |format, rows, bytes| {
            let extent = Extent { rows, length: u64::MAX, bytes };
            Sort::new(format, extent, Vec::new(), Path::new("r"), &Effort::default()).0.partitions()
        };
        assert_eq!(partitions(Format::Csv, 0, 0), 1);
        assert_eq!(partitions(Format::Csv, 0, 1 << 20), 1);
        assert_eq!(partitions(Format::Csv, 0, (1 << 20) + 1), 2);
        assert_eq!(partitions(Format::Csv, 0, 17 << 30), 16_384);
        assert_eq!(partitions(Format::Parquet, 120_000, 0), 1);
        assert_eq!(partitions(Format::Parquet, 113_000_000, 0), 1024);
        // Wide rows.
        assert_eq!(partitions(Format::Parquet, 1_000_000, 1 << 30), 128);
        assert_eq!(partitions(Format::Parquet, 1, u64::MAX), 16_384);
    }

    #[test]
    fn there_are_no_more_threads_than_memory_feeds() {
        let threads = |threads, memory| {
            let effort = Effort { threads: NonZeroUsize::new(threads).unwrap(), memory, ..Effort::default() };
            let extent = Extent { rows: 0, length: u64::MAX, bytes: 0 };
            Sort::new(Format::Csv, extent, Vec::new(), Path::new("r"), &effort).1.get()
        };
        assert_eq!([threads(1, 0), threads(8, 0), threads(8, 64 << 20), threads(8, 1 << 30)], [1, 1, 1, 8]);
        assert_eq!(threads(64, 1 << 30), 16);
    }
}
