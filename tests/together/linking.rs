//! The ledger of a linking body: what may follow what, and what is seen of one that was changed
//! (SPEC §20.6).

use std::fs;
use std::path::{Path, PathBuf};

use cstatns::audit::verify_linking;
use cstatns::card::PartyCard;
use cstatns::checkpoint::Head;
use cstatns::delivery::DeliveryId;
use cstatns::ledger::event::Means;
use cstatns::linking::{
    LinkingError, LinkingEvent, LinkingLedger, LinkingRefusal as No, Standing, is_linking_ledger,
    read_linking,
};
use cstatns::meta::ServiceId;
use cstatns::name::{Hex, Name};
use cstatns_parcel::party::Party;
use jiff::{SignedDuration, Timestamp};

struct Body {
    folder: tempfile::TempDir,
    party: Party,
}

impl Body {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("body");
        Party::create(&place, name("cesr"), None).unwrap();
        let party = Party::open(&place, None).unwrap();
        Self { folder, party }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.jsonl")
    }

    fn open(&self) -> Result<LinkingLedger, LinkingError> {
        LinkingLedger::open(&self.path(), self.party.card(), &self.party.signing(), at(0))
    }

    fn append(&self, ledger: &mut LinkingLedger, event: LinkingEvent) -> Result<(), LinkingError> {
        ledger.append(event, &self.party.signing(), at(1))
    }
}

fn at(days: i64) -> Timestamp {
    "2027-03-01T09:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * days)
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn service(text: &str) -> ServiceId {
    ServiceId::of(&format!("{text}.abcdefghijklmnopqrstuvwxyz")).unwrap()
}

fn file(number: u8) -> Hex<16> {
    Hex([number; 16])
}

/// A coded file of the project, of the delivery with the same number.
fn received(number: u8) -> LinkingEvent {
    LinkingEvent::Received {
        file: file(number),
        service: service("nso"),
        domain: name("mobility"),
        generation: cstatns::code::Generation::FIRST,
        delivery: DeliveryId { run: Hex([number; 16]), part: 1 },
        request: Hex([1; 32]),
        result: Hex([2; 32]),
        sender: Some(Hex([3; 32])),
        of: None,
        rows: 40,
        head: Head { size: 9, root: Hex([4; 32]) },
    }
}

fn joined(number: u8, of: &[u8]) -> LinkingEvent {
    let of = of.iter().copied().map(file).collect();
    LinkingEvent::Joined { file: file(number), of, rows: 30 }
}

fn released(number: u8, until: Option<Timestamp>) -> LinkingEvent {
    let (parcel, sha256) = (Hex([5; 16]), Hex([6; 32]));
    let authorisation = name("cnil-2026-017");
    LinkingEvent::Released {
        file: file(number),
        to: Hex([7; 32]),
        parcel,
        sha256,
        authorisation,
        until,
    }
}

fn destroyed(number: u8, kept: bool) -> LinkingEvent {
    LinkingEvent::Destroyed { file: file(number), kept, how: Means::Overwritten }
}

fn notice() -> LinkingEvent {
    let head = Head { size: 12, root: Hex([8; 32]) };
    LinkingEvent::Notice { service: service("nso"), domain: name("mobility"), head }
}

fn refusal(outcome: Result<(), LinkingError>) -> No {
    match outcome {
        Err(LinkingError::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// An event changed by `change`.
fn with(mut event: LinkingEvent, change: impl Fn(&mut LinkingEvent)) -> LinkingEvent {
    change(&mut event);
    event
}

#[test]
fn each_event_needs_what_comes_before_it() {
    let body = Body::new();
    let mut ledger = body.open().unwrap();
    let mut ok = |event: LinkingEvent| body.append(&mut ledger, event).unwrap();
    ok(received(1));
    ok(received(2));
    ok(with(received(3), |event| {
        if let LinkingEvent::Received { domain, .. } = event {
            *domain = name("health");
        }
    }));
    ok(with(received(4), |event| {
        if let LinkingEvent::Received { generation, .. } = event {
            *generation = generation.next();
        }
    }));
    ok(with(received(5), |event| {
        if let LinkingEvent::Received { service: id, .. } = event {
            *id = service("other");
        }
    }));
    ok(joined(10, &[1, 2]));
    let card: Box<PartyCard> = Box::new(body.party.card().clone());
    let to_itself = with(released(10, None), |event| {
        if let LinkingEvent::Released { to, .. } = event {
            *to = card.fingerprint();
        }
    });
    let of = |sender: Option<u8>, of: Option<u8>| {
        with(received(6), move |event| {
            if let LinkingEvent::Received { sender: from, of: renewed, .. } = event {
                *from = sender.map(|byte| Hex([byte; 32]));
                *renewed = of.map(file);
            }
        })
    };
    for (event, why) in [
        (LinkingEvent::Founded { card: card.clone() }, No::Founding),
        (received(1), No::FileKnown),
        (
            with(received(1), |event| {
                if let LinkingEvent::Received { file: number, .. } = event {
                    *number = file(7);
                }
            }),
            No::DeliveryKnown,
        ),
        (of(None, None), No::Renewal),
        (of(Some(3), Some(1)), No::Renewal),
        (of(None, Some(3)), No::Renewal),
        (of(None, Some(10)), No::Renewal),
        (joined(10, &[1, 2]), No::FileKnown),
        (joined(11, &[1]), No::Sources),
        (joined(11, &[1, 1]), No::Sources),
        (joined(11, &[1, 3]), No::Sources),
        (joined(11, &[1, 4]), No::Sources),
        (joined(11, &[1, 5]), No::Sources),
        (joined(11, &[1, 10]), No::Sources),
        (joined(11, &[1, 9]), No::FileUnknown),
        (released(1, None), No::Codes),
        (released(9, None), No::FileUnknown),
        (released(10, Some(at(0))), No::NotKept),
        (to_itself, No::ToItself),
        (destroyed(9, false), No::FileUnknown),
        (destroyed(10, true), No::NotKept),
    ] {
        assert_eq!(refusal(body.append(&mut ledger, event.clone())), why, "{event:?}");
    }
    let mut ok = |event: LinkingEvent| body.append(&mut ledger, event).unwrap();
    ok(of(None, Some(1)));
    ok(released(10, Some(at(30))));
    ok(destroyed(10, true));
    ok(released(10, None));
    ok(destroyed(1, true));
    ok(destroyed(2, false));
    for (event, why) in [
        (joined(11, &[1, 2]), No::Gone),
        (destroyed(2, false), No::Gone),
        (destroyed(10, true), No::Gone),
    ] {
        assert_eq!(refusal(body.append(&mut ledger, event.clone())), why, "{event:?}");
    }
    // The project is over: what is coded of it goes, a kept copy without codes stays to its end.
    body.append(&mut ledger, notice()).unwrap();
    for (event, why) in [
        (notice(), No::NoticeKnown),
        (received(20), No::Ended),
        (joined(21, &[1, 6]), No::Ended),
        (destroyed(6, true), No::Ended),
    ] {
        assert_eq!(refusal(body.append(&mut ledger, event.clone())), why, "{event:?}");
    }
    let owed = |now| -> Vec<Hex<16>> { ledger.state().owed(now).map(|(file, _)| *file).collect() };
    assert_eq!(owed(at(2)), [1, 4, 6].map(file));
    assert_eq!(owed(at(30)), [1, 4, 6, 10].map(file));
    body.append(&mut ledger, released(10, Some(at(40)))).unwrap();
    let standing = |number| ledger.state().file(&file(number)).unwrap().standing;
    assert_eq!([10, 1, 2].map(standing), [Standing::Kept, Standing::Kept, Standing::Destroyed]);
    // It is read as it was written.
    let read = read_linking(&body.path()).unwrap();
    assert_eq!(&read.state, ledger.state());
    assert!(is_linking_ledger(&body.path()).unwrap());
}

#[test]
fn time_does_not_go_back() {
    let body = Body::new();
    let mut ledger = body.open().unwrap();
    ledger.append(received(1), &body.party.signing(), at(5)).unwrap();
    // The clock was set back: the event has the time of the one before, and what the clock said.
    ledger.append(received(2), &body.party.signing(), at(3)).unwrap();
    let text = fs::read_to_string(body.path()).unwrap();
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["time"], &last["clock"]),
        (&"2027-03-06T09:00:00Z".into(), &"2027-03-04T09:00:00Z".into())
    );
}

/// What a ledger is found to be with other lines.
fn found(path: &Path, lines: &str) -> String {
    let kept = fs::read(path).unwrap();
    fs::write(path, lines).unwrap();
    let audit = verify_linking(path, None, &[], at(9)).unwrap();
    fs::write(path, kept).unwrap();
    audit.failures().next().map_or_else(|| "holds".to_owned(), |finding| finding.code.to_owned())
}

#[test]
fn a_changed_ledger_is_seen() {
    let body = Body::new();
    let mut ledger = body.open().unwrap();
    for event in [received(1), received(2), joined(10, &[1, 2]), released(10, None)] {
        body.append(&mut ledger, event).unwrap();
    }
    let (path, text) = (body.path(), fs::read_to_string(body.path()).unwrap());
    let lines: Vec<&str> = text.lines().collect();
    let of = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    assert_eq!(found(&path, &text), "holds");
    assert_eq!(found(&path, &text.replacen("\"rows\":30", "\"rows\":31", 1)), "linking-chain");
    assert_eq!(found(&path, &of(&[lines[0], lines[2], lines[1]])), "linking-chain");
    assert_eq!(found(&path, &of(&lines[..3])), "linking-covered");
    assert_eq!(
        found(&path, &text.replacen("\"type\":\"joined\"", "\"type\": \"joined\"", 1)),
        "linking-line"
    );
    assert_eq!(
        found(&path, &text.replacen("cnil-2026-017", "cnil-2026-018", 1)),
        "linking-checkpoint"
    );
    // One line more is a stop before its checkpoint; two are not.
    let checkpoint = fs::read(path.with_file_name("checkpoint")).unwrap();
    body.append(&mut ledger, destroyed(10, false)).unwrap();
    fs::write(path.with_file_name("checkpoint"), &checkpoint).unwrap();
    let audit = verify_linking(&path, None, &[], at(9)).unwrap();
    assert!(audit.holds());
    drop(ledger);
    let mut ledger = body.open().unwrap();
    assert_eq!(read_linking(&path).unwrap().covered.size, 6, "it is covered when it is opened");
    for event in [destroyed(1, false), destroyed(2, false)] {
        body.append(&mut ledger, event).unwrap();
    }
    let new = fs::read(path.with_file_name("checkpoint")).unwrap();
    fs::write(path.with_file_name("checkpoint"), &checkpoint).unwrap();
    let audit = verify_linking(&path, None, &[], at(9)).unwrap();
    assert_eq!(audit.failures().next().unwrap().code, "linking-covered");
    fs::write(path.with_file_name("checkpoint"), new).unwrap();
    // A rewritten one is lawful, and not the one of a checkpoint that was kept.
    let other = Body { folder: tempfile::tempdir().unwrap(), party: body.party };
    let mut again = other.open().unwrap();
    for event in [received(1), received(2), joined(10, &[1, 2])] {
        other.append(&mut again, event).unwrap();
    }
    let kept = path.with_file_name("checkpoint");
    let audit = verify_linking(&other.path(), None, std::slice::from_ref(&kept), at(9)).unwrap();
    assert_eq!(audit.failures().next().unwrap().code, "ledger-forked");
    let audit = verify_linking(&path, None, &[kept], at(9)).unwrap();
    assert!(audit.holds());
}

/// Each byte of each line, and each line that is gone, doubled or exchanged with the next one:
/// found, and the first event that does not hold is named.
#[test]
fn every_change_of_a_linking_ledger_is_found_and_named() {
    let body = Body::new();
    let mut ledger = body.open().unwrap();
    let events = [received(1), received(2), joined(10, &[1, 2]), released(10, Some(at(40)))];
    for event in events.into_iter().chain([destroyed(1, false), destroyed(10, true), notice()]) {
        body.append(&mut ledger, event).unwrap();
    }
    let (path, whole) = (body.path(), fs::read(body.path()).unwrap());
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let first = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let audit = verify_linking(&path, None, &[], at(9)).unwrap();
        let failure = audit.failures().next().unwrap_or_else(|| panic!("it holds"));
        (failure.code, failure.event)
    };
    let mut start = 0;
    for (index, line) in lines.iter().enumerate() {
        let number = index as u64 + 1;
        for at in 0..line.len() {
            let mut bytes = whole.clone();
            bytes[start + at] ^= 1;
            let (code, event) = first(&bytes);
            match event {
                Some(event) => {
                    // A changed link is first seen as a change of the line that it points to.
                    let before = code == "linking-chain" && event + 1 == number;
                    assert!(event == number || before, "byte {at} of {number}: {code} {event}");
                }
                // Nothing follows the last one: the root of the checkpoint does not fit.
                None => assert!(
                    ["linking-checkpoint", "linking-covered"].contains(&code)
                        && index + 1 == lines.len(),
                    "byte {at} of {number}: {code}"
                ),
            }
        }
        start += line.len();

        let mut dropped = lines.clone();
        dropped.remove(index);
        let (code, event) = first(&dropped.concat());
        match index + 1 == lines.len() {
            true => assert_eq!((code, event), ("linking-covered", None)),
            false => assert_eq!(event, Some(number.saturating_sub(1).max(1)), "{code}"),
        }
        let mut doubled = lines.clone();
        doubled.insert(index, line);
        assert_eq!(first(&doubled.concat()), ("linking-chain", Some(number)));
        if index + 1 < lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(index, index + 1);
            let event = first(&swapped.concat()).1;
            assert_eq!(event, Some(number.saturating_sub(1).max(1)));
        }
    }
    fs::write(&path, &whole).unwrap();
    assert!(verify_linking(&path, None, &[], at(9)).unwrap().holds());
}

#[test]
fn a_founding_that_was_stopped_is_done_again_and_nothing_else_is_taken_for_one() {
    let body = Body::new();
    drop(body.open().unwrap());
    let (path, checkpoint) = (body.path(), body.path().with_file_name("checkpoint"));
    fs::remove_file(&checkpoint).unwrap();
    assert_eq!(body.open().unwrap().state().files().len(), 0);
    let mut ledger = body.open().unwrap();
    body.append(&mut ledger, received(1)).unwrap();
    drop(ledger);
    fs::remove_file(&checkpoint).unwrap();
    let before = fs::read(&path).unwrap();
    assert!(body.open().is_err(), "a ledger whose checkpoint is gone is not founded anew");
    assert_eq!(fs::read(&path).unwrap(), before);
    // The beginning of a line that was cut short is cut off.
    let body = Body::new();
    let mut ledger = body.open().unwrap();
    body.append(&mut ledger, received(1)).unwrap();
    drop(ledger);
    let whole = fs::read(body.path()).unwrap();
    let mut torn = whole.clone();
    torn.extend_from_slice(b"{\"clock\":");
    fs::write(body.path(), torn).unwrap();
    drop(body.open().unwrap());
    assert_eq!(fs::read(body.path()).unwrap(), whole);
    // Another body's.
    let other = Body::new();
    fs::copy(body.path(), other.path()).unwrap();
    fs::copy(body.path().with_file_name("checkpoint"), other.path().with_file_name("checkpoint"))
        .unwrap();
    assert!(matches!(other.open(), Err(LinkingError::Refused(No::Card))));
}
