//! Dealings: who holds a share of which root secret, and how many open it (SPEC §7, §8).

use std::fmt;

use cstatns_base::coded::{Coordinate, Fact};
use cstatns_base::name::{Hex, Name, digest};
use serde::{Deserialize, Serialize};

use crate::card::{Card, ServiceCard};

/// The number of one dealing of shares: 1, 2, 3 …
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u32);

impl Coordinate for Epoch {
    fn add_to(&self, facts: &mut Vec<Fact>, name: &'static str) {
        self.0.add_to(facts, name);
    }
}

impl Epoch {
    /// The epoch of the ceremony that founds a service.
    pub const FIRST: Self = Self(1);
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// `k` of `n`: how many shares open the root secret, of how many; 2 ≤ k ≤ n ≤ 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawThreshold", into = "RawThreshold")]
pub struct Threshold {
    k: u8,
    n: u8,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawThreshold {
    k: u8,
    n: u8,
}

impl TryFrom<RawThreshold> for Threshold {
    type Error = ThresholdError;
    fn try_from(raw: RawThreshold) -> Result<Self, ThresholdError> {
        Self::new(raw.k.into(), raw.n.into())
    }
}

impl From<Threshold> for RawThreshold {
    fn from(Threshold { k, n }: Threshold) -> Self {
        Self { k, n }
    }
}

impl Threshold {
    /// `k` of `n`.
    ///
    /// # Errors
    /// [`ThresholdError`] unless 2 ≤ k ≤ n ≤ 255. With k = 1 every share is the secret itself.
    pub fn new(k: usize, n: usize) -> Result<Self, ThresholdError> {
        match (u8::try_from(k), u8::try_from(n)) {
            (Ok(small_k), Ok(small_n)) if 2 <= k && k <= n => Ok(Self { k: small_k, n: small_n }),
            _ => Err(ThresholdError { k, n }),
        }
    }

    /// How many shares are needed.
    pub fn k(self) -> usize {
        self.k.into()
    }

    /// How many shares there are.
    pub fn n(self) -> usize {
        self.n.into()
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.k, self.n)
    }
}

/// Which dealing a share belongs to; every share carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DealingId {
    /// The service's id.
    pub service: String,
    /// The epoch.
    pub epoch: Epoch,
    /// How many of how many.
    pub threshold: Threshold,
}

/// A share's commitment: SHA-256 over a label and all the share's fields. It hides the share, whose
/// 32 bytes are uniform.
pub type ShareCommitment = Hex<32>;

/// What the ledger says of one holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The custodian; the first holder has x = 1, the second x = 2, …
    pub name: Name,
    /// The commitment of their share.
    pub commitment: ShareCommitment,
}

/// One custodian's place in a dealing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seat {
    /// Their card.
    pub card: Card,
    /// The commitment of their share.
    pub commitment: ShareCommitment,
}

/// One dealing of shares, as the ledger records it. Epoch 1's founds the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dealing {
    /// The epoch.
    pub epoch: Epoch,
    /// How many of how many.
    pub threshold: Threshold,
    /// Whether the service is a demonstration; it never changes.
    pub demo: bool,
    /// The service's card.
    pub service: ServiceCard,
    /// The custodians; the first holds the share with x = 1.
    pub roster: Vec<Seat>,
    /// The check value of the root secret.
    pub root_check: Hex<32>,
    /// The dealing's receiving key, whose seed follows from the root secret: what is sealed to it
    /// opens under a quorum of this epoch only (SPEC §7).
    pub receiving: Hex<1216>,
}

impl Dealing {
    /// SHA-256("CStatNS/dealing/" ‖ canonical JSON of the dealing).
    pub fn fingerprint(&self) -> Hex<32> {
        digest("CStatNS/dealing/", self)
    }

    /// What each of its shares carries.
    pub fn id(&self) -> DealingId {
        DealingId {
            service: self.service.id().to_owned(),
            epoch: self.epoch,
            threshold: self.threshold,
        }
    }

    /// The roster as it is taken for recovering the root secret.
    pub fn holders(&self) -> Vec<Holder> {
        let holder =
            |seat: &Seat| Holder { name: seat.card.body.name.clone(), commitment: seat.commitment };
        self.roster.iter().map(holder).collect()
    }

    /// A custodian's seat.
    pub fn seat(&self, name: &Name) -> Option<&Seat> {
        self.roster.iter().find(|seat| seat.card.body.name == *name)
    }

    /// The seat of the custodian with this signing key: who they are, whatever their name.
    pub fn seat_of(&self, signing: &Hex<32>) -> Option<&Seat> {
        self.roster.iter().find(|seat| seat.card.body.signing == *signing)
    }

    /// Whether the dealing keeps the rules of SPEC §8.
    ///
    /// # Errors
    /// [`RosterError`] names the card that does not fit.
    pub fn check(&self) -> Result<(), RosterError> {
        if !self.service.is_first() {
            return Err(RosterError::Service);
        }
        let cards: Vec<&Card> = self.roster.iter().map(|seat| &seat.card).collect();
        check_roster(&cards, self.threshold, self.demo)
    }
}

/// Whether these custodians may hold the shares of one dealing.
///
/// # Errors
/// [`RosterError`] names the card that does not fit.
pub fn check_roster(cards: &[&Card], threshold: Threshold, demo: bool) -> Result<(), RosterError> {
    if cards.len() != threshold.n() {
        return Err(RosterError::Count { cards: cards.len(), n: threshold.n() });
    }
    // What one quorum decided, somebody in the next one knows.
    if 2 * threshold.k() <= threshold.n() {
        return Err(RosterError::Minority { k: threshold.k(), n: threshold.n() });
    }
    for (position, card) in cards.iter().enumerate() {
        let body = &card.body;
        let custodian = body.name.clone();
        if !card.is_sound() {
            return Err(RosterError::Card { custodian });
        }
        let same = |other: &&&Card| {
            let other = &other.body;
            other.name == body.name
                || other.signing == body.signing
                || other.receiving == body.receiving
        };
        if cards[..position].iter().any(|other| same(&other)) {
            return Err(RosterError::Twice { custodian });
        }
        if !body.protected && !demo {
            return Err(RosterError::Unprotected { custodian });
        }
    }
    let external = cards.iter().filter(|card| card.body.external).count();
    if external >= threshold.k() {
        return Err(RosterError::External { external, k: threshold.k() });
    }
    Ok(())
}

/// Why a threshold is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a threshold of {k} of {n} is not possible")]
pub struct ThresholdError {
    /// Shares needed.
    pub k: usize,
    /// Shares dealt.
    pub n: usize,
}

cstatns_base::coded!(ThresholdError {
    Self { k, n } => ("threshold", Input, [needed: *k, custodians: *n]),
});

/// Why these cards cannot be dealt shares.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RosterError {
    /// The threshold is impossible.
    #[error(transparent)]
    Threshold(#[from] ThresholdError),
    /// n is not the number of cards.
    #[error("{cards} cards for {n} shares")]
    Count {
        /// Cards given.
        cards: usize,
        /// Shares.
        n: usize,
    },
    /// The service's card is not sound.
    #[error("the service's card is not signed by its own key (it was altered)")]
    Service,
    /// A custodian's card is not sound.
    #[error("the card of `{custodian}` is not signed by its own key")]
    Card {
        /// The name on the card.
        custodian: Name,
    },
    /// Two cards of one name or key.
    #[error("the card of `{custodian}` has the name or a key of another card")]
    Twice {
        /// The name on the card.
        custodian: Name,
    },
    /// A kit without a passphrase.
    #[error("the kit of `{custodian}` has no passphrase, which only a demonstration allows")]
    Unprotected {
        /// The name on the card.
        custodian: Name,
    },
    /// Two quorums need not share a custodian.
    #[error("{k} of {n} lets two quorums decide without one custodian in common")]
    Minority {
        /// Shares needed.
        k: usize,
        /// Shares.
        n: usize,
    },
    /// The external holders alone could open the secret.
    #[error("{external} external custodians could open the secret alone with a threshold of {k}")]
    External {
        /// External custodians.
        external: usize,
        /// Shares needed.
        k: usize,
    },
}

cstatns_base::coded!(RosterError {
    Self::Threshold(error) => (error),
    Self::Count { cards, n } => ("roster-count", Input, [cards, custodians: *n]),
    Self::Service => ("service-card", OtherSide, []),
    Self::Card { custodian } => ("card", OtherSide, [custodian]),
    Self::Twice { custodian } => ("card-twice", OtherSide, [custodian]),
    Self::Unprotected { custodian } => ("kit-unprotected", OtherSide, [custodian]),
    Self::Minority { k, n } => ("threshold-minority", Input, [needed: *k, custodians: *n, least: *n / 2 + 1]),
    Self::External { external, k } => ("too-many-external", Input, [external, needed: *k]),
});
