//! The service's step: request → result, in one pass that also computes the commitment (SPEC §6).

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use cstatns::code::{Code, Generation, Tag};
use cstatns::coder::{Coder, CoderError, Renewer};
use cstatns::commitment::{self, Commit, Commitment};
use cstatns::custody::approval::{Level, Score};
use cstatns::domain::LARGEST_MINIMUM_BATCH;
use cstatns::identifier::{Identifier, Nir, Scheme};
use cstatns::secret::wipe_stack;
use cstatns_register::{Index, IndexError, Query, SAMPLE, Weights};
use zeroize::{Zeroize, Zeroizing};

use crate::columns::{Codes, Indexes, Order, RowFault, fault, runs};
use crate::csv::Delimiter;
use crate::effort::{Effort, Progress};
use crate::meta::FileMeta;
use crate::pipeline::Steps;
use crate::seal::{Content, Seal};
use crate::sink::{Column, GROUP, GROUPS_AT_ONCE, Piece, Sink, Values};
use crate::status::{self, COLUMNS, FIELDS, IDENTIFIER, Texts};
use crate::table::{BATCH, Batch, Cells, Format, Kind, Source, TableError};

/// What was coded or renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coded {
    /// The rows of the request and of the result.
    pub rows: u64,
    /// The commitment to the request: the one in its seal.
    pub commitment: Commitment,
    /// How many rows have a code.
    pub coded: u64,
    /// How many distinct values were coded, of a look-up how many people: exact below [`Coded::DISTINCT_CAP`], where counting stops.
    pub distinct: u64,
    /// How many rows have each word of `quality`; empty for a renewal.
    pub qualities: BTreeMap<&'static str, u64>,
    /// How many rows have a score in each step, after a look-up.
    pub scores: Option<Scores>,
}

/// A distribution of scores, by [`Score::step`].
pub type Scores = [u64; Score::STEPS];

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
    /// `request-content`: another kind of request than the command takes.
    #[error("{path:?} is a request to {found}", found = verb(*.found))]
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
    /// The register: [`IndexError::code`].
    #[error(transparent)]
    Register(#[from] IndexError),
}

fn verb(content: Content) -> &'static str {
    match content {
        Content::Identifiers => "code identifiers: give it to `service code`, without --register",
        Content::Codes { .. } => "renew codes: give it to `service renew`",
        Content::CivilStatus { .. } => {
            "look people up by civil status and code them: give it to `service code`, with --register"
        }
    }
}

impl CodeFileError {
    /// The same error where so many rows come before those that it counts from.
    fn after(self, rows: u64) -> Self {
        match self {
            Self::Table(error) => Self::Table(error.after(rows)),
            other => other,
        }
    }

    /// The stable short code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Table(error) => error.code(),
            Self::Content { .. } => "request-content",
            Self::OtherCodes { .. } => "request-codes",
            Self::Commitment { .. } => "commitment",
            Self::Keys => "other-keys",
            Self::Coder(error) => error.code(),
            Self::Register(error) => error.code(),
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
/// Memory does not grow with the file, and the result does not depend on the number of threads. `out` is the caller's, to
/// be made durable after `Ok` and thrown away after `Err`.
///
/// # Errors
/// [`CodeFileError`]: among them any column but `index` and `identifier`, indexes that do not strictly increase, a cell
/// that is not an identifier in its compact form, and rows that are not those of `seal`. Of several errors one in the
/// first block of rows that has any is told, whatever the number of threads.
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
    let rows = Rows::to_code(request, seal, coder, format, meta)?;
    rows.run(&coded_columns(format), out, meta, effort, || {
        let (mut identifiers, mut found) = (Identifiers(Vec::new()), Vec::new());
        move |rows: &mut Worked, batch: &Batch, index: &[[u8; 16]]| {
            identifiers.clear(batch.rows());
            for (row, (index, cell)) in index.iter().zip(batch.cells(1).iter(batch.rows())).enumerate() {
                rows.commit.push(index, &[cell]);
                let word = match cell {
                    None => "none",
                    Some(cell) => identifiers
                        .push(cell)
                        .map_err(|reason| fault(request, row, RowFault::Identifier { reason }))?,
                };
                rows.words.push(Some(word));
            }
            coder.code(&identifiers.0, &mut found);
            let mut found = found.iter();
            let code = |word: &Option<&str>| if *word == Some("none") { None } else { found.next().copied() };
            rows.codes.extend(rows.words.iter().map(code));
            Ok(())
        }
    })
}

/// Where people are looked up, and how certain a find must be to be coded.
#[derive(Clone, Copy)]
pub struct Register<'a> {
    /// The register's index.
    pub index: &'a Index,
    /// The last quality that is coded.
    pub accept: Level,
    /// The least score that is coded.
    pub min_score: Score,
}

/// Looks up the people of `request` by their civil status, codes the identifiers of those who are found and writes the
/// result (`index`, `code`, `quality`, `score`) to `out`, all in one pass: an identifier that is found stays in memory, and
/// is wiped there. See [`code`].
///
/// Before it, weights are learnt from the first rows ([`SAMPLE`]): the request is in the order of random indexes, so they are
/// a sample of it.
///
/// # Errors
/// As [`code`], with the columns of civil status; a cell that cannot be read as its field; and those of the register.
#[expect(clippy::too_many_arguments, reason = "those of `code`, and the register")]
pub fn look_up_and_code(
    request: &Path,
    seal: &Seal,
    register: Register<'_>,
    coder: &Coder,
    out: &mut (dyn Write + Send),
    format: Format,
    meta: &FileMeta,
    effort: &Effort,
) -> Result<Coded, CodeFileError> {
    let Content::CivilStatus { .. } = seal.content else {
        return Err(CodeFileError::Content { path: request.to_owned(), found: seal.content });
    };
    let count = seal.content.columns().len();
    let rows = Rows::to_code(request, seal, coder, format, meta)?;
    let weights = &learn(request, seal.content, register.index, &effort.progress)?;
    let [index, code, quality] = coded_columns(format);
    rows.run(&[index, code, quality, Column::score()], out, meta, effort, || {
        let (mut identifiers, mut coded, mut found) = (Identifiers(Vec::new()), Vec::new(), Vec::new());
        move |rows: &mut Worked, batch: &Batch, index: &[[u8; 16]]| {
            identifiers.clear(batch.rows());
            coded.clear();
            let columns: Vec<_> = (1..=count).map(|column| batch.cells(column)).collect();
            let mut each = || {
                for (row, index) in index.iter().enumerate() {
                    let cells = cells_of(&columns, row);
                    rows.commit.push(index, &cells[..count]);
                    let before = identifiers.0.len();
                    let (word, score) = match cells.iter().any(Option::is_some) {
                        false => ("none", None),
                        true => {
                            let texts = read_row(&cells).map_err(|found| fault(request, row, found))?;
                            let (word, score) = identifiers.look_up(register, weights, &texts)?;
                            (word, Some(score))
                        }
                    };
                    rows.words.push(Some(word));
                    rows.scores.push(score);
                    coded.push(identifiers.0.len() > before);
                }
                Ok(())
            };
            let looked_up: Result<(), CodeFileError> = each();
            // What the look-ups left there.
            wipe_stack();
            looked_up?;
            coder.code(&identifiers.0, &mut found);
            let mut found = found.iter();
            rows.codes.extend(coded.iter().map(|coded| coded.then(|| found.next().copied()).flatten()));
            Ok(())
        }
    })
}

/// What the first rows of a request teach. Those that cannot be read teach nothing: the pass over all of them tells why.
fn learn(
    request: &Path,
    content: Content,
    index: &Index,
    progress: &Progress,
) -> Result<Weights, CodeFileError> {
    let mut source = open(request, content)?;
    let (mut batches, mut rows) = (Vec::new(), 0);
    while rows < SAMPLE
        && let Ok(Some(batch)) = source.next()
    {
        rows += batch.rows();
        batches.push(batch);
    }
    let queries = batches.iter().flat_map(|batch| {
        let columns: Vec<_> = (1..=content.columns().len()).map(|column| batch.cells(column)).collect();
        (0..batch.rows()).filter_map(move |row| {
            let texts = read_row(&cells_of(&columns, row)).ok()?;
            Some(Query { civil_status: status::civil_status(&texts), identifier: None })
        })
    });
    // Once it is asked to stop, no further row is looked up: in a large register they take some seconds.
    let weights = index.learn(queries.take_while(|_| progress.check().is_ok()));
    wipe_stack();
    progress.check()?;
    Ok(weights?)
}

/// The cells of a row; none in the columns that there are not.
fn cells_of<'a>(columns: &[Cells<'a>], row: usize) -> [Option<&'a [u8]>; FIELDS.len()] {
    let mut cells = [None; FIELDS.len()];
    cells.iter_mut().zip(columns).for_each(|(cell, column)| *cell = column.get(row));
    cells
}

/// The reason why a cell holds no identifier in its compact form.
fn why_not_compact(cell: &[u8]) -> &'static str {
    let reason = Nir.parse(cell).map(|mut accepted| accepted.zeroize());
    wipe_stack();
    reason.map_or_else(|reason| reason.word(), |()| "not-compact")
}

/// The texts of a row's cells, if each can be read as its field: the service must not see what is none.
fn read_row<'a>(cells: &[Option<&'a [u8]>; FIELDS.len()]) -> Result<Texts<'a>, RowFault> {
    let mut texts: Texts<'a> = Default::default();
    for (at, cell) in cells.iter().enumerate() {
        let Some(cell) = cell else { continue };
        texts[at] = std::str::from_utf8(cell).map_err(|_| RowFault::Encoding)?;
        if at == IDENTIFIER && Nir.parse_compact(cell).is_none() {
            return Err(RowFault::Identifier { reason: why_not_compact(cell) });
        }
        if at != IDENTIFIER && !FIELDS[at].reads(texts[at]) {
            return Err(RowFault::CivilStatus { field: COLUMNS[at] });
        }
    }
    Ok(texts)
}

/// The columns of what is coded.
fn coded_columns(format: Format) -> [Column<'static>; 3] {
    [Column::index(), Column::code(format == Format::Parquet), Column::word("quality")]
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
    let rows = Rows::of(request, seal, format)?;
    let column = Codes::of(&rows.source, 1, Some(expected))?;
    let columns = [Column::index(), Column::code(format == Format::Parquet)];
    rows.run(&columns, out, meta, effort, || {
        let (mut codes, mut old, mut new) = (Vec::new(), Vec::new(), Vec::new());
        let mut text = Vec::with_capacity(Code::MAX_TEXT);
        let column = &column;
        move |rows: &mut Worked, batch: &Batch, index: &[[u8; 16]]| {
            column.read(batch, &mut codes)?;
            for (index, code) in index.iter().zip(&codes) {
                // The text form, whatever the file's type: both have one commitment.
                text.clear();
                if let Some(code) = code {
                    code.write_text(&mut text);
                }
                rows.commit.push(index, &[code.map(|_| text.as_slice())]);
            }
            old.clear();
            old.extend(codes.iter().flatten().copied());
            renewer.renew(&old, &mut new)?;
            let mut new = new.iter();
            rows.codes.extend(codes.iter().map(|code| code.and_then(|_| new.next().copied())));
            Ok(())
        }
    })
}

/// Opens a request that has the columns for what it holds.
fn open(request: &Path, content: Content) -> Result<Source, TableError> {
    let source = Source::open(request, Delimiter::Under("index"))?;
    let (first, columns) = source.header().split_first().expect("a header has a column");
    if first != b"index" || !columns.iter().eq(content.columns().iter().map(|name| name.as_bytes())) {
        let expected = match content {
            Content::Identifiers => "`index`, `identifier`",
            Content::Codes { .. } => "`index`, `code`",
            Content::CivilStatus { identifier: false } => {
                "`index`, `nom`, `nom_usage`, `prenoms`, `sexe`, `date_naissance`, `code_lieu`, `libelle_lieu`, `pays`"
            }
            Content::CivilStatus { identifier: true } => {
                "`index`, `nom`, `nom_usage`, `prenoms`, `sexe`, `date_naissance`, `code_lieu`, `libelle_lieu`, `pays`, \
                 `identifier`"
            }
        };
        return Err(TableError::Columns { path: request.to_owned(), expected });
    }
    let count = columns.len();
    Indexes::of(&source)?;
    match content {
        Content::Codes { tag, generation } => {
            Codes::of(&source, 1, Some((tag, generation)))?;
        }
        Content::Identifiers | Content::CivilStatus { .. } => {
            for column in 1..=count {
                source.need_kind(column, &[Kind::Text], "identifiers and civil status are text")?;
            }
        }
    }
    Ok(source)
}

/// The rows of a request.
struct Rows<'a> {
    source: Source,
    indexes: Indexes,
    seal: &'a Seal,
    /// What the result is written as.
    format: Format,
}

/// A block of them, from one file to the other.
struct Block<Work> {
    /// What was read, in the first `filled`.
    batches: Vec<Batch>,
    filled: usize,
    /// Of all its rows.
    index: Vec<[u8; 16]>,
    /// Of those that have a code.
    heads: Vec<u128>,
    qualities: BTreeMap<&'static str, u64>,
    scores: Scores,
    work: Work,
    worked: Worked,
    piece: Piece,
}

/// What became of rows.
struct Worked {
    /// Of all rows of the block.
    commit: commitment::Rows,
    /// The codes of a batch.
    codes: Vec<Option<Code>>,
    /// Their qualities; none in a renewal.
    words: Vec<Option<&'static str>>,
    /// Their scores, after a look-up.
    scores: Vec<Option<Score>>,
}

impl<'a> Rows<'a> {
    fn of(request: &Path, seal: &'a Seal, format: Format) -> Result<Self, TableError> {
        let source = open(request, seal.content)?;
        Ok(Self { indexes: Indexes::of(&source)?, source, seal, format })
    }

    /// Those that the keys code.
    fn to_code(
        request: &Path,
        seal: &'a Seal,
        coder: &Coder,
        format: Format,
        meta: &FileMeta,
    ) -> Result<Self, CodeFileError> {
        if (coder.tag(), coder.generation()) != (meta.tag(), meta.generation) {
            return Err(CodeFileError::Keys);
        }
        Ok(Self::of(request, seal, format)?)
    }

    /// Takes all rows from the request to `out`. `worker` makes what each thread does: it is given batches of rows and
    /// their indexes; rows that it names in an error are counted from the batch's first one.
    fn run<Work>(
        self,
        columns: &[Column<'_>],
        out: &mut (dyn Write + Send),
        meta: &FileMeta,
        effort: &Effort,
        worker: impl Fn() -> Work + Sync,
    ) -> Result<Coded, CodeFileError>
    where
        Work: FnMut(&mut Worked, &Batch, &[[u8; 16]]) -> Result<(), CodeFileError>,
    {
        let Self { mut source, indexes, seal, format } = self;
        let path = source.path().to_owned();
        let (layout, mut sink) = Sink::new(format, out, b',', columns, meta.pairs())?;
        effort.progress.expect(seal.rows);

        let names = seal.content.columns();
        let mut order = Order::default();
        let mut commit = Commit::new(&seal.key, names);
        let mut distinct = Distinct::new();
        let mut qualities: BTreeMap<&'static str, u64> = BTreeMap::new();
        let (mut coded, mut scores) = (0, Scores::default());
        // Both come after index and code.
        let (has_quality, has_score) = (columns.len() > 2, columns.len() > 3);
        let (rows_at_once, threads) = match format {
            Format::Csv => (BATCH, effort.threads),
            // The rows of people are several times as wide as those of identifiers.
            Format::Parquet if has_score => (GROUP / 4, effort.threads.min(GROUPS_AT_ONCE)),
            Format::Parquet => (GROUP, effort.threads.min(GROUPS_AT_ONCE)),
        };
        let steps = Steps {
            new: || Block {
                batches: Vec::new(),
                filled: 0,
                index: Vec::new(),
                heads: Vec::new(),
                qualities: BTreeMap::new(),
                scores: Scores::default(),
                work: worker(),
                worked: Worked {
                    commit: commitment::Rows::new(names.len()),
                    codes: Vec::new(),
                    words: Vec::new(),
                    scores: Vec::new(),
                },
                piece: layout.piece(),
            },
            read: |block: &mut Block<Work>| {
                Ok(source.fill_all(&mut block.batches, &mut block.filled, rows_at_once)?)
            },
            work: |block: &mut Block<Work>| {
                let Block { batches, filled, index, heads, qualities, scores, work, worked, piece } = block;
                index.clear();
                heads.clear();
                qualities.clear();
                *scores = Scores::default();
                worked.commit.clear();
                layout.begin(piece)?;
                for batch in &mut batches[..*filled] {
                    // A row group of people to look up takes some seconds.
                    effort.progress.check()?;
                    let first = index.len();
                    worked.codes.clear();
                    worked.words.clear();
                    worked.scores.clear();
                    let mut one = || {
                        batch.split(&path)?;
                        indexes.read(batch, index)?;
                        work(worked, batch, &index[first..])
                    };
                    one().map_err(|error: CodeFileError| error.after(first as u64))?;
                    heads.extend(worked.codes.iter().flatten().map(Distinct::head));
                    count_runs(&worked.words, qualities);
                    worked.scores.iter().flatten().for_each(|score| scores[score.step()] += 1);
                    let mut values = vec![Values::Index(&index[first..]), Values::Codes(&worked.codes)];
                    values.extend(has_quality.then_some(Values::Words(&worked.words)));
                    values.extend(has_score.then_some(Values::Scores(&worked.scores)));
                    layout.add(index.len() - first, &values, piece)?;
                }
                Ok(piece.end()?)
            },
            check: |block: &mut Block<Work>| {
                order.follow(&path, &block.index)?;
                commit.add(&block.worked.commit);
                distinct.count(&block.heads);
                coded += block.heads.len() as u64;
                for (word, count) in &block.qualities {
                    *qualities.entry(word).or_default() += count;
                }
                scores.iter_mut().zip(block.scores).for_each(|(sum, count)| *sum += count);
                Ok(())
            },
            write: |block: &mut Block<Work>| {
                sink.write(&mut block.piece)?;
                let rows = block.index.len() as u64;
                Ok(effort.progress.advance(rows, rows)?)
            },
        };
        let outcome: Result<(), CodeFileError> = steps.run(threads);
        outcome.map_err(|error| error.after(order.rows()))?;

        let (commitment, rows) = commit.finish();
        if rows == 0 {
            return Err(TableError::NoRows { path }.into());
        }
        if (commitment, rows) != (seal.commitment, seal.rows) {
            return Err(CodeFileError::Commitment { path, rows, sealed: seal.rows });
        }
        sink.finish()?;
        let scores = has_score.then_some(scores);
        Ok(Coded { rows, commitment, coded, distinct: distinct.found, qualities, scores })
    }
}

/// Counts words.
fn count_runs(words: &[Option<&'static str>], counts: &mut BTreeMap<&'static str, u64>) {
    for run in runs(words) {
        if let Some(word) = run[0] {
            *counts.entry(word).or_default() += run.len() as u64;
        }
    }
}

/// The identifiers of a batch, wiped when the next one comes.
struct Identifiers(Vec<Identifier>);

impl Identifiers {
    /// Empties it, with room for `rows`: it does not grow afterwards, which would leave a copy behind.
    fn clear(&mut self, rows: usize) {
        self.0.iter_mut().for_each(Zeroize::zeroize);
        self.0.clear();
        self.0.reserve(rows);
    }

    /// Adds the identifier in a cell; returns the word of its quality, or of the reason why it is none.
    ///
    /// Never inlined: what it leaves on the stack is wiped with what the coder leaves there.
    #[inline(never)]
    fn push(&mut self, cell: &[u8]) -> Result<&'static str, &'static str> {
        if let Some((identifier, quality)) = Nir.parse_compact(cell) {
            self.0.push(identifier);
            return Ok(quality.word());
        }
        Err(why_not_compact(cell))
    }

    /// Looks a row up, and adds the identifier that is found if that is certain enough; returns the word of its quality, and
    /// its score.
    ///
    /// Never inlined: what it leaves on the stack is wiped by the caller.
    #[inline(never)]
    fn look_up(
        &mut self,
        register: Register<'_>,
        weights: &Weights,
        texts: &Texts<'_>,
    ) -> Result<(&'static str, Score), IndexError> {
        let mut own = Nir.parse_compact(texts[IDENTIFIER].as_bytes()).map(|(identifier, _)| identifier);
        let query = Query { civil_status: status::civil_status(texts), identifier: own.as_ref() };
        let answer = register.index.look_up(weights, &query);
        own.zeroize();
        let mut answer = answer?;
        let score = Score::of(answer.score);
        match answer.identifier.take() {
            Some(identifier) if answer.quality <= register.accept.into() && score >= register.min_score => {
                self.0.push(identifier)
            }
            mut unsure => unsure.zeroize(),
        }
        Ok((answer.quality.word(), score))
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

    fn head(code: &Code) -> u128 {
        let (head, _) = code.bytes().split_first_chunk().expect("a code has 32 bytes");
        u128::from_le_bytes(*head)
    }

    fn count(&mut self, heads: &[u128]) {
        let mask = self.places.len() - 1;
        for &value in heads {
            if self.found == Coded::DISTINCT_CAP {
                return;
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Heads that want the same few places, the last one among them, each given twice.
    #[test]
    fn values_that_want_one_place_are_told_apart() {
        let places = 2 * u128::from(Coded::DISTINCT_CAP);
        let wanted = [0, 1, 2, places - 2, places - 1];
        let heads: Vec<u128> = (1..=20)
            .flat_map(|n| wanted.map(|place| n * places + place))
            .flat_map(|head| [head; 2])
            .collect();
        let mut distinct = Distinct::new();
        for (blocks, expected) in [(&heads[..70], 35), (&heads[..], 100), (&heads[30..], 100)] {
            blocks.chunks(7).for_each(|block| distinct.count(block));
            assert_eq!(distinct.found, expected);
        }
    }

    #[test]
    fn counting_stops_at_the_cap_and_not_before() {
        let cap = u128::from(Coded::DISTINCT_CAP);
        let mut distinct = Distinct::new();
        distinct.count(&(1..cap).collect::<Vec<_>>());
        assert_eq!(u128::from(distinct.found), cap - 1);
        distinct.count(&(1..3 * cap).collect::<Vec<_>>());
        assert_eq!(u128::from(distinct.found), cap);
    }
}
