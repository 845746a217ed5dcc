//! Receiving keys: X-Wing, a hybrid of ML-KEM-768 and X25519, with HPKE (RFC 9180; SPEC §7).

use cstatns_base::name::Hex;
use cstatns_base::secret::{Secret, wipe_stack};
use getrandom::SysRng;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_core::UnwrapErr;
use zeroize::Zeroizing;

/// The length of an X-Wing ciphertext, in bytes: what a sealed message begins with.
pub const ENCAPSULATED: usize = 1120;

/// A public X-Wing key, which one can seal to.
pub struct Recipient(<XWing as Kem>::PublicKey);

impl Recipient {
    /// The recipient with this public key.
    ///
    /// # Errors
    /// [`SealError`] when it is not an X-Wing key.
    pub fn new(key: &Hex<1216>) -> Result<Self, SealError> {
        let key = <XWing as Kem>::PublicKey::from_bytes(&key.0).map_err(|_| SealError)?;
        let recipient = Self(key);
        // Some keys have the form of one, and nothing can be sealed to them.
        recipient.try_seal(b"", b"").map(|_| recipient)
    }

    /// Seals `message` under `info`: the X-Wing ciphertext ([`ENCAPSULATED`] bytes), then the
    /// ChaCha20-Poly1305 ciphertext. HPKE's suite is KEM 0x647a (X-Wing), KDF 0x0001
    /// (HKDF-SHA-256), AEAD 0x0003 (ChaCha20-Poly1305), base mode, no associated data.
    ///
    /// # Panics
    /// Never: it was tried when the recipient was made.
    pub fn seal(&self, info: &[u8], message: &[u8]) -> Vec<u8> {
        self.try_seal(info, message).expect("one can seal to it: that was tried")
    }

    fn try_seal(&self, info: &[u8], message: &[u8]) -> Result<Vec<u8>, SealError> {
        let (encapsulated, ciphertext) =
            hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, XWing>(
                &OpModeS::Base,
                &self.0,
                info,
                message,
                b"",
                &mut UnwrapErr(SysRng),
            )
            .map_err(|_| SealError)?;
        let mut sealed = encapsulated.to_bytes().to_vec();
        sealed.extend(ciphertext);
        wipe_stack();
        Ok(sealed)
    }
}

/// The private X-Wing key of a kit, a run, a party or a request: the 32-byte seed. It is neither
/// printed nor copied:
///
/// ```compile_fail,E0277
/// println!("{:?}", cstatns_keys::receiving::ReceivingKey::random());
/// ```
/// ```compile_fail,E0599
/// let copy = cstatns_keys::receiving::ReceivingKey::random().clone();
/// ```
pub struct ReceivingKey(Secret<32>);

impl ReceivingKey {
    /// A new one.
    pub fn random() -> Self {
        Self(Secret::random())
    }

    /// From the seed that somebody keeps.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Secret::fill(|bytes| bytes.copy_from_slice(seed)))
    }

    /// The seed, for who keeps it. The name is to be seen at each place where it is used.
    pub fn expose_seed(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// Its public key.
    ///
    /// # Panics
    /// Never: each 32 bytes are a seed.
    pub fn public(&self) -> Hex<1216> {
        let key =
            <XWing as Kem>::PrivateKey::from_bytes(self.0.expose()).expect("a seed is 32 bytes");
        let mut public = Hex([0; 1216]);
        XWing::sk_to_pk(&key).write_exact(&mut public.0);
        drop(key);
        wipe_stack();
        public
    }

    /// Opens what was [sealed](Recipient::seal) to it under the same `info`; nothing where it was
    /// sealed to another key or for another use, or is damaged.
    pub fn open(&self, sealed: &[u8], info: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (encapsulated, ciphertext) = sealed.split_at_checked(ENCAPSULATED)?;
        let encapsulated = <XWing as Kem>::EncappedKey::from_bytes(encapsulated).ok()?;
        let key = <XWing as Kem>::PrivateKey::from_bytes(self.0.expose()).ok()?;
        let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeR::Base,
            &key,
            &encapsulated,
            info,
            ciphertext,
            b"",
        );
        let opened = opened.map(Zeroizing::new).ok();
        drop(key);
        wipe_stack();
        opened
    }
}

/// The receiver's key is not an X-Wing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a receiving key is not an X-Wing public key (the card was altered)")]
pub struct SealError;

cstatns_base::coded!(SealError {
    Self => ("receiving-key", OtherSide, []),
});
