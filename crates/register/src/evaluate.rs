//! What look-ups are worth, on rows whose people are known: counts and curves, never a person (SPEC
//! §18.6).

use std::collections::HashMap;

use cstatns_base::civil_status::SCHEME;
use cstatns_base::identifier::Identifier;
use cstatns_base::look_up::MatchQuality;
use zeroize::Zeroize;

use crate::index::{Index, IndexError};

/// Who a row is, as a file says that knows it. It has no `Debug`, and is wiped when it is dropped.
pub enum Truth {
    /// A person of the register: by one of their identifiers.
    Person(Identifier),
    /// Nobody of the register.
    Nobody,
    /// Neither an identifier, nor an `id` that the register has.
    Unknown,
}

impl Drop for Truth {
    fn drop(&mut self) {
        if let Self::Person(identifier) = self {
            identifier.zeroize();
        }
    }
}

impl Index {
    /// Who these are: each an identifier, or an `id` as it stands in the register, in one pass
    /// through the index. An empty text is nobody, and so is an identifier that the register does
    /// not have.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] if the file was changed since it was opened.
    pub fn truths(&self, texts: &[&str]) -> Result<Vec<Truth>, IndexError> {
        let mut truths = Vec::with_capacity(texts.len());
        let mut ids: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, text) in texts.iter().map(|text| text.trim()).enumerate() {
            truths.push(match SCHEME.parse(text.as_bytes()) {
                _ if text.is_empty() => Truth::Nobody,
                Ok(accepted) => {
                    let canonical = std::str::from_utf8(accepted.identifier.canonical());
                    let row = canonical.map_or(Ok(None), |identifier| self.row_of(identifier))?;
                    if row.is_none() {
                        // Numbers may be ids too.
                        ids.entry(text).or_default().push(at);
                    }
                    row.map_or(Truth::Nobody, |_| Truth::Person(accepted.identifier))
                }
                Err(_) => {
                    ids.entry(text).or_default().push(at);
                    Truth::Unknown
                }
            });
        }
        for at in 0..self.rows() {
            if ids.is_empty() {
                break;
            }
            let row = self.row(at)?;
            // A person's other rows say the same.
            for place in ids.remove(row.id).unwrap_or_default() {
                let accepted =
                    SCHEME.parse(row.identifier.as_bytes()).map_err(|_| self.damaged())?;
                truths[place] = Truth::Person(accepted.identifier);
            }
        }
        Ok(truths)
    }
}

/// What ought to be said of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// Its person.
    Person,
    /// Nothing: the register does not have the person.
    Nobody,
    /// [`MatchQuality::Ambiguous`]: several people fit, and nothing says which.
    Several,
    /// Nothing wrong; the row is in no curve.
    Uncounted,
}

/// How a row was answered.
#[derive(Clone, Copy, Debug)]
pub struct Judged {
    /// What ought to have been said.
    pub expected: Expected,
    /// What was said.
    pub quality: MatchQuality,
    /// With which score, 0 to 1.
    pub score: f64,
    /// Whether the one who fits best, given or not, is the row's person; none if that is not known.
    pub right: Option<bool>,
}

/// Rows, by what came of them. Each is right, none or wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub rows: u64,
    /// Coded, and as the right person.
    pub right: u64,
    /// Not coded.
    pub none: u64,
    /// Coded as somebody else, or though nobody could know who it is.
    pub wrong: u64,
    /// Of those that are not coded: declared ambiguous.
    pub declared: u64,
    /// As it ought to be: see [`Expected`].
    pub good: u64,
}

impl Tally {
    fn add(&mut self, row: &Judged, coded: bool) {
        let person = matches!(row.expected, Expected::Person | Expected::Uncounted);
        let right = coded && person && row.right == Some(true);
        let declared = !coded && row.quality == MatchQuality::Ambiguous;
        self.rows += 1;
        self.right += u64::from(right);
        self.none += u64::from(!coded);
        self.wrong += u64::from(coded && !right);
        self.declared += u64::from(declared);
        self.good += u64::from(match row.expected {
            Expected::Person => right,
            Expected::Nobody => !coded,
            Expected::Several => declared,
            Expected::Uncounted => right || !coded,
        });
    }

    /// The same of these rows and of others.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            right: self.right + other.right,
            none: self.none + other.none,
            wrong: self.wrong + other.wrong,
            declared: self.declared + other.declared,
            good: self.good + other.good,
        }
    }
}

/// What would come of coding whoever fits best from a score on, whatever their quality.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// The least score.
    pub score: f64,
    /// The rows that would be coded.
    pub coded: u64,
    /// Of those: as the right person.
    pub right: u64,
}

impl Threshold {
    /// How many of the coded rows are right; none if there are none.
    pub fn precision(&self) -> Option<f64> {
        share(self.right, self.coded)
    }
}

/// Rows with a score from `from` up to, but not with, `to`; the last bin has 1 as well.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Bin {
    /// The least score.
    pub from: f64,
    /// Where the next one begins.
    pub to: f64,
    /// The rows of whom it is known whether the one who fits best is the person.
    pub rows: u64,
    /// Of those: it is.
    pub right: u64,
    sum: f64,
}

impl Bin {
    /// What the scores say: their mean. None in an empty bin.
    pub fn predicted(&self) -> Option<f64> {
        (self.rows > 0).then(|| self.sum / self.rows as f64)
    }

    /// What is: the share of right ones.
    pub fn observed(&self) -> Option<f64> {
        share(self.right, self.rows)
    }
}

/// Scores are crowded at their upper end, where it matters.
const EDGES: [f64; 14] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 1.0];
const THRESHOLDS: [f64; 16] =
    [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999];

/// The counts and curves of a file of rows, at one setting of what is coded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Evaluation {
    /// The last quality that is coded.
    pub accept: MatchQuality,
    /// The least score that is coded.
    pub min_score: f64,
    /// By kind of row.
    pub kinds: Vec<Tally>,
    /// By quality, in the order of [`MatchQuality::ALL`].
    pub qualities: [Tally; MatchQuality::ALL.len()],
    /// The rows in the curves whose person the register has, so that they could be right.
    pub people: u64,
    /// Of the rows in the curves: what is coded at this setting.
    pub setting: Threshold,
    /// By score, ascending.
    pub thresholds: Vec<Threshold>,
    /// By score, ascending.
    pub bins: Vec<Bin>,
}

impl Evaluation {
    /// Without rows yet, for so many kinds of them.
    pub fn new(accept: MatchQuality, min_score: f64, kinds: usize) -> Self {
        let threshold = |score| Threshold { score, coded: 0, right: 0 };
        let bin = |edges: &[f64]| Bin { from: edges[0], to: edges[1], rows: 0, right: 0, sum: 0.0 };
        Self {
            accept,
            min_score,
            kinds: vec![Tally::default(); kinds],
            qualities: Default::default(),
            people: 0,
            setting: threshold(min_score),
            thresholds: THRESHOLDS.map(threshold).into(),
            bins: EDGES.windows(2).map(bin).collect(),
        }
    }

    /// Counts a row of this kind.
    ///
    /// # Panics
    /// If there are not so many kinds.
    pub fn add(&mut self, kind: usize, row: &Judged) {
        let given = row.quality <= MatchQuality::UsageName;
        let coded = given && row.quality <= self.accept && row.score >= self.min_score;
        self.kinds[kind].add(row, coded);
        self.qualities[row.quality as usize].add(row, coded);
        if row.expected == Expected::Uncounted {
            return;
        }
        let right = row.expected == Expected::Person && row.right == Some(true);
        self.people += u64::from(row.expected == Expected::Person);
        let reached = self.thresholds.iter_mut().filter(|threshold| row.score >= threshold.score);
        for threshold in reached.chain(coded.then_some(&mut self.setting)) {
            threshold.coded += 1;
            threshold.right += u64::from(right);
        }
        // A score of 0 says that nobody fits: there is nothing to be right about.
        let bin = self.bins.iter_mut().rfind(|bin| row.score > 0.0 && row.score >= bin.from);
        if let (Some(bin), Some(right)) = (bin, row.right) {
            bin.rows += 1;
            bin.right += u64::from(right);
            bin.sum += row.score;
        }
    }

    /// All kinds together.
    pub fn total(&self) -> Tally {
        self.kinds.iter().fold(Tally::default(), |sum, tally| sum.and(*tally))
    }

    /// How many of the people are found and right; none without people.
    pub fn recall(&self, threshold: &Threshold) -> Option<f64> {
        share(threshold.right, self.people)
    }

    /// How far scores are from what is, on the average: the expected calibration error over the
    /// bins.
    pub fn calibration_error(&self) -> Option<f64> {
        let rows: u64 = self.bins.iter().map(|bin| bin.rows).sum();
        let apart = |bin: &Bin| Some(bin.rows as f64 * (bin.predicted()? - bin.observed()?).abs());
        (rows > 0).then(|| self.bins.iter().filter_map(apart).sum::<f64>() / rows as f64)
    }
}

/// A share; none of nothing.
fn share(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

/// Where a share lies in truth, with 95 % confidence, if `part` of `of` were seen: Wilson's
/// interval.
pub fn interval(part: u64, of: u64) -> Option<(f64, f64)> {
    const Z: f64 = 1.959_964;
    let seen = share(part, of)?;
    let rows = of as f64;
    let middle = seen + Z * Z / (2.0 * rows);
    let width = Z * (seen * (1.0 - seen) / rows + Z * Z / (4.0 * rows * rows)).sqrt();
    let scale = 1.0 + Z * Z / rows;
    let bound = |value: f64| (value / scale).clamp(0.0, 1.0);
    // What was seen always or never is not contradicted by rounding.
    let (low, high) = (bound(middle - width), bound(middle + width));
    Some((if part == 0 { 0.0 } else { low }, if part == of { 1.0 } else { high }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(
        expected: Expected,
        quality: MatchQuality,
        score: f64,
        right: Option<bool>,
    ) -> Judged {
        Judged { expected, quality, score, right }
    }

    /// One of each; what they come to is worked out by hand below.
    fn rows() -> [Judged; 11] {
        use Expected::{Nobody, Person, Several, Uncounted};
        use MatchQuality::{Ambiguous, Found, Near, NotFound, Rectified, UsageName};
        [
            judged(Person, Found, 0.999, Some(true)),
            judged(Person, Rectified, 0.96, Some(true)),
            judged(Person, UsageName, 0.97, Some(true)),
            judged(Person, Found, 0.995, Some(false)),
            judged(Person, Near, 0.6, Some(true)),
            judged(Person, NotFound, 0.0, Some(false)),
            judged(Nobody, Near, 0.3, Some(false)),
            judged(Nobody, Found, 0.99, Some(false)),
            judged(Several, Ambiguous, 0.5, None),
            judged(Several, Found, 0.95, Some(true)),
            judged(Uncounted, Found, 0.999, Some(false)),
        ]
    }

    fn evaluation(accept: MatchQuality, min_score: f64) -> Evaluation {
        let mut evaluation = Evaluation::new(accept, min_score, 2);
        for (nth, row) in rows().iter().enumerate() {
            evaluation.add(usize::from(nth >= 6), row);
        }
        evaluation
    }

    fn tally(rows: u64, right: u64, none: u64, wrong: u64, declared: u64, good: u64) -> Tally {
        Tally { rows, right, none, wrong, declared, good }
    }

    #[test]
    fn rows_are_right_none_or_wrong_at_the_setting() {
        let all = evaluation(MatchQuality::UsageName, 0.0);
        assert_eq!(all.kinds, [tally(6, 3, 2, 1, 0, 3), tally(5, 0, 2, 3, 1, 2)]);
        assert_eq!(all.total(), tally(11, 3, 4, 4, 1, 5));
        assert_eq!((all.setting.coded, all.setting.right, all.people), (6, 3, 6));
        assert_eq!(all.qualities[MatchQuality::Found as usize], tally(5, 1, 0, 4, 0, 1));
        assert_eq!(all.qualities[MatchQuality::Ambiguous as usize], tally(1, 0, 1, 0, 1, 1));

        let fewer = evaluation(MatchQuality::Rectified, 0.965);
        assert_eq!(fewer.kinds, [tally(6, 1, 4, 1, 0, 1), tally(5, 0, 3, 2, 1, 2)]);
        assert_eq!((fewer.setting.coded, fewer.setting.right), (3, 1));
        // What is coded at another setting changes no curve.
        assert_eq!((&fewer.thresholds, &fewer.bins), (&all.thresholds, &all.bins));
    }

    #[test]
    fn thresholds_count_whoever_fits_best() {
        let all = evaluation(MatchQuality::Found, 1.0);
        assert_eq!(all.setting.coded, 0);
        assert_eq!((all.setting.precision(), all.recall(&all.setting)), (None, Some(0.0)));
        for (score, coded, right) in [
            (0.05, 9, 4),
            (0.3, 9, 4),
            (0.6, 7, 4),
            (0.7, 6, 3),
            (0.95, 6, 3),
            (0.99, 3, 1),
            (0.9999, 0, 0),
        ] {
            let threshold =
                all.thresholds.iter().find(|threshold| threshold.score == score).unwrap();
            assert_eq!((threshold.coded, threshold.right), (coded, right), "{score}");
            assert_eq!(all.recall(threshold), Some(right as f64 / 6.0));
        }
    }

    #[test]
    fn scores_are_held_against_what_is() {
        let all = evaluation(MatchQuality::Found, 0.0);
        let filled: Vec<_> = all.bins.iter().filter(|bin| bin.rows > 0).collect();
        let counts: Vec<_> = filled.iter().map(|bin| (bin.from, bin.rows, bin.right)).collect();
        let expected = [(0.3, 1, 0), (0.6, 1, 1), (0.95, 3, 3), (0.99, 2, 0), (0.999, 1, 1)];
        assert_eq!(counts, expected);
        assert!((filled[2].predicted().unwrap() - 0.96).abs() < 1e-12);
        assert_eq!((filled[2].observed(), all.bins[0].observed()), (Some(1.0), None));
        let error = (0.3 + 0.4 + 3.0 * 0.04 + 2.0 * 0.9925 + 0.001) / 8.0;
        assert!((all.calibration_error().unwrap() - error).abs() < 1e-12);
        assert_eq!(Evaluation::new(MatchQuality::Found, 0.0, 0).calibration_error(), None);
    }

    #[test]
    fn bins_and_scores_have_their_bounds() {
        let mut all = Evaluation::new(MatchQuality::UsageName, 0.0, 1);
        for score in [1.0, 0.1, f64::MIN_POSITIVE, 0.0, -1.0, f64::NAN] {
            all.add(0, &judged(Expected::Person, MatchQuality::Near, score, Some(true)));
        }
        let rows: Vec<_> = all.bins.iter().map(|bin| bin.rows).collect();
        assert_eq!(rows, [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert!(all.bins.windows(2).all(|pair| pair[0].to == pair[1].from));
        assert!(all.thresholds.is_sorted_by(|a, b| a.score < b.score && a.coded >= b.coded));
    }

    #[test]
    fn an_interval_is_wilsons() {
        let near = |given: Option<(f64, f64)>, low: f64, high: f64| {
            given.is_some_and(|(a, b)| (a - low).abs() < 1e-4 && (b - high).abs() < 1e-4)
        };
        assert!(near(interval(0, 10), 0.0, 0.27753));
        assert!(near(interval(10, 10), 0.72247, 1.0));
        assert!(near(interval(50, 100), 0.40383, 0.59617));
        assert!(near(interval(81, 263), 0.25529, 0.36621));
        assert_eq!(interval(0, 0), None);
    }
}
