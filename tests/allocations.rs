//! The kernel's slices: into vectors that are large enough, no code costs an allocation.

use allocation_counter::measure;
use cstatns::code::{Code, Generation};
use cstatns::coder::{Coder, CodingKey, Renewer};
use cstatns::hazmat::coding_key;
use cstatns::hazmat::lanes::Path;
use cstatns::identifier::{Identifier, Scheme};
use cstatns::name::Name;
use cstatns::secret::Secret;

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

#[test]
fn no_code_costs_an_allocation() {
    // Whole groups of lanes and a rest.
    let identifiers: Vec<Identifier> = (0..1_003)
        .map(|n| format!("1{:02}{:02}75{:06}", n % 100, 1 + n % 12, 1_001 + n))
        .map(|text| Scheme::FrNir.parse(text.as_bytes()).unwrap().identifier)
        .collect();
    let (coder, renewer) =
        (Coder::new(keys(1..=3)).unwrap(), Renewer::new(Generation::FIRST, keys(2..=3)).unwrap());
    let (mut codes, mut renewed) = (
        Vec::<Code>::with_capacity(identifiers.len()),
        Vec::<Code>::with_capacity(identifiers.len()),
    );
    let first = Coder::new(keys(1..=1)).unwrap();
    for path in Path::available() {
        for some in [&identifiers[..1], &identifiers[..]] {
            let counted = measure(|| coder.code_by(path, some, &mut codes));
            assert!(
                counted.count_total <= 1,
                "{path:?}, {} codes: one for their prefix",
                some.len()
            );
            assert_eq!(codes.len(), some.len());

            first.code_by(path, some, &mut codes);
            let counted = measure(|| renewer.renew_by(path, &codes, &mut renewed).unwrap());
            assert_eq!(counted.count_total, 0, "{path:?}, {} codes renewed", some.len());
            assert_eq!(renewed.len(), some.len());
        }
    }
    // What is counted is there to be counted.
    let counted = measure(|| coder.code(&identifiers, &mut Vec::new()));
    assert!(counted.count_total > 1, "a vector that must grow is seen");
}
