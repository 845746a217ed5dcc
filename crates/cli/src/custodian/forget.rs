//! `custodian forget`: a share and its receiving key are destroyed.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use cstatns::dealing::Epoch;
use cstatns::files::{Access, FileError, Together};
use cstatns::name::canonical_json;
use cstatns_terminal::ledger::read_published;
use serde_json::{Value, json};

use super::{in_english, keep_on_paper};
use crate::fault::Fault;
use crate::lang::text;
use crate::output::Program;
use crate::quorum::{Closed, note};

/// Destroy the share of a former epoch and the receiving key that opens it, and state it
#[derive(Args)]
#[command(after_help = "Example, once a later dealing works:
  cstatns custodian forget /media/alice/kit --epoch 1 --ledger ledger.jsonl --out forgot-1.json
Destroy every other copy of that share first: paper, copies of the kit, copies of the file that was dealt. The receipt
states that there is no paper or copy that you know of. Then give it to the service: `service receipt`.
The share of the epoch that works, or of a later one, is never forgotten.")]
pub(crate) struct Forget {
    /// The custodian's kit
    kit: PathBuf,
    /// The epoch whose share is destroyed
    #[arg(long, value_name = "E")]
    epoch: u32,
    /// The service's ledger, with its checkpoint beside it
    #[arg(long, value_name = "L")]
    ledger: PathBuf,
    /// The receipt to write
    #[arg(long, value_name = "RECEIPT")]
    out: PathBuf,
    /// A file with the kit's passphrase; else it is asked for
    #[arg(long, value_name = "F")]
    passphrase_file: Option<PathBuf>,
}

impl Forget {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let closed = Closed::look(&self.kit, self.passphrase_file.as_deref())?;
        let ledger = read_published(&self.ledger)?;
        closed.introduce(program)?;
        let mut kit = closed.open(program)?;
        // Before anything is destroyed: a name that is taken is found out at once.
        let mut out = Together::create([&self.out], Access::Shared)?;
        let remarks = note(program, &kit, ledger.view())?;
        let receipt = kit.forget(Epoch(self.epoch), ledger.view(), (program.clock)())?;
        let mut bytes = canonical_json(&receipt);
        bytes.push(b'\n');
        out.files[0].write_all(&bytes).map_err(|error| FileError::from_io(&self.out, &error))?;
        out.commit()?;
        program.say(text!(
            "the share of `{}` in epoch {} and the receiving key that opens it are destroyed in this kit",
            "la part de `{}` dans l'époque {} et la clé de réception qui l'ouvre sont détruites dans cette trousse",
            kit.name(),
            self.epoch
        ));
        program.say(text!(
            "destroy every copy of this kit that was made before, and its paper: they still open that share, and the \
            receipt states that there is none that you know of",
                "détruisez toutes les copies de cette trousse faites auparavant, et son papier : ils ouvrent toujours cette \
                    part, et le récépissé déclare qu'il n'y en a pas que vous connaissiez"
        ));
        program.say(text!(
            "give {:?} to the service (`service receipt`)",
            "remettez {:?} au service (`service receipt`)",
            self.out
        ));
        keep_on_paper(program, &kit);
        Ok(json!({
            "custodian": kit.name(),
            "service": receipt.body.service,
            "epoch": self.epoch,
            "statement": receipt.body.count,
            "remarks": in_english(&remarks),
            "receipt": self.out,
        }))
    }
}
