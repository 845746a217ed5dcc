//! The record of a cstatns service: what anyone may know, and verify. Cards, dealings, proposals,
//! receipts, checkpoints, the ledger, what it makes lawful, and its audit. It opens no share and no
//! key.
//!
//! A Rust user depends on `cstatns`, which gives all of this again. `SPEC.md` is the normative
//! text; its sections are named throughout.
//!
//! The rooms of this crate, lowest first; a room uses only those above it in this list.

/// What this crate's signatures take of others: use these, and versions fit.
pub use {ed25519_dalek, jiff, zeroize};

pub mod statement;

pub mod checkpoint;

pub mod card;

pub mod dealing;

pub mod party;

pub mod receipt;

pub mod proposal;

pub mod requested;

pub mod evidence;

pub mod manifest;

pub mod payload;

pub mod report;

pub mod received;

pub mod comparison;

pub mod notice;

pub mod ledger;

mod ahead;

pub mod state;

pub mod proposal_file;

pub mod linking;

pub mod witness;

pub mod audit;

mod french;
