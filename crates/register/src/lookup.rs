//! Civil status → the person of the register, if it is certain who that is.

use std::collections::BTreeMap;

use cstatns::identifier::{Identifier, Nir, Scheme};

use crate::compare::Grade;
use crate::index::{Index, IndexError};
use crate::layout::{identifier_key, name_keys};
use crate::normalise::{self, PlaceCode, read_name, without_particles};
use crate::traits::{CivilStatus, Traits};

/// A row to be looked up. It has no `Debug`.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The civil status, as it stands in the file.
    pub civil_status: CivilStatus<'a>,
    /// The identifier that the row has as well, if there is one.
    pub identifier: Option<&'a Identifier>,
}

/// How good a look-up was. The first three have an identifier, in this order of certainty.
///
/// | word | here | RNIPP |
/// |---|---|---|
/// | `found` | every trait is the same, spelling apart | 2 |
/// | `rectified` | one trait differs in a way that has a rule | 3 |
/// | `usage-name` | every trait is the same, but the name is the usage name | 7 |
/// | `ambiguous` | several people, and nothing tells which | 6 |
/// | `near` | one person, with a trait missing, different, or two to be rectified | 4 |
/// | `not-found` | nobody of that name, date and first names | 8 |
/// | `malformed` | no name, or no date with a year, or a field longer than any name | 9 |
/// | `contradicted` | the identifier of the row is another person's | |
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quality {
    /// Every trait is the same, spelling apart.
    Found,
    /// One trait differs in a way that has a rule.
    Rectified,
    /// Found by the usage name.
    UsageName,
    /// Several people.
    Ambiguous,
    /// One person, not surely the one.
    Near,
    /// Nobody.
    NotFound,
    /// Nothing to look for.
    Malformed,
    /// The identifier of the row and its civil status are two people.
    Contradicted,
}

impl Quality {
    /// Every quality.
    pub const ALL: [Self; 8] = [
        Self::Found,
        Self::Rectified,
        Self::UsageName,
        Self::Ambiguous,
        Self::Near,
        Self::NotFound,
        Self::Malformed,
        Self::Contradicted,
    ];

    /// The word in results and reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Rectified => "rectified",
            Self::UsageName => "usage-name",
            Self::Ambiguous => "ambiguous",
            Self::Near => "near",
            Self::NotFound => "not-found",
            Self::Malformed => "malformed",
            Self::Contradicted => "contradicted",
        }
    }
}

/// What a look-up says of a row. There is no score: at this level a person is certain by rule or not given.
pub struct Answer {
    /// How good the look-up was.
    pub quality: Quality,
    /// The person's present identifier, with [`Quality::Found`], [`Quality::Rectified`] and [`Quality::UsageName`] only.
    pub identifier: Option<Identifier>,
}

impl From<Quality> for Answer {
    fn from(quality: Quality) -> Self {
        Self { quality, identifier: None }
    }
}

impl Index {
    /// Looks a row up. Any text is answered; the answer depends on nothing but the row and the index.
    ///
    /// A person is given if every trait agrees and no more than one of them had to be rectified, and if that holds for
    /// nobody else. With an identifier in the row, its person is given if that holds for them, or if no trait that the row
    /// has disagrees and it holds for nobody.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] if the file was changed since it was opened.
    pub fn look_up(&self, query: &Query<'_>) -> Result<Answer, IndexError> {
        let Some(traits) = read(&query.civil_status) else { return Ok(Quality::Malformed.into()) };
        let people = self.people(&traits)?;
        let complete = || people.iter().filter(|(_, grade)| grade.complete);
        let Some(identifier) = query.identifier else {
            return match (complete().next(), complete().count()) {
                (Some((person, grade)), 1) => self.answer(*person, grade.word),
                _ => Ok(uncertain(people.values()).into()),
            };
        };
        let known = std::str::from_utf8(identifier.canonical()).ok();
        let known = known.map_or(Ok(None), |identifier| self.row_of(identifier))?;
        let Some(row) = known else {
            // An identifier that the register does not have: right only if its person is not there either.
            let nobody_else = complete().next().is_none();
            return Ok(if nobody_else { uncertain(people.values()) } else { Quality::Contradicted }.into());
        };
        let person = self.present(row)?;
        match people.get(&person) {
            Some(grade) if grade.complete => self.answer(person, grade.word),
            _ if complete().next().is_some() => Ok(Quality::Contradicted.into()),
            Some(grade) if grade.conflicts == 0 => self.answer(person, grade.word),
            Some(_) => Ok(Quality::Near.into()),
            None => Ok(Quality::Contradicted.into()),
        }
    }

    /// The people of that name and date, each by the row of their present identifier, with the best grade of their rows.
    fn people(&self, traits: &Traits) -> Result<BTreeMap<u32, Grade>, IndexError> {
        let given = if traits.nom.is_empty() { &*traits.nom_usage } else { &*traits.nom };
        let mut people = BTreeMap::new();
        for key in name_keys(traits.date, [given, without_particles(read_name(given).0)]) {
            for at in self.rows_of(key) {
                if let Some(grade) = Grade::of(traits, &self.row(at)?, &self.places) {
                    let best = people.entry(self.present(at)?).or_insert(grade);
                    if grade.is_better_than(best) {
                        *best = grade;
                    }
                }
            }
        }
        Ok(people)
    }

    /// A row with this identifier, in canonical form.
    pub(crate) fn row_of(&self, identifier: &str) -> Result<Option<u32>, IndexError> {
        for at in self.rows_of(identifier_key(identifier)) {
            if self.row(at)?.identifier == identifier {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    fn answer(&self, person: u32, quality: Quality) -> Result<Answer, IndexError> {
        let accepted = Nir.parse(self.row(person)?.identifier.as_bytes()).map_err(|_| self.damaged())?;
        Ok(Answer { quality, identifier: Some(accepted.identifier) })
    }
}

/// The traits of a row; those that cannot be read are missing, but not the name or the date.
fn read(given: &CivilStatus<'_>) -> Option<Traits> {
    let mut given = *given;
    if normalise::sex(given.sexe).is_none() {
        given.sexe = "";
    }
    if PlaceCode::read(given.code_lieu).is_none() {
        given.code_lieu = "";
    }
    Traits::read(&given).ok().filter(|traits| traits.date != 0)
}

/// What is said where nobody is given.
fn uncertain<'a>(grades: impl Iterator<Item = &'a Grade> + Clone) -> Quality {
    let Some(fewest) = grades.clone().map(|grade| grade.conflicts).min() else { return Quality::NotFound };
    match (fewest, grades.filter(|grade| grade.conflicts == fewest).count()) {
        (0 | 1, 1) => Quality::Near,
        (0 | 1, _) => Quality::Ambiguous,
        _ => Quality::NotFound,
    }
}
