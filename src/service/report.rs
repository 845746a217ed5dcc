//! The account of a run, which the service signs: right after it, or made again after a stop (SPEC
//! §6).

use std::collections::BTreeMap;
use std::path::PathBuf;

use cstatns_base::commitment::Commitment;
use cstatns_base::delivery::DeliveryId;
use cstatns_base::meta::{SPEC, SUITE};
use cstatns_base::name::{Hex, Name};
use cstatns_record::checkpoint::{Head, sign_head};
use cstatns_record::ledger::event::{Destroyed, Event, Line, Means};
use cstatns_record::ledger::{History, Lines};
use cstatns_record::proposal::Action;
use cstatns_record::report::{Destruction, OpenedCommitment, ReportBody, SignedReport};
use cstatns_record::state::Refusal;
use jiff::Timestamp;

use super::coding::{Made, overdue};
use super::journal::{Counts, Journal};
use super::{Service, ServiceError};

/// The program that makes reports.
const TOOL: &str = concat!("cstatns ", env!("CARGO_PKG_VERSION"));

/// What a report says of the end of its run.
struct Account {
    destroyed: Vec<Destruction>,
    end: Timestamp,
    covers: Head,
}

impl Service {
    /// The report of a delivery whose copy is still here, from the ledger and the outbox: the same
    /// right after the run and when it is made again later. `tool` is the program and its version;
    /// `request` are the request's files with their sizes, which are known right after the run
    /// only.
    ///
    /// # Errors
    /// [`Refusal::UnknownDelivery`] where there is none, or the outbox does not say what was made;
    /// [`ServiceError::File`].
    pub fn report(
        &self,
        id: &DeliveryId,
        tool: &str,
        request: &[(PathBuf, Option<u64>)],
    ) -> Result<SignedReport, ServiceError> {
        let made = self.made(id).ok_or(Refusal::UnknownDelivery)?;
        let (counts, key) = self.counts_of(id).ok_or(Refusal::UnknownDelivery)?;
        let wanted = Destroyed::request_of(*id);
        let (mut end, mut how, mut covers) = (made.made, None, made.head);
        let mut history = History::default();
        let mut lines = Lines::open(&self.home.join("ledger.jsonl"))?;
        while let Some(line) = lines.next_line()? {
            history.push(line);
            let Ok(Line { time, event, .. }) = serde_json::from_slice::<Line>(line) else {
                continue;
            };
            match event {
                Event::Coded { run, part, .. } | Event::Renewed { run, part, .. }
                    if (DeliveryId { run, part }) == *id =>
                {
                    covers = history.head();
                }
                // The present key signs for no fewer events.
                Event::Rekeyed { .. } => covers = history.head(),
                Event::Destroyed { what, how: means } if what == wanted => {
                    (end, how, covers) = (time, Some(means), history.head());
                }
                _ => {}
            }
        }
        let how = how.map(|means| match means {
            Means::Overwritten => Destruction::OVERWRITTEN,
            Means::Absent => Destruction::ABSENT,
            Means::Lost => Destruction::LOST,
        });
        let destroyed =
            request.iter().filter_map(|(path, bytes)| Some(Destruction::new(path, *bytes, how?)));
        let account = Account { destroyed: destroyed.collect(), end, covers };
        self.sign_report(made, tool, (counts, key, self.accepted_of(id)), account)
    }

    /// The report of a result that is made and not recorded yet: it travels in the parcel with it.
    /// Its checkpoint covers the run's intent.
    pub(super) fn report_of_run(
        &self,
        action: &Action,
        journal: &Journal,
        (result, counts): (Commitment, &Counts),
    ) -> Result<SignedReport, ServiceError> {
        let pending = self.state.pending().ok_or(Refusal::NoQuestion)?;
        let (from, generation, scheme, look_up) = match action {
            Action::Code { generation, scheme, look_up, .. } => {
                (None, *generation, Some(*scheme), *look_up)
            }
            Action::Renew { from, generation, .. } => (Some(*from), *generation, None, None),
            _ => return Err(ServiceError::RequestChanged),
        };
        let (Some(name), Some(input)) = (action.domain(), action.input(journal.delivery.part))
        else {
            return Err(ServiceError::RequestChanged);
        };
        let domain = self.state.domain(name)?;
        let key = domain.key(generation).ok_or(Refusal::UnknownDomain)?;
        let covers = self.ledger.history().head();
        let made = Made {
            delivery: journal.delivery,
            parts: action.parts(),
            domain: name.clone(),
            tag: self.state.tag(name),
            from,
            generation,
            check: key.check,
            rows: input.rows,
            request: input.commitment,
            result,
            begun: pending.begun,
            made: self.time_of_run(),
            rechecked: counts.rechecked,
            request_kept: action.keeps_request(),
            scheme,
            look_up,
            overdue_since: overdue(domain, key, pending.begun),
            head: covers,
            recipient: action.recipient().copied(),
            sender: input.sent.as_ref().map(|sent| sent.sender),
        };
        let account = Account { destroyed: Vec::new(), end: made.made, covers };
        let counted = (counts.clone(), journal.key, journal.accepted.clone());
        self.sign_report(made, TOOL, counted, account)
    }

    fn sign_report(
        &self,
        made: Made,
        tool: &str,
        (counts, key, accepted): (Counts, Hex<32>, BTreeMap<String, Name>),
        Account { destroyed, end, covers }: Account,
    ) -> Result<SignedReport, ServiceError> {
        let domain = self.state.domain(&made.domain)?;
        let (left_out, minimum_batch) = (domain.left_out(), Some(domain.minimum_batch));
        let body = ReportBody {
            format: ReportBody::FORMAT,
            tool: tool.to_owned(),
            spec: SPEC.to_owned(),
            suite: SUITE.to_owned(),
            service: self.card.id().to_owned(),
            r#use: made.r#use(),
            domain: made.domain,
            generation: made.generation,
            check: made.check,
            delivery: made.delivery,
            request: made.request,
            result: OpenedCommitment { commitment: made.result, key },
            recipient: made.recipient,
            sender: made.sender,
            minimum_batch,
            rows_in: made.rows,
            rows_out: made.rows,
            coded: counts.coded,
            rechecked: counts.rechecked,
            quality: counts.quality,
            scores: counts.scores,
            scheme: made.scheme,
            look_up: made.look_up,
            overdue_since: made.overdue_since,
            left_out,
            accepted,
            destroyed,
            begin: made.begun,
            end,
            checkpoint: sign_head(&covers, self.card.id(), &self.identity.key()),
        };
        Ok(SignedReport::new(body, &self.identity.key()))
    }
}
