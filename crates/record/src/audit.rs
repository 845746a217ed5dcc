//! What an auditor can establish from a ledger, the service's card and the checkpoints kept from
//! earlier visits (SPEC §11, §12): without keys, identifiers or codes.
//!
//! A service can rewrite its own ledger, chain and checkpoint, and stay lawful in doing so. What it
//! cannot rewrite are the checkpoints that others kept and the ones that custodians cosigned:
//! [`verify`] says how far these reach.

mod account;
mod broken;
mod comparison;
mod cosigners;
mod domains;
mod findings;
mod intact;
mod linking;
mod log;
mod matters;
mod parties;
mod rotation;
mod story;
mod text;
mod walk;
mod witness;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cstatns_base::files::FileError;
use cstatns_base::language::{Said, Words, both};
use cstatns_base::name::{Hex, Name};
use cstatns_base::{text, words};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::card::{Card, ServiceCard, spoken};
use crate::dealing::Epoch;
use crate::ledger::{Lines, checkpoint_path};
use crate::state::{Checked, Exposure, ExternalRuns, Rehearsal, State};

pub use account::{Account, CustodianAccount, DealingAccount, DomainAccount, Period, Runs};
pub use cosigners::OtherWitness;
pub use domains::{DomainSummary, Flow};
pub use intact::Intact;
pub use linking::{LinkingAudit, verify_linking};
pub use log::{Entry, Wanted, log};
pub use parties::{KeptKey, PartySummary, UnsignedFor};
pub use rotation::{Doubt, Given, PROMPT, Rotation, Standing, Turn};
pub use story::{Attempt, Decided};
pub use text::flow_text;

use findings::Facts;
use walk::{Kept, Note, Walk, need_as_sent};

/// How long after its end a project's keys may be there without a word: a day's wait, and a timer
/// that is late.
const LATE: SignedDuration = SignedDuration::from_hours(72);

/// What an auditor established about a ledger. `Display` says it in plain words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Audit {
    /// The service's id.
    pub service: String,
    /// Whether the service is a demonstration; unknown when the first event does not hold.
    pub demo: Option<bool>,
    /// The fingerprint of the first dealing, as words to compare with the custodians': their
    /// signatures prove something only if the roster is theirs.
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
    /// What holds, and is not in order: somebody must account for it.
    pub notices: Vec<Notice>,
    /// How far others than the service vouch for the ledger.
    pub witnessed: Witnessed,
    /// The epochs that are over with shares that nobody has stated destroyed.
    pub exposures: Vec<Exposure>,
    /// Signed statements of custodians that were verified: approvals, receipts, doubts.
    pub statements: u64,
    /// Runs that began in which people are looked up in a register; those without a result are
    /// counted too.
    pub look_ups: u64,
    /// When the custodians of the working dealing last showed that they hold their shares.
    pub checked: Vec<Checked>,
    /// The runs that external custodians approved: nothing speaks against them, and they are there
    /// for the days on which too few others can be reached.
    pub external_runs: Vec<ExternalRuns>,
    /// The last rehearsal, by the service's word.
    pub rehearsal: Option<Rehearsal>,
    /// The domains.
    pub domains: Vec<DomainSummary>,
    /// The parties, and their request keys.
    pub parties: PartySummary,
    /// The deliveries.
    pub deliveries: DeliverySummary,
    /// Those of them to parties that have not signed for them.
    pub unsigned_for: Vec<UnsignedFor>,
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What was checked.
    pub check: Check,
    /// A stable short code: `holds`, or what was found.
    pub code: &'static str,
    /// Whether it holds.
    pub holds: bool,
    /// The event it is about. Where a root differs: the last of the events among which the
    /// difference lies.
    pub event: Option<u64>,
    /// In plain words.
    pub detail: Said,
}

/// Something that is lawful, and is not in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Notice {
    /// A stable short code.
    pub code: &'static str,
    /// The event it is about.
    pub event: u64,
    /// In plain words.
    pub detail: Said,
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
    /// The ledger holds what a custodian's kit proves.
    Witness,
    /// The ledger of a linking body agrees with the service's.
    Counterpart,
}

impl Check {
    fn words(self) -> &'static Words {
        match self {
            Self::Checkpoint => words!("Checkpoint", "Point de contrôle"),
            Self::Chain => words!("Chain", "Chaîne"),
            Self::Signatures => words!("Signatures", "Signatures"),
            Self::Lawfulness => words!("Lawfulness", "Licéité"),
            Self::Tree => words!("Completeness", "Complétude"),
            Self::Earlier => words!("Earlier checkpoint", "Point de contrôle antérieur"),
            Self::Witness => words!("Witness", "Témoin"),
            Self::Counterpart => words!("The service's ledger", "Registre du service"),
        }
    }
}

/// How far others than the service vouch for the ledger, by their cosignatures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Witnessed {
    /// The first so many events were witnessed by somebody.
    pub events: u64,
    /// The first so many events were witnessed by a quorum: as many custodians as a run needs.
    pub quorum: u64,
    /// Each custodian, and how many events they witnessed.
    pub custodians: Vec<Witness>,
    /// Each other witness whose key was given, and how many events it witnessed.
    pub others: Vec<OtherWitness>,
}

/// What one custodian witnessed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Witness {
    /// The custodian.
    pub custodian: Name,
    /// The first so many events.
    pub events: u64,
}

/// The deliveries until the last sound event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeliverySummary {
    /// Results made.
    pub made: u64,
    /// Of which renewals.
    pub renewals: u64,
    /// Of which of people who were looked up.
    pub look_ups: u64,
    /// Rows in them.
    pub rows: u64,
    /// Runs of which results were recomputed, all of their rows or some, before they got their
    /// names.
    pub rechecked_runs: u64,
    /// Rows that were recomputed.
    pub rechecked: u64,
    /// Rows of the results among which these are.
    pub rechecked_of: u64,
    /// Results stated delivered, the service's copy destroyed.
    pub delivered: u64,
    /// Results stated lost before they were delivered.
    pub lost: u64,
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
    #[error("the card given is not a sound card of a service")]
    Card,
    /// A ledger or checkpoint whose line ends became those of another system on the way.
    #[error("the lines of {path:?} end with CR LF: it was changed on the way")]
    LineEnds {
        /// The file.
        path: PathBuf,
    },
    /// A ledger or checkpoint that got a byte order mark on the way.
    #[error("{path:?} begins with a byte order mark: it was changed on the way")]
    Mark {
        /// The file.
        path: PathBuf,
    },
}

cstatns_base::coded!(AuditError {
    Self::File(error) => (error),
    Self::Card => ("service-card", Input, []),
    Self::LineEnds { path } => ("line-ends-changed", Input, [path]),
    Self::Mark { path } => ("byte-order-mark", Input, [path]),
});

/// How often a ledger is read again that was written to while it was read.
const TRIES: u32 = 10;

/// Checks the ledger at `ledger`, with the checkpoint beside it, against the service's card,
/// checkpoints kept from before and the evidence of custodians' kits. What does not hold is a
/// finding; after the first event that does not hold, nothing is claimed of the events.
///
/// # Errors
/// [`AuditError`] when there is nothing to judge by: a file cannot be read or was changed as mail
/// programs change text, the card is none.
pub fn verify(
    ledger: &Path,
    card: &ServiceCard,
    old: &[PathBuf],
    witnesses: &[PathBuf],
) -> Result<Audit, AuditError> {
    examine(ledger, card, old, witnesses).map(|(audit, _)| audit)
}

/// As [`verify`], with the ledger itself where every check holds: more may be said of it.
///
/// # Errors
/// As [`verify`].
pub fn examine(
    ledger: &Path,
    card: &ServiceCard,
    old: &[PathBuf],
    witnesses: &[PathBuf],
) -> Result<(Audit, Option<Intact>), AuditError> {
    if !card.is_sound() {
        return Err(AuditError::Card);
    }
    let mut own = Note::read(&checkpoint_path(ledger))?;
    let old: Vec<Note> = old.iter().map(|path| Note::read(path)).collect::<Result<_, _>>()?;
    if let Some(missing) = old.iter().find(|note| note.bytes.is_none()) {
        return Err(FileError::Missing { path: missing.path.clone() }.into());
    }
    let witnesses: Vec<witness::Witness> =
        witnesses.iter().map(|path| witness::Witness::read(path)).collect::<Result<_, _>>()?;
    if let Some(first) = Lines::open(ledger)?.next_line()? {
        need_as_sent(ledger, first)?;
    }
    let mut walk = Walk::through(ledger, card, u64::MAX)?;
    // Somebody may have written to both meanwhile: then they are judged as they are now.
    for _ in 0..TRIES {
        let newer = Note::read(&checkpoint_path(ledger))?;
        if newer == own {
            break;
        }
        own = newer;
        walk = Walk::through(ledger, card, u64::MAX)?;
    }
    let notes: Vec<&Note> = std::iter::once(&own).chain(&old).collect();
    let cosigners = walk.cosigners(&notes, &witnesses);
    let own = own.signed_by(&walk.keys);
    let old: Vec<Kept> = old.iter().map(|note| note.signed_by(&walk.keys)).collect();
    let facts =
        Facts { covered: own.head.as_ref().ok().copied(), broken: walk.broken(&own), walk: &walk };
    let kept: Vec<Kept> = witnesses.iter().flat_map(|witness| witness.kept(&walk.keys)).collect();
    let sound = facts.sound(old.iter().chain(&kept));
    // A state that met what does not hold is not used: the summary is of the sound events alone.
    let again =
        if sound < walk.history.size() { Some(Walk::through(ledger, card, sound)?) } else { None };
    let summary = again.as_ref().unwrap_or(&walk);

    let mut findings = vec![facts.checkpoint(&own)];
    findings.extend(facts.card(card));
    findings.extend(facts.events(sound));
    findings.extend(facts.tree());
    findings.extend(old.iter().map(|kept| facts.earlier(kept)));
    findings.extend(witnesses.iter().flat_map(|witness| facts.witness(witness, card, &witnesses)));
    findings.extend(cosigners.findings);

    let mut notices = summary.notices();
    notices.extend(facts.approved(&witnesses, sound));
    notices.extend(facts.unequal(&witnesses, card, sound));
    notices.sort_by_key(|notice| notice.event);

    let witnesses = if facts.broken.is_some() { summary } else { &walk };
    let audit = Audit {
        service: card.id().to_owned(),
        events: walk.history.size(),
        covered: facts.covered.map(|head| head.size),
        sound,
        first: summary.first,
        findings,
        witnessed: witnesses
            .state
            .as_ref()
            .map(|state| witnessed(state, sound))
            .unwrap_or_default()
            .with(cosigners.others, sound),
        statements: summary.statements,
        notices,
        look_ups: summary.look_ups,
        ..Audit::of(summary.state.as_ref())
    };
    let Walk { history, state, story, .. } = again.unwrap_or(walk);
    let intact = state.filter(|_| audit.holds());
    let path = ledger.to_owned();
    let intact = intact.map(|state| Intact { path, history, state, story });
    Ok((audit, intact))
}

impl Audit {
    /// Whether everything that was checked holds.
    pub fn holds(&self) -> bool {
        self.findings.iter().all(|finding| finding.holds)
    }

    /// Whether everything holds and nothing must be accounted for.
    pub fn is_in_order(&self) -> bool {
        self.holds() && self.notices.is_empty()
    }

    /// Adds notices, at the last sound event, of what is due at `now` by the auditor's clock, or
    /// came late: overdue keys, keys that outlive their project, request keys that have expired,
    /// and yearly checks. Of the ledger, where it is intact, those of what it records: what was
    /// late, is still out, departs from the scheme, or rests on the service's word alone.
    pub fn note_what_is_due(&mut self, ledger: Option<&Intact>, now: Timestamp) {
        let due = self.domains.iter().filter_map(|domain| domain.due(now));
        let checks = self.checked.iter().filter(|checked| checked.is_overdue(now));
        let checks = checks.map(|Checked { custodian, last, due }| {
            let detail = both(|lang| {
                text!(in lang,
                    "`{custodian}` last showed on {last} that their share opens: a yearly check was due on {due}.",
                    "`{custodian}` a montré pour la dernière fois le {last} que sa part s'ouvre : un contrôle annuel \
                        était dû le {due}."
                )
            });
            ("check-overdue", detail)
        });
        let due = due.chain(checks).chain(self.parties.late(now));
        let event = self.sound;
        let due: Vec<Notice> = due.map(|(code, detail)| Notice { code, event, detail }).collect();
        if let Some(ledger) = ledger {
            self.notices.extend(matters::matters(ledger, self.witnessed.events, now));
            self.notices.sort_by_key(|notice| notice.event);
        }
        self.notices.extend(due);
    }

    /// What does not hold.
    pub fn failures(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| !finding.holds)
    }

    /// What the state shows.
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
            notices: Vec::new(),
            witnessed: Witnessed::default(),
            exposures: state.map(State::exposures).unwrap_or_default(),
            statements: 0,
            look_ups: 0,
            checked: state.map(State::checked).unwrap_or_default(),
            external_runs: state.map(State::external_runs).unwrap_or_default(),
            rehearsal: state.and_then(State::rehearsal).cloned(),
            domains: Vec::new(),
            parties: state.map(PartySummary::of).unwrap_or_default(),
            deliveries: DeliverySummary::default(),
            unsigned_for: state.map(UnsignedFor::all).unwrap_or_default(),
        };
        let Some(state) = state else { return audit };
        let first = state.epochs().get(&Epoch::FIRST);
        audit.founding = first.map(|epoch| spoken(&epoch.dealing.fingerprint()));
        audit.domains = DomainSummary::all(state);
        audit.notices.extend(state.unclaimed().map(|id| {
            let delivery = state.named(*id);
            let detail = both(|lang| {
                text!(in lang,
                    "The project of delivery {delivery} is over, nobody said that they have it, and the service's copy is \
                        not destroyed.",
                    "Le projet de la livraison {delivery} est terminé, personne n'a dit l'avoir, et la copie du \
                        service n'est \
                        pas détruite."
                )
            });
            let event = state.deliveries().get(id).map_or(0, |made| made.event);
            Notice { code: "result-unclaimed", event, detail }
        }));
        let mut rechecked_runs = BTreeSet::new();
        for (id, delivery) in state.deliveries() {
            let summary = &mut audit.deliveries;
            if let Some(rechecked) = delivery.rechecked {
                rechecked_runs.insert(id.run);
                summary.rechecked = summary.rechecked.saturating_add(rechecked);
                summary.rechecked_of = summary.rechecked_of.saturating_add(delivery.rows);
            }
            summary.made += 1;
            summary.renewals += u64::from(delivery.from.is_some());
            summary.look_ups += u64::from(delivery.look_up.is_some());
            summary.rows = summary.rows.saturating_add(delivery.rows);
            summary.delivered += u64::from(delivery.destroyed && delivery.lost.is_none());
            summary.lost += u64::from(delivery.lost.is_some());
            summary.requests_kept += u64::from(delivery.request_kept);
        }
        audit.deliveries.rechecked_runs = rechecked_runs.len() as u64;
        audit
    }
}

fn witnessed(state: &State, sound: u64) -> Witnessed {
    // Who witnessed more events witnessed the sound ones among them.
    let seen = |signing: &Hex<32>| {
        state.statements().get(signing).map_or(0, |statements| statements.witnessed).min(sound)
    };
    // By signing key: whoever has a former custodian's name now has witnessed nothing by that.
    let (mut known, mut custodians) = (BTreeSet::new(), Vec::new());
    for seat in state.epochs().values().flat_map(|epoch| &epoch.dealing.roster) {
        let Card { body, .. } = &seat.card;
        if known.insert(body.signing) {
            let custodian = body.name.clone();
            custodians.push(Witness { custodian, events: seen(&body.signing) });
        }
    }
    let quorum = state.working_dealing().map_or(0, |dealing| {
        let roster = dealing.roster.iter();
        let mut events: Vec<u64> = roster.map(|seat| seen(&seat.card.body.signing)).collect();
        events.sort_unstable_by(|a, b| b.cmp(a));
        events.get(dealing.threshold.k() - 1).copied().unwrap_or(0)
    });
    let events = custodians.iter().map(|witness| witness.events).max().unwrap_or(0);
    Witnessed { events, quorum, custodians, others: Vec::new() }
}
