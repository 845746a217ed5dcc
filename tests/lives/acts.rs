//! What a service does in its life.

use std::fs;

use cstatns::code::Generation;
use cstatns::custody::custodian::{Kit, KitError};
use cstatns::domain::{Kind, RenewalReason};
use cstatns::proposal::{Action, QuorumError};
use cstatns::receipt::Doubted;
use cstatns::service::{Clock as _, Reader, ServiceError};
use cstatns::state::State;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::common::{PEOPLE, name};
use crate::history::Rule;
use crate::liars::ask_liars;
use crate::life::{Asked, DAY, Life};

pub(crate) struct Act {
    pub name: &'static str,
    pub weight: usize,
    pub run: fn(&mut Life) -> Result<(), ServiceError>,
}

const fn act(
    name: &'static str,
    weight: usize,
    run: fn(&mut Life) -> Result<(), ServiceError>,
) -> Act {
    Act { name, weight, run }
}

pub(crate) static ACTS: [Act; 23] = [
    act("code", 24, code),
    act("code of two requests", 4, code_parts),
    act("renew", 12, renew),
    act("open statistics", 3, open_statistics),
    act("open research", 8, open_research),
    act("extend", 12, extend),
    act("new key", 6, new_key),
    act("close", 3, close),
    act("doubt of a key", 4, doubt),
    act("doubt of the custody", 1, doubt_custody),
    act("examined", 9, examined),
    act("check", 7, check),
    act("withdrawn", 2, withdrawn),
    act("lie", 3, lie),
    act("collude below k", 3, collude),
    act("delivered", 4, deliver),
    act("publish", 4, publish),
    act("expire", 4, expire),
    act("another signing key", 1, rekey),
    act("deal", 3, deal),
    act("receipts of a dealing", 14, receive),
    act("abandon", 3, abandon),
    act("forget", 5, forget),
];

/// Why an act of a healthy service may be refused.
pub(crate) const REFUSALS: [&str; 25] = [
    "unknown-domain",
    "domain-exists",
    "name-burnt",
    "project-ended",
    "keys-destroyed",
    "key-doubted",
    "custody-doubted",
    "reason-is-doubt",
    "already-doubted",
    "key-lost",
    "end-too-far",
    "end-not-later",
    "end-in-the-past",
    "not-research",
    "nothing-to-renew",
    "no-doubt",
    "receipt-date",
    "key-just-made",
    "result-missing",
    "already-delivered",
    "unknown-delivery",
    "dealing-pending",
    "no-dealing",
    "card-used",
    "receipt-known",
];

fn none() -> Result<(), ServiceError> {
    Err(cstatns::state::Refusal::UnknownDomain.into())
}

impl Life {
    pub(crate) fn state(&self) -> &State {
        &self.ledger.state
    }

    /// A domain, mostly one that lives.
    fn domain(&mut self, fits: impl Fn(&cstatns::state::Domain) -> bool) -> Option<String> {
        let all = self.state().domains().iter();
        let all = all.filter(|(_, domain)| fits(domain));
        let living = |domain: &cstatns::state::Domain| domain.destroyed.is_none() && !domain.marked;
        let (living, gone): (Vec<_>, Vec<_>) = all.partition(|(_, domain)| living(domain));
        let names = |of: Vec<(&cstatns::name::Name, _)>| -> Vec<String> {
            of.into_iter().map(|(name, _)| name.as_str().to_owned()).collect()
        };
        let (living, gone) = (names(living), names(gone));
        match self.random.one_in(20) {
            true => self.random.of(&gone),
            false => self.random.of(&living),
        }
    }

    /// A day so many days from now, by the clock.
    fn day(&self, days: usize) -> Date {
        let then = self.world.clock.now() + DAY * i32::try_from(days).unwrap();
        TimeZone::UTC.to_datetime(then).date()
    }

    pub(crate) fn code_in(
        &mut self,
        domain: &str,
        people: Vec<&'static str>,
    ) -> Result<(), ServiceError> {
        let file = self.file();
        self.asked.push(Asked {
            file: file.clone(),
            domain: domain.to_owned(),
            people: people.clone(),
        });
        let made = self.world.code(domain, &file, &people)?;
        self.stats.count("seen", "code");
        self.made.push((file, made));
        Ok(())
    }

    pub(crate) fn new_key_of(&mut self, domain: &str) -> Result<(), ServiceError> {
        let known = self.state().domain(&name(domain))?;
        let reason = match known.active().compromised {
            true => RenewalReason::Doubt,
            false => RenewalReason::Scheduled,
        };
        self.world.new_key(domain, reason)
    }

    /// A quorum closes the doubts about a domain, or about the custody.
    pub(crate) fn examine(&mut self, domain: Option<&str>) -> Result<(), ServiceError> {
        let mut service = self.world.try_open()?;
        let domain = domain.map(name);
        let doubts = service.state().doubts_about(domain.as_ref());
        let quorum = self.world.quorum(&mut service, Action::Examined { domain, doubts })?;
        service.examined(quorum)
    }
}

fn code(life: &mut Life) -> Result<(), ServiceError> {
    let now = life.truth;
    let past = |domain: &cstatns::state::Domain| {
        domain.destroyed.is_none() && (domain.marked || domain.is_past_its_end(now))
    };
    let ended = life.state().domains().iter().find(|(_, domain)| past(domain));
    let ended = ended.map(|(name, _)| name.as_str().to_owned());
    let Some(domain) = ended.or_else(|| life.domain(|_| true)) else { return none() };
    let people = life.people();
    life.code_in(&domain, people)
}

fn code_parts(life: &mut Life) -> Result<(), ServiceError> {
    let Some(domain) = life.domain(|_| true) else { return none() };
    let files = [life.file(), life.file()];
    for file in &files {
        let (file, domain, people) = (file.clone(), domain.clone(), PEOPLE.to_vec());
        life.asked.push(Asked { file, domain, people });
    }
    life.world.code_parts(&domain, &[&files[0], &files[1]]).map(drop)
}

/// Codes of an earlier generation, if there are any.
fn renew(life: &mut Life) -> Result<(), ServiceError> {
    let Some(domain) = life.domain(|domain| domain.generation() > Generation::FIRST) else {
        return none();
    };
    let present = life.state().domain(&name(&domain))?.generation();
    let older = life.known.generations(&domain).filter(|older| *older < present.get());
    let older: Vec<u32> = older.collect();
    let Some(from) = life.random.of(&older) else { return none() };
    let (people, codes) = life.known.codes_of(&domain, from);
    if people.len() < 2 {
        return none();
    }
    let file = life.file();
    life.asked.push(Asked { file: file.clone(), domain: domain.clone(), people });
    let made = life.world.renew(&domain, &file, &codes)?;
    life.made.push((file, made));
    Ok(())
}

fn open_statistics(life: &mut Life) -> Result<(), ServiceError> {
    let domain = ["population", "income", "housing"][life.random.below(3)];
    life.world.statistics(domain)
}

fn open_research(life: &mut Life) -> Result<(), ServiceError> {
    let living = life.state().domains().values();
    let living = living.filter(|domain| domain.kind.is_research() && domain.destroyed.is_none());
    if living.count() > 2 {
        return none();
    }
    let domain = format!("cohort-{}", life.random.below(40));
    let ends = life.random.of(&[0, 3, 30, 200, 700, 1500, 3600]).unwrap();
    let ends = life.day(ends).to_string();
    life.world.research(&domain, &ends)
}

fn extend(life: &mut Life) -> Result<(), ServiceError> {
    let Some(domain) = life.domain(|domain| domain.kind.is_research()) else { return none() };
    let days = life.random.of(&[300, 1500, 3000]).unwrap();
    let ends = life.day(days).to_string();
    life.world.extend(&domain, &ends)
}

fn new_key(life: &mut Life) -> Result<(), ServiceError> {
    let Some(domain) = life.domain(|_| true) else { return none() };
    life.new_key_of(&domain)
}

fn close(life: &mut Life) -> Result<(), ServiceError> {
    let Some(domain) = life.domain(|domain| domain.kind.is_research()) else { return none() };
    life.world.close(&domain)
}

/// Whoever was left behind may doubt too.
fn doubt(life: &mut Life) -> Result<(), ServiceError> {
    let Some(domain) = life.domain(|_| true) else { return none() };
    let kits = life.custodians.iter().filter(|kit| Kit::open(kit, None).is_ok());
    let kits: Vec<_> = kits.cloned().collect();
    life.world.kits = vec![life.random.of(&kits).unwrap()];
    life.world.doubt(&domain, 0)
}

fn doubt_custody(life: &mut Life) -> Result<(), ServiceError> {
    let mut service = life.world.try_open()?;
    let about = Doubted::Custody { epoch: service.state().working_epoch()?.0 };
    let doubt = life.world.kit(0).doubt(about, service.view(), service.now())?;
    service.doubt(doubt)
}

fn examined(life: &mut Life) -> Result<(), ServiceError> {
    let waits = life.state().custody_doubted().is_some();
    let doubted = life.domain(|domain| domain.active().compromised);
    match doubted.filter(|_| !waits) {
        Some(domain) => life.examine(Some(&domain)),
        None => life.examine(None),
    }
}

/// A custodian's check, at a machine of their own or at the service's.
fn check(life: &mut Life) -> Result<(), ServiceError> {
    let date = if life.random.one_in(2) { life.truth } else { life.world.clock.now() };
    let mut service = life.world.try_open()?;
    let receipt = life.world.kit(0).check(service.view(), date)?;
    service.receipt(receipt).map(drop)
}

/// A custodian consents and another does not.
fn withdrawn(life: &mut Life) -> Result<(), ServiceError> {
    let domain = name(&format!("cohort-{}", life.random.below(40)));
    let mut service = life.world.try_open()?;
    let kind = Kind::Statistics { cryptoperiod_years: 5 };
    let action = Action::Open { domain, kind, minimum_batch: 2, authorisation: None };
    match life.world.quorum_of(&mut service, action, &[0]) {
        Err(ServiceError::Quorum(QuorumError::TooFew { .. })) => Ok(()),
        other => other.map(drop),
    }
}

/// Custodians who lie, and k who are honest after all.
fn lie(life: &mut Life) -> Result<(), ServiceError> {
    let domain = format!("lied-about-{}", life.file());
    ask_liars(life, &domain, true).map(drop)
}

/// Fewer than k do what they can with each other's approvals and with earlier ones.
fn collude(life: &mut Life) -> Result<(), ServiceError> {
    match ask_liars(life, "stolen", false) {
        Err(ServiceError::Quorum(QuorumError::TooFew { .. })) => Ok(()),
        Ok(_) => life.breaks(Rule::Approved, "fewer than k custodians have opened a domain"),
        other => other.map(drop),
    }
}

fn deliver(life: &mut Life) -> Result<(), ServiceError> {
    let Some((file, made)) = life.random.of(&life.made) else { return none() };
    if !life.world.path(&format!("{file}.result")).exists() {
        return none();
    }
    life.world.deliver(&file, &made)?;
    life.made.retain(|(other, _)| *other != file);
    let _ = fs::remove_file(life.world.path(&format!("{file}.received")));
    Ok(())
}

fn publish(life: &mut Life) -> Result<(), ServiceError> {
    let reader = Reader::open(&life.world.home(), life.world.clock.clone())?;
    reader.publish(&life.world.path("published")).map(drop)
}

fn expire(life: &mut Life) -> Result<(), ServiceError> {
    let mut service = life.world.try_open()?;
    service.expire().map(drop)
}

/// Custodians accept another signing key.
pub(crate) fn rekey(life: &mut Life) -> Result<(), ServiceError> {
    life.world.rekey()
}

/// A dealing to all custodians. Who was left behind, or has left, has a successor of the same name
/// with a kit of their own.
fn deal(life: &mut Life) -> Result<(), ServiceError> {
    let mut cards = Vec::new();
    for at in 0..life.n() {
        cards.push(match life.cut.contains(&at) || life.random.one_in(8) {
            true => life.new_kit(name(&format!("custodian-{}", at + 1)))?,
            false => life.kit(at).draw_card()?.clone(),
        });
    }
    life.world.deal_to(life.k, cards, Vec::new()).map(|_| ())
}

/// The receipts of some of the custodians of a dealing that waits, mostly of all.
fn receive(life: &mut Life) -> Result<(), ServiceError> {
    let all = !life.random.one_in(3);
    life.receive(all)
}

impl Life {
    /// The receipts of the custodians of a dealing that waits, or of one of them. It is given up
    /// where one of them cannot have their share.
    pub(crate) fn receive(&mut self, all: bool) -> Result<(), ServiceError> {
        let Some((epoch, pending)) = self.state().pending_epoch() else { return none() };
        let missing = pending.missing();
        let seats = pending.dealing.roster.iter().map(|seat| &seat.card.body);
        let signing: Vec<_> = seats
            .filter(|body| missing.contains(&body.name))
            .map(|body| (body.name.clone(), body.signing))
            .take(if all { missing.len() } else { 1 })
            .collect();
        for (name, signing) in signing {
            let Ok(mut kit) = Kit::open(&self.holder(&signing), None) else {
                self.stats.count("seen", "dealt to a lost kit");
                return self.world.abandon(epoch.0);
            };
            let mut service = self.world.try_open()?;
            let share = self.world.path("shares").join(format!("{name}.{epoch}.share"));
            let share = serde_json::from_slice(&fs::read(share).map_err(|_| gone())?);
            let share = share.map_err(|_| gone())?;
            match kit.accept(&share, service.view(), service.now()) {
                // The kit was put back from a copy that was made before the card.
                Err(KitError::CardNotHeld { .. }) => {
                    self.stats.count("seen", "card not held");
                    drop(service);
                    return self.world.abandon(epoch.0);
                }
                receipt => {
                    let receipt = fs::read(receipt?).map_err(|_| gone())?;
                    service.receipt(serde_json::from_slice(&receipt).map_err(|_| gone())?)?;
                }
            }
        }
        Ok(())
    }
}

fn gone() -> ServiceError {
    cstatns::state::Refusal::UnknownDelivery.into()
}

fn abandon(life: &mut Life) -> Result<(), ServiceError> {
    let Some((epoch, _)) = life.state().pending_epoch() else { return none() };
    life.world.abandon(epoch.0)
}

/// A custodian forgets a share of an epoch that is over.
fn forget(life: &mut Life) -> Result<(), ServiceError> {
    let kits = life.honest();
    let Some(at) = life.random.of(&kits) else { return none() };
    let (mut kit, ledger) = (life.kit(at), life.world.ledger());
    let over = ledger.state.epochs().iter().filter(|(epoch, of)| {
        let seat = of.dealing.seat(kit.name());
        let sits = seat.is_some_and(|seat| seat.card.body.signing == kit.card().body.signing);
        of.until.is_some() && sits && !of.forgotten.contains(kit.name()) && epoch.0 > 0
    });
    let Some((epoch, _)) = over.last() else { return none() };
    let receipt = kit.forget(*epoch, ledger.view(), life.world.clock.now())?;
    life.world.try_open()?.receipt(receipt).map(|_| ())
}
