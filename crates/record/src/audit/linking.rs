//! What an auditor establishes from the ledger of a linking body, and from the service's beside it
//! (SPEC §20).

use std::fmt;
use std::path::{Path, PathBuf};

use cstatns_base::delivery::DeliveryId;
use cstatns_base::language::{French, Lang, Said, both};
use cstatns_base::name::{Hex, Name};
use cstatns_base::text;
use jiff::Timestamp;
use serde::Serialize;

use crate::card::spoken;
use crate::checkpoint::read_note;
use crate::ledger::read_checkpoint;
use crate::linking::{Content, LinkedFile, LinkingError, LinkingState, Standing};
use crate::linking::{ReadLinking, linking_id, read_linking};
use crate::party::Role;
use crate::state::State;

use super::findings::{failure, holding};
use super::text::{Verdicts, count, events};
use super::{AuditError, Check, Finding, Notice};

/// What an auditor established about the ledger of a linking body. `Display` says it in plain
/// words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LinkingAudit {
    /// The id of the linking body; none where the first event does not hold.
    pub linking: Option<String>,
    /// Its card as words, to compare: only they show whose ledger it is.
    pub card: Option<String>,
    /// Its events.
    pub events: u64,
    /// The time of the last one.
    pub last: Option<Timestamp>,
    /// What holds and what does not.
    pub findings: Vec<Finding>,
    /// What holds, and is not in order.
    pub notices: Vec<Notice>,
    /// Coded files received, files joined, and how often one was released.
    pub received: u64,
    /// See `received`.
    pub joined: u64,
    /// See `received`.
    pub released: u64,
    /// Files that lie in clear, of which an encrypted copy is kept, that are destroyed.
    pub clear: u64,
    /// See `clear`.
    pub kept: u64,
    /// See `clear`.
    pub destroyed: u64,
}

/// Checks the ledger of a linking body at `ledger`, with the checkpoint beside it, against
/// checkpoints of it that were kept from before; and, where the state of the service's ledger is
/// given, compares the two. `now` is the auditor's time.
///
/// # Errors
/// [`AuditError`] when a file cannot be read.
pub fn verify_linking(
    ledger: &Path,
    service: Option<&State>,
    old: &[PathBuf],
    now: Timestamp,
) -> Result<LinkingAudit, AuditError> {
    let read = match read_linking(ledger) {
        Ok(read) => read,
        Err(LinkingError::File(error)) => return Err(error.into()),
        Err(error) => return Ok(LinkingAudit::broken(&error)),
    };
    let mut audit = LinkingAudit::of(&read);
    let text = both(|lang| {
        text!(in lang,
            "All events are in their places, can follow one another, and are covered by the body's checkpoint.",
            "Tous les événements sont à leur place, peuvent se suivre, et sont couverts par le point de contrôle de \
                l'organisme."
        )
    });
    audit.findings.push(holding(Check::Chain, "holds", None, text));
    for path in old {
        audit.findings.push(earlier(&read, path)?);
    }
    if let Some(service) = service {
        let beside = Beside { state: &read.state, service };
        audit.findings.push(beside.finding());
        audit.notices.extend(beside.missing());
    }
    audit.notices.extend(owed(&read.state, service, now));
    audit.notices.sort_by_key(|notice| notice.event);
    Ok(audit)
}

/// Whether the ledger extends a checkpoint of it that was kept.
fn earlier(read: &ReadLinking, path: &Path) -> Result<Finding, AuditError> {
    let card = read.state.card().expect("a ledger that holds begins with a card");
    let head = read_note(&read_checkpoint(path)?, &linking_id(card), &card.body.signing);
    let Some(head) = head else {
        let text = both(|lang| {
            text!(in lang,
                "{path:?} is no checkpoint that this linking body signed.",
                "{path:?} n'est pas un point de contrôle signé par cet organisme d'appariement."
            )
        });
        return Ok(failure(Check::Earlier, "checkpoint-signature", None, text));
    };
    let size = head.size;
    Ok(match read.history.includes(&head) {
        true => {
            let text = both(|lang| {
                text!(in lang, "The first {size} events are the ones that {path:?} covers.",
                    "Les {size} premiers événements sont ceux que couvre {path:?}.")
            });
            holding(Check::Earlier, "holds", None, text)
        }
        false => {
            let text = both(|lang| {
                text!(in lang,
                    "{path:?} covers {} which this ledger does not have: it was rewritten.",
                    "{path:?} couvre {} que ce registre n'a pas : il a été réécrit.", events(lang, size)
                )
            });
            failure(Check::Earlier, "ledger-forked", Some(size), text)
        }
    })
}

/// Both ledgers.
struct Beside<'a> {
    state: &'a LinkingState,
    service: &'a State,
}

/// What of an event the service's ledger contradicts.
enum Against {
    Delivery(DeliveryId),
    Registration(Name),
    Researcher,
}

impl Beside<'_> {
    /// The files of this service's projects.
    fn files(&self) -> impl Iterator<Item = &LinkedFile> {
        let id = self.service.service().id();
        self.state.files().values().filter(move |file| *file.service == *id)
    }

    fn own(&self) -> Hex<32> {
        self.state.card().expect("a ledger that holds begins with a card").fingerprint()
    }

    /// Whether a card had a role in a domain, be it over or not.
    fn had(&self, card: &Hex<32>, domain: &Name, role: Role) -> bool {
        let known = self.service.parties().get(card).and_then(|party| party.roles.get(domain));
        known.is_some_and(|known| known.role == role)
    }

    /// The first event that the service's ledger contradicts, with its number.
    fn against(&self) -> Option<(u64, Against)> {
        let own = self.own();
        let against = |file: &LinkedFile| {
            if !self.had(&own, &file.domain, Role::Linking) {
                return Some(Against::Registration(file.domain.clone()));
            }
            if let Content::Coded { delivery, request, result, sender, .. } = &file.content {
                let made = self.service.deliveries().get(delivery);
                let same = made.is_some_and(|made| {
                    (&made.domain, made.generation) == (&file.domain, file.generation)
                        && (&made.request, &made.result) == (request, result)
                        && (made.rows, made.recipient) == (file.rows, Some(own))
                        // What a body has renewed, it sent itself.
                        && made.sender.is_none_or(|by| by == sender.unwrap_or(own))
                });
                return (!same).then_some(Against::Delivery(*delivery));
            }
            let gets = |card: &Hex<32>| self.had(card, &file.domain, Role::Researcher);
            (!file.released.iter().all(gets)).then_some(Against::Researcher)
        };
        let mut found: Vec<_> =
            self.files().filter_map(|file| Some((file.event, against(file)?))).collect();
        found.sort_by_key(|(event, _)| *event);
        found.into_iter().next()
    }

    fn finding(&self) -> Finding {
        let id = self.service.service().id();
        let Some((event, against)) = self.against() else {
            let text = both(|lang| {
                text!(in lang,
                    "It agrees with the ledger of {id}: deliveries, roles, receivers.",
                    "Il concorde avec le registre de {id} : livraisons, rôles, destinataires."
                )
            });
            return holding(Check::Counterpart, "holds", None, text);
        };
        let (code, text) = match against {
            Against::Delivery(delivery) => (
                "linking-delivery",
                both(|lang| {
                    text!(in lang,
                        "The delivery {delivery} is not in the ledger of {id} as this body received it.",
                        "La livraison {delivery} n'est pas dans le registre de {id} telle que cet organisme l'a reçue."
                    )
                }),
            ),
            Against::Registration(domain) => (
                "linking-unregistered",
                both(|lang| {
                    text!(in lang,
                        "In the ledger of {id} this body does not link for `{domain}`.",
                        "Dans le registre de {id}, cet organisme n'apparie pas pour `{domain}`."
                    )
                }),
            ),
            Against::Researcher => (
                "linking-receiver",
                both(|lang| {
                    text!(in lang,
                        "A file went to a body that is no researcher of its project in the ledger of {id}.",
                        "Un fichier est allé à un organisme qui n'est pas chercheur de son projet dans le registre de {id}."
                    )
                }),
            ),
        };
        failure(Check::Counterpart, code, Some(event), text)
    }

    /// Deliveries to this body that it has not recorded.
    fn missing(&self) -> impl Iterator<Item = Notice> {
        let own = self.own();
        let id = cstatns_base::meta::ServiceId::of(self.service.service().id());
        let event = self.state.files().values().map(|file| file.event).max().unwrap_or(1);
        let deliveries = self.service.deliveries().iter().filter_map(move |(delivery, made)| {
            let is_missing = made.recipient == Some(own)
                && made.lost.is_none()
                && !id.as_ref().is_some_and(|id| self.state.has(id, delivery));
            is_missing.then_some((delivery, &made.domain))
        });
        deliveries.map(move |(delivery, domain)| {
            let detail = both(|lang| {
                text!(in lang,
                    "The service made the delivery {delivery} of `{domain}` for this body, which has not recorded it.",
                    "Le service a fait la livraison {delivery} de `{domain}` pour cet organisme, qui ne l'a pas inscrite."
                )
            });
            Notice { code: "linking-not-received", event, detail }
        })
    }
}

/// What the body must destroy by now.
fn owed(state: &LinkingState, service: Option<&State>, now: Timestamp) -> Vec<Notice> {
    // The service's ledger may know that a project is over before the body has its notice.
    let is_over = |file: &&LinkedFile| {
        let domain = service.filter(|service| *file.service == *service.service().id());
        let domain = domain.and_then(|service| service.domain(&file.domain).ok());
        let is_there = match file.standing {
            Standing::Destroyed => false,
            Standing::Kept => file.is_coded(),
            Standing::Clear => true,
        };
        is_there && domain.is_some_and(|domain| domain.destroyed.is_some())
    };
    let mut owed: Vec<&LinkedFile> = state.owed(now).map(|(_, file)| file).collect();
    owed.extend(state.files().values().filter(is_over));
    owed.sort_by_key(|file| file.event);
    owed.dedup_by_key(|file| file.event);
    let notice = |file: &LinkedFile| {
        let (event, domain) = (file.event, &file.domain);
        let detail = match file.standing {
            Standing::Kept if !file.is_coded() => both(|lang| {
                text!(in lang,
                    "The kept copy of the file of event {event}, of `{domain}`, is past its end and not destroyed.",
                    "La copie gardée du fichier de l'événement {event}, de `{domain}`, a passé sa fin et n'est pas détruite."
                )
            }),
            _ => both(|lang| {
                text!(in lang,
                    "The project `{domain}` is over, and the file of event {event} is not destroyed.",
                    "Le projet `{domain}` est terminé, et le fichier de l'événement {event} n'est pas détruit."
                )
            }),
        };
        Notice { code: "linking-owes", event, detail }
    };
    owed.into_iter().map(notice).collect()
}

impl LinkingAudit {
    /// Of a ledger that does not hold.
    fn broken(error: &LinkingError) -> Self {
        let (check, code, event) = match error {
            LinkingError::Line { number } => (Check::Chain, "linking-line", Some(*number)),
            LinkingError::Chain { number } => (Check::Chain, "linking-chain", Some(*number)),
            LinkingError::Unlawful { number, .. } => {
                (Check::Lawfulness, "linking-unlawful", Some(*number))
            }
            LinkingError::Covered { .. } => (Check::Tree, "linking-covered", None),
            _ => (Check::Checkpoint, "linking-checkpoint", None),
        };
        let mut detail = Said::of(error);
        for text in [&mut detail.en, &mut detail.fr] {
            let mut first = text.chars();
            *text = first.next().into_iter().flat_map(char::to_uppercase).chain(first).collect();
            text.push('.');
        }
        let findings = vec![failure(check, code, event, detail)];
        Self { findings, ..Self::default() }
    }

    fn default() -> Self {
        Self {
            linking: None,
            card: None,
            events: 0,
            last: None,
            findings: Vec::new(),
            notices: Vec::new(),
            received: 0,
            joined: 0,
            released: 0,
            clear: 0,
            kept: 0,
            destroyed: 0,
        }
    }

    fn of(read: &ReadLinking) -> Self {
        let card = read.state.card();
        let mut audit = Self {
            linking: card.map(linking_id),
            card: card.map(|card| spoken(&card.fingerprint())),
            events: read.history.size(),
            last: read.state.time(),
            ..Self::default()
        };
        for file in read.state.files().values() {
            audit.received += u64::from(file.is_coded());
            audit.joined += u64::from(!file.is_coded());
            audit.released += file.released.len() as u64;
            match file.standing {
                Standing::Clear => audit.clear += 1,
                Standing::Kept => audit.kept += 1,
                Standing::Destroyed => audit.destroyed += 1,
            }
        }
        audit
    }

    /// Whether everything that was checked holds.
    pub fn holds(&self) -> bool {
        self.findings.iter().all(|finding| finding.holds)
    }

    /// Whether everything holds and nothing must be accounted for.
    pub fn is_in_order(&self) -> bool {
        self.holds() && self.notices.is_empty()
    }

    /// What does not hold.
    pub fn failures(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| !finding.holds)
    }

    fn text(&self, lang: Lang) -> String {
        let mut lines = Vec::new();
        let unknown = "?".to_owned();
        lines.push(text!(in lang,
            "Ledger of the linking body {}: {}",
            "Registre de l'organisme d'appariement {} : {}",
            self.linking.as_ref().unwrap_or(&unknown),
            events(lang, self.events)
        ));
        if let Some(card) = &self.card {
            lines.push(text!(in lang,
                "  its card, to compare with the body: {card}",
                "  sa carte, à comparer avec l'organisme : {card}"
            ));
        }
        for finding in &self.findings {
            let holds = match finding.holds {
                true => text!(in lang, "holds", "tient"),
                false => text!(in lang, "DOES NOT HOLD", "NE TIENT PAS"),
            };
            let (check, detail) = (lang.of(finding.check.words()), lang.of(&finding.detail));
            lines.push(text!(in lang, "{check}: {holds}. {detail}", "{check} : {holds}. {detail}"));
        }
        if self.card.is_some() {
            lines.push(text!(in lang,
                "Files: {} received, {} joined, {}; {} in clear, {} kept encrypted, {} destroyed",
                "Fichiers : {} reçus, {} appariés, {} ; {} en clair, {} gardés chiffrés, {} détruits",
                self.received,
                self.joined,
                count(lang, self.released, "release", "remises", "remise"),
                self.clear,
                self.kept,
                self.destroyed
            ));
        }
        if !self.notices.is_empty() {
            lines.push(text!(in lang, "To be accounted for:", "À justifier :"));
            lines
                .extend(self.notices.iter().map(|notice| format!("  {}", lang.of(&notice.detail))));
        }
        let verdicts = Verdicts {
            checks: self.findings.len(),
            failures: self.failures().count(),
            matters: self.notices.len(),
        };
        lines.extend([verdicts.intact(lang), verdicts.in_order(lang)]);
        lines.join("\n") + "\n"
    }
}

impl fmt::Display for LinkingAudit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl French for LinkingAudit {
    fn french(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::Fr))
    }
}
