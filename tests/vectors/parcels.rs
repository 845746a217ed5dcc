//! Parties, parcels and request keys (SPEC §19).

use std::io::Write as _;

use cstatns::card::{PartyCard, PartyCardBody, spoken};
use cstatns::custody::share::dealing_key;
use cstatns::dealing::Epoch;
use cstatns::jiff::Timestamp;
use cstatns::keystore::{Keystore, RequestPlace};
use cstatns::name::{Hex, Name};
use cstatns::party::request_public_digest;
use cstatns_keys::receiving::{ReceivingKey, Recipient};
use cstatns_parcel::age::Identity;
use cstatns_parcel::head::{End, Extension, Head, Sender};
use cstatns_parcel::make::Making;
use cstatns_parcel::open::{Opener, open};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

use super::file::{Made, Read, is_writing};
use super::{bytes, hex, secret, secret_of, text, typed};

const NAME: &str = "parcels";
const MADE: &str = "2030-01-02T03:04:05Z";

/// The 64 bytes of a party's seeds.
fn seeds(byte: u8) -> [u8; 64] {
    std::array::from_fn(|at| byte + u8::from(at >= 32))
}

fn keys(seeds: &[u8]) -> (SigningKey, ReceivingKey) {
    let (signing, receiving) = seeds.split_at(32);
    let seed = |bytes: &[u8]| -> [u8; 32] { bytes.try_into().unwrap() };
    (SigningKey::from_bytes(&seed(signing)), ReceivingKey::from_seed(&seed(receiving)))
}

fn card(seeds: &[u8], name: &str, protected: bool) -> PartyCard {
    let (signing, receiving) = keys(seeds);
    let body = PartyCardBody {
        format: 2,
        name: Name::new(name).unwrap(),
        protected,
        signing: Hex(signing.verifying_key().to_bytes()),
        receiving: receiving.public(),
    };
    PartyCard::new(body, &signing)
}

pub(crate) fn wages() -> PartyCard {
    card(&seeds(0x51), "wages", true)
}

pub(crate) fn linking() -> PartyCard {
    card(&seeds(0x61), "linking", false)
}

/// It holds data for others.
pub(crate) fn registry() -> PartyCard {
    card(&seeds(0x71), "registry", true)
}

const SERVICE: &str = "office.abcdefghijklmnopqrstuvwxyz";

fn place<'a>(domain: &'a Name, key: &'a Hex<16>) -> RequestPlace<'a> {
    RequestPlace { service: SERVICE, epoch: Epoch(2), domain, key }
}

/// The sealed seed of a request key, made anew only on request.
fn sealed() -> String {
    if !is_writing() {
        let kept: Value = serde_json::from_str(&Read::of(NAME).text).unwrap();
        return text(&kept["values"], "sealed").to_owned();
    }
    let dealing = dealing_key(&secret_of(&[0x31; 32]), SERVICE, Epoch(2)).public();
    let (domain, key) = (Name::new("population").unwrap(), Hex([0x41; 16]));
    let seed = ReceivingKey::from_seed(&[0x42; 32]);
    let file = Keystore::seal_request(&seed, &dealing, &place(&domain, &key)).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    text(&file, "sealed").to_owned()
}

/// The parcel of the file: it holds what was drawn at random, and is made anew only on request.
fn parcel() -> String {
    if !is_writing() {
        let kept: Value = serde_json::from_str(&Read::of(NAME).text).unwrap();
        return text(&kept["values"], "parcel").to_owned();
    }
    let (from, to) = (End::of(&wages()), End::of(&linking()));
    let made: Timestamp = MADE.parse().unwrap();
    let head = Head::new(from, to, Extension::new("csv").unwrap(), made);
    let recipient = Recipient::new(&linking().body.receiving).unwrap();
    let mut making = Making::begin(head, &recipient, Vec::new()).unwrap();
    making.write_all(b"index,amount\n1,20\n2,30\n").unwrap();
    let signing = keys(&seeds(0x51)).0;
    let parcel = making.finish(b"{\"rows\":2}\n", Sender::Party(Box::new(wages())), &signing);
    hex(parcel.unwrap())
}

pub(crate) fn file() -> Made {
    let (parcel, sealed) = (parcel(), sealed());
    let half = |name: &str, changes: Value| {
        let mut vector = json!({"section": "19.6", "name": name, "op": "request-key", "root": Hex([0x31; 32]),
            "service": SERVICE, "epoch": 2, "domain": "population", "key": Hex([0x41; 16]), "sealed": "$sealed"});
        vector.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        vector
    };
    let opened = |name: &str, changes: Value| {
        let mut vector = json!({"section": "19.5", "name": name, "op": "open", "seed": Hex([0x62; 32]),
            "receiver": linking().fingerprint(), "now": "2030-01-15T00:00:00Z", "known": ["$wages"],
            "parcel": "$parcel"});
        vector.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        vector
    };
    let flipped = |at: usize| {
        let mut digits = parcel.clone().into_bytes();
        digits[at] = if digits[at] == b'0' { b'1' } else { b'0' };
        String::from_utf8(digits).unwrap()
    };
    Made {
        name: NAME,
        about: "Cards of parties, a parcel from one to another, and the private half of a request key. What was \
            drawn at random is in the parcel; whoever opens it need not know it.",
        ops: &[
            ("party-card", "a party's card from its seeds, with its fingerprint and words"),
            ("open", "opens a parcel, and verifies the whole of it"),
            ("request-key", "opens the private half of a request key"),
        ],
        fields: &[
            ("seeds", "the seeds of the Ed25519 key and of the X-Wing key, in hex"),
            ("party", "the party's name"),
            ("protected", "what the card says of a passphrase"),
            ("seed", "the seed of the X-Wing key that opens it, in hex"),
            ("receiver", "the fingerprint of the card of who opens it"),
            ("now", "the time"),
            ("known", "the cards of parties that may have sent it"),
            ("parcel", "the age file, in hex"),
            ("root", "the root secret of the dealing, in hex"),
            ("service", "the service's id"),
            ("epoch", "the epoch of the dealing"),
            ("domain", "the domain of the requests"),
            ("key", "the number of the request key"),
            ("sealed", "the sealed seed, in hex"),
        ],
        gives: &[
            ("card", "the card with its signature"),
            ("fingerprint", "its fingerprint"),
            ("words", "the eight words of that"),
            ("head", "the head"),
            ("about", "what is said about the file, as text"),
            ("file", "the file, in hex"),
            ("half", "the seed of the request key, in hex"),
            ("public", "the digest of its public half"),
            ("refused", "true: it must be refused"),
        ],
        refused: &[
            "another seed",
            "another receiver's card",
            "at the second at which it expires",
            "made more than a day from now",
            "a sender whom nobody knows",
            "a bit of the encapsulated key",
            "a bit of the head's code",
            "a bit of the body",
            "the last byte is missing",
            "one byte more",
            "a request key of another domain",
            "a request key of another number",
            "a request key of another epoch",
        ],
        values: vec![
            ("wages", json!(wages())),
            ("linking", json!(linking())),
            ("parcel", json!(parcel.as_str())),
            ("sealed", json!(sealed)),
        ],
        vectors: vec![
            json!({"section": "19.1", "name": "a party with a passphrase", "op": "party-card",
                "seeds": Hex(seeds(0x51)), "party": "wages", "protected": true}),
            json!({"section": "19.1", "name": "a party without one", "op": "party-card",
                "seeds": Hex(seeds(0x61)), "party": "linking", "protected": false}),
            opened("from a party that is known", json!({})),
            opened("one second before it expires", json!({"now": "2030-02-01T03:04:04Z"})),
            opened("another seed", json!({"seed": Hex([0x61; 32])})),
            opened("another receiver's card", json!({"receiver": wages().fingerprint()})),
            opened("at the second at which it expires", json!({"now": "2030-02-01T03:04:05Z"})),
            opened("made more than a day from now", json!({"now": "2030-01-01T03:04:04Z"})),
            opened("a sender whom nobody knows", json!({"known": ["$linking"]})),
            opened("a bit of the encapsulated key", json!({"parcel": flipped(90)})),
            opened("a bit of the head's code", json!({"parcel": flipped(2 * 1600)})),
            opened("a bit of the body", json!({"parcel": flipped(2 * 4000)})),
            opened("the last byte is missing", json!({"parcel": &parcel[..parcel.len() - 2]})),
            opened("one byte more", json!({"parcel": format!("{parcel}00")})),
            half("a request key", json!({})),
            half("a request key of another domain", json!({"domain": "income"})),
            half("a request key of another number", json!({"key": Hex([0x40; 16])})),
            half("a request key of another epoch", json!({"epoch": 3})),
        ],
        run,
    }
}

fn run(vector: &Value) -> Value {
    if text(vector, "op") == "party-card" {
        let protected = vector["protected"].as_bool().unwrap();
        let card = card(&bytes(vector, "seeds"), text(vector, "party"), protected);
        assert!(card.is_sound());
        let fingerprint = card.fingerprint();
        return json!({"card": card, "fingerprint": fingerprint, "words": spoken(&fingerprint)});
    }
    if text(vector, "op") == "request-key" {
        let epoch = Epoch(typed(vector, "epoch"));
        let dealing = dealing_key(&secret::<32>(vector, "root"), text(vector, "service"), epoch);
        let (domain, key) = (typed(vector, "domain"), typed(vector, "key"));
        let place = RequestPlace { epoch, ..place(&domain, &key) };
        let Some(seed) = dealing.open(&bytes(vector, "sealed"), &place.info()) else {
            return json!({"refused": true});
        };
        let public = ReceivingKey::from_seed(seed.first_chunk().unwrap()).public();
        return json!({"half": hex(&seed), "public": request_public_digest(&public)});
    }
    let key = ReceivingKey::from_seed(&typed::<Hex<32>>(vector, "seed").0);
    let known: Vec<PartyCard> = typed(vector, "known");
    let opener = Opener {
        identity: Identity::Hybrid(&key),
        receiver: typed(vector, "receiver"),
        now: typed(vector, "now"),
        knows: &|sender| {
            known.iter().any(|card| matches!(sender, Sender::Party(known) if **known == *card))
        },
    };
    let mut file = Vec::new();
    match open(&bytes(vector, "parcel")[..], &opener, &mut file) {
        Ok(opened) => json!({
            "head": opened.head,
            "about": std::str::from_utf8(&opened.about).unwrap(),
            "file": hex(file),
        }),
        Err(_) => json!({"refused": true}),
    }
}
