//! What rests sealed: coding keys, and a kit's signing seed, receiving keys and memory (SPEC §8,
//! §10).

use std::fs;
use std::path::Path;

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use cstatns::card::{Card, spoken};
use cstatns::code::Generation;
use cstatns::custody::custodian::Kit;
use cstatns::custody::share::{SealedShare, ShareFile, dealt_info};
use cstatns::dealing::Epoch;
use cstatns::domain::Kind;
use cstatns::hazmat::{Share, coding_key, receiving_key};
use cstatns::keystore::{KeyLabel, KeyPlace, Keystore};
use cstatns::ledger::event::Event;
use cstatns::ledger::{History, next_line};
use cstatns::name::{Hex, Name, canonical_json};
use cstatns::secret::Secret;
use cstatns::state::{State, View};
use data_encoding::BASE64;
use hkdf::Hkdf;
use serde_json::{Value, json};
use sha2::Sha256;

use super::file::Made;
use super::people::{PEOPLE, SUITE, dealing, head, public, root, service, shares, signing};
use super::statements::receipt;
use super::{bytes, hex, secret, secret_of, text, typed};

const KEY: [u8; 32] = [0x19; 32];
const LIFE: [u8; 32] = [0x2f; 32];
pub(crate) const NONCE: [u8; 24] = [0x24; 24];
pub(crate) const PASSPHRASE: &str = "correct horse, été";

pub(crate) fn file() -> Made {
    let mut vectors = keys();
    vectors.extend(identities());
    vectors.extend(cards());
    vectors.extend(memories());
    Made {
        name: "seals",
        about: "Openings: what rests sealed, under fixed nonces and salts.",
        ops: &[
            ("key", "opens a sealed coding key"),
            ("identity", "opens the signing seed of a kit"),
            ("card", "opens the receiving key that lies with a card of a kit"),
            ("memory", "opens the memory of a kit"),
        ],
        fields: &[
            ("root", "the root secret in hex"),
            ("life", "the life secret in hex; null: none is there"),
            ("label", "the label as the ledger gives it"),
            (
                "file",
                "the file: `<domain>.<generation>.<epoch>.key`, `identity`, `card-<words>.key` or `memory`",
            ),
            ("card", "the kit's card"),
            ("passphrase", "the bytes of the passphrase in hex; null: none is given"),
            ("seed", "the kit's signing seed in hex"),
        ],
        gives: &[
            (
                "sealing_key",
                "the key of the seal in hex: by HKDF, or by Argon2id; null: there is no seal",
            ),
            ("key", "the coding key in hex"),
            ("seed", "the kit's signing seed in hex"),
            ("receiving", "the seed of the receiving key in hex"),
            ("name", "the name of the file"),
            ("opened", "what the memory holds"),
            ("refused", "true: it must be refused"),
        ],
        refused: &[
            "a project's key without its life secret",
            "a project's key with another life secret",
            "the file of another generation",
            "a seal under another label",
            "another passphrase",
            "the receiving key of another card",
            "a receiving key whose tag is another",
            "the card of another custodian",
            "a memory that shows another count",
        ],
        values: vec![
            ("ana", json!(PEOPLE[0].card())),
            ("open", json!(open())),
            ("passphrase", json!(hex(PASSPHRASE))),
            ("root", json!(Hex(root()))),
            ("life", json!(Hex(LIFE))),
            ("seed", json!(Hex(seed()))),
        ],
        vectors,
        run,
    }
}

/// A label as the ledger of the service gives it.
fn label(kind: Kind, generation: u32, epoch: u32) -> KeyLabel {
    let (service, generation) = (service(), Generation::new(generation).unwrap());
    let domain =
        Name::new(if kind.is_research() { "diabetes-2026" } else { "population" }).unwrap();
    let key = coding_key(&secret_of(&KEY), service.id(), &domain, generation);
    let place =
        KeyPlace { service: service.id(), epoch: Epoch(epoch), domain: &domain, kind, generation };
    place.label(key.check_value())
}

fn keys() -> Vec<Value> {
    let statistics = Kind::Statistics { cryptoperiod_years: 5 };
    let research = Kind::Research { ends: "2027-12-31".parse().unwrap() };
    let vector = |name: &str, life: Option<&str>, label: &KeyLabel, file: &Value| {
        json!({"section": "10", "name": name, "op": "key", "root": "$root", "life": life, "label": label,
            "file": file})
    };
    let first = label(statistics, 1, 1);
    let later = label(statistics, 12, 3);
    let project = label(research, 1, 1);
    let (first_file, project_file) = (sealed_key(&first, None), sealed_key(&project, Some(LIFE)));
    // The label of the file says what the ledger says, but the seal is another one's.
    let mut relabelled = first_file.clone();
    relabelled["label"] = json!(later);
    let other_life = Hex([0x30; 32]).to_string();
    vec![
        vector("a statistical key", None, &first, &first_file),
        vector("generation 12 in epoch 3", None, &later, &sealed_key(&later, None)),
        vector("a project's key", Some("$life"), &project, &project_file),
        vector("a project's key without its life secret", None, &project, &project_file),
        vector(
            "a project's key with another life secret",
            Some(&other_life),
            &project,
            &project_file,
        ),
        vector("the file of another generation", None, &later, &first_file),
        vector("a seal under another label", None, &later, &relabelled),
    ]
}

/// HKDF-SHA-256 without salt.
fn derived(material: &[u8], info: &str) -> [u8; 32] {
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(None, material).expand(info.as_bytes(), &mut key).unwrap();
    key
}

fn sealing_key(label: &KeyLabel, root: &[u8; 32], life: Option<[u8; 32]>) -> [u8; 32] {
    let KeyLabel { service, epoch, kind, .. } = label;
    let material = [&root[..], life.as_ref().map_or(&[][..], |life| life)].concat();
    derived(&material, &format!("CStatNS/seal/2/{SUITE}/{service}/{epoch}/{kind}"))
}

fn label_bytes(label: &KeyLabel) -> Vec<u8> {
    [b"CStatNS/seal/2/".to_vec(), canonical_json(label)].concat()
}

fn sealed_key(label: &KeyLabel, life: Option<[u8; 32]>) -> Value {
    let sealed = seal(&sealing_key(label, &root(), life), &KEY, &label_bytes(label));
    json!({"format": 2, "label": label, "nonce": Hex(NONCE), "sealed": hex(sealed)})
}

fn seal(key: &[u8; 32], msg: &[u8], aad: &[u8]) -> Vec<u8> {
    let cipher = XChaCha20Poly1305::new(key.into());
    cipher.encrypt(&XNonce::from(NONCE), Payload { msg, aad }).unwrap()
}

fn opened(key: &[u8; 32], nonce: Hex<24>, msg: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
    let cipher = XChaCha20Poly1305::new(key.into());
    cipher.decrypt(&XNonce::from(nonce.0), Payload { msg, aad }).ok()
}

fn seed() -> [u8; 32] {
    [PEOPLE[0].byte; 32]
}

pub(crate) fn protection() -> Value {
    json!({"argon2id_memory_kib": 65_536, "argon2id_passes": 3, "argon2id_lanes": 1,
        "salt": Hex([0x5a; 16]), "nonce": Hex(NONCE)})
}

/// Argon2id of RFC 9106, version 0x13.
pub(crate) fn passphrase_key(passphrase: &[u8], protection: &Value) -> [u8; 32] {
    let number = |field: &str| typed::<u32>(protection, field);
    let params = Params::new(
        number("argon2id_memory_kib"),
        number("argon2id_passes"),
        number("argon2id_lanes"),
        Some(32),
    );
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.unwrap());
    let mut key = [0; 32];
    argon2.hash_password_into(passphrase, &bytes(protection, "salt"), &mut key).unwrap();
    key
}

fn kit_bytes(card: &Card) -> Vec<u8> {
    format!("CStatNS/kit/2/{SUITE}/{}", card.body.signing).into_bytes()
}

/// Ana's card in a demonstration: no passphrase protects the kit.
fn open() -> Card {
    Card::new(PEOPLE[0].body(false), &signing(PEOPLE[0].byte))
}

fn in_clear(card: &Card, seed: &str) -> Value {
    json!({"format": 2, "signing": card.body.signing, "seed": seed, "protection": null})
}

fn identities() -> Vec<Value> {
    let (card, mut protection) = (PEOPLE[0].card(), protection());
    let key = passphrase_key(PASSPHRASE.as_bytes(), &protection);
    let mut sealed = seal(&key, &seed(), &kit_bytes(&card));
    protection["tag"] = json!(hex(sealed.split_off(32)));
    let mut own = in_clear(&card, &hex(sealed));
    own["protection"] = protection;
    let vector = |name: &str, passphrase: Option<&str>, card: &str, file: &Value| {
        json!({"section": "8", "name": name, "op": "identity", "passphrase": passphrase, "card": card,
            "file": file})
    };
    vec![
        vector("under a passphrase", Some("$passphrase"), "$ana", &own),
        vector("another passphrase", Some(&hex("correct horse, ete")), "$ana", &own),
        vector("without protection", None, "$open", &in_clear(&open(), "$seed")),
    ]
}

fn receiving_label(card: &Card) -> String {
    format!("CStatNS/kit-receiving/2/{SUITE}/{}", card.fingerprint())
}

fn card_file(card: &Card, receiving: [u8; 32]) -> Value {
    let label = receiving_label(card);
    let sealed = seal(&derived(&seed(), &label), &receiving, label.as_bytes());
    json!({"format": 2, "card": card, "nonce": Hex(NONCE), "sealed": hex(sealed)})
}

fn cards() -> Vec<Value> {
    let [ana, ben, _] = &PEOPLE;
    let first = card_file(&open(), ana.receiving());
    // Another card of Ana.
    let mut body = open().body;
    body.receiving = receiving_key(&secret_of(&[0x13; 32])).public();
    let second = Card::new(body, &signing(ana.byte));
    let other = card_file(&second, [0x13; 32]);
    let mut swapped = first.clone();
    swapped["card"] = json!(second);
    let mut torn = first.clone();
    let sealed = text(&torn, "sealed");
    let last = if sealed.ends_with('0') { "1" } else { "0" };
    torn["sealed"] = json!(format!("{}{last}", &sealed[..95]));
    let strange = card_file(&Card::new(ben.body(false), &signing(ben.byte)), ben.receiving());
    let vector = |name: &str, file: &Value| {
        let mut file = file.clone();
        if file["card"] == json!(open()) {
            file["card"] = json!("$open");
        }
        json!({"section": "8", "name": name, "op": "card", "seed": "$seed", "file": file})
    };
    vec![
        vector("the receiving key of a card", &first),
        vector("the receiving key of another card of the kit", &other),
        vector("the receiving key of another card", &swapped),
        vector("a receiving key whose tag is another", &torn),
        vector("the card of another custodian", &strange),
    ]
}

fn memory_label(card: &Card) -> String {
    format!("CStatNS/kit-memory/2/{SUITE}/{}", card.body.signing)
}

fn memory_bytes(card: &Card, shown: &Value) -> Vec<u8> {
    [memory_label(card).into_bytes(), b"\n".to_vec(), canonical_json(shown)].concat()
}

fn sealed_memory(card: &Card, memory: &Value, shown: Value) -> Value {
    let key = derived(&seed(), &memory_label(card));
    let sealed = seal(&key, &canonical_json(memory), &memory_bytes(card, &shown));
    json!({"format": 2, "shown": shown, "nonce": Hex(NONCE), "sealed": BASE64.encode(&sealed)})
}

fn new_memory(card: &Card) -> Value {
    let memory = json!({"format": 2, "suite": SUITE, "service": null, "service_key": null, "count": 0, "checkpoint": null,
        "head": null, "bytes": 0, "compressed": 0, "epochs": null, "domains": [], "statements": []});
    sealed_memory(card, &memory, json!({"count": 0, "last": null, "head": null}))
}

fn memories() -> Vec<Value> {
    let (card, receipt) = (open(), receipt(&open()));
    let note = cstatns::checkpoint::sign_head(&head(), service().id(), &signing(1));
    let memory = json!({"format": 2, "suite": SUITE, "service": service(),
        "service_key": public(1), "count": 1, "checkpoint": note,
        "head": head(), "bytes": 12_345, "compressed": 1_234, "epochs": [1, 0],
        "domains": [{"domain": "diabetes-2026", "generation": 1, "ends": "2027-12-31"},
            {"domain": "population", "generation": 2, "ends": null}],
        "statements": [{"kind": "receipt", "receipt": receipt}]});
    let about = json!({"kind": "receipt", "statement": receipt.body.statement});
    let last = json!({"time": receipt.body.cosignature.time, "about": about});
    let used = sealed_memory(&card, &memory, json!({"count": 1, "last": last, "head": head()}));
    let mut forged = used.clone();
    forged["shown"]["count"] = json!(0);
    let vector = |name: &str, file: Value| {
        json!({"section": "8", "name": name, "op": "memory", "card": "$open", "seed": "$seed",
            "file": file})
    };
    vec![
        vector("the memory of a new kit", new_memory(&card)),
        vector("a memory with a receipt", used),
        vector("a memory that shows another count", forged),
    ]
}

fn run(vector: &Value) -> Value {
    let place = tempfile::tempdir().unwrap();
    let gives = match text(vector, "op") {
        "key" => key(vector, place.path()),
        "identity" => identity(vector, place.path()),
        "card" => card(vector, place.path()),
        "memory" => memory(vector, place.path()),
        op => panic!("no such op: {op}"),
    };
    gives.unwrap_or_else(|| json!({"refused": true}))
}

fn write(path: &Path, value: &Value) {
    fs::write(path, canonical_json(value)).unwrap();
}

/// The library opens the key, and so does what is put together here.
fn key(vector: &Value, place: &Path) -> Option<Value> {
    let label: KeyLabel = typed(vector, "label");
    let keystore = Keystore::new(place.to_owned(), vec![place.to_owned()]);
    write(&keystore.seal_path(&label.domain, label.generation, label.epoch), &vector["file"]);
    let life: Option<Hex<32>> = typed(vector, "life");
    if let Some(life) = life {
        fs::write(keystore.life_paths(&label.domain).next().unwrap(), life.0).unwrap();
    }
    let root: Hex<32> = typed(vector, "root");
    let found = keystore.open(&secret_of(&root.0), &label).ok()?;
    let sealing_key = sealing_key(&label, &root.0, life.map(|life| life.0));
    let file = &vector["file"];
    let nonce = typed(file, "nonce");
    let key = opened(&sealing_key, nonce, &bytes(file, "sealed"), &label_bytes(&label)).unwrap();
    let secret: Secret<32> = secret_of(key.first_chunk().unwrap());
    let same = coding_key(&secret, &label.service, &label.domain, label.generation);
    assert_eq!(same.check_value(), found.key.check_value());
    Some(json!({"sealing_key": hex(sealing_key), "key": hex(key)}))
}

/// A kit whose `identity` or `memory` is that of the vector.
fn kit(place: &Path, card: &Card, identity: &Value, memory: &Value) -> std::path::PathBuf {
    let kit = place.join("kit");
    fs::create_dir(&kit).unwrap();
    write(&kit.join("card.json"), &json!(card));
    write(&kit.join("identity"), identity);
    write(&kit.join("memory"), memory);
    kit
}

fn identity(vector: &Value, place: &Path) -> Option<Value> {
    let (card, file) = (typed::<Card>(vector, "card"), &vector["file"]);
    let passphrase = vector["passphrase"].is_string().then(|| bytes(vector, "passphrase"));
    let kit = kit(place, &card, file, &new_memory(&card));
    // The signing key of the card is that of the seed, or it would not open.
    Kit::open(&kit, passphrase.as_deref()).ok()?;
    let protection = &file["protection"];
    let Some(passphrase) = passphrase else {
        assert!(protection.is_null());
        return Some(json!({"sealing_key": null, "seed": file["seed"]}));
    };
    let key = passphrase_key(&passphrase, protection);
    let both = [bytes(file, "seed"), bytes(protection, "tag")].concat();
    let seed = opened(&key, typed(protection, "nonce"), &both, &kit_bytes(&card)).unwrap();
    Some(json!({"sealing_key": hex(key), "seed": hex(seed)}))
}

/// The kit accepts a share that was dealt to the card, or refuses the file.
fn card(vector: &Value, place: &Path) -> Option<Value> {
    let file = &vector["file"];
    let (card, seed) = (typed::<Card>(file, "card"), secret::<32>(vector, "seed"));
    let words: Vec<String> =
        spoken(&card.fingerprint()).split('-').take(2).map(str::to_owned).collect();
    let name = format!("card-{}.key", words.join("-"));
    let kit = kit(place, &card, &in_clear(&card, &hex(seed.expose())), &new_memory(&card));
    write(&kit.join(&name), file);
    let mut kit = Kit::open(&kit, None).ok()?;

    let mut dealing = dealing();
    (dealing.demo, dealing.roster[0].card) = (true, card.clone());
    let id = dealing.service.id().to_owned();
    let sealed = {
        let share = Share::decode(&shares()[0]).unwrap();
        let info = dealt_info(&id, dealing.epoch, &card);
        SealedShare::seal(&share, &card.body.receiving, &info).unwrap()
    };
    let (custodian, epoch) = (card.body.name.clone(), dealing.epoch);
    let share = ShareFile { format: 2, service: id.clone(), epoch, custodian, share: sealed };
    let (mut history, now) = (History::default(), "2027-03-01T12:00:00Z".parse().unwrap());
    let dealt =
        Event::Dealt { dealing: Box::new(dealing), keys: Vec::new(), request_keys: Vec::new() };
    let line = next_line(&history, &id, now, now, dealt);
    let state = State::founded_by(&line).unwrap();
    let line = canonical_json(&line);
    history.push(&line);
    let path = place.join("ledger.jsonl");
    fs::write(&path, [&line[..], b"\n"].concat()).unwrap();
    let note = cstatns::checkpoint::sign_head(&history.head(), &id, &signing(1));
    let ledger = View { history: &history, state: &state, note: &note, path: &path, sent: None };
    kit.accept(&share, ledger, now).ok()?;

    let label = receiving_label(&card);
    let key = derived(seed.expose(), &label);
    let nonce = typed(file, "nonce");
    let receiving = opened(&key, nonce, &bytes(file, "sealed"), label.as_bytes()).unwrap();
    Some(json!({"sealing_key": hex(key), "receiving": hex(receiving), "name": name}))
}

fn memory(vector: &Value, place: &Path) -> Option<Value> {
    let (card, file) = (typed::<Card>(vector, "card"), &vector["file"]);
    let seed = secret::<32>(vector, "seed");
    let identity = in_clear(&card, &hex(seed.expose()));
    let kit = Kit::open(&kit(place, &card, &identity, file), None).ok()?;
    let key = derived(seed.expose(), &memory_label(&card));
    let sealed = BASE64.decode(text(file, "sealed").as_bytes()).unwrap();
    let label = memory_bytes(&card, &file["shown"]);
    let clear = opened(&key, typed(file, "nonce"), &sealed, &label).unwrap();
    let memory: Value = serde_json::from_slice(&clear).unwrap();
    assert_eq!(json!(kit.shown()), file["shown"]);
    assert_eq!(json!(kit.statements()), memory["statements"]);
    assert_eq!(json!(kit.service()), memory["service"]);
    assert_eq!(json!(kit.checkpoint()), memory["checkpoint"]);
    Some(json!({"sealing_key": hex(key), "opened": memory}))
}
