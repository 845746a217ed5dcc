//! Rows that are read a second time: whether they are those of the first.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::mac::lanes::CHUNK;
use crate::secret::{reserve, wipe_stack};

use super::EncodedRows;

const DIGEST: usize = 32;

/// The digests of the chunks of rows that were read: 32 bytes for each 4,032 of them. They are not
/// keyed, and never leave memory.
#[derive(Default)]
pub struct Chunks(Zeroizing<Vec<u8>>);

/// What becomes of the digests of the chunks, beside the commitment.
#[derive(Default)]
pub(super) enum Digests {
    #[default]
    Unkept,
    Kept(Chunks),
    Compared {
        with: Chunks,
        /// How many were the same, from the first on.
        same: usize,
        differ: bool,
    },
}

impl Digests {
    /// Takes the digest of the next chunk.
    pub(super) fn take(&mut self, digest: &[u8]) {
        match self {
            Self::Unkept => {}
            Self::Kept(Chunks(kept)) => {
                reserve(kept, DIGEST);
                kept.extend_from_slice(digest);
            }
            Self::Compared { with, same, differ } => {
                let at = *same * DIGEST;
                if !*differ && with.0.get(at..at + DIGEST) == Some(digest) {
                    *same += 1;
                } else {
                    *differ = true;
                }
            }
        }
    }

    /// How many bytes of rows are known to be those of the first reading, from the first on.
    pub(super) fn verified(&self) -> u64 {
        match self {
            Self::Compared { same, .. } => *same as u64 * CHUNK as u64,
            _ => 0,
        }
    }

    pub(super) fn differ(&self) -> bool {
        matches!(self, Self::Compared { differ: true, .. })
    }

    /// Whether a chunk is missing, once all were taken.
    pub(super) fn is_short(&self) -> bool {
        matches!(self, Self::Compared { with, same, .. } if *same * DIGEST < with.0.len())
    }

    pub(super) fn kept(self) -> Chunks {
        match self {
            Self::Kept(chunks) => chunks,
            _ => Chunks::default(),
        }
    }
}

/// Remembers the first rows of a file, in order to see whether it begins with them when it is read
/// again.
///
/// ```
/// use cstatns_base::commitment::{EncodedRows, FirstRows};
///
/// let mut rows = EncodedRows::new(1);
/// rows.push(&[1; 16], &[Some(b"2840588321025")]);
/// let mut first = FirstRows::default();
/// first.add(&rows);
/// let mut again = first.again();
/// assert!(!again.is_whole());
/// rows.push(&[2; 16], &[None]);
/// assert!(again.add(&rows) && again.is_whole());
/// ```
#[derive(Default)]
pub struct FirstRows {
    hash: Sha256,
    bytes: u64,
}

impl FirstRows {
    /// Adds rows.
    pub fn add(&mut self, rows: &EncodedRows) {
        self.hash.update(&*rows.bytes);
        self.bytes += rows.bytes.len() as u64;
    }

    /// These rows, to be compared with those of another reading.
    pub fn again(self) -> FirstRowsAgain {
        let expected = self.hash.finalize().into();
        wipe_stack();
        FirstRowsAgain { expected, hash: Sha256::new(), left: self.bytes }
    }
}

/// Compares the first rows of another reading with [`FirstRows`].
pub struct FirstRowsAgain {
    expected: [u8; DIGEST],
    hash: Sha256,
    left: u64,
}

impl FirstRowsAgain {
    /// Adds rows, also those behind the first ones; false once the first ones differ.
    #[must_use]
    pub fn add(&mut self, rows: &EncodedRows) -> bool {
        if self.left == 0 {
            return true;
        }
        let now = rows.bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.hash.update(&rows.bytes[..now]);
        self.left -= now as u64;
        self.left > 0 || <[u8; DIGEST]>::from(self.hash.finalize_reset()) == self.expected
    }

    /// Whether all of the first rows were read again.
    pub fn is_whole(&self) -> bool {
        self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Commit, CommitmentKey, Context};
    use super::*;

    /// So many rows of 1,000 bytes, the one at `changed` another.
    fn rows(count: u32, changed: Option<u32>) -> EncodedRows {
        let mut rows = EncodedRows::new(1);
        for row in 0..count {
            let mut value = [row as u8; 980];
            if changed == Some(row) {
                value[0] ^= 1;
            }
            rows.push(&u128::from(row).to_be_bytes(), &[Some(&value)]);
        }
        rows
    }

    #[test]
    fn chunks_are_verified_as_far_as_they_are_the_same() {
        let key = CommitmentKey::random();
        let first = || {
            let mut commit = Commit::new(&key, &Context::labelled("test"), &["a"]).keeping();
            commit.add(&rows(1000, None));
            commit.finish_keeping()
        };
        let (expected, chunks) = first();
        let mut commit = Commit::new(&key, &Context::labelled("test"), &["a"]).comparing(chunks);
        commit.add(&rows(1000, None));
        let verified = commit.verified();
        assert!(verified > 900_000 && verified <= 1_000_000, "{verified}");
        assert!(!commit.differs());
        assert_eq!(commit.finish_same(), Some(expected));

        for changed in [0, 500, 999] {
            let mut commit =
                Commit::new(&key, &Context::labelled("test"), &["a"]).comparing(first().1);
            commit.add(&rows(1000, Some(changed)));
            let row = u64::from(changed);
            assert!(commit.verified() <= row * 1000, "no chunk with the changed row");
            assert_eq!(commit.finish_same(), None, "{changed}");
        }
        for count in [999, 1001] {
            let mut commit =
                Commit::new(&key, &Context::labelled("test"), &["a"]).comparing(first().1);
            commit.add(&rows(count, None));
            assert_eq!(commit.finish_same(), None, "{count}");
        }
    }

    #[test]
    fn first_rows_are_known_again_wherever_blocks_end() {
        let mut first = FirstRows::default();
        first.add(&rows(50, None));
        let mut again = first.again();
        for block in [rows(50, None), rows(3, Some(1))] {
            assert!(again.add(&block) && again.is_whole());
        }
        for changed in [0, 49] {
            let mut first = FirstRows::default();
            first.add(&rows(50, None));
            assert!(!first.again().add(&rows(60, Some(changed))));
        }
        let mut first = FirstRows::default();
        first.add(&rows(50, None));
        let mut again = first.again();
        assert!(again.add(&rows(49, None)) && !again.is_whole());
    }
}
