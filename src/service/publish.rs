//! What a service publishes, for everybody to read (SPEC §13).

use std::io::{self, Read};
use std::path::Path;

use cstatns_base::code::Generation;
use cstatns_base::delivery::DeliveryName;
use cstatns_base::files::{self, FileError, Versions};
use cstatns_base::name::{Name, canonical_json};
use cstatns_record::audit::UnsignedFor;
use cstatns_record::ledger::Lines;
use cstatns_record::proposal::RunId;
use jiff::Timestamp;
use serde::Serialize;

use super::questions::noted_consents;
use super::reader::Reader;
use super::{LIMIT, ServiceError};

/// The version of the format of `requests.json`.
const FORMAT: u32 = 1;

/// What was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// The events of the ledger.
    pub events: u64,
    /// How many of them were not published before.
    pub added: u64,
}

/// Who waits for what, as the published ledger says.
#[derive(Serialize)]
struct Requests<'a> {
    format: u32,
    service: &'a str,
    events: u64,
    /// The time of the last event.
    time: Timestamp,
    questions: Vec<Asked<'a>>,
    deliveries: Vec<Waiting<'a>>,
    /// Custodians whose share-held receipt is missing.
    receipts: Vec<Name>,
    /// Deliveries that a party has not signed for.
    unsigned_for: Vec<UnsignedFor>,
}

/// A question that custodians are asked.
#[derive(Serialize)]
struct Asked<'a> {
    run: RunId,
    verb: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<&'a Name>,
    event: u64,
    expires: Timestamp,
    /// How many of the custodians must consent.
    needed: usize,
    custodians: Vec<&'a Name>,
    /// Who has, as far as the process that waits for approvals from a distance has noted it: it is
    /// not recorded before the question ends.
    consented: Vec<Name>,
}

/// A delivery that is not with its counterpart.
#[derive(Serialize)]
struct Waiting<'a> {
    delivery: DeliveryName,
    domain: &'a Name,
    generation: Generation,
    rows: u64,
    made: Timestamp,
}

/// What is published, in the order in which the names are made.
const FILES: [&str; 4] = ["card.json", "requests.json", "checkpoint", "ledger.jsonl"];

impl Reader {
    /// Publishes the ledger as far as its checkpoint covers it, the checkpoint, the service's card
    /// and `requests.json` in `directory`, for everybody to read: at any moment the ledger and the
    /// checkpoint there are of one version. Nothing is written where nothing is new.
    ///
    /// # Errors
    /// [`ServiceError::PublishedOther`] where the ledger that is published there is not the
    /// beginning of this one: it stays. [`ServiceError::File`].
    pub fn publish(&self, directory: &Path) -> Result<Published, ServiceError> {
        let events = self.ledger.checkpoint.head.size;
        let mut versions = Versions::open(directory)?;
        let (ours, theirs) = (self.view().path.to_owned(), directory.join("ledger.jsonl"));
        // Through the link of the present version: a stop may have left the others unmade.
        let theirs = match versions.present() {
            Some(version) => directory.join(version).join("ledger.jsonl"),
            None => theirs,
        };
        let other = |event| ServiceError::PublishedOther { path: theirs.clone(), event };
        let mut before = match Lines::open(&theirs) {
            Ok(lines) => Some(lines),
            Err(FileError::Missing { .. }) if versions.present().is_none() => None,
            Err(error) => return Err(error.into()),
        };
        let (mut lines, mut known) = (Lines::open(&ours)?, 0);
        for number in 1..=events {
            let Some(line) = lines.next_line()? else { break };
            if let Some(published) = &mut before {
                let same = published.next_line()?.map(|published| published == line);
                match same {
                    Some(true) => known = number,
                    None if !published.is_torn() => before = None,
                    _ => return Err(other(number)),
                }
            }
        }
        if let Some(published) = &mut before
            && (published.next_line()?.is_some() || published.is_torn())
        {
            return Err(other(events + 1));
        }
        let requests = canonical_json(&self.requests(events));
        let present = versions.present().unwrap_or_default().to_owned();
        let same = |name: &str, bytes: &[u8]| {
            files::read(&directory.join(&present).join(name), LIMIT).is_ok_and(|old| old == bytes)
        };
        let card = canonical_json(&self.card);
        let note = self.ledger.checkpoint.note.as_bytes();
        let published = Published { events, added: events - known };
        let (size, again) = present.split_once('.').unwrap_or((&present, "0"));
        let of_this_size = size.parse() == Ok(events);
        let says_the_same = same("checkpoint", note) && same("requests.json", &requests);
        if of_this_size && published.added == 0 && says_the_same {
            versions.complete(&FILES)?;
            return Ok(published);
        }
        // Who is waited for may change while the ledger does not.
        let version = match of_this_size {
            true => format!("{events}.{}", again.parse().unwrap_or(0_u64) + 1),
            false => events.to_string(),
        };
        let mut ledger = files::open_to_read(&ours)?.take(lines.length());
        let sources: [&mut dyn Read; 4] = [
            &mut io::Cursor::new(card),
            &mut io::Cursor::new(requests),
            &mut io::Cursor::new(note),
            &mut ledger,
        ];
        let mut files: Vec<(&str, &mut dyn Read)> = FILES.into_iter().zip(sources).collect();
        versions.publish(&version, &mut files)?;
        Ok(published)
    }

    fn requests(&self, events: u64) -> Requests<'_> {
        let state = self.state();
        let newest = state.epochs().values().next_back();
        let dealing = newest.map(|epoch| &epoch.dealing);
        let working = state.working_dealing().ok().or(dealing);
        let custodians: Vec<&Name> = working
            .map(|dealing| dealing.roster.iter().map(|seat| &seat.card.body.name).collect())
            .unwrap_or_default();
        let needed = working.map_or(0, |dealing| dealing.threshold.k());
        let open = state.open_questions().iter();
        let waiting =
            state.deliveries().iter().filter(|(_, of)| !of.delivered && of.lost.is_none());
        Requests {
            format: FORMAT,
            service: self.card.id(),
            events,
            time: state.time(),
            questions: open
                .map(|(run, open)| Asked {
                    run: *run,
                    verb: open.question.action.verb(),
                    domain: open.question.action.domain(),
                    event: open.number,
                    expires: open.question.expires,
                    needed,
                    custodians: custodians.clone(),
                    consented: noted_consents(&self.home, run, state, &self.ledger.history)
                        .into_iter()
                        .map(|consent| consent.body.by)
                        .collect(),
                })
                .collect(),
            deliveries: waiting
                .map(|(id, delivery)| Waiting {
                    delivery: id.named(delivery.parts),
                    domain: &delivery.domain,
                    generation: delivery.generation,
                    rows: delivery.rows,
                    made: delivery.made,
                })
                .collect(),
            receipts: newest.map(|epoch| epoch.missing()).unwrap_or_default(),
            unsigned_for: UnsignedFor::all(self.state()),
        }
    }
}
