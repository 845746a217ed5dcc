//! What an auditor can establish from a ledger, the service's card and the checkpoints kept from earlier visits
//! (SPEC §11, §12): without keys, identifiers or codes.
//!
//! A service can rewrite its own ledger, chain and checkpoint, and stay lawful in doing so. What it cannot rewrite are
//! the checkpoints that others kept and the ones that custodians cosigned: [`verify`] says how far these reach.

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::checkpoint::root_of;
use crate::code::Generation;
use crate::custody::approval::Action;
use crate::custody::quorum::QuorumError;
use crate::custody::{Head, RosterError, ServiceCard, spoken};
use crate::files::FileError;
use crate::ledger::event::{Event, Line};
use crate::ledger::{History, LedgerError, Lines, checkpoint_path, read_checkpoint};
use crate::name::Name;
use crate::sharing::Epoch;
use crate::state::{Broken, Fold, Refusal, State, Unlawful};

/// What an auditor established about a ledger. `Display` tells it in plain words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// The service's id.
    pub service: String,
    /// Whether the service is a demonstration; unknown when the first event does not hold.
    pub demo: Option<bool>,
    /// The fingerprint of the first dealing, as words to compare with the custodians': their signatures prove something
    /// only if the roster is theirs.
    pub founding: Option<String>,
    /// Whole lines in the file.
    pub events: u64,
    /// Events that the service's checkpoint covers; none when it is not a sound one.
    pub covered: Option<u64>,
    /// Everything below is about the first `sound` events: what follows them is not vouched for.
    pub sound: u64,
    /// The time of the first event.
    pub first: Option<Timestamp>,
    /// The time of the last sound event.
    pub last: Option<Timestamp>,
    /// What holds and what does not.
    pub findings: Vec<Finding>,
    /// How far others than the service vouch for the ledger.
    pub witnessed: Witnessed,
    /// Signed statements of custodians that were verified: approvals, receipts, doubts.
    pub statements: u64,
    /// Runs that began in which people are looked up in a register; those without a result are counted too.
    pub look_ups: u64,
    /// The domains.
    pub domains: Vec<DomainSummary>,
    /// The deliveries.
    pub deliveries: DeliverySummary,
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked.
    pub check: Check,
    /// A stable short code: `holds`, or what was found.
    pub code: &'static str,
    /// Whether it holds.
    pub holds: bool,
    /// The event it is about. Where a root differs: the last of the events among which the difference lies.
    pub event: Option<u64>,
    /// In plain words.
    pub detail: String,
}

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Check {
    /// The ledger's checkpoint is signed by the service.
    Checkpoint,
    /// Every line is an event in its place and carries the leaf hash of the one before.
    Chain,
    /// Every statement in the events is signed by who is said to state it.
    Signatures,
    /// Every event is lawful after the ones before it.
    Lawfulness,
    /// The events are the ones that the checkpoint covers.
    Tree,
    /// The ledger extends a checkpoint kept from before.
    Earlier,
}

impl Check {
    fn word(self) -> &'static str {
        match self {
            Self::Checkpoint => "Checkpoint",
            Self::Chain => "Chain",
            Self::Signatures => "Signatures",
            Self::Lawfulness => "Lawfulness",
            Self::Tree => "Completeness",
            Self::Earlier => "Earlier checkpoint",
        }
    }
}

/// How far others than the service vouch for the ledger, by their cosignatures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Witnessed {
    /// The first so many events were witnessed by somebody.
    pub events: u64,
    /// Each custodian, and how many events they witnessed.
    pub custodians: Vec<Witness>,
}

/// What one custodian witnessed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Witness {
    /// The custodian.
    pub custodian: Name,
    /// The first so many events.
    pub events: u64,
}

/// How a domain stood after the last sound event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DomainSummary {
    /// The domain.
    pub domain: Name,
    /// `statistics` or `research`.
    pub kind: &'static str,
    /// The generation of its codes.
    pub generation: Generation,
    /// Generations that were doubted.
    pub doubted: Vec<Generation>,
    /// A project's last day.
    pub ends: Option<Date>,
    /// When its keys were destroyed.
    pub destroyed: Option<Timestamp>,
}

/// The deliveries until the last sound event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeliverySummary {
    /// Results made.
    pub made: u64,
    /// Of which renewals.
    pub renewals: u64,
    /// Of which of people who were looked up.
    pub look_ups: u64,
    /// Rows in them.
    pub rows: u64,
    /// Results stated delivered, the service's copy destroyed.
    pub delivered: u64,
    /// Requests kept against the scheme.
    pub requests_kept: u64,
}

/// Why nothing could be established.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The card is not a service's.
    #[error("the card given is not a sound card of a service: take card.json as the service published it")]
    Card,
}

impl AuditError {
    /// The stable short code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::Card => "service-card",
        }
    }
}

/// Checks the ledger at `ledger`, with the checkpoint beside it, against the service's card and checkpoints kept from
/// before. What does not hold is a finding; after the first event that does not hold, nothing is claimed of the events.
///
/// # Errors
/// [`AuditError`] when there is nothing to judge by: a file cannot be read, the card is none.
pub fn verify(ledger: &Path, card: &ServiceCard, old: &[PathBuf]) -> Result<Audit, AuditError> {
    if !card.is_sound() {
        return Err(AuditError::Card);
    }
    let own = Kept::read(&checkpoint_path(ledger), card)?;
    let old: Vec<Kept> = old.iter().map(|path| Kept::read(path, card)).collect::<Result<_, _>>()?;
    if let Some(missing) = old.iter().find(|kept| matches!(kept.head, Err(Unsound::Missing))) {
        return Err(FileError::Missing { path: missing.path.clone() }.into());
    }
    let walk = Walk::through(ledger, card, u64::MAX)?;
    let facts = Facts { covered: own.head.as_ref().ok().copied(), broken: walk.broken(&own), walk: &walk };
    let sound = facts.sound(&old);
    // A state that met what does not hold is not used: the summary is of the sound events alone.
    let again = if sound < walk.history.size() { Some(Walk::through(ledger, card, sound)?) } else { None };
    let summary = again.as_ref().unwrap_or(&walk);

    let mut findings = vec![facts.checkpoint(&own)];
    findings.extend(facts.events(sound));
    findings.extend(facts.tree());
    findings.extend(old.iter().map(|kept| facts.earlier(kept)));

    let witnesses = if facts.broken.is_some() { summary } else { &walk };
    Ok(Audit {
        service: card.id().to_owned(),
        events: walk.history.size(),
        covered: facts.covered.map(|head| head.size),
        sound,
        first: summary.first,
        findings,
        witnessed: witnesses.state.as_ref().map(|state| witnessed(state, sound)).unwrap_or_default(),
        statements: summary.statements,
        look_ups: summary.look_ups,
        ..Audit::of(summary.state.as_ref())
    })
}

impl Audit {
    /// Whether everything that was checked holds.
    pub fn holds(&self) -> bool {
        self.findings.iter().all(|finding| finding.holds)
    }

    /// What does not hold.
    pub fn failures(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| !finding.holds)
    }

    /// What the state tells.
    fn of(state: Option<&State>) -> Self {
        let mut audit = Self {
            service: String::new(),
            demo: state.map(State::is_demo),
            founding: None,
            events: 0,
            covered: None,
            sound: 0,
            first: None,
            last: state.map(State::time),
            findings: Vec::new(),
            witnessed: Witnessed::default(),
            statements: 0,
            look_ups: 0,
            domains: Vec::new(),
            deliveries: DeliverySummary::default(),
        };
        let Some(state) = state else { return audit };
        let first = state.epochs().get(&Epoch::FIRST);
        audit.founding = first.map(|epoch| spoken(&epoch.dealing.fingerprint()));
        for (name, domain) in state.domains() {
            let doubted = domain.keys.iter().zip(1..).filter(|(key, _)| key.compromised);
            audit.domains.push(DomainSummary {
                domain: name.clone(),
                kind: domain.kind.word(),
                generation: domain.generation(),
                doubted: doubted.filter_map(|(_, number)| Generation::new(number)).collect(),
                ends: domain.ends(),
                destroyed: domain.destroyed,
            });
        }
        for delivery in state.deliveries().values() {
            let summary = &mut audit.deliveries;
            summary.made += 1;
            summary.renewals += u64::from(delivery.from.is_some());
            summary.look_ups += u64::from(delivery.look_up.is_some());
            summary.rows = summary.rows.saturating_add(delivery.rows);
            summary.delivered += u64::from(delivery.destroyed);
            summary.requests_kept += u64::from(delivery.request_kept);
        }
        audit
    }
}

fn witnessed(state: &State, sound: u64) -> Witnessed {
    let mut custodians: Vec<Witness> = Vec::new();
    for seat in state.epochs().values().flat_map(|epoch| &epoch.dealing.roster) {
        let custodian = seat.card.body.name.clone();
        // Who witnessed more events witnessed the sound ones among them.
        let events = state.witnessed().get(&custodian).copied().unwrap_or(0).min(sound);
        if custodians.iter().all(|known| known.custodian != custodian) {
            custodians.push(Witness { custodian, events });
        }
    }
    Witnessed { events: custodians.iter().map(|witness| witness.events).max().unwrap_or(0), custodians }
}

/// A checkpoint as it was given.
struct Kept {
    path: PathBuf,
    head: Result<Head, Unsound>,
}

/// Why a checkpoint is not one of the service's.
#[derive(Clone, Copy)]
enum Unsound {
    Missing,
    OtherService,
    Signature,
}

impl Kept {
    fn read(path: &Path, card: &ServiceCard) -> Result<Self, AuditError> {
        let head = match read_checkpoint(path, card) {
            Ok(head) => Ok(head),
            Err(LedgerError::File(FileError::Missing { .. })) => Err(Unsound::Missing),
            Err(LedgerError::File(error)) => return Err(error.into()),
            Err(LedgerError::OtherCheckpoint { .. }) => Err(Unsound::OtherService),
            Err(_) => Err(Unsound::Signature),
        };
        Ok(Self { path: path.to_owned(), head })
    }

    fn unsound(&self, check: Check, why: Unsound) -> Finding {
        let path = &self.path;
        match why {
            Unsound::Missing => {
                failure(check, "checkpoint-missing", None, format!("There is no checkpoint at {path:?}."))
            }
            Unsound::OtherService => failure(
                check,
                "checkpoint-other-service",
                None,
                format!("{path:?} is a checkpoint of another service: it says nothing about this one."),
            ),
            Unsound::Signature => failure(
                check,
                "checkpoint-signature",
                None,
                format!("{path:?} is not a checkpoint with a valid signature of this service."),
            ),
        }
    }
}

/// A ledger read to its end: folded until an event does not hold, hashed from there on.
struct Walk {
    history: History,
    /// After the last event that followed from the ones before.
    state: Option<State>,
    first: Option<Timestamp>,
    statements: u64,
    look_ups: u64,
    stop: Option<Stop>,
    torn: bool,
}

/// The first line that does not follow from the ones before it.
struct Stop {
    number: u64,
    error: Broken,
    /// The line, where it is one.
    line: Option<Line>,
    /// Whether the line after it carries its leaf hash; none where there is no such line.
    carried: Option<bool>,
}

/// The event that does not hold.
struct BrokenEvent<'a> {
    number: u64,
    error: &'a Broken,
    event: Option<&'static str>,
    changed: Option<bool>,
}

impl Walk {
    /// Reads the first `limit` events.
    fn through(path: &Path, card: &ServiceCard, limit: u64) -> Result<Self, AuditError> {
        let file_error = |error| match error {
            LedgerError::File(error) => error,
            // Lines gives no other error.
            _ => FileError::NotRegular { path: path.to_owned() },
        };
        let mut lines = Lines::open(path).map_err(file_error)?;
        let mut fold = Fold::new(card);
        let (mut first, mut statements, mut look_ups) = (None, 0, 0);
        let mut stopped: Option<(Stop, History)> = None;
        for _ in 0..limit {
            let Some(bytes) = lines.next_line().map_err(file_error)? else { break };
            match &mut stopped {
                None => match fold.push(bytes) {
                    Ok(line) => {
                        first.get_or_insert(line.time);
                        statements += statements_in(&line.event);
                        look_ups += u64::from(begins_look_up(&line.event));
                    }
                    Err(error) => {
                        let mut history = fold.history().clone();
                        history.push(bytes);
                        let line = serde_json::from_slice(bytes).ok();
                        stopped =
                            Some((Stop { number: history.size(), error, line, carried: None }, history));
                    }
                },
                Some((stop, history)) => {
                    if history.size() == stop.number {
                        let next: Option<Line> = serde_json::from_slice(bytes).ok();
                        stop.carried = next.map(|next| next.previous == history.last());
                    }
                    history.push(bytes);
                }
            }
        }
        let (folded, state) = fold.finish();
        let (stop, history) = match stopped {
            Some((stop, history)) => (Some(stop), history),
            None => (None, folded),
        };
        Ok(Self { history, state, first, statements, look_ups, stop, torn: lines.is_torn() })
    }

    /// The first event that does not hold. A line that carries another leaf hash than the one before it has means that one
    /// of the two was changed: the line after both, or the checkpoint, tells which.
    fn broken(&self, own: &Kept) -> Option<BrokenEvent<'_>> {
        let stop = self.stop.as_ref()?;
        let Stop { number, error, line, carried } = stop;
        let number = match (error, line) {
            (Broken::Ledger(LedgerError::Chain { number: before }), Some(line)) => {
                let kept = carried.unwrap_or_else(|| match own.head {
                    Ok(covered) if covered.size == *number && self.history.size() == *number => {
                        let mut leaves = self.history.leaves().to_vec();
                        if let Some(leaf) = leaves.iter_mut().rev().nth(1) {
                            *leaf = line.previous;
                        }
                        root_of(&leaves) == covered.root
                    }
                    _ => true,
                });
                if kept { *before } else { *number }
            }
            _ => *number,
        };
        let event = line.as_ref().filter(|line| line.sequence == number).map(|line| line.event.word());
        Some(BrokenEvent { number, error, event, changed: carried.map(|carried| !carried) })
    }
}

fn statements_in(event: &Event) -> u64 {
    match event {
        Event::Intent { consents, .. } => consents.len() as u64,
        Event::Received { .. } | Event::Doubted { .. } => 1,
        _ => 0,
    }
}

fn begins_look_up(event: &Event) -> bool {
    let Event::Intent { proposal, .. } = event else { return false };
    matches!(proposal.body.action, Action::Code { look_up: Some(_), .. })
}

/// What the findings are drawn from.
struct Facts<'a> {
    /// What the service's checkpoint covers.
    covered: Option<Head>,
    broken: Option<BrokenEvent<'a>>,
    walk: &'a Walk,
}

impl Facts<'_> {
    fn found(&self) -> u64 {
        self.walk.history.size()
    }

    /// Whether the service's checkpoint is of these very events.
    fn is_covered(&self) -> bool {
        self.covered.is_some_and(|covered| self.walk.history.includes(&covered))
    }

    /// How many events nothing speaks against.
    fn sound(&self, old: &[Kept]) -> u64 {
        if let Some(broken) = &self.broken {
            let before = broken.number - 1;
            if broken.is_of_another_history() {
                return before.min(self.vouched(old));
            }
            // Nor is an event vouched for that was added after the checkpoint, though it stands before the broken one.
            let added = self.covered.filter(|covered| self.is_covered() && self.is_too_long(covered.size));
            return added.map_or(before, |covered| before.min(covered.size));
        }
        let found = self.found();
        let Some(covered) = self.covered.filter(|covered| covered.size <= found) else { return found };
        if !self.is_covered() {
            return self.vouched(old);
        }
        if self.is_too_long(covered.size) { covered.size } else { found }
    }

    /// The events that somebody else's memory vouches for: a custodian's cosignature or a checkpoint kept from before.
    fn vouched(&self, old: &[Kept]) -> u64 {
        let history = &self.walk.history;
        let kept = old.iter().filter_map(|kept| kept.head.ok()).filter(|head| history.includes(head));
        let witnessed = self.walk.state.iter().flat_map(|state| state.witnessed().values().copied());
        kept.map(|head| head.size).chain(witnessed).max().unwrap_or(0)
    }

    /// A write that was stopped leaves one line more than the checkpoint covers, or the beginning of one.
    fn is_too_long(&self, covered: u64) -> bool {
        let found = self.found();
        found > covered + 1 || (found > covered && self.walk.torn)
    }

    fn checkpoint(&self, own: &Kept) -> Finding {
        match own.head {
            Ok(head) => {
                let detail = format!("It is signed by this service and covers {}.", events(head.size));
                holding(Check::Checkpoint, "holds", None, detail)
            }
            Err(why) => own.unsound(Check::Checkpoint, why),
        }
    }

    /// Chain, signatures and lawfulness: the one that fails, and how far the others hold.
    fn events(&self, sound: u64) -> Vec<Finding> {
        if self.broken.is_none() && self.found() == 0 {
            let detail = "The ledger has no events.".to_owned();
            return vec![failure(Check::Chain, "ledger-empty", None, detail)];
        }
        let range = match sound {
            1 => "Event 1".to_owned(),
            _ => format!("Events 1 to {sound}"),
        };
        let failed = self.broken.as_ref().map(BrokenEvent::finding);
        let mut findings = Vec::new();
        for check in [Check::Chain, Check::Signatures, Check::Lawfulness] {
            match &failed {
                Some(failure) if failure.check == check => findings.push(failure.clone()),
                _ if sound == 0 => {}
                _ => {
                    let detail = match check {
                        Check::Chain => format!("{range}: in their place, each linked to the one before."),
                        Check::Signatures => {
                            format!("{range}: every statement is signed by who is said to state it.")
                        }
                        _ => format!("{range}: each was allowed by the rules after the ones before it."),
                    };
                    findings.push(holding(check, "holds", None, detail));
                }
            }
        }
        findings
    }

    fn tree(&self) -> Vec<Finding> {
        let Some(covered) = self.covered else { return Vec::new() };
        let (size, found) = (covered.size, self.found());
        let check = Check::Tree;
        let mut findings = Vec::new();
        if found < size {
            let missing = if found + 1 == size {
                format!("event {size} is")
            } else {
                format!("events {} to {size} are", found + 1)
            };
            let cut = if self.walk.torn { " What is left of one of them is cut short." } else { "" };
            let detail = format!(
                "The checkpoint covers {}, the ledger has {found}: {missing} missing.{cut}",
                events(size)
            );
            return vec![failure(check, "ledger-short", Some(found + 1), detail)];
        }
        if !self.is_covered() {
            let detail = match &self.broken {
                Some(_) => format!("The first {size} events are not the ones that the checkpoint covers."),
                None => String::from(
                    "The events are not the ones that the checkpoint covers, though each is linked to the one before: \
                     the last event was changed, or several were and their links were made anew.",
                ),
            };
            findings.push(failure(check, "ledger-root", Some(size), detail));
        } else if let Some(broken) = self.broken.as_ref().filter(|broken| broken.number <= size) {
            findings.push(recorded_so(check, "The service's checkpoint", broken.number));
        } else {
            let detail = format!("The first {size} events are the ones that the checkpoint covers.");
            findings.push(holding(check, "holds", None, detail));
        }
        if found > size + 1 || (found > size && self.walk.torn) {
            let detail = format!(
                "The ledger goes on after the {size} events that its checkpoint covers, by more than a stopped write \
                 leaves: what follows was added."
            );
            findings.push(failure(check, "ledger-long", Some(size + 1), detail));
        } else if self.broken.is_none() && self.is_covered() {
            if found > size {
                let detail = format!(
                    "Event {found} is not covered by the checkpoint yet, as a stop in the middle of a write leaves it: it \
                     does not count until the service is opened again."
                );
                findings.push(holding(check, "event-uncovered", Some(found), detail));
            } else if self.walk.torn {
                let detail = format!(
                    "After event {found} stands the beginning of another, as a stop in the middle of a write leaves it: \
                     it never counted."
                );
                findings.push(holding(check, "event-cut", Some(found + 1), detail));
            }
        }
        findings
    }

    fn earlier(&self, kept: &Kept) -> Finding {
        let (check, path) = (Check::Earlier, &kept.path);
        let head = match kept.head {
            Ok(head) => head,
            Err(why) => return kept.unsound(check, why),
        };
        let (size, found) = (head.size, self.found());
        if size > found {
            let detail =
                format!("{path:?} covers {}, the ledger has {found}: events were removed.", events(size));
            return failure(check, "ledger-short", Some(found + 1), detail);
        }
        if !self.walk.history.includes(&head) {
            return if self.is_covered() {
                let detail = format!(
                    "{path:?} and the ledger's own checkpoint are both signed by this service, and are not of one history: \
                     the ledger was forked or rewritten at event {size} or before."
                );
                failure(check, "ledger-forked", Some(size), detail)
            } else {
                let detail = format!("The first {size} events are not the ones that {path:?} covers.");
                failure(check, "ledger-root", Some(size), detail)
            };
        }
        if let Some(covered) = self.covered.filter(|covered| covered.size < size) {
            let detail = format!(
                "{path:?} covers {}, the ledger's own checkpoint only {}: an older one was put in its place.",
                events(size),
                covered.size
            );
            return failure(check, "checkpoint-older", Some(covered.size + 1), detail);
        }
        match &self.broken {
            Some(broken) if broken.number <= size => recorded_so(check, &format!("{path:?}"), broken.number),
            _ => {
                let detail = format!("The first {size} events are the ones that {path:?} covers.");
                holding(check, "holds", None, detail)
            }
        }
    }
}

/// An event that does not hold is signed for as it stands: it was not changed afterwards.
fn recorded_so(check: Check, checkpoint: &str, event: u64) -> Finding {
    let detail = format!(
        "{checkpoint} covers event {event} as it stands: the service itself recorded or rewrote it so."
    );
    holding(check, "event-signed-for", Some(event), detail)
}

impl BrokenEvent<'_> {
    /// Whether what custodians signed there is about other events than the ones that stand before it: then it is these that
    /// were rewritten, unless the event itself was changed.
    fn is_of_another_history(&self) -> bool {
        let other = matches!(
            self.error,
            Broken::Unlawful { reason: Unlawful::Head | Unlawful::Refused(Refusal::Receipt), .. }
        );
        other && self.changed != Some(true)
    }

    fn finding(&self) -> Finding {
        let number = self.number;
        let named =
            self.event.map_or_else(|| format!("Event {number}"), |word| format!("Event {number} ({word})"));
        let (check, what) = match self.error {
            Broken::Ledger(error) => (Check::Chain, misplaced(error)),
            Broken::Unlawful { reason, .. } if self.is_of_another_history() => (
                check_of(reason),
                "is about other events than the ones that stand before it: these were rewritten, or it was."
                    .to_owned(),
            ),
            Broken::Unlawful { reason, .. } => (check_of(reason), said(reason)),
        };
        let after = match self.error {
            Broken::Unlawful { .. } if self.changed == Some(true) => {
                " It was changed after it was written: the event after it carries another hash."
            }
            _ => "",
        };
        failure(check, self.error.code(), Some(number), format!("{named} {what}{after}"))
    }
}

fn misplaced(error: &LedgerError) -> String {
    match error {
        LedgerError::Version { .. } => "is of a newer format than this program knows.".to_owned(),
        LedgerError::OtherService { .. } => "is of another service: it was put there.".to_owned(),
        LedgerError::Sequence { found, .. } => {
            format!(
                "is missing from its place, where event {found} stands: events were removed, doubled or moved."
            )
        }
        LedgerError::Chain { .. } => {
            "was changed: the events around it carry another hash than it has.".to_owned()
        }
        _ => "is not an event in its canonical form: it was changed.".to_owned(),
    }
}

/// Why the rules do not allow an event, as the program says it to those who ask for it.
fn said(reason: &Unlawful) -> String {
    match check_of(reason) {
        Check::Signatures => format!("holds a statement that does not stand. The rule broken: “{reason}”."),
        _ => format!("was not allowed after the events before it. The rule broken: “{reason}”."),
    }
}

fn check_of(reason: &Unlawful) -> Check {
    use QuorumError as Q;
    match reason {
        Unlawful::Quorum(
            Q::Proposal
            | Q::NotInRoster { .. }
            | Q::Signature { .. }
            | Q::OtherProposal { .. }
            | Q::OtherEpoch { .. }
            | Q::Cosignature { .. },
        )
        | Unlawful::Refused(
            Refusal::ReceiptSignature { .. }
            | Refusal::ReceiptNotInRoster { .. }
            | Refusal::ReceiptOtherService,
        )
        | Unlawful::Roster(RosterError::Service | RosterError::Card { .. }) => Check::Signatures,
        _ => Check::Lawfulness,
    }
}

fn holding(check: Check, code: &'static str, event: Option<u64>, detail: String) -> Finding {
    Finding { check, code, holds: true, event, detail }
}

fn failure(check: Check, code: &'static str, event: Option<u64>, detail: String) -> Finding {
    Finding { check, code, holds: false, event, detail }
}

fn count(number: u64, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

fn events(number: u64) -> String {
    count(number, "event")
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let demo = if self.demo == Some(true) { ", A DEMONSTRATION" } else { "" };
        writeln!(f, "Ledger of the service {}{demo}: {}", self.service, events(self.events))?;
        if let (Some(first), Some(last)) = (self.first, self.last) {
            writeln!(f, "From {first} to {last}")?;
        }
        if let Some(words) = &self.founding {
            writeln!(f, "Founded with the custodians who read these words: {words}")?;
        }
        writeln!(f, "\nChecked")?;
        for finding in &self.findings {
            let verdict = if finding.holds { "holds" } else { "FAILS" };
            writeln!(f, "  {verdict}  {}: {}", finding.check.word(), finding.detail)?;
        }
        self.fmt_witnesses(f)?;
        self.fmt_summary(f)?;
        match self.failures().count() {
            0 => writeln!(f, "\nEverything that was checked holds."),
            failures if self.sound == self.events => {
                writeln!(f, "\n{} of {} checks failed.", failures, self.findings.len())
            }
            failures => writeln!(
                f,
                "\n{} of {} checks failed. Nothing is said of the events after event {}.",
                failures,
                self.findings.len(),
                self.sound
            ),
        }
    }
}

impl Audit {
    fn fmt_witnesses(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Witnessed { events: seen, custodians } = &self.witnessed;
        writeln!(f, "\nWitnessed by others than the service")?;
        for Witness { custodian, events } in custodians {
            match events {
                0 => writeln!(f, "  {custodian}: nothing yet")?,
                1 => writeln!(f, "  {custodian}: event 1")?,
                _ => writeln!(f, "  {custodian}: events 1 to {events}")?,
            }
        }
        match (*seen, self.sound) {
            (0, 0) => Ok(()),
            (0, _) => writeln!(f, "  Nobody but the service vouches for any event."),
            (seen, sound) if seen == sound => writeln!(f, "  Together: every event."),
            (seen, sound) => writeln!(
                f,
                "  Together: events 1 to {seen}. Nobody but the service vouches for {} after them.",
                count(sound - seen, "event")
            ),
        }
    }

    fn fmt_summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sound == 0 {
            return Ok(());
        }
        writeln!(f, "\nWhat the first {} tell", events(self.sound))?;
        for domain in &self.domains {
            write!(f, "  {} ({}): generation {}", domain.domain, domain.kind, domain.generation)?;
            if !domain.doubted.is_empty() {
                let doubted: Vec<String> = domain.doubted.iter().map(Generation::to_string).collect();
                write!(f, ", doubted: {}", doubted.join(", "))?;
            }
            if let Some(ends) = domain.ends {
                write!(f, ", last day {ends}")?;
            }
            match domain.destroyed {
                Some(time) => writeln!(f, ", keys destroyed {time}")?,
                None => writeln!(f)?,
            }
        }
        let DeliverySummary { made, renewals, look_ups, rows, delivered, requests_kept } = self.deliveries;
        writeln!(f, "  {} of {rows} rows in all, {renewals} of them renewals", count(made, "result"))?;
        writeln!(
            f,
            "  {} that looked people up in a register, {look_ups} of them with a result",
            count(self.look_ups, "run")
        )?;
        writeln!(f, "  {delivered} delivered; {} kept against the scheme", count(requests_kept, "request"))?;
        writeln!(f, "  {} of custodians, each signed by them", count(self.statements, "statement"))
    }
}
