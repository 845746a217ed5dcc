//! The verbs about parties: who may send and receive in which domain, and the one-time keys that
//! their requests are encrypted to.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use cstatns::card::spoken;
use cstatns::files::{Access, FileError, PendingDirectory, Together};
use cstatns::name::{Hex, Name, canonical_json};
use cstatns::party::{RequestKey, Role};
use cstatns::proposal::Action;
use cstatns::service::{PartyStatus, RequestKeyStatus, Service, Status};
use cstatns::state::State;
use cstatns::words;
use cstatns_terminal::party::read_card;
use serde_json::{Value, json};

use crate::custodian::{keep_on_paper, read_json};
use crate::fault::Fault;
use crate::lang::{said, text};
use crate::output::Program;
use crate::quorum::{KitArgs, gather, note};

use super::recorded;

/// What a party may do
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RoleArg {
    /// Sends requests and gets results
    Controller,
    /// Sends the requests of a controller, who gets the results
    Holder,
    /// Links coded files of a research project; it has no other role anywhere
    Linking,
    /// Gets what the linking body makes of a research project
    Researcher,
    /// Keeps a register in which people are looked up
    Register,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Controller => Self::Controller,
            RoleArg::Holder => Self::Holder,
            RoleArg::Linking => Self::Linking,
            RoleArg::Researcher => Self::Researcher,
            RoleArg::Register => Self::Register,
        }
    }
}

/// Register a party with a role in domains (quorum), or end its roles (one custodian)
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns service party home insee.card.json --role controller --domain population \\
      --kit /media/alice/kit --kit /media/bruno/kit --kit /media/chloe/kit
  cstatns service party home insee.card.json --end --kit /media/alice/kit
Compare the words of the card with the party before: the custodians see them, and who has the card's keys gets what is sent
to the party. A party has one role in a domain. --end ends all its roles at once, and its request keys; its card is not
registered again.")]
pub(crate) struct Party {
    /// The service's home
    home: PathBuf,
    /// The party's card
    card: PathBuf,
    /// What it may do
    #[arg(long, required_unless_present = "end", conflicts_with = "end")]
    role: Option<RoleArg>,
    /// The domains in which it may
    #[arg(
        long = "domain",
        value_name = "D",
        num_args = 1..,
        required_unless_present = "end",
        conflicts_with = "end"
    )]
    domains: Vec<Name>,
    /// End its roles, in every domain
    #[arg(long)]
    end: bool,
    #[command(flatten)]
    kits: KitArgs,
}

impl Party {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        match self.role {
            Some(role) if !self.end => self.register(program, role.into()),
            _ => self.end(program),
        }
    }

    fn register(self, program: &Program, role: Role) -> Result<Value, Fault> {
        let card = read_card(&self.card)?;
        let kits = self.kits.look()?;
        recorded(program, &self.home, "party", |service| {
            self.kits.check_clock(service)?;
            let mut domains = self.domains.clone();
            domains.sort();
            domains.dedup();
            let action = Action::Party { card: Box::new(card.clone()), role, domains };
            let quorum = gather(program, service, &kits, action)?;
            service.register(quorum)?;
            program.say(text!(
                "`{}` is registered as {}",
                "`{}` est inscrit comme {}",
                card.body.name,
                said(&role)
            ));
            Ok(party_summary(service.state(), &card.fingerprint()))
        })
    }

    fn end(self, program: &Program) -> Result<Value, Fault> {
        let party = read_card(&self.card)?;
        let mut closed = self.kits.closed()?;
        let (Some(closed), true) = (closed.pop(), closed.is_empty()) else {
            return Err(Fault::usage(text!(
                "one custodian ends the roles of a party: give one --kit",
                "un seul détenteur met fin aux rôles d'un partenaire : donnez un seul --kit"
            )));
        };
        recorded(program, &self.home, "party", |service| {
            self.kits.check_clock(service)?;
            let (name, fingerprint) = (&party.body.name, party.fingerprint());
            let words = spoken(&fingerprint);
            service.state().party(&fingerprint)?;
            program.say(text!(
                "asked: end every role of the party `{name}` (card {words})",
                "demandé : mettre fin à tous les rôles du partenaire `{name}` (carte {words})"
            ));
            // Nobody is waited for while the home is locked.
            let mut kit = service.unlocked(|| {
                closed.introduce(program)?;
                closed.open(program)
            })?;
            note(program, &kit, service.view())?;
            let receipt = kit.end_party(fingerprint, service.view(), service.now())?;
            service.receipt(receipt)?;
            program.say(text!(
                "`{}` has ended the roles of `{name}`: it sends and gets nothing more, and its request keys are ended",
                "`{}` a mis fin aux rôles de `{name}` : il n'envoie et ne reçoit plus rien, et ses clés de demande \
                    ont pris fin",
                kit.name()
            ));
            keep_on_paper(program, &kit);
            Ok(party_summary(service.state(), &fingerprint))
        })
    }
}

/// A party as the ledger has it.
fn party_summary(state: &State, card: &Hex<32>) -> Value {
    let Some(party) = state.parties().get(card) else { return Value::Null };
    let roles = party.roles.iter().map(
        |(domain, known)| json!({ "domain": domain, "role": known.role, "event": known.since }),
    );
    json!({
        "party": party.card.body.name,
        "card": card,
        "spoken": spoken(card),
        "protected": party.card.body.protected,
        "roles": roles.collect::<Vec<_>>(),
        "ended": party.until,
    })
}

/// The parties that have roles, and the request keys that serve.
pub(super) fn tell_parties(program: &Program, status: &Status) {
    program.tell(text!("parties:", "partenaires :"));
    for PartyStatus { domain, party, role, spoken, .. } in &status.parties {
        let role = said(role);
        program.tell(text!(
            "  {domain}  {party}, {role}: {spoken}",
            "  {domain}  {party}, {role} : {spoken}"
        ));
    }
    if status.parties.is_empty() {
        program.tell(text!("  none", "  aucun"));
    }
    for RequestKeyStatus { key, party, domain, expires, expired, .. } in &status.request_keys {
        let party = party.as_ref().map(Name::as_str).unwrap_or_default();
        program.tell(match expired {
            true => text!(
                "REQUEST KEY EXPIRED {key} of `{party}` in `{domain}`, on {expires}: `service expire` destroys it",
                "CLÉ DE DEMANDE EXPIRÉE {key} de `{party}` dans `{domain}`, le {expires} : `service expire` la détruit"
            ),
            false => text!(
                "request key {key} of `{party}` in `{domain}`, until {expires}",
                "clé de demande {key} de `{party}` dans `{domain}`, jusqu'au {expires}"
            ),
        });
    }
}

/// Issue a key that a party's requests are encrypted to, or withdraw one
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns service request-key home population --for insee --out insee.key.json
  cstatns service request-key home population --for insee --count 12 --days 20 --out keys-of-insee
  cstatns service request-key home population --withdraw insee.key.json
Each serves one proposal. Its private half lies beside the life secrets only, sealed so that a quorum opens it, and is
destroyed when the requests are coded, when it is withdrawn, at its end and at the project's. Who issues a key could have
kept its private half. With --count, KEY is a folder.")]
pub(crate) struct RequestKeyArgs {
    /// The service's home
    home: PathBuf,
    /// The domain of the requests
    domain: Name,
    /// The party that sends them
    #[arg(long = "for", value_name = "NAME", required_unless_present = "withdraw")]
    party: Option<Name>,
    /// The key to write
    #[arg(long, value_name = "KEY", required_unless_present = "withdraw")]
    out: Option<PathBuf>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    count: u32,
    /// For how many days
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=30))]
    days: u32,
    /// End this key, and destroy its private half: its file, or its number
    #[arg(long, value_name = "KEY", conflicts_with_all = ["party", "out", "count", "days"])]
    withdraw: Option<PathBuf>,
}

impl RequestKeyArgs {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        recorded(program, &self.home, "request-key", |service| {
            match (&self.withdraw, &self.party, &self.out) {
                (None, Some(party), Some(out)) => self.issue(program, service, party, out),
                (Some(key), ..) => self.withdraw(program, service, key),
                _ => unreachable!("the arguments need one another"),
            }
        })
    }

    fn issue(
        &self,
        program: &Program,
        service: &mut Service,
        party: &Name,
        out: &Path,
    ) -> Result<Value, Fault> {
        let paths: Vec<PathBuf> = match self.count {
            1 => vec![out.to_owned()],
            count => (1..=count).map(|number| out.join(format!("{number}.json"))).collect(),
        };
        let mut issued: Vec<RequestKey> = Vec::new();
        if let Err(fault) = self.write(service, party, out, &mut issued) {
            // Nobody has the files of them.
            for key in &issued {
                service.withdraw_request_key(&key.body.key)?;
            }
            return Err(fault);
        }
        let expires = issued.first().map(|key| key.body.expires);
        program.say(text!(
            "{out:?}: for requests of `{party}` in `{}`, until {}",
            "{out:?} : pour des demandes de `{party}` dans `{}`, jusqu'au {}",
            self.domain,
            expires.map(|expires| expires.to_string()).unwrap_or_default()
        ));
        program.say(text!(
            "give it to `{party}`; it holds nothing secret",
            "remettez-la à `{party}` ; elle ne contient rien de secret"
        ));
        let keys = issued.iter().zip(&paths).map(
            |(key, path)| json!({ "key": key.body.key, "file": path, "expires": key.body.expires }),
        );
        Ok(json!({
            "domain": self.domain,
            "party": party,
            "keys": keys.collect::<Vec<_>>(),
        }))
    }

    fn write(
        &self,
        service: &mut Service,
        party: &Name,
        out: &Path,
        issued: &mut Vec<RequestKey>,
    ) -> Result<(), Fault> {
        let mut issue = || {
            let key = service.issue_request_key(party, &self.domain, self.days)?;
            let mut bytes = canonical_json(&key);
            bytes.push(b'\n');
            issued.push(key);
            Ok::<_, Fault>(bytes)
        };
        if self.count == 1 {
            let mut file = Together::create([out], Access::Shared)?;
            let written = file.files[0].write_all(&issue()?);
            written.map_err(|error| FileError::from_io(out, &error))?;
            return Ok(file.commit()?);
        }
        let folder = PendingDirectory::create(out)?;
        for number in 1..=self.count {
            folder.write_new(&format!("{number}.json"), &issue()?, Access::Shared)?;
        }
        Ok(folder.commit()?)
    }

    fn withdraw(
        &self,
        program: &Program,
        service: &mut Service,
        key: &Path,
    ) -> Result<Value, Fault> {
        let number = match key.to_str().and_then(|text| Hex::<16>::parse(text.as_bytes())) {
            Some(number) => number,
            None => {
                read_json::<RequestKey>(key, words!("a request key", "une clé de demande"))?
                    .body
                    .key
            }
        };
        let issued = service.state().living_request_key(&number)?;
        if issued.domain != self.domain {
            return Err(Fault::usage(text!(
                "this request key is of the domain `{}`",
                "cette clé de demande est du domaine `{}`",
                issued.domain
            )));
        }
        service.withdraw_request_key(&number)?;
        program.say(text!(
            "the request key {number} is ended, and its private half destroyed",
            "la clé de demande {number} a pris fin, et sa moitié privée est détruite"
        ));
        Ok(json!({ "domain": self.domain, "withdrawn": number }))
    }
}
