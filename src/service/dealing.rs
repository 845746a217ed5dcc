//! Dealings: shares of a new root, every key sealed under it, and what of the former one is
//! destroyed (SPEC §7, §12, §13).
//!
//! The order is that of every run: shares and seals are durable and opened once before the event
//! `dealt`; until then they are undone by the run's journal. All custodians hold their share before
//! `epoch-working`, and the former seals go after it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cstatns_base::files::{self, Access, FileError};
use cstatns_base::name::{Hex, canonical_json};
use cstatns_base::secret::{Secret, random_bytes, wipe_stack};
use cstatns_record::card::{Card, ServiceCard};
use cstatns_record::dealing::{Dealing, DealingId, Epoch, Seat, Threshold};
use cstatns_record::ledger::event::{Destroyed, Event, KeyRef, LivingKey, SealedRef};
use cstatns_record::proposal::Action;
use cstatns_record::receipt::Receipt;
use cstatns_record::statement::FORMAT;
use serde::{Deserialize, Serialize};

use crate::custody::quorum::Quorum;
use crate::custody::share::{SealedShare, ShareFile, dealing_key, dealt_info};
use crate::keystore::{KeyLabel, KeystoreError, seal_digest};
use crate::sharing::{SharingError, root_check, split};

use super::making::MadeFile;
use super::parties::Resealed;
use super::{Approved, HOME_FORMAT, LIMIT, Recovered, Service, ServiceError};

/// What was drawn for a dealing, of which nothing is written yet.
pub(super) struct Drawn {
    pub(super) root: Secret<32>,
    pub(super) dealing: Dealing,
    /// The sealed shares, each with the file that it goes into.
    pub(super) shares: Vec<(PathBuf, Vec<u8>)>,
}

/// Draws a root secret, and splits it into shares sealed to the custodians' cards.
pub(super) fn draw(
    service: &ServiceCard,
    epoch: Epoch,
    threshold: Threshold,
    cards: Vec<Card>,
    demo: bool,
    directory: &Path,
) -> Result<Drawn, ServiceError> {
    let root = Secret::random();
    let paths = share_paths(directory, &cards, epoch);
    let id = DealingId { service: service.id().to_owned(), epoch, threshold };
    let (mut roster, mut shares) = (Vec::with_capacity(cards.len()), Vec::new());
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
        shares.push((path, canonical_json(&file)));
        roster.push(Seat { card, commitment: share.commitment() });
    }
    let root_check = root_check(&root, service.id(), epoch);
    let receiving = dealing_key(&root, service.id(), epoch).public();
    let service = service.clone();
    let dealing = Dealing { epoch, threshold, demo, service, roster, root_check, receiving };
    Ok(Drawn { root, dealing, shares })
}

/// The files in which the shares of a dealing travel.
pub(super) fn share_paths(directory: &Path, cards: &[Card], epoch: Epoch) -> Vec<PathBuf> {
    let path = |card: &Card| directory.join(format!("{}.{epoch}.share", card.body.name));
    cards.iter().map(path).collect()
}

/// The files of a dealing's shares that the service has written: `shares.<epoch>.json` in the home,
/// until they are destroyed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Handed {
    format: u32,
    /// What marks the temporary names under which they are overwritten.
    mark: Hex<16>,
    files: Vec<MadeFile>,
}

impl Handed {
    /// Its name in the home.
    pub(super) fn name(epoch: Epoch) -> String {
        format!("shares.{epoch}.json")
    }

    /// Notes the files of an epoch's shares.
    pub(super) fn note(
        home: &Path,
        epoch: Epoch,
        shares: &[(PathBuf, Vec<u8>)],
    ) -> Result<(), FileError> {
        let files = shares.iter().map(borrowed).map(MadeFile::of).collect();
        let mut mark = Hex([0; 16]);
        random_bytes(&mut mark.0);
        let handed = Self { format: HOME_FORMAT, mark, files };
        files::replace(&home.join(Self::name(epoch)), &canonical_json(&handed), Access::Private)
    }

    fn marked(&self) -> impl Iterator<Item = (&[u8; 16], &MadeFile)> {
        self.files.iter().map(|made| (&self.mark.0, made))
    }

    /// The epochs of which the home notes files.
    fn epochs(home: &Path) -> Result<Vec<Epoch>, FileError> {
        let epoch = |path: PathBuf| {
            let name = path.file_name()?.to_str()?;
            let epoch = name.strip_prefix("shares.")?.strip_suffix(".json")?.parse().ok()?;
            Some(Epoch(epoch))
        };
        Ok(files::list(home)?.into_iter().filter_map(epoch).collect())
    }
}

/// A dealing that waits for the receipts of its custodians.
#[non_exhaustive]
pub struct Dealt {
    /// The dealing.
    pub dealing: Dealing,
    /// The sealed shares, one for each custodian.
    pub shares: Vec<PathBuf>,
}

impl Service {
    /// Looks at where the shares of a dealing will lie, before anybody is asked for it.
    ///
    /// # Errors
    /// [`FileError::Exists`] where a share lies there already; and what else would keep it from
    /// being written.
    pub fn check_shares(&self, directory: &Path, cards: &[Card]) -> Result<(), ServiceError> {
        let epoch = self.state.next_epoch();
        for path in share_paths(directory, cards, epoch) {
            if files::taken(&path)? {
                return Err(FileError::Exists { path }.into());
            }
        }
        let directory = absolute(directory)?;
        match directory.exists() {
            true => files::check_directory_of(&directory.join("share"))?,
            false => files::check_directory_of(&directory)?,
        }
        Ok(())
    }

    /// What stands in the way of a dealing: a key that does not lie here as it was sealed, and is
    /// not left behind.
    pub(super) fn check_seals(&self, left_behind: &[KeyRef]) -> Result<(), ServiceError> {
        self.check_request_keys()?;
        for (key, label) in self.to_reseal(left_behind)? {
            let LivingKey { domain, generation, .. } = key;
            let has_life = self.keystore.life_paths(&domain).any(|path| path.exists());
            if self.state.domain(&domain)?.kind.is_research() && !has_life {
                return Err(KeystoreError::Life { domain }.into());
            }
            if self.keystore.seal_of(&label).is_none() {
                return Err(KeystoreError::Seal { domain, generation }.into());
            }
        }
        Ok(())
    }

    /// The keys that a dealing seals anew, with their present labels.
    fn to_reseal(
        &self,
        left_behind: &[KeyRef],
    ) -> Result<Vec<(LivingKey, KeyLabel)>, ServiceError> {
        let (epoch, _) = self.state.working_epoch()?;
        let mut living = self.state.living_keys();
        living.retain(|key| !left_behind.contains(&key.place()));
        let labelled = living.into_iter().map(|key| {
            let kind = self.state.domain(&key.domain)?.kind;
            let label = self.place(epoch, &key.domain, kind, key.generation).label(key.check);
            Ok((key, label))
        });
        labelled.collect()
    }

    /// Deals the shares that a quorum approved into `directory`, and seals every key under the new
    /// root. The former root opens the keys until all custodians hold their share.
    ///
    /// # Errors
    /// [`ServiceError`]; nothing was dealt then, and what was written is destroyed.
    pub fn deal(&mut self, quorum: Quorum, directory: &Path) -> Result<Dealt, ServiceError> {
        let Action::Deal { epoch, threshold, cards, left_behind } =
            quorum.question().action.clone()
        else {
            return Err(self.other_action(quorum));
        };
        let directory = absolute(directory)?;
        let is_new = !directory.exists();
        let dealt = self.run(quorum, |service, approved| {
            let (card, demo) = (service.state.service(), service.state.is_demo());
            let drawn = draw(card, epoch, threshold, cards, demo, &directory)?;
            files::ensure_dir(&directory)?;
            service.seal_and_deal(&approved, drawn, &left_behind)
        });
        if dealt.is_err() && is_new && self.state.pending().is_none() {
            // One that is not empty is used by somebody.
            let _ = files::remove_empty_directory(&directory);
        }
        dealt
    }

    fn seal_and_deal(
        &mut self,
        approved: &Approved,
        drawn: Drawn,
        left_behind: &[KeyRef],
    ) -> Result<Dealt, ServiceError> {
        let Drawn { root, dealing, shares } = drawn;
        let epoch = dealing.epoch;
        let (mut keys, mut labels, mut seals) = (Vec::new(), Vec::new(), Vec::new());
        for (LivingKey { domain, generation, check }, former) in self.to_reseal(left_behind)? {
            let (label, bytes) = self.keystore.reseal(&approved.root, &former, (&root, epoch))?;
            let path = self.keystore.seal_path(&domain, generation, epoch);
            keys.push(SealedRef { domain, generation, check, seal: seal_digest(&bytes) });
            labels.push(label);
            seals.push((path, bytes));
        }
        let Resealed { named: request_keys, files: requests } =
            self.reseal_requests(approved, (epoch, &dealing.receiving))?;
        seals.extend(requests);
        let paths = shares.iter().map(|(path, _)| path.clone()).collect();
        self.make(&approved.run, shares.iter().chain(&seals).map(borrowed))?;
        // Each opens as it lies there, or nothing is dealt.
        for label in &labels {
            self.keystore.open(&root, label)?;
        }
        self.check_resealed(&root, epoch)?;
        drop(root);
        wipe_stack();
        Handed::note(&self.home, epoch, &shares)?;
        self.record(Event::Dealt { dealing: Box::new(dealing.clone()), keys, request_keys })?;
        Ok(Dealt { dealing, shares: paths })
    }

    /// Gives up the dealing that a quorum approved to give up: what it sealed is destroyed.
    ///
    /// # Errors
    /// [`ServiceError`]; once it is recorded, what could not be destroyed is tried again by the
    /// next command.
    pub fn abandon(&mut self, quorum: Quorum) -> Result<(), ServiceError> {
        let Action::Abandon { .. } = quorum.question().action else {
            return Err(self.other_action(quorum));
        };
        self.run(quorum, |service, approved| {
            service.record(Event::Abandoned { run: approved.run })?;
            if let Err(error) = service.destroy_shares() {
                service.unpaid = Some(error.into());
            }
            service.pay_what_is_owed(Vec::new()).map(drop)
        })
    }

    /// Records a receipt. Returns whether all shares of the newest epoch are held now.
    ///
    /// # Errors
    /// [`cstatns_record::state::Refusal`] when it does not fit, or is recorded already.
    pub fn receipt(&mut self, receipt: Receipt) -> Result<bool, ServiceError> {
        self.state.check_receipt(&receipt, self.clock(), self.ledger.history())?;
        self.record(Event::Received { receipt })?;
        match self.pay_request_keys() {
            Err(error) if self.ledger.is_broken() => return Err(error),
            Err(error) => self.unpaid = Some(error.into()),
            Ok(()) => {}
        }
        self.start_epoch()?;
        let newest = self.state.epochs().values().next_back();
        Ok(newest.is_some_and(|epoch| epoch.missing().is_empty()))
    }

    /// Records that the newest epoch works once all its shares are held and every key that it seals
    /// is here, unless a run or a destruction has to end first: then the next opening does. Its
    /// custodians have their shares: the service's files of them are destroyed before, and the
    /// seals of the epoch before it afterwards. What cannot be done now is said by
    /// [`Service::unpaid`].
    pub(super) fn start_epoch(&mut self) -> Result<bool, ServiceError> {
        if self.state.pending().is_some() || self.state.owed().is_some() {
            return Ok(false);
        }
        let Some(epoch) = self.state.complete_epoch() else { return Ok(false) };
        if let Err(error) = self.check_sealed(epoch) {
            self.unpaid = Some(error.into());
            return Ok(false);
        }
        if let Err(error) = self.destroy_shares() {
            self.unpaid = Some(error.into());
        }
        self.record(Event::EpochWorking { epoch, keys: self.state.keys_of_epoch(epoch) })?;
        match self.pay_what_is_owed(Vec::new()) {
            Err(error) if self.ledger.is_broken() => return Err(error),
            Err(error) => self.unpaid = Some(error.into()),
            Ok(_) => {}
        }
        Ok(true)
    }

    /// Whether every living key that an epoch seals lies here, to the byte: without them its root
    /// opens nothing.
    fn check_sealed(&self, epoch: Epoch) -> Result<(), ServiceError> {
        let living = self.state.keys_of_epoch(epoch);
        let keys = self.state.epochs().get(&epoch).map_or(&[][..], |state| &state.keys);
        self.check_requests_sealed(epoch)?;
        let mut sealed = keys.iter().filter(|key| living.contains(&key.living()));
        match sealed.find(|key| self.keystore.sealed_as(key, epoch).is_none()) {
            Some(SealedRef { domain, generation, .. }) => {
                let (domain, generation) = (domain.clone(), *generation);
                Err(KeystoreError::Seal { domain, generation }.into())
            }
            None => Ok(()),
        }
    }

    /// Destroys again what epochs that are over had sealed: an old copy of `keys/` brings it back.
    pub(super) fn destroy_returned(
        &self,
        recovered: &mut Vec<Recovered>,
    ) -> Result<(), ServiceError> {
        let found = match self.keystore.found(self.state.service().id()) {
            Err(KeystoreError::File(FileError::Missing { .. })) => return Ok(()),
            found => found?,
        };
        let over = |epoch: &Epoch| {
            self.state.epochs().get(epoch).is_some_and(|known| known.until.is_some())
        };
        let epochs = found.into_iter().filter_map(|found| Some(found.generation?.1)).filter(over);
        for epoch in epochs.collect::<BTreeSet<_>>() {
            self.keystore.destroy_epoch(self.card.id(), epoch)?;
            let what = Destroyed::Seals { epoch };
            recovered.push(Recovered::Destroyed { what, delivery: None });
        }
        Ok(())
    }

    /// Destroys the files of shares that nobody needs any more: all custodians hold theirs, or the
    /// dealing was given up, or never was.
    pub(super) fn destroy_shares(&self) -> Result<(), ServiceError> {
        for epoch in Handed::epochs(&self.home)? {
            let known = self.state.epochs().get(&epoch);
            if known.is_some_and(|state| !state.abandoned && !state.missing().is_empty()) {
                continue;
            }
            let path = self.home.join(Handed::name(epoch));
            let handed: Option<Handed> = serde_json::from_slice(&files::read(&path, LIMIT)?).ok();
            let handed = handed.filter(|handed| handed.format == HOME_FORMAT);
            for (mark, made) in handed.iter().flat_map(Handed::marked) {
                made.destroy_leftover(mark)?;
                if made.is_there()? {
                    files::withdraw(&made.path, mark)?;
                }
            }
            files::remove(&path)?;
        }
        Ok(())
    }
}

fn borrowed((path, bytes): &(PathBuf, Vec<u8>)) -> (&Path, &[u8]) {
    (path, bytes)
}

/// Where a relative path leads: the home's notes lead to it from anywhere.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, FileError> {
    std::path::absolute(path).map_err(|error| FileError::from_io(path, &error))
}

#[cfg(test)]
mod tests {
    use cstatns_base::name::{Hex, Name};
    use cstatns_record::card::CardBody;
    use ed25519_dalek::SigningKey;

    use crate::custody::share::ReceivingKey;
    use crate::sharing::recover;

    use super::*;

    /// What the ledger says of a dealing follows from the root that its shares give.
    #[test]
    fn a_dealing_states_the_keys_of_its_root() {
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
        let epoch = Epoch(2);
        let drawn = draw(&service, epoch, threshold, cards.clone(), true, Path::new("shares"));
        let Drawn { root, dealing, shares } = drawn.unwrap();
        let open = |seat: usize| {
            let (path, bytes) = &shares[seat];
            assert!(path.ends_with(format!("shares/{}.2.share", cards[seat].body.name)));
            let file: ShareFile = serde_json::from_slice(bytes).unwrap();
            let info = dealt_info(service.id(), epoch, &cards[seat]);
            let share = file.share.open(&receiving[seat], &info).unwrap();
            (cards[seat].body.name.clone(), share)
        };
        let recovered = recover(&dealing.id(), &dealing.holders(), &[open(0), open(2)]).unwrap();
        assert!(recovered.ct_eq(&root));
        assert_eq!(dealing.root_check, root_check(&root, service.id(), epoch));
        let key = |epoch| dealing_key(&root, service.id(), Epoch(epoch)).public();
        assert_eq!(dealing.receiving, key(2));
        assert_ne!(dealing.receiving, key(1));
    }
}
