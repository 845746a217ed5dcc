//! Shares sealed to a card or to a run with HPKE (RFC 9180; SPEC §7): a share in clear is never
//! written.

use std::fmt;

use cstatns_base::meta::SUITE;
use cstatns_base::name::{Hex, Name};
use cstatns_base::secret::{Secret, wipe_stack};
use cstatns_record::card::Card;
use cstatns_record::dealing::Epoch;
use data_encoding::HEXLOWER;
use getrandom::SysRng;
use hkdf::Hkdf;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_core::UnwrapErr;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::sharing::{Share, SharingError};

/// The length of an X-Wing ciphertext, in bytes.
const ENCAPSULATED: usize = 1120;

/// A share sealed to one receiver: the X-Wing ciphertext (1120 bytes), then the ChaCha20-Poly1305
/// ciphertext. HPKE's suite is KEM 0x647a (X-Wing), KDF 0x0001 (HKDF-SHA-256), AEAD 0x0003
/// (ChaCha20-Poly1305), base mode.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedShare(Vec<u8>);

impl SealedShare {
    /// Seals `share` to `receiver` under `info`.
    ///
    /// # Errors
    /// [`SealError`] when `receiver` is not an X-Wing key.
    pub fn seal(share: &Share, receiver: &Hex<1216>, info: &[u8]) -> Result<Self, SealError> {
        let key = <XWing as Kem>::PublicKey::from_bytes(&receiver.0).map_err(|_| SealError)?;
        let (encapsulated, ciphertext) =
            hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, XWing>(
                &OpModeS::Base,
                &key,
                info,
                &share.encode(),
                b"",
                &mut UnwrapErr(SysRng),
            )
            .map_err(|_| SealError)?;
        let mut sealed = encapsulated.to_bytes().to_vec();
        sealed.extend(ciphertext);
        wipe_stack();
        Ok(Self(sealed))
    }

    /// Opens it with the receiver's key and the same `info`.
    ///
    /// # Errors
    /// [`SharingError::Unopened`] when it was sealed to another key or for another use, or is
    /// damaged.
    pub fn open(&self, receiver: &ReceivingKey, info: &[u8]) -> Result<Share, SharingError> {
        let (encapsulated, ciphertext) =
            self.0.split_at_checked(ENCAPSULATED).ok_or(SharingError::Unopened)?;
        let encapsulated = <XWing as Kem>::EncappedKey::from_bytes(encapsulated)
            .map_err(|_| SharingError::Unopened)?;
        let key = <XWing as Kem>::PrivateKey::from_bytes(receiver.0.expose())
            .map_err(|_| SharingError::Unopened)?;
        let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeR::Base,
            &key,
            &encapsulated,
            info,
            ciphertext,
            b"",
        );
        let opened = opened.map(Zeroizing::new).map_err(|_| SharingError::Unopened);
        let share = opened.and_then(|bytes| Share::decode(&bytes));
        drop(key);
        wipe_stack();
        share
    }

    /// SHA-256("CStatNS/sealed-share/" ‖ the sealed bytes): what an approval signs and the ledger
    /// keeps.
    pub fn digest(&self) -> Hex<32> {
        let mut hash = Sha256::new();
        hash.update(b"CStatNS/sealed-share/");
        hash.update(&self.0);
        Hex(hash.finalize().into())
    }
}

impl fmt::Debug for SealedShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedShare({} bytes)", self.0.len())
    }
}

impl Serialize for SealedShare {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&HEXLOWER.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for SealedShare {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        HEXLOWER.decode(text.as_bytes()).map(Self).map_err(de::Error::custom)
    }
}

/// The private X-Wing key of a kit or of a run: the 32-byte seed. It is neither printed nor copied:
///
/// ```compile_fail,E0277
/// println!("{:?}", cstatns::custody::share::ReceivingKey::random());
/// ```
/// ```compile_fail,E0599
/// let copy = cstatns::custody::share::ReceivingKey::random().clone();
/// ```
pub struct ReceivingKey(Secret<32>);

impl ReceivingKey {
    /// A new one.
    pub fn random() -> Self {
        Self(Secret::random())
    }

    /// From the seed that a kit keeps.
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Secret::fill(|bytes| bytes.copy_from_slice(seed)))
    }

    /// The seed, for the kit that keeps it.
    pub(crate) fn seed(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// Its public key.
    pub fn public(&self) -> Hex<1216> {
        let key =
            <XWing as Kem>::PrivateKey::from_bytes(self.0.expose()).expect("a seed is 32 bytes");
        let mut public = Hex([0; 1216]);
        XWing::sk_to_pk(&key).write_exact(&mut public.0);
        drop(key);
        wipe_stack();
        public
    }
}

/// The file in which a dealt share travels to its custodian.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShareFile {
    /// Format version.
    pub format: u32,
    /// The service's id.
    pub service: String,
    /// The epoch.
    pub epoch: Epoch,
    /// The custodian it is for.
    pub custodian: Name,
    /// The share, sealed to the custodian's card.
    pub share: SealedShare,
}

/// The HPKE info of a dealt share: "CStatNS/share/2/" ‖ suite ‖ "/" ‖ service id ‖ "/" ‖ decimal
/// epoch ‖ "/" ‖ fingerprint of the card in hexadecimal.
pub fn dealt_info(service: &str, epoch: Epoch, card: &Card) -> Vec<u8> {
    format!("CStatNS/share/2/{SUITE}/{service}/{epoch}/{}", card.fingerprint()).into_bytes()
}

/// The receiving key of a dealing: its seed is HKDF-SHA-256 without salt of the root secret, info
/// "CStatNS/request-root/2/" ‖ suite ‖ "/" ‖ service id ‖ "/" ‖ decimal epoch (SPEC §7).
pub fn dealing_key(root: &Secret<32>, service: &str, epoch: Epoch) -> ReceivingKey {
    let info = format!("CStatNS/request-root/2/{SUITE}/{service}/{epoch}");
    let seed = Secret::fill(|seed| {
        Hkdf::<Sha256>::new(None, root.expose())
            .expand(info.as_bytes(), seed)
            .expect("32 bytes are fewer than 255 digests");
    });
    wipe_stack();
    ReceivingKey(seed)
}

/// The receiver's key is not an X-Wing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a receiving key is not an X-Wing public key (the card was altered)")]
pub struct SealError;

cstatns_base::coded!(SealError {
    Self => ("receiving-key", OtherSide, []),
});
