//! age files, version 1 (C2SP `age.md`), as parcels are: written to one X-Wing recipient
//! (`mlkem768x25519`), read with an X-Wing or an X25519 key (SPEC §19).
//!
//! The reader takes one spelling of each thing, as the specification asks, and gives no byte that
//! it has not authenticated. It knows no armour and no passphrase.

mod header;
mod stream;

use std::io;

use cstatns_base::secret::{Secret, wipe_stack};
use cstatns_keys::receiving::{ENCAPSULATED, ReceivingKey};
use hkdf::Hkdf;
use sha2::Sha256;
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};

pub use header::{Header, Kind};
pub(crate) use stream::Places;
pub use stream::{Reader, Writer};

/// The key of one file.
pub(crate) type FileKey = Secret<16>;

/// HKDF-SHA-256 of the file's key.
fn derived(key: &FileKey, salt: Option<&[u8]>, info: &[u8]) -> Secret<32> {
    let derived = Secret::fill(|derived| {
        Hkdf::<Sha256>::new(salt, key.expose())
            .expand(info, derived)
            .expect("32 bytes are fewer than 255 digests");
    });
    wipe_stack();
    derived
}

/// A key that opens files.
pub enum Identity<'k> {
    /// An X-Wing key: that of a party or of a request.
    Hybrid(&'k ReceivingKey),
    /// An X25519 key, for files of programs that know no other one.
    X25519(&'k Secret<32>),
}

impl Identity<'_> {
    /// The kind of recipient whose files it opens.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Hybrid(_) => Kind::Hybrid,
            Self::X25519(_) => Kind::X25519,
        }
    }

    /// The file's key, if `encapsulated` and `sealed` are for this identity.
    ///
    /// # Errors
    /// [`AgeError::Header`] for a point of low order, which gives a secret that everybody knows.
    fn unwrap(&self, encapsulated: &[u8], sealed: &[u8]) -> Result<Option<FileKey>, AgeError> {
        let opened = match self {
            Self::Hybrid(key) => {
                let point = encapsulated.last_chunk().ok_or(AgeError::Header)?;
                // A clamped scalar is a multiple of the order of each such point.
                if encapsulated.len() != ENCAPSULATED || x25519([1; 32], *point) == [0; 32] {
                    return Err(AgeError::Header);
                }
                key.open(&[encapsulated, sealed].concat(), header::HYBRID_INFO)
            }
            Self::X25519(scalar) => {
                let share: [u8; 32] = encapsulated.try_into().map_err(|_| AgeError::Header)?;
                let own = x25519(*scalar.expose(), X25519_BASEPOINT_BYTES);
                let secret = Secret::<32>::fill(|secret| {
                    *secret = x25519(*scalar.expose(), share);
                });
                if *secret.expose() == [0; 32] {
                    return Err(AgeError::Header);
                }
                stream::open_x25519(&secret, &[share, own].concat(), sealed)
            }
        };
        wipe_stack();
        // Its length was looked at before it was opened.
        let key =
            |opened: &[u8]| opened.try_into().map(|key: &[u8; 16]| Secret::fill(|k| *k = *key));
        Ok(opened.and_then(|opened| key(&opened).ok()))
    }
}

/// Why an age file was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AgeError {
    /// It does not begin as an age file of version 1 does, or ends within its head.
    #[error("it is not an age file that this version reads, or its head is damaged")]
    Header,
    /// It is encrypted to somebody else.
    #[error("it is encrypted to another key")]
    NotForThisKey,
    /// Its head was changed after it was written.
    #[error("its head was altered")]
    HeaderAltered,
    /// A byte of it was changed after it was written.
    #[error("it was altered")]
    Altered,
    /// Its end is missing, or was changed.
    #[error("it is cut off, or its end was altered")]
    Cut,
    /// It could not be read.
    #[error("it cannot be read: {}", cstatns_base::files::words(*kind))]
    Read {
        /// What the system said.
        kind: io::ErrorKind,
    },
}

impl From<io::Error> for AgeError {
    fn from(error: io::Error) -> Self {
        Self::Read { kind: error.kind() }
    }
}

cstatns_base::coded!(AgeError {
    Self::Header => ("parcel-form", Input, []),
    Self::NotForThisKey => ("parcel-receiver", Input, []),
    Self::HeaderAltered | Self::Altered => ("parcel-altered", Tampering, []),
    Self::Cut => ("parcel-cut", OtherSide, []),
    Self::Read { kind } => ("file-io", Machine, [kind]),
});
