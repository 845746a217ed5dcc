//! `service publish`: the ledger for everybody to read.

use std::path::PathBuf;

use clap::Args;
use cstatns::service::Reader;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::lang::text;
use crate::output::Program;

/// Publish the ledger, its checkpoint, the card, and who waits for what, readable by everybody
#[derive(Args)]
#[command(after_help = "Example:
  cstatns service publish home /srv/www/cstatns
  cstatns auditor verify /srv/www/cstatns/ledger.jsonl --service card.json
DIR then holds ledger.jsonl, checkpoint, card.json and requests.json: links to the present version, which changes in one
step. It changes nothing in the home and waits for nobody; repeat it as often as you like, for example after each run. A
published ledger that is not the beginning of the home's is never replaced.")]
pub(crate) struct Publish {
    /// The service's home
    home: PathBuf,
    /// The directory to publish in; made if there is none
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Publish {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        let clock = program.clock.clone();
        let published = Reader::open(&self.home, move || clock())?.publish(&self.directory)?;
        program.say(match published.added {
            0 => text!(
                "all {} events are published already",
                "les {} événements sont déjà publiés",
                published.events
            ),
            added => text!(
                "published {added} more events, {} in all",
                "{added} événements de plus publiés, {} en tout",
                published.events
            ),
        });
        Ok(json!({ "events": published.events, "added": published.added }))
    }
}
