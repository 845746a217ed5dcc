//! What the crates of cstatns stand on: memory that is wiped, durable files, names, identifiers and
//! their schemes, civil status, codes, keyed hashes and commitments. It holds no key of a service,
//! and cannot code.
//!
//! A Rust user depends on `cstatns`, which gives all of this again. `SPEC.md` is the normative
//! text; its sections are named throughout.
//!
//! The rooms of this crate, lowest first; a room uses only those above it in this list.

#[cfg(not(unix))]
compile_error!("what cstatns promises of files it keeps on Unix only");

/// What this crate's signatures take of others: use these, and versions fit.
pub use {jiff, zeroize};

pub mod language;

pub mod coded;

pub mod name;

pub mod delivery;

pub mod secret;

pub mod files;

pub mod identifier;

pub mod civil_status;

pub mod look_up;

pub mod code;

mod mac;

pub mod hazmat;

pub mod meta;

pub mod commitment;

pub mod domain;

pub mod distinct;

mod sentences;
