//! The service's signing key on disk.

use std::path::{Path, PathBuf};

use cstatns_base::files::{self, Access, FileError};
use cstatns_base::meta::SUITE;
use cstatns_base::name::{Hex, canonical_json, secret_json};
use cstatns_base::secret::{Secret, wipe_stack};
use cstatns_record::card::{ServiceCard, ServiceKeys};
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use cstatns_keys::protection::{Closed, Protection};

use super::{HOME_FORMAT, LIMIT, ServiceError};

/// The service's signing key, as its seed.
pub(super) struct Identity(pub(super) Secret<32>);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityFile {
    format: u32,
    signing: Zeroizing<String>,
}

/// A signing key under a passphrase, for the safe.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Export {
    format: u32,
    card: ServiceCard,
    protection: Protection,
    /// The seed, sealed.
    signing: Hex<32>,
}

impl Identity {
    pub(super) fn path(home: &Path) -> PathBuf {
        home.join("identity")
    }

    /// The key that takes the place of the present one, once custodians have accepted it.
    pub(super) fn next_path(home: &Path) -> PathBuf {
        home.join("identity.new")
    }

    pub(super) fn key(&self) -> SigningKey {
        SigningKey::from_bytes(self.0.expose())
    }

    pub(super) fn public(&self) -> Hex<32> {
        Hex(self.key().verifying_key().to_bytes())
    }

    /// The card of the service with this key.
    pub(super) fn card(&self, service: &str) -> ServiceCard {
        ServiceCard::successor(service, &self.key())
    }

    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let signing = Zeroizing::new(data_encoding::HEXLOWER.encode(self.0.expose()));
        secret_json(&IdentityFile { format: HOME_FORMAT, signing }, 4096)
    }

    pub(super) fn read(path: &Path) -> Result<Self, ServiceError> {
        let bytes = Zeroizing::new(files::read(path, LIMIT)?);
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

    /// The present signing key: `identity`, or `identity.new` where a command stopped after the
    /// ledger had named it.
    ///
    /// # Errors
    /// [`ServiceError::IdentityLost`] where neither is.
    pub(super) fn present(home: &Path, keys: &ServiceKeys) -> Result<Self, ServiceError> {
        for path in [Self::path(home), Self::next_path(home)] {
            match Self::read(&path) {
                Ok(identity) if identity.public() == *keys.present() => return Ok(identity),
                Ok(_) => {}
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Err(ServiceError::IdentityLost { home: home.to_owned() })
    }

    /// The key that waits to take the place of the present one; drawn, where none waits.
    pub(super) fn next(home: &Path, keys: &ServiceKeys) -> Result<Self, ServiceError> {
        match Self::read(&Self::next_path(home)) {
            Ok(identity) if !keys.contains(&identity.public()) => Ok(identity),
            Ok(_) => Self::draw(home),
            Err(error) if is_gone(&error) => Self::draw(home),
            Err(error) => Err(error),
        }
    }

    /// Draws the key that takes the place of the present one, in place of any that waits: who has
    /// stolen the present one may have stolen that too.
    pub(super) fn draw(home: &Path) -> Result<Self, ServiceError> {
        let identity = Self(Secret::random());
        files::replace(&Self::next_path(home), &identity.encode(), Access::Private)?;
        wipe_stack();
        Ok(identity)
    }

    /// Gives the present key its place, and the home its card.
    pub(super) fn settle(&self, home: &Path, service: &str) -> Result<ServiceCard, ServiceError> {
        let (path, next) = (Self::path(home), Self::next_path(home));
        let is_own =
            |path: &Path| Self::read(path).is_ok_and(|identity| identity.public() == self.public());
        let card = home.join("card.json");
        let known = super::read_service_card(&card)?;
        if known.body.signing != self.public() || known.id() != service {
            files::replace(&card, &canonical_json(&self.card(service)), Access::Shared)?;
        }
        if !is_own(&path) {
            files::replace(&path, &self.encode(), Access::Private)?;
        }
        // What a stopped destruction left of it is of no use.
        let is_left = matches!(Self::read(&next), Err(ServiceError::HomeDamaged { .. }));
        if is_own(&next) || is_left {
            // A process that was stopped may have given the key its name and not forced it to disk.
            files::settle(&path)?;
            files::destroy(&next)?;
        }
        super::read_service_card(&card)
    }

    /// The bytes of a file for the safe, sealed under a passphrase.
    pub(super) fn export(&self, card: &ServiceCard, passphrase: &[u8]) -> Vec<u8> {
        let mut protection = None;
        let sealed = Secret::<32>::fill(|sealed| {
            sealed.copy_from_slice(self.0.expose());
            protection = Some(Protection::seal(passphrase, &associated(card), sealed));
        });
        let protection = protection.expect("it was sealed");
        let signing = Hex(*sealed.expose());
        canonical_json(&Export { format: HOME_FORMAT, card: card.clone(), protection, signing })
    }

    /// Opens such a file. Gives the card in it too.
    pub(super) fn import(
        path: &Path,
        passphrase: &[u8],
    ) -> Result<(Self, ServiceCard), ServiceError> {
        let damaged = || ServiceError::Export { path: path.to_owned() };
        let bytes = files::read(path, LIMIT)?;
        let export: Export = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        if export.format > HOME_FORMAT {
            return Err(ServiceError::HomeVersion { found: export.format });
        }
        let seed = Secret::try_fill(|seed| {
            seed.copy_from_slice(&export.signing.0);
            export.protection.open(passphrase, &associated(&export.card), seed)
        });
        let identity = Self(seed.map_err(|closed| match closed {
            Closed::Parameters => damaged(),
            Closed::Passphrase => ServiceError::ExportPassphrase { path: path.to_owned() },
        })?);
        wipe_stack();
        match export.card.is_sound() && identity.public() == export.card.body.signing {
            true => Ok((identity, export.card)),
            false => Err(damaged()),
        }
    }
}

/// Whether a signing key is not there, or damaged.
fn is_gone(error: &ServiceError) -> bool {
    let missing = matches!(error, ServiceError::File(FileError::Missing { .. }));
    missing || matches!(error, ServiceError::HomeDamaged { .. })
}

/// The associated data of an export: a label, the suite, the service's id and the public key.
fn associated(card: &ServiceCard) -> Vec<u8> {
    format!("CStatNS/identity/2/{SUITE}/{}/{}", card.id(), card.body.signing).into_bytes()
}
