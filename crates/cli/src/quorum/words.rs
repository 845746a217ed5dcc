//! What a kit says of itself and of a ledger, for people (SPEC §8).

use cstatns::card::spoken;
use cstatns::custody::custodian::{Remark, Shown};
use cstatns::evidence::About;
use cstatns::receipt::{Doubted, ReceiptStatement};
use cstatns::state::Fate;

use crate::figures::counted;

/// What a kit says of itself: the line that a custodian keeps on paper.
pub(crate) fn said_of(shown: &Shown) -> String {
    let ledger = shown.head.map_or_else(
        || "no ledger seen".to_owned(),
        |head| format!("ledger of {} events, {}", head.size, spoken(&head.root)),
    );
    match &shown.last {
        Some(last) => format!(
            "statement {}, the last: {} on {}; {ledger}",
            shown.count,
            in_brief(&last.about),
            last.time
        ),
        None => format!("no statement; {ledger}"),
    }
}

/// A statement in a few words.
fn in_brief(about: &About) -> String {
    match about {
        About::Consent { action } => format!("approved to {}", action.brief()),
        other => stated(other),
    }
}

/// A statement of a kit, for people.
pub(crate) fn stated(about: &About) -> String {
    match about {
        About::Consent { action } => format!("approved to {action}"),
        About::Doubt { doubted } => format!("stated a doubt about {}", doubted_words(doubted)),
        About::Receipt { statement: ReceiptStatement::ShareHeld { epoch, .. } } => {
            format!("confirmed the share of epoch {epoch}")
        }
        About::Receipt { statement: ReceiptStatement::ShareForgotten { epoch } } => {
            format!("destroyed the share of epoch {epoch}, and knows of no paper or copy of it")
        }
        About::Receipt { statement: ReceiptStatement::ServiceKey { key, .. } } => {
            format!("accepted another signing key of the service, {}", spoken(key))
        }
        About::Receipt { .. } => "checked share and ledger".to_owned(),
    }
}

pub(super) fn doubted_words(doubted: &Doubted) -> String {
    match doubted {
        Doubted::Key { domain, generation } => format!("generation {generation} of `{domain}`"),
        Doubted::Custody { epoch } => format!("the custody of epoch {epoch}"),
    }
}

/// What a custodian sees before they consent, of the ledger that their kit looked at. Of the
/// questions that ended without a result, the newest is shown whole and the others are counted:
/// they are shown again at each consent, and a custodian must see what is new.
pub(super) fn notes(remarks: &[Remark]) -> Vec<String> {
    let ended = |remark: &Remark| match remark {
        Remark::NoResult { fate: Fate::Open | Fate::Running, .. } => None,
        Remark::NoResult { count, .. } => Some(*count),
        _ => None,
    };
    let newest = remarks.iter().filter_map(ended).max();
    let older = |remark: &Remark| ended(remark).filter(|count| Some(*count) != newest);
    let told = remarks.iter().filter(|remark| older(remark).is_none()).map(remarked);
    let first = remarks.iter().filter_map(older).min();
    let counted = first.map(|first| match remarks.iter().filter_map(older).count() as u64 {
        1 => format!("statement {first} has no result either: see `custodian log`"),
        many => format!(
            "{} have no result either, the first of them statement {first}: see `custodian log`",
            counted(many, "earlier statement")
        ),
    });
    told.chain(counted).collect()
}

/// What a custodian sees about the ledger that their kit looked at.
pub(crate) fn remarked(remark: &Remark) -> String {
    match remark {
        Remark::NoResult { count, action, fate, holds_consent } => {
            let what = format!("statement {count}, to {}, has no result: ", action.brief());
            let how = match fate {
                Fate::Open => "it is still open".to_owned(),
                Fate::Running => "its run has not ended".to_owned(),
                Fate::Failed { made: 0 } => "its run failed; it may have run".to_owned(),
                Fate::Failed { made } => format!(
                    "its run failed with {made} of the {} results; the rest may have run",
                    action.parts()
                ),
                Fate::Lapsed { enough: true, .. } => {
                    "it lapsed although a quorum had approved; it may have run".to_owned()
                }
                Fate::Lapsed { .. } if *holds_consent => "it lapsed".to_owned(),
                _ => "it lapsed, and the ledger does not hold this approval".to_owned(),
            };
            what + &how
        }
        Remark::DoubtMissing { count, doubted } => format!(
            "statement {count}, the doubt about {}, is not in the ledger: give it to the service \
            again, or to the auditor",
            doubted_words(doubted)
        ),
        Remark::ReceiptMissing { count, statement } => format!(
            "statement {count} ({}) is not in the ledger: give its receipt to the service",
            stated(&About::Receipt { statement: statement.clone() })
        ),
        Remark::ResultLost { count, action } => format!(
            "statement {count}, to {}: a result was lost before anybody received it",
            action.brief()
        ),
        Remark::OtherCopy { remembered, recorded } => format!(
            "the ledger holds statement {recorded} of this card, the kit remembers {remembered}: \
            another copy of the kit is in use, or this one was put back from a backup"
        ),
    }
}

#[cfg(test)]
mod tests {
    use cstatns::name::Name;
    use cstatns::proposal::Action;

    use super::*;

    #[test]
    fn of_what_has_no_result_the_newest_is_shown_and_the_older_are_counted() {
        let action = Action::Close { domain: Name::new("benefits").unwrap() };
        let without = |count: u64, fate: Fate| Remark::NoResult {
            count,
            action: Box::new(action.clone()),
            fate,
            holds_consent: true,
        };
        let failed = |count| without(count, Fate::Failed { made: 0 });
        let other = Remark::OtherCopy { remembered: 3, recorded: 4 };
        assert_eq!(notes(&[]), Vec::<String>::new());
        assert_eq!(notes(&[failed(3)]), [remarked(&failed(3))]);
        // What has not ended is never one of many.
        let open = without(2, Fate::Open);
        let said = notes(&[open.clone(), failed(3), failed(5), other.clone()]);
        assert_eq!(said[..3], [&open, &failed(5), &other].map(remarked));
        assert_eq!(said[3..], ["statement 3 has no result either: see `custodian log`"]);
        let said = notes(&(3..15).map(failed).collect::<Vec<_>>());
        assert_eq!(said[..1], [remarked(&failed(14))]);
        let counted = "11 earlier statements have no result either, the first of them statement 3: \
            see `custodian log`";
        assert_eq!(said[1..], [counted]);
    }
}
