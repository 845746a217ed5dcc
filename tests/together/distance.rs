//! Custodians who approve elsewhere (SPEC §9): what a kit takes of a proposal that was sent, what
//! the service takes of approvals that come in, and what the ledger says if it comes to no run.

use crate::common;

use std::fs;
use std::io::Read;

use common::crash::copy_tree;
use common::{PEOPLE, World, name, to_open};
use cstatns::audit::{self, Audit};
use cstatns::coded::Coded as _;
use cstatns::custody::approval::Approval;
use cstatns::custody::custodian::{Kit, Remark, question_for};
use cstatns::ledger::event::{Event, Lapse, Line};
use cstatns::name::Hex;
use cstatns::proposal::Consent;
use cstatns::proposal_file::ProposalFile;
use cstatns::receipt::Doubted;
use cstatns::service::{Gathering, Reader, Service, ServiceError};
use cstatns::state::Fate;
use data_encoding::BASE64;
use jiff::SignedDuration;
use serde_json::{Value, json};

const TEN: SignedDuration = SignedDuration::from_mins(10);

/// The events from this one on.
fn events(world: &World, first: usize) -> Vec<Event> {
    let ledger = fs::read_to_string(world.home().join("ledger.jsonl")).unwrap();
    ledger
        .lines()
        .skip(first)
        .map(|line| serde_json::from_str::<Line>(line).unwrap().event)
        .collect()
}

fn words(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(Event::word).collect()
}

fn audited(world: &World) -> Audit {
    let card = world.open().card().clone();
    let audit = audit::verify(&world.home().join("ledger.jsonl"), &card, &[], &[]).unwrap();
    assert!(audit.holds(), "{audit}");
    audit
}

fn notices(world: &World) -> Vec<&'static str> {
    audited(world).notices.iter().map(|notice| notice.code).collect()
}

/// A question is asked, and `with` sees it before nobody is waited for any more.
fn asked<T>(
    world: &World,
    service: &mut Service,
    domain: &str,
    with: impl FnOnce(&mut Gathering<'_>) -> T,
) -> T {
    let draft = service.propose(to_open(domain), TEN).unwrap();
    let mut seen = None;
    let ended = service.gather(draft, |gathering| {
        gathering.wait_for_others();
        seen = Some(with(gathering));
        Err::<(), _>(ServiceError::RequestChanged)
    });
    assert!(ended.is_err());
    assert!(world.ledger().state.open_questions().is_empty());
    seen.unwrap()
}

fn by(consents: &[Consent]) -> Vec<&str> {
    consents.iter().map(|consent| consent.body.by.as_str()).collect()
}

#[test]
fn a_run_is_approved_elsewhere_or_partly() {
    let world = World::founded(2, 3);
    let before = world.ledger().history.size() as usize;
    world.statistics_at_a_distance("population").unwrap();
    assert_eq!(words(&events(&world, before)), ["proposed", "intent", "opened"]);
    // Nobody but the service has seen the intent: the audit names it.
    let audit = audited(&world);
    assert!(audit.is_in_order(), "{audit}");
    let (first, last) = (before + 2, before + 3);
    let unseen = format!("Nobody but the service vouches for events {first} to {last}.");
    assert!(audit.to_string().contains(&unseen), "{audit}");
    world.code("population", "data", &PEOPLE).unwrap();

    // One is here, the other elsewhere: who is here has seen the intent.
    let mut service = world.open();
    let before = service.history().size() as usize;
    let draft = service.propose(to_open("income"), TEN).unwrap();
    let quorum = service.gather(draft, |gathering| {
        gathering.consent(world.kit(0))?;
        assert!(!gathering.is_enough() && gathering.needed() == 2);
        gathering.wait_for_others();
        world.sent(gathering, &[2])?;
        assert!(gathering.is_enough());
        gathering.check_waits()
    });
    service.open_domain(quorum.unwrap()).unwrap();
    drop(service);
    assert_eq!(words(&events(&world, before)), ["proposed", "intent", "cosigned", "opened"]);
    // What is noted while it waits, and what the kit keeps until the question ends, is gone.
    assert_eq!(fs::read_dir(world.home().join("outbox")).unwrap().count(), 1, "a delivery");
    for kit in 0..3 {
        assert_eq!(world.kit(kit).remarks(world.ledger().view()).unwrap(), []);
        world.check(kit);
    }
}

/// A consent is stated once, however often the command is repeated.
#[test]
fn an_approval_is_given_again_as_long_as_its_question_is_open() {
    let world = World::founded(2, 3);
    let mut service = world.open();
    let proposal = asked(&world, &mut service, "population", |gathering| {
        let proposal = gathering.proposal_file().unwrap().bytes();
        let approve = || world.approve(0, &proposal).unwrap();
        let first = approve();
        let count = world.kit(0).shown().count;
        assert_eq!((approve(), world.kit(0).shown().count), (first.clone(), count));
        // Neither a check nor a kit at the machine makes another one of it.
        world.check(0);
        assert_eq!(approve(), first);
        assert_eq!(*gathering.consent(world.kit(0)).unwrap(), first.consent);
        let told = world.kit(0).remarks(world.ledger().view()).unwrap();
        let open = |remark: &Remark| matches!(remark, Remark::NoResult { fate: Fate::Open, .. });
        assert_eq!(told.iter().filter(|remark| open(remark)).count(), 1, "{told:?}");
        let receipt = |remark: &Remark| matches!(remark, Remark::ReceiptMissing { .. });
        assert!(told.iter().all(|remark| open(remark) || receipt(remark)), "{told:?}");
        proposal
    });
    // The ledger that was sent does not know that it has ended; the kit learns it at its check.
    world.check(0);
    assert_eq!(world.approve(0, &proposal).unwrap_err().code(), "proposal-refused");
}

/// The order in which approvals come in is not that in which they were given (no count is then
/// taken for one of another copy), and a kit that has seen more than it was sent goes by that.
#[test]
fn of_two_open_questions_a_kit_approves_the_later_first() {
    let world = World::founded(2, 3);
    let mut service = world.open();
    let first = service.propose(to_open("population"), TEN).unwrap();
    let second = service.propose(to_open("income"), TEN).unwrap();
    let (mut early, mut late) = (Vec::new(), Vec::new());
    let quorum = service.gather(second, |gathering| {
        late = gathering.proposal_file()?.bytes();
        for kit in [0, 1] {
            gathering.take(world.approve(kit, &late).unwrap())?;
        }
        Ok::<_, ServiceError>(())
    });
    let income = quorum.unwrap();
    let quorum = service.gather(first, |gathering| {
        early = gathering.proposal_file()?.bytes();
        for kit in [0, 1] {
            gathering.take(world.approve(kit, &early).unwrap())?;
        }
        Ok::<_, ServiceError>(())
    });
    assert!(early.len() < late.len());
    service.open_domain(quorum.unwrap()).unwrap();
    service.open_domain(income).unwrap();
    drop(service);
    assert_eq!(notices(&world), [""; 0]);
    for kit in 0..3 {
        world.check(kit);
    }

    // Without the lines that it keeps, a kit does not take the shorter ledger for a true one.
    let mut service = world.open();
    let first = service.propose(to_open("health"), TEN).unwrap();
    let second = service.propose(to_open("wages"), TEN).unwrap();
    let mut refused = Vec::new();
    let _ = service.gather(second, |gathering| {
        let proposal = gathering.proposal_file()?.bytes();
        world.approve(0, &proposal).unwrap();
        Err::<(), _>(ServiceError::RequestChanged)
    });
    let _ = service.gather(first, |gathering| {
        let proposal = gathering.proposal_file()?.bytes();
        fs::remove_file(world.kits[0].join("ledger.zst")).unwrap();
        refused.push(world.approve(0, &proposal).unwrap_err().code());
        Err::<(), _>(ServiceError::RequestChanged)
    });
    assert_eq!(refused, ["file-missing"]);
}

/// What is sent is folded by the kit, and only what it signs for counts.
#[test]
fn a_proposal_that_was_changed_is_refused() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    let other = World::founded(2, 3);
    let mut service = world.open();
    let earlier = world.ledger().checkpoint.note.clone();
    let theirs = asked(&other, &mut other.open(), "income", |gathering| {
        gathering.proposal_file().unwrap().bytes()
    });
    let theirs: Value = serde_json::from_slice(&theirs).unwrap();
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("proposal.json");
    asked(&world, &mut service, "income", |gathering| {
        let good: Value =
            serde_json::from_slice(&gathering.proposal_file().unwrap().bytes()).unwrap();
        let judge = |changed: &Value| -> &'static str {
            fs::write(&path, serde_json::to_vec(changed).unwrap()).unwrap();
            let file = match ProposalFile::read(&path) {
                Ok(file) => file,
                Err(error) => return error.code(),
            };
            let ledger = match file.fold(&path) {
                Ok(ledger) => ledger,
                Err(error) => return error.code(),
            };
            let (card, now) = (Kit::card_in(&world.kits[0]).unwrap(), gathering.question().expires);
            let now = now - SignedDuration::from_mins(5);
            match question_for(&card, file.proposal(), ledger.view(), now) {
                Ok(_) => {
                    let approved = world.kit(0).approve(file.proposal(), ledger.view(), now);
                    approved.map_or_else(|error| error.code(), |_| "approved")
                }
                Err(error) => error.code(),
            }
        };
        let with = |place: &str, value: Value| {
            let mut changed = good.clone();
            *changed.pointer_mut(place).unwrap() = value;
            judge(&changed)
        };
        let lines = |text: &[u8]| json!(BASE64.encode(&zstd::encode_all(text, 1).unwrap()));
        let ledger = fs::read(world.home().join("ledger.jsonl")).unwrap();
        let other_key = theirs["proposal"]["run_key"].clone();
        let text = String::from_utf8(ledger.clone()).unwrap();
        let (shorter, last) = text.trim_end().rsplit_once('\n').unwrap();
        assert!(last.contains("proposed"));
        let longer = format!("{text}{last}\n");
        let changed = text.replace("\"cryptoperiod_years\":5", "\"cryptoperiod_years\":9");
        assert_ne!(changed, text);

        let found = [
            with("/format", json!(3)),
            with("/suite", json!("CStatNS-other")),
            with("/ledger", json!("no base64")),
            with("/ledger", json!(BASE64.encode(b"not compressed"))),
            with("/ledger", lines(b"")),
            with("/ledger", lines(&text.as_bytes()[1..])),
            with("/ledger", lines(format!("{shorter}\n").as_bytes())),
            with("/ledger", lines(&[&ledger[..], b"torn"].concat())),
            with("/ledger", lines(longer.as_bytes())),
            with("/ledger", lines(changed.as_bytes())),
            with("/ledger", theirs["ledger"].clone()),
            with("/proposal/checkpoint", json!(earlier)),
            with("/proposal/checkpoint", json!("nobody signed this")),
            with("/proposal/question", json!(Hex([7; 32]).to_string())),
            with("/proposal/run_key", other_key),
            judge(&theirs),
        ];
        let form = ["proposal-form"; 6];
        let ledgers = ["ledger-short", "ledger-long", "ledger-sequence", "ledger-chain"];
        let rest = [
            "proposal-checkpoint",
            "ledger-long",
            "proposal-checkpoint",
            "proposal-refused",
            "proposal-refused",
            "not-in-roster",
        ];
        assert_eq!(found[..], [&form[..], &ledgers, &rest].concat()[..]);
        // What is compressed may be small and become large.
        let ledger = &ledger[..];
        let large =
            zstd::encode_all(ledger.chain(std::io::repeat(b'\n').take(300 << 20)), 1).unwrap();
        assert!(large.len() < 1 << 20);
        assert_eq!(with("/ledger", json!(BASE64.encode(&large))), "proposal-form");
        let mut more = good.clone();
        more["more"] = json!(1);
        assert_eq!(judge(&more), "proposal-form");
        assert_eq!(world.kit(0).shown().count, 2, "nothing was stated");
        assert_eq!(judge(&good), "approved");
    });
}

/// The kit compares the clock of the line and the expiry with its own clock.
#[test]
fn a_kit_elsewhere_goes_by_its_own_clock() {
    let world = World::founded(2, 3);
    let mut service = world.open();
    let now = world.clock.clone();
    let hours = SignedDuration::from_hours;
    let refused = asked(&world, &mut service, "population", |gathering| {
        let proposal = gathering.proposal_file().unwrap().bytes();
        let at = |by: SignedDuration| {
            now.advance(by);
            let refused = world.approve(0, &proposal).err().map(|error| error.to_string());
            now.advance(-by);
            refused.unwrap_or_default()
        };
        [at(hours(-25)), at(hours(25)), at(TEN), at(hours(-23))]
    });
    let clocks = "clocks of the kit and of the service differ by more than 24 hours";
    assert!(refused[0].contains(clocks) && refused[1].contains(clocks), "{refused:?}");
    assert!(refused[2].contains("it has expired"), "{refused:?}");
    assert_eq!(refused[3], "");
}

/// One bad approval does not keep the others out, and none of it counts.
#[test]
fn approvals_that_do_not_count_are_refused_one_by_one() {
    let world = World::founded(2, 3);
    let mut service = world.open();
    let earlier: Vec<Approval> = asked(&world, &mut service, "population", |gathering| {
        let proposal = gathering.proposal_file().unwrap().bytes();
        (0..2).map(|kit| world.approve(kit, &proposal).unwrap()).collect()
    });
    let stranger = World::founded(2, 3);
    let theirs = asked(&stranger, &mut stranger.open(), "population", |gathering| {
        stranger.approve(1, &gathering.proposal_file().unwrap().bytes()).unwrap()
    });
    asked(&world, &mut service, "income", |gathering| {
        let proposal = gathering.proposal_file().unwrap().bytes();
        let [one, other] = [0, 1].map(|kit| world.approve(kit, &proposal).unwrap());
        let mut take = |approval: &Approval| {
            gathering.take(approval.clone()).map_or_else(|error| error.code(), |_| "taken")
        };
        let mut count = one.clone();
        count.consent.body.count += 1;
        let mut share = one.clone();
        share.share = other.share.clone();
        let found =
            [&earlier[0], &theirs, &count, &share, &one, &one, &earlier[1], &other].map(&mut take);
        let expected = [
            "approval-other-proposal",
            "not-in-roster",
            "approval-signature",
            "approval-share",
            "taken",
            "approval-twice",
            "approval-other-proposal",
            "taken",
        ];
        assert_eq!(found, expected);
        assert!(gathering.is_enough());
    });
    drop(service);
    // It was given up with a quorum: that is what must be accounted for.
    let ended = events(&world, 0).pop().unwrap();
    let Event::Lapsed { why: Lapse::Withdrawn, consents, .. } = ended else { panic!("{ended:?}") };
    assert_eq!(by(&consents), ["custodian-1", "custodian-2"]);
    assert_eq!(notices(&world), ["may-have-run"]);
}

/// What happened to the ledger while approvals were waited for is judged again.
#[test]
fn a_doubt_or_an_end_while_it_waits_stops_the_run() {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    let mut service = world.open();
    let draft = service.propose(to_open("income"), TEN).unwrap();
    let custody = Doubted::Key { domain: name("population"), generation: common::generation(1) };
    let quorum = service.gather(draft, |gathering| {
        gathering.wait_for_others();
        world.sent(gathering, &[0, 1])?;
        gathering.check_waits()?;
        let mut meanwhile = world.open();
        let doubt = world.kit(2).doubt(custody, meanwhile.view(), meanwhile.now())?;
        meanwhile.doubt(doubt)?;
        assert_eq!(gathering.check_waits().unwrap_err().code(), "doubt-since");
        Ok::<_, ServiceError>(())
    });
    let refused = service.open_domain(quorum.unwrap()).unwrap_err();
    assert_eq!(refused.code(), "doubt-since");
    drop(service);
    let found = events(&world, 0);
    let Some(Event::Lapsed { why: Lapse::Withdrawn, consents, .. }) = found.last() else {
        panic!("{found:?}")
    };
    assert_eq!(by(consents), ["custodian-1", "custodian-2"]);
    // k approvals at a distance are a run that may have happened: auditor and kits say so.
    assert_eq!(notices(&world), ["may-have-run"]);
    for kit in [0, 1] {
        let told = world.kit(kit).remarks(world.ledger().view()).unwrap();
        let may = |remark: &Remark| {
            let Remark::NoResult { fate: Fate::Lapsed { enough, .. }, holds_consent, .. } = remark
            else {
                return false;
            };
            *enough && *holds_consent
        };
        assert!(told.iter().any(may), "{told:?}");
    }

    // Somebody else ends the question that has expired, while this process still waits.
    let mut service = world.open();
    let draft = service.propose(to_open("health"), TEN);
    let ended = service.gather(draft.unwrap(), |gathering| {
        gathering.wait_for_others();
        world.sent(gathering, &[0])?;
        world.clock.advance(TEN);
        assert_eq!(gathering.check_waits().unwrap_err().code(), "proposal-expired");
        drop(world.open());
        world.clock.advance(-TEN);
        gathering.check_waits()
    });
    assert_eq!(ended.err().unwrap().code(), "no-question");
    let found = events(&world, 0);
    let Some(Event::Lapsed { why: Lapse::Expired, consents, .. }) = found.last() else {
        panic!("{found:?}")
    };
    assert_eq!(by(consents), ["custodian-1"], "it had noted who has consented");
}

/// A process that is stopped while it waits: the next one ends the question with the consents that
/// it had noted.
#[test]
fn who_approved_is_known_after_a_stop() {
    let world = World::founded(2, 3);
    let mut service = world.open();
    let stopped = world.path("stopped");
    let run = asked(&world, &mut service, "population", |gathering| {
        world.sent(gathering, &[0, 2]).unwrap();
        copy_tree(&world.home(), &stopped);
        gathering.question().run
    });
    drop(service);
    let noted = format!("outbox/{run}.consents");
    let genuine = fs::read(stopped.join(&noted)).unwrap();
    let ended = |note: &[u8]| -> Vec<String> {
        fs::remove_dir_all(world.home()).unwrap();
        copy_tree(&stopped, &world.home());
        fs::write(world.home().join(&noted), note).unwrap();
        drop(world.open());
        assert!(!world.home().join(&noted).exists());
        let found = events(&world, 0);
        let Some(Event::Lapsed { why: Lapse::Stopped, consents, .. }) = found.last() else {
            panic!("{found:?}")
        };
        by(consents).into_iter().map(str::to_owned).collect()
    };
    // Whoever writes there adds no consent.
    assert_eq!(ended(b"[{"), [""; 0]);
    let mut changed: Value = serde_json::from_slice(&genuine).unwrap();
    changed[0]["body"]["count"] = json!(9);
    assert_eq!(ended(changed.to_string().as_bytes()), ["custodian-3"]);
    assert_eq!(notices(&world), [""; 0]);
    assert_eq!(ended(&genuine), ["custodian-1", "custodian-3"]);
    assert_eq!(notices(&world), ["may-have-run"]);
}

/// Whoever reads what is published sees who has approved, though the ledger does not say it yet.
#[test]
fn who_has_approved_is_published_while_it_waits() {
    let world = World::founded(2, 3);
    let public = world.path("public");
    let publish = || Reader::open(&world.home(), world.clock.clone()).unwrap().publish(&public);
    let consented = || {
        publish().unwrap();
        let requests = fs::read(public.join("requests.json")).unwrap();
        let requests: Value = serde_json::from_slice(&requests).unwrap();
        requests["questions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|of| of["consented"].clone())
            .collect::<Vec<_>>()
    };
    let mut service = world.open();
    asked(&world, &mut service, "population", |gathering| {
        assert_eq!(consented(), [json!([])]);
        world.sent(gathering, &[2]).unwrap();
        assert_eq!(consented(), [json!(["custodian-3"])]);
        world.sent(gathering, &[0]).unwrap();
        assert_eq!(consented(), [json!(["custodian-1", "custodian-3"])]);
        // Nothing new: nothing is written.
        let current = fs::read_link(public.join("current")).unwrap();
        assert_eq!(publish().unwrap().added, 0);
        assert_eq!(fs::read_link(public.join("current")).unwrap(), current);
        let directories = fs::read_dir(&public)
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_type().unwrap().is_dir());
        assert_eq!(directories.count(), 2, "the version before stays, and no other");
    });
    assert_eq!(consented(), [json!(null); 0]);
    assert_eq!(
        fs::read_link(public.join("current")).unwrap().to_str().unwrap(),
        world.ledger().history.size().to_string()
    );
}
