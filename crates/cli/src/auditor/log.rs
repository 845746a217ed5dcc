//! `auditor log`: what happened, event by event.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use cstatns::audit::{Entry, Wanted, log};
use cstatns::files::{Access, FileError, Together};
use cstatns::name::Name;
use cstatns::service::read_service_card;
use cstatns::state::State;
use serde_json::{Value, json};

use super::{Days, intact};
use crate::fault::Fault;
use crate::lang::{said, text};
use crate::output::Program;

/// Show what happened, each event of a ledger as a sentence: all of them, or those of a domain, a
/// custodian, a purpose or a period
#[derive(Args)]
#[command(after_help = "Example:
  cstatns auditor log ledger.jsonl --service card.json --domain population \\
      --from 2026-01-01 --to 2026-12-31
  cstatns auditor log ledger.jsonl --service card.json --custodian alice --csv alice.csv
The ledger is checked first, as by `auditor verify`, and nothing is said of one that is not intact.
Refusals and failures are events like all others. Filters go together: an event is shown that fits each of them. The
events of a custodian are those that they state, and those of runs that they approved. A doubt about the custody is
about every domain. Days are UTC.")]
pub(crate) struct Log {
    /// The service's ledger, with its checkpoint beside it
    ledger: PathBuf,
    /// The service's card
    #[arg(long, value_name = "CARD")]
    service: PathBuf,
    /// Events about this domain
    #[arg(long, value_name = "D")]
    domain: Option<Name>,
    /// Events that this custodian states or approved
    #[arg(long, value_name = "NAME")]
    custodian: Option<Name>,
    /// Events of runs with this purpose
    #[arg(long, value_name = "P")]
    purpose: Option<Name>,
    #[command(flatten)]
    period: Days,
    /// As a table, in a new file, or on standard output: `event`, `time`, `type`, `run`, `domains`,
    /// `purpose`, `custodians`, `sentence`
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    csv: Option<PathBuf>,
}

impl Log {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let Self { ledger, service, domain, custodian, purpose, period, csv } = self;
        let period = period.days()?;
        let card = read_service_card(&service)?;
        let (audit, intact) = intact(&ledger, &card, &[])?;
        if let Some(domain) = &domain {
            intact.state().domain(domain)?;
        }
        if let Some(name) = custodian.as_ref().filter(|name| !has_custodian(intact.state(), name)) {
            return Err(Fault::new(
                "unknown-custodian",
                text!(
                    "no custodian called `{name}` was ever dealt a share: `auditor verify` lists them",
                    "aucun détenteur du nom de `{name}` n'a jamais eu de part : `auditor verify` les énumère"
                ),
            ));
        }
        let mut wanted = Wanted::default();
        (wanted.domain, wanted.custodian, wanted.purpose) = (domain, custodian, purpose);
        wanted.period = period;
        let mut shown = 0u64;
        let mut summary = json!({ "service": card.id(), "events": audit.events });
        match &csv {
            Some(path) if path.as_os_str() != "-" => {
                let mut out = Together::create([path], Access::Shared)?;
                let failed = |error| FileError::from_io(path, &error);
                let mut write = |row: String| writeln!(out.files[0], "{row}").map_err(failed);
                write(HEAD.to_owned())?;
                log(&intact, &wanted, |entry| {
                    shown += 1;
                    write(row(&entry)).map_err(Fault::from)
                })?;
                out.commit()?;
                summary["csv"] = path.to_string_lossy().into();
            }
            Some(_) if program.is_json() => {
                return Err(Fault::usage(text!(
                    "standard output takes one of `--csv` and `--json`: give `--csv` a file",
                    "la sortie standard ne prend que l'un de `--csv` et `--json` : donnez un fichier à `--csv`"
                )));
            }
            csv => {
                let mut entries = Vec::new();
                if csv.is_some() {
                    program.tell(HEAD);
                }
                log(&intact, &wanted, |entry| {
                    shown += 1;
                    match csv {
                        Some(_) => program.tell(row(&entry)),
                        None if program.is_json() => entries.push(entry),
                        None => program.tell(line(&entry)),
                    }
                    Ok::<_, Fault>(())
                })?;
                summary["log"] = serde_json::to_value(entries).unwrap_or_default();
            }
        }
        program.say(text!("{shown} of {} events", "{shown} événements sur {}", audit.events));
        summary["shown"] = shown.into();
        Ok(summary)
    }
}

const HEAD: &str = "event,time,type,run,domains,purpose,custodians,sentence";

fn line(entry: &Entry) -> String {
    format!("{:>6}  {}  {}", entry.event, entry.time, said(&entry.sentence))
}

/// Only a sentence holds what is quoted: everything else are names, numbers and times.
fn row(entry: &Entry) -> String {
    let Entry { event, time, kind, .. } = entry;
    let run = entry.run.map(|run| run.to_string()).unwrap_or_default();
    let purpose = entry.purpose.as_ref().map_or("", Name::as_str);
    let [domains, custodians] = [&entry.domains, &entry.custodians]
        .map(|names| names.iter().map(Name::as_str).collect::<Vec<_>>().join(" "));
    let sentence = said(&entry.sentence).replace('"', "\"\"");
    format!("{event},{time},{kind},{run},{domains},{purpose},{custodians},\"{sentence}\"")
}

fn has_custodian(state: &State, name: &Name) -> bool {
    let mut rosters = state.epochs().values().flat_map(|epoch| &epoch.dealing.roster);
    rosters.any(|seat| seat.card.body.name == *name)
}
