//! Invented people and their files. The seed makes all of it; it never makes a key.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write;

/// A small generator of numbers that only have to look varied (SplitMix64).
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// People by number, each with an identifier of their own (13 characters).
pub(super) struct People(Vec<String>);

impl People {
    pub(super) fn invent(numbers: &mut Numbers, count: usize) -> Self {
        let mut seen = HashSet::with_capacity(count);
        let mut people = Vec::with_capacity(count);
        while people.len() < count {
            let person = nir(numbers);
            if seen.insert(person.clone()) {
                people.push(person);
            }
        }
        Self(people)
    }

    /// Someone's identifier.
    pub(super) fn identifier(&self, person: usize) -> &str {
        &self.0[person]
    }
}

fn nir(numbers: &mut Numbers) -> String {
    // One in 200 has a provisional number, one in 50 a birth that is not completely known.
    let class = if numbers.below(200) == 0 { 7 + numbers.below(2) } else { 1 + numbers.below(2) };
    let month = if numbers.below(50) == 0 { 20 + numbers.below(80) } else { 1 + numbers.below(12) };
    let department = match numbers.below(30) {
        0 => "2A".to_owned(),
        1 => "2B".to_owned(),
        _ => format!("{:02}", 1 + numbers.below(95)),
    };
    let (year, commune, order) =
        (numbers.below(100), 1 + numbers.below(990), 1 + numbers.below(999));
    format!("{class}{year:02}{month:02}{department}{commune:03}{order:03}")
}

/// The key of an identifier: 2A counts as 19 and 2B as 18, for this alone.
fn key(identifier: &str) -> u64 {
    let digits = identifier.replace("2A", "19").replace("2B", "18");
    97 - digits.parse::<u64>().unwrap_or(0) % 97
}

/// One spelling of an identifier as files have them; all of them are of the same person.
fn spelling(numbers: &mut Numbers, identifier: &str) -> String {
    let key = key(identifier);
    let part = |from: usize, to: usize| &identifier[from..to];
    match numbers.below(10) {
        0 => format!(
            "{} {} {} {} {} {} {key:02}",
            part(0, 1),
            part(1, 3),
            part(3, 5),
            part(5, 7),
            part(7, 10),
            part(10, 13)
        ),
        1 => identifier.to_owned(),
        2 => format!(" {}{key:02} ", identifier.to_lowercase()),
        _ => format!("{identifier}{key:02}"),
    }
}

/// Something that stands where an identifier should.
fn spoilt(numbers: &mut Numbers, identifier: &str) -> String {
    match numbers.below(5) {
        0 => String::new(),
        1 => format!("{identifier}{:02}", key(identifier) % 97 + 1),
        2 => identifier[..11].to_owned(),
        3 => "1.84E+12".to_owned(),
        _ => format!("{}?", &identifier[..12]),
    }
}

/// An invented file, and what is true of it.
pub(super) struct File {
    pub(super) csv: String,
    pub(super) rows: usize,
    /// Rows whose identifier is spoilt.
    pub(super) spoilt: usize,
    /// The people with at least one good row.
    pub(super) people: BTreeSet<usize>,
}

/// A file of `rows` rows, each of a person whom `draw` chooses, with a column that `value` makes.
pub(super) fn file(
    numbers: &mut Numbers,
    people: &People,
    rows: usize,
    column: &str,
    mut draw: impl FnMut(&mut Numbers, usize) -> usize,
    mut value: impl FnMut(&mut Numbers) -> String,
) -> File {
    let mut csv = format!("nir,{column}\n");
    let (mut found, mut bad) = (BTreeSet::new(), 0);
    for row in 0..rows {
        let person = draw(numbers, row);
        let identifier = people.identifier(person);
        let cell = if numbers.below(50) == 0 {
            bad += 1;
            spoilt(numbers, identifier)
        } else {
            found.insert(person);
            spelling(numbers, identifier)
        };
        let _ = writeln!(csv, "{cell},{}", value(numbers));
    }
    File { csv, rows, spoilt: bad, people: found }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cstatns::identifier::Scheme;

    #[test]
    fn invented_identifiers_are_valid_and_spoilt_ones_are_not() {
        let mut numbers = Numbers::new(7);
        let people = People::invent(&mut numbers, 2000);
        for person in 0..2000 {
            let identifier = people.identifier(person);
            let accepted =
                Scheme::FrNir.parse(spelling(&mut numbers, identifier).as_bytes()).unwrap();
            assert_eq!(accepted.identifier.canonical(), identifier.as_bytes());
            assert!(Scheme::FrNir.parse(spoilt(&mut numbers, identifier).as_bytes()).is_err());
        }
    }

    #[test]
    fn the_seed_makes_the_data() {
        let make = |seed| {
            let mut numbers = Numbers::new(seed);
            let people = People::invent(&mut numbers, 50);
            file(&mut numbers, &people, 100, "x", |n, _| n.below(50), |_| "1".to_owned()).csv
        };
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
    }
}
