//! `service status`: how a service stands, and what asks for somebody's attention.

use std::path::{Path, PathBuf};

use clap::Args;
use cstatns::domain::KeyState;
use cstatns::name::Name;
use cstatns::service::{self, DomainStatus, JournalState, Reader};
use cstatns::state::State;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::metrics::metrics;
use super::names;
use crate::fault::Fault;
use crate::figures::counted;
use crate::output::Program;

/// Show domains, keys, receipts and deliveries, and what is due
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns service status home --json
  cstatns service status home --check
  cstatns service status home --prometheus > cstatns.prom
  cstatns service status home --to-renew population
What is past its end and what is overdue is shown by the system's clock, also where that is not confirmed.
It changes nothing and waits for nobody: it may run while another command does, and on a home that is read-only.
With --check the exit status is 3 when something asks for attention: a clock that is not confirmed or behind, a
project past its end, an overdue or doubted key, a missing receipt or result, a copy of the ledger that lacks events,
something that is to be destroyed.
With --to-renew it lists the deliveries of a former generation that no later renewal names: whose files are still to be
renewed. A renewal names a delivery where its report lay beside the data when it was prepared, or with --of.")]
pub(crate) struct Status {
    /// The service's home
    home: PathBuf,
    /// End with 3 when something asks for attention
    #[arg(long)]
    check: bool,
    /// Give how it stands as OpenMetrics text
    #[arg(long, conflicts_with = "to_renew")]
    prometheus: bool,
    /// List the deliveries of this domain whose codes are still to be renewed, and nothing else
    #[arg(long, value_name = "DOMAIN", conflicts_with = "check")]
    to_renew: Option<Name>,
}

impl Status {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        if self.prometheus && program.is_json() {
            return Err(Fault::usage("standard output takes one of --prometheus and --json"));
        }
        let clock = program.clock.clone();
        let reader = Reader::open(&self.home, move || clock())?;
        if let Some(domain) = &self.to_renew {
            return to_renew(program, &self.home, reader.state(), domain);
        }
        let mut status = reader.status();
        // With what to do.
        status.unpaid = reader.unpaid().map(|unpaid| Fault::of(&unpaid, &[]).text());
        match self.prometheus {
            true => program.tell(metrics(&status)),
            false => show(program, &status),
        }
        let past: Vec<_> = status.past_their_end().collect();
        let past: Vec<Value> = past
            .iter()
            .map(|domain| json!({"domain": domain.domain, "hours": domain.hours_past_its_end}))
            .collect();
        let mut summary = serde_json::to_value(&status).unwrap_or_default();
        summary["keys_past_their_end"] = past.into();
        summary["in_order"] = status.is_in_order().into();
        match self.check && !status.is_in_order() {
            true => Err(Fault::not_in_order(summary)),
            false => Ok(summary),
        }
    }
}

/// The deliveries whose codes are still to be renewed.
fn to_renew(program: &Program, home: &Path, state: &State, domain: &Name) -> Result<Value, Fault> {
    let (former, present) = (state.to_renew(domain)?, state.domain(domain)?.generation());
    for (id, delivery) in &former {
        program.tell(format_args!(
            "{}  {}  generation {}, {}, for {}",
            id.named(delivery.parts),
            delivery.made.strftime("%Y-%m-%d"),
            delivery.generation,
            counted(delivery.rows, "row"),
            delivery.purpose
        ));
    }
    program.say(match former.len() {
        0 => format!("every delivery of `{domain}` is of generation {present}, or a renewal names it"),
        _ => format!(
            "their controllers prepare each file again with --code-column, and then `service renew {} {domain}` \
            makes the codes of generation {present}",
            home.display()
        ),
    });
    let former = former.iter().map(|(id, delivery)| {
        json!({
            "delivery": id.named(delivery.parts),
            "generation": delivery.generation,
            "purpose": delivery.purpose,
            "rows": delivery.rows,
            "made": delivery.made,
        })
    });
    Ok(json!({ "domain": domain, "generation": present, "to_renew": former.collect::<Vec<_>>() }))
}

fn show(program: &Program, status: &service::Status) {
    let demo = if status.demo { ", a DEMONSTRATION" } else { "" };
    program.tell(format_args!(
        "{}{demo}: {} events, its time is {}",
        status.service, status.events, status.time
    ));
    if status.clock_unconfirmed {
        program.tell(format_args!(
            "CLOCK more than 40 days ahead, {}: no project ends and no key is destroyed until \
            custodians confirm it; what is shown goes by it",
            status.clock
        ));
    }
    if let Some(seconds) = status.clock_behind {
        program.tell(format_args!(
            "CLOCK {} behind, {}: what has ended by the time refuses",
            in_words(seconds),
            status.clock
        ));
    }
    if let Some(old) = &status.old {
        program.tell(format_args!("OLD COPY: {old}; nothing is done before `service recover`"));
    }
    if status.identity_lost {
        program.tell(
            "SIGNING KEY is not in the home, and nothing is done without it: `service import-identity`, \
            or another one, `service rekey`",
        );
    }
    if let Some(holder) = &status.at_work {
        program.tell(format_args!("at work: {holder}"));
    }
    for unfinished in &status.unfinished {
        match &status.at_work {
            Some(_) => program.tell(format_args!("not finished yet: {unfinished}")),
            None => program.tell(format_args!(
                "UNFINISHED: {unfinished}; the next command finishes or undoes it, such as `service \
                expire`"
            )),
        }
    }
    if let Some(unpaid) = &status.unpaid {
        program.tell(format_args!("NOT DONE: {unpaid}"));
    }
    if status.keys_missing {
        program.tell("KEYS are not in the home: put them back from a mirror, or from the newest backup of keys/");
    }
    for copy in &status.copies_behind {
        program.tell(format_args!("COPY BEHIND {}: it lacks events, or is away", copy.display()));
    }
    for key in &status.unknown_keys {
        program
            .tell(format_args!("UNKNOWN KEY {}: the ledger is older than its keys", key.display()));
    }
    if let Some(epoch) = status.custody_doubted {
        program.tell(format_args!(
            "CUSTODY DOUBTED of epoch {epoch}: no key is made before new shares are dealt, or a \
            quorum has examined the doubt"
        ));
    }
    for question in &status.questions {
        let waited = match question.waited_for {
            Some(false) => ", BUT NO COMMAND WAITS for the approvals",
            _ => "",
        };
        program.tell(format_args!(
            "asked of the custodians in event {}, open until {}: {}{waited}",
            question.event, question.expires, question.asked
        ));
    }
    if let Some(unseen) = status.unseen.as_ref().filter(|unseen| unseen.runs > 0) {
        program.tell(format_args!(
            "no statement of a custodian covers the events from {} on, in which {} ended: \
            `custodian check` does",
            unseen.from,
            counted(unseen.runs, "run")
        ));
    }
    for epoch in &status.epochs {
        let held = match epoch.missing.as_slice() {
            [] => "all shares held".to_owned(),
            missing => format!("RECEIPTS MISSING of {}", names(missing)),
        };
        program.tell(format_args!("epoch {}: {}, {held}", epoch.epoch, epoch.threshold));
    }

    program.tell("domains:");
    let width = status.domains.iter().map(|domain| domain.domain.as_str().len()).max().unwrap_or(0);
    for domain in &status.domains {
        program.tell(format_args!(
            "  {:width$}  {:10}  generation {}  key {} {}  {}",
            domain.domain.as_str(),
            domain.kind,
            domain.generation,
            domain.key,
            domain.state,
            remarks(domain, status.custody_doubted.is_some())
        ));
    }
    if status.domains.is_empty() {
        program.tell("  none");
    }

    program.tell("deliveries whose copy is still here:");
    for delivery in &status.deliveries {
        let place = match (&delivery.result, delivery.journal) {
            (Some(path), _) if path.is_file() => path.display().to_string(),
            (Some(path), _) => format!("NOT FOUND at {}", path.display()),
            (None, JournalState::Unread) => "only the service's user may know where".to_owned(),
            (None, JournalState::Damaged) => {
                "the home's note of where it lies is DAMAGED".to_owned()
            }
            (None, _) => "the home's note of where it lies is LOST".to_owned(),
        };
        program.tell(format_args!(
            "  {}  {}, generation {}, {} rows: {place}",
            delivery.delivery, delivery.domain, delivery.generation, delivery.rows
        ));
    }
    if status.deliveries.is_empty() {
        program.tell("  none");
    }
    if !status.lost.is_empty() {
        program.tell(format_args!(
            "lost before they were delivered: {}",
            status.lost.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        ));
    }

    let ending: Vec<_> = status
        .domains
        .iter()
        .filter(|domain| domain.ends_within_days.is_some())
        .map(ending)
        .collect();
    program.tell(format_args!("ending within 90 days: {}", or_none(&ending)));
    let past: Vec<_> = status
        .past_their_end()
        .map(|domain| {
            format!("{} for {} hours", domain.domain, domain.hours_past_its_end.unwrap_or(0))
        })
        .collect();
    program.tell(format_args!("keys past their end: {}", or_none(&past)));
}

fn or_none(texts: &[String]) -> String {
    if texts.is_empty() { "none".to_owned() } else { texts.join("; ") }
}

fn ending(domain: &DomainStatus) -> String {
    let (days, ends) = (domain.ends_within_days.unwrap_or(0), domain.ends.unwrap_or(Date::MAX));
    format!("{} within {days} days, on {ends}", domain.domain)
}

/// How long that is, in its greatest unit.
fn in_words(seconds: u64) -> String {
    match seconds {
        0..=119 => counted(seconds, "second"),
        120..=7_199 => counted(seconds / 60, "minute"),
        7_200..=172_799 => counted(seconds / 3_600, "hour"),
        _ => counted(seconds / 86_400, "day"),
    }
}

fn remarks(domain: &DomainStatus, custody_doubted: bool) -> String {
    let mut remarks = Vec::new();
    if domain.compromised && domain.state == KeyState::Active {
        remarks.push(match custody_doubted {
            true => "DOUBTED: make a new key, after the custody is settled".to_owned(),
            false => "DOUBTED: make a new key".to_owned(),
        });
    }
    if let Some(due) = domain.renewal_due {
        remarks.push(match domain.due_within_months {
            _ if domain.overdue => format!("renewal OVERDUE since {due}"),
            Some(months) => format!("renewal due within {months} months, on {due}"),
            None => format!("renewal due {due}"),
        });
    }
    match (domain.destroyed, domain.ends) {
        (Some(destroyed), _) => remarks.push(format!("keys destroyed {destroyed}")),
        (None, Some(ends)) if domain.hours_past_its_end.is_some() => {
            remarks.push(format!("ENDED {ends}"))
        }
        (None, Some(ends)) if domain.marked => remarks.push(format!(
            "ENDED: was found past its end and is not used again, its key goes after {ends}"
        )),
        (None, Some(ends)) => remarks.push(format!("ends {ends}")),
        (None, None) => {}
    }
    if domain.to_renew > 0 {
        remarks.push(format!("deliveries to renew: {}", domain.to_renew));
    }
    remarks.join(", ")
}
