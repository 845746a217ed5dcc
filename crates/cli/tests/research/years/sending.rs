//! A file on its way: a request key, request and payload, the run at the service.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::slice::from_ref;

use cstatns::commitment::Commitment;
use cstatns::delivery::DeliveryId;
use cstatns::identifier::Scheme;
use cstatns::meta::{FileMeta, ServiceId};
use cstatns::name::Hex;
use cstatns::proposal::Action;
use cstatns::service::{
    ArrivedRequest, Counts, Outcome, ResultFile, RunFiles, Service, ServiceError, WorkError,
    Written,
};
use cstatns_bulk::{CodeFileError, Out, Request, Seen, Tally};
use cstatns_controller::{Beside, Column, Prepare, prepare};
use cstatns_parcel::request::Declared;
use cstatns_parcel::sending::{Sending, SendingError};
use cstatns_rows::effort::Effort;
use cstatns_rows::reading::Reading;
use cstatns_rows::table::Format;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::projects::end;
use super::time::{DAY, Project, Sent, Stage, Standing, Years};
use super::world::{World, name};
use crate::common::identifiers;

/// How many people there are.
const PEOPLE: usize = 8;

impl Years {
    fn file_path(&self, file: usize, end: &str) -> PathBuf {
        self.world.path(&format!("{file}.{end}"))
    }

    pub(crate) fn key_path(&self, file: usize) -> PathBuf {
        self.file_path(file, "key.json")
    }

    pub(crate) fn request_path(&self, file: usize) -> PathBuf {
        self.file_path(file, "request.csv.age")
    }

    /// The service's copy of the result.
    pub(crate) fn result_path(&self, file: usize) -> PathBuf {
        self.file_path(file, "result.csv.age")
    }

    /// What the linking body has of the rows.
    pub(crate) fn rows_path(&self, file: usize) -> PathBuf {
        self.file_path(file, if self.sent[file].of.is_some() { "kept" } else { "rows.csv.age" })
    }

    /// The result as the linking body got it.
    pub(crate) fn got_path(&self, file: usize) -> PathBuf {
        self.file_path(file, "got.csv.age")
    }

    pub(crate) fn coded_path(&self, file: usize) -> PathBuf {
        self.file_path(file, "coded.csv")
    }

    /// A controller asks for a key for its next file.
    pub(crate) fn ask_for_key(&mut self) {
        let Some(project) = self.project() else { return };
        let known = &self.projects[&project];
        let (controllers, bodies) = (known.controllers.clone(), known.bodies.clone());
        let from = self.random.of(&controllers).unwrap();
        let body = self.random.of(&bodies).unwrap();
        let mut people: Vec<usize> = (0..PEOPLE).collect();
        self.random.shuffle(&mut people);
        let people = people[..5 + self.random.below(3)].iter().copied().collect();
        let file = self.sent.len();
        self.issue(project, (from, body), None, people);
        if self.sent.len() > file && self.random.one_in(2) {
            self.send(file);
        }
    }

    /// A key for a file of a project, from a controller or from a linking body.
    pub(crate) fn issue(
        &mut self,
        project: String,
        (from, body): (&'static str, &'static str),
        of: Option<usize>,
        people: BTreeSet<usize>,
    ) {
        let known = &self.projects[&project];
        let must = self.is_well() && self.lives(known) && self.believed < end(known);
        let may = !known.closed && self.truth < end(known);
        let days = [2, 7, 30][self.random.below(3)];
        let issued = self.at_service(|world| {
            let mut service = world.try_open()?;
            if world.confirms.get() {
                service.confirm_clock(TimeZone::UTC.to_datetime(service.now()).date())?;
            }
            service.issue_request_key(&name(from), &name(&project), days)
        });
        let key = match issued {
            Ok(key) => key,
            Err(error) => {
                self.is_refused::<()>("request-key", must, Err(error));
                return;
            }
        };
        self.hold(may, format!("`{project}` is over, and a request key was issued"));
        let file = self.sent.len();
        let expires = key.body.expires;
        self.sent.push(Sent {
            project,
            from,
            body,
            of,
            people,
            stage: Stage::Key,
            expires,
            prepared: self.truth,
            request: None,
            delivery: None,
            coded: self.truth,
            dated: self.truth,
            generation: 0,
            signed: false,
            standing: Standing::Gone,
            renewing: false,
        });
        fs::write(self.key_path(file), serde_json::to_vec(&key).unwrap()).unwrap();
    }

    /// The next steps of a file that is on its way.
    pub(crate) fn send_on(&mut self) {
        let on_its_way = |(file, sent): (usize, &Sent)| match sent.stage {
            Stage::Key | Stage::Prepared | Stage::Coded => Some(file),
            _ => None,
        };
        let files: Vec<usize> = self.sent.iter().enumerate().filter_map(on_its_way).collect();
        // Mostly the newest one: others wait until it is too late.
        let newest = files.last().copied().filter(|_| !self.random.one_in(3));
        if let Some(file) = newest.or_else(|| self.random.of(&files)) {
            self.send(file);
        }
    }

    fn send(&mut self, file: usize) {
        loop {
            match (self.sent[file].stage, self.sent[file].of) {
                (Stage::Key, None) => self.prepare(file),
                (Stage::Key, Some(of)) => self.prepare_renewal(file, of),
                (Stage::Prepared, _) => self.code(file),
                (Stage::Coded, _) => self.attach(file),
                _ => return,
            }
            if self.random.one_in(4) {
                return;
            }
            self.look();
        }
    }

    /// The rows of a file: a column of its own shows the person.
    fn data(&self, file: usize) -> PathBuf {
        let (path, people) = (self.file_path(file, "csv"), identifiers(PEOPLE));
        let mut rows = "nir,mark\n".to_owned();
        for person in &self.sent[file].people {
            rows.push_str(&format!("{},person-{person}\n", people[*person]));
        }
        fs::write(&path, rows).unwrap();
        path
    }

    /// Request and payload are made, where the key serves still.
    fn prepare(&mut self, file: usize) {
        let Sent { project, from, body, expires, .. } = &self.sent[file];
        let must = self.truth < *expires;
        let (party, key) = (self.world.party(from), self.key_path(file));
        // The key was issued under the service's card of then.
        let sending = self.by_its_card(|card| {
            let sending = Sending::new(&party, card, &key, None, self.truth)?;
            Ok::<_, SendingError>((sending, card.clone()))
        });
        let Ok((sending, card)) = sending else {
            self.hold(!must, "a request key that serves is refused");
            self.sent[file].stage = Stage::Stuck;
            return;
        };
        self.hold(must, "a request key that expired is taken");
        let (data, to) = (self.data(file), self.party_card(body));
        let (request, rows) = (self.request_path(file), self.rows_path(file));
        let what = Prepare {
            data: data.as_path().into(),
            column: Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir },
            service: &ServiceId::of(card.id()).unwrap(),
            signing: &card.body.signing,
            domain: &name(project),
            request: &request,
            sending: Some(&sending),
            beside: Beside::Payload(&rows, &to),
            delimiter: b',',
            reading: Reading::default(),
            accepted: &[],
        };
        let prepared = prepare(what, &Effort::default());
        let prepared = prepared.unwrap_or_else(|error| self.fail(format!("prepare: {error}")));
        drop(sending);
        fs::remove_file(&key).unwrap();
        self.is_prepared(file, prepared.input.commitment);
    }

    pub(crate) fn is_prepared(&mut self, file: usize, request: Commitment) {
        let prepared = self.truth;
        let sent = &mut self.sent[file];
        sent.stage = Stage::Prepared;
        (sent.request, sent.prepared) = (Some(request), prepared);
    }

    /// The delivery of a request, if the ledger has one.
    fn delivery(&self, request: &Commitment) -> Option<DeliveryId> {
        let state = self.world.ledger().state;
        let mut made = state.deliveries().iter();
        made.find(|(_, made)| made.request == *request).map(|(id, _)| *id)
    }

    /// The service codes a request or renews its codes, to the linking body.
    pub(crate) fn code(&mut self, file: usize) {
        let (request, result) = (self.request_path(file), self.result_path(file));
        let sent = &self.sent[file];
        let (project, commitment) = (sent.project.clone(), sent.request.unwrap());
        let to = self.party_card(sent.body).fingerprint();
        let what = ToCode { project: &project, request: &request, result: &result, to, commitment };
        let clock = self.truth + self.ahead;
        let known = &self.projects[&project];
        // It is done where it must be, and only where it may be.
        let may = !known.closed
            && self.truth < end(known)
            && clock < end(known)
            && !known.doubted
            && clock < sent.expires;
        // A request key is ended by the date that was believed.
        let must =
            may && self.is_well() && self.believed < end(known) && self.believed < sent.expires;
        let generation = known.generation;
        let outcome = self.at_service(|world| what.run(world));
        let id = match outcome {
            Ok(id) => id,
            Err(error) => {
                let made = self.delivery(&commitment);
                self.is_refused::<()>("code", must, Err(error));
                let Some(made) = made else {
                    self.stats.count("coding is refused");
                    if !may {
                        self.sent[file].stage = Stage::Stuck;
                    }
                    return;
                };
                made
            }
        };
        self.hold(may, format!("`{project}` is over, or its key is doubted, and codes are made"));
        fs::copy(&result, self.got_path(file)).unwrap();
        let truth = self.truth;
        let sent = &mut self.sent[file];
        (sent.stage, sent.delivery) = (Stage::Coded, Some(id));
        (sent.coded, sent.dated) = (truth, clock);
        sent.generation = generation;
        let what = if sent.of.is_some() { "a renewal is coded" } else { "a request is coded" };
        self.stats.count(what);
    }

    /// Of a project that ends before `then`, a request is made on its last day, with a key that
    /// serves, and comes an hour after its end: nothing is coded, whether the timer ran or not.
    pub(crate) fn ask_too_late(&mut self, then: Timestamp) {
        let ends = |(name, known): (&String, &Project)| {
            let soon = self.truth < end(known) - DAY && end(known) < then;
            (soon && !known.closed && !known.doubted).then(|| name.clone())
        };
        let Some(project) = self.projects.iter().find_map(ends) else { return };
        let ends = end(&self.projects[&project]);
        self.pass((ends - SignedDuration::from_hours(12)).duration_since(self.truth));
        let Some(file) = self.request_in(&project) else { return };
        self.pass(SignedDuration::from_hours(13));
        if self.random.one_in(2) {
            self.expire();
        }
        self.code(file);
        self.hold(self.sent[file].delivery.is_none(), "codes are made past the end");
        self.stats.count("a request comes an hour too late");
        self.look();
    }

    /// A request of a project, whose key was doubted: nothing is coded.
    pub(crate) fn ask_under_doubt(&mut self, project: &str) {
        let Some(file) = self.request_in(project) else { return };
        self.code(file);
        self.hold(self.sent[file].delivery.is_none(), "codes are made with a key that is doubted");
        self.stats.count("a request comes under a doubt");
    }

    /// A request of a project, ready to be coded; none where it gets no key.
    fn request_in(&mut self, project: &str) -> Option<usize> {
        let known = &self.projects[project];
        let (from, body) = (known.controllers[0], known.bodies[0]);
        let file = self.sent.len();
        self.issue(project.to_owned(), (from, body), None, (0..5).collect());
        if self.sent.len() == file {
            return None;
        }
        self.prepare(file);
        Some(file)
    }

    /// Somebody sends a request to a project that is over: nothing is coded.
    pub(crate) fn ask_in_vain(&mut self) {
        let is_late = |(file, sent): (usize, &Sent)| {
            let project = &self.projects[&sent.project];
            let is_late = sent.stage == Stage::Stuck && sent.request.is_some();
            (is_late && sent.delivery.is_none() && !self.lives(project)).then_some(file)
        };
        let files: Vec<usize> = self.sent.iter().enumerate().filter_map(is_late).collect();
        if let Some(file) = self.random.of(&files) {
            self.code(file);
        }
    }

    /// The request keys that are in the life places are those that serve.
    pub(crate) fn request_keys_are_gone(&self, service: &Service) {
        let mut serve = BTreeSet::new();
        for (key, known) in service.state().living_request_keys() {
            let project = known.domain.to_string();
            self.hold(known.expires > self.truth, "a request key serves past its end");
            let is_over = service.state().domain(&known.domain).unwrap().destroyed.is_some();
            self.hold(!is_over, format!("a request key of `{project}` outlives it"));
            serve.insert(key.to_string());
        }
        let halves = self.world.halves();
        self.hold(halves.len() == serve.len() * self.world.lives().len(), "halves of request keys");
    }
}

/// A request and what is to become of it.
pub(crate) struct ToCode<'a> {
    pub project: &'a str,
    pub request: &'a Path,
    pub result: &'a Path,
    pub to: Hex<32>,
    pub commitment: Commitment,
}

impl ToCode<'_> {
    pub(crate) fn run(&self, world: &World) -> Result<DeliveryId, ServiceError> {
        let mut service = world.try_open()?;
        let mut made = service.state().deliveries().iter();
        if let Some((id, _)) = made.find(|(_, made)| made.request == self.commitment) {
            // A command that was stopped had made it.
            return Ok(*id);
        }
        let declared = Declared::read(self.request)?.expect("it is a request");
        let inputs = vec![declared.declaration.input()];
        let (domain, purpose) = (name(self.project), name("study"));
        let generation = service.state().domain(&domain)?.generation();
        let (recipient, keep_request) = (Some(self.to), false);
        let action = match declared.declaration.body.generation {
            None => Action::Code {
                domain: domain.clone(),
                generation,
                scheme: Scheme::FrNir,
                purpose,
                inputs,
                recipient,
                keep_request,
                look_up: None,
            },
            Some(from) => Action::Renew {
                domain: domain.clone(),
                from,
                generation,
                purpose,
                inputs,
                recipient,
                keep_request,
                of: Some(declared.previous.clone()),
            },
        };
        let files = RunFiles {
            request: vec![self.request.to_owned()],
            result: self.result.to_owned(),
            accepted: Default::default(),
        };
        service.check_files(from_ref(&files), false)?;
        let quorum = world.quorum(&mut service, action)?;
        let delivery = DeliveryId { run: quorum.question().run, part: 1 };
        let service_id = service.card().id().to_owned();
        let meta = FileMeta { service: service_id, domain, generation, delivery };
        let made = match declared.declaration.body.generation {
            None => service.code(quorum, from_ref(&files), |coder, out| {
                let arrived = out.take_arrived().expect("it came in a parcel");
                worked(&arrived, &meta, out, |rows, out| cstatns_bulk::code(rows, coder, out))
            }),
            Some(_) => service.renew(quorum, from_ref(&files), |renewer, out| {
                let arrived = out.take_arrived().expect("it came in a parcel");
                worked(&arrived, &meta, out, |rows, out| cstatns_bulk::renew(rows, renewer, out))
            }),
        };
        Ok(made?[0].delivery)
    }
}

/// Takes the rows of a request to the result.
fn worked(
    arrived: &ArrivedRequest,
    meta: &FileMeta,
    file: &mut ResultFile,
    step: impl Fn(&Request<'_>, Out<'_>) -> Result<Tally, CodeFileError>,
) -> Result<Written, WorkError> {
    let effort = Effort::default();
    let rows = Request {
        path: &arrived.name,
        inside: Some(&arrived.rows),
        manifest: &arrived.manifest,
        format: Format::of(Path::new("result.csv")).map_err(WorkError::new)?,
        meta,
        effort: &effort,
    };
    let step = |out: Out<'_>| step(&rows, out).map_err(WorkError::new);
    let outcome = |tally: &Tally| Outcome { input: tally.input, people: None };
    let (seen, seal, readable) = (Seen::default(), file.seal(), file.is_readable());
    if readable {
        let found = step(Out::first(&mut io::sink(), &seen))?;
        file.admit(&outcome(&found))?;
    }
    let out = Out::from(&mut *file).committed(seal.key(), seal.context());
    let tally = step(if readable { out.second(&seen) } else { out })?;
    let quality = tally.qualities.iter().map(|(word, count)| ((*word).to_owned(), *count));
    Ok(Written {
        found: outcome(&tally),
        result: tally.result.expect("it was asked for"),
        counts: Counts { coded: tally.coded, quality: quality.collect(), ..Counts::default() },
    })
}

/// So long may what a linking body got be opened.
pub(crate) fn opens_until(sent: &Sent) -> Timestamp {
    sent.prepared.min(sent.coded) + DAY * i32::from(cstatns_parcel::head::DAYS)
}
