//! The tree over the ledger's lines, and its proofs (RFC 6962, RFC 9162).

use cstatns_base::name::Hex;
use sha2::{Digest, Sha256};

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

pub(super) fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hex(Sha256::new_with_prefix([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// A tree that grows leaf by leaf. It keeps one hash for each complete subtree at its right edge:
/// at most 64.
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
    /// `proof-out-of-range`: a leaf that such a tree does not have, or sizes of which the first is
    /// zero or the larger.
    #[error("the proof is about a leaf or a size outside the tree")]
    OutOfRange,
    /// `proof-wrong-length`: more or fewer hashes than a proof for these numbers has.
    #[error("the proof has too many or too few hashes for this tree")]
    WrongLength,
    /// `proof-wrong-root`: the hashes do not lead to the root (or roots) given.
    #[error(
        "the proof does not lead to the checkpoint's root (the ledger is not the one that the \
        checkpoint states)"
    )]
    WrongRoot,
}

cstatns_base::coded!(ProofError {
    Self::OutOfRange => ("proof-out-of-range", Input, []),
    Self::WrongLength => ("proof-wrong-length", OtherSide, []),
    Self::WrongRoot => ("proof-wrong-root", Tampering, []),
});

/// Checks that the leaf with hash `leaf` is leaf number `index` (from 0) of the tree of `size`
/// leaves with root `root`. `size` and `root` must come from one checkpoint: a proof alone does not
/// fix the size.
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
    // RFC 9162 2.1.3.2: "1. Compare leaf_index from the inclusion_proof_v2 structure against
    // tree_size. If leaf_index is greater than or equal to tree_size, then stop and fail the proof
    // verification."
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
        // "b. If LSB(fn) is set, or if fn is equal to sn, then: i. Set r to HASH(0x01 || p || r).
        // ii. If LSB(fn) is not set, then right-shift both fn and sn equally until either LSB(fn)
        // is set or fn is 0. Otherwise: Set r to HASH(0x01 || r || p)."
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

/// Checks that the tree of `second_size` leaves with root `second_root` extends the one of
/// `first_size` and `first_root`.
///
/// Nothing extends the empty tree: every tree would, so a proof of it would say nothing
/// (`proof-out-of-range`).
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
    // RFC 9162 2.1.4.2: "1. If consistency_path is an empty array, stop and fail the proof
    // verification. 2. If first is an exact power of 2, then prepend first_hash to the
    // consistency_path array."
    let (start, rest) = match proof.split_first() {
        None => return Err(ProofError::WrongLength),
        Some(_) if first_size.is_power_of_two() => (first_root, proof),
        Some(split) => split,
    };
    // "3. Set fn to first - 1 and sn to second - 1. 4. If LSB(fn) is set, then right-shift both fn
    // and sn equally until LSB(fn) is not set."
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
        // "b. If LSB(fn) is set, or if fn is equal to sn, then: i. Set fr to HASH(0x01 || c || fr).
        // ii. Set sr to HASH(0x01 || c || sr). iii. If LSB(fn) is not set, then right-shift both fn
        // and sn equally until either LSB(fn) is set or fn is 0. Otherwise: Set sr to HASH(0x01 ||
        // sr || c)."
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
    // "7. After completing iterating through the consistency_path array as described above, verify
    // that the fr calculated is equal to the first_hash supplied, that the sr calculated is equal
    // to the second_hash supplied, and that sn is 0."
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

/// The inclusion proof of leaf `index` (from 0) in the tree over these leaf hashes: at most 64
/// hashes, lowest first.
///
/// # Errors
/// `proof-out-of-range` if the leaf does not exist.
pub fn prove_inclusion(leaves: &[Hash], index: usize) -> Result<Vec<Hash>, ProofError> {
    if index >= leaves.len() {
        return Err(ProofError::OutOfRange);
    }
    // RFC 9162 2.1.3.1, from the root downwards: "PATH(m, D_n) = PATH(m, D[0:k]) : MTH(D[k:n]) for
    // m < k; and PATH(m, D_n) = PATH(m - k, D[k:n]) : MTH(D[0:k]) for m >= k".
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

/// The proof that the tree over these leaf hashes extends the tree over the first `first_size` of
/// them.
///
/// # Errors
/// `proof-out-of-range` if `first_size` is zero or more than there are.
pub fn prove_consistency(leaves: &[Hash], first_size: usize) -> Result<Vec<Hash>, ProofError> {
    if first_size == 0 || first_size > leaves.len() {
        return Err(ProofError::OutOfRange);
    }
    // RFC 9162 2.1.4.1, from the root downwards: "SUBPROOF(m, D_n, b) = SUBPROOF(m, D[0:k], b) :
    // MTH(D[k:n])" for m <= k, "SUBPROOF(m, D_n, b) = SUBPROOF(m - k, D[k:n], false) : MTH(D[0:k])"
    // for m > k.
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
    // "SUBPROOF(m, D[m], true) = {}", for the verifier has that root; "SUBPROOF(m, D[m], false) =
    // {MTH(D[m])}".
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
