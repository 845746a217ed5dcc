//! Parties and their request keys: who is registered, who ends that, and where the private halves
//! lie, at every step of a service's life.

use crate::common;

use std::fs;
use std::path::PathBuf;

use cstatns::audit::verify;
use cstatns::card::{CardBody, PartyCard, PartyCardBody};
use cstatns::coded::Coded as _;
use cstatns::custody::custodian::Kit;
use cstatns::custody::share::ReceivingKey;
use cstatns::dealing::{Epoch, Threshold};
use cstatns::keystore::{Keystore, RequestPlace};
use cstatns::ledger::event::{Destroyed, Event, Line, Means};
use cstatns::name::{Hex, Name};
use cstatns::party::{RequestKey, Role, request_public_digest};
use cstatns::proposal::Action;
use cstatns::receipt::ReceiptStatement;
use cstatns::service::{Clock as _, ServiceError};
use cstatns::state::Refusal;
use cstatns::statement::{FORMAT, Signed};
use ed25519_dalek::SigningKey;
use jiff::SignedDuration;

use common::crash::{names, violations};
use common::{World, name, party_card};

/// Two of three custodians, a statistical domain and a project.
fn office() -> World {
    let world = World::founded(2, 3);
    world.statistics("population").unwrap();
    world.research("benefits", "2026-06-30").unwrap();
    world
}

/// The private halves in each place of life secrets.
fn halves(world: &World) -> Vec<Vec<String>> {
    let of = |place: PathBuf| {
        names(&place).into_iter().filter(|name| name.ends_with(".request")).collect()
    };
    world.lives().into_iter().map(of).collect()
}

fn half(key: &RequestKey, epoch: u32) -> String {
    format!("{}.{epoch}.request", key.body.key)
}

fn events(world: &World) -> Vec<Event> {
    let ledger = fs::read_to_string(world.home().join("ledger.jsonl")).unwrap();
    let event = |line: &str| serde_json::from_str::<Line>(line).unwrap().event;
    ledger.lines().map(event).collect()
}

fn destructions(world: &World, of: &RequestKey) -> Vec<Means> {
    let of = Destroyed::RequestKey { key: of.body.key };
    let how = |event: Event| match event {
        Event::Destroyed { what, how } if what == of => Some(how),
        _ => None,
    };
    events(world).into_iter().filter_map(how).collect()
}

fn in_order(world: &World) {
    let (home, service) = (world.home(), world.open());
    assert_eq!(violations(world, &service), [""; 0]);
    let audit = verify(&home.join("ledger.jsonl"), service.card(), &[], &[]).unwrap();
    assert!(audit.holds(), "{audit}");
}

fn code_of<T>(outcome: Result<T, ServiceError>) -> &'static str {
    outcome.err().expect("it was not refused").code()
}

/// A card with these keys.
fn card_with(text: &str, signing: &SigningKey, receiving: Hex<1216>) -> PartyCard {
    let body = PartyCardBody {
        format: FORMAT,
        name: name(text),
        protected: true,
        signing: Hex(signing.verifying_key().to_bytes()),
        receiving,
    };
    Signed::new(body, signing)
}

#[test]
fn a_party_has_the_roles_that_a_quorum_gave_it() {
    let world = office();
    let insee = party_card("insee", 1);
    assert_eq!(code_of(world.request_key("insee", "population")), "unknown-party");
    world.register(&insee, Role::Controller, &["benefits", "population"]).unwrap();
    let service = world.open();
    let (card, party) = service.state().party_named(&name("insee")).unwrap();
    assert_eq!((card, &party.card), (&insee.fingerprint(), &insee));
    let roles: Vec<(&Name, Role)> =
        party.roles.iter().map(|(of, known)| (of, known.role)).collect();
    let (benefits, population) = (name("benefits"), name("population"));
    assert_eq!(roles, [(&benefits, Role::Controller), (&population, Role::Controller)]);
    drop(service);

    let key = world.request_key("insee", "population").unwrap();
    let RequestKey { body, .. } = &key;
    let service = world.open();
    assert!(key.is_sound(&service.card().body.signing));
    assert_eq!((&body.domain, body.party), (&population, insee.fingerprint()));
    assert_eq!(body.expires, world.clock.now() + SignedDuration::from_hours(30 * 24));
    let issued = service.state().living_request_key(&body.key).unwrap();
    assert_eq!(issued.public, request_public_digest(&body.public));
    let head = service.state().service_keys().head_of(body.checkpoint.as_bytes()).unwrap();
    assert_eq!(head.size, issued.since, "its checkpoint covers it");
    drop(service);
    in_order(&world);

    // The others send nothing.
    for (text, number, role) in [("centre", 2, Role::Researcher), ("rnipp", 3, Role::Register)] {
        world.register(&party_card(text, number), role, &["benefits"]).unwrap();
        assert_eq!(code_of(world.request_key(text, "benefits")), "party-sends-nothing");
    }
    for (text, number, role) in [("casd", 4, Role::Linking), ("cnaf", 5, Role::Holder)] {
        world.register(&party_card(text, number), role, &["benefits"]).unwrap();
        world.request_key(text, "benefits").unwrap();
    }
    assert_eq!(code_of(world.request_key("casd", "population")), "party-sends-nothing");
    in_order(&world);
}

#[test]
fn what_would_mix_the_roles_is_refused() {
    let world = office();
    let insee = party_card("insee", 1);
    world.register(&insee, Role::Controller, &["population"]).unwrap();
    let linking = party_card("casd", 2);
    world.register(&linking, Role::Linking, &["benefits"]).unwrap();
    let gone = party_card("gone", 3);
    world.register(&gone, Role::Holder, &["population"]).unwrap();
    world.end_party(0, &gone).unwrap();
    world.research("income", "2026-06-30").unwrap();

    let service = world.open();
    let custodian = world.kit(0).card().body.clone();
    let other = SigningKey::from_bytes(&[77; 32]);
    let receiving = party_card("new", 9).body.receiving;
    let mut unsigned = party_card("new", 9);
    unsigned.body.name = name("newer");
    // Nobody but the holder of a signing key makes a card with it; a receiving key anyone copies.
    let of_custodian = card_with("new", &other, custodian.receiving);
    let of_party = card_with("new", &other, insee.body.receiving);
    let of_ended = card_with("new", &other, gone.body.receiving);
    let same_name = card_with("insee", &other, receiving);
    let new = card_with("new", &other, receiving);
    let many: Vec<String> = (0..65).map(|number| format!("a{number:03}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let (project, both) = (["benefits"], ["population", "benefits"]);
    let cases: [(&str, &PartyCard, Role, &[&str]); 16] = [
        ("party-card", &unsigned, Role::Controller, &project),
        ("party-domains", &new, Role::Controller, &[]),
        ("party-domains", &new, Role::Controller, &both),
        ("party-domains", &new, Role::Controller, &["benefits", "benefits"]),
        ("party-domains", &new, Role::Controller, &many),
        ("unknown-domain", &new, Role::Controller, &["nowhere"]),
        ("party-role", &new, Role::Linking, &["population"]),
        ("party-role", &new, Role::Researcher, &["benefits", "population"]),
        ("party-registered", &insee, Role::Holder, &["population"]),
        ("party-linking", &insee, Role::Linking, &project),
        ("party-linking", &linking, Role::Controller, &["income"]),
        ("party-keys", &of_custodian, Role::Controller, &project),
        ("party-keys", &of_party, Role::Controller, &project),
        ("party-keys", &of_ended, Role::Controller, &project),
        ("party-name", &same_name, Role::Controller, &project),
        ("party-ended", &gone, Role::Holder, &project),
    ];
    let action = |card: &PartyCard, role, domains: &[&str]| Action::Party {
        card: Box::new(card.clone()),
        role,
        domains: domains.iter().map(|domain| name(domain)).collect(),
    };
    let now = world.clock.now();
    for (code, card, role, domains) in cases {
        let refused = service.state().allows(&action(card, role, domains), now).unwrap_err();
        assert_eq!(refused.code(), code, "{} {role:?} {domains:?}", card.body.name);
    }
    // The name of one that is gone is free, and a role in another domain is another role.
    let again = card_with("gone", &other, receiving);
    service.state().allows(&action(&again, Role::Holder, &["population"]), now).unwrap();
    service.state().allows(&action(&insee, Role::Holder, &project), now).unwrap();
    service.state().allows(&action(&linking, Role::Linking, &["income"]), now).unwrap();
}

/// Nobody who sends or receives holds a share, or signs for the service.
#[test]
fn a_custodian_is_no_party() {
    let world = office();
    let insee = party_card("insee", 1);
    world.register(&insee, Role::Controller, &["population"]).unwrap();
    world.end_party(0, &insee).unwrap();
    let mut cards = world.draw_cards(&[0, 1, 2]);
    let key = SigningKey::from_bytes(&[101; 32]);
    let CardBody { name: custodian, external, protected, receiving, .. } = cards[2].body.clone();
    let signing = insee.body.signing;
    let body =
        CardBody { format: FORMAT, name: custodian, external, protected, signing, receiving };
    cards[2] = Signed::new(body, &key);
    let service = world.open();
    let threshold = Threshold::new(2, 3).unwrap();
    let action = Action::Deal { epoch: Epoch(2), threshold, cards, left_behind: Vec::new() };
    let refused = service.state().allows(&action, world.clock.now()).unwrap_err();
    assert_eq!(refused, Refusal::CustodianIsParty { custodian: name("custodian-3") });
}

#[test]
fn one_custodian_ends_a_party_at_once() {
    let world = office();
    let (insee, cnaf) = (party_card("insee", 1), party_card("cnaf", 2));
    assert_eq!(code_of(world.end_party(0, &insee)), "unknown-party");
    for card in [&insee, &cnaf] {
        world.register(card, Role::Controller, &["benefits", "population"]).unwrap();
    }
    let keys = ["population", "benefits"].map(|domain| world.request_key("insee", domain).unwrap());
    let kept = world.request_key("cnaf", "population").unwrap();
    world.end_party(1, &insee).unwrap();
    assert_eq!(halves(&world), [[half(&kept, 1)]]);
    for key in &keys {
        assert_eq!(destructions(&world, key), [Means::Overwritten]);
    }
    assert_eq!(code_of(world.request_key("insee", "population")), "unknown-party");
    assert_eq!(code_of(world.end_party(2, &insee)), "party-ended");
    world.request_key("cnaf", "population").unwrap();
    in_order(&world);

    // Who was dismissed ends nothing.
    let newcomer = world.kits_directory.path().join("kit-4");
    let mut cards = world.draw_cards(&[0, 1]);
    cards.push(Kit::create(&newcomer, name("custodian-4"), false, None).unwrap());
    world.deal_to(2, cards, Vec::new()).unwrap();
    for kit in [&world.kits[0], &world.kits[1], &newcomer] {
        let receipt = world.accept(kit);
        world.open().receipt(receipt).unwrap();
    }
    assert_eq!(world.open().state().working_epoch().unwrap().0, Epoch(2));
    let refused = world.end_party(2, &cnaf);
    assert_eq!(code_of(refused), "not-in-roster");
    world.end_party(0, &cnaf).unwrap();
    in_order(&world);
}

#[test]
fn a_request_key_is_withdrawn_or_expires() {
    let world = office();
    world.register(&party_card("insee", 1), Role::Controller, &["population"]).unwrap();
    let keys: Vec<RequestKey> =
        (0..3).map(|_| world.request_key("insee", "population").unwrap()).collect();
    let mut all: Vec<String> = keys.iter().map(|key| half(key, 1)).collect();
    all.sort();
    assert_eq!(halves(&world), [all]);
    world.open().withdraw_request_key(&keys[0].body.key).unwrap();
    assert_eq!(destructions(&world, &keys[0]), [Means::Overwritten]);
    let again = world.open().withdraw_request_key(&keys[0].body.key);
    assert_eq!(code_of(again), "request-key-unknown");

    // One whose private half is gone is ended all the same.
    fs::remove_file(world.lives()[0].join(half(&keys[1], 1))).unwrap();
    world.open().withdraw_request_key(&keys[1].body.key).unwrap();
    assert_eq!(destructions(&world, &keys[1]), [Means::Absent]);

    world.clock.set_to(keys[2].body.expires - SignedDuration::from_secs(1));
    assert!(world.open().expire().unwrap().request_keys.is_empty());
    assert!(world.open().status().is_in_order());
    world.clock.set_to(keys[2].body.expires);
    assert!(!world.open().status().is_in_order(), "the timer has not run");
    // The auditor says so too, once a timer that is late is no reason any more.
    let noted = |hours: i64| {
        let ledger = world.home().join("ledger.jsonl");
        let mut audit = verify(&ledger, world.open().card(), &[], &[]).unwrap();
        audit.note_what_is_due(None, keys[2].body.expires + SignedDuration::from_hours(hours));
        audit.notices.iter().filter(|notice| notice.code == "request-key-late").count()
    };
    assert_eq!([0, 72, 73].map(noted), [0, 0, 1]);
    assert_eq!(world.open().expire().unwrap().request_keys, [keys[2].body.key]);
    assert_eq!(noted(73), 0, "it is destroyed");
    assert_eq!(destructions(&world, &keys[2]), [Means::Overwritten]);
    assert_eq!(halves(&world), [[""; 0]]);
    let mut service = world.open();
    let days = |days| service.issue_request_key(&name("insee"), &name("population"), days);
    assert_eq!([0, 31].map(days).map(code_of), ["request-key-expiry"; 2]);
    drop(service);
    in_order(&world);
}

#[test]
fn the_keys_of_a_project_go_with_it() {
    let world = office();
    world.register(&party_card("insee", 1), Role::Controller, &["benefits", "population"]).unwrap();
    let project = world.request_key("insee", "benefits").unwrap();
    let kept = world.request_key("insee", "population").unwrap();
    world.close("benefits").unwrap();
    assert_eq!(halves(&world), [[half(&kept, 1)]]);
    assert_eq!(destructions(&world, &project), [Means::Overwritten]);
    assert_eq!(code_of(world.request_key("insee", "benefits")), "keys-destroyed");
    in_order(&world);

    world.research("short", "2026-01-20").unwrap();
    world.register(&party_card("cnaf", 2), Role::Controller, &["short"]).unwrap();
    let short = world.request_key("cnaf", "short").unwrap();
    world.clock.set("2026-01-21T00:00:00Z");
    world.open().expire().unwrap();
    assert_eq!(code_of(world.request_key("cnaf", "short")), "project-ended");
    world.clock.set("2026-01-22T00:00:00Z");
    world.open().expire().unwrap();
    assert_eq!(destructions(&world, &short), [Means::Overwritten]);
    assert_eq!(halves(&world), [[half(&kept, 1)]]);
    in_order(&world);
}

#[test]
fn a_dealing_seals_the_request_keys_anew() {
    let world = office();
    world.register(&party_card("insee", 1), Role::Controller, &["population"]).unwrap();
    let [kept, withdrawn] = [0, 1].map(|_| world.request_key("insee", "population").unwrap());
    world.deal().unwrap();
    let both = |key: &RequestKey| [half(key, 1), half(key, 2)];
    let mut all = [both(&kept), both(&withdrawn)].concat();
    all.sort();
    assert_eq!(halves(&world), [all]);
    assert_eq!(code_of(world.request_key("insee", "population")), "dealing-pending");
    world.open().withdraw_request_key(&withdrawn.body.key).unwrap();
    assert_eq!(halves(&world), [both(&kept)]);
    world.receive().unwrap();
    assert_eq!(halves(&world), [[half(&kept, 2)]]);
    in_order(&world);

    // It opens under the new root: a further dealing must open it. One that is given up leaves
    // nothing.
    world.deal().unwrap();
    assert_eq!(halves(&world), [[half(&kept, 2), half(&kept, 3)]]);
    world.abandon(3).unwrap();
    assert_eq!(halves(&world), [[half(&kept, 2)]]);
    world.deal().unwrap();
    world.receive().unwrap();
    assert_eq!(halves(&world), [[half(&kept, 4)]]);
    in_order(&world);
}

/// One that is missing stops a dealing before anybody is asked; one that was altered undoes it.
#[test]
fn a_dealing_that_would_lose_a_request_key_does_not_happen() {
    let world = office();
    world.register(&party_card("insee", 1), Role::Controller, &["population"]).unwrap();
    let [key, other] = [0, 1].map(|_| world.request_key("insee", "population").unwrap());
    let path = world.lives()[0].join(half(&key, 1));
    let whole = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let asked = world.open().history().size();
    assert_eq!(code_of(world.deal()), "request-key-seal");
    assert_eq!(world.open().history().size(), asked, "nobody was asked");
    // The sealed seed of another one.
    let mut file: serde_json::Value = serde_json::from_slice(&whole).unwrap();
    let of_other = fs::read(world.lives()[0].join(half(&other, 1))).unwrap();
    let of_other: serde_json::Value = serde_json::from_slice(&of_other).unwrap();
    file["sealed"] = of_other["sealed"].clone();
    fs::write(&path, serde_json::to_vec(&file).unwrap()).unwrap();
    assert_eq!(code_of(world.deal()), "request-key-seal");
    assert_eq!(halves(&world)[0].len(), 2, "what was written is destroyed");
    // Another seed, sealed as this one would be: whoever has the card of a dealing can.
    let service = world.open();
    let receiving = service.state().working_dealing().unwrap().receiving;
    let domain = name("population");
    let of = RequestPlace {
        service: service.card().id(),
        epoch: Epoch(1),
        domain: &domain,
        key: &key.body.key,
    };
    let swapped = Keystore::seal_request(&ReceivingKey::random(), &receiving, &of).unwrap();
    fs::write(&path, swapped).unwrap();
    drop(service);
    assert_eq!(code_of(world.deal()), "request-key-seal");
    fs::write(&path, &whole).unwrap();
    world.deal().unwrap();
    // A dealing does not work without what it names.
    fs::remove_file(world.lives()[0].join(half(&key, 4))).unwrap();
    world.receive().unwrap();
    let service = world.open();
    assert_eq!(service.unpaid().map(|error| error.code()), Some("request-key-seal"));
    assert_eq!(service.state().working_epoch().unwrap().0, Epoch(1));
    drop(service);
    world.open().withdraw_request_key(&key.body.key).unwrap();
    assert_eq!(world.open().state().working_epoch().unwrap().0, Epoch(4));
    assert_eq!(halves(&world), [[half(&other, 4)]]);
    in_order(&world);
}

/// A place of life secrets that is away: nothing is issued, and what is to be destroyed is owed
/// until it is back.
#[test]
fn a_private_half_in_a_place_that_is_away_is_owed() {
    let mut world = World::new(2, 3);
    world.life = ["life-a", "life-b"].map(|place| world.path(place)).into();
    world.init().unwrap();
    world.receive().unwrap();
    world.statistics("population").unwrap();
    world.register(&party_card("insee", 1), Role::Controller, &["population"]).unwrap();
    let key = world.request_key("insee", "population").unwrap();
    assert_eq!(halves(&world), [[half(&key, 1)], [half(&key, 1)]]);
    let places = events(&world).into_iter().find_map(|event| match event {
        Event::RequestKeyIssued { places, .. } => Some(places),
        _ => None,
    });
    assert_eq!(places, Some(2));
    fs::rename(&world.life[1], world.path("away")).unwrap();
    assert_eq!(code_of(world.request_key("insee", "population")), "life-place");
    assert_eq!(code_of(world.open().withdraw_request_key(&key.body.key)), "life-place");
    let (service, _) = world.reopen().unwrap();
    assert_eq!(service.unpaid().map(|error| error.code()), Some("life-place"));
    drop(service);
    assert_eq!(destructions(&world, &key), []);
    fs::rename(world.path("away"), &world.life[1]).unwrap();
    let (service, recovered) = world.reopen().unwrap();
    assert!(service.unpaid().is_none());
    let said: Vec<String> = recovered.iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|said| said.contains("private half of the request key")), "{said:?}");
    drop(service);
    assert_eq!(destructions(&world, &key), [Means::Overwritten]);
    in_order(&world);
}

/// The backups that the service allows, of everything but the places of life secrets, and all kits:
/// nothing in them holds a private half.
#[test]
fn no_backup_holds_a_private_half() {
    let world = office();
    world.register(&party_card("insee", 1), Role::Controller, &["population"]).unwrap();
    let key = world.request_key("insee", "population").unwrap();
    let number = key.body.key.to_string();
    fn files(directory: &std::path::Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { files(&path, found) } else { found.push(path) }
        }
    }
    let mut all = Vec::new();
    files(world.directory.path(), &mut all);
    files(world.kits_directory.path(), &mut all);
    let holds = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(number.len()).any(|found| found == number.as_bytes())
    };
    let mut holding: Vec<PathBuf> = all.into_iter().filter(holds).collect();
    holding.retain(|path| !path.ends_with("ledger.jsonl") && !path.ends_with("snapshot"));
    assert_eq!(holding, [world.lives()[0].join(half(&key, 1))]);
}

/// A stopped process left the private half of a key that nobody has: it is destroyed.
#[test]
fn a_private_half_that_the_ledger_does_not_know_is_destroyed() {
    let world = office();
    world.register(&party_card("insee", 1), Role::Controller, &["population"]).unwrap();
    let key = world.request_key("insee", "population").unwrap();
    let (path, stray) = (half(&key, 1), format!("{}.1.request", Hex([7; 16])));
    let place = world.lives()[0].clone();
    fs::copy(place.join(&path), place.join(&stray)).unwrap();
    fs::copy(place.join(&path), place.join(format!("{}.9.request", key.body.key))).unwrap();
    drop(world.open());
    assert_eq!(halves(&world), [[path]]);
    in_order(&world);
}

/// A statement that is not a custodian's, or about nobody, ends nothing.
#[test]
fn what_ends_a_party_is_signed_by_a_custodian() {
    let world = office();
    let insee = party_card("insee", 1);
    world.register(&insee, Role::Controller, &["population"]).unwrap();
    let receipt = world.check(0);
    let mut bent = receipt.clone();
    bent.body.statement = ReceiptStatement::PartyEnded { party: insee.fingerprint() };
    assert_eq!(code_of(world.open().receipt(bent)), "statement-signature");
    let ledger = world.ledger();
    let stated = world.kit(0).end_party(Hex([3; 32]), ledger.view(), world.clock.now());
    assert_eq!(stated.unwrap_err().code(), "unknown-party");
    assert!(world.open().state().party(&insee.fingerprint()).is_ok());
}
