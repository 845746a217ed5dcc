//! The private keys of a kit as they lie on disk: under a passphrase, or in clear (SPEC §8).

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use cstatns_base::meta::SUITE;
use cstatns_base::name::{Hex, secret_json};
use cstatns_base::secret::{Secret, random_bytes, wipe_stack};
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::super::share::ReceivingKey;
use super::{Card, FORMAT};

/// Argon2id's memory, in KiB (64 MiB), its passes and its lanes: the second recommendation of RFC
/// 9106, with one lane.
const ARGON2: (u32, u32, u32) = (65_536, 3, 1);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentityFile {
    pub(super) format: u32,
    pub(super) card: Hex<32>,
    pub(super) protection: Option<Protection>,
    /// The seeds: sealed where there is a protection, in clear where there is none.
    pub(super) seeds: Zeroizing<String>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Protection {
    pub(super) argon2id_memory_kib: u32,
    pub(super) argon2id_passes: u32,
    pub(super) argon2id_lanes: u32,
    pub(super) salt: Hex<16>,
    pub(super) nonce: Hex<24>,
    pub(super) tag: Hex<16>,
}

impl Protection {
    pub(super) fn new() -> Self {
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

    /// `None` when the parameters are not possible, or ask for more than 1 GiB: a damaged file must
    /// not exhaust the machine.
    pub(super) fn cipher(&self, passphrase: &[u8]) -> Option<XChaCha20Poly1305> {
        if self.argon2id_memory_kib > 1 << 20 || self.argon2id_passes > 64 {
            return None;
        }
        let (memory, passes) = (self.argon2id_memory_kib, self.argon2id_passes);
        let params = Params::new(memory, passes, self.argon2id_lanes, Some(32)).ok()?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let key =
            Secret::<32>::try_fill(|key| argon2.hash_password_into(passphrase, &self.salt.0, key));
        let cipher = XChaCha20Poly1305::new(key.ok()?.expose().into());
        wipe_stack();
        Some(cipher)
    }
}

pub(super) fn seal_identity(
    seeds: &Secret<64>,
    card: &Card,
    passphrase: Option<&[u8]>,
) -> Zeroizing<Vec<u8>> {
    let mut protection = passphrase.map(|_| Protection::new());
    let stored = Secret::<64>::fill(|stored| {
        stored.copy_from_slice(seeds.expose());
        if let (Some(protection), Some(passphrase)) = (&mut protection, passphrase) {
            let cipher =
                protection.cipher(passphrase).expect("the built-in parameters are possible");
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
