//! Results as their commitment takes them (SPEC §6): each value as its text, whatever the file's
//! type.

use std::path::Path;

use cstatns_base::code::{Code, Generation, Tag};
use cstatns_base::commitment::{Commit, Commitment, CommitmentKey, Context, EncodedRows};
use cstatns_base::look_up::Score;
use cstatns_base::words;

use crate::columns::{Codes, Indexes, Order, ScoreCells, fault, word};
use crate::csv::Delimiter;
use crate::error::TableError;
use crate::table::{Batch, Format, Kind, Source, Table, Text};

/// The columns behind `index`.
const COLUMNS: [&str; 3] = ["code", "quality", "score"];

/// Which columns a result has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResultColumns {
    /// `quality`: after a coding.
    pub quality: bool,
    /// `score`: after a look-up.
    pub score: bool,
}

impl ResultColumns {
    /// Those of a table, each of its type.
    ///
    /// # Errors
    /// [`TableError::Columns`], [`TableError::ColumnType`].
    pub fn of(table: &Table) -> Result<Self, TableError> {
        let names: Vec<&[u8]> = table.header().iter().map(Vec::as_slice).collect();
        let (quality, score) = match names[..] {
            [b"index", b"code"] => (false, false),
            [b"index", b"code", b"quality"] => (true, false),
            [b"index", b"code", b"quality", b"score"] => (true, true),
            _ => {
                let expected = "`index`, `code` [, `quality` [, `score`]]";
                return Err(TableError::Columns { path: table.path().to_owned(), expected });
            }
        };
        if quality {
            table.need_kind(
                2,
                &[Kind::Text],
                words!("`quality` is text", "`quality` est du texte"),
            )?;
        }
        if score {
            table.need_kind(
                3,
                &[Kind::Text, Kind::Float(64)],
                words!(
                    "a score is a number of 64 bits, or text",
                    "un score est un nombre de 64 bits, ou du texte",
                ),
            )?;
        }
        Ok(Self { quality, score })
    }

    fn count(self) -> usize {
        1 + usize::from(self.quality) + usize::from(self.score)
    }

    /// Begins the commitment to a result of these columns.
    pub fn commit(self, key: &CommitmentKey, context: &Context) -> Commit {
        Commit::new(key, context, &COLUMNS[..self.count()])
    }

    /// An empty block of rows of these columns.
    pub fn rows(self) -> ResultRows {
        let columns = self.count();
        let (text, score) = (Vec::new(), Vec::new());
        ResultRows { rows: EncodedRows::new(columns), columns, text, score }
    }
}

/// Rows of a result, encoded.
pub struct ResultRows {
    rows: EncodedRows,
    columns: usize,
    text: Vec<u8>,
    score: Vec<u8>,
}

impl ResultRows {
    /// Empties it.
    pub fn clear(&mut self) {
        self.rows.clear();
    }

    /// Adds a row.
    pub fn push(
        &mut self,
        index: &[u8; 16],
        code: Option<&Code>,
        quality: Option<&str>,
        score: Option<Score>,
    ) {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        if let Some(code) = code {
            code.write_text(&mut text);
        }
        self.push_texts(index, code.map(|_| &*text), quality.map(str::as_bytes), score);
        self.text = text;
    }

    /// The same of a code and a quality as their texts, which the caller may not have looked at.
    pub fn push_texts(
        &mut self,
        index: &[u8; 16],
        code: Option<&[u8]>,
        quality: Option<&[u8]>,
        score: Option<Score>,
    ) {
        self.score.clear();
        if let Some(score) = score {
            score.write(&mut self.score);
        }
        let values = [code, quality, score.map(|_| &*self.score)];
        self.rows.push(index, &values[..self.columns]);
    }

    /// The rows, for the commitment.
    pub fn encoded(&self) -> &EncodedRows {
        &self.rows
    }
}

/// The bytes that a result takes at least, of so many rows and codes. `distinct` codes among them
/// differ: what is compressed holds these once.
pub fn least_bytes(format: Format, rows: u64, codes: u64, distinct: u64) -> u64 {
    // An index and a code are random: nothing makes them shorter than 16 and 32 bytes. Their texts
    // are as long as those of the first generation, or longer.
    let (row, code, codes) = match format {
        Format::Csv | Format::Text(Text { packing: None, .. }) => (34, 60, codes),
        Format::Text(Text { packing: Some(_), .. }) => (16, 32, distinct),
        Format::Parquet => (16, 32, codes),
    };
    rows.saturating_mul(row).saturating_add(codes.saturating_mul(code))
}

/// Reads a result, and computes its commitment and the number of its rows.
///
/// # Errors
/// [`TableError`] where it is not a whole result of codes with this tag and generation.
pub fn commitment_of(
    result: &Path,
    codes: (Tag, Generation),
    key: &CommitmentKey,
    context: &Context,
) -> Result<(Commitment, u64), TableError> {
    let mut stream = Source::open(result, Delimiter::Under("index"))?.any();
    let columns = ResultColumns::of(&stream.table)?;
    let indexes = Indexes::of(&stream.table)?;
    let codes = Codes::of(&stream.table, 1, Some(codes))?;
    let (mut commit, mut rows) = (columns.commit(key, context), columns.rows());
    let (mut order, mut index, mut read) = (Order::default(), Vec::new(), Vec::new());
    while let Some(batch) = stream.next_batch()? {
        let before = order.rows();
        index.clear();
        rows.clear();
        let mut take = || {
            indexes.read(&batch, &mut index)?;
            order.follow(result, &index)?;
            codes.read(&batch, &mut read)?;
            let words = columns.quality.then(|| batch.cells(2));
            let scores = columns.score.then(|| ScoreCells::of(&batch, 3));
            for (row, (index, code)) in index.iter().zip(&read).enumerate() {
                let here = |found| fault(result, row, found);
                let quality = words.as_ref().map(|words| word(words.get(row))).transpose();
                let score = scores.as_ref().map(|scores| scores.get(row)).transpose();
                let (quality, score) = (quality.map_err(here)?, score.map_err(here)?);
                rows.push(index, code.as_ref(), quality, score.flatten());
            }
            Ok(())
        };
        take().map_err(|error: TableError| error.after(before))?;
        commit.add(rows.encoded());
    }
    Ok(commit.finish())
}
