//! Codes without meaning for national identifiers.

pub mod files;
