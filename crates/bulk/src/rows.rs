//! The rows of a request on their way to the result, whatever becomes of each (SPEC §6).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cstatns::code::Code;
use cstatns::coder::Coder;
use cstatns::commitment::{self, Commit, CommitmentKey, Context, FirstRowsAgain};
use cstatns::distinct::Distinct;
use cstatns::files::ReadAt;
use cstatns::look_up::{Score, Scores};
use cstatns::manifest::{Content, Manifest};
use cstatns::meta::{FileMeta, ServiceId};
use cstatns::name::Name;
use cstatns::proposal::Input;
use cstatns::recheck::Rechecker;
use cstatns::words;
use cstatns_rows::columns::{Codes, Indexes, Order};
use cstatns_rows::effort::Effort;
use cstatns_rows::error::TableError;
use cstatns_rows::parts;
use cstatns_rows::pipeline::Steps;
use cstatns_rows::results::{ResultColumns, ResultRows};
use cstatns_rows::runs;
use cstatns_rows::sink::{self, Column, Encoding, Sink, Values};
use cstatns_rows::table::{BATCH, Batch, Fill, Form, Format, Kind, Source, Stream};

#[cfg(all(cstatns_faults, debug_assertions))]
mod faults;

use crate::error::{CodeFileError, Tally};
use crate::out::{Out, Passing, Waiting};

/// Opens a request that has the columns for what it holds: a file, a folder of parts, or what lies
/// in a parcel.
pub(crate) fn open(
    request: &Path,
    inside: Option<&Arc<dyn ReadAt>>,
    content: Content,
) -> Result<Source, TableError> {
    let source = match inside {
        Some(inside) => parts::open_inside(request, inside.clone())?,
        None => parts::open(request)?,
    };
    let table = source.table();
    let (first, columns) = table.header().split_first().expect("a header has a column");
    if first != b"index" || !columns.iter().eq(content.columns().iter().map(|name| name.as_bytes()))
    {
        let expected = match content {
            Content::Identifiers { .. } => "`index`, `identifier`",
            Content::Codes { .. } => "`index`, `code`",
            Content::CivilStatus { identifier: false } => {
                "`index`, `nom`, `nom_usage`, `prenoms`, `sexe`, `date_naissance`, `code_lieu`, \
                `libelle_lieu`, `pays`"
            }
            Content::CivilStatus { identifier: true } => {
                "`index`, `nom`, `nom_usage`, `prenoms`, `sexe`, `date_naissance`, `code_lieu`, \
                `libelle_lieu`, `pays`, \
                 `identifier`"
            }
        };
        return Err(TableError::Columns { path: request.to_owned(), expected });
    }
    let count = columns.len();
    Indexes::of(table)?;
    match content {
        Content::Codes { tag, generation } => {
            Codes::of(table, 1, Some((tag, generation)))?;
        }
        Content::Identifiers { .. } | Content::CivilStatus { .. } => {
            for column in 1..=count {
                table.need_kind(
                    column,
                    &[Kind::Text],
                    words!(
                        "identifiers and civil status are text",
                        "les identifiants et l'état civil sont du texte",
                    ),
                )?;
            }
        }
    }
    Ok(source)
}

/// A request, and what its result is to be.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The request: CSV or Parquet. Of one in a parcel what it is called.
    pub path: &'a Path,
    /// Its bytes, where it lies in a parcel.
    pub inside: Option<&'a Arc<dyn ReadAt>>,
    /// Its manifest.
    pub manifest: &'a Manifest,
    /// The type of the result.
    pub format: Format,
    /// Where the codes of the result come from.
    pub meta: &'a FileMeta,
    /// What the step may take of the machine.
    pub effort: &'a Effort,
}

impl Request<'_> {
    /// The error for a request that holds something else than the step takes.
    pub(crate) fn holds_other(&self) -> CodeFileError {
        CodeFileError::Content { path: self.path.to_owned(), found: self.manifest.content }
    }
}

/// Refuses a request that is for another service or domain than this one.
pub(crate) fn check_domain(
    path: &Path,
    manifest: &Manifest,
    service: &str,
    domain: &Name,
) -> Result<(), CodeFileError> {
    let path = path.to_owned();
    if *manifest.service != *service {
        let (found, expected) = (manifest.service.clone(), ServiceId::of(service));
        let expected = expected.ok_or(CodeFileError::Keys)?;
        return Err(CodeFileError::OtherService { path, found, expected });
    }
    if manifest.domain != *domain {
        let (found, expected) = (manifest.domain.clone(), domain.clone());
        return Err(CodeFileError::OtherDomain { path, found, expected });
    }
    Ok(())
}

/// One pass over the rows of a request.
pub(crate) struct Pass<'a> {
    pub(crate) source: Source,
    /// Rows that were read before, with which the request must begin.
    pub(crate) first: Option<FirstRowsAgain>,
    request: &'a Request<'a>,
}

/// What a thread does with the rows of a batch, whose indexes it is given; rows that it names in an
/// error are counted from the batch's first one.
pub(crate) type Worker<'w> =
    Box<dyn FnMut(&mut Worked<'_>, &dyn Batch, &[[u8; 16]]) -> Result<(), CodeFileError> + 'w>;

/// What is made of the rows: the columns of the result, and what makes a worker for each thread.
struct Job<'a, 'w> {
    request: &'a Request<'a>,
    indexes: Indexes,
    /// Whether there is the column `quality`, and `score`.
    has_quality: bool,
    has_score: bool,
    passing: Passing<'a>,
    first: Option<FirstRowsAgain>,
    commit: Option<(&'a CommitmentKey, &'a Context)>,
    rechecker: Option<&'a Rechecker>,
    worker: &'a (dyn Fn() -> Worker<'w> + Sync),
}

/// A block of rows, from one file to the other.
struct Block<'a, 'w, B, P> {
    /// What was read, in the first `filled`.
    batches: Vec<B>,
    filled: usize,
    /// Of all its rows.
    index: Vec<[u8; 16]>,
    /// The marks of those that have a code.
    heads: Vec<u128>,
    qualities: BTreeMap<&'static str, u64>,
    scores: Scores,
    work: Worker<'w>,
    worked: Worked<'a>,
    /// Its rows of the result, for their commitment.
    result: ResultRows,
    /// Where its rows end in the bytes of all rows of the request.
    end: u64,
    piece: P,
}

/// What became of rows.
pub(crate) struct Worked<'a> {
    rechecker: Option<&'a Rechecker>,
    /// Of all rows of the block.
    pub(crate) commit: commitment::EncodedRows,
    /// The marks of the block's rows that have a value, in a look-up.
    pub(crate) asked: Vec<u128>,
    /// The codes of a batch.
    pub(crate) codes: Vec<Option<Code>>,
    /// Their qualities; none in a renewal.
    pub(crate) words: Vec<Option<&'static str>>,
    /// Their scores, after a look-up.
    pub(crate) scores: Vec<Option<Score>>,
}

impl<'a> Pass<'a> {
    pub(crate) fn of(request: &'a Request<'a>) -> Result<Self, CodeFileError> {
        let FileMeta { service, domain, .. } = request.meta;
        check_domain(request.path, request.manifest, service, domain)?;
        Ok(Self {
            source: open(request.path, request.inside, request.manifest.content)?,
            first: None,
            request,
        })
    }

    /// Over those that the keys code.
    pub(crate) fn to_code(request: &'a Request<'a>, coder: &Coder) -> Result<Self, CodeFileError> {
        if (coder.tag(), coder.generation()) != (request.meta.tag(), request.meta.generation) {
            return Err(CodeFileError::Keys);
        }
        Self::of(request)
    }

    /// Takes all rows from the request to `out`.
    pub(crate) fn run<'w>(
        self,
        columns: &[Column<'_>],
        out: Out<'_>,
        worker: &(dyn Fn() -> Worker<'w> + Sync),
    ) -> Result<Tally, CodeFileError> {
        let Self { source, first, request } = self;
        let Out { write: out, commit, passing, rechecker } = out;
        let job = Job {
            request,
            indexes: Indexes::of(source.table())?,
            // Both come after index and code.
            has_quality: columns.len() > 2,
            has_score: columns.len() > 3,
            passing,
            first,
            commit,
            rechecker,
            worker,
        };
        let pairs = request.meta.pairs();
        match (source, request.format.text()) {
            (Source::Lines(rows), Some(text)) => job.run(rows, sink::csv(out, text, columns)?),
            (Source::Lines(rows), None) => job.run(rows, sink::parquet(out, columns, pairs)?),
            (Source::Columns(rows), Some(text)) => job.run(rows, sink::csv(out, text, columns)?),
            (Source::Columns(rows), None) => job.run(rows, sink::parquet(out, columns, pairs)?),
        }
    }
}

impl<'a, 'w> Job<'a, 'w> {
    fn run<B: Fill, E: Encoding>(
        self,
        mut rows: Stream<B>,
        (encoding, mut sink): (E, impl Sink<Piece = E::Piece>),
    ) -> Result<Tally, CodeFileError> {
        let Self { request, indexes, has_quality, has_score, passing, mut first, .. } = self;
        let Self { commit, rechecker, worker, .. } = self;
        let Request { manifest, effort, .. } = request;
        let path = rows.table.path().to_owned();
        let once = matches!(passing, Passing::Only);
        effort.progress.expect(if once { manifest.input.rows } else { 2 * manifest.input.rows });

        let columns = ResultColumns { quality: has_quality, score: has_score };
        let mut result = commit.map(|(key, context)| columns.commit(key, context));
        let committed = result.is_some();
        let names = manifest.content.columns();
        let mut order = Order::default();
        let commit = Commit::new(&manifest.key, &manifest.context(), names);
        let mut commit = match passing {
            Passing::Only => commit,
            Passing::First(_) => commit.keeping(),
            Passing::Second(seen) => commit.comparing(seen.take()),
        };
        // Of the bytes of rows: those read so far, and those known to be the first pass's.
        let (mut read, verified) = (0, AtomicU64::new(0));
        let mut waiting = Waiting::new();
        // What is asked for and what is coded: of a look-up, rows and people.
        let (mut asked, mut distinct) = (Distinct::default(), Distinct::default());
        let mut values = 0;
        let mut qualities: BTreeMap<&'static str, u64> = BTreeMap::new();
        let (mut coded, mut scores) = (0, Scores::default());
        let is_first = matches!(passing, Passing::First(_));
        // The rows of people are several times as wide as those of identifiers.
        let rows_at_once = BATCH.max(if has_score { E::GROUP / 4 } else { E::GROUP });
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
                    rechecker,
                    commit: commitment::EncodedRows::new(names.len()),
                    asked: Vec::new(),
                    codes: Vec::new(),
                    words: Vec::new(),
                    scores: Vec::new(),
                },
                result: columns.rows(),
                end: 0,
                piece: encoding.piece(),
            },
            read: |block: &mut Block<'a, 'w, B, E::Piece>| {
                Ok(rows.fill_all(&mut block.batches, &mut block.filled, rows_at_once)?)
            },
            work: |block: &mut Block<'a, 'w, B, E::Piece>| {
                let Block {
                    batches,
                    filled,
                    index,
                    heads,
                    qualities,
                    scores,
                    work,
                    worked,
                    piece,
                    result,
                    ..
                } = block;
                index.clear();
                heads.clear();
                qualities.clear();
                *scores = Scores::default();
                worked.commit.clear();
                result.clear();
                worked.asked.clear();
                encoding.begin(piece)?;
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
                    heads.extend(worked.codes.iter().flatten().map(mark));
                    count_runs(&worked.words, qualities);
                    worked.scores.iter().flatten().for_each(|score| scores[score.step()] += 1);
                    if is_first {
                        continue;
                    }
                    if committed {
                        encode_result(&index[first..], worked, result);
                    }
                    let mut values =
                        vec![Values::Index(&index[first..]), Values::Codes(&worked.codes)];
                    values.extend(has_quality.then_some(Values::Words(&worked.words)));
                    values.extend(has_score.then_some(Values::Scores(&worked.scores)));
                    encoding.add(index.len() - first, &values, E::Form::nothing(), piece)?;
                }
                Ok(encoding.end(piece)?)
            },
            check: |block: &mut Block<'a, 'w, B, E::Piece>| {
                order.follow(&path, &block.index)?;
                commit.add(&block.worked.commit);
                let begins = first.as_mut().is_none_or(|first| first.add(&block.worked.commit));
                if !begins || commit.differs() {
                    return Err(CodeFileError::Swapped { path: path.clone() });
                }
                read += block.worked.commit.size();
                block.end = read;
                if first.as_ref().is_none_or(FirstRowsAgain::is_whole) {
                    verified.store(commit.verified(), Ordering::Relaxed);
                }
                if let Some(result) = &mut result {
                    result.add(block.result.encoded());
                }
                distinct.count(&block.heads);
                // But for a look-up, each value has its code.
                let marks = if has_score { &block.worked.asked } else { &block.heads };
                if has_score {
                    asked.count(marks);
                }
                values += marks.len() as u64;
                coded += block.heads.len() as u64;
                for (word, count) in &block.qualities {
                    *qualities.entry(word).or_default() += count;
                }
                scores.iter_mut().zip(block.scores).for_each(|(sum, count)| *sum += count);
                Ok(())
            },
            write: |block: &mut Block<'a, 'w, B, E::Piece>| {
                let rows = block.index.len() as u64;
                match passing {
                    Passing::Only => sink.write(&mut block.piece)?,
                    Passing::First(_) => {}
                    Passing::Second(_) => {
                        waiting.push(block.end, &mut block.piece, || encoding.piece());
                        waiting
                            .release(verified.load(Ordering::Relaxed), |piece| sink.write(piece))?;
                        return Ok(effort.progress.advance(0, rows)?);
                    }
                }
                Ok(effort.progress.advance(rows, rows)?)
            },
        };
        let outcome: Result<(), CodeFileError> = steps.run(E::threads(effort.threads));
        outcome.map_err(|error| error.after(order.rows()))?;

        if first.is_some_and(|first| !first.is_whole()) {
            return Err(CodeFileError::Swapped { path });
        }
        let (commitment, rows) = match passing {
            Passing::Only => commit.finish(),
            Passing::First(seen) => {
                let (found, chunks) = commit.finish_keeping();
                seen.keep(chunks);
                found
            }
            Passing::Second(_) => {
                commit.finish_same().ok_or(CodeFileError::Swapped { path: path.clone() })?
            }
        };
        if rows == 0 {
            return Err(TableError::NoRows { path }.into());
        }
        let asked = if has_score { &asked } else { &distinct };
        let (asked, coded_distinct) = (asked.found(), distinct.found());
        let (distinct, engine) = (asked, manifest.input.engine);
        let input = Input { commitment, rows, values, distinct, engine, sent: None };
        if input != manifest.input {
            return Err(CodeFileError::Commitment { path, rows, expected: manifest.input.rows });
        }
        waiting.release(u64::MAX, |piece| sink.write(piece))?;
        sink.finish()?;
        let scores = has_score.then_some(scores);
        let result = result.map(|result| result.finish().0);
        Ok(Tally { input, result, coded, distinct: coded_distinct, qualities, scores })
    }
}

impl Worked<'_> {
    /// Offers the codes of a batch to what recomputes them, with what each was made of, in order.
    pub(crate) fn recheck<'r>(
        &mut self,
        made_of: impl Iterator<Item = &'r [u8]>,
    ) -> Result<(), CodeFileError> {
        faults::spoil(&mut self.codes);
        let Some(rechecker) = self.rechecker else { return Ok(()) };
        let (mut made_of, mut words) = (made_of, self.words.iter());
        let rows = self.codes.iter().filter_map(|code| {
            let is_asked = words.next().is_some_and(|word| *word != Some("none"));
            let row = code.as_ref().map(|code| (made_of.next().unwrap_or_default(), code));
            (row.is_some() || is_asked).then_some(row)
        });
        Ok(rechecker.offer(rows)?)
    }
}

/// Otherwise there is nothing to spoil.
#[cfg(not(all(cstatns_faults, debug_assertions)))]
mod faults {
    #[inline(always)]
    pub(super) fn spoil(_: &mut [Option<cstatns::code::Code>]) {}
}

/// The mark by which a code is counted: its first 16 bytes, which are as good as random. Two
/// spellings of one identifier have one code, and two identifiers have not.
fn mark(code: &Code) -> u128 {
    let (mark, _) = code.bytes().split_first_chunk().expect("a code has 32 bytes");
    u128::from_le_bytes(*mark)
}

/// Encodes the rows of a batch for the commitment to the result.
fn encode_result(index: &[[u8; 16]], worked: &Worked, rows: &mut ResultRows) {
    for (row, index) in index.iter().enumerate() {
        let quality = worked.words.get(row).copied().flatten();
        let score = worked.scores.get(row).copied().flatten();
        rows.push(index, worked.codes[row].as_ref(), quality, score);
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

/// The columns of what is coded.
pub(crate) fn coded_columns(format: Format) -> [Column<'static>; 3] {
    [Column::index(), Column::code(format == Format::Parquet), Column::word("quality")]
}
