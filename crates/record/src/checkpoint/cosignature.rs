//! Somebody else's dated signature on a checkpoint (`c2sp.org/tlog-cosignature`,
//! `cosignature/v1`).

use cstatns_base::code::BASE32;
use cstatns_base::name::{Hex, whole_second};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::statement::Proved;

use super::note::{NoteSignature, key_id};
use super::{Head, origin};

/// The signature type of a dated cosignature by Ed25519 in key ids.
pub(super) const COSIGNATURE: u8 = 4;

/// A custodian's signature on a checkpoint, with its date. The date is the only one of what it
/// stands in: of a consent, a receipt or a doubt.
///
/// Signed is `cosignature/v1`, a line feed, `time `, the seconds since 1970 in decimal, a line
/// feed, and the text of the checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cosignature {
    /// Size and root of the checkpoint.
    pub head: Head,
    /// When it was signed, in whole seconds, by the clock of the one who signed.
    #[serde(deserialize_with = "whole_second")]
    pub time: Timestamp,
    /// The Ed25519 signature.
    pub signature: Hex<64>,
}

impl Cosignature {
    /// Signs the checkpoint of `service`'s ledger at `head`; the date loses its fraction of a
    /// second.
    pub fn sign(service: &str, head: Head, time: Timestamp, key: &SigningKey) -> Self {
        let time = Timestamp::from_second(time.as_second()).unwrap_or(Timestamp::UNIX_EPOCH);
        let message = message(service, &head, time);
        Self { head, time, signature: Hex(key.sign(message.as_bytes()).to_bytes()) }
    }

    /// Whether `signer` signed this checkpoint of `service`'s ledger at this date.
    pub fn is_by(&self, service: &str, signer: &Hex<32>) -> bool {
        self.is_known_by(service, signer, &Proved::default())
    }

    /// The same where `proved` may know it already.
    pub(crate) fn is_known_by(&self, service: &str, signer: &Hex<32>, proved: &Proved) -> bool {
        let message = || message(service, &self.head, self.time);
        self.time.subsec_nanosecond() == 0
            && self.time.as_second() >= 0
            && proved.verify(signer, message().as_bytes(), &self.signature)
    }

    /// Verifies it for those who ask later.
    pub(crate) fn prove(&self, service: &str, signer: &VerifyingKey, proved: &mut Proved) {
        let message = message(service, &self.head, self.time);
        proved.prove(signer, message.as_bytes(), &self.signature);
    }

    /// The line of a signed note that this cosignature is; its key goes by [`cosigner`].
    pub fn line(&self, service: &str, signer: &Hex<32>) -> NoteSignature {
        let mut blob = self.time.as_second().to_be_bytes().to_vec();
        blob.extend(self.signature.0);
        let name = cosigner(service, signer);
        let id = key_id(&name, COSIGNATURE, &signer.0);
        NoteSignature::of_parts(name, id, blob)
    }
}

/// The name of a custodian's key in notes: `cstatns/<service id>/<first 26 characters of the base32
/// of the signing key's SHA-256>`.
pub fn cosigner(service: &str, signer: &Hex<32>) -> String {
    let text = BASE32.encode(&Sha256::digest(signer.0));
    format!("{}/{}", origin(service), &text[..26])
}

fn message(service: &str, head: &Head, time: Timestamp) -> String {
    signed_text(time.as_second(), &head.checkpoint(service).text())
}

/// What is signed of the checkpoint with this text, at this date.
pub(super) fn signed_text(seconds: i64, checkpoint: &str) -> String {
    format!("cosignature/v1\ntime {seconds}\n{checkpoint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cosignature_is_of_one_service_head_date_and_key() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let signer = Hex(key.verifying_key().to_bytes());
        let head = Head { size: 3, root: Hex([5; 32]) };
        let time = Timestamp::from_millisecond(1_800_000_000_900).unwrap();
        let good = Cosignature::sign("office", head, time, &key);
        assert_eq!(good.time.as_second(), 1_800_000_000);
        assert!(good.is_by("office", &signer));
        let other = SigningKey::from_bytes(&[8; 32]);
        assert!(!good.is_by("officer", &signer));
        assert!(!good.is_by("office", &Hex(other.verifying_key().to_bytes())));
        let later = Timestamp::from_second(1_800_000_001).unwrap();
        assert!(!Cosignature { time: later, ..good }.is_by("office", &signer));
        assert!(!Cosignature { time, ..good }.is_by("office", &signer), "a fraction of a second");
        let shorter = Head { size: 2, ..head };
        assert!(!Cosignature { head: shorter, ..good }.is_by("office", &signer));
    }
}
