//! A witness stopped at every durable step: what it gave it remembers.

use crate::common;

use std::fs;

use cstatns::checkpoint::{Note, WitnessKey};
use cstatns::ed25519_dalek::SigningKey;
use cstatns::files::faults::{count, stop_after, tear_write_at};
use cstatns::name::Hex;
use cstatns::service::read_service_card;
use cstatns::witness::look;

use common::{World, name};

#[test]
fn a_witness_remembers_what_it_gave_wherever_it_stops() {
    let world = World::founded(2, 3);
    let (ledger, card) = (world.home().join("ledger.jsonl"), world.home().join("card.json"));
    let card = read_service_card(&card).unwrap();
    let signing = SigningKey::from_bytes(&[9; 32]);
    let public = Hex(signing.verifying_key().to_bytes());
    let key = WitnessKey::new(name("authority").as_str(), &public).unwrap();
    let directory = world.path("authority");
    fs::create_dir(&directory).unwrap();
    let now = "2026-02-01T00:00:00.5Z".parse().unwrap();
    let sign = || look(&directory, &key, &ledger, Some(&card)).unwrap().cosign(&key, &signing, now);
    let first = sign().unwrap();
    let time = key.cosigned(&Note::parse(first.as_bytes()).unwrap()).unwrap().unwrap();
    assert_eq!(time, "2026-02-01T00:00:00Z".parse().unwrap());
    let seen = directory.join(format!("{}.seen", card.id()));
    let old = fs::read(&seen).unwrap();
    world.statistics("population").unwrap();

    let steps = count(&directory, || sign().unwrap());
    let (new, second) = (fs::read(&seen).unwrap(), sign().unwrap());
    assert!(steps >= 4 && new != old, "{steps}");
    for step in 0..steps {
        for torn in [None, Some(7)] {
            fs::write(&seen, &old).unwrap();
            let given = match torn {
                None => stop_after(&directory, step, sign),
                Some(kept) => tear_write_at(&directory, step, kept, sign),
            };
            // What is there is the old memory or the new one, and the new one if it was given.
            let now = fs::read(&seen).unwrap();
            assert!(now == old || now == new, "step {step}");
            assert!(given.is_err() || now == new, "step {step}: given, and not remembered");
            assert_eq!(sign().unwrap(), second, "step {step}");
        }
    }
}
