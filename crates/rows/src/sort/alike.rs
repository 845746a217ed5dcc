//! Several files whose rows are dealt alike, so that those of one key can be found in all of them.

use std::hash::RandomState;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::{Dealer, MOST, Sort, Sortable, WORK, bits, shares};
use crate::effort::Effort;
use crate::error::TableError;
use crate::spill::{Page, Part, Spill, units};
use crate::table::Extent;

impl<F: Sortable> Sort<F> {
    /// One for each of these files, of each of which columns are kept, as [`Sort::new`] has it.
    /// They share the memory and have the same number of partitions: a row lies in that of the same
    /// number, whichever file it is of.
    pub fn several(
        files: Vec<(Extent, Vec<Range<usize>>)>,
        beside: &Path,
        effort: &Effort,
    ) -> (Vec<Self>, NonZeroUsize) {
        let (memory, threads) = shares(together(&files), effort);
        (Self::alike(files, |partitions| Spill::new(partitions, memory, beside)), threads)
    }

    /// The same of files whose rows go on into this sort, partition by partition: they share its
    /// memory, so that what is taken out of them makes room for what comes of it.
    pub fn before(&self, files: Vec<(Extent, Vec<Range<usize>>)>) -> Vec<Self> {
        Self::alike(files, |partitions| self.spill.before(partitions))
    }

    fn alike(
        files: Vec<(Extent, Vec<Range<usize>>)>,
        spill: impl FnOnce(usize) -> Spill,
    ) -> Vec<Self> {
        let bits = bits(F::partitions(together(&files)), most(files.len()));
        let spill = Arc::new(spill(files.len() << bits));
        let kept = files.into_iter().map(|(_, kept)| kept);
        kept.enumerate().map(|(file, kept)| Self::of(&spill, file << bits, bits, kept)).collect()
    }

    /// Takes a partition out, to be gone through as often as need be.
    pub fn apart(&self, partition: usize) -> Apart {
        Apart { spill: self.spill.clone(), parts: self.spill.apart(self.first + partition) }
    }

    /// Divides what was taken out of these sorts, which were made together, one partition of each:
    /// all alike, by a hash of their heads under a key of its own. So rows of one head stay
    /// together, and nobody can make rows whose heads lie side by side whatever is done.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn divide_alike(
        sorts: &[Self],
        taken: Vec<Apart>,
        dealer: &mut Dealer,
    ) -> Result<Vec<Self>, TableError> {
        let size: u64 = taken.iter().map(Apart::bytes).sum();
        let bits = bits(size.div_ceil(F::SIZE).max(DIVIDED), most(sorts.len()));
        let (hash, first) = (RandomState::new(), &sorts[0].spill);
        let spill = Arc::new(first.like(sorts.len() << bits, WORK));
        let mut divided = Vec::new();
        for (taken, sort) in taken.into_iter().zip(sorts) {
            let kept = F::within(&sort.kept).unwrap_or_default();
            let mut sort = Self::of(&spill, divided.len() << bits, bits, kept);
            sort.hash = Some(hash.clone());
            taken.pour(&sort, dealer)?;
            divided.push(sort);
        }
        Ok(divided)
    }
}

/// A partition is divided into so many parts at least: where one head has nearly all rows of it,
/// few of the others stay with them.
const DIVIDED: u64 = 64;

/// The extent of all files.
fn together(files: &[(Extent, Vec<Range<usize>>)]) -> Extent {
    let mut whole = Extent::default();
    for (extent, _) in files {
        whole.rows = whole.rows.saturating_add(extent.rows);
        whole.length = whole.length.saturating_add(extent.length);
        whole.bytes = whole.bytes.saturating_add(extent.bytes);
    }
    whole
}

/// The most partitions of so many files.
fn most(files: usize) -> u64 {
    (MOST / files.next_power_of_two() as u64).max(2)
}

/// A partition that was taken out: it lies where it lay, some of it perhaps on disk.
pub struct Apart {
    spill: Arc<Spill>,
    parts: Vec<Part>,
}

impl Apart {
    /// Its bytes.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.length() as u64).sum()
    }

    /// How many rows there are, all with the head `one`, which is that of the first one if there is
    /// none yet; none where one has another head.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn count_of<F: Sortable>(
        &self,
        one: &mut Option<Vec<u8>>,
    ) -> Result<Option<u64>, TableError> {
        let mut rows = 0;
        for part in &self.parts {
            let page = self.spill.copy(part)?;
            for head in units(&page).flat_map(F::heads) {
                if *head != **one.get_or_insert_with(|| head.to_vec()) {
                    return Ok(None);
                }
                rows += 1;
            }
        }
        Ok(Some(rows))
    }

    /// Runs of its pages, each of `size` bytes at most, or of one page.
    pub fn runs(&self, size: usize) -> Vec<Range<usize>> {
        let (mut runs, mut bytes) = (Vec::<Range<usize>>::new(), 0);
        for (at, part) in self.parts.iter().enumerate() {
            bytes += part.length();
            match runs.last_mut().filter(|_| bytes <= size) {
                Some(run) => run.end = at + 1,
                None => {
                    bytes = part.length();
                    runs.push(at..at + 1);
                }
            }
        }
        runs
    }

    /// The pages of a run, for [`Sort::sorted`].
    ///
    /// # Errors
    /// [`TableError`].
    pub fn pages(&self, run: Range<usize>) -> Result<Vec<Page>, TableError> {
        self.parts[run].iter().map(|part| self.spill.copy(part)).collect()
    }

    /// Deals its rows into another sort; each page is gone before the next one is read.
    pub(super) fn pour<F: Sortable>(
        self,
        into: &Sort<F>,
        dealer: &mut Dealer,
    ) -> Result<(), TableError> {
        let Self { spill, parts } = self;
        parts.into_iter().try_for_each(|part| F::pour(&spill.read(part)?, into, dealer))
    }
}

#[cfg(test)]
mod tests;
