//! The columns that stay: what may not, and what was accepted (SPEC §6).

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use cstatns_base::coded::ColumnName;
use cstatns_base::name::Name;
use cstatns_record::manifest;
use cstatns_rows::guard::names::{Says, says};
use cstatns_rows::guard::{self, Guard, Held, Lines, Shown};
use cstatns_rows::table::Table;

use super::PrepareError;
use super::sent::Sent;

/// Why a column may not stay; it continues "a column `…`, which …".
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kept {
    /// Its name is that of a field that says who somebody is.
    Who,
    /// It is a date of birth, beside a place of birth.
    Born {
        /// The column of the place, by its name where that can be shown.
        place: ColumnName,
    },
    /// So many of its cells are identifiers.
    Identifiers(Held),
}

impl Kept {
    /// The word for it among the facts of an error.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Who => "name",
            Self::Born { .. } => "birth",
            Self::Identifiers(_) => "identifiers",
        }
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Who => f.write_str("by its name says who somebody is and is not sent"),
            Self::Born { place } => {
                write!(f, "by its name is a date of birth, beside the place of birth in {place}")
            }
            Self::Identifiers(Held { filled, keyed, unkeyed }) => {
                write!(
                    f,
                    "holds identifiers ({keyed} with their key and {unkeyed} without one in \
                    {filled} cells)"
                )
            }
        }
    }
}

/// A risk that was accepted: a column stays although it would be refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Risk {
    /// The column.
    pub column: String,
    /// Why it may stay.
    pub reason: Name,
    /// Whether the column would have been refused.
    pub is_needed: bool,
}

/// The columns that stay, which are judged by their names before the data is read and by their
/// cells afterwards.
pub(super) struct Keeping {
    path: PathBuf,
    pub(super) guard: Guard,
    pub(super) shown: Shown,
    /// The columns that stay.
    pub(super) kept: Vec<usize>,
    /// Those whose risk is accepted, in the order in which they were given, and whether their names
    /// are a risk.
    accepted: Vec<(usize, bool)>,
    /// The same by their names, which those who get the report know: a number is only that of a
    /// column in this file.
    named: Vec<String>,
}

impl Keeping {
    /// Judges the columns by their names.
    pub(super) fn of(
        table: &Table,
        sent: &Sent,
        accepted: &[(String, Name)],
    ) -> Result<Self, PrepareError> {
        if !manifest::fit(accepted.iter().map(|(column, _)| column.as_str())) {
            return Err(PrepareError::TooManyRisks);
        }
        let path = table.path().to_owned();
        let sent_columns = sent.columns();
        let kept: Vec<usize> =
            (0..table.header().len()).filter(|column| !sent_columns.contains(column)).collect();
        let shown = Shown::of(table);
        let is_civil_status = matches!(sent, Sent::CivilStatus(..));
        let columns = |wanted| {
            let kept = kept.iter().copied();
            kept.filter(move |column| says(&table.header()[*column]) == Some(wanted))
        };
        let is_risk = |column: usize| match says(&table.header()[column]) {
            Some(Says::Who) => true,
            // Of who is looked up, the date says more than of the others: it was compared.
            Some(Says::Born) => is_civil_status || columns(Says::Place).next().is_some(),
            Some(Says::Place) => !is_civil_status && columns(Says::Born).next().is_some(),
            None => false,
        };
        let (mut found, mut named) = (Vec::new(), Vec::new());
        for (column, _) in accepted {
            let at = table.need_named(column)?;
            if !kept.contains(&at) {
                return Err(PrepareError::RiskSent { column: (&**column).into() });
            }
            found.push((at, is_risk(at)));
            let name = &table.header()[at];
            named.push(match std::str::from_utf8(name) {
                Ok(name) if !ColumnName::could_be_value(name.as_bytes()) => name.to_owned(),
                _ => column.clone(),
            });
        }
        let is_accepted = |column: usize| found.iter().any(|(accepted, _)| *accepted == column);
        let refused = |wanted| columns(wanted).find(|column| !is_accepted(*column));
        let who = refused(Says::Who).or_else(|| refused(Says::Born).filter(|_| is_civil_status));
        let born = || {
            Some((refused(Says::Born)?, Kept::Born { place: shown.column(refused(Says::Place)?) }))
        };
        if let Some((column, kept)) = who.map(|column| (column, Kept::Who)).or_else(born) {
            return Err(PrepareError::IdentityKept { path, column: shown.column(column), kept });
        }
        let identifiers = sent.identifiers();
        let lines = |column| match () {
            () if identifiers.contains(&column) => Lines::Unseen,
            () if is_accepted(column) => Lines::Counted,
            () => Lines::Refused,
        };
        let guard = Guard::new(table, |column| kept.contains(&column), lines);
        Ok(Self { path, guard, shown, kept, accepted: found, named })
    }

    /// Judges the columns by their cells. Returns what those hold that may stay, and the risks that
    /// were accepted.
    pub(super) fn judge(
        &self,
        found: &guard::Found,
        accepted: &[(String, Name)],
    ) -> Result<(BTreeMap<String, Held>, Vec<Risk>), PrepareError> {
        let is_accepted =
            |column: usize| self.accepted.iter().any(|(accepted, _)| *accepted == column);
        let refused =
            self.kept.iter().find(|column| found.is_risk(**column) && !is_accepted(**column));
        if let Some(column) = refused {
            let (column, kept) = (self.shown.column(*column), Kept::Identifiers(found.of(*column)));
            return Err(PrepareError::IdentityKept { path: self.path.clone(), column, kept });
        }
        let held = self
            .kept
            .iter()
            .map(|column| (self.shown.column(*column).to_string(), found.of(*column)));
        let known = self.named.iter().zip(&self.accepted);
        let risks = accepted.iter().zip(known).map(|((_, reason), (column, (at, by_name)))| Risk {
            column: column.clone(),
            reason: reason.clone(),
            is_needed: *by_name || found.is_risk(*at),
        });
        Ok((held.filter(|(_, held)| held.any()).collect(), risks.collect()))
    }
}
