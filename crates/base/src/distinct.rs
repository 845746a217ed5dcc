//! How many distinct values rows hold, counted up to a cap (SPEC §6).

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::domain::LARGEST_MINIMUM_BATCH;
use crate::secret::Secret;

/// Where counting stops: memory is bounded, and no domain asks for more.
pub const CAP: u64 = LARGEST_MINIMUM_BATCH as u64;

/// Makes the marks by which values are counted, under a key that lives as long as this does: what
/// is kept of a value says nothing of it, and nobody can choose two values of one mark.
pub struct Marks(Secret<32>);

impl Marks {
    /// Marks under a new key.
    pub fn random() -> Self {
        Self(Secret::random())
    }

    /// The mark of a value, or of the values of a row in their order: the first 16 bytes of SHA-256
    /// over the key and the values, each with its length before it.
    ///
    /// The values stay on the stack: the caller wipes that
    /// ([`wipe_stack`](crate::secret::wipe_stack())).
    pub fn of<'a>(&self, values: impl IntoIterator<Item = &'a [u8]>) -> u128 {
        let mut hash = Sha256::new_with_prefix(self.0.expose());
        for value in values {
            hash.update((value.len() as u32).to_be_bytes());
            hash.update(value);
        }
        let digest: [u8; 32] = hash.finalize().into();
        let (mark, _) = digest.split_first_chunk().expect("a digest has 32 bytes");
        u128::from_le_bytes(*mark)
    }
}

/// Counts distinct marks, up to [`CAP`].
pub struct Distinct {
    /// An open hash table of marks, which are as good as random; 0 is a free place.
    places: Zeroizing<Vec<u128>>,
    found: u64,
    /// How often the mark of each place was counted, the most of these, and how many were counted
    /// in all.
    counts: Vec<u32>,
    most: u32,
    seen: u64,
}

impl Default for Distinct {
    fn default() -> Self {
        // Twice the cap, so that a free place is always near.
        let places = 2 * CAP as usize;
        let counts = vec![0; places];
        Self { places: Zeroizing::new(vec![0; places]), found: 0, counts, most: 0, seen: 0 }
    }
}

impl Distinct {
    /// How many were counted: exact below [`CAP`], where counting stops.
    pub fn found(&self) -> u64 {
        self.found
    }

    /// How often the most frequent value was counted, and how many values in all: until counting
    /// stopped.
    pub fn most(&self) -> (u64, u64) {
        (self.most.into(), self.seen)
    }

    /// Whether counting has stopped.
    pub fn is_full(&self) -> bool {
        self.found == CAP
    }

    /// Counts those that were not there yet. Marks are 16 bytes as good as random: those of
    /// [`Marks`], or of codes.
    pub fn count(&mut self, marks: &[u128]) {
        let mask = self.places.len() - 1;
        for &mark in marks {
            if self.is_full() {
                return;
            }
            let mut place = mark as usize & mask;
            while self.places[place] != 0 && self.places[place] != mark {
                place = (place + 1) & mask;
            }
            if self.places[place] == 0 {
                self.places[place] = mark;
                self.found += 1;
            }
            self.counts[place] = self.counts[place].saturating_add(1);
            self.most = self.most.max(self.counts[place]);
            self.seen += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Marks that want the same few places, the last one among them, each given twice.
    #[test]
    fn marks_that_want_one_place_are_told_apart() {
        let places = 2 * u128::from(CAP);
        let wanted = [0, 1, 2, places - 2, places - 1];
        let marks: Vec<u128> = (1..=20)
            .flat_map(|n| wanted.map(|place| n * places + place))
            .flat_map(|mark| [mark; 2])
            .collect();
        let mut distinct = Distinct::default();
        for (blocks, expected) in [(&marks[..70], 35), (&marks[..], 100), (&marks[30..], 100)] {
            distinct.count(blocks);
            assert_eq!(distinct.found(), expected);
        }
        // Those of the middle stand in all three blocks.
        assert_eq!(distinct.most(), (6, 70 + 200 + 170));
    }

    #[test]
    fn counting_stops_at_the_cap_and_not_before() {
        let cap = u128::from(CAP);
        let mut distinct = Distinct::default();
        distinct.count(&(1..cap).collect::<Vec<_>>());
        assert_eq!(u128::from(distinct.found()), cap - 1);
        assert!(!distinct.is_full());
        distinct.count(&(1..3 * cap).collect::<Vec<_>>());
        assert_eq!(u128::from(distinct.found()), cap);
    }

    #[test]
    fn a_mark_is_of_the_values_in_their_order_and_of_the_key() {
        let marks = Marks::random();
        let of = |values: &[&'static [u8]]| marks.of(values.iter().copied());
        assert_eq!(of(&[b"ab", b""]), of(&[b"ab", b""]));
        let others: [&[&'static [u8]]; 4] = [&[b"a", b"b"], &[b"", b"ab"], &[b"ab"], &[b"ac", b""]];
        for other in others {
            assert_ne!(of(&[b"ab", b""]), of(other));
        }
        assert_ne!(of(&[b"ab"]), Marks::random().of([b"ab" as &[u8]]));
    }
}
