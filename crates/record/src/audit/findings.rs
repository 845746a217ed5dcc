//! What holds in a ledger, and what does not.

use crate::card::{ServiceCard, Unsigned};
use crate::checkpoint::Head;
use crate::state::State;
use cstatns_base::language::{Said, both};
use cstatns_base::text;

use super::text::events;
use super::walk::{BrokenEvent, Kept, Unsound, Walk};
use super::{Check, Finding};

/// What the findings are drawn from.
pub(super) struct Facts<'a> {
    /// What the service's checkpoint covers.
    pub(super) covered: Option<Head>,
    pub(super) broken: Option<BrokenEvent<'a>>,
    pub(super) walk: &'a Walk,
}

impl Facts<'_> {
    fn found(&self) -> u64 {
        self.walk.history.size()
    }

    /// Whether the service's checkpoint is of these very events.
    fn is_covered(&self) -> bool {
        self.covered.is_some_and(|covered| self.walk.history.includes(&covered))
    }

    /// How many events nothing speaks against.
    pub(super) fn sound<'k>(&self, old: impl IntoIterator<Item = &'k Kept>) -> u64 {
        if let Some(broken) = &self.broken {
            let before = broken.number - 1;
            if broken.is_of_another_history() {
                return before.min(self.vouched(old));
            }
            // Nor is an event vouched for that was added after the checkpoint, though it stands
            // before the broken one.
            let added =
                self.covered.filter(|covered| self.is_covered() && self.is_too_long(covered.size));
            return added.map_or(before, |covered| before.min(covered.size));
        }
        let found = self.found();
        let Some(covered) = self.covered.filter(|covered| covered.size <= found) else {
            return found;
        };
        if !self.is_covered() {
            return self.vouched(old);
        }
        if self.is_too_long(covered.size) { covered.size } else { found }
    }

    /// The events that somebody else's memory vouches for: a custodian's cosignature or a
    /// checkpoint kept from before.
    fn vouched<'k>(&self, old: impl IntoIterator<Item = &'k Kept>) -> u64 {
        let history = &self.walk.history;
        let kept =
            old.into_iter().filter_map(|kept| kept.head.ok()).filter(|head| history.includes(head));
        let witnessed = self.walk.state.iter().map(State::witnessed);
        kept.map(|head| head.size).chain(witnessed).max().unwrap_or(0)
    }

    /// A write that was stopped leaves one line more than the checkpoint covers, or the beginning
    /// of one.
    fn is_too_long(&self, covered: u64) -> bool {
        let found = self.found();
        found > covered + 1 || (found > covered && self.walk.torn)
    }

    pub(super) fn checkpoint(&self, own: &Kept) -> Finding {
        match own.head {
            Ok(head) => {
                let detail = both(|lang| {
                    text!(in lang, "It is signed by this service and covers {}.",
                        "Il est signé par ce service et couvre {}.", events(lang, head.size))
                });
                holding(Check::Checkpoint, "holds", None, detail)
            }
            Err(why) => own.unsound(Check::Checkpoint, why),
        }
    }

    /// A card with a signing key that the ledger does not name is not of its service, or the ledger
    /// is older.
    pub(super) fn card(&self, card: &ServiceCard) -> Option<Finding> {
        let known = self.broken.is_some() || self.walk.keys.contains(&card.body.signing);
        let detail = both(|lang| {
            text!(in lang, "The service's card that was given has a signing key which this ledger does \
                      not name: the ledger is older than the card, or one of the two is false.",
                          "La carte du service qui a été donnée a une clé de signature que ce registre ne nomme pas : le \
                              registre est plus ancien que la carte, ou l'un des deux est faux.")
        });
        (!known).then(|| failure(Check::Checkpoint, "service-key-unknown", None, detail))
    }

    /// Chain, signatures and lawfulness: the one that fails, and how far the others hold.
    pub(super) fn events(&self, sound: u64) -> Vec<Finding> {
        if self.broken.is_none() && self.found() == 0 {
            let detail = both(
                |lang| text!(in lang, "The ledger has no events.", "Le registre n'a pas d'événements."),
            );
            return vec![failure(Check::Chain, "ledger-empty", None, detail)];
        }
        let range = |lang| match sound {
            1 => text!(in lang, "Event 1", "Événement 1"),
            _ => text!(in lang, "Events 1 to {sound}", "Événements 1 à {sound}"),
        };
        let failed = self.broken.as_ref().map(BrokenEvent::finding);
        let mut findings = Vec::new();
        for check in [Check::Chain, Check::Signatures, Check::Lawfulness] {
            match &failed {
                Some(failure) if failure.check == check => findings.push(failure.clone()),
                _ if sound == 0 => {}
                _ => {
                    let detail = match check {
                        Check::Chain => both(|lang| {
                            text!(in lang,
                                "{}: in their place, each linked to the one before.",
                                "{} : à leur place, chacun lié au précédent.", range(lang)
                            )
                        }),
                        Check::Signatures => both(|lang| {
                            text!(in lang,
                                "{}: every statement is signed by who is said to state it.",
                                "{} : chaque déclaration est signée de qui est dit la faire.", range(lang)
                            )
                        }),
                        _ => both(|lang| {
                            text!(in lang,
                                "{}: each was allowed by the rules after the ones before it.",
                                "{} : les règles permettaient chacun après les précédents.", range(lang)
                            )
                        }),
                    };
                    findings.push(holding(check, "holds", None, detail));
                }
            }
        }
        findings
    }

    pub(super) fn tree(&self) -> Vec<Finding> {
        let Some(covered) = self.covered else { return Vec::new() };
        let (size, found) = (covered.size, self.found());
        let check = Check::Tree;
        let mut findings = Vec::new();
        if found < size {
            let missing = |lang| match found + 1 {
                first if first == size => {
                    text!(in lang, "event {size} is missing", "l'événement {size} manque")
                }
                first => text!(
                    in lang,
                    "events {first} to {size} are missing",
                    "les événements {first} à {size} manquent"
                ),
            };
            let cut = |lang| match self.walk.torn {
                true => text!(
                    in lang,
                    " What is left of one of them is cut short.",
                    " Ce qui reste de l'un d'eux est coupé."
                ),
                false => String::new(),
            };
            let detail = both(|lang| {
                text!(
                    in lang,
                    "The checkpoint covers {}, the ledger has {found}: {}.{}",
                    "Le point de contrôle couvre {}, le registre en a {found} : {}.{}",
                    events(lang, size),
                    missing(lang),
                    cut(lang)
                )
            });
            return vec![failure(check, "ledger-short", Some(found + 1), detail)];
        }
        if !self.is_covered() {
            let detail = match &self.broken {
                Some(_) => both(|lang| {
                    text!(in lang, "The first {size} events are not the ones that the checkpoint covers.",
                        "Les {size} premiers événements ne sont pas ceux que couvre le point de contrôle.")
                }),
                None => both(|lang| {
                    text!(in lang, "The events are not the ones that the checkpoint covers, though each is linked \
                    to the one before: \
                     the last event was changed, or several were and their links were made anew.",
                         "Les événements ne sont pas ceux que couvre le point de contrôle, bien que chacun soit lié au \
                             précédent : le dernier événement a été modifié, ou plusieurs l'ont été et leurs liens ont \
                             été refaits.")
                }),
            };
            findings.push(failure(check, "ledger-root", Some(size), detail));
        } else if let Some(broken) = self.broken.as_ref().filter(|broken| broken.number <= size) {
            findings.push(recorded_so(
                check,
                both(|lang| {
                    text!(in lang, "The service's checkpoint",
                "Le point de contrôle du service")
                }),
                broken.number,
            ));
        } else {
            let detail = both(|lang| {
                text!(in lang, "The first {size} events are the ones that the checkpoint covers.",
                    "Les {size} premiers événements sont ceux que couvre le point de contrôle.")
            });
            findings.push(holding(check, "holds", None, detail));
        }
        if found > size + 1 || (found > size && self.walk.torn) {
            let detail = both(|lang| {
                text!(in lang,
                    "The ledger goes on after the {size} events that its checkpoint covers, by more \
                    than a stopped write \
                     leaves: what follows was added.",
                         "Le registre continue après les {size} événements que couvre son point de contrôle, de plus que \
                             n'en laisse une écriture arrêtée : ce qui suit a été ajouté."
                )
            });
            findings.push(failure(check, "ledger-long", Some(size + 1), detail));
        } else if self.broken.is_none() && self.is_covered() {
            if found > size {
                let detail = both(|lang| {
                    text!(in lang,
                        "Event {found} is not covered by the checkpoint yet, as a stop in the middle \
                        of a write leaves it: it \
                         does not count until the service is opened again.",
                             "L'événement {found} n'est pas encore couvert par le point de contrôle, comme le laisse un \
                                 arrêt au milieu d'une écriture : il ne compte pas tant que le service n'est pas rouvert."
                    )
                });
                findings.push(holding(check, "event-uncovered", Some(found), detail));
            } else if self.walk.torn {
                let detail = both(|lang| {
                    text!(in lang,
                        "After event {found} stands the beginning of another, as a stop in the middle \
                        of a write leaves it: \
                         it never counted.",
                             "Après l'événement {found} se trouve le début d'un autre, comme le laisse un arrêt au milieu \
                                 d'une écriture : il n'a jamais compté."
                    )
                });
                findings.push(holding(check, "event-cut", Some(found + 1), detail));
            }
        }
        findings
    }

    pub(super) fn earlier(&self, kept: &Kept) -> Finding {
        let (check, path) = (Check::Earlier, &kept.path);
        let head = match kept.head {
            Ok(head) => head,
            Err(why) => return kept.unsound(check, why),
        };
        let (size, found) = (head.size, self.found());
        if size > found {
            let detail = both(|lang| {
                text!(in lang,
                    "{path:?} covers {}, the ledger has {found}: events were removed.",
                    "{path:?} couvre {}, le registre en a {found} : des événements ont été retirés.",
                    events(lang, size)
                )
            });
            return failure(check, "ledger-short", Some(found + 1), detail);
        }
        if !self.walk.history.includes(&head) {
            return if self.is_covered() {
                let detail = both(|lang| {
                    text!(in lang,
                        "{path:?} and the ledger's own checkpoint are both signed by this service, and \
                        are not of one history: \
                         the ledger was forked or rewritten at event {size} or before.",
                             "{path:?} et le point de contrôle du registre sont tous deux signés par ce service, et ne \
                                 sont pas d'une même histoire : le registre a bifurqué ou a été réécrit à l'événement \
                                 {size} ou avant."
                    )
                });
                failure(check, "ledger-forked", Some(size), detail)
            } else {
                let detail = both(|lang| {
                    text!(in lang, "The first {size} events are not the ones that {path:?} covers.",
                        "Les {size} premiers événements ne sont pas ceux que couvre {path:?}.")
                });
                failure(check, "ledger-root", Some(size), detail)
            };
        }
        if let Some(covered) = self.covered.filter(|covered| covered.size < size) {
            let detail = both(|lang| {
                text!(in lang,
                    "{path:?} covers {}, the ledger's own checkpoint only {}: an older one was put in \
                    its place.",
                        "{path:?} couvre {}, le point de contrôle du registre seulement {} : un plus ancien a été mis à \
                            sa place.",
                    events(lang, size),
                    covered.size
                )
            });
            return failure(check, "checkpoint-older", Some(covered.size + 1), detail);
        }
        match &self.broken {
            Some(broken) if broken.number <= size => {
                recorded_so(check, both(|_| format!("{path:?}")), broken.number)
            }
            _ => {
                let detail = both(|lang| {
                    text!(in lang, "The first {size} events are the ones that {path:?} covers.",
                        "Les {size} premiers événements sont ceux que couvre {path:?}.")
                });
                holding(check, "holds", None, detail)
            }
        }
    }
}

/// An event that does not hold is signed for as it stands: it was not changed afterwards.
fn recorded_so(check: Check, checkpoint: Said, event: u64) -> Finding {
    let detail = both(|lang| {
        text!(in lang,
            "{} covers event {event} as it stands: the service itself recorded or rewrote it \
            so.",
                "{} couvre l'événement {event} tel qu'il est : le service lui-même l'a inscrit ou réécrit \
                    ainsi.", lang.of(&checkpoint)
        )
    });
    holding(check, "event-signed-for", Some(event), detail)
}

pub(super) fn holding(
    check: Check,
    code: &'static str,
    event: Option<u64>,
    detail: Said,
) -> Finding {
    Finding { check, code, holds: true, event, detail }
}

pub(super) fn failure(
    check: Check,
    code: &'static str,
    event: Option<u64>,
    detail: Said,
) -> Finding {
    Finding { check, code, holds: false, event, detail }
}

impl Kept {
    fn unsound(&self, check: Check, why: Unsound) -> Finding {
        let path = &self.path;
        match why {
            Unsound::Missing => failure(
                check,
                "checkpoint-missing",
                None,
                both(|lang| {
                    text!(in lang, "There is no checkpoint at {path:?}.",
                        "Il n'y a pas de point de contrôle à {path:?}.")
                }),
            ),
            Unsound::Not(Unsigned::OtherService) => failure(
                check,
                "checkpoint-other-service",
                None,
                both(|lang| {
                    text!(in lang,
                        "{path:?} is a checkpoint of another service: it says nothing about this one.",
                        "{path:?} est un point de contrôle d'un autre service : il ne dit rien de celui-ci."
                    )
                }),
            ),
            Unsound::Not(Unsigned::OtherKey { size }) => failure(
                check,
                "checkpoint-key",
                None,
                both(|lang| {
                    text!(in lang,
                        "{path:?} covers {} and is not signed by the key with which the service of \
                        this ledger signs for so many: by one that was replaced, or by one that this \
                        ledger does not name.",
                            "{path:?} couvre {} et n'est pas signé de la clé dont le service de ce registre signe pour \
                                autant : d'une clé qui a été remplacée, ou d'une clé que ce registre ne nomme pas.",
                        events(lang, size)
                    )
                }),
            ),
            Unsound::Not(Unsigned::Signature) => failure(
                check,
                "checkpoint-signature",
                None,
                both(|lang| {
                    text!(in lang, "{path:?} is not a checkpoint with a valid signature of this service.",
                        "{path:?} n'est pas un point de contrôle avec une signature valable de ce service.")
                }),
            ),
        }
    }
}
