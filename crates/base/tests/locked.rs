//! A secret's page is unlocked while it is still the secret's.

#![cfg(target_os = "linux")]

use std::env;
use std::process::Command;

use cstatns_base::secret::Secret;

/// With it the C library's allocator gives each page back to the system at once, as others do
/// anyway.
const AT_ONCE: &str = "MALLOC_MMAP_THRESHOLD_";

/// Unlocking a page that is given back already would unlock that of another secret, which may have
/// it by then. Where nobody has it the system refuses, and an unoptimised build panics.
#[test]
fn a_page_is_unlocked_before_it_is_given_back() {
    if env::var_os(AT_ONCE).is_none() {
        let again = Command::new(env::current_exe().unwrap()).env(AT_ONCE, "1024").output();
        let again = again.unwrap();
        assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
        return;
    }
    // More than the allocator has at hand from its beginning.
    let secrets: Vec<_> = (0..200).map(|_| Secret::<32>::random()).collect();
    drop(secrets);
}
