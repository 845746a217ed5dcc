//! The tree over the ledger's lines, its proofs, and the signed statement of its size and root.
//!
//! - The tree is RFC 6962's (section 2.1), with SHA-256: leaf `SHA-256(0x00 ‖ line)`, node
//!   `SHA-256(0x01 ‖ left ‖ right)`.
//! - Proofs are checked by the algorithms of RFC 9162 (sections 2.1.3.2 and 2.1.4.2), whose steps
//!   are quoted in the code.
//! - A [`Checkpoint`] is the text of a [`Note`]: `c2sp.org/tlog-checkpoint` and
//!   `c2sp.org/signed-note`, Ed25519 signatures (type `0x01`) only.
//! - A [`Cosignature`] is `c2sp.org/tlog-cosignature`'s `cosignature/v1`; in a note, that of a
//!   witness is known by its [`WitnessKey`].
//!
//! The crate `ct-merkle` has such a tree, but it takes leaves and never leaf hashes, and keeps all
//! of them: an auditor who holds leaf hashes could not check a proof with it, nor the service add a
//! line without reading the whole ledger again.

mod cosignature;
mod note;
mod subtrees;
mod tree;
mod witness;

use cstatns_base::name::{Hex, whole_number};
use data_encoding::BASE64;
use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use note::check_name;

pub use cosignature::{Cosignature, cosigner};
pub use note::{Note, NoteError, NoteSignature, VerifierKey};
pub(crate) use subtrees::Subtrees;
pub use tree::{
    Hash, ProofError, Tree, empty_root, leaf_hash, prove_consistency, prove_inclusion, root_of,
    verify_consistency, verify_inclusion,
};
pub use witness::WitnessKey;

/// Reads base64 in its one spelling. The decoder alone also takes texts that were padded one by one
/// and put together, so that the same bytes would have several.
fn base64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.as_bytes()).ok().filter(|bytes| BASE64.encode(bytes) == text)
}

/// The size and the root of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// How many lines.
    #[serde(deserialize_with = "whole_number")]
    pub size: u64,
    /// The root of the RFC 6962 tree over them.
    pub root: Hex<32>,
}

impl Head {
    /// This head as a checkpoint of `service`'s ledger.
    pub fn checkpoint(&self, service: &str) -> Checkpoint {
        Checkpoint::new(&origin(service), self.size, self.root).expect("an origin is one line")
    }
}

/// The origin line of a service's checkpoints, and the name of the key that signs them.
pub fn origin(service: &str) -> String {
    format!("cstatns/{service}")
}

/// Why a text is not a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// `checkpoint-malformed`: not exactly the three lines of a checkpoint.
    #[error("this is not a checkpoint (origin, size and root on three lines)")]
    Malformed,
    /// `checkpoint-bad-origin`: empty, or with a space, a plus sign or a control character.
    #[error(
        "a checkpoint's origin must not be empty nor contain spaces, plus signs or control \
        characters"
    )]
    BadOrigin,
}

cstatns_base::coded!(CheckpointError {
    Self::Malformed => ("checkpoint-malformed", Input, []),
    Self::BadOrigin => ("checkpoint-bad-origin", Input, []),
});

/// What a ledger is at one moment: whose, how many lines, and the root over them (tlog-checkpoint,
/// without extension lines). The origin is also a valid signer's name, which the standard only
/// recommends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
}

impl Checkpoint {
    /// The statement that the log `origin` has `size` leaves under `root`.
    ///
    /// # Errors
    /// `checkpoint-bad-origin`.
    pub fn new(origin: &str, size: u64, root: Hash) -> Result<Self, CheckpointError> {
        check_name(origin).map_err(|_| CheckpointError::BadOrigin)?;
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// Reads the text of a note: exactly what [`Checkpoint::text`] writes, for some origin, size
    /// and root.
    ///
    /// # Errors
    /// `checkpoint-malformed`, `checkpoint-bad-origin`.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root), Some(""), None) =
            (lines.next(), lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Malformed);
        };
        let number: u64 = size.parse().map_err(|_| CheckpointError::Malformed)?;
        // Canonical decimal: no sign, no leading zero.
        if number.to_string() != size {
            return Err(CheckpointError::Malformed);
        }
        let root = base64(root).ok_or(CheckpointError::Malformed)?;
        let root = root.try_into().map_err(|_| CheckpointError::Malformed)?;
        Self::new(origin, number, Hex(root))
    }

    /// The three lines, which are the text of a note to sign.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(&self.root.0))
    }

    /// Whose ledger: the service id.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many lines it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over them.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.root
    }
}
/// A head as its service signs it: a signed note.
pub fn sign_head(head: &Head, service: &str, key: &SigningKey) -> String {
    let text = head.checkpoint(service).text();
    let signature = NoteSignature::sign(&text, &origin(service), key);
    let note = signature.and_then(|signature| Note::new(&text, signature));
    note.expect("a checkpoint is the text of a note").to_string()
}

/// The head in a signed note, if it is a checkpoint of this service and signed with this key.
pub fn read_note(note: &[u8], service: &str, signing: &Hex<32>) -> Option<Head> {
    let note = Note::parse(note).ok()?;
    let checkpoint = Checkpoint::parse(note.text()).ok()?;
    if checkpoint.origin() != origin(service) {
        return None;
    }
    let key = VerifyingKey::from_bytes(&signing.0).ok()?;
    let key = VerifierKey::new(&origin(service), key).ok()?;
    note.verify(&[key]).ok()?;
    Some(Head { size: checkpoint.size(), root: checkpoint.root() })
}
