//! The controller's verbs: a request prepared, a result attached, files checked before they are
//! joined.

mod attach;
mod check;
mod chosen;
mod found;
mod given;
mod inspect;
mod manifest;
mod piped;
mod prepare;
mod setup;
mod slip;
mod try_out;

use std::path::Path;

use clap::Subcommand;
use cstatns::card::ServiceCard;
use cstatns::language::Words;
use cstatns::service::read_service_card;
use cstatns::words;
use serde_json::Value;

use crate::fault::Fault;
use crate::lang::text;
use crate::output::Program;

/// The controller of data: requests, results, joins
#[derive(Subcommand)]
pub(crate) enum Controller {
    Setup(setup::SetupArgs),
    Inspect(inspect::InspectArgs),
    Try(try_out::TryArgs),
    Prepare(Box<prepare::PrepareArgs>),
    Manifest(manifest::ManifestArgs),
    Attach(attach::AttachArgs),
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
const NUMBERS: &Words = words!(
    "note: a number cannot hold 2A or 2B: see that identifiers of Corsica were not made numbers at \
    the source (2A as 19, 2B as 18), for these are somebody else's",
    "note : un nombre ne peut contenir 2A ni 2B : voyez si des identifiants de Corse n'ont pas été remplacés par des \
        nombres à la source (2A par 19, 2B par 18), car ceux-ci sont ceux de quelqu'un d'autre"
);

/// Reads a service's card. One of a later key says by itself only whose it claims to be.
fn present_card(program: &Program, path: &Path) -> Result<ServiceCard, Fault> {
    let card = read_service_card(path)?;
    if !card.is_first() {
        program.say(text!(
            "note: {path:?} has a later signing key of {}: compare its words with the operator or the \
            auditor before you rely on it: {}",
                "note : {path:?} a une clé de signature plus récente de {} : comparez ses mots avec l'exploitant ou \
                    l'auditeur avant de vous y fier : {}",
            card.id(),
            card.words()
        ));
    }
    Ok(card)
}
