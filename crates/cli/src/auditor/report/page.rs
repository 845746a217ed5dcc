//! The page of a report. It holds names of domains, purposes, custodians and parties, numbers and
//! dates: nothing of the people whose data was coded, for the ledger has nothing of them.

use std::collections::BTreeMap;

use cstatns::audit::{Account, Attempt, CustodianAccount, DealingAccount, LinkingAudit, Runs};
use cstatns::name::Name;
use maud::{Markup, html};

use super::domains::{MOST, days, more, names, of_domain};
use super::timeline::{Years, day};
use crate::figures::{counted, grouped};
use crate::lang::{lang, said, text};
use crate::page::{document, marked, table};

pub(super) fn page(account: &Account, bodies: &[LinkingAudit]) -> String {
    let title =
        text!("Account of the service {}", "Compte rendu du service {}", account.audit.service);
    let years = Years::of(&account.domains, account.today);
    document(
        &title,
        Some("broad"),
        &html! {
            h1 { (title) }
            (of_what(account))
            (verdicts(account))
            (matters(account))
            @for kind in ["statistics", "research"] {
                @for domain in account.domains.iter().filter(|of| of.rotation.kind == kind) {
                    (of_domain(domain, &years, account))
                }
            }
            (projects(account))
            (custodians(account))
            (receipts(account))
            (runs(account))
            (attempts(account))
            @for body in bodies { (linking(body)) }
            (again(account))
        },
    )
}

fn yes(is: bool) -> String {
    match is {
        true => text!("yes", "oui"),
        false => text!("no", "non"),
    }
}

fn of_what(account: &Account) -> Markup {
    let audit = &account.audit;
    let (first, last) = (audit.first.map(day), audit.last.map(day));
    let dates = first.zip(last).map_or_else(String::new, |(first, last)| {
        text!(", from {first} to {last}", ", du {first} au {last}")
    });
    let period = match (account.period.from, account.period.to) {
        (None, None) => None,
        (Some(from), None) => Some(text!("since {from}", "depuis le {from}")),
        (None, Some(to)) => Some(text!("until {to}", "jusqu'au {to}")),
        (Some(from), Some(to)) => Some(text!("from {from} to {to}", "du {from} au {to}")),
    };
    html! {
        p {
            (text!(
                "Drawn from the {} of its ledger{dates}, on {} by the auditor's clock.",
                "Tiré des {} de son registre{dates}, le {} selon l'horloge de l'auditeur.",
                counted(audit.events, "event", "événement"),
                account.today
            ))
        }
        @if let Some(period) = period {
            p {
                (text!(
                    "Keys, runs and refusals are those of the period {period}; how files, projects and custodians \
                    stand is of the ledger's end.",
                    "Les clés, opérations et refus sont ceux de la période {period} ; l'état des fichiers, projets et \
                        détenteurs est celui de la fin du registre."
                ))
            }
        }
        @if audit.demo == Some(true) {
            p { strong { (text!("This service is a demonstration.", "Ce service est une démonstration.")) } }
        }
    }
}

fn verdicts(account: &Account) -> Markup {
    let [intact, in_order] = account.audit.verdicts(lang());
    let is_in_order = account.audit.is_in_order();
    html! {
        div.verdicts {
            section.verdict {
                h2 { (text!("Is the record intact?", "Le registre est-il intègre ?")) }
                p { strong { (marked(&intact)) } }
                p.soft {
                    (text!(
                        "It says that nothing was removed or changed since others saw it, and that every event was \
                        allowed. It does not say that nothing happened outside the record: whoever holds enough shares \
                        and a copy of the sealed keys could use them without a trace.",
                        "Cela dit que rien n'a été retiré ou modifié depuis que d'autres l'ont vu, et que chaque événement \
                            était permis. Cela ne dit pas que rien n'a eu lieu hors du registre : qui tient assez \
                            de parts et une copie des clés scellées pourrait s'en servir sans trace."
                    ))
                }
            }
            section class=(if is_in_order { "verdict" } else { "verdict no" }) {
                h2 { (text!("Is everything in order?", "Tout est-il en ordre ?")) }
                p { strong { (in_order) } }
                p.soft {
                    (text!(
                        "It says whether what had to be done was done, in time and for every file. It does not say that a \
                        destruction that somebody states has left no copy.",
                        "Cela dit si ce qui devait être fait l'a été, à temps et pour chaque fichier. Cela ne dit \
                            pas qu'une destruction déclarée n'a laissé aucune copie."
                    ))
                }
            }
        }
    }
}

fn matters(account: &Account) -> Markup {
    let notices = &account.audit.notices;
    let rows: Vec<_> = notices
        .iter()
        .take(MOST)
        .map(|notice| vec![notice.event.to_string(), said(&notice.detail)])
        .collect();
    let head = [text!("event", "événement"), text!("what", "quoi")];
    html! {
        h2 { (text!("To account for", "À expliquer")) }
        @if rows.is_empty() {
            p { (text!("Nothing.", "Rien.")) }
        } @else {
            (table(&text!("What somebody must account for", "Ce dont il faut rendre compte"), &head, &rows))
            (more(notices.len(), "auditor verify"))
        }
    }
}

fn projects(account: &Account) -> Markup {
    let rows: Vec<_> = account
        .domains
        .iter()
        .filter_map(|domain| {
            let rotation = &domain.rotation;
            let ends = rotation.ends?;
            let destroyed =
                rotation.destroyed.map_or_else(|| text!("no", "non"), |time| day(time).to_string());
            let late = rotation.late_days.map_or_else(|| text!("in time", "à temps"), days);
            Some(vec![rotation.domain.to_string(), ends.to_string(), destroyed, late])
        })
        .collect();
    let head = [
        text!("project", "projet"),
        text!("last day", "dernier jour"),
        text!("keys destroyed", "clés détruites"),
        text!("late", "retard"),
    ];
    html! {
        @if !rows.is_empty() {
            h2 { (text!("Ends of research projects", "Fins des projets de recherche")) }
            (table(
                &text!(
                    "Projects, and when their keys went",
                    "Projets, et quand leurs clés ont été détruites"
                ),
                &head,
                &rows,
            ))
        }
    }
}

fn custodians(account: &Account) -> Markup {
    let head = [
        text!("custodian", "détenteur"),
        text!("external", "extérieur"),
        text!("share held", "part tenue"),
        text!("share destroyed", "part détruite"),
        text!("last shown", "dernier contrôle"),
        text!("next due", "prochain dû"),
        text!("results approved", "résultats consentis"),
    ];
    let rows = |dealing: &DealingAccount| -> Vec<Vec<String>> {
        let row = |custodian: &CustodianAccount| {
            vec![
                custodian.name.to_string(),
                yes(custodian.external),
                yes(custodian.held),
                yes(custodian.forgotten),
                custodian.checked.map_or_else(String::new, |time| day(time).to_string()),
                custodian.due.map_or_else(String::new, |due| due.to_string()),
                account.approvals.get(&custodian.name).map_or(0, |count| *count).to_string(),
            ]
        };
        dealing.custodians.iter().map(row).collect()
    };
    html! {
        h2 { (text!("Custodians", "Détenteurs")) }
        @for dealing in &account.dealings {
            (table(&of_dealing(dealing), &head, &rows(dealing)))
        }
        @for exposure in &account.audit.exposures {
            p {
                (text!(
                    "Epoch {} is over. Not stated destroyed: the shares of {}; {} would open its secret, with a \
                    backup of what it sealed.",
                    "L'époque {} est terminée. Non déclarées détruites : les parts de {} ; {} ouvriraient son \
                        secret, avec une sauvegarde de ce qu'il scellait.",
                    exposure.epoch,
                    names(&exposure.unforgotten),
                    exposure.needed
                ))
            }
        }
    }
}

fn of_dealing(dealing: &DealingAccount) -> String {
    let (epoch, since, needed) = (dealing.epoch, day(dealing.since), dealing.needed);
    let of = dealing.custodians.len();
    match dealing.until.map(day) {
        _ if dealing.abandoned => text!(
            "Epoch {epoch}, dealt on {since}, {needed} of {of}: given up before it worked",
            "Époque {epoch}, répartie le {since}, {needed} sur {of} : abandonnée avant d'être en service"
        ),
        None => text!(
            "Epoch {epoch}, dealt on {since}, {needed} of {of}",
            "Époque {epoch}, répartie le {since}, {needed} sur {of}"
        ),
        Some(until) => text!(
            "Epoch {epoch}, dealt on {since}, {needed} of {of}, until {until}",
            "Époque {epoch}, répartie le {since}, {needed} sur {of}, jusqu'au {until}"
        ),
    }
}

fn receipts(account: &Account) -> Markup {
    let made = &account.audit.deliveries;
    let unsigned = &account.audit.unsigned_for;
    let rows: Vec<_> = unsigned
        .iter()
        .take(MOST)
        .map(|of| {
            vec![
                of.delivery.to_string(),
                of.domain.to_string(),
                of.party.to_string(),
                day(of.made).to_string(),
                yes(of.stated),
            ]
        })
        .collect();
    let head = [
        text!("delivery", "livraison"),
        text!("domain", "domaine"),
        text!("to", "à"),
        text!("made", "faite"),
        text!("stated delivered", "déclarée remise"),
    ];
    html! {
        h2 { (text!("Deliveries and receipts", "Livraisons et récépissés")) }
        p {
            (text!(
                "In all {} of {} rows, {} of them renewals; delivered: {}, lost: {}; requests kept against the scheme: {}.",
                "En tout {} de {} lignes, dont {} renouvellements ; remis : {}, perdus : {} ; demandes gardées contre les \
                    règles du schéma : {}.",
                counted(made.made, "result", "résultat"),
                grouped(made.rows),
                made.renewals,
                made.delivered,
                made.lost,
                made.requests_kept
            ))
        }
        @if !rows.is_empty() {
            (table(
                &text!(
                    "Deliveries to parties that have not signed for them",
                    "Livraisons sans récépissé signé du partenaire"
                ),
                &head,
                &rows,
            ))
            (more(unsigned.len(), "auditor verify"))
        }
    }
}

fn runs(account: &Account) -> Markup {
    let by = |approved: &BTreeMap<Name, u64>| {
        let by = approved.iter().map(|(name, count)| format!("{name}\u{a0}{count}"));
        by.collect::<Vec<_>>().join(", ")
    };
    let row = |runs: &Runs| {
        vec![
            runs.month.strftime("%Y-%m").to_string(),
            runs.purpose.to_string(),
            runs.domain.to_string(),
            runs.coded.to_string(),
            runs.renewed.to_string(),
            grouped(runs.rows),
            by(&runs.approved),
        ]
    };
    let rows: Vec<_> = account.runs.iter().map(row).collect();
    let head = [
        text!("month", "mois"),
        text!("purpose", "finalité"),
        text!("domain", "domaine"),
        text!("coded", "codés"),
        text!("renewed", "renouvelés"),
        text!("rows", "lignes"),
        text!("approved by", "consenti par"),
    ];
    html! {
        h2 { (text!("Runs", "Opérations")) }
        @if rows.is_empty() {
            p { (text!("None.", "Aucune.")) }
        } @else {
            (table(&text!("Results by month and purpose", "Résultats par mois et finalité"), &head, &rows))
        }
    }
}

fn attempts(account: &Account) -> Markup {
    let attempts = &account.attempts;
    let row = |attempt: &Attempt| {
        let how = match attempt.how {
            "refused" => text!("refused", "refusé"),
            "failed" => text!("failed", "échoué"),
            _ => text!("lapsed", "tombé"),
        };
        vec![
            attempt.event.to_string(),
            day(attempt.time).to_string(),
            how,
            attempt.verb.clone(),
            attempt.domain.as_ref().map_or_else(String::new, Name::to_string),
            attempt.code.clone(),
            names(&attempt.approved),
        ]
    };
    let rows: Vec<_> = attempts.iter().take(MOST).map(row).collect();
    let head = [
        text!("event", "événement"),
        text!("date", "date"),
        text!("how", "comment"),
        text!("verb", "verbe"),
        text!("domain", "domaine"),
        text!("because of", "en raison de"),
        text!("approved by", "consenti par"),
    ];
    let count = |how: &str| attempts.iter().filter(|attempt| attempt.how == how).count();
    html! {
        h2 { (text!("Without a result", "Sans résultat")) }
        p {
            (text!(
                "Calls refused before anything began: {}; runs that failed: {}; questions that ended without a run: {}.",
                "Appels refusés avant tout commencement : {} ; opérations qui ont échoué : {} ; questions sans \
                    opération : {}.",
                count("refused"),
                count("failed"),
                count("lapsed")
            ))
        }
        @if !rows.is_empty() {
            (table(&text!("What led to no result", "Ce qui n'a pas eu de résultat"), &head, &rows))
            (more(attempts.len(), "auditor log"))
        }
    }
}

fn linking(body: &LinkingAudit) -> Markup {
    let rows: Vec<_> = body
        .notices
        .iter()
        .map(|notice| vec![notice.event.to_string(), said(&notice.detail)])
        .collect();
    let head = [text!("event", "événement"), text!("what", "quoi")];
    let id = body.linking.as_deref().unwrap_or_default();
    html! {
        h2 { (text!("Linking body {id}", "Organisme d'appariement {id}")) }
        p {
            (text!(
                "Its ledger of {} is intact. Coded files received: {}, joined: {}, released: {}; in clear now: {}, \
                kept encrypted: {}, destroyed: {}.",
                "Son registre de {} est intègre. Fichiers codés reçus : {}, appariés : {}, remis : {} ; en clair à \
                    présent : {}, gardés chiffrés : {}, détruits : {}.",
                counted(body.events, "event", "événement"),
                body.received,
                body.joined,
                body.released,
                body.clear,
                body.kept,
                body.destroyed
            ))
        }
        @if rows.is_empty() {
            p { (text!("Nothing is left to account for.", "Rien ne reste à expliquer.")) }
        } @else {
            (table(&text!("What the linking body must account for", "Ce dont l'organisme doit rendre compte"), &head, &rows))
        }
    }
}

fn again(account: &Account) -> Markup {
    let domain = account.domains.first().map_or("DOMAIN", |domain| domain.rotation.domain.as_str());
    let commands = [
        (
            "cstatns auditor verify ledger.jsonl --service card.json".to_owned(),
            text!(
                "the two verdicts, and what is to account for",
                "les deux verdicts, et ce qui est à expliquer"
            ),
        ),
        (
            format!("cstatns auditor rotation ledger.jsonl {domain} --service card.json"),
            text!(
                "the keys, doubts and files of a domain",
                "les clés, doutes et fichiers d'un domaine"
            ),
        ),
        (
            "cstatns auditor log ledger.jsonl --service card.json --csv log.csv".to_owned(),
            text!("every event, to count again", "tous les événements, pour recompter"),
        ),
        (
            "cstatns auditor report ledger.jsonl --service card.json --out report.html --json"
                .to_owned(),
            text!(
                "this page, and its figures as data",
                "cette page, et ses chiffres comme données"
            ),
        ),
    ];
    html! {
        h2 { (text!("How to repeat every figure", "Comment refaire chaque chiffre")) }
        p {
            (text!(
                "With the ledger, the checkpoint beside it, and the service's card as it was published:",
                "Avec le registre, son point de contrôle à côté, et la carte du service telle qu'elle a été publiée :"
            ))
        }
        dl {
            @for (command, gives) in &commands { dt { code { (command) } } dd { (gives) } }
        }
    }
}
