//! A witness's verbs: its keys, and the checkpoints that it cosigns.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use cstatns::checkpoint::WitnessKey;
use cstatns::files::{self, Access, FileError};
use cstatns::name::Name;
use cstatns::service::read_service_card;
use cstatns::witness::{self, PUBLIC};
use cstatns_parcel::party::{Party, PartyError};
use cstatns_terminal::party::opened;
use serde_json::{Value, json};

use super::need_service_ledger;
use crate::fault::Fault;
use crate::lang::text;
use crate::output::Program;
use crate::passphrase::new_passphrase;

/// More than a public key is long, in bytes.
const LIMIT: u64 = 4096;

/// A witness: somebody else who cosigns a service's checkpoints, and remembers them
#[derive(Subcommand)]
pub(crate) enum WitnessVerb {
    New(New),
    Sign(Sign),
}

impl WitnessVerb {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        match self {
            Self::New(verb) => verb.run(program),
            Self::Sign(verb) => verb.run(program),
        }
    }
}

/// Make a witness's folder: DIR/identity (private) and DIR/witness.pub (public)
#[derive(Args)]
#[command(after_help = "Example:
  cstatns auditor witness new authority --name authority
Publish the file witness.pub, one line, or give it to those who check ledgers: `auditor verify --witness`. Keep the rest, on
a machine that neither the service nor its custodians administer. Do not put the folder back from an old copy: the witness
would forget what it has cosigned since.")]
pub(crate) struct New {
    /// The folder to make
    dir: PathBuf,
    /// The witness's name, which stands in its cosignatures: a lower-case letter, then letters,
    /// digits or hyphens [default: that of the folder]
    #[arg(long)]
    name: Option<Name>,
    /// A file with the passphrase; else it is asked for
    #[arg(long, value_name = "F", conflicts_with = "no_passphrase")]
    passphrase_file: Option<PathBuf>,
    /// No passphrase: for a witness that signs by itself, with nobody there to type it
    #[arg(long)]
    no_passphrase: bool,
}

impl New {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let Self { dir, name, passphrase_file, no_passphrase } = self;
        let of_folder = || Name::new(dir.file_name()?.to_str()?).ok();
        let name = name.or_else(of_folder).ok_or_else(|| {
            Fault::usage(text!(
                "the folder {dir:?} is not called as a witness can be: give the witness's name with --name",
                "le dossier {dir:?} ne porte pas le nom que peut avoir un témoin : donnez le nom du témoin avec --name"
            ))
        })?;
        // Before a passphrase is typed.
        if files::taken(&dir)? {
            return Err(FileError::Exists { path: dir }.into());
        }
        files::check_directory_of(&dir)?;
        let passphrase = match no_passphrase {
            true => None,
            false => {
                let file = passphrase_file.as_deref();
                Some(new_passphrase(program, file, &dir, &[name.as_str()])?)
            }
        };
        let passphrase = passphrase.as_ref().map(|passphrase| passphrase.as_slice());
        let card = Party::create_with(&dir, name, passphrase, |card| {
            let key = WitnessKey::new(card.body.name.as_str(), &card.body.signing);
            Some((PUBLIC, format!("{}\n", key.expect("a name and a fresh key"))))
        })?;
        let (name, path) = (&card.body.name, dir.join(PUBLIC));
        program.say(text!(
            "made the folder of the witness `{name}`, whose public key is {path:?}: give it to those who check ledgers",
            "le dossier du témoin `{name}` est fait, sa clé publique est {path:?} : donnez-la à ceux qui vérifient des \
                registres"
        ));
        if !card.body.protected {
            program.say(text!(
                "note: it has no passphrase: whoever reads {dir:?} can cosign in its name",
                "note : il n'a pas de phrase de passe : qui lit {dir:?} peut cosigner en son nom"
            ));
        }
        Ok(json!({ "witness": name, "public": path, "protected": card.body.protected }))
    }
}

/// Check a service's ledger, and cosign its checkpoint if it goes on from the last one
#[derive(Args)]
#[command(after_help = "Example:
  cstatns auditor witness sign authority ledger.jsonl --service card.json --out cosigned
The ledger must be intact, its checkpoint signed by the service, and it must go on from the last one that this witness
cosigned: events may be added, none changed or removed. The first time --service says which service it is, and the witness
keeps that card: take it as the service published it, and compare its words. Later --service may be left out.
The result is the checkpoint with one more line, the cosignature (C2SP cosignature/v1), for auditors:
  cstatns auditor verify ledger.jsonl --service card.json \\
      --checkpoint cosigned --witness witness.pub
It is DIR/SERVICE.checkpoint, which the next one replaces, or with --out a new file. The witness remembers the checkpoint in
its folder before that: after a stop the same command gives the same cosignature.")]
pub(crate) struct Sign {
    /// The witness's folder
    dir: PathBuf,
    /// The service's ledger, with its checkpoint beside it
    ledger: PathBuf,
    /// The service's card: needed the first time, and kept from then on
    #[arg(long, value_name = "CARD")]
    service: Option<PathBuf>,
    /// A file with the passphrase; else it is asked for
    #[arg(long, value_name = "F")]
    passphrase_file: Option<PathBuf>,
    /// Where to write the cosigned checkpoint [default: DIR/SERVICE.checkpoint, in place of the
    /// last one]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Sign {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let Self { dir, ledger, service, passphrase_file, out } = self;
        let key = public_key(&dir)?;
        let card = service.as_deref().map(read_service_card).transpose()?;
        if let Some(out) = &out {
            if files::taken(out)? {
                return Err(FileError::Exists { path: out.clone() }.into());
            }
            files::check_directory_of(out)?;
        }
        need_service_ledger(&ledger)?;
        // Two at a time could cosign two ledgers that do not go on from one another.
        let _lock = files::lock(&dir.join("lock"))?;
        let seen = witness::look(&dir, &key, &ledger, card.as_ref())?;
        let (head, before) = (seen.head(), seen.before());
        let (id, words) = (seen.service().id().to_owned(), seen.service().words());
        let again = seen.cosigned().map(str::to_owned);
        let note = match &again {
            Some(note) => note.clone(),
            None => {
                let party = opened(program, &dir, passphrase_file.as_deref())?;
                seen.cosign(&key, &party.signing(), (program.clock)())?
            }
        };
        let path = match out {
            Some(out) => {
                files::write_new(&out, note.as_bytes(), Access::Shared)?;
                out
            }
            None => {
                let path = dir.join(format!("{id}.checkpoint"));
                files::replace(&path, note.as_bytes(), Access::Shared)?;
                path
            }
        };
        let size = head.size;
        program.say(match (again, before) {
            (Some(_), _) => text!(
                "this witness has cosigned these {size} events already: the same cosignature is in {path:?}",
                "ce témoin a déjà cosigné ces {size} événements : la même cosignature est dans {path:?}"
            ),
            (None, Some(before)) => text!(
                "cosigned {size} events of {id}, which go on from the {} cosigned last: {path:?}",
                "{size} événements de {id} cosignés, qui prolongent les {} cosignés la dernière fois : {path:?}",
                before.size
            ),
            (None, None) => text!(
                "cosigned {size} events of {id}, for the first time: {path:?}. Nothing earlier was there to compare with, \
                and its card is kept from now on: compare its words with the service: {words}",
                "{size} événements de {id} cosignés, pour la première fois : {path:?}. Rien de plus ancien n'était là pour \
                    comparer, et sa carte est gardée désormais : comparez ses mots avec le service : {words}"
            ),
        });
        Ok(json!({
            "witness": key.name(),
            "service": id,
            "spoken": words,
            "events": size,
            "root": head.root,
            "before": before.map(|before| before.size),
            "checkpoint": path,
        }))
    }
}

/// The public key of the witness whose folder this is: that of its card, as its file says too.
fn public_key(dir: &Path) -> Result<WitnessKey, Fault> {
    let (card, path) = (Party::card_in(dir)?.body, dir.join(PUBLIC));
    let text = files::read(&path, LIMIT)?;
    let known = str::from_utf8(&text).ok().and_then(|text| WitnessKey::parse(text.trim_end()).ok());
    let is_own = |key: &WitnessKey| key.name() == card.name.as_str() && key.key() == card.signing;
    Ok(known.filter(is_own).ok_or(PartyError::Damaged { path })?)
}
