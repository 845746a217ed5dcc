//! Questions in words, as custodians read them (SPEC §9).

use std::fmt;

use cstatns_base::distinct::CAP;
use cstatns_base::domain::{Kind, RenewalReason};
use cstatns_base::language::{French, fr};
use cstatns_base::name::{Hex, grouped_fr};

use crate::card::{CardBody, spoken};
use crate::dealing::Threshold;
use crate::party::Role;
use crate::proposal::{Action, Brief, Engine, Input, domain_list, places};

cstatns_base::french!(Threshold {
    threshold => ("{} sur {}", threshold.k(), threshold.n()),
});

cstatns_base::french!(Role {
    Self::Controller => ("responsable de traitement"),
    Self::Holder => ("dépositaire de données pour un responsable de traitement"),
    Self::Linking => ("organisme d'appariement"),
    Self::Researcher => ("chercheur"),
    Self::Register => ("gestionnaire d'un répertoire"),
});

impl French for Input {
    fn french(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [rows, values, distinct] = [self.rows, self.values, self.distinct].map(grouped_fr);
        let least = if self.distinct == CAP { "au moins " } else { "" };
        write!(f, "{rows} lignes avec {values} valeurs, dont {least}{distinct} distinctes")?;
        match self.engine {
            Some(Engine::Other) => {
                f.write_str(", écrites par un autre programme (engine\u{a0}: other)")
            }
            None => Ok(()),
        }
    }
}

/// The requests of a proposal in one sentence.
fn requests(inputs: &[Input]) -> String {
    if let [one] = inputs {
        return fr(one).to_string();
    }
    let sum = |count: fn(&Input) -> u64| {
        grouped_fr(inputs.iter().map(count).fold(0, u64::saturating_add))
    };
    let (rows, values) = (sum(|input| input.rows), sum(|input| input.values));
    format!("{} demandes, ensemble {rows} lignes avec {values} valeurs", inputs.len())
}

fn departure(keep: bool) -> &'static str {
    if keep { ", en GARDANT la demande contre les règles du schéma" } else { "" }
}

/// Says whose card's results these are, if somebody's other than the bearer's.
fn to(recipient: Option<&Hex<32>>) -> String {
    recipient.map_or_else(String::new, |card| format!(", pour la carte {}", spoken(card)))
}

impl French for Action {
    fn french(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { domain, kind, minimum_batch, authorisation } => {
                match kind {
                    Kind::Statistics { cryptoperiod_years } => write!(
                        f,
                        "ouvrir le domaine statistique `{domain}`, clé renouvelée tous les \
                        {cryptoperiod_years} ans"
                    )?,
                    Kind::Research { ends } => {
                        write!(f, "ouvrir le projet de recherche `{domain}`, jusqu'au {ends}")?;
                    }
                }
                write!(f, ", au moins {minimum_batch} valeurs distinctes par opération")?;
                match authorisation {
                    Some(reference) => write!(f, ", autorisé par `{reference}`"),
                    None => Ok(()),
                }
            }
            Self::Party { card, role, domains } => {
                let (body, words) = (&card.body, spoken(&card.fingerprint()));
                write!(f, "inscrire le partenaire `{}` (carte {words}", body.name)?;
                if !body.protected {
                    f.write_str(", clés SANS phrase de passe")?;
                }
                write!(f, ") comme {} dans {}", fr(role), domain_list(domains))
            }
            Self::Examined { domain, doubts } => {
                let (doubts, as_examined) = match doubts.len() {
                    1 => ("1 doute".to_owned(), "comme examiné"),
                    count => (format!("{count} doutes"), "comme examinés"),
                };
                match domain {
                    Some(domain) => write!(
                        f,
                        "clore {doubts} sur les clés de `{domain}` {as_examined}, sans nouvelle clé"
                    ),
                    None => write!(f, "clore {doubts} sur la garde {as_examined}"),
                }
            }
            Self::Extend { domain, ends } => {
                write!(f, "prolonger le projet de recherche `{domain}` jusqu'au {ends}")
            }
            Self::Code {
                domain,
                generation,
                scheme,
                purpose,
                inputs,
                keep_request,
                look_up,
                recipient,
            } => {
                let rows = if look_up.is_some() { " (des lignes, non des personnes)" } else { "" };
                write!(
                    f,
                    "coder {}{rows}, du type d'identifiant {scheme}, pour `{purpose}` dans `{domain}`, \
                    génération {generation}",
                    requests(inputs)
                )?;
                if let Some(look_up) = look_up {
                    write!(f, ", de personnes {}", fr(look_up))?;
                }
                write!(f, "{}{}", departure(*keep_request), to(recipient.as_ref()))
            }
            Self::NewKey { domain, generation, reason } => {
                let reason = match reason {
                    RenewalReason::Scheduled => "comme prévu",
                    RenewalReason::Doubt => "à cause d'un doute",
                };
                write!(f, "faire la clé de génération {generation} de `{domain}`, {reason}")
            }
            Self::Renew {
                domain,
                from,
                generation,
                purpose,
                inputs,
                keep_request,
                recipient,
                ..
            } => write!(
                f,
                "renouveler {}, pour `{purpose}` dans `{domain}` de la génération {from} à la \
                génération {generation}{}{}",
                requests(inputs),
                departure(*keep_request),
                to(recipient.as_ref())
            ),
            Self::Close { domain } => {
                write!(f, "DÉTRUIRE les clés du projet de recherche `{domain}` avant son terme")
            }
            Self::Deal { epoch, threshold, cards, left_behind } => {
                let holder = |CardBody { name, external, .. }: &CardBody| match external {
                    true => format!("`{name}` (externe)"),
                    false => format!("`{name}`"),
                };
                let names: Vec<String> = cards.iter().map(|card| holder(&card.body)).collect();
                let (threshold, names) = (fr(threshold), names.join(", "));
                write!(
                    f,
                    "répartir de nouvelles parts, {threshold}, comme époque {epoch}, à {names}"
                )?;
                match &left_behind[..] {
                    [] => Ok(()),
                    keys => write!(f, ", en LAISSANT {}, perdues dès lors", places(keys)),
                }
            }
            Self::Abandon { epoch } => {
                write!(f, "abandonner la répartition de l'époque {epoch}, pas encore en service")
            }
        }
    }
}

impl French for Brief<'_> {
    fn french(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.action() {
            Action::Open { domain, kind: Kind::Statistics { .. }, .. } => {
                write!(f, "ouvrir le domaine statistique `{domain}`")
            }
            Action::Open { domain, kind: Kind::Research { .. }, .. } => {
                write!(f, "ouvrir le projet de recherche `{domain}`")
            }
            action @ (Action::Code { domain, purpose, inputs, .. }
            | Action::Renew { domain, purpose, inputs, .. }) => {
                let verb = match action {
                    Action::Code { .. } => "coder",
                    _ => "renouveler",
                };
                let rows =
                    grouped_fr(inputs.iter().map(|input| input.rows).fold(0, u64::saturating_add));
                let requests = match inputs.len() {
                    1 => String::new(),
                    many => format!(" de {many} demandes"),
                };
                write!(f, "{verb} {rows} lignes{requests} pour `{purpose}` dans `{domain}`")
            }
            Action::Deal { epoch, threshold, .. } => {
                write!(f, "répartir de nouvelles parts, {}, comme époque {epoch}", fr(threshold))
            }
            whole => whole.french(f),
        }
    }
}
