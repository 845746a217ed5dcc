//! Any bytes where the seal of a key lies, where the private half of a request key does, and where
//! the places of life secrets are named: no key is opened that was not sealed, and what names
//! places is read or refused.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use cstatns::custody::share::ReceivingKey;
use cstatns::keystore::{KeyLabel, Keystore, Places, RequestPlace};
use cstatns::name::Hex;
use cstatns::secret::Secret;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const SEALED: &str = include_str!("../../tests/data/golden/home/keys/population.1.2.key");

/// A home of this process, in memory where there is such a place.
static HOME: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let directory = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let home = directory.join(format!("cstatns-fuzz-home-{}", std::process::id()));
    for part in ["keys", "life"] {
        std::fs::create_dir_all(home.join(part)).expect("a new directory");
    }
    home
});
static LABEL: LazyLock<KeyLabel> = LazyLock::new(|| {
    let sealed: Value = serde_json::from_str(SEALED).expect("a seal");
    serde_json::from_value(sealed["label"].clone()).expect("a label")
});
static DEALING: LazyLock<ReceivingKey> = LazyLock::new(ReceivingKey::random);
static ROOT: LazyLock<Secret<32>> = LazyLock::new(Secret::random);

fuzz_target!(|bytes: &[u8]| {
    let keystore = Keystore::new(HOME.join("keys"), vec![HOME.join("life")]);
    let path = keystore.seal_path(&LABEL.domain, LABEL.generation, LABEL.epoch);
    std::fs::write(path, bytes).expect("room");
    assert!(keystore.open(&ROOT, &LABEL).is_err(), "it was sealed under another root");
    let key = Hex([7; 16]);
    let place = RequestPlace { service: &LABEL.service, epoch: LABEL.epoch, domain: &LABEL.domain, key: &key };
    for path in keystore.request_paths(key, LABEL.epoch) {
        std::fs::write(path, bytes).expect("room");
    }
    let opened = keystore.open_request(&DEALING, &place, &Hex([0; 32]));
    assert!(opened.is_err(), "it was sealed to another dealing");
    let _ = keystore.has_request(&place);
    std::fs::write(Places::path(&HOME), bytes).expect("room");
    if let Ok(places) = Places::read(&HOME) {
        assert_eq!(places.life_of(&HOME).len(), places.life.len());
    }
});
