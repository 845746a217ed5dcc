//! Weights learnt from a register and from rows that nobody has labelled.

use crate::candidates::{Candidate, Search};
use crate::compare::{Asked, Date, First, Name, Place};
use crate::index::{Index, IndexError};
use crate::lookup::{Query, read};
use crate::traits::Traits;
use crate::weights::{COVERED, Others, Own, PRIOR_ROWS, Weights};

/// The most rows of a file that weights are learnt from; more would change nothing that matters.
pub const SAMPLE: usize = 20_000;

/// The most rows of the register that are looked at: for their relatives; each beside how many
/// others, for chance.
const PEOPLE: u32 = 2000;
const OTHERS: u32 = 20;

/// One of these others for each so many rows of the register, where it is small: else the same few
/// would be taken again and again.
const FEW: u32 = 50;

/// Expectation–maximisation ends when no probability moves more, and in any case after so many
/// rounds.
const STILL: f64 = 1e-6;
const ROUNDS: usize = 100;

/// A candidate counts if the best of its row weighs no more than so many times as much, and if it
/// is one of so many best: all of them wait in memory until the end.
const NEGLIGIBLE: f64 = 1e9;
const BEST: usize = 50;

impl Index {
    /// Learns weights for rows like these: a sample of the file that is to be looked up, of some
    /// thousands where it has so many, taken evenly; the first [`SAMPLE`] count. No row need be
    /// right or in the register, and no identifier is read.
    ///
    /// What agrees by chance and of relatives is learnt from the register, how rows err and how
    /// many of their people the register has from the rows, by expectation–maximisation from what
    /// is usual, which counts as 100 rows: so with few rows, or none, the weights are the usual
    /// ones. The same index and rows give the same weights.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] if the file was changed since it was opened.
    pub fn learn<'q>(
        &self,
        sample: impl IntoIterator<Item = Query<'q>>,
    ) -> Result<Weights, IndexError> {
        let mut weights =
            Weights { coverage: COVERED / 100.0, own: Own::prior(), others: Others::prior() };
        weights.others = others(self, &weights)?;
        let mut rows: Vec<Vec<_>> = Vec::new();
        for query in sample.into_iter().take(SAMPLE) {
            let Some(traits) = read(&query.civil_status, self.years()) else { continue };
            let asked = Asked::of(&traits);
            let candidates = Search::all(self, &asked, &weights)?;
            rows.push(those_that_count(&candidates));
        }
        for _ in 0..ROUNDS {
            let next = step(&weights, &rows);
            let moved = next.distance(&weights);
            weights = next;
            if moved < STILL {
                break;
            }
        }
        Ok(weights)
    }
}

/// Of candidates, best first.
fn those_that_count<T: Copy>(candidates: &[(f64, T)]) -> Vec<T> {
    let best = candidates.first().map_or(0.0, |(odds, _)| *odds);
    let counts = candidates.iter().filter(|(odds, _)| odds * NEGLIGIBLE >= best);
    counts.map(|(_, candidate)| *candidate).take(BEST).collect()
}

/// One round: who each row's person is, as far as is known, and from that how rows are with
/// their own person.
fn step(weights: &Weights, rows: &[Vec<Candidate>]) -> Weights {
    let mut next = weights.clone();
    let mut own = Own::prior();
    own.tables().into_iter().flatten().for_each(|count| *count *= PRIOR_ROWS);
    let mut covered = COVERED / 100.0 * PRIOR_ROWS;
    for candidates in rows {
        let all = candidates.iter().map(|one| weights.of(&one.levels, &one.chances));
        let all: Vec<_> = all.collect();
        let sum = 1.0 + all.iter().sum::<f64>();
        for (one, weight) in candidates.iter().zip(all) {
            let share = weight / sum;
            covered += share;
            for (table, level) in own.tables().into_iter().zip(one.levels.indices()) {
                if let Some(level) = level {
                    table[level] += share;
                }
            }
        }
    }
    for table in own.tables() {
        let sum: f64 = table.iter().sum();
        table.iter_mut().for_each(|count| *count /= sum);
    }
    next.own = own;
    next.coverage = covered / (PRIOR_ROWS + rows.len() as f64);
    next
}

/// What two people of the register have in common.
fn others(index: &Index, weights: &Weights) -> Result<Others, IndexError> {
    let mut counts = Others::prior();
    let Others { name, first, place, .. } = &mut counts;
    for table in [&mut name[..], &mut first[..], &mut place[..]] {
        table.iter_mut().for_each(|share| *share *= PRIOR_ROWS);
    }
    let people = index.rows().min(PEOPLE);
    let spread = |nth: u64, of: u32| (nth * u64::from(index.rows()) / u64::from(of)) as u32;
    let (mut pairs, mut twins, mut doubles) = (0.0, 0.0, 0.0);
    for nth in 0..people {
        let at = spread(nth.into(), people);
        let traits = Traits::of(&index.row(at)?);
        let (asked, person) = (Asked::of(&traits), index.present(at)?);
        if traits.date != 0 {
            let found = Search::all(index, &asked, weights)?;
            for (_, other) in found.iter().filter(|(_, other)| other.person != person) {
                let levels = &other.levels;
                let of_a_name = levels.name == Name::Same && levels.date == Date::Same;
                let of_a_place = matches!(levels.place, Place::Same | Place::Country);
                let is_elsewhere = matches!(levels.place, Place::District | Place::Other);
                twins += f64::from(u8::from(of_a_name && of_a_place && !levels.first.is_right()));
                doubles +=
                    f64::from(u8::from(of_a_name && levels.first.is_right() && is_elsewhere));
            }
        }
        // Others at steps that share no factor with the number of the first ones.
        for step in 1..=OTHERS.min(index.rows() / FEW) {
            let other =
                spread((u64::from(nth) * 7919 + u64::from(step) * 104_729) % 1_000_003, 1_000_003);
            if index.present(other)? == person {
                continue;
            }
            let row = index.row(other)?;
            pairs += 1.0;
            counts.name[Name::of(&asked, &row) as usize] += 1.0;
            if let Some(count) =
                counts.first.get_mut(First::of(&traits.prenoms, row.prenoms) as usize)
            {
                *count += 1.0;
            }
            if let Some(count) =
                counts.place.get_mut(Place::of(&traits, &row, &index.places) as usize)
            {
                *count += 1.0;
            }
        }
    }
    let Others { name, first, place, .. } = &mut counts;
    for table in [&mut name[..], &mut first[..], &mut place[..]] {
        table.iter_mut().for_each(|count| *count /= PRIOR_ROWS + pairs);
    }
    let rate = |seen: f64, usual: f64| {
        (seen + usual * RELATIVES_ROWS) / (f64::from(people) + RELATIVES_ROWS)
    };
    counts.twins = rate(twins, counts.twins);
    counts.doubles = rate(doubles, counts.doubles);
    Ok(counts)
}

/// As how many rows what is usual of twins and of doubles counts: small rates need many to be seen
/// at all.
const RELATIVES_ROWS: f64 = 200.0;

#[cfg(test)]
mod tests;
