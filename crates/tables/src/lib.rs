//! Bulk files.
