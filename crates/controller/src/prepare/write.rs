//! The sort → the request and the retained file, row by row beside each other.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

use cstatns_base::code::Code;
use cstatns_base::commitment::{self, Commit};
use cstatns_record::manifest::Content;
use cstatns_rows::csv::Fields;
use cstatns_rows::error::TableError;
use cstatns_rows::pipeline::Steps;
use cstatns_rows::sink::{Encoding, GROUP, Sink, Values};
use cstatns_rows::sort::{Dealer, Heads, Sort, Sorted};
use cstatns_rows::table::{BATCH, Form};

use super::head::{At, MOST_VALUES, STATUSES, read};

/// What is written: how the request is encoded and where it goes, and the same of what is retained.
pub(super) struct Outputs<Q, QS, R, RS> {
    pub(super) request: (Q, QS),
    pub(super) retained: (R, RS),
}

/// Partitions on their way out of the sort.
struct Writing<Q, R> {
    partitions: Range<usize>,
    /// The sort that they are of, where it is one into which a partition was divided.
    divided: Option<Arc<Sort<Fields>>>,
    /// The partitions of the whole that end with them.
    whole: usize,
    commit: commitment::EncodedRows,
    /// Of the request and of the retained file: the first `filled`, each a row group at most, and
    /// the rows of the last one.
    pieces: Vec<(Q, R)>,
    filled: usize,
    rows: usize,
}

/// The rows of the sort, of which some partitions are written at once.
pub(super) struct Partitions<'a> {
    pub(super) sort: &'a Sort<Fields>,
    /// The rows of the data before each block of them.
    pub(super) before: &'a [u64],
    /// Of several files, the rows of the data before each.
    pub(super) files: Option<&'a [u64]>,
    /// The rows of the request for each of them.
    pub(super) cells: usize,
    pub(super) content: Content,
    pub(super) at_once: usize,
    pub(super) threads: NonZeroUsize,
}

/// Where a cell that was sent stands in the data, all from 1: the row, the column among those that
/// are sent, and the file.
struct Place {
    row: u64,
    column: u64,
    file: u64,
}

/// Writes the rows of the sort to both files, and goes on with the commitment. `advance` is given
/// how many partitions were written.
pub(super) fn write<Q, R>(
    rows: Partitions<'_>,
    mut commit: Commit,
    outputs: Outputs<Q, impl Sink<Piece = Q::Piece>, R, impl Sink<Piece = R::Piece>>,
    advance: impl Fn(usize) -> Result<(), TableError> + Sync,
) -> Result<Commit, TableError>
where
    Q: Encoding,
    R: Encoding,
{
    let Partitions { sort, before, files, cells, content, at_once, threads } = rows;
    let place = |at: At| {
        let (row, column) = (at.cell as usize / cells, at.cell as usize % cells);
        let row = before[at.block as usize] + row as u64;
        let file = files.map_or(0, |files| files.partition_point(|first| *first <= row));
        let first = file.checked_sub(1).zip(files).map_or(0, |(file, files)| files[file]);
        // From 1, as errors count rows.
        Place { row: row - first + 1, column: column as u64 + 1, file: file as u64 }
    };
    let (sent, mut request) = outputs.request;
    let (kept, mut retained) = outputs.retained;
    // What is said of a place beside its row.
    let which = (cells > 1, files.is_some());
    let mut blocks = (0..sort.partitions()).step_by(at_once);
    // A partition that is far larger than foreseen, part by part.
    let mut large: Option<(Arc<Sort<Fields>>, Range<usize>)> = None;
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
        read: |block: &mut Writing<Q::Piece, R::Piece>| {
            if large.is_none() {
                let Some(first) = blocks.next() else { return Ok(false) };
                block.partitions = first..sort.partitions().min(first + at_once);
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
        work: |block: &mut Writing<Q::Piece, R::Piece>| {
            block.commit.clear();
            (block.filled, block.rows) = (0, 0);
            let divided = block.divided.take();
            let sort = divided.as_deref().unwrap_or(sort);
            for partition in block.partitions.clone() {
                let pages = sort.take(partition)?;
                block.encode(&sort.sorted(&pages)?, (&place, which), content, &sent, &kept)?;
            }
            block.end(&sent, &kept)
        },
        check: |block: &mut Writing<Q::Piece, R::Piece>| {
            commit.add(&block.commit);
            Ok(())
        },
        write: |block: &mut Writing<Q::Piece, R::Piece>| {
            for (sent, kept) in &mut block.pieces[..block.filled] {
                request.write(sent)?;
                retained.write(kept)?;
            }
            advance(block.whole)
        },
    };
    let outcome: Result<(), TableError> = steps.run(threads);
    outcome?;
    request.finish()?;
    retained.finish()?;
    Ok(commit)
}

impl<Q, R> Writing<Q, R> {
    /// Adds the rows of a partition.
    fn encode(
        &mut self,
        sorted: &Sorted<'_, Fields>,
        (place, (columns_too, files_too)): (impl Fn(At) -> Place, (bool, bool)),
        content: Content,
        request: &impl Encoding<Piece = Q>,
        retained: &impl Encoding<Piece = R>,
    ) -> Result<(), TableError> {
        let mut indexes = Vec::with_capacity(BATCH);
        let mut rows = Vec::with_capacity(BATCH);
        let (mut columns, mut files) = (Vec::new(), Vec::new());
        let mut statuses = Vec::with_capacity(BATCH);
        let count = content.columns().len();
        let mut codes = Vec::new();
        let mut text = Vec::with_capacity(Code::MAX_TEXT);
        let mut heads = Heads::default();
        for places in sorted.places().chunks(sorted.at_once()) {
            sorted.heads(places, &mut heads);
            indexes.clear();
            rows.clear();
            columns.clear();
            files.clear();
            statuses.clear();
            codes.clear();
            let mut texts = vec![Vec::with_capacity(places.len()); count];
            for head in heads.iter() {
                let (index, at, status, found) = read(head);
                let mut values = [None; MOST_VALUES];
                values.iter_mut().zip(found).for_each(|(value, found)| *value = found);
                indexes.push(index);
                let place = place(at);
                rows.push(place.row);
                columns.extend(columns_too.then_some(place.column));
                files.extend(files_too.then_some(place.file));
                statuses.push(Some(STATUSES[usize::from(status)]));
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
            let mut own = vec![Values::Index(&indexes), Values::Numbers(&rows)];
            own.extend(columns_too.then_some(Values::Numbers(&columns)));
            own.extend(files_too.then_some(Values::Numbers(&files)));
            own.push(Values::Words(&statuses));
            let (to_send, to_keep) = self.room(places.len(), request, retained)?;
            add(request, places.len(), &sent, to_send)?;
            add(retained, places.len(), &own, to_keep)?;
        }
        Ok(())
    }

    /// The pieces that `rows` more rows go to.
    fn room(
        &mut self,
        rows: usize,
        request: &impl Encoding<Piece = Q>,
        retained: &impl Encoding<Piece = R>,
    ) -> Result<(&mut Q, &mut R), TableError> {
        if self.filled == 0 || self.rows + rows > GROUP {
            self.end(request, retained)?;
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
    fn end(
        &mut self,
        request: &impl Encoding<Piece = Q>,
        retained: &impl Encoding<Piece = R>,
    ) -> Result<(), TableError> {
        if let Some((sent, kept)) = self.pieces[..self.filled].last_mut() {
            request.end(sent)?;
            retained.end(kept)?;
        }
        Ok(())
    }
}

/// Adds rows of which no column is kept.
fn add<E: Encoding>(
    encoding: &E,
    rows: usize,
    columns: &[Values<'_>],
    piece: &mut E::Piece,
) -> Result<(), TableError> {
    encoding.add(rows, columns, E::Form::nothing(), piece)
}
