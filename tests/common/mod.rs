//! A service with its custodians in a temporary directory, played through the library.

#![allow(dead_code, unreachable_pub)]

pub mod copy;
/// Needs fault points, which only debug builds have.
#[cfg(all(cstatns_faults, debug_assertions))]
pub mod crash;
pub mod sealed;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::slice::from_ref;

use cstatns::card::{Card, PartyCard, PartyCardBody};
use cstatns::code::{Code, Generation};
use cstatns::coder::{Coder, Renewer};
use cstatns::commitment::{Commit, Commitment, CommitmentKey, Context, Use};
use cstatns::custody::approval::Approval;
use cstatns::custody::custodian::{Kit, KitError};
use cstatns::custody::quorum::Quorum;
use cstatns::custody::share::{ReceivingKey, ShareFile};
use cstatns::dealing::{Epoch, Threshold};
use cstatns::delivery::DeliveryId;
use cstatns::domain::{Kind, RenewalReason};
use cstatns::ed25519_dalek::SigningKey;
use cstatns::files::FileError;
use cstatns::identifier::{Identifier, Scheme};
use cstatns::ledger::event::KeyRef;
use cstatns::name::{Hex, Name};
use cstatns::party::{RequestKey, Role};
use cstatns::proposal::{Action, Input};
use cstatns::proposal_file::ProposalFile;
use cstatns::receipt::Doubted;
use cstatns::receipt::Receipt;
use cstatns::received::Received;
use cstatns::service::{
    Clock, Counts, Dealt, Founding, Gathering, LeftResult, Made, Opening, Outcome, ReadResult,
    Recovered, ResultFile, RunFiles, Seal, Service, ServiceError, WorkError, Written,
    read_service_card,
};
use cstatns::state::{ReadLedger, read_ledger};
use cstatns::statement::{FORMAT, Signed};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// The card of a party whose keys are of this number.
pub fn party_card(text: &str, number: u8) -> PartyCard {
    let key = SigningKey::from_bytes(&[100 + number; 32]);
    let body = PartyCardBody {
        format: FORMAT,
        name: name(text),
        protected: true,
        signing: Hex(key.verifying_key().to_bytes()),
        receiving: ReceivingKey::from_seed(&[100 + number; 32]).public(),
    };
    Signed::new(body, &key)
}

pub fn generation(number: u32) -> Generation {
    Generation::new(number).unwrap()
}

/// A clock that tests set, and at which the program may die.
#[derive(Clone)]
pub struct TestClock {
    time: Rc<Cell<Timestamp>>,
    looks: Rc<Cell<Option<u32>>>,
}

/// What a program unwinds with that dies at its clock.
pub struct Died;

impl TestClock {
    pub fn at(text: &str) -> Self {
        let time = Rc::new(Cell::new(text.parse().unwrap()));
        Self { time, looks: Rc::default() }
    }

    pub fn set(&self, text: &str) {
        self.time.set(text.parse().unwrap());
    }

    pub fn set_to(&self, time: Timestamp) {
        self.time.set(time);
    }

    pub fn advance(&self, by: SignedDuration) {
        self.time.set(self.time.get() + by);
    }

    /// The program dies when it looks at the clock once more after so many times; or does not.
    pub fn kill_after(&self, looks: Option<u32>) {
        self.looks.set(looks);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        match self.looks.get() {
            Some(0) => {
                self.looks.set(None);
                std::panic::resume_unwind(Box::new(Died));
            }
            looks => self.looks.set(looks.map(|left| left - 1)),
        }
        self.time.get()
    }
}

/// A directory in memory where there is one: these tests make thousands of durable steps.
pub fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

/// A directory with a home, shares and an exchange of files; and another with the kits.
pub struct World {
    pub directory: tempfile::TempDir,
    /// Apart, so that a fault plan over `directory` stops the service and not its custodians.
    pub kits_directory: tempfile::TempDir,
    pub clock: TestClock,
    pub kits: Vec<PathBuf>,
    pub k: usize,
    pub demo: bool,
    /// Declared places of life secrets; none: `life/` in the home.
    pub life: Vec<PathBuf>,
    /// Declared mirrors.
    pub mirrors: Vec<PathBuf>,
    /// Whether the date of the clock is confirmed before custodians are asked.
    pub confirms: Cell<bool>,
    /// Whether the custodians who approve are elsewhere: their kits see no more than the question.
    pub distant: Cell<bool>,
    /// After how many events a snapshot is written: soon enough that most of what is tested is
    /// tested with one.
    pub snapshot_after: u64,
}

impl World {
    /// Kits of `n` custodians without passphrases (so that tests are quick; the service is a
    /// demonstration).
    pub fn new(k: usize, n: usize) -> Self {
        let (directory, kits_directory) = (scratch(), scratch());
        let kits: Vec<PathBuf> =
            (1..=n).map(|i| kits_directory.path().join(format!("kit-{i}"))).collect();
        let clock = TestClock::at("2026-01-05T09:00:00Z");
        let (demo, life, mirrors) = (true, Vec::new(), Vec::new());
        let (confirms, distant) = (Cell::new(false), Cell::new(false));
        let snapshot_after = 3;
        let world = Self {
            directory,
            kits_directory,
            clock,
            kits,
            k,
            demo,
            life,
            mirrors,
            confirms,
            distant,
            snapshot_after,
        };
        world.make_kits();
        world
    }

    pub fn make_kits(&self) {
        for (i, kit) in self.kits.iter().enumerate() {
            Kit::create(kit, name(&format!("custodian-{}", i + 1)), false, None).unwrap();
        }
    }

    /// A world whose service is founded and whose shares are all held.
    pub fn founded(k: usize, n: usize) -> Self {
        let world = Self::new(k, n);
        world.init().unwrap();
        world.receive().unwrap();
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// Where life secrets lie.
    pub fn lives(&self) -> Vec<PathBuf> {
        if self.life.is_empty() { vec![self.home().join("life")] } else { self.life.clone() }
    }

    pub fn init(&self) -> Result<(), ServiceError> {
        let cards = self.kits.iter().map(|kit| Kit::card_in(kit).unwrap()).collect();
        let shares = self.path("shares");
        let founding = Founding {
            name: name("test"),
            threshold: self.k,
            cards,
            shares: &shares,
            life: self.life.clone(),
            mirrors: self.mirrors.clone(),
            demo: self.demo,
        };
        Service::init(&self.home(), founding, self.clock.clone()).map(|_| ())
    }

    /// Every custodian accepts their share and the service records the receipts.
    pub fn receive(&self) -> Result<(), ServiceError> {
        let receipts: Vec<Receipt> = self.kits.iter().map(|kit| self.accept(kit)).collect();
        for receipt in receipts {
            self.open().receipt(receipt)?;
        }
        Ok(())
    }

    /// The cards of these kits, drawn for the next dealing.
    pub fn draw_cards(&self, kits: &[usize]) -> Vec<Card> {
        let draw = |kit: &usize| self.kit(*kit).draw_card().unwrap().clone();
        kits.iter().map(draw).collect()
    }

    /// A quorum deals shares of a new root to these cards.
    pub fn deal_to(
        &self,
        k: usize,
        cards: Vec<Card>,
        left_behind: Vec<KeyRef>,
    ) -> Result<Dealt, ServiceError> {
        let mut service = self.try_open()?;
        let epoch = service.state().next_epoch();
        let threshold = Threshold::new(k, cards.len())?;
        let action = Action::Deal { epoch, threshold, cards, left_behind };
        let quorum = self.quorum(&mut service, action)?;
        service.deal(quorum, &self.path("shares"))
    }

    /// The same to all custodians, by the same threshold.
    pub fn deal(&self) -> Result<Dealt, ServiceError> {
        let all: Vec<usize> = (0..self.kits.len()).collect();
        self.deal_to(self.k, self.draw_cards(&all), Vec::new())
    }

    /// A quorum gives up a dealing.
    pub fn abandon(&self, epoch: u32) -> Result<(), ServiceError> {
        let mut service = self.try_open()?;
        let quorum = self.quorum(&mut service, Action::Abandon { epoch: Epoch(epoch) })?;
        service.abandon(quorum)
    }

    /// The first k custodians accept another signing key of the service, which signs from now on.
    pub fn rekey(&self) -> Result<(), ServiceError> {
        let opening = || Opening { read: Some(&read_lines), ..Opening::of(name("rekey")) };
        let (home, clock) = (self.home(), self.clock.clone());
        let card = Service::next_card(&home, &opening())?;
        let (ledger, mut statements) = (self.ledger(), Vec::new());
        for kit in 0..self.k {
            statements.push(self.kit(kit).accept_service(&card, ledger.view(), clock.now())?);
        }
        Service::rekey(&home, clock, opening(), statements).map(drop)
    }

    /// A custodian states that their share of an epoch is destroyed, and the service records it.
    pub fn forget(&self, kit: usize, epoch: u32) -> Result<(), ServiceError> {
        let ledger = self.ledger();
        let receipt = self.kit(kit).forget(Epoch(epoch), ledger.view(), self.clock.now())?;
        self.try_open()?.receipt(receipt).map(|_| ())
    }

    /// A quorum registers a party.
    pub fn register(
        &self,
        card: &PartyCard,
        role: Role,
        domains: &[&str],
    ) -> Result<(), ServiceError> {
        let mut service = self.try_open()?;
        let domains = domains.iter().map(|domain| name(domain)).collect();
        let action = Action::Party { card: Box::new(card.clone()), role, domains };
        let quorum = self.quorum(&mut service, action)?;
        service.register(quorum)
    }

    /// A custodian ends the roles of a party.
    pub fn end_party(&self, kit: usize, card: &PartyCard) -> Result<(), ServiceError> {
        let ledger = self.ledger();
        let card = card.fingerprint();
        let receipt = self.kit(kit).end_party(card, ledger.view(), self.clock.now())?;
        self.try_open()?.receipt(receipt).map(|_| ())
    }

    /// The service issues a request key for thirty days.
    pub fn request_key(&self, party: &str, domain: &str) -> Result<RequestKey, ServiceError> {
        self.try_open()?.issue_request_key(&name(party), &name(domain), 30)
    }

    /// The ledger as everybody but the service reads it.
    pub fn ledger(&self) -> ReadLedger {
        let home = self.home();
        let card = read_service_card(&home.join("card.json")).unwrap();
        read_ledger(&home.join("ledger.jsonl"), &card).unwrap()
    }

    pub fn kit(&self, kit: usize) -> Kit {
        Kit::open(&self.kits[kit], None).unwrap()
    }

    /// The custodian with this kit accepts their share of the newest dealing.
    pub fn accept(&self, directory: &Path) -> Receipt {
        let mut kit = Kit::open(directory, None).unwrap();
        let epoch = *self.ledger().state.epochs().last_key_value().unwrap().0;
        let share = self.path("shares").join(format!("{}.{epoch}.share", kit.name()));
        let share: ShareFile = serde_json::from_slice(&std::fs::read(share).unwrap()).unwrap();
        let receipt = kit.accept(&share, self.ledger().view(), self.clock.now()).unwrap();
        serde_json::from_slice(&std::fs::read(receipt).unwrap()).unwrap()
    }

    /// A custodian's yearly check of the ledger as it is.
    pub fn check(&self, kit: usize) -> Receipt {
        self.kit(kit).check(self.ledger().view(), self.clock.now()).unwrap()
    }

    pub fn open(&self) -> Service {
        self.try_open().unwrap()
    }

    pub fn try_open(&self) -> Result<Service, ServiceError> {
        self.reopen().map(|(service, _)| service)
    }

    /// Opens the service, with what it says of its recovery.
    pub fn reopen(&self) -> Result<(Service, Vec<Recovered>), ServiceError> {
        let read: ReadResult<'_> = &read_lines;
        let (from_snapshot, snapshot_after) = (true, self.snapshot_after);
        let opening = Opening {
            read: Some(read),
            from_snapshot,
            snapshot_after,
            ..Opening::of(name("test"))
        };
        Service::open_for(&self.home(), self.clock.clone(), opening)
    }

    /// The first k custodians approve.
    pub fn quorum(&self, service: &mut Service, action: Action) -> Result<Quorum, ServiceError> {
        self.quorum_of(service, action, &(0..self.k).collect::<Vec<_>>())
    }

    /// These custodians approve.
    pub fn quorum_of(
        &self,
        service: &mut Service,
        action: Action,
        kits: &[usize],
    ) -> Result<Quorum, ServiceError> {
        if self.confirms.get() {
            service.confirm_clock(TimeZone::UTC.to_datetime(service.now()).date())?;
        }
        if self.distant.get() {
            return self.quorum_at_a_distance(service, action, kits);
        }
        let draft = service.propose(action, SignedDuration::from_mins(10))?;
        service.gather(draft, |gathering| {
            for kit in kits {
                gathering.consent(self.kit(*kit))?;
            }
            Ok(())
        })
    }

    /// These custodians approve at a distance.
    pub fn quorum_at_a_distance(
        &self,
        service: &mut Service,
        action: Action,
        kits: &[usize],
    ) -> Result<Quorum, ServiceError> {
        let draft = service.propose(action, SignedDuration::from_mins(10))?;
        service.gather(draft, |gathering| {
            gathering.wait_for_others();
            self.sent(gathering, kits)
        })
    }

    /// The approvals of these custodians come in from a distance.
    pub fn sent(&self, gathering: &mut Gathering<'_>, kits: &[usize]) -> Result<(), ServiceError> {
        let proposal = gathering.proposal_file()?.bytes();
        for kit in kits {
            gathering.take(self.approve(*kit, &proposal).unwrap())?;
        }
        Ok(())
    }

    /// A custodian approves a proposal that was sent, with their kit alone.
    pub fn approve(&self, kit: usize, proposal: &[u8]) -> Result<Approval, KitError> {
        let path = self.kits_directory.path().join("proposal.json");
        std::fs::write(&path, proposal).unwrap();
        let file = ProposalFile::read(&path).unwrap();
        let sent = file.fold(&path).unwrap();
        let mut kit = self.kit(kit);
        let seen = kit.seen_beyond(&sent.checkpoint.head)?;
        let ledger = seen.as_ref().unwrap_or(&sent);
        kit.approve(file.proposal(), ledger.view(), self.clock.now())
    }

    /// A statistical domain, as custodians approve it who are elsewhere.
    pub fn statistics_at_a_distance(&self, domain: &str) -> Result<(), ServiceError> {
        let mut service = self.try_open()?;
        let kits: Vec<usize> = (0..self.k).collect();
        let quorum = self.quorum_at_a_distance(&mut service, to_open(domain), &kits)?;
        service.open_domain(quorum)
    }

    pub fn open_domain(&self, domain: &str, kind: Kind) -> Result<(), ServiceError> {
        let mut service = self.try_open()?;
        let action =
            Action::Open { domain: name(domain), kind, minimum_batch: 2, authorisation: None };
        let quorum = self.quorum(&mut service, action)?;
        service.open_domain(quorum)
    }

    pub fn statistics(&self, domain: &str) -> Result<(), ServiceError> {
        self.open_domain(domain, Kind::Statistics { cryptoperiod_years: 5 })
    }

    pub fn research(&self, domain: &str, ends: &str) -> Result<(), ServiceError> {
        self.open_domain(domain, Kind::Research { ends: ends.parse().unwrap() })
    }

    pub fn extend(&self, domain: &str, ends: &str) -> Result<(), ServiceError> {
        let mut service = self.try_open()?;
        let action = Action::Extend { domain: name(domain), ends: ends.parse().unwrap() };
        let quorum = self.quorum(&mut service, action)?;
        service.extend(quorum)
    }

    pub fn new_key(&self, domain: &str, reason: RenewalReason) -> Result<(), ServiceError> {
        let mut service = self.try_open()?;
        let domain = name(domain);
        let generation = service.state().domain(&domain)?.next_generation();
        let quorum = self.quorum(&mut service, Action::NewKey { domain, generation, reason })?;
        service.new_key(quorum)
    }

    pub fn close(&self, domain: &str) -> Result<(), ServiceError> {
        let mut service = self.try_open()?;
        let quorum = self.quorum(&mut service, Action::Close { domain: name(domain) })?;
        service.close(quorum).map(drop)
    }

    /// A quorum closes the doubts about a domain without a new key.
    pub fn examined(&self, domain: &str) -> Result<(), ServiceError> {
        let mut service = self.try_open()?;
        let doubts = service.state().doubts_about(Some(&name(domain)));
        let action = Action::Examined { domain: Some(name(domain)), doubts };
        let quorum = self.quorum(&mut service, action)?;
        service.examined(quorum)
    }

    /// A question whose second custodian does not consent: it always ends with an error.
    pub fn withdrawn(&self, domain: &str) -> Result<(), ServiceError> {
        let mut service = self.try_open()?;
        let kind = Kind::Statistics { cryptoperiod_years: 5 };
        let action =
            Action::Open { domain: name(domain), kind, minimum_batch: 2, authorisation: None };
        let draft = service.propose(action, SignedDuration::from_mins(10))?;
        let asked = service.gather(draft, |gathering| {
            gathering.consent(self.kit(0))?;
            Err(ServiceError::RequestChanged)
        });
        asked.map(|_| ())
    }

    pub fn doubt(&self, domain: &str, kit: usize) -> Result<(), ServiceError> {
        let mut service = self.try_open()?;
        let generation = service.state().domain(&name(domain))?.generation();
        let about = Doubted::Key { domain: name(domain), generation };
        let doubt = self.kit(kit).doubt(about, service.view(), service.now())?;
        service.doubt(doubt)
    }

    /// Codes these identifiers; the request is a file of lines, so that its destruction can be
    /// seen.
    pub fn code(
        &self,
        domain: &str,
        file: &str,
        identifiers: &[&str],
    ) -> Result<Made, ServiceError> {
        let request = self.request(file, identifiers);
        let mut service = self.try_open()?;
        service.state().domain(&name(domain))?;
        let action = self.code_action(&service, domain, &request);
        let quorum = self.quorum(&mut service, action)?;
        service
            .code(quorum, from_ref(&request.files), |coder, out| code_lines(coder, &request, out))
            .map(only)
    }

    /// A run that fails: the request was changed after it was approved.
    pub fn code_changed(&self, domain: &str, file: &str) -> Result<Made, ServiceError> {
        let approved = self.request(file, &PEOPLE);
        let mut service = self.try_open()?;
        let action = self.code_action(&service, domain, &approved);
        let quorum = self.quorum(&mut service, action)?;
        let other = self.request(file, &[PEOPLE[1], PEOPLE[0], PEOPLE[2], PEOPLE[3]]);
        service
            .code(quorum, from_ref(&approved.files), |coder, out| code_lines(coder, &other, out))
            .map(only)
    }

    /// Codes several requests of the same people in one run; each has its own file.
    pub fn code_parts(&self, domain: &str, files: &[&str]) -> Result<Vec<Made>, ServiceError> {
        let requests: Vec<Request> = files.iter().map(|file| self.request(file, &PEOPLE)).collect();
        self.code_requests(domain, &requests, &requests)
    }

    /// The same, where `approved` was shown to the custodians and `found` lies there when it runs.
    pub fn code_requests(
        &self,
        domain: &str,
        approved: &[Request],
        found: &[Request],
    ) -> Result<Vec<Made>, ServiceError> {
        let mut service = self.try_open()?;
        let inputs = approved.iter().map(Request::input).collect();
        let action = match self.code_action(&service, domain, &approved[0]) {
            Action::Code {
                domain,
                generation,
                scheme,
                purpose,
                recipient,
                keep_request,
                look_up,
                ..
            } => Action::Code {
                domain,
                generation,
                scheme,
                purpose,
                inputs,
                recipient,
                keep_request,
                look_up,
            },
            action => action,
        };
        let files: Vec<RunFiles> = approved.iter().map(|request| request.files.clone()).collect();
        let quorum = self.quorum(&mut service, action)?;
        service.code(quorum, &files, |coder, out| {
            code_lines(coder, &found[out.part() as usize - 1], out)
        })
    }

    pub fn code_action(&self, service: &Service, domain: &str, request: &Request) -> Action {
        Action::Code {
            domain: name(domain),
            generation: service.state().domain(&name(domain)).unwrap().generation(),
            scheme: Scheme::FrNir,
            purpose: name("test"),
            inputs: vec![request.input()],
            recipient: None,
            keep_request: false,
            look_up: None,
        }
    }

    pub fn renew(&self, domain: &str, file: &str, codes: &[Code]) -> Result<Made, ServiceError> {
        self.renew_of(domain, file, codes, None)
    }

    /// The same, with the deliveries that the codes came from.
    pub fn renew_of(
        &self,
        domain: &str,
        file: &str,
        codes: &[Code],
        of: Option<Vec<DeliveryId>>,
    ) -> Result<Made, ServiceError> {
        self.renew_request(domain, &self.request_of(file, codes), of)
    }

    /// A request to renew these codes.
    pub fn request_of(&self, file: &str, codes: &[Code]) -> Request {
        let texts: Vec<String> = codes.iter().map(Code::text).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        self.request(file, &texts)
    }

    pub fn renew_request(
        &self,
        domain: &str,
        request: &Request,
        of: Option<Vec<DeliveryId>>,
    ) -> Result<Made, ServiceError> {
        let mut service = self.try_open()?;
        let domain = name(domain);
        let generation = service.state().domain(&domain)?.generation();
        let from = Code::parse(request.values[0].as_bytes()).unwrap().generation();
        let action = Action::Renew {
            domain,
            from,
            generation,
            purpose: name("test"),
            inputs: vec![request.input()],
            recipient: None,
            keep_request: false,
            of,
        };
        let quorum = self.quorum(&mut service, action)?;
        service
            .renew(quorum, from_ref(&request.files), |renewer, out| {
                renew_lines(renewer, request, out)
            })
            .map(only)
    }

    pub fn request(&self, file: &str, values: &[&str]) -> Request {
        let request = self.path(&format!("{file}.request"));
        if !request.exists() {
            std::fs::write(&request, values.join("\n")).unwrap();
        }
        Request {
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            key: CommitmentKey::random(),
            files: RunFiles {
                request: vec![request],
                result: self.path(&format!("{file}.result")),
                accepted: Default::default(),
            },
        }
    }

    /// The codes of a result.
    pub fn codes(&self, file: &str) -> Vec<Code> {
        let text = std::fs::read_to_string(self.path(&format!("{file}.result"))).unwrap();
        text.lines().map(|line| Code::parse(line.as_bytes()).unwrap()).collect()
    }

    /// The receipt of a controller who has verified the result.
    pub fn receipt(&self, made: &Made) -> Received {
        let report = self.open().report(&made.delivery, "test", &[]).unwrap();
        Received::of(&report.body, self.open().now())
    }

    /// The counterpart copies the result and says so.
    pub fn deliver(&self, file: &str, made: &Made) -> Result<(), ServiceError> {
        let received = self.path(&format!("{file}.received"));
        if !received.exists() {
            std::fs::copy(self.path(&format!("{file}.result")), &received).unwrap();
        }
        self.try_open()?.delivered_stated(&made.delivery).map(drop)
    }
}

/// To open a statistical domain.
pub fn to_open(domain: &str) -> Action {
    let kind = Kind::Statistics { cryptoperiod_years: 5 };
    Action::Open { domain: name(domain), kind, minimum_batch: 2, authorisation: None }
}

/// What a run of one request made.
pub fn only(made: Vec<Made>) -> Made {
    assert_eq!(made.len(), 1);
    made.into_iter().next().unwrap()
}

pub struct Request {
    pub values: Vec<String>,
    pub key: CommitmentKey,
    pub files: RunFiles,
}

/// The commitment of a result of lines.
fn commitment_of(seal: &Seal, codes: &[Code]) -> Commitment {
    let mut commit = Commit::new(seal.key(), seal.context(), &["code"]);
    for (row, code) in codes.iter().enumerate() {
        commit.row(&(row as u128).to_be_bytes(), &[Some(code.text().as_bytes())]);
    }
    commit.finish().0
}

pub fn read_lines(left: &LeftResult) -> Result<Option<Commitment>, WorkError> {
    let text = std::fs::read_to_string(&left.path).unwrap_or_default();
    let codes: Option<Vec<Code>> =
        text.lines().map(|line| Code::parse(line.as_bytes()).ok()).collect();
    Ok(codes.map(|codes| commitment_of(&left.seal, &codes)))
}

impl Request {
    /// What a run of it records once it has given these codes.
    pub fn written(&self, out: &ResultFile, codes: &[Code]) -> Written {
        let counts = Counts { coded: codes.len() as u64, ..Counts::default() };
        Written { found: self.outcome(), result: commitment_of(&out.seal(), codes), counts }
    }

    pub fn input(&self) -> Input {
        let distinct = self.values.iter().collect::<BTreeSet<_>>().len() as u64;
        let rows = self.values.len() as u64;
        Input {
            commitment: self.commitment(),
            rows,
            values: rows,
            distinct,
            engine: None,
            sent: None,
        }
    }

    pub fn commitment(&self) -> Commitment {
        // The library does not look at what a commitment is about: one context does for all.
        let (domain, scheme) = (name("test"), Some(Scheme::FrNir));
        let context =
            Context::request("test.aaaaaaaaaaaaaaaaaaaaaaaaaa", &domain, Use::Code, scheme, None);
        let mut commit = Commit::new(&self.key, &context, &["value"]);
        for (row, value) in self.values.iter().enumerate() {
            commit.row(&(row as u128).to_be_bytes(), &[Some(value.as_bytes())]);
        }
        commit.finish().0
    }

    pub fn outcome(&self) -> Outcome {
        Outcome { input: self.input(), people: None }
    }
}

pub fn code_lines(
    coder: &Coder,
    request: &Request,
    out: &mut ResultFile,
) -> Result<Written, WorkError> {
    let identifiers: Vec<Identifier> = request
        .values
        .iter()
        .map(|value| Scheme::FrNir.parse(value.as_bytes()).unwrap().identifier)
        .collect();
    let mut codes = Vec::new();
    coder.code(&identifiers, &mut codes);
    admit(request, out)?;
    write_codes(&codes, out)?;
    Ok(request.written(out, &codes))
}

pub fn renew_lines(
    renewer: &Renewer,
    request: &Request,
    out: &mut ResultFile,
) -> Result<Written, WorkError> {
    let old: Vec<Code> =
        request.values.iter().map(|value| Code::parse(value.as_bytes()).unwrap()).collect();
    let mut new = Vec::new();
    renewer.renew(&old, &mut new).unwrap();
    admit(request, out)?;
    write_codes(&new, out)?;
    Ok(request.written(out, &new))
}

/// What must be verified before others can read anything.
fn admit(request: &Request, out: &mut ResultFile) -> Result<(), WorkError> {
    if out.is_readable() { out.admit(&request.outcome()) } else { Ok(()) }
}

fn write_codes(codes: &[Code], out: &mut impl Write) -> Result<(), WorkError> {
    let mut text = String::new();
    for code in codes {
        text.push_str(&code.text());
        text.push('\n');
    }
    out.write_all(text.as_bytes())
        .map_err(|error| FileError::from_io(Path::new("result"), &error))
        .map_err(WorkError::new)
}

/// Identifiers of people who do not exist.
pub const PEOPLE: [&str; 4] =
    ["284052A321025", "2840519321025", "171010272891067", "247011431265227"];
