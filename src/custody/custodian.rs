//! A custodian's kit: a signing key under a passphrase, cards with their receiving keys, the shares
//! received, what the kit has seen and stated (SPEC §8).
//!
//! A kit is a directory: `identity` (the signing key), `card.json` (the newest card, public),
//! `card-<words>.key` for each card (its receiving key, sealed), `memory` (sealed), `ledger.zst`
//! (the lines that it has folded), `share-<epoch>` (sealed), `receipt-<epoch>-held.json`. It
//! belongs to one service, the first whose share it accepts.

mod cards;
mod consent;
mod doubt;
mod error;
mod forget;
mod identity;
mod memory;
mod paper;
mod passphrase;
mod recovery;
mod rekey;
mod remark;

use std::path::{Path, PathBuf};

use cstatns_base::files::{self, Access, FileError, PendingDirectory};
use cstatns_base::name::{Name, canonical_json};
use cstatns_base::secret::{Secret, wipe_stack};
use cstatns_record::card::{Card, ServiceCard};
use cstatns_record::checkpoint::{Cosignature, Head};
use cstatns_record::dealing::{Dealing, Epoch, Seat};
use cstatns_record::evidence::{Evidence, EvidenceBody, Stated};
use cstatns_record::receipt::{Receipt, ReceiptBody, ReceiptStatement};
use cstatns_record::state::{Refusal, State, View};
use cstatns_record::statement::{FORMAT, Signed, Suite};
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::sharing::{Share, SharingError};

use identity::{open_identity, seal_identity, signing_key};
use memory::{Kept, new_memory};

pub use consent::{Attending, Released, Watcher, question_for};
pub use error::{KitError, ProposalFault};
pub use memory::{Shown, ShownStatement, kept_lines};
pub use paper::{Paper, Sheet};
pub use remark::Remark;

use super::share::{SealedShare, ShareFile, dealt_info};

/// More than any file of a kit is long, in bytes.
const LIMIT: u64 = 1 << 20;
/// The name of the newest card.
const CARD: &str = "card.json";

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
    /// The newest one.
    card: Card,
    /// The seed of the Ed25519 key.
    seed: Secret<32>,
    kept: Kept,
}

/// A ledger that a kit follows up to `head`, and a dealing of it in which the custodian sits.
struct Seated<'a> {
    head: Head,
    dealing: &'a Dealing,
    seat: &'a Seat,
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
        let seed = Secret::random();
        let (card, key) = cards::draw(&seed, name, external, passphrase.is_some());
        let identity = seal_identity(&seed, &card.body.signing, passphrase);
        let memory = new_memory(&seed, &card.body.signing);
        let kit = PendingDirectory::create(directory)?;
        kit.write_new(identity::NAME, &identity, Access::Private)?;
        kit.write_new(CARD, &line(&card), Access::Shared)?;
        kit.write_new(&cards::file_name(&card.fingerprint()), &key, Access::Private)?;
        kit.write_new(memory::NAME, &memory, Access::Private)?;
        kit.commit()?;
        wipe_stack();
        Ok(card)
    }

    /// Reads the newest card of the kit in `directory`, without its passphrase.
    ///
    /// # Errors
    /// [`KitError::File`]; [`KitError::Damaged`].
    pub fn card_in(directory: &Path) -> Result<Card, KitError> {
        let card: Card = read(directory, CARD)?;
        if card.is_sound() { Ok(card) } else { Err(damaged(directory, CARD)) }
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
        let seed = open_identity(directory, &card, passphrase)?;
        let kept = Kept::open(directory, &card, &seed)?;
        Ok(Self { directory: directory.to_owned(), card, seed, kept })
    }

    /// The kit's newest card: the one to deal to next.
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
    /// [`KitError::NotInRoster`]; [`KitError::CardNotHeld`] and [`KitError::Forgotten`] when the
    /// kit does not have the receiving key of the card that sits in it; [`KitError::OtherService`];
    /// [`KitError::Shorter`] and [`KitError::Forked`] when the ledger is not a longer one of what
    /// was seen.
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
        let seated = self.follow(&ledger, dealing)?;
        self.open_file(file, &seated)?;
        // The receipt states that the kept share opens.
        if self.kept_share(&seated).is_err() {
            files::replace(&self.share_path(dealing.epoch), &line(file), Access::Private)?;
        }
        let statement =
            ReceiptStatement::ShareHeld { epoch: dealing.epoch, dealing: dealing.fingerprint() };
        let path = self.directory.join(format!("receipt-{}-held.json", dealing.epoch));
        let receipt = self.receipt_once(&ledger, &seated, statement, now)?;
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
        let seated = self.follow_working(&ledger)?;
        self.kept_share(&seated)?;
        self.receipt(&ledger, &seated, ReceiptStatement::CheckpointSeen {}, now)
    }

    /// Lends the signing key, which is wiped afterwards.
    fn with_key<T>(&self, sign: impl FnOnce(&SigningKey) -> T) -> T {
        let signed = sign(&signing_key(&self.seed));
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
        seated: &Seated<'_>,
        statement: ReceiptStatement,
        now: Timestamp,
    ) -> Result<Receipt, KitError> {
        let receipt = self.sign_receipt(ledger.state, seated, statement, now);
        let stated = Stated::Receipt { receipt: Box::new(receipt.clone()) };
        self.kept.remember(ledger, seated.head, Some(stated))?;
        Ok(receipt)
    }

    /// As [`Kit::receipt`]; a receipt with this statement that was given before is given again,
    /// unless the ledger holds a later one already and would refuse it for its date.
    fn receipt_once(
        &mut self,
        ledger: &View<'_>,
        seated: &Seated<'_>,
        statement: ReceiptStatement,
        now: Timestamp,
    ) -> Result<Receipt, KitError> {
        let late = |receipt: &Receipt| {
            let checked = ledger.state.check_receipt(receipt, now, ledger.history);
            matches!(checked, Err(Refusal::ReceiptDate { .. }))
        };
        match self.stated_before(&statement).filter(|receipt| !late(receipt)) {
            Some(receipt) => Ok(receipt),
            None => self.receipt(ledger, seated, statement, now),
        }
    }

    fn sign_receipt(
        &self,
        state: &State,
        seated: &Seated<'_>,
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
                card: seated.seat.card.fingerprint(),
                count: self.kept.next_count(state),
                cosignature: Cosignature::sign(service, seated.head, now, key),
                statement,
            };
            Signed::new(body, key)
        })
    }

    /// The last receipt with this statement that the kit has given.
    fn stated_before(&self, statement: &ReceiptStatement) -> Option<Receipt> {
        self.kept.statements().iter().rev().find_map(|stated| match stated {
            Stated::Receipt { receipt } if receipt.body.statement == *statement => {
                Some((**receipt).clone())
            }
            _ => None,
        })
    }

    fn share_path(&self, epoch: Epoch) -> PathBuf {
        self.directory.join(format!("share-{epoch}"))
    }

    fn kept_share(&self, seated: &Seated<'_>) -> Result<Share, KitError> {
        let epoch = seated.dealing.epoch;
        let missing = || KitError::NoShare { custodian: self.name().clone(), epoch };
        let file: Option<ShareFile> = read_if_present(&self.directory, &format!("share-{epoch}"))?;
        self.open_file(&file.ok_or_else(missing)?, seated)
    }

    /// Opens the share in a file that says that it is this one.
    fn open_file(&self, file: &ShareFile, seated: &Seated<'_>) -> Result<Share, KitError> {
        let dealing = seated.dealing;
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
        self.open_share(&file.share, seated)
    }

    /// Opens a dealt share and holds it against the ledger's commitment for this custodian.
    fn open_share(&self, sealed: &SealedShare, seated: &Seated<'_>) -> Result<Share, KitError> {
        let Seated { dealing, seat, .. } = seated;
        let altered = || SharingError::Altered { custodian: self.name().clone() };
        let info = dealt_info(dealing.service.id(), dealing.epoch, &seat.card);
        let key = self.receiving_key(seated)?;
        let share = sealed.open(&key, &info).map_err(|_| altered())?;
        if *share.dealing() != dealing.id() || share.commitment() != seat.commitment {
            return Err(altered().into());
        }
        Ok(share)
    }

    /// This custodian sits in the dealing, and the ledger extends the one last seen.
    fn follow<'a>(&self, ledger: &View<'_>, dealing: &'a Dealing) -> Result<Seated<'a>, KitError> {
        let seat = dealing.seat_of(&self.card.body.signing);
        let seat = seat.ok_or_else(|| self.not_in_roster())?;
        Ok(Seated { head: self.kept.follow(ledger)?, dealing, seat })
    }

    /// As [`Kit::follow`], with the dealing that works; before all shares of the first one are
    /// held, with that one.
    fn follow_working<'a>(&self, ledger: &View<'a>) -> Result<Seated<'a>, KitError> {
        self.follow(ledger, ledger.state.following_dealing())
    }

    fn not_in_roster(&self) -> KitError {
        KitError::NotInRoster { custodian: self.name().clone() }
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
