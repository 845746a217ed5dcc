//! The file that a run writes its result to: nobody reads of it what was not verified (SPEC §13).

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cstatns_base::code::{Generation, Tag};
use cstatns_base::coded::Coded;
use cstatns_base::commitment::{Commitment, CommitmentKey, Context};
use cstatns_base::delivery::DeliveryId;
use cstatns_base::files::{Access, FileError, Pending, Withheld};
use cstatns_keys::receiving::Recipient;
use cstatns_parcel::head::{Head, Sender};
use cstatns_parcel::make::Making;
use cstatns_record::card::ServiceCard;
use cstatns_record::proposal::{Action, Input};
use cstatns_record::report::SignedReport;
use ed25519_dalek::SigningKey;

use crate::recheck::Rechecker;

use super::arrived::ArrivedRequest;
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

/// The result of a run, to be written: what is written to it is encrypted where the result goes to
/// a party. Where the file system has files without names it is one until the run has verified the
/// request. Elsewhere it is a temporary that others could read, and takes nothing before
/// [`ResultFile::admit`].
pub struct ResultFile {
    out: Out,
    delivery: DeliveryId,
    target: PathBuf,
    expected: Expected,
    seal: Arc<Seal>,
    arrived: Option<ArrivedRequest>,
    rechecker: Option<Arc<Rechecker>>,
}

/// Where rows go.
enum Out {
    /// To the file as they are.
    Clear(Target),
    /// Into a parcel that is not begun.
    Sealed(Target, Box<Parcel>),
    /// Into the parcel.
    Making(Box<Making<Target>>),
    /// The parcel could not be begun.
    Broken,
}

/// The parcel that a result travels in.
pub(super) struct Parcel {
    pub(super) head: Head,
    pub(super) recipient: Recipient,
}

/// The file under it.
struct Target {
    file: Kind,
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
    pub(super) fn of(service: &Service, action: &Action, part: u32) -> Result<Self, ServiceError> {
        let (Some(input), Some(domain)) = (action.input(part), action.domain()) else {
            return Err(ServiceError::RequestChanged);
        };
        let minimum = service.state.domain(domain)?.minimum_batch;
        let looks_up = matches!(action, Action::Code { look_up: Some(_), .. });
        let input = Input { sent: None, ..*input };
        Ok(Self { input, people: looks_up.then_some(minimum) })
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
        (expected, seal): (Expected, Seal),
        arrived: Option<ArrivedRequest>,
        parcel: Option<Parcel>,
    ) -> Result<Self, ServiceError> {
        let (target, delivery) = (&journal.result, journal.delivery);
        let file = match Withheld::create(target, Access::Private)? {
            Some(file) => Kind::Withheld(file),
            None => Kind::Named(Pending::create_marked(target, &delivery.run.0, Access::Private)?),
        };
        let admitted = matches!(file, Kind::Withheld(_));
        let file = Target { file, admitted };
        let out = match parcel {
            Some(parcel) => Out::Sealed(file, Box::new(parcel)),
            None => Out::Clear(file),
        };
        let (target, seal) = (target.clone(), Arc::new(seal));
        Ok(Self { out, delivery, target, expected, seal, arrived, rechecker: None })
    }

    pub(super) fn begin_recheck(&mut self, rechecker: Option<Arc<Rechecker>>) {
        if let Some(rechecker) = &rechecker {
            rechecker.begin(self.expected.input.values);
        }
        self.rechecker = rechecker;
    }

    /// Which request of the run it is the result of, from 1.
    #[must_use]
    pub fn part(&self) -> u32 {
        self.delivery.part
    }

    /// The request, if it came in a parcel: opened and verified. It is given once.
    #[must_use]
    pub fn take_arrived(&mut self) -> Option<ArrivedRequest> {
        self.arrived.take()
    }

    /// Whether others can read what is written, before the run has verified it: then the request
    /// must be gone through first, and [`ResultFile::admit`] called.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        match &self.out {
            Out::Clear(target) | Out::Sealed(target, _) => matches!(target.file, Kind::Named(_)),
            // It is begun once the request is verified.
            Out::Making(_) | Out::Broken => false,
        }
    }

    /// Under what the commitment of the result is computed.
    #[must_use]
    pub fn seal(&self) -> Arc<Seal> {
        self.seal.clone()
    }

    /// What recomputes its codes, where that was asked for: each row that has a value is offered to
    /// it.
    #[must_use]
    pub fn rechecker(&self) -> Option<Arc<Rechecker>> {
        self.rechecker.clone()
    }

    /// Where the result will lie.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Verifies what was found of the request before any row is written, as the run does again at
    /// its end.
    ///
    /// # Errors
    /// `request-changed`, `too-few-values`.
    pub fn admit(&mut self, found: &Outcome) -> Result<(), WorkError> {
        self.expected.check(found).map_err(WorkError::new)?;
        if let Out::Clear(target) | Out::Sealed(target, _) = &mut self.out {
            target.admitted = true;
        }
        Ok(())
    }

    /// Begins the parcel, if the result travels in one.
    fn begin(&mut self) -> io::Result<()> {
        let Out::Sealed(..) = &self.out else { return Ok(()) };
        let Out::Sealed(target, parcel) = std::mem::replace(&mut self.out, Out::Broken) else {
            return Ok(());
        };
        let Parcel { head, recipient } = *parcel;
        self.out = Out::Making(Box::new(Making::begin(head, &recipient, target)?));
        Ok(())
    }

    /// Makes it durable under the name of its temporary, which follows from its run's number. The
    /// report travels in the parcel, which the service seals with `key`.
    pub(super) fn stand_by(
        mut self,
        report: Option<&SignedReport>,
        (card, key): (&ServiceCard, &SigningKey),
    ) -> Result<Pending, FileError> {
        let (run, place) = (self.delivery.run.0, self.target.clone());
        let failed = |error: io::Error| FileError::from_io(&place, &error);
        self.begin().map_err(failed)?;
        let target = match self.out {
            Out::Making(making) => {
                let about = report.map(SignedReport::bytes).unwrap_or_default();
                making.finish(&about, Sender::Service(card.clone()), key).map_err(failed)?
            }
            Out::Clear(target) | Out::Sealed(target, _) => target,
            Out::Broken => return Err(failed(broken())),
        };
        match target.file {
            Kind::Withheld(file) => file.stand_by(&run),
            Kind::Named(mut file) => {
                file.stand_by()?;
                Ok(file)
            }
        }
    }
}

impl Write for ResultFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begin()?;
        match &mut self.out {
            Out::Clear(target) | Out::Sealed(target, _) => target.write(bytes),
            Out::Making(making) => making.write(bytes),
            Out::Broken => Err(broken()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn broken() -> io::Error {
    io::Error::other("the parcel could not be begun")
}

impl Write for Target {
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
