//! The file that a run writes its result to: nobody reads of it what was not verified (SPEC §13).

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cstatns_base::code::{Generation, Tag};
use cstatns_base::coded::Coded;
use cstatns_base::commitment::{Commitment, CommitmentKey, Context};
use cstatns_base::delivery::DeliveryId;
use cstatns_base::files::{Access, FileError, Pending, Withheld};
use cstatns_record::proposal::{Action, Input};

use super::journal::{Counts, Journal};
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

cstatns_base::french!(WorkError {
    Self(error) => (error),
});

/// What the work on the rows made of them.
#[derive(Clone, Debug)]
pub struct Written {
    /// The request, as it was read.
    pub found: Outcome,
    /// The commitment of the result: of its rows in their order, under [`ResultFile::seal`].
    pub result: Commitment,
    /// What the report says of the rows.
    pub counts: Counts,
}

/// Under what the commitment of a result is computed: 32 random bytes, which the report opens, and
/// what it is about.
pub struct Seal {
    pub(super) key: CommitmentKey,
    pub(super) context: Context,
}

impl Seal {
    /// The random bytes.
    pub fn key(&self) -> &CommitmentKey {
        &self.key
    }

    /// What the result is about.
    pub fn context(&self) -> &Context {
        &self.context
    }
}

/// A file that may be the result of a run which stopped before it was recorded.
#[non_exhaustive]
pub struct LeftResult {
    /// Where it lies.
    pub path: PathBuf,
    /// The tag of its codes.
    pub tag: Tag,
    /// The generation of its codes.
    pub generation: Generation,
    /// Under what its commitment is computed.
    pub seal: Seal,
}

/// Reads the rows of a file that may be a result, and computes their commitment; none where it is
/// not one. An error says that it cannot be read now.
pub type ReadResult<'a> = &'a dyn Fn(&LeftResult) -> Result<Option<Commitment>, WorkError>;

/// The result of a run, to be written. Where the file system has files without names it is one
/// until the run has verified the request. Elsewhere it is a temporary that others could read, and
/// takes nothing before [`ResultFile::admit`].
pub struct ResultFile {
    file: Kind,
    delivery: DeliveryId,
    expected: Expected,
    admitted: bool,
    seal: Arc<Seal>,
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
    pub(super) fn of(service: &Service, action: &Action, part: u32) -> Result<Self, ServiceError> {
        let (Some(input), Some(domain)) = (action.input(part), action.domain()) else {
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
        journal: &Journal,
        expected: Expected,
        seal: Seal,
    ) -> Result<Self, ServiceError> {
        let (target, delivery) = (&journal.result, journal.delivery);
        let file = match Withheld::create(target, Access::Private)? {
            Some(file) => Kind::Withheld(file),
            None => Kind::Named(Pending::create_marked(target, &delivery.run.0, Access::Private)?),
        };
        Ok(Self { file, delivery, expected, admitted: false, seal: Arc::new(seal) })
    }

    /// Which request of the run it is the result of, from 1.
    #[must_use]
    pub fn part(&self) -> u32 {
        self.delivery.part
    }

    /// Whether others can read what is written, before the run has verified it: then the request
    /// must be gone through first, and [`ResultFile::admit`] called.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        matches!(self.file, Kind::Named(_))
    }

    /// Under what the commitment of the result is computed.
    #[must_use]
    pub fn seal(&self) -> Arc<Seal> {
        self.seal.clone()
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

    /// Makes it durable under the name of its temporary, which follows from its run's number.
    pub(super) fn stand_by(self) -> Result<Pending, FileError> {
        match self.file {
            Kind::Withheld(file) => file.stand_by(&self.delivery.run.0),
            Kind::Named(mut file) => {
                file.stand_by()?;
                Ok(file)
            }
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
