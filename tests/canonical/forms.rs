//! What each canonical or signed form must keep when its bytes come from outside, for the tests and
//! the fuzz targets.
//!
//! Bytes that are read as a form give a value. Its canonical JSON is read again as an equal value
//! and has no other canonical JSON, so that what is signed is what is shown; and no integer in it
//! is larger than 2^53 − 1, because canonical JSON writes two larger ones as one.

#![allow(dead_code, unreachable_pub, reason = "each test and fuzz target uses some of it")]

use std::fmt::Debug;

use cstatns::card::{Card, PartyCard, ServiceCard, ServiceKeys};
use cstatns::checkpoint::{Checkpoint, Cosignature, Note, NoteSignature, VerifierKey};
use cstatns::custody::approval::Approval;
use cstatns::custody::custodian::Shown;
use cstatns::custody::share::ShareFile;
use cstatns::dealing::Dealing;
use cstatns::delivery::DeliveryId;
use cstatns::evidence::{About, Evidence, Stated};
use cstatns::hazmat::Share;
use cstatns::keystore::{KeyLabel, Places};
use cstatns::ledger::History;
use cstatns::ledger::event::{Event, Line, LineWitness};
use cstatns::linking::{JoinedReport, LinkingLine};
use cstatns::name::{Hex, canonical_json};
use cstatns::notice::Notice;
use cstatns::party::RequestKey;
use cstatns::proposal::{Action, Consent, Declaration, Proposal, Question};
use cstatns::proposal_file::ProposalFile;
use cstatns::receipt::{Doubt, Doubted, Receipt};
use cstatns::received::SignedReceived;
use cstatns::report::SignedReport;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The largest integer that canonical JSON distinguishes from its neighbours.
const LARGEST: u64 = (1 << 53) - 1;

/// The longest line of a ledger, in bytes.
const LONGEST_LINE: usize = 4 << 20;

/// A form: what it is called, and whether bytes are read as it. Reading panics if what is read does
/// not keep the above.
pub type Form = (&'static str, fn(&[u8]) -> bool);

/// The forms that are JSON.
pub const FORMS: [Form; 32] = [
    ("card", |bytes| {
        read::<Card>(bytes).is_some_and(|card| {
            card.is_sound();
            true
        })
    }),
    ("service-card", |bytes| {
        read::<ServiceCard>(bytes).is_some_and(|card| {
            card.is_sound();
            true
        })
    }),
    ("party-card", |bytes| {
        read::<PartyCard>(bytes).is_some_and(|card| {
            card.is_sound();
            true
        })
    }),
    ("dealing", |bytes| {
        read::<Dealing>(bytes).is_some_and(|dealing| {
            let _ = dealing.check();
            dealing.holders().len() == dealing.roster.len()
        })
    }),
    ("share-file", |bytes| {
        same_fields::<ShareFile>(bytes, |a, b| {
            (a.format, &a.service, a.epoch, &a.custodian, &a.share)
                == (b.format, &b.service, b.epoch, &b.custodian, &b.share)
        })
    }),
    ("receipt", |bytes| signed::<_>(bytes, |receipt: &Receipt| receipt.is_by(&Hex([1; 32])))),
    ("doubt", |bytes| signed::<_>(bytes, |doubt: &Doubt| doubt.is_by(&Hex([1; 32])))),
    ("declaration", |bytes| {
        signed::<_>(bytes, |declared: &Declaration| declared.is_by(&Hex([1; 32])))
    }),
    ("received", |bytes| {
        signed::<_>(bytes, |received: &SignedReceived| received.is_by(&Hex([1; 32])))
    }),
    ("request-key", |bytes| signed::<_>(bytes, |key: &RequestKey| key.is_sound(&Hex([1; 32])))),
    ("question", |bytes| {
        read::<Question>(bytes).is_some_and(|question| {
            let _ = (question.action.to_string(), question.action.domain());
            true
        })
    }),
    ("proposal", |bytes| {
        read::<Proposal>(bytes).is_some_and(|proposal| {
            assert!(proposal.head(&ServiceKeys::of(&nobody())).is_none(), "nobody signed it");
            true
        })
    }),
    ("proposal-file", |bytes| read::<ProposalFile>(bytes).is_some()),
    ("consent", |bytes| signed::<_>(bytes, |consent: &Consent| consent.is_by(&Hex([1; 32])))),
    ("approval", |bytes| {
        signed::<_>(bytes, |approval: &Approval| approval.consent.is_by(&Hex([1; 32])))
    }),
    ("cosignature", |bytes| {
        signed::<_>(bytes, |signed: &Cosignature| signed.is_by("nobody", &Hex([1; 32])))
    }),
    ("intent-witness", |bytes| {
        signed::<_>(bytes, |witness: &LineWitness| {
            witness.cosignature.is_by("nobody", &Hex([1; 32]))
        })
    }),
    ("evidence", |bytes| {
        signed::<_>(bytes, |evidence: &Evidence| {
            evidence.is_sound();
            evidence.is_by(&Hex([1; 32]))
        })
    }),
    ("stated", |bytes| {
        read::<Stated>(bytes).is_some_and(|stated| {
            let _ = (stated.count(), stated.time());
            assert!(read::<About>(&canonical_json(&stated.about())).is_some());
            true
        })
    }),
    ("about", |bytes| read::<About>(bytes).is_some()),
    ("shown", |bytes| read::<Shown>(bytes).is_some()),
    ("delivery", |bytes| {
        read::<DeliveryId>(bytes).is_some_and(|delivery| {
            let text = delivery.to_string();
            assert!(DeliveryId::parse(&text).is_none_or(|again| again == delivery));
            true
        })
    }),
    ("doubted", |bytes| read::<Doubted>(bytes).is_some()),
    ("action", |bytes| read::<Action>(bytes).is_some_and(|action| !action.to_string().is_empty())),
    ("event", |bytes| read::<Event>(bytes).is_some_and(|event| !event.word().is_empty())),
    ("line", |bytes| read::<Line>(bytes).is_some()),
    ("report", |bytes| signed::<_>(bytes, |report: &SignedReport| report.is_by(&Hex([1; 32])))),
    ("notice", |bytes| signed::<_>(bytes, |notice: &Notice| notice.is_by(&Hex([1; 32])))),
    ("linking-line", |bytes| read::<LinkingLine>(bytes).is_some()),
    ("joined-report", |bytes| {
        signed::<_>(bytes, |report: &JoinedReport| report.is_by(&Hex([1; 32])))
    }),
    ("key-label", |bytes| read::<KeyLabel>(bytes).is_some()),
    ("places", |bytes| {
        same_fields::<Places>(bytes, |a, b| (a.format, &a.life) == (b.format, &b.life))
    }),
];

/// Reads a value and checks what its form keeps.
pub fn read<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) -> Option<T> {
    let value: T = serde_json::from_slice(bytes).ok()?;
    let again = canonical::<T>(&value);
    assert!(again == value, "the canonical form is that of another value");
    Some(value)
}

fn same_fields<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
    same: impl Fn(&T, &T) -> bool,
) -> bool {
    let Ok(value) = serde_json::from_slice::<T>(bytes) else { return false };
    assert!(same(&value, &canonical(&value)), "the canonical form is that of another value");
    true
}

/// The card of a service that signs nothing: its key is one that no signature fits.
fn nobody() -> ServiceCard {
    static CARD: std::sync::LazyLock<ServiceCard> = std::sync::LazyLock::new(|| {
        let name = cstatns::name::Name::new("nobody").expect("a name");
        ServiceCard::of(&name, &cstatns::ed25519_dalek::SigningKey::from_bytes(&[1; 32]))
    });
    CARD.clone()
}

/// A statement that no key of nobody has signed.
fn signed<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    bytes: &[u8],
    is_by_nobody: impl Fn(&T) -> bool,
) -> bool {
    read::<T>(bytes).is_some_and(|statement| {
        assert!(!is_by_nobody(&statement), "nobody signed it");
        true
    })
}

/// What the canonical form of a value is read as.
fn canonical<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let written = canonical_json(value);
    integers(&serde_json::from_slice(&written).expect("canonical JSON is JSON"));
    let again: T = serde_json::from_slice(&written).expect("a canonical form is read");
    assert!(canonical_json(&again) == written, "a value has one canonical form");
    again
}

/// Whether every number is an integer that canonical JSON distinguishes from its neighbours.
pub fn integers(value: &Value) {
    match value {
        Value::Number(number) => {
            let size = number.as_u64().or(number.as_i64().map(i64::unsigned_abs));
            assert!(
                size.is_some_and(|size| size <= LARGEST),
                "a number that canonical JSON may change"
            );
        }
        Value::Array(values) => values.iter().for_each(integers),
        Value::Object(members) => members.values().for_each(integers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Whether bytes are the next line of a ledger: then they are the canonical form of what is read,
/// and no longer than a line may be.
pub fn line(history: &History, service: &str, bytes: &[u8]) -> bool {
    let Ok(line) = history.read_next(service, bytes) else { return false };
    assert!(canonical_json(&line) == bytes && bytes.len() <= LONGEST_LINE);
    assert!(read::<Line>(bytes) == Some(line));
    true
}

/// The texts that are signed as notes, none of which has two spellings. Returns which of them were
/// read: a note, a checkpoint, a verifier key, a signature line.
pub fn note(bytes: &[u8]) -> [bool; 4] {
    let mut read = [false; 4];
    if let Ok(note) = Note::parse(bytes) {
        assert!(note.to_string().as_bytes() == bytes, "a note has one spelling");
        let _ = note.verify(&[]);
        let _ = Checkpoint::parse(note.text())
            .map(|checkpoint| assert!(checkpoint.text() == note.text()));
        read[0] = true;
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return read };
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert!(checkpoint.text() == text, "a checkpoint has one spelling");
        let again = Checkpoint::new(checkpoint.origin(), checkpoint.size(), checkpoint.root());
        assert!(again.as_ref() == Ok(&checkpoint));
        read[1] = true;
    }
    if let Ok(key) = VerifierKey::parse(text) {
        assert!(key.to_string() == text, "a verifier key has one spelling");
        read[2] = true;
    }
    if let Ok(signature) = NoteSignature::parse(text) {
        assert!(signature.to_string() == text, "a signature has one spelling");
        read[3] = true;
    }
    read
}

/// A share in clear, as it stands within its seal.
pub fn share(bytes: &[u8]) -> bool {
    Share::decode(bytes).is_ok_and(|share| {
        assert!(**share.encode() == *bytes, "a share has one spelling");
        true
    })
}
