//! The index on disk, opened by memory map.

use std::fs::File;
use std::path::{Path, PathBuf};

use cstatns_base::civil_status::Years;
use cstatns_base::civil_status::normalise::is_partial;
use cstatns_base::files::{self, FileError};
use cstatns_base::look_up::register_commitment;
use cstatns_base::name::Hex;
use memmap2::Mmap;
use sha2::{Digest, Sha256};

use crate::layout::{Counts, DIGEST, FOOTER, HEADER, KEY, MAGIC, Row, Sections, VERSION, header};
use crate::places::Places;

/// A register's index, open for look-ups. It can be shared between threads. It has no `Debug`.
pub struct Index {
    path: PathBuf,
    /// What is brought up to date is the file that was read: see
    /// [`Builder::update`](crate::Builder::update).
    file: File,
    map: Mmap,
    id: [u8; 16],
    commitment: Hex<32>,
    pub(crate) counts: Counts,
    sections: Sections,
    pub(crate) places: Places,
    years: Years,
}

/// Why an index was not opened or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The file itself: [`FileError`].
    #[error(transparent)]
    File(#[from] FileError),
    /// `not-a-register`: another kind of file.
    #[error("{path:?} is not the index of a register")]
    Other {
        /// The file.
        path: PathBuf,
    },
    /// `register-version`: an index of another format version.
    #[error("{path:?} is an index of format {found}, this version reads format {VERSION}")]
    Version {
        /// The file.
        path: PathBuf,
        /// Its format version.
        found: u32,
    },
    /// `register-damaged`: the bytes are not those that were written.
    #[error("{path:?} is damaged or truncated")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

cstatns_base::coded!(IndexError {
    Self::File(error) => (error),
    Self::Other { path } => ("not-a-register", Input, [path]),
    Self::Version { path, found } => ("register-version", Input, [path, found]),
    Self::Damaged { path } => ("register-damaged", Machine, [path]),
});

/// What an index holds: counts, never a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The rows: one for each name and identifier that a person has or had.
    pub rows: u64,
    /// The people.
    pub people: u64,
    /// The distinct identifiers.
    pub identifiers: u64,
    /// The blocking keys, by which rows are found.
    pub blocking_keys: u64,
    /// The names and former codes of communes.
    pub places: u64,
    /// The rows with a usage name.
    pub with_usage_name: u64,
    /// The rows whose day or month of birth is unknown.
    pub with_partial_date: u64,
    /// The rows without a date of birth, which no look-up finds.
    pub without_date: u64,
    /// The rows without first names.
    pub without_first_names: u64,
    /// The rows without a sex.
    pub without_sex: u64,
    /// The rows without a code or a name of the place of birth.
    pub without_place: u64,
}

impl Index {
    /// Opens the index at `path` and reads it through once: every byte is checked.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        let damaged = || IndexError::Damaged { path: path.to_owned() };
        let file = files::open_to_read(path)?;
        let map = map(&file).map_err(|error| FileError::from_io(path, &error))?;
        if !map.starts_with(&MAGIC) {
            return Err(IndexError::Other { path: path.to_owned() });
        }
        let (start, _) = map.split_first_chunk::<HEADER>().ok_or_else(damaged)?;
        let (version, id) = (&start[MAGIC.len()..], &start[16..]);
        let found = u32::from_le_bytes(*version.first_chunk().expect("the header has 64 bytes"));
        let id = *id.first_chunk().expect("the header has 64 bytes");
        let key = *start.last_chunk().expect("the header has 64 bytes");
        if found != VERSION {
            return Err(IndexError::Version { path: path.to_owned(), found });
        }
        let (rest, digest) = map.split_last_chunk::<DIGEST>().ok_or_else(damaged)?;
        let (_, counts) = rest.split_last_chunk::<{ FOOTER - DIGEST }>().ok_or_else(damaged)?;
        let counts = Counts::read(counts);
        let sections = counts.sections(map.len()).ok_or_else(damaged)?;
        if *start != header(id, key) || Sha256::digest(rest)[..] != digest[..] {
            return Err(damaged());
        }
        let places = Places::read(&map[sections.places..sections.footer]).ok_or_else(damaged)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            commitment: register_commitment(&key, &id, digest),
            map,
            id,
            counts,
            sections,
            places,
            years: Years::now(),
        })
    }

    /// The same, where dates of rows are read within these years instead of those of the system's
    /// clock.
    #[must_use]
    pub fn within(mut self, years: Years) -> Self {
        self.years = years;
        self
    }

    /// The years that the dates of rows may have.
    pub fn years(&self) -> Years {
        self.years
    }

    /// The 16 random bytes that name this index, in the records of runs too; hexadecimal where they
    /// are shown. They say nothing of what it holds, and an update has others.
    pub fn id(&self) -> [u8; 16] {
        self.id
    }

    /// Its commitment: another index has another one, whatever its id.
    pub fn commitment(&self) -> Hex<32> {
        self.commitment
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Counts what the index holds, in one pass.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] if the file changed since it was opened.
    pub fn stats(&self) -> Result<Stats, IndexError> {
        let Counts { rows, people, identifiers, keys, .. } = self.counts;
        let mut stats = Stats {
            rows,
            people,
            identifiers,
            blocking_keys: keys,
            places: self.places.len(),
            ..Stats::default()
        };
        for at in 0..self.rows() {
            let row = self.row(at)?;
            stats.with_usage_name += u64::from(!row.nom_usage.is_empty());
            stats.with_partial_date += u64::from(row.date != 0 && is_partial(row.date));
            stats.without_date += u64::from(row.date == 0);
            stats.without_first_names += u64::from(row.prenoms.is_empty());
            stats.without_sex += u64::from(row.sexe as u8 == 0);
            stats.without_place += u64::from(row.code.is_none() && row.libelle.is_empty());
        }
        Ok(stats)
    }

    pub(crate) fn rows(&self) -> u32 {
        // The builder writes no more.
        u32::try_from(self.counts.rows).unwrap_or(u32::MAX)
    }

    pub(crate) fn row(&self, at: u32) -> Result<Row<'_>, IndexError> {
        self.record(at).and_then(Row::read).ok_or_else(|| self.damaged())
    }

    /// The bytes of a row.
    pub(crate) fn record(&self, at: u32) -> Option<&[u8]> {
        let offset = |at: u64| {
            if at == self.counts.rows {
                return Some(self.sections.offsets);
            }
            let begin = self.sections.offsets + 8 * usize::try_from(at).ok()?;
            let bytes = self.map.get(begin..begin + 8)?.try_into().ok()?;
            usize::try_from(u64::from_le_bytes(bytes)).ok()
        };
        self.map.get(offset(at.into())?..offset(u64::from(at) + 1)?)
    }

    /// The row with the present identifier of the person of this row.
    pub(crate) fn present(&self, at: u32) -> Result<u32, IndexError> {
        let begin = self.sections.present + 4 * at as usize;
        let bytes = self.map[..self.sections.keys]
            .get(begin..begin + 4)
            .and_then(|bytes| bytes.try_into().ok());
        bytes.map(u32::from_le_bytes).ok_or_else(|| self.damaged())
    }

    /// The rows that may have this key; others may have it too.
    pub(crate) fn rows_of(&self, key: u64) -> impl Iterator<Item = u32> {
        entries_of(&self.map[self.sections.keys..self.sections.frequencies], key)
    }

    /// In how many rows the value with this key is.
    pub(crate) fn frequency(&self, key: u64) -> u32 {
        entries_of(&self.map[self.sections.frequencies..self.sections.places], key)
            .next()
            .unwrap_or(0)
    }

    pub(crate) fn damaged(&self) -> IndexError {
        IndexError::Damaged { path: self.path.clone() }
    }
}

/// The numbers beside a key in a section of entries, ascending.
///
/// Keys are digests and so spread evenly: where one stands is known nearly, from there more
/// nearly, and is then searched nearby. Each look at an entry is far from the one before in memory.
fn entries_of(section: &[u8], key: u64) -> impl Iterator<Item = u32> {
    let (entries, _) = section.as_chunks::<KEY>();
    let key_of = |entry: &[u8; KEY]| u64::from_le_bytes(*entry.first_chunk().expect("of 12 bytes"));
    let number_of =
        |entry: &[u8; KEY]| u32::from_le_bytes(*entry.last_chunk().expect("of 12 bytes"));
    let entries_in = |keys: u64| ((u128::from(keys) * entries.len() as u128) >> 64) as usize;
    let mut guess = entries_in(key);
    if let Some(there) = entries.get(guess).map(key_of) {
        let off = entries_in(key.abs_diff(there));
        guess =
            if there < key { (guess + off).min(entries.len()) } else { guess.saturating_sub(off) };
    }
    let is_less = |at: usize| key_of(&entries[at]) < key;
    let (mut low, mut high, mut step) = (guess, guess, 64);
    while low > 0 && !is_less(low - 1) {
        low = low.saturating_sub(step);
        step *= 4;
    }
    step = 64;
    while high < entries.len() && is_less(high) {
        high = (high + step).min(entries.len());
        step *= 4;
    }
    let first = low + entries[low..high].partition_point(|entry| key_of(entry) < key);
    entries[first..].iter().take_while(move |entry| key_of(entry) == key).map(number_of)
}

/// The one unsafe act of this crate.
#[allow(unsafe_code)]
fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: a map is sound while nobody changes or cuts the file under it. An index is never
    // written again once it has its name (`Pending`), and only its owner can open it for writing;
    // an update is another file. Everything read from the map is checked all the same, so that what
    // is changed by force gives `Damaged` and not a reading out of bounds.
    unsafe { Mmap::map(file) }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// However the keys lie, and whether they are there or not.
    fn is_found(mut keys: Vec<(u64, u32)>, sought: u64) {
        keys.sort_unstable();
        let section: Vec<u8> = keys
            .iter()
            .flat_map(|(key, number)| [&key.to_le_bytes()[..], &number.to_le_bytes()].concat())
            .collect();
        for sought in keys.iter().map(|(key, _)| *key).chain([sought, 0, u64::MAX]) {
            let expected = keys.iter().filter(|(key, _)| *key == sought).map(|(_, number)| *number);
            assert!(entries_of(&section, sought).eq(expected), "{sought}");
        }
    }

    proptest! {
        #[test]
        fn entries_of_a_key_are_found(spread in vec(any::<(u64, u32)>(), 0..2000), sought: u64) {
            is_found(spread, sought);
        }

        /// Not as digests lie: some ranges are full and most are empty.
        #[test]
        fn entries_that_lie_elsewhere_are_found(
            places in vec((any::<u64>(), 1_u32..400), 1..6),
            step in 0_u64..3,
            sought: u64,
        ) {
            let beside = |(first, count): (u64, u32)| {
                (0..count).map(move |nth| (first.saturating_add(step * u64::from(nth)), nth))
            };
            let (place, _) = places[0];
            let keys: Vec<_> = places.into_iter().flat_map(beside).collect();
            is_found(keys.clone(), sought);
            is_found(keys, place.saturating_add(7));
        }
    }
}
