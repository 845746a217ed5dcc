//! The verbs of the cryptographic service.

mod dealing;
mod deliveries;
mod domains;
mod ending;
mod metrics;
mod odds;
mod parties;
mod publish;
mod recover;
mod rehearse;
mod rekey;
mod runs;
mod script;
mod status;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use cstatns::card::{Card, spoken};
use cstatns::domain::KeyState;
use cstatns::name::Name;
use cstatns::receipt::{Receipt, ReceiptStatement};
use cstatns::service::{Founding, Opening, Recovered, Service};
use cstatns::state::{Domain, Refusal, State};
use cstatns::words;
use serde_json::{Value, json};

use crate::accept::duration;
use crate::custodian::read_json;
use crate::fault::Fault;
use crate::lang::{said, text};
use crate::output::Program;
use crate::quorum::tell_seen;

/// The cryptographic service: a home, its keys under a quorum, its ledger
#[derive(Subcommand)]
pub(crate) enum ServiceVerb {
    Init(Init),
    Receipt(ReceiptArgs),
    Open(domains::Open),
    Extend(domains::Extend),
    Code(runs::Code),
    NewKey(domains::NewKey),
    Renew(runs::Renew),
    Delivered(deliveries::Delivered),
    RequestLost(deliveries::RequestLost),
    Doubt(domains::DoubtArgs),
    Examined(domains::ExaminedArgs),
    Close(ending::Close),
    Deal(dealing::Deal),
    Abandon(dealing::Abandon),
    Party(parties::Party),
    RequestKey(parties::RequestKeyArgs),
    Expire(ending::Expire),
    Recover(recover::Recover),
    Rekey(rekey::Rekey),
    ExportIdentity(rekey::ExportIdentity),
    ImportIdentity(rekey::ImportIdentity),
    Status(status::Status),
    Publish(publish::Publish),
    Rehearse(rehearse::Rehearse),
    Script(script::Script),
}

impl ServiceVerb {
    pub(crate) fn run(self, program: &Program) -> Result<Value, Fault> {
        let summary = self.done(program)?;
        if program.is_behind() { Err(Fault::not_in_order(summary)) } else { Ok(summary) }
    }

    fn done(self, program: &Program) -> Result<Value, Fault> {
        match self {
            Self::Init(verb) => verb.run(program),
            Self::Receipt(verb) => verb.run(program),
            Self::Open(verb) => verb.run(program),
            Self::Extend(verb) => verb.run(program),
            Self::Code(verb) => verb.run(program),
            Self::NewKey(verb) => verb.run(program),
            Self::Renew(verb) => verb.run(program),
            Self::Delivered(verb) => verb.run(program),
            Self::RequestLost(verb) => verb.run(program),
            Self::Doubt(verb) => verb.run(program),
            Self::Examined(verb) => verb.run(program),
            Self::Close(verb) => verb.run(program),
            Self::Deal(verb) => verb.run(program),
            Self::Abandon(verb) => verb.run(program),
            Self::Party(verb) => verb.run(program),
            Self::RequestKey(verb) => verb.run(program),
            Self::Expire(verb) => verb.run(program),
            Self::Recover(verb) => verb.run(program),
            Self::Rekey(verb) => verb.run(program),
            Self::ExportIdentity(verb) => verb.run(program),
            Self::ImportIdentity(verb) => verb.run(program),
            Self::Status(verb) => verb.run(program),
            Self::Publish(verb) => verb.run(program),
            Self::Rehearse(verb) => verb.run(program),
            Self::Script(verb) => verb.run(program),
        }
    }
}

/// Opens the service in `home`, says what recovery found, and makes the reports that are missing.
fn open(program: &Program, home: &Path, verb: &str, wait: Duration) -> Result<Service, Fault> {
    let clock = program.clock.clone();
    let verb = Name::new(verb).expect("a verb is a name");
    // Nobody's kit looks at the ledger for these.
    let from_snapshot = ["expire", "receipt", "delivered", "request-lost"].contains(&verb.as_str());
    let opening =
        Opening { wait, read: Some(&runs::read_result), from_snapshot, ..Opening::of(verb) };
    opened(program, Service::open_for(home, move || clock(), opening)?)
}

/// Says what was found and finished in a home that was opened.
fn opened(
    program: &Program,
    (service, recovered): (Service, Vec<Recovered>),
) -> Result<Service, Fault> {
    for found in recovered {
        let found = said(&found);
        program.say(text!("recovered: {found}", "rétabli : {found}"));
    }
    if let Some(unpaid) = service.unpaid() {
        program.say(text!("warning: {}", "attention : {}", Fault::of(unpaid, &[]).text()));
    }
    for key in service.unknown_keys()? {
        program.say(text!(
            "warning: the ledger does not know the key {:?}: the ledger is older than its keys, or \
            a run was stopped and the home put back; `service recover HOME --kit …` with the kits of \
            a quorum brings back the events that speak of it, or puts it aside",
                "attention : le registre ne connaît pas la clé {:?} : le registre est plus ancien que ses clés, ou une \
                    opération a été arrêtée et le répertoire du service remis d'une sauvegarde ; `service recover HOME \
                    --kit …` avec les trousses d'un quorum rétablit les événements qui en parlent, ou la met de côté",
            key.path
        ));
    }
    runs::write_missing_reports(program, &service);
    Ok(service)
}

/// Opens the service and works; a refusal that comes before the work began is recorded (R16).
fn recorded<T>(
    program: &Program,
    home: &Path,
    verb: &str,
    work: impl FnOnce(&mut Service) -> Result<T, Fault>,
) -> Result<T, Fault> {
    recorded_within(program, home, verb, Duration::ZERO, work)
}

/// The same, waiting for a home that is in use.
fn recorded_within<T>(
    program: &Program,
    home: &Path,
    verb: &str,
    wait: Duration,
    work: impl FnOnce(&mut Service) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut service = open(program, home, verb, wait).map_err(|fault| waited(fault, wait))?;
    let outcome = work(&mut service);
    for path in service.damaged_lives() {
        program.say(text!(
            "warning: the life secret {path:?} is damaged or of another key; another copy opened \
            the key: destroy this one \
             and copy the other to its place",
                 "attention : le secret de vie {path:?} est endommagé ou d'une autre clé ; une autre copie a ouvert la \
                     clé : détruisez celui-ci et copiez l'autre à sa place"
        ));
    }
    tell_seen(program, &mut service);
    if let Some(behind) = service.behind() {
        program.set_behind();
        program.say(text!("warning: {}", "attention : {}", Fault::of(behind, &[]).text()));
    }
    if let (Ok(_), Err(error)) = (&outcome, service.check_clock()) {
        program.say(text!("warning: {}", "attention : {}", Fault::from(error).text()));
    }
    if let Err(fault) = &outcome {
        // A run that began has recorded its own end. A ledger that cannot be written must not hide
        // the first error.
        if !service.has_recorded() {
            let _ = service.record_refusal(verb, &fault.code);
        }
    }
    outcome
}

/// What those take that wait for a home that is in use.
#[derive(Args)]
pub(crate) struct Wait {
    /// How long to wait while another command uses the home, such as 40s, 15m or 2h
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    wait: Duration,
}

/// What to do about a home that is still in use after some patience.
fn waited(fault: Fault, wait: Duration) -> Fault {
    match fault.code == "home-locked" && !wait.is_zero() {
        true => fault.advising(text!(
            "repeat the command, or let it wait longer with --wait",
            "relancez la commande, ou laissez-la attendre plus longtemps par --wait"
        )),
        false => fault,
    }
}

/// Hold the ceremony: found a service and deal the shares of its secret
#[derive(Args)]
#[command(after_help = "Example:
  cstatns service init home --name statistics --threshold 3 --shares shares \\
      --custodian alice.json bruno.json chloe.json denis.json elise.json
Then each custodian runs `custodian accept`, and `service receipt` records their receipts.")]
pub(crate) struct Init {
    /// The home to found: a directory that does not exist, or is empty
    home: PathBuf,
    /// The service's name
    #[arg(long)]
    name: Name,
    /// How many shares open the secret
    #[arg(long, value_name = "K")]
    threshold: usize,
    /// The card of a custodian; once for each
    #[arg(long = "custodian", value_name = "CARD", required = true, num_args = 1..)]
    custodians: Vec<PathBuf>,
    /// The directory that receives the sealed shares, NAME.EPOCH.share
    #[arg(long, value_name = "DIR")]
    shares: PathBuf,
    /// Where the life secrets of research keys lie; never backed up. One or two places; else
    /// HOME/life
    #[arg(long, value_name = "DIR", num_args = 1..)]
    life: Vec<PathBuf>,
    /// Where a copy of the home is kept, in step with it, without its signing key and life
    /// secrets: on another disk or machine; one or more
    #[arg(long, value_name = "DIR", num_args = 1..)]
    mirror: Vec<PathBuf>,
    /// A demonstration, for ever: accepts kits without passphrase
    #[arg(long)]
    demo: bool,
}

impl Init {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let cards = self.custodians.iter().map(|path| {
            read_json::<Card>(path, words!("a custodian's card", "la carte d'un détenteur"))
        });
        let founding = Founding {
            name: self.name,
            threshold: self.threshold,
            cards: cards.collect::<Result<_, _>>()?,
            shares: &self.shares,
            life: self.life,
            mirrors: self.mirror,
            demo: self.demo,
        };
        let clock = program.clock.clone();
        let founded = Service::init(&self.home, founding, move || clock())?;
        let dealing = &founded.dealing;
        let words = spoken(&dealing.fingerprint());
        program.say(text!(
            "founded {}: {} open its secret",
            "{} est fondé : {} ouvrent son secret",
            founded.card.id(),
            said(&dealing.threshold)
        ));
        if dealing.demo {
            program.say(text!(
                "this is a demonstration, for ever",
                "c'est une démonstration, et cela ne change plus"
            ));
        }
        let odds = odds::tell(program, dealing);
        program.say(text!(
            "read aloud, the same with every custodian: {words}",
            "lisez à voix haute, les mêmes chez tous les détenteurs : {words}"
        ));
        program.say(
            text!("put a copy of the signing key in the safe: `service export-identity`; without it, a home \
            that is lost gets another key from a quorum",
                "mettez une copie de la clé de signature au coffre : `service export-identity` ; sans elle, un répertoire \
                    de service perdu reçoit une autre clé d'un quorum"),
        );
        for share in &founded.shares {
            program.say(text!(
                "give {share:?} to its custodian",
                "remettez {share:?} à son détenteur"
            ));
        }
        program.say(
            text!("no domain opens before every custodian's receipt is recorded: `custodian \
            accept`, `service receipt`",
                "aucun domaine ne s'ouvre avant que le récépissé de chaque détenteur soit inscrit : `custodian accept`, \
                    `service receipt`"),
        );
        Ok(json!({
            "service": founded.card.id(),
            "epoch": dealing.epoch,
            "threshold": dealing.threshold.k(),
            "custodians": dealing.threshold.n(),
            "demo": dealing.demo,
            "dealing": dealing.fingerprint(),
            "spoken": words,
            "odds": odds,
            "shares": founded.shares,
        }))
    }
}

/// Record receipts of custodians: shares held, checkpoints seen
#[derive(Args)]
#[command(after_help = "Example:
  cstatns service receipt home /media/alice/kit/receipt-1-held.json bruno-receipt-1-held.json
A receipt that is recorded already is said, and is no error.")]
pub(crate) struct ReceiptArgs {
    /// The service's home
    home: PathBuf,
    /// The receipts
    #[arg(required = true)]
    receipts: Vec<PathBuf>,
    #[command(flatten)]
    wait: Wait,
}

impl ReceiptArgs {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let read = self
            .receipts
            .iter()
            .map(|path| read_json::<Receipt>(path, words!("a receipt", "un récépissé")));
        let receipts = read.collect::<Result<Vec<_>, _>>()?;
        recorded_within(program, &self.home, "receipt", self.wait.wait, |service| {
            // All of them are looked at before the first is recorded. `receipts/*.json` holds those
            // of the last time as well.
            for receipt in &receipts {
                match service.state().check_receipt(receipt, service.now(), service.history()) {
                    Err(Refusal::ReceiptKnown { .. }) => {}
                    outcome => outcome?,
                }
            }
            let (mut by, mut known) = (Vec::new(), Vec::new());
            let unconfirmed = service.is_clock_unconfirmed();
            let before = service.state().working_epoch().map(|(epoch, _)| epoch);
            let is_held = |receipt: &Receipt| {
                matches!(receipt.body.statement, ReceiptStatement::ShareHeld { .. })
            };
            let share_held = receipts.iter().any(is_held);
            for receipt in receipts {
                let giver = receipt.body.by.clone();
                match service.state().check_receipt(&receipt, service.now(), service.history()) {
                    Err(Refusal::ReceiptKnown { .. }) => known.push(giver),
                    _ => {
                        service.receipt(receipt)?;
                        by.push(giver);
                    }
                }
            }
            let waits = service.state().pending_epoch();
            let missing = waits.map(|(_, epoch)| epoch.missing()).unwrap_or_default();
            let complete = missing.is_empty();
            if !known.is_empty() {
                program.say(text!(
                    "already recorded: the receipts of {}",
                    "déjà inscrits : les récépissés de {}",
                    names(&known)
                ));
            }
            match &by[..] {
                // Every call leaves an event (R16).
                [] => service.record_refusal("receipt", "receipt-known")?,
                by => program.say(text!(
                    "recorded the receipts of {}",
                    "inscrits : les récépissés de {}",
                    names(by)
                )),
            }
            if unconfirmed && !service.is_clock_unconfirmed() {
                program.say(text!(
                    "the time of the ledger is now {}: a custodian's check of today confirms the \
                    clock",
                        "l'heure du registre est maintenant {} : une vérification d'aujourd'hui d'un détenteur confirme \
                            l'horloge",
                    service.state().time()
                ));
            }
            if let Some(unpaid) = service.unpaid() {
                program.say(text!("warning: {}", "attention : {}", Fault::of(unpaid, &[]).text()));
            }
            let after = service.state().working_epoch().map(|(epoch, _)| epoch);
            match (before, after) {
                _ if !complete => program.say(text!(
                    "still missing: the receipts of {}",
                    "manquent encore : les récépissés de {}",
                    names(&missing)
                )),
                (Ok(before), Ok(epoch)) if epoch > before => {
                    program.say(text!(
                        "all shares are held: epoch {epoch} is in use, and what epoch {before} had sealed opens no \
                        more; the former custodians run `custodian forget --epoch {before}`",
                            "toutes les parts sont gardées : l'époque {epoch} est en service, et ce que l'époque \
                                {before} avait scellé ne s'ouvre plus ; les détenteurs d'avant lancent `custodian forget \
                                --epoch {before}`"
                    ));
                    tell_doubted(program, service.state());
                }
                // Why it is not in use was said.
                _ if service.state().complete_epoch().is_some() => {}
                _ if !share_held => {}
                _ => program.say(text!(
                    "all shares are held: domains can be opened",
                    "toutes les parts sont gardées : des domaines peuvent être ouverts"
                )),
            }
            Ok(json!({ "recorded": by, "complete": complete, "missing": missing }))
        })
    }
}

/// Says which domains still have a doubted key, once there are shares to make another one.
fn tell_doubted(program: &Program, state: &State) {
    let is_doubted = |domain: &Domain| {
        let present = domain.key(domain.generation());
        present.is_some_and(|key| key.compromised && key.state == KeyState::Active)
    };
    let doubted: Vec<Name> = state
        .domains()
        .iter()
        .filter(|(_, domain)| is_doubted(domain))
        .map(|(name, _)| name.clone())
        .collect();
    if !doubted.is_empty() {
        program.say(text!(
            "the keys that were doubted still are, of {}: `service new-key --reason doubt` for each of them",
            "les clés mises en doute le sont toujours, celles de {} : `service new-key --reason doubt` pour chacun d'eux",
            names(&doubted)
        ));
    }
}

fn names(names: &[Name]) -> String {
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}
