//! Shamir's sharing of the root secret, guarded (SPEC §7).
//!
//! The `sharks` crates combine whatever they are given: a share twice, a flipped bit, shares of two
//! dealings or a share at x = 0 give a *wrong secret without an error*. Here nothing is combined
//! before every share has been compared with the commitment that the ledger keeps for it, and the
//! share that does not fit is named by its holder.

use cstatns_base::hazmat::MacKey;
use cstatns_base::meta::SUITE;
use cstatns_base::name::{Hex, Name};
use cstatns_base::secret::{Secret, wipe_stack};
use cstatns_record::dealing::{
    DealingId, Epoch, Holder, ShareCommitment, Threshold, ThresholdError,
};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use sha2::{Digest, Sha256};
use sharks::Sharks;
use zeroize::Zeroizing;

/// One share, in clear. It is never written so: see `custody::share`.
///
/// ```
/// use cstatns::secret::Secret;
/// use cstatns::dealing::{DealingId, Epoch, Threshold};
/// use cstatns::hazmat::split;
///
/// let threshold = Threshold::new(3, 5)?;
/// let dealing = DealingId { service: "example.aaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(), epoch: Epoch::FIRST, threshold };
/// let shares = split(&dealing, &Secret::random())?;
/// assert_eq!(shares.len(), 5);
/// # Ok::<(), cstatns::custody::SharingError>(())
/// ```
///
/// It is neither printed nor copied:
///
/// ```compile_fail,E0277
/// # use cstatns::hazmat::Share;
/// fn show(share: &Share) {
///     println!("{share:?}");
/// }
/// ```
/// ```compile_fail,E0308
/// # use cstatns::hazmat::Share;
/// fn copy(share: &Share) -> Share {
///     share.clone()
/// }
/// ```
pub struct Share {
    dealing: DealingId,
    x: u8,
    y: Secret<32>,
}

const LABEL: &[u8] = b"CStatNS/share/";
pub(crate) const VERSION: u8 = 2;

impl Share {
    /// The holder's number, from 1.
    pub fn x(&self) -> u8 {
        self.x
    }

    /// The dealing it belongs to.
    pub fn dealing(&self) -> &DealingId {
        &self.dealing
    }

    /// "CStatNS/share/" ‖ version 2 ‖ length of the suite (1 byte) ‖ suite ‖ length of the service
    /// id (1 byte) ‖ service id ‖ epoch (u32, big-endian) ‖ k ‖ n ‖ x ‖ y (32 bytes).
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let id = &self.dealing;
        let service = id.service.as_bytes();
        let texts = SUITE.len() + service.len();
        let mut out = Zeroizing::new(Vec::with_capacity(LABEL.len() + 10 + texts + 32));
        out.extend_from_slice(LABEL);
        out.push(VERSION);
        for text in [SUITE.as_bytes(), service] {
            out.push(u8::try_from(text.len()).expect("a service id is short"));
            out.extend_from_slice(text);
        }
        out.extend_from_slice(&id.epoch.0.to_be_bytes());
        out.extend_from_slice(&numbers(id.threshold));
        out.push(self.x);
        out.extend_from_slice(self.y.expose());
        out
    }

    /// Reads what [`Share::encode`] wrote, to the byte.
    ///
    /// # Errors
    /// [`SharingError::Format`]; [`SharingError::Version`] for a format that this program does not
    /// know.
    pub fn decode(bytes: &[u8]) -> Result<Self, SharingError> {
        let mut rest = bytes.strip_prefix(LABEL).ok_or(SharingError::Format)?;
        let mut take = |count: usize| {
            let (head, tail) = rest.split_at_checked(count).ok_or(SharingError::Format)?;
            rest = tail;
            Ok::<_, SharingError>(head)
        };
        let version = take(1)?[0];
        if version != VERSION {
            return Err(SharingError::Version { found: version.into() });
        }
        let length = take(1)?[0];
        if take(length.into())? != SUITE.as_bytes() {
            return Err(SharingError::Format);
        }
        let length = take(1)?[0];
        let service =
            std::str::from_utf8(take(length.into())?).map_err(|_| SharingError::Format)?.to_owned();
        let epoch = Epoch(u32::from_be_bytes(take(4)?.try_into().expect("four bytes")));
        let &[k, n, x] = take(3)? else { return Err(SharingError::Format) };
        let y = take(32)?;
        let threshold = Threshold::new(k.into(), n.into())?;
        if x == 0 || x > n || !rest.is_empty() {
            return Err(SharingError::Format);
        }
        Ok(Self {
            dealing: DealingId { service, epoch, threshold },
            x,
            y: Secret::fill(|secret| secret.copy_from_slice(y)),
        })
    }

    /// SHA-256("CStatNS/share-commitment/" ‖ the encoded share).
    pub fn commitment(&self) -> ShareCommitment {
        let mut hash = Sha256::new();
        hash.update(b"CStatNS/share-commitment/");
        hash.update(&*self.encode());
        Hex(hash.finalize().into())
    }
}

/// k and n as they are written in a share.
fn numbers(threshold: Threshold) -> [u8; 2] {
    [threshold.k(), threshold.n()].map(|number| u8::try_from(number).expect("at most 255"))
}

/// Splits `root` into the n shares of `dealing`, first holder first.
///
/// # Errors
/// [`SharingError::Polynomial`] when the shares made do not lie on one polynomial of degree k − 1
/// through the secret: nothing may be dealt then.
pub fn split(dealing: &DealingId, root: &Secret<32>) -> Result<Vec<Share>, SharingError> {
    let threshold = dealing.threshold;
    let dealt: Vec<sharks::Share> = Sharks(numbers(threshold)[0])
        .dealer_rng(root.expose(), &mut UnwrapErr(SysRng))
        .take(threshold.n())
        .collect();
    check_polynomial(threshold, &dealt, root)?;
    let shares = dealt
        .iter()
        .map(|raw| {
            let bytes = Zeroizing::new(Vec::from(raw));
            Share {
                dealing: dealing.clone(),
                x: bytes[0],
                y: Secret::fill(|y| y.copy_from_slice(&bytes[1..])),
            }
        })
        .collect();
    wipe_stack();
    Ok(shares)
}

/// The first k − 1 shares with each of the others must give the secret.
fn check_polynomial(
    threshold: Threshold,
    dealt: &[sharks::Share],
    root: &Secret<32>,
) -> Result<(), SharingError> {
    let [k, _] = numbers(threshold);
    let (base, others) = dealt.split_at(threshold.k() - 1);
    for other in others {
        let given = base.iter().chain([other]);
        if *combine(k, given)? != root.expose()[..] {
            return Err(SharingError::Polynomial);
        }
    }
    Ok(())
}

/// Recovers the root secret from the shares that `given` holders gave.
///
/// Every share given is checked, also those beyond the k that are needed. The caller compares the
/// root's check value afterwards ([`root_check`]).
///
/// # Errors
/// Names the holder whose share is of another service, epoch or threshold, given twice, somebody
/// else's or altered; [`SharingError::TooFew`].
pub fn recover(
    dealing: &DealingId,
    holders: &[Holder],
    given: &[(Name, Share)],
) -> Result<Secret<32>, SharingError> {
    for (position, (custodian, share)) in given.iter().enumerate() {
        check(dealing, holders, custodian, share)?;
        if given[..position].iter().any(|(earlier, _)| earlier == custodian) {
            return Err(SharingError::Twice { custodian: custodian.clone() });
        }
    }
    let needed = dealing.threshold.k();
    if given.len() < needed {
        return Err(SharingError::TooFew { given: given.len(), needed });
    }
    let raw = given[..needed]
        .iter()
        .map(|(_, share)| {
            let mut bytes = Zeroizing::new([share.x; 33]);
            bytes[1..].copy_from_slice(share.y.expose());
            sharks::Share::try_from(&bytes[..]).map_err(|_| SharingError::Format)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let root = combine(numbers(dealing.threshold)[0], &raw)?;
    let root = Secret::fill(|secret| secret.copy_from_slice(&root));
    wipe_stack();
    Ok(root)
}

/// Whether `share` is the one that was dealt to `custodian`.
///
/// # Errors
/// Names the holder whose share is of another service, epoch or threshold, somebody else's or
/// altered.
pub(crate) fn check(
    dealing: &DealingId,
    holders: &[Holder],
    custodian: &Name,
    share: &Share,
) -> Result<(), SharingError> {
    let named = || custodian.clone();
    let seat = holders.iter().position(|holder| holder.name == *custodian);
    let Some(seat) = seat else {
        return Err(SharingError::NotAHolder { custodian: named() });
    };
    if share.dealing.service != dealing.service {
        return Err(SharingError::OtherService { custodian: named() });
    }
    if share.dealing.epoch != dealing.epoch {
        let (found, expected) = (share.dealing.epoch, dealing.epoch);
        return Err(SharingError::OtherEpoch { custodian: named(), found, expected });
    }
    let commitment = share.commitment();
    if commitment != holders[seat].commitment {
        let owner = holders.iter().find(|holder| holder.commitment == commitment);
        return Err(match owner {
            Some(owner) => SharingError::Swapped { custodian: named(), owner: owner.name.clone() },
            None => SharingError::Altered { custodian: named() },
        });
    }
    // The commitment covers k, n and x, so these cannot differ from what was dealt.
    debug_assert!(share.dealing.threshold == dealing.threshold && usize::from(share.x) == seat + 1);
    Ok(())
}

/// The raw combiner: checks nothing but the number of shares.
fn combine<'a>(
    k: u8,
    shares: impl IntoIterator<Item = &'a sharks::Share>,
) -> Result<Zeroizing<Vec<u8>>, SharingError> {
    // A name for the borrow: the crate's error borrows the combiner.
    let combiner = Sharks(k);
    let secret = combiner.recover(shares.into_iter().collect::<Vec<_>>());
    secret.map(Zeroizing::new).map_err(|_| SharingError::Format)
}

/// The check value of a root secret: HMAC-SHA-256(root, "CStatNS/check-root/" ‖ service id ‖ "/" ‖
/// decimal epoch).
pub fn root_check(root: &Secret<32>, service: &str, epoch: Epoch) -> Hex<32> {
    Hex(MacKey::new(root).mac(format!("CStatNS/check-root/{service}/{epoch}").as_bytes()))
}

/// Why a secret was not split or not recovered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SharingError {
    /// Not 2 ≤ k ≤ n ≤ 255.
    #[error(transparent)]
    Threshold(#[from] ThresholdError),
    /// The bytes are not a share.
    #[error("not a whole share")]
    Format,
    /// Sealed for somebody else or for another use.
    #[error(
        "the share does not open with this key (it was sealed for another custodian or run, or is \
        damaged)"
    )]
    Unopened,
    /// A newer share format.
    #[error("the share has format version {found}, this program knows version {VERSION}")]
    Version {
        /// The version found.
        found: u32,
    },
    /// The dealing went wrong.
    #[error("the shares made do not lie on one polynomial (nothing was dealt)")]
    Polynomial,
    /// Not in the roster.
    #[error("`{custodian}` holds no share of this epoch")]
    NotAHolder {
        /// Who gave it.
        custodian: Name,
    },
    /// A share of another service.
    #[error("the share of `{custodian}` is of another service")]
    OtherService {
        /// Who gave it.
        custodian: Name,
    },
    /// A share of another epoch.
    #[error("the share of `{custodian}` is of epoch {found}, the service is in epoch {expected}")]
    OtherEpoch {
        /// Who gave it.
        custodian: Name,
        /// Its epoch.
        found: Epoch,
        /// The present epoch.
        expected: Epoch,
    },
    /// The same custodian twice.
    #[error("the share of `{custodian}` was given twice")]
    Twice {
        /// Who gave it.
        custodian: Name,
    },
    /// Somebody else's share.
    #[error("`{custodian}` gave the share that belongs to `{owner}`")]
    Swapped {
        /// Who gave it.
        custodian: Name,
        /// Whose it is.
        owner: Name,
    },
    /// The share is not the one that was dealt.
    #[error(
        "the share of `{custodian}` is not the one that was dealt to them (it was altered or \
        damaged)"
    )]
    Altered {
        /// Who gave it.
        custodian: Name,
    },
    /// Fewer than k shares.
    #[error("{given} shares were given, {needed} are needed")]
    TooFew {
        /// Given.
        given: usize,
        /// Needed.
        needed: usize,
    },
}

cstatns_base::coded!(SharingError {
    Self::Threshold(error) => (error),
    Self::Format => ("share-format", Input, []),
    Self::Unopened => ("share-unopened", Input, []),
    Self::Version { found } => ("share-version", Machine, [found]),
    Self::Polynomial => ("dealing", Machine, []),
    Self::NotAHolder { custodian } => ("not-a-holder", Input, [custodian]),
    Self::OtherService { custodian } => ("share-other-service", OtherSide, [custodian]),
    Self::OtherEpoch { custodian, found, expected } => ("share-other-epoch", OtherSide, [custodian, found, expected]),
    Self::Twice { custodian } => ("share-twice", Input, [custodian]),
    Self::Swapped { custodian, owner } => ("share-swapped", OtherSide, [custodian, owner]),
    Self::Altered { custodian } => ("share-altered", OtherSide, [custodian]),
    Self::TooFew { given, needed } => ("too-few-shares", Input, [given, needed]),
});

#[cfg(test)]
mod tests;
