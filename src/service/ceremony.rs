//! The ceremony that founds a service, and the receipts that complete it (SPEC §8, §13).

use std::path::{Path, PathBuf};

use cstatns_base::files::{self, Access, FileError};
use cstatns_base::name::{Name, canonical_json};
use cstatns_base::secret::{Secret, wipe_stack};
use cstatns_record::card::{Card, ServiceCard, ServiceKeys};
use cstatns_record::dealing::{Dealing, DealingId, Epoch, Seat, Threshold, check_roster};
use cstatns_record::ledger::event::Event;
use cstatns_record::ledger::{Ledger, Lines, checkpoint_path, next_line};
use cstatns_record::receipt::Receipt;
use cstatns_record::state::{Broken, State};
use cstatns_record::statement::FORMAT;
use serde::{Deserialize, Serialize};

use crate::custody::share::{SealedShare, ShareFile, dealing_key, dealt_info};
use crate::keystore::{Keystore, Places};
use crate::sharing::{SharingError, root_check, split};

use super::copies::{self, Copies};
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
        let share_path =
            |card: &Card| shares_dir.join(format!("{}.{}.share", card.body.name, Epoch::FIRST));
        let shares: Vec<PathBuf> = founding.cards.iter().map(share_path).collect();
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

        let dealing = deal(&card, threshold, founding.cards, founding.demo, &shares)?;
        let now = jiff::Timestamp::from_second(clock.now().as_second()).unwrap_or_default();
        let mut ledger = Ledger::create(&home.join("ledger.jsonl"))?;
        let event = Event::Dealt { dealing: Box::new(dealing.clone()) };
        let line = next_line(ledger.history(), card.id(), now, now, event);
        State::founded_by(&line).map_err(|reason| Broken::Unlawful { number: 1, reason })?;
        ledger.append(&line, &card, &key)?;
        // Before the journal goes: a home without a copy of its ledger may be an old one.
        Copies::open(home, &ServiceKeys::of(&card), &ledger, &places);
        files::remove(&Unfinished::path(home))?;
        wipe_stack();
        Ok(Founded { card, dealing, shares })
    }

    /// Records a receipt. Returns whether all shares of the newest epoch are held now.
    ///
    /// # Errors
    /// [`cstatns_record::state::Refusal`] when it does not fit, or is recorded already.
    pub fn receipt(&mut self, receipt: Receipt) -> Result<bool, ServiceError> {
        self.state.check_receipt(&receipt, self.clock(), self.ledger.history())?;
        self.record(Event::Received { receipt })?;
        self.start_epoch()?;
        let newest = self.state.epochs().values().next_back();
        Ok(newest.is_some_and(|epoch| epoch.missing().is_empty()))
    }

    /// Records that the newest epoch works once all its shares are held, unless a run or a
    /// destruction has to end first: then the next opening does.
    pub(super) fn start_epoch(&mut self) -> Result<bool, ServiceError> {
        if self.state.pending().is_some() || self.state.owed().is_some() {
            return Ok(false);
        }
        let Some(epoch) = self.state.complete_epoch() else { return Ok(false) };
        self.record(Event::EpochWorking { epoch, keys: self.state.living_keys() })?;
        Ok(true)
    }
}

/// Draws a root secret, splits it and writes each share sealed to its custodian's card.
fn deal(
    service: &ServiceCard,
    threshold: Threshold,
    cards: Vec<Card>,
    demo: bool,
    paths: &[PathBuf],
) -> Result<Dealing, ServiceError> {
    let epoch = Epoch::FIRST;
    let root = Secret::random();
    let id = DealingId { service: service.id().to_owned(), epoch, threshold };
    let mut roster = Vec::with_capacity(cards.len());
    for ((card, share), path) in cards.into_iter().zip(split(&id, &root)?).zip(paths) {
        let info = dealt_info(service.id(), epoch, &card);
        let sealed = SealedShare::seal(&share, &card.body.receiving, &info)
            .map_err(|_| SharingError::Format)?;
        let file = ShareFile {
            format: FORMAT,
            service: service.id().to_owned(),
            epoch,
            custodian: card.body.name.clone(),
            share: sealed,
        };
        files::write_new(path, &canonical_json(&file), Access::Private)?;
        roster.push(Seat { card, commitment: share.commitment() });
    }
    let root_check = root_check(&root, service.id(), epoch);
    let receiving = dealing_key(&root, service.id(), epoch).public();
    let service = service.clone();
    Ok(Dealing { epoch, threshold, demo, service, roster, root_check, receiving })
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
    for name in ["ledger.jsonl", "places.json", "card.json"] {
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

fn absolute(path: &Path) -> Result<PathBuf, FileError> {
    std::path::absolute(path).map_err(|error| FileError::from_io(path, &error))
}

#[cfg(test)]
mod tests {
    use cstatns_base::name::Hex;
    use cstatns_record::card::CardBody;
    use ed25519_dalek::SigningKey;

    use crate::custody::share::ReceivingKey;
    use crate::sharing::recover;

    use super::*;

    /// What the ledger says of a dealing follows from the root that its shares give.
    #[test]
    fn a_dealing_states_the_keys_of_its_root() {
        let directory = tempfile::tempdir().unwrap();
        let new_key = || SigningKey::from_bytes(Secret::<32>::random().expose());
        let receiving = [ReceivingKey::random(), ReceivingKey::random(), ReceivingKey::random()];
        let card = |(text, receiving): (&str, &ReceivingKey)| {
            let key = new_key();
            let body = CardBody {
                format: FORMAT,
                name: Name::new(text).unwrap(),
                external: false,
                protected: false,
                signing: Hex(key.verifying_key().to_bytes()),
                receiving: receiving.public(),
            };
            Card::new(body, &key)
        };
        let cards: Vec<Card> =
            ["ana", "ben", "chloe"].into_iter().zip(&receiving).map(card).collect();
        let service = ServiceCard::of(&Name::new("office").unwrap(), &new_key());
        let threshold = Threshold::new(2, 3).unwrap();
        let paths = ["a", "b", "c"].map(|file| directory.path().join(file));
        let dealing = deal(&service, threshold, cards.clone(), true, &paths).unwrap();
        let open = |seat: usize| {
            let bytes = files::read(&paths[seat], LIMIT).unwrap();
            let file: ShareFile = serde_json::from_slice(&bytes).unwrap();
            let info = dealt_info(service.id(), Epoch::FIRST, &cards[seat]);
            let share = file.share.open(&receiving[seat], &info).unwrap();
            (cards[seat].body.name.clone(), share)
        };
        let root = recover(&dealing.id(), &dealing.holders(), &[open(0), open(2)]).unwrap();
        assert_eq!(dealing.root_check, root_check(&root, service.id(), Epoch::FIRST));
        let key = |epoch| dealing_key(&root, service.id(), Epoch(epoch)).public();
        assert_eq!(dealing.receiving, key(1));
        assert_ne!(dealing.receiving, key(2));
    }
}
