//! The service's signing key: another one in its place, and a copy for the safe (SPEC §8, §13).

use crate::common;

use std::fs;
use std::path::{Path, PathBuf};
use std::slice::from_ref;

use cstatns::audit::{Audit, verify};
use cstatns::card::ServiceCard;
use cstatns::coded::Coded as _;
use cstatns::domain::RenewalReason;
use cstatns::evidence::Stated;
use cstatns::files::faults;
use cstatns::ledger::checkpoint_path;
use cstatns::ledger::event::{Event, Line};
use cstatns::name::{Hex, canonical_json};
use cstatns::proposal::Action;
use cstatns::receipt::Receipt;
use cstatns::service::{
    Clock as _, Opening, Recovery, Service, ServiceError, Sources, read_service_card,
};
use cstatns::state::{Snapshot as Folded, read_ledger};
use ed25519_dalek::SigningKey;
use jiff::SignedDuration;

use common::crash::{Snapshot, copy_tree, violations};
use common::{PEOPLE, World, name, read_lines, scratch};

fn opening() -> Opening<'static> {
    Opening { read: Some(&read_lines), ..Opening::of(name("rekey")) }
}

fn next(world: &World) -> ServiceCard {
    Service::next_card(&world.home(), &opening()).unwrap()
}

fn accept(world: &World, kit: usize, card: &ServiceCard) -> Receipt {
    world.kit(kit).accept_service(card, world.ledger().view(), world.clock.now()).unwrap()
}

fn rekey(world: &World, statements: Vec<Receipt>) -> Result<Service, ServiceError> {
    let clock = world.clock.clone();
    Service::rekey(&world.home(), clock, opening(), statements).map(|(service, _)| service)
}

/// The whole way, with the first k custodians.
pub(super) fn rekeyed(world: &World) -> ServiceCard {
    let card = next(world);
    let statements = (0..world.k).map(|kit| accept(world, kit, &card)).collect();
    rekey(world, statements).unwrap();
    card
}

pub(super) fn recover(world: &World, of: &[usize]) -> Result<Service, ServiceError> {
    let kits = of.iter().map(|kit| world.kit(*kit)).collect();
    let sources = Sources { kits, ..Sources::default() };
    let recovery = Recovery::look(&world.home(), sources, world.clock.clone())?;
    recovery.carry_out(Some(&read_lines)).map(|(service, _)| service)
}

fn card(world: &World) -> ServiceCard {
    read_service_card(&world.home().join("card.json")).unwrap()
}

fn words(world: &World) -> Vec<&'static str> {
    let text = fs::read_to_string(world.home().join("ledger.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Line>(line).unwrap());
    lines.map(|line| line.event.word()).collect()
}

fn audit(world: &World, card: &ServiceCard, old: &[PathBuf], witnesses: &[PathBuf]) -> Audit {
    verify(&world.home().join("ledger.jsonl"), card, old, witnesses).unwrap()
}

fn codes(audit: &Audit) -> Vec<&'static str> {
    audit.failures().map(|finding| finding.code).collect()
}

fn all_follow(world: &World) {
    for kit in 0..world.kits.len() {
        world.check(kit);
    }
}

/// A service of three with a run, its first card, and a copy of the checkpoint.
fn in_use() -> (World, ServiceCard, PathBuf) {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    world.code("population", "first", &PEOPLE).unwrap();
    let first = card(&world);
    let kept = world.path("kept");
    fs::copy(checkpoint_path(&world.home().join("ledger.jsonl")), &kept).unwrap();
    (world, first, kept)
}

fn evidence(world: &World, kit: usize) -> PathBuf {
    let path = world.path(&format!("evidence-{kit}"));
    fs::write(&path, canonical_json(&world.kit(kit).evidence().unwrap())).unwrap();
    path
}

#[test]
fn another_key_signs_once_a_quorum_has_accepted_its_card() {
    let (world, first, kept) = in_use();
    let before = evidence(&world, 0);
    // One that was drawn before and never recorded may have been stolen with the present one.
    let before_it = self::next(&world);
    let stale = [0, 1].map(|kit| accept(&world, kit, &before_it)).into();
    let next = next(&world);
    assert_ne!(before_it, next);
    assert_eq!(rekey(&world, stale).err().unwrap().code(), "service-key-other");
    assert_eq!(next.id(), first.id());
    assert!(next.is_sound() && !next.is_first() && first.is_first());

    let one = accept(&world, 0, &next);
    assert_eq!(accept(&world, 0, &next), one, "a statement that is made is given again");
    let error = rekey(&world, vec![one.clone()]).err().unwrap();
    assert_eq!(error.code(), "too-few-approvals");
    assert_eq!(card(&world), first);
    // The kit says that the ledger does not hold what it has stated.
    assert_eq!(world.kit(0).remarks(world.ledger().view()).unwrap().len(), 2);

    let service = rekey(&world, vec![accept(&world, 1, &next), one]).unwrap();
    assert_eq!((service.card(), card(&world)), (&next, next.clone()));
    let event = service.history().size();
    drop(service);
    assert!(!world.home().join("identity.new").exists());
    assert!(world.kit(0).remarks(world.ledger().view()).unwrap().is_empty());

    world.code("population", "second", &PEOPLE).unwrap();
    all_follow(&world);
    let (known, mut service) = (world.kit(2).service().cloned(), world.open());
    assert_eq!(known.as_ref(), Some(&first), "a kit knows the service by its first card");
    service.receipt(world.check(2)).unwrap();
    drop(service);

    // Auditors hold the first card or the present one; old checkpoints and evidence stay good.
    let after = evidence(&world, 1);
    for card in [&first, &next] {
        let audit = audit(&world, card, from_ref(&kept), &[before.clone(), after.clone()]);
        assert!(audit.holds(), "{audit}");
        let notices: Vec<_> =
            audit.notices.iter().map(|notice| (notice.code, notice.event)).collect();
        assert_eq!(notices, [("rekeyed", event)]);
    }
    // A card of another key is not of this ledger.
    let stranger = ServiceCard::successor(first.id(), &SigningKey::from_bytes(&[9; 32]));
    assert_eq!(codes(&audit(&world, &stranger, &[], &[])), ["service-key-unknown"]);

    // And once more.
    let third = rekeyed(&world);
    assert_ne!(third, next);
    world.code("population", "third", &PEOPLE).unwrap();
    assert!(audit(&world, &next, &[kept], &[after]).holds());
}

#[test]
fn only_statements_of_this_quorum_about_this_card_count() {
    let (world, first, _) = in_use();
    let next = next(&world);
    let good: Vec<Receipt> = (0..2).map(|kit| accept(&world, kit, &next)).collect();
    let refused = |statements: Vec<Receipt>| {
        let mut words = words(&world);
        let error = rekey(&world, statements).err().unwrap();
        words.push("refused");
        assert_eq!(self::words(&world), words, "nothing else is recorded");
        assert_eq!(card(&world), first);
        error.code()
    };
    // Another key, and the key that it replaces.
    let other = ServiceCard::successor(first.id(), &SigningKey::from_bytes(&[9; 32]));
    let about_another = accept(&world, 1, &other);
    assert_eq!(refused(vec![good[0].clone(), about_another.clone()]), "service-key-other");
    // One custodian twice.
    assert_eq!(refused(vec![good[0].clone(), good[0].clone()]), "too-few-approvals");
    // Not signed, of another service, about another ledger, dated ahead.
    let mut changed = good[1].clone();
    changed.body.count += 1;
    assert_eq!(refused(vec![good[0].clone(), changed]), "statement-signature");
    let stranger = World::founded(2, 3);
    let foreign = accept(&stranger, 1, &self::next(&stranger));
    assert_eq!(refused(vec![good[0].clone(), foreign]), "receipt-other-service");
    let ahead = world.clock.now() + SignedDuration::from_hours(30);
    let third = world.kit(2).accept_service(&next, world.ledger().view(), ahead).unwrap();
    assert_eq!(refused(vec![good[0].clone(), third.clone()]), "receipt-date");
    // A day ahead is the most.
    let (ledger, day) = (world.ledger(), SignedDuration::from_hours(24));
    let at =
        |clock| ledger.state.check_service_key(&third, &next.body.signing, clock, &ledger.history);
    at(ahead - day).unwrap();
    let error = at(ahead - day - SignedDuration::from_secs(1)).unwrap_err();
    assert_eq!(error.code(), "receipt-date");
    // An ordinary check accepts nothing; and such a statement is no receipt.
    assert_eq!(refused(vec![good[0].clone(), world.check(1)]), "service-key-other");
    let error = world.open().receipt(good[0].clone()).unwrap_err();
    assert_eq!(error.code(), "receipt-for-rekey");

    // A kit accepts no card of another service, of the present key, or not signed by its own.
    let mut forged = other.clone();
    forged.body.signing.0[0] ^= 1;
    for card in [&first, &self::next(&stranger), &forged] {
        let error = world.kit(0).accept_service(card, world.ledger().view(), world.clock.now());
        assert_eq!(error.unwrap_err().code(), "service-card-unfit");
    }
    rekey(&world, good.clone()).unwrap();
    // What was stated about the first key counts for no later one.
    self::next(&world);
    let error = rekey(&world, good).err().unwrap();
    assert_eq!(error.code(), "service-key-other");
    let ledger = world.ledger();
    let other_key = &other.body.signing;
    let now = world.clock.now();
    let error = ledger.state.check_service_key(&about_another, other_key, now, &ledger.history);
    assert_eq!(error.unwrap_err().code(), "service-key-other");
    // A key that was replaced never comes back.
    let error = world.kit(0).accept_service(&first, world.ledger().view(), world.clock.now());
    assert_eq!(error.unwrap_err().code(), "service-card-unfit");
}

/// A home that is whole but for its key: at a distance, or with the kits at hand.
#[test]
fn a_lost_key_is_replaced() {
    for at_hand in [false, true] {
        let (world, first, kept) = in_use();
        for damaged in [false, true] {
            let identity = world.home().join("identity");
            match damaged {
                false => fs::remove_file(&identity).unwrap(),
                true => fs::write(&identity, "{").unwrap(),
            }
            assert_eq!(world.try_open().err().unwrap().code(), "identity-lost");
            let before = words(&world);
            let service = match at_hand {
                true => recover(&world, &[0, 2]).unwrap(),
                false => {
                    let card = next(&world);
                    rekey(&world, [0, 2].map(|kit| accept(&world, kit, &card)).into()).unwrap()
                }
            };
            assert_eq!(words(&world)[before.len()..], ["rekeyed"]);
            assert_eq!(violations(&world, &service), Vec::<String>::new());
            drop(service);
            all_follow(&world);
            let audit = audit(&world, &first, from_ref(&kept), &[]);
            assert!(audit.holds(), "{audit}");
        }
        world.code("population", "second", &PEOPLE).unwrap();
    }
}

/// A report that is made anew is signed by the present key, with a checkpoint that this key signs.
#[test]
fn a_report_of_before_is_made_anew() {
    let (world, first, _) = in_use();
    let made = world.code("population", "second", &PEOPLE).unwrap();
    let path = world.path("report");
    let report = |world: &World| {
        let report = world.open().report(&made.delivery, "test", &[]).unwrap();
        let _ = fs::remove_file(&path);
        report.write(&path).unwrap();
        report
    };
    let before = report(&world);
    before.verify(&path, &first.body.signing).unwrap();
    let next = rekeyed(&world);
    assert!(audit(&world, &first, &[], from_ref(&path)).holds(), "one of before stays good");
    let after = report(&world);
    after.verify(&path, &next.body.signing).unwrap();
    assert!(after.verify(&path, &first.body.signing).is_err());
    let audit = audit(&world, &first, &[], from_ref(&path));
    assert!(audit.holds(), "{audit}");
}

/// One custodian too few, and nothing is done.
#[test]
fn a_recovery_makes_no_key_without_a_quorum() {
    let (world, first, _) = in_use();
    fs::remove_file(world.home().join("identity")).unwrap();
    for kits in [&[][..], &[1]] {
        assert_eq!(recover(&world, kits).err().unwrap().code(), "recovery-kits");
    }
    assert_eq!(card(&world), first);
    assert!(!world.home().join("identity.new").exists());
}

/// An event that no checkpoint covers cannot be covered without the key: it does not count.
#[test]
fn an_event_that_is_not_signed_for_goes_with_the_key() {
    let (world, first, _) = in_use();
    let path = checkpoint_path(&world.home().join("ledger.jsonl"));
    let covered = fs::read(&path).unwrap();
    world.open().record_refusal("code", "unfinished").unwrap();
    // The service stopped between the event and its checkpoint.
    fs::write(&path, &covered).unwrap();
    fs::write(checkpoint_path(&world.lives()[0].join("ledger.jsonl")), &covered).unwrap();
    fs::remove_file(world.home().join("identity")).unwrap();
    let before = words(&world);
    let next = next(&world);
    rekey(&world, [0, 1].map(|kit| accept(&world, kit, &next)).into()).unwrap();
    assert_eq!(words(&world)[before.len() - 1..], ["rekeyed"]);
    assert!(audit(&world, &first, &[], &[]).holds());
    all_follow(&world);
}

/// The disk is lost, with the key, the life places and the last runs; an old backup has another
/// key, or none.
#[test]
fn a_home_that_has_lost_events_and_its_key_is_recovered() {
    for identity_too in [false, true] {
        let (world, first, _) = in_use();
        let backup = scratch();
        copy_tree(&world.home(), backup.path());
        world.code("population", "second", &PEOPLE).unwrap();
        world.new_key("population", RenewalReason::Scheduled).unwrap();
        rekeyed(&world);
        world.code("population", "third", &PEOPLE).unwrap();
        all_follow(&world);
        let (before, text) = (words(&world), fs::read(world.home().join("ledger.jsonl")).unwrap());
        let keys = scratch();
        copy_tree(&world.home().join("keys"), &keys.path().join("keys"));
        fs::remove_dir_all(world.home()).unwrap();
        copy_tree(backup.path(), &world.home());
        fs::remove_dir_all(world.home().join("life")).unwrap();
        if identity_too {
            fs::remove_file(world.home().join("identity")).unwrap();
        }
        // The key of the backup was replaced: it comes back in no case.
        let kits = [0, 1].map(|kit| world.kit(kit)).into();
        let sources = Sources { kits, from: vec![keys.path().to_owned()], ..Sources::default() };
        let recovery = Recovery::look(&world.home(), sources, world.clock.clone()).unwrap();
        assert!(recovery.plan.rekeys && recovery.plan.needs_kits);
        let (service, _) = recovery.carry_out(Some(&read_lines)).unwrap();
        assert_eq!(service.state().service_keys().all().len(), 3);
        assert!(
            !service.state().service_keys().all()[..2]
                .iter()
                .any(|(_, key)| *key == service.card().body.signing)
        );
        drop(service);
        assert!(fs::read(world.home().join("ledger.jsonl")).unwrap().starts_with(&text));
        assert_eq!(words(&world)[before.len()..], ["rekeyed", "recovered", "resumed"]);
        all_follow(&world);
        world.code("population", "fourth", &PEOPLE).unwrap();
        assert!(audit(&world, &first, &[], &[]).holds());
    }
}

/// A backup of before the new key, put back beside the copies of now: the home is an old one, and
/// its copies are not taken for damaged.
#[test]
fn an_old_home_does_not_overwrite_copies_that_another_key_signs() {
    let (world, _, _) = in_use();
    let backup = scratch();
    copy_tree(&world.home(), backup.path());
    rekeyed(&world);
    let life = scratch();
    copy_tree(&world.home().join("life"), life.path());
    fs::remove_dir_all(world.home()).unwrap();
    copy_tree(backup.path(), &world.home());
    fs::remove_dir_all(world.home().join("life")).unwrap();
    copy_tree(life.path(), &world.home().join("life"));
    assert_eq!(world.try_open().err().unwrap().code(), "home-old");
    let copied = |place: &Path| fs::read(place.join("ledger.jsonl")).unwrap();
    assert_eq!(copied(&world.home().join("life")), copied(life.path()));
    // No event is missing; the key is.
    assert_eq!(recover(&world, &[]).err().unwrap().code(), "recovery-kits");
    recover(&world, &[0, 1]).unwrap();
    assert_eq!(words(&world).iter().filter(|word| **word == "rekeyed").count(), 2);
    all_follow(&world);
}

/// The event is lost with the home, and one custodian at hand has accepted another key: the present
/// one, which may be stolen, does not come back.
#[test]
fn a_kit_that_has_accepted_another_key_keeps_the_present_one_from_coming_back() {
    let (world, _, _) = in_use();
    let card = next(&world);
    accept(&world, 1, &card);
    let before = words(&world);
    recover(&world, &[1, 2]).unwrap();
    assert_eq!(words(&world)[before.len()..], ["rekeyed"]);
    // Another one than it accepted is as good.
    assert!(world.kit(1).remarks(world.ledger().view()).unwrap().is_empty());
    let again = recover(&world, &[1, 2]);
    assert_eq!(again.map(|service| service.history().size()).unwrap(), before.len() as u64 + 1);
}

/// Who has stolen the key signs another ledger. Kits that have seen the new key refuse it, and what
/// the old key signs about later events counts for nothing.
#[test]
fn a_stolen_key_signs_nothing_any_more() {
    let (world, first, kept) = in_use();
    let thief = scratch();
    copy_tree(&world.home(), &thief.path().join("home"));
    let snapshot = {
        let ledger = world.ledger();
        let identity = fs::read_to_string(world.home().join("identity")).unwrap();
        let seed = identity.split('"').find(|part| part.len() == 64).unwrap();
        let key = SigningKey::from_bytes(&Hex::<32>::parse(seed.as_bytes()).unwrap().0);
        Folded::make(&ledger.history, &ledger.state, &key)
    };
    let next = rekeyed(&world);
    // Nor is a state believed that it has signed.
    assert!(Folded::read(&snapshot, &first).is_some());
    assert!(Folded::read(&snapshot, &next).is_none());
    let (stolen, clock) = (thief.path().join("home"), world.clock.clone());
    let (mut service, _) = Service::open(&stolen, clock).unwrap();
    for _ in 0..4 {
        service.record_refusal("code", "unfinished").unwrap();
    }
    let fork = read_ledger(&stolen.join("ledger.jsonl"), &first).unwrap();
    for kit in [0, 1] {
        // Custodian 2 has not seen the new key yet, and the thief comes first.
        world.check(kit);
        let error = world.kit(kit).check(fork.view(), world.clock.now()).unwrap_err();
        assert_eq!(error.code(), "ledger-forked");
    }
    // An auditor who was given the thief's checkpoint sees whose key has signed it.
    let false_one = world.path("false");
    fs::copy(stolen.join("checkpoint"), &false_one).unwrap();
    let audit = audit(&world, &first, &[kept, false_one], &[]);
    assert_eq!(codes(&audit), ["checkpoint-key"]);
    // Put beside the true ledger it is refused too.
    fs::copy(stolen.join("checkpoint"), world.home().join("checkpoint")).unwrap();
    assert_eq!(world.try_open().err().unwrap().code(), "checkpoint-key");
}

/// While custodians are asked, the home is free: the key may be replaced meanwhile.
#[test]
fn a_question_outlives_the_key_that_signed_it() {
    let (world, first, _) = in_use();
    let mut service = world.open();
    let action = Action::NewKey {
        domain: name("population"),
        generation: service.state().domain(&name("population")).unwrap().generation().next(),
        reason: RenewalReason::Scheduled,
    };
    let draft = service.propose(action, SignedDuration::from_mins(10)).unwrap();
    let quorum = service
        .gather(draft, |gathering| {
            for kit in [0, 1] {
                gathering.consent(world.kit(kit))?;
            }
            let card = next(&world);
            rekey(&world, [1, 2].map(|kit| accept(&world, kit, &card)).into())?;
            Ok::<_, ServiceError>(())
        })
        .unwrap();
    service.new_key(quorum).unwrap();
    drop(service);
    world.code("population", "second", &PEOPLE).unwrap();
    let audit = audit(&world, &first, &[], &[evidence(&world, 0), evidence(&world, 1)]);
    assert!(audit.holds(), "{audit}");
}

/// Stopped or failing at any step, the change is made or not made, and the same commands finish it.
#[test]
fn a_change_of_the_key_may_stop_at_any_step() {
    let (world, first, _) = in_use();
    let recovers = |world: &World| recover(world, &[0, 2]).map(drop);
    let rekeys = |world: &World| {
        let card = Service::next_card(&world.home(), &opening())?;
        let accept = |kit: usize| {
            world.kit(kit).accept_service(&card, world.ledger().view(), world.clock.now())
        };
        let statements = [accept(0).unwrap(), accept(2).unwrap()];
        rekey(world, statements.into()).map(drop)
    };
    type Act<'a> = (&'a str, bool, &'a dyn Fn(&World) -> Result<(), ServiceError>);
    let acts: [Act<'_>; 3] = [
        ("rekey", false, &rekeys),
        ("rekey without the key", true, &rekeys),
        ("recover without the key", true, &recovers),
    ];
    for (act, lost, again) in acts {
        let then = Snapshot::of(&world);
        let lose = || {
            if lost {
                fs::remove_file(world.home().join("identity")).unwrap();
            }
        };
        lose();
        let under = world.directory.path();
        let steps = faults::count(under, || again(&world).unwrap());
        assert!(steps > 10, "{act}: {steps}");
        for step in 0..steps {
            for fails in [false, true] {
                then.restore(&world);
                lose();
                let stopped = match fails {
                    false => faults::stop_after(under, step, || again(&world)),
                    true => faults::fail_at(under, step, std::io::ErrorKind::StorageFull, || {
                        again(&world)
                    }),
                };
                let at = format!("{act}, step {step}, fails {fails}");
                if stopped.is_err() {
                    let (opened, done) = (world.try_open().map(drop), words(&world));
                    let is_done = done.contains(&"rekeyed");
                    match opened {
                        Ok(()) => assert!(is_done || !lost, "{at}"),
                        Err(error) => assert!(
                            ["identity-lost", "recovery-unfinished"].contains(&error.code()),
                            "{at}: {error}"
                        ),
                    }
                    // A change that is made is not made again; a recovery has nothing left to do.
                    if !is_done || act.starts_with("recover") {
                        again(&world).unwrap_or_else(|error| panic!("{at}: {error}"));
                    }
                }
                let rekeyed = words(&world).iter().filter(|word| **word == "rekeyed").count();
                assert_eq!(rekeyed, 1, "{at}");
                assert_eq!(violations(&world, &world.open()), Vec::<String>::new(), "{at}");
                assert_ne!(card(&world), first, "{at}");
                all_follow(&world);
            }
        }
        then.restore(&world);
    }
}

/// A copy for the safe: it opens with its passphrase alone, and puts back the present key only.
#[test]
fn the_key_is_exported_and_put_back() {
    let (world, first, _) = in_use();
    let (home, out) = (world.home(), world.path("sealed"));
    let export = |out: &Path| Service::export_identity(&home, out, b"correct horse battery");
    let import = |passphrase: &[u8]| Service::import_identity(&home, &out, passphrase, &opening());
    assert_eq!(export(&out).unwrap(), first);
    assert_eq!(export(&out).unwrap_err().code(), "output-exists");
    let (seed, sealed) = (fs::read(home.join("identity")).unwrap(), fs::read(&out).unwrap());
    let hex: String = String::from_utf8(seed.clone()).unwrap();
    let hex = hex.split('"').find(|part| part.len() == 64).unwrap();
    assert!(!String::from_utf8(sealed.clone()).unwrap().contains(hex), "it is sealed");

    fs::remove_file(home.join("identity")).unwrap();
    assert_eq!(export(&world.path("again")).unwrap_err().code(), "identity-lost");
    assert_eq!(import(b"another one").unwrap_err().code(), "identity-passphrase");
    for (at, byte) in sealed.iter().enumerate().step_by(7) {
        let mut changed = sealed.clone();
        changed[at] = if *byte == b'1' { b'2' } else { b'1' };
        fs::write(&out, &changed).unwrap();
        assert!(import(b"correct horse battery").is_err(), "byte {at}");
        assert!(!home.join("identity").exists());
    }
    fs::write(&out, &sealed).unwrap();
    assert_eq!(import(b"correct horse battery").unwrap(), first);
    assert_eq!(fs::read(home.join("identity")).unwrap(), seed);
    // Once more does nothing; a key that was replaced is not put back.
    import(b"correct horse battery").unwrap();
    let next = rekeyed(&world);
    assert_eq!(import(b"correct horse battery").unwrap_err().code(), "identity-other");
    assert_eq!(card(&world), next);
    world.code("population", "second", &PEOPLE).unwrap();
}

/// A mirror holds the card of the present key.
#[test]
fn a_mirror_has_the_new_card() {
    let mut world = World::new(2, 3);
    world.mirrors = vec![world.path("mirror")];
    world.init().unwrap();
    world.receive().unwrap();
    let next = rekeyed(&world);
    assert_eq!(read_service_card(&world.path("mirror/card.json")).unwrap(), next);
    // Put in the place of the lost home, it lacks the key alone.
    fs::remove_dir_all(world.home()).unwrap();
    copy_tree(&world.path("mirror"), &world.home());
    fs::create_dir(world.home().join("life")).unwrap();
    let before = words(&world);
    let service = recover(&world, &[0, 1]).unwrap();
    assert_eq!(service.state().service_keys().all().len(), 3);
    drop(service);
    assert_eq!(words(&world)[before.len()..], ["rekeyed"]);
    all_follow(&world);
}

/// What the kit has signed names both keys, and the head that it has seen.
#[test]
fn a_statement_about_the_key_says_what_it_replaces() {
    let (world, first, _) = in_use();
    let next = next(&world);
    let receipt = accept(&world, 2, &next);
    let kit = world.kit(2);
    assert!(kit.statements().contains(&Stated::Receipt { receipt: Box::new(receipt.clone()) }));
    let text = serde_json::to_value(&receipt.body.statement).unwrap();
    assert_eq!(text["kind"], "service-key");
    assert_eq!(text["key"], next.body.signing.to_string());
    assert_eq!(text["replaces"], first.body.signing.to_string());
    assert_eq!(receipt.body.cosignature.head, world.ledger().history.head());
    let event = Event::Rekeyed { card: Box::new(next), statements: vec![receipt] };
    assert_eq!(event.word(), "rekeyed");
}
