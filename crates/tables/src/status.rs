//! The fields of civil status as they travel in a request (SPEC §6): what `prepare` lets through, and how the service
//! reads it.

use cstatns_register::{CivilStatus, Field};

/// The fields of a row, in the order of a request's columns; the identifier where the data has one.
pub(crate) const FIELDS: [Field; 9] = [
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
pub(crate) const COLUMNS: [&str; FIELDS.len()] = [
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
pub(crate) const IDENTIFIER: usize = FIELDS.len() - 1;

/// The texts of a row, in the order of [`FIELDS`].
pub(crate) type Texts<'a> = [&'a str; FIELDS.len()];

/// All of them but the identifier.
pub(crate) fn civil_status<'a>(texts: &Texts<'a>) -> CivilStatus<'a> {
    let [nom, nom_usage, prenoms, sexe, date_naissance, code_lieu, libelle_lieu, pays, _] = *texts;
    CivilStatus { nom, nom_usage, prenoms, sexe, date_naissance, code_lieu, libelle_lieu, pays }
}

/// Whether somebody could be found by these: a name, and a date.
pub(crate) fn is_enough(texts: &Texts<'_>) -> bool {
    let given = civil_status(texts);
    let has_name = !given.nom.is_empty() || !given.nom_usage.is_empty();
    has_name && !given.date_naissance.is_empty()
}

/// Whether a column must be the wrong one if most of its cells cannot be read. The others may hold anything, and what
/// cannot be read of them does not travel.
pub(crate) fn is_told_by_its_cells(field: Field) -> bool {
    !matches!(field, Field::NomUsage | Field::LibelleLieu | Field::Pays)
}
