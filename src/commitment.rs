//! What a request holds, as a keyed hash of its rows (SPEC §6).
//!
//! Custodians approve a request by its commitment; the run computes it again in the same pass that codes, and a
//! request that changed in between is refused. It is of rows, not of file bytes, so that CSV and Parquet of the same
//! rows agree; it is keyed with a secret that travels beside the request and is destroyed with it, because the rows
//! of a small file could be found by trial from an unkeyed hash.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::name::Hex;
use crate::secret::Secret;

/// The secret `r` of one request: printed by the name of [`CommitmentKey::to_hex`] only.
///
/// ```compile_fail,E0277
/// println!("{:?}", cstatns::commitment::CommitmentKey::random());
/// ```
pub struct CommitmentKey(Secret<32>);

impl CommitmentKey {
    /// A new one.
    pub fn random() -> Self {
        Self(Secret::random())
    }

    /// From the 64 hexadecimal digits that stand in a request's seal.
    pub fn from_hex(text: &str) -> Option<Self> {
        Secret::try_fill(|bytes| {
            let read = Zeroizing::new(Hex::<32>::parse(text.as_bytes()).ok_or(())?.0);
            bytes.copy_from_slice(&*read);
            Ok::<(), ()>(())
        })
        .ok()
        .map(Self)
    }

    /// As 64 hexadecimal digits, for a request's seal.
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(data_encoding::HEXLOWER.encode(self.0.expose()))
    }
}

/// A request's commitment.
pub type Commitment = Hex<32>;

/// Computes a commitment row by row.
pub struct Commit {
    mac: Hmac<Sha256>,
    columns: usize,
    rows: u64,
}

impl Commit {
    /// Begins: the label, the number of value columns (u32, big-endian) and each column's name, length first.
    pub fn new(key: &CommitmentKey, columns: &[&str]) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.0.expose()).expect("HMAC takes 32 bytes");
        mac.update(b"CStatNS/commitment/1\n");
        mac.update(&(columns.len() as u32).to_be_bytes());
        for name in columns {
            mac.update(&(name.len() as u32).to_be_bytes());
            mac.update(name.as_bytes());
        }
        Self { mac, columns: columns.len(), rows: 0 }
    }

    /// Adds a row: its index, then each value with its length before it (u32, big-endian), `ff ff ff ff` for none.
    ///
    /// # Panics
    /// When `values` does not hold one value for each column.
    pub fn row(&mut self, index: &[u8; 16], values: &[Option<&[u8]>]) {
        assert_eq!(values.len(), self.columns, "one value for each column");
        self.mac.update(index);
        for value in values {
            match value {
                Some(value) => {
                    self.mac.update(&(value.len() as u32).to_be_bytes());
                    self.mac.update(value);
                }
                None => self.mac.update(&[0xff; 4]),
            }
        }
        self.rows += 1;
    }

    /// Ends with the number of rows (u64, big-endian).
    ///
    /// Returns the commitment and the number of rows.
    pub fn finish(mut self) -> (Commitment, u64) {
        self.mac.update(&self.rows.to_be_bytes());
        (Hex(self.mac.finalize().into_bytes().into()), self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(key: &CommitmentKey, rows: &[(&[u8; 16], Option<&[u8]>)]) -> Commitment {
        let mut commit = Commit::new(key, &["identifier"]);
        for (index, value) in rows {
            commit.row(index, &[*value]);
        }
        commit.finish().0
    }

    #[test]
    fn every_change_of_a_row_changes_it() {
        let key = CommitmentKey::random();
        let rows: [(&[u8; 16], Option<&[u8]>); 2] = [(&[1; 16], Some(b"ab")), (&[2; 16], Some(b""))];
        let sealed = commit(&key, &rows);
        assert_eq!(sealed, commit(&CommitmentKey::from_hex(&key.to_hex()).unwrap(), &rows));
        for other in [
            commit(&key, &rows[..1]),
            commit(&key, &[rows[1], rows[0]]),
            commit(&key, &[rows[0], (&[2; 16], None)]),
            commit(&key, &[(&[1; 16], Some(b"a")), (&[2; 16], Some(b"b"))]),
            commit(&CommitmentKey::random(), &rows),
            Commit::new(&key, &["code"]).finish().0,
        ] {
            assert_ne!(sealed, other);
        }
    }
}
