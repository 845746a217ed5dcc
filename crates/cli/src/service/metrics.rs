//! `service status --prometheus`: how a service stands, as OpenMetrics 1.0 text. Names, counts and
//! times alone.

use std::fmt::Write as _;
use std::path::Path;

use cstatns::domain::end_of;
use cstatns::service::{DomainStatus, Status};
use jiff::Timestamp;

/// Labels and a value.
type Sample = (Vec<(&'static str, String)>, u64);

/// The text, without its last line end.
pub(super) fn metrics(status: &Status) -> String {
    let mut text = String::new();
    let is_there = |path: &Path| path.is_file();
    let away = status.deliveries.iter().filter(|of| !of.result.as_deref().is_some_and(is_there));
    let waiting = || status.deliveries.iter().filter(|of| !of.delivered);
    let missing = status.missing().count();
    let exposed = status.exposures.iter().filter(|exposure| exposure.is_alarm()).count();
    let unseen = status.unseen.as_ref().map_or(0, |unseen| unseen.runs);
    let oldest = waiting().map(|of| of.made).min();
    let flag = |set| Some(u64::from(set));
    let count = |number: usize| Some(number as u64);

    let mut info = |name, label, value: &str, help| {
        family(&mut text, name, "info", help, vec![(vec![(label, value.to_owned())], 1)]);
    };
    info("build", "version", env!("CARGO_PKG_VERSION"), "The program");
    info("service", "service", &status.service, "The service");
    let mut gauge = |name, value: Option<u64>, help| {
        let samples = value.map(|value| (Vec::new(), value));
        family(&mut text, name, "gauge", help, samples.into_iter().collect());
    };
    gauge("in_order", flag(status.is_in_order()), "0 if `status --check` ends with 3");
    gauge("demonstration", flag(status.demo), "1 for a demonstration");
    gauge("clock_unconfirmed", flag(status.clock_unconfirmed), "1 if the clock is not believed");
    gauge("clock_behind_seconds", status.clock_behind.or(Some(0)), "How far the clock is behind");
    gauge("home_old", flag(status.old.is_some()), "1 if the home is an old copy");
    gauge("identity_lost", flag(status.identity_lost), "1 if the signing key is not there");
    gauge("custody_doubted", flag(status.custody_doubted.is_some()), "1 if it is doubted");
    gauge("unpaid", flag(status.unpaid.is_some()), "1 if what was begun cannot be finished");
    gauge("unfinished", count(status.unfinished.len()), "What was begun and has not ended");
    gauge("questions_open", count(status.questions.len()), "Questions that custodians are asked");
    gauge("receipts_missing", count(missing), "Custodians whose share-held receipt is missing");
    gauge("epochs_exposed", count(exposed), "Former epochs whose shares may open a present key");
    gauge("checks_overdue", count(status.checks_overdue.len()), "Custodians who are to check");
    gauge("runs_unseen", Some(unseen), "Runs that no statement of a custodian covers");
    gauge("deliveries_waiting", count(waiting().count()), "Results that are not delivered");
    gauge("receipts_unsigned", count(status.unsigned_for.len()), "Parcels nobody has signed for");
    gauge("results_not_found", count(away.count()), "Results that are not where they were put");
    gauge("copies_behind", count(status.copies_behind.len()), "Copies that lack events");
    gauge("keys_missing", flag(status.keys_missing), "1 if the sealed keys are not there");
    gauge("keys_unknown", count(status.unknown_keys.len()), "Keys that the ledger does not know");
    gauge("ledger_bytes", Some(status.bytes), "The length of the ledger");
    let mut time = |name, moment: Option<Timestamp>, help| gauge(name, moment.map(seconds), help);
    time("clock_timestamp_seconds", Some(status.clock), "The clock");
    time("time_timestamp_seconds", Some(status.time), "The service's own time");
    time("event_timestamp_seconds", Some(status.last_clock), "The clock at the last event");
    time("expire_timestamp_seconds", status.expiry_checked, "The clock when `expire` was recorded");
    time("waiting_timestamp_seconds", oldest, "When the oldest waiting result was made");
    let events = vec![(Vec::new(), status.events)];
    family(&mut text, "ledger_events", "counter", "Events of the ledger", events);
    let checked = status.checked.iter().map(|of| (of.custodian.as_str(), seconds(of.last)));
    let name = "custodian_checked_timestamp_seconds";
    by_custodian(&mut text, name, "gauge", "When the share last opened", checked);
    let approved = status.external_runs.iter();
    let approved = approved.map(|of| (of.custodian.as_str(), of.approved.runs));
    by_custodian(&mut text, "external_runs", "counter", "Runs that externals approved", approved);
    domains(&mut text, &status.domains);
    text + "# EOF"
}

fn by_custodian<'a>(
    text: &mut String,
    name: &str,
    kind: &str,
    help: &str,
    values: impl Iterator<Item = (&'a str, u64)>,
) {
    let samples = values.map(|(of, value)| (vec![("custodian", of.to_owned())], value));
    family(text, name, kind, help, samples.collect());
}

fn domains(text: &mut String, domains: &[DomainStatus]) {
    let named = |of: &DomainStatus| ("domain", of.domain.to_string());
    let infos = domains
        .iter()
        .map(|of| (vec![named(of), ("kind", of.kind.clone()), ("state", of.state.to_string())], 1));
    family(text, "domain", "info", "A domain, and what its key may do", infos.collect());
    let mut gauge = |name, value: &dyn Fn(&DomainStatus) -> Option<u64>, help| {
        let samples = domains.iter().filter_map(|of| Some((vec![named(of)], value(of)?)));
        family(text, name, "gauge", help, samples.collect());
    };
    gauge("domain_generation", &|of| Some(of.generation.get().into()), "The present generation");
    gauge("domain_doubted", &|of| Some(of.compromised.into()), "1 if its present key is doubted");
    gauge("domain_overdue", &|of| Some(of.overdue.into()), "1 if its key is overdue");
    gauge(
        "domain_past_its_end",
        &|of| Some(of.hours_past_its_end.is_some().into()),
        "1 if the project is past its end and its keys are there",
    );
    gauge(
        "domain_deliveries_to_renew",
        &|of| Some(of.to_renew),
        "Deliveries of a former generation that no renewal names",
    );
    gauge(
        "domain_key_made_timestamp_seconds",
        &|of| Some(seconds(of.key_made)),
        "When the present key was made",
    );
    gauge(
        "domain_renewal_due_timestamp_seconds",
        &|of| of.renewal_due.map(|due| seconds(end_of(due))),
        "From when the present key is overdue",
    );
    gauge(
        "domain_ends_timestamp_seconds",
        &|of| of.ends.filter(|_| of.destroyed.is_none()).map(|ends| seconds(end_of(ends))),
        "From when the project is past its end",
    );
}

fn seconds(moment: Timestamp) -> u64 {
    moment.as_second().try_into().unwrap_or(0)
}

/// A metric family and its samples. Its unit is the last word of its name, if that is one.
fn family(text: &mut String, name: &str, kind: &str, help: &str, samples: Vec<Sample>) {
    let suffix = match kind {
        "info" => "_info",
        "counter" => "_total",
        _ => "",
    };
    let _ = writeln!(text, "# TYPE cstatns_{name} {kind}");
    if let Some(unit) = ["seconds", "bytes"].iter().find(|unit| name.ends_with(**unit)) {
        let _ = writeln!(text, "# UNIT cstatns_{name} {unit}");
    }
    let _ = writeln!(text, "# HELP cstatns_{name} {}.", escaped(help));
    for (labels, value) in samples {
        let labels = labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value)));
        let labels = labels.collect::<Vec<_>>().join(",");
        let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
        let _ = writeln!(text, "cstatns_{name}{suffix}{labels} {value}");
    }
}

/// The text as help and the values of labels have it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_label_or_a_line_is_escaped() {
        let mut text = String::new();
        let samples = vec![(vec![("label", "a\"b\\c\nd".to_owned())], 1)];
        family(&mut text, "of_seconds", "gauge", "one\ntwo", samples);
        let lines = [
            "# TYPE cstatns_of_seconds gauge",
            "# UNIT cstatns_of_seconds seconds",
            "# HELP cstatns_of_seconds one\\ntwo.",
            "cstatns_of_seconds{label=\"a\\\"b\\\\c\\nd\"} 1",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), lines);
    }
}
