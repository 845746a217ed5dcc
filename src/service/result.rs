//! The file that a run writes its result to: nobody reads of it what was not verified (SPEC §13).

use std::io::{self, Write};
use std::path::Path;

use cstatns_base::coded::Coded;
use cstatns_base::files::{Access, Facts, FileError, Pending, Withheld};
use cstatns_record::proposal::{Action, Input, RunId};

use super::{Service, ServiceError};

/// What the work on the rows found; the run holds it against what was approved.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// The request as it was read: its commitment and its counts.
    pub input: Input,
    /// Of a look-up, how many distinct people were found and coded, counted at least up to the
    /// domain's minimum batch.
    pub people: Option<u64>,
}

/// Why the work on the rows failed: the error of the code that did the work, with its code, blame
/// and facts.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WorkError(Box<dyn Coded + Send + Sync>);

impl WorkError {
    /// Ends the run with `error`.
    pub fn new(error: impl Coded + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }
}

cstatns_base::coded!(WorkError {
    Self(error) => (error),
});

/// The result of a run, to be written. Where the file system has files without names it is one
/// until the run has verified the request. Elsewhere it is a temporary that others could read, and
/// takes nothing before [`ResultFile::admit`].
pub struct ResultFile {
    file: Kind,
    expected: Expected,
    admitted: bool,
}

enum Kind {
    Withheld(Withheld),
    Named(Pending),
}

/// What was approved of a request.
#[derive(Clone, Copy)]
pub(super) struct Expected {
    input: Input,
    /// The least number of people, where they are looked up. Of the others the approved input says
    /// enough.
    people: Option<u32>,
}

impl Expected {
    pub(super) fn of(service: &Service, action: &Action) -> Result<Self, ServiceError> {
        let (Some(input), Some(domain)) = (action.input(), action.domain()) else {
            return Err(ServiceError::RequestChanged);
        };
        let minimum = service.state.domain(domain)?.minimum_batch;
        let looks_up = matches!(action, Action::Code { look_up: Some(_), .. });
        Ok(Self { input: *input, people: looks_up.then_some(minimum) })
    }

    /// Refuses a request that is not the approved one, or of too few people.
    pub(super) fn check(&self, found: &Outcome) -> Result<u64, ServiceError> {
        if found.input != self.input {
            return Err(ServiceError::RequestChanged);
        }
        if let Some(minimum) = self.people
            && found.people.is_none_or(|people| people < minimum.into())
        {
            return Err(ServiceError::TooFewPeople { minimum });
        }
        Ok(self.input.rows)
    }
}

impl ResultFile {
    pub(super) fn create(
        target: &Path,
        run: &RunId,
        expected: Expected,
    ) -> Result<Self, ServiceError> {
        let file = match Withheld::create(target, Access::Private)? {
            Some(file) => Kind::Withheld(file),
            None => Kind::Named(Pending::create_marked(target, &run.0, Access::Private)?),
        };
        Ok(Self { file, expected, admitted: false })
    }

    /// Whether others can read what is written, before the run has verified it: then the request
    /// must be gone through first, and [`ResultFile::admit`] called.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        matches!(self.file, Kind::Named(_))
    }

    /// Where the result will lie.
    #[must_use]
    pub fn target(&self) -> &Path {
        match &self.file {
            Kind::Withheld(file) => file.target(),
            Kind::Named(file) => file.target(),
        }
    }

    /// Verifies what was found of the request before any row is written, as the run does again at
    /// its end.
    ///
    /// # Errors
    /// `request-changed`, `too-few-values`.
    pub fn admit(&mut self, found: &Outcome) -> Result<(), WorkError> {
        self.expected.check(found).map_err(WorkError::new)?;
        self.admitted = true;
        Ok(())
    }

    /// Makes it durable and gives it its name.
    pub(super) fn commit(&mut self) -> Result<(), FileError> {
        match &mut self.file {
            Kind::Withheld(file) => file.commit(),
            Kind::Named(file) => file.take_name(),
        }
    }

    /// Whether it has its name.
    pub(super) fn has_name(&self) -> bool {
        match &self.file {
            Kind::Withheld(file) => file.has_name(),
            Kind::Named(file) => file.has_name(),
        }
    }

    /// What distinguishes it from another file.
    pub(super) fn facts(&self) -> Result<Facts, FileError> {
        match &self.file {
            Kind::Withheld(file) => file.facts(),
            Kind::Named(file) => Facts::of_link(file.temporary()),
        }
    }
}

impl Write for ResultFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.file {
            Kind::Withheld(file) => file.write(bytes),
            Kind::Named(file) if self.admitted => file.write(bytes),
            Kind::Named(_) => Err(io::Error::other("nothing is verified yet")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
