//! `custodian log`: what a kit has approved, stated and seen.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use cstatns::card::ServiceCard;
use cstatns::custody::custodian::kept_lines;
use cstatns::files::{Access, FileError, Together};
use cstatns::name::canonical_json;
use cstatns_terminal::ledger::read_published;
use serde_json::{Value, json};

use super::{in_english, yearly};
use crate::fault::Fault;
use crate::lang::{Lang, lang, text};
use crate::output::Program;
use crate::quorum::{Closed, remarked, said_of, stated};

/// Show what the kit has approved, stated and seen, and compare it with a ledger; write it as
/// evidence for the auditor
#[derive(Args)]
#[command(after_help = "Example:
  cstatns custodian log /media/alice/kit --ledger ledger.jsonl --out alice.evidence.json
The auditor takes the evidence with `auditor verify --witness`.")]
pub(crate) struct Log {
    /// The custodian's kit
    kit: PathBuf,
    /// The service's ledger, with its checkpoint beside it
    #[arg(long, value_name = "L")]
    ledger: Option<PathBuf>,
    /// The evidence to write
    #[arg(long, value_name = "EVIDENCE")]
    out: Option<PathBuf>,
    /// A file with the kit's passphrase; else it is asked for
    #[arg(long, value_name = "F")]
    passphrase_file: Option<PathBuf>,
}

impl Log {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let closed = Closed::look(&self.kit, self.passphrase_file.as_deref())?;
        let ledger = self.ledger.as_deref().map(read_published).transpose()?;
        closed.introduce(program)?;
        let kit = closed.open(program)?;
        // The evidence is written whatever the ledger is: it is what a shorter one is proved by.
        if let Some(path) = &self.out {
            let mut out = Together::create([path], Access::Shared)?;
            let mut bytes = canonical_json(&kit.evidence()?);
            bytes.push(b'\n');
            out.files[0].write_all(&bytes).map_err(|error| FileError::from_io(path, &error))?;
            out.commit()?;
            program.say(text!("wrote the evidence {path:?}", "la preuve est écrite dans {path:?}"));
        }
        program.tell(text!(
            "the kit of `{}`: {}",
            "la trousse de `{}` : {}",
            kit.name(),
            said_of(&kit.shown())
        ));
        for one in kit.statements() {
            program.tell(format_args!(
                "  {}  {}  {}",
                one.count(),
                one.time(),
                stated(lang(), &one.about())
            ));
        }
        program.tell(yearly::said(program, &kit));
        let remarks = match &ledger {
            Some(ledger) => kit.remarks(ledger.view())?,
            None => Vec::new(),
        };
        for remark in &remarks {
            program.tell(text!("note: {}", "note : {}", remarked(lang(), remark)));
        }
        if ledger.is_some() && remarks.is_empty() {
            program.tell(
                text!("the ledger contains every approval and doubt, and each approval has its result",
                    "le registre contient tous les consentements et les doutes, et chaque consentement a son résultat"),
            );
        }
        let kept =
            if self.kit.join("ledger.zst").exists() { kept_lines(&self.kit)?.len() } else { 0 };
        program.tell(text!(
            "the kit keeps {kept} events of the ledger",
            "la trousse garde {kept} événements du registre"
        ));
        let statements = kit.statements().iter().map(
            |one| json!({ "count": one.count(), "time": one.time(), "what": stated(Lang::En, &one.about()) }),
        );
        Ok(json!({
            "custodian": kit.name(),
            "service": kit.service().map(ServiceCard::id),
            "count": kit.shown().count,
            "events": kit.shown().head.map(|head| head.size),
            "events_kept": kept,
            "statements": statements.collect::<Vec<_>>(),
            "remarks": in_english(&remarks),
            "evidence": self.out,
        }))
    }
}
