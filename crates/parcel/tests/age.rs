//! age files that others wrote: the test files of the format's authors, whole and damaged.

#![allow(clippy::print_stdout)]

use std::fs;
use std::io::{Read, Write};

use cstatns_base::secret::Secret;
use cstatns_keys::receiving::{ReceivingKey, Recipient};
use cstatns_parcel::age::{AgeError, Header, Identity, Kind, Reader, Writer};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

/// The bytes of a Bech32 text (BIP 173), whose checksum is for the text's own reader to verify.
fn bech32(text: &str) -> Vec<u8> {
    const LETTERS: &str = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
    let data = &text[text.rfind('1').unwrap() + 1..text.len() - 6];
    let (mut bytes, mut bits, mut value) = (Vec::new(), 0, 0_u32);
    for letter in data.chars() {
        (value, bits) = (value << 5 | LETTERS.find(letter).unwrap() as u32, bits + 5);
        if bits >= 8 {
            bits -= 8;
            bytes.push((value >> bits) as u8);
        }
    }
    bytes
}

enum Key {
    Hybrid(ReceivingKey),
    X25519(Secret<32>),
}

impl Key {
    fn parse(text: &str) -> Self {
        let seed: [u8; 32] = bech32(text).try_into().unwrap();
        match text.starts_with("AGE-SECRET-KEY-PQ-1") {
            true => Self::Hybrid(ReceivingKey::from_seed(&seed)),
            false => Self::X25519(Secret::fill(|bytes| *bytes = seed)),
        }
    }

    fn identity(&self) -> Identity<'_> {
        match self {
            Self::Hybrid(key) => Identity::Hybrid(key),
            Self::X25519(key) => Identity::X25519(key),
        }
    }
}

/// The whole plaintext, or why there is none.
fn read(file: &[u8], identity: &Identity<'_>) -> Result<Vec<u8>, AgeError> {
    let mut reader = Reader::new(file, identity)?;
    let mut text = Vec::new();
    loop {
        let given = reader.fill()?;
        if given.is_empty() {
            return Ok(text);
        }
        text.extend_from_slice(given);
        let length = given.len();
        reader.consume(length);
    }
}

/// As [`read`], with the first identity that opens the file.
fn read_with(file: &[u8], keys: &[Key]) -> Result<Vec<u8>, AgeError> {
    let mut outcome = Header::read(&mut &file[..]).and(Err(AgeError::NotForThisKey));
    for key in keys {
        outcome = read(file, &key.identity());
        if outcome != Err(AgeError::NotForThisKey) {
            break;
        }
    }
    outcome
}

/// C2SP/CCTV, `age/testdata`: what is neither armoured nor under a passphrase. They are not part of
/// this repository: CSTATNS_VECTORS names the folder that holds age/.
#[test]
fn files_of_the_formats_authors_open_or_are_refused_as_they_say() {
    let Some(folder) = std::env::var_os("CSTATNS_VECTORS") else {
        println!("CSTATNS_VECTORS is unset: the age files were not read");
        return;
    };
    let (mut all, mut seen, mut opened) = (0, 0, 0);
    for entry in fs::read_dir(std::path::Path::new(&folder).join("age")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = fs::read(&path).unwrap();
        all += 1;
        let end = bytes.windows(2).position(|two| two == b"\n\n").unwrap();
        let about = std::str::from_utf8(&bytes[..end]).unwrap();
        let said = |key: &'static str| {
            about.lines().filter_map(move |line| line.strip_prefix(key)?.strip_prefix(": "))
        };
        if said("armored").next() == Some("yes") || said("passphrase").next().is_some() {
            continue;
        }
        seen += 1;
        let mut file = bytes[end + 2..].to_vec();
        if said("compressed").next() == Some("zlib") {
            let mut whole = Vec::new();
            flate2::read::ZlibDecoder::new(&file[..]).read_to_end(&mut whole).unwrap();
            file = whole;
        }
        let keys: Vec<Key> = said("identity").map(Key::parse).collect();
        let outcome = read_with(&file, &keys);
        let payload = || said("payload").next().unwrap().to_owned();
        match (said("expect").next().unwrap(), outcome) {
            ("success", Ok(text)) => {
                let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(&text));
                assert_eq!(digest, payload(), "{name}");
                opened += 1;
            }
            ("no match", Err(AgeError::NotForThisKey))
            | ("HMAC failure", Err(AgeError::HeaderAltered))
            | ("header failure", Err(AgeError::Header))
            | ("payload failure", Err(AgeError::Altered | AgeError::Cut)) => {}
            (expected, outcome) => panic!("{name}: {expected}, {outcome:?}"),
        }
    }
    assert_eq!((all, seen), (143, 85), "no file was passed over");
    assert!(opened > 15, "{opened} opened");
}

fn written(recipient: &Recipient, text: &[u8], pieces: usize) -> Vec<u8> {
    let mut writer = Writer::new(recipient, Vec::new()).unwrap();
    for piece in text.chunks(pieces) {
        writer.write_all(piece).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn what_is_written_is_read_whatever_its_length() {
    let key = ReceivingKey::random();
    let recipient = Recipient::new(&key.public()).unwrap();
    const CHUNK: usize = 64 << 10;
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 77] {
        let text: Vec<u8> = (0..length).map(|at| (at * 7 + at / 251) as u8).collect();
        for pieces in [CHUNK, 1000, 3 * CHUNK] {
            let file = written(&recipient, &text, pieces);
            assert_eq!(read(&file, &Identity::Hybrid(&key)).unwrap(), text, "{length} {pieces}");
            // The length of a file follows from that of its text.
            let chunks = length.div_ceil(CHUNK).max(1);
            assert_eq!(file.len(), written(&recipient, b"", 1).len() + length + 16 * (chunks - 1));
        }
    }
    let head = written(&recipient, b"", 1);
    let header = Header::read(&mut &head[..]).unwrap();
    assert_eq!(header.kinds().collect::<Vec<_>>(), [Kind::Hybrid]);
}

#[test]
fn nobody_else_opens_it() {
    let (key, other) = (ReceivingKey::random(), ReceivingKey::random());
    let file = written(&Recipient::new(&key.public()).unwrap(), b"text", 4);
    assert_eq!(read(&file, &Identity::Hybrid(&other)), Err(AgeError::NotForThisKey));
    let classic = Secret::random();
    assert_eq!(read(&file, &Identity::X25519(&classic)), Err(AgeError::NotForThisKey));
}

#[test]
fn two_files_of_one_text_share_nothing() {
    let recipient = Recipient::new(&ReceivingKey::random().public()).unwrap();
    let files = [(), ()].map(|()| written(&recipient, &[7; 4096], 4096));
    let alike = files[0][50..].iter().zip(&files[1][50..]).filter(|(a, b)| a == b).count();
    // One byte in 256 by chance, more in the Base64 of the head.
    assert!(alike < 150, "{alike} bytes");
}

/// A file of 70,000 bytes: two chunks.
fn two_chunks() -> (ReceivingKey, Vec<u8>, Vec<u8>) {
    let key = ReceivingKey::random();
    let text: Vec<u8> = (0..70_000_u32).map(|at| (at % 253) as u8).collect();
    let file = written(&Recipient::new(&key.public()).unwrap(), &text, 5000);
    (key, text, file)
}

#[test]
fn a_file_that_ends_too_early_is_refused_wherever_it_ends() {
    let (key, _, file) = two_chunks();
    for end in (0..file.len()).step_by(97).chain(file.len() - 20..file.len()) {
        let outcome = read(&file[..end], &Identity::Hybrid(&key));
        assert!(matches!(outcome, Err(AgeError::Header | AgeError::Cut)), "{end}: {outcome:?}");
    }
    let longer = [&file[..], b"x"].concat();
    assert_eq!(read(&longer, &Identity::Hybrid(&key)), Err(AgeError::Cut));
}

proptest! {
    #[test]
    fn no_byte_of_it_may_change(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let (key, _, mut file) = two_chunks();
        let at = at.index(file.len());
        file[at] ^= 1 << bit;
        prop_assert!(read(&file, &Identity::Hybrid(&key)).is_err(), "byte {}", at);
    }
}
