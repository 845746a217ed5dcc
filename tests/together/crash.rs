//! Stopped, failed and torn at every durable step, each verb leaves what the next command finishes
//! or undoes.

#![allow(clippy::print_stderr)]

use crate::common;

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::time::UNIX_EPOCH;

use cstatns::card::spoken;
use cstatns::code::Code;
use cstatns::coded::Coded as _;
use cstatns::domain::RenewalReason;
use cstatns::files::Step;
use cstatns::files::faults::{stop_after, trace, without_unnamed};
use cstatns::service::{Recovered, ServiceError};
use cstatns::state::Refusal;

use common::crash::{Fault, Snapshot, Trials, Verb, facts, names, run, violations};
use common::{PEOPLE, World, name};

/// A statistical domain with a result that is not delivered yet.
fn population(world: &World) {
    world.statistics("population").unwrap();
    world.code("population", "known", &PEOPLE).unwrap();
}

/// A research project beside it, with a result.
fn project(world: &World) {
    population(world);
    world.research("benefits", "2026-06-30").unwrap();
    world.code("benefits", "study", &PEOPLE).unwrap();
}

/// The same people get the codes that they had.
fn same_codes(world: &World, domain: &str, known: &str) {
    let file = format!("again-{domain}");
    world.code(domain, &file, &PEOPLE).unwrap();
    assert_eq!(world.codes(&file), world.codes(known), "the same people, the same codes");
}

#[test]
fn open_statistics() {
    run(Verb {
        name: "open-statistics",
        prepare: population,
        act: |world| world.statistics("income"),
        then: |world| {
            same_codes(world, "population", "known");
            world.code("income", "income", &PEOPLE).unwrap();
        },
    });
}

/// The same where custodians approve elsewhere and the service waits.
#[test]
fn open_at_a_distance() {
    run(Verb {
        name: "open-at-a-distance",
        prepare: population,
        act: |world| world.statistics_at_a_distance("income"),
        then: |world| {
            same_codes(world, "population", "known");
            world.code("income", "income", &PEOPLE).unwrap();
        },
    });
}

#[test]
fn open_research() {
    run(Verb {
        name: "open-research",
        prepare: population,
        act: |world| world.research("benefits", "2026-06-30"),
        then: |world| {
            world.code("benefits", "study", &PEOPLE).unwrap();
            same_codes(world, "benefits", "study");
        },
    });
}

fn to_code(world: &World) {
    population(world);
    fs::create_dir(world.path("out")).unwrap();
    fs::write(world.path("batch.copy"), PEOPLE.join("\n")).unwrap();
}

fn code_batch(world: &World) -> Result<(), ServiceError> {
    world.code("population", "out/batch", &PEOPLE).map(|_| ())
}

fn is_coded(world: &World) {
    assert_eq!(world.codes("out/batch"), world.codes("known"));
}

#[test]
fn code() {
    run(Verb { name: "code", prepare: to_code, act: code_batch, then: is_coded });
}

const BATCHES: [&str; 2] = ["out/batch", "out/batch-2"];

/// Two requests in one run; those that have their result are left out when it is repeated, as
/// the operator does.
#[test]
fn code_parts() {
    run(Verb {
        name: "code-parts",
        prepare: to_code,
        act: |world| {
            let left = BATCHES.map(|file| (file, world.path(&format!("{file}.result"))));
            let left: Vec<&str> =
                left.iter().filter(|(_, result)| !result.exists()).map(|(file, _)| *file).collect();
            if left.is_empty() {
                return Ok(());
            }
            world.code_parts("population", &left).map(|_| ())
        },
        then: |world| {
            for file in BATCHES {
                assert_eq!(world.codes(file), world.codes("known"));
            }
        },
    });
}

/// The same where the file system has no files without names.
#[test]
fn code_to_a_temporary() {
    run(Verb {
        name: "code-to-a-temporary",
        prepare: to_code,
        act: |world| without_unnamed(world.directory.path(), || code_batch(world)),
        then: is_coded,
    });
}

fn to_renew(world: &World) {
    population(world);
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    world.code("population", "renewed", &PEOPLE).unwrap();
    fs::create_dir(world.path("out")).unwrap();
    let texts: Vec<String> = world.codes("known").iter().map(Code::text).collect();
    fs::write(world.path("batch.copy"), texts.join("\n")).unwrap();
}

fn renew_batch(world: &World) -> Result<(), ServiceError> {
    world.renew("population", "out/batch", &world.codes("known")).map(|_| ())
}

fn is_renewed(world: &World) {
    assert_eq!(world.codes("out/batch"), world.codes("renewed"));
}

#[test]
fn renew() {
    run(Verb { name: "renew", prepare: to_renew, act: renew_batch, then: is_renewed });
}

/// The same where the file system has no files without names.
#[test]
fn renew_to_a_temporary() {
    run(Verb {
        name: "renew-to-a-temporary",
        prepare: to_renew,
        act: |world| without_unnamed(world.directory.path(), || renew_batch(world)),
        then: is_renewed,
    });
}

#[test]
fn new_key() {
    run(Verb {
        name: "new-key",
        prepare: population,
        act: |world| world.new_key("population", RenewalReason::Scheduled),
        then: |world| {
            world.renew("population", "renewed", &world.codes("known")).unwrap();
            same_codes(world, "population", "renewed");
        },
    });
}

#[test]
fn receipt() {
    // The last receipt of three: with it the epoch works.
    run(Verb {
        name: "receipt",
        prepare: |world| {
            fs::remove_dir_all(world.home()).unwrap();
            fs::remove_dir_all(world.path("shares")).unwrap();
            for kit in &world.kits {
                fs::remove_dir_all(kit).unwrap();
            }
            world.make_kits();
            world.init().unwrap();
            let receipt = world.accept(&world.kits[1]);
            world.open().receipt(receipt).unwrap();
        },
        act: |world| {
            let receipt = world.accept(&world.kits[0]);
            world.try_open()?.receipt(receipt).map(|_| ())
        },
        then: |world| world.statistics("population").unwrap(),
    });
}

#[test]
fn extend() {
    run(Verb {
        name: "extend",
        prepare: project,
        act: |world| world.extend("benefits", "2026-09-30"),
        then: |world| same_codes(world, "benefits", "study"),
    });
}

#[test]
fn close() {
    run(Verb {
        name: "close",
        prepare: project,
        act: |world| world.close("benefits"),
        then: |world| {
            assert_eq!(
                world.code("benefits", "late", &PEOPLE).unwrap_err().code(),
                "keys-destroyed"
            );
            same_codes(world, "population", "known");
        },
    });
}

#[test]
fn doubt() {
    run(Verb {
        name: "doubt",
        prepare: population,
        act: |world| world.doubt("population", 1),
        then: |world| {
            assert_eq!(
                world.code("population", "doubted", &PEOPLE).unwrap_err().code(),
                "key-doubted"
            );
            world.new_key("population", RenewalReason::Doubt).unwrap();
            world.renew("population", "renewed", &world.codes("known")).unwrap();
            same_codes(world, "population", "renewed");
        },
    });
}

#[test]
fn examined() {
    run(Verb {
        name: "examined",
        prepare: |world| {
            population(world);
            world.doubt("population", 1).unwrap();
        },
        act: |world| world.examined("population"),
        then: |world| same_codes(world, "population", "known"),
    });
}

#[test]
fn deal() {
    run(Verb {
        name: "deal",
        prepare: project,
        act: |world| world.deal().map(|_| ()),
        then: |world| {
            same_codes(world, "population", "known");
            world.receive().unwrap();
            same_codes(world, "benefits", "study");
        },
    });
}

/// All shares are held but one.
fn almost_dealt(world: &World) {
    project(world);
    world.deal().unwrap();
    let receipt = world.accept(&world.kits[0]);
    world.open().receipt(receipt).unwrap();
}

#[test]
fn last_receipt() {
    run(Verb {
        name: "last-receipt",
        prepare: almost_dealt,
        act: |world| {
            let receipt = world.accept(&world.kits[1]);
            let mut service = world.try_open()?;
            match service.receipt(receipt) {
                Err(ServiceError::Refused(Refusal::ReceiptKnown { .. })) => Ok(()),
                outcome => outcome.map(|_| ()),
            }
        },
        then: |world| {
            same_codes(world, "population", "known");
            same_codes(world, "benefits", "study");
        },
    });
}

#[test]
fn abandon() {
    run(Verb {
        name: "abandon",
        prepare: almost_dealt,
        act: |world| world.abandon(2),
        then: |world| {
            same_codes(world, "population", "known");
            same_codes(world, "benefits", "study");
            world.statistics("income").unwrap();
        },
    });
}

#[test]
fn forgotten() {
    run(Verb {
        name: "forgotten",
        prepare: |world| {
            almost_dealt(world);
            let receipt = world.accept(&world.kits[1]);
            world.open().receipt(receipt).unwrap();
        },
        act: |world| world.forget(0, 1),
        then: |world| same_codes(world, "population", "known"),
    });
}

#[test]
fn delivered() {
    run(Verb {
        name: "delivered",
        prepare: |world| {
            population(world);
            fs::copy(world.path("known.result"), world.path("known.received")).unwrap();
        },
        act: |world| {
            let mut service = world.try_open()?;
            let delivery = service.outgoing()[0].delivery;
            service.delivered_stated(&delivery.id).map(drop)
        },
        then: |world| {
            world.code("population", "again", &PEOPLE).unwrap();
            let received = fs::read(world.path("known.received")).unwrap();
            assert_eq!(fs::read(world.path("again.result")).unwrap(), received);
        },
    });
}

/// A service whose timer has left an event now and then.
fn up_to(world: &World, end: &str) {
    project(world);
    for day in ["2026-02-10", "2026-03-20", "2026-04-25", "2026-06-01"] {
        world.clock.set(&format!("{day}T00:00:00Z"));
        world.open().expire().unwrap();
    }
    world.clock.set(end);
}

#[test]
fn expire_marks() {
    run(Verb {
        name: "expire-marks",
        prepare: |world| up_to(world, "2026-07-01T00:00:00Z"),
        act: |world| world.try_open()?.expire().map(|_| ()),
        then: |world| {
            assert_eq!(
                world.code("benefits", "late", &PEOPLE).unwrap_err().code(),
                "project-ended"
            );
            same_codes(world, "population", "known");
        },
    });
}

#[test]
fn expire_destroys() {
    run(Verb {
        name: "expire-destroys",
        prepare: |world| {
            up_to(world, "2026-07-01T00:00:00Z");
            world.open().expire().unwrap();
            world.clock.set("2026-07-02T00:00:00Z");
        },
        act: |world| world.try_open()?.expire().map(|_| ()),
        then: |world| {
            assert_eq!(
                world.code("benefits", "late", &PEOPLE).unwrap_err().code(),
                "keys-destroyed"
            );
            same_codes(world, "population", "known");
            assert!(
                world
                    .open()
                    .status()
                    .domains
                    .iter()
                    .all(|domain| domain.hours_past_its_end.is_none())
            );
            assert!(world.open().state().domain(&name("benefits")).unwrap().destroyed.is_some());
        },
    });
}

/// A ceremony begins anew rather than going on: what it left is undone first.
#[test]
fn init() {
    let mut world = World::new(2, 3);
    world.life = vec![world.path("life-a"), world.path("life-b")];
    let (snapshot, under) = (Snapshot::of(&world), world.directory.path());
    let steps = trace(under, || world.init().unwrap());
    let mut trials = Trials { steps: steps.len(), ..Trials::default() };
    for (number, fault) in Fault::all(&steps).into_iter().enumerate() {
        let what = format!("init with {fault:?}");
        snapshot.restore(&world);
        trials.count(fault);
        let outcome = fault.during(under, || world.init());
        if matches!(fault, Fault::Fail(..)) && outcome.is_err() && world.try_open().is_err() {
            let shares = world.path("shares");
            let left = if shares.exists() { names(&shares) } else { BTreeSet::new() };
            assert!(left.is_empty() && !world.home().join("identity").exists(), "{what}: {left:?}");
        }
        if number % 2 == 0 {
            let again = if number % 4 == 0 {
                Fault::Stop(number / 4 % 37)
            } else {
                Fault::Fail(number / 4 % 37, ErrorKind::Other)
            };
            let _ = again.during(under, || world.init());
            trials.in_recovery += 1;
        }
        let founded = match world.try_open() {
            Ok(_) => true,
            Err(error) => {
                assert!(
                    ["init-unfinished", "no-service"].contains(&error.code()),
                    "{what}: {error}"
                );
                false
            }
        };
        let again = world.init();
        match founded {
            true => assert_eq!(again.unwrap_err().code(), "output-exists", "{what}"),
            false => again.unwrap_or_else(|error| panic!("{what}: cannot begin anew: {error}")),
        }
        assert!(
            founded || outcome.is_err() || number % 2 == 0,
            "{what}: said to be founded, but it is not"
        );
        let service = world.open();
        assert_eq!(violations(&world, &service), [""; 0], "{what}");
        let shares = (1..=3).map(|i| format!("custodian-{i}.1.share")).collect::<BTreeSet<_>>();
        assert_eq!(names(&world.path("shares")), shares, "{what}");
        drop(service);
        // Each custodian finds their share to be the one that this ledger speaks of.
        if matches!(fault, Fault::Stop(_)) {
            world.receive().unwrap();
            world.research("benefits", "2026-06-30").unwrap();
            world.code("benefits", "study", &PEOPLE).unwrap();
        }
    }
    eprintln!("init: {trials:?}");
    assert!(trials.stops == trials.steps && trials.torn > 0);
}

/// A last record whose checkpoint never came is cut off or covered; one that had its checkpoint is
/// missed.
#[test]
fn the_last_record_cut_at_every_byte() {
    let world = World::founded(2, 2);
    population(&world);
    fs::create_dir(world.path("out")).unwrap();
    let ledger = world.home().join("ledger.jsonl");
    drop(world.open());
    let snapshot = Snapshot::of(&world);
    let whole = fs::read(&ledger).unwrap().len();
    let under = world.directory.path();
    let steps = trace(under, || world.code("population", "out/batch", &PEOPLE).unwrap());
    let done = Snapshot::of(&world);
    let after = facts(&world.open());
    // Which steps write a line: the ledger grows there.
    let mut lines = Vec::new();
    let mut length = whole;
    for step in steps.iter().enumerate().filter(|(_, step)| **step == Step::Write).map(|(n, _)| n) {
        snapshot.restore(&world);
        let _ = stop_after(under, step + 1, || world.code("population", "out/batch", &PEOPLE));
        let now = fs::read(&ledger).unwrap().len();
        if now > length {
            lines.push((step, length, now));
            length = now;
        }
    }
    assert_eq!(lines.len(), 5, "proposed, intent, cosigned, coded, destroyed");

    let mut trials = 0;
    for (number, (step, from, to)) in lines.into_iter().enumerate() {
        snapshot.restore(&world);
        let before = facts(&world.open());
        let _ = stop_after(under, step + 1, || world.code("population", "out/batch", &PEOPLE));
        let stopped = Snapshot::of(&world);
        let changed = fs::metadata(world.path("out/batch.request"))
            .map_or(UNIX_EPOCH, |data| data.modified().unwrap());
        // What comes before the result is long.
        for cut in (from..=to).step_by(if number < 3 { 11 } else { 1 }).chain([to]) {
            stopped.restore_home(&world);
            if number == 3 {
                // The very request: it is known by its length and time.
                let request = world.path("out/batch.request");
                fs::write(&request, PEOPLE.join("\n")).unwrap();
                fs::File::options()
                    .write(true)
                    .open(&request)
                    .unwrap()
                    .set_modified(changed)
                    .unwrap();
            }
            fs::File::options().write(true).open(&ledger).unwrap().set_len(cut as u64).unwrap();
            let (service, said) = world.reopen().unwrap();
            assert_eq!(
                said.contains(&Recovered::EventCut),
                from < cut && cut < to,
                "{cut} of {from} to {to}"
            );
            assert_eq!(said.contains(&Recovered::EventCovered), cut == to);
            // Question and intent leave nothing; the result stands before its event is written.
            assert_eq!(facts(&service), if number < 3 { &before } else { &after }.clone());
            assert!(service.state().open_questions().is_empty());
            assert_eq!(violations(&world, &service), [""; 0]);
            trials += 1;
        }
    }

    done.restore(&world);
    let bytes = fs::read(&ledger).unwrap();
    let last = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for cut in last..bytes.len() {
        done.restore(&world);
        fs::write(&ledger, &bytes[..cut]).unwrap();
        assert_eq!(
            world.try_open().err().unwrap().code(),
            "ledger-short",
            "a covered record, cut at {cut}"
        );
        assert_eq!(fs::read(&ledger).unwrap().len(), cut, "nothing is mended");
        trials += 1;
    }
    eprintln!("the last record: {trials} trials");
}

/// A run whose rows are refused leaves nothing, whatever fails while it is given up.
#[test]
fn a_refused_run_leaves_nothing() {
    let world = World::founded(2, 2);
    population(&world);
    fs::create_dir(world.path("out")).unwrap();
    let snapshot = Snapshot::of(&world);
    let before = facts(&world.open());
    let under = world.directory.path();
    let steps = trace(under, || world.code_changed("population", "out/batch").unwrap_err());
    for fault in Fault::all(&steps) {
        snapshot.restore(&world);
        let refused =
            fault.during(under, || world.code_changed("population", "out/batch")).unwrap_err();
        assert!(["request-changed", "disk-full", "file-io"].contains(&refused.code()));
        let service = world.open();
        assert_eq!(
            (facts(&service), violations(&world, &service)),
            (before.clone(), vec![]),
            "{fault:?}"
        );
        assert_eq!(fs::read_to_string(world.path("out/batch.request")).unwrap(), PEOPLE.join("\n"));
    }
}

/// A question that is given up is recorded as lapsed, or is ended by the next command.
#[test]
fn a_withdrawn_question_leaves_nothing() {
    let world = World::founded(2, 2);
    population(&world);
    let snapshot = Snapshot::of(&world);
    let before = facts(&world.open());
    let under = world.directory.path();
    let withdrawn = || world.withdrawn("income").unwrap_err().code();
    let steps = trace(under, || assert_eq!(withdrawn(), "request-changed"));
    for fault in Fault::all(&steps) {
        snapshot.restore(&world);
        let refused = fault.during(under, withdrawn);
        assert!(["request-changed", "disk-full", "file-io"].contains(&refused), "{fault:?}");
        let service = world.open();
        assert_eq!(facts(&service), before, "{fault:?}");
        assert_eq!(violations(&world, &service), [""; 0], "{fault:?}");
        assert!(service.state().open_questions().is_empty(), "{fault:?}");
        drop(service);
        world.statistics("income").unwrap();
    }
}

/// Kits that stop, fail or are torn while they consent, hand their share over and see the end: the
/// run has its result or leaves nothing, and their custodians go on.
#[test]
fn kits_disturbed_at_every_step() {
    let world = World::founded(2, 2);
    to_code(&world);
    let snapshot = Snapshot::of(&world);
    let before = facts(&world.open());
    let kits = world.kits_directory.path();
    let steps = trace(kits, || code_batch(&world).unwrap());
    let after = facts(&world.open());
    let (mut done, mut undone) = (0, 0);
    for fault in Fault::all(&steps) {
        snapshot.restore(&world);
        let outcome = fault.during(kits, || code_batch(&world));
        let service = world.open();
        let found = facts(&service);
        assert!(found == before || found == after, "{fault:?}: neither before nor after");
        assert_eq!(violations(&world, &service), [""; 0], "{fault:?}");
        assert!(found == after || outcome.is_err(), "{fault:?}: said to be done");
        drop(service);
        match found == after {
            true => done += 1,
            false => {
                undone += 1;
                code_batch(&world).unwrap_or_else(|error| panic!("{fault:?}: {error}"));
            }
        }
        is_coded(&world);
        for kit in [0, 1] {
            world.check(kit);
            let card = world.kit(kit).card().fingerprint();
            let words: Vec<_> = spoken(&card).split('-').take(2).map(str::to_owned).collect();
            let key = format!("card-{}.key", words.join("-"));
            let usual = [
                "card.json",
                &key,
                "identity",
                "ledger.zst",
                "memory",
                "receipt-1-held.json",
                "share-1",
            ];
            assert_eq!(names(&world.kits[kit]), usual.map(str::to_owned).into(), "{fault:?}");
        }
    }
    eprintln!("kits: {} steps, {done} done, {undone} undone", steps.len());
    assert!(done > 10 && undone > 10);
}

/// A result that a stopped process named may not be on disk under its name yet: that comes before
/// its request goes.
#[test]
fn a_finished_result_is_durable_before_its_request_goes() {
    let world = World::founded(2, 2);
    population(&world);
    fs::create_dir(world.path("out")).unwrap();
    let (under, out) = (world.directory.path(), world.path("out"));
    let code = || world.code("population", "out/batch", &PEOPLE);
    let snapshot = Snapshot::of(&world);
    let steps = trace(under, || code().unwrap());
    for (n, step) in steps.into_iter().enumerate() {
        snapshot.restore(&world);
        let _ = stop_after(under, n, code);
        // The first stop after the rename.
        if world.path("out/batch.result").exists() {
            assert_eq!(step, Step::SyncDirectory);
            let mended = trace(&out, || drop(world.open()));
            assert_eq!(mended[..2], [Step::SyncDirectory, Step::Overwrite], "{mended:?}");
            return;
        }
    }
    panic!("no result");
}

/// The checks above find what a broken recovery would leave.
#[test]
fn the_checks_find_what_is_wrong() {
    let world = World::founded(2, 2);
    project(&world);
    let snapshot = Snapshot::of(&world);
    let home = world.home();
    let wrongs: [(&str, &dyn Fn()); 9] = [
        ("keys/ has income.1.1.key", &|| {
            fs::copy(home.join("keys/population.1.1.key"), home.join("keys/income.1.1.key"))
                .map(|_| ())
                .unwrap();
        }),
        ("keys/ lacks benefits.1.1.key", &|| {
            fs::remove_file(home.join("keys/benefits.1.1.key")).unwrap()
        }),
        ("life/ has asthma.life", &|| fs::write(home.join("life/asthma.life"), [7; 32]).unwrap()),
        ("life/ lacks benefits.life", &|| {
            fs::remove_file(home.join("life/benefits.life")).unwrap()
        }),
        ("no event speaks of", &|| {
            fs::copy(world.path("known.result"), world.path("x.result")).map(|_| ()).unwrap()
        }),
        ("not whole", &|| fs::write(world.path("known.result"), "half").unwrap()),
        ("the request of delivery", &|| fs::write(world.path("known.request"), "again").unwrap()),
        ("a temporary is left", &|| fs::write(home.join("outbox/.x.cstatns-tmp"), "x").unwrap()),
        ("the home has founding.json", &|| fs::write(home.join("founding.json"), "{}").unwrap()),
    ];
    for (expected, wrong) in wrongs {
        snapshot.restore(&world);
        let service = world.open();
        assert_eq!(violations(&world, &service), [""; 0]);
        wrong();
        let found = violations(&world, &service);
        assert!(found.iter().any(|one| one.contains(expected)), "{expected}: {found:?}");
    }
    // A recovery that does nothing: the state is read, and nobody has mended it.
    snapshot.restore(&world);
    let under = world.directory.path();
    let torn = (0..60).filter(|n| {
        snapshot.restore(&world);
        let mut service = world.open();
        let action = cstatns::proposal::Action::Close { domain: name("benefits") };
        let quorum = world.quorum(&mut service, action).unwrap();
        let _ = stop_after(under, *n, || service.close(quorum));
        !violations(&world, &service).is_empty()
    });
    assert!(torn.count() >= 20, "an unmended home is seen to be one");
}
