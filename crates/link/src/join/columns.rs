//! The columns of the sources, and what they are called in the output.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use arrow_schema::DataType;
use cstatns_base::coded::ColumnName;
use cstatns_base::name::Name;
use cstatns_base::words;
use cstatns_rows::columns::{ScoreCells, fault, word};
use cstatns_rows::error::TableError;
use cstatns_rows::table::{Batch, Kind, Table};

use super::JoinError;

/// What no column of the output is called, in whatever case.
const RESERVED: [&str; 2] = ["code", "index"];

/// The columns of a source.
pub(super) struct Columns {
    pub(super) code: usize,
    quality: usize,
    score: Option<usize>,
    /// Those that come out, in their order there.
    pub(super) kept: Vec<usize>,
}

impl Columns {
    /// Those of a table, if it has what a coded file has.
    pub(super) fn of(table: &Table) -> Result<Self, JoinError> {
        let (code, quality) = (table.need("code")?, table.need("quality")?);
        let score = table.find("score")?;
        table.need_kind(
            quality,
            &[Kind::Text],
            words!("a quality is a word", "une qualité est un mot"),
        )?;
        if let Some(score) = score {
            let needed = words!(
                "scores are floating-point numbers",
                "les scores sont des nombres à virgule flottante"
            );
            table.need_kind(score, &[Kind::Text, Kind::Float(64)], needed)?;
        }
        let own: Vec<usize> = [Some(code), Some(quality), score].into_iter().flatten().collect();
        let others = (0..table.header().len()).filter(|column| !own.contains(column));
        let kept: Vec<usize> = own[1..].iter().copied().chain(others).collect();
        for column in &kept[own.len() - 1..] {
            let name = &table.header()[*column];
            if RESERVED.contains(&&*folded(name)) {
                let (path, column) = (table.path().to_owned(), ColumnName::at(name, *column));
                return Err(JoinError::Reserved { path, column });
            }
        }
        Ok(Self { code, quality, score, kept })
    }

    /// Those that come out, as runs of neighbours.
    pub(super) fn runs(&self) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for column in &self.kept {
            match runs.last_mut().filter(|run| run.end == *column) {
                Some(run) => run.end += 1,
                None => runs.push(*column..column + 1),
            }
        }
        runs
    }

    /// The types in which the values of those that come out are worked on; none of text.
    pub(super) fn kinds(&self, table: &Table) -> Vec<DataType> {
        let schema = table.worked_schema();
        let kind = |column: &usize| Some(schema.as_ref()?.field(*column).data_type().clone());
        self.kept.iter().filter_map(kind).collect()
    }

    /// Refuses a quality that is no word, and a score that is none. Rows in errors are counted from
    /// the batch's first one.
    pub(super) fn check<B: Batch>(&self, path: &Path, batch: &B) -> Result<(), TableError> {
        for (row, cell) in batch.cells(self.quality).iter(batch.rows()).enumerate() {
            word(cell).map_err(|found| fault(path, row, found))?;
        }
        if let Some(score) = self.score {
            let scores = ScoreCells::of(batch, score);
            for row in 0..batch.rows() {
                scores.get(row).map_err(|found| fault(path, row, found))?;
            }
        }
        Ok(())
    }

    /// What those that come out are called, given which names stand in several sources.
    fn called(&self, source: &Name, table: &Table, twice: &BTreeSet<String>) -> Vec<Vec<u8>> {
        let prefixed = |name: &[u8]| [source.as_str().as_bytes(), b"_", name].concat();
        let name = |column: &usize| {
            let name = &table.written_header()[*column];
            let is_own = *column == self.quality || Some(*column) == self.score;
            match is_own || twice.contains(&folded(&table.header()[*column])) {
                true => prefixed(name),
                false => name.clone(),
            }
        };
        self.kept.iter().map(name).collect()
    }
}

/// What the columns of each source are called in the output.
///
/// # Errors
/// [`JoinError::Columns`].
pub(super) fn names(sources: &[(&Name, &Table, &Columns)]) -> Result<Vec<Vec<Vec<u8>>>, JoinError> {
    let mut holders = BTreeMap::<String, usize>::new();
    for (_, table, columns) in sources {
        let others = columns.kept.iter().filter(|column| **column != columns.quality);
        let others = others.filter(|column| Some(**column) != columns.score);
        let names: BTreeSet<String> =
            others.map(|column| folded(&table.header()[*column])).collect();
        names.into_iter().for_each(|name| *holders.entry(name).or_default() += 1);
    }
    let twice =
        holders.into_iter().filter(|(_, holders)| *holders > 1).map(|(name, _)| name).collect();
    let (mut taken, mut all) = (BTreeSet::new(), Vec::new());
    for (name, table, columns) in sources {
        let called = columns.called(name, table, &twice);
        for (column, called) in columns.kept.iter().zip(&called) {
            if !taken.insert(folded(called)) {
                let column = ColumnName::at(&table.header()[*column], *column);
                return Err(JoinError::Columns { path: table.path().to_owned(), column });
            }
        }
        all.push(called);
    }
    Ok(all)
}

/// A name without its case. One that is not UTF-8 is taken as Latin-1, so that different names stay
/// different.
fn folded(name: &[u8]) -> String {
    match std::str::from_utf8(name) {
        Ok(text) => text.to_lowercase(),
        Err(_) => name.iter().map(|byte| char::from(*byte)).collect::<String>().to_lowercase(),
    }
}
