//! The external sort: rows of a file in the order of a key of 128 bits, in bounded memory.
//!
//! Keys are spread evenly (indexes are random, codes look it), so rows are dealt by the first bits
//! of their key into partitions of about the same size, each of which is then sorted by itself, in
//! memory. Partitions follow one another in the order of the key, so there is nothing to merge:
//! dealing and sorting are each one pass through the pipeline.
//!
//! A row is a *head*, whose first 16 bytes are its key and the others, as many as they are, the
//! caller's ([`Heads`]), and the columns that are kept beside it: in CSV the rest of the line as it
//! will be written, in Parquet values of their own types.
//!
//! Memory: [`Effort::memory`](crate::effort::Effort) bytes, of which each thread has `WORK` for
//! what it works on and `Spill` the rest; there are no more threads than half of it feeds. Beyond
//! it, whatever the memory: one thread's work, and the smallest pages of all partitions, 64 MiB at
//! most. Files whose rows meet share the memory, and what comes of them has it too: what is taken
//! out of the ones makes room for the other, and there are pages of both.
//!
//! A partition that is far larger than foreseen, as of text that was compressed, is divided before
//! it is sorted.

mod alike;
mod heads;
mod lines;
mod values;

use std::hash::{BuildHasher, RandomState};
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use cstatns_base::secret::reserve;
use zeroize::Zeroizing;

use crate::csv::Lines;
use crate::effort::Effort;
use crate::encoding::Encoding;
use crate::error::TableError;
use crate::spill::{Spill, units};
use crate::table::{BATCH, Extent, Form, Stream};

use heads::{LENGTH, split};

pub use crate::spill::Page;
pub use alike::Apart;
pub use heads::{Heads, KEY, draw};

/// The rows of a partition of a Parquet file or a frame: a row group, with what chance adds.
pub const ROWS: u64 = 120_000;
/// The most memory that is taken of what is given, whatever the file, and so much more for each
/// byte of it.
const MEMORY: usize = 48 << 20;
const MEMORY_FOR_BYTE: usize = 256;
/// The most partitions.
const MOST: u64 = 16_384;
/// What a thread takes for a partition: it, its rows in order, and what they become.
const WORK: usize = 32 << 20;

/// The most bytes that are dealt at once.
const BLOCK: usize = 8 << 20;

/// A form of rows that can be sorted.
pub trait Sortable: Form {
    /// What lies beside the heads of a partition's rows, in its pages.
    type Beside<'a>: Default;
    /// Whether partitions are row groups: else they are small, and several make a piece.
    const GROUPS: bool;
    /// The bytes of a partition, in memory or as they stand in the file.
    const SIZE: u64;
    /// A partition that takes more is divided before it is sorted: rows of very different sizes are
    /// not foreseen, nor is what compressed text swells to.
    const LARGE: u64;

    /// How many partitions rows of this extent should have.
    fn partitions(extent: Extent) -> u64;

    /// How many rows are best dealt at once into so many partitions.
    fn wanted(partitions: usize) -> usize;

    /// Deals rows: see [`Sort::deal`].
    ///
    /// # Errors
    /// [`TableError`].
    fn deal(
        sort: &Sort<Self>,
        batches: &[Self],
        heads: &Heads,
        dealer: &mut Dealer,
    ) -> Result<(), TableError>;

    /// The columns that a partition keeps which is divided, of those that it kept; none where it
    /// cannot be divided.
    fn within(kept: &[Range<usize>]) -> Option<Vec<Range<usize>>>;

    /// Deals the rows of a page into another sort, which keeps all that they kept.
    ///
    /// # Errors
    /// [`TableError`].
    fn pour(page: &[u8], into: &Sort<Self>, dealer: &mut Dealer) -> Result<(), TableError>;

    /// The heads of what was added as one unit.
    fn heads(unit: &[u8]) -> impl Iterator<Item = &[u8]>;

    /// Reads what was added as one unit: each row's head, and what lies beside the heads.
    ///
    /// # Errors
    /// [`TableError`].
    fn read_unit<'a>(
        unit: &'a [u8],
        heads: &mut Vec<&'a [u8]>,
        beside: &mut Self::Beside<'a>,
    ) -> Result<(), TableError>;

    /// How many of the rows are best taken at once.
    fn at_once(rows: usize, beside: &Self::Beside<'_>) -> usize;

    /// What is kept of some rows beside their heads, where columns are kept.
    ///
    /// # Errors
    /// [`TableError`].
    fn kept<'a>(sorted: &Sorted<'a, Self>, places: &[Place]) -> Result<Self::Kept<'a>, TableError>;
}

/// Rows on their way through the sort.
pub struct Sort<F> {
    /// Where the partitions lie, from `first` on: several sorts may share it.
    spill: Arc<Spill>,
    first: usize,
    /// How many bits of the key say the partition, and how many come before them; or the same of a
    /// hash of the head.
    bits: u32,
    before: u32,
    hash: Option<RandomState>,
    /// The columns that are kept.
    kept: Vec<Range<usize>>,
    form: PhantomData<fn() -> F>,
}

impl<F: Sortable> Sort<F> {
    /// Of rows of this extent, of which the columns `kept` are kept beside the heads. Says too how
    /// many threads there is memory for. What does not fit in it is put aside beside the file
    /// `beside`.
    pub fn new(
        extent: Extent,
        kept: Vec<Range<usize>>,
        beside: &Path,
        effort: &Effort,
    ) -> (Self, NonZeroUsize) {
        let bits = bits(F::partitions(extent), MOST);
        let (memory, threads) = shares(extent, effort);
        let spill = Arc::new(Spill::new(1 << bits, memory, beside));
        (Self::of(&spill, 0, bits, kept), threads)
    }

    /// One whose partitions lie in `spill`, from `first` on.
    fn of(spill: &Arc<Spill>, first: usize, bits: u32, kept: Vec<Range<usize>>) -> Self {
        let kept = kept.into_iter().filter(|columns| !columns.is_empty()).collect();
        let (spill, form) = (spill.clone(), PhantomData);
        Self { spill, first, bits, before: 0, hash: None, kept, form }
    }

    /// How many partitions there are.
    pub fn partitions(&self) -> usize {
        1 << self.bits
    }

    /// Where in the spill the partition of a row is, whose head is at the beginning.
    fn partition(&self, framed: &[u8]) -> usize {
        let (head, _) = split(framed);
        let key = match &self.hash {
            None => u64::from_be_bytes(*head.first_chunk().expect("a head begins with a key")),
            Some(hash) => hash.hash_one(head),
        };
        self.first + ((u128::from(key << self.before) << self.bits) >> 64) as usize
    }

    /// Fills the first `filled` of `batches` with the next rows, as many as are best dealt at once;
    /// false at the end.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn fill(
        &self,
        stream: &mut Stream<F>,
        batches: &mut Vec<F>,
        filled: &mut usize,
    ) -> Result<bool, TableError> {
        // Each unit of a Parquet file has a price of its own.
        let wanted = F::wanted(self.partitions());
        let (mut rows, mut bytes) = (0, 0);
        *filled = 0;
        while *filled == 0 || (rows < wanted && bytes < BLOCK) {
            if batches.len() == *filled {
                batches.push(F::empty());
            }
            if !stream.fill(&mut batches[*filled], BATCH)? {
                break;
            }
            rows += batches[*filled].lines();
            bytes += batches[*filled].bytes();
            *filled += 1;
        }
        Ok(*filled > 0)
    }

    /// Deals rows into the partitions: those of `batches`, whose heads are `heads`, one after the
    /// other. Several threads may.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn deal(
        &self,
        batches: &[F],
        heads: &Heads,
        dealer: &mut Dealer,
    ) -> Result<(), TableError> {
        F::deal(self, batches, heads, dealer)
    }

    /// Whether a partition is too large for memory, so that it should be divided.
    pub fn is_large(&self, partition: usize) -> bool {
        self.spill.size(partition) > F::LARGE
    }

    /// The sort in which a partition that is too large for memory is divided; none of one that is
    /// not.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn divide(
        &self,
        partition: usize,
        dealer: &mut Dealer,
    ) -> Result<Option<Self>, TableError> {
        let size = self.size(partition);
        let Some(kept) = F::within(&self.kept).filter(|_| size > F::LARGE) else { return Ok(None) };
        let bits = bits(size.div_ceil(F::SIZE).max(2), MOST);
        let spill = Arc::new(self.spill.like(1 << bits, WORK));
        let mut divided = Self::of(&spill, 0, bits, kept);
        divided.before = self.before + self.bits;
        self.apart(partition).pour(&divided, dealer)?;
        Ok(Some(divided))
    }

    /// The bytes of a partition, as it lies there.
    pub fn size(&self, partition: usize) -> u64 {
        self.spill.size(self.first + partition)
    }

    /// Takes the pages of a partition, for [`Sort::sorted`].
    ///
    /// # Errors
    /// [`TableError`].
    pub fn take(&self, partition: usize) -> Result<Vec<Page>, TableError> {
        self.spill.take(self.first + partition)
    }

    /// The rows in the pages of a partition, in the order of their keys.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn sorted<'a>(&self, pages: &'a [Page]) -> Result<Sorted<'a, F>, TableError> {
        let mut sorted = Sorted {
            keeps: !self.kept.is_empty(),
            places: Vec::new(),
            heads: Vec::new(),
            beside: F::Beside::default(),
        };
        for unit in pages.iter().flat_map(|page| units(page)) {
            F::read_unit(unit, &mut sorted.heads, &mut sorted.beside)?;
        }
        let places = sorted.heads.iter().enumerate().map(|(row, head)| {
            let key = u128::from_be_bytes(*head.first_chunk().expect("a head begins with a key"));
            // In halves: a number of 128 bits would be aligned, and take more room.
            Place((key >> 64) as u64, key as u64, row as u32)
        });
        sorted.places = places.collect();
        // Half of a key says it all, but for rows alike.
        sorted.places.sort_unstable_by_key(|place| place.0);
        for alike in sorted.places.chunk_by_mut(|one, next| one.0 == next.0) {
            alike.sort_unstable();
        }
        Ok(sorted)
    }
}

/// How many bits say one of so many partitions, of which there are `most` at most, a power of two.
fn bits(partitions: u64, most: u64) -> u32 {
    partitions.clamp(1, most).next_power_of_two().trailing_zeros()
}

/// How much memory the spill has of rows of this extent, in bytes, and how many threads there is
/// memory for.
fn shares(extent: Extent, effort: &Effort) -> (usize, NonZeroUsize) {
    // What a small file swells to goes to the disk, though there were memory for it.
    let most = (extent.length as usize).saturating_mul(MEMORY_FOR_BYTE).saturating_add(MEMORY);
    let memory = effort.memory.min(most);
    let fed = NonZeroUsize::new(memory / 2 / WORK).unwrap_or(NonZeroUsize::MIN);
    let threads = effort.threads.min(fed);
    (memory.saturating_sub(threads.get() * WORK), threads)
}

/// Where a row is: its key, and the row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u64, u64, u32);

impl Place {
    /// The key, in halves.
    pub fn key(&self) -> (u64, u64) {
        (self.0, self.1)
    }
}

/// The rows of a partition in order.
pub struct Sorted<'a, F: Sortable> {
    keeps: bool,
    places: Vec<Place>,
    /// The head of each row, as they lie there.
    heads: Vec<&'a [u8]>,
    beside: F::Beside<'a>,
}

impl<'a, F: Sortable> Sorted<'a, F> {
    /// Where its rows are, in their order.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Rows of one key are in the order of the rest of their heads from now on.
    pub fn order_by_heads(&mut self) {
        let Self { places, heads, .. } = self;
        for alike in places.chunk_by_mut(|one, next| one.key() == next.key()) {
            if alike.len() > 1 {
                alike.sort_by_key(|place| heads[place.2 as usize]);
            }
        }
    }

    /// The head of a row.
    pub fn head(&self, place: Place) -> &'a [u8] {
        self.heads[place.2 as usize]
    }

    /// How many rows are best taken at once.
    pub fn at_once(&self) -> usize {
        F::at_once(self.places.len(), &self.beside)
    }

    /// Puts the heads of some rows into `heads`, in their order. A partition may be larger than the
    /// processor's cache: they are all fetched together, rather than each one when its turn comes.
    pub fn heads(&self, places: &[Place], heads: &mut Heads) {
        heads.clear();
        let own: Vec<&[u8]> = places.iter().map(|place| self.head(*place)).collect();
        reserve(&mut heads.0, own.iter().map(|head| LENGTH + head.len()).sum());
        for head in own {
            heads.0.extend_from_slice(&(head.len() as u32).to_le_bytes());
            heads.0.extend_from_slice(head);
        }
    }

    /// What is kept of some rows beside their heads.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn kept(&self, places: &[Place]) -> Result<F::Kept<'a>, TableError> {
        if self.keeps { F::kept(self, places) } else { Ok(F::nothing()) }
    }
}

/// What a thread deals with.
pub struct Dealer {
    /// The rest of each row, in CSV, and where it ends.
    tails: Lines,
    ends: Vec<usize>,
    /// The partition of each row of a block.
    partitions: Vec<u32>,
    /// By partition, in which batch and which row of it each row is, and the heads.
    picks: Vec<(usize, usize)>,
    picked: Zeroizing<Vec<u8>>,
    /// The values of a unit.
    values: Vec<u8>,
    /// The columns that are kept, where they stand elsewhere than in the first file.
    kept: Option<Vec<Range<usize>>>,
    /// What text is decoded from.
    encoding: Option<Encoding>,
}

impl Dealer {
    /// For a file whose fields are parted by `delimiter` once they are written.
    pub fn new(delimiter: u8) -> Self {
        Self {
            tails: Lines::new(delimiter),
            ends: Vec::new(),
            partitions: Vec::new(),
            picks: Vec::new(),
            picked: Zeroizing::default(),
            values: Vec::new(),
            kept: None,
            encoding: None,
        }
    }

    /// The same for one of several files, whose columns that are kept stand here.
    pub fn keeping(self, kept: Vec<Range<usize>>) -> Self {
        Self { kept: Some(kept), ..self }
    }

    /// The same for text in this encoding, which is to be in UTF-8 once it is written.
    pub fn decoding(self, encoding: Option<Encoding>) -> Self {
        // What is transcoded as it is read is UTF-8 already.
        Self { encoding: encoding.filter(|encoding| encoding.is_single()), ..self }
    }
}

#[cfg(test)]
mod tests;
