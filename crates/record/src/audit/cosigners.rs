//! Witnesses that are neither the service nor custodians: what they cosigned of the checkpoints
//! that were given.

use cstatns_base::language::both;
use cstatns_base::text;
use serde::Serialize;

use crate::checkpoint::{self, WitnessKey, origin};

use super::findings::{failure, holding};
use super::text::events;
use super::walk::{Note, Walk};
use super::witness::Witness;
use super::{Check, Finding, Witnessed};

/// What one witness that is no custodian witnessed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OtherWitness {
    /// The name of its key.
    pub witness: String,
    /// The first so many events.
    pub events: u64,
}

/// What the cosignatures of checkpoints show.
pub(super) struct Cosigners {
    pub(super) findings: Vec<Finding>,
    pub(super) others: Vec<OtherWitness>,
}

impl Walk {
    /// What the witnesses whose keys were given cosigned of these checkpoints.
    pub(super) fn cosigners(&self, notes: &[&Note], witnesses: &[Witness]) -> Cosigners {
        // A key that was given twice is one.
        let mut keys: Vec<&WitnessKey> = Vec::new();
        for key in witnesses.iter().filter_map(Witness::key) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let mut findings = Vec::new();
        for note in notes {
            findings.extend(self.unknown(note, &keys));
        }
        let others = keys.iter().map(|key| {
            let witness = key.name().to_owned();
            let found: Vec<(Finding, u64)> =
                notes.iter().filter_map(|note| self.cosigned(note, key)).collect();
            if found.is_empty() {
                let detail = both(|lang| {
                    text!(in lang,
                        "`{witness}` has cosigned none of the checkpoints that were given: its key adds nothing.",
                        "`{witness}` n'a cosigné aucun des points de contrôle donnés : sa clé n'ajoute rien."
                    )
                });
                findings.push(holding(Check::Witness, "witness-silent", None, detail));
            }
            let events = found.iter().map(|(_, events)| *events).max().unwrap_or(0);
            findings.extend(found.into_iter().map(|(finding, _)| finding));
            OtherWitness { witness, events }
        });
        let others = others.collect();
        Cosigners { findings, others }
    }

    /// What a witness cosigned of a checkpoint, and how many events of this ledger that is.
    fn cosigned(&self, note: &Note, key: &WitnessKey) -> Option<(Finding, u64)> {
        let (check, path, witness) = (Check::Witness, &note.path, key.name());
        let signed = checkpoint::Note::parse(note.bytes.as_ref()?).ok()?;
        let Some(time) = key.cosigned(&signed).transpose()?.ok() else {
            let detail = both(|lang| {
                text!(in lang,
                    "The cosignature of `{witness}` in {path:?} does not hold: the checkpoint or the cosignature was \
                    changed.",
                    "La cosignature de `{witness}` dans {path:?} ne tient pas : le point de contrôle ou la cosignature a \
                        été modifié."
                )
            });
            return Some((failure(check, "cosignature-false", None, detail), 0));
        };
        // A checkpoint that the service did not sign is reported by itself.
        let head = note.signed_by(&self.keys).head.ok()?;
        if !self.history.includes(&head) {
            let detail = both(|lang| {
                text!(in lang,
                    "`{witness}` cosigned on {time} a ledger of {} that this service signed, and this one does not go \
                    on from it: events were removed or rewritten.",
                    "`{witness}` a cosigné le {time} un registre de {} que ce service a signé, et celui-ci n'en est pas \
                        la suite : des événements ont été retirés ou réécrits.",
                    events(lang, head.size)
                )
            });
            return Some((failure(check, "witness-forked", Some(head.size), detail), 0));
        }
        let detail = both(|lang| {
            text!(in lang,
                "`{witness}` cosigned {path:?} on {time}: it has seen the first {}.",
                "`{witness}` a cosigné {path:?} le {time} : il a vu les {} premiers.",
                events(lang, head.size)
            )
        });
        Some((holding(check, "holds", None, detail), head.size))
    }

    /// The signatures of a checkpoint by keys that nobody gave.
    fn unknown(&self, note: &Note, keys: &[&WitnessKey]) -> Vec<Finding> {
        let (own, path) = (origin(self.keys.id()), &note.path);
        let signed = note.bytes.as_ref().and_then(|bytes| checkpoint::Note::parse(bytes).ok());
        let lines = signed.iter().flat_map(checkpoint::Note::signatures);
        let unknown = lines
            .filter(|line| line.name() != own && !keys.iter().any(|key| key.is_named_by(line)));
        let finding = |line: &checkpoint::NoteSignature| {
            let detail = both(|lang| {
                text!(in lang,
                    "{path:?} has a signature in the name {:?}, whose key was not given: it is unknown, and adds \
                    nothing.",
                    "{path:?} a une signature au nom de {:?}, dont la clé n'a pas été donnée : elle est inconnue, et \
                        n'ajoute rien.",
                    line.name()
                )
            });
            holding(Check::Witness, "cosigner-unknown", None, detail)
        };
        unknown.map(finding).collect()
    }
}

impl Witnessed {
    /// With what other witnesses have seen of the first `sound` events.
    pub(super) fn with(mut self, others: Vec<OtherWitness>, sound: u64) -> Self {
        self.others = others;
        self.others.iter_mut().for_each(|other| other.events = other.events.min(sound));
        let seen = self.others.iter().map(|other| other.events);
        self.events = seen.chain([self.events]).max().unwrap_or(0);
        self
    }
}
