//! `service status`: how a service stands, and what asks for somebody's attention.

use std::path::{Path, PathBuf};

use clap::Args;
use cstatns::audit::{UnsignedFor, flow_text};
use cstatns::domain::KeyState;
use cstatns::language::both;
use cstatns::name::Name;
use cstatns::service::{self, DomainStatus, JournalState, Reader};
use cstatns::state::{Checked, Exposure, ExternalRuns, Rehearsal, State};
use jiff::civil::Date;
use serde_json::{Value, json};

use super::metrics::metrics;
use super::names;
use super::parties::tell_parties;
use crate::fault::Fault;
use crate::figures::{counted, in_words};
use crate::lang::{lang, said, text};
use crate::output::Program;

/// Show domains, keys, receipts and deliveries, and what is due
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns service status home --json
  cstatns service status home --check
  cstatns service status home --prometheus > cstatns.prom
  cstatns service status home --to-renew population
What is past its end and what is overdue is shown by the system's clock, also where that is not confirmed.
It changes nothing and waits for nobody: it may run while another command does, and on a home that is read-only.
With --check the exit status is 3 when something asks for attention: a clock that is not confirmed or behind, a
project past its end, an overdue or doubted key, a missing receipt or result, a yearly check that is overdue, a copy of
the ledger that lacks events, something that is to be destroyed.
With --to-renew it lists the deliveries of a former generation that no later renewal names: whose files are still to be
renewed. A renewal names a delivery where its report lay beside the data when it was prepared, or with --of.")]
pub(crate) struct Status {
    /// The service's home
    home: PathBuf,
    /// End with 3 when something asks for attention
    #[arg(long)]
    check: bool,
    /// Give how it stands as OpenMetrics text
    #[arg(long, conflicts_with = "to_renew")]
    prometheus: bool,
    /// List the deliveries of this domain whose codes are still to be renewed, and nothing else
    #[arg(long, value_name = "DOMAIN", conflicts_with = "check")]
    to_renew: Option<Name>,
}

impl Status {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        if self.prometheus && program.is_json() {
            return Err(Fault::usage(text!(
                "standard output takes one of --prometheus and --json",
                "la sortie standard prend --prometheus ou --json, pas les deux"
            )));
        }
        let clock = program.clock.clone();
        let reader = Reader::open(&self.home, move || clock())?;
        if let Some(domain) = &self.to_renew {
            return to_renew(program, &self.home, reader.state(), domain);
        }
        let mut status = reader.status();
        // With what to do.
        status.unpaid = reader
            .unpaid()
            .map(|unpaid| both(|lang| Fault::said_in(lang, &unpaid, &[]).text_in(lang)));
        match self.prometheus {
            true => program.tell(metrics(&status)),
            false => show(program, &status),
        }
        let past: Vec<_> = status.past_their_end().collect();
        let past: Vec<Value> = past
            .iter()
            .map(|domain| json!({"domain": domain.domain, "hours": domain.hours_past_its_end}))
            .collect();
        let mut summary = serde_json::to_value(&status).unwrap_or_default();
        summary["keys_past_their_end"] = past.into();
        summary["in_order"] = status.is_in_order().into();
        match self.check && !status.is_in_order() {
            true => Err(Fault::not_in_order(summary)),
            false => Ok(summary),
        }
    }
}

/// The deliveries whose codes are still to be renewed.
fn to_renew(program: &Program, home: &Path, state: &State, domain: &Name) -> Result<Value, Fault> {
    let (former, present) = (state.to_renew(domain)?, state.domain(domain)?.generation());
    for (id, delivery) in &former {
        program.tell(text!(
            "{}  {}  generation {}, {}, for {}",
            "{}  {}  génération {}, {}, pour {}",
            id.named(delivery.parts),
            delivery.made.strftime("%Y-%m-%d"),
            delivery.generation,
            counted(delivery.rows, "row", "ligne"),
            delivery.purpose
        ));
    }
    program.say(match former.len() {
        0 => text!("every delivery of `{domain}` is of generation {present}, or a renewal names it",
            "toutes les livraisons de `{domain}` sont de génération {present}, ou un renouvellement les nomme"),
        _ => text!(
            "their controllers prepare each file again with --code-column, and then `service renew {} {domain}` \
            makes the codes of generation {present}",
                "leurs responsables de traitement préparent de nouveau chaque fichier par --code-column, puis `service \
                    renew {} {domain}` fait les codes de génération {present}",
            home.display()
        ),
    });
    let former = former.iter().map(|(id, delivery)| {
        json!({
            "delivery": id.named(delivery.parts),
            "generation": delivery.generation,
            "purpose": delivery.purpose,
            "rows": delivery.rows,
            "made": delivery.made,
        })
    });
    Ok(json!({ "domain": domain, "generation": present, "to_renew": former.collect::<Vec<_>>() }))
}

/// What the shares of an epoch that is over may still open.
fn exposed(exposure: &Exposure) -> String {
    let Exposure { epoch, needed, unforgotten, domains, .. } = exposure;
    let held = names(unforgotten);
    match exposure.is_alarm() {
        true => text!(
            "EXPOSED by epoch {epoch}: {} in a backup of keys/ may be opened by {needed} of {held}, who have not \
            stated that their share is destroyed: `custodian forget`, or a new key",
            "EXPOSÉ par l'époque {epoch} : {}, dans une sauvegarde de keys/, peut être ouvert par {needed} de {held}, \
                    qui n'ont pas déclaré leur part détruite : `custodian forget`, ou une nouvelle clé",
            names(domains)
        ),
        false => text!(
            "shares of epoch {epoch} not stated destroyed: of {held}",
            "parts de l'époque {epoch} non déclarées détruites : de {held}"
        ),
    }
}

fn show(program: &Program, status: &service::Status) {
    let demo = match status.demo {
        true => text!(", a DEMONSTRATION", ", une DÉMONSTRATION"),
        false => String::new(),
    };
    program.tell(text!(
        "{}{demo}: {} events, its time is {}",
        "{}{demo} : {} événements, son heure est {}",
        status.service,
        status.events,
        status.time
    ));
    if status.clock_unconfirmed {
        program.tell(text!(
            "CLOCK more than 40 days ahead, {}: no project ends and no key is destroyed until \
            custodians confirm it; what is shown goes by it",
                "HORLOGE plus de 40 jours en avance, {} : aucun projet ne prend fin et aucune clé n'est détruite avant \
                    que des détenteurs la confirment ; ce qui est montré la suit",
            status.clock
        ));
    }
    if let Some(seconds) = status.clock_behind {
        program.tell(text!(
            "CLOCK {} behind, {}: what has ended by the time refuses",
            "HORLOGE en retard de {}, {} : ce qui a pris fin selon l'heure du registre est refusé",
            in_words(seconds),
            status.clock
        ));
    }
    if let Some(old) = status.old.as_ref().map(said) {
        program.tell(text!(
            "OLD COPY: {old}; nothing is done before `service recover`",
            "ANCIENNE COPIE : {old} ; rien ne se fait avant `service recover`"
        ));
    }
    if status.identity_lost {
        program.tell(
            text!("SIGNING KEY is not in the home, and nothing is done without it: `service import-identity`, \
            or another one, `service rekey`",
                "LA CLÉ DE SIGNATURE n'est pas dans le répertoire du service, et rien ne se fait sans elle : `service \
                    import-identity`, ou une autre, `service rekey`"),
        );
    }
    if let Some(holder) = status.at_work.as_ref().map(said) {
        program.tell(text!("at work: {holder}", "au travail : {holder}"));
    }
    for unfinished in status.unfinished.iter().map(said) {
        match &status.at_work {
            Some(_) => program.tell(text!("not finished yet: {unfinished}", "pas encore terminé : {unfinished}")),
            None => program.tell(text!(
                "UNFINISHED: {unfinished}; the next command finishes or undoes it, such as `service \
                expire`", "INACHEVÉ : {unfinished} ; la commande suivante, comme `service expire`, termine ou annule"
            )),
        }
    }
    if let Some(unpaid) = status.unpaid.as_ref().map(said) {
        program.tell(text!("NOT DONE: {unpaid}", "PAS FAIT : {unpaid}"));
    }
    if status.keys_missing {
        program.tell(text!("KEYS are not in the home: put them back from a mirror, or from the newest backup of keys/",
            "LES CLÉS ne sont pas dans le répertoire du service : remettez-les d'un miroir, ou de la sauvegarde la plus \
                récente de keys/"));
    }
    for copy in &status.copies_behind {
        program.tell(text!(
            "COPY BEHIND {}: it lacks events, or is away",
            "COPIE EN RETARD {} : il lui manque des événements, ou elle est absente",
            copy.display()
        ));
    }
    for key in &status.unknown_keys {
        program.tell(text!(
            "UNKNOWN KEY {}: the ledger is older than its keys",
            "CLÉ INCONNUE {} : le registre est plus ancien que ses clés",
            key.display()
        ));
    }
    if let Some(epoch) = status.custody_doubted {
        program.tell(text!(
            "CUSTODY DOUBTED of epoch {epoch}: no key is made before new shares are dealt, or a \
            quorum has examined the doubt",
                "GARDE EN DOUTE à l'époque {epoch} : aucune clé n'est faite avant une nouvelle répartition, ou avant \
                    qu'un quorum ait examiné le doute"
        ));
    }
    for question in &status.questions {
        let waited = match question.waited_for {
            Some(false) => text!(
                ", BUT NO COMMAND WAITS for the approvals",
                ", MAIS AUCUNE COMMANDE N'ATTEND les consentements"
            ),
            _ => String::new(),
        };
        let approved = match question.consented.as_slice() {
            [] => String::new(),
            names_of => text!(
                ", approved by {} of the {} needed: {}",
                ", avec le consentement de {} des {} nécessaires : {}",
                names_of.len(),
                question.needed,
                names(names_of)
            ),
        };
        program.tell(text!(
            "asked of the custodians in event {}, open until {}: {}{approved}{waited}",
            "demandé aux détenteurs à l'événement {}, ouvert jusqu'au {} : {}{approved}{waited}",
            question.event,
            question.expires,
            said(&question.asked)
        ));
    }
    if let Some(unseen) = status.unseen.as_ref().filter(|unseen| unseen.runs > 0) {
        program.tell(text!(
            "no statement of a custodian covers the events from {} on, in which {} ended: \
            `custodian check` does",
                "aucune déclaration d'un détenteur ne couvre les événements à partir du {}, avec la fin de {} : \
                    `custodian check` le fait",
            unseen.from,
            counted(unseen.runs, "run", "opération")
        ));
    }
    for epoch in &status.epochs {
        let held = match epoch.missing.as_slice() {
            _ if epoch.abandoned => text!("given up", "abandonnée"),
            [] if epoch.working => text!("all shares held", "toutes les parts gardées"),
            [] => text!("over", "terminée"),
            missing => {
                text!("RECEIPTS MISSING of {}", "RÉCÉPISSÉS MANQUANTS de {}", names(missing))
            }
        };
        program.tell(text!(
            "epoch {}: {}, {held}",
            "époque {} : {}, {held}",
            epoch.epoch,
            said(&epoch.threshold)
        ));
    }
    for Checked { custodian, last, .. } in
        status.checked.iter().filter(|of| status.checks_overdue.contains(&of.custodian))
    {
        program.tell(text!(
            "YEARLY CHECK OVERDUE of `{custodian}`, who last showed on {last} that the share opens: `custodian check`",
            "CONTRÔLE ANNUEL EN RETARD de `{custodian}`, qui a montré pour la dernière fois le {last} que sa part \
                s'ouvre : `custodian check`"
        ));
    }
    let awaited = status.checked.iter().filter(|of| !status.checks_overdue.contains(&of.custodian));
    if let Some(Checked { custodian, due, .. }) = awaited.min_by_key(|of| of.due) {
        program.tell(text!(
            "the next yearly check is due on {due}, of `{custodian}`",
            "le prochain contrôle annuel est dû le {due}, celui de `{custodian}`"
        ));
    }
    for ExternalRuns { custodian, approved, .. } in &status.external_runs {
        program.tell(text!(
            "`{custodian}`, an external custodian, approved {}: the last in event {}, {}",
            "`{custodian}`, détenteur extérieur, a consenti à {} : la dernière à l'événement {}, {}",
            counted(approved.runs, "run", "opération"),
            approved.event,
            approved.time
        ));
    }

    if let Some(Rehearsal { event, time, .. }) = &status.rehearsal {
        program.tell(text!(
            "last rehearsed in event {event}, {time}",
            "dernière répétition à l'événement {event}, {time}"
        ));
    }
    for exposure in &status.exposures {
        program.tell(exposed(exposure));
    }

    program.tell(text!("domains:", "domaines :"));
    let width = status.domains.iter().map(|domain| domain.domain.as_str().len()).max().unwrap_or(0);
    for domain in &status.domains {
        program.tell(text!(
            "  {:width$}  {:10}  generation {}  key {} {}  {}",
            "  {:width$}  {:11}  génération {}  clé {} {}  {}",
            domain.domain.as_str(),
            match domain.kind.as_str() {
                "research" => text!("research", "recherche"),
                _ => text!("statistics", "statistique"),
            },
            domain.generation,
            domain.key,
            said(&domain.state),
            remarks(domain, status.custody_doubted.is_some())
        ));
        program.tell(format_args!("  {:width$}  {}", "", flow_text(&domain.flow, lang())));
    }
    if status.domains.is_empty() {
        program.tell(text!("  none", "  aucun"));
    }

    tell_parties(program, status);

    program.tell(text!(
        "deliveries whose copy is still here:",
        "livraisons dont la copie est encore ici :"
    ));
    for delivery in &status.deliveries {
        let place = match (&delivery.result, delivery.journal) {
            (Some(path), _) if path.is_file() => path.display().to_string(),
            (Some(path), _) => text!("NOT FOUND at {}", "INTROUVABLE à {}", path.display()),
            (None, JournalState::Unread) => text!(
                "only the service's user may know where",
                "seul l'utilisateur du service peut savoir où"
            ),
            (None, JournalState::Damaged) => {
                text!(
                    "the home's note of where it lies is DAMAGED",
                    "la note du répertoire sur son emplacement est ENDOMMAGÉE"
                )
            }
            (None, _) => text!(
                "the home's note of where it lies is LOST",
                "la note du répertoire sur son emplacement est PERDUE"
            ),
        };
        program.tell(text!(
            "  {}  {}, generation {}, {} rows: {place}",
            "  {}  {}, génération {}, {} lignes : {place}",
            delivery.delivery,
            delivery.domain,
            delivery.generation,
            delivery.rows
        ));
    }
    if status.deliveries.is_empty() {
        program.tell(text!("  none", "  aucun"));
    }
    for UnsignedFor { delivery, domain, party, made, .. } in &status.unsigned_for {
        program.tell(text!(
            "no signed receipt yet of `{party}`: delivery {delivery} of `{domain}`, {made}: `service delivered --receipt`",
            "pas encore de récépissé signé de `{party}` : livraison {delivery} de `{domain}`, {made} : `service delivered \
                --receipt`"
        ));
    }
    if !status.lost.is_empty() {
        program.tell(text!(
            "lost before they were delivered: {}",
            "perdues avant d'être livrées : {}",
            status.lost.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        ));
    }

    let ending: Vec<_> = status
        .domains
        .iter()
        .filter(|domain| domain.ends_within_days.is_some())
        .map(ending)
        .collect();
    program.tell(text!(
        "ending within 90 days: {}",
        "prennent fin dans les 90 jours : {}",
        or_none(&ending)
    ));
    let past: Vec<_> = status
        .past_their_end()
        .map(|domain| {
            text!(
                "{} for {} hours",
                "{} depuis {} heures",
                domain.domain,
                domain.hours_past_its_end.unwrap_or(0)
            )
        })
        .collect();
    program.tell(text!(
        "keys past their end: {}",
        "clés au-delà de leur terme : {}",
        or_none(&past)
    ));
}

fn or_none(texts: &[String]) -> String {
    if texts.is_empty() { text!("none", "aucun") } else { texts.join("; ") }
}

fn ending(domain: &DomainStatus) -> String {
    let (days, ends) = (domain.ends_within_days.unwrap_or(0), domain.ends.unwrap_or(Date::MAX));
    text!("{} within {days} days, on {ends}", "{} dans {days} jours, le {ends}", domain.domain)
}

fn remarks(domain: &DomainStatus, custody_doubted: bool) -> String {
    let mut remarks = Vec::new();
    if domain.compromised && domain.state == KeyState::Active {
        remarks.push(match custody_doubted {
            true => text!(
                "DOUBTED: make a new key, after the custody is settled",
                "EN DOUTE : faites une nouvelle clé, une fois la garde réglée"
            ),
            false => text!("DOUBTED: make a new key", "EN DOUTE : faites une nouvelle clé"),
        });
    }
    if let Some(due) = domain.renewal_due {
        remarks.push(match domain.due_within_months {
            _ if domain.overdue => {
                text!("renewal OVERDUE since {due}", "renouvellement EN RETARD depuis le {due}")
            }
            Some(months) => text!(
                "renewal due within {months} months, on {due}",
                "renouvellement dû dans {months} mois, le {due}"
            ),
            None => text!("renewal due {due}", "renouvellement dû le {due}"),
        });
    }
    match (domain.destroyed, domain.ends) {
        (Some(destroyed), _) => {
            remarks.push(text!("keys destroyed {destroyed}", "clés détruites le {destroyed}"))
        }
        (None, Some(ends)) if domain.hours_past_its_end.is_some() => {
            remarks.push(text!("ENDED {ends}", "TERMINÉ le {ends}"))
        }
        (None, Some(ends)) if domain.marked => remarks.push(text!(
            "ENDED: was found past its end and is not used again, its key goes after {ends}",
            "TERMINÉ : trouvé au-delà de son terme et ne sert plus, sa clé part après le {ends}"
        )),
        (None, Some(ends)) => remarks.push(text!("ends {ends}", "prend fin le {ends}")),
        (None, None) => {}
    }
    if domain.to_renew > 0 {
        remarks.push(text!(
            "deliveries to renew: {}",
            "livraisons à renouveler : {}",
            domain.to_renew
        ));
    }
    remarks.join(", ")
}
