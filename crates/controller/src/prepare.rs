//! The controller's first step: data → request, manifest and retained file (SPEC §6).

mod counting;
mod deal;
mod found;
mod given;
mod head;
mod job;
mod kept;
mod sent;
mod write;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use cstatns_base::civil_status::{ColumnsError, Field, Years};
use cstatns_base::code::{Generation, Tag};
use cstatns_base::coded::ColumnName;
use cstatns_base::files::{Access, FileError, Together};
use cstatns_base::identifier::Scheme;
use cstatns_base::meta::{ServiceId, marks};
use cstatns_base::name::{Hex, Name};
use cstatns_record::manifest::manifest_path;
use cstatns_record::proposal;
use cstatns_record::report::ReportError;
use cstatns_record::requested::{Requested, requested_path};
use cstatns_rows::effort::Effort;
use cstatns_rows::error::TableError;
use cstatns_rows::guard::Held;
use cstatns_rows::reading::Reading;
use cstatns_rows::sink::{self, Output};
use cstatns_rows::table::Format;

use given::{Choice, Given};
use job::Job;

use crate::data::Data;

pub use kept::{Kept, Risk};

/// The columns of the data that are sent.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Column<'a> {
    /// Identifiers, to be coded.
    Identifiers {
        /// Their columns; the codes come in this order.
        columns: &'a [&'a str],
        /// Their scheme.
        scheme: Scheme,
    },
    /// Codes, to be renewed: their columns.
    Codes(&'a [&'a str]),
    /// Civil status, and identifiers if there are any (the field `nir`), to be looked up and coded.
    CivilStatus {
        /// The columns of the fields, by these names or else by their own.
        map: &'a [(Field, &'a str)],
        /// The years that dates may have.
        years: Years,
    },
}

/// What to prepare. See [`prepare`].
pub struct Prepare<'a> {
    /// The data: a file, CSV or Parquet, with a header; several; or a frame.
    pub data: Data<'a>,
    /// What is sent.
    pub column: Column<'a>,
    /// The service that the request is for.
    pub service: &'a ServiceId,
    /// The key with which it signs: on its card.
    pub signing: &'a Hex<32>,
    /// The domain that it is for.
    pub domain: &'a Name,
    /// The request to write; its manifest will lie beside it.
    pub request: &'a Path,
    /// Where the retained rows go: to a file, beside which lies what is kept of the request; or to
    /// a frame.
    pub retained: Output<'a>,
    /// What stands between two fields of the data, where it is CSV.
    pub delimiter: u8,
    /// How the cells that are sent are read.
    pub reading: Reading<'a>,
    /// The columns that may stay although they would be refused (`identity-kept`), each with a
    /// reason.
    pub accepted: &'a [(String, Name)],
}

/// What was prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Prepared {
    /// The rows of the data. The request and the retained file have one for each cell that is sent:
    /// of several columns so many times as many.
    pub rows: u64,
    /// The counts and the commitment of the request: what its custodians see.
    pub input: proposal::Input,
    /// What is kept of the request: it lies beside a retained file; [`attach`](crate::attach())
    /// needs it.
    pub requested: Requested,
    /// What was found in the data.
    pub found: Findings,
}

/// What was found in data that may be prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Findings {
    /// In how many rows the most frequent value stands, and among how many that have one: all of
    /// them where fewer than 65,536 values are distinct, else the first of them.
    pub most: (u64, u64),
    /// Identifiers without their control key.
    pub unkeyed: u64,
    /// How many rows of the retained file have each word of `status`.
    pub counts: BTreeMap<&'static str, u64>,
    /// Of civil status: how many cells of each field hold what cannot be read as that field, and
    /// were not sent.
    pub unread: BTreeMap<&'static str, u64>,
    /// Of civil status: whether what was read as years of birth may be numbers of days
    /// ([`Seen::may_be_days`](cstatns_base::civil_status::Seen::may_be_days)).
    pub may_be_days: bool,
    /// The cells of all columns but that of identifiers that hold a line break: there a quote may
    /// be missing.
    pub over_lines: u64,
    /// The columns that stay and hold identifiers, too few to be refused or accepted, by the names
    /// that errors show.
    pub identifiers: BTreeMap<String, Held>,
    /// The risks that were accepted.
    pub risks: Vec<Risk>,
}

/// What [`try_out`] is given: as [`Prepare`], without what is written.
pub struct Try<'a> {
    /// The data.
    pub data: Data<'a>,
    /// What is sent.
    pub column: Column<'a>,
    /// What stands between two fields of the data, where it is CSV.
    pub delimiter: u8,
    /// How the cells that are sent are read.
    pub reading: Reading<'a>,
    /// The columns that may stay although they would be refused, each with a reason.
    pub accepted: &'a [(String, Name)],
}

/// What [`prepare`] would make of data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tried {
    /// The rows of the data, and those of the request: of several columns so many times as many.
    pub rows: u64,
    /// See `rows`.
    pub request_rows: u64,
    /// The rows of the request with a value.
    pub values: u64,
    /// How many of the values are distinct: exact below 65,536.
    pub distinct: u64,
    /// About the bytes of the request and of the retained file, as CSV that is not compressed.
    pub request_bytes: u64,
    /// See `request_bytes`.
    pub retained_bytes: u64,
    /// What was found in the data.
    pub found: Findings,
}

/// Reads data as [`prepare`] does, and refuses what that would refuse, but for what depends on the
/// service, the domain and the files to write. Writes nothing.
///
/// # Errors
/// [`PrepareError`].
pub fn try_out(what: Try<'_>, effort: &Effort) -> Result<Tried, PrepareError> {
    let Try { data, column, delimiter, reading, accepted } = what;
    let choice = Choice { column, delimiter, reading, accepted };
    job::try_out(Given::open(data, choice, effort)?, effort)
}

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

/// Writes the request with its manifest, and the retained file.
///
/// Of the data only the columns that are sent are read, and what the others hold is judged: of a
/// Parquet file by rows that are spread over it, else by all. The retained file says for each index
/// the row; [`attach`](crate::attach()) goes through the data again, which must not have changed.
///
/// Every row gets a random index of its own, of several columns every cell, repeated values
/// included, and both files are sorted by it: neither the order of the data nor what its rows have
/// in common travels beyond the values
/// themselves. A cell that holds no identifier travels as an empty one; `status` in the retained
/// file says why. So does a cell of civil status that cannot be read as its field; a row that has
/// no name or no date then travels empty, `status` says `absent` or `malformed`.
///
/// The data is gone through once; then its rows are sorted and written. Those that
/// [`Effort::memory`] does not hold are put aside beside the request meanwhile, encrypted under a
/// key that lives as long as the call, in a file without a name.
///
/// The files get their names together, first the manifest, then what is kept of the request, then
/// the retained file, the request last: a failure leaves none of them, and where a request is, the
/// others are. Rows retained in a frame are handed over before the request has its name: after an
/// error they must not be used. What a stopped run left under the same names is destroyed first.
///
/// # Errors
/// [`PrepareError`]. Values that are not valid are not errors, unless they are more than half.
pub fn prepare(what: Prepare<'_>, effort: &Effort) -> Result<Prepared, PrepareError> {
    let Prepare {
        data,
        column,
        service,
        signing,
        domain,
        request,
        retained,
        delimiter,
        reading,
        accepted,
    } = what;
    let request_format = Format::of(request)?;
    let manifest_path = manifest_path(request);
    if let Output::File(retained) = &retained {
        Format::of(retained)?;
        if *retained == request || *retained == manifest_path {
            return Err(PrepareError::SameOutput { path: (*retained).to_owned() });
        }
    }
    let choice = Choice { column, delimiter, reading, accepted };
    let given = Given::open(data, choice, effort)?;
    let job = Job { service, signing, domain, request, request_format, given, effort };
    // Before the data is read: a name that is taken is refused at once.
    match retained {
        Output::File(retained) => {
            let requested_path = requested_path(retained);
            let paths = [&manifest_path, &requested_path, retained, request];
            let mut files = Together::create(paths, Access::Private)?;
            let [manifest, requested, kept, request] = &mut files.files;
            let prepared = match Format::of(retained)?.text() {
                Some(text) => job.run(manifest, request, |columns| sink::csv(kept, text, columns)),
                None => {
                    job.run(manifest, request, |columns| sink::parquet(kept, columns, marks(None)))
                }
            }?;
            let written = requested.write_all(&prepared.requested.bytes());
            written.map_err(|error| FileError::from_io(requested.target(), &error))?;
            files.commit()?;
            Ok(prepared)
        }
        Output::Frame(take) => {
            let mut files = Together::create([&manifest_path, request], Access::Private)?;
            let [manifest, request] = &mut files.files;
            let prepared =
                job.run(manifest, request, |columns| Ok(sink::frames(take, columns, marks(None))))?;
            files.commit()?;
            Ok(prepared)
        }
    }
}
