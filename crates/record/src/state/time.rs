//! The service's time, and which clocks are believed (SPEC §15).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ledger::event::{Event, Line};
use crate::proposal::CLOCK_SKEW;
use crate::receipt::{Receipt, ReceiptStatement};

use super::{State, Unlawful};

/// A clock that is further than this ahead of the service's time is not believed until custodians
/// confirm it.
pub const LONGEST_GAP: SignedDuration = SignedDuration::from_hours(40 * 24);

/// A quorum set the service's time back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TurnedBack {
    /// The number of the intent.
    pub event: u64,
    /// The time before it.
    pub from: Timestamp,
    /// The time since.
    pub to: Timestamp,
}

impl State {
    /// The time of the last event.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// What the system's clock said at the last event.
    pub fn last_clock(&self) -> Timestamp {
        self.clock
    }

    /// What the system's clock said when it was last recorded that project ends were looked at.
    pub fn expiry_checked(&self) -> Option<Timestamp> {
        self.expiry_checked
    }

    /// The earlier of the last event's time and its clock: what is past an end by this is past it
    /// by both. Ends are marked and keys destroyed by it; refusing goes by [`State::time`].
    pub fn agreed_time(&self) -> Timestamp {
        self.agreed
    }

    /// The service's time when the system's clock says `clock` and nobody confirms it: it never
    /// goes back, and does not follow a jump of more than [`LONGEST_GAP`].
    pub fn time_at(&self, clock: Timestamp) -> Timestamp {
        if self.is_unconfirmed(clock) { self.time } else { self.time.max(clock) }
    }

    /// The `time` of a line with this clock and event. An intent confirms the clock, and sets the
    /// time back where that is more than a day after all its consents. One custodian's
    /// `checkpoint-seen` of the day confirms the clock.
    pub fn time_of(&self, clock: Timestamp, event: &Event) -> Timestamp {
        match event {
            Event::Intent { consents, .. } => {
                let dates = consents.iter().map(|consent| consent.body.cosignature.time);
                let latest = dates.max().filter(|latest| self.is_behind(*latest));
                latest.unwrap_or_else(|| self.time.max(clock))
            }
            Event::Received { receipt } if self.confirms(receipt, clock) => self.time.max(clock),
            _ => self.time_at(clock),
        }
    }

    /// Whether the clock is too far ahead to be believed before custodians confirm it.
    pub fn is_unconfirmed(&self, clock: Timestamp) -> bool {
        clock.duration_since(self.time) > LONGEST_GAP
    }

    /// Whether the clock is so far behind the service's time that a quorum sets the time back.
    pub fn is_behind(&self, clock: Timestamp) -> bool {
        self.time.duration_since(clock) > CLOCK_SKEW
    }

    /// Whether a receipt, if it is lawful, confirms a line's clock.
    fn confirms(&self, receipt: &Receipt, clock: Timestamp) -> bool {
        let body = &receipt.body;
        matches!(body.statement, ReceiptStatement::CheckpointSeen {})
            && clock.duration_since(body.cosignature.time).abs() <= CLOCK_SKEW
            && self.present_seat(&body.card).is_some()
    }

    /// Takes the time of the next line.
    pub(super) fn take_time(&mut self, line: &Line) -> Result<(), Unlawful> {
        let (from, to) = (self.time, self.time_of(line.clock, &line.event));
        if line.time != to {
            return Err(Unlawful::Time);
        }
        (self.time, self.clock, self.agreed) = (to, line.clock, to.min(line.clock));
        if to < from {
            self.turned_back.push(TurnedBack { event: line.sequence, from, to });
            // A key is not younger than its service.
            for key in self.domains.values_mut().flat_map(|domain| domain.keys.values_mut()) {
                key.made = key.made.min(to);
            }
            // A receipt that the wrong clock dated does not stop its custodian from giving others,
            // and no check is dated later than now.
            for stated in self.statements.values_mut() {
                let receipt = stated.receipt.as_mut().map(|(date, _)| date);
                for date in receipt.into_iter().chain(&mut stated.checked) {
                    *date = (*date).min(to);
                }
            }
        }
        Ok(())
    }

    /// Where quorums set the time back, in the order of their events.
    pub fn turned_back(&self) -> &[TurnedBack] {
        &self.turned_back
    }
}
