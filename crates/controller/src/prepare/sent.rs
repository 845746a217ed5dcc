//! Which columns are sent, and that the others can stay beside their codes (SPEC §6).

use cstatns_base::civil_status::request::{FIELDS, IDENTIFIER};
use cstatns_base::civil_status::{Columns, ColumnsError, Field, Years};
use cstatns_base::identifier::Scheme;
use cstatns_rows::fields;
use cstatns_rows::guard::names::trimmed;
use cstatns_rows::reading::Reading;
use cstatns_rows::table::Table;

use crate::named::{Clash, Names};

use super::{Column, PrepareError};

/// Where the columns that are sent stand.
pub(super) enum Sent {
    Identifiers(Vec<usize>, Scheme),
    Codes(Vec<usize>),
    CivilStatus([Option<usize>; FIELDS.len()], Years),
}

impl Sent {
    /// The columns in the order in which they were named; those of civil status ascending.
    pub(super) fn columns(&self) -> Vec<usize> {
        match self {
            Self::Identifiers(columns, _) | Self::Codes(columns) => columns.clone(),
            Self::CivilStatus(columns, _) => {
                let mut sent: Vec<usize> = columns.iter().copied().flatten().collect();
                sent.sort_unstable();
                sent.dedup();
                sent
            }
        }
    }

    /// How many rows of the request each row of the data has.
    pub(super) fn cells(&self) -> usize {
        match self {
            Self::Identifiers(columns, _) | Self::Codes(columns) => columns.len(),
            Self::CivilStatus(..) => 1,
        }
    }

    /// The columns of identifiers or codes.
    pub(super) fn identifiers(&self) -> Vec<usize> {
        match self {
            Self::Identifiers(columns, _) | Self::Codes(columns) => columns.clone(),
            Self::CivilStatus(columns, _) => columns[IDENTIFIER].into_iter().collect(),
        }
    }
}

/// Where the columns are, once the others are seen to have no reserved name.
pub(super) fn find_columns(
    table: &Table,
    column: Column<'_>,
    reading: &Reading<'_>,
) -> Result<Sent, PrepareError> {
    const FIRST: &[&str] = &["index", "status", "code", "quality", "score"];
    let (found, reserved_for) = match column {
        Column::Identifiers { columns, scheme } => {
            let columns = find_all(table, columns)?;
            for column in &columns {
                fields::need_identifiers(table, *column, reading)?;
            }
            (Sent::Identifiers(columns, scheme), FIRST)
        }
        Column::Codes(columns) => (Sent::Codes(find_all(table, columns)?), &FIRST[..3]),
        Column::Coded(_) => (Sent::Codes(find_all(table, &["code"])?), &FIRST[..3]),
        Column::CivilStatus { map, years } => {
            (Sent::CivilStatus(find_fields(table, map, reading)?, years), FIRST)
        }
    };
    for (at, name) in table.header().iter().enumerate() {
        let trimmed = trimmed(name);
        let Some(reserved) = FIRST.iter().find(|reserved| trimmed.eq_ignore_ascii_case(reserved))
        else {
            continue;
        };
        // The column of codes gives its place to the new one, which has that name. A coding before
        // wrote the others.
        let replaced =
            *reserved == "code" && matches!(&found, Sent::Codes(codes) if codes.contains(&at));
        let written = !reserved_for.contains(reserved) && name == reserved.as_bytes();
        if !replaced && !written {
            let column = (*reserved).into();
            return Err(PrepareError::Reserved { path: table.path().to_owned(), column });
        }
    }
    if found.cells() > 1 {
        let is_renewal = matches!(found, Sent::Codes(_));
        Names::of(table, &found.columns(), is_renewal).map_err(|clash| {
            let path = table.path().to_owned();
            let column = |at: usize| table.shown_columns()[at].clone();
            match clash {
                Clash::Reserved(at) => PrepareError::Reserved { path, column: column(at) },
                Clash::Unnamed(at) => PrepareError::Unnamed { path, column: column(at) },
                Clash::Twice(at) => PrepareError::SentTwice { path, column: column(at) },
            }
        })?;
    }
    Ok(found)
}

/// Where the columns are of these names or numbers, each once.
fn find_all(table: &Table, names: &[&str]) -> Result<Vec<usize>, PrepareError> {
    let path = || table.path().to_owned();
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        let at = table.need_named(name)?;
        if found.contains(&at) {
            let column = table.shown_columns()[at].clone();
            return Err(PrepareError::SentTwice { path: path(), column });
        }
        found.push(at);
    }
    if found.is_empty() {
        return Err(PrepareError::NoColumn { path: path() });
    }
    Ok(found)
}

/// Where the fields of civil status are. A name, the first names and the date must be there.
fn find_fields(
    table: &Table,
    map: &[(Field, &str)],
    reading: &Reading<'_>,
) -> Result<[Option<usize>; FIELDS.len()], PrepareError> {
    let path = || table.path().to_owned();
    let missing = |field, column: &str| {
        let missing = table.missing_named(map, column);
        PrepareError::MissingField { field, missing }
    };
    let needed = [Field::Prenoms, Field::DateNaissance];
    let mut header = table.header().to_vec();
    for (_, name) in map {
        // One by its number, unless it is the name of another.
        if let (Some(at), None) = (table.find_named(name)?, table.find(name)?) {
            header[at] = name.as_bytes().to_vec();
        }
    }
    let columns = Columns::find(&header, map, &needed).map_err(|error| match &error {
        ColumnsError::Missing { field, .. } => {
            let mapped = map.iter().find(|(mapped, _)| mapped == field);
            missing(*field, mapped.map_or(field.name(), |(_, column)| *column))
        }
        _ => PrepareError::Fields { path: path(), error },
    })?;
    if columns.of(Field::Nom).or(columns.of(Field::NomUsage)).is_none() {
        return Err(missing(Field::Nom, Field::Nom.name()));
    }
    let columns = FIELDS.map(|field| columns.of(field));
    for (field, column) in FIELDS.into_iter().zip(columns) {
        match (field, column) {
            (_, None) => {}
            (Field::Nir, Some(column)) => fields::need_identifiers(table, column, reading)?,
            (_, Some(column)) => fields::need_field(table, field, column)?,
        }
    }
    Ok(columns)
}
