//! Which columns of a file can be read as a field of civil status.

use cstatns_base::civil_status::Field;
use cstatns_base::language::Words;
use cstatns_base::words;

use crate::error::TableError;
use crate::reading::Reading;
use crate::table::{Kind, Table};

/// What is said of a column of identifiers that is not text.
const IDENTIFIERS: &Words = words!("identifiers are text", "les identifiants sont du texte");

/// Refuses a column that no identifier is read from: one of numbers unless they were asked for. A
/// number of 15 digits can be read, but where 2A and 2B had to become numbers they mostly became 19
/// and 18: then the key is right, and the identifier that of somebody else.
///
/// # Errors
/// [`TableError::Numbers`], [`TableError::ColumnType`].
pub fn need_identifiers(
    table: &Table,
    column: usize,
    reading: &Reading<'_>,
) -> Result<(), TableError> {
    const NUMBERS: [Kind; 3] = [Kind::Whole, Kind::Float(64), Kind::Decimal];
    let is_number = NUMBERS.contains(&table.kind(column));
    match table.need_kind(column, &[Kind::Text, Kind::Bytes, Kind::Null], IDENTIFIERS) {
        Err(_) if is_number && reading.numbers => Ok(()),
        Err(TableError::ColumnType { path, column, found, .. }) if is_number => {
            Err(TableError::Numbers { path, column, found })
        }
        other => other,
    }
}

/// Refuses a column that no value of the field can be read from. Those of a CSV file are all text;
/// one of type null has no value.
pub fn need_field(table: &Table, field: Field, column: usize) -> Result<(), TableError> {
    if table.kind(column) == Kind::Null {
        return Ok(());
    }
    let (kinds, needed): (&[Kind], _) = match field {
        Field::Nir => (
            &[Kind::Text, Kind::Bytes],
            words!(
                "identifiers are text: a number cannot hold 2A or 2B",
                "les identifiants sont du texte : un nombre ne peut contenir 2A ni 2B",
            ),
        ),
        Field::DateNaissance => (
            &[Kind::Text, Kind::Bytes, Kind::Day, Kind::Whole, Kind::Float(32), Kind::Float(64)],
            words!(
                "dates are text such as 1984-05-12, dates without a time zone, or numbers such as \
            19840512",
                "les dates sont du texte comme 1984-05-12, des dates sans fuseau horaire, ou des nombres comme \
            19840512",
            ),
        ),
        Field::Id | Field::Sexe | Field::CodeLieu => (
            &[Kind::Text, Kind::Bytes, Kind::Whole, Kind::Float(32), Kind::Float(64)],
            words!(
                "this field is text or whole numbers",
                "ce champ est du texte ou des nombres entiers",
            ),
        ),
        _ => (&[Kind::Text, Kind::Bytes], words!("names are text", "les noms sont du texte")),
    };
    table.need_kind(column, kinds, needed).map_err(|mut error| {
        if let TableError::ColumnType { field: of, .. } = &mut error {
            *of = Some(field);
        }
        error
    })
}
