//! Blocking keys, by which rows are found, and the values whose frequencies are counted.
//!
//! A blocking key is the first 8 bytes of SHA-256 over a letter and what follows it here. Names are
//! without spaces and hyphens; a *core* is a family name without particles, a *first* the first
//! part of the first names (JEAN of JEAN-PIERRE PAUL), a *district* the department of a commune or
//! the country.
//!
//! | letter | of | finds a person whatever is wrong with |
//! |---|---|---|
//! | `i` | identifier | |
//! | `n` | date, family name (birth name, its core, usage name) | first names, sex, place |
//! | `d` | date, first | family name, sex, place |
//! | `p` | date, district | family name, first names, sex |
//! | `y` | year, family name (core, usage name), first | day and month, sex, place |
//! | `f` | year, district, first | family name, day and month, sex |
//! | `c` | year, district, core | first names, day and month, sex |
//!
//! Errors of the year are looked for with the years that one error makes of it ([`years_like`]).

use cstatns_base::civil_status::normalise::{PlaceCode, without_particles};
use sha2::{Digest, Sha256};

use crate::layout::Row;

/// A blocking key and the number of a row that has it; or a counted value and in how many rows it
/// is. In 12 bytes, since an index has some eight a row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry([u32; 3]);

impl Entry {
    pub(crate) fn new(key: u64, number: u32) -> Self {
        Self([(key >> 32) as u32, key as u32, number])
    }

    pub(crate) fn number(&self) -> u32 {
        self.0[2]
    }

    /// Whether both have one blocking key.
    pub(crate) fn is_of(&self, other: &Self) -> bool {
        self.0[..2] == other.0[..2]
    }

    /// As it stands in the index.
    pub(crate) fn write(&self) -> [u8; 12] {
        let [high, low, number] = self.0;
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&(u64::from(high) << 32 | u64::from(low)).to_le_bytes());
        bytes[8..].copy_from_slice(&number.to_le_bytes());
        bytes
    }
}

pub(crate) fn identifier_key(identifier: &str) -> u64 {
    digest(Sha256::new().chain_update(b"i").chain_update(identifier))
}

/// Brings equal ids together while an index is built; it is not written.
pub(crate) fn id_key(id: &str) -> u64 {
    digest(Sha256::new().chain_update(b"#").chain_update(id))
}

/// The blocking keys of a row. One whose date is not known has none, and so is not found.
pub(crate) fn of_row(row: &Row<'_>, mut key: impl FnMut(u64)) {
    if row.date == 0 {
        return;
    }
    let first = first_part(row.prenoms);
    let core = without_particles(row.nom);
    each_once([row.nom, core, row.nom_usage], |name| key(date_name(row.date, name)));
    if !first.is_empty() {
        key(date_first(row.date, first));
        each_once([core, without_particles(row.nom_usage)], |name| {
            key(year_name(row.date, name, first))
        });
    }
    if let Some(district) = row.code.map(District::of) {
        key(date_district(row.date, district));
        key(year_core(row.date, district, core));
        if !first.is_empty() {
            key(year_first(row.date, district, first));
        }
    }
}

pub(crate) fn date_name(date: u32, name: &str) -> u64 {
    key(b'n', date, District::NONE, [name, ""])
}

pub(crate) fn date_first(date: u32, first: &str) -> u64 {
    key(b'd', date, District::NONE, [first, ""])
}

pub(crate) fn date_district(date: u32, district: District) -> u64 {
    key(b'p', date, district, ["", ""])
}

/// The day and month of `date` do not count, nor in those below.
pub(crate) fn year_name(date: u32, name: &str, first: &str) -> u64 {
    key(b'y', date / 10_000, District::NONE, [name, first])
}

pub(crate) fn year_first(date: u32, district: District, first: &str) -> u64 {
    key(b'f', date / 10_000, district, [first, ""])
}

pub(crate) fn year_core(date: u32, district: District, core: &str) -> u64 {
    key(b'c', date / 10_000, district, [core, ""])
}

/// The values of a row whose frequencies are counted, in the forms of [`Value`].
pub(crate) fn values_of_row(row: &Row<'_>, mut value: impl FnMut(u64)) {
    each_once([row.nom, without_particles(row.nom), row.nom_usage], |name| {
        value(Value::Name(name).key())
    });
    let names: Vec<_> = row.prenoms.split(' ').filter(|name| !name.is_empty()).collect();
    for (at, name) in names.iter().enumerate() {
        if !names[..at].contains(name) {
            value(Value::First(name).key());
        }
    }
    if let Some(code) = row.code {
        value(Value::City(code).key());
    }
    if row.date != 0 {
        value(Value::Date(row.date).key());
        value(Value::Month(row.date / 100).key());
        value(Value::Year(row.date / 10_000).key());
    }
}

/// What is counted: in how many rows it is.
pub(crate) enum Value<'a> {
    /// A family name: a birth name, its core, a usage name.
    Name(&'a str),
    /// One of the first names.
    First(&'a str),
    /// A commune, its boroughs included, or a country.
    City(PlaceCode),
    Date(u32),
    Month(u32),
    Year(u32),
}

impl Value<'_> {
    pub(crate) fn key(&self) -> u64 {
        match self {
            Self::Name(name) => key(b'N', 0, District::NONE, [name, ""]),
            Self::First(name) => key(b'F', 0, District::NONE, [name, ""]),
            Self::City(code) => {
                digest(Sha256::new().chain_update(b"C").chain_update(code.city().0))
            }
            Self::Date(number) => key(b'D', *number, District::NONE, [""; 2]),
            Self::Month(number) => key(b'M', *number, District::NONE, [""; 2]),
            Self::Year(number) => key(b'Y', *number, District::NONE, [""; 2]),
        }
    }
}

/// A department, an overseas territory or a country: five digits, those after the department's
/// zero.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct District([u8; 5]);

impl District {
    const NONE: Self = Self(*b"     ");

    pub(crate) fn of(code: PlaceCode) -> Self {
        let kept = match &code.0 {
            [b'9', b'9', ..] => 5,
            [b'9', b'7' | b'8', ..] => 3,
            _ => 2,
        };
        let mut district = *b"00000";
        district[..kept].copy_from_slice(&code.0[..kept]);
        Self(district)
    }
}

/// The first part of the first names: all that is asked of is often only the beginning of a
/// compound one.
pub(crate) fn first_part(prenoms: &str) -> &str {
    prenoms.split([' ', '-']).next().unwrap_or("")
}

/// The years that one error makes of this one: one of the last two digits, both exchanged; a year,
/// a decade or a century more or less.
pub(crate) fn years_like(year: u32) -> impl Iterator<Item = u32> {
    let (century, ten, one) = (year / 100 * 100, year / 10 % 10, year % 10);
    let digits =
        (0..10).flat_map(move |digit| [century + 10 * digit + one, century + 10 * ten + digit]);
    let steps =
        [1, 10, 100].into_iter().flat_map(move |step| [year + step, year.saturating_sub(step)]);
    let mut years: Vec<_> = digits
        .chain(steps)
        .chain([century + 10 * one + ten])
        .filter(|other| *other != year)
        .collect();
    years.sort_unstable();
    years.dedup();
    years.into_iter()
}

/// Each name that is not empty, once.
pub(crate) fn each_once<const N: usize>(names: [&str; N], mut each: impl FnMut(&str)) {
    for (at, name) in names.iter().enumerate() {
        if !name.is_empty() && !names[..at].contains(name) {
            each(name);
        }
    }
}

/// Over a letter, a number, a district if there is one, and names with a line between them.
fn key(letter: u8, number: u32, district: District, names: [&str; 2]) -> u64 {
    let mut hash = Sha256::new();
    hash.update([letter]);
    hash.update(number.to_le_bytes());
    if district != District::NONE {
        hash.update(district.0);
    }
    for (at, name) in
        names.into_iter().enumerate().filter(|(at, name)| *at == 0 || !name.is_empty())
    {
        if at > 0 {
            hash.update(b"\n");
        }
        name.split([' ', '-']).for_each(|word| hash.update(word));
    }
    digest(hash)
}

fn digest(hash: Sha256) -> u64 {
    u64::from_le_bytes(*hash.finalize().first_chunk().expect("a digest has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_that_one_error_makes() {
        let years: Vec<_> = years_like(1940).collect();
        for near in [1939, 1941, 1904, 1840, 2040, 1942, 1990] {
            assert!(years.contains(&near), "{near}");
        }
        for far in [1940, 1955, 1962, 2140] {
            assert!(!years.contains(&far), "{far}");
        }
        assert!(years_like(0).count() < 30 && years_like(9999).count() < 30);
    }

    #[test]
    fn a_key_keeps_its_order_and_its_bytes() {
        let key = Entry::new(0x0102_0304_0506_0708, 9);
        assert_eq!(key.write(), [8, 7, 6, 5, 4, 3, 2, 1, 9, 0, 0, 0]);
        assert!(Entry::new(1 << 32, 0) > Entry::new(u64::from(u32::MAX), u32::MAX));
        assert!(key.is_of(&Entry::new(0x0102_0304_0506_0708, 1)) && key.number() == 9);
    }
}
