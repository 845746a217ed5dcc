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
use zeroize::{Zeroize, Zeroizing};

use crate::columns::{Codes, RowFault, fault};
use crate::csv::Delimiter;
use crate::effort::{Effort, Progress};
use crate::meta::marks;
use crate::outputs::commit_all;
use crate::pipeline::Steps;
use crate::report::{ReportError, origin, report_path};
use crate::seal::{Content, Seal, seal_path};
use crate::sink::{self, GROUP, Layout, Piece, Sink, Values};
use crate::sort::{self, Dealer, KEY, Sort, Sorted};
use crate::table::{BATCH, Batch, Format, Kind, Source, TableError};

/// The most partitions that are written at once.
const MOST_AT_ONCE: usize = 8;

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
/// identifier travels as an empty one; `check` in the retained file says why.
///
/// The data is gone through once; then its rows are sorted and written. Those that [`Effort::memory`] does not hold are
/// put aside beside the request meanwhile, encrypted under a key that lives as long as the call, in a file without a name.
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

    let widest = match what.column {
        Column::Identifier(_) => COMPACT,
        Column::Code(_) => CODE,
    };
    let others = vec![0..column, column + 1..source.header().len()];
    let extent = source.extent()?;
    let size = extent.size();
    let (sort, threads) = Sort::new(format, extent, others, HEAD + widest, what.request, effort);
    // Rows are gone through twice: read, and written partition by partition.
    let part = size.div_ceil(sort.partitions() as u64);
    effort.progress.expect(size + sort.partitions() as u64 * part);
    let data = Data { source: &mut source, column, size, sort: &sort, threads, progress: &effort.progress };
    let dealt = match what.column {
        Column::Identifier(_) => data.deal_identifiers()?,
        Column::Code(_) => data.deal_codes()?,
    };
    let (meta, previous) = match dealt.content {
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
    let (name, sent, pairs) = match dealt.content {
        Content::Identifiers => ("identifier", sink::Column::identifier(), marks(None)),
        Content::Codes { tag, generation } => {
            let pairs = meta.map_or_else(|| marks(Some((tag, generation))), |meta| meta.pairs());
            ("code", sink::Column::code(request_format == Format::Parquet), pairs)
        }
    };
    let sent = [sink::Column::index(), sent];
    let mut kept = vec![sink::Column::index(), sink::Column::word("check")];
    let others = (0..source.header().len()).filter(|other| *other != column);
    kept.extend(others.map(|other| sink::Column::kept(&source, other)));
    let outputs = Outputs {
        request: Sink::new(request_format, &mut request_file, b',', &sent, pairs)?,
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
        Commit::new(&key, &[name]),
        outputs,
        at_once.clamp(1, MOST_AT_ONCE),
        threads,
        |partitions| effort.progress.advance(0, partitions as u64 * part),
    )?;
    let (commitment, rows) = commit.finish();
    let seal = Seal { rows, commitment, key, content: dealt.content, previous };
    seal_file.write_all(&seal.bytes()).map_err(|error| FileError::from_io(&seal_path, &error))?;
    commit_all([seal_file, retained_file, request_file])?;
    Ok(Prepared { rows, counts: dealt.counts })
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

/// What `check` can say, by its number in a [`Heads`].
const CHECKS: [&str; 7] =
    ["ok", "absent", "scientific", "wrong-character", "wrong-length", "wrong-form", "wrong-key"];
const OK: u8 = 0;
const ABSENT: u8 = 1;

/// The bytes of an identifier in its compact form at most, and of a code.
const COMPACT: usize = 15;
const CODE: usize = 32;

/// What a row sends and what is known of it, as the sort takes it: the index, the number of the word of `check`, the
/// length of the value, and the value with zeros behind it.
struct Heads {
    bytes: Zeroizing<Vec<u8>>,
    /// The bytes of the longest value.
    widest: usize,
}

/// The bytes of a head without its value.
const HEAD: usize = KEY + 2;

impl Heads {
    /// Empties it, with room for about so many `rows`.
    fn clear(&mut self, rows: usize) {
        self.bytes.clear();
        self.reserve(rows * (HEAD + self.widest));
    }

    /// Makes room for `more` bytes: in a new place if need be, and the old one is wiped.
    fn reserve(&mut self, more: usize) {
        let needed = self.bytes.len() + more;
        if needed > self.bytes.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(2 * self.bytes.capacity())));
            larger.extend_from_slice(&self.bytes);
            self.bytes = larger;
        }
    }

    /// Adds a row, without an index.
    fn push(&mut self, check: u8, value: &[u8]) {
        // Single CRs make several rows of a line.
        self.reserve(HEAD + self.widest);
        let room = self.bytes.capacity();
        self.bytes.extend_from_slice(&[0; KEY]);
        self.bytes.extend_from_slice(&[check, value.len() as u8]);
        self.bytes.extend_from_slice(value);
        let zeros = [0; CODE];
        self.bytes.extend_from_slice(&zeros[..self.widest - value.len()]);
        debug_assert_eq!(self.bytes.capacity(), room, "a vector that grows leaves a copy behind");
    }

    /// Gives every row an index. That two of 128 random bits are equal need not be feared.
    fn draw(&mut self, indexes: &mut Vec<u8>) {
        let heads = self.bytes.chunks_exact_mut(HEAD + self.widest);
        indexes.clear();
        indexes.resize(KEY * heads.len(), 0);
        // The operating system draws a key for the block and ChaCha20 stretches it: asked for all of them, it would take
        // a tenth of the whole.
        let mut key = Zeroizing::new([0; 32]);
        random_bytes(&mut *key);
        ChaCha20::new((&*key).into(), &Default::default()).apply_keystream(indexes);
        for (head, index) in heads.zip(indexes.chunks_exact(KEY)) {
            head[..KEY].copy_from_slice(index);
        }
    }

    /// The index, the number of the check and the value of a row.
    fn read(head: &[u8]) -> ([u8; KEY], u8, Option<&[u8]>) {
        let (index, rest) = head.split_first_chunk().expect("a head begins with its index");
        let value = &rest[2..][..usize::from(rest[1])];
        (*index, rest[0], (!value.is_empty()).then_some(value))
    }
}

/// What was found in the data, whose rows are in the sort.
struct Dealt {
    rows: u64,
    content: Content,
    counts: BTreeMap<&'static str, u64>,
}

/// What was found in rows: how many have each word of `check`, and of the codes each tag and generation.
#[derive(Default)]
struct Found {
    rows: u64,
    checks: [u64; CHECKS.len()],
    codes: BTreeMap<(Tag, Generation), u64>,
}

impl Found {
    fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.checks.iter_mut().zip(other.checks).for_each(|(sum, count)| *sum += count);
        for (kind, count) in &other.codes {
            *self.codes.entry(*kind).or_default() += count;
        }
    }

    fn into_dealt(self, content: Content) -> Dealt {
        let counts = CHECKS.into_iter().zip(self.checks);
        Dealt { rows: self.rows, content, counts: counts.filter(|(_, count)| *count > 0).collect() }
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
    /// The column that is sent.
    column: usize,
    /// Of the whole, in the unit of [`Batch::size`].
    size: u64,
    sort: &'a Sort,
    threads: NonZeroUsize,
    progress: &'a Progress,
}

impl Data<'_> {
    /// Reads the data and deals its rows. `read` makes the heads of a batch, with values of at most `widest` bytes; rows
    /// that it names in an error are counted from the batch's first one.
    fn deal(
        self,
        widest: usize,
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
                heads: Heads { bytes: Zeroizing::default(), widest },
                indexes: Vec::new(),
                dealer: Dealer::new(delimiter),
                found: Found::default(),
            },
            read: |block: &mut Dealing| sort.fill(source, &mut block.batches, &mut block.filled),
            work: |block: &mut Dealing| {
                let Dealing { batches, filled, heads, indexes, dealer, found } = block;
                let batches = &mut batches[..*filled];
                heads.clear(batches.iter().map(Batch::lines).sum());
                *found = Found::default();
                for batch in batches.iter_mut() {
                    batch
                        .split(&path)
                        .and_then(|()| read(batch, heads, found))
                        .map_err(|error| error.after(found.rows))?;
                    found.rows += batch.rows() as u64;
                }
                heads.draw(indexes);
                sort.deal(batches, &heads.bytes, dealer)
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

    fn deal_identifiers(self) -> Result<Dealt, PrepareError> {
        const NEEDED: &str =
            "identifiers are text: a number cannot hold 2A, 2B or a leading zero, convert at the source";
        let column = self.column;
        self.source.need_kind(column, &[Kind::Text], NEEDED)?;
        let path = self.source.path().to_owned();
        let found = self.deal(COMPACT, |batch, heads, found| {
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

    fn deal_codes(self) -> Result<Dealt, PrepareError> {
        let codes = Codes::of(self.source, self.column, None)?;
        let found = self.deal(CODE, |batch, heads, found| {
            let mut read = Vec::new();
            codes.read(batch, &mut read)?;
            for code in &read {
                let check = if code.is_some() { OK } else { ABSENT };
                heads.push(check, code.as_ref().map_or(b"", |code| code.bytes()));
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
}

/// Adds the row of a cell, and says which word of `check` it has.
fn push_identifier(cell: Option<&[u8]>, heads: &mut Heads) -> Result<u8, RowFault> {
    let check = match cell.map(|cell| (cell, Nir.parse(cell))) {
        None => ABSENT,
        Some((_, Ok(mut accepted))) => {
            heads.push(OK, accepted.compact().as_bytes());
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
    heads.push(check, b"");
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
            commit: commitment::Rows::new(1),
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
        let (mut texts, mut codes) = (Vec::new(), Vec::new());
        let mut text = Vec::with_capacity(Code::MAX_TEXT);
        for places in sorted.places().chunks(BATCH) {
            indexes.clear();
            checks.clear();
            texts.clear();
            codes.clear();
            for place in places {
                let (index, check, value) = Heads::read(sorted.head(*place));
                indexes.push(index);
                checks.push(Some(CHECKS[usize::from(check)]));
                match content {
                    Content::Identifiers => {
                        texts.push(value.map(|value| std::str::from_utf8(value).expect("ASCII")));
                        self.commit.push(&index, &[value]);
                    }
                    Content::Codes { tag, generation } => {
                        let bytes = |value: &[u8]| value.try_into().expect("a code has 32 bytes");
                        let code = value.map(|value| Code::from_bytes(bytes(value), tag, generation));
                        text.clear();
                        if let Some(code) = code {
                            code.write_text(&mut text);
                        }
                        self.commit.push(&index, &[code.map(|_| text.as_slice())]);
                        codes.push(code);
                    }
                }
            }
            let value = match content {
                Content::Identifiers => Values::Text(&texts),
                Content::Codes { .. } => Values::Codes(&codes),
            };
            let others = sorted.kept(places)?;
            let mut values = vec![Values::Index(&indexes), Values::Text(&checks)];
            values.extend(others.values());
            let (sent, kept) = self.room(places.len(), request, retained)?;
            request.add(places.len(), &[Values::Index(&indexes), value], sent)?;
            retained.add(places.len(), &values, kept)?;
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
