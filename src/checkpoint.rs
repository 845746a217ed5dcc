//! The tree over the ledger's lines, its proofs, and the signed statement of its size and root.
//!
//! - The tree is RFC 6962's (section 2.1), with SHA-256: leaf `SHA-256(0x00 ‖ line)`, node `SHA-256(0x01 ‖ left ‖ right)`.
//! - Proofs are checked by the algorithms of RFC 9162 (sections 2.1.3.2 and 2.1.4.2), whose steps are quoted in the code.
//! - A [`Checkpoint`] is the text of a [`Note`]: `c2sp.org/tlog-checkpoint` and `c2sp.org/signed-note`, Ed25519 signatures
//!   (type `0x01`) only.
//!
//! The crate `ct-merkle` has such a tree, but it takes leaves and never leaf hashes, and keeps all of them: an auditor who holds
//! leaf hashes could not check a proof with it, nor the service add a line without reading the whole ledger again.

use std::fmt;

use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::name::Hex;

/// A SHA-256 hash: of a leaf, of a node, of the root.
pub type Hash = Hex<32>;

/// The root of the tree without leaves: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    Hex(Sha256::digest([]).into())
}

/// The hash of a leaf with these bytes (a ledger line without its line break).
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Hex(Sha256::new_with_prefix([0]).chain_update(leaf).finalize().into())
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hex(Sha256::new_with_prefix([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// A tree that grows leaf by leaf. It keeps one hash for each complete subtree at its right edge: at most 64.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    /// The roots of the complete subtrees, one for each bit of `size`, the largest first.
    edge: Vec<Hash>,
}

impl Tree {
    /// The tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a leaf, given by its [`leaf_hash`].
    pub fn push(&mut self, leaf: Hash) {
        let mut subtree = leaf;
        // Each trailing one of the size is a complete subtree as large as the one at hand.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.edge.pop() {
                subtree = node_hash(&left, &subtree);
            }
        }
        self.edge.push(subtree);
        self.size += 1;
    }

    /// How many leaves there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over all leaves so far.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut smallest_first = self.edge.iter().rev().copied();
        match smallest_first.next() {
            None => empty_root(),
            Some(smallest) => smallest_first.fold(smallest, |right, left| node_hash(&left, &right)),
        }
    }
}

impl Extend<Hash> for Tree {
    fn extend<I: IntoIterator<Item = Hash>>(&mut self, leaves: I) {
        leaves.into_iter().for_each(|leaf| self.push(leaf));
    }
}

/// The root of the tree over these leaf hashes.
#[must_use]
pub fn root_of(leaves: &[Hash]) -> Hash {
    let mut tree = Tree::new();
    tree.extend(leaves.iter().copied());
    tree.root()
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// `proof-out-of-range`: a leaf that such a tree does not have, or sizes of which the first is zero or the larger.
    #[error("the proof is about a leaf or a size outside the tree: check which checkpoints are compared")]
    OutOfRange,
    /// `proof-wrong-length`: more or fewer hashes than a proof for these numbers has.
    #[error("the proof has too many or too few hashes for this tree: ask for it again")]
    WrongLength,
    /// `proof-wrong-root`: the hashes do not lead to the root (or roots) given.
    #[error(
        "the proof does not lead to the checkpoint's root: the ledger is not the one that the checkpoint states"
    )]
    WrongRoot,
}

impl ProofError {
    /// The stable short code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OutOfRange => "proof-out-of-range",
            Self::WrongLength => "proof-wrong-length",
            Self::WrongRoot => "proof-wrong-root",
        }
    }
}

/// Checks that the leaf with hash `leaf` is leaf number `index` (from 0) of the tree of `size` leaves with root `root`.
/// `size` and `root` must come from one checkpoint: a proof alone does not fix the size.
///
/// # Errors
/// `proof-out-of-range`, `proof-wrong-length`, `proof-wrong-root`.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    // RFC 9162 2.1.3.2: "1. Compare leaf_index from the inclusion_proof_v2 structure against tree_size. If leaf_index is
    // greater than or equal to tree_size, then stop and fail the proof verification."
    if index >= size {
        return Err(ProofError::OutOfRange);
    }
    // "2. Set fn to leaf_index and sn to tree_size - 1. 3. Set r to hash."
    let (mut first, mut second) = (index, size - 1);
    let mut r = *leaf;
    // "4. For each value p in the inclusion_path array:"
    for p in proof {
        // "a. If sn is 0, then stop the iteration and fail the proof verification."
        if second == 0 {
            return Err(ProofError::WrongLength);
        }
        // "b. If LSB(fn) is set, or if fn is equal to sn, then: i. Set r to HASH(0x01 || p || r). ii. If LSB(fn) is not
        // set, then right-shift both fn and sn equally until either LSB(fn) is set or fn is 0. Otherwise: Set r to
        // HASH(0x01 || r || p)."
        if first & 1 == 1 || first == second {
            r = node_hash(p, &r);
            skip_to_odd(&mut first, &mut second);
        } else {
            r = node_hash(&r, p);
        }
        // "c. Finally, right-shift both fn and sn one time."
        (first, second) = (first >> 1, second >> 1);
    }
    // "5. Compare sn to 0. Compare r against the root_hash."
    if second != 0 {
        return Err(ProofError::WrongLength);
    }
    if r != *root {
        return Err(ProofError::WrongRoot);
    }
    Ok(())
}

/// Checks that the tree of `second_size` leaves with root `second_root` extends the one of `first_size` and `first_root`.
///
/// Nothing extends the empty tree: every tree would, so a proof of it would say nothing (`proof-out-of-range`).
///
/// # Errors
/// `proof-out-of-range`, `proof-wrong-length`, `proof-wrong-root`.
pub fn verify_consistency(
    first_size: u64,
    first_root: &Hash,
    second_size: u64,
    second_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if first_size == 0 || first_size > second_size {
        return Err(ProofError::OutOfRange);
    }
    if first_size == second_size {
        return match proof {
            [] if first_root == second_root => Ok(()),
            [] => Err(ProofError::WrongRoot),
            _ => Err(ProofError::WrongLength),
        };
    }
    // RFC 9162 2.1.4.2: "1. If consistency_path is an empty array, stop and fail the proof verification. 2. If first is an
    // exact power of 2, then prepend first_hash to the consistency_path array."
    let (start, rest) = match proof.split_first() {
        None => return Err(ProofError::WrongLength),
        Some(_) if first_size.is_power_of_two() => (first_root, proof),
        Some(split) => split,
    };
    // "3. Set fn to first - 1 and sn to second - 1. 4. If LSB(fn) is set, then right-shift both fn and sn equally until
    // LSB(fn) is not set."
    let (mut first, mut second) = (first_size - 1, second_size - 1);
    let ones = first.trailing_ones();
    (first, second) = (first >> ones, second >> ones);
    // "5. Set both fr and sr to the first value in the consistency_path array."
    let (mut fr, mut sr) = (*start, *start);
    // "6. For each subsequent value c in the consistency_path array:"
    for c in rest {
        // "a. If sn is 0, then stop the iteration and fail the proof verification."
        if second == 0 {
            return Err(ProofError::WrongLength);
        }
        // "b. If LSB(fn) is set, or if fn is equal to sn, then: i. Set fr to HASH(0x01 || c || fr). ii. Set sr to
        // HASH(0x01 || c || sr). iii. If LSB(fn) is not set, then right-shift both fn and sn equally until either LSB(fn)
        // is set or fn is 0. Otherwise: Set sr to HASH(0x01 || sr || c)."
        if first & 1 == 1 || first == second {
            fr = node_hash(c, &fr);
            sr = node_hash(c, &sr);
            skip_to_odd(&mut first, &mut second);
        } else {
            sr = node_hash(&sr, c);
        }
        // "c. Finally, right-shift both fn and sn one time."
        (first, second) = (first >> 1, second >> 1);
    }
    // "7. After completing iterating through the consistency_path array as described above, verify that the fr calculated
    // is equal to the first_hash supplied, that the sr calculated is equal to the second_hash supplied, and that sn is 0."
    if second != 0 {
        return Err(ProofError::WrongLength);
    }
    if fr != *first_root || sr != *second_root {
        return Err(ProofError::WrongRoot);
    }
    Ok(())
}

/// "Right-shift both fn and sn equally until either LSB(fn) is set or fn is 0."
fn skip_to_odd(first: &mut u64, second: &mut u64) {
    while *first & 1 == 0 && *first != 0 {
        (*first, *second) = (*first >> 1, *second >> 1);
    }
}

/// The inclusion proof of leaf `index` (from 0) in the tree over these leaf hashes: at most 64 hashes, lowest first.
///
/// # Errors
/// `proof-out-of-range` if there is no such leaf.
pub fn prove_inclusion(leaves: &[Hash], index: usize) -> Result<Vec<Hash>, ProofError> {
    if index >= leaves.len() {
        return Err(ProofError::OutOfRange);
    }
    // RFC 9162 2.1.3.1, from the root downwards: "PATH(m, D_n) = PATH(m, D[0:k]) : MTH(D[k:n]) for m < k; and
    // PATH(m, D_n) = PATH(m - k, D[k:n]) : MTH(D[0:k]) for m >= k".
    let (mut leaves, mut index, mut path) = (leaves, index, Vec::new());
    while leaves.len() > 1 {
        let (left, right) = split(leaves);
        if index < left.len() {
            path.push(root_of(right));
            leaves = left;
        } else {
            path.push(root_of(left));
            (leaves, index) = (right, index - left.len());
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree over these leaf hashes extends the tree over the first `first_size` of them.
///
/// # Errors
/// `proof-out-of-range` if `first_size` is zero or more than there are.
pub fn prove_consistency(leaves: &[Hash], first_size: usize) -> Result<Vec<Hash>, ProofError> {
    if first_size == 0 || first_size > leaves.len() {
        return Err(ProofError::OutOfRange);
    }
    // RFC 9162 2.1.4.1, from the root downwards: "SUBPROOF(m, D_n, b) = SUBPROOF(m, D[0:k], b) : MTH(D[k:n])" for m <= k,
    // "SUBPROOF(m, D_n, b) = SUBPROOF(m - k, D[k:n], false) : MTH(D[0:k])" for m > k.
    let (mut leaves, mut first, mut whole, mut path) = (leaves, first_size, true, Vec::new());
    while first < leaves.len() {
        let (left, right) = split(leaves);
        if first <= left.len() {
            path.push(root_of(right));
            leaves = left;
        } else {
            path.push(root_of(left));
            (leaves, first, whole) = (right, first - left.len(), false);
        }
    }
    // "SUBPROOF(m, D[m], true) = {}", for the verifier has that root; "SUBPROOF(m, D[m], false) = {MTH(D[m])}".
    if !whole {
        path.push(root_of(leaves));
    }
    path.reverse();
    Ok(path)
}

/// Splits two or more leaves at the largest power of two smaller than their number.
fn split(leaves: &[Hash]) -> (&[Hash], &[Hash]) {
    leaves.split_at(leaves.len().next_power_of_two() / 2)
}

/// Why a note, a key or a signature is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// `note-malformed`: not the form of a signed note.
    #[error("this is not a signed note: check that the file is whole and unchanged")]
    Malformed,
    /// `note-bad-name`: empty, or with a space, a plus sign or a control character.
    #[error(
        "a signer's name must not be empty nor contain spaces, plus signs or control characters: choose another"
    )]
    BadName,
    /// `note-bad-key`: not the text form of an Ed25519 verifier key, or one that is not safe to use.
    #[error("this is not a usable Ed25519 verifier key: ask its owner for it again")]
    BadKey,
    /// `note-unsigned`: no signature is by a key that was given.
    #[error("the note carries no signature by a known key: check which key (card) it is verified with")]
    Unsigned,
    /// `note-bad-signature`: a signature in the name of a known key is not by that key over this text.
    #[error("the signature of {name} does not verify: the note has been changed, do not rely on it")]
    BadSignature {
        /// The name of the known key.
        name: String,
    },
}

impl NoteError {
    /// The stable short code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "note-malformed",
            Self::BadName => "note-bad-name",
            Self::BadKey => "note-bad-key",
            Self::Unsigned => "note-unsigned",
            Self::BadSignature { .. } => "note-bad-signature",
        }
    }
}

/// The signature type of Ed25519 in key ids and verifier keys.
const ED25519: u8 = 1;

/// The most signatures that a note may carry: the service and 255 custodians, twice over.
const MAX_SIGNATURES: usize = 512;

fn check_name(name: &str) -> Result<(), NoteError> {
    let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if name.is_empty() || name.contains(bad) {
        return Err(NoteError::BadName);
    }
    Ok(())
}

/// "key ID = SHA-256(key name || 0x0A || 0x01 || 32-byte Ed25519 public key)[:4]" (signed-note).
fn key_id(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let digest = Sha256::new_with_prefix(name).chain_update([b'\n', ED25519]).chain_update(key).finalize();
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
        Ok(Self { name: name.to_owned(), id: key_id(name, &key), key })
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
        let key = BASE64.decode(key.as_bytes()).map_err(|_| NoteError::BadKey)?;
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
        let id = key_id(name, &key.verifying_key());
        Ok(Self { name: name.to_owned(), id, signature: key.sign(text.as_bytes()).to_bytes().to_vec() })
    }

    /// Reads a signature line, without its line break.
    ///
    /// # Errors
    /// `note-malformed`.
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        let (name, blob) =
            line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).ok_or(NoteError::Malformed)?;
        check_name(name).map_err(|_| NoteError::Malformed)?;
        let blob = BASE64.decode(blob.as_bytes()).map_err(|_| NoteError::Malformed)?;
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

    /// Reads a note: its text, an empty line, signature lines. Every byte counts; [`Note`]'s `Display` gives the same back.
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

    /// Which of these keys have signed the text: at least one, each once, in the order of `keys`. Signatures by other keys
    /// are passed over.
    ///
    /// Two keys of one name whose ids collide are told apart by nobody; a signature by the second is refused.
    ///
    /// # Errors
    /// `note-bad-signature` if a signature in the name of a given key does not verify, whatever the others do;
    /// `note-unsigned` if there is none.
    pub fn verify<'k>(&self, keys: &'k [VerifierKey]) -> Result<Vec<&'k VerifierKey>, NoteError> {
        let mut signed = vec![false; keys.len()];
        for signature in &self.signatures {
            let Some(at) = keys.iter().position(|key| signature.is_of(key)) else { continue };
            Signature::from_slice(&signature.signature)
                .and_then(|bytes| keys[at].key.verify_strict(self.text.as_bytes(), &bytes))
                .map_err(|_| NoteError::BadSignature { name: keys[at].name.clone() })?;
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

/// Why a text is not a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// `checkpoint-malformed`: not exactly the three lines of a checkpoint.
    #[error(
        "this is not a checkpoint (origin, size and root on three lines): check that it is the right file"
    )]
    Malformed,
    /// `checkpoint-bad-origin`: empty, or with a space, a plus sign or a control character.
    #[error("a checkpoint's origin must not be empty nor contain spaces, plus signs or control characters")]
    BadOrigin,
}

impl CheckpointError {
    /// The stable short code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "checkpoint-malformed",
            Self::BadOrigin => "checkpoint-bad-origin",
        }
    }
}

/// What a ledger is at one moment: whose, how many lines, and the root over them (tlog-checkpoint, without extension
/// lines). The origin is also a valid signer's name, which the standard only recommends.
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

    /// Reads the text of a note: exactly what [`Checkpoint::text`] writes, for some origin, size and root.
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
        let root = BASE64.decode(root.as_bytes()).map_err(|_| CheckpointError::Malformed)?;
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
