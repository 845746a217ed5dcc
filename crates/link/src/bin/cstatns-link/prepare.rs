//! `prepare`: the codes of a coded file are to be renewed.

use std::path::PathBuf;

use clap::Args;
use cstatns_base::name::Name;
use cstatns_link::{Body, Renewal, prepare_renewal};
use cstatns_record::card::{read_service_card, spoken};
use cstatns_terminal::bulk::Bulk;
use cstatns_terminal::fault::Fault;
use cstatns_terminal::figures::counted;
use cstatns_terminal::lang::text;
use cstatns_terminal::output::Program;
use cstatns_terminal::party::As;
use serde_json::{Value, json};

/// Ask the service for new codes of a coded file, when the project has got another key
#[derive(Args)]
#[command(after_help = "Example:
  cstatns-link prepare wages.csv --as linking --service card.json --domain study --request-key key.json \\
      --request wages-renewal.csv.age --retained wages-kept.csv.age
CODED is a file that `attach` wrote, or the copy that `release --keep-coded` keeps of one. The service issues the request
key to this body. The request holds the codes alone, under fresh indexes; what is kept holds the rest of the rows under
the same indexes, and only this body can open it, whatever it is called. The service renews the codes: `cstatns service
renew ... --to` this body. Then `cstatns-link attach --retained` puts the new codes to the rows, and destroys the file
with the former ones, which stays until then. Do so with every coded file of the project: codes of different generations
are not joined.")]
pub(crate) struct PrepareArgs {
    /// The coded file, in clear or as the copy that is kept
    #[arg(value_name = "CODED")]
    coded: PathBuf,
    #[command(flatten)]
    by: As,
    /// The card of the service
    #[arg(long, value_name = "CARD")]
    service: PathBuf,
    /// The domain of the project
    #[arg(long, value_name = "D")]
    domain: Name,
    /// The request key that the service issued to this body, for one request
    #[arg(long, value_name = "KEY")]
    request_key: PathBuf,
    /// The request to write, a parcel: its name ends with .csv.age or .parquet.age
    #[arg(long, value_name = "R")]
    request: PathBuf,
    /// What is kept until the new codes are there, a parcel to this body itself
    #[arg(long, value_name = "T")]
    retained: PathBuf,
    #[command(flatten)]
    bulk: Bulk,
}

impl PrepareArgs {
    pub(crate) fn run(self, program: &Program) -> Result<Value, Fault> {
        let service = read_service_card(&self.service)?;
        let party = self.by.opened(program)?;
        let mut body = Body::open(self.by.directory(), &party, (program.clock)())?;
        let what = Renewal {
            service: &service,
            domain: &self.domain,
            coded: &self.coded,
            key: &self.request_key,
            request: &self.request,
            retained: &self.retained,
        };
        let work = |effort: &_| prepare_renewal(&mut body, &what, effort);
        let (renewing, seconds) = self.bulk.work(program, work);
        let renewing = renewing?;
        let Self { request, retained, domain, .. } = &self;
        match renewing.input {
            Some(_) => program.say(text!(
                "send {request:?} to the service, which alone can open it, under a quorum; keep {retained:?} and {:?}",
                "envoyez {request:?} au service, qui seul peut l'ouvrir, par un quorum ; gardez {retained:?} et {:?}",
                self.coded
            )),
            None => program.say(text!(
                "{request:?} and {retained:?} were made before: nothing to do",
                "{request:?} et {retained:?} ont été faits auparavant : rien à faire"
            )),
        }
        let words = renewing.input.map(|input| spoken(&input.commitment));
        if let Some(words) = &words {
            program.say(text!(
                "{} of `{domain}`, generation {}; custodians are shown that `{}` signed it; its words are {words}",
                "{} de `{domain}`, génération {} ; les détenteurs voient que `{}` l'a signée ; ses mots sont {words}",
                counted(renewing.rows, "row", "ligne"),
                renewing.generation,
                party.card().body.name
            ));
        }
        program.say(text!(
            "once the service has renewed the codes: `cstatns-link attach --retained {}`",
            "une fois les codes renouvelés par le service : `cstatns-link attach --retained {}`",
            retained.display()
        ));
        Ok(json!({
            "file": renewing.file,
            "coded": self.coded,
            "request": request,
            "retained": retained,
            "service": service.id(),
            "domain": domain,
            "generation": renewing.generation,
            "rows": renewing.rows,
            "values": renewing.input.map(|input| input.values),
            "distinct": renewing.input.map(|input| input.distinct),
            "commitment": renewing.input.map(|input| input.commitment),
            "words": words,
            "seconds": seconds,
        }))
    }
}
