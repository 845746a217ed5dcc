//! The code of a row depends on its identifier and on the keys: not on its neighbours, on the size
//! of the batch or on the path by which this machine computes it. What the paths compute is
//! compared with other code in `crates/base/src/mac/lanes.rs`.

use cstatns::code::{Code, Generation};
use cstatns::coder::{Coder, CodingKey, Renewer};
use cstatns::hazmat::coding_key;
use cstatns::hazmat::lanes::Path;
use cstatns::identifier::{Identifier, Scheme};
use cstatns::name::Name;
use cstatns::secret::Secret;
use proptest::prelude::*;

fn keys(generations: std::ops::RangeInclusive<u32>) -> Vec<CodingKey> {
    let domain = Name::new("income").unwrap();
    let key = |number: u32| {
        let secret = Secret::fill(|bytes| bytes.fill(number as u8));
        coding_key(
            &secret,
            "example.aaaaaaaaaaaaaaaaaaaaaaaaaa",
            &domain,
            Generation::new(number).unwrap(),
        )
    };
    generations.map(key).collect()
}

fn identifier(seed: u64) -> Identifier {
    let text = format!(
        "1{:02}{:02}75{:06}",
        seed % 100,
        1 + seed / 100 % 12,
        1_001 + seed / 1_200 % 900_000
    );
    Scheme::FrNir.parse(text.as_bytes()).unwrap().identifier
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_code_does_not_depend_on_its_neighbours(
        seeds in proptest::collection::vec(any::<u64>(), 0..150),
        cuts in proptest::collection::vec(0_usize..150, 0..4),
        generations in 1_u32..4,
    ) {
        let identifiers: Vec<Identifier> = seeds.into_iter().map(identifier).collect();
        let coder = Coder::new(keys(1..=generations)).unwrap();
        let first = Coder::new(keys(1..=1)).unwrap();
        let renewer = Renewer::new(Generation::FIRST, keys(2..=4)).unwrap();

        // One by one: no other row is there.
        let (mut one, mut alone, mut renewed_alone, mut old) = (vec![], vec![], vec![], vec![]);
        for identifier in &identifiers {
            coder.code(std::slice::from_ref(identifier), &mut one);
            alone.append(&mut one);
            first.code(std::slice::from_ref(identifier), &mut one);
            old.extend_from_slice(&one);
            renewer.renew(&old[old.len() - 1..], &mut one).unwrap();
            renewed_alone.append(&mut one);
        }

        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(identifiers.len())).collect();
        cuts.extend([0, identifiers.len()]);
        cuts.sort_unstable();
        for path in Path::available() {
            let (mut codes, mut renewed) = (Vec::<Code>::new(), Vec::<Code>::new());
            for cut in cuts.windows(2) {
                coder.code_by(path, &identifiers[cut[0]..cut[1]], &mut one);
                codes.append(&mut one);
                renewer.renew_by(path, &old[cut[0]..cut[1]], &mut one).unwrap();
                renewed.append(&mut one);
            }
            prop_assert_eq!(&codes, &alone, "{:?}", path);
            prop_assert_eq!(&renewed, &renewed_alone, "{:?}", path);
        }
    }
}
