//! Signed statements, cosignatures and checkpoints (SPEC §8, §9, §11).

use cstatns::card::Card;
use cstatns::checkpoint::{Cosignature, Head, Note, WitnessKey, cosigner, origin, sign_head};
use cstatns::comparison::ComparisonBody;
use cstatns::evidence::{EvidenceBody, Stated};
use cstatns::name::{Hex, canonical_json};
use cstatns::proposal::{ConsentBody, DeclarationBody};
use cstatns::receipt::{Doubt, DoubtBody, Doubted, Receipt, ReceiptBody, ReceiptStatement};
use cstatns::received::Received;
use cstatns::state::doubt_digest;
use cstatns::statement::{Signed, Statement, Suite, verify};
use ed25519_dalek::{Signer as _, SigningKey};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::file::Made;
use super::parcels::{linking, registry, wages};
use super::people::{PEOPLE, Person, dealing, head, public, service, signing};
use super::{bytes, hex, text, typed};

/// The order of Ed25519's group, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

pub(crate) fn file() -> Made {
    let mut vectors = statements();
    vectors.extend(of_parties());
    vectors.extend(signed_heads());
    vectors.extend(signatures());
    Made {
        name: "statements",
        about: "What is signed: statements under their labels, cosignatures, checkpoints; signatures that must be \
            refused.",
        ops: &[
            ("statement", "the signature of a statement"),
            ("cosignature", "a dated cosignature of a checkpoint, and its line in a note"),
            ("witness", "the public key of a witness, and its line in the note of a checkpoint"),
            ("checkpoint", "the text of a checkpoint, and the note that the service signs"),
            ("verify", "whether a signature is to be taken"),
        ],
        fields: &[
            ("label", "what stands before the canonical JSON of the body"),
            ("body", "the body of the statement"),
            ("seed", "the seed of the signing key, in hex"),
            ("service", "the service id"),
            ("head", "`size` and `root` of the checkpoint"),
            ("time", "the date of the cosignature"),
            ("witness", "the name of the witness"),
            ("public", "the public key in hex"),
            ("message", "the message in hex"),
            ("signature", "the signature in hex"),
        ],
        gives: &[
            ("message", "the signed bytes as text"),
            ("signature", "the signature in hex"),
            ("digest", "of a doubt: the digest by which a quorum names it"),
            ("cosigner", "the key name of the cosignature"),
            ("line", "its line in a note"),
            ("key", "the public key of the witness as others are given it"),
            ("note", "the signed note"),
            ("valid", "true or false"),
        ],
        refused: &[
            "another message",
            "another key",
            "a bit of R",
            "s + L",
            "a key of small order",
            "a key of small order, not canonical",
        ],
        values: vec![
            ("service", json!(service().id())),
            ("service_card", json!(service())),
            ("ana", json!(PEOPLE[0].card())),
        ],
        vectors,
        run,
    }
}

const NOON: &str = "2027-03-01T12:00:00Z";

fn cosigned(person: &Person) -> Cosignature {
    Cosignature::sign(service().id(), head(), NOON.parse().unwrap(), &signing(person.byte))
}

fn receipt_body(person: &Person, count: u64, statement: ReceiptStatement) -> ReceiptBody {
    ReceiptBody {
        format: 2,
        suite: Suite::default(),
        service: service().id().to_owned(),
        by: person.card().body.name,
        card: person.card().fingerprint(),
        count,
        cosignature: cosigned(person),
        statement,
    }
}

fn held() -> ReceiptStatement {
    let dealing = dealing();
    ReceiptStatement::ShareHeld { epoch: dealing.epoch, dealing: dealing.fingerprint() }
}

/// Ana's receipt of her share, by this card of hers.
pub(crate) fn receipt(card: &Card) -> Receipt {
    let mut body = receipt_body(&PEOPLE[0], 1, held());
    body.card = card.fingerprint();
    Signed::new(body, &signing(PEOPLE[0].byte))
}

/// Which key the service signs with from now on, and which it replaces.
fn accepted() -> ReceiptStatement {
    ReceiptStatement::ServiceKey { key: public(2), replaces: public(1) }
}

/// Ana and Ben accept the key 02.
pub(crate) fn acceptances() -> [Receipt; 2] {
    [&PEOPLE[0], &PEOPLE[1]]
        .map(|person| Signed::new(receipt_body(person, 4, accepted()), &signing(person.byte)))
}

/// Ana and Ben cosign the head.
pub(crate) fn witnesses() -> [Value; 2] {
    [&PEOPLE[0], &PEOPLE[1]]
        .map(|person| json!({"by": person.name, "cosignature": cosigned(person)}))
}

fn doubt_body(person: &Person, about: Doubted) -> DoubtBody {
    let ReceiptBody { format, suite, service, by, card, count, cosignature, .. } =
        receipt_body(person, 3, held());
    DoubtBody { format, suite, service, by, card, count, about, cosignature }
}

fn statements() -> Vec<Value> {
    let [ana, ben, _] = &PEOPLE;
    let vector = |section: &str, name: &str, label: &str, body: Value, person: &Person| {
        json!({"section": section, "name": name, "op": "statement", "label": label, "body": body,
            "seed": Hex([person.byte; 32])})
    };
    let receipt = |name: &str, statement: ReceiptStatement| {
        vector("8", name, ReceiptBody::LABEL, json!(receipt_body(ana, 1, statement)), ana)
    };
    let doubt = |name: &str, about: Value| {
        let about = serde_json::from_value(about).unwrap();
        vector("8", name, DoubtBody::LABEL, json!(doubt_body(ben, about)), ben)
    };
    let consent = ConsentBody {
        format: 2,
        suite: Suite::default(),
        service: service().id().to_owned(),
        epoch: dealing().epoch,
        question: Hex([0x0a; 32]),
        by: ben.card().body.name,
        card: ben.card().fingerprint(),
        count: 2,
        share: Hex([0x0c; 32]),
        cosignature: cosigned(ben),
    };
    let evidence = EvidenceBody {
        format: 2,
        suite: Suite::default(),
        service: service(),
        card: ana.card(),
        count: 1,
        checkpoint: sign_head(&head(), service().id(), &signing(1)),
        statements: vec![Stated::Receipt { receipt: Box::new(self::receipt(&ana.card())) }],
    };
    let mut evidence = json!(evidence);
    evidence["service"] = json!("$service_card");
    evidence["card"] = json!("$ana");
    vec![
        receipt("a share is held", held()),
        receipt(
            "a share is forgotten",
            ReceiptStatement::ShareForgotten { epoch: dealing().epoch },
        ),
        receipt("a checkpoint was seen", ReceiptStatement::CheckpointSeen {}),
        receipt("another key of the service is accepted", accepted()),
        receipt(
            "the roles of a party are ended",
            ReceiptStatement::PartyEnded { party: wages().fingerprint() },
        ),
        vector("9", "a consent", ConsentBody::LABEL, json!(consent), ben),
        doubt(
            "a doubt about a key",
            json!({"kind": "key", "domain": "population", "generation": 2}),
        ),
        doubt("a doubt about the custody", json!({"kind": "custody", "epoch": 1})),
        vector("8", "evidence", EvidenceBody::LABEL, evidence, ana),
    ]
}

/// What parties sign: what they send in parcels, and that they have what came back.
fn of_parties() -> Vec<Value> {
    let vector = |section: &str, name: &str, label: &str, own: Value, byte: u8| {
        let mut body = json!({"format": 2, "suite": Suite::default(), "service": "$service"});
        body.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        json!({"section": section, "name": name, "op": "statement", "label": label, "body": body,
            "seed": Hex([byte; 32])})
    };
    let declared =
        |name: &str, own: Value, byte: u8| vector("19.7", name, DeclarationBody::LABEL, own, byte);
    let received = json!({"domain": "population", "generation": 2,
        "delivery": {"run": Hex([0x43; 16]), "part": 1}, "request": Hex([0x44; 32]), "result": Hex([0x45; 32]),
        "rows": 120, "received": NOON, "destroyed": 2, "by": wages().fingerprint(),
        "checkpoint": sign_head(&head(), service().id(), &signing(1))});
    let compared = |generation: u32, run: u8| {
        json!({"tag": "k7q2", "generations": [generation], "rows": 120, "coded": 118, "distinct": 101,
            "chi_squared": 271, "reported": {"delivery": {"run": Hex([run; 16]), "part": 1},
                "request": Hex([run; 32]), "rows": 120}})
    };
    let comparison = json!({"domain": "population", "old": compared(1, 0x43), "new": compared(2, 0x44), "common": 0,
        "checks": {"domain": true, "generations": true, "rows": true, "distinct": true, "multiplicities": true,
            "disjoint": true, "uniform": true},
        "made": NOON, "by": wages()});
    let [wages, linking, registry] =
        [wages(), linking(), registry()].map(|card| card.fingerprint());
    vec![
        declared(
            "a controller declares a request",
            json!({"domain": "population", "use": "code", "scheme": "fr-nir", "commitment": Hex([0x44; 32]),
                "rows": 120, "values": 118, "distinct": 117, "key": Hex([0x41; 16]), "sender": wages}),
            0x51,
        ),
        declared(
            "a holder declares a request for its controller",
            json!({"domain": "population", "use": "look-up", "scheme": "fr-nir", "commitment": Hex([0x46; 32]),
                "rows": 12, "values": 12, "distinct": 12, "engine": "other", "key": Hex([0x42; 16]),
                "sender": registry, "for": wages}),
            0x71,
        ),
        declared(
            "a linking body declares codes to be renewed",
            json!({"domain": "mobility", "use": "renew", "generation": 1, "commitment": Hex([0x47; 32]),
                "rows": 40, "values": 40, "distinct": 40, "key": Hex([0x48; 16]), "sender": linking}),
            0x61,
        ),
        vector("6", "a delivery is received", Received::LABEL, received, 0x51),
        vector(
            "21",
            "a file is compared with its renewal",
            ComparisonBody::LABEL,
            comparison,
            0x51,
        ),
    ]
}

fn signed_heads() -> Vec<Value> {
    let largest = Head { size: (1 << 53) - 1, root: Hex([0xff; 32]) };
    let cosignature = |name: &str, head: Head, time: &str| {
        json!({"section": "8", "name": name, "op": "cosignature", "service": "$service", "head": head, "time": time,
            "seed": Hex([PEOPLE[0].byte; 32])})
    };
    let checkpoint = |name: &str, head: Head| {
        json!({"section": "11", "name": name, "op": "checkpoint", "service": "$service", "head": head,
            "seed": Hex([1; 32])})
    };
    vec![
        cosignature("ana cosigns", head(), NOON),
        cosignature("the first second of 1970", head(), "1970-01-01T00:00:00Z"),
        cosignature("the largest size", largest, "2099-12-31T23:59:59Z"),
        json!({"section": "11", "name": "a witness cosigns", "op": "witness", "service": "$service", "head": head(),
            "time": NOON, "witness": "authority", "seed": Hex([0x31; 32])}),
        checkpoint("five lines", head()),
        checkpoint("one line", Head { size: 1, root: Hex([0; 32]) }),
        checkpoint("the largest size of a ledger", largest),
    ]
}

/// Signatures of ana on a short message, and what must not pass for one.
fn signatures() -> Vec<Value> {
    let message = b"CStatNS/receipt/{}";
    let key = signing(PEOPLE[0].byte);
    let sound = key.sign(message).to_bytes();
    let vector = |name: &str, public: Hex<32>, message: &[u8], signature: [u8; 64]| {
        json!({"section": "8", "name": name, "op": "verify", "public": public, "message": hex(message),
            "signature": Hex(signature)})
    };
    let own = public(PEOPLE[0].byte);
    // s + L in place of s.
    let mut larger = sound;
    let mut carry = 0;
    for (byte, order) in larger[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    // The neutral point as key and as R, and s = 0: it verifies for every message where small
    // orders are allowed. Then the same point in another encoding, y = p + 1.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut forged = [0; 64];
    forged[0] = 1;
    let mut not_canonical = [0xff; 32];
    (not_canonical[0], not_canonical[31]) = (0xee, 0x7f);
    let mut flipped = sound;
    flipped[0] ^= 1;
    vec![
        vector("a sound signature", own, message, sound),
        vector("another message", own, b"CStatNS/doubt/{}", sound),
        vector("another key", public(PEOPLE[1].byte), message, sound),
        vector("a bit of R", own, message, flipped),
        vector("s + L", own, message, larger),
        vector("a key of small order", Hex(neutral), message, forged),
        vector("a key of small order, not canonical", Hex(not_canonical), message, forged),
    ]
}

fn key(vector: &Value) -> SigningKey {
    SigningKey::from_bytes(&typed::<Hex<32>>(vector, "seed").0)
}

/// Signs the body and reads the statement back.
fn statement<T: Statement + DeserializeOwned>(vector: &Value) -> Signed<T> {
    let (label, key) = (text(vector, "label"), key(vector));
    assert_eq!(label, T::LABEL);
    let signed = Signed::new(typed::<T>(vector, "body"), &key);
    assert!(signed.is_by(&Hex(key.verifying_key().to_bytes())));
    signed
}

fn run(vector: &Value) -> Value {
    match text(vector, "op") {
        "statement" => {
            let label = text(vector, "label");
            let mut digest = None;
            let signature = match label {
                ReceiptBody::LABEL => statement::<ReceiptBody>(vector).signature,
                ConsentBody::LABEL => statement::<ConsentBody>(vector).signature,
                DeclarationBody::LABEL => statement::<DeclarationBody>(vector).signature,
                Received::LABEL => statement::<Received>(vector).signature,
                ComparisonBody::LABEL => {
                    let comparison = statement::<ComparisonBody>(vector);
                    assert!(comparison.is_sound());
                    comparison.signature
                }
                EvidenceBody::LABEL => statement::<EvidenceBody>(vector).signature,
                DoubtBody::LABEL => {
                    let doubt: Doubt = statement(vector);
                    digest = Some(doubt_digest(&doubt));
                    doubt.signature
                }
                _ => panic!("no such label: {label}"),
            };
            let message = [label.as_bytes(), &canonical_json(&vector["body"])].concat();
            let public = Hex(key(vector).verifying_key().to_bytes());
            assert!(verify(&public, &message, &signature));
            let mut gives =
                json!({"message": String::from_utf8(message).unwrap(), "signature": signature});
            if let Some(digest) = digest {
                gives["digest"] = json!(digest);
            }
            gives
        }
        "cosignature" => {
            let (service, head, key) =
                (text(vector, "service"), typed::<Head>(vector, "head"), key(vector));
            let time: Timestamp = typed(vector, "time");
            let made = Cosignature::sign(service, head, time, &key);
            let public = Hex(key.verifying_key().to_bytes());
            assert!(made.is_by(service, &public));
            let text = head.checkpoint(service).text();
            let message = format!("cosignature/v1\ntime {}\n{text}", time.as_second());
            assert!(verify(&public, message.as_bytes(), &made.signature));
            let line = made.line(service, &public).to_string();
            json!({"message": message, "signature": made.signature, "cosigner": cosigner(service, &public),
                "line": line})
        }
        "witness" => {
            let (service, head, signing) =
                (text(vector, "service"), typed::<Head>(vector, "head"), key(vector));
            let public = Hex(signing.verifying_key().to_bytes());
            let key = WitnessKey::new(text(vector, "witness"), &public).unwrap();
            let note = sign_head(&head, service, &self::signing(1));
            let mut note = Note::parse(note.as_bytes()).unwrap();
            let time: Timestamp = typed(vector, "time");
            key.cosign(&mut note, time, &signing).unwrap();
            assert_eq!(key.cosigned(&note), Ok(Some(time)));
            assert_eq!(WitnessKey::parse(&key.to_string()), Ok(key.clone()));
            json!({"key": key.to_string(), "line": note.signatures()[1].to_string()})
        }
        "checkpoint" => {
            let (service, head): (_, Head) = (text(vector, "service"), typed(vector, "head"));
            let note = sign_head(&head, service, &key(vector));
            let text = head.checkpoint(service).text();
            assert!(note.starts_with(&format!("{text}\n— {} ", origin(service))));
            json!({"message": text, "note": note})
        }
        "verify" => {
            let (public, signature) = (typed(vector, "public"), typed(vector, "signature"));
            json!({"valid": verify(&public, &bytes(vector, "message"), &signature)})
        }
        op => panic!("no such op: {op}"),
    }
}
