use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Sets {
    sets: Vec<Set>,
}

#[derive(Deserialize)]
struct Set {
    id: String,
    threshold: u8,
    n: usize,
    secret: String,
    shares: Vec<String>,
}

fn bytes(hex: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap()
}

/// The next k of 0..n in lexicographic order; whether there is one.
fn advance(chosen: &mut [usize], n: usize) -> bool {
    let k = chosen.len();
    let Some(at) = (0..k).rev().find(|&at| chosen[at] < n - k + at) else { return false };
    chosen[at] += 1;
    for later in at + 1..k {
        chosen[later] = chosen[later - 1] + 1;
    }
    true
}

/// Sets of other implementations over the same field: the raw combiner computes what they do.
#[test]
fn the_share_sets_of_other_tools_recover() {
    let text = include_str!("../../tests/data/shamir/cross_0x11d_dev.json");
    let Sets { sets } = serde_json::from_str(text).unwrap();
    let mut subsets = 0;
    for Set { id, threshold, n, secret, shares } in &sets {
        let secret = bytes(secret);
        let raw = |hex: &String| sharks::Share::try_from(&bytes(hex)[..]).unwrap();
        let shares: Vec<sharks::Share> = shares.iter().map(raw).collect();
        assert_eq!(shares.len(), *n, "{id}");
        let mut chosen: Vec<usize> = (0..usize::from(*threshold)).collect();
        loop {
            let found = combine(*threshold, chosen.iter().map(|&at| &shares[at])).unwrap();
            assert_eq!(*found, secret, "{id}: {chosen:?}");
            subsets += 1;
            if !advance(&mut chosen, *n) {
                break;
            }
        }
    }
    // 184,756 of them are the tens of twenty of one set.
    assert_eq!((sets.len(), subsets), (21, 185_873));
}

fn dealt() -> (DealingId, Secret<32>, Vec<Share>) {
    let threshold = Threshold::new(2, 3).unwrap();
    let dealing = DealingId {
        service: "example.aaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(),
        epoch: Epoch::FIRST,
        threshold,
    };
    let root = Secret::random();
    let shares = split(&dealing, &root).unwrap();
    (dealing, root, shares)
}

/// No bytes decode to such a share, so it is made here: a forger at x = 0 would choose the key.
#[test]
fn a_share_at_zero_is_refused_by_its_commitment_too() {
    let (dealing, _, shares) = dealt();
    let names = ["ana", "ben", "chloe"].map(|name| Name::new(name).unwrap());
    let holders: Vec<Holder> = std::iter::zip(&names, &shares)
        .map(|(name, share)| Holder { name: name.clone(), commitment: share.commitment() })
        .collect();
    let [ana, ben, _] = names;
    let forged = Share { dealing: dealing.clone(), x: 0, y: Secret::fill(|y| y.fill(7)) };
    let first = shares.into_iter().next().unwrap();
    let refused = recover(&dealing, &holders, &[(ana, first), (ben.clone(), forged)]);
    assert_eq!(refused.err(), Some(SharingError::Altered { custodian: ben }));
}

#[test]
fn shares_that_do_not_lie_on_one_polynomial_are_not_dealt() {
    let (dealing, root, shares) = dealt();
    let raw = |share: &Share| [&[share.x][..], share.y.expose()].concat();
    let good: Vec<Vec<u8>> = shares.iter().map(raw).collect();
    let check = |shares: &[Vec<u8>]| {
        let shares: Vec<_> =
            shares.iter().map(|raw| sharks::Share::try_from(&raw[..]).unwrap()).collect();
        check_polynomial(dealing.threshold, &shares, &root)
    };
    assert_eq!(check(&good), Ok(()));
    for (seat, byte) in [(0, 1), (1, 32), (2, 7)] {
        let mut bad = good.clone();
        bad[seat][byte] ^= 0x10;
        assert_eq!(check(&bad), Err(SharingError::Polynomial), "share {seat}");
    }
}
