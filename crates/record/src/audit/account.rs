//! What an auditor's report is drawn from: everything that a page shows, and `--json` gives.

use std::collections::BTreeMap;

use cstatns_base::delivery::DeliveryId;
use cstatns_base::name::Name;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::dealing::{Epoch, Seat};
use crate::state::{Delivery, EpochState, Flow};

use super::story::Attempt;
use super::text::day;
use super::{Audit, Intact, Rotation};

/// A period, by its first and its last day (UTC); without one of them, from the beginning or until
/// the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Period {
    /// The first day.
    pub from: Option<Date>,
    /// The last day.
    pub to: Option<Date>,
}

impl Period {
    /// Whether a time lies in it.
    pub fn includes(&self, time: Timestamp) -> bool {
        let day = day(time);
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }

    /// Whether something that lasted lies in it, in part or whole.
    fn meets(&self, since: Timestamp, until: Option<Timestamp>) -> bool {
        self.to.is_none_or(|to| day(since) <= to)
            && self.from.is_none_or(|from| until.is_none_or(|until| from <= day(until)))
    }
}

/// An account of a service by its ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Account {
    /// What the ledger proves, and what of it must be accounted for.
    pub audit: Audit,
    /// The day of the auditor's clock.
    pub today: Date,
    /// The period that runs, attempts and keys are shown of.
    pub period: Period,
    /// The domains whose keys lived in the period, by their names.
    pub domains: Vec<DomainAccount>,
    /// The dealings of shares, from the first.
    pub dealings: Vec<DealingAccount>,
    /// The results of the period, by month, purpose and domain.
    pub runs: Vec<Runs>,
    /// How many results of the period each custodian's consent made.
    pub approvals: BTreeMap<Name, u64>,
    /// What led to no result in the period.
    pub attempts: Vec<Attempt>,
}

/// A domain, and the keys of it that lived in the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DomainAccount {
    /// Its keys.
    #[serde(flatten)]
    pub rotation: Rotation,
    /// The legal basis that was named when it was opened.
    pub authorisation: Option<Name>,
    /// What came and went, since it was opened (R15).
    pub flow: Flow,
}

/// A dealing of shares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DealingAccount {
    /// Its epoch.
    pub epoch: Epoch,
    /// How many shares open the root.
    pub needed: usize,
    /// When it was recorded.
    pub since: Timestamp,
    /// When it was over.
    pub until: Option<Timestamp>,
    /// Whether it was given up before it worked.
    pub abandoned: bool,
    /// Its custodians.
    pub custodians: Vec<CustodianAccount>,
}

/// A custodian of a dealing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CustodianAccount {
    /// Their name.
    pub name: Name,
    /// Whether they belong to another institution.
    pub external: bool,
    /// Whether they stated that they hold their share.
    pub held: bool,
    /// Whether they stated that their share is destroyed.
    pub forgotten: bool,
    /// When they last showed that their share opens; of the working dealing only.
    pub checked: Option<Timestamp>,
    /// The day until which the next such sign is awaited.
    pub due: Option<Date>,
}

/// The results of a month for one purpose in one domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Runs {
    /// The first day of the month.
    pub month: Date,
    /// The purpose.
    pub purpose: Name,
    /// The domain.
    pub domain: Name,
    /// Results of identifiers, or of people who were looked up.
    pub coded: u64,
    /// Results of former codes.
    pub renewed: u64,
    /// The rows of both.
    pub rows: u64,
    /// How many of the results each custodian approved.
    pub approved: BTreeMap<Name, u64>,
}

impl Account {
    /// Of a ledger that was examined, whose audit has its notices of what is due
    /// ([`Audit::note_what_is_due`]), at `now` by the auditor's clock.
    pub fn of(audit: Audit, ledger: &Intact, period: Period, now: Timestamp) -> Self {
        let Intact { state, story, .. } = ledger;
        let flows = state.flows(now);
        let domains = Rotation::all(ledger, now).into_iter().filter_map(|mut rotation| {
            rotation.generations.retain(|turn| {
                let until = turn.replaced.as_ref().map(|next| next.time).or(rotation.destroyed);
                period.meets(turn.made.time, until)
            });
            let known = state.domain(&rotation.domain).ok()?;
            let flow = *flows.get(&rotation.domain)?;
            let authorisation = known.authorisation.clone();
            (!rotation.generations.is_empty()).then_some(DomainAccount {
                rotation,
                authorisation,
                flow,
            })
        });
        let (runs, approvals) = runs_of(ledger, period);
        let attempts = story.attempts.iter().filter(|attempt| period.includes(attempt.time));
        Self {
            today: day(now),
            period,
            domains: domains.collect(),
            dealings: state.epochs().iter().map(|of| DealingAccount::of(ledger, of)).collect(),
            runs,
            approvals,
            attempts: attempts.cloned().collect(),
            audit,
        }
    }
}

fn runs_of(ledger: &Intact, period: Period) -> (Vec<Runs>, BTreeMap<Name, u64>) {
    let (mut runs, mut approvals) = (BTreeMap::<_, Runs>::new(), BTreeMap::new());
    let made = ledger.state.deliveries().iter();
    for (DeliveryId { run, .. }, made) in made.filter(|(_, made)| period.includes(made.made)) {
        let Delivery { domain, purpose, .. } = made;
        let month = day(made.made).first_of_month();
        let runs = runs.entry((month, purpose, domain)).or_insert_with(|| Runs {
            month,
            purpose: purpose.clone(),
            domain: domain.clone(),
            coded: 0,
            renewed: 0,
            rows: 0,
            approved: BTreeMap::new(),
        });
        match made.from {
            None => runs.coded += 1,
            Some(_) => runs.renewed += 1,
        }
        runs.rows = runs.rows.saturating_add(made.rows);
        for by in ledger.story.asked.get(run).into_iter().flat_map(|asked| &asked.approved) {
            *runs.approved.entry(by.clone()).or_default() += 1;
            *approvals.entry(by.clone()).or_default() += 1;
        }
    }
    (runs.into_values().collect(), approvals)
}

impl DealingAccount {
    fn of(ledger: &Intact, (epoch, known): (&Epoch, &EpochState)) -> Self {
        let time = |event: u64| ledger.story.times.get(usize::try_from(event).ok()? - 1).copied();
        let checked = match known.until {
            None => ledger.state.checked(),
            Some(_) => Vec::new(),
        };
        let custodian = |seat: &Seat| {
            let body = &seat.card.body;
            let seen = checked.iter().find(|seen| seen.custodian == body.name);
            CustodianAccount {
                name: body.name.clone(),
                external: body.external,
                held: known.held.contains(&body.name),
                forgotten: known.forgotten.contains(&body.name),
                checked: seen.map(|seen| seen.last),
                due: seen.map(|seen| seen.due),
            }
        };
        Self {
            epoch: *epoch,
            needed: known.dealing.threshold.k(),
            since: time(known.since).unwrap_or_default(),
            until: known.until.and_then(time),
            abandoned: known.abandoned,
            custodians: known.dealing.roster.iter().map(custodian).collect(),
        }
    }
}
