//! The controller's second step: retained file and result → attached file, in one pass over both (SPEC §6).

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use cstatns::code::Code;
use cstatns::files::{self, Access, FileError, Pending};
use jiff::Timestamp;

use crate::columns::{Codes, Indexes, RowFault, count_words, known_counts, score, word};
use crate::csv::Delimiter;
use crate::effort::Effort;
use crate::meta::{FileMeta, SPEC};
use crate::outputs::commit_all;
use crate::report::{Destruction, Report, ReportError, origin, report_path};
use crate::table::{Column, Format, Kind, Sink, Source, TableError, Values};

/// What to attach. See [`attach`].
#[derive(Clone, Copy, Debug)]
pub struct Attach<'a> {
    /// The retained file that [`prepare`](crate::prepare()) wrote.
    pub retained: &'a Path,
    /// The result of the service, with its report beside it (a Parquet result can do without).
    pub result: &'a Path,
    /// The attached file to write, of the same type as the retained file; its report will lie beside it.
    pub out: &'a Path,
    /// Write the codes in binary form (Parquet only).
    pub binary_codes: bool,
    /// Files to destroy once the attached file is durable: the data, the retained file, the copy of the result.
    pub destroy: &'a [PathBuf],
}

/// What was attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The rows of the attached file.
    pub rows: u64,
    /// The report that was written beside it: counts by quality, what was destroyed.
    pub report: Report,
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
        "the attached file is complete, but {count} files were not destroyed, the first because {error}; destroy them yourself"
    )]
    NotDestroyed {
        /// How many.
        count: usize,
        /// Why the first was not.
        error: FileError,
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
/// The report gets its name first, the attached file after it: where an attached file is, its report is. It is written
/// again, with what was destroyed, at the end.
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
    for path in what.destroy {
        // Found out now, not when the attached file is there already.
        let metadata = fs::symlink_metadata(path).map_err(|error| FileError::from_io(path, &error))?;
        if !metadata.is_file() {
            return Err(FileError::NotRegular { path: path.clone() }.into());
        }
    }
    let retained = Retained::open(what.retained)?;
    let results = Results::open(what.result)?;
    let mut report_file = Pending::create(&report_path, Access::Private)?;
    let mut out_file = Pending::create(what.out, Access::Private)?;

    let meta = results.meta.clone();
    let told = results.report.clone();
    let Merged { rows, quality, told: counted } =
        merge(retained, results, what.binary_codes, format, &mut out_file, effort)?;
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
        quality,
        destroyed: Vec::new(),
        begin,
        end: Timestamp::now().max(begin),
        checkpoint: told.as_ref().and_then(|report| report.checkpoint),
    };
    report_file.write_all(&report.bytes()).map_err(|error| FileError::from_io(&report_path, &error))?;
    commit_all([report_file, out_file])?;

    if !what.destroy.is_empty() {
        let mut failed = Vec::new();
        for path in what.destroy {
            match files::destroy(path) {
                Ok(destroyed) => report.destroyed.push(Destruction::of(path, destroyed)),
                Err(error) => failed.push(error),
            }
        }
        report.end = Timestamp::now().max(begin);
        files::replace(&report_path, &report.bytes(), Access::Private)?;
        let count = failed.len();
        if let Some(error) = failed.into_iter().next() {
            return Err(AttachError::NotDestroyed { count, error });
        }
    }
    Ok(Attached { rows, report })
}

/// The retained file.
struct Retained {
    source: Source,
    indexes: Indexes,
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
        let indexes = Indexes::of(&source)?;
        let quality: Vec<usize> =
            [source.find("quality")?, source.find("score")?].into_iter().flatten().collect();
        let others = (2..source.header().len()).filter(|column| !quality.contains(column)).collect();
        Ok(Self { source, indexes, quality, others })
    }
}

/// The rows of the result, handed out one by one.
struct Results {
    source: Source,
    indexes: Indexes,
    codes: Codes,
    meta: FileMeta,
    report: Option<Report>,
    /// Whether there are the columns `quality` and `score`.
    quality: bool,
    score: bool,
    index: Vec<[u8; 16]>,
    code: Vec<Option<Code>>,
    words: Vec<Words>,
    at: usize,
}

/// What a result says of a row beside its code.
#[derive(Clone, Default)]
struct Words {
    quality: String,
    score: String,
}

/// The headers a result can have.
pub(crate) const RESULTS: &str = "`index`, `code`, and after a coding `quality`";

/// Whether the header of a result has `quality` and `score`; none if it is no such header.
pub(crate) fn result_columns(header: &[Vec<u8>]) -> Option<(bool, bool)> {
    let names: Vec<&[u8]> = header.iter().map(Vec::as_slice).collect();
    match names[..] {
        [b"index", b"code"] => Some((false, false)),
        [b"index", b"code", b"quality"] => Some((true, false)),
        [b"index", b"code", b"quality", b"score"] => Some((true, true)),
        _ => None,
    }
}

impl Results {
    fn open(path: &Path) -> Result<Self, AttachError> {
        let source = Source::open(path, Delimiter::Under("index"))?;
        let Some((quality, score)) = result_columns(source.header()) else {
            return Err(TableError::Columns { path: path.to_owned(), expected: RESULTS }.into());
        };
        for column in 2..source.header().len() {
            source.need_kind(column, &[Kind::Text], "`quality` and `score` are text")?;
        }
        let (meta, report) = origin(&source)?;
        let meta = meta.ok_or_else(|| AttachError::ReportMissing { path: report_path(path) })?;
        Ok(Self {
            indexes: Indexes::of(&source)?,
            codes: Codes::of(&source, 1, Some((meta.tag(), meta.generation)))?,
            source,
            meta,
            report,
            quality,
            score,
            index: Vec::new(),
            code: Vec::new(),
            words: Vec::new(),
            at: 0,
        })
    }

    /// Where the present row is in `index`, `code` and `words`; none after the last one.
    fn present(&mut self) -> Result<Option<usize>, TableError> {
        if self.at == self.index.len() {
            self.at = 0;
            self.index.clear();
            let Some(batch) = self.source.next()? else { return Ok(None) };
            self.indexes.read(&self.source, &batch, &mut self.index)?;
            let first = self.indexes.rows() - batch.rows() as u64 + 1;
            self.codes.read(&self.source, &batch, first, &mut self.code)?;
            self.words.resize(batch.rows(), Words::default());
            for (column, wanted) in [(2, self.quality), (3, self.score)] {
                if !wanted {
                    continue;
                }
                let cells = batch.cells(column);
                for (row, words) in self.words.iter_mut().enumerate() {
                    let (text, read) = match column {
                        2 => (&mut words.quality, word(cells.get(row))),
                        _ => (&mut words.score, score(cells.get(row))),
                    };
                    text.clear();
                    text.push_str(read.map_err(|fault| self.source.fault(first + row as u64, fault))?);
                }
            }
        }
        Ok(Some(self.at))
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

/// Writes the attached rows.
fn merge(
    mut retained: Retained,
    mut results: Results,
    binary_codes: bool,
    format: Format,
    out: &mut Pending,
    effort: &Effort,
) -> Result<Merged, AttachError> {
    let renewal = !results.quality;
    let source = &retained.source;
    if let (false, [taken, ..]) = (renewal, &retained.quality[..]) {
        // A first coding: `prepare` refuses data with such a column.
        let column = if source.header()[*taken] == b"score" { "score" } else { "quality" };
        return Err(
            TableError::ColumnTwice { path: source.path().to_owned(), column: column.to_owned() }.into()
        );
    }
    let mut columns = vec![Column::code(binary_codes)];
    columns.extend(results.quality.then(|| Column::word("quality")));
    columns.extend(results.score.then(|| Column::word("score")));
    let kept: Vec<usize> = retained.quality.iter().chain(&retained.others).copied().collect();
    columns.extend(kept.iter().map(|column| Column::kept(source, *column)));
    let delimiter = source.delimiter();
    let mut sink = Sink::new(format, out, delimiter, &columns, results.meta.pairs())?;
    drop(columns);

    let (mut missing, mut extra) = (0, 0);
    let (mut counts, mut told) = (BTreeMap::new(), BTreeMap::new());
    let (mut index, mut codes, mut words) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(batch) = retained.source.next()? {
        retained.indexes.read(&retained.source, &batch, &mut index)?;
        let first = retained.indexes.rows() - batch.rows() as u64 + 1;
        let checks = batch.cells(1);
        codes.clear();
        words.clear();
        for (row, index) in index.iter().enumerate() {
            let fault = |fault| retained.source.fault(first + row as u64, fault);
            let check = word(checks.get(row)).map_err(fault)?;
            let found = loop {
                match results.present()? {
                    Some(at) if results.index[at] < *index => {
                        extra += 1;
                        results.at += 1;
                    }
                    Some(at) if results.index[at] == *index => break Some(at),
                    _ => break None,
                }
            };
            let Some(at) = found else {
                missing += 1;
                continue;
            };
            let (code, said) = (results.code[at], std::mem::take(&mut results.words[at]));
            results.at += 1;
            let empty = if renewal { code.is_none() } else { said.quality == "none" };
            if empty != (check != "ok") || (empty && code.is_some()) {
                return Err(fault(RowFault::Disagree).into());
            }
            if !renewal {
                count_words(&mut told, std::iter::once(Some(said.quality.as_str())));
            }
            codes.push(code);
            words.push(if empty { Words { quality: check.to_owned(), ..said } } else { said });
        }
        if missing + extra > 0 {
            continue;
        }
        let quality: Vec<Option<&str>> = words.iter().map(|words| Some(words.quality.as_str())).collect();
        let score: Vec<Option<&str>> = words.iter().map(|words| Some(words.score.as_str())).collect();
        if !renewal {
            count_words(&mut counts, quality.iter().copied());
        } else if let Some(column) = retained.quality.first()
            && retained.source.header()[*column] == b"quality"
            && retained.source.kind(*column) == Kind::Text
        {
            let cells = batch.cells(*column);
            count_words(&mut counts, (0..batch.rows()).map(|row| word(cells.get(row)).ok()));
        }
        let mut values = vec![Values::Codes(&codes)];
        values.extend(results.quality.then_some(Values::Text(&quality)));
        values.extend(results.score.then_some(Values::Text(&score)));
        values.extend(kept.iter().map(|column| Values::Kept(&batch, *column)));
        sink.write(batch.rows(), &values)?;
        effort.progress.advance(batch.rows() as u64, 0)?;
    }
    while results.present()?.is_some() {
        extra += 1;
        results.at += 1;
    }
    if missing + extra > 0 {
        return Err(AttachError::Unmatched { missing, extra });
    }
    sink.finish()?;
    let rows = retained.indexes.rows();
    if rows == 0 {
        return Err(TableError::NoRows { path: retained.source.path().to_owned() }.into());
    }
    Ok(Merged { rows, quality: counts, told })
}
