//! Another passphrase for a kit (SPEC §8).

use cstatns_base::files::{self, Access, Held};

use super::identity::{self, seal_identity};
use super::{Kit, KitError};

impl Kit {
    /// Seals the signing key of the kit under another passphrase. The file under the former one is
    /// destroyed; stopped at any point, the kit opens with one of the two.
    ///
    /// A copy of the kit that was made before still opens with the former passphrase.
    ///
    /// # Errors
    /// [`KitError::EmptyPassphrase`]; [`KitError::WithoutPassphrase`] for a kit that was made
    /// without one, which its card says; [`KitError::File`].
    pub fn change_passphrase(&self, passphrase: &[u8]) -> Result<(), KitError> {
        if passphrase.is_empty() {
            return Err(KitError::EmptyPassphrase { kit: self.directory.clone() });
        }
        self.check_protected()?;
        // What a stopped process left may be the key under either passphrase.
        files::sweep(&self.directory)?;
        let path = self.directory.join(identity::NAME);
        let former = Held::new(&path)?;
        let identity = seal_identity(&self.seed, &self.card.body.signing, Some(passphrase));
        files::replace(&path, &identity, Access::Private)?;
        former.destroy()?;
        Ok(())
    }

    /// Refuses a kit that was made without a passphrase: its card cannot be changed.
    ///
    /// # Errors
    /// [`KitError::WithoutPassphrase`].
    pub fn check_protected(&self) -> Result<(), KitError> {
        match self.card.body.protected {
            true => Ok(()),
            false => Err(KitError::WithoutPassphrase { kit: self.directory.clone() }),
        }
    }
}
