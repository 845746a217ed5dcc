//! What of a look-up is coded: `--accept` and `--min-score`, in `service code` and as `register
//! evaluate` measures it.

use cstatns::look_up::{Level, Score};
use cstatns_register::CERTAIN;

/// What `--accept` takes.
pub(crate) fn level(text: &str) -> Result<Level, String> {
    let known = Level::ALL.into_iter().find(|level| level.word() == text);
    known.ok_or_else(|| "found, rectified or usage-name".to_owned())
}

/// The greatest least score: scores are rounded down, so that a greater one would leave everybody
/// without a code.
const MOST: f64 = 0.9999;

/// What `--min-score` takes.
pub(crate) fn score(text: &str) -> Result<Score, String> {
    let number = text.parse().ok().filter(|number| (CERTAIN..=MOST).contains(number));
    // More decimals than a score has would be dropped: less would be asked for than is written.
    number.and_then(Score::exactly).ok_or_else(|| {
        format!(
            "a number from {CERTAIN} (below it nobody is coded) to {MOST}, of four decimals at most"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
