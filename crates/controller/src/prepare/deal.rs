//! The data's rows → the sort, each with its index.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use cstatns_base::civil_status::request::{self, FIELDS, IDENTIFIER, Texts};
use cstatns_base::civil_status::{Field, SCHEME, Seen, Years};
use cstatns_base::code::{Generation, Tag};
use cstatns_base::distinct::Distinct;
use cstatns_base::identifier::{Reason, Scheme};
use cstatns_base::secret::{random_bytes, wipe_stack};
use cstatns_record::manifest::Content;
use cstatns_rows::columns::{Codes, fault};
use cstatns_rows::csv::Fields;
use cstatns_rows::effort::Progress;
use cstatns_rows::error::{RowFault, TableError};
use cstatns_rows::guard;
use cstatns_rows::pipeline::Steps;
use cstatns_rows::plain::Plain;
use cstatns_rows::reading::Reading;
use cstatns_rows::sort::{Heads, KEY, Sort};
use cstatns_rows::table::{BATCH, Batch, Fill, Stream};
use zeroize::{Zeroize, Zeroizing};

use crate::known::Known;

use super::PrepareError;
use super::counting::Counting;
use super::head::{self, ABSENT, At, MALFORMED, OK, STATUSES, push};
use super::kept::Keeping;

/// Gives every row an index. That two of 128 random bits are equal need not be feared.
fn draw(heads: &mut Heads, indexes: &mut Vec<u8>) {
    indexes.clear();
    indexes.resize(KEY * heads.count(), 0);
    // The operating system draws a key for the block and ChaCha20 stretches it: asked for all of
    // them, it would take a tenth of the whole.
    let mut key = Zeroizing::new([0; 32]);
    random_bytes(&mut *key);
    ChaCha20::new((&*key).into(), &Default::default()).apply_keystream(indexes);
    heads.set(indexes);
}

/// What was found in the data, whose rows are in the sort.
pub(super) struct Dealt {
    pub(super) rows: u64,
    /// The rows before each block.
    pub(super) before: Vec<u64>,
    pub(super) content: Content,
    /// How many rows have a value, and how many values are distinct.
    pub(super) values: u64,
    pub(super) distinct: u64,
    /// How often the most frequent value stands, and among how many.
    pub(super) most: (u64, u64),
    /// Identifiers without their control key.
    pub(super) unkeyed: u64,
    pub(super) counts: BTreeMap<&'static str, u64>,
    pub(super) unread: BTreeMap<&'static str, u64>,
    pub(super) may_be_days: bool,
    /// Of rows that do not go to a sort: the bytes of their values.
    pub(super) sent: u64,
    pub(super) kept: guard::Found,
}

/// What was found in rows: how many have each word of `status`, of the codes each tag and
/// generation, and of civil status what the cells of each field are.
#[derive(Default)]
struct Found {
    rows: u64,
    /// The number of the block; of all the rows before each.
    block: u32,
    before: Vec<u64>,
    /// The marks of values, of a block; how many were distinct, of all.
    marks: Vec<u128>,
    distinct: u64,
    most: (u64, u64),
    /// Identifiers without their control key.
    unkeyed: u64,
    sent: u64,
    /// Of each column that is sent.
    statuses: Vec<[u64; STATUSES.len()]>,
    codes: BTreeMap<(Tag, Generation), u64>,
    seen: [Seen; FIELDS.len()],
    kept: guard::Found,
}

impl Found {
    /// Where the next batch begins.
    fn at(&self) -> At {
        let first = At { block: self.block, cell: 0 };
        first.after(self.rows as usize * self.statuses.len())
    }

    fn add(&mut self, other: &Self) {
        self.before.push(self.rows);
        self.rows += other.rows;
        self.unkeyed += other.unkeyed;
        self.sent += other.sent;
        self.kept.add(&other.kept);
        self.statuses.resize(other.statuses.len(), Default::default());
        for (sums, counts) in self.statuses.iter_mut().zip(&other.statuses) {
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        self.seen.iter_mut().zip(other.seen).for_each(|(sum, seen)| *sum = sum.and(seen));
        for (kind, count) in &other.codes {
            *self.codes.entry(*kind).or_default() += count;
        }
    }

    fn into_dealt(self, content: Content) -> Dealt {
        let all = |word: usize| self.statuses.iter().map(|counts| counts[word]).sum::<u64>();
        let counts = STATUSES.into_iter().enumerate().map(|(at, word)| (word, all(at)));
        let seen = FIELDS.into_iter().zip(self.seen);
        let unread = seen.clone().filter(|(_, seen)| seen.unread > 0);
        Dealt {
            rows: self.rows,
            before: self.before,
            content,
            values: all(usize::from(OK)),
            distinct: self.distinct,
            most: self.most,
            unkeyed: self.unkeyed,
            counts: counts.filter(|(_, count)| *count > 0).collect(),
            unread: unread.map(|(field, seen)| (field.name(), seen.unread)).collect(),
            sent: self.sent,
            may_be_days: seen.into_iter().any(|(field, seen)| seen.may_be_days(field)),
            kept: self.kept,
        }
    }
}

/// About the most rows of a block.
const AT_ONCE: usize = 4 * BATCH;

/// A block of rows on its way into the sort.
struct Dealing<F> {
    /// What was read, in the first `filled`.
    batches: Vec<F>,
    filled: usize,
    heads: Heads,
    indexes: Vec<u8>,
    found: Found,
}

/// The data on its way into the sort.
pub(super) struct Data<'a, F> {
    pub(super) rows: &'a mut Stream<F>,
    pub(super) known: &'a mut Known,
    pub(super) keeping: &'a Keeping,
    pub(super) reading: Reading<'a>,
    /// Of the whole, in the unit of [`Batch::size`].
    pub(super) size: u64,
    /// Where they go; nowhere if they are only judged.
    pub(super) sort: Option<&'a Sort<Fields>>,
    pub(super) threads: NonZeroUsize,
    pub(super) counting: &'a Counting,
    pub(super) progress: &'a Progress,
}

impl<F: Fill> Data<'_, F> {
    /// Reads the data and deals its rows, of each so many cells. `read` makes the heads of a batch;
    /// rows that it names in an error are counted from the batch's first one.
    fn deal(
        self,
        cells: usize,
        read: impl Fn(&F, &mut Heads, &mut Found) -> Result<(), TableError> + Sync,
    ) -> Result<Found, TableError> {
        let Self { rows, known, keeping, size, sort, threads, counting, progress, .. } = self;
        let path = rows.table.path().to_owned();
        let (mut all, mut done, mut blocks) = (Found::default(), 0, 0);
        let mut distinct = Distinct::default();
        let steps = Steps {
            new: || Dealing {
                batches: Vec::new(),
                filled: 0,
                heads: Heads::default(),
                indexes: Vec::new(),
                found: Found::default(),
            },
            read: |block: &mut Dealing<F>| {
                let statuses = vec![Default::default(); cells];
                block.found = Found { block: blocks, statuses, ..Found::default() };
                blocks += 1;
                let found =
                    rows.fill_all(&mut block.batches, &mut block.filled, AT_ONCE.div_ceil(cells))?;
                for batch in &block.batches[..block.filled] {
                    known.see(rows, batch)?;
                }
                Ok(found)
            },
            work: |block: &mut Dealing<F>| {
                let Dealing { batches, filled, heads, indexes, found } = block;
                let batches = &mut batches[..*filled];
                heads.clear();
                for batch in batches.iter_mut() {
                    batch
                        .split(&path)
                        .and_then(|()| keeping.guard.judge(&keeping.shown, batch, &mut found.kept))
                        .and_then(|()| read(batch, heads, found))
                        .map_err(|error| error.after(found.rows))?;
                    found.rows += batch.rows() as u64;
                }
                if !found.marks.is_empty() {
                    // The values that were marked went over it.
                    wipe_stack();
                }
                let Some(sort) = sort else {
                    found.sent = heads.iter().map(sent).sum();
                    return Ok(());
                };
                draw(heads, indexes);
                sort.deal_heads(heads)
            },
            check: |block: &mut Dealing<F>| {
                all.add(&block.found);
                distinct.count(&block.found.marks);
                counting.goes_on(!distinct.is_full());
                Ok(())
            },
            write: |block: &mut Dealing<F>| {
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
        (all.distinct, all.most) = (distinct.found(), distinct.most());
        // What is not of rows: the header, quotes.
        progress.advance(0, size.saturating_sub(done))?;
        Ok(all)
    }

    pub(super) fn deal_identifiers(
        self,
        columns: &[usize],
        scheme: Scheme,
    ) -> Result<Dealt, PrepareError> {
        let (path, counting) = (self.rows.table.path().to_owned(), self.counting);
        let (reading, keeping) = (self.reading, self.keeping);
        let is_said = reading.encoding.is_some();
        let found = self.deal(columns.len(), |batch, heads, found| {
            let cells = columns.iter().map(|column| Plain::identifiers(batch, *column, reading));
            let cells: Vec<_> = cells.collect();
            let mut at = found.at();
            for row in 0..batch.rows() {
                for (cells, statuses) in cells.iter().zip(&mut found.statuses) {
                    let out = (&mut *heads, counting, &mut found.marks, &mut found.unkeyed);
                    let status = push_identifier(scheme, cells.get(row), at, is_said, out)
                        .map_err(|found| fault(&path, row, found))?;
                    statuses[usize::from(status)] += 1;
                    at = at.after(1);
                }
            }
            Ok(())
        })?;
        for (column, statuses) in columns.iter().zip(&found.statuses) {
            let filled = found.rows - statuses[usize::from(ABSENT)];
            let invalid = filled - statuses[usize::from(OK)];
            if 2 * invalid > filled {
                let column = keeping.shown.column(*column);
                let words = STATUSES.into_iter().zip(*statuses);
                let reasons = words.skip(usize::from(MALFORMED)).filter(|(_, count)| *count > 0);
                let reasons = reasons.collect();
                return Err(PrepareError::WrongColumn { column, invalid, filled, reasons });
            }
        }
        Ok(found.into_dealt(Content::Identifiers { scheme }))
    }

    pub(super) fn deal_codes(self, columns: &[usize]) -> Result<Dealt, PrepareError> {
        let codes = columns.iter().map(|column| Codes::of(&self.rows.table, *column, None));
        let codes = codes.collect::<Result<Vec<_>, TableError>>()?;
        let counting = self.counting;
        let found = self.deal(columns.len(), |batch, heads, found| {
            let mut read = vec![Vec::new(); columns.len()];
            for (codes, read) in codes.iter().zip(&mut read) {
                codes.read(batch, read)?;
            }
            let mut at = found.at();
            for row in 0..batch.rows() {
                for (read, statuses) in read.iter().zip(&mut found.statuses) {
                    let code = &read[row];
                    let status = if code.is_some() { OK } else { ABSENT };
                    push(heads, at, status, &[code.as_ref().map_or(b"", |code| code.bytes())]);
                    statuses[usize::from(status)] += 1;
                    if let Some(code) = code {
                        counting.mark(&mut found.marks, [&code.bytes()[..]]);
                        *found.codes.entry((code.tag(), code.generation())).or_default() += 1;
                    }
                    at = at.after(1);
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

    pub(super) fn deal_civil_status(
        self,
        columns: [Option<usize>; FIELDS.len()],
        years: Years,
    ) -> Result<Dealt, PrepareError> {
        let (path, counting) = (self.rows.table.path().to_owned(), self.counting);
        let (identifier, reading) = (columns[IDENTIFIER], self.reading);
        let is_said = reading.encoding.is_some();
        let mut others = columns;
        others[IDENTIFIER] = None;
        let found = self.deal(1, |batch, heads, found| {
            let mut columns = Plain::of(&path, batch, others, reading)?;
            columns[IDENTIFIER] =
                identifier.map(|column| Plain::identifiers(batch, column, reading));
            let first = found.at();
            for row in 0..batch.rows() {
                let cells =
                    columns.each_ref().map(|cells| cells.as_ref().and_then(|cells| cells.get(row)));
                let (at, out) = (first.after(row), (&mut *heads, counting, &mut *found));
                let is = (identifier.is_some(), is_said);
                let status = push_civil_status(cells, at, is, years, out);
                let status = status.map_err(|found| fault(&path, row, found))?;
                found.statuses[0][usize::from(status)] += 1;
            }
            Ok(())
        })?;
        if let Some((field, seen)) =
            FIELDS.into_iter().zip(found.seen).find(|(field, seen)| seen.is_wrong(*field))
        {
            return Err(PrepareError::WrongField {
                field,
                invalid: seen.unread,
                filled: seen.filled,
            });
        }
        Ok(found.into_dealt(Content::CivilStatus { identifier: identifier.is_some() }))
    }
}

/// The bytes of the values of a head.
fn sent(head: &[u8]) -> u64 {
    let (.., values) = head::read(head);
    values.flatten().map(|value| value.len() as u64).sum()
}

/// Adds the row of a cell, and says which word of `status` it has. Where the encoding of the data
/// was said, `is_said`, a cell in another one is no more than a wrong cell.
fn push_identifier(
    scheme: Scheme,
    cell: Option<&[u8]>,
    at: At,
    is_said: bool,
    (heads, counting, marks, unkeyed): (&mut Heads, &Counting, &mut Vec<u128>, &mut u64),
) -> Result<u8, RowFault> {
    let status = match cell.map(|cell| (cell, scheme.parse(cell))) {
        None => ABSENT,
        Some((_, Ok(mut accepted))) => {
            push(heads, at, OK, &[accepted.compact().as_bytes()]);
            let canonical = accepted.identifier.canonical();
            *unkeyed += u64::from(accepted.compact().len() == canonical.len());
            counting.mark(marks, [canonical]);
            accepted.zeroize();
            return Ok(OK);
        }
        // The file is in another encoding: what was a no-break space would make many rows invalid,
        // one by one.
        Some((cell, Err(_))) if !is_said && std::str::from_utf8(cell).is_err() => {
            return Err(RowFault::Encoding);
        }
        // Nothing but white space.
        Some((_, Err(Reason::WrongLength { found: 0 }))) => ABSENT,
        Some((_, Err(reason))) => {
            STATUSES.iter().position(|word| *word == reason.word()).expect("a word for each reason")
                as u8
        }
    };
    push(heads, at, status, &[b""]);
    Ok(status)
}

/// Adds the row of these cells, and says which word of `status` it has. Nothing travels that cannot
/// be read as its field, and nothing of a row in which nobody could be found by the rest.
fn push_civil_status(
    cells: [Option<&[u8]>; FIELDS.len()],
    at: At,
    (identifier, is_said): (bool, bool),
    years: Years,
    (heads, counting, found): (&mut Heads, &Counting, &mut Found),
) -> Result<u8, RowFault> {
    let (mut given, mut sent): (Texts<'_>, Texts<'_>) = Default::default();
    let mut accepted = None;
    for (at, (field, cell)) in FIELDS.into_iter().zip(cells).enumerate() {
        given[at] = match std::str::from_utf8(cell.unwrap_or_default()) {
            Ok(text) => text.trim(),
            Err(_) if is_said => {
                found.seen[at].add("", false);
                continue;
            }
            Err(_) => return Err(RowFault::Encoding),
        };
        if given[at].is_empty() {
            continue;
        }
        let is_read = match field {
            Field::Nir => {
                accepted = SCHEME.parse(given[at].as_bytes()).ok();
                accepted.is_some()
            }
            _ => field.reads(given[at], years),
        };
        found.seen[at].add(given[at], is_read);
        if is_read {
            sent[at] = given[at];
        }
    }
    let status = match (request::is_enough(&sent), request::civil_status(&given)) {
        (true, _) => OK,
        (false, given) if [given.nom, given.nom_usage, given.date_naissance] == [""; 3] => ABSENT,
        (false, _) => MALFORMED,
    };
    if status != OK {
        sent = Default::default();
    } else if let Some(accepted) = &accepted {
        sent[IDENTIFIER] = accepted.compact();
    }
    let values = sent.map(str::as_bytes);
    if status == OK {
        counting.mark(&mut found.marks, values);
    }
    push(heads, at, status, &values[..IDENTIFIER + usize::from(identifier)]);
    accepted.zeroize();
    Ok(status)
}
