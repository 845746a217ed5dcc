//! The columns of the files that travel: indexes, codes, the words of `status` and `quality`, and
//! scores.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, Float64Array, Int64Array};
use cstatns_base::code::{Code, CodeError, Generation, Tag};
use cstatns_base::identifier::{self, Reason};
use cstatns_base::look_up::{self, Score};
use cstatns_base::name::{Hex, Name};
use cstatns_base::words;

use crate::error::{RowFault, TableError};
use crate::parquet::runs;
use crate::table::{Batch, Cells, Kind, Table};

/// The column `index`, first in its file.
pub struct Indexes {
    path: PathBuf,
    kind: Kind,
}

impl Indexes {
    /// The first column of a file, if it can be one of indexes.
    ///
    /// # Errors
    /// [`TableError::ColumnType`].
    pub fn of(table: &Table) -> Result<Self, TableError> {
        let kind = match table.known() {
            None => Kind::Text,
            Some(_) => Kind::Fixed(16),
        };
        table.need_kind(
            0,
            std::slice::from_ref(&kind),
            words!("an index is binary, of 16 bytes", "un index est binaire, de 16 octets"),
        )?;
        Ok(Self { path: table.path().to_owned(), kind })
    }

    /// Adds those of the batch to `indexes`. Rows in errors are counted from the batch's first one.
    pub fn read(&self, batch: &dyn Batch, indexes: &mut Vec<[u8; 16]>) -> Result<(), TableError> {
        for (row, cell) in batch.cells(0).iter(batch.rows()).enumerate() {
            let index = match self.kind {
                Kind::Text => cell.and_then(Hex::parse).map(|index| index.0),
                _ => cell.and_then(|bytes| bytes.try_into().ok()),
            };
            let index = index.ok_or_else(|| fault(&self.path, row, RowFault::Index))?;
            indexes.push(index);
        }
        Ok(())
    }
}

/// That each index is greater than the one above it, through a whole file.
#[derive(Default)]
pub struct Order {
    last: Option<[u8; 16]>,
    rows: u64,
}

impl Order {
    /// Takes the next indexes. Rows in errors are counted from the first of these.
    pub fn follow(&mut self, path: &Path, indexes: &[[u8; 16]]) -> Result<(), TableError> {
        let before = self.last.iter().chain(indexes);
        let falls = |(row, (before, index)): (usize, (&[u8; 16], &[u8; 16]))| {
            (before >= index).then_some(row)
        };
        let first = usize::from(self.last.is_none());
        if let Some(row) =
            before.zip(&indexes[first.min(indexes.len())..]).enumerate().find_map(falls)
        {
            return Err(fault(path, row + first, RowFault::Order));
        }
        self.last = indexes.last().copied().or(self.last);
        self.rows += indexes.len() as u64;
        Ok(())
    }

    /// The rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

/// The error for a row, given as counted from 0 and told as counted from 1.
pub fn fault(path: &Path, row: usize, fault: RowFault) -> TableError {
    TableError::Row { path: path.to_owned(), row: row as u64 + 1, fault }
}

/// A column of codes, in either form.
pub struct Codes {
    path: PathBuf,
    column: usize,
    binary: bool,
    /// Whose the codes are: known of binary codes, asked of text.
    whose: Option<(Tag, Generation)>,
}

impl Codes {
    /// The codes in `column`: only those of `whose`, if it is given.
    pub fn of(
        table: &Table,
        column: usize,
        whose: Option<(Tag, Generation)>,
    ) -> Result<Self, TableError> {
        table.need_kind(
            column,
            &[Kind::Text, Kind::Fixed(32)],
            words!(
                "codes are text, or binary of 32 bytes",
                "les codes sont du texte, ou des valeurs binaires de 32 octets",
            ),
        )?;
        let binary = table.kind(column) == Kind::Fixed(32);
        let said = table.known().and_then(|known| known.codes);
        if binary && said.is_none() {
            return Err(TableError::BinaryCodes { path: table.path().to_owned() });
        }
        if let (true, Some(found), Some(expected)) = (binary, said, whose)
            && found != expected
        {
            return Err(fault(table.path(), 0, RowFault::OtherCodes { found, expected }));
        }
        let whose = if binary { said } else { whose };
        Ok(Self { path: table.path().to_owned(), column, binary, whose })
    }

    /// Clears `codes` and fills it with those of the batch. Rows in errors are counted from the
    /// batch's first one.
    pub fn read(&self, batch: &dyn Batch, codes: &mut Vec<Option<Code>>) -> Result<(), TableError> {
        codes.clear();
        for (row, cell) in batch.cells(self.column).iter(batch.rows()).enumerate() {
            let code = cell.map(|cell| self.code(cell)).transpose();
            codes.push(code.map_err(|found| fault(&self.path, row, found))?);
        }
        Ok(())
    }

    /// Whether a cell holds a code's text form; else its 32 bytes.
    pub fn are_text(&self) -> bool {
        !self.binary
    }

    /// The code in a cell.
    pub fn code(&self, cell: &[u8]) -> Result<Code, RowFault> {
        match self.whose {
            Some((tag, generation)) if self.binary => {
                let bytes = cell.try_into().map_err(|_| CodeError::Bytes)?;
                Ok(Code::from_bytes(bytes, tag, generation))
            }
            expected => {
                let code = Code::parse(cell)?;
                let found = (code.tag(), code.generation());
                match expected {
                    Some(expected) if found != expected => {
                        Err(RowFault::OtherCodes { found, expected })
                    }
                    _ => Ok(code),
                }
            }
        }
    }
}

/// A word of `status` or `quality`. Files from elsewhere are read here, and words end up in
/// reports.
pub fn word(cell: Option<&[u8]>) -> Result<&str, RowFault> {
    let text = cell.and_then(|cell| std::str::from_utf8(cell).ok()).ok_or(RowFault::Word)?;
    if Name::fits(text) { Ok(text) } else { Err(RowFault::Word) }
}

/// The column `score` of a batch: numbers, or their text.
pub enum ScoreCells<'a> {
    /// Their text.
    Text(Cells<'a>),
    /// Numbers.
    Numbers(&'a Float64Array),
}

impl<'a> ScoreCells<'a> {
    /// Those of a column of a batch.
    pub fn of(batch: &'a dyn Batch, column: usize) -> Self {
        match batch
            .values()
            .and_then(|values| values.column(column).as_primitive_opt::<Float64Type>())
        {
            Some(numbers) => Self::Numbers(numbers),
            None => Self::Text(batch.cells(column)),
        }
    }

    /// The score of a row; none when it was not looked up.
    pub fn get(&self, row: usize) -> Result<Option<Score>, RowFault> {
        let number = match self {
            Self::Text(cells) => {
                cells.get(row).map(|text| std::str::from_utf8(text).ok()?.parse().ok())
            }
            Self::Numbers(numbers) => numbers.is_valid(row).then(|| Some(numbers.value(row))),
        };
        number.map(|number| number.and_then(Score::exactly).ok_or(RowFault::Word)).transpose()
    }
}

/// The columns `row` and `column` of a batch: numbers, or their text.
pub enum NumberCells<'a> {
    /// Their text.
    Text(Cells<'a>),
    /// Numbers.
    Numbers(&'a Int64Array),
}

impl<'a> NumberCells<'a> {
    /// Those of a column of a batch.
    pub fn of(batch: &'a dyn Batch, column: usize) -> Self {
        match batch
            .values()
            .and_then(|values| values.column(column).as_primitive_opt::<Int64Type>())
        {
            Some(numbers) => Self::Numbers(numbers),
            None => Self::Text(batch.cells(column)),
        }
    }

    /// The number in a row, counted from 1.
    pub fn get(&self, row: usize) -> Option<u64> {
        let number = match self {
            Self::Text(cells) => std::str::from_utf8(cells.get(row)?).ok()?.parse().ok()?,
            Self::Numbers(numbers) => u64::try_from(numbers.value(row)).ok()?,
        };
        (number > 0).then_some(number)
    }
}

/// The words of `quality`: those of identifiers, of those that are none, of look-ups, and of rows
/// that were not sent. Reports count these only: a column of another's making may hold anything.
static QUALITIES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let identifiers = identifier::Quality::ALL.map(identifier::Quality::word);
    let looked_up = look_up::MatchQuality::ALL.map(look_up::MatchQuality::word);
    [&["none", "absent"][..], &identifiers, &Reason::WORDS, &looked_up].concat()
});

/// Adds to the count of each word; the others count as `other`.
pub fn count_words(counts: &mut BTreeMap<String, u64>, words: &[Option<&str>]) {
    for run in runs(words) {
        let known = known(run[0]);
        match counts.get_mut(known) {
            Some(count) => *count += run.len() as u64,
            None => {
                counts.insert(known.to_owned(), run.len() as u64);
            }
        }
    }
}

fn known(word: Option<&str>) -> &'static str {
    QUALITIES.iter().copied().find(|known| Some(*known) == word).unwrap_or("other")
}

/// Counts that somebody else made, by the words that [`count_words`] knows.
pub fn known_counts(counts: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for (word, count) in counts {
        *sums.entry(known(Some(word)).to_owned()).or_default() += count;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_known_or_other() {
        for word in ["valid", "wrong-control-key", "none", "absent", "usage-name", "contradicted"] {
            assert_eq!(known(Some(word)), word);
        }
        assert_eq!(known(Some("lost")), "other");
    }
}
