//! What a kit remembers: the service, the newest ledger seen, its own statements, and every line
//! that it folded (SPEC §8).
//!
//! `memory` is sealed under a key from the kit's signing seed, so that nobody without the kit can
//! make or change one. An older copy of it is as good as the present one: what it says of itself is
//! shown at each opening, to be compared with what the custodian keeps on paper.

mod lines;

use std::path::{Path, PathBuf};

use chacha20poly1305::aead::Aead;
use chacha20poly1305::aead::Payload;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use cstatns_base::code::Generation;
use cstatns_base::files::{self, Access, FileError};
use cstatns_base::meta::{SUITE, ServiceId};
use cstatns_base::name::{Hex, Name, canonical_json, whole_number};
use cstatns_base::secret::{Secret, random_bytes, wipe_stack};
use cstatns_record::card::{Card, CardBody, ServiceCard};
use cstatns_record::checkpoint::Head;
use cstatns_record::dealing::Epoch;
use cstatns_record::evidence::{About, Stated};
use cstatns_record::proposal::RunId;
use cstatns_record::receipt::ReceiptStatement;
use cstatns_record::state::{Fate, State, View};
use cstatns_record::statement::{FORMAT, Suite};
use data_encoding::BASE64;
use hkdf::Hkdf;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{KitError, line};
use crate::custody::approval::Approval;

pub use lines::kept_lines;

/// The name of the file.
pub(super) const NAME: &str = "memory";
/// More than a memory is long, in bytes.
const LIMIT: u64 = 256 << 20;

/// What a kit remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Memory {
    format: u32,
    suite: Suite,
    /// The service that it follows, from the first share that it accepted.
    service: Option<ServiceCard>,
    /// Its newest signing key.
    service_key: Option<Hex<32>>,
    /// How many statements it has made.
    #[serde(deserialize_with = "whole_number")]
    pub(super) count: u64,
    /// The newest checkpoint seen, as the service signed it.
    checkpoint: Option<String>,
    head: Option<Head>,
    /// How many bytes the lines up to it have, and how many they have compressed.
    #[serde(deserialize_with = "whole_number")]
    bytes: u64,
    #[serde(deserialize_with = "whole_number")]
    compressed: u64,
    /// The newest epoch that was dealt, and the newest that works.
    epochs: Option<[Epoch; 2]>,
    domains: Vec<SeenDomain>,
    pub(super) statements: Vec<Stated>,
    /// The paper that the kit was made from, until it accepts a share of a later epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paper: Option<FromPaper>,
    /// The approvals that left the kit of questions that are open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    approvals: Vec<Approval>,
}

/// A paper that a kit was made from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FromPaper {
    /// The id of the service.
    service: String,
    /// The epoch of the share on it.
    epoch: Epoch,
}

/// How far a domain had come when it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeenDomain {
    domain: Name,
    generation: Generation,
    ends: Option<Date>,
}

/// What a kit says of itself before it is opened: to be compared with what the custodian keeps on
/// paper. It is authentic once the kit has opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Shown {
    /// How many statements it has made.
    #[serde(deserialize_with = "whole_number")]
    pub count: u64,
    /// The last of them.
    pub last: Option<ShownStatement>,
    /// Size and root of the ledger seen last.
    pub head: Option<Head>,
    /// The epoch of the paper that the kit was made from: of what was stated before it knows
    /// nothing. It says so until it accepts a share of a later epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paper: Option<Epoch>,
}

/// A statement as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ShownStatement {
    /// Its date.
    pub time: Timestamp,
    /// What it is about.
    pub about: About,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    shown: Shown,
    nonce: Hex<24>,
    sealed: String,
}

/// The key of a kit's memory: HKDF-SHA-256 without salt of the signing seed, info
/// "CStatNS/kit-memory/2/" ‖ suite ‖ "/" ‖ the public signing key in hexadecimal.
fn memory_key(seed: &Secret<32>, signing: &Hex<32>) -> Secret<32> {
    let key = Secret::fill(|key| {
        Hkdf::<Sha256>::new(None, seed.expose())
            .expand(&label(signing), key)
            .expect("32 bytes can be derived");
    });
    wipe_stack();
    key
}

fn label(signing: &Hex<32>) -> Vec<u8> {
    format!("CStatNS/kit-memory/2/{SUITE}/{signing}").into_bytes()
}

/// The associated data of a memory's seal: the label of its key, a line feed, what is shown.
fn associated(signing: &Hex<32>, shown: &Shown) -> Vec<u8> {
    let mut associated = label(signing);
    associated.push(b'\n');
    associated.extend(canonical_json(shown));
    associated
}

/// A memory with the key that seals it and the place where it lies.
pub(super) struct Kept {
    pub(super) directory: PathBuf,
    pub(super) name: Name,
    /// The public signing key of the kit.
    pub(super) signing: Hex<32>,
    key: Secret<32>,
    pub(super) memory: Memory,
}

impl Memory {
    fn new() -> Self {
        Self {
            format: FORMAT,
            suite: Suite::default(),
            service: None,
            service_key: None,
            count: 0,
            checkpoint: None,
            head: None,
            bytes: 0,
            compressed: 0,
            epochs: None,
            domains: Vec::new(),
            statements: Vec::new(),
            paper: None,
            approvals: Vec::new(),
        }
    }

    fn shown(&self) -> Shown {
        let last = self.statements.last();
        let last = last.map(|last| ShownStatement { time: last.time(), about: last.about() });
        let paper = self.paper.as_ref().map(|paper| paper.epoch);
        Shown { count: self.count, last, head: self.head, paper }
    }
}

/// The bytes of a new kit's memory.
pub(super) fn new_memory(seed: &Secret<32>, signing: &Hex<32>) -> Vec<u8> {
    seal(&Memory::new(), &memory_key(seed, signing), signing)
}

/// The bytes of the memory of a kit that is made from paper.
pub(super) fn paper_memory(
    seed: &Secret<32>,
    signing: &Hex<32>,
    service: String,
    epoch: Epoch,
) -> Vec<u8> {
    let memory = Memory { paper: Some(FromPaper { service, epoch }), ..Memory::new() };
    seal(&memory, &memory_key(seed, signing), signing)
}

fn seal(memory: &Memory, key: &Secret<32>, signing: &Hex<32>) -> Vec<u8> {
    let shown = memory.shown();
    let mut nonce = [0; 24];
    random_bytes(&mut nonce);
    let cipher = XChaCha20Poly1305::new(key.expose().into());
    let (msg, aad) = (&canonical_json(memory)[..], &associated(signing, &shown)[..]);
    let sealed = cipher.encrypt(&XNonce::from(nonce), Payload { msg, aad });
    let sealed = BASE64.encode(&sealed.expect("a memory can be sealed"));
    wipe_stack();
    line(&File { format: FORMAT, shown, nonce: Hex(nonce), sealed })
}

/// What the memory of the kit in `directory` says of itself, without the kit's passphrase.
pub(super) fn shown(directory: &Path) -> Result<Shown, KitError> {
    Ok(read(directory)?.shown)
}

fn read(directory: &Path) -> Result<File, KitError> {
    let lost = || KitError::Memory { kit: directory.to_owned() };
    let bytes = match files::read(&directory.join(NAME), LIMIT) {
        Err(
            FileError::Missing { .. } | FileError::TooLarge { .. } | FileError::NotRegular { .. },
        ) => {
            return Err(lost());
        }
        read => read?,
    };
    let file: Option<File> = serde_json::from_slice(&bytes).ok();
    file.filter(|file| file.format == FORMAT).ok_or_else(lost)
}

fn load(directory: &Path, signing: &Hex<32>, key: &Secret<32>) -> Result<Memory, KitError> {
    let lost = || KitError::Memory { kit: directory.to_owned() };
    let File { shown, nonce, sealed, .. } = read(directory)?;
    let cipher = XChaCha20Poly1305::new(key.expose().into());
    let sealed = BASE64.decode(sealed.as_bytes()).map_err(|_| lost())?;
    let payload = Payload { msg: &sealed, aad: &associated(signing, &shown) };
    let opened = cipher.decrypt(&XNonce::from(nonce.0), payload);
    wipe_stack();
    let memory: Option<Memory> = serde_json::from_slice(&opened.map_err(|_| lost())?).ok();
    memory.filter(|memory| memory.format == FORMAT && memory.shown() == shown).ok_or_else(lost)
}

impl Kept {
    /// Opens the memory of a kit whose signing seed is open.
    ///
    /// # Errors
    /// [`KitError::Memory`] when it is missing, damaged or not this kit's.
    pub(super) fn open(directory: &Path, card: &Card, seed: &Secret<32>) -> Result<Self, KitError> {
        let CardBody { name, signing, .. } = card.body.clone();
        let key = memory_key(seed, &signing);
        let memory = load(directory, &signing, &key)?;
        Ok(Self { directory: directory.to_owned(), name, signing, key, memory })
    }

    /// Reads the memory again: the kit may have stated something elsewhere meanwhile.
    ///
    /// # Errors
    /// As [`Kept::open`].
    pub(super) fn reload(&mut self) -> Result<(), KitError> {
        self.memory = load(&self.directory, &self.signing, &self.key)?;
        Ok(())
    }

    pub(super) fn shown(&self) -> Shown {
        self.memory.shown()
    }

    /// The statements that it has made.
    pub(super) fn statements(&self) -> &[Stated] {
        &self.memory.statements
    }

    /// The newest checkpoint seen.
    pub(super) fn checkpoint(&self) -> Option<&str> {
        self.memory.checkpoint.as_deref()
    }

    /// The service that it follows.
    pub(super) fn service(&self) -> Option<&ServiceCard> {
        self.memory.service.as_ref()
    }

    /// The newest signing key of the service that it has seen.
    pub(super) fn service_key(&self) -> Option<&Hex<32>> {
        self.memory.service_key.as_ref()
    }

    /// The number that its next statement on this ledger gets: higher than any that the ledger
    /// holds of this custodian.
    pub(super) fn next_count(&self, state: &State) -> u64 {
        self.memory.count.max(self.recorded(state)) + 1
    }

    pub(super) fn recorded(&self, state: &State) -> u64 {
        let statements = state.statements().get(&self.signing);
        statements.map_or(0, |statements| statements.count)
    }

    /// The head that the ledger's checkpoint covers, if the ledger is a longer one of what was
    /// seen.
    ///
    /// # Errors
    /// [`KitError::OtherService`], [`KitError::Shorter`], [`KitError::Forked`],
    /// [`KitError::Checkpoint`].
    pub(super) fn follow(&self, ledger: &View<'_>) -> Result<Head, KitError> {
        let custodian = || self.name.clone();
        let service = ledger.state.service();
        if let Some(known) = &self.memory.service
            && known != service
        {
            let service = ServiceId::of(known.id());
            return Err(KitError::OtherService { custodian: custodian(), service });
        }
        if self.memory.paper.as_ref().is_some_and(|paper| paper.service != service.id()) {
            let service =
                self.memory.paper.as_ref().and_then(|paper| ServiceId::of(&paper.service));
            return Err(KitError::OtherService { custodian: custodian(), service });
        }
        let head = self.shown_head(ledger)?;
        let Some(seen) = self.memory.head else { return Ok(head) };
        if head.size < seen.size {
            let found = head.size;
            return Err(KitError::Shorter { custodian: custodian(), seen: seen.size, found });
        }
        if !ledger.history.includes(&seen) {
            return Err(KitError::Forked { custodian: custodian(), seen: seen.size });
        }
        Ok(head)
    }

    /// The head that the ledger's checkpoint covers.
    ///
    /// # Errors
    /// [`KitError::Checkpoint`].
    pub(super) fn shown_head(&self, ledger: &View<'_>) -> Result<Head, KitError> {
        let head = ledger.state.service_keys().head_of(ledger.note.as_bytes()).ok();
        let head = head.filter(|head| ledger.history.includes(head));
        head.ok_or_else(|| KitError::Checkpoint { custodian: self.name.clone() })
    }

    /// Remembers a statement about a ledger that the kit does not follow, and nothing else of it.
    ///
    /// # Errors
    /// [`KitError::File`].
    pub(super) fn remember_stated(&mut self, stated: Stated) -> Result<(), KitError> {
        let mut memory = self.memory.clone();
        memory.count = stated.count();
        memory.statements.push(stated);
        self.write(memory)
    }

    /// Remembers the ledger up to `head`, which [`Kept::follow`] gave, and what was stated.
    ///
    /// # Errors
    /// [`KitError::File`].
    pub(super) fn remember(
        &mut self,
        ledger: &View<'_>,
        head: Head,
        stated: Option<Stated>,
    ) -> Result<(), KitError> {
        let mut memory = self.memory.clone();
        if self.has_lost_lines()? {
            // The memory says so first: whoever is stopped from here on leaves a file that is
            // written anew again.
            (memory.bytes, memory.compressed) = (0, 0);
            self.write(memory.clone())?;
        }
        let (added, compressed) = self.keep_lines(ledger, head)?;
        memory.bytes += added;
        memory.compressed = compressed;
        memory.service = Some(ledger.state.service().clone());
        memory.service_key = Some(*ledger.state.service_keys().present());
        memory.checkpoint = Some(ledger.note.to_owned());
        memory.head = Some(head);
        let newest = ledger.state.epochs().keys().next_back().copied();
        let working = ledger.state.working_epoch().ok().map(|(epoch, _)| epoch);
        memory.epochs = newest.map(|newest| [newest, working.unwrap_or(Epoch(0))]);
        let domains = ledger.state.domains().iter();
        let domains = domains.map(|(name, domain)| SeenDomain {
            domain: name.clone(),
            generation: domain.generation(),
            ends: domain.ends(),
        });
        memory.domains = domains.collect();
        memory.count = memory.count.max(self.recorded(ledger.state));
        // The ledger that is kept here holds a question that has its result: its line is not kept
        // twice.
        for known in &mut memory.statements {
            if let Stated::Consent { run, line, proposal, intent, .. } = known {
                let fate = ledger.state.runs().get(run).map(|run| &run.fate);
                if fate == Some(&Fate::Result) && !line.is_empty() {
                    line.clear();
                    proposal.clear();
                    *intent = None;
                }
            }
        }
        let open = ledger.state.open_questions().values();
        let open: Vec<_> = open.filter_map(|open| ledger.history.leaf(open.number)).collect();
        memory.approvals.retain(|kept| open.contains(&kept.consent.body.question));
        if let Some(stated) = stated {
            memory.count = stated.count();
            memory.paper = memory.paper.filter(|paper| !is_later(&stated, paper.epoch));
            memory.statements.push(stated);
        }
        self.write(memory)
    }

    /// Keeps an approval that leaves the kit, for the same command again. It is written with the
    /// statement that it is.
    pub(super) fn keep_approval(&mut self, approval: &Approval) {
        self.memory.approvals.push(approval.clone());
    }

    /// The approval of the question with this leaf hash that left the kit.
    pub(super) fn approval(&self, question: &Hex<32>) -> Option<&Approval> {
        self.memory.approvals.iter().find(|kept| kept.consent.body.question == *question)
    }

    /// Notes that the intent of a run which this kit approved was seen.
    pub(super) fn remember_intent(
        &mut self,
        ledger: &View<'_>,
        head: Head,
        of: &RunId,
    ) -> Result<(), KitError> {
        for stated in &mut self.memory.statements {
            if let Stated::Consent { run, intent, .. } = stated
                && run == of
            {
                *intent = Some(ledger.note.to_owned());
            }
        }
        self.remember(ledger, head, None)
    }

    fn write(&mut self, memory: Memory) -> Result<(), KitError> {
        let bytes = seal(&memory, &self.key, &self.signing);
        files::replace(&self.directory.join(NAME), &bytes, Access::Private)
            .map_err(|error| self.unwritten(error))?;
        self.memory = memory;
        Ok(())
    }

    /// Why the kit was not written to.
    pub(super) fn unwritten(&self, error: FileError) -> KitError {
        match error {
            FileError::ReadOnly { .. } | FileError::Permission { .. } => {
                KitError::ReadOnly { kit: self.directory.clone() }
            }
            error => error.into(),
        }
    }
}

/// Whether it is the receipt of a share of a later epoch than this one.
fn is_later(stated: &Stated, than: Epoch) -> bool {
    let Stated::Receipt { receipt } = stated else { return false };
    matches!(receipt.body.statement, ReceiptStatement::ShareHeld { epoch, .. } if epoch > than)
}
