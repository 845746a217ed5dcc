//! Runs that turn a request into a result: `code` and `renew` (SPEC §13).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cstatns_base::code::{Generation, Tag};
use cstatns_base::commitment::{Commitment, CommitmentKey, Context, Use};
use cstatns_base::domain::CheckValue;
use cstatns_base::files::{self, Access, Facts, FileError, Held, Remembered};
use cstatns_base::identifier::Scheme;
use cstatns_base::look_up::LookUp;
use cstatns_base::meta::FileMeta;
use cstatns_base::name::{Hex, Name, canonical_json};
use cstatns_base::secret::{Secret, random_bytes, wipe_stack};
use cstatns_record::checkpoint::Head;
use cstatns_record::ledger::event::{Event, Lapse};
use cstatns_record::proposal::{Action, RunId};
use cstatns_record::report::ReportBody;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::coder::{Coder, Renewer};
use crate::custody::quorum::Quorum;

use super::result::{
    Counts, Expected, LeftResult, ReadResult, ResultFile, Seal, WorkError, Written,
};
use super::{Approved, HOME_FORMAT, LIMIT, Service, ServiceError};

/// The files of a run.
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
    /// The delivery: the run's number.
    pub run: RunId,
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
    /// Whether the request was kept against the scheme.
    pub request_kept: bool,
    /// The scheme of the identifiers that were coded; none after a renewal.
    pub scheme: Option<Scheme>,
    /// How its people were looked up, if they were.
    pub look_up: Option<LookUp>,
    /// The ledger after it.
    pub head: Head,
}

/// Where a run's files lie, and what it found: kept in `outbox/`, because the ledger holds neither.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Journal {
    pub(super) format: u32,
    pub(super) run: RunId,
    pub(super) request: Vec<Remembered>,
    pub(super) result: PathBuf,
    /// The inode of the result's directory.
    place: Hex<8>,
    /// What opens the commitment of the result.
    pub(super) key: Hex<32>,
    /// The result that is whole, before it takes its name.
    pub(super) ready: Option<Ready>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) accepted: BTreeMap<String, Name>,
}

/// What is known of a result that is whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ready {
    /// Its commitment, which tells it from another file of its name.
    pub(super) result: Commitment,
    pub(super) counts: Counts,
}

/// The inode of the directory in which a file lies.
fn place_of(path: &Path) -> Result<Hex<8>, FileError> {
    let facts = Facts::of(path.parent().unwrap_or(path))?;
    // Not a number: the inodes of some file systems need all 64 bits, which JSON's do not hold.
    Ok(Hex(facts.inode.1.to_be_bytes()))
}

impl Journal {
    pub(super) fn path(home: &Path, run: &RunId) -> PathBuf {
        home.join("outbox").join(format!("{run}.json"))
    }

    pub(super) fn read(path: &Path) -> Result<Self, ServiceError> {
        let bytes = files::read(path, LIMIT)?;
        serde_json::from_slice(&bytes).map_err(|_| ServiceError::HomeDamaged { file: "outbox" })
    }

    fn new(run: RunId, held: &[Held], files: &RunFiles) -> Result<Self, ServiceError> {
        let result = &files.result;
        let request = held.iter().map(|held| held.remembered().clone()).collect();
        let result =
            std::path::absolute(result).map_err(|error| FileError::from_io(result, &error))?;
        let mut key = Hex([0; 32]);
        random_bytes(&mut key.0);
        Ok(Self {
            format: HOME_FORMAT,
            run,
            request,
            place: place_of(&result)?,
            result,
            key,
            ready: None,
            accepted: files.accepted.clone(),
        })
    }
}

/// Holds the files of a request, which are destroyed after the run; of a run that keeps them,
/// nothing.
fn hold(files: &RunFiles, keep_request: bool) -> Result<Vec<Held>, ServiceError> {
    let request: &[PathBuf] = if keep_request { &[] } else { &files.request };
    let hold = |path: &PathBuf| {
        Held::new(path).map_err(|error| match error {
            FileError::Missing { .. } => error.into(),
            error => ServiceError::RequestStays { error },
        })
    };
    request.iter().map(hold).collect()
}

impl Made {
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
    /// Looks at the files of a run before anybody is asked for it: the request can be destroyed
    /// afterwards, unless it is kept, and the result can be written.
    ///
    /// # Errors
    /// [`ServiceError::RequestStays`]; [`ServiceError::File`] for the result.
    pub fn check_files(&self, files: &RunFiles, keep_request: bool) -> Result<(), ServiceError> {
        hold(files, keep_request)?;
        if let Some(missing) = files.request.iter().find(|path| !path.is_file()) {
            return Err(FileError::Missing { path: missing.clone() }.into());
        }
        if files.result.symlink_metadata().is_ok() {
            return Err(FileError::Exists { path: files.result.clone() }.into());
        }
        Ok(files::check_directory_of(&files.result)?)
    }

    /// Codes a request that a quorum approved. `work` reads the request, codes its identifiers with
    /// the coder that it is lent and writes the result; it is called once, after the intent is
    /// durable.
    ///
    /// # Errors
    /// [`ServiceError`]; before the result is durable under its name nothing of it is left, and the
    /// request is untouched.
    pub fn code(
        &mut self,
        quorum: Quorum,
        files: &RunFiles,
        work: impl FnOnce(&Coder, &mut ResultFile) -> Result<Written, WorkError>,
    ) -> Result<Made, ServiceError> {
        let Action::Code { domain, generation, .. } = quorum.question().action.clone() else {
            return Err(self.other_action(quorum));
        };
        let open = |service: &mut Self, root: &Secret<32>| {
            let keys = service.keys(root, &domain, 1..=generation.get())?;
            Coder::new(keys).map_err(work_error)
        };
        self.run_on_files(quorum, files, open, |coder, file| work(&coder, file))
    }

    /// Renews a request of codes that a quorum approved, as [`Service::code`] codes identifiers.
    ///
    /// # Errors
    /// As [`Service::code`].
    pub fn renew(
        &mut self,
        quorum: Quorum,
        files: &RunFiles,
        work: impl FnOnce(&Renewer, &mut ResultFile) -> Result<Written, WorkError>,
    ) -> Result<Made, ServiceError> {
        let Action::Renew { domain, from, generation, .. } = quorum.question().action.clone()
        else {
            return Err(self.other_action(quorum));
        };
        let open = |service: &mut Self, root: &Secret<32>| {
            let keys = service.keys(root, &domain, from.next().get()..=generation.get())?;
            Renewer::new(from, keys).map_err(work_error)
        };
        self.run_on_files(quorum, files, open, |renewer, file| work(&renewer, file))
    }

    /// A run whose keys `open` opens. The root secret is gone before `work` sees the first row.
    fn run_on_files<Keys>(
        &mut self,
        quorum: Quorum,
        files: &RunFiles,
        open: impl FnOnce(&mut Self, &Secret<32>) -> Result<Keys, ServiceError>,
        work: impl FnOnce(Keys, &mut ResultFile) -> Result<Written, WorkError>,
    ) -> Result<Made, ServiceError> {
        let run = quorum.question().run;
        let place = Journal::path(&self.home, &run);
        let (held, journal) = match self.begin_journal(&quorum, files, &place) {
            Ok(begun) => begun,
            Err(error) => {
                self.lapse(&run, Lapse::Withdrawn, quorum.consents());
                return Err(error);
            }
        };
        let outcome = self.run(quorum, |service, approved| {
            let Approved { run, action, root, .. } = approved;
            let keys = open(service, &root);
            drop(root);
            wipe_stack();
            let keys = keys?;
            service.make_result(run, &action, journal, &place, |file| work(keys, file))
        });
        if outcome.is_err()
            && self.state.pending().is_none()
            && !self.state.deliveries().contains_key(&run)
        {
            // The journal of a run that never began; where it cannot be removed, the next opening
            // sweeps it.
            let _ = files::remove_if_present(&place);
        }
        outcome?;
        self.pay_what_is_owed(held)?;
        self.made(&run).ok_or_else(|| cstatns_record::state::Refusal::UnknownDelivery.into())
    }

    /// Takes hold of the request and writes the journal of the run that is about to begin.
    fn begin_journal(
        &self,
        quorum: &Quorum,
        files: &RunFiles,
        place: &Path,
    ) -> Result<(Vec<Held>, Journal), ServiceError> {
        let run = quorum.question().run;
        let held = hold(files, quorum.question().action.keeps_request())?;
        let journal = Journal::new(run, &held, files)?;
        if journal.result.symlink_metadata().is_ok() {
            return Err(FileError::Exists { path: journal.result }.into());
        }
        if let Some(missing) = files.request.iter().find(|path| !path.is_file()) {
            return Err(FileError::Missing { path: missing.clone() }.into());
        }
        // A run whose number is spent is refused before its journal could be taken for the former
        // run's.
        if self.state.deliveries().contains_key(&run) {
            return Err(cstatns_record::state::Refusal::Replayed.into());
        }
        files::write_new(place, &canonical_json(&journal), Access::Private)?;
        Ok((held, journal))
    }

    fn make_result(
        &mut self,
        run: RunId,
        action: &Action,
        mut journal: Journal,
        place: &Path,
        work: impl FnOnce(&mut ResultFile) -> Result<Written, WorkError>,
    ) -> Result<(), ServiceError> {
        let expected = Expected::of(self, action)?;
        let seal = self.seal(&journal, action).ok_or(ServiceError::RequestChanged)?;
        let mut file = ResultFile::create(&journal.result, &run, expected, seal)?;
        let written = work(&mut file);
        wipe_stack();
        let Written { found, result, counts } = written?;
        let rows = expected.check(&found)?;
        journal.ready = Some(Ready { result, counts });
        files::replace(place, &canonical_json(&journal), Access::Private)?;
        if let Err(error) = file.commit() {
            // The name may have been given before the error: then it goes, for no event will speak
            // of it. The file is not overwritten: stopped half-way, that would leave a spoiled file
            // that still passes for the finished result.
            self.result_stands = file.has_name();
            if self.result_stands {
                files::remove(&journal.result)?;
                self.result_stands = false;
            }
            return Err(error.into());
        }
        self.result_stands = true;
        self.record(coded(action, run, rows, result))?;
        self.result_stands = false;
        Ok(())
    }

    /// Under what the commitment of a run's result is computed.
    fn seal(&self, journal: &Journal, action: &Action) -> Option<Seal> {
        let (r#use, generation) = match action {
            Action::Code { look_up: Some(_), generation, .. } => (Use::LookUp, *generation),
            Action::Code { generation, .. } => (Use::Code, *generation),
            Action::Renew { generation, .. } => (Use::Renew, *generation),
            _ => return None,
        };
        let from = FileMeta {
            service: self.card.id().to_owned(),
            domain: action.domain()?.clone(),
            generation,
            delivery: journal.run,
        };
        let context = Context::result(&from, r#use, ReportBody::PART, &action.input()?.commitment);
        Some(Seal { key: journal.commitment_key(), context })
    }

    /// Whether the file under the name of a run's result is that result: its commitment shows it.
    ///
    /// # Errors
    /// [`ServiceError::ResultAway`] where its directory is not there;
    /// [`ServiceError::ResultUnread`] where nobody reads it.
    pub(super) fn is_result(
        &self,
        journal: &Journal,
        ready: &Ready,
        action: &Action,
        read: Option<ReadResult<'_>>,
    ) -> Result<bool, ServiceError> {
        let path = journal.result.clone();
        match std::fs::symlink_metadata(&path) {
            Ok(data) if data.is_file() => {}
            Ok(_) => return Ok(false),
            Err(_) if place_of(&path).ok() != Some(journal.place) => {
                return Err(ServiceError::ResultAway { run: journal.run, path });
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(FileError::from_io(&path, &error).into()),
        }
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

    /// What a run made, for its report.
    pub fn made(&self, run: &RunId) -> Option<Made> {
        let delivery = self.state.deliveries().get(run)?;
        let key = self.state.domain(&delivery.domain).ok()?.key(delivery.generation)?;
        Some(Made {
            run: *run,
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
            request_kept: delivery.request_kept,
            scheme: delivery.scheme,
            look_up: delivery.look_up,
            head: self.ledger.history().head(),
        })
    }
}

impl Journal {
    /// What opens the commitment of the result.
    pub(super) fn commitment_key(&self) -> CommitmentKey {
        CommitmentKey::from_hex(&self.key.to_string()).expect("it is hexadecimal")
    }

    /// Where the result lies before it takes its name.
    pub(super) fn temporary(&self) -> PathBuf {
        files::temporary_path(&self.result, &self.run.0)
    }
}

/// The event of a result.
pub(super) fn coded(action: &Action, run: RunId, rows: u64, result: Commitment) -> Event {
    match action {
        Action::Renew { .. } => Event::Renewed { run, rows, result },
        _ => Event::Coded { run, rows, result },
    }
}

fn work_error(error: crate::coder::CoderError) -> ServiceError {
    WorkError::new(error).into()
}
