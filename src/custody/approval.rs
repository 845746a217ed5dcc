//! What needs a quorum, exactly described, and one custodian's consent to it (SPEC §9).

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::code::Generation;
use crate::commitment::Commitment;
use crate::domain::{Kind, RenewalReason};
use crate::name::{Hex, Name, digest, whole_number};
use crate::sharing::{Epoch, Threshold};

use super::share::SealedShare;
use super::{Head, Signed, Statement};

/// The number of a run, and of the delivery it makes: 16 random bytes, spent at the intent.
pub type RunId = Hex<16>;

/// The most deliveries that a renewal names.
pub const MOST_DELIVERIES: usize = 1024;

/// Whether these are deliveries as a renewal names them: at least one, at most [`MOST_DELIVERIES`], ascending, each once.
pub fn are_deliveries(of: &[RunId]) -> bool {
    (1..=MOST_DELIVERIES).contains(&of.len()) && of.is_sorted_by(|a, b| a < b)
}

/// What a quorum is asked for, with every parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// Open a domain with its first key.
    Open {
        /// The domain.
        domain: Name,
        /// Statistics or research, and until when.
        kind: Kind,
        /// The fewest distinct values of a run.
        minimum_batch: u32,
    },
    /// Move a research project's end.
    Extend {
        /// The domain.
        domain: Name,
        /// The new last day.
        ends: Date,
    },
    /// Code a request of identifiers.
    Code {
        /// The domain.
        domain: Name,
        /// The generation of the codes.
        generation: Generation,
        /// What for.
        purpose: Name,
        /// The request's rows.
        input: Input,
        /// To whom the result goes; none: to whoever brought the request.
        recipient: Option<Name>,
        /// Whether the request is kept, against the scheme (R7).
        keep_request: bool,
        /// For a request of civil status: in which register its people are looked up; none: it holds identifiers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        look_up: Option<LookUp>,
    },
    /// Make the key of a domain's next generation.
    NewKey {
        /// The domain.
        domain: Name,
        /// The generation to make.
        generation: Generation,
        /// Why.
        reason: RenewalReason,
    },
    /// Renew a request of codes.
    Renew {
        /// The domain.
        domain: Name,
        /// The generation of the codes given.
        from: Generation,
        /// The generation of the codes made.
        generation: Generation,
        /// What for.
        purpose: Name,
        /// The request's rows.
        input: Input,
        /// To whom the result goes.
        recipient: Option<Name>,
        /// Whether the request is kept, against the scheme (R7).
        keep_request: bool,
        /// The deliveries whose codes are renewed: at most [`MOST_DELIVERIES`], ascending, each once; none: unknown.
        of: Option<Vec<RunId>>,
    },
    /// Destroy a research project's keys before its end.
    Close {
        /// The domain.
        domain: Name,
    },
    /// Deal new shares of a new root.
    Deal {
        /// How many of how many.
        threshold: Threshold,
        /// The fingerprints of the new custodians' cards.
        cards: Vec<Hex<32>>,
    },
}

/// What a request holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Its commitment.
    pub commitment: Commitment,
    /// Its rows: at most 2⁵³ − 1.
    #[serde(deserialize_with = "whole_number")]
    pub rows: u64,
}

/// Where people are looked up by civil status, and how certain a find must be to be coded (SPEC §18.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookUp {
    /// The random id of the register's index. It says nothing of what the index holds.
    pub register: Hex<16>,
    /// The last quality that is coded.
    pub accept: Level,
    /// The least score that is coded.
    pub min_score: Score,
}

/// A probability in ten-thousandths, rounded down: in results 0.9731, in proposals and reports 9731.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16")]
pub struct Score(u16);

impl Score {
    /// The steps of a distribution of scores: each a twentieth, and 1 in the last one.
    pub const STEPS: usize = 20;

    const WHOLE: u16 = 10_000;

    /// The score that says `probability`; 0 below 0 and for what is no number, 1 above 1.
    pub fn of(probability: f64) -> Self {
        // As integers are made of floating-point numbers: rounded down, to the nearest end of the range, 0 of what is none.
        Self(((probability * f64::from(Self::WHOLE)) as u16).min(Self::WHOLE))
    }

    /// The score that is this number, if it has four decimals at most: 0.816 times 10,000 is less than 8160.
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
    type Error = &'static str;
    fn try_from(number: u16) -> Result<Self, Self::Error> {
        if number <= Self::WHOLE { Ok(Self(number)) } else { Err("a score is 10000 at most") }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(6);
        self.write(&mut text);
        f.write_str(std::str::from_utf8(&text).expect("digits are ASCII"))
    }
}

/// The qualities of a find, the most certain first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
    /// "looked up in the register 00112233445566778899aabbccddeeff and coded only if `found` or `rectified`, with a score of
    /// 0.9500 or more".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { register, accept, min_score } = self;
        // Each accepted quality by its word: who approves need not know their order.
        let accepted: &[_] = match accept {
            Level::Found => &["`found`"],
            Level::Rectified => &["`found`", "`rectified`"],
            Level::UsageName => &["`found`", "`rectified`", "`usage-name`"],
        };
        let accepted = accepted.join(" or ");
        write!(
            f,
            "looked up in the register {register} and coded only if {accepted}, with a score of {min_score} or more"
        )
    }
}

impl Action {
    /// Whether the request is kept, against the scheme (R7).
    pub fn keeps_request(&self) -> bool {
        matches!(self, Self::Code { keep_request: true, .. } | Self::Renew { keep_request: true, .. })
    }

    /// The domain it is about.
    pub fn domain(&self) -> Option<&Name> {
        match self {
            Self::Open { domain, .. }
            | Self::Extend { domain, .. }
            | Self::Code { domain, .. }
            | Self::NewKey { domain, .. }
            | Self::Renew { domain, .. }
            | Self::Close { domain } => Some(domain),
            Self::Deal { .. } => None,
        }
    }

    /// The rows it takes, for `code` and `renew`.
    pub fn input(&self) -> Option<&Input> {
        match self {
            Self::Code { input, .. } | Self::Renew { input, .. } => Some(input),
            _ => None,
        }
    }

    /// The verb as the ledger and the program spell it.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Extend { .. } => "extend",
            Self::Code { .. } => "code",
            Self::NewKey { .. } => "new-key",
            Self::Renew { .. } => "renew",
            Self::Close { .. } => "close",
            Self::Deal { .. } => "deal",
        }
    }
}

impl fmt::Display for Action {
    /// One sentence for the custodian who is asked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let departure = |keep: &bool| if *keep { ", KEEPING the request against the scheme" } else { "" };
        match self {
            Self::Open { domain, kind: Kind::Statistics { cryptoperiod_years }, minimum_batch } => write!(
                f,
                "open the statistical domain `{domain}`, key renewed every {cryptoperiod_years} years, at least \
                 {minimum_batch} distinct values a run"
            ),
            Self::Open { domain, kind: Kind::Research { ends }, minimum_batch } => write!(
                f,
                "open the research project `{domain}`, until {ends}, at least {minimum_batch} distinct values a run"
            ),
            Self::Extend { domain, ends } => write!(f, "extend the research project `{domain}` until {ends}"),
            Self::Code { domain, generation, purpose, input, keep_request, look_up, .. } => {
                write!(f, "code {} rows for `{purpose}` in `{domain}`, generation {generation}", input.rows)?;
                if let Some(look_up) = look_up {
                    write!(f, ", of people {look_up}")?;
                }
                f.write_str(departure(keep_request))
            }
            Self::NewKey { domain, generation, reason } => {
                let reason = match reason {
                    RenewalReason::Scheduled => "as scheduled",
                    RenewalReason::Doubt => "because of a doubt",
                };
                write!(f, "make the key of generation {generation} of `{domain}`, {reason}")
            }
            Self::Renew { domain, from, generation, purpose, input, keep_request, .. } => write!(
                f,
                "renew {} rows for `{purpose}` in `{domain}` from generation {from} to {generation}{}",
                input.rows,
                departure(keep_request)
            ),
            Self::Close { domain } => {
                write!(f, "DESTROY the keys of the research project `{domain}` before its end")
            }
            Self::Deal { threshold, .. } => write!(f, "deal new shares, {threshold}"),
        }
    }
}

/// The exact description of something that needs a quorum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposalBody {
    /// Format version.
    pub format: u32,
    /// The service's id.
    pub service: String,
    /// The epoch whose shares are asked for.
    pub epoch: Epoch,
    /// The ledger that the proposal was made on.
    pub head: Head,
    /// What is asked for.
    pub action: Action,
    /// The moment from which approvals no longer count.
    pub expires: Timestamp,
    /// The number of the run.
    pub run: RunId,
    /// SHA-256("CStatNS/run-key/" ‖ canonical JSON string of the run's key).
    pub run_key: Hex<32>,
}

impl Statement for ProposalBody {
    const LABEL: &'static str = "CStatNS/proposal/";
}

/// A proposal as it travels: signed by the service's card, with the run's ephemeral key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// What is proposed, signed by the service.
    pub signed: Signed<ProposalBody>,
    /// The X-Wing key to which shares are resealed.
    pub run_key: Hex<1216>,
}

impl Proposal {
    /// The digest that approvals name.
    pub fn digest(&self) -> Hex<32> {
        proposal_digest(&self.signed)
    }

    /// Whether the service with this key proposed it and the run's key is the one it names.
    pub fn is_by(&self, service: &Hex<32>) -> bool {
        self.signed.is_by(service) && self.signed.body.run_key == run_key_digest(&self.run_key)
    }
}

/// SHA-256("CStatNS/proposal-digest/" ‖ canonical JSON of the signed body).
pub fn proposal_digest(signed: &Signed<ProposalBody>) -> Hex<32> {
    digest("CStatNS/proposal-digest/", signed)
}

/// The digest of a run's key, as the proposal's body names it.
pub fn run_key_digest(key: &Hex<1216>) -> Hex<32> {
    digest("CStatNS/run-key/", key)
}

/// One custodian's consent: what the ledger keeps of an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentBody {
    /// Format version.
    pub format: u32,
    /// The service's id.
    pub service: String,
    /// The epoch of the share.
    pub epoch: Epoch,
    /// The proposal's digest.
    pub proposal: Hex<32>,
    /// Who consents.
    pub by: Name,
    /// The fingerprint of their card.
    pub card: Hex<32>,
    /// The digest of the resealed share.
    pub share: Hex<32>,
    /// Ed25519 over the text of the checkpoint at the proposal's head: this custodian is a witness to it.
    pub cosignature: Hex<64>,
}

impl Statement for ConsentBody {
    const LABEL: &'static str = "CStatNS/approval/";
}

/// A signed consent.
pub type Consent = Signed<ConsentBody>;

/// One custodian's approval as it travels: the consent and the share resealed to the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The signed consent.
    pub consent: Consent,
    /// The share, sealed to the run's key with the proposal's digest as info.
    pub share: SealedShare,
}

#[cfg(test)]
mod tests;
