//! The linking body's side of cstatns: coded files of several controllers become one file for a
//! researcher, without codes. Nothing here can code.
//!
//! The rooms of this crate, lowest first; a room uses only those above it in this list.

pub mod join;

mod french;
