//! One pass over the data, in its own order: its rows without the columns that were sent, and the
//! codes before them.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use cstatns_rows::by_row::PART;
use cstatns_rows::columns::{count_words, word};
use cstatns_rows::csv::Delimiter;
use cstatns_rows::effort::Effort;
use cstatns_rows::error::TableError;
use cstatns_rows::pipeline::Steps;
use cstatns_rows::sink::{Column, CopySink, Encoding, Parquet, Sink, Values};
use cstatns_rows::table::{BATCH, Batch, Fill, Form, Kind, Source, Stream, Table, runs};

use crate::known::Known;
use crate::named::{Clash, Names};

use super::AttachError;
use super::gather::{Gathered, add_counts};
use super::opened::Expected;

/// The columns of the data that stay, in the order in which they come behind the codes.
pub(super) struct Kept {
    columns: Vec<usize>,
    /// The qualities that the data of a renewal already has.
    counted: Vec<usize>,
    /// What the columns of several columns of codes are called.
    names: Vec<Names>,
}

impl Kept {
    pub(super) fn of(
        table: &Table,
        sent: &[usize],
        gathered: &Gathered,
    ) -> Result<Self, AttachError> {
        let (renewal, several) = (!gathered.quality, gathered.cells > 1);
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
        let is_text = |column: &usize| table.kind(*column) == Kind::Text;
        let (names, counted): (_, Vec<usize>) = match several {
            true => {
                // `prepare` refuses data with which it cannot be so: a frame is another one now.
                let names = Names::of(table, sent, renewal).map_err(|_: Clash| changed())?;
                let counted = names.iter().filter_map(|names| names.known).collect();
                // These stay where they are.
                own.clear();
                (names, counted)
            }
            false => {
                let counted = own.first().copied();
                let counted = counted.filter(|column| table.header()[*column] == b"quality");
                (Vec::new(), counted.into_iter().collect())
            }
        };
        let counted = counted.into_iter().filter(is_text).collect();
        let others = (0..table.header().len())
            .filter(|column| !sent.contains(column) && !own.contains(column));
        let columns = own.iter().copied().chain(others).collect();
        Ok(Self { columns, counted, names })
    }

    /// Run by run.
    pub(super) fn runs(&self) -> Vec<Range<usize>> {
        runs(&self.columns)
    }

    pub(super) fn columns(&self) -> &[usize] {
        &self.columns
    }

    pub(super) fn counted(&self) -> &[usize] {
        &self.counted
    }
}

impl Gathered {
    /// The columns that come first.
    pub(super) fn own_columns(&self, kept: &Kept, binary_codes: bool) -> Vec<Column<'static>> {
        let mut columns = Vec::new();
        for cell in 0..self.cells {
            let code = Column::code(binary_codes);
            let quality = self.quality.then(|| Column::word("quality"));
            match kept.names.get(cell) {
                Some(Names { code: name, quality: other, .. }) => {
                    columns.push(code.called(name.clone()));
                    columns.extend(quality.map(|quality| quality.called(other.clone())));
                }
                None => {
                    columns.push(code);
                    columns.extend(quality);
                }
            }
        }
        columns.extend(self.score.then(Column::score));
        columns
    }

    /// Adds rows with these records, of each row one for each cell.
    pub(super) fn add<E: Encoding>(
        &self,
        records: &[&[u8]],
        kept: <E::Form as Form>::Kept<'_>,
        encoding: &E,
        piece: &mut E::Piece,
    ) -> Result<(), TableError> {
        let rows = records.len() / self.cells;
        let mut cells = Vec::with_capacity(self.cells);
        let mut scores = Vec::new();
        for cell in 0..self.cells {
            let (mut codes, mut words) = (Vec::with_capacity(rows), Vec::new());
            for record in records.iter().skip(cell).step_by(self.cells) {
                let record = self.read(record);
                codes.push(record.code);
                words.extend(self.quality.then(|| Some(&*self.words[record.word])));
                scores.extend(self.score.then_some(record.score));
            }
            cells.push((codes, words));
        }
        let mut values = Vec::new();
        for (codes, words) in &cells {
            values.push(Values::Codes(codes));
            values.extend(self.quality.then_some(Values::Words(words)));
        }
        values.extend(self.score.then_some(Values::Scores(&scores)));
        encoding.add(rows, &values, kept, piece)
    }
}

/// The parts of records, taken one after the other as the rows come.
pub(super) struct Parts<'a> {
    gathered: &'a Gathered,
    retained: &'a Path,
    present: Arc<Vec<u8>>,
    /// The records that were reached, and those of the parts that were taken.
    at: u64,
    taken: u64,
    /// Those of the present file of the data.
    file: Range<u64>,
}

/// Records of the rows of a block, piece by piece.
#[derive(Default)]
pub(super) struct Records(Vec<(Arc<Vec<u8>>, Range<usize>)>);

impl Records {
    pub(super) fn iter(&self, width: usize) -> impl Iterator<Item = &[u8]> {
        self.0.iter().flat_map(move |(part, range)| part[range.clone()].chunks_exact(width))
    }
}

impl<'a> Parts<'a> {
    pub(super) fn of(gathered: &'a Gathered, retained: &'a Path) -> Self {
        Self { gathered, retained, present: Arc::default(), at: 0, taken: 0, file: 0..0 }
    }

    /// Begins the next file of the data, which has so many rows.
    pub(super) fn begin_file(&mut self, rows: u64) {
        self.file = self.at..self.at + rows.saturating_mul(self.gathered.cells as u64);
    }

    pub(super) fn gathered(&self) -> &'a Gathered {
        self.gathered
    }

    /// Those of the next so many rows; none if the file has not as many.
    pub(super) fn next(&mut self, rows: u64) -> Result<Option<Records>, AttachError> {
        let mut left = rows.saturating_mul(self.gathered.cells as u64);
        if left > self.file.end - self.at {
            return Ok(None);
        }
        let width = Gathered::width(self.gathered.score);
        let mut records = Records::default();
        while left > 0 {
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
            let count = left.min(self.taken - self.at);
            let begin = (self.at % PART) as usize * width;
            let range = begin..begin + count as usize * width;
            records.0.push((self.present.clone(), range));
            self.at += count;
            left -= count;
        }
        Ok(Some(records))
    }

    /// How many rows were read in these batches, and their records. Each batch is split, and seen
    /// by what knows the data again.
    pub(super) fn of_read<F: Fill>(
        &mut self,
        batches: &mut [F],
        rows: &Stream<F>,
        known: &mut Known,
        data: &Expected,
    ) -> Result<(u64, Records), AttachError> {
        let mut read = 0;
        for batch in batches {
            let before = self.rows() + read;
            batch.split(&data.path).map_err(|error| error.after(before))?;
            known.see(rows, batch)?;
            read += batch.rows() as u64;
        }
        Ok((read, self.next(read)?.ok_or_else(|| data.changed())?))
    }

    /// The rows of the file that were reached.
    pub(super) fn rows(&self) -> u64 {
        (self.at - self.file.start) / self.gathered.cells as u64
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.file.end
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

/// Begins to read the data and to write the attached rows: returns which columns stay, what the
/// data is known again by, and what `begin` makes of the columns.
pub(super) fn begin_rows<F: Fill, T>(
    rows: &mut Stream<F>,
    data: &Expected,
    gathered: &Gathered,
    binary_codes: bool,
    begin: impl FnOnce(&[Column<'_>], &Table) -> Result<T, TableError>,
) -> Result<(Kept, Known, T), AttachError> {
    let kept = Kept::of(&rows.table, &data.sent, gathered)?;
    let mut columns = gathered.own_columns(&kept, binary_codes);
    columns.extend(kept.columns.iter().map(|column| Column::kept(&rows.table, *column)));
    let begun = begin(&columns, &rows.table)?;
    rows.keep_quotes();
    let known = Known::begin(rows, &data.sent)?;
    Ok((kept, known, begun))
}

/// Writes the attached rows to what `begin` begins, once it is given the columns. Returns how many
/// rows of a renewal have each quality.
pub(super) fn write<F, E, S>(
    mut rows: Stream<F>,
    data: &Expected,
    parts: &mut Parts<'_>,
    binary_codes: bool,
    effort: &Effort,
    begin: impl FnOnce(&[Column<'_>], &Table) -> Result<(E, S), TableError>,
) -> Result<BTreeMap<String, u64>, AttachError>
where
    F: Form,
    E: Encoding<Form = F>,
    S: Sink<Piece = E::Piece>,
{
    let gathered = parts.gathered;
    let begun = begin_rows(&mut rows, data, gathered, binary_codes, begin)?;
    let (kept, mut known, (encoding, mut sink)) = begun;
    let (runs, counted) = (kept.runs(), kept.counted);
    let cells = gathered.cells;
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
            let more = rows.fill_all(&mut block.batches, &mut block.filled, BATCH.max(E::GROUP));
            let more = more.map_err(|error| error.after(parts.rows()))?;
            let batches = &mut block.batches[..block.filled];
            (block.rows, block.records) = parts.of_read(batches, &rows, &mut known, data)?;
            Ok(more)
        },
        work: |block: &mut Block<F, E::Piece>| {
            block.counts.clear();
            encoding.begin(&mut block.piece)?;
            let mut records = block.records.iter(width);
            for batch in &block.batches[..block.filled] {
                let records: Vec<&[u8]> = records.by_ref().take(cells * batch.rows()).collect();
                gathered.add(&records, batch.keep(&runs), &encoding, &mut block.piece)?;
                for column in &counted {
                    count_cells(batch, *column, &mut block.counts);
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

pub(super) fn count_cells<B: Batch>(batch: &B, column: usize, counts: &mut BTreeMap<String, u64>) {
    let cells = batch.cells(column);
    let words: Vec<_> = cells.iter(batch.rows()).map(|cell| word(cell).ok()).collect();
    count_words(counts, &words);
}

/// The records of a row group that are held all at once.
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
        let some: Vec<&[u8]> =
            records.by_ref().take(gathered.cells * BATCH.div_ceil(gathered.cells)).collect();
        if some.is_empty() {
            return Ok(());
        }
        gathered.add(&some, Vec::new(), encoding, piece)?;
    }
}

/// Writes the codes before the columns of a Parquet file, whose bytes are copied. Returns how many
/// rows of a renewal have each quality.
pub(super) fn copy(
    data: &Expected,
    kept: &Kept,
    parts: &mut Parts<'_>,
    effort: &Effort,
    (encoding, mut sink): (Parquet, CopySink<'_>),
) -> Result<BTreeMap<String, u64>, AttachError> {
    let gathered = parts.gathered;
    let mut groups = sink.groups().into_iter();
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
            group.is_large = rows.saturating_mul(gathered.cells as u64) > LARGE;
            if group.is_large {
                // Its records are not all held at once.
                encoding.begin(&mut group.piece)?;
                let mut left = rows;
                while left > 0 {
                    let count = left.min(PART.div_ceil(gathered.cells as u64));
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
    if !kept.counted.is_empty() {
        let mut rows = match Source::open(&data.path, Delimiter::Given(b','))? {
            Source::Columns(rows) => rows,
            Source::Lines(_) => return Err(data.changed()),
        };
        rows.choose(&kept.counted, 0)?;
        while let Some(batch) = rows.next_batch()? {
            kept.counted.iter().for_each(|column| count_cells(&batch, *column, &mut counts));
        }
    }
    Ok(counts)
}
