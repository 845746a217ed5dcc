//! A party's own verbs: a body that sends or receives parcels.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use cstatns::card::spoken;
use cstatns::files::{self, FileError};
use cstatns::name::Name;
use cstatns_parcel::party::{CARD, Party};
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::lang::text;
use crate::output::Program;
use crate::passphrase::new_passphrase;

/// A party's own keys: a body that sends or receives parcels
#[derive(Subcommand)]
pub(crate) enum PartyVerb {
    New(New),
}

impl PartyVerb {
    pub(crate) fn run(self, program: &Program) -> Result<Value, Fault> {
        match self {
            Self::New(verb) => verb.run(program),
        }
    }
}

/// Make a party's folder: DIR/identity (private) and DIR/card.json (public)
#[derive(Args)]
#[command(after_help = "Example:
  cstatns party new wages --name wages
Then give the file card.json to those who send to it and to the service, and keep the rest. Without a passphrase, for a
body where nobody is there to type it, whoever reads the folder can read its parcels and sign in its name: the card says
so.")]
pub(crate) struct New {
    /// The folder to make
    dir: PathBuf,
    /// The party's name: a lower-case letter, then letters, digits or hyphens
    #[arg(long)]
    name: Name,
    /// A file with the passphrase; else it is asked for
    #[arg(long, value_name = "F", conflicts_with = "no_passphrase")]
    passphrase_file: Option<PathBuf>,
    /// No passphrase: for a body where nobody is there to type it
    #[arg(long)]
    no_passphrase: bool,
}

impl New {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        // Before a passphrase is typed.
        if files::taken(&self.dir)? {
            return Err(FileError::Exists { path: self.dir }.into());
        }
        files::check_directory_of(&self.dir)?;
        let file = self.passphrase_file.as_deref();
        let passphrase = match self.no_passphrase {
            true => None,
            false => Some(new_passphrase(program, file, &self.dir, &[self.name.as_str()])?),
        };
        let passphrase = passphrase.as_ref().map(|passphrase| passphrase.as_slice());
        let card = Party::create(&self.dir, self.name, passphrase)?;
        let (path, words) = (self.dir.join(CARD), spoken(&card.fingerprint()));
        program.say(text!(
            "made the folder of `{}`, whose card is {path:?}: {words}",
            "le dossier de `{}` est fait, sa carte est {path:?} : {words}",
            card.body.name
        ));
        program.say(text!(
            "give the card to those who send to it, and to the service; who gets it compares these words with you",
            "donnez la carte à ceux qui lui envoient et au service ; qui la reçoit compare ces mots avec vous"
        ));
        if !card.body.protected {
            program.say(text!(
                "note: it has no passphrase: whoever reads {:?} can read its parcels and sign in its name",
                "note : il n'a pas de phrase de passe : qui lit {:?} peut lire ses colis et signer en son nom",
                self.dir
            ));
        }
        Ok(json!({
            "party": card.body.name,
            "card": path,
            "fingerprint": card.fingerprint(),
            "spoken": words,
            "protected": card.body.protected,
        }))
    }
}
