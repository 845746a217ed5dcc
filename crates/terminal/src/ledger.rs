//! A service's published ledger, as somebody reads it who has no home of that service.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;
use cstatns_base::words;
use cstatns_record::card::{ServiceCard, read_service_card};
use cstatns_record::ledger::Lines;
use cstatns_record::ledger::event::{Event, Line};
use cstatns_record::state::{ReadLedger, State, read_ledger};

use crate::fault::Fault;
use crate::lang::text;

/// Who is registered with a service: its published ledger.
#[derive(Args)]
pub struct Known {
    /// The service's published ledger, with its checkpoint beside it: says who is a party
    #[arg(long, value_name = "L")]
    ledger: Option<PathBuf>,
    /// The card of the service that the ledger must be of; without it, compare the id that is shown
    #[arg(long, value_name = "CARD", requires = "ledger")]
    service: Option<PathBuf>,
}

impl Known {
    /// What the ledger says, if one is given.
    pub fn read(&self) -> Result<Option<State>, Fault> {
        let Some(ledger) = &self.ledger else { return Ok(None) };
        let read = match &self.service {
            Some(service) => read_ledger(ledger, &read_service_card(service)?)?,
            None => read_published(ledger)?,
        };
        Ok(Some(read.state))
    }
}

/// Reads a ledger and verifies it by the service card in its first event. Who that is, a kit
/// knows once it has accepted a share; before, the spoken words do.
pub fn read_published(path: &Path) -> Result<ReadLedger, Fault> {
    let card = card_of(path)?;
    let checkpoint = path.with_file_name("checkpoint");
    if checkpoint.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Err(Fault::new(
            "file-missing",
            text!(
                "{checkpoint:?} does not exist: the service's checkpoint must lie beside its \
                ledger, copy both from its home",
                "{checkpoint:?} n'existe pas : le point de contrôle du service doit être à côté de son registre, copiez \
                    les deux de son répertoire"
            ),
        ));
    }
    Ok(read_ledger(path, &card)?)
}

fn card_of(path: &Path) -> Result<ServiceCard, Fault> {
    let mut lines = Lines::open(path)?;
    let first = lines.next_line()?.and_then(|line| serde_json::from_slice::<Line>(line).ok());
    match first.map(|line| line.event) {
        Some(Event::Dealt { dealing, .. }) if dealing.service.is_first() => Ok(dealing.service),
        _ => Err(Fault::form(path, words!("the ledger of a service", "le registre d'un service"))),
    }
}
