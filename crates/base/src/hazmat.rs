//! Raw HMAC, for the crates that build on it.
//!
//! # Security
//! A MAC has a label in front of what it covers, or the output of one use can pass for the output
//! of another. Nothing here adds one, and nothing here knows what a key is for. Use
//! `cstatns::coder` for codes and [`commitment`](crate::commitment) for rows.

pub use crate::mac::{MacKey, ONE_BLOCK};

#[doc(hidden)]
pub use crate::mac::{lanes, to_bytes};
