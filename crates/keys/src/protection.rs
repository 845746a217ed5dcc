//! What a passphrase protects: the parameters of its key, and the cipher under that (SPEC §8).

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use cstatns_base::name::Hex;
use cstatns_base::secret::{Secret, random_bytes, wipe_stack};
use serde::{Deserialize, Serialize};

/// Argon2id's memory, in KiB (64 MiB), its passes and its lanes: the second recommendation of RFC
/// 9106, with one lane.
const ARGON2: (u32, u32, u32) = (65_536, 3, 1);

/// How a secret is sealed under a passphrase; the sealed bytes stand beside it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protection {
    argon2id_memory_kib: u32,
    argon2id_passes: u32,
    argon2id_lanes: u32,
    salt: Hex<16>,
    nonce: Hex<24>,
    tag: Hex<16>,
}

/// Why a passphrase does not open what is sealed.
pub enum Closed {
    /// The parameters are not possible, or ask for more than 1 GiB: the file is damaged.
    Parameters,
    /// It is another one, or the file is damaged.
    Passphrase,
}

impl Protection {
    /// Seals a secret in place, under a fresh salt and nonce.
    ///
    /// # Panics
    /// When there is no memory for the key.
    pub fn seal(passphrase: &[u8], associated: &[u8], secret: &mut [u8]) -> Self {
        let mut protection = Self::new();
        let cipher = protection.cipher(passphrase).expect("the built-in parameters are possible");
        let nonce = XNonce::from(protection.nonce.0);
        let tag = cipher.encrypt_inout_detached(&nonce, associated, secret.into());
        protection.tag = Hex(tag.expect("a secret can be sealed").into());
        protection
    }

    /// Opens what was sealed, in place.
    ///
    /// # Errors
    /// [`Closed`]; what is in `sealed` is not the secret then.
    pub fn open(
        &self,
        passphrase: &[u8],
        associated: &[u8],
        sealed: &mut [u8],
    ) -> Result<(), Closed> {
        let cipher = self.cipher(passphrase).ok_or(Closed::Parameters)?;
        let (nonce, tag) = (XNonce::from(self.nonce.0), Tag::from(self.tag.0));
        cipher
            .decrypt_inout_detached(&nonce, associated, sealed.into(), &tag)
            .map_err(|_| Closed::Passphrase)
    }

    /// Salt, nonce and tag, where the parameters go without saying.
    pub fn compact(&self) -> [u8; 56] {
        let mut compact = [0; 56];
        compact[..16].copy_from_slice(&self.salt.0);
        compact[16..40].copy_from_slice(&self.nonce.0);
        compact[40..].copy_from_slice(&self.tag.0);
        compact
    }

    /// What [`Protection::compact`] is of: the parameters are the built-in ones.
    pub fn from_compact(compact: &[u8; 56]) -> Self {
        let mut protection = Self::new();
        protection.salt.0.copy_from_slice(&compact[..16]);
        protection.nonce.0.copy_from_slice(&compact[16..40]);
        protection.tag.0.copy_from_slice(&compact[40..]);
        protection
    }

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

    /// `None` when the parameters are not possible, or ask for more than 1 GiB: a damaged file must
    /// not exhaust the machine.
    fn cipher(&self, passphrase: &[u8]) -> Option<XChaCha20Poly1305> {
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
