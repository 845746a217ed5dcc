//! How far the civil status of a row and a person of the register agree, trait by trait.

mod date;
mod names;
mod place;
#[cfg(test)]
mod tests;

use cstatns_base::civil_status::normalise::read_name;

use crate::layout::Row;
use crate::places::Places;
use crate::traits::Traits;

pub(crate) use date::Date;
pub(crate) use names::{First, Name};
pub(crate) use place::Place;

/// The sex.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sexes {
    Same,
    Different,
    /// Not said on a side.
    Missing,
}

impl Sexes {
    pub(crate) const LEVELS: usize = 2;
}

/// The level of agreement of each trait. Those that are not in a table come last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Levels {
    pub(crate) name: Name,
    pub(crate) first: First,
    pub(crate) date: Date,
    pub(crate) place: Place,
    pub(crate) sex: Sexes,
}

/// A row that is looked up.
pub(crate) struct Asked<'a> {
    pub(crate) traits: &'a Traits,
    /// What stands for a family name: `nom`, or `nom_usage` where there is none.
    pub(crate) given: &'a str,
    /// `given` without titles and another name, and that other name (18.2).
    pub(crate) born: &'a str,
    pub(crate) other: &'a str,
}

impl<'a> Asked<'a> {
    pub(crate) fn of(traits: &'a Traits) -> Self {
        let given = if traits.nom.is_empty() { &*traits.nom_usage } else { &*traits.nom };
        let (born, other) = read_name(given);
        Self { traits, given, born, other }
    }

    /// The row has a name given at birth.
    pub(crate) fn has_birth_name(&self) -> bool {
        !self.traits.nom.is_empty()
    }
}

impl Levels {
    /// `None`: two of name, first names and date are of somebody else. That is no candidate.
    pub(crate) fn of(asked: &Asked<'_>, row: &Row<'_>, places: &Places) -> Option<Self> {
        let traits = asked.traits;
        let date = Date::of(traits.date, row.date);
        let first = First::of(&traits.prenoms, row.prenoms);
        if date == Date::Other && first.is_against() {
            return None;
        }
        let name = Name::of(asked, row);
        if name == Name::Other
            && (date == Date::Other
                || first.is_against()
                || matches!(first, First::Missing | First::Initial))
        {
            return None;
        }
        let first = if name == Name::Exchanged { First::Exchanged } else { first };
        let sex = match (traits.sexe as u8, row.sexe as u8) {
            (0, _) | (_, 0) => Sexes::Missing,
            (a, b) if a == b => Sexes::Same,
            _ => Sexes::Different,
        };
        Some(Self { name, first, date, place: Place::of(traits, row, places), sex })
    }

    /// Where each trait, in the order of the fields, stands in a table of its levels; nothing where
    /// there is nothing to compare, or another trait says it.
    pub(crate) fn indices(&self) -> [Option<usize>; 5] {
        let index = |level: usize, levels: usize| (level < levels).then_some(level);
        [
            Some(self.name as usize),
            index(self.first as usize, First::LEVELS),
            index(self.date as usize, Date::LEVELS),
            index(self.place as usize, Place::LEVELS),
            index(self.sex as usize, Sexes::LEVELS),
        ]
    }

    /// Every trait is there, and is the same.
    pub(crate) fn are_all_the_same(&self) -> bool {
        let Self { name, first, date, place, sex } = self;
        (*name, *first, *date, *place, *sex)
            == (Name::Same, First::Same, Date::Same, Place::Same, Sexes::Same)
    }

    /// The name, the first names or the date are another person's altogether, and not as an error
    /// would have made them.
    pub(crate) fn are_of_another(&self) -> bool {
        self.name == Name::Other || self.first.is_against() || self.date == Date::Other
    }

    /// A trait is another person's altogether: nobody is given on such grounds, whatever the other
    /// traits say. Another sex is an error where the first names, which say it too, are right, one
    /// error apart.
    pub(crate) fn are_against(&self) -> bool {
        self.are_of_another()
            || self.place == Place::Other
            || self.sex == Sexes::Different && !self.first.is_right() && self.first != First::Close
    }
}
