//! A custodian's kit: two private keys under a passphrase, the shares received, what the kit has
//! seen and stated (SPEC §8).
//!
//! A kit is a directory: `identity` (private), `card.json` (public), `memory` (sealed),
//! `ledger.zst` (the lines that it has folded), `share-<epoch>` (sealed),
//! `receipt-<epoch>-held.json`. It belongs to one service, the first whose share it
//! accepts.

mod consent;
mod doubt;
mod error;
mod identity;
mod memory;
mod passphrase;
mod recovery;
mod rekey;
mod remark;

use std::path::{Path, PathBuf};

use cstatns_base::files::{self, Access, FileError, PendingDirectory};
use cstatns_base::name::{Hex, Name, canonical_json};
use cstatns_base::secret::{Secret, wipe_stack};
use cstatns_record::card::{Card, CardBody, ServiceCard};
use cstatns_record::checkpoint::{Cosignature, Head};
use cstatns_record::dealing::{Dealing, Epoch};
use cstatns_record::evidence::{Evidence, EvidenceBody, Stated};
use cstatns_record::receipt::{Receipt, ReceiptBody, ReceiptStatement};
use cstatns_record::state::{State, View};
use cstatns_record::statement::{FORMAT, Signed, Suite};
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::protection::Closed;
use crate::sharing::{Share, SharingError};

use identity::{IdentityFile, associated, receiving_key, seal_identity, signing_key};
use memory::{Kept, new_memory};

pub use consent::{Attending, Released, Watcher, question_for};
pub use error::{KitError, ProposalFault};
pub use memory::{Shown, ShownStatement, kept_lines};
pub use remark::Remark;

use super::share::{SealedShare, ShareFile, dealt_info};

/// More than any file of a kit is long, in bytes.
const LIMIT: u64 = 1 << 20;

/// An opened kit. It is not printed:
///
/// ```compile_fail,E0277
/// # use cstatns::custody::custodian::Kit;
/// fn show(kit: &Kit) {
///     println!("{kit:?}");
/// }
/// ```
pub struct Kit {
    directory: PathBuf,
    card: Card,
    /// The seed of the Ed25519 key, then the seed of the X-Wing key.
    seeds: Secret<64>,
    kept: Kept,
}

impl Kit {
    /// Makes a kit in `directory`, which must not exist. Without a passphrase it serves
    /// demonstrations only. An error leaves nothing of it, and what a stopped process left of the
    /// same kit is destroyed.
    ///
    /// # Errors
    /// [`KitError::File`]; [`KitError::EmptyPassphrase`].
    pub fn create(
        directory: &Path,
        name: Name,
        external: bool,
        passphrase: Option<&[u8]>,
    ) -> Result<Card, KitError> {
        if passphrase.is_some_and(<[u8]>::is_empty) {
            return Err(KitError::EmptyPassphrase { kit: directory.to_owned() });
        }
        let seeds = Secret::<64>::random();
        let signing = signing_key(&seeds);
        let body = CardBody {
            format: FORMAT,
            name,
            external,
            protected: passphrase.is_some(),
            signing: Hex(signing.verifying_key().to_bytes()),
            receiving: receiving_key(&seeds).public(),
        };
        let card = Card::new(body, &signing);
        drop(signing);
        let identity = seal_identity(&seeds, &card, passphrase);
        let memory = new_memory(&seeds, &card);
        let kit = PendingDirectory::create(directory)?;
        kit.write_new("identity", &identity, Access::Private)?;
        kit.write_new("card.json", &line(&card), Access::Shared)?;
        kit.write_new(memory::NAME, &memory, Access::Private)?;
        kit.commit()?;
        wipe_stack();
        Ok(card)
    }

    /// Reads the card of the kit in `directory`, without its passphrase.
    ///
    /// # Errors
    /// [`KitError::File`]; [`KitError::Damaged`].
    pub fn card_in(directory: &Path) -> Result<Card, KitError> {
        let card: Card = read(directory, "card.json")?;
        if card.is_sound() { Ok(card) } else { Err(damaged(directory, "card.json")) }
    }

    /// What the kit in `directory` says of itself, without its passphrase: the custodian compares
    /// it with what they keep on paper. It is authentic once the kit has opened.
    ///
    /// # Errors
    /// [`KitError::Memory`]; [`KitError::File`].
    pub fn shown_by(directory: &Path) -> Result<Shown, KitError> {
        memory::shown(directory)
    }

    /// Opens the kit in `directory`.
    ///
    /// # Errors
    /// [`KitError::Passphrase`] for a wrong one, [`KitError::NeedsPassphrase`] for none, both
    /// naming the kit; [`KitError::Memory`] when its memory is missing, damaged or not its own;
    /// [`KitError::Damaged`]; [`KitError::File`].
    pub fn open(directory: &Path, passphrase: Option<&[u8]>) -> Result<Self, KitError> {
        let card = Self::card_in(directory)?;
        let identity: IdentityFile = read(directory, "identity")?;
        if identity.format != FORMAT {
            return Err(KitError::Version { kit: directory.to_owned(), found: identity.format });
        }
        let is_damaged = || damaged(directory, "identity");
        if identity.card != card.fingerprint()
            || identity.protection.is_some() != card.body.protected
        {
            return Err(is_damaged());
        }
        let mut seeds = Secret::<64>::try_fill(|seeds| {
            let read = Zeroizing::new(
                Hex::<64>::parse(identity.seeds.as_bytes()).ok_or_else(is_damaged)?.0,
            );
            seeds.copy_from_slice(&*read);
            Ok::<_, KitError>(())
        })?;
        if let Some(protection) = &identity.protection {
            let passphrase = passphrase
                .ok_or_else(|| KitError::NeedsPassphrase { kit: directory.to_owned() })?;
            seeds = Secret::try_fill(|clear| {
                clear.copy_from_slice(seeds.expose());
                let opened = protection.open(passphrase, &associated(&card), clear);
                opened.map_err(|closed| match closed {
                    Closed::Parameters => is_damaged(),
                    Closed::Passphrase => KitError::Passphrase { kit: directory.to_owned() },
                })
            })?;
        }
        let signing = Hex(signing_key(&seeds).verifying_key().to_bytes());
        let receiving = receiving_key(&seeds).public();
        wipe_stack();
        if signing != card.body.signing || receiving != card.body.receiving {
            return Err(is_damaged());
        }
        let kept = Kept::open(directory, &card, &seeds)?;
        Ok(Self { directory: directory.to_owned(), card, seeds, kept })
    }

    /// The kit's card.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// The custodian's name.
    pub fn name(&self) -> &Name {
        &self.card.body.name
    }

    /// What the kit says of itself.
    pub fn shown(&self) -> Shown {
        self.kept.shown()
    }

    /// The statements that it has made, oldest first.
    pub fn statements(&self) -> &[Stated] {
        self.kept.statements()
    }

    /// The newest checkpoint that it has seen, as the service signed it.
    pub fn checkpoint(&self) -> Option<&str> {
        self.kept.checkpoint()
    }

    /// The service that it follows.
    pub fn service(&self) -> Option<&ServiceCard> {
        self.kept.service()
    }

    /// What the kit can prove, signed: for an auditor.
    ///
    /// # Errors
    /// [`KitError::NothingSeen`] in a kit that follows no service yet.
    pub fn evidence(&self) -> Result<Evidence, KitError> {
        let seen = self.kept.service().zip(self.kept.checkpoint());
        let (service, checkpoint) =
            seen.ok_or_else(|| KitError::NothingSeen { kit: self.directory.clone() })?;
        let body = EvidenceBody {
            format: FORMAT,
            suite: Suite::default(),
            service: service.clone(),
            card: self.card.clone(),
            count: self.shown().count,
            checkpoint: checkpoint.to_owned(),
            statements: self.kept.proved(),
        };
        Ok(self.with_key(|key| Signed::new(body, key)))
    }

    /// What the custodian sees about a ledger, before anything is stated on it.
    ///
    /// # Errors
    /// [`KitError::Shorter`], [`KitError::Forked`], [`KitError::OtherService`].
    pub fn remarks(&self, ledger: View<'_>) -> Result<Vec<Remark>, KitError> {
        self.kept.follow(&ledger)?;
        Ok(self.kept.remarks(&ledger))
    }

    /// Accepts a dealt share: opens it, compares it with the ledger, keeps it (sealed) in the kit
    /// and writes the receipt `receipt-<epoch>-held.json`. Accepting the same share again replaces
    /// what is missing or damaged.
    ///
    /// # Errors
    /// [`KitError::Share`] when it is not this custodian's share of this dealing;
    /// [`KitError::NotInRoster`]; [`KitError::OtherService`]; [`KitError::Shorter`] and
    /// [`KitError::Forked`] when the ledger is not a longer one of what was seen.
    pub fn accept(
        &mut self,
        file: &ShareFile,
        ledger: View<'_>,
        now: Timestamp,
    ) -> Result<PathBuf, KitError> {
        self.sweep();
        let newest = ledger.state.epochs().values().next_back();
        let asked = ledger.state.epochs().get(&file.epoch).or(newest);
        let dealing = &asked.expect("a ledger's first event deals shares").dealing;
        let head = self.follow(&ledger, dealing)?;
        if file.format != FORMAT {
            return Err(SharingError::Version { found: file.format }.into());
        }
        if file.service != dealing.service.id() {
            return Err(SharingError::OtherService { custodian: self.name().clone() }.into());
        }
        if file.epoch != dealing.epoch {
            let (found, expected) = (file.epoch, dealing.epoch);
            let custodian = self.name().clone();
            return Err(SharingError::OtherEpoch { custodian, found, expected }.into());
        }
        if file.custodian != *self.name() {
            let (custodian, owner) = (self.name().clone(), file.custodian.clone());
            return Err(SharingError::Swapped { custodian, owner }.into());
        }
        self.open_share(&file.share, dealing)?;
        // The receipt states that the kept share opens.
        if self.kept_share(dealing).is_err() {
            files::replace(&self.share_path(dealing.epoch), &line(file), Access::Private)?;
        }
        let statement =
            ReceiptStatement::ShareHeld { epoch: dealing.epoch, dealing: dealing.fingerprint() };
        let path = self.directory.join(format!("receipt-{}-held.json", dealing.epoch));
        let receipt = match self.stated_before(&statement) {
            Some(receipt) => receipt,
            None => self.receipt(&ledger, head, statement, now)?,
        };
        files::replace(&path, &line(&receipt), Access::Shared)?;
        Ok(path)
    }

    /// The yearly check: the kept share opens and is right, the ledger extends the one seen;
    /// cosigns its checkpoint.
    ///
    /// # Errors
    /// As [`Kit::accept`].
    pub fn check(&mut self, ledger: View<'_>, now: Timestamp) -> Result<Receipt, KitError> {
        self.sweep();
        let (head, dealing) = self.follow_working(&ledger)?;
        self.kept_share(dealing)?;
        self.receipt(&ledger, head, ReceiptStatement::CheckpointSeen {}, now)
    }

    /// Destroys the share of an epoch that is over, and what stopped processes left of it, and
    /// states it.
    ///
    /// # Errors
    /// [`KitError::ShareInUse`] when no later dealing works; [`KitError::File`] when the share does
    /// not exist; and as [`Kit::check`].
    pub fn forget(
        &mut self,
        epoch: Epoch,
        ledger: View<'_>,
        now: Timestamp,
    ) -> Result<Receipt, KitError> {
        let (head, _) = self.follow_newest(&ledger)?;
        if ledger.state.working_epoch().map_or(true, |(working, _)| epoch >= working) {
            return Err(KitError::ShareInUse { epoch });
        }
        // A temporary may hold the same share.
        files::sweep(&self.directory)?;
        files::destroy(&self.share_path(epoch))?;
        self.receipt(&ledger, head, ReceiptStatement::ShareForgotten { epoch }, now)
    }

    /// Lends the signing key, which is wiped afterwards.
    fn with_key<T>(&self, sign: impl FnOnce(&SigningKey) -> T) -> T {
        let signed = sign(&signing_key(&self.seeds));
        wipe_stack();
        signed
    }

    /// Destroys what stopped processes left in the kit. Where that cannot be, as on a medium that
    /// cannot be written, the command decides by itself whether it needs to write.
    fn sweep(&self) {
        let _ = files::sweep(&self.directory);
    }

    fn receipt(
        &mut self,
        ledger: &View<'_>,
        head: Head,
        statement: ReceiptStatement,
        now: Timestamp,
    ) -> Result<Receipt, KitError> {
        let receipt = self.sign_receipt(ledger.state, head, statement, now);
        let stated = Stated::Receipt { receipt: Box::new(receipt.clone()) };
        self.kept.remember(ledger, head, Some(stated))?;
        Ok(receipt)
    }

    fn sign_receipt(
        &self,
        state: &State,
        head: Head,
        statement: ReceiptStatement,
        now: Timestamp,
    ) -> Receipt {
        let service = state.service().id();
        self.with_key(|key| {
            let body = ReceiptBody {
                format: FORMAT,
                suite: Suite::default(),
                service: service.to_owned(),
                by: self.name().clone(),
                card: self.card.fingerprint(),
                count: self.kept.next_count(state),
                cosignature: Cosignature::sign(service, head, now, key),
                statement,
            };
            Signed::new(body, key)
        })
    }

    /// The receipt with this statement that the kit has given.
    fn stated_before(&self, statement: &ReceiptStatement) -> Option<Receipt> {
        self.kept.statements().iter().find_map(|stated| match stated {
            Stated::Receipt { receipt } if receipt.body.statement == *statement => {
                Some((**receipt).clone())
            }
            _ => None,
        })
    }

    fn share_path(&self, epoch: Epoch) -> PathBuf {
        self.directory.join(format!("share-{epoch}"))
    }

    fn kept_share(&self, dealing: &Dealing) -> Result<Share, KitError> {
        let missing = || KitError::NoShare { custodian: self.name().clone(), epoch: dealing.epoch };
        let file: Option<ShareFile> =
            read_if_present(&self.directory, &format!("share-{}", dealing.epoch))?;
        self.open_share(&file.ok_or_else(missing)?.share, dealing)
    }

    /// Opens a dealt share and holds it against the ledger's commitment for this custodian.
    fn open_share(&self, sealed: &SealedShare, dealing: &Dealing) -> Result<Share, KitError> {
        let custodian = || self.name().clone();
        let seat = dealing
            .seat(self.name())
            .ok_or_else(|| KitError::NotInRoster { custodian: custodian() })?;
        let info = dealt_info(dealing.service.id(), dealing.epoch, &self.card);
        let share = sealed
            .open(&receiving_key(&self.seeds), &info)
            .map_err(|_| SharingError::Altered { custodian: custodian() })?;
        if *share.dealing() != dealing.id() || share.commitment() != seat.commitment {
            return Err(SharingError::Altered { custodian: custodian() }.into());
        }
        Ok(share)
    }

    /// This custodian sits in the roster, and the ledger extends the one last seen. Gives the head
    /// that the ledger's checkpoint covers.
    fn follow(&self, ledger: &View<'_>, dealing: &Dealing) -> Result<Head, KitError> {
        let seat = dealing.seat(self.name());
        if seat.is_none_or(|seat| seat.card != self.card) {
            return Err(KitError::NotInRoster { custodian: self.name().clone() });
        }
        self.kept.follow(ledger)
    }

    /// As [`Kit::follow`], with the dealing that works; before all shares of the first one are
    /// held, with that one.
    fn follow_working<'a>(&self, ledger: &View<'a>) -> Result<(Head, &'a Dealing), KitError> {
        match ledger.state.working_dealing() {
            Ok(dealing) => Ok((self.follow(ledger, dealing)?, dealing)),
            Err(_) => self.follow_newest(ledger),
        }
    }

    /// As [`Kit::follow`], with the newest dealing that has a seat for this card.
    fn follow_newest<'a>(&self, ledger: &View<'a>) -> Result<(Head, &'a Dealing), KitError> {
        let mut dealings = ledger.state.epochs().values().rev().map(|epoch| &epoch.dealing);
        let own = |dealing: &&Dealing| {
            dealing.seat(self.name()).is_some_and(|seat| seat.card == self.card)
        };
        let dealing = dealings.find(own);
        let dealing =
            dealing.ok_or_else(|| KitError::NotInRoster { custodian: self.name().clone() })?;
        Ok((self.follow(ledger, dealing)?, dealing))
    }
}

/// A file of canonical JSON ends its line.
fn line(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = canonical_json(value);
    bytes.push(b'\n');
    bytes
}

fn read<T: for<'de> Deserialize<'de>>(kit: &Path, name: &str) -> Result<T, KitError> {
    let bytes = Zeroizing::new(files::read(&kit.join(name), LIMIT)?);
    serde_json::from_slice(&bytes).map_err(|_| damaged(kit, name))
}

/// As [`read`]; none where the file does not exist. A link that leads nowhere is not a missing
/// file.
fn read_if_present<T: for<'de> Deserialize<'de>>(
    kit: &Path,
    name: &str,
) -> Result<Option<T>, KitError> {
    match read(kit, name) {
        Err(KitError::File(FileError::Missing { path })) => match path.symlink_metadata() {
            Ok(_) => Err(damaged(kit, name)),
            Err(_) => Ok(None),
        },
        read => read.map(Some),
    }
}

fn damaged(kit: &Path, file: &str) -> KitError {
    KitError::Damaged { kit: kit.to_owned(), file: file.into() }
}
