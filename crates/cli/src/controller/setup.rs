//! `controller setup`: the public values of a folder's data, said once.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use cstatns::files::{Access, FileError, Together};
use cstatns::name::Name;
use serde_json::{Value, json};

use super::present_card;
use crate::bulk::delimiter;
use crate::fault::Fault;
use crate::lang::text;
use crate::output::Program;
use crate::settings::{SETTINGS, written};

/// Say once for a folder of data which service and domain its requests are for
#[derive(Args)]
#[command(after_help = "Example:
  cstatns controller setup data --service card.json --domain population --delimiter ';' --missing NA
  cstatns controller prepare data/wages.csv --identifier-column nir --request request.csv \\
      --retained retained.csv
It writes DIR/cstatns.toml, a text of four lines that may be edited: service, domain, delimiter, missing. They are public;
another line is refused. `controller prepare`, `try` and `inspect` read it in the folder of their data, and what is given
there wins. `attach` needs none of it: the retained file says what it was. A delimiter is that of .csv and .txt, not of
.tsv.")]
pub(crate) struct SetupArgs {
    /// The folder of the data
    dir: PathBuf,
    /// The card of the service, as it published it
    #[arg(long, value_name = "CARD")]
    service: PathBuf,
    /// The domain that requests are for
    #[arg(long, value_name = "D")]
    domain: Name,
    /// What separates the fields of the data: one character, or `tab`
    #[arg(long, value_parser = checked)]
    delimiter: Option<String>,
    /// A text that stands for no value in the columns that are sent, such as NA; may be repeated
    #[arg(long, value_name = "TEXT")]
    missing: Vec<String>,
}

/// What `--delimiter` takes, as it was typed.
fn checked(text: &str) -> Result<String, String> {
    delimiter(text).map(|_| text.to_owned())
}

/// The card as the file names it: by its name where it lies in the folder, else by its whole path.
fn place_of(card: &Path, folder: &Path) -> Result<String, Fault> {
    let whole =
        |path: &Path| std::path::absolute(path).map_err(|error| FileError::from_io(path, &error));
    let (card, folder) = (whole(card)?, whole(folder)?);
    let place = card.strip_prefix(&folder).unwrap_or(&card);
    let text = place.to_str().map(str::to_owned);
    text.ok_or_else(|| {
        Fault::usage(text!(
            "the path of the card is not text: give it another name",
            "le chemin de la carte n'est pas du texte : donnez-lui un autre nom"
        ))
    })
}

impl SetupArgs {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let card = present_card(program, &self.service)?;
        let place = place_of(&self.service, &self.dir)?;
        let path = self.dir.join(SETTINGS);
        let text = written(&place, &self.domain, self.delimiter.as_deref(), &self.missing);
        let mut file = Together::create([&path], Access::Shared)?;
        let written = file.files[0].write_all(text.as_bytes());
        written.map_err(|error| FileError::from_io(&path, &error))?;
        file.commit()?;
        program.say(text!(
            "{path:?}: requests of the data in {:?} are for `{}` of {}",
            "{path:?} : les demandes des données dans {:?} sont pour `{}` de {}",
            self.dir,
            self.domain,
            card.id()
        ));
        Ok(json!({
            "settings": path,
            "service": card.id(),
            "domain": self.domain,
            "delimiter": self.delimiter,
            "missing": self.missing,
        }))
    }
}
