//! A kit on paper: its secrets, sealed under its passphrase, as lines that are typed again when the
//! kit is lost (SPEC §8).

use std::path::Path;

use cstatns_base::files::{Access, PendingDirectory};
use cstatns_base::meta::SUITE;
use cstatns_base::name::Name;
use cstatns_base::secret::{Secret, wipe_stack};
use cstatns_record::card::Card;
use cstatns_record::dealing::{Dealing, Epoch};
use zeroize::Zeroizing;

use crate::custody::paper::{PaperError, read_lines, write_lines};
use crate::custody::share::{ReceivingKey, SealedShare, ShareFile, dealt_info};
use crate::sharing::{Share, VERSION};
use cstatns_keys::protection::{Closed, Protection};

use super::identity::{open_identity, seal_identity};
use super::memory::paper_memory;
use super::{CARD, FORMAT, Kit, KitError, Seated, cards, identity, line, memory};

/// The form of a paper: what is sealed, and under which parameters of Argon2id.
const FORM: u8 = 1;
/// Salt, nonce and tag.
const SEAL: usize = 56;
/// The bit of a custodian named outside the service.
const EXTERNAL: u8 = 1;

/// What is printed of a kit.
#[non_exhaustive]
pub struct Paper {
    /// The lines: the kit's secrets, sealed.
    pub lines: String,
    /// The service's id.
    pub service: String,
    /// The epoch of the share.
    pub epoch: Epoch,
    /// The card that sits in it.
    pub card: Card,
    /// Whether that epoch works, in the ledger that the kit has seen.
    pub works: bool,
}

/// The lines of a paper, read and whole; still sealed.
pub struct Sheet(Vec<u8>);

impl Sheet {
    /// Reads lines as they were typed, or as a QR code holds them. Of what was typed nothing but
    /// the case of letters and white space is forgiven.
    ///
    /// # Errors
    /// [`PaperError`] names the first line that is not as it was printed.
    pub fn read(text: &str) -> Result<Self, PaperError> {
        let bytes = read_lines(text)?;
        match bytes.first() {
            Some(&FORM) if bytes.len() > 1 + SEAL => Ok(Self(bytes)),
            Some(&FORM) | None => Err(PaperError::Lines),
            Some(&found) => Err(PaperError::Version { found }),
        }
    }

    /// The lines again, as they are printed.
    pub fn lines(&self) -> String {
        write_lines(&self.0)
    }

    fn open(&self, passphrase: &[u8]) -> Result<Content, PaperError> {
        let (head, sealed) = self.0[1..].split_at(SEAL);
        let protection = Protection::from_compact(head.first_chunk().expect("it was split so"));
        let mut clear = Zeroizing::new(sealed.to_vec());
        let opened = protection.open(passphrase, &associated(), &mut clear);
        wipe_stack();
        opened.map_err(|closed| match closed {
            Closed::Passphrase => PaperError::Passphrase,
            Closed::Parameters => PaperError::Content,
        })?;
        Content::decode(&clear).ok_or(PaperError::Content)
    }
}

/// What is sealed.
struct Content {
    external: bool,
    seed: Secret<32>,
    receiving: ReceivingKey,
    name: Name,
    share: Share,
}

impl Content {
    /// Flags, the signing seed, the receiving seed, the length of the name, the name, and the bytes
    /// of the share behind the suite.
    fn encode(
        card: &Card,
        seed: &Secret<32>,
        receiving: &ReceivingKey,
        share: &Share,
    ) -> Zeroizing<Vec<u8>> {
        let name = card.body.name.as_str().as_bytes();
        let share = share.encode();
        let share = share.strip_prefix(&before()[..]).expect("a share begins so");
        let flags = if card.body.external { EXTERNAL } else { 0 };
        // At its full size: it does not move, and leaves no copy behind.
        let mut clear = Zeroizing::new(Vec::with_capacity(66 + name.len() + share.len()));
        clear.push(flags);
        clear.extend_from_slice(seed.expose());
        clear.extend_from_slice(receiving.expose_seed());
        clear.push(name.len() as u8);
        clear.extend_from_slice(name);
        clear.extend_from_slice(share);
        clear
    }

    fn decode(clear: &[u8]) -> Option<Self> {
        let (flags, rest) = clear.split_first()?;
        let (seed, rest) = rest.split_first_chunk::<32>()?;
        let (receiving, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first()?;
        let (name, share) = rest.split_at_checked(usize::from(*length))?;
        let before = before();
        let mut whole = Zeroizing::new(Vec::with_capacity(before.len() + share.len()));
        whole.extend_from_slice(&before);
        whole.extend_from_slice(share);
        let known = flags & !EXTERNAL == 0;
        known.then_some(Self {
            external: flags & EXTERNAL != 0,
            seed: Secret::fill(|bytes| bytes.copy_from_slice(seed)),
            receiving: ReceivingKey::from_seed(receiving),
            name: Name::new(std::str::from_utf8(name).ok()?).ok()?,
            share: Share::decode(&whole).ok()?,
        })
    }
}

impl Kit {
    /// The kit on paper: its signing key, and the receiving key and the share of the newest epoch
    /// of which it holds one, sealed under its passphrase.
    ///
    /// # Errors
    /// [`KitError::WithoutPassphrase`]; [`KitError::Passphrase`] for another one than the kit's;
    /// [`KitError::NothingSeen`] and [`KitError::NoShare`] where there is no share;
    /// [`KitError::Damaged`] where the kit does not keep the ledger that it has seen.
    pub fn paper(&self, passphrase: &[u8]) -> Result<Paper, KitError> {
        self.check_protected()?;
        let seed = open_identity(&self.directory, &self.card, Some(passphrase))?;
        let head = self.head();
        let head = head.ok_or_else(|| KitError::NothingSeen { kit: self.directory.clone() })?;
        let ledger = self.kept.folded()?;
        let mut dealings = ledger.state.epochs().values().rev().map(|known| &known.dealing);
        let held = |dealing: &&Dealing| {
            dealing.seat_of(&self.card.body.signing).is_some() && self.holds_share(dealing.epoch)
        };
        let no_share = || KitError::NoShare { custodian: self.name().clone(), epoch: Epoch::FIRST };
        let dealing = dealings.find(held).ok_or_else(no_share)?;
        let seat = dealing.seat_of(&self.card.body.signing).ok_or_else(|| self.not_in_roster())?;
        let seated = Seated { head, dealing, seat };
        let (share, receiving) = (self.kept_share(&seated)?, self.receiving_key(&seated)?);
        let mut sealed = Content::encode(&seat.card, &seed, &receiving, &share);
        let protection = Protection::seal(passphrase, &associated(), &mut sealed);
        wipe_stack();
        let bytes = [&[FORM][..], &protection.compact(), &sealed].concat();
        Ok(Paper {
            lines: write_lines(&bytes),
            service: dealing.service.id().to_owned(),
            epoch: dealing.epoch,
            card: seat.card.clone(),
            works: ledger.state.working_epoch().is_ok_and(|(epoch, _)| epoch == dealing.epoch),
        })
    }

    /// Makes the kit in `directory`, which must not exist, from paper. It has the passphrase of the
    /// paper, one card, one share, and a memory that says that it comes from paper: of what was
    /// stated and seen before it knows nothing.
    ///
    /// # Errors
    /// [`KitError::Paper`] for another passphrase, or a paper that no kit prints;
    /// [`KitError::File`].
    pub fn from_paper(
        sheet: &Sheet,
        directory: &Path,
        passphrase: &[u8],
    ) -> Result<(Card, Epoch), KitError> {
        let Content { external, seed, receiving, name, share } = sheet.open(passphrase)?;
        let card = cards::of(&seed, &receiving, name, external, true);
        let key = cards::seal(&seed, &card, &receiving);
        let (service, epoch) = (share.dealing().service.clone(), share.dealing().epoch);
        let info = dealt_info(&service, epoch, &card);
        let file = ShareFile {
            format: FORMAT,
            service: service.clone(),
            epoch,
            custodian: card.body.name.clone(),
            share: SealedShare::seal(&share, &card.body.receiving, &info)?,
        };
        let signing = card.body.signing;
        let memory = paper_memory(&seed, &signing, service, epoch);
        let identity = seal_identity(&seed, &signing, Some(passphrase));
        let kit = PendingDirectory::create(directory)?;
        kit.write_new(identity::NAME, &identity, Access::Private)?;
        kit.write_new(CARD, &line(&card), Access::Shared)?;
        kit.write_new(&cards::file_name(&card.fingerprint()), &key, Access::Private)?;
        kit.write_new(&format!("share-{epoch}"), &line(&file), Access::Private)?;
        kit.write_new(memory::NAME, &memory, Access::Private)?;
        kit.commit()?;
        wipe_stack();
        Ok((card, epoch))
    }
}

/// What every share begins with: its label, its version and the suite.
fn before() -> Vec<u8> {
    [b"CStatNS/share/", &[VERSION, SUITE.len() as u8][..], SUITE.as_bytes()].concat()
}

/// The associated data of a paper's seal: a label and the suite.
fn associated() -> Vec<u8> {
    format!("CStatNS/kit-paper/1/{SUITE}").into_bytes()
}
