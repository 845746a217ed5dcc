//! Every secret of a service whose kits have no passphrase, recomputed from the files by other code
//! than the library's: a second reading of SPEC §7, §8 and §10. Tests look for these where they
//! have no business.

#![allow(dead_code, unreachable_pub)]

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::Aead;
use chacha20poly1305::aead::Payload;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use data_encoding::HEXLOWER;
use hpke::{Deserializable, Kem};
use serde_json::Value;
use sha2::Sha256;
use sha2::block_api::compress256;

type XWing = hpke::kem::XWing;

/// The secrets, by name: seeds, shares, root, life secrets, keys and their states. `k` custodians
/// open it.
pub fn secrets(home: &Path, kits: &[PathBuf], k: usize) -> Vec<(String, Vec<u8>)> {
    let mut secrets = Vec::new();
    let mut shares = Vec::new();
    let ledger = fs::read_to_string(home.join("ledger.jsonl")).unwrap();
    let first: Value = serde_json::from_str(ledger.lines().next().unwrap()).unwrap();
    let dealing = &first["event"]["dealing"];
    for kit in kits {
        let name = json(&kit.join("card.json"))["body"]["name"].as_str().unwrap().to_owned();
        let signing = HEXLOWER.decode(text(&json(&kit.join("identity"))["seed"])).unwrap();
        let receiving = open_card(kit, &signing);
        let share = open_share(dealing, &name, &json(&kit.join("share-1")), &receiving);
        secrets.push((format!("{name}'s signing seed"), signing));
        secrets.push((format!("{name}'s receiving seed"), receiving));
        secrets.push((format!("{name}'s share"), share[1..].to_vec()));
        shares.push(sharks::Share::try_from(&share[..]).unwrap());
    }
    let identity = HEXLOWER.decode(text(&json(&home.join("identity"))["signing"])).unwrap();
    secrets.push(("the service's signing seed".to_owned(), identity));
    let root = sharks::Sharks(k.try_into().unwrap()).recover(&shares[shares.len() - k..]).unwrap();
    secrets.push(("the root secret".to_owned(), root.clone()));
    for place in fs::read_dir(home.join("life")).unwrap().map(|entry| entry.unwrap().path()) {
        if place.extension().is_some_and(|extension| extension == "life") {
            secrets.push(("a life secret".to_owned(), fs::read(place).unwrap()));
        }
    }
    for entry in fs::read_dir(home.join("keys")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let key = open_seal(&json(&path), &root, home);
        for (half, pad) in [("inner", 0x36), ("outer", 0x5c)] {
            let state = key_state(&key, pad);
            let native: Vec<u8> = state.iter().flat_map(|word| word.to_ne_bytes()).collect();
            let big: Vec<u8> = state.iter().flat_map(|word| word.to_be_bytes()).collect();
            secrets.push((format!("{half} state of {name}"), native));
            secrets.push((format!("{half} state of {name}, big-endian"), big));
        }
        secrets.push((format!("key of {name}"), key));
    }
    secrets
}

/// SPEC §8: the receiving key of the only card.
fn open_card(kit: &Path, signing: &[u8]) -> Vec<u8> {
    let mut files = fs::read_dir(kit).unwrap().map(|entry| entry.unwrap().path());
    let is_key = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "key");
    let file = json(&files.find(is_key).unwrap());
    let card = cstatns::name::digest("CStatNS/card-fingerprint/", &file["card"]);
    let info = format!("CStatNS/kit-receiving/2/CStatNS-HMAC-SHA-256/{card}");
    let mut key = [0; 32];
    hkdf::Hkdf::<Sha256>::new(None, signing).expand(info.as_bytes(), &mut key).unwrap();
    open(&key, &file, info.as_bytes())
}

/// XChaCha20-Poly1305, with nonce and ciphertext from a file.
fn open(key: &[u8; 32], file: &Value, aad: &[u8]) -> Vec<u8> {
    let nonce: [u8; 24] = HEXLOWER.decode(text(&file["nonce"])).unwrap().try_into().unwrap();
    let sealed = HEXLOWER.decode(text(&file["sealed"])).unwrap();
    let payload = Payload { msg: &sealed, aad };
    XChaCha20Poly1305::new(key.into()).decrypt(&XNonce::from(nonce), payload).unwrap()
}

/// SPEC §7: HPKE, then "CStatNS/share/" ‖ … ‖ x ‖ y. Returns x ‖ y.
fn open_share(dealing: &Value, custodian: &str, file: &Value, receiving: &[u8]) -> Vec<u8> {
    let service = &dealing["service"]["body"]["id"];
    let seats = dealing["roster"].as_array().unwrap();
    let seat = seats.iter().find(|seat| seat["card"]["body"]["name"] == custodian).unwrap();
    let card = cstatns::name::digest("CStatNS/card-fingerprint/", &seat["card"]);
    let info =
        format!("CStatNS/share/2/CStatNS-HMAC-SHA-256/{}/1/{card}", service.as_str().unwrap());
    let sealed = HEXLOWER.decode(text(&file["share"])).unwrap();
    let (encapsulated, ciphertext) = sealed.split_at(1120);
    let share =
        hpke::single_shot_open::<hpke::aead::ChaCha20Poly1305, hpke::kdf::HkdfSha256, XWing>(
            &hpke::OpModeR::Base,
            &<XWing as Kem>::PrivateKey::from_bytes(receiving).unwrap(),
            &<XWing as Kem>::EncappedKey::from_bytes(encapsulated).unwrap(),
            info.as_bytes(),
            ciphertext,
            b"",
        )
        .unwrap();
    share[share.len() - 33..].to_vec()
}

/// SPEC §10.
fn open_seal(file: &Value, root: &[u8], home: &Path) -> Vec<u8> {
    let label = &file["label"];
    let field = |name: &str| label[name].as_str().unwrap();
    let (service, kind) = (field("service"), field("kind"));
    let mut material = root.to_vec();
    if kind == "research" {
        material.extend(fs::read(home.join(format!("life/{}.life", field("domain")))).unwrap());
    }
    let info = format!("CStatNS/seal/2/CStatNS-HMAC-SHA-256/{service}/1/{kind}");
    let mut key = [0; 32];
    hkdf::Hkdf::<Sha256>::new(None, &material).expand(info.as_bytes(), &mut key).unwrap();
    let mut aad = b"CStatNS/seal/2/".to_vec();
    aad.extend(cstatns::name::canonical_json(label));
    open(&key, file, &aad)
}

/// The state of SHA-256 after the key block of HMAC (RFC 2104).
fn key_state(key: &[u8], pad: u8) -> [u32; 8] {
    let mut block = [pad; 64];
    block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
    let mut state = [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ];
    compress256(&mut state, &[block]);
    state
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn text(value: &Value) -> &[u8] {
    value.as_str().unwrap().as_bytes()
}

/// Writes every readable page of this process to `out`. Returns where each region begins there.
pub fn snapshot(memory: &mut File, out: &Path) -> Vec<(usize, String)> {
    let mut out = File::create(out).unwrap();
    let mut regions = Vec::new();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut page = vec![0_u8; 4096];
    for line in maps.lines() {
        let mut fields = line.split(' ');
        let (range, mode) = (fields.next().unwrap(), fields.next().unwrap());
        if !mode.starts_with('r') || line.ends_with("[vvar]") || line.ends_with("[vsyscall]") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let (start, end) =
            (u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
        regions.push((out.stream_position().unwrap() as usize, line.to_owned()));
        let mut at = start;
        while at < end {
            let read = memory.seek(SeekFrom::Start(at)).and_then(|_| memory.read_exact(&mut page));
            if read.is_ok() {
                out.write_all(&page).unwrap();
            }
            at += 4096;
        }
    }
    regions
}

/// Where `needle` begins in `memory`.
pub fn find<'a>(memory: &'a [u8], needle: &'a [u8]) -> impl Iterator<Item = usize> {
    let first = needle[0];
    let starts = memory.iter().enumerate().filter(move |(_, byte)| **byte == first);
    starts.map(|(at, _)| at).filter(move |at| memory[*at..].starts_with(needle))
}

/// What lies at an offset of the snapshot: the name that the system gives the region.
pub fn place(regions: &[(usize, String)], at: usize) -> &str {
    let after = regions.partition_point(|(start, _)| *start <= at);
    &regions[after - 1].1
}
