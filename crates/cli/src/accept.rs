//! Values of options: durations, how much is recomputed, and what of a look-up is coded, `--accept`
//! and `--min-score`, in `service code` and as `register evaluate` measures it.

use std::time::Duration;

use cstatns::look_up::{Level, Score};
use cstatns::recheck::Extent;
use cstatns_register::CERTAIN;

use crate::lang::text;

/// What `--accept` takes.
pub(crate) fn level(text: &str) -> Result<Level, String> {
    let known = Level::ALL.into_iter().find(|level| level.word() == text);
    known.ok_or_else(|| text!("found, rectified or usage-name", "found, rectified ou usage-name"))
}

/// The greatest least score: scores are rounded down, so that a greater one would leave everybody
/// without a code.
const MOST: f64 = 0.9999;

/// What `--min-score` takes.
pub(crate) fn score(text: &str) -> Result<Score, String> {
    let number = text.parse().ok().filter(|number| (CERTAIN..=MOST).contains(number));
    // More decimals than a score has would be dropped: less would be asked for than is written.
    number.and_then(Score::exactly).ok_or_else(|| {
        text!(
            "a number from {CERTAIN} (below it nobody is coded) to {MOST}, of four decimals at most",
            "un nombre de {CERTAIN} (en dessous, personne n'est codé) à {MOST}, avec au plus quatre décimales"
        )
    })
}

/// What `--recheck` takes.
pub(crate) fn extent(text: &str) -> Result<Extent, String> {
    let number = || text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let extent = if text == "all" { Some(Extent::All) } else { number().map(Extent::Rows) };
    extent.ok_or_else(|| text!("all, or a number of rows", "all, ou un nombre de lignes"))
}

/// A duration, as `40s`, `15m` or `2h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let seconds = match &text[digits.len()..] {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3600),
        _ => None,
    };
    let whole = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse::<u64>().ok().filter(|number| whole && *number <= 10_000);
    number.zip(seconds).map(|(number, seconds)| Duration::from_secs(number * seconds)).ok_or_else(
        || {
            text!(
                "a number of seconds, minutes or hours, at most 10000, such as 40s, 15m or 2h",
                "un nombre de secondes, de minutes ou d'heures, au plus 10000, comme 40s, 15m ou 2h"
            )
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_of_seconds_minutes_or_hours() {
        for (text, seconds) in [("0s", 0), ("40s", 40), ("15m", 900), ("2h", 7200)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "s", "10", "1d", "-1s", "+1s", "1.5h", "1h30m", "10 s", "10001h", "1é"] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn all_rows_or_some_are_recomputed() {
        assert_eq!(extent("all"), Ok(Extent::All));
        let rows = |number| Extent::Rows(std::num::NonZero::new(number).unwrap());
        assert_eq!(extent("1"), Ok(rows(1)));
        assert_eq!(extent("18446744073709551615"), Ok(rows(u64::MAX)));
        for bad in ["", "0", "-1", "+1", "All", "1e3", "10%", "18446744073709551616"] {
            assert!(extent(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_least_score_is_one_that_is_coded() {
        assert_eq!(score("0.95"), Ok(Score::of(0.95)));
        assert_eq!(score("0.9500000"), Ok(Score::of(0.95)));
        assert_eq!(score("0.9999"), Ok(Score::of(0.9999)));
        assert_eq!(
            (9500..10_000)
                .filter(|n| score(&format!("0.{n}"))
                    != Score::try_from(*n).map_err(|error| error.to_string()))
                .count(),
            0
        );
        for bad in ["0.9499", "0.95001", "0.99995", "1", "1.01", "95", "0,97", "NaN", "", "-1"] {
            assert!(score(bad).is_err(), "{bad:?}");
        }
    }
}
