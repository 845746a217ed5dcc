//! The tree, its proofs and signed notes: published vectors, a second implementation by the
//! recursive definition, and every single-bit change.

use std::fs;
use std::path::{Path, PathBuf};

use cstatns::checkpoint::{
    Checkpoint, Hash, Note, NoteSignature, ProofError, Tree, VerifierKey, leaf_hash,
    prove_consistency, prove_inclusion, root_of, verify_consistency, verify_inclusion,
};
use cstatns::coded::Coded as _;
use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{SigningKey, VerifyingKey};
use proptest::prelude::*;
use serde::Deserialize;
use sha2::{Digest, Sha256};

fn json<T: for<'de> Deserialize<'de>>(path: &Path) -> T {
    serde_json::from_slice(&fs::read(path).unwrap())
        .unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/audit").join(name)
}

// The eight leaves that every implementation of Certificate Transparency is tested with.

#[derive(Deserialize)]
struct Tree8 {
    leaves: Vec<String>,
    empty_root: Hash,
    leaf_hashes: Vec<Hash>,
    roots: std::collections::BTreeMap<usize, Hash>,
    inclusion: Vec<Inclusion8>,
    consistency: Vec<Consistency8>,
}

#[derive(Deserialize)]
struct Inclusion8 {
    leaf: usize,
    size: usize,
    proof: Vec<Hash>,
}

#[derive(Deserialize)]
struct Consistency8 {
    first: usize,
    second: usize,
    proof: Vec<Hash>,
}

#[test]
fn eight_leaves() {
    let set: Tree8 = json(&data("rfc6962_tree8.json"));
    let leaves: Vec<Hash> = set
        .leaves
        .iter()
        .map(|leaf| leaf_hash(&HEXLOWER.decode(leaf.as_bytes()).unwrap()))
        .collect();
    assert_eq!(leaves, set.leaf_hashes);
    assert_eq!(set.empty_root, cstatns::checkpoint::empty_root());

    let mut tree = Tree::new();
    for (&size, &root) in &set.roots {
        assert_eq!((tree.size(), tree.root()), (size as u64, root));
        assert_eq!(root_of(&leaves[..size]), root);
        if let Some(&leaf) = leaves.get(size) {
            tree.push(leaf);
        }
    }
    for case in &set.inclusion {
        assert_eq!(prove_inclusion(&leaves[..case.size], case.leaf).unwrap(), case.proof);
        let root = &set.roots[&case.size];
        verify_inclusion(&leaves[case.leaf], case.leaf as u64, case.size as u64, &case.proof, root)
            .unwrap();
    }
    for case in &set.consistency {
        assert_eq!(prove_consistency(&leaves[..case.second], case.first).unwrap(), case.proof);
        let (first, second) = (&set.roots[&case.first], &set.roots[&case.second]);
        verify_consistency(case.first as u64, first, case.second as u64, second, &case.proof)
            .unwrap();
    }
    assert_eq!((set.roots.len(), set.inclusion.len(), set.consistency.len()), (9, 36, 36));
}

// The proofs of transparency-dev/merkle, nearly all of them to be refused. They are not part of
// this repository: CSTATNS_VECTORS names the folder that holds
// audit/merkle/{inclusion,consistency}.

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InclusionCase {
    leaf_idx: u64,
    tree_size: u64,
    root: String,
    leaf_hash: String,
    proof: Option<Vec<String>>,
    #[serde(rename = "desc")]
    _desc: String,
    want_err: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsistencyCase {
    size1: u64,
    size2: u64,
    root1: String,
    root2: String,
    proof: Option<Vec<String>>,
    #[serde(rename = "desc")]
    _desc: String,
    #[serde(rename = "wantErr")]
    want_err: bool,
}

/// A value of the vectors as a hash. `Hash` cannot hold the empty ones, and so refuses them by its
/// type (`None`). Others are words instead of hashes: another hash stands in for such a one, so
/// that the case still reaches the verifier (one of them, two equal roots, is to be accepted).
fn stand_in(text: &str) -> Option<Hash> {
    let bytes = BASE64.decode(text.as_bytes()).unwrap();
    if bytes.is_empty() {
        return None;
    }
    let stand_in = || Sha256::digest(&bytes).into();
    Some(cstatns::name::Hex(bytes.as_slice().try_into().unwrap_or_else(|_| stand_in())))
}

fn stand_ins(proof: Option<Vec<String>>) -> Option<Vec<Hash>> {
    proof.unwrap_or_default().iter().map(|text| stand_in(text)).collect()
}

/// How many cases the type, the verifier and nobody refused.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    by_type: usize,
    by_verifier: usize,
    accepted: usize,
}

impl Tally {
    fn count(&mut self, path: &Path, want_err: bool, verdict: Option<Result<(), ProofError>>) {
        assert_eq!(verdict != Some(Ok(())), want_err, "{path:?}: {verdict:?}");
        match verdict {
            None => self.by_type += 1,
            Some(Err(_)) => self.by_verifier += 1,
            Some(Ok(())) => self.accepted += 1,
        }
    }
}

/// Every file below a folder of the vectors; `None`, said aloud, if they are not at hand.
#[allow(clippy::print_stdout)]
fn vectors(kind: &str) -> Option<Vec<PathBuf>> {
    let Some(folder) = std::env::var_os("CSTATNS_VECTORS") else {
        println!("CSTATNS_VECTORS is unset: the {kind} vectors were not run");
        return None;
    };
    let mut folders = vec![Path::new(&folder).join("audit/merkle").join(kind)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}")) {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    Some(found)
}

#[test]
fn inclusion_vectors() {
    let Some(paths) = vectors("inclusion") else { return };
    let mut tally = Tally::default();
    for path in &paths {
        let case: InclusionCase = json(path);
        let hashes =
            || Some((stand_in(&case.leaf_hash)?, stand_ins(case.proof)?, stand_in(&case.root)?));
        let verdict = hashes().map(|(leaf, proof, root)| {
            verify_inclusion(&leaf, case.leaf_idx, case.tree_size, &proof, &root)
        });
        tally.count(path, case.want_err, verdict);
    }
    assert_eq!(tally, Tally { by_type: 21, by_verifier: 71, accepted: 6 });
}

#[test]
fn consistency_vectors() {
    let Some(paths) = vectors("consistency") else { return };
    let mut tally = Tally::default();
    for path in &paths {
        let case: ConsistencyCase = json(path);
        let hashes =
            || Some((stand_in(&case.root1)?, stand_in(&case.root2)?, stand_ins(case.proof)?));
        let verdict = hashes().map(|(first, second, proof)| {
            verify_consistency(case.size1, &first, case.size2, &second, &proof)
        });
        tally.count(path, case.want_err, verdict);
    }
    assert_eq!(tally, Tally { by_type: 8, by_verifier: 84, accepted: 6 });
}

// The tree against the definition of RFC 6962 2.1, and its proofs against every single-bit change.

fn node(left: Hash, right: Hash) -> Hash {
    let bytes = [&[1], left.0.as_slice(), &right.0].concat();
    cstatns::name::Hex(Sha256::digest(bytes).into())
}

/// "MTH(D[n]) = SHA-256(0x01 || MTH(D[0:k]) || MTH(D[k:n]))", k the largest power of two smaller
/// than n.
fn by_definition(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => cstatns::name::Hex(Sha256::digest([]).into()),
        [leaf] => *leaf,
        _ => {
            let mut k = 1;
            while 2 * k < leaves.len() {
                k *= 2;
            }
            node(by_definition(&leaves[..k]), by_definition(&leaves[k..]))
        }
    }
}

fn numbered(size: usize) -> Vec<Hash> {
    (0..size as u64).map(|number| leaf_hash(&number.to_be_bytes())).collect()
}

fn flipped(hash: &Hash, bit: usize) -> Hash {
    let mut bytes = hash.0;
    bytes[bit / 8] ^= 1 << (bit % 8);
    cstatns::name::Hex(bytes)
}

/// The proof with one bit changed, for every bit.
fn flips(proof: &[Hash]) -> impl Iterator<Item = Vec<Hash>> {
    (0..proof.len() * 256).map(|bit| {
        let mut changed = proof.to_vec();
        changed[bit / 256] = flipped(&proof[bit / 256], bit % 256);
        changed
    })
}

/// The proof with its last hash dropped, doubled, and with a foreign one added.
fn resized(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut resized = vec![[proof, &[leaf_hash(b"foreign")]].concat()];
    if let Some((last, rest)) = proof.split_last() {
        resized.push(rest.to_vec());
        resized.push([proof, &[*last]].concat());
    }
    resized
}

#[test]
fn every_proof_of_every_small_tree() {
    let leaves = numbered(40);
    for size in 1..=leaves.len() {
        let (tree, size64) = (&leaves[..size], size as u64);
        let root = root_of(tree);
        assert_eq!(root, by_definition(tree));
        for (index, leaf) in tree.iter().enumerate() {
            let proof = prove_inclusion(tree, index).unwrap();
            for claimed in 0..size {
                let result = verify_inclusion(leaf, claimed as u64, size64, &proof, &root);
                assert_eq!(result.is_ok(), claimed == index, "leaf {index} as {claimed} of {size}");
            }
        }
        for first in 1..=size {
            let proof = prove_consistency(tree, first).unwrap();
            for claimed in 1..=size {
                let claimed_root = root_of(&leaves[..claimed]);
                let result =
                    verify_consistency(claimed as u64, &claimed_root, size64, &root, &proof);
                assert_eq!(result.is_ok(), claimed == first, "{first} as {claimed} of {size}");
            }
        }
    }
}

#[test]
fn what_is_outside_the_tree_is_refused() {
    let leaves = numbered(3);
    let root = root_of(&leaves);
    let outside = Err(ProofError::OutOfRange);
    assert_eq!(prove_inclusion(&leaves, 3), Err(ProofError::OutOfRange));
    assert_eq!(prove_consistency(&leaves, 0), Err(ProofError::OutOfRange));
    assert_eq!(prove_consistency(&leaves, 4), Err(ProofError::OutOfRange));
    assert_eq!(verify_inclusion(&leaves[0], 0, 0, &[], &leaves[0]), outside);
    assert_eq!(verify_inclusion(&leaves[0], u64::MAX, u64::MAX, &[], &root), outside);
    assert_eq!(verify_consistency(0, &cstatns::checkpoint::empty_root(), 3, &root, &[]), outside);
    assert_eq!(
        verify_consistency(
            0,
            &cstatns::checkpoint::empty_root(),
            0,
            &cstatns::checkpoint::empty_root(),
            &[]
        ),
        outside
    );
    assert_eq!(verify_consistency(4, &root, 3, &root, &[]), outside);
    // The largest numbers there are: refused for the proof's length, without overflow.
    let long = Err(ProofError::WrongLength);
    assert_eq!(verify_inclusion(&leaves[0], u64::MAX - 1, u64::MAX, &leaves, &root), long);
    assert_eq!(verify_consistency(1 << 63, &root, u64::MAX, &root, &leaves), long);
    assert_eq!(verify_consistency(u64::MAX - 1, &root, u64::MAX, &root, &leaves), long);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_growing_tree_is_the_defined_one(leaves in prop::collection::vec(any::<[u8; 32]>(), 0..300)) {
        let leaves: Vec<Hash> = leaves.into_iter().map(cstatns::name::Hex).collect();
        let mut tree = Tree::new();
        tree.extend(leaves.iter().copied());
        prop_assert_eq!(tree.size(), leaves.len() as u64);
        prop_assert_eq!(tree.root(), by_definition(&leaves));
        let mut copy = tree.clone();
        copy.push(leaf_hash(b"more"));
        prop_assert_eq!(tree.root(), by_definition(&leaves));
        prop_assert_ne!(copy.root(), tree.root());
    }

    #[test]
    fn inclusion_proofs_hold_and_no_bit_may_change(size in 1usize..600, pick: prop::sample::Index) {
        let leaves = numbered(size);
        let (index, root) = (pick.index(size), by_definition(&leaves));
        let (leaf, proof) = (leaves[index], prove_inclusion(&leaves, index).unwrap());
        let verify = |leaf: &Hash, proof: &[Hash], root: &Hash| {
            verify_inclusion(leaf, index as u64, size as u64, proof, root)
        };
        prop_assert!(proof.len() <= size.next_power_of_two().ilog2() as usize);
        prop_assert_eq!(verify(&leaf, &proof, &root), Ok(()));
        for bit in 0..256 {
            prop_assert_eq!(verify(&flipped(&leaf, bit), &proof, &root), Err(ProofError::WrongRoot));
            prop_assert_eq!(verify(&leaf, &proof, &flipped(&root, bit)), Err(ProofError::WrongRoot));
        }
        for changed in flips(&proof) {
            prop_assert_eq!(verify(&leaf, &changed, &root), Err(ProofError::WrongRoot));
        }
        for changed in resized(&proof) {
            prop_assert_eq!(verify(&leaf, &changed, &root), Err(ProofError::WrongLength));
        }
    }

    #[test]
    fn consistency_proofs_hold_and_no_bit_may_change(size in 1usize..600, pick: prop::sample::Index) {
        let leaves = numbered(size);
        let first = 1 + pick.index(size);
        let (old, new) = (by_definition(&leaves[..first]), by_definition(&leaves));
        let proof = prove_consistency(&leaves, first).unwrap();
        let verify = |old: &Hash, new: &Hash, proof: &[Hash]| {
            verify_consistency(first as u64, old, size as u64, new, proof)
        };
        prop_assert_eq!(verify(&old, &new, &proof), Ok(()));
        for bit in 0..256 {
            prop_assert_eq!(verify(&flipped(&old, bit), &new, &proof), Err(ProofError::WrongRoot));
            prop_assert_eq!(verify(&old, &flipped(&new, bit), &proof), Err(ProofError::WrongRoot));
        }
        for changed in flips(&proof) {
            prop_assert_eq!(verify(&old, &new, &changed), Err(ProofError::WrongRoot));
        }
        for changed in resized(&proof) {
            prop_assert_eq!(verify(&old, &new, &changed), Err(ProofError::WrongLength));
        }
    }
}

// Signed notes.

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoteCase {
    id: String,
    vkey: Option<String>,
    skey: Option<String>,
    note: String,
    valid: Option<bool>,
}

const GO_SUMDB: &str = "go-sumdb/good";

#[test]
fn published_notes() {
    let cases: Vec<NoteCase> = json(&data("notes.json"));
    let (mut accepted, mut refused, mut signed) = (0, 0, 0);
    for case in &cases {
        if let Some(secret) = &case.skey {
            // PRIVATE+KEY+<name>+<id>+<base64 of 0x01 and the seed>, the form of Go's note package.
            let mut parts = secret.strip_prefix("PRIVATE+KEY+").unwrap().splitn(3, '+');
            let (name, _id, seed) = (parts.next().unwrap(), parts.next(), parts.next().unwrap());
            let seed = BASE64.decode(seed.as_bytes()).unwrap();
            let key = SigningKey::from_bytes(seed[1..].try_into().unwrap());
            let good = cases.iter().find(|case| case.id == GO_SUMDB).unwrap();
            let note = Note::parse(good.note.as_bytes()).unwrap();
            let signature = NoteSignature::sign(note.text(), name, &key).unwrap();
            assert_eq!(Note::new(note.text(), signature).unwrap().to_string(), good.note);
            let vkey = VerifierKey::new(name, key.verifying_key()).unwrap();
            assert_eq!(Some(vkey.to_string()), good.vkey);
            signed += 1;
            continue;
        }
        let vkey = case.vkey.as_ref().unwrap();
        let key = VerifierKey::parse(vkey).unwrap();
        assert_eq!(key.to_string(), *vkey);
        let verified = Note::parse(case.note.as_bytes()).and_then(|note| {
            assert_eq!(note.to_string(), case.note, "{}", case.id);
            note.verify(std::slice::from_ref(&key)).map(|signers| signers.len())
        });
        assert_eq!(verified.is_ok(), case.valid.unwrap(), "{}: {verified:?}", case.id);
        if verified.is_ok() { accepted += 1 } else { refused += 1 }
    }
    assert_eq!((accepted, refused, signed), (2, 22, 1));
}

fn signer(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn verifier(name: &str, seed: u8) -> VerifierKey {
    VerifierKey::new(name, signer(seed).verifying_key()).unwrap()
}

const TEXT: &str = "service.example\n3\nq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=\n";

/// The service's checkpoint, cosigned by two custodians.
fn cosigned() -> Note {
    let mut note =
        Note::new(TEXT, NoteSignature::sign(TEXT, "service.example", &signer(1)).unwrap()).unwrap();
    for (name, seed) in [("anne", 2), ("bruno", 3)] {
        note.add(NoteSignature::sign(TEXT, name, &signer(seed)).unwrap()).unwrap();
    }
    note
}

fn refusal(note: &Note, keys: &[VerifierKey]) -> String {
    note.verify(keys).unwrap_err().code().to_owned()
}

#[test]
fn unknown_signatures_are_passed_over_and_wrong_ones_are_not() {
    let note = cosigned();
    assert_eq!(Note::parse(note.to_string().as_bytes()).unwrap(), note);
    let (service, anne, bruno) =
        (verifier("service.example", 1), verifier("anne", 2), verifier("bruno", 3));
    assert_eq!(note.verify(std::slice::from_ref(&service)).unwrap(), [&service]);
    let keys = [bruno, verifier("carla", 4), anne.clone()];
    assert_eq!(note.verify(&keys).unwrap(), [&keys[0], &keys[2]]);

    // Known by name only, or by key only: another signer, whose signature is not there.
    assert_eq!(refusal(&note, &[verifier("anne", 4)]), "note-unsigned");
    assert_eq!(refusal(&note, &[verifier("carla", 2)]), "note-unsigned");
    assert_eq!(refusal(&note, &[]), "note-unsigned");

    // A wrong signature in the name of a known key refuses the note, good ones beside it or not; if
    // the key is not known, it is nobody's.
    let stolen = NoteSignature::sign("another text\n", "anne", &signer(2)).unwrap();
    let mut forged =
        Note::new(TEXT, NoteSignature::sign(TEXT, "service.example", &signer(1)).unwrap()).unwrap();
    forged.add(stolen).unwrap();
    forged.add(NoteSignature::sign(TEXT, "anne", &signer(2)).unwrap()).unwrap();
    let error = forged.verify(&[service.clone(), anne]).unwrap_err();
    assert_eq!(error.code(), "note-bad-signature");
    assert!(error.to_string().contains("anne"));
    forged.verify(&[service]).unwrap();
}

#[test]
fn a_signature_travels_alone_and_is_added_once() {
    let mut note = cosigned();
    let line = note.signatures()[1].to_string();
    let signature = NoteSignature::parse(&line).unwrap();
    assert_eq!(signature.name(), "anne");
    note.add(signature.clone()).unwrap();
    assert_eq!(note.signatures().len(), 3);
    for seed in 4..=200 {
        note.add(NoteSignature::sign(TEXT, "dora", &signer(seed)).unwrap()).unwrap();
    }
    assert_eq!(Note::parse(note.to_string().as_bytes()).unwrap().signatures().len(), 200);
    let crowd = format!("{TEXT}\n{}", format!("{line}\n").repeat(513));
    assert!(Note::parse(crowd.as_bytes()).is_err());
}

#[test]
fn any_changed_byte_of_a_note_is_noticed() {
    let keys = [verifier("service.example", 1), verifier("anne", 2), verifier("bruno", 3)];
    let bytes = cosigned().to_string().into_bytes();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let all = Note::parse(&changed)
                .and_then(|note| note.verify(&keys).map(|signers| signers.len() == keys.len()));
            assert_ne!(all, Ok(true), "bit {bit} of byte {at}");
        }
    }
    for length in 0..bytes.len() {
        let all = Note::parse(&bytes[..length])
            .and_then(|note| note.verify(&keys).map(|signers| signers.len() == keys.len()));
        assert_ne!(all, Ok(true), "cut to {length} bytes");
    }
}

#[test]
fn malformed_notes_keys_and_names() {
    let line = cosigned().signatures()[0].to_string();
    Note::parse(format!("{TEXT}\n{line}\n").as_bytes()).unwrap();
    // The last empty line separates; a text may contain others.
    let paragraphs = Note::parse(format!("one\n\ntwo\n\n\n{line}\n").as_bytes()).unwrap();
    assert_eq!(paragraphs.text(), "one\n\ntwo\n\n");
    for bad in [
        String::new(),
        format!("{TEXT}{line}\n"),
        format!("{TEXT}\n{line}"),
        format!("{TEXT}\n{line}\n\n"),
        format!("{TEXT}\n{line} \n"),
        format!("{TEXT}\n {line}\n"),
        format!("{TEXT}\n{line}\nnot a signature\n"),
        format!("{TEXT}\t\n\n{line}\n"),
        format!("{TEXT}\n{}\n", line.replacen("— ", "—  ", 1)),
        format!("{TEXT}\n{}\n", line.replacen("example ", "exam+ple ", 1)),
        format!("{TEXT}\n{}\n", line.replacen("example ", "exam\u{a0}ple ", 1)),
        format!("{TEXT}\n{}\n", line.trim_end_matches('=')),
        format!("{TEXT}\n— service.example AAAAAA==\n"),
        format!("{TEXT}\n— service.example \n"),
    ] {
        let error = Note::parse(bad.as_bytes()).unwrap_err();
        assert_eq!(error.code(), "note-malformed", "{bad:?}");
    }
    assert!(Note::parse(&[TEXT.as_bytes(), b"\xff\n\n", line.as_bytes(), b"\n"].concat()).is_err());

    for bad in ["", "with space", "with+plus", "line\nbreak", "no\u{2003}em", "bell\u{7}"] {
        let key = signer(1).verifying_key();
        assert_eq!(VerifierKey::new(bad, key).unwrap_err().code(), "note-bad-name", "{bad:?}");
        assert_eq!(NoteSignature::sign(TEXT, bad, &signer(1)).unwrap_err().code(), "note-bad-name");
    }
    for bad in ["", "no line break", "tab\t\n", "return\r\n"] {
        assert_eq!(
            NoteSignature::sign(bad, "anne", &signer(1)).unwrap_err().code(),
            "note-malformed"
        );
    }

    let good = verifier("anne", 2).to_string();
    assert_eq!(VerifierKey::parse(&good).unwrap(), verifier("anne", 2));
    let (name_and_id, blob) = good.rsplit_once('+').unwrap();
    let raw = BASE64.decode(blob.as_bytes()).unwrap();
    let with = |bytes: &[u8]| format!("{name_and_id}+{}", BASE64.encode(bytes));
    for bad in [
        String::new(),
        "anne".to_owned(),
        name_and_id.to_owned(),
        good.replacen("anne", "anna", 1),
        good.replacen("anne", "", 1),
        good.to_uppercase(),
        format!("{good}\n"),
        with(&raw[..32]),
        with(&[&raw[..], &[0]].concat()),
        with(&[&[4], &raw[1..]].concat()),
        with(&[]),
    ] {
        assert!(VerifierKey::parse(&bad).is_err(), "{bad:?}");
    }
    // The neutral element is a public key under which a signature fits every text.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let weak = VerifyingKey::from_bytes(&neutral).unwrap();
    assert_eq!(VerifierKey::new("anne", weak).unwrap_err().code(), "note-bad-key");
}

#[test]
fn a_signature_has_one_form() {
    let key = verifier("anne", 2);
    let good = NoteSignature::sign(TEXT, "anne", &signer(2)).unwrap().to_string();
    let (start, blob) = good.rsplit_once(' ').unwrap();
    let raw = BASE64.decode(blob.as_bytes()).unwrap();
    let verdict = |raw: &[u8]| {
        let line = format!("{start} {}", BASE64.encode(raw));
        let note = Note::new(TEXT, NoteSignature::parse(&line).unwrap()).unwrap();
        note.verify(std::slice::from_ref(&key)).map(|_| ()).map_err(|error| error.code())
    };
    assert_eq!(verdict(&raw), Ok(()));
    assert_eq!(verdict(&raw[..67]), Err("note-bad-signature"));
    assert_eq!(verdict(&[&raw[..], &[0]].concat()), Err("note-bad-signature"));
    // s + L verifies where s is not required to be reduced.
    let order = HEXLOWER
        .decode(b"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
        .unwrap();
    let mut malleated = raw.clone();
    let mut carry = 0;
    for (byte, add) in malleated[36..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    assert_eq!(verdict(&malleated), Err("note-bad-signature"));
}

#[test]
fn checkpoints_have_one_form() {
    let checkpoint = Checkpoint::parse(TEXT).unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.size()), ("service.example", 3));
    assert_eq!(checkpoint.root(), cstatns::name::Hex([0xab; 32]));
    assert_eq!(checkpoint.text(), TEXT);
    assert_eq!(
        Checkpoint::new("service.example", 3, cstatns::name::Hex([0xab; 32])).unwrap(),
        checkpoint
    );
    for size in ["0", "18446744073709551615"] {
        let text = TEXT.replacen("\n3\n", &format!("\n{size}\n"), 1);
        assert_eq!(Checkpoint::parse(&text).unwrap().text(), text);
    }
    for size in ["", "03", "00", "+3", "-3", " 3", "3 ", "0x3", "3.0", "٣", "18446744073709551616"]
    {
        let text = TEXT.replacen("\n3\n", &format!("\n{size}\n"), 1);
        assert_eq!(
            Checkpoint::parse(&text).unwrap_err().code(),
            "checkpoint-malformed",
            "{size:?}"
        );
    }
    for text in [
        String::new(),
        TEXT.trim_end().to_owned(),
        format!("{TEXT}\n"),
        format!("{TEXT}extension\n"),
        TEXT.replace('\n', "\r\n"),
        TEXT.replace("6s=", "6t="),
        TEXT.replace("6s=", "6s"),
        TEXT.replace("q6ur", ""),
        TEXT.replace("q6urq", "q6urq6urq"),
    ] {
        assert_eq!(
            Checkpoint::parse(&text).unwrap_err().code(),
            "checkpoint-malformed",
            "{text:?}"
        );
    }
    for origin in ["", "with space", "with+plus"] {
        let text = TEXT.replacen("service.example", origin, 1);
        assert_eq!(Checkpoint::parse(&text).unwrap_err().code(), "checkpoint-bad-origin");
    }
    assert!(Checkpoint::new("two\nlines", 3, cstatns::checkpoint::empty_root()).is_err());
}

#[test]
fn hashes_are_lower_case_hexadecimal_in_json() {
    let hash = cstatns::checkpoint::empty_root();
    let text = "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"";
    assert_eq!(serde_json::to_string(&hash).unwrap(), text);
    assert_eq!(serde_json::from_str::<Hash>(text).unwrap(), hash);
    for bad in [text.to_uppercase(), text.replacen("e3", "", 1), text.replacen("e3", "e3e3", 1)] {
        assert!(serde_json::from_str::<Hash>(&bad).is_err());
    }
}
