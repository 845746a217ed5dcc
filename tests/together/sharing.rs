//! Shares: every quorum opens, everything else is refused and says whose share it is. The last part
//! keeps what the unguarded combiner does with the same shares: it is why the guard exists.

use cstatns::coded::Coded as _;
use cstatns::custody::SharingError;
use cstatns::dealing::{DealingId, Epoch, Holder, Threshold, ThresholdError};
use cstatns::hazmat::{Share, recover, split};
use cstatns::name::Name;
use cstatns::secret::Secret;
use proptest::prelude::*;

const SERVICE: &str = "example.aaaaaaaaaaaaaaaaaaaaaaaaaa";

fn name(seat: usize) -> Name {
    const NAMES: [&str; 8] = ["ana", "ben", "chloe", "dan", "eve", "farid", "gus", "hana"];
    let known =
        NAMES.get(seat).map_or_else(|| format!("custodian-{seat}"), |name| (*name).to_owned());
    Name::new(&known).unwrap()
}

/// A dealing with what each custodian keeps: a share has no `Clone`, so it is decoded anew for each
/// use.
struct Dealt {
    id: DealingId,
    holders: Vec<Holder>,
    root: Secret<32>,
    encoded: Vec<Vec<u8>>,
}

impl Dealt {
    fn new(service: &str, epoch: u32, k: usize, n: usize) -> Self {
        let threshold = Threshold::new(k, n).unwrap();
        let id = DealingId { service: service.to_owned(), epoch: Epoch(epoch), threshold };
        let root = Secret::random();
        let shares = split(&id, &root).unwrap();
        let holder = |(seat, share): (usize, &Share)| Holder {
            name: name(seat),
            commitment: share.commitment(),
        };
        let holders = shares.iter().enumerate().map(holder).collect();
        let encoded = shares.iter().map(|share| share.encode().to_vec()).collect();
        Self { id, holders, root, encoded }
    }

    fn share(&self, seat: usize) -> Share {
        Share::decode(&self.encoded[seat]).unwrap()
    }

    /// The shares of these seats, each given by its own custodian.
    fn given(&self, seats: &[usize]) -> Vec<(Name, Share)> {
        seats.iter().map(|&seat| (name(seat), self.share(seat))).collect()
    }

    fn recover(&self, given: &[(Name, Share)]) -> Result<Secret<32>, SharingError> {
        recover(&self.id, &self.holders, given)
    }

    fn refusal(&self, given: &[(Name, Share)]) -> SharingError {
        match self.recover(given) {
            Err(error) => error,
            Ok(root) => {
                panic!(
                    "opened, to the {} key",
                    if root.ct_eq(&self.root) { "right" } else { "WRONG" }
                )
            }
        }
    }
}

fn seats_of(mask: usize, n: usize) -> Vec<usize> {
    (0..n).filter(|seat| mask >> seat & 1 == 1).collect()
}

#[test]
fn every_subset_of_at_least_k_opens_and_no_smaller_one() {
    let (mut exact, mut larger, mut smaller) = (0, 0, 0);
    for n in 2..=8 {
        for k in 2..=n {
            let dealt = Dealt::new(SERVICE, 1, k, n);
            for mask in 0..1 << n {
                let seats = seats_of(mask, n);
                let outcome = dealt.recover(&dealt.given(&seats));
                if seats.len() < k {
                    let too_few = SharingError::TooFew { given: seats.len(), needed: k };
                    assert_eq!(outcome.err(), Some(too_few), "{k} of {n}, {seats:?}");
                    smaller += 1;
                } else {
                    assert!(outcome.unwrap().ct_eq(&dealt.root), "{k} of {n}, {seats:?}");
                    *if seats.len() == k { &mut exact } else { &mut larger } += 1;
                }
            }
        }
    }
    // Σ C(n, k), and the rest of Σ 2ⁿ, over 2 ≤ k ≤ n ≤ 8.
    assert_eq!((exact, exact + larger + smaller), (466, 3076));
}

#[test]
fn the_order_of_the_shares_does_not_matter() {
    let dealt = Dealt::new(SERVICE, 1, 3, 5);
    for seats in [[4, 1, 2], [2, 4, 1], [1, 2, 4]] {
        assert!(dealt.recover(&dealt.given(&seats)).unwrap().ct_eq(&dealt.root));
    }
}

#[test]
fn every_flipped_bit_is_refused_naming_the_custodian() {
    let dealt = Dealt::new(SERVICE, 1, 3, 5);
    let (mut undecodable, mut named) = (0, 0);
    for bad in 0..3 {
        for bit in 0..dealt.encoded[bad].len() * 8 {
            let mut bytes = dealt.encoded[bad].clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let Ok(share) = Share::decode(&bytes) else {
                undecodable += 1;
                continue;
            };
            let mut given = dealt.given(&[0, 1, 2]);
            given[bad].1 = share;
            let custodian = match dealt.refusal(&given) {
                SharingError::Altered { custodian }
                | SharingError::OtherService { custodian }
                | SharingError::OtherEpoch { custodian, .. } => custodian,
                other => panic!("bit {bit}: {other:?}"),
            };
            assert_eq!(custodian, name(bad), "bit {bit}");
            named += 1;
        }
    }
    let bits: usize = dealt.encoded[..3].iter().map(|bytes| bytes.len() * 8).sum();
    assert_eq!(undecodable + named, bits);
    // At least the bits of epoch and y decode, and only the commitment stands between them and a
    // wrong key.
    assert!(named >= 3 * (32 + 256), "{named}");
}

#[test]
fn a_flipped_bit_is_found_also_in_a_share_that_is_not_needed() {
    let dealt = Dealt::new(SERVICE, 1, 2, 4);
    let mut bytes = dealt.encoded[3].clone();
    *bytes.last_mut().unwrap() ^= 1;
    let mut given = dealt.given(&[0, 1, 3]);
    given[2].1 = Share::decode(&bytes).unwrap();
    assert_eq!(dealt.refusal(&given), SharingError::Altered { custodian: name(3) });
}

#[test]
fn a_share_given_twice_is_named() {
    let dealt = Dealt::new(SERVICE, 1, 3, 5);
    assert_eq!(dealt.refusal(&dealt.given(&[0, 1, 1])), SharingError::Twice { custodian: name(1) });
    assert_eq!(
        dealt.refusal(&dealt.given(&[2, 0, 1, 2])),
        SharingError::Twice { custodian: name(2) }
    );
    // Once more under another name.
    let mut given = dealt.given(&[0, 1, 2]);
    given[2].1 = dealt.share(1);
    let swapped = SharingError::Swapped { custodian: name(2), owner: name(1) };
    assert_eq!(dealt.refusal(&given), swapped);
}

#[test]
fn swapped_shares_are_named_with_their_owner() {
    let dealt = Dealt::new(SERVICE, 1, 3, 5);
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        let mut given = dealt.given(&[0, 1, 2]);
        (given[a].1, given[b].1) = (dealt.share(b), dealt.share(a));
        let swapped = SharingError::Swapped { custodian: name(a), owner: name(b) };
        assert_eq!(dealt.refusal(&given), swapped);
    }
}

#[test]
fn shares_of_other_dealings_are_named() {
    let dealt = Dealt::new(SERVICE, 2, 3, 5);
    let with = |other: &Dealt| {
        let mut given = dealt.given(&[0, 1, 2]);
        given[1].1 = other.share(1);
        dealt.refusal(&given)
    };
    let custodian = name(1);
    let service = SharingError::OtherService { custodian: custodian.clone() };
    assert_eq!(with(&Dealt::new("other.bbbbbbbbbbbbbbbbbbbbbbbbbb", 2, 3, 5)), service);
    for (found, expected) in [(1, 2), (3, 2)] {
        let (found, expected) = (Epoch(found), Epoch(expected));
        let epoch = SharingError::OtherEpoch { custodian: custodian.clone(), found, expected };
        assert_eq!(with(&Dealt::new(SERVICE, found.0, 3, 5)), epoch);
    }
    // The same words on it, but another root or another threshold.
    for (k, n) in [(3, 5), (2, 5), (3, 6)] {
        let altered = SharingError::Altered { custodian: custodian.clone() };
        assert_eq!(with(&Dealt::new(SERVICE, 2, k, n)), altered, "{k} of {n}");
    }
    let mut given = dealt.given(&[0, 1, 2]);
    given[2].0 = Name::new("stranger").unwrap();
    let stranger = SharingError::NotAHolder { custodian: Name::new("stranger").unwrap() };
    assert_eq!(dealt.refusal(&given), stranger);
}

#[test]
fn a_share_is_whole_to_the_byte() {
    let whole = &Dealt::new(SERVICE, 1, 2, 3).encoded[0];
    for length in 0..whole.len() {
        assert_eq!(
            Share::decode(&whole[..length]).err(),
            Some(SharingError::Format),
            "{length} bytes"
        );
    }
    let longer = [whole.as_slice(), &[0]].concat();
    assert_eq!(Share::decode(&longer).err(), Some(SharingError::Format));
    assert_eq!(*Share::decode(whole).unwrap().encode(), *whole);
}

/// A secret that outgrew its room would be left behind where it was.
#[test]
fn a_share_is_written_into_room_that_was_reserved_for_it() {
    for service in [SERVICE, "e.aaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        let dealt = Dealt::new(service, 1, 2, 3);
        let encoded = Share::decode(&dealt.encoded[0]).unwrap().encode();
        assert_eq!(encoded.capacity(), encoded.len());
    }
}

#[test]
fn impossible_numbers_are_refused() {
    let whole = &Dealt::new(SERVICE, 1, 2, 3).encoded[0];
    // k, n and x stand before the 32 bytes of y.
    let at = whole.len() - 35;
    let with = |numbers: [u8; 3]| {
        let mut bytes = whole.clone();
        bytes[at..at + 3].copy_from_slice(&numbers);
        Share::decode(&bytes).err()
    };
    assert_eq!(with([2, 3, 1]), None);
    assert_eq!(with([2, 3, 0]), Some(SharingError::Format), "x = 0");
    assert_eq!(with([2, 3, 4]), Some(SharingError::Format), "x > n");
    for (k, n) in [(0, 0), (0, 3), (1, 1), (1, 3), (1, 255), (4, 3)] {
        let refused = ThresholdError { k: k.into(), n: n.into() };
        assert_eq!(with([k, n, 1]), Some(refused.into()));
        assert_eq!(Threshold::new(k.into(), n.into()), Err(refused));
        let json = format!(r#"{{"k":{k},"n":{n}}}"#);
        assert!(serde_json::from_str::<Threshold>(&json).is_err(), "{json}");
    }
    for (k, n) in [(2, 256), (256, 256), (usize::MAX, usize::MAX), (2, 258)] {
        assert_eq!(Threshold::new(k, n), Err(ThresholdError { k, n }));
    }
    assert!(Threshold::new(255, 255).is_ok());
}

#[test]
fn a_newer_share_is_told_from_a_damaged_one() {
    let mut newer = Dealt::new(SERVICE, 1, 2, 3).encoded[0].clone();
    newer[b"CStatNS/share/".len()] = 3;
    assert_eq!(Share::decode(&newer).err(), Some(SharingError::Version { found: 3 }));
}

#[test]
fn errors_do_not_show_the_share() {
    let dealt = Dealt::new(SERVICE, 1, 2, 3);
    let mut given = dealt.given(&[0, 1]);
    given[1].1 = dealt.share(2);
    let error = dealt.refusal(&given);
    let y = data_encoding::HEXLOWER.encode(&dealt.encoded[2][dealt.encoded[2].len() - 32..]);
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains(&y[..8]), "{text}");
        assert!(text.contains("ben") && text.contains("chloe"), "{text}");
    }
    assert_eq!(error.code(), "share-swapped");
}

proptest! {
    #[test]
    fn any_quorum_opens_in_any_order(
        (k, n, order) in (2_usize..=12).prop_flat_map(|n| {
            (2..=n, Just(n), Just((0..n).collect::<Vec<_>>()).prop_shuffle())
        }),
        more in 0_usize..12,
    ) {
        let dealt = Dealt::new(SERVICE, 1, k, n);
        let seats = &order[..(k + more).min(n)];
        prop_assert!(dealt.recover(&dealt.given(seats)).unwrap().ct_eq(&dealt.root));
    }

    /// Whatever bytes stand in for one share, the key does not open, right or wrong.
    #[test]
    fn any_damage_is_refused(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..4),
        bad in 0_usize..3,
    ) {
        let dealt = Dealt::new(SERVICE, 1, 3, 4);
        let mut bytes = dealt.encoded[bad].clone();
        for (at, change) in edits {
            let at = at.index(bytes.len());
            bytes[at] ^= change;
        }
        prop_assume!(bytes != dealt.encoded[bad]);
        if let Ok(share) = Share::decode(&bytes) {
            let mut given = dealt.given(&[0, 1, 2]);
            given[bad].1 = share;
            let error = dealt.refusal(&given);
            prop_assert!(error.to_string().contains(name(bad).as_str()), "{error}");
        }
    }
}

// The coefficients.

/// The χ² of 256 equally likely values below which a generator passes: the quantile of 255 degrees
/// of freedom that an honest generator exceeds once in 10⁹ runs.
const LIMIT: f64 = 416.0;
const DEALINGS: usize = 4096;

/// χ² of the values that `draw` gives, 32 a call, against the uniform distribution over 0..=255.
fn chi_square(mut draw: impl FnMut() -> [u8; 32]) -> f64 {
    let mut counts = [0_u32; 256];
    for _ in 0..DEALINGS {
        for value in draw() {
            counts[usize::from(value)] += 1;
        }
    }
    let expected = (DEALINGS * 32) as f64 / 256.0;
    counts.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum()
}

/// y of a share, minus the secret: the part of the polynomial that its coefficients make.
fn without_secret(share: &Share, root: &Secret<32>) -> [u8; 32] {
    let encoded = share.encode();
    let y = &encoded[encoded.len() - 32..];
    std::array::from_fn(|i| y[i] ^ root.expose()[i])
}

/// The product by x in GF(2⁸) modulo x⁸ + x⁴ + x³ + x² + 1.
fn double(a: u8) -> u8 {
    (a << 1) ^ if a & 0x80 == 0 { 0 } else { 0x1d }
}

fn dealing(k: usize, n: usize) -> DealingId {
    DealingId {
        service: SERVICE.to_owned(),
        epoch: Epoch(1),
        threshold: Threshold::new(k, n).unwrap(),
    }
}

#[test]
fn the_coefficient_of_two_of_n_is_uniform() {
    let (id, root) = (dealing(2, 2), Secret::random());
    // At x = 1 the polynomial s + a·x is s + a.
    let found = chi_square(|| without_secret(&split(&id, &root).unwrap()[0], &root));
    assert!(found < LIMIT, "χ² = {found}");
}

#[test]
fn both_coefficients_of_three_of_n_are_uniform() {
    let (id, root) = (dealing(3, 3), Secret::random());
    // With p(x) = s + a·x + b·x²: c₁ = a + b and c₂ = 2a + 4b, so 4c₁ + c₂ = 6a and 2c₁ + c₂ = 6b,
    // and the product by 6 permutes the field and keeps zero.
    for degree in [1, 2] {
        let found = chi_square(|| {
            let shares = split(&id, &root).unwrap();
            let [one, two] = [0, 1].map(|seat| without_secret(&shares[seat], &root));
            std::array::from_fn(|i| {
                let twice = double(one[i]);
                two[i] ^ if degree == 1 { double(twice) } else { twice }
            })
        });
        assert!(found < LIMIT, "degree {degree}: χ² = {found}");
    }
}

/// The historical generator (RUSTSEC-2024-0398): coefficients 1..=255. One missing value of 256
/// leaks a little of the secret with each dealing.
#[test]
fn the_biased_generator_is_caught() {
    let found = chi_square(|| {
        std::array::from_fn(|_| {
            loop {
                let mut byte = [0];
                getrandom::fill(&mut byte).unwrap();
                if byte[0] != 0 {
                    return byte[0];
                }
            }
        })
    });
    assert!(found > LIMIT, "χ² = {found}: a generator without zero passes");
}

// What the combiner does without the guard.

fn unguarded(k: u8, shares: &[(u8, Vec<u8>)]) -> Option<Vec<u8>> {
    let raw =
        |(x, y): &(u8, Vec<u8>)| sharks::Share::try_from(&[&[*x][..], y].concat()[..]).unwrap();
    let shares: Vec<sharks::Share> = shares.iter().map(raw).collect();
    sharks::Sharks(k).recover(&shares).ok()
}

/// The root of a dealing of 3 of 5 and three of its shares as x and y. At x = 1, 2, 3 the secret is
/// y₁ + y₂ + y₃, and swapping would be harmless by chance; so the fourth is taken instead of the
/// third.
fn raw_shares() -> (Vec<u8>, Vec<(u8, Vec<u8>)>) {
    let dealt = Dealt::new(SERVICE, 1, 3, 5);
    let raw = |seat: usize| {
        let bytes = &dealt.encoded[seat];
        (bytes[bytes.len() - 33], bytes[bytes.len() - 32..].to_vec())
    };
    (dealt.root.expose().to_vec(), [0, 1, 3].map(raw).to_vec())
}

#[test]
fn unguarded_every_mistake_gives_a_wrong_key_in_silence() {
    let (root, shares) = raw_shares();
    assert_eq!(unguarded(3, &shares), Some(root.clone()));
    let wrong = |shares: &[(u8, Vec<u8>)], what: &str| {
        let found = unguarded(3, shares).unwrap_or_else(|| panic!("{what}: the combiner noticed"));
        assert_ne!(found, root, "{what}");
        found
    };

    let mut flipped = shares.clone();
    flipped[1].1[0] ^= 1;
    wrong(&flipped, "a flipped bit");

    let mut twice = shares.clone();
    twice.push(shares[1].clone());
    wrong(&twice, "a share twice");

    let (_, others) = raw_shares();
    wrong(&[shares[0].clone(), others[1].clone(), shares[2].clone()], "shares of two dealings");

    let mut swapped = shares.clone();
    (swapped[0].0, swapped[1].0) = (swapped[1].0, swapped[0].0);
    wrong(&swapped, "shares swapped");

    let truncated: Vec<_> = shares.iter().map(|(x, y)| (*x, y[..31].to_vec())).collect();
    assert_eq!(wrong(&truncated, "shares truncated").len(), 31);

    let mut forged = shares.clone();
    forged[2] = (0, vec![7; 32]);
    assert_eq!(wrong(&forged, "x = 0"), [7; 32], "one forger chooses the key");
}
