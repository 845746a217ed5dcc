//! The verbs of the cryptographic service.

mod runs;
mod status;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use cstatns::code::Generation;
use cstatns::custody::approval::{Action, RunId};
use cstatns::custody::{Card, Receipt, spoken};
use cstatns::domain::{DEFAULT_MINIMUM_BATCH, Kind, LARGEST_MINIMUM_BATCH, RenewalReason};
use cstatns::name::Name;
use cstatns::service::{Founding, Service, ServiceError};
use cstatns::state::Refusal;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::custodian::read_json;
use crate::fault::Fault;
use crate::output::Program;
use crate::quorum::{Closed, KitArgs, gather};

/// The cryptographic service: a home, its keys under a quorum, its ledger
#[derive(Subcommand)]
pub(crate) enum ServiceVerb {
    Init(Init),
    Receipt(ReceiptArgs),
    Open(Open),
    Extend(Extend),
    Code(runs::Code),
    NewKey(NewKey),
    Renew(runs::Renew),
    Delivered(Delivered),
    RequestLost(RequestLost),
    Doubt(DoubtArgs),
    Close(Close),
    Expire(Expire),
    Status(status::Status),
}

impl ServiceVerb {
    pub(crate) fn run(self, program: &Program) -> Result<Value, Fault> {
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
            Self::Close(verb) => verb.run(program),
            Self::Expire(verb) => verb.run(program),
            Self::Status(verb) => verb.run(program),
        }
    }
}

/// Opens the service in `home`, tells what was found to mend, and makes the reports that are missing.
fn open(program: &Program, home: &Path) -> Result<Service, Fault> {
    let clock = program.clock.clone();
    let (service, recovered) = Service::open(home, move || clock())?;
    for mended in recovered {
        program.say(format_args!("recovered: {mended}"));
    }
    if service.is_clock_unconfirmed() {
        program.say(
            "warning: the clock is more than 40 days after the last event: until a quorum's run confirms it, no project is \
             ended and no key destroyed; check the clock",
        );
    }
    if let Some(unpaid) = service.unpaid() {
        program.say(format_args!("warning: {unpaid}{}", advice(unpaid)));
    }
    for key in service.unknown_keys()? {
        program.say(format_args!(
            "warning: the ledger does not know the key {:?}: the ledger is older than its keys, or was rolled back; do not go on, \
             call the auditor, and put back the newest ledger and checkpoint",
            key.path
        ));
    }
    runs::write_missing_reports(program, &service, home);
    Ok(service)
}

/// What to do about something that is owed and could not be destroyed.
fn advice(unpaid: &ServiceError) -> String {
    match unpaid {
        ServiceError::RequestAway { run, .. } => format!(" (`service request-lost HOME {run}`)"),
        _ => String::new(),
    }
}

/// Opens the service and works; a refusal that comes before the work began is recorded (R16).
fn recorded<T>(
    program: &Program,
    home: &Path,
    verb: &str,
    work: impl FnOnce(&mut Service) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut service = open(program, home)?;
    let before = service.history().size();
    let outcome = work(&mut service);
    for path in service.damaged_lives() {
        program.say(format_args!(
            "warning: the life secret {path:?} is damaged or of another key; another copy opened the key: destroy this one \
             and copy the other to its place"
        ));
    }
    if let Err(fault) = &outcome {
        // A run that began has recorded its own end. A ledger that cannot be written must not hide the first error.
        if service.history().size() == before {
            let _ = service.record_refusal(verb, &fault.code);
        }
    }
    outcome
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
    /// Where the life secrets of research keys lie; never backed up. One or two places; else HOME/life
    #[arg(long, value_name = "DIR", num_args = 1..)]
    life: Vec<PathBuf>,
    /// A demonstration, for ever: accepts kits without passphrase
    #[arg(long)]
    demo: bool,
}

impl Init {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let cards = self.custodians.iter().map(|path| read_json::<Card>(path, "a custodian's card"));
        let founding = Founding {
            name: self.name,
            threshold: self.threshold,
            cards: cards.collect::<Result<_, _>>()?,
            shares: &self.shares,
            life: self.life,
            demo: self.demo,
        };
        let clock = program.clock.clone();
        let founded = Service::init(&self.home, founding, move || clock())?;
        let dealing = &founded.dealing;
        let words = spoken(&dealing.fingerprint());
        program.say(format_args!("founded {}: {} open its secret", founded.card.id(), dealing.threshold));
        if dealing.demo {
            program.say("this is a demonstration, for ever");
        }
        program.say(format_args!("read aloud, the same with every custodian: {words}"));
        for share in &founded.shares {
            program.say(format_args!("give {share:?} to its custodian"));
        }
        program.say("no domain opens before every custodian's receipt is recorded: `custodian accept`, `service receipt`");
        Ok(json!({
            "service": founded.card.id(),
            "epoch": dealing.epoch,
            "threshold": dealing.threshold.k(),
            "custodians": dealing.threshold.n(),
            "demo": dealing.demo,
            "dealing": dealing.fingerprint(),
            "spoken": words,
            "shares": founded.shares,
        }))
    }
}

/// Record receipts of custodians: shares held, checkpoints seen
#[derive(Args)]
#[command(after_help = "Example:
  cstatns service receipt home /media/alice/kit/receipt-1-held.json bruno-receipt-1-held.json")]
pub(crate) struct ReceiptArgs {
    /// The service's home
    home: PathBuf,
    /// The receipts
    #[arg(required = true)]
    receipts: Vec<PathBuf>,
}

impl ReceiptArgs {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let read = self.receipts.iter().map(|path| read_json::<Receipt>(path, "a receipt"));
        let receipts = read.collect::<Result<Vec<_>, _>>()?;
        recorded(program, &self.home, "receipt", |service| {
            // All of them are looked at before the first is recorded. `receipts/*.json` holds those of the last time as well.
            let mut known = Ok(());
            for receipt in &receipts {
                match service.state().check_receipt(receipt, service.history()) {
                    Err(refusal @ Refusal::ReceiptKnown { .. }) => known = Err(refusal),
                    outcome => outcome?,
                }
            }
            let mut by = Vec::new();
            for receipt in receipts {
                let giver = receipt.body.by.clone();
                match service.state().check_receipt(&receipt, service.history()) {
                    Err(Refusal::ReceiptKnown { .. }) => {}
                    _ => {
                        service.receipt(receipt)?;
                        by.push(giver);
                    }
                }
            }
            if by.is_empty() {
                known?;
            }
            let newest = service.state().epochs().values().next_back();
            let missing = newest.map(|epoch| epoch.missing()).unwrap_or_default();
            let complete = missing.is_empty();
            program.say(format_args!("recorded the receipts of {}", names(&by)));
            if complete {
                program.say("all shares are held: domains can be opened");
            } else {
                program.say(format_args!("still missing: the receipts of {}", names(&missing)));
            }
            Ok(json!({ "recorded": by, "complete": complete, "missing": missing }))
        })
    }
}

fn names(names: &[Name]) -> String {
    names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
}

/// What a domain is for
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KindArg {
    /// The statistical domain: its key is renewed
    Statistics,
    /// One research project: its key is destroyed at its end
    Research,
}

fn date(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| "a day is written year-month-day, such as 2028-12-31".to_owned())
}

/// Open a domain with its first key (quorum)
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns service open home population --kind statistics \\
      --kit /media/alice/kit --kit /media/bruno/kit --kit /media/chloe/kit
  cstatns service open home cancer-2026 --kind research --ends 2028-12-31 \\
      --kit /media/alice/kit --kit /media/bruno/kit --kit /media/chloe/kit")]
pub(crate) struct Open {
    /// The service's home
    home: PathBuf,
    /// The name of the new domain
    domain: Name,
    /// What it is for
    #[arg(long)]
    kind: KindArg,
    /// Statistics: years from one key to the next, 1 to 10 [default: 5]
    #[arg(long, value_name = "YEARS")]
    cryptoperiod_years: Option<u8>,
    /// Research: the last day, such as 2028-12-31 (UTC)
    #[arg(
        long,
        value_name = "DATE",
        value_parser = date,
        required_if_eq("kind", "research"),
        conflicts_with = "cryptoperiod_years"
    )]
    ends: Option<Date>,
    /// The fewest distinct values of a run; 1 in a demonstration only
    #[arg(long, value_name = "ROWS", default_value_t = DEFAULT_MINIMUM_BATCH,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(LARGEST_MINIMUM_BATCH)))]
    minimum_batch: u32,
    #[command(flatten)]
    kits: KitArgs,
}

impl Open {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let kind = match (self.kind, self.ends) {
            (KindArg::Statistics, None) => Kind::Statistics {
                cryptoperiod_years: self.cryptoperiod_years.unwrap_or(Kind::DEFAULT_CRYPTOPERIOD_YEARS),
            },
            (KindArg::Research, Some(ends)) if self.cryptoperiod_years.is_none() => Kind::Research { ends },
            (KindArg::Statistics, Some(_)) => {
                return Err(Fault::usage("a statistical domain has no end: leave out --ends"));
            }
            (KindArg::Research, _) => {
                return Err(Fault::usage("a research project has an end (--ends) and no cryptoperiod"));
            }
        };
        let kits = self.kits.look()?;
        recorded(program, &self.home, "open", |service| {
            let (domain, minimum_batch) = (self.domain.clone(), self.minimum_batch);
            let quorum = gather(program, service, &kits, Action::Open { domain, kind, minimum_batch })?;
            service.open_domain(quorum)?;
            program.say(format_args!("opened `{}`, generation 1", self.domain));
            if kind.is_research() && !service.state().is_demo() {
                program.say("until counterparts have cards, `code` hands out research results in a demonstration only");
            }
            Ok(domain_summary(service, &self.domain))
        })
    }
}

/// A domain as `status` shows it.
fn domain_summary(service: &Service, domain: &Name) -> Value {
    let status = service.status().domains.into_iter().find(|status| status.domain == *domain);
    serde_json::to_value(status).unwrap_or_default()
}

/// Move the end of a research project, before it has come (quorum)
#[derive(Args)]
#[command(after_help = "Example:
  cstatns service extend home cancer-2026 --ends 2029-06-30 \\
      --kit /media/alice/kit --kit /media/bruno/kit --kit /media/chloe/kit")]
pub(crate) struct Extend {
    /// The service's home
    home: PathBuf,
    /// The project's domain
    domain: Name,
    /// The new last day (UTC)
    #[arg(long, value_name = "DATE", value_parser = date)]
    ends: Date,
    #[command(flatten)]
    kits: KitArgs,
}

impl Extend {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let kits = self.kits.look()?;
        recorded(program, &self.home, "extend", |service| {
            let action = Action::Extend { domain: self.domain.clone(), ends: self.ends };
            let quorum = gather(program, service, &kits, action)?;
            service.extend(quorum)?;
            program.say(format_args!("`{}` now ends on {}", self.domain, self.ends));
            Ok(domain_summary(service, &self.domain))
        })
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum ReasonArg {
    /// The cryptoperiod is over, or was planned to be
    Scheduled,
    /// A reasonable doubt about the key or the operation
    Doubt,
}

/// Make the key of a domain's next generation (quorum); then every file of the domain is renewed
#[derive(Args)]
#[command(after_help = "Example:
  cstatns service new-key home population --reason scheduled \\
      --kit /media/alice/kit --kit /media/bruno/kit --kit /media/chloe/kit")]
pub(crate) struct NewKey {
    /// The service's home
    home: PathBuf,
    /// The domain
    domain: Name,
    /// Why
    #[arg(long)]
    reason: ReasonArg,
    #[command(flatten)]
    kits: KitArgs,
}

impl NewKey {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let kits = self.kits.look()?;
        let reason = match self.reason {
            ReasonArg::Scheduled => RenewalReason::Scheduled,
            ReasonArg::Doubt => RenewalReason::Doubt,
        };
        recorded(program, &self.home, "new-key", |service| {
            let generation: Generation = service.state().domain(&self.domain)?.generation().next();
            let action = Action::NewKey { domain: self.domain.clone(), generation, reason };
            let quorum = gather(program, service, &kits, action)?;
            service.new_key(quorum)?;
            program.say(format_args!(
                "`{}` is at generation {generation}; renew every file of the former one: they no longer match",
                self.domain
            ));
            Ok(domain_summary(service, &self.domain))
        })
    }
}

/// State that the counterpart has a delivery: destroys the service's copy
#[derive(Args)]
#[command(after_help = "Example:
  cstatns service delivered home 0123456789abcdef0123456789abcdef --received /exchange/result.csv
The file must be another file with the same bytes as the service's copy; `service status` lists the deliveries.")]
pub(crate) struct Delivered {
    /// The service's home
    home: PathBuf,
    /// The delivery: 32 digits
    #[arg(value_parser = runs::delivery)]
    delivery: RunId,
    /// The file that the counterpart received
    #[arg(long, value_name = "FILE")]
    received: PathBuf,
}

impl Delivered {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        recorded(program, &self.home, "delivered", |service| {
            let outgoing = service.outgoing().into_iter().find(|outgoing| outgoing.delivery == self.delivery);
            service.state().check_delivered(&self.delivery).map_err(|refusal| match refusal {
                Refusal::UnknownDelivery => Fault::new(
                    refusal.code(),
                    "this service has made no delivery of this number: `service status` lists those that wait",
                ),
                refusal => refusal.into(),
            })?;
            service.delivered(&self.delivery, &self.received)?;
            let copy = outgoing.and_then(|outgoing| outgoing.result);
            program.say(format_args!(
                "delivery {} is with its counterpart; destroyed the copy here",
                self.delivery
            ));
            Ok(json!({ "delivery": self.delivery, "destroyed": copy }))
        })
    }
}

/// State that the medium with a coded request is gone for good, so that the request cannot be destroyed
#[derive(Args)]
#[command(after_help = "Example:
  cstatns service request-lost home 0123456789abcdef0123456789abcdef
A request on a medium that is not mounted is still to be destroyed, and nothing new begins before. Mount the medium if
you can: the next command then destroys the request. This verb is for a medium that will not come back. The ledger says
`lost`, for the auditor to see.")]
pub(crate) struct RequestLost {
    /// The service's home
    home: PathBuf,
    /// The delivery whose request is lost: 32 digits
    #[arg(value_parser = runs::delivery)]
    delivery: RunId,
}

impl RequestLost {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        recorded(program, &self.home, "request-lost", |service| {
            service.request_lost(&self.delivery)?;
            program.say(format_args!("recorded: the request of delivery {} is lost", self.delivery));
            Ok(json!({ "delivery": self.delivery }))
        })
    }
}

/// State a doubt about a domain's present key: one custodian is enough; coding stops until `new-key`
#[derive(Args)]
#[command(after_help = "Example:
  cstatns service doubt home population --kit /media/alice/kit
Then: `service new-key home population --reason doubt`, and `renew` for every file of the domain.")]
pub(crate) struct DoubtArgs {
    /// The service's home
    home: PathBuf,
    /// The domain
    domain: Name,
    /// The kit of the custodian who doubts
    #[arg(long, value_name = "KIT")]
    kit: PathBuf,
    /// A file with the kit's passphrase; else it is asked for
    #[arg(long, value_name = "F")]
    passphrase_file: Option<PathBuf>,
}

impl DoubtArgs {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let closed = Closed::look(&self.kit, self.passphrase_file.as_deref())?;
        recorded(program, &self.home, "doubt", |service| {
            let generation = service.state().domain(&self.domain)?.generation();
            program
                .say(format_args!("asked: state a doubt about generation {generation} of `{}`", self.domain));
            let kit = closed.open(program)?;
            let doubt = kit.doubt(Some((self.domain.clone(), generation)), service.witnessed()?)?;
            service.doubt(doubt)?;
            program.say(format_args!(
                "`{}` doubts generation {generation} of `{}`: coding and renewal into it stop until `new-key --reason doubt`",
                kit.name(),
                self.domain
            ));
            Ok(domain_summary(service, &self.domain))
        })
    }
}

/// Destroy the keys of a research project before its end (quorum)
#[derive(Args)]
#[command(after_help = "Example:
  cstatns service close home cancer-2026 \\
      --kit /media/alice/kit --kit /media/bruno/kit --kit /media/chloe/kit
There is no way back: nobody can code for the project again.")]
pub(crate) struct Close {
    /// The service's home
    home: PathBuf,
    /// The project's domain
    domain: Name,
    #[command(flatten)]
    kits: KitArgs,
}

impl Close {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let kits = self.kits.look()?;
        recorded(program, &self.home, "close", |service| {
            let quorum = gather(program, service, &kits, Action::Close { domain: self.domain.clone() })?;
            service.close(quorum)?;
            program.say(format_args!("the keys of `{}` are destroyed", self.domain));
            Ok(domain_summary(service, &self.domain))
        })
    }
}

/// Mark projects past their end; destroy keys of those marked 24 hours ago. Needs nobody: for an hourly timer
#[derive(Args)]
#[command(after_help = "Example, as a line of crontab:
  17 * * * *  cstatns service expire /srv/cstatns/home")]
pub(crate) struct Expire {
    /// The service's home
    home: PathBuf,
}

impl Expire {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let mut service = open(program, &self.home)?;
        let expired = service.expire()?;
        for domain in &expired.marked {
            program.say(format_args!(
                "`{domain}` is past its end: marked; its keys are destroyed at the first run in 24 hours or later"
            ));
        }
        for domain in &expired.destroyed {
            program.say(format_args!("the keys of `{domain}` are destroyed"));
        }
        if expired.marked.is_empty() && expired.destroyed.is_empty() && !expired.unconfirmed {
            program.say("nothing to mark, nothing to destroy");
        }
        Ok(json!({
            "marked": expired.marked,
            "destroyed": expired.destroyed,
            "clock_unconfirmed": expired.unconfirmed,
        }))
    }
}
