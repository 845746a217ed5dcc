//! Sealed keys at rest (SPEC §10).
//!
//! `keys/<domain>.<generation>.<epoch>.key` holds a key sealed under the root secret of an epoch;
//! it may be backed up freely. A research project's seal also needs its life secret,
//! `life/<domain>.life`, which must not be backed up: once it is destroyed, all custodians together
//! cannot open the key. The private half of a request key lies beside life secrets,
//! `life/<number>.<epoch>.request`.

mod error;
mod label;
mod places;
mod requests;

use std::path::{Path, PathBuf};

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use cstatns_base::code::Generation;
use cstatns_base::domain::CheckValue;
use cstatns_base::files::{self, Access, FileError};
use cstatns_base::meta::SUITE;
use cstatns_base::name::{Hex, Name, canonical_json};
use cstatns_base::secret::{Secret, random_bytes, wipe_stack};
use cstatns_record::dealing::Epoch;
use cstatns_record::ledger::event::SealedRef;
use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::coder::CodingKey;

pub use error::KeystoreError;
pub use label::{KeyKind, KeyLabel, KeyPlace};
pub use places::Places;
pub use requests::RequestPlace;

const FORMAT: u32 = 2;

/// The file that marks a directory as a place of this service's life secrets.
const MARKER: &str = "cstatns-life";

/// The file that marks a directory as a mirror of this service.
pub(crate) const MIRROR_MARKER: &str = "cstatns-mirror";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedKey {
    format: u32,
    label: KeyLabel,
    nonce: Hex<24>,
    /// 32 bytes of key, then the 16-byte tag.
    sealed: Hex<48>,
}

/// The directories of a service's keys.
#[derive(Clone, Debug)]
pub struct Keystore {
    keys: PathBuf,
    lives: Vec<PathBuf>,
}

impl Keystore {
    /// The keystore with sealed keys in `keys` and life secrets in each of `lives`.
    pub fn new(keys: PathBuf, lives: Vec<PathBuf>) -> Self {
        Self { keys, lives }
    }

    /// Where a key's seal lies.
    pub fn seal_path(&self, domain: &Name, generation: Generation, epoch: Epoch) -> PathBuf {
        self.keys.join(format!("{domain}.{generation}.{epoch}.key"))
    }

    /// Where a project's life secret lies: one path in each declared place.
    pub fn life_paths(&self, domain: &Name) -> impl Iterator<Item = PathBuf> {
        self.lives.iter().map(move |life| life.join(format!("{domain}.life")))
    }

    /// Draws a key and seals it under `root`, for a project also under its life secret. Nothing is
    /// written: the caller puts the bytes at [`Keystore::seal_path`].
    ///
    /// # Errors
    /// [`KeystoreError::Seal`].
    pub fn seal(
        root: &Secret<32>,
        life: Option<&Secret<32>>,
        place: &KeyPlace<'_>,
    ) -> Result<(CheckValue, Vec<u8>), KeystoreError> {
        let KeyPlace { service, domain, generation, .. } = *place;
        let key = Secret::random();
        let check = CodingKey::new(&key, service, domain, generation).check_value();
        Ok((check, seal_key(root, life, place.label(check), &key)?))
    }

    /// Opens the key of `label` under `root`, and seals it under another root as a key of `epoch`.
    /// Nothing is written, as by [`Keystore::seal`].
    ///
    /// # Errors
    /// As [`Keystore::open`].
    pub(crate) fn reseal(
        &self,
        root: &Secret<32>,
        label: &KeyLabel,
        other: (&Secret<32>, Epoch),
    ) -> Result<(KeyLabel, Vec<u8>), KeystoreError> {
        let Unsealed { key, life, .. } = self.unseal(root, label)?;
        let (other, epoch) = other;
        let label = KeyLabel { epoch, ..label.clone() };
        let bytes = seal_key(other, life.as_ref(), label.clone(), &key)?;
        Ok((label, bytes))
    }

    /// Opens the key of `label`, whose check value comes from the ledger. A project's life secret
    /// is tried from every declared place, in order, until the key has that check value.
    ///
    /// # Errors
    /// [`KeystoreError::Seal`] when the seal is missing, damaged, another key's or an older one's;
    /// [`KeystoreError::Life`]; [`KeystoreError::LifeDamaged`] when no copy of the life secret
    /// opens the seal; [`KeystoreError::File`].
    pub fn open(&self, root: &Secret<32>, label: &KeyLabel) -> Result<Opened, KeystoreError> {
        let Unsealed { key: secret, life, damaged } = self.unseal(root, label)?;
        let key = CodingKey::new(&secret, &label.service, &label.domain, label.generation);
        wipe_stack();
        Ok(Opened { key, secret, life, damaged })
    }

    fn unseal(&self, root: &Secret<32>, label: &KeyLabel) -> Result<Unsealed, KeystoreError> {
        let KeyLabel { domain, generation, .. } = label;
        let file = self.read_seal(label)?;
        if label.kind == KeyKind::Statistics {
            let key = open_seal(root, None, label, &file);
            let unsound = KeystoreError::Seal { domain: domain.clone(), generation: *generation };
            return Ok(Unsealed { key: key.ok_or(unsound)?, life: None, damaged: Vec::new() });
        }
        let mut damaged = Vec::new();
        for path in self.life_paths(domain) {
            let life = match read_life(&path) {
                Ok(Some(life)) => life,
                Ok(None) => continue,
                // A copy that cannot be read is no better than one that does not fit.
                Err(_) => {
                    damaged.push(path);
                    continue;
                }
            };
            if let Some(key) = open_seal(root, Some(&life), label, &file) {
                return Ok(Unsealed { key, life: Some(life), damaged });
            }
            damaged.push(path);
        }
        let domain = domain.clone();
        Err(match damaged.is_empty() {
            true => KeystoreError::Life { domain },
            false => KeystoreError::LifeDamaged { domain, generation: *generation },
        })
    }

    /// The seal of a key, as it lies here; none where there is none with this label.
    pub(crate) fn seal_of(&self, label: &KeyLabel) -> Option<Vec<u8>> {
        self.read_seal(label).ok()?;
        files::read(&self.seal_path(&label.domain, label.generation, label.epoch), 1 << 16).ok()
    }

    /// The seal that a dealing names, as it lies here; none where there is another one, or none.
    pub(crate) fn sealed_as(&self, sealed: &SealedRef, epoch: Epoch) -> Option<Vec<u8>> {
        let path = self.seal_path(&sealed.domain, sealed.generation, epoch);
        files::read(&path, 1 << 16).ok().filter(|bytes| seal_digest(bytes) == sealed.seal)
    }

    fn read_seal(&self, label: &KeyLabel) -> Result<SealedKey, KeystoreError> {
        let KeyLabel { domain, generation, epoch, .. } = label;
        let unsound = || KeystoreError::Seal { domain: domain.clone(), generation: *generation };
        let bytes = match files::read(&self.seal_path(domain, *generation, *epoch), 1 << 16) {
            Err(FileError::Missing { .. } | FileError::TooLarge { .. }) => return Err(unsound()),
            read => read?,
        };
        let file: SealedKey = serde_json::from_slice(&bytes).map_err(|_| unsound())?;
        if file.format != FORMAT {
            return Err(KeystoreError::Version { domain: domain.clone(), found: file.format });
        }
        // The label in the file is for people; what opens the seal is the label that the ledger
        // gives.
        if file.label != *label {
            return Err(unsound());
        }
        Ok(file)
    }

    /// The files of keys and life secrets that are here: seals in `keys/`, life secrets in the
    /// places that are there.
    ///
    /// # Errors
    /// [`KeystoreError::File`].
    pub fn found(&self, service: &str) -> Result<Vec<Found>, KeystoreError> {
        let mut found = Vec::new();
        for directory in std::iter::once(self.keys.as_path()).chain(self.places_there(service)) {
            for path in files::list(directory)? {
                if let Some((domain, generation)) = parse_name(&path) {
                    found.push(Found { path, domain, generation });
                }
            }
        }
        Ok(found)
    }

    /// Declares each place of life secrets: a marker distinguishes a place that is there from one
    /// that is not mounted.
    ///
    /// # Errors
    /// [`KeystoreError::File`].
    pub fn declare_places(&self, service: &str) -> Result<(), KeystoreError> {
        for life in &self.lives {
            files::write_new(
                &life.join(MARKER),
                format!("{service}\n").as_bytes(),
                Access::Private,
            )?;
        }
        Ok(())
    }

    /// Takes the declarations back.
    ///
    /// # Errors
    /// [`KeystoreError::File`].
    pub fn withdraw_places(&self, service: &str) -> Result<(), KeystoreError> {
        for life in &self.lives {
            if self.is_there(life, service) {
                files::remove(&life.join(MARKER))?;
            }
        }
        Ok(())
    }

    fn is_there(&self, life: &Path, service: &str) -> bool {
        files::read(&life.join(MARKER), 256)
            .is_ok_and(|found| found == format!("{service}\n").as_bytes())
    }

    /// The declared places that are there now.
    pub fn places_there<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a Path> {
        self.lives.iter().map(PathBuf::as_path).filter(move |life| self.is_there(life, service))
    }

    /// All places must be there before a life secret is drawn or destroyed.
    ///
    /// # Errors
    /// [`KeystoreError::Place`].
    pub fn check_places(&self, service: &str) -> Result<(), KeystoreError> {
        match self.lives.iter().find(|life| !self.is_there(life, service)) {
            Some(missing) => Err(KeystoreError::Place { path: missing.clone() }),
            None => Ok(()),
        }
    }

    /// Copies the life secrets of these projects, which other places have, to a new place.
    pub(crate) fn copy_lives(
        &self,
        place: &Path,
        of: impl Fn(&Name) -> bool,
    ) -> Result<(), FileError> {
        for other in self.lives.iter().filter(|life| *life != place && life.is_dir()) {
            for path in files::list(other)? {
                let Some((domain, None)) = parse_name(&path) else { continue };
                let copy = place.join(format!("{domain}.life"));
                if of(&domain) && !files::taken(&copy)? {
                    let bytes = Zeroizing::new(files::read(&path, 1024)?);
                    files::replace(&copy, &bytes, Access::Private)?;
                }
            }
        }
        Ok(())
    }

    /// Destroys a project's life secret in every declared place, then its seals, of whatever epoch.
    /// Returns whether anything was there.
    ///
    /// # Errors
    /// [`KeystoreError::Place`] when a declared place is not there: its copy would live on;
    /// [`KeystoreError::File`]. What could not be destroyed is tried again by the next run.
    pub fn destroy_project(&self, service: &str, domain: &Name) -> Result<bool, KeystoreError> {
        self.check_places(service)?;
        let mut present = false;
        for path in self.life_paths(domain) {
            present |= files::destroy_if_present(&path)?.is_some();
        }
        Ok(present | self.destroy_seals(|found, _| found == domain)?)
    }

    /// Destroys the seals of an epoch, and the private halves of request keys that were sealed to
    /// it, in the places that are there. Returns whether there were any.
    ///
    /// # Errors
    /// [`KeystoreError::File`].
    pub(crate) fn destroy_epoch(&self, service: &str, epoch: Epoch) -> Result<bool, KeystoreError> {
        let requests = self.destroy_requests(service, |_, found| found == epoch)?;
        self.settle_requests(service)?;
        Ok(requests | self.destroy_seals(|_, found| found == epoch)?)
    }

    fn destroy_seals(&self, of: impl Fn(&Name, Epoch) -> bool) -> Result<bool, KeystoreError> {
        let mut present = false;
        for path in files::list(&self.keys)? {
            let Some((domain, Some((_, epoch)))) = parse_name(&path) else { continue };
            if of(&domain, epoch) {
                present |= files::destroy_if_present(&path)?.is_some();
            }
        }
        // A name that a stopped process took away may come back until this is on disk.
        files::settle(&self.keys.join("seals"))?;
        Ok(present)
    }
}

/// A key and what opened it, as [`Opened`].
struct Unsealed {
    key: Secret<32>,
    life: Option<Secret<32>>,
    damaged: Vec<PathBuf>,
}

/// A key that was opened.
#[non_exhaustive]
pub struct Opened {
    /// The key.
    pub key: CodingKey,
    /// Its bytes.
    pub(crate) secret: Secret<32>,
    /// A project's life secret, which opened it.
    pub life: Option<Secret<32>>,
    /// The copies of the life secret that were tried first and do not open the key.
    pub damaged: Vec<PathBuf>,
}

/// A file with the name of a key's seal or of a life secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// The domain in its name.
    pub domain: Name,
    /// The generation and the epoch in its name; none: a life secret.
    pub generation: Option<(Generation, Epoch)>,
}

/// Reads `<domain>.<generation>.<epoch>.key` and `<domain>.life`.
fn parse_name(path: &Path) -> Option<(Name, Option<(Generation, Epoch)>)> {
    let name = path.file_name()?.to_str()?;
    if let Some(domain) = name.strip_suffix(".life") {
        return Some((Name::new(domain).ok()?, None));
    }
    let mut parts = name.strip_suffix(".key")?.split('.');
    let domain = Name::new(parts.next()?).ok()?;
    let generation = Generation::new(parts.next()?.parse().ok()?)?;
    let epoch = Epoch(parts.next()?.parse().ok()?);
    parts.next().is_none().then_some((domain, Some((generation, epoch))))
}

/// The bytes of a key's sealed file.
fn seal_key(
    root: &Secret<32>,
    life: Option<&Secret<32>>,
    label: KeyLabel,
    key: &Secret<32>,
) -> Result<Vec<u8>, KeystoreError> {
    let cipher = cipher(root, life, &label);
    let mut nonce = [0; 24];
    random_bytes(&mut nonce);
    let mut sealed = [0; 48];
    let stored = Secret::<32>::try_fill(|stored| {
        stored.copy_from_slice(key.expose());
        let associated = associated(&label);
        let tag = cipher
            .encrypt_inout_detached(&XNonce::from(nonce), &associated, stored.as_mut_slice().into())
            .map_err(|_| {
                let KeyLabel { domain, generation, .. } = label.clone();
                KeystoreError::Seal { domain, generation }
            })?;
        sealed[32..].copy_from_slice(&tag);
        Ok::<_, KeystoreError>(())
    })?;
    sealed[..32].copy_from_slice(stored.expose());
    let file = SealedKey { format: FORMAT, label, nonce: Hex(nonce), sealed: Hex(sealed) };
    let mut bytes = canonical_json(&file);
    bytes.push(b'\n');
    wipe_stack();
    Ok(bytes)
}

/// How a dealing names the sealed file of a key: SHA-256("CStatNS/seal-file/" ‖ its bytes).
pub(crate) fn seal_digest(bytes: &[u8]) -> Hex<32> {
    let mut hash = Sha256::new();
    hash.update(b"CStatNS/seal-file/");
    hash.update(bytes);
    Hex(hash.finalize().into())
}

fn open_seal(
    root: &Secret<32>,
    life: Option<&Secret<32>>,
    label: &KeyLabel,
    file: &SealedKey,
) -> Option<Secret<32>> {
    let cipher = cipher(root, life, label);
    let (sealed, tag) = file.sealed.0.split_at(32);
    let tag = Tag::try_from(tag).ok()?;
    let key = Secret::<32>::try_fill(|key| {
        key.copy_from_slice(sealed);
        let associated = associated(label);
        let nonce = XNonce::from(file.nonce.0);
        cipher.decrypt_inout_detached(&nonce, &associated, key.as_mut_slice().into(), &tag)
    });
    let key = key.ok()?;
    let coding = CodingKey::new(&key, &label.service, &label.domain, label.generation);
    wipe_stack();
    (coding.check_value() == label.check).then_some(key)
}

/// HKDF-SHA-256 without salt; input keying material root, for research root ‖ life secret; info
/// "CStatNS/seal/2/" ‖ suite ‖ "/" ‖ service id ‖ "/" ‖ decimal epoch ‖ "/" ‖ kind.
fn cipher(root: &Secret<32>, life: Option<&Secret<32>>, label: &KeyLabel) -> XChaCha20Poly1305 {
    let KeyLabel { service, epoch, kind, .. } = label;
    let info = format!("CStatNS/seal/2/{SUITE}/{service}/{epoch}/{kind}");
    let derive = |material: &[u8]| {
        Secret::<32>::fill(|key| {
            Hkdf::<Sha256>::new(None, material)
                .expand(info.as_bytes(), key)
                .expect("32 bytes can be derived");
        })
    };
    let key = match life {
        Some(life) => {
            let material = Secret::<64>::fill(|material| {
                material[..32].copy_from_slice(root.expose());
                material[32..].copy_from_slice(life.expose());
            });
            derive(material.expose())
        }
        None => derive(root.expose()),
    };
    let cipher = XChaCha20Poly1305::new(key.expose().into());
    wipe_stack();
    cipher
}

/// The life secret in a file; none where the file does not exist, or has another length.
fn read_life(path: &Path) -> Result<Option<Secret<32>>, FileError> {
    let bytes = match files::read(path, 32) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(FileError::Missing { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    if bytes.len() != 32 {
        return Err(FileError::TooLarge { path: path.to_owned(), limit: 32 });
    }
    Ok(Some(Secret::fill(|life| life.copy_from_slice(&bytes))))
}

fn associated(label: &KeyLabel) -> Vec<u8> {
    let mut associated = b"CStatNS/seal/2/".to_vec();
    associated.extend(canonical_json(label));
    associated
}
