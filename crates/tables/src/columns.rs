//! The columns of the files that travel: indexes, codes, and the words of `check` and `quality`.

use std::collections::BTreeMap;

use cstatns::code::{Code, CodeError, Generation, Tag};
use cstatns::name::{Hex, Name};

use crate::table::{Batch, Kind, Source, TableError};

/// What is wrong with a row; it continues "row 17 …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowFault {
    /// `index-form`.
    #[error("has an index that is not 32 lower-case hexadecimal digits: prepare the file again")]
    Index,
    /// `index-order`: a duplicate, or rows that were sorted or moved.
    #[error(
        "has an index that does not come after the one above it: keep the file as it was written, unsorted by hand"
    )]
    Order,
    /// `identifier-form`: the reason's word, never the value.
    #[error("holds no identifier in the compact form ({reason}): prepare the request again from the data")]
    Identifier {
        /// The reason: a word of `cstatns::identifier::Reason`, or `not-compact`.
        reason: &'static str,
    },
    /// [`CodeError::code`].
    #[error("holds what is {0}")]
    Code(#[from] CodeError),
    /// `other-codes`: a code of another domain, service or generation than is expected there.
    #[error(
        "holds a code of generation {} with the tag {}, expected generation {} with the tag {}: \
         keep the codes of each domain and generation in files of their own",
        found.1, found.0, expected.1, expected.0
    )]
    OtherCodes {
        /// The tag and generation of the code.
        found: (Tag, Generation),
        /// Those that are expected.
        expected: (Tag, Generation),
    },
    /// `not-utf-8`: the selected column is in another encoding.
    #[error(
        "holds bytes in the selected column that are not UTF-8: convert the file first, for example with \
         iconv -f WINDOWS-1252 -t UTF-8"
    )]
    Encoding,
    /// `word-form`: not a word of `check`, `quality` or `score`.
    #[error("holds no word that `check`, `quality` or `score` can have: take the file as it was written")]
    Word,
    /// `rows-disagree`: a code where the data had no value, or none where it had one.
    #[error(
        "has a result that does not go with what `prepare` found there: check that both files are of one request"
    )]
    Disagree,
}

impl RowFault {
    /// The stable short code of this fault.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Index => "index-form",
            Self::Order => "index-order",
            Self::Identifier { .. } => "identifier-form",
            Self::Code(error) => error.code(),
            Self::OtherCodes { .. } => "other-codes",
            Self::Encoding => "not-utf-8",
            Self::Word => "word-form",
            Self::Disagree => "rows-disagree",
        }
    }
}

/// The column `index`, first in its file: every value in its form, each greater than the one above it.
pub(crate) struct Indexes {
    kind: Kind,
    last: Option<[u8; 16]>,
    rows: u64,
}

impl Indexes {
    pub(crate) fn of(source: &Source) -> Result<Self, TableError> {
        let kind = match source.known() {
            None => Kind::Text,
            Some(_) => Kind::Fixed(16),
        };
        source.need_kind(0, std::slice::from_ref(&kind), "an index is binary, of 16 bytes")?;
        Ok(Self { kind, last: None, rows: 0 })
    }

    /// The rows of the batches read so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Clears `indexes` and fills it with those of the batch.
    pub(crate) fn read(
        &mut self,
        source: &Source,
        batch: &Batch,
        indexes: &mut Vec<[u8; 16]>,
    ) -> Result<(), TableError> {
        indexes.clear();
        let cells = batch.cells(0);
        for row in 0..batch.rows() {
            let cell = cells.get(row);
            let index = match self.kind {
                Kind::Text => cell.and_then(Hex::parse).map(|index| index.0),
                _ => cell.and_then(|bytes| bytes.try_into().ok()),
            };
            self.rows += 1;
            let fault = |fault| source.fault(self.rows, fault);
            let index = index.ok_or_else(|| fault(RowFault::Index))?;
            if self.last.is_some_and(|last| last >= index) {
                return Err(fault(RowFault::Order));
            }
            self.last = Some(index);
            indexes.push(index);
        }
        Ok(())
    }
}

/// A column of codes, in either form.
pub(crate) struct Codes {
    column: usize,
    binary: bool,
    /// Whose the codes are: known of binary codes, asked of text.
    whose: Option<(Tag, Generation)>,
}

impl Codes {
    /// The codes in `column`: only those of `whose`, if it is given.
    pub(crate) fn of(
        source: &Source,
        column: usize,
        whose: Option<(Tag, Generation)>,
    ) -> Result<Self, TableError> {
        source.need_kind(column, &[Kind::Text, Kind::Fixed(32)], "codes are text, or binary of 32 bytes")?;
        let binary = source.kind(column) == Kind::Fixed(32);
        let said = source.known().and_then(|known| known.codes);
        if binary && said.is_none() {
            return Err(TableError::BinaryCodes { path: source.path().to_owned() });
        }
        if let (true, Some(found), Some(expected)) = (binary, said, whose)
            && found != expected
        {
            return Err(source.fault(1, RowFault::OtherCodes { found, expected }));
        }
        Ok(Self { column, binary, whose: if binary { said } else { whose } })
    }

    /// Clears `codes` and fills it with those of the batch, whose first row is `first` (from 1).
    pub(crate) fn read(
        &self,
        source: &Source,
        batch: &Batch,
        first: u64,
        codes: &mut Vec<Option<Code>>,
    ) -> Result<(), TableError> {
        codes.clear();
        let cells = batch.cells(self.column);
        for row in 0..batch.rows() {
            let code = cells.get(row).map(|cell| self.code(cell)).transpose();
            codes.push(code.map_err(|fault| source.fault(first + row as u64, fault))?);
        }
        Ok(())
    }

    fn code(&self, cell: &[u8]) -> Result<Code, RowFault> {
        match self.whose {
            Some((tag, generation)) if self.binary => {
                let bytes = cell.try_into().map_err(|_| CodeError::Bytes)?;
                Ok(Code::from_bytes(bytes, tag, generation))
            }
            expected => {
                let code = Code::parse(cell)?;
                let found = (code.tag(), code.generation());
                match expected {
                    Some(expected) if found != expected => Err(RowFault::OtherCodes { found, expected }),
                    _ => Ok(code),
                }
            }
        }
    }
}

/// A word of `check`, `quality` or `score`. Files from elsewhere are read here, and words end up in reports.
pub(crate) fn word(cell: Option<&[u8]>) -> Result<&str, RowFault> {
    let text = cell.and_then(|cell| std::str::from_utf8(cell).ok()).ok_or(RowFault::Word)?;
    if Name::new(text).is_ok() { Ok(text) } else { Err(RowFault::Word) }
}

/// A score: a decimal number, or nothing.
pub(crate) fn score(cell: Option<&[u8]>) -> Result<&str, RowFault> {
    let text = std::str::from_utf8(cell.unwrap_or_default()).map_err(|_| RowFault::Word)?;
    let number = text.len() <= 16 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if number { Ok(text) } else { Err(RowFault::Word) }
}

/// The words of `quality`. Reports count these only: a column of another's making may hold anything.
const QUALITIES: [&str; 10] = [
    "valid",
    "unkeyed",
    "provisional",
    "none",
    "absent",
    "scientific",
    "wrong-character",
    "wrong-length",
    "wrong-form",
    "wrong-key",
];

/// Adds to the count of each word; the others, and what is no word, count as `other`.
pub(crate) fn count_words<'a>(
    counts: &mut BTreeMap<String, u64>,
    words: impl Iterator<Item = Option<&'a str>>,
) {
    for word in words {
        let known = known(word);
        match counts.get_mut(known) {
            Some(count) => *count += 1,
            None => {
                counts.insert(known.to_owned(), 1);
            }
        }
    }
}

fn known(word: Option<&str>) -> &'static str {
    QUALITIES.into_iter().find(|known| Some(*known) == word).unwrap_or("other")
}

/// Counts that somebody else made, by the words that [`count_words`] knows.
pub(crate) fn known_counts(counts: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for (word, count) in counts {
        *sums.entry(known(Some(word)).to_owned()).or_default() += count;
    }
    sums
}
