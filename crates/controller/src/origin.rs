//! Where the codes of a file come from.

use cstatns_base::meta::FileMeta;
use cstatns_record::report::{Report, ReportError, report_path};
use cstatns_rows::table::Table;

/// Where the codes of a file come from, by its own metadata and the report beside it; and that
/// report. Beside a frame lies none.
pub(crate) fn origin(table: &Table) -> Result<(Option<FileMeta>, Option<Report>), ReportError> {
    let report = if table.is_file() { Report::beside(table.path())? } else { None };
    let said = table.known().and_then(|known| known.meta.clone());
    let reported = report.as_ref().map(Report::meta);
    if said.is_some() && reported.is_some() && said != reported {
        return Err(ReportError::Stale { path: report_path(table.path()) });
    }
    Ok((reported.or(said), report))
}
