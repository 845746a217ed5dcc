//! HMAC-SHA-256 under prepared keys (SPEC §4) against Wycheproof's cases and against the `hmac`
//! crate.

use cstatns::hazmat::MacKey;
use cstatns::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use sha2::Sha256;
use wycheproof::TestResult;
use wycheproof::mac::{TestName, TestSet};

/// A key of the only length that there is; HMAC itself would take any.
fn key(bytes: &[u8]) -> Option<MacKey> {
    let bytes: &[u8; 32] = bytes.try_into().ok()?;
    Some(MacKey::new(&Secret::fill(|key| key.copy_from_slice(bytes))))
}

#[test]
fn wycheproof() {
    let set = TestSet::load(TestName::HmacSha256).unwrap();
    let (mut valid, mut invalid, mut truncated, mut refused) = (0, 0, 0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            let Some(key) = key(&test.key) else {
                assert_ne!(group.key_size, 256);
                refused += 1;
                continue;
            };
            let mac = key.mac(&test.msg);
            let tag = &test.tag[..];
            assert_eq!(8 * tag.len(), group.tag_size);
            truncated += usize::from(tag.len() < mac.len());
            match test.result {
                TestResult::Valid => {
                    assert_eq!(&mac[..tag.len()], tag, "case {}", test.tc_id);
                    valid += 1;
                }
                TestResult::Invalid => {
                    assert_ne!(&mac[..tag.len()], tag, "case {}", test.tc_id);
                    invalid += 1;
                }
                other => panic!("case {}: {other:?}", test.tc_id),
            }
        }
    }
    assert_eq!((valid, invalid, refused), (54, 108, 12));
    assert_eq!((truncated, set.number_of_tests), (81, 174));
}

proptest! {
    #[test]
    fn as_the_hmac_crate(bytes in any::<[u8; 32]>(), message in proptest::collection::vec(any::<u8>(), 200)) {
        let prepared = key(&bytes).unwrap();
        // Every length up to four blocks: each place that the padding can take, under each key.
        for length in 0..=message.len() {
            let message = &message[..length];
            let theirs = Hmac::<Sha256>::new_from_slice(&bytes).unwrap().chain_update(message).finalize();
            prop_assert_eq!(prepared.mac(message), <[u8; 32]>::from(theirs.into_bytes()), "length \
                {}", length);
        }
    }
}
