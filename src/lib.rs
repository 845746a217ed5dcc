//! Codes without meaning for national identifiers.

pub mod checkpoint;
pub mod files;
