//! Dates of birth.

use crate::blocking::years_like;

/// The date of birth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Date {
    /// The same, unknown parts included.
    Same,
    /// Year and month, and the day is unknown on a side.
    Month,
    /// The year, and the rest is unknown on a side; or 1 January on a side, which is written where
    /// only the year is known.
    Year,
    /// Day and month exchanged.
    Exchanged,
    /// A digit of the day or month wrong, both digits exchanged, or the next day or month.
    Digit,
    /// Another day, or another month.
    Part,
    /// One error in the year.
    Era,
    /// Another date.
    Other,
    /// The register has none.
    Missing,
}

impl Date {
    pub(crate) const LEVELS: usize = 8;

    pub(super) fn of(asked: u32, row: u32) -> Self {
        let parts = |date: u32| (date / 10_000, date / 100 % 100, date % 100);
        let ((year, month, day), (row_year, row_month, row_day)) = (parts(asked), parts(row));
        if row == 0 || asked == 0 {
            return Self::Missing;
        }
        if asked == row {
            return Self::Same;
        }
        if year != row_year {
            let same = (month, day) == (row_month, row_day) && month != 0 && day != 0;
            return if same && years_like(year).any(|like| like == row_year) {
                Self::Era
            } else {
                Self::Other
            };
        }
        let only_year = |month, day| month == 0 || (month, day) == (1, 1);
        if month == row_month && (day == 0 || row_day == 0) {
            Self::Month
        } else if only_year(month, day) || only_year(row_month, row_day) {
            Self::Year
        } else if (month, day) == (row_day, row_month) {
            Self::Exchanged
        } else if (month != row_month && day != row_day) || day == 0 || row_day == 0 {
            Self::Other
        } else if is_slip(month, row_month) || is_slip(day, row_day) {
            Self::Digit
        } else {
            Self::Part
        }
    }
}

/// One of two digits wrong, both exchanged, or one more or less.
fn is_slip(a: u32, b: u32) -> bool {
    a != b
        && (a / 10 == b / 10 || a % 10 == b % 10 || a == b % 10 * 10 + b / 10 || a.abs_diff(b) == 1)
}
