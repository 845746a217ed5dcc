//! Requests in parcels, results to parties and the receipts that they sign, most of them rightly;
//! and what may be bent in each.

use cstatns::checkpoint::{Head, sign_head};
use cstatns::code::Generation;
use cstatns::delivery::DeliveryId;
use cstatns::ledger::event::{Destroyed, Event, Means};
use cstatns::name::{Hex, Name};
use cstatns::party::Role;
use cstatns::proposal::{Action, Input, Sent};
use cstatns::received::{Received, SignedReceived};
use cstatns::state::{Delivery, IssuedKey, State};
use cstatns::statement::Signed;
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use serde_json::json;

use super::Walk;
use super::flow_kinds::is_used;
use crate::common::name;

/// The role of a party in a domain, unless its roles were ended.
pub(crate) fn role(state: &State, card: &Hex<32>, domain: &Name) -> Option<Role> {
    state.party(card).ok()?.roles.get(domain).map(|known| known.role)
}

/// The role that gets the results of a domain.
pub(crate) fn gets(is_research: bool) -> Role {
    if is_research { Role::Linking } else { Role::Controller }
}

/// Whether this role sends such a request.
pub(crate) fn sends(role: Role, is_research: bool, renews: bool) -> bool {
    match role {
        Role::Linking => is_research && renews,
        Role::Controller | Role::Holder => !(is_research && renews),
        _ => false,
    }
}

/// What makes and renews codes.
fn parts(action: &mut Action) -> Option<(&mut Vec<Input>, &mut Option<Hex<32>>)> {
    match action {
        Action::Code { inputs, recipient, .. } | Action::Renew { inputs, recipient, .. } => {
            Some((inputs, recipient))
        }
        _ => None,
    }
}

/// What may be bent in a request in a parcel, the rarer ones more often.
const BENT: [usize; 37] = [
    0, 1, 2, 3, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 6, 6, 6, 6, 7, 8, 9, 9, 10, 11, 12,
    13, 14, 15, 16, 17, 17, 17,
];

impl Walk<'_> {
    /// The parties of a role in a domain.
    fn parties_as(&self, of: Role, domain: &Name) -> Vec<Hex<32>> {
        let state = self.state();
        let all = state.parties().keys().copied();
        all.filter(|card| role(state, card, domain) == Some(of)).collect()
    }

    fn one_of<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        (!from.is_empty()).then(|| *self.random.of(from))
    }

    /// The request keys that serve of which this is true, with whose they are.
    fn keys_with(&self, fits: impl Fn(&IssuedKey) -> bool) -> Vec<(Hex<16>, Hex<32>)> {
        let living = self.state().living_request_keys().filter(|(_, key)| fits(key));
        living.map(|(key, issued)| (*key, issued.party)).collect()
    }

    /// In a walk about parties, the registration of one whose role nobody has in a living domain.
    pub(crate) fn lacking(&mut self, now: Timestamp) -> Option<Action> {
        if !self.of_parties {
            return None;
        }
        // Two controllers, so that there is another one.
        let (at, role) = *self.random.of(&[
            (0, Role::Controller),
            (1, Role::Controller),
            (2, Role::Holder),
            (3, Role::Linking),
            (3, Role::Linking),
        ]);
        let card = Box::new(self.cast.parties[at].card.clone());
        let of = |domains: Vec<Name>| Action::Party { card: card.clone(), role, domains };
        let all = self.state().domains().keys();
        let lawful = |name: &&Name| self.state().allows(&of(vec![(*name).clone()]), now).is_ok();
        let domains: Vec<Name> = all.filter(lawful).take(2).cloned().collect();
        (!domains.is_empty()).then(|| of(domains))
    }

    /// In a walk about parties, what one of them has a request key for: the number of the verb as
    /// an action is drawn, and the domain.
    pub(crate) fn served(&mut self) -> Option<(usize, Name)> {
        if !self.of_parties {
            return None;
        }
        let state = self.state();
        let of = |issued: &IssuedKey| {
            let (domain, now) = (state.domains().get(&issued.domain)?, self.clock);
            let role = role(state, &issued.party, &issued.domain)?;
            let lives =
                domain.destroyed.is_none() && !domain.closed && !domain.is_past_its_end(now);
            lives.then(|| (role, domain.keys.len() > 1, issued.domain.clone()))
        };
        let all: Vec<_> = state.living_request_keys().filter_map(|(_, key)| of(key)).collect();
        if all.is_empty() {
            return None;
        }
        let (role, has_former, domain) = self.random.of(&all).clone();
        let verb = match (role, has_former) {
            (Role::Linking, true) => 11,
            (Role::Linking, false) => 9,
            (_, true) if self.random.one_in(4) => 11,
            _ => 4,
        };
        Some((verb, domain))
    }

    /// The same action with requests that come in parcels and results that go to parties, where
    /// there are parties for it, and most often where they must.
    pub(crate) fn with_parties(&mut self, mut action: Action) -> Action {
        let renews = matches!(action, Action::Renew { .. });
        let Some(name) = action.domain().cloned() else { return action };
        let (true, Some(domain)) =
            (parts(&mut action).is_some(), self.state().domains().get(&name))
        else {
            return action;
        };
        let is_research = domain.kind.is_research();
        let strict = is_research && !self.state().is_demo();
        if self.random.one_in(if strict { 12 } else { 4 }) {
            return action;
        }
        let getting = self.parties_as(gets(is_research), &name);
        let controllers = self.parties_as(Role::Controller, &name);
        let clock = self.clock;
        let keys = self.keys_with(|key| {
            let role = role(self.state(), &key.party, &name);
            let has_whom = role != Some(Role::Holder) || !controllers.is_empty();
            let served = key.domain == name && key.expires > clock && has_whom;
            served && role.is_some_and(|role| sends(role, is_research, renews))
        });
        // Most often a key that another question names as well: the first run of the two uses it.
        let asked = self.state().open_questions().values();
        let asked = asked.flat_map(|open| open.question.action.inputs());
        let asked: Vec<_> = asked.filter_map(|input| Some(input.sent?.key)).collect();
        let again: Vec<_> = keys.iter().copied().filter(|of| asked.contains(&of.0)).collect();
        let from = if again.is_empty() || self.random.one_in(3) { &keys } else { &again };
        let Some((key, sender)) = self.one_of(from) else {
            let to = if self.random.one_in(2) { self.one_of(&getting) } else { None };
            *parts(&mut action).unwrap().1 = to;
            return action;
        };
        let holds = role(self.state(), &sender, &name) == Some(Role::Holder);
        let controller = if holds { self.one_of(&controllers) } else { None };
        let owner = controller.unwrap_or(sender);
        let own: Vec<_> = keys.iter().filter(|(_, of)| *of == sender).map(|of| of.0).collect();
        let in_clear = !holds && !strict && self.random.one_in(4);
        let recipient = match is_research && !renews {
            _ if in_clear => None,
            true => self.one_of(&getting),
            false => Some(owner),
        };
        *parts(&mut action).unwrap().1 = recipient;
        let signature = Hex([0; 64]);
        for at in 0..action.inputs().len() {
            // Of many requests few are in parcels, for each is a signature to verify.
            let is_sent = strict || (at < 4 && !self.random.one_in(6));
            let key = if self.random.one_in(3) { *self.random.of(&own) } else { key };
            let sent = Sent { key, sender, controller, signature };
            parts(&mut action).unwrap().0[at].sent = is_sent.then_some(sent);
        }
        self.declare(&mut action);
        action
    }

    /// Each sender signs what it sends.
    fn declare(&mut self, action: &mut Action) {
        for at in 0..action.inputs().len() {
            let Some(sent) = action.inputs()[at].sent else { continue };
            if let Some(key) = self.cast.party_key(&sent.sender) {
                self.declare_by(action, at, key);
            }
        }
    }

    fn declare_by(&self, action: &mut Action, at: usize, key: &SigningKey) {
        let declared = action.declaration(self.cast.card.id(), &action.inputs()[at]).unwrap();
        let sent = parts(action).unwrap().0[at].sent.as_mut().unwrap();
        sent.signature = Signed::new(declared.body, key).signature;
    }

    /// Bends one thing in how the requests of an action come, or in where its results go, now and
    /// then. All else is signed as it then stands.
    pub(crate) fn bend_flow(&mut self, action: &mut Action) {
        let Some(name) = action.domain().cloned() else { return };
        let known = parts(action).map(|(_, recipient)| *recipient);
        let (Some(recipient), Some(domain)) = (known, self.state().domains().get(&name)) else {
            return;
        };
        let is_research = domain.kind.is_research();
        let everybody: Vec<Hex<32>> = self.state().parties().keys().copied().collect();
        let at = action.inputs().iter().position(|input| input.sent.is_some());
        if !self.random.one_in(if at.is_some() { 2 } else { 4 }) {
            return;
        }
        let (is_demo, sent) = (self.state().is_demo(), at.and_then(|at| action.inputs()[at].sent));
        // Some are the only fault in research alone, for elsewhere results go back to the owner.
        let which = match sent {
            Some(Sent { controller: Some(_), .. }) if is_research && self.random.one_in(2) => {
                *self.random.of(&[10, 17])
            }
            Some(_) if is_research && !is_demo && self.random.one_in(4) => 18,
            Some(_) => *self.random.of(&BENT),
            None => self.random.below(4),
        };
        let other = |card: &Hex<32>| recipient.as_ref() != Some(card);
        match which {
            0 => *parts(action).unwrap().1 = Some(self.random.bytes()),
            1 => *parts(action).unwrap().1 = None,
            2 => *parts(action).unwrap().1 = self.one_of(&everybody),
            3 => {
                let mut getting = self.parties_as(gets(is_research), &name);
                getting.retain(other);
                if let Some(card) = self.one_of(&getting) {
                    *parts(action).unwrap().1 = Some(card);
                }
            }
            _ => {}
        }
        let (Some(at), Some(mut sent)) = (at, sent) else { return };
        let (mut signer, mut resigned) = (None, true);
        let clock = self.clock;
        match which {
            // A key that serves somebody else, or another domain.
            4 => {
                let of = self.keys_with(|key| key.party != sent.sender && key.domain == name);
                sent.key = self.one_of(&of).map_or(sent.key, |(key, _)| key);
            }
            5 => {
                let own = role(self.state(), &sent.sender, &name);
                let of = self.keys_with(|key| {
                    key.domain != name && role(self.state(), &key.party, &name) == own
                });
                if let Some((key, sender)) = self.one_of(&of) {
                    if recipient == Some(sent.sender) {
                        *parts(action).unwrap().1 = Some(sender);
                    }
                    (sent.key, sent.sender) = (key, sender);
                }
            }
            // A key that was never issued, and one that serves no more.
            16 => sent.key = self.random.bytes(),
            6 | 7 => {
                let state = self.state();
                let keys = state.request_keys().iter().filter(|(_, key)| {
                    key.domain == name && (key.ended.is_some() || key.expires <= clock)
                });
                let of: Vec<Hex<16>> = keys.clone().map(|(key, _)| *key).collect();
                let some = keys.filter(|(key, issued)| match which {
                    6 => is_used(state, key),
                    _ => issued.ended.is_none(),
                });
                let some: Vec<Hex<16>> = some.map(|(key, _)| *key).collect();
                let of = if some.is_empty() { of } else { some };
                sent.key = self.one_of(&of).unwrap_or(sent.key);
                sent.sender =
                    self.state().request_keys().get(&sent.key).map_or(sent.sender, |of| of.party);
            }
            // A party that sends no such requests, with a key of its own where it has one.
            8 | 9 => {
                let of = self.keys_with(|key| {
                    let role = role(self.state(), &key.party, &name);
                    let renews = matches!(action, Action::Renew { .. });
                    key.domain == name && !role.is_some_and(|of| sends(of, is_research, renews))
                });
                if let Some((key, sender)) = self.one_of(&of) {
                    (sent.key, sent.sender) = (key, sender);
                    sent.controller = None;
                    if is_demo && self.random.one_in(2) {
                        *parts(action).unwrap().1 = None;
                    }
                }
            }
            // For whom.
            10 | 11 => {
                let mut others = everybody.clone();
                others.retain(|card| role(self.state(), card, &name) != Some(Role::Controller));
                sent.controller = self.one_of(&others);
            }
            12 => {
                let controllers = self.parties_as(Role::Controller, &name);
                sent.controller = self.one_of(&controllers);
            }
            17 => {
                sent.controller = match sent.controller {
                    Some(_) => None,
                    None => self.one_of(&everybody),
                }
            }
            // Who signs, and what.
            13 => signer = Some(self.random.below(self.cast.parties.len())),
            14 => (sent.signature, resigned) = (self.random.bytes(), false),
            15 => resigned = false,
            _ => {}
        }
        if let Some((inputs, _)) = parts(action) {
            inputs[at].sent = (which != 18).then_some(sent);
            if which == 15 {
                inputs[at].commitment = self.random.bytes();
            }
        }
        match signer {
            _ if which == 18 => {}
            Some(of) => self.declare_by(action, at, &self.cast.parties[of].key),
            None if resigned => self.declare(action),
            None => {}
        }
    }

    /// A delivery is stated, signed for or lost.
    pub(crate) fn delivered(&mut self, pending: Hex<16>) -> Event {
        let waits = |of: &Delivery| !of.delivered || of.is_unsigned_for();
        let waiting = self.state().deliveries().iter().filter(|(_, of)| waits(of));
        let mut waiting: Vec<DeliveryId> = waiting.map(|(id, _)| *id).collect();
        if waiting.iter().any(|id| id.run == pending) {
            waiting.retain(|id| id.run == pending);
        }
        let id = match waiting.is_empty() || self.random.one_in(5) {
            true => self.some_delivery(),
            false => *self.random.of(&waiting),
        };
        let DeliveryId { run, part } = id;
        if self.random.one_in(if self.of_parties { 6 } else { 3 }) {
            return Event::Destroyed { what: Destroyed::Result { run, part }, how: Means::Lost };
        }
        let known = self.state().deliveries().get(&id).cloned();
        let signs = known.as_ref().is_some_and(|of| of.recipient.is_some() || of.delivered);
        let receipt = match known {
            Some(known) if signs != self.random.one_in(3) => self.signed_receipt(id, &known),
            _ => None,
        };
        Event::Delivered { run, part, receipt: receipt.map(Box::new) }
    }

    /// The receipt of a delivery, by the party that it went to or that may have got it, most of the
    /// time; none where there are no parties.
    fn signed_receipt(&mut self, delivery: DeliveryId, of: &Delivery) -> Option<SignedReceived> {
        let everybody: Vec<Hex<32>> = self.state().parties().keys().copied().collect();
        let is_research = self.state().domains()[&of.domain].kind.is_research();
        let mut by = match of.recipient {
            Some(recipient) => recipient,
            None => {
                let getting = self.parties_as(gets(is_research), &of.domain);
                self.one_of(&getting).or_else(|| self.one_of(&everybody))?
            }
        };
        let (bent, mut signer) = (self.random.below(24), None);
        match bent {
            0 | 1 => by = *self.random.of(&everybody),
            2 => signer = Some(self.random.below(self.cast.parties.len())),
            _ => {}
        }
        let mut received: Received = serde_json::from_value(json!({
            "format": if bent == 3 { 1 } else { 2 },
            "suite": "CStatNS-HMAC-SHA-256",
            "service": self.cast.card.id(),
            "domain": of.domain,
            "generation": of.generation,
            "delivery": delivery,
            "request": of.request,
            "result": of.result,
            "rows": of.rows,
            "received": self.clock,
            "destroyed": self.random.below(3),
            "by": by,
        }))
        .unwrap();
        match bent {
            4 => received.service = self.cast.stranger.id().to_owned(),
            5 => received.domain = name("zeta"),
            6 => received.generation = Generation::new(of.generation.get() + 1).unwrap(),
            7 => received.delivery.part += 1,
            8 => received.delivery.run = self.random.bytes(),
            9 => received.request = of.result,
            10 => received.result = of.request,
            11 => received.rows += 1,
            12 | 15 => received.by = None,
            _ => {}
        }
        received.checkpoint = (!self.random.one_in(8)).then(|| self.note());
        let parties = &self.cast.parties;
        let key = match signer {
            Some(of) => &parties[of].key,
            None => self.cast.party_key(&by).unwrap_or(&parties[0].key),
        };
        let mut signed = Signed::new(received, key);
        match bent {
            13 => signed.signature = self.random.bytes(),
            14 => signed.body.destroyed += 1,
            _ => {}
        }
        Some(signed)
    }

    /// A checkpoint as the service signed it once; one in six is none of this ledger.
    fn note(&mut self) -> String {
        let history = self.fold.history();
        let size = 1 + self.random.next() % history.size();
        let Head { mut size, mut root } = history.head_at(size).unwrap();
        let (mut of, mut bent) = (self.cast.card.id(), false);
        match self.random.below(48) {
            0 | 1 => root = self.random.bytes(),
            2 => size += 1,
            3 => size = 0,
            4 => of = self.cast.stranger.id(),
            5 | 6 => bent = true,
            7 => return String::new(),
            _ => {}
        }
        let signs = *self.state().service_keys().at(size);
        let is_it = |key: &&SigningKey| Hex(key.verifying_key().to_bytes()) == signs;
        let key = self.cast.keys.iter().find(|key| is_it(key) != bent).unwrap();
        sign_head(&Head { size, root }, of, key)
    }
}
