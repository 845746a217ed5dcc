//! What agreement and disagreement weigh.
//!
//! For each trait and level of agreement, *m* is how often a row of data has it with its own
//! person, *u* how often with another. The weight of a candidate is the odds that the person of the
//! row is this one, against that they are not in the register (Fellegi and Sunter):
//! `coverage / (1 - coverage) · m / expected`, where *expected* is how many people of whom the
//! register has this one as a stranger or a relative would look so.

use cstatns_base::civil_status::normalise::without_particles;

use crate::blocking::{Value, first_part};
use crate::compare::{Asked, Date, First, Levels, Name, Place, Sexes};
use crate::index::Index;
use crate::layout::Row;

/// What was learnt of a file and a register: probabilities, never a name. See [`Index::learn`].
#[derive(Clone)]
pub struct Weights {
    /// How many of the people who are asked for the register has.
    pub(crate) coverage: f64,
    pub(crate) own: Own,
    pub(crate) others: Others,
}

/// *m*: what a row says of its own person. Each sums to one; what is missing on a side has no
/// level.
#[derive(Clone)]
pub(crate) struct Own {
    pub(crate) name: [f64; Name::LEVELS],
    pub(crate) first: [f64; First::LEVELS],
    pub(crate) date: [f64; Date::LEVELS],
    pub(crate) place: [f64; Place::LEVELS],
    pub(crate) sex: [f64; 2],
}

/// *u*: what is the same of two people by chance, or because they are relatives.
#[derive(Clone)]
pub(crate) struct Others {
    /// Of two strangers, where it does not follow from frequencies.
    pub(crate) name: [f64; Name::LEVELS],
    pub(crate) first: [f64; First::LEVELS],
    pub(crate) place: [f64; Place::LEVELS],
    /// Of a person: how many others have family name, date and place, but other first names
    /// (twins).
    pub(crate) twins: f64,
    /// Of a person: how many others have all the names and the date, but another place.
    pub(crate) doubles: f64,
}

/// Of a person: how many others have family name and place of birth (brothers and sisters,
/// cousins).
const SIBLINGS: f64 = 0.5;

/// Of a person: how many others have family name and first names (fathers and sons, cousins), and
/// how many of them the place.
const NAMESAKES: f64 = 0.05;
const OF_THE_PLACE: f64 = 0.3;

/// How many of the doubles and namesakes of a person have the first one of their first names, and
/// other later ones.
const OTHERS_LATER: f64 = 0.5;

/// How many of a family have one of several first names in common, at the least.
const SHARED: f64 = 0.1;

/// How many first names begin with one letter.
const INITIAL: f64 = 0.2;

/// How many texts one error can make of a name, and two errors: so many times as probable is it
/// that a text which is the name of a stranger or a twin is that name, as that it is this error of
/// all.
const ERRORS: [f64; 2] = [200.0, 1000.0];

/// How many people of one family name were born in one department, at the least: names have a
/// region.
const OF_THE_DISTRICT: f64 = 0.1;

/// Before anything is known: how a row has its own person, of a hundred rows.
const OWN: Own = Own {
    // Same, Core, Usage, Part, Close, Similar, Exchanged, Other
    name: [87.0, 2.0, 3.0, 1.5, 4.0, 0.7, 1.0, 0.8],
    // Same, Begin, Some, Called, Close, Similar, Shared, Other
    first: [74.5, 15.0, 4.0, 0.5, 4.0, 0.7, 0.5, 0.8],
    // Same, Month, Year, Exchanged, Digit, Part, Era, Other
    date: [90.0, 1.5, 1.5, 1.5, 2.0, 1.0, 1.5, 1.0],
    // Same, Named, Related, Close, Country, District, Other
    place: [80.0, 6.0, 5.0, 3.0, 4.0, 1.0, 1.0],
    // Same, Different
    sex: [98.5, 1.5],
};

/// How many of a hundred people who are asked for the register has, before anything is known.
pub(crate) const COVERED: f64 = 80.0;

/// How much what is known beforehand counts: as so many rows.
pub(crate) const PRIOR_ROWS: f64 = 100.0;

/// How seldom, at the least, a person in whom nothing agrees by chance or kinship is expected: what
/// is not thought of.
const LEAST: f64 = 1e-9;

impl Others {
    /// Before anything is known.
    pub(crate) fn prior() -> Self {
        Self {
            name: [5e-4, 1e-4, 1e-4, 1e-4, 5e-4, 1e-3, 1e-6, 0.9977],
            first: [2e-4, 3e-3, 1e-2, 5e-3, 5e-3, 1e-2, 0.05, 0.9168],
            place: [5e-3, 1e-3, 1e-3, 2e-3, 1e-2, 2e-2, 0.961],
            twins: 0.01,
            doubles: 0.002,
        }
    }
}

impl Own {
    pub(crate) fn prior() -> Self {
        OWN.map(|parts| parts / 100.0)
    }

    /// *m* of each trait, in the order of the fields; 1 where there is nothing to compare.
    fn of(&self, levels: &Levels) -> [f64; 5] {
        let mut of = [1.0; 5];
        let tables: [&[f64]; 5] = [&self.name, &self.first, &self.date, &self.place, &self.sex];
        for ((of, table), level) in of.iter_mut().zip(tables).zip(levels.indices()) {
            if let Some(level) = level {
                *of = table[level];
            }
        }
        of
    }

    /// The tables, in the order of the fields.
    pub(crate) fn tables(&mut self) -> [&mut [f64]; 5] {
        [&mut self.name, &mut self.first, &mut self.date, &mut self.place, &mut self.sex]
    }

    fn map(self, change: impl Fn(f64) -> f64) -> Self {
        Self {
            name: self.name.map(&change),
            first: self.first.map(&change),
            date: self.date.map(&change),
            place: self.place.map(&change),
            sex: self.sex.map(&change),
        }
    }
}

/// *u* of a candidate: the chance that a stranger has the level of each trait. 1 where it is
/// missing.
#[derive(Clone, Copy)]
pub(crate) struct Chances {
    name: f64,
    first: f64,
    date: f64,
    place: f64,
    sex: f64,
    /// The people of the register.
    people: f64,
}

/// How often a value that has been seen `rows` times in `all` is to be expected, this person apart:
/// as though `like` others had been seen before, of which it had `typical`.
fn share(rows: f64, all: f64, typical: f64, like: f64) -> f64 {
    ((rows - 1.0).max(0.0) + typical * like) / (all + like)
}

/// The first one that is not among the names of the register.
fn with_error<'a>(asked: &'a str, row: &str) -> Option<&'a str> {
    let parts = |names: &'a str| names.split([' ', '-']);
    parts(asked).find(|name| !row.split([' ', '-']).any(|other| other == *name))
}

impl Chances {
    /// Of a person whom these levels make a candidate.
    pub(crate) fn of(
        index: &Index,
        weights: &Weights,
        asked: &Asked<'_>,
        row: &Row<'_>,
        levels: &Levels,
    ) -> Self {
        let rows = index.counts.rows as f64;
        let traits = asked.traits;
        let others = &weights.others;
        let name = |name: &str| share(rows_with(index, &Value::Name(name)), rows, 3e-4, 1000.0);
        let first = |name: &str| share(rows_with(index, &Value::First(name)), rows, 2e-3, 1000.0);
        let place = |code| share(rows_with(index, &Value::City(code)), rows, 3e-4, 3000.0);
        let in_the_month =
            || share(rows_with(index, &Value::Month(row.date / 100)), rows, 1e-3, 1000.0);
        let on_the_day = || share(rows_with(index, &Value::Date(row.date)), rows, 3e-5, 30_000.0);
        let base = |name: f64, of_level: f64| name.max(of_level);
        let rarest = || {
            let least = |names: &str| names.split(' ').map(first).fold(1.0, f64::min);
            base(
                least(&traits.prenoms).max(least(row.prenoms)),
                others.first[levels.first as usize],
            )
        };
        Self {
            name: match levels.name {
                Name::Same => name(asked.given),
                Name::Usage => name(row.nom_usage),
                Name::Exchanged => name(row.nom),
                Name::Core => name(without_particles(row.nom)),
                Name::Part | Name::Close | Name::Similar => {
                    base(name(row.nom).max(name(asked.born)), others.name[levels.name as usize])
                }
                Name::Other => 1.0,
            },
            first: match levels.first {
                First::Missing => 1.0,
                First::Initial => INITIAL,
                First::Same => {
                    let mut names = row.prenoms.split(' ');
                    let (one, two) =
                        (names.next().map_or(1.0, first), names.next().map_or(1.0, first));
                    // Further ones say nothing that is counted on: families repeat them.
                    one * two.max(0.05)
                }
                First::Begin | First::Some => rarest(),
                First::Called => {
                    base(first(first_part(&traits.prenoms)), others.first[First::Called as usize])
                }
                First::Exchanged => match row.prenoms.split(' ').next() {
                    None | Some("") => 1.0,
                    Some(one) => first(one),
                },
                First::Close | First::Similar => match with_error(&traits.prenoms, row.prenoms) {
                    // What is near a name may be a name itself: Jean and Jeanne.
                    Some(text) => {
                        // One that the register has not counts as half seen.
                        let known = (rows_with(index, &Value::First(text)) + 0.5) / (rows + 1000.0);
                        let two = levels.first == First::Similar && text.chars().count() >= 6;
                        base(known * ERRORS[usize::from(two)], others.first[levels.first as usize])
                            .min(1.0)
                    }
                    None => rarest(),
                },
                // Families repeat names.
                First::Shared => base(SHARED, others.first[levels.first as usize]),
                First::Other => others.first[levels.first as usize],
            },
            date: match levels.date {
                Date::Same | Date::Exchanged => on_the_day(),
                Date::Month => in_the_month(),
                Date::Year => {
                    share(rows_with(index, &Value::Year(row.date / 10_000)), rows, 0.0125, 100.0)
                }
                // So many dates are as near.
                Date::Digit => 14.0 * on_the_day().max(in_the_month() / 31.0),
                Date::Part => 1.4 * in_the_month(),
                Date::Era => 25.0 * on_the_day().max(in_the_month() / 31.0),
                Date::Other | Date::Missing => 1.0,
            },
            place: match (levels.place, row.code.or(traits.code)) {
                (Place::Missing | Place::Other, _) => 1.0,
                (Place::Same | Place::Named | Place::Country, Some(code)) => place(code),
                (Place::Related | Place::Close, Some(code)) => {
                    base(place(code), others.place[levels.place as usize])
                }
                (Place::District, Some(code)) => {
                    base(place(code), others.place[Place::District as usize]).max(OF_THE_DISTRICT)
                }
                // A name and no code: as rare as two places that are related.
                (_, None) => others.place[Place::Related as usize],
            },
            // First names say the sex too.
            sex: match levels.sex {
                Sexes::Missing => 1.0,
                Sexes::Same if levels.first.is_right() => weights.own.sex[Sexes::Same as usize],
                Sexes::Different if levels.first.is_right() => {
                    weights.own.sex[Sexes::Different as usize]
                }
                _ => 0.5,
            },
            people: index.counts.people as f64,
        }
    }
}

impl Weights {
    /// How far the most different probability is.
    pub(crate) fn distance(&self, other: &Self) -> f64 {
        let (mut one, mut two) = (self.own.clone(), other.own.clone());
        let ones = one.tables().into_iter().flatten();
        let all =
            ones.zip(two.tables().into_iter().flatten()).map(|(one, two)| (*one - *two).abs());
        all.fold((self.coverage - other.coverage).abs(), f64::max)
    }

    /// The odds that the person of the row is this candidate, against that the register does not
    /// contain the person.
    pub(crate) fn of(&self, levels: &Levels, chances: &Chances) -> f64 {
        let [name, first, date, place, sex] = self.own.of(levels);
        let u = chances;
        let their_first = if levels.first == First::Called { OTHERS_LATER } else { first };
        let expected = u.people * u.name * u.first * u.date * u.place * u.sex
            + self.others.twins * name * date * place * u.first * u.sex
            + self.others.doubles * name * their_first * date * sex * u.place
            + SIBLINGS * name * place * u.first * u.date * u.sex
            + NAMESAKES
                * name
                * their_first
                * sex
                * u.date
                * (OF_THE_PLACE * place + (1.0 - OF_THE_PLACE) * u.place)
            + LEAST * name * first * date * place * sex;
        self.coverage / (1.0 - self.coverage) * name * first * date * place * sex / expected
    }
}

/// The number of rows that have a value.
fn rows_with(index: &Index, value: &Value<'_>) -> f64 {
    index.frequency(value.key()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Date, First, Place, Sexes};

    /// Everything the same, with a person of whom only relatives of one kind can be expected to
    /// look so.
    fn odds(others: Others, chances: Chances) -> f64 {
        let levels = Levels {
            name: Name::Same,
            first: First::Same,
            date: Date::Same,
            place: Place::Same,
            sex: Sexes::Same,
        };
        let mut own = Own::prior();
        own.tables().into_iter().for_each(|table| table.fill(0.5));
        Weights { coverage: 0.8, own, others }.of(&levels, &chances)
    }

    /// Against SPEC §18.4, worked out by hand for *m* of 0.5 and odds of 4 beforehand; 10⁻⁹ is left
    /// out.
    #[test]
    fn each_kind_of_people_who_look_alike_is_expected() {
        let nobody = || Others { twins: 0.0, doubles: 0.0, ..Others::prior() };
        let none = Chances { name: 0.0, first: 0.0, date: 0.0, place: 0.0, sex: 0.0, people: 0.0 };
        let is =
            |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-6, "{found}");
        // 4 · 0.5⁵ / (1000 · 0.1⁵)
        let stranger =
            Chances { name: 0.1, first: 0.1, date: 0.1, place: 0.1, sex: 0.1, people: 1000.0 };
        // Siblings are expected of these too: 0.5 · 0.5² · 0.1³, and namesakes: 0.05 · 0.5³ · 0.1 ·
        // (0.15 + 0.07)
        is(odds(nobody(), stranger), 0.125 / (0.01 + 1.25e-4 + 1.375e-4));
        // 0.2 · 0.5³ · 0.1 · 0.5
        let twin = Chances { first: 0.1, sex: 0.5, ..none };
        is(odds(Others { twins: 0.2, ..nobody() }, twin), 0.125 / 1.25e-3);
        // 0.2 · 0.5⁴ · 0.1
        let double = Chances { place: 0.1, ..none };
        is(odds(Others { doubles: 0.2, ..nobody() }, double), 0.125 / 1.25e-3);
        // 0.5 · 0.5² · 0.1 · 0.1 · 0.5, and namesakes: 0.05 · 0.5³ · 0.1 · 0.15
        let sibling = Chances { first: 0.1, date: 0.1, sex: 0.5, ..none };
        is(odds(nobody(), sibling), 0.125 / (6.25e-4 + 9.375e-5));
        // 0.05 · 0.5³ · 0.1 · (0.3 · 0.5 + 0.7 · 0.1)
        let namesake = Chances { date: 0.1, place: 0.1, ..none };
        is(odds(nobody(), namesake), 0.125 / 1.375e-4);
    }

    /// Doubles and namesakes have other later names more often than a row has another one than its
    /// person.
    #[test]
    fn later_names_differ_of_those_of_one_name() {
        let levels = Levels {
            name: Name::Same,
            first: First::Called,
            date: Date::Same,
            place: Place::Same,
            sex: Sexes::Same,
        };
        let mut own = Own::prior();
        own.tables().into_iter().for_each(|table| table.fill(0.5));
        own.first[First::Called as usize] = 0.01;
        let none = Chances { name: 0.0, first: 0.0, date: 0.0, place: 0.1, sex: 0.0, people: 0.0 };
        let others = Others { twins: 0.0, doubles: 0.2, ..Others::prior() };
        let found = Weights { coverage: 0.8, own, others }.of(&levels, &none);
        // 4 · 0.5⁴ · 0.01 / (0.2 · 0.5⁴ · 0.1), 10⁻⁹ left out.
        assert!((found / 2.0 - 1.0).abs() < 1e-6, "{found}");
    }
}
