//! What is peculiar to requests in parcels, to results that go to parties, and to the receipts that
//! they sign.

use cstatns::delivery::DeliveryId;
use cstatns::ledger::History;
use cstatns::ledger::event::{Destroyed, Event};
use cstatns::name::{Hex, Name};
use cstatns::party::Role;
use cstatns::proposal::{Action, Input, Sent};
use cstatns::received::SignedReceived;
use cstatns::state::{Delivery, State};
use jiff::Timestamp;

use super::flow::{gets, role, sends};

/// Each kind of event, and whether any of the kind can be lawful.
pub(crate) const KINDS: [(&str, bool); 42] = [
    ("a controller sends a request in a parcel", true),
    ("a holder sends a request in a parcel for its controller", true),
    ("a linking body sends codes in a parcel to be renewed", true),
    ("requests in parcels and one in clear", true),
    ("codes of research go to another party than whose request it was", true),
    ("research outside a demonstration, in parcels only", true),
    ("a request in clear whose result goes to a party", true),
    ("a request in a parcel whose result is handed out in clear", true),
    ("a part that is the last to need its request key", true),
    ("a part whose request key a later one needs", true),
    ("a request key that was used is destroyed", true),
    ("a used request key, asked for", false),
    ("a used request key, begun", false),
    ("a request key that was ended unused", false),
    ("a request key that was never issued", false),
    ("a request key past its expiry that nobody ended", false),
    ("a request key of another party", false),
    ("a request key of another domain", false),
    ("a sender of a role that sends no such request", false),
    ("a holder that sends for nobody", false),
    ("a holder that sends for another party than a controller", false),
    ("a party that is no holder and sends for another one", false),
    ("a declaration that its sender did not sign", false),
    ("a recipient that is no party", false),
    ("a recipient of a role that gets no such results", false),
    ("another recipient than whose request it is", false),
    ("a holder's request whose result is handed out in clear", false),
    ("results of research to nobody, outside a demonstration", false),
    ("a request of research in clear, outside a demonstration", false),
    ("a receipt by who the result went to", true),
    ("a receipt of a result that was handed out in clear", true),
    ("a delivery that was stated is signed for later", true),
    ("a delivery to a party that nobody signs for", true),
    ("a receipt of another delivery, or of other rows", false),
    ("a receipt that names nobody", false),
    ("a receipt without a checkpoint", false),
    ("a receipt by another party than the one that has it", false),
    ("a receipt by a party that gets no such results", false),
    ("a receipt that another key signed", false),
    ("a receipt with a checkpoint that is not of the ledger", false),
    ("a receipt of a delivery that is signed for", false),
    ("a receipt of a result that was lost", false),
];

/// The kinds of what is asked or begun at this time.
pub(crate) fn asked(
    state: &State,
    action: &Action,
    now: Timestamp,
    is_new: bool,
    found: &mut Vec<&'static str>,
) {
    let Some((name, domain)) = action.domain().and_then(|of| state.domains().get_key_value(of))
    else {
        return;
    };
    if !matches!(action, Action::Code { .. } | Action::Renew { .. }) {
        return;
    }
    let is_research = domain.kind.is_research();
    let strict = is_research && !state.is_demo();
    match action.recipient() {
        None if strict => found.push("results of research to nobody, outside a demonstration"),
        None => {}
        Some(card) if state.party(card).is_err() => found.push("a recipient that is no party"),
        Some(card) if role(state, card, name) != Some(gets(is_research)) => {
            found.push("a recipient of a role that gets no such results");
        }
        Some(_) => {}
    }
    let sent: Vec<_> =
        action.inputs().iter().filter_map(|input| Some((input, input.sent?))).collect();
    let in_clear = action.inputs().len() - sent.len();
    match (sent.len(), in_clear, action.recipient()) {
        (_, 1.., _) if strict => {
            found.push("a request of research in clear, outside a demonstration");
        }
        (1.., 0, _) if strict => found.push("research outside a demonstration, in parcels only"),
        (1.., 1.., _) => found.push("requests in parcels and one in clear"),
        (0, 1.., Some(_)) => found.push("a request in clear whose result goes to a party"),
        (1.., 0, None) => found.push("a request in a parcel whose result is handed out in clear"),
        _ => {}
    }
    for (input, sent) in sent {
        key(state, name, &sent, now, is_new, found);
        sender(state, action, (name, is_research), (input, &sent), found);
    }
    found.sort_unstable();
    found.dedup();
}

/// Whether a request key ended with the last request that was encrypted to it.
pub(crate) fn is_used(state: &State, key: &Hex<16>) -> bool {
    let ended = state.request_keys().get(key).and_then(|issued| issued.ended);
    ended.is_some_and(|ended| state.deliveries().values().any(|made| made.event == ended))
}

fn key(
    state: &State,
    domain: &Name,
    sent: &Sent,
    now: Timestamp,
    is_new: bool,
    found: &mut Vec<&'static str>,
) {
    let Some(issued) = state.request_keys().get(&sent.key) else {
        found.push("a request key that was never issued");
        return;
    };
    if is_used(state, &sent.key) {
        found.push(match is_new {
            true => "a used request key, asked for",
            false => "a used request key, begun",
        });
    } else if issued.ended.is_some() {
        found.push("a request key that was ended unused");
    } else if issued.expires <= now {
        found.push("a request key past its expiry that nobody ended");
    }
    if issued.party != sent.sender {
        found.push("a request key of another party");
    }
    if issued.domain != *domain {
        found.push("a request key of another domain");
    }
}

fn sender(
    state: &State,
    action: &Action,
    (name, is_research): (&Name, bool),
    (input, sent): (&Input, &Sent),
    found: &mut Vec<&'static str>,
) {
    let renews = matches!(action, Action::Renew { .. });
    let of = role(state, &sent.sender, name);
    if !of.is_some_and(|of| sends(of, is_research, renews)) {
        found.push("a sender of a role that sends no such request");
    }
    let for_controller =
        sent.controller.map(|card| role(state, &card, name) == Some(Role::Controller));
    found.push(match (of, for_controller) {
        (Some(Role::Holder), None) => "a holder that sends for nobody",
        (Some(Role::Holder), Some(false)) => {
            "a holder that sends for another party than a controller"
        }
        (Some(Role::Holder), Some(true)) => {
            "a holder sends a request in a parcel for its controller"
        }
        (_, Some(_)) => "a party that is no holder and sends for another one",
        (Some(Role::Controller), None) => "a controller sends a request in a parcel",
        (Some(Role::Linking), None) => "a linking body sends codes in a parcel to be renewed",
        _ => "a sender of a role that sends no such request",
    });
    let goes_back = action.recipient().map(|recipient| recipient == sent.owner());
    match goes_back {
        None if of == Some(Role::Holder) => {
            found.push("a holder's request whose result is handed out in clear");
        }
        Some(false) if is_research && !renews => {
            found.push("codes of research go to another party than whose request it was");
        }
        Some(false) => found.push("another recipient than whose request it is"),
        _ => {}
    }
    let card = state.parties().get(&sent.sender).map(|party| &party.card);
    let declared = action.declaration(state.service().id(), input);
    let is_signed = card.zip(declared).is_some_and(|(card, of)| of.is_by(&card.body.signing));
    if !is_signed {
        found.push("a declaration that its sender did not sign");
    }
}

/// The kinds of a result that a run has made, of a request in a parcel.
pub(crate) fn made(state: &State, part: u32, found: &mut Vec<&'static str>) {
    let Some(pending) = state.pending() else { return };
    let inputs = pending.question.action.inputs();
    let keys: Vec<_> = inputs.iter().map(|input| input.sent.map(|sent| sent.key)).collect();
    let at = pending.made as usize;
    if let (true, Some(Some(key))) = (part == pending.made + 1, keys.get(at)) {
        found.push(match keys[at + 1..].contains(&Some(*key)) {
            true => "a part whose request key a later one needs",
            false => "a part that is the last to need its request key",
        });
    }
}

/// The kinds of a private half that is destroyed.
pub(crate) fn destroyed(state: &State, what: &Destroyed, found: &mut Vec<&'static str>) {
    if let Destroyed::RequestKey { key } = what
        && state.all_owed().contains(what)
        && is_used(state, key)
    {
        found.push("a request key that was used is destroyed");
    }
}

/// The kinds of a delivery that is stated or signed for.
pub(crate) fn delivered(
    state: &State,
    history: &History,
    event: &Event,
    found: &mut Vec<&'static str>,
) {
    let Event::Delivered { run, part, receipt } = event else { return };
    let id = DeliveryId { run: *run, part: *part };
    let Some(made) = state.deliveries().get(&id) else { return };
    let Some(receipt) = receipt else {
        if made.recipient.is_some() && !made.delivered {
            found.push("a delivery to a party that nobody signs for");
        }
        return;
    };
    let before = found.len();
    refused(state, history, (&id, made), receipt, found);
    if found.len() > before {
        return;
    }
    found.push(match made.recipient {
        Some(_) => "a receipt by who the result went to",
        None => "a receipt of a result that was handed out in clear",
    });
    if made.delivered {
        found.push("a delivery that was stated is signed for later");
    }
}

/// Why a receipt is not taken.
fn refused(
    state: &State,
    history: &History,
    (id, made): (&DeliveryId, &Delivery),
    receipt: &SignedReceived,
    found: &mut Vec<&'static str>,
) {
    if made.receipt.is_some() {
        found.push("a receipt of a delivery that is signed for");
    }
    if made.lost.is_some() {
        found.push("a receipt of a result that was lost");
    }
    let body = &receipt.body;
    let is_other = body.service != state.service().id()
        || body.delivery != *id
        || (&body.domain, body.generation) != (&made.domain, made.generation)
        || (body.request, body.result, body.rows) != (made.request, made.result, made.rows);
    if is_other {
        found.push("a receipt of another delivery, or of other rows");
    }
    let Some(by) = &body.by else {
        found.push("a receipt that names nobody");
        return;
    };
    match &made.recipient {
        Some(recipient) if recipient != by => {
            found.push("a receipt by another party than the one that has it");
        }
        Some(_) => {}
        None => {
            let is_research = state.domains()[&made.domain].kind.is_research();
            if role(state, by, &made.domain) != Some(gets(is_research)) {
                found.push("a receipt by a party that gets no such results");
            }
        }
    }
    let card = state.parties().get(by).map(|party| &party.card.body.signing);
    if !card.is_some_and(|signing| receipt.is_by(signing)) {
        found.push("a receipt that another key signed");
    }
    let Some(note) = &body.checkpoint else {
        found.push("a receipt without a checkpoint");
        return;
    };
    let head = state.service_keys().head_of(note.as_bytes()).ok();
    if !head.is_some_and(|head| history.includes(&head)) {
        found.push("a receipt with a checkpoint that is not of the ledger");
    }
}
