//! The verbs about domains and their keys.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cstatns::code::Generation;
use cstatns::domain::{DEFAULT_MINIMUM_BATCH, Kind, LARGEST_MINIMUM_BATCH, RenewalReason};
use cstatns::name::Name;
use cstatns::proposal::Action;
use cstatns::receipt::Doubted;
use cstatns::service::Service;
use jiff::civil::Date;
use serde_json::Value;

use crate::custodian::keep_on_paper;
use crate::fault::Fault;
use crate::lang::text;
use crate::output::Program;
use crate::quorum::{Closed, KitArgs, date, gather, note};

use super::{Wait, recorded, recorded_within, waited};

/// What a domain is for
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KindArg {
    /// The statistical domain: its key is renewed
    Statistics,
    /// One research project: its key is destroyed at its end
    Research,
}

/// Open a domain with its first key (quorum)
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns service open home population --kind statistics \\
      --kit /media/alice/kit --kit /media/bruno/kit --kit /media/chloe/kit
  cstatns service open home mobility-2026 --kind research --ends 2028-12-31 \\
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
    /// The legal basis, as a reference; custodians and auditor see it
    #[arg(long, value_name = "REF")]
    authorisation: Option<Name>,
    #[command(flatten)]
    kits: KitArgs,
}

impl Open {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let kind = match (self.kind, self.ends) {
            (KindArg::Statistics, None) => Kind::Statistics {
                cryptoperiod_years: self
                    .cryptoperiod_years
                    .unwrap_or(Kind::DEFAULT_CRYPTOPERIOD_YEARS),
            },
            (KindArg::Research, Some(ends)) if self.cryptoperiod_years.is_none() => {
                Kind::Research { ends }
            }
            (KindArg::Statistics, Some(_)) => {
                return Err(Fault::usage(text!(
                    "a statistical domain has no end: leave out --ends",
                    "un domaine statistique n'a pas de terme : enlevez --ends"
                )));
            }
            (KindArg::Research, _) => {
                return Err(Fault::usage(text!(
                    "a research project has an end (--ends) and no cryptoperiod",
                    "un projet de recherche a un terme (--ends) et pas de cryptopériode"
                )));
            }
        };
        let kits = self.kits.look()?;
        recorded(program, &self.home, "open", |service| {
            self.kits.check_clock(service)?;
            let (domain, minimum_batch) = (self.domain.clone(), self.minimum_batch);
            let authorisation = self.authorisation.clone();
            let quorum = gather(
                program,
                service,
                &kits,
                Action::Open { domain, kind, minimum_batch, authorisation },
            )?;
            service.open_domain(quorum)?;
            program.say(text!(
                "opened `{}`, generation 1",
                "`{}` est ouvert, génération 1",
                self.domain
            ));
            if kind.is_research() && !service.state().is_demo() {
                program.say(text!(
                    "in research requests come and results go in parcels alone: register its controllers, its linking \
                        body and its researchers (`service party`)",
                    "en recherche, demandes et résultats ne voyagent qu'en colis : inscrivez ses responsables, son \
                        organisme d'appariement et ses chercheurs (`service party`)"
                ));
            }
            Ok(domain_summary(service, &self.domain))
        })
    }
}

/// A domain as `status` shows it.
pub(super) fn domain_summary(service: &Service, domain: &Name) -> Value {
    let status = service.status().domains.into_iter().find(|status| status.domain == *domain);
    serde_json::to_value(status).unwrap_or_default()
}

/// Move the end of a research project, before it has come (quorum)
#[derive(Args)]
#[command(after_help = "Example:
  cstatns service extend home mobility-2026 --ends 2029-06-30 \\
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
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let kits = self.kits.look()?;
        recorded(program, &self.home, "extend", |service| {
            self.kits.check_clock(service)?;
            let action = Action::Extend { domain: self.domain.clone(), ends: self.ends };
            let quorum = gather(program, service, &kits, action)?;
            service.extend(quorum)?;
            program.say(text!(
                "`{}` now ends on {}",
                "`{}` prend maintenant fin le {}",
                self.domain,
                self.ends
            ));
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
#[command(after_help = "Examples:
  cstatns service new-key home population --reason scheduled \\
      --kit /media/alice/kit --kit /media/bruno/kit --kit /media/chloe/kit
  cstatns service new-key home population --reason scheduled --confirm-clock 2031-01-06 \\
      --kit /media/alice/kit --kit /media/bruno/kit --kit /media/chloe/kit
The second is for a clock that is far from the ledger's time, and right.")]
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
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let kits = self.kits.look()?;
        let reason = match self.reason {
            ReasonArg::Scheduled => RenewalReason::Scheduled,
            ReasonArg::Doubt => RenewalReason::Doubt,
        };
        recorded(program, &self.home, "new-key", |service| {
            service.check_key_is_older(&self.domain)?;
            self.kits.check_clock(service)?;
            let generation: Generation = service.state().domain(&self.domain)?.next_generation();
            let action = Action::NewKey { domain: self.domain.clone(), generation, reason };
            let quorum = gather(program, service, &kits, action)?;
            service.new_key(quorum)?;
            program.say(text!(
                "`{}` is at generation {generation}; renew every file of the former one: they no \
                longer match",
                    "`{}` est à la génération {generation} ; renouvelez tous les fichiers de la précédente : ils ne \
                        s'apparient plus",
                self.domain
            ));
            let next = match service.state().domain(&self.domain)?.kind.is_research() {
                true => "cstatns-link prepare",
                false => "controller prepare --code-column",
            };
            program.say(text!(
                "who has one asks for it with `{next}`; `service status {} --to-renew {}` lists them",
                "qui en a un le demande par `{next}` ; `service status {} --to-renew {}` les liste",
                self.home.display(),
                self.domain
            ));
            Ok(domain_summary(service, &self.domain))
        })
    }
}

/// State a doubt about a key, or about the custody of all of them: one custodian is enough; coding
/// stops until `new-key`
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns service doubt home population --kit /media/alice/kit
  cstatns service doubt home population --generation 1 --kit /media/alice/kit
  cstatns service doubt home --custody --kit /media/alice/kit
Then: `service new-key home population --reason doubt`, and `renew` for every file of the domain.
A doubt about a past generation is recorded, and stops nothing. After a doubt about the custody, new
shares are dealt before any new key.")]
pub(crate) struct DoubtArgs {
    /// The service's home
    home: PathBuf,
    /// The domain
    #[arg(required_unless_present = "custody", conflicts_with = "custody")]
    domain: Option<Name>,
    /// The generation that is doubted [default: the present one]
    #[arg(long, value_name = "G", conflicts_with = "custody")]
    generation: Option<u32>,
    /// The custody of the shares, and with it every present key
    #[arg(long)]
    custody: bool,
    /// The kit of the custodian who doubts
    #[arg(long, value_name = "KIT")]
    kit: PathBuf,
    /// A file with the kit's passphrase; else it is asked for
    #[arg(long, value_name = "F")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    wait: Wait,
}

impl DoubtArgs {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let closed = Closed::look(&self.kit, self.passphrase_file.as_deref())?;
        let generation = match self.generation.map(Generation::new) {
            Some(None) => {
                return Err(Fault::usage(text!(
                    "generations count from 1",
                    "les générations se comptent à partir de 1"
                )));
            }
            given => given.flatten(),
        };
        recorded_within(program, &self.home, "doubt", self.wait.wait, |service| {
            let (about, what, stops) = match &self.domain {
                Some(domain) => {
                    let present = service.state().domain(domain)?.generation();
                    let generation = generation.unwrap_or(present);
                    (
                        Doubted::Key { domain: domain.clone(), generation },
                        text!(
                            "generation {generation} of `{domain}`",
                            "la génération {generation} de `{domain}`"
                        ),
                        generation == present,
                    )
                }
                None => {
                    let epoch = service.state().working_epoch()?.0;
                    (
                        Doubted::Custody { epoch },
                        text!("the custody of epoch {epoch}", "la garde de l'époque {epoch}"),
                        true,
                    )
                }
            };
            program.say(text!(
                "asked: state a doubt about {what}",
                "demandé : déclarer un doute sur {what}"
            ));
            // Nobody is waited for while the home is locked.
            let kit = service.unlocked(|| {
                closed.introduce(program)?;
                closed.open(program)
            });
            let mut kit = kit.map_err(|fault| waited(fault, self.wait.wait))?;
            note(program, &kit, service.view())?;
            let doubt = kit.doubt(about, service.view(), service.now())?;
            service.doubt(doubt)?;
            let effect = match (stops, &self.domain) {
                (true, Some(_)) => text!(
                    "coding and renewal into it stop until `new-key --reason doubt`",
                    "le codage et le renouvellement vers elle s'arrêtent jusqu'à `new-key --reason doubt`"
                ),
                (true, None) => {
                    text!(
                        "coding and renewal stop in every domain until new shares are dealt and \
                    `new-key --reason doubt`",
                        "le codage et le renouvellement s'arrêtent dans tous les domaines jusqu'à une nouvelle \
                            répartition et `new-key --reason doubt`"
                    )
                }
                _ => text!(
                    "the domain has a later key: nothing stops",
                    "le domaine a une clé plus récente : rien ne s'arrête"
                ),
            };
            program.say(text!(
                "`{}` doubts {what}: {effect}",
                "`{}` met en doute {what} : {effect}",
                kit.name()
            ));
            keep_on_paper(program, &kit);
            match &self.domain {
                Some(domain) => Ok(domain_summary(service, domain)),
                None => Ok(serde_json::to_value(service.status()).unwrap_or_default()),
            }
        })
    }
}

/// Close doubts without a new key, once they are examined (quorum)
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns service examined home population \\
      --kit /media/alice/kit --kit /media/bruno/kit --kit /media/chloe/kit
  cstatns service examined home --custody \\
      --kit /media/alice/kit --kit /media/bruno/kit --kit /media/chloe/kit
It closes the doubts that stand when it is asked, each of which is shown, and none that is stated later.")]
pub(crate) struct ExaminedArgs {
    /// The service's home
    home: PathBuf,
    /// The domain
    #[arg(required_unless_present = "custody", conflicts_with = "custody")]
    domain: Option<Name>,
    /// The doubts about the custody of the shares
    #[arg(long)]
    custody: bool,
    #[command(flatten)]
    kits: KitArgs,
}

impl ExaminedArgs {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let kits = self.kits.look()?;
        recorded(program, &self.home, "examined", |service| {
            self.kits.check_clock(service)?;
            let doubts = service.state().doubts_about(self.domain.as_ref());
            let count = doubts.len();
            let action = Action::Examined { domain: self.domain.clone(), doubts };
            let quorum = gather(program, service, &kits, action)?;
            service.examined(quorum)?;
            program.say(text!("closed {count} doubts", "{count} doutes clos"));
            match &self.domain {
                Some(domain) => Ok(domain_summary(service, domain)),
                None => Ok(serde_json::to_value(service.status()).unwrap_or_default()),
            }
        })
    }
}
