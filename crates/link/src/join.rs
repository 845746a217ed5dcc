//! The join: coded files, one of each source → one file without codes.
//!
//! Of each source come the columns `NAME_quality`, and `NAME_score` if there is one, then its other
//! columns as they are. A name that stands in several sources, whatever its case, becomes
//! `NAME_column` in each of them. Neither `code` nor `index` comes out.

mod columns;
mod deal;
mod emit;
mod error;
mod meet;
mod tally;
mod write;

use std::iter::zip;
use std::path::{Path, PathBuf};

use cstatns_base::code::{Generation, Tag};
use cstatns_base::name::Name;
use cstatns_rows::effort::Effort;
use cstatns_rows::error::TableError;
use cstatns_rows::sink::{Column, Csv, CsvSink, Encoding, Parquet, ParquetSink, Sink};
use cstatns_rows::sort::Sort;
use cstatns_rows::table::{self, Extent, Stream, Table};

use columns::{Columns, names};
use deal::{Dealing, Opened};
use emit::{Limits, Plan, Rows};
use meet::Meeting;
use tally::Rule;
use write::Writing;

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

impl How {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Inner => "inner",
            Self::Left => "left",
            Self::Full => "full",
        }
    }
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

impl Join<'_> {
    /// What the columns are called that come out.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn columns(&self) -> Result<Vec<Vec<u8>>, JoinError> {
        let tables = self.sources.iter().map(|source| source.rows.table());
        let columns = tables.clone().map(Columns::of).collect::<Result<Vec<_>, _>>()?;
        let named = zip(&self.sources, zip(tables, &columns));
        let named: Vec<_> =
            named.map(|(source, (table, columns))| (source.name, table, columns)).collect();
        Ok(names(&named)?.into_iter().flatten().collect())
    }
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
    within(Limits::USUAL, join, out, (beside, effort))
}

/// The same, where a few rows are too many to be held at once: as tests have it.
///
/// # Errors
/// As [`join`].
#[doc(hidden)]
pub fn join_bit_by_bit(
    join: Join<'_>,
    out: Out<'_>,
    beside: &Path,
    effort: &Effort,
) -> Result<Joined, JoinError> {
    within(Limits::SMALL, join, out, (beside, effort))
}

fn within(
    limits: Limits,
    join: Join<'_>,
    out: Out<'_>,
    at: (&Path, &Effort),
) -> Result<Joined, JoinError> {
    let rule = Rule::of(&join);
    if !(2..=MOST).contains(&join.sources.len()) {
        return Err(JoinError::Sources { found: join.sources.len() });
    }
    match out {
        Out::Lines(begin) => {
            let opened = open(join.sources, |rows| match rows {
                table::Source::Lines(rows) => Ok(rows),
                table::Source::Columns(rows) => Err(rows.table.path().to_owned()),
            })?;
            run(opened, (rule, limits), begin, at)
        }
        Out::Columns(begin) => {
            let opened = open(join.sources, |rows| match rows {
                table::Source::Columns(rows) => Ok(rows),
                table::Source::Lines(rows) => Err(rows.table.path().to_owned()),
            })?;
            run(opened, (rule, limits), begin, at)
        }
    }
}

/// The sources, all in the form that `form` takes out of them.
fn open<'a, F: Rows>(
    sources: Vec<Source<'a>>,
    form: impl Fn(table::Source) -> Result<Stream<F>, PathBuf>,
) -> Result<Vec<Opened<'a, F>>, JoinError> {
    let open = |Source { name, rows, of }| {
        let rows = form(rows).map_err(|path| JoinError::Types { path })?;
        Ok((name, rows, of))
    };
    let opened = sources.into_iter().map(open).collect::<Result<Vec<_>, JoinError>>()?;
    let opened = opened.into_iter().map(|(name, rows, of)| {
        let columns = Columns::of(&rows.table)?;
        Ok(Opened { name, rows, of, columns })
    });
    opened.collect()
}

fn run<F, E, S>(
    mut sources: Vec<Opened<'_, F>>,
    (rule, limits): (Rule, Limits),
    begin: Begin<'_, E, S>,
    (beside, effort): (&Path, &Effort),
) -> Result<Joined, JoinError>
where
    F: Rows,
    E: Encoding<Form = F>,
    S: Sink<Piece = E::Piece>,
{
    let progress = &effort.progress;
    let called: Vec<_> =
        sources.iter().map(|source| (source.name, &source.rows.table, &source.columns)).collect();
    let called = names(&called)?;
    let plan = Plan::new(
        sources[0].rows.table.delimiter(),
        sources.iter().map(|source| source.columns.kept.len()).collect(),
        sources.iter().map(|source| source.columns.kinds(&source.rows.table)).collect(),
        limits,
    );

    let mut extents = Vec::new();
    for source in &mut sources {
        source.rows.keep_quotes();
        extents.push(source.rows.extent()?);
    }
    let size = extents.iter().map(|extent| extent.size()).fold(0, u64::saturating_add);
    // Rows are gone through three times: read, joined and written.
    progress.expect(size.saturating_mul(3));
    let all: usize = plan.widths.iter().sum();
    let foreseen = foreseen(&extents, rule.how);
    let (sort, threads) = Sort::new(foreseen, std::iter::once(0..all).collect(), beside, effort);
    let files = zip(&extents, &sources).map(|(extent, source)| (*extent, source.columns.runs()));
    let sorts = sort.before(files.collect());
    let mut rows = Vec::new();
    for ((source, sort), extent) in zip(zip(&mut sources, &sorts), &extents) {
        let (size, delimiter) = (extent.size(), plan.delimiter);
        rows.push(source.deal(Dealing { sort, threads, delimiter, size, progress })?);
    }

    let into = &sort;
    let tally = Meeting { plan: &plan, rule, into, threads, size, progress }.join(sorts)?;
    let names: Vec<_> = sources.iter().map(|source| source.name).collect();
    tally.check(rule, &names)?;

    let columns = zip(&sources, called).flat_map(|(source, called)| {
        let table = &source.rows.table;
        zip(&source.columns.kept, called)
            .map(|(column, called)| Column::kept(table, *column).called(called).nullable())
    });
    let (encoding, sink) = begin(&columns.collect::<Vec<_>>(), &sources[0].rows.table)?;
    let delimiter = plan.delimiter;
    Writing { sort, rows: tally.rows, delimiter, threads, size, progress }
        .write(&encoding, sink)?;
    Ok(tally.joined(&names, &rows))
}

/// About how large the output is. A wrong number costs time, nothing else.
fn foreseen(sources: &[Extent], how: How) -> Extent {
    let mut foreseen = Extent::default();
    for extent in sources {
        foreseen.rows = match how {
            How::Inner | How::Left => foreseen.rows.max(extent.rows),
            How::Full => foreseen.rows.saturating_add(extent.rows),
        };
        foreseen.length = foreseen.length.saturating_add(extent.length);
        foreseen.bytes = foreseen.bytes.saturating_add(extent.bytes);
    }
    foreseen
}
