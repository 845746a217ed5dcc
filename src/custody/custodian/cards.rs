//! The cards of a kit. Each card has a receiving key, which lies with it in a file of its own, so
//! that it can be destroyed alone (SPEC §8).

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use cstatns_base::files::{self, Access};
use cstatns_base::meta::SUITE;
use cstatns_base::name::{Hex, Name};
use cstatns_base::secret::{Secret, random_bytes, wipe_stack};
use cstatns_record::card::{Card, CardBody, spoken};
use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::custody::share::ReceivingKey;

use super::identity::signing_key;
use super::{FORMAT, Kit, KitError, Seated, damaged, line, read_if_present};

/// A card with its receiving key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CardFile {
    format: u32,
    card: Card,
    nonce: Hex<24>,
    /// The seed of the receiving key, sealed, and the tag.
    sealed: Hex<48>,
}

/// The name of the file that holds a card and its receiving key: by the first two words of the
/// card, which rosters show.
pub(super) fn file_name(card: &Hex<32>) -> String {
    let words = spoken(card);
    let two: Vec<&str> = words.split('-').take(2).collect();
    format!("card-{}.key", two.join("-"))
}

/// Draws a receiving key, and makes the card of the custodian with this signing seed that has it.
/// Gives the bytes of its file too.
pub(super) fn draw(
    seed: &Secret<32>,
    name: Name,
    external: bool,
    protected: bool,
) -> (Card, Vec<u8>) {
    let receiving = ReceivingKey::random();
    let card = of(seed, &receiving, name, external, protected);
    let file = seal(seed, &card, &receiving);
    (card, file)
}

/// The card of the custodian with this signing seed that has this receiving key.
pub(super) fn of(
    seed: &Secret<32>,
    receiving: &ReceivingKey,
    name: Name,
    external: bool,
    protected: bool,
) -> Card {
    let signing = signing_key(seed);
    let body = CardBody {
        format: FORMAT,
        name,
        external,
        protected,
        signing: Hex(signing.verifying_key().to_bytes()),
        receiving: receiving.public(),
    };
    let card = Card::new(body, &signing);
    drop(signing);
    wipe_stack();
    card
}

/// The bytes of the file of a card.
pub(super) fn seal(seed: &Secret<32>, card: &Card, receiving: &ReceivingKey) -> Vec<u8> {
    let mut nonce = [0; 24];
    random_bytes(&mut nonce);
    let label = label(&card.fingerprint());
    let sealed = Secret::<48>::fill(|sealed| {
        let (text, tag) = sealed.split_at_mut(32);
        text.copy_from_slice(receiving.expose_seed());
        let (cipher, nonce) = (cipher(seed, &label), XNonce::from(nonce));
        let sealing = cipher.encrypt_inout_detached(&nonce, &label, text.into());
        tag.copy_from_slice(&sealing.expect("a seed can be sealed"));
    });
    wipe_stack();
    let (nonce, sealed) = (Hex(nonce), Hex(*sealed.expose()));
    line(&CardFile { format: FORMAT, card: card.clone(), nonce, sealed })
}

/// The key under which receiving keys lie: HKDF-SHA-256 without salt of the signing seed, its info
/// the label.
fn cipher(seed: &Secret<32>, label: &[u8]) -> XChaCha20Poly1305 {
    let key = Secret::<32>::fill(|key| {
        let derived = Hkdf::<Sha256>::new(None, seed.expose());
        derived.expand(label, key).expect("32 bytes can be derived");
    });
    let cipher = XChaCha20Poly1305::new(key.expose().into());
    wipe_stack();
    cipher
}

fn label(card: &Hex<32>) -> Vec<u8> {
    format!("CStatNS/kit-receiving/2/{SUITE}/{card}").into_bytes()
}

impl Kit {
    /// Draws another receiving key, and makes the card that has it the newest one of the kit. The
    /// former cards stay, each with its receiving key. Stopped at any point, the kit opens, with
    /// the one card or the other.
    ///
    /// # Errors
    /// [`KitError::ReadOnly`]; [`KitError::File`].
    pub fn draw_card(&mut self) -> Result<&Card, KitError> {
        self.sweep();
        let CardBody { name, external, protected, .. } = self.card.body.clone();
        let (card, file) = draw(&self.seed, name, external, protected);
        let path = self.directory.join(file_name(&card.fingerprint()));
        // The key is there before anybody can have the card.
        files::write_new(&path, &file, Access::Private)
            .and_then(|()| {
                let path = self.directory.join(super::CARD);
                files::replace(&path, &line(&card), Access::Shared)
            })
            .map_err(|error| self.kept.unwritten(error))?;
        self.card = card;
        Ok(&self.card)
    }

    /// Whether it has the receiving key of the card with this fingerprint.
    pub fn holds_card(&self, card: &Hex<32>) -> bool {
        self.directory.join(file_name(card)).exists()
    }

    /// The receiving key of the card with which the custodian sits in a dealing.
    ///
    /// # Errors
    /// [`KitError::Forgotten`]; [`KitError::CardNotHeld`]; [`KitError::Damaged`].
    pub(super) fn receiving_key(&self, seated: &Seated<'_>) -> Result<ReceivingKey, KitError> {
        let (custodian, epoch) = (self.name().clone(), seated.dealing.epoch);
        if self.has_forgotten(epoch) {
            return Err(KitError::Forgotten { custodian, epoch });
        }
        let card = &seated.seat.card;
        let label = label(&card.fingerprint());
        let name = file_name(&card.fingerprint());
        let file: Option<CardFile> = read_if_present(&self.directory, &name)?;
        let file = file.ok_or(KitError::CardNotHeld { custodian, epoch })?;
        let is_damaged = || damaged(&self.directory, &name);
        if file.format != FORMAT || file.card != *card {
            return Err(is_damaged());
        }
        let seed = Secret::<32>::try_fill(|text| {
            let (sealed, tag) = file.sealed.0.split_at(32);
            text.copy_from_slice(sealed);
            let tag = Tag::try_from(tag).expect("16 bytes are left");
            let (cipher, nonce) = (cipher(&self.seed, &label), XNonce::from(file.nonce.0));
            cipher.decrypt_inout_detached(&nonce, &label, (&mut text[..]).into(), &tag)
        });
        wipe_stack();
        let key = ReceivingKey::from_seed(seed.map_err(|_| is_damaged())?.expose());
        if key.public() == card.body.receiving { Ok(key) } else { Err(is_damaged()) }
    }
}
