//! What a kit says of itself and of a ledger, for people (SPEC §8).

use cstatns::card::spoken;
use cstatns::custody::custodian::{Remark, Shown};
use cstatns::evidence::About;
use cstatns::receipt::{Doubted, ReceiptStatement};
use cstatns::state::Fate;

use crate::figures::counted;
use crate::lang::{Lang, lang, said, text};

/// What a kit says of itself: the line that a custodian keeps on paper.
pub(crate) fn said_of(shown: &Shown) -> String {
    let ledger = shown.head.map_or_else(
        || text!("no ledger seen", "aucun registre vu"),
        |head| {
            text!(
                "ledger of {} events, {}",
                "registre de {} événements, {}",
                head.size,
                spoken(&head.root)
            )
        },
    );
    let from = shown.paper.map_or_else(String::new, |epoch| {
        text!(
            "; made from the paper of epoch {epoch}: it does not know what it stated before",
            " ; refaite d'après le papier de l'époque {epoch} : elle ne sait pas ce qu'elle a déclaré auparavant"
        )
    });
    match &shown.last {
        Some(last) => text!(
            "statement {}, the last: {} on {}; {ledger}{from}",
            "déclaration {}, la dernière : {} le {} ; {ledger}{from}",
            shown.count,
            in_brief(&last.about),
            last.time
        ),
        None => text!("no statement; {ledger}{from}", "aucune déclaration ; {ledger}{from}"),
    }
}

/// A statement in a few words.
fn in_brief(about: &About) -> String {
    match about {
        About::Consent { action } => {
            text!("approved to {}", "consenti à {}", said(&action.brief()))
        }
        other => stated(lang(), other),
    }
}

/// A statement of a kit, for people.
pub(crate) fn stated(lang: Lang, about: &About) -> String {
    match about {
        About::Consent { action } => {
            text!(in lang, "approved to {}", "consenti à {}", lang.of(&**action))
        }
        About::Doubt { doubted } => {
            text!(in lang, "stated a doubt about {}", "déclaré un doute sur {}", doubted_words(lang, doubted))
        }
        About::Receipt { statement: ReceiptStatement::ShareHeld { epoch, .. } } => {
            text!(in lang, "confirmed the share of epoch {epoch}", "confirmé la part de l'époque {epoch}")
        }
        About::Receipt { statement: ReceiptStatement::ShareForgotten { epoch } } => {
            text!(in lang,
                "destroyed the share of epoch {epoch}, and knows of no paper or copy of it",
                "détruit la part de l'époque {epoch}, et n'en connaît ni papier ni copie"
            )
        }
        About::Receipt { statement: ReceiptStatement::PartyEnded { party } } => {
            text!(in lang,
                "ended the roles of the party with the card {}",
                "mis fin aux rôles du partenaire de carte {}",
                spoken(party)
            )
        }
        About::Receipt { statement: ReceiptStatement::ServiceKey { key, .. } } => {
            text!(in lang,
                "accepted another signing key of the service, {}",
                "accepté une autre clé de signature du service, {}",
                spoken(key)
            )
        }
        About::Receipt { .. } => {
            text!(in lang, "checked share and ledger", "vérifié part et registre")
        }
    }
}

pub(super) fn doubted_words(lang: Lang, doubted: &Doubted) -> String {
    match doubted {
        Doubted::Key { domain, generation } => text!(in lang,
            "generation {generation} of `{domain}`",
            "la génération {generation} de `{domain}`"
        ),
        Doubted::Custody { epoch } => {
            text!(in lang, "the custody of epoch {epoch}", "la garde de l'époque {epoch}")
        }
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
    let told = remarks
        .iter()
        .filter(|remark| older(remark).is_none())
        .map(|remark| remarked(lang(), remark));
    let first = remarks.iter().filter_map(older).min();
    let counted = first.map(|first| match remarks.iter().filter_map(older).count() as u64 {
        1 => text!("statement {first} has no result either: see `custodian log`",
            "la déclaration {first} n'a pas non plus de résultat : voyez `custodian log`"),
        many => text!(
            "{} have no result either, the first of them statement {first}: see `custodian log`",
            "{} n'ont pas non plus de résultat, la première étant la déclaration {first} : voyez `custodian log`",
            counted(many, "earlier statement", "déclaration antérieure")
        ),
    });
    told.chain(counted).collect()
}

/// What a custodian sees about the ledger that their kit looked at.
pub(crate) fn remarked(lang: Lang, remark: &Remark) -> String {
    match remark {
        Remark::NoResult { count, action, fate, open_until, holds_consent } => {
            let what = text!(in lang,
                "statement {count}, to {}, has no result: ",
                "la déclaration {count}, {}, n'a pas de résultat : ",
                lang.of(&action.brief())
            );
            let how = match fate {
                Fate::Open => match open_until {
                    Some(until) => text!(in lang,
                        "it has not ended yet; approvals count until {until}, and after that it may have run",
                        "la question n'est pas close ; les consentements comptent jusqu'au {until}, et après cela \
                            l'opération a pu avoir lieu"
                    ),
                    None => text!(in lang, "it is still open", "la question est encore ouverte"),
                },
                Fate::Running => {
                    text!(in lang, "its run has not ended", "son opération n'est pas terminée")
                }
                Fate::Failed { made: 0 } => {
                    text!(in lang, "its run failed; it may have run", "son opération a échoué ; elle a pu avoir lieu")
                }
                Fate::Failed { made } => text!(in lang,
                    "its run failed with {made} of the {} results; the rest may have run",
                    "son opération a échoué avec {made} des {} résultats ; le reste a pu avoir lieu",
                    action.parts()
                ),
                Fate::Lapsed { enough: true, .. } => {
                    text!(in lang, "it lapsed although a quorum had approved; it may have run",
                        "la question est tombée alors qu'un quorum avait consenti ; l'opération a pu avoir lieu")
                }
                Fate::Lapsed { .. } if *holds_consent => {
                    text!(in lang, "it lapsed", "la question est tombée")
                }
                _ => {
                    text!(in lang, "it lapsed, and the ledger does not hold this approval",
                        "la question est tombée, et le registre ne contient pas ce consentement")
                }
            };
            what + &how
        }
        Remark::DoubtMissing { count, doubted } => text!(in lang,
            "statement {count}, the doubt about {}, is not in the ledger: give it to the service \
            again, or to the auditor",
            "la déclaration {count}, le doute sur {}, n'est pas dans le registre : remettez-la de nouveau au service, ou \
                à l'auditeur",
            doubted_words(lang, doubted)
        ),
        Remark::ReceiptMissing { count, statement } => text!(in lang,
            "statement {count} ({}) is not in the ledger: give its receipt to the service",
            "la déclaration {count} ({}) n'est pas dans le registre : remettez son récépissé au service",
            stated(lang, &About::Receipt { statement: statement.clone() })
        ),
        Remark::ResultLost { count, action } => text!(in lang,
            "statement {count}, to {}: a result was lost before anybody received it",
            "la déclaration {count}, {} : un résultat a été perdu avant que personne ne le reçoive",
            lang.of(&action.brief())
        ),
        Remark::OtherCopy { remembered, recorded } => text!(in lang,
            "the ledger holds statement {recorded} of this card, the kit remembers {remembered}: \
            another copy of the kit is in use, or this one was put back from a backup",
            "le registre contient la déclaration {recorded} de cette carte, la trousse se souvient de {remembered} : une \
                autre copie de la trousse est en service, ou celle-ci vient d'une sauvegarde"
        ),
    }
}

#[cfg(test)]
mod tests {
    use cstatns::name::Name;
    use cstatns::proposal::Action;

    use super::*;

    fn english(remark: &Remark) -> String {
        remarked(Lang::En, remark)
    }

    #[test]
    fn of_what_has_no_result_the_newest_is_shown_and_the_older_are_counted() {
        let action = Action::Close { domain: Name::new("benefits").unwrap() };
        let without = |count: u64, fate: Fate| Remark::NoResult {
            count,
            action: Box::new(action.clone()),
            fate,
            open_until: None,
            holds_consent: true,
        };
        let failed = |count| without(count, Fate::Failed { made: 0 });
        let other = Remark::OtherCopy { remembered: 3, recorded: 4 };
        assert_eq!(notes(&[]), Vec::<String>::new());
        assert_eq!(notes(&[failed(3)]), [english(&failed(3))]);
        // What has not ended is never one of many.
        let open = without(2, Fate::Open);
        let said = notes(&[open.clone(), failed(3), failed(5), other.clone()]);
        assert_eq!(said[..3], [&open, &failed(5), &other].map(english));
        assert_eq!(said[3..], ["statement 3 has no result either: see `custodian log`"]);
        let said = notes(&(3..15).map(failed).collect::<Vec<_>>());
        assert_eq!(said[..1], [english(&failed(14))]);
        let counted = "11 earlier statements have no result either, the first of them statement 3: \
            see `custodian log`";
        assert_eq!(said[1..], [counted]);
    }
}
