//! A joined file leaves: encrypted to a researcher, recorded before it has its name.

use std::io::{BufWriter, Read, Write};
use std::path::Path;

use cstatns_base::files::{self, Access, FileError, Together};
use cstatns_base::name::{Hex, Name};
use cstatns_parcel::head::Head;
use cstatns_record::card::{PartyCard, spoken};
use cstatns_record::linking::{LinkingEvent, Standing};
use cstatns_record::party::Role;
use cstatns_record::report::report_path;
use cstatns_record::state::State;
use cstatns_rows::csv::Delimiter;
use cstatns_rows::guard::{Found, Guard, Lines, Shown};
use cstatns_rows::table::{Input, Source};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::body::Body;
use crate::catalogue::{Entry, Releasing, whole};
use crate::error::LinkError;
use crate::identity::{check_cells, check_names};
use crate::sealing::{copy_name, head, reading, seal, write_copy};

/// How much is written at a time.
const BUFFER: usize = 1 << 20;
/// More than a report is long, in bytes.
const LIMIT: u64 = 16 << 20;
/// What is said about a file of which there is nothing to say.
const NOTHING: &[u8] = b"{}\n";

/// What a body releases, and to whom. See [`release`].
pub struct Release<'a> {
    /// The joined file, or the copy of one in the catalogue.
    pub file: &'a Path,
    /// The card of the researcher.
    pub to: &'a PartyCard,
    /// The service's ledger, which says that this is one.
    pub ledger: Option<&'a State>,
    /// The authorisation, as its reference.
    pub authorisation: Name,
    /// The parcel to write.
    pub out: &'a Path,
    /// Until when an encrypted copy is kept; none where none is.
    pub until: Option<Timestamp>,
    /// Whether encrypted copies of the coded files are kept, for a renewal; else they are
    /// destroyed.
    pub keep_coded: bool,
}

/// What was released.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Released {
    /// The number of the file.
    pub file: Hex<16>,
    /// The number of the parcel.
    pub parcel: Hex<16>,
    /// The receiver's card as words, to compare.
    pub words: String,
    /// Where a copy is kept.
    pub copy: Option<std::path::PathBuf>,
}

/// Encrypts a joined file to a researcher, records that, gives the parcel its name, then destroys
/// the file and the coded files that it came from. Nothing leaves before it is recorded; a command
/// that was stopped is finished by the next one, or is repeated.
///
/// # Errors
/// [`LinkError`]; nothing has left then, and nothing is destroyed.
pub fn release(body: &mut Body<'_>, what: &Release<'_>) -> Result<Released, LinkError> {
    let entry = body.find(what.file)?;
    let file = body.file(&entry.file)?.clone();
    if file.is_coded() {
        return Err(LinkError::NotJoined { path: what.file.to_owned() });
    }
    let card = what.to.fingerprint();
    match what.ledger {
        Some(state) => {
            let party = state.party(&card);
            let role = party.ok().and_then(|party| party.roles.get(&file.domain));
            let same = *file.service == *state.service().id();
            if !same || role.is_none_or(|known| known.role != Role::Researcher) {
                return Err(LinkError::Researcher { domain: file.domain });
            }
        }
        // Used once more: the authorisation is another's.
        None if file.standing == Standing::Kept => return Err(LinkError::LedgerNeeded),
        None => {}
    }
    if let Some(until) = what.until.filter(|until| *until <= body.now()) {
        return Err(LinkError::Until { until });
    }
    let is_copy = whole(what.file) != entry.path && file.standing == Standing::Kept;
    let kept = match entry.copy.as_ref().filter(|_| is_copy) {
        Some(copy) => Some(body.kept(copy)?),
        None => None,
    };
    let about = match &kept {
        Some((opened, _)) => opened.about.to_vec(),
        None => match files::read(&report_path(what.file), LIMIT) {
            Err(FileError::Missing { .. }) => NOTHING.to_vec(),
            about => about?,
        },
    };
    let source = || match &kept {
        Some((_, contents)) => {
            Input::Inside(&entry.path, contents.clone()).open(Delimiter::Given(b','))
        }
        None => Source::open(what.file, Delimiter::Given(b',')),
    };
    guarded(what.file, source()?, &entry)?;

    let keeps = what.until.is_some() && kept.is_none();
    let copy = keeps.then(|| copy_name(&entry));
    let head = head(body.party, what.to, &entry.path, body.now());
    let mut input: Box<dyn Read> = match &kept {
        Some((_, contents)) => Box::new(reading(contents)),
        None => Box::new(files::open_to_read(what.file)?),
    };
    let sealing = Sealing { body, what, entry: &entry, about: &about, head: &head };
    let parcel = head.parcel;
    let (files, sha256) = match &copy {
        Some(name) => {
            let path = body.catalogue.path(name);
            files::destroy_if_present(&path)?;
            let mut files = Together::create([&path, what.out], Access::Private)?;
            let [copy_file, out] = &mut files.files;
            sealing.copy(&mut *input, copy_file)?;
            let sha256 = sealing.parcel(&mut files::open_to_read(what.file)?, out)?;
            (Made::Both(files), sha256)
        }
        None => {
            let mut files = Together::create([what.out], Access::Private)?;
            let sha256 = sealing.parcel(&mut *input, &mut files.files[0])?;
            (Made::Parcel(files), sha256)
        }
    };
    let coded = match file.standing {
        Standing::Clear => body.coded_of(&entry.file)?,
        _ => Vec::new(),
    };
    let mut entry = entry;
    let (place, keep) = (whole(what.out), what.keep_coded);
    entry.releasing = Some(Releasing { parcel: place, sha256, coded, keep });
    entry.copy = entry.copy.or(copy);
    let (number, until) = (entry.file, what.until);
    let authorisation = what.authorisation.clone();
    let event =
        LinkingEvent::Released { file: number, to: card, parcel, sha256, authorisation, until };
    let time = body.state().time().unwrap_or(body.now()).max(body.now());
    body.state().check(&event, time)?;
    body.catalogue.replace(&entry)?;
    body.record(event)?;
    files.commit()?;
    let released = Released {
        file: number,
        parcel,
        words: spoken(&card),
        copy: entry.copy.as_ref().map(|copy| body.catalogue.path(copy)),
    };
    body.finish(entry)?;
    Ok(released)
}

/// Judges what is about to leave: every cell.
fn guarded(path: &Path, source: Source, entry: &Entry) -> Result<(), LinkError> {
    let mut rows = source.any();
    let names = rows.table.header().to_vec();
    let shown = Shown::of(&rows.table);
    let guard = Guard::new(&rows.table, |_| true, |_| Lines::Counted);
    check_names(path, &names, &entry.accepted, |column| shown.column(column))?;
    let mut found = Found::default();
    while let Some(batch) = rows.next_batch()? {
        guard.judge(&shown, &*batch, &mut found)?;
    }
    check_cells(path, &names, &entry.accepted, (&found, &shown))
}

/// The files of a release.
enum Made {
    Parcel(Together<1>),
    Both(Together<2>),
}

impl Made {
    fn commit(self) -> Result<(), FileError> {
        match self {
            Self::Parcel(files) => files.commit(),
            Self::Both(files) => files.commit(),
        }
    }
}

/// What is encrypted.
struct Sealing<'a> {
    body: &'a Body<'a>,
    what: &'a Release<'a>,
    entry: &'a Entry,
    about: &'a [u8],
    head: &'a Head,
}

impl Sealing<'_> {
    /// The parcel to the researcher; gives its SHA-256.
    fn parcel(&self, input: &mut dyn Read, out: &mut impl Write) -> Result<Hex<32>, LinkError> {
        let unwritten = |error| FileError::from_io(self.what.out, &error);
        let out = Hashing { out, hash: Sha256::new() };
        let out = BufWriter::with_capacity(BUFFER, out);
        let head = (self.head.clone(), self.what.to);
        let out = seal(input, self.about, head, self.body.party, out).map_err(unwritten)?;
        let out = out.into_inner().map_err(|error| unwritten(error.into_error()))?;
        Ok(Hex(out.hash.finalize().into()))
    }

    /// The copy that the body keeps.
    fn copy(&self, input: &mut dyn Read, out: &mut impl Write) -> Result<(), LinkError> {
        let out = BufWriter::with_capacity(BUFFER, out);
        let own = (self.body.party, self.body.now());
        let written = write_copy(input, self.about, self.entry, own, out);
        let written = written.and_then(|mut out| out.flush());
        Ok(written.map_err(|error| FileError::from_io(&self.entry.path, &error))?)
    }
}

struct Hashing<W> {
    out: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hash.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
