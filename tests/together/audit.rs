//! What the auditor finds in ledgers that were tampered with: the table of SPEC §11, each kind
//! found and named.

use crate::common;

use std::path::PathBuf;
use std::sync::OnceLock;

use cstatns::audit::{Audit, Check, Finding, verify};
use cstatns::card::ServiceCard;
use cstatns::checkpoint::{Cosignature, Head, NoteSignature, WitnessKey, leaf_hash};
use cstatns::coded::Coded as _;
use cstatns::dealing::Epoch;
use cstatns::domain::{Kind, RenewalReason};
use cstatns::identifier::Scheme;
use cstatns::ledger::event::{Destroyed, Event, Lapse, Line, Means};
use cstatns::ledger::{History, checkpoint_path, next_line, origin};
use cstatns::name::{Hex, canonical_json};
use cstatns::proposal::{Action, CLOCK_SKEW, Consent, ConsentBody, Input, Question};
use cstatns::receipt::Doubted;
use cstatns::state::{Fold, read_ledger};
use cstatns::statement::{FORMAT, Signed, Suite};
use ed25519_dalek::SigningKey;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use common::{PEOPLE, World, name};

/// A service's ledger, and the key that a malicious service would sign with.
#[derive(Clone)]
pub(super) struct Record {
    pub(super) card: ServiceCard,
    key: SigningKey,
    pub(super) lines: Vec<Vec<u8>>,
}

impl Record {
    pub(super) fn of(world: &World) -> Self {
        let home = world.home();
        let card = cstatns::service::read_service_card(&home.join("card.json")).unwrap();
        let identity: serde_json::Value =
            serde_json::from_slice(&std::fs::read(home.join("identity")).unwrap()).unwrap();
        let seed = Hex::<32>::parse(identity["signing"].as_str().unwrap().as_bytes()).unwrap();
        let bytes = std::fs::read(home.join("ledger.jsonl")).unwrap();
        let lines = bytes
            .split_inclusive(|byte| *byte == b'\n')
            .map(|line| line[..line.len() - 1].to_vec());
        Self { card, key: SigningKey::from_bytes(&seed.0), lines: lines.collect() }
    }

    pub(super) fn size(&self) -> u64 {
        self.lines.len() as u64
    }

    pub(super) fn line(&self, number: u64) -> Line {
        serde_json::from_slice(&self.lines[number as usize - 1]).unwrap()
    }

    pub(super) fn event(&self, number: u64) -> Event {
        self.line(number).event
    }

    /// The numbers of the events of this type.
    fn of_type(&self, word: &str) -> Vec<u64> {
        (1..=self.size()).filter(|number| self.event(*number).word() == word).collect()
    }

    fn bytes(&self) -> Vec<u8> {
        self.lines.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect()
    }

    fn history(&self) -> History {
        let mut history = History::default();
        self.lines.iter().for_each(|line| history.push(line));
        history
    }

    pub(super) fn head(&self, size: u64) -> Head {
        let mut prefix = self.clone();
        prefix.lines.truncate(size as usize);
        prefix.history().head()
    }

    /// The checkpoint of the first `size` events, as the service signs it.
    pub(super) fn checkpoint(&self, size: u64) -> Vec<u8> {
        note(&self.head(size), self.card.id(), &self.key)
    }

    /// Changes an event and leaves the rest as it was.
    pub(super) fn change(&mut self, number: u64, change: impl FnOnce(&mut Event)) {
        let mut line = self.line(number);
        change(&mut line.event);
        self.lines[number as usize - 1] = canonical_json(&line);
    }

    /// Makes places and links anew, as a service that rewrites its ledger would.
    pub(super) fn relink(&mut self) {
        let mut previous = Hex([0; 32]);
        for (index, bytes) in self.lines.iter_mut().enumerate() {
            let mut line: Line = serde_json::from_slice(bytes).unwrap();
            (line.sequence, line.previous) = (index as u64 + 1, previous);
            *bytes = canonical_json(&line);
            previous = leaf_hash(bytes);
        }
    }

    /// Appends an event with a sound link, lawful or not.
    pub(super) fn append(&mut self, event: Event) {
        self.append_at(self.line(self.size()).time, event);
    }

    fn append_at(&mut self, time: Timestamp, event: Event) {
        let clock = time;
        // An intent of consents that are older by more than a day sets the time back.
        let dates = match &event {
            Event::Intent { consents, .. } => &consents[..],
            _ => &[],
        };
        let latest = dates.iter().map(|consent| consent.body.cosignature.time).max();
        let time =
            latest.filter(|latest| time.duration_since(*latest) > CLOCK_SKEW).unwrap_or(time);
        let line = next_line(&self.history(), self.card.id(), time, clock, event);
        self.lines.push(canonical_json(&line));
    }

    /// A question as this service would record it, about a run that it has not made.
    fn question(&self, action: Action, time: Timestamp) -> Event {
        let question = Question {
            format: FORMAT,
            suite: Suite::default(),
            service: self.card.id().to_owned(),
            epoch: Epoch::FIRST,
            action,
            expires: time + SignedDuration::from_mins(10),
            run: Hex([7; 16]),
            run_key: Hex([8; 32]),
        };
        Event::Proposed { question: Box::new(question) }
    }

    /// The consent of a custodian to the question at `asked`, whatever their kit would say to it.
    fn consent(&self, kit: &std::path::Path, asked: u64, time: Timestamp) -> Consent {
        let read = |file: &str| std::fs::read(kit.join(file)).unwrap();
        let card: cstatns::card::Card = serde_json::from_slice(&read("card.json")).unwrap();
        let identity: serde_json::Value = serde_json::from_slice(&read("identity")).unwrap();
        let seed = Hex::<32>::parse(identity["seed"].as_str().unwrap().as_bytes()).unwrap();
        let key = SigningKey::from_bytes(&seed.0);
        let body = ConsentBody {
            format: FORMAT,
            suite: Suite::default(),
            service: self.card.id().to_owned(),
            epoch: Epoch::FIRST,
            question: leaf_hash(&self.lines[asked as usize - 1]),
            by: card.body.name.clone(),
            card: card.fingerprint(),
            count: 1000,
            share: Hex([9; 32]),
            cosignature: Cosignature::sign(self.card.id(), self.head(asked), time, &key),
        };
        Signed::new(body, &key)
    }

    /// Lays the ledger down with its own newest checkpoint.
    pub(super) fn resigned(&self) -> Laid {
        Laid::new(self, &self.bytes(), &self.checkpoint(self.size()))
    }

    /// Lays the ledger down with the checkpoint of `genuine`.
    pub(super) fn beside(&self, genuine: &Self) -> Laid {
        Laid::new(self, &self.bytes(), &genuine.checkpoint(genuine.size()))
    }
}

fn note(head: &Head, service: &str, key: &SigningKey) -> Vec<u8> {
    let text = head.checkpoint(service).text();
    let signature = NoteSignature::sign(&text, &origin(service), key).unwrap();
    cstatns::checkpoint::Note::new(&text, signature).unwrap().to_string().into_bytes()
}

/// A ledger and its checkpoint in files.
pub(super) struct Laid {
    directory: tempfile::TempDir,
    card: ServiceCard,
}

impl Laid {
    fn new(record: &Record, ledger: &[u8], checkpoint: &[u8]) -> Self {
        let laid = Self { directory: tempfile::tempdir().unwrap(), card: record.card.clone() };
        std::fs::write(laid.ledger(), ledger).unwrap();
        std::fs::write(checkpoint_path(&laid.ledger()), checkpoint).unwrap();
        laid
    }

    pub(super) fn ledger(&self) -> PathBuf {
        self.directory.path().join("ledger.jsonl")
    }

    pub(super) fn audit(&self) -> Audit {
        self.audit_with(&[])
    }

    /// With these checkpoints kept from before.
    pub(super) fn audit_with(&self, old: &[Vec<u8>]) -> Audit {
        let paths: Vec<PathBuf> =
            (0..old.len()).map(|i| self.directory.path().join(format!("old-{i}"))).collect();
        for (path, bytes) in paths.iter().zip(old) {
            std::fs::write(path, bytes).unwrap();
        }
        let audit = verify(&self.ledger(), &self.card, &paths, &[]).unwrap();
        claims_stop_at_the_break(&audit);
        // Whoever reads the ledger to work on it comes to the same judgement.
        if old.is_empty() {
            match read_ledger(&self.ledger(), &self.card) {
                Ok(_) => {
                    assert!(audit.holds(), "the service accepts what the auditor refuses:\n{audit}")
                }
                Err(error) => {
                    let codes: Vec<&str> = audit.failures().map(|finding| finding.code).collect();
                    assert!(codes.contains(&error.code()), "{error}\n{audit}");
                }
            }
        }
        audit
    }
}

/// Nothing is claimed of events after the first that does not hold.
fn claims_stop_at_the_break(audit: &Audit) {
    let first = audit.failures().filter(|finding| finding.check != Check::Earlier);
    let events =
        first.filter(|finding| finding.code != "ledger-root").filter_map(|finding| finding.event);
    if let Some(first) = events.min() {
        assert!(audit.sound < first, "{audit}");
    }
    assert!(audit.witnessed.events <= audit.sound && audit.sound <= audit.events);
    for holding in audit.findings.iter().filter(|finding| finding.holds) {
        if matches!(holding.check, Check::Chain | Check::Signatures | Check::Lawfulness) {
            let ends = holding.detail.en.split(':').next().unwrap().rsplit(' ').next().unwrap();
            assert_eq!(ends, audit.sound.to_string());
        }
    }
}

pub(super) fn found<'a>(audit: &'a Audit, code: &str) -> &'a Finding {
    assert!(!audit.holds());
    let found = audit.failures().find(|finding| finding.code == code);
    found.unwrap_or_else(|| panic!("{code} is not found:\n{audit}"))
}

/// Asserts that this was found and that this event was named.
#[track_caller]
pub(super) fn names(audit: &Audit, code: &str, event: u64) {
    assert_eq!(found(audit, code).event, Some(event), "{code}\n{audit}");
}

/// A world whose ledger has an event of each type that a year without a disaster writes.
fn played() -> World {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    let made = world.code("population", "first", &PEOPLE).unwrap();
    world.deliver("first", &made).unwrap();
    let receipt = world.check(2);
    let mut service = world.open();
    service.receipt(receipt).unwrap();
    service.record_refusal("code", "too-few-values").unwrap();
    drop(service);
    // One approval of the two that are needed.
    let action = Action::Extend { domain: name("benefits"), ends: "2026-02-28".parse().unwrap() };
    assert_eq!(
        world.open().propose(action, SignedDuration::from_mins(1)).err().unwrap().code(),
        "unknown-domain"
    );
    let reason = RenewalReason::Scheduled;
    let generation = common::generation(2);
    let action = Action::NewKey { domain: name("population"), generation, reason };
    let alone = world.quorum_of(&mut world.open(), action, &[1]).err().unwrap();
    assert_eq!(alone.code(), "too-few-approvals");
    let changed = world.code_changed("population", "changed").unwrap_err();
    assert_eq!(changed.code(), "request-changed");
    world.doubt("population", 1).unwrap();
    world.new_key("population", RenewalReason::Doubt).unwrap();
    let received = std::fs::read_to_string(world.path("first.received")).unwrap();
    let codes: Vec<_> =
        received.lines().map(|code| cstatns::code::Code::parse(code.as_bytes()).unwrap()).collect();
    world.renew("population", "second", &codes).unwrap();
    world.research("benefits", "2026-01-20").unwrap();
    world.extend("benefits", "2026-01-31").unwrap();
    world.research("lung", "2026-03-31").unwrap();
    world.close("lung").unwrap();
    for time in ["2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z"] {
        world.clock.set(time);
        world.open().expire().unwrap();
    }
    world
}

/// The ledger of [`played`], made once.
fn genuine() -> &'static Record {
    static RECORD: OnceLock<Record> = OnceLock::new();
    RECORD.get_or_init(|| Record::of(&played()))
}

#[test]
fn a_clean_ledger_holds() {
    let record = genuine();
    for word in [
        "dealt",
        "received",
        "proposed",
        "intent",
        "cosigned",
        "lapsed",
        "opened",
        "extended",
        "key-made",
        "coded",
        "renewed",
        "closed",
        "failed",
        "refused",
        "doubted",
        "delivered",
        "destroyed",
        "expiry-checked",
        "ended",
    ] {
        assert!(!record.of_type(word).is_empty(), "{word}");
    }
    let old = [1, 7, record.size() - 1, record.size()].map(|size| record.checkpoint(size));
    let audit = record.resigned().audit_with(&old);
    assert!(audit.holds(), "{audit}");
    assert_eq!(audit.findings.len(), 5 + old.len());
    assert_eq!(
        (audit.events, audit.covered, audit.sound),
        (record.size(), Some(record.size()), record.size())
    );
    assert_eq!(audit.demo, Some(true));
    // The last quorum was that of `close`, whose kits saw its intent; the third custodian cosigned
    // last in the yearly check.
    let last_intent = *record.of_type("intent").last().unwrap();
    let seen = record.of_type("refused")[0] - 2;
    let witnessed: Vec<u64> =
        audit.witnessed.custodians.iter().map(|witness| witness.events).collect();
    assert_eq!(witnessed, [last_intent, last_intent, seen]);
    assert_eq!((audit.witnessed.events, audit.witnessed.quorum), (last_intent, last_intent));
    assert_eq!(audit.domains.len(), 3);
    assert_eq!(
        (audit.deliveries.made, audit.deliveries.renewals, audit.deliveries.rows),
        (2, 1, 8)
    );
    assert_eq!((audit.deliveries.delivered, audit.deliveries.requests_kept), (1, 0));
    assert_eq!((audit.look_ups, audit.deliveries.look_ups), (0, 0));
    // 3 share receipts, 1 yearly check, 1 doubt, 1 approval of what lapsed; two approvals for each
    // intent, and as many cosignatures of it.
    assert_eq!(audit.statements, 6 + 4 * record.of_type("intent").len() as u64);
    // Of the runs that have no result, one had begun.
    let failed = record.of_type("failed")[0];
    let notices: Vec<_> = audit.notices.iter().map(|notice| (notice.code, notice.event)).collect();
    assert_eq!(notices, [("may-have-run", failed - 3)]);
    assert!(!audit.is_in_order());
    let text = audit.to_string();
    assert!(
        text.ends_with("\nIn order: NO, 1 matter to account for.\n") && !text.contains("FAILS"),
        "{text}"
    );
    // What must be accounted for does not hide what rests on the service's word alone.
    let last = audit.sound - last_intent;
    let unseen =
        format!(" Nobody but the service vouches for the last {last} events.\nIn order: NO");
    assert!(last > 1 && text.contains(&unseen), "{text}");
    assert!(text.contains("population (statistics): generation 2, doubted: 1"), "{text}");
    let json = serde_json::to_value(&audit).unwrap();
    assert_eq!(json["findings"][0]["check"], "checkpoint");
    assert_eq!(json["domains"][0]["ends"], "2026-01-31");
}

#[test]
fn every_changed_byte_is_found() {
    let record = genuine();
    changed_bytes_are_found(record, &(0..record.lines.len()).collect::<Vec<_>>(), 1);
}

/// In these lines, counted from 0, each byte at which `every` is met.
pub(super) fn changed_bytes_are_found(record: &Record, lines: &[usize], every: usize) {
    let covered = record.head(record.size());
    // The fold before each line, so that a changed line costs one line.
    let mut fold = Fold::new(&record.card);
    let mut folds = Vec::new();
    for line in &record.lines {
        folds.push(fold.clone());
        fold.push(line).unwrap();
    }
    let check = |index: usize| {
        let (mut whole_way, line) = (Vec::new(), &record.lines[index]);
        let number = index as u64 + 1;
        for at in (0..line.len()).step_by(every) {
            let mut changed = line.clone();
            changed[at] ^= 1;
            let mut fold = folds[index].clone();
            match fold.push(&changed) {
                Err(error) => {
                    let text = error.to_string();
                    // A changed link is first seen as a change of the line that it points to.
                    let named = text.contains(&format!("event {number} "));
                    assert!(
                        named || error.code() == "ledger-chain",
                        "byte {at} of line {number}: {text}"
                    );
                    if !named && line[at - 1] == b'"' {
                        whole_way.push(at);
                    }
                }
                // Lawful as it stands: the link of the next line, or the root over the last, does
                // not fit.
                Ok(_) => {
                    match record.lines.get(index + 1) {
                        Some(next) => {
                            assert_eq!(fold.push(next).unwrap_err().code(), "ledger-chain")
                        }
                        None => assert!(!fold.history().includes(&covered)),
                    }
                    if whole_way.len() < 3 {
                        whole_way.push(at);
                    }
                }
            }
        }
        whole_way
    };
    let half = |parity: usize| {
        let half = lines.iter().skip(parity).step_by(2);
        half.map(|index| (*index, check(*index))).collect::<Vec<_>>()
    };
    let whole_way: Vec<(usize, Vec<usize>)> = std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        let mut all = half(0);
        all.extend(other.join().unwrap());
        all
    });
    // What only the links find, the line feeds, and a byte here and there: the whole way through
    // the auditor.
    for (index, positions) in whole_way {
        let number = index as u64 + 1;
        let length = record.lines[index].len();
        for at in positions.into_iter().chain([0, length / 3, length - 1, length]) {
            let mut bytes = record.bytes();
            let start: usize = record.lines[..index].iter().map(|line| line.len() + 1).sum();
            bytes[start + at] ^= 1;
            let audit = Laid::new(record, &bytes, &record.checkpoint(record.size())).audit();
            let first = audit.failures().filter_map(|finding| finding.event).min();
            assert_eq!(first, Some(number), "byte {at} of line {number}\n{audit}");
        }
    }
}

#[test]
fn removed_doubled_and_swapped_events_are_found() {
    let record = genuine();
    moved_lines_are_found(record, 1..=record.size());
}

/// Each of these events removed, doubled, and exchanged with the next one.
pub(super) fn moved_lines_are_found(record: &Record, numbers: impl IntoIterator<Item = u64>) {
    let size = record.size();
    for number in numbers {
        let index = number as usize - 1;
        let mut dropped = record.clone();
        dropped.lines.remove(index);
        let audit = dropped.beside(record).audit();
        names(&audit, "ledger-short", if number == size { number } else { size });
        if number < size {
            names(&audit, "ledger-sequence", number);
        }

        let mut doubled = record.clone();
        doubled.lines.insert(index, record.lines[index].clone());
        names(&doubled.beside(record).audit(), "ledger-sequence", number + 1);

        if number < size {
            let mut swapped = record.clone();
            swapped.lines.swap(index, index + 1);
            let audit = swapped.beside(record).audit();
            names(&audit, "ledger-sequence", number);
            names(&audit, "ledger-root", size);
        }
    }
}

#[test]
fn a_shortened_ledger_is_found_by_any_newer_checkpoint() {
    let record = genuine();
    let newest = record.checkpoint(record.size());
    for size in 1..record.size() {
        let mut short = record.clone();
        short.lines.truncate(size as usize);
        // Against its own checkpoint.
        names(&short.beside(record).audit(), "ledger-short", size + 1);
        // With an older checkpoint put back, only a checkpoint that somebody kept tells.
        let rolled_back = short.resigned();
        assert!(rolled_back.audit().holds());
        let audit = rolled_back.audit_with(std::slice::from_ref(&newest));
        assert_eq!(found(&audit, "ledger-short").check, Check::Earlier);
        names(&audit, "ledger-short", size + 1);
    }
    // The checkpoint alone put back.
    let older = Laid::new(record, &record.bytes(), &record.checkpoint(record.size() - 1));
    assert!(older.audit().holds(), "a stop in the middle of a write looks the same");
    names(&older.audit_with(std::slice::from_ref(&newest)), "checkpoint-older", record.size());
    let older = Laid::new(record, &record.bytes(), &record.checkpoint(record.size() - 2));
    names(&older.audit(), "ledger-long", record.size() - 1);
}

/// Rewritten, relinked and signed again by the service: what is signed by custodians, or against
/// the rules, is found in the ledger itself; the rest (texts of unsigned events, whole lawful
/// sequences) by the cosignatures of later quorums and checks; what is rewritten after the last of
/// them, by a checkpoint kept from before and by nothing else.
#[test]
fn a_rewritten_ledger_is_found() {
    let record = genuine();
    let size = record.size();
    let last_witnessed = *record.of_type("intent").last().unwrap();
    let mut by_memory_alone = Vec::new();
    for number in 1..=size {
        let mut rewritten = record.clone();
        let mut expected = None;
        rewritten.change(number, |event| match event {
            Event::Dealt { dealing, .. } => {
                dealing.root_check.0[0] ^= 1;
                // The custodians' receipts name the dealing.
                expected = Some(("receipt", 2));
            }
            Event::Received { receipt } => {
                receipt.signature.0[0] ^= 1;
                expected = Some(("statement-signature", number));
            }
            Event::Proposed { question } => {
                question.expires += SignedDuration::from_secs(1);
                expected = Some(("approval-other-proposal", number + 1));
            }
            Event::Intent { consents, .. } => {
                consents[0].body.count += 1;
                expected = Some(("approval-signature", number));
            }
            Event::Cosigned { witnesses, .. } => {
                witnesses[0].cosignature.time += SignedDuration::from_secs(1);
                expected = Some(("approval-cosignature", number));
            }
            Event::Lapsed { why, .. } => {
                *why = Lapse::Expired;
                expected = Some(("unlawful-lapse", number));
            }
            Event::Doubted { doubt } => {
                doubt.body.cosignature.head.size -= 1;
                expected = Some(("statement-signature", number));
            }
            Event::Opened { check, .. } | Event::KeyMade { check, .. } => *check = flip(*check),
            Event::Coded { run, rows, .. } | Event::Renewed { run, rows, .. } => {
                assert_ne!(run.0, [0; 16]);
                *rows += 1;
                expected = Some(("unlawful-rows", number));
            }
            Event::Extended { run } | Event::Closed { run } => {
                run.0[0] ^= 1;
                expected = Some(("unlawful-result", number));
            }
            Event::Delivered { run, .. } => {
                run.0[0] ^= 1;
                expected = Some(("unknown-delivery", number));
            }
            Event::Failed { code, .. } | Event::Refused { code, .. } => *code = name("another"),
            Event::Destroyed { how, .. } => {
                *how = if *how == Means::Absent { Means::Overwritten } else { Means::Absent };
            }
            Event::ExpiryChecked {} => {
                *event = Event::Refused { verb: name("expire"), code: name("none") }
            }
            Event::Ended { domain } => {
                *domain = name("population");
                expected = Some(("unlawful-end", number));
            }
            Event::EpochWorking { epoch, .. } => {
                epoch.0 += 1;
                expected = Some(("unlawful-epoch", number));
            }
            other => panic!("event {number}, `{}`: no change is made to it here", other.word()),
        });
        rewritten.relink();
        let laid = rewritten.resigned();
        // In memory of the ledger as it was, it is a fork.
        let audit = laid.audit_with(&[record.checkpoint(number)]);
        names(&audit, "ledger-forked", number);
        let audit = laid.audit();
        assert!(
            audit.holds() || audit.sound < number,
            "a rewritten event is never vouched for\n{audit}"
        );
        match expected {
            Some((code, event)) => names(&audit, code, event),
            None if number <= last_witnessed => {
                // Whoever cosigned next cosigned another ledger.
                let witness = (number + 1..=size).find(|later| match record.event(*later) {
                    Event::Intent { consents, .. } | Event::Lapsed { consents, .. } => {
                        consents[0].body.cosignature.head.size >= number
                    }
                    Event::Cosigned { witnesses, .. } => {
                        witnesses[0].cosignature.head.size >= number
                    }
                    Event::Doubted { doubt } => doubt.body.cosignature.head.size >= number,
                    Event::Received { receipt } => receipt.body.cosignature.head.size >= number,
                    _ => false,
                });
                let failed = audit.failures().next().unwrap();
                assert!(["approval-other-proposal", "receipt"].contains(&failed.code), "{audit}");
                assert_eq!(failed.event, witness, "{audit}");
            }
            None => {
                assert!(audit.holds(), "{audit}");
                assert!(audit.witnessed.events < number);
                by_memory_alone.push(record.event(number).word());
            }
        }
        // Without a new signature, the checkpoint already tells.
        found(&rewritten.beside(record).audit(), "ledger-root");
    }
    assert_eq!(by_memory_alone, ["destroyed", "expiry-checked", "expiry-checked", "destroyed"]);
}

fn flip(check: cstatns::domain::CheckValue) -> cstatns::domain::CheckValue {
    let text = check.to_string();
    let first = if text.starts_with('0') { '1' } else { '0' };
    serde_json::from_value(format!("{first}{}", &text[1..]).into()).unwrap()
}

#[test]
fn a_root_that_differs_is_bounded_by_what_others_remember() {
    let record = genuine();
    let number = record.of_type("expiry-checked")[0];
    let last_witnessed = *record.of_type("intent").last().unwrap();
    let mut rewritten = record.clone();
    rewritten.change(number, |event| {
        *event = Event::Refused { verb: name("expire"), code: name("none") }
    });
    rewritten.relink();
    let audit = rewritten.beside(record).audit();
    names(&audit, "ledger-root", record.size());
    assert_eq!(audit.sound, last_witnessed);
    let audit = rewritten
        .beside(record)
        .audit_with(&[record.checkpoint(number - 1), record.checkpoint(number)]);
    assert_eq!(audit.sound, number - 1);
    assert_eq!(audit.failures().filter(|finding| finding.check == Check::Earlier).count(), 1);
}

#[test]
fn signatures_by_others_are_found() {
    let record = genuine();
    let size = record.size();
    let head = record.head(size);
    let other = Record::of(&World::founded(2, 2));
    let lay = |checkpoint: &[u8]| Laid::new(record, &record.bytes(), checkpoint);
    // Another key in this service's name; another service's checkpoint; none at all; not one.
    let forged = note(&head, record.card.id(), &other.key);
    assert_eq!(found(&lay(&forged).audit(), "checkpoint-key").check, Check::Checkpoint);
    assert_eq!(
        found(&lay(b"no checkpoint\n").audit(), "checkpoint-signature").check,
        Check::Checkpoint
    );
    let foreign = other.checkpoint(other.size());
    assert_eq!(found(&lay(&foreign).audit(), "checkpoint-other-service").check, Check::Checkpoint);
    let laid = record.resigned();
    let audit = laid.audit_with(&[foreign, forged.clone()]);
    assert_eq!(found(&audit, "checkpoint-other-service").check, Check::Earlier);
    assert_eq!(found(&audit, "checkpoint-key").check, Check::Earlier);
    std::fs::remove_file(checkpoint_path(&laid.ledger())).unwrap();
    found(&verify(&laid.ledger(), &record.card, &[], &[]).unwrap(), "checkpoint-missing");
    // Another service's ledger, or its card.
    names(
        &Laid::new(record, &other.bytes(), &record.checkpoint(size)).audit(),
        "ledger-other-service",
        1,
    );
    names(&verify(&laid.ledger(), &other.card, &[], &[]).unwrap(), "ledger-other-service", 1);
    let mut card = record.card.clone();
    card.signature.0[0] ^= 1;
    assert_eq!(verify(&laid.ledger(), &card, &[], &[]).unwrap_err().code(), "service-card");
    // One failure does not hide another.
    let mut changed = record.clone();
    changed.change(7, |event| *event = Event::ExpiryChecked {});
    let audit = Laid::new(record, &changed.bytes(), &forged).audit();
    found(&audit, "checkpoint-key");
    assert_eq!(audit.failures().filter_map(|finding| finding.event).min(), Some(7));
    assert_eq!(audit.sound, 6);
}

#[test]
fn a_fork_is_found() {
    let record = genuine();
    for common in [1, 4, record.size() - 1] {
        let mut branch = record.clone();
        branch.lines.truncate(common as usize);
        for _ in 0..3 {
            branch.append(Event::Refused { verb: name("code"), code: name("none") });
        }
        assert!(branch.resigned().audit().holds() || common < 4, "the branch by itself is lawful");
        let laid = record.resigned();
        // The other branch is found by its checkpoint wherever ours is as long, and is no prefix
        // where it is longer.
        for size in common + 1..=branch.size() {
            let audit = laid.audit_with(&[record.checkpoint(common), branch.checkpoint(size)]);
            if size > record.size() {
                names(&audit, "ledger-short", record.size() + 1);
            } else {
                names(&audit, "ledger-forked", size);
            }
            assert_eq!(audit.failures().count(), 1);
        }
    }
}

#[test]
fn approvals_receipts_and_doubts_do_not_move() {
    let record = genuine();
    let intents = record.of_type("intent");
    for pair in intents.windows(2) {
        let Event::Intent { consents: from, .. } = record.event(pair[0]) else { unreachable!() };
        let mut moved = record.clone();
        moved.change(pair[1], |event| {
            let Event::Intent { consents, .. } = event else { unreachable!() };
            consents[1] = from[1].clone();
        });
        // As it lies, and linked and signed anew.
        names(&moved.beside(record).audit(), "approval-other-proposal", pair[1]);
        moved.relink();
        let audit = moved.resigned().audit();
        names(&audit, "approval-other-proposal", pair[1]);
        assert_eq!(found(&audit, "approval-other-proposal").check, Check::Signatures);
        let signed_for = audit.findings.iter().find(|finding| finding.code == "event-signed-for");
        assert_eq!(signed_for.and_then(|finding| finding.event), Some(pair[1]));

        // A whole intent again, and with its question: both are spent.
        let mut replayed = record.clone();
        replayed.append(record.event(pair[0]));
        names(&replayed.resigned().audit(), "no-question", replayed.size());
        let mut replayed = record.clone();
        replayed.append(record.event(pair[0] - 1));
        names(&replayed.resigned().audit(), "replayed", replayed.size());

        let mut fewer = record.clone();
        fewer.change(pair[1], |event| {
            let Event::Intent { consents, .. } = event else { unreachable!() };
            consents.pop();
        });
        fewer.relink();
        names(&fewer.resigned().audit(), "too-few-approvals", pair[1]);
        fewer.change(pair[1], |event| {
            let Event::Intent { consents, .. } = event else { unreachable!() };
            consents.push(consents[0].clone());
        });
        fewer.relink();
        names(&fewer.resigned().audit(), "approval-twice", pair[1]);
    }
    let (receipt, doubt) = (record.of_type("received"), record.of_type("doubted")[0]);
    let mut altered = record.clone();
    altered.change(receipt[0], |event| {
        let Event::Received { receipt } = event else { unreachable!() };
        receipt.body.by = name("custodian-2");
    });
    altered.relink();
    names(&altered.resigned().audit(), "not-in-roster", receipt[0]);
    let mut altered = record.clone();
    altered.change(doubt, |event| {
        let Event::Doubted { doubt } = event else { unreachable!() };
        doubt.body.about = Doubted::Custody { epoch: Epoch::FIRST };
    });
    altered.relink();
    names(&altered.resigned().audit(), "statement-signature", doubt);
}

/// Events that a malicious service writes with sound links and its own signature.
#[test]
fn unlawful_events_are_found() {
    let record = genuine();
    let next = record.size() + 1;
    let run = |word: &str| match record.event(record.of_type(word)[0]) {
        Event::Opened { run, .. } | Event::Coded { run, .. } | Event::KeyMade { run, .. } => run,
        _ => unreachable!(),
    };
    let Event::Opened { check, .. } = record.event(record.of_type("opened")[0]) else {
        unreachable!()
    };
    let population = name("population");
    let asked_again = |word: &str, at: usize| {
        let Event::Proposed { question } = record.event(record.of_type(word)[at]) else {
            unreachable!()
        };
        record.question(question.action, record.line(record.size()).time)
    };
    for (event, code) in [
        (Event::KeyMade { run: run("key-made"), check }, "unlawful-result"),
        (Event::Opened { run: run("opened"), check }, "unlawful-result"),
        (
            Event::Coded {
                run: run("coded"),
                part: 1,
                rows: 4,
                result: Hex([2; 32]),
                rechecked: None,
            },
            "unlawful-result",
        ),
        (Event::Closed { run: run("coded") }, "unlawful-result"),
        (Event::Delivered { run: run("coded"), part: 1, receipt: None }, "already-delivered"),
        (Event::Ended { domain: population.clone() }, "unlawful-end"),
        (
            Event::Destroyed {
                what: Destroyed::Request { run: run("coded"), part: 1 },
                how: Means::Overwritten,
            },
            "unlawful-destruction",
        ),
        (
            Event::Destroyed {
                what: Destroyed::Keys { domain: population },
                how: Means::Overwritten,
            },
            "unlawful-end",
        ),
        (record.event(1), "unlawful-result"),
        (record.event(2), "receipt-known"),
        (record.event(record.of_type("doubted")[0]), "already-doubted"),
        (record.event(record.of_type("intent")[0]), "no-question"),
        (record.event(record.of_type("cosigned")[0]), "unlawful-result"),
        (record.event(record.of_type("lapsed")[0]), "no-question"),
        (record.event(record.of_type("failed")[0]), "unlawful-result"),
        (record.event(record.of_type("proposed")[0]), "replayed"),
        (asked_again("proposed", 0), "domain-exists"),
        (asked_again("proposed", 1), "generation"),
    ] {
        let mut appended = record.clone();
        let word = event.word();
        appended.append(event);
        let audit = appended.resigned().audit();
        names(&audit, code, next);
        assert_eq!(audit.sound, record.size());
        assert!(
            audit.failures().next().unwrap().detail.en.contains(&format!("Event {next} ({word})")),
            "{audit}"
        );
    }
    // A time that goes back.
    let mut backwards = record.clone();
    backwards.append(Event::ExpiryChecked {});
    let mut line = backwards.line(next);
    line.time = record.line(1).time;
    *backwards.lines.last_mut().unwrap() = canonical_json(&line);
    names(&backwards.resigned().audit(), "unlawful-time", next);
}

/// Custodians who are shown a doubted key, or a project past its end, and approve all the same.
#[test]
fn a_quorum_does_not_make_everything_lawful() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    world.research("benefits", "2026-01-10").unwrap();
    world.doubt("population", 2).unwrap();
    let record = Record::of(&world);
    let state = world.open().state().clone();
    let input = world.request("people", &PEOPLE).input();
    let code = |domain: &str| Action::Code {
        domain: name(domain),
        generation: common::generation(1),
        scheme: Scheme::FrNir,
        purpose: name("test"),
        inputs: vec![input],
        recipient: None,
        keep_request: false,
        look_up: None,
    };
    let new_key = |reason| Action::NewKey {
        domain: name("population"),
        generation: common::generation(2),
        reason,
    };
    let open = Action::Open {
        domain: name("tiny"),
        kind: Kind::Statistics { cryptoperiod_years: 50 },
        minimum_batch: 2,
        authorisation: None,
    };
    let begins = |asked: &mut Record, action: &Action, time: Timestamp, signed: Timestamp| {
        let (number, kits) = (asked.size(), &world.kits[..2]);
        let consents = kits.iter().map(|kit| asked.consent(kit, number, signed)).collect();
        let keys = state.keys_of(action);
        asked.append_at(time, Event::Intent { run: Hex([7; 16]), consents, keys });
    };
    let last = record.line(record.size()).time;
    for (action, days, expected) in [
        (code("population"), 0, "key-doubted"),
        (new_key(RenewalReason::Scheduled), 0, "reason-is-doubt"),
        (Action::Close { domain: name("population") }, 0, "not-research"),
        (open, 0, "cryptoperiod"),
        (code("benefits"), 30, "project-ended"),
        (code("benefits"), 0, "holds"),
    ] {
        let mut appended = record.clone();
        let now = last + SignedDuration::from_hours(24 * days);
        appended.append_at(now, record.question(action.clone(), now));
        begins(&mut appended, &action, now, now);
        let audit = appended.resigned().audit();
        match expected {
            "holds" => assert!(audit.holds(), "{audit}"),
            // The question itself is not lawful.
            code => names(&audit, code, record.size() + 1),
        }
    }
    // What was lawful to ask may not be lawful any more when the run begins.
    let action = code("benefits");
    let before: Timestamp = "2026-01-10T23:55:00Z".parse().unwrap();
    for (minutes, signed, expected) in
        [(4, 4, "holds"), (5, 4, "project-ended"), (4, 10, "approval-date")]
    {
        let [time, signed] =
            [minutes, signed].map(|minutes| before + SignedDuration::from_mins(minutes));
        let mut appended = record.clone();
        appended.append_at(before, record.question(action.clone(), before));
        begins(&mut appended, &action, time, signed);
        let audit = appended.resigned().audit();
        match expected {
            "holds" => assert!(audit.holds(), "{audit}"),
            code => names(&audit, code, appended.size()),
        }
    }
}

/// A run of three requests: each part in its turn, once, with its own rows and its own
/// destruction. Whoever writes the ledger otherwise is found.
#[test]
fn the_parts_of_a_run_are_lawful_in_their_turn_only() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    let record = Record::of(&world);
    let state = world.open().state().clone();
    let now = record.line(record.size()).time;
    let input = |number: u8| Input {
        commitment: Hex([number; 32]),
        rows: 10 + u64::from(number),
        values: 10,
        distinct: 10,
        engine: None,
        sent: None,
    };
    let action = |inputs: Vec<Input>, keep_request: bool| Action::Code {
        domain: name("population"),
        generation: common::generation(1),
        scheme: Scheme::FrNir,
        purpose: name("test"),
        inputs,
        recipient: None,
        keep_request,
        look_up: None,
    };
    // The question, and the intent that two custodians have approved.
    let begun = |record: &Record, action: &Action| {
        let mut begun = record.clone();
        let (run, keys) = (Hex([7; 16]), state.keys_of(action));
        begun.append_at(now, record.question(action.clone(), now));
        let asked = begun.size();
        let kits = &world.kits[..2];
        let consents = kits.iter().map(|kit| begun.consent(kit, asked, now)).collect();
        begun.append_at(now, Event::Intent { run, consents, keys });
        begun
    };
    let run = Hex([7; 16]);
    let coded = |part: u32| {
        let rows = 10 + u64::from(part);
        Event::Coded { run, part, rows, result: Hex([part as u8; 32]), rechecked: None }
    };
    let gone =
        |part| Event::Destroyed { what: Destroyed::Request { run, part }, how: Means::Overwritten };
    let delivered = |part| Event::Delivered { run, part, receipt: None };
    let copy = |part, how| Event::Destroyed { what: Destroyed::Result { run, part }, how };
    let lost = |part| copy(part, Means::Lost);
    let copy_gone = |part| copy(part, Means::Overwritten);
    let failed = || Event::Failed { run, code: name("disk-full") };
    let (result, rechecked) = (Hex([1; 32]), None);
    let other = |part| Event::Renewed { run, part, rows: 11, result, rechecked };
    let wrong_rows = || Event::Coded { run, part: 2, rows: 11, result, rechecked };
    let again = |rechecked| Event::Coded { run, part: 1, rows: 11, result, rechecked };
    let three = || vec![input(1), input(2), input(3)];

    // Requests that are kept: nothing is owed between the parts.
    let kept = begun(&record, &action(three(), true));
    for (events, expected) in [
        (vec![coded(1), coded(2), coded(3)], None),
        (vec![coded(1), failed()], None),
        (vec![coded(1), delivered(1)], None),
        (vec![coded(1), lost(1), coded(2), lost(2)], None),
        (vec![coded(1), lost(2)], Some("unknown-delivery")),
        (vec![coded(1), lost(1), lost(1)], Some("delivery-lost")),
        (vec![coded(1), lost(1), delivered(1)], Some("delivery-lost")),
        (vec![coded(1), delivered(1), lost(1), lost(1)], Some("already-delivered")),
        (vec![coded(1), copy_gone(1)], Some("unlawful-destruction")),
        (vec![coded(2)], Some("unlawful-part")),
        (vec![coded(0)], Some("unlawful-part")),
        (vec![coded(4)], Some("unlawful-part")),
        (vec![coded(1), coded(1)], Some("unlawful-part")),
        (vec![coded(1), coded(3)], Some("unlawful-part")),
        (vec![coded(1), coded(2), coded(1)], Some("unlawful-part")),
        (vec![coded(1), coded(2), coded(4)], Some("unlawful-part")),
        (vec![coded(1), coded(2), coded(3), coded(4)], Some("unlawful-result")),
        (vec![coded(1), coded(2), coded(3), failed()], Some("unlawful-result")),
        (vec![coded(1), failed(), coded(2)], Some("unlawful-result")),
        (vec![coded(1), wrong_rows()], Some("unlawful-rows")),
        // As many as have a value.
        (vec![again(Some(0))], None),
        (vec![again(Some(10))], None),
        (vec![again(Some(11))], Some("unlawful-rechecked")),
        (vec![other(1)], Some("unlawful-result")),
        (vec![coded(1), delivered(2)], Some("unknown-delivery")),
        (vec![coded(1), gone(1)], Some("unlawful-destruction")),
    ] {
        judged(&kept, events, expected);
    }
    // Requests that are destroyed: each before the next part, and only its own.
    let owed = begun(&record, &action(three(), false));
    for (events, expected) in [
        (vec![coded(1), gone(1), coded(2), gone(2), coded(3), gone(3)], None),
        (vec![coded(1), failed(), gone(1)], None),
        (vec![coded(1), gone(1), failed()], None),
        (vec![coded(1), coded(2)], Some("unlawful-owed")),
        (vec![coded(1), gone(2)], Some("unlawful-destruction")),
        (vec![coded(1), gone(1), gone(1)], Some("unlawful-destruction")),
        (vec![coded(1), delivered(1)], Some("unlawful-owed")),
        (vec![coded(1), lost(1)], Some("unlawful-destruction")),
    ] {
        judged(&owed, events, expected);
    }

    // What a proposal may list, whoever recorded it.
    let many = |count: u8| (1..=count).map(input).collect::<Vec<_>>();
    for (inputs, expected) in [
        (many(64), None),
        (many(65), Some("requests")),
        (Vec::new(), Some("requests")),
        (vec![input(1), input(2), input(1)], Some("requests")),
    ] {
        judged(&record, vec![record.question(action(inputs, true), now)], expected);
    }

    // The first request was coded and its run failed: it is spent, the others are not.
    let mut spent = kept.clone();
    [coded(1), failed()].into_iter().for_each(|event| spent.append(event));
    for (inputs, expected) in [
        (vec![input(1)], Some("request-spent")),
        (three(), Some("request-spent")),
        (vec![input(2)], None),
    ] {
        let mut question = spent.question(action(inputs, true), now);
        if let Event::Proposed { question } = &mut question {
            question.run = Hex([9; 16]);
        }
        judged(&spent, vec![question], expected);
    }
    let audit = spent.resigned().audit();
    assert!(audit.holds() && !audit.is_in_order(), "{audit}");
    assert!(audit.to_string().contains("failed with 1 of the 3 results, which stand"), "{audit}");
    assert_eq!(audit.deliveries.made, 1);
}

/// Judges a ledger with more events, of which the last is the one that does not hold.
#[track_caller]
fn judged(record: &Record, events: Vec<Event>, expected: Option<&str>) {
    let mut appended = record.clone();
    events.into_iter().for_each(|event| appended.append(event));
    let audit = appended.resigned().audit();
    match expected {
        None => assert!(audit.holds(), "{audit}"),
        Some(code) => names(&audit, code, appended.size()),
    }
}

#[test]
fn what_a_stop_leaves_is_told_from_tampering() {
    let record = genuine();
    let size = record.size();
    let code = |audit: &Audit, code: &str| {
        audit.findings.iter().find(|finding| finding.code == code).cloned()
    };
    let uncovered = Laid::new(record, &record.bytes(), &record.checkpoint(size - 1)).audit();
    assert!(uncovered.holds());
    assert_eq!(code(&uncovered, "event-uncovered").unwrap().event, Some(size));
    for cut in 1..record.lines[size as usize - 1].len() {
        if cut % 37 == 1 {
            let mut bytes = record.bytes();
            bytes.truncate(bytes.len() - 1 - cut);
            let torn = Laid::new(record, &bytes, &record.checkpoint(size - 1)).audit();
            assert!(torn.holds(), "{torn}");
            assert_eq!(code(&torn, "event-cut").unwrap().event, Some(size));
            // Covered, it was cut by somebody.
            names(
                &Laid::new(record, &bytes, &record.checkpoint(size)).audit(),
                "ledger-short",
                size,
            );
        }
    }
    let mut both = record.bytes();
    both.extend(b"{\"clock\":");
    names(&Laid::new(record, &both, &record.checkpoint(size - 1)).audit(), "ledger-long", size);
    // Two lines too many, of which the second is not lawful: the first is not vouched for either.
    let mut added = record.clone();
    // Without the mark of its end the project's keys are not to be destroyed, which is the last
    // event.
    added.lines.retain(|line| !line.windows(14).any(|part| part == b"\"type\":\"ended\""));
    added.relink();
    let covered = added.size() - 2;
    let audit = Laid::new(&added, &added.bytes(), &added.checkpoint(covered)).audit();
    assert!(audit.sound <= covered, "{audit}");
    names(&audit, "ledger-long", covered + 1);
    // Nothing at all.
    let audit = Laid::new(record, b"", &record.checkpoint(size)).audit();
    names(&audit, "ledger-short", 1);
    found(&audit, "ledger-empty");
    assert_eq!((audit.sound, audit.demo), (0, None));
}

/// One way of tampering; numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Tampering {
    Flip { at: usize, bit: u8 },
    Drop { line: usize },
    Double { line: usize },
    Swap { line: usize },
    Move { line: usize, to: usize },
    Truncate { lines: usize },
    Tear { bytes: usize },
}

fn tampering() -> impl Strategy<Value = Tampering> {
    use Tampering as T;
    prop_oneof![
        (any::<usize>(), 0..8_u8).prop_map(|(at, bit)| T::Flip { at, bit }),
        any::<usize>().prop_map(|line| T::Drop { line }),
        any::<usize>().prop_map(|line| T::Double { line }),
        any::<usize>().prop_map(|line| T::Swap { line }),
        (any::<usize>(), any::<usize>()).prop_map(|(line, to)| T::Move { line, to }),
        any::<usize>().prop_map(|lines| T::Truncate { lines }),
        any::<usize>().prop_map(|bytes| T::Tear { bytes }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// The auditor and the service judge alike ([`Laid::audit_with`] asserts it), whatever was
    /// done.
    #[test]
    fn auditor_and_service_agree(
        tamperings in prop::collection::vec(tampering(), 0..3),
        relink in any::<bool>(),
        covered in 0..3_u64,
    ) {
        let mut record = genuine().clone();
        let (mut flips, mut tear) = (Vec::new(), 0);
        for tampering in tamperings {
            let lines = record.lines.len();
            match tampering {
                Tampering::Flip { at, bit } => flips.push((at, bit)),
                Tampering::Drop { line } => drop(record.lines.remove(line % lines)),
                Tampering::Double { line } => record.lines.insert(line % lines, record.lines[line % lines].clone()),
                Tampering::Swap { line } => record.lines.swap(line % (lines - 1), line % (lines - 1) + 1),
                Tampering::Move { line, to } => {
                    let moved = record.lines.remove(line % lines);
                    record.lines.insert(to % lines, moved);
                }
                Tampering::Truncate { lines: kept } => record.lines.truncate((kept % lines).max(2)),
                Tampering::Tear { bytes } => tear = bytes % 400,
            }
        }
        if relink {
            record.relink();
        }
        let checkpoint = record.checkpoint(record.size() - covered.min(record.size() - 1));
        let mut bytes = record.bytes();
        for (at, bit) in flips {
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
        }
        bytes.truncate(bytes.len() - tear.min(bytes.len()));
        Laid::new(&record, &bytes, &checkpoint).audit();
    }
}

/// The same through the front door: a home whose ledger the auditor finds broken does not open, and
/// says the same.
#[test]
fn a_service_does_not_open_what_the_auditor_refuses() {
    let world = World::founded(2, 2);
    world.statistics("population").unwrap();
    let record = Record::of(&world);
    let mut changed = record.clone();
    changed.change(1, |event| {
        let Event::Dealt { dealing, .. } = event else { unreachable!() };
        dealing.root_check.0[31] ^= 128;
    });
    let ledger = world.home().join("ledger.jsonl");
    for (bytes, holds) in [(record.bytes(), true), (changed.bytes(), false), (record.bytes(), true)]
    {
        std::fs::write(&ledger, bytes).unwrap();
        assert_eq!(verify(&ledger, &record.card, &[], &[]).unwrap().holds(), holds);
        assert_eq!(world.reopen().is_ok(), holds);
    }
}

/// What custodians' kits prove, against the ledger as it is and against one that was put back.
#[test]
fn what_a_kit_proves_is_held_to_the_ledger() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    let before = Record::of(&world);
    let asked = before.size() + 1;
    assert_eq!(world.code_changed("population", "few").unwrap_err().code(), "request-changed");
    let after = Record::of(&world);
    let evidence = |kit: usize| world.kit(kit).evidence().unwrap();
    let audit = |record: &Record, evidence: &cstatns::evidence::Evidence| {
        let laid = record.resigned();
        let path = laid.directory.path().join("evidence");
        std::fs::write(&path, canonical_json(evidence)).unwrap();
        verify(&laid.ledger(), &laid.card, &[], &[path]).unwrap()
    };
    for kit in [0, 1, 2] {
        let audit = audit(&after, &evidence(kit));
        assert!(audit.holds() && !audit.is_in_order(), "{audit}");
        let last = audit.findings.last().unwrap();
        assert_eq!((last.check, last.code), (Check::Witness, "holds"));
    }
    // The ledger from before the question: by itself it holds, and the kits know better.
    assert!(before.resigned().audit().is_in_order());
    let rolled_back = audit(&before, &evidence(0));
    names(&rolled_back, "question-erased", asked);
    names(&rolled_back, "witness-forked", after.size());
    assert!(rolled_back.sound <= before.size());
    // Also where the kit has lost the lines that it had kept.
    std::fs::remove_file(world.kits[1].join("ledger.zst")).unwrap();
    names(&audit(&before, &evidence(1)), "question-erased", asked);
    // A custodian who did not take part has seen no more than this ledger.
    assert!(audit(&before, &evidence(2)).holds());

    // A doubt that was stated, and never came into the ledger.
    let about = Doubted::Custody { epoch: Epoch::FIRST };
    let now = after.line(after.size()).time;
    world.kit(2).doubt(about, world.ledger().view(), now).unwrap();
    assert_eq!(found(&audit(&after, &evidence(2)), "doubt-missing").check, Check::Witness);

    let mut altered = evidence(1);
    altered.body.count += 1;
    found(&audit(&after, &altered), "witness-form");
    let other = World::founded(2, 2);
    found(&audit(&after, &other.kit(0).evidence().unwrap()), "witness-other-service");
}

/// A question whose process was stopped is ended without the consents. The kits that gave them
/// prove together that a quorum approved.
#[test]
fn kits_prove_together_that_a_quorum_approved_what_lapsed() {
    let world = World::founded(2, 3);
    let mut service = world.open();
    let action = Action::Open {
        domain: name("population"),
        kind: Kind::Statistics { cryptoperiod_years: 5 },
        minimum_batch: 2,
        authorisation: None,
    };
    let draft = service.propose(action, SignedDuration::from_mins(10)).unwrap();
    let stopped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = service.gather::<cstatns::service::ServiceError>(draft, |gathering| {
            for kit in [0, 1] {
                gathering.consent(world.kit(kit)).unwrap();
            }
            std::panic::panic_any("stopped")
        });
    }));
    assert!(stopped.is_err());
    drop(service);
    let (_, recovered) = world.reopen().unwrap();
    assert_eq!(recovered.len(), 1, "{recovered:?}");
    let record = Record::of(&world);
    let Event::Lapsed { consents, .. } = record.event(record.size()) else { panic!("no lapse") };
    assert!(consents.is_empty());
    let laid = record.resigned();
    let evidence: Vec<PathBuf> = (0..3)
        .map(|kit| {
            let path = laid.directory.path().join(format!("evidence-{kit}"));
            std::fs::write(&path, canonical_json(&world.kit(kit).evidence().unwrap())).unwrap();
            path
        })
        .collect();
    let notices = |kits: &[usize]| {
        let given: Vec<PathBuf> = kits.iter().map(|kit| evidence[*kit].clone()).collect();
        let audit = verify(&laid.ledger(), &laid.card, &[], &given).unwrap();
        assert!(audit.holds(), "{audit}");
        audit.notices.iter().map(|notice| (notice.code, notice.event)).collect::<Vec<_>>()
    };
    for fewer in [&[][..], &[0], &[1, 2], &[0, 0]] {
        assert_eq!(notices(fewer), [], "{fewer:?}");
    }
    assert_eq!(notices(&[0, 1]), [("may-have-run", record.size() - 1)]);
}

/// A run that a quorum approved and that has no end in the ledger may have happened all the same.
#[test]
fn a_run_without_an_end_must_be_accounted_for() {
    let genuine = genuine();
    for intent in genuine.of_type("intent") {
        let mut record = genuine.clone();
        record.lines.truncate(intent as usize);
        let audit = record.resigned().audit();
        assert!(audit.holds() && !audit.is_in_order(), "{audit}");
        let Event::Intent { run, .. } = genuine.event(intent) else { unreachable!() };
        let asked = genuine.of_type("proposed").into_iter().find(|number| {
            matches!(genuine.event(*number), Event::Proposed { question } if question.run == run)
        });
        let notice = audit.notices.iter().find(|notice| Some(notice.event) == asked).unwrap();
        assert_eq!(notice.code, "may-have-run");
        assert!(notice.detail.en.contains("began, and has no end in this ledger"), "{audit}");
    }
}

/// A kit that was put back from a copy counts its statements again: lawful, and noticed.
#[test]
fn a_count_that_is_used_again_is_noticed() {
    let world = World::founded(2, 3);
    let copies = ["memory", "ledger.zst"].map(|file| {
        let path = world.kits[0].join(file);
        (std::fs::read(&path).unwrap(), path)
    });
    let first = world.check(0);
    copies.iter().for_each(|(bytes, path)| std::fs::write(path, bytes).unwrap());
    world.clock.set("2026-01-06T09:00:00Z");
    let second = world.check(0);
    assert_eq!(first.body.count, second.body.count);
    for receipt in [first, second] {
        world.open().receipt(receipt).unwrap();
    }
    let record = Record::of(&world);
    let audit = record.resigned().audit();
    assert!(audit.holds() && !audit.is_in_order(), "{audit}");
    let notices: Vec<_> = audit.notices.iter().map(|notice| (notice.code, notice.event)).collect();
    assert_eq!(notices, [("count-repeated", record.size())]);
}

/// A witness who cosigned what it did not check vouches for no more than what holds.
#[test]
fn a_cosignature_of_an_unlawful_ledger_vouches_for_what_holds() {
    let record = genuine();
    let mut appended = record.clone();
    appended.append(Event::Ended { domain: name("population") });
    let signing = SigningKey::from_bytes(&[9; 32]);
    let public = Hex(signing.verifying_key().to_bytes());
    let key = WitnessKey::new("authority", &public).unwrap();
    let note = appended.checkpoint(appended.size());
    let mut note = cstatns::checkpoint::Note::parse(&note).unwrap();
    key.cosign(&mut note, record.line(record.size()).time, &signing).unwrap();
    let laid = Laid::new(&appended, &appended.bytes(), note.to_string().as_bytes());
    let path = laid.directory.path().join("witness.pub");
    std::fs::write(&path, format!("{key}\n")).unwrap();
    let audit = verify(&laid.ledger(), &laid.card, &[], &[path]).unwrap();
    names(&audit, "unlawful-end", appended.size());
    let seen: Vec<u64> = audit.witnessed.others.iter().map(|other| other.events).collect();
    assert_eq!(seen, [record.size()], "{audit}");
}
