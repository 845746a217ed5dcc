//! Rows of a register → the index on disk.

mod out;
mod update;

use std::collections::HashMap;
use std::path::Path;

use cstatns_base::civil_status::{CivilStatus, SCHEME, Years};
use cstatns_base::files::FileError;
use zeroize::Zeroizing;

use crate::blocking::{Entry, id_key, identifier_key, of_row, values_of_row};
use crate::faults::{Fault, Faults, Origin};
use crate::index::{Index, IndexError};
use crate::layout::{Counts, HEADER, Row};
use crate::places::Places;
use crate::traits::{TraitFault, Traits};

use out::{Out, Records};
use update::Update;

/// A row of a register, as it stands in the file. It has no `Debug`.
#[derive(Clone, Copy, Default)]
pub struct Record<'a> {
    /// The same in all the rows of one person; empty where each row is a person.
    pub id: &'a str,
    /// The identifier, in any spelling that its scheme accepts.
    pub nir: &'a str,
    /// The civil status.
    pub civil_status: CivilStatus<'a>,
}

/// Why no index was made. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The file that is written: [`FileError`].
    #[error(transparent)]
    File(#[from] FileError),
    /// `register-rows`: rows that cannot be right.
    #[error("the files have {0}")]
    Rows(Faults),
    /// `register-empty`: not a single row.
    #[error("the register has no rows")]
    Empty,
    /// `register-too-large`: more rows than the format counts.
    #[error("the register has more than {} rows, the most that an index holds", u32::MAX)]
    TooLarge,
    /// The index that is brought up to date: [`IndexError`].
    #[error(transparent)]
    Index(#[from] IndexError),
    /// `interrupted`: the stop that [`Builder::finish_unless`] asks about was requested.
    #[error("stopped on request (nothing of the output is left, and what was read is untouched)")]
    Interrupted,
}

cstatns_base::coded!(BuildError {
    Self::File(error) => (error),
    Self::Rows(faults) => ("register-rows", Input, []),
    Self::Empty => ("register-empty", Input, []),
    Self::TooLarge => ("register-too-large", Input, []),
    Self::Index(error) => (error),
    Self::Interrupted => ("interrupted", Input, []),
});

/// What was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Built {
    /// The rows.
    pub rows: u64,
    /// The people.
    pub people: u64,
    /// The distinct identifiers.
    pub identifiers: u64,
}

/// Builds an index from the rows of a register.
///
/// Rows go to the file as they come; what stays in memory is some 150 bytes a row and 20 for each
/// distinct value, whatever the row holds, and no name. Nothing is spilled: nothing of a person is
/// ever in another file than the one that becomes the index, which is the owner's alone from its
/// first byte and removed if the build fails.
///
/// # People, names and identifiers
///
/// Rows with the same `id` are one person, whose present identifier is the one of the last of them;
/// so a person may have several names, and several identifiers over time. Without `id` each row is
/// a person. The same identifier twice is a fault unless both rows have the same `id`.
pub struct Builder<'a> {
    out: Out,
    places: Places,
    years: Years,
    /// Where each record begins.
    offsets: Vec<u64>,
    origins: Vec<Origin>,
    /// By which rows are found; of identifiers, of ids.
    keys: Vec<Entry>,
    identifiers: Vec<Entry>,
    ids: Vec<Entry>,
    /// In how many rows each name, date and place is.
    frequencies: HashMap<u64, u32>,
    faults: Faults,
    update: Option<Update<'a>>,
}

impl<'a> Builder<'a> {
    /// Starts an index that will be called `path`: nothing may have that name.
    ///
    /// # Errors
    /// [`BuildError::File`].
    pub fn create(path: &Path) -> Result<Self, BuildError> {
        Ok(Self::start(Out::create(path, None)?, Places::default(), None))
    }

    /// Starts an index that has what `old` has, with what is pushed added to it. It is written anew
    /// and takes the place of `old` when it is finished and durable; until then, and if the build
    /// fails, the name leads to `old`. A process that has `old` open keeps it. The id is another
    /// one.
    ///
    /// A row whose identifier `old` has replaces all the rows with that identifier, in their place;
    /// without an `id` of its own it keeps theirs. Any other row comes after those of `old`: with
    /// the `id` of a person there, it is that person's present identifier. The rows of an update
    /// wait in memory.
    ///
    /// # Errors
    /// [`BuildError::File`], `file-locked` among them: `old` is being brought up to date elsewhere,
    /// or was since it was opened.
    pub fn update(old: &'a Index) -> Result<Self, BuildError> {
        let out = Out::create(old.path(), Some(old))?;
        Ok(Self::start(out, old.places.clone(), Some(Update::of(old))))
    }

    fn start(out: Out, places: Places, update: Option<Update<'a>>) -> Self {
        Self {
            out,
            places,
            years: Years::now(),
            offsets: Vec::new(),
            origins: Vec::new(),
            keys: Vec::new(),
            identifiers: Vec::new(),
            ids: Vec::new(),
            frequencies: HashMap::new(),
            faults: Faults::default(),
            update,
        }
    }

    /// What codes and names of communes were; it replaces what an index that is brought up to date
    /// had.
    #[must_use]
    pub fn places(mut self, places: Places) -> Self {
        self.places = places;
        self
    }

    /// The years that dates may have, instead of those of the system's clock.
    #[must_use]
    pub fn within(mut self, years: Years) -> Self {
        self.years = years;
        self
    }

    /// Takes a row. One that cannot be right is counted, and refuses the register at the end.
    ///
    /// # Errors
    /// [`BuildError::File`], [`BuildError::TooLarge`], [`BuildError::Index`].
    pub fn push(&mut self, record: &Record<'_>, origin: Origin) -> Result<(), BuildError> {
        let traits = Traits::read(&record.civil_status, self.years).map_err(Fault::Trait);
        let traits = traits.and_then(|traits| match traits.nom.is_empty() {
            true => Err(Fault::Trait(TraitFault::Name)),
            false => Ok(traits),
        });
        let accepted = SCHEME.parse(record.nir.as_bytes()).map_err(|_| Fault::Identifier);
        let id = record.id.trim();
        let checked =
            if id.len() > 255 { Err(Fault::Id) } else { accepted.and_then(|a| Ok((a, traits?))) };
        let (accepted, traits) = match checked {
            Ok(checked) => checked,
            Err(fault) => {
                self.refuse(fault, origin);
                return Ok(());
            }
        };
        let accepted = Zeroizing::new(accepted);
        let identifier =
            std::str::from_utf8(accepted.identifier.canonical()).expect("schemes give ASCII");
        let row = Row::new(id, identifier, &traits);
        match &mut self.update {
            None => self.write(&row, origin),
            Some(update) => {
                if let Err(fault) = update.keep(row, origin)? {
                    self.refuse(fault, origin);
                }
                Ok(())
            }
        }
    }

    /// Counts a row that could not be read at all.
    pub fn refuse(&mut self, fault: Fault, origin: Origin) {
        self.faults.add(fault, origin);
    }

    fn write(&mut self, row: &Row<'_>, origin: Origin) -> Result<(), BuildError> {
        let at = u32::try_from(self.offsets.len()).ok().filter(|at| *at < u32::MAX);
        let at = at.ok_or(BuildError::TooLarge)?;
        self.offsets.push(self.out.position);
        self.origins.push(origin);
        of_row(row, |key| self.keys.push(Entry::new(key, at)));
        values_of_row(row, |value| *self.frequencies.entry(value).or_default() += 1);
        self.identifiers.push(Entry::new(identifier_key(row.identifier), at));
        if !row.id.is_empty() {
            self.ids.push(Entry::new(id_key(row.id), at));
        }
        Ok(self.out.record(row)?)
    }

    /// Ends the index and gives it its name.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn finish(self) -> Result<Built, BuildError> {
        self.finish_unless(&|| false)
    }

    /// The same, which for many rows takes a while, unless it is `stopped` before the index has its
    /// name.
    ///
    /// # Errors
    /// [`BuildError`]: [`BuildError::Interrupted`] soon after it is stopped.
    pub fn finish_unless(mut self, stopped: Stopped<'_>) -> Result<Built, BuildError> {
        if let Some(update) = self.update.take() {
            update.merge(&mut self, stopped)?;
        }
        let end = self.out.position;
        let records = Records::of(&mut self.out, &self.offsets)?;
        let mut refuse = |fault, row: u32| self.faults.add(fault, self.origins[row as usize]);
        let (present, people) = people(&mut self.ids, &records, &mut refuse, stopped)?;
        let identifiers = duplicates(&mut self.identifiers, &records, &mut refuse, stopped)?;
        if !self.faults.is_empty() {
            return Err(BuildError::Rows(self.faults));
        }
        if self.offsets.is_empty() {
            return Err(BuildError::Empty);
        }
        for offsets in self.offsets.chunks(AT_ONCE) {
            go_on(stopped)?;
            offsets.iter().try_for_each(|offset| self.out.write(&offset.to_le_bytes()))?;
        }
        for rows in present.chunks(AT_ONCE) {
            go_on(stopped)?;
            rows.iter().try_for_each(|row| self.out.write(&row.to_le_bytes()))?;
        }
        let mut keys = self.keys;
        keys.append(&mut self.identifiers);
        let mut frequencies: Vec<_> =
            self.frequencies.into_iter().map(|(value, rows)| Entry::new(value, rows)).collect();
        for section in [&mut keys, &mut frequencies] {
            sort(section, AT_ONCE, stopped)?;
            for entries in section.chunks(AT_ONCE) {
                go_on(stopped)?;
                entries.iter().try_for_each(|entry| self.out.write(&entry.write()))?;
            }
        }
        let places = self.places.write();
        self.out.write(&places)?;
        let counts = Counts {
            rows: self.offsets.len() as u64,
            people,
            identifiers,
            keys: keys.len() as u64,
            frequencies: frequencies.len() as u64,
            records: end - HEADER as u64,
            places: places.len() as u64,
        };
        self.out.write(&counts.write())?;
        go_on(stopped)?;
        self.out.commit()?;
        Ok(Built { rows: counts.rows, people, identifiers })
    }
}

/// Whether somebody asked to stop.
pub type Stopped<'a> = &'a dyn Fn() -> bool;

/// So many numbers are written, and so many keys sorted, between two looks at whether to go on: a
/// fraction of a second.
const AT_ONCE: usize = 1 << 22;

fn go_on(stopped: Stopped<'_>) -> Result<(), BuildError> {
    if stopped() { Err(BuildError::Interrupted) } else { Ok(()) }
}

/// Sorts by halves down to `at_once`, because a sort cannot be stopped: that of a whole country's
/// keys takes most of a minute.
fn sort(keys: &mut [Entry], at_once: usize, stopped: Stopped<'_>) -> Result<(), BuildError> {
    go_on(stopped)?;
    if keys.len() <= at_once {
        keys.sort_unstable();
        return Ok(());
    }
    let (low, _, high) = keys.select_nth_unstable(keys.len() / 2);
    sort(low, at_once, stopped)?;
    sort(high, at_once, stopped)
}

/// The most rows of one person: more are a column of ids, or of identifiers, that is not one. So
/// many are not even read.
const MOST_ROWS: usize = 1000;

/// For each row the one with the present identifier of its person, which is the last; and how many
/// people there are.
fn people(
    ids: &mut [Entry],
    records: &Records<'_>,
    refuse: &mut impl FnMut(Fault, u32),
    stopped: Stopped<'_>,
) -> Result<(Vec<u32>, u64), BuildError> {
    let rows = records.len();
    let mut present: Vec<u32> = (0..rows).collect();
    let mut people = u64::from(rows);
    sort(ids, AT_ONCE, stopped)?;
    for alike in ids.chunk_by(Entry::is_of).filter(|alike| alike.len() > 1) {
        if alike.len() > MOST_ROWS {
            alike.iter().for_each(|key| refuse(Fault::Crowd, key.number()));
            continue;
        }
        go_on(stopped)?;
        let mut alike = records.read(alike)?;
        alike.sort_by(|a, b| (a.row().id, a.at).cmp(&(b.row().id, b.at)));
        for person in alike.chunk_by(|a, b| a.row().id == b.row().id) {
            let last = person[person.len() - 1].at;
            people -= person.len() as u64 - 1;
            for row in person {
                present[row.at as usize] = last;
            }
        }
    }
    Ok((present, people))
}

/// How many distinct identifiers there are. One that two people have is a fault of each row but the
/// first.
fn duplicates(
    identifiers: &mut [Entry],
    records: &Records<'_>,
    refuse: &mut impl FnMut(Fault, u32),
    stopped: Stopped<'_>,
) -> Result<u64, BuildError> {
    sort(identifiers, AT_ONCE, stopped)?;
    let mut distinct = 0;
    for alike in identifiers.chunk_by(Entry::is_of) {
        if alike.len() == 1 {
            distinct += 1;
            continue;
        }
        if alike.len() > MOST_ROWS {
            alike[1..].iter().for_each(|key| refuse(Fault::Duplicate, key.number()));
            continue;
        }
        go_on(stopped)?;
        let mut alike = records.read(alike)?;
        alike.sort_by(|a, b| (a.row().identifier, a.at).cmp(&(b.row().identifier, b.at)));
        for same in alike.chunk_by(|a, b| a.row().identifier == b.row().identifier) {
            distinct += 1;
            let id = same[0].row().id;
            for row in same[1..].iter().filter(|other| id.is_empty() || other.row().id != id) {
                refuse(Fault::Duplicate, row.at);
            }
        }
    }
    Ok(distinct)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use cstatns_base::coded::Coded as _;

    use super::*;

    #[test]
    fn keys_are_sorted_by_halves_and_not_when_stopped() {
        let mixed = |nth: u64| nth.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60;
        for count in 0..100 {
            // Many keys are the same.
            let mut keys: Vec<_> =
                (0..count).map(|nth| Entry::new(mixed(nth), nth as u32)).collect();
            let mut expected = keys.clone();
            expected.sort_unstable();
            let looks = Cell::new(0);
            sort(&mut keys, 3, &|| looks.replace(looks.get() + 1) < 0).unwrap();
            assert!(keys == expected && looks.get() as u64 > count / 4);
            let stopped = sort(&mut keys, 3, &|| looks.replace(looks.get() - 1) == 1);
            assert_eq!(stopped.unwrap_err().code(), "interrupted");
        }
    }
}
