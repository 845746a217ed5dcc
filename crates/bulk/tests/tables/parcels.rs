//! Requests that are written as parcels and results that are read from them, at the controller:
//! whatever stops, nothing of the one has a name, and nothing of either lies in clear.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use cstatns::card::ServiceCard;
use cstatns::coded::Coded as _;
use cstatns::custody::share::ReceivingKey;
use cstatns::files::{Step, faults};
use cstatns::identifier::Scheme;
use cstatns::meta::ServiceId;
use cstatns::name::{Hex, Name};
use cstatns::party::{RequestKey, RequestKeyBody};
use cstatns::received::{ReceivedFile, received_path};
use cstatns::statement::{FORMAT, Signed, Suite};
use cstatns_bulk::{Request, code};
use cstatns_controller::{
    Attach, AttachError, Attached, Column, Prepare, PrepareError, Prepared, attach, prepare,
};
use cstatns_keys::receiving::Recipient;
use cstatns_parcel::age::Identity;
use cstatns_parcel::head::{End, Extension, Head, Kind, Sender};
use cstatns_parcel::make::Making;
use cstatns_parcel::open::Opener;
use cstatns_parcel::party::Party;
use cstatns_parcel::request::{Contents, Declared};
use cstatns_parcel::sending::Sending;
use cstatns_rows::effort::Effort;
use cstatns_rows::table::Format;
use jiff::{SignedDuration, Timestamp};

use crate::common::*;
use crate::signed::service_key;

/// What a service and a party have of each other.
pub(super) struct Ends {
    pub(super) card: ServiceCard,
    pub(super) party: Party,
    pub(super) request_key: ReceivingKey,
    pub(super) key_file: PathBuf,
    pub(super) now: Timestamp,
}

impl Ends {
    pub(super) fn new(place: &Place) -> Self {
        let card = ServiceCard::of(&Name::new("demo").unwrap(), &service_key());
        let folder = place.path("insee");
        if !folder.exists() {
            Party::create(&folder, Name::new("insee").unwrap(), None).unwrap();
        }
        let party = Party::open(&folder, None).unwrap();
        let request_key = ReceivingKey::from_seed(&[5; 32]);
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        let body = RequestKeyBody {
            format: FORMAT,
            suite: Suite::default(),
            service: card.id().to_owned(),
            domain: domain().clone(),
            party: party.card().fingerprint(),
            key: Hex([4; 16]),
            public: request_key.public(),
            made: now,
            expires: now + SignedDuration::from_hours(1),
            checkpoint: String::new(),
        };
        let key: RequestKey = Signed::new(body, &service_key());
        let key_file = place.write("key.json", serde_json::to_vec(&key).unwrap());
        Self { card, party, request_key, key_file, now }
    }

    fn prepare(&self, way: &Way) -> Result<Prepared, PrepareError> {
        let (party, card) = (&self.party, &self.card);
        let sending = Sending::new(party, card, &self.key_file, None, self.now).unwrap();
        let columns = &["nir"];
        prepare(
            Prepare {
                sending: Some(&sending),
                data: (&way.data).into(),
                column: Column::Identifiers { columns, scheme: Scheme::FrNir },
                service: &ServiceId::of(self.card.id()).unwrap(),
                signing: &self.card.body.signing,
                domain: domain(),
                request: &way.request,
                beside: (&way.retained).into(),
                delimiter: b',',
                reading: cstatns_rows::reading::Reading::default(),
                accepted: &[],
            },
            &Effort::default(),
        )
    }

    /// Opens the request as the service does, codes it, and writes the result as a parcel.
    fn code(&self, way: &Way) {
        let service =
            Domain { service: Box::leak(self.card.id().to_owned().into_boxed_str()), ..POPULATION };
        let knows = |sender: &Sender| *sender == self.party.sender();
        let opener = Opener {
            identity: Identity::Hybrid(&self.request_key),
            receiver: None,
            now: self.now,
            knows: &knows,
        };
        let file = fs::File::open(&way.request).unwrap();
        let (opened, contents) = Contents::open(file, &opener).unwrap();
        let manifest = cstatns::manifest::Manifest::parse(&opened.about).unwrap();
        let declared = Declared::read(&way.request).unwrap().unwrap().declaration;
        assert!(declared.is_by(&self.party.card().body.signing));
        let said = cstatns::proposal::Input { sent: None, ..declared.input() };
        assert_eq!(said, manifest.input, "what is declared is what is in it");
        let meta = service.meta(1, 1);
        let (inside, mut rows) = (Arc::new(contents) as _, Vec::new());
        let request = Request {
            inside: Some(&inside),
            path: &cstatns_parcel::request::inner_name(&way.request),
            manifest: &manifest,
            format: Format::of(&cstatns_parcel::request::inner_name(&way.result)).unwrap(),
            meta: &meta,
            effort: &Effort::default(),
        };
        let coded = code(&request, &service.coder(1), &mut rows).unwrap();
        // The report is of the rows as a file.
        let clear = tempfile::tempdir().unwrap();
        let name = cstatns_parcel::request::inner_name(way.result.file_name().unwrap().as_ref());
        let clear = clear.path().join(name);
        fs::write(&clear, &rows).unwrap();
        let report = Signed::new(stated(&meta, &coded).body(&clear), &service_key());
        let ends = (End::of_service(&self.card), End::of(self.party.card()));
        let mut head = Head::new(ends.0, ends.1, Extension::of(&clear), self.now);
        head.kind = Kind::Result;
        head.service = ServiceId::of(self.card.id());
        head.domain = Some(domain().clone());
        head.commitment = Some(manifest.input.commitment);
        let receiving = &self.party.card().body.receiving;
        let recipient = Recipient::new(receiving).unwrap();
        let out = fs::File::create(&way.result).unwrap();
        let mut making = Making::begin(head, &recipient, out).unwrap();
        making.write_all(&rows).unwrap();
        let sender = Sender::Service(self.card.clone());
        making.finish(&report.bytes(), sender, &service_key()).unwrap();
    }

    fn attach(&self, way: &Way) -> Result<Attached, AttachError> {
        attach(
            Attach {
                party: Some(&self.party),
                data: None,
                retained: (&way.retained).into(),
                requested: None,
                result: &way.result,
                out: (&*way.out).into(),
                shuffle: false,
                binary_codes: false,
                destroy: &[],
            },
            &Effort::default(),
        )
    }
}

fn way(place: &Place) -> Way {
    let way = Way::new(place, "d", "csv", "csv.age");
    fs::write(&way.data, format!("nir,wage\n{KEYED},1\n{UNKEYED},2\n")).unwrap();
    way
}

/// The files below a directory that hold one of these texts.
pub(super) fn holding(directory: &Path, texts: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, texts));
        } else if let Ok(bytes) = fs::read(&path) {
            let has = |text: &&str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
            found.extend(texts.iter().any(has).then_some(path));
        }
    }
    found
}

/// Whatever step is looked at: the identifiers lie in the data alone, the codes in the attached
/// file alone.
#[test]
fn nothing_of_a_parcel_lies_in_clear_at_any_step() {
    let place = Place::new();
    let (way, ends) = (way(&place), Ends::new(&place));
    let seen = Arc::new(Mutex::new((0, Vec::new())));
    let look = |texts: Vec<String>, own: PathBuf| {
        let (seen, place) = (seen.clone(), place.0.path().to_owned());
        move |_: Step, _: &Path| {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let mut seen = seen.lock().unwrap();
            seen.0 += 1;
            let mut found = holding(&place, &texts);
            let own = own.file_name().unwrap().to_string_lossy();
            found.retain(|path| !path.to_string_lossy().contains(&*own));
            seen.1.extend(found);
        }
    };
    let identifiers = [KEYED, UNKEYED].map(str::to_owned).to_vec();
    let prepare = look(identifiers, way.data.clone());
    faults::watch(place.0.path(), prepare, || ends.prepare(&way).unwrap());
    ends.code(&way);
    let code = |spelling| POPULATION.code_of(spelling, 1)[8..].to_owned();
    let attach = look([KEYED, UNKEYED].map(code).to_vec(), way.out.clone());
    faults::watch(place.0.path(), attach, || ends.attach(&way).unwrap());
    let (steps, found) = &*seen.lock().unwrap();
    assert!(*steps > 20 && found.is_empty(), "{steps}: {found:?}");
    // The control: what is written in clear is seen.
    assert!(!holding(place.0.path(), &[KEYED]).is_empty());

    let ReceivedFile::Signed(receipt) = ReceivedFile::read(&received_path(&way.out)).unwrap()
    else {
        panic!("it is signed")
    };
    assert!(receipt.is_by(&ends.party.card().body.signing));
    assert_eq!(receipt.body.by, Some(ends.party.card().fingerprint()));
}

#[test]
fn a_parcel_that_could_not_be_made_leaves_nothing() {
    let place = Place::new();
    let (way_, ends) = (way(&place), Ends::new(&place));
    let steps = faults::count(place.0.path(), || ends.prepare(&way_).unwrap());
    assert!(steps >= 12, "{steps}");
    for step in 0..steps {
        for kind in [ErrorKind::StorageFull, ErrorKind::Other] {
            let place = Place::new();
            let (way, ends) = (way(&place), Ends::new(&place));
            let before = place.names();
            let failed = faults::fail_at(place.0.path(), step, kind, || ends.prepare(&way));
            let code = failed.unwrap_err().code();
            assert!(["disk-full", "file-io", "write-failed"].contains(&code), "{step}: {code}");
            assert_eq!(place.names(), before, "step {step}");
            let stopped = faults::stop_after(place.0.path(), step, || ends.prepare(&way));
            assert!(stopped.is_err());
            if !way.request.exists() {
                ends.prepare(&way).unwrap();
            }
            ends.code(&way);
            ends.attach(&way).unwrap();
        }
    }
}
