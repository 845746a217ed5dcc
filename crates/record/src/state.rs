//! The state of a service as a fold over its ledger, and what is lawful next (SPEC §12, §15).
//!
//! The service asks before it acts, the auditor asks of every event afterwards: both ask here.
//! There is no other record to disagree with the ledger.

mod background;
mod changes;
mod custodians;
mod deliveries;
mod epochs;
mod exposure;
mod flow;
mod fold;
mod limits;
mod living;
mod parties;
mod questions;
mod read;
mod records;
mod recovery;
mod refusal;
mod rekey;
mod snapshot;
mod statements;
mod time;
mod unlawful;

use std::collections::{BTreeMap, BTreeSet};

use cstatns_base::code::{Generation, Tag};
use cstatns_base::commitment::Commitment;
use cstatns_base::delivery::DeliveryId;
use cstatns_base::domain::{Kind, LARGEST_MINIMUM_BATCH, RenewalReason, end_of};
use cstatns_base::name::{Hex, Name};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::card::{ServiceCard, ServiceKeys};
use crate::dealing::Epoch;
use crate::ledger::History;
use crate::ledger::event::{Destroyed, Event, KeyRef, Line};
use crate::proposal::{Action, RunId, are_deliveries};
use crate::statement::Proved;

use limits::{check_end, waits_for_nothing};

pub use background::{Background, Confirmed};
pub use custodians::{Approved, Checked, ExternalRuns, Rehearsal, next_check};
pub use exposure::Exposure;
pub use flow::Flow;
pub use fold::{Broken, Fold};
pub use parties::{IssuedKey, PartyState, Registration};
pub use read::{ReadLedger, View, fold_sent, read_ledger, read_ledger_after};
pub use records::{
    Delivery, Domain, EpochState, Fate, Key, OpenQuestion, PendingRun, RecordedDoubt, Run,
    Statements,
};
pub use recovery::Recoveries;
pub use refusal::Refusal;
pub use snapshot::Snapshot;
pub use statements::doubt_digest;
pub use time::{LONGEST_GAP, TurnedBack};
pub use unlawful::Unlawful;

/// The most questions that are open at a time.
pub const MOST_OPEN: usize = 16;

/// The state of a service.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    service: ServiceCard,
    service_keys: ServiceKeys,
    demo: bool,
    time: Timestamp,
    /// What the system's clock said at the last event.
    clock: Timestamp,
    /// The earlier of the last event's time and its clock.
    agreed: Timestamp,
    /// What the clock said when it was last recorded that project ends were looked at.
    expiry_checked: Option<Timestamp>,
    rehearsal: Option<Rehearsal>,
    /// Where a quorum set the time back.
    turned_back: Vec<TurnedBack>,
    /// The number of the last event.
    events: u64,
    epochs: BTreeMap<Epoch, EpochState>,
    domains: BTreeMap<Name, Domain>,
    /// The projects that are marked as ended and still there: only these are looked at after each
    /// event.
    marks: BTreeSet<Name>,
    #[serde(with = "snapshot::pairs")]
    deliveries: BTreeMap<DeliveryId, Delivery>,
    /// The requests that were coded or renewed, by their commitment: each at most once.
    spent: BTreeMap<Commitment, DeliveryId>,
    open: BTreeMap<RunId, OpenQuestion>,
    runs: BTreeMap<RunId, Run>,
    pending: Option<PendingRun>,
    /// In the order in which it fell due.
    owed: Vec<Destroyed>,
    /// By the fingerprint of the card.
    parties: BTreeMap<Hex<32>, PartyState>,
    request_keys: BTreeMap<Hex<16>, IssuedKey>,
    /// By the signing key of a custodian.
    statements: BTreeMap<Hex<32>, Statements>,
    repeated: Vec<u64>,
    unopened: Vec<(u64, Name)>,
    doubts: BTreeMap<Hex<32>, RecordedDoubt>,
    custody_doubted: Option<Epoch>,
    recoveries: Recoveries,
    /// The newest epoch that may have been dealt in a run that a recovery ended.
    burnt_epoch: Epoch,
    /// Signatures of the line at hand that are verified already; none between two lines.
    #[serde(skip)]
    proved: Proved,
}

impl State {
    /// The state after the first line of a ledger, which deals the first shares.
    ///
    /// # Errors
    /// [`Unlawful`].
    pub fn founded_by(line: &Line) -> Result<Self, Unlawful> {
        let Event::Dealt { dealing, keys, request_keys } = &line.event else {
            return Err(Unlawful::Genesis);
        };
        dealing.check()?;
        if dealing.epoch != Epoch::FIRST
            || !keys.is_empty()
            || !request_keys.is_empty()
            || line.sequence != 1
            || line.service != dealing.service.id()
        {
            return Err(Unlawful::Genesis);
        }
        if line.time != line.clock {
            return Err(Unlawful::Time);
        }
        let mut state = Self {
            service: dealing.service.clone(),
            service_keys: ServiceKeys::of(&dealing.service),
            demo: dealing.demo,
            time: line.time,
            clock: line.clock,
            agreed: line.time,
            expiry_checked: None,
            rehearsal: None,
            turned_back: Vec::new(),
            events: line.sequence,
            epochs: BTreeMap::new(),
            domains: BTreeMap::new(),
            marks: BTreeSet::new(),
            deliveries: BTreeMap::new(),
            spent: BTreeMap::new(),
            open: BTreeMap::new(),
            runs: BTreeMap::new(),
            pending: None,
            owed: Vec::new(),
            parties: BTreeMap::new(),
            request_keys: BTreeMap::new(),
            statements: BTreeMap::new(),
            repeated: Vec::new(),
            unopened: Vec::new(),
            doubts: BTreeMap::new(),
            custody_doubted: None,
            recoveries: Recoveries::default(),
            burnt_epoch: Epoch(0),
            proved: Proved::default(),
        };
        state.deal(dealing, keys, request_keys, Vec::new());
        Ok(state)
    }

    /// Applies the line that follows `history`.
    ///
    /// # Errors
    /// [`Unlawful`]; the state is not to be used further then.
    pub fn apply(&mut self, line: &Line, history: &History) -> Result<(), Unlawful> {
        self.take_time(line)?;
        self.events = line.sequence;
        self.correct_marks();
        if !self.owed.is_empty() && !waits_for_nothing(&line.event) {
            return Err(Unlawful::Owed);
        }
        self.check_resumed(&line.event)?;
        match &line.event {
            Event::Dealt { dealing, keys, request_keys } => self.dealt(dealing, keys, request_keys),
            Event::Abandoned { run } => self.abandoned(run, line.sequence),
            Event::Received { receipt } => self.received(receipt, line, history),
            Event::EpochWorking { epoch, keys } => self.works(*epoch, keys, line.sequence),
            Event::Proposed { question } => self.proposed(question, line),
            Event::Intent { run, consents, keys } => {
                self.intended(run, consents, keys, line, history)
            }
            Event::Cosigned { run, witnesses } => self.cosigned(run, witnesses, history),
            Event::Unopened { run, shares } => self.unopened(run, shares, line.sequence),
            Event::Lapsed { run, why, consents } => self.lapsed(run, *why, consents, line, history),
            Event::Failed { run, .. } => self.failed(run),
            Event::Opened { run, check } => self.opened(run, *check),
            Event::Extended { run } => self.extended(run),
            Event::KeyMade { run, check } => self.key_made(run, *check),
            Event::Coded { run, part, rows, result, rechecked } => {
                let id = DeliveryId { run: *run, part: *part };
                self.coded(id, (*rows, *rechecked), *result, false)
            }
            Event::Renewed { run, part, rows, result, rechecked } => {
                let id = DeliveryId { run: *run, part: *part };
                self.coded(id, (*rows, *rechecked), *result, true)
            }
            Event::Closed { run } => self.closed(run),
            Event::Examined { run } => self.examined(run),
            Event::Recovered { .. } => self.recovered(line.sequence),
            Event::Resumed { witnesses } => self.resumed(witnesses, history),
            Event::KeyLost { domain, generation } => {
                self.key_lost(domain, *generation, line.sequence)
            }
            Event::Rekeyed { card, statements } => self.rekeyed(card, statements, line, history),
            Event::Registered { run } => self.registered(run),
            Event::RequestKeyIssued { key, party, domain, public, expires, .. } => {
                let issued = IssuedKey {
                    party: *party,
                    domain: domain.clone(),
                    public: *public,
                    expires: *expires,
                    since: line.sequence,
                    ended: None,
                    destroyed: None,
                };
                self.request_key_issued(*key, issued, line.clock)
            }
            Event::RequestKeyEnded { key } => self.request_key_ended(key),
            Event::Refused { .. } => Ok(()),
            Event::ExpiryChecked {} => {
                self.expiry_checked = Some(line.clock);
                Ok(())
            }
            Event::Doubted { doubt } => self.doubted(doubt, line.sequence, history),
            Event::Delivered { run, part, receipt } => {
                let id = DeliveryId { run: *run, part: *part };
                self.delivered(id, receipt.as_deref(), history)
            }
            Event::Destroyed { what, how } => self.destroyed(what, *how),
            Event::Ended { domain } => self.found_ended(domain),
            Event::Rehearsed { steps } => self.rehearsed(steps, line),
        }
    }

    // What is lawful next.

    /// Whether `action` may be proposed, or its run begin, at `now`.
    ///
    /// # Errors
    /// [`Refusal`] says why not, and what to do.
    pub fn allows(&self, action: &Action, now: Timestamp) -> Result<(), Refusal> {
        // From the last receipt of a later dealing on, who was dismissed decides nothing more, but
        // that it is given up.
        let starts = self.complete_epoch().is_some() && !matches!(action, Action::Abandon { .. });
        if self.pending.is_some() || !self.owed.is_empty() || starts {
            return Err(Refusal::Unfinished);
        }
        self.working_epoch()?;
        match action {
            Action::Open { domain, kind, minimum_batch, .. } => {
                self.check_no_dealing()?;
                self.check_custody()?;
                if self.domains.contains_key(domain) {
                    return Err(Refusal::DomainExists);
                }
                if self.recoveries.names.contains(domain) {
                    return Err(Refusal::NameBurnt);
                }
                self.check_tag(domain)?;
                let smallest = if self.demo { 1 } else { 2 };
                if !(smallest..=LARGEST_MINIMUM_BATCH).contains(minimum_batch) {
                    return Err(Refusal::MinimumBatch);
                }
                match *kind {
                    Kind::Statistics { cryptoperiod_years }
                        if !(1..=10).contains(&cryptoperiod_years) =>
                    {
                        Err(Refusal::Cryptoperiod)
                    }
                    Kind::Research { ends } if now >= end_of(ends) => Err(Refusal::EndInThePast),
                    Kind::Research { ends } => check_end(ends, now),
                    Kind::Statistics { .. } => Ok(()),
                }
            }
            Action::Extend { domain, ends } => {
                self.check_custody()?;
                let project = self.living(domain, now)?;
                let present = project.ends().ok_or(Refusal::NotResearch)?;
                if *ends <= present {
                    return Err(Refusal::EndNotLater);
                }
                check_end(*ends, project.active().made)
            }
            Action::Code { domain: name, generation, inputs, .. } => {
                let domain = self.codable(name, *generation, now)?;
                domain.check_chain(None, *generation)?;
                self.check_requests(inputs, domain.minimum_batch)?;
                self.check_flow(action, (name, domain), now)
            }
            Action::Renew { domain: name, from, generation, of, inputs, .. } => {
                let domain = self.codable(name, *generation, now)?;
                self.check_requests(inputs, domain.minimum_batch)?;
                if of.as_deref().is_some_and(|of| !are_deliveries(of)) {
                    return Err(Refusal::Deliveries);
                }
                if from >= generation {
                    return Err(Refusal::NothingToRenew { from: *from, active: *generation });
                }
                domain.check_chain(Some(*from), *generation)?;
                for delivery in of.iter().flatten() {
                    if self.deliveries.get(delivery).is_none_or(|known| known.domain != *name) {
                        return Err(Refusal::UnknownDelivery);
                    }
                }
                self.check_flow(action, (name, domain), now)
            }
            Action::NewKey { domain, generation, reason } => {
                self.check_no_dealing()?;
                self.check_custody()?;
                let domain = self.living(domain, now)?;
                if domain.kind.is_research() && domain.newest_kept().is_none() {
                    return Err(Refusal::KeyLost { generation: domain.generation() });
                }
                if *generation != domain.next_generation() {
                    return Err(Refusal::Generation {
                        found: *generation,
                        active: domain.generation(),
                    });
                }
                if domain.active().compromised && *reason != RenewalReason::Doubt {
                    return Err(Refusal::ReasonIsDoubt);
                }
                Ok(())
            }
            Action::Close { domain } => {
                let project = self.living(domain, now)?;
                if project.kind.is_research() { Ok(()) } else { Err(Refusal::NotResearch) }
            }
            Action::Examined { domain, doubts } => self.check_examined(domain.as_ref(), doubts),
            Action::Party { card, role, domains } => self.check_party(card, *role, domains, now),
            Action::Deal { epoch, threshold, cards, left_behind } => {
                self.check_deal(*epoch, *threshold, cards, left_behind)
            }
            Action::Abandon { epoch } => self.check_abandon(*epoch),
        }
    }

    /// A doubt about the custody waits for a later dealing that works: until then nothing is put
    /// under a root that may be known.
    fn check_custody(&self) -> Result<(), Refusal> {
        match self.custody_doubted() {
            Some(_) => Err(Refusal::CustodyDoubted),
            None => Ok(()),
        }
    }

    /// Two domains of one tag would have codes that nobody can distinguish.
    fn check_tag(&self, domain: &Name) -> Result<(), Refusal> {
        let tag = self.tag(domain);
        match self.domains.keys().find(|other| self.tag(other) == tag) {
            Some(other) => Err(Refusal::TagTaken { other: other.clone() }),
            None => Ok(()),
        }
    }

    /// The keys that an action opens. A project's next key is sealed under the life secret of its
    /// present one, which is opened for that.
    pub fn keys_of(&self, action: &Action) -> Vec<KeyRef> {
        let Some((name, domain)) =
            action.domain().and_then(|name| self.domains.get_key_value(name))
        else {
            return Vec::new();
        };
        let generations: Vec<Generation> = match action {
            Action::Code { generation, .. } => domain.chain(None, *generation).collect(),
            Action::Renew { from, generation, .. } => {
                domain.chain(Some(*from), *generation).collect()
            }
            Action::NewKey { .. } if domain.kind.is_research() => {
                domain.newest_kept().into_iter().collect()
            }
            _ => Vec::new(),
        };
        let key = |generation| KeyRef { domain: name.clone(), generation };
        generations.into_iter().map(key).collect()
    }

    /// The service's first card, from which its id follows.
    pub fn service(&self) -> &ServiceCard {
        &self.service
    }

    /// Whether the service is a demonstration.
    pub fn is_demo(&self) -> bool {
        self.demo
    }

    /// The dealings, by epoch.
    pub fn epochs(&self) -> &BTreeMap<Epoch, EpochState> {
        &self.epochs
    }

    /// The domains, by name.
    pub fn domains(&self) -> &BTreeMap<Name, Domain> {
        &self.domains
    }

    /// A domain.
    ///
    /// # Errors
    /// [`Refusal::UnknownDomain`].
    pub fn domain(&self, name: &Name) -> Result<&Domain, Refusal> {
        self.domains.get(name).ok_or(Refusal::UnknownDomain)
    }

    /// A domain's tag.
    pub fn tag(&self, domain: &Name) -> Tag {
        Tag::of(self.service.id(), domain)
    }

    /// The run that has begun and not ended.
    pub fn pending(&self) -> Option<&PendingRun> {
        self.pending.as_ref()
    }

    /// What must be destroyed before anything else, if anything must: what fell due first.
    pub fn owed(&self) -> Option<&Destroyed> {
        self.owed.first()
    }

    /// All of it, in the order in which it fell due.
    pub fn all_owed(&self) -> &[Destroyed] {
        &self.owed
    }

    /// The questions that are open, by run.
    pub fn open_questions(&self) -> &BTreeMap<RunId, OpenQuestion> {
        &self.open
    }

    /// Every question that was ever asked, by run.
    pub fn runs(&self) -> &BTreeMap<RunId, Run> {
        &self.runs
    }

    /// What custodians have stated, by their signing key.
    pub fn statements(&self) -> &BTreeMap<Hex<32>, Statements> {
        &self.statements
    }

    /// The events in which a custodian's count of statements is not higher than before: another
    /// copy of the kit, or one that was put back from a backup, has stated something.
    pub fn repeated_counts(&self) -> &[u64] {
        &self.repeated
    }

    /// The shares that were handed over for a run and did not open, or are not those of the
    /// dealing: the number of the event, and whose.
    pub fn unopened_shares(&self) -> &[(u64, Name)] {
        &self.unopened
    }

    /// How many events are witnessed by somebody's cosignature.
    pub fn witnessed(&self) -> u64 {
        self.statements.values().map(|statements| statements.witnessed).max().unwrap_or(0)
    }
}
