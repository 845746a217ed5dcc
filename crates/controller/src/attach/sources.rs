//! The two files that are joined.

use std::path::Path;
use std::sync::Arc;

use arrow_array::Array;
use arrow_schema::DataType;
use cstatns_base::code::CodeError;
use cstatns_base::commitment::{Commit, Commitment};
use cstatns_base::files::{self, FileError};
use cstatns_base::meta::{FileMeta, ServiceId};
use cstatns_base::words;
use cstatns_parcel::age::Identity;
use cstatns_parcel::error::ParcelFault;
use cstatns_parcel::file::ParcelError;
use cstatns_parcel::head::{Kind as ParcelKind, Sender};
use cstatns_parcel::open::Opener;
use cstatns_parcel::party::Party;
use cstatns_parcel::request::{Contents, inner_name, is_age};
use cstatns_record::report::{ReportBody, ReportError, SignedReport, report_path};
use cstatns_record::requested::Requested;
use cstatns_rows::columns::{Codes, Indexes, Order, ScoreCells, fault};
use cstatns_rows::error::{RowFault, TableError};
use cstatns_rows::parts;
use cstatns_rows::results::{ResultColumns, ResultRows};
use cstatns_rows::table::{BATCH, Batch, Fill, Kind, Rows, Table};

use jiff::Timestamp;

use crate::origin::origin;

use super::AttachError;
use super::layout::Layout;

/// The retained file, or the result: rows in the order of their indexes.
pub(super) struct Sorted {
    pub(super) stream: Rows,
    pub(super) indexes: Indexes,
    pub(super) order: Order,
}

/// Some of its rows.
pub(super) struct Part {
    pub(super) batch: Box<dyn Batch>,
    pub(super) index: Vec<[u8; 16]>,
    /// The rows of the file before them.
    pub(super) before: u64,
}

impl Part {
    /// None yet.
    pub(super) fn empty() -> Self {
        Self { batch: Fill::empty(), index: Vec::new(), before: 0 }
    }

    /// The most bytes of a cell of a result.
    const CELL: usize = 1024;

    /// Refuses cells of a result that are far too long: rows of it wait for those of the retained
    /// file, many at once.
    pub(super) fn check_width(&self, path: &Path) -> Result<(), TableError> {
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
    pub(super) fn of(stream: Rows) -> Result<Self, TableError> {
        Ok(Self { indexes: Indexes::of(&stream.table)?, stream, order: Order::default() })
    }

    /// Fills `part` with the next rows; false at the end of the file.
    pub(super) fn fill(&mut self, part: &mut Part) -> Result<bool, TableError> {
        part.before = self.order.rows();
        part.index.clear();
        let path = self.stream.table.path().to_owned();
        let mut fill = || {
            let found = self.stream.fill(&mut part.batch, BATCH)?;
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

/// Refuses a file that is not the retained file of any request.
pub(super) fn need_any_retained(table: &Table) -> Result<(), TableError> {
    let expected = "`index`, `row`, `status`";
    match table.header() {
        [index, row, .., status] if index == b"index" && row == b"row" && status == b"status" => {
            Ok(())
        }
        _ => Err(TableError::Columns { path: table.path().to_owned(), expected }),
    }
}

/// Refuses a file that is not a retained file of such a request: of several columns, of several
/// files, or not.
pub(super) fn need_retained(table: &Table, layout: &Layout) -> Result<(), TableError> {
    let (names, expected): (&[&str], _) = match (layout.cells > 1, layout.is_of_files) {
        (false, false) => (&["index", "row", "status"], "`index`, `row`, `status`"),
        (true, false) => {
            (&["index", "row", "column", "status"], "`index`, `row`, `column`, `status`")
        }
        (false, true) => (&["index", "row", "file", "status"], "`index`, `row`, `file`, `status`"),
        (true, true) => (
            &["index", "row", "column", "file", "status"],
            "`index`, `row`, `column`, `file`, `status`",
        ),
    };
    if !names.iter().map(|name| name.as_bytes()).eq(table.header()) {
        return Err(TableError::Columns { path: table.path().to_owned(), expected });
    }
    for (at, name) in names.iter().enumerate() {
        let numbers = &[Kind::Text, Kind::Whole];
        match *name {
            "row" => table.need_kind(
                at,
                numbers,
                words!("`row` is a whole number", "`row` est un nombre entier"),
            )?,
            "column" => table.need_kind(
                at,
                numbers,
                words!("`column` is a whole number", "`column` est un nombre entier"),
            )?,
            "file" => table.need_kind(
                at,
                numbers,
                words!("`file` is a whole number", "`file` est un nombre entier"),
            )?,
            "status" => table.need_kind(
                at,
                &[Kind::Text],
                words!("`status` is text", "`status` est du texte"),
            )?,
            _ => {}
        }
    }
    Ok(())
}

/// The result, and what is known of it.
pub(super) struct Results {
    pub(super) rows: Sorted,
    pub(super) codes: Codes,
    pub(super) meta: FileMeta,
    pub(super) report: ReportBody,
    pub(super) read: ReadRows,
    /// Whether there are the columns `quality` and `score`.
    pub(super) quality: bool,
    pub(super) score: bool,
}

impl Results {
    /// Opens the result of the request that was kept: in a parcel for `party`, or in clear with its
    /// report beside it. It is opened `now`.
    pub(super) fn open(
        path: &Path,
        (party, now): (Option<&Party>, Timestamp),
        requested: &Requested,
    ) -> Result<Self, AttachError> {
        let (rows, place, signed) = match is_age(path)? {
            true => {
                let party =
                    party.ok_or_else(|| AttachError::PartyNeeded { path: path.to_owned() })?;
                let (rows, signed) = in_parcel(path, (party, now), requested)?;
                (rows, path.to_owned(), signed)
            }
            false => {
                let place = report_path(path);
                let signed = SignedReport::read(&place).map_err(|error| match error {
                    ReportError::File(FileError::Missing { path }) => {
                        AttachError::ReportMissing { path }
                    }
                    error => error.into(),
                });
                (parts::open(path)?.any(), place, signed?)
            }
        };
        let columns = ResultColumns::of(&rows.table)?;
        // What Parquet says must be what the report says.
        origin(&rows.table)?;
        check_request(path, &signed.body, requested)?;
        signed.verify(&place, &requested.signing)?;
        let report = signed.body;
        let meta = report.meta();
        let codes = Codes::of(&rows.table, 1, Some((meta.tag(), meta.generation)))?;
        let ResultColumns { quality, score } = columns;
        let read = ReadRows::new(columns, &report);
        Ok(Self { rows: Sorted::of(rows)?, codes, meta, report, read, quality, score })
    }
}

/// The rows and the report in a parcel from the service that the request was for.
fn in_parcel(
    path: &Path,
    (party, now): (&Party, Timestamp),
    requested: &Requested,
) -> Result<(Rows, SignedReport), AttachError> {
    let of = |fault| ParcelError::Parcel { path: path.to_owned(), fault };
    let is_sender = |sender: &Sender| match sender {
        Sender::Service(card) => {
            card.id() == &*requested.service && card.body.signing == requested.signing
        }
        _ => false,
    };
    let opener = Opener {
        identity: Identity::Hybrid(party.receiving()),
        receiver: Some(party.card().fingerprint()),
        now,
        knows: &is_sender,
    };
    let (opened, contents) = Contents::open(files::open_to_read(path)?, &opener).map_err(of)?;
    if opened.head.kind != ParcelKind::Result {
        return Err(of(ParcelFault::Form).into());
    }
    if opened.head.commitment != Some(requested.commitment) {
        return Err(AttachError::OtherRequest { path: path.to_owned() });
    }
    let signed = SignedReport::of(&opened.about).ok_or_else(|| of(ParcelFault::Form))?;
    Ok((parts::open_inside(&inner_name(path), Arc::new(contents))?.any(), signed))
}

/// The rows of a result as they are read, for their commitment.
pub(super) struct ReadRows {
    columns: ResultColumns,
    commit: Commit,
    rows: ResultRows,
}

impl ReadRows {
    fn new(columns: ResultColumns, report: &ReportBody) -> Self {
        let commit = columns.commit(&report.result.key(), &report.context());
        Self { columns, commit, rows: columns.rows() }
    }

    /// Takes the next rows. Cells that are not of their form are those of another result; the pass
    /// over them says what they are.
    pub(super) fn add(&mut self, codes: &Codes, part: &Part) {
        self.rows.clear();
        let cells = part.batch.cells(1);
        let words = self.columns.quality.then(|| part.batch.cells(2));
        let scores = self.columns.score.then(|| ScoreCells::of(&part.batch, 3));
        let mut text = Vec::new();
        for (row, index) in part.index.iter().enumerate() {
            let mut code = cells.get(row);
            if !codes.are_text() {
                text.clear();
                code = code.and_then(|cell| codes.code(cell).ok()).map(|code| {
                    code.write_text(&mut text);
                    &*text
                });
            }
            let word = words.as_ref().and_then(|words| words.get(row));
            let score = scores.as_ref().and_then(|scores| scores.get(row).ok().flatten());
            self.rows.push_texts(index, code, word, score);
        }
        self.commit.add(self.rows.encoded());
    }

    /// The commitment of all of them.
    pub(super) fn finish(self) -> Commitment {
        self.commit.finish().0
    }
}

/// Refuses a result of another request than the one that was kept: first of another service or
/// domain, which says more than that the rows are others.
fn check_request(
    result: &Path,
    report: &ReportBody,
    requested: &Requested,
) -> Result<(), AttachError> {
    let path = || result.to_owned();
    if report.service != *requested.service {
        let found = ServiceId::of(&report.service)
            .ok_or_else(|| ReportError::Form { path: report_path(result) })?;
        let expected = requested.service.clone();
        return Err(AttachError::OtherService { path: path(), found, expected });
    }
    if report.domain != requested.domain {
        let (found, expected) = (report.domain.clone(), requested.domain.clone());
        return Err(AttachError::OtherDomain { path: path(), found, expected });
    }
    if report.r#use != requested.r#use {
        let (found, expected) = (report.r#use, requested.r#use);
        return Err(AttachError::OtherUse { path: path(), found, expected });
    }
    if report.scheme != requested.scheme {
        return Err(AttachError::OtherScheme {
            path: path(),
            found: report.scheme,
            expected: requested.scheme,
        });
    }
    if report.request != requested.commitment {
        return Err(AttachError::OtherRequest { path: path() });
    }
    Ok(())
}
