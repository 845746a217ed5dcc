//! A run of several requests: each has its own result, event and destruction, and one failure does
//! not undo the others.

use crate::common;

use std::fs;

use cstatns::coded::Coded as _;
use cstatns::delivery::{DeliveryId, MOST_PARTS};
use cstatns::ledger::event::{Destroyed, Event, Line};
use cstatns::proposal::Action;
use cstatns::service::{Made, Recovered, ServiceError};
use cstatns::state::Fate;
use jiff::SignedDuration;

use common::crash::{temporaries, violations};
use common::{PEOPLE, Request, World, name};

const FILES: [&str; 3] = ["out/one", "out/two", "out/three"];

fn world() -> World {
    let world = World::founded(2, 2);
    world.statistics("population").unwrap();
    fs::create_dir(world.path("out")).unwrap();
    world
}

fn exists(world: &World, file: &str) -> bool {
    world.path(file).exists()
}

/// The types of the last events, with their part and what was destroyed.
fn last_events(world: &World, count: usize) -> Vec<String> {
    let text = fs::read_to_string(world.home().join("ledger.jsonl")).unwrap();
    let lines: Vec<Line> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |line: &Line| match &line.event {
        Event::Coded { part, .. } | Event::Renewed { part, .. } => {
            format!("{} {part}", line.event.word())
        }
        Event::Destroyed { what: Destroyed::Request { part, .. }, .. } => format!("request {part}"),
        Event::Destroyed { what: Destroyed::Result { part, .. }, .. } => format!("result {part}"),
        Event::Delivered { part, .. } => format!("delivered {part}"),
        Event::Failed { code, .. } => format!("failed {code}"),
        event => event.word().to_owned(),
    };
    lines[lines.len() - count..].iter().map(told).collect()
}

#[test]
fn three_requests_have_three_results_in_the_order_of_the_proposal() {
    let world = world();
    let made = world.code_parts("population", &FILES).unwrap();
    assert_eq!(
        last_events(&world, 9),
        [
            "proposed",
            "intent",
            "cosigned",
            "coded 1",
            "request 1",
            "coded 2",
            "request 2",
            "coded 3",
            "request 3"
        ]
    );
    let parts: Vec<u32> = made.iter().map(|made| made.delivery.part).collect();
    assert_eq!(parts, [1, 2, 3]);
    let codes = world.codes(FILES[0]);
    for file in FILES {
        assert_eq!(world.codes(file), codes, "the same people, the same codes");
        assert!(!exists(&world, &format!("{file}.request")), "{file}");
    }
    // Each result has a commitment of its own: the part is in its context.
    assert!(made[0].result != made[1].result && made[1].result != made[2].result);
    let service = world.open();
    let fate = &service.state().runs()[&made[0].delivery.run].fate;
    assert_eq!(*fate, Fate::Result);
    assert_eq!(violations(&world, &service), [""; 0]);
    for made in &made {
        let report = service.report(&made.delivery, "test", &[]).unwrap();
        assert_eq!(report.body.delivery, made.delivery);
        assert_eq!(report.body.result.commitment, made.result);
        assert_eq!(made.name().to_string(), made.delivery.to_string());
    }
    drop(service);
    // Each is delivered by itself, in any order.
    for at in [1, 0, 2] {
        world.deliver(FILES[at], &made[at]).unwrap();
        assert!(!exists(&world, &format!("{}.result", FILES[at])));
    }
    assert_eq!(last_events(&world, 2), ["delivered 3", "result 3"]);
    assert!(world.open().outgoing().is_empty());
}

#[test]
fn a_request_alone_keeps_the_name_of_its_run() {
    let world = world();
    let made = world.code("population", "out/one", &PEOPLE).unwrap();
    assert_eq!(made.name().to_string(), made.delivery.run.to_string());
}

/// The second of three requests is swapped after the custodians were asked.
fn swapped(world: &World) -> (Vec<Request>, ServiceError) {
    let requests = FILES.map(|file| world.request(file, &PEOPLE));
    let other = [PEOPLE[1], PEOPLE[0], PEOPLE[2], PEOPLE[3]];
    let mut found = FILES.map(|file| world.request(file, &PEOPLE));
    found[1] = world.request(FILES[1], &other);
    for (found, request) in found.iter_mut().zip(&requests) {
        found.key = cstatns::commitment::CommitmentKey::from_hex(&request.key.to_hex()).unwrap();
    }
    let error = world.code_requests("population", &requests, &found).unwrap_err();
    (requests.into(), error)
}

#[test]
fn one_failure_does_not_undo_the_others() {
    let world = world();
    let (requests, error) = swapped(&world);
    assert_eq!(error.code(), "request-changed");
    let told = error.to_string();
    assert!(told.contains("request 2 of 3") && told.contains("two.request"), "{told}");
    assert_eq!(last_events(&world, 3), ["coded 1", "request 1", "failed request-changed"]);
    // The first stands, the second and third are as they were.
    assert!(exists(&world, "out/one.result") && !exists(&world, "out/one.request"));
    for file in &FILES[1..] {
        assert!(!exists(&world, &format!("{file}.result")), "{file}");
        assert_eq!(
            fs::read_to_string(world.path(&format!("{file}.request"))).unwrap(),
            PEOPLE.join("\n")
        );
    }
    assert!(temporaries(&world).is_empty());
    let service = world.open();
    assert_eq!(violations(&world, &service), [""; 0]);
    let (run, state) = (service.outgoing()[0].delivery.id.run, service.state());
    assert_eq!(state.runs()[&run].fate, Fate::Failed { made: 1 });
    assert!(state.runs()[&run].fate.may_have_run(), "the rest may have run");
    drop(service);

    // The first cannot be coded again, alone or with others, whatever the generation.
    fs::write(world.path("out/one.request"), PEOPLE.join("\n")).unwrap();
    let again = |requests: &[Request]| {
        let mut requests: Vec<Request> = requests.iter().map(again_as).collect();
        for (number, request) in requests.iter_mut().enumerate() {
            request.files.result = world.path(&format!("out/again-{number}.result"));
        }
        world.code_requests("population", &requests, &requests)
    };
    for spent in [&requests[..1], &requests[..]] {
        let events = world.open().history().size();
        assert_eq!(again(spent).unwrap_err().code(), "request-spent");
        assert_eq!(world.open().history().size(), events, "nobody was asked");
    }
    world.new_key("population", cstatns::domain::RenewalReason::Scheduled).unwrap();
    assert_eq!(again(&requests[..1]).unwrap_err().code(), "request-spent");
    // The others can: their run failed.
    again(&requests[1..]).unwrap();
    assert_eq!(again(&requests[2..]).unwrap_err().code(), "request-spent");
}

fn again_as(request: &Request) -> Request {
    let key = cstatns::commitment::CommitmentKey::from_hex(&request.key.to_hex()).unwrap();
    Request { values: request.values.clone(), key, files: request.files.clone() }
}

/// Two open questions about one request: the first that runs spends it, the second lapses.
#[test]
fn of_two_questions_about_one_request_one_runs() {
    let world = world();
    let [one, two] = ["out/one", "out/two"].map(|file| world.request(file, &PEOPLE));
    let mut same = again_as(&one);
    same.files = two.files.clone();
    let mut service = world.open();
    let action = world.code_action(&service, "population", &one);
    let first = world.quorum(&mut service, action.clone()).unwrap();
    let second = world.quorum(&mut service, action).unwrap();
    let late = second.question().run;
    let work = |request: &Request| {
        let request = again_as(request);
        move |coder: &_, out: &mut _| common::code_lines(coder, &request, out)
    };
    service.code(first, std::slice::from_ref(&one.files), work(&one)).unwrap();
    let refused = service.code(second, std::slice::from_ref(&same.files), work(&same));
    assert_eq!(refused.unwrap_err().code(), "request-spent");
    assert!(matches!(service.state().runs()[&late].fate, Fate::Lapsed { enough: true, .. }));
    assert!(exists(&world, "out/two.request") && !exists(&world, "out/two.result"));
    assert_eq!(violations(&world, &service), [""; 0]);
}

#[test]
fn a_proposal_lists_1_to_64_requests_each_once() {
    let world = world();
    let request = world.request("out/one", &PEOPLE);
    let propose = |inputs: Vec<_>| {
        let mut service = world.open();
        let mut action = world.code_action(&service, "population", &request);
        if let Action::Code { inputs: all, .. } = &mut action {
            *all = inputs;
        }
        service.propose(action, SignedDuration::from_mins(10)).map(|_| ())
    };
    let many = |count: usize| {
        let inputs = (0..count).map(|number| {
            let mut input = request.input();
            input.commitment.0[0] = number as u8;
            input
        });
        inputs.collect::<Vec<_>>()
    };
    propose(many(MOST_PARTS)).unwrap();
    let mut few = many(3);
    few[2].distinct = 1;
    for (inputs, code) in [
        (vec![], "requests"),
        (many(MOST_PARTS + 1), "requests"),
        ([many(2), many(1)].concat(), "requests"),
        // The minimum is each request's.
        (few, "too-few-values"),
    ] {
        assert_eq!(propose(inputs).unwrap_err().code(), code);
    }
}

#[test]
fn results_of_one_name_and_other_files_are_refused() {
    let world = world();
    let requests = FILES.map(|file| world.request(file, &PEOPLE));
    fs::create_dir(world.path("out/below")).unwrap();
    let mut twice: Vec<_> = requests.iter().map(|request| request.files.clone()).collect();
    twice[2].result = world.path("out/below/../one.result");
    let service = world.open();
    assert_eq!(service.check_files(&twice, false).unwrap_err().code(), "output-exists");
    drop(service);
    let same = FILES.map(|file| {
        let mut request = again_as(&requests[FILES.iter().position(|one| *one == file).unwrap()]);
        request.files.result = world.path("out/same.result");
        request
    });
    let refused = world.code_requests("population", &same, &same).unwrap_err();
    assert_eq!(refused.code(), "output-exists");
    let mut service = world.open();
    let action = world.code_action(&service, "population", &requests[0]);
    let quorum = world.quorum(&mut service, action).unwrap();
    let files: Vec<_> = requests.iter().map(|request| request.files.clone()).collect();
    let refused = service.code(quorum, &files, |_, _| unreachable!());
    assert_eq!(refused.unwrap_err().code(), "request-count");
    assert!(fs::read_dir(world.home().join("outbox")).unwrap().next().is_none());
    assert_eq!(violations(&world, &service), [""; 0]);
}

/// What stands of a run is said by whoever opens the home after a stop, and by the names of what
/// was made.
#[test]
fn a_stop_after_a_part_leaves_it_and_ends_the_rest() {
    let world = world();
    let snapshot = common::crash::Snapshot::of(&world);
    let under = world.directory.path();
    let code = || world.code_parts("population", &FILES);
    for file in FILES {
        world.request(file, &PEOPLE);
    }
    let steps = cstatns::files::faults::count(under, || code().unwrap());
    let mut seen = std::collections::BTreeSet::new();
    for step in 0..steps {
        snapshot.restore(&world);
        let _ = cstatns::files::faults::stop_after(under, step, code);
        let (service, said) = world.reopen().unwrap();
        let made: Vec<DeliveryId> = service.state().deliveries().keys().copied().collect();
        let cut = said.iter().find_map(|said| match said {
            Recovered::Cut { made, parts, .. } => Some((*made, *parts)),
            _ => None,
        });
        if let Some((count, parts)) = cut {
            assert_eq!((count as usize, parts), (made.len(), 3), "{said:?}");
        }
        let expected: Vec<u32> = (1..=made.len() as u32).collect();
        assert_eq!(made.iter().map(|id| id.part).collect::<Vec<_>>(), expected);
        for (number, file) in FILES.iter().enumerate() {
            let done = number < made.len();
            assert_eq!(exists(&world, &format!("{file}.result")), done, "{step}: {file}");
        }
        assert_eq!(violations(&world, &service), [""; 0], "{step}");
        seen.insert((made.len(), cut.is_some()));
    }
    for expected in [(0, false), (1, true), (2, true), (3, false)] {
        assert!(seen.contains(&expected), "{expected:?} of {seen:?}");
    }
}

/// A request of a finished part whose place went away: its destruction is owed, the rest ends.
#[test]
fn a_destruction_that_is_owed_ends_the_rest_and_waits() {
    let world = world();
    fs::create_dir(world.path("away")).unwrap();
    let files = ["away/one", "out/two"];
    let requests = files.map(|file| world.request(file, &PEOPLE));
    let mut requests: Vec<Request> = requests.into();
    requests[0].files.result = world.path("out/one.result");
    let work = |error: ServiceError| error.code();
    let made = cstatns::files::faults::stop_after(&world.path("away"), 0, || {
        world.code_requests("population", &requests, &requests).map_err(work)
    });
    assert!(made.is_err(), "{made:?}");
    let service = world.open();
    let said: Vec<Made> = service.made_by(&service.outgoing()[0].delivery.id.run);
    assert_eq!(said.len(), 1);
    assert!(exists(&world, "out/one.result") && !exists(&world, "out/two.result"));
    assert!(exists(&world, "out/two.request") && !exists(&world, "away/one.request"));
    assert_eq!(last_events(&world, 3)[0], "coded 1");
    assert!(last_events(&world, 2)[0].starts_with("failed"), "the run ended while it was owed");
    assert_eq!(last_events(&world, 1), ["request 1"], "the next opening destroys it");
    assert_eq!(violations(&world, &service), [""; 0]);
    drop(service);
    let _ = name("population");
    world.code_requests("population", &requests[1..], &requests[1..]).unwrap();
}
