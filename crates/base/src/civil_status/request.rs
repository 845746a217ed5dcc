//! The fields of civil status as they travel in a request (SPEC §6).

use super::{CivilStatus, Field};

/// The fields of a row, in the order of a request's columns; the identifier where the data has one.
pub const FIELDS: [Field; 9] = [
    Field::Nom,
    Field::NomUsage,
    Field::Prenoms,
    Field::Sexe,
    Field::DateNaissance,
    Field::CodeLieu,
    Field::LibelleLieu,
    Field::Pays,
    Field::Nir,
];

/// Their columns. The identifier is the last one.
pub const COLUMNS: [&str; FIELDS.len()] = [
    "nom",
    "nom_usage",
    "prenoms",
    "sexe",
    "date_naissance",
    "code_lieu",
    "libelle_lieu",
    "pays",
    "identifier",
];

/// The place of the identifier.
pub const IDENTIFIER: usize = FIELDS.len() - 1;

/// The texts of a row, in the order of [`FIELDS`].
pub type Texts<'a> = [&'a str; FIELDS.len()];

/// All of them but the identifier.
pub fn civil_status<'a>(texts: &Texts<'a>) -> CivilStatus<'a> {
    let [nom, nom_usage, prenoms, sexe, date_naissance, code_lieu, libelle_lieu, pays, _] = *texts;
    CivilStatus { nom, nom_usage, prenoms, sexe, date_naissance, code_lieu, libelle_lieu, pays }
}

/// Whether somebody could be found by these: a name, and a date.
pub fn is_enough(texts: &Texts<'_>) -> bool {
    let given = civil_status(texts);
    let has_name = !given.nom.is_empty() || !given.nom_usage.is_empty();
    has_name && !given.date_naissance.is_empty()
}
