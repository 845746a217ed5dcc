//! Why nothing was joined.

use std::path::PathBuf;

use cstatns_base::coded::ColumnName;
use cstatns_base::name::Name;
use cstatns_rows::error::TableError;

use super::MOST;

/// Why nothing was joined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// Reading a source, or writing the rows.
    #[error(transparent)]
    Table(#[from] TableError),
    /// `join-sources`: too few sources, or too many.
    #[error("a join is of 2 to {MOST} sources, not of {found}")]
    Sources {
        /// How many there are.
        found: usize,
    },
    /// `join-types`: sources of text beside others of Parquet, or an output of another type.
    #[error(
        "{path:?} is not of the type of the output: it and all sources are text, or all are Parquet"
    )]
    Types {
        /// The first source of another type.
        path: PathBuf,
    },
    /// `join-columns`: a name that two columns would have.
    #[error("column {column:?} of {path:?} would have the name of another column")]
    Columns {
        /// The source.
        path: PathBuf,
        /// The column.
        column: ColumnName,
    },
    /// `join-reserved`: a column that must not come out.
    #[error(
        "{path:?} has a column {column:?}, in these or other letters: neither codes nor indexes come out \
        of a join"
    )]
    Reserved {
        /// The source.
        path: PathBuf,
        /// The column.
        column: ColumnName,
    },
    /// `join-row`: a row of the output that is too long.
    #[error("a row of the output would be longer than {limit} bytes")]
    Long {
        /// About the most, in bytes.
        limit: usize,
    },
    /// `join-many`: people have more than one row in several sources.
    #[error("{people} people have more than one row in two sources or more")]
    Many {
        /// How many.
        people: u64,
    },
    /// `join-few`: too few people were matched. How many is not said.
    #[error("fewer than {least} people of the source `{name}` were matched")]
    Few {
        /// The first source of which it is so.
        name: Name,
        /// How many there must be.
        least: u64,
    },
}

cstatns_base::coded!(JoinError {
    Self::Table(error) => (error),
    Self::Sources { found } => ("join-sources", Input, [found]),
    Self::Types { path } => ("join-types", Input, [path]),
    Self::Columns { path, column } => ("join-columns", Input, [path, column]),
    Self::Reserved { path, column } => ("join-reserved", Input, [path, column]),
    Self::Long { limit } => ("join-row", Input, [limit]),
    Self::Many { people } => ("join-many", Input, [people]),
    Self::Few { name, least } => ("join-few", Input, [source: *name, least]),
});
