//! `controller manifest`: the manifest of a request that another program wrote.

use std::path::PathBuf;

use clap::Args;
use cstatns::card::spoken;
use cstatns::identifier::Scheme;
use cstatns::manifest::manifest_path;
use cstatns::meta::ServiceId;
use cstatns::name::Name;
use cstatns::words;
use cstatns_controller::{Describe, PrepareError, describe};
use cstatns_rows::error::TableError;
use serde_json::{Value, json};

use crate::bulk::{Bulk, closing};
use crate::fault::Fault;
use crate::lang::{said, text};
use crate::output::Program;
use crate::scheme::scheme;

use super::present_card;

/// Write the manifest of a request that another program wrote
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns controller manifest request.parquet --service card.json --domain population
  cstatns controller manifest spark-request --service card.json --domain population
A request has the columns `index` and `identifier`, `index` and `code` for a renewal, or `index` and the fields of
civil status; each row has a random index of 128 bits of its own, and the rows ascend by it. A folder is one request
in parts, which are read in the order of their first indexes. The program that wrote it keeps which row each index is
of, and joins the result by it. Custodians are shown that another program wrote the request: what that program leaves
of the identifiers, and how it draws the indexes, cstatns does not see.")]
pub(crate) struct ManifestArgs {
    /// The request, a file or a folder of parts; or several, each with a manifest of its own
    #[arg(required = true, value_name = "REQUEST")]
    requests: Vec<PathBuf>,
    /// The card of the service that it is for, as it published it
    #[arg(long, value_name = "CARD")]
    service: PathBuf,
    /// The domain that it is for
    #[arg(long, value_name = "D")]
    domain: Name,
    /// The scheme of its identifiers
    #[arg(long, value_name = "SCHEME", default_value = "fr-nir", value_parser = scheme)]
    scheme: Scheme,
    #[command(flatten)]
    bulk: Bulk,
}

/// What is wrong with a row is for the program that wrote it to correct: `prepare` did not.
fn advised(error: PrepareError) -> Fault {
    let is_of_row = matches!(error, PrepareError::Table(TableError::Row { .. }));
    let fault = Fault::from(error);
    match is_of_row {
        true => fault.advising(text!(
            "have the program that wrote the request write it anew: indexes of its own, drawn at random, rows \
            ascending by them, and cells in their compact form (`controller manifest --help`)",
            "faites réécrire la demande par le programme qui l'a écrite\u{a0}: des index à elle, tirés au hasard, des \
            lignes croissantes par index, et des cellules sous leur forme compacte (`controller manifest --help`)"
        )),
        false => fault,
    }
}

impl ManifestArgs {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let card = present_card(program, &self.service)?;
        let service = ServiceId::of(card.id()).ok_or_else(|| {
            Fault::form(&self.service, words!("the card of a service", "la carte d'un service"))
        })?;
        let mut all = Vec::new();
        for request in &self.requests {
            let what = Describe {
                request,
                service: &service,
                domain: &self.domain,
                scheme: self.scheme,
                years: program.years(),
            };
            let (described, seconds) = self.bulk.work(program, |effort| describe(&what, effort));
            let (input, content) = described.map_err(advised)?;
            let manifest = manifest_path(request);
            program.say(text!(
                "give {request:?} and {manifest:?} to the service",
                "donnez {request:?} et {manifest:?} au service"
            ));
            program.say(text!(
                "for `{}` of {service}: {}",
                "pour `{}` de {service} : {}",
                self.domain,
                said(&input)
            ));
            program.say(text!(
                "the words of this request: {}: give them to the custodians yourself; they approve the \
                request only if the same words are shown to them",
                    "les mots de cette demande : {} : donnez-les vous-même aux détenteurs ; ils ne consentent à la \
                        demande que si les mêmes mots leur sont montrés",
                spoken(&input.commitment)
            ));
            program.say(closing::<&str>(input.rows, seconds, &Default::default()));
            all.push(json!({
                "request": request,
                "manifest": manifest,
                "use": content.r#use(),
                "generation": content.generation(),
                "rows": input.rows,
                "values": input.values,
                "distinct": input.distinct,
                "commitment": input.commitment,
                "words": spoken(&input.commitment),
                "seconds": seconds,
            }));
        }
        Ok(json!({ "service": *service, "domain": self.domain, "requests": all }))
    }
}
