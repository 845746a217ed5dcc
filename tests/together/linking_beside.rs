//! The ledger of a linking body beside that of the service, both rewritten as their owners could:
//! what one says and the other contradicts is found and named (SPEC §20).

use crate::common;

use std::path::{Path, PathBuf};

use cstatns::audit::{LinkingAudit, verify_linking};
use cstatns::checkpoint::{Head, leaf_hash, sign_head};
use cstatns::code::Generation;
use cstatns::delivery::DeliveryId;
use cstatns::ledger::event::Means;
use cstatns::ledger::{History, checkpoint_path};
use cstatns::linking::{FORMAT, LinkingEvent, LinkingLine, linking_id};
use cstatns::meta::ServiceId;
use cstatns::name::{Hex, canonical_json};
use cstatns::party::Role;
use cstatns::service::{Made, read_service_card};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use common::{World, name};

const CODED: [Hex<16>; 2] = [Hex([1; 16]), Hex([2; 16])];
const JOINED: Hex<16> = Hex([3; 16]);

fn at(day: i64) -> Timestamp {
    let noon: Timestamp = "2026-01-05T12:00:00Z".parse().unwrap();
    noon + SignedDuration::from_hours(24 * day)
}

/// A service with two projects, and two deliveries of one of them for the linking body `cesr`.
struct Both {
    world: World,
    made: [Made; 2],
    to: Hex<32>,
}

impl Both {
    fn new() -> Self {
        let world = World::founded(2, 3);
        for domain in ["mobility", "lungs"] {
            world.research(domain, "2026-12-31").unwrap();
        }
        world.register_party("hospital", Role::Controller, "mobility");
        world.register_party("cesr", Role::Linking, "mobility");
        let to = world.register_party("lab", Role::Researcher, "mobility").fingerprint();
        let made = ["one", "two"].map(|file| {
            let request = world.sealed_people("hospital", "mobility", file);
            world.code_sealed("mobility", &request, Some("cesr")).unwrap()
        });
        Self { world, made, to }
    }

    fn id(&self) -> ServiceId {
        let card = read_service_card(&self.world.home().join("card.json")).unwrap();
        ServiceId::of(card.id()).unwrap()
    }

    fn received(&self, number: usize) -> LinkingEvent {
        let made = &self.made[number];
        LinkingEvent::Received {
            file: CODED[number],
            service: self.id(),
            domain: name("mobility"),
            generation: made.generation,
            delivery: made.delivery,
            request: made.request,
            result: made.result,
            sender: Some(self.world.party("hospital").card().fingerprint()),
            of: None,
            rows: made.rows,
            head: made.head,
        }
    }

    fn released(&self) -> LinkingEvent {
        LinkingEvent::Released {
            file: JOINED,
            to: self.to,
            parcel: Hex([5; 16]),
            sha256: Hex([6; 32]),
            authorisation: name("cnil-2026-017"),
            until: None,
        }
    }

    /// What an honest body records: two files received, joined, released, destroyed.
    fn events(&self) -> Vec<LinkingEvent> {
        let joined = LinkingEvent::Joined { file: JOINED, of: CODED.to_vec(), rows: 4 };
        let gone = [JOINED, CODED[0], CODED[1]].map(destroyed);
        let made = [self.received(0), self.received(1), joined, self.released()];
        made.into_iter().chain(gone).collect()
    }

    /// Writes a ledger with these events and a checkpoint, whether or not they may follow one
    /// another, as the body itself could.
    fn write(&self, events: &[LinkingEvent]) -> PathBuf {
        let party = self.world.party("cesr");
        let card = party.card().clone();
        let linking = linking_id(&card);
        let founded = LinkingEvent::Founded { card: Box::new(card) };
        let (mut history, mut bytes) = (History::default(), Vec::new());
        let mut previous = Hex([0; 32]);
        for (sequence, event) in (1..).zip([&founded].into_iter().chain(events)) {
            let (linking, event) = (linking.clone(), event.clone());
            let (format, time) = (FORMAT, at(sequence as i64));
            let line =
                LinkingLine { format, linking, sequence, previous, time, clock: time, event };
            let line = canonical_json(&line);
            previous = leaf_hash(&line);
            history.push(&line);
            bytes.extend([&line[..], b"\n"].concat());
        }
        let path = self.world.path("linking.jsonl");
        std::fs::write(&path, bytes).unwrap();
        self.sign(&path, &history.head());
        path
    }

    fn sign(&self, path: &Path, head: &Head) {
        let party = self.world.party("cesr");
        let note = sign_head(head, &linking_id(party.card()), &party.signing());
        std::fs::write(checkpoint_path(path), note).unwrap();
    }

    fn audit(&self, events: &[LinkingEvent]) -> LinkingAudit {
        let path = self.write(events);
        verify_linking(&path, Some(&self.world.ledger().state), &[], at(30)).unwrap()
    }

    /// The codes of what does not hold, each with the event that it names, and of what is not in
    /// order.
    fn found(
        &self,
        events: &[LinkingEvent],
    ) -> (Vec<(&'static str, Option<u64>)>, Vec<&'static str>) {
        let audit = self.audit(events);
        let failures = audit.failures().map(|finding| (finding.code, finding.event)).collect();
        (failures, audit.notices.iter().map(|notice| notice.code).collect())
    }
}

fn destroyed(file: Hex<16>) -> LinkingEvent {
    LinkingEvent::Destroyed { file, kept: false, how: Means::Overwritten }
}

#[test]
fn an_honest_ledger_agrees_and_nothing_is_invented() {
    let both = Both::new();
    assert_eq!(both.found(&both.events()), (vec![], vec![]));
    // Files of another service's projects say nothing about this one.
    let mut events = both.events();
    events.push(changed(&both.received(0), |received| {
        received["file"] = json!(Hex([9; 16]));
        received["service"] = json!("other.bbbbbbbbbbbbbbbbbbbbbbbbbb");
        received["rows"] = json!(7);
    }));
    assert_eq!(both.found(&events), (vec![], vec![]));
}

/// An event with other values in its JSON.
fn changed(event: &LinkingEvent, change: impl Fn(&mut Value)) -> LinkingEvent {
    let mut value = serde_json::to_value(event).unwrap();
    change(&mut value);
    serde_json::from_value(value).unwrap()
}

/// Each value of a delivery as the body wrote it, changed and signed again.
#[test]
fn what_the_service_never_made_so_is_found_and_named() {
    let both = Both::new();
    let other = DeliveryId { part: 2, ..both.made[1].delivery };
    let cases = [
        ("delivery", json!(other), "linking-delivery"),
        ("generation", json!(Generation::new(2).unwrap()), "linking-delivery"),
        ("request", json!(both.made[0].request), "linking-delivery"),
        ("result", json!(both.made[0].result), "linking-delivery"),
        ("rows", json!(both.made[1].rows + 1), "linking-delivery"),
        ("sender", json!(both.to), "linking-delivery"),
        // For that project the body is not registered.
        ("domain", json!("lungs"), "linking-unregistered"),
    ];
    for (value, to, code) in cases {
        // Nothing is made of the changed one, so that it is the only thing that is wrong.
        let received = changed(&both.received(1), |event| event[value] = to.clone());
        let events = [both.received(0), received, destroyed(CODED[0]), destroyed(CODED[1])];
        let (failures, notices) = both.found(&events);
        assert_eq!(failures, [(code, Some(3))], "{value}");
        let missing = if value == "delivery" { vec!["linking-not-received"] } else { vec![] };
        assert_eq!(notices, missing, "{value}");
    }
    // A release to somebody who is no researcher of the project.
    for to in ["hospital", "cesr"] {
        let mut events = both.events();
        let to = both.world.party(to).card().fingerprint();
        events[3] = changed(&both.released(), |event| event["to"] = json!(to));
        let (failures, _) = both.found(&events);
        // What is made of the two files stands in event 4.
        let own = to == both.world.party("cesr").card().fingerprint();
        let expected =
            if own { ("linking-unlawful", Some(5)) } else { ("linking-receiver", Some(4)) };
        assert_eq!(failures, [expected]);
    }
}

/// Events that may not follow one another, in a ledger that is linked and signed all the same.
#[test]
fn what_may_not_follow_is_found_and_named() {
    let both = Both::new();
    let honest = both.events();
    let head = both.made[0].head;
    let notice = LinkingEvent::Notice { service: both.id(), domain: name("mobility"), head };
    let swapped = |one: usize, other: usize| {
        let mut events = honest.clone();
        events.swap(one, other);
        events
    };
    let without = |index: usize| {
        let mut events = honest.clone();
        events.remove(index);
        events
    };
    let with = |index: usize, event: &LinkingEvent| {
        let mut events = honest.clone();
        events.insert(index, event.clone());
        events
    };
    for (events, event) in [
        // Joined before both are there, or of one that never came; released before it is made.
        (swapped(1, 2), 3),
        (without(0), 3),
        (swapped(2, 3), 4),
        // Received, joined, destroyed twice; used after its destruction.
        (with(1, &honest[0]), 3),
        (with(3, &honest[2]), 5),
        (with(5, &honest[4]), 7),
        (swapped(3, 4), 6),
        // After the end of the project.
        (with(0, &notice), 3),
        (with(1, &notice), 4),
        (with(3, &notice), 6),
    ] {
        let failures = both.found(&events).0;
        assert_eq!(failures, [("linking-unlawful", Some(event))]);
    }
}

/// What is left out is not in order: deliveries that nobody received, files that nobody destroyed.
#[test]
fn what_is_left_out_must_be_accounted_for() {
    let both = Both::new();
    let nothing = both.found(&[]);
    assert_eq!(nothing, (vec![], vec!["linking-not-received", "linking-not-received"]));
    let events = both.events();
    both.world.close("mobility").unwrap();
    assert_eq!(both.found(&events), (vec![], vec![]));
    for (left, owed) in [(1, 1), (2, 2), (3, 3)] {
        let (failures, notices) = both.found(&events[..events.len() - left]);
        assert_eq!((failures, notices), (vec![], vec!["linking-owes"; owed]));
    }
}

/// A ledger signed by another key, for another body, or older than what somebody kept.
#[test]
fn another_signature_and_an_older_ledger_are_found() {
    let both = Both::new();
    let events = both.events();
    let path = both.write(&events);
    let kept = both.world.path("kept");
    std::fs::copy(checkpoint_path(&path), &kept).unwrap();
    let state = both.world.ledger().state;
    let verify = |old: &[PathBuf]| {
        let audit = verify_linking(&path, Some(&state), old, at(30)).unwrap();
        audit.failures().map(|finding| (finding.code, finding.event)).collect::<Vec<_>>()
    };
    let lab = both.world.party("lab");
    let note = sign_head(&both.made[0].head, &linking_id(lab.card()), &lab.signing());
    std::fs::write(checkpoint_path(&path), note).unwrap();
    assert_eq!(verify(&[]), [("linking-checkpoint", None)]);

    // Signed again by the body itself: shorter, or with another receiver at the end.
    both.write(&events[..3]);
    assert_eq!(verify(&[]), []);
    let kept = [kept];
    assert_eq!(verify(&kept), [("ledger-forked", Some(8))]);
    both.write(&events);
    assert_eq!(verify(&kept), []);
    let mut rewritten = events.clone();
    rewritten[3] =
        changed(&both.released(), |event| event["authorisation"] = json!("cnil-2026-018"));
    both.write(&rewritten);
    assert_eq!((verify(&[]), verify(&kept)), (vec![], vec![("ledger-forked", Some(8))]));
}
