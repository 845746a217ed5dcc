//! Kits, rosters, approvals and receipts: what fits is taken, what does not is refused by the name
//! of its giver.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use cstatns::audit::verify;
use cstatns::card::{Card, CardBody, ServiceCard, spoken};
use cstatns::checkpoint::{Cosignature, Head, Note, NoteSignature, leaf_hash};
use cstatns::code::{Generation, Tag};
use cstatns::coded::Coded as _;
use cstatns::custody::custodian::{Kit, KitError, ProposalFault, Remark, Sheet, kept_lines};
use cstatns::custody::share::{ReceivingKey, SealedShare, ShareFile, dealing_key, dealt_info};
use cstatns::custody::{PaperError, SharingError};
use cstatns::dealing::{Dealing, DealingId, Epoch, RosterError, Seat, Threshold, check_roster};
use cstatns::delivery::DeliveryId;
use cstatns::domain::{Kind, LARGEST_MINIMUM_BATCH, RenewalReason};
use cstatns::evidence::{About, Stated};
use cstatns::files::{self, faults};
use cstatns::hazmat::{root_check, split};
use cstatns::identifier::Scheme;
use cstatns::ledger::event::{
    Destroyed, Event, KeyRef, Lapse, Line, LineWitness, LivingKey, Means, SealedRef,
};
use cstatns::ledger::{History, checkpoint_path, next_line, origin};
use cstatns::meta::ServiceId;
use cstatns::name::{Hex, Name, canonical_json};
use cstatns::proposal::{
    Action, Consent, ConsentBody, Input, LONGEST_WAIT, Placed, Proposal, Question, QuorumError,
    RunId, run_key_digest,
};
use cstatns::receipt::{Doubt, DoubtBody, Doubted, Receipt, ReceiptBody, ReceiptStatement};
use cstatns::secret::{Secret, random_bytes};
use cstatns::state::{Fate, LONGEST_GAP, MOST_OPEN, Refusal, State, Unlawful, View};
use cstatns::statement::{FORMAT, Signed, Suite};
use ed25519_dalek::SigningKey;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde_json::Value;
use tempfile::TempDir;

const NAMES: [&str; 5] = ["ana", "ben", "chloe", "dan", "eve"];

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn ana() -> Name {
    name("ana")
}

fn noon() -> Timestamp {
    "2027-03-01T12:00:00Z".parse().unwrap()
}

fn new_key() -> SigningKey {
    let mut seed = [0; 32];
    random_bytes(&mut seed);
    SigningKey::from_bytes(&seed)
}

/// The key that a kit without a passphrase keeps in clear: for statements that no kit would sign.
fn key_of(kit: &Path) -> SigningKey {
    let identity: Value = serde_json::from_slice(&fs::read(kit.join("identity")).unwrap()).unwrap();
    let seed = identity["seed"].as_str().unwrap();
    SigningKey::from_bytes(&Hex::<32>::parse(seed.as_bytes()).unwrap().0)
}

fn deal(key: &SigningKey, epoch: u32, k: usize, cards: &[Card]) -> (Dealing, Vec<ShareFile>) {
    let service = ServiceCard::of(&name("office"), key);
    let threshold = Threshold::new(k, cards.len()).unwrap();
    let (id, epoch, root) = (service.id().to_owned(), Epoch(epoch), Secret::random());
    let shares = split(&DealingId { service: id.clone(), epoch, threshold }, &root).unwrap();
    let seat = |(card, share): (&Card, &cstatns::hazmat::Share)| Seat {
        card: card.clone(),
        commitment: share.commitment(),
    };
    let file = |(card, share): (&Card, &cstatns::hazmat::Share)| ShareFile {
        format: FORMAT,
        service: id.clone(),
        epoch,
        custodian: card.body.name.clone(),
        share: SealedShare::seal(share, &card.body.receiving, &dealt_info(&id, epoch, card))
            .unwrap(),
    };
    let roster = std::iter::zip(cards, &shares).map(seat).collect();
    let files = std::iter::zip(cards, &shares).map(file).collect();
    let root_check = root_check(&root, &id, epoch);
    let receiving = dealing_key(&root, &id, epoch).public();
    (Dealing { epoch, threshold, demo: true, service, roster, root_check, receiving }, files)
}

/// A service of three of five with its custodians' kits and its ledger, without a home.
struct Office {
    directory: Rc<TempDir>,
    file: PathBuf,
    key: SigningKey,
    cards: Vec<Card>,
    dealing: Dealing,
    files: Vec<ShareFile>,
    history: History,
    state: State,
    /// The checkpoint that covers the ledger.
    note: String,
    /// The ledger's times: a second for each event.
    now: Timestamp,
}

impl Office {
    /// Founded; nobody has accepted a share.
    fn founded() -> Self {
        let directory = Rc::new(TempDir::new().unwrap());
        let cards = NAMES.iter().map(|text| kit(&directory.path().join(text), text));
        let cards = cards.map(|kit| kit.card().clone()).collect();
        Self::of(&directory, cards, "ledger.jsonl")
    }

    /// A new service with these cards.
    fn of(directory: &Rc<TempDir>, cards: Vec<Card>, file: &str) -> Self {
        let key = new_key();
        let (dealing, files) = deal(&key, 1, 3, &cards);
        let mut history = History::default();
        let event = Event::Dealt {
            dealing: Box::new(dealing.clone()),
            keys: Vec::new(),
            request_keys: Vec::new(),
        };
        let line = next_line(&history, dealing.service.id(), noon(), noon(), event);
        let state = State::founded_by(&line).unwrap();
        let line = canonical_json(&line);
        history.push(&line);
        let (now, note, file) = (noon(), String::new(), directory.path().join(file));
        let directory = directory.clone();
        let mut office =
            Self { directory, file, key, cards, dealing, files, history, state, note, now };
        office.write(&line);
        office
    }

    /// The same service with the ledger as it was at another moment: what a copy of the home is.
    fn like(office: &Self, ledger: &Ledger) -> Self {
        let lines = fs::read(&office.file).unwrap();
        let lines: Vec<&[u8]> = lines.split_inclusive(|byte| *byte == b'\n').collect();
        let file = office.path("fork.jsonl");
        fs::write(&file, lines[..ledger.history.size() as usize].concat()).unwrap();
        Self {
            directory: office.directory.clone(),
            file,
            key: office.key.clone(),
            cards: office.cards.clone(),
            dealing: office.dealing.clone(),
            files: office.files.clone(),
            history: ledger.history.clone(),
            state: ledger.state.clone(),
            note: ledger.note.clone(),
            now: office.now,
        }
    }

    /// Deals new shares to `cards`; nobody has accepted one.
    fn deal_to(&mut self, cards: &[Card]) -> (Dealing, Vec<ShareFile>) {
        let (dealing, files) = deal(&self.key, self.state.next_epoch().0, 3, cards);
        let action = self.dealing_of(&dealing);
        let dealt = self.dealt(&dealing);
        let intent = self.intent(action, &[0, 1, 2]);
        self.append(intent).unwrap();
        self.append(dealt).unwrap();
        (dealing, files)
    }

    /// Each custodian's kit draws another card.
    fn draw_cards(&self) -> Vec<Card> {
        (0..5).map(|seat| self.kit(seat).draw_card().unwrap().clone()).collect()
    }

    /// Deals new shares to `cards`, with every receipt.
    fn deal_again(&mut self, cards: &[Card]) {
        (self.dealing, self.files) = self.deal_to(cards);
        for (card, file) in cards.iter().zip(self.files.clone()) {
            let directory = fs::read_dir(self.directory.path()).unwrap();
            let mut kits = directory.map(|entry| entry.unwrap().path());
            let own = kits.find(|kit| Kit::card_in(kit).is_ok_and(|found| found == *card));
            let mut kit = Kit::open(&own.unwrap(), None).unwrap();
            let path = kit.accept(&file, self.ledger().view(), self.now).unwrap();
            let receipt = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            self.append(Event::Received { receipt }).unwrap();
        }
        self.append(self.works()).unwrap();
        let what = self.state.owed().unwrap().clone();
        self.append(Event::Destroyed { what, how: Means::Overwritten }).unwrap();
    }

    /// What custodians are asked for a dealing.
    fn dealing_of(&self, dealing: &Dealing) -> Action {
        Action::Deal {
            epoch: dealing.epoch,
            threshold: dealing.threshold,
            cards: dealing.roster.iter().map(|seat| seat.card.clone()).collect(),
            left_behind: Vec::new(),
        }
    }

    /// The event of a dealing that seals every key.
    fn dealt(&self, dealing: &Dealing) -> Event {
        let sealed = |LivingKey { domain, generation, check }| SealedRef {
            domain,
            generation,
            check,
            seal: Hex([4; 32]),
        };
        let keys = self.state.living_keys().into_iter().map(sealed).collect();
        Event::Dealt { dealing: Box::new(dealing.clone()), keys, request_keys: Vec::new() }
    }

    /// The event that the newest epoch works.
    fn works(&self) -> Event {
        let epoch = *self.state.epochs().last_key_value().unwrap().0;
        Event::EpochWorking { epoch, keys: self.state.living_keys() }
    }

    /// Everybody has accepted their share, and their receipts are recorded.
    fn held() -> Self {
        let mut office = Self::founded();
        for seat in 0..5 {
            let receipt = office.accept(seat);
            office.append(Event::Received { receipt }).unwrap();
        }
        office.append(office.works()).unwrap();
        office
    }

    fn path(&self, text: &str) -> PathBuf {
        self.directory.path().join(text)
    }

    fn kit(&self, seat: usize) -> Kit {
        Kit::open(&self.path(self.cards[seat].body.name.as_str()), None).unwrap()
    }

    /// Adds a line to the file, and signs for it.
    fn write(&mut self, line: &[u8]) {
        let mut file = fs::File::options().create(true).append(true).open(&self.file).unwrap();
        file.write_all(line).and_then(|()| file.write_all(b"\n")).unwrap();
        self.note = self.sign(self.history.head(), &self.key);
    }

    fn sign(&self, head: Head, key: &SigningKey) -> String {
        let text = head.checkpoint(self.dealing.service.id()).text();
        let signature = NoteSignature::sign(&text, &origin(self.dealing.service.id()), key);
        Note::new(&text, signature.unwrap()).unwrap().to_string()
    }

    fn ledger(&self) -> Ledger {
        Ledger {
            history: self.history.clone(),
            state: self.state.clone(),
            note: self.note.clone(),
            path: self.file.clone(),
        }
    }

    fn accept(&self, seat: usize) -> Receipt {
        let path =
            self.kit(seat).accept(&self.files[seat], self.ledger().view(), self.now).unwrap();
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    fn append(&mut self, event: Event) -> Result<(), Unlawful> {
        self.append_at(event, self.now + 1.second())
    }

    /// Appends an event when the clock says `clock`.
    fn append_at(&mut self, event: Event, clock: Timestamp) -> Result<(), Unlawful> {
        self.now = clock;
        let time = self.state.time_of(clock, &event);
        let line = next_line(&self.history, self.dealing.service.id(), time, clock, event);
        // A state that refused is not to be used further.
        let mut state = self.state.clone();
        state.apply(&line, &self.history)?;
        self.state = state;
        let line = canonical_json(&line);
        self.history.push(&line);
        self.write(&line);
        Ok(())
    }

    fn question(&self, action: Action) -> (Question, ReceivingKey) {
        let mut run = [0; 16];
        random_bytes(&mut run);
        let key = ReceivingKey::random();
        let question = Question {
            format: FORMAT,
            suite: Suite::default(),
            service: self.dealing.service.id().to_owned(),
            epoch: self.dealing.epoch,
            action,
            expires: self.now + SignedDuration::from_hours(1),
            run: Hex(run),
            run_key: run_key_digest(&key.public()),
        };
        (question, key)
    }

    /// Records a question, and gives it as kits take it.
    fn ask(&mut self, action: Action) -> Asked {
        let (question, key) = self.question(action);
        self.ask_this(question, &key)
    }

    fn ask_this(&mut self, question: Question, key: &ReceivingKey) -> Asked {
        let run = question.run;
        let expires = question.expires;
        self.append(Event::Proposed { question: Box::new(question) }).unwrap();
        let (checkpoint, run_key) = (self.note.clone(), key.public());
        Asked {
            run,
            expires,
            proposal: Proposal { question: self.history.last(), checkpoint, run_key },
        }
    }

    fn consent(&self, seat: usize, proposal: &Proposal) -> Consent {
        let attending = self.kit(seat).attend(proposal, self.ledger().view(), self.now).unwrap();
        attending.consent().clone()
    }

    fn refused(&self, seat: usize, proposal: &Proposal, now: Timestamp) -> KitError {
        let refused = self.kit(seat).attend(proposal, self.ledger().view(), now);
        refused.err().expect("the kit consented")
    }

    /// Asks, and takes the consents of these seats, in ascending order.
    fn approved(&mut self, action: Action, seats: &[usize]) -> (Asked, Vec<Consent>) {
        let asked = self.ask(action);
        let consents = seats.iter().map(|&seat| self.consent(seat, &asked.proposal)).collect();
        (asked, consents)
    }

    fn check(&self, asked: &Asked, consents: &[Consent]) -> Result<(), QuorumError> {
        let placed = self.state.placed(&asked.run, &self.history).unwrap();
        placed.check_quorum(consents, &self.dealing)
    }

    fn intent(&mut self, action: Action, seats: &[usize]) -> Event {
        let keys = self.state.keys_of(&action);
        let (asked, consents) = self.approved(action, seats);
        Event::Intent { run: asked.run, consents, keys }
    }
}

/// A question that stands in the ledger.
struct Asked {
    run: RunId,
    expires: Timestamp,
    proposal: Proposal,
}

/// The ledger at one moment.
struct Ledger {
    history: History,
    state: State,
    note: String,
    path: PathBuf,
}

impl Ledger {
    fn view(&self) -> View<'_> {
        let Self { history, state, note, path } = self;
        View { history, state, note, path, sent: None }
    }
}

fn kit(directory: &Path, text: &str) -> Kit {
    Kit::create(directory, name(text), false, None).unwrap();
    Kit::open(directory, None).unwrap()
}

fn open_income() -> Action {
    let kind = Kind::Statistics { cryptoperiod_years: 5 };
    Action::Open { domain: name("income"), kind, minimum_batch: 11, authorisation: None }
}

fn code_request() -> Action {
    Action::Code {
        domain: name("income"),
        generation: Generation::FIRST,
        scheme: Scheme::FrNir,
        purpose: name("wages"),
        inputs: vec![Input {
            commitment: Hex([1; 32]),
            rows: 100,
            values: 100,
            distinct: 100,
            engine: None,
            sent: None,
        }],
        recipient: None,
        keep_request: false,
        look_up: None,
    }
}

// Kits.

#[test]
fn a_protected_kit_opens_with_its_passphrase_only() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("ana");
    let card = Kit::create(&path, ana(), true, Some(b"four words to say")).unwrap();
    assert!(
        card.is_sound() && card.body.protected && card.body.external && card.body.name == ana()
    );
    assert_eq!(Kit::card_in(&path).unwrap(), card);
    assert_eq!(*Kit::open(&path, Some(b"four words to say")).unwrap().card(), card);

    let opened = |passphrase: Option<&[u8]>| Kit::open(&path, passphrase).err().unwrap();
    for wrong in [&b"four words to sai"[..], b"", b"four words to say "] {
        let error = opened(Some(wrong));
        assert!(matches!(&error, KitError::Passphrase { kit } if *kit == path), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
    let error = opened(None);
    assert!(matches!(&error, KitError::NeedsPassphrase { kit } if *kit == path), "{error}");

    let again = Kit::create(&path, ana(), true, Some(b"another")).unwrap_err();
    assert_eq!(again.code(), "output-exists");
    let empty = Kit::create(&home.path().join("ben"), name("ben"), false, Some(b"")).unwrap_err();
    assert_eq!(empty.code(), "passphrase-empty");
    assert!(!home.path().join("ben").exists());
}

#[test]
fn a_kit_gets_another_passphrase() {
    let home = TempDir::new().unwrap();
    let (path, copy) = (home.path().join("ana"), home.path().join("copy"));
    Kit::create(&path, ana(), false, Some(b"the first of two")).unwrap();
    copy_files(&path, &copy);
    let files = fs::read_dir(&path).unwrap().count();
    let former = fs::File::open(path.join("identity")).unwrap();

    let kit = Kit::open(&path, Some(b"the first of two")).unwrap();
    assert_eq!(kit.change_passphrase(b"").unwrap_err().code(), "passphrase-empty");
    kit.change_passphrase(b"the other of two").unwrap();
    let again = Kit::open(&path, Some(b"the other of two")).unwrap();
    assert_eq!(again.card(), kit.card());
    assert!(matches!(
        Kit::open(&path, Some(b"the first of two")),
        Err(KitError::Passphrase { .. })
    ));
    // What was sealed under the former one is gone; a copy is not.
    assert_eq!(former.metadata().unwrap().len(), 0);
    assert_eq!((fs::read_dir(&path).unwrap().count(), files), (4, 4));
    assert_eq!(fs::metadata(path.join("identity")).unwrap().permissions().mode() & 0o777, 0o600);
    Kit::open(&copy, Some(b"the first of two")).unwrap();

    let open = home.path().join("open");
    Kit::create(&open, ana(), false, None).unwrap();
    let before = fs::read(open.join("identity")).unwrap();
    let refused = Kit::open(&open, None).unwrap().change_passphrase(b"the other of two");
    assert_eq!(refused.unwrap_err().code(), "kit-without-passphrase");
    assert_eq!(fs::read(open.join("identity")).unwrap(), before);
}

#[test]
fn the_keys_of_a_protected_kit_are_not_in_its_files() {
    let home = TempDir::new().unwrap();
    let (open, sealed) = (home.path().join("open"), home.path().join("sealed"));
    Kit::create(&open, ana(), false, None).unwrap();
    let card = Kit::create(&sealed, ana(), false, Some(b"secret")).unwrap();
    // The double: without a passphrase the key is there to read.
    assert_eq!(
        key_of(&open).verifying_key().to_bytes(),
        Kit::card_in(&open).unwrap().body.signing.0
    );
    assert_ne!(key_of(&sealed).verifying_key().to_bytes(), card.body.signing.0);
    #[cfg(unix)]
    for kit in [open, sealed] {
        assert_eq!(fs::metadata(kit.join("identity")).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

/// Rewrites one field of a kit's file.
fn edit(path: &Path, pointer: &str, change: impl FnOnce(&mut Value)) {
    let mut json: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    change(json.pointer_mut(pointer).unwrap());
    fs::write(path, serde_json::to_vec(&json).unwrap()).unwrap();
}

fn flip_digit(value: &mut Value, at: usize) {
    let mut digits = value.as_str().unwrap().as_bytes().to_vec();
    digits[at] = if digits[at] == b'0' { b'1' } else { b'0' };
    *value = String::from_utf8(digits).unwrap().into();
}

#[test]
fn a_damaged_kit_is_named_with_its_file() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("ana");
    Kit::create(&path, ana(), false, None).unwrap();
    let (identity, card) = (path.join("identity"), path.join("card.json"));
    let whole = (fs::read(&identity).unwrap(), fs::read(&card).unwrap());
    let refused = |file: &str, what: &str| {
        let error =
            Kit::open(&path, None).err().unwrap_or_else(|| panic!("{what}: the kit opened"));
        match &error {
            KitError::Damaged { kit, file: found } => {
                assert_eq!((kit, &**found), (&path, Path::new(file)), "{what}")
            }
            _ => panic!("{what}: {error}"),
        }
        fs::write(&identity, &whole.0).unwrap();
        fs::write(&card, &whole.1).unwrap();
    };
    // The last byte is a line feed, which is no loss.
    for length in 0..whole.0.len() - 1 {
        fs::write(&identity, &whole.0[..length]).unwrap();
        refused("identity", &format!("{length} bytes"));
    }
    for at in [0, 31, 32, 63] {
        edit(&identity, "/seed", |seed| flip_digit(seed, at));
        refused("identity", &format!("seed digit {at}"));
    }
    edit(&identity, "/signing", |signing| flip_digit(signing, 0));
    refused("identity", "another signing key");
    edit(&card, "/body/name", |name| *name = "ben".into());
    refused("card.json", "another name");
    edit(&card, "/body/external", |external| *external = true.into());
    refused("card.json", "made external");
    edit(&card, "/signature", |signature| flip_digit(signature, 5));
    refused("card.json", "another signature");
    let other = home.path().join("other");
    Kit::create(&other, ana(), false, None).unwrap();
    fs::copy(other.join("card.json"), &card).unwrap();
    refused("identity", "the card of another kit");
    fs::remove_file(&identity).unwrap();
    assert_eq!(Kit::open(&path, None).err().unwrap().code(), "file-missing");
    fs::write(&identity, &whole.0).unwrap();
    edit(&identity, "/format", |format| *format = 3.into());
    assert_eq!(Kit::open(&path, None).err().unwrap().code(), "kit-version");
}

#[test]
fn a_damaged_protection_neither_opens_nor_exhausts_the_machine() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("ana");
    Kit::create(&path, ana(), false, Some(b"secret")).unwrap();
    let identity = path.join("identity");
    let whole = fs::read(&identity).unwrap();
    let code = |pointer: &str, change: &dyn Fn(&mut Value)| {
        edit(&identity, pointer, change);
        let code = Kit::open(&path, Some(b"secret")).err().unwrap().code();
        fs::write(&identity, &whole).unwrap();
        code
    };
    for (pointer, value) in [
        ("/protection/argon2id_memory_kib", u32::MAX),
        ("/protection/argon2id_memory_kib", 0),
        ("/protection/argon2id_passes", u32::MAX),
        ("/protection/argon2id_passes", 0),
        ("/protection/argon2id_lanes", u32::MAX),
        ("/protection/argon2id_lanes", 0),
    ] {
        assert_eq!(
            code(pointer, &|field| *field = value.into()),
            "kit-damaged",
            "{pointer} = {value}"
        );
    }
    // At most 64 passes (SPEC §7): as many are taken, and give another key; one more is not.
    for (passes, expected) in [(64, "passphrase-wrong"), (65, "kit-damaged")] {
        let change = |protection: &mut Value| {
            protection["argon2id_memory_kib"] = 8.into();
            protection["argon2id_passes"] = passes.into();
        };
        assert_eq!(code("/protection", &change), expected, "{passes} passes");
    }
    // What a wrong passphrase and a damaged seal look like cannot be told apart.
    for pointer in ["/protection/salt", "/protection/nonce", "/protection/tag", "/seed"] {
        assert_eq!(code(pointer, &|field| flip_digit(field, 9)), "passphrase-wrong", "{pointer}");
    }
    // A protected kit does not become an open one.
    assert_eq!(code("/protection", &|field| *field = Value::Null), "kit-damaged");
}

// Shares in kits.

#[test]
fn a_share_is_accepted_and_its_receipt_states_the_dealing() {
    let office = Office::founded();
    let receipt = office.accept(0);
    let statement =
        ReceiptStatement::ShareHeld { epoch: Epoch(1), dealing: office.dealing.fingerprint() };
    assert_eq!(receipt.body.statement, statement);
    assert_eq!((receipt.body.count, receipt.body.cosignature.time), (1, office.now));
    assert!(receipt.is_by(&office.cards[0].body.signing));
    office.state.check_receipt(&receipt, office.now, &office.history).unwrap();

    // Again: the same receipt, also when it was lost or damaged.
    assert_eq!(office.accept(0), receipt);
    let path = office.path("ana/receipt-1-held.json");
    fs::remove_file(&path).unwrap();
    assert_eq!(office.accept(0), receipt);
    fs::write(&path, b"{").unwrap();
    assert_eq!(office.accept(0), receipt);
}

#[test]
fn a_share_in_clear_is_never_written() {
    let office = Office::held();
    for text in NAMES {
        for entry in fs::read_dir(office.path(text)).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            let found = |label: &[u8]| bytes.windows(label.len()).any(|window| window == label);
            // The label of an encoded share, as it is and in the hexadecimal digits that formats
            // use.
            assert!(!found(b"CStatNS/share/"));
            assert!(!found(data_encoding::HEXLOWER.encode(b"CStatNS/share/").as_bytes()));
        }
    }
}

#[test]
fn a_share_file_that_is_not_this_custodians_is_refused_by_name() {
    let office = Office::founded();
    let refused =
        |file: &ShareFile| match office.kit(0).accept(file, office.ledger().view(), office.now) {
            Err(KitError::Share(error)) => error,
            other => panic!("{other:?}"),
        };
    let altered = SharingError::Altered { custodian: ana() };
    let with = |change: &dyn Fn(&mut ShareFile)| {
        let mut file = office.files[0].clone();
        change(&mut file);
        refused(&file)
    };

    let bens = SharingError::Swapped { custodian: ana(), owner: name("ben") };
    assert_eq!(refused(&office.files[1]), bens);
    assert_eq!(with(&|file| file.custodian = name("ben")), bens);
    assert_eq!(with(&|file| file.share = office.files[1].share.clone()), altered);
    assert_eq!(with(&|file| file.format = 3), SharingError::Version { found: 3 });
    let service = SharingError::OtherService { custodian: ana() };
    assert_eq!(
        with(&|file| file.service = "office.aaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned()),
        service
    );
    let (found, expected) = (Epoch(2), Epoch(1));
    let epoch = SharingError::OtherEpoch { custodian: ana(), found, expected };
    assert_eq!(with(&|file| file.epoch = found), epoch);

    // Another dealing in the same words: to the same card, of another root.
    let (_, others) = deal(&office.key, 1, 3, &office.cards);
    assert_eq!(refused(&others[0]), altered);

    let mut json = serde_json::to_value(&office.files[0]).unwrap();
    let digits = json["share"].as_str().unwrap().len();
    for at in (0..digits).step_by(97).chain([2239, 2240, digits - 1]) {
        let whole = json["share"].clone();
        flip_digit(&mut json["share"], at);
        assert_eq!(refused(&serde_json::from_value(json.clone()).unwrap()), altered, "digit {at}");
        json["share"] = whole;
    }
    for length in [0, 2, 2238, 2240, digits - 2] {
        let whole = json["share"].clone();
        json["share"] = whole.as_str().unwrap()[..length].into();
        assert_eq!(
            refused(&serde_json::from_value(json.clone()).unwrap()),
            altered,
            "{length} digits"
        );
        json["share"] = whole;
    }
    assert!(!office.path("ana/share-1").exists() && !office.path("ana/ledger.zst").exists());
}

#[test]
fn a_damaged_kept_share_is_found_by_the_check_and_repaired_by_accepting_again() {
    let mut office = Office::held();
    let check = |office: &Office| office.kit(0).check(office.ledger().view(), office.now);
    let kept = office.path("ana/share-1");
    let whole = fs::read(&kept).unwrap();
    for damaged in [&whole[..whole.len() / 2], b""] {
        fs::write(&kept, damaged).unwrap();
        assert_eq!(check(&office).unwrap_err().code(), "kit-damaged");
        office.accept(0);
        check(&office).unwrap();
    }
    edit(&kept, "/share", |share| flip_digit(share, 2300));
    let error = check(&office).unwrap_err();
    assert!(
        matches!(error, KitError::Share(SharingError::Altered { custodian }) if custodian == ana())
    );

    // What the file says of the share is no other's either.
    let says: [(&str, serde_json::Value, &str); 4] = [
        ("/format", 3.into(), "share-version"),
        ("/service", "other.aaaaaaaaaaaaaaaaaaaaaaaaaa".into(), "share-other-service"),
        ("/epoch", 2.into(), "share-other-epoch"),
        ("/custodian", "benoit".into(), "share-swapped"),
    ];
    for (member, other, code) in says {
        fs::write(&kept, &whole).unwrap();
        edit(&kept, member, |value| *value = other);
        assert_eq!(check(&office).unwrap_err().code(), code, "{member}");
        office.accept(0);
        check(&office).unwrap();
    }

    fs::remove_file(&kept).unwrap();
    let error = check(&office).unwrap_err();
    assert!(
        matches!(error, KitError::NoShare { custodian, epoch: Epoch(1) } if custodian == ana())
    );
    let asked = office.ask(open_income());
    assert_eq!(office.refused(0, &asked.proposal, office.now).code(), "no-share");
}

// What a kit remembers.

/// Copies a kit: what its owner does for a backup, and a thief.
fn copy_kit(office: &Office, text: &str, to: &str) {
    copy_files(&office.path(text), &office.path(to));
}

fn copy_files(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

#[test]
fn a_memory_that_is_missing_edited_or_anothers_is_refused_by_name() {
    let office = Office::held();
    let memory = office.path("ana/memory");
    let whole = fs::read(&memory).unwrap();
    let refused = |what: &str| {
        let error = Kit::open(&office.path("ana"), None).err();
        let error = error.unwrap_or_else(|| panic!("{what}: the kit opened"));
        assert!(matches!(&error, KitError::Memory { kit } if *kit == office.path("ana")), "{what}");
        assert_eq!(error.code(), "kit-memory");
        fs::write(&memory, &whole).unwrap();
    };
    fs::remove_file(&memory).unwrap();
    refused("removed");
    for length in [0, 1, whole.len() / 2, whole.len() - 2] {
        fs::write(&memory, &whole[..length]).unwrap();
        refused("cut");
    }
    edit(&memory, "/sealed", |sealed| flip_digit(sealed, 100));
    refused("one character of its seal");
    edit(&memory, "/nonce", |nonce| flip_digit(nonce, 3));
    refused("its nonce");
    // What is shown before the kit opens is bound to what is sealed.
    edit(&memory, "/shown/count", |count| *count = 0.into());
    refused("the count that is shown");
    edit(&memory, "/shown/head/size", |size| *size = 3.into());
    refused("the ledger that is shown");
    edit(&memory, "/shown/last", |last| *last = Value::Null);
    refused("the last statement that is shown");
    fs::copy(office.path("ben/memory"), &memory).unwrap();
    refused("another kit's");
    Kit::open(&office.path("ana"), None).unwrap();
}

#[test]
fn a_kit_shows_its_count_and_last_statement_before_it_is_opened() {
    let mut office = Office::held();
    let shown = |office: &Office| Kit::shown_by(&office.path("ana")).unwrap();
    let before = shown(&office);
    assert_eq!((before.count, before.head.unwrap().size), (1, 1));
    let (_, consents) = office.approved(open_income(), &[0]);
    assert_eq!(consents[0].body.count, 2);
    let after = shown(&office);
    assert_eq!((after.count, after.head), (2, Some(office.history.head())));
    let last = after.last.unwrap();
    assert_eq!(last.time, office.now);
    assert_eq!(last.about, About::Consent { action: Box::new(open_income()) });
    // A new kit has a memory, and shows that it is empty.
    kit(&office.path("fay"), "fay");
    assert_eq!(Kit::shown_by(&office.path("fay")).unwrap(), Default::default());
}

#[test]
fn a_kit_keeps_the_lines_that_it_has_folded() {
    let mut office = Office::held();
    office.approved(open_income(), &[0]);
    let file = fs::read(office.path("ledger.jsonl")).unwrap();
    let lines: Vec<&[u8]> = file.split(|byte| *byte == b'\n').collect();
    let kept = kept_lines(&office.path("ana")).unwrap();
    assert_eq!(kept, lines[..lines.len() - 1]);
    assert!(kept_lines(&office.path("eve")).unwrap().len() < kept.len());

    // What a stopped process left at its end does not count.
    let path = office.path("ana/ledger.zst");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], b"half a frame"].concat()).unwrap();
    office.append(Event::ExpiryChecked {}).unwrap();
    office.kit(0).check(office.ledger().view(), office.now).unwrap();
    assert_eq!(kept_lines(&office.path("ana")).unwrap().len() as u64, office.history.size());

    // A file that is gone, or shorter than the kit left it, is written anew, also where the ledger
    // has not grown.
    for (half, grows) in [(false, false), (false, true), (true, false), (true, true)] {
        match half {
            true => fs::write(&path, &whole[..whole.len() / 2]).unwrap(),
            false => fs::remove_file(&path).unwrap(),
        }
        if grows {
            office.append(Event::ExpiryChecked {}).unwrap();
        }
        office.now += 1.second();
        office.kit(0).check(office.ledger().view(), office.now).unwrap();
        let file = fs::read(office.path("ledger.jsonl")).unwrap();
        let lines: Vec<&[u8]> = file.split(|byte| *byte == b'\n').collect();
        assert_eq!(kept_lines(&office.path("ana")).unwrap(), lines[..lines.len() - 1]);
    }
}

/// Of a question that has its result the kit keeps the line once, among those that it folded. It
/// proves with them only where they are, one for one, those whose head it remembers.
#[test]
fn a_kit_proves_nothing_with_lines_that_are_not_those_it_folded() {
    let mut office = Office::held();
    run_of(&mut office, open_income(), &[0, 1, 2]);
    office.kit(0).check(office.ledger().view(), office.now).unwrap();
    let proves = |office: &Office| {
        let statements = office.kit(0).evidence().unwrap().body.statements;
        let lines = statements.into_iter().filter_map(|stated| match stated {
            Stated::Consent { line, proof, .. } => Some((line, proof.is_empty())),
            _ => None,
        });
        lines.collect::<Vec<_>>()
    };
    let kept = kept_lines(&office.path("ana")).unwrap();
    let asked = kept.iter().find(|line| String::from_utf8_lossy(line).contains("proposed"));
    let asked = String::from_utf8(asked.unwrap().clone()).unwrap();
    assert_eq!(proves(&office), [(asked, false)]);

    let write = |lines: &[Vec<u8>]| {
        let lines: Vec<u8> = lines.iter().flat_map(|line| [&line[..], b"\n"].concat()).collect();
        let frame = zstd::encode_all(&lines[..], 1).unwrap();
        fs::write(office.path("ana/ledger.zst"), frame).unwrap();
    };
    let nothing = [(String::new(), true)];
    // As many lines, one of them another; and too few.
    let mut other = kept.clone();
    other[1] = other[2].clone();
    write(&other);
    assert_eq!(proves(&office), nothing);
    write(&kept[..kept.len() - 1]);
    assert_eq!(proves(&office), nothing);
}

/// Who witnesses is a signing key. Former custodians witness, but are no quorum of those who decide
/// now; and whoever bears a former one's name has seen what their own key has.
#[test]
fn witnesses_are_counted_by_signing_key() {
    let mut office = Office::held();
    let former: Vec<PathBuf> = NAMES.iter().map(|name| office.path(name)).collect();
    let successor = |name: &&str| kit(&office.path(&format!("{name}-2")), name).card().clone();
    let cards: Vec<Card> = NAMES.iter().map(successor).collect();
    office.deal_again(&cards);
    for kit in &former[..3] {
        office.append(Event::ExpiryChecked {}).unwrap();
        let mut kit = Kit::open(kit, None).unwrap();
        let receipt = kit.forget(Epoch::FIRST, office.ledger().view(), office.now).unwrap();
        office.append(Event::Received { receipt }).unwrap();
    }
    fs::write(checkpoint_path(&office.file), &office.note).unwrap();
    let audit = verify(&office.file, &office.dealing.service, &[], &[]).unwrap();
    assert!(audit.holds(), "{audit}");
    assert_eq!(audit.witnessed.custodians.len(), 10);
    let mut seen: Vec<u64> =
        cards.iter().map(|card| office.state.statements()[&card.body.signing].witnessed).collect();
    seen.sort_unstable();
    assert_eq!(audit.witnessed.quorum, seen[2]);
    // The last of the former ones has seen all but its own receipt.
    assert_eq!(audit.witnessed.events, office.history.size() - 1);
    assert!(audit.witnessed.quorum < audit.witnessed.events - 4);
}

/// The statements of a copy that was left behind get counts that the ledger has already: told, and
/// never refused.
#[test]
fn a_kit_back_from_its_backup_is_told_of_and_not_locked_out() {
    let mut office = Office::held();
    copy_kit(&office, "ana", "backup");
    run(&mut office, open_income(), |run| Event::Opened { run, check: Hex([1; 32]) });
    assert_eq!(office.kit(0).shown().count, 2);

    copy_kit(&office, "backup", "ana");
    let kit = office.kit(0);
    let remarks = kit.remarks(office.ledger().view()).unwrap();
    assert_eq!(remarks, [Remark::OtherCopy { remembered: 1, recorded: 2 }]);
    // It goes on with the next count, and approves.
    let (asked, consents) = office.approved(code_request(), &[0, 1, 2]);
    assert_eq!(consents[0].body.count, 3);
    let keys = office.state.keys_of(&code_request());
    office.append(Event::Intent { run: asked.run, consents, keys }).unwrap();
    assert!(office.state.repeated_counts().is_empty());

    // A copy that signs without having seen the ledger's newest events repeats a count.
    let run = asked.run;
    office.append(Event::Failed { run, code: name("disk-full") }).unwrap();
    copy_kit(&office, "backup", "ana");
    let repeated = receipt(&office, "ana", |body| {
        body.statement = ReceiptStatement::CheckpointSeen {};
        body.count = 2;
    });
    office.append(Event::Received { receipt: repeated }).unwrap();
    assert_eq!(office.state.repeated_counts(), [office.history.size()]);
}

#[test]
fn a_kit_tells_of_what_it_approved_that_has_no_result() {
    let mut office = Office::held();
    let remarks =
        |office: &Office, seat: usize| office.kit(seat).remarks(office.ledger().view()).unwrap();
    let fates = |office: &Office, seat: usize| -> Vec<(Fate, bool)> {
        let told = remarks(office, seat).into_iter();
        told.filter_map(|remark| match remark {
            Remark::NoResult { fate, holds_consent, .. } => Some((fate, holds_consent)),
            _ => None,
        })
        .collect()
    };
    // Open; lapsed with the consent, and without it; failed; with a result.
    let (asked, consents) = office.approved(open_income(), &[0, 1]);
    assert_eq!(fates(&office, 0), [(Fate::Open, true)]);
    let why = Lapse::Stopped;
    office
        .append(Event::Lapsed { run: asked.run, why, consents: vec![consents[0].clone()] })
        .unwrap();
    let by = vec![ana()];
    assert_eq!(fates(&office, 0), [(Fate::Lapsed { why, by: by.clone(), enough: false }, true)]);
    assert_eq!(fates(&office, 1), [(Fate::Lapsed { why, by, enough: false }, false)]);

    let intent = office.intent(open_income(), &[0, 2, 3]);
    let Event::Intent { run, .. } = intent else { unreachable!() };
    office.append(intent).unwrap();
    assert_eq!(fates(&office, 2), [(Fate::Running, true)]);
    office.append(Event::Failed { run, code: name("disk-full") }).unwrap();
    assert_eq!(fates(&office, 2), [(Fate::Failed { made: 0 }, true)]);
    assert_eq!(fates(&office, 0).len(), 2);

    run_of(&mut office, open_income(), &[1, 3, 4]);
    assert_eq!(fates(&office, 4), []);
    assert_eq!(fates(&office, 3).len(), 1, "the one that failed");
}

#[test]
fn a_doubt_that_the_ledger_does_not_hold_is_told_until_it_does() {
    let mut office = Office::held();
    run_of(&mut office, open_income(), &[0, 1, 2]);
    let about = Doubted::Key { domain: name("income"), generation: Generation::FIRST };
    let doubt = office.kit(0).doubt(about.clone(), office.ledger().view(), office.now).unwrap();
    let missing = Remark::DoubtMissing { count: doubt.body.count, doubted: about };
    assert_eq!(office.kit(0).remarks(office.ledger().view()).unwrap(), [missing]);

    // The operator keeps it back until the domain has another key: it is recorded all the same, and
    // stops nothing.
    let next = Action::NewKey {
        domain: name("income"),
        generation: Generation::FIRST.next(),
        reason: RenewalReason::Scheduled,
    };
    run(&mut office, next, |run| Event::KeyMade { run, check: Hex([2; 32]) });
    office.append(Event::Doubted { doubt: doubt.clone() }).unwrap();
    assert_eq!(office.kit(0).remarks(office.ledger().view()).unwrap(), []);
    let domain = office.state.domain(&name("income")).unwrap();
    assert!(domain.key(Generation::FIRST).unwrap().compromised && !domain.active().compromised);
    let again = office.append(Event::Doubted { doubt });
    assert_eq!(again, Err(Unlawful::Refused(Refusal::AlreadyDoubted)));
}

/// A kit states no doubt that the ledger cannot take, and returns one that was not recorded: else
/// the kit would miss a doubt in the ledger for as long as it remembers it.
#[test]
fn a_doubt_can_be_repeated_until_it_is_recorded() {
    let mut office = Office::held();
    run_of(&mut office, open_income(), &[0, 1, 2]);
    let about = |generation| Doubted::Key {
        domain: name("income"),
        generation: Generation::new(generation).unwrap(),
    };
    let state = |office: &Office, about: Doubted| {
        let mut kit = office.kit(0);
        let before = kit.statements().len();
        let stated = kit.doubt(about, office.ledger().view(), office.now);
        (stated, kit.statements().len() - before)
    };
    let (refused, stated) = state(&office, about(9));
    assert!(matches!(refused, Err(KitError::NotLawful(Refusal::Generation { .. }))));
    assert_eq!(stated, 0);
    // The service stopped before it recorded the doubt; the ledger has grown since.
    let (first, stated) = state(&office, about(1));
    assert_eq!(stated, 1);
    office.append(Event::ExpiryChecked {}).unwrap();
    let (again, stated) = state(&office, about(1));
    assert_eq!(stated, 0);
    let doubt = first.unwrap();
    assert_eq!(again.unwrap(), doubt);
    // It answers for nothing else.
    let custody = Doubted::Custody { epoch: Epoch(1) };
    let (other, stated) = state(&office, custody.clone());
    assert_eq!((other.unwrap().body.about, stated), (custody, 1));
    office.append(Event::Doubted { doubt }).unwrap();
    let (refused, stated) = state(&office, about(1));
    assert!(matches!(refused, Err(KitError::NotLawful(Refusal::AlreadyDoubted))));
    assert_eq!(stated, 0);
    let remarks = office.kit(0).remarks(office.ledger().view()).unwrap();
    assert!(matches!(remarks[..], [Remark::DoubtMissing { count: 4, .. }]), "{remarks:?}");
}

/// A doubt has two signatures: on what it says, and on the ledger that its custodian has seen.
#[test]
fn a_doubt_is_its_custodians_and_about_this_ledger() {
    let office = Office::held();
    let custody = Doubted::Custody { epoch: Epoch(1) };
    let good = office.kit(0).doubt(custody, office.ledger().view(), office.now).unwrap();
    let check = |doubt: &Doubt| office.state.check_doubt(doubt, &office.history);
    assert_eq!(check(&good), Ok(()));
    let key = key_of(&office.path("ana"));
    let cosign = |head| Cosignature::sign(office.dealing.service.id(), head, office.now, &key);
    let body = || good.body.clone();

    let altered = Doubt { body: DoubtBody { count: 7, ..body() }, ..good.clone() };
    let elsewhere = DoubtBody { service: "elsewhere".to_owned(), ..body() };
    for doubt in [altered, Signed::new(elsewhere, &key)] {
        assert_eq!(check(&doubt), Err(Refusal::ReceiptSignature { by: ana() }));
    }
    let other = Head { root: Hex([1; 32]), ..good.body.cosignature.head };
    let unsigned = Cosignature { signature: Hex([1; 64]), ..good.body.cosignature };
    for cosignature in [cosign(other), unsigned] {
        let doubt = Signed::new(DoubtBody { cosignature, ..body() }, &key);
        assert_eq!(check(&doubt), Err(Refusal::Receipt));
    }
}

/// What founds a service: the first dealing, in the first line, of the service that it names.
#[test]
fn a_service_is_founded_by_its_first_dealing_alone() {
    let office = Office::founded();
    let line = |dealing: &Dealing| {
        let event = Event::Dealt {
            dealing: Box::new(dealing.clone()),
            keys: Vec::new(),
            request_keys: Vec::new(),
        };
        next_line(&History::default(), dealing.service.id(), noon(), noon(), event)
    };
    let first = line(&office.dealing);
    assert!(State::founded_by(&first).is_ok());
    let (second, _) = deal(&office.key, 2, 3, &office.cards);
    let later = Line { sequence: 2, ..first.clone() };
    let other = Line { service: "other".to_owned(), ..first };
    for line in [line(&second), later, other] {
        assert_eq!(State::founded_by(&line).err(), Some(Unlawful::Genesis));
    }
}

/// A run does not begin with the consent of a card that is not in the roster, whoever signed it.
#[test]
fn an_intent_counts_consents_by_their_cards() {
    let mut office = Office::held();
    let (asked, mut consents) = office.approved(open_income(), &[0, 1, 2]);
    let card = office.cards[1].fingerprint();
    let body = ConsentBody { card, ..consents[0].body.clone() };
    consents[0] = Signed::new(body, &key_of(&office.path("ana")));
    let intent = Event::Intent { run: asked.run, consents, keys: Vec::new() };
    assert_eq!(office.append(intent).unwrap_err().code(), "not-in-roster");
}

/// Nobody is asked for anything while a run has not ended, or its request is not destroyed.
#[test]
fn nothing_is_asked_before_what_began_has_ended() {
    let mut office = Office::held();
    run(&mut office, open_income(), |run| Event::Opened { run, check: Hex([1; 32]) });
    let allowed = |office: &Office| office.state.allows(&open_health(), office.now);
    assert_eq!(allowed(&office), Ok(()));
    let intent = office.intent(code_request(), &[0, 1, 2]);
    let Event::Intent { run, .. } = intent else { unreachable!() };
    office.append(intent).unwrap();
    assert!(office.state.pending().is_some());
    assert_eq!(allowed(&office), Err(Refusal::Unfinished));
    office
        .append(Event::Coded { run, part: 1, rows: 100, result: Hex([2; 32]), rechecked: None })
        .unwrap();
    assert!(office.state.pending().is_none() && office.state.owed().is_some());
    assert_eq!(allowed(&office), Err(Refusal::Unfinished));
}

/// The line of a newer program is distinguished from a damaged one by its format.
#[test]
fn a_line_of_a_newer_format_is_named() {
    let office = Office::held();
    let refused = |line: &str| {
        let read = office.history.read_next(office.dealing.service.id(), line.as_bytes());
        read.unwrap_err().code()
    };
    let line = |format: &str| refused(&format!("{{\"format\":{format},\"new\":0}}"));
    assert_eq!(
        ["1", "2", "3", "\"3\""].map(line),
        ["ledger-line", "ledger-line", "ledger-version", "ledger-line"]
    );
    assert_eq!(refused("3"), "ledger-line");
}

// Kits as witnesses.

#[test]
fn a_kit_refuses_a_ledger_that_does_not_extend_the_one_it_saw() {
    let mut office = Office::held();
    let shorter = office.ledger();
    for _ in 0..2 {
        office.append(Event::ExpiryChecked {}).unwrap();
    }
    let check = |ledger: &Ledger| office.kit(4).check(ledger.view(), office.now);
    check(&office.ledger()).unwrap();
    let size = office.history.size();

    let error = check(&shorter).unwrap_err();
    let KitError::Shorter { custodian, seen, found } = &error else { panic!("{error}") };
    assert_eq!((custodian.as_str(), *seen, *found), ("eve", size, size - 2));

    // A fork that the service signed: as long, and longer.
    let mut fork = Office::like(&office, &shorter);
    for more in 0..4 {
        let clock = fork.now + 7.seconds();
        fork.append_at(Event::ExpiryChecked {}, clock).unwrap();
        let error = check(&fork.ledger()).unwrap_err();
        match (&error, more) {
            (KitError::Shorter { .. }, 0) | (KitError::Forked { .. }, _) => {}
            _ => panic!("{error}"),
        }
    }
    // It does not accept or consent on one either, and what it refused it has not seen.
    let asked = fork.ask(open_income());
    let forked = fork.ledger();
    let refused = |error: KitError| assert_eq!(error.code(), "ledger-forked");
    refused(office.kit(4).accept(&office.files[4], forked.view(), office.now).unwrap_err());
    refused(office.kit(4).attend(&asked.proposal, forked.view(), fork.now).err().unwrap());
    let about = Doubted::Custody { epoch: Epoch(1) };
    // Stopping never waits: a doubt it states on any ledger of its service, and follows none by
    // that.
    let doubt = office.kit(4).doubt(about, forked.view(), fork.now).unwrap();
    let witnessed = fork.state.witnessed();
    fork.append(Event::Doubted { doubt }).unwrap();
    assert_eq!(fork.state.witnessed(), witnessed, "it vouches for no event there");
    check(&office.ledger()).unwrap();
}

#[test]
fn a_kit_takes_a_ledger_that_the_service_signed_only() {
    let office = Office::held();
    let ledger = |note: String| Ledger { note, ..office.ledger() };
    let kit = || office.kit(0);
    for note in [
        office.sign(office.history.head(), &new_key()),
        String::new(),
        office.sign(Head { size: 3, root: Hex([0; 32]) }, &office.key),
    ] {
        let error = kit().check(ledger(note).view(), office.now).unwrap_err();
        assert_eq!(error.code(), "ledger-uncovered");
    }
}

#[test]
fn a_kit_belongs_to_one_service() {
    let office = Office::held();
    // The same custodians with the same cards, in another service's roster.
    let other = Office::of(&office.directory, office.cards.clone(), "other.jsonl");
    let error =
        office.kit(0).accept(&other.files[0], other.ledger().view(), other.now).unwrap_err();
    let KitError::OtherService { custodian, service } = error else { panic!("{error:?}") };
    assert_eq!((custodian, service), (ana(), ServiceId::of(office.dealing.service.id())));
}

#[test]
fn a_kit_consents_to_an_open_question_of_its_ledger_only() {
    let mut office = Office::held();
    let asked = office.ask(open_income());
    let proposal = &asked.proposal;
    let reason = |office: &Office, proposal: &Proposal, now: Timestamp| match office
        .refused(0, proposal, now)
    {
        KitError::Proposal { reason } => reason,
        error => panic!("{error}"),
    };
    let now = office.now;
    let with = |change: &dyn Fn(&mut Proposal)| {
        let mut altered = proposal.clone();
        change(&mut altered);
        reason(&office, &altered, now)
    };
    assert_eq!(with(&|p| p.question = Hex([0; 32])), ProposalFault::OtherLedger);
    // The share would go to somebody else's key.
    assert_eq!(with(&|p| p.run_key = ReceivingKey::random().public()), ProposalFault::Signature);
    // A question that is recorded nowhere: whoever holds the service's key can sign it, and the
    // kit's ledger does not hold it.
    let head = office.history.head();
    let thiefs = office.sign(Head { root: Hex([0; 32]), ..head }, &office.key);
    assert_eq!(with(&|p| p.checkpoint = thiefs.clone()), ProposalFault::OtherLedger);
    let strangers = office.sign(head, &new_key());
    assert_eq!(with(&|p| p.checkpoint = strangers.clone()), ProposalFault::Signature);
    // A place where no question stands.
    let earlier = office.history.head_at(2).unwrap();
    let earlier = office.sign(earlier, &office.key);
    assert_eq!(with(&|p| p.checkpoint = earlier.clone()), ProposalFault::NotOpen);

    // The kit's own clock counts.
    let day = SignedDuration::from_hours(24);
    assert_eq!(reason(&office, proposal, asked.expires), ProposalFault::Expired);
    assert_eq!(reason(&office, proposal, now - day - 1.second()), ProposalFault::Clock);
    assert_eq!(reason(&office, proposal, now + day + 1.second()), ProposalFault::Clock);

    // Several are open, and the kit has seen the later one first: it consents to both.
    let second = office.ask(open_income());
    office.consent(0, &second.proposal);
    office.consent(0, proposal);
    office
        .append(Event::Lapsed { run: asked.run, why: Lapse::Withdrawn, consents: vec![] })
        .unwrap();
    assert_eq!(reason(&office, proposal, office.now), ProposalFault::NotOpen);
}

/// The share leaves the kit only after the kit has seen the intent that its consent is in.
/// The kit's clock and the service's may differ by a day, and not by a second more.
#[test]
fn a_kit_consents_under_a_clock_that_is_a_day_behind_at_most() {
    let mut office = Office::held();
    let asked = office.ask(open_income());
    let behind = office.now - SignedDuration::from_hours(24);
    let refused = office.refused(0, &asked.proposal, behind - 1.second());
    assert!(matches!(refused, KitError::Proposal { reason: ProposalFault::Clock }), "{refused}");
    office.kit(0).attend(&asked.proposal, office.ledger().view(), behind).unwrap();
}

#[test]
fn a_share_stays_with_the_kit_until_the_intent_is_seen() {
    let mut office = Office::held();
    let asked = office.ask(open_income());
    let attend = |office: &Office, seat: usize| {
        office.kit(seat).attend(&asked.proposal, office.ledger().view(), office.now).unwrap()
    };
    let given: Vec<_> = (0..4).map(|seat| attend(&office, seat)).collect();
    let consents: Vec<Consent> = given.iter().map(|given| given.consent().clone()).collect();
    let early = attend(&office, 0).release(office.ledger().view(), office.now);
    assert_eq!(early.err().unwrap().code(), "no-intent");

    let keys = Vec::new();
    office
        .append(Event::Intent { run: asked.run, consents: consents[..3].to_vec(), keys })
        .unwrap();
    let mut given = given.into_iter();
    let released = given.next().unwrap().release(office.ledger().view(), office.now).unwrap();
    assert_eq!(released.share.digest(), consents[0].body.share);
    assert_eq!(released.witness.cosignature.head, office.history.head());
    assert_eq!(released.watcher.name(), &ana());
    // Dan's consent is not in it.
    let dan = given.next_back().unwrap().release(office.ledger().view(), office.now);
    assert_eq!(dan.err().unwrap().code(), "no-intent");

    // The kit remembers the end, too, and refuses a ledger without it.
    let before = office.ledger();
    let witnesses = vec![released.witness];
    office.append(Event::Cosigned { run: asked.run, witnesses: witnesses.clone() }).unwrap();
    assert_eq!(
        office.append(Event::Cosigned { run: asked.run, witnesses }),
        Err(Unlawful::NoIntent),
        "once"
    );
    office.append(Event::Opened { run: asked.run, check: Hex([1; 32]) }).unwrap();
    released.watcher.see(office.ledger().view()).unwrap();
    let error = office.kit(0).check(before.view(), office.now).unwrap_err();
    assert_eq!(error.code(), "ledger-shorter");
}

/// Erased: the run that k custodians approved is taken out of the ledger, which goes on without it.
/// Any two quorums share a custodian, whose kit refuses.
#[test]
fn an_erased_run_is_refused_by_each_kit_that_approved_it() {
    let mut office = Office::held();
    let before = office.ledger();
    run_of(&mut office, open_income(), &[0, 1, 2]);
    let mut fork = Office::like(&office, &before);
    let mut other = open_income();
    if let Action::Open { domain, .. } = &mut other {
        *domain = name("health");
    }
    let asked = fork.ask(other);
    for seat in 0..3 {
        let code = fork.refused(seat, &asked.proposal, fork.now).code();
        assert!(["ledger-shorter", "ledger-forked"].contains(&code), "{seat}: {code}");
    }
    // Those who did not take part cannot know; they are not enough.
    for seat in 3..5 {
        fork.consent(seat, &asked.proposal);
    }
    assert!(2 * fork.dealing.threshold.k() > fork.dealing.threshold.n());
}

// Quorums.

#[test]
fn k_consents_make_a_quorum() {
    let mut office = Office::held();
    for seats in [&[0, 1, 2][..], &[0, 3, 4], &[0, 1, 2, 3, 4]] {
        let (asked, consents) = office.approved(open_income(), seats);
        office.check(&asked, &consents).unwrap();
        let mut disordered = consents;
        disordered.swap(0, 1);
        assert_eq!(office.check(&asked, &disordered), Err(QuorumError::Order));
    }
}

#[test]
fn each_custodian_counts_once_and_k_are_needed() {
    let mut office = Office::held();
    let (asked, mut consents) = office.approved(open_income(), &[0, 1, 2]);
    consents.push(consents[2].clone());
    assert_eq!(
        office.check(&asked, &consents),
        Err(QuorumError::Twice { custodian: name("chloe") })
    );
    for seats in [&[0, 1][..], &[3], &[]] {
        let (asked, consents) = office.approved(open_income(), seats);
        assert_eq!(
            office.check(&asked, &consents),
            Err(QuorumError::TooFew { given: seats.len(), needed: 3 })
        );
        office.append(Event::Lapsed { run: asked.run, why: Lapse::Withdrawn, consents }).unwrap();
    }
}

/// One bad approval does not stop a run: the first valid one of each custodian counts, and each
/// other one is named, in whatever order they come.
#[test]
fn approvals_are_sorted_into_those_that_count_and_why_others_do_not() {
    let mut office = Office::held();
    let (_, stale) = office.approved(open_income(), &[1]);
    let (_, foreign) = Office::held().approved(open_income(), &[4]);
    let (asked, consents) = office.approved(open_income(), &[0, 2, 3]);
    let mut altered = consents[0].clone();
    altered.body.count += 1;
    let again = office.consent(3, &asked.proposal);
    assert!(again.is_by(&office.cards[3].body.signing) && again != consents[2]);
    let given =
        [&consents[2], &altered, &foreign[0], &consents[0], &again, &stale[0], &consents[1]];
    let given = given.map(Consent::clone).to_vec();
    let placed = office.state.placed(&asked.run, &office.history).unwrap();
    let sort = |given: Vec<Consent>| placed.sort_out(given, &office.dealing, |consent| consent);
    let (counted, set_aside) = sort(given.clone());
    assert_eq!(counted, consents);
    let reasons = [
        QuorumError::Signature { custodian: ana() },
        QuorumError::NotInRoster { custodian: name("eve") },
        QuorumError::Twice { custodian: name("dan") },
        QuorumError::OtherProposal { custodian: name("ben") },
    ];
    assert_eq!(set_aside, reasons);
    office.check(&asked, &consents).unwrap();
    let (counted, set_aside) = sort(given.into_iter().rev().collect());
    assert_eq!(counted, [&consents[0], &consents[1], &again].map(Consent::clone));
    assert_eq!(set_aside, [3, 1, 0, 2].map(|at| reasons[at].clone()));
}

#[test]
fn a_consent_to_another_question_does_not_count() {
    let mut office = Office::held();
    let (asked, mut consents) = office.approved(open_income(), &[0, 1, 2]);
    // Alike to the last parameter: only the run's number and key differ.
    let (_, others) = office.approved(open_income(), &[1]);
    consents[1] = others[0].clone();
    assert_eq!(
        office.check(&asked, &consents),
        Err(QuorumError::OtherProposal { custodian: name("ben") })
    );
}

/// The line of the question is what consents name: with any other value in it, it is another line.
#[test]
fn a_consent_binds_every_parameter() {
    let mut office = Office::held();
    let actions = [
        code_request(),
        open_income(),
        Action::NewKey {
            domain: name("income"),
            generation: Generation::FIRST.next(),
            reason: RenewalReason::Scheduled,
        },
        Action::Renew {
            domain: name("income"),
            from: Generation::FIRST,
            generation: Generation::FIRST.next(),
            purpose: name("wages"),
            inputs: code_request().inputs().to_vec(),
            recipient: None,
            keep_request: false,
            of: None,
        },
        Action::Extend { domain: name("income"), ends: "2028-01-01".parse().unwrap() },
        Action::Close { domain: name("income") },
        Action::Abandon { epoch: Epoch(2) },
    ];
    let (asked, consents) = office.approved(open_income(), &[0, 1, 2]);
    let placed = office.state.placed(&asked.run, &office.history).unwrap();
    placed.check_quorum(&consents, &office.dealing).unwrap();
    let mut bound = 0;
    for action in actions {
        let (question, _) = office.question(action);
        let leaf = |question: &Question| {
            let event = Event::Proposed { question: Box::new(question.clone()) };
            let id = office.dealing.service.id();
            leaf_hash(&canonical_json(&next_line(&office.history, id, noon(), noon(), event)))
        };
        let own = leaf(&question);
        for other in variations(&question) {
            assert_ne!(leaf(&other), own, "{other:?}");
            bound += 1;
        }
    }
    // Five values around each action, and those in them.
    assert!(bound > 7 * 5, "{bound}");
    // A consent that names another line, or another tree, does not count.
    let moved = Placed { leaf: Hex([0; 32]), ..placed };
    let other = QuorumError::OtherProposal { custodian: ana() };
    assert_eq!(moved.check_quorum(&consents, &office.dealing), Err(other));
    let head = Head { root: Hex([0; 32]), ..placed.head };
    let forked = Placed { head, ..placed };
    let cosignature = QuorumError::Cosignature { custodian: ana() };
    assert_eq!(forked.check_quorum(&consents, &office.dealing), Err(cosignature));
}

/// The question with each of its values changed in turn.
fn variations(question: &Question) -> Vec<Question> {
    fn leaves(value: &Value, path: String, paths: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                fields
                    .iter()
                    .for_each(|(key, value)| leaves(value, format!("{path}/{key}"), paths));
            }
            Value::Array(values) => {
                values
                    .iter()
                    .enumerate()
                    .for_each(|(at, value)| leaves(value, format!("{path}/{at}"), paths));
            }
            _ => paths.push(path),
        }
    }
    let json = serde_json::to_value(question).unwrap();
    let mut paths = Vec::new();
    leaves(&json, String::new(), &mut paths);
    // The words that choose a type have no other value with the same fields.
    paths.retain(|path| {
        !path.ends_with("/verb") && !path.ends_with("/kind/kind") && !path.ends_with("/suite")
    });
    let vary = |path: &String| {
        let mut json = json.clone();
        let field = json.pointer_mut(path).unwrap();
        *field = match (path.rsplit('/').next().unwrap_or_default(), &*field) {
            ("recipient", Value::Null) => "07".repeat(32).into(),
            ("of", Value::Null) => serde_json::json!([{"part": 1, "run": "00".repeat(16)}]),
            ("expires", _) => "2028-01-01T00:00:00Z".into(),
            ("ends", _) => "2029-01-01".into(),
            ("reason", _) => "doubt".into(),
            ("scheme", _) => "fi-hetu".into(),
            ("k", _) => 2.into(),
            ("n", _) => 6.into(),
            (_, Value::Bool(flag)) => (!flag).into(),
            (_, Value::Number(number)) => (number.as_u64().unwrap() + 1).into(),
            (_, Value::String(text)) => {
                let last = if text.ends_with('a') { 'b' } else { 'a' };
                format!("{}{last}", &text[..text.len() - 1]).into()
            }
            (field, value) => panic!("{field}: {value}"),
        };
        serde_json::from_value(json).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    paths.iter().map(vary).collect()
}

#[test]
fn a_consent_that_does_not_fit_is_refused_by_name() {
    let mut office = Office::held();
    let (asked, consents) = office.approved(open_income(), &[0, 1, 2]);
    let key = key_of(&office.path("ana"));
    let custodian = ana;
    // Ana's consent, altered and signed again as her kit would not.
    let by = |key: &SigningKey, change: &dyn Fn(&mut ConsentBody)| {
        let mut consents = consents.clone();
        let mut body = consents[0].body.clone();
        change(&mut body);
        consents[0] = Signed::new(body, key);
        office.check(&asked, &consents).unwrap_err()
    };
    let with = |change: &dyn Fn(&mut ConsentBody)| by(&key, change);

    assert_eq!(
        with(&|body| body.epoch = Epoch(2)),
        QuorumError::OtherEpoch { custodian: custodian() }
    );
    let moved = QuorumError::OtherProposal { custodian: custodian() };
    assert_eq!(with(&|body| body.question = Hex([0; 32])), moved);
    assert_eq!(with(&|body| body.format = 3), moved);
    assert_eq!(with(&|body| body.service = "office.aaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned()), moved);
    assert_eq!(
        with(&|body| body.card = Hex([0; 32])),
        QuorumError::NotInRoster { custodian: custodian() }
    );
    // She signs in ben's name.
    assert_eq!(
        with(&|body| body.by = name("ben")),
        QuorumError::NotInRoster { custodian: name("ben") }
    );
    let ben = office.cards[1].fingerprint();
    let as_ben = with(&|body| (body.by, body.card) = (name("ben"), ben));
    assert_eq!(as_ben, QuorumError::Signature { custodian: name("ben") });

    let service = office.dealing.service.id().to_owned();
    let other_head = QuorumError::Cosignature { custodian: custodian() };
    let first = office.history.head_at(1).unwrap();
    let cosigned = Cosignature::sign(&service, first, office.now, &key);
    assert_eq!(with(&|body| body.cosignature = cosigned), other_head);
    assert_eq!(with(&|body| body.cosignature.signature = Hex([0; 64])), other_head);
    assert_eq!(with(&|body| body.cosignature.time += 1.second()), other_head);

    // Dated after the question's expiry, or a day before it was asked: approvals are not kept for
    // another day.
    let head = consents[0].body.cosignature.head;
    let asked_at = office.now;
    let day = SignedDuration::from_hours(24);
    let outside = QuorumError::Date { custodian: custodian() };
    for time in [asked.expires, asked.expires + 1.hour(), asked_at - day - 1.second()] {
        let dated = Cosignature::sign(&service, head, time, &key);
        assert_eq!(with(&|body| body.cosignature = dated), outside, "{time}");
    }
    // The last and the first moment at which it may be dated.
    let clock = office.state.placed(&asked.run, &office.history).unwrap().clock;
    for time in [asked.expires - 1.second(), clock - day] {
        let (mut dated, mut body) = (consents.clone(), consents[0].body.clone());
        body.cosignature = Cosignature::sign(&service, head, time, &key);
        dated[0] = Signed::new(body, &key);
        office.check(&asked, &dated).unwrap();
    }

    // Signed by another key.
    let refused = by(&key_of(&office.path("dan")), &|_| ());
    assert_eq!(refused, QuorumError::Signature { custodian: custodian() });
}

#[test]
fn a_consent_altered_after_signing_is_refused_by_name() {
    let mut office = Office::held();
    let (asked, consents) = office.approved(open_income(), &[0, 1, 2]);
    let changes: [fn(&mut Consent); 8] = [
        |consent| consent.signature.0[0] ^= 1,
        |consent| consent.body.epoch = Epoch(2),
        |consent| consent.body.share.0[0] ^= 1,
        |consent| consent.body.question.0[0] ^= 1,
        |consent| consent.body.cosignature.signature.0[0] ^= 1,
        |consent| consent.body.cosignature.head.size += 1,
        |consent| consent.body.count += 1,
        |consent| consent.body.format = 3,
    ];
    for change in changes {
        let mut altered = consents.clone();
        change(&mut altered[0]);
        let signature = QuorumError::Signature { custodian: ana() };
        assert_eq!(office.check(&asked, &altered), Err(signature));
    }
}

#[test]
fn strangers_and_former_custodians_do_not_count() {
    let mut office = Office::held();
    // Epoch 2: eve has left, fay has come, and dan has made a new kit.
    let fay = kit(&office.path("fay"), "fay").card().clone();
    let dan = kit(&office.path("dan-2"), "dan").card().clone();
    let old = office.approved(open_income(), &[0, 3, 4]);
    let cards = office.draw_cards();
    let cards = [&cards[0], &cards[1], &cards[2], &dan, &fay].map(Card::clone);
    office.deal_again(&cards);
    let asked = office.ask(open_income());
    for (former, text) in [(3, "dan"), (4, "eve")] {
        let former = Kit::open(&office.path(text), None).unwrap_or_else(|_| panic!("{former}"));
        let error = former.attend(&asked.proposal, office.ledger().view(), office.now);
        let Err(KitError::NotInRoster { custodian }) = error else { panic!("{text} consented") };
        assert_eq!(custodian.as_str(), text);

        // Their kits refuse; so they sign by hand, with the share that they still have.
        let mut consents: Vec<Consent> =
            (0..2).map(|seat| office.consent(seat, &asked.proposal)).collect();
        let key = key_of(&office.path(text));
        let mut body = consents[0].body.clone();
        body.by = name(text);
        body.card = Kit::card_in(&office.path(text)).unwrap().fingerprint();
        let head = body.cosignature.head;
        body.cosignature = Cosignature::sign(&body.service, head, office.now, &key);
        consents.push(Signed::new(body, &key));
        assert_eq!(
            office.check(&asked, &consents),
            Err(QuorumError::NotInRoster { custodian: name(text) })
        );
    }
    // A question of the old epoch does not run in the new one.
    let (question, consents) = old;
    let intent = Event::Intent { run: question.run, consents, keys: Vec::new() };
    assert_eq!(office.append(intent), Err(Unlawful::Quorum(QuorumError::Epoch)));
}

// Rosters.

struct Person {
    key: SigningKey,
    body: CardBody,
}

impl Person {
    fn new(text: &str) -> Self {
        let key = new_key();
        let signing = Hex(key.verifying_key().to_bytes());
        let receiving = ReceivingKey::random().public();
        let (external, protected) = (false, true);
        let body =
            CardBody { format: FORMAT, name: name(text), external, protected, signing, receiving };
        Self { key, body }
    }

    fn card(&self) -> Card {
        Signed::new(self.body.clone(), &self.key)
    }
}

#[test]
fn a_roster_keeps_its_rules() {
    let check = |change: &dyn Fn(&mut Vec<Person>), demo| {
        let mut people: Vec<Person> = NAMES.into_iter().map(Person::new).collect();
        change(&mut people);
        let cards: Vec<Card> = people.iter().map(Person::card).collect();
        check_roster(&cards.iter().collect::<Vec<_>>(), Threshold::new(3, 5).unwrap(), demo)
    };
    assert_eq!(check(&|_| (), false), Ok(()));

    let external = |count: usize| {
        check(
            &|people| people[..count].iter_mut().for_each(|person| person.body.external = true),
            false,
        )
    };
    assert_eq!(external(2), Ok(()));
    for count in 3..=5 {
        assert_eq!(external(count), Err(RosterError::External { external: count, k: 3 }));
    }

    let unprotected = |people: &mut Vec<Person>| people[3].body.protected = false;
    assert_eq!(
        check(&unprotected, false),
        Err(RosterError::Unprotected { custodian: name("dan") })
    );
    assert_eq!(check(&unprotected, true), Ok(()));

    let twice = |text| Err(RosterError::Twice { custodian: name(text) });
    assert_eq!(check(&|people| people[4].body.name = ana(), true), twice("ana"));
    assert_eq!(
        check(&|people| people[4].body.receiving = people[1].body.receiving, true),
        twice("eve")
    );
    let same_signing = |people: &mut Vec<Person>| {
        people[4].body.signing = people[1].body.signing;
        people[4].key = people[1].key.clone();
    };
    assert_eq!(check(&same_signing, true), twice("eve"));

    let card = Err(RosterError::Card { custodian: name("ben") });
    assert_eq!(check(&|people| people[1].key = new_key(), true), card);
    assert_eq!(check(&|people| people[1].body.format = 3, true), card);

    // Two quorums must share a custodian.
    let half = Threshold::new(2, 4).unwrap();
    let people: Vec<Person> = NAMES[..4].iter().map(|text| Person::new(text)).collect();
    let cards: Vec<Card> = people.iter().map(Person::card).collect();
    let minority = RosterError::Minority { k: 2, n: 4 };
    assert_eq!(check_roster(&cards.iter().collect::<Vec<_>>(), half, true), Err(minority));

    for n in [0, 4, 6] {
        let count = Err(RosterError::Count { cards: n, n: 5 });
        let resize = |people: &mut Vec<Person>| {
            people.truncate(n);
            people.extend((people.len()..n).map(|at| Person::new(&format!("more-{at}"))));
        };
        assert_eq!(check(&resize, false), count);
    }
}

#[test]
fn a_dealing_is_checked_whole() {
    let office = Office::founded();
    office.dealing.check().unwrap();
    let with = |change: &dyn Fn(&mut Dealing)| {
        let mut dealing = office.dealing.clone();
        change(&mut dealing);
        dealing.check().unwrap_err()
    };
    assert_eq!(with(&|dealing| dealing.service.body.id.push('a')), RosterError::Service);
    assert_eq!(with(&|dealing| dealing.service.signature.0[3] ^= 1), RosterError::Service);
    let (thief, ben) = (new_key(), office.cards[1].clone());
    let other = ServiceCard::of(&name("office"), &thief);
    assert_ne!(other.id(), office.dealing.service.id());
    // Another service's key under this id.
    let stolen = Signed::new(
        cstatns::card::ServiceCardBody {
            id: office.dealing.service.id().to_owned(),
            ..other.body.clone()
        },
        &thief,
    );
    assert_eq!(with(&|dealing| dealing.service = stolen.clone()), RosterError::Service);
    assert_eq!(
        with(&|dealing| dealing.demo = false),
        RosterError::Unprotected { custodian: ana() }
    );
    assert_eq!(
        with(&|dealing| dealing.roster[0].card = ben.clone()),
        RosterError::Twice { custodian: name("ben") }
    );
    assert_eq!(
        with(&|dealing| dealing.roster[2].card.body.external = true),
        RosterError::Card { custodian: name("chloe") }
    );
    // Each of these is another dealing to whoever reads its words aloud.
    let words = spoken(&office.dealing.fingerprint());
    let mut changed = office.dealing.clone();
    changed.roster[4].commitment.0[31] ^= 1;
    assert_ne!(spoken(&changed.fingerprint()), words);
}

#[test]
fn a_fingerprint_is_spoken_in_eight_words() {
    let bytes: [u8; 32] = std::array::from_fn(|i| (i * 37 + 11) as u8);
    assert_eq!(spoken(&Hex(bytes)), "bosub-jijup-nuzah-vohav-gatim-lukof-sizos-dahuk");
    assert_eq!(spoken(&Hex([0; 32])), ["babab"; 8].join("-"));
    assert_eq!(spoken(&Hex([0xff; 32])), ["zuzuz"; 8].join("-"));
    for bit in 0..128 {
        let mut other = bytes;
        other[bit / 8] ^= 1 << (bit % 8);
        let words = spoken(&Hex(other));
        assert_ne!(words, spoken(&Hex(bytes)), "bit {bit}");
        let shape: String = words
            .chars()
            .map(|c| match c {
                '-' => '-',
                c if "aiou".contains(c) => 'v',
                c if "bdfghjklmnprstvz".contains(c) => 'c',
                c => panic!("{c}"),
            })
            .collect();
        assert_eq!(shape, ["cvcvc"; 8].join("-"));
    }
}

// Receipts and intents in the ledger.

fn receipt(office: &Office, text: &str, change: impl FnOnce(&mut ReceiptBody)) -> Receipt {
    let seat = NAMES.iter().position(|known| *known == text).unwrap();
    let key = key_of(&office.path(text));
    let service = office.dealing.service.id().to_owned();
    let statement =
        ReceiptStatement::ShareHeld { epoch: Epoch(1), dealing: office.dealing.fingerprint() };
    let cosignature = Cosignature::sign(&service, office.history.head(), office.now, &key);
    let mut body = ReceiptBody {
        format: FORMAT,
        suite: Suite::default(),
        service,
        by: name(text),
        card: office.cards[seat].fingerprint(),
        count: 1,
        cosignature,
        statement,
    };
    change(&mut body);
    Signed::new(body, &key)
}

#[test]
fn a_receipt_that_does_not_fit_is_refused_by_name() {
    let mut office = Office::founded();
    let check = |office: &Office, receipt: &Receipt| {
        office.state.check_receipt(receipt, office.now, &office.history)
    };
    let good = receipt(&office, "ana", |_| ());
    check(&office, &good).unwrap();

    let not_in_roster = |text| Err(Refusal::ReceiptNotInRoster { by: name(text) });
    let signature = Err(Refusal::ReceiptSignature { by: ana() });
    type Change = fn(&mut ReceiptBody);
    let cases: [(Change, Result<(), Refusal>); 10] = [
        (
            |body| body.service = "other.aaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(),
            Err(Refusal::ReceiptOtherService),
        ),
        (|body| body.by = name("stranger"), not_in_roster("stranger")),
        (|body| body.by = name("ben"), not_in_roster("ben")),
        (|body| body.card = Hex([0; 32]), not_in_roster("ana")),
        (|body| body.format = 3, signature.clone()),
        (
            |body| {
                body.statement =
                    ReceiptStatement::ShareHeld { epoch: Epoch(1), dealing: Hex([0; 32]) }
            },
            Err(Refusal::Receipt),
        ),
        (
            |body| body.statement = ReceiptStatement::ShareForgotten { epoch: Epoch(2) },
            not_in_roster("ana"),
        ),
        (
            |body| {
                body.statement = ReceiptStatement::FileDestroyed {
                    delivery: DeliveryId { run: Hex([0; 16]), part: 1 },
                }
            },
            not_in_roster("ana"),
        ),
        (|body| body.cosignature.head.size = 2, Err(Refusal::Receipt)),
        (|body| body.cosignature.signature.0[0] ^= 1, Err(Refusal::Receipt)),
    ];
    for (change, expected) in cases {
        let receipt = receipt(&office, "ana", change);
        assert_eq!(check(&office, &receipt), expected, "{:?}", receipt.body);
    }
    let forged = Signed::new(good.body.clone(), &key_of(&office.path("ben")));
    assert_eq!(check(&office, &forged), signature);

    office.append(Event::Received { receipt: good.clone() }).unwrap();
    assert_eq!(check(&office, &good), Err(Refusal::ReceiptKnown { by: ana() }));
    let again = office.append(Event::Received { receipt: good });
    assert_eq!(again, Err(Unlawful::Refused(Refusal::ReceiptKnown { by: ana() })));
}

#[test]
fn nothing_is_proposed_before_all_shares_are_held() {
    let mut office = Office::founded();
    for seat in 0..5 {
        let custodians = NAMES[seat..].iter().map(|text| name(text)).collect();
        let refused = office.state.allows(&open_income(), office.now);
        assert_eq!(refused, Err(Refusal::SharesMissing { custodians }));
        let receipt = office.accept(seat);
        let early = office.append(office.works());
        assert_eq!(early, Err(Unlawful::Epoch), "before {seat} receipts");
        office.append(Event::Received { receipt }).unwrap();
    }
    assert_eq!(office.state.allows(&open_income(), office.now), Err(Refusal::Unfinished));
    office.append(office.works()).unwrap();
    office.state.allows(&open_income(), office.now).unwrap();
    assert_eq!(office.append(office.works()), Err(Unlawful::Epoch), "it works already");
}

/// A statement that was seen once is not seen each year.
#[test]
fn a_yearly_check_is_dated_and_cannot_be_replayed() {
    let mut office = Office::held();
    let check = |office: &Office, receipt: &Receipt| {
        office.state.check_receipt(receipt, office.now, &office.history)
    };
    let first = office.kit(0).check(office.ledger().view(), office.now).unwrap();
    office.append(Event::Received { receipt: first.clone() }).unwrap();
    let signing = office.cards[0].body.signing;
    assert_eq!(office.state.statements()[&signing].witnessed, 7);
    assert_eq!(check(&office, &first), Err(Refusal::ReceiptKnown { by: ana() }));

    office.now += SignedDuration::from_hours(24 * 30);
    let second = office.kit(0).check(office.ledger().view(), office.now).unwrap();
    office.append(Event::Received { receipt: second.clone() }).unwrap();
    assert_eq!(check(&office, &first), Err(Refusal::ReceiptDate { by: ana() }));
    assert_eq!(check(&office, &second), Err(Refusal::ReceiptKnown { by: ana() }));

    // Nor is one taken that is dated years ahead: those after it would be refused.
    let service = office.dealing.service.id().to_owned();
    let dated = |hours: i64| {
        let time = office.now + SignedDuration::from_hours(hours);
        let key = key_of(&office.path("ana"));
        receipt(&office, "ana", |body| {
            body.statement = ReceiptStatement::CheckpointSeen {};
            body.cosignature = Cosignature::sign(&service, office.history.head(), time, &key);
            body.count = 9;
        })
    };
    check(&office, &dated(24)).unwrap();
    assert_eq!(check(&office, &dated(25)), Err(Refusal::ReceiptDate { by: ana() }));
    // Another one of the same second is not older than the last.
    let last = second.body.cosignature.time;
    let same = receipt(&office, "ana", |body| {
        body.statement = ReceiptStatement::CheckpointSeen {};
        let key = key_of(&office.path("ana"));
        body.cosignature = Cosignature::sign(&service, office.history.head(), last, &key);
        body.count = 9;
    });
    check(&office, &same).unwrap();
}

/// A count that was used before shows another copy of the kit, as a lower one does.
#[test]
fn a_count_that_is_not_higher_than_the_last_is_noted() {
    let mut office = Office::held();
    let service = office.dealing.service.id().to_owned();
    let mut noted = |count: u64| {
        let key = key_of(&office.path("ana"));
        let receipt = receipt(&office, "ana", |body| {
            body.statement = ReceiptStatement::CheckpointSeen {};
            body.cosignature = Cosignature::sign(&service, office.history.head(), office.now, &key);
            body.count = count;
        });
        office.append(Event::Received { receipt }).unwrap();
        office.state.repeated_counts().last() == Some(&office.history.size())
    };
    assert_eq!([5, 5, 4, 6].map(&mut noted), [false, true, true, false]);
}

/// A custodian's check confirms a clock that the service does not believe, if the two differ by a
/// day at most.
#[test]
fn a_check_of_the_day_confirms_the_clock() {
    let office = Office::held();
    let time = office.state.time();
    let day = SignedDuration::from_hours(24);
    assert_eq!(office.state.time_at(time + LONGEST_GAP), time + LONGEST_GAP);
    assert_eq!(office.state.time_at(time + LONGEST_GAP + 1.second()), time);
    assert!(!office.state.is_behind(time - day) && office.state.is_behind(time - day - 1.second()));

    let service = office.dealing.service.id().to_owned();
    let clock = time + LONGEST_GAP + day;
    let dated = |date: Timestamp, change: &dyn Fn(&mut ReceiptBody)| {
        let key = key_of(&office.path("ana"));
        let receipt = receipt(&office, "ana", |body| {
            body.statement = ReceiptStatement::CheckpointSeen {};
            body.cosignature = Cosignature::sign(&service, office.history.head(), date, &key);
            change(body);
        });
        office.state.time_of(clock, &Event::Received { receipt })
    };
    let as_it_is: &dyn Fn(&mut ReceiptBody) = &|_| ();
    for date in [clock - day, clock, clock + day] {
        assert_eq!(dated(date, as_it_is), clock, "{date}");
    }
    for date in [clock - day - 1.second(), clock + day + 1.second()] {
        assert_eq!(dated(date, as_it_is), time, "{date}");
    }
    // Neither a statement about a share nor one of a stranger says what day it is.
    let forgets = |body: &mut ReceiptBody| {
        body.statement = ReceiptStatement::ShareForgotten { epoch: Epoch(1) };
    };
    assert_eq!(dated(clock, &forgets), time);
    assert_eq!(dated(clock, &|body| body.card = Hex([0; 32])), time);
}

#[test]
fn a_run_begins_once() {
    let mut office = Office::held();
    let intent = office.intent(open_income(), &[0, 1, 2]);
    let Event::Intent { run, .. } = intent else { unreachable!() };
    office.append(intent.clone()).unwrap();
    let gone = Err(Unlawful::Refused(Refusal::NoQuestion));
    assert_eq!(office.append(intent.clone()), gone);
    office.append(Event::Failed { run, code: name("disk-full") }).unwrap();
    // Nothing came of it, and yet its approvals are spent.
    assert_eq!(office.append(intent), gone);
    let anew = office.intent(open_income(), &[0, 1, 2]);
    office.append(anew).unwrap();
}

#[test]
fn a_question_is_asked_once_and_for_a_day_at_most() {
    let mut office = Office::held();
    let (question, _) = office.question(open_income());
    let proposed = |change: &dyn Fn(&mut Question)| {
        let mut question = question.clone();
        change(&mut question);
        Event::Proposed { question: Box::new(question) }
    };
    let clock = office.now + 1.second();
    type Change<'a> = &'a dyn Fn(&mut Question);
    let refused: [(Change<'_>, Unlawful); 7] = [
        (&|q| q.format = 3, Unlawful::Question),
        (&|q| q.service = "office.aaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(), Unlawful::Question),
        (&|q| q.epoch = Epoch(2), QuorumError::Epoch.into()),
        (&|q| q.expires = clock, QuorumError::Expired.into()),
        (&|q| q.expires = clock + LONGEST_WAIT + 1.second(), QuorumError::Wait.into()),
        (&|q| q.action = code_request(), Refusal::UnknownDomain.into()),
        (&|q| q.action = Action::Close { domain: name("income") }, Refusal::UnknownDomain.into()),
    ];
    for (change, expected) in refused {
        assert_eq!(office.append_at(proposed(change), clock), Err(expected));
    }
    office.append_at(proposed(&|q| q.expires = clock + LONGEST_WAIT), clock).unwrap();
    let again = office.append(proposed(&|_| ()));
    assert_eq!(again, Err(Unlawful::Refused(Refusal::Replayed)));
}

#[test]
fn sixteen_questions_are_open_at_most_and_an_expired_one_blocks_the_next() {
    let mut office = Office::held();
    let asked: Vec<Asked> = (0..MOST_OPEN).map(|_| office.ask(open_income())).collect();
    let (question, _) = office.question(open_income());
    let proposed = Event::Proposed { question: Box::new(question) };
    let many = Err(Unlawful::Refused(Refusal::TooManyQuestions));
    assert_eq!(office.append(proposed.clone()), many);
    let consents: Vec<Consent> =
        (0..3).map(|seat| office.consent(seat, &asked[15].proposal)).collect();
    let intent = Event::Intent { run: asked[15].run, consents, keys: Vec::new() };

    // The first one is past its expiry: nothing is asked and nothing runs before it is recorded how
    // it ended, by the clock and not by the service's time.
    let lapsed = |why| Event::Lapsed { run: asked[0].run, why, consents: vec![] };
    let early = office.append(lapsed(Lapse::Expired));
    assert_eq!(early, Err(Unlawful::NotExpired));
    let late = asked[0].expires;
    let blocked = Err(Unlawful::Refused(Refusal::QuestionExpired));
    assert_eq!(office.append_at(intent.clone(), late), blocked);
    assert_eq!(office.append_at(proposed, late), blocked);
    office.append_at(lapsed(Lapse::Expired), late).unwrap();
    assert_eq!(office.append_at(lapsed(Lapse::Expired), late), Err(Refusal::NoQuestion.into()));
    office.append_at(intent, late).unwrap();
}

#[test]
fn an_intent_that_its_consents_do_not_carry_is_unlawful() {
    let mut office = Office::held();
    let Event::Intent { run, consents, keys } = office.intent(open_income(), &[0, 1, 2]) else {
        unreachable!()
    };
    let intent = |consents: &[Consent], keys: &[KeyRef]| Event::Intent {
        run,
        consents: consents.to_vec(),
        keys: keys.to_vec(),
    };
    let too_few = QuorumError::TooFew { given: 2, needed: 3 };
    assert_eq!(office.append(intent(&consents[..2], &keys)), Err(too_few.into()));
    let key = KeyRef { domain: name("income"), generation: Generation::FIRST };
    assert_eq!(office.append(intent(&consents, &[key])), Err(Unlawful::Keys));
    let unknown = Event::Intent { run: Hex([9; 16]), consents: consents.clone(), keys: vec![] };
    assert_eq!(office.append(unknown), Err(Refusal::NoQuestion.into()));

    // Another question, asked meanwhile, takes them no more than this one takes another's.
    let (other, _) = office.approved(open_income(), &[]);
    let swapped = Event::Intent { run: other.run, consents: consents.clone(), keys: vec![] };
    let refused = QuorumError::OtherProposal { custodian: ana() };
    assert_eq!(office.append(swapped), Err(refused.into()));
    office.append(intent(&consents, &keys)).unwrap();
}

/// What is allowed is asked again when the run begins, and a doubt in between needs a new question.
#[test]
fn a_question_waits_for_a_ledger_that_still_allows_it() {
    let mut office = Office::held();
    let intent = office.intent(open_income(), &[0, 1, 2]);
    run_of(&mut office, open_income(), &[0, 3, 4]);
    assert_eq!(office.append(intent), Err(Refusal::DomainExists.into()));

    let intent = office.intent(code_request(), &[0, 1, 2]);
    let about = Doubted::Key { domain: name("income"), generation: Generation::FIRST };
    let doubt = office.kit(3).doubt(about, office.ledger().view(), office.now).unwrap();
    office.append(Event::Doubted { doubt }).unwrap();
    assert_eq!(office.append(intent), Err(Refusal::DoubtSince.into()));
}

/// R10 stops at one person's word; a quorum can answer without a new key, and answers no doubt that
/// came later.
#[test]
fn a_quorum_closes_the_doubts_that_it_was_shown() {
    let mut office = Office::held();
    run_of(&mut office, open_income(), &[0, 1, 2]);
    let doubt = |office: &mut Office, seat: usize, about: Doubted| {
        let doubt = office.kit(seat).doubt(about, office.ledger().view(), office.now).unwrap();
        office.append(Event::Doubted { doubt }).unwrap();
    };
    let key = || Doubted::Key { domain: name("income"), generation: Generation::FIRST };
    let custody = || Doubted::Custody { epoch: Epoch(1) };
    let about =
        |domain: Option<&str>, doubts| Action::Examined { domain: domain.map(name), doubts };
    let standing = |office: &Office, domain: Option<&str>| {
        office.state.doubts_about(domain.map(name).as_ref())
    };
    let none = Err(Refusal::NoDoubt);
    assert_eq!(office.state.allows(&about(Some("income"), vec![]), office.now), none);

    doubt(&mut office, 0, key());
    doubt(&mut office, 1, custody());
    let (of_key, of_custody) = (standing(&office, Some("income")), standing(&office, None));
    assert_eq!((of_key.len(), of_custody.len()), (1, 1));
    for odd in [
        about(None, of_key.clone()),
        about(Some("income"), of_custody.clone()),
        about(Some("income"), [of_key.clone(), of_key.clone()].concat()),
        about(Some("income"), vec![Hex([0; 32])]),
    ] {
        assert_eq!(office.state.allows(&odd, office.now), none, "{odd}");
    }
    let codable = |office: &Office| office.state.allows(&code_request(), office.now).is_ok();
    run(&mut office, about(Some("income"), of_key.clone()), |run| Event::Examined { run });
    assert!(!codable(&office), "the doubt about the custody stands");
    let intent = office.intent(about(None, of_custody), &[0, 1, 2]);
    let Event::Intent { run, .. } = intent else { unreachable!() };
    office.append(intent).unwrap();
    office.append(Event::Examined { run }).unwrap();
    assert!(codable(&office));
    office.state.allows(&open_health(), office.now).unwrap();
    assert_eq!(office.state.allows(&about(Some("income"), of_key), office.now), none);

    // The same custodian may doubt again. A doubt that comes after the question is not closed with
    // it: the custodians are asked again.
    doubt(&mut office, 0, key());
    let intent =
        office.intent(about(Some("income"), standing(&office, Some("income"))), &[0, 1, 2]);
    doubt(&mut office, 3, key());
    assert_eq!(office.append(intent), Err(Refusal::DoubtSince.into()));
    assert!(!codable(&office));
}

#[test]
fn cosignatures_of_an_intent_are_of_that_intent_and_of_those_who_consented() {
    let mut office = Office::held();
    let intent = office.intent(open_income(), &[0, 1, 2]);
    let Event::Intent { run, .. } = intent else { unreachable!() };
    let before = office.history.head();
    office.append(intent).unwrap();
    let head = office.history.head();
    let service = office.dealing.service.id().to_owned();
    let (now, directory) = (office.now, office.directory.clone());
    let witness = |text: &str, head, key: &str| LineWitness {
        by: name(text),
        cosignature: Cosignature::sign(&service, head, now, &key_of(&directory.path().join(key))),
    };
    let good = |text: &str| witness(text, head, text);
    let cases = [
        (vec![], Unlawful::Witnesses),
        (vec![good("ben"), good("ana")], Unlawful::Witnesses),
        (vec![good("ana"), good("ana")], Unlawful::Witnesses),
        (vec![good("dan")], Unlawful::Witnesses),
        (vec![witness("ana", before, "ana")], QuorumError::Cosignature { custodian: ana() }.into()),
        (vec![witness("ana", head, "ben")], QuorumError::Cosignature { custodian: ana() }.into()),
    ];
    for (witnesses, expected) in cases {
        assert_eq!(office.append(Event::Cosigned { run, witnesses }), Err(expected));
    }
    let witnesses = vec![good("ana"), good("chloe")];
    office.append(Event::Cosigned { run, witnesses }).unwrap();
    assert_eq!(office.state.witnessed(), head.size);
    // Those alone are named whose share was handed over, once.
    let unopened = |names: &[&str]| {
        let shares = names.iter().copied().map(name).collect();
        Event::Unopened { run, shares }
    };
    for bad in [&[][..], &["dan"], &["chloe", "ana"], &["chloe", "chloe"]] {
        assert_eq!(office.append(unopened(bad)), Err(Unlawful::Witnesses), "{bad:?}");
    }
    office.append(unopened(&["ana", "chloe"])).unwrap();
    let recorded: Vec<&str> =
        office.state.unopened_shares().iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(recorded, ["ana", "chloe"]);
    assert_eq!(office.append(unopened(&["ana"])), Err(Unlawful::NoIntent));
    office.append(Event::Failed { run, code: name("share-altered") }).unwrap();
    assert_eq!(office.append(unopened(&["ana"])), Err(Unlawful::NoIntent));
}

#[test]
fn a_minimum_batch_can_be_met() {
    let office = Office::held();
    let kind = Kind::Statistics { cryptoperiod_years: 5 };
    let with = |minimum_batch| {
        let open =
            Action::Open { domain: name("income"), kind, minimum_batch, authorisation: None };
        office.state.allows(&open, office.now)
    };
    // One, in a demonstration; more than are counted would never be met.
    for (minimum, allowed) in
        [(0, false), (1, true), (LARGEST_MINIMUM_BATCH, true), (u32::MAX, false)]
    {
        assert_eq!(with(minimum).is_ok(), allowed, "{minimum}");
    }
    assert_eq!(with(LARGEST_MINIMUM_BATCH + 1), Err(Refusal::MinimumBatch));
}

/// Two names whose tags are one, found by trial.
#[test]
fn a_domain_with_the_tag_of_another_is_refused() {
    let mut office = Office::held();
    let tag = |text: &str| Tag::of(office.dealing.service.id(), &name(text));
    let mut seen = std::collections::HashMap::new();
    let (one, other) = (0..)
        .find_map(|number| {
            let text = format!("cohort-{number}");
            seen.insert(tag(&text).to_string(), text.clone()).map(|one| (one, text))
        })
        .unwrap();
    let open = |text: &str| {
        let kind = Kind::Statistics { cryptoperiod_years: 5 };
        Action::Open { domain: name(text), kind, minimum_batch: 11, authorisation: None }
    };
    run(&mut office, open(&one), |run| Event::Opened { run, check: Hex([1; 32]) });
    let taken = Refusal::TagTaken { other: name(&one) };
    assert_eq!(office.state.allows(&open(&other), office.now), Err(taken));
}

/// R12: one generation of a project's key does not serve for more than ten years.
#[test]
fn a_projects_key_serves_ten_years_at_most() {
    let mut office = Office::held();
    let open = |ends: &str| {
        let kind = Kind::Research { ends: ends.parse().unwrap() };
        Action::Open { domain: name("cohort"), kind, minimum_batch: 11, authorisation: None }
    };
    let too_far = |latest: &str| Err(Refusal::EndTooFar { latest: latest.parse().unwrap() });
    assert_eq!(office.state.allows(&open("2037-03-02"), office.now), too_far("2037-03-01"));
    run(&mut office, open("2037-03-01"), |run| Event::Opened { run, check: Hex([1; 32]) });
    office.now += SignedDuration::from_hours(24 * 365);
    let extend =
        |ends: &str| Action::Extend { domain: name("cohort"), ends: ends.parse().unwrap() };
    // From the key's making, not from now; with a new key there is room again.
    assert_eq!(office.state.allows(&extend("2037-03-02"), office.now), too_far("2037-03-01"));
    office.append(Event::ExpiryChecked {}).unwrap();
    let reason = RenewalReason::Scheduled;
    let (domain, generation) = (name("cohort"), Generation::FIRST.next());
    run(&mut office, Action::NewKey { domain, generation, reason }, |run| Event::KeyMade {
        run,
        check: Hex([2; 32]),
    });
    office.state.allows(&extend("2037-03-02"), office.now).unwrap();
}

/// A project cannot be opened once its last day is over, and lives to the end of that day.
#[test]
fn a_project_ends_after_its_last_day() {
    let mut office = Office::held();
    let kind = Kind::Research { ends: "2027-03-05".parse().unwrap() };
    let open =
        Action::Open { domain: name("cohort"), kind, minimum_batch: 11, authorisation: None };
    let over: Timestamp = "2027-03-06T00:00:00Z".parse().unwrap();
    assert_eq!(office.state.allows(&open, over), Err(Refusal::EndInThePast));
    office.state.allows(&open, over - 1.second()).unwrap();
    run(&mut office, open, |run| Event::Opened { run, check: Hex([1; 32]) });
    let extend =
        |ends: &str| Action::Extend { domain: name("cohort"), ends: ends.parse().unwrap() };
    for (ends, expected) in [
        ("2027-03-04", Err(Refusal::EndNotLater)),
        ("2027-03-05", Err(Refusal::EndNotLater)),
        ("2027-03-06", Ok(())),
    ] {
        assert_eq!(office.state.allows(&extend(ends), office.now), expected, "{ends}");
    }
    let last = over - 1.second();
    office.append_at(Event::ExpiryChecked {}, last).unwrap();
    let ended = || Event::Ended { domain: name("cohort") };
    assert_eq!(office.append_at(ended(), last), Err(Unlawful::NotEnded));
    office.append_at(ended(), over).unwrap();
    assert_eq!(office.append_at(ended(), over + 1.second()), Err(Unlawful::NotEnded), "twice");
    // Its key goes a day later, and not a second before.
    let gone = || Event::Destroyed {
        what: Destroyed::Keys { domain: name("cohort") },
        how: Means::Overwritten,
    };
    let day_after = over + SignedDuration::from_hours(24);
    assert_eq!(office.append_at(gone(), day_after - 1.second()), Err(Unlawful::NotEnded));
    office.append_at(gone(), day_after).unwrap();
    assert_eq!(office.append_at(gone(), day_after), Err(Unlawful::NotEnded), "twice");
    assert_eq!(office.append_at(ended(), day_after), Err(Unlawful::NotEnded), "destroyed");
}

/// Appends the question and the intent of a run, and the event that ends it.
fn run(office: &mut Office, action: Action, end: impl FnOnce(Hex<16>) -> Event) {
    let intent = office.intent(action, &[0, 1, 2]);
    let Event::Intent { run, .. } = intent else { unreachable!() };
    office.append(intent).unwrap();
    office.append(end(run)).unwrap();
}

/// A run of these seats, which opens its domain.
fn run_of(office: &mut Office, action: Action, seats: &[usize]) {
    let intent = office.intent(action, seats);
    let Event::Intent { run, .. } = intent else { unreachable!() };
    office.append(intent).unwrap();
    office.append(Event::Opened { run, check: Hex([1; 32]) }).unwrap();
}

#[test]
fn a_second_dealing_works_once_its_shares_are_held() {
    let mut office = Office::held();
    run(&mut office, open_income(), |run| Event::Opened { run, check: Hex([1; 32]) });

    // One custodian doubts the custody: new keys wait for a dealing after it, and so does whatever
    // would be put under its root.
    let about = Doubted::Custody { epoch: Epoch(1) };
    let doubt = office.kit(0).doubt(about, office.ledger().view(), office.now).unwrap();
    office.append(Event::Doubted { doubt: doubt.clone() }).unwrap();
    let next_key = Action::NewKey {
        domain: name("income"),
        generation: Generation::FIRST.next(),
        reason: RenewalReason::Doubt,
    };
    let research = Action::Open {
        domain: name("cohort"),
        kind: Kind::Research { ends: "2030-01-01".parse().unwrap() },
        minimum_batch: 11,
        authorisation: None,
    };
    for waits in [&next_key, &research, &open_health()] {
        assert_eq!(office.state.allows(waits, office.now), Err(Refusal::CustodyDoubted));
    }
    let compromised = Refusal::Compromised { generation: Generation::FIRST };
    assert_eq!(office.state.allows(&code_request(), office.now), Err(compromised));

    // Fay takes ana's place. A dealing to others, of another epoch or with another threshold is not
    // the approved one.
    let fay = kit(&office.path("fay"), "fay").card().clone();
    let cards: Vec<Card> = office.draw_cards().into_iter().skip(1).chain([fay]).collect();
    let (dealing, files) = deal(&office.key, 2, 3, &cards);
    let former = office.cards.clone();
    let action = office.dealing_of(&dealing);
    let none = office.dealt(&dealing);
    assert_eq!(office.append(none), Err(Unlawful::NoIntent));
    let intent = office.intent(action, &[0, 1, 2]);
    office.append(intent).unwrap();
    for (other, _) in [
        deal(&office.key, 2, 3, &former),
        deal(&office.key, 1, 3, &cards),
        deal(&office.key, 3, 3, &cards),
        deal(&office.key, 2, 4, &cards),
        deal(&new_key(), 2, 3, &cards),
    ] {
        let other = office.dealt(&other);
        assert_eq!(office.append(other), Err(Unlawful::Dealing));
    }
    let keyless = Event::Dealt {
        dealing: Box::new(dealing.clone()),
        keys: Vec::new(),
        request_keys: Vec::new(),
    };
    assert_eq!(office.append(keyless), Err(Unlawful::Keys));
    let dealt = office.dealt(&dealing);
    office.append(dealt).unwrap();

    // Until it is recorded that the new epoch works, the former one does.
    let before = office.dealing.clone();
    (office.dealing, office.files, office.cards) = (dealing, files, cards);
    for seat in 0..5 {
        assert_eq!(office.state.working_dealing().unwrap(), &before, "{seat} receipts");
        let receipt = office.accept(seat);
        office.append(Event::Received { receipt }).unwrap();
    }
    // From the last receipt on the former custodians decide nothing, and the keys that live are
    // named.
    assert_eq!(office.state.working_dealing().unwrap(), &before);
    assert_eq!(office.state.allows(&next_key, office.now), Err(Refusal::Unfinished));
    let Event::EpochWorking { epoch, keys } = office.works() else { unreachable!() };
    assert_eq!((epoch.0, keys.len()), (2, 1));
    let none = Event::EpochWorking { epoch, keys: Vec::new() };
    assert_eq!(office.append(none), Err(Unlawful::Keys));
    let first = Event::EpochWorking { epoch: Epoch(1), keys: keys.clone() };
    assert_eq!(office.append(first), Err(Unlawful::Epoch));
    office.append(Event::EpochWorking { epoch, keys }).unwrap();
    assert_eq!(office.state.working_dealing().unwrap(), &office.dealing);
    // What the former root opens is to be destroyed before anything else.
    assert_eq!(office.state.allows(&research, office.now), Err(Refusal::Unfinished));
    let what = Destroyed::Seals { epoch: Epoch(1) };
    assert_eq!(office.state.owed(), Some(&what));
    let how = Means::Overwritten;
    let other = Event::Destroyed { what: Destroyed::Seals { epoch: Epoch(2) }, how };
    assert_eq!(office.append(other), Err(Unlawful::NotOwed));
    office.append(Event::Destroyed { what, how }).unwrap();
    // The dealing answered the doubt; the same statement is not recorded twice.
    let again = office.append(Event::Doubted { doubt });
    assert_eq!(again, Err(Refusal::AlreadyDoubted.into()));
    office.state.allows(&research, office.now).unwrap();
    // A new key is not the former one again.
    let intent = office.intent(next_key, &[0, 1, 2]);
    let Event::Intent { run, .. } = intent else { unreachable!() };
    office.append(intent).unwrap();
    assert_eq!(office.append(Event::KeyMade { run, check: Hex([1; 32]) }), Err(Unlawful::Keys));
    office.append(Event::KeyMade { run, check: Hex([2; 32]) }).unwrap();
    let domain = office.state.domain(&name("income")).unwrap();
    let epochs: Vec<Epoch> = domain.keys.values().map(|key| key.epoch).collect();
    assert_eq!(epochs, [Epoch(1), Epoch(2)]);

    // Ana has left: she doubts the custody of her own epoch, which stops nothing, and no key.
    let anas = |about| DoubtBody {
        format: FORMAT,
        suite: Suite::default(),
        service: office.dealing.service.id().to_owned(),
        by: ana(),
        card: former[0].fingerprint(),
        count: 20,
        about,
        cosignature: Cosignature::sign(
            office.dealing.service.id(),
            office.history.head(),
            office.now,
            &key_of(&office.path("ana")),
        ),
    };
    let key = key_of(&office.path("ana"));
    let generation = Generation::FIRST.next();
    let about_key = anas(Doubted::Key { domain: name("income"), generation });
    let about_new = anas(Doubted::Custody { epoch: Epoch(2) });
    for body in [about_key, about_new] {
        let doubt = Signed::new(body, &key);
        let stranger = Refusal::ReceiptNotInRoster { by: ana() };
        assert_eq!(office.append(Event::Doubted { doubt }), Err(stranger.into()));
    }
    // Shares of the former epoch are stated destroyed, by their holders.
    let receipt = office.kit(0).forget(Epoch(1), office.ledger().view(), office.now).unwrap();
    office.append(Event::Received { receipt }).unwrap();
    assert_eq!(
        office.state.epochs()[&Epoch(1)].forgotten.iter().collect::<Vec<_>>(),
        [&name("ben")]
    );
}

/// A share is destroyed once a later dealing works, and nothing is left of it.
#[test]
fn a_share_that_is_forgotten_leaves_no_copy() {
    let mut office = Office::held();
    let mut ana = office.kit(0);
    let share = office.path("ana").join("share-1");
    let mut forget = |office: &Office| {
        let receipt = ana.forget(Epoch(1), office.ledger().view(), office.now);
        receipt.map_err(|error| error.code())
    };
    assert_eq!(forget(&office).unwrap_err(), "share-in-use");
    assert!(share.exists());
    office.deal_again(&office.draw_cards());
    // Its kit was used meanwhile.
    let mut ana = office.kit(0);
    let in_use = ana.forget(Epoch(2), office.ledger().view(), office.now).unwrap_err();
    assert_eq!(in_use.code(), "share-in-use");
    let key = key_file(&office, "ana", &office.cards[0]);
    let newest = key_file(&office, "ana", ana.card());
    let (left, left_key) =
        (files::temporary_path(&share, &[7; 16]), files::temporary_path(&key, &[7; 16]));
    fs::copy(&share, &left).unwrap();
    fs::copy(&key, &left_key).unwrap();
    // Who has a file open sees what becomes of it.
    let open = [&share, &key].map(|path| fs::File::open(path).unwrap());
    let receipt = ana.forget(Epoch(1), office.ledger().view(), office.now).unwrap();
    for gone in [&share, &key, &left, &left_key] {
        assert!(!gone.exists(), "{gone:?}");
    }
    assert!(open.iter().all(|file| file.metadata().unwrap().len() == 0));
    assert!(office.path("ana").join("share-2").exists() && newest.exists());
    assert_eq!(receipt.body.card, office.cards[0].fingerprint());
    // Repeated, it gives the receipt; and nothing opens that share any more.
    assert_eq!(ana.forget(Epoch(1), office.ledger().view(), office.now).unwrap(), receipt);
    let (_, former) = deal(&office.key, 1, 3, &office.cards);
    let refused = ana.accept(&former[0], office.ledger().view(), office.now).unwrap_err();
    let own = KitError::Forgotten { custodian: name("ana"), epoch: Epoch(1) };
    assert_eq!(refused.to_string(), own.to_string());
    // Until the service has it, the kit says so.
    let missing = |office: &Office| {
        let remarks = office.kit(0).remarks(office.ledger().view()).unwrap();
        let forgotten = ReceiptStatement::ShareForgotten { epoch: Epoch(1) };
        remarks.iter().any(|remark| {
            matches!(remark, Remark::ReceiptMissing { statement, .. } if *statement == forgotten)
        })
    };
    assert!(missing(&office));
    // Also when it has given another one since, which the service has.
    office.now += 1.second();
    let check = office.kit(0).check(office.ledger().view(), office.now).unwrap();
    office.append(Event::Received { receipt: check }).unwrap();
    assert!(missing(&office));
    // The former one comes too late; it is given anew.
    let late = Err(Refusal::ReceiptDate { by: name("ana") }.into());
    assert_eq!(office.append(Event::Received { receipt: receipt.clone() }), late);
    let anew = office.kit(0).forget(Epoch(1), office.ledger().view(), office.now).unwrap();
    assert_ne!(anew, receipt);
    office.append(Event::Received { receipt: anew }).unwrap();
    assert!(!missing(&office));
}

/// Stopped or failed anywhere, forgetting is repeated and gives its receipt; and no secret of the
/// epoch is left behind it.
#[test]
fn what_was_being_forgotten_is_forgotten_when_it_is_repeated() {
    let mut office = Office::held();
    let former = (office.cards[0].clone(), office.files[0].clone());
    office.deal_again(&office.draw_cards());
    let key = key_file(&office, "ana", &former.0);
    let (ledger, now, ana) = (office.ledger(), office.now, office.path("ana"));
    let forget =
        |epoch: u32| Kit::open(&ana, None).unwrap().forget(Epoch(epoch), ledger.view(), now);
    copy_kit(&office, "ana", "whole");
    let steps = faults::trace(&ana, || forget(1).unwrap()).len();
    let mut seen = [0; 3];
    for step in 0..2 * steps {
        copy_kit(&office, "whole", "ana");
        match step % 2 {
            0 => drop(faults::stop_after(&ana, step / 2, || forget(1))),
            _ => drop(faults::fail_at(&ana, step / 2, std::io::ErrorKind::Other, || forget(1))),
        }
        let left = [&key, &ana.join("share-1")].map(|path| path.exists());
        seen[left.iter().filter(|left| **left).count()] += 1;
        // In between, nothing accepts the share again without its key.
        if !key.exists() {
            let error = Kit::open(&ana, None).unwrap().accept(&former.1, ledger.view(), now);
            let code = error.unwrap_err().code();
            assert!(["card-not-held", "share-forgotten"].contains(&code), "{step}: {code}");
        }
        let receipt = forget(1).unwrap();
        office.state.check_receipt(&receipt, now, &office.history).unwrap();
        let names = |path: &Path| {
            let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name());
            entries.collect::<std::collections::BTreeSet<_>>()
        };
        let mut expected = names(&office.path("whole"));
        expected.remove(key.file_name().unwrap());
        expected.remove(std::ffi::OsStr::new("share-1"));
        assert_eq!(names(&ana), expected, "{step}");
        Kit::open(&ana, None).unwrap().check(ledger.view(), now).unwrap();
    }
    assert!(seen.iter().all(|count| *count > 1), "{seen:?}");
}

/// Where a kit keeps a card with its receiving key.
fn key_file(office: &Office, text: &str, card: &Card) -> PathBuf {
    let words: Vec<String> =
        spoken(&card.fingerprint()).split('-').take(2).map(str::to_owned).collect();
    office.path(text).join(format!("card-{}.key", words.join("-")))
}

/// A kit has a card for each dealing; whoever it is of is its signing key.
#[test]
fn a_kit_draws_cards_and_acts_with_the_one_that_sits_in_the_dealing() {
    let mut office = Office::held();
    copy_kit(&office, "ana", "backup");
    let [ana, ben] = [0, 1].map(|seat| office.cards[seat].clone());
    let cards = office.draw_cards();
    let newer = office.kit(0).draw_card().unwrap().clone();
    for (card, known) in [(&cards[0], &ana), (&newer, &cards[0])] {
        assert!(card.is_sound() && card.body.receiving != known.body.receiving);
        let (body, before) = (&card.body, &known.body);
        assert_eq!((&body.name, body.signing), (&before.name, before.signing));
        assert_eq!((body.external, body.protected), (before.external, before.protected));
        let path = key_file(&office, "ana", card);
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(*office.kit(0).card(), newer);
    assert!(key_file(&office, "ana", &ana).exists());

    // Until the next dealing works, consents and checks are by the former card, which works; a
    // doubt is by the newest that was dealt to.
    let (_, files) = office.deal_to(&cards);
    let asked = office.ask(Action::Abandon { epoch: Epoch(2) });
    let consent = office.consent(0, &asked.proposal);
    assert_eq!(consent.body.card, ana.fingerprint());
    let check = office.kit(0).check(office.ledger().view(), office.now).unwrap();
    assert_eq!(check.body.card, ana.fingerprint());
    office.state.check_receipt(&check, office.now, &office.history).unwrap();
    let about = Doubted::Custody { epoch: Epoch(1) };
    let doubt = office.kit(0).doubt(about.clone(), office.ledger().view(), office.now).unwrap();
    assert_eq!(doubt.body.card, cards[0].fingerprint());
    office.append(Event::Doubted { doubt }).unwrap();
    // The same custodian doubts the same once, with whatever card.
    let again = office.kit(0).doubt(about, office.ledger().view(), office.now).unwrap_err();
    assert_eq!(again.code(), "already-doubted");

    // A share of each epoch is kept, and opens with the card that it was dealt to.
    let share = files[0].clone();
    let held = office.kit(0).accept(&share, office.ledger().view(), office.now).unwrap();
    let held: Receipt = serde_json::from_slice(&fs::read(held).unwrap()).unwrap();
    assert_eq!(held.body.card, cards[0].fingerprint());
    office.append(Event::Received { receipt: held }).unwrap();
    office.kit(0).check(office.ledger().view(), office.now).unwrap();

    // A copy that was made before the card was drawn says so by name, and doubts all the same.
    let backup = || Kit::open(&office.path("backup"), None).unwrap();
    let error = backup().accept(&share, office.ledger().view(), office.now).unwrap_err();
    assert!(
        matches!(&error, KitError::CardNotHeld { custodian, epoch: Epoch(2) } if *custodian == self::ana())
    );
    assert!(!office.path("backup/share-2").exists());
    let about = Doubted::Custody { epoch: Epoch(2) };
    backup().doubt(about, office.ledger().view(), office.now).unwrap();

    // Who is no custodian by their key is not one by their name.
    let stranger = kit(&office.path("stranger"), "ben");
    let error = { stranger }.accept(&files[1], office.ledger().view(), office.now).unwrap_err();
    assert!(matches!(error, KitError::NotInRoster { custodian } if custodian == ben.body.name));
}

/// Stopped or failed anywhere, drawing a card leaves a kit whose newest card has its receiving key.
#[test]
fn no_card_of_a_kit_is_without_its_receiving_key() {
    let office = Office::held();
    let ana = office.path("ana");
    copy_kit(&office, "ana", "whole");
    let draw = || Kit::open(&ana, None).unwrap().draw_card().map(drop);
    let steps = faults::trace(&ana, || draw().unwrap()).len();
    let mut kept = [0; 2];
    for step in 0..2 * steps {
        copy_kit(&office, "whole", "ana");
        match step % 2 {
            0 => drop(faults::stop_after(&ana, step / 2, draw)),
            _ => drop(faults::fail_at(&ana, step / 2, std::io::ErrorKind::StorageFull, draw)),
        }
        let mut kit = Kit::open(&ana, None).unwrap();
        let card = kit.card().clone();
        kept[usize::from(card == office.cards[0])] += 1;
        assert!(kit.holds_card(&card.fingerprint()), "{step}");
        // The one that sits in the dealing is held in any case, and another one can be drawn.
        kit.check(office.ledger().view(), office.now).unwrap();
        kit.draw_card().unwrap();
    }
    assert!(kept.iter().all(|count| *count > 1), "{kept:?}");
}

/// A card whose receiving key is damaged is found by the check; the kit opens, and doubts.
#[test]
fn a_damaged_receiving_key_is_named_and_stops_no_doubt() {
    let mut office = Office::held();
    let path = key_file(&office, "ana", &office.cards[0]);
    let whole = fs::read(&path).unwrap();
    let other = fs::read(key_file(&office, "ben", &office.cards[1])).unwrap();
    let damages: [&dyn Fn(); 5] = [
        &|| edit(&path, "/sealed", |sealed| flip_digit(sealed, 3)),
        &|| edit(&path, "/sealed", |sealed| flip_digit(sealed, 95)),
        &|| edit(&path, "/nonce", |nonce| flip_digit(nonce, 0)),
        &|| fs::write(&path, &whole[..whole.len() / 2]).unwrap(),
        &|| fs::write(&path, &other).unwrap(),
    ];
    for damage in damages {
        damage();
        let error = office.kit(0).check(office.ledger().view(), office.now).unwrap_err();
        let KitError::Damaged { file, .. } = error else { panic!("{error}") };
        assert_eq!(file, path.file_name().unwrap());
        fs::write(&path, &whole).unwrap();
    }
    fs::remove_file(&path).unwrap();
    let error = office.kit(0).check(office.ledger().view(), office.now).unwrap_err();
    assert_eq!(error.code(), "card-not-held");
    let about = Doubted::Custody { epoch: Epoch(1) };
    let doubt = office.kit(0).doubt(about, office.ledger().view(), office.now).unwrap();
    office.append(Event::Doubted { doubt }).unwrap();
}

/// A receiving key that opens a later share is not destroyed; the share of a dealing that waits is
/// not forgotten.
#[test]
fn what_is_in_use_is_not_forgotten() {
    let mut office = Office::held();
    office.deal_again(&office.draw_cards());
    let forget = |office: &Office, seat: usize, epoch: u32| {
        office.kit(seat).forget(Epoch(epoch), office.ledger().view(), office.now)
    };
    let _ = office.deal_to(&office.draw_cards());
    for epoch in [2, 3] {
        assert_eq!(forget(&office, 1, epoch).unwrap_err().code(), "share-in-use", "{epoch}");
    }
    forget(&office, 1, 1).unwrap();
    for epoch in [0, 4] {
        assert_eq!(forget(&office, 1, epoch).unwrap_err().code(), "no-share");
    }
}

/// One custodian counts on over their cards. Another key under the same name begins anew.
#[test]
fn statements_are_counted_over_cards_and_not_by_name() {
    let mut office = Office::held();
    let (former, key) = (office.cards.clone(), key_of(&office.path("ana")));
    let mut cards = office.draw_cards();
    // Ben has left; somebody else has his name now.
    let successor = kit(&office.path("ben-2"), "ben").card().clone();
    cards[1] = successor.clone();
    let ana = office.cards[0].body.signing;
    let before = office.state.statements()[&ana].clone();
    office.deal_again(&cards);
    let known = |office: &Office, of: &Hex<32>| office.state.statements()[of].clone();
    // A consent to the dealing, and the receipt of the second share.
    assert_eq!((before.count, known(&office, &ana).count), (1, 3));
    assert!(known(&office, &ana).witnessed > before.witnessed);
    assert_eq!(office.kit(0).check(office.ledger().view(), office.now).unwrap().body.count, 4);
    assert_eq!(known(&office, &former[1].body.signing).count, 2);
    assert_eq!(known(&office, &successor.body.signing).count, 1, "a name inherits nothing");
    assert!(office.state.repeated_counts().is_empty());

    // A count of the former card is not free with the new one.
    let repeated = receipt(&office, "ana", |body| {
        body.statement = ReceiptStatement::CheckpointSeen {};
        (body.count, body.card) = (2, cards[0].fingerprint());
    });
    assert!(repeated.is_by(&Hex(key.verifying_key().to_bytes())));
    office.append(Event::Received { receipt: repeated }).unwrap();
    assert_eq!(office.state.repeated_counts(), [office.history.size()]);
    // Nor is a date.
    let replayed = receipt(&office, "ana", |body| {
        body.statement = ReceiptStatement::CheckpointSeen {};
        (body.count, body.card) = (9, former[0].fingerprint());
        let head = body.cosignature.head;
        body.cosignature = Cosignature::sign(&body.service, head, office.now - 1.hour(), &key);
    });
    let late = Err(Refusal::ReceiptDate { by: name("ana") }.into());
    assert_eq!(office.append(Event::Received { receipt: replayed }), late);

    // The auditor lists each custodian once, and knows a kit by its key: its newest card was dealt
    // to nowhere.
    office.kit(0).draw_card().unwrap();
    fs::write(office.path("ana.json"), canonical_json(&office.kit(0).evidence().unwrap())).unwrap();
    fs::write(checkpoint_path(&office.file), &office.note).unwrap();
    let witness = [office.path("ana.json")];
    let audit = verify(&office.file, &office.dealing.service, &[], &witness).unwrap();
    assert!(audit.holds(), "{audit}");
    let names: Vec<&str> =
        audit.witnessed.custodians.iter().map(|witness| witness.custodian.as_str()).collect();
    assert_eq!(names, ["ana", "ben", "chloe", "dan", "eve", "ben"]);
}

/// A receipt that was given and never recorded: the kit says so, of checks the last one.
#[test]
fn a_receipt_that_the_ledger_does_not_hold_is_noticed() {
    let mut office = Office::founded();
    let held = office.accept(0);
    let remarks = |office: &Office| office.kit(0).remarks(office.ledger().view()).unwrap();
    let missing = |count: u64, statement| vec![Remark::ReceiptMissing { count, statement }];
    assert_eq!(remarks(&office), missing(1, held.body.statement.clone()));
    office.append(Event::Received { receipt: held }).unwrap();
    assert_eq!(remarks(&office), []);
    for seat in 1..5 {
        let receipt = office.accept(seat);
        office.append(Event::Received { receipt }).unwrap();
    }
    let check = |office: &Office| office.kit(0).check(office.ledger().view(), office.now).unwrap();
    let first = check(&office);
    assert_eq!(remarks(&office), missing(2, ReceiptStatement::CheckpointSeen {}));
    office.now += 1.second();
    let second = check(&office);
    assert_eq!(remarks(&office), missing(3, ReceiptStatement::CheckpointSeen {}));
    office.append(Event::Received { receipt: first }).unwrap();
    assert_eq!(remarks(&office), missing(3, ReceiptStatement::CheckpointSeen {}));
    office.append(Event::Received { receipt: second }).unwrap();
    assert_eq!(remarks(&office), []);
}

fn open_health() -> Action {
    let kind = Kind::Statistics { cryptoperiod_years: 5 };
    Action::Open { domain: name("health"), kind, minimum_batch: 11, authorisation: None }
}

/// A key of small order would verify one signature over everything (RFC 8032's cofactorless
/// equation holds for it).
#[test]
fn a_key_of_small_order_signs_nothing() {
    let office = Office::founded();
    let mut forged = serde_json::to_value(receipt(&office, "ana", |_| ())).unwrap();
    let (mut neutral, mut signature) = ([0; 32], [0; 64]);
    (neutral[0], signature[0]) = (1, 1);
    forged["signature"] = serde_json::to_value(Hex(signature)).unwrap();
    let forged: Receipt = serde_json::from_value(forged).unwrap();
    let key = ed25519_dalek::VerifyingKey::from_bytes(&neutral).unwrap();
    let lax = ed25519_dalek::Verifier::verify(&key, b"anything", &signature.into());
    assert!(lax.is_ok(), "the attack is real");
    assert!(!forged.is_by(&Hex(neutral)));
}

/// A kit comes back from paper: it opens, checks, consents and accepts, and says that it remembers
/// nothing.
#[test]
fn a_kit_comes_back_from_paper_and_says_so() {
    let directory = Rc::new(TempDir::new().unwrap());
    let path = |text: &str| directory.path().join(text);
    let passphrase = &b"four words to say"[..];
    let mut cards: Vec<Card> =
        NAMES[..4].iter().map(|text| kit(&path(text), text).card().clone()).collect();
    cards.push(Kit::create(&path("eve"), name("eve"), true, Some(passphrase)).unwrap());
    let mut office = Office::of(&directory, cards, "ledger.jsonl");
    let open = |text: &str| Kit::open(&path(text), Some(passphrase)).unwrap();
    let none = open("eve").paper(passphrase).err().unwrap();
    assert_eq!(none.code(), "nothing-seen");
    for seat in 0..5 {
        let mut kit = if seat == 4 { open("eve") } else { office.kit(seat) };
        let receipt = kit.accept(&office.files[seat], office.ledger().view(), office.now).unwrap();
        let receipt = serde_json::from_slice(&fs::read(receipt).unwrap()).unwrap();
        office.append(Event::Received { receipt }).unwrap();
    }
    office.append(office.works()).unwrap();
    let former = open("eve").check(office.ledger().view(), office.now).unwrap();
    office.append(Event::Received { receipt: former }).unwrap();

    // Printed under the kit's passphrase only, and never without one.
    assert_eq!(open("eve").paper(b"another").err().unwrap().code(), "passphrase-wrong");
    assert_eq!(office.kit(0).paper(passphrase).err().unwrap().code(), "kit-without-passphrase");
    let paper = open("eve").paper(passphrase).unwrap();
    assert_eq!((paper.epoch, paper.works, &paper.card), (Epoch(1), true, &office.cards[4]));
    assert_ne!(open("eve").paper(passphrase).unwrap().lines, paper.lines, "sealed anew");
    let sheet = Sheet::read(&paper.lines.to_lowercase()).unwrap();
    assert_eq!(sheet.lines(), paper.lines);

    // The kit that is made has what was printed.
    let wrong = Kit::from_paper(&sheet, &path("again"), b"another").unwrap_err();
    assert!(wrong.code() == "paper-passphrase" && !path("again").exists());
    let (card, epoch) = Kit::from_paper(&sheet, &path("again"), passphrase).unwrap();
    assert_eq!((&card, epoch), (&office.cards[4], Epoch(1)));
    let exists = Kit::from_paper(&sheet, &path("again"), passphrase).unwrap_err();
    assert_eq!(exists.code(), "output-exists");
    let shown = Kit::shown_by(&path("again")).unwrap();
    assert_eq!((shown.count, shown.paper), (0, Some(Epoch(1))));
    assert_eq!(Kit::shown_by(&path("eve")).unwrap().paper, None);

    // It follows its service alone, and counts on.
    let other = Office::of(&directory, office.cards.clone(), "other.jsonl");
    let refused = open("again").check(other.ledger().view(), office.now).unwrap_err();
    assert_eq!(refused.code(), "kit-other-service");
    let asked = office.ask(open_income());
    let attending = open("again").attend(&asked.proposal, office.ledger().view(), office.now);
    let consent = attending.unwrap().consent().clone();
    office
        .check(
            &asked,
            &[
                office.consent(0, &asked.proposal),
                office.consent(1, &asked.proposal),
                consent.clone(),
            ],
        )
        .unwrap();
    assert_eq!(consent.body.count, 3, "a receipt and a check stand in the ledger");
    let check = open("again").check(office.ledger().view(), office.now).unwrap();
    assert_eq!((check.body.count, &check.body.card), (4, &card.fingerprint()));
    open("again").accept(&office.files[4], office.ledger().view(), office.now).unwrap();
    assert_eq!(open("again").shown().paper, Some(Epoch(1)));

    // With a share of a later epoch it is a kit like others. The sheet of before opens the former
    // share still, which is why it must be destroyed before the share is forgotten.
    let run = asked.run;
    office.append(Event::Lapsed { run, why: Lapse::Withdrawn, consents: Vec::new() }).unwrap();
    let drawn = open("again").draw_card().unwrap().clone();
    let draw = |seat: usize| office.kit(seat).draw_card().unwrap().clone();
    let cards: Vec<Card> = (0..4).map(draw).chain([drawn]).collect();
    let (dealing, files) = office.deal_to(&cards);
    open("again").accept(&files[4], office.ledger().view(), office.now).unwrap();
    assert_eq!(open("again").shown().paper, None);
    let next = open("again").paper(passphrase).unwrap();
    assert_eq!((next.epoch, next.works, &next.card), (Epoch(2), false, &dealing.roster[4].card));
    let sheet = Sheet::read(&next.lines).unwrap();
    Kit::from_paper(&sheet, &path("third"), passphrase).unwrap();
    let refused = open("third").check(office.ledger().view(), office.now).unwrap_err();
    assert_eq!(refused.code(), "no-share", "the share of the working epoch is on the other sheet");
}

/// What opens and is not what a kit prints is no kit.
#[test]
fn a_sheet_of_another_form_is_refused() {
    assert_eq!(Sheet::read("").err(), Some(PaperError::Empty));
}
