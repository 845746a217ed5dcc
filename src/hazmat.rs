//! Raw primitives: they compute what they are asked to, and nothing else protects their user.
//!
//! They are here for test vectors, benches and second implementations. In the service a run lends
//! the [`Coder`](crate::coder::Coder) after a quorum, and its [`custody`](crate::custody) opens the
//! shares.
//!
//! # Security
//! - [`coding_key`]: a key outside the keystore has no quorum, no ledger and no end. Its holder can
//!   code every identifier of a country.
//! - [`MacKey`]: a MAC without a label in front of what it covers can pass for the MAC of another
//!   use.
//! - [`receiving_key`]: the private key of a kit or of a run is drawn, and is nowhere else. Whoever
//!   knows its seed opens the shares that are sealed to it.
//! - [`split`], [`recover`]: a root secret or a [`Share`] in clear is worth what it protects. Write
//!   shares only as [`SealedShare`](crate::custody::share::SealedShare), and compare [`root_check`]
//!   after each recovery.
//!
//! The plain paths do not exist:
//!
//! ```compile_fail,E0432
//! use cstatns::mac::MacKey;
//! ```
//! ```compile_fail,E0603
//! use cstatns::sharing::recover;
//! ```
//! ```compile_fail,E0624
//! use cstatns::coder::CodingKey;
//! # let (secret, domain) = (cstatns::secret::Secret::random(), cstatns::name::Name::new("income").unwrap());
//! CodingKey::new(&secret, "example.aaaaaaaaaaaaaaaaaaaaaaaaaa", &domain, cstatns::code::Generation::FIRST);
//! ```

use cstatns_base::code::Generation;
#[doc(hidden)]
pub use cstatns_base::hazmat::lanes;
pub use cstatns_base::hazmat::{MacKey, ONE_BLOCK};
use cstatns_base::name::Name;
use cstatns_base::secret::Secret;

use crate::coder::CodingKey;
use crate::custody::share::ReceivingKey;
pub use crate::sharing::{Share, recover, root_check, split};

/// Makes the coding key of `generation` of `domain` in the service `service_id` from its 32 bytes
/// (SPEC §4).
///
/// # Security
/// The keys of a service are drawn, sealed and opened by its keystore; this one is under nobody's
/// control but yours.
pub fn coding_key(
    key: &Secret<32>,
    service_id: &str,
    domain: &Name,
    generation: Generation,
) -> CodingKey {
    CodingKey::new(key, service_id, domain, generation)
}

/// Makes the receiving key whose 32-byte seed this is (SPEC §8).
///
/// # Security
/// A seed that somebody chose is known to them.
pub fn receiving_key(seed: &Secret<32>) -> ReceivingKey {
    ReceivingKey::from_seed(seed.expose())
}
