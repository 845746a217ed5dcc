//! `auditor compare`: whether a coded file is the renewal of another, seen where both lie.

use std::path::PathBuf;

use clap::Args;
use cstatns::comparison::{Comparison, ComparisonBody};
use cstatns::files::{self, Access, FileError};
use cstatns::name::canonical_json;
use cstatns::statement::{FORMAT, Suite};
use cstatns_controller::{CodedPair, compare};
use cstatns_terminal::party::As;
use jiff::Timestamp;
use serde_json::Value;

use crate::bulk::Bulk;
use crate::fault::Fault;
use crate::lang::{said, text};
use crate::output::Program;

/// Compare a coded file with its renewal, and sign what was found: counts and checks, no code
#[derive(Args)]
#[command(after_help = "Example:
  cstatns auditor compare wages-1.csv wages-2.csv --as authority --out comparison.json
It is run where both files lawfully lie, at their controller, before the old one is destroyed, with the folder of the party
(`party new`) or of a witness (`auditor witness new`). Of the codes of the two files nothing is written but counts, and never
which code became which: what does not fit in memory lies encrypted beside STATEMENT until the end.
The reports beside the files, where they are there, name the deliveries. With these an auditor compares the statement with
the ledger:
  cstatns auditor verify ledger.jsonl --service card.json --witness comparison.json
Exit status: 0 when all holds; 3 when the new file is not the renewal of the old one, or not of all of it; the statement is
written in both cases, and says so.")]
pub(crate) struct Compare {
    /// The coded file before the renewal
    old: PathBuf,
    /// The coded file after it
    new: PathBuf,
    #[command(flatten)]
    party: As,
    /// Where to write the statement
    #[arg(long, value_name = "STATEMENT")]
    out: PathBuf,
    #[command(flatten)]
    bulk: Bulk,
}

impl Compare {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let Self { old, new, party, out, bulk } = self;
        if files::taken(&out)? {
            return Err(FileError::Exists { path: out }.into());
        }
        files::check_directory_of(&out)?;
        let party = party.opened(program)?;
        let (found, _) = bulk.work(program, |effort| compare(&old, &new, &out, effort));
        let CodedPair { service, domain, old, new, common, checks, .. } = found?;
        let made = Timestamp::from_second((program.clock)().as_second()).unwrap_or_default();
        let by = party.card().clone();
        let (format, suite) = (FORMAT, Suite::default());
        let body =
            ComparisonBody { format, suite, service, domain, old, new, common, checks, made, by };
        let statement = Comparison::new(body, &party.signing());
        let mut json = canonical_json(&statement);
        json.push(b'\n');
        files::write_new(&out, &json, Access::Shared)?;
        let body = &statement.body;
        program.tell(said(body).trim_end());
        let names = [&body.old, &body.new].map(|file| file.reported.is_some());
        if names != [true, true] {
            program.say(text!(
                "note: not both files have their report beside them, so the statement names no delivery of one without: \
                put the reports back and compare again, for an auditor to find them in the ledger",
                "note : les deux fichiers n'ont pas leur rapport à côté, et la déclaration ne nomme pas la livraison de \
                    celui qui n'en a pas : remettez les rapports et comparez de nouveau, pour qu'un auditeur les \
                    trouve dans le registre"
            ));
        }
        program.say(match checks.hold() {
            true => text!("the new file is the renewal of the old one: {out:?} says so",
                "le nouveau fichier est le renouvellement de l'ancien : {out:?} le dit"),
            false => text!("the new file is NOT the renewal of the old one, or not of all of it: {out:?} says so",
                "le nouveau fichier N'est PAS le renouvellement de l'ancien, ou pas de tout : {out:?} le dit"),
        });
        let mut summary = serde_json::to_value(body).unwrap_or_default();
        summary["by"] = body.by.body.name.to_string().into();
        summary["holds"] = checks.hold().into();
        summary["statement"] = serde_json::json!(out);
        if checks.hold() { Ok(summary) } else { Err(Fault::not_in_order(summary)) }
    }
}
