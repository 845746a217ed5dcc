//! Why a key was not made, opened or destroyed.

use std::path::PathBuf;

use cstatns_base::code::Generation;
use cstatns_base::files::FileError;
use cstatns_base::name::{Hex, Name};

/// Why a key was not made, opened or destroyed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeystoreError {
    /// Storage.
    #[error(transparent)]
    File(#[from] FileError),
    /// The seal does not open, or not to the key that the ledger speaks of.
    #[error(
        "the sealed key of `{domain}`, generation {generation}, is not the one that the ledger \
        speaks of (it was lost, \
         damaged, swapped or taken from an older copy)"
    )]
    Seal {
        /// The domain.
        domain: Name,
        /// The generation.
        generation: Generation,
    },
    /// The life secret is not there.
    #[error("the life secret of `{domain}` is in none of its places")]
    Life {
        /// The project.
        domain: Name,
    },
    /// No copy of the life secret opens the key.
    #[error(
        "no copy of the life secret of `{domain}` opens its key of generation {generation} (the \
        sealed key or every copy \
         is damaged or of another key)"
    )]
    LifeDamaged {
        /// The project.
        domain: Name,
        /// The generation.
        generation: Generation,
    },
    /// A declared place of life secrets is not there.
    #[error("{path:?} is not there, or not the place of life secrets that was declared")]
    Place {
        /// The place.
        path: PathBuf,
    },
    /// The private half of a request key is in no place.
    #[error("the private half of the request key {key} is in none of its places, or damaged")]
    RequestKey {
        /// The key's number.
        key: Hex<16>,
    },
    /// A newer seal.
    #[error("a sealed key of `{domain}` has format version {found}")]
    Version {
        /// The domain.
        domain: Name,
        /// The version found.
        found: u32,
    },
    /// The places file is damaged.
    #[error("places.json in the home, which names the directories of the life secrets, is damaged")]
    Places,
}

cstatns_base::coded!(KeystoreError {
    Self::File(error) => (error),
    Self::Seal { domain, generation } => ("seal", Tampering, [domain, generation]),
    Self::Life { domain } => ("life-secret", Machine, [domain]),
    Self::LifeDamaged { domain, generation } => ("seal-or-life-secret", Machine, [domain, generation]),
    Self::Place { path } => ("life-place", Machine, [path]),
    Self::RequestKey { key } => ("request-key-seal", Machine, [key]),
    Self::Version { domain, found } => ("seal-version", Machine, [domain, found]),
    Self::Places => ("places", Machine, []),
});
