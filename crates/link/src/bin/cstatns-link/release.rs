//! `release`: a joined file goes to a researcher.

use std::path::PathBuf;

use clap::Args;
use cstatns_base::name::Name;
use cstatns_link::{Body, Release, release};
use cstatns_terminal::fault::Fault;
use cstatns_terminal::lang::text;
use cstatns_terminal::ledger::Known;
use cstatns_terminal::output::Program;
use cstatns_terminal::party::{As, read_card};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// Encrypt a joined file to a researcher, then destroy it and the coded files that it came from
#[derive(Args)]
#[command(after_help = "Example:
  cstatns-link release joined.csv --as linking --to researcher.card.json --ledger ledger.jsonl \\
      --service card.json --authorisation cnil-2026-017 --until 2028-12-31 --out joined.csv.age
Every cell is looked at once more: a file with identifiers, names or dates of birth beside places of birth does not leave.
The release is recorded before the parcel has its name. --ledger, the one that the service publishes, says that the
receiver is a researcher of the project; without it, compare the words with them.
With --until an encrypted copy that only this body can read is kept in its catalogue until that day, and may go to another
researcher of the project, under an authorisation of their own: give the copy in place of joined.csv, and --ledger.
The coded files are destroyed, unless --keep-coded keeps encrypted copies for a renewal of their codes.")]
pub(crate) struct ReleaseArgs {
    /// The joined file, or the copy of one in the catalogue
    file: PathBuf,
    #[command(flatten)]
    by: As,
    /// The card of the researcher
    #[arg(long, value_name = "CARD")]
    to: PathBuf,
    /// What authorises it, as a reference: a lower-case letter, then letters, digits or hyphens
    #[arg(long, value_name = "REF")]
    authorisation: Name,
    #[command(flatten)]
    known: Known,
    /// The parcel to write, such as joined.csv.age
    #[arg(long, value_name = "P")]
    out: PathBuf,
    /// Keep an encrypted copy to the end of this day
    #[arg(long, value_name = "DATE")]
    until: Option<Date>,
    /// Keep encrypted copies of the coded files, for a renewal of their codes
    #[arg(long)]
    keep_coded: bool,
}

/// The end of a day.
fn end_of(date: Date) -> Option<Timestamp> {
    let next = date.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some(next.timestamp())
}

impl ReleaseArgs {
    pub(crate) fn run(self, program: &Program) -> Result<Value, Fault> {
        let to = read_card(&self.to)?;
        let state = self.known.read()?;
        let party = self.by.opened(program)?;
        let mut body = Body::open(self.by.directory(), &party, (program.clock)())?;
        let what = Release {
            file: &self.file,
            to: &to,
            ledger: state.as_ref(),
            authorisation: self.authorisation.clone(),
            out: &self.out,
            until: self.until.and_then(end_of),
            keep_coded: self.keep_coded,
        };
        let released = release(&mut body, &what)?;
        program.say(text!(
            "{:?} is for `{}` ({}) alone, under `{}`",
            "{:?} est pour `{}` ({}) seul, au titre de `{}`",
            self.out,
            to.body.name,
            released.words,
            self.authorisation
        ));
        if state.is_none() {
            program.say(text!(
                "no ledger says that this is a researcher of the project: compare the words with them, or give --ledger",
                "aucun registre ne dit que c'est un chercheur du projet : comparez les mots avec lui, ou donnez --ledger"
            ));
        }
        match &released.copy {
            Some(copy) => program.say(text!(
                "{:?} is destroyed; an encrypted copy is kept: {copy:?}",
                "{:?} est détruit ; une copie chiffrée est gardée : {copy:?}",
                self.file
            )),
            None => program.say(text!("{:?} is destroyed", "{:?} est détruit", self.file)),
        }
        program.say(text!(
            "send {:?}; the researcher opens it with `cstatns parcel open`",
            "envoyez {:?} ; le chercheur l'ouvre par `cstatns parcel open`",
            self.out
        ));
        Ok(json!({
            "file": released.file,
            "parcel": self.out,
            "id": released.parcel,
            "to": to.body.name,
            "words": released.words,
            "authorisation": self.authorisation,
            "copy": released.copy,
        }))
    }
}
