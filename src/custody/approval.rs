//! One custodian's approval (SPEC §9).

use cstatns_record::proposal::{Consent, QuorumError};
use serde::{Deserialize, Serialize};

use super::share::SealedShare;

/// One custodian's approval as it travels: the consent and the share resealed to the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The signed consent.
    pub consent: Consent,
    /// The share, sealed to the run's key with the proposal's digest as info.
    pub share: SealedShare,
}

impl Approval {
    /// Whether the share is the one that the consent names.
    ///
    /// # Errors
    /// [`QuorumError::Share`].
    pub fn check_share(&self) -> Result<(), QuorumError> {
        match self.share.digest() == self.consent.body.share {
            true => Ok(()),
            false => Err(QuorumError::Share { custodian: self.consent.body.by.clone() }),
        }
    }
}
