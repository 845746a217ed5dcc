//! What an auditor reads.

use std::fmt;

use cstatns_base::code::Generation;
use cstatns_base::language::{French, Lang};
use cstatns_base::name::Name;
use cstatns_base::text;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::state::{Exposure, ExternalRuns, Rehearsal};

use super::{
    Audit, DeliverySummary, Flow, OtherWitness, PartySummary, UnsignedFor, Witness, Witnessed,
};

/// So many of a thing; in French none and one are not several.
pub(super) fn count(lang: Lang, number: u64, one: &str, many_fr: &str, one_fr: &str) -> String {
    match (lang, number) {
        (Lang::En, 1) => format!("1 {one}"),
        (Lang::En, _) => format!("{number} {one}s"),
        (Lang::Fr, 0 | 1) => format!("{number} {one_fr}"),
        (Lang::Fr, _) => format!("{number} {many_fr}"),
    }
}

/// The day of a time.
pub(super) fn day(time: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(time).date()
}

/// Names, one after another.
pub(super) fn names<'a>(names: impl IntoIterator<Item = &'a Name>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

pub(super) fn events(lang: Lang, number: u64) -> String {
    count(lang, number, "event", "événements", "événement")
}

/// The two things that an audit says of a ledger, each by itself: one that nobody has touched may
/// show that much is late.
pub(super) struct Verdicts {
    pub(super) checks: usize,
    pub(super) failures: usize,
    pub(super) matters: usize,
}

impl Verdicts {
    pub(super) fn intact(&self, lang: Lang) -> String {
        let Self { checks, failures, .. } = self;
        match failures {
            0 => text!(
                in lang,
                "Intact: yes, all {checks} checks hold.",
                "Intègre : oui, les {checks} vérifications tiennent."
            ),
            _ => text!(
                in lang,
                "Intact: NO, {failures} of {checks} checks failed.",
                "Intègre : NON, {failures} vérifications sur {checks} ont échoué."
            ),
        }
    }

    pub(super) fn in_order(&self, lang: Lang) -> String {
        match (self.failures, self.matters as u64) {
            (0, 0) => text!(
                in lang,
                "In order: yes, nothing is left to account for.",
                "En ordre : oui, rien ne reste à expliquer."
            ),
            (0, matters) => text!(
                in lang,
                "In order: NO, {} to account for.",
                "En ordre : NON, il reste à expliquer {}.",
                count(lang, matters, "matter", "points", "point")
            ),
            _ => text!(
                in lang,
                "In order: nothing can be said of that while the ledger is not intact.",
                "En ordre : rien ne peut en être dit tant que le registre n'est pas intègre."
            ),
        }
    }
}

/// How many files, parcels and years, and what went in clear (R15).
pub fn flow_text(flow: &Flow, lang: Lang) -> String {
    let Flow { files, parcels, requests_in_clear, results_in_clear, since, years } = flow;
    let mut line = text!(
        in lang,
        "in service since {}, {}: {}, {}",
        "en service depuis le {}, {} : {}, {}",
        since.strftime("%Y-%m-%d"),
        count(lang, (*years).into(), "year", "ans", "an"),
        count(lang, *files, "file", "fichiers", "fichier"),
        count(lang, *parcels, "parcel", "colis", "colis")
    );
    if requests_in_clear + results_in_clear > 0 {
        line += &text!(
            in lang,
            "; in clear {} and {}",
            " ; en clair {} et {}",
            count(lang, *requests_in_clear, "request", "demandes", "demande"),
            count(lang, *results_in_clear, "result", "résultats", "résultat")
        );
    }
    line
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl French for Audit {
    fn french(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::Fr))
    }
}

impl Audit {
    fn text(&self, lang: Lang) -> String {
        let mut lines = Vec::new();
        let demo = match self.demo {
            Some(true) => text!(in lang, ", A DEMONSTRATION", ", UNE DÉMONSTRATION"),
            _ => String::new(),
        };
        lines.push(text!(
            in lang,
            "Ledger of the service {}{demo}: {}",
            "Registre du service {}{demo} : {}",
            self.service,
            events(lang, self.events)
        ));
        if let (Some(first), Some(last)) = (self.first, self.last) {
            lines.push(text!(in lang, "From {first} to {last}", "De {first} à {last}"));
        }
        if let Some(words) = &self.founding {
            lines.push(text!(
                in lang,
                "Founded with the custodians who read these words: {words}",
                "Fondé avec les détenteurs qui lisent ces mots : {words}"
            ));
        }
        lines.push(text!(in lang, "\nChecked", "\nVérifié"));
        for finding in &self.findings {
            let verdict = match finding.holds {
                true => text!(in lang, "holds", "tient"),
                false => text!(in lang, "FAILS", "ÉCHOUE"),
            };
            let check = lang.of(finding.check.words());
            let detail = lang.of(&finding.detail);
            lines.push(
                text!(in lang, "  {verdict}  {check}: {detail}", "  {verdict}  {check} : {detail}"),
            );
        }
        if !self.notices.is_empty() {
            lines.push(text!(in lang, "\nNot in order", "\nÀ expliquer"));
            lines
                .extend(self.notices.iter().map(|notice| format!("  {}", lang.of(&notice.detail))));
        }
        self.say_witnesses(lang, &mut lines);
        self.say_summary(lang, &mut lines);
        lines.push(String::new());
        lines.extend(self.verdicts(lang));
        lines.push(String::new());
        lines.join("\n")
    }

    /// The two verdicts: whether it is intact, and whether it is in order.
    pub fn verdicts(&self, lang: Lang) -> [String; 2] {
        let verdicts = Verdicts {
            checks: self.findings.len(),
            failures: self.failures().count(),
            matters: self.notices.len(),
        };
        let (mut intact, sound) = (verdicts.intact(lang), self.sound);
        // What rests on the service's word alone was checked as far as it can be.
        let last = sound - self.witnessed.events.min(sound);
        if verdicts.failures == 0 && last == 1 {
            intact += &text!(
                in lang,
                " Nobody but the service vouches for the last event.",
                " Personne d'autre que le service ne répond du dernier événement."
            );
        } else if verdicts.failures == 0 && last > 1 {
            intact += &text!(
                in lang,
                " Nobody but the service vouches for the last {last} events.",
                " Personne d'autre que le service ne répond des {last} derniers événements."
            );
        }
        if verdicts.failures > 0 && sound != self.events {
            intact += &text!(
                in lang,
                " Nothing is said of the events after event {sound}.",
                " Rien n'est dit des événements après l'événement {sound}."
            );
        }
        [intact, verdicts.in_order(lang)]
    }

    fn say_witnesses(&self, lang: Lang, lines: &mut Vec<String>) {
        let Witnessed { events: seen, quorum, custodians, others } = &self.witnessed;
        lines.push(text!(
            in lang,
            "\nWitnessed by others than the service",
            "\nAttesté par d'autres que le service"
        ));
        let through = |events: u64| match events {
            0 => text!(in lang, "nothing yet", "rien encore"),
            1 => text!(in lang, "event 1", "l'événement 1"),
            _ => text!(in lang, "events 1 to {events}", "les événements 1 à {events}"),
        };
        for Witness { custodian, events } in custodians {
            let seen = through(*events);
            lines.push(text!(in lang, "  {custodian}: {seen}", "  {custodian} : {seen}"));
        }
        lines.push(match quorum {
            1 => text!(
                in lang,
                "  By a quorum of them: events 1 to 1.",
                "  Par un quorum d'entre eux : l'événement 1."
            ),
            _ => text!(
                in lang,
                "  By a quorum of them: {}.",
                "  Par un quorum d'entre eux : {}.",
                through(*quorum)
            ),
        });
        for OtherWitness { witness, events } in others {
            let seen = through(*events);
            lines.push(text!(
                in lang,
                "  {witness}, whose key was given: {seen}",
                "  {witness}, dont la clé a été donnée : {seen}"
            ));
        }
        match (*seen, self.sound) {
            (0, 0) => {}
            (0, _) => lines.push(text!(
                in lang,
                "  Nobody but the service vouches for any event.",
                "  Personne d'autre que le service ne répond d'aucun événement."
            )),
            (seen, sound) if seen == sound => {
                lines.push(text!(in lang, "  Together: every event.", "  Ensemble : tous les événements."));
            }
            (seen, sound) if seen + 1 == sound => lines.push(text!(
                in lang,
                "  Together: events 1 to {seen}. Nobody but the service vouches for event {sound}.",
                "  Ensemble : les événements 1 à {seen}. Personne d'autre que le service ne répond de l'événement {sound}."
            )),
            (seen, sound) => lines.push(text!(
                in lang,
                "  Together: events 1 to {seen}. Nobody but the service vouches for events {} to {sound}.",
                "  Ensemble : les événements 1 à {seen}. Personne d'autre que le service ne répond des événements {} à \
                    {sound}.",
                seen + 1
            )),
        }
    }

    fn say_summary(&self, lang: Lang, lines: &mut Vec<String>) {
        if self.sound == 0 {
            return;
        }
        lines.push(text!(
            in lang,
            "\nWhat the first {} tell",
            "\nCe que disent les premiers {}",
            events(lang, self.sound)
        ));
        for domain in &self.domains {
            let kind = match domain.kind {
                "research" => text!(in lang, "research", "recherche"),
                _ => text!(in lang, "statistics", "statistique"),
            };
            let mut line = text!(
                in lang,
                "  {} ({kind}): generation {}",
                "  {} ({kind}) : génération {}",
                domain.domain,
                domain.generation
            );
            if !domain.doubted.is_empty() {
                let doubted: Vec<String> =
                    domain.doubted.iter().map(Generation::to_string).collect();
                line += &text!(in lang, ", doubted: {}", ", en doute : {}", doubted.join(", "));
            }
            if let Some(ends) = domain.ends {
                line += &text!(in lang, ", last day {ends}", ", dernier jour {ends}");
            }
            if let Some(time) = domain.destroyed {
                line += &text!(in lang, ", keys destroyed {time}", ", clés détruites {time}");
            }
            lines.push(line);
            lines.push(format!("    {}", flow_text(&domain.flow, lang)));
        }
        for Exposure { epoch, needed, unforgotten, .. } in &self.exposures {
            let of = unforgotten.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
            lines.push(text!(
                in lang,
                "  Epoch {epoch}, which is over: shares not stated destroyed of {of}; {needed} open its secret",
                "  Époque {epoch}, terminée : parts non déclarées détruites de {of} ; {needed} ouvrent son secret"
            ));
        }
        let PartySummary { with_roles, ended, keys_issued, keys_serving, keys_destroyed, .. } =
            &self.parties;
        if with_roles + ended > 0 {
            lines.push(text!(
                in lang,
                "  parties: {with_roles} with a role, {ended} ended; request keys: {keys_issued} issued, \
                {keys_serving} serve, {keys_destroyed} destroyed",
                "  partenaires : {with_roles} avec un rôle, {ended} dont les rôles ont pris fin ; clés de demande : \
                    {keys_issued} émises, {keys_serving} servent, {keys_destroyed} détruites"
            ));
        }
        let DeliverySummary {
            made, renewals, look_ups, rows, delivered, lost, requests_kept, ..
        } = self.deliveries;
        lines.push(text!(
            in lang,
            "  {} of {rows} rows in all, {renewals} of them renewals",
            "  {} de {rows} lignes en tout, dont {renewals} renouvellements",
            count(lang, made, "result", "résultats", "résultat")
        ));
        let DeliverySummary { rechecked_runs, rechecked, rechecked_of, .. } = self.deliveries;
        if rechecked_runs > 0 {
            lines.push(text!(
                in lang,
                "  {} with results recomputed before they got their names: {rechecked} of {rechecked_of} rows",
                "  {} aux résultats recalculés avant de recevoir leur nom : {rechecked} de {rechecked_of} lignes",
                count(lang, rechecked_runs, "run", "opérations", "opération")
            ));
        }
        lines.push(text!(
            in lang,
            "  {} that looked people up in a register, {look_ups} of them with a result",
            "  {} avec recherche de personnes dans un répertoire, dont {look_ups} avec un résultat",
            count(lang, self.look_ups, "run", "opérations", "opération")
        ));
        for ExternalRuns { custodian, approved } in &self.external_runs {
            lines.push(text!(
                in lang,
                "  {} approved by `{custodian}`, an external custodian: the last in event {}, {}",
                "  {} avec le consentement de `{custodian}`, un détenteur extérieur : la dernière à l'événement {}, {}",
                count(lang, approved.runs, "run", "opérations", "opération"),
                approved.event,
                approved.time
            ));
        }
        for UnsignedFor { delivery, domain, party, made, stated } in &self.unsigned_for {
            let stated = match stated {
                true => text!(in lang, " (stated delivered)", " (déclarée remise)"),
                false => String::new(),
            };
            lines.push(text!(
                in lang,
                "  Not signed for by `{party}`: delivery {delivery} of `{domain}`, {made}{stated}",
                "  Sans récépissé signé de `{party}` : livraison {delivery} de `{domain}`, {made}{stated}"
            ));
        }
        if let Some(Rehearsal { event, time, .. }) = &self.rehearsal {
            lines.push(text!(
                in lang,
                "  Rehearsed on a twin, by the service's word: the last time in event {event}, {time}",
                "  Répétition sur un double, selon le service : la dernière à l'événement {event}, {time}"
            ));
        }
        lines.push(text!(
            in lang,
            "  {delivered} delivered, {lost} lost; {} kept against the scheme",
            "  {delivered} remis, {lost} perdus ; {} contre les règles du schéma",
            count(lang, requests_kept, "request", "demandes gardées", "demande gardée")
        ));
        lines.push(text!(
            in lang,
            "  {} of custodians, each signed by them",
            "  {} de détenteurs, chacune signée de leur clé",
            count(lang, self.statements, "statement", "déclarations", "déclaration")
        ));
    }
}
