//! The service's time.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Service, ServiceError};

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

impl Service {
    /// Whether the clock is too far ahead of the last event to be believed before custodians
    /// confirm it (SPEC §15).
    pub fn is_clock_unconfirmed(&self) -> bool {
        self.state.is_unconfirmed(self.clock())
    }

    /// Whether the clock is so far behind the service's time that a run sets the time back.
    pub fn is_clock_behind(&self) -> bool {
        self.state.is_behind(self.clock())
    }

    /// Somebody has looked at a calendar, and this is the date (UTC): on this day custodians may be
    /// asked although the clock is far from the service's time. Their run confirms the clock.
    ///
    /// # Errors
    /// [`ServiceError::ConfirmedDate`] where the clock has another date.
    pub fn confirm_clock(&mut self, date: Date) -> Result<(), ServiceError> {
        let today = self.today();
        if date != today {
            return Err(ServiceError::ConfirmedDate { today });
        }
        self.confirmed = Some(date);
        Ok(())
    }

    fn today(&self) -> Date {
        TimeZone::UTC.to_datetime(self.clock()).date()
    }

    /// Nobody is asked under a clock that is far from the service's time and not confirmed.
    ///
    /// # Errors
    /// [`ServiceError::ClockUnconfirmed`], [`ServiceError::ClockBehind`].
    pub fn check_clock(&self) -> Result<(), ServiceError> {
        let (clock, time) = (self.clock(), self.state.time());
        match (self.is_clock_unconfirmed(), self.is_clock_behind()) {
            _ if self.confirmed == Some(self.today()) => Ok(()),
            (true, _) => Err(ServiceError::ClockUnconfirmed { clock, time }),
            (_, true) => Err(ServiceError::ClockBehind { clock, time }),
            _ => Ok(()),
        }
    }

    /// The service's time in a run that begins now.
    pub(super) fn time_of_run(&self) -> Timestamp {
        let clock = self.clock();
        if self.is_clock_behind() { clock } else { clock.max(self.state.time()) }
    }

    /// The clock in whole seconds, as the ledger writes it.
    pub(super) fn clock(&self) -> Timestamp {
        Timestamp::from_second(self.clock.now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}
