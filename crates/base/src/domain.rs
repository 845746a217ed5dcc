//! Domains: where codes are comparable, for how long, and what becomes of their keys (SPEC §12).

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::name::Hex;

/// What a domain is for, with the period that follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Kind {
    /// The statistical domain (CStatNS): its key is renewed after the cryptoperiod (R9).
    Statistics {
        /// Years from one key to the next.
        cryptoperiod_years: u8,
    },
    /// One research project (CSpeNS): its key is destroyed at its end (R12).
    Research {
        /// The last day, in UTC, on which it may be used.
        ends: Date,
    },
}

impl Kind {
    /// The years of a statistical key when nothing else is said (R9: CNIL asks for five at first).
    pub const DEFAULT_CRYPTOPERIOD_YEARS: u8 = 5;

    /// Whether this is a research project.
    pub fn is_research(&self) -> bool {
        matches!(self, Self::Research { .. })
    }

    /// The word for seals and messages.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Statistics { .. } => "statistics",
            Self::Research { .. } => "research",
        }
    }
}

/// The fewest distinct values that a run may code when nothing else is said: fewer point at
/// persons, and make an oracle.
pub const DEFAULT_MINIMUM_BATCH: u32 = 11;

/// The largest minimum batch that a domain may have: counting distinct values stops there, so that
/// its memory is bounded, and a larger minimum could never be met.
pub const LARGEST_MINIMUM_BATCH: u32 = 65_536;

/// How long a project that has ended keeps its key, so that a wrong clock can be seen and
/// corrected.
pub const GRACE: SignedDuration = SignedDuration::from_hours(24);

/// The moment from which a project with this last day is past its end: the next day's first second,
/// UTC.
pub fn end_of(ends: Date) -> Timestamp {
    let next = ends.saturating_add(Span::new().days(1));
    TimeZone::UTC.to_timestamp(next.at(0, 0, 0, 0)).unwrap_or(Timestamp::MAX)
}

/// When a statistical key made at `made` is due for renewal.
pub fn due(made: Timestamp, cryptoperiod_years: u8) -> Date {
    let day = TimeZone::UTC.to_datetime(made).date();
    day.saturating_add(Span::new().years(i16::from(cryptoperiod_years)))
}

/// One generation of a project's key serves for at most this many years (R12).
pub const LONGEST_SERVICE_YEARS: i16 = 10;

/// The latest last day of a project whose key is made at `made`.
pub fn latest_end(made: Timestamp) -> Date {
    let day = TimeZone::UTC.to_datetime(made).date();
    day.saturating_add(Span::new().years(LONGEST_SERVICE_YEARS))
}

/// The check value of a key: public, it shows whether a key is the one that the ledger names.
pub type CheckValue = Hex<32>;

/// What a key may still be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyState {
    /// Makes the domain's present codes.
    Active,
    /// Used inside the chain only (R11); its own codes are never put out again.
    ChainOnly,
    /// Gone.
    Destroyed,
    /// Its seal was lost; nobody destroyed it.
    Lost,
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::ChainOnly => "chain-only",
            Self::Destroyed => "destroyed",
            Self::Lost => "lost",
        })
    }
}

/// Why a new key is made (R9, R10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RenewalReason {
    /// The cryptoperiod is over, or was planned to be.
    Scheduled,
    /// A reasonable doubt about the key or the operation.
    Doubt,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_may_be_used_through_its_last_day() {
        let end = end_of("2027-06-30".parse().unwrap());
        assert_eq!(end, "2027-07-01T00:00:00Z".parse().unwrap());
        assert_eq!(end_of(Date::MAX), Timestamp::MAX.min(end_of(Date::MAX)));
    }

    #[test]
    fn a_key_of_29_february_is_due_on_a_day_that_exists() {
        assert_eq!(due("2024-02-29T12:00:00Z".parse().unwrap(), 5), "2029-02-28".parse().unwrap());
    }
}
