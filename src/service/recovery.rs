//! Recovery instead of restoration (SPEC §13): the events that a lost or old home lacks come from
//! those who have seen them, and nobody accepts fewer.
//!
//! Sources are the home itself, the copies beside life secrets and in mirrors, published copies and
//! backups, and the lines that custodians' kits keep. The longest ledger is taken that k custodians
//! at hand follow; they see the recovery before the service goes on.

mod candidates;
mod rekey;

use std::path::{Path, PathBuf};
use std::time::Duration;

use cstatns_base::files::{self, Access, FileError};
use cstatns_base::language::Said;
use cstatns_base::name::{Hex, Name, canonical_json};
use cstatns_record::card::ServiceCard;
use cstatns_record::checkpoint::{Head, sign_head};
use cstatns_record::ledger::checkpoint_path;
use cstatns_record::ledger::event::{Event, KeyRef, LineWitness};
use cstatns_record::state::State;

use crate::custody::custodian::Kit;
use crate::keystore::{KeyPlace, Keystore, KeystoreError, Places};

use super::copies::{self, LEDGER};
use super::identity::Identity;
use super::making::unknown_keys;
use super::opening::{Opening, Purpose, RECOVERING};
use super::result::ReadResult;
use super::{Clock, LIMIT, Recovered, Service, ServiceError, clock, read_service_card};

use candidates::{Candidate, Choice, choose};

pub use candidates::Source;

/// What the file `recovering` says where custodians have to see the recovery.
const KITS: &[u8] = b"kits\n";
/// Where a recovery puts what the ledger does not speak of.
const ASIDE: &str = "aside";

/// What a home is recovered from, beside its own copies.
#[derive(Default)]
pub struct Sources {
    /// Ledgers with their checkpoint beside them, or directories that hold both: mirrors, backups,
    /// published copies.
    pub from: Vec<PathBuf>,
    /// The kits at hand.
    pub kits: Vec<Kit>,
    /// Where life secrets lie from now on, if the declared places are lost.
    pub life: Vec<PathBuf>,
    /// Where mirrors are from now on, if the declared ones are lost.
    pub mirrors: Vec<PathBuf>,
}

/// A recovery that knows what it will do, and has done nothing yet.
pub struct Recovery {
    home: PathBuf,
    lock: files::Lock,
    card: ServiceCard,
    places: Places,
    /// The places that are made: they lie in the home, or were given in place of lost ones.
    new: Vec<PathBuf>,
    taken: Candidate,
    /// What lies under the name of the home's ledger.
    own: Option<Vec<u8>>,
    /// What the home's ledger goes up to, where it can be read.
    own_head: Option<Head>,
    /// One kit of each custodian who follows.
    kits: Vec<Kit>,
    seals: Vec<(PathBuf, Vec<u8>)>,
    /// What it will do, for the people who decide.
    pub plan: Plan,
    clock: Box<dyn Clock>,
}

/// What a recovery will do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// How many events the home has now; none where its ledger cannot be read.
    pub found: Option<u64>,
    /// How many it will have, before what the recovery itself adds.
    pub events: u64,
    /// Where they come from.
    pub source: Source,
    /// Whether the home's own ledger, or a part of it, is put aside.
    pub puts_aside: bool,
    /// Whether custodians have to see it.
    pub needs_kits: bool,
    /// Whether the service gets another signing key, which the custodians accept: the present one
    /// is not in the home, or was replaced in events that nobody at hand has.
    pub rekeys: bool,
    /// Whether an earlier one was stopped.
    pub stopped: bool,
    /// What was asked or had begun, in words: it may have run.
    pub ends: Vec<Said>,
    /// Keys whose seal comes back from a source.
    pub found_keys: Vec<KeyRef>,
    /// Keys whose seal is nowhere.
    pub lost_keys: Vec<KeyRef>,
    /// Whether it will be recorded that they are lost: a quorum is at hand.
    pub records_lost: bool,
    /// Seals that the ledger does not know, which are put aside where a quorum is at hand: a run
    /// that was stopped has left them, or a backup brought them back.
    pub unknown_seals: Vec<PathBuf>,
    /// Places of life secrets and mirrors that are used from now on.
    pub new_places: Vec<PathBuf>,
    /// Custodians at hand who have seen another ledger, or one that goes further.
    pub left_behind: Vec<Name>,
    /// Those of them of whom another copy of the kit follows it.
    pub apart: Vec<Name>,
    /// Sources that were not used, and why.
    pub unsound: Vec<(Source, Said)>,
}

impl Plan {
    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.found == Some(self.events)
            && !self.puts_aside
            && !self.needs_kits
            && !self.rekeys
            && !self.stopped
            && self.found_keys.is_empty()
            && !self.records_lost
            && self.unknown_seals.is_empty()
            && self.new_places.is_empty()
    }
}

impl Recovery {
    /// Looks at every source, and decides.
    ///
    /// # Errors
    /// [`ServiceError::NoCopy`] where no ledger is found; [`ServiceError::TooFewFollow`] where
    /// fewer than k custodians at hand follow the longest; [`ServiceError::Branches`] where two
    /// that they follow are not of one history; [`KeystoreError::Place`] where a declared place of
    /// life secrets is not there; [`ServiceError::PlaceThere`] where one that is there would be
    /// given up. Nothing is changed.
    pub fn look(
        home: &Path,
        sources: Sources,
        clock: impl Clock + 'static,
    ) -> Result<Self, ServiceError> {
        let home = std::path::absolute(home).map_err(|error| FileError::from_io(home, &error))?;
        if !home.is_dir() {
            return Err(ServiceError::NoService { home });
        }
        let lock = files::lock_for(&home.join("lock"), &verb(), Duration::ZERO)?;
        let card = read_service_card(&home.join("card.json"))?;
        let Sources { from, kits, life, mirrors } = sources;
        let mut places = Places::read(&home)?;
        let declared: Vec<PathBuf> =
            places.life_of(&home).into_iter().chain(places.mirrors.iter().cloned()).collect();
        let mut kept: Vec<PathBuf> = places.there(&home, card.id()).collect();
        kept.retain(|place| !places.mirrors.contains(place));
        let absolute = |place: PathBuf| std::path::absolute(&place).unwrap_or(place);
        // What is to be made: what lies in the home, and what was given in place of what is lost.
        let mut new: Vec<PathBuf> = life.into_iter().map(absolute).collect();
        if !new.is_empty() {
            places.life = new.clone();
        }
        if !mirrors.is_empty() {
            places.mirrors = mirrors.into_iter().map(absolute).collect();
            new.extend(places.mirrors.iter().cloned());
        }
        new.extend(places.life_of(&home).into_iter().filter(|place| place.starts_with(&home)));
        let there: Vec<PathBuf> = places.there(&home, card.id()).collect();
        let mut new_places = new.clone();
        new_places.retain(|place| !there.contains(place) || !declared.contains(place));
        new.retain(|place| !there.contains(place));
        // What lies in a place that is given up would not be destroyed any more.
        if let Some(place) = kept.into_iter().find(|place| !places.life_of(&home).contains(place)) {
            return Err(ServiceError::PlaceThere { place });
        }
        let lives = places.life_of(&home).into_iter();
        if let Some(path) = lives.into_iter().find(|at| !there.contains(at) && !new.contains(at)) {
            return Err(KeystoreError::Place { path }.into());
        }
        let now = clock::seconds(&clock);
        let Choice {
            taken,
            own: own_head,
            follow,
            needs_kits,
            is_seen,
            left_behind,
            apart,
            unsound,
        } = choose(&home, &card, &there, &from, &kits, now)?;
        let own = match files::read(&home.join(LEDGER), u64::MAX >> 1) {
            Ok(bytes) => Some(bytes),
            Err(FileError::Missing { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let found = own_head.map(|head| head.size);
        let puts_aside = own.as_ref().is_some_and(|own| !taken.bytes.starts_with(whole(own)));
        let (seals, found_keys, lost_keys) =
            look_for_seals(&home, &card, &places, &taken.state, &from)?;
        let ends = ends(&taken.state);
        // What a recovery that was stopped had decided, it still needs.
        let stopped = match files::read(&home.join(RECOVERING), LIMIT) {
            Err(FileError::Missing { .. }) => None,
            read => Some(read?),
        };
        let needs_kits = (needs_kits || stopped.as_deref() == Some(KITS)) && !is_seen;
        let rekeys = rekey::is_needed(&home, taken.state.service_keys(), &kits)?;
        let (given, needed) = (follow.len(), taken.state.following_dealing().threshold.k());
        let quorum = given >= needed;
        if (needs_kits || rekeys) && !quorum {
            let events = taken.history.size();
            return Err(ServiceError::TooFewFollow { events, given, needed, apart });
        }
        let records_lost = quorum && !lost_keys.is_empty();
        let unknown_seals = match quorum {
            true => unknown_seals(&home, &taken.state)?,
            false => Vec::new(),
        };
        let kits = kits.into_iter().enumerate();
        let kits = kits.filter_map(|(at, kit)| follow.contains(&at).then_some(kit)).collect();
        let plan = Plan {
            found,
            events: taken.history.size(),
            source: taken.source.clone(),
            puts_aside,
            needs_kits,
            rekeys,
            stopped: stopped.is_some(),
            ends,
            found_keys,
            lost_keys,
            records_lost,
            unknown_seals,
            new_places,
            left_behind,
            apart,
            unsound,
        };
        let clock = Box::new(clock);
        Ok(Self { home, lock, card, places, new, taken, own, own_head, kits, seals, plan, clock })
    }

    /// Brings the events back, and goes on from there. Stopped at any step, it may be repeated with
    /// the same sources.
    ///
    /// # Errors
    /// [`ServiceError`]; until it has ended, the home does nothing else.
    pub fn carry_out(
        self,
        read: Option<ReadResult<'_>>,
    ) -> Result<(Service, Vec<Recovered>), ServiceError> {
        let Self { home, lock, card, places, new, mut taken, .. } = self;
        let Self { own, own_head, mut kits, seals, plan, clock, .. } = self;
        let decided: &[u8] = if plan.needs_kits { KITS } else { b"" };
        files::replace(&home.join(RECOVERING), decided, Access::Private)?;
        // What a recovery that was stopped was putting aside.
        if home.join(ASIDE).is_dir() {
            files::sweep(&home.join(ASIDE))?;
        }
        if let Some(own) = own.as_ref().filter(|_| plan.puts_aside) {
            put_aside(&home, LEDGER, own)?;
        }
        if plan.rekeys {
            let identity = Identity::draw(&home)?;
            taken.rekey(&identity, &mut kits, clock::seconds(&*clock))?;
        }
        let path = home.join(LEDGER);
        if own.as_ref() != Some(&taken.bytes) {
            files::replace(&path, &taken.bytes, Access::Shared)?;
        }
        // A ledger that was cut has no checkpoint of its own.
        let head = taken.history.head();
        let note = match head == taken.covered {
            true => taken.note,
            false => {
                let identity = Identity::present(&home, taken.state.service_keys())?;
                sign_head(&head, card.id(), &identity.key())
            }
        };
        files::replace(&checkpoint_path(&path), note.as_bytes(), Access::Shared)?;
        files::replace(&Places::path(&home), &canonical_json(&places), Access::Private)?;
        for directory in ["keys", "outbox"].map(|name| home.join(name)) {
            files::ensure_dir(&directory)?;
        }
        let lives = Keystore::new(home.join("keys"), places.life_of(&home));
        let living = |domain: &Name| {
            taken.state.domain(domain).is_ok_and(|domain| domain.destroyed.is_none())
        };
        for place in &new {
            files::ensure_dir(place)?;
            match places.mirrors.contains(place) {
                true => copies::declare_mirror(place, card.id())?,
                false => {
                    lives.copy_lives(place, living)?;
                    lives
                        .copy_requests(place, |key| taken.state.living_request_key(key).is_ok())?;
                    Keystore::new(home.join("keys"), vec![place.clone()])
                        .declare_places(card.id())?;
                }
            }
        }
        for (path, seal) in &seals {
            files::replace(path, seal, Access::Private)?;
        }
        let (mut service, mut recovered) =
            Service::read_home(home, lock, clock, &Opening::of(verb()), Purpose::Recover)?;
        match plan.needs_kits {
            true => service.resume(own_head, kits)?,
            // They have stated something, if the signing key was replaced.
            false => {
                let shown = kits.iter().filter(|_| plan.rekeys);
                service.seen.extend(shown.map(|kit| (kit.name().clone(), kit.shown())));
            }
        }
        let lost = plan.lost_keys.into_iter().filter(|_| plan.records_lost);
        for KeyRef { domain, generation } in lost {
            service.record(Event::KeyLost { domain, generation })?;
        }
        for path in &plan.unknown_seals {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            put_aside(&service.home, &name, &files::read(path, LIMIT)?)?;
            files::remove(path)?;
            recovered.push(Recovered::PutAside { path: path.clone() });
        }
        // Also a copy that could not be written: it would make this home an old one.
        let (keys, history) = (service.state.service_keys(), service.history());
        copies::check_marks(&service.home, keys, history, &service.places)?;
        files::remove(&service.home.join(RECOVERING))?;
        service.recover(read, &mut recovered)?;
        service.taken = service.history().size();
        Ok((service, recovered))
    }
}

impl Service {
    /// Records that the home was recovered, and that custodians have seen it.
    fn resume(&mut self, before: Option<Head>, kits: Vec<Kit>) -> Result<(), ServiceError> {
        if !self.state.recoveries().unseen {
            self.record(Event::Recovered { home: before })?;
        }
        let mut witnesses: Vec<LineWitness> = Vec::with_capacity(kits.len());
        for mut kit in kits {
            let witness = kit.resume(self.view(), self.clock())?;
            self.seen.push((kit.name().clone(), kit.shown()));
            witnesses.push(witness);
        }
        witnesses.sort_by(|a, b| a.by.cmp(&b.by));
        self.record(Event::Resumed { witnesses })
    }
}

/// What is said of a home that is being recovered.
fn verb() -> Name {
    Name::new("recover").expect("a name")
}

/// The whole lines of a ledger.
fn whole(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    &bytes[..end]
}

/// Keeps bytes under a name that says what they are and which.
fn put_aside(home: &Path, name: &str, bytes: &[u8]) -> Result<(), FileError> {
    use sha2::{Digest, Sha256};
    files::ensure_dir(&home.join(ASIDE))?;
    let digest = Hex::<32>(Sha256::digest(bytes).into()).to_string();
    let path = home.join(ASIDE).join(format!("{name}.{}", &digest[..16]));
    if files::taken(&path)? { Ok(()) } else { files::write_new(&path, bytes, Access::Private) }
}

/// What is open in a ledger, in words.
fn ends(state: &State) -> Vec<Said> {
    let open = state.open_questions().values().map(|open| &open.question.action);
    let pending = state.pending().map(|pending| &pending.question.action);
    open.chain(pending).map(|action| Said::of(&action.brief())).collect()
}

/// The seals in `keys/` that the ledger does not know.
fn unknown_seals(home: &Path, state: &State) -> Result<Vec<PathBuf>, ServiceError> {
    let keys = home.join("keys");
    if !keys.is_dir() {
        return Ok(Vec::new());
    }
    let found = unknown_keys(&Keystore::new(keys, Vec::new()), state)?;
    Ok(found.into_iter().map(|found| found.path).collect())
}

type Seals = (Vec<(PathBuf, Vec<u8>)>, Vec<KeyRef>, Vec<KeyRef>);

/// The seals that `keys/` lacks: those that a source has, and the keys of those that none has.
fn look_for_seals(
    home: &Path,
    card: &ServiceCard,
    places: &Places,
    state: &State,
    from: &[PathBuf],
) -> Result<Seals, ServiceError> {
    let own = Keystore::new(home.join("keys"), places.life_of(home));
    let (mut seals, mut found, mut lost) = (Vec::new(), Vec::new(), Vec::new());
    let epochs: Vec<_> = state.epochs().iter().filter(|(_, epoch)| epoch.working).collect();
    let Some((epoch, _)) = epochs.last() else { return Ok((seals, found, lost)) };
    let others = from.iter().chain(&places.mirrors).map(|place| place.join("keys"));
    let others: Vec<Keystore> = others.map(|keys| Keystore::new(keys, Vec::new())).collect();
    for key in state.living_keys() {
        let kind = state.domain(&key.domain)?.kind;
        let (domain, generation) = (&key.domain, key.generation);
        let place = KeyPlace { service: card.id(), epoch: **epoch, domain, kind, generation };
        let label = place.label(key.check);
        let reference = KeyRef { domain: domain.clone(), generation };
        let has_life = !kind.is_research() || own.life_paths(domain).any(|path| path.exists());
        if has_life && own.seal_of(&label).is_some() {
            continue;
        }
        match others.iter().find_map(|other| other.seal_of(&label)).filter(|_| has_life) {
            Some(seal) => {
                seals.push((own.seal_path(domain, generation, **epoch), seal));
                found.push(reference);
            }
            None => lost.push(reference),
        }
    }
    // Those of a dealing that waits for receipts: without them it does not begin.
    let waits = state.pending_epoch();
    for (epoch, key) in waits.iter().flat_map(|(epoch, of)| of.keys.iter().map(|key| (*epoch, key)))
    {
        if own.sealed_as(key, epoch).is_some() {
            continue;
        }
        if let Some(seal) = others.iter().find_map(|other| other.sealed_as(key, epoch)) {
            seals.push((own.seal_path(&key.domain, key.generation, epoch), seal));
            found.push(key.living().place());
        }
    }
    Ok((seals, found, lost))
}
