//! Limits of events and actions that need no state.

use cstatns_base::domain::latest_end;
use cstatns_base::name::LARGEST_NUMBER;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::ledger::event::Event;
use crate::proposal::Input;

use super::Refusal;

/// Whether an event may be recorded while a destruction is owed. Those that stop something, destroy
/// something or only state something do not wait for a disk that cannot be reached; whatever begins
/// something new does.
pub(super) fn waits_for_nothing(event: &Event) -> bool {
    matches!(
        event,
        Event::Destroyed { .. }
            | Event::Refused { .. }
            | Event::Received { .. }
            | Event::Doubted { .. }
            | Event::Lapsed { .. }
            | Event::Failed { .. }
            | Event::Recovered { .. }
            | Event::Resumed { .. }
            | Event::KeyLost { .. }
            | Event::Rekeyed { .. }
            | Event::ExpiryChecked {}
            | Event::Ended { .. }
            | Event::RequestKeyEnded { .. }
    )
}

/// One generation of a project's key serves for at most [`LONGEST_SERVICE_YEARS`], from `from`.
pub(super) fn check_end(ends: Date, from: Timestamp) -> Result<(), Refusal> {
    let latest = latest_end(from);
    if ends > latest { Err(Refusal::EndTooFar { latest }) } else { Ok(()) }
}

/// Whether so many values may be coded where `minimum` is the least.
pub(super) fn check_input(input: &Input, minimum: u32) -> Result<(), Refusal> {
    if input.rows > LARGEST_NUMBER {
        return Err(Refusal::Rows);
    }
    if !input.is_possible() {
        return Err(Refusal::Counts);
    }
    let Input { rows, distinct, .. } = *input;
    if rows.min(distinct) < minimum.into() {
        return Err(Refusal::TooFew { distinct, minimum });
    }
    Ok(())
}
