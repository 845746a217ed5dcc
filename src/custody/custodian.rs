//! A custodian's kit: two private keys under a passphrase, the shares received, the last ledger seen (SPEC §8).
//!
//! A kit is a directory: `identity` (private), `card.json` (public), `share-<epoch>` (sealed), `seen.json`,
//! `receipt-<epoch>-held.json`. It belongs to one service, the first whose share it accepts.

use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use ed25519_dalek::{Signer, SigningKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::checkpoint::root_of;
use crate::code::Generation;
use crate::files::{self, Access, FileError, PendingDirectory};
use crate::name::{Hex, Name, canonical_json, secret_json};
use crate::secret::{Secret, random_bytes, wipe_stack};
use crate::sharing::{Epoch, Share, SharingError};

use super::approval::{Approval, ConsentBody, Proposal};
use super::share::{ReceivingKey, SealError, SealedShare, ShareFile, dealt_info};
use super::{
    Card, CardBody, Dealing, Doubt, DoubtBody, FORMAT, Head, Receipt, ReceiptBody, ReceiptStatement,
    RosterError, Signed,
};

/// Argon2id's memory, in KiB (19 MiB), its passes and its lanes.
const ARGON2: (u32, u32, u32) = (19_456, 2, 1);
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
struct IdentityFile {
    format: u32,
    card: Hex<32>,
    protection: Option<Protection>,
    /// The seeds: sealed where there is a protection, in clear where there is none.
    seeds: Zeroizing<String>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Protection {
    argon2id_memory_kib: u32,
    argon2id_passes: u32,
    argon2id_lanes: u32,
    salt: Hex<16>,
    nonce: Hex<24>,
    tag: Hex<16>,
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
    /// Makes a kit in `directory`, which must not exist. Without a passphrase it serves demonstrations only. An error leaves
    /// nothing of it, and what a stopped process left of the same kit is destroyed.
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
    /// [`KitError::Passphrase`] for a wrong one, [`KitError::NeedsPassphrase`] for none, both naming the kit;
    /// [`KitError::Damaged`]; [`KitError::File`].
    pub fn open(directory: &Path, passphrase: Option<&[u8]>) -> Result<Self, KitError> {
        let card = Self::card_in(directory)?;
        let identity: IdentityFile = read(directory, "identity")?;
        if identity.format != FORMAT {
            return Err(KitError::Version { kit: directory.to_owned(), found: identity.format });
        }
        let is_damaged = || damaged(directory, "identity");
        if identity.card != card.fingerprint() || identity.protection.is_some() != card.body.protected {
            return Err(is_damaged());
        }
        let mut seeds = Secret::<64>::try_fill(|seeds| {
            let read = Zeroizing::new(Hex::<64>::parse(identity.seeds.as_bytes()).ok_or_else(is_damaged)?.0);
            seeds.copy_from_slice(&*read);
            Ok::<_, KitError>(())
        })?;
        if let Some(protection) = &identity.protection {
            let passphrase =
                passphrase.ok_or_else(|| KitError::NeedsPassphrase { kit: directory.to_owned() })?;
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

    /// Accepts a dealt share: opens it, holds it against the ledger, keeps it (sealed) in the kit and writes the receipt
    /// `receipt-<epoch>-held.json`. Accepting the same share again mends what is missing or damaged.
    ///
    /// # Errors
    /// [`KitError::Share`] when it is not this custodian's share of this dealing; [`KitError::Roster`] when the dealing
    /// breaks its rules; [`KitError::NotInRoster`]; [`KitError::OtherService`]; [`KitError::Shorter`] and [`KitError::Forked`] when the ledger is not a longer one of what was seen.
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
        let statement = ReceiptStatement::ShareHeld { epoch: dealing.epoch, dealing: dealing.fingerprint() };
        let path = self.directory.join(format!("receipt-{}-held.json", dealing.epoch));
        files::replace(&path, &line(&self.receipt(dealing, statement)), Access::Shared)?;
        Ok(path)
    }

    /// The yearly check: the kept share opens and is right, the ledger extends the one seen; cosigns its checkpoint.
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

    /// Consents to `proposal`: signs it and reseals the kept share to the run. The caller has shown the proposal to the
    /// custodian ([`super::approval::Action`]'s `Display`).
    ///
    /// # Errors
    /// [`KitError::Proposal`] when the service did not sign it, it is not of this ledger or epoch, or it has expired;
    /// and as [`Kit::accept`].
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
            return refused("it is of a newer format: use a newer program");
        }
        if !proposal.is_by(&dealing.service.body.signing) || body.service != dealing.service.id() {
            return refused("the service of this ledger did not sign it");
        }
        if body.epoch != dealing.epoch {
            return refused("it asks for the shares of another epoch");
        }
        if now >= body.expires {
            return refused("it has expired: ask for a new one");
        }
        let size = usize::try_from(body.head.size).unwrap_or(usize::MAX);
        if ledger.leaves.get(..size).map(root_of) != Some(body.head.root) {
            return refused("it was made on another ledger than the one given");
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
    pub fn doubt(&self, about: Option<(Name, Generation)>, ledger: Witnessed<'_>) -> Result<Doubt, KitError> {
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

    /// Destroys the share of an epoch that is over, and what stopped processes left of it, and states it.
    ///
    /// # Errors
    /// [`KitError::File`] when there is no such share.
    pub fn forget(&self, epoch: Epoch, dealing: &Dealing) -> Result<Receipt, KitError> {
        // A temporary may hold the same share.
        files::sweep(&self.directory)?;
        files::destroy(&self.share_path(epoch))?;
        Ok(self.receipt(dealing, ReceiptStatement::ShareForgotten { epoch }))
    }

    /// Destroys what stopped processes left in the kit. Where that cannot be, as on a medium that cannot be written, the
    /// command decides by itself whether it needs to write.
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
        let file: Option<ShareFile> = read_if_present(&self.directory, &format!("share-{}", dealing.epoch))?;
        self.open_share(&file.ok_or_else(missing)?.share, dealing)
    }

    /// Opens a dealt share and holds it against the ledger's commitment for this custodian.
    fn open_share(&self, sealed: &SealedShare, dealing: &Dealing) -> Result<Share, KitError> {
        let custodian = || self.name().clone();
        let seat =
            dealing.seat(self.name()).ok_or_else(|| KitError::NotInRoster { custodian: custodian() })?;
        let info = dealt_info(dealing.service.id(), dealing.epoch, &self.card);
        let share = sealed
            .open(&receiving_key(&self.seeds), &info)
            .map_err(|_| SharingError::Altered { custodian: custodian() })?;
        if *share.dealing() != dealing.id() || share.commitment() != seat.commitment {
            return Err(SharingError::Altered { custodian: custodian() }.into());
        }
        Ok(share)
    }

    /// The dealing keeps its rules, so that its service's key is the one that its id names; this custodian sits in the
    /// roster; the ledger extends the one last seen.
    fn check_ledger(&self, ledger: Witnessed<'_>) -> Result<(), KitError> {
        let dealing = ledger.dealing;
        dealing.check()?;
        let seat = dealing.seat(self.name());
        if seat.is_none_or(|seat| seat.card != self.card) {
            return Err(KitError::NotInRoster { custodian: self.name().clone() });
        }
        let Some(seen) = self.seen()? else { return Ok(()) };
        if seen.service != dealing.service.id() || seen.signing != dealing.service.body.signing {
            return Err(KitError::OtherService { custodian: self.name().clone(), service: seen.service });
        }
        let size = usize::try_from(seen.head.size).unwrap_or(usize::MAX);
        let custodian = self.name().clone();
        match ledger.leaves.get(..size) {
            None => Err(KitError::Shorter { custodian, seen: seen.head.size, found: ledger.leaves.len() }),
            Some(leaves) if root_of(leaves) != seen.head.root => {
                Err(KitError::Forked { custodian, seen: seen.head.size })
            }
            Some(_) => Ok(()),
        }
    }

    /// The ledger last seen; none in a kit that has accepted nothing yet. A kit that holds a share or a receipt of one has
    /// seen a ledger: without its memory it could be shown one that was rolled back, and would not know.
    fn seen(&self) -> Result<Option<Seen>, KitError> {
        if let Some(seen) = read_if_present(&self.directory, "seen.json")? {
            return Ok(Some(seen));
        }
        let accepted = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with("share-") || (name.starts_with("receipt-") && name.ends_with("-held.json"))
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

impl Protection {
    fn new() -> Self {
        let (mut salt, mut nonce) = ([0; 16], [0; 24]);
        random_bytes(&mut salt);
        random_bytes(&mut nonce);
        let (memory, passes, lanes) = ARGON2;
        Self {
            argon2id_memory_kib: memory,
            argon2id_passes: passes,
            argon2id_lanes: lanes,
            salt: Hex(salt),
            nonce: Hex(nonce),
            tag: Hex([0; 16]),
        }
    }

    /// `None` when the parameters are not possible, or ask for more than 1 GiB: a damaged file must not exhaust the
    /// machine.
    fn cipher(&self, passphrase: &[u8]) -> Option<XChaCha20Poly1305> {
        if self.argon2id_memory_kib > 1 << 20 || self.argon2id_passes > 64 {
            return None;
        }
        let (memory, passes) = (self.argon2id_memory_kib, self.argon2id_passes);
        let params = Params::new(memory, passes, self.argon2id_lanes, Some(32)).ok()?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let key = Secret::<32>::try_fill(|key| argon2.hash_password_into(passphrase, &self.salt.0, key));
        let cipher = XChaCha20Poly1305::new(key.ok()?.expose().into());
        wipe_stack();
        Some(cipher)
    }
}

fn seal_identity(seeds: &Secret<64>, card: &Card, passphrase: Option<&[u8]>) -> Zeroizing<Vec<u8>> {
    let mut protection = passphrase.map(|_| Protection::new());
    let stored = Secret::<64>::fill(|stored| {
        stored.copy_from_slice(seeds.expose());
        if let (Some(protection), Some(passphrase)) = (&mut protection, passphrase) {
            let cipher = protection.cipher(passphrase).expect("the built-in parameters are possible");
            let tag = cipher
                .encrypt_inout_detached(
                    &XNonce::from(protection.nonce.0),
                    &associated(card),
                    stored.as_mut_slice().into(),
                )
                .expect("64 bytes can be sealed");
            protection.tag = Hex(tag.into());
        }
    });
    let seeds = Zeroizing::new(data_encoding::HEXLOWER.encode(stored.expose()));
    secret_json(&IdentityFile { format: FORMAT, card: card.fingerprint(), protection, seeds }, 4096)
}

/// The associated data of a kit's seal: a label and the card's fingerprint.
fn associated(card: &Card) -> Vec<u8> {
    format!("CStatNS/kit/{}", card.fingerprint()).into_bytes()
}

fn signing_key(seeds: &Secret<64>) -> SigningKey {
    let seed = seeds.expose().first_chunk().expect("64 bytes hold 32");
    SigningKey::from_bytes(seed)
}

fn receiving_key(seeds: &Secret<64>) -> ReceivingKey {
    ReceivingKey::from_seed(seeds.expose().last_chunk().expect("64 bytes hold 32"))
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

/// As [`read`]; none where there is no such file. A link that leads nowhere is no missing file.
fn read_if_present<T: for<'de> Deserialize<'de>>(kit: &Path, name: &str) -> Result<Option<T>, KitError> {
    match read(kit, name) {
        Err(KitError::File(FileError::Missing { path })) => match path.symlink_metadata() {
            Ok(_) => Err(damaged(kit, name)),
            Err(_) => Ok(None),
        },
        read => read.map(Some),
    }
}

fn damaged(kit: &Path, file: &str) -> KitError {
    KitError::Damaged { kit: kit.to_owned(), file: file.to_owned() }
}

/// Why a kit did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KitError {
    /// Storage.
    #[error(transparent)]
    File(#[from] FileError),
    /// The share does not fit.
    #[error(transparent)]
    Share(#[from] SharingError),
    /// The dealing breaks its rules.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// The run's key is not one.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A file of the kit is not what it should be.
    #[error("{file} in the kit {kit:?} is damaged or not of this kit: restore it from the custodian's copy")]
    Damaged {
        /// The kit.
        kit: PathBuf,
        /// The file in it.
        file: String,
    },
    /// The memory of the ledger is gone.
    #[error(
        "the kit {kit:?} holds a share, but its memory of the ledger (seen.json) is gone: it cannot tell a ledger that was \
         rolled back; restore seen.json from the custodian's copy, and call the auditor if there is none"
    )]
    Memory {
        /// The kit.
        kit: PathBuf,
    },
    /// A newer kit.
    #[error(
        "the kit {kit:?} has format version {found}, this program knows version {FORMAT}: use a newer program"
    )]
    Version {
        /// The kit.
        kit: PathBuf,
        /// The version found.
        found: u32,
    },
    /// An empty passphrase.
    #[error(
        "the passphrase for the kit {kit:?} is empty: choose one, or say --no-passphrase for a demonstration"
    )]
    EmptyPassphrase {
        /// The kit.
        kit: PathBuf,
    },
    /// No passphrase given.
    #[error("the kit {kit:?} is protected: give its passphrase")]
    NeedsPassphrase {
        /// The kit.
        kit: PathBuf,
    },
    /// A wrong passphrase.
    #[error("the passphrase for the kit {kit:?} is wrong: try again")]
    Passphrase {
        /// The kit.
        kit: PathBuf,
    },
    /// Not a custodian of this dealing.
    #[error("`{custodian}` with this card is not in the roster of this epoch: only its custodians can act")]
    NotInRoster {
        /// The kit's custodian.
        custodian: Name,
    },
    /// The kit belongs to another service.
    #[error("the kit of `{custodian}` belongs to the service {service}: make a kit for each service")]
    OtherService {
        /// The kit's custodian.
        custodian: Name,
        /// The service it belongs to.
        service: String,
    },
    /// No share kept.
    #[error("the kit of `{custodian}` holds no share of epoch {epoch}: run `custodian accept` first")]
    NoShare {
        /// The kit's custodian.
        custodian: Name,
        /// The epoch.
        epoch: Epoch,
    },
    /// The ledger lost lines.
    #[error(
        "`{custodian}` has seen a ledger of {seen} events, this one has {found}: events were removed; do not go on, \
         call the auditor"
    )]
    Shorter {
        /// The kit's custodian.
        custodian: Name,
        /// Events seen.
        seen: u64,
        /// Events found.
        found: usize,
    },
    /// The ledger was rewritten.
    #[error(
        "the first {seen} events of this ledger are not the ones that `{custodian}` has seen: it was rewritten; do not \
         go on, call the auditor"
    )]
    Forked {
        /// The kit's custodian.
        custodian: Name,
        /// Events seen.
        seen: u64,
    },
    /// A proposal that cannot be approved.
    #[error("the proposal cannot be approved: {reason}")]
    Proposal {
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl KitError {
    /// The stable short code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::Share(error) => error.code(),
            Self::Roster(error) => error.code(),
            Self::Seal(_) => "receiving-key",
            Self::Damaged { .. } => "kit-damaged",
            Self::Memory { .. } => "kit-memory",
            Self::Version { .. } => "kit-version",
            Self::EmptyPassphrase { .. } => "passphrase-empty",
            Self::NeedsPassphrase { .. } => "passphrase-needed",
            Self::Passphrase { .. } => "passphrase-wrong",
            Self::NotInRoster { .. } => "not-in-roster",
            Self::OtherService { .. } => "kit-other-service",
            Self::NoShare { .. } => "no-share",
            Self::Shorter { .. } => "ledger-shorter",
            Self::Forked { .. } => "ledger-forked",
            Self::Proposal { .. } => "proposal-refused",
        }
    }
}
