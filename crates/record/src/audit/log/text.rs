//! What an event says, as a sentence.

use cstatns_base::delivery::DeliveryId;
use cstatns_base::domain::RenewalReason;
use cstatns_base::language::{Lang, Said, both};
use cstatns_base::name::Hex;
use cstatns_base::text;

use crate::card::spoken;
use crate::ledger::event::{Destroyed, Event, Lapse, Line, Means, Step};
use crate::proposal::{Action, Consent};
use crate::receipt::{Doubted, Receipt, ReceiptStatement};
use crate::received::SignedReceived;
use crate::state::{Delivery, State};

use super::super::Intact;
use super::super::text::{count, day, names};
use super::About;

impl About<'_> {
    pub(super) fn sentence(&self, ledger: &Intact, line: &Line) -> Said {
        both(|lang| self.text(lang, ledger, line))
    }

    fn text(&self, lang: Lang, ledger: &Intact, line: &Line) -> String {
        let state = &ledger.state;
        match &line.event {
            Event::Dealt { dealing, keys, .. } => {
                let to = dealing.roster.iter().map(|seat| &seat.card.body.name);
                let (epoch, threshold, to) =
                    (dealing.epoch, lang.of(&dealing.threshold), names(to));
                match line.sequence {
                    1 => text!(
                        in lang,
                        "The service is founded: shares are dealt, {threshold}, to {to}.",
                        "Le service est fondé : des parts sont réparties, {threshold}, à {to}."
                    ),
                    _ => text!(
                        in lang,
                        "Shares of epoch {epoch} are dealt, {threshold}, to {to}; {} sealed for it.",
                        "Des parts de l'époque {epoch} sont réparties, {threshold}, à {to} ; {} pour elle.",
                        count(lang, keys.len() as u64, "key", "clés scellées", "clé scellée")
                    ),
                }
            }
            Event::EpochWorking { epoch, .. } => text!(
                in lang,
                "Epoch {epoch} works: every custodian holds their share.",
                "L'époque {epoch} est en service : chaque détenteur a sa part."
            ),
            Event::Received { receipt } => received(lang, receipt),
            Event::Doubted { doubt } => {
                let (by, dated) = (&doubt.body.by, day(doubt.body.cosignature.time));
                match &doubt.body.about {
                    Doubted::Key { domain, generation } => text!(
                        in lang,
                        "`{by}` states a doubt, dated {dated}, about the key of generation {generation} of `{domain}`.",
                        "`{by}` déclare un doute, daté du {dated}, sur la clé de génération {generation} de `{domain}`."
                    ),
                    Doubted::Custody { epoch } => text!(
                        in lang,
                        "`{by}` states a doubt, dated {dated}, about the custody of epoch {epoch}, and with it about every \
                        present key.",
                        "`{by}` déclare un doute, daté du {dated}, sur la garde de l'époque {epoch}, et donc sur toutes les \
                            clés actuelles."
                    ),
                }
            }
            Event::Delivered { run, part, receipt } => {
                let delivery = state.named(DeliveryId { run: *run, part: *part });
                delivered(lang, state, &delivery, receipt.as_deref())
            }
            Event::Destroyed { what, how } => destroyed(lang, state, what, *how),
            Event::Refused { verb, code } => text!(
                in lang,
                "Refused before anything began: `{verb}`, because of `{code}`.",
                "Refusé avant tout commencement : `{verb}`, en raison de `{code}`."
            ),
            Event::RequestKeyIssued { key, party, domain, expires, .. } => text!(
                in lang,
                "A key for requests of {} in `{domain}` is issued, {key}, until {expires}.",
                "Une clé pour les demandes de {} dans `{domain}` est émise, {key}, jusqu'au {expires}.",
                called(state, party)
            ),
            Event::RequestKeyEnded { key } => text!(
                in lang,
                "The request key {key} serves no more: it was withdrawn, or has expired.",
                "La clé de demande {key} ne sert plus : elle a été retirée, ou a expiré."
            ),
            Event::Recovered { .. } => text!(
                in lang,
                "The home had lost events, and has them again; what was asked or had begun ends here, and may have run.",
                "Le répertoire du service avait perdu des événements, et les a de nouveau ; ce qui était demandé ou \
                    commencé prend fin ici, et a pu avoir lieu."
            ),
            Event::Resumed { .. } => text!(
                in lang,
                "{} have seen that the home was recovered: the service goes on.",
                "{} ont vu que le répertoire du service a été rétabli : le service continue.",
                names(&self.custodians)
            ),
            Event::KeyLost { domain, generation } => text!(
                in lang,
                "The key of generation {generation} of `{domain}` is lost: its seal is nowhere.",
                "La clé de génération {generation} de `{domain}` est perdue : son sceau n'est nulle part."
            ),
            Event::Rekeyed { card, .. } => text!(
                in lang,
                "{} accept another signing key of the service: {}.",
                "{} acceptent une autre clé de signature du service : {}.",
                names(&self.custodians),
                spoken(&card.body.signing)
            ),
            Event::ExpiryChecked {} => text!(
                in lang,
                "The ends of projects were looked at.",
                "Les fins des projets ont été examinées."
            ),
            Event::Ended { domain } => text!(
                in lang,
                "The project `{domain}` is past its last day.",
                "Le dernier jour du projet `{domain}` est passé."
            ),
            Event::Rehearsed { steps } => {
                let steps: Vec<&str> = steps.iter().map(|step| Step::word(*step)).collect();
                text!(
                    in lang,
                    "What may happen to the service was rehearsed on a twin: {}.",
                    "Ce qui peut arriver au service a été répété sur un double : {}.",
                    steps.join(", ")
                )
            }
            event => match self.asked {
                Some(asked) => self.of_run(lang, state, &asked.action, event),
                // A lawful event of a run follows its question.
                None => format!("{}.", event.word()),
            },
        }
    }

    /// What an event of a run says.
    fn of_run(&self, lang: Lang, state: &State, action: &Action, event: &Event) -> String {
        let (brief, by) = (lang.of(&action.brief()), names(&self.custodians));
        match event {
            Event::Proposed { .. } => text!(
                in lang,
                "Custodians are asked to {}.",
                "Question aux détenteurs : {}.",
                lang.of(action)
            ),
            Event::Intent { .. } => text!(
                in lang,
                "{by} approve, and the run begins: to {brief}.",
                "{by} consentent, et l'opération commence : {brief}."
            ),
            Event::Cosigned { .. } => text!(
                in lang,
                "{by} saw the run begin before their shares were handed over: to {brief}.",
                "L'opération a commencé sous les yeux de {by}, avant la remise de leurs parts : {brief}."
            ),
            Event::Unopened { .. } => text!(
                in lang,
                "The shares of {by} did not open, or are not those that were dealt: in the run to {brief}.",
                "Les parts de {by} ne se sont pas ouvertes, ou ne sont pas celles qui furent réparties : dans \
                    l'opération ({brief})."
            ),
            Event::Lapsed { why, consents, .. } => lapsed(lang, &brief, *why, consents),
            Event::Failed { code, .. } => text!(
                in lang,
                "The run to {brief} failed, because of `{code}`: it may have run.",
                "L'opération ({brief}) a échoué, en raison de `{code}` : elle a pu avoir lieu."
            ),
            Event::Coded { run, part, rows, .. } | Event::Renewed { run, part, rows, .. } => {
                made(lang, state, DeliveryId { run: *run, part: *part }, *rows)
            }
            Event::KeyMade { .. } => match action {
                Action::NewKey { domain, generation, reason } => text!(
                    in lang,
                    "The key of generation {generation} of `{domain}` is made, {}.",
                    "La clé de génération {generation} de `{domain}` est faite, {}.",
                    match (lang, reason) {
                        (Lang::En, RenewalReason::Scheduled) => "as scheduled",
                        (Lang::En, RenewalReason::Doubt) => "after a doubt",
                        (Lang::Fr, RenewalReason::Scheduled) => "à l'échéance",
                        (Lang::Fr, RenewalReason::Doubt) => "après un doute",
                    }
                ),
                _ => done(lang, &brief),
            },
            _ => done(lang, &brief),
        }
    }
}

fn done(lang: Lang, brief: &str) -> String {
    text!(in lang, "Done: to {brief}.", "Fait : {brief}.")
}

fn made(lang: Lang, state: &State, id: DeliveryId, rows: u64) -> String {
    let (delivery, rows) = (state.named(id), count(lang, rows, "row", "lignes", "ligne"));
    let Some(Delivery { domain, generation, purpose, from, request_kept, recipient, .. }) =
        state.deliveries().get(&id)
    else {
        return String::new();
    };
    let to = match recipient {
        Some(card) => text!(in lang, " to {}", " à {}", called(state, card)),
        None => text!(in lang, ", in clear", ", en clair"),
    };
    let kept = match request_kept {
        true => text!(
            in lang,
            "; the request is kept, against the scheme",
            " ; la demande est gardée, contre les règles du schéma"
        ),
        false => String::new(),
    };
    match from {
        None => text!(
            in lang,
            "Coded: {rows} for `{purpose}` in `{domain}`, generation {generation}, delivery {delivery}{to}{kept}.",
            "Codage : {rows} pour `{purpose}` dans `{domain}`, génération {generation}, livraison {delivery}{to}{kept}."
        ),
        Some(from) => text!(
            in lang,
            "Renewed: {rows} for `{purpose}` in `{domain}`, from generation {from} to {generation}, delivery \
            {delivery}{to}{kept}.",
            "Renouvellement : {rows} pour `{purpose}` dans `{domain}`, de la génération {from} à {generation}, \
                livraison {delivery}{to}{kept}."
        ),
    }
}

fn lapsed(lang: Lang, brief: &str, why: Lapse, consents: &[Consent]) -> String {
    let why = match why {
        Lapse::Expired => text!(in lang, "it was open past its time", "son délai est passé"),
        Lapse::Stopped => {
            text!(in lang, "whoever waited for the approvals stopped", "l'attente a été arrêtée")
        }
        Lapse::Withdrawn => text!(in lang, "it was given up", "elle a été abandonnée"),
    };
    let by = match consents {
        [] => text!(in lang, "nobody had approved", "personne n'avait consenti"),
        consents => text!(
            in lang,
            "approvals of {}",
            "avec le consentement de {}",
            names(consents.iter().map(|consent| &consent.body.by))
        ),
    };
    text!(
        in lang,
        "The question to {brief} ended without a run: {why}; {by}.",
        "La question ({brief}) a pris fin sans opération : {why} ; {by}."
    )
}

fn received(lang: Lang, receipt: &Receipt) -> String {
    let by = &receipt.body.by;
    match &receipt.body.statement {
        ReceiptStatement::ShareHeld { epoch, .. } => text!(
            in lang,
            "`{by}` states that their share of epoch {epoch} opens and is right.",
            "`{by}` déclare que sa part de l'époque {epoch} s'ouvre et est juste."
        ),
        ReceiptStatement::ShareForgotten { epoch } => text!(
            in lang,
            "`{by}` states that their share of epoch {epoch} is destroyed.",
            "`{by}` déclare détruite sa part de l'époque {epoch}."
        ),
        ReceiptStatement::CheckpointSeen {} => text!(
            in lang,
            "`{by}` has seen the ledger, and states that their share opens.",
            "`{by}` a vu le registre, et déclare que sa part s'ouvre."
        ),
        ReceiptStatement::ServiceKey { key, .. } => text!(
            in lang,
            "`{by}` states that the service signs with the key {} from now on.",
            "`{by}` déclare que le service signe désormais de la clé {}.",
            spoken(key)
        ),
        ReceiptStatement::PartyEnded { party } => text!(
            in lang,
            "`{by}` ends the roles of the party with the card {}.",
            "`{by}` met fin aux rôles du partenaire de carte {}.",
            spoken(party)
        ),
        ReceiptStatement::FileDestroyed { delivery } => text!(
            in lang,
            "`{by}` states that the files of delivery {} are destroyed.",
            "`{by}` déclare détruits les fichiers de la livraison {}.",
            delivery.run
        ),
    }
}

fn delivered(
    lang: Lang,
    state: &State,
    delivery: &impl std::fmt::Display,
    receipt: Option<&SignedReceived>,
) -> String {
    let Some(receipt) = receipt else {
        return text!(
            in lang,
            "Delivery {delivery} has arrived, as the operator states.",
            "La livraison {delivery} est arrivée, selon l'exploitant."
        );
    };
    let by = receipt.body.by.as_ref().map_or_else(String::new, |card| called(state, card));
    let files = receipt.body.destroyed;
    text!(
        in lang,
        "Delivery {delivery} has arrived, as {by} signs, who destroyed {}.",
        "La livraison {delivery} est arrivée, comme le signe {by}, après destruction de {}.",
        count(lang, files, "file", "fichiers", "fichier")
    )
}

fn destroyed(lang: Lang, state: &State, what: &Destroyed, how: Means) -> String {
    let what = match what {
        Destroyed::Request { run, part } => text!(
            in lang,
            "The request of delivery {}",
            "La demande de la livraison {}",
            state.named(DeliveryId { run: *run, part: *part })
        ),
        Destroyed::Result { run, part } => text!(
            in lang,
            "The service's copy of delivery {}",
            "La copie du service de la livraison {}",
            state.named(DeliveryId { run: *run, part: *part })
        ),
        Destroyed::Keys { domain } => text!(
            in lang,
            "What opens the keys of the project `{domain}`",
            "Ce qui ouvre les clés du projet `{domain}`"
        ),
        Destroyed::RequestKey { key } => text!(
            in lang,
            "The private half of the request key {key}",
            "La moitié privée de la clé de demande {key}"
        ),
        Destroyed::Seals { epoch } => text!(
            in lang,
            "What was sealed under epoch {epoch}",
            "Ce qui était scellé sous l'époque {epoch}"
        ),
    };
    match how {
        Means::Overwritten => text!(
            in lang,
            "{what}: destroyed, overwritten once and deleted.",
            "{what} : destruction, par écrasement puis suppression."
        ),
        Means::Absent => text!(
            in lang,
            "{what}: destroyed; it, or a part of it, was no longer there.",
            "{what} : destruction ; tout ou partie n'était plus là."
        ),
        Means::Lost => text!(
            in lang,
            "{what}: lost; its place could not be reached, and the operator states that it is gone for good.",
            "{what} : perte ; son emplacement est inaccessible, et l'exploitant le déclare définitivement perdu."
        ),
    }
}

/// What the party with a card is called.
fn called(state: &State, card: &Hex<32>) -> String {
    match state.parties().get(card) {
        Some(party) => format!("`{}`", party.card.body.name),
        None => spoken(card),
    }
}
