//! Codes without meaning for national identifiers.
//!
//! A cryptographic service turns national identifiers into codes by a keyed function whose keys open only under a
//! quorum of custodians; renews codes under new keys without a table from identifier to code; gives each research
//! project a key of its own that is destroyed at its end; and records all of it in a ledger that others can verify.
//! `SPEC.md` is the normative text; its sections are named throughout.
//!
//! The rooms of this library, lowest first; a room uses only those above it in this list.

pub mod name;

pub mod secret;

pub mod files;

pub mod identifier;

pub mod code;

pub mod mac;

pub mod coder;

pub mod commitment;

pub mod sharing;

pub mod domain;

pub mod checkpoint;

pub mod custody;

pub mod ledger;

pub mod state;

pub mod keystore;

pub mod service;

pub mod audit;
