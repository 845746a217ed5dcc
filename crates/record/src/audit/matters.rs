//! What a ledger in which every check holds leaves to be accounted for, beyond how it stands: keys
//! and doubts that were answered late, files of former generations that are out, departures from
//! the scheme, and events for which nobody else vouches.

use cstatns_base::language::{Said, both};
use cstatns_base::text;
use jiff::{SignedDuration, Timestamp};

use super::text::{count, day};
use super::{Intact, Notice, PROMPT, Rotation, Turn};

/// How long the service's word alone may stand: each consent and each yearly check witnesses what
/// came before it.
const ALONE: SignedDuration = SignedDuration::from_hours(366 * 24);

/// All of them at `now` by the auditor's clock, where others than the service witnessed the first
/// `witnessed` events.
pub(super) fn matters(ledger: &Intact, witnessed: u64, now: Timestamp) -> Vec<Notice> {
    let mut notices = Vec::new();
    for rotation in Rotation::all(ledger, now) {
        rotation.generations.iter().for_each(|turn| turn.note(&rotation, &mut notices));
    }
    let Intact { state, story, .. } = ledger;
    for (id, delivery) in state.deliveries().iter().filter(|(_, made)| made.request_kept) {
        let event = delivery.event;
        notices.push(notice("request-kept", event, both(|lang| {
            text!(
                in lang,
                "Event {event}: the request of delivery {} of `{}` was kept, against the scheme.",
                "Événement {event} : la demande de la livraison {} de `{}` a été gardée, contre les règles du schéma.",
                state.named(*id),
                delivery.domain
            )
        })));
    }
    if let Some(epoch) = state.custody_doubted() {
        let doubts = state.doubts().values().filter(|doubt| doubt.waits == Some(epoch));
        let event = doubts.map(|doubt| doubt.number).min().unwrap_or(0);
        notices.push(notice("custody-doubted", event, both(|lang| {
            text!(
                in lang,
                "Event {event}: the custody of epoch {epoch} is doubted, and no later dealing works.",
                "Événement {event} : la garde de l'époque {epoch} est en doute, et aucune répartition suivante n'est en \
                    service."
            )
        })));
    }
    let alone = usize::try_from(witnessed).ok().and_then(|first| story.times.get(first));
    if let Some(since) = alone.filter(|since| now.duration_since(**since) > ALONE) {
        let event = witnessed + 1;
        notices.push(notice("unwitnessed", event, both(|lang| {
            text!(
                in lang,
                "Event {event}, of {}: for more than a year nobody but the service has vouched for it and what follows.",
                "Événement {event}, du {} : depuis plus d'un an personne d'autre que le service ne répond de lui et de la \
                    suite.",
                day(*since)
            )
        })));
    }
    notices
}

fn notice(code: &'static str, event: u64, detail: Said) -> Notice {
    Notice { code, event, detail }
}

impl Turn {
    fn note(&self, rotation: &Rotation, notices: &mut Vec<Notice>) {
        let (domain, generation) = (&rotation.domain, self.generation);
        if let (Some(next), Some(days), Some(due)) = (&self.replaced, self.late_days, self.due) {
            let event = next.event;
            notices.push(notice("key-late", event, both(|lang| {
                text!(
                    in lang,
                    "Event {event}: the key of generation {generation} of `{domain}` was due for renewal on {due}, and was \
                    replaced {} late.",
                    "Événement {event} : la clé de génération {generation} de `{domain}` devait être renouvelée le {due}, \
                        et l'a été avec {} de retard.",
                    count(lang, days.unsigned_abs(), "day", "jours", "jour")
                )
            })));
        }
        for doubt in &self.doubts {
            let (event, by) = (doubt.event, &doubt.by);
            match &doubt.answered {
                None => notices.push(notice("doubt-open", event, both(|lang| {
                    text!(
                        in lang,
                        "Event {event}: the doubt of `{by}` is open: the key of generation {generation} of `{domain}` was \
                        neither replaced nor examined since.",
                        "Événement {event} : le doute de `{by}` est ouvert : la clé de génération {generation} de \
                            `{domain}` n'a depuis été ni remplacée ni examinée."
                    )
                }))),
                Some(answer) if doubt.late => notices.push(notice("doubt-late", event, both(|lang| {
                    text!(
                        in lang,
                        "Event {event}: the doubt of `{by}` about generation {generation} of `{domain}` was answered in \
                        event {}, on {}, more than {PROMPT} days later.",
                        "Événement {event} : au doute de `{by}` sur la génération {generation} de `{domain}` il a été \
                            répondu par l'événement {}, le {}, plus de {PROMPT} jours plus tard.",
                        answer.event,
                        day(answer.time)
                    )
                }))),
                Some(_) => {}
            }
        }
        let out = self.still_out().count() as u64;
        if let Some(next) = self.replaced.as_ref().filter(|_| out > 0) {
            let event = next.event;
            notices.push(notice("file-out", event, both(|lang| {
                let files = count(lang, out, "file", "fichiers", "fichier");
                text!(
                    in lang,
                    "Event {event}: generation {generation} of `{domain}` was replaced, and no renewal names \
                    {files} with its codes: still out.",
                    "Événement {event} : la génération {generation} de `{domain}` a été remplacée, et aucun \
                        renouvellement ne nomme {files} avec ses codes, encore en circulation."
                )
            })));
        }
    }
}
