//! The verbs with which projects end.

use std::path::{Path, PathBuf};

use clap::Args;
use cstatns::delivery::DeliveryName;
use cstatns::files::{self, Access};
use cstatns::name::Name;
use cstatns::proposal::Action;
use cstatns::service::{Expired, Service, ServiceError};
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::lang::text;
use crate::output::Program;
use crate::quorum::{KitArgs, gather};

use super::domains::domain_summary;
use super::{Wait, open, recorded, waited};

/// Destroy the keys of a research project before its end (quorum)
#[derive(Args)]
#[command(after_help = "Example:
  cstatns service close home mobility-2026 \\
      --kit /media/alice/kit --kit /media/bruno/kit --kit /media/chloe/kit
There is no way back: nobody can code for the project again. Results that nobody has said to have are destroyed with the
keys. With --notices a signed notice to the linking body of the
project is written, which destroys its coded files with it: `cstatns-link end`.")]
pub(crate) struct Close {
    /// The service's home
    home: PathBuf,
    /// The project's domain
    domain: Name,
    /// Write here the notices to linking bodies: projects whose coded files must go
    #[arg(long, value_name = "DIR")]
    notices: Option<PathBuf>,
    #[command(flatten)]
    kits: KitArgs,
}

impl Close {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let kits = self.kits.look()?;
        recorded(program, &self.home, "close", |service| {
            self.kits.check_clock(service)?;
            let quorum =
                gather(program, service, &kits, Action::Close { domain: self.domain.clone() })?;
            let results = service.close(quorum)?;
            program.say(text!(
                "the keys of `{}` are destroyed",
                "les clés de `{}` sont détruites",
                self.domain
            ));
            tell_unclaimed(program, &results);
            write_notices(program, service, self.notices.as_deref())?;
            Ok(domain_summary(service, &self.domain))
        })
    }
}

/// Mark projects past their end; destroy keys of those marked 24 hours ago. Needs nobody: for an
/// hourly timer
#[derive(Args)]
#[command(after_help = "Example, as a line of crontab:
  17 * * * *  cstatns service expire /srv/cstatns/home
With --notices, as in `service close`, a signed notice for each linking body is written to a folder:
  cstatns service expire home --notices notices
While the clock is more than 40 days after the ledger's time, nothing is marked or destroyed, and the command
ends with 1 and `clock-unconfirmed`. Then one custodian, or a quorum, confirms the clock:
  cstatns custodian check /media/alice/kit --ledger home/ledger.jsonl --out alice.json
  cstatns service receipt home alice.json")]
pub(crate) struct Expire {
    /// The service's home
    home: PathBuf,
    /// Write here the notices to linking bodies: projects whose coded files must go
    #[arg(long, value_name = "DIR")]
    notices: Option<PathBuf>,
    #[command(flatten)]
    wait: Wait,
}

impl Expire {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let wait = self.wait.wait;
        let mut service =
            open(program, &self.home, "expire", wait).map_err(|fault| waited(fault, wait))?;
        let expired = service.expire()?;
        for domain in &expired.marked {
            program.say(text!(
                "`{domain}` is past its end: marked; its keys are destroyed at the first run in 24 hours or later",
                "`{domain}` a passé son terme : marqué ; ses clés sont détruites au premier passage dans 24 heures ou plus"
            ));
        }
        for domain in &expired.destroyed {
            program.say(text!(
                "the keys of `{domain}` are destroyed",
                "les clés de `{domain}` sont détruites"
            ));
        }
        for key in &expired.request_keys {
            program.say(text!(
                "the request key {key} has expired, and its private half is destroyed",
                "la clé de demande {key} a expiré, et sa moitié privée est détruite"
            ));
        }
        tell_unclaimed(program, &expired.results);
        let notices = write_notices(program, &service, self.notices.as_deref())?;
        let mut summary = json!({
            "marked": expired.marked,
            "request_keys": expired.request_keys,
            "destroyed": expired.destroyed,
            "results": expired.results.iter().map(DeliveryName::to_string).collect::<Vec<_>>(),
            "clock_unconfirmed": expired.unconfirmed,
        });
        if self.notices.is_some() {
            summary["notices"] = json!(notices);
        }
        if expired.unconfirmed {
            let (clock, time) = (service.now(), service.state().time());
            return Err(Fault::from(ServiceError::ClockUnconfirmed { clock, time }).with(summary));
        }
        if expired == Expired::default() {
            program.say(text!(
                "nothing to mark, nothing to destroy",
                "rien à marquer, rien à détruire"
            ));
        }
        Ok(summary)
    }
}

/// Says which results went with the keys of a project.
fn tell_unclaimed(program: &Program, results: &[DeliveryName]) {
    for delivery in results {
        program.say(text!(
            "nobody has said that they have delivery {delivery}: the copy here is destroyed with the keys",
            "personne n'a dit avoir reçu la livraison {delivery} : la copie d'ici est détruite avec les clés"
        ));
    }
}

/// Writes a notice to the linking bodies of each project whose keys are destroyed; one that lies
/// there was written before.
fn write_notices(
    program: &Program,
    service: &Service,
    directory: Option<&Path>,
) -> Result<Vec<PathBuf>, Fault> {
    let Some(directory) = directory else { return Ok(Vec::new()) };
    files::ensure_dir(directory)?;
    let mut written = Vec::new();
    for (party, notice) in service.notices() {
        let path = directory.join(format!("{}.{party}.notice.json", notice.body.domain));
        if files::taken(&path)? {
            continue;
        }
        files::write_new(&path, &notice.bytes(), Access::Shared)?;
        program.say(text!(
            "send {path:?} to `{party}`: what it has of `{}` with codes must be destroyed",
            "envoyez {path:?} à `{party}` : ce qu'il a de `{}` avec des codes doit être détruit",
            notice.body.domain
        ));
        written.push(path);
    }
    Ok(written)
}
