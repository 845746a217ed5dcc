//! The service's signing key on disk.

use std::path::{Path, PathBuf};

use cstatns_base::files;
use cstatns_base::name::{Hex, secret_json};
use cstatns_base::secret::Secret;
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{HOME_FORMAT, LIMIT, ServiceError};

/// The service's signing key, as its seed.
pub(super) struct Identity(pub(super) Secret<32>);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityFile {
    format: u32,
    signing: Zeroizing<String>,
}

impl Identity {
    pub(super) fn path(home: &Path) -> PathBuf {
        home.join("identity")
    }

    pub(super) fn key(&self) -> SigningKey {
        SigningKey::from_bytes(self.0.expose())
    }

    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let signing = Zeroizing::new(data_encoding::HEXLOWER.encode(self.0.expose()));
        secret_json(&IdentityFile { format: HOME_FORMAT, signing }, 4096)
    }

    pub(super) fn read(home: &Path) -> Result<Self, ServiceError> {
        let bytes = Zeroizing::new(files::read(&Self::path(home), LIMIT)?);
        let damaged = || ServiceError::HomeDamaged { file: "identity" };
        let file: IdentityFile = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        if file.format > HOME_FORMAT {
            return Err(ServiceError::HomeVersion { found: file.format });
        }
        let seed = Secret::try_fill(|seed| {
            let read = Zeroizing::new(Hex::<32>::parse(file.signing.as_bytes()).ok_or(())?.0);
            seed.copy_from_slice(&*read);
            Ok::<_, ()>(())
        });
        seed.map(Self).map_err(|()| damaged())
    }
}
