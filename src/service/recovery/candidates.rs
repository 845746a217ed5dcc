//! The ledgers that a recovery may take, and the one that it takes (SPEC §13).

use cstatns_base::language::Said;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use cstatns_base::name::{Hex, Name};
use cstatns_record::card::{Card, ServiceCard};
use cstatns_record::checkpoint::{Checkpoint, Head, Note};
use cstatns_record::dealing::Epoch;
use cstatns_record::ledger::event::{Event, Line};
use cstatns_record::ledger::{
    History, LedgerError, Lines, checkpoint_path, read_checkpoint, signed_head,
};
use cstatns_record::proposal::{Action, CLOCK_SKEW};
use cstatns_record::state::{Broken, Fold, State, Unlawful};
use jiff::Timestamp;

use crate::custody::custodian::{Kit, kept_lines};

use super::super::ServiceError;
use super::super::copies::LEDGER;

/// Where a ledger was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The home's own.
    Home,
    /// A copy beside life secrets, a mirror, a backup or a published copy.
    Place(PathBuf),
    /// The lines that a custodian's kit keeps.
    Kit(Name),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Home => f.write_str("the home"),
            Self::Place(place) => write!(f, "{place:?}"),
            Self::Kit(name) => write!(f, "the kit of `{name}`"),
        }
    }
}

/// A ledger that was found, verified line by line against a checkpoint that the service signed.
pub(super) struct Candidate {
    pub(super) source: Source,
    /// Its lines, as they lie in a file.
    pub(super) bytes: Vec<u8>,
    pub(super) history: History,
    pub(super) state: State,
    /// The checkpoint, and what it covers: as many lines, or more.
    pub(super) note: String,
    pub(super) covered: Head,
}

/// What a recovery takes.
pub(super) struct Choice {
    pub(super) taken: Candidate,
    /// What the home's own ledger goes up to, where it can be read.
    pub(super) own: Option<Head>,
    /// The places of the kits that follow it, one of each custodian.
    pub(super) follow: Vec<usize>,
    pub(super) needs_kits: bool,
    /// Whether it is the home's own, and ends with a recovery that custodians have seen.
    pub(super) is_seen: bool,
    pub(super) left_behind: Vec<Name>,
    pub(super) apart: Vec<Name>,
    pub(super) unsound: Vec<(Source, Said)>,
}

/// Takes the longest ledger that k custodians at hand follow. Where none is, the one that a copy of
/// this home vouches for, if nothing was open in it and nothing is put aside.
pub(super) fn choose(
    home: &Path,
    card: &ServiceCard,
    copies: &[PathBuf],
    from: &[PathBuf],
    kits: &[Kit],
    now: Timestamp,
) -> Result<Choice, ServiceError> {
    let mut unsound = Vec::new();
    let mut sound = |source: Source, read: Result<Candidate, ServiceError>| match read {
        Ok(candidate) => Some(candidate),
        Err(error) => {
            unsound.push((source, Said::of(&error)));
            None
        }
    };
    let own = home.join(LEDGER);
    let place = |place: &PathBuf| (Source::Place(place.clone()), place.join(LEDGER));
    let own = own.exists().then_some((Source::Home, own)).into_iter();
    let mut found: Vec<Candidate> = own
        .chain(copies.iter().map(place))
        .filter_map(|(source, path)| sound(source.clone(), read_place(&path, card, source)))
        .collect();
    // The longest copy of this home says which heads there were.
    let marks = found.iter().filter(|candidate| candidate.source != Source::Home);
    let marks = marks.max_by_key(|candidate| candidate.history.size());
    let marks = marks.map(|candidate| candidate.history.clone());
    let mut foreign = Vec::new();
    for place in from {
        let path = if place.is_dir() { place.join(LEDGER) } else { place.clone() };
        let source = Source::Place(place.clone());
        foreign.push((source.clone(), read_place(&path, card, source)));
    }
    for kit in kits {
        let source = Source::Kit(kit.name().clone());
        if let Some(read) = read_kit(kit, card) {
            foreign.push((source, read));
        }
    }
    let foreign = foreign.into_iter().filter_map(|(source, read)| {
        sound(source, read.and_then(|found| found.before(now, marks.as_ref(), card)))
    });
    found.extend(foreign);
    // The longest first; of equals, that of the home and of its copies.
    found.sort_by_key(|candidate| std::cmp::Reverse(candidate.history.size()));
    let followed = |candidate: &Candidate| {
        let followers = followers(candidate, kits);
        let needed = candidate.state.following_dealing().threshold.k();
        followers.len() >= needed && has_not_started(candidate, kits)
    };
    let eligible: Vec<usize> = (0..found.len()).filter(|at| followed(&found[*at])).collect();
    let at = match eligible.first() {
        Some(first) => one_history(&found, &eligible, kits)?.unwrap_or(*first),
        None => {
            let longest = found.first().ok_or_else(|| no_copy(home))?;
            let (given, needed) =
                (followers(longest, kits).len(), longest.state.following_dealing().threshold.k());
            let (events, apart) = (longest.history.size(), apart(longest, kits));
            let too_few = ServiceError::TooFewFollow { events, given, needed, apart };
            let vouched = marks.as_ref().is_some_and(|marks| {
                longest.history.includes(&marks.head()) && is_whole(longest, &found)
            });
            if !vouched || !is_at_rest(&longest.state) {
                return Err(too_few);
            }
            0
        }
    };
    let own = found.iter().find(|candidate| candidate.source == Source::Home);
    let own = own.map(|own| own.history.head());
    let own_is_in = own.is_none_or(|own| found[at].history.includes(&own));
    let marked = marks.as_ref().is_some_and(|marks| found[at].history.includes(&marks.head()));
    let same = own == Some(found[at].history.head());
    let needs_kits = found[at].state.recoveries().unseen
        || !(marked && own_is_in && (same || is_at_rest(&found[at].state)));
    let is_seen = same && ends_with_recovery(&found[at]);
    let taken = found.swap_remove(at);
    let follow = followers(&taken, kits);
    let behind = kits.iter().filter(|kit| !follows(kit, &taken)).map(|kit| kit.name().clone());
    let left_behind: BTreeSet<Name> = behind.collect();
    let (left_behind, apart) = (left_behind.into_iter().collect(), apart(&taken, kits));
    Ok(Choice { taken, own, follow, needs_kits, is_seen, left_behind, apart, unsound })
}

fn no_copy(home: &Path) -> ServiceError {
    ServiceError::NoCopy { home: home.to_owned() }
}

/// Whether no other ledger that was found has what this one has not.
fn is_whole(candidate: &Candidate, found: &[Candidate]) -> bool {
    found.iter().all(|other| candidate.history.includes(&other.history.head()))
}

/// Whether custodians have seen a recovery since which nothing else has happened: one that was
/// stopped after that.
fn ends_with_recovery(candidate: &Candidate) -> bool {
    let state = &candidate.state;
    let Some(number) = state.recoveries().events.last() else { return false };
    let keys = state.domains().values().flat_map(|domain| domain.keys.values());
    let lost = keys.filter(|key| key.lost > Some(*number)).count() as u64;
    !state.recoveries().unseen && candidate.history.size() == number + 1 + lost
}

/// Whether nothing is asked, runs or was recovered without being seen.
fn is_at_rest(state: &State) -> bool {
    state.open_questions().is_empty() && state.pending().is_none() && !state.recoveries().unseen
}

/// Of the ledgers that custodians follow, the longest, where they are of one history. The home's
/// own lines are put aside where no custodian at hand has seen them.
fn one_history(
    found: &[Candidate],
    eligible: &[usize],
    kits: &[Kit],
) -> Result<Option<usize>, ServiceError> {
    let is_seen = |candidate: &Candidate, other: &Candidate| {
        let fork = common(&candidate.history, &other.history);
        let beyond = |at: &usize| kits[*at].head().is_some_and(|head| head.size > fork);
        followers(candidate, kits).iter().any(beyond)
    };
    let mut best: Option<usize> = None;
    for at in eligible {
        let Some(former) = best else {
            best = Some(*at);
            continue;
        };
        let (longer, other) = (&found[former], &found[*at]);
        if longer.history.includes(&other.history.head()) {
            continue;
        }
        if longer.source == Source::Home && !is_seen(longer, other) {
            best = Some(*at);
        } else if other.source != Source::Home || is_seen(other, longer) {
            let (one, other) = (longer.source.clone(), other.source.clone());
            let fork = common(&longer.history, &found[*at].history);
            return Err(ServiceError::Branches { one, other, fork });
        }
    }
    Ok(best)
}

/// How many events two ledgers have in common.
fn common(one: &History, other: &History) -> u64 {
    let (mut low, mut high) = (0, one.size().min(other.size()));
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if one.head_at(middle).is_some_and(|head| other.includes(&head)) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

fn follows(kit: &Kit, candidate: &Candidate) -> bool {
    kit.head().is_some_and(|head| candidate.history.includes(&head))
}

/// The custodians of the working dealing at hand who follow a ledger, one kit of each. A custodian
/// of whom another copy of the kit does not follow is not among them.
fn followers(candidate: &Candidate, kits: &[Kit]) -> Vec<usize> {
    let roster = &candidate.state.following_dealing().roster;
    let sits = |kit: &Kit| roster.iter().any(|seat| seat.card.body.signing == signing(kit));
    of_seats(candidate, kits, sits)
}

fn of_seats(candidate: &Candidate, kits: &[Kit], sits: impl Fn(&Kit) -> bool) -> Vec<usize> {
    let mut by_key: BTreeMap<Hex<32>, (usize, bool)> = BTreeMap::new();
    for (at, kit) in kits.iter().enumerate() {
        let known = by_key.entry(signing(kit)).or_insert((at, true));
        known.1 &= follows(kit, candidate);
    }
    let following = by_key.into_values().filter(|(at, all)| *all && sits(&kits[*at]));
    following.map(|(at, _)| at).collect()
}

/// Who the custodian of a kit is.
fn signing(kit: &Kit) -> Hex<32> {
    kit.card().body.signing
}

/// The custodians of whom one copy of the kit follows a ledger, and another does not: a copy was
/// shown something else.
fn apart(candidate: &Candidate, kits: &[Kit]) -> Vec<Name> {
    let mut by_key: BTreeMap<Hex<32>, (&Name, BTreeSet<bool>)> = BTreeMap::new();
    for kit in kits {
        let known = by_key.entry(signing(kit));
        known.or_insert((kit.name(), BTreeSet::new())).1.insert(follows(kit, candidate));
    }
    let apart = by_key.into_values().filter(|(_, follow)| follow.len() > 1);
    apart.map(|(name, _)| name.clone()).collect()
}

/// Whether a dealing that the ledger says has not started cannot have started either: all receipts
/// are needed for that, so one custodian without its share is enough, or as many who follow as
/// leave no quorum of it.
fn has_not_started(candidate: &Candidate, kits: &[Kit]) -> bool {
    let state = &candidate.state;
    if state.working_epoch().is_err() {
        return true;
    }
    let dealt = state.pending_epoch().map(|(epoch, known)| {
        let cards = known.dealing.roster.iter().map(|seat| seat.card.fingerprint());
        (epoch, cards.collect(), known.dealing.threshold)
    });
    let open = state.open_questions().values().map(|open| &open.question.action);
    let pending = state.pending().map(|pending| &pending.question.action);
    let asked = open.chain(pending).filter_map(|action| match action {
        Action::Deal { epoch, threshold, cards, .. } => {
            let cards = cards.iter().map(Card::fingerprint).collect();
            Some((*epoch, cards, *threshold))
        }
        _ => None,
    });
    dealt.into_iter().chain(asked).all(|(epoch, cards, threshold): (Epoch, BTreeSet<_>, _)| {
        let sits = |kit: &Kit| cards.iter().any(|card| kit.holds_card(card));
        let without = kits.iter().any(|kit| sits(kit) && !kit.holds_share(epoch));
        without || of_seats(candidate, kits, sits).len() > threshold.n() - threshold.k()
    })
}

/// Reads the ledger at `path` up to what the checkpoint beside it covers.
fn read_place(path: &Path, card: &ServiceCard, source: Source) -> Result<Candidate, ServiceError> {
    let note = read_checkpoint(&checkpoint_path(path))?;
    let mut lines = Lines::open(path)?;
    let mut next = || lines.next_line().map(|line| line.map(<[u8]>::to_vec)).map_err(Into::into);
    read(path, card, source, note, &mut next)
}

/// The ledger that a kit keeps; none where it keeps no lines.
fn read_kit(kit: &Kit, card: &ServiceCard) -> Option<Result<Candidate, ServiceError>> {
    let note = kit.checkpoint()?.as_bytes().to_vec();
    let lines = kept_lines(kit.directory()).ok().filter(|lines| !lines.is_empty())?;
    let mut lines = lines.into_iter();
    let mut next = || Ok(lines.next());
    Some(read(kit.directory(), card, Source::Kit(kit.name().clone()), note, &mut next))
}

fn read(
    path: &Path,
    card: &ServiceCard,
    source: Source,
    note: Vec<u8>,
    next: &mut dyn FnMut() -> Result<Option<Vec<u8>>, ServiceError>,
) -> Result<Candidate, ServiceError> {
    let (mut fold, mut bytes) = (Fold::new(card), Vec::new());
    // How many events the note speaks of; its signature is verified by the keys that they name.
    let size = claimed_size(&note).ok_or_else(|| LedgerError::Checkpoint { path: path.into() })?;
    while fold.history().size() < size {
        let Some(line) = next()? else { break };
        fold.push(&line)?;
        bytes.extend_from_slice(&line);
        bytes.push(b'\n');
    }
    let signed = signed_head(path, note, &fold.service_keys())?;
    let (covered, note) = (signed.head, signed.note);
    let (history, state) = fold.finish();
    let state = state.ok_or(Broken::Unlawful { number: 1, reason: Unlawful::Genesis })?;
    if history.size() < covered.size {
        let (covered, found) = (covered.size, history.size());
        return Err(LedgerError::Short { covered, found }.into());
    }
    if history.head() != covered {
        return Err(LedgerError::Root { covered: covered.size }.into());
    }
    Ok(Candidate { source, bytes, history, state, note, covered })
}

fn claimed_size(note: &[u8]) -> Option<u64> {
    let note = Note::parse(note).ok()?;
    Some(Checkpoint::parse(note.text()).ok()?.size())
}

impl Candidate {
    /// Cuts off what is dated more than a day ahead, unless a copy of the home holds it or a quorum
    /// has approved something after it on a day that is not ahead: a false ledger with a clock far
    /// ahead could end a project, or name as destroyed what is not.
    fn before(
        self,
        now: Timestamp,
        marks: Option<&History>,
        card: &ServiceCard,
    ) -> Result<Self, ServiceError> {
        let mut known = marks.map_or(0, |marks| common(marks, &self.history));
        let (mut asked, mut ahead) = (BTreeMap::new(), Vec::new());
        for bytes in self.bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line: Line = serde_json::from_slice(bytes).expect("a line that was folded");
            let is_ahead = line.clock.duration_since(now) > CLOCK_SKEW;
            match line.event {
                Event::Proposed { question } => {
                    asked.insert(question.run, line.sequence);
                }
                // Each of those who consented has signed for the ledger up to the question.
                Event::Intent { run, .. } if !is_ahead => {
                    known = known.max(asked.get(&run).copied().unwrap_or(0));
                }
                _ => {}
            }
            ahead.extend(is_ahead.then_some(line.sequence));
        }
        let Some(first) = ahead.into_iter().find(|number| *number > known) else { return Ok(self) };
        let Self { source, note, covered, .. } = self;
        let kept: Vec<&[u8]> =
            self.bytes.split_inclusive(|byte| *byte == b'\n').take(first as usize - 1).collect();
        let bytes = kept.concat();
        let mut fold = Fold::new(card);
        for line in kept {
            fold.push(&line[..line.len() - 1])?;
        }
        let (history, state) = fold.finish();
        let state = state.ok_or(Broken::Unlawful { number: 1, reason: Unlawful::Genesis })?;
        Ok(Self { source, bytes, history, state, note, covered })
    }
}
