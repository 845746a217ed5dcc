//! The rows of a source → its sort, by their codes.

use std::num::NonZeroUsize;

use cstatns_base::code::{Code, Generation, Tag};
use cstatns_base::name::Name;
use cstatns_rows::columns::Codes;
use cstatns_rows::effort::Progress;
use cstatns_rows::error::TableError;
use cstatns_rows::pipeline::Steps;
use cstatns_rows::sort::{Dealer, Heads, KEY, Sort, Sortable, draw};
use cstatns_rows::table::{Batch, Stream};

use super::columns::Columns;
use super::tally::Rows;

/// A source on its way in.
pub(super) struct Opened<'a, F> {
    pub(super) name: &'a Name,
    pub(super) rows: Stream<F>,
    pub(super) of: (Tag, Generation),
    pub(super) columns: Columns,
}

/// A block of rows on its way into the sort.
struct Block<F> {
    batches: Vec<F>,
    filled: usize,
    codes: Vec<Option<Code>>,
    heads: Heads,
    keys: Vec<u8>,
    dealer: Dealer,
    rows: Rows,
}

/// Where a source goes, and how.
pub(super) struct Dealing<'a, F> {
    pub(super) sort: &'a Sort<F>,
    pub(super) threads: NonZeroUsize,
    /// What parts the columns of the output, in text.
    pub(super) delimiter: u8,
    /// Of the whole, in the unit of [`Batch::size`].
    pub(super) size: u64,
    pub(super) progress: &'a Progress,
}

impl<F: Sortable> Opened<'_, F> {
    /// Deals all rows: with a code by it, the others by keys that are drawn. A head is the code, or
    /// such a key alone.
    pub(super) fn deal(&mut self, dealing: Dealing<'_, F>) -> Result<Rows, TableError> {
        let Self { rows: stream, of, columns, .. } = self;
        let Dealing { sort, threads, delimiter, size, progress } = dealing;
        let codes = Codes::of(&stream.table, columns.code, Some(*of))?;
        let (mut all, mut done) = (Rows::default(), 0);
        let path = stream.table.path().to_owned();
        let steps = Steps {
            new: || Block {
                batches: Vec::new(),
                filled: 0,
                codes: Vec::new(),
                heads: Heads::default(),
                keys: Vec::new(),
                dealer: Dealer::new(delimiter),
                rows: Rows::default(),
            },
            read: |block: &mut Block<F>| sort.fill(stream, &mut block.batches, &mut block.filled),
            work: |block: &mut Block<F>| {
                let Block { batches, filled, rows, .. } = block;
                *rows = Rows::default();
                block.heads.clear();
                for batch in &mut batches[..*filled] {
                    batch
                        .split(&path)
                        .and_then(|()| codes.read(batch, &mut block.codes))
                        .and_then(|()| columns.check(&path, batch))
                        .map_err(|error| error.after(rows.all))?;
                    rows.all += batch.rows() as u64;
                    rows.without_code += push(&block.codes, &mut block.heads, &mut block.keys);
                }
                sort.deal(&batches[..*filled], &block.heads, &mut block.dealer)
            },
            check: |block: &mut Block<F>| {
                all.all += block.rows.all;
                all.without_code += block.rows.without_code;
                Ok(())
            },
            write: |block: &mut Block<F>| {
                let part = block.batches[..block.filled].iter().map(Batch::size).sum();
                done += part;
                progress.advance(block.rows.all, part)
            },
        };
        let outcome: Result<(), TableError> = steps.run(threads);
        outcome.map_err(|error| error.after(all.all))?;
        // What is not of rows: the header, quotes.
        progress.advance(0, size.saturating_sub(done))?;
        Ok(all)
    }
}

/// Adds the heads of rows with these codes. Returns how many have none.
fn push(codes: &[Option<Code>], heads: &mut Heads, keys: &mut Vec<u8>) -> u64 {
    let without = codes.iter().filter(|code| code.is_none()).count();
    draw(keys, without);
    let mut drawn = keys.as_chunks::<KEY>().0.iter();
    for code in codes {
        let code = code.as_ref().map(|code| code.bytes().split_first_chunk().expect("32 bytes"));
        match code {
            Some((key, rest)) => heads.keyed(key, rest),
            None => heads.keyed(drawn.next().expect("one for each row without a code"), &[]),
        }
    }
    without as u64
}

/// Whether a head is that of a row with a code.
pub(super) fn is_coded(head: &[u8]) -> bool {
    head.len() > KEY
}
