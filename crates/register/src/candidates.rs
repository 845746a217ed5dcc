//! Who of the register may be meant by a row.

use std::collections::BTreeMap;

use cstatns_base::civil_status::normalise::without_particles;

use crate::blocking::{
    District, date_district, date_first, date_name, each_once, first_part, year_core, year_first,
    year_name, years_like,
};
use crate::compare::{Asked, Levels};
use crate::index::{Index, IndexError};
use crate::places::{moved, moved_from};
use crate::weights::{Chances, Weights};

/// The most rows that a blocking key leads to. A key with more (a common name and only a year) is
/// skipped: a person reachable only through it is not a candidate, and a person reachable otherwise
/// has so many near-duplicates that no score could be high.
const MOST: usize = 1000;

/// The most rows that are compared for one kind of error. Where its keys lead to more, it is not
/// looked for: rather all of it than a part, since a candidate is as probable as those are few who
/// compete with it.
const MOST_AT_ONCE: usize = 20 * MOST;

/// A person who may be meant.
#[derive(Clone, Copy)]
pub(crate) struct Candidate {
    /// The row of the present identifier.
    pub(crate) person: u32,
    pub(crate) levels: Levels,
    pub(crate) chances: Chances,
}

/// Finds candidates, each once, with the best of their rows.
pub(crate) struct Search<'a> {
    index: &'a Index,
    asked: &'a Asked<'a>,
    weights: &'a Weights,
    people: BTreeMap<u32, (f64, Candidate)>,
}

impl<'a> Search<'a> {
    /// Everybody of whom an error in one trait, or one in each of two, would make the row, with
    /// their odds, best first.
    pub(crate) fn all(
        index: &'a Index,
        asked: &'a Asked<'a>,
        weights: &'a Weights,
    ) -> Result<Vec<(f64, Candidate)>, IndexError> {
        let mut search = Self { index, asked, weights, people: BTreeMap::new() };
        let traits = asked.traits;
        let mut found = Vec::new();
        each_once([asked.given, without_particles(asked.born), asked.other], |name| {
            found.push(date_name(traits.date, name));
        });
        search.take(&mut found)?;
        // Nobody who is found by less could be nearer.
        if !search.people.values().any(|(_, candidate)| candidate.levels.are_all_the_same()) {
            search.with_errors(&mut found)?;
        }
        let mut people: Vec<_> = search.people.into_values().collect();
        people.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        Ok(people)
    }

    fn with_errors(&mut self, found: &mut Vec<u64>) -> Result<(), IndexError> {
        let Asked { traits, given, born, other } = *self.asked;
        let (date, first, core) =
            (traits.date, first_part(&traits.prenoms), without_particles(born));
        let districts = self.districts();
        // The name and the first name if each stands for the other.
        let exchanged = [without_particles(&traits.prenoms), first_part(given)];
        if !first.is_empty() {
            found.push(date_first(date, first));
            each_once([core, other], |name| found.push(year_name(date, name, first)));
            each_once([&traits.prenoms, first], |name| found.push(date_name(date, name)));
            found.push(date_first(date, first_part(given)));
            found.push(year_name(date, exchanged[0], exchanged[1]));
        }
        for district in &districts {
            found.push(date_district(date, *district));
            found.push(year_core(date, *district, core));
            if !first.is_empty() {
                found.push(year_first(date, *district, first));
            }
        }
        self.take(found)?;
        if !first.is_empty() {
            for year in years_like(date / 10_000) {
                each_once([core, other], |name| found.push(year_name(10_000 * year, name, first)));
            }
            self.take(found)?;
        }
        // The year and one more trait, only if nobody is likely with less: these keys lead to many.
        if !self.people.values().any(|(odds, _)| *odds > 1.0) {
            if !first.is_empty() {
                let years = years_like(date / 10_000);
                found
                    .extend(years.map(|year| year_name(10_000 * year, exchanged[0], exchanged[1])));
            }
            for (year, district) in years_like(date / 10_000)
                .flat_map(|year| districts.iter().map(move |at| (year, *at)))
            {
                found.push(year_core(10_000 * year, district, core));
                if !first.is_empty() {
                    found.push(year_first(10_000 * year, district, first));
                }
            }
            self.take(found)?;
        }
        Ok(())
    }

    /// Where the row says that the person was born.
    fn districts(&self) -> Vec<District> {
        let places = &self.index.places;
        let traits = self.asked.traits;
        let (code, named) = match traits.code {
            Some(code) => (Some(code), places.now(code)),
            None => (None, places.named(&traits.libelle)),
        };
        let codes = code
            .iter()
            .chain(named)
            .flat_map(|code| [Some(*code), moved(*code), moved_from(*code)]);
        let mut districts: Vec<_> = codes.flatten().map(District::of).collect();
        districts.dedup();
        districts.truncate(4);
        districts
    }

    /// Compares the rows with these blocking keys.
    fn take(&mut self, found: &mut Vec<u64>) -> Result<(), IndexError> {
        for at in rows_of_all(found, |key| self.index.rows_of(key)) {
            let row = self.index.row(at)?;
            let Some(levels) = Levels::of(self.asked, &row, &self.index.places) else { continue };
            let person = self.index.present(at)?;
            let chances = Chances::of(self.index, self.weights, self.asked, &row, &levels);
            let weight = self.weights.of(&levels, &chances);
            let candidate = Candidate { person, levels, chances };
            let best = self.people.entry(person).or_insert((weight, candidate));
            if weight > best.0 {
                *best = (weight, candidate);
            }
        }
        Ok(())
    }
}

/// The rows with these blocking keys, each once, as far as they are to be compared.
fn rows_of_all<Rows: Iterator<Item = u32>>(
    found: &mut Vec<u64>,
    rows_of: impl Fn(u64) -> Rows,
) -> Vec<u32> {
    let mut rows = Vec::new();
    for key in found.drain(..) {
        let before = rows.len();
        rows.extend(rows_of(key).take(MOST + 1));
        if rows.len() - before > MOST {
            rows.truncate(before);
        }
        if rows.len() > MOST_AT_ONCE {
            return Vec::new();
        }
    }
    rows.sort_unstable();
    rows.dedup();
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_is_not_compared_one_by_one() {
        let rows = |of: &[u32]| {
            let mut keys = (0..of.len() as u64).collect();
            let rows = rows_of_all(&mut keys, |key| {
                10_000 * key as u32..10_000 * key as u32 + of[key as usize]
            });
            assert!(keys.is_empty() && rows.is_sorted());
            rows.len()
        };
        let most = MOST as u32;
        assert_eq!(rows(&[]), 0);
        assert_eq!(rows(&[3, most, 7]), MOST + 10);
        assert_eq!(rows(&[3, most + 1, 7]), 10);
        // Of one kind of error all are, or none.
        let times = MOST_AT_ONCE / MOST;
        assert_eq!(rows(&vec![most; times]), MOST_AT_ONCE);
        assert_eq!(rows(&[vec![most; times], vec![1]].concat()), 0);
    }

    #[test]
    fn a_row_that_several_keys_lead_to_is_compared_once() {
        assert_eq!(
            rows_of_all(&mut vec![1, 2], |key| [9, key as u32, 5].into_iter()),
            [1, 2, 5, 9]
        );
    }
}
