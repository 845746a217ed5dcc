//! One pass over the data, in its own order: its rows without the columns that were sent, and the
//! codes before them.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cstatns_rows::by_row::PART;
use cstatns_rows::columns::{count_words, word};
use cstatns_rows::csv::Delimiter;
use cstatns_rows::effort::Effort;
use cstatns_rows::error::TableError;
use cstatns_rows::pipeline::Steps;
use cstatns_rows::sink::{Column, CopySink, Encoding, Parquet, Sink, Values};
use cstatns_rows::table::{BATCH, Batch, Form, Kind, Source, Stream, Table};

use crate::known::Known;

use super::AttachError;
use super::gather::{Gathered, add_counts};

/// The columns of the data that stay, in the order in which they come behind the codes.
pub(super) struct Kept {
    columns: Vec<usize>,
    /// The quality that the data of a renewal already has.
    counted: Option<usize>,
}

impl Kept {
    pub(super) fn of(table: &Table, sent: &[usize], renewal: bool) -> Result<Self, AttachError> {
        let changed = || AttachError::DataChanged { path: table.path().to_owned() };
        if sent.is_empty() || sent.iter().any(|column| *column >= table.header().len()) {
            return Err(changed());
        }
        let own = ["quality", "score"].map(|name| table.find(name));
        let mut own: Vec<usize> =
            own.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        own.retain(|column| !sent.contains(column));
        if !renewal && !own.is_empty() {
            // A first coding: `prepare` refuses data with such a column.
            return Err(changed());
        }
        let counted = own.first().copied().filter(|column| {
            table.header()[*column] == b"quality" && table.kind(*column) == Kind::Text
        });
        let others = (0..table.header().len())
            .filter(|column| !sent.contains(column) && !own.contains(column));
        let columns = own.iter().copied().chain(others).collect();
        Ok(Self { columns, counted })
    }

    /// Run by run.
    fn runs(&self) -> Vec<Range<usize>> {
        let runs = self.columns.chunk_by(|one, next| one + 1 == *next);
        runs.map(|run| run[0]..run[0] + run.len()).collect()
    }

    pub(super) fn columns(&self) -> &[usize] {
        &self.columns
    }
}

impl Gathered {
    /// The columns that come first.
    pub(super) fn own_columns(&self, binary_codes: bool) -> Vec<Column<'static>> {
        let mut columns = vec![Column::code(binary_codes)];
        columns.extend(self.quality.then(|| Column::word("quality")));
        columns.extend(self.score.then(Column::score));
        columns
    }

    /// Adds rows with these records.
    fn add<E: Encoding>(
        &self,
        records: &[&[u8]],
        kept: <E::Form as Form>::Kept<'_>,
        encoding: &E,
        piece: &mut E::Piece,
    ) -> Result<(), TableError> {
        let (mut codes, mut words) = (Vec::with_capacity(records.len()), Vec::new());
        let mut scores = Vec::new();
        for record in records {
            let record = self.read(record);
            codes.push(record.code);
            words.extend(self.quality.then(|| Some(&*self.words[record.word])));
            scores.extend(self.score.then_some(record.score));
        }
        let mut values = vec![Values::Codes(&codes)];
        values.extend(self.quality.then_some(Values::Words(&words)));
        values.extend(self.score.then_some(Values::Scores(&scores)));
        encoding.add(records.len(), &values, kept, piece)
    }
}

/// The parts of records, taken one after the other as the rows come.
struct Parts<'a> {
    gathered: &'a Gathered,
    retained: &'a Path,
    present: Arc<Vec<u8>>,
    /// The rows that were reached, and those of the parts that were taken.
    at: u64,
    taken: u64,
}

/// Records of the rows of a block, piece by piece.
#[derive(Default)]
struct Records(Vec<(Arc<Vec<u8>>, Range<usize>)>);

impl Records {
    fn iter(&self, width: usize) -> impl Iterator<Item = &[u8]> {
        self.0.iter().flat_map(move |(part, range)| part[range.clone()].chunks_exact(width))
    }
}

impl<'a> Parts<'a> {
    fn of(gathered: &'a Gathered, retained: &'a Path) -> Self {
        Self { gathered, retained, present: Arc::default(), at: 0, taken: 0 }
    }

    /// Those of the next so many rows; none if there are not as many.
    fn next(&mut self, mut rows: u64) -> Result<Option<Records>, AttachError> {
        let width = Gathered::width(self.gathered.score);
        let mut records = Records::default();
        while rows > 0 {
            if self.at == self.taken {
                if self.at == self.gathered.by_row.rows() {
                    return Ok(None);
                }
                let part = self.gathered.by_row.take(self.at / PART)?;
                let part = part
                    .ok_or_else(|| AttachError::RetainedRows { path: self.retained.to_owned() })?;
                self.taken += (part.len() / width) as u64;
                self.present = Arc::new(part);
            }
            let count = rows.min(self.taken - self.at);
            let begin = (self.at % PART) as usize * width;
            let range = begin..begin + count as usize * width;
            records.0.push((self.present.clone(), range));
            self.at += count;
            rows -= count;
        }
        Ok(Some(records))
    }

    fn is_at_end(&self) -> bool {
        self.at == self.gathered.by_row.rows()
    }
}

/// What is known of the data.
pub(super) struct Data {
    pub(super) path: PathBuf,
    /// The columns that were sent, counted from 0.
    pub(super) sent: Vec<usize>,
    pub(super) digest: [u8; 32],
    pub(super) rows: u64,
    /// The retained file, which says where its rows are.
    pub(super) retained: PathBuf,
}

impl Data {
    pub(super) fn changed(&self) -> AttachError {
        AttachError::DataChanged { path: self.path.clone() }
    }
}

/// A block of rows on its way to the attached file.
struct Block<F, P> {
    batches: Vec<F>,
    filled: usize,
    records: Records,
    rows: u64,
    counts: BTreeMap<String, u64>,
    piece: P,
}

/// Writes the attached rows to what `begin` begins, once it is given the columns. Returns how many
/// rows of a renewal have each quality.
pub(super) fn write<F, E, S>(
    mut rows: Stream<F>,
    data: &Data,
    gathered: &Gathered,
    binary_codes: bool,
    effort: &Effort,
    begin: impl FnOnce(&[Column<'_>], &Table) -> Result<(E, S), TableError>,
) -> Result<BTreeMap<String, u64>, AttachError>
where
    F: Form,
    E: Encoding<Form = F>,
    S: Sink<Piece = E::Piece>,
{
    let kept = Kept::of(&rows.table, &data.sent, !gathered.quality)?;
    let mut columns = gathered.own_columns(binary_codes);
    columns.extend(kept.columns.iter().map(|column| Column::kept(&rows.table, *column)));
    let (encoding, mut sink) = begin(&columns, &rows.table)?;
    drop(columns);
    let (runs, counted) = (kept.runs(), kept.counted);
    let mut known = Known::begin(&mut rows, &data.sent)?;
    let mut parts = Parts::of(gathered, &data.retained);
    let mut counts = BTreeMap::new();
    let width = Gathered::width(gathered.score);
    let steps = Steps {
        new: || Block {
            batches: Vec::new(),
            filled: 0,
            records: Records::default(),
            rows: 0,
            counts: BTreeMap::new(),
            piece: encoding.piece(),
        },
        read: |block: &mut Block<F, E::Piece>| {
            let more = rows.fill_all(&mut block.batches, &mut block.filled, E::GROUP);
            let more = more.map_err(|error| error.after(parts.at))?;
            block.rows = 0;
            for batch in &mut block.batches[..block.filled] {
                let before = parts.at + block.rows;
                batch.split(&data.path).map_err(|error| error.after(before))?;
                known.see(&rows, batch)?;
                block.rows += batch.rows() as u64;
            }
            block.records = parts.next(block.rows)?.ok_or_else(|| data.changed())?;
            Ok(more)
        },
        work: |block: &mut Block<F, E::Piece>| {
            block.counts.clear();
            encoding.begin(&mut block.piece)?;
            let mut records = block.records.iter(width);
            for batch in &block.batches[..block.filled] {
                let records: Vec<&[u8]> = records.by_ref().take(batch.rows()).collect();
                gathered.add(&records, batch.keep(&runs), &encoding, &mut block.piece)?;
                if let Some(column) = counted {
                    count_cells(batch, column, &mut block.counts);
                }
            }
            Ok(encoding.end(&mut block.piece)?)
        },
        check: |block: &mut Block<F, E::Piece>| {
            add_counts(&mut counts, &block.counts);
            Ok(())
        },
        write: |block: &mut Block<F, E::Piece>| {
            sink.write(&mut block.piece)?;
            Ok(effort.progress.advance(block.rows, block.rows)?)
        },
    };
    let outcome: Result<(), AttachError> = steps.run(E::threads(gathered.threads));
    outcome?;
    if !parts.is_at_end() || known.finish(&rows) != data.digest {
        return Err(data.changed());
    }
    sink.finish()?;
    Ok(counts)
}

fn count_cells<B: Batch>(batch: &B, column: usize, counts: &mut BTreeMap<String, u64>) {
    let cells = batch.cells(column);
    let words: Vec<_> = cells.iter(batch.rows()).map(|cell| word(cell).ok()).collect();
    count_words(counts, &words);
}

/// The rows of a row group whose records are held all at once.
const LARGE: u64 = 8 * PART;

/// A row group on its way.
struct Group<P> {
    is_large: bool,
    records: Records,
    rows: u64,
    piece: P,
}

/// Adds rows of which no column is kept.
fn add_records(
    gathered: &Gathered,
    records: &Records,
    encoding: &Parquet,
    piece: &mut <Parquet as Encoding>::Piece,
) -> Result<(), TableError> {
    let mut records = records.iter(Gathered::width(gathered.score));
    loop {
        let some: Vec<&[u8]> = records.by_ref().take(BATCH).collect();
        if some.is_empty() {
            return Ok(());
        }
        gathered.add(&some, Vec::new(), encoding, piece)?;
    }
}

/// Writes the codes before the columns of a Parquet file, whose bytes are copied. Returns how many
/// rows of a renewal have each quality.
pub(super) fn copy(
    data: &Data,
    kept: &Kept,
    gathered: &Gathered,
    effort: &Effort,
    (encoding, mut sink): (Parquet, CopySink<'_>),
) -> Result<BTreeMap<String, u64>, AttachError> {
    let mut groups = sink.groups().into_iter();
    let mut parts = Parts::of(gathered, &data.retained);
    let steps = Steps {
        new: || Group {
            is_large: false,
            records: Records::default(),
            rows: 0,
            piece: encoding.piece(),
        },
        read: |group: &mut Group<_>| {
            let Some(rows) = groups.next() else { return Ok(false) };
            group.rows = rows;
            group.records = Records::default();
            group.is_large = rows > LARGE;
            if group.is_large {
                // Its records are not all held at once.
                encoding.begin(&mut group.piece)?;
                let mut left = rows;
                while left > 0 {
                    let count = left.min(PART);
                    let records = parts.next(count)?.ok_or_else(|| data.changed())?;
                    add_records(gathered, &records, &encoding, &mut group.piece)?;
                    left -= count;
                }
            } else {
                group.records = parts.next(rows)?.ok_or_else(|| data.changed())?;
            }
            Ok(true)
        },
        work: |group: &mut Group<_>| {
            if !group.is_large {
                encoding.begin(&mut group.piece)?;
                add_records(gathered, &group.records, &encoding, &mut group.piece)?;
            }
            Ok(encoding.end(&mut group.piece)?)
        },
        check: |_: &mut Group<_>| Ok(()),
        write: |group: &mut Group<_>| {
            sink.write(&mut group.piece)?;
            Ok(effort.progress.advance(group.rows, group.rows)?)
        },
    };
    let threads: NonZeroUsize = Parquet::threads(gathered.threads);
    let outcome: Result<(), AttachError> = steps.run(threads);
    outcome?;
    if !parts.is_at_end() {
        return Err(data.changed());
    }
    sink.finish()?;
    let mut counts = BTreeMap::new();
    if let Some(column) = kept.counted {
        let mut rows = match Source::open(&data.path, Delimiter::Given(b','))? {
            Source::Columns(rows) => rows,
            Source::Lines(_) => return Err(data.changed()),
        };
        rows.choose(&[column], 0)?;
        while let Some(batch) = rows.next_batch()? {
            count_cells(&batch, column, &mut counts);
        }
    }
    Ok(counts)
}
