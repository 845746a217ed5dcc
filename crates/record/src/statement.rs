//! What is stated and signed: a body, a label that keeps its signature from being taken for one on
//! another kind of statement, and the signature (SPEC §8).

use cstatns_base::name::{Hex, canonical_json};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

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

    fn message(body: &T) -> Vec<u8> {
        let mut message = T::LABEL.as_bytes().to_vec();
        message.extend(canonical_json(body));
        message
    }
}

/// Strict Ed25519 verification of `signature` over `message`.
pub fn verify(key: &Hex<32>, message: &[u8], signature: &Hex<64>) -> bool {
    VerifyingKey::from_bytes(&key.0)
        .is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(&signature.0)).is_ok())
}
