//! The end: copies past theirs, and all that is coded of a project that is over.

use cstatns_base::meta::ServiceId;
use cstatns_base::name::{Hex, Name};
use cstatns_record::checkpoint::Head;
use cstatns_record::linking::{LinkingEvent, Standing};

use crate::body::Body;
use crate::error::LinkError;

/// A project that is over, as its service says.
pub struct Over {
    /// The service.
    pub service: ServiceId,
    /// The project.
    pub domain: Name,
    /// The service's ledger that says so.
    pub head: Head,
}

/// Destroys the copies that are past their end, and what is left of projects that are over. Gives
/// the numbers of the files.
///
/// # Errors
/// [`LinkError`]: what was destroyed is recorded, and the same may be done again.
pub fn expire(body: &mut Body<'_>) -> Result<Vec<Hex<16>>, LinkError> {
    let owed: Vec<_> = body.state().owed(body.now()).map(|(number, _)| *number).collect();
    for number in &owed {
        body.destroy_all(number)?;
    }
    Ok(owed)
}

/// Records that a project is over, and destroys its coded files and what lies in clear of it. What
/// is kept of its joined files stays until its own end.
///
/// # Errors
/// As [`expire`].
pub fn end(body: &mut Body<'_>, over: Over) -> Result<Vec<Hex<16>>, LinkError> {
    let Over { service, domain, head } = over;
    if body.state().ended(&service, &domain).is_none() {
        body.record(LinkingEvent::Notice { service, domain, head })?;
    }
    expire(body)
}

/// A file that a linking body has, for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Present {
    /// Its number.
    pub file: Hex<16>,
    /// Where it lies in clear, or its encrypted copy.
    pub path: std::path::PathBuf,
    /// Whether it lies in clear; else it is a copy.
    pub is_clear: bool,
    /// Whether something lies there.
    pub is_there: bool,
}

/// The files that a body has, from its ledger and its catalogue; no key is needed.
///
/// # Errors
/// [`LinkError`].
pub fn present(
    directory: &std::path::Path,
    state: &cstatns_record::linking::LinkingState,
) -> Result<Vec<Present>, LinkError> {
    let catalogue = crate::catalogue::Catalogue::of(directory);
    let mut found = Vec::new();
    for entry in catalogue.entries()? {
        let Some(file) = state.files().get(&entry.file) else { continue };
        let is_clear = file.standing == Standing::Clear;
        let path = match (&entry.copy, is_clear) {
            (_, true) => entry.path.clone(),
            (Some(copy), false) => catalogue.path(copy),
            (None, false) => continue,
        };
        let is_there = path.exists();
        found.push(Present { file: entry.file, path, is_clear, is_there });
    }
    Ok(found)
}
