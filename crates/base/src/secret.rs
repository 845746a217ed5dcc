//! Secret bytes: on a page of their own, locked in memory where the system allows it, wiped when
//! dropped (SPEC §16).
//!
//! A [`Secret`] has no `Debug`, `Display`, `Clone`, `PartialEq` or serde, so that it cannot be
//! printed, copied, compared in variable time or stored by accident. It is filled in place: an
//! array that is moved into a box leaves a copy where it was.

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing, optimization_barrier};

mod process;
pub use process::{Hardening, harden_process};
use process::{PageLock, lock_page};

/// The size and alignment of the page that a secret has to itself: unlocking one secret's page must
/// not unlock another's. Processors other than these have pages of up to 64 KiB.
const PAGE: usize = if cfg!(target_arch = "x86_64") { 4 << 10 } else { 64 << 10 };

/// Every byte is initialised: the padding of a smaller value would be copied from the stack, with
/// whatever lay there.
#[cfg_attr(target_arch = "x86_64", repr(C, align(4096)))]
#[cfg_attr(not(target_arch = "x86_64"), repr(C, align(65536)))]
struct Page([u8; PAGE]);

/// `N` secret bytes, at most one page.
///
/// ```
/// # use cstatns_base::secret::Secret;
/// let key = Secret::<32>::random();
/// assert!(!key.ct_eq(&Secret::random()));
/// ```
///
/// None of these compiles: printing it,
///
/// ```compile_fail,E0277
/// # use cstatns_base::secret::Secret;
/// let key = Secret::<32>::random();
/// println!("{key:?}");
/// ```
/// ```compile_fail,E0277
/// # use cstatns_base::secret::Secret;
/// let key = Secret::<32>::random();
/// println!("{key}");
/// ```
///
/// copying it,
///
/// ```compile_fail,E0599
/// # use cstatns_base::secret::Secret;
/// let key = Secret::<32>::random();
/// let copy = key.clone();
/// ```
/// ```compile_fail,E0382
/// # use cstatns_base::secret::Secret;
/// let key = Secret::<32>::random();
/// let moved = key;
/// assert!(key.ct_eq(&moved));
/// ```
///
/// comparing it in variable time,
///
/// ```compile_fail,E0369
/// # use cstatns_base::secret::Secret;
/// let key = Secret::<32>::random();
/// assert!(key != Secret::random());
/// ```
///
/// or storing it.
///
/// ```compile_fail,E0277
/// # use cstatns_base::secret::Secret;
/// let key = Secret::<32>::random();
/// let json = serde_json::to_string(&key);
/// ```
pub struct Secret<const N: usize> {
    page: Box<Page>,
    /// Unlocks the page when it is dropped.
    lock: Option<PageLock>,
}

impl<const N: usize> Secret<N> {
    /// A secret that `fill` writes in place; it starts as zeros.
    pub fn fill(fill: impl FnOnce(&mut [u8; N])) -> Self {
        const { assert!(N <= PAGE) };
        let page = Box::new(Page([0; PAGE]));
        let lock = lock_page(&page.0[..N]);
        let mut secret = Self { page, lock };
        fill(secret.page.0.first_chunk_mut().expect("a page holds N bytes"));
        secret
    }

    /// As [`Secret::fill`], for a source that can fail.
    ///
    /// # Errors
    /// Those of `fill`; what it wrote is wiped.
    pub fn try_fill<E>(fill: impl FnOnce(&mut [u8; N]) -> Result<(), E>) -> Result<Self, E> {
        let mut outcome = Ok(());
        let secret = Self::fill(|bytes| outcome = fill(bytes));
        outcome.map(|()| secret)
    }

    /// `N` bytes of the operating system's randomness.
    ///
    /// # Panics
    /// When the operating system gives no randomness: no key may be drawn then, and nothing
    /// sensible can follow.
    pub fn random() -> Self {
        Self::fill(|bytes| random_bytes(bytes))
    }

    /// The bytes. The name is to be seen at each place where a secret is used.
    pub fn expose(&self) -> &[u8; N] {
        self.page.0.first_chunk().expect("a page holds N bytes")
    }

    /// Equality in constant time.
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.expose().ct_eq(other.expose()).into()
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.page.0[..N].zeroize();
        // While the page is still this secret's: once it is given back, another one may have it,
        // locked already.
        self.lock = None;
    }
}

/// Fills `bytes` from the operating system's randomness.
///
/// # Panics
/// When the operating system gives none.
pub fn random_bytes(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system gives randomness");
}

/// Makes room for `more` bytes: in a new place if need be, and the old one is wiped. A vector that
/// grows by itself leaves a copy behind.
pub fn reserve(bytes: &mut Zeroizing<Vec<u8>>, more: usize) {
    let needed = bytes.len() + more;
    if needed > bytes.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(2 * bytes.capacity())));
        larger.extend_from_slice(bytes);
        *bytes = larger;
    }
}

/// Overwrites all that a vector has, what lies behind its end too, and empties it. `zeroize` writes
/// byte after byte; this is as fast as memory is.
pub fn wipe(bytes: &mut Vec<u8>) {
    bytes.fill(0);
    bytes.resize(bytes.capacity(), 0);
    optimization_barrier(bytes.as_slice());
    bytes.clear();
}

/// Overwrites the stack below the caller, where calls that have returned may have left copies of
/// secrets.
///
/// Called once after work with keys, not once for each code.
#[inline(never)]
pub fn wipe_stack() {
    // 64 KiB; in words, for an unoptimised build wipes one element at a time.
    let mut below = [0_u64; 8 * 1024];
    below.zeroize();
    std::hint::black_box(&below);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_filled_in_place_and_compared() {
        let a = Secret::<32>::fill(|b| b.fill(7));
        let b = Secret::<32>::fill(|b| b.fill(7));
        assert!(a.ct_eq(&b));
        assert!(!a.ct_eq(&Secret::random()));
        assert!(Secret::<4>::try_fill(|_| Err::<(), _>("no")).is_err());
    }

    #[test]
    fn room_is_made_before_it_is_needed() {
        let mut bytes = Zeroizing::new(Vec::new());
        for more in 1..300_usize {
            let before = bytes.clone();
            reserve(&mut bytes, more);
            let (place, room) = (bytes.as_ptr(), bytes.capacity());
            assert!(bytes == before && room - bytes.len() >= more);
            bytes.extend(std::iter::repeat_n(7, more));
            assert_eq!(
                (bytes.as_ptr(), bytes.capacity()),
                (place, room),
                "it did not grow by itself"
            );
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_wiped_is_gone_from_all_its_place() {
        use std::os::unix::fs::FileExt;

        let mut bytes = Vec::with_capacity(9000);
        bytes.resize(9000, 0xa5);
        bytes.truncate(50);
        let place = bytes.as_ptr().addr() as u64;
        let found = || {
            let mut found = vec![0; 9000];
            let memory = std::fs::File::open("/proc/self/mem").unwrap();
            memory.read_exact_at(&mut found, place).unwrap();
            found.iter().filter(|byte| **byte == 0xa5).count()
        };
        assert_eq!(found(), 9000);
        wipe(&mut bytes);
        assert_eq!((found(), bytes.len(), bytes.capacity()), (0, 0, 9000));
    }

    #[test]
    fn the_rest_of_a_page_holds_nothing() {
        #[inline(never)]
        fn litter() {
            std::hint::black_box([0xa5_u8; 32 * 1024]);
        }
        litter();
        let secret = Secret::<32>::random();
        assert!(secret.page.0[32..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn each_secret_has_a_page_of_its_own() {
        let secrets: Vec<Secret<32>> = (0..8).map(|_| Secret::random()).collect();
        let mut pages: Vec<usize> = secrets.iter().map(|s| s.expose().as_ptr() as usize).collect();
        assert!(pages.iter().all(|p| p % PAGE == 0));
        pages.sort_unstable();
        assert!(pages.windows(2).all(|w| w[1] - w[0] >= PAGE));
    }
}
