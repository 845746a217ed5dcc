//! A payload, or what was kept of a renewal, and the codes of its rows become a coded file.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cstatns_base::code::Generation;
use cstatns_base::commitment::Use;
use cstatns_base::delivery::DeliveryId;
use cstatns_base::files::{Access, FileError, Held, Pending, Together};
use cstatns_base::meta::ServiceId;
use cstatns_base::name::{Hex, Name};
use cstatns_controller::{AttachPayload, attach_payload};
use cstatns_parcel::head::{Kind, Sender};
use cstatns_parcel::open::Opened;
use cstatns_parcel::request::{Contents, inner_name, is_age};
use cstatns_record::card::ServiceCard;
use cstatns_record::linking::{Content, LinkedFile, LinkingEvent, LinkingRefusal, Standing};
use cstatns_record::payload::Payload;
use cstatns_record::received::{Received, received_path};
use cstatns_record::report::{ReportBody, ReportError, SignedReport};
use cstatns_record::requested::beside;
use cstatns_rows::effort::Effort;
use cstatns_rows::parts;

use crate::body::Body;
use crate::catalogue::{Entry, Marking, number, whole};
use crate::error::LinkError;
use crate::identity::{check_cells, check_names};

/// The fewest people where the service does not say the project's.
pub(crate) const LEAST: u32 = 11;

/// What a body puts together. See [`receive`].
pub struct Receive<'a> {
    /// The card of the service.
    pub service: &'a ServiceCard,
    /// The rows that the codes are for.
    pub rows: Rows<'a>,
    /// The parcel of the result.
    pub result: &'a Path,
    /// The coded file to write, of the payload's type; its receipt for the service will lie beside
    /// it.
    pub out: &'a Path,
}

/// Rows without codes, in a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rows<'a> {
    /// A payload, from a controller.
    Payload(&'a Path),
    /// What this body kept of a renewal ([`prepare_renewal`](crate::prepare_renewal)).
    Retained(&'a Path),
}

impl<'a> Rows<'a> {
    fn path(self) -> &'a Path {
        let (Self::Payload(path) | Self::Retained(path)) = self;
        path
    }
}

/// What was put together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Coded {
    /// The number of the file.
    pub file: Hex<16>,
    /// The service.
    pub service: ServiceId,
    /// The project.
    pub domain: Name,
    /// The generation of the codes.
    pub generation: Generation,
    /// The delivery.
    pub delivery: DeliveryId,
    /// The rows.
    pub rows: u64,
    /// How many have each quality; none where an earlier run of the command wrote the file.
    pub quality: BTreeMap<String, u64>,
}

/// Puts the codes of a result before the columns of its rows, records it, and destroys both
/// parcels: with the indexes goes what ties a row to the identifier or the former code that it was
/// coded from. After a renewal the file with the former codes goes too.
///
/// The file gets its name once everything is verified and an entry of the catalogue says how it is
/// to be recorded; a command that was stopped after that is finished by the next one.
///
/// # Errors
/// [`LinkError`]; nothing is left then, and nothing destroyed.
pub fn receive(
    body: &mut Body<'_>,
    what: &Receive<'_>,
    effort: &Effort,
) -> Result<Coded, LinkError> {
    let path = what.rows.path();
    let from = [path, what.result].map(whole).to_vec();
    if let Some((entry, file)) = body.made_before(what.out, &from)? {
        return Ok(coded(&entry, file.rows, BTreeMap::new()));
    }
    let service = ServiceId::of(what.service.id()).expect("a card that is sound");
    if !is_age(path)? {
        return Err(LinkError::NotParcel { path: path.to_owned() });
    }
    if !is_age(what.result)? {
        return Err(LinkError::NotParcel { path: what.result.to_owned() });
    }
    let (payload, contents, about) = rows_of(body, what.rows)?;
    let of = || path.to_owned();
    if about.service != service {
        let (found, expected) = (about.service, service);
        return Err(LinkError::PayloadService { path: of(), found, expected });
    }
    let report = report_of(body, what)?;
    if report.recipient != Some(body.party.card().fingerprint()) {
        return Err(LinkError::Recipient { path: what.result.to_owned() });
    }
    if report.sender != Some(payload.head.sender.card) {
        return Err(LinkError::PayloadSender { path: of() });
    }
    let former = match what.rows {
        Rows::Payload(_) => None,
        Rows::Retained(_) => Some(former(body, &about)?),
    };
    let number = number();
    let head = head_of(what, &report)?;
    let event = LinkingEvent::Received {
        file: number,
        service: service.clone(),
        domain: report.domain.clone(),
        generation: report.generation,
        delivery: report.delivery,
        request: report.request,
        result: report.result.commitment,
        sender: former.is_none().then_some(payload.head.sender.card),
        of: former.as_ref().map(|former| former.file),
        rows: report.rows_out,
        head,
    };
    body.state().check(&event, body.now().max(body.state().time().unwrap_or(body.now())))?;
    let requested = about.requested(what.service.body.signing);
    // What is kept of a renewal may have any name.
    let inner = match what.rows {
        Rows::Payload(path) => inner_name(path),
        Rows::Retained(path) => beside(path, &format!(".{}", payload.head.extension)),
    };
    let source = parts::open_inside(&inner, Arc::new(contents))?;
    let names = source.table().header().to_vec();
    let shown = cstatns_rows::guard::Shown::of(source.table());
    check_names(path, &names, &about.accepted, |column| shown.column(column))?;

    let entry_path = body.catalogue.path_of(&number);
    let receipt_path = received_path(what.out);
    let paths = [&*entry_path, &receipt_path, what.out];
    let mut files = Together::create(paths, Access::Private)?;
    let [entry_file, receipt_file, out] = &mut files.files;
    let mut out = Marking::new(out);
    let given = AttachPayload {
        payload: source,
        requested: &requested,
        result: what.result,
        party: body.party,
        now: body.now(),
    };
    let attached = attach_payload(given, (what.out, &mut out), effort)?;
    check_cells(path, &names, &about.accepted, (&attached.found, &attached.shown))?;
    let (_, mark) = out.finish();
    let mut entry = Entry::new(number, (what.out, from), mark, event.clone());
    let minimum = report.minimum_batch.unwrap_or(LEAST);
    entry.minimum = former.map_or(minimum, |former| former.minimum.max(minimum));
    entry.accepted = about.accepted;
    for path in [path, what.result] {
        entry.destroy.push(Held::new(path)?.remembered().clone());
    }
    let received = Received::of(&report, body.now());
    let by = body.party.card().fingerprint();
    let receipt = received.signed(by, report.checkpoint.clone(), &body.party.signing());
    write_to(receipt_file, &receipt.bytes())?;
    write_to(entry_file, &entry.bytes())?;
    files.commit()?;
    body.record(event)?;
    let coded = coded(&entry, report.rows_out, attached.quality);
    body.finish(entry)?;
    Ok(coded)
}

fn coded(entry: &Entry, rows: u64, quality: BTreeMap<String, u64>) -> Coded {
    let LinkingEvent::Received { service, domain, generation, delivery, .. } = &entry.event else {
        unreachable!("it was received");
    };
    Coded {
        file: entry.file,
        service: service.clone(),
        domain: domain.clone(),
        generation: *generation,
        delivery: *delivery,
        rows,
        quality,
    }
}

pub(crate) fn write_to(file: &mut Pending, bytes: &[u8]) -> Result<(), FileError> {
    file.write_all(bytes).map_err(|error| FileError::from_io(file.target(), &error))
}

/// The rows in a parcel, and what it says of them. Whom a payload must be from, the result says.
fn rows_of(body: &Body<'_>, rows: Rows<'_>) -> Result<(Opened, Contents, Payload), LinkError> {
    let path = rows.path();
    let own = body.party.sender();
    let is_own = matches!(rows, Rows::Retained(_));
    let (opened, contents) = body.opened(path, &|sender| !is_own || *sender == own)?;
    let about = (opened.head.kind == Kind::Payload).then(|| Payload::of(&opened.about)).flatten();
    let about = about.filter(|about| (about.r#use == Use::Renew) == is_own);
    let wrong = || match rows {
        Rows::Payload(_) => LinkError::NotPayload { path: path.to_owned() },
        Rows::Retained(_) => LinkError::NotRetained { path: path.to_owned() },
    };
    Ok((opened, contents, about.ok_or_else(wrong)?))
}

/// The file whose codes were renewed.
fn former(body: &Body<'_>, about: &Payload) -> Result<Entry, LinkError> {
    let is_it = |file: &LinkedFile| match (&file.content, &about.previous[..]) {
        (Content::Coded { delivery, .. }, [previous]) => {
            (&file.service, delivery) == (&about.service, previous)
                && file.standing != Standing::Destroyed
        }
        _ => false,
    };
    let found = body.state().files().iter().find(|(_, file)| is_it(file));
    body.entry(found.ok_or(LinkingRefusal::Renewal)?.0)
}

/// What the service states about a result in a parcel to this body.
fn report_of(body: &Body<'_>, what: &Receive<'_>) -> Result<ReportBody, LinkError> {
    let signing = what.service.body.signing;
    let is_service = |sender: &Sender| match sender {
        Sender::Service(card) => card.id() == what.service.id() && card.body.signing == signing,
        _ => false,
    };
    let (opened, _) = body.opened(what.result, &is_service)?;
    let path: PathBuf = what.result.to_owned();
    let signed = SignedReport::of(&opened.about).filter(|_| opened.head.kind == Kind::Result);
    let signed = signed.ok_or_else(|| LinkError::NotResult { path: path.clone() })?;
    signed.verify(&path, &signing)?;
    Ok(signed.body)
}

/// The service's ledger as the report has it.
fn head_of(
    what: &Receive<'_>,
    report: &ReportBody,
) -> Result<cstatns_record::checkpoint::Head, ReportError> {
    let signing = &what.service.body.signing;
    let note = report.checkpoint.as_bytes();
    let head = cstatns_record::checkpoint::read_note(note, &report.service, signing);
    head.ok_or_else(|| ReportError::Checkpoint { path: what.result.to_owned() })
}
