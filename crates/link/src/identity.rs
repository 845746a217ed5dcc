//! The guard: nothing that says who somebody is stays in what a linking body makes, or leaves it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cstatns_base::coded::ColumnName;
use cstatns_base::name::Name;
use cstatns_controller::Kept;
use cstatns_rows::guard::names::{Says, says};
use cstatns_rows::guard::{Found, Shown};

use crate::error::LinkError;

/// Refuses columns by their names: those of names of people, and a date of birth beside a place of
/// birth. `shown` says how an error names each of them.
pub(crate) fn check_names(
    path: &Path,
    names: &[Vec<u8>],
    accepted: &BTreeMap<String, Name>,
    shown: impl Fn(usize) -> ColumnName,
) -> Result<(), LinkError> {
    let is_accepted =
        |column: usize| accepted.contains_key(&*String::from_utf8_lossy(&names[column]));
    let find =
        |wanted| (0..names.len()).find(|at| says(&names[*at]) == Some(wanted) && !is_accepted(*at));
    let refused = |column, kept| {
        let path: PathBuf = path.to_owned();
        Err(LinkError::Identity { path, column: shown(column), kept })
    };
    if let Some(column) = find(Says::Who) {
        return refused(column, Kept::Who);
    }
    match (find(Says::Born), find(Says::Place)) {
        (Some(column), Some(place)) => refused(column, Kept::Born { place: shown(place) }),
        _ => Ok(()),
    }
}

/// Refuses columns by their cells, of which all were looked at: those that hold identifiers, or
/// rows that a missing quote swallowed.
pub(crate) fn check_cells(
    path: &Path,
    names: &[Vec<u8>],
    accepted: &BTreeMap<String, Name>,
    (found, shown): (&Found, &Shown),
) -> Result<(), LinkError> {
    let is_accepted =
        |column: &usize| accepted.contains_key(&*String::from_utf8_lossy(&names[*column]));
    let mut columns = 0..names.len();
    match columns.find(|column| found.is_risk(*column) && !is_accepted(column)) {
        Some(column) => {
            let kept = Kept::Identifiers(found.of(column));
            let path: PathBuf = path.to_owned();
            Err(LinkError::Identity { path, column: shown.column(column), kept })
        }
        None => Ok(()),
    }
}
