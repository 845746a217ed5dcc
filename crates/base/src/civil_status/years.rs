//! The years in which somebody can be born.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The years that a date may have: from 1800 to the year after the present one.
///
/// Software that keeps dates as numbers of days writes such numbers where dates are expected. Most
/// of them have no such year, so a column of them cannot be read, instead of being read as other
/// people's years of birth.
///
/// Next year is one of them, so that two machines whose clocks lie on both sides of a New Year read
/// what people have alike. The first year never changes, so a date that was read once is read later
/// too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Years {
    last: u32,
}

impl Years {
    /// The first one: nobody born earlier was alive when registers of people began.
    pub const FIRST: u32 = 1800;

    /// The years at this time (UTC). A program reads its clock once a run.
    pub fn at(now: Timestamp) -> Self {
        let year = TimeZone::UTC.to_datetime(now).year();
        Self { last: u32::try_from(year).map_or(Self::FIRST, |year| year + 1) }
    }

    /// The years at the time of the system's clock.
    pub fn now() -> Self {
        Self::at(Timestamp::now())
    }

    pub(super) fn have(self, year: u32) -> bool {
        (Self::FIRST..=self.last).contains(&year)
    }
}

#[cfg(test)]
pub(super) fn years_of(now: &str) -> Years {
    Years::at(now.parse().expect("a time"))
}
