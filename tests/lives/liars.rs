//! Custodians who lie: approvals that are altered, given twice, given in another's name, or that
//! were given to another question.

use cstatns::custody::approval::Approval;
use cstatns::custody::quorum::Quorum;
use cstatns::service::{Gathering, ServiceError};
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::common::to_open;
use crate::history::Rule;
use crate::life::Life;

/// The approval with one of its texts changed, if it is still one.
fn altered(approval: &Approval, at: &[&str], change: impl FnOnce(&str) -> String) -> Approval {
    let mut value = serde_json::to_value(approval).unwrap();
    let text: &mut Value = at.iter().fold(&mut value, |value, key| &mut value[*key]);
    *text = Value::String(change(text.as_str().unwrap()));
    serde_json::from_value(value).unwrap()
}

/// The hexadecimal text with its last digit changed.
fn bit(text: &str) -> String {
    let (rest, last) = text.split_at(text.len() - 1);
    format!("{rest}{}", if last == "0" { "1" } else { "0" })
}

/// What liars make of an approval that counts.
fn lies(good: &Approval, others: &[String]) -> Vec<Approval> {
    let mut lies = vec![
        altered(good, &["consent", "signature"], bit),
        altered(good, &["consent", "body", "share"], bit),
        altered(good, &["consent", "body", "question"], bit),
        altered(good, &["share"], bit),
    ];
    lies.extend(
        others.iter().map(|other| altered(good, &["consent", "body", "by"], |_| other.clone())),
    );
    lies
}

/// Asks at a distance whether to open a domain: k − 1 custodians approve, every lie is tried, and
/// then one more approves, or nobody. An approval that must not count breaks the rule.
pub(crate) fn ask_liars(life: &mut Life, domain: &str, honest: bool) -> Result<(), ServiceError> {
    let mut service = life.world.try_open()?;
    if life.world.confirms.get() {
        service.confirm_clock(TimeZone::UTC.to_datetime(service.now()).date())?;
    }
    let draft = service.propose(to_open(domain), SignedDuration::from_mins(10))?;
    let (world, k, mut given) = (&life.world, life.k, Vec::new());
    let others: Vec<String> = (1..=life.n()).map(|at| format!("custodian-{at}")).collect();
    let (mut refused, mut taken) = (0, Vec::new());
    let quorum: Result<Quorum, ServiceError> =
        service.gather(draft, |gathering: &mut Gathering<'_>| {
            gathering.wait_for_others();
            let proposal = gathering.proposal_file()?.bytes();
            for kit in 0..k {
                if kit + 1 == k {
                    let old = life.approvals.iter().cloned();
                    let made = given.iter().flat_map(|good| lies(good, &others));
                    for lie in given.iter().cloned().chain(made).chain(old).collect::<Vec<_>>() {
                        match gathering.take(lie) {
                            Ok(by) => taken.push(by.as_str().to_owned()),
                            Err(_) => refused += 1,
                        }
                    }
                    if !honest {
                        return Ok(());
                    }
                }
                let approval = world.approve(kit, &proposal)?;
                given.push(approval.clone());
                gathering.take(approval)?;
            }
            Ok(())
        });
    if !taken.is_empty() {
        life.breaks(Rule::Approved, format!("a lie in the name of {taken:?} was taken"));
    }
    for _ in 0..refused {
        life.stats.count("seen", "lie refused");
    }
    life.approvals.extend(given);
    let old = life.approvals.len().saturating_sub(6);
    life.approvals.drain(..old);
    service.open_domain(quorum?)
}
