//! Civil status → the person of the register, if it is certain who that is.

use cstatns_base::civil_status::normalise::{self, PlaceCode};
use cstatns_base::civil_status::{CivilStatus, SCHEME, Years};
use cstatns_base::identifier::Identifier;
use cstatns_base::look_up::MatchQuality;

use crate::blocking::identifier_key;
use crate::candidates::{Candidate, Search};
use crate::compare::{Asked, Levels, Name};
use crate::index::{Index, IndexError};
use crate::traits::Traits;
use crate::weights::Weights;

/// A row to be looked up. It has no `Debug`.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The civil status, as it stands in the file.
    pub civil_status: CivilStatus<'a>,
    /// The identifier that the row has as well, if there is one.
    pub identifier: Option<&'a Identifier>,
}

/// The least score with which a person is given. It is a bound and not what is usual: who is given
/// without a doubt has 0.99 and more.
pub const CERTAIN: f64 = 0.95;

/// How many times as probable as the next one a person is for whom the next one is not in question.
const APART: f64 = 20.0;

/// The least score of somebody who is near.
const NEAR: f64 = 0.05;

/// What a look-up says of a row.
#[non_exhaustive]
pub struct Answer {
    /// How good the look-up was.
    pub quality: MatchQuality,
    /// The person's present identifier, with [`MatchQuality::Found`], [`MatchQuality::Rectified`]
    /// and [`MatchQuality::UsageName`] only.
    pub identifier: Option<Identifier>,
    /// From 0 to 1: the probability that the person of the row is the one that fits best, given or
    /// not; 0 where nobody fits.
    pub score: f64,
}

impl From<MatchQuality> for Answer {
    fn from(quality: MatchQuality) -> Self {
        Self { quality, identifier: None, score: 0.0 }
    }
}

impl Index {
    /// Looks a row up. Any text is answered; the answer depends on nothing but the row, the
    /// weights, the index and its [`Years`].
    ///
    /// A person is given if their score is at least [`CERTAIN`] and no trait is against them.
    /// Candidates compete: a score is the share of one in the probability of all, and of the chance
    /// that the register does not have the person.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] if the file was changed since it was opened.
    pub fn look_up(&self, weights: &Weights, query: &Query<'_>) -> Result<Answer, IndexError> {
        Ok(self.search(weights, query)?.0)
    }

    /// Looks a row up whose person is known, to see what scores are worth: the answer, and whether
    /// the one that fits best, given or not, is the person with the identifier `truth`. That is all
    /// it says about somebody who is not given.
    ///
    /// # Errors
    /// As [`look_up`](Self::look_up).
    pub fn evaluate(
        &self,
        weights: &Weights,
        query: &Query<'_>,
        truth: Option<&Identifier>,
    ) -> Result<(Answer, bool), IndexError> {
        let (answer, best) = self.search(weights, query)?;
        let (Some(best), Some(truth)) = (best, truth) else { return Ok((answer, false)) };
        Ok((answer, self.person_of(truth)? == Some(best)))
    }

    /// The answer, and the person who fits best, if there is anybody.
    fn search(
        &self,
        weights: &Weights,
        query: &Query<'_>,
    ) -> Result<(Answer, Option<u32>), IndexError> {
        let Some(traits) = read(&query.civil_status, self.years()) else {
            return Ok((MatchQuality::Malformed.into(), None));
        };
        let people = Search::all(self, &Asked::of(&traits), weights)?;
        let found = Found::of(&people);
        let answer = match query.identifier {
            None => self.answer(&found)?,
            Some(identifier) => self.checked(&people, &found, identifier)?,
        };
        Ok((answer, people.first().map(|(_, best)| best.person)))
    }

    /// What is said of a row that has an identifier as well.
    fn checked(
        &self,
        people: &[(f64, Candidate)],
        found: &Found,
        identifier: &Identifier,
    ) -> Result<Answer, IndexError> {
        let contradicted = Answer { score: found.score, ..MatchQuality::Contradicted.into() };
        let Some(person) = self.person_of(identifier)? else {
            // An identifier that the register does not have: right only if its person is not there
            // either.
            let unknown = Answer { score: found.score, ..found.quality.into() };
            return Ok(if found.person.is_some() { contradicted } else { unknown });
        };
        let Some((_, own)) = people.iter().find(|(_, one)| one.person == person) else {
            return Ok(contradicted);
        };
        // The identifier is one more trait: it agrees with its person, and is against everybody
        // else.
        let is = |one: &Candidate| {
            if one.person == person { self.counts.people as f64 } else { OTHER_IDENTIFIER }
        };
        let mut weighed: Vec<_> =
            people.iter().map(|(weight, one)| (weight * is(one), *one)).collect();
        weighed.sort_by(|a, b| b.0.total_cmp(&a.0));
        let with = Found::of(&weighed);
        let is_another =
            found.score > 0.5 && people.first().is_some_and(|(_, best)| best.person != person);
        match found.person {
            Some(other) if other != person => Ok(contradicted),
            _ if with.person == Some(person) => self.answer(&with),
            _ if own.levels.are_of_another() || is_another => Ok(contradicted),
            _ => Ok(Answer { score: with.score, ..MatchQuality::Near.into() }),
        }
    }

    /// The row of the present identifier of the person who has or had this one.
    fn person_of(&self, identifier: &Identifier) -> Result<Option<u32>, IndexError> {
        let row = std::str::from_utf8(identifier.canonical()).ok();
        let row = row.map_or(Ok(None), |identifier| self.row_of(identifier))?;
        row.map(|row| self.present(row)).transpose()
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

    fn answer(&self, found: &Found) -> Result<Answer, IndexError> {
        let Found { person, quality, score } = *found;
        let Some(person) = person else { return Ok(Answer { score, ..quality.into() }) };
        let accepted =
            SCHEME.parse(self.row(person)?.identifier.as_bytes()).map_err(|_| self.damaged())?;
        Ok(Answer { quality, identifier: Some(accepted.identifier), score })
    }
}

/// How often, at the most, an identifier that the register has is another person's than the row's.
const OTHER_IDENTIFIER: f64 = 0.01;

/// Who was found.
struct Found {
    person: Option<u32>,
    quality: MatchQuality,
    score: f64,
}

impl Found {
    /// Of people with their odds, most probable first.
    fn of(people: &[(f64, Candidate)]) -> Self {
        let sum = 1.0 + people.iter().map(|(weight, _)| weight).sum::<f64>();
        let score = |nth: usize| people.get(nth).map_or(0.0, |(weight, _)| weight / sum);
        let (best, next) = (score(0), score(1));
        let Some((_, first)) = people.first().filter(|_| best >= NEAR) else {
            return Self { person: None, quality: MatchQuality::NotFound, score: best };
        };
        let given = best >= CERTAIN && !first.levels.are_against();
        let quality = match first.levels {
            levels if given => word(&levels),
            _ if next * APART > best && 1.0 / sum < 0.5 => MatchQuality::Ambiguous,
            _ => MatchQuality::Near,
        };
        Self { person: given.then_some(first.person), quality, score: best }
    }
}

fn word(levels: &Levels) -> MatchQuality {
    match levels {
        levels if levels.are_all_the_same() => MatchQuality::Found,
        Levels { name: Name::Usage, .. } => MatchQuality::UsageName,
        _ => MatchQuality::Rectified,
    }
}

/// The traits of a row; those that cannot be read are missing, but not the name or the date.
pub(crate) fn read(given: &CivilStatus<'_>, years: Years) -> Option<Traits> {
    let mut given = *given;
    if normalise::sex(given.sexe).is_none() {
        given.sexe = "";
    }
    if PlaceCode::read(given.code_lieu).is_none() {
        given.code_lieu = "";
    }
    Traits::read(&given, years).ok().filter(|traits| traits.date != 0)
}
