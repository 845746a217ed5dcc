//! What custodians are shown before they are asked (SPEC §9): the question, and what the ledger
//! that they look at says around it.

use std::fmt::Display;

use cstatns::card::{Card, CardBody as Body, spoken};
use cstatns::dealing::Dealing;
use cstatns::delivery::DeliveryId;
use cstatns::ledger::event::KeyRef;
use cstatns::name::{Hex, Name};
use cstatns::proposal::{Action, Input, Question};
use cstatns::state::{Background, Confirmed, State};

use crate::figures::counted;
use crate::lang::{Lang, lang, said, text};
use crate::output::Program;

use super::words::doubted_words;

/// The most deliveries of a renewal that are shown by name.
const SHOWN: usize = 4;

/// Shows a question that is recorded: in which event, with which leaf hash, and what the ledger
/// says around it.
pub(crate) fn show(
    program: &Program,
    question: &Question,
    (number, leaf): (u64, &Hex<32>),
    state: &State,
) {
    let action = &question.action;
    let width = if lang() == Lang::En { 9 } else { 11 };
    let line = |label: &str, what: &dyn Display| {
        program.say(format_args!("  {label:<width$} {what}"));
    };
    let asked = said(action);
    program.say(text!("asked of the custodians: {asked}", "demandé aux détenteurs : {asked}"));
    line(
        &text!("service", "service"),
        &text!(
            "{}, epoch {}, recorded as event {number}",
            "{}, époque {}, inscrit comme événement {number}",
            question.service,
            question.epoch
        ),
    );
    if let Some(epoch) = state.epochs().get(&question.epoch) {
        line(&text!("roster", "détenteurs"), &roster(&epoch.dealing));
    }
    match action.inputs() {
        [input] => line(
            &text!("request", "demande"),
            &format_args!("{}, {}", whose(state, action, input), said(input)),
        ),
        // In the order of the results; each has the words that its controller was shown.
        inputs => (1..).zip(inputs).for_each(|(part, input)| {
            let whose = whose(state, action, input);
            line(
                &text!("request {part}", "demande {part}"),
                &format_args!("{whose}, {}", said(input)),
            );
        }),
    }
    if let Action::Code { look_up: Some(look_up), domain, .. } = action {
        let words = spoken(&look_up.commitment);
        line(
            &text!("register", "répertoire"),
            &text!("{words}, id {}", "{words}, identité {}", look_up.register),
        );
        if state.domain(domain).is_ok_and(|domain| domain.kind.is_research()) {
            line(
                &text!("register", "répertoire"),
                &text!(
                    "is consulted for rows without an identifier only",
                    "n'est consulté que pour les lignes sans identifiant"
                ),
            );
        }
    }
    if let Action::Examined { doubts, .. } = action {
        for doubt in doubts.iter().filter_map(|digest| state.doubts().get(digest)) {
            let (by, about) = (&doubt.by, doubted_words(lang(), &doubt.about));
            line(
                &text!("doubt", "doute"),
                &text!(
                    "of `{by}` on {}, event {}: {about}",
                    "de `{by}` le {}, événement {} : {about}",
                    doubt.time,
                    doubt.number
                ),
            );
        }
    }
    if let Action::Party { card, domains, .. } = action {
        partners(state, &card.fingerprint(), domains, &line);
    }
    if let Action::Deal { cards, .. } = action {
        dealt(state, cards, &line);
    }
    if let Action::Renew { of, .. } = action {
        line(&text!("renews", "renouvelle"), &renewed(state, of.as_deref()));
    }
    if !action.inputs().is_empty() {
        line(&text!("result", "résultat"), &goes_to(state, action));
    }
    if let Some(background) = state.background(&question.run) {
        around(action, &background, &line);
    }
    line(
        &text!("question", "question"),
        &text!("{}, open until {}", "{}, ouverte jusqu'au {}", spoken(leaf), question.expires),
    );
}

/// Whose request it is: who signed for one in a parcel; of one in clear the words that its
/// controller was shown.
fn whose(state: &State, action: &Action, input: &Input) -> String {
    let Some(sent) = &input.sent else {
        let words = spoken(&input.commitment);
        return text!("IN CLEAR, {words}", "EN CLAIR, {words}");
    };
    let sender = party(state, action, &sent.sender);
    match &sent.controller {
        None => text!("signed by {sender}", "signée de {sender}"),
        Some(controller) => {
            let controller = party(state, action, controller);
            text!("signed by {sender}, for {controller}", "signée de {sender}, pour {controller}")
        }
    }
}

/// Where the results go.
fn goes_to(state: &State, action: &Action) -> String {
    match action.recipient() {
        Some(card) => {
            let party = party(state, action, card);
            text!("in a parcel for {party} alone", "dans un colis pour {party} seul")
        }
        None => text!(
            "IN CLEAR, for whoever brought the request",
            "EN CLAIR, pour qui a apporté la demande"
        ),
    }
}

/// A party, by name, role and the words of its card.
fn party(state: &State, action: &Action, card: &Hex<32>) -> String {
    let words = spoken(card);
    let Ok(known) = state.party(card) else {
        return text!("an UNKNOWN card ({words})", "une carte INCONNUE ({words})");
    };
    let role = action.domain().and_then(|domain| known.roles.get(domain));
    let role = role.map(|known| said(&known.role)).unwrap_or_default();
    format!("`{}`, {role} ({words})", known.card.body.name)
}

/// Who has a role in the domains of a party already: two cards of one organisation nobody sees but
/// people.
fn partners(state: &State, card: &Hex<32>, domains: &[Name], line: &dyn Fn(&str, &dyn Display)) {
    for domain in domains {
        for (party, role) in state.parties_of(domain) {
            let other = party.card.fingerprint();
            let same = if other == *card {
                text!(", the same card", ", la même carte")
            } else {
                String::new()
            };
            let (name, role, words) = (&party.card.body.name, said(&role), spoken(&other));
            line(
                &text!("has a role", "a un rôle"),
                &text!(
                    "`{name}`, {role} in `{domain}`{same}: {words}",
                    "`{name}`, {role} dans `{domain}`{same} : {words}"
                ),
            );
        }
    }
}

/// Who would hold the shares of a dealing, with the words of their cards, and who would not any
/// more. A custodian is a signing key: a name says nothing.
fn dealt(state: &State, cards: &[Card], line: &dyn Fn(&str, &dyn Display)) {
    let present = || state.following_dealing().roster.iter().map(|seat| &seat.card.body);
    for card in cards {
        let body = &card.body;
        let stays = present().any(|known| known.signing == body.signing);
        let stays = if stays { text!("stays", "reste") } else { text!("NEW", "NOUVEAU") };
        let external =
            if body.external { text!(", external", ", extérieur") } else { String::new() };
        line(
            &text!("share", "part"),
            &format_args!("{}{external}, {stays}: {}", body.name, spoken(&card.fingerprint())),
        );
    }
    let leaves =
        present().filter(|known| cards.iter().all(|card| card.body.signing != known.signing));
    let leaves: Vec<&str> = leaves.map(|body| body.name.as_str()).collect();
    if !leaves.is_empty() {
        line(&text!("no share", "sans part"), &leaves.join(", "));
    }
}

/// Whose approvals count, and how many.
fn roster(dealing: &Dealing) -> String {
    let names = dealing.roster.iter().map(|seat| {
        let Body { name, external, .. } = &seat.card.body;
        match external {
            true => text!("{name} (external)", "{name} (extérieur)"),
            false => name.to_string(),
        }
    });
    let names: Vec<_> = names.collect();
    text!("{}: {}", "{} : {}", said(&dealing.threshold), names.join(", "))
}

/// The deliveries whose codes are renewed.
fn renewed(state: &State, of: Option<&[DeliveryId]>) -> String {
    let Some(of) = of else {
        return text!(
            "codes of deliveries that are not known",
            "des codes de livraisons inconnues"
        )
        .to_owned();
    };
    let names: Vec<_> = of.iter().take(SHOWN).map(|id| state.named(*id).to_string()).collect();
    let others = match of.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => text!(" and {more} more", " et {more} autres"),
    };
    text!("the codes of {}{others}", "les codes de {}{others}", names.join(", "))
}

/// The keys that its run opens.
fn opened(domain: &Name, keys: &[KeyRef]) -> Option<String> {
    let generations = || keys.iter().map(|key| key.generation.get());
    let (first, last) = (generations().min()?, generations().max()?);
    Some(match first < last {
        true => {
            text!("keys {first} to {last} of `{domain}`", "les clés {first} à {last} de `{domain}`")
        }
        false => text!("key {last} of `{domain}`", "la clé {last} de `{domain}`"),
    })
}

/// What the ledger says around it.
fn around(action: &Action, background: &Background, line: &dyn Fn(&str, &dyn Display)) {
    let Background { minimum_batch, runs_this_year, .. } = background;
    let coded = match action {
        Action::Code { domain, purpose, .. } | Action::Renew { domain, purpose, .. } => {
            Some((domain, purpose))
        }
        _ => None,
    };
    if let (Some((domain, _)), Some(minimum)) = (coded, minimum_batch) {
        line(
            &text!("minimum", "minimum"),
            &text!(
                "{minimum} distinct values a run in `{domain}`",
                "{minimum} valeurs distinctes par opération dans `{domain}`"
            ),
        );
    }
    if let Some(keys) = action.domain().and_then(|domain| opened(domain, &background.keys)) {
        line(&text!("opens", "ouvre"), &keys);
    }
    if let (Some((domain, purpose)), Some(runs)) = (coded, runs_this_year) {
        let before = counted(*runs, "run", "opération");
        line(
            &text!("before", "avant"),
            &text!(
                "{before} for `{purpose}` in `{domain}` this year",
                "{before} pour `{purpose}` dans `{domain}` cette année"
            ),
        );
    }
    if let (Some(due), Some(domain)) = (background.overdue_since, action.domain()) {
        line(
            &text!("overdue", "en retard"),
            &text!(
                "the key of `{domain}` was due for renewal on {due}",
                "la clé de `{domain}` devait être renouvelée le {due}"
            ),
        );
    }
    if let Some(event) = background.recovered {
        line(
            &text!("recovered", "rétabli"),
            &text!(
                "the home had lost events, and has them again from copies since event {event}",
                "le répertoire du service avait perdu des événements, et les a de nouveau par des copies depuis \
                    l'événement {event}"
            ),
        );
    }
    if let Some(Confirmed { clock, time, .. }) = background.confirms_clock {
        let effect = match clock < time {
            true => text!(
                "who consents confirms it and sets the time of the ledger back",
                "qui consent la confirme et recule l'heure du registre"
            ),
            false => text!("who consents confirms it", "qui consent la confirme"),
        };
        line(
            &text!("clock", "horloge"),
            &text!(
                "{clock}, the time of the ledger is {time}: {effect}",
                "{clock}, l'heure du registre est {time} : {effect}"
            ),
        );
    }
}
