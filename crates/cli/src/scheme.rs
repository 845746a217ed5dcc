//! The schemes that this program takes: a closed list, of schemes whose whole way was tried by
//! people who know them.

use std::path::Path;

use cstatns::identifier::Scheme;

use crate::fault::Fault;
use crate::lang::text;

const KNOWN: [Scheme; 1] = [Scheme::FrNir];

/// The scheme of people whom the program invents.
pub(crate) const INVENTED: Scheme = Scheme::FrNir;

fn known() -> String {
    KNOWN.map(Scheme::name).join(", ")
}

/// What `--scheme` takes.
pub(crate) fn scheme(text: &str) -> Result<Scheme, String> {
    let found = KNOWN.into_iter().find(|scheme| scheme.name() == text);
    found.ok_or_else(|| text!("a scheme is {}", "un type d'identifiant est {}", known()))
}

/// Refuses a request of another scheme, before a custodian is asked.
pub(crate) fn check(request: &Path, scheme: Scheme) -> Result<(), Fault> {
    if KNOWN.contains(&scheme) {
        return Ok(());
    }
    let message = text!(
        "{request:?} holds identifiers of the scheme {scheme}, this program codes {}: check that \
        its manifest is its own, or \
         prepare the request again",
        "{request:?} contient des identifiants du type {scheme}, ce programme code {} : vérifiez que son manifeste est \
            bien le sien, ou préparez de nouveau la demande",
        known()
    );
    Err(Fault::new("request-scheme", message))
}
