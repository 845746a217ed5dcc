//! The rows of the data through the sort to the request and to where rows are retained.

use std::io::{self, Write};
use std::path::Path;

use cstatns_base::code::Tag;
use cstatns_base::commitment::{Commit, CommitmentKey};
use cstatns_base::files::{FileError, Pending};
use cstatns_base::meta::{FileMeta, ServiceId, marks};
use cstatns_base::name::{Hex, Name};
use cstatns_parcel::make::Making;
use cstatns_parcel::sending::{Foreseen, Sending};
use cstatns_record::manifest::{Content, Manifest};
use cstatns_record::proposal::Input;
use cstatns_record::report::{ReportError, report_path};
use cstatns_rows::csv::Fields;
use cstatns_rows::effort::Effort;
use cstatns_rows::error::TableError;
use cstatns_rows::sink::{self, Encoding, Sink};
use cstatns_rows::sort::{ROWS, Sort};
use cstatns_rows::table::Format;

use super::given::Given;
use super::write::{Outputs, Partitions, write};
use super::{PrepareError, Prepared, Tried};

/// The most partitions that are written at once.
const MOST_AT_ONCE: usize = 8;

/// What is to be done with the rows of data whose columns were found.
pub(super) struct Job<'a> {
    pub(super) service: &'a ServiceId,
    pub(super) signing: &'a Hex<32>,
    pub(super) domain: &'a Name,
    pub(super) request: &'a Path,
    pub(super) request_format: Format,
    pub(super) given: Given<'a>,
    pub(super) effort: &'a Effort,
}

/// Reads the data and judges it, and writes nothing.
pub(super) fn try_out(given: Given<'_>, effort: &Effort) -> Result<Tried, PrepareError> {
    let cells = given.cells() as u64;
    effort.progress.expect(given.size());
    let (dealt, found) = given.deal(None, effort.threads)?;
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

impl Job<'_> {
    /// Writes the manifest and the request to these files, or both into a parcel, and what is
    /// retained to what `retained` begins, once it is given the columns.
    pub(super) fn run<R, S>(
        self,
        out: RequestFiles<'_>,
        retained: impl FnOnce(&[sink::Column<'_>]) -> Result<(R, S), TableError>,
    ) -> Result<Prepared, PrepareError>
    where
        R: Encoding,
        S: Sink<Piece = R::Piece>,
    {
        let Self { service, signing, domain, request, request_format, given, effort } = self;
        let (cells, size, is_of_files) = (given.cells(), given.size(), given.is_of_files());
        let (sort, threads) = Sort::<Fields>::new(given.extent(), Vec::new(), request, effort);
        // Rows are gone through twice: read, and written partition by partition.
        let part = size.div_ceil(sort.partitions() as u64);
        let progress = &effort.progress;
        progress.expect(size + sort.partitions() as u64 * part);
        let (dealt, found) = given.deal(Some(&sort), threads)?;
        if let Content::Codes { tag, generation } = dealt.content {
            let expected = Tag::of(service, domain);
            if tag != expected {
                return Err(PrepareError::OtherCodes {
                    found: tag,
                    expected,
                    service: service.clone(),
                    domain: domain.clone(),
                });
            }
            let is_other =
                |(_, meta): &&(_, FileMeta)| (meta.tag(), meta.generation) != (tag, generation);
            if let Some((path, _)) = dealt.metas.iter().find(is_other) {
                return Err(ReportError::Stale { path: report_path(path) }.into());
            }
        }
        let mut previous: Vec<_> = dealt.metas.iter().map(|(_, meta)| meta.delivery).collect();
        previous.sort_unstable();
        previous.dedup();
        let key = CommitmentKey::random();
        let names = dealt.content.columns();
        let mut columns = vec![sink::Column::index()];
        let pairs = match dealt.content {
            Content::Identifiers { .. } | Content::CivilStatus { .. } => {
                columns.extend(names.iter().map(|name| sink::Column::text(name)));
                marks(None)
            }
            Content::Codes { tag, generation } => {
                columns.push(sink::Column::code(request_format == Format::Parquet));
                // Of one delivery all of them.
                let meta = match (&previous[..], &dealt.metas[..]) {
                    ([_], [(_, meta), ..]) => Some(meta),
                    _ => None,
                };
                meta.map_or_else(|| marks(Some((tag, generation))), FileMeta::pairs)
            }
        };
        let mut kept = vec![sink::Column::index(), sink::Column::row()];
        kept.extend((cells > 1).then(|| sink::Column::number("column")));
        kept.extend(is_of_files.then(|| sink::Column::number("file")));
        kept.push(sink::Column::word("status"));
        let retained = retained(&kept)?;
        let commit = Commit::new(&key, &dealt.content.context(service, domain), names);
        let advance = |partitions| progress.advance(0, partitions as u64 * part);
        let content = dealt.content;
        let before = &dealt.before;
        let files = is_of_files.then(|| {
            let before = dealt
                .files
                .iter()
                .scan(0, |before, file| Some(std::mem::replace(before, *before + file.rows)));
            before.collect::<Vec<u64>>()
        });
        let files = files.as_deref();
        let mut partitions =
            Partitions { sort: &sort, before, files, cells, content, at_once: 1, threads };
        let (values, distinct) = (dealt.values, dealt.distinct);
        let input = |commitment, rows| {
            let (engine, sent) = (None, None);
            Input { commitment, rows, values, distinct, engine, sent }
        };
        let foreseen = input(Hex([0; 32]), dealt.rows * cells as u64);
        let foreseen = Foreseen { content, input: foreseen, previous: &previous };
        let mut out = out.begin(request, foreseen)?;
        let commit = match request_format.text() {
            Some(text) => {
                let request = sink::csv(&mut out, text, &columns)?;
                write(partitions, commit, Outputs { request, retained }, advance)?
            }
            None => {
                // Small partitions make small row groups.
                let at_once = sort.partitions() * ROWS as usize / (dealt.rows as usize * cells);
                partitions.at_once = at_once.clamp(1, MOST_AT_ONCE);
                let request = sink::parquet(&mut out, &columns, pairs)?;
                write(partitions, commit, Outputs { request, retained }, advance)?
            }
        };
        let (commitment, rows_sent) = commit.finish();
        let accepted = found.risks.iter().filter(|risk| risk.is_needed);
        let accepted = accepted.map(|risk| (risk.column.clone(), risk.reason.clone())).collect();
        let input = input(commitment, rows_sent);
        let (service, domain) = (service.clone(), domain.clone());
        let manifest = Manifest { service, domain, content, input, key, previous, accepted };
        out.finish(request, &manifest)?;
        Ok(Prepared {
            rows: dealt.rows,
            input,
            requested: manifest.requested(*signing, dealt.files).written_to(request),
            found,
        })
    }
}
