//! Signed notes: a text, and who says so (`c2sp.org/signed-note`).

use std::fmt;

use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::base64;

/// Why a note, a key or a signature is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// `note-malformed`: not the form of a signed note.
    #[error("this is not a signed note")]
    Malformed,
    /// `note-bad-name`: empty, or with a space, a plus sign or a control character.
    #[error(
        "a signer's name must not be empty nor contain spaces, plus signs or control characters"
    )]
    BadName,
    /// `note-bad-key`: not the text form of an Ed25519 verifier key, or one that is not safe to
    /// use.
    #[error("this is not a usable Ed25519 verifier key")]
    BadKey,
    /// `note-unsigned`: no signature is by a key that was given.
    #[error("the note carries no signature by a known key")]
    Unsigned,
    /// `note-bad-signature`: a signature in the name of a known key is not by that key over this
    /// text.
    #[error("the signature of {} does not verify (the note was changed)", signer.name)]
    BadSignature {
        /// The known key.
        signer: Box<VerifierKey>,
    },
}

cstatns_base::coded!(NoteError {
    Self::Malformed => ("note-malformed", Input, []),
    Self::BadName => ("note-bad-name", Input, []),
    Self::BadKey => ("note-bad-key", Input, []),
    Self::Unsigned => ("note-unsigned", Input, []),
    Self::BadSignature { signer } => ("note-bad-signature", Tampering, []),
});

/// The signature type of Ed25519 in key ids and verifier keys.
const ED25519: u8 = 1;

/// The most signatures that a note may carry: the service and 255 custodians, twice over.
const MAX_SIGNATURES: usize = 512;

pub(super) fn check_name(name: &str) -> Result<(), NoteError> {
    let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if name.is_empty() || name.contains(bad) {
        return Err(NoteError::BadName);
    }
    Ok(())
}

/// "key ID = SHA-256(key name || 0x0A || signature type || public key)[:4]" (signed-note).
pub(super) fn key_id(name: &str, kind: u8, key: &[u8; 32]) -> [u8; 4] {
    let digest =
        Sha256::new_with_prefix(name).chain_update([b'\n', kind]).chain_update(key).finalize();
    [digest[0], digest[1], digest[2], digest[3]]
}

/// A public key under a name, as a note's verifier knows it. Its text form ("vkey") is
/// `<name>+<key id, 8 hexadecimal digits>+<base64 of 0x01 and the 32 key bytes>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

impl VerifierKey {
    /// The key of the signer with this name.
    ///
    /// # Errors
    /// `note-bad-name`; `note-bad-key` for a key of small order, under which anything verifies.
    pub fn new(name: &str, key: VerifyingKey) -> Result<Self, NoteError> {
        check_name(name)?;
        if key.is_weak() {
            return Err(NoteError::BadKey);
        }
        Ok(Self { name: name.to_owned(), id: key_id(name, ED25519, key.as_bytes()), key })
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// `note-bad-name`, `note-bad-key` (also if the id is not that of name and key).
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::BadKey);
        };
        let key = base64(key).ok_or(NoteError::BadKey)?;
        let Some((&ED25519, key)) = key.split_first() else {
            return Err(NoteError::BadKey);
        };
        let key = VerifyingKey::try_from(key).map_err(|_| NoteError::BadKey)?;
        let key = Self::new(name, key)?;
        if id != HEXLOWER.encode(&key.id) {
            return Err(NoteError::BadKey);
        }
        Ok(key)
    }

    /// The signer's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key itself.
    #[must_use]
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = [ED25519; 33];
        key[1..].copy_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, HEXLOWER.encode(&self.id), BASE64.encode(&key))
    }
}

/// One signature of a note. Its text form is the note's signature line, without the line break:
/// `— <name> <base64 of the 4 bytes of the key id and the signature>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    id: [u8; 4],
    /// 64 bytes if Ed25519; a signature of a type unknown here has its own length.
    signature: Vec<u8>,
}

impl NoteSignature {
    /// Signs a note's text.
    ///
    /// # Errors
    /// `note-bad-name`; `note-malformed` if the text cannot be that of a note.
    pub fn sign(text: &str, name: &str, key: &SigningKey) -> Result<Self, NoteError> {
        check_name(name)?;
        check_text(text)?;
        let id = key_id(name, ED25519, key.verifying_key().as_bytes());
        Ok(Self {
            name: name.to_owned(),
            id,
            signature: key.sign(text.as_bytes()).to_bytes().to_vec(),
        })
    }

    pub(super) fn of_parts(name: String, id: [u8; 4], signature: Vec<u8>) -> Self {
        Self { name, id, signature }
    }

    /// Reads a signature line, without its line break.
    ///
    /// # Errors
    /// `note-malformed`.
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        let (name, blob) = line
            .strip_prefix("— ")
            .and_then(|rest| rest.split_once(' '))
            .ok_or(NoteError::Malformed)?;
        check_name(name).map_err(|_| NoteError::Malformed)?;
        let blob = base64(blob).ok_or(NoteError::Malformed)?;
        match blob.split_first_chunk() {
            Some((id, signature)) if !signature.is_empty() => {
                Ok(Self { name: name.to_owned(), id: *id, signature: signature.to_owned() })
            }
            _ => Err(NoteError::Malformed),
        }
    }

    /// The name the signer goes by; a claim until the note is verified.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it holds, if it is in the name of the key with this name and id.
    pub(super) fn blob_of(&self, name: &str, id: [u8; 4]) -> Option<&[u8]> {
        (self.name == name && self.id == id).then_some(&self.signature)
    }

    fn is_of(&self, key: &VerifierKey) -> bool {
        self.name == key.name && self.id == key.id
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blob = [self.id.as_slice(), &self.signature].concat();
        write!(f, "— {} {}", self.name, BASE64.encode(&blob))
    }
}

/// A text signed by one or more keys (signed-note). Trust the text only after [`Note::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

fn check_text(text: &str) -> Result<(), NoteError> {
    // "MUST NOT contain any ASCII control characters (those below U+0020) other than newline."
    if !text.ends_with('\n') || text.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
        return Err(NoteError::Malformed);
    }
    Ok(())
}

impl Note {
    /// A note of this text (which ends in a line break) and its first signature.
    ///
    /// # Errors
    /// `note-malformed` if the text cannot be that of a note.
    pub fn new(text: &str, signature: NoteSignature) -> Result<Self, NoteError> {
        check_text(text)?;
        Ok(Self { text: text.to_owned(), signatures: vec![signature] })
    }

    /// Adds a signature after the others, unless it is there already.
    ///
    /// # Errors
    /// `note-malformed` beyond 512 signatures.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        if self.signatures.contains(&signature) {
            return Ok(());
        }
        if self.signatures.len() == MAX_SIGNATURES {
            return Err(NoteError::Malformed);
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// Reads a note: its text, an empty line, signature lines. Every byte counts; [`Note`]'s
    /// `Display` gives the same back.
    ///
    /// # Errors
    /// `note-malformed`.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        let whole = str::from_utf8(bytes).map_err(|_| NoteError::Malformed)?;
        check_text(whole)?;
        // "The text is separated from the signatures by the last empty line in the note."
        let (text, lines) = whole.rsplit_once("\n\n").ok_or(NoteError::Malformed)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Malformed)?;
        let signatures = lines
            .split('\n')
            .take(MAX_SIGNATURES + 1)
            .map(NoteSignature::parse)
            .collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::Malformed);
        }
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    /// The text, with its final line break.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, in order, verified or not.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Which of these keys have signed the text: at least one, each once, in the order of `keys`.
    /// Signatures by other keys are passed over.
    ///
    /// Nobody can distinguish two keys of one name whose ids collide; a signature by the second is
    /// refused.
    ///
    /// # Errors
    /// `note-bad-signature` if a signature in the name of a given key does not verify, whatever the
    /// others do; `note-unsigned` if there is none.
    pub fn verify<'k>(&self, keys: &'k [VerifierKey]) -> Result<Vec<&'k VerifierKey>, NoteError> {
        let mut signed = vec![false; keys.len()];
        for signature in &self.signatures {
            let Some(at) = keys.iter().position(|key| signature.is_of(key)) else { continue };
            Signature::from_slice(&signature.signature)
                .and_then(|bytes| keys[at].key.verify_strict(self.text.as_bytes(), &bytes))
                .map_err(|_| NoteError::BadSignature { signer: Box::new(keys[at].clone()) })?;
            signed[at] = true;
        }
        let signers: Vec<_> =
            keys.iter().zip(signed).filter_map(|(key, signed)| signed.then_some(key)).collect();
        if signers.is_empty() { Err(NoteError::Unsigned) } else { Ok(signers) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}
