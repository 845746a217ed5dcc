//! Where the codes of a file come from.

use std::path::{Path, PathBuf};

use cstatns_base::meta::FileMeta;
use cstatns_record::report::{Report, ReportError, report_path};
use cstatns_rows::table::Table;

/// Where the codes of a file come from.
pub(crate) struct Origin {
    /// As its own metadata says, or the report.
    pub(crate) meta: Option<FileMeta>,
    /// The report beside it; beside a frame lies none.
    pub(crate) report: Option<Report>,
    /// What that is of: the file, or the folder of files that were attached together.
    pub(crate) of: PathBuf,
}

/// Where the codes of a file come from, by its own metadata and the report beside it.
pub(crate) fn origin(table: &Table) -> Result<Origin, ReportError> {
    let (of, report) = match table.is_file() {
        true => beside(table.path())?,
        false => (table.path().to_owned(), None),
    };
    let said = table.known().and_then(|known| known.meta.clone());
    let reported = report.as_ref().map(Report::meta);
    if said.is_some() && reported.is_some() && said != reported {
        return Err(ReportError::Stale { path: report_path(&of) });
    }
    Ok(Origin { meta: reported.or(said), report, of })
}

/// The report beside a file; else that beside the folder of files that were attached together, in
/// which it lies: in its own folder, or in one called `COLUMN=VALUE` in that. And what it is of.
fn beside(file: &Path) -> Result<(PathBuf, Option<Report>), ReportError> {
    let mut place = file;
    loop {
        if let Some(report) = Report::beside(place)? {
            return Ok((place.to_owned(), Some(report)));
        }
        let is_inside = place == file || is_partition(place);
        match place.parent().filter(|folder| is_inside && folder.file_name().is_some()) {
            Some(folder) => place = folder,
            None => return Ok((file.to_owned(), None)),
        }
    }
}

fn is_partition(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.as_encoded_bytes().contains(&b'='))
}
