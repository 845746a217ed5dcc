//! The private keys of a kit as they lie on disk: under a passphrase, or in clear (SPEC §8).

use cstatns_base::meta::SUITE;
use cstatns_base::name::{Hex, secret_json};
use cstatns_base::secret::Secret;
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::protection::Protection;

use super::super::share::ReceivingKey;
use super::{Card, FORMAT};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentityFile {
    pub(super) format: u32,
    pub(super) card: Hex<32>,
    pub(super) protection: Option<Protection>,
    /// The seeds: sealed where there is a protection, in clear where there is none.
    pub(super) seeds: Zeroizing<String>,
}

pub(super) fn seal_identity(
    seeds: &Secret<64>,
    card: &Card,
    passphrase: Option<&[u8]>,
) -> Zeroizing<Vec<u8>> {
    let mut protection = None;
    let stored = Secret::<64>::fill(|stored| {
        stored.copy_from_slice(seeds.expose());
        let seal = |passphrase| Protection::seal(passphrase, &associated(card), stored);
        protection = passphrase.map(seal);
    });
    let seeds = Zeroizing::new(data_encoding::HEXLOWER.encode(stored.expose()));
    secret_json(&IdentityFile { format: FORMAT, card: card.fingerprint(), protection, seeds }, 4096)
}

/// The associated data of a kit's seal: a label, the suite and the card's fingerprint.
pub(super) fn associated(card: &Card) -> Vec<u8> {
    format!("CStatNS/kit/2/{SUITE}/{}", card.fingerprint()).into_bytes()
}

pub(super) fn signing_key(seeds: &Secret<64>) -> SigningKey {
    let seed = seeds.expose().first_chunk().expect("64 bytes hold 32");
    SigningKey::from_bytes(seed)
}

pub(super) fn receiving_key(seeds: &Secret<64>) -> ReceivingKey {
    ReceivingKey::from_seed(seeds.expose().last_chunk().expect("64 bytes hold 32"))
}
