//! The civil status of a person: its fields, which columns of a file hold them, and their normal
//! forms (SPEC §18).

use crate::identifier::Scheme;

mod columns;
pub mod normalise;
pub mod request;
mod years;

pub use columns::{Columns, ColumnsError, Field, Seen};
pub use years::Years;

/// The scheme of the identifiers that people have in a register, and in data that is looked up
/// there.
pub const SCHEME: Scheme = Scheme::FrNir;

/// The civil status of a person as it stands in a file. A field that is not there is empty.
///
/// It has no `Debug`. Names are read in any case, with or without accents, hyphens, apostrophes or
/// spaces; dates, sexes and codes of places in the forms of [`Field::forms`].
#[derive(Clone, Copy, Default)]
pub struct CivilStatus<'a> {
    /// The family name given at birth.
    pub nom: &'a str,
    /// The name that the person goes by (*nom d'usage*).
    pub nom_usage: &'a str,
    /// The first names, all of them.
    pub prenoms: &'a str,
    /// The sex.
    pub sexe: &'a str,
    /// The date of birth.
    pub date_naissance: &'a str,
    /// The code of the commune of birth, or of the country (99…).
    pub code_lieu: &'a str,
    /// The name of the place of birth.
    pub libelle_lieu: &'a str,
    /// The country of birth.
    pub pays: &'a str,
}
