//! The columns of the files that travel.

/// What is wrong with one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RowFault {}
