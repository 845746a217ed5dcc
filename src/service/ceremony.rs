//! The ceremony that founds a service (SPEC §8, §13).

use std::path::{Path, PathBuf};

use cstatns_base::files::{self, Access, FileError};
use cstatns_base::name::{Name, canonical_json};
use cstatns_base::secret::{Secret, wipe_stack};
use cstatns_record::card::{Card, ServiceCard, ServiceKeys};
use cstatns_record::dealing::{Dealing, Epoch, Threshold, check_roster};
use cstatns_record::ledger::event::Event;
use cstatns_record::ledger::{Ledger, Lines, checkpoint_path, next_line};
use cstatns_record::state::{Broken, State};
use serde::{Deserialize, Serialize};

use crate::custody::share::ShareFile;
use crate::keystore::{Keystore, Places};

use super::copies::{self, Copies};
use super::dealing::{Drawn, Handed, absolute, draw, share_paths};
use super::{Clock, HOME_FORMAT, Identity, LIMIT, Service, ServiceError, read_service_card};

/// What a service is founded with.
pub struct Founding<'a> {
    /// The service's name.
    pub name: Name,
    /// How many shares open the root secret.
    pub threshold: usize,
    /// The custodians' cards; the first gets the share with x = 1.
    pub cards: Vec<Card>,
    /// The directory that receives the sealed shares.
    pub shares: &'a Path,
    /// Where life secrets lie; none: `life/` in the home.
    pub life: Vec<PathBuf>,
    /// Where mirrors of the home are kept.
    pub mirrors: Vec<PathBuf>,
    /// Whether the service is a demonstration; it never changes.
    pub demo: bool,
}

/// A founded service.
#[non_exhaustive]
pub struct Founded {
    /// Its card.
    pub card: ServiceCard,
    /// The first dealing.
    pub dealing: Dealing,
    /// The sealed shares, one for each custodian.
    pub shares: Vec<PathBuf>,
}

/// What a ceremony is about to write outside its home: there while it has not finished.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unfinished {
    format: u32,
    shares: Vec<PathBuf>,
    life: Vec<PathBuf>,
    #[serde(default)]
    mirrors: Vec<PathBuf>,
    /// The directories that were not there before it, parents first.
    #[serde(default)]
    made: Vec<PathBuf>,
}

impl Unfinished {
    fn path(home: &Path) -> PathBuf {
        home.join("founding.json")
    }
}

impl Service {
    /// Founds a service in `home`, which must not exist or be empty, or hold a ceremony that
    /// stopped: that one is undone first. The root secret exists during this call only.
    ///
    /// # Errors
    /// [`ServiceError`]; nothing is founded then.
    pub fn init(
        home: &Path,
        founding: Founding<'_>,
        clock: impl Clock,
    ) -> Result<Founded, ServiceError> {
        let home = &absolute(home)?;
        let threshold = Threshold::new(founding.threshold, founding.cards.len())?;
        check_roster(&founding.cards.iter().collect::<Vec<_>>(), threshold, founding.demo)?;
        let made = undo_stopped(home)?;
        let founded = Self::found(home, founding, threshold, clock, made);
        if founded.is_err() {
            // What cannot be undone now is undone by the next ceremony; a service that was founded
            // after all stays.
            let _ = undo_stopped(home).and_then(|_| leave_nothing(home));
        }
        founded
    }

    fn found(
        home: &Path,
        founding: Founding<'_>,
        threshold: Threshold,
        clock: impl Clock,
        made: Vec<PathBuf>,
    ) -> Result<Founded, ServiceError> {
        let shares_dir = absolute(founding.shares)?;
        let shares = share_paths(&shares_dir, &founding.cards, Epoch::FIRST);
        if let Some(taken) = shares.iter().find(|path| path.exists()) {
            return Err(FileError::Exists { path: taken.clone() }.into());
        }
        let life = match founding.life.is_empty() {
            true => vec![home.join("life")],
            false => founding.life.iter().map(|place| absolute(place)).collect::<Result<_, _>>()?,
        };
        let mirrors = founding.mirrors.iter().map(|place| absolute(place));
        let mirrors = mirrors.collect::<Result<Vec<_>, _>>()?;
        let directories =
            [home.to_owned(), home.join("keys"), home.join("outbox"), shares_dir.clone()];
        let directories: Vec<PathBuf> =
            directories.into_iter().chain(life.iter().chain(&mirrors).cloned()).collect();
        // Also what a ceremony that stopped had made.
        let made = directories
            .iter()
            .filter(|path| !path.exists() || made.contains(path))
            .cloned()
            .collect();
        let home_is_new = !home.exists();
        files::ensure_dir(home)?;
        let unfinished = Unfinished {
            format: HOME_FORMAT,
            shares: shares.clone(),
            life: life.clone(),
            mirrors: mirrors.clone(),
            made,
        };
        // In place of the journal of the ceremony just undone: without one, a home that is not
        // empty is somebody's.
        if let Err(error) =
            files::replace(&Unfinished::path(home), &canonical_json(&unfinished), Access::Private)
        {
            if home_is_new && !Unfinished::path(home).exists() {
                let _ = files::remove_directory(home);
            }
            return Err(error.into());
        }
        let _lock = files::lock(&home.join("lock"))?;

        let identity = Identity(Secret::random());
        let key = identity.key();
        let card = ServiceCard::of(&founding.name, &key);
        files::write_new(&home.join("card.json"), &canonical_json(&card), Access::Shared)?;
        files::write_new(&Identity::path(home), &identity.encode(), Access::Private)?;
        for directory in &directories {
            files::ensure_dir(directory)?;
        }
        // Relative to the home where nothing else was declared, so that a home can be moved as a
        // whole.
        let declared =
            if founding.life.is_empty() { vec![PathBuf::from("life")] } else { life.clone() };
        let places = Places { format: HOME_FORMAT, life: declared, mirrors };
        files::write_new(&Places::path(home), &canonical_json(&places), Access::Private)?;
        Keystore::new(home.join("keys"), life).declare_places(card.id())?;
        for mirror in &places.mirrors {
            copies::declare_mirror(mirror, card.id())?;
        }

        let Drawn { dealing, shares: files, .. } =
            draw(&card, Epoch::FIRST, threshold, founding.cards, founding.demo, &shares_dir)?;
        for (path, bytes) in &files {
            files::write_new(path, bytes, Access::Private)?;
        }
        Handed::note(home, Epoch::FIRST, &files)?;
        let now = jiff::Timestamp::from_second(clock.now().as_second()).unwrap_or_default();
        let mut ledger = Ledger::create(&home.join("ledger.jsonl"))?;
        let event = Event::Dealt {
            dealing: Box::new(dealing.clone()),
            keys: Vec::new(),
            request_keys: Vec::new(),
        };
        let line = next_line(ledger.history(), card.id(), now, now, event);
        State::founded_by(&line).map_err(|reason| Broken::Unlawful { number: 1, reason })?;
        ledger.append(&line, &card, &key)?;
        // Before the journal goes: a home without a copy of its ledger may be an old one.
        Copies::open(home, &ServiceKeys::of(&card), &ledger, &places);
        files::remove(&Unfinished::path(home))?;
        wipe_stack();
        Ok(Founded { card, dealing, shares })
    }
}

/// Undoes a ceremony that stopped before its first checkpoint. Its journal stays until the next
/// ceremony's takes its place, and so do the directories that it made, which are returned.
fn undo_stopped(home: &Path) -> Result<Vec<PathBuf>, ServiceError> {
    if !files::taken(home)? {
        return Ok(Vec::new());
    }
    let founded = is_founded(home)?;
    let journal = Unfinished::path(home);
    if founded || !files::taken(&journal)? {
        let mut entries =
            std::fs::read_dir(home).map_err(|error| FileError::from_io(home, &error))?;
        let only_leftovers = files::leftovers(home)?.len();
        return match founded || entries.by_ref().count() > only_leftovers {
            true => Err(FileError::Exists { path: home.to_owned() }.into()),
            false => {
                files::sweep(home)?;
                Ok(Vec::new())
            }
        };
    }
    let _lock = files::lock(&home.join("lock"))?;
    let bytes = files::read(&journal, LIMIT)?;
    let unfinished: Unfinished = serde_json::from_slice(&bytes)
        .map_err(|_| ServiceError::HomeDamaged { file: "founding.json" })?;
    // Shares and markers are this ceremony's only if they carry its service's id; without a card
    // none were written.
    if let Ok(card) = read_service_card(&home.join("card.json")) {
        for path in &unfinished.shares {
            let file = files::read(path, LIMIT).ok();
            let share = file.and_then(|bytes| serde_json::from_slice::<ShareFile>(&bytes).ok());
            if share.is_some_and(|share| share.service == card.id()) {
                files::remove(path)?;
            }
        }
        Keystore::new(home.join("keys"), unfinished.life.clone()).withdraw_places(card.id())?;
        for mirror in &unfinished.mirrors {
            copies::withdraw_mirror(mirror, card.id())?;
        }
    }
    let directories = unfinished.shares.iter().filter_map(|path| path.parent()).chain([home]);
    for directory in directories.chain(unfinished.life.iter().map(PathBuf::as_path)) {
        // What is none was given by mistake.
        if directory.is_dir() {
            files::sweep(directory)?;
        }
    }
    files::destroy_if_present(&Identity::path(home))?;
    for name in ["ledger.jsonl", "places.json", "card.json", &Handed::name(Epoch::FIRST)] {
        files::remove_if_present(&home.join(name))?;
    }
    Ok(unfinished.made)
}

/// Whether a service was founded here: there is a checkpoint or, should that be lost, what comes
/// after the first one only. Where that cannot be found out it is an error, and nothing is undone.
fn is_founded(home: &Path) -> Result<bool, ServiceError> {
    let (ledger, keys) = (home.join("ledger.jsonl"), home.join("keys"));
    if files::taken(&checkpoint_path(&ledger))? {
        return Ok(true);
    }
    if files::taken(&keys)? && files::list(&keys)?.len() > files::leftovers(&keys)?.len() {
        return Ok(true);
    }
    if !files::taken(&ledger)? {
        return Ok(false);
    }
    let mut lines = Lines::open(&ledger)?;
    Ok(lines.next_line()?.is_some() && lines.next_line()?.is_some())
}

/// Removes the journal of a ceremony that was undone, and what it made and nobody else uses. The
/// home's lock goes first, while it is held: without the journal, a home that is not empty is
/// somebody's.
fn leave_nothing(home: &Path) -> Result<(), ServiceError> {
    let journal = Unfinished::path(home);
    if !journal.exists() {
        return Ok(());
    }
    let _lock = files::lock(&home.join("lock"))?;
    let unfinished: Unfinished = serde_json::from_slice(&files::read(&journal, LIMIT)?)
        .map_err(|_| ServiceError::HomeDamaged { file: "founding.json" })?;
    for directory in unfinished.made.iter().rev().filter(|path| *path != home && path.is_dir()) {
        // One that is not empty is used by somebody.
        let _ = files::remove_directory(directory);
    }
    files::remove(&home.join("lock"))?;
    files::remove(&journal)?;
    if unfinished.made.iter().any(|path| path == home) {
        let _ = files::remove_directory(home);
    }
    Ok(())
}

/// What is wrong with a home that has no checkpoint.
pub(super) fn no_service(home: &Path) -> ServiceError {
    let home = home.to_owned();
    // Where it cannot be found out, or more than a ceremony was here, a new beginning is not the
    // advice.
    if Unfinished::path(&home).exists() && is_founded(&home).is_ok_and(|founded| !founded) {
        ServiceError::Unfinished { home }
    } else if home.join("ledger.jsonl").exists() {
        ServiceError::NoCheckpoint { home }
    } else {
        ServiceError::NoService { home }
    }
}

/// Whether the journal of a ceremony is there: it has not finished, or but for this.
pub(super) fn is_unfinished(home: &Path) -> bool {
    Unfinished::path(home).exists()
}

/// Removes the journal of a ceremony that finished but for this.
pub(super) fn forget_journal(home: &Path) -> Result<bool, ServiceError> {
    Ok(files::remove_if_present(&Unfinished::path(home))?)
}
