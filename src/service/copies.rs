//! Copies of the ledger outside the home's own files (SPEC §13): beside the life secrets, which no
//! backup holds, and in mirrors.
//!
//! Their newest head marks how far the service has come. A home that does not go on from there was
//! put back from a backup: it records nothing until it is recovered. A mirror also holds what else
//! is needed in place of a lost home, but neither the signing key nor life secrets.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cstatns_base::files::{self, Access, Append, FileError};
use cstatns_record::card::{ServiceKeys, Unsigned};
use cstatns_record::checkpoint::Head;
use cstatns_record::ledger::{History, Ledger, checkpoint_path, read_checkpoint};

use crate::keystore::{KeystoreError, MIRROR_MARKER, Places};

use super::{LIMIT, ServiceError};

/// The name of a ledger in a home, and in its copies.
pub(super) const LEDGER: &str = "ledger.jsonl";

/// The directories of a home whose files a mirror holds too.
const MIRRORED: [&str; 2] = ["keys", "outbox"];

/// The files of a home that a mirror holds too.
const FILES: [&str; 2] = ["card.json", "places.json"];

/// The copies of the ledger that are there.
#[derive(Default)]
pub(super) struct Copies {
    home: PathBuf,
    copies: Vec<Copy>,
    /// Why a copy does not have everything that the ledger has.
    behind: Option<Arc<ServiceError>>,
}

struct Copy {
    directory: PathBuf,
    mirrors: bool,
    file: Append,
    /// What its checkpoint covers, if that is known.
    head: Option<Head>,
}

/// Whether the ledger with this history goes on from every copy that is there.
///
/// # Errors
/// [`ServiceError::HomeOld`]; [`ServiceError::NoMark`] where the places are there and no copy is;
/// [`KeystoreError::Place`] where none of them is there.
pub(super) fn check_marks(
    home: &Path,
    keys: &ServiceKeys,
    history: &History,
    places: &Places,
) -> Result<(), ServiceError> {
    let (mut marked, found) = (false, history.size());
    for place in places.there(home, keys.id()) {
        match mark(&place, keys)? {
            Mark::At(head) if history.includes(&head) => marked = true,
            Mark::At(Head { size: mark, .. }) | Mark::OtherKey { size: mark } => {
                return Err(ServiceError::HomeOld { place, found, mark });
            }
            Mark::None => {}
        }
    }
    if marked {
        return Ok(());
    }
    // A place in the home is lost with it; one elsewhere may only be away.
    let lives = places.life_of(home).into_iter();
    let place = places.there(home, keys.id()).chain(lives).next().unwrap_or_default();
    match place.starts_with(home) || place.exists() {
        true => Err(ServiceError::NoMark { place }),
        false => Err(KeystoreError::Place { path: place }.into()),
    }
}

/// The copies that do not have the first `size` events, mirrors that are away among them.
pub(super) fn behind(home: &Path, keys: &ServiceKeys, size: u64, places: &Places) -> Vec<PathBuf> {
    let there: BTreeSet<PathBuf> = places.there(home, keys.id()).collect();
    let lives = places.life_of(home).into_iter().map(|place| (place, false));
    let mirrors = places.mirrors.iter().map(|place| (place.clone(), true));
    let is_behind = |(place, mirrors): &(PathBuf, bool)| match there.contains(place) {
        true => !matches!(mark(place, keys), Ok(Mark::At(head)) if head.size >= size),
        false => *mirrors,
    };
    lives.chain(mirrors).filter(is_behind).map(|(place, _)| place).collect()
}

/// How far a copy of the ledger goes.
enum Mark {
    /// Its checkpoint is of this service.
    At(Head),
    /// Its checkpoint is signed by a key that this ledger does not name for so many events: one
    /// that took the place of the present one in an event that is missing here.
    OtherKey { size: u64 },
    /// There is none, or it is damaged: it marks nothing, and is written anew.
    None,
}

fn mark(place: &Path, keys: &ServiceKeys) -> Result<Mark, ServiceError> {
    let note = match read_checkpoint(&checkpoint_path(&place.join(LEDGER))) {
        Err(FileError::Missing { .. }) => return Ok(Mark::None),
        read => read?,
    };
    Ok(match keys.head_of(&note) {
        Ok(head) => Mark::At(head),
        Err(Unsigned::OtherKey { size }) => Mark::OtherKey { size },
        Err(_) => Mark::None,
    })
}

impl Copies {
    /// Brings every copy up to the ledger, which goes on from each of them. One that cannot be
    /// written is behind from then on.
    pub(super) fn open(home: &Path, keys: &ServiceKeys, ledger: &Ledger, places: &Places) -> Self {
        let mut copies = Self { home: home.to_owned(), ..Self::default() };
        let lives = places.life_of(home).into_iter().map(|place| (place, false));
        let mirrors = places.mirrors.iter().map(|place| (place.clone(), true));
        let there: BTreeSet<PathBuf> = places.there(home, keys.id()).collect();
        for (directory, mirrors) in lives.chain(mirrors) {
            let opened = match there.contains(&directory) {
                true => Copy::open(directory, mirrors, keys, ledger),
                false if mirrors => {
                    let error = FileError::Missing { path: directory.clone() };
                    Err(ServiceError::MirrorBehind { place: directory, error })
                }
                // Another copy marks how far the home has come, or it would not have been opened.
                false => continue,
            };
            match opened {
                Ok(copy) => copies.copies.push(copy),
                Err(error) => copies.behind = copies.behind.or_else(|| Some(Arc::new(error))),
            }
        }
        copies.follow(ledger);
        copies
    }

    /// Brings every copy up to the ledger.
    pub(super) fn follow(&mut self, ledger: &Ledger) {
        let home = &self.home;
        let behind = &mut self.behind;
        self.copies.retain_mut(|copy| match copy.follow(home, ledger) {
            Ok(()) => true,
            Err(error) => {
                behind.get_or_insert_with(|| Arc::new(copy.behind(error)));
                false
            }
        });
    }

    /// Why a copy does not have everything that the ledger has.
    pub(super) fn behind(&self) -> Option<&Arc<ServiceError>> {
        self.behind.as_ref()
    }
}

impl Copy {
    fn open(
        directory: PathBuf,
        mirrors: bool,
        keys: &ServiceKeys,
        ledger: &Ledger,
    ) -> Result<Self, ServiceError> {
        if mirrors {
            // What stopped processes have left; in places of life secrets every opening does it.
            for place in MIRRORED.map(|name| directory.join(name)).iter().chain([&directory]) {
                files::ensure_dir(place)?;
                files::sweep(place)?;
            }
        }
        let path = directory.join(LEDGER);
        let head = match mark(&directory, keys)? {
            Mark::At(head) if ledger.history().includes(&head) => Some(head),
            _ => None,
        };
        let length = head.map(|head| ledger.length_of(head.size)).transpose()?;
        let found = match Append::open(&path) {
            Err(FileError::Missing { .. }) => None,
            found => Some(found?),
        };
        let (file, head) = match (found, length) {
            (Some(mut file), Some(length)) if file.length() >= length => {
                // What a stopped process added counts only if the checkpoint speaks of it.
                if file.length() > length {
                    file.truncate(length)?;
                }
                (file, head)
            }
            _ => {
                files::replace(&path, b"", Access::Shared)?;
                (Append::open(&path)?, None)
            }
        };
        Ok(Self { directory, mirrors, file, head })
    }

    fn follow(&mut self, home: &Path, ledger: &Ledger) -> Result<(), FileError> {
        if self.mirrors {
            // Before the events that speak of them.
            for name in MIRRORED {
                mirror_directory(&home.join(name), &self.directory.join(name))?;
            }
            for name in FILES {
                mirror_file(&home.join(name), &self.directory.join(name))?;
            }
        }
        let head = ledger.history().head();
        if self.head == Some(head) {
            return Ok(());
        }
        let missing = ledger.bytes_from(self.file.length())?;
        if !missing.is_empty() {
            self.file.append(&missing)?;
        }
        let path = checkpoint_path(&self.directory.join(LEDGER));
        files::replace(&path, ledger.note().as_bytes(), Access::Shared)?;
        self.head = Some(head);
        Ok(())
    }

    fn behind(&self, error: FileError) -> ServiceError {
        let place = self.directory.clone();
        match self.mirrors {
            true => ServiceError::MirrorBehind { place, error },
            false => ServiceError::CopyBehind { place, error },
        }
    }
}

/// Makes `mirror` hold the files of `directory`, and no others: what is destroyed here is destroyed
/// there.
fn mirror_directory(directory: &Path, mirror: &Path) -> Result<(), FileError> {
    files::ensure_dir(mirror)?;
    let names = |directory: &Path| -> Result<BTreeSet<_>, FileError> {
        let listed = files::list(directory)?;
        Ok(listed.iter().filter_map(|path| path.file_name().map(ToOwned::to_owned)).collect())
    };
    let mut here = names(directory)?;
    // What a process waits with, or was writing, is of this home alone.
    let waits = |name: &str| name.ends_with(".wait") || name.ends_with(".consents");
    here.retain(|name| !waits(&name.to_string_lossy()));
    for path in files::leftovers(directory)? {
        path.file_name().map(|name| here.remove(name));
    }
    for name in &here {
        mirror_file(&directory.join(name), &mirror.join(name))?;
    }
    for name in names(mirror)?.difference(&here) {
        files::destroy_if_present(&mirror.join(name))?;
    }
    Ok(())
}

fn mirror_file(path: &Path, mirror: &Path) -> Result<(), FileError> {
    let read = |path: &Path| match files::read(path, LIMIT) {
        Err(FileError::Missing { .. }) => Ok(None),
        read => read.map(Some),
    };
    match read(path)? {
        Some(bytes) if read(mirror)?.as_ref() != Some(&bytes) => {
            files::replace(mirror, &bytes, Access::Private)
        }
        _ => Ok(()),
    }
}

/// Marks a directory as a mirror of this service: what cannot be read there later is away.
pub(super) fn declare_mirror(place: &Path, service: &str) -> Result<(), FileError> {
    files::write_new(&place.join(MIRROR_MARKER), format!("{service}\n").as_bytes(), Access::Shared)
}

/// Takes a mark back.
pub(super) fn withdraw_mirror(place: &Path, service: &str) -> Result<(), FileError> {
    let marker = place.join(MIRROR_MARKER);
    match files::read(&marker, 256) {
        Ok(found) if found == format!("{service}\n").as_bytes() => files::remove(&marker),
        _ => Ok(()),
    }
}
