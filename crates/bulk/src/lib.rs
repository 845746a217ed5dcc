//! The service's side of files: what a request holds is coded or renewed, or people are looked up
//! in a register and coded (SPEC §6). Each works on batches of rows, in memory that does not grow
//! with the file.
//!
//! The rooms of this crate, lowest first; a room uses only those above it in this list.

mod error;

mod identifiers;

mod out;

mod rows;

mod code;

mod look_up;

mod french;

pub use code::{code, look, renew};
pub use error::{CodeFileError, Tally};
pub use look_up::{Register, look_up_and_code};
pub use out::{Out, Seen};
pub use rows::Request;
