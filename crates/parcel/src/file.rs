//! Parcels as files: one made of a file, one opened into a directory (SPEC §19).

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use cstatns_base::files::{self, Access, FileError, Pending, Together, Withheld};
use cstatns_base::secret::random_bytes;
use cstatns_keys::receiving::{Recipient, SealError};
use cstatns_record::card::PartyCard;
use cstatns_record::manifest::manifest_path;
use cstatns_record::payload::payload_path;
use cstatns_record::report::report_path;
use jiff::Timestamp;

use crate::age::{Header, Identity, Kind as Recipe};
use crate::error::ParcelFault;
use crate::head::{End, Extension, Head, Kind, Sender};
use crate::make::Making;
use crate::open::{OpenError, Opened, Opener, claimed, open};
use crate::party::{Party, PartyError};

/// What is said about a file of which there is nothing to say.
const NOTHING: &[u8] = b"{}\n";
/// More than a report is long, in bytes.
const REPORT_LIMIT: u64 = 16 << 20;
/// How much is read and written at a time.
const BUFFER: usize = 1 << 20;

/// What anyone can see of a parcel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its length, in bytes.
    pub bytes: u64,
    /// The kinds of keys that open it.
    pub recipients: Vec<Recipe>,
}

/// What anyone can see of the parcel at `path`.
///
/// # Errors
/// [`ParcelError`].
pub fn show(path: &Path) -> Result<Shown, ParcelError> {
    let file = files::open_to_read(path)?;
    let bytes = file.metadata().map_err(|error| FileError::from_io(path, &error))?.len();
    let header = Header::read(&mut BufReader::new(file));
    let header = header.map_err(|fault| ParcelError::of(path, fault.into()))?;
    Ok(Shown { bytes, recipients: header.kinds().collect() })
}

/// What the parcel at `path` claims to be, to a party that can open it.
///
/// # Errors
/// [`ParcelError`].
pub fn show_to(path: &Path, party: &Party) -> Result<Head, ParcelError> {
    let identity = Identity::Hybrid(party.receiving());
    let file = BufReader::with_capacity(BUFFER, files::open_to_read(path)?);
    claimed(file, &identity).map_err(|fault| ParcelError::of(path, fault))
}

/// Makes a parcel `out` of the file at `from`, and of the report beside it if there is one, to the
/// party with this card.
///
/// # Errors
/// [`ParcelError`]; nothing is left then.
pub fn make(
    from: &Path,
    party: &Party,
    to: &PartyCard,
    out: &Path,
    now: Timestamp,
) -> Result<Head, ParcelError> {
    let recipient = Recipient::new(&to.body.receiving)?;
    if files::taken(&manifest_path(from))? {
        return Err(ParcelError::Request { path: from.to_owned() });
    }
    let report = match files::read(&report_path(from), REPORT_LIMIT) {
        Err(FileError::Missing { .. }) => NOTHING.to_vec(),
        report => report?,
    };
    let mut input = files::open_to_read(from)?;
    let head = Head::new(End::of(party.card()), End::of(to), Extension::of(from), now);
    let mut file = Together::create([out], Access::Private)?;
    let unwritten = |error: io::Error| FileError::from_io(out, &error);
    let buffer = BufWriter::with_capacity(BUFFER, &mut file.files[0]);
    let mut making = Making::begin(head.clone(), &recipient, buffer).map_err(unwritten)?;
    let mut bytes = zeroize::Zeroizing::new(vec![0; BUFFER]);
    loop {
        match input.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => making.write_all(&bytes[..count]).map_err(unwritten)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(FileError::from_io(from, &error).into()),
        }
    }
    let made = making.finish(&report, party.sender(), &party.signing());
    made.and_then(|mut buffer| buffer.flush()).map_err(unwritten)?;
    file.commit()?;
    Ok(head)
}

/// What was opened, and where it lies.
pub struct Arrived {
    /// The parcel.
    pub opened: Opened,
    /// The file that was in it.
    pub file: PathBuf,
    /// What was said about it, if anything was.
    pub about: Option<PathBuf>,
}

/// Opens the parcel at `path` into a directory: the file as NAME.TYPE, and what is said about it
/// beside it. Nothing has a name there before the whole parcel is verified.
///
/// # Errors
/// [`ParcelError`]; nothing is left then.
pub fn open_into(
    path: &Path,
    party: &Party,
    directory: &Path,
    now: Timestamp,
    knows: &dyn Fn(&Sender) -> bool,
) -> Result<Arrived, ParcelError> {
    let refused = |fault| ParcelError::of(path, fault);
    let opener = Opener {
        identity: Identity::Hybrid(party.receiving()),
        receiver: Some(party.card().fingerprint()),
        now,
        knows,
    };
    let head = show_to(path, party)?;
    party.check_new(&head)?.map_err(refused)?;
    let target = directory.join(name_of(path, &head.extension));
    let beside = match head.kind {
        Kind::Request => manifest_path(&target),
        Kind::Payload => payload_path(&target),
        Kind::Result | Kind::File => report_path(&target),
    };
    let is_new = !directory.exists();
    files::ensure_dir(directory)?;
    let arrived = arrive(path, party, &opener, &head, (&target, beside), now);
    if arrived.is_err() && is_new {
        // One that is not empty is used by somebody.
        let _ = files::remove_empty_directory(directory);
    }
    arrived
}

/// Writes what is in the parcel under its names.
fn arrive(
    path: &Path,
    party: &Party,
    opener: &Opener<'_>,
    head: &Head,
    (target, beside): (&Path, PathBuf),
    now: Timestamp,
) -> Result<Arrived, ParcelError> {
    let refused = |fault| ParcelError::of(path, fault);
    files::take_back(&[&beside, target])?;
    for place in [beside.as_path(), target] {
        if files::taken(place)? {
            return Err(FileError::Exists { path: place.to_owned() }.into());
        }
    }
    let (opened, file, mark) = verified(path, opener, target)?;
    // Between the two looks another file may have taken its place.
    if opened.head != *head {
        return Err(refused(ParcelFault::Form));
    }
    let about = (**opened.about != *NOTHING).then_some(beside);
    match &about {
        Some(about) => {
            let mut beside = Pending::create_marked(about, &mark, Access::Private)?;
            let written = beside.write_all(&opened.about);
            written.map_err(|error| FileError::from_io(about, &error))?;
            Together::of([beside, file], mark).commit()?;
        }
        None => file.commit()?,
    }
    party.remember(&opened.head, now)?;
    Ok(Arrived { opened, file: target.to_owned(), about })
}

/// The file in a parcel once the whole is verified, without its name.
fn verified(
    path: &Path,
    opener: &Opener<'_>,
    target: &Path,
) -> Result<(Opened, Pending, [u8; 16]), ParcelError> {
    let mut mark = [0; 16];
    random_bytes(&mut mark);
    if let Some(file) = Withheld::create(target, Access::Private)? {
        let mut file = BufWriter::with_capacity(BUFFER, file);
        let opened = pass(path, opener, &mut file, target)?;
        let file = file.into_inner().map_err(|error| FileError::from_io(target, error.error()))?;
        return Ok((opened, file.stand_by(&mark)?, mark));
    }
    // Where each file has a name: once to verify, and once more to write.
    pass(path, opener, &mut io::sink(), target)?;
    let file = Pending::create_marked(target, &mark, Access::Private)?;
    let mut file = BufWriter::with_capacity(BUFFER, file);
    let opened = pass(path, opener, &mut file, target)?;
    let file = file.into_inner().map_err(|error| FileError::from_io(target, error.error()))?;
    Ok((opened, file, mark))
}

fn pass(
    path: &Path,
    opener: &Opener<'_>,
    out: &mut impl Write,
    target: &Path,
) -> Result<Opened, ParcelError> {
    let input: BufReader<File> = BufReader::with_capacity(BUFFER, files::open_to_read(path)?);
    let opened = open(input, opener, out).and_then(|opened| {
        out.flush().map_err(OpenError::Write)?;
        Ok(opened)
    });
    opened.map_err(|error| match error {
        OpenError::Parcel(fault) => ParcelError::of(path, fault),
        OpenError::Write(error) => FileError::from_io(target, &error).into(),
    })
}

/// The name of a parcel without `.age`, and with its type at the end.
fn name_of(path: &Path, extension: &Extension) -> OsString {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = name.strip_suffix(".age").unwrap_or(&name);
    let ends = format!(".{extension}");
    match name.strip_suffix(&ends) {
        Some(_) => name.into(),
        None => format!("{name}{ends}").into(),
    }
}

/// Why a parcel was not made or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParcelError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The party's own folder.
    #[error(transparent)]
    Party(#[from] PartyError),
    /// The receiver's card.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The parcel.
    #[error("the parcel {path:?}: {fault}")]
    Parcel {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        fault: ParcelFault,
    },
    /// A request is to be sent as a file to somebody who is no service.
    #[error("{path:?} is a request: identifiers or codes, with the secret of their commitment")]
    Request {
        /// The request.
        path: PathBuf,
    },
}

impl ParcelError {
    fn of(path: &Path, fault: ParcelFault) -> Self {
        Self::Parcel { path: path.to_owned(), fault }
    }
}

cstatns_base::coded!(ParcelError {
    Self::File(error) => (error),
    Self::Party(error) => (error),
    Self::Seal(error) => (error),
    Self::Parcel { path, fault } => (fault, [path]),
    Self::Request { path } => ("parcel-request", Input, [path]),
});
