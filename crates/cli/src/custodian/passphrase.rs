//! Another passphrase for a kit.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::lang::text;
use crate::output::Program;
use crate::passphrase::new_passphrase;
use crate::quorum::Closed;

/// Put a kit under another passphrase
#[derive(Args)]
#[command(after_help = "Example:
  cstatns custodian passphrase /media/alice/kit
The present passphrase is asked for first, then the new one, twice. The file under the former one is destroyed. A copy of
the kit that was made before still opens with the former passphrase: destroy it, and make a new copy.")]
pub(crate) struct Passphrase {
    /// The custodian's kit
    kit: PathBuf,
    /// A file with the kit's passphrase; else it is asked for
    #[arg(long, value_name = "F")]
    passphrase_file: Option<PathBuf>,
    /// A file with the new passphrase; else it is asked for
    #[arg(long, value_name = "F")]
    new_passphrase_file: Option<PathBuf>,
}

impl Passphrase {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let closed = Closed::look(&self.kit, self.passphrase_file.as_deref())?;
        closed.introduce(program)?;
        let kit = closed.open(program)?;
        kit.check_protected()?;
        let file = self.new_passphrase_file.as_deref();
        let passphrase = new_passphrase(program, file, &self.kit, &[kit.name().as_str()])?;
        kit.change_passphrase(&passphrase)?;
        program.say(text!(
            "the kit of `{}` opens with the new passphrase only; a copy of it that was made before opens with the \
            former one: destroy it, and make a new copy",
                "la trousse de `{}` ne s'ouvre plus qu'avec la nouvelle phrase de passe ; une copie faite auparavant \
                    s'ouvre avec l'ancienne : détruisez-la, et faites une nouvelle copie",
            kit.name()
        ));
        Ok(json!({"custodian": kit.name()}))
    }
}
