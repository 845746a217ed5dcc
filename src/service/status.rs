//! What a service says of itself.

use std::path::{Path, PathBuf};

use cstatns_base::code::Generation;
use cstatns_base::delivery::DeliveryName;
use cstatns_base::domain::{KeyState, end_of};
use cstatns_base::files::{self, AtWork};
use cstatns_base::language::Said;
use cstatns_base::name::{Hex, Name};
use cstatns_record::audit::UnsignedFor;
use cstatns_record::card::spoken;
use cstatns_record::dealing::Epoch;
use cstatns_record::ledger::History;
use cstatns_record::party::Role;
use cstatns_record::proposal::CLOCK_SKEW;
use cstatns_record::state::{
    Checked, Exposure, ExternalRuns, Fate, Flow, IssuedKey, PartyState, Rehearsal, Run, State,
};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use serde::Serialize;

use super::identity::Identity;
use super::making::unknown_keys;
use super::outgoing::outgoing;
use super::questions::{noted_consents, wait_path};
use super::{Outgoing, Service, ServiceError, Unfinished};
use crate::keystore::Keystore;

/// How a service stands.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The service's id.
    pub service: String,
    /// Whether it is a demonstration.
    pub demo: bool,
    /// How many events its ledger has.
    pub events: u64,
    /// The length of the ledger.
    pub bytes: u64,
    /// The service's time.
    pub time: Timestamp,
    /// What the clock said at the last event.
    pub last_clock: Timestamp,
    /// What it said when it was last recorded that project ends were looked at. A service in use
    /// records that seldom (SPEC §15).
    pub expiry_checked: Option<Timestamp>,
    /// What the clock says. What is past its end and what is overdue go by the later of the two.
    pub clock: Timestamp,
    /// Whether the clock is too far ahead to be believed.
    pub clock_unconfirmed: bool,
    /// By how many seconds the clock is behind the time.
    pub clock_behind: Option<u64>,
    /// Why the home is an old copy, or may be: then it records nothing.
    pub old: Option<Said>,
    /// Whether the signing key is not in the home: then it records nothing either.
    pub identity_lost: bool,
    /// The process that works in the home, where it is known: never of a service that this process
    /// has opened.
    pub at_work: Option<AtWork>,
    /// What a command has begun and not finished: never of a service that this process has opened.
    pub unfinished: Vec<Unfinished>,
    /// The questions that are open.
    pub questions: Vec<QuestionStatus>,
    /// The last events that no custodian's statement covers yet, where there are some.
    pub unseen: Option<Unseen>,
    /// The epoch whose custody is doubted.
    pub custody_doubted: Option<Epoch>,
    /// Its dealings.
    pub epochs: Vec<EpochStatus>,
    /// What the shares of those that are over may still open.
    pub exposures: Vec<Exposure>,
    /// When the custodians of the working dealing last showed that they hold their shares.
    pub checked: Vec<Checked>,
    /// Those of them whose yearly check is overdue.
    pub checks_overdue: Vec<Name>,
    /// The runs that external custodians approved.
    pub external_runs: Vec<ExternalRuns>,
    /// The last rehearsal.
    pub rehearsal: Option<Rehearsal>,
    /// Its domains.
    pub domains: Vec<DomainStatus>,
    /// Its parties that have roles, by domain and name.
    pub parties: Vec<PartyStatus>,
    /// The request keys that serve.
    pub request_keys: Vec<RequestKeyStatus>,
    /// Results that have not been stated delivered.
    pub deliveries: Vec<Outgoing>,
    /// The deliveries that a party has not signed for.
    pub unsigned_for: Vec<UnsignedFor>,
    /// Results that were stated lost before they were delivered.
    pub lost: Vec<DeliveryName>,
    /// Whether the directory of sealed keys is not there: then no key can be used.
    pub keys_missing: bool,
    /// Files of keys and life secrets that the ledger does not know. There are none, unless the
    /// ledger is older than its keys.
    pub unknown_keys: Vec<PathBuf>,
    /// Copies of the ledger that lack events: beside life secrets, and mirrors, of which one that
    /// is away counts. Never while a process works, which brings them up, nor of a service that
    /// this process has opened.
    pub copies_behind: Vec<PathBuf>,
    /// Why something that is owed could not be destroyed when the home was opened, or a run could
    /// not be ended.
    pub unpaid: Option<Said>,
}

impl Status {
    /// Whether nothing asks for somebody's attention.
    pub fn is_in_order(&self) -> bool {
        let late = |seconds: u64| seconds > CLOCK_SKEW.unsigned_abs().as_secs();
        let is_here = |delivery: &Outgoing| delivery.result.as_deref().is_some_and(Path::is_file);
        let matters = self.clock_unconfirmed
            || self.clock_behind.is_some_and(late)
            || self.custody_doubted.is_some()
            || self.unpaid.is_some()
            || self.old.is_some()
            || self.identity_lost
            || !self.copies_behind.is_empty()
            || self.keys_missing
            || !self.unknown_keys.is_empty()
            || self.missing().next().is_some()
            || self.exposures.iter().any(Exposure::is_alarm)
            || !self.checks_overdue.is_empty()
            || self.request_keys.iter().any(|key| key.expired)
            || self.domains.iter().any(DomainStatus::is_waiting)
            || !self.deliveries.iter().all(is_here);
        !matters
    }

    /// The custodians whose receipt for the newest dealing is missing, if it was not given up.
    pub fn missing(&self) -> impl Iterator<Item = &Name> {
        let newest = self.epochs.last().filter(|newest| !newest.abandoned);
        newest.into_iter().flat_map(|newest| &newest.missing)
    }

    /// The projects past their end whose keys still exist: none, in a service whose timer runs.
    pub fn past_their_end(&self) -> impl Iterator<Item = &DomainStatus> {
        self.domains.iter().filter(|domain| domain.hours_past_its_end.is_some())
    }
}

/// A question that is open.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct QuestionStatus {
    /// What is asked, in brief.
    pub asked: Said,
    /// The number of its event.
    pub event: u64,
    /// Until when approvals count.
    pub expires: Timestamp,
    /// How many custodians must consent.
    pub needed: usize,
    /// Who has, as far as the command that waits for approvals from a distance has noted it.
    pub consented: Vec<Name>,
    /// Whether a command waits for the approvals, if that could be found out. Where none does, the
    /// next one records that the question lapsed.
    pub waited_for: Option<bool>,
}

/// Events that no custodian's statement covers.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Unseen {
    /// The first of them; the last is the last of the ledger.
    pub from: u64,
    /// How many runs ended in them.
    pub runs: u64,
}

/// How an epoch stands.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct EpochStatus {
    /// The epoch.
    pub epoch: Epoch,
    /// "k of n".
    pub threshold: Said,
    /// Custodians whose share-held receipt is missing.
    pub missing: Vec<Name>,
    /// Whether it is the one that works.
    pub working: bool,
    /// Whether it was given up before it worked.
    pub abandoned: bool,
}

/// A party in a domain.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PartyStatus {
    /// The domain.
    pub domain: Name,
    /// The party.
    pub party: Name,
    /// What it may do there.
    pub role: Role,
    /// Its card as words, to compare.
    pub spoken: String,
}

/// A request key that serves.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RequestKeyStatus {
    /// Its number.
    pub key: Hex<16>,
    /// Whose requests are encrypted to it.
    pub party: Option<Name>,
    /// Their domain.
    pub domain: Name,
    /// When it is destroyed.
    pub expires: Timestamp,
    /// Whether that is past: none, in a service whose timer runs.
    pub expired: bool,
}

/// How a domain stands.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct DomainStatus {
    /// The domain.
    pub domain: Name,
    /// `statistics` or `research`.
    pub kind: String,
    /// The tag of its codes.
    pub tag: String,
    /// The generation of its present codes.
    pub generation: Generation,
    /// The id of its present key: the first 16 digits of the check value.
    pub key: String,
    /// When that was made.
    pub key_made: Timestamp,
    /// What the present key may be used for.
    pub state: KeyState,
    /// Whether the present key is doubted.
    pub compromised: bool,
    /// When a statistical key is due for renewal.
    pub renewal_due: Option<Date>,
    /// Whether that day is past.
    pub overdue: bool,
    /// 3, 6 or 12 when it is due within so many months.
    pub due_within_months: Option<i32>,
    /// A project's last day.
    pub ends: Option<Date>,
    /// 7, 30 or 90 when a living project ends within so many days.
    pub ends_within_days: Option<i64>,
    /// How long a project is past its end with its keys still there.
    pub hours_past_its_end: Option<i64>,
    /// Whether a project was found past its end, by whatever clock: it is not used again.
    pub marked: bool,
    /// When its keys were destroyed.
    pub destroyed: Option<Timestamp>,
    /// How many deliveries of a former generation no later renewal names
    /// ([`State::to_renew`]).
    pub to_renew: u64,
    /// What came in it, and went out (R15).
    pub flow: Flow,
}

impl DomainStatus {
    /// Whether somebody must do something about it.
    fn is_waiting(&self) -> bool {
        let doubted = self.compromised && self.state == KeyState::Active;
        doubted || self.overdue || self.hours_past_its_end.is_some()
    }
}

/// What a status is made of: a service that is opened, or a home that is read.
pub(super) struct Looked<'a> {
    pub(super) home: &'a Path,
    pub(super) state: &'a State,
    pub(super) history: &'a History,
    pub(super) bytes: u64,
    pub(super) keystore: &'a Keystore,
    /// What the clock says, in whole seconds.
    pub(super) clock: Timestamp,
}

impl Service {
    /// How it stands.
    pub fn status(&self) -> Status {
        let looked = Looked {
            home: &self.home,
            state: &self.state,
            history: self.ledger.history(),
            bytes: self.ledger.length(),
            keystore: &self.keystore,
            clock: self.clock(),
        };
        Status { unpaid: self.unpaid().map(Said::of), ..looked.status() }
    }
}

impl Looked<'_> {
    pub(super) fn status(&self) -> Status {
        let (clock, time) = (self.clock, self.state.time());
        // By the clock, also where it is not believed; and what ended by the time refuses.
        let now = clock.max(time);
        let behind = time.duration_since(clock).as_secs();
        let epochs = self.state.epochs().iter();
        let working = self.state.working_epoch().ok().map(|(epoch, _)| epoch);
        let unknown_keys = unknown_keys(self.keystore, self.state);
        let checked = self.state.checked();
        Status {
            service: self.state.service().id().to_owned(),
            demo: self.state.is_demo(),
            events: self.history.size(),
            bytes: self.bytes,
            time: self.state.time_at(clock),
            last_clock: self.state.last_clock(),
            expiry_checked: self.state.expiry_checked(),
            clock,
            clock_unconfirmed: self.state.is_unconfirmed(clock),
            clock_behind: u64::try_from(behind).ok().filter(|seconds| *seconds > 0),
            old: None,
            identity_lost: matches!(Identity::path(self.home).try_exists(), Ok(false)),
            at_work: None,
            unfinished: Vec::new(),
            questions: self
                .state
                .open_questions()
                .iter()
                .map(|(run, open)| QuestionStatus {
                    asked: Said::of(&open.question.action.brief()),
                    event: open.number,
                    expires: open.question.expires,
                    needed: self
                        .state
                        .epochs()
                        .get(&open.question.epoch)
                        .map_or(0, |epoch| epoch.dealing.threshold.k()),
                    consented: noted_consents(self.home, run, self.state, self.history)
                        .into_iter()
                        .map(|consent| consent.body.by)
                        .collect(),
                    waited_for: files::is_held(&wait_path(self.home, run)).ok(),
                })
                .collect(),
            unseen: self.unseen_events(),
            custody_doubted: self.state.custody_doubted(),
            epochs: epochs
                .map(|(epoch, state)| EpochStatus {
                    epoch: *epoch,
                    threshold: Said::of(&state.dealing.threshold),
                    missing: state.missing(),
                    working: working == Some(*epoch),
                    abandoned: state.abandoned,
                })
                .collect(),
            exposures: self.state.exposures(),
            checks_overdue: checked
                .iter()
                .filter(|checked| checked.is_overdue(now))
                .map(|checked| checked.custodian.clone())
                .collect(),
            checked,
            external_runs: self.state.external_runs(),
            rehearsal: self.state.rehearsal().cloned(),
            domains: self
                .state
                .flows(now)
                .into_iter()
                .map(|(name, flow)| self.domain_status(name, flow, now))
                .collect(),
            parties: self.parties(),
            request_keys: self.request_keys(clock),
            deliveries: outgoing(self.home, self.state),
            unsigned_for: UnsignedFor::all(self.state),
            lost: self.state.lost().map(|(id, of)| id.named(of.parts)).collect(),
            keys_missing: matches!(unknown_keys, Err(ServiceError::NoKeys { .. })),
            // A directory that cannot be read is found by the runs that need it.
            unknown_keys: unknown_keys
                .unwrap_or_default()
                .into_iter()
                .map(|found| found.path)
                .collect(),
            copies_behind: Vec::new(),
            unpaid: None,
        }
    }

    fn parties(&self) -> Vec<PartyStatus> {
        let domains = self.state.domains().keys();
        let of = |domain| self.state.parties_of(domain).map(move |party| (domain, party));
        let status = |(domain, (party, role)): (&Name, (&PartyState, Role))| PartyStatus {
            domain: domain.clone(),
            party: party.card.body.name.clone(),
            role,
            spoken: spoken(&party.card.fingerprint()),
        };
        let mut parties: Vec<PartyStatus> = domains.flat_map(of).map(status).collect();
        parties.sort_by(|a, b| (&a.domain, &a.party).cmp(&(&b.domain, &b.party)));
        parties
    }

    fn request_keys(&self, clock: Timestamp) -> Vec<RequestKeyStatus> {
        let living = self.state.living_request_keys();
        let status = |(key, issued): (&Hex<16>, &IssuedKey)| RequestKeyStatus {
            key: *key,
            party: self
                .state
                .parties()
                .get(&issued.party)
                .map(|party| party.card.body.name.clone()),
            domain: issued.domain.clone(),
            expires: issued.expires,
            expired: clock >= issued.expires,
        };
        living.map(status).collect()
    }

    fn unseen_events(&self) -> Option<Unseen> {
        let witnessed = self.state.witnessed();
        let ended = |run: &&Run| {
            matches!(run.fate, Fate::Result | Fate::Failed { .. }) && run.since > witnessed
        };
        let runs = self.state.runs().values().filter(ended).count() as u64;
        (witnessed < self.history.size()).then_some(Unseen { from: witnessed + 1, runs })
    }

    fn domain_status(&self, name: &Name, flow: Flow, now: Timestamp) -> DomainStatus {
        let domain = &self.state.domains()[name];
        let active = domain.active();
        let ends = domain.ends();
        let living = ends.filter(|_| domain.destroyed.is_none());
        let left = living.map(|ends| end_of(ends).duration_since(now));
        let renewal_due = domain.renewal_due();
        let today = TimeZone::UTC.to_datetime(now).date();
        let within = |months: &i32| {
            let then = today.saturating_add(Span::new().months(*months));
            renewal_due.is_some_and(|due| (today..=then).contains(&due))
        };
        DomainStatus {
            domain: name.clone(),
            kind: domain.kind.word().to_owned(),
            tag: self.state.tag(name).to_string(),
            generation: domain.generation(),
            key: active.check.to_string()[..16].to_owned(),
            key_made: active.made,
            state: active.state,
            compromised: active.compromised,
            renewal_due,
            overdue: renewal_due.is_some_and(|due| due < today),
            due_within_months: [3, 6, 12].into_iter().find(within),
            ends,
            ends_within_days: left.filter(|left| left.is_positive()).and_then(|left| {
                let within = |days: &i64| left <= SignedDuration::from_hours(days * 24);
                [7, 30, 90].into_iter().find(within)
            }),
            hours_past_its_end: left
                .filter(|left| !left.is_positive())
                .map(|left| -left.as_hours()),
            marked: domain.marked,
            destroyed: domain.destroyed,
            to_renew: self.state.to_renew(name).map_or(0, |former| former.len() as u64),
            flow,
        }
    }
}
