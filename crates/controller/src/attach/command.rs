//! What `attach` is given.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cstatns_parcel::party::Party;
use cstatns_record::report::Report;
use cstatns_record::requested::{Requested, requested_path};
use cstatns_rows::sink::Output;
use cstatns_rows::table::Input;

use crate::data::Data;

/// What to attach. See [`attach`](crate::attach()).
pub struct Attach<'a> {
    /// The data, which must not have changed; none for files that are where they were.
    pub data: Option<Data<'a>>,
    /// The retained rows, as [`prepare`](crate::prepare()) wrote them or handed them over.
    pub retained: Input<'a>,
    /// What was kept of the request ([`Prepared::requested`](crate::Prepared)); of a retained file
    /// it lies beside it, unless it is given.
    pub requested: Option<&'a Requested>,
    /// The result of the service, beside which lies its report; or a parcel of both.
    pub result: &'a Path,
    /// Whose parcel it is, and who signs the receipt; nobody, where the result came in clear and
    /// the receipt is not signed.
    pub party: Option<&'a Party>,
    /// Where the attached rows go: to a file of the same type as the data, that of a frame being
    /// Parquet, beside which the report will lie; of several files to a folder of as many; or, of
    /// rows whose columns have types, to a frame.
    pub out: Output<'a>,
    /// Put the rows into an order that is drawn at random, in each file by itself; else they stand
    /// as in the data.
    pub shuffle: bool,
    /// Write the codes in binary form (not in CSV).
    pub binary_codes: bool,
    /// Files to destroy once the attached file is durable: the data, the retained file (with what
    /// lies beside it of the request), the copy of the result. None where the rows go to a frame.
    pub destroy: &'a [PathBuf],
}

/// The files of the command.
pub(super) struct Files<'a> {
    /// Those of the data that were named.
    pub(super) data: Vec<&'a Path>,
    pub(super) retained: Option<&'a Path>,
    pub(super) result: &'a Path,
    pub(super) party: Option<&'a Party>,
    pub(super) out: &'a Path,
    /// Whether that is a folder of files.
    pub(super) is_folder: bool,
    pub(super) shuffle: bool,
    pub(super) binary_codes: bool,
    /// Those that the command names.
    pub(super) destroy: &'a [PathBuf],
    /// Those that it does not name: all sources, where these are to be destroyed.
    pub(super) sources: Vec<PathBuf>,
    /// The folders that were given: each file in one of them, with it.
    pub(super) folders: Vec<(PathBuf, PathBuf)>,
}

impl Files<'_> {
    /// The files to destroy, each once.
    pub(super) fn all(&self) -> impl Iterator<Item = &Path> {
        let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let named: Vec<PathBuf> = self.destroy.iter().map(|path| whole(path)).collect();
        let more = self.sources.iter().filter(move |path| !named.contains(&whole(path)));
        self.destroy.iter().chain(more).map(PathBuf::as_path)
    }

    /// The folders that destruction may leave empty, and those in them, the deepest first.
    pub(super) fn emptied(&self) -> Vec<PathBuf> {
        let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let destroyed: BTreeSet<PathBuf> = self.all().map(whole).collect();
        let mut emptied = BTreeSet::new();
        for (file, folder) in &self.folders {
            let (file, folder) = (whole(file), whole(folder));
            if destroyed.contains(&file) {
                let above = file.ancestors().skip(1).take_while(|path| path.starts_with(&folder));
                emptied.extend(above.map(Path::to_owned));
            }
        }
        // What lies in a folder comes behind it.
        emptied.into_iter().rev().collect()
    }
}

/// The files to destroy: what was kept of the request goes with the retained file.
pub(super) fn with_requested(retained: Option<&Path>, destroy: &[PathBuf]) -> Vec<PathBuf> {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let retained = retained.map(absolute);
    let mut all = Vec::with_capacity(destroy.len() + 1);
    for path in destroy {
        all.push(path.clone());
        let beside = requested_path(path);
        if Some(absolute(path)) == retained && !destroy.contains(&beside) {
            all.push(beside);
        }
    }
    all
}

/// What was attached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attached {
    /// The rows of the attached file.
    pub rows: u64,
    /// The report that was written beside it: counts by quality, what was destroyed.
    pub report: Report,
    /// Whether an earlier run of the same command, which was stopped, had made the file, so that
    /// only the destruction was left.
    pub resumed: bool,
    /// The files that are still there and hold identifiers or former codes, or with which it can be
    /// said whose a code is: the data, the request, the result, the retained file. None where the
    /// rows went to a frame.
    pub holding: Vec<PathBuf>,
}
