//! The rows of the data through the sort to the request and to where rows are retained.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;

use cstatns_base::code::Tag;
use cstatns_base::commitment::{Commit, CommitmentKey};
use cstatns_base::files::{FileError, Pending};
use cstatns_base::meta::{ServiceId, marks};
use cstatns_base::name::{Hex, Name};
use cstatns_record::manifest::{Content, Manifest};
use cstatns_record::proposal::Input;
use cstatns_record::report::{ReportError, report_path};
use cstatns_record::requested::Data as DataKnown;
use cstatns_rows::csv::{Delimiter, Fields};
use cstatns_rows::effort::Effort;
use cstatns_rows::encoding::Encoding as Encoded;
use cstatns_rows::error::TableError;
use cstatns_rows::guard;
use cstatns_rows::reading::Reading;
use cstatns_rows::sink::{self, Encoding, Sink};
use cstatns_rows::sort::{ROWS, Sort};
use cstatns_rows::table::{BATCH, Batch, Fill, Format, Source, Stream};

use crate::known::Known;
use crate::origin::origin;

use super::counting::Counting;
use super::deal::{Data, Dealt};
use super::kept::Keeping;
use super::sent::Sent;
use super::write::{Outputs, Partitions, write};
use super::{Findings, PrepareError, Prepared, Tried};

/// The most partitions that are written at once.
const MOST_AT_ONCE: usize = 8;

/// What a row takes in the sort, about, in bytes: where there are only few columns it is what they
/// take in the file.
const ROW: u64 = 64;
/// Of a Parquet file the columns that stay are judged by so many stretches of rows.
const STRETCHES: u64 = 16;
/// The rows of a stretch: they are at least 100,000 in all.
const STRETCH: u64 = BATCH as u64;

/// What is to be done with the rows of data whose columns were found.
pub(super) struct Job<'a> {
    pub(super) service: &'a ServiceId,
    pub(super) signing: &'a Hex<32>,
    pub(super) domain: &'a Name,
    pub(super) request: &'a Path,
    pub(super) request_format: Format,
    pub(super) given: Given<'a>,
}

/// Data whose columns were found, and how it is read.
pub(super) struct Given<'a> {
    pub(super) reading: Reading<'a>,
    pub(super) sent: Sent,
    pub(super) keeping: Keeping,
    pub(super) accepted: &'a [(String, Name)],
    pub(super) effort: &'a Effort,
}

impl Given<'_> {
    /// Reads the data and judges it; its rows go to the sort, if there is one.
    fn deal<F: Fill>(
        &self,
        rows: &mut Stream<F>,
        known: &mut Known,
        size: u64,
        sort: Option<&Sort<Fields>>,
        threads: NonZeroUsize,
    ) -> Result<(Dealt, Findings), PrepareError> {
        let Self { reading, sent, keeping, accepted, effort } = self;
        let data = Data {
            rows,
            known,
            keeping,
            reading: *reading,
            size,
            sort,
            threads,
            counting: &Counting::new(),
            progress: &effort.progress,
        };
        let mut dealt = match sent {
            Sent::Identifiers(columns, scheme) => data.deal_identifiers(columns, *scheme)?,
            Sent::Codes(columns) => data.deal_codes(columns)?,
            Sent::CivilStatus(columns, years) => data.deal_civil_status(*columns, *years)?,
        };
        if let (true, Some(all)) = (rows.table.is_file(), rows.table.rows()) {
            sample(rows.table.path(), keeping, all, &mut dealt.kept)?;
        }
        let (identifiers, risks) = keeping.judge(&dealt.kept, accepted)?;
        let found = Findings {
            most: dealt.most,
            unkeyed: dealt.unkeyed,
            counts: std::mem::take(&mut dealt.counts),
            unread: std::mem::take(&mut dealt.unread),
            may_be_days: dealt.may_be_days,
            over_lines: dealt.kept.over_lines,
            identifiers,
            risks,
        };
        Ok((dealt, found))
    }

    /// As [`Given::try_out`], of rows in whichever form.
    pub(super) fn try_any(self, source: Source) -> Result<Tried, PrepareError> {
        match source {
            Source::Lines(rows) => self.try_out(rows),
            Source::Columns(rows) => self.try_out(rows),
        }
    }

    /// Reads the data and judges it, and writes nothing.
    fn try_out<F: Fill>(self, mut rows: Stream<F>) -> Result<Tried, PrepareError> {
        let (columns, cells) = (self.sent.columns(), self.sent.cells() as u64);
        let mut known = Known::begin(&mut rows, &columns)?;
        rows.choose(&columns, 0)?;
        let size = rows.extent()?.size();
        self.effort.progress.expect(size);
        let threads = self.effort.threads;
        let (dealt, found) = self.deal(&mut rows, &mut known, size, None, threads)?;
        known.finish(&rows);
        let values = match dealt.content {
            // Of codes the text form.
            Content::Codes { .. } => dealt.sent / 32 * CODE,
            _ => dealt.sent,
        };
        let columns = dealt.content.columns().len() as u64;
        let number = dealt.rows.max(1).ilog10() as u64 + 1;
        let all = dealt.rows * cells;
        Ok(Tried {
            rows: dealt.rows,
            request_rows: all,
            values: dealt.values,
            distinct: dealt.distinct,
            request_bytes: all * (INDEX + columns) + values,
            retained_bytes: all * (INDEX + number + RETAINED),
            found,
        })
    }
}

/// The bytes of an index in CSV with the end of its line, of a code's text, and of the rest of a
/// retained row without the row's number.
const INDEX: u64 = 33;
const CODE: u64 = 60;
const RETAINED: u64 = 4;

impl Job<'_> {
    /// As [`Job::run`], of rows in whichever form.
    pub(super) fn run_any<R, S>(
        self,
        source: Source,
        manifest_file: &mut Pending,
        request_file: &mut Pending,
        retained: impl FnOnce(&[sink::Column<'_>]) -> Result<(R, S), TableError>,
    ) -> Result<Prepared, PrepareError>
    where
        R: Encoding,
        S: Sink<Piece = R::Piece>,
    {
        match source {
            Source::Lines(rows) => self.run(rows, manifest_file, request_file, retained),
            Source::Columns(rows) => self.run(rows, manifest_file, request_file, retained),
        }
    }

    /// Writes the manifest and the request to these files, and what is retained to what `retained`
    /// begins, once it is given the columns.
    fn run<F, R, S>(
        self,
        mut rows: Stream<F>,
        manifest_file: &mut Pending,
        request_file: &mut Pending,
        retained: impl FnOnce(&[sink::Column<'_>]) -> Result<(R, S), TableError>,
    ) -> Result<Prepared, PrepareError>
    where
        F: Fill,
        R: Encoding,
        S: Sink<Piece = R::Piece>,
    {
        let Self { service, signing, domain, request, request_format, given } = self;
        let (reading, effort) = (given.reading, given.effort);
        let (sent_columns, cells) = (given.sent.columns(), given.sent.cells());
        let mut known = Known::begin(&mut rows, &sent_columns)?;
        rows.choose(&sent_columns, 0)?;
        let extent = rows.extent()?;
        let size = extent.size();
        let mut heads = extent;
        if extent.rows > 0 {
            heads.bytes = extent.rows.saturating_mul(ROW * cells as u64);
        }
        let (sort, threads) = Sort::<Fields>::new(heads, Vec::new(), request, effort);
        // Rows are gone through twice: read, and written partition by partition.
        let part = size.div_ceil(sort.partitions() as u64);
        let progress = &effort.progress;
        progress.expect(size + sort.partitions() as u64 * part);
        let (dealt, found) = given.deal(&mut rows, &mut known, size, Some(&sort), threads)?;
        let (meta, previous) = match dealt.content {
            Content::Identifiers { .. } | Content::CivilStatus { .. } => (None, Vec::new()),
            Content::Codes { tag, generation } => {
                let expected = Tag::of(service, domain);
                if tag != expected {
                    return Err(PrepareError::OtherCodes {
                        found: tag,
                        expected,
                        service: service.clone(),
                        domain: domain.clone(),
                    });
                }
                let (meta, _) = origin(&rows.table)?;
                if meta
                    .as_ref()
                    .is_some_and(|meta| (meta.tag(), meta.generation) != (tag, generation))
                {
                    return Err(ReportError::Stale { path: report_path(rows.table.path()) }.into());
                }
                let previous = meta.iter().map(|meta| meta.delivery).collect();
                (meta, previous)
            }
        };
        let key = CommitmentKey::random();
        let names = dealt.content.columns();
        let delimiter = rows.table.schema().is_none().then(|| rows.table.delimiter());
        let path = rows.table.is_file().then(|| rows.table.path());
        let known = DataKnown::new(path, delimiter, &sent_columns, known.finish(&rows))
            .in_encoding(reading.encoding.map(Encoded::name));
        let mut columns = vec![sink::Column::index()];
        let pairs = match dealt.content {
            Content::Identifiers { .. } | Content::CivilStatus { .. } => {
                columns.extend(names.iter().map(|name| sink::Column::text(name)));
                marks(None)
            }
            Content::Codes { tag, generation } => {
                columns.push(sink::Column::code(request_format == Format::Parquet));
                meta.map_or_else(|| marks(Some((tag, generation))), |meta| meta.pairs())
            }
        };
        let mut kept = vec![sink::Column::index(), sink::Column::row()];
        kept.extend((cells > 1).then(sink::Column::of_columns));
        kept.push(sink::Column::word("status"));
        let retained = retained(&kept)?;
        let commit = Commit::new(&key, &dealt.content.context(service, domain), names);
        let advance = |partitions| progress.advance(0, partitions as u64 * part);
        let content = dealt.content;
        let before = &dealt.before;
        let mut partitions =
            Partitions { sort: &sort, before, cells, content, at_once: 1, threads };
        let commit = match request_format.text() {
            Some(text) => {
                let request = sink::csv(request_file, text, &columns)?;
                write(partitions, commit, Outputs { request, retained }, advance)?
            }
            None => {
                // Small partitions make small row groups.
                let at_once = sort.partitions() * ROWS as usize / (dealt.rows as usize * cells);
                partitions.at_once = at_once.clamp(1, MOST_AT_ONCE);
                let request = sink::parquet(request_file, &columns, pairs)?;
                write(partitions, commit, Outputs { request, retained }, advance)?
            }
        };
        let (commitment, rows_sent) = commit.finish();
        let accepted = found.risks.iter().filter(|risk| risk.is_needed);
        let accepted = accepted.map(|risk| (risk.column.clone(), risk.reason.clone())).collect();
        let (values, distinct) = (dealt.values, dealt.distinct);
        let input = Input { commitment, rows: rows_sent, values, distinct };
        let (service, domain) = (service.clone(), domain.clone());
        let manifest = Manifest { service, domain, content, input, key, previous, accepted };
        let written = manifest_file.write_all(&manifest.bytes());
        written.map_err(|error| FileError::from_io(manifest_file.target(), &error))?;
        Ok(Prepared {
            rows: dealt.rows,
            input,
            requested: manifest.requested(*signing, known).written_to(request),
            found,
        })
    }
}

/// Judges the columns that stay by rows that are spread over the Parquet file.
fn sample(
    path: &Path,
    keeping: &Keeping,
    rows: u64,
    found: &mut guard::Found,
) -> Result<(), TableError> {
    if keeping.kept.is_empty() {
        return Ok(());
    }
    let Source::Columns(mut stream) = Source::open(path, Delimiter::Given(b','))? else {
        return Ok(());
    };
    let last = rows.saturating_sub(STRETCH);
    let (stretches, length) = match rows <= STRETCHES * STRETCH {
        true => (1, rows),
        false => (STRETCHES, STRETCH),
    };
    for stretch in 0..stretches {
        let begin = if stretches == 1 { 0 } else { last * stretch / (stretches - 1) };
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
