//! Sealed keys at rest (SPEC §10).
//!
//! `keys/<domain>.<generation>.<epoch>.key` holds a key sealed under the root secret of an epoch;
//! it may be backed up freely. A research project's seal also needs its life secret,
//! `life/<domain>.life`, which must not be backed up: once it is destroyed, all custodians together
//! cannot open the key.

mod label;

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
use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::coder::CodingKey;

pub use label::{KeyKind, KeyLabel, KeyPlace};

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
        let label = place.label(check);
        let cipher = cipher(root, life, &label);
        let mut nonce = [0; 24];
        random_bytes(&mut nonce);
        let mut sealed = [0; 48];
        let stored = Secret::<32>::try_fill(|stored| {
            stored.copy_from_slice(key.expose());
            let associated = associated(&label);
            let tag = cipher
                .encrypt_inout_detached(
                    &XNonce::from(nonce),
                    &associated,
                    stored.as_mut_slice().into(),
                )
                .map_err(|_| KeystoreError::Seal { domain: domain.clone(), generation })?;
            sealed[32..].copy_from_slice(&tag);
            Ok::<_, KeystoreError>(())
        })?;
        sealed[..32].copy_from_slice(stored.expose());
        let file = SealedKey { format: FORMAT, label, nonce: Hex(nonce), sealed: Hex(sealed) };
        let mut bytes = canonical_json(&file);
        bytes.push(b'\n');
        wipe_stack();
        Ok((check, bytes))
    }

    /// Opens the key of `label`, whose check value comes from the ledger. A project's life secret
    /// is tried from every declared place, in order, until the key has that check value.
    ///
    /// # Errors
    /// [`KeystoreError::Seal`] when the seal is missing, damaged, another key's or an older one's;
    /// [`KeystoreError::Life`]; [`KeystoreError::LifeDamaged`] when no copy of the life secret
    /// opens the seal; [`KeystoreError::File`].
    pub fn open(&self, root: &Secret<32>, label: &KeyLabel) -> Result<Opened, KeystoreError> {
        let KeyLabel { domain, generation, .. } = label;
        let file = self.read_seal(label)?;
        if label.kind == KeyKind::Statistics {
            let key = open_seal(root, None, label, &file);
            let unsound = KeystoreError::Seal { domain: domain.clone(), generation: *generation };
            return Ok(Opened { key: key.ok_or(unsound)?, life: None, damaged: Vec::new() });
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
                return Ok(Opened { key, life: Some(life), damaged });
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

    /// Destroys a project's life secret in every declared place, then its seals. Returns whether
    /// anything was there.
    ///
    /// # Errors
    /// [`KeystoreError::Place`] when a declared place is not there: its copy would live on;
    /// [`KeystoreError::File`]. What could not be destroyed is tried again by the next run.
    pub fn destroy_project(
        &self,
        service: &str,
        domain: &Name,
        generations: u32,
        epochs: &[Epoch],
    ) -> Result<bool, KeystoreError> {
        self.check_places(service)?;
        let mut present = false;
        for path in self.life_paths(domain) {
            present |= files::destroy_if_present(&path)?.is_some();
        }
        for generation in (1..=generations).filter_map(Generation::new) {
            for epoch in epochs {
                let path = self.seal_path(domain, generation, *epoch);
                present |= files::destroy_if_present(&path)?.is_some();
            }
        }
        Ok(present)
    }
}

/// A key that was opened.
#[non_exhaustive]
pub struct Opened {
    /// The key.
    pub key: CodingKey,
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

fn open_seal(
    root: &Secret<32>,
    life: Option<&Secret<32>>,
    label: &KeyLabel,
    file: &SealedKey,
) -> Option<CodingKey> {
    let cipher = cipher(root, life, label);
    let (sealed, tag) = file.sealed.0.split_at(32);
    let tag = Tag::try_from(tag).ok()?;
    let key = Secret::<32>::try_fill(|key| {
        key.copy_from_slice(sealed);
        let associated = associated(label);
        let nonce = XNonce::from(file.nonce.0);
        cipher.decrypt_inout_detached(&nonce, &associated, key.as_mut_slice().into(), &tag)
    });
    let key = CodingKey::new(&key.ok()?, &label.service, &label.domain, label.generation);
    wipe_stack();
    (key.check_value() == label.check).then_some(key)
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

/// The directories in which life secrets lie, as `init` got them; kept in the home.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Places {
    /// Format version.
    pub format: u32,
    /// The directories; relative ones lie in the home.
    pub life: Vec<PathBuf>,
    /// The directories of mirrors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mirrors: Vec<PathBuf>,
}

impl Places {
    /// The file of a home that names the places.
    pub fn path(home: &Path) -> PathBuf {
        home.join("places.json")
    }

    /// The directories of the service in `home`.
    pub fn life_of(&self, home: &Path) -> Vec<PathBuf> {
        self.life.iter().map(|place| home.join(place)).collect()
    }

    /// The places of life secrets, and the mirrors, that are there now: each says whose it is.
    pub fn there(&self, home: &Path, service: &str) -> impl Iterator<Item = PathBuf> {
        let marker = format!("{service}\n");
        let lives = self.life_of(home).into_iter().map(|place| (place, MARKER));
        let mirrors = self.mirrors.iter().map(|place| (place.clone(), MIRROR_MARKER));
        let marked = move |(place, name): &(PathBuf, &str)| {
            files::read(&place.join(name), 256).is_ok_and(|found| found == marker.as_bytes())
        };
        let all: Vec<_> = lives.chain(mirrors).collect();
        all.into_iter().filter(marked).map(|(place, _)| place)
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn read(home: &Path) -> Result<Self, KeystoreError> {
        let bytes = files::read(&Self::path(home), 1 << 16)?;
        serde_json::from_slice(&bytes).map_err(|_| KeystoreError::Places)
    }
}

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
    Self::Version { domain, found } => ("seal-version", Machine, [domain, found]),
    Self::Places => ("places", Machine, []),
});
