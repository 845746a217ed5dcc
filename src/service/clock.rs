//! The service's time.

use jiff::Timestamp;

/// Where the time comes from.
pub trait Clock {
    /// What the clock says.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// What a clock says in whole seconds, as the ledger writes it.
pub(super) fn seconds(clock: &dyn Clock) -> Timestamp {
    Timestamp::from_second(clock.now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
}

impl<F: Fn() -> Timestamp> Clock for F {
    fn now(&self) -> Timestamp {
        self()
    }
}
