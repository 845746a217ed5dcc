//! Random keys for rows: the indexes of a request, the places of shuffled rows.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use cstatns_base::secret::random_bytes;
use cstatns_rows::sort::{Heads, KEY};
use zeroize::Zeroizing;

/// Gives every row one. That two of 128 random bits are equal need not be feared.
pub(crate) fn draw(heads: &mut Heads, indexes: &mut Vec<u8>) {
    indexes.clear();
    indexes.resize(KEY * heads.count(), 0);
    // The operating system draws a key for the block and ChaCha20 stretches it: asked for all of
    // them, it would take a tenth of the whole.
    let mut key = Zeroizing::new([0; 32]);
    random_bytes(&mut *key);
    ChaCha20::new((&*key).into(), &Default::default()).apply_keystream(indexes);
    heads.set(indexes);
}
