//! Homes that were lost and put back, and what custodians and copies bring back (SPEC §13).

use crate::common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cstatns::audit::verify;
use cstatns::code::Generation;
use cstatns::coded::Coded as _;
use cstatns::custody::custodian::{Kit, Remark};
use cstatns::dealing::Epoch;
use cstatns::domain::{KeyState, RenewalReason};
use cstatns::files::faults;
use cstatns::ledger::event::{Event, Line};
use cstatns::name::canonical_json;
use cstatns::proposal::Action;
use cstatns::receipt::Doubted;
use cstatns::service::{Clock as _, Recovered, Recovery, RunFiles, Service, ServiceError, Sources};
use cstatns::state::Fate;
use jiff::SignedDuration;

use common::crash::{Snapshot, copy_tree, violations};
use common::{PEOPLE, Request, World, name, read_lines, scratch};

/// What becomes of the life places when a home is lost.
#[derive(Clone, Copy, PartialEq)]
enum Life {
    /// They lie elsewhere, and stay.
    Stays,
    /// They lay on the same disk.
    Lost,
    /// A backup held them against the rules.
    PutBack,
}

/// The home of an earlier day.
struct Backup(tempfile::TempDir);

impl Backup {
    fn of(world: &World) -> Self {
        let copy = scratch();
        copy_tree(&world.home(), copy.path());
        Self(copy)
    }

    /// The home is lost, and put back as it was.
    fn put_back(&self, world: &World, life: Life) {
        let (home, kept) = (world.home(), scratch());
        copy_tree(&home.join("life"), kept.path());
        fs::remove_dir_all(&home).unwrap();
        copy_tree(self.0.path(), &home);
        if life != Life::PutBack {
            fs::remove_dir_all(home.join("life")).unwrap();
        }
        if life == Life::Stays {
            copy_tree(kept.path(), &home.join("life"));
        }
    }
}

fn kits(world: &World, kits: &[usize]) -> Vec<Kit> {
    kits.iter().map(|kit| world.kit(*kit)).collect()
}

fn recovery(world: &World, of: &[usize], from: &[&Path]) -> Result<Recovery, ServiceError> {
    let from = from.iter().map(|path| path.to_path_buf()).collect();
    let sources = Sources { from, kits: kits(world, of), ..Sources::default() };
    Recovery::look(&world.home(), sources, world.clock.clone())
}

fn recover(
    world: &World,
    of: &[usize],
    from: &[&Path],
) -> Result<(Service, Vec<Recovered>), ServiceError> {
    recovery(world, of, from)?.carry_out(Some(&read_lines))
}

fn events(world: &World) -> Vec<Event> {
    let text = fs::read_to_string(world.home().join("ledger.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str::<Line>(line).unwrap().event).collect()
}

fn words(world: &World) -> Vec<&'static str> {
    events(world).iter().map(Event::word).collect()
}

fn lines(world: &World) -> String {
    fs::read_to_string(world.home().join("ledger.jsonl")).unwrap()
}

/// Every custodian follows the ledger.
fn all_follow(world: &World) {
    for kit in 0..world.kits.len() {
        world.check(kit);
    }
}

/// Coding goes on, under the keys of before.
fn codes_on(world: &World, file: &str) {
    world.code("population", file, &PEOPLE).unwrap();
}

/// A service of five with a day's work after the backup: two runs, a doubt, its new key with a
/// renewed file, and a project that was closed.
fn a_day_after_the_backup() -> (World, Backup) {
    let world = World::founded(3, 5);
    world.statistics("population").unwrap();
    world.research("cohort", "2026-12-31").unwrap();
    world.code("population", "first", &PEOPLE).unwrap();
    let backup = Backup::of(&world);
    for file in ["second", "third"] {
        world.code("population", file, &PEOPLE).unwrap();
    }
    world.doubt("population", 4).unwrap();
    world.new_key("population", RenewalReason::Doubt).unwrap();
    let codes = world.codes("first");
    world.renew("population", "renewed", &codes).unwrap();
    world.close("cohort").unwrap();
    (world, backup)
}

#[test]
fn an_old_home_says_so_and_its_copy_brings_everything_back() {
    let (world, backup) = a_day_after_the_backup();
    let before = lines(&world);
    backup.put_back(&world, Life::Stays);
    let old = lines(&world);
    assert!(before.starts_with(&old) && before != old);

    // It does nothing at all: neither a run, nor what needs nobody.
    let error = world.try_open().err().unwrap();
    let ServiceError::HomeOld { found, mark, .. } = &error else { panic!("{error}") };
    assert_eq!((*found as usize, *mark as usize), (old.lines().count(), before.lines().count()));
    assert_eq!(world.doubt("population", 0).unwrap_err().code(), "home-old");
    assert_eq!(lines(&world), old);

    // Without a kit: nothing was open, and the copy holds everything.
    let plan = recovery(&world, &[], &[]).unwrap().plan;
    assert!(!plan.needs_kits && !plan.puts_aside && plan.ends.is_empty());
    assert_eq!(plan.lost_keys.len(), 1, "the backup has no seal of the new key");
    let sealed = scratch();
    let (_, said) = recover(&world, &[], &[sealed.path()]).unwrap();
    assert!(said.is_empty(), "{said:?}");
    assert_eq!(lines(&world), before);
    let state = world.ledger().state;
    assert!(state.domain(&name("cohort")).unwrap().destroyed.is_some());
    all_follow(&world);
}

#[test]
fn without_its_copies_a_home_is_recovered_from_kits_that_have_seen_everything() {
    for life in [Life::Lost, Life::PutBack] {
        let (world, backup) = a_day_after_the_backup();
        let (before, keys) = (lines(&world), scratch());
        copy_tree(&world.home().join("keys"), &keys.path().join("keys"));
        backup.put_back(&world, life);
        if life == Life::Lost {
            assert_eq!(world.try_open().err().unwrap().code(), "home-unmarked");
            assert_eq!(recovery(&world, &[], &[]).err().unwrap().code(), "recovery-kits");
        } else {
            // The home cannot know; the kits do, and what it records meanwhile is put aside.
            let error = world.code("population", "fourth", &PEOPLE).unwrap_err();
            assert_eq!(error.code(), "ledger-shorter");
        }
        // One or two of five do not do.
        assert_eq!(recovery(&world, &[0, 1], &[]).err().unwrap().code(), "recovery-kits");
        // Custodian 3 has seen nothing since the founding, and follows.
        let (service, _) = recover(&world, &[3, 1, 0], &[keys.path()]).unwrap();
        assert_eq!(words(&world)[before.lines().count()..], ["recovered", "resumed"]);
        assert!(lines(&world).starts_with(&before), "every line is back");
        let aside = world.home().join("aside");
        assert_eq!(aside.exists(), life == Life::PutBack, "the home's own lines are put aside");
        assert_eq!(service.state().domain(&name("population")).unwrap().generation().get(), 2);
        assert!(service.state().domain(&name("cohort")).unwrap().destroyed.is_some());
        drop(service);
        all_follow(&world);
        codes_on(&world, "fifth");
    }
}

/// Two quorums share a custodian: whoever is at hand for the recovery has seen the last runs, or
/// somebody there has.
#[test]
fn kits_that_missed_the_last_runs_recover_nothing_or_everything() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    let backup = Backup::of(&world);
    world.code("population", "second", &PEOPLE).unwrap();
    let before = lines(&world);
    // The kits have seen all of it but the destruction of the request, which is recorded last.
    let before = before.trim_end().rsplit_once('\n').unwrap().0;
    backup.put_back(&world, Life::Lost);
    assert_eq!(recovery(&world, &[2], &[]).err().unwrap().code(), "recovery-kits");
    assert_eq!(
        recovery(&world, &[2, 2], &[]).err().unwrap().code(),
        "recovery-kits",
        "one kit twice"
    );
    let (service, _) = recover(&world, &[2, 1], &[]).unwrap();
    assert_eq!(service.state().deliveries().len(), 1);
    drop(service);
    assert!(lines(&world).starts_with(before));
    all_follow(&world);
    codes_on(&world, "third");
}

/// A question is open in the backup, custodians have approved it, and its result was taken: it may
/// have run, and its request is not coded again.
#[test]
fn what_was_open_may_have_run_and_is_not_done_again() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    let request = world.request("data", &PEOPLE);
    let (mut backup, mut kits_then) = (None, None);
    let mut service = world.open();
    let action = world.code_action(&service, "population", &request);
    let draft = service.propose(action.clone(), SignedDuration::from_mins(10)).unwrap();
    let quorum = service.gather(draft, |gathering| {
        gathering.consent(world.kit(0))?;
        gathering.consent(world.kit(1))?;
        // As at a distance, the kits see no more than the question.
        backup = Some(Backup::of(&world));
        kits_then = Some(Snapshot::of(&world));
        Ok::<_, ServiceError>(())
    });
    drop(quorum.unwrap());
    drop(service);
    for life in [Life::Lost, Life::PutBack] {
        kits_then.as_ref().unwrap().restore_home(&world);
        backup.as_ref().unwrap().put_back(&world, life);
        let plan = recovery(&world, &[0, 2], &[]).unwrap().plan;
        if life == Life::PutBack {
            // Nothing says that this home is an old copy: its question lapses, as after a stop.
            assert!(plan.is_empty());
            continue;
        }
        assert_eq!(plan.ends.len(), 1);
        let (mut service, _) = recover(&world, &[0, 2], &[]).unwrap();
        let fates: Vec<&Fate> = service.state().runs().values().map(|run| &run.fate).collect();
        assert!(fates.contains(&&Fate::Recovered { made: 0 }), "{fates:?}");
        let error = service.propose(action.clone(), SignedDuration::from_mins(10)).err().unwrap();
        assert_eq!(error.code(), "request-may-be-spent");
        drop(service);
        let remarks = world.kit(1).remarks(world.ledger().view()).unwrap();
        let told = |remark: &Remark| {
            matches!(remark, Remark::NoResult { fate: Fate::Recovered { made: 0 }, .. })
        };
        assert!(remarks.iter().any(told), "{remarks:?}");
        codes_on(&world, "other");
    }
}

/// A number that a lost run may have used is not used again: of a key, and of a domain.
#[test]
fn numbers_that_a_lost_run_may_have_used_are_burnt() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    let at_questions = |actions: &[Action]| {
        let (mut backup, mut then) = (None, None);
        let mut service = world.open();
        let drafts: Vec<_> = actions
            .iter()
            .map(|action| service.propose(action.clone(), SignedDuration::from_mins(10)).unwrap())
            .collect();
        for (number, draft) in drafts.into_iter().enumerate() {
            let _ = service.gather(draft, |gathering| {
                gathering.consent(world.kit(0))?;
                gathering.consent(world.kit(1))?;
                if number + 1 == actions.len() {
                    backup = Some(Backup::of(&world));
                    then = Some(Snapshot::of(&world));
                }
                Ok::<_, ServiceError>(())
            });
        }
        (backup.unwrap(), then.unwrap())
    };
    let domain = name("population");
    let reason = RenewalReason::Scheduled;
    let generation = Generation::new(2).unwrap();
    let new_key = Action::NewKey { domain: domain.clone(), generation, reason };
    let kind = cstatns::domain::Kind::Statistics { cryptoperiod_years: 5 };
    let income = name("income");
    let open = Action::Open { domain: income.clone(), kind, minimum_batch: 2, authorisation: None };
    let (backup, then) = at_questions(&[open, new_key]);
    then.restore_home(&world);
    backup.put_back(&world, Life::Lost);
    let (service, _) = recover(&world, &[1, 2], &[]).unwrap();
    let known = service.state().domain(&domain).unwrap();
    assert_eq!((known.generation().get(), known.next_generation().get()), (1, 3));
    drop(service);
    assert_eq!(world.statistics("income").unwrap_err().code(), "name-burnt");
    // The next key is the third, and codes go from the first to it.
    world.new_key("population", reason).unwrap();
    world.code("population", "third", &PEOPLE).unwrap();
    assert_eq!(world.codes("third")[0].generation().get(), 3);
}

/// A new key and a renewal whose custodians were elsewhere, and then the disk and its copies are
/// lost: what becomes of the files that were renewed.
#[test]
fn files_renewed_at_a_distance_go_on_where_the_seal_of_their_key_is_left() {
    let population = name("population");
    for keys_left in [true, false] {
        let world = World::founded(2, 3);
        world.statistics("population").unwrap();
        world.code("population", "first", &PEOPLE).unwrap();
        let (backup, first) = (Backup::of(&world), world.codes("first"));
        let keys = scratch();
        world.distant.set(true);
        world.new_key("population", RenewalReason::Scheduled).unwrap();
        let request = world.request_of("renewed", &first);
        world.renew_request("population", &request, None).unwrap();
        world.distant.set(false);
        let renewed = world.codes("renewed");
        if keys_left {
            copy_tree(&world.home().join("keys"), &keys.path().join("keys"));
        }
        backup.put_back(&world, Life::Lost);

        // The kits have the question of the renewal, which lies behind the new key.
        let (service, _) = recover(&world, &[0, 2], &[keys.path()]).unwrap();
        let known = service.state().domain(&population).unwrap();
        assert_eq!((known.generation().get(), known.next_generation().get()), (2, 3));
        let may_have_run = Fate::Recovered { made: 0 };
        assert_eq!(
            service.state().runs().values().filter(|run| run.fate == may_have_run).count(),
            1
        );
        drop(service);
        assert_eq!(words(&world).contains(&"key-lost"), !keys_left);

        // It may have run, and is not done again, whether or not the key is there.
        let files = RunFiles { result: world.path("again.result"), ..request.files.clone() };
        let again = Request { files, ..request };
        let again = world.renew_request("population", &again, None).unwrap_err();
        let why = if keys_left { "request-may-be-spent" } else { "key-lost" };
        assert_eq!(again.code(), why);
        world.new_key("population", RenewalReason::Scheduled).unwrap();
        let on = world.renew("population", "on", &renewed);
        world.code("population", "third", &PEOPLE).unwrap();
        let third = world.codes("third");
        assert_eq!(third[0].generation().get(), 3);
        if keys_left {
            on.unwrap();
            assert_eq!(world.codes("on"), third, "the renewed file is as good as ever");
        } else {
            assert_eq!(on.unwrap_err().code(), "key-lost", "its codes are of a lost key");
        }
        // From the file of before everybody goes on.
        world.renew("population", "from-before", &first).unwrap();
        assert_eq!(world.codes("from-before"), third);
        all_follow(&world);
    }
}

/// Two recoveries from one backup: the second goes on from the first, whose custodians know of it.
/// Who was left behind states their doubt all the same.
#[test]
fn a_second_recovery_goes_on_from_the_first_and_a_doubt_left_behind_is_stated_again() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    let backup = Backup::of(&world);
    world.doubt("population", 0).unwrap();
    world.check(0);
    backup.put_back(&world, Life::Lost);
    recover(&world, &[1, 2], &[]).unwrap();
    let first = lines(&world);
    backup.put_back(&world, Life::Lost);
    let plan = recovery(&world, &[0, 1, 2], &[]).unwrap().plan;
    assert_eq!(plan.left_behind, [name("custodian-1")]);
    recover(&world, &[0, 1, 2], &[]).unwrap();
    assert!(lines(&world).starts_with(&first));

    // The doubt is in no ledger that the others follow.
    let mut service = world.open();
    let request = world.request("second", &PEOPLE);
    let action = world.code_action(&service, "population", &request);
    let quorum = world.quorum_of(&mut service, action, &[1, 2]).unwrap();
    drop((quorum, service));
    let ledger = world.ledger();
    let error = world.kit(0).check(ledger.view(), world.clock.now()).unwrap_err();
    assert_eq!(error.code(), "ledger-forked");
    let head = world.kit(0).head();
    world.doubt("population", 0).unwrap();
    assert_eq!(world.kit(0).head(), head, "it follows nothing by that");
    assert_eq!(world.code("population", "third", &PEOPLE).unwrap_err().code(), "key-doubted");
}

/// A doubt that was stated about an old home's own lines is stated anew about the ledger that came
/// back.
#[test]
fn a_doubt_about_an_old_home_is_stated_again() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    let backup = Backup::of(&world);
    world.code("population", "second", &PEOPLE).unwrap();
    backup.put_back(&world, Life::PutBack);
    world.clock.advance(SignedDuration::from_hours(25));
    world.open().expire().unwrap();
    world.doubt("population", 0).unwrap();
    recover(&world, &[0, 1, 2], &[]).unwrap();
    assert!(!words(&world).contains(&"doubted"));
    let ledger = world.ledger();
    let remarks = world.kit(0).remarks(ledger.view()).unwrap();
    assert!(matches!(remarks[..], [Remark::DoubtMissing { .. }]), "{remarks:?}");
    let missing = || {
        let evidence = world.path("evidence");
        fs::write(&evidence, canonical_json(&world.kit(0).evidence().unwrap())).unwrap();
        let (ledger, card) = (world.home().join("ledger.jsonl"), world.open().card().clone());
        let audit = verify(&ledger, &card, &[], &[evidence]).unwrap();
        audit.failures().filter(|failure| failure.code == "doubt-missing").count()
    };
    assert_eq!(missing(), 1);
    // Another doubt answers for nothing; the same one, stated anew, does.
    let (mut kit, ledger) = (world.kit(0), world.ledger());
    let about = Doubted::Custody { epoch: Epoch::FIRST };
    let custody = kit.doubt(about, ledger.view(), world.clock.now()).unwrap();
    world.open().doubt(custody).unwrap();
    assert_eq!(missing(), 1);
    world.doubt("population", 0).unwrap();
    let (kit, ledger) = (world.kit(0), world.ledger());
    assert_eq!(kit.statements().len(), 6, "the former, the custody, and the new one");
    assert_eq!(kit.remarks(ledger.view()).unwrap(), []);
    assert_eq!(missing(), 0);
    assert_eq!(world.code("population", "third", &PEOPLE).unwrap_err().code(), "key-doubted");
}

/// A doubt that was examined answers for no later one about the same.
#[test]
fn a_later_doubt_is_not_answered_by_an_earlier_one() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    world.doubt("population", 0).unwrap();
    world.examined("population").unwrap();
    let (mut kit, ledger) = (world.kit(0), world.ledger());
    assert_eq!(kit.remarks(ledger.view()).unwrap(), []);
    let about = Doubted::Key { domain: name("population"), generation: Generation::FIRST };
    let later = kit.doubt(about, ledger.view(), world.clock.now()).unwrap();
    let remarks = kit.remarks(ledger.view()).unwrap();
    assert!(matches!(remarks[..], [Remark::DoubtMissing { .. }]), "{remarks:?}");
    world.open().doubt(later).unwrap();
    assert_eq!(kit.remarks(world.ledger().view()).unwrap(), []);
}

/// Behind the mark nothing is appended, however it came about.
#[test]
fn a_home_that_is_behind_records_nothing() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    let backup = Backup::of(&world);
    world.code("population", "second", &PEOPLE).unwrap();
    for (life, code) in [(Life::Stays, "home-old"), (Life::Lost, "home-unmarked")] {
        let then = Snapshot::of(&world);
        backup.put_back(&world, life);
        // Also where a stop has left half a line, which an opening cuts off.
        let ledger = world.home().join("ledger.jsonl");
        let mut torn = fs::read(&ledger).unwrap();
        torn.extend_from_slice(b"{\"format\":2,");
        fs::write(&ledger, &torn).unwrap();
        world.clock.advance(SignedDuration::from_hours(72));
        assert_eq!(world.try_open().err().unwrap().code(), code);
        assert_eq!(world.check(2).body.by, name("custodian-3"), "a kit that is older may read it");
        assert_eq!(fs::read(&ledger).unwrap(), torn);
        then.restore(&world);
    }
}

/// Seals that are in no place are lost: recorded by a quorum's custodians only, never by the way.
#[test]
fn a_key_whose_seal_is_nowhere_is_recorded_as_lost() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    world.code("population", "first", &PEOPLE).unwrap();
    let before = world.codes("first");
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    world.renew("population", "renewed", &before).unwrap();
    let seal = world.home().join("keys/population.2.1.key");
    let bytes = fs::read(&seal).unwrap();
    fs::remove_file(&seal).unwrap();
    let events = lines(&world);

    let plan = recovery(&world, &[0], &[]).unwrap().plan;
    assert!(plan.is_empty() && !plan.records_lost);
    assert_eq!(plan.lost_keys.len(), 1);
    // It comes back from a copy.
    let copy = scratch();
    fs::create_dir(copy.path().join("keys")).unwrap();
    fs::write(copy.path().join("keys/population.2.1.key"), &bytes).unwrap();
    let plan = recovery(&world, &[], &[copy.path()]).unwrap().plan;
    assert_eq!((plan.found_keys.len(), plan.lost_keys.len()), (1, 0));
    recover(&world, &[], &[copy.path()]).unwrap();
    assert_eq!((fs::read(&seal).unwrap(), lines(&world)), (bytes, events));
    // Another key of its name is not it.
    fs::copy(world.home().join("keys/population.1.1.key"), &seal).unwrap();

    recover(&world, &[0, 1], &[]).unwrap();
    assert_eq!(words(&world).last(), Some(&"key-lost"));
    let error = world.code("population", "second", &PEOPLE).unwrap_err();
    assert_eq!(error.code(), "key-lost");
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    world.code("population", "third", &PEOPLE).unwrap();
    let third = world.codes("third");
    assert_eq!(third[0].generation().get(), 3);
    // Codes of the first generation are renewed past the lost one, those of the lost one are not.
    world.renew("population", "lifted", &before).unwrap();
    assert_eq!(world.codes("lifted"), third);
    let lost = world.codes("renewed");
    assert_eq!(world.renew("population", "never", &lost).unwrap_err().code(), "key-lost");
    let state = world.ledger().state;
    let known = state.domain(&name("population")).unwrap();
    assert_eq!(known.key(Generation::new(2).unwrap()).unwrap().state, KeyState::Lost);
    let living: Vec<u32> = state.living_keys().iter().map(|key| key.generation.get()).collect();
    assert_eq!(living, [1, 3]);
}

/// The first key of a domain is lost: the next one begins its chain anew.
#[test]
fn a_domain_whose_only_key_is_lost_codes_under_the_next() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    world.code("population", "first", &PEOPLE).unwrap();
    let before = world.codes("first");
    fs::remove_file(world.home().join("keys/population.1.1.key")).unwrap();
    recover(&world, &[0, 1], &[]).unwrap();
    assert_eq!(world.code("population", "no", &PEOPLE).unwrap_err().code(), "key-lost");
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    world.code("population", "second", &PEOPLE).unwrap();
    assert_eq!(world.codes("second")[0].generation().get(), 2);
    assert_eq!(world.renew("population", "never", &before).unwrap_err().code(), "key-lost");
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    let second = world.codes("second");
    world.renew("population", "lifted", &second).unwrap();
    world.code("population", "third", &PEOPLE).unwrap();
    assert_eq!(world.codes("lifted"), world.codes("third"));
}

/// Two keys of one domain are lost at once, the older one first: the next key goes on from the one
/// before both, and neither leaves a gap.
#[test]
fn keys_that_are_lost_together_are_left_out_together() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    world.code("population", "first", &PEOPLE).unwrap();
    let mut former = vec![world.codes("first")];
    for file in ["second", "third"] {
        world.new_key("population", RenewalReason::Scheduled).unwrap();
        world.code("population", file, &PEOPLE).unwrap();
        former.push(world.codes(file));
    }
    for generation in [2, 3] {
        fs::remove_file(world.home().join(format!("keys/population.{generation}.1.key"))).unwrap();
    }
    recover(&world, &[0, 1], &[]).unwrap();
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    world.code("population", "fourth", &PEOPLE).unwrap();
    world.renew("population", "lifted", &former[0]).unwrap();
    assert_eq!(world.codes("lifted"), world.codes("fourth"));
    for codes in &former[1..] {
        assert_eq!(world.renew("population", "never", codes).unwrap_err().code(), "key-lost");
    }
    let state = world.ledger().state;
    let left: Vec<u32> = state
        .domain(&name("population"))
        .unwrap()
        .left_out()
        .iter()
        .map(|generation| generation.get())
        .collect();
    assert_eq!(left, [2, 3]);
}

/// A thief of `identity` shows one kit a ledger with a clock far ahead, in which a project has
/// ended: what is dated ahead is not taken, and the project lives.
#[test]
fn a_false_ledger_with_a_clock_ahead_ends_no_project() {
    let world = World::founded(2, 3);
    world.research("cohort", "2026-12-31").unwrap();
    let backup = Backup::of(&world);
    let thief = scratch();
    copy_tree(&world.home(), &thief.path().join("home"));
    let now = world.clock.now();
    for hours in [24 * 39, 24 * 39 * 2, 24 * 39 * 12] {
        let clock = move || now + SignedDuration::from_hours(hours);
        if let Ok((mut service, _)) = Service::open(&thief.path().join("home"), clock) {
            let _ = service.expire();
        }
    }
    let card = world.ledger().state.service().clone();
    let path = thief.path().join("home/ledger.jsonl");
    let fork = cstatns::state::read_ledger(&path, &card).unwrap();
    world.kit(2).check(fork.view(), now + SignedDuration::from_hours(24 * 39 * 12)).unwrap();
    backup.put_back(&world, Life::Lost);
    let error = recover(&world, &[0, 2], &[]).err().unwrap();
    assert_eq!(error.code(), "recovery-kits", "the misled kit follows no true ledger");
    recover(&world, &[0, 1, 2], &[]).unwrap();
    let state = world.ledger().state;
    let project = state.domain(&name("cohort")).unwrap();
    assert!(project.ended.is_none() && project.destroyed.is_none());
}

/// What an honest clock dated years ahead comes back, once a quorum has gone on from it: nobody is
/// locked out until that date.
#[test]
fn a_clock_that_was_ahead_stops_no_recovery() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    let backup = Backup::of(&world);
    world.confirms.set(true);
    let right = world.clock.now();
    world.clock.set_to(right + SignedDuration::from_hours(24 * 3652));
    world.code("population", "ahead", &PEOPLE).unwrap();
    let at_risk = Snapshot::of(&world);
    world.clock.set_to(right + SignedDuration::from_hours(24));
    world.code("population", "right", &PEOPLE).unwrap();
    let before = lines(&world);
    backup.put_back(&world, Life::Lost);
    recover(&world, &[1, 2], &[]).unwrap();
    // The destruction of the last request, which no kit has seen, is recorded anew.
    let seen = before.trim_end().rsplit_once('\n').unwrap().0;
    assert!(lines(&world).starts_with(seen));
    all_follow(&world);
    codes_on(&world, "later");

    // Before the clock was put right nobody had signed for it under another date.
    at_risk.restore(&world);
    world.clock.set_to(right + SignedDuration::from_hours(24));
    backup.put_back(&world, Life::Lost);
    assert_eq!(recovery(&world, &[0, 1, 2], &[]).err().unwrap().code(), "recovery-kits");
}

/// An older copy of a kit as a source takes nothing away where the copy of the ledger is there.
#[test]
fn the_copy_beside_the_life_secrets_wins_over_an_older_copy_of_a_kit() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    let then = Snapshot::of(&world);
    let backup = Backup::of(&world);
    world.code("population", "second", &PEOPLE).unwrap();
    let before = lines(&world);
    let kit = &world.kits[0];
    fs::remove_dir_all(kit).unwrap();
    copy_tree(&then.kit(1), kit);
    backup.put_back(&world, Life::Stays);
    recover(&world, &[0, 2], &[]).unwrap();
    assert!(lines(&world).starts_with(&before));
}

/// Two copies of one kit are at hand, of which one was shown another ledger that the service's key
/// signs: its custodian is not counted, and that is told; nobody is locked out of the true ledger.
#[test]
fn a_copy_of_a_kit_that_is_outside_is_told_and_locks_nobody_out() {
    for is_ahead in [false, true] {
        let world = World::founded(2, 3);
        world.statistics("population").unwrap();
        let (copy, truth) = (world.path("copy"), Backup::of(&world));
        copy_tree(&world.kits[0], &copy);
        let copied = || Kit::open(&copy, None).unwrap();
        // Somebody shows the copy another ledger, with more events than the true one, or fewer.
        for _ in 0..if is_ahead { 40 } else { 1 } {
            world.open().record_refusal("code", "unknown-domain").unwrap();
        }
        copied().check(world.ledger().view(), world.clock.now()).unwrap();
        truth.put_back(&world, Life::PutBack);
        codes_on(&world, "first");
        let backup = Backup::of(&world);
        codes_on(&world, "second");
        all_follow(&world);
        let lost = lines(&world);

        // The other kit of the custodian goes on, and the copy refuses.
        let ledger = world.ledger();
        let refused = copied().check(ledger.view(), world.clock.now()).unwrap_err();
        assert_eq!(refused.code(), if is_ahead { "ledger-shorter" } else { "ledger-forked" });

        backup.put_back(&world, Life::Lost);
        let with_copy = |of: &[usize]| {
            let mut kits = kits(&world, of);
            kits.push(copied());
            let sources = Sources { kits, ..Sources::default() };
            Recovery::look(&world.home(), sources, world.clock.clone())
        };
        let error = with_copy(&[0, 1]).err().unwrap();
        let ServiceError::TooFewFollow { given: 0 | 1, needed: 2, apart, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(apart, &[name("custodian-1")]);
        assert!(error.to_string().contains("not counted: `custodian-1`"), "{error}");
        // The others are enough without that custodian, and so is the custodian without the copy.
        let plan = with_copy(&[0, 1, 2]).unwrap().plan;
        assert_eq!((&plan.apart, &plan.left_behind), (apart, apart));
        assert!(recovery(&world, &[0, 1], &[]).unwrap().plan.apart.is_empty());
        recover(&world, &[0, 1], &[]).unwrap();
        assert!(lines(&world).starts_with(&lost));
        all_follow(&world);
        codes_on(&world, "third");
    }
}

/// Two copies of one kit that have both seen a part of the ledger: their custodian counts once, and
/// the one whose count is behind goes on.
#[test]
fn copies_of_a_kit_that_follow_count_once_and_go_on() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    let copy = world.path("copy");
    copy_tree(&world.kits[0], &copy);
    let copied = || Kit::open(&copy, None).unwrap();
    let backup = Backup::of(&world);
    codes_on(&world, "first");
    all_follow(&world);
    let lost = lines(&world);
    assert!(copied().shown().count < world.kit(0).shown().count);
    backup.put_back(&world, Life::Lost);
    let look = |mut kits: Vec<Kit>| {
        kits.push(copied());
        let sources = Sources { kits, ..Sources::default() };
        Recovery::look(&world.home(), sources, world.clock.clone())
    };
    assert_eq!(look(kits(&world, &[0])).err().unwrap().code(), "recovery-kits");
    look(kits(&world, &[0, 1])).unwrap().carry_out(Some(&read_lines)).unwrap();
    assert!(lines(&world).starts_with(&lost));
    // Each copy sees the true ledger, and the one behind says that there is another.
    let (now, ledger) = (world.clock.now(), world.ledger());
    world.kit(0).check(ledger.view(), now).unwrap();
    let told = copied().remarks(ledger.view()).unwrap();
    assert!(told.iter().any(|one| matches!(one, Remark::OtherCopy { .. })), "{told:?}");
    copied().check(ledger.view(), now).unwrap();
    codes_on(&world, "second");
}

/// Two ledgers that both hold what custodians have seen in part: neither is taken.
#[test]
fn two_branches_are_named_and_neither_is_taken() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    let (one, other, backup) = (scratch(), scratch(), Backup::of(&world));
    world.clock.advance(SignedDuration::from_hours(30));
    for (branch, code) in [(&one, "receipt-known"), (&other, "unknown-domain")] {
        let mut service = world.open();
        service.record_refusal("receipt", code).unwrap();
        drop(service);
        copy_tree(&world.home(), branch.path());
        backup.put_back(&world, Life::PutBack);
    }
    backup.put_back(&world, Life::Lost);
    let error = recovery(&world, &[0, 1, 2], &[one.path(), other.path()]).err().unwrap();
    let ServiceError::Branches { fork, .. } = &error else { panic!("{error}") };
    assert_eq!(*fork as usize, lines(&world).lines().count());
    // With one of them alone it is the longest that they follow.
    let plan = recovery(&world, &[0, 1, 2], &[one.path()]).unwrap().plan;
    assert_eq!(plan.events, *fork + 1);
}

/// Whatever is not a ledger of this service in order is named, and not used.
#[test]
fn sources_that_are_not_in_order_are_named_and_not_used() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    let stranger = World::founded(2, 2);
    let changed = scratch();
    copy_tree(&world.home(), changed.path());
    let ledger = changed.path().join("ledger.jsonl");
    let text = fs::read_to_string(&ledger).unwrap().replacen("custodian-1", "custodian-9", 1);
    fs::write(&ledger, text).unwrap();
    let empty = scratch();
    let from = [changed.path(), &stranger.home(), empty.path()];
    let plan = recovery(&world, &[0, 1], &from).unwrap().plan;
    assert!(plan.is_empty());
    assert_eq!(plan.unsound.len(), 3, "{:?}", plan.unsound);
}

/// Stopped or failing at any step, a recovery is repeated with the same sources and ends the same;
/// meanwhile the home does nothing else.
#[test]
fn a_recovery_may_stop_at_any_step() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    world.research("cohort", "2026-12-31").unwrap();
    let backup = Backup::of(&world);
    world.code("population", "second", &PEOPLE).unwrap();
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    let keys = scratch();
    copy_tree(&world.home().join("keys"), &keys.path().join("keys"));
    let before = lines(&world);
    backup.put_back(&world, Life::PutBack);
    // The home has gone on by itself.
    assert!(world.code("population", "third", &PEOPLE).is_err());
    let then = Snapshot::of(&world);
    let under = world.directory.path();
    let again = || recover(&world, &[0, 2], &[keys.path()]).map(drop);
    let steps = faults::count(under, || again().unwrap());
    let whole: BTreeMap<PathBuf, Vec<u8>> = aside(&world);
    assert!(steps > 40, "{steps}");
    let mut unfinished = 0;
    for step in 0..steps {
        for fails in [false, true] {
            then.restore(&world);
            let stopped = match fails {
                false => faults::stop_after(under, step, again),
                true => faults::fail_at(under, step, std::io::ErrorKind::StorageFull, again),
            };
            if stopped.is_err() {
                // Before its first step and after its last the home opens.
                let opened = world.try_open().map(drop);
                unfinished += usize::from(opened.is_err());
                let code = opened.err().map_or("recovery-unfinished", |error| error.code());
                assert_eq!(code, "recovery-unfinished", "step {step}");
                again().unwrap_or_else(|error| panic!("step {step}, fails {fails}: {error}"));
            }
            assert!(lines(&world).starts_with(&before), "step {step}");
            assert_eq!(words(&world).iter().filter(|word| **word == "resumed").count(), 1);
            assert_eq!(words(&world).iter().filter(|word| **word == "recovered").count(), 1);
            for (path, bytes) in &whole {
                assert_eq!(fs::read(world.home().join(path)).unwrap(), *bytes, "step {step}");
            }
            // The outbox is that of the backup; all else is as it should be.
            let mut wrong = violations(&world, &world.open());
            wrong.retain(|wrong| !wrong.contains("outbox/") && !wrong.contains(".result"));
            assert_eq!(wrong, Vec::<String>::new(), "step {step}");
            all_follow(&world);
        }
    }
    assert!(unfinished > 20, "{unfinished}");
}

fn aside(world: &World) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = fs::read_dir(world.home().join("aside")).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let own = files.map(|path| {
        let bytes = fs::read(&path).unwrap();
        (path.strip_prefix(world.home()).unwrap().to_owned(), bytes)
    });
    own.collect()
}

/// The doubt about a generation that the ledger no longer has is void; about the custody it holds.
#[test]
fn a_doubt_about_what_is_not_in_the_ledger_is_refused() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    let backup = Backup::of(&world);
    world.statistics("income").unwrap();
    backup.put_back(&world, Life::PutBack);
    let service = world.open();
    let about = Doubted::Key { domain: name("income"), generation: Generation::FIRST };
    let error = world.kit(0).doubt(about, service.view(), service.now()).unwrap_err();
    assert_eq!(error.code(), "unknown-domain");
    let about = Doubted::Custody { epoch: Epoch(1) };
    world.kit(0).doubt(about, service.view(), service.now()).unwrap();
}

// A disaster in the middle of a dealing.

/// A service of three, two of whom are needed, in which a dealing waits for this many receipts.
fn dealt(receipts: usize) -> World {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    world.code("population", "first", &PEOPLE).unwrap();
    world.deal().unwrap();
    for kit in 0..receipts {
        let receipt = world.accept(&world.kits[kit]);
        world.open().receipt(receipt).unwrap();
    }
    world
}

/// The same people get the same codes, in whatever epoch.
fn same_codes(world: &World, file: &str) {
    codes_on(world, file);
    assert_eq!(world.codes(file), world.codes("first"), "{file}");
}

/// At each moment of a dealing the home is lost and a backup of before is put back: with the copy
/// of the ledger, from custodians, with `keys/` kept or old. No key is called lost that is sealed
/// in the epoch that works or in the one that waits, and coding goes on.
#[test]
fn a_dealing_outlives_the_home_at_each_of_its_moments() {
    for (moment, keeps_keys, copy_is_left) in (0..4)
        .flat_map(|moment| [true, false].map(|keys| (moment, keys)))
        .flat_map(|(moment, keys)| [true, false].map(|copy| (moment, keys, copy)))
    {
        let what = format!("{moment} receipts, keys kept: {keeps_keys}, a copy: {copy_is_left}");
        let world = World::founded(2, 3);
        world.statistics("population").unwrap();
        world.code("population", "first", &PEOPLE).unwrap();
        let backup = Backup::of(&world);
        world.deal().unwrap();
        for kit in 0..moment {
            let receipt = world.accept(&world.kits[kit]);
            world.open().receipt(receipt).unwrap();
        }
        for kit in 0..3 {
            world.check(kit);
        }
        let before = lines(&world);
        let kept = scratch();
        copy_tree(&world.home().join("keys"), kept.path());
        backup.put_back(&world, if copy_is_left { Life::Stays } else { Life::Lost });
        if keeps_keys {
            fs::remove_dir_all(world.home().join("keys")).unwrap();
            copy_tree(kept.path(), &world.home().join("keys"));
        }
        let plan =
            recovery(&world, &[0, 1, 2], &[]).unwrap_or_else(|error| panic!("{what}: {error}"));
        // With the keys of before the dealing, what works now opens nothing: so it must be said.
        let lost = moment == 3 && !keeps_keys;
        assert_eq!(plan.plan.lost_keys.len(), usize::from(lost), "{what}");
        drop(plan);
        let (service, _) = recover(&world, &[0, 1, 2], &[]).unwrap();
        assert!(lines(&world).starts_with(&before), "{what}: events are missing");
        let working = service.state().working_epoch().unwrap().0;
        assert_eq!(working, Epoch(if moment == 3 { 2 } else { 1 }), "{what}");
        drop(service);
        all_follow(&world);
        if lost {
            assert_eq!(code_of(world.code("population", "again", &PEOPLE)), "key-lost");
            continue;
        }
        same_codes(&world, "again");
        if moment < 3 {
            // The dealing goes on where its seals are, and can be given up everywhere.
            let begins = keeps_keys && world.path("shares").exists() && moment % 2 == 0;
            let done = if begins { receive_rest(&world) } else { world.abandon(2) };
            done.unwrap_or_else(|error| panic!("{what}: {error}"));
            same_codes(&world, "afterwards");
            world.deal().unwrap();
            receive_rest(&world).unwrap();
            same_codes(&world, "at last");
        }
    }
}

fn receive_rest(world: &World) -> Result<(), ServiceError> {
    for kit in &world.kits {
        let missing = world.ledger().state.pending_epoch().map(|(_, of)| of.missing());
        if missing.is_some_and(|missing| missing.contains(Kit::open(kit, None).unwrap().name())) {
            let receipt = world.accept(kit);
            world.open().receipt(receipt)?;
        }
    }
    Ok(())
}

fn code_of<T>(outcome: Result<T, ServiceError>) -> &'static str {
    outcome.err().expect("it was not refused").code()
}

/// The new epoch works, and the former custodians alone have a ledger of before: what they follow
/// is not taken, for those who came may have coded under their shares. Who came brings it back.
#[test]
fn dismissed_custodians_do_not_bring_their_epoch_back() {
    let mut world = dealt(0);
    world.abandon(2).unwrap();
    let former = world.kits.clone();
    // Nobody of the former three is among the new ones.
    let kits: Vec<PathBuf> =
        (4..=6).map(|i| world.kits_directory.path().join(format!("kit-{i}"))).collect();
    let new = |kit: &PathBuf| {
        let name = format!("new-{}", kit.file_name().unwrap().to_str().unwrap());
        Kit::create(kit, cstatns::name::Name::new(&name).unwrap(), false, None).unwrap()
    };
    let cards = kits.iter().map(new).collect();
    let backup = Backup::of(&world);
    world.deal_to(2, cards, Vec::new()).unwrap();
    for kit in 0..3 {
        world.check(kit);
    }
    world.kits = kits.clone();
    world.receive().unwrap();
    let keys = scratch();
    copy_tree(&world.home().join("keys"), keys.path());
    same_codes(&world, "coded by the new ones");
    backup.put_back(&world, Life::Lost);
    fs::remove_dir_all(world.home().join("keys")).unwrap();
    copy_tree(keys.path(), &world.home().join("keys"));

    world.kits = former;
    assert_eq!(code_of(recover(&world, &[0, 1, 2], &[]).map(drop)), "recovery-kits");
    world.kits = kits;
    let recovered = recovery(&world, &[0, 1, 2], &[]).unwrap();
    assert_eq!(recovered.plan.lost_keys.len(), 0);
    recovered.carry_out(Some(&read_lines)).map(drop).unwrap();
    same_codes(&world, "again");
}

/// The seals of a dealing that waits come back from a mirror: without them it would not begin.
#[test]
fn seals_of_a_dealing_that_waits_come_back_from_a_mirror() {
    let mut world = World::new(2, 3);
    world.mirrors = vec![world.path("mirror")];
    world.init().unwrap();
    world.receive().unwrap();
    world.statistics("population").unwrap();
    world.code("population", "first", &PEOPLE).unwrap();
    let backup = Backup::of(&world);
    world.deal().unwrap();
    backup.put_back(&world, Life::Stays);
    let plan = recovery(&world, &[0, 1, 2], &[]).unwrap().plan;
    let found: Vec<u32> = plan.found_keys.iter().map(|key| key.generation.get()).collect();
    assert_eq!((found, plan.lost_keys.len()), (vec![1], 0));
    recover(&world, &[0, 1, 2], &[]).map(drop).unwrap();
    receive_rest(&world).unwrap();
    assert_eq!(world.open().state().working_epoch().unwrap().0, Epoch(2));
    same_codes(&world, "again");
}

/// A question to give a dealing up was open when the home was lost: it may have been given up, and
/// its seals be gone. It is given up then, and its number is not used again.
#[test]
fn a_dealing_that_may_have_been_given_up_is_given_up() {
    let world = dealt(1);
    let mut service = world.open();
    let action = Action::Abandon { epoch: Epoch(2) };
    let draft = service.propose(action, SignedDuration::from_mins(10)).unwrap();
    let backup = Backup::of(&world);
    let gathered = service.gather(draft, |gathering| {
        gathering.wait_for_others();
        world.sent(gathering, &[0])
    });
    assert_eq!(code_of(gathered.map(drop)), "too-few-approvals");
    drop(service);
    backup.put_back(&world, Life::Lost);
    recover(&world, &[0, 1, 2], &[]).map(drop).unwrap();
    let service = world.open();
    let dealing = &service.state().epochs()[&Epoch(2)];
    let seals = fs::read_dir(world.home().join("keys")).unwrap();
    let of_it = seals
        .filter(|seal| seal.as_ref().unwrap().file_name().to_str().unwrap().ends_with(".2.key"));
    assert_eq!((dealing.abandoned, of_it.count()), (true, 0));
    assert_eq!(service.state().next_epoch(), Epoch(3));
    drop(service);
    same_codes(&world, "again");
    assert_eq!(violations(&world, &world.open()), [""; 0]);
}
