//! The account of a run: right after it, or made again after a stop.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cstatns::ledger::event::{Destroyed, Event, Line, Means};
use cstatns::ledger::{History, Lines};
use cstatns::look_up::Scores;
use cstatns::meta::SPEC;
use cstatns::name::Hex;
use cstatns::report::{Destruction, Report, report_path};
use cstatns::service::{Made, Service};
use cstatns_bulk::Tally;
use cstatns_controller::summarise;

use crate::fault::Fault;
use crate::output::Program;

/// What is counted of a result's rows.
#[derive(Default)]
pub(super) struct Counts {
    coded: Option<u64>,
    quality: BTreeMap<String, u64>,
    scores: Option<Scores>,
}

impl From<Tally> for Counts {
    fn from(coded: Tally) -> Self {
        let quality = coded.qualities.into_iter().map(|(word, count)| (word.to_owned(), count));
        Self { coded: Some(coded.coded), quality: quality.collect(), scores: coded.scores }
    }
}

/// The account of a run, from the ledger: the same right after it and when it is made again later.
/// The sizes of the request's files are known right after it only.
pub(super) fn report(
    service: &Service,
    home: &Path,
    made: &Made,
    counts: Option<Counts>,
    request: &[(PathBuf, Option<u64>)],
) -> Result<Report, Fault> {
    let Counts { coded, quality, scores } = counts.unwrap_or_default();
    let wanted = Destroyed::Request { run: made.run };
    let mut history = History::default();
    let (mut end, mut how, mut checkpoint) = (made.made, None, None);
    let mut lines = Lines::open(&home.join("ledger.jsonl"))?;
    while let Some(line) = lines.next_line()? {
        history.push(line);
        let Ok(Line { time, event, .. }) = serde_json::from_slice::<Line>(line) else { continue };
        match event {
            Event::Coded { run, .. } | Event::Renewed { run, .. } if run == made.run => {
                checkpoint = Some(history.head());
            }
            Event::Destroyed { what, how: means } if what == wanted => {
                (end, how, checkpoint) = (time, Some(means), Some(history.head()));
            }
            _ => {}
        }
    }
    let head = checkpoint.unwrap_or(made.head);
    let how = how.map(|means| match means {
        Means::Overwritten => Destruction::OVERWRITTEN,
        Means::Absent => Destruction::ABSENT,
        Means::Lost => Destruction::LOST,
    });
    let destroyed =
        request.iter().filter_map(|(path, bytes)| Some(Destruction::new(path, *bytes, how?)));
    Ok(Report {
        format: Report::FORMAT,
        tool: concat!("cstatns ", env!("CARGO_PKG_VERSION")).to_owned(),
        spec: SPEC.to_owned(),
        service: service.card().id().to_owned(),
        domain: made.domain.clone(),
        generation: made.generation,
        key_id: Hex::parse(&made.check.to_string().as_bytes()[..16]),
        delivery: made.run,
        request: made.request,
        rows_in: made.rows,
        rows_out: made.rows,
        coded,
        quality,
        scores,
        scheme: made.scheme,
        look_up: made.look_up,
        accepted: service.accepted_of(&made.run),
        destroyed: destroyed.collect(),
        begin: made.begun,
        end,
        checkpoint: Some(head),
    })
}

/// Makes the reports that a stop kept from being written. What cannot be written does not stop a
/// command.
pub(in crate::service) fn write_missing_reports(program: &Program, service: &Service, home: &Path) {
    for outgoing in service.outgoing() {
        // A report says what was destroyed: it waits for a destruction that is owed.
        let owed = Destroyed::Request { run: outgoing.delivery };
        if service.state().owed() == Some(&owed) {
            continue;
        }
        let Some(result) = outgoing.result.filter(|result| result.is_file()) else { continue };
        let path = report_path(&result);
        if path.symlink_metadata().is_ok() {
            continue;
        }
        let written = summarise(&result).map_err(Fault::from).and_then(|summary| {
            let made = service.made(&outgoing.delivery);
            let Some(made) = made.filter(|made| made.rows == summary.rows) else {
                return Err(Fault::form(&result, "the result of this delivery"));
            };
            let request: Vec<_> = service
                .request_of(&outgoing.delivery)
                .into_iter()
                .map(|path| (path, None))
                .collect();
            let counts = Counts {
                coded: Some(summary.coded),
                quality: summary.qualities,
                scores: summary.scores,
            };
            report(service, home, &made, Some(counts), &request)?.write(&path)?;
            Ok(())
        });
        match written {
            Ok(()) => program
                .say(format_args!("the report {path:?} was missing: written from the result")),
            Err(fault) => {
                let why = fault.line().unwrap_or_default();
                program.say(format_args!(
                    "warning: the report {path:?} is missing and cannot be written: {why}"
                ));
            }
        }
    }
}
