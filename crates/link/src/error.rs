//! Why a linking body does not do something.

use std::path::PathBuf;

use cstatns_base::code::Generation;
use cstatns_base::coded::ColumnName;
use cstatns_base::files::FileError;
use cstatns_base::meta::ServiceId;
use cstatns_base::name::Name;
use cstatns_controller::{AttachError, Kept, PrepareError};
use cstatns_parcel::file::ParcelError;
use cstatns_parcel::party::PartyError;
use cstatns_record::linking::{LinkingError, LinkingRefusal};
use cstatns_record::report::ReportError;
use cstatns_rows::error::TableError;
use jiff::Timestamp;

use crate::join::JoinError;

/// Why something is not linked, released or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The rows of a file.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The body's ledger.
    #[error(transparent)]
    Ledger(#[from] LinkingError),
    /// The body's own folder.
    #[error(transparent)]
    Party(#[from] PartyError),
    /// A parcel.
    #[error(transparent)]
    Parcel(#[from] ParcelError),
    /// The result, or the payload beside it.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// The request of a renewal, or what is kept of it.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The report of a result.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The join.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// An entry of the catalogue is missing or damaged.
    #[error("{path:?} is not an entry of the catalogue, or is damaged")]
    Entry {
        /// The entry.
        path: PathBuf,
    },
    /// A file that this body did not make.
    #[error("{path:?} is not a file that this linking body made")]
    Unknown {
        /// The file.
        path: PathBuf,
    },
    /// A file that was changed since it was made.
    #[error("{path:?} is not as this linking body made it: it was changed")]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A file in clear where a parcel belongs.
    #[error("{path:?} is not a parcel")]
    NotParcel {
        /// The file.
        path: PathBuf,
    },
    /// A parcel of another kind: such as a request, whose identifiers a linking body may not see.
    #[error("{path:?} is a parcel, and not one of a payload")]
    NotPayload {
        /// The parcel.
        path: PathBuf,
    },
    /// A parcel of another kind than a result.
    #[error("{path:?} is a parcel, and not one of a result")]
    NotResult {
        /// The parcel.
        path: PathBuf,
    },
    /// A parcel that holds nothing that this body kept of a renewal.
    #[error("{path:?} is not what this linking body kept of a renewal")]
    NotRetained {
        /// The parcel.
        path: PathBuf,
    },
    /// The codes are of another service.
    #[error("the codes of {path:?} are of the service {found}, the card is of {expected}")]
    CodedService {
        /// The coded file.
        path: PathBuf,
        /// Its service.
        found: ServiceId,
        /// That of the card.
        expected: ServiceId,
    },
    /// The codes are of another project.
    #[error("the codes of {path:?} are of the domain `{found}`, and not of `{expected}`")]
    CodedDomain {
        /// The coded file.
        path: PathBuf,
        /// Its domain.
        found: Name,
        /// The one that was named.
        expected: Name,
    },
    /// The payload is for another service.
    #[error(
        "the payload {path:?} goes with a request to the service {found}, the card is of {expected}"
    )]
    PayloadService {
        /// The payload.
        path: PathBuf,
        /// Its service.
        found: ServiceId,
        /// That of the card.
        expected: ServiceId,
    },
    /// Payload and result are not of one sender.
    #[error("the payload {path:?} is not from who sent the request of the result")]
    PayloadSender {
        /// The payload.
        path: PathBuf,
    },
    /// The result was made for another party.
    #[error("the result {path:?} was made for another party")]
    Recipient {
        /// The result.
        path: PathBuf,
    },
    /// A column that says who somebody is.
    #[error("{path:?} has a column {column}, which {kept}")]
    Identity {
        /// The file.
        path: PathBuf,
        /// The column.
        column: ColumnName,
        /// Why it may not stay.
        kept: Kept,
    },
    /// A joined file where a coded one belongs.
    #[error("{path:?} holds no codes: coded files are joined")]
    NotCoded {
        /// The file.
        path: PathBuf,
    },
    /// A coded file where a joined one belongs.
    #[error("{path:?} holds codes, which go to nobody: join it first")]
    NotJoined {
        /// The file.
        path: PathBuf,
    },
    /// Files of different services.
    #[error("{:?} is of the service {}, {:?} of {}", files[0], services[0], files[1], services[1])]
    Services {
        /// The first, and the first that does not go with it.
        files: Box<[PathBuf; 2]>,
        /// Theirs.
        services: Box<[ServiceId; 2]>,
    },
    /// Files of different projects.
    #[error("{:?} is of the domain `{}`, {:?} of `{}`", files[0], domains[0], files[1], domains[1])]
    Domains {
        /// The first, and the first that does not go with it.
        files: Box<[PathBuf; 2]>,
        /// Theirs.
        domains: Box<[Name; 2]>,
    },
    /// Files of different generations.
    #[error(
        "{:?} is of generation {}, {:?} of generation {}", files[0], generations[0], files[1], generations[1]
    )]
    Generations {
        /// The first, and the first that does not go with it.
        files: Box<[PathBuf; 2]>,
        /// Theirs.
        generations: [Generation; 2],
    },
    /// A source is given twice.
    #[error("{path:?} is given twice, or two sources have one name")]
    Twice {
        /// The file.
        path: PathBuf,
    },
    /// Fewer people than the project allows.
    #[error("a joined file of this project has at least {minimum} people of each source")]
    Minimum {
        /// The least number.
        minimum: u32,
    },
    /// The receiver is not registered as a researcher.
    #[error(
        "the ledger of the service does not have this card as that of a researcher of `{domain}`"
    )]
    Researcher {
        /// The project.
        domain: Name,
    },
    /// A kept copy goes to another researcher.
    #[error("a kept copy goes to a researcher whom a ledger names")]
    LedgerNeeded,
    /// The end lies in the past.
    #[error("{until} is past")]
    Until {
        /// The end.
        until: Timestamp,
    },
    /// A notice to somebody else.
    #[error("the notice {path:?} is for another linking body")]
    Notice {
        /// The file.
        path: PathBuf,
    },
}

impl From<LinkingRefusal> for LinkError {
    fn from(why: LinkingRefusal) -> Self {
        Self::Ledger(why.into())
    }
}

cstatns_base::coded!(LinkError {
    Self::File(error) => (error),
    Self::Table(error) => (error),
    Self::Ledger(error) => (error),
    Self::Party(error) => (error),
    Self::Parcel(error) => (error),
    Self::Attach(error) => (error),
    Self::Prepare(error) => (error),
    Self::Report(error) => (error),
    Self::Join(error) => (error),
    Self::Entry { path } => ("catalogue-entry", Tampering, [path]),
    Self::Unknown { path } => ("file-unknown", Input, [path]),
    Self::Changed { path } => ("file-changed", Tampering, [path]),
    Self::NotParcel { path } => ("not-a-parcel", Input, [path]),
    Self::NotPayload { path } => ("not-a-payload", Input, [path]),
    Self::NotResult { path } => ("not-a-result", Input, [path]),
    Self::NotRetained { path } => ("not-retained", Input, [path]),
    Self::CodedService { path, found, expected } => (
        "coded-service", Input, [path, service: *found, expected: *expected]
    ),
    Self::CodedDomain { path, found, expected } => (
        "coded-domain", Input, [path, domain: *found, expected: *expected]
    ),
    Self::PayloadService { path, found, expected } => (
        "payload-service", Input, [path, service: *found, expected: *expected]
    ),
    Self::PayloadSender { path } => ("payload-sender", OtherSide, [path]),
    Self::Recipient { path } => ("result-recipient", Input, [path]),
    Self::Identity { path, column, kept } => ("identity-linked", Input, [path, column, kept: kept.word()]),
    Self::NotCoded { path } => ("not-coded", Input, [path]),
    Self::NotJoined { path } => ("not-joined", Input, [path]),
    Self::Services { files, services } => (
        "mixed-services", Input, [path: files[0], path: files[1], service: services[0], service: services[1]]
    ),
    Self::Domains { files, domains } => (
        "mixed-domains", Input, [path: files[0], path: files[1], domain: domains[0], domain: domains[1]]
    ),
    Self::Generations { files, generations } => (
        "mixed-generations", Input,
        [path: files[0], path: files[1], generation: generations[0], generation: generations[1]]
    ),
    Self::Twice { path } => ("source-twice", Input, [path]),
    Self::Minimum { minimum } => ("least-below", Input, [minimum]),
    Self::Researcher { domain } => ("not-a-researcher", Input, [domain: *domain]),
    Self::LedgerNeeded => ("ledger-needed", Input, []),
    Self::Until { until } => ("until-past", Input, [until]),
    Self::Notice { path } => ("notice-other", Input, [path]),
});
