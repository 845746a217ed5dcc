//! The body of an age file: chunks of 64 KiB, each authenticated with its place and whether it is
//! the last one.

use std::io::{self, BufRead, ErrorKind, Write};

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce, Tag};
use cstatns_base::secret::{Secret, random_bytes};
use cstatns_keys::receiving::Recipient;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::header::Header;
use super::{AgeError, FileKey, Identity, derived};

const CHUNK: usize = 64 << 10;
const TAG: usize = 16;

/// The cipher of a body, and the number of the next chunk.
struct Chunks {
    cipher: ChaCha20Poly1305,
    number: u64,
}

impl Chunks {
    fn new(key: &FileKey, nonce: &[u8; 16]) -> Self {
        let key: Secret<32> = derived(key, Some(nonce), b"payload");
        Self { cipher: ChaCha20Poly1305::new(key.expose().into()), number: 0 }
    }

    /// Eleven bytes of number, big-endian, and one that says whether the chunk is the last.
    fn nonce(&self, last: bool) -> Nonce {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&self.number.to_be_bytes());
        nonce[11] = u8::from(last);
        nonce.into()
    }

    fn seal(&mut self, chunk: &mut [u8], last: bool) -> Tag {
        let tag = self.cipher.encrypt_inout_detached(&self.nonce(last), b"", chunk.into());
        self.number += 1;
        tag.expect("a chunk can be sealed")
    }

    fn open(&mut self, chunk: &mut [u8], tag: &Tag, last: bool) -> Result<(), AgeError> {
        let nonce = self.nonce(last);
        self.number += 1;
        let opened = self.cipher.decrypt_inout_detached(&nonce, b"", chunk.into(), tag);
        opened.map_err(|_| if last { AgeError::Cut } else { AgeError::Altered })
    }
}

/// Opens a file's key that was sealed to an X25519 recipient: `secret` is what both ends share,
/// `salt` the sender's share and the recipient's key.
pub(super) fn open_x25519(
    secret: &Secret<32>,
    salt: &[u8],
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let key = Secret::<32>::fill(|key| {
        Hkdf::<Sha256>::new(Some(salt), secret.expose())
            .expand(b"age-encryption.org/v1/X25519", key)
            .expect("32 bytes are fewer than 255 digests");
    });
    let (sealed, tag) = sealed.split_last_chunk::<TAG>()?;
    let mut opened = Zeroizing::new(sealed.to_vec());
    ChaCha20Poly1305::new(key.expose().into())
        .decrypt_inout_detached(
            &Nonce::default(),
            b"",
            opened.as_mut_slice().into(),
            &(*tag).into(),
        )
        .ok()?;
    Some(opened)
}

/// Encrypts what is written to it, to one X-Wing recipient. Without [`Writer::finish`] the file is
/// no age file.
pub struct Writer<W: Write> {
    out: W,
    chunks: Chunks,
    chunk: Zeroizing<Vec<u8>>,
}

impl<W: Write> Writer<W> {
    /// Writes the head.
    ///
    /// # Errors
    /// Those of the writer inside.
    pub fn new(recipient: &Recipient, mut out: W) -> io::Result<Self> {
        let key = FileKey::random();
        out.write_all(&Header::write(recipient, &key, None))?;
        Self::behind(&key, out)
    }

    /// Goes on behind a head that is written already, or will be once it is known.
    pub(crate) fn behind(key: &FileKey, mut out: W) -> io::Result<Self> {
        let mut nonce = [0; 16];
        random_bytes(&mut nonce);
        out.write_all(&nonce)?;
        let chunk = Zeroizing::new(Vec::with_capacity(CHUNK + TAG));
        Ok(Self { out, chunks: Chunks::new(key, &nonce), chunk })
    }

    fn seal(&mut self, last: bool) -> io::Result<()> {
        let tag = self.chunks.seal(&mut self.chunk, last);
        self.chunk.extend_from_slice(&tag);
        self.out.write_all(&self.chunk)?;
        self.chunk.clear();
        Ok(())
    }

    /// Writes the last chunk.
    ///
    /// # Errors
    /// Those of the writer inside.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk is sealed once more follows: the last one may be full, and is not empty.
        if self.chunk.len() == CHUNK && !bytes.is_empty() {
            self.seal(false)?;
        }
        let taken = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The chunks of a file that was read once as a whole, each from its place.
pub(crate) struct Places(Chunks);

impl Places {
    /// Which chunk holds a place of the content, where that begins behind the nonce, and how far
    /// the place is into its content.
    pub(crate) fn of(place: u64) -> (u64, u64, usize) {
        let number = place / CHUNK as u64;
        (number, number * (CHUNK + TAG) as u64, (place % CHUNK as u64) as usize)
    }

    /// Reads so many bytes at most for a chunk.
    pub(crate) const SEALED: usize = CHUNK + TAG;

    /// Opens the chunk of this number in its place; it is cut to its content. `last` says whether
    /// nothing follows it.
    pub(crate) fn open(
        &mut self,
        number: u64,
        chunk: &mut Vec<u8>,
        last: bool,
    ) -> Result<(), AgeError> {
        let sealed = chunk.len().checked_sub(TAG).ok_or(AgeError::Cut)?;
        let tag: [u8; TAG] = chunk[sealed..].try_into().expect("it is as long");
        chunk.truncate(sealed);
        self.0.number = number;
        let opened = self.0.open(chunk, &tag.into(), last);
        if opened.is_err() {
            chunk.clear();
        }
        opened
    }
}

/// Decrypts an age file, chunk by chunk: [`Reader::fill`] gives what is authenticated.
pub struct Reader<R: BufRead> {
    input: R,
    chunks: Chunks,
    chunk: Zeroizing<Vec<u8>>,
    /// What of the chunk was taken.
    taken: usize,
    ended: bool,
}

impl<R: BufRead> Reader<R> {
    /// Reads the head, and opens it.
    ///
    /// # Errors
    /// [`AgeError`].
    pub fn new(mut input: R, identity: &Identity<'_>) -> Result<Self, AgeError> {
        let key = Header::read(&mut input)?.open(identity)?;
        Self::behind(input, &key).map(|(reader, _)| reader)
    }

    /// Goes on behind the head; gives also what reads single chunks.
    pub(crate) fn behind(mut input: R, key: &FileKey) -> Result<(Self, Places), AgeError> {
        let mut nonce = [0; 16];
        input.read_exact(&mut nonce).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => AgeError::Header,
            kind => AgeError::Read { kind },
        })?;
        let chunk = Zeroizing::new(Vec::with_capacity(CHUNK + TAG));
        let places = Places(Chunks::new(key, &nonce));
        let chunks = Chunks::new(key, &nonce);
        Ok((Self { input, chunks, chunk, taken: 0, ended: false }, places))
    }

    /// The bytes that come next, at most a chunk of them; none at the end. They come again until
    /// they are [consumed](Reader::consume).
    ///
    /// # Errors
    /// [`AgeError`]: the file is worth nothing then, what it gave before included.
    pub fn fill(&mut self) -> Result<&[u8], AgeError> {
        if self.taken == self.chunk.len() && !self.ended {
            self.next()?;
        }
        Ok(&self.chunk[self.taken..])
    }

    /// Takes so many of the bytes that [`Reader::fill`] gave.
    pub fn consume(&mut self, bytes: usize) {
        self.taken += bytes;
        debug_assert!(self.taken <= self.chunk.len(), "no more than there were");
    }

    fn next(&mut self) -> Result<(), AgeError> {
        self.chunk.clear();
        self.chunk.resize(CHUNK + TAG, 0);
        let mut filled = 0;
        while filled < self.chunk.len() {
            match self.input.read(&mut self.chunk[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let last = filled < self.chunk.len() || self.at_end()?;
        let sealed = filled.checked_sub(TAG).ok_or(AgeError::Cut)?;
        // An empty chunk says that the file is empty, and nothing else.
        if sealed == 0 && self.chunks.number > 0 {
            return Err(AgeError::Cut);
        }
        let tag: [u8; TAG] = self.chunk[sealed..filled].try_into().expect("it is as long");
        self.chunk.truncate(sealed);
        // What is not authentic is not there for anybody.
        let opened = self.chunks.open(&mut self.chunk, &tag.into(), last);
        if opened.is_err() {
            self.chunk.clear();
        }
        (self.taken, self.ended) = (0, last || opened.is_err());
        opened
    }

    fn at_end(&mut self) -> Result<bool, AgeError> {
        loop {
            match self.input.fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                bytes => return Ok(bytes?.is_empty()),
            }
        }
    }
}
