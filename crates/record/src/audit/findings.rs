//! What holds in a ledger, and what does not.

use crate::card::{ServiceCard, Unsigned};
use crate::checkpoint::Head;
use crate::dealing::RosterError;
use crate::ledger::LedgerError;
use crate::proposal::QuorumError;
use crate::state::{Broken, Refusal, State, Unlawful};
use cstatns_base::coded::Coded as _;

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
                let detail =
                    format!("It is signed by this service and covers {}.", events(head.size));
                holding(Check::Checkpoint, "holds", None, detail)
            }
            Err(why) => own.unsound(Check::Checkpoint, why),
        }
    }

    /// A card with a signing key that the ledger does not name is not of its service, or the ledger
    /// is older.
    pub(super) fn card(&self, card: &ServiceCard) -> Option<Finding> {
        let known = self.broken.is_some() || self.walk.keys.contains(&card.body.signing);
        let detail = "The service's card that was given has a signing key which this ledger does \
                      not name: the ledger is older than the card, or one of the two is false.";
        (!known).then(|| failure(Check::Checkpoint, "service-key-unknown", None, detail.to_owned()))
    }

    /// Chain, signatures and lawfulness: the one that fails, and how far the others hold.
    pub(super) fn events(&self, sound: u64) -> Vec<Finding> {
        if self.broken.is_none() && self.found() == 0 {
            let detail = "The ledger has no events.".to_owned();
            return vec![failure(Check::Chain, "ledger-empty", None, detail)];
        }
        let range = match sound {
            1 => "Event 1".to_owned(),
            _ => format!("Events 1 to {sound}"),
        };
        let failed = self.broken.as_ref().map(BrokenEvent::finding);
        let mut findings = Vec::new();
        for check in [Check::Chain, Check::Signatures, Check::Lawfulness] {
            match &failed {
                Some(failure) if failure.check == check => findings.push(failure.clone()),
                _ if sound == 0 => {}
                _ => {
                    let detail = match check {
                        Check::Chain => {
                            format!("{range}: in their place, each linked to the one before.")
                        }
                        Check::Signatures => {
                            format!(
                                "{range}: every statement is signed by who is said to state it."
                            )
                        }
                        _ => format!(
                            "{range}: each was allowed by the rules after the ones before it."
                        ),
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
            let missing = if found + 1 == size {
                format!("event {size} is")
            } else {
                format!("events {} to {size} are", found + 1)
            };
            let cut =
                if self.walk.torn { " What is left of one of them is cut short." } else { "" };
            let detail = format!(
                "The checkpoint covers {}, the ledger has {found}: {missing} missing.{cut}",
                events(size)
            );
            return vec![failure(check, "ledger-short", Some(found + 1), detail)];
        }
        if !self.is_covered() {
            let detail = match &self.broken {
                Some(_) => {
                    format!("The first {size} events are not the ones that the checkpoint covers.")
                }
                None => String::from(
                    "The events are not the ones that the checkpoint covers, though each is linked \
                    to the one before: \
                     the last event was changed, or several were and their links were made anew.",
                ),
            };
            findings.push(failure(check, "ledger-root", Some(size), detail));
        } else if let Some(broken) = self.broken.as_ref().filter(|broken| broken.number <= size) {
            findings.push(recorded_so(check, "The service's checkpoint", broken.number));
        } else {
            let detail =
                format!("The first {size} events are the ones that the checkpoint covers.");
            findings.push(holding(check, "holds", None, detail));
        }
        if found > size + 1 || (found > size && self.walk.torn) {
            let detail = format!(
                "The ledger goes on after the {size} events that its checkpoint covers, by more \
                than a stopped write \
                 leaves: what follows was added."
            );
            findings.push(failure(check, "ledger-long", Some(size + 1), detail));
        } else if self.broken.is_none() && self.is_covered() {
            if found > size {
                let detail = format!(
                    "Event {found} is not covered by the checkpoint yet, as a stop in the middle \
                    of a write leaves it: it \
                     does not count until the service is opened again."
                );
                findings.push(holding(check, "event-uncovered", Some(found), detail));
            } else if self.walk.torn {
                let detail = format!(
                    "After event {found} stands the beginning of another, as a stop in the middle \
                    of a write leaves it: \
                     it never counted."
                );
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
            let detail = format!(
                "{path:?} covers {}, the ledger has {found}: events were removed.",
                events(size)
            );
            return failure(check, "ledger-short", Some(found + 1), detail);
        }
        if !self.walk.history.includes(&head) {
            return if self.is_covered() {
                let detail = format!(
                    "{path:?} and the ledger's own checkpoint are both signed by this service, and \
                    are not of one history: \
                     the ledger was forked or rewritten at event {size} or before."
                );
                failure(check, "ledger-forked", Some(size), detail)
            } else {
                let detail =
                    format!("The first {size} events are not the ones that {path:?} covers.");
                failure(check, "ledger-root", Some(size), detail)
            };
        }
        if let Some(covered) = self.covered.filter(|covered| covered.size < size) {
            let detail = format!(
                "{path:?} covers {}, the ledger's own checkpoint only {}: an older one was put in \
                its place.",
                events(size),
                covered.size
            );
            return failure(check, "checkpoint-older", Some(covered.size + 1), detail);
        }
        match &self.broken {
            Some(broken) if broken.number <= size => {
                recorded_so(check, &format!("{path:?}"), broken.number)
            }
            _ => {
                let detail = format!("The first {size} events are the ones that {path:?} covers.");
                holding(check, "holds", None, detail)
            }
        }
    }
}

/// An event that does not hold is signed for as it stands: it was not changed afterwards.
fn recorded_so(check: Check, checkpoint: &str, event: u64) -> Finding {
    let detail = format!(
        "{checkpoint} covers event {event} as it stands: the service itself recorded or rewrote it \
        so."
    );
    holding(check, "event-signed-for", Some(event), detail)
}

impl BrokenEvent<'_> {
    /// Whether what custodians signed there is about other events than the ones that stand before
    /// it: then it is these that were rewritten, unless the event itself was changed.
    fn is_of_another_history(&self) -> bool {
        let other = matches!(
            self.error,
            Broken::Unlawful {
                reason: Unlawful::Quorum(
                    QuorumError::OtherProposal { .. } | QuorumError::Cosignature { .. }
                ) | Unlawful::Refused(Refusal::Receipt),
                ..
            }
        );
        other && self.changed != Some(true)
    }

    fn finding(&self) -> Finding {
        let number = self.number;
        let named = self
            .event
            .map_or_else(|| format!("Event {number}"), |word| format!("Event {number} ({word})"));
        let (check, what) = match self.error {
            Broken::Ledger(error) => (Check::Chain, misplaced(error)),
            Broken::Unlawful { reason, .. } if self.is_of_another_history() => (
                check_of(reason),
                "is about other events than the ones that stand before it: these were rewritten, \
                or it was."
                    .to_owned(),
            ),
            Broken::Unlawful { reason, .. } => (check_of(reason), said(reason)),
        };
        let after = match self.error {
            Broken::Unlawful { .. } if self.changed == Some(true) => {
                " It was changed after it was written: the event after it carries another hash."
            }
            _ => "",
        };
        failure(check, self.error.code(), Some(number), format!("{named} {what}{after}"))
    }
}

fn misplaced(error: &LedgerError) -> String {
    match error {
        LedgerError::Version { .. } => "is of a newer format than this program knows.".to_owned(),
        LedgerError::OtherService { .. } => "is of another service: it was put there.".to_owned(),
        LedgerError::Sequence { found, .. } => {
            format!(
                "is missing from its place, where event {found} stands: events were removed, \
                doubled or moved."
            )
        }
        LedgerError::Chain { .. } => {
            "was changed: the events around it carry another hash than it has.".to_owned()
        }
        _ => "is not an event in its canonical form: it was changed.".to_owned(),
    }
}

/// Why the rules do not allow an event, as the program says it to those who ask for it.
fn said(reason: &Unlawful) -> String {
    match check_of(reason) {
        Check::Signatures => {
            format!("holds a statement that does not stand. The rule broken: “{reason}”.")
        }
        _ => format!("was not allowed after the events before it. The rule broken: “{reason}”."),
    }
}

fn check_of(reason: &Unlawful) -> Check {
    use QuorumError as Q;
    match reason {
        Unlawful::Quorum(
            Q::NotInRoster { .. }
            | Q::Signature { .. }
            | Q::OtherProposal { .. }
            | Q::OtherEpoch { .. }
            | Q::Cosignature { .. },
        )
        | Unlawful::Refused(
            Refusal::ReceiptSignature { .. }
            | Refusal::ReceiptNotInRoster { .. }
            | Refusal::ReceiptOtherService,
        )
        | Unlawful::Roster(RosterError::Service | RosterError::Card { .. }) => Check::Signatures,
        _ => Check::Lawfulness,
    }
}

pub(super) fn holding(
    check: Check,
    code: &'static str,
    event: Option<u64>,
    detail: String,
) -> Finding {
    Finding { check, code, holds: true, event, detail }
}

pub(super) fn failure(
    check: Check,
    code: &'static str,
    event: Option<u64>,
    detail: String,
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
                format!("There is no checkpoint at {path:?}."),
            ),
            Unsound::Not(Unsigned::OtherService) => failure(
                check,
                "checkpoint-other-service",
                None,
                format!(
                    "{path:?} is a checkpoint of another service: it says nothing about this one."
                ),
            ),
            Unsound::Not(Unsigned::OtherKey { size }) => failure(
                check,
                "checkpoint-key",
                None,
                format!(
                    "{path:?} covers {} and is not signed by the key with which the service of \
                    this ledger signs for so many: by one that was replaced, or by one that this \
                    ledger does not name.",
                    events(size)
                ),
            ),
            Unsound::Not(Unsigned::Signature) => failure(
                check,
                "checkpoint-signature",
                None,
                format!("{path:?} is not a checkpoint with a valid signature of this service."),
            ),
        }
    }
}
