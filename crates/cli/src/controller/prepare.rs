//! `controller prepare`: data becomes a request.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use cstatns::card::{PartyCard, ServiceCard, spoken};
use cstatns::manifest::manifest_path;
use cstatns::meta::ServiceId;
use cstatns::name::{Hex, Name};
use cstatns::party::Role;
use cstatns::requested::requested_path;
use cstatns::state::{Refusal, read_ledger};
use cstatns::words;
use cstatns_controller::{Beside, Prepare, prepare};
use cstatns_parcel::head::End;
use cstatns_parcel::sending::Sending;
use cstatns_terminal::party::{opened, read_card};
use serde_json::{Value, json};

use crate::bulk::{Bulk, closing};
use crate::fault::Fault;
use crate::figures::per_second;
use crate::lang::{said, text};
use crate::output::Program;

use super::chosen::Chosen;
use super::given::Given;
use super::{found, present_card, slip};

/// Make a request for the cryptographic service: identifiers to code, people to look up and code,
/// or codes to renew
#[derive(Args)]
#[command(group = ArgGroup::new("beside").args(["retained", "payload"]).required(true))]
#[command(after_help = "Examples:
  cstatns controller prepare courses.csv --identifier-column nir --as insee \\
      --request-key key.json --service card.json --domain population --request request.csv.age \\
      --retained retained.csv
  cstatns controller prepare visits.csv --civil-status --map nom=birth_name,date_naissance=born \\
      --service card.json --domain population --request request.csv --retained retained.csv
  cstatns controller prepare coded.csv --code-column code \\
      --service card.json --domain population --request renewal.csv --retained rest.csv
A request serves for one domain of one service: card.json is the card that the service published. `controller setup`
says both once for a folder of data.
A file as French spreadsheets write it needs --delimiter ';', and perhaps --encoding windows-1252:
  cstatns controller prepare export.csv.gz --identifier-column '#1' --delimiter ';' \\
      --encoding windows-1252 --service card.json --domain population --request request.csv.zst \\
      --retained retained.csv.gz
Text may be piped in, and then is piped in again for `attach`:
  cstatns controller prepare - --format csv --identifier-column nir < wages.csv \\
      --service card.json --domain population --request request.csv --retained retained.csv
A column is named by its name or by its number, '#1' the first. Several columns go in one request,
and the attached file begins with insured_code, insured_quality, payer_code, payer_quality:
  cstatns controller prepare care.parquet --identifier-column insured --identifier-column payer \\
      --service card.json --domain population --request request.csv --retained retained.parquet
For a renewal: --code-column insured_code --code-column payer_code, which keep their names.
Several files, or a folder of them as Spark writes it, make one request. Their codes come back in a folder, in files that
are called the same; the columns that are sent are called the same in all of them:
  cstatns controller prepare wages-01.csv wages-02.csv --identifier-column nir \\
      --service card.json --domain population --request request.csv --retained retained.csv
Identifiers that are numbers, and cells that say NA where there is no value:
  cstatns controller prepare wages.parquet --identifier-column nir --numbers --missing NA \\
      --service card.json --domain population --request request.csv --retained retained.parquet
A number cannot hold 2A or 2B: where they were replaced (2A by 19, 2B by 18) the number, its key too, is
that of somebody else. No digit is put before a number: no NIR begins with a zero that could be lost.
With --civil-status these fields are sent, which are the columns' names unless --map gives others:
prenoms, date_naissance and nom or nom_usage; where there are such columns sexe, code_lieu,
libelle_lieu, pays, and nir, an identifier that is checked against the rest. What cannot be read as
its field is not sent. In .parquet dates may be dates, sexe and code_lieu whole numbers, also as
doubles with nulls or NaN; the others are text.
What says who somebody is may not stay beside the codes: a column that is not sent is refused if its
name is that of an identifier, a family, usage or first name, or of a date of birth beside a place of
birth, or if its cells are identifiers. Where such a column must stay, --accept-risk gives the reason,
which the summary repeats:
  cstatns controller prepare courses.csv --identifier-column nir --accept-risk nom=employer-name \\
      --service card.json --domain population --request request.csv --retained retained.csv
With --as, as in the first example, the request is a parcel, encrypted to a request key that the service issued and signed
by the party, with its manifest in it; the service opens it under a quorum, once, and destroys the key.
A body that holds the data for a controller adds --for; the result goes to that controller:
  cstatns controller prepare courses.csv --identifier-column nir --as holder \\
      --request-key key.json --for insee --ledger ledger.jsonl \\
      --service card.json --domain population --request request.csv.age --retained retained.csv
In a research project the linking body joins the codes: --payload instead of --retained writes a second parcel, to it,
with the rows and their index but without what is sent to the service; nothing is kept:
  cstatns controller prepare courses.csv --identifier-column nir --as insee \\
      --request-key key.json --service card.json --domain project --request request.csv.age \\
      --payload courses.csv.age --payload-to linking.card.json --ledger ledger.jsonl
Without --as, give the request and its .manifest.json to the service, and the eight words of the request to the
custodians; the retained file and its .request.json never leave. The slip on standard output says it on one page, for the
mail to the service and for the telephone.")]
pub(crate) struct PrepareArgs {
    #[command(flatten)]
    chosen: Chosen,
    /// The card of the service that the request is for, as it published it [default: what
    /// cstatns.toml in the data's folder says]
    #[arg(long, value_name = "CARD")]
    service: Option<PathBuf>,
    /// The domain that the request is for [default: what cstatns.toml says]
    #[arg(long, value_name = "D")]
    domain: Option<Name>,
    /// The request to write: with --as a parcel, such as request.csv.age, else in clear with
    /// <R>.manifest.json beside it
    #[arg(long, value_name = "R")]
    request: PathBuf,
    /// The file to write that says for each index of the request the row of the data, to be kept;
    /// <T>.request.json lies beside it
    #[arg(long, value_name = "T")]
    retained: Option<PathBuf>,
    #[command(flatten)]
    payload: Payload,
    #[command(flatten)]
    sender: Sender,
    #[command(flatten)]
    bulk: Bulk,
}

/// Who sends the request as a parcel.
#[derive(Args)]
struct Sender {
    /// The folder of the party that sends the request as a parcel, with its manifest in it
    #[arg(long = "as", value_name = "DIR", requires = "request_key")]
    party: Option<PathBuf>,
    /// A file with the passphrase of its keys; else it is asked for
    #[arg(long, value_name = "F", requires = "party")]
    passphrase_file: Option<PathBuf>,
    /// The request key that the service issued to the party for this domain
    #[arg(long, value_name = "KEY", requires = "party")]
    request_key: Option<PathBuf>,
    /// The controller that a holder sends it for, whom the result goes to
    #[arg(long = "for", value_name = "NAME", requires = "party")]
    controller: Option<Name>,
    /// The service's published ledger, which says who that controller or the linking body is
    /// [default: ledger.jsonl beside the service's card]
    #[arg(long, value_name = "L", requires = "whom")]
    ledger: Option<PathBuf>,
}

/// Where the rows go that are not retained.
#[derive(Args)]
#[command(group = ArgGroup::new("whom").args(["controller", "payload_to"]).multiple(true))]
struct Payload {
    /// The parcel to write instead of a retained file, to the linking body of a research project:
    /// each row with its index and without what is sent to the service, such as courses.csv.age
    #[arg(long, value_name = "P", requires_all = ["payload_to", "party"],
        conflicts_with = "code_column")]
    payload: Option<PathBuf>,
    /// The card of the linking body that the payload is for
    #[arg(long, value_name = "CARD", requires = "payload", conflicts_with = "retained")]
    payload_to: Option<PathBuf>,
}

/// The linking body that a payload goes to.
struct Linking {
    card: PartyCard,
    /// Whether the ledger says that it is one.
    is_registered: bool,
}

impl Linking {
    /// What is said of it.
    fn tell(&self, program: &Program, domain: &Name) {
        let End { name, .. } = &End::of(&self.card);
        let words = End::of(&self.card).words();
        program.say(match self.is_registered {
            true => text!(
                "the ledger says that `{name}` is a linking body of `{domain}`; its card has the words {words}",
                "le registre dit que `{name}` est un organisme d'appariement de `{domain}` ; sa carte a les mots {words}"
            ),
            false => text!(
                "without a ledger nobody vouches for the card of `{name}`: compare its words with them, by telephone or \
                in person: {words}",
                "sans registre, personne ne garantit la carte de `{name}` : comparez ses mots avec lui, au téléphone ou \
                de vive voix : {words}"
            ),
        });
    }
}

impl Sender {
    /// The card of the controller that a holder sends for.
    fn controller(
        &self,
        (path, card): (&Path, &ServiceCard),
        domain: &Name,
    ) -> Result<Option<Hex<32>>, Fault> {
        let Some(name) = &self.controller else { return Ok(None) };
        let Some(ledger) = self.published(path) else {
            return Err(Fault::usage(text!(
                "give --ledger L, the ledger that the service publishes: it says who `{name}` is",
                "donnez --ledger L, le registre que publie le service : il dit qui est `{name}`"
            )));
        };
        let state = read_ledger(&ledger, card)?.state;
        let (controller, party) = state.party_named(name)?;
        match party.roles.get(domain).map(|known| known.role) {
            Some(Role::Controller) => Ok(Some(*controller)),
            _ => Err(Refusal::SentFor.into()),
        }
    }

    /// The linking body with the card in the file at `to`: the ledger, if there is one, must say
    /// that it is one in the domain.
    fn linking(
        &self,
        (path, card): (&Path, &ServiceCard),
        domain: &Name,
        to: &Path,
    ) -> Result<Linking, Fault> {
        let linking = read_card(to)?;
        let Some(ledger) = self.published(path) else {
            return Ok(Linking { card: linking, is_registered: false });
        };
        let state = read_ledger(&ledger, card)?.state;
        let known = state.party(&linking.fingerprint())?.roles.get(domain);
        match known.map(|known| known.role) {
            Some(Role::Linking) => Ok(Linking { card: linking, is_registered: true }),
            _ => Err(Fault::new(
                "payload-role",
                text!(
                    "the ledger does not say that `{}` is a linking body of `{domain}`: give --payload-to with the card of \
                    one that is registered there; `service party` registers it",
                    "le registre ne dit pas que `{}` est un organisme d'appariement de `{domain}` : donnez par --payload-to \
                        la carte d'un tel organisme qui y est inscrit ; `service party` l'inscrit",
                    linking.body.name
                ),
            )),
        }
    }

    /// The ledger that was given, else the one beside the service's card, if there is one.
    fn published(&self, card: &Path) -> Option<PathBuf> {
        let beside = card.with_file_name("ledger.jsonl");
        self.ledger.clone().or_else(|| beside.is_file().then_some(beside))
    }
}

impl PrepareArgs {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let named = self.chosen.named()?;
        let column = self.chosen.column(&named, program.years());
        let given = Given::of(&self.chosen.data, self.chosen.format.as_ref())?;
        let settings = given.settings()?;
        let (Some(card), Some(domain)) = (
            self.service.as_ref().or(settings.service.as_ref()),
            self.domain.as_ref().or(settings.domain.as_ref()),
        ) else {
            return Err(Fault::usage(text!(
                "give --service CARD and --domain D, or say them once for the folder of the data with \
                `controller setup`",
                "donnez --service CARD et --domain D, ou dites-les une fois pour le dossier des données par `controller \
                    setup`"
            )));
        };
        let path = card;
        let card = present_card(program, path)?;
        let service = ServiceId::of(card.id()).ok_or_else(|| {
            Fault::form(path, words!("the card of a service", "la carte d'un service"))
        })?;
        let party = self.sender.party.as_deref();
        let party = party
            .map(|party| opened(program, party, self.sender.passphrase_file.as_deref()))
            .transpose()?;
        let sending = match (&party, &self.sender.request_key) {
            (Some(party), Some(key)) => {
                let controller = self.sender.controller((path, &card), domain)?;
                Some(Sending::new(party, &card, key, controller, (program.clock)())?)
            }
            _ => None,
        };
        let to = self.payload.payload_to.as_ref();
        let linking = to.map(|to| self.sender.linking((path, &card), domain, to)).transpose()?;
        let beside = match (&self.retained, &self.payload.payload, &linking) {
            (None, Some(payload), Some(linking)) => Beside::Payload(payload, &linking.card),
            (Some(retained), ..) => retained.into(),
            _ => unreachable!("one of the two is given, and with a payload who it is for"),
        };
        let what = Prepare {
            sending: sending.as_ref(),
            data: given.data()?,
            column,
            service: &service,
            signing: &card.body.signing,
            domain,
            request: &self.request,
            beside,
            delimiter: self.chosen.delimiter(&settings, &given)?,
            reading: self.chosen.reading(&settings),
            accepted: &self.chosen.accept_risk,
        };
        let (prepared, seconds) = self.bulk.work(program, |effort| prepare(what, effort));
        let prepared = prepared?;
        let manifest = sending.is_none().then(|| manifest_path(&self.request));
        let requested = self.retained.as_deref().map(requested_path);
        self.tell_what_goes(program, &given.shown(), linking.as_ref());
        let (input, words) = (&prepared.input, spoken(&prepared.input.commitment));
        program.say(text!(
            "for `{domain}` of {service}: {}",
            "pour `{domain}` de {service} : {}",
            said(input)
        ));
        if let Some(party) = &party {
            program.say(text!(
                "custodians are shown that `{}` signed it; its words are {words}",
                "les détenteurs voient que `{}` l'a signée ; ses mots sont {words}",
                party.card().body.name
            ));
        }
        if party.is_none() {
            program.say(text!(
            "the words of this request: {words}: give them to the custodians yourself; they \
            approve the request only if the same words are shown to them",
                "les mots de cette demande : {words} : donnez-les vous-même aux détenteurs ; ils ne consentent à la \
                    demande que si les mêmes mots leur sont montrés"
        ));
        }
        if let Some(linking) = &linking {
            linking.tell(program, domain);
        }
        found::tell(program, &prepared.found, input.values, column, self.chosen.numbers);
        let payload = self.payload.payload.as_deref().zip(linking.as_ref());
        let sent = slip::Sent {
            request: &self.request,
            service: &service,
            domain,
            is_parcel: party.is_some(),
            controller: self.sender.controller.as_ref(),
            payload: payload.map(|(path, linking)| (path, &linking.card.body.name)),
        };
        slip::tell(program, &sent, &prepared);
        program.say(closing(prepared.rows, seconds, &prepared.found.counts));
        let mut summary = json!({
            "rows": prepared.rows,
            "files": prepared.files,
            "rows_of_request": input.rows,
            "values": input.values,
            "distinct": input.distinct,
            "service": *service,
            "domain": domain,
            "commitment": input.commitment,
            "words": words,
            "seconds": seconds,
            "rows_per_second": per_second(prepared.rows, seconds),
            "request": self.request,
            "manifest": manifest,
            "retained": self.retained,
            "requested": requested,
            "payload": self.payload.payload,
            "payload_to": linking.map(|linking| End::of(&linking.card)),
        });
        if let Some(summary) = summary.as_object_mut() {
            found::add_to(summary, &prepared.found);
        }
        Ok(summary)
    }

    /// Says what goes to whom, and what stays.
    fn tell_what_goes(&self, program: &Program, data: &str, linking: Option<&Linking>) {
        let request = &self.request;
        if let (Some(payload), Some(linking)) = (&self.payload.payload, linking) {
            return program.say(text!(
                "send {request:?} to the service, which alone can open it, under a quorum, and {payload:?} to `{}`; keep \
                only {data}, and destroy it when you no longer need it",
                "envoyez {request:?} au service, qui seul peut l'ouvrir, par un quorum, et {payload:?} à `{}` ; ne gardez \
                    que {data}, et détruisez-le quand il ne sert plus",
                linking.card.body.name
            ));
        }
        let Some(retained) = &self.retained else { return };
        let requested = requested_path(retained);
        match self.sender.party.is_some() {
            false => {
                let manifest = manifest_path(request);
                program.say(text!(
                    "give {request:?} and {manifest:?} to the service; keep {data}, {retained:?} and {requested:?}",
                    "donnez {request:?} et {manifest:?} au service ; gardez {data}, {retained:?} et {requested:?}"
                ));
            }
            true => program.say(text!(
                "send {request:?} to the service, which alone can open it, under a quorum; keep {data}, {retained:?} and \
                {requested:?}",
                "envoyez {request:?} au service, qui seul peut l'ouvrir, par un quorum ; gardez {data}, {retained:?} et \
                    {requested:?}"
            )),
        }
    }
}
