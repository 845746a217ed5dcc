//! The civil status of a person: as it stands in a file, and in normal form.

use cstatns_base::civil_status::normalise::{self, PlaceCode, Sex, TooLong};
use cstatns_base::civil_status::{CivilStatus, Years};
use zeroize::Zeroizing;

/// A civil status in normal form, wiped when it is dropped.
pub(crate) struct Traits {
    pub(crate) nom: Zeroizing<String>,
    pub(crate) nom_usage: Zeroizing<String>,
    pub(crate) prenoms: Zeroizing<String>,
    pub(crate) sexe: Sex,
    /// See [`normalise::date`].
    pub(crate) date: u32,
    pub(crate) code: Option<PlaceCode>,
    pub(crate) libelle: Zeroizing<String>,
    pub(crate) pays: Zeroizing<String>,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TraitFault {
    /// A name without a letter or digit.
    Name,
    /// No date, or not one of the forms that are read, or in no year in which somebody is born
    /// ([`Years`]).
    Date,
    /// Not one of the signs for a sex.
    Sex,
    /// Not the code of a commune or country.
    PlaceCode,
    /// Longer than any name: more than 255 bytes in normal form.
    TooLong,
}

impl From<TooLong> for TraitFault {
    fn from(TooLong: TooLong) -> Self {
        Self::TooLong
    }
}

impl Traits {
    pub(crate) fn read(given: &CivilStatus<'_>, years: Years) -> Result<Self, TraitFault> {
        let traits = Self {
            nom: normalise::name(given.nom)?,
            nom_usage: normalise::name(given.nom_usage)?,
            prenoms: normalise::first_names(given.prenoms)?,
            sexe: normalise::sex(given.sexe).ok_or(TraitFault::Sex)?,
            date: normalise::date(given.date_naissance, years).ok_or(TraitFault::Date)?,
            code: PlaceCode::read(given.code_lieu).ok_or(TraitFault::PlaceCode)?,
            libelle: normalise::place_name(given.libelle_lieu)?,
            pays: normalise::name(given.pays)?,
        };
        if traits.nom.is_empty() && traits.nom_usage.is_empty() {
            return Err(TraitFault::Name);
        }
        Ok(traits)
    }
}
