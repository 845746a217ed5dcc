//! One pass over the retained file and the result: for each row of the data its code.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use cstatns_base::code::{Code, Generation, Tag};
use cstatns_base::look_up::Score;
use cstatns_base::meta::FileMeta;
use cstatns_record::report::ReportBody;
use cstatns_rows::by_row::ByRow;
use cstatns_rows::columns::{Codes, NumberCells, ScoreCells, count_words, fault, word};
use cstatns_rows::effort::Effort;
use cstatns_rows::error::{RowFault, TableError};
use cstatns_rows::pipeline::{Steps, locked};
use cstatns_rows::table::{BATCH, Batch, Rows};

use super::AttachError;
use super::layout::Layout;
use super::sources::{Part, ReadRows, Results, Sorted};

/// What is known of each row of the data, in their order once it is taken.
pub(super) struct Gathered {
    /// By cell: of each row of the data so many, one after the other.
    pub(super) by_row: ByRow,
    pub(super) cells: usize,
    pub(super) threads: NonZeroUsize,
    /// The words of quality, by their numbers in records.
    pub(super) words: Vec<String>,
    pub(super) whose: (Tag, Generation),
    pub(super) meta: FileMeta,
    /// Whether there are qualities and scores.
    pub(super) quality: bool,
    pub(super) score: bool,
    pub(super) counts: BTreeMap<String, u64>,
    /// The same as the result said them, before `none` became what `status` says.
    pub(super) stated: BTreeMap<String, u64>,
    pub(super) result: PathBuf,
    pub(super) report: ReportBody,
}

/// A record: whether there is a code and a score (never 0), the number of the word, the code, and
/// after a look-up the score.
const HEAD: usize = 2;
const CODE: usize = 32;
const SCORE: usize = 8;
const ROW: u8 = 1;
const CODED: u8 = 2;
const SCORED: u8 = 4;

/// What a record says.
pub(super) struct Record {
    pub(super) code: Option<Code>,
    pub(super) word: usize,
    pub(super) score: Option<Score>,
}

impl Gathered {
    pub(super) fn width(score: bool) -> usize {
        HEAD + CODE + if score { SCORE } else { 0 }
    }

    /// Reads a record.
    pub(super) fn read(&self, record: &[u8]) -> Record {
        let (code, score) = record[HEAD..].split_first_chunk::<CODE>().expect("as it was made");
        let (tag, generation) = self.whose;
        let code = (record[0] & CODED != 0).then(|| Code::from_bytes(*code, tag, generation));
        let score = (record[0] & SCORED != 0)
            .then(|| f64::from_le_bytes(score.try_into().expect("as it was made")));
        Record { code, word: record[1].into(), score: score.and_then(Score::exactly) }
    }
}

/// Adds a record of a row.
fn push(records: &mut Vec<u8>, code: Option<Code>, word: u8, score: Option<Option<Score>>) {
    let scored = score.flatten();
    let flags =
        ROW | if code.is_some() { CODED } else { 0 } | if scored.is_some() { SCORED } else { 0 };
    records.extend([flags, word]);
    match &code {
        Some(code) => records.extend_from_slice(code.bytes()),
        None => records.extend([0; CODE]),
    }
    if score.is_some() {
        records.extend(scored.map_or(0.0, f64::from).to_le_bytes());
    }
}

/// Both files, row beside row.
struct Pairing<'a> {
    retained: Sorted,
    results: Sorted,
    codes: &'a Codes,
    /// The rows of the result that were read.
    read: ReadRows,
    /// The rows of the result that are reached, from `at` on.
    ahead: Arc<Part>,
    at: usize,
    /// Parts that nobody reads any more, to be filled again.
    spare: Vec<Part>,
    missing: u64,
    extra: u64,
}

/// Rows of the retained file, each with its row of the result.
struct Pairs {
    retained: Part,
    results: Vec<Arc<Part>>,
    /// For each retained row one of `results`, and the row in it.
    found: Vec<(usize, usize)>,
}

impl Pairing<'_> {
    /// Fills `pairs` with the next rows; false at the end of the retained file. From the first row
    /// without its other half on rows are counted, no longer given out.
    fn fill(&mut self, pairs: &mut Pairs) -> Result<bool, TableError> {
        while self.retained.fill(&mut pairs.retained)? {
            self.spare.extend(pairs.results.drain(..).filter_map(Arc::into_inner));
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
            let mut part = self.spare.pop().unwrap_or_else(Part::empty);
            if !self.results.fill(&mut part)? {
                return Ok(false);
            }
            part.check_width(self.results.stream.table.path())?;
            self.read.add(self.codes, &part);
            let former = std::mem::replace(&mut self.ahead, Arc::new(part));
            self.spare.extend(Arc::into_inner(former));
            self.at = 0;
        }
        Ok(true)
    }
}

/// A block of rows.
struct Block {
    pairs: Vec<Pairs>,
    filled: usize,
    rows: Vec<u64>,
    records: Vec<u8>,
    counts: BTreeMap<String, u64>,
    stated: BTreeMap<String, u64>,
}

/// The numbers of words, which threads give in turn.
#[derive(Default)]
struct Words(Mutex<Vec<String>>);

impl Words {
    /// The number of a word, if there are not too many; `known` are those that this thread has
    /// seen.
    fn number(&self, word: &str, known: &mut Vec<String>) -> Result<u8, RowFault> {
        let find = |words: &[String]| words.iter().position(|other| other == word);
        if find(known).is_none() {
            let mut all = locked(&self.0);
            if find(&all).is_none() {
                all.push(word.to_owned());
            }
            known.clone_from(&all);
        }
        find(known).and_then(|at| u8::try_from(at).ok()).ok_or(RowFault::Word)
    }
}

/// Puts the codes of the result into the order of the data's rows, with all cells of each.
/// What does not fit in memory is put aside beside the file `beside`.
pub(super) fn gather(
    retained: Rows,
    results: Results,
    layout: &Layout,
    beside: &Path,
    effort: &Effort,
) -> Result<Gathered, AttachError> {
    let Results { rows: results, codes, meta, report, read, quality, score } = results;
    let path = retained.table.path().to_owned();
    let result = results.stream.table.path().to_owned();
    let cells = layout.cells;
    let (by_row, threads) = ByRow::new(layout.count(), Gathered::width(score), beside, effort);
    effort.progress.expect(2 * report.rows_out);
    let retained = Sorted::of(retained)?;
    let mut pairing = Pairing {
        retained,
        results,
        codes: &codes,
        read,
        ahead: Arc::new(Part::empty()),
        at: 0,
        spare: Vec::new(),
        missing: 0,
        extra: 0,
    };
    let words = Words::default();
    let (mut counts, mut stated, mut rows) = (BTreeMap::new(), BTreeMap::new(), 0_u64);
    let steps = Steps {
        new: || Block {
            pairs: Vec::new(),
            filled: 0,
            rows: Vec::new(),
            records: Vec::new(),
            counts: BTreeMap::new(),
            stated: BTreeMap::new(),
        },
        read: |block: &mut Block| {
            block.filled = 0;
            let mut rows = 0;
            while rows < 4 * BATCH {
                if block.pairs.len() == block.filled {
                    let (retained, results) = (Part::empty(), Vec::new());
                    block.pairs.push(Pairs { retained, results, found: Vec::new() });
                }
                let pairs = &mut block.pairs[block.filled];
                if !pairing.fill(pairs)? {
                    break;
                }
                rows += pairs.found.len();
                block.filled += 1;
            }
            Ok(block.filled > 0)
        },
        work: |block: &mut Block| {
            block.counts.clear();
            block.stated.clear();
            block.rows.clear();
            block.records.clear();
            let mut known = Vec::new();
            for pairs in &block.pairs[..block.filled] {
                let Pairs { retained, results, found } = pairs;
                let mut attached = Vec::with_capacity(found.len());
                let mut said_words = Vec::with_capacity(found.len());
                let numbers = NumberCells::of(&retained.batch, 1);
                let columns = (cells > 1).then(|| NumberCells::of(&retained.batch, 2));
                let next = 2 + usize::from(cells > 1);
                let files = layout.is_of_files.then(|| NumberCells::of(&retained.batch, next));
                let statuses = retained.batch.cells(next + usize::from(layout.is_of_files));
                let of_results = |column| {
                    results.iter().map(move |part| part.batch.cells(column)).collect::<Vec<_>>()
                };
                let code_cells = of_results(1);
                let quality_cells = if quality { of_results(2) } else { Vec::new() };
                let score_cells: Vec<_> = match score {
                    true => results.iter().map(|part| ScoreCells::of(&part.batch, 3)).collect(),
                    false => Vec::new(),
                };
                for (row, &(part, at)) in found.iter().enumerate() {
                    let here = |found| fault(&path, row, found).after(retained.before);
                    let there = |found| fault(&result, at, found).after(results[part].before);
                    let of = |cells: &Option<NumberCells<'_>>| {
                        cells.as_ref().map_or(Some(1), |cells| cells.get(row))
                    };
                    let place = numbers.get(row).zip(of(&columns)).zip(of(&files));
                    let place =
                        place.and_then(|((row, column), file)| layout.place(file, row, column));
                    let Some(place) = place else {
                        return Err(AttachError::RetainedRows { path: path.clone() });
                    };
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
                    let shown = said.map(|said| if empty { status } else { said });
                    let word = match shown {
                        Some(shown) => words.number(shown, &mut known).map_err(there)?,
                        None => 0,
                    };
                    let score = match score {
                        true => Some(score_cells[part].get(at).map_err(there)?),
                        false => None,
                    };
                    push(&mut block.records, code, word, score);
                    block.rows.push(place);
                    said_words.push(said);
                    attached.push(shown);
                }
                if quality {
                    count_words(&mut block.stated, &said_words);
                    count_words(&mut block.counts, &attached);
                }
            }
            Ok(by_row.add(&block.rows, &block.records)?)
        },
        check: |block: &mut Block| {
            rows += block.rows.len() as u64;
            add_counts(&mut counts, &block.counts);
            add_counts(&mut stated, &block.stated);
            Ok(())
        },
        write: |block: &mut Block| {
            let rows = block.rows.len() as u64;
            Ok(effort.progress.advance(0, rows)?)
        },
    };
    let outcome: Result<(), AttachError> = steps.run(threads);
    outcome?;
    let Pairing { missing, extra, read, .. } = pairing;
    if missing + extra > 0 {
        return Err(AttachError::Unmatched { missing, extra });
    }
    if read.finish() != report.result.commitment {
        return Err(AttachError::ResultChanged { path: result });
    }
    if rows == 0 {
        return Err(TableError::NoRows { path }.into());
    }
    let whose = (meta.tag(), meta.generation);
    let words = words.0.into_inner().unwrap_or_default();
    Ok(Gathered {
        by_row,
        cells,
        threads,
        words,
        whose,
        meta,
        quality,
        score,
        counts,
        stated,
        result,
        report,
    })
}

pub(super) fn add_counts(sums: &mut BTreeMap<String, u64>, counts: &BTreeMap<String, u64>) {
    for (word, count) in counts {
        *sums.entry(word.clone()).or_default() += count;
    }
}
