//! What must hold of a life, by rules of their own: they read files and lines, and ask the program
//! for nothing but what the ledger says.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use cstatns::audit;
use cstatns::checkpoint::Head;
use cstatns::code::{Code, Generation};
use cstatns::dealing::Epoch;
use cstatns::domain::{KeyState, Kind, end_of};
use cstatns::evidence::{Stated, is_answered};
use cstatns::keystore::KeyLabel;
use cstatns::ledger::event::{Destroyed, Event, Line};
use cstatns::name::canonical_json;
use cstatns::proposal::Action;
use cstatns::receipt::{Doubt, Doubted};
use cstatns::service::Clock as _;
use cstatns::state::{ReadLedger, State, doubt_digest, read_ledger};
use jiff::{SignedDuration, Timestamp};

use crate::history::{Broken, Rule, judge};
use crate::life::{DAY, Life};

/// A key, as the ledger names it.
pub(crate) type Key = (String, u32);

/// What is known of all that happened, also of what was lost since.
#[derive(Default)]
pub(crate) struct Known {
    checks: BTreeMap<Key, String>,
    codes: BTreeMap<(Key, &'static str), Code>,
    coded: BTreeMap<String, (Key, &'static str)>,
    /// The ledger of the service: an old home is not it.
    pub ledger: Vec<u8>,
    lines: HashSet<Vec<u8>>,
    /// What k custodians have seen.
    quorum: Option<Head>,
}

impl Known {
    /// The generations of a domain of which there are codes.
    pub(crate) fn generations(&self, domain: &str) -> impl Iterator<Item = u32> {
        let keys: BTreeSet<&Key> = self.codes.keys().map(|(key, _)| key).collect();
        keys.into_iter().filter(move |(of, _)| of == domain).map(|(_, generation)| *generation)
    }

    /// The codes of a generation, and whose they are.
    pub(crate) fn codes_of(&self, domain: &str, generation: u32) -> (Vec<&'static str>, Vec<Code>) {
        let key = (domain.to_owned(), generation);
        let codes = self.codes.iter().filter(|((of, _), _)| *of == key);
        codes.map(|((_, person), code)| (*person, *code)).unzip()
    }
}

/// The whole lines of a ledger in a file.
pub(crate) fn whole_lines(path: &Path) -> Vec<u8> {
    let mut bytes = fs::read(path).unwrap_or_default();
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    bytes.truncate(end);
    bytes
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

impl Life {
    /// After an act of a healthy service.
    pub(crate) fn look(&mut self) {
        self.look_amid();
        let home = whole_lines(&self.world.home().join("ledger.jsonl"));
        if self.known.ledger != home {
            self.fail("the home's ledger is not the service's".to_owned());
        }
        for place in self.places() {
            if whole_lines(&place.join("ledger.jsonl")) != home {
                self.fail(format!("the copy in {place:?} is another"));
            }
        }
        for kit in self.honest() {
            let head = self.shown(kit).head.unwrap();
            if !self.ledger.history.includes(&head) {
                self.fail(format!("custodian {} is locked out", kit + 1));
            }
        }
        for key in self.living_keys() {
            if !self.has_key(&key, &[]) {
                self.breaks(Rule::KeyKept, format!("the living key {key:?} is gone"));
            }
        }
        self.look_at_epochs();
    }

    /// k custodians hold shares of the working epoch, and no seal lies there that another root
    /// opens.
    fn look_at_epochs(&self) {
        let working = self.state().working_epoch().unwrap().0;
        let holders = self.honest().into_iter().filter(|kit| self.kit(*kit).holds_share(working));
        if holders.count() < self.k {
            self.fail(format!("fewer than {} custodians hold shares of epoch {working}", self.k));
        }
        let pending = self.state().pending_epoch().map(|(epoch, _)| epoch);
        for place in std::iter::once(self.world.home()).chain(self.mirror.clone()) {
            let Ok(seals) = fs::read_dir(place.join("keys")) else { continue };
            for seal in seals {
                let seal = seal.unwrap().file_name().into_string().unwrap();
                let Some(epoch) =
                    seal.strip_suffix(".key").and_then(|seal| seal.rsplit('.').next())
                else {
                    continue;
                };
                let epoch = epoch.parse().map(Epoch).unwrap();
                if epoch != working && Some(epoch) != pending {
                    let why = format!("{seal} lies in {place:?}, and epoch {working} works");
                    self.breaks(Rule::OldEpochShut, why);
                }
            }
        }
    }

    /// After whatever happened: what a home says that may be an old one, and what came out of it.
    pub(crate) fn look_amid(&mut self) {
        self.look_at_results();
        let path = self.world.home().join("ledger.jsonl");
        let own = whole_lines(&path);
        let read = match own.starts_with(&self.known.ledger) && !self.known.ledger.is_empty() {
            true => {
                let (history, state) = (self.ledger.history.clone(), self.ledger.state.clone());
                ReadLedger::catch_up(&path, history, state, self.known.ledger.len() as u64)
            }
            false => read_ledger(&path, self.state().service()),
        };
        let Ok(ledger) = read else { return };
        // A line that is not signed for yet does not count.
        if ledger.uncovered || ledger.torn {
            return;
        }
        for (name, domain) in ledger.state.domains() {
            for (generation, key) in &domain.keys {
                let of = (name.as_str().to_owned(), generation.get());
                let check = key.check.to_string();
                let known = self.known.checks.entry(of.clone()).or_insert_with(|| check.clone());
                if *known != check {
                    self.breaks(Rule::OneActive, format!("two keys have the number {of:?}"));
                }
            }
            let active = domain.keys.values().filter(|key| key.state == KeyState::Active).count();
            if active > 1 {
                self.breaks(Rule::OneActive, format!("{active} in `{name}`"));
            }
        }
        let new: Vec<Vec<u8>> = lines(&own)
            .filter(|line| !self.known.lines.contains(*line))
            .map(<[u8]>::to_vec)
            .collect();
        for line in new {
            let event = serde_json::from_slice::<Line>(&line).unwrap().event;
            self.look_at_event(&ledger.state, &event);
            self.known.lines.insert(line);
        }
        if own.starts_with(&self.known.ledger) {
            self.known.ledger = own;
            self.ledger = ledger;
            self.succeed();
            self.look_at_paper();
        }
    }

    /// What was recorded just now, at this true time and under this clock.
    fn look_at_event(&self, state: &State, event: &Event) {
        let end = |domain| state.domain(domain).ok().and_then(|known| known.ends()).map(end_of);
        let clock = self.world.clock.now();
        match event {
            Event::Coded { run, part, .. } | Event::Renewed { run, part, .. } => {
                let id = cstatns::delivery::DeliveryId { run: *run, part: *part };
                let domain = &state.deliveries()[&id].domain;
                if end(domain).is_some_and(|end| clock >= end) {
                    self.fail(format!("`{domain}` codes after its end"));
                }
            }
            Event::Ended { domain } => {
                let early = end(domain).is_some_and(|end| self.truth < end);
                if early && self.offset <= SignedDuration::ZERO {
                    self.fail(format!("`{domain}` is marked before its end"));
                }
            }
            Event::Destroyed { what: Destroyed::Keys { domain }, .. } => {
                let closed = state.domain(domain).is_ok_and(|known| known.closed);
                let early = end(domain).is_some_and(|end| self.truth < end);
                if early && !closed && self.offset <= SignedDuration::ZERO {
                    self.fail(format!("the keys of `{domain}` are destroyed before its end"));
                }
            }
            _ => {}
        }
    }

    /// The codes that the runs of this act have put out, recorded or not.
    fn look_at_results(&mut self) {
        for asked in std::mem::take(&mut self.asked) {
            let path = self.world.path(&format!("{}.result", asked.file));
            let Ok(text) = fs::read_to_string(path) else { continue };
            let codes: Vec<Code> =
                text.lines().map(|line| Code::parse(line.as_bytes()).unwrap()).collect();
            assert_eq!(codes.len(), asked.people.len());
            for (code, person) in codes.into_iter().zip(asked.people) {
                let key = (asked.domain.clone(), code.generation().get());
                let (text, of) = (code.text(), (key.clone(), person));
                let known = self.known.codes.entry(of.clone()).or_insert(code).text();
                if known != text {
                    self.fail(format!("somebody has two codes under {key:?}"));
                }
                let coded = self.known.coded.entry(text).or_insert_with(|| of.clone());
                if *coded != of {
                    self.fail(format!("a code of {key:?} stands for two"));
                }
            }
        }
    }

    /// What custodians keep on paper, and what k of them have seen: it stays.
    fn look_at_paper(&mut self) {
        let mut sizes = Vec::new();
        for kit in self.honest().into_iter().filter(|kit| !self.is_stale(*kit)).collect::<Vec<_>>()
        {
            self.paper[kit] = self.shown(kit);
            let head = self.paper[kit].head.filter(|head| self.ledger.history.includes(head));
            sizes.extend(head.map(|head| head.size));
        }
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        if let Some(before) = &self.known.quorum
            && !self.ledger.history.includes(before)
        {
            self.fail(format!("{} events that a quorum has seen are gone", before.size));
        }
        let seen = sizes.get(self.k - 1).and_then(|size| self.ledger.history.head_at(*size));
        let longer =
            seen.filter(|seen| self.known.quorum.is_none_or(|known| seen.size > known.size));
        self.known.quorum = longer.or(self.known.quorum);
    }

    /// The keys that are there by the ledger, but of projects that were found past their end.
    pub(crate) fn living_keys(&self) -> Vec<Key> {
        let living = self.state().domains().iter();
        let living = living.filter(|(_, domain)| domain.destroyed.is_none() && !domain.marked);
        let keys = living.flat_map(|(name, domain)| {
            let kept = |(_, key): &(&Generation, &cstatns::state::Key)| {
                !matches!(key.state, KeyState::Lost | KeyState::Destroyed)
            };
            let kept = domain.keys.iter().filter(kept);
            kept.map(|(generation, _)| (name.as_str().to_owned(), generation.get()))
        });
        keys.collect()
    }

    /// Whether the seal of a key lies in the home or in one of `others`, and a project's life
    /// secret in a place.
    pub(crate) fn has_key(&self, key: &Key, others: &[PathBuf]) -> bool {
        let (domain, generation) = key;
        let epoch = self.state().working_epoch().unwrap().0;
        let home = self.world.home();
        let sealed = std::iter::once(&home).chain(others).any(|place| {
            let bytes = fs::read(place.join(format!("keys/{domain}.{generation}.{epoch}.key")));
            let seal: Option<serde_json::Value> =
                bytes.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
            let label = seal
                .and_then(|seal| serde_json::from_value::<KeyLabel>(seal["label"].clone()).ok());
            label.is_some_and(|label| self.known.checks.get(key) == Some(&label.check.to_string()))
        });
        let known = self.state().domain(&crate::common::name(domain)).unwrap();
        let lives = self.world.lives();
        let mut lives = lives.iter().map(|place| place.join(format!("{domain}.life")));
        sealed && (!known.kind.is_research() || lives.any(|life| life.exists()))
    }

    /// The whole ledger: the auditor and the service agree, and no line breaks a promise.
    pub(crate) fn look_at_everything(&mut self) {
        let path = self.world.home().join("ledger.jsonl");
        let evidence = crate::common::scratch();
        let mut witnesses = Vec::new();
        for kit in self.honest() {
            let path = evidence.path().join(format!("{kit}.json"));
            fs::write(&path, canonical_json(&self.kit(kit).evidence().unwrap())).unwrap();
            witnesses.push(path);
        }
        let audit = match audit::verify(&path, self.state().service(), &[], &witnesses) {
            Ok(audit) => audit,
            Err(error) => self.breaks(Rule::Audited, error),
        };
        let failures: Vec<_> = audit.failures().collect();
        let missing = failures.iter().filter(|failure| failure.code == "doubt-missing").count();
        if failures.len() > missing || missing != self.doubts_missing() {
            self.breaks(Rule::Audited, format!("{failures:?}"));
        }
        let state = self.state();
        assert_eq!(audit.events, self.ledger.history.size());
        assert_eq!((audit.covered, audit.sound), (Some(audit.events), audit.events));
        assert_eq!(audit.last, Some(state.time()));
        assert_eq!(audit.domains.len(), state.domains().len());
        for summary in &audit.domains {
            let domain = state.domain(&summary.domain).unwrap();
            assert_eq!(summary.generation, domain.generation());
            assert_eq!((summary.ends, summary.destroyed), (domain.ends(), domain.destroyed));
        }
        assert_eq!(audit.deliveries.made, state.deliveries().len() as u64);
        let own: Vec<Line> =
            lines(&self.known.ledger).map(|line| serde_json::from_slice(line).unwrap()).collect();
        match judge(&own) {
            Err(Broken(rule, why)) => self.breaks(rule, why),
            Ok(shut) if shut.contains(&self.state().working_epoch().unwrap().0) => {
                self.breaks(Rule::OldEpochShut, "the seals of the working epoch are destroyed")
            }
            Ok(_) => {}
        }
        self.scan();
    }

    /// The doubts that kits remember, did not state anew, and the ledger cannot take: about what it
    /// does not hold, or what is destroyed.
    fn doubts_missing(&self) -> usize {
        let recorded = self.state().doubts();
        let is_recorded = |doubt: &Doubt| recorded.contains_key(&doubt_digest(doubt));
        let unanswered = |kit: usize| -> Vec<Doubt> {
            let kit = self.kit(kit);
            let doubts = kit.statements().iter().filter_map(|stated| match stated {
                Stated::Doubt { doubt } => Some(doubt),
                _ => None,
            });
            let missing = doubts.filter(|doubt| !is_answered(doubt, kit.statements(), is_recorded));
            missing.map(|doubt| (**doubt).clone()).collect()
        };
        let missing = self.honest().into_iter().flat_map(unanswered);
        let again = |doubt: &Doubt| {
            let mut all = recorded.values();
            all.any(|known| known.by == doubt.body.by && known.about == doubt.body.about)
        };
        let missing = missing.inspect(|doubt| {
            let lives = match &doubt.body.about {
                Doubted::Key { domain, generation } => {
                    self.state().domain(domain).is_ok_and(|known| {
                        known.destroyed.is_none() && known.key(*generation).is_some()
                    })
                }
                Doubted::Custody { .. } => true,
            };
            if lives && !again(doubt) {
                self.fail(format!("a doubt is not recorded: {:?}", doubt.body.about));
            }
        });
        missing.count()
    }

    /// No expired or closed project codes, no key is destroyed without its day of grace, and no
    /// clock is believed that nobody has confirmed.
    fn scan(&self) {
        let mut actions = BTreeMap::new();
        let (mut ends, mut ended) = (BTreeMap::new(), BTreeMap::new());
        let (mut dead, mut closed) = (BTreeSet::new(), BTreeSet::new());
        let mut before: Option<Timestamp> = None;
        for bytes in lines(&self.known.ledger) {
            let Line { sequence, time, clock, event, .. } = serde_json::from_slice(bytes).unwrap();
            let agreed = time.min(clock);
            let confirms = matches!(event, Event::Intent { .. } | Event::Received { .. });
            if let Some(before) = before.filter(|_| !confirms)
                && (time < before || time.duration_since(before) > DAY * 40)
            {
                self.fail(format!("event {sequence} moves the time from {before} to {time}"));
            }
            before = Some(time);
            ended.retain(|name, mark: &mut Timestamp| {
                *mark = agreed.min(*mark);
                agreed >= ends[name]
            });
            match event {
                Event::Proposed { question } => {
                    actions.insert(question.run, question.action);
                }
                Event::Opened { run, .. } => {
                    if let Action::Open { domain, kind: Kind::Research { ends: day }, .. } =
                        &actions[&run]
                    {
                        ends.insert(domain.clone(), end_of(*day));
                    }
                }
                Event::Extended { run } => {
                    if let Action::Extend { domain, ends: day } = &actions[&run] {
                        ends.insert(domain.clone(), end_of(*day));
                    }
                }
                Event::Ended { domain } => {
                    if agreed < ends[&domain] {
                        self.fail(format!("event {sequence} marks `{domain}` before its end"));
                    }
                    ended.insert(domain.clone(), agreed);
                    dead.insert(domain);
                }
                Event::Closed { run } => {
                    let domain = actions[&run].domain().unwrap().clone();
                    closed.insert(domain.clone());
                    dead.insert(domain);
                }
                Event::Destroyed { what: Destroyed::Keys { domain }, .. } => {
                    let waited = ended.get(&domain).is_some_and(|mark| agreed >= *mark + DAY);
                    if !waited && !closed.contains(&domain) {
                        self.fail(format!(
                            "event {sequence} destroys the keys of `{domain}` at once"
                        ));
                    }
                    dead.insert(domain);
                }
                Event::Coded { run, .. } | Event::Renewed { run, .. } => {
                    let domain = actions[&run].domain().unwrap();
                    if dead.contains(domain) || ends.get(domain).is_some_and(|end| time >= *end) {
                        self.fail(format!("event {sequence} codes in `{domain}`, which has ended"));
                    }
                }
                _ => {}
            }
        }
    }

    /// The service goes on, and every custodian checks it.
    pub(crate) fn the_end(&mut self) {
        for kit in self.honest() {
            let mut service = self.world.open();
            let receipt = match self.kit(kit).check(service.view(), self.truth) {
                Ok(receipt) => receipt,
                Err(error) => self.fail(format!("custodian {} at the end: {error}", kit + 1)),
            };
            service.receipt(receipt).unwrap();
        }
        self.look();
        self.look_at_everything();
    }
}
