//! What is joined: the data, file by file, the retained file and the result.

use std::path::{Path, PathBuf};

use cstatns_base::files::FileError;
use cstatns_parcel::party::Party;
use cstatns_record::requested::{self, Requested, RequestedError, requested_path};
use cstatns_rows::csv::Delimiter;
use cstatns_rows::encoding::Encoding;
use cstatns_rows::table::{Input, Rows, Source, Table};

use crate::data::Data;

use super::AttachError;
use super::layout::Layout;
use super::sources::{Results, need_any_retained, need_retained};

/// A file of the data, or a frame.
pub(super) struct Part {
    /// One alone is open, of several each is opened when its turn comes.
    source: Option<Source>,
    pub(super) known: Expected,
}

/// What is known of it.
pub(super) struct Expected {
    /// Where it is; of a frame its name.
    pub(super) path: PathBuf,
    pub(super) is_text: bool,
    delimiter: Delimiter<'static>,
    encoding: Option<Encoding>,
    /// What its attached file is called in the folder of those of several.
    pub(super) name: Option<PathBuf>,
    /// The columns that were sent, counted from 0, in the order in which they were named.
    pub(super) sent: Vec<usize>,
    pub(super) digest: [u8; 32],
    pub(super) rows: u64,
}

impl Expected {
    pub(super) fn changed(&self) -> AttachError {
        AttachError::DataChanged { path: self.path.clone() }
    }
}

impl Part {
    /// One that was given, or is where it was. `retained` says where that is written.
    fn of(
        input: Option<Input<'_>>,
        known: &requested::Data,
        retained: &Path,
    ) -> Result<Self, AttachError> {
        let delimiter = known.delimiter.and_then(|between| u8::try_from(between).ok());
        let delimiter = Delimiter::Given(delimiter.unwrap_or(b','));
        let encoding = known.encoding.as_deref().and_then(Encoding::of);
        let source = match (input, &known.path) {
            (Some(input), _) => input.open_in(delimiter, encoding)?,
            (None, Some(path)) if !path.exists() => {
                return Err(AttachError::DataMoved { path: path.clone() });
            }
            (None, Some(path)) => Source::open_in(path, delimiter, encoding)?,
            (None, None) => return Err(AttachError::DataUnknown { path: retained.to_owned() }),
        };
        let expected = Expected {
            path: source.table().path().to_owned(),
            is_text: matches!(source, Source::Lines(_)),
            delimiter,
            encoding,
            name: known.name.clone(),
            sent: known.sent().collect(),
            digest: known.digest.0,
            rows: known.rows,
        };
        // Not all of many files are open at once.
        Ok(Self { source: known.name.is_none().then_some(source), known: expected })
    }

    /// Opens it.
    pub(super) fn open(&mut self) -> Result<Source, AttachError> {
        let Expected { path, delimiter, encoding, .. } = &self.known;
        match self.source.take() {
            Some(source) => Ok(source),
            None => Ok(Source::open_in(path, *delimiter, *encoding)?),
        }
    }
}

/// What is joined.
pub(super) struct Opened {
    pub(super) parts: Vec<Part>,
    pub(super) layout: Layout,
    pub(super) retained: Rows,
    pub(super) results: Results,
}

impl Opened {
    pub(super) fn open(
        data: Option<Data<'_>>,
        retained: Input<'_>,
        requested: Option<&Requested>,
        (result, party): (&Path, Option<&Party>),
    ) -> Result<Self, AttachError> {
        let retained = retained.open(Delimiter::Under("index"))?.any();
        need_any_retained(&retained.table)?;
        let requested = match requested {
            Some(requested) => requested.clone(),
            None => read_requested(&retained.table)?,
        };
        let layout = Layout::of(&requested);
        need_retained(&retained.table, &layout)?;
        let results = Results::open(result, (party, super::now()), &requested)?;
        let known = &requested.data;
        let given: Vec<Option<Input<'_>>> = match data {
            None => known.iter().map(|_| None).collect(),
            Some(Data::One(input)) if !requested.is_of_files() => vec![Some(input)],
            Some(Data::Files(files)) => {
                let find = |known: &requested::Data| {
                    let name = known.name.as_deref();
                    let found = files.iter().find(|file| Some(&*file.name) == name);
                    found.map(|file| Some(Input::File(&file.path)))
                };
                let found: Vec<_> = known.iter().map(find).collect();
                let missing = found.iter().filter(|found| found.is_none()).count();
                let extra = files.len() - (found.len() - missing);
                if missing + extra > 0 {
                    return Err(AttachError::OtherFiles { missing, extra });
                }
                found.into_iter().flatten().collect()
            }
            Some(Data::One(_)) => {
                return Err(AttachError::OtherFiles { missing: known.len(), extra: 1 });
            }
        };
        let place = retained.table.path();
        let parts =
            given.into_iter().zip(known).map(|(input, known)| Part::of(input, known, place));
        let parts = parts.collect::<Result<_, _>>()?;
        Ok(Self { parts, layout, retained, results })
    }
}

/// What was kept of the request beside a retained file.
fn read_requested(retained: &Table) -> Result<Requested, AttachError> {
    let path = match retained.is_file() {
        true => requested_path(retained.path()),
        false => return Err(AttachError::RequestedMissing { path: retained.path().to_owned() }),
    };
    Requested::read(&path).map_err(|error| match error {
        RequestedError::File(FileError::Missing { path }) => AttachError::RequestedMissing { path },
        error => error.into(),
    })
}
