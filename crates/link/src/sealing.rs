//! Files as parcels: to a receiver, or to the body itself, which keeps them so.

use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cstatns_base::files::{self, Access, FileError, ReadFrom, Together};
use cstatns_keys::receiving::Recipient;
use cstatns_parcel::age::Identity;
use cstatns_parcel::file::ParcelError;
use cstatns_parcel::head::{End, Extension, Head, Sender};
use cstatns_parcel::make::Making;
use cstatns_parcel::open::{Opened, Opener};
use cstatns_parcel::party::Party;
use cstatns_parcel::request::Contents;
use cstatns_record::card::PartyCard;
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use crate::catalogue::{Catalogue, Entry};
use crate::error::LinkError;

/// How much is read at a time.
const BUFFER: usize = 1 << 20;
/// How long a copy that the body keeps for itself can be opened, in days: its end is another's
/// business.
const LONG: i64 = 200 * 365;

/// The head of a file from a body to a party.
pub(crate) fn head(party: &Party, to: &PartyCard, file: &Path, now: Timestamp) -> Head {
    Head::new(End::of(party.card()), End::of(to), Extension::of(file), now)
}

/// Encrypts what `input` gives to a party, with what is said `about` it.
pub(crate) fn seal<W: Write>(
    input: &mut dyn Read,
    about: &[u8],
    (head, to): (Head, &PartyCard),
    party: &Party,
    out: W,
) -> io::Result<W> {
    let recipient = Recipient::new(&to.body.receiving).map_err(io::Error::other)?;
    let mut making = Making::begin(head, &recipient, out)?;
    let mut bytes = Zeroizing::new(vec![0; BUFFER]);
    loop {
        match input.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => making.write_all(&bytes[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    making.finish(about, party.sender(), &party.signing())
}

/// The name of the copy of a file in the catalogue.
pub(crate) fn copy_name(entry: &Entry) -> PathBuf {
    format!("{}.{}.age", entry.file, Extension::of(&entry.path)).into()
}

/// Writes a copy that only the body itself can read.
pub(crate) fn write_copy<W: Write>(
    input: &mut dyn Read,
    about: &[u8],
    entry: &Entry,
    (party, now): (&Party, Timestamp),
    out: W,
) -> io::Result<W> {
    let mut head = head(party, party.card(), &entry.path, now);
    head.expires = head.made + SignedDuration::from_hours(24 * LONG);
    seal(input, about, (head, party.card()), party, out)
}

/// Keeps an encrypted copy of the file of an entry, and gives its name in the catalogue.
pub(crate) fn keep(
    catalogue: &Catalogue,
    entry: &Entry,
    own: (&Party, Timestamp),
) -> Result<PathBuf, LinkError> {
    let name = copy_name(entry);
    let path = catalogue.path(&name);
    // What a stopped command left: nothing knows of it yet.
    files::destroy_if_present(&path)?;
    let mut file = Together::create([&path], Access::Private)?;
    let out = BufWriter::with_capacity(BUFFER, &mut file.files[0]);
    let mut input = files::open_to_read(&entry.path)?;
    let written = write_copy(&mut input, b"{}\n", entry, own, out);
    let written = written.and_then(|mut out| out.flush());
    written.map_err(|error| FileError::from_io(&path, &error))?;
    file.commit()?;
    Ok(name)
}

/// Opens a parcel to a body; `knows` says whom it may be from.
pub(crate) fn opened(
    path: &Path,
    (party, now): (&Party, Timestamp),
    knows: &dyn Fn(&Sender) -> bool,
) -> Result<(Opened, Contents), LinkError> {
    let opener = Opener {
        identity: Identity::Hybrid(party.receiving()),
        receiver: Some(party.card().fingerprint()),
        now,
        knows,
    };
    let opened = Contents::open(files::open_to_read(path)?, &opener);
    let of = |fault| ParcelError::Parcel { path: path.to_owned(), fault };
    Ok(opened.map_err(of)?)
}

/// What a kept copy holds, from its beginning.
pub(crate) fn reading(contents: &Arc<Contents>) -> impl Read {
    ReadFrom::new(contents.clone(), 0)
}
