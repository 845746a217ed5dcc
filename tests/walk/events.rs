//! Events that fit the state of a ledger, most of them; and what may be bent in each.

use cstatns::card::{Card, ServiceCard};
use cstatns::code::Generation;
use cstatns::commitment::Commitment;
use cstatns::dealing::{Epoch, Threshold};
use cstatns::delivery::{DeliveryId, MOST_PARTS};
use cstatns::domain::{Kind, RenewalReason};
use cstatns::identifier::Scheme;
use cstatns::ledger::event::{
    Destroyed, Event, KeyRef, Lapse, LineWitness, LivingKey, Means, SealedRef, SealedRequestKey,
    Step,
};
use cstatns::look_up::{Level, LookUp};
use cstatns::name::{Hex, Name};
use cstatns::party::Role;
use cstatns::proposal::{Action, Consent, Input, Question, RunId};
use cstatns::receipt::{Doubted, ReceiptStatement};
use cstatns::state::{Domain, OpenQuestion, State};
use cstatns::statement::{FORMAT, Suite};
use ed25519_dalek::SigningKey;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

use super::Walk;
use super::cast::{Person, SOUND_PARTIES, Stating};
use super::flow::role;
use super::flow_kinds::is_used;
use crate::common::name;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DOMAINS: [&str; 5] = ["alpha", "beta", "gamma", "delta", "epsilon"];

fn day(time: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(time).date()
}

fn later(from: Date, days: i64) -> Date {
    from.saturating_add(Span::new().days(days))
}

impl Walk<'_> {
    pub(crate) fn state(&self) -> &State {
        self.fold.state().unwrap()
    }

    fn generation(number: u32) -> Generation {
        Generation::new(number.max(1)).unwrap()
    }

    /// The number itself, or rarely one beside it.
    fn near(&mut self, number: u32) -> u32 {
        match self.random.below(20) {
            0 => number + 1,
            1 => number.saturating_sub(1),
            _ => number,
        }
    }

    fn some_domain(&mut self) -> Name {
        self.domain_with(|_| true)
    }

    /// One of the domains of which this is true, or, rarely or where there is none, any.
    fn domain_with(&mut self, fits: impl Fn(&Domain) -> bool) -> Name {
        let all = self.state().domains();
        let fitting = all.iter().filter(|(_, domain)| fits(domain));
        let mut known: Vec<Name> = fitting.map(|(name, _)| name.clone()).collect();
        if known.is_empty() || self.random.one_in(12) {
            known = self.state().domains().keys().cloned().collect();
        }
        if known.is_empty() || self.random.one_in(12) {
            return name(self.random.pick(&DOMAINS));
        }
        self.random.of(&known).clone()
    }

    fn some_run(&mut self) -> RunId {
        let runs: Vec<RunId> = self.state().runs().keys().copied().collect();
        if runs.is_empty() || self.random.one_in(4) {
            return self.random.bytes();
        }
        *self.random.of(&runs)
    }

    /// The epoch that works; the first one before that.
    fn working(&self) -> Epoch {
        self.state().working_epoch().map_or(Epoch::FIRST, |(epoch, _)| epoch)
    }

    /// The epoch that works; or, rarely, another one.
    fn epoch(&mut self) -> Epoch {
        let working = self.working().0;
        Epoch(self.near(working))
    }

    fn end(&mut self, from: Date) -> Date {
        match self.random.below(8) {
            0 => from,
            1 => later(from, -1),
            2 => from.saturating_add(Span::new().years(10)),
            3 => later(from.saturating_add(Span::new().years(10)), 1),
            n => later(from, [2, 10, 40, 400][n - 4]),
        }
    }

    fn action(&mut self, now: Timestamp) -> Action {
        let action = self.plain_action(now);
        self.with_parties(action)
    }

    /// An action whose requests come in clear, if it has any, and whose results go out so.
    fn plain_action(&mut self, now: Timestamp) -> Action {
        let alive = |domain: &Domain| {
            domain.destroyed.is_none()
                && !domain.closed
                && domain.ends().is_none_or(|ends| ends >= day(now))
        };
        let state = self.state();
        let living = state.domains().values().filter(|domain| alive(domain)).count();
        let renewable =
            state.domains().values().any(|domain| alive(domain) && domain.keys.len() > 1);
        let is_dealt = state.pending_epoch().is_some();
        let is_complete = state.complete_epoch().is_some();
        let doubted = state.doubts().values().find(|doubt| !doubt.examined);
        let doubted = doubted.map(|doubt| doubt.about.clone());
        let (lacking, served) = (self.lacking(now), self.served());
        let served = served.filter(|_| !self.random.one_in(3));
        let verb = match (living, &doubted) {
            (0, _) if !self.random.one_in(3) => 0,
            (_, Some(_)) if self.random.one_in(4) => 14,
            _ if is_complete && self.random.one_in(2) => 26,
            _ if is_dealt && self.random.one_in(16) => 26,
            _ if lacking.is_some() && self.random.one_in(2) => return lacking.unwrap(),
            _ if served.is_some() => served.as_ref().unwrap().0,
            _ if self.forgets && self.random.one_in(5) => 13,
            _ if renewable && self.random.one_in(3) => 11,
            _ if self.random.one_in(if self.of_parties { 3 } else { 5 }) => 27,
            _ => self.random.below(26),
        };
        let domain = self.domain_with(|domain| {
            let fits = match verb {
                2 | 3 | 13 | 17 | 18 => domain.kind.is_research(),
                11 | 12 => domain.keys.len() > 1,
                _ => true,
            };
            fits && alive(domain)
        });
        let over = |(_, of): &(&Name, &Domain)| of.marked && alive(of);
        let over = self.state().domains().iter().find(over).map(|(name, _)| name.clone());
        let domain = over.filter(|_| self.random.one_in(3)).unwrap_or(domain);
        let domain = served.map_or(domain, |(_, served)| served);
        let (known, of) = (self.state().domains().get(&domain).cloned(), domain.clone());
        let present = known.as_ref().map_or(1, |domain| domain.generation().get());
        match verb {
            0 | 1 => {
                let years = [0, 1, 5, 10, 11][[0, 1, 2, 2, 3, 4][self.random.below(6)]];
                let kind = match self.random.below(3) {
                    0 => Kind::Statistics { cryptoperiod_years: years },
                    _ => Kind::Research { ends: self.end(day(now)) },
                };
                let free = DOMAINS.iter().find(|free| {
                    self.state().domains().keys().all(|known| known.as_str() != **free)
                });
                let domain = free.map_or(domain, |free| name(free));
                let minimum_batch =
                    [2, 2, 2, 2, 2, 11, 0, 1, 65_536, 65_537][self.random.below(10)];
                let authorisation = self.random.one_in(2).then(|| name("decision-2026-1"));
                Action::Open { domain, kind, minimum_batch, authorisation }
            }
            2 | 3 | 17 | 18 => {
                let ends = known.and_then(|known| known.ends()).unwrap_or_else(|| day(now));
                Action::Extend { domain, ends: self.end(ends) }
            }
            4..=8 | 19..=25 => {
                let look_up = self.random.one_in(4).then(|| LookUp {
                    register: self.random.bytes(),
                    commitment: self.random.bytes(),
                    accept: Level::Rectified,
                    min_score: 9_500.try_into().unwrap(),
                });
                Action::Code {
                    domain,
                    generation: Self::generation(self.near(present)),
                    scheme: if self.random.one_in(6) { Scheme::FiHetu } else { Scheme::FrNir },
                    purpose: name("walk"),
                    inputs: self.inputs(),
                    recipient: None,
                    keep_request: self.random.one_in(4),
                    look_up,
                }
            }
            9 | 10 => Action::NewKey {
                domain,
                generation: Self::generation(
                    self.near(known.map_or(present + 1, |known| known.next_generation().get())),
                ),
                reason: match self.random.below(3) {
                    0 => RenewalReason::Scheduled,
                    _ => RenewalReason::Doubt,
                },
            },
            11 | 12 => Action::Renew {
                domain,
                from: Self::generation(self.near(present.saturating_sub(1))),
                generation: Self::generation(self.near(present)),
                purpose: name("walk"),
                inputs: self.inputs(),
                recipient: None,
                keep_request: self.random.one_in(4),
                of: self.random.one_in(2).then(|| self.deliveries(&of)),
            },
            13 => Action::Close { domain },
            14 => {
                let domain = match doubted {
                    Some(Doubted::Custody { .. }) => None,
                    Some(Doubted::Key { domain, .. }) if !self.random.one_in(6) => Some(domain),
                    _ => Some(domain),
                };
                let mut doubts = self.state().doubts_about(domain.as_ref());
                match self.random.below(8) {
                    0 => doubts.push(self.random.bytes()),
                    1 => doubts.reverse(),
                    2 => drop(doubts.pop()),
                    _ => {}
                }
                Action::Examined { domain, doubts }
            }
            26 => {
                let pending = self.state().pending_epoch().map(|(epoch, _)| epoch.0);
                let epoch = pending.unwrap_or_else(|| self.working().0);
                Action::Abandon { epoch: Epoch(self.near(epoch)) }
            }
            27 => self.party(domain),
            _ => {
                let epoch = self.state().next_epoch().0;
                let epoch = Epoch(self.near(epoch));
                let (k, people) = self.cards(epoch);
                let mut cards: Vec<Card> = people.iter().map(|p| p.card.clone()).collect();
                let threshold = Threshold::new(k, cards.len()).unwrap();
                match self.random.below(16) {
                    0 => drop(cards.pop()),
                    1 => cards[0] = cards[1].clone(),
                    2 => cards[0].body.external = !cards[0].body.external,
                    3 => cards[0] = self.somebody().card.clone(),
                    _ => {}
                }
                let mut left_behind = Vec::new();
                for key in self.state().living_keys() {
                    if self.random.one_in(6) {
                        left_behind.push(key.place());
                    }
                }
                match self.random.below(16) {
                    0 => left_behind.reverse(),
                    1 => left_behind.extend(left_behind.last().cloned()),
                    2 => left_behind
                        .push(KeyRef { domain: name("zeta"), generation: Self::generation(1) }),
                    _ => {}
                }
                Action::Deal { epoch, threshold, cards, left_behind }
            }
        }
    }

    /// The registration of a party, most of the time a sound one.
    fn party(&mut self, domain: Name) -> Action {
        // Most often one of two, so that they come again.
        let at = match self.random.below(4) {
            0 | 1 => self.random.below(self.cast.parties.len()),
            2 if self.of_parties => self.random.below(self.cast.parties.len()),
            2 => self.random.below(SOUND_PARTIES),
            _ if self.of_parties => self.random.below(4),
            _ => self.random.below(2),
        };
        let card = Box::new(self.cast.parties[at].card.clone());
        let kind = self.state().domains().get(&domain).map(|domain| domain.kind);
        let role = match (self.random.below(8), kind.is_some_and(|kind| kind.is_research())) {
            (0, _) | (1 | 2, true) => Role::Linking,
            (1, false) => Role::Researcher,
            (3, _) => Role::Register,
            (4, _) => Role::Holder,
            _ => Role::Controller,
        };
        let mut domains = vec![domain];
        match self.random.below(16) {
            0 => domains.push(domains[0].clone()),
            1 => domains.clear(),
            2 => domains.push(name("zeta")),
            3..=5 => {
                domains = self.state().domains().keys().take(2).cloned().collect();
            }
            6..=9 => {
                let known = self.state().parties().get(&card.fingerprint());
                let all = self.state().domains().keys();
                let free =
                    all.filter(|domain| known.is_none_or(|of| !of.roles.contains_key(*domain)));
                domains = free.take(1).cloned().collect();
            }
            _ => {}
        }
        Action::Party { card, role, domains }
    }

    /// A request key for a party, most of the time rightly.
    fn request_key_issued(&mut self) -> Event {
        let state = self.state();
        let roles = state.parties().iter().flat_map(|(card, party)| {
            party.roles.keys().map(move |domain| (*card, domain.clone()))
        });
        let mut roles: Vec<(Hex<32>, Name)> = roles.collect();
        if self.of_parties {
            roles.retain(|(card, domain)| {
                role(state, card, domain).is_some_and(Role::sends_requests)
            });
        }
        let known = state.request_keys().keys().next().copied();
        let (party, domain) = match roles.is_empty() || self.random.one_in(20) {
            true => (self.random.bytes(), self.some_domain()),
            false => self.random.of(&roles).clone(),
        };
        let domain = if self.random.one_in(20) { self.some_domain() } else { domain };
        let most = if self.of_parties && !self.random.one_in(4) { 5 } else { 8 };
        let days = [30, 30, 30, 1, 2, 0, -1, 31][self.random.below(most)];
        let second = i64::from(self.random.one_in(20));
        let expires =
            self.clock + SignedDuration::from_hours(24 * days) + SignedDuration::from_secs(second);
        let again = known.filter(|_| self.random.one_in(20));
        Event::RequestKeyIssued {
            key: again.unwrap_or_else(|| self.random.bytes()),
            party,
            domain,
            public: self.random.bytes(),
            expires,
            places: 1,
        }
    }

    fn some_request_key(&mut self) -> Hex<16> {
        let living = self.state().living_request_keys().map(|(key, _)| *key);
        let mut keys: Vec<Hex<16>> = living.collect();
        if keys.is_empty() || self.random.one_in(10) {
            keys = self.state().request_keys().keys().copied().collect();
        }
        if keys.is_empty() { self.random.bytes() } else { *self.random.of(&keys) }
    }

    /// The requests of a question: one, a few, or, rarely, too many or none.
    fn inputs(&mut self) -> Vec<Input> {
        let count = match self.random.below(24) {
            0 => 0,
            1 => MOST_PARTS,
            2 => MOST_PARTS + 1,
            3..=11 => 2,
            12..=17 => 3,
            _ => 1,
        };
        // Of many, each is as it should be: else hardly a long list would be lawful.
        let mut inputs: Vec<Input> = (0..count).map(|_| self.input(count < 4)).collect();
        if count > 1 && self.random.one_in(12) {
            inputs[count - 1] = inputs[0];
        }
        if count > 0 && self.random.one_in(2) {
            let at = self.random.below(count);
            inputs[at].commitment = self.known_request().unwrap_or(inputs[at].commitment);
        }
        inputs
    }

    /// A request that was coded or renewed, or one about which a question is open.
    fn known_request(&mut self) -> Option<Commitment> {
        let state = self.state();
        let asked = state.open_questions().values().flat_map(|open| open.question.action.inputs());
        let spent = state.deliveries().values().map(|delivery| delivery.request);
        let known: [Vec<Commitment>; 2] =
            [asked.map(|input| input.commitment).collect(), spent.collect()];
        let known = &known[self.random.below(3) / 2];
        (!known.is_empty()).then(|| *self.random.of(known))
    }

    fn input(&mut self, bent: bool) -> Input {
        if !bent || !self.random.one_in(6) {
            let rows = *self.random.of(&[2, 12, 100, 4_000]);
            return Input {
                commitment: self.commitment(),
                rows,
                values: rows,
                distinct: rows,
                engine: None,
                sent: None,
            };
        }
        let rows = [0, 1, 2, 12, 100, 70_000, 1 << 40][self.random.below(7)];
        let values = [rows, rows, rows, rows / 2, 0, rows + 1][self.random.below(6)];
        let most = values.min(65_536);
        let distinct = [most, most, most, 2, 1, 0, most + 1][self.random.below(7)];
        Input { commitment: self.commitment(), rows, values, distinct, engine: None, sent: None }
    }

    fn commitment(&mut self) -> Commitment {
        self.random.bytes()
    }

    /// What a renewal in this domain names.
    fn deliveries(&mut self, domain: &Name) -> Vec<DeliveryId> {
        let all = self.random.one_in(8);
        let known = self.state().deliveries().iter();
        let of = known.filter(|(_, delivery)| all || delivery.domain == *domain);
        let mut of: Vec<DeliveryId> = of.map(|(id, _)| *id).collect();
        match self.random.below(10) {
            0 => of.push(DeliveryId { run: self.random.bytes(), part: 1 }),
            1 => of.reverse(),
            2 => of.clear(),
            3 => of.extend(of.last().copied()),
            4 | 5 => of.extend(of.last().map(|last| DeliveryId { part: last.part + 1, ..*last })),
            6 => {}
            _ => of.truncate(1),
        }
        of
    }

    /// A delivery that is known, or, rarely, one that is not.
    pub(crate) fn some_delivery(&mut self) -> DeliveryId {
        let known: Vec<DeliveryId> = self.state().deliveries().keys().copied().collect();
        if known.is_empty() {
            return DeliveryId { run: self.some_run(), part: 1 };
        }
        let id = *self.random.of(&known);
        DeliveryId { part: self.near(id.part), ..id }
    }

    /// A threshold and a roster for a new dealing, most of them sound.
    fn cards(&mut self, epoch: Epoch) -> (usize, Vec<&'static Person>) {
        let mut people: Vec<&'static Person> = self.cast.of_epoch(epoch).iter().collect();
        while people.len() > 3 {
            people.remove(self.random.below(people.len()));
        }
        if self.random.one_in(2) {
            people.swap(0, 2);
        }
        (if self.random.one_in(3) { 3 } else { 2 }, people)
    }

    /// An action that is lawful more often than not.
    fn likely_action(&mut self) -> Action {
        let mut action = self.action(self.clock);
        for _ in 0..self.random.below(6) {
            if self.state().allows(&action, self.clock).is_ok() {
                break;
            }
            action = self.action(self.clock);
        }
        // What else is right has one thing wrong.
        match &mut action {
            Action::Renew { of: Some(of), .. } if self.random.one_in(2) => {
                of.iter_mut().last().into_iter().for_each(|last| last.part += 1);
            }
            Action::Code { inputs, .. } if !inputs.is_empty() && self.random.one_in(12) => {
                let one = inputs[0];
                match self.random.below(3) {
                    0 => inputs.clear(),
                    1 => inputs.push(one),
                    _ => inputs.resize_with(MOST_PARTS + 1, || Input {
                        commitment: self.random.bytes(),
                        ..one
                    }),
                }
            }
            Action::Code { .. } | Action::Renew { .. } => self.bend_flow(&mut action),
            _ => {}
        }
        action
    }

    fn proposed(&mut self) -> Event {
        let mut question = Question {
            format: FORMAT,
            suite: Suite::default(),
            service: self.cast.card.id().to_owned(),
            epoch: if self.random.one_in(6) { self.epoch() } else { self.working() },
            action: self.likely_action(),
            expires: self.clock + HOUR * (1 + self.random.below(24) as i32),
            run: self.random.bytes(),
            run_key: self.random.bytes(),
        };
        match self.random.below(40) {
            0 => question.expires = self.clock,
            1 => question.expires = self.clock + HOUR * 24 + SignedDuration::from_secs(1),
            2 => question.run = self.some_run(),
            3 => question.service = self.cast.stranger.id().to_owned(),
            4 => question.expires = self.clock + HOUR * 24,
            5 => question.expires = self.clock + SignedDuration::from_secs(1),
            _ => {}
        }
        Event::Proposed { question: Box::new(question) }
    }

    /// Who is in the roster of an epoch, ascending by name.
    fn roster(&self, epoch: Epoch) -> Vec<&'static Person> {
        let Some(state) = self.state().epochs().get(&epoch) else { return Vec::new() };
        let mut people: Vec<&'static Person> =
            state.dealing.roster.iter().map(|seat| self.cast.holder(&seat.card)).collect();
        people.sort_by_key(|person| person.name());
        people
    }

    /// Somebody with the card of an epoch that there is, most often.
    fn somebody(&mut self) -> &'static Person {
        if self.random.one_in(12) {
            return self.random.of(&self.cast.people);
        }
        let epochs: Vec<Epoch> = self.state().epochs().keys().copied().collect();
        let epoch = *self.random.of(&epochs);
        self.random.of(self.cast.of_epoch(epoch))
    }

    /// A statement's parts; one in fourteen has something bent.
    fn stating(&mut self, head: u64, time: Timestamp) -> Stating<'static> {
        let history = self.fold.history();
        let mut stating = Stating {
            service: self.cast.card.id(),
            head: history.head_at(head).unwrap_or_else(|| history.head()),
            time,
            count: 1 + self.random.below(9) as u64,
            signer: None,
            card: None,
        };
        match self.random.below(140) {
            0 => stating.service = self.cast.stranger.id(),
            1 => stating.head.root = self.random.bytes(),
            2 => stating.head.size += 1,
            3 => stating.signer = Some(self.somebody()),
            4 => stating.card = Some(self.somebody()),
            5 => stating.time = time + HOUR * 25,
            6 => stating.time = time - HOUR * 25,
            7 => stating.head.size = 0,
            8 => stating.count = 0,
            9 => stating.time = Timestamp::from_second(-5).unwrap(),
            _ => {}
        }
        stating
    }

    fn consents(&mut self, open: &OpenQuestion, least: usize) -> Vec<Consent> {
        let mut people = self.roster(open.question.epoch);
        while people.len() > least && !self.random.one_in(4) {
            people.remove(self.random.below(people.len()));
        }
        // Most often all of them are as they should be, but for what any statement may have.
        let bent = self.random.one_in(if self.of_parties { 9 } else { 3 });
        match self.random.below(if bent { 10 } else { 120 }) {
            0 => drop(people.pop()),
            1 => people.reverse(),
            2 => people.extend(people.last().copied()),
            3 => people.push(self.somebody()),
            _ => {}
        }
        let question = self.fold.history().leaf(open.number).unwrap();
        let mut consents = Vec::new();
        for person in people {
            let moment = match self.random.below(if bent { 20 } else { 400 }) {
                0 => open.question.expires,
                1 => open.question.expires - SignedDuration::from_secs(1),
                2 => open.clock - HOUR * 24,
                3 => open.clock - HOUR * 24 - SignedDuration::from_secs(1),
                _ => open.clock,
            };
            let number = if bent && self.random.one_in(30) { open.number - 1 } else { open.number };
            let of = self.stating(number, moment);
            let epoch = Epoch(self.near_rarely(open.question.epoch.0));
            let asked = match bent && self.random.one_in(30) {
                true => self.random.bytes(),
                false => question,
            };
            consents.push(person.consent(&of, epoch, asked));
        }
        consents
    }

    fn near_rarely(&mut self, number: u32) -> u32 {
        if self.random.one_in(8) { self.near(number) } else { number }
    }

    /// The open questions about a request that another question's run has coded or renewed, or one
    /// whose request key such a run has used.
    fn spent_questions(&self) -> Vec<OpenQuestion> {
        let known = self.state().deliveries();
        let spent = |commitment| known.values().any(|delivery| delivery.request == commitment);
        let open = self.state().open_questions().values();
        let spent = open.filter(|open| {
            let used =
                |input: &Input| input.sent.is_some_and(|sent| is_used(self.state(), &sent.key));
            let inputs = open.question.action.inputs();
            inputs.iter().any(|input| spent(input.commitment) || used(input))
        });
        spent.cloned().collect()
    }

    /// An open question: most often one whose action may still be done, or one whose may not.
    fn question(&mut self, to_run: bool) -> Option<OpenQuestion> {
        let any = self.random.one_in(4);
        let spent: Vec<OpenQuestion> = self.spent_questions();
        if to_run && !spent.is_empty() && !self.random.one_in(3) {
            return Some(self.random.of(&spent).clone());
        }
        let open = self.state().open_questions().values();
        let fits = |open: &&OpenQuestion| {
            let allowed = self.state().allows(&open.question.action, self.clock).is_ok();
            any || to_run == (allowed && !open.doubted)
        };
        let mut fitting: Vec<OpenQuestion> = open.filter(fits).cloned().collect();
        if fitting.is_empty() {
            fitting = self.state().open_questions().values().cloned().collect();
        }
        if fitting.is_empty() { None } else { Some(self.random.of(&fitting).clone()) }
    }

    fn intent(&mut self) -> Event {
        let Some(open) = self.question(true) else {
            return Event::Intent { run: self.some_run(), consents: Vec::new(), keys: Vec::new() };
        };
        let least = self.state().epochs().get(&open.question.epoch);
        let least = least.map_or(2, |epoch| epoch.dealing.threshold.k());
        let mut keys = self.state().keys_of(&open.question.action);
        match self.random.below(40) {
            0 => drop(keys.pop()),
            1 => keys.push(KeyRef { domain: name("alpha"), generation: Self::generation(1) }),
            2 => keys.reverse(),
            _ => {}
        }
        Event::Intent { run: open.question.run, consents: self.consents(&open, least), keys }
    }

    fn lapsed(&mut self) -> Event {
        let why = [Lapse::Expired, Lapse::Stopped, Lapse::Withdrawn];
        let Some(open) = self.question(false) else {
            return Event::Lapsed { run: self.some_run(), why: why[1], consents: Vec::new() };
        };
        let expired = self.clock >= open.question.expires;
        let why = if expired && !self.random.one_in(3) { why[0] } else { *self.random.of(&why) };
        let least = self.random.below(3);
        Event::Lapsed { run: open.question.run, why, consents: self.consents(&open, least) }
    }

    fn cosigned(&mut self) -> Event {
        let Some(pending) = self.state().pending().cloned() else {
            return Event::Cosigned { run: self.some_run(), witnesses: Vec::new() };
        };
        let head = self.fold.history().head_at(pending.number).unwrap();
        let mut people: Vec<&Person> = self.roster(pending.question.epoch);
        people.retain(|person| pending.consented.contains(person.name()));
        match self.random.below(12) {
            0 => people.reverse(),
            1 => people.push(self.somebody()),
            2 => people.clear(),
            3 | 4 => drop(people.pop()),
            _ => {}
        }
        let mut witnesses = Vec::new();
        for person in people {
            let (service, mut of) = (self.cast.card.id(), head);
            if self.random.one_in(20) {
                of.size -= 1;
            }
            let signer = if self.random.one_in(20) { self.somebody() } else { person };
            let cosignature = signer.cosign(service, of, self.clock);
            witnesses.push(LineWitness { by: person.name().clone(), cosignature });
        }
        Event::Cosigned { run: self.pending_run(), witnesses }
    }

    /// Custodians have seen the recovery, most of the time rightly.
    fn resumed(&mut self) -> Event {
        let recovered = self.state().recoveries().events.last().copied();
        let head = self.fold.history().head_at(recovered.unwrap_or(1)).unwrap();
        let mut people: Vec<&Person> = self.roster(self.state().following_dealing().epoch);
        match self.random.below(12) {
            0 => people.reverse(),
            1 => people.push(self.somebody()),
            2 => people.clear(),
            3 => people.truncate(1),
            4 | 5 => drop(people.pop()),
            _ => {}
        }
        let witness = |walk: &mut Self, person: &Person| {
            let mut of = head;
            if walk.random.one_in(20) {
                of.size -= 1;
            }
            let signer = if walk.random.one_in(20) { walk.somebody() } else { person };
            let cosignature = signer.cosign(walk.cast.card.id(), of, walk.clock);
            LineWitness { by: person.name().clone(), cosignature }
        };
        let witnesses = people.into_iter().map(|person| witness(self, person)).collect();
        Event::Resumed { witnesses }
    }

    /// Custodians accept another signing key, most of the time rightly.
    fn rekeyed(&mut self) -> Event {
        let known = self.state().service_keys().clone();
        let public = |key: &SigningKey| Hex(key.verifying_key().to_bytes());
        let free = self.cast.keys.iter().find(|key| !known.contains(&public(key)));
        let key = match self.random.below(12) {
            0 => self.random.of(&self.cast.keys),
            _ => free.unwrap_or(&self.cast.keys[0]),
        };
        let id = if self.random.one_in(20) { &self.cast.stranger } else { &self.cast.card }.id();
        let mut card = ServiceCard::successor(id, key);
        if self.random.one_in(20) {
            card.signature = self.random.bytes();
        }
        let mut people: Vec<&Person> = self.roster(self.state().following_dealing().epoch);
        people.sort_by_key(|person| person.name().clone());
        match self.random.below(16) {
            0 => people.reverse(),
            1 => people.push(self.somebody()),
            2 => people.truncate(1),
            3 => people.push(people[people.len() - 1]),
            4 | 5 => drop(people.pop()),
            _ => {}
        }
        let statement = |walk: &mut Self, person: &Person| {
            let (mut key, mut replaces) = (public(key), *known.present());
            match walk.random.below(50) {
                0 => key = walk.random.bytes(),
                1 => replaces = public(&walk.cast.keys[0]),
                2 => replaces = walk.random.bytes(),
                _ => {}
            }
            let ahead = [0, 0, 0, 86_400, 86_401][walk.random.below(5)];
            let ahead = if walk.random.one_in(6) { ahead } else { -60 };
            let size = walk.fold.history().size();
            let head = if walk.random.one_in(3) { 1 + walk.random.next() % size } else { size };
            let of = walk.stating(head, walk.clock + SignedDuration::from_secs(ahead));
            match walk.random.below(50) {
                0 => person.receipt(&of, ReceiptStatement::CheckpointSeen {}),
                _ => person.receipt(&of, ReceiptStatement::ServiceKey { key, replaces }),
            }
        };
        let statements = people.into_iter().map(|person| statement(self, person)).collect();
        Event::Rekeyed { card: Box::new(card), statements }
    }

    fn pending_run(&mut self) -> RunId {
        match self.state().pending().map(|pending| pending.question.run) {
            Some(run) if !self.random.one_in(20) => run,
            _ => self.some_run(),
        }
    }

    /// The part that is next, or one that is not.
    fn part(&mut self) -> u32 {
        let pending = self.state().pending();
        let (made, parts) = pending.map_or((0, 1), |p| (p.made, p.question.action.parts()));
        match self.random.below(if parts > 1 { 10 } else { 16 }) {
            0 => made,
            1 => made + 2,
            2 => parts + 1,
            3 => 1,
            _ => made + 1,
        }
    }

    fn rows(&mut self, part: u32) -> u64 {
        let pending = self.state().pending();
        let inputs = pending.map_or(&[][..], |pending| pending.question.action.inputs());
        let rows = inputs.get((part as usize).saturating_sub(1)).map_or(2, |input| input.rows);
        if self.random.one_in(15) { rows + 1 } else { rows }
    }

    /// Now and then, as many as there are rows or one more.
    fn rechecked(&mut self, rows: u64) -> Option<u64> {
        self.random.one_in(4).then(|| rows + u64::from(self.random.one_in(3)))
    }

    fn works(&mut self) -> Event {
        let newest = *self.state().epochs().last_key_value().unwrap().0;
        let mut keys = self.state().keys_of_epoch(newest);
        match self.random.below(20) {
            0 => drop(keys.pop()),
            1 => keys.reverse(),
            2 => {
                let generation = Self::generation(1);
                keys.push(LivingKey {
                    domain: name("zeta"),
                    generation,
                    check: self.random.bytes(),
                });
            }
            3 => keys.iter_mut().for_each(|key| key.check = Hex([5; 32])),
            4 => keys.extend(keys.last().cloned()),
            5 => keys.iter_mut().for_each(|key| key.generation = key.generation.next()),
            _ => {}
        }
        Event::EpochWorking { epoch: Epoch(self.near(newest.0)), keys }
    }

    fn received(&mut self) -> Event {
        // Whose receipt is missing, first of all.
        let epochs: Vec<Epoch> = self.state().epochs().keys().copied().collect();
        let missing = epochs.iter().rev().find_map(|epoch| {
            let of = &self.state().epochs()[epoch];
            let roster = self.roster(*epoch);
            roster.into_iter().find(|p| !of.held.contains(p.name())).map(|p| (*epoch, p))
        });
        let unconfirmed = self.state().is_unconfirmed(self.clock) && self.random.one_in(2);
        let (epoch, person) = match missing {
            Some(missing) if !unconfirmed && !self.random.one_in(5) => missing,
            _ => {
                let epoch = *self.random.of(&epochs);
                let there = self.roster(epoch);
                match self.random.one_in(6) {
                    true => (epoch, self.somebody()),
                    false => (epoch, *self.random.of(&there)),
                }
            }
        };
        let dealing = if self.random.one_in(20) {
            self.random.bytes()
        } else {
            self.state().epochs()[&epoch].dealing.fingerprint()
        };
        let parties: Vec<Hex<32>> = self.state().parties().keys().copied().collect();
        let rarely = if self.of_parties { 16 } else { 4 };
        let ends = !parties.is_empty() && !unconfirmed && self.random.one_in(rarely);
        let statement = match self.random.below(if missing.is_some() { 12 } else { 4 }) {
            _ if ends => ReceiptStatement::PartyEnded { party: *self.random.of(&parties) },
            _ if unconfirmed => ReceiptStatement::CheckpointSeen {},
            0 if self.random.one_in(8) => {
                let present = *self.state().service_keys().present();
                ReceiptStatement::ServiceKey { key: Hex([3; 32]), replaces: present }
            }
            0 => ReceiptStatement::CheckpointSeen {},
            1 => ReceiptStatement::ShareForgotten { epoch },
            _ => ReceiptStatement::ShareHeld { epoch, dealing },
        };
        let back = match unconfirmed {
            true => [0, 86_400, 86_401][self.random.below(3)],
            false => [0, 0, 0, 60, 1_800][self.random.below(5)],
        };
        let time = self.clock - SignedDuration::from_secs(back);
        let size = self.fold.history().size();
        let head = if self.random.one_in(3) { 1 + self.random.next() % size } else { size };
        let of = self.stating(head, time);
        Event::Received { receipt: person.receipt(&of, statement) }
    }

    fn doubted(&mut self) -> Event {
        let about = match self.random.below(3) {
            0 => Doubted::Custody { epoch: self.epoch() },
            _ => {
                let domain = self.some_domain();
                let keys = self.state().domains().get(&domain).map_or(1, |of| of.keys.len());
                Doubted::Key { domain, generation: Self::generation(self.near(keys as u32)) }
            }
        };
        let person = self.somebody();
        let of = self.stating(self.fold.history().size(), self.clock);
        Event::Doubted { doubt: person.doubt(&of, about) }
    }

    fn dealt(&mut self) -> Event {
        let mut epoch = self.state().next_epoch();
        let pending = self.state().pending().map(|pending| pending.question.action.clone());
        let demo = self.state().is_demo() != self.random.one_in(25);
        let (k, mut people) = self.cards(epoch);
        let (mut threshold, mut living) = (k, self.state().living_keys());
        if let Some(Action::Deal { epoch: of_epoch, threshold: of, cards, left_behind }) = pending {
            epoch = of_epoch;
            threshold = if self.random.one_in(25) { 3 } else { of.k() };
            people = cards.iter().map(|card| self.cast.holder(card)).collect();
            if self.random.one_in(25) {
                people.reverse();
            }
            living.retain(|key| !left_behind.contains(&key.place()));
        }
        match self.random.below(30) {
            0 => drop(living.pop()),
            1 => living.reverse(),
            2 => living = self.state().living_keys(),
            3 => living.iter_mut().for_each(|key| key.check = Hex([5; 32])),
            _ => {}
        }
        let sealed = |LivingKey { domain, generation, check }| SealedRef {
            domain,
            generation,
            check,
            seal: Hex([4; 32]),
        };
        let request = |key: &Hex<16>| SealedRequestKey { key: *key, seal: Hex([4; 32]) };
        let mut request_keys: Vec<SealedRequestKey> =
            self.state().living_request_keys().map(|(key, _)| request(key)).collect();
        match self.random.below(20) {
            0 => drop(request_keys.pop()),
            1 => request_keys.reverse(),
            2 => request_keys.push(request(&Hex([255; 16]))),
            _ => {}
        }
        let epoch = Epoch(self.near(epoch.0));
        let dealing = Box::new(self.cast.dealing(epoch, threshold, &people, demo));
        Event::Dealt { dealing, keys: living.into_iter().map(sealed).collect(), request_keys }
    }

    fn destroyed(&mut self) -> Event {
        let owed = self.state().owed().cloned();
        let unclaimed = self.state().unclaimed().next().copied();
        let what = match (owed, unclaimed) {
            (Some(owed), _) if !self.random.one_in(10) => owed,
            (None, Some(unclaimed)) if !self.random.one_in(3) => Destroyed::result_of(unclaimed),
            _ => match self.random.below(8) {
                6 => Destroyed::RequestKey { key: self.some_request_key() },
                5 => Destroyed::Seals { epoch: self.epoch() },
                0 => Destroyed::request_of(self.some_delivery()),
                1 | 7 => Destroyed::result_of(self.some_delivery()),
                _ => Destroyed::Keys { domain: self.marked() },
            },
        };
        let how = [Means::Overwritten, Means::Absent, Means::Lost][self.random.below(3)];
        Event::Destroyed { what, how }
    }

    fn marked(&mut self) -> Name {
        let domains = self.state().domains();
        let marked = domains.iter().filter(|(_, of)| of.ended.is_some() && of.destroyed.is_none());
        let marked: Vec<Name> = marked.map(|(name, _)| name.clone()).collect();
        if marked.is_empty() { self.some_domain() } else { self.random.of(&marked).clone() }
    }

    /// An event of this type.
    pub(crate) fn event(&mut self, word: &str) -> Event {
        let run = self.pending_run();
        match word {
            "dealt" => self.dealt(),
            "received" => self.received(),
            "epoch-working" => self.works(),
            "proposed" => self.proposed(),
            "intent" => self.intent(),
            "cosigned" => self.cosigned(),
            "lapsed" => self.lapsed(),
            "opened" => Event::Opened { run, check: self.random.bytes() },
            "extended" => Event::Extended { run },
            "key-made" => {
                let known = self.state().domains().values().next();
                let known =
                    known.and_then(|domain| domain.keys.values().next()).map(|key| key.check);
                let again = known.filter(|_| self.random.one_in(6));
                Event::KeyMade { run, check: again.unwrap_or_else(|| self.random.bytes()) }
            }
            "coded" => {
                let part = self.part();
                let (rows, result) = (self.rows(part), self.commitment());
                Event::Coded { run, part, rows, result, rechecked: self.rechecked(rows) }
            }
            "renewed" => {
                let part = self.part();
                let (rows, result) = (self.rows(part), self.commitment());
                Event::Renewed { run, part, rows, result, rechecked: self.rechecked(rows) }
            }
            "abandoned" => Event::Abandoned { run },
            "closed" => Event::Closed { run },
            "examined" => Event::Examined { run },
            "registered" => Event::Registered { run },
            "request-key-issued" => self.request_key_issued(),
            "request-key-ended" => Event::RequestKeyEnded { key: self.some_request_key() },
            "failed" => Event::Failed { run, code: name("interrupted") },
            "unopened" => {
                let shares = match self.random.below(10) {
                    0 => Vec::new(),
                    1 => vec![name("person-2"), name("person-1")],
                    2 | 3 => vec![name("person-1"), name("person-2")],
                    _ => vec![name("person-1")],
                };
                Event::Unopened { run, shares }
            }
            "recovered" => Event::Recovered { home: None },
            "resumed" => self.resumed(),
            "rekeyed" => self.rekeyed(),
            "key-lost" => {
                let domain = self.some_domain();
                let known = self.state().domains().get(&domain);
                let newest = known.map_or(1, |domain| domain.generation().get());
                let generation = Self::generation(self.near(newest).max(1));
                Event::KeyLost { domain, generation }
            }
            "refused" => Event::Refused { verb: name("code"), code: name("unknown-domain") },
            "doubted" => self.doubted(),
            "delivered" => self.delivered(run),
            "destroyed" => self.destroyed(),
            "expiry-checked" => Event::ExpiryChecked {},
            "rehearsed" => {
                let mut steps = vec![Step::Founding, Step::Loss, Step::Expiry, Step::Audit];
                match self.random.below(6) {
                    0 => steps.clear(),
                    1 => steps.swap(1, 2),
                    2 => steps.push(Step::Audit),
                    _ => steps.truncate(1 + self.random.below(4)),
                }
                Event::Rehearsed { steps }
            }
            "ended" => {
                let past = self.state().to_mark(self.state().agreed_time().max(self.clock));
                let past = past.first().cloned();
                Event::Ended { domain: past.unwrap_or_else(|| self.some_domain()) }
            }
            _ => unreachable!("a word of the ledger"),
        }
    }
}
