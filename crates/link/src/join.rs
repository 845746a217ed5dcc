//! The join: coded files, one of each source → one file without codes.
//!
//! Of each source come the columns `NAME_quality`, and `NAME_score` if there is one, then its other
//! columns as they are. A name that stands in several sources, whatever its case, becomes
//! `NAME_column` in each of them. Neither `code` nor `index` comes out.

mod error;

use std::path::Path;

use cstatns_base::code::{Generation, Tag};
use cstatns_base::name::Name;
use cstatns_rows::effort::Effort;
use cstatns_rows::error::TableError;
use cstatns_rows::sink::{Column, Csv, CsvSink, Parquet, ParquetSink};
use cstatns_rows::table::{self, Table};

pub use error::JoinError;

/// The most sources of a join.
pub const MOST: usize = 64;

/// A coded file.
pub struct Source<'a> {
    /// What its columns are called by.
    pub name: &'a Name,
    /// Its rows, with the columns `code`, `quality` and perhaps `score`.
    pub rows: table::Source,
    /// The tag and generation of its codes: others are refused.
    pub of: (Tag, Generation),
}

/// Which rows come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Those of people who are in all sources.
    Inner,
    /// All of the first source, those without a code too; of the others what belongs to them.
    Left,
    /// All of every source, those without a code too, each alone.
    Full,
}

/// What is to be joined.
pub struct Join<'a> {
    /// The sources, 2 to [`MOST`], all of text or all of Parquet.
    pub sources: Vec<Source<'a>>,
    /// Which rows come out.
    pub how: How,
    /// Whether people may have more than one row in several sources: each row of the one comes with
    /// each of the other.
    pub many: bool,
    /// How many people of each source must be matched: see [`Counts::matched`].
    pub least: u64,
}

/// Begins the file of the rows, given its columns and the table of the first source, as which text
/// is written: with its delimiter.
pub type Begin<'w, E, S> =
    Box<dyn FnOnce(&[Column<'_>], &Table) -> Result<(E, S), TableError> + 'w>;

/// Where the rows go. It is begun after everything was counted, and not where a count refuses the
/// join.
pub enum Out<'w> {
    /// Text, of sources that are text.
    Lines(Begin<'w, Csv, CsvSink<'w>>),
    /// Parquet, of sources that are that.
    Columns(Begin<'w, Parquet, ParquetSink<'w>>),
}

/// What was joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The rows that were written.
    pub rows: u64,
    /// The people that they are of.
    pub people: u64,
    /// Of each source, in their order.
    pub sources: Vec<Counts>,
}

/// What a source held. People are counted by their codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Its name.
    pub name: Name,
    /// Its rows.
    pub rows: u64,
    /// Those of them that have no code.
    pub without_code: u64,
    /// Its people.
    pub people: u64,
    /// Those of them that have more than one row.
    pub repeated: u64,
    /// Those of them that are in all other sources ([`How::Inner`]), or in one of them at least.
    pub matched: u64,
    /// The others.
    pub unmatched: u64,
}

/// Joins the sources and writes the rows, in an order that is drawn, to what `out` begins. What
/// does not fit in memory is put aside, encrypted, beside the file `beside`.
///
/// # Errors
/// [`JoinError`]. Nothing was begun where a count refuses the join.
pub fn join(
    join: Join<'_>,
    out: Out<'_>,
    beside: &Path,
    effort: &Effort,
) -> Result<Joined, JoinError> {
    let _ = (join, out, beside, effort);
    unreachable!()
}
