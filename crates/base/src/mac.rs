//! HMAC-SHA-256 (RFC 2104, FIPS 198-1) under a key whose two hash states are computed once (SPEC
//! §4).
//!
//! A key is exactly 32 bytes: HMAC itself would pad a shorter one and hash a longer one without a
//! word. The states after the key blocks are worth as much as the key; they live in a [`Secret`]
//! and are wiped with it. Two compressions remain for each message of up to 55 bytes, which every
//! coding message is.

use sha2::block_api::compress256;
use zeroize::{Zeroize, Zeroizing};

use crate::secret::{Secret, wipe_stack};

#[doc(hidden)]
pub mod lanes;

/// The initial hash value of SHA-256 (FIPS 180-4 §5.3.3).
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The longest message that fits one block behind the key block: 64 − 1 (padding bit) − 8 (length).
pub const ONE_BLOCK: usize = 55;

/// A key of HMAC-SHA-256, held as the hash states after its inner and its outer key block. It is
/// neither printed nor copied, nor made of another number of bytes than 32:
///
/// ```compile_fail,E0277
/// let key = cstatns_base::hazmat::MacKey::new(&cstatns_base::secret::Secret::random());
/// println!("{key:?}");
/// ```
/// ```compile_fail,E0599
/// let key = cstatns_base::hazmat::MacKey::new(&cstatns_base::secret::Secret::random());
/// let copy = key.clone();
/// ```
/// ```compile_fail,E0308
/// cstatns_base::hazmat::MacKey::new(&cstatns_base::secret::Secret::<64>::random());
/// ```
pub struct MacKey {
    states: Secret<64>,
}

impl MacKey {
    /// Computes the two states of `key`.
    pub fn new(key: &Secret<32>) -> Self {
        let states = Secret::fill(|states| {
            for (pad, half) in [0x36, 0x5c].into_iter().zip(states.chunks_exact_mut(32)) {
                let mut block = Zeroizing::new([pad; 64]);
                for (byte, key) in block.iter_mut().zip(key.expose()) {
                    *byte ^= key;
                }
                let mut state = Zeroizing::new(INITIAL);
                compress256(&mut state, std::slice::from_ref(&*block));
                for (bytes, word) in half.chunks_exact_mut(4).zip(state.iter()) {
                    bytes.copy_from_slice(&word.to_ne_bytes());
                }
            }
        });
        wipe_stack();
        Self { states }
    }

    /// HMAC-SHA-256 of a message of any length.
    pub fn mac(&self, message: &[u8]) -> [u8; 32] {
        let mut state = self.state(0);
        let (blocks, tail) = message.as_chunks::<64>();
        compress256(&mut state, blocks);
        let bits = ((64 + message.len() as u64) * 8).to_be_bytes();
        let mut last = [[0_u8; 64]; 2];
        last[0][..tail.len()].copy_from_slice(tail);
        last[0][tail.len()] = 0x80;
        let used = if tail.len() <= ONE_BLOCK { 1 } else { 2 };
        last[used - 1][56..].copy_from_slice(&bits);
        compress256(&mut state, &last[..used]);
        last.zeroize();
        self.outer(state)
    }

    fn outer(&self, inner: [u32; 8]) -> [u8; 32] {
        let mut block = Zeroizing::new([0; 64]);
        block[..32].copy_from_slice(&to_bytes(inner));
        block[32] = 0x80;
        block[62..].copy_from_slice(&((64 + 32) * 8_u16).to_be_bytes());
        let mut state = self.state(1);
        compress256(&mut state, std::slice::from_ref(&*block));
        to_bytes(state)
    }

    #[inline]
    fn state(&self, half: usize) -> [u32; 8] {
        let (words, _) = self.states.expose().as_chunks::<4>();
        std::array::from_fn(|i| u32::from_ne_bytes(words[8 * half + i]))
    }
}

#[inline]
/// The digest that these words of a hash state are.
pub fn to_bytes(state: [u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (bytes, word) in bytes.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}
