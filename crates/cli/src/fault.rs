//! What ends a command: one line on standard error, with a stable code, what is wrong and what to do.

use std::panic::PanicHookInfo;
use std::path::Path;

use cstatns::audit::AuditError;
use cstatns::custody::SharingError;
use cstatns::custody::custodian::KitError;
use cstatns::dealing::RosterError;
use cstatns::files::FileError;
use cstatns::ledger::LedgerError;
use cstatns::manifest::ManifestError;
use cstatns::report::ReportError;
use cstatns::service::{ServiceError, WorkError};
use cstatns::state::Refusal;
use cstatns_bulk::CodeFileError;
use cstatns_controller::{AttachError, CheckError, PrepareError};
use cstatns_register::{BuildError, IndexError};
use cstatns_rows::error::TableError;
use serde_json::Value;

/// Why a command ends without having done what it was asked.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The stable short code.
    pub(crate) code: String,
    message: String,
    /// 1, or 2 for wrong usage.
    pub(crate) exit: u8,
    /// What a command found that ends badly because of what it found.
    pub(crate) summary: Option<Value>,
}

impl Fault {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), exit: 1, summary: None }
    }

    /// Arguments that do not go together.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: 2, ..Self::new("usage", message) }
    }

    /// A file that is not what it should be.
    pub(crate) fn form(path: &Path, expected: &str) -> Self {
        Self::new(
            "file-form",
            format!("{path:?} is not {expected}, or was damaged: check the path, or ask for the file again"),
        )
    }

    /// An error that has been told already.
    pub(crate) fn told() -> Self {
        Self::new("", "")
    }

    /// The same with the summary of what was found.
    pub(crate) fn with(self, summary: Value) -> Self {
        Self { summary: Some(summary), ..self }
    }

    /// The line on standard error.
    pub(crate) fn line(&self) -> Option<String> {
        let one_line = self.message.replace(['\n', '\r'], " ");
        (!self.code.is_empty()).then(|| format!("error[{}]: {one_line}", self.code))
    }
}

macro_rules! faults {
    ($($error:ty),*) => {$(
        impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self::new(error.code(), error.to_string())
            }
        }
    )*};
}

faults!(
    AttachError,
    AuditError,
    BuildError,
    CheckError,
    CodeFileError,
    FileError,
    IndexError,
    KitError,
    LedgerError,
    PrepareError,
    Refusal,
    ReportError,
    RosterError,
    ManifestError,
    ServiceError,
    SharingError,
    TableError
);

impl From<WorkError> for Fault {
    fn from(error: WorkError) -> Self {
        Self::new(error.code, error.message)
    }
}

/// What is said of a panic: where it was, never what it says, which could hold data.
pub(crate) fn panic_line(info: &PanicHookInfo<'_>) -> String {
    let place = info.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
    format!("error[internal]: a mistake of this program{place}: report it with this line; repeat the command")
}

#[cfg(test)]
mod tests;
