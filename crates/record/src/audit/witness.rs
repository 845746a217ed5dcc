//! What custodians' kits and the reports of results prove, compared with the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cstatns_base::files;
use cstatns_base::language::both;
use cstatns_base::name::Name;
use cstatns_base::text;

use crate::card::{ServiceCard, ServiceKeys};
use crate::checkpoint::{Head, WitnessKey, leaf_hash, verify_inclusion};
use crate::comparison::Comparison;
use crate::evidence::{Evidence, EvidenceBody, Stated, is_answered};
use crate::ledger::event::{Event, Line};
use crate::proposal::{Placed, RunId};
use crate::receipt::Doubt;
use crate::report::SignedReport;
use crate::state::{Fate, State, doubt_digest};
use crate::statement::Proved;

use super::findings::{Facts, failure, holding};
use super::text::events;
use super::walk::{Kept, Unsound};
use super::{AuditError, Check, Finding, Notice};

/// More than the evidence of a kit is long, in bytes.
const LIMIT: u64 = 256 << 20;

/// What a witness gave.
pub(super) struct Witness {
    path: PathBuf,
    given: Given,
}

enum Given {
    /// The evidence of a kit, signed by its card.
    Evidence(Box<Evidence>),
    /// The report of a result.
    Report(Box<SignedReport>),
    /// The public key of a witness that cosigns checkpoints.
    Key(Box<WitnessKey>),
    /// A comparison of two files, signed by the card in it.
    Comparison(Box<Comparison>),
    /// None of them.
    Other,
}

impl Witness {
    pub(super) fn read(path: &Path) -> Result<Self, AuditError> {
        let bytes = files::read(path, LIMIT)?;
        let evidence = serde_json::from_slice(&bytes).ok().filter(Evidence::is_sound);
        let comparison = || serde_json::from_slice(&bytes).ok().filter(Comparison::is_sound);
        let key = || WitnessKey::parse(str::from_utf8(&bytes).ok()?.trim_end()).ok();
        let given = match evidence {
            Some(evidence) => Given::Evidence(Box::new(evidence)),
            None => SignedReport::of(&bytes)
                .map(|report| Given::Report(Box::new(report)))
                .or_else(|| comparison().map(|stated| Given::Comparison(Box::new(stated))))
                .or_else(|| key().map(|key| Given::Key(Box::new(key))))
                .unwrap_or(Given::Other),
        };
        Ok(Self { path: path.to_owned(), given })
    }

    /// The key, where it is that of a witness that cosigns.
    pub(super) fn key(&self) -> Option<&WitnessKey> {
        match &self.given {
            Given::Key(key) => Some(key),
            _ => None,
        }
    }

    /// The comparison, where it is one.
    pub(super) fn comparison(&self) -> Option<(&Path, &Comparison)> {
        match &self.given {
            Given::Comparison(comparison) => Some((&self.path, comparison)),
            _ => None,
        }
    }

    /// The checkpoints that it holds, each signed by the service or not.
    pub(super) fn kept(&self, keys: &ServiceKeys) -> Vec<Kept> {
        let kept = |note: &String| {
            let head = keys.head_of(note.as_bytes()).map_err(Unsound::Not);
            Kept { path: self.path.clone(), head }
        };
        let body = match &self.given {
            Given::Evidence(evidence) => &evidence.body,
            Given::Report(report) => return vec![kept(&report.body.checkpoint)],
            Given::Key(_) | Given::Comparison(_) | Given::Other => return Vec::new(),
        };
        let consents = body.statements.iter().filter_map(|stated| match stated {
            Stated::Consent { proposal, intent, .. } if !proposal.is_empty() => {
                Some([Some(proposal), intent.as_ref()])
            }
            _ => None,
        });
        let notes = consents.flatten().flatten().chain([&body.checkpoint]);
        notes.map(kept).collect()
    }
}

impl Facts<'_> {
    /// What a witness proves.
    pub(super) fn witness(
        &self,
        witness: &Witness,
        card: &ServiceCard,
        all: &[Witness],
    ) -> Vec<Finding> {
        let (check, path) = (Check::Witness, &witness.path);
        match &witness.given {
            Given::Evidence(evidence) => self.evidence(path, &evidence.body, card),
            Given::Report(report) => vec![self.report(path, report, card)],
            // What it cosigned stands in checkpoints.
            Given::Key(_) => Vec::new(),
            Given::Comparison(stated) => vec![self.comparison(path, stated, card, all)],
            Given::Other => {
                let detail = both(|lang| {
                    text!(in lang,
                        "{path:?} is neither the evidence of a kit, signed by its card, nor the report \
                        of a result, nor the public key of a witness, nor a comparison of two files, as it was signed.",
                            "{path:?} n'est ni la preuve d'une trousse, signée de sa carte, ni le rapport d'un résultat, ni \
                                la clé publique d'un témoin, ni une comparaison de deux fichiers, comme elle fut signée."
                    )
                });
                vec![failure(check, "witness-form", None, detail)]
            }
        }
    }

    /// What the report of a result proves: its result stands in this ledger, and so does the
    /// checkpoint in it.
    fn report(&self, path: &Path, report: &SignedReport, card: &ServiceCard) -> Finding {
        let (check, body) = (Check::Witness, &report.body);
        if body.service != card.id() {
            let detail = both(|lang| {
                text!(in lang, "{path:?} is a report of another service.",
                    "{path:?} est un rapport d'un autre service.")
            });
            return failure(check, "witness-other-service", None, detail);
        }
        let keys = &self.walk.keys;
        let head = keys.head_of(body.checkpoint.as_bytes()).ok();
        let Some(head) = head.filter(|head| report.is_by(keys.at(head.size))) else {
            let detail = both(|lang| {
                text!(in lang,
                    "{path:?} is not signed by this service, or by a key that does not sign for so \
                    many events.",
                        "{path:?} n'est pas signé par ce service, ou l'est d'une clé qui ne signe pas pour autant \
                            d'événements."
                )
            });
            return failure(check, "witness-checkpoint", None, detail);
        };
        let state = self.walk.state.as_ref();
        let known = state.and_then(|state| state.deliveries().get(&body.delivery));
        let delivery = body.delivery.named(known.map_or(0, |known| known.parts));
        if !self.walk.history.includes(&head) {
            let detail = both(|lang| {
                text!(in lang,
                    "The report of delivery {delivery} holds a checkpoint of {} that this service \
                    signed, and this ledger does not go on from it: events were removed or rewritten.",
                        "Le rapport de la livraison {delivery} contient un point de contrôle de {} que ce service a \
                            signé, et ce registre n'en est pas la suite : des événements ont été retirés ou réécrits.",
                    events(lang, head.size)
                )
            });
            return failure(check, "witness-forked", Some(head.size), detail);
        }
        if known.is_none_or(|known| known.result != body.result.commitment) {
            let detail = both(|lang| {
                text!(in lang, "This ledger does not hold the result of delivery {delivery} as reported.",
                    "Ce registre ne contient pas le résultat de la livraison {delivery} tel que le rapport le dit.")
            });
            return failure(check, "witness-result", None, detail);
        }
        let detail = both(|lang| {
            text!(in lang,
                "{}: the result of delivery {delivery} and the checkpoint of its report stand in this \
                ledger.",
                    "{} : le résultat de la livraison {delivery} et le point de contrôle de son rapport sont dans ce \
                        registre.",
                path.display()
            )
        });
        holding(check, "holds", None, detail)
    }

    /// What a kit proves: that its newest checkpoint is of this ledger, that each question which it
    /// approved stands there, and each of its doubts.
    fn evidence(&self, path: &Path, body: &EvidenceBody, card: &ServiceCard) -> Vec<Finding> {
        let check = Check::Witness;
        let state = self.walk.state.as_ref();
        // A kit knows the service by its first card.
        let other = match state {
            Some(state) => body.service != *state.service(),
            None => body.service.id() != card.id(),
        };
        if other {
            let detail = both(|lang| {
                text!(in lang, "{path:?} is of a kit that follows another service.",
                    "{path:?} est d'une trousse qui suit un autre service.")
            });
            return vec![failure(check, "witness-other-service", None, detail)];
        }
        // A kit's newest card may wait for the next dealing.
        let seated = state.is_some_and(|state| {
            let mut dealings = state.epochs().values().map(|epoch| &epoch.dealing);
            dealings.any(|dealing| dealing.seat_of(&body.card.body.signing).is_some())
        });
        let name = &body.card.body.name;
        if !seated {
            let detail = both(|lang| {
                text!(in lang, "{path:?} is of a custodian whom no dealing of this ledger names.",
                    "{path:?} est d'un détenteur qu'aucune répartition de ce registre ne nomme.")
            });
            return vec![failure(check, "witness-unknown", None, detail)];
        }
        let mut findings = Vec::new();
        match self.walk.keys.head_of(body.checkpoint.as_bytes()) {
            Ok(head) if self.walk.history.includes(&head) => {}
            Ok(head) => {
                let detail = both(|lang| {
                    text!(in lang,
                        "`{name}` has seen a ledger of {} that this service signed, and this one does \
                        not go on from it: events were removed or rewritten.",
                            "`{name}` a vu un registre de {} que ce service a signé, et celui-ci n'en est pas la suite : \
                                des événements ont été retirés ou réécrits.",
                        events(lang, head.size)
                    )
                });
                findings.push(failure(check, "witness-forked", Some(head.size), detail));
            }
            Err(_) => {
                let detail = both(|lang| {
                    text!(in lang,
                        "The checkpoint of `{name}` is not signed by this service, or by a key that \
                        does not sign for so many events.",
                            "Le point de contrôle de `{name}` n'est pas signé par ce service, ou l'est d'une clé qui ne \
                                signe pas pour autant d'événements."
                    )
                });
                findings.push(failure(check, "witness-checkpoint", None, detail));
            }
        }
        for stated in &body.statements {
            match stated {
                Stated::Consent { action, .. } => {
                    if let Some(head) = self.missing(stated, body) {
                        let detail = both(|lang| {
                            text!(in lang,
                                "`{name}` approved on {} as event {}: {}. The service signed \
                                that question, and this ledger does not hold it: it may have run.",
                                    "`{name}` a consenti le {} comme événement {} : {}. Le service a signé cette \
                                        question, et ce registre ne la contient pas : l'opération a pu avoir lieu.",
                                stated.time(),
                                head.size, lang.of(&**action)
                            )
                        });
                        findings.push(failure(check, "question-erased", Some(head.size), detail));
                    }
                }
                Stated::Doubt { doubt } if doubt.is_by(&body.card.body.signing) => {
                    let is_recorded = |doubt: &Doubt| {
                        state.is_some_and(|state| state.doubts().contains_key(&doubt_digest(doubt)))
                    };
                    if !is_answered(doubt, &body.statements, is_recorded) {
                        let detail = both(|lang| {
                            text!(in lang,
                                "`{name}` stated a doubt on {}, which this ledger does not hold.",
                                "`{name}` a déclaré le {} un doute, que ce registre ne contient pas.",
                                doubt.body.cosignature.time
                            )
                        });
                        findings.push(failure(check, "doubt-missing", None, detail));
                    }
                }
                Stated::Doubt { .. } | Stated::Receipt { .. } => {}
            }
        }
        if findings.is_empty() {
            let detail = both(|lang| {
                text!(in lang,
                    "{}, of `{name}`: every question that they approved and every doubt that they \
                    stated stands in this ledger.",
                        "{}, de `{name}` : chaque question approuvée et chaque doute déclaré sont dans ce registre.",
                    path.display()
                )
            });
            findings.push(holding(check, "holds", None, detail));
        }
        findings
    }

    /// Questions that a quorum approved by what kits prove and the ledger holds together, although
    /// the ledger alone does not say so: where the process that asked was stopped, only the kits
    /// know the consents (SPEC §9).
    pub(super) fn approved(&self, witnesses: &[Witness], sound: u64) -> Vec<Notice> {
        let Some(state) = &self.walk.state else { return Vec::new() };
        let mut proved: BTreeMap<RunId, (usize, BTreeSet<Name>)> = BTreeMap::new();
        for witness in witnesses {
            let Given::Evidence(evidence) = &witness.given else { continue };
            let consents = evidence.body.statements.iter();
            for (run, by, needed) in consents.filter_map(|stated| self.consent(state, stated)) {
                let known = proved.entry(run).or_default();
                known.0 = needed;
                known.1.insert(by);
            }
        }
        let mut notices = Vec::new();
        for (run, (needed, mut by)) in proved {
            let known = state.runs().get(&run).zip(self.walk.story.asked.get(&run));
            let Some((known, asked)) = known.filter(|(known, _)| known.number <= sound) else {
                continue;
            };
            let action = &asked.action;
            match &known.fate {
                // That a quorum approved it is said already.
                Fate::Lapsed { enough: true, .. } => continue,
                Fate::Lapsed { by: recorded, .. } => by.extend(recorded.iter().cloned()),
                Fate::Open => {}
                Fate::Running | Fate::Result | Fate::Failed { .. } | Fate::Recovered { .. } => {
                    continue;
                }
            }
            if by.len() < needed {
                continue;
            }
            let detail = both(|lang| {
                text!(in lang,
                    "Event {}: {} custodians approved to {}, as their kits prove; the ledger \
                    holds no quorum for it. It may have run.",
                        "Événement {} : {} détenteurs ont consenti à {}, comme leurs trousses le prouvent ; le registre \
                            n'a pas de quorum pour cela. L'opération a pu avoir lieu.",
                    known.number,
                    by.len(), lang.of(action)
                )
            });
            notices.push(Notice { code: "may-have-run", event: known.number, detail });
        }
        notices
    }

    /// Of an approval that counts for a question in this ledger: its run, who approved, and how
    /// many are needed.
    fn consent(&self, state: &State, stated: &Stated) -> Option<(RunId, Name, usize)> {
        let Stated::Consent { consent, line, .. } = stated else { return None };
        let (history, number) = (&self.walk.history, consent.body.cosignature.head.size);
        let (leaf, head) = (history.leaf(number)?, history.head_at(number)?);
        let line = (leaf == leaf_hash(line.as_bytes())).then_some(line)?;
        let Line { event: Event::Proposed { question }, clock, .. } =
            serde_json::from_str(line).ok()?
        else {
            return None;
        };
        let dealing = &state.epochs().get(&question.epoch)?.dealing;
        let proved = &Proved::default();
        let placed = Placed { question: &question, leaf, head, clock, proved };
        placed.check_consent(consent, dealing).ok()?;
        Some((question.run, consent.body.by.clone(), dealing.threshold.k()))
    }

    /// The place of a question that the service signed for, and that this ledger does not hold.
    fn missing(&self, stated: &Stated, body: &EvidenceBody) -> Option<Head> {
        let Stated::Consent { consent, line, proposal, proof, .. } = stated else { return None };
        let head = consent.body.cosignature.head;
        let leaf = leaf_hash(line.as_bytes());
        let keys = &self.walk.keys;
        let signed = match keys.head_of(proposal.as_bytes()) {
            Ok(signed) => signed == head,
            Err(_) => {
                let newest = keys.head_of(body.checkpoint.as_bytes()).ok()?;
                let index = head.size.checked_sub(1)?;
                verify_inclusion(&leaf, index, newest.size, proof, &newest.root).is_ok()
            }
        };
        let proved = signed
            && consent.is_by(&body.card.body.signing)
            && consent.body.question == leaf
            && self.walk.history.leaf(head.size) != Some(leaf);
        proved.then_some(head)
    }
}
