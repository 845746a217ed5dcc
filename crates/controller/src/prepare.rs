//! The controller's first step: data → request, manifest and retained file (SPEC §6).

mod deal;
mod head;
mod kept;
mod write;

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use cstatns_base::civil_status::request::FIELDS;
use cstatns_base::civil_status::{Columns, ColumnsError, Field, Years};
use cstatns_base::code::{Generation, Tag};
use cstatns_base::coded::ColumnName;
use cstatns_base::commitment::{Commit, CommitmentKey};
use cstatns_base::files::{Access, FileError, Together};
use cstatns_base::identifier::Scheme;
use cstatns_base::meta::marks;
use cstatns_base::name::Name;
use cstatns_record::manifest::{Content, Manifest, manifest_path};
use cstatns_record::report::{ReportError, report_path};
use cstatns_rows::csv::Delimiter;
use cstatns_rows::effort::Effort;
use cstatns_rows::error::TableError;
use cstatns_rows::fields;
use cstatns_rows::guard::Held;
use cstatns_rows::guard::names::trimmed;
use cstatns_rows::sink::{self, Sink};
use cstatns_rows::sort::{self, Sort};
use cstatns_rows::table::{Format, Source};

use crate::origin::origin;

use deal::Data;
use kept::Keeping;
use write::{Outputs, write};

pub use kept::{Kept, Risk};

/// The most partitions that are written at once.
const MOST_AT_ONCE: usize = 8;

/// The columns of the data that are sent.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    /// Identifiers, to be coded.
    Identifier {
        /// The column.
        column: &'a str,
        /// Their scheme.
        scheme: Scheme,
    },
    /// Codes, to be renewed.
    Code(&'a str),
    /// Civil status, and identifiers if there are any (the field `nir`), to be looked up and coded.
    CivilStatus {
        /// The columns of the fields, by these names or else by their own.
        map: &'a [(Field, &'a str)],
        /// The years that dates may have.
        years: Years,
    },
}

/// What to prepare. See [`prepare`].
#[derive(Clone, Copy, Debug)]
pub struct Prepare<'a> {
    /// The data: CSV or Parquet, with a header.
    pub data: &'a Path,
    /// What is sent.
    pub column: Column<'a>,
    /// The request to write; its manifest will lie beside it.
    pub request: &'a Path,
    /// The retained file to write, of the same type as the data.
    pub retained: &'a Path,
    /// What stands between two fields of the data, and of the retained file, where they are CSV.
    pub delimiter: u8,
    /// The columns that may stay although they would be refused (`identity-kept`), each with a reason.
    pub accepted: &'a [(String, Name)],
}

/// What was prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The rows of the data, of the request and of the retained file.
    pub rows: u64,
    /// How many rows have each word of `status`.
    pub counts: BTreeMap<&'static str, u64>,
    /// Of civil status: how many cells of each field hold what cannot be read as that field, and were not sent.
    pub unread: BTreeMap<&'static str, u64>,
    /// Of civil status: whether what was read as years of birth may be numbers of days
    /// ([`Seen::may_be_days`](cstatns_base::civil_status::Seen::may_be_days)).
    pub may_be_days: bool,
    /// The cells of all columns but that of identifiers that hold a line break: there a quote may be missing.
    pub over_lines: u64,
    /// The columns that stay and hold identifiers, too few to be refused or accepted, by the names that errors show.
    pub identifiers: BTreeMap<String, Held>,
    /// The risks that were accepted.
    pub risks: Vec<Risk>,
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
    /// `retained-type`: the retained file is not of the data's type.
    #[error("the retained file {path:?} keeps columns of the data as they are")]
    RetainedType {
        /// The retained file.
        path: PathBuf,
    },
    /// `same-output`: two files to write have one name.
    #[error("{path:?} is named for two files")]
    SameOutput {
        /// The name.
        path: PathBuf,
    },
    /// `reserved-column`: the files to write have a column of that name.
    #[error(
        "{path:?} has a column named {column:?}, in this case or another, which the files made from it need"
    )]
    Reserved {
        /// The data.
        path: PathBuf,
        /// The column.
        column: &'static str,
    },
    /// `wrong-column`: more than half of the cells are not identifiers.
    #[error("{invalid} of {filled} values of the column are not identifiers")]
    WrongColumn {
        /// Cells that are neither empty nor an identifier.
        invalid: u64,
        /// Cells that are not empty.
        filled: u64,
    },
    /// `wrong-column`: more than half of the cells are not of the field.
    #[error("{invalid} of {filled} values of the column for the field {} cannot be read as such", field.name())]
    WrongField {
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

cstatns_base::coded!(PrepareError {
    Self::Table(error) => (error),
    Self::File(error) => (error),
    Self::Report(error) => (error),
    Self::RetainedType { path } => ("retained-type", Input, [path]),
    Self::SameOutput { path } => ("same-output", Input, [path]),
    Self::Reserved { path, column } => ("reserved-column", Input, [path, column]),
    Self::WrongColumn { invalid, filled } => ("wrong-column", Input, [invalid, filled]),
    Self::WrongField { field, invalid, filled } => ("wrong-column", Input, [field, invalid, filled]),
    Self::IdentityKept { path, column, kept } => ("identity-kept", Input, [path, column, kept: kept.word()]),
    Self::RiskSent { column } => ("risk-sent", Input, [column]),
    Self::TooManyRisks => ("too-many-risks", Input, []),
    Self::MissingField { field, missing } => (missing, Input, [field]),
    Self::Fields { path, error } => (error, Input, [path]),
    Self::Mixed { found } => ("mixed-codes", Input, [kind: found.keys().map(|(tag, _)| *tag).collect::<Vec<_>>()]),
    Self::NoCodes => ("no-codes", Input, []),
});

/// Writes the request with its manifest, and the retained file.
///
/// Every row gets a random index of its own, repeated values included, and both files are sorted by it: neither the
/// order of the data nor what its rows have in common travels beyond the values themselves. A cell that holds no
/// identifier travels as an empty one; `status` in the retained file says why. So does a cell of civil status that cannot be
/// read as its field; a row that has no name or no date then travels empty, `status` says `absent` or `malformed`.
///
/// The data is gone through once; then its rows are sorted and written. Those that [`Effort::memory`] does not hold are
/// put aside beside the request meanwhile, encrypted under a key that lives as long as the call, in a file without a name.
///
/// The three files get their names together, first the manifest, then the retained file, the request last: a failure leaves
/// none of them, and where a request is, the others are. What a stopped run left under the same names is destroyed first.
///
/// # Errors
/// [`PrepareError`]. Values that are not valid are not errors, unless they are more than half.
pub fn prepare(what: &Prepare<'_>, effort: &Effort) -> Result<Prepared, PrepareError> {
    let format = Format::of(what.data)?;
    let request_format = Format::of(what.request)?;
    if Format::of(what.retained)? != format {
        return Err(PrepareError::RetainedType { path: what.retained.to_owned() });
    }
    let manifest_path = manifest_path(what.request);
    if what.retained == what.request || what.retained == manifest_path {
        return Err(PrepareError::SameOutput { path: what.retained.to_owned() });
    }
    let mut source = Source::open(what.data, Delimiter::Given(what.delimiter))?;
    let sent = find_columns(&source, what.column)?;
    let keeping = Keeping::of(&source, &sent, what.accepted)?;
    // Before the data is read: a name that is taken is told at once.
    let mut files = Together::create([&manifest_path, what.retained, what.request], Access::Private)?;
    let [manifest_file, retained_file, request_file] = &mut files.files;

    let others = sent.others(source.header().len());
    let extent = source.extent()?;
    let size = extent.size();
    let (sort, threads) = Sort::new(format, extent, others.clone(), what.request, effort);
    // Rows are gone through twice: read, and written partition by partition.
    let part = size.div_ceil(sort.partitions() as u64);
    effort.progress.expect(size + sort.partitions() as u64 * part);
    let progress = &effort.progress;
    let data = Data { source: &mut source, keeping: &keeping, size, sort: &sort, threads, progress };
    let dealt = match sent {
        Sent::Identifiers(column, scheme) => data.deal_identifiers(column, scheme)?,
        Sent::Codes(column) => data.deal_codes(column)?,
        Sent::CivilStatus(columns, years) => data.deal_civil_status(columns, years)?,
    };
    let (identifiers, risks) = keeping.judge(&dealt.kept, what.accepted)?;
    let (meta, previous) = match dealt.content {
        Content::Identifiers { .. } | Content::CivilStatus { .. } => (None, Vec::new()),
        Content::Codes { tag, generation } => {
            let (meta, _) = origin(&source)?;
            if meta.as_ref().is_some_and(|meta| (meta.tag(), meta.generation) != (tag, generation)) {
                return Err(ReportError::Stale { path: report_path(what.data) }.into());
            }
            let previous = meta.iter().map(|meta| meta.delivery).collect();
            (meta, previous)
        }
    };
    let key = CommitmentKey::random();
    let names = dealt.content.columns();
    let mut columns = vec![sink::Column::index()];
    let pairs = match dealt.content {
        Content::Identifiers { .. } | Content::CivilStatus { .. } => {
            columns.extend(names.iter().map(|name| sink::Column::text(name)));
            marks(None)
        }
        Content::Codes { tag, generation } => {
            columns.push(sink::Column::code(request_format == Format::Parquet));
            meta.map_or_else(|| marks(Some((tag, generation))), |meta| meta.pairs())
        }
    };
    let mut kept = vec![sink::Column::index(), sink::Column::word("status")];
    kept.extend(others.into_iter().flatten().map(|other| sink::Column::kept(&source, other)));
    let outputs = Outputs {
        request: Sink::new(request_format, request_file, b',', &columns, pairs)?,
        retained: Sink::new(format, retained_file, source.delimiter(), &kept, marks(None))?,
    };
    // The partitions of a CSV file are small; those of a Parquet file are row groups.
    let at_once = match (format, request_format) {
        (Format::Csv, Format::Parquet) => sort.partitions() * sort::ROWS as usize / dealt.rows as usize,
        _ => 1,
    };
    let commit = write(
        &sort,
        dealt.content,
        Commit::new(&key, names),
        outputs,
        at_once.clamp(1, MOST_AT_ONCE),
        threads,
        |partitions| effort.progress.advance(0, partitions as u64 * part),
    )?;
    let (commitment, rows) = commit.finish();
    let accepted = risks.iter().filter(|risk| risk.is_needed);
    let accepted = accepted.map(|risk| (risk.column.clone(), risk.reason.clone())).collect();
    let manifest = Manifest { rows, commitment, key, content: dealt.content, previous, accepted };
    manifest_file.write_all(&manifest.bytes()).map_err(|error| FileError::from_io(&manifest_path, &error))?;
    files.commit()?;
    let (counts, unread, over_lines) = (dealt.counts, dealt.unread, dealt.kept.over_lines);
    let may_be_days = dealt.may_be_days;
    Ok(Prepared { rows, counts, unread, may_be_days, over_lines, identifiers, risks })
}

/// Where the columns that are sent stand.
enum Sent {
    Identifiers(usize, Scheme),
    Codes(usize),
    CivilStatus([Option<usize>; FIELDS.len()], Years),
}

impl Sent {
    /// The columns between and around them, of `count`.
    fn others(&self, count: usize) -> Vec<Range<usize>> {
        let mut sent: Vec<usize> = match self {
            Self::Identifiers(column, _) | Self::Codes(column) => vec![*column],
            Self::CivilStatus(columns, _) => columns.iter().copied().flatten().collect(),
        };
        sent.sort_unstable();
        let ends = sent.iter().copied().chain([count]);
        let begins = std::iter::once(0).chain(sent.iter().map(|column| column + 1));
        begins.zip(ends).map(|(begin, end)| begin..end.max(begin)).collect()
    }
}

/// Where the columns are, once the others are seen to have no reserved name.
fn find_columns(source: &Source, column: Column<'_>) -> Result<Sent, PrepareError> {
    const FIRST: &[&str] = &["index", "status", "code", "quality", "score"];
    let (found, reserved_for) = match column {
        Column::Identifier { column, scheme } => (Sent::Identifiers(source.need(column)?, scheme), FIRST),
        Column::Code(name) => (Sent::Codes(source.need(name)?), &FIRST[..3]),
        Column::CivilStatus { map, years } => (Sent::CivilStatus(find_fields(source, map)?, years), FIRST),
    };
    for (at, name) in source.header().iter().enumerate() {
        let trimmed = trimmed(name);
        let Some(reserved) = FIRST.iter().find(|reserved| trimmed.eq_ignore_ascii_case(reserved)) else {
            continue;
        };
        // The column of codes gives its place to the new one, which has that name. A coding before wrote the others.
        let replaced = *reserved == "code" && matches!(found, Sent::Codes(codes) if codes == at);
        let written = !reserved_for.contains(reserved) && name == reserved.as_bytes();
        if !replaced && !written {
            return Err(PrepareError::Reserved { path: source.path().to_owned(), column: reserved });
        }
    }
    Ok(found)
}

/// Where the fields of civil status are. A name, the first names and the date must be there.
fn find_fields(
    source: &Source,
    map: &[(Field, &str)],
) -> Result<[Option<usize>; FIELDS.len()], PrepareError> {
    let path = || source.path().to_owned();
    let missing = |field, column: &str| {
        let missing = source.missing(map, column);
        PrepareError::MissingField { field, missing }
    };
    let needed = [Field::Prenoms, Field::DateNaissance];
    let columns = Columns::find(source.header(), map, &needed).map_err(|error| match &error {
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
        column.map_or(Ok(()), |column| fields::need_field(source, field, column))?;
    }
    Ok(columns)
}
