//! The fields of civil status as they travel in a request (SPEC §6): what `prepare` lets through, and how the service
//! reads it.

use cstatns::civil_status::{CivilStatus, Field};

use crate::error::TableError;
use crate::table::{Kind, Source};

/// What is said of a column of identifiers that is not text. A number of 15 digits could be read, but where 2A and 2B had to
/// become numbers they mostly became 19 and 18: then the key is right, and the identifier that of somebody else.
pub(crate) const IDENTIFIERS: &str =
    "identifiers are text: a number cannot hold 2A, 2B or a leading zero, convert at the source";

/// Refuses a column that no value of the field can be read from. Those of a CSV file are all text.
pub(crate) fn need_field(source: &Source, field: Field, column: usize) -> Result<(), TableError> {
    let (kinds, needed): (&[Kind], _) = match field {
        Field::Nir => (&[Kind::Text], IDENTIFIERS),
        Field::DateNaissance => (
            &[Kind::Text, Kind::Day, Kind::Whole, Kind::Float(32), Kind::Float(64)],
            "dates are text such as 1984-05-12, dates without a time zone, or numbers such as 19840512: convert at the source",
        ),
        Field::Id | Field::Sexe | Field::CodeLieu => (
            &[Kind::Text, Kind::Whole, Kind::Float(32), Kind::Float(64)],
            "this field is text or whole numbers: choose another column with --map, or convert at the source",
        ),
        _ => (&[Kind::Text], "names are text: choose another column with --map, or convert at the source"),
    };
    source.need_kind(column, kinds, needed)
}

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
