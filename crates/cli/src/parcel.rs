//! Parcels: one encrypted, signed file from one body to another.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use cstatns::card::spoken;
use cstatns::files;
use cstatns::name::{Hex, Name};
use cstatns::service::read_service_card;
use cstatns::state::{Registration, State};
use cstatns_parcel::age::Kind as Recipe;
use cstatns_parcel::file::{make, open_into, show, show_to};
use cstatns_parcel::head::{End, Head, Kind, Sender};
use cstatns_parcel::request::Declared;
use cstatns_terminal::ledger::Known;
use cstatns_terminal::party::{As, opened, read_card};
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::lang::{said, text};
use crate::output::Program;

/// One encrypted, signed file from one party to another
#[derive(Subcommand)]
pub(crate) enum ParcelVerb {
    Show(ShowArgs),
    Open(OpenArgs),
    Make(MakeArgs),
}

impl ParcelVerb {
    pub(crate) fn run(self, program: &Program) -> Result<Value, Fault> {
        match self {
            Self::Show(verb) => verb.run(program),
            Self::Open(verb) => verb.run(program),
            Self::Make(verb) => verb.run(program),
        }
    }
}

/// The roles of a party, as people read them.
fn roles(state: &State, card: &Hex<32>) -> String {
    let party = state.parties().get(card);
    let roles = party.into_iter().flat_map(|party| &party.roles);
    let role = |(domain, known): (&Name, &Registration)| {
        let role = said(&known.role);
        text!("{role} in `{domain}`", "{role} dans `{domain}`")
    };
    roles.map(role).collect::<Vec<_>>().join(", ")
}

/// Show what a parcel is: without a key its length, with one what it claims to be
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns parcel show wages.csv.age
  cstatns parcel show wages.csv.age --as linking
With --as it shows the head as it is claimed: no signature is verified. `parcel open` verifies the whole.")]
pub(crate) struct ShowArgs {
    /// The parcel
    file: PathBuf,
    /// The folder of the party that it is for
    #[arg(long = "as", value_name = "DIR")]
    party: Option<PathBuf>,
    /// A file with the passphrase of its keys; else it is asked for
    #[arg(long, value_name = "F", requires = "party")]
    passphrase_file: Option<PathBuf>,
}

impl ShowArgs {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let shown = show(&self.file)?;
        let party = self.party.as_deref();
        let party = party.map(|party| opened(program, party, self.passphrase_file.as_deref()));
        let head = party.transpose()?.map(|party| show_to(&self.file, &party)).transpose()?;
        let kinds: Vec<String> = shown.recipients.iter().map(recipe).collect();
        program.tell(text!(
            "{:?}: {} bytes, encrypted to {}",
            "{:?} : {} octets, chiffré pour {}",
            self.file,
            shown.bytes,
            kinds.join(", ")
        ));
        let mut summary = json!({ "parcel": self.file, "bytes": shown.bytes, "recipients": kinds });
        if let Some(declared) = Declared::read(&self.file)? {
            let body = &declared.declaration.body;
            let input = declared.declaration.input();
            program.tell(text!(
                "it declares a request for `{}` of {}: {}; the sender's card has the words {}",
                "il déclare une demande pour `{}` de {} : {} ; la carte de l'expéditeur a les mots {}",
                body.domain,
                body.service,
                said(&input),
                spoken(&body.sender)
            ));
            program.tell(text!(
                "the service verifies it: `service code` or `renew`",
                "le service le vérifie : `service code` ou `renew`"
            ));
            summary["declared"] = json!(declared.declaration.body);
        }
        if let Some(head) = head {
            claims(&head).into_iter().for_each(|line| program.tell(line));
            program.tell(text!(
                "this is what it claims: `parcel open` verifies it",
                "c'est ce qu'il prétend : `parcel open` le vérifie"
            ));
            summary["claimed"] = json!(head);
        }
        Ok(summary)
    }
}

fn recipe(kind: &Recipe) -> String {
    match kind {
        Recipe::Hybrid => text!("an X-Wing key", "une clé X-Wing"),
        Recipe::X25519 => text!("an X25519 key", "une clé X25519"),
        Recipe::Passphrase => text!("a passphrase", "une phrase de passe"),
        _ => text!("a key of another kind", "une clé d'une autre sorte"),
    }
}

/// What a head says, line by line.
fn claims(head: &Head) -> Vec<String> {
    let kind = match head.kind {
        Kind::Request => text!("a request", "une demande"),
        Kind::Result => text!("a result", "un résultat"),
        Kind::Payload => text!("a payload, to be linked", "des données à apparier"),
        _ => text!("a file", "un fichier"),
    };
    let end = |end: &End| format!("`{}` ({})", end.name, end.words());
    let (sender, receiver) = (end(&head.sender), end(&head.receiver));
    let (made, expires) = (head.made, head.expires);
    let mut lines = vec![
        text!("  {kind} (.{})", "  {kind} (.{})", head.extension),
        text!("  from {sender}", "  de {sender}"),
        text!("  to {receiver}", "  à {receiver}"),
        text!(
            "  made at {made}, to be opened before {expires}",
            "  fait le {made}, à ouvrir avant le {expires}"
        ),
    ];
    if let (Some(service), Some(domain)) = (&head.service, &head.domain) {
        lines.push(text!(
            "  of the domain `{domain}` of {}",
            "  du domaine `{domain}` de {}",
            &**service
        ));
    }
    lines
}

/// Make a parcel of a file, to one party
#[derive(Args)]
#[command(after_help = "Example:
  cstatns parcel make wages.csv --to linking.card.json --as wages --out wages.csv.age
The report beside the file goes with it. Only the holder of the card's key can open it, with `cstatns parcel open` or with
age (1.3 or later) and tar; the length of the file can be seen by anyone. A request goes to the
service, not to a party. Compare the words of the card with the receiver before the first
parcel.")]
pub(crate) struct MakeArgs {
    /// The file
    file: PathBuf,
    /// The card of the party that it is for
    #[arg(long, value_name = "CARD")]
    to: PathBuf,
    #[command(flatten)]
    by: As,
    #[command(flatten)]
    known: Known,
    /// The parcel to write, such as wages.csv.age
    #[arg(long, value_name = "P")]
    out: PathBuf,
}

impl MakeArgs {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let to = read_card(&self.to)?;
        let state = self.known.read()?;
        if let Some(state) = &state {
            state.party(&to.fingerprint())?;
        }
        // Before a passphrase is typed.
        drop(files::open_to_read(&self.file)?);
        if files::taken(&self.out)? {
            return Err(files::FileError::Exists { path: self.out }.into());
        }
        let party = self.by.opened(program)?;
        let head = make(&self.file, &party, &to, &self.out, (program.clock)())?;
        program.say(text!(
            "{:?} is for `{}` ({}) alone, until {}",
            "{:?} est pour `{}` ({}) seul, jusqu'au {}",
            self.out,
            head.receiver.name,
            head.receiver.words(),
            head.expires
        ));
        match &state {
            Some(state) => {
                let (service, roles) = (state.service().id(), roles(state, &head.receiver.card));
                program.say(text!("registered with {service}: {roles}", "inscrit auprès de {service} : {roles}"));
            }
            None => program.say(text!(
                "no ledger says that it is a party: compare its words with the receiver, or give --ledger",
                "aucun registre ne dit que c'est un partenaire : comparez ses mots avec le destinataire, ou donnez --ledger"
            )),
        }
        program.say(text!(
            "{:?} still lies there in clear: destroy it when it is no longer needed",
            "{:?} est toujours là, en clair : détruisez-le quand il ne sert plus",
            self.file
        ));
        Ok(json!({
            "parcel": self.out,
            "id": head.parcel,
            "receiver": head.receiver,
            "expires": head.expires,
        }))
    }
}

/// Open a parcel: verify the whole of it, then write the file in it as DIR/NAME.TYPE, with its
/// report
#[derive(Args)]
#[command(after_help = "Example:
  cstatns parcel open wages.csv.age --as linking --out arrived \\
      --ledger ledger.jsonl --service card.json
The sender must be known: as a party with a role in the published ledger of the service, or by a card given with --from,
whose words you compared with them. Where neither is given, it shows the words of the sender's card and asks whether they
are right. A parcel opens once.")]
pub(crate) struct OpenArgs {
    /// The parcel
    file: PathBuf,
    #[command(flatten)]
    by: As,
    /// The folder to write to; it is made where it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The card of a party or service that may have sent it; once for each
    #[arg(long, value_name = "CARD")]
    from: Vec<PathBuf>,
    #[command(flatten)]
    known: Known,
}

impl OpenArgs {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let senders = self.from.iter().map(|path| card_of(path)).collect::<Result<Vec<_>, _>>()?;
        drop(files::open_to_read(&self.file)?);
        let party = self.by.opened(program)?;
        let state = self.known.read()?;
        let knows = |sender: &Sender| {
            let registered = state.as_ref().is_some_and(|state| is_registered(state, sender));
            let asks = senders.is_empty() && state.is_none();
            senders.contains(sender) || registered || (asks && is_known(program, sender))
        };
        let arrived = open_into(&self.file, &party, &self.out, (program.clock)(), &knows)?;
        let head = &arrived.opened.head;
        program.say(text!(
            "{:?} is from `{}` ({}), whole and unaltered",
            "{:?} est de `{}` ({}), entier et inaltéré",
            arrived.file,
            head.sender.name,
            head.sender.words()
        ));
        if let Some(state) = &state {
            let (service, roles) = (state.service().id(), roles(state, &head.sender.card));
            program.say(match roles.is_empty() {
                true => text!(
                    "it is the service {service} itself",
                    "c'est le service {service} lui-même"
                ),
                false => text!(
                    "registered with {service}: {roles}",
                    "inscrit auprès de {service} : {roles}"
                ),
            });
        }
        if let Some(about) = &arrived.about {
            program.say(match head.kind {
                Kind::Payload => text!(
                    "what it says of itself: {about:?}",
                    "ce qu'elles disent d'elles-mêmes : {about:?}"
                ),
                _ => text!("its report: {about:?}", "son rapport : {about:?}"),
            });
        }
        program.say(text!(
            "destroy {:?} when it is no longer needed",
            "détruisez {:?} quand il ne sert plus",
            self.file
        ));
        Ok(json!({
            "file": arrived.file,
            "about": arrived.about,
            "bytes": arrived.opened.bytes,
            "head": head,
        }))
    }
}

/// Whether a ledger says that somebody is a party with roles, or the service.
fn is_registered(state: &State, sender: &Sender) -> bool {
    match sender {
        Sender::Party(card) => state.party(&card.fingerprint()).is_ok(),
        Sender::Service(card) => {
            card.id() == state.service().id()
                && card.body.signing == *state.service_keys().present()
        }
        _ => false,
    }
}

/// The card of who may have sent a parcel.
fn card_of(path: &Path) -> Result<Sender, Fault> {
    match read_service_card(path) {
        Ok(card) => Ok(Sender::Service(card)),
        Err(_) => read_card(path).map(|card| Sender::Party(Box::new(card))),
    }
}

/// Shows who sent a parcel, and asks.
fn is_known(program: &Program, sender: &Sender) -> bool {
    let Some(end) = sender.end() else { return false };
    program.say(text!(
        "the sender calls itself `{}`, and its card has the words {}",
        "l'expéditeur se nomme `{}`, et sa carte a les mots {}",
        end.name,
        end.words()
    ));
    program.is_confirmed(&text!(
        "has this party read them to you, by telephone or in person? type yes:",
        "ce partenaire vous les a-t-il lus, au téléphone ou de vive voix ? tapez oui :"
    ))
}
