//! Any bytes as the file of a custodian's, a service's or a party's card, and genuine cards with
//! characters changed: refused, or a card that was signed.

#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use cstatns::card::Card;
use cstatns::custody::custodian::Kit;
use cstatns::name::canonical_json;
use cstatns::service::read_service_card;
use cstatns_parcel::party::Party;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// A directory with one card, in memory where there is such a place.
static PLACE: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let directory = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let place = directory.join(format!("cstatns-fuzz-card-{}", std::process::id()));
    fs::create_dir_all(&place).expect("a new directory");
    place
});

/// The kept cards, each in its one form: nobody here can sign another.
static KEPT: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let read = |path: PathBuf| fs::read(path).expect("a kept file");
    let json = |bytes: Vec<u8>| serde_json::from_slice::<Value>(&bytes).expect("JSON");
    let golden = root.join("tests/data/golden");
    let mut cards: Vec<Value> = ["home", "kit-1", "kit-2", "kit-3", "insee"]
        .map(|holder| json(read(golden.join(holder).join("card.json"))))
        .into();
    let parcels = json(read(root.join("spec/vectors/parcels.json")));
    cards.extend(["wages", "linking"].map(|party| parcels["values"][party].clone()));
    cards.iter().map(canonical_json).collect()
});

/// The form of what each reader of cards takes.
fn read(bytes: &[u8]) -> [Option<Vec<u8>>; 4] {
    let path = PLACE.join("card.json");
    fs::write(&path, bytes).expect("room");
    [
        Kit::card_in(&PLACE).ok().map(|card| canonical_json(&card)),
        read_service_card(&path).ok().map(|card| canonical_json(&card)),
        Party::card_in(&PLACE).ok().map(|card| canonical_json(&card)),
        // As a founding and a dealing read what custodians have sent.
        serde_json::from_slice::<Card>(bytes)
            .ok()
            .filter(Card::is_sound)
            .map(|card| canonical_json(&card)),
    ]
}

fuzz_target!(|bytes: &[u8]| {
    let Some((which, rest)) = bytes.split_first() else { return };
    let mut bytes = rest.to_vec();
    if let Some(kept) = KEPT.get(usize::from(*which)) {
        // Each two places and a byte: what stands there is another character.
        bytes.clone_from(kept);
        for change in rest.chunks_exact(3) {
            let at = usize::from(u16::from_be_bytes([change[0], change[1]])) % bytes.len();
            bytes[at] = change[2];
        }
    }
    let [custodian, service, party, sent] = read(&bytes);
    assert_eq!(custodian, sent, "a card in a kit is read in another way than one that is sent");
    let taken: Vec<_> = [custodian, service, party].into_iter().flatten().collect();
    assert!(taken.len() < 2, "a card of two kinds");
    for card in taken {
        assert!(KEPT.contains(&card), "a card that nobody signed");
    }
});
