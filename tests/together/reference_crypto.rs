//! The cryptography of the second implementation, `tests/reference`, which has nothing but Python's
//! standard library: over Wycheproof's cases, and against this one where strictness decides.

use crate::second;

use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};
use cstatns::name::Hex;
use cstatns::statement::verify;
use data_encoding::HEXLOWER;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use wycheproof::{TestResult, aead, eddsa, xdh};

use second::{Random, reference};

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

fn ask(questions: &[Value]) -> Vec<Value> {
    let answers =
        reference(&[], questions.iter().map(|question| format!("{question}\n")).collect());
    assert_eq!(answers.len(), questions.len());
    answers
}

/// Whether this implementation takes a signature; other lengths never reach it.
fn takes(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (key.try_into(), signature.try_into()) else { return false };
    verify(&Hex(key), message, &Hex(signature))
}

fn signature(key: &[u8], message: &[u8], signature: &[u8]) -> Value {
    json!({"op": "ed25519", "key": hex(key), "message": hex(message), "signature": hex(signature)})
}

#[test]
fn signatures_of_wycheproof() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let (mut questions, mut expected, mut ours) = (Vec::new(), Vec::new(), Vec::new());
    for group in &set.test_groups {
        for test in &group.tests {
            questions.push(signature(&group.key.pk, &test.msg, &test.sig));
            expected.push(test.result == TestResult::Valid);
            ours.push(takes(&group.key.pk, &test.msg, &test.sig));
        }
    }
    let answers: Vec<bool> = ask(&questions).iter().map(|answer| answer["valid"] == true).collect();
    assert_eq!(answers, expected);
    assert_eq!(answers, ours);
    assert_eq!(answers.len(), set.number_of_tests);
    assert!(answers.iter().filter(|valid| **valid).count() > 50);
}

/// The encodings of points of small order, canonical and not, and of no point.
const ODD: [&str; 14] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0200000000000000000000000000000000000000000000000000000000000000",
];

#[test]
fn signatures_that_only_strictness_refuses() {
    let mut random = Random(7);
    let odd: Vec<[u8; 32]> =
        ODD.iter().map(|text| Hex::parse(text.as_bytes()).unwrap().0).collect();
    let (mut questions, mut ours) = (Vec::new(), Vec::new());
    let mut both = |key: &[u8], message: &[u8], bytes: &[u8]| {
        questions.push(signature(key, message, bytes));
        ours.push(takes(key, message, bytes));
    };
    for message in 0..40_u8 {
        let key = SigningKey::from_bytes(&random.bytes::<32>().0);
        let (public, message) = (key.verifying_key().to_bytes(), [message]);
        let good = key.sign(&message).to_bytes();
        both(&public, &message, &good);
        both(&public, &message, &good[..63]);
        // The scalar and the order of the group.
        let order =
            Hex::<32>::parse(b"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
        let (mut sum, mut carry) = (good, 0);
        for (byte, more) in sum[32..].iter_mut().zip(order.unwrap().0) {
            carry += u16::from(*byte) + u16::from(more);
            (*byte, carry) = (carry as u8, carry >> 8);
        }
        both(&public, &message, &sum);
        for odd in &odd {
            // Under a key of small order, a scalar of zero is a signature of many messages.
            both(odd, &message, &[*odd, [0; 32]].concat());
            both(odd, &message, &[odd, &good[32..]].concat());
            both(&public, &message, &[odd, &good[32..]].concat());
        }
    }
    let answers: Vec<bool> = ask(&questions).iter().map(|answer| answer["valid"] == true).collect();
    assert_eq!(answers, ours);
    assert_eq!(answers.iter().filter(|valid| **valid).count(), 40);
}

#[test]
fn key_agreement_of_wycheproof() {
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    let tests: Vec<_> = set.test_groups.iter().flat_map(|group| &group.tests).collect();
    let tests: Vec<_> = tests.into_iter().filter(|test| test.public_key.len() == 32).collect();
    let questions: Vec<Value> = tests
        .iter()
        .map(|test| {
            let (private, public) = (hex(&test.private_key), hex(&test.public_key));
            json!({"op": "x25519", "private": private, "public": public})
        })
        .collect();
    for (test, answer) in tests.iter().zip(ask(&questions)) {
        assert_eq!(answer["shared"], hex(&test.shared_secret), "case {}", test.tc_id);
    }
    assert!(tests.len() > 500, "{}", tests.len());
}

#[test]
fn sealing_of_wycheproof() {
    for name in [aead::TestName::ChaCha20Poly1305, aead::TestName::XChaCha20Poly1305] {
        let set = aead::TestSet::load(name).unwrap();
        let tests: Vec<_> = set.test_groups.iter().flat_map(|group| &group.tests).collect();
        let questions: Vec<Value> = tests
            .iter()
            .map(|test| {
                let sealed = [&test.ct[..], &test.tag[..]].concat();
                json!({
                    "op": "aead", "key": hex(&test.key), "nonce": hex(&test.nonce),
                    "associated": hex(&test.aad), "sealed": hex(&sealed),
                })
            })
            .collect();
        let mut opened = 0;
        for (test, answer) in tests.iter().zip(ask(&questions)) {
            let expected = match test.result {
                TestResult::Invalid => json!({"refused": "does-not-open"}),
                _ => json!({"opens": hex(&test.pt)}),
            };
            opened += usize::from(test.result != TestResult::Invalid);
            assert_eq!(answer, expected, "case {}", test.tc_id);
        }
        assert!(opened > 100 && tests.len() > opened + 20, "{opened} of {}", tests.len());
    }
}

/// The question for a key of a passphrase.
fn argon2id(
    password: &[u8],
    salt: &[u8],
    numbers: [u32; 4],
    secret: &[u8],
    associated: &[u8],
) -> Value {
    let [memory, passes, lanes, length] = numbers;
    json!({
        "op": "argon2id", "password": hex(password), "salt": hex(salt), "memory": memory, "passes": passes,
        "lanes": lanes, "length": length, "secret": hex(secret), "associated": hex(associated),
    })
}

#[test]
fn keys_of_passphrases() {
    // RFC 9106, section 5.3.
    let (password, salt, secret, associated) = ([1; 32], [2; 16], [3; 8], [4; 12]);
    let mut questions = vec![argon2id(&password, &salt, [32, 3, 4, 32], &secret, &associated)];
    let known = "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659";
    let mut expected = vec![json!({"tag": known})];
    let mut random = Random(13);
    for at in 0..24_u32 {
        let (passes, lanes) = (1 + random.below(4) as u32, [1, 1, 2, 4][random.below(4)]);
        // One lane, as kits have it, of 64 blocks and more: a segment then needs several addresses.
        let (lanes, memory) = match at {
            0 => (1, 1_100),
            _ => (lanes, 8 * lanes + random.below(60) as u32),
        };
        let length = [4, 32, 64, 65, 96, 128, 200][random.below(7)];
        let password = &random.bytes::<80>().0[..random.below(80)];
        let (salt, secret) = (random.bytes::<16>().0, &random.bytes::<8>().0[..random.below(8)]);
        let associated = AssociatedData::new(&random.bytes::<12>().0[..random.below(12)]).unwrap();
        questions.push(argon2id(
            password,
            &salt,
            [memory, passes, lanes, length],
            secret,
            associated.as_bytes(),
        ));
        let mut params = ParamsBuilder::new();
        params
            .m_cost(memory)
            .t_cost(passes)
            .p_cost(lanes)
            .output_len(length as usize)
            .data(associated);
        let params = params.build().unwrap();
        let hash =
            Argon2::new_with_secret(secret, Algorithm::Argon2id, Version::V0x13, params).unwrap();
        let mut tag = vec![0; length as usize];
        hash.hash_password_into(password, &salt, &mut tag).unwrap();
        expected.push(json!({"tag": hex(&tag)}));
    }
    assert_eq!(ask(&questions), expected);
}
