//! Rows of files: CSV and Parquet, in and out, in memory that does not grow with the file (SPEC
//! §6).
//!
//! What holds an identifier is used again for the next block and wiped at the end, except inside
//! the Parquet library, which offers no way. No error and no `Debug` shows a cell: they name rows
//! (counted from 1 below the header), columns and counts.
//!
//! The rooms of this crate, lowest first; a room uses only those above it in this list.

/// What this crate's signatures take of others: use these, and versions fit.
pub use {arrow_array, arrow_schema};

pub mod pipeline;

pub mod error;

pub mod effort;

pub mod encoding;

pub mod reading;

mod header;

pub mod packed;

pub mod csv;

mod spill;

mod parquet;

mod frames;

pub mod table;

pub mod columns;

pub mod parts;

pub mod results;

pub mod plain;

pub mod fields;

pub mod sink;

pub mod sort;

pub mod by_row;

pub mod guard;

pub mod people;

mod french;

pub use parquet::{is_panic_of_damaged_file, runs};
