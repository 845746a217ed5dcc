//! The rows of the data through the sort to the request and to where rows are retained.

use std::io::Write;
use std::path::Path;

use cstatns_base::code::Tag;
use cstatns_base::commitment::{Commit, CommitmentKey};
use cstatns_base::files::{FileError, Pending};
use cstatns_base::meta::{ServiceId, marks};
use cstatns_base::name::{Hex, Name};
use cstatns_record::manifest::{Content, Manifest};
use cstatns_record::proposal::Input;
use cstatns_record::report::{ReportError, report_path};
use cstatns_rows::effort::Effort;
use cstatns_rows::error::TableError;
use cstatns_rows::reading::Reading;
use cstatns_rows::sink::{self, Encoding, Sink};
use cstatns_rows::sort::{ROWS, Sort, Sortable};
use cstatns_rows::table::{Format, Stream, Table};

use crate::origin::origin;

use super::counting::Counting;
use super::deal::Data;
use super::kept::Keeping;
use super::write::{Outputs, Partitions, write};
use super::{PrepareError, Prepared, Sent};

/// The most partitions that are written at once.
const MOST_AT_ONCE: usize = 8;

/// What is to be done with the rows of data whose columns were found.
pub(super) struct Job<'a> {
    pub(super) service: &'a ServiceId,
    pub(super) signing: &'a Hex<32>,
    pub(super) domain: &'a Name,
    pub(super) request: &'a Path,
    pub(super) request_format: Format,
    pub(super) reading: Reading<'a>,
    pub(super) sent: Sent,
    pub(super) keeping: Keeping,
    pub(super) accepted: &'a [(String, Name)],
    pub(super) effort: &'a Effort,
}

impl Job<'_> {
    /// Writes the manifest and the request to these files, and what is retained to what `retained`
    /// begins, once it is given the columns.
    pub(super) fn run<F, R, S>(
        self,
        mut rows: Stream<F>,
        manifest_file: &mut Pending,
        request_file: &mut Pending,
        retained: impl FnOnce(&[sink::Column<'_>], &Table) -> Result<(R, S), TableError>,
    ) -> Result<Prepared, PrepareError>
    where
        F: Sortable,
        R: Encoding<Form = F>,
        S: Sink<Piece = R::Piece>,
    {
        let Self {
            service,
            signing,
            domain,
            request,
            request_format,
            reading,
            sent,
            keeping,
            accepted,
            effort,
        } = self;
        let others = sent.others(rows.table.header().len());
        let extent = rows.extent()?;
        let size = extent.size();
        let (sort, threads) = Sort::new(extent, others.clone(), request, effort);
        // Rows are gone through twice: read, and written partition by partition.
        let part = size.div_ceil(sort.partitions() as u64);
        let progress = &effort.progress;
        progress.expect(size + sort.partitions() as u64 * part);
        let data = Data {
            rows: &mut rows,
            keeping: &keeping,
            reading,
            size,
            sort: &sort,
            threads,
            counting: &Counting::new(),
            progress,
        };
        let dealt = match sent {
            Sent::Identifiers(column, scheme) => data.deal_identifiers(column, scheme)?,
            Sent::Codes(column) => data.deal_codes(column)?,
            Sent::CivilStatus(columns, years) => data.deal_civil_status(columns, years)?,
        };
        let (identifiers, risks) = keeping.judge(&dealt.kept, accepted)?;
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
        let mut kept = vec![sink::Column::index(), sink::Column::word("status")];
        kept.extend(
            others.into_iter().flatten().map(|other| sink::Column::kept(&rows.table, other)),
        );
        let retained = retained(&kept, &rows.table)?;
        let commit = Commit::new(&key, &dealt.content.context(service, domain), names);
        let advance = |partitions| progress.advance(0, partitions as u64 * part);
        let content = dealt.content;
        let mut partitions = Partitions { sort: &sort, content, at_once: 1, threads };
        let commit = match request_format.text() {
            Some(text) => {
                let request = sink::csv(request_file, text, &columns)?;
                write(partitions, commit, Outputs { request, retained }, advance)?
            }
            None => {
                if !F::GROUPS {
                    // Small partitions make small row groups.
                    let at_once = sort.partitions() * ROWS as usize / dealt.rows as usize;
                    partitions.at_once = at_once.clamp(1, MOST_AT_ONCE);
                }
                let request = sink::parquet(request_file, &columns, pairs)?;
                write(partitions, commit, Outputs { request, retained }, advance)?
            }
        };
        let (commitment, rows) = commit.finish();
        let accepted = risks.iter().filter(|risk| risk.is_needed);
        let accepted = accepted.map(|risk| (risk.column.clone(), risk.reason.clone())).collect();
        let (values, distinct) = (dealt.values, dealt.distinct);
        let input = Input { commitment, rows, values, distinct };
        let (service, domain) = (service.clone(), domain.clone());
        let manifest = Manifest { service, domain, content, input, key, previous, accepted };
        let written = manifest_file.write_all(&manifest.bytes());
        written.map_err(|error| FileError::from_io(manifest_file.target(), &error))?;
        let (counts, unread, over_lines) = (dealt.counts, dealt.unread, dealt.kept.over_lines);
        let may_be_days = dealt.may_be_days;
        Ok(Prepared {
            rows,
            input,
            requested: manifest.requested(*signing),
            counts,
            unread,
            may_be_days,
            over_lines,
            identifiers,
            risks,
        })
    }
}
