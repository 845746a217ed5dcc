//! The keys of a domain, their doubts and their files.

use cstatns::audit::{Account, DomainAccount, Standing, Turn, flow_text};
use cstatns::domain::RenewalReason;
use cstatns::name::Name;
use maud::{Markup, html};

use super::timeline::{Years, day};
use crate::figures::{counted, grouped};
use crate::lang::{lang, text};
use crate::page::{figure, table};

/// The most lines of a list whose whole another command gives.
pub(super) const MOST: usize = 200;

pub(super) fn of_domain(domain: &DomainAccount, years: &Years, account: &Account) -> Markup {
    let rotation = &domain.rotation;
    let name = &rotation.domain;
    let kind = match rotation.kind {
        "research" => text!("Research project", "Projet de recherche"),
        _ => text!("Statistical domain", "Domaine statistique"),
    };
    let basis = domain.authorisation.as_ref().map_or_else(String::new, |basis| {
        text!(", authorised by {basis}", ", autorisé par {basis}")
    });
    let rows: Vec<_> = rotation.generations.iter().map(of_key).collect();
    let head = [
        text!("key", "clé"),
        text!("made", "faite"),
        text!("why", "pourquoi"),
        text!("approved by", "consenti par"),
        text!("due", "échéance"),
        text!("replaced", "remplacée"),
        text!("late", "retard"),
        text!("doubts", "doutes"),
        text!("files", "fichiers"),
        text!("renewed", "renouvelés"),
        text!("still out", "en circulation"),
    ];
    let out: Vec<_> = rotation
        .generations
        .iter()
        .flat_map(|turn| turn.still_out().map(move |given| (turn.generation, given)))
        .collect();
    let out_rows: Vec<_> = out
        .iter()
        .take(MOST)
        .map(|(generation, given)| {
            vec![
                given.delivery.to_string(),
                generation.to_string(),
                day(given.made).to_string(),
                given.purpose.to_string(),
                grouped(given.rows),
            ]
        })
        .collect();
    let out_head = [
        text!("delivery", "livraison"),
        text!("key", "clé"),
        text!("made", "faite"),
        text!("purpose", "finalité"),
        text!("rows", "lignes"),
    ];
    html! {
        h2 { (kind) " " code { (name) } }
        p { (text!("It is {}{basis}.", "Il est {}{basis}.", flow_text(&domain.flow, lang()))) }
        (figure(
            &format!("keys-{name}"),
            Years::size(),
            &text!("The keys of {name} against time", "Les clés de {name} dans le temps"),
            &text!(
                "A bar for each key, by its number. A dashed line is where it is due, or where the project ends; \
                what follows has another colour. A triangle is a doubt.",
                "Une barre par clé, par son numéro. Un tireté marque l'échéance, ou la fin du projet ; ce qui suit \
                    a une autre couleur. Un triangle est un doute."
            ),
            &years.draw(domain, account.today),
        ))
        (table(
            &text!(
                "The keys of {name}, and the files coded with each",
                "Les clés de {name}, et les fichiers codés avec chacune"
            ),
            &head,
            &rows,
        ))
        (doubts(name, &rotation.generations))
        @if !out_rows.is_empty() {
            (table(
                &text!(
                    "Files that still have codes of a former key of {name}",
                    "Fichiers qui ont encore des codes d'une clé précédente de {name}"
                ),
                &out_head,
                &out_rows,
            ))
            (more(out.len(), "auditor rotation"))
        }
    }
}

fn of_key(turn: &Turn) -> Vec<String> {
    let why = match turn.reason {
        None => text!("opened", "ouverture"),
        Some(RenewalReason::Scheduled) => text!("scheduled", "échéance"),
        Some(RenewalReason::Doubt) => text!("doubt", "doute"),
    };
    let renewed = turn
        .deliveries
        .iter()
        .filter(|given| matches!(given.standing, Standing::Renewed | Standing::RenewedUnsigned));
    vec![
        turn.generation.to_string(),
        day(turn.made.time).to_string(),
        why,
        names(&turn.made.approved),
        turn.due.map_or_else(String::new, |due| due.to_string()),
        turn.replaced.as_ref().map_or_else(String::new, |next| day(next.time).to_string()),
        turn.late_days.map_or_else(String::new, days),
        turn.doubts.len().to_string(),
        turn.deliveries.len().to_string(),
        renewed.count().to_string(),
        turn.still_out().count().to_string(),
    ]
}

fn doubts(name: &Name, turns: &[Turn]) -> Markup {
    let rows: Vec<_> = turns
        .iter()
        .flat_map(|turn| turn.doubts.iter().map(move |doubt| (turn.generation, doubt)))
        .map(|(generation, doubt)| {
            let what = match doubt.custody {
                true => text!("the custody", "la garde"),
                false => text!("key {generation}", "la clé {generation}"),
            };
            let answer = match &doubt.answered {
                None => text!("open", "ouvert"),
                Some(answer) => {
                    let after = answer.time.duration_since(doubt.time).as_hours() / 24;
                    let how = match doubt.examined {
                        true => text!("examined", "examiné"),
                        false => text!("new key", "nouvelle clé"),
                    };
                    let late = match doubt.late {
                        true => text!(", late", ", en retard"),
                        false => String::new(),
                    };
                    text!("{how} after {}{late}", "{how} après {}{late}", days(after))
                }
            };
            vec![day(doubt.time).to_string(), doubt.by.to_string(), what, answer]
        })
        .collect();
    let head = [
        text!("doubt of", "doute du"),
        text!("by", "par"),
        text!("about", "sur"),
        text!("answer", "réponse"),
    ];
    let caption = text!(
        "Doubts about the keys of {name}, and what answered them",
        "Doutes sur les clés de {name}, et ce qui y a répondu"
    );
    html! {
        @if !rows.is_empty() { (table(&caption, &head, &rows)) }
    }
}

pub(super) fn names<'a>(names: impl IntoIterator<Item = &'a Name>) -> String {
    names.into_iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}

/// Says that a list goes on.
pub(super) fn more(all: usize, command: &str) -> Markup {
    html! {
        @if all > MOST {
            p {
                (text!(
                    "And {} more: `{command}` shows them all.",
                    "Et {} de plus : `{command}` les montre tous.",
                    all - MOST
                ))
            }
        }
    }
}

pub(super) fn days(days: i64) -> String {
    counted(days.unsigned_abs(), "day", "jour")
}
