//! The verbs of the service's signing key: another one in its place, and a copy for the safe.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use cstatns::card::ServiceCard;
use cstatns::files::{Access, FileError, Together};
use cstatns::name::{Name, canonical_json};
use cstatns::receipt::Receipt;
use cstatns::service::{Opening, Service, read_service_card};
use cstatns::words;
use serde_json::{Value, json};

use super::{Wait, opened, runs, waited};
use crate::custodian::read_json;
use crate::fault::Fault;
use crate::lang::text;
use crate::output::Program;
use crate::passphrase::{ask_for, new_passphrase, read_passphrase};

/// Give the service another signing key: make its card, then record that custodians accept it
#[derive(Args)]
#[command(after_help = "Example, after `identity` was lost or stolen:
  cstatns service rekey home --new-card next.json
  cstatns custodian check /media/alice/kit --ledger home/ledger.jsonl \\
      --accept-service next.json --out alice.json
  cstatns service rekey home alice.json bruno.json
As many custodians as the threshold state that they accept the card. From then on the new key signs, and what the old one
signs about later events counts for nothing. The service keeps its name.")]
pub(crate) struct Rekey {
    /// The service's home
    home: PathBuf,
    /// The statements of `custodian check --accept-service`
    #[arg(
        required_unless_present = "new_card",
        conflicts_with = "new_card",
        value_name = "STATEMENT"
    )]
    statements: Vec<PathBuf>,
    /// Make the new key, and write its card; statements about one made before count no more
    #[arg(long, value_name = "CARD")]
    new_card: Option<PathBuf>,
    #[command(flatten)]
    wait: Wait,
}

impl Rekey {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let wait = self.wait.wait;
        let opening =
            Opening { wait, read: Some(&runs::read_result), ..Opening::of(verb("rekey")) };
        if let Some(path) = &self.new_card {
            let mut out = Together::create([path], Access::Shared)?;
            let card = Service::next_card(&self.home, &opening)
                .map_err(|error| waited(error.into(), wait))?;
            let mut bytes = canonical_json(&card);
            bytes.push(b'\n');
            out.files[0].write_all(&bytes).map_err(|error| FileError::from_io(path, &error))?;
            out.commit()?;
            let words = card.words();
            program.say(text!(
                "the card with the new key is {path:?}: {words}",
                "la carte avec la nouvelle clé est {path:?} : {words}"
            ));
            program.say(
                text!("give it to the custodians: each compares the words with you, and runs `custodian \
                check --accept-service`",
                    "donnez-la aux détenteurs : chacun compare les mots avec vous, et lance `custodian check \
                        --accept-service`"),
            );
            return Ok(summary(&card, path));
        }
        let read = self
            .statements
            .iter()
            .map(|path| read_json::<Receipt>(path, words!("a statement", "une déclaration")));
        let statements = read.collect::<Result<Vec<_>, _>>()?;
        let by: Vec<Name> = statements.iter().map(|one| one.body.by.clone()).collect();
        let clock = program.clock.clone();
        let rekeyed = Service::rekey(&self.home, move || clock(), opening, statements)
            .map_err(|error| waited(error.into(), wait))?;
        let service = opened(program, rekeyed)?;
        told(program, service.card());
        let path = self.home.join("card.json");
        let mut summary = summary(service.card(), &path);
        summary["accepted_by"] = json!(by);
        Ok(summary)
    }
}

/// What is to be done once another key signs.
pub(super) fn told(program: &Program, card: &ServiceCard) {
    program.say(text!(
        "another key signs for the service from now on: {}",
        "une autre clé signe désormais pour le service : {}",
        card.words()
    ));
    program.say(
        text!("give the new card.json to controllers and auditors; put a copy of the key in the safe: \
        `service export-identity`",
            "donnez le nouveau card.json aux responsables de traitement et aux auditeurs ; mettez une copie de la clé au \
                coffre : `service export-identity`"),
    );
}

fn summary(card: &ServiceCard, path: &std::path::Path) -> Value {
    json!({
        "service": card.id(),
        "card": path,
        "spoken": card.words(),
    })
}

fn verb(name: &str) -> Name {
    Name::new(name).expect("a verb is a name")
}

/// Write the service's signing key to a file, sealed under a passphrase: for the safe
#[derive(Args)]
#[command(after_help = "Example:
  cstatns service export-identity home --out /media/safe/identity.sealed
Keep the file and its passphrase in two places. `service import-identity` puts the key back where it was lost.")]
pub(crate) struct ExportIdentity {
    /// The service's home
    home: PathBuf,
    /// The file to write
    #[arg(long, value_name = "F")]
    out: PathBuf,
    /// A file with the passphrase; else it is asked for
    #[arg(long, value_name = "F")]
    passphrase_file: Option<PathBuf>,
}

impl ExportIdentity {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        if self.out.symlink_metadata().is_ok() {
            return Err(FileError::Exists { path: self.out }.into());
        }
        let card = read_service_card(&self.home.join("card.json"))?;
        let known = [card.id()];
        let file = self.passphrase_file.as_deref();
        let passphrase = new_passphrase(program, file, &self.out, &known)?;
        let card = Service::export_identity(&self.home, &self.out, &passphrase)?;
        program.say(text!(
            "the signing key of {} is in {:?}, sealed under the passphrase: keep them in two places",
            "la clé de signature de {} est dans {:?}, scellée sous la phrase de passe : gardez-les à deux endroits",
            card.id(),
            self.out
        ));
        Ok(summary(&card, &self.out))
    }
}

/// Put the signing key back that `export-identity` wrote
#[derive(Args)]
#[command(after_help = "Example, after a mirror was put in place of a lost home:
  cstatns service import-identity home /media/safe/identity.sealed
A key that was replaced is not taken: `service rekey`.")]
pub(crate) struct ImportIdentity {
    /// The service's home
    home: PathBuf,
    /// The file that `export-identity` wrote
    file: PathBuf,
    /// A file with the passphrase; else it is asked for
    #[arg(long, value_name = "F")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    wait: Wait,
}

impl ImportIdentity {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let passphrase = match &self.passphrase_file {
            Some(file) => read_passphrase(program, file)?,
            None => ask_for(
                &self.file,
                &text!("passphrase of the exported key: ", "phrase de passe de la clé exportée : "),
            )?,
        };
        let wait = self.wait.wait;
        let opening = Opening { wait, ..Opening::of(verb("import-identity")) };
        let card = Service::import_identity(&self.home, &self.file, &passphrase, &opening)
            .map_err(|error| waited(error.into(), wait))?;
        program.say(text!(
            "the home has the signing key of {} again",
            "le répertoire du service a de nouveau la clé de signature de {}",
            card.id()
        ));
        Ok(summary(&card, &self.home.join("card.json")))
    }
}
