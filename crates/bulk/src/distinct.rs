//! How many distinct values a run has coded, up to a cap.

use cstatns::code::Code;
use zeroize::Zeroizing;

use crate::error::Tally;

/// Counts distinct values by their codes: two spellings of one identifier have one code, and two
/// identifiers have not.
pub(crate) struct Distinct {
    /// An open hash table of the codes' first 16 bytes, which are as good as random; 0 is a free
    /// place.
    places: Zeroizing<Vec<u128>>,
    pub(crate) found: u64,
}

impl Distinct {
    pub(crate) fn new() -> Self {
        // Twice the cap, so that a free place is always near.
        Self { places: Zeroizing::new(vec![0; 2 * Tally::DISTINCT_CAP as usize]), found: 0 }
    }

    pub(crate) fn head(code: &Code) -> u128 {
        let (head, _) = code.bytes().split_first_chunk().expect("a code has 32 bytes");
        u128::from_le_bytes(*head)
    }

    pub(crate) fn count(&mut self, heads: &[u128]) {
        let mask = self.places.len() - 1;
        for &value in heads {
            if self.found == Tally::DISTINCT_CAP {
                return;
            }
            let mut place = value as usize & mask;
            while self.places[place] != 0 && self.places[place] != value {
                place = (place + 1) & mask;
            }
            if self.places[place] == 0 {
                self.places[place] = value;
                self.found += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Heads that want the same few places, the last one among them, each given twice.
    #[test]
    fn values_that_want_one_place_are_told_apart() {
        let places = 2 * u128::from(Tally::DISTINCT_CAP);
        let wanted = [0, 1, 2, places - 2, places - 1];
        let heads: Vec<u128> = (1..=20)
            .flat_map(|n| wanted.map(|place| n * places + place))
            .flat_map(|head| [head; 2])
            .collect();
        let mut distinct = Distinct::new();
        for (blocks, expected) in [(&heads[..70], 35), (&heads[..], 100), (&heads[30..], 100)] {
            blocks.chunks(7).for_each(|block| distinct.count(block));
            assert_eq!(distinct.found, expected);
        }
    }

    #[test]
    fn counting_stops_at_the_cap_and_not_before() {
        let cap = u128::from(Tally::DISTINCT_CAP);
        let mut distinct = Distinct::new();
        distinct.count(&(1..cap).collect::<Vec<_>>());
        assert_eq!(u128::from(distinct.found), cap - 1);
        distinct.count(&(1..3 * cap).collect::<Vec<_>>());
        assert_eq!(u128::from(distinct.found), cap);
    }
}
