//! A witness stopped at every durable step: what it gave it remembers.

use crate::common;

use std::fs;
use std::path::PathBuf;

use cstatns::card::ServiceCard;
use cstatns::checkpoint::{Note, WitnessKey};
use cstatns::coded::Coded as _;
use cstatns::ed25519_dalek::SigningKey;
use cstatns::files::faults::{count, stop_after, tear_write_at};
use cstatns::name::Hex;
use cstatns::service::read_service_card;
use cstatns::statement::Signed;
use cstatns::witness::look;

use common::{World, name, scratch};

/// The keys of a witness.
fn authority() -> (SigningKey, WitnessKey) {
    let signing = SigningKey::from_bytes(&[9; 32]);
    let public = Hex(signing.verifying_key().to_bytes());
    let key = WitnessKey::new(name("authority").as_str(), &public).unwrap();
    (signing, key)
}

/// What a service gives a witness.
fn public(world: &World) -> (PathBuf, ServiceCard) {
    let (ledger, card) = (world.home().join("ledger.jsonl"), world.home().join("card.json"));
    (ledger, read_service_card(&card).unwrap())
}

#[test]
fn a_witness_remembers_what_it_gave_wherever_it_stops() {
    let world = World::founded(2, 3);
    let (ledger, card) = public(&world);
    let (signing, key) = authority();
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
    // The same head is not signed a second time, whatever the clock says.
    let later = "2026-02-02T00:00:00Z".parse().unwrap();
    let again = look(&directory, &key, &ledger, Some(&card)).unwrap();
    assert_eq!(again.cosign(&key, &signing, later).unwrap(), second);
    assert_eq!(fs::read(&seen).unwrap(), new);
}

/// A card that says it is of the service and is signed by a key which its ledger never named.
#[test]
fn a_witness_takes_no_card_with_a_key_that_the_ledger_does_not_name() {
    let world = World::founded(2, 3);
    let (ledger, card) = public(&world);
    let (signing, key) = authority();
    let directory = world.path("authority");
    fs::create_dir(&directory).unwrap();
    let mut body = card.body.clone();
    body.signing = Hex(signing.verifying_key().to_bytes());
    let forged: ServiceCard = Signed::new(body, &signing);
    assert!(forged.is_sound() && forged.id() == card.id());

    let look = |card: &ServiceCard| look(&directory, &key, &ledger, Some(card));
    assert_eq!(look(&forged).err().unwrap().code(), "witness-other-card");
    let now = "2026-02-01T00:00:00Z".parse().unwrap();
    look(&card).unwrap().cosign(&key, &signing, now).unwrap();
    assert_eq!(look(&forged).err().unwrap().code(), "witness-other-card");
    look(&card).unwrap();
}

/// What it remembers of one service is not taken for another's.
#[test]
fn a_witness_takes_no_memory_of_another_service() {
    let (signing, key) = authority();
    let directory = scratch();
    let seen = |card: &ServiceCard| directory.path().join(format!("{}.seen", card.id()));
    let now = "2026-02-01T00:00:00Z".parse().unwrap();
    let worlds = [World::founded(2, 3), World::founded(2, 3)];
    let cards = [0, 1].map(|of: usize| {
        let (ledger, card) = public(&worlds[of]);
        let found = look(directory.path(), &key, &ledger, Some(&card));
        found.unwrap().cosign(&key, &signing, now).unwrap();
        card
    });
    fs::copy(seen(&cards[0]), seen(&cards[1])).unwrap();
    let (ledger, _) = public(&worlds[1]);
    let error = look(directory.path(), &key, &ledger, Some(&cards[1])).err().unwrap();
    assert_eq!(error.code(), "witness-damaged");
}
