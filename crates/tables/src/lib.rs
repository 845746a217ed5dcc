//! Bulk files of identifiers and codes: CSV and Parquet (SPEC §6).
//!
//! The controller's side prepares a request and attaches the result; the service's side codes and renews what a request
//! holds, or looks people up in a register and codes them. Each works on batches of rows, in memory that does not grow with the file.
//!
//! | file | columns, in this order |
//! |---|---|
//! | request | `index`, then `identifier` (coding), the fields of civil status (look-up) or `code` (renewal) |
//! | result | `index`, `code`, after a coding or look-up `quality`, after a look-up `score` too |
//! | retained | `index`, `check`, then every other column of the data |
//! | attached | `code`, `quality` and `score` as in the result, then every other column of the data |
//!
//! Requests and results are the service's business and either file type will do. Retained and attached files carry the
//! data's other columns as they are, so they are of the data's type. Requests and results are written with commas;
//! retained and attached files with the data's delimiter. All of them are recognised by their header when they are read.
//!
//! What holds an identifier is used again for the next block and wiped at the end, except inside the Parquet library, which
//! offers no way.
//! No error and no `Debug` shows a cell: they name rows (counted from 1 below the header), columns and counts.
//!
//! [`Rows`] reads files of either type for what is made of them elsewhere: the register's index.

// The rooms, lowest first; a room uses only those above it in this list.

mod meta;

mod pipeline;

mod error;

mod effort;

mod csv;

mod parquet;

mod table;

mod columns;

mod plain;

mod status;

mod seal;

mod sink;

mod spill;

mod sort;

mod guard;

mod rows;

mod code;

mod report;

mod attach;

mod check;

mod prepare;

pub use attach::{Attach, AttachError, Attached, NotDestroyed, attach};
pub use check::{CheckError, FileFacts, Summary, check, summarise};
pub use code::{CodeFileError, Coded, Register, Scores, code, look, look_up_and_code, renew};
#[doc(hidden)]
pub use csv::read_all as read_csv;
pub use effort::{Effort, Progress};
pub use error::{RowFault, TableError};
pub use guard::Held;
pub use meta::{FileMeta, SPEC};
pub use parquet::is_panic_of_damaged_file;
pub use prepare::{Column, Kept, Prepare, PrepareError, Prepared, Risk, prepare};
pub use report::{Destruction, Report, ReportError, report_path};
pub use rows::Rows;
pub use seal::{Content, Seal, SealError, seal_path};
pub use table::Format;
