//! HMAC-SHA-256 of many one-block messages at a time, by the widest kernel that the processor can
//! run; and SHA-256 of many chunks of one length.
//!
//! Messages lie side by side, one in each *lane*: word *i* of all of them is one array. `compress`
//! is then plain code on plain arrays; a function that may use AVX-512 or AVX2 lets the compiler
//! turn its loops into vector instructions. The SHA instructions take one message each, so that a
//! few streams of them are interleaved. Whatever is left of a batch after whole groups goes through
//! `sha2`, as does everything on other machines.
//!
//! The one unsafe act is to call a function compiled for a processor that has more than the usual:
//! `Messages::run`, `digests`.

use sha2::block_api::compress256;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::{INITIAL, MacKey, ONE_BLOCK, to_bytes};

/// How messages are computed: it changes how long that takes and nothing else.
///
/// A value says that this processor can take that path; only [`Path::available`] and [`Path::best`]
/// make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path(Kernel);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kernel {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    ShaNi,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

/// Fastest first.
const KERNELS: &[Kernel] = &[
    #[cfg(target_arch = "x86_64")]
    Kernel::Avx512,
    #[cfg(target_arch = "x86_64")]
    Kernel::ShaNi,
    #[cfg(target_arch = "x86_64")]
    Kernel::Avx2,
    Kernel::Portable,
];

impl Kernel {
    fn at_hand(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(target_arch = "x86_64")]
            Self::ShaNi => is_x86_feature_detected!("sha") && is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2"),
            Self::Portable => true,
        }
    }
}

impl Path {
    /// The paths that this processor can take, fastest first; the last one is the portable one.
    pub fn available() -> impl Iterator<Item = Self> {
        KERNELS.iter().filter(|kernel| kernel.at_hand()).map(|kernel| Self(*kernel))
    }

    /// The fastest of them.
    pub fn best() -> Self {
        Self::available().next().expect("the portable path is always there")
    }
}

/// What is to be computed: for each item in order the MAC of `prefix` ‖ its tail under the first
/// key, and the MAC of `link` ‖ the one before under each later key. What lies between the first
/// key and the last leaves no trace.
pub struct Messages<'a, T, K, M, O> {
    pub items: &'a [T],
    pub keys: K,
    pub prefix: &'a [u8],
    /// Gives the tail of an item: its bytes, then zeros to a whole word at least, and how many it
    /// has without them.
    pub tail: M,
    pub link: &'a [u8; 14],
    /// Takes the outcomes in order, as the words of some items at a time.
    pub out: O,
}

impl<'k, T, K, M, O> Messages<'_, T, K, M, O>
where
    K: Iterator<Item = &'k MacKey> + Clone,
    M: Fn(&T) -> (&[u8], usize),
    O: FnMut(&[[u32; 8]]),
{
    /// Computes the batch. Copies of key states are left below the caller's frame: it calls
    /// [`wipe_stack`](crate::secret::wipe_stack) afterwards.
    #[inline(never)]
    #[allow(unsafe_code)]
    pub fn run(mut self, path: Path) {
        match path.0 {
            // SAFETY: a `Path` is made only after `Kernel::at_hand` has found each of these
            // features.
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512 => unsafe { self.avx512() },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kernel::ShaNi => unsafe { self.sha_ni() },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => unsafe { self.avx2() },
            Kernel::Portable => {}
        }
        self.portable();
    }

    /// One item after the other, by `sha2`.
    fn portable(mut self) {
        let [first, link, outer] = [self.prefix, self.link, &[]].map(framed);
        let mut message = Zeroizing::new([0; 64]);
        for item in self.items {
            let (tail, len) = (self.tail)(item);
            *message = block(&first, self.prefix.len(), tail, len);
            let mut digest = [0; 8];
            for (position, key) in self.keys.clone().enumerate() {
                if position > 0 {
                    *message = block(&link, self.link.len(), &to_bytes(digest), 32);
                }
                digest = key.state(0);
                compress256(&mut digest, std::slice::from_ref(&*message));
                *message = block(&outer, 0, &to_bytes(digest), 32);
                digest = key.state(1);
                compress256(&mut digest, std::slice::from_ref(&*message));
            }
            (self.out)(&[digest]);
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    fn avx512(&mut self) {
        self.groups::<32>(|state, words| compress(&K, state, words));
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn avx2(&mut self) {
        self.groups::<32>(|state, words| compress(&K, state, words));
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "sha,avx2")]
    fn sha_ni(&mut self) {
        let [first, link] = [self.prefix, self.link].map(framed);
        let mut messages = Zeroizing::new([[0; 16]; STREAMS]);
        let mut digests = Zeroizing::new([[0; 8]; STREAMS]);
        let (groups, rest) = self.items.as_chunks::<STREAMS>();
        for items in groups {
            for (message, item) in messages.iter_mut().zip(items) {
                let (tail, len) = (self.tail)(item);
                *message = words(&block(&first, self.prefix.len(), tail, len));
            }
            for (position, key) in self.keys.clone().enumerate() {
                if position > 0 {
                    for (message, digest) in messages.iter_mut().zip(digests.iter()) {
                        *message = words(&block(&link, self.link.len(), &to_bytes(*digest), 32));
                    }
                }
                *digests = streams(key, &messages);
            }
            (self.out)(&*digests);
        }
        self.items = rest;
    }

    /// Computes as many whole groups of `L` items as there are.
    #[inline(always)]
    fn groups<const L: usize>(
        &mut self,
        compress: impl Fn(&mut [[u32; L]; 8], &mut [[u32; L]; 16]),
    ) {
        let prefix = Prefix { words: words(&framed(self.prefix)), len: self.prefix.len() };
        let link = words(&block(&framed(self.link), self.link.len(), &[0; 32], 32));
        let mut group = Group::<L>::new();
        let (groups, rest) = self.items.as_chunks::<L>();
        for items in groups {
            group.fill(items, &self.tail);
            group.place(&prefix);
            for (position, key) in self.keys.clone().enumerate() {
                if position > 0 {
                    group.link(&link);
                }
                group.mac(key, &compress);
            }
            (self.out)(group.take());
        }
        self.items = rest;
    }
}

/// The bytes of a chunk: with its padding 64 blocks. Chunks that begin a power of two apart would
/// contend for the same lines of the processor's cache.
pub const CHUNK: usize = 63 * 64;
/// As many chunks as the widest path takes at once.
pub const CHUNKS: usize = 32;

/// The SHA-256 of each chunk. Parts of the chunks are left below the caller's frame: it calls
/// [`wipe_stack`](crate::secret::wipe_stack) afterwards.
#[inline(never)]
#[allow(unsafe_code)]
pub fn digests(chunks: &[[u8; CHUNK]; CHUNKS], path: Path) -> [[u8; 32]; CHUNKS] {
    match path.0 {
        // SAFETY: as in `Messages::run`.
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx512 => unsafe { avx512_digests(chunks) },
        // SAFETY: as in `Messages::run`.
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx2 => unsafe { avx2_digests(chunks) },
        // A chunk is long enough for one stream of the SHA instructions, which `sha2` uses.
        _ => chunks.each_ref().map(|chunk| Sha256::digest(chunk).into()),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn avx512_digests(chunks: &[[u8; CHUNK]; CHUNKS]) -> [[u8; 32]; CHUNKS] {
    Group::digest(chunks, |state, words| compress(&K, state, words))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2_digests(chunks: &[[u8; CHUNK]; CHUNKS]) -> [[u8; 32]; CHUNKS] {
    Group::digest(chunks, |state, words| compress(&K, state, words))
}

/// What all messages of a batch begin with, in words: zeros stand where the tails come.
struct Prefix {
    words: [u32; 16],
    len: usize,
}

/// A block that begins with `prefix`: no message yet, but the beginning of many.
fn framed(prefix: &[u8]) -> [u8; 64] {
    let mut frame = [0; 64];
    frame[..prefix.len()].copy_from_slice(prefix);
    frame
}

/// The block of the first `at` bytes of `frame` and `len` of `tail` behind them.
#[inline]
fn block(frame: &[u8; 64], at: usize, tail: &[u8], len: usize) -> [u8; 64] {
    let end = at + len;
    assert!(end <= ONE_BLOCK, "a coding message fits one block");
    let mut block = *frame;
    block[at..end].copy_from_slice(&tail[..len]);
    block[end] = 0x80;
    block[62..].copy_from_slice(&((64 + end as u16) * 8).to_be_bytes());
    block
}

fn words(block: &[u8; 64]) -> [u32; 16] {
    std::array::from_fn(|i| u32::from_be_bytes(block.as_chunks().0[i]))
}

/// `L` messages side by side: word *i* of message *l* is `words[i][l]`.
///
/// Aligned as the cache's lines: a vector that lies across two of them takes twice the time.
#[repr(align(64))]
struct Group<const L: usize> {
    /// The tails with the padding's first bit behind each, as if they began a block of their own;
    /// below a row of zeros.
    tails: [[u32; L]; 17],
    /// How many bytes each tail has.
    lens: [u32; L],
    words: [[u32; L]; 16],
    digests: [[u32; L]; 8],
}

impl<const L: usize> Group<L> {
    fn new() -> Self {
        Self { tails: [[0; L]; 17], lens: [0; L], words: [[0; L]; 16], digests: [[0; L]; 8] }
    }

    /// Takes the tails of `items`.
    #[inline(always)]
    fn fill<T>(&mut self, items: &[T; L], tail: impl Fn(&T) -> (&[u8], usize)) {
        let rows = &mut self.tails[1..];
        rows.fill([0; L]);
        for (lane, item) in items.iter().enumerate() {
            let (bytes, len) = tail(item);
            for (row, bytes) in rows.iter_mut().zip(bytes.as_chunks().0).take(len / 4 + 1) {
                row[lane] = u32::from_be_bytes(*bytes);
            }
            rows[len / 4][lane] |= 0x8000_0000 >> (8 * (len % 4));
            self.lens[lane] = len as u32;
        }
    }

    /// Makes the messages: `prefix`, and each tail moved to its end.
    #[inline(always)]
    fn place(&mut self, prefix: &Prefix) {
        let (whole, shift) = (prefix.len / 4, 8 * (prefix.len % 4) as u32);
        set(&mut self.words, &prefix.words);
        for (row, pair) in self.words[whole..].iter_mut().zip(self.tails.windows(2)) {
            shift_in(row, [&pair[0], &pair[1]], shift);
        }
        for (word, len) in self.words[15].iter_mut().zip(&self.lens) {
            let message = prefix.len as u32 + len;
            assert!(message <= ONE_BLOCK as u32, "a coding message fits one block");
            *word = (64 + message) * 8;
        }
    }

    /// Makes each digest the message that follows it in a chain: as [`Group::place`], by a shift
    /// that the compiler knows.
    #[inline(always)]
    fn link(&mut self, link: &[u32; 16]) {
        set(&mut self.words, link);
        for (i, row) in self.digests.iter().enumerate() {
            for (lane, word) in row.iter().enumerate() {
                self.words[i + 3][lane] |= word >> 16;
                self.words[i + 4][lane] = link[i + 4] | word << 16;
            }
        }
    }

    /// Gives the digests out, one behind the other.
    #[inline(always)]
    fn take(&mut self) -> &[[u32; 8]] {
        let (words, digests) =
            (self.words[..8].as_flattened_mut(), self.digests.as_flattened_mut());
        riffle(digests, words);
        riffle(words, digests);
        riffle(digests, words);
        words.as_chunks().0
    }

    /// The digests of chunks, block by block of all of them.
    #[inline(always)]
    fn digest(
        chunks: &[[u8; CHUNK]; L],
        compress: impl Fn(&mut [[u32; L]; 8], &mut [[u32; L]; 16]),
    ) -> [[u8; 32]; L] {
        let mut group = Self::new();
        set(&mut group.digests, &INITIAL);
        for block in 0..CHUNK / 64 {
            let (table, spare) =
                (group.words.as_flattened_mut(), group.tails[..16].as_flattened_mut());
            for (row, chunk) in table.as_chunks_mut().0.iter_mut().zip(chunks) {
                *one_by_one(row) = words(&chunk.as_chunks().0[block]);
            }
            unriffle(table, spare);
            unriffle(spare, table);
            unriffle(table, spare);
            unriffle(spare, table);
            compress(&mut group.digests, &mut group.words);
        }
        let mut padding = [0; 16];
        (padding[0], padding[15]) = (0x8000_0000, 8 * CHUNK as u32);
        set(&mut group.words, &padding);
        compress(&mut group.digests, &mut group.words);
        std::array::from_fn(|lane| to_bytes(group.digests.map(|row| row[lane])))
    }

    #[inline(always)]
    fn mac(&mut self, key: &MacKey, compress: impl Fn(&mut [[u32; L]; 8], &mut [[u32; L]; 16])) {
        set(&mut self.digests, &key.state(0));
        compress(&mut self.digests, &mut self.words);
        let (inner, padding) = self.words.split_at_mut(8);
        inner.copy_from_slice(&self.digests);
        set(padding, &[0x8000_0000, 0, 0, 0, 0, 0, 0, (64 + 32) * 8]);
        set(&mut self.digests, &key.state(1));
        compress(&mut self.digests, &mut self.words);
    }
}

/// Adds to each lane of `row` the last `shift` bits of one word and all but those of the next.
#[inline(always)]
fn shift_in<const L: usize>(row: &mut [u32; L], [above, here]: [&[u32; L]; 2], shift: u32) {
    for ((word, above), here) in row.iter_mut().zip(above).zip(here) {
        *word |= above.checked_shl(32 - shift).unwrap_or(0) | here >> shift;
    }
}

/// Gives all lanes of each row one word.
#[inline(always)]
fn set<const L: usize>(rows: &mut [[u32; L]], words: &[u32]) {
    for (row, word) in rows.iter_mut().zip(words) {
        row.fill(*word);
    }
}

/// Takes two halves of `from` in turn, as cards are riffled. Done three times it turns a table of
/// eight rows into one of eight columns, for it moves the highest bit of each position to the
/// bottom.
#[inline(always)]
fn riffle(from: &[u32], to: &mut [u32]) {
    let (even, odd) = from.split_at(from.len() / 2);
    for ((pair, even), odd) in to.as_chunks_mut::<2>().0.iter_mut().zip(even).zip(odd) {
        *pair = [*even, *odd];
    }
}

/// Undoes [`riffle`]. Done four times it turns a table of sixteen columns into one of sixteen rows.
#[inline(always)]
fn unriffle(from: &[u32], to: &mut [u32]) {
    let (even, odd) = to.split_at_mut(from.len() / 2);
    for ((pair, even), odd) in from.as_chunks::<2>().0.iter().zip(even).zip(odd) {
        [*even, *odd] = *pair;
    }
}

impl<const L: usize> Drop for Group<L> {
    fn drop(&mut self) {
        self.tails.zeroize();
        self.lens.zeroize();
        self.words.zeroize();
        self.digests.zeroize();
    }
}

/// Gives back a row of a table, and has the compiler take the rows one by one. Else it takes one
/// word of many rows at a time, by scattered reads and writes: they take as long as the hashing.
#[inline(always)]
pub fn one_by_one<T>(row: T) -> T {
    std::hint::black_box(row)
}

/// The round constants (FIPS 180-4 §4.2.2), sixteen to a turn.
#[rustfmt::skip]
const K: [[u32; 16]; 4] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
     0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
     0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
     0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
     0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];

/// The compression function of SHA-256 (FIPS 180-4 §6.2.2) in `L` lanes; `words` are used up.
#[inline(always)]
fn compress<const L: usize>(
    k: &[[u32; 16]; 4],
    state: &mut [[u32; L]; 8],
    words: &mut [[u32; L]; 16],
) {
    let before = *state;
    let [turns @ .., last] = k;
    for k in turns {
        four_rounds::<0, true, L>(k, state, words);
        four_rounds::<4, true, L>(k, state, words);
        four_rounds::<8, true, L>(k, state, words);
        four_rounds::<12, true, L>(k, state, words);
    }
    four_rounds::<0, false, L>(last, state, words);
    four_rounds::<4, false, L>(last, state, words);
    four_rounds::<8, false, L>(last, state, words);
    four_rounds::<12, false, L>(last, state, words);
    for (word, before) in state.as_flattened_mut().iter_mut().zip(before.as_flattened()) {
        *word = word.wrapping_add(*before);
    }
}

/// The rounds of a turn from `AT` on. With `MORE` each word gives way to the one that takes its
/// place in the next turn.
///
/// Four rounds of one lane are few enough for the processor to begin the next lanes meanwhile, and
/// enough to keep the state in registers; every index but the lane's is a constant, which the
/// compiler needs to vectorise.
#[inline(always)]
fn four_rounds<const AT: usize, const MORE: bool, const L: usize>(
    k: &[u32; 16],
    state: &mut [[u32; L]; 8],
    words: &mut [[u32; L]; 16],
) {
    for lane in 0..L {
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] =
            std::array::from_fn(|i| state[i][lane]);
        for i in AT..AT + 4 {
            let word = words[i][lane];
            let sum1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let choice = g ^ (e & (f ^ g));
            let t1 =
                h.wrapping_add(word.wrapping_add(k[i])).wrapping_add(choice).wrapping_add(sum1);
            let sum0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            let majority = (a & b) | (c & (a | b));
            let t2 = sum0.wrapping_add(majority);
            (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(t1), c, b, a, t1.wrapping_add(t2));
            if MORE {
                let (next, late) = (words[(i + 1) % 16][lane], words[(i + 14) % 16][lane]);
                let sigma0 = next.rotate_right(7) ^ next.rotate_right(18) ^ (next >> 3);
                let sigma1 = late.rotate_right(17) ^ late.rotate_right(19) ^ (late >> 10);
                let sum = word.wrapping_add(sigma0).wrapping_add(words[(i + 9) % 16][lane]);
                words[i][lane] = sum.wrapping_add(sigma1);
            }
        }
        for (row, word) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            row[lane] = word;
        }
    }
}

/// How many messages the processor's SHA instructions take side by side: each waits for the one
/// before in its stream.
#[cfg(target_arch = "x86_64")]
const STREAMS: usize = 8;

/// The digests of `messages`, in interleaved streams of the processor's SHA instructions.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sha,avx2")]
#[inline]
fn streams(key: &MacKey, messages: &[[u32; 16]; STREAMS]) -> [[u32; 8]; STREAMS] {
    use std::arch::x86_64::*;

    let queue = messages.each_ref().map(|words| {
        let [a, b, c, d] = *words.as_chunks().0 else {
            unreachable!("sixteen words are four fours")
        };
        [four(a), four(b), four(c), four(d)]
    });
    let inner = compress_streams(&key.state(0), queue);
    let padding = [four([0x8000_0000, 0, 0, 0]), four([0, 0, 0, (64 + 32) * 8])];
    let outer = compress_streams(
        &key.state(1),
        inner.map(|[low, high]| [low, high, padding[0], padding[1]]),
    );
    outer.map(|halves| {
        let mut digest = [0; 8];
        for (words, half) in digest.as_chunks_mut().0.iter_mut().zip(halves) {
            *words = [
                _mm_extract_epi32::<0>(half).cast_unsigned(),
                _mm_extract_epi32::<1>(half).cast_unsigned(),
                _mm_extract_epi32::<2>(half).cast_unsigned(),
                _mm_extract_epi32::<3>(half).cast_unsigned(),
            ];
        }
        digest
    })
}

/// The compression function (FIPS 180-4 §6.2.2) from one state; the outcome's words in order, in
/// two halves.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sha,avx2")]
#[inline]
fn compress_streams(
    state: &[u32; 8],
    mut queue: [[std::arch::x86_64::__m128i; 4]; STREAMS],
) -> [[std::arch::x86_64::__m128i; 2]; STREAMS] {
    use std::arch::x86_64::*;

    // The instructions take the state as (a, b, e, f) and (c, d, g, h), highest first.
    let [a, b, c, d, e, f, g, h] = *state;
    let before = [four([f, e, b, a]), four([h, g, d, c])];
    let mut now = [before; STREAMS];
    for (turn, k) in K.iter().enumerate() {
        for i in 0..4 {
            let k = four(k.as_chunks().0[i]);
            for ([abef, cdgh], queue) in now.iter_mut().zip(&mut queue) {
                let sum = _mm_add_epi32(queue[i], k);
                *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, sum);
                *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32::<0x0e>(sum));
                if turn < 3 {
                    let (next, third, last) =
                        (queue[(i + 1) % 4], queue[(i + 2) % 4], queue[(i + 3) % 4]);
                    let part = _mm_sha256msg1_epu32(queue[i], next);
                    let part = _mm_add_epi32(part, _mm_alignr_epi8::<4>(last, third));
                    queue[i] = _mm_sha256msg2_epu32(part, last);
                }
            }
        }
    }
    now.map(|[abef, cdgh]| {
        let (abef, cdgh) = (_mm_add_epi32(abef, before[0]), _mm_add_epi32(cdgh, before[1]));
        let (low, high) = (_mm_unpackhi_epi64(abef, cdgh), _mm_unpacklo_epi64(abef, cdgh));
        [_mm_shuffle_epi32::<0xb1>(low), _mm_shuffle_epi32::<0xb1>(high)]
    })
}

/// Four words, the first lowest.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sha,avx2")]
#[inline]
fn four([w, x, y, z]: [u32; 4]) -> std::arch::x86_64::__m128i {
    std::arch::x86_64::_mm_set_epi32(z as i32, y as i32, x as i32, w as i32)
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::Sha256;

    use super::*;
    use crate::secret::{Secret, random_bytes};

    const LINK: &[u8; 14] = b"CStatNS/renew/";

    fn random<const N: usize>() -> [u8; N] {
        let mut bytes = [0; N];
        random_bytes(&mut bytes);
        bytes
    }

    fn key(bytes: &[u8; 32]) -> MacKey {
        MacKey::new(&Secret::fill(|key| key.copy_from_slice(bytes)))
    }

    /// A tail, with zeros behind it, and its length.
    type Tail = ([u8; 56], usize);

    /// `count` random tails, the first of `length` bytes, each next one a byte longer, and after
    /// `most` it is 0 again.
    fn tails(count: usize, length: usize, most: usize) -> Vec<Tail> {
        let tail = |i| {
            let mut tail = (random(), (length + i) % (most + 1));
            tail.0[tail.1..].fill(0);
            tail
        };
        (0..count).map(tail).collect()
    }

    type Random<'a, 'o> = Messages<
        'a,
        Tail,
        std::slice::Iter<'a, MacKey>,
        fn(&Tail) -> (&[u8], usize),
        Box<dyn FnMut(&[[u32; 8]]) + 'o>,
    >;

    /// The outcomes, given out by what `by` does with the batch.
    fn outcomes<'a>(
        prefix: &'a [u8],
        tails: &'a [Tail],
        keys: &'a [MacKey],
        by: impl FnOnce(Random<'a, '_>),
    ) -> Vec<[u8; 32]> {
        let mut outcomes = Vec::new();
        by(Messages {
            items: tails,
            keys: keys.iter(),
            prefix,
            tail: |(bytes, len)| (bytes, *len),
            link: LINK,
            out: Box::new(|digests| outcomes.extend(digests.iter().copied().map(to_bytes))),
        });
        outcomes
    }

    /// The positions whose outcome is not what the path of one message says, which is what the
    /// `hmac` crate must say.
    fn wrong(
        prefix: &[u8],
        tails: &[Tail],
        keys: &[[u8; 32]],
        outcomes: &[[u8; 32]],
    ) -> Vec<usize> {
        assert_eq!(tails.len(), outcomes.len());
        let expected = |(bytes, len): &Tail| {
            let mut outcome = [prefix, &bytes[..*len]].concat();
            for (position, bytes) in keys.iter().enumerate() {
                if position > 0 {
                    outcome.splice(0..0, *LINK);
                }
                let ours = key(bytes).mac(&outcome);
                let theirs = Hmac::<Sha256>::new_from_slice(bytes)
                    .unwrap()
                    .chain_update(&outcome)
                    .finalize();
                assert_eq!(ours, <[u8; 32]>::from(theirs.into_bytes()));
                outcome = ours.to_vec();
            }
            outcome
        };
        (0..tails.len()).filter(|i| expected(&tails[*i]) != outcomes[*i]).collect()
    }

    fn check(prefix: &[u8], tails: &[Tail], chain: usize) {
        let bytes: Vec<[u8; 32]> = (0..chain).map(|_| random()).collect();
        let keys: Vec<MacKey> = bytes.iter().map(key).collect();
        for path in Path::available() {
            let outcomes = outcomes(prefix, tails, &keys, |batch| batch.run(path));
            let wrong = wrong(prefix, tails, &bytes, &outcomes);
            assert_eq!(wrong, [0; 0], "{path:?}, {} behind {}", tails.len(), prefix.len());
        }
    }

    #[test]
    fn every_length_in_every_lane() {
        for length in 0..=ONE_BLOCK {
            check(b"", &tails(32, length, ONE_BLOCK), 1);
        }
    }

    #[test]
    fn every_length_behind_every_prefix() {
        for prefix in 0..=ONE_BLOCK {
            check(&random::<ONE_BLOCK>()[..prefix], &tails(64, 0, ONE_BLOCK - prefix), 1);
        }
    }

    #[test]
    fn every_size_of_batch() {
        for size in 0..=64 {
            check(b"a prefix", &tails(size, size, ONE_BLOCK - 8), 1);
        }
    }

    #[test]
    fn chains() {
        for chain in 2..=4 {
            check(b"", &tails(70, 11 * chain, ONE_BLOCK), chain);
        }
    }

    #[test]
    #[should_panic = "a coding message fits one block"]
    fn a_message_of_two_blocks_is_refused() {
        check(b"more than nothing", &tails(32, ONE_BLOCK, ONE_BLOCK), 1);
    }

    /// Chunks of random bytes, each hashed by `sha2`, and the positions where that is not what `by`
    /// says.
    fn wrong_digests(by: impl Fn(&[[u8; CHUNK]; CHUNKS]) -> [[u8; 32]; CHUNKS]) -> Vec<usize> {
        let chunks: Box<[[u8; CHUNK]; CHUNKS]> = (0..CHUNKS)
            .map(|_| random())
            .collect::<Vec<_>>()
            .try_into()
            .expect("as many as there are lanes");
        let digests = by(&chunks);
        let is_wrong =
            |lane: &usize| digests[*lane] != <[u8; 32]>::from(Sha256::digest(chunks[*lane]));
        (0..CHUNKS).filter(is_wrong).collect()
    }

    #[test]
    fn chunks_have_the_digests_that_sha2_gives() {
        for path in Path::available() {
            assert_eq!(wrong_digests(|chunks| digests(chunks, path)), [0; 0], "{path:?}");
        }
    }

    #[test]
    fn the_paths_of_this_machine_are_tried() {
        let paths: Vec<Path> = Path::available().collect();
        assert_eq!(paths.last(), Some(&Path(Kernel::Portable)));
        assert_eq!(paths.first(), Some(&Path::best()));
        #[cfg(target_arch = "x86_64")]
        for (kernel, is_there) in [
            // Every processor that has the bytes and words of AVX-512 has its shorter vectors.
            (Kernel::Avx512, is_x86_feature_detected!("avx512bw")),
            (Kernel::ShaNi, is_x86_feature_detected!("sha")),
            (Kernel::Avx2, is_x86_feature_detected!("avx2")),
        ] {
            assert_eq!(paths.contains(&Path(kernel)), is_there, "{kernel:?}");
        }
    }

    /// The comparison above must catch one wrong constant in one lane.
    #[test]
    fn one_wrong_constant_in_one_lane_is_caught() {
        let bytes = [random()];
        let keys = [key(&bytes[0])];
        for constant in 0..64 {
            let lane = (5 * constant) % 32;
            let tails = tails(32, constant, ONE_BLOCK);
            let outcomes = outcomes(b"", &tails, &keys, |mut batch| {
                batch.groups::<32>(|state, words| {
                    let mut one = (state.map(|row| [row[lane]]), words.map(|row| [row[lane]]));
                    let mut double = K;
                    double[constant / 16][constant % 16] ^= 1;
                    compress(&K, state, words);
                    compress(&double, &mut one.0, &mut one.1);
                    for (row, [word]) in state.iter_mut().zip(one.0) {
                        row[lane] = word;
                    }
                });
            });
            assert_eq!(wrong(b"", &tails, &bytes, &outcomes), [lane]);
        }
        let wrong = wrong_digests(|chunks| {
            Group::digest(chunks, |state, words| {
                let mut one = (state.map(|row| [row[3]]), words.map(|row| [row[3]]));
                let mut double = K;
                double[3][15] ^= 1;
                compress(&K, state, words);
                compress(&double, &mut one.0, &mut one.1);
                for (row, [word]) in state.iter_mut().zip(one.0) {
                    row[3] = word;
                }
            })
        });
        assert_eq!(wrong, [3]);
    }
}
