//! Which columns of a file can be read as a field of civil status.

use cstatns_base::civil_status::Field;

use crate::error::TableError;
use crate::table::{Kind, Table};

/// What is said of a column of identifiers that is not text. A number of 15 digits could be read,
/// but where 2A and 2B had to become numbers they mostly became 19 and 18: then the key is right,
/// and the identifier that of somebody else.
pub const IDENTIFIERS: &str = "identifiers are text: a number cannot hold 2A, 2B or a leading zero";

/// Refuses a column that no value of the field can be read from. Those of a CSV file are all text.
pub fn need_field(table: &Table, field: Field, column: usize) -> Result<(), TableError> {
    let (kinds, needed): (&[Kind], _) = match field {
        Field::Nir => (&[Kind::Text], IDENTIFIERS),
        Field::DateNaissance => (
            &[Kind::Text, Kind::Day, Kind::Whole, Kind::Float(32), Kind::Float(64)],
            "dates are text such as 1984-05-12, dates without a time zone, or numbers such as \
            19840512",
        ),
        Field::Id | Field::Sexe | Field::CodeLieu => (
            &[Kind::Text, Kind::Whole, Kind::Float(32), Kind::Float(64)],
            "this field is text or whole numbers",
        ),
        _ => (&[Kind::Text], "names are text"),
    };
    table.need_kind(column, kinds, needed).map_err(|mut error| {
        if let TableError::ColumnType { field: of, .. } = &mut error {
            *of = Some(field);
        }
        error
    })
}
