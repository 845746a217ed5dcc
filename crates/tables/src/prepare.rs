//! The controller's first step: data → request, seal and retained file (SPEC §6).

use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use cstatns::code::{Code, Generation, Tag};
use cstatns::commitment::{self, Commit, CommitmentKey};
use cstatns::files::{Access, FileError, Pending};
use cstatns::identifier::{Nir, Reason, Scheme};
use cstatns::secret::random_bytes;
use cstatns_register::{Columns, ColumnsError, Field};
use zeroize::{Zeroize, Zeroizing};

use crate::columns::{Codes, RowFault, fault};
use crate::csv::Delimiter;
use crate::effort::{Effort, Progress};
use crate::meta::marks;
use crate::outputs::commit_all;
use crate::pipeline::Steps;
use crate::plain::Plain;
use crate::report::{ReportError, origin, report_path};
use crate::seal::{Content, Seal, seal_path};
use crate::sink::{self, GROUP, Layout, Piece, Sink, Values};
use crate::sort::{self, Dealer, Heads, KEY, Sort, Sorted};
use crate::status::{self, FIELDS, IDENTIFIER, Texts};
use crate::table::{BATCH, Batch, Format, Kind, Source, TableError};

/// The most partitions that are written at once.
const MOST_AT_ONCE: usize = 8;

/// The columns of the data that are sent.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    /// Identifiers, to be coded.
    Identifier(&'a str),
    /// Codes, to be renewed.
    Code(&'a str),
    /// Civil status, and identifiers if there are any (the field `nir`), to be looked up and coded: the columns of the
    /// fields, by these names or else by their own.
    CivilStatus(&'a [(Field, &'a str)]),
}

/// What to prepare. See [`prepare`].
#[derive(Clone, Copy, Debug)]
pub struct Prepare<'a> {
    /// The data: CSV or Parquet, with a header.
    pub data: &'a Path,
    /// What is sent.
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
    /// Of civil status: how many cells of each field hold what cannot be read as that field, and were not sent.
    pub unread: BTreeMap<&'static str, u64>,
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
    /// `wrong-column`: more than half of the cells are not of the field.
    #[error(
        "{invalid} of {filled} values of the column for the field {} cannot be read as such: is this the right column? Say \
         which one it is with --map {}=COLUMN", field.name(), field.name()
    )]
    WrongField {
        /// The field.
        field: Field,
        /// Cells that are neither empty nor of that field.
        invalid: u64,
        /// Cells that are not empty.
        filled: u64,
    },
    /// `identity-kept`: who somebody is would stay beside their code.
    #[error(
        "{path:?} has a column {}, which --map leaves out: it would be retained, and stand beside the codes; take it out of \
         the data, or send it", field.name()
    )]
    IdentityKept {
        /// The data.
        path: PathBuf,
        /// The field whose name the column has.
        field: Field,
    },
    /// `missing-column`: a field without which nobody can be looked up.
    #[error("{missing}; one of another name is given by --map {}=COLUMN", field.name())]
    MissingField {
        /// The field.
        field: Field,
        /// That its column is missing.
        missing: TableError,
    },
    /// The columns of the fields: [`ColumnsError::code`].
    #[error("{path:?}: {error}")]
    Fields {
        /// The data.
        path: PathBuf,
        /// What is wrong with them.
        error: ColumnsError,
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
            Self::WrongColumn { .. } | Self::WrongField { .. } => "wrong-column",
            Self::IdentityKept { .. } => "identity-kept",
            Self::MissingField { missing, .. } => missing.code(),
            Self::Fields { error, .. } => error.code(),
            Self::Mixed { .. } => "mixed-codes",
            Self::NoCodes => "no-codes",
        }
    }
}

/// Writes the request with its seal, and the retained file.
///
/// Every row gets a random index of its own, repeated values included, and both files are sorted by it: neither the
/// order of the data nor what its rows have in common travels beyond the values themselves. A cell that holds no
/// identifier travels as an empty one; `check` in the retained file says why. So does a cell of civil status that cannot be
/// read as its field; a row that has no name or no date then travels empty, `check` says `absent` or `malformed`.
///
/// The data is gone through once; then its rows are sorted and written. Those that [`Effort::memory`] does not hold are
/// put aside beside the request meanwhile, encrypted under a key that lives as long as the call, in a file without a name.
///
/// The three files get their names together, first the seal, then the retained file, the request last: a failure leaves
/// none of them, and where a request is, the others are.
///
/// # Errors
/// [`PrepareError`]. Values that are not valid are not errors, unless they are more than half.
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
    let sent = find_columns(&source, what.column)?;
    // Before the data is read: a name that is taken is told at once.
    let mut seal_file = Pending::create(&seal_path, Access::Private)?;
    let mut retained_file = Pending::create(what.retained, Access::Private)?;
    let mut request_file = Pending::create(what.request, Access::Private)?;

    let others = sent.others(source.header().len());
    let extent = source.extent()?;
    let size = extent.size();
    let (sort, threads) = Sort::new(format, extent, others.clone(), what.request, effort);
    // Rows are gone through twice: read, and written partition by partition.
    let part = size.div_ceil(sort.partitions() as u64);
    effort.progress.expect(size + sort.partitions() as u64 * part);
    let data = Data { source: &mut source, size, sort: &sort, threads, progress: &effort.progress };
    let dealt = match sent {
        Sent::Identifiers(column) => data.deal_identifiers(column)?,
        Sent::Codes(column) => data.deal_codes(column)?,
        Sent::CivilStatus(columns) => data.deal_civil_status(columns)?,
    };
    let (meta, previous) = match dealt.content {
        Content::Identifiers | Content::CivilStatus { .. } => (None, Vec::new()),
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
    let names = dealt.content.columns();
    let mut columns = vec![sink::Column::index()];
    let pairs = match dealt.content {
        Content::Identifiers | Content::CivilStatus { .. } => {
            columns.extend(names.iter().map(|name| sink::Column::text(name)));
            marks(None)
        }
        Content::Codes { tag, generation } => {
            columns.push(sink::Column::code(request_format == Format::Parquet));
            meta.map_or_else(|| marks(Some((tag, generation))), |meta| meta.pairs())
        }
    };
    let mut kept = vec![sink::Column::index(), sink::Column::word("check")];
    kept.extend(others.into_iter().flatten().map(|other| sink::Column::kept(&source, other)));
    let outputs = Outputs {
        request: Sink::new(request_format, &mut request_file, b',', &columns, pairs)?,
        retained: Sink::new(format, &mut retained_file, source.delimiter(), &kept, marks(None))?,
    };
    // The partitions of a CSV file are small; those of a Parquet file are row groups.
    let at_once = match (format, request_format) {
        (Format::Csv, Format::Parquet) => sort.partitions() * sort::ROWS as usize / dealt.rows as usize,
        _ => 1,
    };
    let commit = write(
        &sort,
        dealt.content,
        Commit::new(&key, names),
        outputs,
        at_once.clamp(1, MOST_AT_ONCE),
        threads,
        |partitions| effort.progress.advance(0, partitions as u64 * part),
    )?;
    let (commitment, rows) = commit.finish();
    let seal = Seal { rows, commitment, key, content: dealt.content, previous };
    seal_file.write_all(&seal.bytes()).map_err(|error| FileError::from_io(&seal_path, &error))?;
    commit_all([seal_file, retained_file, request_file])?;
    Ok(Prepared { rows, counts: dealt.counts, unread: dealt.unread })
}

/// Where the columns that are sent stand.
enum Sent {
    Identifiers(usize),
    Codes(usize),
    CivilStatus([Option<usize>; FIELDS.len()]),
}

impl Sent {
    /// The columns between and around them, of `count`.
    fn others(&self, count: usize) -> Vec<Range<usize>> {
        let mut sent: Vec<usize> = match self {
            Self::Identifiers(column) | Self::Codes(column) => vec![*column],
            Self::CivilStatus(columns) => columns.iter().copied().flatten().collect(),
        };
        sent.sort_unstable();
        let ends = sent.iter().copied().chain([count]);
        let begins = std::iter::once(0).chain(sent.iter().map(|column| column + 1));
        begins.zip(ends).map(|(begin, end)| begin..end.max(begin)).collect()
    }
}

/// Where the columns are, once the others are seen to have no reserved name.
fn find_columns(source: &Source, column: Column<'_>) -> Result<Sent, PrepareError> {
    const FIRST: &[&str] = &["index", "check", "code", "quality", "score"];
    let (found, reserved) = match column {
        Column::Identifier(name) => (Sent::Identifiers(source.need(name)?), FIRST),
        Column::Code(name) => (Sent::Codes(source.need(name)?), &FIRST[..3]),
        Column::CivilStatus(map) => (Sent::CivilStatus(find_fields(source, map)?), FIRST),
    };
    for reserved in reserved {
        // The column of codes gives its place to the new one, which has that name.
        let replaced = *reserved == "code" && matches!(column, Column::Code("code"));
        if !replaced && source.find(reserved)?.is_some() {
            return Err(PrepareError::Reserved { path: source.path().to_owned(), column: reserved });
        }
    }
    Ok(found)
}

/// Where the fields of civil status are. A name, the first names and the date must be there.
fn find_fields(
    source: &Source,
    map: &[(Field, &str)],
) -> Result<[Option<usize>; FIELDS.len()], PrepareError> {
    let path = || source.path().to_owned();
    let missing = |field, column: &str| {
        let missing = source.missing_field(map, column);
        PrepareError::MissingField { field, missing }
    };
    let needed = [Field::Prenoms, Field::DateNaissance];
    let columns = Columns::find(source.header(), map, &needed).map_err(|error| match &error {
        ColumnsError::Missing { field, column } => missing(*field, column),
        _ => PrepareError::Fields { path: path(), error },
    })?;
    if columns.of(Field::Nom).or(columns.of(Field::NomUsage)).is_none() {
        return Err(missing(Field::Nom, Field::Nom.name()));
    }
    let columns = FIELDS.map(|field| columns.of(field));
    // Who maps a field to another column may forget the one of that name.
    for field in WHO {
        if source.find(field.name())?.is_some_and(|column| !columns.contains(&Some(column))) {
            return Err(PrepareError::IdentityKept { path: path(), field });
        }
    }
    for (field, column) in FIELDS.into_iter().zip(columns) {
        column.map_or(Ok(()), |column| status::need_field(source, field, column))?;
    }
    Ok(columns)
}

/// The fields that say who somebody is. Sex and place of birth are studied too.
const WHO: [Field; 5] = [Field::Nom, Field::NomUsage, Field::Prenoms, Field::DateNaissance, Field::Nir];

/// What `check` can say, by its number in a head.
const CHECKS: [&str; 8] =
    ["ok", "absent", "malformed", "scientific", "wrong-character", "wrong-length", "wrong-form", "wrong-key"];
const OK: u8 = 0;
const ABSENT: u8 = 1;
const MALFORMED: u8 = 2;

/// The values of a row at most.
const MOST_VALUES: usize = FIELDS.len();

/// Adds a row, without an index: its head is the index, the number of the word of `check`, and its values, each with its
/// length (u16, little-endian) before it.
fn push(heads: &mut Heads, check: u8, values: &[&[u8]]) {
    let head = heads.add(1 + values.iter().map(|value| 2 + value.len()).sum::<usize>());
    let room = head.capacity();
    head.push(check);
    for value in values {
        let length = u16::try_from(value.len()).expect("no value is as long");
        head.extend_from_slice(&length.to_le_bytes());
        head.extend_from_slice(value);
    }
    debug_assert_eq!(head.capacity(), room, "a vector that grows leaves a copy behind");
}

/// The index, the number of the check and the values of a row; those that are empty are none.
fn read(head: &[u8]) -> ([u8; KEY], u8, impl Iterator<Item = Option<&[u8]>>) {
    let (index, rest) = head.split_first_chunk().expect("a head begins with its index");
    let (check, mut left) = rest.split_first().expect("a head has a check");
    let values = std::iter::from_fn(move || {
        let (length, rest) = left.split_first_chunk()?;
        let (value, rest) = rest.split_at(u16::from_le_bytes(*length).into());
        left = rest;
        Some((!value.is_empty()).then_some(value))
    });
    (*index, *check, values)
}

/// Gives every row an index. That two of 128 random bits are equal need not be feared.
fn draw(heads: &mut Heads, indexes: &mut Vec<u8>) {
    indexes.clear();
    indexes.resize(KEY * heads.count(), 0);
    // The operating system draws a key for the block and ChaCha20 stretches it: asked for all of them, it would take a
    // tenth of the whole.
    let mut key = Zeroizing::new([0; 32]);
    random_bytes(&mut *key);
    ChaCha20::new((&*key).into(), &Default::default()).apply_keystream(indexes);
    heads.set(indexes);
}

/// What was found in the data, whose rows are in the sort.
struct Dealt {
    rows: u64,
    content: Content,
    counts: BTreeMap<&'static str, u64>,
    unread: BTreeMap<&'static str, u64>,
}

/// What was found in rows: how many have each word of `check`, of the codes each tag and generation, and of civil status
/// the cells of each field that are not empty and those that cannot be read.
#[derive(Default)]
struct Found {
    rows: u64,
    checks: [u64; CHECKS.len()],
    codes: BTreeMap<(Tag, Generation), u64>,
    filled: [u64; FIELDS.len()],
    unread: [u64; FIELDS.len()],
}

impl Found {
    fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        let sums = [&mut self.checks[..], &mut self.filled, &mut self.unread];
        for (sums, counts) in sums.into_iter().zip([&other.checks[..], &other.filled, &other.unread]) {
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        for (kind, count) in &other.codes {
            *self.codes.entry(*kind).or_default() += count;
        }
    }

    fn into_dealt(self, content: Content) -> Dealt {
        let counts = CHECKS.into_iter().zip(self.checks).filter(|(_, count)| *count > 0).collect();
        let unread = FIELDS.map(Field::name).into_iter().zip(self.unread);
        let unread = unread.filter(|(_, count)| *count > 0).collect();
        Dealt { rows: self.rows, content, counts, unread }
    }
}

/// A block of rows on its way into the sort.
struct Dealing {
    /// What was read, in the first `filled`.
    batches: Vec<Batch>,
    filled: usize,
    heads: Heads,
    indexes: Vec<u8>,
    dealer: Dealer,
    found: Found,
}

/// The data on its way into the sort.
struct Data<'a> {
    source: &'a mut Source,
    /// Of the whole, in the unit of [`Batch::size`].
    size: u64,
    sort: &'a Sort,
    threads: NonZeroUsize,
    progress: &'a Progress,
}

impl Data<'_> {
    /// Reads the data and deals its rows. `read` makes the heads of a batch; rows that it names in an error are counted
    /// from the batch's first one.
    fn deal(
        self,
        read: impl Fn(&Batch, &mut Heads, &mut Found) -> Result<(), TableError> + Sync,
    ) -> Result<Found, TableError> {
        let Self { source, size, sort, threads, progress, .. } = self;
        let path = source.path().to_owned();
        let delimiter = source.delimiter();
        let (mut all, mut done) = (Found::default(), 0);
        let steps = Steps {
            new: || Dealing {
                batches: Vec::new(),
                filled: 0,
                heads: Heads::default(),
                indexes: Vec::new(),
                dealer: Dealer::new(delimiter),
                found: Found::default(),
            },
            read: |block: &mut Dealing| sort.fill(source, &mut block.batches, &mut block.filled),
            work: |block: &mut Dealing| {
                let Dealing { batches, filled, heads, indexes, dealer, found } = block;
                let batches = &mut batches[..*filled];
                heads.clear();
                *found = Found::default();
                for batch in batches.iter_mut() {
                    batch
                        .split(&path)
                        .and_then(|()| read(batch, heads, found))
                        .map_err(|error| error.after(found.rows))?;
                    found.rows += batch.rows() as u64;
                }
                draw(heads, indexes);
                sort.deal(batches, heads, dealer)
            },
            check: |block: &mut Dealing| {
                all.add(&block.found);
                Ok(())
            },
            write: |block: &mut Dealing| {
                let part = block.batches[..block.filled].iter().map(Batch::size).sum();
                done += part;
                progress.advance(block.found.rows, part)
            },
        };
        let outcome: Result<(), TableError> = steps.run(threads);
        outcome.map_err(|error| error.after(all.rows))?;
        if all.rows == 0 {
            return Err(TableError::NoRows { path });
        }
        // What is not of rows: the header, quotes.
        progress.advance(0, size.saturating_sub(done))?;
        Ok(all)
    }

    fn deal_identifiers(self, column: usize) -> Result<Dealt, PrepareError> {
        self.source.need_kind(column, &[Kind::Text], status::IDENTIFIERS)?;
        let path = self.source.path().to_owned();
        let found = self.deal(|batch, heads, found| {
            for (row, cell) in batch.cells(column).iter(batch.rows()).enumerate() {
                let check = push_identifier(cell, heads).map_err(|found| fault(&path, row, found))?;
                found.checks[usize::from(check)] += 1;
            }
            Ok(())
        })?;
        let filled = found.rows - found.checks[usize::from(ABSENT)];
        let invalid = filled - found.checks[usize::from(OK)];
        if 2 * invalid > filled {
            return Err(PrepareError::WrongColumn { invalid, filled });
        }
        Ok(found.into_dealt(Content::Identifiers))
    }

    fn deal_codes(self, column: usize) -> Result<Dealt, PrepareError> {
        let codes = Codes::of(self.source, column, None)?;
        let found = self.deal(|batch, heads, found| {
            let mut read = Vec::new();
            codes.read(batch, &mut read)?;
            for code in &read {
                let check = if code.is_some() { OK } else { ABSENT };
                push(heads, check, &[code.as_ref().map_or(b"", |code| code.bytes())]);
                found.checks[usize::from(check)] += 1;
                if let Some(code) = code {
                    *found.codes.entry((code.tag(), code.generation())).or_default() += 1;
                }
            }
            Ok(())
        })?;
        let Some((&(tag, generation), _)) = found.codes.first_key_value() else {
            return Err(PrepareError::NoCodes);
        };
        if found.codes.len() > 1 {
            return Err(PrepareError::Mixed { found: found.codes });
        }
        Ok(found.into_dealt(Content::Codes { tag, generation }))
    }

    fn deal_civil_status(self, columns: [Option<usize>; FIELDS.len()]) -> Result<Dealt, PrepareError> {
        let path = self.source.path().to_owned();
        let identifier = columns[IDENTIFIER].is_some();
        let found = self.deal(|batch, heads, found| {
            let columns = columns.map(|column| column.map(|column| Plain::of(batch, column)));
            for row in 0..batch.rows() {
                let cells = columns.each_ref().map(|cells| cells.as_ref().and_then(|cells| cells.get(row)));
                let check = push_civil_status(cells, identifier, heads, found);
                found.checks[usize::from(check.map_err(|found| fault(&path, row, found))?)] += 1;
            }
            Ok(())
        })?;
        for ((field, filled), invalid) in FIELDS.into_iter().zip(found.filled).zip(found.unread) {
            if status::is_told_by_its_cells(field) && 2 * invalid > filled {
                return Err(PrepareError::WrongField { field, invalid, filled });
            }
        }
        Ok(found.into_dealt(Content::CivilStatus { identifier }))
    }
}

/// Adds the row of a cell, and says which word of `check` it has.
fn push_identifier(cell: Option<&[u8]>, heads: &mut Heads) -> Result<u8, RowFault> {
    let check = match cell.map(|cell| (cell, Nir.parse(cell))) {
        None => ABSENT,
        Some((_, Ok(mut accepted))) => {
            push(heads, OK, &[accepted.compact().as_bytes()]);
            accepted.zeroize();
            return Ok(OK);
        }
        // The file is in another encoding: what was a no-break space would make many rows invalid, one by one.
        Some((cell, Err(_))) if std::str::from_utf8(cell).is_err() => return Err(RowFault::Encoding),
        // Nothing but white space.
        Some((_, Err(Reason::WrongLength { found: 0 }))) => ABSENT,
        Some((_, Err(reason))) => {
            CHECKS.iter().position(|word| *word == reason.word()).expect("a word for each reason") as u8
        }
    };
    push(heads, check, &[b""]);
    Ok(check)
}

/// Adds the row of these cells, and says which word of `check` it has. Nothing travels that cannot be read as its field,
/// and nothing of a row in which nobody could be found by the rest.
fn push_civil_status(
    cells: [Option<&[u8]>; FIELDS.len()],
    identifier: bool,
    heads: &mut Heads,
    found: &mut Found,
) -> Result<u8, RowFault> {
    let (mut given, mut sent): (Texts<'_>, Texts<'_>) = Default::default();
    let mut accepted = None;
    for (at, (field, cell)) in FIELDS.into_iter().zip(cells).enumerate() {
        given[at] = std::str::from_utf8(cell.unwrap_or_default()).map_err(|_| RowFault::Encoding)?.trim();
        if given[at].is_empty() {
            continue;
        }
        found.filled[at] += 1;
        let is_read = match field {
            Field::Nir => {
                accepted = Nir.parse(given[at].as_bytes()).ok();
                accepted.is_some()
            }
            _ => field.reads(given[at]),
        };
        if is_read {
            sent[at] = given[at];
        } else {
            found.unread[at] += 1;
        }
    }
    let check = match (status::is_enough(&sent), status::civil_status(&given)) {
        (true, _) => OK,
        (false, given) if [given.nom, given.nom_usage, given.date_naissance] == [""; 3] => ABSENT,
        (false, _) => MALFORMED,
    };
    if check != OK {
        sent = Default::default();
    } else if let Some(accepted) = &accepted {
        sent[IDENTIFIER] = accepted.compact();
    }
    push(heads, check, &sent.map(str::as_bytes)[..IDENTIFIER + usize::from(identifier)]);
    accepted.zeroize();
    Ok(check)
}

/// What is written, as two files.
struct Outputs<'w> {
    request: (Layout, Sink<'w>),
    retained: (Layout, Sink<'w>),
}

/// Partitions on their way out of the sort.
struct Writing {
    partitions: Range<usize>,
    commit: commitment::Rows,
    /// Of the request and of the retained file: the first `filled`, each a row group at most, and the rows of the last one.
    pieces: Vec<(Piece, Piece)>,
    filled: usize,
    rows: usize,
}

/// Writes the rows of the sort to both files, some partitions at once, and goes on with the commitment.
fn write(
    sort: &Sort,
    content: Content,
    mut commit: Commit,
    outputs: Outputs<'_>,
    at_once: usize,
    threads: NonZeroUsize,
    advance: impl Fn(usize) -> Result<(), TableError> + Sync,
) -> Result<Commit, TableError> {
    let (sent, mut request) = outputs.request;
    let (kept, mut retained) = outputs.retained;
    let mut blocks = (0..sort.partitions()).step_by(at_once);
    let steps = Steps {
        new: || Writing {
            partitions: 0..0,
            commit: commitment::Rows::new(content.columns().len()),
            pieces: Vec::new(),
            filled: 0,
            rows: 0,
        },
        read: |block: &mut Writing| {
            let Some(first) = blocks.next() else { return Ok(false) };
            block.partitions = first..sort.partitions().min(first + at_once);
            Ok(true)
        },
        work: |block: &mut Writing| {
            block.commit.clear();
            (block.filled, block.rows) = (0, 0);
            for partition in block.partitions.clone() {
                let pages = sort.take(partition)?;
                block.encode(&sort.sorted(&pages)?, content, &sent, &kept)?;
            }
            block.end()
        },
        check: |block: &mut Writing| {
            commit.add(&block.commit);
            Ok(())
        },
        write: |block: &mut Writing| {
            for (sent, kept) in &mut block.pieces[..block.filled] {
                request.write(sent)?;
                retained.write(kept)?;
            }
            advance(block.partitions.len())
        },
    };
    let outcome: Result<(), TableError> = steps.run(threads);
    outcome?;
    request.finish()?;
    retained.finish()?;
    Ok(commit)
}

impl Writing {
    /// Adds the rows of a partition.
    fn encode(
        &mut self,
        sorted: &Sorted<'_>,
        content: Content,
        request: &Layout,
        retained: &Layout,
    ) -> Result<(), TableError> {
        let mut indexes = Vec::with_capacity(BATCH);
        let mut checks = Vec::with_capacity(BATCH);
        let count = content.columns().len();
        let mut codes = Vec::new();
        let mut text = Vec::with_capacity(Code::MAX_TEXT);
        let mut heads = Heads::default();
        for places in sorted.places().chunks(BATCH) {
            sorted.heads(places, &mut heads);
            indexes.clear();
            checks.clear();
            codes.clear();
            let mut texts = vec![Vec::with_capacity(places.len()); count];
            for head in heads.iter() {
                let (index, check, found) = read(head);
                let mut values = [None; MOST_VALUES];
                values.iter_mut().zip(found).for_each(|(value, found)| *value = found);
                indexes.push(index);
                checks.push(Some(CHECKS[usize::from(check)]));
                match content {
                    Content::Identifiers | Content::CivilStatus { .. } => {
                        let text = |value| std::str::from_utf8(value).expect("text was read");
                        texts.iter_mut().zip(values).for_each(|(texts, value)| texts.push(value.map(text)));
                        self.commit.push(&index, &values[..count]);
                    }
                    Content::Codes { tag, generation } => {
                        let bytes = |value: &[u8]| value.try_into().expect("a code has 32 bytes");
                        let code = values[0].map(|value| Code::from_bytes(bytes(value), tag, generation));
                        text.clear();
                        if let Some(code) = code {
                            code.write_text(&mut text);
                        }
                        self.commit.push(&index, &[code.map(|_| text.as_slice())]);
                        codes.push(code);
                    }
                }
            }
            let mut sent = vec![Values::Index(&indexes)];
            match content {
                Content::Codes { .. } => sent.push(Values::Codes(&codes)),
                _ => sent.extend(texts.iter().map(|texts| Values::Text(texts))),
            }
            let others = sorted.kept(places)?;
            let mut values = vec![Values::Index(&indexes), Values::Words(&checks)];
            values.extend(others.values());
            let (to_send, to_keep) = self.room(places.len(), request, retained)?;
            request.add(places.len(), &sent, to_send)?;
            retained.add(places.len(), &values, to_keep)?;
        }
        Ok(())
    }

    /// The pieces that `rows` more rows go to.
    fn room(
        &mut self,
        rows: usize,
        request: &Layout,
        retained: &Layout,
    ) -> Result<(&mut Piece, &mut Piece), TableError> {
        if self.filled == 0 || self.rows + rows > GROUP {
            self.end()?;
            if self.pieces.len() == self.filled {
                self.pieces.push((request.piece(), retained.piece()));
            }
            let (sent, kept) = &mut self.pieces[self.filled];
            request.begin(sent)?;
            retained.begin(kept)?;
            (self.filled, self.rows) = (self.filled + 1, 0);
        }
        self.rows += rows;
        let (sent, kept) = &mut self.pieces[self.filled - 1];
        Ok((sent, kept))
    }

    /// Ends the last pieces.
    fn end(&mut self) -> Result<(), TableError> {
        if let Some((sent, kept)) = self.pieces[..self.filled].last_mut() {
            sent.end()?;
            kept.end()?;
        }
        Ok(())
    }
}
