//! `auditor report`: one page that answers who, when, in time, everything, destroyed.

mod domains;
mod page;
mod timeline;

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use cstatns::audit;
use cstatns::audit::{Account, LinkingAudit};
use cstatns::files::{Access, FileError, Together};
use cstatns::ledger::checkpoint_path;
use cstatns::service::read_service_card;
use serde_json::Value;

use super::{Days, intact, need_intact, parted, size};
use crate::fault::Fault;
use crate::lang::{lang, text};
use crate::output::Program;

/// Write what a ledger shows as one page: whether it is intact and in order, keys and doubts,
/// custodians, projects, files and receipts, runs and refusals
#[derive(Args)]
#[command(after_help = "Example:
  cstatns auditor report ledger.jsonl --service card.json --out report.html --lang fr
  cstatns auditor report ledger.jsonl --service card.json --out years.html \\
      --from 2026-01-01 --to 2030-12-31
The ledger is checked first, as by `auditor verify`, and no page is written of one that is not intact.
The page is one file without scripts that needs no network; it prints on A4. Runs, refusals and keys are those of the
period; how files and projects stand is of the ledger's end. `--json` gives the same figures.
Exit status: as of `auditor verify`; the page is written with 0 and with 3.")]
pub(crate) struct Report {
    /// The service's ledger, with its checkpoint beside it; other copies of it, and the ledgers of
    /// linking bodies
    #[arg(required = true, value_name = "LEDGER")]
    ledgers: Vec<PathBuf>,
    /// The service's card
    #[arg(long, value_name = "CARD")]
    service: PathBuf,
    /// The page to write
    #[arg(long, value_name = "R.html")]
    out: PathBuf,
    #[command(flatten)]
    period: Days,
}

impl Report {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let Self { ledgers, service, out, period } = self;
        let period = period.days()?;
        let (own, linking) = parted(ledgers);
        // Of several copies the longest is the one that the others' checkpoints must be of.
        let Some(ledger) = own.iter().max_by_key(|ledger| size(ledger)) else {
            return Err(Fault::usage(text!(
                "a report is of the ledger of a service: give that before those of linking bodies",
                "un compte rendu est celui du registre d'un service : donnez-le avant ceux des organismes d'appariement"
            )));
        };
        let others = own.iter().filter(|other| *other != ledger);
        let old: Vec<PathBuf> = others.map(|other| checkpoint_path(other)).collect();
        // Nothing is read for a page that could not be written.
        let mut page = Together::create([&out], Access::Shared)?;
        let (mut audit, intact) = intact(ledger, &read_service_card(&service)?, &old)?;
        let now = (program.clock)();
        audit.note_what_is_due(Some(&intact), now);
        let mut bodies = Vec::new();
        for ledger in &linking {
            let audit = audit::verify_linking(ledger, Some(intact.state()), &[], now)?;
            need_intact(audit.failures().next()).map_err(|fault| fault.about(ledger))?;
            bodies.push(audit);
        }
        let account = Account::of(audit, &intact, period, now);
        let in_order = account.audit.is_in_order() && bodies.iter().all(LinkingAudit::is_in_order);
        let written = page::page(&account, &bodies);
        page.files[0]
            .write_all(written.as_bytes())
            .map_err(|error| FileError::from_io(&out, &error))?;
        page.commit()?;
        program.say(text!("wrote the page {out:?}", "la page est écrite dans {out:?}"));
        for line in account.audit.verdicts(lang()) {
            program.tell(line);
        }
        let mut summary = serde_json::to_value(&account).unwrap_or_default();
        summary["linking"] = serde_json::to_value(&bodies).unwrap_or_default();
        summary["in_order"] = in_order.into();
        match in_order {
            true => Ok(summary),
            false => Err(Fault::not_in_order(summary)),
        }
    }
}
