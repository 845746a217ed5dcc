//! Ten years of a service that never was: what an auditor should find in its ledger, and finds.
//!
//! The ledger is kept in `tests/data/decade`, for the auditor's guide and for whoever tries the
//! auditor's verbs. It is made anew by `CSTATNS_NEW_DECADE=1 cargo test --test together decade::`.

use crate::common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::slice::from_ref;

use cstatns::audit::{Audit, Entry, Intact, Rotation, Standing, Turn, Wanted, examine, log};
use cstatns::coded::Coded as _;
use cstatns::custody::custodian::Kit;
use cstatns::delivery::DeliveryId;
use cstatns::domain::RenewalReason;
use cstatns::ledger::LedgerError;
use cstatns::party::Role;
use cstatns::proposal::Action;
use cstatns::receipt::Doubted;
use cstatns::service::{Founding, Made, Recovery, Service, Sources, read_service_card};
use jiff::Timestamp;

use common::crash::copy_tree;
use common::sealed::sign_for;
use common::{PEOPLE, World, code_lines, name, only, read_lines, renew_lines, scratch};

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/decade")
}

/// The day on which the auditor looks.
const TODAY: &str = "2026-02-02T08:00:00Z";

/// A service, its custodians and its parties, from January 2016 to January 2026.
struct Decade {
    world: World,
    /// The custodians at their seats in the world's kits.
    seats: Vec<usize>,
}

impl Decade {
    fn founded() -> Self {
        let mut world = World::new(2, 3);
        world.clock.set("2016-01-11T09:00:00Z");
        world.confirms.set(true);
        let names = ["methods", "legal", "security", "archives"];
        let kit = |text: &&str| {
            let kit = world.kits_directory.path().join(text);
            Kit::create(&kit, name(text), *text == "archives", None).unwrap();
            kit
        };
        world.kits = names.iter().map(kit).collect();
        let seats = vec![0, 1, 2];
        let cards = seats.iter().map(|seat| Kit::card_in(&world.kits[*seat]).unwrap()).collect();
        let founding = Founding {
            name: name("sample-office"),
            threshold: 2,
            cards,
            shares: &world.path("shares"),
            life: Vec::new(),
            mirrors: Vec::new(),
            demo: true,
        };
        Service::init(&world.home(), founding, world.clock.clone()).unwrap();
        let decade = Self { world, seats };
        decade.hold();
        decade
    }

    /// Every custodian of the newest dealing holds their share.
    fn hold(&self) {
        for seat in &self.seats {
            let receipt = self.world.accept(&self.world.kits[*seat]);
            self.world.open().receipt(receipt).unwrap();
        }
    }

    fn on(&self, day: &str) {
        self.world.clock.set(&format!("{day}T09:00:00Z"));
    }

    /// The yearly check.
    fn check(&self, day: &str) {
        self.on(day);
        for seat in &self.seats {
            let receipt = self.world.check(*seat);
            self.world.open().receipt(receipt).unwrap();
        }
    }

    fn code(&self, file: &str, domain: &str, purpose: &str, keep_request: bool) -> Made {
        let request = self.world.request(file, &PEOPLE);
        let mut service = self.world.open();
        let purpose_of = name(purpose);
        let action = match self.world.code_action(&service, domain, &request) {
            Action::Code { domain, generation, scheme, inputs, recipient, look_up, .. } => {
                Action::Code {
                    domain,
                    generation,
                    scheme,
                    purpose: purpose_of,
                    inputs,
                    recipient,
                    keep_request,
                    look_up,
                }
            }
            action => action,
        };
        let quorum = self.world.quorum(&mut service, action).unwrap();
        let made = service
            .code(quorum, from_ref(&request.files), |coder, out| code_lines(coder, &request, out));
        only(made.unwrap())
    }

    /// Coded, and the controller has it.
    fn delivered(&self, file: &str, domain: &str, purpose: &str) -> Made {
        let made = self.code(file, domain, purpose, false);
        self.world.deliver(file, &made).unwrap();
        made
    }

    /// The codes of a delivery become those of the present key, and the controller has them.
    fn renewed(&self, from: &str, of: &Made, to: &str, domain: &str, purpose: &str) -> Made {
        self.renewed_of(from, of.delivery, to, domain, purpose)
    }

    fn renewed_of(
        &self,
        from: &str,
        of: DeliveryId,
        to: &str,
        domain: &str,
        purpose: &str,
    ) -> Made {
        let texts: Vec<String> = fs::read_to_string(self.world.path(&format!("{from}.received")))
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let request = self.world.request(to, &texts);
        let mut service = self.world.open();
        let known = service.state().deliveries()[&of].generation;
        let action = Action::Renew {
            domain: name(domain),
            from: known,
            generation: service.state().domain(&name(domain)).unwrap().generation(),
            purpose: name(purpose),
            inputs: vec![request.input()],
            recipient: None,
            keep_request: false,
            of: Some(vec![of]),
        };
        let quorum = self.world.quorum(&mut service, action).unwrap();
        let made = service.renew(quorum, from_ref(&request.files), |renewer, out| {
            renew_lines(renewer, &request, out)
        });
        let made = only(made.unwrap());
        drop(service);
        self.world.deliver(to, &made).unwrap();
        made
    }

    /// A project's end is looked at by a machine whose date custodians vouch for.
    fn expire(&self, day: &str) {
        self.check(day);
        self.world.open().expire().unwrap();
    }

    /// A controller sends people in a parcel, and gets their codes in one.
    fn sealed(&self, party: &str, file: &str) {
        let key = self.world.request_key(party, "population").unwrap();
        let request = self.world.seal(party, &key, file, &PEOPLE);
        self.world.code_sealed("population", &request, Some(party)).unwrap();
    }
}

pub(super) fn played() -> World {
    let decade = Decade::founded();
    let world = &decade.world;
    world.statistics("population").unwrap();
    world.statistics("health").unwrap();
    decade.on("2016-03-01");
    let income = decade.delivered("income", "population", "income");
    let housing = decade.delivered("housing", "population", "housing");
    let stays = decade.delivered("stays", "health", "hospital-stays");
    // Somebody who was asked did not approve, and a call was refused before anybody was asked.
    decade.on("2016-06-06");
    world.withdrawn("wages").unwrap_err();
    world.open().record_refusal("code", "batch-too-small").unwrap();

    decade.check("2017-01-16");
    decade.on("2017-02-06");
    world.research("benefits", "2018-12-31").unwrap();
    decade.on("2017-03-06");
    decade.delivered("benefits", "benefits", "benefits");
    decade.check("2018-01-15");
    decade.on("2018-02-05");
    world.research("mobility", "2019-12-31").unwrap();
    // A doubt is answered two and a half months later.
    decade.on("2018-03-05");
    world.doubt("health", 1).unwrap();
    decade.on("2018-05-21");
    world.new_key("health", RenewalReason::Doubt).unwrap();
    let stays = decade.renewed("stays", &stays, "stays-2", "health", "hospital-stays");
    decade.on("2018-11-12");
    world.close("mobility").unwrap();

    // The machine was off at the end of a project.
    decade.expire("2019-03-18");
    decade.expire("2019-03-19");
    // A request that was exchanged after it was approved.
    decade.on("2019-09-10");
    world.code_changed("population", "changed").unwrap_err();

    // One custodian is not trusted any more: shares are dealt anew, and every key replaced.
    decade.check("2020-01-13");
    decade.on("2020-03-02");
    let about = Doubted::Custody { epoch: world.open().state().working_epoch().unwrap().0 };
    let service = world.open();
    let doubt = world.kit(1).doubt(about, service.view(), service.now()).unwrap();
    drop(service);
    world.open().doubt(doubt).unwrap();
    decade.on("2020-03-16");
    let decade = Decade { seats: vec![0, 1, 3], ..decade };
    let world = &decade.world;
    world.deal_to(2, world.draw_cards(&decade.seats), Vec::new()).unwrap();
    decade.hold();
    decade.on("2020-03-23");
    world.new_key("population", RenewalReason::Doubt).unwrap();
    world.new_key("health", RenewalReason::Doubt).unwrap();
    [0, 1].iter().for_each(|seat| world.forget(*seat, 1).unwrap());
    let income = decade.renewed("income", &income, "income-2", "population", "income");
    let housing = decade.renewed("housing", &housing, "housing-2", "population", "housing");
    let stays = decade.renewed("stays-2", &stays, "stays-3", "health", "hospital-stays");

    decade.check("2021-01-18");
    // A request is kept, against the scheme.
    decade.on("2021-06-07");
    let census = decade.code("census", "population", "census", true);
    world.deliver("census", &census).unwrap();
    decade.delivered("schools", "population", "schools");
    decade.check("2022-01-17");
    // The disk is lost after a run that no backup holds.
    decade.on("2022-09-05");
    let backup = scratch();
    copy_tree(&world.home(), backup.path());
    decade.on("2022-09-12");
    decade.delivered("accidents", "health", "accidents");
    decade.check("2022-09-19");
    decade.on("2022-09-26");
    fs::remove_dir_all(world.home()).unwrap();
    copy_tree(backup.path(), &world.home());
    fs::remove_dir_all(world.home().join("life")).unwrap();
    let kits = decade.seats.iter().map(|seat| world.kit(*seat)).collect();
    let sources = Sources { kits, ..Sources::default() };
    let recovery = Recovery::look(&world.home(), sources, world.clock.clone()).unwrap();
    drop(recovery.carry_out(Some(&read_lines)).unwrap());

    decade.check("2023-01-16");
    decade.on("2023-02-06");
    world.research("pensions", "2024-12-31").unwrap();
    decade.delivered("pensions", "pensions", "pensions");
    decade.check("2024-01-15");
    decade.expire("2025-01-01");
    decade.expire("2025-01-02");
    // One domain is renewed in time, with every file; the other late, and two files stay out.
    decade.on("2025-03-10");
    world.new_key("health", RenewalReason::Scheduled).unwrap();
    decade.renewed("stays-3", &stays, "stays-4", "health", "hospital-stays");
    let accidents = delivery_for(world, "accidents");
    decade.renewed_of("accidents", accidents, "accidents-2", "health", "accidents");
    decade.on("2025-06-16");
    world.new_key("population", RenewalReason::Scheduled).unwrap();
    decade.renewed("income-2", &income, "income-3", "population", "income");
    decade.renewed("housing-2", &housing, "housing-3", "population", "housing");
    // From now on files travel as parcels.
    decade.on("2025-09-08");
    world.register_party("insee", Role::Controller, "population");
    decade.sealed("insee", "employers");
    sign_for(world, "employers").unwrap();
    decade.on("2025-10-06");
    decade.sealed("insee", "pupils");
    decade.check("2026-01-12");
    decade.world
}

/// The first delivery for a purpose.
fn delivery_for(world: &World, purpose: &str) -> DeliveryId {
    let ledger = world.ledger();
    let mut made = ledger.state.deliveries().iter();
    *made.find(|(_, made)| made.purpose.as_str() == purpose).unwrap().0
}

fn examined(ledger: &Path) -> (Audit, Intact) {
    let card = read_service_card(&ledger.join("card.json")).unwrap();
    let (audit, intact) = examine(&ledger.join("ledger.jsonl"), &card, &[], &[]).unwrap();
    let why: Vec<_> = audit.failures().map(|finding| &finding.detail).collect();
    (audit.clone(), intact.unwrap_or_else(|| panic!("{why:?}")))
}

/// What an auditor should find, and nothing else.
fn finds_everything(ledger: &Path) {
    let today: Timestamp = TODAY.parse().unwrap();
    let (mut audit, intact) = examined(ledger);
    audit.note_what_is_due(Some(&intact), today);
    let mut codes: Vec<&str> = audit.notices.iter().map(|notice| notice.code).collect();
    codes.sort_unstable();
    let expected = [
        "destroyed-late",
        "doubt-late",
        "file-out",
        "key-late",
        "may-have-run",
        "recovered",
        "request-kept",
    ];
    assert_eq!(codes, expected, "{audit}");
    assert!(audit.holds() && !audit.is_in_order());
    let exposed: Vec<_> =
        audit.exposures.iter().map(|left| (&left.unforgotten, left.needed)).collect();
    assert_eq!(exposed, [(&vec![name("security")], 2)]);

    let rotations = Rotation::all(&intact, today);
    let of = |domain: &str| rotations.iter().find(|of| of.domain.as_str() == domain).unwrap();
    let late: Vec<Option<i64>> =
        of("population").generations.iter().map(|turn| turn.late_days).collect();
    assert_eq!(late, [None, Some(85), None]);
    let out: Vec<&str> = of("population")
        .generations
        .iter()
        .flat_map(Turn::still_out)
        .map(|given| given.purpose.as_str())
        .collect();
    assert_eq!(out, ["census", "schools"]);
    let health = of("health");
    assert!(health.generations.iter().all(|turn| turn.late_days.is_none() && turn.is_finished()));
    let doubts: BTreeSet<(u32, &str, bool, bool)> = health
        .generations
        .iter()
        .flat_map(|turn| turn.doubts.iter().map(|doubt| (turn.generation.get(), doubt)))
        .map(|(of, doubt)| (of, doubt.by.as_str(), doubt.custody, doubt.late))
        .collect();
    assert_eq!(doubts, [(1, "legal", false, true), (2, "legal", true, false)].into());
    let ends = |domain: &str| (of(domain).late_days, of(domain).destroyed.is_some());
    assert_eq!(ends("benefits"), (Some(77), true));
    assert_eq!(ends("mobility"), (None, true));
    assert_eq!(ends("pensions"), (None, true));
    let over = &of("pensions").generations[0].deliveries[0];
    assert_eq!(over.standing, Standing::Over);
    let unsigned: Vec<&str> = audit.unsigned_for.iter().map(|made| made.party.as_str()).collect();
    assert_eq!(unsigned, ["insee"]);
}

fn entries(ledger: &Path, wanted: &Wanted) -> Vec<Entry> {
    let mut entries = Vec::new();
    log(&examined(ledger).1, wanted, |entry| {
        entries.push(entry);
        Ok::<_, LedgerError>(())
    })
    .unwrap();
    entries
}

fn copy_public(from: &Path, to: &Path) {
    for file in ["ledger.jsonl", "checkpoint", "card.json"] {
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
}

#[test]
fn an_auditor_finds_everything_in_ten_years() {
    let world = played();
    finds_everything(&world.home());
    if std::env::var_os("CSTATNS_NEW_DECADE").is_some() {
        fs::create_dir_all(kept()).unwrap();
        copy_public(&world.home(), &kept());
    }
    finds_everything(&kept());
    // The kept ledger is the one that is made here: keys and numbers differ, and nothing else.
    let story = |ledger: &Path| {
        let entries = entries(ledger, &Wanted::default());
        entries
            .into_iter()
            .map(|entry| (entry.time, entry.kind, entry.custodians))
            .collect::<Vec<_>>()
    };
    assert_eq!(story(&kept()), story(&world.home()));
}

/// Each filter gives what it says, and together they give what each gives.
/// Lines that were put there after the verification are not taken for those that were verified:
/// neither one that says something else, nor a line less.
#[test]
fn a_log_is_of_the_lines_that_were_verified() {
    let place = scratch();
    copy_public(&kept(), place.path());
    let ledger = place.path().join("ledger.jsonl");
    let (_, intact) = examined(place.path());
    let whole = fs::read_to_string(&ledger).unwrap();
    let first_changed = |text: String| {
        fs::write(&ledger, text).unwrap();
        let mut shown = 0;
        let ended = log(&intact, &Wanted::default(), |_| {
            shown += 1;
            Ok::<_, LedgerError>(())
        });
        (ended.err().map(|error| error.code()), shown)
    };
    let lines: Vec<&str> = whole.lines().collect();
    let size = lines.len();
    assert_eq!(first_changed(whole.clone()), (None, size));
    let number = lines.iter().position(|line| line.contains("\"type\":\"refused\"")).unwrap();
    let mut changed = lines.clone();
    let other = lines[number].replacen("batch-too-small", "batch-too-large", 1);
    assert_ne!(other, lines[number]);
    changed[number] = &other;
    assert_eq!(first_changed(changed.join("\n") + "\n"), (Some("ledger-line"), number));
    let cut = lines[..size - 1].join("\n") + "\n";
    assert_eq!(first_changed(cut), (Some("ledger-line"), size - 1));
}

#[test]
fn the_log_is_filtered() {
    let all = entries(&kept(), &Wanted::default());
    assert!(all.iter().zip(1..).all(|(entry, number)| entry.event == number));
    let wanted = |set: &dyn Fn(&mut Wanted)| {
        let mut wanted = Wanted::default();
        set(&mut wanted);
        entries(&kept(), &wanted)
    };
    let kinds = |entries: &[Entry]| -> Vec<&'static str> {
        entries.iter().map(|entry| entry.kind).collect()
    };
    let mobility = wanted(&|wanted| wanted.domain = Some(name("mobility")));
    let of_project = kinds(&mobility);
    for kind in ["proposed", "intent", "opened", "closed", "destroyed"] {
        assert!(of_project.contains(&kind), "{kind}: {of_project:?}");
    }
    // A doubt about the custody is about every domain; those about another one are not.
    let doubts: Vec<_> = mobility.iter().filter(|entry| entry.kind == "doubted").collect();
    let [doubt] = doubts[..] else { panic!("{doubts:?}") };
    assert!(doubt.sentence.en.contains(", dated 2020-03-02, about the custody of epoch 1,"));
    let security = wanted(&|wanted| wanted.custodian = Some(name("security")));
    assert!(kinds(&security).iter().all(|kind| *kind == "received"), "{:?}", kinds(&security));
    let census = wanted(&|wanted| wanted.purpose = Some(name("census")));
    assert_eq!(kinds(&census)[..2], ["proposed", "intent"]);
    assert!(kinds(&census).contains(&"coded"));
    let year = wanted(&|wanted| {
        wanted.period.from = Some("2019-01-01".parse().unwrap());
        wanted.period.to = Some("2019-12-31".parse().unwrap());
    });
    assert!(year.iter().all(|entry| entry.time.to_string().starts_with("2019-")));
    assert!(kinds(&year).contains(&"failed"));
    let both = wanted(&|wanted| {
        wanted.domain = Some(name("health"));
        wanted.custodian = Some(name("legal"));
    });
    let expected: Vec<&Entry> = all
        .iter()
        .filter(|entry| {
            let custody = entry.kind == "doubted" && entry.domains.is_empty();
            entry.custodians.contains(&name("legal"))
                && (custody || entry.domains.contains(&name("health")))
        })
        .collect();
    assert!(!both.is_empty() && both.iter().eq(expected), "{both:?}");
}

/// Each sentence says in both languages what happened, and shows nothing that the line does not.
#[test]
fn every_event_is_a_sentence() {
    let all = entries(&kept(), &Wanted::default());
    for entry in &all {
        let (en, fr) = (&entry.sentence.en, &entry.sentence.fr);
        assert!(en.ends_with('.') && fr.ends_with('.') && en != fr, "{}: {en} {fr}", entry.kind);
        assert!(en.len() > 25 && !en.contains("``"), "{}: {en}", entry.kind);
    }
    let said: String = all.iter().map(|entry| format!("{}\n", entry.sentence.en)).collect();
    for sentence in [
        "The service is founded: shares are dealt, 2 of 3, to `methods`, `legal`, `security`.\n",
        "`legal` states a doubt, dated 2018-03-05, about the key of generation 1 of `health`.\n",
        "The key of generation 2 of `health` is made, after a doubt.\n",
        "Refused before anything began: `code`, because of `batch-too-small`.\n",
        "What opens the keys of the project `benefits`: destroyed, overwritten once and deleted.\n",
        "; the request is kept, against the scheme.\n",
        "The home had lost events, and has them again;",
        "has arrived, as `insee` signs, who destroyed 0 files.\n",
    ] {
        assert!(said.contains(sentence), "{sentence}\n{said}");
    }
}

/// A service that does everything in time, and renews every file, leaves nothing to account for.
#[test]
fn nothing_is_found_where_everything_is_in_order() {
    let decade = Decade::founded();
    let world = &decade.world;
    world.statistics("population").unwrap();
    let first = decade.delivered("first", "population", "income");
    for year in 2017..2021 {
        decade.check(&format!("{year}-01-09"));
    }
    decade.on("2020-02-03");
    world.doubt("population", 1).unwrap();
    decade.on("2020-02-10");
    world.new_key("population", RenewalReason::Doubt).unwrap();
    decade.renewed("first", &first, "second", "population", "income");
    let (mut audit, intact) = examined(&world.home());
    audit.note_what_is_due(Some(&intact), "2021-01-05T00:00:00Z".parse().unwrap());
    assert!(audit.is_in_order(), "{audit}");
    // By the same ledger, a year and more later nobody has vouched for what followed.
    audit.notices.clear();
    audit.note_what_is_due(Some(&intact), "2022-01-05T00:00:00Z".parse().unwrap());
    let codes: BTreeSet<&str> = audit.notices.iter().map(|notice| notice.code).collect();
    assert_eq!(codes, ["check-overdue", "unwitnessed"].into(), "{audit}");
}
