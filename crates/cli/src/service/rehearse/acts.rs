//! What is played on the twin, step by step; each step checks what it must come to.

use std::collections::BTreeSet;
use std::fs;

use cstatns::audit;
use cstatns::code::Code;
use cstatns::dealing::{Epoch, Threshold};
use cstatns::domain::{Kind, RenewalReason, end_of};
use cstatns::files::FileError;
use cstatns::ledger::event::Step;
use cstatns::name::Name;
use cstatns::proposal::Action;
use cstatns::receipt::Doubted;
use cstatns::service::{Recovery, Source, Sources};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span};

use crate::fault::Fault;
use crate::lang::text;

use super::twin::{PEOPLE, Twin, copy, missed, name, refused, sweep};

/// Plays a step, and says in one line what held.
pub(super) type Act = fn(&mut Twin) -> Result<String, Fault>;

pub(super) const STEPS: [(Step, Act); 7] = [
    (Step::Founding, founding),
    (Step::Loss, loss),
    (Step::Doubt, doubt),
    (Step::Renewal, renewal),
    (Step::Recovery, recovery),
    (Step::Expiry, expiry),
    (Step::Audit, audited),
];

/// For how many days the twin's project lasts: less than a clock may jump.
const LASTS: i64 = 30;

fn statistics() -> Name {
    name("population")
}

fn project() -> Name {
    name("cohort")
}

fn holds(is_so: bool, what: impl FnOnce() -> String) -> Result<(), Fault> {
    if is_so { Ok(()) } else { Err(missed(what())) }
}

fn founding(twin: &mut Twin) -> Result<String, Fault> {
    twin.found()?;
    let ends = TimeZone::UTC.to_datetime(twin.now()).date().saturating_add(Span::new().days(LASTS));
    let kinds = [Kind::Statistics { cryptoperiod_years: 5 }, Kind::Research { ends }];
    for (domain, kind) in [statistics(), project()].into_iter().zip(kinds) {
        let mut service = twin.open()?;
        let action =
            Action::Open { domain: domain.clone(), kind, minimum_batch: 2, authorisation: None };
        let quorum = twin.quorum(&mut service, action)?;
        service.open_domain(quorum)?;
        drop(service);
        let codes = twin.code(&domain)?;
        twin.codes.push((domain, codes));
    }
    let distinct: BTreeSet<String> =
        twin.codes.iter().flat_map(|(_, codes)| codes).map(Code::text).collect();
    holds(distinct.len() == 2 * PEOPLE.len(), || {
        text!(
            "codes of different people or domains are the same",
            "des codes de personnes ou de domaines différents sont les mêmes"
        )
    })?;
    Ok(text!(
        "founded; {} people are coded in a statistical domain and in a research project",
        "fondé ; {} personnes sont codées dans un domaine statistique et dans un projet de recherche",
        PEOPLE.len()
    ))
}

fn loss(twin: &mut Twin) -> Result<String, Fault> {
    let lost = twin.kits.remove(0);
    sweep(&lost)?;
    let others = twin.kits.len();
    holds(others >= twin.k, || {
        text!(
            "all {} custodians are needed, so one who is lost loses every key",
            "les {} détenteurs sont tous nécessaires : en perdre un, c'est perdre toutes les clés",
            twin.k
        )
    })?;
    deal(twin, true)?;
    same_codes(twin)?;
    for number in 0..others {
        let mut service = twin.open()?;
        let receipt = twin.kit(number)?.forget(Epoch::FIRST, service.view(), service.now())?;
        service.receipt(receipt)?;
    }
    // Only the share of the lost custodian is not stated destroyed.
    let exposures = twin.open()?.state().exposures();
    let first = exposures.iter().find(|exposure| exposure.epoch == Epoch::FIRST);
    let left = first.map(|exposure| &exposure.unforgotten[..]);
    holds(left == Some(&[name("custodian-1")]), || {
        text!("the former shares are not forgotten", "les anciennes parts ne sont pas oubliées")
    })?;
    Ok(text!(
        "a custodian is lost: a successor has a share, the same people have the same codes, former seals and \
        shares are gone",
        "un détenteur est perdu : un successeur a une part, les mêmes personnes ont les mêmes codes, les anciens \
            scellés et parts ont disparu"
    ))
}

fn doubt(twin: &mut Twin) -> Result<String, Fault> {
    let mut service = twin.open()?;
    let (epoch, _) = service.state().working_epoch()?;
    let about = Doubted::Custody { epoch };
    let stated = twin.kit(0)?.doubt(about, service.view(), service.now())?;
    service.doubt(stated)?;
    drop(service);
    for domain in [statistics(), project()] {
        refused(twin.code(&domain), "key-doubted")?;
        refused(new_key(twin, &domain), "custody-doubted")?;
    }
    deal(twin, false)?;
    for domain in [statistics(), project()] {
        new_key(twin, &domain)?;
    }
    Ok(text!(
        "the custody is doubted: nothing is coded until new shares and new keys are there",
        "la garde est en doute : rien n'est codé avant de nouvelles parts et de nouvelles clés"
    ))
}

fn renewal(twin: &mut Twin) -> Result<String, Fault> {
    for (domain, former) in twin.codes.clone() {
        let renewed = twin.renew(&domain, &former)?;
        let anew = twin.code(&domain)?;
        holds(renewed == anew, || {
            text!(
                "renewed codes of `{domain}` differ from those coded anew",
                "les codes renouvelés de `{domain}` diffèrent de ceux codés à nouveau"
            )
        })?;
        let known = twin.codes.iter_mut().find(|(known, _)| *known == domain);
        known.into_iter().for_each(|(_, codes)| codes.clone_from(&anew));
    }
    Ok(text!(
        "former codes are renewed: they equal the codes coded anew",
        "les anciens codes sont renouvelés : ils sont ceux que donne un nouveau codage"
    ))
}

fn recovery(twin: &mut Twin) -> Result<String, Fault> {
    let backup = twin.at("backup");
    copy(&twin.home(), &backup)?;
    same_codes(twin)?;
    let service = twin.open()?;
    let before = service.history().size();
    for number in 0..twin.k {
        twin.kit(number)?.check(service.view(), service.now())?;
    }
    drop(service);
    sweep(&twin.home())?;
    copy(&backup, &twin.home())?;
    refused(twin.open(), "home-old")?;
    // The copy of the ledger beside the life secrets is lost as well: the kits alone have it.
    for file in ["ledger.jsonl", "checkpoint"] {
        let path = twin.life().join(file);
        fs::remove_file(&path).map_err(|error| FileError::from_io(&path, &error))?;
    }
    let kits = (0..twin.k).map(|number| twin.kit(number)).collect::<Result<_, _>>()?;
    let sources = Sources { kits, ..Sources::default() };
    let recovery = Recovery::look(&twin.home(), sources, twin.clock())?;
    let (source, events) = (recovery.plan.source.clone(), recovery.plan.events);
    recovery.carry_out(None)?;
    holds(matches!(source, Source::Kit(_)) && events == before, || {
        text!(
            "the kits give {events} of {before} events",
            "les trousses donnent {events} événements sur {before}"
        )
    })?;
    same_codes(twin)?;
    Ok(text!(
        "the home is lost: an old backup says that it is old, and {} kits bring back its {before} events",
        "le répertoire du service est perdu : une ancienne sauvegarde se dit ancienne, et {} trousses rendent ses \
            {before} événements",
        twin.k
    ))
}

fn expiry(twin: &mut Twin) -> Result<String, Fault> {
    let project = project();
    let ends = twin.open()?.state().domain(&project)?.ends().unwrap_or_default();
    twin.set_clock(end_of(ends) + SignedDuration::from_mins(1));
    let expired = twin.open()?.expire()?;
    holds(expired.marked == [project.clone()], || {
        text!("the project is not marked as ended", "le projet n'est pas marqué comme terminé")
    })?;
    refused(twin.code(&project), "project-ended")?;
    twin.set_clock(twin.now() + SignedDuration::from_hours(25));
    let expired = twin.open()?.expire()?;
    holds(expired.destroyed == [project.clone()], || {
        text!("the project's keys are not destroyed", "les clés du projet ne sont pas détruites")
    })?;
    refused(twin.code(&project), "keys-destroyed")?;
    for place in [twin.life(), twin.home().join("keys")] {
        let left = names(&place)?.into_iter().find(|name| name.starts_with(project.as_str()));
        holds(left.is_none(), || {
            text!("a key of the project is left", "une clé du projet est encore là")
        })?;
    }
    twin.codes.retain(|(domain, _)| *domain != project);
    same_codes(twin)?;
    Ok(text!(
        "the project ends: it codes no more, its life secret and keys are destroyed, the other domain goes on",
        "le projet prend fin : il ne code plus, son secret de vie et ses clés sont détruits, l'autre domaine continue"
    ))
}

fn audited(twin: &mut Twin) -> Result<String, Fault> {
    let card = twin.open()?.card().clone();
    let audit = audit::verify(&twin.home().join("ledger.jsonl"), &card, &[], &[])?;
    let first = audit.failures().next();
    holds(first.is_none(), || first.map_or("", |finding| finding.code).to_owned())?;
    Ok(text!(
        "the twin's ledger is audited: its {} events hold",
        "le registre du double est audité : ses {} événements tiennent",
        audit.events
    ))
}

// What several steps do.

/// New shares for those who are left, and perhaps for a successor of a lost custodian.
fn deal(twin: &mut Twin, succeeds: bool) -> Result<(), Fault> {
    let mut cards = Vec::new();
    for number in 0..twin.kits.len() {
        cards.push(twin.kit(number)?.draw_card()?.clone());
    }
    let present = twin.kits.clone();
    if succeeds {
        cards.push(twin.custodian(present.len() + 2)?);
    }
    let mut service = twin.open()?;
    let (former, epoch) = (service.state().working_epoch()?.0, service.state().next_epoch());
    let threshold = Threshold::new(twin.k, cards.len())?;
    let action = Action::Deal { epoch, threshold, cards, left_behind: Vec::new() };
    let quorum = twin.quorum(&mut service, action)?;
    service.deal(quorum, &twin.at("shares"))?;
    drop(service);
    twin.receive(epoch)?;
    let working = twin.open()?.state().working_epoch()?.0;
    let seal = format!(".{former}.key");
    let left = names(&twin.home().join("keys"))?.into_iter().any(|name| name.ends_with(&seal));
    holds(working == epoch && !left, || {
        text!(
            "the new shares are not in use, or former seals are left",
            "les nouvelles parts ne servent pas, ou d'anciens scellés sont encore là"
        )
    })
}

fn new_key(twin: &Twin, domain: &Name) -> Result<(), Fault> {
    let mut service = twin.open()?;
    let generation = service.state().domain(domain)?.next_generation();
    let reason = RenewalReason::Doubt;
    let action = Action::NewKey { domain: domain.clone(), generation, reason };
    let quorum = twin.quorum(&mut service, action)?;
    Ok(service.new_key(quorum)?)
}

/// In every domain the people's codes are those known.
fn same_codes(twin: &mut Twin) -> Result<(), Fault> {
    for (domain, known) in twin.codes.clone() {
        let codes = twin.code(&domain)?;
        holds(codes == known, || {
            text!(
                "the same people have other codes in `{domain}`",
                "les mêmes personnes ont d'autres codes dans `{domain}`"
            )
        })?;
    }
    Ok(())
}

fn names(directory: &std::path::Path) -> Result<Vec<String>, FileError> {
    let entries = fs::read_dir(directory).map_err(|error| FileError::from_io(directory, &error))?;
    Ok(entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}
