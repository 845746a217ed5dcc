//! Bytes in partitions: in memory while there is room, then encrypted on disk.
//!
//! It knows nothing of rows. What is added comes in units, and each comes back whole with the
//! others of its partition, in any order. Units lie one after the other in pages. A page that is
//! full stays in memory if there is room for another one; if there is not, it is sealed, written to
//! one file and used again. So what fits in memory never touches the disk, and of what does not
//! only the excess does.
//!
//! Pages are sealed with ChaCha20-Poly1305 under a key that is drawn for this run and kept in
//! memory alone. A page's nonce is its place in the file, which only grows, so that no nonce serves
//! twice, and a page found in another's place does not open. Places and tags stay in memory: the
//! file is nothing but ciphertext. It has no name ([`Scratch`]), so that it is gone when the run is
//! over, or the process, however that ends; what the disk still holds of it cannot be opened then.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce, Tag};
use cstatns_base::files::Scratch;
use cstatns_base::secret::Secret;
use zeroize::Zeroizing;

use crate::error::TableError;
use crate::pipeline::locked;

/// The size of a page, in bytes: large enough that a disk which must seek reads it at its pace. It
/// is smaller where the pages of all partitions would take more than half the memory that there is,
/// down to the second.
const PAGE: usize = 256 << 10;
const SMALLEST_PAGE: usize = 4 << 10;

/// The bytes of a partition, wiped when they are dropped.
pub(crate) type Page = Zeroizing<Vec<u8>>;

/// The units of a page.
pub(crate) fn units(mut page: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = page.split_first_chunk()?;
        let (unit, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
        page = rest;
        Some(unit)
    })
}

/// Pages on disk, in a file without a name.
pub(crate) struct Aside {
    key: Secret<32>,
    /// The file that it lies beside.
    beside: PathBuf,
    /// The file, once there is one, and where it ends.
    file: Mutex<(Option<Arc<Scratch>>, u64)>,
}

impl Aside {
    /// Beside the file `beside`, once something is put there.
    pub(crate) fn new(beside: &Path) -> Self {
        Self { key: Secret::random(), beside: beside.to_owned(), file: Mutex::default() }
    }

    /// Seals a page in place and writes it. Several threads may.
    pub(crate) fn put(&self, page: &mut [u8]) -> Result<Sealed, TableError> {
        let length = page.len();
        let (file, place) = {
            let mut held = locked(&self.file);
            let file = match &held.0 {
                Some(file) => file.clone(),
                None => held.0.insert(Arc::new(Scratch::create(&self.beside)?)).clone(),
            };
            let place = held.1;
            held.1 += length as u64;
            (file, place)
        };
        let tag = self
            .cipher()
            .encrypt_inout_detached(&nonce(place), b"", (&mut *page).into())
            .expect("a page is not too long for the cipher");
        file.write_at(page, place)?;
        Ok(Sealed { place, length, tag })
    }

    /// Reads a page.
    pub(crate) fn take(&self, sealed: &Sealed) -> Result<Page, TableError> {
        let Sealed { place, length, tag } = sealed;
        let file = locked(&self.file).0.clone();
        let mut page = Zeroizing::new(vec![0; *length]);
        file.as_ref().expect("a sealed page is in the file").read_at(&mut page, *place)?;
        self.cipher()
            .decrypt_inout_detached(&nonce(*place), b"", page.as_mut_slice().into(), tag)
            .map_err(|_| TableError::Spill { beside: self.beside.clone() })?;
        Ok(page)
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(self.key.expose().into())
    }
}

/// See the module.
pub(crate) struct Spill {
    aside: Aside,
    page: usize,
    memory: usize,
    held: Mutex<Held>,
}

/// What is where.
struct Held {
    partitions: Vec<Partition>,
    /// Pages that were written to the file and can be used again.
    free: Vec<Page>,
    /// The bytes of all pages that there are.
    taken: usize,
}

#[derive(Clone, Default)]
struct Partition {
    /// The page that units are added to.
    open: Page,
    full: Vec<Page>,
    sealed: Vec<Sealed>,
}

/// A page in the file.
#[derive(Clone)]
pub(crate) struct Sealed {
    place: u64,
    length: usize,
    tag: Tag,
}

impl Spill {
    /// Takes at most `memory` bytes, and a page for each partition where that is more. What does
    /// not fit goes to a file in the directory of the file `beside`.
    pub(crate) fn new(partitions: usize, memory: usize, beside: &Path) -> Self {
        let held =
            Held { partitions: vec![Partition::default(); partitions], free: Vec::new(), taken: 0 };
        Self {
            aside: Aside::new(beside),
            page: (memory / 2 / partitions).clamp(SMALLEST_PAGE, PAGE),
            memory,
            held: Mutex::new(held),
        }
    }

    /// Another one for a run within this one's.
    pub(crate) fn like(&self, partitions: usize, memory: usize) -> Self {
        Self::new(partitions, memory, &self.aside.beside)
    }

    /// The bytes of a partition.
    pub(crate) fn size(&self, partition: usize) -> u64 {
        let held = locked(&self.held);
        let Partition { open, full, sealed } = &held.partitions[partition];
        let pages = full.iter().chain([open]).map(|page| page.len());
        pages.chain(sealed.iter().map(|page| page.length)).map(|length| length as u64).sum()
    }

    /// Adds units, each with its partition and in parts that are joined. Several threads may.
    ///
    /// # Errors
    /// Where memory is used up, those of [`Scratch`], in the name of the file beside which it lies.
    ///
    /// # Panics
    /// When a unit has 4 GiB or more.
    pub(crate) fn add<'a, const PARTS: usize>(
        &self,
        units: impl Iterator<Item = (usize, [&'a [u8]; PARTS])>,
    ) -> Result<(), TableError> {
        let mut over = Vec::new();
        let mut held = locked(&self.held);
        for (partition, parts) in units {
            let length: usize = parts.iter().map(|part| part.len()).sum();
            let size = 4 + length;
            let length = u32::try_from(length).expect("less than 4 GiB").to_le_bytes();
            // One that is larger than a page has a page of its own, which is full.
            let is_large = size > self.page;
            let open = &held.partitions[partition].open;
            if is_large || open.capacity() - open.len() < size {
                let mut page = held.page(size, self.page);
                if is_large {
                    page.extend_from_slice(&length);
                    parts.iter().for_each(|part| page.extend_from_slice(part));
                } else {
                    std::mem::swap(&mut held.partitions[partition].open, &mut page);
                }
                if held.taken <= self.memory {
                    held.partitions[partition].full.push(page);
                } else if !page.is_empty() {
                    over.push((partition, page));
                }
            }
            if !is_large {
                let open = &mut held.partitions[partition].open;
                open.extend_from_slice(&length);
                parts.iter().for_each(|part| open.extend_from_slice(part));
            }
        }
        drop(held);
        over.into_iter().try_for_each(|(partition, page)| self.put_aside(partition, page))
    }

    /// Seals a page and writes it to the file, while other threads go on.
    fn put_aside(&self, partition: usize, mut page: Page) -> Result<(), TableError> {
        let sealed = self.aside.put(&mut page)?;
        page.clear();
        let mut held = locked(&self.held);
        held.partitions[partition].sealed.push(sealed);
        if page.capacity() == self.page {
            held.free.push(page);
        } else {
            held.taken -= page.capacity();
        }
        Ok(())
    }

    /// Takes a partition out, page by page. Several threads may.
    ///
    /// # Errors
    /// [`TableError::Spill`] when a page does not open; `file-io`.
    pub(crate) fn take(&self, partition: usize) -> Result<Vec<Page>, TableError> {
        self.apart(partition).into_iter().map(|part| self.read(part)).collect()
    }

    /// Takes a partition out and gives its pages one after the other; each is gone before the next
    /// one is read.
    ///
    /// # Errors
    /// As [`Spill::take`], and those of `page`.
    pub(crate) fn drain(
        &self,
        partition: usize,
        mut page: impl FnMut(&[u8]) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        self.apart(partition).into_iter().try_for_each(|part| page(&self.read(part)?))
    }

    /// Takes a partition out as it lies there: what is on disk stays there until it is read.
    /// Several threads may.
    pub(crate) fn apart(&self, partition: usize) -> Vec<Part> {
        let Partition { open, full, sealed } =
            std::mem::take(&mut locked(&self.held).partitions[partition]);
        let held = full.into_iter().chain([open]).filter(|page| !page.is_empty());
        held.map(Part::Held).chain(sealed.into_iter().map(Part::Sealed)).collect()
    }

    /// The page of a part that is not needed any more.
    ///
    /// # Errors
    /// As [`Spill::take`].
    pub(crate) fn read(&self, part: Part) -> Result<Page, TableError> {
        match part {
            Part::Held(page) => Ok(page),
            Part::Sealed(sealed) => self.aside.take(&sealed),
        }
    }

    /// The page of a part that is read again later: a copy.
    ///
    /// # Errors
    /// As [`Spill::take`].
    pub(crate) fn copy(&self, part: &Part) -> Result<Page, TableError> {
        match part {
            Part::Held(page) => Ok(page.clone()),
            Part::Sealed(sealed) => self.aside.take(sealed),
        }
    }
}

/// A page of a partition that was taken out.
pub(crate) enum Part {
    Held(Page),
    Sealed(Sealed),
}

impl Part {
    /// Its bytes.
    pub(crate) fn length(&self) -> usize {
        match self {
            Self::Held(page) => page.len(),
            Self::Sealed(sealed) => sealed.length,
        }
    }
}

impl Held {
    /// An empty page with room for a unit of `size` bytes: of the usual size, unless the unit is
    /// larger.
    fn page(&mut self, size: usize, usual: usize) -> Page {
        if size <= usual
            && let Some(page) = self.free.pop()
        {
            return page;
        }
        let page = Zeroizing::new(Vec::with_capacity(size.max(usual)));
        self.taken += page.capacity();
        page
    }
}

fn nonce(place: u64) -> Nonce {
    let mut nonce = Nonce::default();
    nonce[..8].copy_from_slice(&place.to_le_bytes());
    nonce
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::io::ErrorKind;

    use cstatns_base::files::faults;
    use proptest::prelude::*;

    use cstatns_base::coded::Coded as _;

    use super::*;

    const CANARY: &[u8] = b"117091320400164";

    fn place() -> (tempfile::TempDir, PathBuf) {
        let place = tempfile::tempdir().unwrap();
        let beside = place.path().join("request.csv");
        (place, beside)
    }

    /// The units of each partition, sorted.
    fn taken(spill: &Spill, partitions: usize) -> Vec<Vec<Vec<u8>>> {
        let of = |partition| {
            let pages = spill.take(partition).unwrap();
            let mut found: Vec<Vec<u8>> =
                pages.iter().flat_map(|page| units(page)).map(<[u8]>::to_vec).collect();
            found.sort();
            found
        };
        (0..partitions).map(of).collect()
    }

    /// A unit with the canary for each of two partitions, again and again; nothing of it fits in
    /// memory.
    fn fill(spill: &Spill) -> Result<(), TableError> {
        (0..2000_u32).try_for_each(|n| {
            spill.add(std::iter::once((n as usize % 2, [CANARY, &n.to_le_bytes()])))
        })
    }

    /// What is in the file.
    fn on_disk(spill: &Spill) -> Vec<u8> {
        let held = locked(&spill.aside.file);
        let mut bytes = vec![0; held.1 as usize];
        held.0.as_ref().unwrap().read_at(&mut bytes, 0).unwrap();
        bytes
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Whatever the sizes of the units, the memory and the number of threads: what is added
        /// comes back, each unit whole and in its partition.
        #[test]
        fn what_is_added_is_taken(
            added in proptest::collection::vec((0_usize..4, 0_usize..3000, any::<u8>()), 1..300),
            memory in prop_oneof![Just(0), 0_usize..400_000, Just(1 << 30)],
            at_once in 1_usize..20,
        ) {
            let (place, beside) = place();
            let spill = Spill::new(4, memory, &beside);
            let added: Vec<(usize, Vec<u8>)> =
                added.into_iter().map(|(partition, length, byte)| (partition, vec![byte; length * length / 1000])).collect();
            std::thread::scope(|scope| {
                for half in added.chunks(added.len().div_ceil(2)) {
                    let spill = &spill;
                    scope.spawn(move || {
                        for some in half.chunks(at_once) {
                            let parts = some.iter().map(|(partition, unit)| (*partition, unit.split_at(unit.len() / 3)));
                            spill.add(parts.map(|(partition, (one, two))| (partition, [one, two]))).unwrap();
                        }
                    });
                }
            });
            let mut expected: BTreeMap<usize, Vec<Vec<u8>>> = BTreeMap::new();
            added.iter().for_each(|(partition, unit)| expected.entry(*partition).or_default().push(unit.clone()));
            expected.values_mut().for_each(|units| units.sort());
            for (partition, found) in taken(&spill, 4).into_iter().enumerate() {
                prop_assert_eq!(found, expected.remove(&partition).unwrap_or_default());
            }
            // What there is room for does not touch the disk; the rest leaves no name there.
            prop_assert!(memory < 1 << 30 || locked(&spill.aside.file).0.is_none());
            prop_assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn memory_is_bounded_and_only_the_excess_is_on_disk() {
        let (_place, beside) = place();
        let spill = Spill::new(2, 1 << 20, &beside);
        let unit = [7; 1000];
        for n in 0..8000 {
            spill.add(std::iter::once((n % 2, [&unit[..]]))).unwrap();
            let held = locked(&spill.held);
            assert!(held.taken <= (1 << 20) + 2 * spill.page, "{}", held.taken);
        }
        let written = on_disk(&spill).len();
        let excess = 8000 * 1004 - (1 << 20);
        assert!((excess..excess + 4 * spill.page).contains(&written), "{written} of {excess}");
    }

    #[test]
    fn units_that_are_larger_than_pages_do_not_stay_in_memory() {
        let (_place, beside) = place();
        let spill = Spill::new(64, 0, &beside);
        let unit = vec![7; 1 << 20];
        for n in 0..128 {
            spill.add(std::iter::once((n % 64, [&unit[..]]))).unwrap();
            spill.add(std::iter::once((n % 64, [CANARY]))).unwrap();
            let held = locked(&spill.held);
            assert!(held.taken <= 64 * spill.page, "{}", held.taken);
        }
        for units in taken(&spill, 64) {
            assert!(units == [&unit, &unit, CANARY, CANARY]);
        }
    }

    #[test]
    fn the_file_shows_nothing_of_what_it_holds() {
        let (_place, beside) = place();
        let spill = Spill::new(2, 0, &beside);
        fill(&spill).unwrap();
        let shown = |bytes: &[u8]| bytes.windows(CANARY.len()).any(|window| window == CANARY);
        let bytes = on_disk(&spill);
        assert!(bytes.len() > 30_000);
        assert!(!shown(&bytes));
        // No two pages are sealed alike, though they hold the same.
        let same = |bytes: &[u8]| {
            let mut blocks: Vec<&[u8]> = bytes.chunks_exact(16).collect();
            blocks.sort_unstable();
            blocks.windows(2).any(|pair| pair[0] == pair[1])
        };
        assert!(!same(&bytes));
        // Both would be seen.
        let pages = spill.take(0).unwrap();
        assert!(pages.iter().any(|page| shown(page)));
        assert!(same(&[[1; 16], [2; 16], [1; 16]].concat()));
    }

    #[test]
    fn a_page_that_was_changed_or_moved_does_not_open() {
        let (_place, beside) = place();
        let spilled = || {
            let spill = Spill::new(2, 0, &beside);
            fill(&spill).unwrap();
            spill
        };
        let file = |spill: &Spill| locked(&spill.aside.file).0.clone().unwrap();
        let code =
            |spill: &Spill| (0..2).find_map(|of| spill.take(of).err()).map(|error| error.code());
        assert_eq!(code(&spilled()), None);
        for at in [0, 5000, on_disk(&spilled()).len() as u64 - 1] {
            let spill = spilled();
            let mut byte = [0];
            file(&spill).read_at(&mut byte, at).unwrap();
            file(&spill).write_at(&[byte[0] ^ 1], at).unwrap();
            assert_eq!(code(&spill), Some("spill-changed"), "{at}");
        }
        // Two pages of the same length, each in the other's place.
        let spill = spilled();
        let bytes = on_disk(&spill);
        let (one, two) = {
            let held = locked(&spill.held);
            let [one, two, ..] = &held.partitions[0].sealed[..] else { panic!("pages") };
            assert_eq!(one.length, two.length);
            (one.clone(), two.clone())
        };
        let of = |page: &Sealed| &bytes[page.place as usize..][..page.length];
        file(&spill).write_at(of(&two), one.place).unwrap();
        file(&spill).write_at(of(&one), two.place).unwrap();
        assert_eq!(code(&spill), Some("spill-changed"));
        // What another run wrote there.
        let (spill, other) = (spilled(), spilled());
        file(&spill).write_at(&on_disk(&other), 0).unwrap();
        assert_eq!(code(&spill), Some("spill-changed"));
    }

    #[test]
    fn a_full_disk_is_one_error_and_leaves_nothing() {
        let (place, beside) = place();
        let steps = faults::count(place.path(), || fill(&Spill::new(2, 0, &beside)).unwrap());
        assert!(steps > 5, "{steps}");
        for step in 0..steps {
            let run = || fill(&Spill::new(2, 0, &beside));
            let error =
                faults::fail_at(place.path(), step, ErrorKind::StorageFull, run).unwrap_err();
            assert_eq!(error.code(), "disk-full");
            assert!(error.to_string().contains("request.csv"), "{error}");
            assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        }
    }
}
