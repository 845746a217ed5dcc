//! Private keys of people and bodies: what a passphrase protects, and what is sealed to a receiving
//! key. It knows no format of a service, no share and no code.
//!
//! `SPEC.md` is the normative text; its sections are named throughout.
//!
//! The rooms of this crate, lowest first; a room uses only those above it in this list.

/// What this crate's signatures take of others: use these, and versions fit.
pub use zeroize;

pub mod protection;

pub mod receiving;

mod french;
