//! Why nothing was prepared.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cstatns_base::civil_status::{ColumnsError, Field};
use cstatns_base::code::{Generation, Tag};
use cstatns_base::coded::ColumnName;
use cstatns_base::files::FileError;
use cstatns_base::meta::ServiceId;
use cstatns_base::name::Name;
use cstatns_parcel::sending::SendingError;
use cstatns_record::report::ReportError;
use cstatns_rows::error::TableError;

use super::Kept;

/// Why nothing was prepared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// Reading the data or writing a file of rows.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The files to write.
    #[error(transparent)]
    File(#[from] FileError),
    /// The report beside the data.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// `same-output`: two files to write have one name.
    #[error("{path:?} is named for two files")]
    SameOutput {
        /// The name.
        path: PathBuf,
    },
    /// `parcel-name`: a parcel is called as the file in it, with `.age` behind it.
    #[error("{path:?} is to be a parcel, and its name does not end with .age")]
    NotAge {
        /// The request.
        path: PathBuf,
    },
    /// `request-key-domain`: the request key is for another domain.
    #[error("the request key is for the domain `{found}`, the request for `{expected}`")]
    KeyDomain {
        /// The domain of the key.
        found: Name,
        /// That of the request.
        expected: Name,
    },
    /// `payload-clear`: a payload is sent as a parcel, and so is the request beside it.
    #[error("a payload is sent beside a request that is a parcel, and this one is in clear")]
    PayloadInClear,
    /// `payload-columns`: several columns of identifiers.
    #[error("a payload has one identifier a row, and several columns of them are named")]
    PayloadColumns,
    /// `payload-codes`: codes are to be renewed.
    #[error("a payload goes beside identifiers or civil status, not beside codes")]
    PayloadCodes,
    /// `payload-type`: the payload is not of the data's type.
    #[error("the payload {path:?} keeps the columns as they are")]
    PayloadType {
        /// The payload.
        path: PathBuf,
    },
    /// `payload-files`: a file of the data has other columns than the first one.
    #[error(
        "{path:?} has other columns than the first file of the data, or in another order, or of \
        other types, and a payload has the same in all rows"
    )]
    PayloadFiles {
        /// The file.
        path: PathBuf,
    },
    /// The request key, or who a payload is for.
    #[error(transparent)]
    Sending(#[from] SendingError),
    /// `reserved-column`: the files to write have a column of that name.
    #[error(
        "{path:?} has a column named {column:?}, in this case or another, which the files made \
        from it need"
    )]
    Reserved {
        /// The data.
        path: PathBuf,
        /// The column.
        column: ColumnName,
    },
    /// `column-unnamed`: of several columns of codes each is named after the column that was sent.
    #[error("{path:?} has a column {column} after whose name that of its codes cannot be called")]
    Unnamed {
        /// The data.
        path: PathBuf,
        /// The column.
        column: ColumnName,
    },
    /// `sent-twice`: a column was named twice, or the names of two differ only by case.
    #[error(
        "{path:?} has a column {column} that is named twice, or beside one whose name differs only \
        by case"
    )]
    SentTwice {
        /// The data.
        path: PathBuf,
        /// The column.
        column: ColumnName,
    },
    /// `no-data`: no file was named.
    #[error("there is no data")]
    NoData,
    /// `no-column`: no column was named.
    #[error("no column of {path:?} is named")]
    NoColumn {
        /// The data.
        path: PathBuf,
    },
    /// `wrong-column`: more than half of the cells are not identifiers.
    #[error(
        "{path:?}: {invalid} of {filled} values of the column {column} are not identifiers{}",
        by_reason(reasons)
    )]
    WrongColumn {
        /// The data.
        path: PathBuf,
        /// The column.
        column: ColumnName,
        /// Cells that are neither empty nor an identifier.
        invalid: u64,
        /// Cells that are not empty.
        filled: u64,
        /// How many have each reason, a word of `status`.
        reasons: Vec<(&'static str, u64)>,
    },
    /// `wrong-column`: more than half of the cells are not of the field.
    #[error("{path:?}: {invalid} of {filled} values of the column for the field {} cannot be read \
        as such", field.name())]
    WrongField {
        /// The data.
        path: PathBuf,
        /// The field.
        field: Field,
        /// Cells that are neither empty nor of that field.
        invalid: u64,
        /// Cells that are not empty.
        filled: u64,
    },
    /// `identity-kept`: who somebody is would stay beside their code.
    #[error("{path:?} has a column {column}, which {kept} and would stay beside the codes")]
    IdentityKept {
        /// The data.
        path: PathBuf,
        /// The column, by its name where that can be shown.
        column: ColumnName,
        /// What it is known by.
        kept: Kept,
    },
    /// `risk-sent`: a risk is accepted of a column that does not stay.
    #[error("column {column:?} is sent, and does not stay beside the codes")]
    RiskSent {
        /// The column, as it was given.
        column: ColumnName,
    },
    /// `too-many-risks`: the risks that are accepted do not fit into the manifest of the request.
    #[error("so many risks cannot be accepted, or of columns with such long names")]
    TooManyRisks,
    /// `missing-column`: a field without which nobody can be looked up.
    #[error("{missing}")]
    MissingField {
        /// The field.
        field: Field,
        /// That its column is missing.
        missing: TableError,
    },
    /// The columns of the fields: [`ColumnsError`].
    #[error("{path:?}: {error}")]
    Fields {
        /// The data.
        path: PathBuf,
        /// What is wrong with them.
        error: ColumnsError,
    },
    /// `mixed-codes`: codes of several domains, services or generations.
    #[error("the column holds codes of more than one kind ({})", kinds(found))]
    Mixed {
        /// The rows of each tag and generation.
        found: BTreeMap<(Tag, Generation), u64>,
    },
    /// `no-codes`: nothing to renew.
    #[error("the column holds no code at all")]
    NoCodes,
    /// `other-tag`: the codes are not of the service and domain that the request is for.
    #[error(
        "the column holds codes with the tag {found}, those of the domain `{domain}` of {service} \
        have {expected}"
    )]
    OtherCodes {
        /// The tag of the codes.
        found: Tag,
        /// The tag of the service's domain.
        expected: Tag,
        /// The service.
        service: ServiceId,
        /// The domain.
        domain: Name,
    },
}

fn kinds(found: &BTreeMap<(Tag, Generation), u64>) -> String {
    let kind = |((tag, generation), rows): (&(Tag, Generation), &u64)| {
        format!("generation {generation} with the tag {tag} in {rows} rows")
    };
    let mut text = found.iter().take(5).map(kind).collect::<Vec<_>>().join(", ");
    if found.len() > 5 {
        text.push_str(", and others");
    }
    text
}

fn by_reason(reasons: &[(&str, u64)]) -> String {
    let reasons: Vec<_> = reasons.iter().map(|(word, count)| format!("{word} {count}")).collect();
    if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) }
}

cstatns_base::coded!(PrepareError {
    Self::Table(error) => (error),
    Self::File(error) => (error),
    Self::Report(error) => (error),
    Self::SameOutput { path } => ("same-output", Input, [path]),
    Self::NotAge { path } => ("parcel-name", Input, [path]),
    Self::KeyDomain { found, expected } => (
        "request-key-domain", Input, [domain: *found, expected: *expected]
    ),
    Self::PayloadInClear => ("payload-clear", Input, []),
    Self::PayloadColumns => ("payload-columns", Input, []),
    Self::PayloadCodes => ("payload-codes", Input, []),
    Self::PayloadType { path } => ("payload-type", Input, [path]),
    Self::PayloadFiles { path } => ("payload-files", Input, [path]),
    Self::Sending(error) => (error),
    Self::Reserved { path, column } => ("reserved-column", Input, [path, column]),
    Self::Unnamed { path, column } => ("column-unnamed", Input, [path, column]),
    Self::SentTwice { path, column } => ("sent-twice", Input, [path, column]),
    Self::NoColumn { path } => ("no-column", Input, [path]),
    Self::WrongColumn { path, column, invalid, filled, .. } => (
        "wrong-column", Input, [path, column, invalid, filled]
    ),
    Self::WrongField { path, field, invalid, filled } => (
        "wrong-column", Input, [path, field, invalid, filled]
    ),
    Self::NoData => ("no-data", Input, []),
    Self::IdentityKept { path, column, kept } => ("identity-kept", Input, [path, column, kept: kept.word()]),
    Self::RiskSent { column } => ("risk-sent", Input, [column]),
    Self::TooManyRisks => ("too-many-risks", Input, []),
    Self::MissingField { field, missing } => (missing, Input, [field]),
    Self::Fields { path, error } => (error, Input, [path]),
    Self::Mixed { found } => ("mixed-codes", Input, [kind: found.keys().map(|(tag, _)| *tag).collect::<Vec<_>>()]),
    Self::NoCodes => ("no-codes", Input, []),
    Self::OtherCodes { found, expected, service, domain } => (
        "other-tag", Input, [tag: *found, expected_tag: *expected, service, domain]
    ),
});
