//! The custodian's verbs: a kit of one's own and its cards, a share accepted, checked and
//! forgotten, a ledger checked, a question approved.

mod approve;
mod card;
mod forget;
mod log;
mod paper;
mod passphrase;
mod sheet;
mod yearly;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use cstatns::card::{ServiceCard, spoken};
use cstatns::custody::custodian::{Kit, Remark};
use cstatns::custody::share::ShareFile;
use cstatns::dealing::Dealing;
use cstatns::files::{self, Access, FileError, Together};
use cstatns::language::Words;
use cstatns::name::{Name, canonical_json};
use cstatns::service::read_service_card;
use cstatns::state::ReadLedger;
use cstatns::words;
use cstatns_terminal::ledger::read_published;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::lang::{Lang, said, text};
use crate::output::Program;
use crate::passphrase::new_passphrase;
use crate::quorum::{Closed, note, remarked, said_of};

/// More than a file that travels between people is long, in bytes.
const LIMIT: u64 = 1 << 20;

/// A custodian's kit and share
#[derive(Subcommand)]
pub(crate) enum Custodian {
    New(New),
    Accept(Accept),
    Check(Check),
    Log(log::Log),
    Approve(approve::Approve),
    Card(card::CardArgs),
    Forget(forget::Forget),
    Export(paper::Export),
    Import(paper::Import),
    Passphrase(passphrase::Passphrase),
}

impl Custodian {
    pub(crate) fn run(self, program: &Program) -> Result<Value, Fault> {
        match self {
            Self::New(verb) => verb.run(program),
            Self::Accept(verb) => verb.run(program),
            Self::Check(verb) => verb.run(program),
            Self::Log(verb) => verb.run(program),
            Self::Approve(verb) => verb.run(program),
            Self::Card(verb) => verb.run(program),
            Self::Forget(verb) => verb.run(program),
            Self::Export(verb) => verb.run(program),
            Self::Import(verb) => verb.run(program),
            Self::Passphrase(verb) => verb.run(program),
        }
    }
}

/// Make a kit: KIT/identity (private) and KIT/card.json (public)
#[derive(Args)]
#[command(after_help = "Example:
  cstatns custodian new /media/alice/kit --name alice
The passphrase has 12 characters or more and is not to be guessed: four words that have nothing to do with each
other. Accents, the encoding of a file and its line ends make no difference.
Then give the file card.json to the service, and keep the rest.")]
pub(crate) struct New {
    /// The directory to make
    kit: PathBuf,
    /// The custodian's name: a lower-case letter, then letters, digits or hyphens
    #[arg(long)]
    name: Name,
    /// A custodian named outside the service
    #[arg(long)]
    external: bool,
    /// A file with the passphrase; else it is asked for
    #[arg(long, value_name = "F", conflicts_with = "no_passphrase")]
    passphrase_file: Option<PathBuf>,
    /// No passphrase: for demonstrations only
    #[arg(long)]
    no_passphrase: bool,
}

impl New {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        if self.kit.symlink_metadata().is_ok() {
            // Before a passphrase is asked for in vain.
            return Err(FileError::Exists { path: self.kit }.into());
        }
        let parent = self.kit.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent.filter(|parent| matches!(parent.try_exists(), Ok(false))) {
            let missing = FileError::Missing { path: parent.to_owned() };
            let advice = text!("make that directory first", "créez d'abord ce dossier");
            return Err(Fault::from(missing).advising(advice));
        }
        let file = self.passphrase_file.as_deref();
        let passphrase = match self.no_passphrase {
            true => None,
            false => Some(new_passphrase(program, file, &self.kit, &[self.name.as_str()])?),
        };
        let passphrase = passphrase.as_ref().map(|passphrase| passphrase.as_slice());
        let card = Kit::create(&self.kit, self.name, self.external, passphrase)?;
        let path = self.kit.join("card.json");
        program.say(text!(
            "made the kit of `{}`; give {path:?} to the service",
            "la trousse de `{}` est faite ; donnez {path:?} au service",
            card.body.name
        ));
        if !card.body.protected {
            program.say(text!(
                "note: it has no passphrase, so only a demonstration accepts it",
                "note : elle n'a pas de phrase de passe, et seule une démonstration l'accepte"
            ));
        }
        Ok(json!({
            "custodian": card.body.name,
            "card": path,
            "fingerprint": card.fingerprint(),
            "external": card.body.external,
            "protected": card.body.protected,
        }))
    }
}

/// Open a dealt share, check it against the ledger, keep it in the kit and write
/// KIT/receipt-EPOCH-held.json
#[derive(Args)]
#[command(after_help = "Example:
  cstatns custodian accept /media/alice/kit shares/alice.1.share --ledger home/ledger.jsonl
It shows who the other custodians are, and asks whether they are.
The words that it shows are read aloud: every custodian and the service must have the same.")]
pub(crate) struct Accept {
    /// The custodian's kit
    kit: PathBuf,
    /// The share: NAME.EPOCH.share
    share: PathBuf,
    /// The service's ledger, with its checkpoint beside it
    #[arg(long, value_name = "L")]
    ledger: PathBuf,
    /// The roster is right: in a demonstration only, where nobody is asked
    #[arg(long)]
    yes: bool,
    /// A file with the kit's passphrase; else it is asked for
    #[arg(long, value_name = "F")]
    passphrase_file: Option<PathBuf>,
}

impl Accept {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let closed = Closed::look(&self.kit, self.passphrase_file.as_deref())?;
        let share: ShareFile = read_json(&self.share, words!("a dealt share", "une part remise"))?;
        let ledger = read_published(&self.ledger)?;
        let known = ledger.state.epochs().get(&share.epoch);
        let (dealing, by) = match known {
            Some(epoch) => (&epoch.dealing, &epoch.by[..]),
            None => (newest(&ledger), &[][..]),
        };
        confirm_roster(program, dealing, by, self.yes)?;
        closed.introduce(program)?;
        let mut kit = closed.open(program)?;
        note(program, &kit, ledger.view())?;
        let receipt = kit.accept(&share, ledger.view(), (program.clock)())?;
        let words = spoken(&dealing.fingerprint());
        program.say(text!(
            "`{}` holds a share of epoch {} of {}: {} open the secret",
            "`{}` garde une part de l'époque {} de {} : {} ouvrent le secret",
            kit.name(),
            dealing.epoch,
            dealing.service.id(),
            said(&dealing.threshold)
        ));
        program.say(text!("read aloud: {words}", "lisez à voix haute : {words}"));
        program.say(
            text!("the service's card was taken from this ledger and nothing else vouches for it yet: \
            the words must be the same \
             at the service and with every custodian; if they are not, do not hand in the receipt",
                 "la carte du service a été prise de ce registre et rien d'autre n'en répond encore : les mots doivent \
                     être les mêmes au service et chez tous les détenteurs ; s'ils ne le sont pas, ne remettez pas le \
                     récépissé"),
        );
        program.say(text!("give {receipt:?} to the service", "remettez {receipt:?} au service"));
        keep_on_paper(program, &kit);
        Ok(json!({
            "custodian": kit.name(),
            "service": dealing.service.id(),
            "epoch": dealing.epoch,
            "dealing": dealing.fingerprint(),
            "spoken": words,
            "receipt": receipt,
        }))
    }
}

/// Check that the kept share is readable and right and that the ledger extends the one seen last;
/// cosign it
#[derive(Args)]
#[command(after_help = "Example, once a year:
  cstatns custodian check /media/alice/kit --ledger home/ledger.jsonl --out alice-2027.json
Then give the receipt to the service: `service receipt`.
Where the service needs another signing key, with the card that its operator has handed out:
  cstatns custodian check /media/alice/kit --ledger home/ledger.jsonl \\
      --accept-service next.json --out alice.json
Then give the statement to `service rekey`.")]
pub(crate) struct Check {
    /// The custodian's kit
    kit: PathBuf,
    /// The service's ledger, with its checkpoint beside it
    #[arg(long, value_name = "L")]
    ledger: PathBuf,
    /// The receipt to write
    #[arg(long, value_name = "RECEIPT")]
    out: PathBuf,
    /// Accept another signing key of the service: the card of `service rekey --new-card`
    #[arg(long, value_name = "CARD")]
    accept_service: Option<PathBuf>,
    /// The card is the service's: in a demonstration only, where nobody is asked
    #[arg(long, requires = "accept_service")]
    yes: bool,
    /// A file with the kit's passphrase; else it is asked for
    #[arg(long, value_name = "F")]
    passphrase_file: Option<PathBuf>,
}

impl Check {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let closed = Closed::look(&self.kit, self.passphrase_file.as_deref())?;
        let ledger = read_published(&self.ledger)?;
        let dealing = ledger.state.working_dealing().unwrap_or_else(|_| newest(&ledger));
        let accepted = self.accept_service.as_deref().map(read_service_card).transpose()?;
        if let Some(card) = &accepted {
            ledger.state.check_service_card(card)?;
            confirm_service(program, card, dealing.demo, self.yes)?;
        }
        closed.introduce(program)?;
        let mut kit = closed.open(program)?;
        // Before the kit notes what it has seen: a name that is taken is found out at once.
        let mut out = Together::create([&self.out], Access::Shared)?;
        let remarks = note(program, &kit, ledger.view())?;
        program.say(yearly::said(program, &kit));
        let now = (program.clock)();
        let receipt = match &accepted {
            Some(card) => kit.accept_service(card, ledger.view(), now)?,
            None => kit.check(ledger.view(), now)?,
        };
        let mut bytes = canonical_json(&receipt);
        bytes.push(b'\n');
        out.files[0].write_all(&bytes).map_err(|error| FileError::from_io(&self.out, &error))?;
        out.commit()?;
        let size = ledger.history.size();
        program.say(text!(
            "the share of `{}` is readable and right, and the {size} events of the ledger extend \
            the ones seen before",
                "la part de `{}` est lisible et juste, et les {size} événements du registre prolongent ceux déjà vus",
            kit.name()
        ));
        if let Some(card) = &accepted {
            program.say(text!(
                "`{}` accepts the signing key {} of the service",
                "`{}` accepte la clé de signature {} du service",
                kit.name(),
                card.words()
            ));
        }
        program.say(text!("give {:?} to the service", "remettez {:?} au service", self.out));
        keep_on_paper(program, &kit);
        Ok(json!({
            "custodian": kit.name(),
            "service": dealing.service.id(),
            "epoch": dealing.epoch,
            "events": size,
            "statement": kit.shown().count,
            "accepted": accepted.as_ref().map(ServiceCard::words),
            "remarks": in_english(&remarks),
            "receipt": self.out,
        }))
    }
}

/// Remarks as a summary has them.
fn in_english(remarks: &[Remark]) -> Vec<String> {
    remarks.iter().map(|remark| remarked(Lang::En, remark)).collect()
}

/// Shows who the custodians are, and asks whether they are. An answer that does not come is no.
fn confirm_roster(
    program: &Program,
    dealing: &Dealing,
    by: &[Name],
    yes: bool,
) -> Result<(), Fault> {
    program.say(text!(
        "the custodians of epoch {} of {}, {} open the secret:",
        "les détenteurs de l'époque {} de {}, {} ouvrent le secret :",
        dealing.epoch,
        dealing.service.id(),
        said(&dealing.threshold)
    ));
    for seat in &dealing.roster {
        let body = &seat.card.body;
        let external =
            if body.external { text!(", external", ", extérieur") } else { String::new() };
        let words = spoken(&seat.card.fingerprint());
        program.say(format_args!("  {}{external}: {words}", body.name));
    }
    if !by.is_empty() {
        let by = by.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
        program.say(text!(
            "custodians of the epoch before approved it: {by}",
            "des détenteurs de l'époque précédente y ont consenti : {by}"
        ));
    }
    let question = text!(
        "is each of them a custodian whom you know, with these words? type yes:",
        "connaissez-vous chacun de ces détenteurs, avec ces mots ? tapez oui :"
    );
    match is_confirmed(program, &question, dealing.demo, yes)? {
        true => Ok(()),
        false => Err(Fault::new(
            "roster-unconfirmed",
            text!(
                "nobody said that the roster is right, and nothing was accepted: compare the names and \
            words with the other custodians, then answer yes",
                "personne n'a dit que la liste est juste, et rien n'a été accepté : comparez les noms et les mots avec \
                    les autres détenteurs, puis répondez oui"
            ),
        )),
    }
}

/// Shows another signing key of the service, and asks whether its operator has handed it out.
fn confirm_service(
    program: &Program,
    card: &ServiceCard,
    demo: bool,
    yes: bool,
) -> Result<(), Fault> {
    program.say(text!(
        "another key would sign for {} from now on; the words of its card:",
        "une autre clé signerait désormais pour {} ; les mots de sa carte :",
        card.id()
    ));
    program.say(format_args!("  {}", card.words()));
    let question = text!(
        "does the operator of the service read the same words to you? type yes:",
        "l'exploitant du service vous lit-il les mêmes mots ? tapez oui :"
    );
    match is_confirmed(program, &question, demo, yes)? {
        true => Ok(()),
        false => Err(Fault::new(
            "service-unconfirmed",
            text!(
                "nobody said that the card is right, and nothing was accepted: compare the words with the \
            operator of the service and with the other custodians, then answer yes",
                "personne n'a dit que la carte est juste, et rien n'a été accepté : comparez les mots avec l'exploitant \
                    du service et avec les autres détenteurs, puis répondez oui"
            ),
        )),
    }
}

/// Asks. An answer that does not come is no; in a demonstration it may be given beforehand.
fn is_confirmed(program: &Program, question: &str, demo: bool, yes: bool) -> Result<bool, Fault> {
    if yes && demo {
        return Ok(true);
    }
    if yes {
        return Err(Fault::usage(text!(
            "--yes is for demonstrations: answer the question, or write `yes` to standard input",
            "--yes est pour les démonstrations : répondez à la question, ou écrivez `yes` sur l'entrée standard"
        )));
    }
    Ok(program.is_confirmed(question))
}

/// The line that the custodian keeps on paper.
pub(crate) fn keep_on_paper(program: &Program, kit: &Kit) {
    program.say(text!(
        "keep on paper, `{}`: {}",
        "gardez sur papier, `{}` : {}",
        kit.name(),
        said_of(&kit.shown())
    ));
}

fn newest(ledger: &ReadLedger) -> &Dealing {
    let newest = ledger.state.epochs().values().next_back();
    &newest.expect("a ledger's first event deals shares").dealing
}

/// Reads a JSON file that somebody handed over.
pub(crate) fn read_json<T: DeserializeOwned>(
    path: &Path,
    expected: &'static Words,
) -> Result<T, Fault> {
    serde_json::from_slice(&files::read(path, LIMIT)?).map_err(|_| Fault::form(path, expected))
}
