//! HMAC-SHA-256 of many one-block messages at a time, by the widest means that the processor has.
//!
//! Messages lie side by side, one in each *lane*: word *i* of all of them is one array. `compress` is then plain code on
//! plain arrays; a function that may use AVX-512 or AVX2 lets the compiler turn its loops into vector instructions. The SHA
//! instructions take one message each, so that a few streams of them are interleaved. Whatever is left of a batch after
//! whole groups goes through `sha2`, as does everything on other machines.
//!
//! The one unsafe act is to call a function compiled for a processor that has more than the usual: `Batch::run`.

use sha2::block_api::compress256;
use zeroize::Zeroize;

use super::{Block, MacKey};

/// How a batch is computed: it changes how long that takes and nothing else.
///
/// A value says that this processor can take that path; only [`Path::available`] and [`Path::best`] make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path(Means);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    ShaNi,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

/// Fastest first.
const MEANS: &[Means] = &[
    #[cfg(target_arch = "x86_64")]
    Means::Avx512,
    #[cfg(target_arch = "x86_64")]
    Means::ShaNi,
    #[cfg(target_arch = "x86_64")]
    Means::Avx2,
    Means::Portable,
];

impl Means {
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
        MEANS.iter().filter(|means| means.at_hand()).map(|means| Self(*means))
    }

    /// The fastest of them.
    pub fn best() -> Self {
        Self::available().next().expect("the portable path is always there")
    }
}

/// What is to be computed: for each item in order the MAC of its message under the first key, and the MAC of `link` ‖ the
/// one before under each later key. What lies between the first key and the last leaves no trace.
pub(crate) struct Batch<'a, T, K, M, O> {
    pub(crate) items: &'a [T],
    pub(crate) keys: K,
    /// Writes the whole message of an item.
    pub(crate) message: M,
    pub(crate) link: &'a [u8; 14],
    /// Takes the outcomes in order.
    pub(crate) out: O,
}

impl<'k, T, K, M, O> Batch<'_, T, K, M, O>
where
    K: Iterator<Item = &'k MacKey> + Clone,
    M: FnMut(&T, &mut [u8; 64]),
    O: FnMut([u8; 32]),
{
    /// Computes the batch. Copies of key states are left below the caller's frame: it calls
    /// [`wipe_stack`](crate::secret::wipe_stack) afterwards.
    #[inline(never)]
    #[allow(unsafe_code)]
    pub(crate) fn run(mut self, path: Path) {
        match path.0 {
            // SAFETY: a `Path` is made only after `Means::at_hand` has found each of these features.
            #[cfg(target_arch = "x86_64")]
            Means::Avx512 => unsafe { self.avx512() },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Means::ShaNi => unsafe { self.sha_ni() },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Means::Avx2 => unsafe { self.avx2() },
            Means::Portable => {}
        }
        self.groups(portable);
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
        self.groups::<8>(|state, words| streams(state, words));
    }

    /// Computes as many whole groups of `L` items as there are.
    #[inline(always)]
    fn groups<const L: usize>(&mut self, compress: impl Fn(&mut [[u32; L]; 8], &mut [[u32; L]; 16])) {
        let mut link = [0; 64];
        Block::framing(self.link).write(self.link.len(), &[0; 32], 32, &mut link);
        let link = std::array::from_fn(|i| u32::from_be_bytes(link.as_chunks().0[i]));
        let mut group = Group::<L>::new();
        let (groups, rest) = self.items.as_chunks::<L>();
        for items in groups {
            for (item, block) in items.iter().zip(&mut group.blocks) {
                (self.message)(item, block);
            }
            group.spread();
            for (position, key) in self.keys.clone().enumerate() {
                if position > 0 {
                    group.link(&link);
                }
                group.mac(key, &compress);
            }
            for digest in group.take() {
                (self.out)(super::to_bytes(*digest));
            }
        }
        self.items = rest;
    }
}

/// `L` messages, one behind the other in `blocks` and side by side in `words`: word *i* of message *l* is `words[i][l]`.
///
/// Aligned as the cache's lines: a vector that lies across two of them takes twice the time.
#[repr(align(64))]
struct Group<const L: usize> {
    blocks: [[u8; 64]; L],
    words: [[u32; L]; 16],
    digests: [[u32; L]; 8],
    spare: [[u32; L]; 16],
}

impl<const L: usize> Group<L> {
    fn new() -> Self {
        Self { blocks: [[0; 64]; L], words: [[0; L]; 16], digests: [[0; L]; 8], spare: [[0; L]; 16] }
    }

    /// Takes the words from the blocks.
    #[inline(always)]
    fn spread(&mut self) {
        let (words, spare) = (self.words.as_flattened_mut(), self.spare.as_flattened_mut());
        for (word, bytes) in words.iter_mut().zip(self.blocks.as_flattened().as_chunks().0) {
            *word = u32::from_be_bytes(*bytes);
        }
        for _ in 0..2 {
            deal(words, spare);
            deal(spare, words);
        }
    }

    /// Gives the digests out, one behind the other.
    #[inline(always)]
    fn take(&mut self) -> &[[u32; 8]] {
        let (words, digests) = (self.words[..8].as_flattened_mut(), self.digests.as_flattened_mut());
        riffle(digests, words);
        riffle(words, digests);
        riffle(digests, words);
        words.as_chunks().0
    }

    /// Makes each digest the message that follows it in a chain.
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

/// Gives all lanes of each row one word.
#[inline(always)]
fn set<const L: usize>(rows: &mut [[u32; L]], words: &[u32]) {
    for (row, word) in rows.iter_mut().zip(words) {
        row.fill(*word);
    }
}

/// Deals `from` into two halves of `to`, as cards in turn. Done four times it turns a table of 16 columns into one of 16
/// rows, for it moves the lowest bit of each position to the top.
#[inline(always)]
fn deal(from: &[u32], to: &mut [u32]) {
    let (even, odd) = to.split_at_mut(from.len() / 2);
    for ((pair, even), odd) in from.as_chunks::<2>().0.iter().zip(even).zip(odd) {
        [*even, *odd] = *pair;
    }
}

/// The inverse of [`deal`]: done three times it turns a table of eight rows into one of eight columns.
#[inline(always)]
fn riffle(from: &[u32], to: &mut [u32]) {
    let (even, odd) = from.split_at(from.len() / 2);
    for ((pair, even), odd) in to.as_chunks_mut::<2>().0.iter_mut().zip(even).zip(odd) {
        *pair = [*even, *odd];
    }
}

impl<const L: usize> Drop for Group<L> {
    fn drop(&mut self) {
        self.blocks.zeroize();
        self.words.zeroize();
        self.digests.zeroize();
        self.spare.zeroize();
    }
}

/// One message, by `sha2`.
#[inline(always)]
fn portable(state: &mut [[u32; 1]; 8], words: &mut [[u32; 1]; 16]) {
    let mut one = state.map(|[word]| word);
    let mut block = [0; 64];
    for (bytes, [word]) in block.as_chunks_mut::<4>().0.iter_mut().zip(words) {
        *bytes = word.to_be_bytes();
    }
    compress256(&mut one, &[block]);
    *state = one.map(|word| [word]);
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
fn compress<const L: usize>(k: &[[u32; 16]; 4], state: &mut [[u32; L]; 8], words: &mut [[u32; L]; 16]) {
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

/// The rounds of a turn from `AT` on. With `MORE` each word gives way to the one that takes its place in the next turn.
///
/// Four rounds of one lane are few enough for the processor to begin the next lanes meanwhile, and enough to keep the
/// state in registers; every index but the lane's is a constant, which the compiler needs to vectorise.
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
            let t1 = h.wrapping_add(word.wrapping_add(k[i])).wrapping_add(choice).wrapping_add(sum1);
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

/// The compression function in `L` interleaved streams of the processor's SHA instructions.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sha,avx2")]
#[inline]
fn streams<const L: usize>(state: &mut [[u32; L]; 8], words: &mut [[u32; L]; 16]) {
    use std::arch::x86_64::*;

    // The instructions take the state as (a, b, e, f) and (c, d, g, h), highest first.
    let [a, b, c, d, e, f, g, h] = state;
    let mut now = [[_mm_setzero_si128(); 2]; L];
    let mut queue = [[_mm_setzero_si128(); 4]; L];
    for lane in 0..L {
        now[lane] = [four([&*f, e, b, a], lane), four([&*h, g, d, c], lane)];
        let (rows, _) = words.as_chunks::<4>();
        for i in 0..4 {
            queue[lane][i] = four(rows[i].each_ref(), lane);
        }
    }
    let before = now;
    for (turn, k) in K.iter().enumerate() {
        for i in 0..4 {
            let k = four(k.as_chunks::<4>().0[i].each_ref().map(std::array::from_ref), 0);
            for lane in 0..L {
                let ([abef, cdgh], queue) = (&mut now[lane], &mut queue[lane]);
                let sum = _mm_add_epi32(queue[i], k);
                *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, sum);
                *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32::<0x0e>(sum));
                if turn < 3 {
                    let (next, third, last) = (queue[(i + 1) % 4], queue[(i + 2) % 4], queue[(i + 3) % 4]);
                    let part = _mm_sha256msg1_epu32(queue[i], next);
                    let part = _mm_add_epi32(part, _mm_alignr_epi8::<4>(last, third));
                    queue[i] = _mm_sha256msg2_epu32(part, last);
                }
            }
        }
    }
    for lane in 0..L {
        let abef = _mm_add_epi32(now[lane][0], before[lane][0]);
        let cdgh = _mm_add_epi32(now[lane][1], before[lane][1]);
        a[lane] = _mm_extract_epi32::<3>(abef).cast_unsigned();
        b[lane] = _mm_extract_epi32::<2>(abef).cast_unsigned();
        c[lane] = _mm_extract_epi32::<3>(cdgh).cast_unsigned();
        d[lane] = _mm_extract_epi32::<2>(cdgh).cast_unsigned();
        e[lane] = _mm_extract_epi32::<1>(abef).cast_unsigned();
        f[lane] = _mm_extract_epi32::<0>(abef).cast_unsigned();
        g[lane] = _mm_extract_epi32::<1>(cdgh).cast_unsigned();
        h[lane] = _mm_extract_epi32::<0>(cdgh).cast_unsigned();
    }
}

/// One lane of four rows, the first row lowest.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sha,avx2")]
#[inline]
fn four<const L: usize>(rows: [&[u32; L]; 4], lane: usize) -> std::arch::x86_64::__m128i {
    let [w, x, y, z] = rows;
    std::arch::x86_64::_mm_set_epi32(z[lane] as i32, y[lane] as i32, x[lane] as i32, w[lane] as i32)
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::Sha256;

    use super::*;
    use crate::mac::ONE_BLOCK;
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

    /// `count` random messages, the first of `length` bytes, each next one a byte longer, and round to 0 again.
    fn messages(count: usize, length: usize) -> Vec<Vec<u8>> {
        (0..count).map(|i| random::<ONE_BLOCK>()[..(length + i) % (ONE_BLOCK + 1)].to_vec()).collect()
    }

    /// The outcomes, given out by what `by` does with the batch.
    fn outcomes<'a>(
        messages: &'a [Vec<u8>],
        keys: &'a [MacKey],
        by: impl FnOnce(Random<'a, '_>),
    ) -> Vec<[u8; 32]> {
        let mut outcomes = Vec::new();
        by(Batch {
            items: messages,
            keys: keys.iter(),
            message: |message, block| {
                let mut padded = [0; ONE_BLOCK];
                padded[..message.len()].copy_from_slice(message);
                Block::framing(b"").write(0, &padded, message.len(), block);
            },
            link: LINK,
            out: Box::new(|outcome| outcomes.push(outcome)),
        });
        outcomes
    }

    type Random<'a, 'o> = Batch<
        'a,
        Vec<u8>,
        std::slice::Iter<'a, MacKey>,
        fn(&Vec<u8>, &mut [u8; 64]),
        Box<dyn FnMut([u8; 32]) + 'o>,
    >;

    /// The positions whose outcome is not what the path of one message says, which is what the `hmac` crate must say.
    fn wrong(messages: &[Vec<u8>], keys: &[[u8; 32]], outcomes: &[[u8; 32]]) -> Vec<usize> {
        assert_eq!(messages.len(), outcomes.len());
        let expected = |message: &Vec<u8>| {
            let mut outcome = message.clone();
            for (position, bytes) in keys.iter().enumerate() {
                if position > 0 {
                    outcome.splice(0..0, *LINK);
                }
                let ours = key(bytes).mac(&outcome);
                let theirs = Hmac::<Sha256>::new_from_slice(bytes).unwrap().chain_update(&outcome).finalize();
                assert_eq!(ours, <[u8; 32]>::from(theirs.into_bytes()));
                outcome = ours.to_vec();
            }
            outcome
        };
        (0..messages.len()).filter(|i| expected(&messages[*i]) != outcomes[*i]).collect()
    }

    fn check(messages: &[Vec<u8>], chain: usize) {
        let bytes: Vec<[u8; 32]> = (0..chain).map(|_| random()).collect();
        let keys: Vec<MacKey> = bytes.iter().map(key).collect();
        for path in Path::available() {
            let outcomes = outcomes(messages, &keys, |batch| batch.run(path));
            assert_eq!(wrong(messages, &bytes, &outcomes), [0; 0], "{path:?}, {} messages", messages.len());
        }
    }

    #[test]
    fn every_length_in_every_lane() {
        for length in 0..=ONE_BLOCK {
            check(&messages(32, length), 1);
        }
    }

    #[test]
    fn every_size_of_batch() {
        for size in 0..=64 {
            check(&messages(size, size), 1);
        }
    }

    #[test]
    fn chains() {
        for chain in 2..=4 {
            check(&messages(70, 11 * chain), chain);
        }
    }

    #[test]
    fn the_paths_of_this_machine_are_tried() {
        let paths: Vec<Path> = Path::available().collect();
        assert_eq!(paths.last(), Some(&Path(Means::Portable)));
        assert_eq!(paths.first(), Some(&Path::best()));
        #[cfg(target_arch = "x86_64")]
        assert_eq!(paths.contains(&Path(Means::Avx2)), is_x86_feature_detected!("avx2"));
    }

    /// The comparison above must catch one wrong constant in one lane.
    #[test]
    fn one_wrong_constant_in_one_lane_is_caught() {
        let bytes = [random()];
        let keys = [key(&bytes[0])];
        for constant in 0..64 {
            let lane = (5 * constant) % 32;
            let messages = messages(32, constant);
            let outcomes = outcomes(&messages, &keys, |mut batch| {
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
            assert_eq!(wrong(&messages, &bytes, &outcomes), [lane]);
        }
    }
}
