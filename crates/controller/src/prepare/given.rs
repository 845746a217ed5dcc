//! The files of the data, opened one after the other, and what they are like together.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use cstatns_base::civil_status::request::{FIELDS, IDENTIFIER};
use cstatns_base::coded::ColumnName;
use cstatns_base::meta::FileMeta;
use cstatns_base::name::Name;
use cstatns_record::manifest::Content;
use cstatns_record::requested;
use cstatns_rows::csv::{Delimiter, Fields};
use cstatns_rows::effort::Effort;
use cstatns_rows::encoding::Encoding;
use cstatns_rows::error::TableError;
use cstatns_rows::guard::{self, Held};
use cstatns_rows::reading::Reading;
use cstatns_rows::sort::{Sort, Sortable};
use cstatns_rows::table::{BATCH, Batch, Extent, Fill, Input, Source, Stream, runs};

use crate::data::{Data, DataFile};
use crate::known::Known;
use crate::origin::origin;

use super::counting::Counting;
use super::deal::{Dealing, Goes};
use super::found::{Found, SoFar};
use super::head::{OK, STATUSES};
use super::kept::Keeping;
use super::payload::Travelling;
use super::sent::{Sent, find_columns};
use super::{Column, Findings, PrepareError, Risk};

/// What a row takes in the sort, about, in bytes: where there are only few columns it is what they
/// take in the file.
const ROW: u64 = 64;
/// Of a Parquet file the columns that stay are judged by so many stretches of rows; of several
/// files together by as many, and by one of each.
const STRETCHES: u64 = 16;
/// The rows of a stretch: they are at least 100,000 in all.
const STRETCH: u64 = BATCH as u64;
/// From so many cells on a file is judged by itself, whatever the others hold.
const JUDGED: u64 = 100;

/// What is sent of data, and how it is read.
#[derive(Clone, Copy)]
pub(super) struct Choice<'a> {
    pub(super) column: Column<'a>,
    pub(super) delimiter: u8,
    pub(super) reading: Reading<'a>,
    pub(super) accepted: &'a [(String, Name)],
    /// Whether the columns that stay are read with the others, to go into a payload.
    pub(super) is_whole: bool,
}

/// Where rows go that are read.
pub(super) enum Sorts<'a> {
    /// Nowhere: they are only judged.
    Nowhere,
    /// What is sent of them to this sort.
    Sent(&'a Sort<Fields>),
    /// Rows of text, with the columns that stay.
    Lines(&'a Sort<Fields>),
    /// Rows of Arrow's types, with the columns that stay.
    Columns(&'a Sort<RecordBatch>),
}

impl<'a> From<&'a Sort<Fields>> for Sorts<'a> {
    fn from(sort: &'a Sort<Fields>) -> Self {
        Self::Lines(sort)
    }
}

impl<'a> From<&'a Sort<RecordBatch>> for Sorts<'a> {
    fn from(sort: &'a Sort<RecordBatch>) -> Self {
        Self::Columns(sort)
    }
}

impl<'a> Sorts<'a> {
    /// Where rows go whose other columns stay behind.
    fn without<F>(&self, path: PathBuf) -> Result<Goes<'a, F>, PrepareError> {
        match self {
            Self::Nowhere => Ok(Goes::Nowhere),
            Self::Sent(sort) => Ok(Goes::Sent(sort)),
            // The file is of another type by now.
            Self::Lines(_) | Self::Columns(_) => Err(PrepareError::PayloadFiles { path }),
        }
    }
}

/// A file of the data, or a frame, whose columns were found.
struct Opened {
    source: Source,
    sent: Sent,
    keeping: Keeping,
    extent: Extent,
}

impl Choice<'_> {
    fn open(&self, input: Input<'_>) -> Result<Opened, PrepareError> {
        let Self { column, delimiter, reading, accepted, is_whole } = self;
        let mut source = input.open_in(Delimiter::Given(*delimiter), reading.encoding)?;
        let sent = find_columns(source.table(), *column, reading)?;
        let keeping = Keeping::of(source.table(), &sent, accepted)?;
        let columns = sent.columns();
        let extent = match &mut source {
            Source::Lines(rows) => choose(rows, &columns, *is_whole)?,
            Source::Columns(rows) => choose(rows, &columns, *is_whole)?,
        };
        Ok(Opened { source, sent, keeping, extent })
    }
}

fn choose<F: Fill>(
    rows: &mut Stream<F>,
    columns: &[usize],
    is_whole: bool,
) -> Result<Extent, TableError> {
    // Of a file the columns that stay are sampled. What is not one is read once, with all columns.
    if rows.table.is_file() && !is_whole {
        rows.choose(columns, 0)?;
    }
    rows.extent()
}

/// A file of the data, to be opened when its turn comes; what is alone is open.
enum Part<'a> {
    One(Box<Opened>),
    File(&'a DataFile),
}

/// The data, whose columns were found in every file.
pub(super) struct Given<'a> {
    choice: Choice<'a>,
    parts: Vec<Part<'a>>,
    /// Of all files together.
    extent: Extent,
    /// Of each file, in the unit of its rows.
    sizes: Vec<u64>,
    cells: usize,
    has_identifiers: bool,
    /// The columns of a payload.
    travelling: Option<Travelling>,
    effort: &'a Effort,
}

/// What was found in the data, whose rows are in the sort.
pub(super) struct Dealt {
    pub(super) rows: u64,
    /// The rows before each block.
    pub(super) before: Vec<u64>,
    pub(super) content: Content,
    /// How many cells have a value, and how many values are distinct.
    pub(super) values: u64,
    pub(super) distinct: u64,
    /// Of rows that do not go to a sort: the bytes of their values.
    pub(super) sent: u64,
    /// The files, as they are known again.
    pub(super) files: Vec<requested::Data>,
    /// What files of codes say of themselves.
    pub(super) metas: Vec<(PathBuf, FileMeta)>,
}

impl<'a> Given<'a> {
    /// Opens every file and finds its columns, before any row is read.
    pub(super) fn open(
        data: Data<'a>,
        choice: Choice<'a>,
        effort: &'a Effort,
    ) -> Result<Self, PrepareError> {
        let (mut sizes, mut whole) = (Vec::new(), None::<Extent>);
        let (mut cells, mut has_identifiers) = (1, false);
        let mut travelling = None::<Travelling>;
        let mut see = |opened: &Opened| -> Result<(), PrepareError> {
            let Opened { source, sent, keeping, extent } = opened;
            let (table, kept) = (source.table(), &keeping.kept);
            match &travelling {
                _ if !choice.is_whole => {}
                Some(first) => first.check(table, kept)?,
                None => travelling = Some(Travelling::of(table, kept)),
            }
            cells = sent.cells();
            if let Sent::CivilStatus(columns, _) = sent {
                has_identifiers |= columns[IDENTIFIER].is_some();
            }
            sizes.push(extent.size());
            let mut extent = *extent;
            if extent.rows > 0 && !choice.is_whole {
                extent.bytes = extent.rows.saturating_mul(ROW * cells as u64);
            }
            whole = Some(match whole {
                None => extent,
                Some(mut whole) => {
                    // Where the rows of one are not known, those of all are not.
                    let known = whole.rows.min(extent.rows) > 0;
                    whole.rows = if known { whole.rows + extent.rows } else { 0 };
                    whole.length = whole.length.saturating_add(extent.length);
                    whole.bytes = whole.bytes.saturating_add(extent.bytes);
                    whole
                }
            });
            Ok(())
        };
        let parts = match data {
            Data::One(input) => {
                let opened = choice.open(input)?;
                see(&opened)?;
                vec![Part::One(Box::new(opened))]
            }
            Data::Files(files) => {
                for file in files {
                    see(&choice.open(Input::File(&file.path))?)?;
                }
                files.iter().map(Part::File).collect()
            }
        };
        let extent = whole.ok_or(PrepareError::NoData)?;
        Ok(Self { choice, parts, extent, sizes, cells, has_identifiers, travelling, effort })
    }

    /// Whether a payload of it is text.
    pub(super) fn is_text(&self) -> bool {
        self.travelling.as_ref().is_some_and(Travelling::is_text)
    }

    /// The columns of a payload, once.
    pub(super) fn take_travelling(&mut self) -> Option<Travelling> {
        self.travelling.take()
    }

    /// How large the data is: what its rows take in the sort.
    pub(super) fn extent(&self) -> Extent {
        self.extent
    }

    /// The same in the unit of progress.
    pub(super) fn size(&self) -> u64 {
        self.sizes.iter().sum()
    }

    /// How many rows of the request each row of the data has.
    pub(super) fn cells(&self) -> usize {
        self.cells
    }

    /// How many files the data is.
    pub(super) fn count(&self) -> u64 {
        self.parts.len() as u64
    }

    /// Whether the data is several files.
    pub(super) fn is_of_files(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::File(_)))
    }

    /// Reads the data and judges it; its rows go to the sort, if there is one.
    pub(super) fn deal(
        self,
        sorts: &Sorts<'_>,
        threads: NonZeroUsize,
    ) -> Result<(Dealt, Findings), PrepareError> {
        let Self { choice, parts, sizes, has_identifiers, effort, .. } = self;
        let (counting, count) = (Counting::new(), parts.len());
        let mut all = All::default();
        let mut sent = None;
        for (part, size) in parts.into_iter().zip(sizes) {
            let (opened, file) = match part {
                Part::One(opened) => (*opened, None),
                Part::File(file) => (choice.open(Input::File(&file.path))?, Some(file)),
            };
            let Opened { source, sent: found, keeping, .. } = opened;
            let reader = Reader {
                choice: &choice,
                sent: &found,
                keeping: &keeping,
                file,
                size,
                threads,
                counting: &counting,
                has_identifiers,
                files: count as u64,
                effort,
            };
            let (kept, path) = (runs(&keeping.kept), source.table().path().to_owned());
            match (source, sorts) {
                (Source::Lines(rows), Sorts::Lines(sort)) => {
                    reader.read(rows, Goes::Whole(sort, kept), &mut all)?;
                }
                (Source::Columns(rows), Sorts::Columns(sort)) => {
                    reader.read(rows, Goes::Whole(sort, kept), &mut all)?;
                }
                (Source::Lines(rows), _) => reader.read(rows, sorts.without(path)?, &mut all)?,
                (Source::Columns(rows), _) => reader.read(rows, sorts.without(path)?, &mut all)?,
            }
            sent = Some(found);
        }
        all.end(&sent.ok_or(PrepareError::NoData)?, has_identifiers)
    }
}

/// What was found in the files so far.
#[derive(Default)]
struct All {
    found: Found,
    so_far: SoFar,
    files: Vec<requested::Data>,
    metas: Vec<(PathBuf, FileMeta)>,
    identifiers: BTreeMap<String, Held>,
    risks: Vec<Risk>,
    /// Where the first file is, and the error of the small one that is most wrong by itself.
    first: PathBuf,
    wrong: Option<(u64, PrepareError)>,
}

/// How a file of the data is read, or a frame.
struct Reader<'a> {
    choice: &'a Choice<'a>,
    sent: &'a Sent,
    keeping: &'a Keeping,
    file: Option<&'a DataFile>,
    size: u64,
    threads: NonZeroUsize,
    counting: &'a Counting,
    has_identifiers: bool,
    /// How many files there are.
    files: u64,
    effort: &'a Effort,
}

impl Reader<'_> {
    fn read<F: Fill + Sortable>(
        &self,
        mut rows: Stream<F>,
        goes: Goes<'_, F>,
        all: &mut All,
    ) -> Result<(), PrepareError> {
        let Self { choice, sent, keeping, .. } = self;
        let is_sorted = !matches!(goes, Goes::Nowhere);
        let is_whole = matches!(goes, Goes::Whole(..));
        // Of a payload nothing is kept to know the data again by.
        let mut known = match is_whole {
            true => None,
            false => Some(Known::begin(&mut rows, &sent.columns())?),
        };
        if is_whole {
            rows.keep_quotes();
        }
        let dealing = Dealing {
            rows: &mut rows,
            known: known.as_mut(),
            keeping,
            reading: choice.reading,
            size: self.size,
            goes,
            threads: self.threads,
            counting: self.counting,
            so_far: &mut all.so_far,
            progress: &self.effort.progress,
        };
        let mut found = dealing.deal_sent(sent, self.has_identifiers)?;
        let path = rows.table.path();
        let wrong = found.wrong_column(path, sent, |column| keeping.shown.column(column));
        match (wrong, &all.wrong) {
            (Some((filled, error)), _) if self.files == 1 || filled >= JUDGED => return Err(error),
            (Some(wrong), before) if before.as_ref().is_none_or(|before| before.0 < wrong.0) => {
                all.wrong = Some(wrong);
            }
            _ => {}
        }
        // Where whole rows were read, all of them were judged.
        if let (true, Some(count)) = (rows.table.is_file() && !is_whole, rows.table.rows()) {
            let stretches = (STRETCHES / self.files).max(1);
            sample(path, keeping, (count, stretches), &mut found.kept)?;
        }
        let (identifiers, risks) = keeping.judge(&found.kept, choice.accepted)?;
        for (column, held) in identifiers {
            all.identifiers.entry(column).or_default().add(held);
        }
        match all.risks.is_empty() {
            true => all.risks = risks,
            // One for each that was accepted, in their order.
            false => all.risks.iter_mut().zip(risks).for_each(|(risk, here)| {
                risk.is_needed |= here.is_needed;
            }),
        }
        if let (Sent::Codes(_), true) = (sent, is_sorted) {
            let meta = match choice.column {
                Column::Coded(meta) => Some(meta.clone()),
                _ => origin(&rows.table)?.meta,
            };
            all.metas.extend(meta.map(|meta| (path.to_owned(), meta)));
        }
        if all.files.is_empty() {
            path.clone_into(&mut all.first);
        }
        if let Some(known) = known {
            let delimiter = rows.table.schema().is_none().then(|| rows.table.delimiter());
            let place = rows.table.is_file().then_some(path);
            let seen = (found.rows, known.finish(&rows));
            let data = requested::Data::new(place, delimiter, &sent.columns(), seen);
            let data = data.in_encoding(choice.reading.encoding.map(Encoding::name));
            all.files.push(match self.file {
                Some(file) => data.called(&file.name, file.folder.as_deref()),
                None => data,
            });
        }
        all.found.add_file(&found);
        Ok(())
    }
}

impl All {
    fn end(self, sent: &Sent, has_identifiers: bool) -> Result<(Dealt, Findings), PrepareError> {
        let Self { found, so_far, files, metas, identifiers, risks, first, wrong } = self;
        if found.rows == 0 {
            return Err(TableError::NoRows { path: first }.into());
        }
        // Where the whole is wrong, so is one of its files.
        let is_wrong = found.wrong_column(&first, sent, ColumnName::number).is_some();
        if let (true, Some((_, error))) = (is_wrong, wrong) {
            return Err(error);
        }
        let content = found.content(sent, has_identifiers)?;
        let counts = STATUSES.into_iter().enumerate().map(|(at, word)| (word, found.all(at as u8)));
        let seen = FIELDS.into_iter().zip(found.seen);
        let unread = seen.clone().filter(|(_, seen)| seen.unread > 0);
        let findings = Findings {
            most: so_far.distinct.most(),
            unkeyed: found.unkeyed,
            counts: counts.filter(|(_, count)| *count > 0).collect(),
            unread: unread.map(|(field, seen)| (field.name(), seen.unread)).collect(),
            may_be_days: seen.into_iter().any(|(field, seen)| seen.may_be_days(field)),
            over_lines: found.kept.over_lines,
            identifiers,
            risks,
        };
        let dealt = Dealt {
            rows: found.rows,
            content,
            values: found.all(OK),
            distinct: so_far.distinct.found(),
            sent: found.sent,
            before: found.before,
            files,
            metas,
        };
        Ok((dealt, findings))
    }
}

/// Judges the columns that stay by so many stretches of rows, which are spread over the Parquet
/// file of `rows` rows.
fn sample(
    path: &Path,
    keeping: &Keeping,
    (rows, stretches): (u64, u64),
    found: &mut guard::Found,
) -> Result<(), TableError> {
    if keeping.kept.is_empty() {
        return Ok(());
    }
    let Source::Columns(mut stream) = Source::open(path, Delimiter::Given(b','))? else {
        return Ok(());
    };
    let last = rows.saturating_sub(STRETCH);
    let (stretches, length) = match rows <= stretches * STRETCH {
        true => (1, rows),
        false => (stretches, STRETCH),
    };
    for stretch in 0..stretches {
        // One alone is in the middle, unless it is all.
        let begin = match stretches {
            1 if length == rows => 0,
            1 => last / 2,
            _ => last * stretch / (stretches - 1),
        };
        stream.choose(&keeping.kept, begin)?;
        let mut read = 0;
        let mut batch = Fill::empty();
        while read < length && stream.fill(&mut batch, BATCH)? {
            keeping.guard.judge(&keeping.shown, &batch, found)?;
            read += batch.rows() as u64;
        }
    }
    Ok(())
}
