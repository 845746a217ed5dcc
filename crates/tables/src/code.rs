//! The service's step: request → result, in one pass that also computes the commitment (SPEC §6).

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use cstatns::code::{Code, Generation, Tag};
use cstatns::coder::{Coder, CoderError, Renewer};
use cstatns::commitment::{Commit, Commitment};
use cstatns::domain::LARGEST_MINIMUM_BATCH;
use cstatns::identifier::{Identifier, Nir, Scheme};
use zeroize::{Zeroize, Zeroizing};

use crate::columns::{Codes, Indexes, RowFault};
use crate::csv::Delimiter;
use crate::effort::Effort;
use crate::meta::FileMeta;
use crate::seal::{Content, Seal};
use crate::table::{Batch, Column, Format, Kind, Sink, Source, TableError, Values};

/// What was coded or renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coded {
    /// The rows of the request and of the result.
    pub rows: u64,
    /// The commitment to the request: the one in its seal.
    pub commitment: Commitment,
    /// How many distinct values the request holds: exact below [`Coded::DISTINCT_CAP`], where counting stops.
    pub distinct: u64,
    /// How many rows have each word of `quality`; empty for a renewal.
    pub qualities: BTreeMap<&'static str, u64>,
}

impl Coded {
    /// Where counting distinct values stops.
    pub const DISTINCT_CAP: u64 = LARGEST_MINIMUM_BATCH as u64;
}

/// Why a request was not coded or renewed. What was written until then is not a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodeFileError {
    /// Reading the request or writing the result.
    #[error(transparent)]
    Table(#[from] TableError),
    /// `request-content`: identifiers where codes belong, or the reverse.
    #[error("{path:?} is a request to {found}: give it to the verb for that", found = verb(*.found))]
    Content {
        /// The request.
        path: PathBuf,
        /// What its seal says that it holds.
        found: Content,
    },
    /// `request-codes`: the codes are not those that the keys at hand renew.
    #[error(
        "{path:?} holds codes of generation {} with the tag {}, these keys renew generation {} of the tag {}: \
         send each request to the service and domain that made its codes",
        found.1, found.0, expected.1, expected.0
    )]
    OtherCodes {
        /// The request.
        path: PathBuf,
        /// The tag and generation in the seal.
        found: (Tag, Generation),
        /// Those that are renewed.
        expected: (Tag, Generation),
    },
    /// `commitment`: the rows are not those that the seal was made for.
    #[error(
        "{path:?} is not the request that was sealed: {rows} rows where the seal says {sealed}, or other values; \
         fetch request and seal again, or prepare them again"
    )]
    Commitment {
        /// The request.
        path: PathBuf,
        /// Its rows.
        rows: u64,
        /// The rows that the seal speaks of.
        sealed: u64,
    },
    /// `other-keys`: the file's metadata and the keys disagree. A mistake of the caller.
    #[error("the keys are not those of the domain and generation that the result is to carry")]
    Keys,
    /// A code that the keys refuse: [`CoderError::code`].
    #[error(transparent)]
    Coder(#[from] CoderError),
}

fn verb(content: Content) -> &'static str {
    match content {
        Content::Identifiers => "code identifiers",
        Content::Codes { .. } => "renew codes",
    }
}

impl CodeFileError {
    /// The stable short code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Table(error) => error.code(),
            Self::Content { .. } => "request-content",
            Self::OtherCodes { .. } => "request-codes",
            Self::Commitment { .. } => "commitment",
            Self::Keys => "other-keys",
            Self::Coder(error) => error.code(),
        }
    }
}

/// Makes the checks that [`code`] and [`renew`] make of a request before its first row: its columns and their types.
///
/// # Errors
/// [`CodeFileError::Table`].
pub fn look(request: &Path, seal: &Seal) -> Result<(), CodeFileError> {
    open(request, seal.content)?;
    Ok(())
}

/// Codes the identifiers of `request` and writes the result (`index`, `code`, `quality`) to `out`.
///
/// Memory does not grow with the file. `out` is the caller's, to be made durable after `Ok` and thrown away after `Err`.
///
/// # Errors
/// [`CodeFileError`]: among them any column but `index` and `identifier`, indexes that do not strictly increase, a cell
/// that is not an identifier in its compact form, and rows that are not those of `seal`.
pub fn code(
    request: &Path,
    seal: &Seal,
    coder: &Coder,
    out: &mut (dyn Write + Send),
    format: Format,
    meta: &FileMeta,
    effort: &Effort,
) -> Result<Coded, CodeFileError> {
    if seal.content != Content::Identifiers {
        return Err(CodeFileError::Content { path: request.to_owned(), found: seal.content });
    }
    if (coder.tag(), coder.generation()) != (meta.tag(), meta.generation) {
        return Err(CodeFileError::Keys);
    }
    let mut rows = Rows::of(open(request, seal.content)?, seal)?;
    let columns = [Column::index(), Column::code(format == Format::Parquet), Column::word("quality")];
    let mut sink = Sink::new(format, out, b',', &columns, meta.pairs())?;
    effort.progress.expect(seal.rows);

    let mut qualities: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut identifiers = Identifiers(Vec::new());
    let mut found = Vec::new();
    let mut codes = Vec::new();
    let mut words = Vec::new();
    while let Some(batch) = rows.next()? {
        let first = rows.indexes.rows() - batch.rows() as u64 + 1;
        identifiers.clear(batch.rows());
        words.clear();
        let cells = batch.cells(1);
        for (row, index) in rows.index.iter().enumerate() {
            let cell = cells.get(row);
            rows.commit.row(index, &[cell]);
            let word = match cell {
                None => "none",
                Some(cell) => identifiers
                    .push(cell)
                    .map_err(|reason| RowFault::Identifier { reason })
                    .map_err(|fault| rows.source.fault(first + row as u64, fault))?,
            };
            words.push(Some(word));
            *qualities.entry(word).or_default() += 1;
        }
        coder.code(&identifiers.0, &mut found);
        rows.distinct.count(&found);
        let mut found = found.iter();
        codes.clear();
        codes.extend(
            words.iter().map(|word| if *word == Some("none") { None } else { found.next().copied() }),
        );
        let values = [Values::Index(&rows.index), Values::Codes(&codes), Values::Text(&words)];
        sink.write(batch.rows(), &values)?;
        effort.progress.advance(batch.rows() as u64, batch.rows() as u64)?;
    }
    let coded = rows.finish(qualities)?;
    sink.finish()?;
    Ok(coded)
}

/// Renews the codes of `request` and writes the result (`index`, `code`) to `out`. See [`code`].
///
/// # Errors
/// As [`code`], with any column but `index` and `code`, and codes of another domain or generation than `renewer` takes.
pub fn renew(
    request: &Path,
    seal: &Seal,
    renewer: &Renewer,
    out: &mut (dyn Write + Send),
    format: Format,
    meta: &FileMeta,
    effort: &Effort,
) -> Result<Coded, CodeFileError> {
    let Content::Codes { tag, generation } = seal.content else {
        return Err(CodeFileError::Content { path: request.to_owned(), found: seal.content });
    };
    let (found, expected) = ((tag, generation), (renewer.tag(), renewer.from()));
    if found != expected {
        return Err(CodeFileError::OtherCodes { path: request.to_owned(), found, expected });
    }
    if (renewer.tag(), renewer.generation()) != (meta.tag(), meta.generation) {
        return Err(CodeFileError::Keys);
    }
    let mut rows = Rows::of(open(request, seal.content)?, seal)?;
    let column = Codes::of(&rows.source, 1, Some(expected))?;
    let columns = [Column::index(), Column::code(format == Format::Parquet)];
    let mut sink = Sink::new(format, out, b',', &columns, meta.pairs())?;
    effort.progress.expect(seal.rows);

    let mut codes = Vec::new();
    let mut old = Vec::new();
    let mut new = Vec::new();
    let mut text = Vec::with_capacity(Code::MAX_TEXT);
    while let Some(batch) = rows.next()? {
        let first = rows.indexes.rows() - batch.rows() as u64 + 1;
        column.read(&rows.source, &batch, first, &mut codes)?;
        for (index, code) in rows.index.iter().zip(&codes) {
            // The text form, whatever the file's type: both have one commitment.
            text.clear();
            if let Some(code) = code {
                code.write_text(&mut text);
            }
            rows.commit.row(index, &[code.map(|_| text.as_slice())]);
        }
        old.clear();
        old.extend(codes.iter().flatten().copied());
        renewer.renew(&old, &mut new)?;
        rows.distinct.count(&new);
        let mut new = new.iter();
        for code in codes.iter_mut().flatten() {
            *code = *new.next().expect("as many codes as were renewed");
        }
        sink.write(batch.rows(), &[Values::Index(&rows.index), Values::Codes(&codes)])?;
        effort.progress.advance(batch.rows() as u64, batch.rows() as u64)?;
    }
    let coded = rows.finish(BTreeMap::new())?;
    sink.finish()?;
    Ok(coded)
}

/// Opens a request that has the columns for what it holds.
fn open(request: &Path, content: Content) -> Result<Source, TableError> {
    let source = Source::open(request, Delimiter::Under("index"))?;
    if source.header() != [b"index".as_slice(), column(content).as_bytes()] {
        let expected = match content {
            Content::Identifiers => "`index`, `identifier`",
            Content::Codes { .. } => "`index`, `code`",
        };
        return Err(TableError::Columns { path: request.to_owned(), expected });
    }
    Indexes::of(&source)?;
    match content {
        Content::Identifiers => source.need_kind(1, &[Kind::Text], "identifiers are text")?,
        Content::Codes { tag, generation } => {
            Codes::of(&source, 1, Some((tag, generation)))?;
        }
    }
    Ok(source)
}

/// The name of a request's second column.
fn column(content: Content) -> &'static str {
    match content {
        Content::Identifiers => "identifier",
        Content::Codes { .. } => "code",
    }
}

/// The rows of a request, with what is computed over all of them.
struct Rows<'a> {
    source: Source,
    seal: &'a Seal,
    indexes: Indexes,
    /// Those of the present batch.
    index: Vec<[u8; 16]>,
    commit: Commit,
    distinct: Distinct,
}

impl<'a> Rows<'a> {
    fn of(source: Source, seal: &'a Seal) -> Result<Self, TableError> {
        Ok(Self {
            indexes: Indexes::of(&source)?,
            source,
            seal,
            index: Vec::new(),
            commit: Commit::new(&seal.key, &[column(seal.content)]),
            distinct: Distinct::new(),
        })
    }

    fn next(&mut self) -> Result<Option<Batch>, TableError> {
        let batch = self.source.next()?;
        if let Some(batch) = &batch {
            self.indexes.read(&self.source, batch, &mut self.index)?;
        }
        Ok(batch)
    }

    fn finish(self, qualities: BTreeMap<&'static str, u64>) -> Result<Coded, CodeFileError> {
        let path = self.source.path().to_owned();
        let (commitment, rows) = self.commit.finish();
        if rows == 0 {
            return Err(TableError::NoRows { path }.into());
        }
        if (commitment, rows) != (self.seal.commitment, self.seal.rows) {
            return Err(CodeFileError::Commitment { path, rows, sealed: self.seal.rows });
        }
        Ok(Coded { rows, commitment, distinct: self.distinct.found, qualities })
    }
}

/// The identifiers of a batch, wiped when it is over.
struct Identifiers(Vec<Identifier>);

impl Identifiers {
    /// Empties it, with room for `rows`: it does not grow afterwards, which would leave a copy behind.
    fn clear(&mut self, rows: usize) {
        self.0.iter_mut().for_each(Zeroize::zeroize);
        self.0.clear();
        self.0.reserve(rows);
    }

    /// Adds the identifier in a cell; returns the word of its quality, or of the reason why it is none.
    fn push(&mut self, cell: &[u8]) -> Result<&'static str, &'static str> {
        let mut accepted = Nir.parse(cell).map_err(|reason| reason.word())?;
        let quality = accepted.quality.word();
        let compact = accepted.compact().as_bytes() == cell;
        if compact {
            self.0.push(accepted.identifier.clone());
        }
        accepted.zeroize();
        if compact { Ok(quality) } else { Err("not-compact") }
    }
}

impl Drop for Identifiers {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(Zeroize::zeroize);
    }
}

/// Counts distinct values by their codes: two spellings of one identifier have one code, and two identifiers have not.
struct Distinct {
    /// An open hash table of the codes' first 16 bytes, which are as good as random; 0 is a free place.
    places: Zeroizing<Vec<u128>>,
    found: u64,
}

impl Distinct {
    fn new() -> Self {
        // Twice the cap, so that a free place is always near.
        Self { places: Zeroizing::new(vec![0; 2 * Coded::DISTINCT_CAP as usize]), found: 0 }
    }

    fn count(&mut self, codes: &[Code]) {
        let mask = self.places.len() - 1;
        for code in codes {
            if self.found == Coded::DISTINCT_CAP {
                return;
            }
            let (head, _) = code.bytes().split_first_chunk().expect("a code has 32 bytes");
            let value = u128::from_le_bytes(*head);
            let mut place = value as usize & mask;
            while self.places[place] != 0 && self.places[place] != value {
                place = (place + 1) & mask;
            }
            if self.places[place] == 0 {
                self.places[place] = value;
                self.found += 1;
            }
        }
    }
}
