//! The file that a run writes its result to: nobody reads of it what was not verified (SPEC §13).

use std::io::{self, Write};
use std::path::Path;

use cstatns_base::coded::Coded;
use cstatns_base::commitment::Commitment;
use cstatns_base::files::{Access, Facts, FileError, Pending, Withheld};
use cstatns_record::proposal::{Action, RunId};

use super::{Service, ServiceError};

/// What the work on the rows found; the run holds it against what was approved.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Rows worked on.
    pub rows: u64,
    /// The commitment of the request as it was read.
    pub commitment: Commitment,
    /// Distinct values that were coded, counted at least up to the domain's minimum batch.
    pub distinct: u64,
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

/// What was approved of a request, and the domain's minimum.
#[derive(Clone, Copy)]
pub(super) struct Expected {
    rows: u64,
    commitment: Commitment,
    minimum: u32,
    /// Whether the distinct values are people who were found.
    people: bool,
}

impl Expected {
    pub(super) fn of(service: &Service, action: &Action) -> Result<Self, ServiceError> {
        let (Some(input), Some(domain)) = (action.input(), action.domain()) else {
            return Err(ServiceError::RequestChanged);
        };
        Ok(Self {
            rows: input.rows,
            commitment: input.commitment,
            minimum: service.state.domain(domain)?.minimum_batch,
            people: matches!(action, Action::Code { look_up: Some(_), .. }),
        })
    }

    /// Refuses a request that is not the approved one, or that is too small.
    pub(super) fn check(&self, found: &Outcome) -> Result<(), ServiceError> {
        let minimum = self.minimum;
        if found.rows != self.rows || found.commitment != self.commitment {
            return Err(ServiceError::RequestChanged);
        }
        match found.distinct < minimum.into() {
            true if self.people => Err(ServiceError::TooFewPeople { minimum }),
            true => Err(ServiceError::TooFew { minimum }),
            false => Ok(()),
        }
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
