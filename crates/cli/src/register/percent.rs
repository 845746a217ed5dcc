//! Shares as percentages.

use crate::figures::decimal;
use crate::lang::text;

/// A narrow space at which no line breaks.
pub(super) const NBSP: char = '\u{202f}';

pub(super) fn dash() -> String {
    "–".to_owned()
}

/// A share of rows as a percentage.
pub(super) fn percent(part: u64, of: u64) -> String {
    share((of > 0).then(|| part as f64 / of as f64))
}

/// A share as a percentage of three significant digits; all and nothing are said of all and nothing
/// only.
pub(super) fn share(share: Option<f64>) -> String {
    let Some(value) = share.map(|share| 100.0 * share) else { return dash() };
    if value == 0.0 || value == 100.0 {
        return format!("{value}{NBSP}%");
    }
    let digits: usize = if value < 1.0 {
        3
    } else if value < 10.0 {
        2
    } else {
        1
    };
    let least = 0.1_f64.powi(digits as i32);
    if value < least {
        let least = decimal(least, digits);
        return text!("under{NBSP}{least}{NBSP}%", "moins de{NBSP}{least}{NBSP}%");
    }
    format!("{}{NBSP}%", decimal(value.min(100.0 - least), digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_three_digits_and_all_is_all() {
        for (part, of, text) in [
            (0, 7, "0 %"),
            (7, 7, "100 %"),
            (1, 3, "33.3 %"),
            (1, 30, "3.33 %"),
            (1, 300, "0.333 %"),
            (9999, 10_000, "99.9 %"),
            (1, 1_000_000, "under 0.001 %"),
            (0, 0, "–"),
        ] {
            assert_eq!(percent(part, of).replace(NBSP, " "), text);
        }
    }
}
