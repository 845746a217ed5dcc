//! Random events, lawful and not, properly signed and appended to ledgers: the service's state
//! machine, the auditor over the whole file and the second implementation judge each alike.
//!
//! `CSTATNS_LONG` in the environment makes the walk ten times as long, and `CSTATNS_SEED` is the
//! number from which another one follows.

#[path = "walk/cast.rs"]
mod cast;
mod common;
#[path = "walk/events.rs"]
mod events;
#[path = "walk/flow.rs"]
mod flow;
#[path = "walk/flow_kinds.rs"]
mod flow_kinds;
#[path = "walk/kinds.rs"]
mod kinds;
mod second;

use std::collections::BTreeMap;
use std::path::Path;

use cstatns::card::ServiceCard;
use cstatns::coded::Coded as _;
use cstatns::dealing::Epoch;
use cstatns::ledger::event::{Event, FORMAT, Line};
use cstatns::name::canonical_json;
use cstatns::proposal::Action;
use cstatns::state::{Delivery, Fold, Snapshot, State, read_ledger_after};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use cast::Cast;
use common::scratch;
use kinds::{KINDS, kinds};
use second::{Book, Random, reference};

const WORDS: [&str; 31] = [
    "dealt",
    "abandoned",
    "received",
    "epoch-working",
    "proposed",
    "intent",
    "cosigned",
    "unopened",
    "lapsed",
    "opened",
    "extended",
    "key-made",
    "coded",
    "renewed",
    "closed",
    "examined",
    "failed",
    "refused",
    "doubted",
    "delivered",
    "destroyed",
    "expiry-checked",
    "ended",
    "recovered",
    "resumed",
    "key-lost",
    "rekeyed",
    "rehearsed",
    "registered",
    "request-key-issued",
    "request-key-ended",
];

/// Refusals of how requests come, where results go and who signs for them.
const FLOW_CODES: [&str; 13] = [
    "request-key-unknown",
    "request-key-other",
    "sender-role",
    "sent-for",
    "declaration-signature",
    "request-in-clear",
    "research-needs-party",
    "recipient-role",
    "recipient-other",
    "received-other",
    "received-unsigned",
    "received-by",
    "received-forked",
];

/// One ledger on its way.
struct Walk<'a> {
    cast: &'static Cast,
    random: &'a mut Random,
    fold: Fold,
    lines: Vec<Vec<u8>>,
    clock: Timestamp,
    /// Whether it is above all about parties, their requests and their results.
    of_parties: bool,
    /// Whether hardly any result arrives, and projects are closed: then they go with them.
    forgets: bool,
}

impl Walk<'_> {
    fn line(&self, clock: Timestamp, event: Event) -> Line {
        let history = self.fold.history();
        Line {
            format: FORMAT,
            service: self.cast.card.id().to_owned(),
            sequence: history.size() + 1,
            previous: history.last(),
            time: self.fold.state().map_or(clock, |state| state.time_of(clock, &event)),
            clock,
            event,
        }
    }

    /// The type of event that comes next: most often one that fits.
    fn word(&mut self) -> &'static str {
        let Some(state) = self.fold.state() else { return "dealt" };
        let verb = state.pending().map(|pending| match pending.question.action {
            Action::Open { .. } => "opened",
            Action::Extend { .. } => "extended",
            Action::Code { .. } => "coded",
            Action::NewKey { .. } => "key-made",
            Action::Renew { .. } => "renewed",
            Action::Close { .. } => "closed",
            Action::Examined { .. } => "examined",
            Action::Party { .. } => "registered",
            Action::Abandon { .. } => "abandoned",
            _ => "dealt",
        });
        let any = *self.random.of(&WORDS);
        let choice = self.random.below(10);
        let state = self.fold.state().unwrap();
        let is_past = !state.to_mark(self.clock).is_empty();
        let mut open = state.open_questions().values();
        let expired = open.any(|open| open.question.expires <= self.clock);
        let waits = |of: &Delivery| !of.delivered || of.is_unsigned_for();
        let waiting = !self.forgets && state.deliveries().values().any(waits);
        let has_parties = state.parties().values().any(|party| party.until.is_none());
        let has_keys = state.living_request_keys().next().is_some();
        let lacks_keys = self.of_parties && state.living_request_keys().count() < 6;
        let asks_little = state.open_questions().len() < 3;
        let is_owed = state.owed().is_some();
        let is_unclaimed = state.unclaimed().next().is_some();
        let is_complete = state.complete_epoch().is_some();
        let is_filling = state.pending_epoch().is_some();
        match (verb, choice) {
            (_, 0) => any,
            _ if state.recoveries().unseen && choice < 9 => "resumed",
            (None, 1..=7) if expired => "lapsed",
            (Some(verb), 4) if is_owed => verb,
            (_, 1..=3) if is_owed && is_complete => "epoch-working",
            (_, 5 | 6) if is_owed && is_filling && !is_complete => "received",
            _ if is_owed && choice < 7 => "destroyed",
            (Some(verb), 7) if is_owed => verb,
            (None, 5..=9) if is_unclaimed => "destroyed",
            (Some(_), 8) if is_owed => "failed",
            (None, 1..=6) if is_complete => "epoch-working",
            (None, 7) if is_complete && !state.open_questions().is_empty() => "intent",
            (None, 7 | 8) if is_complete => "proposed",
            _ if state.working_epoch().is_err() && choice < 8 => "received",
            (_, 8 | 9) if is_complete => "epoch-working",
            (Some(_), 2..=5 | 8 | 9) | (None, 7 | 8) if is_filling && !is_complete => "received",
            (Some(verb), 1..=5) => verb,
            (Some(_), 6) => "cosigned",
            (Some(_), 7) => "failed",
            (Some(_), 8) if waiting => "delivered",
            (Some(_), 9) => "unopened",
            (None, 1 | 2) if state.is_unconfirmed(self.clock) => "received",
            (None, 4) if self.of_parties && asks_little => "proposed",
            (None, 1..=4) if !state.open_questions().is_empty() => "intent",
            (None, 5) if has_parties && lacks_keys => "request-key-issued",
            (None, 6) if waiting && self.of_parties => "delivered",
            (None, 5 | 6) if is_past => "ended",
            (None, 7) if waiting => "delivered",
            (None, 6) if has_parties => "request-key-issued",
            (None, 9) if has_keys && !self.of_parties => "request-key-ended",
            (None, 8) if has_parties || state.epochs().len() > 1 => "received",
            (None, 1..=8) => "proposed",
            _ => any,
        }
    }

    /// How far the clock goes before the next event.
    fn pass(&mut self) {
        let marked = |state: &State| state.domains().values().any(|domain| domain.marked);
        let is_marked = self.fold.state().is_some_and(marked);
        // Most questions about parties are to be answered before they expire.
        let slow = self.of_parties && !self.random.one_in(3);
        let seconds = match self.random.below(100).max(if slow { 11 } else { 0 }) {
            0 => 45 * 86_400,
            11 | 12 if is_marked => -45 * 86_400,
            1 | 2 => 2 * 86_400,
            3 => 40 * 86_400,
            4 | 5 => -3_600,
            6 => -3 * 86_400,
            7..=10 => 5 * 3_600,
            11..=70 => 1 + self.random.below(600) as i64,
            _ => 0,
        };
        self.clock += SignedDuration::from_secs(seconds);
    }

    /// The next line to be judged.
    fn next(&mut self) -> Line {
        self.pass();
        let word = self.word();
        let event = self.event(word);
        let mut line = self.line(self.clock, event);
        // Some types are always lawful by themselves.
        let is_always = matches!(word, "refused" | "expiry-checked" | "recovered");
        match self.random.below(if is_always { 30 } else { 80 }) {
            0 => line.time += SignedDuration::from_secs(1),
            1 => line.time -= SignedDuration::from_secs(1),
            2 => line.time = line.clock,
            6 => line.time = self.fold.state().map_or(line.time, |state| state.time_at(line.clock)),
            7 => line.time = self.fold.state().map_or(line.time, |s| s.time().max(line.clock)),
            3 => line.sequence += 1,
            4 => line.previous = self.random.bytes(),
            5 => line.service = self.cast.stranger.id().to_owned(),
            _ => {}
        }
        line
    }

    /// The first line: of a dealing that is lawful most of the time.
    fn founding(&mut self) -> Line {
        let mut people: Vec<_> = self.cast.people.iter().take(4).collect();
        let (mut k, mut demo, mut epoch) = (3, !self.random.one_in(4), Epoch::FIRST);
        match self.random.below(16) {
            0 => k = 2,
            1 => people[3] = people[0],
            2 => people[3] = &self.cast.people[4],
            3 => (people[3], demo) = (&self.cast.people[5], false),
            4 => epoch = Epoch(2),
            5 => drop(people.pop()),
            _ => {}
        }
        let dealing = self.cast.dealing(epoch, k, &people, demo);
        self.line(
            self.clock,
            Event::Dealt { dealing: Box::new(dealing), keys: Vec::new(), request_keys: Vec::new() },
        )
    }
}

/// How often a type or a kind of event was judged lawful, and not.
type Seen = BTreeMap<&'static str, [usize; 2]>;

/// Walks until `events` lines were judged; in batches, each by one process of the second
/// implementation.
///
/// The auditor judges the whole file at the end of each ledger, and with one of `of_audits` lines
/// that are not lawful.
fn walk(events: usize, of_audits: usize, mut random: Random) -> Seen {
    let cast: &'static Cast = Box::leak(Box::new(Cast::new(&mut random)));
    let place = scratch();
    let mut seen = Seen::new();
    let (mut judged, mut number) = (0, 0);
    let mut audits = Random(1);
    while judged < events {
        let (mut questions, mut verdicts) = (String::new(), Vec::new());
        while verdicts.len() < 5_000 && judged + verdicts.len() < events {
            questions += &format!("{}\n", json!({"begin": cast.card}));
            let mut walk = Walk {
                cast,
                random: &mut random,
                fold: Fold::new(&cast.card),
                lines: Vec::new(),
                clock: "2026-01-05T09:00:00Z".parse().unwrap(),
                of_parties: number % 5 > 1,
                forgets: number % 5 == 1,
            };
            number += 1;
            for _ in 0..if walk.of_parties { 240 } else { 130 } {
                let line = if walk.lines.is_empty() { walk.founding() } else { walk.next() };
                let bytes = canonical_json(&line);
                let text = std::str::from_utf8(&bytes).unwrap();
                questions += &format!("{}\n", json!({"line": text}));
                let mut tried = walk.fold.clone();
                let refused = tried.push(&bytes).err();
                let kinds = walk.fold.state().map(|state| kinds(state, walk.fold.history(), &line));
                for kind in kinds.unwrap_or_default() {
                    seen.entry(kind).or_default()[usize::from(refused.is_some())] += 1;
                }
                let number = walk.lines.len() as u64 + 1;
                if let (Some(refused), true) = (&refused, audits.one_in(of_audits)) {
                    // The auditor over the whole file names this very line.
                    let mut lines = walk.lines.clone();
                    lines.push(bytes);
                    let (card, key) = (cast.card.clone(), cast.signs(walk.fold.state()));
                    let book = Book { card, key, lines };
                    let verdict = book.lay(place.path().join("ledger")).verdict();
                    assert_eq!(verdict.line, Some(number), "{refused}\n{}", verdict.why);
                } else if refused.is_none() {
                    walk.lines.push(bytes);
                    walk.fold = tried;
                }
                let word = line.event.word();
                seen.entry(word).or_default()[usize::from(refused.is_some())] += 1;
                let refused = refused.map(|refused| (refused.code(), refused.to_string()));
                verdicts.push((refused, line));
            }
            if !walk.lines.is_empty() {
                let (card, key) = (cast.card.clone(), cast.signs(walk.fold.state()));
                let Walk { lines, .. } = walk;
                let book = Book { card, key, lines };
                let verdict = book.lay(place.path().join("ledger")).verdict();
                assert!(verdict.holds, "{}", verdict.why);
                snapshots(cast, &book, &mut audits, &place.path().join("ledger/ledger.jsonl"));
            }
        }
        let answers = reference(&["--lines"], questions);
        assert_eq!(answers.len(), verdicts.len());
        for (answer, (refused, line)) in answers.iter().zip(&verdicts) {
            let line = serde_json::to_string(line).unwrap();
            assert_eq!(answer["holds"] == true, refused.is_none(), "{answer}, {refused:?}\n{line}");
            // How requests come and results go is refused by the same words.
            if let Some((code, why)) = refused
                && FLOW_CODES.contains(code)
                && answer["refused"] != "form"
            {
                assert_eq!(answer["refused"], *code, "{answer}, {why}\n{line}");
            }
        }
        judged += verdicts.len();
    }
    seen
}

/// The state that a ledger has is the one that a snapshot of its first lines and the rest have.
fn snapshots(cast: &Cast, book: &Book, random: &mut Random, path: &Path) {
    let bytes_of = |state: &State| serde_json::to_vec(state).unwrap();
    let mut fold = Fold::new(&book.card);
    let mut made = Vec::new();
    for line in &book.lines {
        fold.push(line).unwrap();
        if random.one_in(8) {
            let (state, key) = (fold.state().unwrap(), cast.signs(fold.state()));
            let card = ServiceCard::successor(book.card.id(), &key);
            made.push((card, Snapshot::make(fold.history(), state, &key)));
        }
    }
    let whole = bytes_of(fold.state().unwrap());
    for (card, snapshot) in made {
        let snapshot = Snapshot::read(&snapshot, &card).unwrap();
        let known = snapshot.head().size;
        let read = read_ledger_after(path, &book.card, Some(snapshot)).unwrap();
        assert_eq!(read.known, known, "the snapshot was not used");
        assert_eq!(read.history.leaves(), fold.history().leaves());
        assert_eq!(bytes_of(&read.state), whole, "after {known} events");
    }
}

#[test]
fn all_three_judge_each_event_alike() {
    let long = std::env::var_os("CSTATNS_LONG").is_some();
    let (events, of_audits, least) = if long { (200_000, 10, 25) } else { (20_000, 20, 1) };
    let seed = std::env::var("CSTATNS_SEED").map_or(2, |seed| seed.parse().unwrap());
    let seen = walk(events, of_audits, Random(seed));
    let mut rare = Vec::new();
    for word in WORDS {
        let [lawful, unlawful] = seen.get(word).copied().unwrap_or_default();
        if lawful < least || unlawful < least {
            rare.push(format!("{word}: {lawful} lawful, {unlawful} not"));
        }
    }
    for (kind, can_be_lawful) in KINDS.into_iter().chain(flow_kinds::KINDS) {
        let [lawful, unlawful] = seen.get(kind).copied().unwrap_or_default();
        let (enough, wrong) = if can_be_lawful { (lawful, 0) } else { (unlawful, lawful) };
        if enough < least || wrong > 0 {
            rare.push(format!("{kind}: {lawful} lawful, {unlawful} not"));
        }
    }
    assert!(rare.is_empty(), "{rare:#?}");
}
