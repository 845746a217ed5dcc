//! How fast a ledger is verified and written: `cargo bench --bench ledger`. The file is made once,
//! of quiet events and of runs with the approvals of a quorum, signed with real keys. Timed are the
//! auditor's whole check, and what the service does for each event: it applies it to a copy of its
//! state, and appends it durably.

#![allow(missing_docs)]

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use cstatns::audit::{Account, Period, examine, verify};
use cstatns::card::{Card, CardBody, ServiceCard};
use cstatns::checkpoint::{Cosignature, Head, Note, NoteSignature, Tree, leaf_hash};
use cstatns::code::{Generation, Tag};
use cstatns::dealing::{Dealing, Epoch, Seat, Threshold};
use cstatns::domain::{CheckValue, Kind};
use cstatns::identifier::Scheme;
use cstatns::ledger::event::{Event, KeyRef, Line};
use cstatns::ledger::{Ledger, checkpoint_path, next_line, origin};
use cstatns::name::{Hex, Name, canonical_json};
use cstatns::proposal::{Action, Consent, ConsentBody, Input, Question, RunId};
use cstatns::receipt::{Receipt, ReceiptBody, ReceiptStatement};
use cstatns::service::{Opening, Reader, Service, SystemClock};
use cstatns::state::Fold;
use cstatns::statement::{FORMAT, Signed, Suite};
use ed25519_dalek::SigningKey;
use jiff::{SignedDuration, Timestamp};

const CUSTODIANS: u8 = 3;
const QUORUM: usize = 2;
const QUIET: usize = 180_000;
const RUNS: usize = 10_000;
const CODED: usize = 20_000;
/// Projects of a large service, and events that have nothing to do with them.
const PROJECTS: usize = 2_000;
const BESIDE: usize = 1_000;
/// A life of decades: a million events, 100,000 approvals.
const LONG: (u64, usize) = (1_000_000, 50_000);

/// A ledger as a service would write it.
struct Writer {
    service: SigningKey,
    card: ServiceCard,
    custodians: Vec<(SigningKey, Card)>,
    tree: Tree,
    last: Hex<32>,
    time: Timestamp,
    bytes: Vec<u8>,
}

impl Writer {
    fn new() -> Self {
        let service = SigningKey::from_bytes(&[1; 32]);
        let card = ServiceCard::of(&Name::new("bench").unwrap(), &service);
        let custodian = |number: u8| {
            let key = SigningKey::from_bytes(&[number + 2; 32]);
            let name = Name::new(&format!("custodian-{number}")).unwrap();
            let signing = Hex(key.verifying_key().to_bytes());
            let receiving = Hex([number; 1216]);
            let body = CardBody {
                format: FORMAT,
                name,
                external: false,
                protected: true,
                signing,
                receiving,
            };
            let card = Signed::new(body, &key);
            (key, card)
        };
        let custodians = (0..CUSTODIANS).map(custodian).collect();
        let time = "2026-01-01T00:00:00Z".parse().unwrap();
        let (tree, last) = (Tree::new(), Hex([0; 32]));
        Self { service, card, custodians, tree, last, time, bytes: Vec::new() }
    }

    fn push(&mut self, event: Event) {
        let (format, service) = (FORMAT, self.card.id().to_owned());
        let (sequence, previous, time) = (self.tree.size() + 1, self.last, self.time);
        let line =
            canonical_json(&Line { format, service, sequence, previous, time, clock: time, event });
        self.last = leaf_hash(&line);
        self.tree.push(self.last);
        self.bytes.extend(line);
        self.bytes.push(b'\n');
        self.time += SignedDuration::from_secs(1);
    }

    fn found(&mut self) {
        let commitment =
            |number: u8| serde_json::from_value(Hex([number; 32]).to_string().into()).unwrap();
        let cards = self.custodians.iter().map(|(_, card)| card.clone());
        let dealing = Dealing {
            epoch: Epoch::FIRST,
            threshold: Threshold::new(QUORUM, CUSTODIANS.into()).unwrap(),
            demo: false,
            service: self.card.clone(),
            roster: cards
                .zip(0..)
                .map(|(card, n)| Seat { card, commitment: commitment(n) })
                .collect(),
            root_check: Hex([9; 32]),
            receiving: Hex([9; 1216]),
        };
        let fingerprint = dealing.fingerprint();
        self.push(Event::Dealt {
            dealing: Box::new(dealing),
            keys: Vec::new(),
            request_keys: Vec::new(),
        });
        for (key, card) in self.custodians.clone() {
            let receipt: Receipt = Signed::new(
                ReceiptBody {
                    format: FORMAT,
                    suite: Suite::default(),
                    service: self.card.id().to_owned(),
                    by: card.body.name.clone(),
                    card: card.fingerprint(),
                    count: 1,
                    cosignature: Cosignature::sign(self.card.id(), self.head(), self.time, &key),
                    statement: ReceiptStatement::ShareHeld {
                        epoch: Epoch::FIRST,
                        dealing: fingerprint,
                    },
                },
                &key,
            );
            self.push(Event::Received { receipt });
        }
        self.push(Event::EpochWorking { epoch: Epoch::FIRST, keys: Vec::new() });
    }

    /// An approved run that opens a domain.
    fn run(&mut self, number: usize) {
        self.open(number, Kind::Statistics { cryptoperiod_years: 5 });
    }

    fn open(&mut self, number: usize, kind: Kind) {
        let domain = domain(number);
        let run = self.intent(
            number,
            Action::Open { domain, kind, minimum_batch: 11, authorisation: None },
            Vec::new(),
        );
        let check: CheckValue = serde_json::from_value(Hex([6; 32]).to_string().into()).unwrap();
        self.push(Event::Opened { run, check });
    }

    /// An approved run that codes, in the domain that the first run opened; its request is kept.
    fn code(&mut self, number: usize) {
        let (domain, generation) = (Name::new("domain-0").unwrap(), Generation::FIRST);
        let keys = vec![KeyRef { domain: domain.clone(), generation }];
        let mut commitment = Hex([5; 32]);
        commitment.0[..8].copy_from_slice(&number.to_be_bytes());
        let action = Action::Code {
            domain,
            generation,
            scheme: Scheme::FrNir,
            purpose: Name::new(&format!("purpose-{number}")).unwrap(),
            inputs: vec![Input {
                commitment,
                rows: 100,
                values: 100,
                distinct: 100,
                engine: None,
                sent: None,
            }],
            recipient: None,
            keep_request: true,
            look_up: None,
        };
        let run = self.intent(number, action, keys);
        self.push(Event::Coded { run, part: 1, rows: 100, result: Hex([2; 32]), rechecked: None });
    }

    fn head(&self) -> Head {
        Head { size: self.tree.size(), root: self.tree.root() }
    }

    /// The question of a run and its intent.
    fn intent(&mut self, number: usize, action: Action, keys: Vec<KeyRef>) -> RunId {
        let mut run = Hex([0; 16]);
        run.0[..8].copy_from_slice(&number.to_be_bytes());
        let question = Question {
            format: FORMAT,
            suite: Suite::default(),
            service: self.card.id().to_owned(),
            epoch: Epoch::FIRST,
            action,
            expires: self.time + SignedDuration::from_mins(10),
            run,
            run_key: Hex([7; 32]),
        };
        self.push(Event::Proposed { question: Box::new(question) });
        let (head, question, time) = (self.head(), self.last, self.time);
        let consent = |(key, card): &(SigningKey, Card)| -> Consent {
            let body = ConsentBody {
                format: FORMAT,
                suite: Suite::default(),
                service: self.card.id().to_owned(),
                epoch: Epoch::FIRST,
                question,
                by: card.body.name.clone(),
                card: card.fingerprint(),
                count: number as u64 + 2,
                share: Hex([8; 32]),
                cosignature: Cosignature::sign(self.card.id(), head, time, key),
            };
            Signed::new(body, key)
        };
        let consents = self.custodians[..QUORUM].iter().map(consent).collect();
        self.push(Event::Intent { run, consents, keys });
        run
    }

    fn write(&self, ledger: &Path) {
        let head = Head { size: self.tree.size(), root: self.tree.root() };
        let text = head.checkpoint(self.card.id()).text();
        let signature = NoteSignature::sign(&text, &origin(self.card.id()), &self.service).unwrap();
        std::fs::write(ledger, &self.bytes).unwrap();
        std::fs::write(checkpoint_path(ledger), Note::new(&text, signature).unwrap().to_string())
            .unwrap();
    }
}

fn domain(number: usize) -> Name {
    Name::new(&format!("domain-{number}")).unwrap()
}

fn ledger(directory: &Path, quiet: usize, runs: usize) -> (PathBuf, ServiceCard, u64) {
    let mut writer = Writer::new();
    writer.found();
    for number in 0..quiet.max(runs) {
        if number < runs {
            writer.run(number);
        }
        if number < quiet {
            writer.push(Event::ExpiryChecked {});
        }
    }
    let path = directory.join(format!("{quiet}-{runs}.jsonl"));
    std::fs::create_dir(path.with_extension("d")).unwrap();
    let path = path.with_extension("d").join("ledger.jsonl");
    writer.write(&path);
    (path, writer.card, writer.tree.size())
}

fn audits(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let mut group = criterion.benchmark_group("audit");
    group.sample_size(10);
    for (name, quiet, runs) in [("quiet", QUIET, 0), ("runs", 0, RUNS), ("mixed", QUIET, RUNS)] {
        let (path, card, events) = ledger(directory.path(), quiet, runs);
        group.throughput(Throughput::Elements(events));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let audit = verify(&path, &card, &[], &[]).unwrap();
                assert!(audit.holds(), "{audit}");
                black_box(audit)
            });
        });
    }
    group.finish();
}

/// A long life: its file is made only where this is run.
fn long(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let made = OnceCell::new();
    let make = || {
        let (events, runs) = LONG;
        let mut writer = Writer::new();
        writer.found();
        writer.run(0);
        // Between the runs are quiet days, as many after each.
        let quiet = events - writer.tree.size();
        let until = |run: usize| quiet * run as u64 / (runs - 1) as u64;
        for number in 1..runs {
            writer.code(number);
            let days = until(number) - until(number - 1) - 3;
            (0..days).for_each(|_| writer.push(Event::ExpiryChecked {}));
        }
        assert_eq!(writer.tree.size(), events);
        let path = directory.path().join("ledger.jsonl");
        writer.write(&path);
        // For the program itself, which takes a card from a file.
        std::fs::write(path.with_file_name("card.json"), canonical_json(&writer.card)).unwrap();
        (path, writer.card)
    };
    let mut group = criterion.benchmark_group("audit");
    group.sample_size(10);
    group.throughput(Throughput::Elements(LONG.0));
    group.bench_function("long", |bencher| {
        let (path, card) = made.get_or_init(make);
        bencher.iter(|| {
            let audit = verify(path, card, &[], &[]).unwrap();
            assert!(audit.holds(), "{audit}");
            assert_eq!(audit.statements, 3 + 2 * LONG.1 as u64);
            black_box(audit)
        });
    });
    // All that a report is drawn from.
    group.bench_function("account", |bencher| {
        let (path, card) = made.get_or_init(make);
        bencher.iter(|| {
            let (mut audit, ledger) = examine(path, card, &[], &[]).unwrap();
            let (ledger, now) = (ledger.expect("it is intact"), audit.last.unwrap());
            audit.note_what_is_due(Some(&ledger), now);
            let account = Account::of(audit, &ledger, Period::default(), now);
            let results: u64 = account.runs.iter().map(|of| of.coded).sum();
            // The first run opened the domain.
            assert_eq!(results, LONG.1 as u64 - 1);
            black_box(account)
        });
    });
    group.finish();
}

/// What an event costs a service that has had many runs.
fn events(criterion: &mut Criterion) {
    let mut writer = Writer::new();
    writer.found();
    writer.run(0);
    (1..=CODED).for_each(|number| writer.code(number));
    let mut fold = Fold::new(&writer.card);
    for line in writer.bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        fold.push(line).unwrap();
    }
    let state = fold.state().unwrap();
    assert_eq!(state.deliveries().len(), CODED);

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.jsonl");
    let mut ledger = Ledger::create(&path).unwrap();
    let mut group = criterion.benchmark_group(format!("event after {CODED} runs"));
    group.bench_function("copy of the state", |bencher| bencher.iter(|| black_box(state.clone())));
    group.sample_size(20);
    group.bench_function("append", |bencher| {
        bencher.iter(|| {
            let (time, service) = (writer.time, writer.card.id());
            let line = next_line(ledger.history(), service, time, time, Event::ExpiryChecked {});
            ledger.append(&line, &writer.card, &writer.service).unwrap();
        });
    });
    group.finish();
}

/// How long events take in a service that has many projects.
fn projects(criterion: &mut Criterion) {
    let lines = |bytes: &[u8]| -> Vec<Vec<u8>> {
        bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(Into::into).collect()
    };
    let made = OnceCell::new();
    let make = || {
        let mut writer = Writer::new();
        writer.found();
        let ends = "2030-12-31".parse().unwrap();
        // Two names of one tag are not lawful.
        let mut tags = BTreeSet::new();
        let names = (0..).filter(|number| tags.insert(Tag::of(writer.card.id(), &domain(*number))));
        let names: Vec<usize> = names.take(PROJECTS).collect();
        names.into_iter().for_each(|number| writer.open(number, Kind::Research { ends }));
        let opened = writer.bytes.len();
        (0..BESIDE).for_each(|_| writer.push(Event::ExpiryChecked {}));
        let (opens, quiet) = writer.bytes.split_at(opened);
        let mut fold = Fold::new(&writer.card);
        lines(opens).iter().for_each(|line| drop(fold.push(line).unwrap()));
        (fold, lines(quiet))
    };
    let mut group = criterion.benchmark_group(format!("beside {PROJECTS} projects"));
    group.sample_size(10);
    group.bench_function(format!("{BESIDE} events"), |bencher| {
        let (fold, quiet) = made.get_or_init(make);
        bencher.iter_batched(
            || fold.clone(),
            |mut fold| quiet.iter().for_each(|line| drop(fold.push(line).unwrap())),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

/// A home as its service leaves it, with this ledger.
fn home(directory: &Path, writer: &Writer) -> PathBuf {
    let (home, service) = (directory.join("home"), writer.card.id());
    let life = home.join("life");
    for place in ["life", "keys", "outbox"] {
        std::fs::create_dir_all(home.join(place)).unwrap();
    }
    let seed = Hex(writer.service.to_bytes());
    let write = |name: &str, text: String| std::fs::write(home.join(name), text).unwrap();
    write("identity", serde_json::json!({"format": 2, "signing": seed}).to_string());
    write("card.json", serde_json::to_string(&writer.card).unwrap());
    write("places.json", serde_json::json!({"format": 2, "life": ["life"]}).to_string());
    write("life/cstatns-life", format!("{service}\n"));
    writer.write(&home.join("ledger.jsonl"));
    writer.write(&life.join("ledger.jsonl"));
    home
}

/// How long it takes to say how a service stands that has had many runs.
fn status(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let made = OnceCell::new();
    let make = || {
        let mut writer = Writer::new();
        writer.found();
        writer.run(0);
        for number in 1..=RUNS {
            writer.code(number);
            writer.push(Event::ExpiryChecked {});
        }
        home(directory.path(), &writer)
    };
    let read = |home: &Path| {
        let status = Reader::open(home, SystemClock).unwrap().status();
        assert!(status.events > 4 * RUNS as u64);
        black_box(status)
    };
    let mut group = criterion.benchmark_group(format!("status of a home with {RUNS} runs"));
    group.sample_size(10);
    group.bench_function("without a snapshot", |bencher| {
        let home: &PathBuf = made.get_or_init(make);
        let _ = std::fs::remove_file(home.join("snapshot"));
        bencher.iter(|| read(home));
    });
    group.bench_function("with its snapshot", |bencher| {
        let home: &PathBuf = made.get_or_init(make);
        Service::open(home, SystemClock).unwrap();
        assert!(home.join("snapshot").exists());
        bencher.iter(|| read(home));
    });
    let opened = |home: &Path, from_snapshot| {
        let opening = Opening { from_snapshot, ..Opening::of(Name::new("bench").unwrap()) };
        Service::open_for(home, SystemClock, opening).unwrap().0.status()
    };
    group.bench_function("with its snapshot, opened for what needs nobody", |bencher| {
        let home: &PathBuf = made.get_or_init(make);
        bencher.iter(|| black_box(opened(home, true)));
    });
    group.bench_function("opened for custodians", |bencher| {
        let home: &PathBuf = made.get_or_init(make);
        bencher.iter(|| black_box(opened(home, false)));
    });
    group.finish();
}

criterion_group!(benches, audits, long, events, projects, status);
criterion_main!(benches);
