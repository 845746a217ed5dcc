//! The ledger and the checkpoints, read to their end whatever is wrong with them.

use std::path::{Path, PathBuf};

use cstatns_base::domain::KeyState;
use cstatns_base::files::FileError;
use cstatns_base::language::{Lang, both};
use cstatns_base::text;
use jiff::Timestamp;

use crate::ahead;
use crate::card::{ServiceCard, ServiceKeys, Unsigned, spoken};
use crate::checkpoint::{Head, root_of};
use crate::ledger::event::{Event, Line};
use crate::ledger::{History, LedgerError, Lines, read_checkpoint};
use crate::proposal::Action;
use crate::state::{Broken, Exposure, Fate, Fold, State, TurnedBack};

use super::story::{Asked, Story};
use super::text::{count, names};
use super::{AuditError, Notice};

/// A checkpoint as it was given.
pub(super) struct Kept {
    pub(super) path: PathBuf,
    pub(super) head: Result<Head, Unsound>,
}

/// Why a checkpoint is not one of the service's.
#[derive(Clone, Copy)]
pub(super) enum Unsound {
    Missing,
    Not(Unsigned),
}

/// A checkpoint's bytes, before the ledger has said which key signs for it; none where there is no
/// such file.
#[derive(PartialEq)]
pub(super) struct Note {
    pub(super) path: PathBuf,
    pub(super) bytes: Option<Vec<u8>>,
}

impl Note {
    pub(super) fn read(path: &Path) -> Result<Self, AuditError> {
        let bytes = match read_checkpoint(path) {
            Err(FileError::Missing { .. }) => None,
            read => Some(read?),
        };
        if let Some(first) =
            bytes.as_ref().and_then(|bytes| bytes.split(|byte| *byte == b'\n').next())
        {
            need_as_sent(path, first)?;
        }
        Ok(Self { path: path.to_owned(), bytes })
    }

    /// Judges it by the keys of a ledger.
    pub(super) fn signed_by(&self, keys: &ServiceKeys) -> Kept {
        let bytes = self.bytes.as_ref().ok_or(Unsound::Missing);
        let head = bytes.and_then(|bytes| keys.head_of(bytes).map_err(Unsound::Not));
        Kept { path: self.path.clone(), head }
    }
}

/// Refuses a file whose first line, given without its line feed, shows that a program took it for
/// text of its own system: signed bytes are signed bytes, and nobody is to answer for this.
pub(super) fn need_as_sent(path: &Path, first: &[u8]) -> Result<(), AuditError> {
    let path = || path.to_owned();
    if first.starts_with(BYTE_ORDER_MARK) {
        return Err(AuditError::Mark { path: path() });
    }
    if first.ends_with(b"\r") {
        return Err(AuditError::LineEnds { path: path() });
    }
    Ok(())
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A ledger read to its end: folded until an event does not hold, hashed from there on.
pub(super) struct Walk {
    pub(super) history: History,
    /// After the last event that followed from the ones before.
    pub(super) state: Option<State>,
    pub(super) first: Option<Timestamp>,
    pub(super) statements: u64,
    pub(super) look_ups: u64,
    pub(super) story: Story,
    stop: Option<Stop>,
    pub(super) torn: bool,
    /// The service's signing keys, as far as the events follow from the ones before.
    pub(super) keys: ServiceKeys,
}

/// The first line that does not follow from the ones before it.
pub(super) struct Stop {
    number: u64,
    error: Broken,
    /// The line, where it is one.
    line: Option<Line>,
    /// Whether the line after it carries its leaf hash; none where there is no such line.
    carried: Option<bool>,
}

/// The event that does not hold.
pub(super) struct BrokenEvent<'a> {
    pub(super) number: u64,
    pub(super) error: &'a Broken,
    pub(super) event: Option<&'static str>,
    pub(super) changed: Option<bool>,
}

impl Walk {
    /// Reads the first `limit` events.
    pub(super) fn through(path: &Path, card: &ServiceCard, limit: u64) -> Result<Self, AuditError> {
        let mut lines = Lines::open(path)?;
        let mut fold = Fold::new(card);
        let (mut first, mut statements, mut look_ups) = (None, 0, 0);
        let mut story = Story::default();
        let mut stopped: Option<(Stop, History)> = None;
        ahead::each(&mut lines, limit, |bytes, ahead| {
            let leaf = ahead.leaf;
            match &mut stopped {
                None => match fold.take(ahead) {
                    Ok(line) => {
                        first.get_or_insert(line.time);
                        statements += statements_in(&line.event);
                        story.add(&line);
                        look_ups += u64::from(begins_look_up(&line.event, fold.state()));
                    }
                    Err(error) => {
                        let mut history = fold.history().clone();
                        history.push_leaf(leaf);
                        let line = serde_json::from_slice(bytes).ok();
                        stopped = Some((
                            Stop { number: history.size(), error, line, carried: None },
                            history,
                        ));
                    }
                },
                Some((stop, history)) => {
                    if history.size() == stop.number {
                        let next: Option<Line> = serde_json::from_slice(bytes).ok();
                        stop.carried = next.map(|next| next.previous == history.last());
                    }
                    history.push_leaf(leaf);
                }
            }
            Ok::<_, AuditError>(())
        })?;
        let keys = fold.service_keys();
        let (folded, state) = fold.finish();
        let (stop, history) = match stopped {
            Some((stop, history)) => (Some(stop), history),
            None => (None, folded),
        };
        let torn = lines.is_torn();
        Ok(Self { history, state, first, statements, look_ups, story, stop, torn, keys })
    }

    /// What must be accounted for: questions that a quorum approved and that have no result, counts
    /// of statements that were used again.
    pub(super) fn notices(&self) -> Vec<Notice> {
        let Some(state) = &self.state else { return Vec::new() };
        let mut notices = Vec::new();
        for (run, known) in state.runs().iter().filter(|(_, known)| known.fate.may_have_run()) {
            let Some(Asked { action, .. }) = self.story.asked.get(run) else { continue };
            let ended = |lang: Lang| match &known.fate {
                Fate::Running => text!(
                    in lang,
                    "it began, and has no end in this ledger. It",
                    "elle a commencé, et n'a pas de fin dans ce registre. Elle"
                ),
                Fate::Failed { made: 0 } => text!(
                    in lang,
                    "it failed without a result. It",
                    "elle a échoué sans résultat. Elle"
                ),
                Fate::Failed { made } => text!(
                    in lang,
                    "it failed with {made} of the {} results, which stand. The rest",
                    "elle a échoué avec {made} des {} résultats, qui restent. Le reste",
                    action.parts()
                ),
                Fate::Recovered { made: 0 } => text!(
                    in lang,
                    "it was unfinished when the home was recovered. It",
                    "elle n'était pas terminée quand le répertoire du service a été rétabli. Elle"
                ),
                Fate::Recovered { made } => text!(
                    in lang,
                    "it had {made} of the {} results when the home was recovered. The rest",
                    "elle avait {made} des {} résultats quand le répertoire du service a été rétabli. Le reste",
                    action.parts()
                ),
                _ => text!(
                    in lang,
                    "it lapsed without a result. It",
                    "la question est tombée sans résultat. L'opération"
                ),
            };
            let detail = both(|lang| {
                text!(
                    in lang,
                    "Event {}: a quorum approved to {}; {} may have run.",
                    "Événement {} : un quorum a consenti à {} ; {} a pu avoir lieu.",
                    known.number,
                    lang.of(action),
                    ended(lang)
                )
            });
            notices.push(Notice { code: "may-have-run", event: known.number, detail });
        }
        for event in &state.recoveries().events {
            let detail = both(|lang| {
                text!(in lang, "Event {event}: the home had lost events, and has them again from copies.",
                    "Événement {event} : le répertoire du service avait perdu des événements, et les a de nouveau par des \
                        copies.")
            });
            notices.push(Notice { code: "recovered", event: *event, detail });
        }
        for (name, domain) in state.domains() {
            let lost = domain.keys.iter().filter(|(_, key)| key.state == KeyState::Lost);
            for (generation, key) in lost {
                let event = key.lost.unwrap_or(0);
                let detail = both(|lang| {
                    text!(in lang,
                        "Event {event}: the key of generation {generation} of `{name}` is lost; \
                        nobody destroyed it.",
                            "Événement {event} : la clé de génération {generation} de `{name}` est perdue ; personne ne \
                                l'a détruite."
                    )
                });
                notices.push(Notice { code: "key-lost", event, detail });
            }
        }
        for (id, delivery) in state.lost() {
            let event = delivery.lost.unwrap_or(0);
            let detail = both(|lang| {
                text!(in lang,
                    "Event {event}: the result of delivery {} is stated to be lost before anybody \
                    received it. Its {} may lie somewhere.",
                        "Événement {event} : le résultat de la livraison {} est déclaré perdu avant que personne ne le \
                            reçoive. Ses {} sont peut-être quelque part.",
                    state.named(*id),
                    count(lang, delivery.rows, "coded row", "lignes codées", "ligne codée")
                )
            });
            notices.push(Notice { code: "result-lost", event, detail });
        }
        for (event, key) in state.service_keys().all().iter().skip(1) {
            let detail = both(|lang| {
                text!(in lang,
                    "Event {event}: custodians accepted another signing key of the service: {}.",
                    "Événement {event} : des détenteurs ont accepté une autre clé de signature du service : {}.",
                    spoken(key)
                )
            });
            notices.push(Notice { code: "rekeyed", event: *event, detail });
        }
        for event in state.repeated_counts() {
            let detail = both(|lang| {
                text!(in lang,
                    "Event {event}: a custodian's kit counts a statement that is not higher than its \
                    last. Another copy of the kit is in use, or it was put back from a backup.",
                        "Événement {event} : la trousse d'un détenteur compte une déclaration qui n'est pas au-dessus de \
                            sa dernière. Une autre copie de la trousse est en service, ou elle vient d'une sauvegarde."
                )
            });
            notices.push(Notice { code: "count-repeated", event: *event, detail });
        }
        for (event, custodian) in state.unopened_shares() {
            let detail = both(|lang| {
                text!(in lang,
                    "Event {event}: the share that the kit of `{custodian}` handed over did not open, \
                    or is not the dealt one.",
                        "Événement {event} : la part que la trousse de `{custodian}` a remise ne s'est pas ouverte, ou \
                            n'est pas celle de la répartition."
                )
            });
            notices.push(Notice { code: "share-unopened", event: *event, detail });
        }
        for Exposure { epoch, needed, unforgotten, domains, since, .. } in
            state.exposures().iter().filter(|exposure| exposure.is_alarm())
        {
            let (event, of, domains) = (*since, unforgotten.len(), names(domains));
            let detail = both(|lang| {
                text!(in lang,
                    "Event {event}: epoch {epoch} is over, and {of} of its custodians, of whom {needed} suffice, have \
                    not stated that their share is destroyed: with a backup of the sealed keys they could open the \
                    present key of {domains}.",
                        "Événement {event} : l'époque {epoch} est terminée, et {of} de ses détenteurs, dont {needed} \
                            suffisent, n'ont pas déclaré leur part détruite : avec une sauvegarde des clés scellées ils \
                            pourraient ouvrir la clé actuelle de {domains}."
                )
            });
            notices.push(Notice { code: "epoch-exposed", event, detail });
        }
        for back in state.turned_back() {
            let TurnedBack { event, from, to, .. } = back;
            let detail = both(|lang| {
                text!(in lang,
                    "Event {event}: a quorum set the time back from {from} to {to}. The clock had been \
                    ahead, or is behind.",
                        "Événement {event} : un quorum a reculé l'heure de {from} à {to}. L'horloge avait été en avance, \
                            ou est en retard."
                )
            });
            notices.push(Notice { code: "time-set-back", event: *event, detail });
        }
        notices
    }

    /// The first event that does not hold. A line that carries another leaf hash than the one
    /// before it has means that one of the two was changed: the line after both, or the checkpoint,
    /// shows which.
    pub(super) fn broken(&self, own: &Kept) -> Option<BrokenEvent<'_>> {
        let stop = self.stop.as_ref()?;
        let Stop { number, error, line, carried } = stop;
        let number = match (error, line) {
            (Broken::Ledger(LedgerError::Chain { number: before }), Some(line)) => {
                let kept = carried.unwrap_or_else(|| match own.head {
                    Ok(covered) if covered.size == *number && self.history.size() == *number => {
                        let mut leaves = self.history.leaves().to_vec();
                        if let Some(leaf) = leaves.iter_mut().rev().nth(1) {
                            *leaf = line.previous;
                        }
                        root_of(&leaves) == covered.root
                    }
                    _ => true,
                });
                if kept { *before } else { *number }
            }
            _ => *number,
        };
        let event =
            line.as_ref().filter(|line| line.sequence == number).map(|line| line.event.word());
        Some(BrokenEvent { number, error, event, changed: carried.map(|carried| !carried) })
    }
}

fn statements_in(event: &Event) -> u64 {
    match event {
        Event::Intent { consents, .. } | Event::Lapsed { consents, .. } => consents.len() as u64,
        Event::Cosigned { witnesses, .. } => witnesses.len() as u64,
        Event::Rekeyed { statements, .. } => statements.len() as u64,
        Event::Received { .. } | Event::Doubted { .. } => 1,
        _ => 0,
    }
}

fn begins_look_up(event: &Event, state: Option<&State>) -> bool {
    let Event::Intent { .. } = event else { return false };
    let pending = state.and_then(State::pending);
    pending.is_some_and(|pending| {
        matches!(pending.question.action, Action::Code { look_up: Some(_), .. })
    })
}
