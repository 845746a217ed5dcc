//! What ends a command: what the crate for that has, and the one error that this program makes
//! itself.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

pub(crate) use cstatns_terminal::fault::Fault;

/// The register is not the one that the custodians approved, or was written to meanwhile.
#[derive(Debug)]
pub(crate) struct RegisterChanged {
    pub(crate) path: PathBuf,
}

impl fmt::Display for RegisterChanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the register {:?} was written to or replaced after it was opened for this run",
            self.path
        )
    }
}

impl Error for RegisterChanged {}

cstatns::french!(RegisterChanged {
    Self { path } => "le répertoire {path:?} a été modifié ou remplacé après avoir été ouvert pour cette opération",
});

cstatns::coded!(RegisterChanged {
    Self { path } => ("register-changed", Input, [path]),
});

#[cfg(test)]
mod tests;
