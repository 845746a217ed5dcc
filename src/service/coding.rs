//! Runs that turn a request into a result: `code` and `renew` (SPEC §13).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use cstatns_base::code::{Generation, Tag};
use cstatns_base::coded::Coded;
use cstatns_base::commitment::{Commitment, Context, Use};
use cstatns_base::delivery::{DeliveryId, DeliveryName};
use cstatns_base::domain::CheckValue;
use cstatns_base::files::{self, Access, FileError, Held};
use cstatns_base::identifier::Scheme;
use cstatns_base::look_up::LookUp;
use cstatns_base::meta::{FileMeta, ServiceId};
use cstatns_base::name::{Hex, Name, canonical_json};
use cstatns_base::secret::{Secret, wipe_stack};
use cstatns_keys::receiving::Recipient;
use cstatns_parcel::head::{End, Extension, Head, Kind as ParcelKind};
use cstatns_parcel::request::inner_name;
use cstatns_record::checkpoint::Head as Checkpointed;
use cstatns_record::ledger::event::{Event, Lapse};
use cstatns_record::proposal::{Action, RunId};
use cstatns_record::state::{Domain, Key};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::coder::{Coder, Renewer};
use crate::custody::quorum::Quorum;
use crate::recheck::Rechecker;
use crate::sharing::SharingError;

use super::arrived::RequestKeys;
use super::journal::{Journal, Mark, Ready, check_apart, check_names, hold};
use super::result::{
    Expected, LeftResult, Parcel, ReadResult, ResultFile, Seal, WorkError, Written,
};
use super::{Approved, Service, ServiceError};

/// The files of one request of a run.
#[derive(Clone, Debug)]
pub struct RunFiles {
    /// The request and what lies beside it: destroyed once the result is durable.
    pub request: Vec<PathBuf>,
    /// The result, which must not exist.
    pub result: PathBuf,
    /// The columns that the controller keeps beside the codes although they are a risk, each with
    /// the reason: for the report.
    pub accepted: BTreeMap<String, Name>,
}

/// A result that a run made, as its report describes it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Made {
    /// The delivery.
    pub delivery: DeliveryId,
    /// How many requests its run has.
    pub parts: u32,
    /// The domain.
    pub domain: Name,
    /// The domain's tag.
    pub tag: Tag,
    /// For a renewal: the generation of the codes given.
    pub from: Option<Generation>,
    /// The generation of the codes made.
    pub generation: Generation,
    /// The check value of the key that made them; its first 16 digits are the key's id.
    pub check: CheckValue,
    /// Rows.
    pub rows: u64,
    /// The commitment of the request.
    pub request: Commitment,
    /// The commitment of the result.
    pub result: Commitment,
    /// When the run began.
    pub begun: Timestamp,
    /// When the result was recorded.
    pub made: Timestamp,
    /// How many codes a second process recomputed, where it was asked for.
    pub rechecked: Option<u64>,
    /// Whether the request was kept against the scheme.
    pub request_kept: bool,
    /// The scheme of the identifiers that were coded; none after a renewal.
    pub scheme: Option<Scheme>,
    /// How its people were looked up, if they were.
    pub look_up: Option<LookUp>,
    /// The day on which the key was due for renewal, where that was past when the run began.
    pub overdue_since: Option<Date>,
    /// The ledger after it.
    pub head: Checkpointed,
    /// The fingerprint of the card that it is encrypted to; none of one in clear.
    pub recipient: Option<Hex<32>>,
    /// The fingerprint of the card of who sent the request; none of one that came in clear.
    pub sender: Option<Hex<32>>,
}

/// A part of a run that is about to begin: its request, which is held, and its journal.
struct Begun {
    held: Vec<Held>,
    journal: Journal,
}

impl Made {
    /// The delivery's name for people.
    pub fn name(&self) -> DeliveryName {
        self.delivery.named(self.parts)
    }

    /// What the request's rows were for.
    pub fn r#use(&self) -> Use {
        match (self.scheme, self.look_up) {
            (_, Some(_)) => Use::LookUp,
            (Some(_), None) => Use::Code,
            (None, None) => Use::Renew,
        }
    }
}

impl Service {
    /// Looks at the files of a run before anybody is asked for it: each request can be destroyed
    /// afterwards, unless it is kept, and each result can be written.
    ///
    /// # Errors
    /// [`ServiceError::RequestStays`]; [`ServiceError::File`] for a result.
    pub fn check_files(&self, files: &[RunFiles], keep_request: bool) -> Result<(), ServiceError> {
        for each in files {
            hold(each, keep_request)?;
            check_names(each)?;
            files::check_directory_of(&each.result)?;
        }
        Ok(check_apart(files)?)
    }

    /// Codes the requests that a quorum approved, whose files are given in the order of the
    /// proposal. `work` reads a request, codes its identifiers with the coder that it is lent and
    /// writes the result; it is called once for each, in that order, after the intent is durable.
    /// [`ResultFile::part`] says which it is.
    ///
    /// # Errors
    /// [`ServiceError`]; before a result is durable under its name nothing of it is left, and its
    /// request is untouched. [`ServiceError::Part`] where there are several: the results of the
    /// requests before it stand ([`Service::made_by`]), and those after it are not made.
    pub fn code(
        &mut self,
        quorum: Quorum,
        files: &[RunFiles],
        mut work: impl FnMut(&Coder, &mut ResultFile) -> Result<Written, WorkError>,
    ) -> Result<Vec<Made>, ServiceError> {
        let Action::Code { domain, generation, scheme, .. } = quorum.question().action.clone()
        else {
            return Err(self.other_action(quorum));
        };
        let open = |service: &mut Self, root: &Secret<32>, second: Option<&Rechecker>| {
            let chain = service.state.domain(&domain)?.chain(None, generation).collect();
            let (keys, secrets) = service.keys(root, &domain, chain)?;
            let take = |second: &Rechecker| second.take_keys(Some(scheme), &secrets);
            second.map_or(Ok(()), take).map_err(work_error)?;
            Coder::new(keys).map_err(work_error)
        };
        self.run_on_files(quorum, files, open, |coder, file| work(coder, file))
    }

    /// Renews the requests of codes that a quorum approved, as [`Service::code`] codes identifiers.
    ///
    /// # Errors
    /// As [`Service::code`].
    pub fn renew(
        &mut self,
        quorum: Quorum,
        files: &[RunFiles],
        mut work: impl FnMut(&Renewer, &mut ResultFile) -> Result<Written, WorkError>,
    ) -> Result<Vec<Made>, ServiceError> {
        let Action::Renew { domain, from, generation, .. } = quorum.question().action.clone()
        else {
            return Err(self.other_action(quorum));
        };
        let open = |service: &mut Self, root: &Secret<32>, second: Option<&Rechecker>| {
            let chain = service.state.domain(&domain)?.chain(Some(from), generation).collect();
            let (keys, secrets) = service.keys(root, &domain, chain)?;
            let take = |second: &Rechecker| second.take_keys(None, &secrets);
            second.map_or(Ok(()), take).map_err(work_error)?;
            Renewer::new(from, keys).map_err(work_error)
        };
        self.run_on_files(quorum, files, open, |renewer, file| work(renewer, file))
    }

    /// A run whose keys `open` opens. The root secret is gone before `work` sees the first row.
    ///
    /// The request of a part is destroyed before the next part begins, so that never more than one
    /// destruction is owed; that of the last part after the run has ended.
    fn run_on_files<Keys>(
        &mut self,
        quorum: Quorum,
        files: &[RunFiles],
        open: impl FnOnce(&mut Self, &Secret<32>, Option<&Rechecker>) -> Result<Keys, ServiceError>,
        mut work: impl FnMut(&Keys, &mut ResultFile) -> Result<Written, WorkError>,
    ) -> Result<Vec<Made>, ServiceError> {
        let run = quorum.question().run;
        // It ends with the run, and the second process with it.
        let second = self.rechecker.take().map(Arc::new);
        let begun = match self.begin_journals(&quorum, files) {
            Ok(begun) => begun,
            Err(error) => {
                self.lapse(&run, Lapse::Withdrawn, quorum.consents());
                self.forget_journals(&run, files.len());
                return Err(error);
            }
        };
        let mut last = Vec::new();
        let outcome = self.run(quorum, |service, approved| {
            let Approved { action, root, epoch, .. } = approved;
            let keys = open(service, &root, second.as_deref());
            let arrived = service.open_request_keys((&root, epoch), &action);
            drop(root);
            wipe_stack();
            let (keys, arrived) = (keys?, arrived?);
            let parts = action.parts();
            for (Begun { held, journal }, request) in begun.into_iter().zip(files) {
                let part = journal.delivery.part;
                let make = || {
                    let from = (&arrived, request, &second);
                    service.make_result(&action, journal, from, |file| work(&keys, file))?;
                    if part == parts {
                        last = held;
                    } else {
                        service.pay_what_is_owed(held)?;
                    }
                    Ok(())
                };
                make().map_err(|error| in_part(error, part, parts, request))?;
            }
            Ok(())
        });
        if outcome.is_err() && self.state.pending().is_none() {
            self.forget_journals(&run, files.len());
        }
        outcome?;
        self.pay_what_is_owed(last)?;
        Ok(self.made_by(&run))
    }

    /// Removes the journals of parts that never began; where one cannot be removed, the next
    /// opening sweeps it.
    fn forget_journals(&self, run: &RunId, parts: usize) {
        for part in (1..).take(parts) {
            let delivery = DeliveryId { run: *run, part };
            if !self.state.deliveries().contains_key(&delivery) {
                let _ = files::remove_if_present(&Journal::path(&self.home, &delivery));
            }
        }
    }

    /// Takes hold of the requests and writes the journals of the run that is about to begin.
    fn begin_journals(
        &self,
        quorum: &Quorum,
        files: &[RunFiles],
    ) -> Result<Vec<Begun>, ServiceError> {
        let (run, action) = (quorum.question().run, &quorum.question().action);
        let (given, approved) = (files.len(), action.inputs().len());
        if given != approved {
            return Err(ServiceError::OtherRequests { given, approved });
        }
        // A run whose number is spent is refused before its journal could be taken for the former
        // run's.
        if self.state.deliveries_of(&run).next().is_some() {
            return Err(cstatns_record::state::Refusal::Replayed.into());
        }
        check_apart(files)?;
        let mut begun = Vec::with_capacity(given);
        for (part, files) in (1..).zip(files) {
            let held = hold(files, action.keeps_request())?;
            let journal = Journal::new(DeliveryId { run, part }, &held, files)?;
            check_names(files)?;
            begun.push(Begun { held, journal });
        }
        for Begun { journal, .. } in &begun {
            let place = Journal::path(&self.home, &journal.delivery);
            files::write_new(&place, &canonical_json(journal), Access::Private)?;
        }
        Ok(begun)
    }

    fn make_result(
        &mut self,
        action: &Action,
        mut journal: Journal,
        (keys, files, second): (&RequestKeys, &RunFiles, &Option<Arc<Rechecker>>),
        work: impl FnOnce(&mut ResultFile) -> Result<Written, WorkError>,
    ) -> Result<(), ServiceError> {
        let part = journal.delivery.part;
        let expected = Expected::of(self, action, part)?;
        let seal = self.seal(&journal, action).ok_or(ServiceError::RequestChanged)?;
        let arrived = match (action.input(part), files.request.first()) {
            (Some(input), Some(path)) => self.arrived(keys, action, (input, path))?,
            _ => None,
        };
        if let Some(arrived) = &arrived {
            journal.accepted.clone_from(&arrived.manifest.accepted);
        }
        let parcel = self.parcel(action, &journal)?;
        let is_parcel = parcel.is_some();
        let mut file = ResultFile::create(&journal, (expected, seal), arrived, parcel)?;
        file.begin_recheck(second.clone());
        let written = work(&mut file);
        wipe_stack();
        let Written { found, result, mut counts } = written?;
        let rows = expected.check(&found)?;
        counts.rechecked =
            second.as_ref().map(|second| second.finish()).transpose().map_err(work_error)?;
        let report = is_parcel.then(|| self.report_of_run(action, &journal, (result, &counts)));
        let report = report.transpose()?;
        let mut file = file.stand_by(report.as_ref(), (&self.card, &self.identity.key()))?;
        let parcel = is_parcel.then(|| Mark::of(file.temporary())).transpose()?;
        let rechecked = counts.rechecked;
        journal.ready = Some(Ready { result, counts, parcel });
        journal.replace(&self.home)?;
        if let Err(error) = file.take_name() {
            // The name may have been given before the error: then it goes, for no event will speak
            // of it.
            self.result_stands = file.has_name();
            if self.result_stands {
                file.stand_back()?;
                self.result_stands = false;
            }
            return Err(error.into());
        }
        self.result_stands = true;
        self.record(coded(action, journal.delivery, (rows, rechecked), result))?;
        self.result_stands = false;
        Ok(())
    }

    /// The parcel that a result goes into, if it goes to a party.
    fn parcel(&self, action: &Action, journal: &Journal) -> Result<Option<Parcel>, ServiceError> {
        let (Some(card), Some(input)) = (action.recipient(), action.input(journal.delivery.part))
        else {
            return Ok(None);
        };
        let card = &self.state.party(card)?.card;
        let recipient = Recipient::new(&card.body.receiving).map_err(|_| SharingError::Format)?;
        let extension = Extension::of(&inner_name(&journal.result));
        let ends = (End::of_service(&self.card), End::of(card));
        let mut head = Head::new(ends.0, ends.1, extension, self.clock());
        head.kind = ParcelKind::Result;
        head.service = ServiceId::of(self.card.id());
        head.domain = action.domain().cloned();
        head.commitment = Some(input.commitment);
        head.checkpoint = Some(self.ledger.note().to_owned());
        Ok(Some(Parcel { head, recipient }))
    }

    /// Under what the commitment of a result is computed.
    fn seal(&self, journal: &Journal, action: &Action) -> Option<Seal> {
        let (r#use, generation) = match action {
            Action::Code { look_up: Some(_), generation, .. } => (Use::LookUp, *generation),
            Action::Code { generation, .. } => (Use::Code, *generation),
            Action::Renew { generation, .. } => (Use::Renew, *generation),
            _ => return None,
        };
        let delivery = journal.delivery;
        let from = FileMeta {
            service: self.card.id().to_owned(),
            domain: action.domain()?.clone(),
            generation,
            delivery,
        };
        let context = Context::result(&from, r#use, &action.input(delivery.part)?.commitment);
        Some(Seal { key: journal.commitment_key(), context })
    }

    /// Whether the file under the name of a run's result is that result: its commitment shows it.
    ///
    /// # Errors
    /// [`ServiceError::ResultAway`] where it is not, and had taken that name: it does not stand by
    /// any more; [`ServiceError::ResultUnread`] where nobody reads it.
    pub(super) fn is_result(
        &self,
        journal: &Journal,
        ready: &Ready,
        action: &Action,
        read: Option<ReadResult<'_>>,
    ) -> Result<bool, ServiceError> {
        let path = journal.result.clone();
        let is_there = match std::fs::symlink_metadata(&path) {
            Ok(data) => data.is_file(),
            Err(error) if is_absence(&error) => false,
            Err(error) => return Err(FileError::from_io(&path, &error).into()),
        };
        let is_it = match &ready.parcel {
            _ if !is_there => false,
            Some(mark) => Mark::of(&path)? == *mark,
            None => self.has_commitment(journal, ready, action, read)?,
        };
        if is_it {
            return Ok(true);
        }
        match journal.stands_by() {
            true => Ok(false),
            false => Err(ServiceError::ResultAway { delivery: journal.delivery, path }),
        }
    }

    fn has_commitment(
        &self,
        journal: &Journal,
        ready: &Ready,
        action: &Action,
        read: Option<ReadResult<'_>>,
    ) -> Result<bool, ServiceError> {
        let path = journal.result.clone();
        let read = read.ok_or_else(|| ServiceError::ResultUnread { path: path.clone() })?;
        let (Some(seal), Some(domain)) = (self.seal(journal, action), action.domain()) else {
            return Ok(false);
        };
        let (Action::Code { generation, .. } | Action::Renew { generation, .. }) = *action else {
            return Ok(false);
        };
        let left = LeftResult { path, tag: self.state.tag(domain), generation, seal };
        Ok(read(&left)? == Some(ready.result))
    }

    /// What was made of a request, for the report.
    pub fn made(&self, id: &DeliveryId) -> Option<Made> {
        let delivery = self.state.deliveries().get(id)?;
        let domain = self.state.domain(&delivery.domain).ok()?;
        let key = domain.key(delivery.generation)?;
        Some(Made {
            delivery: *id,
            parts: delivery.parts,
            domain: delivery.domain.clone(),
            tag: self.state.tag(&delivery.domain),
            from: delivery.from,
            generation: delivery.generation,
            check: key.check,
            rows: delivery.rows,
            request: delivery.request,
            result: delivery.result,
            begun: delivery.begun,
            made: delivery.made,
            rechecked: delivery.rechecked,
            request_kept: delivery.request_kept,
            scheme: delivery.scheme,
            look_up: delivery.look_up,
            overdue_since: overdue(domain, key, delivery.begun),
            head: self.ledger.history().head(),
            recipient: delivery.recipient,
            sender: delivery.sender,
        })
    }

    /// What a run made so far, by part.
    pub fn made_by(&self, run: &RunId) -> Vec<Made> {
        self.state.deliveries_of(run).filter_map(|(id, _)| self.made(id)).collect()
    }
}

/// The day on which a key was due for renewal, where that was past when a run began.
pub(super) fn overdue(domain: &Domain, key: &Key, begun: Timestamp) -> Option<Date> {
    let begun = TimeZone::UTC.to_datetime(begun).date();
    domain.due(key).filter(|due| *due < begun)
}

/// Of several requests, says which one the error is about.
fn in_part(error: ServiceError, part: u32, parts: u32, files: &RunFiles) -> ServiceError {
    match files.request.first().filter(|_| parts > 1) {
        Some(request) => {
            let (request, error) = (request.clone(), Box::new(error));
            ServiceError::Part { part, parts, request, error }
        }
        None => error,
    }
}

/// The event of a result.
pub(super) fn coded(
    action: &Action,
    DeliveryId { run, part }: DeliveryId,
    (rows, rechecked): (u64, Option<u64>),
    result: Commitment,
) -> Event {
    match action {
        Action::Renew { .. } => Event::Renewed { run, part, rows, result, rechecked },
        _ => Event::Coded { run, part, rows, result, rechecked },
    }
}

/// Whether the error says that nothing has that name.
pub(super) fn is_absence(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

fn work_error(error: impl Coded + Send + Sync + 'static) -> ServiceError {
    WorkError::new(error).into()
}
