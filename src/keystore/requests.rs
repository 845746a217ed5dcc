//! The private halves of request keys: each one's seed is sealed to the receiving key of a dealing,
//! in every place of life secrets and nowhere else, so that no backup holds it (SPEC §10, §19).

use std::path::{Path, PathBuf};

use cstatns_base::files::{self, FileError};
use cstatns_base::meta::SUITE;
use cstatns_base::name::{Hex, Name, canonical_json};
use cstatns_keys::receiving::{ReceivingKey, Recipient, SealError};
use cstatns_record::dealing::Epoch;
use cstatns_record::party::request_public_digest;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{FORMAT, Keystore, KeystoreError};

/// Which request key a seal holds, and which dealing opens it.
#[derive(Clone, Copy, Debug)]
pub struct RequestPlace<'a> {
    /// The service's id.
    pub service: &'a str,
    /// The epoch of the dealing.
    pub epoch: Epoch,
    /// The domain of the requests.
    pub domain: &'a Name,
    /// The key's number.
    pub key: &'a Hex<16>,
}

impl RequestPlace<'_> {
    /// The HPKE info of the seal: "CStatNS/request-key/2/" ‖ suite ‖ "/" ‖ service id ‖ "/" ‖
    /// decimal epoch ‖ "/" ‖ domain ‖ "/" ‖ number in hexadecimal.
    pub fn info(&self) -> Vec<u8> {
        let Self { service, epoch, domain, key } = self;
        format!("CStatNS/request-key/2/{SUITE}/{service}/{epoch}/{domain}/{key}").into_bytes()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedSeed {
    format: u32,
    service: String,
    epoch: Epoch,
    domain: Name,
    key: Hex<16>,
    /// The X-Wing ciphertext, then the sealed seed and its tag.
    sealed: Hex<1168>,
}

impl Keystore {
    /// Where the private half of a request key lies: one path in each declared place.
    pub fn request_paths(&self, key: Hex<16>, epoch: Epoch) -> impl Iterator<Item = PathBuf> {
        self.lives.iter().map(move |life| life.join(format!("{key}.{epoch}.request")))
    }

    /// The bytes of the file of a request key, sealed to the receiving key of a dealing.
    ///
    /// # Errors
    /// [`SealError`] when that is no X-Wing key.
    pub fn seal_request(
        key: &ReceivingKey,
        dealing: &Hex<1216>,
        place: &RequestPlace<'_>,
    ) -> Result<Vec<u8>, SealError> {
        let sealed = Recipient::new(dealing)?.seal(&place.info(), key.expose_seed());
        let file = SealedSeed {
            format: FORMAT,
            service: place.service.to_owned(),
            epoch: place.epoch,
            domain: place.domain.clone(),
            key: *place.key,
            sealed: Hex(sealed.try_into().expect("a sealed seed has one length")),
        };
        let mut bytes = canonical_json(&file);
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Opens a request key with the receiving key of a dealing. Each place is tried in order, until
    /// the public half is the one that the ledger names.
    ///
    /// # Errors
    /// [`KeystoreError::RequestKey`] where no place has it.
    pub fn open_request(
        &self,
        dealing: &ReceivingKey,
        place: &RequestPlace<'_>,
        public: &Hex<32>,
    ) -> Result<ReceivingKey, KeystoreError> {
        let open = |path: PathBuf| {
            let file = read(&path, place)?;
            let seed: Zeroizing<Vec<u8>> = dealing.open(&file.sealed.0, &place.info())?;
            let key = ReceivingKey::from_seed(seed.first_chunk()?);
            (request_public_digest(&key.public()) == *public).then_some(key)
        };
        let opened = self.request_paths(*place.key, place.epoch).find_map(open);
        opened.ok_or(KeystoreError::RequestKey { key: *place.key })
    }

    /// Whether a place has the private half of a request key sealed to this dealing; whether it
    /// opens is seen under a quorum.
    pub fn has_request(&self, place: &RequestPlace<'_>) -> bool {
        self.request_paths(*place.key, place.epoch).any(|path| read(&path, place).is_some())
    }

    /// Whether a place has the file that a dealing names.
    pub(crate) fn is_request_sealed_as(&self, key: Hex<16>, epoch: Epoch, seal: &Hex<32>) -> bool {
        let mut paths = self.request_paths(key, epoch);
        paths.any(|path| {
            files::read(&path, 1 << 14).is_ok_and(|bytes| super::seal_digest(&bytes) == *seal)
        })
    }

    /// Destroys the private half of a request key in every declared place, whatever epoch it is
    /// sealed to. Returns whether it was there.
    ///
    /// # Errors
    /// [`KeystoreError::Place`] when a declared place is not there: its copy would live on;
    /// [`KeystoreError::File`]. What could not be destroyed is tried again by the next run.
    pub fn destroy_request(&self, service: &str, key: &Hex<16>) -> Result<bool, KeystoreError> {
        self.check_places(service)?;
        let present = self.destroy_requests(service, |found, _| found == key)?;
        self.settle_requests(service)?;
        Ok(present)
    }

    /// Destroys the private halves that `of` tells, in the places that are there.
    pub(crate) fn destroy_requests(
        &self,
        service: &str,
        of: impl Fn(&Hex<16>, Epoch) -> bool,
    ) -> Result<bool, FileError> {
        let mut present = false;
        for life in self.places_there(service) {
            for (path, key, epoch) in requests_in(life)? {
                if of(&key, epoch) {
                    present |= files::destroy_if_present(&path)?.is_some();
                }
            }
        }
        Ok(present)
    }

    /// Makes it durable that files are gone: a name that a stopped process took away may come back
    /// until then.
    pub(crate) fn settle_requests(&self, service: &str) -> Result<(), FileError> {
        let mut places = self.places_there(service);
        places.try_for_each(|life| files::settle(&life.join("requests")))
    }

    /// Copies the private halves of these request keys, which other places have, to a new place.
    pub(crate) fn copy_requests(
        &self,
        place: &Path,
        of: impl Fn(&Hex<16>) -> bool,
    ) -> Result<(), FileError> {
        for other in self.lives.iter().filter(|life| *life != place && life.is_dir()) {
            for (path, key, epoch) in requests_in(other)? {
                let copy = place.join(format!("{key}.{epoch}.request"));
                if of(&key) && !files::taken(&copy)? {
                    files::replace(&copy, &files::read(&path, 1 << 14)?, files::Access::Private)?;
                }
            }
        }
        Ok(())
    }
}

/// The file of a request key, if it says that it is this one.
fn read(path: &Path, place: &RequestPlace<'_>) -> Option<SealedSeed> {
    let file: SealedSeed = serde_json::from_slice(&files::read(path, 1 << 14).ok()?).ok()?;
    let is_it = file.format == FORMAT
        && (file.service.as_str(), file.epoch) == (place.service, place.epoch)
        && (&file.domain, &file.key) == (place.domain, place.key);
    is_it.then_some(file)
}

/// The files of request keys in a place: `<number>.<epoch>.request`.
fn requests_in(place: &Path) -> Result<Vec<(PathBuf, Hex<16>, Epoch)>, FileError> {
    let parse = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.strip_suffix(".request")?;
        let (key, epoch) = name.split_once('.')?;
        let key = Hex::<16>::parse(key.as_bytes())?;
        Some((path.clone(), key, Epoch(epoch.parse().ok()?)))
    };
    Ok(files::list(place)?.into_iter().filter_map(parse).collect())
}
