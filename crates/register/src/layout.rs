//! The bytes of an index. All numbers are little-endian, on every machine.
//!
//! | bytes | what |
//! |---|---|
//! | 64 | `cstatnsR`, version (u32), `LE` and two zeros, id (16 random bytes), key of the commitment (32 random bytes) |
//! | | records, one for each row: `id`, identifier, `nom`, `nom_usage`, `prenoms`, name of the place, country, each in normal form with its length (u8) before it; sex (u8); date (u32, see below); code of the place (5 bytes, zeros for none) |
//! | 8 × rows | where each record begins (u64, from the file's start) |
//! | 4 × rows | the row (u32) that holds the present identifier of the same person: two rows are one person if it is the same |
//! | 12 × keys | blocking key (u64) and row (u32), ascending ([`blocking`](crate::blocking)) |
//! | 12 × frequencies | key (u64) of a value, and in how many rows it is (u32), ascending |
//! | | names and former codes of communes ([`Places::write`](crate::Places)) |
//! | 88 | rows, people, identifiers, keys, frequencies, bytes of records, bytes of places (u64 each), SHA-256 of everything before it |
//!
//! A date is year · 10,000 + month · 100 + day.

use cstatns_base::civil_status::normalise::{PlaceCode, Sex, is_date};
use zeroize::Zeroizing;

use crate::traits::Traits;

pub(crate) const MAGIC: [u8; 8] = *b"cstatnsR";
pub(crate) const VERSION: u32 = 3;
pub(crate) const HEADER: usize = 64;
pub(crate) const KEY: usize = 12;
pub(crate) const FOOTER: usize = COUNTS * 8 + DIGEST;
const COUNTS: usize = 7;
pub(crate) const DIGEST: usize = 32;

/// The id is drawn for each index: it says which one was asked, where a digest of the file would be
/// a hash of identities that anybody can compute. The commitment under `key` binds the id to what
/// the index holds.
pub(crate) fn header(id: [u8; 16], key: [u8; 32]) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes[12..14].copy_from_slice(b"LE");
    bytes[16..32].copy_from_slice(&id);
    bytes[32..].copy_from_slice(&key);
    bytes
}

/// What a record holds.
pub(crate) struct Row<'a> {
    /// As given, without white space at the ends.
    pub(crate) id: &'a str,
    /// In canonical form.
    pub(crate) identifier: &'a str,
    pub(crate) nom: &'a str,
    pub(crate) nom_usage: &'a str,
    pub(crate) prenoms: &'a str,
    pub(crate) libelle: &'a str,
    pub(crate) pays: &'a str,
    pub(crate) sexe: Sex,
    pub(crate) date: u32,
    pub(crate) code: Option<PlaceCode>,
}

impl<'a> Row<'a> {
    pub(crate) fn new(id: &'a str, identifier: &'a str, traits: &'a Traits) -> Self {
        Self {
            id,
            identifier,
            nom: &traits.nom,
            nom_usage: &traits.nom_usage,
            prenoms: &traits.prenoms,
            libelle: &traits.libelle,
            pays: &traits.pays,
            sexe: traits.sexe,
            date: traits.date,
            code: traits.code,
        }
    }

    fn texts(&self) -> [&str; 7] {
        [self.id, self.identifier, self.nom, self.nom_usage, self.prenoms, self.libelle, self.pays]
    }

    /// The length of the record in bytes.
    pub(crate) fn len(&self) -> usize {
        self.texts().iter().map(|text| 1 + text.len()).sum::<usize>() + 1 + 4 + 5
    }

    /// Adds the record. No text is longer than 255 bytes.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        for text in self.texts() {
            bytes.push(u8::try_from(text.len()).expect("texts are checked before"));
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.push(self.sexe as u8);
        bytes.extend_from_slice(&self.date.to_le_bytes());
        bytes.extend_from_slice(&self.code.map_or([0; 5], |code| code.0));
    }

    /// `None` if these are not the bytes of a record.
    pub(crate) fn read(mut bytes: &'a [u8]) -> Option<Self> {
        let mut text = || {
            let (&len, rest) = bytes.split_first()?;
            let (text, rest) = rest.split_at_checked(usize::from(len))?;
            bytes = rest;
            std::str::from_utf8(text).ok()
        };
        let [id, identifier, nom, nom_usage, prenoms, libelle, pays] =
            [text()?, text()?, text()?, text()?, text()?, text()?, text()?];
        let [sexe, date @ .., c0, c1, c2, c3, c4] = <[u8; 10]>::try_from(bytes).ok()?;
        let sexe = match sexe {
            0 => Sex::Unknown,
            1 => Sex::Male,
            2 => Sex::Female,
            _ => return None,
        };
        let code = [c0, c1, c2, c3, c4];
        let code = (code != [0; 5]).then_some(PlaceCode(code));
        let date = Some(u32::from_le_bytes(date)).filter(|date| is_date(*date))?;
        Some(Self { id, identifier, nom, nom_usage, prenoms, libelle, pays, sexe, date, code })
    }
}

/// The counts at the end of the file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) rows: u64,
    pub(crate) people: u64,
    pub(crate) identifiers: u64,
    pub(crate) keys: u64,
    pub(crate) frequencies: u64,
    pub(crate) records: u64,
    pub(crate) places: u64,
}

/// Where each section begins.
pub(crate) struct Sections {
    pub(crate) offsets: usize,
    pub(crate) present: usize,
    pub(crate) keys: usize,
    pub(crate) frequencies: usize,
    pub(crate) places: usize,
    pub(crate) footer: usize,
}

impl Counts {
    pub(crate) fn write(&self) -> [u8; COUNTS * 8] {
        let mut bytes = [0; COUNTS * 8];
        let Self { rows, people, identifiers, keys, frequencies, records, places } = *self;
        let counts = [rows, people, identifiers, keys, frequencies, records, places];
        for (bytes, count) in bytes.chunks_exact_mut(8).zip(counts) {
            bytes.copy_from_slice(&count.to_le_bytes());
        }
        bytes
    }

    pub(crate) fn read(bytes: &[u8; COUNTS * 8]) -> Self {
        let (counts, _) = bytes.as_chunks::<8>();
        let [rows, people, identifiers, keys, frequencies, records, places] =
            std::array::from_fn(|at| u64::from_le_bytes(counts[at]));
        Self { rows, people, identifiers, keys, frequencies, records, places }
    }

    /// `None` if a file of `len` bytes does not hold so much.
    pub(crate) fn sections(&self, len: usize) -> Option<Sections> {
        let size = |count: u64, each: usize| usize::try_from(count).ok()?.checked_mul(each);
        let offsets = HEADER.checked_add(size(self.records, 1)?)?;
        let present = offsets.checked_add(size(self.rows, 8)?)?;
        let keys = present.checked_add(size(self.rows, 4)?)?;
        let frequencies = keys.checked_add(size(self.keys, KEY)?)?;
        let places = frequencies.checked_add(size(self.frequencies, KEY)?)?;
        let footer = places.checked_add(size(self.places, 1)?)?;
        let sections = Sections { offsets, present, keys, frequencies, places, footer };
        (footer.checked_add(FOOTER)? == len).then_some(sections)
    }
}

impl Traits {
    /// Those of a row of the register, which are in normal form.
    pub(crate) fn of(row: &Row<'_>) -> Self {
        let copy = |text: &str| Zeroizing::new(text.to_owned());
        Self {
            nom: copy(row.nom),
            nom_usage: copy(row.nom_usage),
            prenoms: copy(row.prenoms),
            sexe: row.sexe,
            date: row.date,
            code: row.code,
            libelle: copy(row.libelle),
            pays: copy(row.pays),
        }
    }
}
