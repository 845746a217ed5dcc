//! What a walk must come across, beyond every type of event: parts, spent requests and epochs, in
//! their place and out of it.

use std::collections::BTreeSet;

use cstatns::card::{Card, PartyCard};
use cstatns::delivery::{DeliveryId, MOST_PARTS};
use cstatns::ledger::History;
use cstatns::ledger::event::{Destroyed, Event, Line, Means};
use cstatns::name::{Hex, Name};
use cstatns::party::Role;
use cstatns::proposal::{Action, Question};
use cstatns::receipt::ReceiptStatement;
use cstatns::state::{Domain, IssuedKey, PartyState, State};
use jiff::Timestamp;

use super::flow_kinds;

/// Each kind of event, and whether any of the kind can be lawful.
pub(crate) const KINDS: [(&str, bool); 53] = [
    ("a part in its turn, of several", true),
    ("a part once more", false),
    ("a part before its turn", false),
    ("a part beyond the last", false),
    ("a part while the request before it is not destroyed", false),
    ("a failure after some parts", true),
    ("a failure while a destruction is owed", true),
    ("a delivery while its run is pending", true),
    ("a question of several requests", true),
    ("an intent of several requests", true),
    ("a request twice in one question", false),
    ("no request, or too many", false),
    ("a renewal of a part that there is not", false),
    ("a spent request, asked for", false),
    ("a spent request, begun", false),
    ("something new before the complete epoch works", false),
    ("the first epoch works", true),
    ("a later epoch works", true),
    ("an epoch works while a run is pending", false),
    ("an epoch works while a destruction is owed", false),
    ("an epoch works that is not complete, not the newest, or works already", false),
    ("an intent that sets the time back", true),
    ("an intent under a clock that is behind, of consents that are not", true),
    ("a check of the day that confirms the clock", true),
    ("a check of another day under an unconfirmed clock", true),
    ("a question about a project that was marked by a clock that was ahead", false),
    ("a result that is lost before it is delivered", true),
    ("a result that is lost, and was delivered or lost before", false),
    ("a result that is lost while a destruction is owed", false),
    ("a result that nobody received goes with its project", true),
    ("a result that nobody received, of a project that lives", false),
    ("a dealing of a card that was dealt before", false),
    ("a dealing while another one waits", false),
    ("a dealing that leaves a key behind", true),
    ("a domain or a key while a dealing waits", false),
    ("a dealing is to be given up although all its shares are held", true),
    ("a receipt of a dealing that was given up", false),
    ("a share is forgotten that is in use", false),
    ("a share is forgotten whose epoch is over", true),
    ("what an epoch had sealed is destroyed", true),
    ("a party with a role in another domain", true),
    ("a party that has a role there already", false),
    ("a linking body with another role, or another party that is to link", false),
    ("a party with a key of another card", false),
    ("a party with the name of another", false),
    ("a party whose roles were ended", false),
    ("a role of research in a statistical domain", false),
    ("a party without a card that is signed", false),
    ("a custodian or a signing key that is a party's", false),
    ("a party with request keys is ended", true),
    ("a request key of a party that sends none there", false),
    ("a request key while a dealing waits", false),
    ("a dealing that seals request keys", true),
];

/// The kinds of this event after these ones.
pub(crate) fn kinds(state: &State, history: &History, line: &Line) -> Vec<&'static str> {
    let Line { event, time, clock, .. } = line;
    let mut found = Vec::new();
    flow_kinds::delivered(state, history, event, &mut found);
    timed(state, event, *clock, &mut found);
    match event {
        Event::Coded { run, part, .. } | Event::Renewed { run, part, .. } => {
            part_of(state, event, *part, &mut found);
            flow_kinds::made(state, *part, &mut found);
            let is_pending = state.pending().is_some_and(|pending| pending.question.run == *run);
            found.retain(|_| is_pending);
        }
        Event::Failed { run, .. } => {
            let pending = state.pending().filter(|pending| pending.question.run == *run);
            if pending.is_some_and(|pending| pending.made > 0) {
                found.push("a failure after some parts");
            }
            if pending.is_some() && state.owed().is_some() {
                found.push("a failure while a destruction is owed");
            }
        }
        Event::Delivered { run, .. }
            if state.pending().is_some_and(|pending| pending.question.run == *run) =>
        {
            found.push("a delivery while its run is pending");
        }
        Event::Destroyed { what: what @ Destroyed::Seals { .. }, .. }
            if state.owed() == Some(what) =>
        {
            found.push("what an epoch had sealed is destroyed");
        }
        Event::Destroyed { what: what @ Destroyed::RequestKey { .. }, .. } => {
            flow_kinds::destroyed(state, what, &mut found);
        }
        Event::Destroyed { what, how: Means::Lost } => lost(state, what, &mut found),
        Event::Destroyed { what, .. } => unclaimed(state, what, &mut found),
        Event::Received { receipt } => held(state, &receipt.body.statement, &mut found),
        Event::Dealt { request_keys, .. } => {
            if !request_keys.is_empty() {
                found.push("a dealing that seals request keys");
            }
            let pending = state.pending().map(|pending| &pending.question.action);
            if matches!(pending, Some(Action::Deal { left_behind, .. }) if !left_behind.is_empty())
            {
                found.push("a dealing that leaves a key behind");
            }
        }
        Event::Proposed { question } => {
            asked(state, question, true, &mut found);
            flow_kinds::asked(state, &question.action, *clock, true, &mut found);
        }
        Event::Intent { run, .. } => {
            if let Some(open) = state.open_questions().get(run) {
                asked(state, &open.question, false, &mut found);
                flow_kinds::asked(state, &open.question.action, *time, false, &mut found);
            }
        }
        Event::Rekeyed { card, .. } if has_party_key(state, &card.body.signing) => {
            found.push("a custodian or a signing key that is a party's");
        }
        Event::RequestKeyIssued { party, domain, .. } => {
            let role = state.party(party).ok().and_then(|party| party.roles.get(domain));
            if !role.is_some_and(|known| known.role.sends_requests()) {
                found.push("a request key of a party that sends none there");
            }
            if state.pending_epoch().is_some() {
                found.push("a request key while a dealing waits");
            }
        }
        Event::EpochWorking { epoch, .. } => {
            found.push(match state.complete_epoch() == Some(*epoch) {
                true if state.pending().is_some() => "an epoch works while a run is pending",
                true if state.owed().is_some() => "an epoch works while a destruction is owed",
                true if epoch.0 == 1 => "the first epoch works",
                true => "a later epoch works",
                false => "an epoch works that is not complete, not the newest, or works already",
            });
        }
        _ => {}
    }
    found
}

/// What is peculiar to shares that are held or forgotten.
fn held(state: &State, statement: &ReceiptStatement, found: &mut Vec<&'static str>) {
    let of = |epoch| state.epochs().get(epoch);
    match statement {
        ReceiptStatement::ShareHeld { epoch, .. } if of(epoch).is_some_and(|of| of.abandoned) => {
            found.push("a receipt of a dealing that was given up");
        }
        ReceiptStatement::ShareForgotten { epoch } => match of(epoch).map(|of| of.until) {
            Some(Some(_)) => found.push("a share is forgotten whose epoch is over"),
            Some(None) => found.push("a share is forgotten that is in use"),
            None => {}
        },
        ReceiptStatement::PartyEnded { party } => {
            let of_it = |(_, key): (&Hex<16>, &IssuedKey)| key.party == *party;
            if state.living_request_keys().any(of_it) {
                found.push("a party with request keys is ended");
            }
        }
        _ => {}
    }
}

/// What is peculiar to results that are lost.
fn lost(state: &State, what: &Destroyed, found: &mut Vec<&'static str>) {
    let Destroyed::Result { run, part } = *what else { return };
    let Some(known) = state.deliveries().get(&DeliveryId { run, part }) else { return };
    match state.owed() {
        Some(owed) if owed == what => {}
        Some(_) => found.push("a result that is lost while a destruction is owed"),
        None if known.delivered || known.lost.is_some() => {
            found.push("a result that is lost, and was delivered or lost before");
        }
        None => found.push("a result that is lost before it is delivered"),
    }
}

/// What is peculiar to results that nobody received, and that are not lost.
fn unclaimed(state: &State, what: &Destroyed, found: &mut Vec<&'static str>) {
    let Destroyed::Result { run, part } = *what else { return };
    let id = DeliveryId { run, part };
    let Some(known) = state.deliveries().get(&id) else { return };
    if known.delivered || known.destroyed {
        return;
    }
    found.push(match state.unclaimed().any(|unclaimed| *unclaimed == id) {
        true => "a result that nobody received goes with its project",
        false => "a result that nobody received, of a project that lives",
    });
}

/// What is peculiar to clocks.
fn timed(state: &State, event: &Event, clock: Timestamp, found: &mut Vec<&'static str>) {
    match event {
        Event::Intent { .. } if state.time_of(clock, event) < state.time() => {
            found.push("an intent that sets the time back");
        }
        Event::Intent { consents, .. } if state.is_behind(clock) && !consents.is_empty() => {
            found.push("an intent under a clock that is behind, of consents that are not");
        }
        Event::Received { receipt }
            if state.is_unconfirmed(clock)
                && receipt.body.statement == ReceiptStatement::CheckpointSeen {} =>
        {
            let confirms = state.time_of(clock, event) == clock;
            found.push(match confirms {
                true => "a check of the day that confirms the clock",
                false => "a check of another day under an unconfirmed clock",
            });
        }
        Event::Proposed { question } => {
            let domain = question.action.domain().and_then(|name| state.domains().get(name));
            let revives = |domain: &Domain| domain.marked && !domain.is_past_its_end(clock);
            let about_its_key = !matches!(question.action, Action::Examined { .. });
            if about_its_key && domain.is_some_and(revives) {
                found.push("a question about a project that was marked by a clock that was ahead");
            }
        }
        _ => {}
    }
}

fn part_of(state: &State, event: &Event, part: u32, found: &mut Vec<&'static str>) {
    let Some(pending) = state.pending() else { return };
    let renews = matches!(event, Event::Renewed { .. });
    let fits = match pending.question.action {
        Action::Code { .. } => !renews,
        Action::Renew { .. } => renews,
        _ => false,
    };
    let (made, parts) = (pending.made, pending.question.action.parts());
    let is_owed = matches!(state.owed(), Some(Destroyed::Request { .. }));
    match part {
        _ if !fits => {}
        _ if part > parts => found.push("a part beyond the last"),
        _ if part <= made => found.push("a part once more"),
        _ if part > made + 1 => found.push("a part before its turn"),
        _ if is_owed => found.push("a part while the request before it is not destroyed"),
        _ if parts > 1 => found.push("a part in its turn, of several"),
        _ => {}
    }
}

fn has_party_key(state: &State, signing: &Hex<32>) -> bool {
    state.parties().values().any(|party| party.card.body.signing == *signing)
}

/// What is peculiar to registrations.
fn party(
    state: &State,
    card: &PartyCard,
    role: Role,
    domains: &[Name],
    found: &mut Vec<&'static str>,
) {
    let (own, body) = (card.fingerprint(), &card.body);
    if !card.is_sound() {
        found.push("a party without a card that is signed");
    }
    let known = state.parties().get(&own);
    if let Some(known) = known {
        let again = domains.iter().any(|domain| known.roles.contains_key(domain));
        let links = |of: Role| of == Role::Linking;
        let mixed = known.roles.values().any(|of| links(of.role) != links(role));
        match (known.until, again, mixed) {
            (Some(_), ..) => found.push("a party whose roles were ended"),
            (_, true, _) => found.push("a party that has a role there already"),
            (_, _, true) => {
                found.push("a linking body with another role, or another party that is to link");
            }
            _ => found.push("a party with a role in another domain"),
        }
    }
    let seats = state.epochs().values().flat_map(|epoch| &epoch.dealing.roster);
    let of_custodian = seats.into_iter().any(|seat| seat.card.body.signing == body.signing);
    let mut others = state.parties().iter().filter(|(card, _)| **card != own);
    let of_party = |of: &PartyState| {
        of.card.body.signing == body.signing || of.card.body.receiving == body.receiving
    };
    if of_custodian
        || state.service_keys().contains(&body.signing)
        || others.clone().any(|(_, of)| of_party(of))
    {
        found.push("a party with a key of another card");
    }
    if others.any(|(_, of)| of.until.is_none() && of.card.body.name == body.name) {
        found.push("a party with the name of another");
    }
    let statistical =
        |name: &Name| state.domains().get(name).is_some_and(|domain| !domain.kind.is_research());
    if role.is_of_research() && domains.iter().any(statistical) {
        found.push("a role of research in a statistical domain");
    }
}

fn asked(state: &State, question: &Question, is_new: bool, found: &mut Vec<&'static str>) {
    let gives_up = matches!(question.action, Action::Abandon { .. });
    match (state.complete_epoch(), &question.action) {
        (Some(complete), Action::Abandon { epoch }) if complete == *epoch => {
            found.push("a dealing is to be given up although all its shares are held");
        }
        (Some(_), _) if !gives_up => found.push("something new before the complete epoch works"),
        _ => {}
    }
    if state.pending_epoch().is_some() && state.working_epoch().is_ok() {
        match question.action {
            Action::Deal { .. } => found.push("a dealing while another one waits"),
            Action::Open { .. } | Action::NewKey { .. } => {
                found.push("a domain or a key while a dealing waits");
            }
            _ => {}
        }
    }
    if let Action::Deal { cards, .. } = &question.action {
        let seats = || state.epochs().values().flat_map(|epoch| &epoch.dealing.roster);
        let used =
            |card: &Card| seats().any(|seat| seat.card.body.receiving == card.body.receiving);
        if cards.iter().any(used) {
            found.push("a dealing of a card that was dealt before");
        }
    }
    if let Action::Party { card, role, domains } = &question.action {
        party(state, card, *role, domains, found);
    }
    if let Action::Deal { cards, .. } = &question.action
        && cards.iter().any(|card| has_party_key(state, &card.body.signing))
    {
        found.push("a custodian or a signing key that is a party's");
    }
    if let Action::Renew { of: Some(of), .. } = &question.action {
        let known = |run| state.deliveries_of(run).next().is_some();
        if of.iter().any(|id| known(&id.run) && !state.deliveries().contains_key(id)) {
            found.push("a renewal of a part that there is not");
        }
    }
    let inputs = question.action.inputs();
    let takes_requests = matches!(question.action, Action::Code { .. } | Action::Renew { .. });
    let each: BTreeSet<_> = inputs.iter().map(|input| input.commitment).collect();
    let spent = |commitment| state.deliveries().values().any(|known| known.request == commitment);
    if takes_requests && (inputs.is_empty() || inputs.len() > MOST_PARTS) {
        found.push("no request, or too many");
    } else if each.len() < inputs.len() {
        found.push("a request twice in one question");
    } else if each.into_iter().any(spent) {
        found.push(if is_new { "a spent request, asked for" } else { "a spent request, begun" });
    } else if inputs.len() > 1 {
        found.push(match is_new {
            true => "a question of several requests",
            false => "an intent of several requests",
        });
    }
}
