//! A kit on paper: its lines, and what they open to (SPEC §8).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use cstatns::custody::custodian::{Kit, Sheet};
use cstatns::name::Hex;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::file::Made;
use super::people::{PEOPLE, Person, SUITE, shares, signing};
use super::seals::{NONCE, PASSPHRASE, passphrase_key, protection};
use super::{bytes, hex, text};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

pub(crate) fn file() -> Made {
    Made {
        name: "paper",
        about: "Kits on paper: lines, and openings under fixed nonces and salts.",
        ops: &[
            ("lines", "the lines that bytes are printed as"),
            ("read", "the bytes of lines as they were typed"),
            ("paper", "opens the paper of a kit"),
        ],
        fields: &[
            ("bytes", "the bytes of a paper in hex"),
            ("text", "lines as they were typed"),
            ("passphrase", "the bytes of the passphrase in hex"),
        ],
        gives: &[
            ("text", "the lines"),
            ("bytes", "the bytes of the paper in hex"),
            ("sealing_key", "the key of the seal in hex, by Argon2id"),
            ("clear", "what is sealed, in hex"),
            ("card", "the fingerprint of the card that is made again"),
            ("refused", "true: it must be refused"),
        ],
        refused: &[
            "another character",
            "two characters that changed places",
            "a letter that is not used",
            "a line that is too short",
            "two lines that changed places",
            "the numbers of two lines that changed places",
            "a line that is missing",
            "the last line is missing",
            "a line too many",
            "a line of another paper",
            "a number with a zero before it",
            "bits behind the last byte",
            "another passphrase",
            "a flag that is not known",
        ],
        values: vec![
            ("passphrase", json!(hex(PASSPHRASE))),
            ("ana", json!(lines(&paper(&PEOPLE[0], 0, &shares()[0])))),
            ("chloe", json!(lines(&paper(&PEOPLE[2], 1, &shares()[2])))),
        ],
        vectors: printed().into_iter().chain(typed()).chain(opened()).collect(),
        run,
    }
}

/// Bytes that count, as many as a paper has at least.
fn counting(length: usize) -> Vec<u8> {
    std::iter::once(1).chain((1..length).map(|at| (at * 7) as u8)).collect()
}

fn symbols(bytes: &[u8]) -> Vec<u8> {
    let digest = Sha256::digest([b"CStatNS/paper/", bytes].concat());
    let framed = [&(bytes.len() as u16).to_be_bytes()[..], bytes, &digest[..4]].concat();
    let mut bits: Vec<u8> =
        framed.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    bits.resize(bits.len().div_ceil(125) * 125, 0);
    bits.chunks(5).map(|five| five.iter().fold(0, |symbol, bit| symbol << 1 | bit)).collect()
}

/// A product in GF(2⁵) modulo x⁵+x²+1.
fn product(a: u8, b: u8) -> u8 {
    (0..5).rev().fold(0, |sum: u8, bit| {
        let doubled = (sum << 1) ^ if sum & 0x10 == 0 { 0 } else { 0x25 };
        doubled ^ if b >> bit & 1 == 0 { 0 } else { a }
    })
}

fn written(symbols: &[u8]) -> String {
    let line = |(at, data): (usize, &[u8])| {
        let all = [&[at as u8 + 1], data].concat();
        // Horner's rule, highest power first.
        let check = |root: u8| all.iter().rev().fold(0, |sum, symbol| product(sum, root) ^ symbol);
        let checks = [1, 2, 4].map(check);
        let letters: Vec<u8> =
            all[1..].iter().chain(&checks).map(|symbol| ALPHABET[usize::from(*symbol)]).collect();
        let groups: Vec<&str> =
            letters.chunks(4).map(|group| std::str::from_utf8(group).unwrap()).collect();
        format!("{} {}\n", at + 1, groups.join(" "))
    };
    symbols.chunks(25).enumerate().map(line).collect()
}

fn lines(bytes: &[u8]) -> String {
    written(&symbols(bytes))
}

/// What is sealed on the paper of this person's kit.
fn clear(person: &Person, flags: u8, share: &[u8]) -> Vec<u8> {
    let name = person.name.as_bytes();
    let before = 15 + 1 + SUITE.len();
    [
        &[flags][..],
        &[person.byte; 32],
        &person.receiving(),
        &[name.len() as u8],
        name,
        &share[before..],
    ]
    .concat()
}

fn associated() -> Vec<u8> {
    format!("CStatNS/kit-paper/1/{SUITE}").into_bytes()
}

/// The key of a passphrase under the salt of the vectors, computed once: that takes long.
fn key_of(passphrase: &[u8]) -> [u8; 32] {
    static KNOWN: Mutex<BTreeMap<Vec<u8>, [u8; 32]>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap();
    *known.entry(passphrase.to_owned()).or_insert_with(|| passphrase_key(passphrase, &protection()))
}

fn paper(person: &Person, flags: u8, share: &[u8]) -> Vec<u8> {
    let key = key_of(PASSPHRASE.as_bytes());
    let payload = Payload { msg: &clear(person, flags, share), aad: &associated() };
    let cipher = XChaCha20Poly1305::new(&key.into());
    let mut sealed = cipher.encrypt(&XNonce::from(NONCE), payload).unwrap();
    let tag = sealed.split_off(sealed.len() - 16);
    [&[1][..], &[0x5a; 16], &NONCE, &tag, &sealed].concat()
}

fn printed() -> Vec<Value> {
    let vector = |name: &str, length: usize| {
        let bytes = hex(counting(length));
        json!({"section": "8", "name": name, "op": "lines", "bytes": bytes})
    };
    vec![
        vector("the fewest bytes", 58),
        vector("lines that are full", 244),
        vector("the most bytes", 478),
    ]
}

fn typed() -> Vec<Value> {
    let whole = lines(&counting(100));
    let line = |number: usize| whole.lines().nth(number - 1).unwrap();
    let vector = |name: &str, text: String| json!({"section": "8", "name": name, "op": "read", "text": text});
    let swapped = |first: usize, second: usize| {
        let mut chars: Vec<char> = line(3).chars().collect();
        chars.swap(first, second);
        whole.replace(line(3), &chars.into_iter().collect::<String>())
    };
    let changed =
        |to: &str| whole.replace(line(3), &format!("{}{to}", &line(3)[..line(3).len() - 1]));
    let other = if line(3).ends_with('7') { "8" } else { "7" };
    let rest = |number: usize| &line(number)[1..];
    let mut padded = symbols(&counting(100));
    *padded.last_mut().unwrap() ^= 1;
    vec![
        vector("as printed", whole.clone()),
        vector("small letters", whole.to_lowercase()),
        vector("other white space", whole.replace(' ', "\t ").replace('\n', " \r\n\r\n")),
        vector("no spaces within a line", {
            let bare = |line: &str| {
                let (number, rest) = line.split_once(' ').unwrap();
                format!("{number} {}\n", rest.replace(' ', ""))
            };
            whole.lines().map(bare).collect()
        }),
        vector("a byte order mark", format!("\u{feff}{whole}")),
        vector("another character", changed(other)),
        vector("two characters that changed places", swapped(2, 8)),
        vector("a letter that is not used", changed("O")),
        vector("a line that is too short", changed("")),
        vector("two lines that changed places", {
            whole.replace(line(2), "@").replace(line(3), line(2)).replace('@', line(3))
        }),
        vector("the numbers of two lines that changed places", {
            whole
                .replace(line(2), &format!("@{}", rest(2)))
                .replace(line(3), &format!("2{}", rest(3)))
                .replace('@', "3")
        }),
        vector("a line that is missing", whole.replace(&format!("{}\n", line(2)), "")),
        vector("the last line is missing", {
            let count = whole.lines().count();
            whole.lines().take(count - 1).map(|line| format!("{line}\n")).collect()
        }),
        vector(
            "a line too many",
            format!("{whole}{}", lines(&counting(478)).lines().nth(whole.lines().count()).unwrap()),
        ),
        vector("a line of another paper", {
            let mut other = counting(100);
            other[36] ^= 1;
            whole.replace(line(3), lines(&other).lines().nth(2).unwrap())
        }),
        vector("a number with a zero before it", whole.replace(line(3), &format!("0{}", line(3)))),
        vector("bits behind the last byte", written(&padded)),
    ]
}

fn opened() -> Vec<Value> {
    let vector = |name: &str, text: Value, passphrase: &str| {
        json!({"section": "8", "name": name, "op": "paper", "text": text,
            "passphrase": passphrase})
    };
    let strange = lines(&paper(&PEOPLE[0], 2, &shares()[0]));
    vec![
        vector("the paper of Ana's kit", json!("$ana"), "$passphrase"),
        vector("of a custodian from outside", json!("$chloe"), "$passphrase"),
        vector("another passphrase", json!("$ana"), &hex("correct horse, ete")),
        vector("a flag that is not known", json!(strange), "$passphrase"),
    ]
}

fn run(vector: &Value) -> Value {
    let gives = match text(vector, "op") {
        "lines" => {
            let lines = lines(&bytes(vector, "bytes"));
            assert_eq!(Sheet::read(&lines).unwrap().lines(), lines);
            Some(json!({"text": lines}))
        }
        "read" => read(text(vector, "text")).map(|bytes| json!({"bytes": hex(bytes)})),
        "paper" => open(vector),
        op => panic!("no such op: {op}"),
    };
    gives.unwrap_or_else(|| json!({"refused": true}))
}

/// What the library reads; and that its lines are those of these bytes.
fn read(typed: &str) -> Option<Vec<u8>> {
    let sheet = Sheet::read(typed).ok()?;
    let symbol = |letter: u8| ALPHABET.iter().position(|known| *known == letter).unwrap();
    let data = sheet
        .lines()
        .lines()
        .flat_map(|line| {
            let letters: Vec<u8> = line.split(' ').skip(1).collect::<String>().into_bytes();
            letters[..25].to_vec()
        })
        .collect::<Vec<u8>>();
    let bits: Vec<usize> =
        data.iter().flat_map(|letter| (0..5).rev().map(|bit| symbol(*letter) >> bit & 1)).collect();
    let all: Vec<u8> = bits
        .chunks_exact(8)
        .map(|eight| eight.iter().fold(0, |byte, bit| byte << 1 | *bit as u8))
        .collect();
    let length = usize::from(u16::from_be_bytes([all[0], all[1]]));
    let bytes = all[2..2 + length].to_vec();
    assert_eq!(lines(&bytes), sheet.lines());
    Some(bytes)
}

/// The library makes the kit, and what is put together here opens the paper.
fn open(vector: &Value) -> Option<Value> {
    let place = tempfile::tempdir().unwrap();
    let kit = place.path().join("kit");
    let (typed, passphrase) = (text(vector, "text"), bytes(vector, "passphrase"));
    let sheet = Sheet::read(typed).unwrap();
    let (card, _) = Kit::from_paper(&sheet, &kit, &passphrase).ok()?;
    let found = read(typed).unwrap();
    let (head, sealed) = found.split_at(57);
    assert_eq!(json!(Hex::<16>(head[1..17].try_into().unwrap())), protection()["salt"]);
    let key = key_of(&passphrase);
    let nonce: [u8; 24] = head[17..41].try_into().unwrap();
    let msg = [sealed, &head[41..]].concat();
    let payload = Payload { msg: &msg, aad: &associated() };
    let clear = XChaCha20Poly1305::new(&key.into()).decrypt(&XNonce::from(nonce), payload).unwrap();
    let public = Hex(signing(clear[1]).verifying_key().to_bytes());
    assert_eq!(card.body.signing, public);
    let files: BTreeSet<_> = std::fs::read_dir(&kit)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(files.contains("share-1") && files.len() == 5, "{files:?}");
    Some(json!({"sealing_key": hex(key), "clear": hex(clear), "card": card.fingerprint()}))
}
