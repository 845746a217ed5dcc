//! The sort → the request and what is written beside it, row by row.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

use cstatns_base::code::Code;
use cstatns_base::commitment::{self, Commit};
use cstatns_record::manifest::Content;
use cstatns_rows::error::TableError;
use cstatns_rows::pipeline::Steps;
use cstatns_rows::sink::{Encoding, GROUP, Sink, Values};
use cstatns_rows::sort::{Dealer, Heads, Sort, Sortable, Sorted};
use cstatns_rows::table::{BATCH, Form};

use super::beside::RowsBeside;
use super::head::{MOST_VALUES, read};

/// What is written: how the request is encoded and where it goes, and the same of what is written
/// beside it.
pub(super) struct Outputs<Q, QS, B, BS> {
    pub(super) request: (Q, QS),
    pub(super) beside: (B, BS),
}

/// Partitions on their way out of the sort.
struct Writing<F, Q, R> {
    partitions: Range<usize>,
    /// The sort that they are of, where it is one into which a partition was divided.
    divided: Option<Arc<Sort<F>>>,
    /// The partitions of the whole that end with them.
    whole: usize,
    commit: commitment::EncodedRows,
    /// Of the request and of what is written beside it: the first `filled`, each a row group at
    /// most, and the rows of the last one.
    pieces: Vec<(Q, R)>,
    filled: usize,
    rows: usize,
}

/// A sort into which a partition was divided, and its parts that are still to be written.
type Large<F> = (Arc<Sort<F>>, Range<usize>);

/// The rows of the sort, of which some partitions are written at once.
pub(super) struct Partitions<'a, F> {
    pub(super) sort: &'a Sort<F>,
    pub(super) content: Content,
    pub(super) at_once: usize,
    pub(super) threads: NonZeroUsize,
}

/// Writes the rows of the sort to both files, and goes on with the commitment. `advance` is given
/// how many partitions were written.
pub(super) fn write<Q, B>(
    rows: Partitions<'_, B::Form>,
    mut commit: Commit,
    outputs: Outputs<Q, impl Sink<Piece = Q::Piece>, B, impl Sink<Piece = Piece<B>>>,
    advance: impl Fn(usize) -> Result<(), TableError> + Sync,
) -> Result<Commit, TableError>
where
    Q: Encoding,
    B: RowsBeside,
{
    let Partitions { sort, content, at_once, threads } = rows;
    let (sent, mut request) = outputs.request;
    let (kept, mut beside) = outputs.beside;
    let mut next = 0;
    // A partition that is far larger than foreseen, part by part.
    let mut large: Option<Large<B::Form>> = None;
    let mut dealer = Dealer::new(b',');
    let steps = Steps {
        new: || Writing {
            partitions: 0..0,
            divided: None,
            whole: 0,
            commit: commitment::EncodedRows::new(content.columns().len()),
            pieces: Vec::new(),
            filled: 0,
            rows: 0,
        },
        read: |block: &mut Writing<B::Form, Q::Piece, Piece<B>>| {
            if large.is_none() {
                let (first, last) = (next, sort.partitions().min(next + at_once));
                if first == last {
                    return Ok(false);
                }
                // One that is large is taken alone.
                let end = (first..last).find(|partition| sort.is_large(*partition));
                next = end.map_or(last, |end| end.max(first + 1));
                block.partitions = first..next;
                (block.divided, block.whole) = (None, block.partitions.len());
                if block.whole > 1 {
                    return Ok(true);
                }
                let divided = sort.divide(first, &mut dealer)?;
                large = divided.map(|divided| {
                    let parts = 0..divided.partitions();
                    (Arc::new(divided), parts)
                });
            }
            if let Some((divided, parts)) = &mut large {
                let part = parts.next().expect("a sort has partitions");
                (block.partitions, block.divided) = (part..part + 1, Some(divided.clone()));
                let is_last = parts.start == parts.end;
                block.whole = usize::from(is_last);
                if is_last {
                    large = None;
                }
            }
            Ok(true)
        },
        work: |block: &mut Writing<B::Form, Q::Piece, Piece<B>>| {
            block.commit.clear();
            (block.filled, block.rows) = (0, 0);
            let divided = block.divided.take();
            let sort = divided.as_deref().unwrap_or(sort);
            for partition in block.partitions.clone() {
                let pages = sort.take(partition)?;
                block.encode(&sort.sorted(&pages)?, content, &sent, &kept)?;
            }
            block.end(&sent, kept.encoding())
        },
        check: |block: &mut Writing<B::Form, Q::Piece, Piece<B>>| {
            commit.add(&block.commit);
            Ok(())
        },
        write: |block: &mut Writing<B::Form, Q::Piece, Piece<B>>| {
            for (sent, kept) in &mut block.pieces[..block.filled] {
                request.write(sent)?;
                beside.write(kept)?;
            }
            advance(block.whole)
        },
    };
    let outcome: Result<(), TableError> = steps.run(B::threads(threads));
    outcome?;
    request.finish()?;
    beside.finish()?;
    Ok(commit)
}

/// Rows of what is written beside the request, encoded.
type Piece<B> = <<B as RowsBeside>::Encoding as Encoding>::Piece;

impl<F: Sortable, Q, R> Writing<F, Q, R> {
    /// Adds the rows of a partition.
    fn encode<B>(
        &mut self,
        sorted: &Sorted<'_, F>,
        content: Content,
        request: &impl Encoding<Piece = Q>,
        beside: &B,
    ) -> Result<(), TableError>
    where
        B: RowsBeside<Form = F>,
        B::Encoding: Encoding<Piece = R>,
    {
        let mut indexes = Vec::with_capacity(BATCH);
        let mut said = B::Said::default();
        let count = content.columns().len();
        let mut codes = Vec::new();
        let mut text = Vec::with_capacity(Code::MAX_TEXT);
        let mut heads = Heads::default();
        for places in sorted.places().chunks(sorted.at_once()) {
            sorted.heads(places, &mut heads);
            indexes.clear();
            beside.clear(&mut said);
            codes.clear();
            let mut texts = vec![Vec::with_capacity(places.len()); count];
            for head in heads.iter() {
                let (index, at, status, found) = read(head);
                let mut values = [None; MOST_VALUES];
                values.iter_mut().zip(found).for_each(|(value, found)| *value = found);
                indexes.push(index);
                beside.say(at, status, &mut said);
                match content {
                    Content::Identifiers { .. } | Content::CivilStatus { .. } => {
                        let text = |value| std::str::from_utf8(value).expect("text was read");
                        texts
                            .iter_mut()
                            .zip(values)
                            .for_each(|(texts, value)| texts.push(value.map(text)));
                        self.commit.push(&index, &values[..count]);
                    }
                    Content::Codes { tag, generation } => {
                        let bytes = |value: &[u8]| value.try_into().expect("a code has 32 bytes");
                        let code =
                            values[0].map(|value| Code::from_bytes(bytes(value), tag, generation));
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
            let (to_send, to_keep) = self.room(places.len(), request, beside.encoding())?;
            add(request, places.len(), &sent, to_send)?;
            beside.add(&indexes, &said, || sorted.kept(places), to_keep)?;
        }
        Ok(())
    }

    /// The pieces that `rows` more rows go to.
    fn room(
        &mut self,
        rows: usize,
        request: &impl Encoding<Piece = Q>,
        beside: &impl Encoding<Piece = R>,
    ) -> Result<(&mut Q, &mut R), TableError> {
        if self.filled == 0 || self.rows + rows > GROUP {
            self.end(request, beside)?;
            if self.pieces.len() == self.filled {
                self.pieces.push((request.piece(), beside.piece()));
            }
            let (sent, kept) = &mut self.pieces[self.filled];
            request.begin(sent)?;
            beside.begin(kept)?;
            (self.filled, self.rows) = (self.filled + 1, 0);
        }
        self.rows += rows;
        let (sent, kept) = &mut self.pieces[self.filled - 1];
        Ok((sent, kept))
    }

    /// Ends the last pieces.
    fn end(
        &mut self,
        request: &impl Encoding<Piece = Q>,
        beside: &impl Encoding<Piece = R>,
    ) -> Result<(), TableError> {
        if let Some((sent, kept)) = self.pieces[..self.filled].last_mut() {
            request.end(sent)?;
            beside.end(kept)?;
        }
        Ok(())
    }
}

/// Adds rows of which no column is kept.
pub(super) fn add<E: Encoding>(
    encoding: &E,
    rows: usize,
    columns: &[Values<'_>],
    piece: &mut E::Piece,
) -> Result<(), TableError> {
    encoding.add(rows, columns, E::Form::nothing(), piece)
}
