//! Codes without meaning for national identifiers.
