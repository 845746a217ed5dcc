//! Keys, cards, fingerprints, words and dealings (SPEC §1, §8).

use cstatns::card::{Card, CardBody, ServiceCard, spoken};
use cstatns::dealing::Dealing;
use cstatns::hazmat::receiving_key;
use cstatns::name::{Hex, Name};
use cstatns::statement::Signed;
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

use super::file::Made;
use super::people::{PEOPLE, dealing, public, service, signing};
use super::{secret, text, typed};

pub(crate) fn file() -> Made {
    Made {
        name: "cards",
        about: "Public keys from seeds, service ids, cards, fingerprints as words, dealings.",
        ops: &[
            ("signing-key", "the Ed25519 public key of a seed (RFC 8032)"),
            ("receiving-key", "the X-Wing public key of a seed"),
            ("service-card", "the card of a service, signed by its own key"),
            ("card", "the signature of a custodian's card, and the card's fingerprint"),
            ("sound", "whether a card is to be taken: format, signature, and a service's id"),
            ("words", "a fingerprint as eight words"),
            ("dealing", "the fingerprint of a dealing"),
        ],
        fields: &[
            ("seed", "32 bytes in hex"),
            ("service_name", "the name of the service"),
            ("body", "the body of the card"),
            ("card", "a custodian's card with its signature"),
            ("service_card", "a service's card with its signature"),
            ("fingerprint", "32 bytes in hex"),
            ("dealing", "the whole dealing"),
        ],
        gives: &[
            ("public", "the public key in hex"),
            ("card", "the card with its signature"),
            ("signature", "the signature in hex"),
            ("fingerprint", "the fingerprint in hex"),
            ("words", "its eight words"),
            ("sound", "true or false"),
        ],
        refused: &[
            "a card of another body",
            "a card signed by another key",
            "a card of format 1",
            "a service's card with another signature",
            "an id of another name, under the old signature",
            "an id of 10 characters",
        ],
        values: vec![
            ("ana", json!(PEOPLE[0].card())),
            ("chloe", json!(PEOPLE[2].card())),
            ("receiving", json!(PEOPLE[0].body(true).receiving)),
            ("service", json!(service())),
        ],
        vectors: keys().into_iter().chain(cards()).chain(checked()).chain(words()).collect(),
        run,
    }
}

fn keys() -> Vec<Value> {
    let seed = |byte: u8| Hex([byte; 32]);
    let counting: [u8; 32] = std::array::from_fn(|at| at as u8);
    vec![
        json!({"section": "8", "name": "ana's signing key", "op": "signing-key", "seed": seed(0x11)}),
        json!({"section": "8", "name": "a signing seed that counts", "op": "signing-key", "seed": Hex(counting)}),
        json!({"section": "8", "name": "ana's receiving key", "op": "receiving-key", "seed": seed(0x12)}),
        json!({"section": "8", "name": "a receiving seed that counts", "op": "receiving-key", "seed": Hex(counting)}),
        json!({"section": "1", "name": "a service", "op": "service-card", "service_name": "example", "seed": seed(1)}),
        json!({"section": "1", "name": "another key, another id", "op": "service-card", "service_name": "example",
            "seed": seed(2)}),
        json!({"section": "1", "name": "the longest name", "op": "service-card", "service_name": "s".repeat(32),
            "seed": seed(1)}),
    ]
}

fn cards() -> Vec<Value> {
    let body = |external: bool, protected: bool, name: &str, signing: Hex<32>| {
        json!({"external": external, "format": 2, "name": name, "protected": protected,
            "receiving": "$receiving", "signing": signing})
    };
    vec![
        json!({"section": "8", "name": "ana, with a passphrase", "op": "card", "seed": Hex([0x11; 32]),
            "body": body(false, true, "ana", public(0x11))}),
        json!({"section": "8", "name": "the same without a passphrase", "op": "card", "seed": Hex([0x11; 32]),
            "body": body(false, false, "ana", public(0x11))}),
        json!({"section": "8", "name": "an external custodian", "op": "card", "seed": Hex([0x31; 32]),
            "body": body(true, true, "chloe", public(0x31))}),
    ]
}

/// Cards that are taken, and cards that are not.
fn checked() -> Vec<Value> {
    let (person, key) = (&PEOPLE[0], signing(PEOPLE[0].byte));
    let card = |name: &str, card: Value| json!({"section": "8", "name": name, "op": "sound", "card": card});
    let service_card = |name: &str, card: Value| json!({"section": "8", "name": name, "op": "sound", "service_card": card});
    let renamed = Signed { signature: person.card().signature, body: PEOPLE[1].body(true) };
    let other_key = Card::new(person.body(true), &signing(2));
    let mut old = person.body(true);
    old.format = 1;
    let service = service();
    let mut other_name = service.body.clone();
    other_name.id = other_name.id.replace("example", "office");
    let mut former = service.body.clone();
    former.id.truncate("example".len() + 1 + 10);
    // The signature of a custodian's card is none of a service's: the labels differ.
    let other_label = Signed {
        body: service.body.clone(),
        signature: Card::new(person.body(true), &key).signature,
    };
    vec![
        card("ana's card", json!("$ana")),
        card("a card of another body", json!(renamed)),
        card("a card signed by another key", json!(other_key)),
        card("a card of format 1", json!(Card::new(old, &key))),
        service_card("the service's card", json!("$service")),
        service_card("a service's card with another signature", json!(other_label)),
        service_card(
            "the same key under another name",
            json!(ServiceCard::new(other_name.clone(), &signing(1))),
        ),
        service_card(
            "an id of another name, under the old signature",
            json!({
            "body": other_name, "signature": service.signature}),
        ),
        service_card("an id of 10 characters", json!(ServiceCard::new(former, &signing(1)))),
    ]
}

fn words() -> Vec<Value> {
    let counting: [u8; 32] = std::array::from_fn(|at| at as u8);
    let words = |name: &str, fingerprint: [u8; 32]| {
        let fingerprint = Hex(fingerprint);
        json!({"section": "8", "name": name, "op": "words", "fingerprint": fingerprint})
    };
    let mut dealing = json!(dealing());
    dealing["service"] = json!("$service");
    dealing["roster"][0]["card"] = json!("$ana");
    dealing["roster"][2]["card"] = json!("$chloe");
    vec![
        words("words of zeros", [0; 32]),
        words("words of ones", [0xff; 32]),
        words("words of a fingerprint that counts", counting),
        words("every letter", std::array::from_fn(|at| (at as u8).wrapping_mul(0x9d) ^ 0x3c)),
        json!({"section": "8", "name": "the first dealing, 2 of 3", "op": "dealing", "dealing": dealing}),
    ]
}

fn key(vector: &Value) -> SigningKey {
    SigningKey::from_bytes(&typed::<Hex<32>>(vector, "seed").0)
}

fn run(vector: &Value) -> Value {
    match text(vector, "op") {
        "signing-key" => json!({"public": Hex(key(vector).verifying_key().to_bytes())}),
        "receiving-key" => json!({"public": receiving_key(&secret(vector, "seed")).public()}),
        "service-card" => {
            let name = Name::new(text(vector, "service_name")).unwrap();
            let card = ServiceCard::of(&name, &key(vector));
            assert!(card.is_sound());
            json!({"card": card})
        }
        "card" => {
            let card = Card::new(typed::<CardBody>(vector, "body"), &key(vector));
            assert!(card.is_sound());
            let fingerprint = card.fingerprint();
            json!({"signature": card.signature, "fingerprint": fingerprint, "words": spoken(&fingerprint)})
        }
        "sound" => {
            let sound = match vector.get("card") {
                Some(_) => typed::<Card>(vector, "card").is_sound(),
                None => typed::<ServiceCard>(vector, "service_card").is_first(),
            };
            json!({"sound": sound})
        }
        "words" => json!({"words": spoken(&typed(vector, "fingerprint"))}),
        "dealing" => {
            let dealing: Dealing = typed(vector, "dealing");
            dealing.check().unwrap();
            let fingerprint = dealing.fingerprint();
            json!({"fingerprint": fingerprint, "words": spoken(&fingerprint)})
        }
        op => panic!("no such op: {op}"),
    }
}
