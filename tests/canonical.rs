//! Canonical and signed forms from outside: what this version wrote, changed in every way, is
//! refused or read as one value with one canonical form.

#[path = "canonical/forms.rs"]
mod forms;
#[path = "canonical/mutate.rs"]
mod mutate;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use cstatns::checkpoint::{Head, VerifierKey, sign_head};
use cstatns::code::Generation;
use cstatns::commitment::Use;
use cstatns::delivery::DeliveryId;
use cstatns::identifier::Scheme;
use cstatns::ledger::{History, Lines};
use cstatns::linking::{self, JoinedReport, JoinedReportBody, JoinedSource};
use cstatns::look_up::{Level, LookUp, Score};
use cstatns::meta::{SPEC, SUITE, ServiceId};
use cstatns::name::{Hex, Name, canonical_json};
use cstatns::notice::{Notice, NoticeBody};
use cstatns::report::{Destruction, OpenedCommitment, ReportBody, SignedReport};
use cstatns_parcel::request::Declared;
use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{SigningKey, VerifyingKey};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use mutate::{Change, change};

/// The id of the kept service.
static SERVICE: LazyLock<String> = LazyLock::new(|| {
    let genesis: Value = serde_json::from_str(ledger().lines().next().unwrap()).unwrap();
    genesis["service"].as_str().unwrap().to_owned()
});

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden").join(name)
}

fn read_json(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(golden(name)).unwrap()).unwrap()
}

fn ledger() -> String {
    fs::read_to_string(golden("home/ledger.jsonl")).unwrap()
}

/// Genuine JSON with the name of its form: files of the kept home and kits, and what is signed
/// within its ledger.
static GENUINE: LazyLock<Vec<(&'static str, String)>> = LazyLock::new(|| {
    let mut genuine = Vec::new();
    let files = [
        ("service-card", "home/card.json"),
        ("places", "home/places.json"),
        ("card", "kit-1/card.json"),
        ("receipt", "kit-2/receipt-1-held.json"),
        ("share-file", "kit-3/share-1"),
        ("evidence", "custodian-1.evidence.json"),
        ("evidence", "custodian-2.evidence.json"),
        ("request-key", "insee.key.json"),
    ];
    for (form, name) in files {
        genuine.push((form, fs::read_to_string(golden(name)).unwrap().trim_end().to_owned()));
    }
    let mut add = |form, value: &Value| genuine.push((form, value.to_string()));
    let key = fs::read(golden("home/keys/population.1.2.key")).unwrap();
    add("key-label", &serde_json::from_slice::<Value>(&key).unwrap()["label"]);
    let parcels: Value = read_json("../../../spec/vectors/parcels.json");
    let card = parcels["values"]["linking"].clone();
    for (form, bytes) in [
        ("report", canonical_json(&report())),
        ("notice", canonical_json(&notice())),
        ("joined-report", canonical_json(&joined_report())),
    ]
    .into_iter()
    .chain(linking_lines(card))
    {
        genuine.push((form, String::from_utf8(bytes).unwrap()));
    }
    let mut add = |form, value: &Value| genuine.push((form, value.to_string()));
    add("party-card", &parcels["values"]["wages"]);
    let declared = Declared::read(&golden("kept.request.age")).unwrap().unwrap();
    add("declaration", &serde_json::to_value(declared.declaration).unwrap());
    add("delivery", &json!({"part": 3, "run": "02".repeat(16)}));
    for line in ledger().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let event = &line["event"];
        add("line", &line);
        add("event", event);
        for form in ["dealing", "receipt", "doubt"] {
            let is_of_a_party = event["type"] == "delivered";
            if let Some(statement) = event.get(form).filter(|_| !is_of_a_party) {
                add(form, statement);
            }
        }
        if event["type"] == "delivered"
            && let Some(receipt) = event.get("receipt")
        {
            add("received", receipt);
        }
        if let Some(doubt) = event.get("doubt") {
            add("doubted", &doubt["body"]["about"]);
        }
        if let Some(question) = event.get("question") {
            add("question", question);
            add("action", &question["action"]);
        }
        if let Some(witness) = event["witnesses"].get(0) {
            add("intent-witness", witness);
            add("cosignature", &witness["cosignature"]);
        }
        if let Some(consent) = event["consents"].get(0) {
            add("consent", consent);
            add("approval", &json!({"consent": consent, "share": "a5".repeat(1200)}));
        }
    }
    for kit in ["kit-1", "kit-2", "kit-3"] {
        let memory: Value = read_json(&format!("{kit}/memory"));
        add("shown", &memory["shown"]);
        add("about", &memory["shown"]["last"]["about"]);
    }
    for kit in ["custodian-1", "custodian-2"] {
        let evidence: Value = read_json(&format!("{kit}.evidence.json"));
        for stated in evidence["body"]["statements"].as_array().unwrap() {
            add("stated", stated);
            // The question as it was asked: the checkpoint whose last line it is.
            if let Some(checkpoint) = stated.get("proposal").filter(|note| *note != "") {
                let question = &stated["consent"]["body"]["question"];
                let run_key = "5a".repeat(1216);
                let proposal =
                    json!({"checkpoint": checkpoint, "question": question, "run_key": run_key});
                add("proposal", &proposal);
                let ledger = "KLUv/SAAAQAA";
                add(
                    "proposal-file",
                    &json!({"format": 2, "ledger": ledger, "proposal": proposal, "suite": SUITE}),
                );
            }
        }
    }
    genuine
});

/// The report of a look-up, with every member.
fn report() -> SignedReport {
    let key = SigningKey::from_bytes(&[7; 32]);
    let head = Head { size: 3, root: Hex([9; 32]) };
    let name = |text| Name::new(text).unwrap();
    let mut destroyed = Destruction::new(Path::new("request.csv"), Some(80), Destruction::ABSENT);
    destroyed.file.push('x');
    let body = ReportBody {
        format: ReportBody::FORMAT,
        tool: "cstatns".to_owned(),
        spec: SPEC.to_owned(),
        suite: SUITE.to_owned(),
        service: SERVICE.to_owned(),
        domain: name("population"),
        generation: Generation::FIRST,
        r#use: Use::LookUp,
        check: Hex([1; 32]),
        delivery: DeliveryId { run: Hex([2; 16]), part: 3 },
        request: Hex([3; 32]),
        result: OpenedCommitment { commitment: Hex([4; 32]), key: Hex([5; 32]) },
        recipient: Some(Hex([6; 32])),
        sender: Some(Hex([7; 32])),
        minimum_batch: Some(11),
        rows_in: 4,
        rows_out: 4,
        coded: 3,
        rechecked: Some(2),
        quality: [("found".to_owned(), 3), ("not-found".to_owned(), 1)].into(),
        scores: Some([1; Score::STEPS]),
        scheme: Some(Scheme::FrNir),
        overdue_since: Some("2031-01-05".parse().unwrap()),
        left_out: vec![Generation::FIRST.next()],
        look_up: Some(LookUp {
            register: Hex([5; 16]),
            commitment: Hex([6; 32]),
            accept: Level::UsageName,
            min_score: Score::of(0.95),
        }),
        accepted: [("commune".to_owned(), name("needed"))].into(),
        destroyed: vec![destroyed],
        begin: "2026-01-05T09:00:00Z".parse().unwrap(),
        end: "2026-01-05T09:01:00Z".parse().unwrap(),
        checkpoint: sign_head(&head, &SERVICE, &key),
    };
    SignedReport::new(body, &key)
}

fn notice() -> Notice {
    let (key, head) = (SigningKey::from_bytes(&[7; 32]), Head { size: 3, root: Hex([9; 32]) });
    let (domain, destroyed) = (Name::new("study").unwrap(), "2026-01-05T09:00:00Z");
    let checkpoint = sign_head(&head, &SERVICE, &key);
    let to = (domain, Hex([6; 32]));
    Notice::new(
        NoticeBody::new(
            ServiceId::of(&SERVICE).unwrap(),
            to,
            destroyed.parse().unwrap(),
            checkpoint,
        ),
        &key,
    )
}

/// The report of a join, with every member.
fn joined_report() -> JoinedReport {
    let (key, head) = (SigningKey::from_bytes(&[7; 32]), Head { size: 3, root: Hex([9; 32]) });
    let name = |text| Name::new(text).unwrap();
    let source = |of, file| JoinedSource {
        name: name(of),
        file: Hex([file; 16]),
        rows: 40,
        without_code: 2,
        people: 30,
        repeated: 8,
        matched: 20,
        unmatched: 10,
    };
    let body = JoinedReportBody {
        format: linking::FORMAT,
        tool: "cstatns-link".to_owned(),
        spec: SPEC.to_owned(),
        linking: "linking.aaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(),
        file: Hex([1; 16]),
        service: ServiceId::of(&SERVICE).unwrap(),
        domain: name("study"),
        generation: Generation::FIRST,
        how: "inner".to_owned(),
        many: true,
        least: 11,
        rows: 50,
        people: 20,
        sources: vec![source("wages", 2), source("benefits", 3)],
        accepted: [("commune".to_owned(), name("needed"))].into(),
        made: "2026-01-05T09:00:00Z".parse().unwrap(),
        checkpoint: sign_head(&head, &SERVICE, &key),
    };
    JoinedReport::new(body, &key)
}

/// A line of a linking body's ledger with each type of event; `card` is the body's.
fn linking_lines(card: Value) -> Vec<(&'static str, Vec<u8>)> {
    let hex = |byte: u8, bytes: usize| format!("{byte:02x}").repeat(bytes);
    let head = json!({"root": hex(9, 32), "size": 3});
    let (file, domain) = (hex(1, 16), "study");
    let events = [
        json!({"type": "founded", "card": card}),
        json!({"type": "received", "file": file, "service": *SERVICE, "domain": domain,
            "generation": 1, "delivery": {"part": 3, "run": hex(2, 16)}, "request": hex(3, 32),
            "result": hex(4, 32), "sender": hex(6, 32), "rows": 40, "head": head}),
        json!({"type": "received", "file": file, "service": *SERVICE, "domain": domain,
            "generation": 2, "delivery": {"part": 3, "run": hex(2, 16)}, "request": hex(3, 32),
            "result": hex(4, 32), "of": hex(5, 16), "rows": 40, "head": head}),
        json!({"type": "joined", "file": file, "of": [hex(2, 16), hex(3, 16)], "rows": 50}),
        json!({"type": "released", "file": file, "to": hex(6, 32), "parcel": hex(7, 16),
            "sha256": hex(8, 32), "authorisation": "decision-2026-1", "until": "2027-01-05T09:00:00Z"}),
        json!({"type": "destroyed", "file": file, "kept": true, "how": "overwritten"}),
        json!({"type": "notice", "service": *SERVICE, "domain": domain, "head": head}),
    ];
    let line = |(event, sequence): (Value, u64)| {
        let line = json!({"format": 2, "linking": "linking.aaaaaaaaaaaaaaaaaaaaaaaaaa",
            "sequence": sequence, "previous": hex(8, 32), "time": "2026-01-05T09:00:00Z",
            "clock": "2026-01-05T09:00:00Z", "event": event});
        ("linking-line", canonical_json(&line))
    };
    events.into_iter().zip(1..).map(line).collect()
}

fn reads(form: &str, bytes: &[u8]) -> bool {
    let (_, read) = forms::FORMS.into_iter().find(|(name, _)| *name == form).unwrap();
    read(bytes)
}

#[test]
fn genuine_forms_are_read_as_themselves() {
    for (form, text) in &*GENUINE {
        assert!(reads(form, text.as_bytes()), "{form}");
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(canonical_json(&value), text.as_bytes(), "{form} is not canonical");
    }
    for (form, _) in forms::FORMS {
        assert!(GENUINE.iter().any(|(name, _)| *name == form), "no {form}");
    }
}

/// Each line of the ledger, with those before it.
static LINES: LazyLock<Vec<(History, String)>> = LazyLock::new(|| {
    let (mut history, mut all) = (History::default(), Vec::new());
    for line in ledger().lines() {
        assert!(forms::line(&history, &SERVICE, line.as_bytes()));
        all.push((history.clone(), line.to_owned()));
        history.push(line.as_bytes());
    }
    all
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_changed_form_is_refused_or_has_one_canonical_form((form, text) in select(&GENUINE[..]), change in change()) {
        let changed = change.of(&text);
        let read = reads(form, &changed);
        match change {
            // Members without a name of the form, and two of one name, are in no form.
            Change::Twice(_) | Change::Unknown(_) | Change::Cut(_) => prop_assert!(!read, "{form}"),
            Change::Order(_) => {
                prop_assert!(read, "{form}");
                let value: Value = serde_json::from_slice(&changed).unwrap();
                prop_assert_eq!(canonical_json(&value), text.as_bytes());
            }
            Change::Number(_, "-1" | "1e3" | "1.0" | "01" | "18446744073709551616" | "1E400") => {
                prop_assert!(!read || changed == text.as_bytes(), "{form}");
            }
            Change::Byte(..) | Change::Number(..) => {}
        }
        // No other form panics, whatever it makes of it.
        for (_, other) in forms::FORMS {
            other(&changed);
        }
    }

    /// A line of the ledger has one spelling: each that is accepted is canonical, in its place.
    #[test]
    fn a_changed_line_is_refused_unless_it_is_canonical(at: Index, change in change()) {
        let (history, line) = at.get(&LINES);
        let changed = change.of(line);
        let read = forms::line(history, &SERVICE, &changed);
        let may_be_read = matches!(change, Change::Byte(..) | Change::Number(..)) || changed == line.as_bytes();
        prop_assert!(!read || may_be_read);
    }

    /// Notes, checkpoints and signatures have one spelling each.
    #[test]
    fn a_changed_note_is_refused_or_has_one_spelling(at: Index, byte: u8, insert: bool, which in 0_usize..3) {
        let note = fs::read(golden("home/checkpoint")).unwrap();
        let whole = String::from_utf8(note).unwrap();
        let (text, signature) = whole.split_once("\n\n").unwrap();
        let texts = [whole.clone(), format!("{text}\n"), signature.trim_end().to_owned()];
        let read = forms::note(texts[which].as_bytes());
        prop_assert!(read[[0, 1, 3][which]]);
        let mut bytes = texts[which].clone().into_bytes();
        let at = at.index(bytes.len());
        if insert {
            bytes.insert(at, byte);
        } else {
            bytes[at] = byte;
        }
        forms::note(&bytes);
    }

    #[test]
    fn any_bytes_are_no_share_or_have_one_spelling(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..120),
        label: bool,
    ) {
        if label && bytes.len() > 20 {
            bytes[..14].copy_from_slice(b"CStatNS/share\0");
        }
        forms::share(&bytes);
    }
}

/// Base64 that was padded one by one and put together is another spelling of the same bytes.
#[test]
fn base64_padded_within_is_refused() {
    let note = fs::read_to_string(golden("home/checkpoint")).unwrap();
    let (text, signature) = note.split_once("\n\n").unwrap();
    let (head, blob) = signature.trim_end().rsplit_once(' ').unwrap();
    let within = |text: &str| {
        let bytes = BASE64.decode(text.as_bytes()).unwrap();
        let (one, two) = bytes.split_at(10);
        let again = BASE64.encode(one) + &BASE64.encode(two);
        assert!(again != text && BASE64.decode(again.as_bytes()).unwrap() == bytes);
        again
    };
    let [signed, root] =
        [blob, text.rsplit_once('\n').unwrap().1].map(|text| (text.to_owned(), within(text)));
    assert_eq!(forms::note(format!("{head} {}", signed.0).as_bytes()), [false, false, false, true]);
    assert_eq!(forms::note(format!("{head} {}", signed.1).as_bytes()), [false; 4]);
    assert_eq!(forms::note(note.replace(&signed.0, &signed.1).as_bytes()), [false; 4]);
    assert_eq!(forms::note(format!("{text}\n").as_bytes()), [false, true, false, false]);
    assert_eq!(forms::note(format!("{text}\n").replace(&root.0, &root.1).as_bytes()), [false; 4]);
    // A verifier key.
    let card = fs::read(golden("home/card.json")).unwrap();
    let card: Value = serde_json::from_slice(&card).unwrap();
    let signing = HEXLOWER.decode(card["body"]["signing"].as_str().unwrap().as_bytes()).unwrap();
    let key =
        VerifierKey::new("a", VerifyingKey::try_from(&signing[..]).unwrap()).unwrap().to_string();
    let bytes = key.splitn(3, '+').nth(2).unwrap();
    let name = key.strip_suffix(bytes).unwrap();
    assert_eq!(forms::note(key.as_bytes()), [false, false, true, false]);
    assert_eq!(forms::note(format!("{name}{}", within(bytes)).as_bytes()), [false; 4]);
}

/// A line of the greatest length is given whole, and of a longer one only its beginning, which is
/// no event.
#[test]
fn a_line_longer_than_any_event_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger");
    let genesis = ledger().lines().next().unwrap().to_owned();
    for (length, is_whole) in
        [((4 << 20) - 1, true), (4 << 20, true), ((4 << 20) + 1, false), (5 << 20, false)]
    {
        let long = format!("{genesis}{}", " ".repeat(length - genesis.len()));
        fs::write(&path, format!("{long}\n{genesis}\n")).unwrap();
        let mut lines = Lines::open(&path).unwrap();
        let given = lines.next_line().unwrap().unwrap().to_owned();
        assert_eq!(given == long.as_bytes(), is_whole, "{length}");
        assert!(!forms::line(&History::default(), &SERVICE, &given));
        assert_eq!(lines.next_line().unwrap().unwrap(), genesis.as_bytes());
        assert_eq!(lines.length(), (length + 1 + genesis.len() + 1) as u64);
    }
}

/// What the checks above would miss if they did not look.
#[test]
#[should_panic(expected = "a number that canonical JSON may change")]
fn a_number_that_two_values_share_is_seen() {
    forms::integers(&json!({"a": [1, 9_007_199_254_740_992_u64]}));
}
