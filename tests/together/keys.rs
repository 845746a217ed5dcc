//! No output under any key but the ledger's; what is destroyed stays destroyed.

#![allow(clippy::print_stderr)]

use crate::common;

use std::fs;
use std::path::{Path, PathBuf};
use std::slice::from_ref;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use cstatns::code::{Code, Generation};
use cstatns::coded::Coded as _;
use cstatns::dealing::Epoch;
use cstatns::domain::{Kind, RenewalReason};
use cstatns::files::faults::{self, stop_after};
use cstatns::identifier::Scheme;
use cstatns::keystore::{KeyPlace, Keystore};
use cstatns::ledger::event::Lapse;
use cstatns::name::{Hex, canonical_json};
use cstatns::proposal::{Action, Input};
use cstatns::received::{Received, ReceivedFile};
use cstatns::secret::Secret;
use cstatns::service::{Recovered, ServiceError};
use cstatns::state::Fate;

use common::crash::{Snapshot, copy_tree, facts, names, temporaries, violations};
use common::{PEOPLE, World, code_lines, generation, name, only};

/// Two statistical domains, the first of two generations, and two projects, each with a result.
fn domains(world: &World) {
    world.statistics("population").unwrap();
    world.code("population", "population-1", &PEOPLE).unwrap();
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    world.statistics("income").unwrap();
    world.research("benefits", "2026-06-30").unwrap();
    world.research("asthma", "2026-06-30").unwrap();
    for domain in ["population", "income", "benefits", "asthma"] {
        world.code(domain, domain, &PEOPLE).unwrap();
    }
}

fn seal(world: &World, domain: &str, generation: u32) -> PathBuf {
    world.home().join(format!("keys/{domain}.{generation}.1.key"))
}

/// The last event of the ledger.
fn last_event(world: &World) -> serde_json::Value {
    let ledger = fs::read_to_string(world.home().join("ledger.jsonl")).unwrap();
    let line: serde_json::Value = serde_json::from_str(ledger.lines().last().unwrap()).unwrap();
    line["event"].clone()
}

/// Coding is refused with this code, and leaves nothing.
fn refuses(world: &World, domain: &str, code: &str, why: &str) {
    let before = facts(&world.open());
    let refused = world.code(domain, "refused", &PEOPLE).expect_err(why);
    assert_eq!(refused.code(), code, "{why}");
    assert!(!world.path("refused.result").exists() && temporaries(world).is_empty(), "{why}");
    assert_eq!(
        fs::read_to_string(world.path("refused.request")).unwrap(),
        PEOPLE.join("\n"),
        "{why}"
    );
    assert_eq!(facts(&world.open()), before, "{why}");
}

/// The same people get the codes that they had.
fn codes_as_before(world: &World, domain: &str) {
    let file = format!("again-{domain}");
    world.code(domain, &file, &PEOPLE).unwrap();
    assert_eq!(world.codes(&file), world.codes(domain));
}

#[test]
fn a_seal_in_another_s_place_is_refused() {
    let world = World::founded(2, 2);
    domains(&world);
    let snapshot = Snapshot::of(&world);
    let places =
        [("population", 1), ("population", 2), ("income", 1), ("benefits", 1), ("asthma", 1)];
    let mut swapped = 0;
    for (domain, number) in places {
        for (other, other_number) in places {
            if (domain, number) == (other, other_number) {
                continue;
            }
            for relabelled in [false, true] {
                snapshot.restore(&world);
                let (place, other) =
                    (seal(&world, domain, number), seal(&world, other, other_number));
                let mut file: serde_json::Value =
                    serde_json::from_slice(&fs::read(&other).unwrap()).unwrap();
                if relabelled {
                    let own: serde_json::Value =
                        serde_json::from_slice(&fs::read(&place).unwrap()).unwrap();
                    file["label"] = own["label"].clone();
                }
                fs::write(&place, file.to_string()).unwrap();
                let why = format!("{domain} {number} with {other:?}, relabelled: {relabelled}");
                // A project's damaged seal and its damaged life secret look the same.
                let project = relabelled && ["benefits", "asthma"].contains(&domain);
                refuses(&world, domain, if project { "seal-or-life-secret" } else { "seal" }, &why);
                swapped += 1;
            }
        }
    }
    assert_eq!(swapped, 40);
    for (domain, number) in places {
        snapshot.restore(&world);
        fs::remove_file(seal(&world, domain, number)).unwrap();
        refuses(&world, domain, "seal", "a missing seal");
        // Others go on, and so does this one once its seal is back.
        let other = if domain == "income" { "benefits" } else { "income" };
        codes_as_before(&world, other);
        fs::copy(
            snapshot.file(&format!("home/keys/{domain}.{number}.1.key")),
            seal(&world, domain, number),
        )
        .unwrap();
        codes_as_before(&world, domain);
    }
}

#[test]
fn a_seal_of_an_older_backup_is_refused() {
    let world = World::founded(2, 2);
    world.statistics("population").unwrap();
    world.code("population", "known", &PEOPLE).unwrap();
    // A new key that was made and never came into the ledger: its seal may lie in a backup.
    let under = world.directory.path();
    let backup = world.path("backup.key");
    let new = seal(&world, "population", 2);
    let made = (0..90).find(|n| {
        let _ = stop_after(under, *n, || world.new_key("population", RenewalReason::Scheduled));
        let made = new.exists();
        if made {
            fs::copy(&new, &backup).unwrap();
        }
        let undone = world.open();
        assert_eq!(
            undone.state().domain(&name("population")).unwrap().generation(),
            Generation::FIRST
        );
        made
    });
    assert!(made.is_some() && !new.exists());
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    fs::copy(&backup, &new).unwrap();
    refuses(&world, "population", "seal", "the seal of a key that never was");
    let refused = world.renew("population", "renewed", &world.codes("known")).unwrap_err();
    assert_eq!(refused.code(), "seal");

    // A service rebuilt under the same name, with the same custodians' names and the same domain.
    let rebuilt = World::founded(2, 2);
    rebuilt.statistics("population").unwrap();
    rebuilt.code("population", "known", &PEOPLE).unwrap();
    assert!(rebuilt.codes("known").iter().all(|code| !world.codes("known").contains(code)));
    fs::copy(seal(&world, "population", 1), seal(&rebuilt, "population", 1)).unwrap();
    refuses(&rebuilt, "population", "seal", "another service's seal");
}

/// A founding that is undone leaves its places to the next one, and those of another service alone.
#[test]
fn places_are_withdrawn_by_the_service_that_declared_them() {
    let directory = common::scratch();
    let lives = ["one", "other"].map(|life| directory.path().join(life)).to_vec();
    lives.iter().for_each(|life| fs::create_dir(life).unwrap());
    let keystore = Keystore::new(directory.path().join("keys"), lives);
    let there = |service: &str| keystore.places_there(service).count();
    let (first, second) =
        ("office.aaaaaaaaaaaaaaaaaaaaaaaaaa", "office.bbbbbbbbbbbbbbbbbbbbbbbbbb");
    keystore.declare_places(first).unwrap();
    keystore.withdraw_places(second).unwrap();
    assert_eq!((there(first), there(second)), (2, 0));
    keystore.withdraw_places(first).unwrap();
    assert_eq!((there(first), there(second)), (0, 0));
    keystore.declare_places(second).unwrap();
    assert_eq!((there(first), there(second)), (0, 2));
}

#[test]
fn a_bit_changed_anywhere_in_a_seal_is_seen() {
    let directory = common::scratch();
    let (keys, life) = (directory.path().join("keys"), directory.path().join("life"));
    fs::create_dir(&keys).unwrap();
    fs::create_dir(&life).unwrap();
    let keystore = Keystore::new(keys, vec![life.clone()]);
    keystore.declare_places("test").unwrap();
    let root = Secret::random();
    let mut flips = 0;
    for (domain, kind) in [
        (name("population"), Kind::Statistics { cryptoperiod_years: 5 }),
        (name("benefits"), Kind::Research { ends: "2026-06-30".parse().unwrap() }),
    ] {
        let secret = kind.is_research().then(Secret::random);
        if let Some(secret) = &secret {
            fs::write(life.join("benefits.life"), secret.expose()).unwrap();
        }
        let generation = Generation::FIRST;
        let place =
            KeyPlace { service: "test", epoch: Epoch::FIRST, domain: &domain, kind, generation };
        let (check, seal) = Keystore::seal(&root, secret.as_ref(), &place).unwrap();
        fs::write(keystore.seal_path(&domain, generation, Epoch::FIRST), seal).unwrap();
        let label = place.label(check);
        assert_eq!(keystore.open(&root, &label).unwrap().key.check_value(), label.check);
        let mut files = vec![keystore.seal_path(&domain, generation, Epoch::FIRST)];
        if kind.is_research() {
            files.push(life.join("benefits.life"));
        }
        for path in files {
            let whole = fs::read(&path).unwrap();
            for bit in 0..whole.len() * 8 {
                let mut bytes = whole.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                fs::write(&path, bytes).unwrap();
                let opened = keystore.open(&root, &label);
                assert!(opened.is_err(), "bit {} of byte {} of {path:?}", bit % 8, bit / 8);
                flips += 1;
            }
            for length in 0..whole.len() {
                fs::write(&path, &whole[..length]).unwrap();
                // The line feed at the end says nothing.
                assert!(
                    keystore.open(&root, &label).is_err() || whole[length..] == *b"\n",
                    "{length}"
                );
            }
            fs::write(&path, whole).unwrap();
        }
        assert_eq!(keystore.open(&root, &label).unwrap().key.check_value(), label.check);
        let code = if kind.is_research() { "seal-or-life-secret" } else { "seal" };
        assert_eq!(
            keystore.open(&Secret::random(), &label).err().unwrap().code(),
            code,
            "another root"
        );
    }
    eprintln!("{flips} bits");
    assert!(flips > 5000);
}

#[test]
fn life_secrets_swapped_missing_and_in_two_places() {
    let mut world = World::new(2, 2);
    world.life = vec![world.path("life-a"), world.path("life-b")];
    world.init().unwrap();
    world.receive().unwrap();
    domains(&world);
    let snapshot = Snapshot::of(&world);
    let [a, b] = ["a", "b"].map(|place| world.path(&format!("life-{place}/benefits.life")));
    assert_eq!(fs::read(&a).unwrap(), fs::read(&b).unwrap());

    fs::remove_file(&a).unwrap();
    codes_as_before(&world, "benefits");
    fs::remove_file(&b).unwrap();
    refuses(&world, "benefits", "life-secret", "no life secret");
    codes_as_before(&world, "asthma");

    type Harm<'a> = &'a dyn Fn(&Path);
    let asthma = world.path("life-a/asthma.life");
    let harms: [(&str, Harm<'_>); 3] = [
        ("another project's", &|place| fs::copy(&asthma, place).map(|_| ()).unwrap()),
        ("made up", &|place| fs::write(place, [0; 32]).unwrap()),
        ("too long", &|place| fs::write(place, [0; 33]).unwrap()),
    ];
    for (why, harm) in harms {
        snapshot.restore(&world);
        harm(&a);
        // The sound copy in the other place serves, for codes and for the next key, and the damaged
        // one is named.
        codes_as_before(&world, "benefits");
        world.new_key("benefits", RenewalReason::Scheduled).unwrap();
        fs::copy(&b, &a).unwrap();
        world.code("benefits", "next", &PEOPLE).unwrap();
        snapshot.restore(&world);
        harm(&a);
        let mut service = world.open();
        let request = world.request("named", &PEOPLE);
        let action = world.code_action(&service, "benefits", &request);
        let quorum = world.quorum(&mut service, action).unwrap();
        service
            .code(quorum, from_ref(&request.files), |coder, out| code_lines(coder, &request, out))
            .unwrap();
        assert_eq!(service.damaged_lives().iter().collect::<Vec<_>>(), [&a], "{why}");
        drop(service);
        harm(&b);
        let refused = world.code("benefits", "two", &PEOPLE).unwrap_err();
        assert_eq!(refused.code(), "seal-or-life-secret", "{why}");
        assert!(!world.path("two.result").exists());
        harm(&a);
        fs::remove_file(&b).unwrap();
        let refused = world.code("benefits", "two", &PEOPLE).unwrap_err();
        assert_eq!(refused.code(), "seal-or-life-secret", "{why}");
    }

    // A place that is not mounted: nothing is drawn or destroyed there and elsewhere.
    snapshot.restore(&world);
    let (place, away) = (world.path("life-b"), world.path("away"));
    fs::rename(&place, &away).unwrap();
    codes_as_before(&world, "benefits");
    assert_eq!(world.research("heart", "2026-06-30").unwrap_err().code(), "life-place");
    assert!(!world.open().state().domains().contains_key(&name("heart")));
    assert!(!world.path("life-a/heart.life").exists());
    // Its mount point, empty, is not the place either.
    fs::create_dir(&place).unwrap();
    world.clock.set("2026-07-01T00:00:00Z");
    confirm(&world);
    world.open().expire().unwrap();
    world.clock.set("2026-07-02T00:00:00Z");
    assert_eq!(world.open().expire().unwrap_err().code(), "life-place");
    assert_eq!(world.open().status().past_their_end().count(), 2, "and `status` says so");
    assert!(world.path("life-a/benefits.life").exists() && away.join("benefits.life").exists());
    refuses(&world, "benefits", "project-ended", "past its end");
    fs::remove_dir(&place).unwrap();
    fs::rename(&away, &place).unwrap();
    world.open().expire().unwrap();
    assert_eq!(world.open().status().past_their_end().count(), 0);
    assert_eq!(names(&place).len(), 3, "only the marker and the copy of the ledger");
    assert_eq!(violations(&world, &world.open()), [""; 0]);

    // Closed while a place is away: refused before anybody is asked, and nothing is recorded.
    snapshot.restore(&world);
    let events = world.open().history().size();
    fs::rename(&place, &away).unwrap();
    assert_eq!(world.close("benefits").unwrap_err().code(), "life-place");
    assert_eq!(world.open().history().size(), events);
    fs::rename(&away, &place).unwrap();
    world.close("benefits").unwrap();
    assert_eq!(violations(&world, &world.open()), [""; 0]);
}

/// A quorum's run, which confirms the clock.
fn confirm(world: &World) {
    world.confirms.set(true);
    let file = format!("confirm-{}", world.open().state().deliveries().len());
    world.code("income", &file, &PEOPLE).unwrap();
    world.confirms.set(false);
}

#[test]
fn a_destroyed_key_stays_destroyed() {
    for by in ["close", "expire"] {
        let world = World::founded(2, 3);
        domains(&world);
        let old = Snapshot::of(&world);
        if by == "close" {
            world.close("benefits").unwrap();
        } else {
            world.clock.set("2026-07-01T00:00:00Z");
            confirm(&world);
            world.open().expire().unwrap();
            world.clock.set("2026-07-02T00:00:00Z");
            world.open().expire().unwrap();
        }
        assert_eq!(last_event(&world)["how"], "overwritten", "{by}");
        assert!(
            !seal(&world, "benefits", 1).exists()
                && !world.home().join("life/benefits.life").exists()
        );
        refuses(&world, "benefits", "keys-destroyed", by);
        assert_eq!(
            world.new_key("benefits", RenewalReason::Doubt).unwrap_err().code(),
            "keys-destroyed"
        );
        assert_eq!(world.extend("benefits", "2027-01-01").unwrap_err().code(), "keys-destroyed");
        assert_eq!(world.research("benefits", "2027-01-01").unwrap_err().code(), "domain-exists");
        codes_as_before(&world, "income");

        // The backup of keys/ put back: the ledger says no.
        copy_tree(&old.file("home/keys"), &world.home().join("keys"));
        refuses(&world, "benefits", "keys-destroyed", "with the backup of keys/");

        // The whole home as it was, with the earlier ledger and every share, everything but life/:
        // the custodians' kits have seen more, so their backups are taken as well.
        let kits: Vec<PathBuf> = world.kits.clone();
        assert_eq!(kits.len(), 3);
        for fake in [None, Some([0; 32]), Some([7; 32])] {
            old.restore(&world);
            fs::remove_file(world.home().join("life/benefits.life")).unwrap();
            if let Some(bytes) = fake {
                fs::write(world.home().join("life/benefits.life"), bytes).unwrap();
            }
            let expected = if fake.is_some() { "seal-or-life-secret" } else { "life-secret" };
            refuses(&world, "benefits", expected, "everything but life/");
            // Others show that the rest of the backup is whole.
            codes_as_before(&world, "asthma");
            codes_as_before(&world, "population");
        }
        // The other project's life secret, and a seal said to be a statistical one.
        old.restore(&world);
        fs::copy(world.home().join("life/asthma.life"), world.home().join("life/benefits.life"))
            .unwrap();
        refuses(&world, "benefits", "seal-or-life-secret", "another project's life secret");
        old.restore(&world);
        fs::remove_file(world.home().join("life/benefits.life")).unwrap();
        let text = fs::read_to_string(seal(&world, "benefits", 1)).unwrap();
        fs::write(seal(&world, "benefits", 1), text.replace("research", "statistics")).unwrap();
        assert!(world.code("benefits", "statistical", &PEOPLE).is_err());
        assert!(!world.path("statistical.result").exists());
        // With life/ it would be the old home again: that is why it must not be backed up.
        old.restore(&world);
        codes_as_before(&world, "benefits");
    }
}

#[test]
fn domains_share_nothing() {
    let world = World::founded(2, 2);
    domains(&world);
    let all: Vec<Vec<Code>> = ["population", "population-1", "income", "benefits", "asthma"]
        .map(|domain| world.codes(domain))
        .into();
    let mut seen = std::collections::BTreeSet::new();
    for code in all.iter().flatten() {
        // Not even eight bytes at any place: in 20 codes that does not happen by chance.
        for window in code.bytes().windows(8) {
            assert!(seen.insert(window.to_vec()));
        }
    }
    let tags: std::collections::BTreeSet<_> =
        all.iter().map(|codes| codes[0].tag().to_string()).collect();
    assert_eq!(tags.len(), 4, "a domain is told by its tag");
}

#[test]
fn a_doubt_stops_a_generation_and_what_goes_into_it() {
    let world = World::founded(2, 3);
    domains(&world);
    for domain in ["population", "benefits"] {
        let old = if domain == "population" {
            world.codes("population-1")
        } else {
            world.codes("benefits")
        };
        world.doubt(domain, 2).unwrap();
        // Once by each custodian.
        assert_eq!(world.doubt(domain, 2).unwrap_err().code(), "already-doubted");
        world.doubt(domain, 1).unwrap();
        refuses(&world, domain, "key-doubted", "doubted");
        if domain == "population" {
            assert_eq!(world.renew(domain, "into", &old).unwrap_err().code(), "key-doubted");
            assert!(!world.path("into.result").exists() && world.path("into.request").exists());
        }
        assert_eq!(
            world.new_key(domain, RenewalReason::Scheduled).unwrap_err().code(),
            "reason-is-doubt"
        );
        world.new_key(domain, RenewalReason::Doubt).unwrap();
        // From the doubted generation, and through it.
        world.renew(domain, &format!("{domain}-from"), &world.codes(domain)).unwrap();
        world.renew(domain, &format!("{domain}-through"), &old).unwrap();
        world.code(domain, &format!("{domain}-new"), &PEOPLE).unwrap();
        let renewed = world.codes(&format!("{domain}-from"));
        assert_eq!(world.codes(&format!("{domain}-through")), renewed);
        assert_eq!(world.codes(&format!("{domain}-new")), renewed);
        assert!(world.codes(domain).iter().all(|code| !renewed.contains(code)));
    }
    codes_as_before(&world, "income");
}

/// R16: a project's next key is sealed under the life secret of its present one, so that one is
/// opened, and the ledger and the custodians are told so.
#[test]
fn a_projects_next_key_names_the_one_that_it_opens() {
    let world = World::founded(2, 2);
    domains(&world);
    let keys = |domain: &str| {
        world.new_key(domain, RenewalReason::Scheduled).unwrap();
        let ledger = std::fs::read_to_string(world.home().join("ledger.jsonl")).unwrap();
        let lines = ledger.lines().map(|line| serde_json::from_str(line).unwrap());
        let events: Vec<serde_json::Value> = lines.collect();
        let mut newest = events.iter().rev();
        newest.find(|line| line["event"]["type"] == "intent").unwrap()["event"]["keys"].clone()
    };
    for generation in [1, 2] {
        let opened = serde_json::json!([{ "domain": "benefits", "generation": generation }]);
        assert_eq!(keys("benefits"), opened);
    }
    assert_eq!(keys("population"), serde_json::json!([]));
}

/// The action that codes this request.
fn coding(domain: &str, number: u32, input: Input, keep_request: bool) -> Action {
    Action::Code {
        domain: name(domain),
        generation: generation(number),
        scheme: Scheme::FrNir,
        purpose: name("test"),
        inputs: vec![input],
        recipient: None,
        keep_request,
        look_up: None,
    }
}

#[test]
fn a_request_and_what_lies_beside_it_are_destroyed() {
    let world = World::founded(2, 2);
    world.statistics("population").unwrap();
    let snapshot = Snapshot::of(&world);
    let code = |file: &str, keep: bool| -> Result<_, ServiceError> {
        let mut request = world.request(file, &PEOPLE);
        let beside = world.path(&format!("{file}.request.manifest.json"));
        fs::write(&beside, "{}").unwrap();
        request.files.request.push(beside);
        let mut service = world.try_open()?;
        let quorum = world.quorum(&mut service, coding("population", 1, request.input(), keep))?;
        let work = |coder: &_, out: &mut _| code_lines(coder, &request, out);
        service.code(quorum, from_ref(&request.files), work).map(only)
    };
    let (request, beside) =
        (world.path("batch.request"), world.path("batch.request.manifest.json"));

    // Another hard link shows that the bytes are gone, not only the name.
    fs::write(&request, PEOPLE.join("\n")).unwrap();
    fs::hard_link(&request, world.path("link")).unwrap();
    let made = code("batch", false).unwrap();
    assert!(!request.exists() && !beside.exists());
    assert_eq!(fs::read(world.path("link")).unwrap(), b"");
    let event = last_event(&world);
    assert_eq!((&event["type"], &event["how"]), (&"destroyed".into(), &"overwritten".into()));
    assert_eq!(event["what"]["run"], made.delivery.run.to_string());

    // Kept against the scheme: recorded so, and the result can still be delivered.
    let kept = code("kept", true).unwrap();
    assert!(kept.request_kept && world.path("kept.request").exists());
    assert_eq!(last_event(&world)["type"], "coded");
    assert_eq!(violations(&world, &world.open()), [""; 0]);
    world.deliver("kept", &kept).unwrap();
    assert!(world.path("kept.request").exists() && !world.path("kept.result").exists());

    // Stopped before it was destroyed; meanwhile somebody took it away, or spoiled the journal.
    let mut seen = 0;
    for n in 0..150 {
        snapshot.restore(&world);
        let _ = stop_after(world.directory.path(), n, || code("batch", false));
        let coded =
            fs::read_to_string(world.home().join("ledger.jsonl")).unwrap().contains("\"coded\"");
        if !coded || !request.exists() || n % 3 != 0 {
            continue;
        }
        let journal = world
            .home()
            .join("outbox")
            .join(names(&world.home().join("outbox")).pop_first().unwrap());
        let bytes = fs::read(&journal).unwrap();
        fs::write(&journal, "spoiled").unwrap();
        assert_eq!(
            world.open().unpaid().unwrap().code(),
            "home-damaged",
            "what it names is not called absent"
        );
        assert!(request.exists());
        fs::write(&journal, bytes).unwrap();
        fs::remove_file(&request).unwrap();
        fs::remove_file(&beside).unwrap();
        let (_, said) = world.reopen().unwrap();
        assert!(said.iter().any(|one| matches!(one, Recovered::Destroyed { .. })), "{n}: {said:?}");
        assert_eq!(last_event(&world)["how"], "absent");
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn a_result_goes_when_the_counterpart_has_it() {
    let world = World::founded(2, 2);
    world.statistics("population").unwrap();
    let made = world.code("population", "batch", &PEOPLE).unwrap();
    let (result, received) = (world.path("batch.result"), world.receipt(&made));
    fs::hard_link(&result, world.path("link")).unwrap();
    let deliver = |id, received: &Received| {
        let receipt = ReceivedFile::Unsigned(received.clone());
        let delivered = world.open().delivered(id, &receipt);
        delivered.map(drop).map_err(|error| error.code())
    };
    let whole = fs::read(&result).unwrap();
    let events = world.open().history().size();

    let mut others = vec![received.clone(); 8];
    others[0].service = "other.aaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned();
    others[1].domain = name("income");
    others[2].generation = Generation::FIRST.next();
    others[3].delivery.part = 2;
    others[4].delivery.run.0[0] ^= 1;
    others[5].request.0[0] ^= 1;
    others[6].result.0[31] ^= 1;
    others[7].rows += 1;
    for other in &others {
        assert_eq!(deliver(&made.delivery, other), Err("received-other"), "{other:?}");
    }
    let mut unknown = made.delivery;
    unknown.run.0[0] ^= 1;
    assert_eq!(deliver(&unknown, &received), Err("unknown-delivery"));
    fs::rename(&result, world.path("moved")).unwrap();
    assert_eq!(deliver(&made.delivery, &received), Err("result-missing"));
    fs::rename(world.path("moved"), &result).unwrap();
    assert_eq!(world.open().history().size(), events, "nothing was recorded");
    assert_eq!(fs::read(&result).unwrap(), whole, "and nothing destroyed");

    deliver(&made.delivery, &received).unwrap();
    assert!(!result.exists());
    assert_eq!(fs::read(world.path("link")).unwrap(), b"", "overwritten, not only unlinked");
    let event = last_event(&world);
    assert_eq!((&event["what"]["kind"], &event["how"]), (&"result".into(), &"overwritten".into()));
    assert_eq!(deliver(&made.delivery, &received), Err("already-delivered"));
    assert!(world.open().outgoing().is_empty() && names(&world.home().join("outbox")).is_empty());
}

#[test]
fn a_request_changed_after_approval_leaves_nothing() {
    let world = World::founded(2, 2);
    world.statistics("population").unwrap();
    let approved = world.request("batch", &PEOPLE);
    let swapped = [PEOPLE[1], PEOPLE[0], PEOPLE[2], PEOPLE[3]];
    let changed: [&[&str]; 3] = [&PEOPLE[..3], &[PEOPLE[0]; 4], &swapped];
    for values in changed {
        let mut service = world.open();
        let quorum =
            world.quorum(&mut service, coding("population", 1, approved.input(), false)).unwrap();
        let mut other = world.request("batch", values);
        // The secret of the manifest is known to whoever changes the request.
        other.key = cstatns::commitment::CommitmentKey::from_hex(&approved.key.to_hex()).unwrap();
        let refused = service
            .code(quorum, from_ref(&other.files), |coder, out| code_lines(coder, &other, out));
        assert_eq!(refused.unwrap_err().code(), "request-changed");
        drop(service);
        assert!(!world.path("batch.result").exists() && temporaries(&world).is_empty());
        assert_eq!(last_event(&world)["code"], "request-changed");
        assert_eq!(fs::read_to_string(world.path("batch.request")).unwrap(), PEOPLE.join("\n"));
        assert_eq!(violations(&world, &world.open()), [""; 0]);
    }
    // Too few are refused before anybody is asked: nothing is recorded.
    let (before, asked) = (world.open().history().size(), last_event(&world));
    let few = world.code("population", "few", &[PEOPLE[0]; 4]).unwrap_err();
    assert_eq!(few.code(), "too-few-values");
    assert!(!world.path("few.result").exists() && world.path("few.request").exists());
    assert_eq!((world.open().history().size(), last_event(&world)), (before, asked));
    world.code("population", "batch", &PEOPLE).unwrap();
}

/// What a quorum approved is what it can be used for.
#[test]
fn a_quorum_serves_its_own_verb_only() {
    let world = World::founded(2, 2);
    domains(&world);
    let request = world.request("batch", &PEOPLE);
    let input = request.input();
    let actions = [
        Action::Open {
            domain: name("new"),
            kind: Kind::Statistics { cryptoperiod_years: 5 },
            minimum_batch: 2,
            authorisation: None,
        },
        Action::Extend { domain: name("benefits"), ends: "2027-01-01".parse().unwrap() },
        coding("population", 2, input, false),
        Action::NewKey {
            domain: name("population"),
            generation: generation(3),
            reason: RenewalReason::Scheduled,
        },
        Action::Renew {
            domain: name("population"),
            from: generation(1),
            generation: generation(2),
            purpose: name("test"),
            inputs: vec![input],
            recipient: None,
            keep_request: false,
            of: None,
        },
        Action::Close { domain: name("benefits") },
    ];
    let mut service = world.open();
    let (before, events) = (facts(&service), service.history().size());
    let mut refused = 0;
    for (approved, action) in actions.iter().enumerate() {
        for used in (0..actions.len()).filter(|used| *used != approved) {
            let quorum = world.quorum(&mut service, action.clone()).unwrap();
            let outcome = match used {
                0 => service.open_domain(quorum),
                1 => service.extend(quorum),
                2 => service
                    .code(quorum, from_ref(&request.files), |_, _| unreachable!())
                    .map(|_| ()),
                3 => service.new_key(quorum),
                4 => service
                    .renew(quorum, from_ref(&request.files), |_, _| unreachable!())
                    .map(|_| ()),
                _ => service.close(quorum).map(drop),
            };
            assert_eq!(outcome.unwrap_err().code(), "other-action");
            refused += 1;
            // Nothing is recorded but the question and that it lapsed.
            let size = service.history().size();
            assert_eq!(size, events + 2 * refused);
            let asked = service.state().runs().values().find(|run| run.number == size - 1);
            let fate = &asked.unwrap().fate;
            assert!(matches!(fate, Fate::Lapsed { why: Lapse::Withdrawn, enough: true, .. }));
        }
    }
    assert_eq!(refused, 30);
    assert_eq!(facts(&service), before);
    assert_eq!(violations(&world, &service), [""; 0]);
}

/// A seal that is whole in every other way: made with the root secret, under the label that the
/// ledger gives.
#[test]
fn a_key_with_another_check_value_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let keystore = Keystore::new(directory.path().to_owned(), Vec::new());
    let (root, domain) = (Secret::<32>::random(), name("population"));
    let place = KeyPlace {
        service: "example.aaaaaaaaaaaaaaaaaaaaaaaaaa",
        epoch: Epoch::FIRST,
        domain: &domain,
        kind: Kind::Statistics { cryptoperiod_years: 5 },
        generation: Generation::FIRST,
    };
    let (check, seal) = Keystore::seal(&root, None, &place).unwrap();
    let label = place.label(check);
    let path = keystore.seal_path(&domain, Generation::FIRST, Epoch::FIRST);
    fs::write(&path, seal).unwrap();
    let genuine: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();

    // SPEC §10, with the nonce of the genuine seal.
    let mut sealing = [0; 32];
    let info =
        b"CStatNS/seal/2/CStatNS-HMAC-SHA-256/example.aaaaaaaaaaaaaaaaaaaaaaaaaa/1/statistics";
    hkdf::Hkdf::<sha2::Sha256>::new(None, root.expose()).expand(info, &mut sealing).unwrap();
    let cipher = XChaCha20Poly1305::new(&sealing.into());
    let nonce = Hex::<24>::parse(genuine["nonce"].as_str().unwrap().as_bytes()).unwrap();
    let aad = [b"CStatNS/seal/2/".as_slice(), &canonical_json(&label)].concat();
    let sealed = Hex::<48>::parse(genuine["sealed"].as_str().unwrap().as_bytes()).unwrap();
    let payload = Payload { msg: sealed.0.as_slice(), aad: &aad };
    let key = cipher.decrypt(&XNonce::from(nonce.0), payload).unwrap();
    for (flip, opens) in [(0, true), (1, false)] {
        let mut other = key.clone();
        other[7] ^= flip;
        let payload = Payload { msg: other.as_slice(), aad: &aad };
        let resealed = cipher.encrypt(&XNonce::from(nonce.0), payload).unwrap();
        let mut file = genuine.clone();
        file["sealed"] = data_encoding::HEXLOWER.encode(&resealed).into();
        fs::write(&path, file.to_string()).unwrap();
        let opened = keystore.open(&root, &label);
        assert_eq!(opened.err().map(|error| error.code()), (!opens).then_some("seal"));
    }
}

type Act = fn(&World) -> Result<(), ServiceError>;

/// What makes keys, and the files that it makes.
fn acts_that_make_keys(world: &World) -> [(Act, Vec<PathBuf>); 2] {
    let life = world.home().join("life/benefits.life");
    [
        (
            |world| world.new_key("population", RenewalReason::Scheduled),
            vec![seal(world, "population", 2)],
        ),
        (|world| world.research("benefits", "2026-06-30"), vec![seal(world, "benefits", 1), life]),
    ]
}

/// The ledger and checkpoint of an earlier day, and their copy beside the life secrets, with the
/// keys of today.
#[test]
fn a_key_that_the_ledger_does_not_know_is_never_destroyed() {
    let world = World::founded(2, 2);
    world.statistics("population").unwrap();
    world.code("population", "population", &PEOPLE).unwrap();
    let old = Snapshot::of(&world);
    let put_back = || {
        for file in ["ledger.jsonl", "checkpoint"] {
            for directory in ["", "life"] {
                let old = old.file("home").join(directory).join(file);
                fs::copy(old, world.home().join(directory).join(file)).unwrap();
            }
        }
        // The custodians' memories too: they would refuse the shorter ledger before anything else.
        for (number, kit) in world.kits.iter().enumerate() {
            let copy = old.kit(number + 1);
            for file in ["memory", "ledger.zst"] {
                fs::copy(copy.join(file), kit.join(file)).unwrap();
            }
        }
    };
    let bytes = |paths: &[PathBuf]| -> Vec<Vec<u8>> {
        paths.iter().map(|path| fs::read(path).unwrap()).collect()
    };
    for (act, files) in acts_that_make_keys(&world) {
        old.restore(&world);
        act(&world).unwrap();
        assert_eq!(world.open().unknown_keys().unwrap(), [], "the ledger knows its own keys");
        let keys = bytes(&files);
        put_back();
        let service = world.open();
        let mut unknown: Vec<PathBuf> = service.status().unknown_keys;
        unknown.sort();
        let mut expected = files.clone();
        expected.sort();
        assert_eq!(unknown, expected, "`status` says which");
        let events = service.history().size();
        drop(service);
        for _ in 0..2 {
            assert_eq!(act(&world).unwrap_err().code(), "unknown-key");
        }
        assert_eq!(world.open().history().size(), events, "refused before the intent");
        assert_eq!(bytes(&files), keys, "not touched");
        codes_as_before(&world, "population");
        world.statistics("income").unwrap();
        assert_eq!(bytes(&files), keys, "nor by a run of another domain");
    }
}

/// A run that is undone takes back what its own journal names: not a key that was put there after
/// the stop.
#[test]
fn undoing_a_run_spares_a_key_that_it_did_not_make() {
    let world = World::founded(2, 2);
    world.statistics("population").unwrap();
    world.code("population", "population", &PEOPLE).unwrap();
    let old = Snapshot::of(&world);
    let under = world.directory.path();
    for (act, files) in acts_that_make_keys(&world) {
        let steps = faults::count(under, || act(&world).unwrap());
        let (mut undone, mut spared) = (0, 0);
        for step in 0..steps {
            old.restore(&world);
            if faults::stop_after(under, step, || act(&world)).is_ok() {
                continue;
            }
            // The keys of another day are put in the place of what the run may have made.
            for file in &files {
                fs::write(file, b"a key of another day").unwrap();
            }
            let (service, said) = world.reopen().unwrap();
            undone += usize::from(said.iter().any(|said| matches!(said, Recovered::Undone { .. })));
            for file in &files {
                assert_eq!(fs::read(file).unwrap(), b"a key of another day", "step {step}");
                spared += 1;
            }
            drop(service);
        }
        assert!(undone > 3 && spared > 10, "{undone} undone, {spared} spared");
        old.restore(&world);
    }
}
