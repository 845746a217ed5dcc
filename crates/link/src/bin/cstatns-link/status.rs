//! `status`: what a linking body has, and what it must destroy.

use std::path::PathBuf;

use clap::Args;
use cstatns_base::files;
use cstatns_link::{ledger_path, present};
use cstatns_parcel::party::Party;
use cstatns_record::linking::{LinkingState, Standing, read_linking};
use cstatns_terminal::fault::Fault;
use cstatns_terminal::figures::counted;
use cstatns_terminal::lang::text;
use cstatns_terminal::output::Program;
use serde_json::{Value, json};

/// Show what lies in clear, what is kept encrypted and until when, and what must be destroyed
#[derive(Args)]
#[command(after_help = "Example:
  cstatns-link status --as linking --check
No passphrase is needed. With --check the exit status is 3 when something is past its end, or a file of a project that is
over is still there.")]
pub(crate) struct StatusArgs {
    /// The folder of the linking body
    #[arg(long = "as", value_name = "DIR")]
    party: PathBuf,
    /// End with 3 when something must be destroyed
    #[arg(long)]
    check: bool,
}

impl StatusArgs {
    pub(crate) fn run(self, program: &Program) -> Result<Value, Fault> {
        // Of a folder that is no body's there is nothing to say.
        Party::card_in(&self.party)?;
        let ledger = ledger_path(&self.party);
        let state = match files::taken(&ledger)? {
            true => read_linking(&ledger)?.state,
            false => LinkingState::default(),
        };
        let owed: Vec<_> = state.owed((program.clock)()).map(|(number, _)| *number).collect();
        let mut files = Vec::new();
        for present in present(&self.party, &state)? {
            let Some(file) = state.files().get(&present.file) else { continue };
            let kind = match file.is_coded() {
                true => text!("with codes", "avec codes"),
                false => text!("joined, without codes", "apparié, sans codes"),
            };
            let how = match (present.is_there, present.is_clear, file.until) {
                (false, ..) => text!("NOT THERE", "ABSENT"),
                (true, true, _) => text!("in clear", "en clair"),
                (true, false, Some(until)) => {
                    text!("kept encrypted until {until}", "gardé chiffré jusqu'au {until}")
                }
                (true, false, None) => {
                    text!("kept encrypted for a renewal", "gardé chiffré pour un renouvellement")
                }
            };
            let rows = counted(file.rows, "row", "ligne");
            program.tell(text!(
                "{:?}: `{}`, generation {}, {rows}, {kind}; {how}",
                "{:?} : `{}`, génération {}, {rows}, {kind} ; {how}",
                present.path,
                file.domain,
                file.generation
            ));
            let must_go = owed.contains(&present.file);
            if must_go {
                program.tell(text!(
                    "  it must be destroyed: `cstatns-link expire`",
                    "  il doit être détruit : `cstatns-link expire`"
                ));
            }
            files.push(json!({
                "file": present.file,
                "path": present.path,
                "clear": present.is_clear,
                "there": present.is_there,
                "service": *file.service,
                "domain": file.domain,
                "generation": file.generation,
                "rows": file.rows,
                "coded": file.is_coded(),
                "until": file.until,
                "owed": must_go,
            }));
        }
        let count =
            |standing| state.files().values().filter(|file| file.standing == standing).count();
        let counts = [Standing::Clear, Standing::Kept, Standing::Destroyed].map(count);
        program.tell(text!(
            "{} in clear, {} kept encrypted, {} destroyed",
            "{} en clair, {} gardés chiffrés, {} détruits",
            counts[0],
            counts[1],
            counts[2]
        ));
        let summary = json!({
            "files": files,
            "clear": counts[0],
            "kept": counts[1],
            "destroyed": counts[2],
            "owed": owed,
        });
        match self.check && !owed.is_empty() {
            true => Err(Fault::not_in_order(summary)),
            false => Ok(summary),
        }
    }
}
