//! The controller's second step: retained file and result → attached file, in one pass over both (SPEC §6).

mod command;
mod destruction;
mod merge;
mod sources;

use std::io::Write;
use std::path::PathBuf;

use cstatns_base::files::{Access, FileError, Together, take_back};
use cstatns_base::meta::SPEC;
use cstatns_record::report::{Report, ReportError, report_path};
use cstatns_rows::columns::known_counts;
use cstatns_rows::effort::Effort;
use cstatns_rows::error::TableError;
use cstatns_rows::table::{Format, Kind, Source};
use jiff::Timestamp;

use destruction::{Before, Unfinished};
use merge::{Merged, merge};
use sources::{Results, Retained};

pub use command::Attach;
pub use destruction::NotDestroyed;

/// What was attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The rows of the attached file.
    pub rows: u64,
    /// The report that was written beside it: counts by quality, what was destroyed.
    pub report: Report,
    /// Whether an earlier run of the same command, which was stopped, had made the file, so that only the destruction was
    /// left.
    pub resumed: bool,
}

/// Why nothing was attached. [`AttachError::NotDestroyed`] alone leaves an attached file, which is whole.
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
    /// `attached-type`: the attached file is not of the retained file's type.
    #[error("the attached file {path:?} keeps columns as they are")]
    OutType {
        /// The attached file.
        path: PathBuf,
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
    /// `rows-unmatched`: the two files are not of one request.
    #[error(
        "{missing} rows of the retained file have no result, and {extra} rows of the result are of no row retained"
    )]
    Unmatched {
        /// Rows of the retained file whose index is not in the result.
        missing: u64,
        /// Rows of the result whose index is not in the retained file.
        extra: u64,
    },
    /// `result-changed`: the result and its report do not go together.
    #[error(
        "the result {path:?} is not as its report says (it was changed after it was made, or the report is of another \
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
    /// `not-destroyed`: the attached file and its report are whole and durable, but a file could not be destroyed.
    #[error(
        "the attached file is complete, but {count} files were not destroyed, the first because {reason}"
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
    Self::OutType { path } => ("attached-type", Input, [path]),
    Self::BinaryCsv => ("binary-csv", Input, []),
    Self::ReportMissing { path } => ("report-missing", Input, [path]),
    Self::Unmatched { missing, extra } => ("rows-unmatched", Input, [missing, extra]),
    Self::ResultChanged { path } => ("result-changed", OtherSide, [path]),
    Self::DestroysOutput { path } => ("destroys-output", Input, [path]),
    Self::NotDestroyed { count, reason } => ("not-destroyed", Machine, [count, reason: reason.code(), inner: reason.facts()]),
});

/// Writes the attached file and its report, then destroys the files named and says so in the report.
///
/// After a coding the columns are `code`, `quality`, then the data's; `none` becomes what `status` says. After a renewal
/// the `quality` and `score` that the data already has come right after `code`. Memory does not grow with the files.
///
/// The report gets its name first, the attached file after it: where an attached file is, its report is. It says what is to
/// be destroyed, and is written again with what was. When the same command was stopped after the attached file had its
/// name, this goes on from there; when it was stopped before, what it left is destroyed.
///
/// # Errors
/// [`AttachError`]: among them indexes that are missing or extra on either side, with counts.
pub fn attach(what: &Attach<'_>, effort: &Effort) -> Result<Attached, AttachError> {
    let begin = Timestamp::now();
    let format = Format::of(what.retained)?;
    if Format::of(what.out)? != format {
        return Err(AttachError::OutType { path: what.out.to_owned() });
    }
    if what.binary_codes && format == Format::Csv {
        return Err(AttachError::BinaryCsv);
    }
    let report_path = report_path(what.out);
    if let Some(path) = what.destroy.iter().find(|path| **path == what.out || **path == report_path) {
        return Err(AttachError::DestroysOutput { path: path.clone() });
    }
    take_back(&[&report_path, what.out])?;
    if let Some((mut report, unfinished)) = Unfinished::find(what) {
        check_destroyed(unfinished.carry_out(what, &mut report)?)?;
        return Ok(Attached { rows: report.rows_out, report, resumed: true });
    }
    if what.out.symlink_metadata().is_ok() {
        // Before the sources, which may be gone: the command may have been done already.
        return Err(FileError::Exists { path: what.out.to_owned() }.into());
    }
    let before = Before::of(what)?;
    let retained = Retained::open(what.retained)?;
    let results = Results::open(what.result)?;
    let mut files = Together::create([&report_path, what.out], Access::Private)?;
    let [report_file, out_file] = &mut files.files;

    let meta = results.meta.clone();
    let told = results.report.clone();
    let Merged { rows, quality, told: counted } =
        merge(retained, results, what.binary_codes, format, out_file, effort)?;
    if let Some(told) = &told
        && (told.rows_out != rows || (!told.quality.is_empty() && known_counts(&told.quality) != counted))
    {
        return Err(AttachError::ResultChanged { path: what.result.to_owned() });
    }
    let mut report = Report {
        format: Report::FORMAT,
        tool: concat!("cstatns ", env!("CARGO_PKG_VERSION")).to_owned(),
        spec: SPEC.to_owned(),
        service: meta.service,
        domain: meta.domain,
        generation: meta.generation,
        key_id: told.as_ref().and_then(|report| report.key_id),
        delivery: meta.delivery,
        rows_in: rows,
        rows_out: rows,
        coded: told.as_ref().and_then(|report| report.coded),
        quality,
        scores: told.as_ref().and_then(|report| report.scores),
        scheme: told.as_ref().and_then(|report| report.scheme),
        look_up: told.as_ref().and_then(|report| report.look_up),
        accepted: told.as_ref().map(|report| report.accepted.clone()).unwrap_or_default(),
        destroyed: Vec::new(),
        begin,
        end: Timestamp::now().max(begin),
        checkpoint: told.as_ref().and_then(|report| report.checkpoint),
    };
    let unfinished = match what.destroy {
        [] => None,
        _ => Some(before.plan(what, out_file.temporary())?),
    };
    let bytes = unfinished.as_ref().map_or_else(|| report.bytes(), |unfinished| unfinished.bytes(&report));
    report_file.write_all(&bytes).map_err(|error| FileError::from_io(&report_path, &error))?;
    files.commit()?;
    if let Some(unfinished) = unfinished {
        check_destroyed(unfinished.carry_out(what, &mut report)?)?;
    }
    Ok(Attached { rows, report, resumed: false })
}

/// The error for files that were not destroyed: how many, and why the first was not.
fn check_destroyed(stayed: Option<(usize, NotDestroyed)>) -> Result<(), AttachError> {
    stayed.map_or(Ok(()), |(count, reason)| Err(AttachError::NotDestroyed { count, reason }))
}

/// Whether a result has `quality` and `score`, each of its type.
pub(crate) fn result_columns(source: &Source) -> Result<(bool, bool), TableError> {
    let names: Vec<&[u8]> = source.header().iter().map(Vec::as_slice).collect();
    let (quality, score) = match names[..] {
        [b"index", b"code"] => (false, false),
        [b"index", b"code", b"quality"] => (true, false),
        [b"index", b"code", b"quality", b"score"] => (true, true),
        _ => {
            let expected = "`index`, `code`, after a coding `quality`, after a look-up `score` too";
            return Err(TableError::Columns { path: source.path().to_owned(), expected });
        }
    };
    if quality {
        source.need_kind(2, &[Kind::Text], "`quality` is text")?;
    }
    if score {
        source.need_kind(3, &[Kind::Text, Kind::Float(64)], "a score is a number of 64 bits, or text")?;
    }
    Ok((quality, score))
}
