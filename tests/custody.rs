//! Kits, rosters, approvals and receipts: what fits is taken, what does not is refused by the name
//! of its giver.

use std::fs;
use std::path::{Path, PathBuf};

use cstatns::card::{Card, CardBody, ServiceCard, spoken};
use cstatns::checkpoint::{Head, leaf_hash};
use cstatns::code::Generation;
use cstatns::coded::Coded as _;
use cstatns::custody::SharingError;
use cstatns::custody::approval::Approval;
use cstatns::custody::custodian::{Kit, KitError, ProposalFault, Witnessed};
use cstatns::custody::quorum::{Draft, Quorum};
use cstatns::custody::share::{ReceivingKey, SealedShare, ShareFile, dealt_info};
use cstatns::dealing::{Dealing, DealingId, Epoch, RosterError, Seat, Threshold, check_roster};
use cstatns::domain::{Kind, LARGEST_MINIMUM_BATCH, RenewalReason};
use cstatns::hazmat::{root_check, split};
use cstatns::identifier::Scheme;
use cstatns::ledger::event::{Event, KeyRef};
use cstatns::ledger::{History, next_line};
use cstatns::meta::ServiceId;
use cstatns::name::{Hex, Name, canonical_json};
use cstatns::proposal::{
    Action, Consent, Input, LONGEST_WAIT, Proposal, ProposalBody, QuorumError, check_consents,
    run_key_digest,
};
use cstatns::receipt::{Receipt, ReceiptBody, ReceiptStatement};
use cstatns::secret::{Secret, random_bytes};
use cstatns::state::{Refusal, State, Unlawful};
use cstatns::statement::{FORMAT, Signed};
use ed25519_dalek::{Signer, SigningKey};
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
    let seeds = identity["seeds"].as_str().unwrap();
    SigningKey::from_bytes(&Hex::<32>::parse(&seeds.as_bytes()[..64]).unwrap().0)
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
    (Dealing { epoch, threshold, demo: true, service, roster, root_check }, files)
}

/// A service of three of five with its custodians' kits and its ledger, in memory but for the kits.
struct Office {
    directory: TempDir,
    key: SigningKey,
    kits: Vec<Kit>,
    dealing: Dealing,
    files: Vec<ShareFile>,
    history: History,
    state: State,
    /// The ledger's times: a second for each event.
    now: Timestamp,
}

impl Office {
    /// Founded; nobody has accepted a share.
    fn founded() -> Self {
        let directory = TempDir::new().unwrap();
        let kits: Vec<Kit> =
            NAMES.iter().map(|text| kit(&directory.path().join(text), text)).collect();
        let cards: Vec<Card> = kits.iter().map(|kit| kit.card().clone()).collect();
        let key = new_key();
        let (dealing, files) = deal(&key, 1, 3, &cards);
        let mut history = History::default();
        let event = Event::Dealt { dealing: Box::new(dealing.clone()) };
        let line = next_line(&history, dealing.service.id(), noon(), noon(), event);
        let state = State::founded_by(&line).unwrap();
        history.push(&canonical_json(&line));
        Self { directory, key, kits, dealing, files, history, state, now: noon() }
    }

    /// Everybody has accepted their share, and their receipts are recorded.
    fn held() -> Self {
        let mut office = Self::founded();
        for seat in 0..5 {
            let receipt = office.accept(seat);
            office.append(Event::Received { receipt }).unwrap();
        }
        office
    }

    fn path(&self, text: &str) -> PathBuf {
        self.directory.path().join(text)
    }

    fn ledger(&self) -> Witnessed<'_> {
        self.with_leaves(self.history.leaves())
    }

    fn with_leaves<'a>(&'a self, leaves: &'a [Hex<32>]) -> Witnessed<'a> {
        Witnessed { dealing: &self.dealing, leaves }
    }

    fn accept(&self, seat: usize) -> Receipt {
        let path = self.kits[seat].accept(&self.files[seat], self.ledger()).unwrap();
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    fn append(&mut self, event: Event) -> Result<(), Unlawful> {
        self.now += 1.second();
        let line = next_line(&self.history, self.dealing.service.id(), self.now, self.now, event);
        // A state that refused is not to be used further.
        let mut state = self.state.clone();
        state.apply(&line, &self.history)?;
        self.state = state;
        self.history.push(&canonical_json(&line));
        Ok(())
    }

    fn draft(&self, action: Action) -> Draft {
        Draft::new(
            &self.dealing,
            self.history.head(),
            action,
            self.now,
            SignedDuration::from_hours(1),
            &self.key,
        )
    }

    fn approve(&self, seat: usize, proposal: &Proposal) -> Approval {
        self.kits[seat].approve(proposal, self.ledger(), self.now).unwrap()
    }

    fn approved(&self, action: Action, seats: &[usize]) -> (Draft, Vec<Approval>) {
        let draft = self.draft(action);
        let approvals = seats.iter().map(|&seat| self.approve(seat, draft.proposal())).collect();
        (draft, approvals)
    }

    fn refusal(&self, draft: Draft, approvals: Vec<Approval>) -> QuorumError {
        Quorum::assemble(draft, approvals, &self.dealing, self.now)
            .err()
            .expect("a quorum was made")
    }

    fn intent(&self, action: Action, seats: &[usize]) -> Event {
        let (draft, approvals) = self.approved(action, seats);
        let quorum = Quorum::assemble(draft, approvals, &self.dealing, self.now).unwrap();
        let keys = self.state.keys_of(&quorum.proposal().body.action);
        Event::Intent {
            proposal: Box::new(quorum.proposal().clone()),
            consents: quorum.consents(),
            keys,
        }
    }
}

fn kit(directory: &Path, text: &str) -> Kit {
    Kit::create(directory, name(text), false, None).unwrap();
    Kit::open(directory, None).unwrap()
}

fn open_income() -> Action {
    let kind = Kind::Statistics { cryptoperiod_years: 5 };
    Action::Open { domain: name("income"), kind, minimum_batch: 11 }
}

fn code_request() -> Action {
    Action::Code {
        domain: name("income"),
        generation: Generation::FIRST,
        scheme: Scheme::FrNir,
        purpose: name("wages"),
        input: Input { commitment: Hex([1; 32]), rows: 100, values: 100, distinct: 100 },
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
        use std::os::unix::fs::PermissionsExt;
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
    for at in [0, 63, 64, 127] {
        edit(&identity, "/seeds", |seeds| flip_digit(seeds, at));
        refused("identity", &format!("seed digit {at}"));
    }
    edit(&identity, "/card", |card| flip_digit(card, 0));
    refused("identity", "the fingerprint of another card");
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
    edit(&identity, "/format", |format| *format = 2.into());
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
    // What a wrong passphrase and a damaged seal look like cannot be told apart.
    for pointer in ["/protection/salt", "/protection/nonce", "/protection/tag", "/seeds"] {
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
    assert!(receipt.is_by(&office.kits[0].card().body.signing));
    office.state.check_receipt(&receipt, &office.history).unwrap();

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
    let refused = |file: &ShareFile| match office.kits[0].accept(file, office.ledger()) {
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
    assert_eq!(with(&|file| file.format = 2), SharingError::Version { found: 2 });
    let service = SharingError::OtherService { custodian: ana() };
    assert_eq!(with(&|file| file.service = "office.aaaaaaaaaa".to_owned()), service);
    let (found, expected) = (Epoch(2), Epoch(1));
    let epoch = SharingError::OtherEpoch { custodian: ana(), found, expected };
    assert_eq!(with(&|file| file.epoch = found), epoch);

    // Another dealing in the same words: to the same card, of another root.
    let cards: Vec<Card> = office.kits.iter().map(|kit| kit.card().clone()).collect();
    let (_, others) = deal(&office.key, 1, 3, &cards);
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
    assert!(!office.path("ana/share-1").exists() && !office.path("ana/seen.json").exists());
}

#[test]
fn a_damaged_kept_share_is_found_by_the_check_and_mended_by_accepting_again() {
    let office = Office::founded();
    office.accept(0);
    let kept = office.path("ana/share-1");
    let whole = fs::read(&kept).unwrap();
    for damaged in [&whole[..whole.len() / 2], b""] {
        fs::write(&kept, damaged).unwrap();
        let error = office.kits[0].check(office.ledger()).unwrap_err();
        assert_eq!(error.code(), "kit-damaged");
        office.accept(0);
        office.kits[0].check(office.ledger()).unwrap();
    }
    edit(&kept, "/share", |share| flip_digit(share, 2300));
    let error = office.kits[0].check(office.ledger()).unwrap_err();
    assert!(
        matches!(error, KitError::Share(SharingError::Altered { custodian }) if custodian == ana())
    );

    fs::remove_file(&kept).unwrap();
    let error = office.kits[0].check(office.ledger()).unwrap_err();
    assert!(
        matches!(error, KitError::NoShare { custodian, epoch: Epoch(1) } if custodian == ana())
    );
    let error =
        office.kits[0].approve(office.draft(open_income()).proposal(), office.ledger(), office.now);
    assert_eq!(error.unwrap_err().code(), "no-share");
}

#[test]
fn a_kit_refuses_a_dealing_that_breaks_the_rules() {
    let office = Office::held();
    // Somebody else's key under the service's id: its proposals would be approved.
    let mut dealing = office.dealing.clone();
    let thief = new_key();
    dealing.service.body.signing = Hex(thief.verifying_key().to_bytes());
    dealing.service = Signed::new(dealing.service.body.clone(), &thief);
    let ledger = Witnessed { dealing: &dealing, leaves: office.history.leaves() };
    let draft =
        Draft::new(&dealing, office.history.head(), open_income(), noon(), LONGEST_WAIT, &thief);
    let error = office.kits[0].approve(draft.proposal(), ledger, noon()).unwrap_err();
    assert_eq!(error.code(), "service-card");
    assert_eq!(office.kits[0].check(ledger).unwrap_err().code(), "service-card");
}

// Kits as witnesses.

#[test]
fn a_kit_refuses_a_ledger_that_does_not_extend_the_one_it_saw() {
    let office = Office::held();
    let kit = &office.kits[4];
    let leaves = office.history.leaves().to_vec();
    let more = [&leaves[..], &[leaf_hash(b"a"), leaf_hash(b"b")]].concat();
    kit.check(office.with_leaves(&more)).unwrap();
    let size = more.len();

    for shorter in [&more[..size - 1], &leaves, &more[..1], &[]] {
        let error = kit.check(office.with_leaves(shorter)).unwrap_err();
        let KitError::Shorter { custodian, seen, found } = &error else { panic!("{error}") };
        assert_eq!((custodian.as_str(), *seen, *found), ("eve", size as u64, shorter.len()));
    }
    for at in 0..size {
        for longer in [0, 1, 5] {
            let mut forked = more.clone();
            forked[at] = leaf_hash(b"rewritten");
            forked.extend((0..longer).map(|_| leaf_hash(b"more")));
            let error = kit.check(office.with_leaves(&forked)).unwrap_err();
            let KitError::Forked { custodian, seen } = &error else { panic!("{error}") };
            assert_eq!((custodian.as_str(), *seen), ("eve", size as u64));
        }
    }
    // Nor does it accept, approve or doubt on one.
    let draft = office.draft(open_income());
    assert_eq!(
        kit.accept(&office.files[4], office.with_leaves(&leaves)).unwrap_err().code(),
        "ledger-shorter"
    );
    assert_eq!(
        kit.approve(draft.proposal(), office.with_leaves(&leaves), noon()).unwrap_err().code(),
        "ledger-shorter"
    );
    assert_eq!(kit.doubt(None, office.with_leaves(&leaves)).unwrap_err().code(), "ledger-shorter");
    // What it refused it has not seen.
    kit.check(office.with_leaves(&more)).unwrap();
    // An approval counts as seeing: even when the proposal was made on a shorter ledger.
    let longer = [&more[..], &[leaf_hash(b"c")]].concat();
    kit.approve(draft.proposal(), office.with_leaves(&longer), noon()).unwrap();
    assert_eq!(kit.check(office.with_leaves(&more)).unwrap_err().code(), "ledger-shorter");
}

#[test]
fn a_kit_belongs_to_one_service() {
    let office = Office::held();
    let cards: Vec<Card> = office.kits.iter().map(|kit| kit.card().clone()).collect();
    let (dealing, files) = deal(&new_key(), 1, 3, &cards);
    let leaves = [leaf_hash(b"genesis")];
    let error = office.kits[0].accept(&files[0], Witnessed { dealing: &dealing, leaves: &leaves });
    let Err(KitError::OtherService { custodian, service }) = error else { panic!("{error:?}") };
    assert_eq!((custodian, service), (ana(), ServiceId::of(office.dealing.service.id())));
}

#[test]
fn a_kit_approves_what_its_service_proposes_on_its_ledger_only() {
    let office = Office::held();
    let kit = &office.kits[0];
    let now = office.now;
    let reason = |proposal: &Proposal, now| {
        let error = kit.approve(proposal, office.ledger(), now).unwrap_err();
        let KitError::Proposal { reason } = error else { panic!("{error}") };
        reason
    };
    let draft = office.draft(open_income());
    let proposal = draft.proposal();
    kit.approve(proposal, office.ledger(), now).unwrap();

    let resigned = |key: &SigningKey, change: &dyn Fn(&mut ProposalBody)| {
        let mut body = proposal.signed.body.clone();
        change(&mut body);
        Proposal { signed: Signed::new(body, key), run_key: proposal.run_key }
    };
    let by_service = |change| reason(&resigned(&office.key, change), now);
    assert_eq!(by_service(&|body| body.format = 2), ProposalFault::Version);
    assert_eq!(by_service(&|body| body.epoch = Epoch(2)), ProposalFault::Epoch);
    assert_eq!(
        by_service(&|body| body.service = "office.aaaaaaaaaa".to_owned()),
        ProposalFault::Signature
    );
    assert_eq!(by_service(&|body| body.head.root = Hex([0; 32])), ProposalFault::OtherLedger);
    assert_eq!(by_service(&|body| body.head.size += 1), ProposalFault::OtherLedger);
    assert_eq!(by_service(&|body| body.head.size = u64::MAX), ProposalFault::OtherLedger);
    assert_eq!(reason(&resigned(&new_key(), &|_| ()), now), ProposalFault::Signature);

    let mut altered = proposal.clone();
    altered.signed.body.action = Action::Close { domain: name("income") };
    assert_eq!(reason(&altered, now), ProposalFault::Signature);
    // The share would go to somebody else's key.
    let mut redirected = proposal.clone();
    redirected.run_key = ReceivingKey::random().public();
    assert_eq!(reason(&redirected, now), ProposalFault::Signature);

    let expires = proposal.signed.body.expires;
    assert_eq!(reason(proposal, expires), ProposalFault::Expired);
    kit.approve(proposal, office.ledger(), expires - 1.nanosecond()).unwrap();
}

// Quorums.

#[test]
fn k_approvals_make_a_quorum_in_any_order() {
    let office = Office::held();
    for seats in [&[0, 1, 2][..], &[4, 0, 3], &[0, 1, 2, 3, 4]] {
        let (draft, approvals) = office.approved(open_income(), seats);
        let consents: Vec<Consent> =
            approvals.iter().map(|approval| approval.consent.clone()).collect();
        let quorum = Quorum::assemble(draft, approvals, &office.dealing, office.now).unwrap();
        // The ledger keeps them in one order, whatever the one in which they came.
        let names: Vec<_> = quorum.consents().into_iter().map(|consent| consent.body.by).collect();
        assert!(names.is_sorted() && names.len() == seats.len(), "{names:?}");
        assert!(consents.iter().all(|consent| quorum.consents().contains(consent)));
        check_consents(quorum.proposal(), &consents, &office.dealing).unwrap();
    }
}

#[test]
fn a_proposal_waits_a_day_at_most() {
    let office = Office::held();
    let month = SignedDuration::from_hours(24 * 30);
    let draft = Draft::new(
        &office.dealing,
        office.history.head(),
        open_income(),
        noon(),
        month,
        &office.key,
    );
    assert_eq!(draft.proposal().signed.body.expires, noon() + LONGEST_WAIT);
}

#[test]
fn an_approval_of_another_proposal_does_not_count() {
    let office = Office::held();
    let (draft, mut approvals) = office.approved(open_income(), &[0, 1, 2]);
    // Alike to the last parameter: only the run's number and key differ.
    let (_, others) = office.approved(open_income(), &[1]);
    approvals[1] = others[0].clone();
    assert_eq!(
        office.refusal(draft, approvals),
        QuorumError::OtherProposal { custodian: name("ben") }
    );
}

#[test]
fn an_approval_binds_every_parameter() {
    let office = Office::held();
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
            input: Input { commitment: Hex([1; 32]), rows: 100, values: 100, distinct: 100 },
            recipient: None,
            keep_request: false,
            of: None,
        },
        Action::Extend { domain: name("income"), ends: "2028-01-01".parse().unwrap() },
        Action::Close { domain: name("income") },
        Action::Deal { threshold: Threshold::new(3, 5).unwrap(), cards: vec![Hex([2; 32])] },
    ];
    let mut bound = 0;
    for action in actions {
        let (draft, approvals) = office.approved(action, &[0, 1, 2]);
        let consents: Vec<Consent> =
            approvals.into_iter().map(|approval| approval.consent).collect();
        let signed = &draft.proposal().signed;
        check_consents(signed, &consents, &office.dealing).unwrap();
        for body in variations(&signed.body) {
            // As it stands the service's signature does not fit; re-signed by the service the
            // consents do not.
            let forged = Signed { body: body.clone(), signature: signed.signature };
            let refused = check_consents(&forged, &consents, &office.dealing).unwrap_err();
            assert_eq!(refused, QuorumError::Proposal, "{body:?}");
            let refused =
                check_consents(&Signed::new(body.clone(), &office.key), &consents, &office.dealing);
            let expected = match &body {
                body if body.format != FORMAT || body.service != *office.dealing.service.id() => {
                    QuorumError::Proposal
                }
                body if body.epoch != Epoch(1) => QuorumError::Epoch,
                _ => QuorumError::OtherProposal { custodian: ana() },
            };
            assert_eq!(refused, Err(expected), "{body:?}");
            bound += 1;
        }
    }
    // Eight values around each action, and 8, 3, 3, 9, 2, 1 and 3 in them.
    assert_eq!(bound, 7 * 8 + 29);
}

/// The proposal with each of its values changed in turn.
fn variations(body: &ProposalBody) -> Vec<ProposalBody> {
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
    let json = serde_json::to_value(body).unwrap();
    let mut paths = Vec::new();
    leaves(&json, String::new(), &mut paths);
    // The words that choose a type have no other value with the same fields.
    paths.retain(|path| !path.ends_with("/verb") && !path.ends_with("/kind/kind"));
    let vary = |path: &String| {
        let mut json = json.clone();
        let field = json.pointer_mut(path).unwrap();
        *field = match (path.rsplit('/').next().unwrap_or_default(), &*field) {
            ("recipient", Value::Null) => "institute".into(),
            ("of", Value::Null) => vec!["00".repeat(16)].into(),
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
fn an_expired_proposal_makes_no_quorum() {
    let office = Office::held();
    for (late, expired) in [(-1, false), (0, true), (3600, true)] {
        let (draft, approvals) = office.approved(open_income(), &[0, 1, 2]);
        let now = draft.proposal().signed.body.expires + SignedDuration::from_secs(late);
        let refused = Quorum::assemble(draft, approvals, &office.dealing, now).err();
        assert_eq!(refused, expired.then_some(QuorumError::Expired), "{late} s after its end");
    }
}

/// Alters ana's consent, signs it again as her kit would not, and puts it among those of ben and
/// chloe.
fn with_consent(
    office: &Office,
    key: &SigningKey,
    change: impl FnOnce(&mut Approval),
) -> QuorumError {
    let (draft, mut approvals) = office.approved(open_income(), &[0, 1, 2]);
    change(&mut approvals[0]);
    approvals[0].consent = Signed::new(approvals[0].consent.body.clone(), key);
    office.refusal(draft, approvals)
}

#[test]
fn a_consent_that_does_not_fit_is_refused_by_name() {
    let office = Office::held();
    let key = key_of(&office.path("ana"));
    let custodian = ana;
    let with = |change: &dyn Fn(&mut Approval)| with_consent(&office, &key, change);

    assert_eq!(
        with(&|a| a.consent.body.epoch = Epoch(2)),
        QuorumError::OtherEpoch { custodian: custodian() }
    );
    let moved = QuorumError::OtherProposal { custodian: custodian() };
    assert_eq!(with(&|a| a.consent.body.proposal = Hex([0; 32])), moved);
    assert_eq!(with(&|a| a.consent.body.format = 2), moved);
    assert_eq!(with(&|a| a.consent.body.service = "office.aaaaaaaaaa".to_owned()), moved);
    assert_eq!(
        with(&|a| a.consent.body.card = Hex([0; 32])),
        QuorumError::NotInRoster { custodian: custodian() }
    );
    // She signs in ben's name.
    assert_eq!(
        with(&|a| a.consent.body.by = name("ben")),
        QuorumError::NotInRoster { custodian: name("ben") }
    );
    let ben = office.kits[1].card().fingerprint();
    let as_ben = with(&|a| (a.consent.body.by, a.consent.body.card) = (name("ben"), ben));
    assert_eq!(as_ben, QuorumError::Signature { custodian: name("ben") });

    let text = Head { size: 1, root: office.history.leaves()[0] }
        .checkpoint(office.dealing.service.id())
        .text();
    let cosignature = Hex(key.sign(text.as_bytes()).to_bytes());
    let other_head = QuorumError::Cosignature { custodian: custodian() };
    assert_eq!(with(&|a| a.consent.body.cosignature = cosignature), other_head);
    assert_eq!(with(&|a| a.consent.body.cosignature = Hex([0; 64])), other_head);

    // Signed by another key.
    let refused = with_consent(&office, &key_of(&office.path("dan")), |_| ());
    assert_eq!(refused, QuorumError::Signature { custodian: custodian() });
}

#[test]
fn a_consent_altered_after_signing_is_refused_by_name() {
    let office = Office::held();
    let signature = QuorumError::Signature { custodian: ana() };
    let changes: [fn(&mut Approval); 6] = [
        |a| a.consent.signature.0[0] ^= 1,
        |a| a.consent.body.epoch = Epoch(2),
        |a| a.consent.body.share.0[0] ^= 1,
        |a| a.consent.body.proposal.0[0] ^= 1,
        |a| a.consent.body.cosignature.0[0] ^= 1,
        |a| a.consent.body.format = 2,
    ];
    for change in changes {
        let (draft, mut approvals) = office.approved(open_income(), &[0, 1, 2]);
        change(&mut approvals[0]);
        assert_eq!(office.refusal(draft, approvals), signature);
    }
}

#[test]
fn a_share_altered_beside_an_approval_is_refused_by_name() {
    let office = Office::held();
    let refused = QuorumError::Share { custodian: ana() };
    let (draft, mut approvals) = office.approved(open_income(), &[0, 1, 2]);
    approvals[0].share = approvals[1].share.clone();
    assert_eq!(office.refusal(draft, approvals), refused);

    let (draft, mut approvals) = office.approved(open_income(), &[0, 1, 2]);
    let mut json = serde_json::to_value(&approvals[0].share).unwrap();
    flip_digit(&mut json, 2300);
    approvals[0].share = serde_json::from_value(json).unwrap();
    assert_eq!(office.refusal(draft, approvals), refused);
}

#[test]
fn each_custodian_counts_once_and_k_are_needed() {
    let office = Office::held();
    let (draft, approvals) = office.approved(open_income(), &[0, 1, 0]);
    assert_eq!(office.refusal(draft, approvals), QuorumError::Twice { custodian: ana() });
    let (draft, mut approvals) = office.approved(open_income(), &[0, 1, 2]);
    approvals.push(approvals[2].clone());
    assert_eq!(office.refusal(draft, approvals), QuorumError::Twice { custodian: name("chloe") });
    for seats in [&[0, 1][..], &[3], &[]] {
        let (draft, approvals) = office.approved(open_income(), seats);
        assert_eq!(
            office.refusal(draft, approvals),
            QuorumError::TooFew { given: seats.len(), needed: 3 }
        );
    }
}

#[test]
fn strangers_and_former_custodians_do_not_count() {
    let office = Office::held();
    // Epoch 2: eve has left, fay has come, and dan has made a new kit.
    let fay = kit(&office.path("fay"), "fay");
    let dan = kit(&office.path("dan-2"), "dan");
    let cards: Vec<Card> = [&office.kits[0], &office.kits[1], &office.kits[2], &dan, &fay]
        .map(|kit| kit.card().clone())
        .to_vec();
    let (dealing, files) = deal(&office.key, 2, 3, &cards);
    let ledger = Witnessed { dealing: &dealing, leaves: office.history.leaves() };
    for (kit, file) in std::iter::zip([&office.kits[0], &office.kits[1]], &files) {
        kit.accept(file, ledger).unwrap();
    }
    let draft = || {
        Draft::new(
            &dealing,
            office.history.head(),
            open_income(),
            office.now,
            LONGEST_WAIT,
            &office.key,
        )
    };
    let proposed = draft();
    for (former, text) in [(&office.kits[3], "dan"), (&office.kits[4], "eve")] {
        let error = former.approve(proposed.proposal(), ledger, office.now).unwrap_err();
        let KitError::NotInRoster { custodian } = &error else { panic!("{error}") };
        assert_eq!(custodian.as_str(), text);

        // Their kits refuse; so they sign by hand, with the share that they still have.
        let mut approvals: Vec<Approval> = office.kits[..2]
            .iter()
            .map(|kit| kit.approve(proposed.proposal(), ledger, office.now).unwrap())
            .collect();
        let mut forged = approvals[0].clone();
        forged.consent.body.by = name(text);
        forged.consent.body.card = former.card().fingerprint();
        let text_of_head =
            proposed.proposal().signed.body.head.checkpoint(dealing.service.id()).text();
        let key = key_of(&office.path(text));
        forged.consent.body.cosignature = Hex(key.sign(text_of_head.as_bytes()).to_bytes());
        forged.consent = Signed::new(forged.consent.body, &key);
        approvals.push(forged);
        let consents = approvals.iter().map(|approval| &approval.consent);
        let refused = check_consents(&proposed.proposal().signed, consents, &dealing).unwrap_err();
        assert_eq!(refused, QuorumError::NotInRoster { custodian: name(text) });
    }
    // A proposal of the old epoch does not count in the new one, nor the other way round.
    let (old, approvals) = office.approved(open_income(), &[2, 3, 4]);
    let refused = Quorum::assemble(old, approvals, &dealing, office.now).err();
    assert_eq!(refused, Some(QuorumError::Epoch));
    assert_eq!(
        Quorum::assemble(proposed, vec![], &office.dealing, office.now).err(),
        Some(QuorumError::Epoch)
    );
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
    assert_eq!(check(&|people| people[1].body.format = 2, true), card);

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
    let (thief, ben) = (new_key(), office.kits[1].card().clone());
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
    let statement =
        ReceiptStatement::ShareHeld { epoch: Epoch(1), dealing: office.dealing.fingerprint() };
    let mut body = ReceiptBody {
        format: FORMAT,
        service: office.dealing.service.id().to_owned(),
        by: name(text),
        card: office.kits[seat].card().fingerprint(),
        statement,
    };
    change(&mut body);
    Signed::new(body, &key_of(&office.path(text)))
}

#[test]
fn a_receipt_that_does_not_fit_is_refused_by_name() {
    let mut office = Office::founded();
    let check =
        |office: &Office, receipt: &Receipt| office.state.check_receipt(receipt, &office.history);
    let good = receipt(&office, "ana", |_| ());
    check(&office, &good).unwrap();

    let not_in_roster = |text| Err(Refusal::ReceiptNotInRoster { by: name(text) });
    let signature = Err(Refusal::ReceiptSignature { by: ana() });
    type Change = fn(&mut ReceiptBody);
    let cases: [(Change, Result<(), Refusal>); 8] = [
        (|body| body.service = "other.aaaaaaaaaa".to_owned(), Err(Refusal::ReceiptOtherService)),
        (|body| body.by = name("stranger"), not_in_roster("stranger")),
        (|body| body.by = name("ben"), not_in_roster("ben")),
        (|body| body.card = Hex([0; 32]), not_in_roster("ana")),
        (|body| body.format = 2, signature.clone()),
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
            |body| body.statement = ReceiptStatement::FileDestroyed { delivery: Hex([0; 16]) },
            not_in_roster("ana"),
        ),
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
        office.append(Event::Received { receipt }).unwrap();
    }
    office.state.allows(&open_income(), office.now).unwrap();
}

#[test]
fn a_yearly_check_makes_a_witness_of_this_ledger() {
    let mut office = Office::held();
    let seen = office.kits[0].check(office.ledger()).unwrap();
    office.append(Event::Received { receipt: seen.clone() }).unwrap();
    assert_eq!(office.state.witnessed().get(&ana()), Some(&6));

    let ReceiptStatement::CheckpointSeen { head, cosignature } = seen.body.statement else {
        panic!()
    };
    let with = |head, cosignature| {
        let receipt = receipt(&office, "ana", |body| {
            body.statement = ReceiptStatement::CheckpointSeen { head, cosignature };
        });
        office.state.check_receipt(&receipt, &office.history)
    };
    with(head, cosignature).unwrap();
    assert_eq!(with(head, Hex([0; 64])), Err(Refusal::Receipt));
    let key = key_of(&office.path("ana"));
    for (size, root) in
        [(head.size, Hex([0; 32])), (head.size + 1, head.root), (100, head.root), (0, head.root)]
    {
        let other = Head { size, root };
        assert_eq!(with(other, cosignature), Err(Refusal::Receipt));
        let text = other.checkpoint(office.dealing.service.id()).text();
        let cosigned = Hex(key.sign(text.as_bytes()).to_bytes());
        assert_eq!(
            with(other, cosigned),
            Err(Refusal::Receipt),
            "not a head of this ledger: {size}"
        );
    }
}

#[test]
fn a_run_begins_once() {
    let mut office = Office::held();
    let intent = office.intent(open_income(), &[0, 1, 2]);
    let Event::Intent { proposal, .. } = &intent else { unreachable!() };
    let run = proposal.body.run;
    office.append(intent.clone()).unwrap();
    assert_eq!(office.append(intent.clone()), Err(Unlawful::Refused(Refusal::Unfinished)));
    office.append(Event::Failed { run, code: name("disk-full") }).unwrap();
    // Nothing came of it, and yet its approvals are spent.
    assert_eq!(office.append(intent), Err(Unlawful::Refused(Refusal::Replayed)));
    let anew = office.intent(open_income(), &[0, 1, 2]);
    office.append(anew).unwrap();
}

#[test]
fn an_intent_that_its_approvals_do_not_carry_is_unlawful() {
    let mut office = Office::held();
    let Event::Intent { proposal, consents, keys } = office.intent(open_income(), &[0, 1, 2])
    else {
        unreachable!()
    };
    let intent =
        |proposal: &Signed<ProposalBody>, consents: &[Consent], keys: &[KeyRef]| Event::Intent {
            proposal: Box::new(proposal.clone()),
            consents: consents.to_vec(),
            keys: keys.to_vec(),
        };
    let too_few = QuorumError::TooFew { given: 2, needed: 3 };
    assert_eq!(
        office.append(intent(&proposal, &consents[..2], &keys)),
        Err(Unlawful::Quorum(too_few))
    );

    let key = KeyRef { domain: name("income"), generation: Generation::FIRST };
    assert_eq!(office.append(intent(&proposal, &consents, &[key])), Err(Unlawful::Keys));

    let mut body = proposal.body.clone();
    body.action = Action::Open {
        domain: name("income"),
        kind: Kind::Statistics { cryptoperiod_years: 10 },
        minimum_batch: 11,
    };
    let moved = Signed::new(body, &office.key);
    let other = QuorumError::OtherProposal { custodian: ana() };
    assert_eq!(office.append(intent(&moved, &consents, &keys)), Err(Unlawful::Quorum(other)));

    let mut body = proposal.body.clone();
    body.head.root = Hex([0; 32]);
    let forked = Signed::new(body, &office.key);
    assert_eq!(office.append(intent(&forked, &consents, &keys)), Err(Unlawful::Head));

    // Approvals that could be kept for another day.
    let mut body = proposal.body.clone();
    body.expires = office.now + LONGEST_WAIT + 10.seconds();
    let run_key = ReceivingKey::random().public();
    body.run_key = run_key_digest(&run_key);
    let patient = Proposal { signed: Signed::new(body, &office.key), run_key };
    let kept: Vec<Consent> = (0..3).map(|seat| office.approve(seat, &patient).consent).collect();
    let refused = Err(Unlawful::Quorum(QuorumError::Wait));
    assert_eq!(office.append(intent(&patient.signed, &kept, &keys)), refused);

    let late = office.now;
    office.now += SignedDuration::from_hours(2);
    let expired = Err(Unlawful::Quorum(QuorumError::Expired));
    assert_eq!(office.append(intent(&proposal, &consents, &keys)), expired);
    office.now = late;
    office.append(intent(&proposal, &consents, &keys)).unwrap();
}

#[test]
fn a_minimum_batch_can_be_met() {
    let office = Office::held();
    let kind = Kind::Statistics { cryptoperiod_years: 5 };
    let with = |minimum_batch| {
        let open = Action::Open { domain: name("income"), kind, minimum_batch };
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

/// Appends the intent of a run and the event that ends it.
fn run(office: &mut Office, action: Action, end: impl FnOnce(Hex<16>) -> Event) {
    let intent = office.intent(action, &[0, 1, 2]);
    let Event::Intent { proposal, .. } = &intent else { unreachable!() };
    let run = proposal.body.run;
    office.append(intent).unwrap();
    office.append(end(run)).unwrap();
}

#[test]
fn a_second_dealing_works_once_its_shares_are_held() {
    let mut office = Office::held();
    run(&mut office, open_income(), |run| Event::Opened { run, check: Hex([1; 32]) });

    // One custodian doubts the custody: new keys wait for a dealing after it.
    let doubt = office.kits[0].doubt(None, office.ledger()).unwrap();
    let mut body = doubt.body.clone();
    body.generation = Some(Generation::FIRST);
    let odd = Signed::new(body, &key_of(&office.path("ana")));
    assert_eq!(
        office.append(Event::Doubted { doubt: odd }),
        Err(Unlawful::Refused(Refusal::Receipt))
    );
    office.append(Event::Doubted { doubt: doubt.clone() }).unwrap();
    let next_key = Action::NewKey {
        domain: name("income"),
        generation: Generation::FIRST.next(),
        reason: RenewalReason::Doubt,
    };
    assert_eq!(office.state.allows(&next_key, office.now), Err(Refusal::CustodyDoubted));
    let compromised = Refusal::Compromised { generation: Generation::FIRST };
    assert_eq!(office.state.allows(&code_request(), office.now), Err(compromised));

    // Fay takes ana's place. A dealing to others, of another epoch or with another threshold is not
    // the approved one.
    let fay = kit(&office.path("fay"), "fay");
    let cards: Vec<Card> =
        office.kits[1..].iter().chain([&fay]).map(|kit| kit.card().clone()).collect();
    let (dealing, files) = deal(&office.key, 2, 3, &cards);
    let former: Vec<Card> = office.kits.iter().map(|kit| kit.card().clone()).collect();
    let action = Action::Deal {
        threshold: dealing.threshold,
        cards: cards.iter().map(|card| card.fingerprint()).collect(),
    };
    let dealt = |dealing: &Dealing| Event::Dealt { dealing: Box::new(dealing.clone()) };
    assert_eq!(office.append(dealt(&dealing)), Err(Unlawful::NoIntent));
    let intent = office.intent(action, &[0, 1, 2]);
    office.append(intent).unwrap();
    for (other, _) in [
        deal(&office.key, 2, 3, &former),
        deal(&office.key, 1, 3, &cards),
        deal(&office.key, 3, 3, &cards),
        deal(&office.key, 2, 2, &cards),
        deal(&new_key(), 2, 3, &cards),
    ] {
        assert_eq!(office.append(dealt(&other)), Err(Unlawful::Dealing));
    }
    office.append(dealt(&dealing)).unwrap();

    // Until the last receipt is in, the former epoch works.
    office.kits.remove(0);
    office.kits.push(fay);
    let before = office.dealing.clone();
    (office.dealing, office.files) = (dealing, files);
    for seat in 0..5 {
        assert_eq!(office.state.working_dealing().unwrap(), &before, "{seat} receipts");
        let receipt = office.accept(seat);
        office.append(Event::Received { receipt }).unwrap();
    }
    assert_eq!(office.state.working_dealing().unwrap(), &office.dealing);
    // A new key is not the former one again.
    // The dealing answered the doubt: the same statement does not stop the service again.
    assert_eq!(office.append(Event::Doubted { doubt }), Err(Unlawful::Refused(Refusal::Receipt)));
    let intent = office.intent(next_key, &[0, 1, 2]);
    let Event::Intent { proposal, .. } = &intent else { unreachable!() };
    let run = proposal.body.run;
    office.append(intent).unwrap();
    assert_eq!(office.append(Event::KeyMade { run, check: Hex([1; 32]) }), Err(Unlawful::Keys));
    office.append(Event::KeyMade { run, check: Hex([2; 32]) }).unwrap();
    let domain = office.state.domain(&name("income")).unwrap();
    assert_eq!((domain.keys[0].epoch, domain.keys[1].epoch), (Epoch(1), Epoch(2)));

    // Shares of the former epoch are stated destroyed, by their holders.
    let receipt = office.kits[0].forget(Epoch(1), &before).unwrap();
    office.append(Event::Received { receipt }).unwrap();
    assert_eq!(
        office.state.epochs()[&Epoch(1)].forgotten.iter().collect::<Vec<_>>(),
        [&name("ben")]
    );
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
