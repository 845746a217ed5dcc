//! The controller's first step: data → request, seal and retained file (SPEC §6).

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use cstatns::code::{Code, Generation, Tag};
use cstatns::commitment::{Commit, CommitmentKey};
use cstatns::files::{Access, FileError, Pending};
use cstatns::identifier::{Nir, Reason, Scheme};
use cstatns::secret::random_bytes;
use zeroize::Zeroize;

use crate::columns::{Codes, RowFault};
use crate::csv::Delimiter;
use crate::effort::Effort;
use crate::meta::{FileMeta, marks};
use crate::outputs::commit_all;
use crate::report::{ReportError, origin, report_path};
use crate::seal::{Content, Seal, seal_path};
use crate::sink::{self, GROUP, Sink, Values};
use crate::table::{Batch, Format, Kind, Source, TableError};

/// Rows written at once.
const ROWS: usize = GROUP;

/// The column of the data that is sent.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    /// Identifiers, to be coded.
    Identifier(&'a str),
    /// Codes, to be renewed.
    Code(&'a str),
}

/// What to prepare. See [`prepare`].
#[derive(Clone, Copy, Debug)]
pub struct Prepare<'a> {
    /// The data: CSV or Parquet, with a header.
    pub data: &'a Path,
    /// The column that is sent.
    pub column: Column<'a>,
    /// The request to write; its seal will lie beside it.
    pub request: &'a Path,
    /// The retained file to write, of the same type as the data.
    pub retained: &'a Path,
    /// What stands between two fields of the data, and of the retained file, where they are CSV.
    pub delimiter: u8,
}

/// What was prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The rows of the data, of the request and of the retained file.
    pub rows: u64,
    /// How many rows have each word of `check`.
    pub counts: BTreeMap<&'static str, u64>,
}

/// Why nothing was prepared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// Reading the data or writing a file of rows.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The files to write.
    #[error(transparent)]
    File(#[from] FileError),
    /// The report beside the data.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// `retained-type`: the retained file is not of the data's type.
    #[error(
        "the retained file {path:?} keeps columns of the data as they are: give it the extension of the data"
    )]
    RetainedType {
        /// The retained file.
        path: PathBuf,
    },
    /// `same-output`: two files to write have one name.
    #[error("{path:?} is named for two files: give request and retained file names of their own")]
    SameOutput {
        /// The name.
        path: PathBuf,
    },
    /// `reserved-column`: the files to write have a column of that name.
    #[error(
        "{path:?} has a column {column:?}, a name that the files made from it need: rename the column first"
    )]
    Reserved {
        /// The data.
        path: PathBuf,
        /// The column.
        column: &'static str,
    },
    /// `wrong-column`: more than half of the cells are not identifiers.
    #[error(
        "{invalid} of {filled} values of the column are not identifiers: is this the right column? If it is, they were \
         changed on the way (a spreadsheet makes 1,84E+12 of them): export it again, this column as text"
    )]
    WrongColumn {
        /// Cells that are neither empty nor an identifier.
        invalid: u64,
        /// Cells that are not empty.
        filled: u64,
    },
    /// `mixed-codes`: codes of several domains, services or generations.
    #[error(
        "the column holds codes of more than one kind ({}): renew each kind in a file of its own",
        kinds(found)
    )]
    Mixed {
        /// The rows of each tag and generation.
        found: BTreeMap<(Tag, Generation), u64>,
    },
    /// `no-codes`: nothing to renew.
    #[error("the column holds no code at all: is this the right column?")]
    NoCodes,
}

fn kinds(found: &BTreeMap<(Tag, Generation), u64>) -> String {
    let kind = |((tag, generation), rows): (&(Tag, Generation), &u64)| {
        format!("generation {generation} with the tag {tag} in {rows} rows")
    };
    let mut text = found.iter().take(5).map(kind).collect::<Vec<_>>().join(", ");
    if found.len() > 5 {
        text.push_str(", and others");
    }
    text
}

impl PrepareError {
    /// The stable short code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Table(error) => error.code(),
            Self::File(error) => error.code(),
            Self::Report(error) => error.code(),
            Self::RetainedType { .. } => "retained-type",
            Self::SameOutput { .. } => "same-output",
            Self::Reserved { .. } => "reserved-column",
            Self::WrongColumn { .. } => "wrong-column",
            Self::Mixed { .. } => "mixed-codes",
            Self::NoCodes => "no-codes",
        }
    }
}

/// Writes the request with its seal, and the retained file.
///
/// Every row gets a random index of its own, repeated values included, and both files are sorted by it: neither the
/// order of the data nor what its rows have in common travels beyond the values themselves. A cell that holds no
/// identifier travels as an empty one; `check` in the retained file says why. The rows are held in memory.
///
/// The three files get their names together, first the seal, then the retained file, the request last: a failure leaves
/// none of them, and where a request is, the others are.
///
/// # Errors
/// [`PrepareError`]. Identifiers that are not valid are not errors, unless they are more than half.
pub fn prepare(what: &Prepare<'_>, effort: &Effort) -> Result<Prepared, PrepareError> {
    let format = Format::of(what.data)?;
    let request_format = Format::of(what.request)?;
    if Format::of(what.retained)? != format {
        return Err(PrepareError::RetainedType { path: what.retained.to_owned() });
    }
    let seal_path = seal_path(what.request);
    if what.retained == what.request || what.retained == seal_path {
        return Err(PrepareError::SameOutput { path: what.retained.to_owned() });
    }
    let mut source = Source::open(what.data, Delimiter::Given(what.delimiter))?;
    let column = find_column(&source, what.column)?;
    // Before the data is read: a name that is taken is told at once.
    let mut seal_file = Pending::create(&seal_path, Access::Private)?;
    let mut retained_file = Pending::create(what.retained, Access::Private)?;
    let mut request_file = Pending::create(what.request, Access::Private)?;

    let mut rows = match what.column {
        Column::Identifier(_) => read_identifiers(&mut source, column, effort)?,
        Column::Code(_) => read_codes(&mut source, column, effort)?,
    };
    let order = rows.order();
    write_retained(&source, &rows, &order, column, format, &mut retained_file)?;

    let (meta, previous) = match rows.content {
        Content::Identifiers => (None, Vec::new()),
        Content::Codes { tag, generation } => {
            let (meta, _) = origin(&source)?;
            if meta.as_ref().is_some_and(|meta| (meta.tag(), meta.generation) != (tag, generation)) {
                return Err(ReportError::Stale { path: report_path(what.data) }.into());
            }
            let previous = meta.iter().map(|meta| meta.delivery).collect();
            (meta, previous)
        }
    };
    let key = CommitmentKey::random();
    let commit = write_request(&rows, &order, meta.as_ref(), request_format, &key, &mut request_file)?;
    let (commitment, count) = commit.finish();
    let counts = std::mem::take(&mut rows.counts);
    let seal = Seal { rows: count, commitment, key, content: rows.content, previous };
    seal_file.write_all(&seal.bytes()).map_err(|error| FileError::from_io(&seal_path, &error))?;
    commit_all([seal_file, retained_file, request_file])?;
    Ok(Prepared { rows: count, counts })
}

/// Where the selected column is, once the others are seen to have no reserved name.
fn find_column(source: &Source, column: Column<'_>) -> Result<usize, PrepareError> {
    let (name, reserved): (_, &[&'static str]) = match column {
        Column::Identifier(name) => (name, &["index", "check", "code", "quality", "score"]),
        Column::Code(name) => (name, &["index", "check", "code"]),
    };
    let found = source.need(name)?;
    for reserved in reserved {
        // The column of codes gives its place to the new one, which has that name.
        let replaced = matches!(column, Column::Code(_)) && *reserved == "code" && name == "code";
        if !replaced && source.find(reserved)?.is_some() {
            return Err(PrepareError::Reserved { path: source.path().to_owned(), column: reserved });
        }
    }
    Ok(found)
}

/// The rows of the data: those of `batches[i]` are `rows[i]` and, in the other columns, `batches[i]` itself.
struct Rows {
    rows: Vec<Vec<Row>>,
    batches: Vec<Batch>,
    content: Content,
    counts: BTreeMap<&'static str, u64>,
}

/// What a row sends, and what is kept about it.
struct Row {
    index: [u8; 16],
    check: &'static str,
    /// The compact identifier, or the code's 32 bytes.
    value: [u8; 36],
    len: u8,
}

impl Row {
    fn new(value: &[u8], check: &'static str) -> Self {
        let mut row = Self { index: [0; 16], check, value: [0; 36], len: value.len() as u8 };
        row.value[..value.len()].copy_from_slice(value);
        row
    }

    fn value(&self) -> Option<&[u8]> {
        (self.len > 0).then(|| &self.value[..usize::from(self.len)])
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        self.value.zeroize();
    }
}

impl Rows {
    fn new() -> Self {
        let (rows, batches) = (Vec::new(), Vec::new());
        Self { rows, batches, content: Content::Identifiers, counts: BTreeMap::new() }
    }

    /// Adds a batch, without its selected column, from which `rows` were made.
    fn add(&mut self, batch: Batch, mut rows: Vec<Row>) {
        let mut indexes = vec![0; 16 * rows.len()];
        random_bytes(&mut indexes);
        for (row, index) in rows.iter_mut().zip(indexes.chunks_exact(16)) {
            row.index.copy_from_slice(index);
            *self.counts.entry(row.check).or_default() += 1;
        }
        self.batches.push(batch);
        self.rows.push(rows);
    }

    fn row(&self, place: (usize, usize)) -> &Row {
        &self.rows[place.0][place.1]
    }

    /// Where each row is, in the order of the indexes. That two of 128 random bits are equal need not be feared.
    fn order(&self) -> Vec<(usize, usize)> {
        let places = self.rows.iter().enumerate();
        let mut order: Vec<_> =
            places.flat_map(|(batch, rows)| (0..rows.len()).map(move |row| (batch, row))).collect();
        order.sort_unstable_by_key(|place| self.row(*place).index);
        order
    }
}

fn read_identifiers(source: &mut Source, column: usize, effort: &Effort) -> Result<Rows, PrepareError> {
    const NEEDED: &str =
        "identifiers are text: a number cannot hold 2A, 2B or a leading zero, convert at the source";
    source.need_kind(column, &[Kind::Text], NEEDED)?;
    let mut rows = Rows::new();
    let mut count = 0;
    while let Some(batch) = source.next()? {
        let cells = batch.cells(column);
        // At full size from the start: a vector that grows leaves copies behind.
        let mut made = Vec::with_capacity(batch.rows());
        for row in 0..batch.rows() {
            count += 1;
            made.push(identifier_row(cells.get(row)).map_err(|fault| source.fault(count, fault))?);
        }
        effort.progress.advance(made.len() as u64, 0)?;
        rows.add(batch, made);
    }
    let words = |word| rows.counts.get(word).copied().unwrap_or_default();
    let filled = count - words("absent");
    let invalid = filled - words("ok");
    if count == 0 {
        return Err(TableError::NoRows { path: source.path().to_owned() }.into());
    }
    if 2 * invalid > filled {
        return Err(PrepareError::WrongColumn { invalid, filled });
    }
    Ok(rows)
}

fn identifier_row(cell: Option<&[u8]>) -> Result<Row, RowFault> {
    let Some(cell) = cell else { return Ok(Row::new(b"", "absent")) };
    match Nir.parse(cell) {
        Ok(mut accepted) => {
            let row = Row::new(accepted.compact().as_bytes(), "ok");
            accepted.zeroize();
            Ok(row)
        }
        // The file is in another encoding: what was a no-break space would make many rows invalid, one by one.
        Err(_) if std::str::from_utf8(cell).is_err() => Err(RowFault::Encoding),
        // Nothing but white space.
        Err(Reason::WrongLength { found: 0 }) => Ok(Row::new(b"", "absent")),
        Err(reason) => Ok(Row::new(b"", reason.word())),
    }
}

fn read_codes(source: &mut Source, column: usize, effort: &Effort) -> Result<Rows, PrepareError> {
    let codes = Codes::of(source, column, None)?;
    let mut rows = Rows::new();
    let mut found: BTreeMap<(Tag, Generation), u64> = BTreeMap::new();
    let mut count = 0;
    let mut read = Vec::new();
    while let Some(batch) = source.next()? {
        codes.read(&batch, &mut read).map_err(|error| error.after(count))?;
        count += batch.rows() as u64;
        let mut made = Vec::with_capacity(batch.rows());
        for code in &read {
            made.push(match code {
                Some(code) => {
                    *found.entry((code.tag(), code.generation())).or_default() += 1;
                    Row::new(code.bytes(), "ok")
                }
                None => Row::new(b"", "absent"),
            });
        }
        effort.progress.advance(made.len() as u64, 0)?;
        rows.add(batch, made);
    }
    if count == 0 {
        return Err(TableError::NoRows { path: source.path().to_owned() }.into());
    }
    let Some((&(tag, generation), _)) = found.first_key_value() else {
        return Err(PrepareError::NoCodes);
    };
    if found.len() > 1 {
        return Err(PrepareError::Mixed { found });
    }
    rows.content = Content::Codes { tag, generation };
    Ok(rows)
}

fn write_retained(
    source: &Source,
    rows: &Rows,
    order: &[(usize, usize)],
    left_out: usize,
    format: Format,
    out: &mut Pending,
) -> Result<(), TableError> {
    let kept: Vec<usize> = (0..source.header().len()).filter(|column| *column != left_out).collect();
    let mut columns = vec![sink::Column::index(), sink::Column::word("check")];
    columns.extend(kept.iter().map(|column| sink::Column::kept(source, *column)));
    let (layout, mut sink) = Sink::new(format, out, source.delimiter(), &columns, marks(None))?;
    for places in order.chunks(ROWS) {
        let indexes: Vec<[u8; 16]> = places.iter().map(|place| rows.row(*place).index).collect();
        let checks: Vec<Option<&str>> = places.iter().map(|place| Some(rows.row(*place).check)).collect();
        let mut values = vec![Values::Index(&indexes), Values::Text(&checks)];
        values.extend(kept.iter().map(|column| Values::Picked(&rows.batches, places, *column)));
        let mut piece = layout.piece();
        layout.begin(&mut piece)?;
        layout.add(places.len(), &values, &mut piece)?;
        piece.end()?;
        sink.write(&mut piece)?;
    }
    sink.finish()
}

fn write_request(
    rows: &Rows,
    order: &[(usize, usize)],
    meta: Option<&FileMeta>,
    format: Format,
    key: &CommitmentKey,
    out: &mut Pending,
) -> Result<Commit, TableError> {
    let (name, column, pairs) = match rows.content {
        Content::Identifiers => ("identifier", sink::Column::identifier(), marks(None)),
        Content::Codes { tag, generation } => {
            let pairs = meta.map_or_else(|| marks(Some((tag, generation))), FileMeta::pairs);
            ("code", sink::Column::code(format == Format::Parquet), pairs)
        }
    };
    let mut commit = Commit::new(key, &[name]);
    let (layout, mut sink) = Sink::new(format, out, b',', &[sink::Column::index(), column], pairs)?;
    let mut text = Vec::with_capacity(Code::MAX_TEXT);
    let mut piece = layout.piece();
    for places in order.chunks(ROWS) {
        let of_places = || places.iter().map(|place| rows.row(*place));
        let indexes: Vec<[u8; 16]> = of_places().map(|row| row.index).collect();
        match rows.content {
            Content::Identifiers => {
                let texts: Vec<Option<&str>> = of_places()
                    .map(|row| row.value().map(|value| std::str::from_utf8(value).expect("ASCII")))
                    .collect();
                for (index, text) in indexes.iter().zip(&texts) {
                    commit.row(index, &[text.map(str::as_bytes)]);
                }
                layout.begin(&mut piece)?;
                layout.add(places.len(), &[Values::Index(&indexes), Values::Text(&texts)], &mut piece)?;
                piece.end()?;
                sink.write(&mut piece)?;
            }
            Content::Codes { tag, generation } => {
                let bytes = |value: &[u8]| value.try_into().expect("a code has 32 bytes");
                let code = |value| Code::from_bytes(bytes(value), tag, generation);
                let codes: Vec<Option<Code>> = of_places().map(|row| row.value().map(code)).collect();
                for (index, code) in indexes.iter().zip(&codes) {
                    text.clear();
                    if let Some(code) = code {
                        code.write_text(&mut text);
                    }
                    commit.row(index, &[code.map(|_| text.as_slice())]);
                }
                layout.begin(&mut piece)?;
                layout.add(places.len(), &[Values::Index(&indexes), Values::Codes(&codes)], &mut piece)?;
                piece.end()?;
                sink.write(&mut piece)?;
            }
        }
    }
    sink.finish()?;
    Ok(commit)
}
