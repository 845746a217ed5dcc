//! Requests that come in parcels, and results that go out in them.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::slice::from_ref;

use cstatns::card::PartyCard;
use cstatns::commitment::CommitmentKey;
use cstatns::files::ReadFrom;
use cstatns::identifier::Scheme;
use cstatns::manifest::{Content, Manifest};
use cstatns::meta::ServiceId;
use cstatns::name::Hex;
use cstatns::party::{RequestKey, Role};
use cstatns::proposal::{Action, Input};
use cstatns::received::{Received, ReceivedFile};
use cstatns::report::SignedReport;
use cstatns::service::{Clock as _, Made, ServiceError, read_service_card};
use cstatns_parcel::age::Identity;
use cstatns_parcel::head::Sender;
use cstatns_parcel::open::{Opened, Opener, open};
use cstatns_parcel::party::Party;
use cstatns_parcel::request::Declared;
use cstatns_parcel::sending::{Foreseen, Sending};

use super::{PEOPLE, Request, World, code_lines, name, only};

impl World {
    /// The party of this name, which has a folder here.
    pub fn party(&self, text: &str) -> Party {
        let folder = self.path(text);
        if !folder.exists() {
            Party::create(&folder, name(text), None).unwrap();
        }
        Party::open(&folder, None).unwrap()
    }

    /// A quorum gives the party of this name a role.
    pub fn register_party(&self, text: &str, role: Role, domain: &str) -> PartyCard {
        let card = self.party(text).card().clone();
        self.register(&card, role, &[domain]).unwrap();
        card
    }

    /// A parcel of a request, from the party of this name.
    pub fn seal(&self, by: &str, key: &RequestKey, file: &str, values: &[&str]) -> Request {
        self.seal_for(by, None, key, file, values)
    }

    /// The same of a holder, for a controller.
    pub fn seal_for(
        &self,
        by: &str,
        controller: Option<Hex<32>>,
        key: &RequestKey,
        file: &str,
        values: &[&str],
    ) -> Request {
        let (party, key_file) = (self.party(by), self.path(&format!("{file}.key.json")));
        fs::write(&key_file, serde_json::to_vec(key).unwrap()).unwrap();
        let service = read_service_card(&self.home().join("card.json")).unwrap();
        let now = self.clock.now();
        let sending = Sending::new(&party, &service, &key_file, controller, now).unwrap();
        fs::remove_file(key_file).unwrap();
        let parcel = self.path(&format!("{file}.request.age"));
        let mut request = self.request(file, values);
        for file in &request.files.request {
            fs::remove_file(file).unwrap();
        }
        request.files.request = vec![parcel.clone()];
        let content = Content::Identifiers { scheme: Scheme::FrNir };
        let input = Input { sent: None, ..request.input() };
        let previous = Vec::new();
        let foreseen = Input { commitment: Hex([0; 32]), ..input };
        let foreseen = Foreseen { content, input: foreseen, previous: &previous };
        let mut bytes = Vec::new();
        let mut making = sending.begin(&parcel, foreseen, &mut bytes).unwrap();
        making.write_all(values.join("\n").as_bytes()).unwrap();
        let manifest = Manifest {
            service: ServiceId::of(service.id()).unwrap(),
            domain: key.body.domain.clone(),
            content,
            input,
            key: CommitmentKey::from_hex(&request.key.to_hex()).unwrap(),
            previous,
            accepted: Default::default(),
        };
        let (_, head) = sending.finish(making, &manifest).unwrap();
        bytes[..head.len()].copy_from_slice(&head);
        fs::write(&parcel, bytes).unwrap();
        request
    }

    /// What is asked of the custodians: to code these parcels for a party.
    pub fn sealed_action(
        &self,
        domain: &str,
        requests: &[Request],
        to: Option<&str>,
    ) -> Result<Action, ServiceError> {
        let service = self.try_open()?;
        let declared = requests.iter().map(|request| {
            let declared = Declared::read(&request.files.request[0])?;
            Ok(declared.map_or_else(|| request.input(), |declared| declared.declaration.input()))
        });
        let inputs = declared.collect::<Result<Vec<Input>, ServiceError>>()?;
        let recipient = to.map(|to| self.party(to).card().fingerprint());
        Ok(match self.code_action(&service, domain, &requests[0]) {
            Action::Code { domain, generation, scheme, purpose, .. } => Action::Code {
                domain,
                generation,
                scheme,
                purpose,
                inputs,
                recipient,
                keep_request: false,
                look_up: None,
            },
            action => action,
        })
    }

    /// Codes a parcel for a party.
    pub fn code_sealed(
        &self,
        domain: &str,
        request: &Request,
        to: Option<&str>,
    ) -> Result<Made, ServiceError> {
        let action = self.sealed_action(domain, from_ref(request), to)?;
        let mut service = self.try_open()?;
        let quorum = self.quorum(&mut service, action)?;
        let code = service.code(quorum, from_ref(&request.files), |coder, out| {
            let arrived = out.take_arrived().expect("it came in a parcel");
            let mut rows = String::new();
            ReadFrom::new(arrived.rows, 0).read_to_string(&mut rows).unwrap();
            assert_eq!(rows, request.values.join("\n"));
            code_lines(coder, request, out)
        });
        code.map(only)
    }

    /// What a party finds in the parcel of a result: its report, and its lines.
    pub fn result_in(&self, to: &str, file: &str) -> (Opened, SignedReport, String) {
        let (party, path) = (self.party(to), self.path(&format!("{file}.result")));
        let service = read_service_card(&self.home().join("card.json")).unwrap();
        let knows = |sender: &Sender| *sender == Sender::Service(service.clone());
        let opener = Opener {
            identity: Identity::Hybrid(party.receiving()),
            receiver: Some(party.card().fingerprint()),
            now: self.clock.now(),
            knows: &knows,
        };
        let (bytes, mut rows) = (fs::read(path).unwrap(), Vec::new());
        let opened = open(&bytes[..], &opener, &mut rows).unwrap();
        let report = SignedReport::of(&opened.about).unwrap();
        (opened, report, String::from_utf8(rows).unwrap())
    }

    /// The lines in the parcel of a result for the party `insee`, if it is whole.
    pub fn rows_in(&self, result: &Path) -> Option<String> {
        let (party, mut rows) = (self.party("insee"), Vec::new());
        let opener = Opener {
            identity: Identity::Hybrid(party.receiving()),
            receiver: Some(party.card().fingerprint()),
            now: self.clock.now(),
            knows: &|_| true,
        };
        open(&fs::read(result).ok()?[..], &opener, &mut rows).ok()?;
        String::from_utf8(rows).ok()
    }

    /// The private halves of request keys in each place of life secrets.
    pub fn halves(&self) -> Vec<PathBuf> {
        let of = |place: PathBuf| {
            let files = fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path());
            files.filter(|path| path.extension().is_some_and(|end| end == "request"))
        };
        self.lives().into_iter().flat_map(of).collect()
    }

    /// A parcel of four people who do not exist, with a key of its own.
    pub fn sealed_people(&self, by: &str, domain: &str, file: &str) -> Request {
        let key = self.request_key(by, domain).unwrap();
        self.seal(by, &key, file, &PEOPLE)
    }
}

/// A parcel of a request in `out/`, and what the test knows of it beside that.
pub fn with_parcel(world: &World) {
    world.statistics("population").unwrap();
    world.code("population", "known", &PEOPLE).unwrap();
    world.register_party("insee", Role::Controller, "population");
    fs::create_dir(world.path("out")).unwrap();
    let request = world.sealed_people("insee", "population", "out/batch");
    fs::write(world.path("batch.secret"), &*request.key.to_hex()).unwrap();
}

/// Codes it, unless it is gone.
pub fn code_parcel(world: &World) -> Result<(), ServiceError> {
    drop(world.try_open()?);
    let parcel = world.path("out/batch.request.age");
    if !parcel.exists() {
        return Ok(());
    }
    let secret = fs::read_to_string(world.path("batch.secret")).unwrap();
    let mut request = world.request("out/batch", &PEOPLE);
    fs::remove_file(&request.files.request[0]).unwrap();
    request.key = CommitmentKey::from_hex(&secret).unwrap();
    request.files.request = vec![parcel];
    world.code_sealed("population", &request, Some("insee")).map(drop)
}

/// Its receiver signs for the result in this file, and the service records that.
pub fn sign_for(world: &World, file: &str) -> Result<(), ServiceError> {
    let mut service = world.try_open()?;
    let mut sealed = service.state().deliveries().iter();
    let (id, made) = sealed.find(|(_, made)| made.recipient.is_some()).unwrap();
    if made.receipt.is_some() {
        return Ok(());
    }
    let id = *id;
    let (_, report, _) = world.result_in("insee", file);
    let party = world.party("insee");
    let received = Received::of(&report.body, service.now());
    let (card, note) = (party.card().fingerprint(), report.body.checkpoint);
    let receipt = received.signed(card, note, &party.signing());
    service.delivered(&id, &ReceivedFile::Signed(receipt)).map(drop)
}
