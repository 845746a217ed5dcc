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

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce, Tag};
use cstatns_base::files::Scratch;
use cstatns_base::secret::{Secret, wipe};

use crate::error::TableError;
use crate::pipeline::locked;

/// The size of a page, in bytes: large enough that a disk which must seek reads it at its pace. It
/// is smaller where the pages of all partitions would take more than half the memory that there is,
/// down to the second.
const PAGE: usize = 256 << 10;
const SMALLEST_PAGE: usize = 4 << 10;

/// What the pages of several spills take together, in bytes.
struct Memory {
    taken: AtomicUsize,
    limit: usize,
}

/// Bytes of a partition, wiped when they are dropped. What they took of a memory is free then.
pub struct Page {
    bytes: Vec<u8>,
    of: Option<Arc<Memory>>,
}

impl Page {
    /// An empty one with so much room.
    fn new(size: usize, of: Option<Arc<Memory>>) -> Self {
        let bytes = Vec::with_capacity(size);
        if let Some(memory) = &of {
            memory.taken.fetch_add(bytes.capacity(), Ordering::Relaxed);
        }
        Self { bytes, of }
    }

    /// Adds a unit, with its length before it.
    fn push<const PARTS: usize>(&mut self, parts: [&[u8]; PARTS]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let length = u32::try_from(length).expect("less than 4 GiB");
        self.bytes.extend_from_slice(&length.to_le_bytes());
        parts.iter().for_each(|part| self.bytes.extend_from_slice(part));
    }

    /// Whether there is room for so many bytes.
    fn has_room(&self, size: usize) -> bool {
        self.bytes.capacity() - self.bytes.len() >= size
    }
}

impl Deref for Page {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if let Some(memory) = &self.of {
            memory.taken.fetch_sub(self.bytes.capacity(), Ordering::Relaxed);
        }
        wipe(&mut self.bytes);
    }
}

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
        let mut page = Page { bytes: vec![0; *length], of: None };
        file.as_ref().expect("a sealed page is in the file").read_at(&mut page.bytes, *place)?;
        self.cipher()
            .decrypt_inout_detached(&nonce(*place), b"", page.bytes.as_mut_slice().into(), tag)
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
    memory: Arc<Memory>,
    /// How much of the memory may be taken before pages are put aside.
    limit: usize,
    held: Mutex<Held>,
}

/// What is where.
struct Held {
    partitions: Vec<Partition>,
    /// Pages that were written to the file and can be used again.
    free: Vec<Page>,
}

#[derive(Default)]
struct Partition {
    /// The page that units are added to, once there are any.
    open: Option<Page>,
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
        let memory = Arc::new(Memory { taken: AtomicUsize::new(0), limit: memory });
        Self::within(partitions, &memory, memory.limit, beside)
    }

    /// Another one for a run within this one's.
    pub(crate) fn like(&self, partitions: usize, memory: usize) -> Self {
        Self::new(partitions, memory, &self.aside.beside)
    }

    /// Another one, out of which units go on into this one: they share the memory, and this one
    /// has a page for each of its partitions whatever the other takes.
    pub(crate) fn before(&self, partitions: usize) -> Self {
        let own = self.page * locked(&self.held).partitions.len();
        let limit = self.memory.limit.saturating_sub(own);
        Self::within(partitions, &self.memory, limit, &self.aside.beside)
    }

    fn within(partitions: usize, memory: &Arc<Memory>, limit: usize, beside: &Path) -> Self {
        let held = Held {
            partitions: (0..partitions).map(|_| Partition::default()).collect(),
            free: Vec::new(),
        };
        Self {
            aside: Aside::new(beside),
            page: (limit / 2 / partitions).clamp(SMALLEST_PAGE, PAGE),
            memory: memory.clone(),
            limit,
            held: Mutex::new(held),
        }
    }

    /// The bytes of a partition.
    pub(crate) fn size(&self, partition: usize) -> u64 {
        let held = locked(&self.held);
        let Partition { open, full, sealed } = &held.partitions[partition];
        let pages = full.iter().chain(open).map(|page| page.len());
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
            let size = 4 + parts.iter().map(|part| part.len()).sum::<usize>();
            // One that is larger than a page has a page of its own, which is full.
            let is_large = size > self.page;
            let open = held.partitions[partition].open.as_mut();
            if let Some(open) = open.filter(|open| !is_large && open.has_room(size)) {
                open.push(parts);
                continue;
            }
            let mut page = self.empty(&mut held, size);
            page.push(parts);
            let own = &mut held.partitions[partition];
            let full = if is_large { Some(page) } else { own.open.replace(page) };
            match self.memory.taken.load(Ordering::Relaxed) <= self.limit {
                true => own.full.extend(full),
                false => over.extend(full.map(|page| (partition, page))),
            }
        }
        drop(held);
        over.into_iter().try_for_each(|(partition, page)| self.put_aside(partition, page))
    }

    /// Adds a unit of many bytes as [`Spill::add`] does: they are copied while other threads go on.
    ///
    /// # Errors
    /// # Panics
    /// As [`Spill::add`].
    pub(crate) fn add_long<const PARTS: usize>(
        &self,
        partition: usize,
        parts: [&[u8]; PARTS],
    ) -> Result<(), TableError> {
        let size = 4 + parts.iter().map(|part| part.len()).sum::<usize>();
        // One that is larger than a page has a page of its own, which is full.
        let is_large = size > self.page;
        let open = match is_large {
            true => None,
            false => locked(&self.held).partitions[partition].open.take(),
        };
        let (open, full) = match open {
            Some(open) if open.has_room(size) => (Some(open), None),
            full => (None, full),
        };
        let mut page = open.unwrap_or_else(|| self.empty(&mut locked(&self.held), size));
        page.push(parts);
        let mut held = locked(&self.held);
        let own = &mut held.partitions[partition];
        // Another thread may have opened a page meanwhile.
        let more = if is_large { Some(page) } else { own.open.replace(page) };
        let full = full.into_iter().chain(more);
        if self.memory.taken.load(Ordering::Relaxed) <= self.limit {
            own.full.extend(full);
            return Ok(());
        }
        drop(held);
        full.into_iter().try_for_each(|page| self.put_aside(partition, page))
    }

    /// Seals a page and writes it to the file, while other threads go on.
    fn put_aside(&self, partition: usize, mut page: Page) -> Result<(), TableError> {
        let sealed = self.aside.put(&mut page.bytes)?;
        page.bytes.clear();
        let mut held = locked(&self.held);
        held.partitions[partition].sealed.push(sealed);
        if page.bytes.capacity() == self.page {
            held.free.push(page);
        }
        Ok(())
    }

    /// An empty page with room for a unit of `size` bytes: of the usual size, unless the unit is
    /// larger.
    fn empty(&self, held: &mut Held, size: usize) -> Page {
        let free = if size <= self.page { held.free.pop() } else { None };
        free.unwrap_or_else(|| Page::new(size.max(self.page), Some(self.memory.clone())))
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
        let held = full.into_iter().chain(open);
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
            Part::Held(page) => Ok(Page { bytes: page.to_vec(), of: None }),
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

fn nonce(place: u64) -> Nonce {
    let mut nonce = Nonce::default();
    nonce[..8].copy_from_slice(&place.to_le_bytes());
    nonce
}

#[cfg(test)]
mod tests;
