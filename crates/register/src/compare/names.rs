//! Family names and first names.

use cstatns_base::civil_status::normalise::{same, solid, without_particles};

use crate::blocking::first_part;
use crate::distance::{Nearness, nearness};
use crate::layout::Row;

use super::Asked;

/// The family name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Name {
    /// The name given at birth.
    Same,
    /// The same without titles, another name and particles.
    Core,
    /// The usage name of the register, particles apart; or the row says it too, and another birth
    /// name.
    Usage,
    /// Whole words of it, or it and more words; all of its words in another order; or ten letters
    /// of its beginning, or more.
    Part,
    /// One error, or another spelling of one sound.
    Close,
    /// Two errors.
    Similar,
    /// The first name stands for it, and it for the first name; or both have the same words
    /// together.
    Exchanged,
    /// Another name.
    Other,
}

impl Name {
    pub(crate) const LEVELS: usize = 8;

    pub(crate) fn of(asked: &Asked<'_>, row: &Row<'_>) -> Self {
        let Asked { given, born, other, traits } = *asked;
        let has_usage = !row.nom_usage.is_empty();
        if asked.has_birth_name() && same(given, row.nom) {
            return Self::Same;
        }
        // Before the usage name, which may stand in its own column beside them.
        if is_exchanged(asked, row) {
            return Self::Exchanged;
        }
        let is_usage = |name: &str| has_usage && !name.is_empty() && same(name, row.nom_usage);
        if is_usage(given) {
            return Self::Usage;
        }
        let (core, row_core) = (without_particles(born), without_particles(row.nom));
        if asked.has_birth_name() && !core.is_empty() && same(core, row_core) {
            return Self::Core;
        }
        let usage_core =
            !core.is_empty() && has_usage && same(core, without_particles(row.nom_usage));
        if usage_core || [other, born, &traits.nom_usage].into_iter().any(is_usage) {
            return Self::Usage;
        }
        if is_part(core, row_core)
            || is_part(row_core, core)
            || asked.has_birth_name() && have_the_same_words([born, ""], [row.nom, ""])
        {
            return Self::Part;
        }
        let usage = if has_usage { nearness(born, row.nom_usage) } else { Nearness::Far };
        match nearness(core, row_core).min(nearness(born, row.nom)).min(usage) {
            Nearness::Same | Nearness::Close => Self::Close,
            Nearness::Similar => Self::Similar,
            Nearness::Far => Self::Other,
        }
    }
}

/// Each name stands in the other's place: the family name whole, and all first names or the first
/// few. A later one alone would be a second error, and is what a twin may have. Or all words are
/// there, and stand for the other name in part: HOA, NGUYENH THI for NGUYENH, THI HOA.
fn is_exchanged(asked: &Asked<'_>, row: &Row<'_>) -> bool {
    let prenoms = &*asked.traits.prenoms;
    let words = |name| if name == NAMELESS { "" } else { name };
    if have_the_same_words([words(asked.given), prenoms], [words(row.nom), row.prenoms])
        && !have_the_same_words([asked.given, ""], [row.nom, ""])
    {
        return true;
    }
    let is_name = |name: &str| {
        same(prenoms, name) || !name.is_empty() && same(prenoms, without_particles(name))
    };
    !prenoms.is_empty()
        && is_name(row.nom)
        && (same(asked.given, row.prenoms) || begins(asked.given, row.prenoms))
}

/// What registers say of somebody who has a first name alone: no word of a name.
const NAMELESS: &str = "SANS NOM";

/// Both have the same words, in whatever order.
fn have_the_same_words(a: [&str; 2], b: [&str; 2]) -> bool {
    let letters = |texts: [&str; 2]| texts.into_iter().flat_map(solid).count();
    letters(a) == letters(b) && sorted_words(a) == sorted_words(b)
}

fn sorted_words(texts: [&str; 2]) -> Vec<&str> {
    let words = texts.into_iter().flat_map(|text| text.split([' ', '-']));
    let mut words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.sort_unstable();
    words
}

/// Whole words of `name`, of three letters at least, are `part`; or so much of its beginning that
/// it was cut.
fn is_part(part: &str, name: &str) -> bool {
    let is_there = |words: &str| {
        words.len() >= 3
            && name.match_indices(words).any(|(at, _)| {
                let end = at + words.len();
                (at == 0 || name.as_bytes()[at - 1] == b' ')
                    && (end == name.len() || name.as_bytes()[end] == b' ')
            })
    };
    part.len() < name.len() && (is_there(part) || part.len() >= CUT && name.starts_with(part))
}

/// The least letters of a name that was cut.
const CUT: usize = 10;

/// The first names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum First {
    /// All of them.
    Same,
    /// The first one or few on a side, or all in another order, or later ones cut (initials).
    Begin,
    /// Others of them, or a part of a compound one; nothing that the other side does not have, and
    /// no other first one than the register's.
    Some,
    /// The first one, but the row has one that the register has not, and lacks one that it has.
    Called,
    /// As same, begin or some, and the first ones are a pair, with an error in a name, or another
    /// spelling of one sound.
    Close,
    /// As one of those, with two errors in a name where the first ones are a pair, or one in a name
    /// that is not the first.
    Similar,
    /// One is the same, but each side has one that the other has not.
    Shared,
    /// Others.
    Other,
    /// None on a side.
    Missing,
    /// A single letter, with which the register's begin.
    Initial,
    /// See [`Name::Exchanged`].
    Exchanged,
}

impl First {
    pub(crate) const LEVELS: usize = 8;

    pub(crate) fn of(given: &str, row: &str) -> Self {
        if given.is_empty() || row.is_empty() {
            return Self::Missing;
        }
        if same(given, row) {
            return Self::Same;
        }
        if begins(given, row) || begins(row, given) || is_cut(given, row) {
            return Self::Begin;
        }
        if [given, row].iter().any(|names| names.split([' ', '-']).nth(MOST).is_some()) {
            return Self::Other;
        }
        // Only names that are not ASCII have a letter of more than a byte.
        if given.chars().nth(1).is_none() {
            return if row.starts_with(given) { Self::Initial } else { Self::Other };
        }
        let (given, row) = (Names::of(given), Names::of(row));
        let first = first_part(given.0);
        // Hyphens count here: without them Jean-Pierre would be any Pierre whose second name is
        // Jean.
        if given.sorted(false) == row.sorted(false) {
            return Self::Begin;
        }
        let begin = nearness(first, first_part(row.0));
        let is_called = same(given.first(), row.first());
        let (given, row) = (given.sorted(true), row.sorted(true));
        // How near the worst name of one side is to its best on the other.
        let all = |few: &[&str], many: &[&str]| {
            let best = |name: &&str| many.iter().map(|other| nearness(name, other)).min();
            few.iter().filter_map(best).max().unwrap_or(Nearness::Far)
        };
        // The row may say more than the register, but not another first name: a twin who has a name
        // of this person's among the later ones looks so.
        let more = match begin <= Nearness::Similar || row.contains(&first) {
            true => all(&row, &given),
            false => Nearness::Far,
        };
        match all(&given, &row).min(more) {
            Nearness::Same => Self::Some,
            Nearness::Close if begin <= Nearness::Close => Self::Close,
            Nearness::Close => Self::Similar,
            Nearness::Similar if begin <= Nearness::Similar => Self::Similar,
            _ if is_called && given.iter().filter(|name| !row.contains(name)).count() == 1 => {
                Self::Called
            }
            _ if given.iter().any(|name| row.contains(name)) => Self::Shared,
            _ => Self::Other,
        }
    }

    /// They are another person's.
    pub(crate) fn is_against(self) -> bool {
        matches!(self, Self::Shared | Self::Other)
    }

    /// They have this person's, and none with an error.
    pub(crate) fn is_right(self) -> bool {
        matches!(self, Self::Same | Self::Begin | Self::Some | Self::Called | Self::Exchanged)
    }
}

/// `few` are the first ones of `many`, hyphens apart.
fn begins(few: &str, many: &str) -> bool {
    many.match_indices(' ').any(|(end, _)| same(few, &many[..end]))
}

/// The first ones are the same, and of each later one the row has the beginning: Jean P. M., or a
/// text that was cut.
fn is_cut(given: &str, row: &str) -> bool {
    let (mut given, mut row) = (given.split(' '), row.split(' '));
    given.next() == row.next()
        && given.all(|name| row.next().is_some_and(|whole| whole.starts_with(name)))
}

/// The most first names that are compared one by one, parts of compound ones counted: nobody has
/// more, and each would be compared with each.
const MOST: usize = 16;

/// First names, one by one.
struct Names<'a>(&'a str);

impl<'a> Names<'a> {
    fn of(text: &'a str) -> Self {
        Self(text)
    }

    /// With its hyphens.
    fn first(&self) -> &'a str {
        self.0.split(' ').next().unwrap_or_default()
    }

    fn sorted(&self, parts: bool) -> Vec<&'a str> {
        let mut names: Vec<_> = match parts {
            true => self.0.split([' ', '-']).collect(),
            false => self.0.split(' ').collect(),
        };
        names.sort_unstable();
        names
    }
}
