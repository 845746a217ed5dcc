//! The controller's second step: retained file and result → attached file, in one pass over both (SPEC §6).

mod command;
mod destruction;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::Array;
use arrow_schema::DataType;
use cstatns::code::{Code, CodeError};
use cstatns::files::{Access, FileError, Pending, Together, take_back};
use jiff::Timestamp;

use crate::columns::{Codes, Indexes, Order, ScoreCells, count_words, fault, known_counts, word};
use crate::csv::Delimiter;
use crate::effort::Effort;
use crate::meta::{FileMeta, SPEC};
use crate::pipeline::Steps;
use crate::report::{Report, ReportError, origin, report_path};
use crate::sink::{Column, GROUP, GROUPS_AT_ONCE, Piece, Sink, Values};
use crate::error::{RowFault, TableError};
use crate::table::{BATCH, Batch, Format, Kind, MOST_BYTES, Source};

use destruction::{Before, Unfinished};

pub use command::Attach;
pub use destruction::NotDestroyed;

/// What was attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The rows of the attached file.
    pub rows: u64,
    /// The report that was written beside it: counts by quality, what was destroyed.
    pub report: Report,
    /// Whether an earlier run of the same command, which was stopped, had made the file, so that only the destruction was
    /// left.
    pub resumed: bool,
}

/// Why nothing was attached. [`AttachError::NotDestroyed`] alone leaves an attached file, which is whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// Reading either file, or writing the rows.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The files to write, or to destroy.
    #[error(transparent)]
    File(#[from] FileError),
    /// The result's report, or the one to write.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// `attached-type`: the attached file is not of the retained file's type.
    #[error(
        "the attached file {path:?} keeps columns as they are: give it the extension of the retained file"
    )]
    OutType {
        /// The attached file.
        path: PathBuf,
    },
    /// `binary-csv`.
    #[error("binary codes need a Parquet file: leave out --binary-codes, or prepare the data as Parquet")]
    BinaryCsv,
    /// `report-missing`: nothing says where the codes come from.
    #[error("{path:?} is missing: the report that the service wrote must lie beside the result")]
    ReportMissing {
        /// Where it is looked for.
        path: PathBuf,
    },
    /// `rows-unmatched`: the two files are not of one request.
    #[error(
        "{missing} rows of the retained file have no result, and {extra} rows of the result are of no row retained: \
         check that both files are of one request, and complete"
    )]
    Unmatched {
        /// Rows of the retained file whose index the result has not.
        missing: u64,
        /// Rows of the result whose index the retained file has not.
        extra: u64,
    },
    /// `result-changed`: the result and its report do not go together.
    #[error(
        "the result {path:?} is not as its report says: it was changed after it was made, or the report is of another \
         result; fetch both again"
    )]
    ResultChanged {
        /// The result.
        path: PathBuf,
    },
    /// `destroys-output`: a file to destroy is one of those to write.
    #[error("{path:?} is to be written and destroyed: take it off the files to destroy")]
    DestroysOutput {
        /// The file.
        path: PathBuf,
    },
    /// `not-destroyed`: the attached file and its report are whole and durable, but a file could not be destroyed.
    #[error(
        "the attached file is complete, but {count} files were not destroyed, the first because {reason}; once that is put \
         right, repeat the command, or destroy them yourself"
    )]
    NotDestroyed {
        /// How many.
        count: usize,
        /// Why the first was not.
        reason: NotDestroyed,
    },
}

impl AttachError {
    /// The stable short code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Table(error) => error.code(),
            Self::File(error) => error.code(),
            Self::Report(error) => error.code(),
            Self::OutType { .. } => "attached-type",
            Self::BinaryCsv => "binary-csv",
            Self::ReportMissing { .. } => "report-missing",
            Self::Unmatched { .. } => "rows-unmatched",
            Self::ResultChanged { .. } => "result-changed",
            Self::DestroysOutput { .. } => "destroys-output",
            Self::NotDestroyed { .. } => "not-destroyed",
        }
    }
}

/// Writes the attached file and its report, then destroys the files named and says so in the report.
///
/// After a coding the columns are `code`, `quality`, then the data's; `none` becomes what `check` says. After a renewal
/// the `quality` and `score` that the data already has come right after `code`. Memory does not grow with the files.
///
/// The report gets its name first, the attached file after it: where an attached file is, its report is. It says what is to
/// be destroyed, and is written again with what was. When the same command was stopped after the attached file had its
/// name, this goes on from there; when it was stopped before, what it left is destroyed.
///
/// # Errors
/// [`AttachError`]: among them indexes that are missing or extra on either side, with counts.
pub fn attach(what: &Attach<'_>, effort: &Effort) -> Result<Attached, AttachError> {
    let begin = Timestamp::now();
    let format = Format::of(what.retained)?;
    if Format::of(what.out)? != format {
        return Err(AttachError::OutType { path: what.out.to_owned() });
    }
    if what.binary_codes && format == Format::Csv {
        return Err(AttachError::BinaryCsv);
    }
    let report_path = report_path(what.out);
    if let Some(path) = what.destroy.iter().find(|path| **path == what.out || **path == report_path) {
        return Err(AttachError::DestroysOutput { path: path.clone() });
    }
    take_back(&[&report_path, what.out])?;
    if let Some((mut report, unfinished)) = Unfinished::find(what) {
        check_destroyed(unfinished.carry_out(what, &mut report)?)?;
        return Ok(Attached { rows: report.rows_out, report, resumed: true });
    }
    if what.out.symlink_metadata().is_ok() {
        // Before the sources, which may be gone: the command may have been done already.
        return Err(FileError::Exists { path: what.out.to_owned() }.into());
    }
    let before = Before::of(what)?;
    let retained = Retained::open(what.retained)?;
    let results = Results::open(what.result)?;
    let mut files = Together::create([&report_path, what.out], Access::Private)?;
    let [report_file, out_file] = &mut files.files;

    let meta = results.meta.clone();
    let told = results.report.clone();
    let Merged { rows, quality, told: counted } =
        merge(retained, results, what.binary_codes, format, out_file, effort)?;
    if let Some(told) = &told
        && (told.rows_out != rows || (!told.quality.is_empty() && known_counts(&told.quality) != counted))
    {
        return Err(AttachError::ResultChanged { path: what.result.to_owned() });
    }
    let mut report = Report {
        format: Report::FORMAT,
        tool: concat!("cstatns ", env!("CARGO_PKG_VERSION")).to_owned(),
        spec: SPEC.to_owned(),
        service: meta.service,
        domain: meta.domain,
        generation: meta.generation,
        key_id: told.as_ref().and_then(|report| report.key_id),
        delivery: meta.delivery,
        rows_in: rows,
        rows_out: rows,
        coded: told.as_ref().and_then(|report| report.coded),
        quality,
        scores: told.as_ref().and_then(|report| report.scores),
        look_up: told.as_ref().and_then(|report| report.look_up),
        accepted: told.as_ref().map(|report| report.accepted.clone()).unwrap_or_default(),
        destroyed: Vec::new(),
        begin,
        end: Timestamp::now().max(begin),
        checkpoint: told.as_ref().and_then(|report| report.checkpoint),
    };
    let unfinished = match what.destroy {
        [] => None,
        _ => Some(before.plan(what, out_file.temporary())?),
    };
    let bytes = unfinished.as_ref().map_or_else(|| report.bytes(), |unfinished| unfinished.bytes(&report));
    report_file.write_all(&bytes).map_err(|error| FileError::from_io(&report_path, &error))?;
    files.commit()?;
    if let Some(unfinished) = unfinished {
        check_destroyed(unfinished.carry_out(what, &mut report)?)?;
    }
    Ok(Attached { rows, report, resumed: false })
}

/// The error for files that were not destroyed: how many, and why the first was not.
fn check_destroyed(stayed: Option<(usize, NotDestroyed)>) -> Result<(), AttachError> {
    stayed.map_or(Ok(()), |(count, reason)| Err(AttachError::NotDestroyed { count, reason }))
}

/// Whether a result has `quality` and `score`, each of its type.
pub(crate) fn result_columns(source: &Source) -> Result<(bool, bool), TableError> {
    let names: Vec<&[u8]> = source.header().iter().map(Vec::as_slice).collect();
    let (quality, score) = match names[..] {
        [b"index", b"code"] => (false, false),
        [b"index", b"code", b"quality"] => (true, false),
        [b"index", b"code", b"quality", b"score"] => (true, true),
        _ => {
            let expected = "`index`, `code`, after a coding `quality`, after a look-up `score` too";
            return Err(TableError::Columns { path: source.path().to_owned(), expected });
        }
    };
    if quality {
        source.need_kind(2, &[Kind::Text], "`quality` is text")?;
    }
    if score {
        source.need_kind(3, &[Kind::Text, Kind::Float(64)], "a score is a number of 64 bits, or text")?;
    }
    Ok((quality, score))
}

/// The retained file, or the result: rows in the order of their indexes.
struct Sorted {
    source: Source,
    indexes: Indexes,
    order: Order,
}

/// Some of its rows.
#[derive(Default)]
struct Part {
    batch: Batch,
    index: Vec<[u8; 16]>,
    /// The rows of the file before them.
    before: u64,
}

impl Part {
    /// The most bytes of a cell of a result.
    const CELL: usize = 1024;

    /// Refuses cells of a result that are far too long: rows of it wait for those of the retained file, many at once.
    fn check_width(&self, path: &Path) -> Result<(), TableError> {
        let Some(values) = self.batch.values() else { return Ok(()) };
        if self.batch.bytes() <= Self::CELL * self.batch.rows() {
            return Ok(());
        }
        let texts = (1..values.num_columns()).filter(|column| {
            matches!(values.column(*column).data_type(), DataType::Utf8 | DataType::LargeUtf8)
        });
        for column in texts {
            let cells = self.batch.cells(column);
            let is_long = |row: &usize| cells.get(*row).is_some_and(|cell| cell.len() > Self::CELL);
            if let Some(row) = (0..self.batch.rows()).find(is_long) {
                let found = if column == 1 { CodeError::Form.into() } else { RowFault::Word };
                return Err(fault(path, row, found).after(self.before));
            }
        }
        Ok(())
    }
}

impl Sorted {
    fn of(source: Source) -> Result<Self, TableError> {
        Ok(Self { indexes: Indexes::of(&source)?, source, order: Order::default() })
    }

    /// Fills `part` with the next rows; false at the end of the file.
    fn fill(&mut self, part: &mut Part) -> Result<bool, TableError> {
        part.before = self.order.rows();
        part.index.clear();
        let path = self.source.path().to_owned();
        let mut fill = || {
            let found = self.source.fill(&mut part.batch, BATCH)?;
            if found {
                part.batch.split(&path)?;
                self.indexes.read(&part.batch, &mut part.index)?;
                self.order.follow(&path, &part.index)?;
            }
            Ok(found)
        };
        fill().map_err(|error: TableError| error.after(part.before))
    }
}

/// The retained file.
struct Retained {
    rows: Sorted,
    /// The data's `quality` and `score`, and its other columns.
    quality: Vec<usize>,
    others: Vec<usize>,
}

impl Retained {
    fn open(path: &Path) -> Result<Self, TableError> {
        let source = Source::open(path, Delimiter::Under("index"))?;
        if !matches!(source.header(), [index, check, ..] if index == b"index" && check == b"check") {
            let expected = "`index`, `check`, then the data's";
            return Err(TableError::Columns { path: path.to_owned(), expected });
        }
        source.need_kind(1, &[Kind::Text], "`check` is text")?;
        let quality: Vec<usize> =
            [source.find("quality")?, source.find("score")?].into_iter().flatten().collect();
        let others = (2..source.header().len()).filter(|column| !quality.contains(column)).collect();
        Ok(Self { rows: Sorted::of(source)?, quality, others })
    }
}

/// The result, and what is known of it.
struct Results {
    rows: Sorted,
    codes: Codes,
    meta: FileMeta,
    report: Option<Report>,
    /// Whether there are the columns `quality` and `score`.
    quality: bool,
    score: bool,
}

impl Results {
    fn open(path: &Path) -> Result<Self, AttachError> {
        let source = Source::open(path, Delimiter::Under("index"))?;
        let (quality, score) = result_columns(&source)?;
        let (meta, report) = origin(&source)?;
        let meta = meta.ok_or_else(|| AttachError::ReportMissing { path: report_path(path) })?;
        let codes = Codes::of(&source, 1, Some((meta.tag(), meta.generation)))?;
        Ok(Self { rows: Sorted::of(source)?, codes, meta, report, quality, score })
    }
}

/// Both files, row beside row.
struct Pairing {
    retained: Sorted,
    results: Sorted,
    /// The rows of the result that are reached, from `at` on.
    ahead: Arc<Part>,
    at: usize,
    missing: u64,
    extra: u64,
}

/// Rows of the retained file, each with its row of the result.
#[derive(Default)]
struct Pairs {
    retained: Part,
    results: Vec<Arc<Part>>,
    /// For each retained row one of `results`, and the row in it.
    found: Vec<(usize, usize)>,
}

impl Pairing {
    /// Fills `pairs` with the next rows; false at the end of the retained file. From the first row without its other half
    /// on rows are counted, no longer given out.
    fn fill(&mut self, pairs: &mut Pairs) -> Result<bool, TableError> {
        while self.retained.fill(&mut pairs.retained)? {
            pairs.results.clear();
            pairs.found.clear();
            for index in &pairs.retained.index {
                while self.reach()? && self.ahead.index[self.at] < *index {
                    self.at += 1;
                    self.extra += 1;
                }
                if self.ahead.index.get(self.at) != Some(index) {
                    self.missing += 1;
                    continue;
                }
                if !pairs.results.last().is_some_and(|part| Arc::ptr_eq(part, &self.ahead)) {
                    pairs.results.push(self.ahead.clone());
                }
                pairs.found.push((pairs.results.len() - 1, self.at));
                self.at += 1;
            }
            if self.missing + self.extra == 0 {
                return Ok(true);
            }
        }
        while self.reach()? {
            self.extra += (self.ahead.index.len() - self.at) as u64;
            self.at = self.ahead.index.len();
        }
        Ok(false)
    }

    /// Whether there is a row at `at`, perhaps of the next batch.
    fn reach(&mut self) -> Result<bool, TableError> {
        while self.at == self.ahead.index.len() {
            // Blocks that are still worked on hold the former one.
            let mut part = Part::default();
            if !self.results.fill(&mut part)? {
                return Ok(false);
            }
            part.check_width(self.results.source.path())?;
            (self.ahead, self.at) = (Arc::new(part), 0);
        }
        Ok(true)
    }
}

/// What was written.
struct Merged {
    rows: u64,
    /// Counts by quality, as attached.
    quality: BTreeMap<String, u64>,
    /// The same as the result said them, before `none` became what `check` says.
    told: BTreeMap<String, u64>,
}

/// A block of rows on its way to the attached file.
struct Block {
    pairs: Vec<Pairs>,
    filled: usize,
    codes: Vec<Option<Code>>,
    rows: u64,
    quality: BTreeMap<String, u64>,
    told: BTreeMap<String, u64>,
    piece: Piece,
}

/// Writes the attached rows.
fn merge(
    retained: Retained,
    results: Results,
    binary_codes: bool,
    format: Format,
    out: &mut Pending,
    effort: &Effort,
) -> Result<Merged, AttachError> {
    let Retained { rows: retained, quality: own, others } = retained;
    let Results { rows: results, codes, meta, report, quality, score } = results;
    let renewal = !quality;
    let (path, result) = (retained.source.path().to_owned(), results.source.path().to_owned());
    if let (false, [taken, ..]) = (renewal, &own[..]) {
        // A first coding: `prepare` refuses data with such a column.
        let column = if retained.source.header()[*taken] == b"score" { "score" } else { "quality" };
        return Err(TableError::ColumnTwice { path, column: column.to_owned() }.into());
    }
    let mut columns = vec![Column::code(binary_codes)];
    columns.extend(quality.then(|| Column::word("quality")));
    columns.extend(score.then(Column::score));
    // The quality that the data of a renewal already has.
    let counted = own.first().copied().filter(|column| {
        retained.source.header()[*column] == b"quality" && retained.source.kind(*column) == Kind::Text
    });
    let kept: Vec<usize> = own.into_iter().chain(others).collect();
    columns.extend(kept.iter().map(|column| Column::kept(&retained.source, *column)));
    let kept: Vec<_> =
        kept.chunk_by(|one, next| one + 1 == *next).map(|run| run[0]..run[0] + run.len()).collect();
    let delimiter = retained.source.delimiter();
    let (layout, mut sink) = Sink::new(format, out, delimiter, &columns, meta.pairs())?;
    drop(columns);
    effort.progress.expect(report.map_or(0, |report| report.rows_out));

    let mut pairing = Pairing { retained, results, ahead: Arc::default(), at: 0, missing: 0, extra: 0 };
    let mut merged = Merged { rows: 0, quality: BTreeMap::new(), told: BTreeMap::new() };
    let (rows_at_once, threads) = match format {
        Format::Csv => (1, effort.threads),
        Format::Parquet => (GROUP, effort.threads.min(GROUPS_AT_ONCE)),
    };
    let steps = Steps {
        new: || Block {
            pairs: Vec::new(),
            filled: 0,
            codes: Vec::new(),
            rows: 0,
            quality: BTreeMap::new(),
            told: BTreeMap::new(),
            piece: layout.piece(),
        },
        read: |block: &mut Block| {
            (block.filled, block.rows) = (0, 0);
            let mut bytes = 0;
            while block.rows < rows_at_once as u64 && bytes < MOST_BYTES {
                if block.pairs.len() == block.filled {
                    block.pairs.push(Pairs::default());
                }
                let pairs = &mut block.pairs[block.filled];
                if !pairing.fill(pairs)? {
                    break;
                }
                block.rows += pairs.found.len() as u64;
                bytes += pairs.retained.batch.bytes();
                block.filled += 1;
            }
            Ok(block.filled > 0)
        },
        work: |block: &mut Block| {
            block.quality.clear();
            block.told.clear();
            layout.begin(&mut block.piece)?;
            for pairs in &block.pairs[..block.filled] {
                let Pairs { retained, results, found } = pairs;
                let mut words = Vec::with_capacity(found.len());
                let (mut said_words, mut scores) = (Vec::with_capacity(found.len()), Vec::new());
                block.codes.clear();
                let checks = retained.batch.cells(1);
                let cells =
                    |column| results.iter().map(move |part| part.batch.cells(column)).collect::<Vec<_>>();
                let code_cells = cells(1);
                let quality_cells = if quality { cells(2) } else { Vec::new() };
                let score_cells: Vec<_> = match score {
                    true => results.iter().map(|part| ScoreCells::of(&part.batch, 3)).collect(),
                    false => Vec::new(),
                };
                for (row, &(part, at)) in found.iter().enumerate() {
                    let here = |found| fault(&path, row, found).after(retained.before);
                    let there = |found| fault(&result, at, found).after(results[part].before);
                    let check = word(checks.get(row)).map_err(here)?;
                    let code =
                        code_cells[part].get(at).map(|cell| codes.code(cell)).transpose().map_err(there)?;
                    let said = match quality {
                        true => Some(word(quality_cells[part].get(at)).map_err(there)?),
                        false => None,
                    };
                    let empty = said.map_or(code.is_none(), |said| said == "none");
                    if empty != (check != "ok") || (empty && code.is_some()) {
                        return Err(here(RowFault::Disagree).into());
                    }
                    block.codes.push(code);
                    said_words.push(said);
                    words.push(said.map(|said| if empty { check } else { said }));
                    if score {
                        scores.push(score_cells[part].get(at).map_err(there)?);
                    }
                }
                if quality {
                    count_words(&mut block.told, &said_words);
                    count_words(&mut block.quality, &words);
                } else if let Some(column) = counted {
                    let cells = retained.batch.cells(column);
                    let words: Vec<_> = cells.iter(found.len()).map(|cell| word(cell).ok()).collect();
                    count_words(&mut block.quality, &words);
                }
                let mut values = vec![Values::Codes(&block.codes)];
                values.extend(quality.then_some(Values::Words(&words)));
                values.extend(score.then_some(Values::Scores(&scores)));
                values.extend(kept.iter().map(|run| Values::Kept(&retained.batch, run.clone())));
                layout.add(found.len(), &values, &mut block.piece)?;
            }
            Ok(block.piece.end()?)
        },
        check: |block: &mut Block| {
            merged.rows += block.rows;
            add_counts(&mut merged.quality, &block.quality);
            add_counts(&mut merged.told, &block.told);
            Ok(())
        },
        write: |block: &mut Block| {
            sink.write(&mut block.piece)?;
            Ok(effort.progress.advance(block.rows, block.rows)?)
        },
    };
    let outcome: Result<(), AttachError> = steps.run(threads);
    outcome?;
    let Pairing { missing, extra, .. } = pairing;
    if missing + extra > 0 {
        return Err(AttachError::Unmatched { missing, extra });
    }
    sink.finish()?;
    if merged.rows == 0 {
        return Err(TableError::NoRows { path }.into());
    }
    Ok(merged)
}

fn add_counts(sums: &mut BTreeMap<String, u64>, counts: &BTreeMap<String, u64>) {
    for (word, count) in counts {
        *sums.entry(word.clone()).or_default() += count;
    }
}
