//! Payloads: the rows that go to a linking body while their identifiers go to the service. What
//! arrives is what the data holds, in an order that says nothing; nothing of it lies in clear.

mod arrives;
mod refused;

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use cstatns::coded::Coded as _;
use cstatns::files::{Step, faults};
use cstatns::identifier::Scheme;
use cstatns::manifest::Manifest;
use cstatns::meta::ServiceId;
use cstatns::name::Name;
use cstatns::payload::Payload;
use cstatns_controller::{Beside, Column, Data, Prepare, PrepareError, Prepared, prepare};
use cstatns_parcel::age::Identity;
use cstatns_parcel::head::{Head, Kind, Sender};
use cstatns_parcel::open::{Opener, open};
use cstatns_parcel::party::Party;
use cstatns_parcel::sending::Sending;
use cstatns_rows::effort::Effort;
use cstatns_rows::reading::Reading;

use crate::common::*;
use crate::parcels::{Ends, holding};

const NIR: Column<'_> = Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir };

/// A controller, a service and a linking body, and where the two parcels will be.
struct World {
    place: Place,
    ends: Ends,
    linking: Party,
    request: PathBuf,
    payload: PathBuf,
}

/// What is asked for beside the data.
struct Ask<'a> {
    column: Column<'a>,
    delimiter: u8,
    reading: Reading<'a>,
    effort: Effort,
}

impl Default for Ask<'_> {
    fn default() -> Self {
        let (reading, effort) = (Reading::default(), Effort::default());
        Self { column: NIR, delimiter: b',', reading, effort }
    }
}

/// A parcel of a payload, opened.
struct Arrived {
    head: Head,
    about: Payload,
    bytes: Vec<u8>,
}

impl World {
    /// For data of this type; the request is of that one.
    fn new(kind: &str, request: &str) -> Self {
        let place = Place::new();
        let ends = Ends::new(&place);
        let folder = place.path("casd");
        Party::create(&folder, Name::new("casd").unwrap(), None).unwrap();
        let linking = Party::open(&folder, None).unwrap();
        let request = place.path(&format!("r.{request}.age"));
        let payload = place.path(&format!("p.{kind}.age"));
        Self { place, ends, linking, request, payload }
    }

    fn prepare(&self, data: Data<'_>, ask: Ask<'_>) -> Result<Prepared, PrepareError> {
        let Ends { card, party, key_file, now, .. } = &self.ends;
        let sending = Sending::new(party, card, key_file, None, *now).unwrap();
        let Ask { column, delimiter, reading, effort } = ask;
        prepare(
            Prepare {
                sending: Some(&sending),
                data,
                column,
                service: &ServiceId::of(card.id()).unwrap(),
                signing: &card.body.signing,
                domain: domain(),
                request: &self.request,
                beside: Beside::Payload(&self.payload, self.linking.card()),
                delimiter,
                reading,
                accepted: &[],
            },
            &effort,
        )
    }

    /// The payload, as the linking body opens it.
    fn payload(&self) -> Arrived {
        let knows = |sender: &Sender| *sender == self.ends.party.sender();
        let opener = Opener {
            identity: Identity::Hybrid(self.linking.receiving()),
            receiver: Some(self.linking.card().fingerprint()),
            now: self.ends.now,
            knows: &knows,
        };
        let parcel = fs::read(&self.payload).unwrap();
        let mut bytes = Vec::new();
        let opened = open(&parcel[..], &opener, &mut bytes).unwrap();
        Arrived { head: opened.head, about: Payload::of(&opened.about).unwrap(), bytes }
    }

    /// The request, as the service opens it: its manifest, and the identifier of each index.
    fn identifiers(&self) -> (Manifest, BTreeMap<String, String>) {
        let knows = |sender: &Sender| *sender == self.ends.party.sender();
        let opener = Opener {
            identity: Identity::Hybrid(&self.ends.request_key),
            receiver: None,
            now: self.ends.now,
            knows: &knows,
        };
        let parcel = fs::read(&self.request).unwrap();
        let mut bytes = Vec::new();
        let opened = open(&parcel[..], &opener, &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let rows = text.lines().skip(1).map(|line| line.split_once(',').unwrap());
        let rows = rows.map(|(index, identifier)| (index.to_owned(), identifier.to_owned()));
        (Manifest::parse(&opened.about).unwrap(), rows.collect())
    }

    fn data(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        self.place.write(name, bytes)
    }
}

/// A file of these bytes in a folder of its own.
fn aside(bytes: &[u8], name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// An identifier of somebody who does not exist.
fn identifier(row: usize) -> String {
    format!("284{:02}75{:03}{:03}", 1 + row % 12, row % 1000, row / 1000)
}

/// How much the order of rows says of their numbers in the data: Spearman's rank correlation.
fn correlation(numbers: &[u64]) -> f64 {
    let count = numbers.len() as f64;
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    let mut squares = 0.0;
    for (at, number) in numbers.iter().enumerate() {
        let rank = sorted.binary_search(number).unwrap() as f64;
        squares += (at as f64 - rank).powi(2);
    }
    1.0 - 6.0 * squares / (count * (count * count - 1.0))
}

const CANARY: &str = "cormorant-in-the-reeds";

fn small(world: &World) -> PathBuf {
    world.data("d.csv", format!("nir,note\n{KEYED},{CANARY}\n{UNKEYED},two\n,three\n"))
}

#[test]
fn the_parcel_says_what_goes_with_it() {
    let world = World::new("csv", "csv");
    let data = small(&world);
    let prepared = world.prepare((&data).into(), Ask::default()).unwrap();
    assert_eq!(
        world.place.names(),
        ["casd", "d.csv", "insee", "key.json", "p.csv.age", "r.csv.age"]
    );
    let Arrived { head, about, bytes } = world.payload();
    let (manifest, identifiers) = world.identifiers();
    assert_eq!(head.kind, Kind::Payload);
    assert_eq!(head.extension.to_string(), "csv");
    assert_eq!(head.service.as_deref(), Some(world.ends.card.id()));
    assert_eq!(head.domain.as_ref(), Some(domain()));
    assert!(head.commitment.is_none() && head.key.is_none() && head.controller.is_none());
    assert!(head.checkpoint.is_some());
    assert_eq!((about.rows, about.commitment), (3, manifest.input.commitment));
    assert_eq!(about.signing, world.ends.card.body.signing);
    assert_eq!(Some(&about), prepared.payload.as_ref());
    assert!(prepared.requested.is_none(), "nothing is kept");
    assert_eq!((prepared.rows, prepared.input), (3, manifest.input));
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(text.lines().count(), 4);
    let indexes: Vec<_> = text.lines().skip(1).map(|line| line[..32].to_owned()).collect();
    assert!(indexes.iter().eq(identifiers.keys()), "the same, ascending");
    for mode in [&world.request, &world.payload] {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(mode).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

/// Whatever step is looked at: identifiers and rows lie in the data alone.
#[test]
fn nothing_of_a_payload_lies_in_clear_at_any_step() {
    for kind in ["csv", "parquet"] {
        let world = World::new(kind, "csv");
        let data = match kind {
            "csv" => small(&world),
            _ => {
                let data = world.place.path("d.parquet");
                let nir = texts(&[Some(KEYED), Some(UNKEYED), None]);
                write_parquet(
                    &data,
                    vec![("nir", nir), ("note", texts(&[Some(CANARY), None, None]))],
                );
                data
            }
        };
        let seen = Arc::new(Mutex::new((0, Vec::new())));
        let look = {
            let (seen, place) = (seen.clone(), world.place.0.path().to_owned());
            let own = data.clone();
            move |_: Step, _: &Path| {
                let mut seen = seen.lock().unwrap();
                seen.0 += 1;
                let found = holding(&place, &[KEYED, UNKEYED, CANARY]);
                seen.1.extend(found.into_iter().filter(|path| *path != own));
            }
        };
        faults::watch(world.place.0.path(), look, || {
            // Nothing is put aside in memory: what does not fit goes to disk.
            let effort = Effort { memory: 1, ..Effort::default() };
            world.prepare((&data).into(), Ask { effort, ..Ask::default() }).unwrap()
        });
        let (steps, found) = &*seen.lock().unwrap();
        assert!(*steps > 12 && found.is_empty(), "{kind}, {steps}: {found:?}");
        // The control: what is written in clear is seen.
        assert_eq!(holding(world.place.0.path(), &[CANARY]), [data], "{kind}");
    }
}

#[test]
fn two_parcels_are_there_or_none_whatever_stops() {
    let world = World::new("csv", "csv");
    let data = small(&world);
    let under = world.place.0.path().to_owned();
    let steps = faults::count(&under, || {
        world.prepare((&data).into(), Ask::default()).unwrap();
    });
    assert!(steps >= 12, "{steps}");
    for step in 0..steps {
        for kind in [ErrorKind::StorageFull, ErrorKind::Other] {
            let world = World::new("csv", "csv");
            let (data, under) = (small(&world), world.place.0.path().to_owned());
            let before = world.place.names();
            let run = || world.prepare((&data).into(), Ask::default());
            let failed = faults::fail_at(&under, step, kind, run).map(|_| ()).unwrap_err();
            let code = failed.code();
            assert!(["disk-full", "file-io", "write-failed"].contains(&code), "{step}: {code}");
            assert_eq!(world.place.names(), before, "step {step}");
            assert!(faults::stop_after(&under, step, run).is_err());
            if world.request.exists() {
                // It was the last step but what it left to sweep: both are there, and fit.
                let (manifest, _) = world.identifiers();
                assert_eq!(world.payload().about.commitment, manifest.input.commitment);
                continue;
            }
            // The same command goes on: what was left under these names is swept.
            run().unwrap();
            let (manifest, identifiers) = world.identifiers();
            let about = world.payload().about;
            assert_eq!(about.commitment, manifest.input.commitment, "step {step}");
            assert_eq!(identifiers.len(), 3);
            let mut expected = before.clone();
            expected.extend(["p.csv.age".to_owned(), "r.csv.age".to_owned()]);
            expected.sort();
            assert_eq!(world.place.names(), expected, "step {step}: nothing else is left");
        }
    }
}
