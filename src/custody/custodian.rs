//! A custodian's kit: two private keys under a passphrase, the shares received, the last ledger
//! seen (SPEC §8).
//!
//! A kit is a directory: `identity` (private), `card.json` (public), `share-<epoch>` (sealed),
//! `seen.json`, `receipt-<epoch>-held.json`. It belongs to one service, the first whose share it
//! accepts.

mod error;
mod identity;

use std::path::{Path, PathBuf};

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{Tag, XNonce};
use cstatns_base::code::Generation;
use cstatns_base::files::{self, Access, FileError, PendingDirectory};
use cstatns_base::meta::ServiceId;
use cstatns_base::name::{Hex, Name, canonical_json};
use cstatns_base::secret::{Secret, wipe_stack};
use cstatns_record::card::{Card, CardBody};
use cstatns_record::checkpoint::{Head, root_of};
use cstatns_record::dealing::{Dealing, Epoch};
use cstatns_record::proposal::{ConsentBody, Proposal};
use cstatns_record::receipt::{Doubt, DoubtBody, Receipt, ReceiptBody, ReceiptStatement};
use cstatns_record::statement::{FORMAT, Signed};
use ed25519_dalek::Signer;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::sharing::{Share, SharingError};

use super::approval::Approval;

use identity::{IdentityFile, associated, receiving_key, seal_identity, signing_key};

pub use error::{KitError, ProposalFault};

use super::share::{SealedShare, ShareFile, dealt_info};

/// More than any file of a kit is long, in bytes.
const LIMIT: u64 = 1 << 20;

/// A ledger as a custodian looks at it: the leaf hashes of its lines.
#[derive(Clone, Copy)]
pub struct Witnessed<'a> {
    /// The dealing that the custodian's share belongs to.
    pub dealing: &'a Dealing,
    /// The leaf hash of each line.
    pub leaves: &'a [Hex<32>],
}

impl Witnessed<'_> {
    fn head(&self) -> Head {
        Head { size: self.leaves.len() as u64, root: root_of(self.leaves) }
    }
}

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
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    format: u32,
    service: String,
    /// The service's signing key: its id alone holds only 50 bits of it.
    signing: Hex<32>,
    head: Head,
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
        let kit = PendingDirectory::create(directory)?;
        kit.write_new("identity", &identity, Access::Private)?;
        kit.write_new("card.json", &line(&card), Access::Shared)?;
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

    /// Opens the kit in `directory`.
    ///
    /// # Errors
    /// [`KitError::Passphrase`] for a wrong one, [`KitError::NeedsPassphrase`] for none, both
    /// naming the kit; [`KitError::Damaged`]; [`KitError::File`].
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
            let cipher = protection.cipher(passphrase).ok_or_else(is_damaged)?;
            seeds = Secret::try_fill(|clear| {
                clear.copy_from_slice(seeds.expose());
                let associated = associated(&card);
                cipher
                    .decrypt_inout_detached(
                        &XNonce::from(protection.nonce.0),
                        &associated,
                        clear.as_mut_slice().into(),
                        &Tag::from(protection.tag.0),
                    )
                    .map_err(|_| KitError::Passphrase { kit: directory.to_owned() })
            })?;
        }
        let kit = Self { directory: directory.to_owned(), card, seeds };
        let signing = Hex(signing_key(&kit.seeds).verifying_key().to_bytes());
        let receiving = receiving_key(&kit.seeds).public();
        wipe_stack();
        let own = signing == kit.card.body.signing && receiving == kit.card.body.receiving;
        if own { Ok(kit) } else { Err(is_damaged()) }
    }

    /// The kit's card.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// The custodian's name.
    pub fn name(&self) -> &Name {
        &self.card.body.name
    }

    /// Accepts a dealt share: opens it, holds it against the ledger, keeps it (sealed) in the kit
    /// and writes the receipt `receipt-<epoch>-held.json`. Accepting the same share again replaces
    /// what is missing or damaged.
    ///
    /// # Errors
    /// [`KitError::Share`] when it is not this custodian's share of this dealing;
    /// [`KitError::Roster`] when the dealing breaks its rules; [`KitError::NotInRoster`];
    /// [`KitError::OtherService`]; [`KitError::Shorter`] and [`KitError::Forked`] when the ledger
    /// is not a longer one of what was seen.
    pub fn accept(&self, file: &ShareFile, ledger: Witnessed<'_>) -> Result<PathBuf, KitError> {
        self.sweep();
        self.check_ledger(ledger)?;
        let dealing = ledger.dealing;
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
        // The memory comes first: a kit with a share and without a memory has lost it.
        self.see(ledger)?;
        // The receipt states that the kept share opens.
        if self.kept_share(dealing).is_err() {
            files::replace(&self.share_path(dealing.epoch), &line(file), Access::Private)?;
        }
        let statement =
            ReceiptStatement::ShareHeld { epoch: dealing.epoch, dealing: dealing.fingerprint() };
        let path = self.directory.join(format!("receipt-{}-held.json", dealing.epoch));
        files::replace(&path, &line(&self.receipt(dealing, statement)), Access::Shared)?;
        Ok(path)
    }

    /// The yearly check: the kept share opens and is right, the ledger extends the one seen;
    /// cosigns its checkpoint.
    ///
    /// # Errors
    /// As [`Kit::accept`].
    pub fn check(&self, ledger: Witnessed<'_>) -> Result<Receipt, KitError> {
        self.sweep();
        self.check_ledger(ledger)?;
        self.kept_share(ledger.dealing)?;
        let head = ledger.head();
        let cosignature = self.cosign(ledger.dealing, &head);
        self.see(ledger)?;
        Ok(self.receipt(ledger.dealing, ReceiptStatement::CheckpointSeen { head, cosignature }))
    }

    /// Consents to `proposal`: signs it and reseals the kept share to the run. The caller has shown
    /// the proposal to the custodian ([`Action`](cstatns_record::proposal::Action)'s `Display`).
    ///
    /// # Errors
    /// [`KitError::Proposal`] when the service did not sign it, it is not of this ledger or epoch,
    /// or it has expired; and as [`Kit::accept`].
    pub fn approve(
        &self,
        proposal: &Proposal,
        ledger: Witnessed<'_>,
        now: Timestamp,
    ) -> Result<Approval, KitError> {
        let dealing = ledger.dealing;
        let body = &proposal.signed.body;
        self.sweep();
        self.check_ledger(ledger)?;
        let refused = |reason| Err(KitError::Proposal { reason });
        if body.format != FORMAT {
            return refused(ProposalFault::Version);
        }
        if !proposal.is_by(&dealing.service.body.signing) || body.service != dealing.service.id() {
            return refused(ProposalFault::Signature);
        }
        if body.epoch != dealing.epoch {
            return refused(ProposalFault::Epoch);
        }
        if now >= body.expires {
            return refused(ProposalFault::Expired);
        }
        let size = usize::try_from(body.head.size).unwrap_or(usize::MAX);
        if ledger.leaves.get(..size).map(root_of) != Some(body.head.root) {
            return refused(ProposalFault::OtherLedger);
        }
        let share = self.kept_share(dealing)?;
        let digest = proposal.digest();
        let share = SealedShare::seal(&share, &proposal.run_key, &digest.0)?;
        let consent = ConsentBody {
            format: FORMAT,
            service: body.service.clone(),
            epoch: body.epoch,
            proposal: digest,
            by: self.name().clone(),
            card: self.card.fingerprint(),
            share: share.digest(),
            cosignature: self.cosign(dealing, &body.head),
        };
        let consent = Signed::new(consent, &signing_key(&self.seeds));
        self.see(ledger)?;
        wipe_stack();
        Ok(Approval { consent, share })
    }

    /// States a doubt about a generation of a domain, or about the custody as a whole (R10).
    ///
    /// # Errors
    /// [`KitError::NotInRoster`], [`KitError::Shorter`], [`KitError::Forked`].
    pub fn doubt(
        &self,
        about: Option<(Name, Generation)>,
        ledger: Witnessed<'_>,
    ) -> Result<Doubt, KitError> {
        self.sweep();
        self.check_ledger(ledger)?;
        let (domain, generation) = about.unzip();
        let body = DoubtBody {
            format: FORMAT,
            service: ledger.dealing.service.id().to_owned(),
            by: self.name().clone(),
            card: self.card.fingerprint(),
            domain,
            generation,
            head: ledger.head(),
        };
        self.see(ledger)?;
        Ok(Signed::new(body, &signing_key(&self.seeds)))
    }

    /// Destroys the share of an epoch that is over, and what stopped processes left of it, and
    /// states it.
    ///
    /// # Errors
    /// [`KitError::File`] when the share does not exist.
    pub fn forget(&self, epoch: Epoch, dealing: &Dealing) -> Result<Receipt, KitError> {
        // A temporary may hold the same share.
        files::sweep(&self.directory)?;
        files::destroy(&self.share_path(epoch))?;
        Ok(self.receipt(dealing, ReceiptStatement::ShareForgotten { epoch }))
    }

    /// Destroys what stopped processes left in the kit. Where that cannot be, as on a medium that
    /// cannot be written, the command decides by itself whether it needs to write.
    fn sweep(&self) {
        let _ = files::sweep(&self.directory);
    }

    fn receipt(&self, dealing: &Dealing, statement: ReceiptStatement) -> Receipt {
        let body = ReceiptBody {
            format: FORMAT,
            service: dealing.service.id().to_owned(),
            by: self.name().clone(),
            card: self.card.fingerprint(),
            statement,
        };
        let receipt = Signed::new(body, &signing_key(&self.seeds));
        wipe_stack();
        receipt
    }

    fn cosign(&self, dealing: &Dealing, head: &Head) -> Hex<64> {
        let text = head.checkpoint(dealing.service.id()).text();
        Hex(signing_key(&self.seeds).sign(text.as_bytes()).to_bytes())
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

    /// The dealing keeps its rules, so that its service's key is the one that its id names; this
    /// custodian sits in the roster; the ledger extends the one last seen.
    fn check_ledger(&self, ledger: Witnessed<'_>) -> Result<(), KitError> {
        let dealing = ledger.dealing;
        dealing.check()?;
        let seat = dealing.seat(self.name());
        if seat.is_none_or(|seat| seat.card != self.card) {
            return Err(KitError::NotInRoster { custodian: self.name().clone() });
        }
        let Some(seen) = self.seen()? else { return Ok(()) };
        if seen.service != dealing.service.id() || seen.signing != dealing.service.body.signing {
            let service = ServiceId::of(&seen.service);
            return Err(KitError::OtherService { custodian: self.name().clone(), service });
        }
        let size = usize::try_from(seen.head.size).unwrap_or(usize::MAX);
        let custodian = self.name().clone();
        match ledger.leaves.get(..size) {
            None => Err(KitError::Shorter {
                custodian,
                seen: seen.head.size,
                found: ledger.leaves.len(),
            }),
            Some(leaves) if root_of(leaves) != seen.head.root => {
                Err(KitError::Forked { custodian, seen: seen.head.size })
            }
            Some(_) => Ok(()),
        }
    }

    /// The ledger last seen; none in a kit that has accepted nothing yet. A kit that holds a share
    /// or a receipt of one has seen a ledger: without its memory it could be shown one that was
    /// rolled back, and would not know.
    fn seen(&self) -> Result<Option<Seen>, KitError> {
        if let Some(seen) = read_if_present(&self.directory, "seen.json")? {
            return Ok(Some(seen));
        }
        let accepted = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with("share-")
                || (name.starts_with("receipt-") && name.ends_with("-held.json"))
        };
        match files::list(&self.directory)?.iter().any(accepted) {
            true => Err(KitError::Memory { kit: self.directory.clone() }),
            false => Ok(None),
        }
    }

    fn see(&self, ledger: Witnessed<'_>) -> Result<(), KitError> {
        let service = ledger.dealing.service.id().to_owned();
        let signing = ledger.dealing.service.body.signing;
        let seen = Seen { format: FORMAT, service, signing, head: ledger.head() };
        files::replace(&self.directory.join("seen.json"), &line(&seen), Access::Private)?;
        Ok(())
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
