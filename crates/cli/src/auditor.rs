//! The auditor's verb: what a ledger proves, and to whom.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use cstatns::audit;
use cstatns::card::ServiceCard;
use cstatns::files;
use cstatns::ledger::{checkpoint_path, read_checkpoint};
use cstatns::service::read_service_card;
use cstatns::words;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::lang::{said, text};
use crate::output::Program;

/// The auditor: what a ledger proves
#[derive(Subcommand)]
pub(crate) enum Auditor {
    Verify(Verify),
}

impl Auditor {
    pub(crate) fn run(self, program: &Program) -> Result<Value, Fault> {
        match self {
            Self::Verify(verb) => verb.run(program),
        }
    }
}

/// Check a ledger: signatures, chain, tree, lawfulness, and that it extends the checkpoints kept
/// from before
#[derive(Args)]
#[command(after_help = "Example:
  cstatns auditor verify ledger.jsonl --service card.json \\
      --checkpoint checkpoint-2026 --checkpoint checkpoint-2027 --witness alice.evidence.json
Several LEDGER are copies of one: each must also extend the checkpoints of those that are not longer.
Take card.json as the service published it, not from beside the ledger. Keep the ledger's checkpoint for the next time.
Exit status: 0 when everything holds, 1 when a check fails, 3 when everything holds and something must be accounted
for, such as a run that a quorum approved and that has no result, a time that was set back, or, by this machine's
clock, a key or a yearly check that is overdue, or a key that outlives its project.")]
pub(crate) struct Verify {
    /// The service's ledger, with its checkpoint beside it; or several copies of it, such as the
    /// published one and one kept from before
    #[arg(required = true, value_name = "LEDGER")]
    ledgers: Vec<PathBuf>,
    /// The service's card
    #[arg(long, value_name = "CARD")]
    service: PathBuf,
    /// A checkpoint kept from an earlier visit
    #[arg(long, value_name = "OLD", num_args = 1..)]
    checkpoint: Vec<PathBuf>,
    /// The evidence of a custodian's kit (`custodian log --out`), or the report of a result
    #[arg(long, value_name = "EVIDENCE|REPORT", num_args = 1..)]
    witness: Vec<PathBuf>,
}

impl Verify {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let card = read_service_card(&self.service)?;
        if let [ledger] = &self.ledgers[..] {
            return self.verify(program, ledger, &card);
        }
        let (mut summaries, mut worst) = (Vec::new(), None::<Fault>);
        for ledger in &self.ledgers {
            program.tell(format_args!("{ledger:?}:"));
            let fault = match self.verify(program, ledger, &card) {
                Ok(summary) => {
                    summaries.push(summary);
                    continue;
                }
                Err(mut fault) => {
                    // Without one there was nothing to judge by.
                    let Some(summary) = fault.summary.take() else { return Err(fault) };
                    summaries.push(*summary);
                    fault
                }
            };
            // What fails counts more than what must be accounted for.
            if worst.as_ref().is_none_or(|worst| worst.exit > fault.exit) {
                worst = Some(fault);
            }
        }
        let summary = json!({ "ledgers": summaries });
        match worst {
            None => Ok(summary),
            Some(fault) => Err(fault.with(summary)),
        }
    }

    /// The checkpoints that `ledger` must extend: those kept from before, and of the other copies
    /// those that are not longer.
    fn older(&self, ledger: &Path) -> Vec<PathBuf> {
        let events = size(ledger);
        let others = self.ledgers.iter().filter(|other| *other != ledger && size(other) <= events);
        self.checkpoint.iter().cloned().chain(others.map(|other| checkpoint_path(other))).collect()
    }

    fn verify(&self, program: &Program, path: &Path, card: &ServiceCard) -> Result<Value, Fault> {
        let mut start = [0; 3];
        let read = files::open_to_read(path).map(|mut file| file.read(&mut start));
        if matches!(read, Ok(Ok(1..))) && start[0] != b'{' && start != *b"\xef\xbb\xbf" {
            // Nobody is to answer for a file that was never a ledger. What cannot be read is
            // reported below.
            return Err(Fault::form(
                path,
                words!("the ledger of a service", "le registre d'un service"),
            ));
        }
        let mut audit = audit::verify(path, card, &self.older(path), &self.witness)?;
        audit.note_what_is_due((program.clock)());
        program.tell(said(&audit).trim_end());
        let mut summary = serde_json::to_value(&audit).unwrap_or_default();
        summary["holds"] = audit.holds().into();
        let Some(first) = audit.failures().next() else {
            if audit.is_in_order() {
                return Ok(summary);
            }
            // What must be accounted for has been shown.
            return Err(Fault::not_in_order(summary));
        };
        let count = audit.failures().count();
        let fault = Fault::new(
            first.code,
            text!(
                "{count} of {} checks do not hold; the first: {} Keep the files as they are, and \
                ask the service to account for it",
                "{count} vérifications sur {} échouent ; la première : {} Gardez les fichiers comme ils sont, et demandez \
                    au service d'en rendre compte",
                audit.findings.len(),
                said(&first.detail)
            ),
        );
        Err(fault.with(summary))
    }
}

/// How many events a ledger's checkpoint says that it covers, whether that holds or not.
fn size(ledger: &Path) -> Option<u64> {
    let note = read_checkpoint(&checkpoint_path(ledger)).ok()?;
    str::from_utf8(&note).ok()?.lines().nth(1)?.parse().ok()
}
