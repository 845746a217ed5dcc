//! How well the civil status of a row and a person of the register agree, trait by trait.

use crate::layout::Row;
use crate::lookup::Quality;
use crate::normalise::{is_partial, read_name, same, without_particles};
use crate::places::Places;
use crate::traits::Traits;

/// One trait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Agreement {
    /// One normal form.
    Same,
    /// Different, in a way that has a rule.
    Rectified,
    /// Nothing to compare on one of the sides.
    Missing,
    /// Different.
    Conflict,
}

/// A person of whom the name and the date agree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grade {
    /// What the look-up would be called if this is the person.
    pub(crate) word: Quality,
    /// Every trait is there, and no more than one of them had to be rectified; none where the date is partial.
    pub(crate) complete: bool,
    /// Traits that differ without a rule.
    pub(crate) conflicts: u8,
}

impl Grade {
    pub(crate) fn is_better_than(&self, other: &Self) -> bool {
        let rank = |grade: &Self| (!grade.complete, grade.conflicts, grade.word);
        rank(self) < rank(other)
    }

    /// `None`: another name, another date, or other first names, and so another person.
    pub(crate) fn of(query: &Traits, row: &Row<'_>, places: &Places) -> Option<Self> {
        if query.date != row.date || query.date == 0 {
            return None;
        }
        let (name, by_usage) = name(query, row)?;
        let first = first_names(&query.prenoms, row.prenoms);
        if first == Agreement::Conflict {
            return None;
        }
        // That nothing is said of the sex is one difference, not a lack: first names say it too.
        let sex = match (query.sexe as u8, row.sexe as u8) {
            (a, b) if a == b && a != 0 => Agreement::Same,
            (0, _) | (_, 0) => Agreement::Rectified,
            _ => Agreement::Conflict,
        };
        let all = [name, first, sex, place(query, row, places)];
        let count = |agreement| all.iter().filter(|found| **found == agreement).count();
        let differences = count(Agreement::Rectified) + usize::from(by_usage);
        // Many people share a year: then nothing else may differ.
        let allowed = usize::from(!is_partial(query.date));
        Some(Self {
            word: match differences {
                0 => Quality::Found,
                _ if by_usage => Quality::UsageName,
                _ => Quality::Rectified,
            },
            complete: count(Agreement::Missing) == 0
                && count(Agreement::Conflict) == 0
                && differences <= allowed,
            conflicts: count(Agreement::Conflict) as u8,
        })
    }
}

/// The family name, and whether it is the other one of the register that agrees.
fn name(query: &Traits, row: &Row<'_>) -> Option<(Agreement, bool)> {
    let given = if query.nom.is_empty() { &*query.nom_usage } else { &*query.nom };
    if !query.nom.is_empty() && same(given, row.nom) {
        return Some((Agreement::Same, false));
    }
    if !row.nom_usage.is_empty() && same(given, row.nom_usage) {
        return Some((Agreement::Same, true));
    }
    let core = |name| without_particles(read_name(name).0);
    let rectified = !query.nom.is_empty() && same(core(given), without_particles(row.nom));
    (rectified && !core(given).is_empty()).then_some((Agreement::Rectified, false))
}

/// Rectified: the first one or the first few of the register, or all of them in another order.
fn first_names(given: &str, row: &str) -> Agreement {
    if given.is_empty() || row.is_empty() {
        return Agreement::Missing;
    }
    if same(given, row) {
        return Agreement::Same;
    }
    let begins = row.match_indices(' ').any(|(end, _)| same(given, &row[..end]));
    // Hyphens count here: without them Jean-Pierre would be any Pierre whose second name is Jean.
    fn sorted(names: &str) -> Vec<&str> {
        let mut names: Vec<_> = names.split(' ').collect();
        names.sort_unstable();
        names
    }
    if begins || sorted(given) == sorted(row) { Agreement::Rectified } else { Agreement::Conflict }
}

/// The place of birth: by code; by name where one side has no code, and within a country other than France.
fn place(query: &Traits, row: &Row<'_>, places: &Places) -> Agreement {
    match (query.code, row.code) {
        (Some(a), Some(b)) if a == b && !a.is_abroad() => Agreement::Same,
        (Some(a), Some(b)) if a == b => match (&**query.libelle, row.libelle) {
            (a, b) if same(a, b) => Agreement::Same,
            ("", _) | (_, "") => Agreement::Missing,
            _ => Agreement::Conflict,
        },
        (Some(a), Some(b)) if places.are_one(a, b) => Agreement::Rectified,
        (Some(_), Some(_)) => Agreement::Conflict,
        (a, b) => {
            let named = |code: Option<_>, name: &str| code.is_some_and(|code| places.is_named(code, name));
            let other_country =
                !query.pays.is_empty() && !row.pays.is_empty() && !same(&query.pays, row.pays);
            if query.libelle.is_empty() && a.is_none() || row.libelle.is_empty() && b.is_none() {
                Agreement::Missing
            } else if other_country {
                Agreement::Conflict
            } else if !query.libelle.is_empty() && same(&query.libelle, row.libelle)
                || named(b, &query.libelle)
                || named(a, row.libelle)
            {
                Agreement::Rectified
            } else if query.libelle.is_empty() || row.libelle.is_empty() {
                Agreement::Missing
            } else {
                Agreement::Conflict
            }
        }
    }
}
