//! The controller's first step: data → request and manifest, and a retained file, or a payload for
//! a linking body (SPEC §6).

mod beside;
mod counting;
mod deal;
mod error;
mod found;
mod given;
mod head;
mod job;
mod kept;
mod payload;
mod sent;
mod write;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use cstatns_base::civil_status::{Field, Years};
use cstatns_base::files::{Access, FileError, Pending, Together};
use cstatns_base::identifier::Scheme;
use cstatns_base::meta::{FileMeta, ServiceId, marks};
use cstatns_base::name::{Hex, Name};
use cstatns_parcel::head::Extension;
use cstatns_parcel::request::inner_name;
use cstatns_parcel::sending::{PayloadTo, Sending};
use cstatns_record::card::PartyCard;
use cstatns_record::manifest::{Content, manifest_path};
use cstatns_record::payload::Payload;
use cstatns_record::proposal;
use cstatns_record::requested::{Requested, requested_path};
use cstatns_rows::effort::Effort;
use cstatns_rows::guard::Held;
use cstatns_rows::reading::Reading;
use cstatns_rows::sink::{self, Output};
use cstatns_rows::table::{Format, Text};

use given::{Choice, Given};
use job::{Job, RequestFiles};

use crate::data::Data;

pub use error::PrepareError;
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
    /// The codes of a linking body's own file, to be renewed: its column `code`. The file does not
    /// say where they come from, which is known.
    Coded(&'a FileMeta),
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
    /// The request to write; its manifest will lie beside it, unless it is a parcel.
    pub request: &'a Path,
    /// Who sends it as a parcel, which its name then says: `request.csv.age`. None where it is
    /// written in clear.
    pub sending: Option<&'a Sending<'a>>,
    /// What is written beside it.
    pub beside: Beside<'a>,
    /// What stands between two fields of the data, where it is CSV.
    pub delimiter: u8,
    /// How the cells that are sent are read.
    pub reading: Reading<'a>,
    /// The columns that may stay although they would be refused (`identity-kept`), each with a
    /// reason.
    pub accepted: &'a [(String, Name)],
}

/// What is written beside a request.
pub enum Beside<'a> {
    /// Which row of the data each index is of, to be retained: in a file, beside which lies what is
    /// kept of the request; or in a frame.
    Retained(Output<'a>),
    /// The rows themselves, each with its index and without what is sent of it, as a parcel of this
    /// name, such as `payload.csv.age`, to the linking body with this card. Nothing is kept. The
    /// request is a parcel too.
    Payload(&'a Path, &'a PartyCard),
    /// The same as a parcel to the sender itself: of a linking body, which renews the codes of a
    /// file and puts the new ones to these rows. It may have any name.
    Own(&'a Path),
}

impl<'a, O: Into<Output<'a>>> From<O> for Beside<'a> {
    fn from(retained: O) -> Self {
        Self::Retained(retained.into())
    }
}

/// What was prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Prepared {
    /// The rows of the data. The request and the retained file have one for each cell that is sent:
    /// of several columns so many times as many.
    pub rows: u64,
    /// How many files the data is.
    pub files: u64,
    /// What the request holds.
    pub content: Content,
    /// The counts and the commitment of the request: what its custodians see.
    pub input: proposal::Input,
    /// What is kept of the request, where rows are retained: it lies beside a retained file;
    /// [`attach`](crate::attach()) needs it.
    pub requested: Option<Requested>,
    /// What the parcel of a payload says of it.
    pub payload: Option<Payload>,
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
    let choice = Choice { column, delimiter, reading, accepted, is_whole: false };
    job::try_out(Given::open(data, choice, effort)?, effort)
}

/// Writes the request with its manifest, and beside it the retained file or a payload.
///
/// For a retained file only the columns that are sent are read of the data, and what the others
/// hold is judged: of a Parquet file by rows that are spread over it, else by all. The retained
/// file says for each index the row; [`attach`](crate::attach()) goes through the data again, which
/// must not have changed. For a payload the whole data is read, once, and judged row by row; a
/// payload has all of its columns but those that are sent, with their types, and text is written
/// with commas.
///
/// Every row gets a random index of its own, of several columns every cell, repeated values
/// included, and both files are sorted by it: neither the order of the data nor what its rows have
/// in common travels beyond the values
/// themselves. A cell that holds no identifier travels as an empty one; `status` in the retained
/// file says why. So does a cell of civil status that cannot be read as its field; a row that has
/// no name or no date then travels empty, `status` says `absent` or `malformed`. Such rows are in a
/// payload like any other.
///
/// The data is gone through once; then its rows are sorted and written. Those that
/// [`Effort::memory`] does not hold are put aside beside the request meanwhile, encrypted under a
/// key that lives as long as the call, in a file without a name.
///
/// The files get their names together, first the manifest, then what is kept of the request, then
/// the retained file or the payload, the request last: a failure leaves none of them, and where a
/// request is, the others are. Rows retained in a frame are handed over before the request has its
/// name: after an error they must not be used. What a stopped run left under the same names is
/// destroyed first.
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
        sending,
        beside,
        delimiter,
        reading,
        accepted,
    } = what;
    let request_format = match sending {
        None => Format::of(request)?,
        Some(_) if !is_parcel(request) => {
            return Err(PrepareError::NotAge { path: request.to_owned() });
        }
        Some(sending) if sending.domain() != domain => {
            let found = sending.domain().clone();
            return Err(PrepareError::KeyDomain { found, expected: domain.clone() });
        }
        Some(_) => Format::of(&inner_name(request))?,
    };
    let manifest_path = manifest_path(request);
    let is_whole = !matches!(beside, Beside::Retained(_));
    let choice = Choice { column, delimiter, reading, accepted, is_whole };
    let job = Job { service, signing, domain, request, request_format, effort };
    let retained = match beside {
        Beside::Retained(retained) => retained,
        Beside::Payload(path, card) => {
            let sending = sending.ok_or(PrepareError::PayloadInClear)?;
            return prepare_payload(job, (data, choice), (path, card), sending);
        }
        Beside::Own(path) => {
            let sending = sending.ok_or(PrepareError::PayloadInClear)?;
            return prepare_own(job, (data, choice), path, sending);
        }
    };
    if let Output::File(retained) = &retained {
        Format::of(retained)?;
        if *retained == request || *retained == manifest_path {
            return Err(PrepareError::SameOutput { path: (*retained).to_owned() });
        }
    }
    let given = Given::open(data, choice, effort)?;
    // Before the data is read: a name that is taken is refused at once.
    match retained {
        Output::File(retained) => {
            let requested_path = requested_path(retained);
            if let Some(sending) = sending {
                let paths = [&requested_path, retained, request];
                let mut files = Together::create(paths, Access::Private)?;
                let [requested, kept, request] = &mut files.files;
                let out = RequestFiles::Parcel { request, sending };
                let prepared = keep((job, given), out, (requested, kept))?;
                files.commit()?;
                return Ok(prepared);
            }
            let paths = [&manifest_path, &requested_path, retained, request];
            let mut files = Together::create(paths, Access::Private)?;
            let [manifest, requested, kept, request] = &mut files.files;
            let out = RequestFiles::Clear { manifest, request };
            let prepared = keep((job, given), out, (requested, kept))?;
            files.commit()?;
            Ok(prepared)
        }
        Output::Frame(take) => {
            if let Some(sending) = sending {
                let mut files = Together::create([request], Access::Private)?;
                let [request] = &mut files.files;
                let out = RequestFiles::Parcel { request, sending };
                let prepared =
                    job.run(given, out, |columns| Ok(sink::frames(take, columns, marks(None))))?;
                files.commit()?;
                return Ok(prepared);
            }
            let mut files = Together::create([&manifest_path, request], Access::Private)?;
            let [manifest, request] = &mut files.files;
            let out = RequestFiles::Clear { manifest, request };
            let prepared =
                job.run(given, out, |columns| Ok(sink::frames(take, columns, marks(None))))?;
            files.commit()?;
            Ok(prepared)
        }
    }
}

/// Whether a file is called as a parcel.
fn is_parcel(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "age")
}

/// Writes the request, and what is retained of it to its two files.
fn keep(
    (job, given): (Job<'_>, Given<'_>),
    out: RequestFiles<'_>,
    (requested, kept): (&mut Pending, &mut Pending),
) -> Result<Prepared, PrepareError> {
    let prepared = match Format::of(kept.target())?.text() {
        Some(text) => job.run(given, out, |columns| sink::csv(kept, text, columns)),
        None => job.run(given, out, |columns| sink::parquet(kept, columns, marks(None))),
    }?;
    let bytes = prepared.requested.as_ref().map(Requested::bytes).unwrap_or_default();
    let written = requested.write_all(&bytes);
    written.map_err(|error| FileError::from_io(requested.target(), &error))?;
    Ok(prepared)
}

/// Writes the request, and the rows as a payload to who has this card.
fn prepare_payload(
    job: Job<'_>,
    (data, choice): (Data<'_>, Choice<'_>),
    (path, card): (&Path, &PartyCard),
    sending: &Sending<'_>,
) -> Result<Prepared, PrepareError> {
    let wrong_type = || PrepareError::PayloadType { path: path.to_owned() };
    match choice.column {
        Column::Codes(_) | Column::Coded(_) => return Err(PrepareError::PayloadCodes),
        Column::Identifiers { columns: [_, _, ..], .. } => {
            return Err(PrepareError::PayloadColumns);
        }
        Column::Identifiers { .. } | Column::CivilStatus { .. } => {}
    }
    if !is_parcel(path) {
        return Err(PrepareError::NotAge { path: path.to_owned() });
    }
    let inner = inner_name(path);
    let extension = Extension::of(&inner);
    let text = match &*extension.to_string() {
        "parquet" => None,
        "csv" | "csv.gz" | "csv.zst" => Format::of(&inner)?.text(),
        _ => return Err(wrong_type()),
    };
    let to = sending.payload_to(card)?;
    let given = Given::open(data, choice, job.effort)?;
    if given.is_text() != text.is_some() {
        return Err(wrong_type());
    }
    write_payload((job, given), (path, extension, text), &to, sending)
}

/// Writes the request, and the rows as a payload to who sends it.
fn prepare_own(
    job: Job<'_>,
    (data, choice): (Data<'_>, Choice<'_>),
    path: &Path,
    sending: &Sending<'_>,
) -> Result<Prepared, PrepareError> {
    let to = sending.payload_to_self()?;
    let given = Given::open(data, choice, job.effort)?;
    let (name, text) = match given.is_text() {
        true => ("rows.csv", Some(b','.into())),
        false => ("rows.parquet", None),
    };
    let extension = Extension::of(Path::new(name));
    write_payload((job, given), (path, extension, text), &to, sending)
}

/// Writes the request, and the rows as a payload of this type.
fn write_payload(
    (job, given): (Job<'_>, Given<'_>),
    (path, extension, text): (&Path, Extension, Option<Text>),
    to: &PayloadTo<'_>,
    sending: &Sending<'_>,
) -> Result<Prepared, PrepareError> {
    if path == job.request {
        return Err(PrepareError::SameOutput { path: path.to_owned() });
    }
    let unwritten = |error: io::Error| FileError::from_io(path, &error);
    let mut files = Together::create([path, job.request], Access::Private)?;
    let [payload, request] = &mut files.files;
    let mut making = to.begin(extension, payload).map_err(unwritten)?;
    let out = RequestFiles::Parcel { request, sending };
    let prepared = match text {
        Some(text) => job.run_whole(given, out, |columns| sink::csv(&mut making, text, columns))?,
        None => {
            job.run_whole(given, out, |columns| sink::parquet(&mut making, columns, marks(None)))?
        }
    };
    if let Some(payload) = &prepared.payload {
        to.finish(making, payload).map_err(unwritten)?;
    }
    files.commit()?;
    Ok(prepared)
}
