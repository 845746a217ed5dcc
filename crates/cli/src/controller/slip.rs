//! The slip of a request: what its controller writes to the service, and says to the custodians.
//! Nothing on it is secret.

use std::path::Path;

use cstatns::card::spoken;
use cstatns::commitment::Use;
use cstatns::identifier::Scheme;
use cstatns::manifest::manifest_path;
use cstatns_controller::Prepared;

use crate::output::Program;

/// What the service is asked for, in words.
fn asked(prepared: &Prepared) -> String {
    let requested = &prepared.requested;
    match requested.r#use {
        Use::Renew => requested.generation.map_or_else(
            || "to renew codes".to_owned(),
            |generation| format!("to renew codes of generation {generation}"),
        ),
        Use::LookUp => "to look people up and code them".to_owned(),
        _ => {
            format!("to code identifiers ({})", requested.scheme.map_or("-", Scheme::name))
        }
    }
}

/// Shows the slip.
pub(super) fn tell(program: &Program, request: &Path, prepared: &Prepared) {
    // The demonstration says the same in its own words.
    if !program.is_alone() {
        return;
    }
    let (requested, input) = (&prepared.requested, &prepared.input);
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (file, manifest) = (name(request), name(&manifest_path(request)));
    let asked = asked(prepared);
    program.tell(format_args!(
        "\n\
        REQUEST\n\
        service   {}\n\
        domain    {}\n\
        asked     {asked}\n\
        files     {file}\n          {manifest}\n\
        holds     {input}\n\
        \n\
        For the mail to the service:\n\
        \x20 We ask the service {} {asked} in the domain {}. The request is {file} ({input}), with its\n\
        \x20 manifest {manifest} beside it. Please return the result with its report.\n\
        \n\
        For the custodians, by telephone and not by that mail:\n\
        \x20 {}\n\
        They approve the request only if they are shown these words.",
        requested.service,
        requested.domain,
        requested.service,
        requested.domain,
        spoken(&input.commitment)
    ));
}
