//! The heads of rows: their keys, and what belongs to them.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use cstatns_base::secret::{random_bytes, reserve};
use zeroize::Zeroizing;

/// The bytes of a key.
pub const KEY: usize = 16;

/// The heads of rows, one behind the other, each with its length (u32, little-endian) before it.
/// They are wiped, also where they move to a larger place.
#[derive(Default)]
pub struct Heads(pub(super) Zeroizing<Vec<u8>>);

/// The bytes of a head's length.
pub(super) const LENGTH: usize = 4;

impl Heads {
    /// Empties it; its room stays.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds a head of zeros for a key and `rest` bytes, which are for the caller to append to what
    /// is returned.
    pub fn add(&mut self, rest: usize) -> &mut Vec<u8> {
        reserve(&mut self.0, LENGTH + KEY + rest);
        self.0.extend_from_slice(&((KEY + rest) as u32).to_le_bytes());
        self.0.extend_from_slice(&[0; KEY]);
        &mut self.0
    }

    /// Each head, without its length.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.framed().map(|framed| &framed[LENGTH..])
    }

    /// Adds a head with this key, and `rest` behind it.
    pub fn keyed(&mut self, key: &[u8; KEY], rest: &[u8]) {
        reserve(&mut self.0, LENGTH + KEY + rest.len());
        self.0.extend_from_slice(&((KEY + rest.len()) as u32).to_le_bytes());
        self.0.extend_from_slice(key);
        self.0.extend_from_slice(rest);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.framed().count()
    }

    /// Gives the heads these keys.
    pub fn set(&mut self, keys: &[u8]) {
        let mut at = 0;
        for key in keys.chunks_exact(KEY) {
            let (head, _) = split(&self.0[at..]);
            let next = at + LENGTH + head.len();
            self.0[at + LENGTH..][..KEY].copy_from_slice(key);
            at = next;
        }
    }

    /// Gives every head a key that is drawn, and leaves the keys in `keys`.
    pub fn draw(&mut self, keys: &mut Vec<u8>) {
        draw(keys, self.count());
        self.set(keys);
    }

    /// Each head with its length before it.
    pub(super) fn framed(&self) -> impl Iterator<Item = &[u8]> {
        framed(&self.0)
    }
}

/// Each of these heads with its length before it.
pub(super) fn framed(mut left: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        (!left.is_empty()).then(|| {
            let (framed, rest) = left.split_at(LENGTH + split(left).0.len());
            left = rest;
            framed
        })
    })
}

/// The head at the beginning, without its length, and what comes after it.
pub(super) fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, rest) = bytes.split_first_chunk().expect("a head begins with its length");
    rest.split_at(u32::from_le_bytes(*length) as usize)
}

/// Fills `keys` with so many keys, one behind the other, that are drawn. That two of 128 random
/// bits are equal need not be feared.
pub fn draw(keys: &mut Vec<u8>, count: usize) {
    keys.clear();
    keys.resize(KEY * count, 0);
    // The operating system draws a key for them all and ChaCha20 stretches it: asked for all of
    // them, it would take a tenth of the whole.
    let mut key = Zeroizing::new([0; 32]);
    random_bytes(&mut *key);
    ChaCha20::new((&*key).into(), &Default::default()).apply_keystream(keys);
}
