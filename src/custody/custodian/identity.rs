//! The signing seed of a kit as it lies on disk: under a passphrase, or in clear (SPEC §8).

use std::path::Path;

use cstatns_base::meta::SUITE;
use cstatns_base::name::{Hex, secret_json};
use cstatns_base::secret::{Secret, wipe_stack};
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use cstatns_keys::protection::{Closed, Protection};

use super::{Card, FORMAT, KitError, damaged, read};

/// The name of the file.
pub(super) const NAME: &str = "identity";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityFile {
    format: u32,
    /// The public key of the seed: who the custodian is.
    signing: Hex<32>,
    protection: Option<Protection>,
    /// The seed: sealed where there is a protection, in clear where there is none.
    seed: Zeroizing<String>,
}

pub(super) fn seal_identity(
    seed: &Secret<32>,
    signing: &Hex<32>,
    passphrase: Option<&[u8]>,
) -> Zeroizing<Vec<u8>> {
    let mut protection = None;
    let stored = Secret::<32>::fill(|stored| {
        stored.copy_from_slice(seed.expose());
        let seal = |passphrase| Protection::seal(passphrase, &associated(signing), stored);
        protection = passphrase.map(seal);
    });
    let seed = Zeroizing::new(data_encoding::HEXLOWER.encode(stored.expose()));
    secret_json(&IdentityFile { format: FORMAT, signing: *signing, protection, seed }, 4096)
}

/// Opens the signing seed of the kit in `directory`, which has this card.
///
/// # Errors
/// As [`Kit::open`](super::Kit::open).
pub(super) fn open_identity(
    directory: &Path,
    card: &Card,
    passphrase: Option<&[u8]>,
) -> Result<Secret<32>, KitError> {
    let kit = || directory.to_owned();
    let identity: IdentityFile = read(directory, NAME)?;
    if identity.format != FORMAT {
        return Err(KitError::Version { kit: kit(), found: identity.format });
    }
    let is_damaged = || damaged(directory, NAME);
    let signing = card.body.signing;
    if identity.signing != signing || identity.protection.is_some() != card.body.protected {
        return Err(is_damaged());
    }
    let mut seed = Secret::<32>::try_fill(|seed| {
        let read =
            Zeroizing::new(Hex::<32>::parse(identity.seed.as_bytes()).ok_or_else(is_damaged)?.0);
        seed.copy_from_slice(&*read);
        Ok::<_, KitError>(())
    })?;
    if let Some(protection) = &identity.protection {
        let passphrase = passphrase.ok_or_else(|| KitError::NeedsPassphrase { kit: kit() })?;
        seed = Secret::try_fill(|clear| {
            clear.copy_from_slice(seed.expose());
            let opened = protection.open(passphrase, &associated(&signing), clear);
            opened.map_err(|closed| match closed {
                Closed::Parameters => is_damaged(),
                Closed::Passphrase => KitError::Passphrase { kit: kit() },
            })
        })?;
    }
    let public = Hex(signing_key(&seed).verifying_key().to_bytes());
    wipe_stack();
    if public == signing { Ok(seed) } else { Err(is_damaged()) }
}

/// The associated data of a kit's seal: a label, the suite and the signing key.
fn associated(signing: &Hex<32>) -> Vec<u8> {
    format!("CStatNS/kit/2/{SUITE}/{signing}").into_bytes()
}

pub(super) fn signing_key(seed: &Secret<32>) -> SigningKey {
    SigningKey::from_bytes(seed.expose())
}
