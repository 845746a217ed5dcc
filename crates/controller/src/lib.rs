//! The controller's side of cstatns: data becomes a request, and codes come back to it (SPEC §6).
//! Nothing here can code.
//!
//! | file | columns, in this order |
//! |---|---|
//! | request | `index`, then `identifier` (coding), the fields of civil status (look-up) or `code` (renewal) |
//! | result | `index`, `code`, after a coding or look-up `quality`, after a look-up `score` too |
//! | retained | `index`, `status`, then every other column of the data |
//! | attached | `code`, `quality` and `score` as in the result, then every other column of the data |
//!
//! Requests and results are the service's business and either file type will do. Retained and
//! attached files carry the data's other columns as they are, so they are of the data's type. Data,
//! retained and attached rows may be frames instead: Arrow record batches in memory. Requests and
//! results are written with commas; retained and attached files with the data's delimiter. All of
//! them are recognised by their header when they are read.
//!
//! The rooms of this crate, lowest first; a room uses only those above it in this list.

mod origin;

mod attach;

mod check;

mod prepare;

pub use attach::{Attach, AttachError, Attached, NotDestroyed, attach};
pub use check::{CheckError, FileFacts, Summary, check, summarise};
pub use prepare::{Column, Kept, Prepare, PrepareError, Prepared, Risk, prepare};
