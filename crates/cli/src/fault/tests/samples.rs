//! One error of each variant, with data planted wherever a text could hold some.

use std::any::type_name;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use cstatns::audit::AuditError;
use cstatns::card::CardError;
use cstatns::checkpoint::{CheckpointError, NoteError, ProofError, VerifierKey};
use cstatns::civil_status::{ColumnsError, Field};
use cstatns::code::{Code, CodeError, Generation, Tag};
use cstatns::coded::{Coded, ColumnName};
use cstatns::coder::CoderError;
use cstatns::commitment::Use;
use cstatns::custody::PaperError;
use cstatns::custody::SharingError;
use cstatns::custody::custodian::{KitError, ProposalFault};
use cstatns::custody::quorum::RootError;
use cstatns::custody::share::SealError;
use cstatns::dealing::{Epoch, RosterError, ThresholdError};
use cstatns::delivery::DeliveryId;
use cstatns::files::FileError;
use cstatns::identifier::{Reason, Scheme};
use cstatns::keystore::KeystoreError;
use cstatns::ledger::LedgerError;
use cstatns::look_up::ScoreError;
use cstatns::manifest::ManifestError;
use cstatns::meta::ServiceId;
use cstatns::name::{Hex, Name, NameError};
use cstatns::proposal::QuorumError;
use cstatns::proposal_file::ProposalFileError;
use cstatns::received::ReceivedError;
use cstatns::recheck::RecheckError;
use cstatns::report::ReportError;
use cstatns::requested::RequestedError;
use cstatns::service::{ServiceError, Source, WorkError};
use cstatns::state::{Broken, Refusal, Unlawful};
use cstatns::witness::WitnessError;
use cstatns::words;
use cstatns_bulk::CodeFileError;
use cstatns_controller::{
    AttachError, CheckError, FileFacts, FilesError, Kept, NotDestroyed, PrepareError, check,
};
use cstatns_parcel::age::AgeError;
use cstatns_parcel::error::ParcelFault;
use cstatns_parcel::file::ParcelError;
use cstatns_parcel::party::PartyError;
use cstatns_parcel::sending::SendingError;
use cstatns_register::{BuildError, Faults, IndexError};
use cstatns_rows::error::{Like, PackedFault, RowFault, TableError};
use cstatns_rows::guard::Held;
use jiff::Timestamp;

use crate::fault::RegisterChanged;

/// Somebody who does not exist, with and without the key; a code; a key in hexadecimal.
pub(super) const PLANTED: [&str; 4] = [
    "299072A987654",
    "284052A32102552",
    "c1.abcd.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "a5b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5",
];

fn like(is_utf_8: bool) -> Option<Box<Like>> {
    Some(Box::new(Like { name: ColumnName::from(PLANTED[0]), number: 4, is_utf_8 }))
}

pub(super) struct Sample {
    /// `Type::Variant`.
    pub(super) variant: String,
    pub(super) error: Box<dyn Coded + Send + Sync>,
}

fn sample<E: Coded + Debug + Send + Sync + 'static>(error: E) -> Sample {
    let type_name = type_name::<E>().rsplit("::").next().unwrap();
    let debug = format!("{error:?}");
    let name = debug.split(|c: char| !c.is_alphanumeric()).next().unwrap();
    let variant = if name == type_name { name.to_owned() } else { format!("{type_name}::{name}") };
    Sample { variant, error: Box::new(error) }
}

macro_rules! samples {
    ($found:ident: $($type:ident { $($variant:expr),* $(,)? })*) => {$({
        #[allow(unused_imports)]
        use $type::*;
        $($found.push(sample::<$type>($variant));)*
    })*};
}

mod linking;

fn path() -> PathBuf {
    PathBuf::from("directory/file.csv")
}

/// A column whose name is somebody's: a file whose first row stands where the header should.
fn column() -> ColumnName {
    ColumnName::at(PLANTED[0].as_bytes(), 2)
}

/// The same, as it was asked for.
fn asked() -> ColumnName {
    ColumnName::from(PLANTED[2])
}

fn name() -> Name {
    Name::new("alice").unwrap()
}

fn generation() -> Generation {
    Generation::FIRST.next()
}

fn tag() -> Tag {
    Tag::of("demo.aaaaaaaaaaaaaaaaaaaaaaaaaa", &name())
}

fn delivery() -> DeliveryId {
    DeliveryId { run: Hex([7; 16]), part: 2 }
}

fn missing() -> FileError {
    FileError::Missing { path: path() }
}

fn service() -> ServiceId {
    ServiceId::of("demo.aaaaaaaaaaaaaaaaaaaaaaaaaa").unwrap()
}

/// Of a file that is read, and of another that says it is of a service with a planted name.
fn facts() -> Box<[FileFacts; 2]> {
    let place = tempfile::tempdir().unwrap();
    let codes = place.path().join("codes.csv");
    std::fs::write(
        &codes,
        format!("code\n{}\n", Code::from_bytes([7; 32], tag(), generation()).text()),
    )
    .unwrap();
    let file = |service: &str| {
        let mut facts = check([&codes]).unwrap().remove(0);
        (facts.path, facts.service, facts.domain) = (path(), ServiceId::of(service), Some(name()));
        facts
    };
    Box::new([file("demo.aaaaaaaaaaaaaaaaaaaaaaaaaa"), file(PLANTED[1])])
}

fn signer() -> Box<VerifierKey> {
    let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    Box::new(VerifierKey::parse(key).unwrap())
}

fn of_libraries(found: &mut Vec<Sample>) {
    let needed = words!("names are text", "les noms sont du texte");
    samples! { found:
        FileError {
            Exists { path: path() }, Missing { path: path() }, Permission { path: path() },
            Missing { path: "s3://bucket/file".into() }, Full { path: path() },
            NoRoom { path: path(), needed: 2, free: 1 },
            Locked { path: path(), holder: None }, InUse { path: path() }, NotRegular { path: path() },
            NotDirectory { path: path() },
            TooLarge { path: path(), limit: 9 }, ReadOnly { path: path() }, SizeLimit { path: path() },
            TooManyOpen { path: path() }, Storage { path: path() },
            Broken { path: path() }, Randomness, Io { path: path(), kind: ErrorKind::TimedOut },
        }
        Reason {
            Scientific, WrongCharacter { position: 1 }, WrongLength { found: 2 }, WrongForm { position: 3 },
            WrongControlKey { found: 4, expected: 5 },
        }
        ColumnsError {
            Missing { field: Field::Nom, column: asked() }, Twice { field: Field::Nom, column: asked() },
            MappedTwice { field: Field::Nom }, Shared { field: Field::Nom, other: Field::Pays },
        }
        CodeError { Form, Generation, Tag, Bytes }
        TableError {
            FileType { path: path() }, File(missing()), EmptyFile { path: path() },
            PipedParquet { path: path() }, NoParts { path: path() }, PartOther { path: path() }, PartFolder { path: path() },
            NotCsv { path: path(), found: words!("a ZIP archive",
                "une archive ZIP") }, NotCsv { path: path(), found: words!("text in UTF-16", "du texte en UTF-16") },
            NoRows { path: path() },
            Packed { path: path(), packing: "gzip", fault: PackedFault::Truncated },
            Packed { path: path(), packing: "gzip", fault: PackedFault::Damaged },
            Packed { path: path(), packing: "Zstandard", fault: PackedFault::Window },
            ParquetCodec { path: path(), codec: "LZO" },
            Ragged { path: path(), row: 1, line: 2, found: 3, expected: 4 }, OpenQuote { path: path(), line: 5 },
            TextAfterQuote { path: path(), line: 6, opened: 5 }, Swallowed { path: path(), column: column(), line: Some(7) },
            LongRow { path: path(), line: 8, limit: 9 }, Parquet { path: path() }, ParquetFeature { path: path() },
            ParquetText { path: path() }, NotParquet { path: path() },
            WidePage { path: path(), column: column(), group: 1 }, WideColumn { path: path(), column: column(), limit: 2 },
            WideRow { path: path(), column: column(), row: 3, limit: 4 },
            InexactTime { path: path(), column: column(), group: 5 }, Metadata { path: path(), key: "cstatns.tag" },
            Frame { name: path() },
            MissingColumn { path: path(), wanted: asked(), delimiter: None, wider: None, like: None, found: vec![column()] },
            MissingColumn { path: path(), wanted: asked(), delimiter: Some('\t'), wider: None, like: None,
                found: vec![column()] },
            MissingColumn { path: path(), wanted: asked(), delimiter: Some(';'), wider: None, like: None,
                found: vec![column()] },
            MissingColumn { path: path(), wanted: asked(), delimiter: None, wider: Some(3), like: None, found: vec![] },
            MissingColumn { path: path(), wanted: asked(), delimiter: None, wider: None, like: like(true), found: vec![] },
            MissingColumn { path: path(), wanted: asked(), delimiter: None, wider: None, like: like(false), found: vec![] },
            ColumnTwice { path: path(), column: asked() },
            ColumnType { path: path(), column: column(), field: None, found: words!("binary",
                "binaire"), size: Some(16), needed },
            ColumnType { path: path(), column: column(), field: Some(Field::Nir), found: words!("text",
                "texte"), size: None, needed },
            ColumnType { path: path(), column: column(), field: Some(Field::DateNaissance), found: words!("text", "texte"),
                size: None, needed },
            ColumnType { path: path(), column: column(), field: Some(Field::Nom), found: words!("Boolean",
                "Boolean"), size: None, needed },
            Numbers { path: path(), column: column(), found: words!("whole numbers", "nombres entiers") },
            Columns { path: path(), expected: "`index`, \
                `code`" }, Row { path: path(), row: 1, fault: RowFault::Word },
            NotWhole { path: path(), column: column(), row: 2 }, BinaryCodes { path: path() },
            Write { kind: ErrorKind::StorageFull }, Write { kind: ErrorKind::FileTooLarge },
            Write { kind: ErrorKind::BrokenPipe }, Spill { beside: path() },
            Interrupted, Unwritable,
        }
        RowFault {
            Index, Order, Identifier { reason: "wrong-length" }, CivilStatus { field: "nom" }, Code(CodeError::Form),
            OtherCodes { found: (tag(), generation()), expected: (tag(), generation()) }, Encoding, Word, Disagree,
        }
        IndexError { File(missing()), Other { path: path() }, Version { path: path(), found: 1 }, Damaged { path: path() } }
        BuildError { File(missing()), Rows(Faults::default()), Empty, TooLarge,
            Index(IndexError::Damaged { path: path() }), Interrupted }
        PrepareError {
            Table(TableError::Interrupted), File(missing()), Report(ReportError::Form { path: path() }),
            SameOutput { path: path() }, NotAge { path: path() },
            KeyDomain { found: name(), expected: name() }, PayloadInClear, PayloadColumns, PayloadCodes,
            PayloadType { path: path() }, PayloadFiles { path: path() }, Sending(SendingError::Own),
            Reserved { path: path(), column: column() },
            Unnamed { path: path(), column: column() }, SentTwice { path: path(), column: column() },
            NoColumn { path: path() }, NoData,
            WrongColumn { path: path(), column: column(), invalid: 1, filled: 2, reasons: vec![("wrong-length", 1)] },
            WrongField { path: path(), field: Field::Nom, invalid: 1, filled: 2 },
            WrongField { path: path(), field: Field::DateNaissance, invalid: 1, filled: 2 },
            WrongField { path: path(), field: Field::Sexe, invalid: 1, filled: 2 },
            IdentityKept { path: path(), column: column(), kept: Kept::Who },
            IdentityKept { path: path(), column: column(), kept: Kept::Born { place: column() } },
            IdentityKept { path: path(), column: column(),
                kept: Kept::Identifiers(Held { filled: 3, keyed: 2, unkeyed: 1 }) },
            RiskSent { column: asked() }, TooManyRisks,
            MissingField { field: Field::Nom, missing: TableError::MissingColumn {
                path: path(), wanted: asked(), delimiter: None, wider: None, like: None, found: vec![] } },
            MissingField { field: Field::Nom, missing: TableError::MissingColumn {
                path: path(), wanted: asked(), delimiter: Some(';'), wider: None, like: None, found: vec![] } },
            MissingField { field: Field::Nom, missing: TableError::MissingColumn {
                path: path(), wanted: asked(), delimiter: Some('\t'), wider: None, like: None, found: vec![] } },
            MissingField { field: Field::Nom, missing: TableError::MissingColumn {
                path: path(), wanted: asked(), delimiter: None, wider: None, like: like(true), found: vec![] } },
            MissingField { field: Field::Nom, missing: TableError::MissingColumn {
                path: path(), wanted: asked(), delimiter: None, wider: None, like: like(false), found: vec![] } },
            Fields { path: path(), error: ColumnsError::MappedTwice { field: Field::Nom } },
            Mixed { found: BTreeMap::from([((tag(), generation()), 5)]) }, NoCodes,
            OtherCodes { found: tag(), expected: tag(), service: service(), domain: name() },
        }
        FilesError {
            Table(TableError::FileType { path: path() }), File(missing()), NoData { path: path() }, TooMany,
            NotText { path: path() }, SameName { path: path() },
        }
        AttachError {
            Table(TableError::Interrupted), File(missing()), Report(ReportError::Form { path: path() }),
            DataUnknown { path: path() }, DataChanged { path: path() }, DataMoved { path: path() },
            RetainedRows { path: path() },
            OutType { path: path() }, OutFolder { path: path() }, OtherFiles { missing: 1, extra: 2 },
            BinaryCsv, ReportMissing { path: path() },
            Parcel(ParcelError::Request { path: path() }), PartyNeeded { path: path() },
            RequestedMissing { path: path() }, Requested(RequestedError::Form { path: path() }),
            OtherService { path: path(), found: service(), expected: service() },
            OtherDomain { path: path(), found: name(), expected: name() },
            OtherUse { path: path(), found: Use::Code, expected: Use::Renew },
            OtherScheme { path: path(), found: Some(Scheme::FiHetu), expected: Some(Scheme::FrNir) },
            OtherRequest { path: path() }, Unmatched { missing: 1, extra: 2 },
            ResultChanged { path: path() }, DestroysOutput { path: path() }, DestroysForFrame,
            NotDestroyed { count: 2, reason: cstatns_controller::NotDestroyed::File(missing()) },
        }
        NotDestroyed { File(missing()), Another { path: path() } }
        CheckError {
            Table(TableError::Interrupted), Report(ReportError::Form { path: path() }), NoCodes { path: path() },
            Services { files: facts() }, Domains { files: facts() }, Generations { files: facts() },
            LeftOut { files: facts() },
        }
        CodeFileError {
            Table(TableError::Interrupted),
            Content { path: path(), found: cstatns::manifest::Content::Identifiers { scheme: Scheme::FrNir } },
            Content { path: path(), found: cstatns::manifest::Content::Codes { tag: tag(), generation: generation() } },
            Content { path: path(), found: cstatns::manifest::Content::CivilStatus { identifier: true } },
            OtherService { path: path(), found: service(), expected: service() },
            OtherDomain { path: path(), found: name(), expected: name() },
            OtherCodes { path: path(), found: (tag(), generation()), expected: (tag(), generation()) },
            Commitment { path: path(), rows: 1, expected: 2 }, Swapped { path: path() }, Keys,
            Coder(CoderError::Chain), Recheck(RecheckError::Ended),
            Register(IndexError::Damaged { path: path() }),
        }
        CoderError {
            Chain, Tag { position: 0, found: tag(), expected: tag() },
            Generation { position: 0, found: generation(), expected: generation() },
        }
    }
    found.extend([sample(NameError), sample(ScoreError)]);
}

fn of_the_record(found: &mut Vec<Sample>) {
    samples! { found:
        NoteError { Malformed, BadName, BadKey, Unsigned, BadSignature { signer: signer() } }
        ProofError { OutOfRange, WrongLength, WrongRoot }
        CheckpointError { Malformed, BadOrigin }
        RosterError {
            Threshold(ThresholdError { k: 1, n: 2 }), Count { cards: 2, n: 3 }, Service, Card { custodian: name() },
            Twice { custodian: name() }, Unprotected { custodian: name() }, Minority { k: 2, n: 4 },
            External { external: 2, k: 2 },
        }
        LedgerError {
            File(missing()), Line { number: 1 }, Unwritable { number: 2 }, Version { number: 3 }, OtherService { number: 4 },
            Sequence { number: 5, found: 6 }, Chain { number: 7 }, Checkpoint { path: path() },
            OtherCheckpoint { path: path() }, CheckpointKey { path: path() },
            Short { covered: 8, found: 7 }, Long { covered: 7, found: 9 },
            Root { covered: 10 },
        }
        ManifestError { File(missing()), Form { path: path() } }
        RequestedError { File(missing()), Form { path: path() } }
        ReceivedError { File(missing()), Form { path: path() } }
        ReportError {
            File(missing()), Form { path: path() }, Stale { path: path() }, Signature { path: path() },
            Checkpoint { path: path() },
        }
        AuditError { File(missing()), Card, LineEnds { path: path() }, Mark { path: path() } }
        QuorumError {
            Epoch, Expired, Wait, NotInRoster { custodian: name() }, Signature { custodian: name() },
            OtherProposal { custodian: name() }, OtherEpoch { custodian: name() }, Cosignature { custodian: name() },
            Date { custodian: name() }, Twice { custodian: name() }, Order, TooFew { given: 1, needed: 2 },
            Share { custodian: name() },
        }
        Refusal {
            Unfinished, SharesMissing { custodians: vec![name(), name()] }, NoQuestion, QuestionExpired, TooManyQuestions,
            DoubtSince, UnknownDomain, DomainExists, TagTaken { other: name() },
            EndTooFar { latest: jiff::civil::date(2036, 1, 31) }, MinimumBatch,
            Cryptoperiod, EndInThePast, EndNotLater, NotResearch, Ended { ends: jiff::civil::date(2026, 1, 31) }, Destroyed,
            Compromised { generation: generation() }, Generation { found: generation(), active: generation() },
            KeyLost { generation: generation() }, NameBurnt, RequestMayBeSpent,
            NothingToRenew { from: generation(), active: generation() }, ReasonIsDoubt, CustodyDoubted, UnknownParty,
            PartyCard, PartyDomains, PartyRole { domain: name() }, PartyRegistered { domain: name() }, PartyLinking,
            PartyKeys { other: name() }, PartyName, PartyEnded, CustodianIsParty { custodian: name() }, NoRequests,
            RequestKeyExpiry, TooManyRequestKeys, UnknownRequestKey,
            OtherRequestKey, DeclarationSignature, SenderRole, SentFor, RequestInClear, RecipientRole, OtherRecipient,
            ResearchNeedsParty, UnknownDelivery, Rows,
            Counts,
            TooFew { distinct: 1, minimum: 11 }, Deliveries, Requests,
            RequestSpent { delivery: delivery().named(1) },
            Roster(RosterError::Service), CardUsed { custodian: name() },
            DealingEpoch { found: Epoch(3), next: Epoch(2) }, LeftBehind, DealingPending { epoch: Epoch(2) },
            NoDealing { epoch: Epoch(2) }, DealingAbandoned { epoch: Epoch(2) },
            ShareInUse { epoch: Epoch(1) }, NothingLost, AlreadyDelivered, DeliveryLost, OtherReceived,
            ReceivedBy, ReceivedUnsigned, ReceivedForked,
            Replayed, Receipt,
            ReceiptOtherService, ReceiptNotInRoster { by: name() }, ReceiptSignature { by: name() },
            ReceiptKnown { by: name() }, ReceiptDate { by: name() },
            ReceiptForRekey, ServiceCard, OtherServiceKey { by: name() },
            NoDoubt, AlreadyDoubted,
        }
        Unlawful {
            Refused(Refusal::Compromised { generation: generation() }), Quorum(QuorumError::Expired),
            Roster(RosterError::Service), Genesis, Time, Unseen,
            Owed, NotOwed, NoIntent, Keys, Question, NotExpired, Witnesses,
            Rows, Rechecked, Part, Dealing, Epoch, NotEnded, Steps,
        }
        Broken {
            Ledger(LedgerError::Chain { number: 2 }),
            Unlawful { number: 3, reason: cstatns::state::Unlawful::Refused(Refusal::Destroyed) },
        }
        ProposalFileError {
            File(missing()), Form { path: path() }, Checkpoint { path: path() },
            Broken(cstatns::state::Broken::Ledger(LedgerError::Chain { number: 2 })),
        }
    }
    found.push(sample(ThresholdError { k: 1, n: 2 }));
}

fn of_custody(found: &mut Vec<Sample>) {
    let reason = ProposalFault::NotOpen;
    samples! { found:
        SharingError {
            Threshold(ThresholdError { k: 1, n: 2 }), Format, Unopened, Version { found: 2 }, Polynomial,
            NotAHolder { custodian: name() }, OtherService { custodian: name() },
            OtherEpoch { custodian: name(), found: Epoch(1), expected: Epoch(2) }, Twice { custodian: name() },
            Swapped { custodian: name(), owner: name() }, Altered { custodian: name() }, TooFew { given: 1, needed: 2 },
        }
        RootError { Sharing(SharingError::Format), Root }
        KitError {
            File(missing()), Share(SharingError::Format), Seal(SealError), NotLawful(Refusal::AlreadyDoubted),
            Damaged { kit: path(), file: "identity".into() }, ReadOnly { kit: path() },
            Memory { kit: path() }, NothingSeen { kit: path() },
            Version { kit: path(), found: 2 },
            EmptyPassphrase { kit: path() }, WithoutPassphrase { kit: path() },
            NeedsPassphrase { kit: path() }, Passphrase { kit: path() },
            NotInRoster { custodian: name() }, OtherService { custodian: name(), service: ServiceId::of(PLANTED[3]) },
            NoShare { custodian: name(), epoch: Epoch(2) }, Shorter { custodian: name(), seen: 5, found: 4 },
            Checkpoint { custodian: name() }, NoIntent { custodian: name() }, ShareInUse { epoch: Epoch(1) },
            CardNotHeld { custodian: name(), epoch: Epoch(2) }, Forgotten { custodian: name(), epoch: Epoch(1) },
            Forked { custodian: name(), seen: 5 }, NoRecovery { custodian: name() },
            Paper(PaperError::Check { line: 3 }), Proposal { reason },
            Proposal { reason: ProposalFault::Expired }, Proposal { reason: ProposalFault::Clock },
            Proposal { reason: ProposalFault::Unpublished },
        }
        PaperError {
            Empty, Number { line: 3 }, Order { line: 3, found: 4 }, Missing { line: 14, lines: 15 }, Extra { line: 16 },
            Character { line: 2, position: 7 }, Length { line: 2, found: 27, expected: 28 }, Check { line: 3 }, Lines,
            Version { found: 2 }, Passphrase, Content,
        }
        ProposalFault { NotOpen, Clock, Signature, Epoch, Expired, OtherLedger, Unpublished }
        RecheckError {
            Start { kind: ErrorKind::NotFound }, Ended, Mismatch { rows: 1000, different: 1 },
        }
        KeystoreError {
            File(missing()), Seal { domain: name(), generation: generation() }, Life { domain: name() },
            LifeDamaged { domain: name(), generation: generation() }, Place { path: path() },
            Version { domain: name(), found: 2 }, RequestKey { key: Hex([7; 16]) }, Places,
        }
        CardError { File(missing()), Service { path: path() } }
        ServiceError {
            File(missing()), Ledger(LedgerError::Chain { number: 2 }), Refused(Refusal::Unfinished),
            Kit(KitError::EmptyPassphrase { kit: path() }),
            Quorum(QuorumError::Expired), Root(RootError::Root), Threshold(ThresholdError { k: 1, n: 2 }),
            Roster(RosterError::Service), Sharing(SharingError::Format),
            Parcel(ParcelError::Request { path: path() }), Keystore(KeystoreError::Places),
            Broken(cstatns::state::Broken::Ledger(LedgerError::Chain { number: 2 })), NoService { home: path() },
            NoCheckpoint { home: path() }, NoKeys { path: path() },
            Unfinished { home: path() }, HomeVersion { found: 2 }, HomeDamaged { file: "identity" },
            Card(CardError::Service { path: path() }),
            OtherAction { approved: "renew" }, RequestChanged, OtherRequests { given: 1, approved: 2 },
            Part { part: 2, parts: 3, request: path(), error: Box::new(ServiceError::RequestChanged) },
            Undecided { error: Box::new(ServiceError::File(FileError::Full { path: path() })) },
            KeyJustMade { domain: name(), generation: generation(), event: 9 },
            TooFewPeople { minimum: 11 },
            Work(WorkError::new(missing())), ResultMissing { path: path() },
            ResultAway { delivery: delivery(), path: path() }, ResultThere { path: path() }, ResultUnread { path: path() },
            RequestStays { error: missing() }, RequestOwed { delivery: delivery().named(1), error: missing() },
            RequestAway { delivery: delivery().named(2), path: path() }, Unpaid(Arc::new(ServiceError::RequestChanged)),
            UnknownKey { path: path() }, PublishedOther { path: path(), event: 9 },
            HomeOld { place: path(), found: 55, mark: 58 }, NoMark { place: path() },
            MirrorBehind { place: path(), error: missing() }, CopyBehind { place: path(), error: missing() },
            IdentityLost { home: path() }, Export { path: path() }, ExportPassphrase { path: path() },
            ExportOther { path: path(), home: path() },
            RecoveryStopped { home: path() }, PlaceThere { place: path() }, NoCopy { home: path() },
            TooFewFollow { events: 58, given: 1, needed: 2, apart: vec![name()] },
            Branches { one: Source::Home, other: Source::Kit(name()), fork: 7 },
            Behind(Arc::new(ServiceError::NoMark { place: path() })),
            ClockUnconfirmed { clock: Timestamp::UNIX_EPOCH, time: Timestamp::UNIX_EPOCH },
            ClockBehind { clock: Timestamp::UNIX_EPOCH, time: Timestamp::UNIX_EPOCH },
            ConfirmedDate { today: jiff::civil::date(2026, 1, 31) },
        }
    }
    found.extend([sample(SealError), sample(WorkError::new(missing()))]);
    found.push(sample(RegisterChanged { path: path() }));
}

fn of_parcels(found: &mut Vec<Sample>) {
    let time = Timestamp::UNIX_EPOCH;
    samples! { found:
        AgeError { Header, NotForThisKey, HeaderAltered, Altered, Cut, Read { kind: ErrorKind::TimedOut } }
        ParcelFault {
            Age(AgeError::Cut), Form, Members { expected: "seal.json" }, Receiver { receiver: name() },
            Expired { expires: time }, NotYet { made: time }, Signature { sender: name() }, Sender { sender: name() },
            Again { parcel: Hex([7; 16]) },
        }
        WitnessError {
            File(missing()), Broken(cstatns::state::Broken::Ledger(LedgerError::Chain { number: 2 })),
            Note(NoteError::Malformed), Damaged { path: path() }, NoCard { service: service() },
            OtherCard { service: service() }, Shorter { covered: 9, found: 7 }, Forked { event: 9 },
        }
        PartyError {
            File(missing()), Damaged { path: path() }, Version { party: path(), found: 3 },
            NeedsPassphrase { party: path() }, Passphrase { party: path() }, EmptyPassphrase { party: path() },
        }
        ParcelError {
            File(missing()), Party(PartyError::Damaged { path: path() }), Seal(SealError),
            Parcel { path: path(), fault: ParcelFault::Form }, Request { path: path() },
        }
        SendingError {
            File(missing()), Form { path: path() }, Service { path: path() }, Party { path: path() },
            Expired { path: path(), expires: Timestamp::UNIX_EPOCH }, Own, Seal(SealError),
        }
    }
}

/// Every one.
pub(super) fn samples() -> Vec<Sample> {
    let mut found = Vec::new();
    of_libraries(&mut found);
    of_the_record(&mut found);
    of_custody(&mut found);
    of_parcels(&mut found);
    linking::of_linking(&mut found);
    found
}
