//! Parcels: one encrypted, signed file from one body to another. It cannot code.
//!
//! A parcel is an age file to an X-Wing recipient whose content is a tar archive: `head.json`, the
//! file in parts of at most 1 MiB (`data/000001` …), `about.json` and `seal.json`, the sender's
//! signature over all of it. Standard tools open it; this crate verifies the whole of it before
//! anything of it is used. `SPEC.md` is the normative text.
//!
//! The rooms of this crate, lowest first; a room uses only those above it in this list.

/// What this crate's signatures take of others: use these, and versions fit.
pub use {ed25519_dalek, jiff, zeroize};

pub mod age;

mod tar;

pub mod head;

pub mod error;

pub mod make;

pub mod open;

pub mod party;

pub mod request;

pub mod sending;

pub mod file;

mod french;
