//! What a look-up by civil status is asked, and how certain its answers are (SPEC §18.5).

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::name::Hex;

/// Where people are looked up by civil status, and how certain a find must be to be coded (SPEC
/// §18.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookUp {
    /// The random id of the register's index. It says nothing of what the index holds.
    pub register: Hex<16>,
    /// The commitment of the index: [`register_commitment`].
    pub commitment: Hex<32>,
    /// The last quality that is coded.
    pub accept: Level,
    /// The least score that is coded.
    pub min_score: Score,
}

/// The commitment of a register's index: HMAC-SHA-256, under the 32 random bytes in its header, of
/// "CStatNS/register/" ‖ id ‖ the digest at its end. Another index cannot be put in its place under
/// the same id; without the index, nobody can try what it holds.
pub fn register_commitment(key: &[u8; 32], id: &[u8; 16], digest: &[u8; 32]) -> Hex<32> {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes 32 bytes");
    let mac = mac.chain_update(b"CStatNS/register/").chain_update(id).chain_update(digest);
    Hex(mac.finalize().into_bytes().into())
}

/// A probability in ten-thousandths, rounded down: in results 0.9731, in proposals and reports
/// 9731.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16")]
pub struct Score(u16);

impl Score {
    /// The steps of a distribution of scores: each a twentieth, and 1 in the last one.
    pub const STEPS: usize = 20;

    const WHOLE: u16 = 10_000;

    /// The score of `probability`: 0 below 0 and for NaN, 1 above 1.
    pub fn of(probability: f64) -> Self {
        // As integers are made of floating-point numbers: rounded down, to the nearest end of the
        // range, 0 of what is none.
        Self(((probability * f64::from(Self::WHOLE)) as u16).min(Self::WHOLE))
    }

    /// The score that is this number, if it has four decimals at most: 0.816 times 10,000 is less
    /// than 8160.
    pub fn exactly(number: f64) -> Option<Self> {
        let score = Self::try_from((number * f64::from(Self::WHOLE)).round() as u16).ok()?;
        (f64::from(score) == number).then_some(score)
    }

    /// Appends the text, with four decimals, to `out`.
    pub fn write(self, out: &mut Vec<u8>) {
        let digit = |place: u16| b'0' + (self.0 / place % 10) as u8;
        out.extend_from_slice(&[digit(10_000), b'.', digit(1000), digit(100), digit(10), digit(1)]);
    }

    /// In which of [`Score::STEPS`] it is, from 0.
    pub fn step(self) -> usize {
        (usize::from(self.0) * Self::STEPS / usize::from(Self::WHOLE)).min(Self::STEPS - 1)
    }
}

impl From<Score> for f64 {
    fn from(score: Score) -> Self {
        Self::from(score.0) / Self::from(Score::WHOLE)
    }
}

impl TryFrom<u16> for Score {
    type Error = ScoreError;
    fn try_from(number: u16) -> Result<Self, Self::Error> {
        if number <= Self::WHOLE { Ok(Self(number)) } else { Err(ScoreError) }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(6);
        self.write(&mut text);
        f.write_str(std::str::from_utf8(&text).expect("digits are ASCII"))
    }
}

/// More than certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a score is 10000 at most")]
pub struct ScoreError;

crate::coded!(ScoreError {
    Self => ("score", Input, []),
});

/// A distribution of scores, by [`Score::step`].
pub type Scores = [u64; Score::STEPS];

/// The qualities of a find, the most certain first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Level {
    /// Every trait is the same.
    Found,
    /// A trait was rectified.
    Rectified,
    /// Found by the usage name.
    UsageName,
}

impl Level {
    /// Every level, in this order.
    pub const ALL: [Self; 3] = [Self::Found, Self::Rectified, Self::UsageName];

    /// The word in proposals, reports and results.
    pub fn word(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Rectified => "rectified",
            Self::UsageName => "usage-name",
        }
    }
}

impl fmt::Display for LookUp {
    /// "looked up in the register 00112233445566778899aabbccddeeff and coded only if `found` or
    /// `rectified`, with a score of 0.9500 or more".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { register, accept, min_score, .. } = self;
        // Each accepted quality by its word: who approves need not know their order.
        let accepted: &[_] = match accept {
            Level::Found => &["`found`"],
            Level::Rectified => &["`found`", "`rectified`"],
            Level::UsageName => &["`found`", "`rectified`", "`usage-name`"],
        };
        let accepted = accepted.join(" or ");
        write!(
            f,
            "looked up in the register {register} and coded only if {accepted}, with a score of \
            {min_score} or more"
        )
    }
}

/// How good a look-up was. The first three have an identifier, in this order of certainty.
///
/// | word | here | RNIPP |
/// |---|---|---|
/// | `found` | certain, and every trait is the same, spelling apart | 2 |
/// | `rectified` | certain, though a trait differs or is missing | 3 |
/// | `usage-name` | certain, and the name is the usage name | 7 |
/// | `ambiguous` | several people, and nothing shows which | 6 |
/// | `near` | one person, not certain, or with a trait that is another person's | 4 |
/// | `not-found` | nobody with a score worth a mention | 8 |
/// | `malformed` | no name, or no date with a year, or a field longer than any name | 9 |
/// | `contradicted` | the identifier of the row is another person's | |
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum MatchQuality {
    /// Every trait is the same, spelling apart.
    Found,
    /// A trait differs, or is missing.
    Rectified,
    /// Found by the usage name.
    UsageName,
    /// Several people.
    Ambiguous,
    /// One person, not surely the one.
    Near,
    /// Nobody.
    NotFound,
    /// Nothing to look for.
    Malformed,
    /// The identifier of the row and its civil status are two people.
    Contradicted,
}

impl From<Level> for MatchQuality {
    fn from(level: Level) -> Self {
        match level {
            Level::Found => Self::Found,
            Level::Rectified => Self::Rectified,
            Level::UsageName => Self::UsageName,
        }
    }
}

impl MatchQuality {
    /// Every quality.
    pub const ALL: [Self; 8] = [
        Self::Found,
        Self::Rectified,
        Self::UsageName,
        Self::Ambiguous,
        Self::Near,
        Self::NotFound,
        Self::Malformed,
        Self::Contradicted,
    ];

    /// The word in results and reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Rectified => "rectified",
            Self::UsageName => "usage-name",
            Self::Ambiguous => "ambiguous",
            Self::Near => "near",
            Self::NotFound => "not-found",
            Self::Malformed => "malformed",
            Self::Contradicted => "contradicted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_rounded_down_and_has_one_spelling() {
        for (probability, text, step) in [
            (0.0, "0.0000", 0),
            (-1.0, "0.0000", 0),
            (f64::NAN, "0.0000", 0),
            (0.049_999, "0.0499", 0),
            (0.05, "0.0500", 1),
            (0.949_999, "0.9499", 18),
            (0.95, "0.9500", 19),
            (0.999_999, "0.9999", 19),
            (1.0, "1.0000", 19),
            (f64::INFINITY, "1.0000", 19),
        ] {
            let score = Score::of(probability);
            assert_eq!((&*score.to_string(), score.step()), (text, step));
        }
        assert_eq!(serde_json::from_str::<Score>("10000").unwrap(), Score::of(1.0));
        for bad in ["10001", "-1", "0.95", "\"9500\""] {
            assert!(serde_json::from_str::<Score>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_score_is_the_number_that_its_text_is() {
        for number in 0..=Score::WHOLE {
            let score = Score(number);
            let read: f64 = score.to_string().parse().unwrap();
            assert_eq!((f64::from(score), Score::exactly(read)), (read, Some(score)));
            assert_eq!(Score::exactly(read.next_up()), None);
            assert_eq!(Score::exactly(read.next_down()), None);
        }
        for bad in [0.973_15, -0.000_1, -1.0, 1.000_1, 6.553_5, f64::MAX, f64::NAN, f64::INFINITY] {
            assert_eq!(Score::exactly(bad), None, "{bad}");
        }
    }

    #[test]
    fn levels_are_spelled_as_they_are_read() {
        for level in Level::ALL {
            assert_eq!(serde_json::to_value(level).unwrap(), level.word());
        }
    }
}
