//! `custodian card`: another card of a kit, for the next dealing.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use cstatns::card::spoken;
use cstatns::files::{Access, FileError, Together};
use cstatns::name::canonical_json;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::lang::text;
use crate::output::Program;
use crate::quorum::Closed;

/// Make another card of the kit, with a receiving key of its own, for the next dealing
#[derive(Args)]
#[command(after_help = "Example:
  cstatns custodian card /media/alice/kit --out alice.card.json
Then give the card to the service, which deals to it (`service deal`). Each dealing has a card of its own, so that the
share of one epoch can be forgotten without those of others. The custodian stays the same: cards of one kit have one
signing key. The former cards and their receiving keys stay in the kit until `custodian forget`. A copy of the kit that was
made before does not have the new receiving key: make a new copy.")]
pub(crate) struct CardArgs {
    /// The custodian's kit
    kit: PathBuf,
    /// The card to write
    #[arg(long, value_name = "CARD")]
    out: PathBuf,
    /// A file with the kit's passphrase; else it is asked for
    #[arg(long, value_name = "F")]
    passphrase_file: Option<PathBuf>,
}

impl CardArgs {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let closed = Closed::look(&self.kit, self.passphrase_file.as_deref())?;
        // Before a passphrase is typed, and a key drawn: a name that is taken is found out at once.
        let mut out = Together::create([&self.out], Access::Shared)?;
        closed.introduce(program)?;
        let mut kit = closed.open(program)?;
        let card = kit.draw_card()?;
        let mut bytes = canonical_json(card);
        bytes.push(b'\n');
        out.files[0].write_all(&bytes).map_err(|error| FileError::from_io(&self.out, &error))?;
        out.commit()?;
        let words = spoken(&card.fingerprint());
        program.say(text!(
            "`{}` has another card: {words}",
            "`{}` a une autre carte : {words}",
            card.body.name
        ));
        program.say(text!(
            "give {:?} to the service, for the next dealing; a copy of the kit that was made before does not have its \
            receiving key: make a new copy",
                "remettez {:?} au service, pour la prochaine répartition ; une copie de la trousse faite auparavant n'a \
                    pas sa clé de réception : faites une nouvelle copie",
            self.out
        ));
        Ok(json!({
            "custodian": card.body.name,
            "card": self.out,
            "fingerprint": card.fingerprint(),
            "spoken": words,
        }))
    }
}
