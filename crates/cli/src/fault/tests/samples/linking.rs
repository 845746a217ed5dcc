//! Those of a linking body.

use cstatns::code::Generation;
use cstatns::linking::{LinkingError, LinkingRefusal};
use cstatns::meta::ServiceId;
use cstatns::notice::NoticeError;
use cstatns::report::ReportError;
use cstatns_controller::{AttachError, Kept, PrepareError};
use cstatns_link::LinkError;
use cstatns_link::join::JoinError;
use cstatns_parcel::file::ParcelError;
use cstatns_parcel::party::PartyError;
use cstatns_rows::error::TableError;
use jiff::Timestamp;

use super::{Sample, column, generation, missing, name, path, sample};

fn service() -> ServiceId {
    ServiceId::of("nso.abcdefghijklmnopqrstuvwxyz").unwrap()
}

fn two() -> Box<[std::path::PathBuf; 2]> {
    Box::new([path(), "other.csv".into()])
}

pub(super) fn of_linking(found: &mut Vec<Sample>) {
    samples! { found:
        LinkingRefusal {
            Founding, Card, Time, FileKnown, FileUnknown, DeliveryKnown, Ended, Sources, Codes, Gone, Renewal, ToItself,
            NotKept, NoticeKnown,
        }
        LinkingError {
            File(missing()), Line { number: 3 }, Chain { number: 3 },
            Unlawful { number: 3, why: LinkingRefusal::Gone }, Refused(LinkingRefusal::Gone),
            Checkpoint { path: path() }, Covered { covered: 3, found: 2 }, Unwritable { number: 4 },
        }
        NoticeError {
            File(missing()), Form { path: path() }, Service { path: path(), found: service() },
            Signature { path: path() },
        }
        JoinError {
            Table(TableError::NoRows { path: path() }), Sources { found: 1 }, Types { path: path() },
            Columns { path: path(), column: column() }, Reserved { path: path(), column: column() },
            Long { limit: 9 }, Many { people: 12 }, Few { name: name(), least: 11 },
        }
        LinkError {
            File(missing()), Table(TableError::NoRows { path: path() }),
            Ledger(LinkingError::Line { number: 3 }), Party(PartyError::Damaged { path: path() }),
            Parcel(ParcelError::Request { path: path() }), Attach(AttachError::DataChanged { path: path() }),
            Prepare(PrepareError::NoData), Report(ReportError::Signature { path: path() }),
            Join(JoinError::Sources { found: 1 }),
            Entry { path: path() }, Unknown { path: path() }, Changed { path: path() }, NotParcel { path: path() },
            NotPayload { path: path() }, NotResult { path: path() }, NotRetained { path: path() },
            CodedService { path: path(), found: service(), expected: service() },
            CodedDomain { path: path(), found: name(), expected: name() },
            PayloadService { path: path(), found: service(), expected: service() },
            PayloadSender { path: path() }, Recipient { path: path() },
            Identity { path: path(), column: column(), kept: Kept::Who },
            NotCoded { path: path() }, NotJoined { path: path() },
            Services { files: two(), services: Box::new([service(), service()]) },
            Domains { files: two(), domains: Box::new([name(), name()]) },
            Generations { files: two(), generations: [Generation::FIRST, generation()] },
            Twice { path: path() }, Minimum { minimum: 11 }, Researcher { domain: name() }, LedgerNeeded,
            Until { until: Timestamp::UNIX_EPOCH }, Notice { path: path() },
        }
    }
}
