//! What is stated and signed: a body, a label that keeps its signature from being taken for one on
//! another kind of statement, and the signature (SPEC §8).

use cstatns_base::name::{Hex, canonical_json};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The version of the formats of this room.
pub const FORMAT: u32 = 2;

/// The functions that a service's codes and statements are made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Suite {
    /// Codes by HMAC-SHA-256 under keys that a quorum opens (SPEC §4).
    #[default]
    #[serde(rename = "CStatNS-HMAC-SHA-256")]
    HmacSha256,
}

/// Something that is signed: its label keeps a signature from being taken for one on another kind
/// of statement.
pub trait Statement: Serialize {
    /// What the signed bytes begin with.
    const LABEL: &'static str;
}

/// A statement with the Ed25519 signature over its label and its canonical JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed<T> {
    /// What is stated.
    pub body: T,
    /// Ed25519 over label ‖ canonical JSON of the body.
    pub signature: Hex<64>,
}

impl<T: Statement> Signed<T> {
    /// Signs `body`.
    pub fn new(body: T, key: &SigningKey) -> Self {
        let signature = Hex(key.sign(&Self::message(&body)).to_bytes());
        Self { body, signature }
    }

    /// Whether `key` signed this.
    pub fn is_by(&self, key: &Hex<32>) -> bool {
        verify(key, &Self::message(&self.body), &self.signature)
    }

    /// The same where `proved` may know it already.
    pub(crate) fn is_known_by(&self, key: &Hex<32>, proved: &Proved) -> bool {
        proved.verify(key, &Self::message(&self.body), &self.signature)
    }

    /// Verifies it for those who ask later.
    pub(crate) fn prove(&self, key: &VerifyingKey, proved: &mut Proved) {
        proved.prove(key, &Self::message(&self.body), &self.signature);
    }

    fn message(body: &T) -> Vec<u8> {
        let mut message = T::LABEL.as_bytes().to_vec();
        message.extend(canonical_json(body));
        message
    }
}

/// Strict Ed25519 verification of `signature` over `message`.
pub fn verify(key: &Hex<32>, message: &[u8], signature: &Hex<64>) -> bool {
    VerifyingKey::from_bytes(&key.0).is_ok_and(|key| holds(&key, message, signature))
}

fn holds(key: &VerifyingKey, message: &[u8], signature: &Hex<64>) -> bool {
    key.verify_strict(message, &Signature::from_bytes(&signature.0)).is_ok()
}

/// Signatures that were verified before it is asked for them, and held: so that several threads
/// verify what one judges by. It knows key, message and signature together, by a digest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proved(Vec<[u8; 32]>);

impl Proved {
    /// As [`verify`].
    pub(crate) fn verify(&self, key: &Hex<32>, message: &[u8], signature: &Hex<64>) -> bool {
        let known = !self.0.is_empty() && self.0.contains(&triple(key, message, signature));
        known || verify(key, message, signature)
    }

    /// Verifies a signature, and keeps it if it holds.
    pub(crate) fn prove(&mut self, key: &VerifyingKey, message: &[u8], signature: &Hex<64>) {
        if holds(key, message, signature) {
            self.0.push(triple(&Hex(key.to_bytes()), message, signature));
        }
    }
}

/// Key and signature have one length each, so that no two triples have one spelling.
fn triple(key: &Hex<32>, message: &[u8], signature: &Hex<64>) -> [u8; 32] {
    Sha256::new_with_prefix(key.0).chain_update(signature.0).chain_update(message).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_proved_is_of_one_key_message_and_signature() {
        let (key, other) = (SigningKey::from_bytes(&[7; 32]), SigningKey::from_bytes(&[8; 32]));
        let signer = Hex(key.verifying_key().to_bytes());
        let signature = Hex(key.sign(b"message").to_bytes());
        let mut proved = Proved::default();
        proved.prove(&key.verifying_key(), b"another", &signature);
        proved.prove(&other.verifying_key(), b"message", &signature);
        assert_eq!(proved, Proved::default(), "only what holds is kept");
        proved.prove(&key.verifying_key(), b"message", &signature);
        assert_ne!(proved, Proved::default());
        for proved in [proved.clone(), Proved::default()] {
            assert!(proved.verify(&signer, b"message", &signature));
            assert!(!proved.verify(&signer, b"another", &signature));
            assert!(!proved.verify(&Hex(other.verifying_key().to_bytes()), b"message", &signature));
            assert!(!proved.verify(&signer, b"message", &Hex(other.sign(b"message").to_bytes())));
        }
        // It is believed, and not verified again.
        let believed = Proved(vec![triple(&signer, b"another", &signature)]);
        assert!(believed.verify(&signer, b"another", &signature));
    }
}
