//! The auditor's verbs: what a ledger proves, what it says, and witnesses of ledgers.

mod compare;
mod log;
mod report;
mod witness;

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use cstatns::audit;
use cstatns::audit::{Audit, Finding, Intact, Period, Rotation};
use cstatns::card::ServiceCard;
use cstatns::files;
use cstatns::ledger::{Lines, checkpoint_path, read_checkpoint};
use cstatns::linking::is_linking_ledger;
use cstatns::name::Name;
use cstatns::service::read_service_card;
use cstatns::state::{State, read_ledger};
use cstatns::words;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::lang::{said, text};
use crate::output::Program;
use crate::quorum::date;

/// The auditor: what a ledger proves
#[derive(Subcommand)]
pub(crate) enum Auditor {
    Verify(Verify),
    Rotation(OfDomain),
    Log(log::Log),
    Report(report::Report),
    Compare(compare::Compare),
    #[command(subcommand)]
    Witness(witness::WitnessVerb),
}

impl Auditor {
    pub(crate) fn run(self, program: &Program) -> Result<Value, Fault> {
        match self {
            Self::Verify(verb) => verb.run(program),
            Self::Rotation(verb) => verb.run(program),
            Self::Log(verb) => verb.run(program),
            Self::Report(verb) => verb.run(program),
            Self::Compare(verb) => verb.run(program),
            Self::Witness(verb) => verb.run(program),
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
The ledger of a linking body is read too, and compared with the service's, which is given before it:
  cstatns auditor verify ledger.jsonl linking/ledger.jsonl --service card.json
Take card.json as the service published it, not from beside the ledger. Keep the ledger's checkpoint for the next time.
Two things are said apart: whether the ledger is intact, and whether what it shows is in order.
Exit status: 0 when both are so, 1 when a check fails, 3 when everything holds and something must be accounted
for: what a quorum approved and has no result, what was late or is overdue by this machine's clock (keys, yearly
checks, ends of projects, answers to doubts), files of a former generation that are still out, requests that were
kept, keys and results that were lost, a time that was set back, a home that was recovered, or a year of events for
which nobody but the service vouches.")]
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
    /// The evidence of a custodian's kit (`custodian log --out`), the report of a result, the
    /// public key of a witness that has cosigned a checkpoint (`auditor witness`), or a comparison
    /// of two files (`auditor compare`)
    #[arg(long, value_name = "EVIDENCE|REPORT|KEY|STATEMENT", num_args = 1..)]
    witness: Vec<PathBuf>,
    /// Whose ledgers are those of linking bodies, as their checkpoints say.
    #[arg(skip)]
    linking: Vec<Option<String>>,
}

impl Verify {
    fn run(mut self, program: &Program) -> Result<Value, Fault> {
        let card = read_service_card(&self.service)?;
        let (own, linking) = parted(std::mem::take(&mut self.ledgers));
        self.ledgers = own;
        let origins = linking.iter().map(|path| origin_of(&checkpoint_path(path)));
        self.linking = origins.collect();
        if let ([ledger], []) = (&self.ledgers[..], &linking[..]) {
            return self.verify(program, ledger, &card);
        }
        // What does not hold of the service's own is said by its own check.
        let state = self.ledgers.first().and_then(|ledger| read_ledger(ledger, &card).ok());
        let state = state.map(|read| read.state);
        let (mut summaries, mut worst) = (Vec::new(), None::<Fault>);
        for ledger in self.ledgers.iter().chain(&linking) {
            program.tell(format_args!("{ledger:?}:"));
            let verified = match linking.contains(ledger) {
                true => self.verify_linking(program, ledger, state.as_ref()),
                false => self.verify(program, ledger, &card),
            };
            let fault = match verified {
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
        // Those of a linking body's ledger are checked with that.
        let linking = |old: &&PathBuf| self.linking.contains(&origin_of(old));
        self.checkpoint
            .iter()
            .filter(|old| !linking(old))
            .cloned()
            .chain(others.map(|other| checkpoint_path(other)))
            .collect()
    }

    fn verify(&self, program: &Program, path: &Path, card: &ServiceCard) -> Result<Value, Fault> {
        need_service_ledger(path)?;
        let (mut audit, intact) = audit::examine(path, card, &self.older(path), &self.witness)?;
        audit.note_what_is_due(intact.as_ref(), (program.clock)());
        program.tell(said(&audit).trim_end());
        let summary = serde_json::to_value(&audit).unwrap_or_default();
        concluded(summary, &audit.findings, audit.is_in_order(), |first, of| {
            let count = audit.failures().count();
            text!(
                "{count} of {of} checks do not hold; the first: {first} Keep the files as they are, and \
                ask the service to account for it",
                "{count} vérifications sur {of} échouent ; la première : {first} Gardez les fichiers comme ils sont, et \
                    demandez au service d'en rendre compte"
            )
        })
    }

    /// Checks the ledger of a linking body, beside the service's where that holds. Checkpoints kept
    /// from before are its own if they name it.
    fn verify_linking(
        &self,
        program: &Program,
        path: &Path,
        state: Option<&State>,
    ) -> Result<Value, Fault> {
        let own = origin_of(&checkpoint_path(path));
        let is_own = |old: &&PathBuf| own.is_some() && origin_of(old) == own;
        let old: Vec<PathBuf> = self.checkpoint.iter().filter(is_own).cloned().collect();
        let audit = audit::verify_linking(path, state, &old, (program.clock)())?;
        program.tell(said(&audit).trim_end());
        let summary = serde_json::to_value(&audit).unwrap_or_default();
        concluded(summary, &audit.findings, audit.is_in_order(), |first, of| {
            let count = audit.failures().count();
            text!(
                "{count} of {of} checks do not hold; the first: {first} Keep the files as they are, and \
                ask the linking body to account for it",
                "{count} vérifications sur {of} échouent ; la première : {first} Gardez les fichiers comme ils sont, et \
                    demandez à l'organisme d'appariement d'en rendre compte"
            )
        })
    }
}

/// Show how the keys of a domain followed one another: who approved each, in time or late, doubts
/// and what answered them, and which files still have codes of a former generation
#[derive(Args)]
#[command(after_help = "Example:
  cstatns auditor rotation ledger.jsonl population --service card.json
The ledger is checked first, as by `auditor verify`, and nothing is said of one that is not intact.
A file counts as renewed when a renewal names its delivery; as still out when its generation has a successor and no
renewal names it. Whether whoever has it has destroyed it, no ledger shows: receipts of renewals say what was destroyed.
Exit status: 0 when all is in order; 3 when something must be accounted for, which stands after an exclamation mark:
a key that was replaced or destroyed late, a doubt that is open or was answered late, a file that is still out; 1 when
the ledger is not intact.")]
pub(crate) struct OfDomain {
    /// The service's ledger, with its checkpoint beside it
    ledger: PathBuf,
    /// The domain
    domain: Name,
    /// The service's card
    #[arg(long, value_name = "CARD")]
    service: PathBuf,
}

impl OfDomain {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let Self { ledger, domain, service } = self;
        let (_, intact) = intact(&ledger, &read_service_card(&service)?, &[])?;
        let rotation = Rotation::of(&intact, &domain, (program.clock)())?;
        program.tell(said(&rotation).trim_end());
        let mut summary = serde_json::to_value(&rotation).unwrap_or_default();
        summary["in_order"] = rotation.is_in_order().into();
        match rotation.is_in_order() {
            true => Ok(summary),
            false => Err(Fault::not_in_order(summary)),
        }
    }
}

/// The ledger of a service, examined, beside checkpoints kept from before: of one that is not
/// intact nothing is said.
fn intact(ledger: &Path, card: &ServiceCard, old: &[PathBuf]) -> Result<(Audit, Intact), Fault> {
    need_service_ledger(ledger)?;
    let (audit, intact) = audit::examine(ledger, card, old, &[])?;
    if audit.events == 0 {
        return Err(service_ledger(ledger));
    }
    need_intact(audit.failures().next())?;
    intact.map(|intact| (audit, intact)).ok_or_else(|| service_ledger(ledger))
}

/// That there is nothing that does not hold.
fn need_intact(failure: Option<&Finding>) -> Result<(), Fault> {
    let Some(Finding { code, detail, .. }) = failure else { return Ok(()) };
    let detail = said(detail);
    Err(Fault::new(
        code,
        text!(
            "the ledger is not intact, and nothing is said of what it records: {detail} Let `auditor verify` show all \
            that does not hold",
            "le registre n'est pas intègre, et rien n'est dit de ce qu'il contient : {detail} Montrez par `auditor \
                verify` tout ce qui ne tient pas"
        ),
    ))
}

/// The ledgers of the service, and those of linking bodies.
fn parted(ledgers: Vec<PathBuf>) -> (Vec<PathBuf>, Vec<PathBuf>) {
    ledgers.into_iter().partition(|path| !is_linking_ledger(path).unwrap_or_default())
}

fn service_ledger(path: &Path) -> Fault {
    Fault::form(path, words!("the ledger of a service", "le registre d'un service"))
}

/// How every line of a ledger begins.
const BEGINNING: &[u8; 9] = br#"{"clock":"#;

/// Nobody is to answer for a file that was never the ledger of a service. What cannot be read is
/// reported where it is read.
fn need_service_ledger(path: &Path) -> Result<(), Fault> {
    let mut start = [0; BEGINNING.len()];
    let read = files::open_to_read(path).map(|mut file| file.read(&mut start));
    let is_none = matches!(read, Ok(Ok(1..)))
        && match start[0] {
            // A card or a report is one line without an end; of a ledger that was cut short so
            // much is left.
            b'{' if start != *BEGINNING => {
                Lines::open(path).is_ok_and(|mut lines| matches!(lines.next_line(), Ok(None)))
            }
            b'{' => false,
            _ => !start.starts_with(b"\xef\xbb\xbf"),
        };
    match is_none || is_linking_ledger(path).unwrap_or_default() {
        true => Err(service_ledger(path)),
        false => Ok(()),
    }
}

/// The period that is looked at.
#[derive(Args)]
struct Days {
    /// From this day on (UTC)
    #[arg(long, value_name = "DATE", value_parser = date)]
    from: Option<Date>,
    /// Until this day
    #[arg(long, value_name = "DATE", value_parser = date)]
    to: Option<Date>,
}

impl Days {
    fn days(self) -> Result<Period, Fault> {
        match (self.from, self.to) {
            (Some(from), Some(to)) if from > to => Err(Fault::usage(text!(
                "the period from {from} to {to} has no day: give the earlier day to `--from`",
                "la période du {from} au {to} n'a aucun jour : donnez à `--from` le jour le plus ancien"
            ))),
            (from, to) => Ok(Period { from, to }),
        }
    }
}

/// How a check ends: what it found, the first finding that does not hold as an error, with what
/// `fails` says of it and of how many findings there are.
fn concluded(
    mut summary: Value,
    findings: &[Finding],
    is_in_order: bool,
    fails: impl FnOnce(&str, usize) -> String,
) -> Result<Value, Fault> {
    let first = findings.iter().find(|finding| !finding.holds);
    summary["holds"] = first.is_none().into();
    summary["in_order"] = is_in_order.into();
    match first {
        Some(first) => {
            let said = fails(&said(&first.detail), findings.len());
            Err(Fault::new(first.code, said).with(summary))
        }
        None if is_in_order => Ok(summary),
        // What must be accounted for has been shown.
        None => Err(Fault::not_in_order(summary)),
    }
}

/// The ledger that a checkpoint says it is of, whether that holds or not.
fn origin_of(checkpoint: &Path) -> Option<String> {
    let note = read_checkpoint(checkpoint).ok()?;
    str::from_utf8(&note).ok()?.lines().next().map(str::to_owned)
}

/// How many events a ledger's checkpoint says that it covers, whether that holds or not.
fn size(ledger: &Path) -> Option<u64> {
    let note = read_checkpoint(&checkpoint_path(ledger)).ok()?;
    str::from_utf8(&note).ok()?.lines().nth(1)?.parse().ok()
}
