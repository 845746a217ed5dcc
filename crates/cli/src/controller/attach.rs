//! `controller attach`: the codes come back to the data.

use std::path::{Path, PathBuf};

use clap::Args;
use cstatns::card::ServiceCard;
use cstatns::files::FileError;
use cstatns::received::received_path;
use cstatns::report::report_path;
use cstatns::requested::{Requested, RequestedError, requested_path};
use cstatns_controller::{Attach, attach, attach_and_destroy};
use cstatns_terminal::party::opened;
use serde_json::{Value, json};

use crate::bulk::{Bulk, closing, looked_up, tell_destroyed};
use crate::fault::Fault;
use crate::figures::per_second;
use crate::lang::text;
use crate::output::Program;

use super::given::Given;
use super::piped::{self, Out, is_pipe};
use super::present_card;

/// Put the codes of a result beside the columns of the data, in its own order
#[derive(Args)]
#[command(after_help = "Example:
  cstatns controller attach --retained retained.csv --result result.csv --out coded.csv \\
      --destroy-sources
  cstatns controller attach --retained retained.csv --result result.csv.age --as insee \\
      --out coded.csv
A result in a parcel is opened with the keys of the party that it went to (--as), and read without being written in clear;
the receipt is signed with them.
Once it has the codes, the controller destroys the identifiers and what says whose a code is. --destroy-sources destroys
the data, the request with its manifest, the result and the retained file with its .request.json; --destroy names files
by hand. Without, the last line names those that are still there. Give OUT.receipt.json to the service:
`service delivered`.")]
pub(crate) struct AttachArgs {
    /// The data that the request was made from, if it is no longer where it was: all of its files;
    /// or `-`, text from standard input
    data: Vec<PathBuf>,
    /// The type of what is piped in and out: csv, tsv or txt, perhaps with .gz or .zst behind it;
    /// out also parquet
    #[arg(long, value_name = "F", value_parser = piped::format)]
    format: Option<String>,
    /// The file that `prepare` kept, with its .request.json beside it
    #[arg(long, value_name = "T")]
    retained: PathBuf,
    /// The service's result: a parcel (.age), or in clear with its .report.json beside it, or a
    /// folder of its parts
    #[arg(long, value_name = "S")]
    result: PathBuf,
    /// The attached file to write, or of several files of data the folder; its .report.json and its
    /// .receipt.json lie beside it
    #[arg(long)]
    out: PathBuf,
    /// Put the rows into an order that is drawn at random; else they stand as in the data
    #[arg(long)]
    shuffle: bool,
    /// Codes of 32 bytes instead of text (Parquet only)
    #[arg(long)]
    binary_codes: bool,
    /// The folder of the party that the result went to: opens its parcel, and signs the receipt
    #[arg(long = "as", value_name = "DIR")]
    party: Option<PathBuf>,
    /// A file with the passphrase of its keys; else it is asked for
    #[arg(long, value_name = "F", requires = "party")]
    passphrase_file: Option<PathBuf>,
    /// The service's present card, where another key signs for it since the request was prepared
    #[arg(long, value_name = "CARD")]
    service: Option<PathBuf>,
    /// A file to destroy once the attached file is durable; with the retained file goes its
    /// .request.json
    #[arg(long, value_name = "FILE", num_args = 1..)]
    destroy: Vec<PathBuf>,
    /// Destroy all that holds identifiers or says whose a code is, once the attached file is
    /// durable: the data, the request and its manifest, the result, the retained file and its
    /// .request.json
    #[arg(long)]
    destroy_sources: bool,
    #[command(flatten)]
    bulk: Bulk,
}

/// What was kept of the request, with the key of the service's present card. None where it is not
/// there any more, as after a destruction that was stopped.
fn signed_since(retained: &Path, present: &ServiceCard) -> Result<Option<Requested>, Fault> {
    let mut requested = match Requested::read(&requested_path(retained)) {
        Err(RequestedError::File(FileError::Missing { .. })) => return Ok(None),
        read => read?,
    };
    if present.id() != &*requested.service {
        return Err(Fault::new(
            "service-other",
            text!(
                "the card is {}'s, and the request was prepared for {}: give the card that the service \
                of the request publishes",
                "la carte est celle de {}, et la demande a été préparée pour {} : donnez la carte que publie le service \
                    de la demande",
                present.id(),
                &*requested.service
            ),
        ));
    }
    requested.signing = present.body.signing;
    Ok(Some(requested))
}

impl AttachArgs {
    /// Where the file is made that is piped out.
    fn piped_out(&self, program: &Program) -> Result<Out, Fault> {
        if self.destroy_sources || !self.destroy.is_empty() {
            return Err(Fault::usage(text!(
                "what is piped out may be lost on its way: destroy nothing in the same command",
                "ce qui sort par un tube peut se perdre en chemin : ne détruisez rien dans la même commande"
            )));
        }
        if program.is_json() {
            return Err(Fault::usage(text!(
                "--json and `--out -` both need standard output",
                "--json et `--out -` demandent tous deux la sortie standard"
            )));
        }
        Out::new(&self.retained, self.format.as_ref())
    }

    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let card = self.service.as_deref().map(|card| present_card(program, card)).transpose()?;
        let requested = card.as_ref().map(|card| signed_since(&self.retained, card));
        let requested = requested.transpose()?.flatten();
        let party = self.party.as_deref();
        let party = party.map(|party| opened(program, party, self.passphrase_file.as_deref()));
        let party = party.transpose()?;
        let given = match &self.data[..] {
            [] => None,
            named => Some(Given::of(named, self.format.as_ref())?),
        };
        let piped = is_pipe(&self.out).then(|| self.piped_out(program)).transpose()?;
        let out = piped.as_ref().map_or(&*self.out, Out::file);
        let what = Attach {
            data: given.as_ref().map(Given::data).transpose()?,
            retained: (&self.retained).into(),
            requested: requested.as_ref(),
            result: &self.result,
            party: party.as_ref(),
            out: out.into(),
            shuffle: self.shuffle,
            binary_codes: self.binary_codes,
            destroy: &self.destroy,
        };
        let (attached, seconds) = self.bulk.work(program, |effort| match self.destroy_sources {
            true => attach_and_destroy(what, effort),
            false => attach(what, effort),
        });
        let attached = attached?;
        let (report_file, receipt) = match piped {
            Some(piped) => piped.finish()?,
            None => (report_path(&self.out), received_path(&self.out)),
        };
        let report = &attached.report;
        if attached.resumed {
            program.say(text!(
                "{:?} was already made by an interrupted run; the destruction is now finished",
                "{:?} avait déjà été fait par une commande interrompue ; la destruction est maintenant terminée",
                self.out
            ));
        }
        program.say(text!(
            "codes of `{}`, generation {}, in {:?}",
            "codes de `{}`, génération {}, dans {:?}",
            report.domain,
            report.generation,
            self.out
        ));
        for destroyed in &report.destroyed {
            tell_destroyed(program, destroyed);
        }
        looked_up(report.scores.as_ref(), report.coded, report.rows_out)
            .into_iter()
            .for_each(|line| program.say(line));
        program.say(text!(
            "give {receipt:?} to the service: `service delivered`",
            "remettez {receipt:?} au service : `service delivered`"
        ));
        if report.scheme.is_none() {
            program.say(text!(
                "`controller check` of the folder names the files that are still of a former generation",
                "`controller check` du dossier nomme les fichiers qui sont encore d'une génération antérieure"
            ));
        }
        program.say(closing(attached.rows, seconds, &report.quality));
        if !attached.holding.is_empty() {
            let holding: Vec<_> = attached.holding.iter().map(|path| format!("{path:?}")).collect();
            program.say(text!(
                "still there, with identifiers or former codes, or with what says whose a code is: {}; destroy them \
                once you do not need them (--destroy-sources does)",
                    "encore là, avec des identifiants ou d'anciens codes, ou avec ce qui dit de qui est un code : {} ; \
                        détruisez-les dès que vous n'en avez plus besoin (--destroy-sources le fait)",
                holding.join(", ")
            ));
        }
        Ok(json!({
            "rows": attached.rows,
            "seconds": seconds,
            "rows_per_second": per_second(attached.rows, seconds),
            "attached": self.out,
            "report": report_file,
            "receipt": receipt,
            "holding": attached.holding,
            "service": report.service,
            "domain": report.domain,
            "generation": report.generation,
            "coded": report.coded,
            "quality": report.quality,
            "scores": report.scores,
            "destroyed": report.destroyed,
        }))
    }
}
