//! Shares sealed to a card or to a run with HPKE (RFC 9180; SPEC §7): a share in clear is never
//! written.

use std::fmt;

use cstatns_base::meta::SUITE;
use cstatns_base::name::{Hex, Name};
use cstatns_base::secret::{Secret, wipe_stack};
use cstatns_keys::receiving::Recipient;
use cstatns_record::card::Card;
use cstatns_record::dealing::Epoch;
use data_encoding::HEXLOWER;
use hkdf::Hkdf;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

use crate::sharing::{Share, SharingError};

pub use cstatns_keys::receiving::{ReceivingKey, SealError};

/// A share sealed to one receiver, as [`Recipient::seal`] does it.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedShare(Vec<u8>);

impl SealedShare {
    /// Seals `share` to `receiver` under `info`.
    ///
    /// # Errors
    /// [`SealError`] when `receiver` is not an X-Wing key.
    pub fn seal(share: &Share, receiver: &Hex<1216>, info: &[u8]) -> Result<Self, SealError> {
        Ok(Self(Recipient::new(receiver)?.seal(info, &share.encode())))
    }

    /// Opens it with the receiver's key and the same `info`.
    ///
    /// # Errors
    /// [`SharingError::Unopened`] when it was sealed to another key or for another use, or is
    /// damaged.
    pub fn open(&self, receiver: &ReceivingKey, info: &[u8]) -> Result<Share, SharingError> {
        let opened = receiver.open(&self.0, info).ok_or(SharingError::Unopened);
        let share = opened.and_then(|bytes| Share::decode(&bytes));
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
    ReceivingKey::from_seed(seed.expose())
}
