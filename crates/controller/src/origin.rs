//! Where the codes of a file come from.

use cstatns_base::meta::FileMeta;
use cstatns_record::report::{Report, ReportError, report_path};
use cstatns_rows::table::Source;

/// Where the codes of a file come from, by its own metadata and the report beside it; and that report.
pub(crate) fn origin(source: &Source) -> Result<(Option<FileMeta>, Option<Report>), ReportError> {
    let report = Report::beside(source.path())?;
    let said = source.known().and_then(|known| known.meta.clone());
    let reported = report.as_ref().map(Report::meta);
    if said.is_some() && reported.is_some() && said != reported {
        return Err(ReportError::Stale { path: report_path(source.path()) });
    }
    Ok((reported.or(said), report))
}
