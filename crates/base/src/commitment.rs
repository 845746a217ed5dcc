//! What a request holds, as a keyed hash of its rows (SPEC §6).
//!
//! A [`Context`] stands before the rows: the service, the domain and the use that a request is for,
//! so that it serves for no other.
//!
//! Custodians approve a request by its commitment; the run computes it again in the same pass that
//! codes, and a request that changed in between is refused. It is of rows, not of file bytes, so
//! that CSV and Parquet of the same rows agree; it is keyed with a secret that travels beside the
//! request and is destroyed with it, because the rows of a small file could be found by trial from
//! an unkeyed hash.
//!
//! A hash over all rows could go no faster than one stream of it. So the rows are cut into chunks
//! of one length, hashed side by side, and the keyed hash is over the digests: as ParallelHash does
//! (NIST SP 800-185).

mod again;
mod context;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::mac::lanes::{CHUNK, CHUNKS, Path, digests};
use crate::name::Hex;
use crate::secret::{Secret, reserve, wipe_stack};

use again::Digests;

pub use again::{Chunks, FirstRows, FirstRowsAgain};
pub use context::{Context, Use};

/// The secret `r` of one request: printed by the name of [`CommitmentKey::to_hex`] only.
///
/// ```compile_fail,E0277
/// println!("{:?}", cstatns_base::commitment::CommitmentKey::random());
/// ```
pub struct CommitmentKey(Secret<32>);

impl CommitmentKey {
    /// A new one.
    pub fn random() -> Self {
        Self(Secret::random())
    }

    /// From the 64 hexadecimal digits that stand in a request's manifest.
    pub fn from_hex(text: &str) -> Option<Self> {
        Secret::try_fill(|bytes| {
            let read = Zeroizing::new(Hex::<32>::parse(text.as_bytes()).ok_or(())?.0);
            bytes.copy_from_slice(&*read);
            Ok::<(), ()>(())
        })
        .ok()
        .map(Self)
    }

    /// As 64 hexadecimal digits, for a request's manifest.
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(data_encoding::HEXLOWER.encode(self.0.expose()))
    }
}

/// A commitment to rows.
pub type Commitment = Hex<32>;

/// Computes a commitment of rows in their order: of each as it comes, or of blocks that others have
/// encoded.
///
/// ```
/// use cstatns_base::commitment::{Commit, CommitmentKey, Context, EncodedRows, Use};
/// use cstatns_base::identifier::Scheme;
/// use cstatns_base::name::Name;
///
/// let domain = Name::new("population")?;
/// let scheme = Some(Scheme::FrNir);
/// let context = Context::request("nso.abcdefghij", &domain, Use::Code, scheme, None);
/// let key = CommitmentKey::random();
/// let mut by_row = Commit::new(&key, &context, &["identifier"]);
/// by_row.row(&[1; 16], &[Some(b"2840588321025")]);
/// by_row.row(&[2; 16], &[None]);
///
/// let mut block = EncodedRows::new(1);
/// block.push(&[1; 16], &[Some(b"2840588321025")]);
/// block.push(&[2; 16], &[None]);
/// let mut by_block = Commit::new(&key, &context, &["identifier"]);
/// by_block.add(&block);
/// assert_eq!(by_row.finish(), by_block.finish());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Commit {
    mac: Hmac<Sha256>,
    /// The chunks that rows are cut into: the first `filled` bytes are of rows that are not in
    /// `mac` yet.
    chunks: Zeroizing<Vec<[u8; CHUNK]>>,
    filled: usize,
    path: Path,
    columns: usize,
    rows: u64,
    digests: Digests,
}

impl Commit {
    /// Begins: the context, the number of value columns (u32, big-endian) and each column's name,
    /// length first.
    pub fn new(key: &CommitmentKey, context: &Context, columns: &[&str]) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.0.expose()).expect("HMAC takes 32 bytes");
        mac.update(context.bytes());
        mac.update(&(columns.len() as u32).to_be_bytes());
        for name in columns {
            mac.update(&context::length(name.as_bytes()));
            mac.update(name.as_bytes());
        }
        let chunks = Zeroizing::new(vec![[0; CHUNK]; CHUNKS]);
        Self {
            mac,
            chunks,
            filled: 0,
            path: Path::best(),
            columns: columns.len(),
            rows: 0,
            digests: Digests::Unkept,
        }
    }

    /// The same, keeping the digests of the chunks for another reading of the rows.
    #[must_use]
    pub fn keeping(self) -> Self {
        Self { digests: Digests::Kept(Chunks::default()), ..self }
    }

    /// The same, comparing the chunks with those of a former reading.
    #[must_use]
    pub fn comparing(self, with: Chunks) -> Self {
        Self { digests: Digests::Compared { with, same: 0, differ: false }, ..self }
    }

    /// How many bytes of rows are known to be those of the former reading, from the first on.
    pub fn verified(&self) -> u64 {
        self.digests.verified()
    }

    /// Whether a chunk is another than in the former reading.
    pub fn differs(&self) -> bool {
        self.digests.differ()
    }

    /// Adds a row.
    ///
    /// # Panics
    /// When `values` does not hold one value for each column.
    pub fn row(&mut self, index: &[u8; 16], values: &[Option<&[u8]>]) {
        assert_eq!(values.len(), self.columns, "one value for each column");
        encode(index, values, |bytes| self.take(bytes));
        self.rows += 1;
    }

    /// Adds the rows of a block.
    ///
    /// # Panics
    /// When they are of another number of columns.
    pub fn add(&mut self, rows: &EncodedRows) {
        assert_eq!(rows.columns, self.columns, "one value for each column");
        self.take(&rows.bytes);
        self.rows += rows.rows;
    }

    /// Takes bytes of rows, and hashes the chunks when all are full.
    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = &mut self.chunks.as_flattened_mut()[self.filled..];
            let (now, later) = bytes.split_at(bytes.len().min(room.len()));
            room[..now.len()].copy_from_slice(now);
            self.filled += now.len();
            bytes = later;
            if self.filled == CHUNKS * CHUNK {
                let chunks = self.chunks[..].try_into().expect("there are as many");
                for digest in digests(chunks, self.path) {
                    self.mac.update(&digest);
                    self.digests.take(&digest);
                }
                wipe_stack();
                self.filled = 0;
            }
        }
    }

    /// Ends with the chunks that are left, the last of them as long as it is, and the number of
    /// rows (u64, big-endian).
    ///
    /// Returns the commitment and the number of rows.
    pub fn finish(self) -> (Commitment, u64) {
        self.end().0
    }

    /// As [`Commit::finish`] of one that is [`keeping`](Commit::keeping), with what it kept.
    pub fn finish_keeping(self) -> ((Commitment, u64), Chunks) {
        let (found, digests) = self.end();
        (found, digests.kept())
    }

    /// As [`Commit::finish`] of one that is [`comparing`](Commit::comparing); none where the rows
    /// are not those of the former reading.
    pub fn finish_same(self) -> Option<(Commitment, u64)> {
        let (found, digests) = self.end();
        (!digests.differ() && !digests.is_short()).then_some(found)
    }

    fn end(mut self) -> ((Commitment, u64), Digests) {
        let left = &self.chunks.as_flattened()[..self.filled];
        for chunk in left.chunks(CHUNK) {
            let digest = Sha256::digest(chunk);
            self.mac.update(&digest);
            self.digests.take(&digest);
        }
        self.mac.update(&self.rows.to_be_bytes());
        ((Hex(self.mac.finalize().into_bytes().into()), self.rows), self.digests)
    }
}

/// A block of rows as the commitment takes them. Hashing must follow their order, encoding need
/// not: workers fill one each, and [`Commit::add`] takes them in turn.
pub struct EncodedRows {
    /// Wiped with the block, and when it moves to a larger place.
    bytes: Zeroizing<Vec<u8>>,
    columns: usize,
    rows: u64,
}

impl EncodedRows {
    /// A block without rows, of `columns` value columns.
    pub fn new(columns: usize) -> Self {
        Self { bytes: Zeroizing::default(), columns, rows: 0 }
    }

    /// Empties it for the next rows, which overwrite those that it held.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.rows = 0;
    }

    /// Adds a row.
    ///
    /// # Panics
    /// When `values` does not hold one value for each column.
    pub fn push(&mut self, index: &[u8; 16], values: &[Option<&[u8]>]) {
        assert_eq!(values.len(), self.columns, "one value for each column");
        let value = |value: &Option<&[u8]>| 4 + value.map_or(0, <[u8]>::len);
        reserve(&mut self.bytes, index.len() + values.iter().map(value).sum::<usize>());
        let room = self.bytes.capacity();
        encode(index, values, |bytes| self.bytes.extend_from_slice(bytes));
        debug_assert_eq!(self.bytes.capacity(), room, "a vector that grows leaves a copy behind");
        self.rows += 1;
    }

    /// How many rows it holds.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// How many bytes they take.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// A row's index, then each value with its length before it (u32, big-endian), `ff ff ff ff` for
/// none.
#[inline]
fn encode(index: &[u8; 16], values: &[Option<&[u8]>], mut out: impl FnMut(&[u8])) {
    out(index);
    for value in values {
        match value {
            Some(value) => {
                out(&(value.len() as u32).to_be_bytes());
                out(value);
            }
            None => out(&[0xff; 4]),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn context() -> Context {
        Context::labelled("test").text("a")
    }

    fn commit(key: &CommitmentKey, rows: &[(&[u8; 16], Option<&[u8]>)]) -> Commitment {
        let mut commit = Commit::new(key, &context(), &["identifier"]);
        for (index, value) in rows {
            commit.row(index, &[*value]);
        }
        commit.finish().0
    }

    #[test]
    fn every_change_of_a_row_changes_it() {
        let key = CommitmentKey::random();
        let rows: [(&[u8; 16], Option<&[u8]>); 2] =
            [(&[1; 16], Some(b"ab")), (&[2; 16], Some(b""))];
        let sealed = commit(&key, &rows);
        assert_eq!(sealed, commit(&CommitmentKey::from_hex(&key.to_hex()).unwrap(), &rows));
        for other in [
            commit(&key, &rows[..1]),
            commit(&key, &[rows[1], rows[0]]),
            commit(&key, &[rows[0], (&[2; 16], None)]),
            commit(&key, &[(&[1; 16], Some(b"a")), (&[2; 16], Some(b"b"))]),
            commit(&CommitmentKey::random(), &rows),
            Commit::new(&key, &context(), &["code"]).finish().0,
            Commit::new(&key, &context().number(0), &["identifier"]).finish().0,
        ] {
            assert_ne!(sealed, other);
        }
    }

    type Row = ([u8; 16], Vec<Option<Vec<u8>>>);

    /// What SPEC §6 hashes, put together here by other means.
    fn by_hand(key: &CommitmentKey, rows: &[Row]) -> Commitment {
        let mut text = b"CStatNS/test\n\0\0\0\x01a\0\0\0\x02\0\0\0\x01a\0\0\0\x02bc".to_vec();
        let mut all = Vec::new();
        for (index, values) in rows {
            all.extend(index);
            for value in values {
                let length = value.as_ref().map_or(u32::MAX, |value| value.len() as u32);
                all.extend(length.to_be_bytes().iter().chain(value.iter().flatten()));
            }
        }
        for part in all.chunks(4032) {
            text.extend(Sha256::digest(part));
        }
        text.extend((rows.len() as u64).to_be_bytes());
        let mac = Hmac::<Sha256>::new_from_slice(key.0.expose()).unwrap().chain_update(text);
        Hex(mac.finalize().into_bytes().into())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn blocks_of_any_size_give_what_the_specification_says(
            rows in proptest::collection::vec(
                (any::<[u8; 16]>(), proptest::collection::vec(any::<Option<Vec<u8>>>(), 2)),
                0..20,
            ),
            size in 1_usize..8,
        ) {
            let key = CommitmentKey::random();
            let new = || Commit::new(&key, &context(), &["a", "bc"]);
            let (mut by_row, mut by_block) = (new(), new());
            let mut block = EncodedRows::new(2);
            for rows in rows.chunks(size) {
                block.clear();
                for (index, values) in rows {
                    let values: Vec<Option<&[u8]>> = values.iter().map(Option::as_deref).collect();
                    by_row.row(index, &values);
                    block.push(index, &values);
                }
                prop_assert_eq!(block.rows(), rows.len() as u64);
                by_block.add(&block);
            }
            let expected = (by_hand(&key, &rows), rows.len() as u64);
            prop_assert_eq!(by_row.finish(), expected);
            prop_assert_eq!(by_block.finish(), expected);
        }
    }

    /// Sizes at which chunks are full, or all of them are, and a byte less or more.
    #[test]
    fn the_ends_of_chunks_may_be_anywhere() {
        let key = CommitmentKey::random();
        for full in [CHUNK, 3 * CHUNK, CHUNKS * CHUNK, (2 * CHUNKS + 1) * CHUNK] {
            for size in full - 1..=full + 1 {
                // Rows of 1,000 bytes, and a first one of what is left.
                let mut lengths = vec![1000; size / 1000 - 1];
                lengths.insert(0, 1000 + size % 1000);
                let row = |length: usize| {
                    let mut value = vec![0; length - 24];
                    crate::secret::random_bytes(&mut value);
                    ([7; 16], vec![Some(value), None])
                };
                let rows: Vec<Row> = lengths.into_iter().map(row).collect();
                let mut commit = Commit::new(&key, &context(), &["a", "bc"]);
                let mut block = EncodedRows::new(2);
                for (index, values) in &rows {
                    block.push(index, &[values[0].as_deref(), None]);
                }
                assert_eq!(block.bytes.len(), size);
                commit.add(&block);
                assert_eq!(commit.finish(), (by_hand(&key, &rows), rows.len() as u64), "{size}");
            }
        }
    }

    #[test]
    #[should_panic = "one value for each column"]
    fn a_block_of_another_number_of_columns_is_refused() {
        Commit::new(&CommitmentKey::random(), &context(), &["a", "b"]).add(&EncodedRows::new(1));
    }
}
