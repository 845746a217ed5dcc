//! `attach`: a payload, or what was kept of a renewal, and its codes become a coded file.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use cstatns_link::{Body, Receive, Rows, receive};
use cstatns_record::card::read_service_card;
use cstatns_record::received::received_path;
use cstatns_terminal::bulk::{Bulk, closing};
use cstatns_terminal::fault::Fault;
use cstatns_terminal::lang::text;
use cstatns_terminal::output::Program;
use cstatns_terminal::party::As;
use serde_json::{Value, json};

/// Put the codes of a result beside the columns of a payload or of a renewal, and destroy both
/// parcels
#[derive(Args)]
#[command(after_help = "Example:
  cstatns-link attach --as linking --service card.json --payload wages.csv.age \\
      --result wages-codes.csv.age --out wages.csv
The controller sends the payload, the service the result; both are parcels to this body. They belong together if the
result is of the request that the controller made with the payload, and their indexes are the same. Once the coded file is
there and recorded, both are destroyed: with them goes what ties a row to an identifier. Give wages.csv.receipt.json to
the service: `cstatns service delivered`.
Once codes were renewed, give --retained, what `prepare` kept, in place of --payload. The file with the former codes is
destroyed too.")]
#[command(group = ArgGroup::new("rows").required(true))]
pub(crate) struct AttachArgs {
    #[command(flatten)]
    by: As,
    /// The card of the service that made the result
    #[arg(long, value_name = "CARD")]
    service: PathBuf,
    /// The parcel with the payload, from the controller
    #[arg(long, value_name = "P", group = "rows")]
    payload: Option<PathBuf>,
    /// What `prepare` kept of a renewal
    #[arg(long, value_name = "T", group = "rows")]
    retained: Option<PathBuf>,
    /// The parcel with the result, from the service
    #[arg(long, value_name = "S")]
    result: PathBuf,
    /// The coded file to write, of the payload's type; <CODED>.receipt.json will lie beside it
    #[arg(long, value_name = "CODED")]
    out: PathBuf,
    #[command(flatten)]
    bulk: Bulk,
}

impl AttachArgs {
    pub(crate) fn run(self, program: &Program) -> Result<Value, Fault> {
        let service = read_service_card(&self.service)?;
        let party = self.by.opened(program)?;
        let mut body = Body::open(self.by.directory(), &party, (program.clock)())?;
        let rows = match (&self.payload, &self.retained) {
            (Some(payload), None) => Rows::Payload(payload),
            (None, Some(retained)) => Rows::Retained(retained),
            _ => unreachable!("one of the two is given"),
        };
        let what = Receive { service: &service, rows, result: &self.result, out: &self.out };
        let (coded, seconds) = self.bulk.work(program, |effort| receive(&mut body, &what, effort));
        let coded = coded?;
        let receipt = received_path(&self.out);
        let (out, domain, generation) = (&self.out, &coded.domain, coded.generation);
        program.say(match rows {
            Rows::Retained(_) => text!(
                "{out:?} is of `{domain}`, generation {generation}; what was kept of the renewal, the result and the file \
                with the former codes are destroyed",
                "{out:?} est de `{domain}`, génération {generation} ; ce qui a été gardé du renouvellement, le résultat et \
                    le fichier aux anciens codes sont détruits"
            ),
            _ => text!(
                "{out:?} is of `{domain}`, generation {generation}; the payload and the result are destroyed",
                "{out:?} est de `{domain}`, génération {generation} ; les données et le résultat sont détruits"
            ),
        });
        program.say(text!(
            "give {receipt:?} to the service; join {:?} with the other sources: `cstatns-link join`",
            "donnez {receipt:?} au service ; appariez {:?} avec les autres sources : `cstatns-link join`",
            self.out
        ));
        program.say(closing(coded.rows, seconds, &coded.quality));
        Ok(json!({
            "file": coded.file,
            "coded": self.out,
            "receipt": receipt,
            "service": *coded.service,
            "domain": coded.domain,
            "generation": coded.generation,
            "delivery": coded.delivery.to_string(),
            "rows": coded.rows,
            "quality": coded.quality,
            "seconds": seconds,
        }))
    }
}
