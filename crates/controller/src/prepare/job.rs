//! The rows of the data through the sort to the request and to what is written beside it.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;

use cstatns_base::code::Tag;
use cstatns_base::commitment::{Commit, CommitmentKey};
use cstatns_base::files::{FileError, Pending};
use cstatns_base::meta::{FileMeta, ServiceId, marks};
use cstatns_base::name::{Hex, Name};
use cstatns_parcel::make::Making;
use cstatns_parcel::sending::{Foreseen, Sending};
use cstatns_record::manifest::{Content, Manifest};
use cstatns_record::payload::Payload;
use cstatns_record::proposal::Input;
use cstatns_record::report::{ReportError, report_path};
use cstatns_rows::csv::Fields;
use cstatns_rows::effort::Effort;
use cstatns_rows::error::TableError;
use cstatns_rows::sink::{self, Encoding, Sink};
use cstatns_rows::sort::{ROWS, Sort, Sortable};
use cstatns_rows::table::Format;

use super::beside::{Retained, RowsBeside, Whole};
use super::given::{Dealt, Given, Sorts};
use super::write::{Outputs, Partitions, write};
use super::{Findings, PrepareError, Prepared, Tried};

/// The most partitions that are written at once.
const MOST_AT_ONCE: usize = 8;

/// What is to be done with the rows of data whose columns were found.
pub(super) struct Job<'a> {
    pub(super) service: &'a ServiceId,
    pub(super) signing: &'a Hex<32>,
    pub(super) domain: &'a Name,
    pub(super) request: &'a Path,
    pub(super) request_format: Format,
    pub(super) effort: &'a Effort,
}

/// Reads the data and judges it, and writes nothing.
pub(super) fn try_out(given: Given<'_>, effort: &Effort) -> Result<Tried, PrepareError> {
    let cells = given.cells() as u64;
    effort.progress.expect(given.size());
    let (dealt, found) = given.deal(&Sorts::Nowhere, effort.threads)?;
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

/// The bytes of an index in CSV with the end of its line, of a code's text, and of the rest of a
/// retained row without the row's number.
const INDEX: u64 = 33;
const CODE: u64 = 60;
const RETAINED: u64 = 4;

/// The files of a request: it beside its manifest, or a parcel of both.
pub(super) enum RequestFiles<'a> {
    Clear { manifest: &'a mut Pending, request: &'a mut Pending },
    Parcel { request: &'a mut Pending, sending: &'a Sending<'a> },
}

impl<'a> RequestFiles<'a> {
    fn begin(self, path: &Path, foreseen: Foreseen<'_>) -> Result<Begun<'a>, FileError> {
        Ok(match self {
            Self::Clear { manifest, request } => Begun::Clear { manifest, request },
            Self::Parcel { request, sending } => {
                let making = sending.begin(path, foreseen, request);
                let making = making.map_err(|error| FileError::from_io(path, &error))?;
                Begun::Parcel { making: Box::new(making), sending }
            }
        })
    }
}

/// The same once rows are written.
enum Begun<'a> {
    Clear { manifest: &'a mut Pending, request: &'a mut Pending },
    Parcel { making: Box<Making<&'a mut Pending>>, sending: &'a Sending<'a> },
}

impl Begun<'_> {
    fn finish(self, path: &Path, manifest: &Manifest) -> Result<(), FileError> {
        match self {
            Self::Clear { manifest: file, .. } => {
                let written = file.write_all(&manifest.bytes());
                written.map_err(|error| FileError::from_io(file.target(), &error))
            }
            Self::Parcel { making, sending } => {
                let finished = sending.finish(*making, manifest);
                let (file, head) = finished.map_err(|error| FileError::from_io(path, &error))?;
                file.write_over(&head, 0)
            }
        }
    }
}

impl Write for Begun<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear { request, .. } => request.write(bytes),
            Self::Parcel { making, .. } => making.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Rows in the sort, and how they got there.
struct Sorted<'a, F> {
    sort: &'a Sort<F>,
    threads: NonZeroUsize,
    /// What each partition counts for in progress.
    part: u64,
    dealt: Dealt,
    found: Findings,
    /// How many rows of the request each row of the data has.
    cells: usize,
}

impl Job<'_> {
    /// Writes the manifest and the request to these files, or both into a parcel, and what is
    /// retained to what `retained` begins, once it is given the columns.
    pub(super) fn run<R, S>(
        self,
        given: Given<'_>,
        out: RequestFiles<'_>,
        retained: impl FnOnce(&[sink::Column<'_>]) -> Result<(R, S), TableError>,
    ) -> Result<Prepared, PrepareError>
    where
        R: Encoding,
        S: Sink<Piece = R::Piece>,
    {
        let (cells, is_of_files) = (given.cells(), given.is_of_files());
        let files = given.count();
        let (sort, threads) =
            Sort::<Fields>::new(given.extent(), Vec::new(), self.request, self.effort);
        let sorted = self.sorted(given, (&sort, threads), &Sorts::Sent(&sort))?;
        let mut kept = vec![sink::Column::index(), sink::Column::row()];
        kept.extend((cells > 1).then(|| sink::Column::number("column")));
        kept.extend(is_of_files.then(|| sink::Column::number("file")));
        kept.push(sink::Column::word("status"));
        let (encoding, sink) = retained(&kept)?;
        let before_files = is_of_files.then(|| {
            let files = sorted.dealt.files.iter();
            let before =
                files.scan(0, |before, file| Some(std::mem::replace(before, *before + file.rows)));
            before.collect::<Vec<u64>>()
        });
        let before = &sorted.dealt.before;
        let beside = Retained { encoding, before, files: before_files.as_deref(), cells };
        let manifest = self.write(&sorted, out, (beside, sink))?;
        let Sorted { dealt, found, .. } = sorted;
        let requested = manifest.requested(*self.signing, dealt.files).written_to(self.request);
        Ok(Prepared {
            rows: dealt.rows,
            files,
            content: dealt.content,
            input: manifest.input,
            requested: Some(requested),
            payload: None,
            found,
        })
    }

    /// Writes the manifest and the request into a parcel, and whole rows without what is sent of
    /// them to what `begin` begins, once it is given the columns.
    pub(super) fn run_whole<E, S>(
        self,
        mut given: Given<'_>,
        out: RequestFiles<'_>,
        begin: impl FnOnce(&[sink::Column<'_>]) -> Result<(E, S), TableError>,
    ) -> Result<Prepared, PrepareError>
    where
        E: Encoding,
        E::Form: Sortable,
        for<'s> Sorts<'s>: From<&'s Sort<E::Form>>,
        S: Sink<Piece = E::Piece>,
    {
        let files = given.count();
        let travelling = given.take_travelling().ok_or(PrepareError::NoData)?;
        let (sort, threads) =
            Sort::<E::Form>::new(given.extent(), travelling.runs(), self.request, self.effort);
        let sorted = self.sorted(given, (&sort, threads), &Sorts::from(&sort))?;
        let (encoding, sink) = begin(&travelling.into_columns())?;
        let manifest = self.write(&sorted, out, (Whole(encoding), sink))?;
        let Sorted { dealt, found, .. } = sorted;
        Ok(Prepared {
            rows: dealt.rows,
            files,
            content: dealt.content,
            input: manifest.input,
            requested: None,
            payload: Some(Payload::new(&manifest, *self.signing)),
            found,
        })
    }

    /// Reads the data into the sort.
    fn sorted<'s, F: Sortable>(
        &self,
        given: Given<'_>,
        (sort, threads): (&'s Sort<F>, NonZeroUsize),
        sorts: &Sorts<'_>,
    ) -> Result<Sorted<'s, F>, PrepareError> {
        let Self { service, domain, effort, .. } = self;
        let (cells, size) = (given.cells(), given.size());
        // Rows are gone through twice: read, and written partition by partition.
        let part = size.div_ceil(sort.partitions() as u64);
        effort.progress.expect(size + sort.partitions() as u64 * part);
        let (dealt, found) = given.deal(sorts, threads)?;
        if let Content::Codes { tag, generation } = dealt.content {
            let expected = Tag::of(service, domain);
            if tag != expected {
                return Err(PrepareError::OtherCodes {
                    found: tag,
                    expected,
                    service: (*service).clone(),
                    domain: (*domain).clone(),
                });
            }
            let is_other =
                |(_, meta): &&(_, FileMeta)| (meta.tag(), meta.generation) != (tag, generation);
            if let Some((path, _)) = dealt.metas.iter().find(is_other) {
                return Err(ReportError::Stale { path: report_path(path) }.into());
            }
        }
        Ok(Sorted { sort, threads, part, dealt, found, cells })
    }

    /// Writes the request with its manifest, and beside it what there is to be. Returns the
    /// manifest.
    fn write<B, S>(
        &self,
        sorted: &Sorted<'_, B::Form>,
        out: RequestFiles<'_>,
        beside: (B, S),
    ) -> Result<Manifest, PrepareError>
    where
        B: RowsBeside,
        S: Sink<Piece = <B::Encoding as Encoding>::Piece>,
    {
        let Self { service, domain, request, request_format, effort, .. } = self;
        let Sorted { sort, threads, part, dealt, found, cells } = sorted;
        let mut previous: Vec<_> = dealt.metas.iter().map(|(_, meta)| meta.delivery).collect();
        previous.sort_unstable();
        previous.dedup();
        let key = CommitmentKey::random();
        let content = dealt.content;
        let names = content.columns();
        let mut columns = vec![sink::Column::index()];
        let pairs = match content {
            Content::Identifiers { .. } | Content::CivilStatus { .. } => {
                columns.extend(names.iter().map(|name| sink::Column::text(name)));
                marks(None)
            }
            Content::Codes { tag, generation } => {
                columns.push(sink::Column::code(*request_format == Format::Parquet));
                // Of one delivery all of them.
                let meta = match (&previous[..], &dealt.metas[..]) {
                    ([_], [(_, meta), ..]) => Some(meta),
                    _ => None,
                };
                meta.map_or_else(|| marks(Some((tag, generation))), FileMeta::pairs)
            }
        };
        let commit = Commit::new(&key, &content.context(service, domain), names);
        let advance = |partitions| effort.progress.advance(0, partitions as u64 * part);
        let mut partitions = Partitions { sort: *sort, content, at_once: 1, threads: *threads };
        let (values, distinct) = (dealt.values, dealt.distinct);
        let input = |commitment, rows| {
            let (engine, sent) = (None, None);
            Input { commitment, rows, values, distinct, engine, sent }
        };
        let foreseen = input(Hex([0; 32]), dealt.rows * *cells as u64);
        let foreseen = Foreseen { content, input: foreseen, previous: &previous };
        let mut out = out.begin(request, foreseen)?;
        let commit = match request_format.text() {
            Some(text) => {
                let request = sink::csv(&mut out, text, &columns)?;
                write(partitions, commit, Outputs { request, beside }, advance)?
            }
            None => {
                if !B::Form::GROUPS {
                    // Small partitions make small row groups.
                    let at_once = sort.partitions() * ROWS as usize / (dealt.rows as usize * cells);
                    partitions.at_once = at_once.clamp(1, MOST_AT_ONCE);
                }
                let request = sink::parquet(&mut out, &columns, pairs)?;
                write(partitions, commit, Outputs { request, beside }, advance)?
            }
        };
        let (commitment, rows_sent) = commit.finish();
        let accepted = found.risks.iter().filter(|risk| risk.is_needed);
        let accepted = accepted.map(|risk| (risk.column.clone(), risk.reason.clone())).collect();
        let input = input(commitment, rows_sent);
        let (service, domain) = ((*service).clone(), (*domain).clone());
        let manifest = Manifest { service, domain, content, input, key, previous, accepted };
        out.finish(request, &manifest)?;
        Ok(manifest)
    }
}
