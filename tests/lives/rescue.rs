//! The service is brought back: places and clock are put right, the home is recovered, and coding
//! goes on in every domain that lives.

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;

use cstatns::coded::Coded as _;
use cstatns::custody::custodian::{Kit, Remark};
use cstatns::domain::{KeyState, end_of};
use cstatns::service::{Recovery, ServiceError, Source, Sources};
use jiff::SignedDuration;

use crate::common::{name, read_lines};
use crate::history::Rule;
use crate::life::Life;
use crate::rules::whole_lines;

/// How a home came back.
pub(crate) const KINDS: [&str; 5] = [
    "needless",
    "from a copy, without custodians",
    "from a copy, with custodians",
    "from custodians",
    "stopped and repeated",
];

/// Which of the sources are used.
struct Hand {
    kits: Vec<usize>,
    from: Vec<PathBuf>,
    /// Whether it is everything that there is.
    is_last: bool,
    /// Whether custodians who have left come once more, with the kits that they still have.
    recalls: bool,
}

impl Life {
    /// Coding comes back, with every kit and source at hand.
    pub(crate) fn rescue(&mut self) {
        self.set_clock(SignedDuration::ZERO);
        if let Some((place, away)) = self.away.take() {
            fs::rename(away, place).unwrap();
        }
        self.look_amid();
        let lost = self.needs_recovery();
        if lost {
            self.recover();
        } else {
            self.stats.count("recovery", "needless");
            // An old home may have gone on where nobody has seen more.
            self.adopt();
        }
        self.choose_all();
        if let Err(error) = self.world.reopen() {
            self.fail(format!("the home does not open: {error}"));
        }
        self.look();
        self.doubt_again();
        self.code_again(lost);
        if lost {
            self.look_at_everything();
        }
    }

    /// Custodians state the doubts again that they miss in the ledger.
    fn doubt_again(&mut self) {
        let mut service = self.world.open();
        for kit in self.honest() {
            for remark in self.kit(kit).remarks(service.view()).unwrap() {
                let Remark::DoubtMissing { doubted, .. } = remark else { continue };
                let doubt = self.kit(kit).doubt(doubted, service.view(), service.now());
                let code = match doubt.map_err(ServiceError::from) {
                    Ok(doubt) => service.doubt(doubt).err().map(|error| error.code()),
                    Err(error) => Some(error.code()),
                };
                self.stats.count("doubt again", code.unwrap_or("recorded"));
            }
        }
        drop(service);
        self.look();
    }

    /// Every custodian who can be asked, for the date of the day.
    fn choose_all(&mut self) {
        self.choose();
        self.world.confirms.set(true);
    }

    fn needs_recovery(&mut self) -> bool {
        let service = match self.world.try_open() {
            Ok(service) => service,
            Err(error) => {
                let known = [
                    "home-old",
                    "identity-lost",
                    "home-unmarked",
                    "life-place",
                    "recovery-unfinished",
                    "file-missing",
                ];
                if !known.contains(&error.code()) {
                    self.fail(format!("the home does not open: {}: {error}", error.code()));
                }
                self.say(format!("needs recovery: {}", error.code()));
                return true;
            }
        };
        let lost = self.places().iter().any(|place| !place.exists());
        let refuses = |kit: &usize| self.kit(*kit).remarks(service.view()).is_err();
        let refused = self.honest().iter().any(refuses);
        let state = service.state();
        let gone = state.domains().iter().any(|(name, domain)| {
            let mut kept = domain.keys.iter().filter(|(_, key)| key.state != KeyState::Lost);
            domain.destroyed.is_none()
                && !domain.marked
                && kept.any(|(generation, _)| {
                    !self.has_key(&(name.as_str().to_owned(), generation.get()), &[])
                })
        });
        drop(service);
        // Nobody at hand need have seen what was published.
        let published = self.world.path("published/ledger.jsonl");
        let home = whole_lines(&self.world.home().join("ledger.jsonl"));
        let ahead = published.exists() && !home.starts_with(&whole_lines(&published));
        self.say(format!(
            "places lost: {lost}, a custodian refuses: {refused}, keys gone: {gone}, published \
            more: {ahead}"
        ));
        lost || refused || gone || ahead
    }

    fn recover(&mut self) {
        let kept = self.places().iter().any(|place| self.is_whole(place));
        let mut from: Vec<PathBuf> =
            self.backups.iter().map(|backup| backup.path().to_owned()).collect();
        let published = self.world.path("published");
        from.extend(published.join("checkpoint").exists().then_some(published));
        // An older copy of a kit is told by the paper. Where a copy of the ledger is left, it does
        // no harm.
        let mut safe = self.honest();
        safe.retain(|kit| kept || !self.is_stale(*kit));
        let mut hands = VecDeque::new();
        for _ in 0..self.random.below(3) {
            let (mut kits, mut from) = (safe.clone(), from.clone());
            self.random.shuffle(&mut kits);
            // Too few, or so many that no more than n - k are left behind in all.
            kits.truncate(self.random.of(&[0, 0, self.k - 1, self.k, self.k]).unwrap());
            // What is published is at hand for everybody.
            let published = from.pop();
            self.random.shuffle(&mut from);
            from.truncate(self.random.below(from.len() + 1));
            from.extend(published);
            hands.push_back(Hand { kits, from, is_last: false, recalls: false });
        }
        hands.push_back(Hand { kits: safe, from, is_last: true, recalls: false });
        while let Some(hand) = hands.pop_front() {
            match self.try_hand(&hand) {
                Ok(true) => {
                    self.say(format!("recovered with kits {:?}", hand.kits));
                    if self.left_behind(&hand, kept) {
                        break;
                    }
                    self.say("custodians who were not there have seen more".to_owned());
                }
                Ok(false) if hand.is_last => {
                    self.stats.count("seen", "custodians who have left are recalled");
                    hands.push_back(Hand { recalls: true, ..hand });
                }
                Ok(false) => self.stats.count("not recovered", "keys may be elsewhere"),
                // What the last of a dealing has seen does not say that it works: then k custodians
                // of the one before it must follow.
                Err(error)
                    if error.code() == "recovery-kits"
                        && hand.is_last
                        && !hand.recalls
                        && !self.left.is_empty() =>
                {
                    self.stats.count("seen", "custodians who have left are recalled");
                    hands.push_back(Hand { recalls: true, ..hand });
                }
                Err(error) if hand.is_last => {
                    self.fail(format!("everything is at hand: {}: {error}", error.code()));
                }
                Err(error) => {
                    self.say(format!("kits {:?}: {}", hand.kits, error.code()));
                    self.stats.count("not recovered", error.code());
                    if !["recovery-kits", "ledger-branches"].contains(&error.code()) {
                        self.fail(format!("cannot recover: {}: {error}", error.code()));
                    }
                }
            }
        }
        self.adopt();
    }

    /// The home's ledger is the service's, whatever it was before.
    fn adopt(&mut self) {
        self.ledger = self.world.ledger();
        self.known.ledger = whole_lines(&self.world.home().join("ledger.jsonl"));
    }

    fn recovery(&self, hand: &Hand) -> Result<Recovery, ServiceError> {
        let mut kits: Vec<Kit> = hand.kits.iter().map(|kit| self.kit(*kit)).collect();
        if hand.recalls {
            kits.extend(self.left.iter().map(|kit| Kit::open(kit, None).unwrap()));
        }
        let sources = Sources {
            from: hand.from.clone(),
            kits,
            life: self.world.life.clone(),
            mirrors: self.mirror.iter().cloned().collect(),
        };
        Recovery::look(&self.world.home(), sources, self.world.clock.clone())
    }

    /// Recovers, unless keys that would be recorded as lost may lie in a source that is not at
    /// hand.
    fn try_hand(&mut self, hand: &Hand) -> Result<bool, ServiceError> {
        let recovery = self.recovery(hand)?;
        let plan = recovery.plan.clone();
        let mut others = hand.from.clone();
        others.extend(self.mirror.clone());
        // That a key is lost is for a quorum to say: of the dealing that works, by this ledger.
        let is_unsaid = !plan.lost_keys.is_empty() && !plan.records_lost;
        let may_recall = !hand.recalls && !self.left.is_empty();
        if !plan.lost_keys.is_empty() && !hand.is_last || is_unsaid && may_recall {
            return Ok(false);
        }
        for lost in plan.lost_keys.iter().filter(|_| plan.records_lost) {
            let key = (lost.domain.as_str().to_owned(), lost.generation.get());
            if self.state().domain(&lost.domain).is_ok() && self.has_key(&key, &others) {
                self.breaks(Rule::KeyKept, format!("{key:?} is called lost, and is there"));
            }
            self.stats.count("seen", "key lost");
        }
        let kind = match (plan.needs_kits, &plan.source) {
            (false, _) if hand.kits.is_empty() => "from a copy, without custodians",
            (_, Source::Kit(_)) => "from custodians",
            _ => "from a copy, with custodians",
        };
        if self.random.one_in(3) {
            let (stop, clock) = (self.halt(0, 60), self.world.clock.clone());
            match stop.during(&clock, || recovery.carry_out(Some(&read_lines)).map(drop)) {
                Some(Ok(())) => {}
                _ => {
                    self.stats.count("recovery", "stopped and repeated");
                    self.recovery(hand)?.carry_out(Some(&read_lines))?;
                }
            }
        } else {
            recovery.carry_out(Some(&read_lines))?;
        }
        self.stats.count("recovery", kind);
        Ok(true)
    }

    /// Who was at hand follows; who was not may have seen what is lost now. A recovery that no
    /// quorum has seen leaves nobody behind, and is made again with them: false.
    fn left_behind(&mut self, hand: &Hand, kept: bool) -> bool {
        let ledger = self.world.ledger();
        let head = |kit: &usize| self.shown(*kit).head.unwrap();
        let (follow, other): (Vec<usize>, Vec<usize>) =
            self.honest().into_iter().partition(|kit| ledger.history.includes(&head(kit)));
        let seen = ledger.state.recoveries().events.last().copied().unwrap_or(0);
        let bound = follow.iter().filter(|kit| head(kit).size >= seen).count() >= self.k;
        if !bound && !hand.is_last && !other.is_empty() {
            return false;
        }
        for kit in other {
            if kept || hand.kits.contains(&kit) {
                self.fail(format!("custodian {} is locked out by a recovery", kit + 1));
            }
            self.cut.insert(kit);
            self.stats.count("seen", "left behind");
        }
        if self.cut.len() > self.n() - self.k {
            self.fail(format!("{} custodians are left behind", self.cut.len()));
        }
        true
    }

    /// Every domain codes again, unless it has ended or a key of its chain is lost for good; where
    /// nothing was lost, one of them.
    pub(crate) fn code_again(&mut self, all: bool) {
        let mut domains: Vec<String> =
            self.state().domains().keys().map(|name| name.as_str().to_owned()).collect();
        self.random.shuffle(&mut domains);
        domains.retain(|domain| !self.has_ended(domain));
        self.settle_dealing();
        domains.truncate(if all { domains.len() } else { 1 });
        let coded = self.stats.of("seen", "code");
        for domain in domains {
            for _ in 0..4 {
                if self.bring_back(&domain) {
                    break;
                }
                self.look();
            }
            self.look();
        }
        if self.stats.of("seen", "code") == coded {
            // A run sets the clock right, also where nothing is left to code.
            self.choose_all();
            let domain = self.file();
            let doubted = self.state().custody_doubted().is_some();
            let examined = if doubted { self.examine(None) } else { Ok(()) };
            if let Err(error) = examined.and_then(|()| self.world.statistics(&domain)) {
                self.fail(format!("no domain can be opened: {}: {error}", error.code()));
            }
            self.look();
        }
    }

    /// A dealing that waits begins, or is given up: nothing new is opened before.
    fn settle_dealing(&mut self) {
        self.choose_all();
        let begins = self.random.one_in(2);
        if begins && let Err(error) = self.receive(true) {
            self.stats.count("dealing not begun", error.code());
        }
        self.look();
        if let Some((epoch, _)) = self.state().pending_epoch() {
            self.choose_all();
            if let Err(error) = self.world.abandon(epoch.0) {
                self.fail(format!("a dealing cannot be given up: {}: {error}", error.code()));
            }
            self.look();
        }
    }

    fn has_ended(&self, domain: &str) -> bool {
        let known = self.state().domain(&name(domain)).unwrap();
        let past = known.ends().is_some_and(|ends| self.truth >= end_of(ends));
        known.marked || known.closed || known.destroyed.is_some() || past
    }

    /// One step; whether it was the last.
    fn bring_back(&mut self, domain: &str) -> bool {
        self.choose_all();
        let known = self.state().domain(&name(domain)).unwrap().clone();
        let lost =
            |(_, key): (_, &cstatns::state::Key)| key.state == KeyState::Lost && !key.left_out;
        let (step, outcome) = if known.keys.iter().any(lost) {
            self.stats.count("seen", "domain with a gap");
            return true;
        } else if self.state().custody_doubted().is_some() {
            ("examine", self.examine(None))
        } else if known.active().state == KeyState::Lost {
            if known.kind.is_research() && known.newest_kept().is_none() {
                self.stats.count("seen", "project without keys");
                return true;
            }
            ("new key", self.new_key_of(domain))
        } else if known.active().compromised {
            // A doubt about the custody leaves the keys doubted that it was about.
            let about_it = !self.state().doubts_about(Some(&name(domain))).is_empty();
            match about_it && self.random.one_in(2) {
                true => ("examine", self.examine(Some(domain))),
                false => ("new key", self.new_key_of(domain)),
            }
        } else {
            let people = self.people();
            ("code", self.code_in(domain, people))
        };
        if let Err(error) = outcome {
            self.fail(format!(
                "{step} in `{domain}` does not come back: {}: {error}",
                error.code()
            ));
        }
        step == "code"
    }
}
