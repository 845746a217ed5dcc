//! The controller's second step: data, retained file and result → attached file (SPEC §6). One pass
//! over the retained file and the result puts the codes into the order of the data, one over the
//! data writes it with them.

mod command;
mod destruction;
mod files;
mod gather;
mod holders;
mod layout;
mod opened;
mod payload;
mod receipt;
mod shuffle;
mod sources;
mod write;

use std::collections::BTreeMap;
use std::path::PathBuf;

use cstatns_base::commitment::Use;
use cstatns_base::files::FileError;
use cstatns_base::identifier::Scheme;
use cstatns_base::meta::{SPEC, ServiceId};
use cstatns_base::name::Name;
use cstatns_parcel::file::ParcelError;
use cstatns_record::report::{Report, ReportError};
use cstatns_record::requested::{Requested, RequestedError, requested_path};
use cstatns_rows::columns::known_counts;
use cstatns_rows::effort::Effort;
use cstatns_rows::error::TableError;
use cstatns_rows::parts::all_files;
use cstatns_rows::sink::{self, Column, Output};
use cstatns_rows::table::{Format, Source, Table};
use jiff::Timestamp;

use crate::data::Data;

use command::{Files, with_requested};
use destruction::Unfinished;
use files::attach_to_files;
use gather::{Gathered, gather};
use holders::{folders, holders, in_folders, there};
use opened::Opened;
use shuffle::shuffle as shuffled;
use write::{Parts, write};

pub use command::{Attach, Attached};
pub use destruction::NotDestroyed;
pub use payload::{AttachPayload, AttachedPayload, attach_payload};

/// Why nothing was attached. [`AttachError::NotDestroyed`] alone leaves an attached file, which is
/// whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// Reading either file, or writing the rows.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The files to write, or to destroy.
    #[error(transparent)]
    File(#[from] FileError),
    /// The result's report, or the one to write.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// `data-unknown`: where the data was is not known.
    #[error("{path:?} does not say where the data is")]
    DataUnknown {
        /// What was kept of the request; of a frame what the retained rows are called.
        path: PathBuf,
    },
    /// `data-moved`: the data is no longer where it was.
    #[error("the data is no longer at {path:?}")]
    DataMoved {
        /// Where it was.
        path: PathBuf,
    },
    /// `data-changed`: the data is not what the request was made from.
    #[error(
        "the data {path:?} is not what the request was made from: it was changed, or is another file"
    )]
    DataChanged {
        /// The data.
        path: PathBuf,
    },
    /// `retained-rows`: the retained file does not name each row of the data once.
    #[error("the retained file {path:?} was changed: it does not name each row of the data once")]
    RetainedRows {
        /// The retained file.
        path: PathBuf,
    },
    /// `attached-type`: the attached file is not of the data's type.
    #[error("the attached file {path:?} keeps columns as they are")]
    OutType {
        /// The attached file.
        path: PathBuf,
    },
    /// `attached-file`: of several files the codes come in a folder of files.
    #[error("the data was several files, and {path:?} is called like one")]
    OutFolder {
        /// What was to be written.
        path: PathBuf,
    },
    /// `data-files`: the files of the data are others.
    #[error(
        "the files of the data are not those of the request: {missing} of these are missing, {extra} \
        are others"
    )]
    OtherFiles {
        /// How many of the request have no file.
        missing: usize,
        /// How many files are not of the request.
        extra: usize,
    },
    /// `binary-csv`.
    #[error("binary codes need a Parquet file")]
    BinaryCsv,
    /// `report-missing`: nothing says where the codes come from.
    #[error("{path:?} is missing")]
    ReportMissing {
        /// Where it is looked for.
        path: PathBuf,
    },
    /// The parcel of the result.
    #[error(transparent)]
    Parcel(#[from] ParcelError),
    /// `party-needed`: nobody is named who can open the parcel.
    #[error("the result {path:?} is a parcel, and nobody is named whose it is")]
    PartyNeeded {
        /// The parcel.
        path: PathBuf,
    },
    /// `requested-missing`: nothing says what was requested.
    #[error("{path:?} is missing, which says what the result must be of")]
    RequestedMissing {
        /// Where it is looked for; of a frame what that is called.
        path: PathBuf,
    },
    /// What lies beside the retained file: [`RequestedError`].
    #[error(transparent)]
    Requested(#[from] RequestedError),
    /// `result-service`: another service made the result.
    #[error("the result {path:?} is of the service {found}, the request was for {expected}")]
    OtherService {
        /// The result.
        path: PathBuf,
        /// The service in its report.
        found: ServiceId,
        /// The service of the request.
        expected: ServiceId,
    },
    /// `result-domain`: the codes are of another domain.
    #[error("the result {path:?} is of the domain `{found}`, the request was for `{expected}`")]
    OtherDomain {
        /// The result.
        path: PathBuf,
        /// The domain in its report.
        found: Name,
        /// The domain of the request.
        expected: Name,
    },
    /// `result-use`: something else was done with the request.
    #[error("the result {path:?} is of the use `{found}`, the request was for `{expected}`")]
    OtherUse {
        /// The result.
        path: PathBuf,
        /// The use that its report shows.
        found: Use,
        /// The use of the request.
        expected: Use,
    },
    /// `result-scheme`: identifiers of another scheme were coded.
    #[error(
        "the result {path:?} is of the scheme {}, the request was for {}",
        found.map_or("-", Scheme::name), expected.map_or("-", Scheme::name)
    )]
    OtherScheme {
        /// The result.
        path: PathBuf,
        /// The scheme in its report.
        found: Option<Scheme>,
        /// The scheme of the request.
        expected: Option<Scheme>,
    },
    /// `result-request`: the rows that were coded are not those of the request.
    #[error(
        "the result {path:?} is of another request than the one that was kept (the commitment in \
        its report differs)"
    )]
    OtherRequest {
        /// The result.
        path: PathBuf,
    },
    /// `rows-unmatched`: the two files are not of one request.
    #[error(
        "{missing} rows of the retained file have no result, and {extra} rows of the result are of \
        no row retained"
    )]
    Unmatched {
        /// Rows of the retained file whose index is not in the result.
        missing: u64,
        /// Rows of the result whose index is not in the retained file.
        extra: u64,
    },
    /// `result-changed`: the result and its report do not go together.
    #[error(
        "the result {path:?} is not as its report says (it was changed after it was made, or the \
        report is of another \
         result)"
    )]
    ResultChanged {
        /// The result.
        path: PathBuf,
    },
    /// `destroys-output`: a file to destroy is one of those to write.
    #[error("{path:?} is to be written and destroyed")]
    DestroysOutput {
        /// The file.
        path: PathBuf,
    },
    /// `destroys-for-frame`: nothing is destroyed for rows that go to a frame.
    #[error("rows that go to a frame are not on disk: nothing is destroyed for them")]
    DestroysForFrame,
    /// `not-destroyed`: the attached file and its report are whole and durable, but a file could
    /// not be destroyed.
    #[error(
        "the attached file is complete, but {count} files were not destroyed, the first because \
        {reason}"
    )]
    NotDestroyed {
        /// How many.
        count: usize,
        /// Why the first was not.
        reason: NotDestroyed,
    },
}

cstatns_base::coded!(AttachError {
    Self::Table(error) => (error),
    Self::File(error) => (error),
    Self::Report(error) => (error),
    Self::DataUnknown { path } => ("data-unknown", Input, [path]),
    Self::DataMoved { path } => ("data-moved", Input, [path]),
    Self::DataChanged { path } => ("data-changed", Input, [path]),
    Self::RetainedRows { path } => ("retained-rows", Input, [path]),
    Self::OutType { path } => ("attached-type", Input, [path]),
    Self::OutFolder { path } => ("attached-file", Input, [path]),
    Self::OtherFiles { missing, extra } => ("data-files", Input, [missing, extra]),
    Self::BinaryCsv => ("binary-csv", Input, []),
    Self::ReportMissing { path } => ("report-missing", Input, [path]),
    Self::Parcel(error) => (error),
    Self::PartyNeeded { path } => ("party-needed", Input, [path]),
    Self::RequestedMissing { path } => ("requested-missing", Input, [path]),
    Self::Requested(error) => (error),
    Self::OtherService { path, found, expected } => ("result-service", Input, [path, service: *found, expected: *expected]),
    Self::OtherDomain { path, found, expected } => ("result-domain", Input, [path, domain: *found, expected: *expected]),
    Self::OtherUse { path, found, expected } => (
        "result-use", Input, [path, found: found.word(), expected: expected.word()]
    ),
    Self::OtherScheme { path, .. } => ("result-scheme", Input, [path]),
    Self::OtherRequest { path } => ("result-request", OtherSide, [path]),
    Self::Unmatched { missing, extra } => ("rows-unmatched", Input, [missing, extra]),
    Self::ResultChanged { path } => ("result-changed", OtherSide, [path]),
    Self::DestroysOutput { path } => ("destroys-output", Input, [path]),
    Self::DestroysForFrame => ("destroys-for-frame", Input, []),
    Self::NotDestroyed { count, reason } => (
        "not-destroyed", Machine, [count, reason: reason.code(), inner: reason.facts()]
    ),
});

/// Writes the attached file and its report, then destroys the files named and says so in the
/// report; or hands the attached rows over as a frame, and returns the report.
///
/// After a coding the columns are `code`, `quality`, then the data's; `none` becomes what `status`
/// says. After a renewal the `quality` and `score` that the data already has come right after
/// `code`. Memory does not grow with the files.
///
/// The report gets its name first, the attached file after it: where an attached file is, its
/// report is. It says what is to be destroyed, and is written again with what was. When the same
/// command was stopped after the attached file had its name, this goes on from there; when it was
/// stopped before, what it left is destroyed.
///
/// # Errors
/// [`AttachError`]: among them indexes that are missing or extra on either side, with counts.
pub fn attach(what: Attach<'_>, effort: &Effort) -> Result<Attached, AttachError> {
    attach_with(what, false, effort)
}

/// As [`attach`], and then destroys all that holds identifiers or says whose a code is: the data,
/// the request that was written for it with its manifest, the result, the retained file with what
/// lies beside it. Of the result the report stays, which says neither. A file that is not known to
/// be that request is left ([`Attached::holding`]), and a path that is no text.
///
/// # Errors
/// As [`attach`].
pub fn attach_and_destroy(what: Attach<'_>, effort: &Effort) -> Result<Attached, AttachError> {
    attach_with(what, true, effort)
}

/// The time in whole seconds, as reports have it.
fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn attach_with(
    what: Attach<'_>,
    all_sources: bool,
    effort: &Effort,
) -> Result<Attached, AttachError> {
    let begin = now();
    let Attach { data, retained, requested, result, party, out, .. } = what;
    let Attach { shuffle, binary_codes, destroy, .. } = what;
    match out {
        Output::File(out) => {
            let beside = retained.file().map(requested_path);
            let known = match (requested, beside) {
                (None, Some(beside)) => Requested::read(&beside).ok(),
                (requested, _) => requested.cloned(),
            };
            let is_folder = match &known {
                Some(known) => known.is_of_files(),
                // It is gone, as after a destruction that was stopped.
                None => Format::of(out).is_err(),
            };
            if binary_codes && !is_folder && Format::of(out)?.is_text() {
                return Err(AttachError::BinaryCsv);
            }
            let mut files = Files {
                data: data.as_ref().map(Data::paths).unwrap_or_default(),
                retained: retained.file(),
                result,
                party,
                out,
                is_folder,
                shuffle,
                binary_codes,
                destroy: &with_requested(retained.file(), destroy),
                sources: Vec::new(),
                folders: Vec::new(),
            };
            files.folders = folders(data.as_ref(), known.as_ref());
            let (own, others) = known.map(|known| holders(&files, &known)).unwrap_or_default();
            if all_sources {
                let begun = Unfinished::sources(out).filter(|sources| !sources.is_empty());
                files.sources = match begun {
                    Some(sources) => sources,
                    None => in_folders(&own)?,
                };
                files.sources.retain(|path| path.to_str().is_some());
            }
            if result.is_dir() && files.all().next().is_some() {
                let parts = all_files(result)?;
                files.folders.extend(parts.into_iter().map(|part| (part, result.to_owned())));
            }
            let mut attached = attach_to_files(&files, (data, retained, requested), begin, effort)?;
            attached.holding = there([own, others].concat());
            Ok(attached)
        }
        Output::Frame(_) if all_sources || !destroy.is_empty() => {
            Err(AttachError::DestroysForFrame)
        }
        Output::Frame(take) => {
            let Opened { mut parts, layout, retained, results } =
                Opened::open(data, retained, requested, (result, party))?;
            let [part] = &mut parts[..] else {
                return Err(AttachError::OutType { path: retained.table.path().to_owned() });
            };
            let Source::Columns(rows) = part.open()? else {
                return Err(AttachError::OutType { path: part.known.path.clone() });
            };
            let data = &part.known;
            let retained_path = retained.table.path().to_owned();
            let gathered = gather(retained, results, &layout, result, effort)?;
            let pairs = gathered.meta.pairs();
            let mut records = Parts::of(&gathered, &retained_path);
            records.begin_file(data.rows);
            let begin_frames =
                |columns: &[Column<'_>], _: &Table| Ok(sink::frames(take, columns, pairs));
            let counts = match shuffle {
                true => {
                    let how = (result, effort);
                    shuffled(rows, data, &mut records, binary_codes, how, begin_frames)
                }
                false => write(rows, data, &mut records, binary_codes, effort, begin_frames),
            }?;
            let report = report(&gathered, counts, begin)?;
            Ok(Attached { rows: report.rows_out, report, resumed: false, holding: Vec::new() })
        }
    }
}

/// The report of what was attached, if it is what the service reported. `counts` are those of the
/// quality that the data of a renewal has.
fn report(
    gathered: &Gathered,
    counts: BTreeMap<String, u64>,
    begin: Timestamp,
) -> Result<Report, AttachError> {
    let Gathered { by_row, report: stated, counts: attached, stated: counted, .. } = gathered;
    let rows = by_row.rows();
    if stated.rows_out != rows
        || (!stated.quality.is_empty() && known_counts(&stated.quality) != *counted)
    {
        return Err(AttachError::ResultChanged { path: gathered.result.clone() });
    }
    let quality = if gathered.quality { attached.clone() } else { counts };
    // One for each cell of the data.
    let rows_in = rows;
    let rows_out = rows / gathered.cells as u64;
    let end = now().max(begin);
    Ok(Report {
        tool: concat!("cstatns ", env!("CARGO_PKG_VERSION")).to_owned(),
        spec: SPEC.to_owned(),
        rows_in,
        rows_out,
        quality,
        destroyed: Vec::new(),
        begin,
        end,
        ..Report::from(stated)
    })
}
