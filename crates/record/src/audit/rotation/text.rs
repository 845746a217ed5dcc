//! A rotation in plain words.

use std::fmt;

use cstatns_base::domain::RenewalReason;
use cstatns_base::language::{French, Lang};
use cstatns_base::text;
use jiff::civil::Date;

use super::super::text::{count, day, names};
use super::{Decided, Doubt, Given, PROMPT, Rotation, Standing, Turn};

impl fmt::Display for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl French for Rotation {
    fn french(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::Fr))
    }
}

impl Rotation {
    fn text(&self, lang: Lang) -> String {
        let Self { domain, events, .. } = self;
        let kind = match self.kind {
            "research" => text!(in lang, "research", "recherche"),
            _ => text!(in lang, "statistics", "statistique"),
        };
        let mut lines = vec![text!(
            in lang,
            "The keys of `{domain}` ({kind}), by the first {} of the ledger",
            "Les clés de `{domain}` ({kind}), d'après les premiers {} du registre",
            count(lang, *events, "event", "événements", "événement")
        )];
        for turn in &self.generations {
            turn.say(lang, &mut lines);
        }
        if let Some(ends) = self.ends {
            lines.push(String::new());
            lines.push(self.end(lang, ends));
        }
        lines.push(String::new());
        lines.push(match self.is_in_order() {
            true => text!(
                in lang,
                "In order: no key was replaced or destroyed late, no doubt is open or was answered late, no file of a \
                former generation is out.",
                "En ordre : aucune clé remplacée ou détruite en retard, aucun doute ouvert ou répondu en retard, aucun \
                    fichier d'une génération précédente en circulation."
            ),
            false => text!(
                in lang,
                "Not in order: what stands after an exclamation mark must be accounted for.",
                "À expliquer : ce qui suit un point d'exclamation."
            ),
        });
        lines.push(String::new());
        lines.join("\n")
    }

    fn end(&self, lang: Lang, ends: Date) -> String {
        let late = self.late_days.map(|days| days_late(lang, days));
        match (self.destroyed.map(day), late) {
            (Some(day), None) => text!(
                in lang,
                "Last day {ends}; its keys were destroyed on {day}, in time.",
                "Dernier jour {ends} ; ses clés ont été détruites le {day}, à temps."
            ),
            (Some(day), Some(late)) => text!(
                in lang,
                "! Last day {ends}; its keys were destroyed on {day}, {late}.",
                "! Dernier jour {ends} ; ses clés ont été détruites le {day}, {late}."
            ),
            (None, None) => text!(in lang, "Last day {ends}.", "Dernier jour {ends}."),
            (None, Some(late)) => text!(
                in lang,
                "! Last day {ends}; its keys are not destroyed, {late}.",
                "! Dernier jour {ends} ; ses clés ne sont pas détruites, {late}."
            ),
        }
    }
}

impl Turn {
    fn say(&self, lang: Lang, lines: &mut Vec<String>) {
        let Self { generation, made, .. } = self;
        let why = match self.reason {
            None => text!(in lang, "the domain was opened", "ouverture du domaine"),
            Some(RenewalReason::Scheduled) => text!(in lang, "as scheduled", "à l'échéance"),
            Some(RenewalReason::Doubt) => text!(in lang, "after a doubt", "après un doute"),
        };
        lines.push(text!(
            in lang,
            "\nGeneration {generation}: key made on {}, {why}",
            "\nGénération {generation} : clé faite le {}, {why}",
            decided(lang, made)
        ));
        for doubt in &self.doubts {
            lines.push(doubt.text(lang));
        }
        let late = self.late_days.map(|days| days_late(lang, days));
        let due = self.due.map(|due| text!(in lang, "due on {due}, ", "prévu le {due}, "));
        let due = due.unwrap_or_default();
        match (&self.replaced, late) {
            (Some(next), None) => lines.push(text!(
                in lang,
                "  renewal: {due}done on {}",
                "  renouvellement : {due}fait le {}",
                decided(lang, next)
            )),
            (Some(next), Some(late)) => lines.push(text!(
                in lang,
                "! renewal: {due}done on {}, {late}",
                "! renouvellement : {due}fait le {}, {late}",
                decided(lang, next)
            )),
            (None, Some(late)) => lines.push(text!(
                in lang,
                "! renewal: {due}not done, {late}",
                "! renouvellement : {due}non fait, {late}"
            )),
            (None, None) => {
                if let Some(due) = self.due {
                    lines.push(text!(
                        in lang,
                        "  renewal: due on {due}",
                        "  renouvellement : prévu le {due}"
                    ));
                }
            }
        }
        self.say_files(lang, lines);
    }

    fn say_files(&self, lang: Lang, lines: &mut Vec<String>) {
        let files = self.deliveries.len() as u64;
        let files = count(lang, files, "file", "fichiers", "fichier");
        let out = self.still_out().count() as u64;
        lines.push(match (&self.replaced, out) {
            (None, _) => text!(in lang, "  {files} with its codes", "  {files} avec ses codes"),
            (Some(_), 0) => text!(
                in lang,
                "  {files} with its codes: the renewal is finished",
                "  {files} avec ses codes : le renouvellement est achevé"
            ),
            (Some(_), _) => text!(
                in lang,
                "! {files} with its codes: the renewal is not finished, {out} still out",
                "! {files} avec ses codes : le renouvellement n'est pas achevé, {out} en circulation"
            ),
        });
        lines.extend(self.deliveries.iter().map(|given| given.text(lang)));
    }
}

impl Doubt {
    fn text(&self, lang: Lang) -> String {
        let Self { by, event, time, .. } = self;
        let what = match self.custody {
            true => text!(in lang, "the custody of all keys", "la garde de toutes les clés"),
            false => text!(in lang, "this key", "cette clé"),
        };
        let said = text!(
            in lang,
            "doubt of `{by}` about {what} on {} (event {event})",
            "doute de `{by}` sur {what} le {} (événement {event})",
            day(*time)
        );
        let after = |answer: &Decided| {
            let days = answer.time.duration_since(*time).as_hours() / 24;
            count(lang, days.unsigned_abs(), "day", "jours", "jour")
        };
        let answer = match &self.answered {
            None => return text!(in lang, "! {said}: open", "! {said} : ouvert"),
            Some(answer) if self.examined => text!(
                in lang,
                "examined by {} after {}",
                "examiné par {} après {}",
                names(&answer.approved),
                after(answer)
            ),
            Some(answer) => {
                text!(in lang, "a new key after {}", "nouvelle clé après {}", after(answer))
            }
        };
        match self.late {
            false => text!(in lang, "  {said}: {answer}", "  {said} : {answer}"),
            true => text!(
                in lang,
                "! {said}: {answer}, more than {PROMPT}",
                "! {said} : {answer}, plus que {PROMPT}"
            ),
        }
    }
}

impl Given {
    fn text(&self, lang: Lang) -> String {
        let Self { delivery, event, purpose, rows, .. } = self;
        let said = text!(
            in lang,
            "delivery {delivery} of {} (event {event}), {} for `{purpose}`",
            "livraison {delivery} du {} (événement {event}), {} pour `{purpose}`",
            day(self.made),
            count(lang, *rows, "row", "lignes", "ligne")
        );
        let into: Vec<String> = self.into.iter().map(ToString::to_string).collect();
        let into = into.join(", ");
        match self.standing {
            Standing::InUse => text!(in lang, "    {said}", "    {said}"),
            Standing::Renewed => text!(
                in lang,
                "    {said}: renewed into {into}, which has arrived{}",
                "    {said} : renouvelée en {into}, qui est arrivée{}",
                self.destroyed_text(lang)
            ),
            Standing::RenewedUnsigned => text!(
                in lang,
                "    {said}: renewed into {into}, which nobody is known to have",
                "    {said} : renouvelée en {into}, sans récépissé encore"
            ),
            Standing::Lost => text!(
                in lang,
                "    {said}: lost before anybody had it",
                "    {said} : perdue avant que personne ne l'ait"
            ),
            Standing::Unclaimed => text!(
                in lang,
                "    {said}: destroyed with the project's keys, nobody said to have it",
                "    {said} : détruite avec les clés du projet, personne n'a dit l'avoir"
            ),
            Standing::Over => text!(
                in lang,
                "    {said}: the project is over, whoever has it must have destroyed it",
                "    {said} : le projet est terminé, qui l'a doit l'avoir détruite"
            ),
            Standing::Out => {
                text!(in lang, "!   {said}: still out", "!   {said} : en circulation")
            }
        }
    }

    /// What those who have the new codes sign to have destroyed, if anybody has signed.
    fn destroyed_text(&self, lang: Lang) -> String {
        match self.destroyed {
            0 => String::new(),
            files => text!(
                in lang,
                "; {} stated destroyed",
                " ; {} selon récépissé",
                count(lang, files, "file", "fichiers détruits", "fichier détruit")
            ),
        }
    }
}

fn days_late(lang: Lang, days: i64) -> String {
    let days = count(lang, days.unsigned_abs(), "day", "jours", "jour");
    text!(in lang, "{days} late", "avec {days} de retard")
}

fn decided(lang: Lang, made: &Decided) -> String {
    let Decided { event, time, approved } = made;
    text!(
        in lang,
        "{} (event {event}), approved by {}",
        "{} (événement {event}), avec le consentement de {}",
        day(*time),
        names(approved)
    )
}
