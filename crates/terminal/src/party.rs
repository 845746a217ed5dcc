//! The folder of a party, opened by whoever works as that party, and the cards of others.

use std::path::{Path, PathBuf};

use clap::Args;
use cstatns_base::files;
use cstatns_base::words;
use cstatns_parcel::party::{Party, PartyError};
use cstatns_record::card::PartyCard;

use crate::fault::Fault;
use crate::lang::text;
use crate::output::Program;
use crate::passphrase::{asked, needed, read_passphrase};

/// More than a card is long, in bytes.
const LIMIT: u64 = 1 << 16;

/// The party whose folder it is.
#[derive(Args)]
pub struct As {
    /// The folder of the party that does it
    #[arg(long = "as", value_name = "DIR")]
    party: PathBuf,
    /// A file with the passphrase of its keys; else it is asked for
    #[arg(long, value_name = "F")]
    passphrase_file: Option<PathBuf>,
}

impl As {
    /// The folder.
    pub fn directory(&self) -> &Path {
        &self.party
    }

    /// Opens it, asking for the passphrase where it needs one.
    pub fn opened(&self, program: &Program) -> Result<Party, Fault> {
        opened(program, &self.party, self.passphrase_file.as_deref())
    }
}

/// Opens the folder of a party, asking for its passphrase where it needs one and no file holds it.
pub fn opened(
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
pub fn read_card(path: &Path) -> Result<PartyCard, Fault> {
    let card: Option<PartyCard> = serde_json::from_slice(&files::read(path, LIMIT)?).ok();
    card.filter(PartyCard::is_sound)
        .ok_or_else(|| Fault::form(path, words!("the card of a party", "la carte d'un partenaire")))
}
