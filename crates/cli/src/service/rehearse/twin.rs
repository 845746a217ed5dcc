//! The twin of a service: its own home, invented custodians and people, a clock that goes on as it
//! is set. Nothing of the home is in it.

use std::cell::Cell;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use cstatns::card::Card;
use cstatns::code::Code;
use cstatns::commitment::{Commit, Commitment, CommitmentKey, Context, Use};
use cstatns::custody::custodian::Kit;
use cstatns::custody::quorum::Quorum;
use cstatns::custody::share::ShareFile;
use cstatns::dealing::Epoch;
use cstatns::files::{self, Access, FileError};
use cstatns::identifier::Identifier;
use cstatns::name::Name;
use cstatns::proposal::{Action, Input};
use cstatns::receipt::Receipt;
use cstatns::service::{
    Counts, Founding, Made, Outcome, ResultFile, RunFiles, Service, ServiceError, WorkError,
    Written,
};
use jiff::{SignedDuration, Timestamp};

use crate::fault::Fault;
use crate::lang::text;
use crate::scheme::INVENTED;

/// Identifiers of people who do not exist.
pub(super) const PEOPLE: [&str; 4] =
    ["1840199999001", "2840299999002", "1950399999003", "2950499999004"];

/// A service beside the true one.
pub(super) struct Twin {
    place: PathBuf,
    clock: Rc<Cell<Timestamp>>,
    pub(super) k: usize,
    externals: Vec<bool>,
    /// The kits of its present custodians.
    pub(super) kits: Vec<PathBuf>,
    /// What the people's codes are, by domain.
    pub(super) codes: Vec<(Name, Vec<Code>)>,
    runs: u32,
}

impl Twin {
    /// A place for it; nothing is founded yet.
    pub(super) fn new(
        place: PathBuf,
        k: usize,
        externals: Vec<bool>,
        now: Timestamp,
    ) -> Result<Self, FileError> {
        files::create_dir(&place)?;
        let clock = Rc::new(Cell::new(now));
        let (kits, codes) = (Vec::new(), Vec::new());
        Ok(Self { place, clock, k, externals, kits, codes, runs: 0 })
    }

    /// Removes it.
    pub(super) fn remove(self) -> Result<(), FileError> {
        sweep(&self.place)
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.place.join(name)
    }

    pub(super) fn home(&self) -> PathBuf {
        self.at("home")
    }

    /// Where its life secrets lie: apart, as they should.
    pub(super) fn life(&self) -> PathBuf {
        self.at("life")
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.get()
    }

    pub(super) fn set_clock(&self, now: Timestamp) {
        self.clock.set(now);
    }

    pub(super) fn clock(&self) -> impl Fn() -> Timestamp + 'static {
        let clock = self.clock.clone();
        move || clock.get()
    }

    pub(super) fn open(&self) -> Result<Service, ServiceError> {
        Ok(Service::open(&self.home(), self.clock())?.0)
    }

    // Custodians.

    /// A new custodian, with the kit that is the `number`th.
    pub(super) fn custodian(&mut self, number: usize) -> Result<Card, Fault> {
        let name = name(&format!("custodian-{number}"));
        let kit = self.at(name.as_str());
        let external = self.externals[(number - 1) % self.externals.len()];
        let card = Kit::create(&kit, name, external, None)?;
        self.kits.push(kit);
        Ok(card)
    }

    pub(super) fn kit(&self, number: usize) -> Result<Kit, Fault> {
        Ok(Kit::open(&self.kits[number], None)?)
    }

    pub(super) fn found(&mut self) -> Result<(), Fault> {
        let n = self.externals.len();
        let cards = (1..=n).map(|number| self.custodian(number)).collect::<Result<_, _>>()?;
        let shares = self.at("shares");
        let founding = Founding {
            name: name("rehearsal"),
            threshold: self.k,
            cards,
            shares: &shares,
            life: vec![self.life()],
            mirrors: Vec::new(),
            demo: true,
        };
        Service::init(&self.home(), founding, self.clock())?;
        self.receive(Epoch::FIRST)
    }

    /// Every custodian accepts their share, and their receipts are recorded.
    pub(super) fn receive(&self, epoch: Epoch) -> Result<(), Fault> {
        let mut service = self.open()?;
        for number in 0..self.kits.len() {
            let mut kit = self.kit(number)?;
            let path = self.at("shares").join(format!("{}.{epoch}.share", kit.name()));
            let share: ShareFile = read(&path)?;
            let receipt = kit.accept(&share, service.view(), service.now())?;
            service.receipt(read::<Receipt>(&receipt)?)?;
        }
        Ok(())
    }

    /// The first k custodians consent.
    pub(super) fn quorum(&self, service: &mut Service, action: Action) -> Result<Quorum, Fault> {
        let draft = service.propose(action, SignedDuration::from_mins(10))?;
        service.gather(draft, |gathering| {
            for kit in self.kits.iter().take(self.k) {
                gathering.consent(Kit::open(kit, None)?)?;
            }
            Ok(())
        })
    }

    // Runs.

    /// The people's codes in a domain, as the service makes them of their identifiers.
    pub(super) fn code(&mut self, domain: &Name) -> Result<Vec<Code>, Fault> {
        let mut service = self.open()?;
        let request = self.request(&PEOPLE.map(str::to_owned))?;
        let action = Action::Code {
            domain: domain.clone(),
            generation: service.state().domain(domain)?.generation(),
            scheme: INVENTED,
            purpose: name("rehearsal"),
            inputs: vec![request.input()],
            recipient: None,
            keep_request: false,
            look_up: None,
        };
        let quorum = self.quorum(&mut service, action)?;
        let identifiers = PEOPLE.map(|person| INVENTED.parse(person.as_bytes()));
        let identifiers: Vec<Identifier> =
            identifiers.into_iter().flatten().map(|accepted| accepted.identifier).collect();
        let mut codes = Vec::new();
        let made = service.code(quorum, &request.files(), |coder, out| {
            coder.code(&identifiers, &mut codes);
            request.write(&codes, out)
        })?;
        deliver(&mut service, &request, &made)
    }

    /// These codes under the present key of their domain.
    pub(super) fn renew(&mut self, domain: &Name, codes: &[Code]) -> Result<Vec<Code>, Fault> {
        let mut service = self.open()?;
        let request = self.request(&codes.iter().map(Code::text).collect::<Vec<_>>())?;
        let action = Action::Renew {
            domain: domain.clone(),
            from: codes[0].generation(),
            generation: service.state().domain(domain)?.generation(),
            purpose: name("rehearsal"),
            inputs: vec![request.input()],
            recipient: None,
            keep_request: false,
            of: None,
        };
        let quorum = self.quorum(&mut service, action)?;
        let mut renewed = Vec::new();
        let made = service.renew(quorum, &request.files(), |renewer, out| {
            renewer.renew(codes, &mut renewed).map_err(WorkError::new)?;
            request.write(&renewed, out)
        })?;
        deliver(&mut service, &request, &made)
    }

    /// A file of values that is coded or renewed.
    fn request(&mut self, values: &[String]) -> Result<Request, FileError> {
        self.runs += 1;
        let at = |what: &str| self.at(&format!("run-{}.{what}", self.runs));
        let (request, result) = (at("request"), at("result"));
        files::write_new(&request, values.join("\n").as_bytes(), Access::Private)?;
        let key = CommitmentKey::random();
        let (domain, service) = (name("rehearsal"), "rehearsal.aaaaaaaaaaaaaaaaaaaaaaaaaa");
        let context = Context::request(service, &domain, Use::Code, Some(INVENTED), None);
        let mut commit = Commit::new(&key, &context, &["value"]);
        for (row, value) in (0_u128..).zip(values) {
            commit.row(&row.to_be_bytes(), &[Some(value.as_bytes())]);
        }
        Ok(Request { rows: values.len() as u64, commitment: commit.finish().0, request, result })
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        let _ = sweep(&self.place);
    }
}

struct Request {
    rows: u64,
    commitment: Commitment,
    request: PathBuf,
    result: PathBuf,
}

impl Request {
    /// Each value is another person's.
    fn input(&self) -> Input {
        let (commitment, rows) = (self.commitment, self.rows);
        Input { commitment, rows, values: rows, distinct: rows, engine: None, sent: None }
    }

    fn files(&self) -> [RunFiles; 1] {
        let (request, result) = (vec![self.request.clone()], self.result.clone());
        [RunFiles { request, result, accepted: Default::default() }]
    }

    /// Writes a result: one code a line.
    fn write(&self, codes: &[Code], out: &mut ResultFile) -> Result<Written, WorkError> {
        let found = || Outcome { input: self.input(), people: None };
        if out.is_readable() {
            out.admit(&found())?;
        }
        let seal = out.seal();
        let mut commit = Commit::new(seal.key(), seal.context(), &["code"]);
        for (row, code) in (0_u128..).zip(codes) {
            let text = code.text();
            commit.row(&row.to_be_bytes(), &[Some(text.as_bytes())]);
            writeln!(out, "{text}")
                .map_err(|error| FileError::from_io(&self.result, &error))
                .map_err(WorkError::new)?;
        }
        let counts = Counts { coded: codes.len() as u64, ..Counts::default() };
        Ok(Written { found: found(), result: commit.finish().0, counts })
    }
}

/// Reads a result as its receiver does; the service destroys its copy.
fn deliver(service: &mut Service, request: &Request, made: &[Made]) -> Result<Vec<Code>, Fault> {
    let text = files::read(&request.result, 1 << 20)?;
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let codes = lines.map(Code::parse).collect::<Result<Vec<_>, _>>()?;
    for made in made {
        service.delivered_stated(&made.delivery)?;
    }
    Ok(codes)
}

pub(super) fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

/// Reads a small JSON file of the twin.
fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Fault> {
    let bytes = files::read(path, 1 << 20)?;
    serde_json::from_slice(&bytes).map_err(|_| {
        let name = path.file_name().unwrap_or_default().display();
        missed(text!("`{name}` cannot be read", "`{name}` est illisible"))
    })
}

/// Something is not as it must be.
pub(super) fn missed(what: String) -> Fault {
    Fault::new("rehearsal-failed", what)
}

/// What must be refused, with this code.
pub(super) fn refused<T, E: Into<Fault>>(outcome: Result<T, E>, code: &str) -> Result<(), Fault> {
    match outcome.map_err(Into::into) {
        Err(fault) if fault.code == code => Ok(()),
        Err(fault) => Err(fault),
        Ok(_) => Err(missed(text!(
            "what must be refused with {code} was not",
            "ce qui doit être refusé par {code} ne l'a pas été"
        ))),
    }
}

/// Copies a directory of the twin.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), FileError> {
    files::create_dir(to)?;
    for entry in fs::read_dir(from).map_err(|error| FileError::from_io(from, &error))? {
        let path = entry.map_err(|error| FileError::from_io(from, &error))?.path();
        let to = to.join(path.file_name().unwrap_or_default());
        match path.is_dir() {
            true => copy(&path, &to)?,
            false => drop(fs::copy(&path, &to).map_err(|error| FileError::from_io(&path, &error))?),
        }
    }
    Ok(())
}

/// Removes a directory of a twin, if it is there: also what a process that was stopped has left.
pub(super) fn sweep(place: &Path) -> Result<(), FileError> {
    match fs::remove_dir_all(place) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(|error| FileError::from_io(place, &error)),
    }
}
