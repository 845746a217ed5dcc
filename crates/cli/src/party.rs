//! A party's own verbs: a body that sends or receives parcels.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use cstatns::card::{PartyCard, spoken};
use cstatns::files::{self, FileError};
use cstatns::name::Name;
use cstatns::words;
use cstatns_parcel::party::{CARD, Party, PartyError};
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::lang::text;
use crate::output::Program;
use crate::passphrase::{asked, needed, new_passphrase, read_passphrase};

/// More than a card is long, in bytes.
const LIMIT: u64 = 1 << 16;

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

/// Opens the folder of a party, asking for its passphrase where it needs one and no file holds it.
pub(crate) fn opened(
    program: &Program,
    directory: &Path,
    passphrase_file: Option<&Path>,
) -> Result<Party, Fault> {
    let card = Party::card_in(directory)?;
    if !card.body.protected {
        program.warn_of_others(&directory.join("identity"));
        return Ok(Party::open(directory, None)?);
    }
    if let Some(file) = passphrase_file {
        return Ok(Party::open(directory, Some(&read_passphrase(program, file)?))?);
    }
    let prompt = text!(
        "passphrase of `{}` for {}: ",
        "phrase de passe de `{}` pour {} : ",
        card.body.name,
        directory.display()
    );
    let unasked = |error: &std::io::Error| needed(directory, error);
    asked(program, &prompt, unasked, |passphrase, again| {
        Party::open(directory, Some(passphrase)).map_err(|error| match error {
            PartyError::Passphrase { .. } if again => Fault::new(
                "passphrase-wrong",
                text!(
                    "that is not the passphrase of this party",
                    "ce n'est pas la phrase de passe de ce partenaire"
                ),
            ),
            error => error.into(),
        })
    })
}

/// The card of a party in a file.
pub(crate) fn read_card(path: &Path) -> Result<PartyCard, Fault> {
    let card: Option<PartyCard> = serde_json::from_slice(&files::read(path, LIMIT)?).ok();
    card.filter(PartyCard::is_sound)
        .ok_or_else(|| Fault::form(path, words!("the card of a party", "la carte d'un partenaire")))
}
