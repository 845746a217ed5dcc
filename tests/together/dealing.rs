//! A second dealing: other custodians, another threshold, a new root, and what of the former one
//! still opens something.

use crate::common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use cstatns::audit::verify;
use cstatns::code::Generation;
use cstatns::coded::Coded as _;
use cstatns::custody::custodian::Kit;
use cstatns::dealing::{Epoch, Threshold};
use cstatns::domain::{KeyState, RenewalReason};
use cstatns::files::Step;
use cstatns::files::faults::{fail_at, trace, watch};
use cstatns::ledger::event::KeyRef;
use cstatns::party::Role;
use cstatns::proposal::Action;
use cstatns::receipt::Doubted;
use cstatns::service::{Clock as _, ServiceError};
use cstatns::state::Refusal;
use jiff::SignedDuration;

use common::crash::{names, violations};
use common::{PEOPLE, World, generation, name, party_card, to_open};

/// Two of three custodians, a statistical domain with two generations and a project, with codes.
fn office() -> World {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    world.research("benefits", "2026-06-30").unwrap();
    world.code("population", "known", &PEOPLE).unwrap();
    world.code("benefits", "study", &PEOPLE).unwrap();
    world
}

/// The keys that are there code as they did.
fn codes_as_before(world: &World, file: &str) {
    for (domain, known) in [("population", "known"), ("benefits", "study")] {
        let again = format!("{file}-{domain}");
        world.code(domain, &again, &PEOPLE).unwrap();
        assert_eq!(world.codes(&again), world.codes(known), "{domain}");
    }
}

fn seals(world: &World) -> Vec<String> {
    names(&world.home().join("keys")).into_iter().collect()
}

fn sealed_in(epoch: u32) -> Vec<String> {
    ["benefits.1", "population.1", "population.2"].map(|key| format!("{key}.{epoch}.key")).into()
}

fn code_of<T>(outcome: Result<T, ServiceError>) -> &'static str {
    outcome.err().expect("it was not refused").code()
}

fn in_order(world: &World) {
    let (home, service) = (world.home(), world.open());
    assert_eq!(violations(world, &service), [""; 0]);
    let audit = verify(&home.join("ledger.jsonl"), service.card(), &[], &[]).unwrap();
    assert!(audit.holds(), "{audit}");
}

#[test]
fn new_shares_open_every_key_and_the_former_open_none() {
    let mut world = office();
    // Custodian 1 leaves, a fourth comes, three are needed from now on.
    let newcomer = world.kits_directory.path().join("kit-4");
    let card = Kit::create(&newcomer, name("custodian-4"), false, None).unwrap();
    let mut cards = world.draw_cards(&[1, 2]);
    cards.push(card);
    let dealt = world.deal_to(3, cards.clone(), Vec::new()).unwrap();
    assert_eq!((dealt.dealing.epoch, dealt.shares.len()), (Epoch(2), 3));
    let state = &world.open().state().clone();
    assert_eq!(state.epochs()[&Epoch(2)].by, [name("custodian-1"), name("custodian-2")]);

    // Until the last receipt is there the former shares open the keys, and nothing is put under
    // their root alone.
    assert_eq!(seals(&world), [sealed_in(1), sealed_in(2)].concat().sorted());
    codes_as_before(&world, "meanwhile");
    let pending = Refusal::DealingPending { epoch: Epoch(2) };
    let key = Action::NewKey {
        domain: name("population"),
        generation: generation(3),
        reason: RenewalReason::Scheduled,
    };
    let threshold = Threshold::new(3, 3).unwrap();
    let second =
        Action::Deal { epoch: Epoch(3), threshold, cards: cards.clone(), left_behind: vec![] };
    for action in [to_open("income"), key, second] {
        assert_eq!(state.allows(&action, world.clock.now()), Err(pending.clone()));
    }
    let kits = [world.kits[1].clone(), world.kits[2].clone(), newcomer];
    for (kit, left) in kits.iter().zip([2, 1, 0]) {
        assert_eq!(world.open().state().working_epoch().unwrap().0, Epoch(1), "{left} to come");
        let receipt = world.accept(kit);
        world.open().receipt(receipt).unwrap();
    }
    in_order(&world);

    // The former root opens nothing any more, and the files of the shares are gone.
    assert_eq!(seals(&world), sealed_in(2));
    assert_eq!(names(&world.path("shares")).len(), 0);
    assert!(!world.home().join("shares.2.json").exists());
    let asked = world.code("population", "refused", &PEOPLE);
    assert_eq!(code_of(asked), "not-in-roster");
    (world.kits, world.k) = (kits.into(), 3);
    codes_as_before(&world, "afterwards");
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    world.statistics("income").unwrap();
    in_order(&world);
}

#[test]
fn a_dealing_that_is_given_up_leaves_nothing_and_its_number_is_not_used_again() {
    let world = office();
    world.deal().unwrap();
    let receipt = world.accept(&world.kits[0]);
    world.open().receipt(receipt).unwrap();
    let late = world.accept(&world.kits[1]);
    assert_eq!(code_of(world.abandon(1)), "no-dealing");
    world.abandon(2).unwrap();
    assert_eq!(seals(&world), sealed_in(1));
    assert_eq!(names(&world.path("shares")).len(), 0);
    assert_eq!(code_of(world.open().receipt(late)), "dealing-abandoned");
    assert_eq!(code_of(world.abandon(2)), "no-dealing");
    in_order(&world);
    codes_as_before(&world, "afterwards");
    world.statistics("income").unwrap();

    // The custodians may forget its shares; those in use they may not.
    world.forget(0, 2).unwrap();
    assert_eq!(code_of(world.forget(0, 1)), "share-in-use");
    // What was approved before is not what is dealt now.
    world.deal().unwrap();
    assert_eq!(world.open().state().next_epoch(), Epoch(4));
    world.receive().unwrap();
    assert_eq!(world.open().state().working_epoch().unwrap().0, Epoch(3));
    codes_as_before(&world, "under-3");
    in_order(&world);
}

/// What was dealt once is not dealt again: to forget a share would mean nothing.
#[test]
fn a_card_serves_one_dealing() {
    let world = office();
    let cards = |kits: &[usize]| -> Vec<_> {
        kits.iter().map(|kit| world.kit(*kit).card().clone()).collect()
    };
    assert_eq!(code_of(world.deal_to(2, cards(&[0, 1, 2]), vec![])), "card-used");
    world.deal().unwrap();
    let dealt = cards(&[0, 1, 2]);
    world.abandon(2).unwrap();
    assert_eq!(code_of(world.deal_to(2, dealt, vec![])), "card-used");
    let twice = world.draw_cards(&[0, 1, 1]);
    assert_eq!(code_of(world.deal_to(2, twice, vec![])), "card-twice");
    let four = world.draw_cards(&[0, 1]);
    assert_eq!(code_of(world.deal_to(1, four, vec![])), "threshold");
    // Nobody was asked for any of it, and no number was spent.
    assert_eq!(world.open().state().next_epoch(), Epoch(3));
    in_order(&world);
}

/// Without its seals an epoch opens nothing: it does not begin, and the way back is open.
#[test]
fn an_epoch_whose_seals_are_missing_does_not_begin() {
    let world = office();
    world.deal().unwrap();
    let seal = world.home().join("keys/population.1.2.key");
    let kept = fs::read(&seal).unwrap();
    let other = fs::read(world.home().join("keys/population.2.2.key")).unwrap();
    fs::write(&seal, other).unwrap();
    world.receive().unwrap();
    let service = world.open();
    assert_eq!(service.state().working_epoch().unwrap().0, Epoch(1));
    assert_eq!(service.unpaid().unwrap().code(), "seal");
    assert_eq!(seals(&world), [sealed_in(1), sealed_in(2)].concat().sorted());
    drop(service);
    // The former custodians decide nothing more than that it is given up.
    let coded = world.code("population", "refused", &PEOPLE);
    assert_eq!(code_of(coded), "unfinished");

    let before = common::crash::Snapshot::of(&world);
    world.abandon(2).unwrap();
    assert_eq!(seals(&world), sealed_in(1));
    codes_as_before(&world, "given-up");
    in_order(&world);

    before.restore(&world);
    fs::write(&seal, kept).unwrap();
    assert_eq!(world.open().state().working_epoch().unwrap().0, Epoch(2));
    assert_eq!(seals(&world), sealed_in(2));
    codes_as_before(&world, "put-back");
    in_order(&world);
}

/// One rotten seal does not keep the others from new custodians: it is named, and lost.
#[test]
fn a_key_that_does_not_open_is_left_behind_by_name() {
    let world = office();
    let seal = world.home().join("keys/population.1.1.key");
    let mut rotten = String::from_utf8(fs::read(&seal).unwrap()).unwrap();
    let at = rotten.find("\"sealed\":\"").unwrap() + 10;
    let digit = if &rotten[at..=at] == "0" { "1" } else { "0" };
    rotten.replace_range(at..=at, digit);
    fs::write(&seal, rotten).unwrap();
    let all = [0, 1, 2];
    assert_eq!(code_of(world.deal_to(2, world.draw_cards(&all), vec![])), "seal");
    // The run had begun: its number is spent, and it has left nothing.
    assert_eq!(world.open().state().next_epoch(), Epoch(3));
    assert_eq!((seals(&world), names(&world.path("shares")).len()), (sealed_in(1), 0));

    // One that is not there is found before anybody is asked.
    fs::remove_file(&seal).unwrap();
    let size = world.ledger().history.size();
    assert_eq!(code_of(world.deal_to(2, world.draw_cards(&all), vec![])), "seal");
    assert_eq!(world.ledger().history.size(), size);
    let key =
        |domain: &str, number| KeyRef { domain: name(domain), generation: generation(number) };
    for wrong in [
        vec![key("income", 1)],
        vec![key("population", 3)],
        vec![key("population", 2), key("population", 1)],
    ] {
        assert_eq!(code_of(world.deal_to(2, world.draw_cards(&all), wrong)), "left-behind");
    }
    world.deal_to(2, world.draw_cards(&all), vec![key("population", 1)]).unwrap();
    let state = |world: &World| {
        let service = world.open();
        let domain = service.state().domain(&name("population")).unwrap();
        domain.key(Generation::FIRST).unwrap().state
    };
    assert_eq!(state(&world), KeyState::ChainOnly);
    world.receive().unwrap();
    assert_eq!(state(&world), KeyState::Lost);
    in_order(&world);
    assert_eq!(seals(&world), ["benefits.1.3.key", "population.2.3.key"]);
    world.code("benefits", "again", &PEOPLE).unwrap();
    assert_eq!(world.codes("again"), world.codes("study"));
    assert_eq!(code_of(world.code("population", "refused", &PEOPLE)), "key-lost");
}

/// A project that ends while a dealing waits ends, and the dealing begins without its key.
#[test]
fn a_project_that_ends_meanwhile_keeps_nobody_back() {
    let world = office();
    world.deal().unwrap();
    world.close("benefits").unwrap();
    assert_eq!(
        seals(&world),
        ["population.1.1.key", "population.1.2.key", "population.2.1.key", "population.2.2.key"]
    );
    world.receive().unwrap();
    assert_eq!(world.open().state().working_epoch().unwrap().0, Epoch(2));
    assert_eq!(seals(&world), ["population.1.2.key", "population.2.2.key"]);
    in_order(&world);
}

/// What is destroyed here is destroyed in the mirror, and what is sealed here is sealed there.
#[test]
fn a_mirror_holds_what_the_present_shares_open() {
    let mut world = World::new(2, 3);
    world.mirrors = vec![world.path("mirror")];
    world.init().unwrap();
    world.receive().unwrap();
    world.statistics("population").unwrap();
    let mirrored = || names(&world.path("mirror/keys")).into_iter().collect::<Vec<_>>();
    world.deal().unwrap();
    assert_eq!(mirrored(), ["population.1.1.key", "population.1.2.key"]);
    world.receive().unwrap();
    assert_eq!(mirrored(), ["population.1.2.key"]);
}

/// Backups of `keys/` hold the seals of an epoch that is over, and its shares open them: until so
/// many are stated destroyed that the rest cannot, or the keys are others.
#[test]
fn what_former_shares_may_still_open_is_said() {
    let world = office();
    let exposed = || {
        let service = world.open();
        let status = service.status();
        let ledger = world.home().join("ledger.jsonl");
        let audit = verify(&ledger, service.card(), &[], &[]).unwrap();
        let noticed = audit.notices.iter().any(|notice| notice.code == "epoch-exposed");
        assert_eq!(audit.exposures, status.exposures);
        let alarm = status.exposures.iter().any(|exposure| exposure.is_alarm());
        assert_eq!(noticed, alarm);
        let in_order = status.is_in_order();
        (alarm, status.exposures, in_order)
    };
    assert_eq!(exposed().1, []);
    world.deal().unwrap();
    assert_eq!(exposed().1, []);
    world.receive().unwrap();
    let (alarm, exposures, in_order) = exposed();
    let [exposure] = &exposures[..] else { panic!("{exposures:?}") };
    assert!(alarm && !in_order);
    assert_eq!((exposure.epoch, exposure.needed, exposure.unforgotten.len()), (Epoch(1), 2, 3));
    assert_eq!(exposure.domains, [name("benefits"), name("population")]);

    // Two of three forget: the one that is left opens nothing.
    let before = common::crash::Snapshot::of(&world);
    world.forget(0, 1).unwrap();
    assert!(exposed().0);
    world.forget(2, 1).unwrap();
    let (alarm, exposures, _) = exposed();
    assert!(!alarm);
    assert_eq!(exposures[0].unforgotten, [name("custodian-2")]);
    world.forget(1, 1).unwrap();
    assert_eq!(exposed().1, []);
    assert_eq!(code_of(world.forget(1, 1)), "receipt-known");

    // Nobody forgets: new keys end it, and the end of a project.
    before.restore(&world);
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    assert_eq!(exposed().1[0].domains, [name("benefits")]);
    world.close("benefits").unwrap();
    let (alarm, exposures, _) = exposed();
    assert!(!alarm);
    assert_eq!((exposures[0].unforgotten.len(), exposures[0].domains.len()), (3, 0));
}

/// What was dealt and given up had sealed the keys as well.
#[test]
fn a_dealing_that_was_given_up_may_be_exposed() {
    let world = office();
    world.deal().unwrap();
    world.abandon(2).unwrap();
    let exposures = world.open().status().exposures;
    assert!(exposures[0].is_alarm(), "{exposures:?}");
    assert_eq!(exposures[0].epoch, Epoch(2));
    for kit in 0..3 {
        world.forget(kit, 2).unwrap();
    }
    assert_eq!(world.open().status().exposures, []);
}

/// From the last receipt on, approvals of the former custodians begin nothing, however early they
/// were given.
#[test]
fn approvals_of_former_custodians_begin_nothing() {
    let world = office();
    world.deal().unwrap();
    let mut service = world.open();
    let close = Action::Close { domain: name("benefits") };
    let draft = service.propose(close, SignedDuration::from_mins(10)).unwrap();
    let quorum = service
        .gather(draft, |gathering| {
            gathering.wait_for_others();
            world.sent(gathering, &[0, 1])?;
            // Meanwhile the last receipt comes in.
            world.receive()
        })
        .map(drop);
    assert_eq!(code_of(quorum), "proposal-epoch");
    drop(service);
    let service = world.open();
    assert_eq!(service.state().working_epoch().unwrap().0, Epoch(2));
    assert!(service.state().domain(&name("benefits")).unwrap().destroyed.is_none());
    drop(service);
    in_order(&world);
}

/// A doubt about a dealing that does not work yet outlives it: what waits, waits for a later one.
#[test]
fn a_doubt_about_the_custody_is_answered_by_a_dealing_that_works() {
    let world = office();
    let doubt = |epoch, kit| {
        let about = Doubted::Custody { epoch: Epoch(epoch) };
        let doubt = world.kit(kit).doubt(about, world.ledger().view(), world.clock.now()).unwrap();
        world.open().doubt(doubt).unwrap();
    };
    let next_key = |world: &World| world.new_key("population", RenewalReason::Doubt);
    world.deal().unwrap();
    doubt(2, 0);
    assert_eq!(code_of(next_key(&world)), "dealing-pending");
    world.abandon(2).unwrap();
    assert_eq!(code_of(next_key(&world)), "custody-doubted");
    world.deal().unwrap();
    world.receive().unwrap();
    // The keys that were present are doubted until there are others.
    assert_eq!(code_of(world.code("population", "refused", &PEOPLE)), "key-doubted");
    next_key(&world).unwrap();
    world.code("population", "coded", &PEOPLE).unwrap();
    in_order(&world);
}

/// Stopped by the disk at any step, a dealing leaves the former one and nothing else; its number is
/// spent once its run had begun.
#[test]
fn a_dealing_that_fails_leaves_nothing() {
    let world = office();
    let before = common::crash::Snapshot::of(&world);
    let cards = world.draw_cards(&[0, 1, 2]);
    let drawn = common::crash::Snapshot::of(&world);
    let under = world.directory.path();
    let steps = trace(under, || world.deal_to(2, cards.clone(), vec![]).map(|_| ()).unwrap()).len();
    let (mut failed, mut spent) = (0, 0);
    for step in (0..steps).step_by(3) {
        drawn.restore(&world);
        let outcome = fail_at(under, step, std::io::ErrorKind::StorageFull, || {
            world.deal_to(2, cards.clone(), vec![]).map(|_| ())
        });
        if outcome.is_ok() {
            continue;
        }
        failed += 1;
        let service = world.open();
        if service.state().pending_epoch().is_none() {
            spent += usize::from(service.state().next_epoch() == Epoch(3));
            assert_eq!(
                names(&world.home().join("keys")).into_iter().collect::<Vec<_>>(),
                sealed_in(1),
                "step {step}"
            );
            assert!(
                !world.path("shares").exists() || names(&world.path("shares")).is_empty(),
                "step {step}"
            );
        }
        assert_eq!(violations(&world, &service), [""; 0], "step {step}");
    }
    assert!(failed > 10 && spent > 3, "{failed}, {spent}");
    drop(before);
}

/// A disk that does not hold what was written to it: nothing is dealt under a root that does not
/// open what lies there.
#[test]
fn a_dealing_whose_seals_do_not_open_as_they_lie_is_none() {
    for (spoilt, code) in [
        ("population.2.2.key", "seal"),
        ("benefits.1.2.key", "seal"),
        (".2.request", "request-key-seal"),
    ] {
        let world = office();
        world.register(&party_card("office", 1), Role::Controller, &["population"]).unwrap();
        world.request_key("office", "population").unwrap();
        let cards = world.draw_cards(&[0, 1, 2]);
        let files = Arc::new(Mutex::new(BTreeSet::new()));
        let watcher = {
            let files = Arc::clone(&files);
            move |step, path: &Path| {
                if step != Step::SyncDirectory {
                    return;
                }
                // What has its name here is whole, and another one from now on.
                let new = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
                for file in new.filter(|file| file.to_str().unwrap().ends_with(spoilt)) {
                    if files.lock().unwrap().insert(file.clone()) {
                        let mut bytes = fs::read(&file).unwrap();
                        let middle = bytes.len() / 2;
                        bytes[middle] = if bytes[middle] == b'0' { b'1' } else { b'0' };
                        fs::write(&file, bytes).unwrap();
                    }
                }
            }
        };
        let under = world.directory.path();
        let outcome = watch(under, watcher, || world.deal_to(2, cards, vec![]).map(drop));
        assert!(!files.lock().unwrap().is_empty(), "{spoilt}");
        assert_eq!(code_of(outcome), code, "{spoilt}");
        let service = world.open();
        assert!(service.state().pending_epoch().is_none(), "{spoilt}");
        // A key that is not as the run wrote it might be somebody's: it is left to them.
        let mut left = violations(&world, &service);
        left.retain(|left| *left != format!("keys/ has {spoilt}, of which nothing speaks"));
        assert_eq!(left, [""; 0], "{spoilt}");
        drop(service);
        codes_as_before(&world, "afterwards");
        world.deal().unwrap();
        world.receive().unwrap();
        codes_as_before(&world, "under-3");
    }
}

trait Sorted {
    fn sorted(self) -> Self;
}

impl Sorted for Vec<String> {
    fn sorted(mut self) -> Self {
        self.sort();
        self
    }
}
