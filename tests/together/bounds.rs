//! Numbers and lists of the ledger have bounds, which are checked before a custodian is asked.

use crate::common;

use std::path::Path;

use cstatns::code::Generation;
use cstatns::coded::Coded as _;
use cstatns::dealing::Epoch;
use cstatns::delivery::DeliveryId;
use cstatns::domain::RenewalReason;
use cstatns::identifier::Scheme;
use cstatns::ledger::event::{Event, Line, LivingKey};
use cstatns::ledger::{Ledger, next_line};
use cstatns::name::{Hex, LARGEST_NUMBER, canonical_json};
use cstatns::proposal::{Action, Input, MOST_DELIVERIES};
use cstatns::service::{ServiceError, read_service_card};
use cstatns::state::read_ledger;
use jiff::SignedDuration;

use common::{PEOPLE, World, name};

fn propose(world: &World, action: Action) -> Result<(), ServiceError> {
    world.open().propose(action, SignedDuration::from_mins(10)).map(|_| ())
}

#[test]
fn a_request_that_states_more_rows_than_a_number_holds_is_refused_before_it_is_asked() {
    let world = World::founded(2, 2);
    world.statistics("population").unwrap();
    let code = |rows| Action::Code {
        domain: name("population"),
        generation: Generation::FIRST,
        scheme: Scheme::FrNir,
        purpose: name("income"),
        inputs: vec![Input {
            commitment: Hex([7; 32]),
            rows,
            values: 4,
            distinct: 4,
            engine: None,
            sent: None,
        }],
        recipient: None,
        keep_request: false,
        look_up: None,
    };
    propose(&world, code(LARGEST_NUMBER)).unwrap();
    for rows in [LARGEST_NUMBER + 1, LARGEST_NUMBER + 2, 18_446_744_073_709_550_592, u64::MAX] {
        assert_eq!(propose(&world, code(rows)).unwrap_err().code(), "rows", "{rows}");
    }
    // A proposal, a head or an event with such a number is refused when it comes from outside.
    for text in
        ["9007199254740992", "9007199254740993", "18446744073709552000", "18446744073709551615"]
    {
        let input = format!(
            "{{\"commitment\":\"{}\",\"distinct\":4,\"rows\":{text},\"values\":4}}",
            "07".repeat(32)
        );
        assert!(serde_json::from_str::<Input>(&input).is_err(), "{text}");
        assert!(serde_json::from_str::<Input>(&input.replace(text, "9007199254740991")).is_ok());
    }
}

/// Whoever makes the proposal: the same rule is that of the ledger, for an intent is judged by it.
#[test]
fn too_few_values_and_counts_that_no_file_has_are_refused_before_they_are_asked() {
    let world = World::founded(2, 2);
    world.statistics("population").unwrap();
    let code = |rows, values, distinct| {
        let input =
            Input { commitment: Hex([7; 32]), rows, values, distinct, engine: None, sent: None };
        let action = Action::Code {
            domain: name("population"),
            generation: Generation::FIRST,
            scheme: Scheme::FrNir,
            purpose: name("income"),
            inputs: vec![input],
            recipient: None,
            keep_request: false,
            look_up: None,
        };
        propose(&world, action).map_err(|error| error.code())
    };
    // The domain's minimum is 2.
    assert_eq!(code(50_000, 11, 2), Ok(()));
    for (rows, values, distinct) in [(50_000, 11, 1), (1, 1, 1), (50_000, 0, 0)] {
        assert_eq!(code(rows, values, distinct), Err("too-few-values"), "{rows} {distinct}");
    }
    for (rows, values, distinct) in [(1, 2, 2), (9, 2, 3), (1 << 20, 1 << 20, 65_537)] {
        assert_eq!(code(rows, values, distinct), Err("counts"), "{rows} {values} {distinct}");
    }
}

#[test]
fn a_renewal_names_its_deliveries_in_order_each_once_and_not_too_many() {
    let world = World::founded(2, 2);
    world.statistics("population").unwrap();
    let one = world.code("population", "one", &PEOPLE).unwrap().delivery;
    let two = world.code("population", "two", &PEOPLE).unwrap().delivery;
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    let (first, second) = (one.min(two), one.max(two));
    let renew = |of: Option<Vec<DeliveryId>>| Action::Renew {
        domain: name("population"),
        from: Generation::FIRST,
        generation: Generation::FIRST.next(),
        purpose: name("income"),
        inputs: vec![Input {
            commitment: Hex([7; 32]),
            rows: 4,
            values: 4,
            distinct: 4,
            engine: None,
            sent: None,
        }],
        recipient: None,
        keep_request: false,
        of,
    };
    for good in [None, Some(vec![first]), Some(vec![first, second])] {
        propose(&world, renew(good)).unwrap();
    }
    let many: Vec<DeliveryId> = (0..=MOST_DELIVERIES as u128)
        .map(|number| DeliveryId { run: Hex(number.to_be_bytes()), part: 1 })
        .collect();
    for bad in [vec![], vec![second, first], vec![first, first], vec![first; 130_000], many] {
        let found = bad.len();
        assert_eq!(propose(&world, renew(Some(bad))).unwrap_err().code(), "deliveries", "{found}");
    }
}

/// The last guard: a line that would not be read back is not written, and the ledger goes on.
#[test]
fn a_line_that_would_not_be_read_back_is_not_written() {
    let world = World::founded(2, 2);
    let home = world.home();
    let card = read_service_card(&home.join("card.json")).unwrap();
    let path = home.join("ledger.jsonl");
    let before = std::fs::read(&path).unwrap();
    let checkpoint = std::fs::read(home.join("checkpoint")).unwrap();
    let found = read_ledger(&path, &card).unwrap();
    let time = found.state.time();
    let event = |event| next_line(&found.history, card.id(), time, time, event);
    let (run, result, rechecked) = (Hex([1; 16]), Hex([2; 32]), None);
    let coded = |rows| Event::Coded { run, part: 1, rows, result, rechecked };
    let mut far = event(coded(4));
    far.sequence = LARGEST_NUMBER + 1;
    let other = Line { service: "other.aaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(), ..event(coded(4)) };
    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let long = |length| {
        let keys = |keys| event(Event::EpochWorking { epoch: Epoch::FIRST, keys });
        of_length(length, keys)
    };
    let lines = [
        event(coded(LARGEST_NUMBER + 1)),
        event(coded(u64::MAX)),
        event(Event::Coded { run, part: 1, rows: 4, result, rechecked: Some(LARGEST_NUMBER + 1) }),
        far,
        other,
        long(4 << 20),
        long((4 << 20) + 1),
    ];
    let open = |path: &Path| {
        let (history, note) = (found.history.clone(), found.checkpoint.note.clone());
        Ledger::open(path, history, before.len() as u64, note).unwrap()
    };
    for line in lines {
        let mut ledger = open(&path);
        let error = ledger.append(&line, &card, &key).unwrap_err();
        assert_eq!(error.code(), "ledger-unwritable");
        assert!(!ledger.is_broken(), "nothing was written");
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert_eq!(std::fs::read(home.join("checkpoint")).unwrap(), checkpoint);
    }
    world.statistics("population").unwrap();

    // The longest line, where it is written.
    let written = world.path("ledger.jsonl");
    std::fs::write(&written, &before).unwrap();
    open(&written).append(&long((4 << 20) - 1), &card, &key).unwrap();
    assert_eq!(std::fs::read(&written).unwrap().len(), before.len() + (4 << 20));
}

/// The line, made of some keys, that has this length without its line feed.
fn of_length(length: usize, line: impl Fn(Vec<LivingKey>) -> Line) -> Line {
    let key = |letters: usize| LivingKey {
        domain: name(&"a".repeat(letters)),
        generation: Generation::FIRST,
        check: serde_json::from_value(Hex([6; 32]).to_string().into()).unwrap(),
    };
    let measure = |keys: Vec<LivingKey>| canonical_json(&line(keys)).len();
    let one = measure(vec![key(1)]);
    let each = measure(vec![key(1), key(1)]) - one;
    // As many short names as fit; then what is missing goes into some of the names.
    let count = (length - one) / each + 1;
    let missing = (length - one) % each;
    let mut keys = vec![key(1); count];
    for (at, key_at) in keys.iter_mut().take(missing.div_ceil(31)).enumerate() {
        *key_at = key(1 + (missing - 31 * at).min(31));
    }
    let made = line(keys);
    assert_eq!(canonical_json(&made).len(), length);
    made
}

/// The beginning of a line whose writing was stopped goes before another line is written.
#[test]
fn a_line_that_was_cut_short_is_cut_off() {
    let world = World::founded(2, 2);
    let path = world.home().join("ledger.jsonl");
    let card = read_service_card(&world.home().join("card.json")).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let found = read_ledger(&path, &card).unwrap();
    for torn in ["", "{", "{\"format\":2,"] {
        std::fs::write(&path, [&whole, torn.as_bytes()].concat()).unwrap();
        let (history, note) = (found.history.clone(), found.checkpoint.note.clone());
        let ledger = Ledger::open(&path, history, whole.len() as u64, note).unwrap();
        assert_eq!(
            (std::fs::read(&path).unwrap(), ledger.length()),
            (whole.clone(), whole.len() as u64)
        );
    }
}
