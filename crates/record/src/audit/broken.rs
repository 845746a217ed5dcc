//! The event that does not hold, and which check it fails.

use cstatns_base::coded::Coded as _;
use cstatns_base::language::{Said, both};
use cstatns_base::text;

use crate::dealing::RosterError;
use crate::ledger::LedgerError;
use crate::proposal::QuorumError;
use crate::state::{Broken, Refusal, Unlawful};

use super::findings::failure;
use super::walk::BrokenEvent;
use super::{Check, Finding};

impl BrokenEvent<'_> {
    /// Whether what custodians signed there is about other events than the ones that stand before
    /// it: then it is these that were rewritten, unless the event itself was changed.
    pub(super) fn is_of_another_history(&self) -> bool {
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

    pub(super) fn finding(&self) -> Finding {
        let number = self.number;
        let named = |lang| match self.event {
            Some(word) => {
                text!(in lang, "Event {number} ({word})", "L'événement {number} ({word})")
            }
            None => text!(in lang, "Event {number}", "L'événement {number}"),
        };
        let (check, what) = match self.error {
            Broken::Ledger(error) => (Check::Chain, misplaced(error)),
            Broken::Unlawful { reason, .. } if self.is_of_another_history() => (
                check_of(reason),
                both(|lang| {
                    text!(
                        in lang,
                        "is about other events than the ones that stand before it: these were rewritten, or it was.",
                        "porte sur d'autres événements que ceux qui le précèdent : ceux-ci ont été réécrits, ou lui."
                    )
                }),
            ),
            Broken::Unlawful { reason, .. } => (check_of(reason), rule_broken(reason)),
        };
        let is_changed =
            matches!(self.error, Broken::Unlawful { .. }) && self.changed == Some(true);
        let after = |lang| match is_changed {
            true => text!(
                in lang,
                " It was changed after it was written: the event after it carries another hash.",
                " Il a été modifié après avoir été écrit : l'événement suivant porte une autre empreinte."
            ),
            false => String::new(),
        };
        let detail = both(|lang| format!("{} {}{}", named(lang), lang.of(&what), after(lang)));
        failure(check, self.error.code(), Some(number), detail)
    }
}

fn misplaced(error: &LedgerError) -> Said {
    both(|lang| match error {
        LedgerError::Version { .. } => text!(
            in lang,
            "is of a newer format than this program knows.",
            "est d'un format plus récent que ce programme n'en connaît."
        ),
        LedgerError::OtherService { .. } => text!(
            in lang,
            "is of another service: it was put there.",
            "est d'un autre service : il y a été mis."
        ),
        LedgerError::Sequence { found, .. } => text!(
            in lang,
            "is missing from its place, where event {found} stands: events were removed, doubled or moved.",
            "manque à sa place, où se trouve l'événement {found} : des événements ont été retirés, doublés ou déplacés."
        ),
        LedgerError::Chain { .. } => text!(
            in lang,
            "was changed: the events around it carry another hash than it has.",
            "a été modifié : les événements voisins portent une autre empreinte que la sienne."
        ),
        _ => text!(
            in lang,
            "is not an event in its canonical form: it was changed.",
            "n'est pas un événement sous sa forme canonique : il a été modifié."
        ),
    })
}

/// Why the rules do not allow an event, as the program says it to those who ask for it.
fn rule_broken(reason: &Unlawful) -> Said {
    both(|lang| match check_of(reason) {
        Check::Signatures => text!(
            in lang,
            "holds a statement that does not stand. The rule broken: “{}”.",
            "contient une déclaration qui ne tient pas. La règle enfreinte : « {} ».",
            lang.of(reason)
        ),
        _ => text!(
            in lang,
            "was not allowed after the events before it. The rule broken: “{}”.",
            "n'était pas permis après les événements précédents. La règle enfreinte : « {} ».",
            lang.of(reason)
        ),
    })
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
