//! What is known of dealings, domains, keys and deliveries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use cstatns_base::code::Generation;
use cstatns_base::commitment::Commitment;
use cstatns_base::domain::{CheckValue, GRACE, KeyState, Kind, due, end_of};
use cstatns_base::identifier::Scheme;
use cstatns_base::look_up::LookUp;
use cstatns_base::name::{Hex, Name};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::checkpoint::Cosignature;
use crate::dealing::{Dealing, Epoch, Seat};
use crate::ledger::event::{KeyRef, Lapse, SealedRef, SealedRequestKey};
use crate::proposal::{Question, Roster};
use crate::receipt::Doubted;

use super::Approved;

/// One dealing and what became of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EpochState {
    /// The dealing.
    pub dealing: Dealing,
    /// The number of the event that recorded it.
    pub since: u64,
    /// Who has stated that they hold their share.
    pub held: BTreeSet<Name>,
    /// Whether it is recorded that it works.
    pub working: bool,
    /// Who consented to the dealing; nobody to the first.
    pub by: Vec<Name>,
    /// The keys that the dealing sealed under its root.
    pub keys: Vec<SealedRef>,
    /// The request keys that it sealed to its receiving key.
    pub request_keys: Vec<SealedRequestKey>,
    /// Whether the dealing was given up before it worked: its receipts count no more.
    pub abandoned: bool,
    /// The number of the event since which it is over: another epoch works, or it is abandoned.
    pub until: Option<u64>,
    /// Who has stated that their share is destroyed.
    pub forgotten: BTreeSet<Name>,
    /// The fingerprints of the cards in the roster, once somebody asked for one: every statement
    /// names one, and a card is long.
    #[serde(skip)]
    pub(super) cards: OnceLock<Vec<Hex<32>>>,
}

impl EpochState {
    /// The custodians' seats, each with the fingerprint of its card.
    pub(super) fn seats(&self) -> impl Iterator<Item = (&Seat, &Hex<32>)> {
        let roster = &self.dealing.roster;
        let fingerprint = |seat: &Seat| seat.card.fingerprint();
        roster.iter().zip(self.cards.get_or_init(|| roster.iter().map(fingerprint).collect()))
    }

    /// The custodians whose receipt is missing.
    pub fn missing(&self) -> Vec<Name> {
        let names = self.dealing.roster.iter().map(|seat| &seat.card.body.name);
        names.filter(|name| !self.held.contains(name)).cloned().collect()
    }
}

impl Roster for EpochState {
    fn dealing(&self) -> &Dealing {
        &self.dealing
    }

    fn seat_with(&self, by: &Name, card: &Hex<32>) -> Option<&Seat> {
        let seat = self.seats().find(|(_, known)| *known == card).map(|(seat, _)| seat);
        seat.filter(|seat| seat.card.body.name == *by)
    }
}

/// A domain.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Domain {
    /// What it is for.
    pub kind: Kind,
    /// The fewest distinct values of a run.
    pub minimum_batch: u32,
    /// The legal basis, as its reference.
    pub authorisation: Option<Name>,
    /// Its keys, by generation.
    pub keys: BTreeMap<Generation, Key>,
    /// Generations whose key may have been made in a run that a recovery ended: never used again.
    pub burnt: BTreeSet<Generation>,
    /// When the project was found past its end, by a clock that has not been put right since.
    pub ended: Option<Timestamp>,
    /// Whether it was ever found past its end: it is not used again, even if the clock was wrong.
    pub marked: bool,
    /// Whether a quorum closed the project before its end.
    pub closed: bool,
    /// When its keys were destroyed.
    pub destroyed: Option<Timestamp>,
}

/// One key of a domain.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Key {
    /// Its check value.
    pub check: CheckValue,
    /// When it was made.
    pub made: Timestamp,
    /// What it may be used for.
    pub state: KeyState,
    /// Whether it was doubted.
    pub compromised: bool,
    /// The epoch in which it was made.
    pub epoch: Epoch,
    /// The number of the event that recorded that its seal is lost.
    pub lost: Option<u64>,
    /// Whether it is lost, and every later one with it: the codes of later generations are made
    /// without it (SPEC §4.3).
    pub left_out: bool,
}

impl Domain {
    /// The generation of the present codes.
    pub fn generation(&self) -> Generation {
        *self.keys.last_key_value().expect("a domain has a key").0
    }

    /// The generation that its next key makes.
    pub fn next_generation(&self) -> Generation {
        self.burnt.last().copied().unwrap_or(Generation::FIRST).max(self.generation()).next()
    }

    /// The generations that later ones leave out (SPEC §4.3), ascending: their keys are lost with
    /// every later one, or may have been made in a run that a recovery ended.
    pub fn left_out(&self) -> Vec<Generation> {
        let keys =
            self.keys.iter().filter(|(_, key)| key.left_out).map(|(generation, _)| generation);
        let all: BTreeSet<Generation> = keys.chain(&self.burnt).copied().collect();
        all.into_iter().collect()
    }

    /// The generations whose keys make codes of generation `to`, in their order: of identifiers, or
    /// of codes of generation `from` (SPEC §4.3). A generation that is left out is not among them.
    pub fn chain(
        &self,
        from: Option<Generation>,
        to: Generation,
    ) -> impl Iterator<Item = Generation> {
        let after = move |generation: Generation| from.is_none_or(|from| generation > from);
        let keys = self.keys.iter().filter(|(_, key)| !key.left_out);
        keys.map(|(generation, _)| *generation)
            .filter(move |generation| after(*generation) && *generation <= to)
    }

    /// The newest generation whose key is not lost.
    pub fn newest_kept(&self) -> Option<Generation> {
        let kept = self.keys.iter().rev().find(|(_, key)| key.state != KeyState::Lost);
        kept.map(|(generation, _)| *generation)
    }

    /// The key of the present generation.
    pub fn active(&self) -> &Key {
        self.keys.last_key_value().expect("a domain has a key").1
    }

    /// The key of `generation`.
    pub fn key(&self, generation: Generation) -> Option<&Key> {
        self.keys.get(&generation)
    }

    /// The project's last day; none for statistics.
    pub fn ends(&self) -> Option<Date> {
        match self.kind {
            Kind::Research { ends } => Some(ends),
            Kind::Statistics { .. } => None,
        }
    }

    /// When its present key is due for renewal; none for research.
    pub fn renewal_due(&self) -> Option<Date> {
        self.due(self.active())
    }

    /// When one of its keys is, or was, due for renewal; none for research.
    pub fn due(&self, key: &Key) -> Option<Date> {
        match self.kind {
            Kind::Statistics { cryptoperiod_years } => Some(due(key.made, cryptoperiod_years)),
            Kind::Research { .. } => None,
        }
    }

    /// Whether the project is past its end at `now`.
    pub fn is_past_its_end(&self, now: Timestamp) -> bool {
        self.ends().is_some_and(|ends| now >= end_of(ends))
    }
}

/// A result and where it stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Delivery {
    /// The domain of its codes.
    pub domain: Name,
    /// The generation of its codes.
    pub generation: Generation,
    /// What it is for.
    pub purpose: Name,
    /// For a renewal: the generation of the codes given.
    pub from: Option<Generation>,
    /// Its rows.
    pub rows: u64,
    /// The commitment of its request.
    pub request: Commitment,
    /// The commitment of its result.
    pub result: Commitment,
    /// How many requests its run has.
    pub parts: u32,
    /// When the run began.
    pub begun: Timestamp,
    /// When the result was recorded.
    pub made: Timestamp,
    /// The number of the event that recorded it.
    pub event: u64,
    /// How many of its rows a second process recomputed; none where it was not asked for.
    pub rechecked: Option<u64>,
    /// Whether its request was kept against the scheme.
    pub request_kept: bool,
    /// The scheme of the identifiers that were coded; none after a renewal.
    pub scheme: Option<Scheme>,
    /// How its people were looked up, if they were.
    pub look_up: Option<LookUp>,
    /// The fingerprint of the card of who sent its request; none where that came in clear.
    pub sender: Option<Hex<32>>,
    /// The fingerprint of the card that it is encrypted to; none where it was handed out in clear.
    pub recipient: Option<Hex<32>>,
    /// Whether the counterpart has it.
    pub delivered: bool,
    /// The number of the event that holds the receiver's signed receipt.
    pub receipt: Option<u64>,
    /// Whether the service's copy is destroyed, or lost.
    pub destroyed: bool,
    /// The event that states it lost before the counterpart had it.
    pub lost: Option<u64>,
    /// Whether a renewal that made all its results names it.
    pub renewed: bool,
}

impl Delivery {
    /// Whether a party has it or is to have it, and has not signed for it.
    pub fn is_unsigned_for(&self) -> bool {
        self.recipient.is_some() && self.receipt.is_none() && self.lost.is_none()
    }
}

/// A question that was recorded and has not ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OpenQuestion {
    /// What is asked.
    pub question: Question,
    /// The number of the event that recorded it.
    pub number: u64,
    /// What the system's clock said then.
    pub clock: Timestamp,
    /// Whether a doubt was recorded after it: then it is asked again.
    pub doubted: bool,
}

/// What became of a question.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Run {
    /// The number of the event that recorded it.
    pub number: u64,
    /// How it stands.
    pub fate: Fate,
    /// The number of the event that changed that last: of the one that ended it, once it has ended.
    pub since: u64,
}

/// How a question stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// Custodians are asked.
    Open,
    /// Its run has begun.
    Running,
    /// Its run has its results, one for each request.
    Result,
    /// Its run ended without a result, or without some: what has none may have run.
    Failed {
        /// How many requests have their result: those before the others.
        made: u32,
    },
    /// A recovery ended it: it was open or running in the ledger that was found.
    Recovered {
        /// How many requests have their result: those before the others.
        made: u32,
    },
    /// It ended without a run.
    Lapsed {
        /// Why.
        why: Lapse,
        /// Who had consented.
        by: Vec<Name>,
        /// Whether they were a quorum: then it may have run.
        enough: bool,
    },
}

impl Fate {
    /// Whether a quorum approved and not every result is recorded: what was approved may have
    /// happened.
    pub fn may_have_run(&self) -> bool {
        matches!(
            self,
            Self::Running
                | Self::Failed { .. }
                | Self::Recovered { .. }
                | Self::Lapsed { enough: true, .. }
        )
    }
}

/// A run that has begun and not ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PendingRun {
    /// What it may do.
    pub question: Question,
    /// When it began.
    pub begun: Timestamp,
    /// The number of its intent.
    pub number: u64,
    /// Who consented, ascending.
    pub consented: Vec<Name>,
    /// Whether custodians have cosigned its intent.
    pub cosigned: bool,
    /// Whether it is recorded whose shares did not open.
    pub unopened: bool,
    /// How many of its requests have their result.
    pub made: u32,
}

/// What one custodian has stated, over all their cards.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Statements {
    /// The highest count of its statements.
    pub count: u64,
    /// The first so many events are witnessed by its cosignatures.
    pub witnessed: u64,
    /// Date and signature of its last receipt.
    pub receipt: Option<(Timestamp, Hex<64>)>,
    /// The latest date of a consent, or of a receipt that says that the share opens.
    pub checked: Option<Timestamp>,
    /// The runs that began with its consent.
    pub approved: Option<Approved>,
    /// The counts below the highest that the ledger does not hold.
    gaps: Vec<Gap>,
}

/// Counts that no statement in the ledger has. Those statements were made before the one with the
/// next higher count that is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Gap {
    first: u64,
    last: u64,
    /// The date of that one: theirs are not later.
    until: Timestamp,
    /// The number of its line: what their kit saw was shorter.
    before: u64,
}

impl Statements {
    /// Takes a statement with this count and cosignature, which the line with this number holds;
    /// says whether it is in its place.
    pub(super) fn take_count(&mut self, count: u64, made: &Cosignature, number: u64) -> bool {
        let below = |first| Gap { first, last: count - 1, until: made.time, before: number };
        if count > self.count {
            self.gaps.push(below(self.count + 1));
            self.gaps.retain(|gap| gap.first <= gap.last);
            self.count = count;
            return true;
        }
        let fits = |gap: &Gap| {
            (gap.first..=gap.last).contains(&count)
                && made.time <= gap.until
                && made.head.size < gap.before
        };
        let Some(at) = self.gaps.iter().position(fits) else { return false };
        let gap = self.gaps.swap_remove(at);
        self.gaps.extend([below(gap.first), Gap { first: count + 1, ..gap }]);
        self.gaps.retain(|gap| gap.first <= gap.last);
        true
    }
}

/// A doubt that was recorded.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordedDoubt {
    /// The signing key of who stated it.
    pub signing: Hex<32>,
    /// Who stated it.
    pub by: Name,
    /// What is doubted.
    pub about: Doubted,
    /// The number of its event.
    pub number: u64,
    /// Its date.
    pub time: Timestamp,
    /// The keys that it makes compromised.
    pub keys: Vec<KeyRef>,
    /// The epoch whose custody waits for a later one.
    pub waits: Option<Epoch>,
    /// Whether a quorum has examined it: then it stops nothing.
    pub examined: bool,
}

impl RecordedDoubt {
    /// Whether it is about a key of this domain; without a domain, about the custody.
    pub fn is_about(&self, domain: Option<&Name>) -> bool {
        match (&self.about, domain) {
            (Doubted::Key { domain: doubted, .. }, Some(domain)) => doubted == domain,
            (Doubted::Custody { .. }, None) => true,
            _ => false,
        }
    }
}

impl Domain {
    /// Whether its keys may be destroyed now: a project that a quorum closed, or one found past its
    /// end at least [`GRACE`] ago and still past it.
    pub(super) fn may_be_destroyed(&self, now: Timestamp) -> bool {
        let waited = self.ended.is_some_and(|ended| now.duration_since(ended) >= GRACE);
        self.kind.is_research() && (self.closed || (waited && self.is_past_its_end(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Head;

    #[test]
    fn a_lower_count_is_in_its_place_once_and_if_its_statement_is_the_older() {
        let mut known = Statements::default();
        let mut take = |count, time, size, number| {
            let (root, signature) = (Hex([0; 32]), Hex([0; 64]));
            let time = Timestamp::from_second(time).unwrap();
            let made = Cosignature { head: Head { size, root }, time, signature };
            known.take_count(count, &made, number)
        };
        assert!(take(1, 10, 1, 2) && take(5, 50, 6, 10));
        assert!(!take(3, 51, 5, 11), "it is the younger");
        assert!(!take(3, 30, 10, 11), "its kit had seen the later one recorded");
        assert!(take(3, 30, 9, 11) && !take(3, 30, 9, 12), "it was used");
        assert!(!take(2, 31, 4, 12), "it is younger than the third");
        assert!(take(2, 30, 10, 13) && take(4, 40, 9, 14));
        assert!(!take(0, 1, 1, 15) && !take(1, 10, 1, 15) && !take(4, 20, 1, 15));
        assert!(!take(5, 50, 6, 15) && take(6, 60, 15, 16) && known.gaps.is_empty());
    }
}
