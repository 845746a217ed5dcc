//! One pass over both files: rows of one index, side by side.

use std::collections::BTreeMap;
use std::sync::Arc;

use cstatns_base::code::Code;
use cstatns_base::meta::FileMeta;
use cstatns_rows::columns::{Codes, ScoreCells, count_words, fault, word};
use cstatns_rows::effort::Effort;
use cstatns_rows::error::{RowFault, TableError};
use cstatns_rows::pipeline::Steps;
use cstatns_rows::sink::{Column, Encoding, Sink, Values};
use cstatns_rows::table::{Batch, Form, Kind, MOST_BYTES, Stream, Table};

use super::AttachError;
use super::sources::{Part, ReadRows, Results, Retained, Sorted};

/// Both files, row beside row.
struct Pairing<'a, F> {
    retained: Sorted<F>,
    results: Sorted<Box<dyn Batch>>,
    codes: &'a Codes,
    /// The rows of the result that were read.
    read: ReadRows,
    /// The rows of the result that are reached, from `at` on.
    ahead: Arc<Part<Box<dyn Batch>>>,
    at: usize,
    missing: u64,
    extra: u64,
}

/// Rows of the retained file, each with its row of the result.
struct Pairs<F> {
    retained: Part<F>,
    results: Vec<Arc<Part<Box<dyn Batch>>>>,
    /// For each retained row one of `results`, and the row in it.
    found: Vec<(usize, usize)>,
}

impl<F: Form> Pairing<'_, F> {
    /// Fills `pairs` with the next rows; false at the end of the retained file. From the first row
    /// without its other half on rows are counted, no longer given out.
    fn fill(&mut self, pairs: &mut Pairs<F>) -> Result<bool, TableError> {
        while self.retained.fill(&mut pairs.retained)? {
            pairs.results.clear();
            pairs.found.clear();
            for index in &pairs.retained.index {
                while self.reach()? && self.ahead.index[self.at] < *index {
                    self.at += 1;
                    self.extra += 1;
                }
                if self.ahead.index.get(self.at) != Some(index) {
                    self.missing += 1;
                    continue;
                }
                if !pairs.results.last().is_some_and(|part| Arc::ptr_eq(part, &self.ahead)) {
                    pairs.results.push(self.ahead.clone());
                }
                pairs.found.push((pairs.results.len() - 1, self.at));
                self.at += 1;
            }
            if self.missing + self.extra == 0 {
                return Ok(true);
            }
        }
        while self.reach()? {
            self.extra += (self.ahead.index.len() - self.at) as u64;
            self.at = self.ahead.index.len();
        }
        Ok(false)
    }

    /// Whether there is a row at `at`, perhaps of the next batch.
    fn reach(&mut self) -> Result<bool, TableError> {
        while self.at == self.ahead.index.len() {
            // Blocks that are still worked on hold the former one.
            let mut part = Part::empty();
            if !self.results.fill(&mut part)? {
                return Ok(false);
            }
            part.check_width(self.results.stream.table.path())?;
            self.read.add(self.codes, &part);
            (self.ahead, self.at) = (Arc::new(part), 0);
        }
        Ok(true)
    }
}

/// What was written.
pub(super) struct Merged {
    pub(super) rows: u64,
    /// Counts by quality, as attached.
    pub(super) quality: BTreeMap<String, u64>,
    /// The same as the result said them, before `none` became what `status` says.
    pub(super) stated: BTreeMap<String, u64>,
}

/// A block of rows on its way to the attached file.
struct Block<F, P> {
    pairs: Vec<Pairs<F>>,
    filled: usize,
    codes: Vec<Option<Code>>,
    rows: u64,
    quality: BTreeMap<String, u64>,
    stated: BTreeMap<String, u64>,
    piece: P,
}

/// Writes the attached rows to what `begin` begins, once it is given the columns and what the
/// metadata says.
pub(super) fn merge<F, E, S>(
    retained: Stream<F>,
    Retained { quality: own, others }: Retained,
    results: Results,
    binary_codes: bool,
    effort: &Effort,
    begin: impl FnOnce(&[Column<'_>], &Table, &FileMeta) -> Result<(E, S), TableError>,
) -> Result<Merged, AttachError>
where
    F: Form,
    E: Encoding<Form = F>,
    S: Sink<Piece = E::Piece>,
{
    let retained = Sorted::of(retained)?;
    let Results { rows: results, codes, meta, report, read, quality, score } = results;
    let renewal = !quality;
    let table = &retained.stream.table;
    let (path, result) = (table.path().to_owned(), results.stream.table.path().to_owned());
    if let (false, [taken, ..]) = (renewal, &own[..]) {
        // A first coding: `prepare` refuses data with such a column.
        let column = if table.header()[*taken] == b"score" { "score" } else { "quality" };
        return Err(TableError::ColumnTwice { path, column: column.into() }.into());
    }
    let mut columns = vec![Column::code(binary_codes)];
    columns.extend(quality.then(|| Column::word("quality")));
    columns.extend(score.then(Column::score));
    // The quality that the data of a renewal already has.
    let counted = own.first().copied().filter(|column| {
        table.header()[*column] == b"quality" && table.kind(*column) == Kind::Text
    });
    let kept: Vec<usize> = own.into_iter().chain(others).collect();
    columns.extend(kept.iter().map(|column| Column::kept(table, *column)));
    let kept: Vec<_> =
        kept.chunk_by(|one, next| one + 1 == *next).map(|run| run[0]..run[0] + run.len()).collect();
    let (encoding, mut sink) = begin(&columns, table, &meta)?;
    drop(columns);
    effort.progress.expect(report.rows_out);

    let mut pairing = Pairing {
        retained,
        results,
        codes: &codes,
        read,
        ahead: Arc::new(Part::empty()),
        at: 0,
        missing: 0,
        extra: 0,
    };
    let mut merged = Merged { rows: 0, quality: BTreeMap::new(), stated: BTreeMap::new() };
    let steps = Steps {
        new: || Block {
            pairs: Vec::new(),
            filled: 0,
            codes: Vec::new(),
            rows: 0,
            quality: BTreeMap::new(),
            stated: BTreeMap::new(),
            piece: encoding.piece(),
        },
        read: |block: &mut Block<F, E::Piece>| {
            (block.filled, block.rows) = (0, 0);
            let mut bytes = 0;
            while block.rows < E::GROUP as u64 && bytes < MOST_BYTES {
                if block.pairs.len() == block.filled {
                    block.pairs.push(Pairs {
                        retained: Part::empty(),
                        results: Vec::new(),
                        found: Vec::new(),
                    });
                }
                let pairs = &mut block.pairs[block.filled];
                if !pairing.fill(pairs)? {
                    break;
                }
                block.rows += pairs.found.len() as u64;
                bytes += pairs.retained.batch.bytes();
                block.filled += 1;
            }
            Ok(block.filled > 0)
        },
        work: |block: &mut Block<F, E::Piece>| {
            block.quality.clear();
            block.stated.clear();
            encoding.begin(&mut block.piece)?;
            for pairs in &block.pairs[..block.filled] {
                let Pairs { retained, results, found } = pairs;
                let mut words = Vec::with_capacity(found.len());
                let (mut said_words, mut scores) = (Vec::with_capacity(found.len()), Vec::new());
                block.codes.clear();
                let statuses = retained.batch.cells(1);
                let cells = |column| {
                    results.iter().map(move |part| part.batch.cells(column)).collect::<Vec<_>>()
                };
                let code_cells = cells(1);
                let quality_cells = if quality { cells(2) } else { Vec::new() };
                let score_cells: Vec<_> = match score {
                    true => results.iter().map(|part| ScoreCells::of(&part.batch, 3)).collect(),
                    false => Vec::new(),
                };
                for (row, &(part, at)) in found.iter().enumerate() {
                    let here = |found| fault(&path, row, found).after(retained.before);
                    let there = |found| fault(&result, at, found).after(results[part].before);
                    let status = word(statuses.get(row)).map_err(here)?;
                    let code = code_cells[part]
                        .get(at)
                        .map(|cell| codes.code(cell))
                        .transpose()
                        .map_err(there)?;
                    let said = match quality {
                        true => Some(word(quality_cells[part].get(at)).map_err(there)?),
                        false => None,
                    };
                    let empty = said.map_or(code.is_none(), |said| said == "none");
                    if empty != (status != "ok") || (empty && code.is_some()) {
                        return Err(here(RowFault::Disagree).into());
                    }
                    block.codes.push(code);
                    said_words.push(said);
                    words.push(said.map(|said| if empty { status } else { said }));
                    if score {
                        scores.push(score_cells[part].get(at).map_err(there)?);
                    }
                }
                if quality {
                    count_words(&mut block.stated, &said_words);
                    count_words(&mut block.quality, &words);
                } else if let Some(column) = counted {
                    let cells = retained.batch.cells(column);
                    let words: Vec<_> =
                        cells.iter(found.len()).map(|cell| word(cell).ok()).collect();
                    count_words(&mut block.quality, &words);
                }
                let mut values = vec![Values::Codes(&block.codes)];
                values.extend(quality.then_some(Values::Words(&words)));
                values.extend(score.then_some(Values::Scores(&scores)));
                encoding.add(found.len(), &values, retained.batch.keep(&kept), &mut block.piece)?;
            }
            Ok(encoding.end(&mut block.piece)?)
        },
        check: |block: &mut Block<F, E::Piece>| {
            merged.rows += block.rows;
            add_counts(&mut merged.quality, &block.quality);
            add_counts(&mut merged.stated, &block.stated);
            Ok(())
        },
        write: |block: &mut Block<F, E::Piece>| {
            sink.write(&mut block.piece)?;
            Ok(effort.progress.advance(block.rows, block.rows)?)
        },
    };
    let outcome: Result<(), AttachError> = steps.run(E::threads(effort.threads));
    outcome?;
    let Pairing { missing, extra, read, .. } = pairing;
    if missing + extra > 0 {
        return Err(AttachError::Unmatched { missing, extra });
    }
    if read.finish() != report.result.commitment {
        return Err(AttachError::ResultChanged { path: result });
    }
    sink.finish()?;
    if merged.rows == 0 {
        return Err(TableError::NoRows { path }.into());
    }
    Ok(merged)
}

fn add_counts(sums: &mut BTreeMap<String, u64>, counts: &BTreeMap<String, u64>) {
    for (word, count) in counts {
        *sums.entry(word.clone()).or_default() += count;
    }
}
