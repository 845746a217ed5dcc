//! The linking body's side of cstatns: coded files of several controllers become one file for a
//! researcher, without codes. Nothing here can code.
//!
//! The linking body gets payloads from controllers and codes from the service, each encrypted to
//! it alone. It puts them together ([`receive`]), joins them ([`join_files`]), and gives the result
//! to a researcher ([`release`]). When the project gets another key, it has its codes renewed
//! ([`prepare_renewal`]). It keeps a ledger of what it received, joined, released and
//! destroyed, and a catalogue of what it still has ([`Body`]).
//!
//! The rooms of this crate, lowest first; a room uses only those above it in this list.

pub mod join;

mod error;

mod catalogue;

mod identity;

mod sealing;

mod body;

mod receive;

mod renewal;

mod joining;

mod release;

mod ending;

mod french;

pub use body::{Body, ledger_path};
pub use ending::{Over, Present, end, expire, present};
pub use error::LinkError;
pub use joining::{JoinFiles, JoinedFile, join_files};
pub use receive::{Coded, Receive, Rows, receive};
pub use release::{Release, Released, release};
pub use renewal::{Renewal, Renewing, prepare_renewal};
