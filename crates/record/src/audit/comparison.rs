//! What those found who compared a coded file with its renewal, beside the ledger.

use std::path::Path;

use cstatns_base::code::{Generation, Tag};
use cstatns_base::language::{Lang, Said, both};
use cstatns_base::name::Name;
use cstatns_base::text;

use crate::card::ServiceCard;
use crate::comparison::{Compared, Comparison, ComparisonBody, Reported};
use crate::proposal::Action;
use crate::state::State;

use super::findings::{Facts, failure, holding};
use super::witness::Witness;
use super::{Check, Finding, Notice};

/// What stands against a comparison: a code, and the sentence.
type Against = (&'static str, Said);

impl Facts<'_> {
    /// What a comparison states, and whether this ledger says otherwise.
    pub(super) fn comparison(
        &self,
        path: &Path,
        comparison: &Comparison,
        card: &ServiceCard,
        witnesses: &[Witness],
    ) -> Finding {
        let (check, body) = (Check::Witness, &comparison.body);
        let against = match &self.walk.state {
            Some(state) => self.against(path, body, state, card),
            None => None,
        };
        if let Some((code, detail)) = against {
            return failure(check, code, None, detail);
        }
        let is_given = |witness: &Witness| {
            witness.key().is_some_and(|key| {
                key.key() == body.by.body.signing && key.name() == body.by.body.name.as_str()
            })
        };
        let is_party = self
            .walk
            .state
            .as_ref()
            .is_some_and(|state| state.parties().values().any(|party| party.card == body.by));
        let is_known = is_party || witnesses.iter().any(is_given);
        let detail = both(|lang| {
            let who = match is_known {
                true => String::new(),
                false => text!(
                    in lang,
                    ", whose card this ledger does not name and whose key was not given: it is the word of somebody unknown",
                    ", dont ce registre ne nomme pas la carte et dont la clé n'a pas été donnée : c'est la parole \
                        d'un inconnu"
                ),
            };
            text!(
                in lang,
                "{}, of `{}`{who}: {} Nothing in this ledger speaks against it.",
                "{}, de `{}`{who} : {} Rien dans ce registre ne dit le contraire.",
                path.display(),
                body.by.body.name,
                found(lang, body)
            )
        });
        let code = if is_known { "holds" } else { "comparison-signer-unknown" };
        holding(check, code, None, detail)
    }

    /// A comparison that is true and says that a file is not a whole renewal must be accounted for.
    pub(super) fn unequal(
        &self,
        witnesses: &[Witness],
        card: &ServiceCard,
        sound: u64,
    ) -> Vec<Notice> {
        let Some(state) = &self.walk.state else { return Vec::new() };
        let compared = witnesses.iter().filter_map(Witness::comparison);
        let unequal = compared.filter(|(path, comparison)| {
            let body = &comparison.body;
            !body.checks.hold() && self.against(path, body, state, card).is_none()
        });
        let notice = |(path, comparison): (&Path, &Comparison)| {
            let body = &comparison.body;
            let known = body.new.reported.as_ref().map(|new| new.delivery);
            let made = known.and_then(|delivery| state.deliveries().get(&delivery));
            let detail = both(|lang| {
                text!(in lang,
                    "{}, of `{}`: the new file is not the renewal of the old one, or not of all of it.",
                    "{}, de `{}` : le nouveau fichier n'est pas le renouvellement de l'ancien, ou pas de tout.",
                    path.display(),
                    body.by.body.name
                )
            });
            Notice {
                code: "comparison-unequal",
                event: made.map_or(sound, |made| made.event),
                detail,
            }
        };
        unequal.map(notice).collect()
    }

    fn against(
        &self,
        path: &Path,
        body: &ComparisonBody,
        state: &State,
        card: &ServiceCard,
    ) -> Option<Against> {
        if body.service.as_ref().is_some_and(|service| **service != *card.id()) {
            let detail = both(|lang| {
                text!(in lang, "{path:?} is of files of another service.",
                    "{path:?} porte sur des fichiers d'un autre service.")
            });
            return Some(("witness-other-service", detail));
        }
        let tagged = |domain: &Name| Tag::of(card.id(), domain) == body.new.tag;
        let mut domains = state.domains().keys().filter(|domain| tagged(domain));
        let domain = match &body.domain {
            Some(domain) => domains.find(|known| *known == domain),
            None => domains.next(),
        };
        let Some(domain) = domain else {
            let detail = both(|lang| {
                text!(in lang,
                    "{path:?} is of codes with the tag `{}`, which no such domain of this ledger has.",
                    "{path:?} porte sur des codes d'étiquette `{}`, qu'aucun domaine de ce registre n'a ainsi.",
                    body.new.tag
                )
            });
            return Some(("comparison-domain", detail));
        };
        let newest = state.domains()[domain].generation();
        [(&body.old, None), (&body.new, Some(&body.old))].into_iter().find_map(|(file, old)| {
            let Some(reported) = &file.reported else {
                let later = file.generations.iter().find(|generation| **generation > newest)?;
                return Some(not_made(path, *later, domain));
            };
            if !is_recorded(state, domain, file, reported) {
                let named = state.named(reported.delivery);
                let detail = both(|lang| {
                    text!(in lang,
                        "{path:?} names delivery {named}, which this ledger does not have so: of another domain, \
                        generation, request or number of rows, or not at all.",
                        "{path:?} nomme la livraison {named}, que ce registre n'a pas ainsi : d'un autre domaine, d'une \
                            autre génération, demande ou nombre de lignes, ou pas du tout."
                    )
                });
                return Some(("comparison-delivery", detail));
            }
            let old = old?.reported.as_ref()?;
            let asked = self.walk.asked.get(&reported.delivery.run);
            let is_renewal = match asked {
                Some(Action::Renew { of: Some(of), .. }) => of.contains(&old.delivery),
                // Which deliveries it renews was not said.
                Some(Action::Renew { of: None, .. }) => true,
                _ => false,
            };
            let (one, other) = (state.named(reported.delivery), state.named(old.delivery));
            let detail = both(|lang| {
                text!(in lang,
                    "{path:?} takes delivery {one} for the renewal of delivery {other}, and by this ledger it is not.",
                    "{path:?} prend la livraison {one} pour le renouvellement de la livraison {other}, et selon ce registre \
                        elle ne l'est pas."
                )
            });
            (!is_renewal).then_some(("comparison-renewal", detail))
        })
    }
}

/// Whether the ledger has the delivery of a file as its report names it.
fn is_recorded(state: &State, domain: &Name, file: &Compared, reported: &Reported) -> bool {
    state.deliveries().get(&reported.delivery).is_some_and(|made| {
        made.domain == *domain
            && file.generations == [made.generation]
            && made.request == reported.request
            && made.rows == reported.rows
            && file.coded <= made.rows
    })
}

fn not_made(path: &Path, generation: Generation, domain: &Name) -> Against {
    let detail = both(|lang| {
        text!(in lang,
            "{path:?} is of codes of generation {generation}, which `{domain}` does not have in this ledger.",
            "{path:?} porte sur des codes de génération {generation}, que `{domain}` n'a pas dans ce registre."
        )
    });
    ("comparison-generation", detail)
}

/// What the comparison found, and what the ledger alone does not show.
fn found(lang: Lang, body: &ComparisonBody) -> String {
    let ComparisonBody { old, new, checks, .. } = body;
    match checks.hold() {
        true => text!(
            in lang,
            "{} rows with {} different codes of generation {} were all renewed to generation {}, each code to one of its \
            own, none to itself. That rests on this signature; the ledger does not show it.",
            "{} lignes avec {} codes différents de génération {} ont toutes été renouvelées vers la génération {}, chaque \
                code vers un seul, aucun vers lui-même. Cela repose sur cette signature ; le registre ne le montre pas.",
            new.rows,
            new.distinct,
            old.generations[0],
            new.generations[0]
        ),
        false => text!(
            in lang,
            "the new file is not the whole renewal of the old one.",
            "le nouveau fichier n'est pas le renouvellement complet de l'ancien."
        ),
    }
}
