//! The controller's verbs: a request prepared, a result attached, files checked before they are
//! joined.

mod check;
mod chosen;
mod found;
mod given;
mod inspect;
mod manifest;
mod prepare;
mod setup;
mod slip;
mod try_out;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use cstatns::card::ServiceCard;
use cstatns::files::FileError;
use cstatns::received::received_path;
use cstatns::report::report_path;
use cstatns::requested::{Requested, RequestedError, requested_path};
use cstatns::service::read_service_card;
use cstatns_controller::{Attach, attach, attach_and_destroy};
use serde_json::{Value, json};

use crate::bulk::{Bulk, closing, looked_up};
use crate::fault::Fault;
use crate::figures::per_second;
use crate::output::Program;

use given::Given;

/// The controller of data: requests, results, joins
#[derive(Subcommand)]
pub(crate) enum Controller {
    Setup(setup::SetupArgs),
    Inspect(inspect::InspectArgs),
    Try(try_out::TryArgs),
    Prepare(prepare::PrepareArgs),
    Manifest(manifest::ManifestArgs),
    Attach(AttachArgs),
    Check(check::CheckArgs),
}

impl Controller {
    pub(crate) fn run(self, program: &Program) -> Result<Value, Fault> {
        match self {
            Self::Setup(verb) => verb.run(program),
            Self::Inspect(verb) => verb.run(program),
            Self::Try(verb) => verb.run(program),
            Self::Prepare(verb) => verb.run(program),
            Self::Manifest(verb) => verb.run(program),
            Self::Attach(verb) => verb.run(program),
            Self::Check(verb) => verb.run(program),
        }
    }
}

/// What is said where identifiers may be numbers.
const NUMBERS: &str = "note: a number cannot hold 2A or 2B: see that identifiers of Corsica were not made numbers at \
    the source (2A as 19, 2B as 18), for these are somebody else's";

/// Put the codes of a result beside the columns of the data, in its own order
#[derive(Args)]
#[command(after_help = "Example:
  cstatns controller attach --retained retained.csv --result result.csv --out coded.csv \\
      --destroy-sources
Once it has the codes, the controller destroys the identifiers and what says whose a code is. --destroy-sources destroys
the data, the request with its manifest, the result and the retained file with its .request.json; --destroy names files
by hand. Without, the last line names those that are still there. Give OUT.receipt.json to the service:
`service delivered`.")]
pub(crate) struct AttachArgs {
    /// The data that the request was made from, if it is no longer where it was: all of its files
    data: Vec<PathBuf>,
    /// The file that `prepare` kept, with its .request.json beside it
    #[arg(long, value_name = "T")]
    retained: PathBuf,
    /// The service's result, with its .report.json beside it; or a folder of its parts
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

/// Reads a service's card. One of a later key says by itself only whose it claims to be.
fn present_card(program: &Program, path: &Path) -> Result<ServiceCard, Fault> {
    let card = read_service_card(path)?;
    if !card.is_first() {
        program.say(format_args!(
            "note: {path:?} has a later signing key of {}: compare its words with the operator or the \
            auditor before you rely on it: {}",
            card.id(),
            card.words()
        ));
    }
    Ok(card)
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
            format!(
                "the card is {}'s, and the request was prepared for {}: give the card that the service \
                of the request publishes",
                present.id(),
                &*requested.service
            ),
        ));
    }
    requested.signing = present.body.signing;
    Ok(Some(requested))
}

impl AttachArgs {
    fn run(self, program: &Program) -> Result<Value, Fault> {
        let card = self.service.as_deref().map(|card| present_card(program, card)).transpose()?;
        let requested = card.as_ref().map(|card| signed_since(&self.retained, card));
        let requested = requested.transpose()?.flatten();
        let given = match &self.data[..] {
            [] => None,
            named => Some(Given::of(named)?),
        };
        let what = Attach {
            data: given.as_ref().map(Given::data),
            retained: (&self.retained).into(),
            requested: requested.as_ref(),
            result: &self.result,
            out: (&self.out).into(),
            shuffle: self.shuffle,
            binary_codes: self.binary_codes,
            destroy: &self.destroy,
        };
        let (attached, seconds) = self.bulk.work(program, |effort| match self.destroy_sources {
            true => attach_and_destroy(what, effort),
            false => attach(what, effort),
        });
        let attached = attached?;
        let report = &attached.report;
        if attached.resumed {
            program.say(format_args!(
                "{:?} was already made by an interrupted run; the destruction is now finished",
                self.out
            ));
        }
        program.say(format_args!(
            "codes of `{}`, generation {}, in {:?}",
            report.domain, report.generation, self.out
        ));
        for destroyed in &report.destroyed {
            program.say(format_args!("destroyed {}: {}", destroyed.file, destroyed.how));
        }
        looked_up(report.scores.as_ref(), report.coded, report.rows_out)
            .into_iter()
            .for_each(|line| program.say(line));
        let receipt = received_path(&self.out);
        program.say(format_args!("give {receipt:?} to the service: `service delivered`"));
        program.say(closing(attached.rows, seconds, &report.quality));
        if !attached.holding.is_empty() {
            let holding: Vec<_> = attached.holding.iter().map(|path| format!("{path:?}")).collect();
            program.say(format_args!(
                "still there, with identifiers or former codes, or with what says whose a code is: {}; destroy them \
                once you do not need them (--destroy-sources does)",
                holding.join(", ")
            ));
        }
        Ok(json!({
            "rows": attached.rows,
            "seconds": seconds,
            "rows_per_second": per_second(attached.rows, seconds),
            "attached": self.out,
            "report": report_path(&self.out),
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
