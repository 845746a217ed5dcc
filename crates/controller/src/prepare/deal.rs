//! The data's rows → the sort, each with its index.

use std::num::NonZeroUsize;
use std::ops::Range;

use cstatns_base::civil_status::request::{self, FIELDS, IDENTIFIER, Texts};
use cstatns_base::civil_status::{Field, SCHEME, Years};
use cstatns_base::identifier::{Reason, Scheme};
use cstatns_base::secret::wipe_stack;
use cstatns_rows::columns::{Codes, fault};
use cstatns_rows::csv::Fields;
use cstatns_rows::effort::Progress;
use cstatns_rows::error::{RowFault, TableError};
use cstatns_rows::pipeline::Steps;
use cstatns_rows::plain::Plain;
use cstatns_rows::reading::Reading;
use cstatns_rows::sort::{Dealer, Heads, Sort, Sortable};
use cstatns_rows::table::{BATCH, Batch, Fill, Stream};
use zeroize::Zeroize;

use crate::known::Known;

use super::counting::Counting;
use super::found::{Found, SoFar};
use super::head::{self, ABSENT, At, MALFORMED, OK, STATUSES, push};
use super::kept::Keeping;
use super::sent::Sent;

/// About the most rows of a block.
const AT_ONCE: usize = 4 * BATCH;

/// Where the rows of a file go.
pub(super) enum Goes<'a, F> {
    /// Nowhere: they are only judged.
    Nowhere,
    /// What is sent of them to this sort.
    Sent(&'a Sort<Fields>),
    /// With the columns that stay, which stand there, to this one.
    Whole(&'a Sort<F>, Vec<Range<usize>>),
}

impl<F: Sortable> Goes<'_, F> {
    /// How many rows are best dealt at once.
    fn at_once(&self, cells: usize) -> usize {
        match self {
            Self::Whole(sort, _) => AT_ONCE.max(F::wanted(sort.partitions())),
            Self::Nowhere | Self::Sent(_) => AT_ONCE.div_ceil(cells),
        }
    }
}

/// A block of rows on its way into the sort.
struct Block<F> {
    /// What was read, in the first `filled`.
    batches: Vec<F>,
    filled: usize,
    heads: Heads,
    indexes: Vec<u8>,
    dealer: Dealer,
    found: Found,
}

/// A file of the data, or a frame, on its way into the sort.
pub(super) struct Dealing<'a, F> {
    pub(super) rows: &'a mut Stream<F>,
    /// What the data is known again by, where something is kept of it.
    pub(super) known: Option<&'a mut Known>,
    pub(super) keeping: &'a Keeping,
    pub(super) reading: Reading<'a>,
    /// Of the whole, in the unit of [`Batch::size`].
    pub(super) size: u64,
    pub(super) goes: Goes<'a, F>,
    pub(super) threads: NonZeroUsize,
    pub(super) counting: &'a Counting,
    pub(super) so_far: &'a mut SoFar,
    pub(super) progress: &'a Progress,
}

impl<F: Fill + Sortable> Dealing<'_, F> {
    /// Reads the data and deals its rows, of each so many cells. `read` makes the heads of a batch;
    /// rows that it names in an error are counted from the batch's first one.
    fn deal(
        self,
        cells: usize,
        read: impl Fn(&F, &mut Heads, &mut Found) -> Result<(), TableError> + Sync,
    ) -> Result<Found, TableError> {
        let Self {
            rows, keeping, reading, size, goes, threads, counting, so_far, progress, ..
        } = self;
        let mut known = self.known;
        let path = rows.table.path().to_owned();
        let at_once = goes.at_once(cells);
        let (mut all, mut done) = (Found::default(), 0);
        let SoFar { blocks, distinct } = so_far;
        let steps = Steps {
            new: || Block {
                batches: Vec::new(),
                filled: 0,
                heads: Heads::default(),
                indexes: Vec::new(),
                dealer: match &goes {
                    Goes::Whole(_, kept) => {
                        Dealer::new(b',').keeping(kept.clone()).decoding(reading.encoding)
                    }
                    Goes::Nowhere | Goes::Sent(_) => Dealer::new(b','),
                },
                found: Found::default(),
            },
            read: |block: &mut Block<F>| {
                let statuses = vec![Default::default(); cells];
                block.found = Found { block: *blocks, statuses, ..Found::default() };
                let found = rows.fill_all(&mut block.batches, &mut block.filled, at_once)?;
                *blocks += u32::from(found);
                if let Some(known) = &mut known {
                    for batch in &block.batches[..block.filled] {
                        known.see(rows, batch)?;
                    }
                }
                Ok(found)
            },
            work: |block: &mut Block<F>| {
                let Block { batches, filled, heads, indexes, dealer, found } = block;
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
                match &goes {
                    Goes::Nowhere => {
                        found.sent = heads.iter().map(sent).sum();
                        Ok(())
                    }
                    Goes::Sent(sort) => {
                        heads.draw(indexes);
                        sort.deal_heads(heads)
                    }
                    Goes::Whole(sort, _) => {
                        heads.draw(indexes);
                        sort.deal(batches, heads, dealer)
                    }
                }
            },
            check: |block: &mut Block<F>| {
                all.add(&block.found);
                distinct.count(&block.found.marks);
                counting.goes_on(!distinct.is_full());
                Ok(())
            },
            write: |block: &mut Block<F>| {
                let part = block.batches[..block.filled].iter().map(Batch::size).sum();
                done += part;
                progress.advance(block.found.rows, part)
            },
        };
        let outcome: Result<(), TableError> = steps.run(threads);
        outcome.map_err(|error| error.after(all.rows))?;
        // What is not of rows: the header, quotes.
        progress.advance(0, size.saturating_sub(done))?;
        Ok(all)
    }

    /// Deals them by what is sent; `has_identifiers` says whether rows of civil status have an
    /// identifier, in some file of the data.
    pub(super) fn deal_sent(self, sent: &Sent, has_identifiers: bool) -> Result<Found, TableError> {
        match sent {
            Sent::Identifiers(columns, scheme) => self.deal_identifiers(columns, *scheme),
            Sent::Codes(columns) => self.deal_codes(columns),
            Sent::CivilStatus(columns, years) => {
                self.deal_civil_status(*columns, *years, has_identifiers)
            }
        }
    }

    fn deal_identifiers(self, columns: &[usize], scheme: Scheme) -> Result<Found, TableError> {
        let (path, counting, reading) =
            (self.rows.table.path().to_owned(), self.counting, self.reading);
        let is_said = reading.encoding.is_some();
        self.deal(columns.len(), |batch, heads, found| {
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
        })
    }

    fn deal_codes(self, columns: &[usize]) -> Result<Found, TableError> {
        let codes = columns.iter().map(|column| Codes::of(&self.rows.table, *column, None));
        let codes = codes.collect::<Result<Vec<_>, TableError>>()?;
        let counting = self.counting;
        self.deal(columns.len(), |batch, heads, found| {
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
        })
    }

    fn deal_civil_status(
        self,
        columns: [Option<usize>; FIELDS.len()],
        years: Years,
        has_identifiers: bool,
    ) -> Result<Found, TableError> {
        let (path, counting) = (self.rows.table.path().to_owned(), self.counting);
        let (identifier, reading) = (columns[IDENTIFIER], self.reading);
        let is = (has_identifiers, reading.encoding.is_some());
        let mut others = columns;
        others[IDENTIFIER] = None;
        self.deal(1, |batch, heads, found| {
            let mut columns = Plain::of(&path, batch, others, reading)?;
            columns[IDENTIFIER] =
                identifier.map(|column| Plain::identifiers(batch, column, reading));
            let first = found.at();
            for row in 0..batch.rows() {
                let cells =
                    columns.each_ref().map(|cells| cells.as_ref().and_then(|cells| cells.get(row)));
                let (at, out) = (first.after(row), (&mut *heads, counting, &mut *found));
                let status = push_civil_status(cells, at, is, years, out);
                let status = status.map_err(|found| fault(&path, row, found))?;
                found.statuses[0][usize::from(status)] += 1;
            }
            Ok(())
        })
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
