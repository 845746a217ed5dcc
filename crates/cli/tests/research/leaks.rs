//! A canary through a research project: somebody's identifier, their codes and their row are looked
//! for at every party and in every form, after each command and wherever one was stopped.
//!
//! The gate stops each command at every third step, `CSTATNS_LONG` at each.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use crate::common::{files, identifiers, keyed};
use crate::needles::{CANARY, Needles};
use crate::years::sending::ToCode;
use crate::years::world::crash::Snapshot;
use crate::years::world::{World, name};
use cstatns::card::{PartyCard, ServiceCard, read_service_card};
use cstatns::coded::Coded as _;
use cstatns::domain::RenewalReason;
use cstatns::files::faults::{count, fail_at, stop_after};
use cstatns::identifier::Scheme;
use cstatns::linking::{Content, read_linking};
use cstatns::meta::ServiceId;
use cstatns::party::Role;
use cstatns::received::{ReceivedFile, received_path};
use cstatns::service::Clock as _;
use cstatns_controller::{Beside, Column, Prepare, prepare};
use cstatns_link::join::How;
use cstatns_link::{
    Body, JoinFiles, LinkError, Over, Receive, Release, Renewal, Rows, end, join_files,
    ledger_path, prepare_renewal, present, receive, release,
};
use cstatns_parcel::age::Identity;
use cstatns_parcel::open::{Opener, open};
use cstatns_parcel::party::Party;
use cstatns_parcel::request::Declared;
use cstatns_parcel::sending::Sending;
use cstatns_rows::effort::Effort;
use cstatns_rows::reading::Reading;
use jiff::{SignedDuration, Timestamp};

const DAY: SignedDuration = SignedDuration::from_hours(24);
const PROJECT: &str = "mobility";
const SHOWS: &str = "what-only-the-canary-has";

type Outcome = Result<(), Box<dyn Error>>;

/// A command about a file.
type Act = fn(&Office, &str) -> Outcome;

/// In which files the three lie: identifier, code, row.
type Places = [BTreeSet<String>; 3];

fn places(identifier: &[&str], code: &[&str], row: &[&str]) -> Places {
    [identifier, code, row].map(|names| names.iter().map(|name| (*name).to_owned()).collect())
}

/// Every party in one place, with the needles of what must not leak.
struct Office {
    world: World,
    needles: [Needles; 3],
    /// Where they lie before the next command.
    before: Places,
}

impl Office {
    fn new() -> Self {
        let mut world = World::new(2, 2);
        world.life = ["life", "second-life"].map(|place| world.path(place)).into();
        world.init().unwrap();
        world.receive().unwrap();
        world.research(PROJECT, "2027-12-31").unwrap();
        for (party, role) in
            [("insee", Role::Controller), ("cesr", Role::Linking), ("lab", Role::Researcher)]
        {
            world.register_party(party, role, PROJECT);
        }
        let mut people = identifiers(5);
        people.push(keyed(CANARY));
        for file in ["wages", "hospital"] {
            let mut rows = format!("nir,{file}\n");
            for (row, nir) in people.iter().enumerate() {
                let cell = if row == 5 { SHOWS.to_owned() } else { format!("person-{row}") };
                rows.push_str(&format!("{nir},{cell}\n"));
            }
            fs::write(world.path(&format!("{file}.csv")), rows).unwrap();
        }
        let needles = [Needles::identifier(), Needles::none(), Needles::of(&[SHOWS.as_bytes()])];
        let data = ["wages.csv", "hospital.csv"];
        Self { world, needles, before: places(&data, &[], &data) }
    }

    fn path(&self, file: &str, end: &str) -> PathBuf {
        self.world.path(&format!("{file}.{end}"))
    }

    fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    fn card(&self) -> ServiceCard {
        read_service_card(&self.world.home().join("card.json")).unwrap()
    }

    fn party_card(&self, party: &str) -> PartyCard {
        self.world.party(party).card().clone()
    }

    /// Does something as the linking body.
    fn link<T>(&self, act: impl FnOnce(&mut Body<'_>) -> Result<T, LinkError>) -> Outcome {
        let directory = self.world.path("cesr");
        let party = Party::open(&directory, None)?;
        let done = act(&mut Body::open(&directory, &party, self.now())?);
        done.map(drop).map_err(Into::into)
    }

    /// The copy that the linking body keeps of a coded file.
    fn kept(&self, file: &str) -> PathBuf {
        let directory = self.world.path("cesr");
        let state = read_linking(&ledger_path(&directory)).unwrap().state;
        let receipt = ReceivedFile::read(&received_path(&self.path(file, "coded.csv"))).unwrap();
        let is_it = |content: &Content| match content {
            Content::Coded { delivery, .. } => *delivery == receipt.received().delivery,
            _ => false,
        };
        let (number, _) = state.files().iter().find(|(_, file)| is_it(&file.content)).unwrap();
        let all = present(&directory, &state).unwrap();
        all.into_iter().find(|present| present.file == *number).unwrap().path
    }

    /// Where the three lie now, temporaries by the name that they would have got.
    fn found(&self) -> Places {
        let mut found = Places::default();
        let world = &self.world;
        for place in [world.directory.path(), world.kits_directory.path()] {
            for (path, bytes) in files(place) {
                let name = path.strip_prefix(place).unwrap().to_str().unwrap();
                let name = match name.strip_suffix(".cstatns-tmp") {
                    Some(name) => name.trim_start_matches('.').rsplit_once('.').unwrap().0,
                    None => name,
                };
                for (needles, found) in self.needles.iter().zip(&mut found) {
                    if needles.are_in(&bytes) || needles.are_in(name.as_bytes()) {
                        found.insert(name.to_owned());
                    }
                }
            }
        }
        found
    }

    /// Finds out what the code of the canary will be once these commands are done, and undoes them.
    fn foresee(&mut self, acts: &[Act], file: &str, coded: &str) {
        let before = Snapshot::of(&self.world);
        acts.iter().for_each(|act| act(self, file).unwrap());
        let text = fs::read_to_string(self.world.path(coded)).unwrap();
        let row = text.lines().find(|line| line.contains(SHOWS)).unwrap();
        let code = row.split(',').find(|cell| cell.split('.').count() > 2).expect(row);
        self.needles[1].add(Needles::code(code));
        before.restore(&self.world);
    }

    /// Does something that is stopped after each number of steps, or one of whose steps fails, and
    /// does it again; looks each time.
    fn at_each_step(&mut self, what: &str, act: Act, file: &str, after: Places) {
        let snapshot = Snapshot::of(&self.world);
        assert_eq!(self.found(), self.before, "before {what}");
        let during = [0, 1, 2].map(|of| &self.before[of] | &after[of]);
        let (directory, kits) = (&self.world.directory, &self.world.kits_directory);
        let each = if std::env::var_os("CSTATNS_LONG").is_some() { 1 } else { 3 };
        let mut steps = 0;
        for place in [directory.path(), kits.path()] {
            snapshot.restore(&self.world);
            let own = count(place, || act(self, file).unwrap());
            assert_eq!(self.found(), after, "{what}, undisturbed");
            for step in (steps % each..own).step_by(each) {
                // Where a step fails and the others do not, fewer show as much.
                for fails in [false, true].into_iter().take(1 + usize::from(step % 5 == 0)) {
                    let way = if fails { "failed at" } else { "stopped at" };
                    let when = format!("{what}, {way} step {step} of {own}");
                    snapshot.restore(&self.world);
                    let outcome = match fails {
                        true => fail_at(place, step, ErrorKind::StorageFull, || act(self, file)),
                        false => stop_after(place, step, || act(self, file)),
                    };
                    if let Err(error) = outcome {
                        let said = format!("{error}\n{error:?}");
                        let is_said = |needles: &Needles| needles.are_in(said.as_bytes());
                        assert!(!self.needles.iter().any(is_said), "{when}: an error shows it");
                    }
                    let found = self.found();
                    for (of, found) in found.iter().enumerate() {
                        assert!(found.is_subset(&during[of]), "{when}: {found:?}");
                    }
                    act(self, file).unwrap_or_else(|error| panic!("{when}, then again: {error}"));
                    assert_eq!(self.found(), after, "{when}, then again");
                }
            }
            steps += own;
        }
        assert!(steps > 5, "{what}: {steps} steps");
        self.before = after;
    }
}

/// What was done already is done.
fn or_done(outcome: Outcome, codes: &[&str]) -> Outcome {
    match outcome {
        Err(error) => match error.downcast_ref::<LinkError>() {
            Some(known) if codes.contains(&known.code()) => Ok(()),
            _ => Err(error),
        },
        done => done,
    }
}

fn ask_for_key(at: &Office, file: &str) -> Outcome {
    let key = at.world.request_key("insee", PROJECT)?;
    Ok(fs::write(at.path(file, "key.json"), serde_json::to_vec(&key)?)?)
}

fn send(at: &Office, file: &str) -> Outcome {
    let (request, rows) = (at.path(file, "request.csv.age"), at.path(file, "rows.csv.age"));
    if request.exists() && rows.exists() {
        return note(at, file);
    }
    let (party, card) = (at.world.party("insee"), at.card());
    let (key, data, to) = (at.path(file, "key.json"), at.path(file, "csv"), at.party_card("cesr"));
    let sending = Sending::new(&party, &card, &key, None, at.now())?;
    let what = Prepare {
        data: data.as_path().into(),
        column: Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir },
        service: &ServiceId::of(card.id()).unwrap(),
        signing: &card.body.signing,
        domain: &name(PROJECT),
        request: &request,
        sending: Some(&sending),
        beside: Beside::Payload(&rows, &to),
        delimiter: b',',
        reading: Reading::default(),
        accepted: &[],
    };
    prepare(what, &Effort::default())?;
    note(at, file)
}

/// Takes down which request it is: once it is coded nobody can read it.
fn note(at: &Office, file: &str) -> Outcome {
    let declared = Declared::read(&at.path(file, "request.csv.age"))?.expect("it is a request");
    let commitment = serde_json::to_vec(&declared.declaration.body.commitment)?;
    Ok(fs::write(at.path(file, "request.json"), commitment)?)
}

fn code(at: &Office, file: &str) -> Outcome {
    let (request, result) = (at.path(file, "request.csv.age"), at.path(file, "result.csv.age"));
    let commitment = serde_json::from_slice(&fs::read(at.path(file, "request.json"))?)?;
    let to = at.party_card("cesr").fingerprint();
    let what = ToCode { project: PROJECT, request: &request, result: &result, to, commitment };
    what.run(&at.world)?;
    fs::copy(&result, at.path(file, "got.csv.age"))?;
    Ok(())
}

fn attach(at: &Office, file: &str) -> Outcome {
    take(at, file, false)
}

fn attach_renewed(at: &Office, file: &str) -> Outcome {
    take(at, file, true)
}

fn take(at: &Office, file: &str, renewed: bool) -> Outcome {
    let (payload, kept) = (at.path(file, "rows.csv.age"), at.path(file, "kept.age"));
    let (rows, left, out) = match renewed {
        false => (Rows::Payload(&payload), &payload, at.path(file, "coded.csv")),
        true => (Rows::Retained(&kept), &kept, at.path(file, "new.coded.csv")),
    };
    let result = at.path(file, "got.csv.age");
    let done = at.link(|body| {
        let what = Receive { service: &at.card(), rows, result: &result, out: &out };
        receive(body, &what, &Effort::default())
    });
    // The parcels go once it is recorded.
    if left.exists() || result.exists() { done } else { or_done(done, &["file-missing"]) }
}

fn sign_for(at: &Office, file: &str) -> Outcome {
    let receipt = ReceivedFile::read(&received_path(&at.path(file, "coded.csv")))?;
    let id = receipt.received().delivery;
    let mut service = at.world.try_open()?;
    let known = &service.state().deliveries()[&id];
    if known.receipt.is_none() {
        service.delivered(&id, &receipt)?;
    }
    Ok(())
}

fn join(at: &Office, _: &str) -> Outcome {
    let out = at.world.path("joined.csv");
    let done = at.link(|body| {
        let sources = ["wages", "hospital"].map(|file| (name(file), at.path(file, "coded.csv")));
        let what =
            JoinFiles { sources: &sources, how: How::Inner, many: false, least: None, out: &out };
        join_files(body, &what, &Effort::default())
    });
    or_done(done, &["output-exists"])
}

fn give(at: &Office, _: &str) -> Outcome {
    let (file, out) = (at.world.path("joined.csv"), at.world.path("joined.csv.age"));
    let ledger = at.world.ledger();
    let done = at.link(|body| {
        let what = Release {
            file: &file,
            to: &at.party_card("lab"),
            ledger: Some(&ledger.state),
            authorisation: name("authorised"),
            out: &out,
            until: Some(at.now() + DAY * 400),
            keep_coded: true,
        };
        release(body, &what)
    });
    if file.exists() { done } else { or_done(done, &["file-missing", "output-exists"]) }
}

fn new_key(at: &Office, _: &str) -> Outcome {
    let domain = name(PROJECT);
    if at.world.ledger().state.domain(&domain)?.generation().get() == 1 {
        at.world.new_key(PROJECT, RenewalReason::Scheduled)?;
    }
    Ok(())
}

fn ask_for_renewal(at: &Office, file: &str) -> Outcome {
    let (key, request) = (at.path(file, "renewal.json"), at.path(file, "request.csv.age"));
    let issued = at.world.request_key("cesr", PROJECT)?;
    fs::write(&key, serde_json::to_vec(&issued)?)?;
    let retained = at.path(file, "kept.age");
    let done = at.link(|body| {
        let what = Renewal {
            service: &at.card(),
            domain: &name(PROJECT),
            coded: &at.kept(file),
            key: &key,
            request: &request,
            retained: &retained,
        };
        prepare_renewal(body, &what, &Effort::default())
    });
    or_done(done, &["output-exists"])?;
    note(at, file)
}

/// The project is over, and a day later the timer runs.
fn close(at: &Office, _: &str) -> Outcome {
    if !at.world.ledger().state.domain(&name(PROJECT))?.closed {
        at.world.close(PROJECT)?;
    }
    at.world.try_open()?.expire()?;
    Ok(())
}

fn end_it(at: &Office, _: &str) -> Outcome {
    let service = ServiceId::of(at.card().id()).unwrap();
    let head = at.world.ledger().checkpoint.head;
    let done = at.link(|body| end(body, Over { service, domain: name(PROJECT), head }));
    or_done(done, &["linking-notice-known"])
}

#[test]
fn wherever_it_is_stopped_a_canary_is_where_it_must_be_and_nowhere_else() {
    let mut at = Office::new();
    let data = ["wages.csv", "hospital.csv"];
    let with = |coded: &[&str], joined: &[&str]| {
        places(&data, coded, &[&data[..], coded, joined].concat())
    };
    at.at_each_step("request-key", ask_for_key, "wages", with(&[], &[]));
    at.at_each_step("prepare", send, "wages", with(&[], &[]));
    at.foresee(&[code, attach], "wages", "wages.coded.csv");
    at.at_each_step("code", code, "wages", with(&[], &[]));
    at.at_each_step("attach", attach, "wages", with(&["wages.coded.csv"], &[]));
    at.at_each_step("delivered", sign_for, "wages", with(&["wages.coded.csv"], &[]));
    for act in [ask_for_key as Act, send, code, attach, sign_for] {
        act(&at, "hospital").unwrap();
    }
    let coded = ["wages.coded.csv", "hospital.coded.csv"];
    at.before = with(&coded, &[]);
    at.at_each_step("join", join, "", with(&coded, &["joined.csv"]));
    at.at_each_step("release", give, "", with(&[], &[]));
    let lab = at.world.party("lab");
    let opener = Opener {
        identity: Identity::Hybrid(lab.receiving()),
        receiver: Some(lab.card().fingerprint()),
        now: at.now(),
        knows: &|_| true,
    };
    let mut rows = Vec::new();
    open(&fs::read(at.world.path("joined.csv.age")).unwrap()[..], &opener, &mut rows).unwrap();
    assert_eq!(at.needles.each_ref().map(|of| of.are_in(&rows)), [false, false, true]);

    at.at_each_step("new-key", new_key, "", with(&[], &[]));
    at.at_each_step("prepare a renewal", ask_for_renewal, "wages", with(&[], &[]));
    at.foresee(&[code, attach_renewed], "wages", "wages.new.coded.csv");
    at.at_each_step("renew", code, "wages", with(&[], &[]));
    let renewed = with(&["wages.new.coded.csv"], &[]);
    at.at_each_step("attach a renewal", attach_renewed, "wages", renewed.clone());
    at.at_each_step("close", close, "", renewed);
    at.at_each_step("end", end_it, "", with(&[], &[]));
}
